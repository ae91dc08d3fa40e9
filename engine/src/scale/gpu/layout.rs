//! Where everything of a frame lies in the device's buffers, and what the kernels are told of it. No device here.
//!
//! The input buffer holds, in this order: the jobs of every pass, the filters, the samples. The middle buffer holds the
//! intermediate samples of every rung and plane; the output buffer the rungs' frames, one after the other, each as
//! [`crate::frame::Frame::bytes`] has it.

use super::buffers::{BufferSize, Input, Middle, Offset, Output, WORD};
use crate::frame::{Depth, Frame, PlaneLayout};
use crate::scale::filters::Filters;
use crate::scale::spec::{PlaneKind, ScaleSpec};
use std::ops::Range;
use upright_shaders::{Conversion, Filter, HorizontalJob, Noise, VerticalJob};

/// Invocations of a workgroup, each of which makes one word.
const LANES: usize = 64;

/// Most workgroups along one axis, by WebGPU's default limits.
const MOST_WORKGROUPS: u32 = 65_535;

/// Workgroups of a pass so far, which are dealt out to its jobs one after the other.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Workgroups(u32);

impl Workgroups {
    /// Deals out workgroups for rows of so many words; gives the first, and how many a row has.
    fn deal(&mut self, words: usize, rows: usize, planes: usize) -> (u32, u32) {
        let (first, a_row) = (self.0, words.div_ceil(LANES));
        self.0 += (a_row * rows * planes) as u32;
        (first, a_row as u32)
    }

    /// Counts along x, y and z: enough, and some too many where x has not room for all.
    pub(super) fn counts(self) -> [u32; 3] {
        let x = self.0.clamp(1, MOST_WORKGROUPS);
        [x, self.0.div_ceil(x), 1]
    }
}

/// One run of a kernel over the planes of all rungs.
#[derive(Debug, Default)]
pub(super) struct Pass<Job> {
    /// In the order of rungs, of each luma, then chroma.
    jobs: Vec<Job>,
    pub(super) workgroups: Workgroups,
}

/// Where the jobs of both passes lie in the input buffer, in bytes. `align` is the device's alignment of what is bound.
pub(super) fn job_bytes(spec: &ScaleSpec, align: usize) -> [Range<usize>; 2] {
    let jobs = spec.rungs.len() * PlaneKind::ALL.len();
    let (horizontal, vertical) = (jobs * size_of::<HorizontalJob>(), jobs * size_of::<VerticalJob>());
    let second = horizontal.next_multiple_of(align);
    [0..horizontal, second..second + vertical]
}

/// The layout of frames of one crop.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) horizontal: Pass<HorizontalJob>,
    /// Without the keys of the noise, which are every frame's own.
    pub(super) vertical: Pass<VerticalJob>,
    job_bytes: [Range<usize>; 2],
    filters: Offset<Input>,
    pixels: [Pixels; 2],
    input: BufferSize<Input>,
    middle: BufferSize<Middle>,
}

/// The samples of luma, or of both planes of chroma, that are uploaded.
#[derive(Clone, Debug, Default)]
struct Pixels {
    /// Where the first plane begins.
    offset: Offset<Input>,
    columns: Range<u32>,
    rows: Range<u32>,
    /// Words per row.
    stride: usize,
}

impl Pixels {
    /// Finds a place for what of the source's planes of one kind the filters read.
    fn place(spec: &ScaleSpec, filters: &Filters, kind: PlaneKind, input: &mut BufferSize<Input>) -> Self {
        let support = |filter: fn((&Filter, &Filter)) -> Range<u32>| {
            let ranges = (0..spec.rungs.len()).map(|rung| filter(filters.get(rung, kind)));
            ranges.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end)).unwrap_or(0..0)
        };
        let (columns, rows) = (support(|(x, _)| x.support()), support(|(_, y)| y.support()));
        let samples = log2_samples_per_word(spec.source.depth);
        let columns = columns.start >> samples << samples..columns.end;
        let stride = columns.len().div_ceil(1 << samples);
        let offset = input.grow(stride * rows.len() * kind.planes().len());
        Self { offset, columns, rows, stride }
    }

    fn plane_words(&self) -> usize {
        self.stride * self.rows.len()
    }
}

