//! Packages for CDNs: CMAF tracks with HLS and DASH manifests, looked at byte range by byte range.

use crate::support::{Desk, QUICK, ffmpeg, package_of, packaged, upright};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use upright_fixtures::{AudioCodec, AudioTrack, Clip, Ratio, Timing};

/// A segment of a playlist: seconds, and its bytes in the file.
struct Part {
    seconds: f64,
    start: usize,
    end: usize,
}

/// Reads a media playlist: its file, the bytes of the header, and its segments.
fn playlist(path: &Path) -> (PathBuf, usize, Vec<Part>) {
    let text = fs::read_to_string(path).unwrap();
    let (mut parts, mut header, mut seconds, mut file) = (Vec::new(), 0, 0.0, String::new());
    for line in text.lines() {
        if let Some(map) = line.strip_prefix("#EXT-X-MAP:") {
            header = map.split("BYTERANGE=\"").nth(1).unwrap().split('@').next().unwrap().parse().unwrap();
        } else if let Some(lasts) = line.strip_prefix("#EXTINF:") {
            seconds = lasts.trim_end_matches(',').parse().unwrap();
        } else if let Some(range) = line.strip_prefix("#EXT-X-BYTERANGE:") {
            let (length, start) = range.split_once('@').unwrap();
            let start = start.parse().unwrap();
            parts.push(Part { seconds, start, end: start + length.parse::<usize>().unwrap() });
        } else if !line.starts_with('#') && !line.is_empty() {
            line.clone_into(&mut file);
        }
    }
    assert!(text.ends_with("#EXT-X-ENDLIST\n"), "{text}");
    (path.with_file_name(file), header, parts)
}

/// Decodes a part by itself, behind the header, and gives the sums of its frames.
fn decoded(folder: &Path, file: &[u8], header: usize, part: &Part) -> Vec<String> {
    let path = folder.join("part.mp4");
    fs::write(&path, [&file[..header], &file[part.start..part.end]].concat()).unwrap();
    sums(&path, "v")
}

/// Sums of all frames of a file.
fn sums(path: &Path, stream: &str) -> Vec<String> {
    let map = format!("0:{stream}:0");
    let text = ffmpeg(&["-i", path.to_str().unwrap(), "-map", &map, "-f", "framemd5", "-"]);
    let text = String::from_utf8(text).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit(',').next().unwrap().trim().to_owned()).collect()
}

/// The attributes of a tag.
fn attributes(line: &str) -> HashMap<String, String> {
    let (mut all, mut rest) = (HashMap::new(), line.split_once(':').unwrap().1);
    while let Some((name, after)) = rest.split_once('=') {
        let quoted = after.strip_prefix('"').and_then(|after| after.split_once('"'));
        let (value, next) = quoted.unwrap_or_else(|| after.split_at(after.find(',').unwrap_or(after.len())));
        all.insert(name.to_owned(), value.to_owned());
        rest = next.trim_start_matches(',');
    }
    all
}

#[test]
fn every_part_of_a_package_is_what_its_manifests_say() {
    let desk = Desk::new();
    let folder = packaged(&desk, 375, &["--format", "mp4,cmaf"]);
    let mut boundaries = Vec::new();
    for size in ["180x320", "90x160"] {
        let whole = sums(&folder.join(format!("{size}.mp4")), "v");
        assert_eq!(whole.len(), 375);
        let (file, header, parts) = playlist(&folder.join(format!("video-{size}.m3u8")));
        assert_eq!(sums(&file, "v"), whole, "{size}: the pictures of the MP4");
        let bytes = fs::read(&file).unwrap();
        // Segments follow one another without gap, behind the header and the index, up to the end of the file.
        assert_eq!(&bytes[header + 4..header + 8], b"sidx");
        let index = usize::try_from(u32::from_be_bytes(bytes[header..header + 4].try_into().unwrap())).unwrap();
        let mut at = header + index;
        let mut frames = 0;
        for part in &parts {
            assert_eq!((part.start, &bytes[at + 4..at + 8]), (at, &b"moof"[..]));
            let shown = decoded(desk.path(), &bytes, header, part);
            assert!((part.seconds * 25.0 - shown.len() as f64).abs() < 1e-3, "{size}: {} s", part.seconds);
            assert_eq!(shown, whole[frames..frames + shown.len()], "{size}: segments decode by themselves");
            (at, frames) = (part.end, frames + shown.len());
        }
        assert_eq!((at, frames), (bytes.len(), whole.len()));
        boundaries.push(parts.iter().map(|part| part.seconds).collect::<Vec<_>>());

        let (_, _, keys) = playlist(&folder.join(format!("video-{size}-keys.m3u8")));
        assert_eq!(keys.len(), 8, "{size}: a key frame every two seconds");
        for (number, key) in keys.iter().enumerate() {
            assert_eq!(
                decoded(desk.path(), &bytes, header, key),
                whole[50 * number..=50 * number],
                "{size}: key {number}"
            );
        }
    }
    assert_eq!(boundaries, [[6.0, 6.0, 3.0], [6.0, 6.0, 3.0]], "segments begin at the same instants");

    // Sound is cut where the picture is, as near as its frames allow, and lasts as long.
    let (file, _, parts) = playlist(&folder.join("audio-1-eng.m3u8"));
    let (mut ends, mut end) = (Vec::new(), 0.0);
    parts.iter().for_each(|part| {
        end += part.seconds;
        ends.push(end);
    });
    assert!(ends.iter().zip([6.0, 12.0, 15.0]).all(|(end, picture)| (end - picture).abs() < 0.05), "{ends:?}");
    let bytes = fs::read(&file).unwrap();
    assert_eq!(parts.last().unwrap().end, bytes.len());
    // The index counts what is presented, without what only warms the decoder up, which the edit list leaves out.
    let word = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    let place = |kind: &[u8]| bytes.windows(4).position(|four| four == kind).unwrap();
    let index = place(b"sidx");
    let presented: u32 = (0..parts.len()).map(|part| word(index + 36 + 12 * part + 4)).sum();
    let (priming, timescale) = (word(place(b"elst") + 16), word(index + 12));
    assert_eq!((priming, f64::from(presented + priming)), (1024, (end * f64::from(timescale)).round()));
}

