//! Twin of `wgsl/tests/flip_of_three.wgsl`.

use crate::Sample;
use crate::plane::{PlaneArea, PlaneAreaMut};

/// Computes the mean of three frames, mirrored left to right; picture 1 is not mirrored.
///
/// # Panics
/// When the sources are not three.
pub fn flip_of_three<S: Sample>(sources: &[PlaneArea<'_, S>], output: PlaneAreaMut<'_, S>) {
    let ([width, _], limit, picture) = (output.plane, output.limit, output.picture);
    output.fill(|column, row| {
        let column = if picture == 1 { column } else { width - 1 - column };
        let sum: i32 = sources[..3].iter().map(|source| source.sample(column, row)).sum();
        ((sum + 1) / 3).min(limit)
    });
}
