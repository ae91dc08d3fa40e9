//! The command line as its users meet it: help, version, mistakes, and where output goes.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::fs::File;
use std::process::{Command, Output, Stdio};

fn upright(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_upright")).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The help without line breaks, for the width of a terminal moves them.
fn help(arguments: &[&str]) -> String {
    let output = upright(arguments);
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
    text(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn help_shows_every_option_with_its_default() {
    const WANTED: &[(&str, &str)] = &[
        ("--preset <NAME|FILE>", "vertical, feed or archive"),
        ("--ladder <RUNGS>", "[default: 1080x1920,720x1280,540x960,360x640]"),
        ("--crop <X>", "[default: auto]"),
        ("--analysis <FILE>", ""),
        ("--encoder <NAME>", "[default: rav1e]"),
        ("--speed <0..10>", "[default: 8]"),
        ("--quality <0..100>", "[default: 60]"),
        ("--keyframe-interval <SECONDS>", "[default: 2]"),
        ("--first-segment <SECONDS>", "[default: as the others]"),
        ("--bit-depth <BITS>", "[default: auto] [possible values: auto, 8, 10]"),
        ("--video <TRACK>", "[default: auto]"),
        ("--program <N>", "[default: that of the best picture]"),
        ("--audio <TRACKS>", "[default: auto]"),
        ("--stereo <WAY>", "add by itself for cmaf, else off"),
        ("--deinterlace <WAY>", "[default: auto]"),
        ("--denoise <NOISE>", "[default: off]"),
        ("--upscale <WAY>", "[default: lanczos]"),
        ("--dynamic-range <RANGE>", "[default: auto]"),
        ("--start <TIME>", "[default: 0]"),
        ("--duration <TIME>", "[default: to the end]"),
    ];
    const DONE: &[(&str, &str)] = &[
        ("-o, --output <FOLDER>", "[default: .]"),
        ("--strict", ""),
        ("--store <STORE>", ""),
        ("--store-size <SIZE>", "[default: no limit]"),
        ("--stats", ""),
        ("--jobs <N>", "[default: as many as keep all cores busy]"),
    ];
    const WORK: &[(&str, &str)] = &[
        ("--progress <MODE>", "[default: auto] [possible values: auto, bar, json, none]"),
        ("--device <DEVICE>", "[default: auto]"),
        ("--memory <SIZE>", "[default: three quarters of what is free]"),
    ];
    const PLAN: &[(&str, &str)] = &[
        ("-o, --output <FILE>", "[default: standard output]"),
        ("--set <SHOT>", ""),
        ("--progress <MODE>", "[default: auto] [possible values: auto, bar, json, none]"),
        ("--device <DEVICE>", "[default: auto]"),
    ];
    const LOOKED_AT: &[(&str, &str)] =
        &[("-o, --output <FILE>", ""), ("--overwrite", ""), ("--source <INPUT>", "[default: where the plan says")];
    const SEGMENT: &[(&str, &str)] = &[
        ("-n, --number <N>", ""),
        ("--part <K/N>", ""),
        ("-o, --store <STORE>", ""),
        ("--store-size <SIZE>", "[default: no limit]"),
    ];
    const BATCH: &[(&str, &str)] = &[
        ("-o, --output <FOLDER>", ""),
        ("--print-manifest", ""),
        ("--export <ENGINE>", "[possible values: slurm, kubernetes]"),
        ("--shares <N>", "[default: 1]"),
        ("--image <IMAGE>", ""),
        ("--claim <CLAIM>", ""),
        ("--retry <N>", "[default: 2]"),
        ("--watch", ""),
        ("--settle <SECONDS>", "[default: 10]"),
        ("--move-done <FOLDER>", ""),
        ("--move-failed <FOLDER>", ""),
        ("--least-free <SIZE>", "[default: 2G]"),
        ("--nice <N>", ""),
        ("--ionice <CLASS>", ""),
    ];
    const ALL: &[(&str, &str)] =
        &[("--protocols <LIST>", "[default: none]"), ("-v, --verbose", ""), ("-q, --quiet", "")];
    for (command, options) in [
        ("convert", [WANTED, DONE, WORK].concat()),
        ("plan", [WANTED, PLAN].concat()),
        ("render", [DONE, WORK, &[("--source <INPUT>", "[default: where the plan says")]].concat()),
        ("batch", [&WANTED[..3], BATCH, WORK].concat()),
        ("review", LOOKED_AT.to_vec()),
        ("preview", LOOKED_AT.to_vec()),
        ("segment", [SEGMENT, WORK, &[("--source <INPUT>", "[default: where the plan says")]].concat()),
    ] {
        for flag in ["-h", "--help"] {
            let help = help(&[command, flag]);
            for &(option, default) in options.iter().chain(ALL) {
                let at = help.find(option).unwrap_or_else(|| panic!("{command} {flag}: {option} in {help}"));
                let after = &help[at + option.len()..];
                let own = after.find(" --").map_or(after, |next| &after[..next]);
                assert!(own.contains(default), "{command} {flag}: {option}: {default} in {own}");
            }
        }
    }
}

#[test]
fn help_has_an_example_for_each_kind_of_user_and_the_exit_codes() {
    for arguments in [&["--help"][..], &["convert", "--help"]] {
        let help = help(arguments);
        for words in
            ["A studio", "A CDN pipeline", "A developer", "Exit codes: 0 everything was done", "143 stopped by SIGTERM"]
        {
            assert!(help.contains(words), "{arguments:?}: {words} in {help}");
        }
    }
}

#[test]
fn the_manual_has_a_page_for_each_command_and_groff_has_nothing_to_say_of_them() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(upright(&["man", "-o", folder.path().to_str().unwrap()]).status.code(), Some(0));
    let printed = upright(&["man"]);
    assert_eq!(printed.stdout, std::fs::read(folder.path().join("upright.1")).unwrap());
    let help = help(&["--help"]);
    let mut pages: Vec<_> = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.sort();
    assert!(pages.len() > 10 && pages.iter().any(|page| page.ends_with("upright-convert.1")), "{pages:?}");
    for page in &pages {
        let groff = Command::new("groff").args(["-t", "-man", "-ww", "-Tascii", "-P-cbou"]).arg(page).output().unwrap();
        assert!(groff.status.success() && groff.stderr.is_empty(), "{}", text(&groff.stderr));
        let shown = text(&groff.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
        for words in ["EXIT STATUS 0 everything was done", "143 stopped by SIGTERM"] {
            assert!(shown.contains(words), "{}: {words}: {shown}", page.display());
        }
        let command = page.file_stem().unwrap().to_str().unwrap().trim_start_matches("upright").trim_start_matches('-');
        assert!(help.contains(&format!(" {command} ")) || command.is_empty(), "{command} is in the help");
    }
}

#[test]
fn bash_completes_commands_options_and_values() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("upright");
    std::fs::write(&script, upright(&["completions", "bash"]).stdout).unwrap();
    let complete = |words: &[&str]| {
        let program = "source \"$1\"; shift; COMP_WORDS=(\"$@\") COMP_CWORD=$(($# - 1)); \
            _upright upright \"${@: -1}\" \"${@: -2:1}\"; printf '%s\\n' \"${COMPREPLY[@]}\"";
        let mut bash = Command::new("bash");
        bash.args(["--norc", "-c", program, "bash"]).arg(&script).args(words);
        let output = bash.output().unwrap();
        assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
        text(&output.stdout).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(complete(&["upright", "conv"]), ["convert"]);
    assert_eq!(complete(&["upright", "convert", "film.mkv", "--encoder"]), ["--encoder", "--encoder-options"]);
    assert_eq!(complete(&["upright", "convert", "film.mkv", "--progress", "j"]), ["json"]);
    assert_eq!(complete(&["upright", "convert", "film.mkv", "--preset", "f"]), ["feed"]);
    for (shell, words) in [("zsh", "#compdef upright"), ("fish", "complete -c upright"), ("elvish", "edit:completion")]
    {
        assert!(text(&upright(&["completions", shell]).stdout).contains(words), "{shell}");
    }
    let powershell = upright(&["completions", "powershell"]);
    assert!(text(&powershell.stdout).contains("Register-ArgumentCompleter"));
    assert_eq!(upright(&["completions", "tcsh"]).status.code(), Some(2));
}

#[test]
fn the_version_names_ffmpeg_and_rav1e() {
    let output = upright(&["--version"]);
    assert_eq!(output.status.code(), Some(0));
    let lines: Vec<&str> = text(&output.stdout).lines().collect();
    assert_eq!(lines[0], concat!("upright ", env!("CARGO_PKG_VERSION")));
    assert!(lines[1].starts_with("FFmpeg ") && lines[1].ends_with(", rav1e 0.8.1"), "{lines:?}");
}

#[test]
fn standard_error_is_quiet_where_nothing_is_wrong() {
    // A server has no desktop session; the graphics driver is not to complain of that.
    let output =
        Command::new(env!("CARGO_BIN_EXE_upright")).arg("doctor").env_remove("XDG_RUNTIME_DIR").output().unwrap();
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn mistakes_end_with_2_and_one_line_on_standard_error() {
    for arguments in [
        &[][..],
        &["convert"],
        &["translate", "film.mkv"],
        &["convert", "film.mkv", "second.mkv"],
        &["convert", "film.mkv", "--speed", "11"],
        &["convert", "film.mkv", "--speed", "-1"],
        &["convert", "film.mkv", "--quality", "101"],
        &["convert", "film.mkv", "--ladder", "1081x1920"],
        &["convert", "film.mkv", "--ladder", "0"],
        &["convert", "film.mkv", "--ladder", "16386x16386"],
        &["convert", "film.mkv", "--ladder", ""],
        &["convert", "film.mkv", "--crop", "2"],
        &["plan", "film.plan.json", "--set", "x=0.5"],
        &["plan", "film.plan.json", "--set", "shot=0,x=0.5"],
        &["plan", "film.plan.json", "--set", "shot=1,x=1.5"],
        &["plan", "film.plan.json", "--set", "shot=1"],
        &["plan", "film.plan.json", "--set", "shot=1,mode=spiral"],
        &["convert", "film.mkv", "--encoder", "x264"],
        &["convert", "film.mkv", "--keyframe-interval", "0"],
        &["convert", "film.mkv", "--bit-depth", "12"],
        &["convert", "film.mkv", "--audio", "0"],
        &["convert", "film.mkv", "--start", "yesterday"],
        &["convert", "film.mkv", "--duration", "0"],
        &["convert", "film.mkv", "--progress", "loud"],
        &["convert", "film.mkv", "--protocols", "http://"],
        &["convert", "film.mkv", "-q", "-v"],
        &["convert", "film.mkv", "--device", ""],
        &["convert", "film.mkv", "--store-size", "1G"],
        &["plan", "film.mkv", "--jobs", "2"],
        &["render"],
        &["segment", "film.plan.json", "-o", "store"],
        &["segment", "film.plan.json", "-o", "store", "--part", "0/2"],
        &["segment", "film.plan.json", "-o", "store", "--part", "3/2"],
        &["segment", "film.plan.json", "-o", "store", "--part", "1/2", "--number", "0"],
        &["batch", "season", "-o", "out", "--export", "nomad"],
        &["batch", "season", "-o", "out", "--export", "kubernetes"],
        &["batch", "season", "-o", "out", "--export", "slurm", "--overwrite"],
        &["batch", "season", "-o", "out", "--shares", "2"],
        &["probe"],
        &["doctor", "now"],
    ] {
        let output = upright(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        let message = text(&output.stderr);
        assert!(message.starts_with("upright: ") && message.lines().count() == 1, "{arguments:?}: {message}");
    }
}

#[test]
fn the_doctor_speaks_to_people_and_to_machines() {
    let table = upright(&["doctor"]);
    assert_eq!(table.status.code(), Some(0), "{table:?}");
    assert!(text(&table.stdout).contains("\nAV1 encoder  rav1e"), "{table:?}");
    let json = upright(&["doctor", "--json"]);
    assert_eq!(json.status.code(), Some(0), "{json:?}");
    let value: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(value["versions"]["rav1e"], "0.8.1");
    assert!(value["machine"]["cores"].as_u64().unwrap() >= 1);
}

#[test]
fn a_reader_that_leaves_is_no_error_and_a_full_disk_is() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_upright")).arg("doctor").stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));

    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_upright")).arg("doctor").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(74));
    assert_eq!(text(&output.stderr), "upright: standard output: cannot write: No space left on device (os error 28)\n");
}
