//! Several tracks of sound: which are taken, in what order, and what of each is kept.

use crate::rendition::{Source, check};
use crate::support::{Converted, Desk, QUICK, assert_refused};
use std::path::PathBuf;
use std::process::Command;
use upright_fixtures::inspect;
use upright_fixtures::{AudioCodec, AudioTrack, Clip, Codec, Container, Ratio, Timing};

/// Seconds that a frame lasts.
const FRAME: f64 = 0.04;

/// A film in English with surround sound, its director's words on it, a Chinese version, and a description. Track `default` is the
/// file's default; the tones of the tracks are 220, 440, 660 and 880 Hz.
fn film(desk: &Desk, default: usize) -> PathBuf {
    let track = |codec, channels, language: &str, title: &str| AudioTrack {
        channels,
        language: Some(language.to_owned()),
        title: Some(title.to_owned()),
        ..AudioTrack::new(codec)
    };
    let clip = Clip {
        timing: Timing::constant(Ratio::new(25, 1), 50),
        flashes: vec![12, 37],
        codec: Codec::H264,
        container: Container::Mkv,
        audio: vec![
            track(AudioCodec::Ac3, 6, "eng", "Main"),
            track(AudioCodec::Opus, 2, "eng", "Director"),
            track(AudioCodec::Vorbis, 2, "chi", "Mandarin"),
            AudioTrack { sample_rate: 44_100, ..track(AudioCodec::Aac, 2, "eng", "Described") },
        ],
        ..Clip::new("plain")
    };
    let path = desk.path().join("film.mkv");
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-i"]).arg(desk.write(&clip).path).args(["-map", "0", "-c", "copy"]);
    for (track, roles) in ["original", "comment", "dub", "visual_impaired"].iter().enumerate() {
        let roles = if track == default { format!("default+{roles}") } else { (*roles).to_owned() };
        command.args([format!("-disposition:a:{track}"), roles]);
    }
    assert!(command.arg(&path).status().unwrap().success());
    path
}

/// Checks that every track is in step with the picture, and has the tone of the source's track.
fn check_tracks(converted: &Converted, clicks: usize, quiet: (f64, f64)) {
    let tracks = converted.report["audio"].as_array().unwrap();
    for (number, track) in tracks.iter().enumerate() {
        let offsets = inspect::sync(converted.rendition(), number).unwrap();
        assert_eq!(offsets.len(), clicks, "{track}");
        assert!(offsets.iter().all(|offset| offset.abs() < FRAME / 4.0), "{track}: clicks after flashes: {offsets:?}");
        let expected = 220.0 * track["track"].as_f64().unwrap();
        for side in 0..2 {
            let tone = inspect::channel(converted.rendition(), number, side).unwrap().tone(quiet.0, quiet.1);
            assert!((tone - expected).abs() < 5.0, "{track}: {tone} Hz");
        }
    }
}

/// Codec, channels, language, title and dispositions of every track.
fn listed(converted: &Converted) -> Vec<String> {
    let probe = inspect::probe(converted.rendition()).unwrap();
    let told = |stream: &&inspect::Stream| {
        let (codec, channels) = (stream.codec_name.as_deref().unwrap(), stream.channels.unwrap());
        let (language, title) = (stream.language().unwrap(), stream.title().unwrap());
        format!("{codec} {channels} {language} {title}: {}", stream.dispositions().join("+"))
    };
    probe.audio().iter().map(told).collect()
}

#[test]
fn languages_are_taken_in_the_order_given_with_all_their_tracks_and_mixes_before_them() {
    let desk = Desk::new();
    let path = film(&desk, 0);
    let converted = desk.converted(&path, &[QUICK, &["--audio", "zh-Hant,en", "--stereo", "add"]].concat());
    check(&converted, &Source::look(&path));
    let expected = [
        "aac 2 chi Mandarin: default+dub",
        "aac 2 eng Main (stereo): ",
        "ac3 6 eng Main: ",
        "opus 2 eng Director: comment",
        "aac 2 eng Described: descriptions+visual_impaired",
    ];
    assert_eq!(listed(&converted), expected);
    check_tracks(&converted, 2, (0.75, 1.25));
    let copied: Vec<_> = converted.report["audio"].as_array().unwrap().iter().map(|track| &track["copied"]).collect();
    assert_eq!(copied, [false, false, true, true, true]);
    assert_eq!(converted.report["audio"][2]["roles"][0], "original");
    assert!(!converted.stderr.contains("not carried over"), "{}", converted.stderr);

    // A part, for which the source is sought in; the flashes are at 0.48 s and 1.48 s.
    let part = ["--audio", "all", "--stereo", "only", "--start", "1.01", "--duration", "0.8", "--overwrite"];
    let converted = desk.converted(&path, &[QUICK, &part].concat());
    assert_eq!(listed(&converted)[0], "aac 2 eng Main: default");
    check_tracks(&converted, 1, (0.05, 0.4));
}

#[test]
fn all_tracks_begin_with_the_default_one() {
    let desk = Desk::new();
    let converted = desk.converted(&film(&desk, 2), &[QUICK, &["--audio", "all"]].concat());
    let tracks: Vec<_> = converted.report["audio"].as_array().unwrap().iter().map(|track| &track["track"]).collect();
    assert_eq!(tracks, [3, 1, 2, 4]);
    let default: Vec<_> = listed(&converted).iter().map(|track| track.contains("default")).collect();
    assert_eq!(default, [true, false, false, false]);
}

#[test]
fn sound_that_is_not_there_is_refused_with_what_there_is() {
    let desk = Desk::new();
    let path = film(&desk, 0);
    for (audio, words) in [
        ("eng,fra", &["audio in fra is not there", "eng (tracks 1, 2, 4)", "zho (track 3)"][..]),
        ("5", &["audio track 5 is not there", "4 audio tracks"]),
        ("2+4", &["2 and 4 are not left and right"]),
        ("all,1", &["invalid value 'all,1'"]),
    ] {
        assert_refused(&desk.convert(&path, &["--audio", audio]).output().unwrap(), 2, words);
    }
    assert_refused(&desk.convert(&path, &["--program", "1"]).output().unwrap(), 2, &["is not made of programs"]);
    assert!(desk.leftovers().is_empty());
}
