//! What the fields of frames are to one another, measured on the pictures: how badly fields of several times comb when they are
//! woven, and how much each differs from the one of the frame before.

use crate::frame::{Depth, Frame, HeldFrame, PlaneLayout, Sample};

/// Columns and rows of a block, of which rows half are of either field.
const BLOCK: [usize; 2] = [32, 16];
/// Blocks along a row that are looked at, at most, spread evenly; and rows of blocks.
const COLUMNS: usize = 24;
const ROWS: usize = 40;
/// Differences, in codes of 8 bits at the mean of a block, beyond which something moves in it; and how much of the noise is added.
const MOVES: f64 = 2.0;
const NOISE: f64 = 2.0;
/// The part of the blocks, from the quietest on, that is taken to show nothing but noise.
const QUIET: f64 = 0.2;

/// What was seen of a frame's fields, against those of the frame before; in codes of 8 bits at the mean of the blocks in which
/// something moves.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct FieldsSeen {
    /// Presentation time.
    pub(super) pts: i64,
    /// Blocks in which something moves.
    pub(super) moving: u16,
    /// How much the frame combs, beyond the least of the three: as it is, its top field with the bottom field of the frame before,
    /// its bottom field with the top field of the frame before.
    pub(super) combing: [f32; 3],
    /// How much the top field and the bottom field differ from those of the frame before.
    pub(super) change: [f32; 2],
    /// How much the frame combs as it is, in parts of what its top field alone has of detail: rows of one time differ less from those
    /// next to them than from those farther off, which makes it half or so.
    pub(super) combed: f32,
}

/// Measures frame after frame.
#[derive(Debug, Default)]
pub(super) struct FieldMeter {
    before: Option<HeldFrame>,
    seen: Vec<FieldsSeen>,
}

impl FieldMeter {
    /// Takes the next frame, of which all is there.
    pub(super) fn frame(&mut self, pts: i64, frame: &HeldFrame) {
        let seen = match &self.before {
            Some(before) => compare(before, frame),
            None => FieldsSeen::default(),
        };
        self.seen.push(FieldsSeen { pts, ..seen });
        self.before = Some(frame.clone());
    }

    /// Gives what was seen of every frame; of the first, nothing.
    pub(super) fn finish(self) -> Vec<FieldsSeen> {
        self.seen
    }
}

/// Makes `into` a frame of the top field alone, each of its rows twice: what is seen in it is of one time.
pub(super) fn top_field(frame: &Frame, into: &mut Frame) {
    into.reshape(frame.format());
    (into.colour, into.pts, into.duration) = (frame.colour, frame.pts, frame.duration);
    let layouts = [0, 1, 2].map(|index| frame.layout(index));
    let (source, target) = (frame.bytes(), into.bytes_mut());
    for layout in layouts {
        let plane = layout.offset..layout.offset + layout.stride * layout.height as usize;
        let rows = source[plane.clone()].chunks(2 * layout.stride);
        for (pair, made) in rows.zip(target[plane].chunks_mut(2 * layout.stride)) {
            let top = &pair[..layout.stride];
            made.chunks_mut(layout.stride).for_each(|row| row.copy_from_slice(top));
        }
    }
}

fn compare(before: &HeldFrame, frame: &HeldFrame) -> FieldsSeen {
    if before.format() != frame.format() {
        return FieldsSeen::default();
    }
    match frame.format().depth {
        Depth::Eight => summary(&blocks::<u8>(before, frame), 1.0),
        depth => summary(&blocks::<u16>(before, frame), f64::from(1_u32 << (depth.bits() - 8))),
    }
}

/// Sums of a block: the three combings, doubled, the two changes, and the detail of the top field, doubled.
type Sums = [u32; 6];

/// Gives the first column and row of each block that is looked at. Three rows below its last may be read too.
pub(super) fn block_places(luma: PlaneLayout) -> Vec<[usize; 2]> {
    let rows = (luma.height as usize).saturating_sub(3) / BLOCK[1];
    let columns = luma.width as usize / BLOCK[0];
    let chosen = |count: usize, most: usize| (0..count.min(most)).map(move |index| index * count / count.min(most));
    let in_row = |row: usize| chosen(columns, COLUMNS).map(move |column| [column * BLOCK[0], row * BLOCK[1]]);
    chosen(rows, ROWS).flat_map(in_row).collect()
}

