//! Tags and metadata of colour.

use crate::look;
use crate::rendition::{Source, check};
use crate::support::{Converted, Desk, QUICK, ffmpeg};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
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

/// Metadata of high dynamic range that a file's first frame or its stream has.
fn has_hdr_metadata(path: &Path) -> bool {
    let probe = inspect::probe(path).unwrap();
    let frames = inspect::frames(path, "v").unwrap();
    inspect::hdr(&probe.video().unwrap().side_data_list).is_some() || inspect::hdr(&frames[0].side_data_list).is_some()
}

#[test]
fn high_dynamic_range_becomes_standard_or_both() {
    const BT709: [Option<&str>; 4] = [Some("bt709"), Some("bt709"), Some("bt709"), Some("tv")];
    for name in ["hdr10", "hlg"] {
        let desks: [Desk; 4] = std::array::from_fn(|_| Desk::new());
        let source = desks[0].named(name).path;
        let kept = desks[0].converted(&source, QUICK);
        let kept = std::fs::read(kept.rendition()).unwrap();
        let stream = |path: &Path| inspect::probe(path).unwrap().video().unwrap().clone();

        let both = desks[1].converted(&source, &[QUICK, &["--dynamic-range", "both"]].concat());
        let files: Vec<_> = both.renditions().iter().map(|path| path.file_name().unwrap().to_owned()).collect();
        assert_eq!(files, ["90x160.mp4", "90x160-hdr.mp4"]);
        let [sdr, hdr] = <[_; 2]>::try_from(both.renditions()).unwrap();
        assert!(std::fs::read(&hdr).unwrap() == kept, "{name}: what is kept is what it is alone");
        assert_eq!(tags(&stream(&sdr)), BT709, "{name}");
        assert!(!has_hdr_metadata(&sdr) && (name != "hdr10" || has_hdr_metadata(&hdr)), "{name}");
        let sdr = std::fs::read(sdr).unwrap();

        let alone = desks[2].converted(&source, &[QUICK, &["--dynamic-range", "sdr"]].concat());
        assert!(std::fs::read(alone.rendition()).unwrap() == sdr, "{name}");

        let eight = desks[3].converted(&source, &[QUICK, &["--bit-depth", "8"]].concat());
        let stream = stream(&eight.rendition());
        assert_eq!((tags(&stream), stream.pix_fmt.as_deref()), (BT709, Some("yuv420p")), "{name}");
    }
}

/// White of a film is what BT.2408 says, and a grey is on the curve of BT.2390.
#[test]
fn light_of_high_dynamic_range_is_where_the_curve_has_it() {
    let desk = Desk::new();
    let source = desk.path().join("greys.mkv");
    // 1000, 203, 100, 50 and 0 cd/m2 in PQ, limited range of 10 bits, a fifth of the width each.
    let codes = [723, 573, 509, 450, 64];
    let luma = codes
        .iter()
        .enumerate()
        .fold("0".to_owned(), |rest, (at, code)| format!("if(between(X,{},{}),{code},{rest})", 64 * at, 64 * at + 63));
    let filter = format!("nullsrc=s=320x180:r=25:d=0.4,format=yuv420p10le,geq=lum='{luma}':cb=512:cr=512");
    let tags =
        ["-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc", "-color_range", "tv"];
    let mut ffmpeg = std::process::Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", &filter]).args(tags).args(["-c:v", "ffv1"]).arg(&source);
    assert!(ffmpeg.status().unwrap().success());
    let exact = ["--encoder", "libaom-av1", "--encoder-options", "aom-params=lossless=1", "--ladder", "320x180"];
    let options = [&exact[..], &["--dynamic-range", "sdr", "--bit-depth", "10"]].concat();
    let converted = desk.converted(&source, &options);
    let format = upright_fixtures::PixelFormat::named("yuv420p10le").unwrap();
    let picture = inspect::decode(converted.rendition(), format).unwrap().remove(0);
    // Of BT.2390 for a film of 1000 cd/m2 and a white of 203.
    let expected = [203.0, 159.04, 99.36, 50.0, 0.0];
    for (at, expected) in expected.into_iter().enumerate() {
        let code = f64::from(picture.planes[0].at(32 + 64 * at as u32, 90));
        let light = 203.0 * ((code - 64.0) / 876.0).max(0.0).powf(2.4);
        // A code of the source is up to 2.3 cd/m2, one of the rendition half of that.
        assert!((light - expected).abs() < 2.0, "{at}: code {code} is {light} cd/m2, not {expected}");
    }
}

