//! Framing: films are looked at, plans say what was seen, people and programs mend shots.

use crate::support::{CENTER, Desk, QUICK, assert_refused, fed, ffmpeg, upright};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use upright_fixtures::PixelFormat;
use upright_fixtures::inspect::{self, psnr};

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
fn what_was_seen_with_other_sound_is_not_used() {
    let desk = Desk::new();
    let silent = film(&desk);
    let film = desk.path().join("spoken.mkv");
    // Heard at other times.
    let sounds = ["sine=440:d=3.2", "sine=440:d=3.2,volume=0:enable='lt(t,1.6)'"];
    let sounds = sounds.iter().flat_map(|sound| ["-f", "lavfi", "-i", sound]);
    let maps = ["0", "1", "2"].into_iter().flat_map(|number| ["-map", number]);
    let codecs = ["-c:v", "copy", "-c:a", "aac", film.to_str().unwrap()];
    ffmpeg(&["-i", silent.to_str().unwrap()].into_iter().chain(sounds).chain(maps).chain(codecs).collect::<Vec<_>>());
    let beside = desk.path().join("film.analysis.json");
    let (_, first) = planned(&desk, &film, &["--audio", "1"]);
    let heard = read(&beside)["sound"].clone();
    let (_, second) = planned(&desk, &film, &["--audio", "2", "--overwrite"]);
    let anew = read(&beside);
    assert_ne!(anew["sound"], heard);
    std::fs::remove_file(&beside).unwrap();
    let (_, alone) = planned(&desk, &film, &["--audio", "2", "--overwrite"]);
    assert_eq!((&read(&beside), &second), (&anew, &alone));
    assert_eq!(first["wanted"]["rungs"], second["wanted"]["rungs"]);
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
    // Wherever the window stands in the others.
    let (_, centred) = planned(&desk, &film, &["--overwrite", "--crop", "center"]);
    assert_eq!(centred["wanted"]["shots"][1], after["wanted"]["shots"][1]);
    planned(&desk, &film, &["--overwrite"]);
    run(upright("plan").arg(&path).args(["--set", "shot=2,locked=no"]));
    let (_, free) = planned(&desk, &film, &["--overwrite"]);
    assert_eq!(free["wanted"]["shots"], before["wanted"]["shots"]);
    let missing = upright("plan").arg(&path).args(["--set", "shot=3,x=0.5"]).output().unwrap();
    assert_refused(&missing, 2, &["shot 3", "2 shots"]);
    assert_eq!(read(&path), free);
}

#[test]
fn halves_are_those_of_the_source() {
    let desk = Desk::new();
    let film = film(&desk);
    let (path, _) = planned(&desk, &film, &["--ladder", "180x320", "--quality", "90"]);
    run(upright("plan").arg(&path).args([
        "--set",
        "shot=1,layout=stack,x=0.3,y=0.6,lower-x=0.7",
        "--set",
        "shot=2,layout=fit",
    ]));
    let plan = read(&path);
    let [upper, lower] = ["track", "lower"].map(|track| plan["wanted"]["shots"][0][track][0]["window"].clone());
    let side = |window: &Value, side: &str| window[side].as_f64().unwrap();
    let centre = |window: &Value| side(window, "x") + side(window, "width") / 2.0;
    assert!((centre(&upper) - 96.0).abs() < 1e-6 && (centre(&lower) - 224.0).abs() < 1e-6, "{upper} {lower}");
    run(upright("render").arg(&path).arg("-o").arg(desk.out()));
    let rendition = desk.out().join("film/180x320.mp4");
    let found = inspect::decode(&rendition, PixelFormat::YUV420P).unwrap();
    assert_eq!(found.len(), 80);
    // By ffmpeg: crops to whole samples, which is near enough to tell windows apart.
    let crop = |window: &Value, size: &str| {
        let [x, y, width, height] = ["x", "y", "width", "height"].map(|name| side(window, name));
        format!("crop={width}:{height}:{x}:{y}:exact=1,scale={size}:flags=lanczos")
    };
    let halves =
        format!("split[a][b];[a]{}[c];[b]{}[d];[c][d]vstack", crop(&upper, "180:160"), crop(&lower, "180:160"));
    let turned =
        format!("split[a][b];[a]{}[c];[b]{}[d];[c][d]vstack", crop(&lower, "180:160"), crop(&upper, "180:160"));
    let likeness = |filter: &str, frame: usize| {
        let expected = inspect::decode_filtered(&film, filter, PixelFormat::YUV420P, (180, 320)).unwrap();
        psnr(&expected[frame].planes[0], &found[frame].planes[0], 8, 8)
    };
    let (right, wrong) = (likeness(&halves, 20), likeness(&turned, 20));
    assert!(right > 26.0 && wrong < 16.0, "{right} dB in place, {wrong} dB turned");
    // The whole picture between the bars, 320 by 140, is 79 rows high across the middle.
    let fitted =
        inspect::decode_filtered(&film, "crop=320:140:0:20,scale=180:80", PixelFormat::YUV420P, (180, 80)).unwrap();
    let middle = inspect::decode_filtered(&rendition, "crop=180:80:0:120", PixelFormat::YUV420P, (180, 80)).unwrap();
    let likeness = psnr(&fitted[60].planes[0], &middle[60].planes[0], 8, 8);
    assert!(likeness > 24.0, "{likeness} dB");
    let none = upright("plan").arg(&path).args(["--set", "shot=2,lower-x=0.5"]).output().unwrap();
    assert_refused(&none, 2, &["shot 2", "layout=stack"]);
}

