//! Both passes over one plane, for all rungs, in an order that suits a processor's caches and vectors.
//!
//! The plane is read in strips of [`BLOCK`] rows. A strip is turned, so that a vector holds one pair of columns of many
//! rows: then the horizontal pass, which has other weights at every column, multiplies whole vectors by one pair of
//! weights, as the vertical pass does by nature. What it makes is turned back into a ring of row pairs, from which
//! every output row is made as soon as the rows that it needs are there. The integers are those of the twins.

use super::lanes::{BLOCK, Lanes, Pair, TILE};
use crate::frame::{Depth, Frame};
use std::ops::Range;
use upright_shaders::{Conversion, Filter, Noise, Sample};

/// A filter whose rows begin at even source samples, as pairs of weights.
#[derive(Debug, Default)]
pub(super) struct PairFilter {
    /// Pairs of weights in a row.
    pairs: usize,
    /// First pair of source samples of each output sample.
    starts: Vec<u32>,
    weights: Vec<Pair>,
}

impl PairFilter {
    /// Makes it equal to `filter`, which is for `samples` source samples.
    pub(super) fn follow(&mut self, filter: &Filter, samples: u32) {
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
    }

    fn row(&self, output: usize) -> (usize, &[Pair]) {
        (self.starts[output] as usize, &self.weights[output * self.pairs..][..self.pairs])
    }

    fn outputs(&self) -> usize {
        self.starts.len()
    }

    /// The pairs of source samples that it reads, those with weights of zero too.
    fn support(&self) -> Range<usize> {
        match (self.starts.first(), self.starts.last()) {
            (Some(&first), Some(&last)) => first as usize..last as usize + self.pairs,
            _ => 0..0,
        }
    }
}

/// What one plane of one rung is made with.
#[derive(Debug)]
pub(super) struct RungPlane<'a> {
    pub x: &'a PairFilter,
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
    /// Where in the ring the rows begin that an output row is made of.
    bases: Vec<usize>,
    /// Output rows that are made.
    rows_made: usize,
}

/// Memory to work in for all rungs.
#[derive(Debug, Default)]
pub(super) struct StripMemory {
    /// A strip, row by row.
    rows: Vec<Pair>,
    /// The same, pair of columns by pair of columns, [`BLOCK`] rows each.
    columns: Vec<[Pair; BLOCK]>,
    /// What the horizontal pass makes of it, column by column.
    made: Vec<[Pair; BLOCK / 2]>,
    /// The constants that the sums of a dithered row begin with.
    noise: Vec<i32>,
}

