//! Boxes that detectors find.

/// Left, top, width and height, in thousandths of the picture's.
pub(super) type Bounds = [f32; 4];

/// Something that a detector has found, in pixels of the picture that it looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct FoundBox {
    /// Left, top, width, height.
    pub(super) bounds: [f32; 4],
    /// From 0 to 1.
    pub(super) score: f32,
}

/// Keeps of boxes that overlap by more than `most` of what both cover the surer one; the surest comes first.
pub(super) fn surest(found: Vec<FoundBox>, most: f32) -> Vec<FoundBox> {
    surest_by(found, most, |found| *found)
}

/// Does as [`surest`] with what has a box.
pub(super) fn surest_by<T>(mut found: Vec<T>, most: f32, box_of: impl Fn(&T) -> FoundBox) -> Vec<T> {
    found.sort_by(|a, b| box_of(b).score.total_cmp(&box_of(a).score));
    let mut kept: Vec<T> = Vec::new();
    for candidate in found {
        if kept.iter().all(|other| overlap(box_of(other).bounds, box_of(&candidate).bounds) <= most) {
            kept.push(candidate);
        }
    }
    kept
}

/// Measures the part that two boxes share of what both cover.
pub(crate) fn overlap(a: [f32; 4], b: [f32; 4]) -> f32 {
    let along = |axis: usize| (a[axis] + a[axis + 2]).min(b[axis] + b[axis + 2]) - a[axis].max(b[axis]);
    let shared = along(0).max(0.0) * along(1).max(0.0);
    let both = a[2] * a[3] + b[2] * b[3] - shared;
    if both > 0.0 { shared / both } else { 0.0 }
}
