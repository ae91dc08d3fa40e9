//! Subtitles and closed captions beside the renditions, against what ffmpeg reads of the same files.

use crate::support::{Desk, QUICK, ffmpeg};
use std::path::Path;
use upright_fixtures::{Clip, Codec, Container, Gop, Ratio, Timing};

const WITH: &[&str] = &["--subtitles-out"];

/// Times and text of each cue of a WebVTT file, as ffmpeg reads it: without settings and tags.
fn cues(path: &Path) -> Vec<(String, String)> {
    let text = String::from_utf8(ffmpeg(&["-i", path.to_str().unwrap(), "-f", "srt", "-"])).unwrap();
    let cue = |cue: &str| {
        let mut lines = cue.lines().skip(1);
        let times = lines.next().unwrap_or_default().to_owned();
        let strip = |line: &str| {
            let mut text = String::new();
            let mut inside = false;
            for letter in line.chars() {
                match letter {
                    '<' => inside = true,
                    '>' => inside = false,
                    _ if !inside => text.push(letter),
                    _ => {}
                }
            }
            text
        };
        (times, lines.map(strip).collect::<Vec<_>>().join("|"))
    };
    text.split("\n\n").map(str::trim).filter(|cue| !cue.is_empty()).map(cue).collect()
}

#[test]
fn subtitle_tracks_are_written_by_language_with_their_times() {
    let desk = Desk::new();
    let film = desk.write(&Clip { codec: Codec::H264, ..Clip::new("film") }).path;
    let srt = |name: &str, text: &str| {
        let path = desk.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let one =
        "1\n00:00:00,040 --> 00:00:00,517\nTom & <i>Jerry</i>\n\n2\n00:00:00,600 --> 00:00:01,003\nzwei\nZeilen\n";
    let other = "1\n00:00:00,100 --> 00:00:00,900\nHello, world\n";
    let (one, other) = (srt("one.srt", one), srt("other.srt", other));
    for (name, codec) in [("film.mkv", "subrip"), ("film.mp4", "mov_text"), ("styled.mkv", "ass")] {
        let source = desk.path().join("in").join(name);
        std::fs::create_dir_all(source.parent().unwrap()).unwrap();
        let inputs = [&film, &one, &other].map(|path| path.to_str().unwrap());
        let [film, one, other] = inputs;
        let maps = [
            "-i", film, "-i", one, "-i", other, "-map", "0:v", "-map", "1", "-map", "2", "-c:v", "copy", "-c:s", codec,
        ];
        let languages = ["-metadata:s:s:0", "language=deu", "-metadata:s:s:1", "language=eng"];
        ffmpeg(&[&maps[..], &languages, &[source.to_str().unwrap()]].concat());
        let desk = Desk::new();
        let folder = desk.out().join(source.file_stem().unwrap());
        let output = desk.convert(&source, &[QUICK, WITH].concat()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(!String::from_utf8_lossy(&output.stderr).contains("not carried over"));
        let german = cues(&folder.join("subtitles-1-deu.vtt"));
        let rounded = codec == "ass";
        if !rounded {
            assert_eq!(german[0].0, "00:00:00,040 --> 00:00:00,517", "{name}");
        }
        assert_eq!(german[0].1, "Tom & Jerry", "{name}");
        assert_eq!(german[1].1, "zwei|Zeilen", "{name}");
        assert_eq!(cues(&folder.join("subtitles-2-eng.vtt"))[0].1, "Hello, world", "{name}");
        let report: serde_json::Value =
            serde_json::from_slice(&std::fs::read(folder.join("report.json")).unwrap()).unwrap();
        assert_eq!(report["subtitles"][1]["language"], "eng");
        assert_eq!(report["subtitles"][0]["cues"], 2);
    }
}

/// Puts captions into H.264: a message before the picture of each frame (ATSC A/53 part 4, table 6.7, in the SEI of ITU-T T.35).
fn with_captions(stream: &[u8], pairs: impl Fn(usize) -> [u8; 2]) -> Vec<u8> {
    let (mut made, mut frame) = (Vec::new(), 0);
    let starts: Vec<_> = (0..stream.len() - 4).filter(|&at| stream[at..at + 3] == [0, 0, 1]).collect();
    let ends = starts.iter().skip(1).copied().chain([stream.len()]);
    for (&start, end) in starts.iter().zip(ends) {
        let unit = &stream[start..end];
        // The first slice of a picture: `first_mb_in_slice` is 0.
        if matches!(unit[3] & 31, 1 | 5) && unit[4] & 0x80 != 0 {
            let [first, second] = pairs(frame);
            let payload = [0xb5, 0, 0x31, b'G', b'A', b'9', b'4', 3, 0x41, 0xff, 0xfc, first, second, 0xff];
            made.extend([0, 0, 1, 6, 4, payload.len() as u8]);
            made.extend(payload);
            made.push(0x80);
            frame += 1;
        }
        made.extend(unit);
    }
    made
}

/// A byte with the bit that makes its ones odd.
fn odd(byte: u8) -> u8 {
    if byte.count_ones() % 2 == 1 { byte } else { byte | 0x80 }
}

#[test]
fn closed_captions_are_written_as_ffmpeg_reads_them() {
    let desk = Desk::new();
    let clip = Clip {
        codec: Codec::H264,
        container: Container::Mkv,
        gop: Gop { interval: 30, b_frames: 0, open: false },
        timing: Timing::constant(Ratio::new(30_000, 1001), 90),
        ..Clip::new("film")
    };
    let film = desk.write(&clip).path;
    let raw = desk.path().join("film.264");
    ffmpeg(&[
        "-i",
        film.to_str().unwrap(),
        "-c",
        "copy",
        "-bsf:v",
        "h264_mp4toannexb",
        "-f",
        "h264",
        raw.to_str().unwrap(),
    ]);
    // Pop-on: load, erase what is not shown, row 15, letters, show; then erase what is shown.
    let text = b"HELLO, WORLD";
    let mut codes = vec![[0x14, 0x20], [0x14, 0x20], [0x14, 0x2e], [0x14, 0x2e], [0x14, 0x60], [0x14, 0x60]];
    codes.extend(text.chunks(2).map(|pair| [pair[0], *pair.get(1).unwrap_or(&0)]));
    codes.extend([[0x14, 0x2f], [0x14, 0x2f]]);
    let shown = codes.len() - 2;
    codes.resize(60, [0, 0]);
    codes.extend([[0x14, 0x2c], [0x14, 0x2c]]);
    let captioned = with_captions(&std::fs::read(&raw).unwrap(), |frame| codes.get(frame).unwrap_or(&[0, 0]).map(odd));
    let stream = desk.path().join("captioned.264");
    std::fs::write(&stream, captioned).unwrap();
    let source = desk.path().join("captioned.mp4");
    ffmpeg(&["-r", "30000/1001", "-i", stream.to_str().unwrap(), "-c", "copy", source.to_str().unwrap()]);

    let probed = crate::support::upright("probe").arg(&source).output().unwrap();
    let probed: serde_json::Value = serde_json::from_slice(&probed.stdout).unwrap();
    let listed = probed["passed_over"].as_array().unwrap().iter().any(|stream| stream["kind"] == "captions");
    assert!(listed, "{}", probed["passed_over"]);

    let output = desk.convert(&source, &[QUICK, WITH].concat()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made = cues(&desk.out().join("captioned").join("captions-cc1.vtt"));
    let frame = |frame: usize| {
        let milliseconds = (frame as f64 * 1001.0 / 30.0).round() as u64;
        format!("00:00:{:02},{:03}", milliseconds / 1000, milliseconds % 1000)
    };
    assert_eq!(made, [(format!("{} --> {}", frame(shown), frame(60)), "HELLO, WORLD".to_owned())]);
    // libav's own decoder of captions agrees on the text.
    let movie = format!("movie={}[out+subcc]", source.display());
    let theirs = String::from_utf8(ffmpeg(&["-f", "lavfi", "-i", &movie, "-map", "0:s", "-f", "srt", "-"])).unwrap();
    assert!(theirs.contains("HELLO, WORLD"), "{theirs}");
}

#[test]
fn a_film_without_text_has_no_files_of_it() {
    let desk = Desk::new();
    let film = desk.write(&Clip::new("film")).path;
    let converted = desk.converted(&film, &[QUICK, WITH].concat());
    assert!(converted.report["subtitles"].is_null());
}
