//! The few vector operations that scaling needs, for each instruction set that it is worth having them for.
//!
//! Everything is about pairs of 16-bit numbers: neighbouring samples on one side, their weights on the other. One
//! instruction multiplies both and adds the products to 32 bits (`pmaddwd`), which no compiler finds by itself with
//! any certainty. [`Portable`] is for processors without one of the others; NEON is among them, for it is part of every
//! 64-bit ARM processor and the compiler uses it unasked.

use upright_shaders::{Hold, Rounding};

/// Two neighbouring samples or weights.
pub(super) type Pair = [i16; 2];

/// Sums that are worked on at a time.
pub(super) const BLOCK: usize = 32;

/// Rows and columns of what [`Simd::transpose`] works on.
pub(super) const TILE: usize = 8;

/// Stands for any number of pairs of weights where the number is a constant: loops over few are unrolled, others are not.
pub(super) const ANY: usize = 0;

/// Columns and rows that [`Simd::pick`] makes at a time.
pub(super) const PICKED: (usize, usize) = (16, 4);

/// Bytes that [`Simd::pick`] picks from.
pub(super) const WINDOW: usize = 64;

/// The bytes and weights that columns are made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Picks<'a> {
    /// First byte of a row in the first window.
    pub start: usize,
    /// Which bytes of a window make up the first pair of each column.
    pub bytes: &'a [u8; WINDOW],
    /// A bit for each of `bytes`: whether it is picked, else there is a zero.
    pub mask: u64,
    /// Bytes from a pair to the next: two samples.
    pub step: usize,
    /// Pairs that one window holds for every column; the next window begins with the pair after them.
    pub pairs: usize,
    /// The weights of all pairs.
    pub weights: &'a [[Pair; PICKED.0]],
    /// What sums are held to, if they are.
    pub hold: Option<PickHold<'a>>,
}

/// The bytes of the four nearest samples of columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct PickHold<'a> {
    pub hold: Hold,
    /// Which bytes of the first window make up the first two; the others are a pair further on.
    pub bytes: &'a [u8; WINDOW],
}

/// An instruction set. A value of such a type is the proof that the processor has it.
pub(super) trait Simd: Copy {
    /// [`BLOCK`] sums of 32 bits.
    type Sums: Copy;

    /// All sums the same.
    fn splat(self, value: i32) -> Self::Sums;

    /// The sums as given.
    fn load(self, values: &[i32; BLOCK]) -> Self::Sums;

    /// Adds to each sum its pair's product with `weights`.
    fn dot(self, sums: Self::Sums, pairs: &[Pair; BLOCK], weights: Pair) -> Self::Sums;

    /// Holds each sum, of those that began as `begun`, to four samples: the second of its pair in the first of `ends`, the
    /// first of that in the last of them, and those of its pair in `between`; where the ends are the same, these are in order.
    fn hold(
        self,
        sums: Self::Sums,
        begun: Self::Sums,
        ends: [&[Pair; BLOCK]; 2],
        between: &[Pair; BLOCK],
        hold: Hold,
    ) -> Self::Sums;

    /// The sums without their lowest `shift` bits, which must leave 16: two neighbouring sums become a pair.
    fn to_pairs(self, sums: Self::Sums, shift: u32) -> [Pair; BLOCK / 2];

    /// The sums without their lowest `shift` bits, held to 0 and 255.
    fn to_u8(self, sums: Self::Sums, shift: u32) -> [u8; BLOCK];

    /// The sums without their lowest `shift` bits, held to 0 and `limit`.
    fn to_u16(self, sums: Self::Sums, shift: u32, limit: i32) -> [u16; BLOCK];

    /// Transposes a tile: pair `j` of row `i` of `source` becomes pair `i` of row `j` of `target`. Strides are in pairs.
    fn transpose(self, source: &[Pair], source_stride: usize, target: &mut [Pair], target_stride: usize);

