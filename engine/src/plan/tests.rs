//! Plans of made-up sources: what is decided, what is refused, and that documents come back as they were written.

use super::*;
use crate::colour::{ChromaSite, Colour, HdrMetadata, Siting, cicp};
use crate::encode::{EncoderChoice, EncoderKind, KeyFrameControl};
use crate::error::Error;
use crate::fingerprint::{Fingerprint, Sha256Hex};
use crate::frame::{Depth, FrameFormat, Subsampling};
use crate::geometry::{Orientation, Rational, Size, Upright, Window};
use crate::source::{Assumption, AudioInfo, Chapter, KeptAudio, Role, Scanning, SourceInfo, Span, VideoInfo};
use crate::time::Time;
use proptest::prelude::*;

const BT709: Colour = Colour {
    primaries: cicp::BT709,
    transfer: cicp::BT709,
    matrix: cicp::BT709,
    full_range: false,
    chroma: ChromaSite::LEFT,
};
const PQ: Colour =
    Colour { primaries: cicp::BT2020, transfer: cicp::PQ, matrix: cicp::BT2020, chroma: ChromaSite::TOP_LEFT, ..BT709 };

/// An ordinary film of this size.
pub(crate) fn source(width: u32, height: u32) -> SourceInfo {
    let size = Size { width, height };
    SourceInfo {
        name: "film.mkv".to_owned(),
        container: "matroska,webm".to_owned(),
        bytes: Some(1000),
        fingerprint: Some(Fingerprint { bytes: Some(1000), sha256: Sha256Hex::of(b"film") }),
        span: Span::default(),
        duration: Some(60.0),
        title: None,
        chapters: Vec::new(),
        video: VideoInfo {
            track: 1,
            stream: 0,
            codec: "h264".to_owned(),
            pixel_format: "yuv420p".to_owned(),
            stored: size,
            orientation: Orientation::UPRIGHT,
            upright: Upright { grid: size, sample_aspect: Rational::new(1, 1) },
            format: FrameFormat { width, height, subsampling: Subsampling::CS420, depth: Depth::Eight },
            colour: BT709,
            hdr: HdrMetadata::default(),
            time_base: Rational::new(1, 1000),
            frame_rate: Rational::new(25, 1),
            frames: None,
            depth: Depth::Eight,
            scanning: Scanning::Progressive,
            language: None,
            origin: 0,
        },
        programs: Vec::new(),
        program: None,
        video_tracks: Vec::new(),
        audio: Vec::new(),
        audio_kept: Vec::new(),
        scan: None,
        assumptions: Vec::new(),
        passed_over: Vec::new(),
    }
}

fn plan(source: &SourceInfo, options: &PlanOptions) -> Plan {
    Plan::new(source, options).unwrap()
}

fn cropped(source: &SourceInfo, crop: CropChoice) -> Window {
    plan(source, &PlanOptions::default().crop(crop)).layers(0).unwrap().list()[0].window
}

#[test]
fn the_window_is_the_largest_and_stands_where_it_is_told() {
    let film = source(1920, 1080);
    let x = |crop| cropped(&film, crop).x;
    assert_eq!(x(CropChoice::Center), (1920.0 - 607.5) / 2.0);
    assert_eq!(x(CropChoice::Left), 0.0);
    assert_eq!(x(CropChoice::Right), 1920.0 - 607.5);
    assert_eq!(x(CropChoice::At(0.25)), 480.0 - 303.75);
    assert_eq!(x(CropChoice::At(0.99)), 1920.0 - 607.5);
    assert_eq!(cropped(&film, CropChoice::Center).height, 1080.0);
}

#[test]
fn a_vertical_picture_is_scaled_whole() {
    let whole = Window { x: 0.0, y: 0.0, width: 1080.0, height: 1920.0 };
    for crop in [CropChoice::Center, CropChoice::Left, CropChoice::Right] {
        assert_eq!(cropped(&source(1080, 1920), crop), whole);
    }
}

#[test]
fn wide_samples_narrow_the_window_on_the_grid() {
    let mut film = source(640, 360);
    film.video.upright.sample_aspect = Rational::new(2, 1);
    let window = cropped(&film, CropChoice::Right);
    assert_eq!((window.width, window.x + window.width), (101.25, 640.0));
}

#[test]
fn the_ladders_shape_is_the_windows() {
    let options = PlanOptions { ladder: "1080x1350".parse().unwrap(), ..PlanOptions::default() };
    let window = plan(&source(1920, 1080), &options).layers(0).unwrap().list()[0].window;
    assert_eq!((window.width, window.height), (864.0, 1080.0));
}

#[test]
fn only_rungs_larger_than_the_window_are_upscaled() {
    let options = PlanOptions { ladder: "1080,720,608,540".parse().unwrap(), ..PlanOptions::default() };
    let upscaled: Vec<_> = plan(&source(1920, 1080), &options).follows.rungs.iter().map(|rung| rung.upscaled).collect();
    assert_eq!(upscaled, [true, true, false, false], "608 is 607.5 rounded");
    let mut anamorphic = source(960, 1080);
    anamorphic.video.upright.sample_aspect = Rational::new(2, 1);
    let upscaled: Vec<_> = plan(&anamorphic, &options).follows.rungs.iter().map(|rung| rung.upscaled).collect();
    assert_eq!(upscaled, [true; 4], "the window is 304 samples wide");
}