/// The intermediate samples of the planes of one kind of one rung.
#[derive(Clone, Debug)]
struct MiddlePlanes {
    offset: Offset<Middle>,
    /// Rows of the source frame.
    rows: Range<u32>,
    /// Words per row.
    stride: usize,
}

impl MiddlePlanes {
    /// Finds a place for the rows that the vertical filter reads, each as wide as the rung.
    fn place(width: u32, y: &Filter, planes: usize, middle: &mut BufferSize<Middle>) -> Self {
        let (rows, stride) = (y.support(), (width as usize).div_ceil(2));
        let offset = middle.grow(stride * rows.len() * planes);
        Self { offset, rows, stride }
    }

    fn plane_words(&self) -> usize {
        self.stride * self.rows.len()
    }
}

/// The planes of one kind of one rung: what they are made with, and where all of it lies.
struct RungPlanes<'a> {
    depth: Depth,
    /// Numbers of the planes in a frame.
    indices: Range<usize>,
    /// Of the first plane, in the rung's frame.
    plane: PlaneLayout,
    conversion: Conversion,
    x: &'a Filter,
    y: &'a Filter,
    /// The table of `x`; that of `y` follows it.
    table: Offset<Input>,
    middle: MiddlePlanes,
    /// Where the first plane goes.
    output: Offset<Output>,
}

impl RungPlanes<'_> {
    /// Gives the job of the pass along x over the uploaded samples.
    fn horizontal(&self, source: Depth, pixels: &Pixels, workgroups: &mut Workgroups) -> HorizontalJob {
        let first_row = (self.middle.rows.start - pixels.rows.start) as usize;
        let (rows, planes) = (self.middle.rows.len(), self.indices.len());
        let (first_workgroup, row_workgroups) = workgroups.deal(self.middle.stride, rows, planes);
        HorizontalJob {
            first_workgroup,
            row_workgroups,
            rows: rows as u32,
            planes: planes as u32,
            source: pixels.offset.plus(first_row * pixels.stride).word(),
            source_stride: pixels.stride as u32,
            source_plane: pixels.plane_words() as u32,
            source_column: pixels.columns.start,
            source_log2_samples_per_word: log2_samples_per_word(source),
            table: self.table.word(),
            pairs: self.x.pairs() as u32,
            middle: self.middle.offset.word(),
            middle_stride: self.middle.stride as u32,
            middle_plane: self.middle.plane_words() as u32,
            width: self.plane.width,
            bias: self.conversion.horizontal.bias,
            shift: self.conversion.horizontal.shift,
        }
    }

    /// Gives the job of the pass along y, without keys of noise.
    fn vertical(&self, workgroups: &mut Workgroups) -> VerticalJob {
        let stride = self.plane.stride / WORD;
        let (height, planes) = (self.plane.height as usize, self.indices.len());
        let (first_workgroup, row_workgroups) = workgroups.deal(self.row_words(), height, planes);
        VerticalJob {
            first_workgroup,
            row_workgroups,
            planes: planes as u32,
            table: self.table.plus(self.x.word_count()).word(),
            pairs: self.y.pairs() as u32,
            first_row: self.middle.rows.start,
            middle: self.middle.offset.word(),
            middle_stride: self.middle.stride as u32,
            middle_plane: self.middle.plane_words() as u32,
            output: self.output.word(),
            output_stride: stride as u32,
            output_plane: (stride * self.plane.height as usize) as u32,
            output_log2_samples_per_word: log2_samples_per_word(self.depth),
            width: self.plane.width,
            height: self.plane.height,
            bias: self.conversion.vertical.bias,
            shift: self.conversion.vertical.shift,
            limit: self.conversion.limit,
            dither: self.conversion.dither.into(),
            key_0: 0,
            key_1: 0,
        }
    }

    /// Counts the words of a row of the rung.
    fn row_words(&self) -> usize {
        (self.plane.width as usize).div_ceil(1 << log2_samples_per_word(self.depth))
    }
}

