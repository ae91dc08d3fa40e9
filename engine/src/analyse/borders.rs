//! Sides of the picture that show nothing: letterbox, pillarbox and window-box, in any colour.

use super::document::Borders;
use crate::frame::{Frame, Sample};

/// A row or column shows nothing if its samples deviate from their mean by no more than this, in steps of 8 bits.
const FLAT: f32 = 2.6;
/// And if its mean, from frame to frame and from its neighbours, moves by no more than this.
const STEADY: f32 = 3.0;
/// Where a border ends, the picture's edge stands out from it by this, in most frames in which the picture is not dark.
const EDGE: f32 = 6.0;
/// A border is no deeper than this part of the picture's side.
const DEEPEST: f32 = 0.4;
/// A softened edge takes so many rows or columns more.
const SOFT: u32 = 2;
/// Borders of opposite sides are alike to this part of the picture's side; others are parts of the scene.
const ALIKE: f32 = 0.02;

/// What the rows and columns of one frame are like.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    rows: Vec<Line>,
    columns: Vec<Line>,
}

/// A row or a column.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    mean: f32,
    deviation: f32,
}

impl Profile {
    /// Of luma of a frame that holds the whole picture.
    pub(super) fn of(frame: &Frame) -> Self {
        let shift = frame.format().depth.bits() - 8;
        if frame.format().depth.bytes() == 1 {
            Self::of_samples::<u8>(frame, 0)
        } else {
            Self::of_samples::<u16>(frame, shift)
        }
    }

    fn of_samples<T: Sample>(frame: &Frame, shift: u32) -> Self {
        let (luma, stride) = frame.plane::<T>(0);
        let (width, height) = (frame.format().width as usize, frame.format().height as usize);
        let mut rows = Vec::with_capacity(height);
        let (mut sums, mut squares) = (vec![0_u32; width], vec![0_u64; width]);
        let (mut sums_of_some, mut squares_of_some) = (vec![0_u32; width], vec![0_u32; width]);
        for (number, row) in luma.chunks(stride).take(height).enumerate() {
            let (mut sum, mut square) = (0_u32, 0_u64);
            for row in row[..width].chunks(4096) {
                let mut squares = 0_u32;
                for &sample in row {
                    let value = level(sample, shift);
                    sum += value;
                    squares += value * value;
                }
                square += u64::from(squares);
            }
            rows.push(Line::of(sum.into(), square, width));
            for ((&sample, sum), square) in row.iter().zip(&mut sums_of_some).zip(&mut squares_of_some) {
                let value = level(sample, shift);
                *sum += value;
                *square += value * value;
            }
            // Sums of so many squares of 8 bits fit.
            if number % 4096 == 4095 || number + 1 == height {
                for (total, some) in sums.iter_mut().zip(&mut sums_of_some) {
                    *total += std::mem::take(some);
                }
                for (total, some) in squares.iter_mut().zip(&mut squares_of_some) {
                    *total += u64::from(std::mem::take(some));
                }
            }
        }
        let columns = sums.iter().zip(&squares).map(|(&sum, &square)| Line::of(sum.into(), square, height)).collect();
        Self { rows, columns }
    }
}

/// A sample in 8 bits.
fn level<T: Sample>(sample: T, shift: u32) -> u32 {
    let value: i32 = sample.into();
    value.unsigned_abs() >> shift
}

impl Line {
    #[expect(clippy::cast_precision_loss, reason = "sums of 8-bit samples")]
    fn of(sum: u64, squares: u64, count: usize) -> Self {
        let count = count.max(1) as f64;
        let mean = sum as f64 / count;
        let deviation = (squares as f64 / count - mean * mean).max(0.0).sqrt();
        #[expect(clippy::cast_possible_truncation, reason = "of 8-bit samples")]
        let line = Self { mean: mean as f32, deviation: deviation as f32 };
        line
    }
}

/// Gathers the profiles of a shot.
#[derive(Debug, Default)]
pub(super) struct BorderFinder {
    rows: Vec<Gathered>,
    columns: Vec<Gathered>,
}

/// A row or column over a shot.
#[derive(Clone, Copy, Debug)]
struct Gathered {
    least: f32,
    most: f32,
    deviation: f32,
}

impl BorderFinder {
    /// Takes the profile of the next frame that is looked at.
    pub(super) fn add(&mut self, profile: &Profile) {
        add(&mut self.rows, &profile.rows);
        add(&mut self.columns, &profile.columns);
    }

    /// Gives the borders of all frames since the last time.
    pub(super) fn end(&mut self) -> Borders {
        let Self { rows, columns } = std::mem::take(self);
        let ([top, bottom], [left, right]) = (sides(&rows), sides(&columns));
        Borders { left, top, right, bottom }
    }
}

