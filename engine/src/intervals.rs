//! Even intervals of time, the same in every rendition: those of key frames, and of segments for delivery.

use crate::geometry::Rational;

/// Intervals of time since a beginning. They are counted from it, or anew from a later time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Intervals {
    /// Seconds of each, above zero.
    pub(crate) each: Rational,
    /// Seconds after the beginning, above zero, from which they are counted anew; the one before may be shorter.
    pub(crate) anew: Option<Rational>,
}

impl Intervals {
    /// Number of the interval in which a time lies: so many ticks of `tick` seconds after the beginning, which is that of number 0.
    pub(crate) fn number(self, ticks: i128, tick: Rational) -> i128 {
        let elapsed = (ticks.saturating_mul(tick.num.into()), i128::from(tick.den));
        match self.anew.filter(|&anew| has_come_to(elapsed, anew)) {
            None => self.of(elapsed),
            Some(anew) => {
                let (num, den) = (i128::from(anew.num), i128::from(anew.den));
                // Not rounded up to a number that a time before it has: an interval that ends there is whole.
                let before = -self.of((-num, den));
                let rest = (
                    elapsed.0.saturating_mul(den).saturating_sub(num.saturating_mul(elapsed.1)),
                    elapsed.1.saturating_mul(den),
                );
                before + self.of(rest)
            }
        }
    }

    /// Tells whether the time from which intervals are counted anew has come, if there is one.
    pub(crate) fn is_anew(self, ticks: i128, tick: Rational) -> bool {
        let elapsed = (ticks.saturating_mul(tick.num.into()), i128::from(tick.den));
        self.anew.is_some_and(|anew| has_come_to(elapsed, anew))
    }

    /// Counts the whole intervals in so many seconds, rounded down.
    fn of(self, (num, den): (i128, i128)) -> i128 {
        let (seconds, parts) = (i128::from(self.each.num), i128::from(self.each.den));
        // Fits for all times of films; numbers that no film has stay within bounds.
        num.saturating_mul(parts).div_euclid(den.saturating_mul(seconds).max(1))
    }
}

fn has_come_to((num, den): (i128, i128), time: Rational) -> bool {
    num.saturating_mul(time.den.into()) >= i128::from(time.num).saturating_mul(den)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tenths of a second at which a new interval begins.
    fn begins(each: (i64, i64), anew: Option<(i64, i64)>) -> Vec<i128> {
        let rational = |(num, den)| Rational::new(num, den);
        let intervals = Intervals { each: rational(each), anew: anew.map(rational) };
        let number = |tenths| intervals.number(tenths, Rational::new(1, 10));
        (0..=70).filter(|&tenths| tenths == 0 || number(tenths) > number(tenths - 1)).collect()
    }

    #[test]
    fn they_are_counted_from_the_beginning_or_anew() {
        assert_eq!(begins((2, 1), None), [0, 20, 40, 60]);
        assert_eq!(begins((2, 1), Some((1, 1))), [0, 10, 30, 50, 70]);
        assert_eq!(begins((2, 1), Some((3, 1))), [0, 20, 30, 50, 70]);
        assert_eq!(begins((2, 1), Some((2, 1))), begins((2, 1), None));
        assert_eq!(begins((2, 1), Some((1, 100))), [0, 1, 21, 41, 61], "the first frame is an interval");
        assert_eq!(begins((6, 1), Some((5, 2))), [0, 25]);
    }

    #[test]
    fn numbers_that_no_film_has_are_no_panic() {
        let most = Rational { num: i64::MAX, den: i64::MAX - 1 };
        let intervals = Intervals { each: most, anew: Some(Rational { num: 1, den: i64::MAX }) };
        assert!(intervals.number(i64::MAX.into(), Rational { num: 1, den: i64::MAX }) >= 0);
        assert!(
            Intervals { each: Rational { num: 1, den: i64::MAX }, anew: None }
                .number(i64::MIN.into(), Rational::new(1, 1))
                < 0
        );
    }
}
