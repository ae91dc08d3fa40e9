//! What comes out of decoding.

use super::cue::Cue;

/// Captions that have ended, and how much could not be read.
#[derive(Clone, Debug, Default)]
pub(super) struct Output {
    pub(super) cues: Vec<Cue>,
    /// Pairs, packets, blocks and codes that were dropped.
    pub(super) damaged: u64,
}

impl Output {
    /// Counts something that is dropped.
    pub(super) fn drop_one(&mut self) {
        self.damaged = self.damaged.saturating_add(1);
    }
}
