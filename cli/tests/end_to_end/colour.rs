//! Tags and metadata of colour.

use crate::look;
use crate::rendition::{Source, check};
use crate::support::{Converted, Desk, QUICK};
use serde_json::Value;
use std::path::Path;
use upright_fixtures::inspect::{self, Stream};
use upright_fixtures::{Clip, ColourTags, HdrTruth, Ratio, Timing, catalogue};

fn convert(desk: &Desk, name: &str, options: &[&str]) -> (Converted, Stream) {
    let fixture = desk.named(name);
    let converted = desk.converted(&fixture.path, options);
    check(&converted, &Source::look(&fixture.path));
    let stream = inspect::probe(converted.rendition()).unwrap().video().unwrap().clone();
    (converted, stream)
}

/// Primaries, transfer, matrix and range of a stream, by libav's names.
pub(crate) fn tags(stream: &Stream) -> [Option<&str>; 4] {
    [&stream.color_primaries, &stream.color_transfer, &stream.color_space, &stream.color_range].map(Option::as_deref)
}

/// What a conversion had to assume, by what it is about.
fn assumed<'a>(converted: &'a Converted, what: &str) -> Option<&'a str> {
    let assumptions = converted.report["source"]["assumptions"].as_array().unwrap();
    assumptions.iter().find(|one| one["what"] == what).and_then(|one| one["value"].as_str())
}

#[test]
fn tags_are_carried_over() {
    let desk = Desk::new();
    for (name, expected) in [
        ("letterbox", ["bt709", "bt709", "bt709", "tv"]),
        ("colour-bt601", ["bt470bg", "smpte170m", "bt470bg", "tv"]),
        ("colour-full-range", ["bt709", "bt709", "bt709", "pc"]),
        ("hlg", ["bt2020", "arib-std-b67", "bt2020nc", "tv"]),
        ("pq-without-metadata", ["bt2020", "smpte2084", "bt2020nc", "tv"]),
    ] {
        let (converted, stream) = convert(&desk, name, QUICK);
        assert_eq!(tags(&stream), expected.map(Some), "{name}");
        assert_eq!(converted.report["source"]["assumptions"], Value::Array(vec![]), "{name}: nothing is assumed");
    }
}

#[test]
fn what_is_not_tagged_is_guessed_by_size_and_reported() {
    let desk = Desk::new();
    let (converted, stream) = convert(&desk, "colour-untagged", QUICK);
    assert!(matches!(stream.color_space.as_deref(), Some("smpte170m" | "bt470bg")), "{stream:?}");
    assert!(assumed(&converted, "matrix").is_some(), "{:?}", converted.report["source"]["assumptions"]);

    let large = Clip {
        colour: ColourTags::default(),
        size: (1280, 720),
        timing: Timing::constant(Ratio::new(25, 1), 2),
        ..Clip::new("large")
    };
    let fixture = desk.write(&large);
    let converted = desk.converted(&fixture.path, QUICK);
    let stream = inspect::probe(converted.rendition()).unwrap().video().unwrap().clone();
    assert_eq!(stream.color_space.as_deref(), Some("bt709"));
    assert!(assumed(&converted, "matrix").is_some());
}

#[test]
fn chroma_is_where_av1_can_say_it_is() {
    let desk = Desk::new();
    for (name, expected) in [
        ("letterbox", "left"),
        ("colour-chroma-centre", "left"),
        ("colour-chroma-top-left", "topleft"),
        ("hlg", "topleft"),
    ] {
        let (_, stream) = convert(&desk, name, QUICK);
        // In AV1 itself: 1 is left, 2 top-left.
        assert_eq!(stream.chroma_location.as_deref(), Some(expected), "{name}");
    }
}

#[test]
fn high_dynamic_range_stays_so() {
    let desk = Desk::new();
    let (converted, stream) = convert(&desk, "hdr10", look::GOOD);
    assert_eq!(tags(&stream), ["bt2020", "smpte2084", "bt2020nc", "tv"].map(Some));
    assert_eq!(stream.pix_fmt.as_deref(), Some("yuv420p10le"));
    let path = converted.rendition();
    assert_hdr10(&path, &stream, &desk);
    // No tone mapping: the codes are what they were.
    let catalogue::Recipe::Clip(clip) = catalogue::named("hdr10").unwrap() else { panic!("a clip") };
    look::assert_right(&clip, 0.5, &path);
}

/// Checks that container and stream have the metadata of the fixtures.
pub(crate) fn assert_hdr10(path: &Path, stream: &Stream, desk: &Desk) {
    assert_metadata(inspect::hdr(&stream.side_data_list), "the container");
    let frame = inspect::frames(path, "v:0").unwrap().remove(0);
    assert_metadata(inspect::hdr(&frame.side_data_list), "the stream");
    assert_metadata(inspect::hdr(&raw_first_frame(path, desk)), "the stream by itself");
}

#[test]
fn metadata_that_only_the_container_has_is_carried_too() {
    let desk = Desk::new();
    let (converted, stream) = convert(&desk, "hdr-in-container", QUICK);
    assert_metadata(inspect::hdr(&stream.side_data_list), "the container");
    assert_metadata(inspect::hdr(&raw_first_frame(&converted.rendition(), &desk)), "the stream by itself");
}

/// Side data of the first frame when nothing is known but the AV1 stream.
fn raw_first_frame(path: &Path, desk: &Desk) -> Vec<inspect::SideData> {
    let raw = desk.path().join("raw.obu");
    let mut command = std::process::Command::new("ffmpeg");
    command.args(["-v", "error", "-y", "-i"]).arg(path).args(["-map", "0:v", "-c", "copy", "-f", "obu"]).arg(&raw);
    assert!(command.status().unwrap().success());
    inspect::frames(&raw, "v:0").unwrap().remove(0).side_data_list
}

/// AV1 keeps chromaticities in units of 1/65536 and luminances in 1/256 and 1/16384.
fn assert_metadata(found: Option<HdrTruth>, place: &str) {
    let (found, expected) = (found.unwrap_or_else(|| panic!("{place} has metadata")), HdrTruth::P3_1000);
    let near = |a: u32, b: u32, by: u32| assert!(a.abs_diff(b) <= by, "{place}: {found:?}");
    for (found, expected) in found.primaries.into_iter().zip(expected.primaries) {
        near(found.0, expected.0, 1);
        near(found.1, expected.1, 1);
    }
    near(found.luminance.0, expected.luminance.0, 40);
    near(found.luminance.1, expected.luminance.1, 1);
    assert_eq!(found.light, expected.light, "{place}");
}

#[test]
fn depth_follows_the_source_or_the_option() {
    let desk = Desk::new();
    for (name, depth, expected) in [
        ("zone-plate-10", "auto", "yuv420p10le"),
        ("zone-plate-10", "8", "yuv420p"),
        ("letterbox", "10", "yuv420p10le"),
        ("letterbox", "auto", "yuv420p"),
    ] {
        let (_, stream) = convert(&desk, name, &[QUICK, &["--bit-depth", depth, "--overwrite"]].concat());
        assert_eq!(stream.pix_fmt.as_deref(), Some(expected), "{name} {depth}");
    }
}
