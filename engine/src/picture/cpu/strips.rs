//! Both passes over one plane, for all rungs, in an order that suits a processor's caches and vectors.
//!
//! The plane is read in strips of [`BLOCK`] rows, from which the horizontal pass fills a ring of row pairs; every output
//! row is made from the ring as soon as the rows that it needs are there. The integers are those of the twins.
//!
//! The vertical pass multiplies whole vectors by one pair of weights, but the horizontal pass has other weights at every
//! column. Where the processor can pick samples from a row in any order, few rows are made at a time into a ring that
//! stays in the nearest cache. Elsewhere a strip is transposed, so that a vector holds one pair of columns of many rows,
//! and what is made of it is transposed back.

use super::simd::{ANY, BLOCK, PICKED, Pair, Simd, TILE, WINDOW};
use super::weights::{ColumnFilter, PairFilter, PairHold};
use crate::frame::{Depth, Frame, Sample};
use std::ops::Range;
use upright_shaders::{Conversion, Noise};

/// Filters, output and memory for one plane of one rung.
#[derive(Debug)]
pub(super) struct RungPlane<'a> {
    pub x: &'a ColumnFilter,
    pub y: &'a PairFilter,
    pub conversion: Conversion,
    pub noise: Noise,
    /// The rung, one plane of which is written.
    pub frame: &'a mut Frame,
    pub memory: &'a mut RungMemory,
}

/// Memory to work in for one rung, kept from frame to frame.
#[derive(Debug, Default)]
pub(super) struct RungMemory {
    /// Row pair `p` of the picture is row `p % ring_rows`, of `ring_blocks` blocks.
    ring: Vec<[Pair; BLOCK]>,
    ring_rows: usize,
    ring_blocks: usize,
    /// Output rows that are made.
    rows_made: usize,
}

/// Memory to work in for all rungs.
#[derive(Debug, Default)]
pub(super) struct StripMemory {
    /// See [`picked_rows`].
    rows_at_end: [Vec<u8>; PICKED.1],
    /// A strip to be transposed, row by row.
    rows: Vec<Pair>,
    /// The same, pair of columns by pair of columns, [`BLOCK`] rows each.
    columns: Vec<[Pair; BLOCK]>,
    /// Result of the horizontal pass over it, column by column.
    made: Vec<[Pair; BLOCK / 2]>,
    /// The constants that the sums of a dithered row begin with.
    noise: Vec<i32>,
}

/// Scales plane `plane` of `source`.
#[inline(always)]
pub(super) fn scale_plane(
    simd: impl Simd,
    source: &Frame,
    plane: usize,
    rungs: &mut [RungPlane<'_>],
    memory: &mut StripMemory,
) {
    let union = |a: Range<usize>, b: Range<usize>| a.start.min(b.start)..a.end.max(b.end);
    let across = rungs.iter().map(|rung| rung.x.pairs.support()).reduce(union).unwrap_or_default();
    let down = rungs.iter().map(|rung| rung.y.support()).reduce(union).unwrap_or_default();
    for rung in rungs.iter_mut() {
        rung.prepare();
    }
    let transposed = rungs.iter().any(|rung| !rung.x.picked);
    let sample = source.format().depth.bytes();
    let begin = 2 * across.start * sample;
    // A window may reach beyond the last column.
    let windows = begin..2 * across.end * sample + WINDOW;
    // Even, as the rows of a ring are.
    let first = down.start & !1;
    for first_pair in (first..down.end).step_by(BLOCK / 2) {
        if transposed {
            memory.transpose(simd, source, plane, 2 * first_pair, &across);
        }
        let end_pair = first_pair + BLOCK / 2;
        for rung in rungs.iter_mut() {
            if rung.x.picked {
                for pair in (first_pair..end_pair.min(down.end)).step_by(PICKED.1 / 2) {
                    let rows = picked_rows(source, plane, 2 * pair, &windows, &mut memory.rows_at_end);
                    rung.pick(simd, rows, begin, pair);
                    rung.vertical(simd, plane, pair + PICKED.1 / 2, &mut memory.noise);
                }
            } else {
                rung.horizontal(simd, &memory.columns, across.start, first_pair, &mut memory.made);
                rung.vertical(simd, plane, end_pair, &mut memory.noise);
            }
        }
    }
}

/// Bytes `across` of row `first` of a plane and of those below. Beyond the picture's last row they are those of that
/// row, beyond its last column whatever comes: both meet weights of zero. Where the frame's memory ends before them,
/// they lie in `at_end`.
fn picked_rows<'a>(
    source: &'a Frame,
    plane: usize,
    first: usize,
    across: &Range<usize>,
    at_end: &'a mut [Vec<u8>; PICKED.1],
) -> [&'a [u8]; PICKED.1] {
    let layout = source.layout(plane);
    let mut line = first;
    at_end.each_mut().map(|at_end| {
        let row = layout.offset + line.min(layout.height as usize - 1) * layout.stride;
        line += 1;
        let bytes = &source.bytes()[row + across.start..];
        bytes.get(..across.len()).unwrap_or_else(|| {
            at_end.clear();
            at_end.extend_from_slice(bytes);
            at_end.resize(across.len(), 0);
            at_end
        })
    })
}

