//! Programs that behave and programs that do not, as shell scripts.

use super::program::programs;
use super::testing::settings;
use super::y4m;
use crate::colour::{ChromaSite, cicp};
use crate::encode::{self, EncoderFactory, EncoderKind, EncoderSettings};
use crate::error::{Error, Result};
use crate::frame::{Depth, Frame};
use crate::packet::Packet;
use std::fs;
use std::num::NonZeroU32;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;

const FRAMES: usize = 12;

/// A folder with what a good program would write, in which scripts work.
struct Desk {
    folder: TempDir,
    settings: EncoderSettings,
    good: Vec<Packet>,
}

impl Desk {
    fn new() -> Self {
        let settings = settings(64, 64, Depth::Eight);
        let good = encoded(&settings, &[0]).unwrap();
        let desk = Self { folder: TempDir::new().unwrap(), settings, good };
        desk.put("good.ivf", desk.good.iter().map(|packet| &packet.data[..]));
        desk
    }

    fn put<'a>(&self, name: &str, packets: impl IntoIterator<Item = &'a [u8]>) {
        let mut file = b"DKIF\0\0\x20\0AV01".to_vec();
        file.resize(32, 0);
        for packet in packets {
            file.extend(u32::try_from(packet.len()).unwrap().to_le_bytes());
            file.extend([0; 8]);
            file.extend(packet);
        }
        fs::write(self.folder.path().join(name), file).unwrap();
    }

    /// Makes settings for a program that is a script, which counts as hung after `silence` seconds.
    fn script(&self, silence: u32, script: &str) -> EncoderSettings {
        let profile = format!(
            "program = 'sh'\nsilence = {silence}\narguments = ['-c', '''cd {}\n{script}''']\n\
             quality = [[0, 0]]\nspeed = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n",
            self.folder.path().display()
        );
        let path = self.folder.path().join("profile.toml");
        fs::write(&path, profile).unwrap();
        EncoderSettings { kind: EncoderKind::Pipe(path.to_str().unwrap().to_owned()), ..self.settings.clone() }
    }

    fn run(&self, script: &str) -> Result<Vec<Packet>> {
        encoded(&self.script(60, script), &[0])
    }

    /// Returns the message with which a script fails; it has the encoder's name in front.
    fn failure(&self, script: &str) -> String {
        let failure = self.run(script).unwrap_err();
        assert!(matches!(&failure, Error::Encoder { encoder, .. } if encoder.starts_with("pipe:")), "{failure:?}");
        assert_eq!(failure.to_string().lines().count(), 1, "{failure}");
        failure.to_string()
    }

    /// Waits for the number of a process that a script writes down.
    fn pid(&self) -> u32 {
        loop {
            let pid = fs::read_to_string(self.folder.path().join("pid")).unwrap_or_default();
            match pid.strip_suffix('\n') {
                Some(pid) => return pid.parse().unwrap(),
                None => std::thread::yield_now(),
            }
        }
    }
}

/// Makes frames with uneven times, some of them of noise.
fn film(settings: &EncoderSettings) -> Vec<Frame> {
    let film = (0..FRAMES).map(|number| {
        let mut frame = Frame::new(settings.frame_format());
        frame.bytes_mut().iter_mut().zip(0_usize..).for_each(|(sample, at)| *sample = (at * number % 251) as u8);
        (frame.pts, frame.duration) = ((number * number) as i64, 2 * number as i64 + 1);
        frame
    });
    film.collect()
}

fn encoded(settings: &EncoderSettings, keys: &[usize]) -> Result<Vec<Packet>> {
    let mut encoder = encode::open(settings)?;
    let mut packets = Vec::new();
    for (index, frame) in film(settings).iter().enumerate() {
        encoder.encode(frame.clone().into(), keys.contains(&index), &mut packets)?;
    }
    while encoder.finish(&mut packets)? {}
    assert!(!encoder.finish(&mut packets)?, "the end stays the end");
    Ok(packets)
}

