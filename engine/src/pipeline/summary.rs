//! What is known of a source once all of it was decoded.

use super::spool::Spool;
use crate::media::AudioTrack;
use crate::source::Damage;
use crate::timestamps::TimestampDigest;

/// What is known of a source once all of it that is wanted was decoded.
#[derive(Debug)]
pub(crate) struct SourceSummary {
    /// Its frames' times, and which of them are key frames; at least one.
    pub(crate) frames: TimestampDigest,
    /// Duration of the last frame in ticks; 0 when it is not known.
    pub(crate) last_duration: i64,
    /// The sound, when there is any.
    pub(crate) audio: Option<Spool>,
    /// What the sound is.
    pub(crate) track: Option<AudioTrack>,
    /// What was wrong with the source.
    pub(crate) damage: Damage,
    /// Segments that had a frame.
    pub(crate) segments: u64,
    /// Those of them that were encoded earlier.
    pub(crate) reused: u64,
}
