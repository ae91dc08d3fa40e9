//! Twin of `wgsl/map_colour.wgsl`: takes the colours of a picture to others by a table of three dimensions.
//!
//! A sample of luma and the chroma at its place, or of chroma and the luma at its place, are turned by a matrix into a
//! place among the nodes of a [`ColourTable`], which is a cube. The value there is mixed of the nodes at the corners of
//! a tetrahedron: of the six along the diagonal of a cell, the one that the place is in. Where the axes are R', G' and
//! B', greys are thus mixed of greys.
//!
//! # What lies between samples
//! Where chroma is subsampled, it is taken to luma's places by linear interpolation along each axis, in quarters, which
//! is exact for all the places that chroma samples have. Luma is taken to chroma's places by an average along each
//! axis: 1/4, 1/2, 1/4 about the luma sample that the chroma sample lies on, or 1/2, 1/2 of the two that it lies
//! between. Beyond the area that is there, the nearest sample stands. Neither is rounded: a sum of sixteenths of 12
//! bits has 16, and fewer bits are shifted up.
//!
//! # Bounds
//! Codes of 16 bits less half their range, and the matrix, are signed numbers of 16 bits; [`ColourTable::is_sound`]
//! says whether their sums fit 32. Nodes have 15 bits, and mixtures of them [`FRACTION_BITS`] more.

use crate::Sample;
use crate::plane::{PlaneArea, SourcePlane};
use std::ops::Range;

/// Fractional bits of a place among the nodes, and of weights.
pub const FRACTION_BITS: u32 = 10;

/// The most nodes along an axis: places among them have 16 bits.
pub const MOST_NODES: usize = 65;

/// Bits of the values of nodes: signed numbers of 16 bits hold them.
pub const NODE_BITS: u32 = 15;

/// Half of the range of codes and of places, which is taken off them.
pub const HALF: i32 = 1 << 15;

/// The weight that stands for one.
const UNITY: u16 = 1 << FRACTION_BITS;

/// Samples that are worked on at a time: few enough to stay in the nearest cache.
const LANES: usize = 64;

/// A table from codes of three planes to codes of three planes.
///
/// Nodes of `r`, `g` and `b` lie at `r + nodes * (g + nodes * b)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColourTable {
    /// Nodes along an axis, 2 to [`MOST_NODES`].
    pub nodes: usize,
    /// Rows of r, g and b, of columns for the first plane, the second and the third: places of [`FRACTION_BITS`] per
    /// code of 16 bits, times 2^shift.
    pub matrix: [[i16; 3]; 3],
    /// What is added to them, for codes less [`HALF`] and places less [`HALF`].
    pub offset: [i32; 3],
    /// Bits that are dropped then.
    pub shift: u32,
    /// Codes of the first plane's output, times 2^(15 - output_bits), by node.
    pub luma: Vec<u16>,
    /// Those of the second, and above them, from bit 16 on, of the third.
    pub chroma: Vec<u32>,
    /// Bits of samples that are made, 8 or 10.
    pub output_bits: u32,
}

impl ColourTable {
    /// Tells whether no sum can overflow and no node is missing.
    pub fn is_sound(&self) -> bool {
        let count = self.nodes.pow(3);
        let whole = (2..=MOST_NODES).contains(&self.nodes) && self.luma.len() == count && self.chroma.len() == count;
        let sums = self.matrix.iter().zip(self.offset).all(|(row, offset)| {
            let most: i64 = row.iter().map(|part| i64::from(part.unsigned_abs()) << 15).sum();
            most + i64::from(offset.unsigned_abs()) <= i64::from(i32::MAX)
        });
        whole && sums && matches!(self.output_bits, 8 | 10) && self.shift < 32
    }

    /// The largest place along an axis, less [`HALF`]. The last node itself is left out, so that no corner lies beyond
    /// it.
    pub fn last_place(&self) -> i16 {
        (((self.nodes as i32 - 1) << FRACTION_BITS) - 1 - HALF) as i16
    }

