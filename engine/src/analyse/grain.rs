//! Models the noise of a film, so that decoders make the like of it.
//!
//! AV1's grain is white noise through an auto-regressive filter, times a strength that follows the picture's brightness. The filter
//! is solved for from the autocovariance of what was taken out (the Yule-Walker equations), the strength from its variance.

use crate::av1::{ChromaGrain, FilmGrain, LumaGrain, ScalingPoint};
use crate::error::{Error, Result};
use crate::frame::{Depth, Frame, Sample};

/// Sides in samples of luma of the blocks whose noise is looked at; of chroma they have half.
const BLOCK: usize = 32;
/// The part of the blocks of a band of brightness that is looked at, the flattest: the denoiser takes some detail of the others.
const FLATTEST: usize = 4;
/// Bands of brightness whose strength is told apart, and how many codes of 8 bits each has.
const BANDS: usize = 8;
const BAND: u8 = 32;
/// Blocks of a band that must have been seen for its strength to be taken for measured.
const ENOUGH_BLOCKS: f64 = 4.0;

/// Samples that the filter reaches to the left, to the right and up.
const LAG: i32 = 3;
const COEFFICIENTS: usize = 24;
/// Columns and rows that two samples are apart at most whose covariance is needed.
const COLUMNS: i32 = 2 * LAG;
const ROWS: i32 = LAG;
const LAGS: usize = ((2 * COLUMNS + 1) * (ROWS + 1)) as usize;
/// White noise added to what was measured, as a part of it, and the factor by which it grows while the filter does not die away:
/// enlarged noise has no fine part, of which exact filters make stripes.
const WHITE: f64 = 0.1;
const MORE_WHITE: f64 = 2.0;

/// Standard deviation of the numbers that decoders begin with, in codes of 8 bits.
const GAUSSIAN: f64 = 32.0;
/// The most that the template may deviate by in codes of 8 bits: beyond 128 it is clipped.
const MOST_TEMPLATE: f64 = 48.0;
/// Deviation of luma in codes of 8 bits from which on there is grain to speak of.
const LEAST: f64 = 0.25;

/// By how much more deviates what was there than what was taken out: the mean of five frames keeps a fifth of the variance, too
/// faint for encoders to keep.
const PUT_BACK: f64 = 1.118;

/// Gathers what was taken out of pictures: from the pictures as they were, and as they are without.
pub(crate) struct GrainModel {
    depth: Depth,
    planes: [Removed; 3],
}

impl GrainModel {
    /// Begins one for pictures of so many bits.
    pub(crate) fn new(depth: Depth) -> Self {
        Self { depth, planes: Default::default() }
    }

    /// Adds a picture, of 4:2:0.
    ///
    /// # Errors
    /// [`Error::Misuse`] when the two are not of one format.
    pub(crate) fn add(&mut self, noisy: &Frame, clean: &Frame) -> Result<()> {
        if noisy.format() != clean.format() || clean.format().depth != self.depth {
            return Err(Error::misuse(format!("grain of {:?} and of {:?}", noisy.format(), clean.format())));
        }
        match self.depth {
            Depth::Eight => self.add_of::<u8>(noisy, clean),
            Depth::Ten | Depth::Twelve => self.add_of::<u16>(noisy, clean),
        }
        Ok(())
    }

    fn add_of<S: Sample>(&mut self, noisy: &Frame, clean: &Frame) {
        let blocks = flat_blocks::<S>(clean);
        for (plane, removed) in self.planes.iter_mut().enumerate() {
            let side = if plane == 0 { BLOCK } else { BLOCK / 2 };
            let (width, height) = (clean.layout(plane).width as usize, clean.layout(plane).height as usize);
            let [(noisy, stride), (clean, _)] = [noisy, clean].map(|frame| frame.plane::<S>(plane));
            let mut apart = vec![0.0_f32; width * height];
            for ((apart, noisy), clean) in apart.chunks_mut(width).zip(noisy.chunks(stride)).zip(clean.chunks(stride)) {
                for ((apart, &noisy), &clean) in apart.iter_mut().zip(noisy).zip(clean) {
                    let [noisy, clean]: [i32; 2] = [noisy.into(), clean.into()];
                    *apart = (noisy - clean) as f32;
                }
            }
            let code = f64::from(1_u32 << (self.depth.bits() - 8));
            blocks
                .iter()
                .for_each(|block| removed.add(&apart, width, block.place.map(|at| at * side), side, block.band, code));
        }
    }

