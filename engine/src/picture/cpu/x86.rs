//! The vector operations with the instructions of x86-64.

#![expect(unsafe_code, reason = "vector intrinsics")]

use super::simd::{BLOCK, PICKED, Pair, PickHold, Picks, Simd, TILE, WINDOW};
use std::arch::x86_64::*;
use upright_shaders::{Hold, Rounding};

/// x86-64 with AVX2.
#[derive(Clone, Copy, Debug)]
pub(in crate::picture) struct Avx2(());

impl Avx2 {
    /// The proof, where this processor has it.
    pub(super) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }
}

impl Simd for Avx2 {
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
    fn hold(
        self,
        mut sums: Self::Sums,
        begun: Self::Sums,
        [first, last]: [&[Pair; BLOCK]; 2],
        between: &[Pair; BLOCK],
        hold: Hold,
    ) -> Self::Sums {
        // SAFETY: `self` proves AVX2; the loads cover the arrays' 32 pairs of 4 bytes.
        unsafe {
            let below = _mm256_set1_epi32(bytemuck::cast([hold.near, hold.far]));
            let above = _mm256_set1_epi32(bytemuck::cast([hold.far, hold.near]));
            for (part, sum) in sums.iter_mut().enumerate() {
                let load = |pairs: &[Pair; BLOCK]| _mm256_loadu_si256(pairs.as_ptr().add(8 * part).cast());
                let outer = _mm256_blend_epi16::<0xaa>(load(last), load(first));
                let inner = load(between);
                let (low, high) = (_mm256_min_epi16(outer, inner), _mm256_max_epi16(outer, inner));
                // Of both halves of a pair, in either.
                let low = _mm256_min_epi16(low, swap_halves(low));
                let high = _mm256_max_epi16(high, swap_halves(high));
                let range = _mm256_blend_epi16::<0xaa>(low, high);
                let least = _mm256_add_epi32(begun[part], _mm256_madd_epi16(range, below));
                let most = _mm256_add_epi32(begun[part], _mm256_madd_epi16(range, above));
                *sum = _mm256_max_epi32(_mm256_min_epi32(*sum, most), least);
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
unsafe fn swap_halves(pairs: __m256i) -> __m256i {
    // SAFETY: the caller's promise.
    unsafe { _mm256_or_si256(_mm256_slli_epi32::<16>(pairs), _mm256_srli_epi32::<16>(pairs)) }
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

/// x86-64 with AVX-512 as of Ice Lake and Zen 4: F, BW, VBMI, whose `vpermb` picks any bytes of 64, and VNNI, whose
/// `vpdpwssd` multiplies, adds the products and adds them to the sum.
#[derive(Clone, Copy, Debug)]
pub(in crate::picture) struct Avx512(Avx2);

impl Avx512 {
    /// The proof, where this processor has it.
    pub(super) fn detect() -> Option<Self> {
        let wide = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vbmi")
            && is_x86_feature_detected!("avx512vnni");
        Avx2::detect().filter(|_| wide).map(Self)
    }
}

impl Simd for Avx512 {
    type Sums = [__m512i; BLOCK / 16];

    #[inline(always)]
    fn splat(self, value: i32) -> Self::Sums {
        // SAFETY: `self` proves AVX-512 F.
        unsafe { [_mm512_set1_epi32(value); BLOCK / 16] }
    }

    #[inline(always)]
    fn load(self, values: &[i32; BLOCK]) -> Self::Sums {
        // SAFETY: `self` proves AVX-512 F; the two loads cover the array's 32 numbers.
        unsafe { [load(values.as_ptr().cast()), load(values.as_ptr().add(16).cast())] }
    }

    #[inline(always)]
    fn dot(self, sums: Self::Sums, pairs: &[Pair; BLOCK], weights: Pair) -> Self::Sums {
        // SAFETY: `self` proves AVX-512 F and VNNI; the two loads cover the array's 32 pairs of 4 bytes.
        unsafe {
            let weights = _mm512_set1_epi32(bytemuck::cast(weights));
            let low = dpwssd(sums[0], load(pairs.as_ptr().cast()), weights);
            let high = dpwssd(sums[1], load(pairs.as_ptr().add(16).cast()), weights);
            [low, high]
        }
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
        // SAFETY: `self` proves AVX-512 F, BW and VNNI; the loads cover the arrays' 32 pairs of 4 bytes.
        unsafe {
            for (part, sum) in sums.iter_mut().enumerate() {
                let at = |pairs: &[Pair; BLOCK]| load(pairs.as_ptr().add(16 * part).cast());
                let outer = _mm512_mask_blend_epi16(SECOND_HALVES, at(last), at(first));
                *sum = hold_to(*sum, begun[part], outer, at(between), hold);
            }
        }
        sums
    }

    #[inline(always)]
    fn to_pairs(self, sums: Self::Sums, shift: u32) -> [Pair; BLOCK / 2] {
        // SAFETY: `self` proves AVX-512 F and BW; both types are 64 bytes of plain numbers.
        unsafe {
            let shift = _mm512_set1_epi32(shift as i32);
            let low = _mm512_srav_epi32(sums[0], shift);
            let high = _mm512_srav_epi32(sums[1], shift);
            let packed = _mm512_packs_epi32(low, high);
            // Packing works within quarters: groups of four lie in the order 0 4 1 5 2 6 3 7.
            let order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
            std::mem::transmute::<__m512i, [Pair; BLOCK / 2]>(_mm512_permutexvar_epi64(order, packed))
        }
    }

    #[inline(always)]
    fn to_u8(self, sums: Self::Sums, shift: u32) -> [u8; BLOCK] {
        // SAFETY: `self` proves AVX-512 F and BW; both types are 32 bytes of plain numbers.
        unsafe {
            let shift = _mm512_set1_epi32(shift as i32);
            let low = _mm512_srav_epi32(sums[0], shift);
            let high = _mm512_srav_epi32(sums[1], shift);
            let words = _mm512_packs_epi32(low, high);
            let packed = _mm512_packus_epi16(words, words);
            // Packing works within quarters: in each, groups of four lie in the order 0 4 0 4.
            let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 0, 0, 0, 0, 0, 0, 0, 0);
            let samples = _mm512_castsi512_si256(_mm512_permutexvar_epi32(order, packed));
            std::mem::transmute::<__m256i, [u8; BLOCK]>(samples)
        }
    }

    #[inline(always)]
    fn to_u16(self, sums: Self::Sums, shift: u32, limit: i32) -> [u16; BLOCK] {
        // SAFETY: `self` proves AVX-512 F and BW; both types are 64 bytes of plain numbers.
        unsafe {
            let shift = _mm512_set1_epi32(shift as i32);
            let low = _mm512_srav_epi32(sums[0], shift);
            let high = _mm512_srav_epi32(sums[1], shift);
            let packed = _mm512_min_epu16(_mm512_packus_epi32(low, high), _mm512_set1_epi16(limit as i16));
            let order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
            std::mem::transmute::<__m512i, [u16; BLOCK]>(_mm512_permutexvar_epi64(order, packed))
        }
    }

    #[inline(always)]
    fn transpose(self, source: &[Pair], source_stride: usize, target: &mut [Pair], target_stride: usize) {
        self.0.transpose(source, source_stride, target, target_stride);
    }

    #[inline(always)]
    fn pick(self, rows: [&[u8]; PICKED.1], picks: Picks<'_>, rounding: Rounding) -> [[Pair; PICKED.0]; PICKED.1 / 2] {
        let Picks { start, bytes, mask, step, pairs, weights, hold } = picks;
        let last_window = start + weights.len().saturating_sub(1) / pairs * pairs * step;
        for row in rows {
            assert!(row.len() >= last_window + WINDOW, "the windows lie in the rows");
        }
        // SAFETY: `self` proves AVX-512 F, BW, VBMI and VNNI; the assertions keep all windows inside the rows, and
        // the other loads cover arrays of 64 bytes, as the results are.
        unsafe {
            let mut sums = [_mm512_set1_epi32(rounding.bias); PICKED.1];
            let (first_bytes, next_bytes) = (load(bytes.as_ptr()), _mm512_set1_epi8(step as i8));
            let mut at = start;
            for weights in weights.chunks(pairs) {
                let windows = [
                    load(rows[0].as_ptr().add(at)),
                    load(rows[1].as_ptr().add(at)),
                    load(rows[2].as_ptr().add(at)),
                    load(rows[3].as_ptr().add(at)),
                ];
                let mut bytes = first_bytes;
                for weights in weights {
                    let weights = load(weights.as_ptr().cast());
                    for (sum, window) in sums.iter_mut().zip(windows) {
                        *sum = dpwssd(*sum, _mm512_maskz_permutexvar_epi8(mask, bytes, window), weights);
                    }
                    bytes = _mm512_add_epi8(bytes, next_bytes);
                }
                at += pairs * step;
            }
            if let Some(PickHold { hold, bytes }) = hold {
                let first_two = load(bytes.as_ptr());
                let other_two = _mm512_add_epi8(first_two, next_bytes);
                let begun = _mm512_set1_epi32(rounding.bias);
                for (sum, row) in sums.iter_mut().zip(rows) {
                    let window = load(row.as_ptr().add(start));
                    let first_two = _mm512_maskz_permutexvar_epi8(mask, first_two, window);
                    let other_two = _mm512_maskz_permutexvar_epi8(mask, other_two, window);
                    *sum = hold_to(*sum, begun, first_two, other_two, hold);
                }
            }
            let shift = _mm512_set1_epi32(rounding.shift as i32);
            let rest = _mm512_set1_epi32(16 - rounding.shift as i32);
            let [a, b, c, d] = sums;
            let upper = [_mm512_srav_epi32(a, shift), _mm512_srav_epi32(c, shift)];
            let lower = [_mm512_sllv_epi32(b, rest), _mm512_sllv_epi32(d, rest)];
            std::mem::transmute::<[__m512i; 2], [[Pair; PICKED.0]; PICKED.1 / 2]>([
                _mm512_mask_blend_epi16(SECOND_HALVES, upper[0], lower[0]),
                _mm512_mask_blend_epi16(SECOND_HALVES, upper[1], lower[1]),
            ])
        }
    }
}

/// The second numbers of pairs, as a mask.
const SECOND_HALVES: __mmask32 = 0xaaaa_aaaa;

/// Holds each sum, of those that began as `begun`, to the numbers of two pairs.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn hold_to(sum: __m512i, begun: __m512i, pair: __m512i, other: __m512i, hold: Hold) -> __m512i {
    let below = _mm512_set1_epi32(bytemuck::cast([hold.near, hold.far]));
    let above = _mm512_set1_epi32(bytemuck::cast([hold.far, hold.near]));
    let (low, high) = (_mm512_min_epi16(pair, other), _mm512_max_epi16(pair, other));
    // Of both halves of a pair, in either.
    let low = _mm512_min_epi16(low, _mm512_rol_epi32::<16>(low));
    let high = _mm512_max_epi16(high, _mm512_rol_epi32::<16>(high));
    let range = _mm512_mask_blend_epi16(SECOND_HALVES, low, high);
    _mm512_max_epi32(_mm512_min_epi32(sum, dpwssd(begun, range, above)), dpwssd(begun, range, below))
}

/// Adds to each sum the product of a pair with its weights. LLVM has an intrinsic for it but makes two instructions
/// of that wherever they lie in a chain, for the sake of latency; here many chains run side by side, and what counts
/// is how many instructions there are.
#[inline]
#[target_feature(enable = "avx512f,avx512vnni")]
fn dpwssd(mut sums: __m512i, pairs: __m512i, weights: __m512i) -> __m512i {
    // SAFETY: the instruction is there, and touches nothing but its operands.
    unsafe {
        std::arch::asm!("vpdpwssd {}, {}, {}", inout(zmm_reg) sums, in(zmm_reg) pairs, in(zmm_reg) weights,
            options(pure, nomem, nostack, preserves_flags));
    }
    sums
}

/// # Safety
/// The processor must have AVX-512 F, and there must be 64 bytes to read.
#[inline(always)]
unsafe fn load(bytes: *const u8) -> __m512i {
    // SAFETY: the caller's promise.
    unsafe { _mm512_loadu_si512(bytes.cast()) }
}
