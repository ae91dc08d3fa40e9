//! Films, plans, stores and renditions in an object store, which fails in all the ways that one can.
//!
//! The server is moto, a copy of Amazon's S3 that many projects test with, on the loopback interface: what it stores is looked at
//! by its own tools, over plain HTTP.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod server;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use server::Server;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Options that make it fast, with several segments.
const FAST: [&str; 10] =
    ["--ladder", "160,90", "--speed", "10", "--crop", "center", "--device", "cpu", "--keyframe-interval", "1"];
/// A secret, to be in no message and no document.
const SECRET: &str = "only-the-server-knows";

struct Desk {
    server: Server,
    folder: TempDir,
}

impl Desk {
    /// A server with the buckets films and out, and a film of three seconds in one of them and on the disk.
    fn new() -> Self {
        let desk = Self { server: Server::start(), folder: TempDir::new().unwrap() };
        let film = desk.folder.path().join("film.mp4");
        let picture = "testsrc2=size=640x360:rate=24:duration=3,noise=alls=30:allf=t";
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=duration=3"])
            // More bytes than are asked for at once.
            .args(["-c:v", "libx264", "-preset", "ultrafast", "-qp", "18", "-g", "24", "-c:a", "aac"])
            .arg(&film)
            .status();
        assert!(made.unwrap().success());
        assert!(fs::metadata(&film).unwrap().len() > 2 << 20);
        for bucket in ["films", "out"] {
            desk.server.put(bucket, &[]);
        }
        desk.server.put("films/a film.mp4", &fs::read(film).unwrap());
        desk
    }

    fn upright(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_upright"));
        command.args(arguments).stdin(Stdio::null()).env("AWS_ENDPOINT_URL", self.server.url());
        command
            .env("AWS_ACCESS_KEY_ID", "somebody")
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .env("AWS_REGION", "us-east-1");
        command
    }

