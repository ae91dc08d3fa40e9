//! Encoding with libavcodec's encoders: to AAC-LC, to Opus, or to samples that are read again.

#![expect(unsafe_code, reason = "libav is C")]

use super::resample::SampleFormat;
use crate::error::{Error, Result};
use crate::media::ffi::{self, AvFrame, AvPacket, CodecContext, check};
use crate::media::parameters::CodecParameters;
use crate::packet::Packet;
use ffmpeg_sys_next as av;
use std::collections::VecDeque;
use std::ffi::{CStr, c_int};
use std::ops::Range;
use std::ptr;

/// Sampling rates of AAC that players of all kinds take, falling; ISO/IEC 14496-3, table 1.18, up to 48 kHz.
const RATES: [c_int; 9] = [48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000];

/// Samples that stay below this part of full scale are silence: less than half a step of 16 bits.
const SILENT: f32 = 1.0 / 65_536.0;

/// Samples of a packet that holds them as they are.
const SAMPLES_AT_ONCE: usize = 4096;

/// Bits a second for each channel, of AAC.
const BIT_RATE: i64 = 64_000;
/// Of Opus: 96 kb/s for stereo, which Xiph.org's "Opus Recommended Settings" have for music that is stored.
const OPUS_BIT_RATE: i64 = 48_000;
/// Samples a second of Opus, whatever it is made of.
pub(super) const OPUS_RATE: c_int = 48_000;

/// The format to encode for a source of `rate` and `layout`: the lowest rate of AAC that loses nothing, and the source's
/// channels where the encoder has a place for each and they are no more than 5.1; else 5.1 if there are more, else
/// stereo.
pub(super) fn format_for(rate: c_int, layout: &av::AVChannelLayout) -> SampleFormat {
    let rate = RATES.into_iter().rev().find(|&supported| supported >= rate).unwrap_or(RATES[0]);
    let name = match (describe(layout).as_str(), layout.nb_channels) {
        ("mono", _) | (_, 1) => c"mono",
        ("3.0", _) => c"3.0",
        ("4.0", _) => c"4.0",
        ("5.0" | "5.0(side)", _) => c"5.0",
        ("5.1" | "5.1(side)", _) | (_, 7..) => c"5.1",
        _ => c"stereo",
    };
    SampleFormat::planes(rate, named_layout(name))
}

/// Two channels, left and right, of the lowest rate of AAC that loses nothing of `rate`.
pub(super) fn stereo_for(rate: c_int) -> SampleFormat {
    format_for(rate, &named_layout(c"stereo"))
}

/// One of the channels of `format`.
pub(super) fn channel_of(format: &SampleFormat) -> SampleFormat {
    SampleFormat::planes(format.rate, named_layout(c"mono"))
}

fn describe(layout: &av::AVChannelLayout) -> String {
    let mut name = [0; 64];
    // SAFETY: the layout is valid, the buffer writable, and libav ends it with a zero; on failure it stays zeros.
    unsafe {
        av::av_channel_layout_describe(layout, name.as_mut_ptr(), name.len());
        ffi::text(name.as_ptr()).unwrap_or_default()
    }
}

/// A layout of a name that libav knows; it owns no memory.
fn named_layout(name: &CStr) -> av::AVChannelLayout {
    let mut layout = empty_layout();
    // SAFETY: writes the local, which owns nothing.
    unsafe { av::av_channel_layout_from_string(&raw mut layout, name.as_ptr()) };
    layout
}

fn empty_layout() -> av::AVChannelLayout {
    av::AVChannelLayout {
        order: av::AVChannelOrder::AV_CHANNEL_ORDER_UNSPEC,
        nb_channels: 0,
        u: av::AVChannelLayout__bindgen_ty_1 { mask: 0 },
        opaque: ptr::null_mut(),
    }
}

/// libopus, which libavcodec's own encoder is no match for.
const OPUS_ENCODER: &CStr = c"libopus";

/// Makes sure that sound can be encoded to Opus.
///
/// # Errors
/// [`Error::EncoderMissing`] where this libavcodec was built without it.
pub(crate) fn check_opus() -> Result<()> {
    // SAFETY: a function of its argument alone, which is text that ends with a zero.
    if unsafe { av::avcodec_find_encoder_by_name(OPUS_ENCODER.as_ptr()) }.is_null() {
        let why = "this libavcodec was built without it; leave Opus out, or use an FFmpeg that has it";
        return Err(Error::EncoderMissing { encoder: "libopus".to_owned(), why: why.to_owned() });
    }
    Ok(())
}

