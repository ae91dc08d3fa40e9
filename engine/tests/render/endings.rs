//! How conversions end: well, with what they leave behind; and otherwise, with nothing.

use crate::job::{Job, names};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tempfile::{TempDir, tempdir};
use upright_engine::Error;
use upright_engine::geometry::Rational;
use upright_engine::picture::DeviceChoice;
use upright_engine::pipeline::{self, Control, Phase, REPORT, render};
use upright_engine::plan::{CropChoice, Plan, PlanOptions};
use upright_engine::source::{SourceInfo, Span};
use upright_fixtures::{Clip, Ratio, Timing, adapter, catalogue, inspect};

const OUTPUTS: [&str; 3] = ["36x64.mp4", "72x128.mp4", REPORT];

/// A directory, a fixture in it, and where its renditions go.
fn setting(fixture: &str) -> (TempDir, PathBuf, PathBuf) {
    let directory = tempdir().unwrap();
    let source = catalogue::named(fixture).unwrap().write(directory.path()).unwrap().path;
    let out = directory.path().join("out/film");
    (directory, source, out)
}

fn bytes(directory: &Path) -> Vec<Vec<u8>> {
    OUTPUTS.map(|name| fs::read(directory.join(name)).unwrap()).into()
}

#[test]
fn the_report_beside_the_renditions_is_the_one_given_and_true() {
    let (_directory, source, out) = setting("subject");
    let report = Job::new(&source, &out).run().unwrap();
    assert_eq!(names(&out), OUTPUTS);
    assert_eq!(fs::read(out.join(REPORT)).unwrap(), serde_json::to_vec_pretty(&report).unwrap());

    assert_eq!((report.frames, report.key_frames, report.duration), (48, 1, 2.0));
    assert_eq!(report.plan_hash, report.plan.hash().unwrap());
    assert_eq!((report.device.kind, report.start_offset), ("cpu", 0.0));
    for rendition in &report.renditions {
        let path = out.join(&rendition.file);
        assert_eq!(rendition.bytes, fs::metadata(&path).unwrap().len());
        let packets = inspect::packets(&path, "v:0").unwrap();
        let bits = packets.iter().map(|packet| packet.size).sum::<usize>() * 8;
        assert_eq!(rendition.video_bitrate, bits as f64 / 2.0);
        assert!(!rendition.upscaled && rendition.frames == 48 && rendition.encode_seconds > 0.0);
    }
    let stages: Vec<_> = report.stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(stages, ["decode", "scale", "encode 72x128", "mux 72x128", "encode 36x64", "mux 36x64"]);
    for stage in &report.stages {
        let spent = stage.busy_seconds + stage.starved_seconds + stage.blocked_seconds;
        assert!(stage.busy_seconds > 0.0 && spent <= report.wall_seconds * stage.threads as f64, "{stage:?}");
    }
    // A segment's beginning and end travel with its frames.
    assert!(report.queues.iter().all(|queue| (49..=50).contains(&queue.items)), "{:?}", report.queues);
    assert!(report.bottleneck.contains("at work"), "{}", report.bottleneck);
}

#[test]
fn the_same_plan_gives_the_same_bytes_on_every_device() {
    let (directory, source, out) = setting("subject");
    Job::new(&source, &out).run().unwrap();
    for (name, device) in [("again", DeviceChoice::Cpu), ("gpu", DeviceChoice::Adapter(adapter()))] {
        let twin = directory.path().join(name);
        let mut job = Job::new(&source, &twin);
        job.render.device = device;
        let report = job.run().unwrap();
        assert!(bytes(&out)[..2] == bytes(&twin)[..2], "{name}");
        let frames = report.gpu.map(|gpu| gpu.frames);
        assert_eq!(frames, (name == "gpu").then_some(48));
    }
    let left = directory.path().join("left");
    let mut job = Job::new(&source, &left);
    job.plan.crop = CropChoice::Left;
    job.run().unwrap();
    assert!(bytes(&out)[..2] != bytes(&left)[..2], "another plan gives other bytes");
}

#[test]
fn only_the_wanted_part_is_converted() {
    let (_directory, source, out) = setting("subject");
    let mut job = Job::new(&source, &out);
    job.span = Span { start: Some(Rational::new(1, 4)), duration: Some(Rational::new(1, 1)) };
    let report = job.run().unwrap();
    assert_eq!((report.frames, report.start_offset), (24, 0.25));
    let late = inspect::sync(out.join("72x128.mp4"), 0).unwrap();
    assert!(late.iter().all(|late| late.abs() < 1.0 / 24.0), "{late:?}");
}

