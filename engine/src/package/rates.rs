//! Bits a second, measured from segments.

use super::track::{Part, Track};

/// Rates of a list of segments, in bits a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rates {
    /// Of all of it.
    pub(crate) average: u64,
    /// The largest of any segments in succession that last from half to one and a half times as long as the longest, as
    /// RFC 8216, 4.1 has it.
    pub(crate) peak: u64,
}

impl Rates {
    /// Measures the rates of `parts`, each of so many seconds and bytes.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rates are far below 2^53"
    )]
    fn of(parts: &[(f64, u64)]) -> Self {
        let target = parts.iter().map(|part| part.0).fold(0.0, f64::max);
        let rate = |seconds: f64, bytes: u64| (bytes as f64 * 8.0 / seconds.max(1e-9)).ceil() as u64;
        let (seconds, bytes) = parts.iter().fold((0.0, 0), |(time, sum), part| (time + part.0, sum + part.1));
        let average = if parts.is_empty() { 0 } else { rate(seconds, bytes) };
        let mut peak = 0;
        for begin in 0..parts.len() {
            let (mut time, mut sum) = (0.0, 0);
            for part in &parts[begin..] {
                (time, sum) = (time + part.0, sum + part.1);
                if time > 1.5 * target {
                    break;
                }
                if time >= 0.5 * target {
                    peak = peak.max(rate(time, sum));
                }
            }
        }
        // A film shorter than half of what is meant has no such run.
        Self { average, peak: peak.max(average) }
    }

    /// Those of a track.
    pub(super) fn of_track(track: &Track) -> Self {
        Self::of_parts(track.segment_parts())
    }

    /// Those of its key frames alone, each of which is shown up to the next.
    pub(super) fn of_keys(track: &Track) -> Self {
        Self::of_parts(track.key_parts())
    }

    fn of_parts<'a>(parts: impl Iterator<Item = Part<'a>>) -> Self {
        Self::of(&parts.map(|part| (part.seconds, part.bytes.end - part.bytes.start)).collect::<Vec<_>>())
    }

    /// Those of two that are fetched together.
    pub(super) fn with(self, other: Self) -> Self {
        Self { average: self.average + other.average, peak: self.peak + other.peak }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_is_of_any_run_that_is_long_enough() {
        // 6 s of 1 kB/s, and a short end of 10 kB/s: by itself it is too short to count, with the one before it is not.
        let parts = [(6.0, 6000), (6.0, 6000), (2.0, 20_000)];
        assert_eq!(Rates::of(&parts), Rates { average: 18_286, peak: 26_000 });
        assert_eq!(Rates::of(&parts[2..]), Rates { average: 80_000, peak: 80_000 });
        assert_eq!(Rates::of(&[]), Rates::default());
    }
}