    /// Gives the grain of the pictures, for renditions of the full or of the restricted range; none where next to nothing was taken
    /// out of them.
    pub(crate) fn finish(self, full_range: bool) -> Option<FilmGrain> {
        let [luma, cb, cr] = self.planes.map(|removed| removed.fit());
        let luma = luma.filter(|luma| luma.strongest() >= LEAST)?;
        // With chroma at half resolution AV1 has grain in both of its planes or in neither.
        let chroma = cb.zip(cr);
        let all: Vec<_> = std::iter::once(&luma).chain(chroma.iter().flat_map(|(cb, cr)| [cb, cr])).collect();
        let most = |of: fn(&Fit) -> f64| all.iter().map(|fit| of(fit)).fold(0.0, f64::max);
        let ar_coeff_shift =
            (6..9).rev().find(|shift| most(Fit::largest) * f64::from(1 << shift) <= 127.0).unwrap_or(6);
        let grain_scale_shift =
            (0..3).find(|shift| GAUSSIAN * most(|fit| fit.gain) <= MOST_TEMPLATE * f64::from(1 << shift)).unwrap_or(3);
        let unscaled = f64::from(1_u32 << grain_scale_shift) / GAUSSIAN;
        let strongest = most(|fit| fit.strongest() / fit.gain) * unscaled;
        let scaling_shift = (8..11).rev().find(|shift| strongest * f64::from(1 << shift) <= 255.0).unwrap_or(8);
        let points = |fit: &Fit| {
            let scale = unscaled / fit.gain * f64::from(1 << scaling_shift);
            let point = |(band, deviation): (u8, &f64)| ScalingPoint {
                value: BAND / 2 + BAND * band,
                scaling: whole(deviation * scale).clamp(0, 255) as u8,
            };
            (0..).zip(&fit.deviations).map(point).collect::<Vec<_>>()
        };
        let coefficients = |fit: &Fit| -> Vec<_> {
            let parts = f64::from(1 << ar_coeff_shift);
            fit.coefficients.iter().map(|coefficient| whole(coefficient * parts).clamp(-128, 127) as i8).collect()
        };
        // The scaling of chroma follows luma alone: 0 times chroma, 64 / 64 of luma, plus 0. Grain of luma has no part in it.
        let plane = |fit: Option<&Fit>| ChromaGrain {
            points: fit.map(points).unwrap_or_default(),
            ar_coeffs: fit.map(|fit| coefficients(fit).into_iter().chain([0]).collect()).unwrap_or_default(),
            mult: 128,
            luma_mult: 192,
            offset: 256,
        };
        Some(FilmGrain {
            scaling_shift,
            ar_coeff_lag: LAG as u8,
            ar_coeff_shift,
            grain_scale_shift,
            overlap: true,
            clip_to_restricted_range: !full_range,
            chroma_scaling_from_luma: false,
            luma: LumaGrain { points: points(&luma), ar_coeffs: coefficients(&luma) },
            cb: plane(chroma.as_ref().map(|(cb, _)| cb)),
            cr: plane(chroma.as_ref().map(|(_, cr)| cr)),
        })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "small numbers")]
fn whole(value: f64) -> i32 {
    value.round() as i32
}

struct Block {
    /// Column and row among blocks.
    place: [usize; 2],
    band: usize,
}

/// Chooses the flattest blocks of each band of brightness, none of them at an edge.
fn flat_blocks<S: Sample>(clean: &Frame) -> Vec<Block> {
    let layout = clean.layout(0);
    let (samples, stride) = clean.plane::<S>(0);
    let [columns, rows] = [layout.width as usize / BLOCK, layout.height as usize / BLOCK];
    let places =
        (1..rows.saturating_sub(1)).flat_map(|row| (1..columns.saturating_sub(1)).map(move |column| [column, row]));
    let shift = clean.format().depth.bits() - 8;
    let mut bands: [Vec<(i32, [usize; 2])>; BANDS] = Default::default();
    for place in places {
        let [left, top] = place.map(|at| at * BLOCK);
        let (mut sum, mut activity) = (0, 0);
        for y in top..top + BLOCK {
            let [row, below] = [y, y + 1].map(|y| &samples[y * stride + left..][..=BLOCK]);
            for x in 0..BLOCK {
                let [own, right, below]: [i32; 3] = [row[x].into(), row[x + 1].into(), below[x].into()];
                sum += own;
                activity += (own - right).abs() + (own - below).abs();
            }
        }
        let mean = (sum / (BLOCK * BLOCK) as i32) >> shift;
        bands[mean as usize / usize::from(BAND)].push((activity, place));
    }
    let mut chosen = Vec::new();
    for (band, mut blocks) in bands.into_iter().enumerate() {
        blocks.sort_unstable();
        let count = blocks.len().div_ceil(FLATTEST);
        chosen.extend(blocks.into_iter().take(count).map(|(_, place)| Block { place, band }));
    }
    chosen
}

/// Gathers what was taken out of a plane, block by block.
struct Removed {
    /// Mean products of samples of a block that lie so far apart, in codes of 8 bits, summed over blocks: see [`lag`].
    products: [f64; LAGS],
    /// The same of squares, and the number of blocks, for each band of brightness.
    bands: [(f64, f64); BANDS],
}

