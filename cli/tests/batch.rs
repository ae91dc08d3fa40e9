//! Batches by the real program: many films, some of them broken, and a batch that is killed again and again.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "test code")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use upright_engine::batch::{JournalFile, Record};

/// Options that make it fast: one small size, the window in the middle.
const FAST: [&str; 8] = ["--ladder", "90", "--speed", "10", "--crop", "center", "--device", "cpu"];

fn upright(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_upright"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Makes an episode of so many seconds, each with another picture.
fn episode(path: &Path, seconds: u32, number: usize) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let picture = format!("testsrc2=size=160x90:rate=24:duration={seconds},hue=h={}", number * 37 % 360);
    let sound = format!("sine=frequency={}:duration={seconds}", 200 + 30 * number);
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &sound])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-g", "24", "-c:a", "aac", "-shortest"])
        .arg(path)
        .status();
    assert!(made.unwrap().success());
}

/// A season of good episodes, and of three that are broken: cut short before its index, no video, and empty.
fn season(folder: &Path, good: usize) {
    for number in 0..good {
        let name = if number % 2 == 0 { format!("s1/e{number}.mp4") } else { format!("s2/e{number}.mkv") };
        episode(&folder.join(name), 5, number);
    }
    let whole = fs::read(folder.join("s1/e0.mp4")).unwrap();
    fs::write(folder.join("s1/truncated.mp4"), &whole[..whole.len() / 2]).unwrap();
    fs::write(folder.join("s2/notes.mkv"), "these are notes, and no film").unwrap();
    fs::write(folder.join("s2/empty.mov"), "").unwrap();
}

fn batch(season: &Path, output: &Path, more: &[&str]) -> Command {
    let mut command = upright(&["batch"]);
    command.arg(season).arg("-o").arg(output).args(FAST).args(more);
    command
}

fn records(output: &Path) -> Vec<Record> {
    let journal = JournalFile::read(&output.join(".upright")).unwrap();
    assert_eq!(journal.damaged, 0);
    journal.records
}

/// The bytes of all renditions, by their place in the output folder.
fn renditions(output: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for folder in ["s1", "s2"].map(|folder| output.join(folder)) {
        for title in fs::read_dir(folder).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir()) {
            for file in fs::read_dir(title.path()).unwrap().flatten() {
                let path = file.path();
                if path.extension().is_some_and(|extension| extension == "mp4") {
                    found.insert(path.strip_prefix(output).unwrap().to_path_buf(), fs::read(&path).unwrap());
                }
            }
        }
    }
    found
}

fn summary(output: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(output.join("summary.json")).unwrap()).unwrap()
}

fn wait(child: &mut Child, limit: Duration) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < limit {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        thread::sleep(Duration::from_millis(20));
    }
    false
}

/// Processes that write into a folder.
fn at_work(output: &Path) -> usize {
    let named = |process: &fs::DirEntry| {
        let command = fs::read(process.path().join("cmdline")).unwrap_or_default();
        text(&command).contains(&*output.to_string_lossy())
    };
    fs::read_dir("/proc").unwrap().flatten().filter(named).count()
}

fn outcomes(summary: &serde_json::Value) -> BTreeMap<String, (String, Option<i64>)> {
    let titles = summary["titles"].as_array().unwrap();
    let outcome = |title: &serde_json::Value| {
        (
            title["name"].as_str().unwrap().to_owned(),
            (title["outcome"].as_str().unwrap().to_owned(), title["exit"].as_i64()),
        )
    };
    titles.iter().map(outcome).collect()
}

