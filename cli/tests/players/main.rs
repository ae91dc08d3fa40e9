//! Packages in the players that people have: hls.js, shaka-player, dash.js and Chromium's own HLS, in headless Chromium.
//!
//! A film of numbered frames that flashes and beeps, in two languages of a tone each, with subtitles in two files beside it, is
//! packaged and played from start to end, in real time; `drive.py` and `judge.py` tell what was to be seen and heard, and what was.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "test code")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};
use tempfile::TempDir;

/// Players take turns: what a busy machine drops is no fault of a package.
static TURN: Mutex<()> = Mutex::new(());

/// A package, and the folder of the players.
struct Desk {
    folder: TempDir,
    modules: PathBuf,
}

/// A key for each rendition, and one for the sound.
const KEYS: &str = r#"
[[key]]
tracks = ["180x320"]
kid = "10000000000000000000000000000001"
key = "0123456789abcdef0123456789abcdef"

[[key]]
tracks = ["360x640"]
kid = "20000000000000000000000000000002"
key = "fedcba9876543210fedcba9876543210"

[[key]]
tracks = ["audio"]
kid = "30000000000000000000000000000003"
key = "00112233445566778899aabbccddeeff"
"#;

impl Desk {
    /// A package that is encrypted with [`KEYS`].
    fn encrypted() -> Self {
        let keys = TempDir::new().unwrap();
        let file = keys.path().join("keys.toml");
        fs::write(&file, KEYS).unwrap();
        let desk = Self::new(&["--encrypt", file.to_str().unwrap()]);
        fs::copy(&file, desk.keys()).unwrap();
        desk
    }

    /// Segments of two seconds, but for the other options.
    fn new(more: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let film = folder.path().join("film.mkv");
        succeeded(&drive().arg("film").arg(&film).output().unwrap());
        let options = ["--format", "cmaf", "--segment-duration", "2", "--ladder", "360,180", "--audio", "all"];
        let mut convert = Command::new(env!("CARGO_BIN_EXE_upright"));
        convert.arg("convert").arg(&film).args(options).args(more).args(["--crop", "center", "--device", "cpu"]);
        convert.args(["--encoder", "libsvtav1", "--speed", "10", "--subtitles-in", "auto"]);
        succeeded(&convert.arg("-o").arg(folder.path()).output().unwrap());
        let found = Command::new(root().join("scripts/npm.sh")).arg(root().join("cli/tests/players")).output().unwrap();
        Self { folder, modules: succeeded(&found).trim_end().into() }
    }

    fn package(&self) -> PathBuf {
        self.folder.path().join("film")
    }

    fn keys(&self) -> PathBuf {
        self.folder.path().join("keys.toml")
    }

    /// Plays the encrypted package in players that are given its keys.
    fn play_with_keys(&self, players: &[&str]) -> Output {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        drive().arg("keys").arg(self.keys()).arg(self.package()).arg(&self.modules).args(players).output().unwrap()
    }

    /// Plays the package in players, in all of them where none is named.
    fn play(&self, players: &[&str]) -> Output {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        drive().arg("play").arg(self.package()).arg(&self.modules).args(players).output().unwrap()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn drive() -> Command {
    let mut drive = Command::new(root().join("scripts/with-packages.sh"));
    drive.arg(root().join("scripts/playwright.txt")).arg(root().join("cli/tests/players/drive.py"));
    // No compiled copies among the sources.
    drive.env("PYTHONDONTWRITEBYTECODE", "1");
    drive
}

/// What a program that succeeded wrote.
fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn players_show_every_frame_once_with_its_sound_and_subtitles_and_change_rung_and_language() {
    let desk = Desk::new(&[]);
    let told = succeeded(&desk.play(&[]));
    assert_eq!(told.lines().count(), 5, "{told}");
}

#[test]
fn players_do_so_with_segment_files_and_a_short_first_segment() {
    let desk = Desk::new(&["--segment-files", "--first-segment", "1"]);
    assert!(desk.package().join("video-180x320/seg-00005.m4s").is_file());
    let told = succeeded(&desk.play(&["hls.js", "shaka-player,manifest.mpd", "dash.js"]));
    assert_eq!(told.lines().count(), 3, "{told}");
}

#[test]
fn players_that_have_its_keys_show_every_frame_of_an_encrypted_package() {
    let told = succeeded(&Desk::encrypted().play_with_keys(&["shaka-player"]));
    assert_eq!(told.lines().count(), 1, "{told}");
}

/// Playlists of the picture without a segment, and a segment of text without its texts: all is well formed, and two seconds are missing.
#[test]
fn players_show_that_a_segment_is_missing() {
    let desk = Desk::new(&[]);
    let path = desk.package().join("subtitles-2-eng-1.vtt");
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches("en ").count(), 3, "{text}");
    fs::write(&path, "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n").unwrap();
    for name in ["video-180x320.m3u8", "video-360x640.m3u8"] {
        let path = desk.package().join(name);
        let text = fs::read_to_string(&path).unwrap();
        let segments: Vec<_> = text.split_inclusive("#EXTINF:").collect();
        assert_eq!(segments.len(), 5, "{text}");
        fs::write(&path, [&segments[..2], &segments[3..]].concat().concat()).unwrap();
    }
    let output = desk.play(&["hls.js"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("frame 149 is the last one, not 199"), "{told}");
    assert!(told.contains("subtitle 'en 0' of 0.1 to 0.7 s is shown from None to None s"), "{told}");
}
