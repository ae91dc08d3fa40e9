//! Frame rates, as manifests tell them.

use super::track::TrackFacts;

/// Frames a second where they come slowest and quickest.
#[expect(clippy::cast_precision_loss, reason = "ticks of a frame are far below 2^53")]
pub(super) fn frame_rates(track: &TrackFacts) -> [f64; 2] {
    [track.longest, track.shortest].map(|ticks| f64::from(track.timescale) / ticks.max(1) as f64)
}

/// Tells whether a nominal rate, written with three digits, is one of these.
pub(super) fn fits(rate: f64, [slowest, quickest]: [f64; 2]) -> bool {
    rate > slowest - 0.001 && rate < quickest + 0.001
}
