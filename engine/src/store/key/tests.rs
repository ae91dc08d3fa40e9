//! Keys: they change with whatever changes a byte, and with nothing else.

use super::*;
use crate::encode::EncoderKind;
use crate::fingerprint::Fingerprint;
use crate::geometry::{Rational, Window};
use crate::plan::{Caption, CropKey, Interpolation, Layout, Placement, PlanOptions, tests::source};
use crate::source::{Chapter, Span};
use proptest::prelude::*;
use std::ops::Range;

fn at(hundredths: i64) -> Time {
    Time::from(Rational { num: hundredths, den: 100 })
}

fn window(x: f64) -> Window {
    Window { x, y: 0.0, width: 562.5, height: 1000.0 }
}

fn crop_key(hundredths: i64, x: f64, then: Interpolation) -> CropKey {
    CropKey { time: at(hundredths), window: window(x), then }
}

/// Ten segments of a second in three shots. The middle one holds from 3 s, eases from 4 s to 6 s, and holds.
fn film() -> Plan {
    use Interpolation::{Ease, Hold};
    let options =
        PlanOptions::default().ladder("1080,540".parse().unwrap()).keyframe_interval(Rational { num: 1, den: 1 });
    let plan = Plan::new(&source(1920, 1080), &options).unwrap();
    let mut list = plan.segment_list();
    (0..250).for_each(|frame| list.push(frame * 40));
    let mut plan = plan.with_segments(list).unwrap();
    plan.wanted.shots = vec![
        Shot::new(at(0), Some(at(300)), vec![crop_key(0, 10.0, Hold)]),
        Shot::new(
            at(300),
            Some(at(800)),
            vec![crop_key(300, 20.0, Hold), crop_key(400, 30.0, Ease), crop_key(600, 300.0, Hold)],
        ),
        Shot::new(at(800), None, vec![crop_key(800, 40.0, Hold)]),
    ];
    plan.update().unwrap()
}

const RUNGS: usize = 2;
const SEGMENTS: usize = 10;

fn keys(plan: &Plan) -> Vec<Vec<SegmentKey>> {
    assert_eq!(plan.segments().unwrap().len(), SEGMENTS);
    let keys = SegmentKeys::new(plan, "rav1e 1").unwrap();
    let of_segment = |number| (0..plan.wanted.rungs.len()).map(|rung| keys.key(number, rung).unwrap()).collect();
    (0..SEGMENTS).map(of_segment).collect()
}

/// The segments whose keys, those of all rungs, an edit changes.
fn changed(edit: impl FnOnce(&mut Plan)) -> Vec<usize> {
    let before = film();
    let mut after = before.clone();
    edit(&mut after);
    let after = after.update().unwrap();
    assert_ne!(before, after, "it is an edit");
    let (before, after) = (keys(&before), keys(&after));
    let changed = |number: &usize| {
        let changes: Vec<_> = before[*number].iter().zip(&after[*number]).map(|(one, other)| one != other).collect();
        assert!(changes.iter().all(|&change| change == changes[0]), "all rungs or none");
        changes[0]
    };
    (0..SEGMENTS).filter(changed).collect()
}

#[test]
fn layouts_and_captions_are_in_the_keys_of_the_segments_that_show_them() {
    let upright = film().found.video.upright;
    let shape = Rational { num: 9, den: 16 };
    assert_eq!(changed(|plan| plan.wanted.shots[1].set_layout(Layout::Stack, &upright, shape)), [3, 4, 5, 6, 7]);
    assert_eq!(changed(|plan| plan.wanted.shots[0].set_layout(Layout::Fit, &upright, shape)), [0, 1, 2]);
    let strip = Window { x: 0.0, y: 900.0, width: 900.0, height: 100.0 };
    let caption = |from, to| Caption { from: at(from), to: at(to), strip };
    let with_caption = |plan: &mut Plan| plan.wanted.shots[0].captions = vec![caption(150, 180)];
    // A shot with layers is told from one without in all of its segments.
    assert_eq!(changed(with_caption), [0, 1, 2]);
    let mut before = film();
    with_caption(&mut before);
    let mut after = before.clone();
    after.wanted.shots[0].captions.push(caption(210, 220));
    let differ = |number: &usize| keys(&before)[*number] != keys(&after)[*number];
    assert_eq!((0..SEGMENTS).filter(differ).collect::<Vec<_>>(), [2]);
}