fn log2_samples_per_word(depth: Depth) -> u32 {
    if depth == Depth::Eight { 2 } else { 1 }
}

/// Bytes of the output buffer, and where each rung's frame lies in it.
pub(super) fn outputs(spec: &ScaleSpec) -> (usize, Vec<Range<usize>>) {
    let mut end = 0;
    let ranges = spec.rungs.iter().map(|rung| {
        let begin = end;
        end += rung.bytes();
        begin..end
    });
    let ranges = ranges.collect();
    (end, ranges)
}

impl Layout {
    /// Lays out frames with these filters. `align` is the device's alignment of what is bound, in bytes.
    pub(super) fn new(spec: &ScaleSpec, filters: &Filters, align: usize) -> Self {
        let job_bytes = job_bytes(spec, align);
        let mut input = BufferSize::default();
        input.grow(job_bytes[1].end / WORD);
        let tables = place_filters(spec, filters, &mut input);
        let pixels = PlaneKind::ALL.map(|kind| Pixels::place(spec, filters, kind, &mut input));
        // The kernels may read one sample further, for a weight of zero.
        input.grow(1);
        let filters_at = tables.first().copied().unwrap_or_default();
        let mut layout = Self { job_bytes, filters: filters_at, pixels, input, ..Self::default() };

        let rungs = layout.place_rungs(spec, filters, &tables);
        let Self { horizontal, vertical, pixels, .. } = &mut layout;
        for (planes, kind) in rungs.iter().zip(PlaneKind::ALL.into_iter().cycle()) {
            let pixels = &pixels[kind as usize];
            horizontal.jobs.push(planes.horizontal(spec.source.depth, pixels, &mut horizontal.workgroups));
            vertical.jobs.push(planes.vertical(&mut vertical.workgroups));
        }
        layout
    }

    /// Finds places for the intermediate samples, and what else the passes of all rungs need to know.
    fn place_rungs<'a>(
        &mut self,
        spec: &ScaleSpec,
        filters: &'a Filters,
        tables: &[Offset<Input>],
    ) -> Vec<RungPlanes<'a>> {
        let mut output = BufferSize::default();
        let mut rungs = Vec::with_capacity(tables.len());
        for (rung, format) in spec.rungs.iter().enumerate() {
            let frame = output.grow(format.bytes() / WORD);
            for kind in PlaneKind::ALL {
                let (indices, (x, y)) = (kind.planes(), filters.get(rung, kind));
                let plane = format.layout()[indices.start];
                rungs.push(RungPlanes {
                    depth: format.depth,
                    plane,
                    conversion: spec.conversion(format, kind),
                    x,
                    y,
                    table: tables[rungs.len()],
                    middle: MiddlePlanes::place(plane.width, y, indices.len(), &mut self.middle),
                    output: frame.plus(plane.offset / WORD),
                    indices,
                });
            }
        }
        // The kernels may read one row and one word further, for weights of zero.
        self.middle.grow(spec.rungs.iter().map(|rung| rung.width as usize).max().unwrap_or(0) + 1);
        rungs
    }

    /// Bytes of the input buffer.
    pub(super) fn input_bytes(&self) -> usize {
        self.input.bytes()
    }

    /// Bytes of the middle buffer.
    pub(super) fn middle_bytes(&self) -> usize {
        self.middle.bytes()
    }

    /// The bytes of the input buffer that hold filters.
    pub(super) fn filter_bytes(&self) -> Range<usize> {
        self.filters.byte()..self.pixels[0].offset.byte()
    }

    /// Writes the jobs of frame number `frame`, as `(offset, bytes)`.
    pub(super) fn write_jobs(&self, frame: u64, mut write: impl FnMut(usize, &[u8])) {
        let key = |plane: usize| Noise::new(frame, plane as u32).key;
        let [horizontal, vertical] = &self.job_bytes;
        write(horizontal.start, bytemuck::cast_slice(&self.horizontal.jobs));
        let jobs = self.vertical.jobs.iter().zip(PlaneKind::ALL.map(PlaneKind::planes).into_iter().cycle());
        for (index, (job, planes)) in jobs.enumerate() {
            let (key_0, key_1) = (key(planes.start), key(planes.end - 1));
            let offset = vertical.start + index * size_of::<VerticalJob>();
            write(offset, bytemuck::bytes_of(&VerticalJob { key_0, key_1, ..*job }));
        }
    }

    /// Writes the samples, in pieces as long as may be.
    pub(super) fn write_pixels(&self, source: &Frame, mut write: impl FnMut(usize, &[u8])) {
        let bytes = source.bytes();
        let sample = source.format().depth.bytes();
        for kind in PlaneKind::ALL {
            let pixels = &self.pixels[kind as usize];
            let length = pixels.stride * WORD;
            let mut to = pixels.offset.byte();
            for plane in kind.planes() {
                let layout = source.layout(plane);
                let column = pixels.columns.start as usize * sample;
                if length == layout.stride {
                    let begin = layout.offset + pixels.rows.start as usize * layout.stride;
                    write(to, &bytes[begin..begin + pixels.rows.len() * length]);
                    to += pixels.rows.len() * length;
                    continue;
                }
                for row in pixels.rows.clone() {
                    let begin = layout.offset + row as usize * layout.stride + column;
                    write(to, &bytes[begin..begin + length]);
                    to += length;
                }
            }
        }
    }
}

