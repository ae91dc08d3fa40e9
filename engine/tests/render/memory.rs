//! Memory that does not grow with the film.

use crate::job::Job;
use std::path::Path;
use std::process::Command;
use tempfile::tempdir;
use upright_fixtures::{AudioCodec, AudioTrack, Clip, Codec, Container, Ratio, Timing};

const SOURCE: &str = "UPRIGHT_TEST_SOURCE";

/// Not a test of its own: a process that converts one film and says what its memory came to.
#[test]
#[ignore = "run by the test below"]
fn convert_and_tell() {
    let source = std::env::var_os(SOURCE).unwrap();
    let directory = tempdir().unwrap();
    Job::new(Path::new(&source), &directory.path().join("out")).run().unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    println!("peak:{peak}");
}

/// Peak resident memory in KiB of a process that converts `source`.
fn peak_of(source: &Path) -> f64 {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "memory::convert_and_tell", "--ignored", "--nocapture"]).env(SOURCE, source);
    let output = String::from_utf8(child.output().unwrap().stdout).unwrap();
    let peak = output.lines().find_map(|line| line.strip_prefix("peak:")).unwrap_or_else(|| panic!("{output}"));
    peak.trim().strip_suffix("kB").unwrap().trim().parse().unwrap()
}

#[test]
fn a_film_ten_times_as_long_takes_no_more_memory() {
    let directory = tempdir().unwrap();
    let film = |name: &str, seconds: usize| {
        let clip = Clip {
            timing: Timing::constant(Ratio::new(25, 1), 25 * seconds),
            codec: Codec::H264,
            container: Container::Mp4,
            audio: vec![AudioTrack::new(AudioCodec::Aac)],
            ..Clip::new(name)
        };
        clip.write(directory.path()).unwrap().path
    };
    let (short, long) = (film("short", 10), film("long", 100));
    let (short, long) = (peak_of(&short), peak_of(&long));
    assert!(long <= short * 1.05, "{long} KiB instead of {short}");
}