fn gone(pid: u32) -> bool {
    !Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn packets_have_the_times_of_their_frames() {
    let desk = Desk::new();
    assert_eq!(desk.good.len(), FRAMES);
    assert_eq!(desk.run("cat > in.y4m; cat good.ivf").unwrap(), desk.good);
    let mut expected = y4m::header(&desk.settings).into_bytes();
    film(&desk.settings).iter().for_each(|frame| y4m::append(frame, &mut expected));
    assert_eq!(fs::read(desk.folder.path().join("in.y4m")).unwrap(), expected);
}

#[test]
fn delimiters_are_taken_out() {
    let desk = Desk::new();
    let delimited: Vec<_> = desk.good.iter().map(|packet| [&[0x12, 0x00], &packet.data[..]].concat()).collect();
    desk.put("delimited.ivf", delimited.iter().map(|packet| &packet[..]));
    assert_eq!(desk.run("cat > in.y4m; cat delimited.ivf").unwrap(), desk.good);
}

#[test]
fn full_pipes_stop_nobody() {
    let desk = Desk::new();
    // A packet with a padding of 300,000 bytes, far more than a pipe holds, written before the rest is read.
    let padding = [&[0x7a, 0xe0, 0xa7, 0x12][..], &[0; 300_000]].concat();
    let mut packets: Vec<_> = desk.good.iter().map(|packet| packet.data.clone()).collect();
    packets[0].extend(padding);
    desk.put("large.ivf", packets.iter().map(|packet| &packet[..]));
    let frame = 64 * 64 * 3 / 2 + 6;
    let line = y4m::header(&desk.settings).len();
    let script = format!("head -c {} > /dev/null; cat large.ivf; cat > /dev/null", line + FRAMES * frame - 1);
    let made = desk.run(&script).unwrap();
    assert_eq!(made.len(), FRAMES);
    assert!(made[0].data.len() > 300_000);
}

#[test]
fn what_it_says_is_no_hindrance() {
    let desk = Desk::new();
    assert_eq!(desk.run("yes warning | head -c 3000000 >&2; cat > /dev/null; cat good.ivf").unwrap(), desk.good);
}

#[test]
fn a_death_is_told_with_the_last_words() {
    let desk = Desk::new();
    let killed = desk.failure("head -c 20000 > /dev/null; echo out of luck >&2; kill -SEGV $$");
    assert!(killed.contains("sh ended with signal: 11") && killed.ends_with("it said: out of luck"), "{killed}");
    let failed =
        desk.failure("cat > /dev/null; head -c 50 good.ivf; printf 'one\\n\\ntwo\\tx\\rthree\\033\\n' >&2; exit 3");
    assert!(failed.contains("sh ended with exit status: 3") && failed.contains("of 12 frames"), "{failed}");
    assert!(failed.ends_with("it said: one; two x; three"), "{failed}");
    let late = desk.failure("cat > /dev/null; cat good.ivf; exit 4");
    assert!(late.contains("exit status: 4 after 12 packets of 12 frames"), "{late}");
}

#[test]
fn silence_is_a_failure_and_ends_all_that_was_started() {
    let desk = Desk::new();
    for script in
        ["echo $$ > pid; exec sleep 1000", "sleep 1000 & echo $! > pid; wait", "echo $$ > pid; exec sleep 1000 >&-"]
    {
        drop(fs::remove_file(desk.folder.path().join("pid")));
        let failure = encoded(&desk.script(1, script), &[0]).unwrap_err().to_string();
        let silent = failure.contains("sh has neither read nor written for 1 seconds");
        assert!(silent || failure.contains("sh closed its output and did not end"), "{failure}");
        let pid = desk.pid();
        // What the script started is nobody's child here: who ends it does not see it go.
        let zombie = || fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "));
        while !gone(pid) && !zombie() {
            std::thread::yield_now();
        }
    }
}

#[test]
fn output_of_another_kind_is_refused() {
    let desk = Desk::new();
    let garbage = desk.failure("cat > /dev/null; echo hm >&2; yes garbage | head -c 100000");
    assert!(garbage.contains("sh wrote no IVF of AV1: its output has no IVF signature; it said: hm"), "{garbage}");
    let half = desk.failure("cat > /dev/null; head -c 1000 good.ivf");
    assert!(half.contains("of 12 frames, its output ends inside a frame"), "{half}");
    desk.put("noise.ivf", [&[0xff; 20][..]]);
    assert!(desk.failure("cat > /dev/null; cat noise.ivf").contains("packet 0 of sh is wrong"));
}

#[test]
fn packets_are_as_many_as_frames() {
    let desk = Desk::new();
    let packets = || desk.good.iter().map(|packet| &packet.data[..]);
    desk.put("few.ivf", packets().take(7));
    let few = desk.failure("cat > /dev/null; cat few.ivf");
    assert!(few.contains("sh ended after 7 packets of 12 frames"), "{few}");
    desk.put("many.ivf", packets().chain(packets().skip(11)));
    let many = desk.failure("cat > /dev/null; cat many.ivf");
    assert!(many.contains("more packets than the 12 frames"), "{many}");
    let none = desk.failure("exec < /dev/null");
    assert!(none.contains("sh ended after 0 packets"), "{none}");
    assert!(desk.failure("cat good.ivf").contains("sh"), "it cannot have read anything");
}

#[test]
fn a_packet_is_one_shown_frame_and_the_first_alone_is_a_key_frame() {
    let desk = Desk::new();
    let packet = |index: usize| &desk.good[index].data[..];
    let double = [packet(1), packet(2)].concat();
    desk.put("double.ivf", [packet(0), &double]);
    assert!(desk.failure("cat > /dev/null; cat double.ivf").contains("packet 1 of sh is wrong: it shows 2 frames"));
    desk.put("keys.ivf", [packet(0), packet(1), packet(0)]);
    let keys = desk.failure("cat > /dev/null; cat keys.ivf");
    assert!(keys.contains("packet 2 of sh is wrong: it has a key frame where none was asked for"), "{keys}");
    desk.put("late.ivf", [packet(1)]);
    assert!(desk.failure("cat > /dev/null; cat late.ivf").contains("does not begin with a sequence header"));

    let refused = encoded(&desk.script(60, "cat > /dev/null"), &[0, 5]).unwrap_err().to_string();
    assert!(refused.contains("it counts key frames and makes none of frame 5 of a segment"), "{refused}");
    let counting =
        EncoderSettings { key_frame_distance: NonZeroU32::new(2), ..desk.script(60, "cat > /dev/null; cat good.ivf") };
    let forgotten = encoded(&counting, &[0]).unwrap_err().to_string();
    assert!(forgotten.contains("it counts key frames and makes one of frame 2 of a segment"), "{forgotten}");
    let not_made = encoded(&counting, &[0, 2, 4, 6, 8, 10]).unwrap_err().to_string();
    assert!(not_made.contains("packet 2 of sh is wrong: it does not begin with a sequence header"), "{not_made}");
}

#[test]
fn what_the_stream_says_of_itself_has_to_be_what_was_asked_for() {
    let desk = Desk::new();
    let good = desk.script(60, "cat > /dev/null; cat good.ivf");
    let colour = |change: fn(&mut EncoderSettings)| {
        let mut settings = good.clone();
        change(&mut settings);
        encoded(&settings, &[0]).unwrap_err().to_string()
    };
    assert!(colour(|s| s.colour.primaries = cicp::BT2020).contains("says colour [1, 1, 1]"));
    assert!(colour(|s| s.colour.full_range = true).contains("full range false"));
    assert!(colour(|s| s.colour.chroma = ChromaSite::TOP_LEFT).contains("chroma position 1 instead of"));
    assert!(colour(|s| s.size.width = 66).contains("instead of FrameFormat { width: 66"));
    assert!(colour(|s| s.depth = Depth::Ten).contains("instead of FrameFormat"));
}

#[test]
fn who_is_dropped_is_ended() {
    let desk = Desk::new();
    let mut encoder = encode::open(&desk.script(60, "echo $$ > pid; exec sleep 1000")).unwrap();
    encoder.encode(film(&desk.settings)[0].clone().into(), true, &mut Vec::new()).unwrap();
    let pid = desk.pid();
    assert!(!gone(pid));
    drop(encoder);
    assert!(gone(pid));
}

#[test]
fn without_a_frame_there_is_nothing_to_wait_for() {
    let desk = Desk::new();
    let mut encoder = encode::open(&desk.script(60, "exec sleep 1000")).unwrap();
    let mut packets = Vec::new();
    assert!(!encoder.finish(&mut packets).unwrap());
    assert!(packets.is_empty());
    assert!(encoder.encode(film(&desk.settings)[0].clone().into(), false, &mut packets).is_err());
}

#[test]
fn frames_of_another_format_are_refused() {
    let desk = Desk::new();
    let mut encoder = encode::open(&desk.script(60, "cat > /dev/null")).unwrap();
    let other = Frame::new(settings(66, 64, Depth::Eight).frame_format());
    assert!(matches!(encoder.encode(other.into(), true, &mut Vec::new()), Err(Error::Encoder { .. })));
}

#[test]
fn a_missing_program_is_named_with_the_way_to_get_it() {
    let desk = Desk::new();
    let settings = desk.script(60, "");
    let EncoderKind::Pipe(path) = &settings.kind else { unreachable!() };
    let profile = fs::read_to_string(path).unwrap().replace("'sh'", "'no-such-encoder'\nget = 'buy it'");
    fs::write(path, profile).unwrap();
    match encode::open(&settings).err() {
        Some(Error::EncoderMissing { encoder, why }) => {
            assert_eq!(encoder, settings.kind.to_string());
            assert_eq!(why, "there is no program no-such-encoder; buy it");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_profile_or_av1_cannot_carry_is_refused() {
    let desk = Desk::new();
    let mut settings = desk.script(60, "");
    settings.options.push(("a".to_owned(), "b".to_owned()));
    assert!(
        matches!(encode::open(&settings).err(), Some(Error::InvalidOption { .. })),
        "it has no template for options"
    );
    settings.colour.chroma = ChromaSite::CENTRE;
    assert!(matches!(encode::open(&settings).err(), Some(Error::Misuse(_))));
}

#[test]
fn the_version_changes_with_the_program_its_words_and_its_profile() {
    let desk = Desk::new();
    let program = desk.folder.path().join("encoder");
    let profile = desk.folder.path().join("profile.toml");
    let version = |script: &str, silence: u32| {
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        let text = format!(
            "program = '{}'\nversion = ['--version']\nsilence = {silence}\narguments = []\n\
             quality = [[0, 0]]\nspeed = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n",
            program.display()
        );
        fs::write(&profile, text).unwrap();
        let kind = EncoderKind::Pipe(profile.to_str().unwrap().to_owned());
        EncoderFactory::find(&kind).unwrap().version().unwrap()
    };
    let words = desk.folder.path().join("words");
    let say = |said: &str| fs::write(&words, said).unwrap();
    let script = format!("cat {}", words.display());
    say("Encoder 1.0\nat 0x1234\n SVT-AV1 Encoder Lib v4.2.0-151-g5ed9ffbcb\n");
    let first = version(&script, 1);
    assert!(first.starts_with("Encoder 1.0, SVT-AV1 4.2.0-151-g5ed9ffbcb, program "), "{first}");
    assert_eq!(version(&script, 1), first);
    assert_ne!(version(&format!("{script} # another"), 1), first);
    assert_ne!(version(&script, 2), first);
    say("Encoder 1.0\nat 0x5678\n SVT-AV1 Encoder Lib v4.2.0-151-g5ed9ffbcb\n");
    assert_eq!(version(&script, 1), first, "addresses and times are no versions");
    say("Encoder 1.1\n SVT-AV1 Encoder Lib v4.2.0-151-g5ed9ffbcb\n");
    assert_ne!(version(&script, 1), first);
    say("Encoder 1.0\n SVT-AV1 Encoder Lib v4.2.0-152-g123456789\n");
    assert_ne!(version(&script, 1), first);
}

#[test]
fn the_programs_of_the_shipped_profiles_are_listed() {
    let programs = programs();
    assert_eq!(programs.iter().map(|program| program.profile).collect::<Vec<_>>(), ["svtav1", "ffmpeg"]);
    let ffmpeg = &programs[1];
    assert!(ffmpeg.path.as_ref().is_some_and(|path| path.is_file()), "{ffmpeg:?}; is FFmpeg installed?");
    assert!(ffmpeg.version.as_ref().is_some_and(|version| version.starts_with("ffmpeg version")), "{ffmpeg:?}");
}
