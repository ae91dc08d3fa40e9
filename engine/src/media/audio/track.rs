//! What the sound is that comes out of a source.

use crate::geometry::Rational;
use crate::media::parameters::CodecParameters;

/// The audio track as it goes into MP4: copied, or converted to AAC.
#[derive(Clone, Debug)]
pub struct AudioTrack {
    /// libav codec parameters and side data, opaque to everyone but the muxer.
    pub parameters: CodecParameters,
    /// Ticks of the packets.
    pub time_base: Rational,
    /// True where packets are the source's own bytes, false where they were converted to AAC.
    pub copied: bool,
    /// ISO 639-2 language.
    pub language: Option<String>,
    /// Title of the track.
    pub title: Option<String>,
}
