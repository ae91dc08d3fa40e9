//! Where everything of a scaling node lies in the device's buffers, and what the kernels are told of it. No device here.
//!
//! The tables are the filters of every rung, of luma, then of chroma, each along x, then along y. The middle buffer holds the
//! intermediate samples of every rung and plane; the output buffer the rungs' frames, one after the other, each as
//! [`crate::frame::Frame::bytes`] has it and with room behind it.

use crate::frame::{Depth, FrameFormat, PADDING, PlaneLayout};
use crate::picture::scale::{Filters, PlaneKind, ScaleSpec};
use std::marker::PhantomData;
use std::ops::Range;
use upright_shaders::{ComposeJob, Conversion, Filter, Hold, HorizontalJob, Noise, VerticalJob};

/// Bytes of a word, the unit of all sizes and places.
pub(super) const WORD: usize = 4;

/// Invocations of a workgroup, each of which makes one word.
pub(super) const LANES: usize = 64;

/// Most workgroups along one axis, by WebGPU's default limits.
const MOST_WORKGROUPS: u32 = 65_535;

/// Workgroups of a pass so far, which are dealt out to its jobs one after the other.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Workgroups(u32);

impl Workgroups {
    /// Deals out workgroups for rows of so many words; gives the first, and how many a row has.
    pub(super) fn deal(&mut self, words: usize, rows: usize, planes: usize) -> (u32, u32) {
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

/// Bytes of the jobs of both passes.
pub(super) fn job_bytes(spec: &ScaleSpec) -> [usize; 2] {
    let jobs = spec.rungs.len() * PlaneKind::ALL.len();
    [jobs * size_of::<HorizontalJob>(), jobs * size_of::<VerticalJob>()]
}

/// Bytes of the jobs that lay layers over one another in all rungs.
pub(super) fn compose_job_bytes(spec: &ScaleSpec) -> usize {
    spec.rungs.len() * 3 * size_of::<ComposeJob>()
}

/// Bytes that a picture takes in a buffer, with the room behind it; the next one begins as aligned as it does.
pub(super) fn picture_bytes(format: FrameFormat) -> usize {
    (format.bytes() + PADDING).next_multiple_of(FrameFormat::ROW_ALIGN)
}

/// Bytes of the output buffer, and where each rung's frame begins in it.
pub(super) fn rungs(spec: &ScaleSpec) -> (usize, Vec<usize>) {
    let mut end = 0;
    let begins = spec.rungs.iter().map(|&rung| {
        let begin = end;
        end += picture_bytes(rung);
        begin
    });
    let begins = begins.collect();
    (end, begins)
}

/// Counts the samples of a word, by the power of two that they are.
pub(super) fn log2_samples_per_word(depth: Depth) -> u32 {
    if depth == Depth::Eight { 2 } else { 1 }
}

/// The layout of pictures of one crop.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// As if the source's buffer began with the picture.
    horizontal: Pass<HorizontalJob>,
    /// Without the keys of the noise, which are every frame's own.
    vertical: Pass<VerticalJob>,
    tables: BufferSize<Tables>,
    middle: BufferSize<Middle>,
}

/// The buffer of filters.
#[derive(Clone, Copy, Debug, Default)]
struct Tables;

/// The buffer of intermediate samples.
#[derive(Clone, Copy, Debug, Default)]
struct Middle;

/// A size of buffer `B`.
#[derive(Clone, Copy, Debug, Default)]
struct BufferSize<B> {
    words: usize,
    buffer: PhantomData<B>,
}

impl<B> BufferSize<B> {
    /// Makes it larger by so many words; gives the place where these begin.
    fn grow(&mut self, words: usize) -> Offset<B> {
        let place = Offset { words: self.words, buffer: PhantomData };
        self.words += words;
        place
    }
}

/// A place in buffer `B`, which is none in another.
#[derive(Clone, Copy, Debug, Default)]
struct Offset<B> {
    words: usize,
    buffer: PhantomData<B>,
}

impl<B> Offset<B> {
    /// Counts words, as kernels do.
    fn word(self) -> u32 {
        self.words as u32
    }

