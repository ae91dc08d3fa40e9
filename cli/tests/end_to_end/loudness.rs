//! Loudness, by ffmpeg's meter, and sound in step in every form of the renditions.

use crate::support::{Desk, QUICK, ffmpeg};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use upright_fixtures::inspect;
use upright_fixtures::{AudioCodec, AudioTrack, Clip, Codec, Container, Ratio, Timing};

/// Seconds that a frame of AAC lasts at 48 kHz.
const AAC_FRAME: f64 = 1024.0 / 48_000.0;

/// Converts, and gives the folder and the report.
fn converted(desk: &Desk, source: &Path, options: &[&str]) -> (PathBuf, Value) {
    let options = [QUICK, &["--overwrite"], options].concat();
    let output = desk.convert(source, &options).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let folder = desk.out().join(source.file_stem().unwrap());
    let report = std::fs::read(folder.join("report.json")).unwrap();
    (folder, serde_json::from_slice(&report).unwrap())
}

/// Integrated loudness and true peak of a track, as ffmpeg measures them.
fn measured(path: &Path, track: usize) -> (f64, f64) {
    let map = format!("0:a:{track}");
    let filter = ["-map", &map, "-af", "ebur128=peak=true", "-f", "null", "-"];
    let output = Command::new("ffmpeg").args(["-nostdin", "-i"]).arg(path).args(filter).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let summary = said.split("Summary:").nth(1).unwrap_or_else(|| panic!("{said}"));
    let number = |name: &str| {
        let line = summary.lines().find(|line| line.trim().starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    (number("I:"), number("Peak:"))
}

fn samples(path: &Path) -> Vec<u8> {
    ffmpeg(&["-i", path.to_str().unwrap(), "-map", "0:a:0", "-f", "f32le", "-"])
}

/// Flashes and clicks in the very first and last frames, in sound that begins late or ends early or late.
#[test]
fn sound_is_in_step_from_start_to_end_in_every_form() {
    for (codec, container, delay, short) in [
        (AudioCodec::Aac, Container::Mp4, 0.0, 0.0),
        (AudioCodec::Pcm, Container::Mov, 0.04, 0.1),
        (AudioCodec::Opus, Container::Mkv, 0.0, -0.7),
    ] {
        let desk = Desk::new();
        let clip = Clip {
            timing: Timing::constant(Ratio::new(25, 1), 101),
            flashes: vec![2, 50, 97],
            codec: Codec::H264,
            container,
            audio: vec![AudioTrack { delay, short, ..AudioTrack::new(codec) }],
            ..Clip::new("film")
        };
        let fixture = desk.write(&clip);
        let (folder, report) = converted(&desk, &fixture.path, &["--format", "mp4,cmaf"]);
        let [mp4, video, sound] = ["90x160.mp4", "video-90x160.mp4", "audio-1.mp4"].map(|name| folder.join(name));
        let flashes = inspect::flashes(&mp4).unwrap();
        assert_eq!(flashes.len(), 3, "{codec:?}");
        assert_eq!(inspect::flashes(&video).unwrap(), flashes, "{codec:?}");
        for path in [&mp4, &sound] {
            let clicks = inspect::clicks(path, 0).unwrap();
            let offsets: Vec<_> = clicks.iter().zip(&flashes).map(|(click, flash)| click - flash).collect();
            assert!(offsets.len() == 3 && clicks.len() == 3, "{codec:?}: {path:?}: clicks at {clicks:?}");
            assert!(offsets.iter().all(|offset| offset.abs() < 0.02), "{codec:?}: {path:?}: late by {offsets:?}");
            let end = inspect::sound_span(path, 0).unwrap().1;
            assert!((end - 101.0 / 25.0).abs() < AAC_FRAME, "{codec:?}: {path:?}: the sound ends at {end} s");
        }
        // ffmpeg takes the encoder's first frame off where there are no fragments. All else is the same to the last bit.
        let (whole, fragments) = (samples(&mp4), samples(&sound));
        assert!(whole.len() > 4 * 8 * 48_000 && fragments.ends_with(&whole), "{codec:?}: the same sound");
        assert!(fragments.len() - whole.len() <= 8 * 1024, "{codec:?}");
        assert_eq!((&report["audio"][0]["codec"], &report["audio"][0]["copied"]), (&"aac".into(), &false.into()));
    }
}

/// Materials, in the words of ffmpeg's filters.
const QUIET: &str = "anoisesrc=color=pink:amplitude=0.15:seed=1:d=8:r=48000,aformat=channel_layouts=stereo";
const PEAKS: &str =
    "aevalsrc='0.06*sin(880*t)+if(lt(mod(t,0.5),0.004),0.9*sin(19000*t),0)|0.06*sin(882*t)':d=8:s=48000";
const SPEECH: &str = "anoisesrc=color=pink:amplitude=0.8:seed=5:d=8:r=44100,volume='if(lt(mod(t,3),2),0.05+abs(sin(9*t)),0.001)':eval=frame";
const SILENCE: &str = "anullsrc=r=48000:cl=stereo:d=8";
const SHORT: &str = "sine=frequency=1000:duration=0.2:sample_rate=48000";
const LOUD: &str = "anoisesrc=color=white:amplitude=1:seed=9:d=8:r=48000,aformat=channel_layouts=stereo";

#[test]
fn every_material_has_the_loudness_that_is_wanted_and_no_true_peak_beyond() {
    let desk = Desk::new();
    let path = desk.path().join("film.mkv");
    let sounds = [QUIET, PEAKS, SPEECH, SILENCE, SHORT, LOUD];
    let mut arguments = vec!["-f", "lavfi", "-i", "testsrc2=size=160x90:rate=10:d=8"];
    sounds.iter().for_each(|sound| arguments.extend(["-f", "lavfi", "-i", sound]));
    let maps: Vec<_> = (0..=sounds.len()).map(|input| input.to_string()).collect();
    maps.iter().for_each(|map| arguments.extend(["-map", map]));
    arguments.extend(["-c:v", "ffv1", "-c:a", "pcm_s16le", "-c:a:2", "aac", path.to_str().unwrap()]);
    ffmpeg(&arguments);

    let (folder, report) = converted(&desk, &path, &["--audio", "all", "--format", "mp4,cmaf"]);
    let kept: Vec<_> =
        report["audio"].as_array().unwrap().iter().map(|audio| audio["track"].as_u64().unwrap()).collect();
    for (place, number) in kept.into_iter().enumerate() {
        let sound = sounds[number as usize - 1];
        let told = &report["audio"][place]["loudness"];
        let level = |when: &str, what: &str| told[when][what].as_f64();
        let (loudness, peak) = measured(&folder.join("90x160.mp4"), place);
        let of_track = measured(&folder.join(format!("audio-{}.mp4", place + 1)), 0);
        match sound {
            SILENCE => {
                assert_eq!((level("after", "loudness"), level("after", "peak"), peak), (None, None, f64::NEG_INFINITY));
            }
            // Of which there is no loudness, or as much as can be amplified.
            SHORT => assert!(peak <= -0.9 && told["gain"].as_f64().unwrap() <= 20.0, "{sound}: {told}"),
            _ => {
                assert!((loudness - -16.0).abs() <= 0.3, "{sound}: {loudness} LUFS");
                assert!((loudness - of_track.0).abs() < 0.11, "{sound}: the same sound");
                assert!(peak <= -0.9, "{sound}: {peak} dBTP");
                assert!((level("after", "loudness").unwrap() - loudness).abs() < 0.2, "{sound}: {told}");
                assert!((level("after", "peak").unwrap() - peak).abs() < 0.2, "{sound}: {told}");
                // The meter can tell: none of it was so before.
                let before = measured(&path, number as usize - 1);
                assert!((before.0 - -16.0).abs() > 1.0, "{sound}: {} LUFS", before.0);
                assert!((level("before", "loudness").unwrap() - before.0).abs() < 0.2, "{sound}: {told}");
                // And that of `PEAKS` goes beyond the limit if it is only amplified.
                assert!(sound != PEAKS || before.1 - 16.0 - before.0 > 1.0, "{sound}: {before:?}");
            }
        }
    }
}

/// AAC-LC in stereo is always there, and what CMAF has is copied beside it.
#[test]
fn packages_have_stereo_and_copy_surround() {
    let desk = Desk::new();
    let path = desk.path().join("film.mkv");
    let surround = "sine=frequency=300:duration=3:sample_rate=48000,aformat=channel_layouts=5.1";
    let stereo = "sine=frequency=600:duration=3:sample_rate=48000,aformat=channel_layouts=stereo";
    let inputs =
        ["-f", "lavfi", "-i", "testsrc2=size=160x90:rate=10:d=3", "-f", "lavfi", "-i", surround, "-f", "lavfi"];
    let coded = ["-c:v", "ffv1", "-c:a:0", "ac3", "-c:a:1", "libopus", "-metadata:s:a:0", "language=eng"];
    let maps = ["-i", stereo, "-map", "0", "-map", "1", "-map", "2", "-metadata:s:a:1", "language=fra"];
    ffmpeg(&[&inputs[..], &maps, &coded, &[path.to_str().unwrap()]].concat());
    let (folder, report) = converted(&desk, &path, &["--audio", "all", "--format", "cmaf"]);
    let told = |audio: &Value| {
        let text = |name: &str| audio[name].as_str().unwrap().to_owned();
        let levelled = audio["loudness"].is_object();
        (text("language"), text("codec"), audio["stereo"].as_bool(), audio["copied"].as_bool(), levelled)
    };
    let found: Vec<_> = report["audio"].as_array().unwrap().iter().map(told).collect();
    let track = |language: &str, codec: &str, stereo: bool, copied: bool| {
        (language.to_owned(), codec.to_owned(), Some(stereo), Some(copied), !copied)
    };
    let expected =
        [track("eng", "aac", true, false), track("eng", "ac3", false, true), track("fra", "aac", false, false)];
    assert_eq!(found, expected);
    let packets =
        |path: &Path, map: &str| ffmpeg(&["-i", path.to_str().unwrap(), "-map", map, "-c", "copy", "-f", "ac3", "-"]);
    assert_eq!(packets(&folder.join("audio-2-eng.mp4"), "0:a:0"), packets(&path, "0:a:0"));
    for (name, channels) in [("audio-1-eng.mp4", 2), ("audio-2-eng.mp4", 6), ("audio-3-fra.mp4", 2)] {
        let probe = inspect::probe(folder.join(name)).unwrap();
        assert_eq!(probe.audio()[0].channels, Some(channels), "{name}");
    }
    // Without levelling what cannot be in a package is converted all the same, and the mix is not there if it is not wanted.
    let plain = ["--audio", "all", "--format", "cmaf", "--loudness", "off", "--stereo", "off"];
    let (_, report) = converted(&desk, &path, &plain);
    let found: Vec<_> = report["audio"].as_array().unwrap().iter().map(told).collect();
    let plain = |mut track: (String, String, Option<bool>, Option<bool>, bool)| {
        track.4 = false;
        track
    };
    assert_eq!(found, [track("eng", "ac3", false, true), track("fra", "aac", false, false)].map(plain));
}
