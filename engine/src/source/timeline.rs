//! From the source's time stamps to the output's.

use crate::geometry::Rational;

/// Ticks finer than this overflow the 32-bit durations of MP4 after a few minutes' still.
const FINEST: i64 = 10_000_000;

/// Ticks to which finer ones are rounded: every usual frame rate, drop-frame ones included, is a whole number of them.
const ROUNDED: i64 = 120_000;

/// Ticks that no film reaches: what lies farther off is no time, and what lies nearer cannot overflow.
const FARTHEST: i64 = 1 << 56;

/// The output's time base for a source's, its numerator 1, and whether time stamps must be rounded to it.
pub(crate) fn output_time_base(source: Rational) -> (Rational, bool) {
    let fits = (1..=FINEST).contains(&source.den) && source.num > 0;
    (Rational { num: 1, den: if fits { source.den } else { ROUNDED } }, !fits)
}

/// `ticks` of one time base in those of another, rounded to the nearest, halves up.
pub(crate) fn rescale(ticks: i64, from: Rational, to: Rational) -> i64 {
    round_div(i128::from(ticks) * i128::from(from.num) * i128::from(to.den), i128::from(from.den) * i128::from(to.num))
}

/// As [`rescale`], rounded down.
pub(crate) fn rescale_down(ticks: i64, from: Rational, to: Rational) -> i64 {
    let (num, den) =
        (i128::from(ticks) * i128::from(from.num) * i128::from(to.den), i128::from(from.den) * i128::from(to.num));
    saturate(num.div_euclid(den))
}

/// Ticks of `time_base` in `seconds`, rounded to the nearest.
pub(crate) fn ticks(seconds: Rational, time_base: Rational) -> i64 {
    rescale(1, seconds, time_base)
}

fn round_div(num: i128, den: i128) -> i64 {
    saturate((2 * num + den).div_euclid(2 * den))
}

fn saturate(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

/// Times that go on by no more than this many seconds, and by less than a 64th of a frame, stand still: nothing is shown
/// for so short a time.
const STILL: Rational = Rational { num: 1, den: 1000 };

/// Gives every frame its place on the output's timeline.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    /// Ticks of the source's video stream.
    pub(crate) source: Rational,
    /// Ticks of the output.
    pub(crate) output: Rational,
    /// Output ticks that are subtracted from the source's times.
    pub(crate) origin: i64,
    /// Output ticks at which it ends, when it was asked to.
    pub(crate) end: Option<i64>,
    /// Duration of a frame of which nothing is known, in output ticks, at least 1.
    pub(crate) nominal: i64,
    /// Output ticks by which times go on that stand still, at least 1.
    still: i64,
    /// Time and duration of the frame before.
    previous: Option<(i64, i64)>,
    /// The last time that a frame had of the source.
    stamped: Option<i64>,
}

/// The place of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimelinePlace {
    /// Output ticks after the origin.
    pub(crate) pts: i64,
    /// Output ticks; 0 when unknown.
    pub(crate) duration: i64,
    /// True where the source gave a time that is not after the frame before, or none although it gave one earlier.
    pub(crate) retimed: bool,
}

impl Timeline {
    pub(crate) fn new(source: Rational, output: Rational, frame_rate: Rational) -> Self {
        let frame = Rational { num: frame_rate.den, den: frame_rate.num.max(1) };
        let nominal = ticks(frame, output).clamp(1, i64::from(i32::MAX));
        Self {
            source,
            output,
            origin: 0,
            end: None,
            nominal,
            still: (nominal / 64).min(ticks(STILL, output)).max(1),
            previous: None,
            stamped: None,
        }
    }

    /// The place of the next frame, with the source's time stamp and duration (0 when unknown) in source ticks. Places
    /// only ever go up. Where times stand still, frames follow one another at the nominal rate; where they go on, but
    /// behind what was placed already, at twice that rate until they are there.
    pub(crate) fn place(&mut self, time: Option<i64>, duration: i64) -> TimelinePlace {
        let stamped = time.map(|time| rescale(time, self.source, self.output).saturating_sub(self.origin));
        let stamped = stamped.filter(|stamped| (-FARTHEST..FARTHEST).contains(stamped));
        let duration = rescale(duration, self.source, self.output).clamp(0, i64::from(u32::MAX));
        let pts = match (stamped, self.previous) {
            (Some(stamped), Some((previous, _))) if self.goes_on(stamped) && stamped > previous => stamped,
            (Some(stamped), Some((previous, _))) if self.goes_on(stamped) => previous + (self.nominal / 2).max(1),
            (Some(_), Some((previous, _))) | (None, Some((previous, 0))) => previous + self.nominal,
            (None, Some((previous, duration))) => previous + duration,
            (Some(stamped), None) => stamped,
            (None, None) => 0,
        };
        let retimed = (self.stamped.is_some() || stamped.is_some()) && stamped != Some(pts);
        self.previous = Some((pts, duration));
        self.stamped = stamped.or(self.stamped);
        TimelinePlace { pts, duration, retimed }
    }

