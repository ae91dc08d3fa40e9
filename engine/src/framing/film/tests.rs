//! Made-up films with known subjects: each kind of scene is framed by its rule.

use super::*;
use crate::analyse::{Activity, SeenCaption, Sighting, SubjectKind, Track, Transition, VERSION};
use crate::plan::tests::source;

const TICK: Rational = Rational { num: 1, den: 1000 };
const SHAPE: Rational = Rational { num: 9, den: 16 };

/// A track whose box, in thousandths, is where `bounds` says after so many milliseconds.
fn track(kind: SubjectKind, from: i64, to: i64, bounds: impl Fn(i64) -> [i32; 4]) -> Track {
    let times = (from..=to).step_by(200);
    let (clothes, sharpness) = (None, 0);
    Track {
        kind,
        clothes,
        sharpness,
        sightings: times.map(|time| Sighting { time, bounds: bounds(time), score: 90, mouth: 0 }).collect(),
    }
}

fn face(from: i64, to: i64, x: impl Fn(i64) -> i32) -> Track {
    track(SubjectKind::Face, from, to, move |time| [x(time) - 30, 250, 60, 140])
}

fn seen(start: i64, last: i64, tracks: Vec<Track>) -> SeenShot {
    let activity = (start..=last)
        .step_by(200)
        .map(|time| Activity { time, moving: [500, 500], motion: 0, salient: [500, 500] })
        .collect();
    SeenShot {
        start,
        last,
        frames: u64::try_from((last - start) / 40 + 1).unwrap(),
        begins: if start == 0 { Transition::Film } else { Transition::Cut },
        borders: Borders::default(),
        brightness: 100,
        tracks,
        activity,
    }
}

fn analysis(shots: Vec<SeenShot>) -> Analysis {
    let film = source(1920, 1080);
    Analysis {
        version: VERSION,
        fingerprint: film.fingerprint.clone(),
        span: film.span,
        track: 1,
        audio: Vec::new(),
        origin: 0,
        time_base: TICK,
        detectors: true,
        shots,
        sound: Vec::new(),
        captions: Vec::new(),
        cadence: vec![film.video.told_cadence()],
        peak: None,
    }
}

fn framed(shots: Vec<SeenShot>) -> Vec<Shot> {
    frame_as(shots, TwoShots::Cut)
}

fn frame_as(shots: Vec<SeenShot>, two_shots: TwoShots) -> Vec<Shot> {
    frame(
        &analysis(shots),
        &source(1920, 1080).video,
        FramingOptions { shape: SHAPE, tallest: 1920, two_shots, subtitles: Subtitles::Auto },
    )
}

/// One shot of four seconds; gives it, and the window's left edge and right edge at a second of it, as parts of the width.
fn one(tracks: Vec<Track>) -> (Shot, impl Fn(f64) -> [f64; 2]) {
    let shot = framed(vec![seen(0, 3960, tracks)]).remove(0);
    let of = shot.clone();
    (shot, move |seconds| extent(&of, seconds))
}

fn extent(shot: &Shot, seconds: f64) -> [f64; 2] {
    let window = shot.window_at(millis(seconds)).unwrap().window;
    [window.x / 1920.0, (window.x + window.width) / 1920.0]
}

fn holds(extent: [f64; 2], centre: f64, half: f64) -> bool {
    extent[0] <= centre - half && centre + half <= extent[1]
}

#[test]
fn who_stands_still_is_held_by_a_window_that_stands() {
    for x in [40, 300, 700, 960] {
        // Detections tremble.
        let (shot, at) = one(vec![face(0, 3800, move |time| x + i32::try_from(time * 7 / 200 % 9).unwrap() - 4)]);
        assert_eq!((shot.mode, shot.track.len()), (Some(ShotMode::Static), 1), "{:?}", shot.reason);
        let inside = f64::from(x) / 1000.0;
        assert!(holds(at(2.0), inside.clamp(0.03, 0.97), 0.03), "{x}: {:?}", at(2.0));
        assert!(shot.confidence.unwrap() > 0.8, "{:?}", shot.confidence);
        assert!(shot.subjects.len() == 1 && shot.subjects[0].held);
    }
}