#[test]
fn declared_rates_are_those_of_the_files() {
    let desk = Desk::new();
    let folder = packaged(&desk, 375, &["--format", "cmaf"]);
    assert!(!folder.join("180x320.mp4").exists(), "no MP4 was asked for");
    let text = fs::read_to_string(folder.join("main.m3u8")).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let rates = |name: &str| {
        let (_, _, parts) = playlist(&folder.join(name));
        let bits = |part: &Part| (part.end - part.start) as f64 * 8.0;
        let whole: Vec<_> = parts.iter().filter(|part| part.seconds > 3.0).collect();
        let average = parts.iter().map(bits).sum::<f64>() / parts.iter().map(|part| part.seconds).sum::<f64>();
        (average, whole.iter().map(|part| bits(part) / part.seconds).fold(0.0, f64::max))
    };
    let sound = rates("audio-1-eng.m3u8");
    let mut variants = 0;
    for pair in lines.windows(2).filter(|pair| pair[0].starts_with("#EXT-X-STREAM-INF:")) {
        let (told, found) = (attributes(pair[0]), rates(pair[1]));
        let number = |name: &str| told[name].parse::<f64>().unwrap();
        for (name, measured) in [("AVERAGE-BANDWIDTH", found.0 + sound.0), ("BANDWIDTH", found.1 + sound.1)] {
            assert!((number(name) / measured - 1.0).abs() < 0.1, "{name}: {} and measured {measured}", number(name));
        }
        assert!(told["CODECS"].starts_with("av01.0.0") && told["CODECS"].ends_with(",mp4a.40.2"), "{}", told["CODECS"]);
        assert_eq!((&*told["FRAME-RATE"], &*told["CLOSED-CAPTIONS"]), ("25.000", "NONE"));
        assert_eq!(pair[1], format!("video-{}.m3u8", told["RESOLUTION"]));
        variants += 1;
    }
    assert_eq!(variants, 2);
    // Both manifests are opened by somebody else's readers.
    for manifest in ["main.m3u8", "manifest.mpd"] {
        let path = folder.join(manifest);
        assert_eq!(sums(&path, "v").len(), 375, "{manifest}");
    }
}