#[test]
fn one_bad_film_stops_nobody_and_a_batch_that_is_killed_goes_on_where_it_was() {
    let folder = TempDir::new().unwrap();
    let (films, calm, hurt) = (folder.path().join("films"), folder.path().join("calm"), folder.path().join("hurt"));
    season(&films, 6);

    let Output { status, stderr, stdout } = batch(&films, &calm, &["--progress", "json"]).output().unwrap();
    let said = text(&stderr);
    assert_eq!(status.code(), Some(1), "{said}");
    let found = outcomes(&summary(&calm));
    let failed: BTreeSet<_> = found.iter().filter(|(_, (outcome, _))| outcome == "failed").collect();
    let names: Vec<_> = failed.iter().map(|(name, (_, exit))| (name.as_str(), *exit)).collect();
    assert_eq!(names, [("s1/truncated", Some(65)), ("s2/empty", Some(65)), ("s2/notes", Some(65))]);
    for name in ["s1/truncated", "s2/empty", "s2/notes"] {
        assert!(said.contains(&format!("upright: {name}: failed: ")), "{said}");
    }
    assert!(said.contains("6 converted, 0 there already, 3 failed"), "{said}");
    let last = text(&stdout);
    let last: serde_json::Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["event"], &last["exit"], &last["done"], &last["failed"]),
        (&"done".into(), &1.into(), &6.into(), &3.into())
    );
    let whole = renditions(&calm);
    assert_eq!(whole.len(), 6);

    // Killed at ten moments, then left alone.
    for kill in 0..10 {
        let mut child = batch(&films, &hurt, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        if !wait(&mut child, Duration::from_millis(250 + 170 * (kill * 7 % 10))) {
            child.kill().unwrap();
        }
        child.wait().unwrap();
        let begin = Instant::now();
        while at_work(&hurt) > 0 {
            assert!(begin.elapsed() < Duration::from_secs(5), "somebody was left behind");
            thread::sleep(Duration::from_millis(10));
        }
    }
    let output = batch(&films, &hurt, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let found_again = renditions(&hurt);
    let differ: Vec<_> = found_again.keys().chain(whole.keys()).collect();
    let differ = differ.into_iter().filter(|name| found_again.get(*name) != whole.get(*name));
    let bytes = |name| [&whole, &found_again].map(|set| set.get(name).map(Vec::len));
    let differ: Vec<_> = differ.map(|name| (name, bytes(name))).collect();
    let said = text(&output.stderr);
    assert!(differ.is_empty(), "the renditions are those of a batch that nobody disturbed: {differ:?}: {said}");
    let again = outcomes(&summary(&hurt));
    assert_eq!(again.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>());
    assert_eq!(again.values().filter(|(outcome, _)| outcome == "failed").count(), 3);

    let count = |of: fn(&Record) -> bool| records(&hurt).iter().filter(|record| of(record)).count();
    let [begun, ended] =
        [count(|it| matches!(it, Record::Begun { .. })), count(|it| matches!(it, Record::Ended { .. }))];
    assert!(begun >= ended + 4, "{begun} {ended}: killed at work");
    // What was encoded once is not encoded again.
    let mut encoded = BTreeMap::new();
    for record in records(&hurt) {
        if let Record::Encoded { title, segment, .. } = record {
            *encoded.entry((title, segment)).or_insert(0) += 1;
        }
    }
    assert!(encoded.values().all(|&times| times == 1), "{encoded:?}");

    // And once all is there nothing is done: a rendition that was damaged since is made again, from the store.
    let before = records(&hurt).len();
    let output = batch(&films, &hurt, &[]).output().unwrap();
    assert!(text(&output.stderr).contains("0 converted, 6 there already, 3 failed"), "{}", text(&output.stderr));
    let steps = records(&hurt).split_off(before);
    let started =
        steps.iter().filter(|record| matches!(record, Record::Started { step, .. } if step != "plan")).count();
    assert_eq!(started, 0, "{steps:?}");
    let victim = hurt.join(whole.keys().next().unwrap());
    fs::write(&victim, "rotten").unwrap();
    let output = batch(&films, &hurt, &[]).output().unwrap();
    assert!(text(&output.stderr).contains("1 converted, 5 there already"), "{}", text(&output.stderr));
    assert!(renditions(&hurt) == whole);

    let status = upright(&["status", hurt.to_str().unwrap()]).output().unwrap();
    assert!(text(&status.stdout).contains("ended; 6 of 9 films done, 3 failed"), "{}", text(&status.stdout));
}

#[test]
fn a_batch_ends_soon_after_a_signal_and_leaves_nobody_behind() {
    let folder = TempDir::new().unwrap();
    let (films, output) = (folder.path().join("films"), folder.path().join("out"));
    for number in 0..3 {
        episode(&films.join(format!("e{number}.mp4")), 20, number);
    }
    let mut child = batch(&films, &output, &["-q"]).spawn().unwrap();
    let begin = Instant::now();
    while !records(&output).iter().any(|record| matches!(record, Record::Started { step, .. } if step == "segment")) {
        assert!(begin.elapsed() < Duration::from_secs(60));
        thread::sleep(Duration::from_millis(50));
    }
    // A second batch in the same place is refused, and a status says who is at work.
    let other = batch(&films, &output, &[]).output().unwrap();
    assert_eq!(other.status.code(), Some(75), "{}", text(&other.stderr));
    let status = upright(&["status", "--json", output.to_str().unwrap()]).output().unwrap();
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!((&status["running"], &status["ended"]), (&true.into(), &false.into()));

    let pid = rustix::process::Pid::from_raw(child.id().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(wait(&mut child, Duration::from_secs(5)));
    assert_eq!(child.wait().unwrap().code(), Some(143));
    let begin = Instant::now();
    while at_work(&output) > 0 {
        assert!(begin.elapsed() < Duration::from_secs(5), "somebody was left behind");
        thread::sleep(Duration::from_millis(10));
    }
    let status = upright(&["status", output.to_str().unwrap()]).output().unwrap();
    assert!(text(&status.stdout).contains("the same command goes on"), "{}", text(&status.stdout));
}

#[test]
fn manifests_are_checked_printed_and_done() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    episode(&at("a.mp4"), 2, 1);
    episode(&at("b.mp4"), 2, 2);
    fs::write(
        at("m.csv"),
        "input,output,ladder,speed,preset\na.mp4,x/one,54,10,\nb.mp4,x/two,,,own.toml\nnone.mp4,,,,\n",
    )
    .unwrap();
    fs::write(at("own.toml"), "format = 'cmaf'\nsegment-files = true\n").unwrap();
    let (manifest, output) = (at("m.csv"), at("out"));
    let run = |more: &[&str]| {
        let mut command = upright(&["batch"]);
        command.arg(&manifest).arg("-o").arg(&output).args(FAST).args(more).output().unwrap()
    };
    let printed = run(&["--print-manifest"]);
    assert_eq!(printed.status.code(), Some(0), "{}", text(&printed.stderr));
    let document: serde_json::Value = serde_json::from_slice(&printed.stdout).unwrap();
    let titles = &document["titles"];
    assert_eq!(titles[0]["options"]["ladder"], "54");
    assert_eq!((&titles[1]["output"], &titles[1]["options"]["ladder"]), (&"x/two".into(), &"90".into()));
    assert!(!output.exists(), "nothing was done");

    let done = run(&[]);
    assert_eq!(done.status.code(), Some(1), "{}", text(&done.stderr));
    let segment = output.join("x/two/video-90x160/seg-00001.m4s");
    assert!(output.join("x/one/54x96.mp4").exists() && segment.exists());
    let found = outcomes(&summary(&output));
    assert_eq!(found["none"], ("failed".to_owned(), Some(66)));
    // Segment files count: as they were all is done, and without one the film is made again.
    run(&[]);
    assert_eq!(outcomes(&summary(&output))["x/two"].0, "was_done");
    fs::remove_file(&segment).unwrap();
    run(&[]);
    assert!(segment.exists() && outcomes(&summary(&output))["x/two"].0 == "done");

    fs::write(&manifest, "input,speed\na.mp4,11\n").unwrap();
    let wrong = run(&[]);
    assert_eq!(wrong.status.code(), Some(2), "{}", text(&wrong.stderr));
    for (arguments, code) in [
        (vec!["batch", "no folder", "-o", "x"], 1),
        (vec!["batch", "no*.mkv", "-o", "x"], 66),
        (vec!["batch", "-o", "x"], 2),
    ] {
        let mut command = upright(&arguments);
        let output = command.current_dir(folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stderr));
    }
}

