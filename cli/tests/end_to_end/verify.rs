//! `upright verify`: a good package passes, and whatever is broken in it is found and named rightly.

use crate::encryption;
use crate::support::{Desk, package_of, packaged, upright};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use upright_fixtures::{Clip, Codec, Container, Ratio, Timing};

const VIDEO: &str = "video-180x320.mp4";
const SOUND: &str = "audio-1-eng.mp4";
const HLS: &str = "main.m3u8";
const DASH: &str = "manifest.mpd";
const MEDIA: &str = "video-180x320.m3u8";
const TEXT: &str = "subtitles-1-eng.m3u8";
const KEYS: &str = "video-180x320-keys.m3u8";

/// Runs the program, and gives its exit code and the rules that it says are broken.
fn verify(package: &Path, options: &[&str]) -> (i32, BTreeSet<String>) {
    let output = upright("verify").arg(package).arg("--json").args(options).output().unwrap();
    let json: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
    });
    let rules = json["findings"].as_array().unwrap().iter().map(|it| it["rule"].as_str().unwrap().to_owned());
    (output.status.code().unwrap(), rules.collect())
}

/// A change of a file's bytes; false where there is nothing to change.
type Change = Box<dyn Fn(&mut Vec<u8>) -> bool>;

/// Another text in the place of the first like it.
fn text(from: &'static str, to: &'static str) -> Change {
    Box::new(move |bytes| {
        let content = String::from_utf8(bytes.clone()).unwrap();
        *bytes = content.replacen(from, to, 1).into_bytes();
        content.contains(from)
    })
}

/// The whole of each line that begins so is left out.
fn without(begin: &'static str) -> Change {
    Box::new(move |bytes| {
        let content = String::from_utf8(bytes.clone()).unwrap();
        *bytes = content
            .split_inclusive('\n')
            .filter(|line| !line.trim_start().starts_with(begin))
            .collect::<String>()
            .into_bytes();
        content.contains(begin)
    })
}

/// Finds where a box of this kind begins: the one before which there are `which` others.
fn find(bytes: &[u8], kind: &str, which: usize) -> Option<usize> {
    bytes.windows(4).enumerate().filter(|(_, four)| *four == kind.as_bytes()).nth(which).map(|(at, _)| at - 4)
}

/// Bits of a byte are turned round, so many bytes behind the beginning of a box.
fn flip(kind: &'static str, which: usize, offset: usize, bits: u8) -> Change {
    Box::new(move |bytes| {
        let Some(at) = find(bytes, kind, which) else { return false };
        bytes[at + offset] ^= bits;
        true
    })
}

/// A box is called something else.
fn rename(kind: &'static str, to: &'static str) -> Change {
    Box::new(move |bytes| {
        let Some(at) = find(bytes, kind, 0) else { return false };
        bytes[at + 4..at + 8].copy_from_slice(to.as_bytes());
        true
    })
}

fn shortened(by: usize) -> Change {
    Box::new(move |bytes| {
        bytes.truncate(bytes.len() - by);
        true
    })
}

/// Checks that each change, by itself, breaks the rule that it names.
fn assert_found(folder: &Path, cases: &[(&str, Change, &str)], options: &[&str]) {
    let mut seen = BTreeSet::new();
    for (number, (file, change, rule)) in cases.iter().enumerate() {
        let path = folder.join(file);
        let good = fs::read(&path).unwrap();
        let mut bad = good.clone();
        assert!(change(&mut bad) && bad != good, "case {number}, {file}, {rule}: nothing was changed");
        fs::write(&path, bad).unwrap();
        let (exit, rules) = verify(folder, options);
        assert!(exit == 65 && rules.contains(*rule), "case {number}, {file}: {rule} is not among {rules:?} ({exit})");
        fs::write(&path, good).unwrap();
        seen.insert(*rule);
    }
    println!("{} cases of {} rules", cases.len(), seen.len());
}

