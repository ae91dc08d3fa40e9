//! The window's way through one shot.

use super::path::{self, FOLLOWING, PLACE, PathCosts, SIGMA};
use super::people::People;
use super::speech::Sound;
use super::steps::{STEPS, Steps, ratio};
use super::subjects::{Subject, subjects};
use crate::analyse::{SeenShot, SubjectKind};
use crate::geometry::Window;
use crate::plan::{Interpolation, ShotMode};

/// Room on either side of a face, as a part of its width, and of a person.
const MARGIN: [f64; 2] = [0.25, 0.04];
/// A subject that sticks out of the window by so much of the window's length is lost.
const LOST: f64 = 0.16;
/// What it costs that a face touches the window's edge, and that it is cut.
const CROWDED: f64 = 0.12;
const CUT: f64 = 0.5;
/// What it costs that a body sticks out, against a face.
const BODY: f64 = 0.12;
const BODY_THAT_FITS: f64 = 0.25;
/// What it costs that a face is away from where it is wanted by the whole window.
const AIM: f64 = 0.35;
/// How far it may be away from there for nothing, as a part of the window's length.
const FREE: f64 = 0.10;
/// What it costs besides that of several people nobody is wholly inside: the window is not aimed at what is between them.
const NOBODY: f64 = 0.6;
/// What decides between places that are equally good: the square of how far it is away.
const EVEN: f64 = 0.1;
/// A subject counts if it matters at least so much of what the most important one does.
pub(super) const COUNTS: f64 = 0.22;
/// The window stands, or pans once, where as much of the shot is well framed as a moving window would have it, but for this.
const AS_GOOD: f64 = 0.02;
/// And where what is wrong with it, a step, is at most this more.
const COSTS_MORE: f64 = 0.02;
/// Fastest motion of the window: parts of the width a frame, and a second.
const FASTEST: [f64; 2] = [0.0085, 0.2];

/// The axis along which the window can move, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    /// 0 for x, 1 for y.
    pub(super) axis: usize,
    /// First place of the window's beginning, and how far it can go, as parts of the picture's side.
    pub(super) first: f64,
    pub(super) room: f64,
    /// The window's own length.
    pub(super) length: f64,
    /// Frames a second.
    pub(super) frame_rate: f64,
}

impl Axis {
    /// Makes the x axis of a window of this width, in the picture within its borders, of a picture that is `whole` wide.
    pub(super) fn across(inner: Window, width: f64, whole: f64, frame_rate: f64) -> Self {
        let room = ((inner.width - width) / whole).max(0.0);
        Self { axis: 0, first: inner.x / whole, room, length: width / whole, frame_rate }
    }
}

/// What is planned for a shot.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) mode: ShotMode,
    /// Where the window begins, as a part of the picture's side, at seconds of the film; and how it goes on.
    pub(super) keys: Vec<PlannedKey>,
    pub(super) confidence: f64,
    pub(super) reason: String,
    pub(super) subjects: Vec<Subject>,
    /// For each subject, whether it is held.
    pub(super) held: Vec<bool>,
}

/// A place of the window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct PlannedKey {
    pub(super) time: f64,
    pub(super) place: f64,
    pub(super) then: Interpolation,
}

/// Costs and successes of every place at every step.
struct Field {
    costs: Vec<Vec<f32>>,
    /// Whether what matters most is well inside.
    fits: Vec<Vec<bool>>,
}

/// Plans a shot.
pub(super) fn plan(shot: &SeenShot, tick: f64, sound: Sound<'_>, people: &mut People, axis: Axis) -> Planned {
    let steps = Steps::of(shot, tick);
    let mut subjects = subjects(shot, steps, sound);
    people.recognise(&mut subjects);
    if subjects.is_empty() || subjects[0].importance <= 0.0 {
        return without_people(shot, steps, axis);
    }
    let Way { mode, path, keys, fits, jumps } = way(&subjects, steps, axis);
    let held: Vec<bool> = subjects.iter().map(|subject| held(subject, &path, axis) >= 0.6).collect();
    people.remember(&subjects, &held);
    let confidence = confidence(&subjects, &held, fits);
    let reason = reason(&subjects, &held, (mode, jumps), fits);
    Planned { mode, keys, confidence, reason, subjects, held }
}

