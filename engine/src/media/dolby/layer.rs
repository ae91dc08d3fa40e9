//! The samples of a base layer, reshaped, and pictures of them, strip by strip.
//!
//! Chroma is reshaped where it lies, by the base layer's luma there. What lies between samples is taken as
//! [`upright_shaders::map_colour`] takes it.

use super::curve::Curve;
use super::lanes::{LANES, Lane, Lanes, Rows, chroma_at_luma, luma_at_chroma};
use super::metadata::{BASE_BITS, Metadata};
use super::regression::Regressions;
use super::to_pq::ToPq;
use crate::frame::Frame;
use crate::vectors::VectorWork;
use std::ops::Range;
use upright_shaders::map_colour::ChromaAxis;

/// Codes of a base layer.
const CODES: usize = 1 << BASE_BITS;

/// A component, 0 to 1, by code.
type Table = Box<[f32; CODES]>;

/// The curves of a frame, each as far as possible as a table.
#[derive(Debug)]
pub(super) struct Shaping {
    /// Whose curves they are.
    pub(super) curves: [Curve; 3],
    luma: Table,
    chroma: [ChromaShaping; 2],
}

/// How a kind of chroma is reshaped.
#[derive(Debug)]
enum ChromaShaping {
    ByCode(Table),
    ByAll(Regressions),
}

impl Shaping {
    pub(super) fn new(metadata: &Metadata) -> Self {
        let curves = metadata.curves.clone();
        let table = |own: usize| {
            let mut table = Box::new([0.0; CODES]);
            for (code, shaped) in table.iter_mut().enumerate() {
                let signal = code as f64 / (CODES - 1) as f64;
                *shaped = curves[own].at(own, [signal; 3]).clamp(0.0, 1.0) as f32;
            }
            table
        };
        let chroma = [1, 2].map(|own| {
            if curves[own].is_by_itself() {
                ChromaShaping::ByCode(table(own))
            } else {
                ChromaShaping::ByAll(Regressions::new(&curves[own], own))
            }
        });
        Self { luma: table(0), chroma, curves }
    }

    fn regresses(&self) -> bool {
        self.chroma.iter().any(|chroma| matches!(chroma, ChromaShaping::ByAll(_)))
    }
}

/// A base layer, and what becomes of its samples.
#[derive(Clone, Copy)]
pub(super) struct Layer<'a> {
    pub(super) shaping: &'a Shaping,
    pub(super) to_pq: &'a ToPq,
    pub(super) planes: [Plane<'a>; 3],
    /// Of chroma along x and y.
    pub(super) axes: [ChromaAxis; 2],
}

/// A plane of a base layer.
#[derive(Clone, Copy)]
pub(super) struct Plane<'a> {
    samples: &'a [u16],
    stride: usize,
    width: usize,
    height: usize,
}

impl<'a> Plane<'a> {
    pub(super) fn of(frame: &'a Frame, index: usize) -> Self {
        let (samples, stride) = frame.plane(index);
        let layout = frame.layout(index);
        Self { samples, stride, width: layout.width as usize, height: layout.height as usize }
    }

    #[inline(always)]
    fn row(&self, row: i64) -> &'a [u16] {
        &self.samples[row as usize * self.stride..][..self.width]
    }
}

/// Some rows of a picture that is made. Columns and rows are counted as those of the base layer's planes are.
pub(super) struct Strip<'a> {
    /// Of luma and of chroma.
    pub(super) columns: [Range<usize>; 2],
    pub(super) rows: [Range<usize>; 2],
    /// The rows of the three planes, one behind the other, and how far they lie apart.
    pub(super) planes: [(&'a mut [u16], usize); 3],
}

/// Memory for a strip.
#[derive(Debug, Default)]
pub(super) struct StripMemory {
    /// The components, reshaped.
    luma: Rows,
    chroma: [Rows; 2],
    /// Luma as it is; empty where that is not needed.
    codes: Rows,
    /// Rows at the height of the one that is made.
    mixed: [Vec<f32>; 2],
}

/// Makes a strip.
pub(super) struct StripWork<'a, 'b> {
    pub(super) layer: Layer<'a>,
    pub(super) strip: Strip<'b>,
    pub(super) memory: &'a mut StripMemory,
}

impl VectorWork for StripWork<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { layer, strip, memory } = self;
        memory.reshape(&layer, &strip.rows);
        let Strip { columns, rows, planes: [(luma, stride), (cb, cb_stride), (cr, cr_stride)] } = strip;
        let [luma_rows, chroma_rows] = rows;
        for (line, row) in luma.chunks_mut(stride).zip(luma_rows) {
            memory.make_luma(&layer, columns[0].clone(), row, line);
        }
        for ((cb, cr), row) in cb.chunks_mut(cb_stride).zip(cr.chunks_mut(cr_stride)).zip(chroma_rows) {
            memory.make_chroma(&layer, columns[1].clone(), row, [cb, cr]);
        }
    }
}