/// What sound is encoded to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SoundCodec {
    /// AAC-LC.
    Aac,
    /// Opus, of [`OPUS_RATE`] and one channel or two.
    Opus,
    /// The samples as they are, interleaved, in floating point.
    Samples,
    /// The same at [`OPUS_RATE`].
    OpusSamples,
}

/// The encoder, and the samples that wait until they fill a frame of its.
#[derive(Debug)]
pub(super) struct SoundEncoder {
    context: CodecContext,
    /// Samples that wait, one row a channel.
    pub(super) waiting: Vec<Vec<f32>>,
    /// Where the first of them is, in samples after the origin.
    position: i64,
    /// Of each row, where its last sample that is no silence ends; none where all are.
    heard: Vec<Option<i64>>,
    packet: AvPacket,
}

impl SoundEncoder {
    pub(super) fn open(format: &SampleFormat, to: SoundCodec) -> Result<Self> {
        let (name, samples) = match to {
            SoundCodec::Aac => (c"aac", av::AVSampleFormat::AV_SAMPLE_FMT_FLTP),
            SoundCodec::Opus => (OPUS_ENCODER, av::AVSampleFormat::AV_SAMPLE_FMT_FLT),
            SoundCodec::Samples | SoundCodec::OpusSamples => (c"pcm_f32le", av::AVSampleFormat::AV_SAMPLE_FMT_FLT),
        };
        // SAFETY: the codec is null or libav's own; then the context is valid, ours and not yet opened, and its layout
        // owns nothing, like the one that it gets.
        let context = unsafe {
            let codec = av::avcodec_find_encoder_by_name(name.as_ptr());
            if codec.is_null() {
                return Err(Error::Libav {
                    call: "avcodec_find_encoder_by_name",
                    why: format!("this libavcodec was built without its encoder {}", name.to_string_lossy()),
                });
            }
            let mut context = CodecContext::new(codec)?;
            let fields = context.as_mut_ptr();
            (*fields).sample_fmt = samples;
            (*fields).sample_rate = format.rate;
            (*fields).ch_layout = format.layout;
            (*fields).time_base = av::AVRational { num: 1, den: format.rate };
            let channel_rate = match to {
                SoundCodec::Aac => Some(BIT_RATE),
                SoundCodec::Opus => Some(OPUS_BIT_RATE),
                SoundCodec::Samples | SoundCodec::OpusSamples => None,
            };
            if let Some(channel_rate) = channel_rate {
                (*fields).bit_rate = channel_rate * i64::from(format.layout.nb_channels);
            }
            (*fields).thread_count = 1;
            // The description of the stream goes into the container, and the encoder's name nowhere.
            (*fields).flags |= (av::AV_CODEC_FLAG_GLOBAL_HEADER | av::AV_CODEC_FLAG_BITEXACT).cast_signed();
            check("avcodec_open2", context.open())?;
            context
        };
        let channels = usize::try_from(format.layout.nb_channels).unwrap_or(0);
        Ok(Self {
            context,
            waiting: vec![Vec::new(); channels],
            position: 0,
            heard: vec![None; channels],
            packet: AvPacket::new()?,
        })
    }

    /// Describes the encoded stream.
    pub(super) fn parameters(&self) -> Result<CodecParameters> {
        CodecParameters::of_encoder(&self.context)
    }

    /// Where the last sample of a row that is no silence ends, of those encoded so far, in samples after the origin; none where
    /// all are.
    pub(super) fn heard(&self, row: usize) -> Option<i64> {
        self.heard[row]
    }

    /// Where the sample after the last that waits in `row` will be.
    pub(super) fn end(&self, row: usize) -> i64 {
        self.position + i64::try_from(self.waiting[row].len()).unwrap_or(i64::MAX)
    }

    /// Puts what comes next into `rows` at `position`, which is not before [`SoundEncoder::end`]: what waits is encoded, with
    /// silence behind it to fill its frame. Where other rows have sound of their own meanwhile, silence of at most
    /// `longest` samples is made instead.
    pub(super) fn jump(
        &mut self,
        rows: Range<usize>,
        position: i64,
        longest: i64,
        out: &mut VecDeque<Packet>,
    ) -> Result<()> {
        let gap = position - self.end(rows.start);
        if rows.len() < self.waiting.len() && gap <= longest {
            let gap = usize::try_from(gap).unwrap_or(0);
            self.waiting[rows].iter_mut().for_each(|row| row.resize(row.len() + gap, 0.0));
            return self.encode(out);
        }
        let length = self.longest_row().next_multiple_of(self.frame_size());
        self.waiting.iter_mut().for_each(|row| row.resize(length, 0.0));
        self.encode(out)?;
        self.position = self.position.max(position);
        Ok(())
    }

