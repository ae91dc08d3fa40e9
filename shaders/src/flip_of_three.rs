//! Twin of `wgsl/tests/flip_of_three.wgsl`.

use crate::Sample;
use crate::plane::{PlaneArea, PlaneAreaMut};

/// Computes the mean of three frames, mirrored left to right; the second picture of a frame is not mirrored.
///
/// # Panics
/// When the sources are not three.
pub fn flip_of_three<S: Sample>(sources: &[PlaneArea<'_, S>], output: PlaneAreaMut<'_, S>) {
    let ([width, _], limit, nth) = (output.plane, output.limit, output.nth);
    output.fill(|column, row| {
        let column = if nth == 1 { column } else { width - 1 - column };
        let sum: i32 = sources[..3].iter().map(|source| source.sample(column, row)).sum();
        ((sum + 1) / 3).min(limit)
    });
}
