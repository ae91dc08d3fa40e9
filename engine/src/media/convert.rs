//! At the edge: pixel formats that Upright does not read become the nearest that it does.

#![expect(unsafe_code, reason = "libav is C")]

use super::alpha::Alpha;
use super::ffi::{AvFrame, check, out_of_memory};
use super::pixels::{Native, PixelFormat};
use super::rgb::FromRgb;
use crate::colour::{Colour, Siting};
use crate::error::{Error, Result};
use crate::geometry::Size;
use ffmpeg_sys_next as av;
use std::ffi::{CStr, c_int};
use std::ptr::{self, NonNull};

/// Converts pictures of one size and pixel format. No picture changes its size; chroma may become finer.
#[derive(Debug)]
pub(super) struct Converter {
    swscale: Option<Swscale>,
    from_rgb: Option<FromRgb>,
    alpha: Option<Alpha>,
    native: Native,
}

impl Converter {
    /// From `pixels` to the format nearest to it, everything as `colour` says: RGB becomes luma and chroma by its matrix,
    /// in limited range; what is transparent becomes black.
    pub(super) fn new(pixels: &PixelFormat, stored: Size, colour: &Colour) -> Result<Self> {
        let mut read = pixels.clone();
        let mut swscale = None;
        if pixels.native.is_none() && pixels.rgb.is_none() {
            read = PixelFormat::of(pixels.converted() as c_int)?;
            swscale = Some(Swscale::new(pixels, read.id, stored, colour)?);
        }
        let mut from_rgb = None;
        if let Some(rgb) = read.rgb {
            from_rgb = Some(FromRgb::new(&read, rgb, stored, colour.matrix)?);
            read = PixelFormat::of(FromRgb::format(read.depth) as c_int)?;
        }
        let native = read.native.ok_or_else(|| unsupported(pixels))?;
        let alpha = Alpha::new(pixels, stored, read.subsampling, colour.full_range);
        Ok(Self { swscale, from_rgb, alpha, native })
    }

    /// Where the converted samples lie.
    pub(super) fn native(&self) -> Native {
        self.native
    }

    /// The converted picture, until the next call.
    pub(super) fn convert<'a>(&'a mut self, picture: &'a AvFrame) -> Result<&'a AvFrame> {
        let mut converted = match &mut self.swscale {
            Some(swscale) => Some(swscale.convert(picture)?),
            None => None,
        };
        if let Some(from_rgb) = &mut self.from_rgb {
            converted = Some(from_rgb.convert(converted.as_deref().unwrap_or(picture)));
        }
        if let (Some(alpha), Some(converted)) = (&mut self.alpha, &mut converted) {
            alpha.apply(picture, converted);
        }
        Ok(converted.map_or(picture, |converted| converted))
    }
}

fn unsupported(pixels: &PixelFormat) -> Error {
    Error::Libav { call: "sws_init_context", why: format!("cannot read pixel format {}", pixels.name) }
}

/// libswscale, used to repack samples and to resample chroma, never to change what colours they mean.
#[derive(Debug)]
struct Swscale {
    context: NonNull<av::SwsContext>,
    converted: AvFrame,
}

// SAFETY: the context has no tie to a thread; self is the only way to it.
unsafe impl Send for Swscale {}

impl Swscale {
    fn new(pixels: &PixelFormat, target: av::AVPixelFormat, size: Size, colour: &Colour) -> Result<Self> {
        // SAFETY: the new context belongs to nobody else.
        let context = unsafe { NonNull::new(av::sws_alloc_context()) };
        let context = context.ok_or_else(|| out_of_memory("sws_alloc_context"))?;
        let mut made = Self { context, converted: AvFrame::new()? };
        let [x, y] = [position(colour.chroma.x), position(colour.chroma.y)];
        let numbers = [
            (c"srcw", i64::from(size.width)),
            (c"srch", i64::from(size.height)),
            (c"dstw", i64::from(size.width)),
            (c"dsth", i64::from(size.height)),
            (c"src_format", i64::from(pixels.id as c_int)),
            (c"dst_format", i64::from(target as c_int)),
            // The range stays what it is. It matters here because values of full range are not simply shifted to more bits.
            (c"src_range", colour.full_range.into()),
            (c"dst_range", colour.full_range.into()),
            (c"src_h_chr_pos", x),
            (c"dst_h_chr_pos", x),
            (c"src_v_chr_pos", y),
            (c"dst_v_chr_pos", y),
        ];
        for (option, value) in numbers {
            // SAFETY: the context begins with its class, as av_opt_set_int asks.
            let code = unsafe { av::av_opt_set_int(context.as_ptr().cast(), option.as_ptr(), value, 0) };
            check("av_opt_set_int", code)?;
        }
        made.set(c"sws_flags", c"bicubic+accurate_rnd+full_chroma_int+full_chroma_inp+bitexact")?;
        // What is left of sixteen bits after twelve is below what dithering could show.
        made.set(c"sws_dither", c"none")?;
        // SAFETY: an allocated context with all of its options.
        if unsafe { av::sws_init_context(context.as_ptr(), ptr::null_mut(), ptr::null_mut()) } < 0 {
            return Err(unsupported(pixels));
        }
        let converted = made.converted.as_mut_ptr();
        // SAFETY: an empty frame of our own, given its size and format.
        check("av_frame_get_buffer", unsafe {
            (*converted).format = target as c_int;
            (*converted).width = c_int::try_from(size.width).unwrap_or(0);
            (*converted).height = c_int::try_from(size.height).unwrap_or(0);
            av::av_frame_get_buffer(converted, 0)
        })?;
        Ok(made)
    }

    fn set(&self, option: &CStr, value: &CStr) -> Result<()> {
        // SAFETY: the context begins with its class, as av_opt_set asks.
        let code = unsafe { av::av_opt_set(self.context.as_ptr().cast(), option.as_ptr(), value.as_ptr(), 0) };
        check("av_opt_set", code).map(drop)
    }

    fn convert(&mut self, picture: &AvFrame) -> Result<&mut AvFrame> {
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
        Ok(&mut self.converted)
    }
}

/// libswscale's chroma position: 1/256 of a luma sample from the first, -513 for the middle of what one sample covers.
fn position(siting: Siting) -> i64 {
    match siting {
        Siting::Start => 0,
        Siting::End => 256,
        // No picture is stored with chroma before its first sample.
        Siting::Centre | Siting::Before => -513,
    }
}

impl Drop for Swscale {
    fn drop(&mut self) {
        // SAFETY: the context is ours and is freed once.
        unsafe { av::sws_freeContext(self.context.as_ptr()) };
    }
}
