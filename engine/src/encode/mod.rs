//! AV1 encoders behind one trait.

use crate::colour::{Colour, HdrMetadata};
use crate::error::Result;
use crate::frame::{Depth, Frame};
use crate::geometry::{Rational, Size};
use crate::packet::Packet;
use serde::Serialize;

/// Which encoder makes the AV1 stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EncoderKind {
    /// The rav1e library, always there.
    Rav1e,
}

/// What an encoder is opened with; constant over a rendition.
#[derive(Clone, Debug, PartialEq)]
pub struct EncoderSettings {
    /// Which one.
    pub kind: EncoderKind,
    /// Size of every frame.
    pub size: Size,
    /// 8 or 10 bits.
    pub depth: Depth,
    /// Tags of the stream.
    pub colour: Colour,
    /// Metadata of a high dynamic range stream.
    pub hdr: HdrMetadata,
    /// Ticks of every timestamp.
    pub time_base: Rational,
    /// Nominal frames a second, for rate decisions and the level.
    pub frame_rate: Rational,
    /// 0 (slowest, best) to 10 (fastest).
    pub speed: u8,
    /// 0 (worst) to 100 (best).
    pub quality: u8,
    /// Threads that the encoder may use, at least 1.
    pub threads: usize,
}

/// An AV1 encoder. Frames go in and packets come out in presentation order.
pub trait Encoder: Send {
    /// Takes a frame, and appends the packets that have become ready: one AV1 temporal unit each, that is exactly one
    /// shown frame, without temporal delimiter; those of key frames begin with the sequence header. With `key` the frame becomes a key frame; no
    /// other frame but the first does.
    ///
    /// # Errors
    /// [`crate::Error::Encoder`].
    fn encode(&mut self, frame: &Frame, key: bool, packets: &mut Vec<Packet>) -> Result<()>;

    /// Appends the packets of all frames that are still inside. No frame may follow.
    ///
    /// # Errors
    /// [`crate::Error::Encoder`].
    fn finish(&mut self, packets: &mut Vec<Packet>) -> Result<()>;
}
