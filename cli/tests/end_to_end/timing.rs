//! Every frame at its time, none lost, none repeated.

use crate::rendition::{Source, check};
use crate::support::{Converted, Desk, QUICK, fed};
use std::path::Path;
use upright_fixtures::inspect;
use upright_fixtures::{Clip, Codec, Container, PixelFormat, Ratio, Scene, Timing, read_counter};

/// The numbers that the frames of a rendition show.
fn numbers(rendition: &Path) -> Vec<Option<usize>> {
    let pictures = inspect::decode(rendition, PixelFormat::YUV420P).unwrap();
    pictures.iter().map(|picture| read_counter(&picture.planes[0])).collect()
}

fn all(range: std::ops::Range<usize>) -> Vec<Option<usize>> {
    range.map(Some).collect()
}

fn convert(desk: &Desk, name: &str) -> Converted {
    let fixture = desk.named(name);
    let converted = desk.converted(&fixture.path, QUICK);
    check(&converted, &Source::look(&fixture.path));
    let video = fixture.truth.video.unwrap();
    assert_eq!(converted.report["frames"], video.frames.len());
    if video.scene == Scene::Counter {
        let expected: Vec<_> = video.frames.iter().map(|frame| Some(frame.number)).collect();
        assert_eq!(numbers(&converted.rendition()), expected, "{name}");
    }
    converted
}

#[test]
fn variable_rates_keep_every_time() {
    let desk = Desk::new();
    for name in ["variable-rate-mp4", "variable-rate-mkv", "variable-rate-ts"] {
        convert(&desk, name);
        std::fs::remove_dir_all(desk.out()).unwrap();
    }
}

#[test]
fn odd_rates_and_reordered_frames_keep_every_time() {
    let desk = Desk::new();
    for name in ["ntsc-mp4", "ntsc-mkv", "ntsc-ts", "b-frames-mp4", "b-frames-mkv", "open-gop-ts", "fragmented"] {
        convert(&desk, name);
    }
}

#[test]
fn sources_that_begin_late_begin_at_zero() {
    let desk = Desk::new();
    for name in ["offset-mkv", "offset-mp4"] {
        let converted = convert(&desk, name);
        // The sound's encoder may begin a frame of its own before the clip's time zero.
        let offset = converted.report["start_offset"].as_f64().unwrap();
        assert!((2.4..=2.5).contains(&offset), "{name}: {offset}");
        let first = inspect::frames(converted.rendition(), "v:0").unwrap()[0].pts.unwrap();
        let base = inspect::probe(converted.rendition()).unwrap().video().unwrap().time_base;
        assert!(first as f64 * base.as_f64() < 0.1, "{name}");
    }
}

#[test]
fn edit_lists_are_followed() {
    let desk = Desk::new();
    convert(&desk, "edit-list-counter");
    convert(&desk, "edit-list");
}

#[test]
fn key_frames_come_at_the_interval_in_every_rendition() {
    let desk = Desk::new();
    let clip = Clip { timing: Timing::constant(Ratio::new(10, 1), 45), ..Clip::new("film") };
    let fixture = desk.write(&clip);
    let ladder = ["--ladder", "90x160,54x96", "--speed", "10", "--keyframe-interval", "1.5"];
    let converted = desk.converted(&fixture.path, &ladder);
    check(&converted, &Source::look(&fixture.path));
    assert_eq!(converted.report["key_frames"], 3);
    for rendition in converted.renditions() {
        let frames = inspect::frames(&rendition, "v:0").unwrap();
        let keys = frames.iter().enumerate().filter(|(_, frame)| frame.key_frame == 1).map(|(index, _)| index);
        assert_eq!(keys.collect::<Vec<_>>(), [0, 15, 30]);
    }
}

/// Two seconds, with three frames between key frames so that most times lie between them.
fn counting() -> Clip {
    Clip {
        scene: Scene::Counter,
        timing: Timing::constant(Ratio::new(25, 1), 50),
        codec: Codec::H264,
        container: Container::Mp4,
        ..Clip::new("counting")
    }
}

#[test]
fn a_part_begins_and_ends_on_the_frame() {
    let desk = Desk::new();
    let fixture = desk.write(&counting());
    for (start, duration, expected) in [
        (None, Some("1"), 0..25),
        (Some("0.6"), None, 15..50),
        (Some("0.6"), Some("0.2"), 15..20),
        (Some("0:01.01"), Some("0.5"), 26..38),
        (Some("1.96"), Some("5"), 49..50),
    ] {
        let mut options: Vec<&str> = [QUICK, &["--overwrite"]].concat();
        options.extend(start.iter().flat_map(|start| ["--start", start]));
        options.extend(duration.iter().flat_map(|duration| ["--duration", duration]));
        let converted = desk.converted(&fixture.path, &options);
        assert_eq!(numbers(&converted.rendition()), all(expected), "{start:?} {duration:?}");
        let first = inspect::frames(converted.rendition(), "v:0").unwrap()[0].pts;
        assert!(first.unwrap() >= 0);
    }
}

#[test]
fn standard_input_is_a_source_too() {
    let desk = Desk::new();
    for container in [Container::Mkv, Container::Ts, Container::Mp4FastStart, Container::Y4m] {
        let codec = if container == Container::Y4m { Codec::Raw } else { Codec::H264 };
        let fixture = desk.write(&Clip { container, codec, ..counting() });
        let bytes = std::fs::read(&fixture.path).unwrap();
        let output = fed(&mut desk.convert("-", &[QUICK, &["--overwrite"]].concat()), &bytes);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{container:?}: {stderr}");
        let converted = Converted::read(desk.out().join("stdin"), stderr.into_owned());
        check(&converted, &Source::look(&fixture.path));
        assert_eq!(numbers(&converted.rendition()), all(0..50), "{container:?}");
    }
}
