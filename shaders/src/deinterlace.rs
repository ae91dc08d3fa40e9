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

/// Columns that are worked on at a time: whole vectors.
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

/// What lies around a block of a missing row.
struct Around<'a, S> {
    /// Above and below it in the frames before, itself and after.
    above: [&'a [S; BLOCK]; 3],
    below: [&'a [S; BLOCK]; 3],
    /// In the two fields around: the row itself, and the rows two and four away, above and below.
    there: [&'a [S; BLOCK]; 2],
    two: [[&'a [S; BLOCK]; 2]; 2],
    four: [[&'a [S; BLOCK]; 2]; 2],
    /// The frame's rows three away.
    three: [&'a [S; BLOCK]; 2],
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
    // Rows that are not there are not looked at either: any will do.
    let near = |there: bool, row: usize, other: usize| if there { row } else { other };
    let rows = [
        near(is_held, row.wrapping_sub(2), row),
        near(is_held, row + 2, row),
        near(is_inside, row.wrapping_sub(4), row),
        near(is_inside, row + 4, row),
        near(is_inside, row.wrapping_sub(3), above),
        near(is_inside, row + 3, below),
    ];
    let Some(last) = columns.len().checked_sub(BLOCK) else {
        return interpolate_narrow(frames, around, missing, columns, line);
    };
    // The last block overlaps the one before it where the row is no whole number of them.
    let firsts = (0..columns.len() / BLOCK).map(|block| block * BLOCK).chain([last]);
    for first in firsts {
        let part = columns.start + first..columns.start + first + BLOCK;
        macro_rules! samples {
            ($frame:expr, $row:expr) => {
                match $frame.row($row, &part).first_chunk::<BLOCK>() {
                    Some(block) => block,
                    None => return,
                }
            };
        }
        let seen = Around {
            above: [samples!(frames[0], above), samples!(frames[1], above), samples!(frames[2], above)],
            below: [samples!(frames[0], below), samples!(frames[1], below), samples!(frames[2], below)],
            there: [samples!(around[0], row), samples!(around[1], row)],
            two: [
                [samples!(around[0], rows[0]), samples!(around[1], rows[0])],
                [samples!(around[0], rows[1]), samples!(around[1], rows[1])],
            ],
            four: [
                [samples!(around[0], rows[2]), samples!(around[1], rows[2])],
                [samples!(around[0], rows[3]), samples!(around[1], rows[3])],
            ],
            three: [samples!(frames[1], rows[4]), samples!(frames[1], rows[5])],
        };
        let values = match (is_held, is_inside) {
            (_, true) => seen.block::<true, true>(limit),
            (true, false) => seen.block::<true, false>(limit),
            (false, false) => seen.block::<false, false>(limit),
        };
        line[first..first + BLOCK].copy_from_slice(&values);
    }
}

/// Does as [`interpolate`] for a row of less than a block: its samples are copied to where there is room for one.
#[inline(never)]
fn interpolate_narrow<S: Sample>(
    frames: [&PlaneArea<'_, S>; 3],
    around: [&PlaneArea<'_, S>; 2],
    missing: Missing,
    columns: &Range<usize>,
    line: &mut [S],
) {
    // As far as any of them is looked at.
    let rows = missing.row.saturating_sub(4)..(missing.row + 5).min(missing.height);
    let own = |frame: &PlaneArea<'_, S>| std::ptr::eq(frame, frames[1]);
    let copied = frames.map(|frame| {
        let mut samples = Vec::with_capacity(rows.len() * BLOCK);
        for row in rows.clone() {
            samples.extend_from_slice(frame.row(row, columns));
            samples.resize(samples.len().next_multiple_of(BLOCK), S::narrow(0));
        }
        samples
    });
    let wide = copied.each_ref().map(|samples| PlaneArea {
        samples: &samples[..],
        stride: BLOCK,
        columns: 0..BLOCK,
        rows: rows.clone(),
    });
    let [before, frame, after] = &wide;
    let pair = if own(around[0]) { [frame, after] } else { [before, frame] };
    let mut made = [S::narrow(0); BLOCK];
    interpolate([before, frame, after], pair, missing, &(0..BLOCK), &mut made);
    line.copy_from_slice(&made[..line.len()]);
}

impl<S: Sample> Around<'_, S> {
    /// Makes a block. `HELD` says that two rows are there on either side, `INSIDE` that four are.
    #[inline(always)]
    fn block<const HELD: bool, const INSIDE: bool>(&self, limit: i32) -> [S; BLOCK] {
        let Self { above, below, there, two, four, three } = self;
        let mut made = [S::narrow(0); BLOCK];
        for at in 0..BLOCK {
            let of = |row: &[S; BLOCK]| i32::from(row[at].widen());
            let (c, e) = (of(above[1]), of(below[1]));
            let (earlier, later) = (of(there[0]), of(there[1]));
            let sum = earlier + later;
            let d = sum >> 1;
            let moved = (earlier - later).abs();
            let before = ((of(above[0]) - c).abs() + (of(below[0]) - e).abs()) >> 1;
            let after = ((of(above[2]) - c).abs() + (of(below[2]) - e).abs()) >> 1;
            let still = (moved >> 1).max(before).max(after);
            let mut range = still;
            let both = |rows: &[&[S; BLOCK]; 2]| of(rows[0]) + of(rows[1]);
            let [up, down] = if HELD { [both(&two[0]), both(&two[1])] } else { [0; 2] };
            if HELD {
                let (b, f) = ((up >> 1) - c, (down >> 1) - e);
                let (dc, de) = (d - c, d - e);
                range = range.max(de.min(dc).min(b.max(f))).max(-de.max(dc).max(b.min(f)));
            }
            let value = if INSIDE {
                let far = of(three[0]) + of(three[1]);
                let edge = both(&four[0]) + both(&four[1]);
                let high = (HIGH[0] * sum - HIGH[1] * (up + down) + HIGH[2] * edge) >> 2;
                let temporal = (high + LOW[0] * (c + e) - LOW[1] * far) >> 13;
                let spatial = (SPATIAL[0] * (c + e) - SPATIAL[1] * far) >> 13;
                if (c - e).abs() > moved { temporal } else { spatial }
            } else {
                (c + e) >> 1
            };
            let value = value.min(d + range).max(d - range).clamp(0, limit);
            made[at] = S::narrow(if still == 0 { d } else { value });
        }
        made
    }
}
