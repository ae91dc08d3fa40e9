//! Is a conversion what its source and options ask for? Asked of `ffprobe` and `ffmpeg`.

use crate::PICTURES;
use std::path::Path;
use upright_engine::colour::ChromaSite;
use upright_engine::geometry::Rational;
use upright_engine::pipeline::Report;
use upright_fixtures::inspect::{self, FrameInfo};
use upright_fixtures::{ChromaLocation, Clip, Model, PixelFormat, Ratio, Scene, View};

/// Frames a second of the slowest clip: sound and picture are to be in step within one frame.
const FRAME: f64 = 1.0 / 24.0;

/// Everything in which the renditions of a report differ from what they should be, one sentence each.
pub(crate) fn differences(source: &Path, directory: &Path, report: &Report) -> Vec<String> {
    let mut found = Vec::new();
    let source_times = times(source);
    let mut key_times = None;
    for rung in &report.plan.follows.rungs {
        let name = format!("{}.mp4", rung.size);
        let path = directory.join(&name);
        let mut differ = |what: &str, detail: String| found.push(format!("{name}: {what}: {detail}"));
        let probe = inspect::probe(&path).unwrap();
        let video = probe.video().unwrap();
        let frames = inspect::frames(&path, "v:0").unwrap();

        if (video.width, video.height) != (Some(rung.size.width), Some(rung.size.height)) {
            differ("size", format!("{:?}x{:?}", video.width, video.height));
        }
        if video.codec_name.as_deref() != Some("av1") {
            differ("codec", format!("{:?}", video.codec_name));
        }
        if video.sample_aspect_ratio.is_some_and(|aspect| aspect.num != aspect.den) {
            differ("sample aspect", format!("{:?}", video.sample_aspect_ratio));
        }
        if video.pix_fmt.as_deref() != Some(pixel_format(report).name) {
            differ("pixel format", format!("{:?}", video.pix_fmt));
        }
        let here = times(&path);
        if here != source_times {
            differ("times", format!("{here:?} instead of {source_times:?}"));
        }
        let keys: Vec<_> =
            frames.iter().zip(&here).filter(|(frame, _)| frame.key_frame == 1).map(|(_, &time)| time).collect();
        if keys.len() as u64 != report.key_frames {
            differ("key frames", format!("{} instead of {}", keys.len(), report.key_frames));
        }
        if *key_times.get_or_insert_with(|| keys.clone()) != keys {
            differ("key frames", format!("{keys:?}, elsewhere {key_times:?}"));
        }
        if let Err(error) = inspect::check_decodes(&path) {
            differ("decoding", error.to_string());
        }
        let tracks = report.plan.wanted.audio.len();
        if probe.audio().len() != tracks {
            differ("audio tracks", probe.audio().len().to_string());
        }
        if probe.format.tags.get("title") != report.source.title.as_ref() {
            differ("title", format!("{:?}", probe.format.tags.get("title")));
        }
        if probe.chapters.len() != report.source.chapters.len() {
            differ("chapters", probe.chapters.len().to_string());
        }
    }
    found
}

/// As [`differences`], and in which they differ from the drawing and the sound of their clip.
pub(crate) fn differences_from_clip(clip: &Clip, source: &Path, directory: &Path, report: &Report) -> Vec<String> {
    let mut found = differences(source, directory, report);
    for rung in &report.plan.follows.rungs {
        let name = format!("{}.mp4", rung.size);
        let path = directory.join(&name);
        if !clip.flashes.is_empty() && !report.plan.wanted.audio.is_empty() {
            let late = inspect::sync(&path, 0).unwrap();
            if late.iter().any(|late| late.abs() > FRAME) {
                found.push(format!("{name}: the sound is late by {late:?} s"));
            }
        }
        // Views of a clip are of its own colour model; a zone plate has more than small rungs can show.
        if clip.format.model == Model::Rgb || clip.scene == Scene::ZonePlate || clip.size.0 < 64 {
            continue;
        }
        let window = report.plan.wanted.shots[0].track[0].window;
        let format = pixel_format(report);
        let view = View {
            window: [window.x, window.y, window.width, window.height],
            size: (rung.size.width, rung.size.height),
            format,
            chroma: chroma(report),
        };
        let expected = clip.seen(clip.skipped, &view);
        let pictures = inspect::decode(&path, format).unwrap();
        let psnr = inspect::psnr(&expected.planes[0], &pictures[0].planes[0], format.bits, 2);
        if psnr < 20.0 {
            let kept = format!("converts-{}-{}", clip.name, rung.size);
            let look = inspect::write_mismatch(PICTURES, &kept, &expected, &pictures[0], format.bits).unwrap();
            found.push(format!("{name}: the first frame is {psnr:.1} dB from what was drawn; {look}"));
        }
    }
    found
}

fn pixel_format(report: &Report) -> PixelFormat {
    match report.plan.wanted.depth.bits() {
        8 => PixelFormat::YUV420P,
        _ => PixelFormat::YUV420P10,
    }
}

fn chroma(report: &Report) -> ChromaLocation {
    match report.plan.follows.colour.chroma {
        ChromaSite::TOP_LEFT => ChromaLocation::TopLeft,
        _ => ChromaLocation::Left,
    }
}

/// Times of a file's frames after its first, as fractions of a second in lowest terms.
fn times(path: &Path) -> Vec<(i64, i64)> {
    let probe = inspect::probe(path).unwrap();
    let ticks = probe.video().unwrap().time_base;
    let frames = inspect::frames(path, "v:0").unwrap();
    let first = pts(&frames[0]);
    frames.iter().map(|frame| lowest(pts(frame) - first, ticks)).collect()
}

fn pts(frame: &FrameInfo) -> i64 {
    frame.pts.unwrap()
}

fn lowest(time: i64, ticks: Ratio) -> (i64, i64) {
    let time = Rational::new(time * ticks.num, ticks.den);
    (time.num, time.den)
}
