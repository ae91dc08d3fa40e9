//! Samples that are worked on side by side.

use std::ops::Range;
use upright_shaders::map_colour::ChromaAxis;

/// How many: few enough for those of all components to stay in the nearest cache.
pub(super) const LANES: usize = 64;

/// Samples of a component.
pub(super) type Lane = [f32; LANES];

/// Samples of the three components.
pub(super) type Lanes = [Lane; 3];

/// Copies of a row's first sample before it.
const BEFORE: usize = 2;

/// Copies of a row's last sample behind it: as many as [`luma_at_chroma`] reads from the last column on.
const BEHIND: usize = 2 * LANES + 4;

/// Some rows of a plane, which go on beyond their ends, so that none has to be looked for.
#[derive(Debug, Default)]
pub(super) struct Rows {
    samples: Vec<f32>,
    /// Those that are there.
    rows: Range<i64>,
    width: usize,
}

impl Rows {
    /// Makes room for rows of `width` samples.
    pub(super) fn reshape(&mut self, rows: Range<i64>, width: usize) {
        let count = usize::try_from(rows.end - rows.start).unwrap_or(0);
        self.samples.resize(count * (BEFORE + width + BEHIND), 0.0);
        (self.rows, self.width) = (rows, width);
    }

    /// Gives the rows that there is room for.
    pub(super) fn range(&self) -> Range<i64> {
        self.rows.clone()
    }

    /// Has `make` make a row that there is room for.
    #[inline(always)]
    pub(super) fn make(&mut self, row: i64, make: impl FnOnce(&mut [f32])) {
        let stride = BEFORE + self.width + BEHIND;
        let line = &mut self.samples[(row - self.rows.start) as usize * stride..][..stride];
        make(&mut line[BEFORE..][..self.width]);
        let (first, last) = (line[BEFORE], line[BEFORE + self.width - 1]);
        line[..BEFORE].fill(first);
        line[BEFORE + self.width..].fill(last);
    }

    /// Gives a row with what lies beyond its ends, or the nearest that is there.
    #[inline(always)]
    fn row(&self, row: i64) -> &[f32] {
        let stride = BEFORE + self.width + BEHIND;
        let row = row.clamp(self.rows.start, self.rows.end - 1) - self.rows.start;
        &self.samples[row as usize * stride..][..stride]
    }

    /// Gives the samples of a row from a column on.
    #[inline(always)]
    pub(super) fn at(&self, row: i64, column: usize) -> &[f32] {
        &self.row(row)[BEFORE + column..][..LANES]
    }

    /// Lays chroma at the height of luma row `row` into `mixed`.
    #[inline(always)]
    pub(super) fn mix_at_luma(&self, axis: ChromaAxis, row: usize, mixed: &mut Vec<f32>) {
        let (above, quarters) = axis.chroma_of(row);
        let (above, below) = (self.row(above), self.row(above + 1));
        let part = f32::from(quarters) / 4.0;
        mixed.resize(above.len(), 0.0);
        for (mixed, (above, below)) in mixed.iter_mut().zip(above.iter().zip(below)) {
            *mixed = above + (below - above) * part;
        }
    }

    /// Lays luma at the height of chroma row `row` into `mixed`.
    #[inline(always)]
    pub(super) fn mix_at_chroma(&self, axis: ChromaAxis, row: usize, mixed: &mut Vec<f32>) {
        let (top, quarters) = axis.luma_of(row);
        let [first, second, third] = [self.row(top), self.row(top + 1), self.row(top + 2)];
        let [a, b, c] = parts(quarters);
        mixed.resize(first.len(), 0.0);
        for (mixed, (first, (second, third))) in mixed.iter_mut().zip(first.iter().zip(second.iter().zip(third))) {
            *mixed = a * first + b * second + c * third;
        }
    }
}

/// Lays chroma at the places of luma samples from `column` on into `made`, from a row of [`Rows::mix_at_luma`].
#[inline(always)]
pub(super) fn chroma_at_luma(axis: ChromaAxis, mixed: &[f32], column: usize, made: &mut Lane) {
    let (even, part) = axis.chroma_of(column);
    let even = &mixed[place(even)..];
    if axis.subsampling == 1 {
        return made.copy_from_slice(&even[..LANES]);
    }
    // Every second place has the same parts of its neighbours.
    let (odd, odd_part) = axis.chroma_of(column + 1);
    let (even, odd) = (&even[..=LANES / 2], &mixed[place(odd)..][..=LANES / 2]);
    let [part, odd_part] = [f32::from(part) / 4.0, f32::from(odd_part) / 4.0];
    for (index, pair) in made.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        pair[0] = even[index] + (even[index + 1] - even[index]) * part;
        pair[1] = odd[index] + (odd[index + 1] - odd[index]) * odd_part;
    }
}

/// Lays luma at the places of chroma samples from `column` on into `made`, from a row of [`Rows::mix_at_chroma`].
#[inline(always)]
pub(super) fn luma_at_chroma(axis: ChromaAxis, mixed: &[f32], column: usize, made: &mut Lane) {
    let (first, quarters) = axis.luma_of(column);
    let near = &mixed[place(first)..];
    if axis.subsampling == 1 {
        return made.copy_from_slice(&near[..LANES]);
    }
    let near = &near[..2 * LANES + 1];
    let [a, b, c] = parts(quarters);
    for (index, made) in made.iter_mut().enumerate() {
        *made = a * near[2 * index] + b * near[2 * index + 1] + c * near[2 * index + 2];
    }
}

/// Where a column, the one before the first at the least, is in a row with what lies beyond its ends.
#[inline(always)]
fn place(column: i64) -> usize {
    (column + BEFORE as i64) as usize
}

#[inline(always)]
fn parts(quarters: [u16; 3]) -> [f32; 3] {
    [f32::from(quarters[0]) / 4.0, f32::from(quarters[1]) / 4.0, f32::from(quarters[2]) / 4.0]
}
