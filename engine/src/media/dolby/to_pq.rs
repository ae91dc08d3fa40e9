//! From reshaped samples of Dolby Vision to BT.2020 in PQ.
//!
//! As `pl_shader_decode_color` of libplacebo does for `PL_COLOR_SYSTEM_DOLBYVISION`, which outputs LMS by the primaries of
//! BT.2020 after Hunt, Pointer and Estevez; the rest is BT.2100. Samples of all 2^n codes of n bits stand for 0 to 1, and
//! the offsets of the metadata are parts of 2^n.
//!
//! Both curves are tables with straight lines between their values. Numbers are of 32 bits and are added and multiplied
//! alone, which every machine does alike.

use super::metadata::{BASE_BITS, Signal};
use crate::light::{Matrix, PQ_MAX, Triple, apply, multiply, nits_of_pq, pq_of_nits};
use std::array::from_fn;

/// Bits of what is made: those of the picture that a base layer was made from (`vdr_bit_depth`).
pub(super) const MADE_BITS: u32 = 12;

/// Samples that are worked on at a time.
pub(super) const LANES: usize = 32;

/// Samples of the three components side by side.
pub(super) type Lanes = [[f32; LANES]; 3];

/// From LMS, after Hunt, Pointer and Estevez and without crosstalk, to linear R, G, B of BT.2020: libplacebo's
/// `dovi_lms2rgb`.
const BT2020_OF_LMS: Matrix = [
    [3.064_418_79, -2.165_976_76, 0.101_558_18],
    [-0.656_121_08, 1.785_541_18, -0.129_437_49],
    [0.017_363_21, -0.047_251_54, 1.030_042_53],
];

/// Luma of BT.2100, table 6.
const LUMA: [f32; 3] = [0.2627, 0.6780, 0.0593];

/// Lines of the curve from PQ to light, of which the relative error is less than 2e-6.
const LIGHT_LINES: usize = 4096;

/// Octaves of light, from [`PQ_MAX`] down, that the curve to PQ is told of: what lies below is a tenth of a code of 10 bits.
const OCTAVES: u32 = 34;

/// Bits by which lines divide an octave. PQ is off by less than 4e-6.
const OCTAVE_BITS: u32 = 6;

/// Bits of an `f32` below those that tell a line.
const REST_BITS: u32 = f32::MANTISSA_DIGITS - 1 - OCTAVE_BITS;

/// A line of a curve: where it begins, and how far it rises.
type Line = [f32; 2];

/// Converts reshaped samples.
#[derive(Debug)]
pub(super) struct ToPq {
    /// From samples to places among the lines from PQ to light.
    matrix: [[f32; 3]; 3],
    offset: [f32; 3],
    /// To light of which 1 is [`PQ_MAX`].
    light: Box<[Line]>,
    to_rgb: [[f32; 3]; 3],
    pq: Box<[Line]>,
}

impl ToPq {
    pub(super) fn new(signal: &Signal) -> Self {
        let narrow = |matrix: Matrix| matrix.map(|row| row.map(|part| part as f32));
        let (matrix, offset) = to_light(signal);
        let lines = LIGHT_LINES as f64;
        let light = |at: usize| nits_of_pq(at as f64 / lines) / PQ_MAX;
        let pq = |at: usize| {
            let start = f32::from_bits(least_light().to_bits() + ((at as u32) << REST_BITS));
            pq_of_nits(f64::from(start) * PQ_MAX)
        };
        Self {
            matrix: narrow(matrix.map(|row| row.map(|part| part * lines))),
            offset: offset.map(|part| (part * lines) as f32),
            light: (0..LIGHT_LINES).map(|at| line(light(at), light(at + 1))).collect(),
            to_rgb: narrow(multiply(&BT2020_OF_LMS, &signal.to_lms)),
            pq: (0..(OCTAVES << OCTAVE_BITS) as usize).map(|at| line(pq(at), pq(at + 1))).collect(),
        }
    }

    /// Computes R', G' and B' of BT.2020, 0 to 1.
    #[inline(always)]
    fn rgb(&self, samples: &Lanes) -> Lanes {
        let mut light = product(&self.matrix, samples);
        for (row, offset) in light.iter_mut().zip(self.offset) {
            for value in row {
                let place = (*value + offset).max(0.0);
                let at = (place as usize).min(LIGHT_LINES - 1);
                let [begin, rise] = self.light[at];
                *value = begin + rise * (place - at as f32).min(1.0);
            }
        }
        let mut rgb = product(&self.to_rgb, &light);
        let least = least_light();
        for value in rgb.as_flattened_mut() {
            let bits = value.max(least).to_bits() - least.to_bits();
            let at = (bits >> REST_BITS) as usize;
            *value = match self.pq.get(at) {
                Some([begin, rise]) => {
                    begin + rise * ((bits & ((1 << REST_BITS) - 1)) as f32 / (1 << REST_BITS) as f32)
                }
                None => 1.0,
            };
        }
        rgb
    }

    /// Makes codes of luma.
    pub(super) fn luma(&self, samples: &Lanes, output: &mut [u16]) {
        let [r, g, b] = &self.rgb(samples);
        for (lane, output) in output.iter_mut().enumerate().take(LANES) {
            *output = code(16.0, 219.0 * luma([r[lane], g[lane], b[lane]]));
        }
    }