#[test]
fn every_segment_and_rung_has_a_key_of_its_own_that_stays() {
    let keys_of = keys(&film());
    let all: std::collections::HashSet<_> = keys_of.iter().flatten().collect();
    assert_eq!(all.len(), SEGMENTS * RUNGS);
    assert_eq!(keys(&film()), keys_of);
    let document = Plan::from_json(&film().to_json().unwrap(), "plan").unwrap();
    assert_eq!(keys(&document), keys_of, "a plan that was written and read has the same");
    let made = SegmentKeys::new(&film(), "rav1e 1").unwrap();
    assert!(matches!(made.key(SEGMENTS, 0), Err(Error::Misuse(_))));
    assert!(matches!(made.key(0, RUNGS), Err(Error::Misuse(_))));
}

#[test]
fn what_no_frame_shows_changes_no_key() {
    let none: [usize; 0] = [];
    assert_eq!(changed(|plan| plan.wanted.title = Some("Another".to_owned())), none);
    assert_eq!(changed(|plan| plan.wanted.language = Some("fra".to_owned())), none);
    let chapter = Chapter { start: Rational::new(0, 1), end: Rational::new(1, 1), title: None };
    assert_eq!(changed(|plan| plan.wanted.chapters = vec![chapter]), none);
    assert_eq!(changed(|plan| plan.found.name = "elsewhere.mkv".to_owned()), none);
    assert_eq!(changed(|plan| plan.found.title = Some("Another".to_owned())), none);
    assert_eq!(changed(|plan| plan.found.duration = None), none);
}

#[test]
fn what_all_frames_follow_from_changes_every_key() {
    let all: Vec<usize> = (0..SEGMENTS).collect();
    assert_eq!(changed(|plan| plan.wanted.encoder.quality += 1), all);
    assert_eq!(changed(|plan| plan.wanted.encoder.speed += 1), all);
    assert_eq!(changed(|plan| plan.wanted.encoder.threads += 1), all);
    assert_eq!(changed(|plan| plan.wanted.encoder.options = vec![("a".to_owned(), "b".to_owned())]), all);
    assert_eq!(changed(|plan| plan.wanted.encoder.kind = EncoderKind::Libav(crate::encode::LibavEncoder::Aom)), all);
    assert_eq!(changed(|plan| plan.wanted.depth = crate::frame::Depth::Ten), all);
    assert_eq!(changed(|plan| plan.wanted.key_frames.interval = Rational::new(2, 1)), all);
    let other = Fingerprint { bytes: Some(1000), sha256: Sha256Hex::of(b"other") };
    assert_eq!(changed(|plan| plan.found.fingerprint = Some(other)), all);
    assert_eq!(changed(|plan| plan.found.span = Span { start: Some(Rational::new(1, 1)), duration: None }), all);
    assert_eq!(changed(|plan| plan.found.video.colour.full_range = true), all);
    assert_eq!(changed(|plan| plan.found.video.track = 2), all);
    let (one, other) = (SegmentKeys::new(&film(), "rav1e 1").unwrap(), SegmentKeys::new(&film(), "rav1e 2").unwrap());
    for (number, rung) in (0..SEGMENTS).flat_map(|number| (0..RUNGS).map(move |rung| (number, rung))) {
        assert_ne!(one.key(number, rung).unwrap(), other.key(number, rung).unwrap());
    }
}

#[test]
fn a_rungs_keys_are_its_sizes() {
    let before = film();
    let with = |sizes: &[usize]| {
        let rungs = sizes.iter().map(|&index| before.wanted.rungs[index]).collect();
        let plan = Plan { wanted: crate::plan::Wanted { rungs, ..before.wanted.clone() }, ..before.clone() };
        keys(&plan.update().unwrap())
    };
    let both = keys(&before);
    assert_eq!(with(&[1, 0]), both.iter().map(|rungs| vec![rungs[1], rungs[0]]).collect::<Vec<_>>());
    assert_eq!(with(&[1]), both.iter().map(|rungs| vec![rungs[1]]).collect::<Vec<_>>());
}

#[test]
fn a_window_changes_the_segments_that_it_shows_in() {
    use Interpolation::{Ease, Linear};
    let moved = |shot: usize, key: usize| changed(|plan| plan.wanted.shots[shot].track[key].window = window(77.0));
    assert_eq!(moved(0, 0), [0, 1, 2]);
    assert_eq!(moved(2, 0), [8, 9]);
    assert_eq!(moved(1, 0), [3], "it holds up to the next key");
    assert_eq!(moved(1, 1), [4, 5], "the way begins there");
    assert_eq!(moved(1, 2), [4, 5, 6, 7], "the way leads there, and it holds");
    // Another way.
    assert_eq!(changed(|plan| plan.wanted.shots[1].track[0].then = Linear), [3]);
    assert_eq!(changed(|plan| plan.wanted.shots[1].track[1].then = Linear), [4, 5]);
    assert_eq!(changed(|plan| plan.wanted.shots[1].track[2].then = Ease), [0; 0], "there is no next key");
    // Other times.
    assert_eq!(changed(|plan| plan.wanted.shots[1].track[2].time = at(650)), [4, 5, 6]);
    assert_eq!(changed(|plan| plan.wanted.shots[1].track[0].time = at(350)), [0; 0], "its window holds before it too");
    assert_eq!(changed(|plan| plan.wanted.shots[1].track[1].time = at(350)), [3, 4, 5]);
    // One more key in the hold.
    assert_eq!(changed(|plan| plan.wanted.shots[1].track.push(crop_key(750, 50.0, Ease))), [7]);
}