impl Default for Removed {
    fn default() -> Self {
        Self { products: [0.0; LAGS], bands: [(0.0, 0.0); BANDS] }
    }
}

impl Removed {
    fn add(&mut self, apart: &[f32], stride: usize, [left, top]: [usize; 2], side: usize, band: usize, code: f64) {
        for down in 0..=ROWS {
            for across in -COLUMNS..=COLUMNS {
                let mut sum = 0.0;
                for y in top..top + side {
                    let own = &apart[y * stride + left..][..side];
                    let first = ((y + down as usize) * stride + left).wrapping_add_signed(across as isize);
                    let other = &apart[first..][..side];
                    sum += own.iter().zip(other).map(|(own, other)| own * other).sum::<f32>();
                }
                let mean = f64::from(sum) / (code * code * (side * side) as f64);
                self.products[lag(across, down)] += mean;
                if (across, down) == (0, 0) {
                    let (squares, blocks) = &mut self.bands[band];
                    *squares += mean;
                    *blocks += 1.0;
                }
            }
        }
    }

    /// Solves for the filter; none where there is no noise.
    fn fit(&self) -> Option<Fit> {
        let variance = self.products[lag(0, 0)];
        if variance <= 0.0 {
            return None;
        }
        let covariance = |across: i32, down: i32| {
            let [across, down] = if down < 0 { [-across, -down] } else { [across, down] };
            self.products[lag(across, down)] / variance
        };
        let offsets = offsets();
        let mut white = WHITE;
        let (coefficients, gain) = loop {
            let mut equations = [[0.0; COEFFICIENTS + 1]; COEFFICIENTS];
            for (row, one) in equations.iter_mut().zip(&offsets) {
                for (cell, other) in row.iter_mut().zip(&offsets) {
                    *cell = covariance(one[0] - other[0], one[1] - other[1]) + if one == other { white } else { 0.0 };
                }
                row[COEFFICIENTS] = covariance(one[0], one[1]);
            }
            let coefficients = solve(equations);
            if let Some(gain) = gain(&coefficients) {
                break (coefficients, gain);
            }
            white *= MORE_WHITE;
        };
        let measured =
            self.bands.map(|(squares, blocks)| (blocks >= ENOUGH_BLOCKS).then(|| PUT_BACK * (squares / blocks).sqrt()));
        let nearest = |band: usize| {
            let near = (0..BANDS).filter(|other| measured[*other].is_some()).min_by_key(|other| other.abs_diff(band));
            near.and_then(|near| measured[near])
        };
        let deviations: Vec<_> = (0..BANDS).filter_map(nearest).collect();
        Some(Fit { coefficients, gain, deviations: deviations.try_into().ok()? })
    }
}

/// Place of a pair's sum: so many columns across, -6 to 6, and rows down, 0 to 3.
const fn lag(across: i32, down: i32) -> usize {
    (down * (2 * COLUMNS + 1) + across + COLUMNS) as usize
}

/// Columns and rows from a sample to those that the filter takes, in the order of AV1.
fn offsets() -> [[i32; 2]; COEFFICIENTS] {
    std::array::from_fn(|number| {
        let place = number as i32;
        [place % (2 * LAG + 1) - LAG, place / (2 * LAG + 1) - LAG]
    })
}

/// Solves linear equations, by elimination; the last column is what they are equal to. What they do not tell is 0.
fn solve<const N: usize, const M: usize>(mut rows: [[f64; M]; N]) -> [f64; N] {
    for column in 0..N {
        let largest = (column..N).max_by(|&one, &other| rows[one][column].abs().total_cmp(&rows[other][column].abs()));
        rows.swap(column, largest.unwrap_or(column));
        let pivot = rows[column];
        if pivot[column].abs() < 1e-12 {
            continue;
        }
        for (_, row) in rows.iter_mut().enumerate().filter(|(number, _)| *number != column) {
            let factor = row[column] / pivot[column];
            row.iter_mut().zip(&pivot).for_each(|(cell, pivot)| *cell -= factor * pivot);
        }
    }
    std::array::from_fn(|number| {
        let pivot = rows[number][number];
        if pivot.abs() < 1e-12 { 0.0 } else { rows[number][M - 1] / pivot }
    })
}