    /// Lays out the nodes as the kernel binds them: luma's, two to a word, then chroma's.
    pub fn words(&self) -> Vec<u32> {
        let pairs =
            self.luma.chunks(2).map(|pair| pair.iter().rev().fold(0, |word, value| word << 16 | u32::from(*value)));
        pairs.chain(self.chroma.iter().copied()).collect()
    }

    /// Bits that are dropped of a mixture of nodes.
    fn output_shift(&self) -> u32 {
        NODE_BITS + FRACTION_BITS - self.output_bits
    }

    /// Rounds a mixture of nodes to a code.
    #[inline(always)]
    fn round(&self, sum: u32) -> i32 {
        let shift = self.output_shift();
        ((sum + (1 << (shift - 1))) >> shift) as i32
    }
}

/// `MapJob` of the kernel; meanings are given there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
#[expect(missing_docs, reason = "described in the kernel")]
pub struct MapJob {
    pub first_workgroup: u32,
    pub row_workgroups: u32,
    pub chroma: u32,
    pub output: u32,
    pub output_stride: u32,
    pub output_plane: u32,
    pub output_log2_samples_per_word: u32,
    pub output_shift: u32,
    pub column: u32,
    pub row: u32,
    pub width: u32,
    pub height: u32,
    pub subsampling_x: u32,
    pub subsampling_y: u32,
    pub offset_x: i32,
    pub offset_y: i32,
    pub source_log2_samples_per_word: u32,
    pub source_up: u32,
    pub nodes: u32,
    pub chroma_nodes: u32,
    pub last_place: i32,
    pub shift: u32,
    pub offsets: [i32; 3],
    pub matrix: [i32; 9],
    pub planes: [SourcePlane; 3],
}

impl MapJob {
    /// Fills in what the table, and the samples' depth and places, decide.
    pub fn new(table: &ColourTable, source_bits: u32, [x, y]: [ChromaAxis; 2]) -> Self {
        let log2_samples_per_word = |bits: u32| if bits == 8 { 2 } else { 1 };
        let mut matrix = [0; 9];
        for (made, part) in matrix.iter_mut().zip(table.matrix.as_flattened()) {
            *made = i32::from(*part);
        }
        Self {
            output_log2_samples_per_word: log2_samples_per_word(table.output_bits),
            output_shift: table.output_shift(),
            subsampling_x: x.subsampling as u32,
            subsampling_y: y.subsampling as u32,
            offset_x: x.offset,
            offset_y: y.offset,
            source_log2_samples_per_word: log2_samples_per_word(source_bits),
            source_up: 12 - source_bits,
            nodes: table.nodes as u32,
            chroma_nodes: table.luma.len().div_ceil(2) as u32,
            last_place: i32::from(table.last_place()) + HALF,
            shift: table.shift,
            offsets: table.offset,
            matrix,
            ..Self::default()
        }
    }
}

/// Where chroma samples lie among luma samples, along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChromaAxis {
    /// Luma samples that a chroma sample covers, 1 or 2.
    pub subsampling: usize,
    /// Twice the distance, in luma samples, from the first of them to the chroma sample: -1 to 2, and 0 where it covers
    /// one.
    pub offset: i32,
}

impl ChromaAxis {
    /// An axis that is not subsampled.
    pub const NONE: Self = Self { subsampling: 1, offset: 0 };

    /// Gives the chroma sample before luma sample `at`, or on it, and how many quarters of the way to the next it lies.
    #[inline(always)]
    pub fn chroma_of(self, at: usize) -> (i64, u16) {
        if self.subsampling == 1 {
            return (at as i64, 0);
        }
        let quarters = 2 * at as i64 - i64::from(self.offset);
        (quarters >> 2, (quarters & 3) as u16)
    }

