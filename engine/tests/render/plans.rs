//! Plans that are made, edited, and carried out later, on the source that they were made from.

use crate::job::Job;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::{TempDir, tempdir};
use upright_engine::geometry::Rational;
use upright_engine::pipeline::{self, Control, render};
use upright_engine::plan::{Plan, Segmentation, WantedAudio};
use upright_engine::source::{Chapter, Input, Span};
use upright_engine::{Error, Report};
use upright_fixtures::inspect::{self, Probe};
use upright_fixtures::{AudioCodec, AudioTrack, Clip, Codec, Container, Ratio, Timing};

const RENDITIONS: [&str; 2] = ["72x128.mp4", "36x64.mp4"];

fn film(name: &str) -> Clip {
    let track = |codec, language: &str, title: &str| AudioTrack {
        language: Some(language.to_owned()),
        title: Some(title.to_owned()),
        ..AudioTrack::new(codec)
    };
    Clip {
        timing: Timing::constant(Ratio::new(25, 1), 60),
        codec: Codec::H264,
        container: Container::Mkv,
        audio: vec![track(AudioCodec::Aac, "eng", "Original"), track(AudioCodec::Opus, "fra", "Doublage")],
        title: Some("Film".to_owned()),
        ..Clip::new(name)
    }
}

fn setting() -> (TempDir, PathBuf, PathBuf) {
    let directory = tempdir().unwrap();
    let source = film("film").write(directory.path()).unwrap().path;
    let out = directory.path().join("out");
    (directory, source, out)
}

fn planned(job: &Job) -> Plan {
    pipeline::plan(&job.open().unwrap(), &job.plan, &Control::default(), &|_| ()).unwrap()
}

/// Carries a plan out as someone does who has nothing but its text and the source.
fn rendered(job: &Job, plan: &Plan) -> Result<Report, Error> {
    let plan = Plan::from_json(&plan.to_pretty_json().unwrap(), "film.plan.json").unwrap();
    let control = Control::default();
    let source = upright_engine::open(&Input::Path(job.source.clone()), &plan.open_options(Vec::new()), &control)?;
    render(source, &plan, &job.render, &control, &|_| ())
}

fn renditions(out: &Path) -> Vec<Vec<u8>> {
    RENDITIONS.map(|name| fs::read(out.join(name)).unwrap()).into()
}

#[test]
fn the_segments_of_a_file_are_listed_and_those_of_a_pipe_are_cut_later() {
    let (directory, source, out) = setting();
    let mut job = Job::new(&source, &out);
    job.plan.keyframe_interval = Rational::new(1, 1);
    let plan = planned(&job);
    let frames: Vec<_> = plan.segments().unwrap().iter().map(|segment| segment.frames).collect();
    assert_eq!((frames, plan.frames()), (vec![25, 25, 10], Some(60)));

    let pipe = directory.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let into = pipe.clone();
    std::thread::spawn(move || {
        let mut pipe = fs::File::options().write(true).open(into).unwrap();
        // The reader leaves before the end.
        let _ = std::io::copy(&mut fs::File::open(source).unwrap(), &mut pipe);
    });
    let piped = planned(&Job { source: pipe, ..job });
    assert_eq!(piped.wanted.segments, Segmentation::AsDecoded { key_frames: std::num::NonZeroU32::new(1) });
    assert_eq!((piped.frames(), piped.found.scan), (None, None));
    assert_eq!(piped.found.fingerprint.unwrap().bytes, None);
}

#[test]
fn a_source_that_changed_after_the_plan_was_made_is_refused() {
    let (_directory, source, out) = setting();
    let job = Job::new(&source, &out);
    let plan = planned(&job);
    let opened = job.open().unwrap();
    let mut content = fs::read(&source).unwrap();
    let place = content.len() * 3 / 4;
    content[place] ^= 1;
    fs::write(&source, &content).unwrap();
    let is_refused = |error| matches!(error, Error::OtherSource { what: "content", .. });
    assert!(is_refused(rendered(&job, &plan).unwrap_err()));
    assert!(!out.exists());
    // And one that changed while it is made gives none.
    assert!(is_refused(pipeline::plan(&opened, &job.plan, &Control::default(), &|_| ()).unwrap_err()));
    content[place] ^= 1;
    fs::write(&source, &content).unwrap();
    rendered(&job, &plan).unwrap();
}

