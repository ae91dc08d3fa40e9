//! A filter in the forms in which it is applied.

use super::simd::{ANY, PICKED, Pair, PickHold, Picks, Simd, WINDOW};
use std::ops::Range;
use upright_shaders::{Filter, Hold, Rounding};

/// A filter whose rows begin at even source samples, as pairs of weights.
#[derive(Debug, Default)]
pub(super) struct PairFilter {
    /// Pairs of weights in a row.
    pairs: usize,
    /// First pair of source samples of each output sample.
    starts: Vec<u32>,
    weights: Vec<Pair>,
    hold: Hold,
    /// First of the nearest source samples of each output sample; empty where sums are not held.
    nearest: Vec<u32>,
}

/// What a sum is held to, for a filter in pairs: the four nearest source samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct PairHold {
    pub hold: Hold,
    /// The pairs of source samples that have the first and the last of them, which are one where the first begins it.
    pub ends: [usize; 2],
    /// The pair that has the others, or what the ends have not.
    pub between: usize,
}

impl PairFilter {
    /// Makes it equal to `filter`, which is for `samples` source samples.
    pub(super) fn update(&mut self, filter: &Filter, samples: u32) {
        let available = (samples as usize).div_ceil(2);
        self.pairs = (filter.taps() / 2 + 1).min(available);
        let last_start = (available - self.pairs) as u32;
        self.starts.clear();
        self.starts.extend(filter.starts().iter().map(|start| (start / 2).min(last_start)));
        self.weights.clear();
        self.weights.resize(filter.outputs() * self.pairs, [0; 2]);
        for (output, row) in self.weights.chunks_exact_mut(self.pairs).enumerate() {
            let first = (filter.starts()[output] - 2 * self.starts[output]) as usize;
            row.as_flattened_mut()[first..first + filter.taps()].copy_from_slice(&filter.row(output)[..filter.taps()]);
        }
        self.nearest.clear();
        if let Some((hold, nearest)) = filter.held() {
            self.hold = hold;
            self.nearest.extend_from_slice(nearest);
        }
    }

    /// First pair of source samples of an output sample, and the weights from there to the last that is not zero, or that
    /// has one of the nearest samples.
    pub(super) fn row(&self, output: usize) -> (usize, &[Pair]) {
        let start = self.starts[output] as usize;
        let weights = &self.weights[output * self.pairs..][..self.pairs];
        let last = |hold: PairHold| hold.ends[1].max(hold.between);
        match weights.strip_suffix(&[[0; 2]]) {
            Some(weights) if self.hold(output).is_none_or(|hold| last(hold) < start + weights.len()) => {
                (start, weights)
            }
            _ => (start, weights),
        }
    }

    /// Gives what the sum of an output sample is held to.
    #[inline(always)]
    pub(super) fn hold(&self, output: usize) -> Option<PairHold> {
        let first = *self.nearest.get(output)? as usize;
        let pair = first / 2;
        Some(PairHold { hold: self.hold, ends: [pair, first.div_ceil(2) + first % 2], between: pair + 1 })
    }

    /// The most pairs of weights that a row has.
    pub(super) fn pairs(&self) -> usize {
        self.pairs
    }

    pub(super) fn outputs(&self) -> usize {
        self.starts.len()
    }

    /// The pairs of source samples that it reads, those with weights of zero too.
    pub(super) fn support(&self) -> Range<usize> {
        match (self.starts.first(), self.starts.last()) {
            (Some(&first), Some(&last)) => first as usize..last as usize + self.pairs,
            _ => 0..0,
        }
    }
}

/// A filter along x in the form of [`Picks`].
#[derive(Debug, Default)]
pub(super) struct PickFilter {
    /// Pairs of weights in a row.
    pairs: usize,
    /// As in [`Picks`].
    window_pairs: usize,
    step: usize,
    mask: u64,
    /// Of [`PICKED`] columns: the first byte of the first window, and what is picked.
    blocks: Vec<(usize, [u8; WINDOW])>,
    weights: Vec<[Pair; PICKED.0]>,
    hold: Hold,
    /// Of [`PICKED`] columns: what is picked for the first two of the nearest samples; empty where sums are not held.
    nearest: Vec<[u8; WINDOW]>,
}