#[test]
fn whatever_is_broken_is_found_and_named() {
    let desk = Desk::new();
    // One text is shown in two segments.
    let text_file = desk.path().join("text.en.srt");
    let texts = "1\n00:00:01,000 --> 00:00:02,000\nonce\n\n2\n00:00:05,000 --> 00:00:07,000\nacross\n";
    fs::write(&text_file, texts).unwrap();
    let folder = packaged(&desk, 325, &["--format", "cmaf", "--subtitles-in", text_file.to_str().unwrap()]);
    for package in [folder.clone(), folder.join(HLS), folder.join(DASH)] {
        assert_eq!(verify(&package, &[]), (0, BTreeSet::new()), "{}", package.display());
    }
    let said = upright("verify").arg(&folder).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.ends_with("main.m3u8 and manifest.mpd, 3 tracks, 650 frames decoded: nothing is wrong\n"), "{said}");

    let cases: Vec<(&str, Change, &str)> = vec![
        (HLS, text("#EXTM3U\n", ""), "playlist-syntax"),
        (HLS, text("CODECS=\"", "CODECS="), "playlist-syntax"),
        (HLS, text("#EXT-X-INDEPENDENT-SEGMENTS\n", ""), "independent-segments"),
        (HLS, text("BANDWIDTH=", "BANDWIDTH=9"), "bandwidth"),
        (HLS, text("AVERAGE-BANDWIDTH=", "AVERAGE-BANDWIDTH=9"), "average-bandwidth"),
        (HLS, text(",FRAME-RATE=25.000", ""), "attributes"),
        (HLS, text("FRAME-RATE=25.000", "FRAME-RATE=24.000"), "frame-rate"),
        (HLS, text("RESOLUTION=180x320", "RESOLUTION=180x322"), "resolution"),
        (HLS, text("av01.0.00M.08", "av01.0.0M.08"), "codecs"),
        (HLS, text("mp4a.40.2", "mp4a.40.5"), "codecs"),
        (HLS, text("CLOSED-CAPTIONS=NONE", "VIDEO-RANGE=PQ"), "video-range"),
        (HLS, text("AUDIO=\"audio", "AUDIO=\"other"), "audio-group"),
        (HLS, text("DEFAULT=YES", "DEFAULT=NO"), "audio-group"),
        (HLS, text("CHANNELS=\"2\"", "CHANNELS=\"6\""), "audio-group"),
        (HLS, text("URI=\"audio-1-eng.m3u8\"", "URI=\"audio-9.m3u8\""), "file-missing"),
        (HLS, text("\nvideo-180x320.m3u8", "\nvideo.m3u8"), "file-missing"),
        (HLS, without("#EXT-X-I-FRAME-STREAM-INF"), "key-playlist"),
        (HLS, without("#EXT-X-MEDIA:"), "same-tracks"),
        (MEDIA, text("#EXT-X-ENDLIST\n", ""), "playlist-type"),
        (MEDIA, text("TYPE:VOD", "TYPE:EVENT"), "playlist-type"),
        (MEDIA, text("#EXT-X-VERSION:7", "#EXT-X-VERSION:3"), "playlist-version"),
        (MEDIA, text("TARGETDURATION:6", "TARGETDURATION:5"), "target-duration"),
        (MEDIA, text("TARGETDURATION:6", "TARGETDURATION:7"), "target-duration"),
        (MEDIA, text("#EXTINF:6.000000", "#EXTINF:5.960000"), "segment-duration"),
        (MEDIA, text("#EXTINF:6.000000,", "#EXTINF:six,"), "playlist-syntax"),
        (MEDIA, text("@0\"", "@8\""), "map"),
        (MEDIA, text("#EXT-X-BYTERANGE:", "#EXT-X-BYTERANGE:1"), "byte-range"),
        (HLS, text("SUBTITLES=\"text\"", "SUBTITLES=\"other\""), "text"),
        (TEXT, text("TARGETDURATION:6", "TARGETDURATION:5"), "target-duration"),
        (TEXT, text("#EXTINF:6.000000", "#EXTINF:9.000000"), "text-segments"),
        ("subtitles-1-eng-1.vtt", text("X-TIMESTAMP-MAP", "X-TIME"), "text"),
        ("subtitles-1-eng-1.vtt", text("-->", "--"), "text"),
        ("subtitles-1-eng-2.vtt", text("00:00:05", "00:00:06"), "text-segments"),
        ("subtitles-1-eng-3.vtt", text("\n\n", "\n\n00:00:05.000 --> 00:00:07.000\nacross\n\n"), "text-segments"),
        ("subtitles-1-eng.vtt", text("once", "twice"), "same-tracks"),
        (KEYS, text("#EXT-X-BYTERANGE:", "#EXT-X-BYTERANGE:1"), "key-playlist"),
        (KEYS, text("#EXT-X-I-FRAMES-ONLY\n", ""), "key-playlist"),
        (DASH, text("</Period>", ""), "mpd"),
        (DASH, text("mediaPresentationDuration=\"PT13", "mediaPresentationDuration=\"PT12"), "mpd"),
        (DASH, text("isoff-on-demand", "isoff-live"), "mpd"),
        (DASH, text("subsegmentStartsWithSAP=\"1\"", "subsegmentStartsWithSAP=\"0\""), "mpd-sets"),
        (DASH, text("video/mp4", "audio/mp4"), "mpd-sets"),
        (DASH, text("codecs=\"av01.0.00M.08", "codecs=\"av01.0.08M.08"), "codecs"),
        (DASH, text("bandwidth=\"", "bandwidth=\"9"), "bandwidth"),
        (DASH, text("width=\"180\"", "width=\"182\""), "mpd-representation"),
        (DASH, text("frameRate=\"25\"", "frameRate=\"50\""), "mpd-representation"),
        (DASH, text("audioSamplingRate=\"48000\"", "audioSamplingRate=\"44100\""), "mpd-representation"),
        (DASH, text("indexRange=\"", "indexRange=\"1"), "mpd-ranges"),
        (DASH, text("range=\"0-", "range=\"1-"), "mpd-ranges"),
        (DASH, text("<BaseURL>video-180x320", "<BaseURL>video-1x1"), "file-missing"),
        (VIDEO, shortened(1), "boxes"),
        (VIDEO, rename("moof", "mooz"), "boxes"),
        (VIDEO, rename("trex", "trez"), "boxes"),
        (VIDEO, flip("ftyp", 0, 16, 1), "brands"),
        (VIDEO, flip("av1C", 0, 9, 1), "sample-entry"),
        (VIDEO, flip("av01", 1, 33, 2), "picture-size"),
        (VIDEO, flip("tkhd", 0, 85, 2), "picture-size"),
        (VIDEO, flip("colr", 0, 13, 8), "colour-tags"),
        (VIDEO, rename("colr", "colz"), "colour-tags"),
        (VIDEO, flip("pasp", 0, 11, 2), "pixel-aspect"),
        (VIDEO, rename("pasp", "pasz"), "pixel-aspect"),
        (VIDEO, rename("tfdt", "free"), "fragment"),
        (VIDEO, flip("tfdt", 1, 19, 1), "times"),
        (VIDEO, flip("trun", 0, 19, 1), "offsets"),
        (VIDEO, flip("trun", 0, 27, 1), "offsets"),
        (VIDEO, flip("trun", 0, 21, 1), "key-flags"),
        (VIDEO, flip("tfhd", 0, 21, 1), "key-flags"),
        (VIDEO, flip("sidx", 0, 47, 1), "index"),
        (VIDEO, flip("sidx", 0, 43, 1), "index"),
        // The first OBU of the first sample, a sequence header, is called a temporal delimiter; its level is another.
        (VIDEO, flip("mdat", 0, 8, 0x18), "temporal-delimiters"),
        (VIDEO, flip("mdat", 0, 12, 1), "sequence-header"),
        (SOUND, flip("tfdt", 1, 18, 0x40), "times"),
        (SOUND, rename("moof", "mooz"), "boxes"),
    ];
    assert!(cases.len() >= 40);
    assert_found(&folder, &cases, &["--no-decode"]);
    // A file that is gone; a picture whose bits are other ones.
    fs::rename(folder.join(SOUND), folder.join("aside")).unwrap();
    assert!(verify(&folder, &["--no-decode"]).1.contains("file-missing"));
    fs::rename(folder.join("aside"), folder.join(SOUND)).unwrap();
    let mut bytes = fs::read(folder.join(VIDEO)).unwrap();
    let middle = find(&bytes, "mdat", 2).unwrap() + 600;
    bytes[middle..middle + 200].iter_mut().for_each(|byte| *byte = !*byte);
    fs::write(folder.join(VIDEO), bytes).unwrap();
    assert!(verify(&folder, &[]).1.contains("decoding"));

    let nothing = upright("verify").arg(desk.path()).output().unwrap();
    assert_eq!(nothing.status.code(), Some(66), "{}", String::from_utf8_lossy(&nothing.stderr));
}

