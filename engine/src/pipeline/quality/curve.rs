//! What a segment costs and how good it is, as curves over its quality, through what was probed.

use std::ops::RangeInclusive;

/// Steps of quality that two points of a curve are apart at least.
const APART: u8 = 4;

/// What came of one probe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    /// From 0 to 100.
    pub(super) quality: u8,
    /// Mean over all frames.
    pub(super) vmaf: f64,
    /// Bits a second.
    pub(super) bitrate: f64,
}

/// VMAF and bits of a segment of a rendition over quality.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Curve {
    /// By rising quality, each once.
    points: Vec<Point>,
}

impl Curve {
    /// Adds what was probed, in place of what is known of nearly the same quality: encoders have coarser scales of their own, and two
    /// probes of one step of these would make a curve look flat.
    pub(super) fn add(&mut self, point: Point) {
        self.points.retain(|known| known.quality.abs_diff(point.quality) >= APART);
        let place = self.points.partition_point(|known| known.quality < point.quality);
        self.points.insert(place, point);
    }

    /// The qualities that were probed, and so many beyond on either side.
    pub(super) fn known(&self, beyond: u8) -> RangeInclusive<u8> {
        let [first, last] = [self.points.first(), self.points.last()].map(|end| end.map_or(0, |point| point.quality));
        first.saturating_sub(beyond)..=last.saturating_add(beyond).min(100)
    }

    /// Tells whether all probes came to the same, whatever their quality was.
    pub(super) fn is_flat(&self) -> bool {
        let same = |pair: &[Point]| pair[0].vmaf == pair[1].vmaf && pair[0].bitrate == pair[1].bitrate;
        self.points.windows(2).all(same)
    }

    /// Gives the VMAF, from 0 to 100, and the bits a second at every quality from 0 to 100: both rise, or stay.
    pub(super) fn at_all(&self) -> Vec<(f64, f64)> {
        let qualities: Vec<_> = self.points.iter().map(|point| f64::from(point.quality)).collect();
        let vmaf = Monotone::new(&qualities, self.points.iter().map(|point| point.vmaf));
        let bits = Monotone::new(&qualities, self.points.iter().map(|point| point.bitrate.max(1.0).ln()));
        let mut most = (0.0, 0.0);
        let at = |quality: f64| {
            // Rounding may make a level part fall.
            most = (f64::max(most.0, vmaf.at(quality).clamp(0.0, 100.0)), f64::max(most.1, bits.at(quality).exp()));
            most
        };
        (0..=100).map(f64::from).map(at).collect()
    }
}

/// A curve that rises through points: cubic Hermite pieces with the slopes of Fritsch and Butland (1984), and straight lines beyond
/// the ends.
struct Monotone {
    x: Vec<f64>,
    y: Vec<f64>,
    slopes: Vec<f64>,
}

impl Monotone {
    fn new(x: &[f64], y: impl Iterator<Item = f64>) -> Self {
        // What was measured may fall by a little.
        let mut most = f64::NEG_INFINITY;
        let rising = |y: f64| {
            most = most.max(y);
            most
        };
        let y: Vec<_> = y.map(rising).collect();
        let steps: Vec<_> =
            x.windows(2).zip(y.windows(2)).map(|(x, y)| (x[1] - x[0], (y[1] - y[0]) / (x[1] - x[0]))).collect();
        let slope = |at: usize| {
            let before = at.checked_sub(1).and_then(|before| steps.get(before)).copied();
            match (before, steps.get(at).copied()) {
                (Some((_, one)), Some((_, other))) if one * other <= 0.0 => 0.0,
                (Some((left, one)), Some((right, other))) => {
                    let (of_one, of_other) = (2.0 * right + left, right + 2.0 * left);
                    (of_one + of_other) / (of_one / one + of_other / other)
                }
                (Some((_, only)), None) | (None, Some((_, only))) => only,
                (None, None) => 0.0,
            }
        };
        let slopes = (0..x.len()).map(slope).collect();
        Self { x: x.to_vec(), y, slopes }
    }

    fn at(&self, x: f64) -> f64 {
        let Self { x: xs, y: ys, slopes } = self;
        let Some(last) = xs.len().checked_sub(1) else { return 0.0 };
        let after = xs.partition_point(|&known| known <= x);
        if after == 0 || after > last {
            let end = if after == 0 { 0 } else { last };
            return ys[end] + slopes[end] * (x - xs[end]);
        }
        let (left, right) = (after - 1, after);
        let width = xs[right] - xs[left];
        let t = (x - xs[left]) / width;
        let (rest, square) = (1.0 - t, t * t);
        ys[left] * (1.0 + 2.0 * t) * rest * rest
            + slopes[left] * width * t * rest * rest
            + ys[right] * square * (3.0 - 2.0 * t)
            - slopes[right] * width * square * rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(points: &[(u8, f64, f64)]) -> Curve {
        let mut curve = Curve::default();
        for &(quality, vmaf, bitrate) in points {
            curve.add(Point { quality, vmaf, bitrate });
        }
        curve
    }

    #[test]
    fn curves_go_through_what_was_probed_and_never_fall() {
        let all = curve(&[(75, 97.0, 900e3), (35, 80.0, 200e3), (60, 94.0, 500e3)]).at_all();
        for (quality, vmaf, bitrate) in [(35, 80.0, 200e3), (60, 94.0, 500e3), (75, 97.0, 900e3)] {
            let (at, bits) = all[quality];
            assert!((at - vmaf).abs() < 1e-9 && (bits / bitrate - 1.0).abs() < 1e-9, "{quality}: {at} {bits}");
        }
        assert!(all.is_sorted_by(|one, next| one.0 <= next.0 && one.1 <= next.1), "{all:?}");
        assert!(all.iter().all(|&(vmaf, _)| (0.0..=100.0).contains(&vmaf)));
        // The chord is below what bends down, and the bend is no more than a bend.
        assert!(all[47].0 > 80.0 + 14.0 * 12.0 / 25.0 && all[47].0 < 91.0, "{}", all[47].0);
    }

    #[test]
    fn what_was_measured_as_falling_stays() {
        let all = curve(&[(40, 95.0, 100e3), (60, 94.9, 99e3), (80, 97.0, 200e3)]).at_all();
        assert!((all[60].0 - 95.0).abs() < 1e-9);
        assert!(all.is_sorted_by(|one, next| one.0 <= next.0 && one.1 <= next.1));
    }

    #[test]
    fn probes_of_nearly_one_quality_are_one() {
        // As of an encoder for which 45 and 46 are the same.
        let twice = curve(&[(45, 88.8, 3e5), (70, 94.2, 7e5), (46, 88.8, 3e5)]);
        assert_eq!((twice.points.len(), twice.known(5)), (2, 41..=75));
        assert!(twice.at_all()[20].0 < 84.0);
    }
}