impl PickFilter {
    /// Makes it equal to `filter` over samples of `bytes` bytes. None of what it holds counts if that fails: a window
    /// is then too small for a pair of each of [`PICKED`] columns.
    #[must_use]
    pub(super) fn update(&mut self, filter: &Filter, bytes: usize) -> bool {
        let columns = PICKED.0;
        self.pairs = filter.taps().div_ceil(2).max(1);
        self.step = 2 * bytes;
        // A lone byte is the lower half of a number.
        self.mask = if bytes == 1 { 0x5555_5555_5555_5555 } else { u64::MAX };
        self.blocks.clear();
        self.weights.clear();
        self.weights.resize(filter.outputs().div_ceil(columns) * self.pairs, [[0; 2]; PICKED.0]);
        let mut end = 0;
        for (block, starts) in filter.starts().chunks(columns).enumerate() {
            let mut picks = [0; WINDOW];
            for (column, &start) in starts.iter().enumerate() {
                let begin = (start - starts[0]) as usize * bytes;
                end = end.max(begin + self.step);
                if end > WINDOW {
                    return false;
                }
                for (byte, pick) in picks[4 * column..][..4].iter_mut().enumerate() {
                    *pick = (begin + byte * bytes / 2) as u8;
                }
                for (index, pair) in filter.row(columns * block + column).chunks_exact(2).take(self.pairs).enumerate() {
                    self.weights[block * self.pairs + index][column] = [pair[0], pair[1]];
                }
            }
            self.blocks.push((starts[0] as usize * bytes, picks));
        }
        self.window_pairs = (1 + (WINDOW - end) / self.step).min(self.pairs);
        self.nearest.clear();
        let Some((hold, nearest)) = filter.held() else { return true };
        self.hold = hold;
        for (firsts, starts) in nearest.chunks(columns).zip(filter.starts().chunks(columns)) {
            let mut picks = [0; WINDOW];
            for (column, &first) in firsts.iter().enumerate() {
                let begin = (first - starts[0]) as usize * bytes;
                if begin + 2 * self.step > WINDOW {
                    return false;
                }
                for (byte, pick) in picks[4 * column..][..4].iter_mut().enumerate() {
                    *pick = (begin + byte * bytes / 2) as u8;
                }
            }
            self.nearest.push(picks);
        }
        true
    }

    /// Makes pairs of rows that begin with byte `begin` of the source's.
    #[inline(always)]
    pub(super) fn pick(
        &self,
        simd: impl Simd,
        rows: [&[u8]; PICKED.1],
        begin: usize,
        rounding: Rounding,
        made: [&mut [Pair]; PICKED.1 / 2],
    ) {
        // Of an upscale: loops over few weights are unrolled.
        match self.pairs {
            3 if self.window_pairs == 3 => self.pick_pairs::<3>(simd, rows, begin, rounding, made),
            4 if self.window_pairs == 4 => self.pick_pairs::<4>(simd, rows, begin, rounding, made),
            _ => self.pick_pairs::<ANY>(simd, rows, begin, rounding, made),
        }
    }

    /// Does what [`PickFilter::pick`] does with `PAIRS` pairs of weights, all in one window, or with [`ANY`] number.
    #[inline(always)]
    fn pick_pairs<const PAIRS: usize>(
        &self,
        simd: impl Simd,
        rows: [&[u8]; PICKED.1],
        begin: usize,
        rounding: Rounding,
        [above, below]: [&mut [Pair]; PICKED.1 / 2],
    ) {
        let (all_pairs, pairs) = if PAIRS == ANY { (self.pairs, self.window_pairs) } else { (PAIRS, PAIRS) };
        let Self { step, mask, .. } = *self;
        let made = above.as_chunks_mut().0.iter_mut().zip(below.as_chunks_mut().0);
        let blocks = self.blocks.iter().zip(self.weights.chunks_exact(all_pairs));
        if self.nearest.is_empty() {
            for (((start, bytes), weights), made) in blocks.zip(made) {
                let picks = Picks { start: start - begin, bytes, mask, step, pairs, weights, hold: None };
                [*made.0, *made.1] = simd.pick(rows, picks, rounding);
            }
        } else {
            for ((((start, bytes), weights), nearest), made) in blocks.zip(&self.nearest).zip(made) {
                let hold = Some(PickHold { hold: self.hold, bytes: nearest });
                let picks = Picks { start: start - begin, bytes, mask, step, pairs, weights, hold };
                [*made.0, *made.1] = simd.pick(rows, picks, rounding);
            }
        }
    }
}

/// A filter along x in the form that suits it.
#[derive(Debug, Default)]
pub(super) struct ColumnFilter {
    pub pairs: PairFilter,
    pub picks: PickFilter,
    pub picked: bool,
}

impl ColumnFilter {
    /// Makes it equal to `filter`, which is for `samples` source samples of `bytes` bytes.
    pub(super) fn update(&mut self, filter: &Filter, samples: u32, bytes: usize, can_pick: bool) {
        self.pairs.update(filter, samples);
        self.picked = can_pick && self.picks.update(filter, bytes);
    }
}
