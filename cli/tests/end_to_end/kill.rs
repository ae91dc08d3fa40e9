//! Stopping at any moment: nothing under a final name that is not whole.

use crate::support::{Desk, files, signal};
use std::path::Path;
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

/// Checks that every file that has not a hidden name is whole, and that where there is a report everything is there.
/// Gives the number of files under final names.
fn check_final_names(folder: &Path) -> usize {
    let hidden = |path: &Path| path.file_name().unwrap().to_str().unwrap().starts_with('.');
    let last: Vec<_> = files(folder).into_iter().filter(|path| !hidden(path)).collect();
    for path in &last {
        if path.extension().is_some_and(|extension| extension == "mp4") {
            inspect::check_decodes(path).unwrap();
            assert_eq!(inspect::frames(path, "v:0").unwrap().len(), FRAMES, "{}", path.display());
        } else {
            let report: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            assert_eq!(report["frames"], FRAMES);
            assert_eq!(last.len(), 3, "the report comes last");
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
        child.wait().unwrap();
        check_final_names(&desk.out());
    }
    // And afterwards it can be done again over what was left.
    assert!(start(&desk, &source, &[OPTIONS, &["--overwrite"]].concat()).wait().unwrap().success());
    assert_eq!(check_final_names(&desk.out()), 3);
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
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let mut child = long(&desk, &source);
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(code), "SIG{name}");
        assert!(desk.leftovers().is_empty(), "SIG{name}: {:?}", desk.leftovers());
        assert!(!desk.out().exists(), "the folders that it made are gone too");
    }
}

/// Whether a process has a handler of its own for SIGINT, by the kernel's word.
fn listens(child: &Child) -> bool {
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
    signal(&child, "INT");
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
    signal(&child, "INT");
    // It may have ended already.
    drop(std::process::Command::new("kill").arg("-INT").arg(child.id().to_string()).stderr(Stdio::null()).status());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(check_final_names(&desk.out()), 0);
}
