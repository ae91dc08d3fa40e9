//! The few vector operations that scaling needs, for each instruction set that it is worth having them for.
//!
//! Everything is about pairs of 16-bit numbers: neighbouring samples on one side, their weights on the other. One
//! instruction multiplies both and adds the products to 32 bits (`pmaddwd`), which no compiler finds by itself with
//! any certainty. [`Portable`] is for processors without one of the others; NEON is among them, for it is part of every
//! 64-bit ARM processor and the compiler uses it unasked.

#![expect(unsafe_code, reason = "vector intrinsics")]

/// Two neighbouring samples or weights.
pub(super) type Pair = [i16; 2];

/// Sums that are worked on at a time.
pub(super) const BLOCK: usize = 32;

/// Rows and columns of what [`Lanes::transpose`] turns.
pub(super) const TILE: usize = 8;

/// An instruction set. A value of such a type is the proof that the processor has it.
pub(super) trait Lanes: Copy {
    /// [`BLOCK`] sums of 32 bits.
    type Sums: Copy;

    /// All sums the same.
    fn splat(self, value: i32) -> Self::Sums;

    /// The sums as given.
    fn load(self, values: &[i32; BLOCK]) -> Self::Sums;

    /// Adds to each sum its pair's product with `weights`.
    fn dot(self, sums: Self::Sums, pairs: &[Pair; BLOCK], weights: Pair) -> Self::Sums;

    /// The sums without their lowest `shift` bits, which must leave 16: two neighbouring sums become a pair.
    fn to_pairs(self, sums: Self::Sums, shift: u32) -> [Pair; BLOCK / 2];

    /// The sums without their lowest `shift` bits, held to 0 and 255.
    fn to_u8(self, sums: Self::Sums, shift: u32) -> [u8; BLOCK];

    /// The sums without their lowest `shift` bits, held to 0 and `limit`.
    fn to_u16(self, sums: Self::Sums, shift: u32, limit: i32) -> [u16; BLOCK];

    /// Turns a tile: pair `j` of row `i` of `source` becomes pair `i` of row `j` of `target`. Strides are in pairs.
    fn transpose(self, source: &[Pair], source_stride: usize, target: &mut [Pair], target_stride: usize);
}

/// What every processor can do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Portable;

