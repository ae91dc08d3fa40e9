//! What changes the meaning of samples in the middle of a film, and what only looks as if it did.

use crate::bad::why;
use crate::pictures::ffmpeg;
use crate::reading::{read, whole, write};
use std::path::{Path, PathBuf};
use upright_engine::geometry::Rational;
use upright_engine::source::Span;
use upright_fixtures::{Clip, Codec, Container};

const PLACED: [&str; 7] = ["-c", "copy", "-copyts", "-muxdelay", "0", "-muxpreload", "0"];

/// One second of BT.709 in a transport stream, then the same with what `changes`, filters of the bitstream, say.
fn joined(directory: &Path, changes: [Option<&str>; 2]) -> PathBuf {
    let clip = Clip { codec: Codec::H264, container: Container::Ts, ..Clip::new("part") };
    let part = write(&clip, directory);
    let mut bytes = Vec::new();
    for (second, change) in changes.into_iter().enumerate() {
        let path = directory.join("changed.ts");
        let filter = change.map(|change| format!("h264_metadata={change}"));
        let filter: Vec<&str> = filter.iter().flat_map(|filter| ["-bsf:v", filter]).collect();
        let offset = second.to_string();
        ffmpeg(&[&part], &[&PLACED[..], &["-output_ts_offset", &offset], &filter].concat(), &path);
        bytes.extend(std::fs::read(&path).unwrap());
    }
    let path = directory.join("joined.ts");
    std::fs::write(&path, bytes).unwrap();
    path
}

const PQ: &str = "colour_primaries=9:transfer_characteristics=16:matrix_coefficients=9";
const HLG: &str = "colour_primaries=9:transfer_characteristics=18:matrix_coefficients=9";

#[test]
fn each_change_is_refused_with_what_it_is_and_when() {
    let directory = tempfile::tempdir().unwrap();
    let turned = "display_orientation=insert:rotate=90";
    for (changes, told) in [
        ([None, Some("sample_aspect_ratio=4/3")], "sample aspect ratio from 1/1 to 4/3"),
        ([Some("sample_aspect_ratio=4/3"), Some("sample_aspect_ratio=1/1")], "sample aspect ratio from 4/3 to 1/1"),
        ([None, Some("video_full_range_flag=1")], "range from limited to full"),
        ([None, Some("matrix_coefficients=6")], "matrix from bt709 to smpte170m"),
        ([None, Some("colour_primaries=12")], "primaries from bt709 to smpte432"),
        ([None, Some("transfer_characteristics=18")], "transfer from bt709 to arib-std-b67"),
        ([None, Some(PQ)], "primaries from bt709 to bt2020"),
        ([Some(PQ), None], "primaries from bt2020 to bt709"),
        ([Some(HLG), Some(PQ)], "transfer from arib-std-b67 to smpte2084"),
        ([Some(PQ), Some(HLG)], "transfer from smpte2084 to arib-std-b67"),
        ([None, Some(turned)], "orientation from upright to a quarter turn anticlockwise"),
    ] {
        let why = why(&joined(directory.path(), changes));
        assert!(why.starts_with(&format!("changes its {told} at 2.")), "{changes:?}: {why}");
    }
}

#[test]
fn what_means_the_same_is_no_change() {
    let directory = tempfile::tempdir().unwrap();
    let silent = "colour_primaries=2:transfer_characteristics=2:matrix_coefficients=2";
    for changes in [
        [None, None],
        [None, Some("transfer_characteristics=6")],
        [None, Some(silent)],
        [None, Some("sample_aspect_ratio=1/1")],
        [Some("matrix_coefficients=5"), Some("matrix_coefficients=6")],
        [Some("display_orientation=insert:rotate=90"), Some("display_orientation=remove")],
    ] {
        let seen = read(joined(directory.path(), changes), &whole()).unwrap();
        assert_eq!(seen.frames.len(), 50, "{changes:?}");
    }
}

/// One half after the other can be converted: what is read is described as it is where it begins.
#[test]
fn the_part_behind_a_change_is_read_as_what_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = joined(directory.path(), [None, Some("sample_aspect_ratio=4/3")]);
    let part = |start, duration| read(&path, &whole().span(Span { start, duration })).unwrap();
    let aspect = |seen: &crate::reading::Seen| seen.info.video.upright.sample_aspect;
    let first = part(None, Some(Rational::new(1, 1)));
    assert_eq!((aspect(&first), first.frames.len()), (Rational::new(1, 1), 25));
    let second = part(Some(Rational::new(1, 1)), None);
    assert_eq!((aspect(&second), second.frames.len()), (Rational::new(4, 3), 25));
    // It begins between two key frames, and so after all that only they say.
    let later = part(Some(Rational::new(3, 2)), None);
    assert_eq!((aspect(&later), later.frames.len()), (Rational::new(4, 3), 12));
}

#[test]
fn the_containers_word_on_the_shape_of_samples_holds_throughout() {
    let directory = tempfile::tempdir().unwrap();
    let changing = joined(directory.path(), [None, Some("sample_aspect_ratio=4/3")]);
    let path = directory.path().join("says-otherwise.mkv");
    ffmpeg(&[&changing], &["-c", "copy", "-aspect", "2:1"], &path);
    let seen = read(&path, &whole()).unwrap();
    assert_eq!(seen.info.video.upright.sample_aspect, Rational::new(9, 8));
    assert!(seen.frames.len() >= 49);
    // Where it only repeats what the first frames say, it holds for no others.
    let path = directory.path().join("repeats.mkv");
    ffmpeg(&[&changing], &["-c", "copy"], &path);
    let why = why(&path);
    assert!(why.starts_with("changes its sample aspect ratio from 1/1 to 4/3"), "{why}");
}

#[test]
fn a_rate_that_changes_is_no_change_of_meaning() {
    let directory = tempfile::tempdir().unwrap();
    let first = joined(directory.path(), [None, None]);
    let bytes = std::fs::read(&first).unwrap();
    let fast = directory.path().join("fast.ts");
    let encoded = ["-vf", "fps=50", "-c:v", "libx264", "-muxdelay", "0", "-muxpreload", "0", "-output_ts_offset", "3"];
    ffmpeg(&[&first], &encoded, &fast);
    let path = directory.path().join("both.ts");
    std::fs::write(&path, [bytes, std::fs::read(&fast).unwrap()].concat()).unwrap();
    assert!(read(&path, &whole()).unwrap().frames.len() > 140);
}
