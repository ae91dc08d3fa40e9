//! What the planner must know of an encoder before it opens one.

use super::{EncoderKind, LibavEncoder};

impl EncoderKind {
    /// Whether it makes a key frame of any frame it is told to. Where not, only the first frame of a segment is one, and
    /// every key frame begins a segment.
    pub fn forces_key_frames(&self) -> bool {
        match self {
            Self::Rav1e | Self::Libav(LibavEncoder::SvtAv1) => true,
            Self::Libav(_) | Self::Pipe(_) => false,
        }
    }
}
