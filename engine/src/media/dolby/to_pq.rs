//! From reshaped samples of Dolby Vision to BT.2020 in PQ.
//!
//! As `pl_shader_decode_color` of libplacebo does for `PL_COLOR_SYSTEM_DOLBYVISION`, which outputs LMS by the primaries of
//! BT.2020 after Hunt, Pointer and Estevez; the rest is BT.2100. Samples of all 2^n codes of n bits stand for 0 to 1, and
//! the offsets of the metadata are parts of 2^n.
//!
//! Both curves are tables. Numbers are of 32 bits and are added and multiplied alone, which every machine does alike.

use super::lanes::{LANES, Lanes};
use super::metadata::{BASE_BITS, Signal};
use crate::light::{Matrix, PQ_MAX, apply, multiply, nits_of_pq, pq_of_nits};
use std::sync::LazyLock;

/// Bits of what is made: those of the picture that a base layer was made from (`vdr_bit_depth`).
pub(super) const MADE_BITS: u32 = 12;

/// From LMS, after Hunt, Pointer and Estevez and without crosstalk, to linear R, G, B of BT.2020: libplacebo's
/// `dovi_lms2rgb`.
const BT2020_OF_LMS: Matrix = [
    [3.064_418_79, -2.165_976_76, 0.101_558_18],
    [-0.656_121_08, 1.785_541_18, -0.129_437_49],
    [0.017_363_21, -0.047_251_54, 1.030_042_53],
];

/// Luma of BT.2100, table 6.
const LUMA: [f32; 3] = [0.2627, 0.6780, 0.0593];

/// Places of a table.
const PLACES: usize = 1 << 14;

/// Octaves of light, from [`PQ_MAX`] down, that the table to PQ is told of: what lies below is less than a code of 12 bits.
const OCTAVES: u32 = 32;

/// Bits of a number below those that tell its place in that table, of which an octave has 512: they are no more than 0.6 codes of
/// 12 bits apart.
const REST_BITS: u32 = MANTISSA_BITS - (PLACES as u32 / OCTAVES).ilog2();

/// Bits that a number has behind its exponent.
const MANTISSA_BITS: u32 = f32::MANTISSA_DIGITS - 1;

/// The least and the most light that are told apart by that table, as bits.
const LEAST: u32 = (127 - OCTAVES) << MANTISSA_BITS;
const MOST: u32 = LEAST + ((PLACES as u32 - 1) << REST_BITS);

/// Lowest bits of a word of the table from PQ, which tell how steep the curve is.
const SLOPE: u32 = (1 << 9) - 1;

/// What a slope is told in: light rises by so much of itself from a place to the next. Below 1/85 the curve is steeper than can be
/// told, where that is less than a tenth of a code.
const SLOPE_UNIT: f32 = 1.0 / (1u32 << 17) as f32;

/// How far the bits of light, less [`LEAST`], are shifted up in such a word, for those of all octaves to fill it.
const SHIFT: u32 = 32 - MANTISSA_BITS - OCTAVES.ilog2();

/// Added to a number from 0 to 2^22, it leaves the nearest whole one in the lowest bits.
const WHOLE: f32 = (1u32 << MANTISSA_BITS) as f32;

/// The curves of PQ, of light of which 1 is [`PQ_MAX`].
#[derive(Debug)]
struct Curves {
    /// Light by PQ, evenly from 0 to 1: above the [`SLOPE`], its 23 highest bits, of 28 less [`LEAST`].
    light: Box<[u32; PLACES]>,
    /// PQ by the bits of light, from [`LEAST`] on.
    pq: Box<[f32; PLACES]>,
}

static CURVES: LazyLock<Curves> = LazyLock::new(|| {
    let mut light = Box::new([0; PLACES]);
    for (at, word) in light.iter_mut().enumerate().skip(1) {
        let light = |halves: usize| nits_of_pq(halves as f64 / (2 * (PLACES - 1)) as f64) / PQ_MAX;
        let (here, rise) = (light(2 * at), light(2 * at + 1) - light(2 * at - 1));
        let slope = (rise / here / f64::from(SLOPE_UNIT)).round().min(SLOPE.into()) as u32;
        let bits = (here as f32).to_bits().saturating_sub(LEAST).min((1 << (32 - SHIFT)) - 1) << SHIFT;
        // Rounded to what is above the slope.
        *word = (bits.saturating_add(SLOPE.div_ceil(2)) & !SLOPE) | slope;
    }
    let mut pq = Box::new([0.0; PLACES]);
    for (at, pq) in pq.iter_mut().enumerate().skip(1) {
        *pq = pq_of_nits(PQ_MAX * f64::from(f32::from_bits(LEAST + ((at as u32) << REST_BITS)))) as f32;
    }
    Curves { light, pq }
});

/// Converts reshaped samples.
#[derive(Debug)]
pub(super) struct ToPq {
    signal: Signal,
    /// From samples to places in [`Curves::light`].
    matrix: [[f32; 3]; 3],
    offset: [f32; 3],
    to_rgb: [[f32; 3]; 3],
    curves: &'static Curves,
}

impl ToPq {
    pub(super) fn new(signal: &Signal) -> Self {
        let narrow = |matrix: &Matrix| matrix.map(|row| row.map(|part| part as f32));
        let (places, codes) = ((PLACES - 1) as f64, f64::from(1u32 << BASE_BITS));
        let offset = apply(&signal.matrix, signal.offset.map(|offset| offset * codes / (codes - 1.0)));
        Self {
            signal: *signal,
            matrix: narrow(&signal.matrix.map(|row| row.map(|part| part * places))),
            offset: offset.map(|offset| (-offset * places) as f32),
            to_rgb: narrow(&multiply(&BT2020_OF_LMS, &signal.to_lms)),
            curves: &CURVES,
        }
    }

