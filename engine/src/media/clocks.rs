//! By how much pictures were moved onto one time line, for text that has to follow them: it comes too seldom to tell by itself
//! where the programme's clock began anew.

use super::continuity::SECOND;

/// Text may be shown this long before the first picture of its clock or after the last one.
const NEAR: u64 = 5 * SECOND.unsigned_abs();

/// Pictures one after the other that were moved by the same amount. Times are nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Clock {
    /// What was added to their times.
    shift: i64,
    /// Their times as the container gives them.
    first: i64,
    last: i64,
    /// Where in the file the first of them lies; none where that is not known.
    place: Option<i64>,
}

/// The clocks of a film, in its order.
#[derive(Debug, Default)]
pub(super) struct Clocks(Vec<Clock>);

impl Clocks {
    /// Notes the next picture: its time as the container gives it, what was added to that, and where in the file it lies.
    pub(super) fn note(&mut self, time: i64, shift: i64, place: Option<i64>) {
        match self.0.last_mut().filter(|clock| clock.shift == shift) {
            Some(clock) => (clock.first, clock.last) = (clock.first.min(time), clock.last.max(time)),
            None => self.0.push(Clock { shift, first: time, last: time, place }),
        }
    }

    /// Gives what is to be added to the time of a text that lies at `place` in the file.
    ///
    /// It is of the clock of the pictures that it lies among. Only where its time is far from theirs, and nearer to those before
    /// or after, it is of these: where a recorder went on while the clock began anew, packets of both are mixed.
    pub(super) fn shift(&self, time: i64, place: Option<i64>) -> i64 {
        let far =
            |clock: &Clock| clock.first.saturating_sub(time).max(time.saturating_sub(clock.last)).max(0).unsigned_abs();
        let begun = |clock: &Clock| place.zip(clock.place).is_none_or(|(place, begin)| begin <= place);
        let own = self.0.iter().rposition(begun).unwrap_or(0);
        let Some(clock) = self.0.get(own) else { return 0 };
        if far(clock) <= NEAR {
            return clock.shift;
        }
        let near = self.0.iter().skip(own.saturating_sub(1)).take(3).min_by_key(|clock| far(clock));
        near.map_or(0, |clock| clock.shift)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three recordings: 100 s, then 50 s by a clock that begins anew, then 10 s by one of next day, joined with no gap.
    fn clocks() -> Clocks {
        let mut clocks = Clocks::default();
        let recordings = [(1000..1100, 0), (0..50, 1100), (90_000..90_010, -88_850)];
        let seconds = recordings.into_iter().flat_map(|(seconds, shift)| seconds.map(move |second| (second, shift)));
        for (place, (second, shift)) in (0..).zip(seconds) {
            clocks.note(second * SECOND, shift * SECOND, Some(place * 1000));
        }
        clocks
    }

    #[test]
    fn text_follows_the_pictures_that_it_lies_among() {
        for (second, place, shift) in [
            (1000, 500, 0),
            (1104, 99_500, 0),
            (0, 100_500, 1100),
            (54, 149_500, 1100),
            (90_003, 153_500, -88_850),
            (90_100, 159_500, -88_850),
        ] {
            assert_eq!(clocks().shift(second * SECOND, Some(place)), shift * SECOND, "{second} s at {place}");
        }
    }

    #[test]
    fn where_packets_of_two_clocks_are_mixed_the_nearer_counts() {
        for (second, place, shift) in
            [(1100, 100_500, 0), (1, 99_500, 1100), (49, 150_500, 1100), (90_000, 149_500, -88_850)]
        {
            assert_eq!(clocks().shift(second * SECOND, Some(place)), shift * SECOND, "{second} s at {place}");
        }
    }

    #[test]
    fn one_clock_is_that_of_all_text() {
        let mut clocks = Clocks::default();
        assert_eq!(clocks.shift(5, Some(7)), 0, "no picture was seen");
        (0..3).for_each(|second| clocks.note(second * SECOND, -SECOND, None));
        assert_eq!(clocks.shift(3600 * SECOND, None), -SECOND);
    }
}
