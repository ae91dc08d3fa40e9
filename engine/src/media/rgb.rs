//! Red, green and blue to luma and chroma of limited range. libswscale does this too, but takes the white of n bits for
//! 255 << (n - 8), which above eight bits makes white up to one 8-bit step too bright.

#![expect(unsafe_code, reason = "libav is C")]

use super::ffi::{AvFrame, check};
use super::pixels::{Component, PixelFormat};
use super::plane::{Plane, Stored};
use crate::colour::cicp;
use crate::error::Result;
use crate::frame::{Area, Depth, Sample};
use crate::geometry::Size;
use ffmpeg_sys_next as av;
use std::ffi::c_int;

/// Bits after the point of the weights: with samples of 16 bits and results of 12, sums stay far below 2^63.
const POINT: u32 = 32;

/// Converts pictures of one size and pixel format.
#[derive(Debug)]
pub(super) struct FromRgb {
    components: [Component; 3],
    size: Size,
    /// Bits of a stored sample.
    bits: u32,
    /// Largest value of a result.
    max: i64,
    /// Of red, green and blue in luma, Cb and Cr; and what is added, which rounds too.
    weights: [([i64; 3], i64); 3],
    converted: AvFrame,
}

impl FromRgb {
    /// From `components` of `pixels` to 4:4:4 at the depth of `pixels`, by `matrix`, an H.273 code.
    pub(super) fn new(pixels: &PixelFormat, components: [Component; 3], size: Size, matrix: u8) -> Result<Self> {
        let mut converted = AvFrame::new()?;
        let frame = converted.as_mut_ptr();
        // SAFETY: an empty frame of our own, given its size and format.
        check("av_frame_get_buffer", unsafe {
            (*frame).format = Self::format(pixels.depth) as c_int;
            (*frame).width = c_int::try_from(size.width).unwrap_or(0);
            (*frame).height = c_int::try_from(size.height).unwrap_or(0);
            av::av_frame_get_buffer(frame, 0)
        })?;
        let (bits, depth) = (pixels.bits, pixels.depth.bits());
        Ok(Self { components, size, bits, max: (1 << depth) - 1, weights: weights(matrix, bits, depth), converted })
    }

    /// Gives the pixel format that comes out.
    pub(super) fn format(depth: Depth) -> av::AVPixelFormat {
        match depth {
            Depth::Eight => av::AVPixelFormat::AV_PIX_FMT_YUV444P,
            Depth::Ten => av::AV_PIX_FMT_YUV444P10,
            Depth::Twelve => av::AV_PIX_FMT_YUV444P12,
        }
    }

    /// The converted picture, until the next call.
    pub(super) fn convert(&mut self, picture: &AvFrame) -> &mut AvFrame {
        if self.bits > 8 {
            self.convert_as::<u16>(picture);
        } else {
            self.convert_as::<u8>(picture);
        }
        &mut self.converted
    }

    fn area(&self) -> Area {
        Area { x: 0, y: 0, width: self.size.width, height: self.size.height }
    }

    fn convert_as<T: Stored>(&mut self, picture: &AvFrame) {
        let width = self.size.width as usize;
        let rgb = self.components.map(|component| Plane::<T>::new(picture, component, self.area(), self.bits));
        let mut rows = [(); 3].map(|()| vec![T::zeroed(); width]);
        for y in 0..self.size.height as usize {
            for (plane, row) in rgb.iter().zip(&mut rows) {
                plane.read_row(y, row);
            }
            for (index, (weights, offset)) in self.weights.into_iter().enumerate() {
                let out = row_mut::<T>(&mut self.converted, index, y, width);
                let [red, green, blue] = &rows;
                for (((out, &red), &green), &blue) in out.iter_mut().zip(red).zip(green).zip(blue) {
                    let [red, green, blue] = [red, green, blue].map(|value| i64::from(value.into()));
                    let sum = weights[0] * red + weights[1] * green + weights[2] * blue + offset;
                    // At most twelve bits.
                    *out = T::truncate((sum >> POINT).clamp(0, self.max) as i32);
                }
            }
        }
    }
}

/// A row of a plane of a picture of our own, which has at least so many samples of this type.
pub(super) fn row_mut<T: Sample>(picture: &mut AvFrame, plane: usize, y: usize, width: usize) -> &mut [T] {
    // SAFETY: libav allocated `height` aligned rows of at least `width` samples, and lends them to nobody else.
    unsafe {
        let frame = &*picture.as_ptr();
        let row = frame.data[plane].offset(y as isize * frame.linesize[plane] as isize);
        std::slice::from_raw_parts_mut(row.cast(), width)
    }
}

/// Luma and the two differences of ITU-R BT.709-6 or BT.2020-2 (section 3), with the codes of limited range (section 4),
/// from red, green and blue of `bits` bits to `depth` bits.
fn weights(matrix: u8, bits: u32, depth: u32) -> [([i64; 3], i64); 3] {
    let (red, blue) = if matrix == cicp::BT2020 { (0.2627, 0.0593) } else { (0.2126, 0.0722) };
    let green = 1.0 - red - blue;
    let (white, unit) = (f64::from((1 << bits) - 1), f64::from(1 << (depth - 8)));
    let fixed = |weight: f64, span: f64| (weight * span * unit / white * f64::from(POINT).exp2()).round() as i64;
    let offset = |code: f64| ((code * unit + 0.5) * f64::from(POINT).exp2()) as i64;
    let luma = [red, green, blue].map(|weight| fixed(weight, 219.0));
    // The weights of a difference add up to nothing, so that gray has no colour.
    let (cb_blue, cb_red) = (fixed(0.5, 224.0), fixed(-red / (2.0 * (1.0 - blue)), 224.0));
    let (cr_red, cr_blue) = (fixed(0.5, 224.0), fixed(-blue / (2.0 * (1.0 - red)), 224.0));
    [
        (luma, offset(16.0)),
        ([cb_red, -cb_red - cb_blue, cb_blue], offset(128.0)),
        ([cr_red, -cr_red - cr_blue, cr_blue], offset(128.0)),
    ]
}
