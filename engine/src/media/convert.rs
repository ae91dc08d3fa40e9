//! libswscale at the edge: pixel formats that Upright does not read become the nearest that it does.

use super::ffi::{AvFrame, check, out_of_memory};
use super::pixels::{Native, PixelFormat, Samples};
use crate::colour::{Colour, Siting, cicp};
use crate::error::{Error, Result};
use crate::frame::Subsampling;
use crate::geometry::Size;
use ffmpeg_sys_next as av;
use std::ffi::{CStr, c_int};
use std::ptr::{self, NonNull};

/// Converts pictures of one size and pixel format. No picture changes its size; chroma may become finer.
#[derive(Debug)]
pub(super) struct Converter {
    context: NonNull<av::SwsContext>,
    native: Native,
    target: av::AVPixelFormat,
    converted: AvFrame,
}

// SAFETY: the context has no tie to a thread; self is the only way to it.
unsafe impl Send for Converter {}

impl Converter {
    /// From `pixels` to the format nearest to it with chroma of `subsampling`, everything as `colour` says: RGB becomes
    /// luma and chroma by its matrix, in limited range.
    pub(super) fn new(pixels: &PixelFormat, stored: Size, subsampling: Subsampling, colour: &Colour) -> Result<Self> {
        let target = pixels.converted(subsampling);
        let unsupported =
            || Error::Libav { call: "sws_init_context", why: format!("cannot read pixel format {}", pixels.name) };
        let native = PixelFormat::of(target as c_int)?.native.ok_or_else(unsupported)?;
        // SAFETY: the new context belongs to nobody else.
        let context = unsafe { NonNull::new(av::sws_alloc_context()) };
        let context = context.ok_or_else(|| out_of_memory("sws_alloc_context"))?;
        let converter = Self { context, native, target, converted: AvFrame::new()? };
        converter.set(c"srcw", i64::from(stored.width))?;
        converter.set(c"srch", i64::from(stored.height))?;
        converter.set(c"dstw", i64::from(stored.width))?;
        converter.set(c"dsth", i64::from(stored.height))?;
        converter.set(c"src_format", i64::from(pixels.id as c_int))?;
        converter.set(c"dst_format", i64::from(target as c_int))?;
        // The range stays what it is. It matters here because values of full range are not simply shifted to more bits.
        converter.set(c"src_range", colour.full_range.into())?;
        converter.set(c"dst_range", colour.full_range.into())?;
        let [x, y] = [position(colour.chroma.x), position(colour.chroma.y)];
        for (option, value) in
            [(c"src_h_chr_pos", x), (c"dst_h_chr_pos", x), (c"src_v_chr_pos", y), (c"dst_v_chr_pos", y)]
        {
            converter.set(option, value)?;
        }
        converter.set_text(c"sws_flags", c"bicubic+accurate_rnd+full_chroma_int+full_chroma_inp+bitexact")?;
        // SAFETY: an allocated context with all of its options.
        if unsafe { av::sws_init_context(context.as_ptr(), ptr::null_mut(), ptr::null_mut()) } < 0 {
            return Err(unsupported());
        }
        if pixels.samples == Samples::Rgb {
            converter.set_matrix(colour.matrix)?;
        }
        Ok(converter)
    }

    /// Where the converted samples lie.
    pub(super) fn native(&self) -> Native {
        self.native
    }

    /// The converted picture, until the next call.
    pub(super) fn convert(&mut self, picture: &AvFrame) -> Result<&AvFrame> {
        if self.converted.fields().buf[0].is_null() {
            let converted = self.converted.as_mut_ptr();
            // SAFETY: an empty frame of our own, given its size and format.
            check("av_frame_get_buffer", unsafe {
                (*converted).format = self.target as c_int;
                (*converted).width = picture.fields().width;
                (*converted).height = picture.fields().height;
                av::av_frame_get_buffer(converted, 0)
            })?;
        }
        let (from, to) = (picture.fields(), self.converted.fields());
        // SAFETY: both pictures have the size and the formats that the context was made for.
        let code = unsafe {
            av::sws_scale(
                self.context.as_ptr(),
                from.data.as_ptr().cast(),
                from.linesize.as_ptr(),
                0,
                from.height,
                to.data.as_ptr(),
                to.linesize.as_ptr(),
            )
        };
        check("sws_scale", code)?;
        Ok(&self.converted)
    }

    fn set(&self, option: &'static CStr, value: i64) -> Result<()> {
        // SAFETY: the context begins with its class, as av_opt_set_int asks.
        let code = unsafe { av::av_opt_set_int(self.context.as_ptr().cast(), option.as_ptr(), value, 0) };
        check("av_opt_set_int", code).map(drop)
    }

    fn set_text(&self, option: &'static CStr, value: &'static CStr) -> Result<()> {
        // SAFETY: the context begins with its class, as av_opt_set asks.
        let code = unsafe { av::av_opt_set(self.context.as_ptr().cast(), option.as_ptr(), value.as_ptr(), 0) };
        check("av_opt_set", code).map(drop)
    }

    /// The matrix from RGB, to limited range.
    fn set_matrix(&self, matrix: u8) -> Result<()> {
        let matrix = if matrix == cicp::BT2020 { av::SWS_CS_BT2020 } else { av::SWS_CS_ITU709 };
        let (limited, brightness, contrast, saturation) = (0, 0, 1 << 16, 1 << 16);
        // SAFETY: the context is initialised; the coefficients are libav's constants.
        let code = unsafe {
            let rows = av::sws_getCoefficients(matrix);
            let context = self.context.as_ptr();
            av::sws_setColorspaceDetails(context, rows, limited, rows, limited, brightness, contrast, saturation)
        };
        check("sws_setColorspaceDetails", code).map(drop)
    }
}

/// libswscale's chroma position: 1/256 of a luma sample from the first, -513 for the middle of what one sample covers.
fn position(siting: Siting) -> i64 {
    match siting {
        Siting::Start => 0,
        Siting::Centre => -513,
        Siting::End => 256,
    }
}

impl Drop for Converter {
    fn drop(&mut self) {
        // SAFETY: the context is ours and is freed once.
        unsafe { av::sws_freeContext(self.context.as_ptr()) };
    }
}
