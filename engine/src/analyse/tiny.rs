//! Tiny pictures, in which frames are compared.

use crate::frame::Frame;

/// Size of the blocks that are compared, in samples.
const BLOCK: [usize; 2] = [16, 10];
/// How far a block may have moved from one picture to the other, in samples, along either axis.
const REACH: usize = 6;
/// What is added to a picture's contrast, a sample: less than this is noise.
const NOISE: f32 = 1.5;

/// Luma and chroma of a frame at the resolution of a thumbnail's chroma: 160 samples across a landscape picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TinyPicture {
    width: usize,
    height: usize,
    /// Luma, and the two of chroma.
    planes: [Vec<u8>; 3],
}

/// How two pictures differ.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Difference {
    /// What is left of the difference once every block is taken from where it fits best, over the contrast of both pictures:
    /// near 0 within a shot, near 1 and above for pictures of different things, whatever their brightness.
    pub(super) relative: f32,
    /// The same, a sample, in steps of 8 bits.
    pub(super) absolute: f32,
}

/// A block of a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cell {
    /// Its middle, as parts of the picture's width and height.
    pub(super) x: f32,
    pub(super) y: f32,
    /// What it differs by from what was there before, moved as the camera has; 0 where it moved as the camera.
    pub(super) motion: f32,
    /// Mean distance of luma from its mean.
    pub(super) contrast: f32,
    /// Distance of its chroma from the picture's mean.
    pub(super) colour: f32,
}