impl StripMemory {
    /// Transposes the strip of rows from `first` on, as far as pairs `across`.
    #[inline(always)]
    fn transpose(&mut self, simd: impl Simd, source: &Frame, plane: usize, first: usize, across: &Range<usize>) {
        // Whole tiles are transposed: what lies beyond is never read.
        let pairs = across.len().next_multiple_of(TILE);
        self.rows.resize(BLOCK * pairs, [0; 2]);
        self.columns.resize(pairs, [[0; 2]; BLOCK]);
        match source.format().depth {
            Depth::Eight => self.widen::<u8>(source, plane, first, across),
            Depth::Ten | Depth::Twelve => self.widen::<u16>(source, plane, first, across),
        }
        for column in (0..pairs).step_by(TILE) {
            let columns = self.columns[column..column + TILE].as_flattened_mut();
            for row in (0..BLOCK).step_by(TILE) {
                simd.transpose(&self.rows[row * pairs + column..], pairs, &mut columns[row..], BLOCK);
            }
        }
    }

    /// Copies the strip as signed numbers of 16 bits.
    #[inline(always)]
    fn widen<S: Sample + upright_shaders::Sample>(
        &mut self,
        source: &Frame,
        plane: usize,
        first: usize,
        across: &Range<usize>,
    ) {
        let (samples, stride) = source.plane::<S>(plane);
        let height = source.layout(plane).height as usize;
        let pairs = across.len().next_multiple_of(TILE);
        // A last row or column without a neighbour meets a weight of zero in the neighbour's place.
        for (target, line) in self.rows.chunks_exact_mut(pairs).zip(first..height) {
            let row = &samples[line * stride..][2 * across.start..2 * across.end];
            for (wide, sample) in target.as_flattened_mut().iter_mut().zip(row) {
                *wide = sample.widen();
            }
        }
    }
}

