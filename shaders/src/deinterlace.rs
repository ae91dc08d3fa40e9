//! Twin of `wgsl/deinterlace.wgsl`: whole pictures of the fields of three frames.

use crate::Sample;
use crate::plane::{PlaneArea, PlaneAreaMut};
use std::ops::Range;

/// [`PlaneAreaMut::picture`] from this number on: one field is kept, and the rows between are made.
pub const INTERPOLATED: u32 = 16;
/// Added to it: the field of the bottom rows is kept, and not that of the top rows.
pub const BOTTOM: u32 = 1;
/// Added to it: the field is the later one of its frame.
pub const LATER: u32 = 2;

/// Weights of 13 bits: Weston's three-field filter (BBC R&D, 1988) over the rows of the field itself and over those of its
/// neighbours, and a cubic over the field's rows alone, in the numbers of FFmpeg's `bwdif`.
const LOW: [i32; 2] = [4309, 213];
const HIGH: [i32; 3] = [5570, 3801, 1016];
const SPATIAL: [i32; 2] = [5077, 981];

/// Columns that are worked on at a time: whole vectors of 32-bit numbers.
const BLOCK: usize = 64;

/// Makes a picture of the frame before, the frame itself and the one after, as `output.picture` says: two fields woven together
/// (below [`INTERPOLATED`], the frame of the top rows and thrice that of the bottom rows, 0 for the frame itself, 1 for the one
/// before, 2 for the one after), or one field with the rows between its own made from what lies around them in place and time.
///
/// # Panics
/// When the sources are not three, or do not hold the columns of the output.
#[inline(always)]
pub fn deinterlace<S: Sample>(sources: &[PlaneArea<'_, S>], output: PlaneAreaMut<'_, S>) {
    let (picture, columns, [_, height], limit) = (output.picture, output.columns, output.plane, output.limit);
    let [before, own, after] = [&sources[0], &sources[1], &sources[2]];
    for (line, row) in output.samples.chunks_mut(output.stride).zip(output.rows) {
        let line = &mut line[..columns.len()];
        let bottom = row % 2 == 1;
        if picture < INTERPOLATED {
            let frame = match if bottom { picture / 3 } else { picture % 3 } {
                1 => before,
                2 => after,
                _ => own,
            };
            line.copy_from_slice(frame.row(row, &columns));
        } else if bottom == (picture & BOTTOM != 0) || height < 2 {
            line.copy_from_slice(own.row(row, &columns));
        } else {
            let around = if picture & LATER == 0 { [before, own] } else { [own, after] };
            interpolate([before, own, after], around, Missing { row, height, limit }, &columns, line);
        }
    }
}

/// A row that is to be made.
#[derive(Clone, Copy)]
struct Missing {
    row: usize,
    /// Rows of the plane.
    height: usize,
    /// Largest sample value.
    limit: i32,
}

/// What lies around a block of a missing row, in 32 bits.
struct Around {
    /// Above and below it in the frames before, itself and after.
    above: [[i32; BLOCK]; 3],
    below: [[i32; BLOCK]; 3],
    /// The row itself in the two fields around.
    there: [[i32; BLOCK]; 2],
    /// Sums over these fields of the rows two and four away, above and below.
    two: [[i32; BLOCK]; 2],
    four: [[i32; BLOCK]; 2],
    /// Sum of the frame's rows three away.
    three: [i32; BLOCK],
}

#[inline(always)]
fn interpolate<S: Sample>(
    frames: [&PlaneArea<'_, S>; 3],
    around: [&PlaneArea<'_, S>; 2],
    missing: Missing,
    columns: &Range<usize>,
    line: &mut [S],
) {
    let Missing { row, height, limit } = missing;
    let above = if row == 0 { 1 } else { row - 1 };
    let below = if row + 1 == height { height - 2 } else { row + 1 };
    let is_held = row >= 2 && row + 3 <= height;
    let is_inside = row >= 4 && row + 5 <= height;
    for (block, made) in line.chunks_mut(BLOCK).enumerate() {
        let begin = columns.start + block * BLOCK;
        let part = begin..begin + made.len();
        let widened = |frame: &PlaneArea<'_, S>, row: usize| {
            let mut wide = [0; BLOCK];
            let samples = frame.row(row, &part);
            if let Some(samples) = samples.first_chunk::<BLOCK>() {
                for (wide, sample) in wide.iter_mut().zip(samples) {
                    *wide = i32::from(sample.widen());
                }
            } else {
                for (wide, sample) in wide.iter_mut().zip(samples) {
                    *wide = i32::from(sample.widen());
                }
            }
            wide
        };
        let sum = |[a, b]: [[i32; BLOCK]; 2]| -> [i32; BLOCK] { std::array::from_fn(|at| a[at] + b[at]) };
        let both = |row: usize| sum(around.map(|frame| widened(frame, row)));
        let none = [0; BLOCK];
        let seen = Around {
            above: frames.map(|frame| widened(frame, above)),
            below: frames.map(|frame| widened(frame, below)),
            there: around.map(|frame| widened(frame, row)),
            two: if is_held { [both(row - 2), both(row + 2)] } else { [none; 2] },
            four: if is_inside { [both(row - 4), both(row + 4)] } else { [none; 2] },
            three: if is_inside { sum([row - 3, row + 3].map(|row| widened(frames[1], row))) } else { none },
        };
        let values = match (is_held, is_inside) {
            (_, true) => seen.block::<true, true>(limit),
            (true, false) => seen.block::<true, false>(limit),
            (false, false) => seen.block::<false, false>(limit),
        };
        for (made, value) in made.iter_mut().zip(values) {
            *made = S::narrow(value);
        }
    }
}

impl Around {
    /// Makes a block. `HELD` says that two rows are there on either side, `INSIDE` that four are.
    #[inline(always)]
    fn block<const HELD: bool, const INSIDE: bool>(&self, limit: i32) -> [i32; BLOCK] {
        let mut made = [0; BLOCK];
        for (at, made) in made.iter_mut().enumerate() {
            let (c, e) = (self.above[1][at], self.below[1][at]);
            let sum = self.there[0][at] + self.there[1][at];
            let d = sum >> 1;
            let moved = (self.there[0][at] - self.there[1][at]).abs();
            let before = ((self.above[0][at] - c).abs() + (self.below[0][at] - e).abs()) >> 1;
            let after = ((self.above[2][at] - c).abs() + (self.below[2][at] - e).abs()) >> 1;
            let still = (moved >> 1).max(before).max(after);
            let mut range = still;
            if HELD {
                let (b, f) = ((self.two[0][at] >> 1) - c, (self.two[1][at] >> 1) - e);
                let (dc, de) = (d - c, d - e);
                range = range.max(de.min(dc).min(b.max(f))).max(-de.max(dc).max(b.min(f)));
            }
            let value = if INSIDE {
                let (two, four) = (self.two[0][at] + self.two[1][at], self.four[0][at] + self.four[1][at]);
                let high = (HIGH[0] * sum - HIGH[1] * two + HIGH[2] * four) >> 2;
                let temporal = (high + LOW[0] * (c + e) - LOW[1] * self.three[at]) >> 13;
                let spatial = (SPATIAL[0] * (c + e) - SPATIAL[1] * self.three[at]) >> 13;
                if (c - e).abs() > moved { temporal } else { spatial }
            } else {
                (c + e) >> 1
            };
            let value = value.min(d + range).max(d - range).clamp(0, limit);
            *made = if still == 0 { d } else { value };
        }
        made
    }
}
