//! From the source's time stamps to the output's.

use crate::geometry::Rational;

/// Ticks finer than this overflow the 32-bit durations of MP4 after a few minutes' still.
const FINEST: i64 = 10_000_000;

/// Ticks to which finer ones are rounded: every usual frame rate, drop-frame ones included, is a whole number of them.
const ROUNDED: i64 = 120_000;

/// The output's time base for a source's, its numerator 1, and whether time stamps must be rounded to it.
pub(super) fn output_time_base(source: Rational) -> (Rational, bool) {
    let fits = (1..=FINEST).contains(&source.den) && source.num > 0;
    (Rational { num: 1, den: if fits { source.den } else { ROUNDED } }, !fits)
}

/// `ticks` of one time base in those of another, rounded to the nearest, halves up.
pub(super) fn rescale(ticks: i64, from: Rational, to: Rational) -> i64 {
    round_div(i128::from(ticks) * i128::from(from.num) * i128::from(to.den), i128::from(from.den) * i128::from(to.num))
}

/// As [`rescale`], rounded down.
pub(super) fn rescale_down(ticks: i64, from: Rational, to: Rational) -> i64 {
    let (num, den) =
        (i128::from(ticks) * i128::from(from.num) * i128::from(to.den), i128::from(from.den) * i128::from(to.num));
    saturate(num.div_euclid(den))
}

/// Ticks of `time_base` in `seconds`, rounded to the nearest.
pub(super) fn ticks(seconds: Rational, time_base: Rational) -> i64 {
    rescale(1, seconds, time_base)
}

fn round_div(num: i128, den: i128) -> i64 {
    saturate((2 * num + den).div_euclid(2 * den))
}

fn saturate(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

/// Gives every frame its place on the output's timeline.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    /// Ticks of the source's video stream.
    pub source: Rational,
    /// Ticks of the output.
    pub output: Rational,
    /// What is subtracted, in output ticks.
    pub origin: i64,
    /// Output ticks at which it ends, when it was asked to.
    pub end: Option<i64>,
    /// Duration of a frame of which nothing is known, in output ticks, at least 1.
    pub nominal: i64,
    /// Time and duration of the frame before.
    previous: Option<(i64, i64)>,
}

/// The place of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Output ticks after the origin.
    pub pts: i64,
    /// Output ticks; 0 when unknown.
    pub duration: i64,
    /// Whether the source gave no time, or one that is not after the frame before.
    pub retimed: bool,
}

impl Timeline {
    pub(super) fn new(source: Rational, output: Rational, frame_rate: Rational) -> Self {
        let frame = Rational { num: frame_rate.den, den: frame_rate.num.max(1) };
        Self { source, output, origin: 0, end: None, nominal: ticks(frame, output).max(1), previous: None }
    }

    /// The place of the next frame, with the source's time stamp and duration (0 when unknown) in source ticks. Places
    /// only ever go up: a frame that would not is put one tick after the one before.
    pub(super) fn place(&mut self, time: Option<i64>, duration: i64) -> Place {
        let stamped = time.map(|time| rescale(time, self.source, self.output) - self.origin);
        let duration = rescale(duration.max(0), self.source, self.output);
        let pts = match (stamped, self.previous) {
            (Some(stamped), Some((previous, _))) => stamped.max(previous + 1),
            (Some(stamped), None) => stamped,
            (None, Some((previous, 0))) => previous + self.nominal,
            (None, Some((previous, duration))) => previous + duration,
            (None, None) => 0,
        };
        self.previous = Some((pts, duration));
        Place { pts, duration, retimed: stamped != Some(pts) }
    }

    /// Whether a frame at `pts` lies after what is wanted.
    pub(super) fn is_after(&self, pts: i64) -> bool {
        self.end.is_some_and(|end| pts >= end)
    }
}
