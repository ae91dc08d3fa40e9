//! When packets are decoded, where their container tells only when they are shown, as Matroska does.
//!
//! libav works that out too (`compute_pkt_fields` of libavformat), but not where the clock begins anew: for as long as times are
//! below those from before, it takes each packet to be decoded when it is shown. Pictures that are not decoded in the order of
//! showing then seem to jump to and fro.

use crate::geometry::Rational;
use crate::source::timeline::ticks;

/// Packets that are decoded before one that is shown before all of them, at most: H.264 and H.265 allow 16 pictures to wait, and
/// no other codec more.
pub(super) const MOST_REORDERED: usize = 16;

/// Tells the times of decoding of a track's packets, in the order of the file.
#[derive(Debug)]
pub(super) struct DecodeTimes {
    /// Packets that wait for one that is shown before them, at most.
    delay: usize,
    /// Ticks of a packet of which no duration is known.
    nominal: i64,
    /// Of the packets since the clock began, the latest times of showing, as many as may wait and one more, rising.
    latest: Vec<i64>,
    /// How many packets there were since then, and when the first of them is shown.
    packets: usize,
    first: i64,
    /// When the last of them is decoded.
    last: Option<i64>,
}

impl DecodeTimes {
    /// For a track that reorders by `delay` packets, in ticks of `time_base` and of so many frames a second. None for one
    /// that does not reorder, whose packets are decoded when they are shown.
    pub(super) fn new(delay: usize, time_base: Rational, frame_rate: Option<Rational>) -> Option<Self> {
        let frame = frame_rate.map(|rate| Rational { num: rate.den, den: rate.num.max(1) });
        let nominal = frame.map_or(0, |frame| ticks(frame, time_base));
        let delay = delay.min(MOST_REORDERED);
        (delay > 0).then(|| Self { delay, nominal, latest: Vec::new(), packets: 0, first: 0, last: None })
    }

    /// Takes the time of showing of the next packet, and gives its time of decoding.
    ///
    /// That is the time of showing of the packet that comes so many before it in the order of showing. What is decoded from
    /// here on is shown no earlier; a `key` frame that is shows that the clock begins anew.
    pub(super) fn push(&mut self, shown: i64, duration: i64, key: bool) -> i64 {
        if key && self.last.is_some_and(|last| shown < last) {
            self.restart();
        }
        if self.packets == 0 {
            self.first = shown;
        }
        let place = self.latest.partition_point(|&time| time <= shown);
        self.latest.insert(place, shown);
        let told = if self.packets < self.delay {
            let before = i64::try_from(self.delay - self.packets).unwrap_or(0);
            let duration = if duration > 0 { duration } else { self.nominal };
            // A key frame may be followed by what is shown before it.
            self.first.saturating_sub(before.saturating_mul(duration)).min(shown)
        } else {
            // One more than may wait: the earliest of them is not waited for any longer.
            self.latest.remove(0)
        };
        self.packets += 1;
        *self.last.insert(self.last.map_or(told, |last| told.max(last)))
    }

    /// Forgets all packets, for the next is not the one after them.
    fn restart(&mut self) {
        self.latest.clear();
        (self.packets, self.last) = (0, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Rational = Rational { num: 1, den: 1000 };

    /// Times of showing in the order of decoding, from `first` on, of groups of four, a pyramid each.
    fn pyramids(first: i64, groups: i64) -> Vec<(i64, bool)> {
        let group = |group: i64| [4, 2, 1, 3].map(|place| (first + 40 * (4 * group + place), false));
        [(first, true)].into_iter().chain((0..groups).flat_map(group)).collect()
    }

    fn decoded(shown: &[(i64, bool)]) -> Vec<i64> {
        let mut times = DecodeTimes::new(2, MS, Some(Rational { num: 25, den: 1 })).unwrap();
        shown.iter().map(|&(time, key)| times.push(time, 0, key)).collect()
    }

    #[test]
    fn packets_are_decoded_one_after_the_other_and_before_they_are_shown() {
        let shown = pyramids(20, 5);
        let told = decoded(&shown);
        assert_eq!(told, (0..21).map(|n| 20 + 40 * (n - 2)).collect::<Vec<_>>());
        assert!(told.iter().zip(&shown).all(|(decoded, (shown, _))| decoded <= shown));
    }

    #[test]
    fn a_clock_that_begins_anew_is_followed_and_a_pause_is_none() {
        let (one, two) = (pyramids(20, 5), pyramids(20, 3));
        let alone = [decoded(&one), decoded(&two)].concat();
        assert_eq!(decoded(&[one.clone(), two].concat()), alone);
        // What is shown later than all before it may yet be followed by what is shown before it.
        let paused = decoded(&[one, pyramids(5000, 3)].concat());
        assert_eq!(paused[20..25], [20 + 40 * 18, 20 + 40 * 19, 20 + 40 * 20, 5000, 5040]);
        assert!(DecodeTimes::new(0, MS, None).is_none());
    }

    #[test]
    fn pictures_before_the_first_key_frame_are_decoded_before_they_are_shown() {
        let shown = [(100, true), (20, false), (60, false), (220, false), (140, false), (180, false)];
        let told = decoded(&shown);
        assert!(told.is_sorted() && told.iter().zip(shown).all(|(&decoded, (shown, _))| decoded <= shown), "{told:?}");
    }

    #[test]
    fn what_reorders_by_more_than_was_told_goes_no_way_back() {
        let shown = [0, 160, 120, 80, 40, 320, 280, 240, 200].map(|time| (time, time == 0));
        assert!(decoded(&shown).is_sorted());
    }
}