impl Lanes for Portable {
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

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512, Avx512Vnni};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{BLOCK, Lanes, Pair, TILE};
    use std::arch::x86_64::*;

    /// x86-64 with AVX2.
    #[derive(Clone, Copy, Debug)]
    pub(in super::super) struct Avx2(());

    impl Avx2 {
        /// The proof, where this processor has it.
        pub(in super::super) fn detect() -> Option<Self> {
            is_x86_feature_detected!("avx2").then_some(Self(()))
        }
    }

    impl Lanes for Avx2 {
        type Sums = [__m256i; BLOCK / 8];

        #[inline(always)]
        fn splat(self, value: i32) -> Self::Sums {
            // SAFETY: `self` proves AVX2.
            unsafe { [_mm256_set1_epi32(value); BLOCK / 8] }
        }

        #[inline(always)]
        fn load(self, values: &[i32; BLOCK]) -> Self::Sums {
            // SAFETY: `self` proves AVX2; the four loads cover the array's 32 numbers.
            std::array::from_fn(|part| unsafe { _mm256_loadu_si256(values.as_ptr().add(8 * part).cast()) })
        }

        #[inline(always)]
        fn dot(self, mut sums: Self::Sums, pairs: &[Pair; BLOCK], weights: Pair) -> Self::Sums {
            // SAFETY: `self` proves AVX2; the four loads cover the array's 32 pairs of 4 bytes.
            unsafe {
                let weights = _mm256_set1_epi32(bytemuck::cast(weights));
                for (part, sum) in sums.iter_mut().enumerate() {
                    let pairs = _mm256_loadu_si256(pairs.as_ptr().add(8 * part).cast());
                    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pairs, weights));
                }
            }
            sums
        }

        #[inline(always)]
        fn to_pairs(self, sums: Self::Sums, shift: u32) -> [Pair; BLOCK / 2] {
            // SAFETY: `self` proves AVX2; the two stores cover the array's 64 bytes.
            unsafe {
                let mut pairs = [[0; 2]; BLOCK / 2];
                let shifted = shift_right(sums, shift);
                for part in 0..2 {
                    let packed = _mm256_packs_epi32(shifted[2 * part], shifted[2 * part + 1]);
                    let packed = _mm256_permute4x64_epi64::<0b11_01_10_00>(packed);
                    _mm256_storeu_si256(pairs.as_mut_ptr().add(8 * part).cast(), packed);
                }
                pairs
            }
        }

        #[inline(always)]
        fn to_u8(self, sums: Self::Sums, shift: u32) -> [u8; BLOCK] {
            // SAFETY: `self` proves AVX2; the store covers the array's 32 bytes.
            unsafe {
                let mut samples = [0; BLOCK];
                let s = shift_right(sums, shift);
                let packed = _mm256_packus_epi16(_mm256_packs_epi32(s[0], s[1]), _mm256_packs_epi32(s[2], s[3]));
                // Packing works within halves: groups of four lie in the order 0 2 4 6 1 3 5 7.
                let packed = _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
                _mm256_storeu_si256(samples.as_mut_ptr().cast(), packed);
                samples
            }
        }

        #[inline(always)]
        fn to_u16(self, sums: Self::Sums, shift: u32, limit: i32) -> [u16; BLOCK] {
            // SAFETY: `self` proves AVX2; the two stores cover the array's 64 bytes.
            unsafe {
                let mut samples = [0; BLOCK];
                let shifted = shift_right(sums, shift);
                let limit = _mm256_set1_epi16(limit as i16);
                for part in 0..2 {
                    let packed = _mm256_packus_epi32(shifted[2 * part], shifted[2 * part + 1]);
                    let packed = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_min_epu16(packed, limit));
                    _mm256_storeu_si256(samples.as_mut_ptr().add(16 * part).cast(), packed);
                }
                samples
            }
        }

        #[inline(always)]
        fn transpose(self, source: &[Pair], source_stride: usize, target: &mut [Pair], target_stride: usize) {
            assert!(source.len() >= (TILE - 1) * source_stride + TILE, "the tile lies in the source");
            assert!(target.len() >= (TILE - 1) * target_stride + TILE, "the tile lies in the target");
            // SAFETY: `self` proves AVX2; the assertions keep all eight rows of eight pairs inside the slices.
            unsafe {
                let row: [__m256i; TILE] =
                    std::array::from_fn(|i| _mm256_loadu_si256(source.as_ptr().add(i * source_stride).cast()));
                let two: [__m256i; TILE] = std::array::from_fn(|i| {
                    let (a, b) = (row[i & !1], row[i | 1]);
                    if i % 2 == 0 { _mm256_unpacklo_epi32(a, b) } else { _mm256_unpackhi_epi32(a, b) }
                });
                let four: [__m256i; TILE] = std::array::from_fn(|i| {
                    let (a, b) = (two[i & 4 | i >> 1 & 1], two[i & 4 | i >> 1 & 1 | 2]);
                    if i % 2 == 0 { _mm256_unpacklo_epi64(a, b) } else { _mm256_unpackhi_epi64(a, b) }
                });
                for i in 0..TILE / 2 {
                    let low = _mm256_permute2x128_si256::<0x20>(four[i], four[i + 4]);
                    let high = _mm256_permute2x128_si256::<0x31>(four[i], four[i + 4]);
                    _mm256_storeu_si256(target.as_mut_ptr().add(i * target_stride).cast(), low);
                    _mm256_storeu_si256(target.as_mut_ptr().add((i + 4) * target_stride).cast(), high);
                }
            }
        }
    }

    /// # Safety
    /// The processor must have AVX2.
    #[inline(always)]
    unsafe fn shift_right(sums: [__m256i; BLOCK / 8], shift: u32) -> [__m256i; BLOCK / 8] {
        // SAFETY: the caller's promise.
        unsafe {
            let shift = _mm_cvtsi32_si128(shift as i32);
            sums.map(|sum| _mm256_sra_epi32(sum, shift))
        }
    }

    /// x86-64 with AVX-512 F and BW.
    #[derive(Clone, Copy, Debug)]
    pub(in super::super) struct Avx512(Avx2);

    impl Avx512 {
        /// The proof, where this processor has it.
        pub(in super::super) fn detect() -> Option<Self> {
            let wide = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
            Avx2::detect().filter(|_| wide).map(Self)
        }
    }

    impl Lanes for Avx512 {
        type Sums = [__m512i; BLOCK / 16];

        #[inline(always)]
        fn splat(self, value: i32) -> Self::Sums {
            // SAFETY: `self` proves AVX-512 F.
            unsafe { [_mm512_set1_epi32(value); BLOCK / 16] }
        }

        #[inline(always)]
        fn load(self, values: &[i32; BLOCK]) -> Self::Sums {
            // SAFETY: `self` proves AVX-512 F; the two loads cover the array's 32 numbers.
            std::array::from_fn(|part| unsafe { _mm512_loadu_si512(values.as_ptr().add(16 * part).cast()) })
        }

        #[inline(always)]
        fn dot(self, mut sums: Self::Sums, pairs: &[Pair; BLOCK], weights: Pair) -> Self::Sums {
            // SAFETY: `self` proves AVX-512 F and BW; the two loads cover the array's 32 pairs of 4 bytes.
            unsafe {
                let weights = _mm512_set1_epi32(bytemuck::cast(weights));
                for (part, sum) in sums.iter_mut().enumerate() {
                    let pairs = _mm512_loadu_si512(pairs.as_ptr().add(16 * part).cast());
                    *sum = _mm512_add_epi32(*sum, _mm512_madd_epi16(pairs, weights));
                }
            }
            sums
        }

        #[inline(always)]
        fn to_pairs(self, sums: Self::Sums, shift: u32) -> [Pair; BLOCK / 2] {
            // SAFETY: `self` proves AVX-512 F; the two stores cover the array's 64 bytes.
            unsafe {
                let mut pairs = [[0; 2]; BLOCK / 2];
                let shift = _mm_cvtsi32_si128(shift as i32);
                for (part, sum) in sums.into_iter().enumerate() {
                    let narrow = _mm512_cvtepi32_epi16(_mm512_sra_epi32(sum, shift));
                    _mm256_storeu_si256(pairs.as_mut_ptr().add(8 * part).cast(), narrow);
                }
                pairs
            }
        }

        #[inline(always)]
        fn to_u8(self, sums: Self::Sums, shift: u32) -> [u8; BLOCK] {
            // SAFETY: `self` proves AVX-512 F; the two stores cover the array's 32 bytes.
            unsafe {
                let mut samples = [0; BLOCK];
                let shift = _mm_cvtsi32_si128(shift as i32);
                for (part, sum) in sums.into_iter().enumerate() {
                    let positive = _mm512_max_epi32(_mm512_sra_epi32(sum, shift), _mm512_setzero_si512());
                    _mm_storeu_si128(samples.as_mut_ptr().add(16 * part).cast(), _mm512_cvtusepi32_epi8(positive));
                }
                samples
            }
        }

        #[inline(always)]
        fn to_u16(self, sums: Self::Sums, shift: u32, limit: i32) -> [u16; BLOCK] {
            // SAFETY: `self` proves AVX-512 F; the two stores cover the array's 64 bytes.
            unsafe {
                let mut samples = [0; BLOCK];
                let (shift, limit) = (_mm_cvtsi32_si128(shift as i32), _mm512_set1_epi32(limit));
                for (part, sum) in sums.into_iter().enumerate() {
                    let positive = _mm512_max_epi32(_mm512_sra_epi32(sum, shift), _mm512_setzero_si512());
                    let narrow = _mm512_cvtepi32_epi16(_mm512_min_epi32(positive, limit));
                    _mm256_storeu_si256(samples.as_mut_ptr().add(16 * part).cast(), narrow);
                }
                samples
            }
        }

        #[inline(always)]
        fn transpose(self, source: &[Pair], source_stride: usize, target: &mut [Pair], target_stride: usize) {
            self.0.transpose(source, source_stride, target, target_stride);
        }
    }

    /// x86-64 with AVX-512 F, BW and VNNI, whose `vpdpwssd` multiplies, adds the products and adds them to the sum.
    #[derive(Clone, Copy, Debug)]
    pub(in super::super) struct Avx512Vnni(Avx512);

    impl Avx512Vnni {
        /// The proof, where this processor has it.
        pub(in super::super) fn detect() -> Option<Self> {
            Avx512::detect().filter(|_| is_x86_feature_detected!("avx512vnni")).map(Self)
        }
    }

    impl Lanes for Avx512Vnni {
        type Sums = <Avx512 as Lanes>::Sums;

        #[inline(always)]
        fn splat(self, value: i32) -> Self::Sums {
            self.0.splat(value)
        }

        #[inline(always)]
        fn load(self, values: &[i32; BLOCK]) -> Self::Sums {
            self.0.load(values)
        }

        #[inline(always)]
        fn dot(self, mut sums: Self::Sums, pairs: &[Pair; BLOCK], weights: Pair) -> Self::Sums {
            // SAFETY: `self` proves AVX-512 F and VNNI; the two loads cover the array's 32 pairs of 4 bytes.
            unsafe {
                let weights = _mm512_set1_epi32(bytemuck::cast(weights));
                for (part, sum) in sums.iter_mut().enumerate() {
                    let pairs = _mm512_loadu_si512(pairs.as_ptr().add(16 * part).cast());
                    *sum = _mm512_dpwssd_epi32(*sum, pairs, weights);
                }
            }
            sums
        }

        #[inline(always)]
        fn to_pairs(self, sums: Self::Sums, shift: u32) -> [Pair; BLOCK / 2] {
            self.0.to_pairs(sums, shift)
        }

        #[inline(always)]
        fn to_u8(self, sums: Self::Sums, shift: u32) -> [u8; BLOCK] {
            self.0.to_u8(sums, shift)
        }

        #[inline(always)]
        fn to_u16(self, sums: Self::Sums, shift: u32, limit: i32) -> [u16; BLOCK] {
            self.0.to_u16(sums, shift, limit)
        }

        #[inline(always)]
        fn transpose(self, source: &[Pair], source_stride: usize, target: &mut [Pair], target_stride: usize) {
            self.0.transpose(source, source_stride, target, target_stride);
        }
    }
}
