//! Plans as documents: printed, edited, rendered; segments by themselves; the store.

use crate::support::{CENTER, Desk, QUICK, assert_refused, encode_segments, files, upright};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use upright_fixtures::inspect;
use upright_fixtures::{
    AudioCodec, AudioTrack, ChromaLocation, Clip, Codec, Container, Gop, PixelFormat, Ratio, Scene, Timing, View,
};

/// Ten seconds with a shape that moves, as MP4 with few key frames of its own.
fn film() -> Clip {
    Clip {
        size: (320, 180),
        timing: Timing::constant(Ratio::new(25, 1), 250),
        codec: Codec::H264,
        gop: Gop { interval: 40, b_frames: 2, open: false },
        container: Container::Mp4,
        ..Clip::new("film")
    }
}

const SECONDLY: &[&str] = &["--ladder", "90x160,54x96", "--speed", "10", "--keyframe-interval", "1"];

/// `upright plan SOURCE -o PLAN OPTIONS...`, the window in the middle; gives the plan.
fn plan(source: &Path, path: &Path, options: &[&str]) -> Value {
    let output = upright("plan").arg(source).arg("-o").arg(path).args(CENTER).args(options).output().unwrap();
    assert!(output.status.success() && output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// `upright render PLAN -o OUT OPTIONS...`, not started.
fn render(plan: &Path, out: &Path, options: &[&str]) -> Command {
    let mut command = upright("render");
    command.arg(plan).arg("-o").arg(out).args(["--device", "cpu"]).args(options);
    command
}

/// Renders, and must succeed; gives the report and the renditions' bytes by name.
fn rendered(plan: &Path, out: &Path, options: &[&str]) -> (Value, BTreeMap<String, Vec<u8>>) {
    let output = render(plan, out, options).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    made(out)
}

/// The report and the renditions in a folder of renditions.
fn made(out: &Path) -> (Value, BTreeMap<String, Vec<u8>>) {
    let mut report = Value::Null;
    let mut renditions = BTreeMap::new();
    for path in files(out) {
        let bytes = std::fs::read(&path).unwrap();
        match path.file_name().unwrap().to_str().unwrap() {
            "report.json" => report = serde_json::from_slice(&bytes).unwrap(),
            name => drop(renditions.insert(name.to_owned(), bytes)),
        }
    }
    (report, renditions)
}

fn segments(plan: &Value) -> usize {
    plan["wanted"]["segments"]["list"].as_array().unwrap().len()
}

/// Says of a plan that its source has a second track of sound, as the first but for the number of channels.
fn second_track(plan: &mut Value, channels: u32) {
    let mut track = plan["found"]["audio"][0].clone();
    (track["track"], track["channels"]) = (2.into(), channels.into());
    plan["found"]["audio"].as_array_mut().unwrap().push(track);
}

/// Writes an edited plan beside the other.
fn edited(plan: &Value, path: &Path, edit: impl FnOnce(&mut Value)) -> PathBuf {
    let mut plan = plan.clone();
    edit(&mut plan);
    std::fs::write(path, serde_json::to_string_pretty(&plan).unwrap()).unwrap();
    path.to_owned()
}

#[test]
fn a_plan_that_nobody_edited_gives_what_convert_gives() {
    for name in ["variable-rate-mkv", "open-gop-ts", "zone-plate-10", "audio-aac-mp4"] {
        let desk = Desk::new();
        let source = desk.named(name).path;
        let converted = desk.converted(&source, SECONDLY);
        let path = desk.path().join("film.plan.json");
        let plan = plan(&source, &path, SECONDLY);
        let (report, renditions) = rendered(&path, &desk.path().join("rendered"), &[]);
        assert_eq!(report["plan_hash"], converted.report["plan_hash"], "{name}");
        assert_eq!(report["plan"], plan, "{name}");
        let (_, expected) = made(&converted.folder);
        assert!(renditions == expected, "{name}");
    }
}

#[test]
fn a_plan_is_found_its_source_from_its_own_folder_and_elsewhere() {
    let desk = Desk::new();
    let source = desk.named("counter").path;
    let name = source.file_name().unwrap();
    let output = upright("plan").arg(name).args(QUICK).current_dir(desk.path()).output().unwrap();
    assert!(output.status.success());
    let path = desk.path().join("film.plan.json");
    std::fs::write(&path, &output.stdout).unwrap();
    // From anywhere, a name counts from the plan's folder too.
    rendered(&path, &desk.path().join("one"), &[]);
    let moved = desk.path().join("moved.mkv");
    std::fs::rename(&source, &moved).unwrap();
    let missing = render(&path, &desk.path().join("two"), &[]).output().unwrap();
    assert_refused(&missing, 66, &["no such file"]);
    rendered(&path, &desk.path().join("two"), &["--source", moved.to_str().unwrap()]);
    let other = desk.named("pillarbox").path;
    let refused = render(&path, &desk.path().join("three"), &["--source", other.to_str().unwrap()]).output().unwrap();
    assert_refused(&refused, 65, &["another source", "content differs from line 7 of the plan"]);
}

#[test]
fn what_is_wrong_with_a_plan_is_said_with_its_line() {
    let desk = Desk::new();
    let path = desk.path().join("film.plan.json");
    let spoken = Clip {
        timing: Timing::constant(Ratio::new(25, 1), 25),
        audio: vec![AudioTrack::new(AudioCodec::Aac)],
        ..film()
    };
    let plan = plan(&desk.write(&spoken).path, &path, QUICK);
    let bad = desk.path().join("bad.json");
    let refused = |edit: fn(&mut Value), words: &[&str]| {
        edited(&plan, &bad, edit);
        let text = std::fs::read_to_string(&bad).unwrap();
        let output = render(&bad, &desk.out(), &[]).output().unwrap();
        assert_refused(&output, 65, words);
        let stderr = String::from_utf8(output.stderr).unwrap();
        let line: usize = stderr.split("line ").nth(1).unwrap().split(':').next().unwrap().parse().unwrap();
        text.lines().nth(line - 1).unwrap().trim().to_owned()
    };
    let line = refused(|plan| plan["wanted"]["shots"][0]["track"][0]["window"]["x"] = (-3).into(), &["sticks out"]);
    assert!(line.starts_with("\"window\""), "{line}");
    let pair = |plan: &mut Value| {
        second_track(plan, 2);
        plan["wanted"]["audio"][0]["right"] = 2.into();
    };
    let line = refused(pair, &["audio tracks 1 and 2 are not left and right of one sound"]);
    assert_eq!(line, "\"right\": 2,");
    let line = refused(|plan| plan["wanted"]["qality"] = 3.into(), &["unknown field `qality`"]);
    assert!(line.starts_with("\"qality\""), "{line}");
    // What the source has not, although the plan says so, is no fault of the arguments.
    edited(&plan, &bad, |plan| {
        second_track(plan, 1);
        plan["wanted"]["audio"][0]["track"] = 2.into();
    });
    let output = render(&bad, &desk.out(), &[]).output().unwrap();
    assert_refused(&output, 65, &["bad.json: cannot be carried out", "audio track 2 is not there"]);
    std::fs::write(&bad, "{\n").unwrap();
    assert_refused(&render(&bad, &desk.out(), &[]).output().unwrap(), 65, &["bad.json, line "]);
    assert_refused(&render(&desk.path().join("none.json"), &desk.out(), &[]).output().unwrap(), 66, &["none.json"]);
    assert!(desk.leftovers().is_empty());
}

#[test]
fn a_plan_is_not_written_over_another_or_over_its_source() {
    let desk = Desk::new();
    let source = desk.named("counter").path;
    let path = desk.path().join("film.plan.json");
    plan(&source, &path, QUICK);
    let again = |path: &Path, options: &[&str]| {
        upright("plan").arg(&source).arg("-o").arg(path).args(QUICK).args(options).output().unwrap()
    };
    assert_refused(&again(&path, &[]), 73, &["already exists", "--overwrite"]);
    assert!(again(&path, &["--overwrite"]).status.success());
    let before = std::fs::read(&source).unwrap();
    assert_refused(&again(&source, &["--overwrite"]), 73, &["is the input itself"]);
    assert!(std::fs::read(&source).unwrap() == before);
    assert_refused(&again(&desk.path().join("no/where.json"), &[]), 74, &["where.json"]);
}

/// Finds where between `from` and `to` an error is least: first in steps, then between them, by the parabola through the
/// least and its neighbours.
fn least(from: f64, to: f64, error: impl Fn(f64) -> f64) -> f64 {
    const STEPS: usize = 16;
    let step = (to - from) / STEPS as f64;
    let errors: Vec<f64> = (0..=STEPS).map(|index| error(from + step * index as f64)).collect();
    let best = (1..STEPS).min_by(|&a, &b| errors[a].total_cmp(&errors[b])).unwrap();
    let [before, here, after] = [errors[best - 1], errors[best], errors[best + 1]];
    from + step * (best as f64 + (before - after) / (2.0 * (before - 2.0 * here + after)))
}

#[test]
fn the_search_finds_the_least() {
    assert!((least(3.0, 7.0, |x| (x - 4.56).powi(2) + 1.0) - 4.56).abs() < 1e-9);
}

const SIZE: (u32, u32) = (100, 178);

/// What a window of this height, in the middle of the rows, shows of a frame of the clip, as it was drawn.
fn drawn(clip: &Clip, frame: usize, left: f64, height: f64) -> Vec<u16> {
    let (top, width) = ((180.0 - height) / 2.0, height * 50.0 / 89.0);
    let view = View {
        window: [left, top, width, height],
        size: SIZE,
        format: PixelFormat::YUV420P,
        chroma: ChromaLocation::Left,
    };
    clip.seen(frame, &view).planes.swap_remove(0).samples
}

#[test]
fn windows_that_were_edited_are_obeyed_to_a_tenth_of_a_pixel() {
    let desk = Desk::new();
    let clip = Clip {
        size: (320, 180),
        timing: Timing::constant(Ratio::new(25, 1), 50),
        codec: Codec::Ffv1,
        container: Container::Mkv,
        scene: Scene::ZonePlate,
        ..Clip::new("film")
    };
    let source = desk.write(&clip).path;
    let path = desk.path().join("film.plan.json");
    let plan = plan(&source, &path, &["--ladder", "100x178", "--speed", "10", "--quality", "95"]);
    let key = |time: &str, x: f64, height: f64, then: &str| {
        let window = json!({"x": x, "y": (180.0 - height) / 2.0, "width": height * 50.0 / 89.0, "height": height});
        json!({"time": time, "window": window, "then": then})
    };
    // Another window, a pan with ease, a zoom, and a shot that stands still.
    edited(&plan, &path, |plan| {
        plan["wanted"]["shots"] = json!([
            {"start": "0", "end": "0.52", "track": [key("0", 87.3, 178.0, "hold")]},
            {"start": "0.52", "end": "1", "track": [key("0.52", 70.0, 178.0, "ease"), key("0.96", 140.4, 178.0, "hold")]},
            {"start": "1", "end": "1.52", "track": [key("1", 90.0, 178.0, "linear"), key("1.4", 120.0, 120.0, "hold")]},
            {"start": "1.52", "end": null, "track": [key("1.52", 129.9, 178.0, "hold")]},
        ]);
    });
    let (report, _) = rendered(&path, &desk.out(), &[]);
    let rendition = files(&desk.out()).into_iter().find(|path| path.extension() == Some("mp4".as_ref())).unwrap();
    let part = |frame: usize, from: f64, to: f64| ((frame as f64 / 25.0 - from) / (to - from)).min(1.0);
    let expected = |frame: usize| match frame {
        0..13 => (87.3, 178.0),
        13..25 => {
            let t = part(frame, 0.52, 0.96);
            (70.0 + 70.4 * t * t * (3.0 - 2.0 * t), 178.0)
        }
        25..38 => {
            let t = part(frame, 1.0, 1.4);
            (90.0 + 30.0 * t, 178.0 - 58.0 * t)
        }
        _ => (129.9, 178.0),
    };
    let pictures = inspect::decode(&rendition, PixelFormat::YUV420P).unwrap();
    assert_eq!((pictures.len(), report["frames"].as_u64()), (50, Some(50)));
    for (frame, picture) in pictures.iter().enumerate() {
        let error = |left: f64, height: f64| -> f64 {
            let drawn = drawn(&clip, frame, left, height);
            let pairs = drawn.iter().zip(&picture.planes[0].samples);
            pairs.map(|(&drawn, &seen)| (f64::from(drawn) - f64::from(seen)).powi(2)).sum()
        };
        let (left, height) = expected(frame);
        let found = least(left - 2.0, left + 2.0, |left| error(left, height));
        assert!((found - left).abs() < 0.1, "frame {frame}: at {found}, wanted at {left}");
        if height < 178.0 {
            // The middle of the window stays where it is.
            let middle = left + height * 25.0 / 89.0;
            let found = least(height - 2.0, height + 2.0, |height| error(middle - height * 25.0 / 89.0, height));
            assert!((found - height).abs() < 0.1, "frame {frame}: {found} rows, wanted {height}");
        }
    }
    // Key frames fall on the cuts.
    let frames = inspect::frames(&rendition, "v:0").unwrap();
    let keys: Vec<_> = (0..50).filter(|&frame| frames[frame].key_frame == 1).collect();
    assert_eq!(keys, [0, 13, 25, 38]);
}

/// How many segments a report says were taken from the store, and how many there are.
fn reuse(report: &Value) -> (u64, u64) {
    let number = |name: &str| report["segments"][name].as_u64().unwrap();
    (number("reused"), number("total"))
}

#[test]
fn one_shot_of_ten_that_was_edited_encodes_its_own_segments_alone() {
    let desk = Desk::new();
    let source = desk.write(&film()).path;
    let path = desk.path().join("film.plan.json");
    let first = plan(&source, &path, SECONDLY);
    assert_eq!(segments(&first), 10);
    // Ten shots of a second, each with a window of its own.
    edited(&first, &path, |plan| {
        let window = plan["wanted"]["shots"][0]["track"][0]["window"].clone();
        let shot = |number: i64| {
            let mut window = window.clone();
            window["x"] = (20 * number).into();
            let end = if number == 9 { Value::Null } else { format!("{}", number + 1).into() };
            let key = json!({"time": number.to_string(), "window": window});
            json!({"start": number.to_string(), "end": end, "track": [key]})
        };
        plan["wanted"]["shots"] = (0..10).map(shot).collect();
    });
    let store = desk.path().join("store");
    let options = ["--store", store.to_str().unwrap(), "--overwrite"];
    let (report, before) = rendered(&path, &desk.out(), &options);
    assert_eq!(reuse(&report), (0, 10));
    let (report, again) = rendered(&path, &desk.out(), &options);
    assert_eq!(reuse(&report), (10, 10));
    assert!(again == before);
    let ten: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    edited(&ten, &path, |plan| plan["wanted"]["shots"][6]["track"][0]["window"]["x"] = 7.into());
    let (report, after) = rendered(&path, &desk.out(), &options);
    assert_eq!(reuse(&report), (9, 10));
    let (_, fresh) = rendered(&path, &desk.path().join("fresh"), &[]);
    assert!(after == fresh && after != before);
    // A title changes no segment.
    edited(&ten, &path, |plan| plan["wanted"]["title"] = "Another".into());
    assert_eq!(reuse(&rendered(&path, &desk.out(), &options).0), (10, 10));
}

#[test]
fn segments_by_themselves_in_any_order_are_the_film() {
    for container in [Container::Mp4, Container::Mkv, Container::Ts] {
        let desk = Desk::new();
        let clip = Clip { container, gop: Gop { interval: 33, b_frames: 2, open: true }, ..film() };
        let source = desk.write(&clip).path;
        let path = desk.path().join("film.plan.json");
        let plan = plan(&source, &path, SECONDLY);
        let store = desk.path().join("store");
        encode_segments(&path, (0..segments(&plan)).rev(), &store);
        let none = upright("segment").arg(&path).args(["-n", "99", "-o"]).arg(&store).output().unwrap();
        assert_refused(&none, 2, &["segment 99", "0 to"]);
        let (report, joined) = rendered(&path, &desk.path().join("joined"), &["--store", store.to_str().unwrap()]);
        assert_eq!(reuse(&report), (segments(&plan) as u64, segments(&plan) as u64));
        let (_, fresh) = rendered(&path, &desk.path().join("fresh"), &[]);
        assert!(joined == fresh, "{container:?}");
    }
}

#[test]
fn how_a_film_is_enlarged_is_decided_once_and_what_shrinks_stays_as_it_is() {
    let desk = Desk::new();
    let timing = Timing::constant(Ratio::new(25, 1), 40);
    let clean = Clip { timing, codec: Codec::Raw, container: Container::Nut, ..Clip::new("clean") };
    let clean = desk.write(&clean).path;
    let planned = |source: &Path, way| {
        let options = ["--ladder", "180x320,54x96", "--speed", "10", "--keyframe-interval", "1", "--upscale", way];
        let path = source.with_extension(format!("{way}.plan.json"));
        (plan(source, &path, &options)["wanted"]["upscale"].clone(), path)
    };
    // Few bits for a pixel, and twelve.
    assert_eq!(planned(&desk.write(&film()).path, "auto").0, Value::Null);
    let [(auto, path), (sharp, sharp_path), (lanczos, lanczos_path)] =
        ["auto", "sharp", "lanczos"].map(|way| planned(&clean, way));
    assert_eq!([auto, sharp, lanczos], ["sharp".into(), "sharp".into(), Value::Null]);

    let store = desk.path().join("store");
    encode_segments(&path, [1, 0], &store);
    let with_store =
        |path: &Path, folder: &str| rendered(path, &desk.path().join(folder), &["--store", store.to_str().unwrap()]);
    let (report, joined) = with_store(&path, "joined");
    assert_eq!(reuse(&report), (2, 2));
    let (_, sharp) = rendered(&sharp_path, &desk.path().join("sharp"), &[]);
    assert!(joined == sharp, "segments by themselves");
    // The store has nothing for it.
    let (report, lanczos) = with_store(&lanczos_path, "lanczos");
    assert_eq!(reuse(&report).0, 0);
    assert!(sharp["180x320.mp4"] != lanczos["180x320.mp4"] && sharp["54x96.mp4"] == lanczos["54x96.mp4"]);
}

#[test]
fn a_film_whose_segments_were_cut_by_hand_is_encoded_and_kept_by_them() {
    let desk = Desk::new();
    let source = desk.write(&film()).path;
    let path = desk.path().join("film.plan.json");
    let options = ["--ladder", "90x160,72x128", "--speed", "10", "--keyframe-interval", "1", "--encoder", "libsvtav1"];
    let whole = plan(&source, &path, &options);
    assert_eq!(segments(&whole), 1, "its encoders cannot be opened while others work");
    edited(&whole, &path, |plan| {
        let first = plan["wanted"]["segments"]["list"][0].clone();
        let segment = |number: i64| {
            let mut segment = first.clone();
            segment["start"] = number.to_string().into();
            segment["end"] = if number == 8 { Value::Null } else { (number + 2).to_string().into() };
            segment["first_frame"] = (25 * number).into();
            segment["frames"] = 50.into();
            segment
        };
        plan["wanted"]["segments"]["list"] = (0..5).map(|index| segment(2 * index)).collect();
    });
    let store = desk.path().join("store");
    let options = ["--store", store.to_str().unwrap(), "--overwrite"];
    let (report, before) = rendered(&path, &desk.out(), &options);
    assert_eq!((reuse(&report), &report["key_frames"]), ((0, 5), &10.into()));
    let (report, again) = rendered(&path, &desk.out(), &options);
    assert!(reuse(&report) == (5, 5) && again == before);
}

#[test]
fn a_render_that_is_killed_again_and_again_ends_as_if_it_had_not_been() {
    let desk = Desk::new();
    let source = desk.write(&film()).path;
    let path = desk.path().join("film.plan.json");
    plan(&source, &path, SECONDLY);
    let store = desk.path().join("store");
    let options = ["--store", store.to_str().unwrap(), "--jobs", "2"];
    let (_, undisturbed) = rendered(&path, &desk.path().join("undisturbed"), &[]);
    let is_whole = |path: &&PathBuf| path.extension().is_some_and(|extension| extension != "part");
    let kept = || files(&store).iter().filter(is_whole).count();
    let (mut killed, mut state) = (0, 0x9e37_79b9_u64);
    // With more than half of the rungs both of some segment are there; near its end a job that is killed leaves drafts.
    while kept() <= 10 {
        let before = kept();
        let mut job = render(&path, &desk.out(), &[&options[..], &["--overwrite"]].concat()).spawn().unwrap();
        // Any moment will do, once it has kept two rungs that were not there.
        while kept() < before + 2 && job.try_wait().unwrap().is_none() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(std::time::Duration::from_micros(state >> 50));
        killed += usize::from(job.try_wait().unwrap().is_none());
        job.kill().unwrap();
        job.wait().unwrap();
    }
    assert!(killed > 1, "{killed} of them were still at work");
    let (report, renditions) = rendered(&path, &desk.out(), &[&options[..], &["--overwrite"]].concat());
    assert!(reuse(&report).0 > 0, "{:?}", report["segments"]);
    assert!(renditions == undisturbed, "{:?}", renditions.keys());
}

#[test]
fn two_renders_on_one_store_at_once_are_both_right() {
    let desk = Desk::new();
    let source = desk.write(&film()).path;
    let path = desk.path().join("film.plan.json");
    plan(&source, &path, SECONDLY);
    let store = desk.path().join("store");
    let options = ["--store", store.to_str().unwrap(), "--store-size", "40K"];
    let outs = ["one", "other"].map(|name| desk.path().join(name));
    let jobs = outs.each_ref().map(|out| render(&path, out, &options).spawn().unwrap());
    for mut job in jobs {
        assert!(job.wait().unwrap().success());
    }
    let (_, fresh) = rendered(&path, &desk.path().join("fresh"), &[]);
    for out in &outs {
        assert!(made(out).1 == fresh);
    }
    let bytes: u64 = files(&store).iter().map(|path| path.metadata().unwrap().len()).sum();
    assert!(bytes < 60 << 10, "the store has {bytes} bytes");
}

#[test]
fn what_is_damaged_in_a_store_is_made_anew_and_other_folders_are_no_stores() {
    let desk = Desk::new();
    let source = desk.write(&film()).path;
    let path = desk.path().join("film.plan.json");
    plan(&source, &path, SECONDLY);
    let store = desk.path().join("store");
    let options = ["--store", store.to_str().unwrap(), "--overwrite"];
    let (_, before) = rendered(&path, &desk.out(), &options);
    let objects: Vec<_> = files(&store).into_iter().filter(|path| path.extension().is_some()).collect();
    assert_eq!(objects.len(), 20, "two rungs of ten segments");
    // One has a byte changed, one is cut short, one is another's.
    let mut bytes = std::fs::read(&objects[0]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&objects[0], &bytes).unwrap();
    std::fs::write(&objects[1], &std::fs::read(&objects[1]).unwrap()[..100]).unwrap();
    std::fs::copy(&objects[3], &objects[2]).unwrap();
    let output = render(&path, &desk.out(), &options).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    // Of two rungs of one segment the second is not asked for when the first is damaged.
    assert!(output.status.success() && (1..=3).contains(&stderr.matches("is damaged").count()), "{stderr}");
    let (report, after) = made(&desk.out());
    let (reused, total) = reuse(&report);
    assert!(after == before && total == 10 && (7..10).contains(&reused), "{reused}");
    let (report, after) = rendered(&path, &desk.out(), &options);
    assert!(after == before && reuse(&report) == (10, 10));
    let folder = desk.path();
    let refused = render(&path, &desk.out(), &["--store", folder.to_str().unwrap(), "--overwrite"]).output().unwrap();
    assert_refused(&refused, 65, &["holds other things than encoded segments"]);
}

#[test]
fn a_pipe_has_a_plan_without_a_list_and_no_store() {
    let desk = Desk::new();
    let bytes = std::fs::read(desk.named("counter").path).unwrap();
    let output = crate::support::fed(upright("plan").arg("-").args(QUICK), &bytes);
    assert!(output.status.success());
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(plan["wanted"]["segments"], json!({"as_decoded": {"key_frames": 1}}));
    let store = desk.path().join("store");
    let mut convert = desk.convert("-", &["--store", store.to_str().unwrap()]);
    assert_refused(&crate::support::fed(convert.args(QUICK), &bytes), 2, &["not known beforehand"]);
    let path = desk.path().join("film.plan.json");
    std::fs::write(&path, &output.stdout).unwrap();
    let rendered = crate::support::fed(&mut render(&path, &desk.out(), &[]), &bytes);
    assert!(rendered.status.success(), "{}", String::from_utf8_lossy(&rendered.stderr));
}
