//! Somebody who is small in the picture, a little enlarged.

use super::shot::{self, Axis, COUNTS, Planned, PlannedKey};
use super::steps::Steps;
use super::subjects::{Bounds, median};
use crate::geometry::Window;
use crate::plan::ShotMode;

/// Enlarged at most so many times, and at least: less is not seen.
const MOST: f64 = 1.15;
const LEAST: f64 = 1.04;
/// Height of a face, as a part of the picture's, from which on it is large enough.
const SMALL: f64 = 0.10;
/// What the smaller window may be filled by, along each axis.
const FULL: f64 = 0.9;
/// Where the middle of a face is wanted, as a part of the window's height: eyes are at about a third.
const EYES: f64 = 0.36;

/// A smaller window, which stands.
#[derive(Clone, Debug)]
pub(super) struct Closer {
    /// Width and height, in the unit of the picture.
    pub(super) size: [f64; 2],
    /// Its upper edge, in the same.
    pub(super) y: f64,
    /// Where it begins along x.
    pub(super) keys: Vec<PlannedKey>,
}

/// Plans a smaller window for a shot whose window stands, where one person alone matters, is small, and stays in it from head to
/// foot, or as much of that as is seen. `inner` is the picture within its borders, `whole` the size of all of it, `height` that of the
/// window in the same unit, and `tallest` the height of the largest rendition, which the source must have pixels for.
pub(super) fn closer(
    planned: &Planned,
    steps: Steps,
    inner: Window,
    whole: [f64; 2],
    [width, height]: [f64; 2],
    tallest: f64,
    frame_rate: f64,
) -> Option<Closer> {
    let times = (height / tallest).min(MOST);
    let [first, others @ ..] = planned.subjects.as_slice() else { return None };
    let alone = others.iter().all(|other| other.importance < COUNTS * first.importance);
    let stands = planned.mode == ShotMode::Static && planned.held.first() == Some(&true);
    if times < LEAST || !alone || !stands || median(first.steps.iter().flatten().map(|it| it.face_height())) >= SMALL {
        return None;
    }
    let seen: Vec<Bounds> = first.steps.iter().flatten().flat_map(|it| [it.face, it.body]).flatten().collect();
    let reach = |axis: usize| {
        let start = seen.iter().map(|bounds| bounds.start[axis].max(0.0)).fold(1.0, f64::min);
        let end = seen.iter().map(|bounds| bounds.end[axis].min(1.0)).fold(0.0, f64::max);
        [start * whole[axis], end * whole[axis]]
    };
    let size = [width / times, height / times];
    let ([left, right], [top, bottom]) = (reach(0), reach(1));
    if right - left > FULL * size[0] || bottom - top > FULL * size[1] {
        return None;
    }
    let axis = Axis::across(inner, size[0], whole[0], frame_rate);
    let way = shot::way(&planned.subjects, steps, axis);
    let core = median(first.steps.iter().flatten().filter_map(|it| it.core()).map(|core| core.centre(1)));
    let wanted = core * whole[1] - EYES * size[1];
    // All of them is shown, with as much air below as above where the face cannot be where it is wanted.
    let air = (size[1] - (bottom - top)) * 0.1;
    let y = wanted.clamp(bottom + air - size[1], top - air).clamp(inner.y, inner.y + inner.height - size[1]);
    let x = way.keys.first()?.place * whole[0];
    let shows = x <= left && right <= x + size[0];
    (way.mode == ShotMode::Static && shows).then_some(Closer { size, y, keys: way.keys })
}
