//! Who is in a shot, where, and how much each matters.

use super::speech::{Sound, mouth, speaking};
use super::steps::Steps;
use crate::analyse::{SeenShot, Sighting, SubjectKind, Track};
use std::cmp::Reverse;

/// Seconds without a sighting over which a subject is taken to have moved evenly.
const LONGEST_GAP: f64 = 2.5;
/// Seconds before the first sighting and after the last for which it is taken to have been there.
const EDGE: f64 = 1.2;
/// The part of its certainty that it has lost by then.
const FADES: f64 = 0.7;
/// Seconds between two tracks of one subject, at most.
const PAUSE: f64 = 2.5;
/// Height of a standing person over that of its head.
const HEADS: f64 = 6.5;
/// Height of a face, as a part of the picture's, from which on a larger one matters no more.
const LARGE: f64 = 0.5;
/// How much less matters who has nothing of the sharpness of the sharpest.
const OUT_OF_FOCUS: f64 = 0.5;
/// How much more the one who speaks matters.
const SPEAKS: f64 = 2.0;

/// Left, top, right and bottom, as parts of the picture's width and height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounds {
    pub(super) start: [f64; 2],
    pub(super) end: [f64; 2],
}

impl Bounds {
    fn of([x, y, width, height]: [i32; 4]) -> Self {
        let part = |value: i32| f64::from(value) / 1000.0;
        Self { start: [part(x), part(y)], end: [part(x + width), part(y + height)] }
    }

    pub(super) fn centre(&self, axis: usize) -> f64 {
        (self.start[axis] + self.end[axis]) / 2.0
    }

    pub(super) fn length(&self, axis: usize) -> f64 {
        self.end[axis] - self.start[axis]
    }

    fn between(self, other: Self, part: f64) -> Self {
        let mix = |a: [f64; 2], b: [f64; 2]| [0, 1].map(|axis| a[axis] + (b[axis] - a[axis]) * part);
        Self { start: mix(self.start, other.start), end: mix(self.end, other.end) }
    }

    fn overlap(&self, other: &Self) -> f64 {
        let along =
            |axis: usize| (self.end[axis].min(other.end[axis]) - self.start[axis].max(other.start[axis])).max(0.0);
        let shared = along(0) * along(1);
        let both = self.length(0) * self.length(1) + other.length(0) * other.length(1) - shared;
        if both > 0.0 { shared / both } else { 0.0 }
    }
}

/// Where a subject is at a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Presence {
    pub(super) face: Option<Bounds>,
    pub(super) body: Option<Bounds>,
    /// From 0 to 1.
    pub(super) certainty: f64,
}

impl Presence {
    /// Gives what must be seen of it: the face, else all of it.
    pub(super) fn core(&self) -> Option<Bounds> {
        self.face.or(self.body)
    }

    /// Width of its face, or what that would be, as a part of the width of a picture of this width over height.
    pub(super) fn face_width(&self, shape: f64) -> f64 {
        /// Width of a face over its height.
        const SHAPE: f64 = 0.75;
        self.face.map_or(self.face_height() * SHAPE / shape, |face| face.length(0))
    }

    /// Height of its face, or what that would be, as a part of the picture's height.
    pub(super) fn face_height(&self) -> f64 {
        match (self.face, self.body) {
            (Some(face), _) => face.length(1),
            (None, Some(body)) => (body.length(1) / HEADS).max(body.length(0) / 3.0),
            (None, None) => 0.0,
        }
    }
}

/// One person in a shot.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) kind: SubjectKind,
    /// Number in the film; 0 for one who was not asked for yet.
    pub(super) id: u32,
    /// As [`Track::clothes`].
    pub(super) clothes: Option<[u8; 6]>,
    /// As [`Track::sharpness`].
    sharpness: u8,
    /// For every step of the shot, where it is there.
    pub(super) steps: Vec<Option<Presence>>,
    /// For every step, how surely it is the one who speaks, from 0 to 1.
    pub(super) speaking: Vec<f64>,
    /// How much it matters over the whole shot.
    pub(super) importance: f64,
}

impl Subject {
    /// Makes somebody of whom only this is known.
    #[cfg(test)]
    pub(super) fn unseen(kind: SubjectKind, clothes: Option<[u8; 6]>, importance: f64) -> Self {
        Self { kind, id: 0, clothes, sharpness: 0, steps: Vec::new(), speaking: Vec::new(), importance }
    }

