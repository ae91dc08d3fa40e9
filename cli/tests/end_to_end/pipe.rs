//! Encoders outside the process.

use crate::rendition::{Source, check};
use crate::support::{Desk, assert_refused, signal, upright};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use upright_fixtures::{Clip, Codec, Container, Ratio, Scene, Timing};

const OPTIONS: &[&str] = &["--encoder", "pipe:svtav1", "--ladder", "180x320,90x160", "--speed", "10"];

fn film(desk: &Desk, frames: usize) -> PathBuf {
    let clip = Clip {
        scene: Scene::Subject { cuts: vec![] },
        timing: Timing::constant(Ratio::new(25, 1), frames),
        codec: Codec::H264,
        container: Container::Mp4,
        ..Clip::new("film")
    };
    desk.write(&clip).path
}

#[test]
fn a_program_makes_renditions_like_any_encoder() {
    let desk = Desk::new();
    let source = film(&desk, 40);
    let converted = desk.converted(&source, OPTIONS);
    check(&converted, &Source::look(&source));
    assert_eq!(converted.report["plan"]["wanted"]["encoder"]["kind"], "pipe:svtav1");
    assert_eq!(converted.renditions().len(), 2);
}

#[test]
fn an_unknown_profile_and_a_missing_program_are_told_apart() {
    let desk = Desk::new();
    let source = film(&desk, 5);
    let unknown = desk.convert(&source, &["--quiet", "--encoder", "pipe:x265"]).output().unwrap();
    assert_refused(&unknown, 2, &["\"x265\"", "svtav1, ffmpeg"]);
    let mut missing = desk.convert(&source, &[OPTIONS, &["--quiet"]].concat());
    let missing = missing.env("UPRIGHT_SVTAV1", "/no/such/program").output().unwrap();
    assert_refused(&missing, 69, &["pipe:svtav1", "/no/such/program", "apt-get install svt-av1"]);
    let option =
        desk.convert(&source, &[OPTIONS, &["--quiet", "--encoder-options", "nonsense=1"]].concat()).output().unwrap();
    assert_refused(&option, 70, &["SvtAv1EncApp ended with exit status: 1", "nonsense"]);
    assert!(desk.leftovers().is_empty());
}

/// A conversion in a process group of its own, and the programs that it has started.
fn at_work(desk: &Desk, source: &Path) -> (Child, Vec<u32>) {
    // Slow enough to be caught at it.
    let mut command = desk.convert(source, &[OPTIONS, &["--encoder-options", "preset=2"]].concat());
    let mut child = command.process_group(0).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    loop {
        assert!(child.try_wait().unwrap().is_none(), "it ended too early");
        let programs = programs_of(child.id());
        if programs.len() == 2 {
            return (child, programs);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Children of a process that have become another program.
fn programs_of(parent: u32) -> Vec<u32> {
    let numbers =
        Path::new("/proc").read_dir().unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    numbers
        .filter(|&pid| {
            stat(pid).is_some_and(|(name, fields)| name == "SvtAv1EncApp" && fields[1] == parent.to_string())
        })
        .collect()
}

/// A process's name and the fields behind it, of which the first is its state and the second its parent.
fn stat(pid: u32) -> Option<(String, Vec<String>)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (name, fields) = stat.split_once('(')?.1.rsplit_once(") ")?;
    Some((name.to_owned(), fields.split(' ').map(str::to_owned).collect()))
}

/// Bytes that a process has read, from files and pipes.
fn has_read(pid: u32) -> u64 {
    let io = std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    io.lines().find_map(|line| line.strip_prefix("rchar: ")?.parse().ok()).unwrap_or(0)
}

/// Whether a process has ended; one that nobody has waited for yet has, too.
fn ended(pid: u32) -> bool {
    stat(pid).is_none_or(|(_, fields)| fields[0] == "Z")
}

#[test]
fn ctrl_c_is_a_cancel_and_no_failure_of_the_program() {
    let desk = Desk::new();
    let source = film(&desk, 45);
    let (mut child, programs) = at_work(&desk, &source);
    // What a terminal does: the signal goes to the whole group.
    kill_process_group(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!desk.out().exists());
    assert!(programs.into_iter().all(ended), "no program is left behind");
}

#[test]
fn programs_end_with_a_conversion_that_is_killed() {
    let desk = Desk::new();
    let source = film(&desk, 45);
    let (mut child, programs) = at_work(&desk, &source);
    // SvtAv1EncApp 1.4 waits for ever when its input ends before the first frame.
    while !programs.iter().all(|&pid| has_read(pid) > 20 * 160 * 90) {
        assert!(child.try_wait().unwrap().is_none(), "it ended too early");
        std::thread::sleep(Duration::from_millis(5));
    }
    signal(&child, Signal::KILL);
    assert_eq!(child.wait().unwrap().signal(), Some(Signal::KILL.as_raw()));
    let patience = Instant::now() + Duration::from_secs(120);
    for &pid in &programs {
        while !ended(pid) {
            if Instant::now() > patience {
                let killed = kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::KILL);
                panic!("{pid} is still there two minutes after the end of its input; killing it: {killed:?}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Puts a program into a folder of the desk that says this, and gives its path.
fn program(desk: &Desk, path: &str, says: &str) -> PathBuf {
    let path = desk.path().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, format!("#!/bin/sh\necho '{says}' >&2\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn the_ffmpeg_of_the_newer_svtav1_is_taken_and_the_one_that_is_named_before_all() {
    let desk = Desk::new();
    let says = |version: &str| format!("ffmpeg version 9\nSvt[info]: SVT [version]:\tSVT-AV1 Encoder Lib v{version}");
    let (modules, bin) = (desk.path().join("modules"), desk.path().join("bin"));
    let python = program(&desk, "bin/python3", "");
    let folders = format!("#!/bin/sh\nprintf '%s\\n' '' /no/such/folder '{}'\n", modules.display());
    std::fs::write(&python, folders).unwrap();
    let chosen = |named: Option<&Path>| {
        let mut doctor = upright("doctor");
        doctor.arg("--json").env("PATH", &bin).env_remove("UPRIGHT_FFMPEG");
        doctor.envs(named.map(|path| ("UPRIGHT_FFMPEG", path)));
        let seen: serde_json::Value = serde_json::from_slice(&doctor.output().unwrap().stdout).unwrap();
        (seen["programs"][1]["path"].clone(), seen["programs"][1]["svtav1"].clone())
    };
    assert_eq!(chosen(None), (Value::Null, Value::Null));
    let packaged = program(&desk, "modules/imageio_ffmpeg/binaries/ffmpeg-linux-x86_64-v9", &says("4.2.0-151-g5ed9"));
    assert_eq!(chosen(None), (json!(packaged), json!("4.2.0")));
    let usual = program(&desk, "bin/ffmpeg", &says("1.4.1"));
    assert_eq!(chosen(None).0, json!(packaged));
    for newer in ["4.2.0", "10.0"] {
        program(&desk, "bin/ffmpeg", &says(newer));
        assert_eq!(chosen(None), (json!(usual), json!(newer)));
    }
    program(&desk, "bin/ffmpeg", "Unknown encoder");
    assert_eq!(chosen(None).0, json!(packaged));
    program(&desk, packaged.to_str().unwrap(), "Unknown encoder");
    assert_eq!(chosen(None), (json!(usual), Value::Null));
    assert_eq!(chosen(Some(&packaged)).0, json!(packaged));
}