    /// Converts samples of this meaning from now on.
    pub(super) fn follow(&mut self, signal: &Signal) {
        if self.signal != *signal {
            *self = Self::new(signal);
        }
    }

    /// Computes R', G' and B' of BT.2020, 0 to 1.
    #[inline(always)]
    fn rgb(&self, samples: &Lanes) -> Lanes {
        let mut light = product(&self.matrix, self.offset, samples);
        for row in &mut light {
            let (mut places, mut rests) = ([0; LANES], [0.0; LANES]);
            for ((at, rest), value) in places.iter_mut().zip(&mut rests).zip(&*row) {
                let place = within(*value, 0.0, (PLACES - 1) as f32);
                let nearest = place + WHOLE;
                (*at, *rest) = (nearest.to_bits(), (place - (nearest - WHOLE)) * SLOPE_UNIT);
            }
            let mut found = [0; LANES];
            look_up(&self.curves.light, &places, &mut found);
            for ((value, word), rest) in row.iter_mut().zip(&found).zip(&rests) {
                let light = f32::from_bits(((word & !SLOPE) >> SHIFT) + LEAST);
                *value = light + light * ((word & SLOPE) as f32 * rest);
            }
        }
        let mut rgb = product(&self.to_rgb, [0.0; 3], &light);
        let (least, most) = (f32::from_bits(LEAST), f32::from_bits(MOST));
        for row in &mut rgb {
            let mut places = [0; LANES];
            for (place, value) in places.iter_mut().zip(&*row) {
                let bits = within(*value, least, most).to_bits();
                *place = bits.wrapping_sub(LEAST).wrapping_add(1 << (REST_BITS - 1)) >> REST_BITS;
            }
            look_up(&self.curves.pq, &places, row);
        }
        rgb
    }

    /// Makes codes of luma.
    #[inline(always)]
    pub(super) fn luma(&self, samples: &Lanes, output: &mut [u16; LANES]) {
        let [r, g, b] = &self.rgb(samples);
        for (lane, output) in output.iter_mut().enumerate() {
            *output = code(16.0, 219.0, luma(r[lane], g[lane], b[lane]));
        }
    }

    /// Makes codes of the two kinds of chroma.
    #[inline(always)]
    pub(super) fn chroma(&self, samples: &Lanes, [cb, cr]: &mut [[u16; LANES]; 2]) {
        let [r, g, b] = &self.rgb(samples);
        for lane in 0..LANES {
            let y = luma(r[lane], g[lane], b[lane]);
            // BT.2100, table 6.
            cb[lane] = code(128.0, 224.0 / 1.8814, b[lane] - y);
            cr[lane] = code(128.0, 224.0 / 1.4746, r[lane] - y);
        }
    }
}

/// Looks places up, of which the bits above those that a table has do not count.
#[inline(always)]
fn look_up<T: Copy>(table: &[T; PLACES], places: &[u32; LANES], found: &mut [T; LANES]) {
    for (found, place) in found.iter_mut().zip(places) {
        *found = table[*place as usize % PLACES];
    }
}

#[inline(always)]
fn within(value: f32, least: f32, most: f32) -> f32 {
    let value = if value > least { value } else { least };
    if value < most { value } else { most }
}

#[inline(always)]
fn product(matrix: &[[f32; 3]; 3], offset: [f32; 3], column: &Lanes) -> Lanes {
    let mut made = [[0.0; LANES]; 3];
    for ((made, row), offset) in made.iter_mut().zip(matrix).zip(offset) {
        for lane in 0..LANES {
            made[lane] = row[0] * column[0][lane] + row[1] * column[1][lane] + row[2] * column[2][lane] + offset;
        }
    }
    made
}

#[inline(always)]
fn luma(r: f32, g: f32, b: f32) -> f32 {
    LUMA[0] * r + LUMA[1] * g + LUMA[2] * b
}

/// The code of a value, of which that of nothing and how many there are to one is told for 8 bits.
#[inline(always)]
fn code(nothing: f32, scale: f32, value: f32) -> u16 {
    const UNIT: f32 = (1u32 << (MADE_BITS - 8)) as f32;
    (nothing * UNIT + scale * UNIT * value + WHOLE).to_bits() as u16
}

#[cfg(test)]
mod tests {
    use super::super::metadata::tests::profile_5;
    use super::*;
    use crate::light::{Triple, invert};
    use std::array::from_fn;

    /// Y', Cb and Cr.
    fn made(to_pq: &ToPq, sample: Triple) -> Triple {
        let samples = sample.map(|value| [value as f32; LANES]);
        let (mut y, mut chroma) = ([0; LANES], [[0; LANES]; 2]);
        to_pq.luma(&samples, &mut y);
        to_pq.chroma(&samples, &mut chroma);
        [y, chroma[0], chroma[1]].map(|codes| f64::from(codes[2]))
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
        // Rounding alone is a quarter in the mean, and a half at most. More, up to a code of 10 bits but for one in a hundred, is
        // where one channel is next to no light beside another that is very bright.
        let most_are_within = off[off.len() * 99 / 100];
        assert!(mean < 0.4 && most_are_within < 4.0, "mean {mean}, 99 % {most_are_within}");
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
            assert!((y - (256.0 + 3504.0 * value)).abs() <= 1.0, "{value}: {y}");
            assert_eq!([cb, cr], [2048.0; 2], "{value}");
        }
    }
}