    /// Tells how much it matters at a step: 0 where it is not there.
    pub(super) fn weight(&self, step: usize) -> f64 {
        let Some(presence) = self.steps[step] else { return 0.0 };
        let height = (presence.face_height() / LARGE).clamp(0.02, 1.0);
        let recognised = if presence.face.is_some() { 1.0 } else { 0.55 };
        let off_centre = presence.core().map_or(1.0, |core| (2.0 * core.centre(0) - 1.0).abs().min(1.0));
        let speaks = 1.0 + SPEAKS * self.speaking.get(step).copied().unwrap_or(0.0);
        height * recognised * (1.0 - 0.35 * off_centre) * (0.4 + 0.6 * presence.certainty) * speaks
    }

    /// The part of the shot's steps in which it is there.
    pub(super) fn share(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "steps of a shot")]
        let share = self.steps.iter().flatten().count() as f64 / self.steps.len().max(1) as f64;
        share
    }
}

/// Finds out who is in a shot, the most important first.
pub(super) fn subjects(shot: &SeenShot, steps: Steps, sound: Sound<'_>) -> Vec<Subject> {
    let placed: Vec<_> = shot.tracks.iter().map(|track| (track, placed(track, steps))).collect();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for index in 0..placed.len() {
        let joins =
            groups.iter().position(|group| group.iter().any(|&other| is_same(&placed[other], &placed[index], steps)));
        match joins {
            Some(group) => groups[group].push(index),
            None => groups.push(vec![index]),
        }
    }
    let mut subjects: Vec<_> = groups.iter().map(|group| subject(group, &placed, steps)).collect();
    let mouths: Vec<_> = groups.iter().map(|group| mouth_of(group, &placed, steps)).collect();
    for (subject, speaking) in subjects.iter_mut().zip(speaking(&mouths, steps, sound)) {
        subject.speaking = speaking;
        let sum: f64 = (0..steps.count).map(|step| subject.weight(step)).sum();
        #[expect(clippy::cast_precision_loss, reason = "steps of a shot")]
        let mean = sum / steps.count.max(1) as f64;
        subject.importance = mean;
    }
    let sharpest = subjects.iter().map(|subject| subject.sharpness).max().unwrap_or(0);
    for subject in subjects.iter_mut().filter(|subject| subject.sharpness > 0) {
        let blurred = 1.0 - f64::from(subject.sharpness) / f64::from(sharpest);
        subject.importance *= 1.0 - OUT_OF_FOCUS * blurred;
    }
    subjects.sort_by(|a, b| b.importance.total_cmp(&a.importance));
    subjects.truncate(12);
    subjects
}

type Placed<'a> = (&'a Track, Vec<Option<(Bounds, f64)>>);

/// Where a track's subject is at every step, and how certain that is.
fn placed(track: &Track, steps: Steps) -> Vec<Option<(Bounds, f64)>> {
    let sightings = smoothed(&track.sightings);
    (0..steps.count)
        .map(|step| {
            let time = steps.time(step);
            let after = track.sightings.partition_point(|sighting| steps.seconds(sighting) <= time);
            let (before, next) = (after.checked_sub(1), (after < sightings.len()).then_some(after));
            let certain = |index: usize| {
                let sighting = &track.sightings[index];
                if sighting.score == 0 { 0.5 } else { f64::from(sighting.score) / 100.0 }
            };
            let seconds = |index: usize| steps.seconds(&track.sightings[index]);
            match (before, next) {
                (Some(before), Some(next)) => {
                    let gap = seconds(next) - seconds(before);
                    let part = if gap > 0.0 { (time - seconds(before)) / gap } else { 0.0 };
                    let near = (time - seconds(before)).min(seconds(next) - time) <= EDGE;
                    (gap <= LONGEST_GAP || near).then(|| {
                        let bounds = if gap <= LONGEST_GAP {
                            sightings[before].between(sightings[next], part)
                        } else if part < 0.5 {
                            sightings[before]
                        } else {
                            sightings[next]
                        };
                        (bounds, certain(before).min(certain(next)))
                    })
                }
                (Some(before), None) => {
                    let since = time - seconds(before);
                    (since <= EDGE).then(|| (sightings[before], certain(before) * (1.0 - since / EDGE * FADES)))
                }
                (None, Some(next)) => {
                    let until = seconds(next) - time;
                    (until <= EDGE).then(|| (sightings[next], certain(next) * (1.0 - until / EDGE * FADES)))
                }
                (None, None) => None,
            }
        })
        .collect()
}

/// Gives the middle one of some values, the upper of two; 0 of none.
pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Boxes tremble from sighting to sighting: each is the median of itself and its neighbours, side by side.
fn smoothed(sightings: &[Sighting]) -> Vec<Bounds> {
    (0..sightings.len())
        .map(|index| {
            let around = &sightings[index.saturating_sub(1)..(index + 2).min(sightings.len())];
            let side = |side: usize| {
                let mut values: Vec<_> = around.iter().map(|sighting| sighting.bounds[side]).collect();
                values.sort_unstable();
                if values.len() == 2 { sightings[index].bounds[side] } else { values[values.len() / 2] }
            };
            Bounds::of([0, 1, 2, 3].map(side))
        })
        .collect()
}