/// The window's way through a shot.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) mode: ShotMode,
    /// Where the window begins at every step, as a part of the picture's side from the first place on.
    pub(super) path: Vec<f64>,
    pub(super) keys: Vec<PlannedKey>,
    /// The part of the steps in which what matters most is well inside.
    pub(super) fits: f64,
    /// Whether the window is at one place, and with the next frame at another.
    pub(super) jumps: bool,
}

/// Finds the calmest way that holds those who matter, the most important first; there is one at least.
pub(super) fn way(subjects: &[Subject], steps: Steps, axis: Axis) -> Way {
    let places = places(axis);
    let field = field(subjects, steps, axis, places);
    let (static_place, static_cost) = best_static(&field);
    let tracked = track(&field, axis);
    let costs_of = |path: &[f64]| -> f64 {
        let at = |step: usize, place: f64| {
            let (place, costs) = (nearest(place, places), &field.costs[step]);
            f64::from(costs[place])
        };
        path.iter().enumerate().map(|(step, &place)| at(step, place)).sum()
    };
    let fits_of = |path: &[f64]| -> f64 {
        let fit = path.iter().enumerate().filter(|&(step, &place)| field.fits[step][nearest(place, places)]).count();
        ratio(fit, path.len())
    };
    let still = vec![offset(static_place); steps.count];
    let tracked_fits = fits_of(&tracked);
    let tracked_cost = costs_of(&tracked);
    let allowed = tracked_cost + COSTS_MORE * ratio(steps.count, 1);
    let is_good = |path: &[f64]| {
        let fits = fits_of(path);
        (fits >= 0.95 || fits >= tracked_fits) && fits >= tracked_fits - AS_GOOD && costs_of(path) <= allowed
    };
    let jumps = tracked.windows(2).any(|pair| (pair[1] - pair[0]).abs() > axis.length * 0.3);
    let (mode, path, keys) = if is_good(&still) || static_cost <= tracked_cost {
        (ShotMode::Static, still, vec![key(steps, 0, offset(static_place), axis, Interpolation::Hold)])
    } else if let Some((path, keys)) = pan(&tracked, steps, axis).filter(|(path, _)| !jumps && is_good(path)) {
        (ShotMode::Pan, path, keys)
    } else {
        let keys = keys_of(&tracked, steps, axis);
        (ShotMode::Track, tracked, keys)
    };
    let (fits, jumps) = (fits_of(&path), jumps && mode == ShotMode::Track);
    Way { mode, path, keys, fits, jumps }
}

/// Tells how sure it is that the right is shown, from 0 to 1.
pub(super) fn confidence(subjects: &[Subject], held: &[bool], fits: f64) -> f64 {
    let total: f64 = subjects.iter().map(|subject| subject.importance).sum();
    let kept: f64 = subjects.iter().zip(held).filter(|(_, held)| **held).map(|(subject, _)| subject.importance).sum();
    let seen = subjects.iter().map(Subject::share).fold(0.0, f64::max);
    let certain = subjects[0].steps.iter().flatten().map(|presence| presence.certainty).fold(0.0, f64::max);
    (0.35 + 0.65 * fits) * (0.55 + 0.45 * kept / total.max(1e-9)) * (0.6 + 0.4 * seen) * (0.6 + 0.4 * certain)
}

/// Places that the window may begin at, [`PLACE`] apart.
fn places(axis: Axis) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred")]
    let places = (axis.room / PLACE + 1e-6).floor().max(0.0) as usize + 1;
    places
}

/// Tells how far from the first place one is.
#[expect(clippy::cast_precision_loss, reason = "a few hundred")]
fn offset(place: usize) -> f64 {
    place as f64 * PLACE
}

fn nearest(offset: f64, places: usize) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred")]
    let place = (offset / PLACE).round().max(0.0) as usize;
    place.min(places - 1)
}