#[test]
fn depth_follows_the_source_unless_it_is_chosen() {
    let out = |depth, colour, choice| {
        let mut film = source(1920, 1080);
        (film.video.depth, film.video.colour) = (depth, colour);
        Plan::new(&film, &PlanOptions { depth: choice, ..PlanOptions::default() }).map(|plan| plan.wanted.depth)
    };
    for (depth, colour, choice, expected) in [
        (Depth::Eight, BT709, DepthChoice::Auto, Depth::Eight),
        (Depth::Ten, BT709, DepthChoice::Auto, Depth::Ten),
        (Depth::Twelve, BT709, DepthChoice::Auto, Depth::Ten),
        (Depth::Eight, PQ, DepthChoice::Auto, Depth::Ten),
        (Depth::Twelve, BT709, DepthChoice::Eight, Depth::Eight),
        (Depth::Eight, BT709, DepthChoice::Ten, Depth::Ten),
        (Depth::Ten, PQ, DepthChoice::Ten, Depth::Ten),
    ] {
        assert_eq!(out(depth, colour, choice).unwrap(), expected, "{depth:?} {choice:?}");
    }
    // Which it becomes standard dynamic range for, unless it is to stay what it is.
    assert_eq!(out(Depth::Ten, PQ, DepthChoice::Eight).unwrap(), Depth::Eight);
    let mut film = source(1920, 1080);
    film.video.colour = PQ;
    let keep = PlanOptions::default().depth(DepthChoice::Eight).dynamic_range(DynamicRange::Keep);
    assert!(matches!(Plan::new(&film, &keep), Err(Error::NotInSource(_))));
}

#[test]
fn chroma_is_left_or_top_left_and_tags_stay() {
    let out = |colour| {
        let mut film = source(1920, 1080);
        film.video.colour = colour;
        plan(&film, &PlanOptions::default()).follows.colour
    };
    let sited = |chroma| Colour { chroma, ..BT709 };
    assert_eq!(out(BT709), BT709);
    assert_eq!(out(PQ), PQ);
    assert_eq!(out(sited(ChromaSite::TOP_LEFT)), sited(ChromaSite::TOP_LEFT));
    assert_eq!(out(sited(ChromaSite::CENTRE)), BT709);
    assert_eq!(out(sited(ChromaSite { x: Siting::Start, y: Siting::End })), BT709);
    let wide = Colour { primaries: cicp::BT2020, ..BT709 };
    assert_eq!(out(wide), Colour { chroma: ChromaSite::TOP_LEFT, ..wide });
}

#[test]
fn options_out_of_range_are_named() {
    let default = PlanOptions::default;
    for (options, word) in [
        (default().speed(11), "speed 11"),
        (default().quality(101), "quality 101"),
        (PlanOptions { keyframe_interval: Rational::new(0, 1), ..default() }, "key frame interval 0"),
        (PlanOptions { keyframe_interval: Rational::new(-1, 2), ..default() }, "key frame interval -0.5"),
        (PlanOptions { crop: CropChoice::At(1.5), ..default() }, "crop 1.5"),
        (PlanOptions { crop: CropChoice::At(f64::NAN), ..default() }, "crop NaN"),
    ] {
        match Plan::new(&source(1920, 1080), &options) {
            Err(error @ Error::InvalidOption { .. }) => assert!(error.to_string().contains(word), "{error}"),
            other => panic!("{word}: {other:?}"),
        }
    }
}

#[test]
fn the_hash_knows_the_film_and_not_its_name() {
    let hash = |film: &SourceInfo, options: &PlanOptions| plan(film, options).hash().unwrap();
    let film = source(1920, 1080);
    let original = hash(&film, &PlanOptions::default());
    assert_eq!(
        hash(&SourceInfo { name: "/elsewhere/x".to_owned(), ..film.clone() }, &PlanOptions::default()),
        original
    );
    let other = SourceInfo {
        fingerprint: Some(Fingerprint { bytes: Some(1000), sha256: Sha256Hex::of(b"other") }),
        ..film.clone()
    };
    assert_ne!(hash(&other, &PlanOptions::default()), original);
    assert_ne!(hash(&film, &PlanOptions { quality: 61, ..PlanOptions::default() }), original);
    assert_ne!(hash(&film, &PlanOptions { crop: CropChoice::Left, ..PlanOptions::default() }), original);
}

fn at(seconds: i64) -> Time {
    Time::from(Rational { num: seconds, den: 1 })
}

