//! Which frames are key frames: decided once, for all rungs.

use crate::geometry::Rational;
use crate::plan::KeyFrameRule;

/// Follows the frames of a film and tells which of them are key frames.
#[derive(Clone, Debug)]
pub(crate) struct KeyFrames {
    rule: KeyFrameRule,
    time_base: Rational,
    first: Option<i64>,
    /// Number of the interval, counted from the first frame, in which the last frame was.
    interval: i128,
    /// Frames so far.
    frames: u64,
}

impl KeyFrames {
    /// For timestamps in ticks of `time_base`.
    pub(crate) fn new(rule: KeyFrameRule, time_base: Rational) -> Self {
        Self { rule, time_base, first: None, interval: 0, frames: 0 }
    }

    /// Whether the next frame, presented at `pts`, is a key frame. Times rise from call to call.
    pub(crate) fn next(&mut self, pts: i64) -> bool {
        let number = self.frames;
        self.frames += 1;
        if let Some(distance) = self.rule.frames {
            return number.is_multiple_of(u64::from(distance.get()));
        }
        let Some(first) = self.first else {
            self.first = Some(pts);
            return true;
        };
        let Rational { num: ticks, den: per_second } = self.time_base;
        let Rational { num: seconds, den: parts } = self.rule.interval;
        // Fits whatever the numbers, for the numerator of a video time base is 1.
        let elapsed = (i128::from(pts) - i128::from(first)) * i128::from(ticks) * i128::from(parts);
        let interval = elapsed.div_euclid(i128::from(per_second) * i128::from(seconds));
        let key = interval > self.interval;
        self.interval = self.interval.max(interval);
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(interval: Rational, time_base: Rational, times: &[i64]) -> Vec<i64> {
        let mut rule = KeyFrames::new(KeyFrameRule { interval, frames: None }, time_base);
        times.iter().copied().filter(|&pts| rule.next(pts)).collect()
    }

    #[test]
    fn a_steady_film_has_one_every_interval() {
        let times: Vec<_> = (0..200).collect();
        assert_eq!(keys(Rational::new(2, 1), Rational::new(1, 25), &times), [0, 50, 100, 150]);
    }

    #[test]
    fn ntsc_takes_the_first_frame_at_or_after_each_multiple() {
        let times: Vec<_> = (0..200).map(|frame| frame * 1001).collect();
        // Frames 60 and 120 lie at 2.002 and 4.004 s; the one before is early.
        assert_eq!(keys(Rational::new(2, 1), Rational::new(1, 30000), &times), [0, 60 * 1001, 120 * 1001, 180 * 1001]);
    }

    #[test]
    fn time_is_counted_from_the_first_frame() {
        let times: Vec<_> = (0..60).map(|frame| frame + 13).collect();
        assert_eq!(keys(Rational::new(1, 1), Rational::new(1, 25), &times), [13, 38, 63]);
    }

    #[test]
    fn a_gap_of_several_intervals_has_one_and_the_grid_stays() {
        assert_eq!(
            keys(Rational::new(2, 1), Rational::new(1, 10), &[0, 10, 70, 75, 79, 80, 85, 110]),
            [0, 70, 80, 110]
        );
    }

    #[test]
    fn an_interval_below_a_frame_makes_every_frame_one() {
        assert_eq!(keys(Rational::new(1, 1000), Rational::new(1, 25), &[0, 1, 2]), [0, 1, 2]);
    }

    #[test]
    fn where_frames_are_counted_times_do_not_matter() {
        let rule = KeyFrameRule { interval: Rational::new(1, 1), frames: std::num::NonZeroU32::new(3) };
        let mut rule = KeyFrames::new(rule, Rational::new(1, 25));
        let keys = [0, 1, 100, 101, 102, 103, 500].map(|pts| rule.next(pts));
        assert_eq!(keys, [true, false, false, true, false, false, true]);
    }

    proptest! {
        #[test]
        fn every_interval_with_a_frame_has_exactly_one_its_first(
            steps in prop::collection::vec(1_i64..200, 1..300),
            start in -1000_i64..1000,
            interval in 1_i64..500,
        ) {
            let times: Vec<i64> =
                steps.iter().scan(start, |pts, step| { *pts += step; Some(*pts) }).collect();
            let found = keys(Rational::new(interval, 90), Rational::new(1, 90), &times);
            let mut expected = times.clone();
            expected.dedup_by_key(|pts| (*pts - times[0]) / interval);
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn extreme_numbers_do_not_overflow(first in any::<i64>(), pts in any::<i64>(), a in 1..i64::MAX, b in 1..i64::MAX) {
            let mut rule = KeyFrames::new(KeyFrameRule { interval: Rational { num: a, den: b }, frames: None }, Rational::new(1, a));
            prop_assert!(rule.next(first));
            rule.next(pts);
        }
    }
}
