//! Measures how noisy a film is.

use crate::frame::{Depth, Frame, Sample};

/// Sides in samples of the tiles that are looked at one by one.
const TILE: usize = 16;
/// The part of the tiles that is quieter than what counts as noise: tiles that are still and plain are among them.
const QUIETER: f64 = 0.25;
/// How much more of the noise there may be from frame to frame than is seen in one frame, where only the finer part of grain is
/// told from the picture.
const MOST_BY_FRAME: f64 = 1.6;
/// Means of a tile, of 255, outside which noise is cut off at the ends of the range.
const UNCUT: std::ops::Range<f64> = 24.0..228.0;

/// Gathers what neighbouring frames differ by.
#[derive(Debug, Default)]
pub(crate) struct NoiseMeter {
    /// Standard deviation in each plane for each pair of frames, in codes of 8 bits.
    pairs: [Vec<f64>; 3],
}

impl NoiseMeter {
    /// Looks at two whole frames in succession.
    pub(crate) fn pair(&mut self, earlier: &Frame, later: &Frame) {
        for (plane, pairs) in self.pairs.iter_mut().enumerate() {
            pairs.extend(match later.format().depth {
                Depth::Eight => of_pair::<u8>(earlier, later, plane),
                Depth::Ten | Depth::Twelve => of_pair::<u16>(earlier, later, plane),
            });
        }
    }

    /// Gives the standard deviation of the noise in luma, Cb and Cr, in tenths of a code of 8 bits: the median of all pairs.
    pub(crate) fn finish(self) -> [u16; 3] {
        self.pairs.map(|mut pairs| {
            let median = quantile(&mut pairs, 0.5).unwrap_or(0.0);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 2550")]
            let tenths = (10.0 * median).round() as u16;
            tenths
        })
    }
}

/// The noise of a pair, as the differences in time and in place both tell it; none where no tile tells, or the frames are the same
/// one, shown twice.
fn of_pair<S: Sample>(earlier: &Frame, later: &Frame, plane: usize) -> Option<f64> {
    if earlier.bytes() == later.bytes() {
        return None;
    }
    let (layout, code) = (later.layout(plane), 1_u32 << (later.format().depth.bits() - 8));
    let [earlier, later] = [earlier, later].map(|frame| frame.plane::<S>(plane));
    let [columns, rows] = [layout.width as usize / TILE, layout.height as usize / TILE];
    let tiles = (0..columns * rows).map(|tile| [tile % columns * TILE, tile / columns * TILE]);
    let (mut in_time, mut in_place): (Vec<_>, Vec<_>) = tiles
        .map(|place| Tile::of(earlier, later, place))
        .filter(|tile| plane > 0 || UNCUT.contains(&(tile.mean / f64::from(code))))
        .map(|tile| (tile.in_time, tile.in_place))
        .unzip();
    let [in_time, in_place] = [quantile(&mut in_time, QUIETER)?, quantile(&mut in_place, QUIETER)?];
    Some(in_time.min(MOST_BY_FRAME * in_place) / f64::from(code))
}

/// Measures of a tile, in codes.
struct Tile {
    mean: f64,
    /// The standard deviation of noise that would make it differ so from the same tile of the frame before.
    in_time: f64,
    /// And of noise that would make it differ so from what is plain or has straight edges: by the mask of J. Immerkaer, "Fast
    /// Noise Variance Estimation" (1996), whose sum of squared weights is 36.
    in_place: f64,
}

impl Tile {
    fn of<S: Sample>((earlier, stride): (&[S], usize), (later, _): (&[S], usize), [left, top]: [usize; 2]) -> Self {
        let row = |samples: &[S], y: usize| -> [i32; TILE] {
            let first = (top + y) * stride + left;
            std::array::from_fn(|x| samples[first + x].into())
        };
        let (mut sum, mut apart, mut rough) = (0, 0, 0);
        let mut above: [[i32; TILE]; 2] = [[0; TILE]; 2];
        for y in 0..TILE {
            let [before, own] = [row(earlier, y), row(later, y)];
            sum += own.iter().sum::<i32>();
            apart += own.iter().zip(&before).map(|(own, before)| (own - before).abs()).sum::<i32>();
            if y >= 2 {
                let across = |row: &[i32; TILE], x: usize| row[x - 1] - 2 * row[x] + row[x + 1];
                let mask = |x: usize| across(&above[0], x) - 2 * across(&above[1], x) + across(&own, x);
                rough += (1..TILE - 1).map(|x| mask(x).abs()).sum::<i32>();
            }
            above = [above[1], own];
        }
        let [samples, masks] = [TILE * TILE, (TILE - 2) * (TILE - 2)].map(|count| count as f64);
        // Of a normal distribution the mean is that much of the deviation; the difference of two has twice the variance.
        let mean_of_normal = (2.0 / std::f64::consts::PI).sqrt();
        Self {
            mean: f64::from(sum) / samples,
            in_time: f64::from(apart) / samples / (mean_of_normal * std::f64::consts::SQRT_2),
            in_place: f64::from(rough) / masks / (mean_of_normal * 6.0),
        }
    }
}

fn quantile(values: &mut [f64], part: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in the list")]
    let at = (values.len() as f64 * part) as usize;
    values.get(at).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{FrameFormat, Subsampling};

    /// A scene of plain and of detailed parts that moves, with noise of a deviation in codes of 8 bits.
    fn frame(depth: Depth, number: u32, deviation: f64) -> Frame {
        let mut frame = Frame::new(FrameFormat { width: 320, height: 192, depth, subsampling: Subsampling::CS420 });
        let code = f64::from(1_u32 << (depth.bits() - 8));
        let mut state = 77 + number;
        let mut uniform = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / f64::from(1_u32 << 24) - 0.5
        };
        for plane in 0..3 {
            let width = frame.layout(plane).width as usize;
            let mut paint = |x: usize, y: usize| {
                let normal: f64 = (0..12).map(|_| uniform()).sum();
                let moved = x as f64 + 5.0 * f64::from(number);
                let detail = if y % 128 < 64 { 60.0 * (moved / 2.0).sin() } else { moved / 8.0 };
                ((100.0 + detail + normal * deviation) * code).round().clamp(0.0, 255.0 * code) as i32
            };
            macro_rules! fill {
                ($sample:ty) => {{
                    let (samples, stride) = frame.plane_mut::<$sample>(plane);
                    for (y, row) in samples.chunks_mut(stride).enumerate() {
                        (0..width).for_each(|x| row[x] = <$sample as Sample>::truncate(paint(x, y)));
                    }
                }};
            }
            if depth == Depth::Eight { fill!(u8) } else { fill!(u16) }
        }
        frame
    }

    fn measured(depth: Depth, deviation: f64) -> [u16; 3] {
        let film: Vec<_> = (0..5).map(|number| frame(depth, number, deviation)).collect();
        let mut meter = NoiseMeter::default();
        film.windows(2).for_each(|pair| meter.pair(&pair[0], &pair[1]));
        // The same frame once more tells nothing.
        meter.pair(&film[0], &film[0]);
        meter.finish()
    }

    #[test]
    fn noise_is_told_from_what_moves_and_from_detail() {
        for depth in [Depth::Eight, Depth::Ten] {
            for deviation in [2.0, 5.0] {
                let expected = 10.0 * deviation;
                let found = measured(depth, deviation).map(f64::from);
                assert!(found.iter().all(|found| (found / expected - 1.0).abs() < 0.15), "{deviation}: {found:?}");
            }
            assert!(measured(depth, 0.0).iter().all(|found| *found <= 4), "{:?}", measured(depth, 0.0));
        }
    }
}
