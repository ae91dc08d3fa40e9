//! The facts about an encoder that a plan depends on, known before it is opened.

use super::kind::{EncoderKind, LibavEncoder};
use super::pipe::Profile;
use crate::error::Result;
use crate::frame::Depth;
use crate::geometry::Size;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// Threads of one context of SVT-AV1 in a process of its own: more hold more pictures in memory and gain little.
const PIPE_THREADS: usize = 4;
/// Threads of one context of the linked SVT-AV1, of which there are no more than rungs: the largest of a ladder, which
/// has half of the pixels, keeps half of sixteen cores busy.
const SVT_THREADS: usize = 8;

/// The way in which key frames are made. The first frame of a segment always is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyFrameControl {
    /// Any frame becomes one on demand.
    Forced,
    /// One every so many frames; the number is set when the encoder is opened.
    Counted,
    /// The first frame alone is one: every key frame begins a segment.
    First,
}

/// The facts about an encoder that decide on key frames, segments and threads of a plan; resolved once, when it is
/// made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncoderCapabilities {
    /// The way in which key frames are made.
    pub key_frames: KeyFrameControl,
    /// Key frames of a segment; none where the whole film has to be one.
    pub segment_key_frames: Option<NonZeroU32>,
    /// Threads that one context is best given of the cores, at least 1. They may decide on what comes out.
    pub threads: usize,
}

impl LibavEncoder {
    /// Returns the way in which key frames are made.
    pub(super) fn key_frames(self) -> KeyFrameControl {
        // libaom makes the frame after one that is asked for a key frame too; of hardware nothing is known.
        if self == Self::SvtAv1 { KeyFrameControl::Forced } else { KeyFrameControl::First }
    }
}