/// By how much the filter makes white noise deviate more: the root of the sum of squares of what it makes of a single sample. None
/// where that does not die away within the size of the template, 73 rows.
fn gain(coefficients: &[f64; COEFFICIENTS]) -> Option<f64> {
    const HEIGHT: usize = 48;
    const WIDTH: usize = 4 * HEIGHT;
    let margin = LAG as usize;
    let mut response = vec![[0.0; WIDTH]; HEIGHT + margin];
    let offsets = offsets();
    for y in margin..HEIGHT + margin {
        for x in margin..WIDTH - margin {
            let taken = offsets.iter().zip(coefficients).map(|([across, down], coefficient)| {
                coefficient * response[y.wrapping_add_signed(*down as isize)][x.wrapping_add_signed(*across as isize)]
            });
            let own = if (x, y) == (WIDTH / 2, margin) { 1.0 } else { 0.0 };
            response[y][x] = own + taken.sum::<f64>();
        }
    }
    let energy = |rows: &[[f64; WIDTH]]| rows.iter().flatten().map(|value| value * value).sum::<f64>();
    let (all, late) = (energy(&response), energy(&response[HEIGHT / 2..]));
    (all.is_finite() && late < 1e-3 * all).then(|| all.sqrt())
}

/// The grain of a plane.
struct Fit {
    /// Of the filter.
    coefficients: [f64; COEFFICIENTS],
    /// By how much it makes noise deviate more.
    gain: f64,
    /// Standard deviation in each band of brightness, in codes of 8 bits.
    deviations: [f64; BANDS],
}

impl Fit {
    fn largest(&self) -> f64 {
        self.coefficients.iter().fold(0.0, |most, coefficient| coefficient.abs().max(most))
    }

    fn strongest(&self) -> f64 {
        self.deviations.iter().copied().fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{FrameFormat, Subsampling};

    const FORMAT: FrameFormat =
        FrameFormat { width: 320, height: 256, depth: Depth::Ten, subsampling: Subsampling::CS420 };

    /// A plain picture, darker in its upper half, and the same with noise of a deviation in codes of 8 bits, twice that in the lower
    /// half: white, or the mean of `side` by `side` white samples.
    fn pair(side: usize, deviation: f64, seed: u32) -> [Frame; 2] {
        let [mut noisy, mut clean] = [Frame::new(FORMAT), Frame::new(FORMAT)];
        let mut state = seed;
        let mut uniform = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / f64::from(1_u32 << 24) - 0.5
        };
        for plane in 0..3 {
            let (width, height) = (clean.layout(plane).width as usize, clean.layout(plane).height as usize);
            let (across, down) = (width + side, height + side);
            let white: Vec<f64> = (0..across * down).map(|_| (0..12).map(|_| uniform()).sum()).collect();
            for y in 0..height {
                for x in 0..width {
                    let around = (0..side * side).map(|at| white[(y + at / side) * across + x + at % side]);
                    let noise = 4.0 * deviation * around.sum::<f64>() / side as f64;
                    let lower = y >= height / 2;
                    let base = if lower { 600 } else { 200 };
                    let noise = if lower { 2.0 * noise } else { noise };
                    for (frame, value) in [(&mut noisy, base + whole(noise)), (&mut clean, base)] {
                        let (samples, stride) = frame.plane_mut::<u16>(plane);
                        samples[y * stride + x] = value as u16;
                    }
                }
            }
        }
        [noisy, clean]
    }

    fn model(side: usize, deviation: f64) -> Option<FilmGrain> {
        let mut model = GrainModel::new(Depth::Ten);
        for seed in 0..3 {
            let [noisy, clean] = pair(side, deviation, seed);
            model.add(&noisy, &clean).unwrap();
        }
        model.finish(false)
    }

    #[test]
    fn strength_and_coarseness_of_the_grain_are_those_of_the_noise() {
        for side in [1, 2, 4] {
            let grain = model(side, 2.0).unwrap();
            grain.check().unwrap();
            let parts = f64::from(1 << grain.ar_coeff_shift);
            let coefficients: Vec<_> = grain.luma.ar_coeffs.iter().map(|it| f64::from(*it) / parts).collect();
            let gain = gain(&coefficients.try_into().unwrap()).unwrap();
            let deviation = |value: usize| {
                let scaling = f64::from(grain.luma.points[value / 32].scaling) / f64::from(1 << grain.scaling_shift);
                scaling * gain * GAUSSIAN / f64::from(1 << grain.grain_scale_shift)
            };
            for (value, expected) in [(50, 2.0), (150, 4.0), (250, 4.0)] {
                let found = deviation(value) / PUT_BACK;
                assert!((found / expected - 1.0).abs() < 0.1, "{side}: {found} at {value}");
            }
            assert!(side > 1 || gain < 1.02, "{gain}");
            assert!(side == 1 || gain > 1.2, "{gain}");
            assert_eq!((grain.cb.points.len(), grain.cr.ar_coeffs.len()), (8, 25));
        }
    }

    #[test]
    fn where_nothing_was_taken_out_there_is_no_grain() {
        assert_eq!(model(1, 0.0), None);
    }

    #[test]
    fn equations_are_solved() {
        assert_eq!(solve([[0.0, 2.0, 6.0], [4.0, 1.0, 11.0]]), [2.0, 3.0]);
    }
}
