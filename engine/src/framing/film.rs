//! The shots of a film.

use super::captions::add_captions;
use super::closer::{Closer, closer};
use super::pair::{self, Halves};
use super::people::People;
use super::shot::{self, Axis, Planned, PlannedKey};
use super::speech::Sound;
use super::steps::{STEPS, Steps};
use super::subjects::{Bounds, Subject, median};
use crate::analyse::{Analysis, Borders, SeenShot};
use crate::geometry::{Rational, Upright, Window};
use crate::plan::{
    Caption, CropKey, Interpolation, Layout, Shot, ShotBorders, ShotMode, ShotSubject, Subtitles, TwoShots, placement,
};
use crate::source::VideoInfo;
use crate::time::Time;

/// Thousandths of a second in which keys lie.
const MILLIS: i64 = 1000;
/// Digits of a pixel to which windows are rounded.
const ROUND: f64 = 100.0;
/// The least side of a picture within borders.
const LEAST_SIDE: f64 = 32.0;

/// How windows are planned.
#[derive(Clone, Copy, Debug)]
pub struct FramingOptions {
    /// Width of the renditions over their height.
    pub shape: Rational,
    /// Height of the tallest rendition, in pixels: nobody is enlarged beyond what the source has.
    pub tallest: u32,
    /// What becomes of two people who do not fit into one window.
    pub two_shots: TwoShots,
    /// What becomes of text in the picture.
    pub subtitles: Subtitles,
}

/// Plans the window's way through all shots: windows as large as the picture within its borders allows.
pub fn frame(analysis: &Analysis, video: &VideoInfo, options: FramingOptions) -> Vec<Shot> {
    let mut people = People::default();
    let sound = Sound::of(&analysis.sound);
    let shots = analysis.shots.iter().enumerate().map(|(index, seen)| {
        let start = if index == 0 { Time::ZERO } else { Time::of_ticks(seen.start, analysis.time_base) };
        let end = analysis.shots.get(index + 1).map(|next| Time::of_ticks(next.start, analysis.time_base));
        let mut shot = shot_of(seen, (analysis.time_base, sound), (video, options), (start, end), &mut people);
        add_captions(&mut shot, analysis, &video.upright, options.subtitles);
        shot
    });
    shots.collect()
}

/// Puts the locked shots of an earlier plan in the place of what is planned anew.
pub fn keep_locked(shots: Vec<Shot>, earlier: &[Shot]) -> Vec<Shot> {
    let mut kept = shots;
    for locked in earlier.iter().filter(|shot| shot.locked) {
        let mut next = Vec::with_capacity(kept.len() + 2);
        let mut placed = false;
        for shot in kept {
            let starts_before = shot.start < locked.start;
            let ends_after = locked.end.is_some_and(|end| shot.end.is_none_or(|shot_end| shot_end > end));
            let touches =
                locked.end.is_none_or(|end| shot.start < end) && shot.end.is_none_or(|end| end > locked.start);
            if !touches {
                if !placed && shot.start >= locked.start {
                    next.push(locked.clone());
                    placed = true;
                }
                next.push(shot);
                continue;
            }
            if starts_before {
                next.extend(within(&shot, shot.start, Some(locked.start)));
            }
            if !placed {
                next.push(locked.clone());
                placed = true;
            }
            if let Some(end) = locked.end.filter(|_| ends_after) {
                next.extend(within(&shot, end, shot.end));
            }
        }
        kept = next;
    }
    kept
}

/// The part of a shot between two times.
fn within(shot: &Shot, start: Time, end: Option<Time>) -> Option<Shot> {
    let cut = |keys: &[CropKey]| -> Option<Vec<CropKey>> {
        let window = placement(keys, start)?.window;
        let reached = keys.iter().rfind(|key| key.time <= start);
        let first = CropKey { time: start, window, then: reached.map_or(Interpolation::Hold, |key| key.then) };
        let mut track = vec![first];
        track.extend(keys.iter().filter(|key| key.time > start && end.is_none_or(|end| key.time < end)));
        if let Some(last) = track.last_mut() {
            last.then = Interpolation::Hold;
        }
        Some(track)
    };
    let captions = shot.captions.iter().filter_map(|caption| {
        let (from, to) = (caption.from.max(start), end.map_or(caption.to, |end| caption.to.min(end)));
        (from < to).then_some(Caption { from, to, ..*caption })
    });
    let lower = cut(&shot.lower).unwrap_or_default();
    Some(Shot { start, end, track: cut(&shot.track)?, lower, captions: captions.collect(), ..shot.clone() })
}