fn add(gathered: &mut Vec<Gathered>, lines: &[Line]) {
    if gathered.is_empty() {
        let first = |line: &Line| Gathered { least: line.mean, most: line.mean, deviation: line.deviation };
        gathered.extend(lines.iter().map(first));
        return;
    }
    for (gathered, line) in gathered.iter_mut().zip(lines) {
        gathered.least = gathered.least.min(line.mean);
        gathered.most = gathered.most.max(line.mean);
        gathered.deviation = gathered.deviation.max(line.deviation);
    }
}

/// Measures how deep the borders at both ends of rows or columns are.
fn sides(lines: &[Gathered]) -> [u32; 2] {
    let first = depth(lines.iter());
    let last = depth(lines.iter().rev());
    #[expect(clippy::cast_precision_loss, reason = "a picture's side")]
    let side = lines.len() as f32;
    #[expect(clippy::cast_precision_loss, reason = "a picture's side")]
    let alike = (first.abs_diff(last)) as f32 <= (side * ALIKE).max(2.0);
    if first == 0 || last == 0 || !alike {
        return [0, 0];
    }
    [first, last]
}

fn depth<'a>(lines: impl ExactSizeIterator<Item = &'a Gathered> + Clone) -> u32 {
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a side")]
    let deepest = (lines.len() as f32 * DEEPEST) as usize;
    let Some(outermost) = lines.clone().next().copied() else { return 0 };
    let is_border = |line: &&Gathered| {
        line.deviation <= FLAT && line.most - line.least <= STEADY && (line.most - outermost.most).abs() <= STEADY
    };
    let flat = lines.clone().take_while(is_border).count();
    if flat == 0 || flat > deepest {
        return 0;
    }
    // The picture's edge is not a slow change, as of a night's sky.
    let inside = lines.skip(flat).take(SOFT as usize + 4);
    let stands_out =
        inside.clone().any(|line| (line.most - outermost.most).abs() >= EDGE || line.deviation >= 2.0 * EDGE);
    let soft = inside.take(SOFT as usize).take_while(|line| (line.most - outermost.most).abs() < EDGE).count();
    u32::try_from(flat + soft).ok().filter(|_| stands_out).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Depth, FrameFormat, Subsampling};

    /// Noise between two values within these borders, and a colour in them.
    fn borders(depth: Depth, inside: [u32; 2], sides: [u32; 4], colour: u32) -> Borders {
        let format = FrameFormat { width: 160, height: 90, subsampling: Subsampling::CS420, depth };
        let shift = depth.bits() - 8;
        let [left, top, right, bottom] = sides;
        let mut finder = BorderFinder::default();
        for time in 0..5_u32 {
            let mut frame = Frame::new(format);
            let sample = |x: u32, y: u32| {
                let within = x >= left && x < 160 - right && y >= top && y < 90 - bottom;
                let noise = (x * 7919 + y * 104_729 + time * 613).wrapping_mul(2_654_435_761) >> 24;
                let value = if within { inside[0] + noise * (inside[1] - inside[0]) / 255 } else { colour };
                value << shift
            };
            if depth == Depth::Eight {
                let (luma, stride) = frame.plane_mut::<u8>(0);
                for (index, out) in (0_u32..).zip(luma) {
                    *out = sample(index % stride as u32, index / stride as u32) as u8;
                }
            } else {
                let (luma, stride) = frame.plane_mut::<u16>(0);
                for (index, out) in (0_u32..).zip(luma) {
                    *out = sample(index % stride as u32, index / stride as u32) as u16;
                }
            }
            finder.add(&Profile::of(&frame));
        }
        finder.end()
    }

    #[test]
    fn borders_are_found_on_all_sides_in_any_colour_and_depth() {
        for depth in [Depth::Eight, Depth::Ten] {
            for (sides, colour) in
                [([0, 12, 0, 12], 16), ([20, 0, 20, 0], 16), ([16, 9, 16, 9], 16), ([0, 10, 0, 11], 90)]
            {
                let [left, top, right, bottom] = sides;
                let expected = Borders { left, top, right, bottom };
                assert_eq!(borders(depth, [30, 220], sides, colour), expected, "{depth:?} {colour}");
            }
            assert_eq!(borders(depth, [30, 220], [0; 4], 16), Borders::default());
        }
    }

    #[test]
    fn what_is_dark_or_on_one_side_alone_is_the_scene() {
        // A night, all of it.
        assert_eq!(borders(Depth::Eight, [16, 18], [0; 4], 16), Borders::default());
        assert_eq!(borders(Depth::Eight, [30, 220], [0, 30, 0, 0], 16), Borders::default());
        assert_eq!(borders(Depth::Eight, [30, 220], [0, 30, 0, 10], 16), Borders::default());
        // Nothing at all.
        assert_eq!(borders(Depth::Eight, [16, 16], [0; 4], 16), Borders::default());
        assert_eq!(BorderFinder::default().end(), Borders::default());
    }
}