#[test]
fn progress_rises_to_the_end() {
    let (_directory, source, out) = setting("subject");
    let seen = Mutex::new(Vec::new());
    Job::new(&source, &out)
        .run_with(&Control::default(), &|progress| seen.lock().unwrap().push(progress.clone()))
        .unwrap();
    let seen = seen.into_inner().unwrap();
    assert!(seen.is_sorted_by_key(|progress| progress.frames));
    let last = seen.last().unwrap();
    assert_eq!((last.phase, last.frames, last.total, last.percent), (Phase::Done, 48, Some(48), Some(100.0)));
    assert_eq!(seen.iter().filter(|progress| progress.phase == Phase::Done).count(), 1);
}

/// A film that is long enough to be stopped in the middle.
fn long_film(directory: &Path) -> PathBuf {
    let timing = Timing::constant(Ratio::new(25, 1), 1000);
    Clip { timing, ..Clip::new("long") }.write(directory).unwrap().path
}

/// To find text the source is opened again, and decoded where it may have captions.
#[test]
fn an_output_that_exists_is_told_before_text_is_looked_for() {
    let (_directory, path, out) = setting("letterbox");
    fs::create_dir_all(&out).unwrap();
    fs::write(out.join(REPORT), "old").unwrap();
    let job = Job::new(&path, &out);
    let (source, control) = (job.open().unwrap(), Control::default());
    let plan = pipeline::plan(&source, &job.plan, &control, &|_| ()).unwrap();
    fs::remove_file(&path).unwrap();
    let outcome = render(source, &plan, &job.render.subtitles(true), &control, &|_| ());
    assert!(matches!(&outcome, Err(Error::OutputExists { path }) if path.ends_with(REPORT)), "{outcome:?}");
    assert_eq!(names(&out), [REPORT]);
}

#[test]
fn a_cancelled_job_leaves_nothing() {
    let directory = tempdir().unwrap();
    let source = long_film(directory.path());
    let before = names(directory.path());
    let (control, reached) = (Control::default(), Mutex::new(0));
    let outcome = Job::new(&source, &directory.path().join("out/film")).run_with(&control, &|progress| {
        *reached.lock().unwrap() = progress.frames;
        if progress.frames > 0 {
            control.cancel();
        }
    });
    assert!(matches!(outcome, Err(Error::Cancelled)));
    let reached = reached.into_inner().unwrap();
    assert!((1..1000).contains(&reached), "stopped after {reached} frames");
    assert_eq!(names(directory.path()), before);
}

#[test]
fn a_panic_of_the_caller_stops_the_job() {
    let directory = tempdir().unwrap();
    let source = long_film(directory.path());
    let before = names(directory.path());
    let job = Job::new(&source, &directory.path().join("out"));
    let run = || job.run_with(&Control::default(), &|_| panic!("in the progress callback"));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err());
    assert_eq!(names(directory.path()), before);
}

#[test]
fn what_is_there_is_kept_unless_told_otherwise() {
    let (_directory, source, out) = setting("counter");
    let mut job = Job::new(&source, &out);
    job.run().unwrap();
    let first = bytes(&out);
    job.plan.quality = 20;
    assert!(matches!(job.run(), Err(Error::OutputExists { path }) if path == out.join("72x128.mp4")));
    assert_eq!(bytes(&out), first);
    job.render.overwrite = true;
    job.run().unwrap();
    assert_eq!(names(&out), OUTPUTS);
    assert!(bytes(&out) != first);
}

#[test]
fn a_failing_job_keeps_what_it_would_have_overwritten() {
    let (_directory, source, out) = setting("damaged-ts");
    let mut job = Job::new(&source, &out);
    job.run().unwrap();
    let first = bytes(&out);
    (job.render.overwrite, job.render.strict) = (true, true);
    assert!(matches!(job.run(), Err(Error::BadSource { .. })));
    assert_eq!(bytes(&out), first);
    assert_eq!(names(&out), OUTPUTS);
}