/// Scales plane `plane` of `source`.
#[inline(always)]
pub(super) fn scale_plane<L: Lanes, S: Sample + crate::frame::Sample>(
    lanes: L,
    source: &Frame,
    plane: usize,
    rungs: &mut [RungPlane<'_>],
    memory: &mut StripMemory,
) {
    let (samples, stride) = source.plane::<S>(plane);
    let rows = source.layout(plane).height as usize;
    let union = |a: Range<usize>, b: Range<usize>| a.start.min(b.start)..a.end.max(b.end);
    let across = rungs.iter().map(|rung| rung.x.support()).reduce(union).unwrap_or_default();
    let down = rungs.iter().map(|rung| rung.y.support()).reduce(union).unwrap_or_default();
    // Whole tiles are turned: what lies beyond is never read.
    let pairs = across.len().next_multiple_of(TILE);
    memory.rows.resize(BLOCK * pairs, [0; 2]);
    memory.columns.resize(pairs, [[0; 2]; BLOCK]);
    for rung in rungs.iter_mut() {
        rung.prepare();
    }
    for first_pair in down.step_by(BLOCK / 2) {
        // A last row or column without a neighbour meets a weight of zero in the neighbour's place.
        for (row, line) in memory.rows.chunks_exact_mut(pairs).zip(2 * first_pair..rows) {
            let samples = &samples[line * stride..][2 * across.start..2 * across.end];
            for (wide, sample) in row.as_flattened_mut().iter_mut().zip(samples) {
                *wide = sample.widen();
            }
        }
        for column in (0..pairs).step_by(TILE) {
            let columns = memory.columns[column..column + TILE].as_flattened_mut();
            for row in (0..BLOCK).step_by(TILE) {
                lanes.transpose(&memory.rows[row * pairs + column..], pairs, &mut columns[row..], BLOCK);
            }
        }
        for rung in rungs.iter_mut() {
            rung.horizontal(lanes, &memory.columns, across.start, first_pair, &mut memory.made);
            rung.vertical(lanes, plane, first_pair + BLOCK / 2, &mut memory.noise);
        }
    }
}

impl RungPlane<'_> {
    fn prepare(&mut self) {
        let memory = &mut *self.memory;
        memory.ring_blocks = self.x.outputs().div_ceil(BLOCK);
        memory.ring_rows = self.y.pairs + BLOCK / 2;
        memory.ring.resize(memory.ring_rows * memory.ring_blocks, [[0; 2]; BLOCK]);
        memory.rows_made = 0;
    }

    /// Makes row pairs `first_pair` and on of the ring from a strip whose columns begin with pair `begin`.
    #[inline(always)]
    fn horizontal<L: Lanes>(
        &mut self,
        lanes: L,
        columns: &[[Pair; BLOCK]],
        begin: usize,
        first_pair: usize,
        made: &mut Vec<[Pair; BLOCK / 2]>,
    ) {
        let rounding = self.conversion.horizontal;
        let stride = self.memory.ring_blocks * BLOCK;
        made.resize(stride, [[0; 2]; BLOCK / 2]);
        for (output, made) in made[..self.x.outputs()].iter_mut().enumerate() {
            let (start, weights) = self.x.row(output);
            let mut sums = lanes.splat(rounding.bias);
            for (column, &weights) in columns[start - begin..][..weights.len()].iter().zip(weights) {
                sums = lanes.dot(sums, column, weights);
            }
            *made = lanes.to_pairs(sums, rounding.shift);
        }
        let mut tile = [[0; 2]; TILE * TILE];
        let rows = self.memory.ring_rows;
        let ring = self.memory.ring.as_flattened_mut();
        for pair in (0..BLOCK / 2).step_by(TILE) {
            for column in (0..stride).step_by(TILE) {
                lanes.transpose(&made[column..].as_flattened()[pair..], BLOCK / 2, &mut tile, TILE);
                for (row, tile) in tile.as_chunks::<TILE>().0.iter().enumerate() {
                    let slot = (first_pair + pair + row) % rows;
                    ring[slot * stride + column..][..TILE].copy_from_slice(tile);
                }
            }
        }
    }

    /// Makes the output rows that need no row pair from `end_pair` on.
    #[inline(always)]
    fn vertical<L: Lanes>(&mut self, lanes: L, plane: usize, end_pair: usize, noise: &mut Vec<i32>) {
        match self.frame.format().depth {
            Depth::Eight => {
                self.rows(lanes, plane, end_pair, noise, |sums, conversion| {
                    lanes.to_u8(sums, conversion.vertical.shift)
                });
            }
            Depth::Ten | Depth::Twelve => {
                self.rows(lanes, plane, end_pair, noise, |sums, conversion| {
                    lanes.to_u16(sums, conversion.vertical.shift, conversion.limit)
                });
            }
        }
    }

    #[inline(always)]
    fn rows<L: Lanes, T: crate::frame::Sample>(
        &mut self,
        lanes: L,
        plane: usize,
        end_pair: usize,
        noise: &mut Vec<i32>,
        narrow: impl Fn(L::Sums, &Conversion) -> [T; BLOCK],
    ) {
        let Self { y: filter, conversion, noise: field, frame, memory, .. } = self;
        let width = frame.layout(plane).width as usize;
        let (output, stride) = frame.plane_mut::<T>(plane);
        while memory.rows_made < filter.outputs() {
            let row = memory.rows_made;
            let (start, weights) = filter.row(row);
            if start + weights.len() > end_pair {
                break;
            }
            if conversion.dither {
                noise.resize(memory.ring_blocks * BLOCK, 0);
                let row = field.row(row as u32, conversion.vertical.shift);
                for (x, noise) in noise.iter_mut().enumerate() {
                    *noise = conversion.vertical.bias + row(x as u32);
                }
            }
            let RungMemory { ring, ring_rows, ring_blocks, bases, .. } = &mut **memory;
            bases.clear();
            bases.extend((start..start + weights.len()).map(|pair| pair % *ring_rows * *ring_blocks));
            let noise = noise.as_chunks::<BLOCK>().0;
            let (whole, rest) = output[row * stride..][..width].as_chunks_mut();
            // No closures here: one that is not inlined is compiled for the least processor.
            for block in 0..*ring_blocks {
                let mut sums =
                    if conversion.dither { lanes.load(&noise[block]) } else { lanes.splat(conversion.vertical.bias) };
                for (base, &weights) in bases.iter().zip(weights) {
                    sums = lanes.dot(sums, &ring[base + block], weights);
                }
                let samples = narrow(sums, conversion);
                match whole.get_mut(block) {
                    Some(whole) => *whole = samples,
                    None => rest.copy_from_slice(&samples[..rest.len()]),
                }
            }
            memory.rows_made += 1;
        }
    }
}