fn field(subjects: &[Subject], steps: Steps, axis: Axis, places: usize) -> Field {
    let mut field = Field { costs: Vec::with_capacity(steps.count), fits: Vec::with_capacity(steps.count) };
    let counting: Vec<_> =
        subjects.iter().filter(|subject| subject.importance >= COUNTS * subjects[0].importance).collect();
    for step in 0..steps.count {
        let mut costs = vec![0.0_f32; places];
        let (mut fits, mut holds) = (vec![true; places], vec![0_u32; places]);
        let mut there = 0;
        let weights: Vec<f64> = counting
            .iter()
            .map(|subject| subject.weight(step) * (0.3 + 0.7 * subject.importance / subjects[0].importance))
            .collect();
        let all = weights.iter().copied().fold(0.0, f64::max);
        if all > 0.0 {
            let most = weights.iter().position(|&weight| weight >= all);
            for (number, (subject, weight)) in counting.iter().zip(&weights).enumerate() {
                let Some(presence) = subject.steps[step] else { continue };
                let Some(core) = presence.core() else { continue };
                // As much as there is room for: a face that nearly fills the window is not cut for the air beside it.
                let room = ((axis.length - core.length(axis.axis)) / 2.0).max(0.0);
                let margin = (core.length(axis.axis) * MARGIN[usize::from(presence.face.is_none())]).min(room);
                let (start, end) = (core.start[axis.axis].max(0.0) - margin, core.end[axis.axis].min(1.0) + margin);
                let aim = core.centre(axis.axis);
                // Faces are wanted in the middle, or, up and down, a third from the top.
                let wanted = if axis.axis == 0 { 0.5 } else { 0.36 };
                there += 1;
                let at_place = costs.iter_mut().zip(&mut fits).zip(&mut holds);
                for (place, ((cost, fits), holds)) in at_place.enumerate() {
                    let left = axis.first + offset(place);
                    let out = sticks_out([start, end], left, axis.length);
                    *holds += u32::from(out <= margin);
                    // A face that is cut is lost at once; room beside it is to be wished for.
                    let mut miss = if out <= margin {
                        CROWDED * out / margin.max(1e-9)
                    } else {
                        CUT + (1.0 - CUT) * ((out - margin) / (LOST * axis.length)).min(1.0)
                    };
                    if presence.face.is_some()
                        && let Some(body) = presence.body
                    {
                        let out = sticks_out(
                            [body.start[axis.axis].max(0.0), body.end[axis.axis].min(1.0)],
                            left,
                            axis.length,
                        );
                        // Of one that the window could hold, all is wanted.
                        let length = body.length(axis.axis);
                        miss += if length <= axis.length {
                            BODY_THAT_FITS * (out / (LOST * axis.length)).min(1.0)
                        } else {
                            BODY * (out / axis.length).min(1.0)
                        };
                    }
                    let away = ((aim - left) / axis.length - wanted).abs();
                    if out < margin + LOST * axis.length {
                        miss += AIM * (away - FREE).max(0.0) + EVEN * away * away;
                    } else {
                        miss += AIM * (0.5 - FREE) + EVEN * 0.25;
                    }
                    #[expect(clippy::cast_possible_truncation, reason = "costs are small")]
                    let add = (miss * weight / all) as f32;
                    *cost += add;
                    if Some(number) == most {
                        *fits = out <= margin + 1e-9;
                    }
                }
            }
        }
        if there > 1 {
            #[expect(clippy::cast_possible_truncation, reason = "a constant")]
            let nobody = NOBODY as f32;
            for (cost, _) in costs.iter_mut().zip(&holds).filter(|(_, holds)| **holds == 0) {
                *cost += nobody;
            }
        }
        field.costs.push(costs);
        field.fits.push(fits);
    }
    field
}

/// Measures how far an extent sticks out of a window; of one that is longer than the window, how far the window sticks out of it.
fn sticks_out([start, end]: [f64; 2], left: f64, length: f64) -> f64 {
    let right = left + length;
    if end - start <= length {
        (left - start).max(end - right).max(0.0)
    } else {
        (start - left).max(right - end).max(0.0)
    }
}

