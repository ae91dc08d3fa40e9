//! What comes out of the clips of the catalogue, against what was put in.

use crate::reading::{Seen, fixture, read, samples, whole};
use tempfile::TempDir;
use upright_engine::colour::{ChromaSite, Colour};
use upright_engine::frame::Frame;
use upright_engine::geometry::{Orientation, Rational, Size};
use upright_engine::source::{AudioChoice, OpenOptions};
use upright_fixtures::catalogue::{self, Recipe};
use upright_fixtures::{
    AudioCodec, ChromaLocation, Clip, ColourTags, Fixture, HdrTruth, Model, Picture, Ratio, inspect,
};

/// The clips whose names begin like this, written into `directory` and read.
fn clips(directory: &TempDir, prefixes: &[&str]) -> Vec<(Clip, Fixture, Seen)> {
    let clips: Vec<_> = catalogue::all()
        .into_iter()
        .filter_map(|recipe| match recipe {
            Recipe::Clip(clip) if prefixes.iter().any(|prefix| clip.name.starts_with(prefix)) => Some(*clip),
            _ => None,
        })
        .collect();
    for prefix in prefixes {
        assert!(clips.iter().any(|clip| clip.name.starts_with(prefix)), "no clip is called {prefix}");
    }
    clips
        .into_iter()
        .map(|clip| {
            let fixture = clip.write(directory.path()).unwrap();
            let seen = read(&fixture.path, &whole()).unwrap();
            (clip, fixture, seen)
        })
        .collect()
}

/// The first difference between a frame and a picture as it is seen; none when all samples are equal.
fn difference(frame: &Frame, seen: &Picture) -> Option<String> {
    let neutral = 1 << (frame.format().depth.bits() - 1);
    (0..3).find_map(|index| {
        let samples = samples(frame, index);
        let equal = match seen.planes.get(index) {
            Some(plane) => samples == plane.samples,
            None => samples.iter().all(|&sample| sample == neutral),
        };
        (!equal).then(|| format!("plane {index}"))
    })
}

fn check_samples(clip: &Clip, fixture: &Fixture, seen: &Seen) {
    let truth = &fixture.truth.video.as_ref().unwrap().frames;
    assert_eq!(seen.frames.len(), truth.len(), "{}", clip.name);
    for (frame, truth) in seen.frames.iter().zip(truth) {
        let upright = clip.picture(truth.number).upright(clip.orientation);
        assert_eq!(difference(frame, &upright), None, "{}, frame {}", clip.name, truth.number);
    }
}

#[test]
fn every_lossless_format_arrives_sample_by_sample() {
    let mut tried = 0;
    let directory = tempfile::tempdir().unwrap();
    for (clip, fixture, seen) in clips(&directory, &["format-"]) {
        assert_eq!(seen.info.video.pixel_format, clip.format.name);
        assert_eq!(seen.frames.len(), 3, "{}", clip.name);
        // What is converted on the way is compared beside the conversion itself.
        let kept = clip.format.model != Model::Rgb && clip.format.bits <= 12 && clip.format.subsampling.0 <= 2;
        if kept {
            check_samples(&clip, &fixture, &seen);
            tried += 1;
        }
    }
    assert!(tried >= 20, "only {tried}");
}

#[test]
fn all_orientations_are_turned_upright() {
    let directory = tempfile::tempdir().unwrap();
    for (clip, fixture, seen) in clips(&directory, &["orientation-"]) {
        check_samples(&clip, &fixture, &seen);
        let upright_fixtures::Orientation { transpose, flip_x, flip_y } = clip.orientation;
        assert_eq!(seen.info.video.orientation, Orientation { transpose, flip_x, flip_y });
        assert_eq!(seen.info.video.stored, Size { width: 320, height: 180 });
        let grid = if transpose { Size { width: 180, height: 320 } } else { Size { width: 320, height: 180 } };
        assert_eq!(seen.info.video.upright.grid, grid);
    }
}

#[test]
fn a_wrong_sample_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let clip = Clip::new("clip");
    let seen = read(clip.write(directory.path()).unwrap().path, &whole()).unwrap();
    let mut picture = clip.picture(0);
    assert_eq!(difference(&seen.frames[0], &picture), None);
    picture.planes[2].samples[7] ^= 1;
    assert_eq!(difference(&seen.frames[0], &picture), Some("plane 2".to_owned()));
}