/// A plan that has something in every field, with segments of two seconds.
fn full() -> Plan {
    let mut film = source(1920, 1080);
    let track = |track, language: &str| AudioInfo {
        track,
        stream: track,
        codec: "aac".to_owned(),
        sample_rate: 48000,
        channels: 1,
        language: Some(language.to_owned()),
        title: Some("Left, or \"L\"".to_owned()),
        default: track == 1,
        roles: vec![Role::Original],
    };
    film.audio = vec![track(1, "eng"), track(2, "eng")];
    let kept = |right| KeptAudio { track: 1, right, stereo: false, copied: right.is_none() };
    film.audio_kept = vec![kept(Some(2)), kept(None)];
    film.title = Some("Film".to_owned());
    film.duration = Some(60.04);
    film.chapters =
        vec![Chapter { start: Rational::new(0, 1), end: Rational::new(1001, 30), title: Some("One".to_owned()) }];
    film.assumptions = vec![Assumption {
        what: "range".into(),
        value: "limited".to_owned(),
        because: "the file does not say".to_owned(),
    }];
    let options = PlanOptions::default().ladder("1080,540".parse().unwrap()).cores(2);
    let mut plan = plan(&film, &options);
    let mut list = plan.segment_list();
    (0..1501).for_each(|frame| list.push(frame * 40));
    plan = plan.with_segments(list).unwrap();
    plan.wanted.encoder.options = vec![("tiles".to_owned(), "a=b".to_owned())];
    let window = |x, height: f64| Window { x, y: 0.1, width: height * 9.0 / 16.0, height };
    let key = |time, x, height, then| CropKey { time: at(time), window: window(x, height), then };
    let (ease, linear, hold) = (Interpolation::Ease, Interpolation::Linear, Interpolation::Hold);
    plan.wanted.shots = vec![
        Shot::new(at(0), Some(at(7)), vec![key(0, 0.3, 1079.9, ease), key(5, 700.0, 900.7, hold)]),
        Shot::new(at(7), None, vec![key(7, 1.0 / 3.0, 1000.0, linear), key(60, 9.0, 1000.0, hold)]),
    ];
    plan.update().unwrap()
}

#[test]
fn a_plan_comes_back_equal_and_with_its_hash() {
    for plan in [full(), plan(&source(640, 360), &PlanOptions::default())] {
        for text in [plan.to_json().unwrap(), plan.to_pretty_json().unwrap()] {
            let back = Plan::from_json(&text, "film.plan.json").unwrap();
            assert_eq!(back, plan);
            assert_eq!(back.hash().unwrap(), plan.hash().unwrap());
            assert_eq!(back.to_json().unwrap(), plan.to_json().unwrap());
        }
    }
}

proptest! {
    #[test]
    fn any_window_and_time_comes_back(
        place in 0.0_f64..1.0, size in 0.05_f64..1.0, num in 1_i64..i64::MAX, den in 1_i64..i64::MAX,
    ) {
        let mut plan = full();
        let window = plan.found.video.upright.largest_window(Rational::new(9, 16), (place, 0.5));
        let window = Window { width: window.width * size, height: window.height * size, ..window };
        let start = Time::from(Rational { num, den });
        prop_assume!(start > Time::ZERO);
        let key = |time| CropKey { time, window, then: Interpolation::Linear };
        plan.wanted.shots = vec![
            Shot::new(Time::ZERO, Some(start), vec![key(Time::ZERO)]),
            Shot::new(start, None, vec![key(start)]),
        ];
        let plan = plan.update().unwrap();
        let back = Plan::from_json(&plan.to_json().unwrap(), "plan").unwrap();
        prop_assert_eq!(back.hash().unwrap(), plan.hash().unwrap());
        prop_assert_eq!(back, plan);
    }
}

#[test]
fn what_follows_is_worked_out_anew() {
    let plan = full();
    let mut document: serde_json::Value = serde_json::from_str(&plan.to_json().unwrap()).unwrap();
    document["follows"] = serde_json::json!({"memory": 1, "rungs": "none"});
    assert_eq!(Plan::from_json(&document.to_string(), "plan").unwrap(), plan);
    document.as_object_mut().unwrap().remove("follows");
    document["wanted"]["rungs"] = serde_json::json!([{"width": 360, "height": 640}]);
    let edited = Plan::from_json(&document.to_string(), "plan").unwrap();
    assert_eq!(edited.follows.rungs.len(), 1);
    assert_eq!((edited.follows.rungs[0].file.as_str(), edited.follows.rungs[0].upscaled), ("360x640.mp4", false));
    assert!(edited.follows.memory < plan.follows.memory);
}

/// Rates of so many renditions, as a document has them.
fn rates(qualities: &[u8], count: usize) -> serde_json::Value {
    let rate = serde_json::json!({ "target_vmaf": 93, "max_bitrate": null, "qualities": qualities });
    vec![rate; count].into()
}

#[test]
fn segments_of_one_quality_begin_with_shots_and_are_neither_short_nor_long() {
    let cut = |formats: Formats| {
        let options = PlanOptions::default().target_vmaf(PerRung::new([(None, 93.0)])).formats(formats);
        let mut plan = plan(&source(1920, 1080), &options);
        let whole = plan.wanted.shots[0].clone();
        let times = [0, 75, 90, 500].map(|frame| Time::of_ticks(frame * 40, plan.time_base()));
        let shot = |(index, &start): (usize, &Time)| Shot {
            start,
            end: times.get(index + 1).copied(),
            track: whole.track.iter().map(|key| CropKey { time: start, ..*key }).collect(),
            ..whole.clone()
        };
        plan.wanted.shots = times.iter().enumerate().map(shot).collect();
        let mut list = plan.segment_list();
        (0..750).for_each(|frame| list.push(frame * 40));
        let plan = plan.with_segments(list).unwrap();
        let seconds = |time: Time| time.seconds().as_f64();
        let list = plan.segments().unwrap().iter();
        list.map(|it| (seconds(it.start), seconds(it.key_frames_from))).collect::<Vec<_>>()
    };
    // The shot of 0.6 s shares a segment with the next, which is cut after five key frames.
    assert_eq!(cut(Formats::default()), [(0.0, 0.0), (3.0, 3.0), (13.0, 3.0), (20.0, 20.0)]);
    // Packages have key frames by the clock.
    let package = Formats { cmaf: Some(Cmaf::default()), ..Formats::default() };
    assert_eq!(cut(package), [(0.0, 0.0), (3.0, 0.0), (12.0, 0.0), (20.0, 0.0)]);
}