impl TinyPicture {
    /// From a thumbnail of 8 bits and 4:2:0.
    pub(super) fn of(thumbnail: &Frame) -> Self {
        let format = thumbnail.format();
        let (width, height) = ((format.width / 2) as usize, (format.height / 2) as usize);
        let (luma, stride) = thumbnail.plane::<u8>(0);
        let mut halved = Vec::with_capacity(width * height);
        for rows in luma.chunks_exact(2 * stride).take(height) {
            let (upper, lower) = rows.split_at(stride);
            let pairs = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0).take(width);
            halved.extend(pairs.map(|(a, b)| {
                let sum = a.iter().chain(b).map(|&sample| u16::from(sample)).sum::<u16>();
                #[expect(clippy::cast_possible_truncation, reason = "a mean of samples")]
                let mean = ((sum + 2) / 4) as u8;
                mean
            }));
        }
        let chroma = |plane| {
            let (samples, stride) = thumbnail.plane::<u8>(plane);
            samples.chunks(stride).take(height).flat_map(|row| &row[..width]).copied().collect()
        };
        Self { width, height, planes: [halved, chroma(1), chroma(2)] }
    }

    /// Mean luma, of 255.
    pub(super) fn brightness(&self) -> f32 {
        mean(&self.planes[0])
    }

    /// Mean distance of luma from its mean, over the whole picture.
    pub(super) fn spread(&self) -> f32 {
        distance_from_mean(&self.planes[0])
    }

    pub(super) fn luma(&self) -> &[u8] {
        &self.planes[0]
    }

    /// Compares with a later picture of the same size.
    pub(super) fn difference(&self, later: &Self) -> Difference {
        let [block_width, block_height] = BLOCK;
        let (mut left, mut contrast, mut samples) = (0_u32, 0.0_f32, 0_usize);
        for top in (0..(self.height + 1).saturating_sub(block_height)).step_by(block_height) {
            for x in (0..(self.width + 1).saturating_sub(block_width)).step_by(block_width) {
                left += self.least_difference(later, x, top);
                contrast += (self.contrast(x, top) + later.contrast(x, top)) / 2.0;
                samples += block_width * block_height;
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "far below what f32 holds")]
        let (left, samples) = (left as f32, (samples.max(1)) as f32);
        Difference { relative: left / (contrast + NOISE * samples), absolute: left / samples }
    }

    /// The difference of a block of `later` from the block here that is most like it.
    fn least_difference(&self, later: &Self, x: usize, y: usize) -> u32 {
        let (luma, dx, dy) = self.nearest(later, x, y);
        let from = |at: usize, by: i32| at.saturating_add_signed(by as isize);
        let (from_x, from_y) = (from(x, dx), from(y, dy));
        let of_chroma = |plane| sum_of_differences(&self.block(plane, from_x, from_y), &later.block(plane, x, y));
        luma + of_chroma(1) + of_chroma(2)
    }

    /// Looks at every block: how it has moved against the camera since the frame before, and how it stands out.
    pub(super) fn cells(&self, before: &Self) -> Vec<Cell> {
        let [width, height] = BLOCK;
        let places: Vec<_> = (0..(self.height + 1).saturating_sub(height))
            .step_by(height)
            .flat_map(|y| (0..(self.width + 1).saturating_sub(width)).step_by(width).map(move |x| (x, y)))
            .collect();
        // The camera moves as most of the picture does.
        let mut moves: Vec<_> = places.iter().map(|&(x, y)| before.nearest(self, x, y)).collect();
        let mut sorted = [moves.iter().map(|at| at.1).collect::<Vec<_>>(), moves.iter().map(|at| at.2).collect()];
        sorted.iter_mut().for_each(|along| along.sort_unstable());
        let camera = sorted.map(|along| along.get(along.len() / 2).copied().unwrap_or(0));
        let averages = [1, 2].map(|plane| mean(&self.planes[plane]));
        let cell = |((x, y), (_, dx, dy)): ((usize, usize), (u32, i32, i32))| {
            let contrast = distance_from_mean(self.block(0, x, y).as_flattened());
            let still = dx.abs_diff(camera[0]) <= 1 && dy.abs_diff(camera[1]) <= 1;
            let shifted = |at: usize, by: i32, most: usize| {
                let at = i64::try_from(at).unwrap_or(0) + i64::from(by);
                usize::try_from(at).unwrap_or(0).min(most)
            };
            let [from_x, from_y] =
                [shifted(x, camera[0], self.width - width), shifted(y, camera[1], self.height - height)];
            #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
            let differs = sum_of_differences(&before.block(0, from_x, from_y), &self.block(0, x, y)) as f32
                / (width * height) as f32;
            let colour: f32 = [1, 2]
                .map(|plane| (mean(self.block(plane, x, y).as_flattened()) - averages[plane - 1]).abs())
                .iter()
                .sum();
            #[expect(clippy::cast_precision_loss, reason = "parts of a small picture")]
            let [x, y] = [(x + width / 2) as f32 / self.width as f32, (y + height / 2) as f32 / self.height as f32];
            Cell { x, y, motion: if still { 0.0 } else { (differs - NOISE).max(0.0) }, contrast, colour }
        };
        places.into_iter().zip(moves.drain(..)).map(cell).collect()
    }

    /// Where the block of `later` at a place is in this picture: what it differs by, and how far off it is.
    fn nearest(&self, later: &Self, x: usize, y: usize) -> (u32, i32, i32) {
        let [width, height] = BLOCK;
        let wanted = later.block(0, x, y);
        let here = sum_of_differences(&self.block(0, x, y), &wanted);
        let mut best = (here, 0, 0);
        let (left, right) = (x.saturating_sub(REACH), (x + REACH).min(self.width - width));
        let (top, bottom) = (y.saturating_sub(REACH), (y + REACH).min(self.height - height));
        let way = |from: usize, to: usize| i32::try_from(to).unwrap_or(0) - i32::try_from(from).unwrap_or(0);
        for to_y in top..=bottom {
            for to_x in left..=right {
                let difference = sum_of_differences(&self.block(0, to_x, to_y), &wanted);
                if difference < best.0 {
                    best = (difference, way(x, to_x), way(y, to_y));
                }
            }
        }
        best
    }

    fn contrast(&self, x: usize, y: usize) -> f32 {
        let of_plane = |plane| {
            let block = self.block(plane, x, y);
            distance_from_mean(block.as_flattened())
        };
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let samples = (BLOCK[0] * BLOCK[1]) as f32;
        samples * (of_plane(0) + of_plane(1) + of_plane(2))
    }

    fn block(&self, plane: usize, x: usize, y: usize) -> [[u8; BLOCK[0]]; BLOCK[1]] {
        let mut block = [[0; BLOCK[0]]; BLOCK[1]];
        for (row, out) in block.iter_mut().enumerate() {
            let start = (y + row) * self.width + x;
            out.copy_from_slice(&self.planes[plane][start..start + BLOCK[0]]);
        }
        block
    }
}

fn sum_of_differences(a: &[[u8; BLOCK[0]]; BLOCK[1]], b: &[[u8; BLOCK[0]]; BLOCK[1]]) -> u32 {
    let rows = a.iter().zip(b);
    rows.map(|(a, b)| a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b))).sum::<u32>()).sum()
}

fn mean(samples: &[u8]) -> f32 {
    let sum: u32 = samples.iter().map(|&sample| u32::from(sample)).sum();
    #[expect(clippy::cast_precision_loss, reason = "far below what f32 holds")]
    let mean = sum as f32 / samples.len().max(1) as f32;
    mean
}

fn distance_from_mean(samples: &[u8]) -> f32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a mean of samples")]
    let middle = mean(samples).round() as u8;
    let sum: u32 = samples.iter().map(|&sample| u32::from(sample.abs_diff(middle))).sum();
    #[expect(clippy::cast_precision_loss, reason = "far below what f32 holds")]
    let distance = sum as f32 / samples.len().max(1) as f32;
    distance
}
