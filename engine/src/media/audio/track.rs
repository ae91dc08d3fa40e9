//! What the sound is that comes out of a source.

use crate::geometry::Rational;
use crate::media::parameters::CodecParameters;
use crate::media::tracks;
use crate::source::Role;

/// The audio track as it goes into the renditions: copied, or converted to AAC; or on its way there.
#[derive(Clone, Debug)]
pub struct AudioTrack {
    /// libav codec parameters and side data, opaque to everyone but the muxer.
    pub parameters: CodecParameters,
    /// Ticks of the packets.
    pub time_base: Rational,
    /// True where packets are the source's own bytes, false where they were converted to AAC or will be.
    pub copied: bool,
    /// True where packets are as they are best kept until the loudness of all is known, and none is for a rendition: the source's
    /// own, or samples in floating point.
    pub to_level: bool,
    /// ISO 639-2 language.
    pub language: Option<String>,
    /// Title of the track.
    pub title: Option<String>,
    /// What it is for.
    pub roles: Vec<Role>,
}

impl AudioTrack {
    /// The roles that MP4 says of it, in their order.
    pub(crate) fn stored_roles(&self) -> Vec<Role> {
        let mut roles: Vec<_> = self.roles.iter().copied().filter(|&role| tracks::is_kept_by_mp4(role)).collect();
        roles.sort();
        roles.dedup();
        roles
    }
}