#[test]
fn the_committed_schema_is_that_of_the_types_and_real_plans_keep_it() {
    let schema = Plan::json_schema();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/plan.schema.json");
    let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    if std::env::var_os("UPRIGHT_UPDATE_SCHEMA").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(committed == text, "docs/plan.schema.json is not that of the types; set UPRIGHT_UPDATE_SCHEMA=1 and look");
    let validator = jsonschema::validator_for(&schema).unwrap();
    for plan in [full(), plan(&source(640, 360), &PlanOptions::default())] {
        let document = serde_json::from_str(&plan.to_json().unwrap()).unwrap();
        let errors: Vec<_> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert_eq!(errors, [""; 0]);
    }
    // And the schema can say no.
    let mut document: serde_json::Value = serde_json::from_str(&full().to_json().unwrap()).unwrap();
    document["wanted"]["encoder"]["sped"] = 3.into();
    assert!(!validator.is_valid(&document));
    document["wanted"]["encoder"].as_object_mut().unwrap().remove("sped");
    assert!(validator.is_valid(&document));
    document["wanted"]["key_frames"]["interval"] = "two".into();
    assert!(!validator.is_valid(&document));
}

/// Gives the first shot a caption.
fn caption(plan: &mut serde_json::Value, from: &str, to: &str, [x, y, width, height]: [u32; 4]) {
    let strip = serde_json::json!({ "x": x, "y": y, "width": width, "height": height });
    plan["wanted"]["shots"][0]["captions"] = serde_json::json!([{ "from": from, "to": to, "strip": strip }]);
}

#[test]
fn layouts_and_captions_become_layers() {
    let mut plan = full();
    let shape = Rational { num: 9, den: 16 };
    let rows = |plan: &Plan, seconds: i64| {
        let layers = plan.layers(seconds * 1000).unwrap();
        let rows = |layer: &crate::picture::Layer| {
            (layer.band.rows.map(|row| (row * 1000.0).round()), layer.band.blurred, layer.window.width.round())
        };
        layers.list().iter().map(rows).collect::<Vec<_>>()
    };
    let shot = &mut plan.wanted.shots[0];
    shot.set_layout(Layout::Stack, &plan.found.video.upright, shape);
    assert_eq!((shot.track[0].window.x, shot.lower[0].window.x), (0.0, 960.0));
    assert_eq!(shot.track[0].window.height.round(), 853.0);
    plan = plan.update().unwrap();
    assert_eq!(rows(&plan, 1), [([0.0, 500.0], false, 960.0), ([500.0, 1000.0], false, 960.0)]);
    // The next shot is one window as before.
    assert_eq!(rows(&plan, 8)[0].0, [0.0, 1000.0]);
    let strip = Window { x: 480.0, y: 900.0, width: 960.0, height: 60.0 };
    plan.wanted.shots[0].captions = vec![Caption { from: at(2), to: at(3), strip }];
    plan = plan.update().unwrap();
    // The strip is 9:256 of the height; below it, what is out of focus hides the text where the window has it.
    assert_eq!([1, 3].map(|seconds| rows(&plan, seconds).len()), [2, 2]);
    assert_eq!(rows(&plan, 2)[2..], [([751.0, 1000.0], true, 960.0), ([765.0, 800.0], false, 960.0)]);
    let shot = &mut plan.wanted.shots[0];
    shot.set_layout(Layout::Fit, &plan.found.video.upright, shape);
    plan = plan.update().unwrap();
    assert_eq!(rows(&plan, 1), [([0.0, 1000.0], true, 608.0), ([342.0, 658.0], false, 1920.0)]);
    assert_eq!(rows(&plan, 2).len(), 3);
    // Where all of the picture is shown, the source frame is kept whole.
    assert_eq!(plan.largest_source_frame(), plan.found.video.format);
    let shot = &mut plan.wanted.shots[0];
    shot.set_layout(Layout::Window, &plan.found.video.upright, shape);
    shot.captions.clear();
    plan = plan.update().unwrap();
    assert_eq!(rows(&plan, 1), [([0.0, 1000.0], false, 608.0)]);
    assert!(plan.wanted.shots[0].is_plain() && plan.wanted.shots[0].lower.is_empty());
}

/// Gives a plan text of so many lines.
fn text(plan: &mut serde_json::Value, start: &str, end: &str, lines: usize) {
    let cue = serde_json::json!({ "start": start, "end": end, "lines": vec!["a"; lines] });
    plan["wanted"]["burn_in"] = serde_json::json!({ "track": "1", "language": null, "fonts": [], "cues": [cue] });
}