#[test]
fn whatever_is_broken_in_segment_files_is_found_and_named() {
    let desk = Desk::new();
    let options = ["--format", "cmaf", "--segment-files", "--segment-duration", "2", "--first-segment", "1"];
    let folder = packaged(&desk, 125, &options);
    for package in [folder.clone(), folder.join(HLS), folder.join(DASH)] {
        assert_eq!(verify(&package, &[]), (0, BTreeSet::new()), "{}", package.display());
    }
    let segment = |number: usize| format!("video-180x320/seg-{number:05}.m4s");
    let init = "video-180x320/init.mp4";
    let swap = |one: &str, other: &str| {
        let [one, other, aside] = [one, other, "aside"].map(|name| folder.join(name));
        fs::rename(&one, &aside).unwrap();
        fs::rename(&other, &one).unwrap();
        fs::rename(&aside, &other).unwrap();
    };
    for (one, other, rule) in [
        (segment(1), segment(2), "times"),
        (segment(2), segment(3), "times"),
        (segment(3), "audio-1-eng/seg-00003.m4s".to_owned(), "times"),
        (init.to_owned(), "video-90x160/init.mp4".to_owned(), "sequence-header"),
        (init.to_owned(), segment(1), "boxes"),
    ] {
        swap(&one, &other);
        let (exit, rules) = verify(&folder, &["--no-decode"]);
        assert!(exit == 65 && rules.contains(rule), "{one} and {other}: {rule} is not among {rules:?}");
        swap(&one, &other);
    }
    let gone = folder.join(segment(2));
    fs::rename(&gone, folder.join("aside")).unwrap();
    assert!(verify(&folder, &["--no-decode"]).1.contains("file-missing"));
    fs::rename(folder.join("aside"), &gone).unwrap();

    let second = segment(2);
    let cases: Vec<(&str, Change, &str)> = vec![
        (MEDIA, text("video-180x320/seg-00002.m4s", "video-180x320/seg-00003.m4s"), "times"),
        (MEDIA, text("video-180x320/seg-00003.m4s", "video-90x160/seg-00003.m4s"), "same-tracks"),
        (MEDIA, text("#EXTINF:1.000000", "#EXTINF:2.000000"), "segment-duration"),
        (MEDIA, text("init.mp4\"", "init.mp4\",BYTERANGE=\"9@0\""), "map"),
        (KEYS, text("#EXT-X-BYTERANGE:", "#EXT-X-BYTERANGE:1"), "key-playlist"),
        (KEYS, text("seg-00001", "seg-00009"), "file-missing"),
        (DASH, text("startNumber=\"1\"", "startNumber=\"2\""), "same-tracks"),
        (DASH, text("isoff-live", "isoff-on-demand"), "mpd"),
        (DASH, text("startWithSAP=\"1\"", "startWithSAP=\"0\""), "mpd-sets"),
        (DASH, text("<S t=\"0\"", "<S t=\"1\""), "mpd-timeline"),
        (DASH, text("$Number%05d$", "$Number%05d"), "mpd-timeline"),
        (DASH, text("seg-$Number%05d$", "seg-$Number%04d$"), "same-tracks"),
        (&second, shortened(1), "boxes"),
        (&second, flip("tfdt", 0, 19, 1), "times"),
    ];
    for (number, (file, change, rule)) in cases.iter().enumerate() {
        let path = folder.join(file);
        let good = fs::read(&path).unwrap();
        let mut bad = good.clone();
        assert!(change(&mut bad) && bad != good, "case {number}, {file}, {rule}: nothing was changed");
        fs::write(&path, bad).unwrap();
        let (exit, rules) = verify(&folder, &["--no-decode"]);
        assert!(exit == 65 && rules.contains(*rule), "case {number}, {file}: {rule} is not among {rules:?} ({exit})");
        fs::write(&path, good).unwrap();
    }
}

