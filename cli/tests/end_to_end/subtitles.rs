//! Subtitles and closed captions beside the renditions, against what ffmpeg reads of the same files.

use crate::support::{Desk, QUICK, assert_refused, ffmpeg, files, upright};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use upright_engine::Control;
use upright_engine::sidecar::SubtitleFile;
use upright_engine::source::Span;
use upright_fixtures::{AudioCodec, AudioTrack, Clip, Codec, Container, Gop, Ratio, Timing};

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
        fs::write(&path, text).unwrap();
        path
    };
    let one =
        "1\n00:00:00,040 --> 00:00:00,517\nTom & <i>Jerry</i>\n\n2\n00:00:00,600 --> 00:00:01,003\nzwei\nZeilen\n";
    let other = "1\n00:00:00,100 --> 00:00:00,900\nHello, world\n";
    let (one, other) = (srt("one.srt", one), srt("other.srt", other));
    for (name, codec) in [("film.mkv", "subrip"), ("film.mp4", "mov_text"), ("styled.mkv", "ass")] {
        let source = desk.path().join("in").join(name);
        fs::create_dir_all(source.parent().unwrap()).unwrap();
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
        let report: serde_json::Value = serde_json::from_slice(&fs::read(folder.join("report.json")).unwrap()).unwrap();
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
    let captioned = with_captions(&fs::read(&raw).unwrap(), |frame| codes.get(frame).unwrap_or(&[0, 0]).map(odd));
    let stream = desk.path().join("captioned.264");
    fs::write(&stream, captioned).unwrap();
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

/// Two seconds of film whose sound is 0.4 s longer than its picture.
fn piece(desk: &Desk) -> PathBuf {
    let sound = AudioTrack { short: -0.4, ..AudioTrack::new(AudioCodec::Aac) };
    let timing = Timing::constant(Ratio::new(25, 1), 50);
    let gop = Gop { interval: 25, b_frames: 0, open: false };
    let clip =
        Clip { codec: Codec::H264, container: Container::Mkv, audio: vec![sound], timing, gop, ..Clip::new("piece") };
    desk.write(&clip).path
}

/// Seconds at which the pictures of a film without B-frames are shown.
fn frame_times(film: &Path) -> Vec<f64> {
    let mut probe = Command::new("ffprobe");
    probe.args(["-v", "error", "-select_streams", "v:0", "-show_entries", "packet=pts_time", "-of", "csv=p=0"]);
    let times = String::from_utf8(probe.arg(film).output().unwrap().stdout).unwrap();
    times.lines().map(|time| time.trim_end_matches(',').parse().unwrap()).collect()
}

/// Converts recordings that were joined, and gives the times of the frames that begin them.
fn beginnings(desk: &Desk, source: &Path, name: &str) -> (PathBuf, [f64; 2]) {
    let output = desk.convert(source, &[QUICK, WITH].concat()).output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    let folder = desk.out().join(source.file_stem().unwrap());
    let times = frame_times(&folder.join("90x160.mp4"));
    assert_eq!(times.len(), 100, "{name}");
    let begin = times[50] - times[49];
    assert!(begin > 0.35, "{name}: the sound ends later than the picture, and what follows waits for it: {begin}");
    (folder, [times[0], times[50]])
}

/// Checks texts and, to three thousandths, times of cues.
fn assert_cues(name: &str, made: &Path, expected: &[(f64, f64, &str)]) {
    let seconds = |time: &str| {
        let parts = time.trim().replace(',', ".");
        parts.split(':').fold(0.0, |seconds, part| seconds * 60.0 + part.parse::<f64>().unwrap())
    };
    let made = cues(made);
    let texts: Vec<_> = made.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, expected.iter().map(|(.., text)| *text).collect::<Vec<_>>(), "{name}");
    for ((times, _), (from, until, text)) in made.iter().zip(expected) {
        let (begin, end) = times.split_once(" --> ").unwrap();
        let off = [seconds(begin) - from, seconds(end) - until];
        assert!(off.iter().all(|off| off.abs() < 0.003), "{name}: {text} is off by {off:?} s");
    }
}

