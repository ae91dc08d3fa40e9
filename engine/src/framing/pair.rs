//! Two people who do not fit into one window.

use super::shot::{self, Axis, COUNTS, Planned, PlannedKey, Way};
use super::steps::{STEPS, Steps, ratio};
use super::subjects::{Subject, median};
use crate::analyse::SubjectKind;
use crate::geometry::Window;
use crate::plan::ShotMode;

/// The second matters at least so much of what the first does; and the third no more than so much of what the second does.
const SECOND: f64 = 0.4;
const THIRD: f64 = 0.6;
/// Both are there in this part of the shot, and so far apart, as a part of the picture's width.
const TOGETHER: f64 = 0.5;
const APART: f64 = 0.20;
/// Width of the smaller face, as a part of the picture's: less is too coarse for half a rendition.
const FACE: f64 = 0.045;
/// Seconds of the shortest shot that is worth two windows.
const SHORTEST: f64 = 2.5;
/// Width of a half's window over that of the face in it, and the least that it may be of the picture's width.
const ROOM: f64 = 4.5;
const LEAST: f64 = 0.28;
/// Where the middle of a face is wanted, as a part of the half's height.
const EYES: f64 = 0.42;

/// One of two windows.
#[derive(Clone, Debug)]
pub(super) struct Half {
    pub(super) mode: ShotMode,
    /// Where it begins along x.
    pub(super) keys: Vec<PlannedKey>,
    /// Its upper edge, in the unit of the picture.
    pub(super) y: f64,
}

/// Two windows of one size.
#[derive(Clone, Debug)]
pub(super) struct Halves {
    /// Width and height, in the unit of the picture.
    pub(super) size: [f64; 2],
    /// Of the one to the left, and of the one to the right.
    pub(super) halves: [Half; 2],
    /// How sure it is that the right is shown, from 0 to 1.
    pub(super) confidence: f64,
}

/// Tells whether the window leaves out somebody who matters about as much as those in it.
pub(super) fn leaves_out(planned: &Planned) -> bool {
    let [first, second, ..] = planned.subjects.as_slice() else { return false };
    let counts = second.importance >= SECOND * first.importance;
    counts && !(planned.held[0] && planned.held[1])
}

/// Plans two windows, one for each of the two who matter most, where that is worth it. `inner` is the picture within its borders and
/// `whole` all of it; `shape` is that of a half.
pub(super) fn halves(
    planned: &Planned,
    steps: Steps,
    inner: Window,
    whole: [f64; 2],
    shape: f64,
    frame_rate: f64,
) -> Option<Halves> {
    let [first, second, others @ ..] = planned.subjects.as_slice() else { return None };
    let crowded =
        others.iter().any(|other| other.importance > (THIRD * second.importance).max(COUNTS * first.importance));
    let seconds = ratio(steps.count, 1) / STEPS;
    let seen_as_faces = [first, second].iter().all(|subject| subject.kind == SubjectKind::Face);
    if crowded || seconds < SHORTEST || !seen_as_faces {
        return None;
    }
    let together: Vec<_> =
        (0..steps.count).filter_map(|step| first.steps[step]?.core().zip(second.steps[step]?.core())).collect();
    let share = ratio(together.len(), steps.count);
    let centre = |axis: usize| {
        [
            median(together.iter().map(|(first, _)| first.centre(axis))),
            median(together.iter().map(|(_, second)| second.centre(axis))),
        ]
    };
    let (centres, heights) = (centre(0), centre(1));
    let widths = [face_width(first, whole), face_width(second, whole)];
    let apart = (centres[0] - centres[1]).abs();
    if share < TOGETHER || apart < APART || widths[0].min(widths[1]) < FACE {
        return None;
    }
    // Large enough for both faces, and not so large that either shows the other's.
    let without_other = 2.0 * (apart - 0.5 * widths[0].max(widths[1])) * whole[0];
    let largest = inner.width.min(inner.height * shape);
    let width = (ROOM * widths[0].max(widths[1]) * whole[0]).min(without_other).max(LEAST * whole[0]).min(largest);
    let size = [width, width / shape];
    let half = |subject: &Subject, y: f64| {
        let axis = Axis::across(inner, width, whole[0], frame_rate);
        let Way { mode, keys, path, fits, .. } = shot::way(std::slice::from_ref(subject), steps, axis);
        let top = (y * whole[1] - EYES * size[1]).clamp(inner.y, inner.y + (inner.height - size[1]).max(0.0));
        (Half { mode, keys, y: top }, fits, shot::held(subject, &path, axis) >= 0.6)
    };
    let (one, one_fits, one_held) = half(first, heights[0]);
    let (other, other_fits, other_held) = half(second, heights[1]);
    if !(one_held && other_held) {
        return None;
    }
    let confidence = shot::confidence(&planned.subjects[..2], &[true, true], one_fits.min(other_fits));
    let halves = if centres[0] <= centres[1] { [one, other] } else { [other, one] };
    Some(Halves { size, halves, confidence })
}

/// Median width of somebody's face, or what that would be, as a part of the picture's width.
fn face_width(subject: &Subject, whole: [f64; 2]) -> f64 {
    median(subject.steps.iter().flatten().map(|presence| presence.face_width(whole[0] / whole[1])))
}
