//! Twin of `wgsl/overlay.wgsl`.

use crate::Sample;

/// `Job` of the kernel; meanings are given there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
#[expect(missing_docs, reason = "described in the kernel")]
pub struct OverlayJob {
    pub first_workgroup: u32,
    pub row_workgroups: u32,
    pub output: u32,
    pub output_stride: u32,
    pub height: u32,
    pub words: u32,
    pub log2_samples_per_word: u32,
    pub overlay: u32,
}

/// Bits of an element of an overlay that say how much of a sample it covers.
const COVER_BITS: u32 = 9;

/// Makes the element of an overlay that covers so much of 256 of a sample, with things whose values, each times its share of 256, have
/// this sum: below 2 to the 23rd.
pub fn overlay_element(cover: u32, sum: u32) -> u32 {
    cover | sum << COVER_BITS
}

/// Lays elements over as many samples.
pub fn overlay<S: Sample>(elements: &[u32], samples: &mut [S]) {
    for (sample, element) in samples.iter_mut().zip(elements) {
        let (cover, sum) = (element & ((1 << COVER_BITS) - 1), element >> COVER_BITS);
        let mixed = sample.widen() as u32 * (256 - cover) + sum;
        *sample = S::narrow(((mixed + 128) >> 8) as i32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_covers_a_sample_takes_its_share() {
        let mut samples = [100u8, 100, 100, 255];
        // Nothing, all, a quarter of white and a quarter of black, and what is as bright as can be.
        let elements = [(0, 0), (256, 16 * 256), (128, 64 * 235 + 64 * 16), (1, 255)]
            .map(|(cover, sum)| overlay_element(cover, sum));
        overlay(&elements, &mut samples);
        assert_eq!(samples, [100, 16, 113, 255]);
        let mut samples = [1023u16, 0];
        overlay(&[overlay_element(256, 940 * 256), overlay_element(255, 1023 * 255)], &mut samples);
        assert_eq!(samples, [940, 1019]);
    }
}