/// Measures the blocks that are looked at.
fn blocks<S: Sample>(before: &HeldFrame, frame: &HeldFrame) -> Vec<Sums> {
    let ((earlier, stride), (own, _)) = (before.plane::<S>(0), frame.plane::<S>(0));
    let measured = |[column, row]: [usize; 2]| {
        let mut block = Sums::default();
        for pair in 0..BLOCK[1] / 2 {
            let begin = (row + 2 * pair) * stride + column;
            let line = |plane: &[S], line: usize| -> [i32; BLOCK[0]] {
                let samples = &plane[begin + line * stride..][..BLOCK[0]];
                std::array::from_fn(|at| samples[at].into())
            };
            let [top, bottom, below, farther] = [0, 1, 2, 4].map(|number| line(own, number));
            let [top_before, bottom_before, below_before] = [0, 1, 2].map(|number| line(earlier, number));
            for at in 0..BLOCK[0] {
                let (between, between_before) = (top[at] + below[at], top_before[at] + below_before[at]);
                let differences = [
                    between - 2 * bottom[at],
                    between - 2 * bottom_before[at],
                    between_before - 2 * bottom[at],
                    top[at] - top_before[at],
                    bottom[at] - bottom_before[at],
                    top[at] + farther[at] - 2 * below[at],
                ];
                for (sum, difference) in block.iter_mut().zip(differences) {
                    *sum += difference.unsigned_abs();
                }
            }
        }
        block
    };
    block_places(frame.layout(0)).into_iter().map(measured).collect()
}

/// Sums up the blocks in which something moves. `scale` is a code of 8 bits in codes of the picture.
fn summary(blocks: &[Sums], scale: f64) -> FieldsSeen {
    #[expect(clippy::cast_precision_loss, reason = "samples of a block")]
    let samples = (BLOCK[0] * BLOCK[1] / 2) as f64 * scale;
    let means = |sums: &Sums| {
        let [own, top, bottom, top_change, bottom_change, detail] = sums.map(|sum| f64::from(sum) / samples);
        ([own / 2.0, top / 2.0, bottom / 2.0], [top_change, bottom_change], detail / 2.0)
    };
    let blocks: Vec<_> = blocks.iter().map(means).collect();
    let mut quiet: Vec<_> = blocks.iter().map(|(_, [top, bottom], _)| top.min(*bottom)).collect();
    quiet.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a part")]
    let noise = quiet.get((quiet.len() as f64 * QUIET) as usize).copied().unwrap_or(0.0);
    let mut seen = FieldsSeen::default();
    let (mut combing, mut change, mut own, mut details) = ([0.0; 3], [0.0; 2], 0.0, 0.0);
    for (comb, changes, detail) in &blocks {
        if changes[0].max(changes[1]) <= MOVES + NOISE * noise {
            continue;
        }
        seen.moving += 1;
        let least = comb.iter().copied().fold(f64::INFINITY, f64::min);
        combing.iter_mut().zip(comb).for_each(|(sum, comb)| *sum += comb - least);
        change.iter_mut().zip(changes).for_each(|(sum, change)| *sum += change);
        (own, details) = (own + comb[0], details + detail);
    }
    // One block may be a fault of the coding.
    if seen.moving < 2 {
        return FieldsSeen::default();
    }
    let count = f64::from(seen.moving);
    #[expect(clippy::cast_possible_truncation, reason = "means of samples")]
    let mean = |sum: f64| (sum / count) as f32;
    let combed = mean(own) / mean(details).max(0.01);
    FieldsSeen { combing: combing.map(mean), change: change.map(mean), combed, ..seen }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{FrameFormat, Subsampling};

    #[test]
    fn the_top_field_is_every_other_row_twice() {
        let format = FrameFormat { width: 70, height: 5, subsampling: Subsampling::CS420, depth: Depth::Eight };
        let mut frame = Frame::new(format);
        for index in 0..3 {
            let (samples, stride) = frame.plane_mut::<u8>(index);
            samples.chunks_mut(stride).zip(1..).for_each(|(row, number)| row.fill(number));
        }
        let mut made = Frame::new(FrameFormat { width: 16, ..format });
        top_field(&frame, &mut made);
        let rows = |index: usize| {
            let (samples, stride) = made.plane::<u8>(index);
            samples.chunks(stride).map(|row| row[0]).collect::<Vec<_>>()
        };
        assert_eq!([rows(0), rows(1), rows(2)], [vec![1, 1, 3, 3, 5], vec![1, 1, 3], vec![1, 1, 3]]);
    }
}