#[test]
fn two_who_do_not_fit_are_held_in_halves_or_shown_with_all_of_the_picture_where_that_is_wanted() {
    let large = |x: i32, y: i32| track(SubjectKind::Face, 0, 3800, move |_| [x - 40, y - 90, 80, 180]);
    let film = |second| frame_as(vec![seen(0, 3960, vec![large(200, 350), second])], TwoShots::Stack).remove(0);
    let shot = film(large(750, 500));
    assert_eq!((shot.layout, shot.track.len(), shot.lower.len()), (Layout::Stack, 1, 1), "{:?}", shot.reason);
    assert!(shot.subjects.iter().all(|subject| subject.held));
    let (upper, lower) = (shot.track[0].window, shot.lower[0].window);
    assert_eq!((upper.width, upper.height), (lower.width, lower.height));
    assert!((upper.width / upper.height - 1.125).abs() < 1e-6);
    // The left one is above; each half shows its own face with room on all sides, and not the other's.
    for (window, [x, y], other) in [(upper, [0.2, 0.35], 0.75), (lower, [0.75, 0.5], 0.2)] {
        let along = |at: f64, start: f64, length: f64, whole: f64| (at * whole - start) / length;
        let [across, down] = [along(x, window.x, window.width, 1920.0), along(y, window.y, window.height, 1080.0)];
        assert!((0.3..=0.7).contains(&across) && (0.3..=0.6).contains(&down), "{across} {down}");
        assert!(!(0.0..=1.0).contains(&along(other, window.x, window.width, 1920.0)));
    }
    // Near one another, small, there for a moment, or one alone: one window.
    let near = film(large(330, 350));
    let small = film(track(SubjectKind::Face, 0, 3800, |_| [740, 400, 20, 45]));
    let moment = film(track(SubjectKind::Face, 0, 400, |_| [710, 400, 80, 180]));
    for shot in [near, small, moment, framed(vec![seen(0, 3960, vec![large(200, 350), large(750, 500)])]).remove(0)] {
        assert_eq!((shot.layout, shot.lower.len()), (Layout::Window, 0), "{:?}", shot.reason);
    }
    let two = vec![large(200, 350), large(750, 500)];
    let fitted = frame_as(vec![seen(0, 3960, two), seen(4000, 7960, vec![face(4000, 7800, |_| 200)])], TwoShots::Fit);
    assert_eq!([fitted[0].layout, fitted[1].layout], [Layout::Fit, Layout::Window]);
    assert_eq!(fitted[0].track[0].window, Window { x: 0.0, y: 0.0, width: 1920.0, height: 1080.0 });
}

#[test]
fn one_who_is_small_is_shown_a_little_closer_where_the_source_has_the_pixels() {
    let of = |tallest, tracks| {
        let options = FramingOptions { shape: SHAPE, tallest, two_shots: TwoShots::Cut, subtitles: Subtitles::Auto };
        frame(&analysis(vec![seen(0, 3960, tracks)]), &source(1920, 1080).video, options).remove(0)
    };
    // Of 40 rows of 1080 is the face, and of 500 the body.
    let small = || {
        let face = track(SubjectKind::Face, 0, 3800, |_| [385, 300, 18, 37]);
        vec![face, track(SubjectKind::Person, 0, 3800, |_| [350, 280, 90, 463])]
    };
    let Window { x, y, width, height } = of(640, small()).track[0].window;
    assert!((height - 1080.0 / 1.15).abs() < 0.1 && (width - height * 0.5625).abs() < 0.1, "{height}");
    assert!(x <= 0.350 * 1920.0 && 0.440 * 1920.0 <= x + width && y <= 0.280 * 1080.0 && 0.743 * 1080.0 <= y + height);
    // The eyes are about a third from the top.
    assert!(((0.3185 * 1080.0 - y) / height - 0.36).abs() < 0.005, "{y}");
    // As much as the source has.
    assert!((of(1000, small()).track[0].window.height - 1000.0).abs() < 0.1);
    // Not beyond the source's pixels; not a large one; not two; and not one who walks.
    let large = vec![track(SubjectKind::Face, 0, 3800, |_| [350, 200, 80, 180])];
    let two = vec![face(0, 3800, |_| 300), face(0, 3800, |_| 340)];
    let walks = vec![track(SubjectKind::Face, 0, 3800, |time| [100 + i32::try_from(time / 6).unwrap(), 300, 18, 37])];
    for (tallest, tracks) in [(1920, small()), (640, large), (640, two), (640, walks)] {
        assert_eq!(of(tallest, tracks).track[0].window.height, 1080.0);
    }
}