#[test]
fn a_broken_rule_is_named_with_its_line() {
    type Edit = fn(&mut serde_json::Value);
    let cases: [(Edit, &str, &str); 44] = [
        (|p| p["wanted"]["rungs"][1] = p["wanted"]["rungs"][0].clone(), "\"rungs\": [", "listed twice"),
        (|p| p["wanted"]["rungs"] = serde_json::json!([]), "\"rungs\": []", "no rung"),
        (|p| p["wanted"]["depth"] = 12.into(), "depth", "12 bits"),
        (|p| p["wanted"]["encoder"]["speed"] = 11.into(), "encoder", "speed 11"),
        (|p| p["wanted"]["encoder"]["threads"] = 0.into(), "threads", "0 threads"),
        (|p| p["wanted"]["encoder"]["kind"] = "pipe:nowhere".into(), "kind", "nowhere"),
        (|p| p["wanted"]["shots"] = serde_json::json!([]), "shots", "no shot"),
        (|p| p["wanted"]["shots"][0]["start"] = "1/25".into(), "start", "a gap from 0.000 s"),
        (|p| p["wanted"]["shots"][1]["start"] = "8".into(), "\"start\"", "a gap from 7.000 s"),
        (|p| p["wanted"]["shots"][1]["start"] = "6".into(), "\"start\"", "overlaps"),
        (|p| p["wanted"]["shots"][0]["end"] = "0".into(), "\"end\"", "ends before it begins"),
        (|p| p["wanted"]["shots"][1]["end"] = "61".into(), "\"end\": \"61", "end is null"),
        (|p| p["wanted"]["shots"][0]["track"] = serde_json::json!([]), "track", "has no window"),
        (|p| p["wanted"]["shots"][0]["track"][1]["time"] = "7".into(), "\"time\"", "not in its shot"),
        (|p| p["wanted"]["shots"][0]["track"][1]["time"] = "0".into(), "\"time\"", "not after the one"),
        (
            |p| p["wanted"]["shots"][0]["track"][0]["window"]["x"] = 1500.into(),
            "window",
            "sticks out of the picture of 1920 by 1080",
        ),
        (
            |p| p["wanted"]["shots"][0]["track"][0]["window"]["width"] = 700.into(),
            "window",
            "not of the ladder's shape, 9:16",
        ),
        (|p| p["wanted"]["shots"][0]["track"][0]["window"]["height"] = 3.into(), "window", "too small"),
        (|p| p["wanted"]["shots"][0]["layout"] = "stack".into(), "window", "half a picture of the ladder, 18:16"),
        (
            |p| {
                p["wanted"]["shots"][0]["layout"] = "fit".into();
                p["wanted"]["shots"][0]["track"][0]["window"]["width"] = 400.into();
            },
            "window",
            "narrower than the ladder's shape",
        ),
        (
            |p| p["wanted"]["shots"][0]["lower"] = p["wanted"]["shots"][0]["track"].clone(),
            "lower",
            "no lower half to show it in",
        ),
        (|p| caption(p, "1", "2", [0, 900, 800, 600]), "strip", "sticks out"),
        (|p| caption(p, "1", "2", [0, 600, 300, 200]), "strip", "1.50 times as wide"),
        (|p| caption(p, "1", "9", [0, 900, 800, 100]), "\"to\"", "after its shot"),
        (|p| caption(p, "2", "2", [0, 900, 800, 100]), "\"to\"", "before it begins"),
        (|p| caption(p, "-1", "2", [0, 900, 800, 100]), "\"from\"", "begins before"),
        (|p| text(p, "2", "1", 1), "\"end\"", "ends before it begins"),
        (|p| text(p, "1", "2", 0), "\"lines\"", "no lines"),
        (|p| text(p, "1", "2", 20), "\"cues\"", "no room"),
        (|p| p["wanted"]["key_frames"]["interval"] = "0".into(), "interval", "above 0"),
        (|p| p["wanted"]["key_frames"]["frames"] = 50.into(), "frames\"", "does not count"),
        (|p| p["wanted"]["segments"]["list"][1]["start"] = "1".into(), "\"start\": \"1\"", "out of order"),
        (
            |p| p["wanted"]["segments"]["list"][1]["first_frame"] = 51.into(),
            "\"first_frame\": 51",
            "ends with frame 50",
        ),
        (|p| p["wanted"]["audio"][0]["right"] = 3.into(), "right\": 3", "track 3 is not there"),
        (|p| p["found"]["audio"][1]["channels"] = 2.into(), "right\": 2", "1 and 2 are not left and right"),
        (|p| p["found"]["audio"][0]["language"] = "fra".into(), "right\": 2", "not left and right"),
        (|p| p["wanted"]["audio"][0]["stereo"] = true.into(), "stereo\": true", "no surround"),
        (|p| p["wanted"]["audio"][1]["right"] = 2.into(), "track", "track 1 is there twice"),
        (
            |p| p["wanted"]["loudness"] = serde_json::json!({ "integrated": 16.0, "peak": -1.0 }),
            "loudness",
            "16 LUFS, -1 dBTP: from -36 to -5 LUFS",
        ),
        (
            |p| p["wanted"]["pictures"] = serde_json::json!({ "poster": { "at": "61" } }),
            "\"at\": \"61",
            "61.000 s: the film ends at 60.040 s",
        ),
        (|p| p["wanted"]["chapters"][0]["end"] = "-1".into(), "\"end\"", "ends before"),
        (|p| p["wanted"]["rates"] = rates(&[60; 2], 1), "rates", "rates of 1 renditions: there are 2"),
        (
            |p| p["wanted"]["rates"] = rates(&[60; 2], 2),
            "qualities",
            "qualities of 2 segments: 31 are listed in the plan",
        ),
        (|p| p["wanted"]["rates"] = rates(&[101; 31], 2), "101", "quality 101: 0 (worst) to 100 (best)"),
    ];
    let plan = full();
    for (edit, place, words) in cases {
        let mut document: serde_json::Value = serde_json::from_str(&plan.to_json().unwrap()).unwrap();
        edit(&mut document);
        let text = serde_json::to_string_pretty(&document).unwrap();
        match Plan::from_json(&text, "film.plan.json") {
            Err(Error::BadPlan { name, line: Some(line), why }) => {
                assert!(name == "film.plan.json" && why.contains(words), "{words}: {why}");
                let named = text.lines().nth(line as usize - 1).unwrap();
                assert!(named.contains(place), "{words}: {why}: line {line} is {named}");
            }
            other => panic!("{words}: {other:?}"),
        }
    }
}

