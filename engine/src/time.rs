//! Presentation times.

use crate::geometry::Rational;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;

/// A presentation time in seconds, on the output's time line: 0 is where the output begins. In lowest terms, so that equal
/// times are equal values.
///
/// Its text, in JSON too, is a fraction (`"123/25"`); decimals (`"4.92"`) and whole numbers are read as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(from = "Rational", into = "Rational")]
pub struct Time(Rational);

impl Time {
    /// Where the output begins.
    pub const ZERO: Self = Self(Rational { num: 0, den: 1 });

    /// Makes the time of a whole number of ticks of `time_base` seconds. A numerator or a denominator beyond 64 bits is
    /// held to their range.
    pub fn of_ticks(ticks: i64, time_base: Rational) -> Self {
        let num = i128::from(ticks) * i128::from(time_base.num);
        let den = i128::from(time_base.den);
        let divisor = gcd(num.unsigned_abs(), den.unsigned_abs()).max(1);
        let divisor = i128::try_from(divisor).unwrap_or(1);
        let within = |value: i128| i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX });
        Self(Rational { num: within(num / divisor), den: within(den / divisor) })
    }

    /// Gives the last tick of `time_base` seconds at or before the time, held to the range of 64 bits.
    pub fn ticks(self, time_base: Rational) -> i64 {
        let num = i128::from(self.0.num) * i128::from(time_base.den);
        let den = i128::from(self.0.den) * i128::from(time_base.num.max(1));
        let ticks = num.div_euclid(den);
        i64::try_from(ticks).unwrap_or(if ticks < 0 { i64::MIN } else { i64::MAX })
    }

    /// Gives the seconds since the output's beginning, in lowest terms.
    pub fn seconds(self) -> Rational {
        self.0
    }

    /// Measures the part of the way from `start` to `end` that has gone by, from 0 to 1; 1 where there is no way.
    pub fn progress(self, start: Self, end: Self) -> f64 {
        let [here, start, end] = [self, start, end].map(|time| time.0.as_f64());
        if end > start { ((here - start) / (end - start)).clamp(0.0, 1.0) } else { 1.0 }
    }
}

impl From<Rational> for Time {
    fn from(seconds: Rational) -> Self {
        Self(Rational::new(seconds.num, seconds.den))
    }
}

impl From<Time> for Rational {
    fn from(time: Time) -> Self {
        time.0
    }
}

impl PartialOrd for Time {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Time {
    fn cmp(&self, other: &Self) -> Ordering {
        let across = |one: Self, other: Self| i128::from(one.0.num) * i128::from(other.0.den);
        across(*self, *other).cmp(&across(*other, *self))
    }
}

impl fmt::Display for Time {
    /// Seconds with three decimals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s", self.0.as_f64())
    }
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TICKS: Rational = Rational { num: 1, den: 90_000 };

    #[test]
    fn equal_times_are_equal_values_and_compare_by_size() {
        assert_eq!(Time::of_ticks(45_000, TICKS), Time::from(Rational { num: 2, den: 4 }));
        assert!(Time::of_ticks(-1, TICKS) < Time::ZERO && Time::ZERO < Time::of_ticks(1, TICKS));
        assert_eq!(Time::of_ticks(3_753, TICKS).to_string(), "0.042 s");
    }

    #[test]
    fn progress_is_held_between_its_ends() {
        let at = |seconds| Time::from(Rational { num: seconds, den: 1 });
        assert_eq!([0, 1, 2, 3, 9].map(|time| at(time).progress(at(1), at(3))), [0.0, 0.0, 0.5, 1.0, 1.0]);
        assert_eq!(at(1).progress(at(1), at(1)), 1.0);
    }

    proptest! {
        #[test]
        fn ticks_come_back(ticks in any::<i64>(), den in 1_i64..10_000_000) {
            let time_base = Rational { num: 1, den };
            prop_assert_eq!(Time::of_ticks(ticks, time_base).ticks(time_base), ticks);
        }

        #[test]
        fn texts_come_back(num in any::<i64>(), den in 1..i64::MAX) {
            let time = Time::from(Rational { num, den });
            let text = serde_json::to_string(&time).unwrap();
            prop_assert_eq!(serde_json::from_str::<Time>(&text).unwrap(), time);
        }
    }
}
