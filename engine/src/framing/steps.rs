//! The times at which a shot's path is planned.

use crate::analyse::{SeenShot, Sighting};

/// Steps a second.
pub(super) const STEPS: f64 = 10.0;

/// A shot's steps: times at which its path is planned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps {
    /// Seconds.
    start: f64,
    pub(super) count: usize,
    tick: f64,
}

impl Steps {
    pub(super) fn of(shot: &SeenShot, tick: f64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "times of a film")]
        let seconds = |time: i64| time as f64 * tick;
        let length = seconds(shot.last) - seconds(shot.start);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a film's length")]
        let count = (length * STEPS).floor().max(0.0) as usize + 1;
        Self { start: seconds(shot.start), count, tick }
    }

    /// Seconds of a step.
    #[expect(clippy::cast_precision_loss, reason = "steps of a shot")]
    pub(super) fn time(&self, step: usize) -> f64 {
        self.start + step as f64 / STEPS
    }

    #[expect(clippy::cast_precision_loss, reason = "times of a film")]
    pub(super) fn seconds(&self, sighting: &Sighting) -> f64 {
        sighting.time as f64 * self.tick
    }
}

/// Gives a part of a whole; of nothing, as of one.
pub(super) fn ratio(count: usize, whole: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "steps of a shot")]
    let ratio = count as f64 / whole.max(1) as f64;
    ratio
}