/// Messages of HDR10+ of a film that a phone took, from behind the country code on.
const HDR10_PLUS: [&str; 3] = [
    "003c0001040140000c807e7c3bce2ac1034d24080000289ab05003fcc803499029925860e2d07852f88023189ab00140801424a9525f592674a7ef5d6fa840",
    "003c0001040140000c808ee43e3a1fcc02da24080000289ab05003fcc8034990296a5860e2d07852f88023189ab00140801424a9525f592a74a7ef5d6fa840",
    "003c0001040140000c8087784b5a2ca6023a24080000289ab05003fcc803499029425860e2d07852f88023189ab00140801424a9525f692a74a7ef5d6fa840",
];

/// Reads the dynamic metadata of each frame with ffprobe.
fn dynamic_metadata(path: &Path) -> Vec<Option<Value>> {
    let arguments = ["-v", "error", "-select_streams", "v", "-show_frames", "-of", "json"];
    let output = Command::new("ffprobe").args(arguments).arg(path).output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of_frame = |frame: &Value| {
        let data = frame["side_data_list"].as_array()?;
        data.iter().find(|data| data["side_data_type"].as_str().unwrap().contains("HDR10+")).cloned()
    };
    document["frames"].as_array().unwrap().iter().map(of_frame).collect()
}

/// A stream of H.265, a slice to each picture, with a message before each (as `user_data_registered_itu_t_t35`, by turns).
fn with_messages(stream: &[u8], messages: &[Vec<u8>; 3]) -> Vec<u8> {
    const LAST_OF_PICTURES: u8 = 31;
    let mut described = Vec::new();
    let mut pictures = 0;
    for at in 0..stream.len() {
        let begins = stream[at..].starts_with(&[0, 0, 1]);
        if begins && stream.get(at + 3).is_some_and(|kind| kind >> 1 <= LAST_OF_PICTURES) {
            let message = &messages[pictures % 3];
            let size = u8::try_from(message.len() + 1).unwrap();
            described.extend([&[0, 0, 1, 39 << 1, 1, 4, size, 0xb5], &message[..], &[0x80]].concat());
            pictures += 1;
        }
        described.push(stream[at]);
    }
    described
}

#[test]
fn dynamic_metadata_go_with_their_frames() {
    const FRAMES: usize = 9;
    let desk = Desk::new();
    let [plain, described, source] = ["plain.hevc", "described.hevc", "film.mkv"].map(|name| desk.path().join(name));
    let film = "testsrc2=size=180x320:rate=25,format=yuv420p10le";
    let tags = ["-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc"];
    let coded = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "bframes=0:log-level=none"];
    let frames = ["-f", "lavfi", "-i", film, "-frames:v", &FRAMES.to_string()];
    ffmpeg(&[&frames[..], &coded, &tags, &[plain.to_str().unwrap()]].concat());
    let messages = HDR10_PLUS.map(|hex| -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    });
    std::fs::write(&described, with_messages(&std::fs::read(&plain).unwrap(), &messages)).unwrap();
    ffmpeg(&["-i", described.to_str().unwrap(), "-c", "copy", source.to_str().unwrap()]);
    let expected = dynamic_metadata(&source);
    assert_eq!(expected.iter().flatten().count(), FRAMES);
    assert_ne!(expected[0], expected[1]);

    for encoder in ["rav1e", "libsvtav1", "libaom-av1"] {
        let options = ["--ladder", "90x160", "--speed", "10", "--crop", "center", "--overwrite", "--encoder", encoder];
        let converted = desk.converted(&source, &options);
        // Readers of AV1 that tell of them are newer than the oldest FFmpeg that is promised: the very messages are looked for.
        let rendition = std::fs::read(converted.rendition()).unwrap();
        let count = |message: &&[u8]| rendition.windows(message.len()).filter(|bytes| bytes == message).count();
        // The last byte of each has one bit of theirs, and what H.265 fills it up with.
        let messages = messages.each_ref().map(|message| &message[..message.len() - 1]);
        assert_eq!(messages.each_ref().map(count), [FRAMES / 3; 3], "{encoder}");
        let sdr = desk.converted(&source, &[&options[..], &["--dynamic-range", "sdr"]].concat());
        let rendition = std::fs::read(sdr.rendition()).unwrap();
        assert!(messages.iter().all(|message| !rendition.windows(message.len()).any(|bytes| bytes == *message)));
    }
}
