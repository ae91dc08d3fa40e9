//! What the planner must know of an encoder before it opens one.

use super::{EncoderKind, LibavEncoder};
use crate::error::{Error, Result};
use crate::geometry::Size;

impl EncoderKind {
    /// Whether it makes a key frame of any frame it is told to. Where not, only the first frame of a segment is one, and
    /// every key frame begins a segment.
    pub fn forces_key_frames(&self) -> bool {
        match self {
            Self::Rav1e | Self::Libav(LibavEncoder::SvtAv1) => true,
            Self::Libav(_) | Self::Pipe(_) => false,
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
}
