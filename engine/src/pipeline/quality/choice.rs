//! Choosing qualities: the fewest bits with which a film has the VMAF that is wanted.

use super::curve::Curve;
use std::ops::RangeInclusive;

/// VMAF by which segments may be below the film's target, the least that is affordable first. A difference of 6 is seen by most people.
const FLOORS: [f64; 5] = [2.0, 3.0, 4.0, 6.0, 8.0];
/// Part of the bits that it may cost that no segment is far below the others.
const AFFORDABLE: f64 = 0.03;
/// Part of a limit that is used of it: within windows bits are not spread evenly, and pieces are not the whole.
const USED: f64 = 0.85;

/// A segment of a rendition.
#[derive(Clone, Debug)]
pub(super) struct Probed {
    pub(super) curve: Curve,
    pub(super) seconds: f64,
}

/// What was chosen, and what it is expected to come to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Choice {
    /// Of each segment.
    pub(super) qualities: Vec<u8>,
    /// Mean of the film.
    pub(super) vmaf: f64,
}

/// Chooses the qualities with which the segments of a rendition take the fewest bits, so that the mean VMAF of the film is at least
/// `target`, as far as `limit`, in bits a second, lets them. None of them is worse than the worst with one quality of the same mean for
/// all, and none is more than the first of [`FLOORS`] below the target that costs hardly any bits. Qualities are no more than `beyond`
/// those that were probed.
///
/// Bits are spent where they give most: for any price of a bit, each segment takes the quality at which its VMAF less its bits'
/// price is highest, and the price is the highest at which the film's mean is the target (the dynamic optimizer of Katsavounidis,
/// 2018, over qualities in place of sizes).
pub(super) fn choose(segments: &[Probed], target: f64, limit: Option<u64>, beyond: u8) -> Choice {
    let rendition = Rendition::new(segments, beyond);
    let least = rendition.worst_of_one_quality(target);
    let cheapest = rendition.choose(target, least, limit);
    let most = rendition.bits(&cheapest) * (1.0 + AFFORDABLE);
    let floors = FLOORS.iter().map(|below| target - below).filter(|&floor| floor > least);
    let mut better = floors.map(|floor| rendition.choose(target, floor, limit));
    better.find(|choice| rendition.bits(choice) <= most).unwrap_or(cheapest)
}

/// The segments of a rendition.
struct Rendition {
    segments: Vec<Segment>,
    seconds: f64,
}

struct Segment {
    seconds: f64,
    /// VMAF and bits a second at every quality from 0.
    all: Vec<(f64, f64)>,
    /// The qualities that may be chosen.
    known: RangeInclusive<u8>,
}

impl Rendition {
    fn new(segments: &[Probed], beyond: u8) -> Self {
        let seconds = segments.iter().map(|segment| segment.seconds).sum::<f64>().max(1e-9);
        let of = |it: &Probed| Segment { seconds: it.seconds, all: it.curve.at_all(), known: it.curve.known(beyond) };
        Self { segments: segments.iter().map(of).collect(), seconds }
    }

    /// The VMAF of the worst segment where all have one quality, the lowest with the mean that is wanted, or the best.
    fn worst_of_one_quality(&self, target: f64) -> f64 {
        let at = |quality: usize| self.segments.iter().map(move |it| (it.seconds, it.all[quality].0));
        let mean = |quality| at(quality).map(|(seconds, vmaf)| seconds * vmaf).sum::<f64>() / self.seconds;
        let quality = (0..=100).find(|&quality| mean(quality) >= target).unwrap_or(100);
        at(quality).map(|(_, vmaf)| vmaf).fold(f64::INFINITY, f64::min)
    }

    /// Bits of the whole.
    fn bits(&self, choice: &Choice) -> f64 {
        let taken = self.segments.iter().zip(&choice.qualities);
        taken.map(|(it, &quality)| it.seconds * it.all[usize::from(quality)].1).sum()
    }

    /// Chooses the fewest bits for a mean VMAF of `target`, with none of the segments below `floor`.
    fn choose(&self, target: f64, floor: f64, limit: Option<u64>) -> Choice {
        let candidates: Vec<_> = self.segments.iter().map(|it| Candidates::of(it, floor, limit)).collect();
        let at = |price: f64| {
            let taken: Vec<_> = candidates.iter().map(|candidates| candidates.at(price)).collect();
            let sum: f64 = taken.iter().zip(&self.segments).map(|(&(_, vmaf), it)| vmaf * it.seconds).sum();
            Choice { qualities: taken.into_iter().map(|(quality, _)| quality).collect(), vmaf: sum / self.seconds }
        };
        // In VMAF for a bit a second: from nothing, at which quality alone counts, to where no bit is worth it.
        let (mut low, mut high) = (1e-12_f64, 1.0_f64);
        for _ in 0..100 {
            let middle = (low * high).sqrt();
            if at(middle).vmaf >= target { low = middle } else { high = middle }
        }
        at(low)
    }
}

