//! Seconds as ticks.

use crate::geometry::Rational;

/// Knows how long a tick is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    time_base: Rational,
}

impl Clock {
    /// Begins, with ticks of so many seconds. What is not above 0 is taken for 1.
    pub(super) fn new(time_base: Rational) -> Self {
        Self { time_base: Rational { num: time_base.num.max(1), den: time_base.den.max(1) } }
    }

    /// Gives the ticks of tenths of a second, rounded up.
    pub(super) fn ticks(self, tenths: u32) -> i64 {
        let numerator = i128::from(tenths) * i128::from(self.time_base.den);
        let denominator = i128::from(self.time_base.num) * 10;
        i64::try_from((numerator + denominator - 1) / denominator).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenths_are_ticks() {
        let clock = Clock::new(Rational { num: 1001, den: 30000 });
        assert_eq!(clock.ticks(10), 30);
        assert_eq!(clock.ticks(0), 0);
        assert_eq!(Clock::new(Rational { num: 1, den: 90000 }).ticks(25), 225_000);
        assert_eq!(Clock::new(Rational { num: 0, den: i64::MAX }).ticks(u32::MAX), i64::MAX);
    }
}
