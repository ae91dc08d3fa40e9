//! What stalls is not waited for: a signal ends everything while it still does.

use crate::kill::listens;
use crate::support::{Desk, QUICK, upright};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;
use upright_fixtures::{Clip, Codec, Container, Ratio, Scene, Timing};

fn film(desk: &Desk, frames: usize) -> PathBuf {
    let clip = Clip {
        scene: Scene::Subject { cuts: vec![] },
        timing: Timing::constant(Ratio::new(25, 1), frames),
        codec: Codec::H264,
        container: Container::Mkv,
        ..Clip::new("film")
    };
    desk.write(&clip).path
}

/// Starts a program that says nothing anyone listens to, but on standard output.
fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// Waits until `so`, which has to come before the program's end.
fn wait_until(child: &mut Child, so: impl Fn(&Child) -> bool) {
    while !so(child) {
        assert!(child.try_wait().unwrap().is_none(), "it ended too early");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Interrupts a program; gives its exit code and what it wrote.
fn interrupted(mut child: Child) -> (Option<i32>, String) {
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let mut written = String::new();
    child.stdout.take().unwrap().read_to_string(&mut written).unwrap();
    (child.wait().unwrap().code(), written)
}

#[test]
fn standard_input_that_says_nothing() {
    let desk = Desk::new();
    let mut convert = desk.convert("-", &[QUICK, &["--progress", "json"]].concat());
    let [mut plan, mut probe] = ["plan", "probe"].map(upright);
    for command in [&mut convert, plan.arg("-"), probe.arg("-")] {
        let mut child = start(command.stdin(Stdio::piped()));
        // Taken out, for waiting would close it.
        let open = child.stdin.take();
        wait_until(&mut child, listens);
        let (code, written) = interrupted(child);
        assert_eq!(code, Some(130), "{command:?}");
        let expected = match command.get_args().next().unwrap().to_str() {
            Some("convert") => "{\"version\":1,\"event\":\"failed\",\"exit\":130,\"message\":\"cancelled\"}\n",
            _ => "",
        };
        assert_eq!(written, expected);
        drop(open);
    }
    assert!(!desk.out().exists());
}

#[test]
fn a_pipe_in_the_middle_of_a_film() {
    let desk = Desk::new();
    let bytes = fs::read(film(&desk, 250)).unwrap();
    let pipe = desk.path().join("pipe.mkv");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let mut child = start(&mut desk.convert(&pipe, QUICK));
    let mut writer = File::options().write(true).open(&pipe).unwrap();
    writer.write_all(&bytes[..bytes.len() / 2]).unwrap();
    wait_until(&mut child, |_| desk.out().join("pipe").exists());
    assert_eq!(interrupted(child).0, Some(130));
    assert!(!desk.out().exists(), "{:?}", desk.leftovers());
    drop(writer);
}

#[test]
fn an_encoder_in_the_middle_of_slow_frames() {
    let desk = Desk::new();
    let source = film(&desk, 50);
    for encoder in ["rav1e", "libsvtav1", "libaom-av1"] {
        let slow = ["--ladder", "1080x1920", "--speed", "0", "--encoder", encoder];
        let mut child = start(&mut desk.convert(&source, &slow));
        wait_until(&mut child, |_| desk.out().join("film").exists());
        // Long enough to have it begin.
        thread::sleep(Duration::from_millis(300));
        assert_eq!(interrupted(child).0, Some(130), "{encoder}");
        assert!(!desk.out().exists(), "{encoder}: {:?}", desk.leftovers());
    }
}

#[test]
fn a_program_that_neither_reads_nor_writes() {
    let desk = Desk::new();
    let profile = desk.path().join("idle.toml");
    let script = format!("echo $$ > {}; exec sleep 1000", desk.path().join("pid").display());
    let text = format!(
        "program = 'sh'\nsilence = 600\narguments = ['-c', '{script}']\nquality = [[0, 0]]\n\
         speed = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n"
    );
    fs::write(&profile, text).unwrap();
    let encoder = format!("pipe:{}", profile.display());
    let mut child = start(&mut desk.convert(film(&desk, 50), &[QUICK, &["--encoder", &encoder]].concat()));
    let pid = || fs::read_to_string(desk.path().join("pid")).ok()?.strip_suffix('\n').map(str::to_owned);
    wait_until(&mut child, |_| pid().is_some());
    assert_eq!(interrupted(child).0, Some(130));
    assert!(!Path::new(&format!("/proc/{}", pid().unwrap())).exists());
    assert!(!desk.out().exists());
}

/// A pipe that is full.
fn full_pipe(desk: &Desk) -> (File, File) {
    let path = desk.path().join("full");
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    #[expect(clippy::cast_possible_wrap, reason = "one low bit")]
    let at_once = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    let reader = File::options().read(true).custom_flags(at_once).open(&path).unwrap();
    let mut filler = File::options().write(true).custom_flags(at_once).open(&path).unwrap();
    loop {
        match filler.write(&[b' '; 1000]) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    // What is opened anew waits where there is no room.
    (reader, File::options().write(true).open(&path).unwrap())
}

#[test]
fn a_reader_of_progress_that_does_not_read() {
    let desk = Desk::new();
    let (_reader, full) = full_pipe(&desk);
    let source = film(&desk, 10);
    let mut command = desk.convert(&source, &[QUICK, &["--progress", "json"]].concat());
    let output = command.stdout(full).stderr(Stdio::piped()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("nobody reads standard output"), "{stderr}");
    assert!(desk.out().join("film/report.json").exists());
}

#[test]
fn messages_that_nobody_reads() {
    let desk = Desk::new();
    let (_reader, full) = full_pipe(&desk);
    let mut child = desk.convert("-", QUICK).stdin(Stdio::piped()).stderr(full).spawn().unwrap();
    let open = child.stdin.take();
    wait_until(&mut child, listens);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(open);
}