#[test]
fn text_that_the_window_cuts_off_is_lifted_into_the_rendition() {
    let of = |bounds, subtitles| {
        let mut seen = analysis(vec![seen(0, 3960, vec![face(0, 3800, |_| 300)]), seen(4000, 7960, Vec::new())]);
        seen.captions = vec![SeenCaption { from: 3000, to: 5000, bounds }];
        let options = FramingOptions { shape: SHAPE, tallest: 1920, two_shots: TwoShots::Cut, subtitles };
        frame(&seen, &source(1920, 1080).video, options)
    };
    let wide = [250, 880, 500, 60];
    for subtitles in [Subtitles::Auto, Subtitles::Keep] {
        let shots = of(wide, subtitles);
        // One in each of the shots over which it lasts.
        let spans: Vec<_> = shots.iter().map(|shot| (shot.captions[0].from, shot.captions[0].to)).collect();
        assert_eq!(spans, [(millis(3.0), millis(4.0)), (millis(4.0), millis(5.0))]);
        for shot in &shots {
            let Window { x, y, width, height } = shot.captions[0].strip;
            assert!(x <= 480.0 && x + width >= 1440.0 && width < 1100.0, "{shot:?}");
            assert!((y - 950.4).abs() < 0.01 && (height - 64.8).abs() < 0.01, "{shot:?}");
        }
    }
    assert!(of(wide, Subtitles::Off).iter().all(Shot::is_plain));
    // A short one that the window of the second shot, in the middle, shows, and that of the first does not.
    let short = [460, 880, 80, 60];
    let counts = |subtitles| of(short, subtitles).iter().map(|shot| shot.captions.len()).collect::<Vec<_>>();
    assert_eq!([counts(Subtitles::Auto), counts(Subtitles::Keep)], [vec![1, 0], vec![1, 1]]);
    // It is not made larger than it is in the window.
    let strip = of(short, Subtitles::Keep)[1].captions[0].strip;
    assert!((strip.width - 607.5).abs() < 1e-6, "{strip:?}");
}

#[test]
fn who_walks_is_followed_and_never_faster_than_is_calm() {
    let walk = |time: i64| 150 + i32::try_from((time - 1000).clamp(0, 6000) * 700 / 6000).unwrap();
    let shot = framed(vec![seen(0, 8960, vec![face(0, 8800, walk)])]).remove(0);
    assert_ne!(shot.mode, Some(ShotMode::Static));
    let mut before: Option<[f64; 2]> = None;
    for frame in 0..224 {
        let seconds = f64::from(frame) / 25.0;
        let at = extent(&shot, seconds);
        let centre = f64::from(walk((seconds * 1000.0) as i64)) / 1000.0;
        assert!(holds(at, centre, 0.03), "{seconds}: {at:?} {centre}");
        assert!(before.is_none_or(|before| (at[0] - before[0]).abs() <= 0.009), "{seconds}");
        before = Some(at);
    }
}