fn best_static(field: &Field) -> (usize, f64) {
    let places = field.costs.first().map_or(1, Vec::len);
    let cost = |place: usize| field.costs.iter().map(|costs| f64::from(costs[place])).sum::<f64>();
    let costs: Vec<f64> = (0..places).map(cost).collect();
    let least = costs.iter().copied().fold(f64::INFINITY, f64::min);
    // The middle of all that are as good.
    let good: Vec<_> = (0..places).filter(|&place| costs[place] <= least + 1e-4).collect();
    good.get(good.len() / 2).map_or((0, 0.0), |&place| (place, costs[place]))
}

fn path_costs(axis: Axis) -> PathCosts {
    let fastest = (FASTEST[0] * axis.frame_rate).min(FASTEST[1]) / STEPS;
    PathCosts { fastest, farthest_pan: axis.length * 0.5, ..FOLLOWING }
}

/// The best moving path, smoothed within its stretches between jumps.
fn track(field: &Field, axis: Axis) -> Vec<f64> {
    let path = path::least_cost(&field.costs, &path_costs(axis));
    let path: Vec<f64> = path.into_iter().map(offset).collect();
    let mut smooth = Vec::with_capacity(path.len());
    let is_jump = |pair: &[f64]| (pair[1] - pair[0]).abs() > path_costs(axis).fastest + 1.5 * PLACE;
    let mut start = 0;
    for end in 1..=path.len() {
        if end == path.len() || is_jump(&path[end - 1..=end]) {
            smooth.extend(path::eased(&path[start..end], SIGMA));
            start = end;
        }
    }
    smooth
}

fn key(steps: Steps, step: usize, offset: f64, axis: Axis, then: Interpolation) -> PlannedKey {
    PlannedKey { time: steps.time(step), place: axis.first + offset.clamp(0.0, axis.room), then }
}

/// One eased move from where a path begins to where it ends.
fn pan(path: &[f64], steps: Steps, axis: Axis) -> Option<(Vec<f64>, Vec<PlannedKey>)> {
    let (from, to) = (*path.first()?, *path.last()?);
    let gone = |place: f64| (place - from) / (to - from);
    if (to - from).abs() < 4.0 * PLACE {
        return None;
    }
    let leaves = path.iter().rposition(|&place| gone(place) <= 0.06)?;
    let arrives = path.iter().position(|&place| gone(place) >= 0.94)?;
    let (leaves, arrives) = if leaves < arrives { (leaves, arrives) } else { (0, path.len() - 1) };
    let at = |step: usize| {
        let part = (ratio(step, 1) - ratio(leaves, 1)) / ratio(arrives.max(leaves + 1) - leaves, 1);
        let part = part.clamp(0.0, 1.0);
        from + (to - from) * part * part * (3.0 - 2.0 * part)
    };
    let fastest = 1.5 * (to - from).abs() / ratio(arrives.max(leaves + 1) - leaves, 1);
    if fastest > path_costs(axis).fastest {
        return None;
    }
    let keys =
        vec![key(steps, leaves, from, axis, Interpolation::Ease), key(steps, arrives, to, axis, Interpolation::Hold)];
    Some(((0..path.len()).map(at).collect(), keys))
}

/// The fewest keys whose straight ways keep to a path; jumps are held up to.
fn keys_of(path: &[f64], steps: Steps, axis: Axis) -> Vec<PlannedKey> {
    let limit = path_costs(axis).fastest * 1.2;
    let mut keys = Vec::new();
    let mut start = 0;
    for end in 1..=path.len() {
        if end < path.len() && (path[end] - path[end - 1]).abs() <= limit {
            continue;
        }
        let mut chosen = vec![start];
        simplify(path, start, end - 1, &mut chosen);
        for &step in &chosen {
            keys.push(key(steps, step, path[step], axis, Interpolation::Linear));
        }
        if let Some(last) = keys.last_mut() {
            last.then = Interpolation::Hold;
        }
        start = end;
    }
    keys
}

