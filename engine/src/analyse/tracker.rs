//! Following faces and persons from sample to sample: by what detectors find, and in between by the texture of their boxes.

use super::boxes::Bounds;
use super::clothes::Clothes;
use super::document::{Sighting, SubjectKind, Track};
use super::mouth::Mouth;
use super::template::{Template, thumbnail_size};
use crate::frame::Frame;

/// How far a box may move from one frame to the next, in samples of the thumbnail.
const REACH: i32 = 8;
/// A template is lost where what it is compared with differs by more than this part of its own contrast, and by more than this,
/// a sample.
const LOST: [f32; 2] = [0.8, 6.0];
/// Frames for which a template may be lost.
const PATIENCE: u32 = 8;
/// The least score by which a face or a person that was not there before is taken for one.
const NEW_FACE: u8 = 60;
const NEW_PERSON: u8 = 50;
/// Less than this is not even taken for one that is followed already.
const KNOWN_FACE: u8 = 35;
const KNOWN_PERSON: u8 = 25;
/// A track counts if it was recognised as surely as this once, or more than twice as surely as that, or if its shot has few samples.
const ONCE: u8 = 72;
const OFTEN: u8 = 58;
/// Tracks that are kept where none counts, and the least sum of the squares of their scores.
const MAYBE: usize = 2;
const LEAST_MAYBE: u32 = 1600;

/// A face or person that a detector has found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Detection {
    pub(super) kind: SubjectKind,
    /// In whole thousandths of the picture's width and height.
    pub(super) bounds: [i32; 4],
    /// Hundredths.
    pub(super) score: u8,
    /// Of a face, as [`Track::sharpness`].
    pub(super) sharpness: u8,
}

/// Follows the faces and persons of a shot.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    active: Vec<Followed>,
    /// Those that were lost.
    ended: Vec<Track>,
    samples: u32,
}

#[derive(Debug)]
struct Followed {
    track: Track,
    bounds: Bounds,
    template: Template,
    /// Of a face.
    mouth: Mouth,
    clothes: Clothes,
    /// Sum of what every time was found that it was recognised, and how often.
    sharpness: [u32; 2],
    /// Frames since its template was last found again.
    lost: u32,
    /// Samples since it was last recognised in which it could have been.
    missed: u32,
}

impl Tracker {
    /// Finds the boxes again in the next frame's thumbnail.
    pub(super) fn follow(&mut self, thumbnail: &Frame) {
        for followed in &mut self.active {
            followed.follow(thumbnail);
        }
        self.end_where(|followed| followed.lost > PATIENCE);
    }

    /// Takes what detectors found in a frame that was followed already. Persons were looked for only in some.
    pub(super) fn sight(&mut self, time: i64, detections: &[Detection], persons: bool, thumbnail: &Frame) {
        self.samples += 1;
        for kind in [SubjectKind::Face, SubjectKind::Person] {
            let known = if kind == SubjectKind::Face { KNOWN_FACE } else { KNOWN_PERSON };
            if kind == SubjectKind::Face || persons {
                let found: Vec<_> =
                    detections.iter().filter(|found| found.kind == kind && found.score >= known).collect();
                self.associate(time, kind, &found, thumbnail);
            }
        }
        for followed in &mut self.active {
            let track = &mut followed.track;
            if track.sightings.last().is_none_or(|last| last.time < time) && followed.lost == 0 {
                let mouth = followed.mouth.moved();
                track.sightings.push(Sighting { time, bounds: rounded(followed.bounds), score: 0, mouth });
            }
        }
        // A face turns away and comes back; a person is looked for more rarely.
        let patience = |kind| if kind == SubjectKind::Face { 10 } else { 3 };
        self.end_where(|followed| followed.missed > patience(followed.track.kind));
    }