    /// Gives the first of three luma samples of which that at chroma sample `at` is mixed, and their quarters.
    #[inline(always)]
    pub fn luma_of(self, at: usize) -> (i64, [u16; 3]) {
        if self.subsampling == 1 {
            return (at as i64, [4, 0, 0]);
        }
        let first = 2 * at as i64 + i64::from(self.offset >> 1);
        if self.offset & 1 == 0 { (first - 1, [1, 2, 1]) } else { (first, [2, 2, 0]) }
    }
}

/// A picture whose colours are to be mapped, or the areas of its planes that are there.
#[derive(Clone, Debug)]
pub struct ColourSource<'a, S> {
    /// Luma and chroma; or green, blue and red.
    pub planes: [PlaneArea<'a, S>; 3],
    /// Bits of a sample, 8 to 12.
    pub bits: u32,
    /// Of chroma along x and y.
    pub axes: [ChromaAxis; 2],
}

/// Memory to work in.
#[derive(Clone, Debug, Default)]
pub struct MapMemory {
    /// A row of each plane, mixed along y: in quarters where it is yet to be mixed along x, else in sixteenths.
    rows: [Vec<u16>; 3],
    cells: Box<Cells>,
}

/// Samples, their places, and the corners of the tetrahedra about them.
#[derive(Clone, Debug)]
struct Cells {
    /// That of the table. As vectors of 16 bits it shows the compiler that it may multiply numbers of 16 bits.
    matrix: [[[i16; LANES]; 3]; 3],
    /// Codes of 16 bits, less [`HALF`].
    codes: [[i16; LANES]; 3],
    /// Places along r, g and b, less [`HALF`].
    places: [[i16; LANES]; 3],
    /// The cell's place along r and g together, and along b.
    rows: [i16; LANES],
    layers: [i16; LANES],
    /// How far the second and the third corner lie from the first.
    steps: [[i16; LANES]; 2],
    /// Of the four corners.
    weights: [[i16; LANES]; 4],
}

impl Default for Cells {
    fn default() -> Self {
        let none = [0; LANES];
        Self {
            matrix: [[none; 3]; 3],
            codes: [none; 3],
            places: [none; 3],
            rows: none,
            layers: none,
            steps: [none; 2],
            weights: [none; 4],
        }
    }
}

impl Cells {
    /// Finds the corners and the weights of the samples.
    #[inline(always)]
    fn find(&mut self, table: &ColourTable) {
        let Self { matrix, codes, places, rows, layers, steps, weights } = self;
        let (shift, last) = (table.shift, table.last_place());
        for ((places, [a, b, c]), offset) in places.iter_mut().zip(matrix).zip(table.offset) {
            let [first, second, third] = &*codes;
            for lane in 0..LANES {
                let sum = offset
                    + i32::from(first[lane]) * i32::from(a[lane])
                    + i32::from(second[lane]) * i32::from(b[lane])
                    + i32::from(third[lane]) * i32::from(c[lane]);
                places[lane] = ((sum >> shift).clamp(-HALF, HALF - 1) as i16).min(last);
            }
        }
        let row = table.nodes as i16;
        let layer = row * row;
        let [r, g, b] = places;
        let [first_steps, second_steps] = steps;
        let [first, second, third, fourth] = weights;
        for lane in 0..LANES {
            let [r, g, b] = [r[lane], g[lane], b[lane]].map(|place| place as u16 ^ 0x8000);
            let cell = |place: u16| (place >> FRACTION_BITS) as i16;
            rows[lane] = cell(r) + cell(g) * row;
            layers[lane] = cell(b);
            // The fraction, and below it the axis, so that both are sorted.
            let key = |place: u16, axis: i16| ((place & (UNITY - 1)) << 2) as i16 | axis;
            let step = |key: i16| match key & 3 {
                0 => 1,
                1 => row,
                _ => layer,
            };
            let (r, g, b) = (key(r, 0), key(g, 1), key(b, 2));
            let most = r.max(g).max(b);
            let least = r.min(g).min(b);
            let middle = r.min(g).max(r.max(g).min(b));
            first_steps[lane] = step(most);
            second_steps[lane] = 1 + row + layer - step(least);
            let (most, middle, least) = (most >> 2, middle >> 2, least >> 2);
            first[lane] = UNITY as i16 - most;
            second[lane] = most - middle;
            third[lane] = middle - least;
            fourth[lane] = least;
        }
    }

