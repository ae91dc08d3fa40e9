//! What every rendition must be, whatever it was made of.

use crate::support::Converted;
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use upright_fixtures::inspect::{self, Probe, Stream};
use upright_fixtures::{Ratio, mp4};

/// A source as `ffprobe` sees it.
pub(crate) struct Source {
    pub(crate) probe: Probe,
    /// Presentation times of its frames in ticks.
    pub(crate) pts: Vec<i64>,
}

impl Source {
    pub(crate) fn look(path: &Path) -> Self {
        let frames = inspect::frames(path, "v:0").unwrap();
        let pts = frames.iter().map(|frame| frame.pts.expect("every frame has its time"));
        Self { probe: inspect::probe(path).unwrap(), pts: pts.collect() }
    }

    pub(crate) fn video(&self) -> &Stream {
        self.probe.video().expect("a video stream")
    }
}

/// Checks all renditions of a conversion: that they are what the report says, whole, AV1 in MP4 as players want it, and
/// that they have the source's frames at the source's times.
pub(crate) fn check(converted: &Converted, source: &Source) {
    let mut key_frames = Vec::new();
    for (path, reported) in converted.renditions().iter().zip(converted.report["renditions"].as_array().unwrap()) {
        let probe = inspect::probe(path).unwrap();
        let video = probe.video().expect("a video stream");
        check_stream(video, reported, path);
        check_boxes(path);
        inspect::check_decodes(path).unwrap();

        let frames = inspect::frames(path, "v:0").unwrap();
        let pts: Vec<_> = frames.iter().map(|frame| frame.pts.unwrap()).collect();
        check_times(source, video.time_base, &pts);
        assert_eq!(reported["frames"], frames.len());
        assert_eq!(video.nb_frames, Some(frames.len() as u64));
        let keys = frames.iter().zip(&pts).filter(|(frame, _)| frame.key_frame == 1);
        key_frames.push((video.time_base, keys.map(|(_, &pts)| pts).collect::<Vec<_>>()));
    }
    assert!(key_frames.windows(2).all(|pair| pair[0] == pair[1]), "key frames at the same instants");
}

fn check_stream(video: &Stream, reported: &Value, path: &Path) {
    assert_eq!((video.codec_name.as_deref(), video.codec_tag_string.as_deref()), (Some("av1"), Some("av01")));
    let size = (video.width.unwrap(), video.height.unwrap());
    assert_eq!(path.file_name().unwrap().to_str().unwrap(), format!("{}x{}.mp4", size.0, size.1));
    assert_eq!((&reported["size"]["width"], &reported["size"]["height"]), (&size.0.into(), &size.1.into()));
    assert_eq!(video.sample_aspect_ratio, Some(Ratio::new(1, 1)));
    assert_eq!(video.display_matrix(), None);
    let bytes = std::fs::metadata(path).unwrap().len();
    assert_eq!(reported["bytes"], bytes);
}

/// Checks that the frames have the source's times, all moved by the same amount, and none before zero.
pub(crate) fn check_times(source: &Source, base: Ratio, pts: &[i64]) {
    if let Some(difference) = time_difference(source, base, pts) {
        panic!("{difference}");
    }
}

/// The first thing that is wrong with the times of a rendition's frames.
fn time_difference(source: &Source, base: Ratio, pts: &[i64]) -> Option<String> {
    if source.pts.len() != pts.len() {
        return Some(format!("{} frames became {}", source.pts.len(), pts.len()));
    }
    let source_base = source.video().time_base;
    // In ticks that divide those of both.
    let fine = |ticks: i64, own: Ratio, other: Ratio| i128::from(ticks) * i128::from(own.num) * i128::from(other.den);
    let moved: Vec<_> = source
        .pts
        .iter()
        .zip(pts)
        .map(|(&from, &to)| fine(from, source_base, base) - fine(to, base, source_base))
        .collect();
    if let Some(frame) = moved.iter().position(|by| *by != moved[0]) {
        return Some(format!(
            "frame {frame} is out of step: {} {source_base} became {} {base}",
            source.pts[frame], pts[frame]
        ));
    }
    pts.first().filter(|&&first| first < 0).map(|first| format!("the first frame is at {first}"))
}

#[test]
fn a_time_that_differs_by_a_tick_is_found() {
    let desk = crate::support::Desk::new();
    let source = Source::look(&desk.named("variable-rate-mp4").path);
    let base = source.video().time_base;
    let finer = Ratio::new(base.num, 3 * base.den);
    let moved: Vec<_> = source.pts.iter().map(|pts| 3 * pts + 60).collect();
    assert_eq!(time_difference(&source, finer, &moved), None);
    let changed = |change: fn(&mut Vec<i64>)| {
        let mut pts = moved.clone();
        change(&mut pts);
        time_difference(&source, finer, &pts)
    };
    assert!(changed(|pts| pts[7] += 1).unwrap().starts_with("frame 7 is out of step"));
    assert!(changed(|pts| pts.truncate(5)).unwrap().contains("frames became"));
    assert!(changed(|pts| pts.iter_mut().for_each(|pts| *pts -= 61)).unwrap().contains("is at -1"));
}

/// Checks the boxes of the MP4: the index in front, `av1C` as the sequence header has it, colour and shape said.
fn check_boxes(path: &Path) {
    let file = std::fs::read(path).unwrap();
    let place = |name| mp4::find(&file, name).first().unwrap_or_else(|| panic!("{name}")).start;
    assert!(place("moov") < place("mdat"), "the index is in front");
    let entry = "moov/trak/mdia/minf/stbl/stsd/av01";
    let inside = |name: &str| mp4::find(&file, &format!("{entry}/{name}"));
    assert_eq!((inside("colr").len(), inside("pasp").len(), inside("av1C").len()), (1, 1, 1));
    let configuration = &file[inside("av1C")[0].clone()];
    let header = SequenceHeader::read(path);
    assert_eq!(configuration[0], 0x81, "marker and version");
    assert_eq!((configuration[1] >> 5, configuration[1] & 31), (header.profile, header.level), "profile and level");
    assert_eq!(configuration[2] >> 7, header.tier);
    assert_eq!(configuration[2] >> 6 & 1, header.high_bitdepth);
}

/// Of the stream's first sequence header, as libavcodec's reader of AV1 prints it.
struct SequenceHeader {
    profile: u8,
    level: u8,
    tier: u8,
    high_bitdepth: u8,
}

impl SequenceHeader {
    fn read(path: &Path) -> Self {
        let mut command = Command::new("ffmpeg");
        command.args(["-hide_banner", "-loglevel", "verbose", "-i"]).arg(path).args(["-map", "0:v", "-c", "copy"]);
        // The headers of the first packet; those before it are of `av1C` itself.
        command.args(["-frames:v", "1", "-bsf:v", "trace_headers", "-f", "null", "-"]);
        let output = command.output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        let (_, packet) = log.split_once("Packet: ").expect("a packet in the trace");
        let field = |name: &str| -> Option<u8> {
            let line = packet.lines().find(|line| line.contains(name))?;
            line.rsplit('=').next()?.trim().parse().ok()
        };
        Self {
            profile: field(" seq_profile ").unwrap(),
            level: field(" seq_level_idx[0] ").unwrap(),
            tier: field(" seq_tier[0] ").unwrap_or(0),
            high_bitdepth: field(" high_bitdepth ").unwrap(),
        }
    }
}