#[test]
fn a_cut_changes_its_own_segment() {
    let cut = |hundredths: i64| {
        changed(|plan| {
            let last = plan.wanted.shots.last_mut().unwrap();
            last.end = Some(at(hundredths));
            let track = vec![CropKey { time: at(hundredths), ..last.track[0] }];
            plan.wanted.shots.push(Shot::new(at(hundredths), None, track));
        })
    };
    assert_eq!(cut(850), [8], "a key frame more in it");
    assert_eq!(cut(900), [0; 0], "it begins with a key frame anyway");
    assert_eq!(
        changed(|plan| {
            plan.wanted.shots[0].end = Some(at(250));
            plan.wanted.shots[1].start = at(250);
        }),
        [2]
    );
}

#[test]
fn a_segments_own_bounds_are_in_its_key() {
    use crate::plan::Segmentation;
    let joined = |plan: &mut Plan| {
        let Segmentation::List(list) = &mut plan.wanted.segments else { panic!("has a list") };
        list[3].frames += 5;
        list[3].end = Some(at(420));
        (list[4].start, list[4].first_frame, list[4].frames) = (at(420), list[4].first_frame + 5, list[4].frames - 5);
    };
    assert_eq!(changed(joined), [3, 4]);
}

#[test]
fn the_first_segment_has_the_frames_before_it_too() {
    use crate::plan::Segmentation;
    let late = |x: f64| {
        let mut plan = film();
        let Segmentation::List(list) = &mut plan.wanted.segments else { panic!("has a list") };
        list[0].start = at(50);
        list[0].key_frames_from = at(50);
        let mut shots = plan.wanted.shots.clone();
        shots[0] = Shot { start: at(20), ..shots[0].clone() };
        shots[0].track[0].time = at(20);
        shots.insert(0, Shot::new(at(0), Some(at(20)), vec![crop_key(0, x, Interpolation::Hold)]));
        plan.wanted.shots = shots;
        keys(&plan.update().unwrap())
    };
    let (one, other) = (late(1.0), late(2.0));
    assert!(one[0] != other[0], "frames before 0.5 s are in the first segment, and show it");
    assert_eq!(one[1..], other[1..]);
}

#[test]
fn a_source_that_is_read_once_has_no_keys() {
    for edit in [
        |plan: &mut Plan| plan.found.fingerprint = None,
        |plan: &mut Plan| plan.found.fingerprint = Some(Fingerprint::of_stream(b"pipe")),
        |plan: &mut Plan| plan.wanted.segments = crate::plan::Segmentation::AsDecoded { key_frames: None },
    ] {
        let mut plan = film();
        edit(&mut plan);
        match SegmentKeys::new(&plan, "rav1e 1") {
            Err(Error::NotInSource(why)) => {
                assert!(why.contains("film.mkv") && why.contains("not known beforehand"), "{why}");
            }
            other => panic!("{other:?}"),
        }
    }
}

/// The window at a time of these shots, by the rule of plans.
fn shown(shots: &[Shot], time: Time) -> Option<Placement> {
    let after = shots.partition_point(|shot| shot.start <= time);
    shots.get(after.saturating_sub(1))?.window_at(time)
}

fn cuts(shots: &[Shot], within: Range<i64>) -> Vec<Time> {
    let inside = |time: &Time| *time > at(within.start) && *time < at(within.end);
    shots.iter().map(|shot| shot.start).filter(inside).collect()
}

fn any_key() -> impl Strategy<Value = (i64, f64, Interpolation)> {
    use Interpolation::{Ease, Hold, Linear};
    (0_i64..100, 0.0_f64..1000.0, prop_oneof![Just(Hold), Just(Linear), Just(Ease)])
}