#[test]
fn the_plan_of_a_part_is_carried_out_as_the_part_is_converted() {
    let (_directory, source, out) = setting();
    for (index, (start, duration)) in
        [(None, Some((3, 2))), (Some((7, 10)), None), (Some((7, 10)), Some((1, 1)))].into_iter().enumerate()
    {
        let seconds = |(num, den)| Rational::new(num, den);
        let span = Span { start: start.map(seconds), duration: duration.map(seconds) };
        let at = |name: &str| out.join(format!("{name}-{index}"));
        let job = |name: &str| {
            let mut job = Job { span, ..Job::new(&source, &at(name)) };
            job.plan.keyframe_interval = Rational::new(1, 2);
            job
        };
        let converted = job("converted").run().unwrap();
        let later = job("rendered");
        let report = rendered(&later, &planned(&later)).unwrap();
        assert_eq!(report.plan_hash, converted.plan_hash, "{span:?}");
        assert!(report.frames < 60 && report.segments.total > 1, "{span:?}: {}", report.frames);
        assert!(renditions(&at("converted")) == renditions(&at("rendered")), "{span:?}");
    }
}

/// `ffprobe`'s word on the renditions of an edited plan, which must be the same for both but for the pictures.
fn edited(edit: impl FnOnce(&mut Plan)) -> Probe {
    let (_directory, source, out) = setting();
    let job = Job::new(&source, &out);
    let mut plan = planned(&job);
    edit(&mut plan);
    rendered(&job, &plan.update().unwrap()).unwrap();
    let [one, other] = RENDITIONS.map(|name| inspect::probe(out.join(name)).unwrap());
    let sound = |probe: &Probe| -> Vec<_> {
        let told = |stream: &&inspect::Stream| (stream.codec_name.clone(), stream.tags.clone());
        probe.audio().iter().map(told).collect()
    };
    assert_eq!(sound(&one), sound(&other));
    one
}

#[test]
fn sound_is_what_the_plan_says() {
    let heard = |probe: &Probe| -> Vec<_> {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let told = |stream: &&inspect::Stream| {
            (text(stream.codec_name.as_deref()), text(stream.language()), text(stream.title()))
        };
        probe.audio().iter().map(told).collect()
    };
    let told = |codec: &str, language: &str, title: &str| [(codec.into(), language.into(), title.into())];
    assert_eq!(heard(&edited(|plan| assert_eq!(plan.wanted.audio[0].track, 1))), told("aac", "eng", "Original"));
    // Only the track: it keeps the name that the plan has.
    let other = edited(|plan| plan.wanted.audio[0].track = 2);
    assert_eq!(heard(&other), told("opus", "eng", "Original"));
    let audio = WantedAudio {
        track: 2,
        right: None,
        stereo: false,
        language: Some("deu".to_owned()),
        title: Some("Fassung \"2\"".to_owned()),
        roles: Vec::new(),
    };
    assert_eq!(heard(&edited(|plan| plan.wanted.audio = vec![audio])), told("opus", "deu", "Fassung \"2\""));
    let nameless = WantedAudio { track: 1, right: None, stereo: false, language: None, title: None, roles: Vec::new() };
    assert_eq!(heard(&edited(|plan| plan.wanted.audio = vec![nameless])), told("aac", "", ""));
    let both = edited(|plan| plan.wanted.audio.insert(0, WantedAudio { track: 2, ..plan.wanted.audio[0].clone() }));
    assert_eq!(heard(&both), [told("opus", "eng", "Original"), told("aac", "eng", "Original")].concat());
    assert_eq!(heard(&edited(|plan| plan.wanted.audio = Vec::new())), []);
}

#[test]
fn title_language_and_chapters_are_what_the_plan_says() {
    let chapter = |start, end, title: &str| Chapter {
        start: Rational::new(start, 10),
        end: Rational::new(end, 10),
        title: Some(title.to_owned()),
    };
    let probe = edited(|plan| {
        assert_eq!(plan.wanted.title.as_deref(), Some("Film"));
        plan.wanted.title = Some("Another; = film".to_owned());
        plan.wanted.language = Some("jpn".to_owned());
        plan.wanted.chapters = vec![chapter(0, 11, "One"), chapter(11, 24, "Two")];
    });
    assert_eq!(probe.format.tags["title"], "Another; = film");
    assert_eq!(probe.video().unwrap().language(), Some("jpn"));
    let chapters: Vec<_> = probe
        .chapters
        .iter()
        .map(|chapter| {
            let milliseconds = |ticks: i64| (ticks as f64 * chapter.time_base.as_f64() * 1000.0).round();
            (milliseconds(chapter.start), milliseconds(chapter.end), chapter.tags["title"].as_str())
        })
        .collect();
    assert_eq!(chapters, [(0.0, 1100.0, "One"), (1100.0, 2400.0, "Two")]);
    let bare = edited(|plan| {
        plan.wanted.title = None;
        plan.wanted.language = None;
        plan.wanted.chapters = Vec::new();
    });
    assert!(!bare.format.tags.contains_key("title") && bare.chapters.is_empty());
    assert_eq!(bare.video().unwrap().language(), None);
}