#[test]
fn segments_are_a_multiple_of_the_time_between_key_frames() {
    let desk = Desk::new();
    let fixture = desk.write(&Clip::new("short"));
    let options = [QUICK, &["--format", "cmaf", "--keyframe-interval", "4"]].concat();
    let output = desk.convert(&fixture.path, &options).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("segment duration 6: must be a multiple of the interval of key frames, 4 s"), "{stderr}");
    let output = upright("convert").arg(&fixture.path).args(["--format", "webm"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_short_first_segment_is_the_same_in_all_renditions_of_files_and_pipes() {
    let desk = Desk::new();
    let fixture = desk.write(&Clip { timing: Timing::constant(Ratio::new(25, 1), 150), ..Clip::new("feed") });
    let options = ["--preset", "feed", "--encoder", "rav1e", "--ladder", "90,72", "--speed", "10"];
    let mut cat = Command::new("cat").arg(&fixture.path).stdout(Stdio::piped()).spawn().unwrap();
    let mut piped = desk.convert(Path::new("-"), &options);
    piped.stdin(cat.stdout.take().unwrap());
    for (mut command, name) in [(desk.convert(&fixture.path, &options), "feed"), (piped, "stdin")] {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for size in ["90x160", "72x128"] {
            let (file, _, parts) = playlist(&desk.out().join(name).join(format!("video-{size}.m3u8")));
            assert_eq!(
                parts.iter().map(|part| part.seconds).collect::<Vec<_>>(),
                [1.0, 2.0, 2.0, 1.0],
                "{name}: {size}"
            );
            let mut probe = Command::new("ffprobe");
            probe.args([
                "-v",
                "error",
                "-select_streams",
                "v",
                "-show_entries",
                "packet=pts_time,flags",
                "-of",
                "csv=p=0",
            ]);
            let packets = String::from_utf8(probe.arg(&file).output().unwrap().stdout).unwrap();
            let keys = packets.lines().filter(|line| line.contains(",K")).map(|line| line.split(',').next().unwrap());
            let keys: Vec<f64> = keys.map(|time| time.parse().unwrap()).collect();
            assert_eq!(keys, [0.0, 1.0, 3.0, 5.0], "{name}: {size}");
        }
    }
    assert!(cat.wait().unwrap().success());
}

/// Files and ranges of them that a playlist names: the header, and all parts.
fn named(path: &Path) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(path).unwrap();
    let bytes = |uri: &str, range: Option<&str>| {
        let file = fs::read(path.with_file_name(uri)).unwrap();
        let Some((length, begin)) = range.map(|range| range.split_once('@').unwrap()) else { return file };
        let begin: usize = begin.parse().unwrap();
        file[begin..begin + length.parse::<usize>().unwrap()].to_vec()
    };
    let (mut parts, mut range) = (Vec::new(), None);
    for line in text.lines() {
        if line.starts_with("#EXT-X-MAP:") {
            let map = attributes(line);
            parts.push(bytes(&map["URI"], map.get("BYTERANGE").map(String::as_str)));
        } else if let Some(told) = line.strip_prefix("#EXT-X-BYTERANGE:") {
            range = Some(told);
        } else if !line.starts_with('#') {
            parts.push(bytes(line, range.take()));
        }
    }
    parts
}

#[test]
fn segment_files_hold_the_bytes_of_ranges_and_either_package_takes_the_place_of_the_other() {
    let (ranges, files) = (Desk::new(), Desk::new());
    let options = ["--format", "cmaf", "--segment-duration", "2", "--first-segment", "1", "--segment-files"];
    let of_ranges = packaged(&ranges, 125, &options[..6]);
    let of_files = packaged(&files, 125, &options);
    for name in ["video-180x320", "video-180x320-keys", "video-90x160", "audio-1-eng"] {
        let playlist = format!("{name}.m3u8");
        let (expected, found) = (named(&of_ranges.join(&playlist)), named(&of_files.join(&playlist)));
        assert!(expected.len() == 4 && expected == found, "{name}: {} parts, {}", expected.len(), found.len());
    }
    for manifest in ["main.m3u8", "manifest.mpd"] {
        for stream in ["v", "a"] {
            let [expected, found] = [&of_ranges, &of_files].map(|folder| sums(&folder.join(manifest), stream));
            assert!(expected == found && expected.len() >= 125, "{manifest}, {stream}");
        }
    }
    let report: serde_json::Value = serde_json::from_slice(&fs::read(of_files.join("report.json")).unwrap()).unwrap();
    let told = &report["package"]["files"][0];
    assert_eq!((told["file"].as_str(), told["segments"].as_u64()), (Some("video-180x320/init.mp4"), Some(3)));
    let sizes =
        fs::read_dir(of_files.join("video-180x320")).unwrap().map(|file| file.unwrap().metadata().unwrap().len());
    assert_eq!(told["bytes"].as_u64(), Some(sizes.sum()));

    // What is in the way is found beforehand; what an earlier package had and a later one has not, goes; what is others', stays.
    let film = files.path().join("delivered.mp4");
    let again = |options: &[&str]| {
        let options = [&["--ladder", "90", "--speed", "10", "--overwrite"], options].concat();
        let output = files.convert(&film, &options).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let name = |path: &PathBuf| path.strip_prefix(&of_files).unwrap().to_str().unwrap().to_owned();
        let mut names: Vec<_> = crate::support::files(&of_files).iter().map(name).collect();
        names.sort();
        names.join(" ")
    };
    let refused =
        files.convert(&film, &[&["--ladder", "90", "--speed", "10"], &options[..]].concat()).output().unwrap();
    assert_eq!(refused.status.code(), Some(73), "{}", String::from_utf8_lossy(&refused.stderr));
    fs::write(of_files.join("video-90x160/notes.txt"), "mine").unwrap();
    let longer = ["--format", "cmaf", "--segment-duration", "4", "--segment-files"];
    let manifests = "main.m3u8 manifest.mpd report.json";
    assert_eq!(
        again(&longer),
        format!(
            "audio-1-eng.m3u8 audio-1-eng/init.mp4 audio-1-eng/seg-00001.m4s audio-1-eng/seg-00002.m4s {manifests} \
             video-90x160-keys.m3u8 video-90x160.m3u8 video-90x160/init.mp4 video-90x160/notes.txt \
             video-90x160/seg-00001.m4s video-90x160/seg-00002.m4s"
        )
    );
    fs::remove_file(of_files.join("video-90x160/notes.txt")).unwrap();
    // Folders that hold others' folders cannot be swapped: files are moved, one by one.
    fs::create_dir(of_files.join("others")).unwrap();
    assert_eq!(
        again(&longer[..2]),
        format!(
            "audio-1-eng.m3u8 audio-1-eng.mp4 {manifests} video-90x160-keys.m3u8 video-90x160.m3u8 video-90x160.mp4"
        )
    );
    assert!(!of_files.join("video-90x160").exists() && of_files.join("others").is_dir());
    assert!(again(&longer).contains(" video-90x160/seg-00002.m4s") && !of_files.join("video-90x160.mp4").exists());
}

#[test]
fn opus_is_in_dash_alone_and_sounds_as_the_aac_does() {
    let desk = Desk::new();
    // 44.1 kHz, which Opus has not.
    let sound = AudioTrack { sample_rate: 44_100, ..AudioTrack::new(AudioCodec::Flac) };
    let clip = Clip { audio: vec![sound], timing: Timing::constant(Ratio::new(25, 1), 125), ..Clip::new("opus") };
    let fixture = desk.write(&clip);
    let options = ["--format", "cmaf", "--opus", "--ladder", "90", "--speed", "10", "--segment-duration", "2"];
    let folder = package_of(&desk, &fixture.path, &options);
    let manifest = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let (hls, dash) = (manifest("main.m3u8"), manifest("manifest.mpd"));
    assert!(!hls.contains("opus") && dash.matches("codecs=\"opus\"").count() == 1 && dash.contains("mp4a.40.2"));
    let [aac, opus] = ["audio-1.mp4", "audio-1-opus.mp4"].map(|name| folder.join(name));
    let mut probe = Command::new("ffprobe");
    probe.args(["-v", "error", "-show_entries", "stream=codec_name,sample_rate,channels", "-of", "csv=p=0"]);
    assert_eq!(probe.arg(&opus).output().unwrap().stdout, b"opus,48000,2\n");
    // Both last as long as the picture, to within a frame, are as loud, and are at the same times.
    let decoded = |path: &Path| {
        // What only warms decoders up lies before 0.
        let shown = ["-af", "atrim=start=0,aresample=48000", "-ac", "1", "-f", "f32le", "-"];
        let raw = ffmpeg(&[&["-copyts", "-i", path.to_str().unwrap()][..], &shown].concat());
        raw.as_chunks::<4>().0.iter().map(|&bytes| f64::from(f32::from_le_bytes(bytes))).collect::<Vec<_>>()
    };
    let power = |samples: &[f64]| samples.iter().map(|it| it * it).sum::<f64>() / samples.len() as f64;
    let [of_aac, of_opus] = [&aac, &opus].map(|path| decoded(path));
    for samples in [&of_aac, &of_opus] {
        assert!((240_000..241_200).contains(&samples.len()), "{} and {}", of_aac.len(), of_opus.len());
    }
    let difference: Vec<_> = of_aac.iter().zip(&of_opus).map(|(one, other)| one - other).collect();
    let [apart, left] =
        [power(&of_opus), power(&difference)].map(|power_of| 10.0 * (power_of / power(&of_aac)).log10());
    assert!(apart.abs() < 0.5 && left < -10.0, "{apart} dB apart, their difference has {left} dB");
    // What its group of samples is, which they are, and its pre-skip.
    let good = fs::read(&opus).unwrap();
    for (kind, offset, bits) in [(b"sgpd", 21, 3), (b"sbgp", 19, 1), (b"dOps", 7, 1)] {
        let mut bad = good.clone();
        let at = bad.windows(4).position(|four| four == kind).unwrap();
        bad[at + offset] ^= bits;
        fs::write(&opus, &bad).unwrap();
        let output = upright("verify").arg(&folder).arg("--no-decode").output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.code() == Some(65) && said.contains("pus"), "{kind:?}: {said}");
    }
    let refused = desk.convert(&fixture.path, &[&options[..], &["--loudness", "off"]].concat()).output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "{}", String::from_utf8_lossy(&refused.stderr));
}