fn shot_of(
    seen: &SeenShot,
    (time_base, sound): (Rational, Sound<'_>),
    (video, options): (&VideoInfo, FramingOptions),
    (start, end): (Time, Option<Time>),
    people: &mut People,
) -> Shot {
    let shape = options.shape;
    let upright = &video.upright;
    let borders = believable(upright, in_square_pixels(upright, seen.borders));
    let inner = borders.inner(upright);
    let width = inner.width.min(inner.height * shape.as_f64());
    let height = inner.height.min(inner.width / shape.as_f64());
    let (whole_width, whole_height) = (upright.width(), upright.height());
    let across = inner.width - width;
    let down = inner.height - height;
    let axis = if across / whole_width >= down / whole_height { 0 } else { 1 };
    let [first, room, length, whole] =
        if axis == 0 { [inner.x, across, width, whole_width] } else { [inner.y, down, height, whole_height] };
    let axis = Axis {
        axis,
        first: first / whole,
        room: (room / whole).max(0.0),
        length: length / whole,
        frame_rate: video.frame_rate.as_f64(),
    };
    let planned = shot::plan(seen, time_base.as_f64(), sound, people, axis);
    let window = |place: f64| {
        let along = (place * whole * ROUND).round() / ROUND;
        let (x, y) = if axis.axis == 0 {
            (along.clamp(inner.x, inner.x + across.max(0.0)), inner.y + down / 2.0)
        } else {
            (inner.x + across / 2.0, along.clamp(inner.y, inner.y + down.max(0.0)))
        };
        Window { x, y, width, height }
    };
    let other = other_layout(seen, &planned, time_base, inner, (video, options), (start, end));
    let steps = Steps::of(seen, time_base.as_f64());
    let closer = match other {
        None if axis.axis == 0 => {
            let whole = [whole_width, whole_height];
            closer(&planned, steps, inner, whole, [width, height], options.tallest.into(), axis.frame_rate)
        }
        _ => None,
    };
    let Planned { mode, keys, confidence, reason, subjects, held } = planned;
    let (track, reason) = match closer {
        Some(Closer { size: [width, height], y, keys }) => {
            let at = |place| window_at(place * whole, inner, [width, height], (y * ROUND).round() / ROUND);
            (crop_keys(&keys, (start, end), at), format!("{reason}, a little closer"))
        }
        None => (crop_keys(&keys, (start, end), window), reason),
    };
    let seconds = |step: usize| seen_time(seen, time_base, step);
    let subjects =
        subjects.iter().zip(held).filter_map(|(subject, held)| described(subject, held, upright, &seconds)).collect();
    let mode = if track.len() == 1 { ShotMode::Static } else { mode };
    let borders = (borders != ShotBorders::default()).then_some(borders);
    let shot = Shot {
        mode: Some(mode),
        confidence: Some(rounded(confidence)),
        reason: Some(reason),
        borders,
        subjects,
        ..Shot::new(start, end, track)
    };
    match other {
        Some(other) => with_layout(shot, other),
        None => shot,
    }
}

/// Gives the window of this size whose left edge is at `x`, or as near to that as the picture within its borders allows.
fn window_at(x: f64, inner: Window, [width, height]: [f64; 2], y: f64) -> Window {
    let last = inner.x + (inner.width - width).max(0.0);
    Window { x: ((x * ROUND).round() / ROUND).clamp(inner.x, last), y, width, height }
}

fn rounded(confidence: f64) -> f64 {
    (confidence.clamp(0.0, 1.0) * 100.0).round() / 100.0
}

/// What shows two people who do not fit into one window.
struct OtherLayout {
    layout: Layout,
    mode: ShotMode,
    /// The upper window's way, or that of the fitted one; and the lower one's.
    tracks: [Vec<CropKey>; 2],
    confidence: f64,
    reason: &'static str,
}

/// Plans halves, or the whole picture, where one window leaves somebody out and that is wanted.
fn other_layout(
    seen: &SeenShot,
    planned: &Planned,
    time_base: Rational,
    inner: Window,
    (video, FramingOptions { shape, two_shots, .. }): (&VideoInfo, FramingOptions),
    span: (Time, Option<Time>),
) -> Option<OtherLayout> {
    if two_shots == TwoShots::Cut || !pair::leaves_out(planned) {
        return None;
    }
    let still = |window: Window| vec![CropKey { time: span.0, window, then: Interpolation::Hold }];
    let whole = [video.upright.width(), video.upright.height()];
    if two_shots == TwoShots::Fit {
        if inner.width < inner.height * shape.as_f64() {
            return None;
        }
        let reason = "they do not fit into one window: all of the picture is shown";
        let tracks = [still(inner), Vec::new()];
        return Some(OtherLayout { layout: Layout::Fit, mode: ShotMode::Static, tracks, confidence: 0.9, reason });
    }
    let steps = Steps::of(seen, time_base.as_f64());
    let half_shape = 2.0 * shape.as_f64();
    let Halves { size: [width, height], halves, confidence } =
        pair::halves(planned, steps, inner, whole, half_shape, video.frame_rate.as_f64())?;
    let tracks = halves
        .clone()
        .map(|half| crop_keys(&half.keys, span, |place| window_at(place * whole[0], inner, [width, height], half.y)));
    let mode = if tracks.iter().all(|track| track.len() == 1) { ShotMode::Static } else { halves[0].mode };
    let reason = "they do not fit into one window: one is above the other";
    Some(OtherLayout { layout: Layout::Stack, mode, tracks, confidence, reason })
}

fn with_layout(shot: Shot, other: OtherLayout) -> Shot {
    let OtherLayout { layout, mode, tracks: [track, lower], confidence, reason } = other;
    let who = shot.reason.as_deref().unwrap_or_default().split(',').next().unwrap_or_default();
    let held = |subject: ShotSubject| {
        let centre = subject.bounds.x + subject.bounds.width / 2.0;
        let shows = |track: &[CropKey]| {
            track.iter().any(|key| key.window.x <= centre && centre <= key.window.x + key.window.width)
        };
        ShotSubject { held: shows(&track) || shows(&lower), ..subject }
    };
    Shot {
        layout,
        mode: Some(mode),
        confidence: Some(rounded(confidence)),
        reason: Some(format!("{who}: {reason}")),
        subjects: shot.subjects.into_iter().map(held).collect(),
        track,
        lower,
        ..shot
    }
}

/// Borders that leave too little of a picture to be its borders are none.
fn believable(upright: &Upright, borders: ShotBorders) -> ShotBorders {
    const LEAST: f64 = 0.15;
    let ShotBorders { left, top, right, bottom } = borders;
    let Window { width: across, height: down, .. } = borders.inner(upright);
    let is_left = |inner: f64, whole: f64| inner >= (LEAST * whole).max(LEAST_SIDE.min(whole));
    let (wide, high) = (is_left(across, upright.width()), is_left(down, upright.height()));
    let of = |side: f64, believed: bool| if believed { side } else { 0.0 };
    ShotBorders { left: of(left, wide), top: of(top, high), right: of(right, wide), bottom: of(bottom, high) }
}

fn in_square_pixels(upright: &Upright, borders: Borders) -> ShotBorders {
    let aspect = upright.sample_aspect.as_f64();
    let Borders { left, top, right, bottom } = borders;
    ShotBorders {
        left: f64::from(left) * aspect,
        top: top.into(),
        right: f64::from(right) * aspect,
        bottom: bottom.into(),
    }
}

fn seen_time(seen: &SeenShot, time_base: Rational, step: usize) -> Time {
    #[expect(clippy::cast_precision_loss, reason = "times of a film")]
    let seconds = seen.start as f64 * time_base.as_f64() + step as f64 / STEPS;
    millis(seconds)
}

fn millis(seconds: f64) -> Time {
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "times of a film")]
    let millis = (seconds * MILLIS as f64).round() as i64;
    Time::from(Rational::new(millis, MILLIS))
}