#[test]
fn what_is_no_plan_is_refused_with_its_line() {
    let text = full().to_pretty_json().unwrap();
    let refusal = |text: &str| match Plan::from_json(text, "x") {
        Err(Error::BadPlan { line, why, .. }) => (line, why),
        other => panic!("{other:?}"),
    };
    let misspelt = text.replace("\"quality\"", "\"qualty\"");
    let (line, why) = refusal(&misspelt);
    assert_eq!(line.unwrap() as usize, 1 + misspelt.lines().position(|line| line.contains("qualty")).unwrap());
    assert!(why.contains("unknown field `qualty`") && !why.contains("column"), "{why}");
    assert!(refusal(&text.replace("\"x\": 700.0", "\"x\": 700.0, \"z\": 1")).1.contains("unknown field `z`"));
    assert!(refusal(&text.replace("\"ease\"", "\"eas\"")).1.contains("unknown variant `eas`"));
    assert!(refusal(&text.replace("\"version\": 3", "\"version\": 1")).1.contains("make it anew"));
    assert!(refusal(&text.replace("\"version\": 3", "\"version\": 4")).1.contains("use a newer one"));
    for (text, words) in
        [("", "EOF"), ("[]", "expected struct"), ("{}", "missing field `version`"), ("{\"version\":3}", "found")]
    {
        assert!(refusal(text).1.contains(words), "{text}: {:?}", refusal(text));
    }
}