    /// Weighs what is picked from neighbouring rows and rounds the sums, which must leave 16 bits. The upper row's
    /// number comes first in a pair. Rows hold whole windows. As written here it takes longer than transposing strips.
    #[inline(always)]
    fn pick(self, rows: [&[u8]; PICKED.1], picks: Picks<'_>, rounding: Rounding) -> [[Pair; PICKED.0]; PICKED.1 / 2] {
        let number = |row: &[u8], bytes: &[u8; WINDOW], column: usize, pair: usize, half: usize| {
            let byte = |at: usize| {
                let picked = usize::from(bytes[at]) + pair * picks.step;
                if picks.mask >> at & 1 == 1 { row[picks.start + picked] } else { 0 }
            };
            let first = 4 * column + 2 * half;
            i16::from_le_bytes([byte(first), byte(first + 1)])
        };
        let sum = |row: &[u8], column: usize| {
            let mut sum = 0;
            for (pair, weights) in picks.weights.iter().enumerate() {
                for (half, weight) in weights[column].into_iter().enumerate() {
                    sum += i32::from(number(row, picks.bytes, column, pair, half)) * i32::from(weight);
                }
            }
            if let Some(PickHold { hold, bytes }) = picks.hold {
                let nearest = [(0, 0), (0, 1), (1, 0), (1, 1)];
                sum = hold.apply(sum, nearest.map(|(pair, half)| number(row, bytes, column, pair, half)));
            }
            ((sum + rounding.bias) >> rounding.shift) as i16
        };
        std::array::from_fn(|pair| {
            std::array::from_fn(|column| [sum(rows[2 * pair], column), sum(rows[2 * pair + 1], column)])
        })
    }
}

/// The instructions that every processor has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Portable;

impl Simd for Portable {
    type Sums = [i32; BLOCK];

    #[inline(always)]
    fn splat(self, value: i32) -> Self::Sums {
        [value; BLOCK]
    }

    #[inline(always)]
    fn load(self, values: &[i32; BLOCK]) -> Self::Sums {
        *values
    }

    #[inline(always)]
    fn dot(self, mut sums: Self::Sums, pairs: &[Pair; BLOCK], weights: Pair) -> Self::Sums {
        let weights = weights.map(i32::from);
        for (sum, pair) in sums.iter_mut().zip(pairs) {
            *sum += i32::from(pair[0]) * weights[0] + i32::from(pair[1]) * weights[1];
        }
        sums
    }

    #[inline(always)]
    fn hold(
        self,
        mut sums: Self::Sums,
        begun: Self::Sums,
        [first, last]: [&[Pair; BLOCK]; 2],
        between: &[Pair; BLOCK],
        hold: Hold,
    ) -> Self::Sums {
        for (lane, sum) in sums.iter_mut().enumerate() {
            let nearest = [first[lane][1], between[lane][0], between[lane][1], last[lane][0]];
            *sum = begun[lane] + hold.apply(*sum - begun[lane], nearest);
        }
        sums
    }

    #[inline(always)]
    fn to_pairs(self, sums: Self::Sums, shift: u32) -> [Pair; BLOCK / 2] {
        std::array::from_fn(|pair| [sums[2 * pair], sums[2 * pair + 1]].map(|sum| (sum >> shift) as i16))
    }

    #[inline(always)]
    fn to_u8(self, sums: Self::Sums, shift: u32) -> [u8; BLOCK] {
        sums.map(|sum| (sum >> shift).clamp(0, 255) as u8)
    }

    #[inline(always)]
    fn to_u16(self, sums: Self::Sums, shift: u32, limit: i32) -> [u16; BLOCK] {
        sums.map(|sum| (sum >> shift).clamp(0, limit) as u16)
    }

    #[inline(always)]
    fn transpose(self, source: &[Pair], source_stride: usize, target: &mut [Pair], target_stride: usize) {
        for (i, row) in source.chunks(source_stride).take(TILE).enumerate() {
            for (j, &pair) in row[..TILE].iter().enumerate() {
                target[j * target_stride + i] = pair;
            }
        }
    }
}
