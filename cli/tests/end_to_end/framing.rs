//! Framing: films are looked at, plans say what was seen, people and programs mend shots.

use crate::support::{CENTER, Desk, QUICK, assert_refused, fed, upright};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use upright_fixtures::inspect;

/// Two shots of 1.6 s, of ffmpeg's own pictures, in a frame between bars: nobody is in them, and they are cut at frame 40.
fn film(desk: &Desk) -> PathBuf {
    let path = desk.path().join("film.mp4");
    let filter = "[0]setsar=1,pad=320:180:0:20:black[a];[1]setsar=1,pad=320:180:0:20:black[b];[a][b]concat";
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x140:r=25:d=1.6"])
        .args(["-f", "lavfi", "-i", "mandelbrot=s=320x140:r=25,trim=duration=1.6"])
        .args(["-filter_complex", filter, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-qp", "12"])
        .arg(&path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    path
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Plans the film into a file beside it.
fn planned(desk: &Desk, film: &Path, options: &[&str]) -> (PathBuf, Value) {
    let path = desk.path().join("film.plan.json");
    let quick = if options.contains(&"--ladder") { &QUICK[2..] } else { QUICK };
    run(upright("plan").arg(film).arg("-o").arg(&path).args(quick).args(options));
    let plan = read(&path);
    (path, plan)
}

#[test]
fn shots_and_borders_are_found_and_key_frames_fall_on_cuts() {
    let desk = Desk::new();
    let film = film(&desk);
    let (path, plan) = planned(&desk, &film, &[]);
    let shots = plan["wanted"]["shots"].as_array().unwrap();
    assert_eq!(shots.len(), 2, "{shots:?}");
    assert_eq!((&shots[0]["start"], &shots[0]["end"], &shots[1]["end"]), (&json!("0/1"), &json!("8/5"), &Value::Null));
    for shot in shots {
        let window = &shot["track"][0]["window"];
        assert_eq!((window["y"].as_f64(), window["height"].as_f64()), (Some(20.0), Some(140.0)), "{shot}");
        assert_eq!(shot["borders"]["bottom"].as_f64(), Some(20.0));
        assert!(shot["confidence"].as_f64().unwrap() < 0.7 && shot["reason"].is_string(), "{shot}");
    }
    run(upright("render").arg(&path).arg("-o").arg(desk.out()));
    let packets = inspect::packets(desk.out().join("film/90x160.mp4"), "v:0").unwrap();
    let keys: Vec<_> =
        packets.iter().enumerate().filter(|(_, packet)| packet.flags.contains('K')).map(|it| it.0).collect();
    assert_eq!(keys, [0, 40, 50]);
}

#[test]
fn what_was_seen_lies_beside_the_plan_and_is_used_again() {
    let desk = Desk::new();
    let film = film(&desk);
    let (_, first) = planned(&desk, &film, &[]);
    let beside = desk.path().join("film.analysis.json");
    let mut analysis = read(&beside);
    // What is not seen in the film, and can only be from here.
    analysis["shots"][0]["borders"]["left"] = 100.into();
    std::fs::write(&beside, analysis.to_string()).unwrap();
    let (_, second) = planned(&desk, &film, &["--overwrite", "--ladder", "180x320"]);
    assert!(second["wanted"]["shots"][0]["track"][0]["window"]["x"].as_f64().unwrap() >= 100.0);
    assert_eq!(second["wanted"]["shots"][1]["track"], first["wanted"]["shots"][1]["track"]);
    // That of another film is not.
    analysis["fingerprint"]["sha256"] = "0".repeat(64).into();
    std::fs::write(&beside, analysis.to_string()).unwrap();
    let (_, third) = planned(&desk, &film, &["--overwrite"]);
    assert_eq!(third["wanted"]["shots"], first["wanted"]["shots"]);
    // And a file that is something else is left alone.
    let other = desk.path().join("notes.txt");
    std::fs::write(&other, "notes").unwrap();
    let refused = upright("plan").arg(&film).args(QUICK).arg("--analysis").arg(&other).output().unwrap();
    assert_refused(&refused, 73, &["notes.txt"]);
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "notes");
}

#[test]
fn a_shot_is_set_locked_and_kept_when_the_film_is_planned_anew() {
    let desk = Desk::new();
    let film = film(&desk);
    let (path, before) = planned(&desk, &film, &[]);
    run(upright("plan").arg(&path).args(["--set", "shot=2,x=0.7,mode=static"]));
    let after = read(&path);
    let shot = &after["wanted"]["shots"][1];
    let window = &shot["track"][0]["window"];
    let centre = window["x"].as_f64().unwrap() + window["width"].as_f64().unwrap() / 2.0;
    assert!((centre - 224.0).abs() < 0.01 && shot["locked"] == true, "{shot}");
    assert_eq!(after["wanted"]["shots"][0], before["wanted"]["shots"][0]);
    let (_, anew) = planned(&desk, &film, &["--overwrite"]);
    assert_eq!(anew["wanted"]["shots"], after["wanted"]["shots"]);
    run(upright("plan").arg(&path).args(["--set", "shot=2,locked=no"]));
    let (_, free) = planned(&desk, &film, &["--overwrite"]);
    assert_eq!(free["wanted"]["shots"], before["wanted"]["shots"]);
    let missing = upright("plan").arg(&path).args(["--set", "shot=3,x=0.5"]).output().unwrap();
    assert_refused(&missing, 2, &["shot 3", "2 shots"]);
    assert_eq!(read(&path), free);
}

#[test]
fn a_page_shows_the_shots_and_what_it_saves_is_rendered() {
    let desk = Desk::new();
    let film = film(&desk);
    let (path, _) = planned(&desk, &film, &[]);
    let page = desk.path().join("review.html");
    run(upright("review").arg(&path).arg("-o").arg(&page));
    let again = upright("review").arg(&path).arg("-o").arg(&page).output().unwrap();
    assert_refused(&again, 73, &["review.html"]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let saved = desk.path().join("saved");
    let drive = root.join("cli/tests/review/drive.py");
    run(Command::new(root.join("scripts/playwright.sh")).arg(drive).arg(&page).arg(&saved));
    let edited = saved.join("film.plan.json");
    assert_ne!(read(&edited), read(&path));
    run(upright("render").arg(&edited).arg("--source").arg(&film).arg("-o").arg(desk.out()));
    inspect::check_decodes(desk.out().join("film/90x160.mp4")).unwrap();
}

#[test]
fn a_preview_shows_every_frame_of_the_landscape_picture() {
    let desk = Desk::new();
    let film = film(&desk);
    let (path, _) = planned(&desk, &film, &[]);
    let preview = desk.path().join("preview.mp4");
    let told = run(upright("preview").arg(&path).arg("-o").arg(&preview).args(["--progress", "json"]));
    let last: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    assert_eq!((&last["event"], &last["frames"]), (&json!("done"), &json!(80)), "{told}");
    let video = inspect::probe(&preview).unwrap();
    let video = video.video().unwrap();
    assert_eq!((video.codec_name.as_deref(), video.width, video.height), (Some("av1"), Some(640), Some(360)));
    assert_eq!(inspect::frames(&preview, "v:0").unwrap().len(), 80);
    inspect::check_decodes(&preview).unwrap();
}

#[test]
fn a_pipe_cannot_be_looked_at_and_says_so() {
    let desk = Desk::new();
    let film = film(&desk);
    let bytes = std::fs::read(&film).unwrap();
    let remuxed = desk.path().join("film.mkv");
    run(Command::new("ffmpeg").args(["-v", "error", "-i"]).arg(&film).args(["-c", "copy"]).arg(&remuxed));
    drop(bytes);
    let output = fed(upright("plan").arg("-").args(QUICK), &std::fs::read(&remuxed).unwrap());
    assert!(output.status.success());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("only once") && stderr.contains("middle"), "{stderr}");
    let center = fed(upright("plan").arg("-").args(QUICK).args(CENTER), &std::fs::read(&remuxed).unwrap());
    assert_eq!(center.stdout, output.stdout);
}
