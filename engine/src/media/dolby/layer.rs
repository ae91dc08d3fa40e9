//! The samples of a base layer, reshaped, with all three components at one place.
//!
//! Chroma is reshaped where it lies, by the base layer's luma there. What lies between samples is taken as
//! [`upright_shaders::map_colour`] takes it.

use super::curve::Curve;
use super::metadata::{BASE_BITS, Metadata};
use super::to_pq::{LANES, Lanes};
use crate::frame::Frame;
use std::ops::Range;
use upright_shaders::map_colour::ChromaAxis;

/// The curves of a frame, each as far as possible as a table by code.
#[derive(Debug)]
pub(super) struct Shaping {
    /// Whose curves they are.
    pub(super) metadata: Metadata,
    luma: Vec<f32>,
    /// None where chroma depends on luma.
    chroma: [Option<Vec<f32>>; 2],
}

impl Shaping {
    pub(super) fn new(metadata: &Metadata) -> Self {
        let table = |own: usize| -> Vec<f32> {
            let curve = &metadata.curves[own];
            (0..CODES).map(|code| shaped(curve, own, [signal(code as f64); 3])).collect()
        };
        let chroma = [1, 2].map(|own| metadata.curves[own].is_by_itself().then(|| table(own)));
        Self { luma: table(0), chroma, metadata: metadata.clone() }
    }
}

/// Codes of a base layer.
const CODES: usize = 1 << BASE_BITS;

/// From a code to 0 to 1.
fn signal(code: f64) -> f64 {
    code / (CODES - 1) as f64
}

fn shaped(curve: &Curve, own: usize, signal: [f64; 3]) -> f32 {
    curve.at(own, signal).clamp(0.0, 1.0) as f32
}

/// A base layer, reshaped.
pub(super) struct Layer<'a> {
    shaping: &'a Shaping,
    luma: Plane<'a, u16>,
    chroma: [Plane<'a, f32>; 2],
    axes: [ChromaAxis; 2],
}

impl<'a> Layer<'a> {
    /// Reshapes a base layer, of chroma into `chroma`.
    pub(super) fn new(
        shaping: &'a Shaping,
        base: &'a Frame,
        axes: [ChromaAxis; 2],
        chroma: &'a mut [Vec<f32>; 2],
    ) -> Self {
        let planes = [0, 1, 2].map(|index| Plane::of(base, index));
        let Plane { width, height, .. } = planes[1];
        for (index, made) in [1, 2].into_iter().zip(&mut *chroma) {
            made.clear();
            made.reserve(width * height);
            match &shaping.chroma[index - 1] {
                Some(table) => {
                    let rows = (0..height as i64).map(|row| planes[index].row(row));
                    made.extend(rows.flatten().map(|code| by_code(table, *code)));
                }
                None => regress(&shaping.metadata.curves[index], index, &planes, axes, made),
            }
        }
        let chroma = chroma.each_ref().map(|samples| Plane { samples, stride: width, width, height });
        let [luma, ..] = planes;
        Self { shaping, luma, chroma, axes }
    }

    /// Gives the samples at luma samples `columns` of a row to `put`, with the columns that they are for, counted from the
    /// first.
    pub(super) fn at_luma(
        &self,
        columns: Range<usize>,
        row: usize,
        [_, rows @ ..]: &mut [Vec<f32>; 3],
        mut put: impl FnMut(&Lanes, Range<usize>),
    ) {
        let [x, y] = self.axes;
        let (above, quarters) = y.chroma_of(row);
        for (mixed, plane) in rows.iter_mut().zip(&self.chroma) {
            mixed.clear();
            let pairs = plane.row(above).iter().zip(plane.row(above + 1));
            mixed.extend(pairs.map(|(above, below)| between(*above, *below, quarters)));
        }
        let luma = self.luma.row(row as i64);
        let last = self.chroma[0].width as i64 - 1;
        by_lanes(columns, &mut put, |column, samples, lane| {
            let (left, quarters) = x.chroma_of(column);
            let [left, right] = [left, left + 1].map(|at| at.clamp(0, last) as usize);
            samples[0][lane] = by_code(&self.shaping.luma, luma[column]);
            samples[1][lane] = between(rows[0][left], rows[0][right], quarters);
            samples[2][lane] = between(rows[1][left], rows[1][right], quarters);
        });
    }

