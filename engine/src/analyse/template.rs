//! The texture of a box, by which it is found again in the next frame.

use super::boxes::Bounds;
use super::document::SubjectKind;
use crate::frame::Frame;

/// Sides of a patch, in samples.
const SIDE: usize = 16;

/// Luma of a part of a picture, at the same number of places whatever its size.
pub(super) type Patch = [u8; SIDE * SIDE];

#[derive(Debug)]
pub(super) struct Template {
    samples: Patch,
    contrast: f32,
}

impl Template {
    /// The middle of a box: what is around it belongs to others.
    pub(super) fn of(thumbnail: &Frame, bounds: Bounds, kind: SubjectKind) -> Self {
        let samples = patch(thumbnail, middle(bounds, kind));
        let mean = samples.iter().map(|&sample| u32::from(sample)).sum::<u32>() / (SIDE * SIDE) as u32;
        let away: u32 = samples.iter().map(|&sample| u32::from(sample).abs_diff(mean)).sum();
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        let contrast = away as f32 / (SIDE * SIDE) as f32;
        Self { samples, contrast }
    }

    /// The mean difference, but for that of brightness.
    pub(super) fn difference(&self, thumbnail: &Frame, bounds: Bounds, kind: SubjectKind) -> f32 {
        difference(&self.samples, &patch(thumbnail, middle(bounds, kind)))
    }

    /// The mean distance of its samples from their mean.
    pub(super) fn contrast(&self) -> f32 {
        self.contrast
    }
}

/// The mean difference of two patches, but for that of brightness.
pub(super) fn difference(a: &Patch, b: &Patch) -> f32 {
    let sum = |samples: &Patch| samples.iter().map(|&sample| i32::from(sample)).sum::<i32>();
    let brighter = (sum(b) - sum(a)) / (SIDE * SIDE) as i32;
    let sum: i32 = a.iter().zip(b).map(|(&a, &b)| (i32::from(b) - i32::from(a) - brighter).abs()).sum();
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let mean = sum as f32 / (SIDE * SIDE) as f32;
    mean
}

fn middle(bounds: Bounds, kind: SubjectKind) -> Bounds {
    match (kind, bounds) {
        (SubjectKind::Face, bounds) => bounds,
        // Head and trunk: legs and arms move against them.
        (SubjectKind::Person, [x, y, width, height]) => [x + width * 0.2, y, width * 0.6, height * 0.6],
    }
}

/// Luma within bounds.
pub(super) fn patch(thumbnail: &Frame, [left, top, width, height]: Bounds) -> Patch {
    let (luma, stride) = thumbnail.plane::<u8>(0);
    let [columns, rows] = thumbnail_size(thumbnail);
    let places = |start: f32, length: f32, whole: f32| {
        let mut places = [0; SIDE];
        for (at, number) in places.iter_mut().zip(0_u8..) {
            *at = place(start + length * (f32::from(number) + 0.5) / SIDE as f32, whole);
        }
        places
    };
    let (across, down) = (places(left, width, columns), places(top, height, rows));
    let mut samples = [0; SIDE * SIDE];
    for (out, y) in samples.chunks_exact_mut(SIDE).zip(down) {
        let row = &luma[y * stride..];
        for (out, x) in out.iter_mut().zip(across) {
            *out = row[x];
        }
    }
    samples
}

/// The sample at so many thousandths of a picture's side, which has so many.
pub(super) fn place(thousandths: f32, whole: f32) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped into the picture")]
    let place = (thousandths / 1000.0 * whole).clamp(0.0, whole - 1.0) as usize;
    place
}

/// Columns and rows.
pub(super) fn thumbnail_size(thumbnail: &Frame) -> [f32; 2] {
    let format = thumbnail.format();
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let size = [format.width as f32, format.height as f32];
    size
}