#[test]
fn another_source_is_refused_by_what_differs() {
    let plan = full();
    plan.check_source(&SourceInfo { name: "elsewhere.mkv".to_owned(), ..plan.found.clone() }).unwrap();
    let what = |edit: fn(&mut SourceInfo)| {
        let mut source = plan.found.clone();
        edit(&mut source);
        match plan.check_source(&source) {
            Err(Error::OtherSource { what, .. }) => what,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(what(|s| s.fingerprint = None), "content");
    assert_eq!(what(|s| s.duration = None), "duration");
    assert_eq!(what(|s| s.video.stream = 7), "video stream");
    assert_eq!(what(|s| s.span.start = Some(Rational::new(1, 1))), "part that is asked for");
    assert_eq!(what(|s| s.video.colour.full_range = true), "colour");
    assert_eq!(what(|s| s.video.origin = 1), "beginning");
    assert_eq!(what(|s| s.audio.truncate(1)), "sound");
}

#[test]
fn rav1es_plan_does_not_depend_on_cores() {
    let of = |cores| plan(&source(1920, 1080), &PlanOptions::default().cores(cores)).hash().unwrap();
    assert!(of(1) == of(2) && of(2) == of(16));
}

/// The places of frames at these times, in milliseconds.
fn places(
    control: KeyFrameControl,
    rule: KeyFrameRule,
    cuts: &[i64],
    segmentation: &Segmentation,
    times: &[i64],
) -> Vec<FramePlace> {
    let ticks = Rational::new(1, 1000);
    let cuts = cuts.iter().map(|&cut| Time::of_ticks(cut, ticks)).collect();
    let mut segmenter = Segmenter::new(rule, control, ticks, cuts, segmentation.clone());
    times.iter().map(|&pts| segmenter.next(pts)).collect()
}

fn as_decoded(key_frames: u32) -> Segmentation {
    Segmentation::AsDecoded { key_frames: std::num::NonZeroU32::new(key_frames) }
}

const SECOND: KeyFrameRule = KeyFrameRule { interval: Rational { num: 1, den: 1 }, first_segment: None, frames: None };

fn keys(places: &[FramePlace], times: &[i64]) -> Vec<i64> {
    places.iter().zip(times).filter(|(place, _)| place.key).map(|(_, &pts)| pts).collect()
}

fn begins(places: &[FramePlace], times: &[i64]) -> Vec<i64> {
    places.iter().zip(times).filter(|(place, _)| place.begins.is_some()).map(|(_, &pts)| pts).collect()
}

#[test]
fn key_frames_are_regular_and_on_cuts() {
    use KeyFrameControl::{Counted, First, Forced};
    let times: Vec<i64> = (0..100).map(|frame| 13 + frame * 40).collect();
    let at = |control, rule, cuts: &[i64], per_segment| {
        let places = places(control, rule, cuts, &as_decoded(per_segment), &times);
        assert!(places.iter().zip(0..).all(|(place, number)| place.number == number));
        (keys(&places, &times), begins(&places, &times))
    };
    // Time is counted from the first frame; cuts come on top, at the first frame at or after them.
    let regular = vec![13, 1013, 2013, 3013];
    let with_cuts = vec![13, 533, 1013, 1413, 2013, 3013];
    assert_eq!(at(Forced, SECOND, &[], 1), (regular.clone(), regular.clone()));
    assert_eq!(at(Forced, SECOND, &[500, 1413, 2013], 1), (with_cuts.clone(), regular.clone()));
    assert_eq!(at(Forced, SECOND, &[500, 1413], 2), (with_cuts.clone(), vec![13, 2013]));
    assert_eq!(at(Forced, SECOND, &[500, 1413], 0), (with_cuts.clone(), vec![13]));
    // Who makes no other than the first begins a segment at each.
    assert_eq!(at(First, SECOND, &[500, 1413], 1), (with_cuts.clone(), with_cuts));
    // Who counts begins to count anew at a cut.
    let counted = KeyFrameRule { frames: std::num::NonZeroU32::new(25), ..SECOND };
    assert_eq!(at(Counted, counted, &[], 3), (regular, vec![13, 3013]));
    assert_eq!(at(Counted, counted, &[533], 3), (vec![13, 533, 1533, 2533, 3533], vec![13, 533, 3533]));
}

#[test]
fn a_short_first_segment_ends_with_a_key_frame_from_which_intervals_are_counted() {
    use KeyFrameControl::{Counted, First, Forced};
    let times: Vec<i64> = (0..150).map(|frame| 13 + frame * 40).collect();
    let short = KeyFrameRule { interval: Rational::new(2, 1), first_segment: Some(Rational::new(1, 1)), frames: None };
    let at = |control, rule, cuts: &[i64], per_segment| {
        let places = places(control, rule, cuts, &as_decoded(per_segment), &times);
        (keys(&places, &times), begins(&places, &times))
    };
    let regular = vec![13, 1013, 3013, 5013];
    assert_eq!(at(Forced, short, &[], 1), (regular.clone(), regular.clone()));
    assert_eq!(at(Forced, short, &[], 0), (regular.clone(), vec![13]));
    assert_eq!(at(First, short, &[], 1), (regular.clone(), regular.clone()));
    // Who counts is told to begin anew, also where a cut came before.
    let counted = KeyFrameRule { frames: std::num::NonZeroU32::new(50), ..short };
    assert_eq!(at(Counted, counted, &[], 3), (regular, vec![13, 1013]));
    assert_eq!(at(Counted, counted, &[533], 3), (vec![13, 533, 1013, 3013, 5013], vec![13, 533, 1013]));
    let uneven = [5, 900, 1004, 1006, 3004, 3500];
    let places = places(Forced, short, &[], &as_decoded(1), &uneven);
    assert_eq!(keys(&places, &uneven), [5, 1006, 3500]);
}

#[test]
fn uneven_frames_keep_the_regular_interval() {
    let times = [5, 6, 400, 504, 505, 506, 2600, 2601, 3004, 3005, 3006];
    let half = KeyFrameRule { interval: Rational::new(1, 2), ..SECOND };
    let places = places(KeyFrameControl::Forced, half, &[], &as_decoded(1), &times);
    assert_eq!(keys(&places, &times), [5, 505, 2600, 3005]);
}

#[test]
fn a_list_is_what_the_rule_makes_and_is_followed() {
    let times: Vec<i64> = (0..250).map(|frame| frame * 40 + frame % 3).collect();
    for (per_segment, cuts) in [(1, vec![]), (2, vec![1234]), (3, vec![77, 4000, 9000])] {
        let rule = as_decoded(per_segment);
        let on_the_way = places(KeyFrameControl::Forced, SECOND, &cuts, &rule, &times);
        let ticks = Rational::new(1, 1000);
        let of_ticks = cuts.iter().map(|&cut| Time::of_ticks(cut, ticks)).collect();
        let segmenter = Segmenter::new(SECOND, KeyFrameControl::Forced, ticks, of_ticks, rule);
        let mut list = super::segments::SegmentList::new(segmenter);
        times.iter().for_each(|&pts| list.push(pts));
        let list = list.finish();
        assert_eq!(list.iter().map(|segment| segment.frames).sum::<u64>(), 250);
        let listed = places(KeyFrameControl::Forced, SECOND, &cuts, &Segmentation::List(list.clone()), &times);
        let told = |places: &[FramePlace]| -> Vec<_> {
            places.iter().map(|place| (place.number, place.key, place.begins.map(|(index, _)| index))).collect()
        };
        assert_eq!(told(&listed), told(&on_the_way));
        // Each by itself gives the same.
        for (index, segment) in list.iter().enumerate() {
            let of_ticks = cuts.iter().map(|&cut| Time::of_ticks(cut, ticks)).collect();
            let segmentation = Segmentation::List(list.clone());
            let mut alone = Segmenter::new(SECOND, KeyFrameControl::Forced, ticks, of_ticks, segmentation);
            alone.skip_to(index);
            let first = segment.first_frame as usize;
            for frame in first..first + segment.frames as usize {
                assert_eq!(alone.next(times[frame]), listed[frame], "segment {index}, frame {frame}");
            }
        }
    }
}

#[test]
fn segments_without_a_frame_are_passed_over() {
    let segment = |start: i64, end: Option<i64>, first_frame| Segment {
        start: Time::of_ticks(start, Rational::new(1, 1000)),
        end: end.map(|end| Time::of_ticks(end, Rational::new(1, 1000))),
        first_frame,
        frames: 10,
        key_frames_from: Time::ZERO,
    };
    let list = Segmentation::List(vec![segment(0, Some(400), 0), segment(400, Some(800), 10), segment(800, None, 20)]);
    let times = [0, 40, 840, 880];
    let places = places(KeyFrameControl::Forced, SECOND, &[], &list, &times);
    let told: Vec<_> = places.iter().map(|place| (place.number, place.begins.map(|(index, _)| index))).collect();
    assert_eq!(told, [(0, Some(0)), (1, None), (20, Some(2)), (21, None)]);
}

proptest! {
    #[test]
    fn every_interval_with_a_frame_has_exactly_one_its_first(
        steps in prop::collection::vec(1_i64..200, 1..300),
        start in -1000_i64..1000,
        interval in 1_i64..500,
    ) {
        let times: Vec<i64> = steps.iter().scan(start, |pts, step| { *pts += step; Some(*pts) }).collect();
        let rule = KeyFrameRule { interval: Rational::new(interval, 1000), ..SECOND };
        let found = keys(&places(KeyFrameControl::Forced, rule, &[], &as_decoded(0), &times), &times);
        let mut expected = times.clone();
        expected.dedup_by_key(|pts| (*pts - times[0]) / interval);
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn extreme_numbers_do_not_overflow(first in any::<i64>(), pts in any::<i64>(), a in 1..i64::MAX, b in 1..i64::MAX) {
        let rule = KeyFrameRule { interval: Rational { num: a, den: b }, first_segment: Some(Rational { num: b, den: a }), frames: None };
        let ticks = Rational { num: 1, den: a };
        let mut segmenter = Segmenter::new(rule, KeyFrameControl::Forced, ticks, vec![Time::ZERO], as_decoded(1));
        prop_assert!(segmenter.next(first).key);
        segmenter.next(pts);
    }
}

#[test]
fn encoders_that_count_are_told_how_many_frames() {
    let of = |encoder| plan(&source(1920, 1080), &PlanOptions::default().encoder(EncoderChoice::Named(encoder)));
    let counted = of(EncoderKind::Pipe("svtav1".to_owned()));
    assert_eq!(counted.wanted.key_frames.frames, std::num::NonZeroU32::new(50));
    assert_eq!(of(EncoderKind::Rav1e).wanted.key_frames.frames, None);
}

#[test]
fn plans_of_version_2_are_read() {
    let mut plan = full();
    plan.wanted.audio.truncate(1);
    plan.found.audio_kept.truncate(1);
    for audio in &mut plan.found.audio {
        (audio.default, audio.roles) = (false, Vec::new());
    }
    plan.wanted.audio[0].roles = Vec::new();
    let plan = plan.update().unwrap();
    let mut old: serde_json::Value = serde_json::from_str(&plan.to_json().unwrap()).unwrap();
    old["version"] = 2.into();
    old["wanted"]["audio"] =
        serde_json::json!({ "track": 1, "right": 2, "language": "eng", "title": "Left, or \"L\"" });
    let found = old["found"].as_object_mut().unwrap();
    found.remove("video_tracks");
    for (field, value) in [("audio_kept", 0.into()), ("audio_right", 1.into()), ("audio_copied", false.into())] {
        found.insert(field.to_owned(), value);
    }
    for track in found["audio"].as_array_mut().unwrap() {
        track.as_object_mut().unwrap().retain(|field, _| field != "default" && field != "roles");
    }
    assert_eq!(Plan::from_json(&old.to_string(), "old").unwrap(), plan);
    plan.check_source(&full().found).unwrap();

    old["wanted"]["audio"] = serde_json::Value::Null;
    old["found"]["audio_kept"] = serde_json::Value::Null;
    let silent = Plan::from_json(&old.to_string(), "old").unwrap();
    assert!(silent.wanted.audio.is_empty() && silent.found.audio_kept.is_empty());
    old["wanted"]["speed"] = 1.into();
    let error = Plan::from_json(&old.to_string(), "old").unwrap_err().to_string();
    assert!(error.contains("unknown field"), "{error}");
    old["wanted"].as_object_mut().unwrap().remove("speed");

    // Lines are those of the plan as it was written.
    old["wanted"]["audio"] = serde_json::json!({ "track": 1, "language": "eng" });
    let text = serde_json::to_string_pretty(&old).unwrap();
    Plan::from_json(&text, "old").unwrap();
    for (good, bad) in [
        ("\"language\": \"eng\"", "\"languages\": \"eng\""),
        ("\"track\": 1\n    },\n    \"chapters\"", "\"track\": 9\n    },\n    \"chapters\""),
        ("\"quality\": 6", "\"quality\": 600"),
        ("\"quality\": ", "\"quality\": true, \"was\": "),
    ] {
        let at = text.rfind(good).unwrap_or_else(|| panic!("{good} in {text}"));
        let wrong = format!("{}{bad}{}", &text[..at], &text[at + good.len()..]);
        let expected = 1 + text[..at].matches('\n').count() as u64;
        match Plan::from_json(&wrong, "old") {
            Err(Error::BadPlan { line, .. }) => assert_eq!(line, Some(expected), "{bad}"),
            other => panic!("{bad}: {other:?}"),
        }
    }
}