impl RungPlane<'_> {
    fn prepare(&mut self) {
        let memory = &mut *self.memory;
        memory.ring_blocks = self.x.pairs.outputs().div_ceil(BLOCK);
        // Even, as every first pair is: two that are made together never lie at its two ends.
        memory.ring_rows = (self.y.pairs() + if self.x.picked { PICKED.1 / 2 } else { BLOCK / 2 }).next_multiple_of(2);
        memory.ring.resize(memory.ring_rows * memory.ring_blocks, [[0; 2]; BLOCK]);
        memory.rows_made = 0;
    }

    /// Makes row pairs `pair` and on of the ring from rows that begin with byte `begin` of the source's.
    #[inline(always)]
    fn pick(&mut self, simd: impl Simd, rows: [&[u8]; PICKED.1], begin: usize, pair: usize) {
        let RungMemory { ring, ring_rows, ring_blocks, .. } = &mut *self.memory;
        let stride = *ring_blocks * BLOCK;
        let made = &mut ring.as_flattened_mut()[pair % *ring_rows * stride..][..2 * stride];
        self.x.picks.pick(simd, rows, begin, self.conversion.horizontal, made.split_at_mut(stride).into());
    }

    /// Makes row pairs `first_pair` and on of the ring from a strip whose columns begin with pair `begin`.
    #[inline(always)]
    fn horizontal(
        &mut self,
        simd: impl Simd,
        columns: &[[Pair; BLOCK]],
        begin: usize,
        first_pair: usize,
        made: &mut Vec<[Pair; BLOCK / 2]>,
    ) {
        let rounding = self.conversion.horizontal;
        let filter = &self.x.pairs;
        let stride = self.memory.ring_blocks * BLOCK;
        made.resize(stride, [[0; 2]; BLOCK / 2]);
        for (output, made) in made[..filter.outputs()].iter_mut().enumerate() {
            let (start, weights) = filter.row(output);
            let begun = simd.splat(rounding.bias);
            let mut sums = begun;
            for (column, &weights) in columns[start - begin..][..weights.len()].iter().zip(weights) {
                sums = simd.dot(sums, column, weights);
            }
            if let Some(PairHold { hold, ends, between }) = filter.hold(output) {
                let [first, last, between] = [ends[0], ends[1], between].map(|pair| &columns[pair - begin]);
                sums = simd.hold(sums, begun, [first, last], between, hold);
            }
            *made = simd.to_pairs(sums, rounding.shift);
        }
        let mut tile = [[0; 2]; TILE * TILE];
        let rows = self.memory.ring_rows;
        let ring = self.memory.ring.as_flattened_mut();
        for pair in (0..BLOCK / 2).step_by(TILE) {
            for column in (0..stride).step_by(TILE) {
                simd.transpose(&made[column..].as_flattened()[pair..], BLOCK / 2, &mut tile, TILE);
                for (row, tile) in tile.as_chunks::<TILE>().0.iter().enumerate() {
                    let slot = (first_pair + pair + row) % rows;
                    ring[slot * stride + column..][..TILE].copy_from_slice(tile);
                }
            }
        }
    }

    /// Makes the output rows that need no row pair from `end_pair` on.
    #[inline(always)]
    fn vertical(&mut self, simd: impl Simd, plane: usize, end_pair: usize, noise: &mut Vec<i32>) {
        match self.frame.format().depth {
            Depth::Eight => self.rows::<u8>(simd, plane, end_pair, noise),
            Depth::Ten | Depth::Twelve => self.rows::<u16>(simd, plane, end_pair, noise),
        }
    }

    #[inline(always)]
    fn rows<T: OutputSample>(&mut self, simd: impl Simd, plane: usize, end_pair: usize, noise: &mut Vec<i32>) {
        let Self { y: filter, conversion, noise: field, frame, memory, .. } = self;
        let RungMemory { ring, ring_rows, ring_blocks, rows_made, .. } = &mut **memory;
        let width = frame.layout(plane).width as usize;
        let (output, stride) = frame.plane_mut::<T>(plane);
        while *rows_made < filter.outputs() {
            let row = *rows_made;
            let (start, weights) = filter.row(row);
            if start + weights.len() > end_pair {
                break;
            }
            if conversion.dither {
                noise.resize(*ring_blocks * BLOCK, 0);
                let row = field.row(row as u32, conversion.vertical.shift);
                for (x, noise) in noise.iter_mut().enumerate() {
                    *noise = conversion.vertical.bias + row(x as u32);
                }
            }
            let pairs = RowPairs {
                ring: ring.as_flattened(),
                rows: *ring_rows,
                stride: *ring_blocks * BLOCK,
                start,
                weights,
                noise: conversion.dither.then_some(noise),
                conversion: *conversion,
                hold: filter.hold(row),
            };
            let output = &mut output[row * stride..][..width];
            // Up to half size: a loop over few weights is unrolled, and they stay in registers.
            match weights.len() {
                3 => pairs.weigh::<3>(simd, output),
                4 => pairs.weigh::<4>(simd, output),
                5 => pairs.weigh::<5>(simd, output),
                6 => pairs.weigh::<6>(simd, output),
                7 => pairs.weigh::<7>(simd, output),
                _ => pairs.weigh::<ANY>(simd, output),
            }
            *rows_made += 1;
        }
    }
}