#[test]
fn text_of_joined_recordings_follows_picture_and_sound() {
    let desk = Desk::new();
    let film = piece(&desk);
    let text = desk.path().join("text.srt");
    fs::write(&text, "1\n00:00:00,200 --> 00:00:00,600\none\n\n2\n00:00:01,000 --> 00:00:01,400\ntwo\n").unwrap();
    let [film, text] = [&film, &text].map(|path| path.to_str().unwrap());
    let fragments = ["-movflags", "frag_keyframe+empty_moov+default_base_moof"];
    for (name, codec, options) in [("joined.mkv", "subrip", &[][..]), ("joined.mp4", "mov_text", &fragments)] {
        let once = desk.path().join(format!("once-{name}"));
        let muxed = ["-i", film, "-i", text, "-map", "0", "-map", "1", "-c", "copy", "-c:s", codec];
        ffmpeg(&[&muxed[..], options, &[once.to_str().unwrap()]].concat());
        // Sound begins at 0, and the picture a little later.
        let late = frame_times(&once)[0];
        let once = fs::read(once).unwrap();
        // Fragments have one description of their tracks, which the first recording has.
        let again = once.windows(4).position(|four| four == b"moof").map_or(0, |moof| moof - 4);
        let source = desk.path().join(name);
        fs::write(&source, [&once, &once[again..]].concat()).unwrap();
        let desk = Desk::new();
        let (folder, begin) = beginnings(&desk, &source, name);
        let begin = begin.map(|begin| begin - late);
        let texts = |begin: f64| [(begin + 0.2, begin + 0.6, "one"), (begin + 1.0, begin + 1.4, "two")];
        assert_cues(name, &folder.join("subtitles-1.vtt"), &begin.map(texts).concat());
    }
}

#[test]
fn captions_of_joined_recordings_follow_picture_and_sound() {
    let desk = Desk::new();
    let film = piece(&desk);
    let film = film.to_str().unwrap();
    let file = |name: &str| desk.path().join(name).to_str().unwrap().to_owned();
    let (raw, captioned, whole, once) = (file("a.264"), file("b.264"), file("b.mp4"), file("once.ts"));
    ffmpeg(&["-i", film, "-map", "0:v", "-c", "copy", "-bsf:v", "h264_mp4toannexb", &raw]);
    // Pop-on: load, row 15, letters, show; then erase what is shown.
    let mut codes = vec![[0x14, 0x20], [0x14, 0x60], [b'H', b'I'], [0x14, 0x2f]];
    codes.resize(30, [0, 0]);
    codes.push([0x14, 0x2c]);
    let stream = with_captions(&fs::read(&raw).unwrap(), |frame| codes.get(frame).unwrap_or(&[0, 0]).map(odd));
    fs::write(&captioned, stream).unwrap();
    ffmpeg(&["-r", "25", "-i", &captioned, "-c", "copy", &whole]);
    ffmpeg(&["-i", &whole, "-i", film, "-map", "0:v", "-map", "1:a", "-c", "copy", &once]);
    let source = desk.path().join("joined.ts");
    let once = fs::read(once).unwrap();
    fs::write(&source, [&once[..], &once].concat()).unwrap();
    let (folder, begin) = beginnings(&desk, &source, "captions");
    let shown = begin.map(|begin| (begin + 3.0 / 25.0, begin + 30.0 / 25.0, "HI"));
    assert_cues("captions", &folder.join("captions-cc1.vtt"), &shown);
}