#[test]
fn damage_is_reported_and_refused_only_when_strict() {
    for fixture in ["damaged-mp4", "damaged-ts", "truncated-mp4", "truncated-mkv"] {
        let (directory, source, out) = setting(fixture);
        let report = Job::new(&source, &out).run().unwrap();
        let damage = &report.damage;
        assert!(damage.damaged_frames > 0 || damage.truncated_at.is_some(), "{fixture}: {damage:?}");
        let strict_out = directory.path().join("strict");
        let mut strict = Job::new(&source, &strict_out);
        strict.render.strict = true;
        assert!(matches!(strict.run(), Err(Error::BadSource { .. })), "{fixture}");
        assert!(!strict_out.exists());
    }
}

#[test]
fn a_plan_is_for_its_own_source() {
    let (directory, source, out) = setting("counter");
    let other = Clip { size: (320, 180), ..Clip::new("other") }.write(directory.path()).unwrap().path;
    let job = Job::new(&source, &out);
    let plan = Plan::new(Job::new(&other, &out).open().unwrap().info(), &PlanOptions::default()).unwrap();
    let outcome = render(job.open().unwrap(), &plan, &job.render, &Control::default(), &|_| ());
    assert!(matches!(outcome, Err(Error::OtherSource { what: "content", .. })));
    assert!(!out.exists());
}

#[test]
fn a_plan_without_a_fingerprint_is_for_what_was_found() {
    let (_directory, source, out) = setting("subject");
    let job = Job::new(&source, &out);
    let mut info = job.open().unwrap().info().clone();
    info.fingerprint = None;
    let plan = Plan::new(&info, &PlanOptions::default()).unwrap();
    plan.check_source(&info).unwrap();
    let differs = |change: &dyn Fn(&mut SourceInfo)| {
        let mut other = info.clone();
        change(&mut other);
        match plan.check_source(&other) {
            Err(Error::OtherSource { what, .. }) => what,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(differs(&|other| other.fingerprint = job.open().unwrap().info().fingerprint.clone()), "content");
    assert_eq!(differs(&|other| other.container.push('x')), "container");
    assert_eq!(differs(&|other| other.duration = Some(1e6)), "duration");
    assert_eq!(differs(&|other| other.video.stream += 1), "video stream");
    assert_eq!(differs(&|other| other.span.duration = Some(Rational::new(1, 1))), "part that is asked for");
    assert_eq!(differs(&|other| other.video.upright.grid.width += 2), "picture");
    assert_eq!(differs(&|other| other.video.colour.full_range ^= true), "colour");
    assert_eq!(differs(&|other| other.video.frame_rate = Rational::new(7, 1)), "frame rate");
    assert_eq!(differs(&|other| other.audio.clear()), "sound");
}

#[cfg(unix)]
#[test]
fn an_output_that_is_the_input_is_refused_before_anything_is_done() {
    use std::os::unix::fs::symlink;
    let (_directory, source, out) = setting("counter");
    fs::create_dir_all(&out).unwrap();
    let taken = out.join("36x64.mp4");
    let content = fs::read(&source).unwrap();
    for link in [|from: &Path, to: &Path| fs::hard_link(from, to), |from: &Path, to: &Path| symlink(from, to)] {
        link(&source, &taken).unwrap();
        for (source, overwrite) in [(&source, false), (&source, true), (&taken, true)] {
            let mut job = Job::new(source, &out);
            job.render.overwrite = overwrite;
            assert!(matches!(job.run(), Err(Error::OutputIsInput { path }) if path == taken));
            assert_eq!(fs::read(&taken).unwrap(), content);
            assert_eq!(names(&out), ["36x64.mp4"]);
        }
        fs::remove_file(&taken).unwrap();
    }
    // Under another name, an input may lie among its renditions.
    let beside = out.join("counter");
    fs::hard_link(&source, &beside).unwrap();
    Job::new(&beside, &out).run().unwrap();
    assert_eq!(fs::read(&beside).unwrap(), content);
    assert_eq!(names(&out), ["36x64.mp4", "72x128.mp4", "counter", "report.json"]);
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let (directory, source, _) = setting("counter");
    let taken = directory.path().join("taken");
    fs::write(&taken, "").unwrap();
    let outcome = Job::new(&source, &taken.join("film")).run();
    assert!(matches!(outcome, Err(Error::Io { path, .. }) if path.starts_with(&taken)));
}