/// A film over which "text" comes at 1 s and goes at 2.4 s, about the middle: strokes between darker ones.
fn film_with_text(desk: &Desk) -> PathBuf {
    let path = desk.path().join("film.mp4");
    let stroke = |number: u32| {
        let (x, height) = (170 + 12 * number, if number.is_multiple_of(3) { 18 } else { 22 });
        format!("drawbox=x={x}:y=318:w=4:h={height}:color=white:t=fill:enable='between(n,25,59)'")
    };
    let plate = "drawbox=x=166:y=314:w=306:h=30:color=black:t=fill:enable='between(n,25,59)'".to_owned();
    let strokes: Vec<_> = std::iter::once(plate).chain((0..25).filter(|number| number % 6 != 5).map(stroke)).collect();
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "mandelbrot=s=640x360:r=25:start_scale=1.2,trim=duration=3.2"])
        .args(["-vf", &strokes.join(","), "-c:v", "libx264", "-pix_fmt", "yuv420p", "-qp", "12"])
        .arg(&path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    path
}

#[test]
fn text_in_the_picture_is_lifted_into_the_rendition_where_it_would_be_cut_off() {
    let desk = Desk::new();
    let film = film_with_text(&desk);
    let (path, plan) = planned(&desk, &film, &["--ladder", "180x320", "--quality", "90"]);
    let captions = plan["wanted"]["shots"][0]["captions"].as_array().unwrap();
    let [caption] = captions.as_slice() else { panic!("{captions:?}") };
    assert_eq!((&caption["from"], &caption["to"]), (&json!("1/1"), &json!("12/5")));
    run(upright("render").arg(&path).arg("-o").arg(desk.out()));
    let found = inspect::decode(desk.out().join("film/180x320.mp4"), PixelFormat::YUV420P).unwrap();
    // White strokes, and black between them, across the width, just above four fifths of the height; and only while it is there.
    let strokes = |frame: usize| {
        let luma = &found[frame].planes[0];
        let row: Vec<_> = (0..180).map(|x| luma.at(x, 248) > 120).collect();
        row.windows(2).filter(|pair| pair[0] != pair[1]).count()
    };
    let counts = [24, 25, 40, 59, 60].map(strokes);
    assert!(counts[1..4].iter().all(|&count| count >= 30), "{counts:?}");
    assert!(counts[0] < 20 && counts[4] < 20, "{counts:?}");
    let (_, without) = planned(&desk, &film, &["--overwrite", "--subtitles", "off"]);
    assert_eq!(without["wanted"]["shots"][0]["captions"], json!([]));
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
    let packages = root.join("scripts/playwright.txt");
    run(Command::new(root.join("scripts/with-packages.sh")).arg(packages).arg(drive).arg(&page).arg(&saved));
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
