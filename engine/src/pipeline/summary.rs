//! What is known of a source once all of it was decoded.

use super::report::LoudnessReport;
use super::spool::Spool;
use crate::media::AudioTrack;
use crate::source::Damage;
use crate::timestamps::TimestampDigest;

/// A track of sound that lies on disk.
#[derive(Debug)]
pub(crate) struct SpooledAudio {
    /// Its place in the plan.
    pub(crate) place: usize,
    /// What it is.
    pub(crate) track: AudioTrack,
    pub(crate) packets: Spool,
    /// The same sound as Opus, where that is wanted too.
    pub(crate) opus: Option<(AudioTrack, Spool)>,
    /// What became of its loudness; none where it stayed.
    pub(crate) loudness: Option<LoudnessReport>,
}

/// What is known of a source once all of it that is wanted was decoded.
#[derive(Debug)]
pub(crate) struct SourceSummary {
    /// Its frames' times, and which of them are key frames; at least one.
    pub(crate) frames: TimestampDigest,
    /// Duration of the last frame in ticks; 0 when it is not known.
    pub(crate) last_duration: i64,
    /// The sound, a track each, the default one first; none of which nothing came.
    pub(crate) audio: Vec<SpooledAudio>,
    /// What was wrong with the source.
    pub(crate) damage: Damage,
    /// Segments that had a frame.
    pub(crate) segments: u64,
    /// Those of them that were encoded earlier.
    pub(crate) reused: u64,
}
