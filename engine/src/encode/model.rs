//! What the planner must know of an encoder before it opens one.

use super::{EncoderKind, LibavEncoder, pipe};
use crate::error::{Error, Result};
use crate::frame::Depth;
use crate::geometry::Size;
use std::num::NonZeroU32;

/// Threads of one context of SVT-AV1 in a process of its own: more hold more pictures in memory and gain little.
const PIPE_THREADS: usize = 4;
/// Threads of one context of the linked SVT-AV1, of which there are no more than rungs: the largest of a ladder, which has
/// half of the pixels, keeps half of sixteen cores busy.
const SVT_THREADS: usize = 8;

/// How an encoder comes to key frames. The first frame of a segment always is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFrameControl {
    /// It makes one of any frame that it is told to.
    Forced,
    /// It makes one every so many frames, as it is told when it is opened.
    Counted,
    /// It makes no other than the first: every key frame begins a segment.
    First,
}

impl EncoderKind {
    /// How it comes to key frames.
    pub fn key_frame_control(&self) -> KeyFrameControl {
        match self {
            Self::Rav1e | Self::Libav(LibavEncoder::SvtAv1) => KeyFrameControl::Forced,
            Self::Libav(_) => KeyFrameControl::First,
            Self::Pipe(profile) if pipe::counts_key_frames(profile) => KeyFrameControl::Counted,
            Self::Pipe(_) => KeyFrameControl::First,
        }
    }

    /// Whether it makes pictures of this size.
    ///
    /// # Errors
    /// [`Error::Options`] when a side is odd, too short or too long.
    pub fn check_size(&self, size: Size) -> Result<()> {
        let least = match self {
            Self::Libav(LibavEncoder::SvtAv1) => 64,
            Self::Rav1e | Self::Libav(_) | Self::Pipe(_) => 16,
        };
        let side = |length: u32| (least..=16384).contains(&length) && length.is_multiple_of(2);
        if side(size.width) && side(size.height) {
            return Ok(());
        }
        Err(Error::options(format!("{self} cannot make a picture of {size}; sides are even, from {least} to 16384")))
    }

    /// Threads that one context is best given of `cores`, at least 1.
    pub fn threads(&self, cores: usize) -> usize {
        match self {
            // It uses several by cutting pictures into tiles, which costs bits; segments side by side cost none.
            Self::Rav1e | Self::Libav(LibavEncoder::Aom) => 1,
            Self::Libav(LibavEncoder::SvtAv1) => cores.clamp(1, SVT_THREADS),
            Self::Pipe(_) => cores.clamp(1, PIPE_THREADS),
            Self::Libav(_) => 1,
        }
    }

    /// How many segments, of rungs of these sizes, keep `cores` busy: one where its contexts do and last for the whole film,
    /// and of the linked SVT-AV1, which cannot open a context while others work (`encode/libav/sharing.rs`).
    ///
    /// The contexts of a segment go at the pace of the largest, whose threads work all the time; those of the others do so
    /// by their share of its pixels.
    pub fn segments_at_once(&self, sizes: &[Size], cores: usize) -> usize {
        let largest = sizes.iter().map(|size| size.pixels()).max().unwrap_or(1).max(1);
        let all: u64 = sizes.iter().map(|size| size.pixels()).sum();
        // In units of the largest rung's pixels.
        let (wanted, of_each) = (cores as u64 * largest, self.threads(cores) as u64 * all.max(1));
        let enough = wanted <= of_each && self.key_frame_control() != KeyFrameControl::First;
        if cores == 1 || enough || *self == Self::Libav(LibavEncoder::SvtAv1) {
            return 1;
        }
        // One core's worth more, so that one may begin or end while the others work.
        usize::try_from((wanted + largest).div_ceil(of_each).max(2)).unwrap_or(usize::MAX)
    }

    /// Key frames of a segment; none when the whole film had better be one, because its contexts keep all cores busy.
    pub fn segment_key_frames(&self, sizes: &[Size], cores: usize) -> Option<NonZeroU32> {
        let several = match self {
            _ if self.key_frame_control() == KeyFrameControl::First => return Some(NonZeroU32::MIN),
            // Opening a context costs it as much as some twenty frames.
            Self::Pipe(_) => const { NonZeroU32::new(3).unwrap() },
            Self::Rav1e | Self::Libav(_) => NonZeroU32::MIN,
        };
        (self.segments_at_once(sizes, cores) > 1).then_some(several)
    }

