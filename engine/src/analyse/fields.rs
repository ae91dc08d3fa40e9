//! What the fields of frames are to one another, measured on the pictures: how badly fields of several times comb when they are
//! woven, and how much each differs from the one of the frame before.

use crate::frame::{Depth, HeldFrame, Sample};

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

fn compare(before: &HeldFrame, frame: &HeldFrame) -> FieldsSeen {
    if before.format() != frame.format() {
        return FieldsSeen::default();
    }
    match frame.format().depth {
        Depth::Eight => summary(&blocks::<u8>(before, frame), 1.0),
        depth => summary(&blocks::<u16>(before, frame), f64::from(1_u32 << (depth.bits() - 8))),
    }
}

/// Sums of a block: the three combings, doubled, and the two changes.
type Sums = [u32; 5];

/// Measures the blocks that are looked at.
fn blocks<S: Sample>(before: &HeldFrame, frame: &HeldFrame) -> Vec<Sums> {
    let layout = frame.layout(0);
    let (width, height) = (layout.width as usize, layout.height as usize);
    let ((earlier, stride), (own, _)) = (before.plane::<S>(0), frame.plane::<S>(0));
    // The row below a block's last is read too.
    let rows = height.saturating_sub(1) / BLOCK[1];
    let columns = width / BLOCK[0];
    let chosen = |count: usize, most: usize| (0..count.min(most)).map(move |index| index * count / count.min(most));
    let mut sums = Vec::with_capacity(rows.min(ROWS) * columns.min(COLUMNS));
    for row in chosen(rows, ROWS) {
        for column in chosen(columns, COLUMNS) {
            let mut block = Sums::default();
            for pair in 0..BLOCK[1] / 2 {
                let begin = (row * BLOCK[1] + 2 * pair) * stride + column * BLOCK[0];
                let line = |plane: &[S], line: usize| -> [i32; BLOCK[0]] {
                    let samples = &plane[begin + line * stride..][..BLOCK[0]];
                    std::array::from_fn(|at| samples[at].into())
                };
                let [top, bottom, below] = [0, 1, 2].map(|number| line(own, number));
                let [top_before, bottom_before, below_before] = [0, 1, 2].map(|number| line(earlier, number));
                for at in 0..BLOCK[0] {
                    let (between, between_before) = (top[at] + below[at], top_before[at] + below_before[at]);
                    let differences = [
                        between - 2 * bottom[at],
                        between - 2 * bottom_before[at],
                        between_before - 2 * bottom[at],
                        top[at] - top_before[at],
                        bottom[at] - bottom_before[at],
                    ];
                    for (sum, difference) in block.iter_mut().zip(differences) {
                        *sum += difference.unsigned_abs();
                    }
                }
            }
            sums.push(block);
        }
    }
    sums
}

/// Sums up the blocks in which something moves. `scale` is a code of 8 bits in codes of the picture.
fn summary(blocks: &[Sums], scale: f64) -> FieldsSeen {
    #[expect(clippy::cast_precision_loss, reason = "samples of a block")]
    let samples = (BLOCK[0] * BLOCK[1] / 2) as f64 * scale;
    let means = |sums: &Sums| {
        let [own, top, bottom, top_change, bottom_change] = sums.map(|sum| f64::from(sum) / samples);
        ([own / 2.0, top / 2.0, bottom / 2.0], [top_change, bottom_change])
    };
    let blocks: Vec<_> = blocks.iter().map(means).collect();
    let mut quiet: Vec<_> = blocks.iter().map(|(_, [top, bottom])| top.min(*bottom)).collect();
    quiet.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a part")]
    let noise = quiet.get((quiet.len() as f64 * QUIET) as usize).copied().unwrap_or(0.0);
    let mut seen = FieldsSeen::default();
    let (mut combing, mut change) = ([0.0; 3], [0.0; 2]);
    for (comb, changes) in &blocks {
        if changes[0].max(changes[1]) <= MOVES + NOISE * noise {
            continue;
        }
        seen.moving += 1;
        let least = comb.iter().copied().fold(f64::INFINITY, f64::min);
        combing.iter_mut().zip(comb).for_each(|(sum, comb)| *sum += comb - least);
        change.iter_mut().zip(changes).for_each(|(sum, change)| *sum += change);
    }
    // One block may be a fault of the coding.
    if seen.moving < 2 {
        return FieldsSeen::default();
    }
    let count = f64::from(seen.moving);
    #[expect(clippy::cast_possible_truncation, reason = "means of samples")]
    let mean = |sum: f64| (sum / count) as f32;
    FieldsSeen { combing: combing.map(mean), change: change.map(mean), ..seen }
}
