//! Samples of any format, rate and channels to planes of floating point, through libswresample.

#![expect(unsafe_code, reason = "libav is C")]

use crate::error::Result;
use crate::media::ffi::{self, AvFrame, check};
use av::AVSampleFormat::{
    AV_SAMPLE_FMT_DBL, AV_SAMPLE_FMT_DBLP, AV_SAMPLE_FMT_FLT, AV_SAMPLE_FMT_FLTP, AV_SAMPLE_FMT_S16,
    AV_SAMPLE_FMT_S16P, AV_SAMPLE_FMT_S32, AV_SAMPLE_FMT_S32P, AV_SAMPLE_FMT_S64, AV_SAMPLE_FMT_S64P, AV_SAMPLE_FMT_U8,
    AV_SAMPLE_FMT_U8P,
};
use ffmpeg_sys_next as av;
use std::ffi::c_int;
use std::fmt;
use std::ops::Range;
use std::ptr;

/// Format of decoded samples.
#[derive(Clone, Copy)]
pub(super) struct SampleFormat {
    format: av::AVSampleFormat,
    /// Samples a second.
    pub(super) rate: c_int,
    /// Which channel is where; always one that owns no memory.
    pub(super) layout: av::AVChannelLayout,
}

// SAFETY: its layout owns no memory, and libav only reads what it describes.
unsafe impl Send for SampleFormat {}

impl SampleFormat {
    /// None for a format that this libav's headers did not know.
    pub(super) fn of(frame: &av::AVFrame) -> Option<Self> {
        let format = [
            AV_SAMPLE_FMT_U8,
            AV_SAMPLE_FMT_S16,
            AV_SAMPLE_FMT_S32,
            AV_SAMPLE_FMT_S64,
            AV_SAMPLE_FMT_FLT,
            AV_SAMPLE_FMT_DBL,
            AV_SAMPLE_FMT_U8P,
            AV_SAMPLE_FMT_S16P,
            AV_SAMPLE_FMT_S32P,
            AV_SAMPLE_FMT_S64P,
            AV_SAMPLE_FMT_FLTP,
            AV_SAMPLE_FMT_DBLP,
        ]
        .into_iter()
        .find(|&format| format as c_int == frame.format)?;
        Some(Self { format, rate: frame.sample_rate, layout: standard_layout(&frame.ch_layout) })
    }

    /// Planes of floating point.
    pub(super) fn planes(rate: c_int, layout: av::AVChannelLayout) -> Self {
        Self { format: AV_SAMPLE_FMT_FLTP, rate, layout }
    }

    fn channels(&self) -> usize {
        usize::try_from(self.layout.nb_channels).unwrap_or(0)
    }

    fn sample_bytes(&self) -> usize {
        // SAFETY: a function of its argument alone.
        usize::try_from(unsafe { av::av_get_bytes_per_sample(self.format) }).unwrap_or(0)
    }

    /// Counts the buffers that hold the samples, and the bytes that one sample takes in each.
    fn buffers(&self) -> (usize, usize) {
        // SAFETY: a function of its argument alone.
        let planar = unsafe { av::av_sample_fmt_is_planar(self.format) } != 0;
        if planar { (self.channels(), self.sample_bytes()) } else { (1, self.channels() * self.sample_bytes()) }
    }
}

impl fmt::Debug for SampleFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {} channels at {}", self.format, self.layout.nb_channels, self.rate)
    }
}

impl PartialEq for SampleFormat {
    fn eq(&self, other: &Self) -> bool {
        // SAFETY: both are valid, and only read.
        let layouts = unsafe { av::av_channel_layout_compare(&raw const self.layout, &raw const other.layout) };
        self.format == other.format && self.rate == other.rate && layouts == 0
    }
}

/// `layout` if its channels are in a standard order, else the usual order of so many channels; one channel is that of
/// mono, whatever it is called. That owns no memory; it is of unspecified order when there is no usual one.
pub(super) fn standard_layout(layout: &av::AVChannelLayout) -> av::AVChannelLayout {
    if layout.order == av::AVChannelOrder::AV_CHANNEL_ORDER_NATIVE && layout.nb_channels != 1 {
        return *layout;
    }
    let mut usual = av::AVChannelLayout { opaque: ptr::null_mut(), ..*layout };
    // SAFETY: writes every field of the local, without freeing what was there.
    unsafe { av::av_channel_layout_default(&raw mut usual, layout.nb_channels) };
    usual
}

/// Level at which the centre and each surround channel are in either channel of a mix: -3 dB, as ITU-R BS.775-4, table 2, has it.
const MIX_LEVEL: f64 = std::f64::consts::FRAC_1_SQRT_2;

/// Turns samples of one format into planes of floating point.
///
/// Where there are fewer channels after it than before, they are mixed by ITU-R BS.775: for two of 5.1,
/// `L = FL + 0.7071 FC + 0.7071 SL`, and R likewise, without the low-frequency channel. All is divided by the sum of the largest
/// row's levels (2.414 here), so that nothing it mixes goes beyond full scale.
#[derive(Debug)]
pub(super) struct Resampler {
    context: ffi::ResampleContext,
    from: SampleFormat,
    /// A stretch of silence as the source would have it.
    silence: Vec<u8>,
}