    fn associate(&mut self, time: i64, kind: SubjectKind, found: &[&Detection], thumbnail: &Frame) {
        let mut pairs = Vec::new();
        for (index, followed) in self.active.iter().enumerate().filter(|(_, followed)| followed.track.kind == kind) {
            for (number, detection) in found.iter().enumerate() {
                let likeness = likeness(followed.bounds, detection.bounds.map(thousandths));
                if likeness > 0.0 {
                    pairs.push((likeness, index, number));
                }
            }
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        let (mut taken, mut seen) = (vec![false; self.active.len()], vec![false; found.len()]);
        for (_, index, number) in pairs {
            if !taken[index] && !seen[number] {
                (taken[index], seen[number]) = (true, true);
                self.active[index].recognise(time, found[number], thumbnail);
            }
        }
        for (followed, taken) in self.active.iter_mut().zip(&taken) {
            if followed.track.kind == kind && !taken {
                followed.missed += 1;
            }
        }
        let least = if kind == SubjectKind::Face { NEW_FACE } else { KNOWN_PERSON };
        for (detection, _) in found.iter().zip(&seen).filter(|(found, seen)| !**seen && found.score >= least) {
            let bounds = detection.bounds.map(thousandths);
            let template = Template::of(thumbnail, bounds, kind);
            let track = Track { kind, clothes: None, sharpness: 0, sightings: Vec::new() };
            let (mouth, clothes) = (Mouth::default(), Clothes::default());
            let mut followed =
                Followed { track, bounds, template, mouth, clothes, sharpness: [0, 0], lost: 0, missed: 0 };
            followed.recognise(time, detection, thumbnail);
            self.active.push(followed);
        }
    }

    fn end_where(&mut self, over: impl Fn(&Followed) -> bool) {
        let (over, active) = std::mem::take(&mut self.active).into_iter().partition(over);
        self.active = active;
        let over: Vec<Followed> = over;
        self.ended.extend(over.into_iter().map(Followed::end));
    }

    /// Ends the shot, and gives all that was followed in it.
    pub(super) fn end(&mut self) -> Vec<Track> {
        self.end_where(|_| true);
        let samples = std::mem::take(&mut self.samples);
        let mut tracks = std::mem::take(&mut self.ended);
        for track in &mut tracks {
            // What follows the last time that it was recognised is a guess.
            let known = track.sightings.iter().rposition(|sighting| sighting.score > 0).map_or(0, |last| last + 2);
            track.sightings.truncate(known);
        }
        let scores = |track: &Track| {
            let recognised = track.sightings.iter().filter(|sighting| sighting.score > 0);
            recognised.map(|sighting| u32::from(sighting.score)).collect::<Vec<_>>()
        };
        let counts = |track: &Track| {
            let scores = scores(track);
            let surest = scores.iter().copied().max().unwrap_or(0);
            let least = if track.kind == SubjectKind::Face { NEW_FACE } else { NEW_PERSON };
            scores.len() > 2 && surest >= OFTEN.into() || surest >= ONCE.into() || samples < 4 && surest >= least.into()
        };
        if tracks.iter().any(counts) {
            tracks.retain(counts);
        } else {
            // Where nobody is seen for certain, what may be somebody is better than nothing.
            let weight = |track: &Track| scores(track).iter().map(|score| score * score).sum::<u32>();
            tracks.sort_by_key(|track| std::cmp::Reverse(weight(track)));
            tracks.truncate(MAYBE);
            tracks.retain(|track| weight(track) >= LEAST_MAYBE);
        }
        tracks.sort_by_key(|track| (track.sightings.first().map(|first| first.time), track.kind));
        tracks
    }
}

impl Followed {
    fn end(self) -> Track {
        let [sum, times] = self.sharpness;
        let sharpness = u8::try_from((sum + times / 2) / times.max(1)).unwrap_or(u8::MAX);
        Track { clothes: self.clothes.mean(), sharpness, ..self.track }
    }

    fn recognise(&mut self, time: i64, detection: &Detection, thumbnail: &Frame) {
        self.bounds = detection.bounds.map(thousandths);
        (self.lost, self.missed) = (0, 0);
        self.template = Template::of(thumbnail, self.bounds, self.track.kind);
        self.clothes.see(thumbnail, self.track.kind, self.bounds);
        self.sharpness = [self.sharpness[0] + u32::from(detection.sharpness), self.sharpness[1] + 1];
        let mouth = self.mouth.moved();
        if self.track.kind == SubjectKind::Face {
            self.mouth.place(thumbnail, self.bounds);
        }
        self.track.sightings.push(Sighting { time, bounds: detection.bounds, score: detection.score.max(1), mouth });
    }

    fn follow(&mut self, thumbnail: &Frame) {
        let (size, kind) = (thumbnail_size(thumbnail), self.track.kind);
        let at = |dx: i32, dy: i32| {
            let [x, y, width, height] = self.bounds;
            [x + thousandths(dx) / size[0] * 1000.0, y + thousandths(dy) / size[1] * 1000.0, width, height]
        };
        let difference = |dx, dy| self.template.difference(thumbnail, at(dx, dy), kind);
        let mut best = (difference(0, 0), 0, 0);
        for step in [4, 2, 1] {
            let (_, from_x, from_y) = best;
            let reach = if step == 4 { REACH } else { step };
            for dy in (-reach..=reach).step_by(step as usize) {
                for dx in (-reach..=reach).step_by(step as usize) {
                    let (dx, dy) = (from_x + dx, from_y + dy);
                    let found = difference(dx, dy);
                    if found < best.0 {
                        best = (found, dx, dy);
                    }
                }
            }
        }
        if best.0 > LOST[1].max(self.template.contrast() * LOST[0]) {
            self.lost += 1;
            self.mouth.lose();
        } else {
            self.bounds = at(best.1, best.2);
            self.lost = 0;
            if kind == SubjectKind::Face {
                self.mouth.follow(thumbnail, self.bounds, self.template.contrast());
            }
        }
    }
}

/// Tells how surely two boxes are of the same thing, from 0 to 1: by what they share, or by how near they are.
fn likeness(a: Bounds, b: Bounds) -> f32 {
    let shared = super::boxes::overlap(a, b);
    let ratio = (a[2] * a[3]) / (b[2] * b[3]).max(1.0);
    if !(0.3..=3.3).contains(&ratio) {
        return 0.0;
    }
    let away = |axis: usize| {
        let distance = (a[axis] + a[axis + 2] / 2.0 - b[axis] - b[axis + 2] / 2.0).abs();
        distance / a[axis + 2].max(b[axis + 2]).max(1.0)
    };
    let near = 1.0 - away(0).max(away(1)) / 0.8;
    shared.max(near * 0.5).max(0.0)
}

pub(super) fn thousandths(value: i32) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let value = value as f32;
    value
}

pub(super) fn rounded(bounds: Bounds) -> [i32; 4] {
    #[expect(clippy::cast_possible_truncation, reason = "a few thousand")]
    let round = |value: f32| value.round() as i32;
    bounds.map(round)
}