    /// Bytes of memory that one context takes at most, about: measured as the peak of a process with one encoder at 540x960
    /// and 1080x1920, on film but for libaom, on noise.
    pub fn memory(&self, size: Size, depth: Depth, speed: u8, threads: usize) -> u64 {
        let threads = threads as u64;
        // Bytes whatever the size, bytes for each pixel of 8 bits, and of 10 bits for 8 of 8 bits.
        let (base, per_pixel, ten_bit_eighths): (u64, u64, u64) = match self {
            // From speed 9 down it looks ahead further, and from 5 down it keeps more of what it tries.
            Self::Rav1e if speed > 9 => (20 << 20, 300, 10),
            Self::Rav1e if speed > 5 => (20 << 20, 350, 10),
            Self::Rav1e => (20 << 20, 600, 10),
            // SVT-AV1 1.4, with 2, 4 and 8 threads.
            Self::Libav(LibavEncoder::SvtAv1) if speed > 5 => {
                ((100 + 3 * threads * threads) << 20, 190 + 25 * threads, 9)
            }
            Self::Libav(LibavEncoder::SvtAv1) => ((130 + 8 * threads * threads) << 20, 310 + 25 * threads, 9),
            // SvtAv1EncApp 1.4, and ffmpeg with SVT-AV1 4.2, which has a greater base and needs less for a pixel.
            Self::Pipe(_) => (150 << 20, 200 + 45 * threads, 10),
            // libaom; of hardware nothing is known, and most of what it takes is its own.
            Self::Libav(_) => (40 << 20, 270, 16),
        };
        let eighths = if depth == Depth::Eight { 8 } else { ten_bit_eighths };
        base + per_pixel * size.pixels() * eighths / 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LADDER: [Size; 4] = [size(1080, 1920), size(720, 1280), size(540, 960), size(360, 640)];

    const fn size(width: u32, height: u32) -> Size {
        Size { width, height }
    }

    #[test]
    fn one_thread_a_context_needs_segments_and_several_do_not() {
        let (rav1e, svt) = (EncoderKind::Rav1e, EncoderKind::Libav(LibavEncoder::SvtAv1));
        assert_eq!([1, 2, 16].map(|cores| rav1e.segments_at_once(&LADDER, cores)), [1, 2, 10]);
        assert_eq!([1, 2, 16].map(|cores| svt.segments_at_once(&LADDER, cores)), [1, 1, 1]);
        assert_eq!(rav1e.segments_at_once(&LADDER[..1], 16), 17);
        assert_eq!([1, 2].map(|cores| rav1e.segment_key_frames(&LADDER, cores)), [None, Some(NonZeroU32::MIN)]);
        assert_eq!([2, 16].map(|cores| svt.segment_key_frames(&LADDER, cores)), [None, None]);
    }

    #[test]
    fn who_cannot_be_told_of_key_frames_begins_a_segment_at_each() {
        for kind in [EncoderKind::Libav(LibavEncoder::Aom), EncoderKind::Pipe("no such profile".to_owned())] {
            assert_eq!([1, 16].map(|cores| kind.segment_key_frames(&LADDER, cores)), [Some(NonZeroU32::MIN); 2]);
            // While one segment's contexts end or begin, another's work.
            assert_eq!([1, 2].map(|cores| kind.segments_at_once(&LADDER, cores)), [1, 2]);
        }
    }

    #[test]
    fn profiles_that_are_always_there_count_key_frames() {
        for name in ["svtav1", "ffmpeg"] {
            let kind = EncoderKind::Pipe(name.to_owned());
            assert_eq!(kind.key_frame_control(), KeyFrameControl::Counted);
            assert_eq!([2, 16].map(|cores| kind.segment_key_frames(&LADDER, cores)), [None, NonZeroU32::new(3)]);
        }
    }

    #[test]
    fn memory_grows_with_pictures() {
        for kind in [EncoderKind::Rav1e, EncoderKind::Libav(LibavEncoder::SvtAv1), EncoderKind::Pipe(String::new())] {
            let memory = LADDER.map(|size| kind.memory(size, Depth::Eight, 8, 1));
            assert!(memory.is_sorted_by(|a, b| a > b), "{memory:?}");
            assert!(kind.memory(LADDER[0], Depth::Ten, 8, 1) > memory[0]);
        }
    }
}