/// Sources of one output row.
#[derive(Clone, Copy)]
struct RowPairs<'a> {
    ring: &'a [Pair],
    /// Rows of the ring, and pairs from one to the next.
    rows: usize,
    stride: usize,
    /// First row pair of the picture, and the weights from there on.
    start: usize,
    weights: &'a [Pair],
    /// The constants that the sums begin with, if they differ.
    noise: Option<&'a [i32]>,
    conversion: Conversion,
    hold: Option<PairHold>,
}

impl RowPairs<'_> {
    /// Makes the row with `PAIRS` pairs of weights, or [`ANY`] number of them.
    #[inline(always)]
    fn weigh<const PAIRS: usize>(self, simd: impl Simd, output: &mut [impl OutputSample]) {
        let few: [_; PAIRS] = std::array::from_fn(|index| (self.row(self.start + index), self.weights[index]));
        let width = output.len();
        for (block, output) in output.as_chunks_mut().0.iter_mut().enumerate() {
            *output = self.block(simd, few, block * BLOCK);
        }
        if !width.is_multiple_of(BLOCK) {
            // The last whole block overlaps its neighbour, but for what is narrower than a block.
            let x = width.saturating_sub(BLOCK);
            let last = self.block(simd, few, x);
            match output[x..].first_chunk_mut() {
                Some(output) => *output = last,
                None => output.copy_from_slice(&last[..width]),
            }
        }
    }

    /// Makes [`BLOCK`] samples from `x` on.
    // No closures here: one that is not inlined is compiled for the least processor.
    #[inline(always)]
    fn block<T: OutputSample, const PAIRS: usize>(
        self,
        simd: impl Simd,
        few: [(&[Pair], Pair); PAIRS],
        x: usize,
    ) -> [T; BLOCK] {
        let begun = match self.noise {
            Some(noise) => simd.load(block_at(noise, x)),
            None => simd.splat(self.conversion.vertical.bias),
        };
        let mut sums = begun;
        for (row, weights) in few {
            sums = simd.dot(sums, block_at(row, x), weights);
        }
        if PAIRS == ANY {
            let mut row = self.start % self.rows;
            for &weights in self.weights {
                sums = simd.dot(sums, block_at(self.ring, row * self.stride + x), weights);
                row = if row + 1 == self.rows { 0 } else { row + 1 };
            }
        }
        if let Some(PairHold { hold, ends: [first, last], between }) = self.hold {
            let ends = [block_at(self.row(first), x), block_at(self.row(last), x)];
            sums = simd.hold(sums, begun, ends, block_at(self.row(between), x), hold);
        }
        T::from_sums(simd, sums, &self.conversion)
    }

    /// A row pair of the picture.
    #[inline(always)]
    fn row(&self, pair: usize) -> &[Pair] {
        &self.ring[pair % self.rows * self.stride..][..self.stride]
    }
}

/// A block of a row.
#[inline(always)]
#[expect(clippy::expect_used, reason = "the slice has the array's length")]
fn block_at<T>(row: &[T], x: usize) -> &[T; BLOCK] {
    row[x..x + BLOCK].first_chunk().expect("a whole block")
}

/// A sample of a rung.
trait OutputSample: Sample {
    /// Rounds and clamps the sums of the vertical pass.
    fn from_sums<V: Simd>(simd: V, sums: V::Sums, conversion: &Conversion) -> [Self; BLOCK];
}

impl OutputSample for u8 {
    #[inline(always)]
    fn from_sums<V: Simd>(simd: V, sums: V::Sums, conversion: &Conversion) -> [Self; BLOCK] {
        simd.to_u8(sums, conversion.vertical.shift)
    }
}

impl OutputSample for u16 {
    #[inline(always)]
    fn from_sums<V: Simd>(simd: V, sums: V::Sums, conversion: &Conversion) -> [Self; BLOCK] {
        simd.to_u16(sums, conversion.vertical.shift, conversion.limit)
    }
}
