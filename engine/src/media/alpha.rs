//! Transparent pictures, laid over black.

#![expect(unsafe_code, reason = "libav is C")]

use super::ffi::{self, AvFrame};
use super::pixels::PixelFormat;
use super::plane::Stored;
use super::rgb::row_mut;
use crate::frame::{Depth, Subsampling};
use crate::geometry::Size;
use ffmpeg_sys_next as av;
use std::ffi::{CStr, c_int};

/// Multiplies converted pictures by the transparency of those that they were made from.
#[derive(Debug)]
pub(super) struct Alpha {
    stored: AlphaStored,
    size: Size,
    subsampling: Subsampling,
    depth: Depth,
    /// Black's luma.
    black: i32,
    /// Transparency of the rows that share a row of chroma: 0 to [`OPAQUE`].
    rows: [Vec<u16>; 2],
}

/// Where transparency is in pictures of libav.
#[derive(Clone, Copy, Debug)]
enum AlphaStored {
    /// In a component of this format and index, with so many bits.
    Component(av::AVPixelFormat, c_int, u32),
    /// In this one, as floating point from 0 to 1.
    Float(av::AVPixelFormat, c_int),
    /// In the palette.
    Palette,
}

/// Alpha of a sample that nothing shines through.
const OPAQUE: u16 = u16::MAX;

impl Alpha {
    /// For pictures of `pixels`, converted without a change of size or depth; none when they have no transparency.
    pub(super) fn new(pixels: &PixelFormat, size: Size, converted: Subsampling, full_range: bool) -> Option<Self> {
        if !pixels.alpha {
            return None;
        }
        // SAFETY: the descriptor of a format is null or one of libav's constants.
        let descriptor = unsafe { av::av_pix_fmt_desc_get(pixels.id).as_ref()? };
        let flag = |flag: c_int| descriptor.flags & u64::from(flag.unsigned_abs()) != 0;
        let last = c_int::from(descriptor.nb_components).checked_sub(1)?;
        let stored = if flag(av::AV_PIX_FMT_FLAG_PAL) {
            AlphaStored::Palette
        } else if flag(av::AV_PIX_FMT_FLAG_FLOAT) {
            AlphaStored::Float(pixels.id, last)
        } else {
            let bits = descriptor.comp.get(usize::try_from(last).ok()?)?.depth.unsigned_abs();
            AlphaStored::Component(pixels.id, last, bits)
        };
        let depth = pixels.depth;
        let black = if full_range { 0 } else { 16 << (depth.bits() - 8) };
        let rows = [(); 2].map(|()| vec![OPAQUE; size.width as usize]);
        Some(Self { stored, size, subsampling: converted, depth, black, rows })
    }

    /// Lays `converted`, a picture of our own that was made from `picture`, over black.
    pub(super) fn apply(&mut self, picture: &AvFrame, converted: &mut AvFrame) {
        if self.depth.bytes() == 1 {
            self.apply_as::<u8>(picture, converted);
        } else {
            self.apply_as::<u16>(picture, converted);
        }
    }

    fn apply_as<T: Stored>(&mut self, picture: &AvFrame, converted: &mut AvFrame) {
        let (width, s) = (self.size.width as usize, self.subsampling);
        let gray = converted.fields().data[1].is_null();
        for first in (0..self.size.height).step_by(s.y as usize) {
            let count = s.y.min(self.size.height - first) as usize;
            for (y, row) in (first..).zip(self.rows[..count].iter_mut()) {
                self.stored.read_row(picture, y, row);
            }
            let rows = &self.rows[..count];
            if rows.iter().flatten().all(|&alpha| alpha == OPAQUE) {
                continue;
            }
            for (y, alpha) in (first as usize..).zip(rows) {
                let luma = row_mut::<T>(converted, 0, y, width);
                luma.iter_mut().zip(alpha).for_each(|(sample, &alpha)| fade(sample, alpha, self.black));
            }
            let columns = width.div_ceil(s.x as usize);
            let middle = 1 << (self.depth.bits() - 1);
            for plane in (1..3).filter(|_| !gray) {
                let chroma = row_mut::<T>(converted, plane, (first / s.y) as usize, columns);
                for (column, sample) in chroma.iter_mut().enumerate() {
                    let covered = column * s.x as usize..width.min((column + 1) * s.x as usize);
                    let (sum, number) = rows.iter().fold((0, 0), |(sum, number), row| {
                        let row = &row[covered.clone()];
                        (sum + row.iter().map(|&alpha| u32::from(alpha)).sum::<u32>(), number + row.len())
                    });
                    // No more than the largest of them.
                    let mean = u16::try_from(sum / u32::try_from(number.max(1)).unwrap_or(1)).unwrap_or(OPAQUE);
                    fade(sample, mean, middle);
                }
            }
        }
    }
}