/// The qualities that a segment may have.
struct Candidates(Vec<Candidate>);

struct Candidate {
    quality: u8,
    vmaf: f64,
    bitrate: f64,
}

impl Candidates {
    #[expect(clippy::cast_precision_loss, reason = "no limit is that high")]
    fn of(segment: &Segment, floor: f64, limit: Option<u64>) -> Self {
        let all = (0..=100).zip(&segment.all).filter(|(quality, _)| segment.known.contains(quality));
        let mut all: Vec<_> = all.map(|(quality, &(vmaf, bitrate))| Candidate { quality, vmaf, bitrate }).collect();
        // Both rise: what is left of each cut is one end.
        if let Some(limit) = limit {
            let within = all.partition_point(|it| it.bitrate <= USED * limit as f64);
            all.truncate(within.max(1));
        }
        let best = all.last().map_or(0.0, |best| best.vmaf);
        let below = all.partition_point(|it| it.vmaf < floor.min(best));
        Self(all.split_off(below))
    }

    /// Gives what is taken at a price of VMAF for a bit a second; the lower quality of two that are worth the same.
    fn at(&self, price: f64) -> (u8, f64) {
        let worth = |it: &Candidate| it.vmaf - price * it.bitrate;
        let better = |best: Option<&'_ Candidate>, it: &Candidate| best.is_none_or(|best| worth(it) > worth(best));
        let mut best = None;
        for it in &self.0 {
            if better(best, it) {
                best = Some(it);
            }
        }
        best.map_or((0, 0.0), |best| (best.quality, best.vmaf))
    }
}

#[cfg(test)]
mod tests {
    use super::super::curve::Point;
    use super::*;

    /// A segment of a made-up film: how much of VMAF is lost at quality 0, and bits there.
    fn segment(lost: f64, bits: f64) -> Probed {
        let mut curve = Curve::default();
        for quality in (0..=100).step_by(10) {
            let q = f64::from(quality);
            curve.add(Point { quality, vmaf: 100.0 - lost * (-q / 30.0).exp(), bitrate: bits * (q / 25.0).exp() });
        }
        Probed { curve, seconds: 2.0 }
    }

    /// Tells what qualities come to: the mean VMAF, the lowest, and the mean of bits.
    fn outcome(segments: &[Probed], qualities: &[u8]) -> (f64, f64, f64) {
        let all: Vec<_> =
            segments.iter().zip(qualities).map(|(it, &quality)| it.curve.at_all()[usize::from(quality)]).collect();
        let mean = |of: fn(&(f64, f64)) -> f64| all.iter().map(of).sum::<f64>() / all.len() as f64;
        (mean(|it| it.0), all.iter().map(|it| it.0).fold(100.0, f64::min), mean(|it| it.1))
    }

    #[test]
    fn the_mean_is_the_target_with_fewer_bits_than_one_quality_and_a_better_worst_segment() {
        let film = [segment(20.0, 20e3), segment(40.0, 30e3), segment(90.0, 60e3), segment(60.0, 200e3)];
        for fixed in [40, 55, 70] {
            let (mean, worst, bits) = outcome(&film, &[fixed; 4]);
            let choice = choose(&film, mean, None, 0);
            let (chosen_mean, chosen_worst, chosen_bits) = outcome(&film, &choice.qualities);
            assert!((chosen_mean - choice.vmaf).abs() < 1e-9 && chosen_mean >= mean && chosen_mean < mean + 0.3);
            assert!(chosen_worst > worst, "{chosen_worst} {worst}");
            assert!(chosen_bits < bits, "{chosen_bits} {bits}");
        }
    }

    #[test]
    fn no_choice_of_the_same_mean_is_cheaper() {
        let film = [segment(30.0, 20e3), segment(60.0, 40e3)];
        let choice = choose(&film, 93.0, None, 0);
        let (_, chosen_worst, bits) = outcome(&film, &choice.qualities);
        for one in 0..=100 {
            for other in 0..=100 {
                let (mean, worst, cost) = outcome(&film, &[one, other]);
                let keeps = mean >= choice.vmaf && worst >= chosen_worst;
                assert!(!keeps || cost >= bits - 1e-6, "{one} {other}: {cost} {bits}");
            }
        }
    }

    #[test]
    fn limits_hold_and_what_cannot_be_had_is_not_invented() {
        let film = [segment(20.0, 20e3), segment(90.0, 200e3)];
        let limited = choose(&film, 97.0, Some(1_000_000), 0);
        let rate = |segment: usize| film[segment].curve.at_all()[usize::from(limited.qualities[segment])].1;
        assert!(rate(0) <= USED * 1e6 && rate(1) <= USED * 1e6);
        assert!(limited.vmaf < 97.0);
        let all = choose(&[segment(90.0, 20e3)], 100.0, None, 0);
        assert_eq!(all.qualities, [100]);
    }
}
