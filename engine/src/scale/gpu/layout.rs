//! Where everything of a frame lies in the device's buffers, and what the kernels are told of it. No device here.
//!
//! The input buffer holds, in this order: the parameters of every dispatch, the filters, the samples. The middle
//! buffer holds the intermediate samples of every rung and plane; the output buffer the rungs' frames, one after the
//! other, each as [`crate::frame::Frame::bytes`] has it.

use super::super::ScaleSpec;
use super::super::filters::{Filters, PlaneKind};
use crate::frame::{Depth, Frame};
use std::ops::Range;
use upright_shaders::kernels::{Kernel, SCALE_HORIZONTAL, SCALE_VERTICAL};
use upright_shaders::{HorizontalParams, Noise, VerticalParams};

/// Bytes of a word, the unit of all offsets here.
pub(super) const WORD: usize = 4;

/// One run of a kernel over the planes of one kind of one rung.
#[derive(Debug)]
pub(super) struct Dispatch {
    pub(super) kernel: &'static Kernel,
    /// Where its parameters lie in the input buffer, in bytes.
    pub(super) params: usize,
    pub(super) workgroups: [u32; 3],
}

/// The layout of frames of one window.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// First all horizontal passes, then all vertical ones.
    pub(super) dispatches: Vec<Dispatch>,
    params: Vec<Params>,
    params_step: usize,
    filters_offset: usize,
    pixels: [Pixels; 2],
    /// Words of the input buffer.
    input_words: usize,
    /// Words of the middle buffer.
    pub(super) middle_words: usize,
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
    /// Offset of the first plane's first word in the input buffer.
    offset: usize,
    columns: Range<u32>,
    rows: Range<u32>,
    /// Words per row.
    stride: usize,
}

impl Pixels {
    fn plane_words(&self) -> usize {
        self.stride * self.rows.len()
    }
}

/// Log2 of the samples per word.
fn lanes(depth: Depth) -> u32 {
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
        let step = size_of::<HorizontalParams>().max(size_of::<VerticalParams>()).next_multiple_of(params_align);
        let mut layout = Self { params_step: step, ..Self::default() };
        let passes = spec.rungs.len() * PlaneKind::ALL.len();
        layout.filters_offset = 2 * passes * step / WORD;

        let every = || (0..spec.rungs.len()).flat_map(|rung| PlaneKind::ALL.map(|kind| (rung, kind)));
        let filter_words = every().map(|(rung, kind)| {
            let (x, y) = filters.get(rung, kind);
            x.word_count() + y.word_count()
        });
        let mut end = layout.filters_offset + filter_words.sum::<usize>();
        for kind in PlaneKind::ALL {
            let (columns, rows) = filters.support(kind);
            let lanes = lanes(spec.source.depth);
            let columns = columns.start >> lanes << lanes..columns.end;
            let stride = columns.len().div_ceil(1 << lanes);
            let pixels = Pixels { offset: end, columns, rows, stride };
            end += pixels.plane_words() * kind.planes().len();
            layout.pixels[kind as usize] = pixels;
        }
        layout.input_words = end;

        let mut vertical = Vec::new();
        let mut filter_offset = layout.filters_offset;
        let mut output = 0;
        for (rung, kind) in every() {
            let format = &spec.rungs[rung];
            let conversion = spec.conversion(format, kind);
            let (x, y) = filters.get(rung, kind);
            let pixels = &layout.pixels[kind as usize];
            let planes = format.layout();
            let plane = &planes[kind.planes().start];
            let plane_count = kind.planes().len();

            let rows = y.support();
            let middle_stride = (plane.width as usize).div_ceil(2);
            let middle_plane = middle_stride * rows.len();
            let horizontal = HorizontalParams {
                source: (pixels.offset + (rows.start - pixels.rows.start) as usize * pixels.stride) as u32,
                source_stride: pixels.stride as u32,
                source_plane: pixels.plane_words() as u32,
                source_column: pixels.columns.start,
                source_lanes: lanes(spec.source.depth),
                table: filter_offset as u32,
                pairs: x.pairs() as u32,
                middle: layout.middle_words as u32,
                middle_stride: middle_stride as u32,
                middle_plane: middle_plane as u32,
                width: plane.width,
                bias: conversion.horizontal.bias,
                shift: conversion.horizontal.shift,
            };
            layout.dispatch(&SCALE_HORIZONTAL, Params::Horizontal(horizontal), middle_stride, rows.len(), plane_count);

            let (output_stride, output_lanes) = (plane.stride / WORD, lanes(format.depth));
            vertical.push((
                VerticalParams {
                    table: (filter_offset + x.word_count()) as u32,
                    pairs: y.pairs() as u32,
                    first_row: rows.start,
                    middle: horizontal.middle,
                    middle_stride: horizontal.middle_stride,
                    middle_plane: horizontal.middle_plane,
                    output: ((output + plane.offset) / WORD) as u32,
                    output_stride: output_stride as u32,
                    output_plane: (output_stride * plane.height as usize) as u32,
                    output_lanes,
                    width: plane.width,
                    height: plane.height,
                    bias: conversion.vertical.bias,
                    shift: conversion.vertical.shift,
                    limit: conversion.limit,
                    dither: conversion.dither.into(),
                    key_0: 0,
                    key_1: 0,
                },
                kind.planes(),
            ));
            filter_offset += x.word_count() + y.word_count();
            layout.middle_words += middle_plane * plane_count;
            if kind == PlaneKind::Chroma {
                output += format.bytes();
            }
        }
        for (params, planes) in vertical {
            let words = (params.width as usize).div_ceil(1 << params.output_lanes);
            layout.dispatch(
                &SCALE_VERTICAL,
                Params::Vertical(params, planes.clone()),
                words,
                params.height as usize,
                planes.len(),
            );
        }
        // The kernels may read one row and one word further, for weights of zero.
        layout.middle_words += spec.rungs.iter().map(|rung| rung.width as usize).max().unwrap_or(0) + 1;
        layout
    }

    fn dispatch(&mut self, kernel: &'static Kernel, params: Params, words: usize, rows: usize, planes: usize) {
        let workgroups = [(words as u32).div_ceil(kernel.workgroup[0]), rows as u32, planes as u32];
        self.dispatches.push(Dispatch { kernel, params: self.params.len() * self.params_step, workgroups });
        self.params.push(params);
    }

    /// Bytes of the input buffer.
    pub(super) fn input_bytes(&self) -> usize {
        self.input_words * WORD
    }

    /// The bytes of the input buffer that hold filters.
    pub(super) fn filter_bytes(&self) -> Range<usize> {
        self.filters_offset * WORD..self.pixels[0].offset * WORD
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
            let mut to = pixels.offset * WORD;
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