/// Adds the steps between two, and the later, at which a way must bend (Ramer, Douglas and Peucker).
fn simplify(path: &[f64], from: usize, to: usize, chosen: &mut Vec<usize>) {
    if to <= from {
        return;
    }
    let straight = |step: usize| path[from] + (path[to] - path[from]) * ratio(step - from, to - from);
    let off = |step: usize| (path[step] - straight(step)).abs();
    let farthest = (from + 1..to).max_by(|&a, &b| off(a).total_cmp(&off(b)));
    match farthest.filter(|&step| off(step) > 0.0012) {
        Some(middle) => {
            simplify(path, from, middle, chosen);
            simplify(path, middle, to, chosen);
        }
        None => chosen.push(to),
    }
}

/// The part of a subject's steps in which it is inside the window.
pub(super) fn held(subject: &Subject, path: &[f64], axis: Axis) -> f64 {
    let mut inside = 0;
    let mut there = 0;
    for (presence, place) in subject.steps.iter().zip(path) {
        let Some(core) = presence.and_then(|presence| presence.core()) else { continue };
        there += 1;
        let extent = [core.start[axis.axis].max(0.0), core.end[axis.axis].min(1.0)];
        inside += usize::from(sticks_out(extent, axis.first + place, axis.length) <= 0.02 * axis.length);
    }
    ratio(inside, there)
}

fn without_people(shot: &SeenShot, steps: Steps, axis: Axis) -> Planned {
    let total: f64 = shot.activity.iter().map(|activity| f64::from(activity.motion.min(300))).sum();
    let count = ratio(shot.activity.len(), 1).max(1.0);
    let mean = |of: &dyn Fn(&crate::analyse::Activity) -> (f64, f64)| {
        let (sum, weight) = shot
            .activity
            .iter()
            .map(of)
            .fold((0.0, 0.0), |(sum, all), (value, weight)| (sum + value * weight, all + weight));
        if weight > 0.0 { sum / weight } else { 0.5 }
    };
    let axis_index = axis.axis;
    let moving =
        mean(&|activity| (f64::from(activity.moving[axis_index]) / 1000.0, f64::from(activity.motion.min(300))));
    let salient = mean(&|activity| (f64::from(activity.salient[axis_index]) / 1000.0, 1.0));
    let moves = total / count >= 8.0;
    let (centre, confidence, reason) = if moves {
        (0.6 * moving + 0.25 * salient + 0.15 * 0.5, 0.45, "nobody is seen: the window is where most moves")
    } else {
        (
            0.5 * salient + 0.5 * 0.5,
            0.4,
            "nobody is seen and little moves: the window is near the middle, towards what stands out",
        )
    };
    let place = (centre - axis.length / 2.0 - axis.first).clamp(0.0, axis.room.max(0.0));
    Planned {
        mode: ShotMode::Static,
        keys: vec![key(steps, 0, place, axis, Interpolation::Hold)],
        confidence,
        reason: reason.to_owned(),
        subjects: Vec::new(),
        held: Vec::new(),
    }
}

fn reason(subjects: &[Subject], held: &[bool], (mode, jumps): (ShotMode, bool), fits: f64) -> String {
    let counting = subjects.iter().filter(|subject| subject.importance >= COUNTS * subjects[0].importance).count();
    let kept = subjects.iter().zip(held).take(counting).filter(|(_, held)| **held).count();
    let faces = subjects.iter().take(counting).filter(|subject| subject.kind == SubjectKind::Face).count();
    let who = match (counting, faces) {
        (1, 1) => "one face".to_owned(),
        (1, _) => "one person".to_owned(),
        (count, faces) if faces == count => format!("{count} faces"),
        (count, _) => format!("{count} people"),
    };
    let fit = match (counting, kept) {
        (1, _) if fits < 0.9 => ", at times outside",
        (1, _) => "",
        (all, kept) if kept < all && jumps => ", too far apart",
        (all, kept) if kept >= all => ", all of them in the window",
        (_, 0) => ", none held throughout",
        (_, 1) => ", too far apart, the one that matters most is held",
        _ => ", too far apart: those that matter most are held",
    };
    let way = match mode {
        ShotMode::Static => "the window stands",
        ShotMode::Pan => "the window pans once",
        ShotMode::Track if jumps => "the window cuts from one to another",
        ShotMode::Track => "the window follows",
    };
    format!("{who}{fit}: {way}")
}