#[test]
fn films_have_the_subtitles_beside_them_also_where_these_change() {
    let folder = TempDir::new().unwrap();
    let (season, output) = (folder.path().join("season"), folder.path().join("out"));
    episode(&season.join("a.mp4"), 2, 1);
    let convert = |says: &str| {
        fs::write(season.join("a.en.srt"), format!("1\n00:00:00,500 --> 00:00:01,500\n{says}\n")).unwrap();
        let done = batch(&season, &output, &[]).output().unwrap();
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
        assert!(fs::read_to_string(output.join("a/subtitles-1-eng.vtt")).unwrap().contains(says));
        let report = fs::read(output.join("a/report.json")).unwrap();
        serde_json::from_slice::<serde_json::Value>(&report).unwrap()
    };
    convert("one");
    let report = convert("two");
    assert_eq!(report["segments"]["reused"], report["segments"]["total"], "the picture is what it was");
    assert_eq!(outcomes(&summary(&output))["a"].0, "done");
    // Nothing has changed.
    assert_eq!(convert("two"), report);
}

#[test]
fn a_folder_is_watched_and_films_are_moved_when_they_are_done() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("drop")).unwrap();
    let more = ["--watch", "--settle", "1", "--move-done", "done", "--move-failed", "failed", "-q"];
    let mut command = batch(Path::new("drop"), Path::new("out"), &more);
    let mut child = command.current_dir(folder.path()).spawn().unwrap();
    episode(&at("whole.mp4"), 2, 1);
    let whole = fs::read(at("whole.mp4")).unwrap();
    fs::create_dir_all(at("drop/s1")).unwrap();
    fs::write(at("drop/s1/bad.mkv"), "no film").unwrap();
    fs::write(at("drop/s1/e1.en.srt"), "1\n00:00:00,500 --> 00:00:01,500\nHello\n").unwrap();
    // It grows for a while: what is not whole is not taken.
    for part in 1..=6 {
        fs::write(at("drop/s1/e1.mp4"), &whole[..whole.len() * part / 6]).unwrap();
        thread::sleep(Duration::from_millis(400));
    }
    let begin = Instant::now();
    while !(at("done/s1/e1.mp4").exists() && at("failed/s1/bad.mkv").exists()) {
        assert!(begin.elapsed() < Duration::from_secs(60), "not moved");
        assert!(child.try_wait().unwrap().is_none());
        thread::sleep(Duration::from_millis(100));
    }
    assert!(at("out/s1/e1/90x160.mp4").exists() && !at("drop/s1/e1.mp4").exists());
    assert!(at("out/s1/e1/subtitles-1-eng.vtt").exists());
    while !at("done/s1/e1.en.srt").exists() {
        assert!(begin.elapsed() < Duration::from_secs(60), "its subtitles are not moved");
        thread::sleep(Duration::from_millis(100));
    }
    let pid = rustix::process::Pid::from_raw(child.id().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert!(wait(&mut child, Duration::from_secs(5)));
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_disk_that_is_nearly_full_is_waited_for() {
    let folder = TempDir::new().unwrap();
    let (films, output) = (folder.path().join("films"), folder.path().join("out"));
    episode(&films.join("e1.mp4"), 2, 1);
    let mut command = batch(&films, &output, &["--least-free", "900000T", "--progress", "json"]);
    let mut child = command.spawn().unwrap();
    assert!(!wait(&mut child, Duration::from_secs(2)), "it waits");
    let pid = rustix::process::Pid::from_raw(child.id().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    assert_eq!(status.code(), Some(130), "{}", text(&stderr));
    assert!(text(&stdout).contains("\"event\":\"paused\"") && text(&stderr).contains("the disk is full"));
}

#[test]
fn packages_of_a_batch_are_encrypted_and_made_anew_with_other_keys() {
    let folder = TempDir::new().unwrap();
    let (input, output) = (folder.path().join("in"), folder.path().join("out"));
    let keys = folder.path().join("keys.toml");
    episode(&input.join("e1.mp4"), 2, 1);
    let package = |key: &str, more: &[&str]| {
        fs::write(&keys, format!("[[key]]\nkid = \"{}\"\nkey = \"{key}\"\n", "ab".repeat(16))).unwrap();
        let options = [&["--format", "cmaf", "--encrypt", keys.to_str().unwrap()], more].concat();
        batch(&input, &output, &options).output().unwrap()
    };
    let made = |key: &str| {
        let done = package(key, &[]);
        assert!(done.status.success(), "{}", text(&done.stderr));
        fs::read(output.join("e1/video-90x160.mp4")).unwrap()
    };
    let (one, other) = ("00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100");
    let first = made(one);
    assert!(made(one) == first, "the same keys give the same bytes");
    assert!(made(other) != first, "others give others");
    let report = fs::read_to_string(output.join("e1/report.json")).unwrap();
    assert!(report.contains(&format!("\"key_id\": \"{}\"", "ab".repeat(16))), "{report}");
    let told = Command::new("grep").args(["-rlF", "-e", one, "-e", other]).arg(&output).output().unwrap();
    assert_eq!(text(&told.stdout), "", "files that hold keys");
    let wrong = package(&one[1..], &[]);
    assert_eq!(wrong.status.code(), Some(65), "{}", text(&wrong.stderr));
    let elsewhere = package(one, &["--export", "slurm"]);
    assert_eq!(elsewhere.status.code(), Some(2), "{}", text(&elsewhere.stderr));
}
