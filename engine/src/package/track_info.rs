//! What a track is, before its samples.

use super::sample_entry::SampleEntry;

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
}