/// Moves a sample towards what it is where there is nothing.
fn fade<T: Stored>(sample: &mut T, alpha: u16, nothing: i32) {
    let distance = i64::from((*sample).into() - nothing) * i64::from(alpha);
    let half = i64::from(OPAQUE / 2) * distance.signum();
    // Between the sample and `nothing`.
    *sample = T::truncate(nothing + ((distance + half) / i64::from(OPAQUE)) as i32);
}

impl AlphaStored {
    /// The transparency of row `y`, which has as many samples as `row`.
    fn read_row(self, picture: &AvFrame, y: u32, row: &mut [u16]) {
        let fields = picture.fields();
        let (y, width) = (y as c_int, row.len());
        let line = |format, component, buffer: &mut [u32]| {
            let mut data = fields.data.map(<*mut u8>::cast_const);
            // SAFETY: row `y` and so many columns of it lie in the picture, which is of this format; the
            // buffer has as many elements of four bytes.
            unsafe {
                av::av_read_image_line2(
                    buffer.as_mut_ptr().cast(),
                    data.as_mut_ptr(),
                    fields.linesize.as_ptr(),
                    av::av_pix_fmt_desc_get(format),
                    0,
                    y,
                    component,
                    width as c_int,
                    0,
                    4,
                );
            }
        };
        match self {
            Self::Component(format, component, bits) => {
                let mut values = vec![0; width];
                line(format, component, &mut values);
                let most = (1_u64 << bits) - 1;
                for (alpha, value) in row.iter_mut().zip(values) {
                    let scaled = (u64::from(value) * u64::from(OPAQUE) + most / 2) / most;
                    *alpha = u16::try_from(scaled).unwrap_or(OPAQUE);
                }
            }
            Self::Float(format, component) => {
                let mut values = vec![0; width];
                line(format, component, &mut values);
                for (alpha, value) in row.iter_mut().zip(values) {
                    // From 0 to the largest: nothing is cut off.
                    *alpha = (f32::from_bits(value).clamp(0.0, 1.0) * f32::from(OPAQUE)).round() as u16;
                }
            }
            Self::Palette => {
                // SAFETY: row `y` lies in the picture, one byte a sample; the palette has 256 entries of four bytes.
                let (indices, palette) = unsafe {
                    let indices = fields.data[0].offset(y as isize * fields.linesize[0] as isize);
                    let palette = std::slice::from_raw_parts(fields.data[1], 1024);
                    (std::slice::from_raw_parts(indices, width), palette)
                };
                for (alpha, &index) in row.iter_mut().zip(indices) {
                    let entry = palette.as_chunks::<4>().0.get(usize::from(index)).copied().unwrap_or_default();
                    *alpha = (u32::from_ne_bytes(entry) >> 24) as u16 * (OPAQUE / 255);
                }
            }
        }
    }
}

/// The decoder that sees the transparency of a stream, where the usual one does not; none for any other stream.
pub(super) fn decoder(stream: &av::AVStream) -> Option<*const av::AVCodec> {
    let name = decoder_name(stream)?;
    // SAFETY: the name ends with a zero.
    let decoder = unsafe { av::avcodec_find_decoder_by_name(name.as_ptr()) };
    (!decoder.is_null()).then_some(decoder)
}

/// VP8 and VP9 have transparency in a second stream beside the first, which only libvpx decodes.
fn decoder_name(stream: &av::AVStream) -> Option<&'static CStr> {
    // SAFETY: a stream's metadata is null or valid, and it has parameters.
    let (mode, codec) = unsafe { (ffi::dict_text(stream.metadata, c"alpha_mode"), (*stream.codecpar).codec_id) };
    mode.filter(|mode| mode != "0")?;
    match codec {
        av::AVCodecID::AV_CODEC_ID_VP8 => Some(c"libvpx"),
        av::AVCodecID::AV_CODEC_ID_VP9 => Some(c"libvpx-vp9"),
        _ => None,
    }
}

/// Tells whether a stream has transparency that this build of libav cannot decode.
pub(super) fn is_out_of_reach(stream: &av::AVStream) -> bool {
    decoder_name(stream).is_some() && decoder(stream).is_none()
}

/// Tells whether the alpha samples of a stream are padding: uncompressed pictures in AVI have a fourth byte that nobody
/// filled.
pub(super) fn is_padding(stream: &av::AVStream, container: &str) -> bool {
    // SAFETY: a stream has parameters.
    container == "avi" && unsafe { (*stream.codecpar).codec_id } == av::AVCodecID::AV_CODEC_ID_RAWVIDEO
}
