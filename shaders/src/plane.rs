//! Planes as the twins of kernels see them that make planes from planes of the same size; see `wgsl/plane.wgsl`.

use crate::Sample;
use std::ops::Range;

/// Most frames that such a kernel may read.
pub const MOST_FRAMES: usize = 5;

/// `SourcePlane` of the kernels; meanings are given there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
#[expect(missing_docs, reason = "described in the kernel")]
pub struct SourcePlane {
    pub offset: u32,
    pub stride: u32,
    pub column: u32,
    pub row: u32,
    pub columns: u32,
    pub rows: u32,
}

/// `PlaneJob` of the kernels; meanings are given there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
#[expect(missing_docs, reason = "described in the kernel")]
pub struct PlaneJob {
    pub first_workgroup: u32,
    pub row_workgroups: u32,
    pub output: u32,
    pub output_stride: u32,
    pub column: u32,
    pub row: u32,
    pub width: u32,
    pub height: u32,
    pub plane_width: u32,
    pub plane_height: u32,
    pub log2_samples_per_word: u32,
    pub limit: u32,
    pub picture: u32,
    pub sources: [SourcePlane; MOST_FRAMES],
}

/// An area of a plane, to be read.
#[derive(Clone, Debug)]
pub struct PlaneArea<'a, S> {
    /// Row by row.
    pub samples: &'a [S],
    /// Samples from one row to the next.
    pub stride: usize,
    /// The columns of the plane that are there.
    pub columns: Range<usize>,
    /// And the rows.
    pub rows: Range<usize>,
}

impl<S: Sample> PlaneArea<'_, S> {
    /// Gives the samples in these columns of a row of the whole plane, or of the nearest row that is there.
    ///
    /// # Panics
    /// When not all of the columns are there.
    #[inline(always)]
    pub fn row(&self, row: usize, columns: &Range<usize>) -> &[S] {
        let row = row.clamp(self.rows.start, self.rows.end - 1) - self.rows.start;
        let begin = row * self.stride + columns.start - self.columns.start;
        &self.samples[begin..begin + columns.len()]
    }

    /// Gives the sample at a place of the whole plane, or the nearest one that is there.
    ///
    /// # Panics
    /// When there is none.
    pub fn sample(&self, column: usize, row: usize) -> i32 {
        let nearest = |place: usize, there: &Range<usize>| place.clamp(there.start, there.end - 1) - there.start;
        self.samples[nearest(row, &self.rows) * self.stride + nearest(column, &self.columns)].widen().into()
    }
}

/// An area of a plane, to be made.
#[derive(Debug)]
pub struct PlaneAreaMut<'a, S> {
    /// Row by row.
    pub samples: &'a mut [S],
    /// Samples from one row to the next.
    pub stride: usize,
    /// The columns of the plane that are made.
    pub columns: Range<usize>,
    /// And the rows.
    pub rows: Range<usize>,
    /// Columns and rows of the whole plane.
    pub plane: [usize; 2],
    /// Largest sample value.
    pub limit: i32,
    /// What is to be made, as the kernel understands it.
    pub picture: u32,
}

impl<S: Sample> PlaneAreaMut<'_, S> {
    /// Makes every sample what `sample` gives for its column and row in the whole plane, from 0 to the largest.
    pub fn fill(self, sample: impl Fn(usize, usize) -> i32) {
        let Self { samples, stride, columns, rows, .. } = self;
        for (line, row) in samples.chunks_mut(stride).zip(rows) {
            for (made, column) in line.iter_mut().zip(columns.clone()) {
                *made = S::narrow(sample(column, row));
            }
        }
    }
}