    /// Gives the place so many words further on.
    fn plus(self, words: usize) -> Self {
        Self { words: self.words + words, ..self }
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
    table: Offset<Tables>,
    middle: MiddlePlanes,
    /// Word of the output buffer where the first plane goes.
    output: usize,
}

impl RungPlanes<'_> {
    /// Gives the job of the pass along x over a picture of this format.
    fn horizontal(&self, source: FrameFormat, workgroups: &mut Workgroups) -> HorizontalJob {
        let pixels = source.layout()[self.indices.start];
        let (stride, first_row) = (pixels.stride / WORD, self.middle.rows.start as usize);
        let (rows, planes) = (self.middle.rows.len(), self.indices.len());
        let (first_workgroup, row_workgroups) = workgroups.deal(self.middle.stride, rows, planes);
        HorizontalJob {
            first_workgroup,
            row_workgroups,
            rows: rows as u32,
            planes: planes as u32,
            source: (pixels.offset / WORD + first_row * stride) as u32,
            source_stride: stride as u32,
            source_plane: (stride * pixels.height as usize) as u32,
            source_log2_samples_per_word: log2_samples_per_word(source.depth),
            table: self.table.word(),
            pairs: self.x.pairs() as u32,
            middle: self.middle.offset.word(),
            middle_stride: self.middle.stride as u32,
            middle_plane: self.middle.plane_words() as u32,
            width: self.plane.width,
            bias: self.conversion.horizontal.bias,
            shift: self.conversion.horizontal.shift,
            nearest: self.table.plus(self.x.nearest_word()).word(),
            near: hold(self.x).near.into(),
            far: hold(self.x).far.into(),
            unused: 0,
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
            output: self.output as u32,
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
            nearest: self.table.plus(self.x.word_count() + self.y.nearest_word()).word(),
            near: hold(self.y).near.into(),
            far: hold(self.y).far.into(),
        }
    }

    /// Counts the words of a row of the rung.
    fn row_words(&self) -> usize {
        (self.plane.width as usize).div_ceil(1 << log2_samples_per_word(self.depth))
    }
}

/// The weights that sums are held with; zeros where they are not.
fn hold(filter: &Filter) -> Hold {
    filter.held().map_or_else(Hold::default, |(hold, _)| hold)
}

impl Layout {
    /// Lays out a picture of `source`'s format for these filters.
    pub(super) fn new(spec: &ScaleSpec, filters: &Filters, source: FrameFormat) -> Self {
        let mut layout = Self::default();
        let rungs = layout.place_rungs(spec, filters);
        let Self { horizontal, vertical, .. } = &mut layout;
        for planes in rungs {
            horizontal.jobs.push(planes.horizontal(source, &mut horizontal.workgroups));
            vertical.jobs.push(planes.vertical(&mut vertical.workgroups));
        }
        layout
    }