impl EncoderKind {
    /// Finds out what the encoder can do, and how many of `cores` a context of it uses well. A profile is read for it;
    /// the encoder itself need not be on this machine.
    ///
    /// # Errors
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) or [`Error::Io`](crate::Error::Io) for a profile that cannot be read.
    pub fn capabilities(&self, cores: usize) -> Result<EncoderCapabilities> {
        let key_frames = match self {
            Self::Rav1e => KeyFrameControl::Forced,
            Self::Libav(encoder) => encoder.key_frames(),
            Self::Pipe(profile) if Profile::load(profile)?.counts_key_frames() => KeyFrameControl::Counted,
            Self::Pipe(_) => KeyFrameControl::First,
        };
        let segment_key_frames = match (self, key_frames) {
            // None can be opened while another works (`encode/libav/sharing.rs`).
            (Self::Libav(LibavEncoder::SvtAv1), _) => None,
            // Opening a context costs as much as some twenty frames.
            (Self::Pipe(_), KeyFrameControl::Forced | KeyFrameControl::Counted) => NonZeroU32::new(3),
            (Self::Pipe(_), KeyFrameControl::First) | (Self::Rav1e | Self::Libav(_), _) => Some(NonZeroU32::MIN),
        };
        let threads = match self {
            // They use several by cutting pictures into tiles, which costs bits; segments side by side cost none.
            Self::Rav1e | Self::Libav(LibavEncoder::Aom) => 1,
            Self::Libav(LibavEncoder::SvtAv1) => cores.clamp(1, SVT_THREADS),
            Self::Pipe(_) => cores.clamp(1, PIPE_THREADS),
            Self::Libav(_) => 1,
        };
        Ok(EncoderCapabilities { key_frames, segment_key_frames, threads })
    }

    /// Computes how many segments, of rungs of these sizes, keep `cores` busy with so many threads a context: 1 with
    /// one core, and for the linked SVT-AV1, of which no context can be opened while others work.
    ///
    /// The contexts of a segment go at the pace of the largest, whose threads work all the time; those of the others do
    /// so by their share of its pixels.
    pub fn segments_at_once(&self, sizes: &[Size], threads: usize, cores: usize) -> usize {
        if cores == 1 || *self == Self::Libav(LibavEncoder::SvtAv1) {
            return 1;
        }
        let largest = sizes.iter().map(|size| size.pixels()).max().unwrap_or(1).max(1);
        let all: u64 = sizes.iter().map(|size| size.pixels()).sum();
        // In units of the largest rung's pixels.
        let (wanted, of_each) = (cores as u64 * largest, threads.max(1) as u64 * all.max(1));
        // One core's worth more, so that one may begin or end while the others work.
        usize::try_from((wanted + largest).div_ceil(of_each).max(2)).unwrap_or(usize::MAX)
    }

    /// Estimates the bytes of memory that one context takes at most: measured as the peak of a process with one encoder
    /// at 540x960 and 1080x1920, on film but for libaom, on noise.
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
    use crate::error::Error;

    const LADDER: [Size; 4] = [size(1080, 1920), size(720, 1280), size(540, 960), size(360, 640)];
    const SVT: EncoderKind = EncoderKind::Libav(LibavEncoder::SvtAv1);

    const fn size(width: u32, height: u32) -> Size {
        Size { width, height }
    }

    fn pipe(profile: &str) -> EncoderKind {
        EncoderKind::Pipe(profile.to_owned())
    }

    #[test]
    fn segments_do_not_depend_on_cores() {
        let three = NonZeroU32::new(3);
        for (kind, expected) in [
            (EncoderKind::Rav1e, Some(NonZeroU32::MIN)),
            (EncoderKind::Libav(LibavEncoder::Aom), Some(NonZeroU32::MIN)),
            (SVT, None),
            (pipe("svtav1"), three),
            (pipe("ffmpeg"), three),
        ] {
            for cores in [1, 2, 16, 256] {
                assert_eq!(kind.capabilities(cores).unwrap().segment_key_frames, expected, "{kind} {cores}");
            }
        }
    }

    #[test]
    fn threads_are_no_more_than_cores_and_than_are_of_use() {
        let threads = |kind: EncoderKind| [1, 2, 16].map(|cores| kind.capabilities(cores).unwrap().threads);
        assert_eq!(threads(EncoderKind::Rav1e), [1, 1, 1]);
        assert_eq!(threads(SVT), [1, 2, 8]);
        assert_eq!(threads(pipe("svtav1")), [1, 2, 4]);
    }

    #[test]
    fn segments_at_once_keep_the_cores_busy() {
        let rav1e = |sizes: &[Size], threads| {
            [1, 2, 16].map(|cores| EncoderKind::Rav1e.segments_at_once(sizes, threads, cores))
        };
        assert_eq!(rav1e(&LADDER, 1), [1, 2, 10]);
        assert_eq!(rav1e(&LADDER, 4), [1, 2, 3]);
        assert_eq!(rav1e(&LADDER[..1], 1), [1, 3, 17]);
        assert_eq!([1, 2, 16].map(|cores| SVT.segments_at_once(&LADDER, 8, cores)), [1, 1, 1]);
    }

    #[test]
    fn a_profile_says_whether_its_program_counts_key_frames() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.toml");
        let with = |arguments: &str| {
            let rest = "quality = [[0, 9]]\nspeed = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n";
            let profile = format!("program = 'cat'\nsilence = 1\narguments = [{arguments}]\n{rest}");
            std::fs::write(&path, profile).unwrap();
            pipe(path.to_str().unwrap()).capabilities(2).unwrap()
        };
        let counts = with("'--keyint', '{keyint}'");
        assert_eq!((counts.key_frames, counts.segment_key_frames), (KeyFrameControl::Counted, NonZeroU32::new(3)));
        let makes_one = with("");
        assert_eq!(makes_one.key_frames, KeyFrameControl::First);
        assert_eq!(makes_one.segment_key_frames, Some(NonZeroU32::MIN), "a segment begins at each");
        assert!(matches!(pipe("no such profile").capabilities(2), Err(Error::InvalidOption { .. })));
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