prop_compose! {
    /// Shots whose keys lie anywhere in them, over ten seconds.
    fn any_shots()(
        shots in prop::collection::vec((1_i64..300, prop::collection::vec(any_key(), 1..6)), 1..6),
    ) -> Vec<Shot> {
        let (mut start, mut made) = (0, Vec::new());
        for (length, keys) in shots {
            let mut track: Vec<_> =
                keys.into_iter().map(|(place, x, then)| crop_key(start + place * length / 100, x, then)).collect();
            track.sort_by_key(|key| key.time);
            track.dedup_by_key(|key| key.time);
            made.push(Shot::new(at(start), Some(at(start + length)), track));
            start += length;
        }
        made.last_mut().unwrap().end = None;
        made
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_cut_out_shows_the_same_windows(
        shots in any_shots(), start in 0_i64..600, length in 1_i64..400, is_last in any::<bool>(),
    ) {
        let segment = Segment {
            start: at(start),
            end: (!is_last).then(|| at(start + length)),
            first_frame: 0,
            frames: 1,
            key_frames_from: at(start),
        };
        let end = if is_last { 2000 } else { start + length };
        let within: Vec<_> =
            shots_within(&shots, segment).into_iter().map(|shown| Shot::new(shown.start, shown.end, shown.track)).collect();
        for step in start * 3..end * 3 {
            let time = Time::from(Rational { num: step, den: 300 });
            prop_assert_eq!(shown(&within, time), shown(&shots, time), "{}", time);
        }
        prop_assert_eq!(cuts(&within, start..end), cuts(&shots, start..end));
    }

    /// One key is edited: if that shows nowhere in a segment, what is cut out for it is the same.
    #[test]
    fn what_does_not_show_is_not_cut_out(
        shots in any_shots(), shot in any::<prop::sample::Index>(), key in any::<prop::sample::Index>(),
        start in 0_i64..600, length in 1_i64..400,
    ) {
        let mut edited = shots.clone();
        let shot = shot.get_mut(&mut edited);
        let index = key.index(shot.track.len());
        shot.track[index].window.x += 1000.0;
        let segment = Segment { start: at(start), end: Some(at(start + length)), first_frame: 0, frames: 1, key_frames_from: at(start) };
        let mut times = (start * 3..(start + length) * 3).map(|step| Time::from(Rational { num: step, den: 300 }));
        let shows = times.any(|time| shown(&edited, time) != shown(&shots, time));
        let differs = shots_within(&edited, segment) != shots_within(&shots, segment);
        prop_assert!(differs || !shows);
        // A way that has just begun or just ended may be cut out for a time that no step above falls on.
        let near = [start * 3 - 3, (start + length) * 3 + 2].map(|step| Time::from(Rational { num: step, den: 300 }));
        let shows_nearby = near.into_iter().any(|time| shown(&edited, time) != shown(&shots, time));
        prop_assert!(shows || shows_nearby || !differs);
    }
}

#[test]
fn text_is_in_the_keys_of_the_segments_that_show_it() {
    let cue = |start, end, line: &str| crate::burn_in::BurnInCue {
        start: at(start),
        end: at(end),
        lines: vec![line.to_owned()],
        top: false,
    };
    let font = |name: &str| BurnInFont {
        name: name.to_owned(),
        file: format!("/fonts/{name}.ttf").into(),
        index: 0,
        sha256: Sha256Hex::of(name.as_bytes()),
        bold: false,
        italic: false,
        weight: None,
        slanted: false,
    };
    let text = |plan: &mut Plan, font: BurnInFont, cues: &[crate::burn_in::BurnInCue]| {
        let track = "1".to_owned();
        plan.wanted.burn_in =
            Some(crate::burn_in::BurnIn { track, language: None, fonts: vec![font], cues: cues.to_vec() });
    };
    let of = |font: BurnInFont, cues: &[crate::burn_in::BurnInCue]| {
        let mut plan = film();
        text(&mut plan, font, cues);
        keys(&plan.update().unwrap())
    };
    let differing = |one: &[Vec<SegmentKey>], other: &[Vec<SegmentKey>]| {
        (0..SEGMENTS).filter(|&number| one[number] != other[number]).collect::<Vec<_>>()
    };
    assert_eq!(changed(|plan| text(plan, font("a"), &[cue(150, 350, "one"), cue(400, 450, "two")])), [1, 2, 3, 4]);
    let before = of(font("a"), &[cue(150, 350, "one"), cue(400, 450, "two")]);
    let edited = |cues: &[crate::burn_in::BurnInCue]| differing(&before, &of(font("a"), cues));
    assert_eq!(edited(&[cue(150, 350, "one"), cue(400, 450, "too")]), [4]);
    assert_eq!(edited(&[cue(150, 340, "one"), cue(400, 450, "two")]), [3]);
    // The other one stands above it where both are there.
    assert_eq!(edited(&[cue(150, 410, "one"), cue(400, 450, "two")]), [3, 4]);
    let cues = [cue(150, 350, "one"), cue(400, 450, "two")];
    assert_eq!(differing(&before, &of(font("b"), &cues)), [1, 2, 3, 4]);
    let moved = BurnInFont { file: "/elsewhere/a.ttf".into(), ..font("a") };
    assert_eq!(differing(&before, &of(moved, &cues)), [0; 0]);
}
