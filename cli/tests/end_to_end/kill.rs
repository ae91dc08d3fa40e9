//! Stopping at any moment: nothing under a final name that is not whole.

use crate::support::{Desk, files, signal};
use rustix::process::Signal;
use std::os::unix::process::ExitStatusExt;
use std::path::{Component, Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use upright_fixtures::{Clip, Codec, Container, Ratio, Scene, Timing, inspect};

const OPTIONS: &[&str] = &["--ladder", "180x320,90x160", "--speed", "10"];
const FRAMES: usize = 75;

fn film(desk: &Desk) -> std::path::PathBuf {
    let clip = Clip {
        scene: Scene::Subject { cuts: vec![] },
        timing: Timing::constant(Ratio::new(25, 1), FRAMES),
        codec: Codec::H264,
        container: Container::Mp4,
        ..Clip::new("film")
    };
    desk.write(&clip).path
}

fn start(desk: &Desk, source: &Path, options: &[&str]) -> Child {
    let mut command = desk.convert(source, options);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Files under final names: neither theirs nor that of a folder in `folder` is hidden.
fn final_names(folder: &Path) -> Vec<PathBuf> {
    let is_hidden = |name: Component| name.as_os_str().to_str().unwrap().starts_with('.');
    files(folder).into_iter().filter(|path| !path.strip_prefix(folder).unwrap().components().any(is_hidden)).collect()
}

/// Checks that every file under a final name is whole, and that there are all or none. Gives their number.
fn check_final_names(folder: &Path) -> usize {
    let last = final_names(folder);
    assert!(matches!(last.len(), 0 | 3), "all at once: {last:?}");
    for path in &last {
        if path.extension().is_some_and(|extension| extension == "mp4") {
            inspect::check_decodes(path).unwrap();
            assert_eq!(inspect::frames(path, "v:0").unwrap().len(), FRAMES, "{}", path.display());
        } else {
            let report: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            assert_eq!(report["frames"], FRAMES);
        }
    }
    last.len()
}

#[test]
fn killed_at_ten_moments_it_leaves_nothing_half_done() {
    let desk = Desk::new();
    let source = film(&desk);
    let begin = Instant::now();
    assert!(start(&desk, &source, OPTIONS).wait().unwrap().success());
    let whole = begin.elapsed();
    assert_eq!(check_final_names(&desk.out()), 3);

    let mut seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().subsec_nanos();
    println!("seed {seed}");
    for round in 0..10 {
        std::fs::remove_dir_all(desk.out()).unwrap();
        std::fs::create_dir(desk.out()).unwrap();
        // Numerical Recipes' generator; the high bits are good enough.
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let random = f64::from(seed >> 8) / f64::from(1 << 24);
        // Every other time near the end, where names are given.
        let share = if round % 2 == 0 { random } else { 0.8 + 0.3 * random };
        let mut child = start(&desk, &source, OPTIONS);
        std::thread::sleep(whole.mul_f64(share));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert!(status.success() || status.signal() == Some(Signal::KILL.as_raw()), "{status}");
        check_final_names(&desk.out());
    }
    // And afterwards it can be done again over what was left.
    assert!(start(&desk, &source, &[OPTIONS, &["--overwrite"]].concat()).wait().unwrap().success());
    assert_eq!(check_final_names(&desk.out()), 3);
}

#[test]
fn killed_while_it_overwrites_it_leaves_the_old_set_or_the_new() {
    let desk = Desk::new();
    let source = film(&desk);
    let folder = desk.out().join("film");
    let set = || {
        let mut files = final_names(&folder);
        files.sort();
        let report = files.pop().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
        let content = files.iter().map(|path| std::fs::read(path).unwrap()).collect::<Vec<_>>();
        (report["plan"]["wanted"]["encoder"]["quality"].clone(), content)
    };
    let options = |quality| [OPTIONS, &["--overwrite", "--quality", quality]].concat();
    let sets = ["40", "80"].map(|quality| {
        assert!(start(&desk, &source, &options(quality)).wait().unwrap().success());
        set()
    });
    std::fs::write(folder.join("notes.txt"), "somebody's").unwrap();
    let mut seen = [0; 2];
    for round in 0..12 {
        let mut child = start(&desk, &source, &options(["40", "80"][round % 2]));
        // The new names come to the hidden folder just before they are published.
        let about_to = || {
            let folders = desk.out().read_dir().unwrap().map(|entry| entry.unwrap().path());
            folders.into_iter().any(|folder| folder != desk.out().join("film") && folder.join("90x160.mp4").exists())
        };
        while !about_to() && child.try_wait().unwrap().is_none() {}
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(std::fs::read(folder.join("notes.txt")).unwrap(), b"somebody's");
        std::fs::remove_file(folder.join("notes.txt")).unwrap();
        let found = set();
        let which = sets.iter().position(|set| *set == found);
        seen[which.expect("one of the two, and nothing of the other")] += 1;
        std::fs::write(folder.join("notes.txt"), "somebody's").unwrap();
        for entry in desk.out().read_dir().unwrap().map(|entry| entry.unwrap()) {
            if entry.file_name() != "film" {
                std::fs::remove_dir_all(entry.path()).unwrap();
            }
        }
    }
    println!("old and new sets, by what was left: {seen:?}");
}

/// Starts a conversion that takes long, and gives it when it is at work.
fn long(desk: &Desk, source: &Path) -> Child {
    let mut child = start(desk, source, &["--ladder", "360x640,90x160", "--speed", "4"]);
    while !desk.out().join("film").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended too early");
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(200));
    child
}

#[test]
fn a_signal_ends_it_tidily() {
    let desk = Desk::new();
    let source = film(&desk);
    for (sent, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let mut child = long(&desk, &source);
        signal(&child, sent);
        assert_eq!(child.wait().unwrap().code(), Some(code), "{sent:?}");
        assert!(desk.leftovers().is_empty(), "{sent:?}: {:?}", desk.leftovers());
        assert!(!desk.out().exists(), "the folders that it made are gone too");
    }
}

/// Whether a process has a handler of its own for SIGINT, by the kernel's word.
pub(crate) fn listens(child: &Child) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() >> 1 & 1 == 1
}

#[test]
fn a_signal_before_a_slow_source_speaks_ends_it_too() {
    let desk = Desk::new();
    let mut command = desk.convert("-", OPTIONS);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !listens(&child) {
        assert!(child.try_wait().unwrap().is_none(), "it ended too early");
        std::thread::sleep(Duration::from_millis(5));
    }
    signal(&child, Signal::INT);
    // Standard input stays open, which waiting would close: nothing but the signal ends it.
    let _open = child.stdin.take().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(desk.leftovers().is_empty());
}

#[test]
fn two_signals_end_it_at_once() {
    let desk = Desk::new();
    let source = film(&desk);
    let mut child = long(&desk, &source);
    signal(&child, Signal::INT);
    // Until it is waited for there is a process to send it to, be it one that has ended already.
    signal(&child, Signal::INT);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(check_final_names(&desk.out()), 0);
}
