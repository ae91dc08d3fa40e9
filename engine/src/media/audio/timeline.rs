//! From a stream's timestamps to samples after the origin.

use crate::geometry::Rational;
use ffmpeg_sys_next as av;

/// Centuries at any rate; what lies farther off is no time, and arithmetic nearer by cannot overflow.
const FARTHEST: i64 = 1 << 48;

/// Where a stream's timestamps lie on the output's time line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeline {
    /// Ticks of the timestamps, in seconds.
    time_base: av::AVRational,
    /// The time in seconds that becomes 0.
    origin: Rational,
    /// Seconds after the origin at which everything ends.
    end: Option<Rational>,
}

impl Timeline {
    pub(super) fn new(time_base: av::AVRational, origin: Rational, end: Option<Rational>) -> Self {
        Self { time_base, origin, end }
    }

    /// Ticks of the timestamps, in seconds.
    pub(super) fn time_base(&self) -> av::AVRational {
        self.time_base
    }

    /// The place of a timestamp, in samples of `rate` a second after the origin; none for no timestamp, or one that is
    /// out of all reason.
    pub(super) fn sample(&self, ticks: i64, rate: i64) -> Option<i64> {
        if ticks == av::AV_NOPTS_VALUE || self.time_base.den <= 0 {
            return None;
        }
        let (num, den) = (i128::from(self.time_base.num), i128::from(self.time_base.den));
        let (origin_num, origin_den) = (i128::from(self.origin.num), i128::from(self.origin.den));
        // ticks * num / den - origin_num / origin_den, in samples.
        let time = i128::from(ticks).checked_mul(num)?.checked_mul(origin_den)?.checked_sub(origin_num * den)?;
        round(time.checked_mul(i128::from(rate))?, den * origin_den).filter(|sample| sample.abs() < FARTHEST)
    }

    /// The first sample of `rate` a second that is left out; none when there is no end.
    pub(super) fn end(&self, rate: i64) -> Option<i64> {
        self.end.and_then(|end| rescale(end.num, rate, end.den))
    }

    /// The timestamp nearest to sample `sample` of `rate` a second after the origin; no timestamp when it is out of all
    /// reason.
    pub(super) fn stamp(&self, sample: i64, rate: i64) -> i64 {
        let (num, den) = (i128::from(self.time_base.num), i128::from(self.time_base.den));
        let (origin_num, origin_den) = (i128::from(self.origin.num), i128::from(self.origin.den));
        // (sample / rate + origin_num / origin_den) * den / num, in ticks.
        let time = i128::from(sample) * origin_den + origin_num * i128::from(rate);
        let stamp = time.checked_mul(den).and_then(|time| round(time, origin_den * i128::from(rate) * num.max(1)));
        stamp.unwrap_or(av::AV_NOPTS_VALUE)
    }

    /// A duration in samples of `rate` a second.
    pub(super) fn duration(&self, ticks: i64, rate: i64) -> i64 {
        let num = rate.saturating_mul(self.time_base.num.into());
        rescale(ticks, num, self.time_base.den.max(1).into()).unwrap_or(0)
    }

    /// By how many samples of `rate` a second a timestamp may be off through rounding alone: none where ticks are
    /// samples, else two ticks.
    pub(super) fn rounding(&self, rate: i64) -> i64 {
        let (num, den) = (i64::from(self.time_base.num), i64::from(self.time_base.den.max(1)));
        if rate * num % den == 0 && rate * num / den <= 1 { 0 } else { 2 * rate * num / den + 1 }
    }
}

/// `value * num / den`, to the nearest; none when that is out of range.
pub(super) fn rescale(value: i64, num: i64, den: i64) -> Option<i64> {
    round(i128::from(value) * i128::from(num), i128::from(den))
}

/// `num / den` to the nearest, halves up; `den` is positive.
fn round(num: i128, den: i128) -> Option<i64> {
    i64::try_from(num.checked_mul(2)?.checked_add(den)?.div_euclid(2 * den)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECONDS: av::AVRational = av::AVRational { num: 1, den: 1000 };

    #[test]
    fn places_are_exact_and_counted_from_the_origin() {
        let timeline = Timeline::new(MILLISECONDS, Rational::new(1001, 30_000), None);
        assert_eq!(timeline.sample(1000, 48_000), Some(48_000 - 1602));
        assert_eq!(timeline.sample(33, 30_000), Some(-11));
        assert_eq!(timeline.sample(av::AV_NOPTS_VALUE, 48_000), None);
        assert_eq!(timeline.sample(i64::MAX, 48_000), None);
    }

    #[test]
    fn samples_have_their_timestamps_again() {
        let timeline = Timeline::new(av::AVRational { num: 1, den: 90_000 }, Rational::new(7, 5), None);
        for sample in [-1024, 0, 1024, 1_000_000_000] {
            let found = timeline.sample(timeline.stamp(sample, 48_000), 48_000);
            assert_eq!(found, Some(sample));
        }
        let coarse = Timeline::new(MILLISECONDS, Rational::new(0, 1), None);
        assert_eq!((coarse.stamp(1024, 44_100), coarse.stamp(i64::MAX, 1)), (23, av::AV_NOPTS_VALUE));
    }

    #[test]
    fn ends_and_durations_are_rounded_to_samples() {
        let timeline = Timeline::new(MILLISECONDS, Rational::new(0, 1), Some(Rational::new(1, 3)));
        assert_eq!(timeline.end(44_100), Some(14_700));
        assert_eq!(timeline.duration(23, 44_100), 1014);
        assert_eq!(rescale(-3, 1, 2), Some(-1));
        assert_eq!(rescale(i64::MAX, 2, 1), None);
    }

    #[test]
    fn only_coarse_ticks_round() {
        let rounding =
            |den, rate| Timeline::new(av::AVRational { num: 1, den }, Rational::new(0, 1), None).rounding(rate);
        assert_eq!(rounding(48_000, 48_000), 0);
        assert_eq!(rounding(1000, 48_000), 97);
        assert_eq!(rounding(90_000, 48_000), 2);
    }
}
