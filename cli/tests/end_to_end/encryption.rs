//! Encrypted packages: what ffmpeg decrypts of them, what they tell of their keys, and keys that are none.

use crate::support::{Desk, QUICK, assert_refused, ffmpeg, files, upright};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use upright_fixtures::{AudioCodec, AudioTrack, Clip, Codec, Container, Fixture, Ratio, Timing};

pub(crate) const VIDEO: [&str; 2] = ["a0a1a2a3a4a5a6a7a8a9aaabacadaeaf", "00112233445566778899aabbccddeeff"];
pub(crate) const AUDIO: [&str; 2] = ["b0b1b2b3b4b5b6b7b8b9babbbcbdbebf", "ffeeddccbbaa99887766554433221100"];
/// The IV of the picture.
const IV: &str = "0f0e0d0c0b0a09080706050403020100";

/// Writes a file of keys, which nobody else can read: one for the picture, and one for the sound.
pub(crate) fn keys(folder: &Path) -> PathBuf {
    let ([video, its_key], [audio, other_key]) = (VIDEO, AUDIO);
    let text = format!(
        "[[key]]\ntracks = [\"video\"]\nkid = \"{video}\"\nkey = \"{its_key}\"\niv = \"{IV}\"\n\n\
         [[key]]\ntracks = [\"audio\"]\nkid = \"{audio}\"\nkey = \"{other_key}\"\n\
         hls = [{{ uri = \"skd://sound\", format = \"com.apple.streamingkeydelivery\" }}]\n"
    );
    let path = folder.join("keys.toml");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// A film with sound that begins with its picture.
pub(crate) fn film(desk: &Desk, frames: usize) -> Fixture {
    let sound = AudioTrack { language: Some("eng".to_owned()), ..AudioTrack::new(AudioCodec::Aac) };
    let timing = Timing::constant(Ratio::new(25, 1), frames);
    let (codec, container) = (Codec::H264Lossless, Container::Mp4);
    desk.write(&Clip { timing, audio: vec![sound], codec, container, ..Clip::new("secret") })
}

/// Sums of all frames, or packets of sound, of a file that is decrypted with a key, if one is given.
fn sums(path: &Path, key: Option<&str>) -> String {
    let key = key.map_or_else(Vec::new, |key| vec!["-decryption_key", key]);
    let rest = ["-i", path.to_str().unwrap(), "-f", "framemd5", "-"];
    String::from_utf8(ffmpeg(&[&key[..], &rest].concat())).unwrap()
}

#[test]
fn others_decrypt_a_package_to_what_it_is_without() {
    let desk = Desk::new();
    let (fixture, keys) = (film(&desk, 75), keys(desk.path()));
    let (store, keys) = (desk.path().join("store"), keys.to_str().unwrap());
    // Several tiles in the larger rendition; the store has the same segments for both.
    let options = ["--format", "cmaf", "--ladder", "360,90", "--speed", "10", "--encoder", "rav1e"];
    let options = [&options[..], &["--encoder-options", "tiles=4", "--store", store.to_str().unwrap()]].concat();
    let clear = desk.convert(&fixture.path, &options).args(["--name", "clear"]).output().unwrap();
    assert!(clear.status.success(), "{}", String::from_utf8_lossy(&clear.stderr));
    let secret = desk.convert(&fixture.path, &options).args(["--name", "secret", "--encrypt", keys]).output().unwrap();
    let said = String::from_utf8_lossy(&secret.stderr).into_owned();
    assert!(secret.status.success() && !said.contains("warning"), "{said}");
    let (clear, secret) = (desk.out().join("clear"), desk.out().join("secret"));
    for (file, [id, key]) in [("video-360x640.mp4", VIDEO), ("video-90x160.mp4", VIDEO), ("audio-1-eng.mp4", AUDIO)] {
        let expected = sums(&clear.join(file), None);
        assert!(expected.lines().count() > 75, "{expected}");
        assert_eq!(sums(&secret.join(file), Some(key)), expected, "{file}");
        let playlist = fs::read_to_string(secret.join(file).with_extension("m3u8")).unwrap();
        assert!(playlist.contains(&format!("KEYID=0x{id}")), "{playlist}");
    }
    // Every tile has a subsample of its own: four of them, and what comes before the first in the same.
    let bytes = fs::read(secret.join("video-360x640.mp4")).unwrap();
    let senc = bytes.windows(4).position(|four| four == b"senc").unwrap();
    assert_eq!(bytes[senc + 12..senc + 14], [0, 4]);

    // Nothing of the keys, nor of the file that they came from, is told.
    for path in files(&secret) {
        let bytes = fs::read(&path).unwrap();
        let told = |key: &str| {
            let raw = u128::from_str_radix(key, 16).unwrap().to_be_bytes();
            bytes.windows(16).any(|window| window == raw) || String::from_utf8_lossy(&bytes).contains(key)
        };
        assert!(!told(VIDEO[1]) && !told(AUDIO[1]), "{}", path.display());
    }
    let report = fs::read_to_string(secret.join("report.json")).unwrap();
    assert!(report.contains(&format!("\"key_id\": \"{}\"", VIDEO[0])) && !report.contains("keys.toml"), "{report}");
    let hls = fs::read_to_string(secret.join("main.m3u8")).unwrap();
    assert!(hls.contains("#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI=\"skd://sound\""), "{hls}");

    // Checked by its own program: with the keys all is decoded, without them that is said.
    let verify = |more: &[&str]| {
        let output = upright("verify").arg(&secret).args(more).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = verify(&["--keys", keys]);
    assert!(code == Some(0) && said.contains("150 frames decoded: nothing is wrong"), "{said}");
    let (code, said) = verify(&[]);
    assert_eq!((code, said.matches("is encrypted and was not decoded").count()), (Some(0), 3), "{said}");
    let other = desk.path().join("other.toml");
    fs::write(&other, fs::read_to_string(keys).unwrap().replace(VIDEO[0], "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf")).unwrap();
    let (code, said) = verify(&["--keys", other.to_str().unwrap()]);
    assert!(code == Some(65) && said.contains(": keys: its key, a0a1"), "{said}");
    fs::write(&other, fs::read_to_string(keys).unwrap().replace("33445566778899", "33445566778890")).unwrap();
    fs::write(&other, fs::read_to_string(&other).unwrap().replace("bbaa99887766", "bbaa99887760")).unwrap();
    let (code, said) = verify(&["--keys", other.to_str().unwrap()]);
    // Noise in the few bytes of small tiles may be pictures, too.
    assert!(code == Some(65) && said.matches(": decoding: ").count() >= 2, "{said}");
}

#[test]
fn opus_and_pictures_are_those_of_the_clear_package() {
    let desk = Desk::new();
    let (fixture, keys) = (film(&desk, 75), keys(desk.path()));
    let (store, keys) = (desk.path().join("store"), keys.to_str().unwrap());
    let options = ["--format", "cmaf", "--ladder", "180", "--speed", "10", "--store", store.to_str().unwrap()];
    let more = ["--opus", "--segment-duration", "2", "--first-segment", "1", "--pictures", "all"];
    let options = [&options[..], &more].concat();
    let made = |name: &str, more: &[&str]| {
        let output = desk.convert(&fixture.path, &options).args(["--name", name]).args(more).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        desk.out().join(name)
    };
    let (clear, secret) = (made("clear", &[]), made("secret", &["--encrypt", keys]));
    for picture in ["poster.jpg", "storyboard-1.jpg", "storyboard.vtt", "preview.webp"] {
        assert_eq!(fs::read(clear.join(picture)).unwrap(), fs::read(secret.join(picture)).unwrap(), "{picture}");
    }
    for (track, key) in [("video-180x320.mp4", VIDEO), ("audio-1-eng.mp4", AUDIO), ("audio-1-eng-opus.mp4", AUDIO)] {
        let expected = sums(&clear.join(track), None);
        assert!(expected.lines().count() > 75, "{expected}");
        assert_eq!(sums(&secret.join(track), Some(key[1])), expected, "{track}");
    }
    let verify = |keys: &[&str]| {
        let output = upright("verify").arg(&secret).args(keys).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = verify(&["--keys", keys]);
    assert!(code == Some(0) && said.contains("75 frames decoded: nothing is wrong"), "{said}");
    let wrong = desk.path().join("wrong.toml");
    fs::write(&wrong, fs::read_to_string(keys).unwrap().replace("33445566778899", "33445566778890")).unwrap();
    let (code, said) = verify(&["--keys", wrong.to_str().unwrap()]);
    assert!(code == Some(65) && said.contains("video-180x320.mp4: decoding: "), "{said}");
    let files = desk
        .convert(&fixture.path, &[&options[..], &["--segment-files", "--encrypt", keys]].concat())
        .output()
        .unwrap();
    assert_refused(&files, 2, &["segment files cannot be checked once they are encrypted"]);
}

#[test]
fn keys_that_are_none_are_refused_before_anything_is_done() {
    let desk = Desk::new();
    let (fixture, keys) = (film(&desk, 10), keys(desk.path()));
    let package = [QUICK, &["--format", "cmaf", "--encrypt", keys.to_str().unwrap()]].concat();
    let good = fs::read_to_string(&keys).unwrap();
    let refused = |text: &str, code, words: &[&str]| {
        fs::write(&keys, text).unwrap();
        let output = desk.convert(&fixture.path, &package).output().unwrap();
        assert_refused(&output, code, words);
        assert!(!String::from_utf8_lossy(&output.stderr).contains(&VIDEO[1][..8]) && desk.leftovers().is_empty());
    };
    refused(&good.replace(VIDEO[1], &VIDEO[1][1..]), 65, &["keys.toml, line 4: key: must be 32 hexadecimal digits"]);
    refused(&good.replace(AUDIO[0], VIDEO[0]), 65, &["keys.toml, line 9: kid a0a1", "id of another key"]);
    refused(&good.replace("audio", "sound"), 65, &["line 8", "must be all, video, audio"]);
    refused(&good.replace("video", "720x1280").replace("audio", "540x960"), 2, &["no key is for any track"]);
    fs::write(&keys, &good).unwrap();
    let output = desk.convert(&fixture.path, QUICK).arg("--encrypt").arg(&keys).output().unwrap();
    assert_refused(&output, 2, &["only packages are encrypted; make one with --format cmaf"]);
    let missing = desk.convert(&fixture.path, &[QUICK, &["--format", "cmaf", "--encrypt", "no.toml"]].concat());
    assert_refused(&{ missing }.output().unwrap(), 66, &["no.toml: no such file"]);

    // Others can read the keys, the MP4s stay clear, and the sound too: all of it is said.
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&keys, good.split("\n\n").next().unwrap()).unwrap();
    let both = [&package[..], &["--format", "mp4,cmaf"]].concat();
    let output = desk.convert(&fixture.path, &both[2..]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    for words in ["others can read or change the keys", "the MP4 files are not", "no key is for the sound"] {
        assert!(said.contains(words), "{words}: {said}");
    }
}