    /// Runs it, and must end with this code.
    fn run(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.upright(arguments).output().unwrap();
        let said = both(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(!said.contains(SECRET), "{said}");
        said
    }

    fn plan(&self) {
        self.run(0, &[&["plan", "s3://films/a film.mp4", "-o", "s3://out/film.plan.json"], &FAST[..]].concat());
    }

    /// Encodes all segments, in two parts, and joins them.
    fn make(&self) -> String {
        for part in ["2/2", "1/2"] {
            self.run(
                0,
                &["segment", "s3://out/film.plan.json", "--part", part, "--store", "s3://out/store", "--device", "cpu"],
            );
        }
        self.render()
    }

    fn render(&self) -> String {
        let options = ["--store", "s3://out/store", "-o", "s3://out/vod", "--name", "film", "--device", "cpu"];
        self.run(0, &[&["render", "s3://out/film.plan.json"], &options[..]].concat())
    }

    /// The renditions that a conversion on this machine alone makes.
    fn expected(&self) -> [Vec<u8>; 2] {
        let (film, out) = (self.folder.path().join("film.mp4"), self.folder.path().join("local"));
        let [film, local] = [&film, &out].map(|path| path.to_str().unwrap());
        self.run(0, &[&["convert", film, "-o", local, "--overwrite"], &FAST[..]].concat());
        ["160x284.mp4", "90x160.mp4"].map(|name| fs::read(out.join("film").join(name)).unwrap())
    }

    fn published(&self) -> [Vec<u8>; 2] {
        let report: Value = serde_json::from_slice(&self.server.get("out/vod/film/report.json").unwrap()).unwrap();
        assert_eq!(report["source"]["name"], "s3://films/a film.mp4");
        ["160x284.mp4", "90x160.mp4"].map(|name| self.server.get(&format!("out/vod/film/{name}")).unwrap())
    }
}

fn both(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

#[test]
fn everything_may_lie_in_an_object_store() {
    let desk = Desk::new();
    desk.plan();
    assert!(desk.server.get("out/film.analysis.json").is_none(), "a window that stands needs none");
    let said = desk.make();
    assert!(
        said.contains("s3://out/vod/film: 72 frames") && said.contains("segments: 3 of 3 from the store"),
        "{said}"
    );
    assert!(desk.published() == desk.expected(), "other bytes than on this machine alone");
    // Once more.
    let segment = ["segment", "s3://out/film.plan.json", "--store", "s3://out/store"];
    let said = desk.run(0, &[&segment[..], &["--part", "1/1", "--progress", "json"]].concat());
    assert!(said.contains(r#""segments":[0,1,2],"stored":3,"frames":0"#), "{said}");
    let render = ["render", "s3://out/film.plan.json", "-o", "s3://out/vod", "--name", "film", "--device", "cpu"];
    assert!(desk.run(73, &render).contains("s3://out/vod/film/report.json: already exists"));
    desk.run(0, &[&render[..], &["--overwrite", "--store", "s3://out/store"]].concat());
    assert!(desk.published() == desk.expected());
    // One rung more than is wanted now.
    desk.server.put("out/vod/film/9x16.mp4", b"old");
    let said = desk.run(0, &[&render[..], &["--overwrite", "--store", "s3://out/store"]].concat());
    assert!(said.contains("9x16.mp4: is of an earlier conversion"), "{said}");
    assert!(desk.run(2, &[&segment[..], &["-n", "0", "--store-size", "1G"]].concat()).contains("has no limit"));
    for place in ["s3://films/a//b.mp4", "s3://films/../b.mp4", "https://me:only-the-server-knows@127.0.0.1/b.mp4"] {
        assert!(desk.run(2, &["probe", place]).contains("URL"), "{place}");
    }
    assert!(desk.run(66, &["probe", "s3://films/no film.mp4"]).contains("s3://films/no film.mp4: no such file"));
    assert!(desk.run(66, &["render", "s3://out/no.plan.json", "-o", "s3://out/vod"]).contains("no such file"));
    let plan = [&["plan", "s3://films/a film.mp4", "-o", "s3://out/film.plan.json"], &FAST[..]].concat();
    assert!(desk.run(73, &plan).contains("s3://out/film.plan.json: already exists"));
    // Packages of segment files, and others in their place.
    let package = ["convert", "s3://films/a film.mp4", "-o", "s3://out/feed", "--name", "film", "--format", "cmaf"];
    let package = [&package[..], &FAST[..]].concat();
    desk.run(0, &[&package[..], &["--segment-files"]].concat());
    let segment = "out/feed/film/video-90x160/seg-00001.m4s";
    assert!(desk.server.get(segment).is_some());
    assert!(desk.run(0, &["verify", "s3://out/feed/film"]).contains("nothing is wrong"));
    desk.run(0, &[&package[..], &["--overwrite"]].concat());
    assert!(desk.server.get(segment).is_none() && desk.server.get("out/feed/film/video-90x160.mp4").is_some());
    // Locked shots are kept there, too.
    desk.run(0, &["plan", "--set", "shot=1,x=0.3", "s3://out/film.plan.json"]);
    desk.run(0, &[&plan[..], &["--overwrite"]].concat());
    let plan = String::from_utf8(desk.server.get("out/film.plan.json").unwrap()).unwrap();
    assert!(plan.contains("\"locked\": true"), "{plan}");
}

#[test]
fn a_film_is_read_from_a_web_server_and_its_signature_is_told_to_nobody() {
    let desk = Desk::new();
    let url = format!("{}/films/a%20film.mp4?X-Amz-Signature={SECRET}", desk.server.url());
    let (plan, out) = (desk.folder.path().join("film.plan.json"), desk.folder.path().join("out"));
    let [plan, out] = [&plan, &out].map(|path| path.to_str().unwrap());
    desk.run(0, &[&["plan", &url, "-v", "-o", plan], &FAST[..]].concat());
    desk.run(0, &["render", plan, "--source", &url, "-vv", "-o", out, "--name", "film", "--device", "cpu"]);
    let made = ["160x284.mp4", "90x160.mp4"].map(|name| fs::read(Path::new(out).join("film").join(name)).unwrap());
    assert!(made == desk.expected());
    // A web server that takes files does for the store and the renditions, too.
    let [store, place] = ["store", "web"].map(|name| format!("{}/out/{name}", desk.server.url()));
    let render =
        ["render", plan, "--source", &url, "--store", &store, "-o", &place, "--name", "film", "--device", "cpu"];
    desk.run(0, &render);
    assert!(desk.run(73, &render).contains("out/web/film/report.json: already exists"));
    let said = desk.run(0, &[&render[..], &["--overwrite"]].concat());
    assert!(said.contains("segments: 3 of 3 from the store"), "{said}");
    let there = |place: &str| {
        ["160x284.mp4", "90x160.mp4"].map(|name| desk.server.get(&format!("out/{place}/film/{name}")).unwrap())
    };
    assert!(there("web") == made);
    // So does one that asks for a signature for everything.
    let place = format!("{}/out/signed?token={SECRET}", desk.server.url());
    desk.run(
        0,
        &["render", plan, "--source", &url, "--store", &place, "-o", &place, "--name", "film", "--device", "cpu"],
    );
    assert!(there("signed") == made && desk.server.get("out/signed/film/report.json").is_some());
    for document in [Path::new(plan), &Path::new(out).join("film/report.json")] {
        assert!(!fs::read_to_string(document).unwrap().contains(SECRET), "{}", document.display());
    }
    // What is refused says so without it.
    desk.server.faults(r#"[{"fault": "forbidden", "path": "/films/", "times": 99}]"#);
    let said = desk.run(74, &["probe", &url]);
    assert!(said.contains("/films/a%20film.mp4: cannot open") && said.contains("403"), "{said}");
    let nobody = desk.run(74, &["probe", "s3://films/a film.mp4", "-v"]);
    assert!(nobody.contains("403"), "{nobody}");
}

#[test]
fn a_package_is_checked_where_it_is_published() {
    let desk = Desk::new();
    let place = format!("{}/out/packages?token={SECRET}", desk.server.url());
    let package =
        ["convert", "s3://films/a film.mp4", "-o", &place, "--name", "film", "--format", "cmaf", "--encoder", "auto"];
    desk.run(0, &[&package[..], &FAST[..]].concat());
    let manifest = format!("{}/out/packages/film/manifest.mpd?token={SECRET}", desk.server.url());
    for url in ["s3://out/packages/film", "s3://out/packages/film/main.m3u8", &manifest] {
        let said = desk.run(0, &["verify", url]);
        assert!(said.contains("72 frames decoded") || said.contains("144 frames decoded"), "{said}");
    }
    let track = "out/packages/film/video-90x160.mp4";
    let mut damaged = desk.server.get(track).unwrap();
    damaged.truncate(damaged.len() - 1000);
    desk.server.put(track, &damaged);
    assert!(desk.run(65, &["verify", &manifest]).contains("video-90x160.mp4: "));
    desk.server.delete(track);
    assert!(desk.run(65, &["verify", &manifest]).contains("video-90x160.mp4: "));
    assert!(desk.run(66, &["verify", "s3://out/packages/other"]).contains("s3://out/packages/other"));
}

#[test]
fn what_passes_is_tried_again_and_what_is_cut_short_is_asked_for_anew() {
    let desk = Desk::new();
    let expected = desk.expected();
    desk.plan();
    for faults in [
        r#"[{"fault": "unavailable", "times": 6}, {"fault": "slow", "times": 3}]"#,
        r#"[{"fault": "cut answer", "method": "GET", "path": "/films/", "content": true, "times": 2}]"#,
        r#"[{"fault": "short answer", "method": "GET", "path": "/films/", "content": true, "times": 3}]"#,
        r#"[{"fault": "short answer", "method": "GET", "path": ".segment", "content": true, "times": 2}]"#,
        r#"[{"fault": "cut upload", "method": "PUT", "path": ".segment", "times": 2}]"#,
        r#"[{"fault": "cut upload", "method": "PUT", "path": "/vod/", "times": 2}]"#,
    ] {
        desk.server.faults(faults);
        desk.make();
        assert!(desk.published() == expected, "{faults}");
        for name in desk.server.list("out").iter().filter(|name| !name.ends_with("plan.json")) {
            desk.server.delete(&format!("out/{name}"));
        }
    }
    assert!(desk.server.faults("[]") > 0);
}

#[test]
fn a_set_that_is_not_whole_is_not_published() {
    let desk = Desk::new();
    desk.plan();
    desk.make();
    let render =
        ["render", "s3://out/film.plan.json", "--store", "s3://out/store", "--device", "cpu", "--name", "film"];
    let into = |place: &'static str| [&render[..], &["-o", place]].concat();
    for (fault, words) in [("half stored", "bytes were written"), ("forbidden", "403")] {
        desk.server.faults(&format!(r#"[{{"fault": "{fault}", "method": "PUT", "path": "90x160.mp4", "times": 99}}]"#));
        let said = desk.run(74, &into("s3://out/new"));
        assert!(said.contains("s3://out/new/film/90x160.mp4: cannot write") && said.contains(words), "{said}");
        assert!(!desk.server.list("out").iter().any(|name| name.starts_with("new/")), "something is left");
        // Over an earlier one: it no longer counts as whole.
        desk.run(74, &[&into("s3://out/vod")[..], &["--overwrite"]].concat());
        assert!(desk.server.get("out/vod/film/report.json").is_none());
        desk.server.faults("[]");
        desk.run(0, &[&into("s3://out/vod")[..], &["--overwrite"]].concat());
        assert!(desk.published() == desk.expected());
    }
}

#[test]
fn a_set_whose_upload_was_cut_short_is_finished_by_the_next() {
    let desk = Desk::new();
    desk.plan();
    desk.make();
    // As a machine leaves it that dies.
    desk.server.delete("out/vod/film/report.json");
    desk.server.put("out/vod/film/90x160.mp4", b"half of it");
    let said = desk.render();
    assert!(said.contains("s3://out/vod/film/90x160.mp4: is of no finished set, and will be replaced"), "{said}");
    assert!(desk.published() == desk.expected());
    // The report is there, and who wrote it does not hear of it.
    for name in desk.server.list("out").iter().filter(|name| name.starts_with("vod/")) {
        desk.server.delete(&format!("out/{name}"));
    }
    desk.server.faults(r#"[{"fault": "lost answer", "method": "PUT", "path": "report.json", "times": 1}]"#);
    desk.render();
    assert!(desk.published() == desk.expected());
}

#[test]
fn a_damaged_segment_is_made_anew() {
    let desk = Desk::new();
    desk.plan();
    desk.make();
    let names = desk.server.list("out");
    let objects: Vec<_> = names.iter().filter(|name| name.ends_with(".segment")).collect();
    assert_eq!(objects.len(), 6);
    let mut bytes = desk.server.get(&format!("out/{}", objects[0])).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    desk.server.put(&format!("out/{}", objects[0]), &bytes);
    desk.server.put(&format!("out/{}", objects[3]), b"half");
    for name in names.iter().filter(|name| name.starts_with("vod/")) {
        desk.server.delete(&format!("out/{name}"));
    }
    let said = desk.render();
    assert_eq!(said.matches("is damaged; it is made anew").count(), 2, "{said}");
    assert!(desk.published() == desk.expected());
    assert!(desk.render_again_takes_all(), "they are there again");
}

impl Desk {
    fn render_again_takes_all(&self) -> bool {
        let options = ["--store", "s3://out/store", "-o", "s3://out/vod", "--name", "film", "--overwrite"];
        self.run(0, &[&["render", "s3://out/film.plan.json"], &options[..]].concat()).contains("3 of 3 from the store")
    }
}

#[test]
fn a_film_that_changes_while_it_is_read_is_an_error() {
    let desk = Desk::new();
    desk.server.faults(r#"[{"fault": "slow", "path": "/films/", "times": 99}]"#);
    let plan = [&["plan", "s3://films/a film.mp4", "-o", "s3://out/film.plan.json"], &FAST[..]].concat();
    let child = desk.upright(&plan).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    thread::sleep(Duration::from_millis(1500));
    let film = desk.folder.path().join("film.mp4");
    let mut other = fs::read(film).unwrap();
    other.push(0);
    desk.server.put("films/a film.mp4", &other);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(74), "{}", both(&output));
    assert!(both(&output).contains("has been changed since it was opened"), "{}", both(&output));
}

#[test]
fn ctrl_c_is_heard_while_the_server_does_not_answer() {
    let desk = Desk::new();
    desk.server.faults(r#"[{"fault": "unavailable", "times": 9999}]"#);
    let mut child = desk.upright(&["convert", "s3://films/a film.mp4", "-o", "s3://out/vod"]).spawn().unwrap();
    thread::sleep(Duration::from_secs(1));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let begin = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // It would try again for half a minute.
    assert!(begin.elapsed() < Duration::from_secs(10));
}