    /// The nodes at the corners of a lane.
    #[inline(always)]
    fn corners(&self, lane: usize, layer: usize, diagonal: usize) -> [usize; 4] {
        let first = self.rows[lane] as usize + self.layers[lane] as usize * layer;
        let [second, third] = self.steps.each_ref().map(|steps| first + steps[lane] as usize);
        [first, second, third, first + diagonal]
    }

    /// Mixes the values of the corners of a lane.
    #[inline(always)]
    fn mix(&self, lane: usize, values: [u32; 4]) -> u32 {
        let [a, b, c, d] = [0, 1, 2, 3].map(|corner| values[corner] * self.weights[corner][lane] as u32);
        a + b + c + d
    }
}

/// Makes the samples `columns` of row `row` of the first plane. Samples of the source have `bits`, 8 to 12.
///
/// # Panics
/// When an area of the source holds no sample, `output` is shorter than `columns`, or the table has fewer nodes than it
/// says.
pub fn map_luma<S: Sample, T: Sample>(
    source: &ColourSource<'_, S>,
    table: &ColourTable,
    columns: Range<usize>,
    row: usize,
    memory: &mut MapMemory,
    output: &mut [T],
) {
    let MapMemory { rows, cells } = memory;
    let [x, y] = source.axes;
    // Whole chunks are worked on, whose last lanes may be beyond the columns.
    let padded = columns.len().next_multiple_of(LANES);
    let (above, part) = y.chroma_of(row);
    let (first, _) = x.chroma_of(columns.start);
    for (mixed, area) in rows[1..].iter_mut().zip(&source.planes[1..]) {
        mix_rows(area, [(above, 4 - part), (above + 1, part)], first, padded / x.subsampling + 2, mixed);
    }
    mix_rows(&source.planes[0], [(row as i64, 4)], columns.start as i64, padded, &mut rows[0]);
    let up = 12 - source.bits;
    cells.matrix = table.matrix.map(|row| row.map(|part| [part; LANES]));
    let (layer, diagonal) = (table.nodes * table.nodes, 1 + table.nodes + table.nodes * table.nodes);
    for (chunk, output) in output[..columns.len()].chunks_mut(LANES).enumerate() {
        let from = chunk * LANES;
        whole(&rows[0][from..], up, &mut cells.codes[0]);
        for (codes, mixed) in cells.codes[1..].iter_mut().zip(&rows[1..]) {
            chroma_at_luma(x, columns.start + from, first, mixed, up, codes);
        }
        cells.find(table);
        for (lane, output) in output.iter_mut().enumerate() {
            let values = cells.corners(lane, layer, diagonal).map(|node| u32::from(table.luma[node]));
            *output = T::narrow(table.round(cells.mix(lane, values)));
        }
    }
}