#[test]
fn sizes_and_shapes_are_told() {
    let directory = tempfile::tempdir().unwrap();
    for (clip, fixture, seen) in clips(&directory, &["aspect-", "odd-size", "smallest", "vertical"]) {
        let video = &seen.info.video;
        assert_eq!(video.stored, Size { width: clip.size.0, height: clip.size.1 }, "{}", clip.name);
        let Ratio { num, den } = clip.sample_aspect;
        assert_eq!(video.upright.sample_aspect, Rational::new(num, den), "{}", clip.name);
        check_samples(&clip, &fixture, &seen);
    }
}

#[test]
fn a_turned_sample_is_as_high_as_it_was_wide() {
    let directory = tempfile::tempdir().unwrap();
    let clip = Clip {
        sample_aspect: Ratio::new(4, 3),
        orientation: upright_fixtures::Orientation { transpose: true, flip_x: true, flip_y: false },
        codec: upright_fixtures::Codec::H264,
        container: upright_fixtures::Container::Mp4,
        ..Clip::new("turned")
    };
    let seen = read(clip.write(directory.path()).unwrap().path, &whole()).unwrap();
    assert_eq!(seen.info.video.upright.sample_aspect, Rational::new(3, 4));
}

/// Every frame once, at the very time that the source gives it.
fn check_times(fixture: &Fixture, seen: &Seen) {
    let truth = fixture.truth.video.as_ref().unwrap();
    let name = &fixture.truth.name;
    let Rational { num, den } = seen.info.video.time_base;
    assert_eq!(num, 1, "{name}");
    let told: Vec<_> =
        truth.frames.iter().map(|frame| truth.time_base.rescale(frame.pts, Ratio::new(1, den))).collect();
    assert_eq!(seen.source_times(), told, "{name}");
    assert_eq!(seen.damage, upright_engine::source::Damage::default(), "{name}");
}

/// As [`check_times`], by what `ffprobe` sees.
fn check_probed_times(fixture: &Fixture, seen: &Seen) {
    let truth = fixture.truth.video.as_ref().unwrap();
    let (name, den) = (&fixture.truth.name, seen.info.video.time_base.den);
    let probed = inspect::frames(&fixture.path, "v:0").unwrap();
    let probed = probed.iter().map(|frame| truth.time_base.rescale(frame.pts.unwrap(), Ratio::new(1, den)));
    assert_eq!(seen.source_times(), probed.collect::<Vec<_>>(), "{name}, by ffprobe");
}

#[test]
fn every_frame_comes_at_the_time_that_the_source_gives_it() {
    let names =
        ["variable-rate-", "ntsc-", "b-frames-", "open-gop-", "fragmented", "offset-", "late-video-", "edit-list"];
    let directory = tempfile::tempdir().unwrap();
    for (_, fixture, seen) in clips(&directory, &names) {
        check_times(&fixture, &seen);
        check_probed_times(&fixture, &seen);
        assert!(seen.frames[0].pts >= 0, "{}", fixture.truth.name);
    }
}

#[test]
fn audio_and_video_share_an_origin() {
    let directory = tempfile::tempdir().unwrap();
    for (clip, fixture, seen) in clips(&directory, &["audio-", "offset-", "late-video-", "edit-list"]) {
        if clip.audio.is_empty() {
            continue;
        }
        check_times(&fixture, &seen);
        let truth = &fixture.truth;
        let video = truth.video.as_ref().unwrap();
        let first_frame = video.frames[0].pts as f64 * video.time_base.as_f64();
        let kept = &truth.audio[seen.info.audio_kept.unwrap()];
        let origin = seen.info.video.origin as f64 * seen.info.video.time_base.as_f64();
        // The origin is the earlier start; how early sound begins depends on the codec's frames, of at most 0.06 s.
        let earlier = first_frame.min(kept.span.0);
        assert!((-0.07..0.001).contains(&(origin - earlier)), "{}: {origin} {earlier}", clip.name);
        // Sound covers what was drawn.
        let ticks = seen.audio_time_base.unwrap().as_f64();
        let begin = seen.audio.first().unwrap().pts as f64 * ticks + origin;
        let last = seen.audio.last().unwrap();
        let end = (last.pts + last.duration) as f64 * ticks + origin;
        assert!((begin - kept.span.0).abs() < 0.12, "{}: {begin} {:?}", clip.name, kept.span);
        assert!((end - kept.span.1).abs() < 0.12, "{}: {end} {:?}", clip.name, kept.span);
        assert!(seen.audio.is_sorted_by(|a, b| a.pts < b.pts), "{}", clip.name);
    }
}