#[test]
fn places_are_told_in_the_size_that_the_header_says() {
    let desk = Desk::new();
    let film = desk.write(&Clip { codec: Codec::H264, ..Clip::new("film") }).path;
    let text = desk.path().join("text.ass");
    let header = "[Script Info]\nScriptType: v4.00+\nPlayResX: 1920\nPlayResY: 1080\n\n[V4+ Styles]\nFormat: Name, Fontname\n\
                  Style: Default,Arial\n\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n";
    let event = "Dialogue: 0,0:00:00.10,0:00:00.80,Default,,0,0,0,,{\\an7\\pos(960,216)}High up\n";
    fs::write(&text, format!("{header}{event}")).unwrap();
    let source = desk.path().join("placed.mkv");
    let [film, text] = [&film, &text].map(|path| path.to_str().unwrap());
    ffmpeg(&["-i", film, "-i", text, "-map", "0:v", "-map", "1", "-c", "copy", source.to_str().unwrap()]);
    let output = desk.convert(&source, &[QUICK, WITH].concat()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made = fs::read_to_string(desk.out().join("placed/subtitles-1.vtt")).unwrap();
    assert!(made.contains(" line:20%\nHigh up"), "{made}");
}

#[test]
fn subtitles_go_with_the_conversion_that_they_are_of() {
    let desk = Desk::new();
    let film = desk.write(&Clip { codec: Codec::H264, ..Clip::new("piece") }).path;
    let text = desk.path().join("text.srt");
    fs::write(&text, "1\n00:00:00,100 --> 00:00:00,900\nHello\n").unwrap();
    let source = |language: &str| {
        let path = desk.path().join(language).join("film.mkv");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let inputs = ["-i", film.to_str().unwrap(), "-i", text.to_str().unwrap(), "-map", "0:v", "-map", "1"];
        let language = format!("language={language}");
        ffmpeg(&[&inputs[..], &["-c", "copy", "-metadata:s:s:0", &language, path.to_str().unwrap()]].concat());
        path
    };
    let convert = |source: &Path, options: &[&str]| desk.convert(source, &[QUICK, options].concat()).output().unwrap();
    let names = || {
        let mut names: Vec<_> =
            files(&desk.out()).iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    let (german, swedish) = (source("deu"), source("swe"));
    assert!(convert(&german, WITH).status.success());
    assert_eq!(names(), ["90x160.mp4", "report.json", "subtitles-1-deu.vtt"]);
    // Nobody's conversion made it, so that it stays.
    fs::write(desk.out().join("film/subtitles-2-nob.vtt"), "WEBVTT\n").unwrap();
    assert_refused(&convert(&swedish, WITH), 73, &["film", "exists"]);

    let output = convert(&swedish, &["--subtitles-out", "--overwrite"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("subtitles-2-nob.vtt: is of an earlier conversion"), "{said}");
    assert_eq!(names(), ["90x160.mp4", "report.json", "subtitles-1-swe.vtt", "subtitles-2-nob.vtt"]);
    assert!(convert(&swedish, &["--overwrite"]).status.success());
    assert_eq!(names(), ["90x160.mp4", "report.json", "subtitles-2-nob.vtt"]);
}

#[test]
fn a_film_without_text_has_no_files_of_it() {
    let desk = Desk::new();
    let film = desk.write(&Clip::new("film")).path;
    let converted = desk.converted(&film, &[QUICK, WITH].concat());
    assert!(converted.report["subtitles"].is_null());
}

#[test]
fn files_beside_a_film_say_what_ffmpeg_reads_in_them() {
    let desk = Desk::new();
    // Without a last line end, one over the other, ten hours in, with tags and text that looks like a number.
    let srt = "1\n00:00:00,100 --> 00:00:02,000\nTom & <i>Jerry</i>\n\n2\n00:00:01,500 --> 00:00:03,999\n{\\an8}<b>over</b> it\nin\n1984\n\n\n\
               3\n10:00:01,001 --> 10:00:02,500\n<font color=\"#ff0000\">late</font>";
    let write = |name: &str, bytes: &[u8]| {
        let path = desk.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let wide = srt.encode_utf16().flat_map(u16::to_le_bytes);
    let plain = write("plain.srt", srt.as_bytes());
    let mut cases = vec![
        plain.clone(),
        write("dos.srt", format!("\u{feff}{}", srt.replace('\n', "\r\n")).as_bytes()),
        write("wide.srt", &[0xff, 0xfe].into_iter().chain(wide).collect::<Vec<_>>()),
    ];
    for name in ["made.vtt", "made.ass"] {
        let path = desk.path().join(name);
        ffmpeg(&["-i", plain.to_str().unwrap(), path.to_str().unwrap()]);
        cases.push(path);
    }
    for path in cases {
        let file = SubtitleFile::new(path.clone(), None, Vec::new()).unwrap();
        let text = file.read(1, Span::default(), &Control::default()).unwrap().webvtt();
        let made = write("ours.vtt", text.as_bytes());
        // Where ffmpeg writes a place into the text, WebVTT has it behind the times.
        let plain = |(times, text): (String, String)| (times, text.replace("{\\an8}", ""));
        let [ours, theirs] = [made, path.clone()].map(|path| cues(&path).into_iter().map(plain).collect::<Vec<_>>());
        // ffmpeg writes no hours of two digits into ASS: the third text there is never shown.
        assert_eq!(ours.len(), if path.ends_with("made.ass") { 2 } else { 3 }, "{text}");
        assert_eq!(ours, theirs[..ours.len()], "{}", path.display());
        assert!(text.contains("<i>Jerry</i>") || path.ends_with("made.vtt"), "{text}");
    }
}

/// A film of five seconds, and where files of its subtitles lie.
fn film_of_five_seconds(desk: &Desk) -> (PathBuf, impl Fn(&str, &str)) {
    let timing = Timing::constant(Ratio::new(25, 1), 125);
    let film = desk.write(&Clip { codec: Codec::H264, container: Container::Mkv, timing, ..Clip::new("film") }).path;
    let place = film.clone();
    (film, move |name, text| fs::write(place.with_file_name(name), text).unwrap())
}

const ENGLISH: &str = "1\n00:00:01,000 --> 00:00:03,000\nacross\n\n2\n00:00:08,000 --> 00:00:09,000\ntoo late\n";

#[test]
fn packages_have_text_in_segments_for_hls_and_whole_for_dash() {
    let desk = Desk::new();
    let (film, write) = film_of_five_seconds(&desk);
    write("film.en.srt", ENGLISH);
    write("film.zh-Hans.forced.vtt", "WEBVTT\n\nsign\n00:04.000 --> 00:04.500 line:0\nabc\n");
    write("film.de.sdh.srt", "1\n00:00:00,500 --> 00:00:01,000\n[Wind]\n");
    write("film.part2.en.srt", "no business of this film");
    let convert = |options: &[&str]| {
        let output = desk.convert(&film, &[QUICK, &["--format", "cmaf"], options].concat()).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{stderr}");
        stderr
    };
    let stderr = convert(&["--segment-duration", "2", "--subtitles-in", "auto"]);
    assert!(stderr.contains("1 of its texts begin after the end of the film"), "{stderr}");
    let folder = desk.out().join("film");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let hls = read("main.m3u8");
    let tag = |name: &str, language: &str, rest: &str, file: &str| {
        format!(
            "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"text\",NAME=\"{name}\",LANGUAGE=\"{language}\",DEFAULT=NO,AUTOSELECT=YES,{rest},URI=\"{file}.m3u8\"\n"
        )
    };
    let deaf = "FORCED=NO,CHARACTERISTICS=\"public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound\"";
    for tag in [
        tag("German (captions)", "de", deaf, "subtitles-1-deu"),
        tag("English", "en", "FORCED=NO", "subtitles-2-eng"),
        tag("Chinese (Hans) (forced)", "zh-Hans", "FORCED=YES", "subtitles-3-zho-Hans"),
    ] {
        assert!(hls.contains(&tag), "{tag} in {hls}");
    }
    let list = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n\
                #EXTINF:2.000000,\nsubtitles-2-eng-1.vtt\n#EXTINF:2.000000,\nsubtitles-2-eng-2.vtt\n#EXTINF:1.000000,\n\
                subtitles-2-eng-3.vtt\n#EXT-X-ENDLIST\n";
    assert_eq!(read("subtitles-2-eng.m3u8"), list);
    let cue = "00:00:01.000 --> 00:00:03.000\nacross\n\n";
    for (number, cues) in [(1, cue), (2, cue), (3, "")] {
        let segment = format!("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n{cues}");
        assert_eq!(read(&format!("subtitles-2-eng-{number}.vtt")), segment);
    }
    assert_eq!(read("subtitles-2-eng.vtt"), format!("WEBVTT\n\n{cue}"));
    let own = "sign\n00:00:04.000 --> 00:00:04.500 line:0\nabc\n\n";
    assert_eq!(read("subtitles-3-zho-Hans.vtt"), format!("WEBVTT\n\n{own}"));
    let dash = read("manifest.mpd");
    for words in
        ["lang=\"zh-Hans\"", "value=\"forced-subtitle\"", "value=\"caption\"", "<BaseURL>subtitles-2-eng.vtt</BaseURL>"]
    {
        assert!(dash.contains(words), "{words} in {dash}");
    }
    let verified = upright("verify").arg(&folder).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    // Once more, without any: the files of the first go with it.
    convert(&["--overwrite"]);
    let left: Vec<_> =
        files(&desk.out()).into_iter().filter(|path| path.extension() == Some(OsStr::new("vtt"))).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn plans_name_files_beside_a_film_and_parts_have_their_part() {
    let desk = Desk::new();
    let (film, write) = film_of_five_seconds(&desk);
    let path = |name: &str| film.with_file_name(name).to_str().unwrap().to_owned();
    write("film.en.srt", ENGLISH);
    let plan = path("film.plan.json");
    let mut command = upright("plan");
    command.arg(&film).args(QUICK).args(["--crop", "center", "--start", "2", "--duration", "2", "-o", &plan]);
    let output = command.args(["--subtitles-in", &path("film.en.srt")]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let render = || {
        let mut command = upright("render");
        command.arg(&plan).arg("-o").arg(desk.out()).args(["--device", "cpu"]).output().unwrap()
    };
    let output = render();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made = fs::read_to_string(desk.out().join("film/subtitles-1-eng.vtt")).unwrap();
    assert_eq!(made, "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nacross\n\n");
    fs::remove_dir_all(desk.out()).unwrap();
    write("film.en.srt", &ENGLISH.replace("across", "other"));
    assert_refused(&render(), 65, &["film.en.srt", "is not the file that the plan was made with"]);
    fs::remove_file(path("film.en.srt")).unwrap();
    assert_refused(&render(), 66, &["film.en.srt"]);
    assert!(desk.leftovers().is_empty());
}

#[test]
fn damaged_files_beside_a_film_are_refused_with_their_line() {
    let desk = Desk::new();
    let (film, write) = film_of_five_seconds(&desk);
    let convert = |value: &str| desk.convert(&film, &[QUICK, &["--subtitles-in", value]].concat()).output().unwrap();
    let path = |name: &str| film.with_file_name(name).to_str().unwrap().to_owned();
    write("cut.srt", &ENGLISH[..ENGLISH.len() - 20]);
    assert_refused(&convert(&path("cut.srt")), 65, &["cut.srt, line 6: the times"]);
    fs::write(path("old.srt"), b"1\n00:00:01,000 --> 00:00:02,000\nfa\xe7ade\n").unwrap();
    assert_refused(&convert(&format!("{}=fr", path("old.srt"))), 65, &["old.srt, line 3: is neither UTF-8", "iconv"]);
    assert_refused(&convert(&path("none.srt")), 66, &["none.srt"]);
    assert_eq!(convert(&format!("{}=french", path("cut.srt"))).status.code(), Some(2));
    assert!(desk.leftovers().is_empty());
}