impl Resampler {
    /// Samples of silence that [`Resampler::silence`] makes at once.
    pub(super) const STRETCH: i64 = 4096;

    /// `to` is of [`SampleFormat::planes`].
    pub(super) fn open(from: SampleFormat, to: SampleFormat) -> Result<Self> {
        let mut context = ptr::null_mut();
        // SAFETY: the layouts are valid and copied; the new context belongs to nobody else.
        let mut context = unsafe {
            let code = av::swr_alloc_set_opts2(
                &raw mut context,
                (&raw const to.layout).cast_mut(),
                to.format,
                to.rate,
                (&raw const from.layout).cast_mut(),
                from.format,
                from.rate,
                0,
                ptr::null_mut(),
            );
            check("swr_alloc_set_opts2", code)?;
            ffi::ResampleContext::from_raw("swr_alloc_set_opts2", context)?
        };
        // SAFETY: the context is valid.
        unsafe {
            for (option, value) in [
                (c"rematrix_maxval", 1.0),
                (c"center_mix_level", MIX_LEVEL),
                (c"surround_mix_level", MIX_LEVEL),
                (c"lfe_mix_level", 0.0),
            ] {
                let code = av::av_opt_set_double(context.as_mut_ptr().cast(), option.as_ptr(), value, 0);
                check("av_opt_set_double", code)?;
            }
            check("swr_init", av::swr_init(context.as_mut_ptr()))?;
        }
        let zero = if matches!(from.format, AV_SAMPLE_FMT_U8 | AV_SAMPLE_FMT_U8P) { 0x80 } else { 0 };
        let silence = vec![zero; usize::try_from(Self::STRETCH).unwrap_or(0) * from.buffers().1];
        Ok(Self { context, from, silence })
    }

    /// Gives the format of the samples that go in.
    pub(super) fn from(&self) -> &SampleFormat {
        &self.from
    }

    /// Takes the samples `range` of `frame`, which is of format [`Resampler::from`], and appends what has become ready.
    pub(super) fn push(&mut self, frame: &AvFrame, range: Range<usize>, out: &mut [Vec<f32>]) -> Result<()> {
        let (buffers, stride) = self.from.buffers();
        let fields = frame.fields();
        let have = usize::try_from(fields.nb_samples).unwrap_or(0);
        let range = range.start.min(have)..range.end.min(have);
        // SAFETY: a frame of this format has so many buffers, each of `nb_samples` times `stride` bytes.
        let input: Vec<_> =
            (0..buffers).map(|index| unsafe { (*fields.extended_data.add(index)).add(range.start * stride) }).collect();
        // SAFETY: so many samples follow in every buffer.
        unsafe { self.convert(&input, range.len(), out) }
    }

    /// Takes `count` samples of silence, at most [`Resampler::STRETCH`].
    pub(super) fn silence(&mut self, count: i64, out: &mut [Vec<f32>]) -> Result<()> {
        let input = vec![self.silence.as_mut_ptr(); self.from.buffers().0];
        let count = usize::try_from(count.min(Self::STRETCH)).unwrap_or(0);
        // SAFETY: the buffer that stands for all of them has that many samples.
        unsafe { self.convert(&input, count, out) }
    }

    /// Appends what is still inside. Nothing may follow.
    pub(super) fn drain(&mut self, out: &mut [Vec<f32>]) -> Result<()> {
        // SAFETY: no input is read.
        unsafe { self.convert(&[], 0, out) }
    }

    /// # Safety
    /// `input` has the buffers of `from` with `count` samples each, or none at all.
    unsafe fn convert(&mut self, input: &[*mut u8], count: usize, out: &mut [Vec<f32>]) -> Result<()> {
        let input = if input.is_empty() { ptr::null_mut() } else { input.as_ptr().cast_mut().cast() };
        let count = c_int::try_from(count).unwrap_or(0);
        // SAFETY: the context is valid and initialised.
        let room = unsafe { av::swr_get_out_samples(self.context.as_mut_ptr(), count) };
        let room = check("swr_get_out_samples", room)?;
        let output: Vec<_> = out
            .iter_mut()
            .map(|plane| {
                plane.reserve(usize::try_from(room).unwrap_or(0));
                plane.spare_capacity_mut().as_mut_ptr().cast::<u8>()
            })
            .collect();
        // SAFETY: the caller vouches for the input, every plane has room for `room` samples more, and those that libav
        // says that it wrote are there.
        unsafe {
            let context = self.context.as_mut_ptr();
            let made = av::swr_convert(context, output.as_ptr().cast_mut().cast(), room, input, count);
            let made = usize::try_from(check("swr_convert", made)?).unwrap_or(0);
            out.iter_mut().for_each(|plane| plane.set_len(plane.len() + made));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