/// Makes the samples `columns` of row `row` of the second and the third plane.
///
/// # Panics
/// When an area of the source holds no sample, `output` is shorter than `columns`, or the table has fewer nodes than it
/// says.
pub fn map_chroma<S: Sample, T: Sample>(
    source: &ColourSource<'_, S>,
    table: &ColourTable,
    columns: Range<usize>,
    row: usize,
    memory: &mut MapMemory,
    output: [&mut [T]; 2],
) {
    let MapMemory { rows, cells } = memory;
    let [x, y] = source.axes;
    let padded = columns.len().next_multiple_of(LANES);
    let (above, parts) = y.luma_of(row);
    let (first, _) = x.luma_of(columns.start);
    let luma_rows = [(above, parts[0]), (above + 1, parts[1]), (above + 2, parts[2])];
    mix_rows(&source.planes[0], luma_rows, first, padded * x.subsampling + 1, &mut rows[0]);
    for (mixed, area) in rows[1..].iter_mut().zip(&source.planes[1..]) {
        mix_rows(area, [(row as i64, 4)], columns.start as i64, padded, mixed);
    }
    let up = 12 - source.bits;
    cells.matrix = table.matrix.map(|row| row.map(|part| [part; LANES]));
    let (layer, diagonal) = (table.nodes * table.nodes, 1 + table.nodes + table.nodes * table.nodes);
    let [second, third] = output.map(|output| output[..columns.len()].chunks_mut(LANES));
    for (chunk, (second, third)) in second.zip(third).enumerate() {
        let from = chunk * LANES;
        luma_at_chroma(x, &rows[0][from * x.subsampling..], up, &mut cells.codes[0]);
        for (codes, mixed) in cells.codes[1..].iter_mut().zip(&rows[1..]) {
            whole(&mixed[from..], up, codes);
        }
        cells.find(table);
        for (lane, (second, third)) in second.iter_mut().zip(third).enumerate() {
            let nodes = cells.corners(lane, layer, diagonal).map(|node| table.chroma[node]);
            *second = T::narrow(table.round(cells.mix(lane, nodes.map(|node| node & 0xffff))));
            *third = T::narrow(table.round(cells.mix(lane, nodes.map(|node| node >> 16))));
        }
    }
}

/// Makes a code of sixteenths of a sample that lacks `up` bits of 12.
#[inline(always)]
fn code(sixteenths: u16, up: u32) -> i16 {
    ((sixteenths << up) ^ 0x8000) as i16
}

/// Makes codes of quarters.
#[inline(always)]
fn whole(mixed: &[u16], up: u32, codes: &mut [i16; LANES]) {
    for (made, value) in codes.iter_mut().zip(mixed) {
        *made = code(4 * value, up);
    }
}

/// Makes codes of chroma at luma's places from `column` on, of quarters of which `mixed` holds a row from `first` on.
#[inline(always)]
fn chroma_at_luma(axis: ChromaAxis, column: usize, first: i64, mixed: &[u16], up: u32, codes: &mut [i16; LANES]) {
    let (before, part) = axis.chroma_of(column);
    let mixed_from = |at: i64| &mixed[(at - first) as usize..][..LANES / axis.subsampling + 1];
    let even = mixed_from(before);
    if axis.subsampling == 1 {
        return whole(even, up, codes);
    }
    // Every second place has the same parts of its neighbours.
    let (next, next_part) = axis.chroma_of(column + 1);
    let odd = mixed_from(next);
    for (index, codes) in codes.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        *codes = [
            code((4 - part) * even[index] + part * even[index + 1], up),
            code((4 - next_part) * odd[index] + next_part * odd[index + 1], up),
        ];
    }
}

/// Makes codes of luma at chroma's places, of quarters; both rows begin at the same.
#[inline(always)]
fn luma_at_chroma(axis: ChromaAxis, mixed: &[u16], up: u32, codes: &mut [i16; LANES]) {
    let (_, [first, second, third]) = axis.luma_of(0);
    if axis.subsampling == 1 {
        return whole(mixed, up, codes);
    }
    let (pairs, next) = (mixed.as_chunks::<2>().0, mixed[2..].iter().step_by(2));
    for (made, (pair, next)) in codes.iter_mut().zip(pairs.iter().zip(next)) {
        *made = code(first * pair[0] + second * pair[1] + third * next, up);
    }
}

/// Gives the row of an area that stands for a row of the plane.
fn row_of<'a, S>(area: &PlaneArea<'a, S>, row: i64) -> &'a [S] {
    let row = (row.max(0) as usize).clamp(area.rows.start, area.rows.end - 1) - area.rows.start;
    &area.samples[row * area.stride..][..area.columns.len()]
}

