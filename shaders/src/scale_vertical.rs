//! Twin of `wgsl/scale_vertical.wgsl`.

use crate::{Conversion, Filter, Sample};

/// `Job` of the kernel; meanings are given there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
#[expect(missing_docs, reason = "described in the kernel")]
pub struct VerticalJob {
    pub first_workgroup: u32,
    pub row_workgroups: u32,
    pub planes: u32,
    pub table: u32,
    pub pairs: u32,
    pub first_row: u32,
    pub middle: u32,
    pub middle_stride: u32,
    pub middle_plane: u32,
    pub output: u32,
    pub output_stride: u32,
    pub output_plane: u32,
    pub output_log2_samples_per_word: u32,
    pub width: u32,
    pub height: u32,
    pub bias: i32,
    pub shift: u32,
    pub limit: i32,
    pub dither: u32,
    pub key_0: u32,
    pub key_1: u32,
    pub nearest: u32,
    pub near: i32,
    pub far: i32,
}

/// The noise that dithers: white, uniform over one unit of the output, the same on every device.
///
/// Uniform noise of one unit is the weakest that leaves no mean error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noise {
    /// What tells it from the noise of other planes and frames.
    pub key: u32,
}

impl Noise {
    /// The noise of one plane of one frame.
    pub fn new(frame: u64, plane: u32) -> Self {
        Self { key: hash(frame as u32 ^ hash((frame >> 32) as u32 ^ hash(plane))) }
    }

    /// Gives what is added along row `y` by column, before `shift` bits are dropped: 0 to 2^shift - 1.
    pub fn row(self, y: u32, shift: u32) -> impl Fn(u32) -> i32 {
        let key = hash(y ^ self.key);
        move |x| (hash(x.wrapping_add(key)) >> (32 - shift)) as i32
    }
}

/// Chris Wellons, hash-prospector: lowbias32.
fn hash(value: u32) -> u32 {
    let mut x = value;
    x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

/// Rows of intermediate samples: row `r` of the picture is row `r % count`.
#[derive(Clone, Copy, Debug)]
pub struct MiddleRows<'a> {
    /// `count` rows.
    pub samples: &'a [i16],
    /// Samples from one row to the next, a multiple of [`MiddleRows::LANES`].
    pub stride: usize,
    /// Number of rows, at least the filter's taps.
    pub count: usize,
}

impl<'a> MiddleRows<'a> {
    /// Columns that are worked on at a time: few enough to stay in the nearest cache.
    pub const LANES: usize = 128;

    /// Row `row` of the picture.
    fn row(self, row: usize) -> &'a [i16] {
        &self.samples[row % self.count * self.stride..][..self.stride]
    }
}

/// Makes row `y` of the output.
///
/// # Panics
/// When `output` is longer than the intermediate rows.
pub fn scale_vertical<S: Sample>(
    middle: MiddleRows<'_>,
    filter: &Filter,
    y: usize,
    conversion: &Conversion,
    noise: Noise,
    output: &mut [S],
) {
    const LANES: usize = MiddleRows::LANES;
    let first = filter.starts()[y] as usize;
    let weights = &filter.row(y)[..2 * filter.pairs()];
    let noise = noise.row(y as u32, conversion.vertical.shift);
    for (chunk, output) in output.chunks_mut(LANES).enumerate() {
        let x = chunk * LANES;
        let mut sums = [0; LANES];
        for (pair, row) in weights.chunks_exact(2).zip((first..).step_by(2)) {
            let rows = [row, row + 1].map(|row| &middle.row(row)[x..x + LANES]);
            add_pair(&mut sums, rows, [pair[0], pair[1]]);
        }
        if let Some((hold, nearest)) = filter.held() {
            let rows: [_; Filter::NEAREST] = std::array::from_fn(|row| &middle.row(nearest[y] as usize + row)[x..]);
            for (lane, sum) in sums.iter_mut().enumerate() {
                *sum = hold.apply(*sum, rows.map(|row| row[lane]));
            }
        }
        sums.iter_mut().for_each(|sum| *sum += conversion.vertical.bias);
        if conversion.dither {
            for (lane, sum) in sums.iter_mut().enumerate() {
                *sum += noise((x + lane) as u32);
            }
        }
        for (output, sum) in output.iter_mut().zip(sums) {
            *output = S::narrow((sum >> conversion.vertical.shift).clamp(0, conversion.limit));
        }
    }
}

/// Adds two rows times their weights.
#[inline(always)]
fn add_pair(sums: &mut [i32], [first, second]: [&[i16]; 2], weights: [i16; 2]) {
    const LANES: usize = Filter::LANES;
    // As vectors of 16 bits, the weights show the compiler that it may multiply numbers of 16 bits.
    let [first_weight, second_weight] = weights.map(|weight| [weight; LANES]);
    let rows = first.as_chunks::<LANES>().0.iter().zip(second.as_chunks::<LANES>().0);
    for (sums, (first, second)) in sums.as_chunks_mut::<LANES>().0.iter_mut().zip(rows) {
        for (lane, sum) in sums.iter_mut().enumerate() {
            *sum += i32::from(first[lane]) * i32::from(first_weight[lane])
                + i32::from(second[lane]) * i32::from(second_weight[lane]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_uniform_and_differs_by_place_plane_and_frame() {
        let field = |noise: Noise| -> Vec<i32> {
            (0..256).flat_map(|y| (0..256).map(noise.row(y, 20)).collect::<Vec<_>>()).collect()
        };
        let base = field(Noise::new(7, 0));
        let mean = base.iter().map(|&value| f64::from(value)).sum::<f64>() / base.len() as f64;
        // The mean of 65,536 draws strays by 2^20 / sqrt(12 * 65536) = 1182; allow four times that.
        assert!((mean - f64::from(1 << 19)).abs() < 4.0 * 1182.0, "mean {mean}");
        for other in [Noise::new(8, 0), Noise::new(7, 1), Noise::new(7 + (1 << 32), 0)] {
            let other = field(other);
            let product = |a: &[i32], b: &[i32]| -> f64 {
                a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - 524_288.0) * (f64::from(b) - 524_288.0)).sum()
            };
            let correlation = product(&base, &other) / product(&base, &base);
            assert!(correlation.abs() < 0.02, "correlation {correlation}");
        }
        let neighbours = base.windows(2).filter(|pair| pair[0] == pair[1]).count();
        assert!(neighbours < 5, "{neighbours} equal neighbours");
    }
}
