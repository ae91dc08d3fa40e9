//! Where results go: never out of the output folder, never over the input, never two films into one folder unnoticed.

use crate::support::{Desk, QUICK, assert_refused, fed, upright};
use std::fs;
use std::path::Path;
use std::process::Stdio;
use upright_fixtures::{Clip, Codec, Container, Ratio, Timing};

/// What lies in a folder, sorted.
fn listed(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn no_name_leads_out_of_the_output_folder() {
    let desk = Desk::new();
    let film = desk.named("letterbox").path;
    for name in ["..mp4", "...mp4"] {
        let source = desk.path().join(name);
        fs::copy(&film, &source).unwrap();
        assert!(desk.convert(&source, QUICK).status().unwrap().success());
        assert_eq!(listed(&desk.out()), [name]);
        assert_eq!(listed(&desk.out().join(name)), ["90x160.mp4", "report.json"]);
        fs::remove_dir_all(desk.out()).unwrap();
    }
}

#[test]
fn the_input_is_never_replaced_by_its_own_rendition() {
    let desk = Desk::new();
    let film = desk.named("letterbox").path;
    let content = fs::read(&film).unwrap();
    let folder = desk.path().join("90x160");
    fs::create_dir(&folder).unwrap();
    let source = folder.join("90x160.mp4");
    fs::rename(&film, &source).unwrap();
    for overwrite in [&[][..], &["--overwrite"]] {
        let mut convert = upright("convert");
        convert.arg(&source).arg("-o").arg(desk.path()).args(["--device", "cpu"]).args(QUICK).args(overwrite);
        assert_refused(&convert.output().unwrap(), 73, &["90x160.mp4", "is the input itself"]);
        assert_eq!(fs::read(&source).unwrap(), content);
        assert_eq!(listed(&folder), ["90x160.mp4"]);
    }

    // Without an extension, it has the name of the folder.
    fs::rename(&source, desk.path().join("bare")).unwrap();
    let mut convert = upright("convert");
    convert.arg(desk.path().join("bare")).arg("-o").arg(desk.path()).args(["--device", "cpu"]).args(QUICK);
    assert_refused(&convert.output().unwrap(), 73, &["bare", "is the input itself"]);
    fs::rename(desk.path().join("bare"), &source).unwrap();

    // From standard input, which has no name but is the same file.
    fs::create_dir_all(desk.out().join("stdin")).unwrap();
    fs::rename(&source, desk.out().join("stdin/90x160.mp4")).unwrap();
    let file = fs::File::open(desk.out().join("stdin/90x160.mp4")).unwrap();
    let output = desk.convert("-", &[QUICK, &["--overwrite"]].concat()).stdin(file).output().unwrap();
    assert_refused(&output, 73, &["is the input itself"]);
}

#[test]
fn two_films_do_not_share_a_folder_unnoticed() {
    let desk = Desk::new();
    let timing = Timing::constant(Ratio::new(25, 1), 1000);
    let long = desk.write(&Clip { timing, codec: Codec::H264, container: Container::Mkv, ..Clip::new("film") }).path;
    let short = desk.path().join("film.mp4");
    fs::rename(desk.named("letterbox").path, &short).unwrap();

    // At once: the second is refused, whatever it may overwrite.
    let mut first = desk.convert(&long, QUICK);
    let mut first = first.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !desk.out().join("film").exists() {
        assert!(first.try_wait().unwrap().is_none(), "it ended too early");
    }
    let second = loop {
        // The first has made the folder, and is about to claim it.
        let output = desk.convert(&short, &[QUICK, &["--overwrite"]].concat()).output().unwrap();
        if output.status.code() != Some(0) || first.try_wait().unwrap().is_some() {
            break output;
        }
    };
    assert_refused(&second, 75, &["out/film", "another conversion"]);
    first.kill().unwrap();
    first.wait().unwrap();
    fs::remove_dir_all(desk.out()).unwrap();

    // One after the other: refused, and with --overwrite replaced and said.
    desk.converted(&short, QUICK);
    let other = desk.path().join("film.mov");
    fs::rename(desk.write(&Clip::new("second")).path, &other).unwrap();
    assert_refused(&desk.convert(&other, QUICK).output().unwrap(), 73, &["--overwrite"]);
    let overwrite = [QUICK, &["--overwrite"]].concat();
    let replaced = desk.converted(&other, &overwrite);
    assert!(replaced.stderr.contains("another source") && replaced.stderr.contains("film.mp4"), "{}", replaced.stderr);
    // The same file, by whatever name, or another one of the same name is no other film.
    let moved = desk.path().join("film.m4v");
    fs::rename(&other, &moved).unwrap();
    let replaced = desk.converted(&moved, &overwrite);
    assert!(!replaced.stderr.contains("another source"), "{}", replaced.stderr);
    fs::rename(&short, &moved).unwrap();
    let replaced = desk.converted(&moved, &overwrite);
    assert!(!replaced.stderr.contains("another source"), "{}", replaced.stderr);
}

#[test]
fn what_comes_by_a_pipe_is_known_by_its_beginning() {
    let desk = Desk::new();
    let fingerprint = |output: std::process::Output| {
        assert!(output.status.success(), "{output:?}");
        let info: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        info["fingerprint"].clone()
    };
    let clip = |name: &str, seconds: usize| Clip {
        timing: Timing::constant(Ratio::new(25, 1), 25 * seconds),
        container: Container::Mkv,
        ..Clip::new(name)
    };
    let [one, other] = [clip("one", 1), clip("other", 2)].map(|clip| desk.write(&clip).path);
    let [first, second] =
        [&one, &other].map(|path| fingerprint(fed(upright("probe").arg("-"), &fs::read(path).unwrap())));
    assert!(first["bytes"].is_null() && first["sha256"].is_string() && first != second, "{first} {second}");
    let again = fingerprint(fed(upright("probe").arg("-"), &fs::read(&one).unwrap()));
    assert_eq!(first, again);
    // A file is one, redirected or named.
    let redirected = upright("probe").arg("-").stdin(fs::File::open(&one).unwrap()).output().unwrap();
    let named = upright("probe").arg(&one).output().unwrap();
    let redirected = fingerprint(redirected);
    assert_eq!(redirected, fingerprint(named));
    assert_eq!(redirected["bytes"], fs::metadata(&one).unwrap().len());
}

#[test]
fn a_mounted_folder_is_filled_file_by_file() {
    let desk = Desk::new();
    let source = desk.named("letterbox").path;
    let converted = desk.converted(&source, QUICK);
    fs::write(converted.folder.join("notes.txt"), "mine").unwrap();
    // A folder that a disk is mounted on cannot be swapped for another.
    let script = "mount --bind \"$0\" \"$0\" && exec \"$@\"";
    let convert = desk.convert(&source, &[QUICK, &["--overwrite", "--quality", "10"]].concat());
    let mut mount = std::process::Command::new("unshare");
    mount.args(["--map-root-user", "--mount", "bash", "-c", script]).arg(&converted.folder);
    let output = mount.arg(convert.get_program()).args(convert.get_args()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    if stderr.contains("unshare:") || stderr.contains("mount:") {
        eprintln!("nothing can be mounted here: {stderr}");
        return;
    }
    assert!(output.status.success(), "{stderr}");
    assert_eq!(listed(&desk.out()), ["letterbox"]);
    assert_eq!(listed(&converted.folder), ["90x160.mp4", "notes.txt", "report.json"]);
    let report: serde_json::Value =
        serde_json::from_slice(&fs::read(converted.folder.join("report.json")).unwrap()).unwrap();
    assert_eq!(report["plan"]["wanted"]["encoder"]["quality"], 10);
}

#[test]
fn whoever_stands_in_the_folder_still_does_afterwards() {
    let desk = Desk::new();
    let source = desk.named("letterbox").path;
    let folder = desk.converted(&source, QUICK).folder;
    let mut convert = upright("convert");
    convert.arg(&source).args(["-o", "..", "--device", "cpu", "--overwrite", "--quality", "10"]).args(QUICK);
    let script = "\"$@\" && ls";
    let mut shell = std::process::Command::new("bash");
    shell.args(["-c", script, "bash"]).arg(convert.get_program()).args(convert.get_args()).current_dir(&folder);
    let output = shell.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "90x160.mp4\nreport.json\n");
}
