//! Sources that are damaged, cut short, or change on the way: what is there is converted, and said.

use crate::support::{Converted, Desk, QUICK, assert_refused};
use upright_fixtures::inspect;
use upright_fixtures::{PixelFormat, read_counter};

fn damaged_frames(converted: &Converted) -> u64 {
    converted.report["damage"]["damaged_frames"].as_u64().unwrap()
}

#[test]
fn a_damaged_stream_is_converted_with_a_warning() {
    let desk = Desk::new();
    for name in ["damaged-mp4", "damaged-ts"] {
        let fixture = desk.named(name);
        let converted = desk.converted(&fixture.path, QUICK);
        let damaged = damaged_frames(&converted);
        // Three packets were hit: noise may decode without complaint, and what refers to it before the next key frame
        // may suffer too.
        assert!((1..=12).contains(&damaged), "{name}: {damaged}");
        assert!(converted.stderr.contains("damaged"), "{name}: {}", converted.stderr);
        let first = converted.report["damage"]["first_at"].as_f64().unwrap();
        assert!((1.5..=1.8).contains(&(first - converted.report["start_offset"].as_f64().unwrap())), "{name}: {first}");
        let frames = inspect::frames(converted.rendition(), "v:0").unwrap();
        assert!((88..=100).contains(&frames.len()), "{name}: {} frames", frames.len());
        inspect::check_decodes(converted.rendition()).unwrap();
    }
}

#[test]
fn strict_refuses_damage() {
    let desk = Desk::new();
    for name in ["damaged-mp4", "damaged-ts", "truncated-mp4"] {
        let fixture = desk.named(name);
        let output = desk.convert(&fixture.path, &[QUICK, &["--strict"]].concat()).output().unwrap();
        assert_refused(&output, 65, &[name]);
        assert!(desk.leftovers().is_empty(), "{name}: {:?}", desk.leftovers());
    }
}

#[test]
fn strict_takes_what_is_whole() {
    let desk = Desk::new();
    for name in ["variable-rate-mp4", "open-gop-ts", "late-video-mp4", "audio-vorbis-mkv"] {
        let fixture = desk.named(name);
        let converted = desk.converted(&fixture.path, &[QUICK, &["--strict"]].concat());
        assert_eq!(damaged_frames(&converted), 0);
        assert!(converted.report["damage"]["truncated_at"].is_null(), "{name}");
    }
}

#[test]
fn the_whole_part_of_a_truncated_file_is_converted() {
    let desk = Desk::new();
    for name in ["truncated-mp4", "truncated-mkv", "truncated-ts"] {
        let fixture = desk.named(name);
        let converted = desk.converted(&fixture.path, QUICK);
        let readable = inspect::frames(&fixture.path, "v:0").unwrap().len();
        let frames = inspect::decode(converted.rendition(), PixelFormat::YUV420P).unwrap();
        // The last frame may be half there.
        assert!(frames.len() == readable || frames.len() + 1 == readable, "{name}: {} of {readable}", frames.len());
        assert!((30..100).contains(&frames.len()), "{name}: {}", frames.len());
        let numbers: Vec<_> = frames.iter().take(readable - 1).map(|frame| read_counter(&frame.planes[0])).collect();
        assert_eq!(numbers, (0..readable - 1).map(Some).collect::<Vec<_>>(), "{name}");
        inspect::check_decodes(converted.rendition()).unwrap();
        // A transport stream does not say how long it was.
        if name != "truncated-ts" {
            let end = converted.report["damage"]["truncated_at"].as_f64().unwrap_or_else(|| panic!("{name}: reported"));
            assert!((end - frames.len() as f64 / 25.0).abs() < 0.2, "{name}: {end}");
            assert!(converted.stderr.contains("before its declared end"), "{name}: {}", converted.stderr);
        }
    }
}

#[test]
fn a_change_in_mid_stream_is_handled_or_refused() {
    let desk = Desk::new();
    for name in ["size-change", "format-change"] {
        let fixture = desk.named(name);
        let output = desk.convert(&fixture.path, QUICK).output().unwrap();
        if output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            let converted = Converted::read(desk.out().join(name), stderr);
            assert_eq!(inspect::frames(converted.rendition(), "v:0").unwrap().len(), 50, "{name}");
        } else {
            assert_refused(&output, 65, &[name]);
            assert!(desk.leftovers().is_empty(), "{name}: {:?}", desk.leftovers());
        }
    }
}