    /// Encodes the whole frames that wait.
    pub(super) fn encode(&mut self, out: &mut VecDeque<Packet>) -> Result<()> {
        while self.waiting.iter().all(|row| row.len() >= self.frame_size()) {
            self.send_frame(self.frame_size(), out)?;
        }
        Ok(())
    }

    /// Encodes everything that waits, and appends all that is inside.
    pub(super) fn finish(&mut self, out: &mut VecDeque<Packet>) -> Result<()> {
        let length = self.longest_row();
        self.waiting.iter_mut().for_each(|row| row.resize(length, 0.0));
        self.encode(out)?;
        if !self.waiting[0].is_empty() {
            self.send_frame(self.waiting[0].len(), out)?;
        }
        // SAFETY: the context is open; no frame means that none will follow.
        check("avcodec_send_frame", unsafe { av::avcodec_send_frame(self.context.as_mut_ptr(), ptr::null()) })?;
        self.receive(out)
    }

    /// Samples that wait in the longest row.
    pub(super) fn longest_row(&self) -> usize {
        self.waiting.iter().map(Vec::len).max().unwrap_or(0)
    }

    fn frame_size(&self) -> usize {
        // SAFETY: the context is open and ours.
        let samples = usize::try_from(unsafe { (*self.context.as_ptr()).frame_size }).unwrap_or(0);
        if samples > 0 { samples } else { SAMPLES_AT_ONCE }
    }

    /// Sends the first `count` samples that wait.
    fn send_frame(&mut self, count: usize, out: &mut VecDeque<Packet>) -> Result<()> {
        let mut frame = AvFrame::new()?;
        for (row, heard) in self.waiting.iter().zip(&mut self.heard) {
            let last = row[..count].iter().rposition(|sample| sample.abs() >= SILENT);
            *heard = last.map(|last| self.position + i64::try_from(last + 1).unwrap_or(0)).or(*heard);
        }
        // SAFETY: the frame is ours and gets room for `count` samples of every plane that waits, which are as many as the
        // context has channels: a buffer each, or one in which they take turns.
        unsafe {
            let (fields, context) = (frame.as_mut_ptr(), self.context.as_mut_ptr());
            (*fields).format = (*context).sample_fmt as c_int;
            (*fields).sample_rate = (*context).sample_rate;
            (*fields).ch_layout = (*context).ch_layout;
            (*fields).nb_samples = c_int::try_from(count).unwrap_or(0);
            (*fields).pts = self.position;
            check("av_frame_get_buffer", av::av_frame_get_buffer(fields, 0))?;
            let channels = self.waiting.len();
            let planar = av::av_sample_fmt_is_planar((*context).sample_fmt) != 0;
            for (index, plane) in self.waiting.iter_mut().enumerate() {
                if planar {
                    ptr::copy_nonoverlapping(plane.as_ptr(), (*(*fields).extended_data.add(index)).cast(), count);
                } else {
                    let first = (*(*fields).extended_data).cast::<f32>().add(index);
                    plane[..count].iter().enumerate().for_each(|(at, &sample)| first.add(at * channels).write(sample));
                }
                plane.drain(..count);
            }
            check("avcodec_send_frame", av::avcodec_send_frame(context, fields))?;
        }
        self.position += i64::try_from(count).unwrap_or(0);
        self.receive(out)
    }

    fn receive(&mut self, out: &mut VecDeque<Packet>) -> Result<()> {
        loop {
            // SAFETY: the context is open and the packet valid.
            let code = unsafe { av::avcodec_receive_packet(self.context.as_mut_ptr(), self.packet.as_mut_ptr()) };
            if code == av::AVERROR(av::EAGAIN) || code == av::AVERROR_EOF {
                return Ok(());
            }
            check("avcodec_receive_packet", code)?;
            let (data, fields) = (self.packet.data().to_vec(), self.packet.fields());
            out.push_back(Packet { data, pts: fields.pts, duration: fields.duration, key: true });
            self.packet.unref();
        }
    }
}