    /// Makes codes of the two kinds of chroma.
    pub(super) fn chroma(&self, samples: &Lanes, [cb, cr]: [&mut [u16]; 2]) {
        let [r, g, b] = &self.rgb(samples);
        for (lane, (cb, cr)) in cb.iter_mut().zip(cr).enumerate().take(LANES) {
            let y = luma([r[lane], g[lane], b[lane]]);
            // BT.2100, table 6.
            *cb = code(128.0, 224.0 / 1.8814 * (b[lane] - y));
            *cr = code(128.0, 224.0 / 1.4746 * (r[lane] - y));
        }
    }
}

/// The matrix and the column to add that take reshaped samples, 0 to 1, to PQ of three kinds of light.
fn to_light(signal: &Signal) -> (Matrix, Triple) {
    let codes = f64::from(1u32 << BASE_BITS);
    let offset = apply(&signal.matrix, signal.offset.map(|offset| offset * codes / (codes - 1.0)));
    (signal.matrix, offset.map(|offset| -offset))
}

/// Where the lines of the curve to PQ begin.
fn least_light() -> f32 {
    1.0 / (1u64 << OCTAVES) as f32
}

fn line(begin: f64, end: f64) -> Line {
    [begin as f32, (end - begin) as f32]
}

#[inline(always)]
fn product(matrix: &[[f32; 3]; 3], column: &Lanes) -> Lanes {
    matrix.map(|row| from_fn(|lane| row[0] * column[0][lane] + row[1] * column[1][lane] + row[2] * column[2][lane]))
}

#[inline(always)]
fn luma(rgb: [f32; 3]) -> f32 {
    LUMA[0] * rgb[0] + LUMA[1] * rgb[1] + LUMA[2] * rgb[2]
}

/// The code of a number of codes of 8 bits above that of nothing.
#[inline(always)]
fn code(nothing: f32, above: f32) -> u16 {
    const UNIT: f32 = (1u32 << (MADE_BITS - 8)) as f32;
    ((nothing + above) * UNIT + 0.5) as u16
}

#[cfg(test)]
mod tests {
    use super::super::metadata::tests::profile_5;
    use super::*;
    use crate::light::invert;

    /// Y', Cb and Cr.
    fn made(to_pq: &ToPq, sample: Triple) -> Triple {
        let samples = sample.map(|value| [value as f32; LANES]);
        let [mut y, mut cb, mut cr] = [[0; 3]; 3];
        to_pq.luma(&samples, &mut y);
        to_pq.chroma(&samples, [&mut cb, &mut cr]);
        [y, cb, cr].map(|codes| f64::from(codes[2]))
    }

    /// By f64, and by the formulas themselves.
    fn exact(signal: &Signal, sample: Triple) -> Triple {
        let centred = from_fn(|at| sample[at] - signal.offset[at] * 1024.0 / 1023.0);
        let lms = apply(&signal.to_lms, apply(&signal.matrix, centred).map(nits_of_pq));
        let [r, g, b] = apply(&BT2020_OF_LMS, lms).map(pq_of_nits);
        let y = 0.2627 * r + 0.6780 * g + 0.0593 * b;
        [256.0 + 3504.0 * y, 2048.0 + 3584.0 * (b - y) / 1.8814, 2048.0 + 3584.0 * (r - y) / 1.4746]
    }

    #[test]
    fn codes_are_those_of_the_formulas() {
        let signal = profile_5().signal;
        let to_pq = ToPq::new(&signal);
        let to_rgb = multiply(&BT2020_OF_LMS, &signal.to_lms);
        let mut seed = 5u64;
        let mut random = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as f64 / (1u64 << 31) as f64
        };
        let mut off: Vec<f64> = Vec::new();
        for _ in 0..50_000 {
            // Colours within BT.2020, evenly by PQ of its channels up to 4000 cd/m2.
            let rgb = [0; 3].map(|_| nits_of_pq(0.9 * random()));
            let light = apply(&invert(&to_rgb), rgb).map(pq_of_nits);
            let centred = apply(&invert(&signal.matrix), light);
            let sample = from_fn(|at| centred[at] + signal.offset[at] * 1024.0 / 1023.0);
            off.extend(
                made(&to_pq, sample).iter().zip(exact(&signal, sample)).map(|(made, exact)| (made - exact).abs()),
            );
        }
        off.sort_by(f64::total_cmp);
        let mean = off.iter().sum::<f64>() / off.len() as f64;
        // Rounding alone is a quarter in the mean, and a half at most. More is where one channel is next to no light beside
        // another that is very bright.
        let most_are_within = off[off.len() * 99 / 100];
        assert!(mean < 0.3 && most_are_within < 2.0, "mean {mean}, 99 % {most_are_within}");
        // Whatever the samples are, codes are such as interfaces have.
        for _ in 0..10_000 {
            let codes = made(&to_pq, [0; 3].map(|_| 8.0 * random() - 4.0));
            assert!((256.0..=3760.0).contains(&codes[0]), "{codes:?}");
            assert!(codes[1..].iter().all(|code| (256.0..=3840.0).contains(code)), "{codes:?}");
        }
    }

    #[test]
    fn grey_is_grey_of_the_same_light() {
        let to_pq = ToPq::new(&profile_5().signal);
        // Chroma of no colour is half of 2^10 codes, of which the largest stands for 1.
        let grey = 512.0 / 1023.0;
        for value in 1..=100 {
            let value = f64::from(value) / 100.0;
            let [y, cb, cr] = made(&to_pq, [value, grey, grey]);
            assert!((y - (256.0 + 3504.0 * value)).abs() <= 0.6, "{value}: {y}");
            assert_eq!([cb, cr], [2048.0; 2], "{value}");
        }
    }
}