/// Lays `count` columns from `first` on of a sum of rows, weighted by quarters, into `mixed`; for those that are not
/// there stands the nearest one.
#[inline(always)]
fn mix_rows<S: Sample, const ROWS: usize>(
    area: &PlaneArea<'_, S>,
    rows: [(i64, u16); ROWS],
    first: i64,
    count: usize,
    mixed: &mut Vec<u16>,
) {
    mixed.clear();
    mixed.resize(count, 0);
    let [start, end] = [area.columns.start as i64, area.columns.end as i64];
    // Of the columns of the area, the first and the last that are wanted or stand for what is.
    let from = first.clamp(start, end - 1);
    let to = (first + count as i64).clamp(from + 1, end);
    let before = ((from - first).max(0) as usize).min(count - 1);
    let there = &mut mixed[before..][..((to - from) as usize).min(count - before)];
    for (row, weight) in rows.into_iter().filter(|(_, weight)| *weight != 0) {
        let row = &row_of(area, row)[(from - start) as usize..];
        for (mixed, sample) in there.iter_mut().zip(row) {
            *mixed += weight * sample.widen() as u16;
        }
    }
    let after = before + there.len();
    let ends = (mixed[before], mixed[after - 1]);
    mixed[..before].fill(ends.0);
    mixed[after..].fill(ends.1);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes one sample of each plane by the words of the documentation, one at a time.
    fn plainly(source: &ColourSource<'_, u16>, table: &ColourTable, chroma: bool, [x, y]: [usize; 2]) -> [i32; 3] {
        let tap = |plane: usize, columns: &[(i64, i32)], rows: &[(i64, i32)]| {
            let sample =
                |column: i64, row: i64| source.planes[plane].sample(column.max(0) as usize, row.max(0) as usize);
            let mut sum = 0;
            for (row, down) in rows {
                for (column, along) in columns {
                    sum += down * along * sample(*column, *row);
                }
            }
            sum
        };
        let here = |at: usize| vec![(at as i64, 4)];
        // The luma sample `at` lies at `at`, the chroma sample `k` at `2k + offset/2`.
        let chroma_at = |axis: ChromaAxis, at: usize| match (axis.subsampling, axis.offset, at as i64 / 2, at % 2) {
            (1, ..) => here(at),
            (_, 0, k, 0) | (_, 2, k, 1) => vec![(k, 4)],
            (_, 0, k, _) => vec![(k, 2), (k + 1, 2)],
            (_, 2, k, _) => vec![(k - 1, 2), (k, 2)],
            (_, 1, k, 0) => vec![(k - 1, 1), (k, 3)],
            (_, 1, k, _) | (_, -1, k, 0) => vec![(k, 3), (k + 1, 1)],
            (_, -1, k, _) => vec![(k, 1), (k + 1, 3)],
            other => panic!("{other:?}"),
        };
        let luma_at = |axis: ChromaAxis, at: usize| match (axis.subsampling, axis.offset, 2 * at as i64) {
            (1, ..) => here(at),
            (_, 0, on) => vec![(on - 1, 1), (on, 2), (on + 1, 1)],
            (_, 2, on) => vec![(on, 1), (on + 1, 2), (on + 2, 1)],
            (_, 1, on) => vec![(on, 2), (on + 1, 2)],
            (_, -1, on) => vec![(on - 1, 2), (on, 2)],
            other => panic!("{other:?}"),
        };
        let [ax, ay] = source.axes;
        let codes = if chroma {
            [tap(0, &luma_at(ax, x), &luma_at(ay, y)), tap(1, &here(x), &here(y)), tap(2, &here(x), &here(y))]
        } else {
            let taps = [chroma_at(ax, x), chroma_at(ay, y)];
            [tap(0, &here(x), &here(y)), tap(1, &taps[0], &taps[1]), tap(2, &taps[0], &taps[1])]
        };
        // The tetrahedron by cases, in 64 bits.
        let place = [0, 1, 2].map(|axis| {
            let row = table.matrix[axis].map(i64::from);
            let half = i64::from(HALF);
            let code = |plane: usize| (i64::from(codes[plane]) << (12 - source.bits)) - half;
            let sum = row[0] * code(0) + row[1] * code(1) + row[2] * code(2) + i64::from(table.offset[axis]);
            ((sum >> table.shift) + half).clamp(0, ((table.nodes as i64 - 1) << FRACTION_BITS) - 1)
        });
        let cell = place.map(|place| (place >> FRACTION_BITS) as usize);
        let part = place.map(|place| place & 1023);
        let mut order = [0, 1, 2];
        order.sort_by_key(|&axis| -part[axis]);
        let node = |at: [usize; 3]| at[0] + table.nodes * (at[1] + table.nodes * at[2]);
        let mut at = cell;
        let mut sums = [0; 3];
        let mut add = |at: [usize; 3], weight: i64| {
            let chroma = table.chroma[node(at)];
            let values = [i64::from(table.luma[node(at)]), i64::from(chroma & 0xffff), i64::from(chroma >> 16)];
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += weight * value;
            }
        };
        add(at, 1024 - part[order[0]]);
        for (nth, axis) in order.into_iter().enumerate() {
            at[axis] += 1;
            add(at, part[axis] - order.get(nth + 1).map_or(0, |&next| part[next]));
        }
        let shift = 25 - table.output_bits;
        sums.map(|sum| ((sum + (1 << (shift - 1))) >> shift) as i32)
    }

    pub(crate) fn noise(seed: &mut u64) -> u32 {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 33) as u32
    }

    /// A table of noise, whose matrix takes codes a little beyond the nodes on all sides.
    fn table(nodes: usize, output_bits: u32, seed: &mut u64) -> ColourTable {
        let count = nodes.pow(3);
        let most = ((1u32 << output_bits) - 1) << (NODE_BITS - output_bits);
        let shift = 13;
        // Of a place per code.
        let gain = ((nodes as i64 - 1) << (FRACTION_BITS + shift)) / (1i64 << 16);
        let part = |percent: i64| (gain * percent / 100) as i16;
        ColourTable {
            nodes,
            matrix: [[part(110), 0, part(150)], [part(110), part(-20), part(-60)], [part(110), part(180), 0]],
            offset: [(((nodes as i32 - 1) << (FRACTION_BITS - 1)) - HALF) << shift; 3],
            shift,
            luma: (0..count).map(|_| (noise(seed) % (most + 1)) as u16).collect(),
            chroma: (0..count).map(|_| (noise(seed) % (most + 1)) | ((noise(seed) % (most + 1)) << 16)).collect(),
            output_bits,
        }
    }

    #[test]
    fn rows_are_what_samples_are_one_at_a_time() {
        let mut seed = 7;
        let axes: Vec<_> = [ChromaAxis::NONE]
            .into_iter()
            .chain([-1, 0, 1, 2].map(|offset| ChromaAxis { subsampling: 2, offset }))
            .collect();
        for (bits, output_bits, nodes) in [(8, 8, 2), (10, 10, 33), (12, 10, 65), (9, 8, 64), (8, 10, 17)] {
            let table = table(nodes, output_bits, &mut seed);
            assert!(table.is_sound(), "{nodes} nodes");
            for (&x, &y) in axes.iter().flat_map(|x| axes.iter().map(move |y| (x, y))) {
                for [width, height] in [[1usize, 1], [7, 5], [131, 4], [64, 3], [65, 2]] {
                    let sizes = [[width, height], [width.div_ceil(x.subsampling), height.div_ceil(y.subsampling)]];
                    let sizes = [sizes[0], sizes[1], sizes[1]];
                    let samples = sizes.map(|[w, h]| -> Vec<u16> {
                        (0..(w + 3) * h).map(|_| (noise(&mut seed) >> 5) as u16 & ((1 << bits) - 1)).collect()
                    });
                    let plane = |index: usize| {
                        let [w, h]: [usize; 2] = sizes[index];
                        PlaneArea { samples: &samples[index][..], stride: w + 3, columns: 0..w, rows: 0..h }
                    };
                    let source = ColourSource { planes: [plane(0), plane(1), plane(2)], bits, axes: [x, y] };
                    let memory = &mut MapMemory::default();
                    for row in 0..height {
                        let from = width / 3;
                        let mut made = vec![0u16; width - from];
                        map_luma(&source, &table, from..width, row, memory, &mut made);
                        for (made, column) in made.into_iter().zip(from..) {
                            assert_eq!(
                                i32::from(made),
                                plainly(&source, &table, false, [column, row])[0],
                                "{x:?} {y:?}"
                            );
                        }
                    }
                    let [width, height] = sizes[1];
                    for row in 0..height {
                        let from = width / 3;
                        let [mut cb, mut cr] = [0, 0].map(|_| vec![0u16; width - from]);
                        map_chroma(&source, &table, from..width, row, memory, [&mut cb, &mut cr]);
                        for ((cb, cr), column) in cb.into_iter().zip(cr).zip(from..) {
                            let expected = plainly(&source, &table, true, [column, row]);
                            assert_eq!([i32::from(cb), i32::from(cr)], expected[1..], "{x:?} {y:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn areas_stand_in_for_the_whole_where_they_hold_what_is_read() {
        let mut seed = 3;
        let table = table(17, 10, &mut seed);
        let axis = ChromaAxis { subsampling: 2, offset: 0 };
        let (luma, cb, cr) = ([40usize, 24], [20usize, 12], [20usize, 12]);
        let samples = [luma, cb, cr].map(|[w, h]| (0..w * h).map(|_| noise(&mut seed) as u8).collect::<Vec<_>>());
        let area = |index: usize, columns: Range<usize>, rows: Range<usize>| {
            let stride = [luma, cb, cr][index][0];
            PlaneArea { samples: &samples[index][rows.start * stride + columns.start..], stride, columns, rows }
        };
        let bits = 8;
        let axes = [axis; 2];
        let whole =
            ColourSource { planes: [area(0, 0..40, 0..24), area(1, 0..20, 0..12), area(2, 0..20, 0..12)], bits, axes };
        let part =
            ColourSource { planes: [area(0, 9..32, 7..18), area(1, 5..16, 4..9), area(2, 5..16, 4..9)], bits, axes };
        let memory = &mut MapMemory::default();
        for row in 8..17 {
            let mut made = [[0u16; 20], [0; 20]];
            let [first, second] = &mut made;
            map_luma(&whole, &table, 10..30, row, memory, first);
            map_luma(&part, &table, 10..30, row, memory, second);
            assert_eq!(made[0], made[1]);
        }
        for row in 4..8 {
            let mut made = [[[0u16; 10]; 2]; 2];
            for (source, [cb, cr]) in [&whole, &part].into_iter().zip(&mut made) {
                map_chroma(source, &table, 5..15, row, memory, [cb, cr]);
            }
            assert_eq!(made[0], made[1]);
        }
    }

    #[test]
    fn tables_that_would_overflow_or_lack_nodes_are_not_sound() {
        let mut seed = 1;
        let good = table(33, 10, &mut seed);
        assert!(good.is_sound());
        assert!(
            !ColourTable { matrix: good.matrix.map(|row| row.map(|part| part.saturating_mul(8))), ..good.clone() }
                .is_sound()
        );
        assert!(!ColourTable { nodes: 34, ..good.clone() }.is_sound());
        assert!(!ColourTable { output_bits: 12, ..good.clone() }.is_sound());
        assert!(!ColourTable { nodes: 1, luma: vec![0], chroma: vec![0], ..good }.is_sound());
    }
}