impl StripMemory {
    /// Reshapes what the rows are made of.
    #[inline(always)]
    fn reshape(&mut self, layer: &Layer<'_>, [luma, chroma]: &[Range<usize>; 2]) {
        let [luma_plane, cb, cr] = &layer.planes;
        let [_, y] = layer.axes;
        let signed = |range: &Range<usize>| range.start as i64..range.end as i64;
        let between = |rows: &Range<usize>| match rows.len() {
            0 => 0..0,
            _ => y.chroma_of(rows.start).0..y.chroma_of(rows.end - 1).0 + 2,
        };
        let about = |rows: Range<i64>| match rows.is_empty() {
            true => 0..0,
            false => y.luma_of(rows.start as usize).0..y.luma_of(rows.end as usize - 1).0 + 3,
        };
        let chroma_rows = union(between(luma), signed(chroma), cb.height);
        // Chroma that depends on luma does so on the rows above and below the strip too.
        let luma_rows = union(signed(luma), about(signed(chroma)), luma_plane.height);
        self.luma.reshape(luma_rows.clone(), luma_plane.width);
        for row in luma_rows {
            self.luma.make(row, |made| by_code(&layer.shaping.luma, luma_plane.row(row), made));
        }
        if layer.shaping.regresses() {
            self.codes.reshape(union(about(chroma_rows.clone()), 0..0, luma_plane.height), luma_plane.width);
            for row in self.codes.range() {
                self.codes.make(row, |made| signals(luma_plane.row(row), made));
            }
        }
        let Self { chroma: made, codes, mixed: [mixed, _], .. } = self;
        for ((rows, shaping), plane) in made.iter_mut().zip(&layer.shaping.chroma).zip([cb, cr]) {
            rows.reshape(chroma_rows.clone(), plane.width);
            for row in chroma_rows.clone() {
                match shaping {
                    ChromaShaping::ByCode(table) => rows.make(row, |made| by_code(table, plane.row(row), made)),
                    ChromaShaping::ByAll(regressions) => {
                        codes.mix_at_chroma(y, row as usize, mixed);
                        rows.make(row, |made| regress(layer, regressions, mixed, row, made));
                    }
                }
            }
        }
    }

    /// Makes a row of luma.
    #[inline(always)]
    fn make_luma(&mut self, layer: &Layer<'_>, columns: Range<usize>, row: usize, line: &mut [u16]) {
        let [x, y] = layer.axes;
        for (rows, mixed) in self.chroma.iter().zip(&mut self.mixed) {
            rows.mix_at_luma(y, row, mixed);
        }
        let mut samples: Lanes = [[0.0; LANES]; 3];
        for (column, line) in columns.clone().step_by(LANES).zip(line[..columns.len()].chunks_mut(LANES)) {
            samples[0].copy_from_slice(self.luma.at(row as i64, column));
            chroma_at_luma(x, &self.mixed[0], column, &mut samples[1]);
            chroma_at_luma(x, &self.mixed[1], column, &mut samples[2]);
            let mut made = [0; LANES];
            layer.to_pq.luma(&samples, &mut made);
            line.copy_from_slice(&made[..line.len()]);
        }
    }

    /// Makes a row of each kind of chroma.
    #[inline(always)]
    fn make_chroma(
        &mut self,
        layer: &Layer<'_>,
        columns: Range<usize>,
        row: usize,
        [cb_line, cr_line]: [&mut [u16]; 2],
    ) {
        let [x, y] = layer.axes;
        let Self { luma, chroma: [cb, cr], mixed: [mixed, _], .. } = self;
        luma.mix_at_chroma(y, row, mixed);
        let mut samples: Lanes = [[0.0; LANES]; 3];
        let lines = cb_line[..columns.len()].chunks_mut(LANES).zip(cr_line[..columns.len()].chunks_mut(LANES));
        for (column, (cb_line, cr_line)) in columns.step_by(LANES).zip(lines) {
            luma_at_chroma(x, mixed, column, &mut samples[0]);
            samples[1].copy_from_slice(cb.at(row as i64, column));
            samples[2].copy_from_slice(cr.at(row as i64, column));
            let mut made = [[0; LANES]; 2];
            layer.to_pq.chroma(&samples, &mut made);
            cb_line.copy_from_slice(&made[0][..cb_line.len()]);
            cr_line.copy_from_slice(&made[1][..cr_line.len()]);
        }
    }
}

/// The rows of both ranges and those between, as far as there are.
#[inline(always)]
fn union(a: Range<i64>, b: Range<i64>, height: usize) -> Range<i64> {
    let both = match (a.is_empty(), b.is_empty()) {
        (true, _) => b,
        (_, true) => a,
        _ => a.start.min(b.start)..a.end.max(b.end),
    };
    both.start.max(0)..both.end.min(height as i64)
}

#[inline(always)]
fn by_code(table: &Table, codes: &[u16], made: &mut [f32]) {
    for (made, code) in made.iter_mut().zip(codes) {
        *made = table[usize::from(*code).min(CODES - 1)];
    }
}

/// From codes to 0 to 1.
#[inline(always)]
fn signals(codes: &[u16], made: &mut [f32]) {
    for (made, code) in made.iter_mut().zip(codes) {
        *made = f32::from(*code) * (1.0 / (CODES - 1) as f32);
    }
}

/// Reshapes a row of chroma that depends on luma, which is at the height of the row in `mixed`.
#[inline(always)]
fn regress(layer: &Layer<'_>, regressions: &Regressions, mixed: &[f32], row: i64, made: &mut [f32]) {
    let [x, _] = layer.axes;
    let [_, cb, cr] = layer.planes.map(|plane| plane.row(row.min(plane.height as i64 - 1)));
    let mut samples: Lanes = [[0.0; LANES]; 3];
    for (nth, made) in made.chunks_mut(LANES).enumerate() {
        let (column, count) = (nth * LANES, made.len());
        luma_at_chroma(x, mixed, column, &mut samples[0]);
        signals(&cb[column..][..count], &mut samples[1]);
        signals(&cr[column..][..count], &mut samples[2]);
        let mut shaped: Lane = [0.0; LANES];
        regressions.at(&samples, &mut shaped);
        made.copy_from_slice(&shaped[..count]);
    }
}