#[test]
fn audio_tracks_are_listed_and_chosen() {
    let directory = tempfile::tempdir().unwrap();
    let path = fixture("audio-tracks-mp4", directory.path()).path;
    let with = |audio| read(&path, &OpenOptions { audio, ..whole() });
    let seen = with(AudioChoice::Track(3)).unwrap();
    let languages: Vec<_> = seen.info.audio.iter().map(|track| track.language.clone().unwrap()).collect();
    assert_eq!(languages, ["eng", "ger", "fre"]);
    assert_eq!(seen.info.audio.iter().map(|track| track.track).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(seen.info.audio[1].codec, AudioCodec::Mp3.name());
    assert_eq!((seen.info.audio_kept, seen.info.audio_copied), (Some(2), true));
    let none = with(AudioChoice::None).unwrap();
    assert_eq!((none.info.audio_kept, none.audio.len(), none.audio_time_base), (None, 0, None));
    let message = with(AudioChoice::Track(4)).unwrap_err().to_string();
    assert!(message.starts_with("audio track 4 is not there:") && message.ends_with("has 3 audio tracks"), "{message}");
}

#[test]
fn tags_arrive() {
    let site = |location| match location {
        ChromaLocation::Left => ChromaSite::LEFT,
        ChromaLocation::Center => ChromaSite::CENTRE,
        ChromaLocation::TopLeft => ChromaSite::TOP_LEFT,
    };
    let directory = tempfile::tempdir().unwrap();
    for (clip, _, seen) in clips(&directory, &["colour-", "hdr10", "pq-without-metadata", "hlg"]) {
        let ColourTags { primaries, transfer, matrix, full_range, chroma } = clip.colour;
        let Colour { primaries: p, transfer: t, matrix: m, full_range: f, chroma: c } = seen.info.video.colour;
        if primaries.is_some() {
            assert_eq!(
                (Some(p), Some(t), Some(m), Some(f), Some(c)),
                (primaries, transfer, matrix, full_range, chroma.map(site)),
                "{}",
                clip.name
            );
            assert_eq!(seen.info.assumptions, [], "{}", clip.name);
        } else {
            // 320x180 at 25 frames a second.
            assert_eq!((p, t, m, f, c), (5, 6, 5, false, ChromaSite::LEFT));
            let whats: Vec<_> = seen.info.assumptions.iter().map(|assumption| &*assumption.what).collect();
            assert_eq!(whats, ["primaries", "transfer", "matrix", "range", "chroma location"]);
        }
        let hdr = seen.info.video.hdr;
        let Some(HdrTruth { primaries, luminance, light }) = clip.hdr else {
            assert_eq!(hdr, upright_engine::colour::HdrMetadata::default(), "{}", clip.name);
            continue;
        };
        let mastering = hdr.mastering.unwrap();
        let point = |(x, y): (u32, u32)| (Rational::new(x.into(), 50_000), Rational::new(y.into(), 50_000));
        assert_eq!([mastering.primaries.to_vec(), vec![mastering.white]].concat(), primaries.map(point));
        assert_eq!(mastering.max_luminance, Rational::new(luminance.0.into(), 10_000));
        assert_eq!(mastering.min_luminance, Rational::new(luminance.1.into(), 10_000));
        let told = hdr.light.unwrap();
        assert_eq!((u32::from(told.max_cll), u32::from(told.max_fall)), light);
    }
}

#[test]
fn title_languages_and_chapters_arrive() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = fixture("subject", directory.path());
    let info = read(&fixture.path, &whole()).unwrap().info;
    assert_eq!(info.title.as_deref(), Some("A subject; that moves = true"));
    assert_eq!(info.video.language.as_deref(), Some("fre"));
    assert_eq!(info.audio[0].language.as_deref(), Some("fre"));
    let chapters: Vec<_> = info.chapters.iter().map(|chapter| (chapter.start, chapter.end)).collect();
    assert_eq!(chapters, [(Rational::new(0, 1), Rational::new(3, 4)), (Rational::new(3, 4), Rational::new(2, 1))]);
    assert_eq!(info.chapters[0].title.as_deref(), Some("First shot"));
    assert_eq!((info.video.frames, info.duration), (Some(48), Some(2.0)));
    assert_eq!(info.bytes, Some(std::fs::metadata(&fixture.path).unwrap().len()));
    assert_eq!(info.fingerprint.unwrap().bytes, info.bytes);
}
