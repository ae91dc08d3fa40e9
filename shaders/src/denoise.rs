//! Twin of `wgsl/denoise.wgsl`: noise averaged away over five frames, along what moves.

use crate::Sample;
use crate::plane::{PlaneArea, PlaneAreaMut};

/// Samples of a tile's sides: what moves is looked for tile by tile.
pub const TILE: usize = 16;
/// Samples that a tile is looked for to either side, at first in steps of [`CELL`], then around the best of these.
const REACH: usize = 16;
const CELL: usize = 4;
const FINE: usize = 3;
/// Samples around a sample that are compared to tell whether another shows the same.
const AROUND: usize = 2;

/// Samples around a tile that are looked at in other frames, and sides of the whole.
const APRON: usize = REACH + FINE + AROUND;
const REGION: usize = TILE + 2 * APRON;
/// Sides of the tile with what is around it.
const PATCHES: usize = TILE + 2 * AROUND;
/// Cells of a tile's sides, of the reach, and of both.
const CELLS: usize = TILE / CELL;
const REACH_CELLS: usize = REACH / CELL;
const REGION_CELLS: usize = CELLS + 2 * REACH_CELLS;
/// Places along an axis that a tile is looked for at, in cells and then in samples.
const COARSE_STEPS: usize = 2 * REACH_CELLS + 1;
const FINE_STEPS: usize = 2 * FINE + 1;

/// Parts of a code in the number that the noise's standard deviation is given by.
pub const NOISE_PARTS: u32 = 16;
/// The most that it may be.
pub const MOST_NOISE: u32 = 2560;
/// By how much, in the unit of the noise, a tile must differ from the same place of another frame to be looked for elsewhere: noise
/// alone makes a difference of 18 (256 samples of 2 / sqrt(pi) of its deviation, in sixteenths), give or take one.
const STILL_COST: i32 = 19;
/// And by how much less it must differ from another place: the least of some dozens of like ones is 2 less by noise alone.
const MOTION_COST: i32 = 2;
/// Weight of the frame's own sample, and the most that those of the others have.
const OWN_WEIGHT: i32 = 16;

/// Between which sums of squared differences over a patch the weight falls from all to nothing, and the factor between a sum and
/// a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Falloff {
    least: i32,
    most: i32,
    factor: i32,
}

impl Falloff {
    /// Noise alone makes a sum of 25 * 2 * its variance.
    fn of(noise: i32) -> Self {
        let expected = 50 * noise * noise / (NOISE_PARTS * NOISE_PARTS) as i32;
        let (least, most) = (expected, 3 * expected + 1);
        Self { least, most, factor: (1 << 30) / (most - least) }
    }

    #[inline(always)]
    fn weight(self, sum: i32) -> i32 {
        let below = (self.most - sum).clamp(0, self.most - self.least);
        (below * self.factor + (1 << 25)) >> 26
    }
}