/// Keys in their shot: times that lie outside it, by rounding, or that two have, are left out.
fn crop_keys(keys: &[PlannedKey], (start, end): (Time, Option<Time>), window: impl Fn(f64) -> Window) -> Vec<CropKey> {
    let mut track: Vec<CropKey> = Vec::with_capacity(keys.len());
    for (index, key) in keys.iter().enumerate() {
        let time = if index == 0 && key.then != Interpolation::Ease { start } else { millis(key.time).max(start) };
        let inside = end.is_none_or(|end| time < end) && track.last().is_none_or(|last| last.time < time);
        if inside || track.is_empty() {
            let time = if end.is_some_and(|end| time >= end) { start } else { time };
            track.push(CropKey { time, window: window(key.place), then: key.then });
        }
    }
    if let Some(last) = track.last_mut() {
        last.then = Interpolation::Hold;
    }
    track
}

fn described(subject: &Subject, held: bool, upright: &Upright, time: &dyn Fn(usize) -> Time) -> Option<ShotSubject> {
    let first = subject.steps.iter().position(Option::is_some)?;
    let last = subject.steps.iter().rposition(Option::is_some)?;
    let cores: Vec<_> = subject.steps.iter().flatten().filter_map(|presence| presence.core()).collect();
    let middle = |value: &dyn Fn(&Bounds) -> f64, whole: f64| (median(cores.iter().map(value)) * whole).round();
    let (width, height) = (upright.width(), upright.height());
    let bounds = Window {
        x: middle(&|core| core.start[0], width),
        y: middle(&|core| core.start[1], height),
        width: middle(&|core| core.length(0), width),
        height: middle(&|core| core.length(1), height),
    };
    Some(ShotSubject { id: subject.id, kind: subject.kind, held, from: time(first), to: time(last), bounds })
}

#[cfg(test)]
mod tests;