    /// Finds places for tables and intermediate samples, and what else the passes of all rungs need to know.
    fn place_rungs<'a>(&mut self, spec: &ScaleSpec, filters: &'a Filters) -> Vec<RungPlanes<'a>> {
        let mut planes = Vec::with_capacity(spec.rungs.len() * PlaneKind::ALL.len());
        for (rung, (format, begin)) in spec.rungs.iter().zip(rungs(spec).1).enumerate() {
            for kind in PlaneKind::ALL {
                let (indices, (x, y)) = (kind.planes(), filters.get(rung, kind));
                let plane = format.layout()[indices.start];
                planes.push(RungPlanes {
                    depth: format.depth,
                    plane,
                    conversion: spec.conversion(format, kind),
                    x,
                    y,
                    table: self.tables.grow(x.word_count() + y.word_count()),
                    middle: MiddlePlanes::place(plane.width, y, indices.len(), &mut self.middle),
                    output: (begin + plane.offset) / WORD,
                    indices,
                });
            }
        }
        // The kernels may read one row and one word further, for weights of zero.
        self.middle.grow(spec.rungs.iter().map(|rung| rung.width as usize).max().unwrap_or(0) + 1);
        planes
    }

    pub(super) fn table_bytes(&self) -> usize {
        self.tables.words * WORD
    }

    pub(super) fn middle_bytes(&self) -> usize {
        self.middle.words * WORD
    }

    /// Counts the workgroups of both passes along x, y and z.
    pub(super) fn workgroups(&self) -> [[u32; 3]; 2] {
        [self.horizontal.workgroups.counts(), self.vertical.workgroups.counts()]
    }

    /// Gives the jobs of the pass along x over a picture that begins at this byte of its buffer.
    pub(super) fn horizontal_jobs(&self, begin: usize) -> Vec<HorizontalJob> {
        let job = |job: &HorizontalJob| HorizontalJob { source: job.source + (begin / WORD) as u32, ..*job };
        self.horizontal.jobs.iter().map(job).collect()
    }

    /// Gives the jobs of the pass along y of frame number `frame`.
    pub(super) fn vertical_jobs(&self, frame: u64) -> Vec<VerticalJob> {
        let key = |plane: usize| Noise::new(frame, plane as u32).key;
        let jobs = self.vertical.jobs.iter().zip(PlaneKind::ALL.map(PlaneKind::planes).into_iter().cycle());
        jobs.map(|(job, planes)| VerticalJob { key_0: key(planes.start), key_1: key(planes.end - 1), ..*job }).collect()
    }
}

/// Collects every filter as the kernels read them.
pub(super) fn table_words(spec: &ScaleSpec, filters: &Filters, words: &mut Vec<u32>) {
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
    /// Computes the ends of all words of the table, source, middle and output buffers that the jobs may touch.
    pub(super) fn reach(&self, spec: &ScaleSpec, filters: &Filters) -> [u32; 4] {
        let [mut tables, mut source, mut middle, mut output] = [0; 4];
        let kinds = (0..spec.rungs.len()).flat_map(|rung| PlaneKind::ALL.map(|kind| filters.get(rung, kind)));
        for ((x, y), (across, down)) in kinds.zip(self.horizontal.jobs.iter().zip(&self.vertical.jobs)) {
            let last = |filter: &Filter, pairs: u32| filter.starts().iter().max().unwrap() + 2 * pairs - 1;
            let (column, row) = (last(x, across.pairs), last(y, down.pairs) - down.first_row);
            let source_row =
                across.source + (across.planes - 1) * across.source_plane + (across.rows - 1) * across.source_stride;
            for (table, outputs, pairs) in
                [(across.table, across.width, across.pairs), (down.table, down.height, down.pairs)]
            {
                tables = tables.max(table + outputs * (1 + pairs));
            }
            for (filter, nearest, outputs) in [(x, across.nearest, across.width), (y, down.nearest, down.height)] {
                if let Some((_, firsts)) = filter.held() {
                    tables = tables.max(nearest + outputs);
                    // Nothing else is read than what is weighed.
                    let weighed =
                        |(start, first): (&u32, &u32)| start <= first && first + 4 <= start + filter.taps() as u32;
                    assert!(filter.starts().iter().zip(firsts).all(weighed));
                }
            }
            source = source.max(source_row + (column >> across.source_log2_samples_per_word) + 1);
            let written = across.middle + across.planes * across.middle_plane;
            // The right half of a word of four samples is read where there is none, too.
            let last_word = (down.width - 1) / 4 * 2 + 1;
            let read = down.middle + (down.planes - 1) * down.middle_plane + row * down.middle_stride + last_word + 1;
            middle = middle.max(written).max(read);
            output = output.max(down.output + down.planes * down.output_plane);
        }
        [tables, source, middle, output]
    }
}