/// Finds places for the tables of every filter, in the order of [`filter_words`]: of each rung's luma, then its chroma.
fn place_filters(spec: &ScaleSpec, filters: &Filters, input: &mut BufferSize<Input>) -> Vec<Offset<Input>> {
    let every = (0..spec.rungs.len()).flat_map(|rung| PlaneKind::ALL.map(|kind| filters.get(rung, kind)));
    every.map(|(x, y)| input.grow(x.word_count() + y.word_count())).collect()
}

/// Collects every filter as the kernels read them.
pub(super) fn filter_words(spec: &ScaleSpec, filters: &Filters, words: &mut Vec<u32>) {
    words.clear();
    for rung in 0..spec.rungs.len() {
        for kind in PlaneKind::ALL {
            let (x, y) = filters.get(rung, kind);
            words.extend(x.words().chain(y.words()));
        }
    }
}

#[cfg(test)]
impl Layout {
    /// Computes the ends of all words of the input, middle and output buffers that the jobs may touch.
    pub(super) fn reach(&self, spec: &ScaleSpec, filters: &Filters) -> [u32; 3] {
        let [mut input, mut middle, mut output] = [0; 3];
        let kinds = (0..spec.rungs.len()).flat_map(|rung| PlaneKind::ALL.map(|kind| filters.get(rung, kind)));
        for ((x, y), (across, down)) in kinds.zip(self.horizontal.jobs.iter().zip(&self.vertical.jobs)) {
            let last = |filter: &Filter, pairs: u32| filter.starts().iter().max().unwrap() + 2 * pairs - 1;
            let (column, row) = (last(x, across.pairs) - across.source_column, last(y, down.pairs) - down.first_row);
            let source_row =
                across.source + (across.planes - 1) * across.source_plane + (across.rows - 1) * across.source_stride;
            let tables = [(across.table, across.width, across.pairs), (down.table, down.height, down.pairs)];
            let table_ends = tables.map(|(table, outputs, pairs)| table + outputs * (1 + pairs));
            let source_end = source_row + (column >> across.source_log2_samples_per_word) + 1;
            input = table_ends.into_iter().chain([source_end]).fold(input, u32::max);
            let written = across.middle + across.planes * across.middle_plane;
            // The right half of a word of four samples is read where there is none, too.
            let last_word = (down.width - 1) / 4 * 2 + 1;
            let read = down.middle + (down.planes - 1) * down.middle_plane + row * down.middle_stride + last_word + 1;
            middle = middle.max(written).max(read);
            output = output.max(down.output + down.planes * down.output_plane);
        }
        [input, middle, output]
    }
}