/// Makes a picture of the two frames before, the frame itself and the two after. `output.picture` is the standard deviation of
/// the noise, in [`NOISE_PARTS`] of a code, at most [`MOST_NOISE`]; with 0 the frame stays as it is.
///
/// # Panics
/// When the sources are not five.
#[inline(always)]
pub fn denoise<S: Sample>(sources: &[PlaneArea<'_, S>], output: PlaneAreaMut<'_, S>) {
    let PlaneAreaMut { samples, stride, columns, rows, picture, .. } = output;
    let noise = picture.min(MOST_NOISE) as i32;
    let falloff = Falloff::of(noise);
    let own_frame = &sources[2];
    let mut own = [[S::narrow(0); PATCHES]; PATCHES];
    let mut region = [[S::narrow(0); REGION]; REGION];
    for (band, top) in rows.clone().step_by(TILE).enumerate() {
        for left in columns.clone().step_by(TILE) {
            read(own_frame, left, top, AROUND, &mut own);
            let mut sums = [[0; TILE]; TILE];
            let mut weights = [[OWN_WEIGHT; TILE]; TILE];
            for row in 0..TILE {
                for column in 0..TILE {
                    sums[row][column] = OWN_WEIGHT * i32::from(own[row + AROUND][column + AROUND].widen());
                }
            }
            if noise > 0 {
                for frame in [0, 1, 3, 4] {
                    read(&sources[frame], left, top, APRON, &mut region);
                    let place = find(&own, &region, noise);
                    add(&own, &region, place, falloff, &mut sums, &mut weights);
                }
            }
            let width = TILE.min(columns.end - left);
            let lines = samples.chunks_mut(stride).skip(band * TILE).take(TILE.min(rows.end - top));
            for ((line, sums), weights) in lines.zip(&sums).zip(&weights) {
                let mut made = [S::narrow(0); TILE];
                for at in 0..TILE {
                    // Exact: no quotient comes as near to a whole number from below as a float is rounded.
                    let mean = (sums[at] + (weights[at] >> 1)) as f32 / weights[at] as f32;
                    made[at] = S::narrow(mean as i32);
                }
                let first = left - columns.start;
                line[first..first + width].copy_from_slice(&made[..width]);
            }
        }
    }
}

/// Reads a tile with what is around it, the plane's edges repeated beyond them.
#[inline(always)]
fn read<S: Sample, const SIDE: usize>(
    frame: &PlaneArea<'_, S>,
    left: usize,
    top: usize,
    around: usize,
    into: &mut [[S; SIDE]; SIDE],
) {
    let (first, last) = (frame.columns.start, frame.columns.end - 1);
    let inside = left >= first + around && left + SIDE - around <= frame.columns.end;
    for (line, row) in into.iter_mut().zip(top as isize - around as isize..) {
        let row = row.clamp(frame.rows.start as isize, frame.rows.end as isize - 1) as usize - frame.rows.start;
        let samples = &frame.samples[row * frame.stride..][..frame.columns.len()];
        if inside {
            line.copy_from_slice(&samples[left - around - first..][..SIDE]);
        } else {
            for (sample, column) in line.iter_mut().zip(left as isize - around as isize..) {
                *sample = samples[column.clamp(first as isize, last as isize) as usize - first];
            }
        }
    }
}

/// Finds where in a region a tile is: column and row of the region.
#[inline(always)]
fn find<S: Sample>(own: &[[S; PATCHES]; PATCHES], region: &[[S; REGION]; REGION], noise: i32) -> [usize; 2] {
    const STILL: usize = APRON;
    let mut tile = [[0; TILE]; TILE];
    for row in 0..TILE {
        for column in 0..TILE {
            tile[row][column] = own[row + AROUND][column + AROUND].widen();
        }
    }
    let still = difference(&tile, region, [STILL; 2]);
    if still <= STILL_COST * noise {
        return [STILL; 2];
    }
    let cells = cells::<_, CELLS>(|row, column| i32::from(tile[row][column]));
    let margin = FINE + AROUND;
    let seen = self::cells::<_, REGION_CELLS>(|row, column| i32::from(region[row + margin][column + margin].widen()));
    let mut best = (i32::MAX, [0, 0]);
    for down in 0..COARSE_STEPS {
        for right in 0..COARSE_STEPS {
            let mut cost = 0;
            for row in 0..CELLS {
                for column in 0..CELLS {
                    cost += (cells[row][column] - seen[row + down][column + right]).abs();
                }
            }
            // Where nothing moves, noise is not to say otherwise.
            if [right, down] != [REACH_CELLS; 2] {
                cost += MOTION_COST * noise;
            }
            if cost < best.0 {
                best = (cost, [right, down]);
            }
        }
    }
    let [right, down] = best.1.map(|step| step * CELL);
    let mut best = (still - MOTION_COST * noise, [STILL; 2]);
    for y in 0..FINE_STEPS {
        for x in 0..FINE_STEPS {
            let place = [AROUND + right + x, AROUND + down + y];
            let cost = difference(&tile, region, place);
            if cost < best.0 {
                best = (cost, place);
            }
        }
    }
    best.1
}

/// Sums up cells of a square of so many.
#[inline(always)]
fn cells<F: Fn(usize, usize) -> i32, const SIDE: usize>(sample: F) -> [[i32; SIDE]; SIDE] {
    let mut cells = [[0; SIDE]; SIDE];
    for (row, cells) in cells.iter_mut().enumerate() {
        for (column, cell) in cells.iter_mut().enumerate() {
            for y in 0..CELL {
                for x in 0..CELL {
                    *cell += sample(CELL * row + y, CELL * column + x);
                }
            }
        }
    }
    cells
}

/// Sums up how a tile differs from a place of a region.
#[inline(always)]
fn difference<S: Sample>(tile: &[[i16; TILE]; TILE], region: &[[S; REGION]; REGION], [left, top]: [usize; 2]) -> i32 {
    let mut sum = 0;
    for (row, own) in tile.iter().enumerate() {
        let Some(other) = region[top + row][left..].first_chunk::<TILE>() else { return i32::MAX };
        let mut of_row = 0_i32;
        for at in 0..TILE {
            of_row += i32::from((own[at] - other[at].widen()).abs());
        }
        sum += of_row;
    }
    sum
}

/// Adds the samples of a place of a region, each as far as what is around it is the same.
#[inline(always)]
fn add<S: Sample>(
    own: &[[S; PATCHES]; PATCHES],
    region: &[[S; REGION]; REGION],
    [left, top]: [usize; 2],
    falloff: Falloff,
    sums: &mut [[i32; TILE]; TILE],
    weights: &mut [[i32; TILE]; TILE],
) {
    let mut squares = [[0_i32; TILE]; PATCHES];
    for row in 0..PATCHES {
        let Some(other) = region[top - AROUND + row][left - AROUND..].first_chunk::<PATCHES>() else { return };
        let mut of_row = [0_i32; PATCHES];
        for at in 0..PATCHES {
            let difference = i32::from(own[row][at].widen() - other[at].widen());
            of_row[at] = difference * difference;
        }
        for at in 0..TILE {
            squares[row][at] = of_row[at] + of_row[at + 1] + of_row[at + 2] + of_row[at + 3] + of_row[at + 4];
        }
    }
    for row in 0..TILE {
        let Some(other) = region[top + row][left..].first_chunk::<TILE>() else { return };
        for at in 0..TILE {
            let sum = squares[row][at]
                + squares[row + 1][at]
                + squares[row + 2][at]
                + squares[row + 3][at]
                + squares[row + 4][at];
            let weight = falloff.weight(sum);
            sums[row][at] += weight * i32::from(other[at].widen());
            weights[row][at] += weight;
        }
    }
}