    /// Output ticks after the origin of the last frame that was placed.
    pub(crate) fn last(&self) -> Option<i64> {
        self.previous.map(|(pts, _)| pts)
    }

    /// Forgets the frames before, for the next may be one of them.
    pub(crate) fn restart(&mut self) {
        (self.previous, self.stamped) = (None, None);
    }

    /// Tells whether a time is truly after that of the frame before.
    fn goes_on(&self, stamped: i64) -> bool {
        self.stamped.is_none_or(|before| stamped.saturating_sub(before) >= self.still)
    }

    /// Tells whether a frame at `pts`, in output ticks, lies after the wanted part.
    pub(crate) fn is_after(&self, pts: i64) -> bool {
        self.end.is_some_and(|end| pts >= end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Rational = Rational { num: 1, den: 1000 };
    const FILM: Rational = Rational { num: 25, den: 1 };

    #[test]
    fn time_bases_get_a_numerator_of_one() {
        assert_eq!(output_time_base(Rational::new(1, 90_000)), (Rational::new(1, 90_000), false));
        let ntsc = Rational::new(1001, 30_000);
        let (output, rounded) = output_time_base(ntsc);
        assert_eq!((output, rounded), (Rational::new(1, 30_000), false));
        assert_eq!(rescale(7, ntsc, output), 7007);
        let nanosecond = Rational::new(1, 1_000_000_000);
        assert_eq!(output_time_base(nanosecond), (Rational::new(1, 120_000), true));
        // A frame of 24000/1001 frames a second, as far as nanoseconds say.
        assert_eq!(rescale(41_708_333, nanosecond, Rational::new(1, 120_000)), 5005);
    }

    #[test]
    fn rescaling_rounds_to_the_nearest_or_down() {
        let tenth = Rational::new(1, 10);
        assert_eq!(
            [-16, -15, -14, 14, 15, 16].map(|t| rescale(t, Rational::new(1, 100), tenth)),
            [-2, -1, -1, 1, 2, 2]
        );
        assert_eq!([-11, -10, 19].map(|t| rescale_down(t, Rational::new(1, 100), tenth)), [-2, -1, 1]);
        assert_eq!(rescale(i64::MAX, Rational::new(1, 1), MILLISECOND), i64::MAX);
        assert_eq!(ticks(Rational::new(1, 3), MILLISECOND), 333);
    }

    fn places(times: &[Option<i64>], duration: i64) -> Vec<(i64, bool)> {
        let mut timeline = Timeline::new(MILLISECOND, MILLISECOND, FILM);
        timeline.origin = 100;
        times.iter().map(|&time| timeline.place(time, duration)).map(|place| (place.pts, place.retimed)).collect()
    }

    #[test]
    fn time_stamps_ride_through() {
        assert_eq!(places(&[Some(100), Some(133), Some(400)], 33), [(0, false), (33, false), (300, false)]);
    }

    #[test]
    fn times_that_stand_still_go_on_at_the_nominal_rate() {
        let times = [Some(100), Some(140), Some(140), Some(140), Some(260)];
        let expected = [(0, false), (40, false), (80, true), (120, true), (160, false)];
        assert_eq!(places(&times, 40), expected);
        assert_eq!(places(&[Some(100); 3], 0), [(0, false), (40, true), (80, true)]);
    }

    #[test]
    fn times_that_creep_stand_still() {
        let ticks = Rational { num: 1, den: 90_000 };
        let mut timeline = Timeline::new(ticks, ticks, FILM);
        let mut place = |time| timeline.place(Some(time), 0).pts;
        assert_eq!([0, 1, 2, 10_800, 10_890].map(&mut place), [0, 3600, 7200, 10_800, 10_890]);
    }

    #[test]
    fn times_that_fall_behind_are_caught_up_with() {
        let times = [Some(100), Some(140), Some(120), Some(160), Some(200), Some(240)];
        let expected = [(0, false), (40, false), (80, true), (100, true), (120, true), (140, false)];
        assert_eq!(places(&times, 40), expected);
    }

    #[test]
    fn missing_time_stamps_follow_the_frame_before() {
        assert_eq!(places(&[Some(100), None, Some(180)], 30), [(0, false), (30, true), (80, false)]);
        assert_eq!(places(&[Some(100), None], 0), [(0, false), (40, true)]);
        assert_eq!(places(&[None, None, None], 0), [(0, false), (40, false), (80, false)]);
    }

    #[test]
    fn absurd_time_stamps_are_none() {
        assert_eq!(
            places(&[Some(100), Some(i64::MAX), Some(i64::MIN + 1), Some(200)], 0),
            [(0, false), (40, true), (80, true), (100, false)]
        );
        assert_eq!(places(&[Some(100), None], i64::MAX), [(0, false), (i64::from(u32::MAX), true)]);
    }

    #[test]
    fn the_end_is_not_inside() {
        let mut timeline = Timeline::new(MILLISECOND, MILLISECOND, FILM);
        assert!(!timeline.is_after(i64::MAX));
        timeline.end = Some(80);
        assert!(!timeline.is_after(79) && timeline.is_after(80));
    }
}