#[test]
fn whatever_is_broken_of_an_encrypted_package_is_found_and_named() {
    let desk = Desk::new();
    let keys = encryption::keys(desk.path());
    let keys = keys.to_str().unwrap();
    let options = ["--format", "cmaf", "--ladder", "180,90", "--speed", "10", "--encrypt", keys];
    let folder = package_of(&desk, &encryption::film(&desk, 75).path, &options);
    assert_eq!(verify(&folder, &[]), (0, BTreeSet::new()));
    let cases: Vec<(&str, Change, &str)> = vec![
        (VIDEO, rename("sinf", "sinz"), "protection"),
        (VIDEO, flip("frma", 0, 8, 1), "one-track"),
        (VIDEO, flip("schm", 0, 12, 1), "protection"),
        (VIDEO, flip("schm", 0, 17, 1), "protection"),
        (VIDEO, flip("tenc", 0, 13, 0x30), "protection"),
        (VIDEO, flip("tenc", 0, 14, 1), "protection"),
        (VIDEO, flip("tenc", 0, 15, 8), "protection"),
        (VIDEO, flip("tenc", 0, 32, 16), "protection"),
        (SOUND, flip("tenc", 0, 13, 0x19), "protection"),
        // The id of the key, which manifests have too.
        (VIDEO, flip("tenc", 0, 16, 1), "key-tags"),
        (SOUND, flip("tenc", 0, 31, 1), "mpd-protection"),
        (VIDEO, rename("saio", "free"), "sample-encryption"),
        (VIDEO, rename("saiz", "free"), "sample-encryption"),
        (VIDEO, rename("senc", "free"), "sample-encryption"),
        (VIDEO, flip("saio", 0, 19, 4), "sample-encryption"),
        // Clear bytes and protected ones of the first subsample, in a fragment in the middle.
        (VIDEO, flip("senc", 1, 19, 1), "sample-encryption"),
        (VIDEO, flip("senc", 1, 23, 1), "sample-encryption"),
        (VIDEO, flip("senc", 0, 15, 1), "sample-encryption"),
        (MEDIA, text("#EXT-X-KEY:METHOD=SAMPLE-AES", "#EXT-X-KEY:METHOD=AES-128"), "key-tags"),
        (MEDIA, text("KEYID=0xa0", "KEYID=0xa9"), "key-tags"),
        (KEYS, without("#EXT-X-KEY"), "key-tags"),
        (DASH, text("default_KID=\"a0", "default_KID=\"a9"), "mpd-protection"),
        (DASH, text("value=\"cbcs\"", "value=\"cenc\""), "mpd-protection"),
    ];
    assert_found(&folder, &cases, &["--no-decode"]);
    // What the files alone do not tell.
    let cases: Vec<(&str, Change, &str)> = vec![(VIDEO, flip("tenc", 0, 33, 1), "keys")];
    assert_found(&folder, &cases, &["--no-decode", "--keys", keys]);
}

#[test]
fn a_last_frame_that_lasts_long_is_no_damage() {
    let desk = Desk::new();
    // The last one lasts as long as the one before: two seconds, among frames of a twenty-fifth of one.
    let timing = Timing::variable(Ratio::new(1, 600), (0..31).map(|frame| frame * 24).chain([1920]).collect());
    let (codec, container) = (Codec::H264Lossless, Container::Mp4);
    let film = desk.write(&Clip { timing, codec, container, ..Clip::new("still") });
    let options = ["--format", "cmaf", "--ladder", "90", "--speed", "10"];
    let output = upright("verify").arg(package_of(&desk, &film.path, &options)).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("32 frames decoded: nothing is wrong"), "{said}");
}