#[test]
fn two_who_fit_are_held_together_and_two_who_do_not_are_never_the_gap_between_them() {
    let (shot, at) = one(vec![face(0, 3800, |_| 420), face(0, 3800, |_| 590)]);
    assert!(holds(at(2.0), 0.42, 0.03) && holds(at(2.0), 0.59, 0.03), "{:?}", at(2.0));
    assert!(shot.subjects.iter().all(|subject| subject.held), "{:?}", shot.reason);

    let (shot, at) = one(vec![face(0, 3800, |_| 200), face(0, 3800, |_| 810)]);
    assert_eq!(shot.mode, Some(ShotMode::Static));
    assert!(holds(at(2.0), 0.2, 0.03) != holds(at(2.0), 0.81, 0.03), "{:?}", at(2.0));
    assert_eq!(shot.subjects.iter().filter(|subject| subject.held).count(), 1);
    assert!(shot.reason.unwrap().contains("too far apart"));
}

#[test]
fn the_larger_of_two_wins_and_a_stranger_for_a_moment_changes_nothing() {
    let large = track(SubjectKind::Face, 0, 3800, |_| [120, 150, 140, 350]);
    let (_, at) = one(vec![face(0, 3800, |_| 800), large.clone()]);
    assert!(holds(at(2.0), 0.19, 0.07), "{:?}", at(2.0));
    let alone = one(vec![large.clone()]).0.track;
    assert_eq!(one(vec![large, face(1600, 2000, |_| 800)]).0.track, alone);
}

#[test]
fn who_takes_over_is_cut_to_and_not_drifted_to() {
    // The first leaves, another stays at the other side.
    let shot = framed(vec![seen(0, 9960, vec![face(0, 4400, |_| 150), face(5000, 9800, |_| 850)])]).remove(0);
    assert!(holds(extent(&shot, 2.0), 0.15, 0.03) && holds(extent(&shot, 8.0), 0.85, 0.03), "{:?}", shot.track);
    let places: Vec<_> = (0..249).map(|frame| extent(&shot, f64::from(frame) / 25.0)[0]).collect();
    let jumps = places.windows(2).filter(|pair| (pair[1] - pair[0]).abs() > 0.3).count();
    let between = places.iter().filter(|&&place| place > 0.2 && place < 0.5).count();
    assert_eq!((jumps, between), (1, 0), "{places:?}");
}

#[test]
fn a_person_without_a_face_is_held_and_so_is_one_who_turns_round() {
    let body = |from, to, x: i32| track(SubjectKind::Person, from, to, move |_| [x - 80, 200, 160, 780]);
    let (shot, at) = one(vec![body(0, 3800, 700)]);
    assert!(holds(at(2.0), 0.7, 0.08) && shot.subjects[0].kind == SubjectKind::Person);
    // A face for the first second, and the body throughout: one subject.
    let (shot, at) = one(vec![face(0, 1000, |_| 700), body(0, 3800, 700)]);
    assert!(holds(at(0.5), 0.7, 0.03) && holds(at(3.5), 0.7, 0.08), "{:?}", at(3.5));
    assert_eq!((shot.subjects.len(), shot.subjects[0].kind), (1, SubjectKind::Face));
}

#[test]
fn without_people_the_window_is_where_something_moves_and_says_that_it_is_not_sure() {
    let (shot, at) = one(Vec::new());
    assert!(holds(at(1.0), 0.5, 0.1) && shot.confidence.unwrap() < 0.5, "{:?}", at(1.0));
    let mut moving = seen(0, 3960, Vec::new());
    moving.activity.iter_mut().for_each(|activity| (activity.moving, activity.motion) = ([850, 500], 120));
    let shot = framed(vec![moving]).remove(0);
    assert!(extent(&shot, 1.0)[0] > 0.5, "{:?}", shot.track);
}