/// Tells whether two tracks are of one person.
fn is_same(a: &Placed<'_>, b: &Placed<'_>, steps: Steps) -> bool {
    let together: Vec<_> = a.1.iter().zip(&b.1).filter_map(|(a, b)| a.zip(*b)).collect();
    #[expect(clippy::cast_precision_loss, reason = "steps of a shot")]
    let share = |count: usize| count as f64 / together.len().max(1) as f64;
    if a.0.kind == b.0.kind {
        if !together.is_empty() {
            // The same thing found twice.
            return share(together.iter().filter(|((a, _), (b, _))| a.overlap(b) > 0.4).count()) > 0.6;
        }
        let (first, second) = if a.0.sightings.first().map(|sighting| sighting.time)
            <= b.0.sightings.first().map(|sighting| sighting.time)
        {
            (a, b)
        } else {
            (b, a)
        };
        let (Some(end), Some(start)) = (first.0.sightings.last(), second.0.sightings.first()) else { return false };
        let pause = steps.seconds(start) - steps.seconds(end);
        let (end, start) = (Bounds::of(end.bounds), Bounds::of(start.bounds));
        let near = (end.centre(0) - start.centre(0)).abs() < end.length(0).max(start.length(0)) * 0.75
            && (end.centre(1) - start.centre(1)).abs() < end.length(1).max(start.length(1)) * 0.75;
        let ratio = end.length(1) / start.length(1).max(1e-6);
        return (0.0..=PAUSE).contains(&pause) && near && (0.5..=2.0).contains(&ratio);
    }
    // A face belongs to the body whose upper half it is in.
    let belongs = |face: &Bounds, body: &Bounds| {
        let (x, y) = (face.centre(0), face.centre(1));
        let inside = x >= body.start[0] && x <= body.end[0];
        let upper = y >= body.start[1] - body.length(1) * 0.1 && y <= body.start[1] + body.length(1) * 0.5;
        // And is not that of somebody far behind, or in front.
        let fits = face.length(0) <= body.length(0) * 1.1 && face.length(0) * 7.0 >= body.length(0);
        inside && upper && fits
    };
    let belong = together.iter().filter(|((a_bounds, _), (b_bounds, _))| {
        if a.0.kind == SubjectKind::Face { belongs(a_bounds, b_bounds) } else { belongs(b_bounds, a_bounds) }
    });
    !together.is_empty() && share(belong.count()) > 0.65
}

fn subject(group: &[usize], placed: &[Placed<'_>], steps: Steps) -> Subject {
    let of_kind = |kind: SubjectKind, step: usize| {
        let here = group.iter().map(|&index| &placed[index]).filter(|(track, _)| track.kind == kind);
        here.filter_map(|(_, steps)| steps[step]).max_by(|a, b| a.1.total_cmp(&b.1))
    };
    let presence = |step: usize| {
        let (face, body) = (of_kind(SubjectKind::Face, step), of_kind(SubjectKind::Person, step));
        let certainty = face.or(body).map(|(_, certainty)| certainty)?;
        Some(Presence { face: face.map(|it| it.0), body: body.map(|it| it.0), certainty })
    };
    let steps: Vec<_> = (0..steps.count).map(presence).collect();
    let has_face = steps.iter().flatten().any(|presence| presence.face.is_some());
    let kind = if has_face { SubjectKind::Face } else { SubjectKind::Person };
    let mut tracks: Vec<&Track> = group.iter().map(|&index| placed[index].0).collect();
    // What is below a face is known to be in front.
    tracks.sort_by_key(|track| (track.kind, Reverse(track.sightings.len())));
    let clothes = tracks.iter().find_map(|track| track.clothes);
    let sharpness = tracks.iter().map(|track| track.sharpness).find(|&sharpness| sharpness > 0).unwrap_or(0);
    Subject { kind, id: 0, clothes, sharpness, steps, speaking: Vec::new(), importance: 0.0 }
}

/// The motion of the mouth of one person, who may have been followed several times, at every step.
fn mouth_of(group: &[usize], placed: &[Placed<'_>], steps: Steps) -> Vec<f64> {
    let mut most = vec![0.0; steps.count];
    for &index in group {
        for (most, moved) in most.iter_mut().zip(mouth(placed[index].0, steps)) {
            *most = moved.max(*most);
        }
    }
    most
}
