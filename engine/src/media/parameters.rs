//! What a decoder must know before the first packet.

#![expect(unsafe_code, reason = "libav is C")]

use super::ffi::{self, check};
use crate::error::Result;
use ffmpeg_sys_next as av;
use std::fmt;
use std::sync::Arc;

/// libav's codec parameters, never changed once made: codec, extradata, sample rate, channels.
#[derive(Clone)]
pub struct CodecParameters(Arc<Shared>);

struct Shared(ffi::Parameters);

// SAFETY: nobody can get at them to change them.
unsafe impl Sync for Shared {}

impl CodecParameters {
    /// A copy of `raw` that any container can take: without the tag of the container that it came from.
    ///
    /// # Safety
    /// `raw` points to valid parameters.
    pub(crate) unsafe fn copy_of(raw: *const av::AVCodecParameters) -> Result<Self> {
        let mut copy = ffi::Parameters::new()?;
        // SAFETY: both are valid.
        unsafe {
            check("avcodec_parameters_copy", av::avcodec_parameters_copy(copy.as_mut_ptr(), raw))?;
            (*copy.as_mut_ptr()).codec_tag = 0;
        }
        Ok(Self(Arc::new(Shared(copy))))
    }

    /// Describes the output of `context`, an opened encoder.
    pub(crate) fn of_encoder(context: &ffi::CodecContext) -> Result<Self> {
        let mut made = ffi::Parameters::new()?;
        // SAFETY: both are valid.
        let code = unsafe { av::avcodec_parameters_from_context(made.as_mut_ptr(), context.as_ptr()) };
        check("avcodec_parameters_from_context", code)?;
        Ok(Self(Arc::new(Shared(made))))
    }

    /// For libav calls that read them.
    pub(crate) fn as_ptr(&self) -> *const av::AVCodecParameters {
        self.0.0.as_ptr()
    }

    /// The fields.
    pub(crate) fn fields(&self) -> &av::AVCodecParameters {
        // SAFETY: valid as long as self, and never changed.
        unsafe { &*self.as_ptr() }
    }

    /// Gives libav's name of the codec.
    pub fn codec(&self) -> String {
        // SAFETY: libav has a static name for every codec, known or not.
        unsafe { ffi::text(av::avcodec_get_name(self.fields().codec_id)) }.unwrap_or_default()
    }

    /// Gives the samples a second of sound, and its channels.
    pub fn rate_and_channels(&self) -> (u32, u16) {
        let fields = self.fields();
        (u32::try_from(fields.sample_rate).unwrap_or(0), u16::try_from(fields.ch_layout.nb_channels).unwrap_or(0))
    }

    /// Gives the samples of a packet of sound, where all have the same number.
    pub fn frame_samples(&self) -> Option<u32> {
        u32::try_from(self.fields().frame_size).ok().filter(|&samples| samples > 0)
    }

    /// Gives the bytes that a decoder needs before the first packet, for instance AAC's AudioSpecificConfig; empty when
    /// there are none.
    pub fn extradata(&self) -> &[u8] {
        let fields = self.fields();
        match usize::try_from(fields.extradata_size) {
            // SAFETY: libav keeps that many readable bytes there.
            Ok(size) if !fields.extradata.is_null() => unsafe { std::slice::from_raw_parts(fields.extradata, size) },
            _ => &[],
        }
    }
}

impl fmt::Debug for CodecParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodecParameters").field("codec", &self.codec()).finish_non_exhaustive()
    }
}
