//! Where everything of a frame lies in the device's buffers, and what the kernels are told of it. No device here.
//!
//! The input buffer holds, in this order: the parameters of every dispatch, the filters, the samples. The middle
//! buffer holds the intermediate samples of every rung and plane; the output buffer the rungs' frames, one after the
//! other, each as [`crate::frame::Frame::bytes`] has it.

use super::buffers::{BufferSize, Input, Middle, Offset, Output, WORD};
use crate::frame::{Depth, Frame, PlaneLayout};
use crate::scale::filters::Filters;
use crate::scale::spec::{PlaneKind, ScaleSpec};
use std::ops::Range;
use upright_shaders::kernels::{Kernel, SCALE_HORIZONTAL, SCALE_VERTICAL};
use upright_shaders::{Conversion, Filter, HorizontalParams, Noise, VerticalParams};

/// One run of a kernel over the planes of one kind of one rung.
#[derive(Debug)]
pub(super) struct Dispatch {
    pub(super) kernel: &'static Kernel,
    /// Where its parameters lie in the input buffer, in bytes.
    pub(super) params: usize,
    pub(super) workgroups: WorkgroupCounts,
}

/// Workgroups along each axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct WorkgroupCounts(pub(super) [u32; 3]);

impl WorkgroupCounts {
    /// Counts those of a kernel whose every invocation makes one word.
    fn new(kernel: &Kernel, words: usize, rows: usize, planes: usize) -> Self {
        Self([(words as u32).div_ceil(kernel.workgroup[0]), rows as u32, planes as u32])
    }
}

/// The layout of frames of one crop.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// First all horizontal passes, then all vertical ones.
    pub(super) dispatches: Vec<Dispatch>,
    params: Vec<Params>,
    /// Bytes from one dispatch's parameters to the next's.
    params_step: usize,
    filters: Offset<Input>,
    pixels: [Pixels; 2],
    input: BufferSize<Input>,
    middle: BufferSize<Middle>,
}

#[derive(Debug)]
enum Params {
    Horizontal(HorizontalParams),
    /// Without the keys of the noise, which are every frame's own; of these planes.
    Vertical(VerticalParams, Range<usize>),
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
    /// Gives the parameters of the pass along x over the uploaded samples.
    fn horizontal(&self, source: Depth, pixels: &Pixels) -> HorizontalParams {
        let first_row = (self.middle.rows.start - pixels.rows.start) as usize;
        HorizontalParams {
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

    /// Gives the parameters of the pass along y, without keys of noise.
    fn vertical(&self) -> VerticalParams {
        let stride = self.plane.stride / WORD;
        VerticalParams {
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
    /// Lays out frames with these filters. `params_align` is the device's alignment of parameters in bytes.
    pub(super) fn new(spec: &ScaleSpec, filters: &Filters, params_align: usize) -> Self {
        let params_step = size_of::<HorizontalParams>().max(size_of::<VerticalParams>()).next_multiple_of(params_align);
        let passes = 2 * spec.rungs.len() * PlaneKind::ALL.len();
        let mut input = BufferSize::default();
        input.grow(passes * params_step / WORD);
        let tables = place_filters(spec, filters, &mut input);
        let pixels = PlaneKind::ALL.map(|kind| Pixels::place(spec, filters, kind, &mut input));
        let filters_at = tables.first().copied().unwrap_or_default();
        let mut layout = Self { params_step, filters: filters_at, pixels, input, ..Self::default() };

        let rungs = layout.place_rungs(spec, filters, &tables);
        for (planes, kind) in rungs.iter().zip(PlaneKind::ALL.into_iter().cycle()) {
            let params = planes.horizontal(spec.source.depth, &layout.pixels[kind as usize]);
            let MiddlePlanes { stride, rows, .. } = &planes.middle;
            let workgroups = WorkgroupCounts::new(&SCALE_HORIZONTAL, *stride, rows.len(), planes.indices.len());
            layout.dispatch(&SCALE_HORIZONTAL, workgroups, Params::Horizontal(params));
        }
        for planes in &rungs {
            let params = Params::Vertical(planes.vertical(), planes.indices.clone());
            let rows = planes.plane.height as usize;
            let workgroups = WorkgroupCounts::new(&SCALE_VERTICAL, planes.row_words(), rows, planes.indices.len());
            layout.dispatch(&SCALE_VERTICAL, workgroups, params);
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

    fn dispatch(&mut self, kernel: &'static Kernel, workgroups: WorkgroupCounts, params: Params) {
        self.dispatches.push(Dispatch { kernel, params: self.params.len() * self.params_step, workgroups });
        self.params.push(params);
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

    /// Writes the parameters of frame number `frame`, as `(offset, bytes)`.
    pub(super) fn write_params(&self, frame: u64, mut write: impl FnMut(usize, &[u8])) {
        let key = |plane: usize| Noise::new(frame, plane as u32).key;
        for (index, params) in self.params.iter().enumerate() {
            let offset = index * self.params_step;
            match params {
                Params::Horizontal(params) => write(offset, bytemuck::bytes_of(params)),
                Params::Vertical(params, planes) => {
                    let (key_0, key_1) = (key(planes.start), key(planes.end - 1));
                    write(offset, bytemuck::bytes_of(&VerticalParams { key_0, key_1, ..*params }));
                }
            }
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