#[test]
fn the_window_stays_within_borders_and_has_the_real_pictures_height() {
    let mut shot = seen(0, 3960, vec![face(0, 3800, |_| 300)]);
    shot.borders = Borders { left: 0, top: 138, right: 0, bottom: 138 };
    let shot = framed(vec![shot]).remove(0);
    let window = shot.track[0].window;
    assert_eq!((window.y, window.height, window.width), (138.0, 804.0, 804.0 * 9.0 / 16.0));
    assert_eq!(shot.borders.unwrap().top, 138.0);
    // A vertical film between bars: all of it.
    let mut bars = seen(0, 3960, vec![face(0, 3800, |_| 500)]);
    bars.borders = Borders { left: 656, top: 0, right: 656, bottom: 0 };
    let window = framed(vec![bars]).remove(0).track[0].window;
    assert!(window.x >= 656.0 && window.x + window.width <= 1264.0 && window.height > 1070.0, "{window:?}");
}

#[test]
fn shots_follow_one_another_and_nothing_is_smoothed_across_a_cut() {
    let shots = framed(vec![
        seen(0, 2000, vec![face(0, 2000, |_| 150)]),
        seen(2040, 4000, vec![face(2040, 4000, |_| 850)]),
        seen(4040, 4040, Vec::new()),
    ]);
    assert_eq!(shots.len(), 3);
    assert_eq!((shots[0].start, shots[2].end), (Time::ZERO, None));
    assert!(shots.windows(2).all(|pair| pair[0].end == Some(pair[1].start)));
    assert!(holds(extent(&shots[0], 1.99), 0.15, 0.03) && holds(extent(&shots[1], 2.04), 0.85, 0.03));
}

#[test]
fn a_mirrored_film_has_a_mirrored_plan() {
    let faces: [fn(i64) -> i32; 3] =
        [|time| 200 + i32::try_from(time / 20).unwrap(), |_| 730, |time| 420 - i32::try_from(time / 40).unwrap()];
    for paths in [&faces[..1], &faces[1..2], &faces[..2], &faces[2..]] {
        let plain = framed(vec![seen(0, 5960, paths.iter().map(|path| face(0, 5800, *path)).collect())]).remove(0);
        let mirrored = paths.iter().map(|path| face(0, 5800, move |time| 1000 - path(time))).collect();
        let mirrored = framed(vec![seen(0, 5960, mirrored)]).remove(0);
        for step in 0..59 {
            let seconds = f64::from(step) / 10.0;
            let (here, there) = (extent(&plain, seconds), extent(&mirrored, seconds));
            assert!((here[0] - (1.0 - there[1])).abs() < 0.03, "{seconds}: {here:?} {there:?}");
        }
        assert_eq!(plain.mode, mirrored.mode);
    }
}

#[test]
fn locked_shots_of_an_earlier_plan_stay() {
    let at = |hundredths: i64| Time::from(Rational::new(hundredths, 100));
    let planned = || framed(vec![seen(0, 3000, vec![face(0, 3000, |_| 150)]), seen(3040, 6000, Vec::new())]);
    let mut locked = planned().remove(0);
    locked.locked = true;
    locked.track[0].window.x = 1000.0;
    // Unlocked ones do not.
    let mut free = planned().remove(1);
    free.track[0].window.x = 7.0;
    assert_eq!(keep_locked(planned(), std::slice::from_ref(&free)), planned());
    let kept = keep_locked(planned(), &[locked.clone(), free]);
    assert_eq!((kept.len(), &kept[0], &kept[1]), (2, &locked, &planned()[1]));
    // One whose cuts are found no more lies across others, which are cut off.
    let across = Shot { start: at(200), end: Some(at(400)), ..locked };
    let across = Shot { track: vec![CropKey { time: at(200), ..across.track[0] }], ..across };
    let kept = keep_locked(planned(), std::slice::from_ref(&across));
    let ranges: Vec<_> = kept.iter().map(|shot| (shot.start, shot.end)).collect();
    assert_eq!(ranges, [(at(0), Some(at(200))), (at(200), Some(at(400))), (at(400), None)]);
    assert_eq!(kept[1], across);
    assert!(kept.iter().all(|shot| shot.track.iter().all(|key| key.time >= shot.start)));
}
