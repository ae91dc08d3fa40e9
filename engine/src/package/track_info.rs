//! What a track is, before its samples.

use super::sample_entry::SampleEntry;
use crate::encryption::ContentKey;

/// Kind of the group of samples that can be decoded well only after others (ISO/IEC 14496-12, 10.1).
pub(super) const ROLL: &[u8; 4] = b"roll";

/// The track of every file: the only one.
pub(super) const TRACK: u32 = 1;

/// What a track is, before its samples.
#[derive(Clone, Debug)]
pub(crate) struct TrackInfo {
    /// Ticks a second of all its times.
    pub(crate) timescale: u32,
    /// Language of what is in it.
    pub(crate) language: Option<String>,
    /// What its samples are.
    pub(crate) sample: SampleEntry,
    /// Ticks at the beginning of the samples that are decoded and not presented: what is presented at time 0 comes after them.
    pub(crate) priming: u32,
    /// Ticks of a sample, for the last one where nobody else knows.
    pub(crate) nominal: i64,
    /// The key that its samples are encrypted with; none where they are not.
    pub(crate) key: Option<ContentKey>,
}

impl TrackInfo {
    /// Samples, below zero, from which on a decoder that begins at one has to decode; none where that is not told.
    pub(super) fn roll_distance(&self) -> Option<i16> {
        match &self.sample {
            SampleEntry::Video(_) => None,
            SampleEntry::Audio(audio) => audio.codec.roll_distance(),
        }
    }
}
