//! The integers that kernels and twins compute with.
//!
//! A sample of `s` bits, less half its range, times a weight of 14 fractional bits is rounded to an intermediate
//! sample of [`MIDDLE_BITS`] bits, signed, not clamped. That times a weight of the other axis is rounded once more and
//! clamped to the output's depth. Taking half the range off costs nothing, since it joins the constant that rounds,
//! and makes room for one bit more than an unsigned intermediate sample of 16 bits would have.
//!
//! # Bounds
//! The absolute weights of a Lanczos-3 row add up to at most 1.553 times [`UNITY`], whatever the phase and the ratio, and
//! with back-projection to at most 1.791 times (found by search; tests hold the tables to [`MAX_GAIN`]). An intermediate
//! sample is then at most 2^14 * 1.791 = 29,343, which fits 16 bits, and the last sum at most 2^14 * 2^14 * 1.791^2 =
//! 2^29.68, to which the constant adds 2^28.01: below 2^30.1, which fits 32 bits. What sums are held to is two such
//! samples times weights of [`crate::Hold`], whose sizes add up to at most 2 times [`UNITY`]: below 2^30.2 with the constant.

/// Fractional bits of weights.
pub const WEIGHT_BITS: u32 = 14;

/// The weight that stands for one; what rows of weights add up to (see [`Conversion::unity`] for the exception).
pub const UNITY: i32 = 1 << WEIGHT_BITS;

/// Bits of the scale of intermediate samples: the source's full range spans 2^15.
pub const MIDDLE_BITS: u32 = 15;

/// No row's absolute weights may add up to more than this many times its sum, or the intermediate samples overflow.
pub const MAX_GAIN: f64 = 1.8;

/// How the source's samples are to be read, as far as scaling is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// Limited range (H.273 `VideoFullRangeFlag` 0): depths differ by a power of two.
    Limited,
    /// Luma, or red, green and blue, in full range: the largest sample means one.
    FullLuma,
    /// Chroma in full range: as luma, about the middle.
    FullChroma,
}

/// A sum `s` is rounded to `(s + bias) >> shift`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rounding {
    /// What is added; half of the unit, and constants that would else be added for each sample.
    pub bias: i32,
    /// Bits that are dropped.
    pub shift: u32,
}

/// The integers that take samples of one depth to another through both passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// What the rows of the vertical filter add up to: [`UNITY`], but for full range with a change of depth, where the
    /// ratio of the largest samples is not a power of two (255 becomes 1023, not 1020).
    pub unity: i32,
    /// From source samples to intermediate ones.
    pub horizontal: Rounding,
    /// From intermediate samples to output.
    pub vertical: Rounding,
    /// Largest output sample.
    pub limit: i32,
    /// Whether noise takes the place of the half that rounds: where depth is reduced.
    pub dither: bool,
}

impl Conversion {
    /// From samples of `source_bits` to samples of `output_bits`, both 8 to 12.
    pub fn new(source_bits: u32, output_bits: u32, range: Range) -> Self {
        let largest = |bits: u32| (1i64 << bits) - 1;
        let half = |bits: u32| 1i64 << (bits - 1);
        let (from, to) = if range == Range::Limited {
            (half(source_bits), half(output_bits))
        } else {
            (largest(source_bits), largest(output_bits))
        };
        let scaled = |value: i64| (value * to + from / 2) / from;

        let horizontal_shift = source_bits + WEIGHT_BITS - MIDDLE_BITS;
        let vertical_shift = MIDDLE_BITS + WEIGHT_BITS - output_bits;
        let dither = output_bits < source_bits;
        let middle = match range {
            Range::FullLuma => scaled(half(source_bits) << vertical_shift),
            Range::Limited | Range::FullChroma => half(output_bits) << vertical_shift,
        };
        let round = if dither { 0 } else { 1 << (vertical_shift - 1) };
        Self {
            unity: (scaled(i64::from(UNITY) << source_bits) >> output_bits) as i32,
            horizontal: Rounding {
                bias: (1 << (horizontal_shift - 1)) - ((half(source_bits) as i32) << WEIGHT_BITS),
                shift: horizontal_shift,
            },
            vertical: Rounding { bias: middle as i32 + round, shift: vertical_shift },
            limit: largest(output_bits) as i32,
            dither,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scales a flat picture of one value.
    fn flat(value: i32, conversion: &Conversion) -> i32 {
        let Conversion { horizontal, vertical, .. } = conversion;
        let middle = (value * UNITY + horizontal.bias) >> horizontal.shift;
        ((middle * conversion.unity + vertical.bias) >> vertical.shift).clamp(0, conversion.limit)
    }

    #[test]
    fn limited_range_moves_by_powers_of_two() {
        for (source, output) in [(8, 8), (8, 10), (10, 10), (8, 12), (12, 12), (10, 12)] {
            let conversion = Conversion::new(source, output, Range::Limited);
            assert_eq!(conversion.unity, UNITY);
            for value in 0..1 << source {
                assert_eq!(flat(value, &conversion), value << (output - source), "{source} to {output} bits");
            }
        }
    }

    #[test]
    fn reducing_depth_is_exact_where_nothing_is_lost() {
        for (source, output) in [(10, 8), (12, 8), (12, 10)] {
            let conversion = Conversion::new(source, output, Range::Limited);
            assert!(conversion.dither);
            for value in 0..1 << output {
                let noisiest = Conversion {
                    vertical: Rounding {
                        bias: conversion.vertical.bias + (1 << conversion.vertical.shift) - 1,
                        ..conversion.vertical
                    },
                    ..conversion
                };
                assert_eq!(flat(value << (source - output), &conversion), value);
                assert_eq!(flat(value << (source - output), &noisiest), value);
            }
        }
    }

    #[test]
    fn full_range_keeps_black_white_and_grey() {
        for (source, output) in [(8, 8), (8, 10), (10, 12), (8, 12), (10, 10)] {
            let luma = Conversion::new(source, output, Range::FullLuma);
            let chroma = Conversion::new(source, output, Range::FullChroma);
            let largest = f64::from((1 << source) - 1);
            let gain = f64::from(luma.limit) / largest;
            for value in 0..1 << source {
                let exact = f64::from(value) * gain;
                assert!((f64::from(flat(value, &luma)) - exact).abs() <= 0.505, "luma {value}");
                let half = f64::from(1 << (source - 1));
                let exact = (f64::from(value) - half) * gain + f64::from(1 << (output - 1));
                let exact = exact.clamp(0.0, f64::from(luma.limit));
                assert!((f64::from(flat(value, &chroma)) - exact).abs() <= 0.505, "chroma {value}");
            }
            assert_eq!(flat(0, &luma), 0);
            assert_eq!(flat((1 << source) - 1, &luma), luma.limit);
            assert_eq!(flat(1 << (source - 1), &chroma), 1 << (output - 1));
        }
    }
}