    /// As [`Layer::at_luma`], at chroma samples.
    pub(super) fn at_chroma(
        &self,
        columns: Range<usize>,
        row: usize,
        [luma, ..]: &mut [Vec<f32>; 3],
        mut put: impl FnMut(&Lanes, Range<usize>),
    ) {
        let [x, y] = self.axes;
        let (top, quarters) = y.luma_of(row);
        luma.clear();
        luma.resize(self.luma.width, 0.0);
        for (row, quarters) in (top..).zip(quarters).filter(|(_, quarters)| *quarters > 0) {
            let weight = f32::from(quarters) / 4.0;
            for (mixed, code) in luma.iter_mut().zip(self.luma.row(row)) {
                *mixed += weight * by_code(&self.shaping.luma, *code);
            }
        }
        let last = self.luma.width as i64 - 1;
        let chroma = self.chroma.each_ref().map(|plane| plane.row(row as i64));
        by_lanes(columns, &mut put, |column, samples, lane| {
            let (left, quarters) = x.luma_of(column);
            let mut mixed = 0.0;
            for (at, quarters) in (left..).zip(quarters) {
                mixed += f32::from(quarters) / 4.0 * luma[at.clamp(0, last) as usize];
            }
            samples[0][lane] = mixed;
            samples[1][lane] = chroma[0][column];
            samples[2][lane] = chroma[1][column];
        });
    }
}

/// Goes through columns by as many as are worked on at a time.
#[inline(always)]
fn by_lanes(
    columns: Range<usize>,
    put: &mut impl FnMut(&Lanes, Range<usize>),
    sample: impl Fn(usize, &mut Lanes, usize),
) {
    let mut samples = [[0.0; LANES]; 3];
    for first in columns.clone().step_by(LANES) {
        let count = LANES.min(columns.end - first);
        (0..count).for_each(|lane| sample(first + lane, &mut samples, lane));
        let at = first - columns.start;
        put(&samples, at..at + count);
    }
}

/// Reshapes chroma that depends on luma.
fn regress(curve: &Curve, own: usize, planes: &[Plane<'_, u16>; 3], [x, y]: [ChromaAxis; 2], made: &mut Vec<f32>) {
    let [luma, cb, cr] = planes;
    let last = luma.width as i64 - 1;
    let mut mixed = Vec::new();
    for row in 0..cb.height {
        mixed.clear();
        mixed.resize(luma.width, 0);
        let (top, quarters) = y.luma_of(row);
        for (row, quarters) in (top..).zip(quarters) {
            mixed
                .iter_mut()
                .zip(luma.row(row))
                .for_each(|(mixed, code)| *mixed += u32::from(quarters) * u32::from(*code));
        }
        let chroma = cb.row(row as i64).iter().zip(cr.row(row as i64));
        made.extend(chroma.enumerate().map(|(column, (cb, cr))| {
            let (left, quarters) = x.luma_of(column);
            let parts = (left..).zip(quarters);
            let luma: u32 = parts.map(|(at, part)| u32::from(part) * mixed[at.clamp(0, last) as usize]).sum();
            shaped(curve, own, [f64::from(luma) / 16.0, (*cb).into(), (*cr).into()].map(signal))
        }));
    }
}

#[inline(always)]
fn by_code(table: &[f32], code: u16) -> f32 {
    table[usize::from(code).min(CODES - 1)]
}

#[inline(always)]
fn between(a: f32, b: f32, quarters: u16) -> f32 {
    a + (b - a) * (f32::from(quarters) / 4.0)
}

/// A plane, row by row.
#[derive(Clone, Copy)]
struct Plane<'a, T> {
    samples: &'a [T],
    stride: usize,
    width: usize,
    height: usize,
}

impl<'a> Plane<'a, u16> {
    fn of(frame: &'a Frame, index: usize) -> Self {
        let (samples, stride) = frame.plane(index);
        let layout = frame.layout(index);
        Self { samples, stride, width: layout.width as usize, height: layout.height as usize }
    }
}

impl<'a, T> Plane<'a, T> {
    /// A row, or the nearest that is there.
    #[inline(always)]
    fn row(&self, row: i64) -> &'a [T] {
        let row = row.clamp(0, self.height as i64 - 1) as usize;
        &self.samples[row * self.stride..][..self.width]
    }
}
