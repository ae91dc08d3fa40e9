//! A long film takes no more memory than a short one.

use crate::support::{Converted, Desk, QUICK};
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;
use upright_fixtures::{AudioCodec, AudioTrack, Clip, Codec, Container, Ratio, Timing, repeat};

/// The most memory that a process has had, in KiB, once it has ended.
fn peak(child: &mut Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        // A process that has just ended has no such line any more.
        let now = fs::read_to_string(&status).ok().and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
            line.split_whitespace().nth(1)?.parse().ok()
        });
        peak = now.unwrap_or(peak);
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return peak;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Converts `film` and gives the most memory that took, in KiB, and the number of frames.
fn convert(desk: &Desk, film: &Path) -> (u64, u64) {
    // One segment at a time: of several, the longer a film the likelier all need the most memory at the same moment.
    let options = [QUICK, &["--jobs", "1"]].concat();
    let mut child = desk.convert(film, &options).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let peak = peak(&mut child);
    let converted = Converted::read(desk.out().join(film.file_stem().unwrap()), String::new());
    (peak, converted.report["frames"].as_u64().unwrap())
}

/// Compares a film of ten minutes in 1080p with one of two.
fn compare(frames_per_second: i64) {
    let desk = Desk::new();
    let ten_seconds = Clip {
        size: (1920, 1080),
        timing: Timing::constant(Ratio::new(frames_per_second, 1), 10 * frames_per_second as usize),
        codec: Codec::H264,
        container: Container::Mp4,
        audio: vec![AudioTrack::new(AudioCodec::Aac)],
        ..Clip::new("part")
    };
    let part = desk.write(&ten_seconds).path;
    let peak = |name: &str, times: usize| {
        let film = desk.path().join(format!("{name}.mkv"));
        repeat(&part, times, &film).unwrap();
        let (peak, frames) = convert(&desk, &film);
        assert_eq!(frames, times as u64 * 10 * frames_per_second as u64, "{name}");
        peak
    };
    let (short, long) = (peak("short", 12), peak("long", 60));
    println!("two minutes took {short} KiB, ten minutes {long} KiB");
    assert!(short > 10_000, "memory was measured");
    assert!(long * 100 <= short * 105, "two minutes took {short} KiB, ten minutes {long} KiB");
}

#[test]
fn ten_minutes_take_no_more_memory_than_two() {
    // Few frames a second, or the test would take as long as the film.
    compare(5);
}

#[test]
#[ignore = "takes many minutes: the same at a film's own rate"]
fn ten_minutes_of_24_frames_a_second_take_no_more_memory_than_two() {
    compare(24);
}
