//! Converting: decoded, brought to the encoder's format without gaps or overlaps, and encoded to AAC.

use super::aac::{self, AacEncoder};
use super::resample::{Resampler, SampleFormat, standard_layout};
use super::step::Step;
use super::timeline::{Timeline, rescale};
use crate::error::{Error, Result};
use crate::media::CodecParameters;
use crate::media::ffi::{self, AvFrame, AvPacket, CodecContext, check};
use crate::packet::Packet;
use ffmpeg_sys_next as av;
use std::collections::VecDeque;
use std::ffi::c_int;
use std::ptr;

/// Seconds of silence that are encoded at most. A longer gap stays a gap between two packets.
const LONGEST_SILENCE: i64 = 60;

/// A stream that is decoded and encoded.
#[derive(Debug)]
pub(super) struct Convert {
    timeline: Timeline,
    decoder: CodecContext,
    frame: AvFrame,
    /// None before the first frame.
    input: Option<Input>,
    target: SampleFormat,
    encoder: AacEncoder,
    damage: u64,
}

/// What the last frame was.
#[derive(Debug)]
struct Input {
    resampler: Resampler,
    /// Where the next sample goes, in samples of the frame's rate after the origin.
    position: i64,
    step: Step,
}

impl Convert {
    /// # Safety
    /// `parameters` are valid.
    ///
    /// # Errors
    /// [`Error::BadSource`] when the stream cannot be decoded.
    pub(super) unsafe fn open(parameters: *const av::AVCodecParameters, timeline: Timeline) -> Result<Self> {
        // SAFETY: the caller vouches for the parameters.
        let (decoder, layout, rate) = unsafe {
            let decoder = open_decoder(parameters, &timeline)?;
            (decoder, standard_layout(&(*parameters).ch_layout), (*parameters).sample_rate)
        };
        if layout.nb_channels > 0 && layout.order == av::AVChannelOrder::AV_CHANNEL_ORDER_UNSPEC {
            // SAFETY: the caller vouches for the parameters.
            let name = unsafe { codec_name(parameters) };
            return Err(refused(&name, &format!("nobody knows where its {} channels belong", layout.nb_channels)));
        }
        let target = aac::format_for(rate, &layout);
        let encoder = AacEncoder::open(&target)?;
        Ok(Self { timeline, decoder, frame: AvFrame::new()?, input: None, target, encoder, damage: 0 })
    }

    /// What comes out.
    pub(super) fn parameters(&self) -> Result<CodecParameters> {
        self.encoder.parameters()
    }

    /// Samples a second of what comes out.
    pub(super) fn sample_rate(&self) -> c_int {
        self.target.rate
    }

    pub(super) fn damage(&self) -> u64 {
        self.damage
    }

    /// Decodes a packet, or with none what is still inside the decoder, and encodes what comes of it.
    pub(super) fn push(&mut self, packet: Option<&AvPacket>, out: &mut VecDeque<Packet>) -> Result<()> {
        let raw = packet.map_or(ptr::null(), AvPacket::as_ptr);
        // SAFETY: the decoder is open and the packet valid; none means that none will follow.
        let mut damaged = unsafe { av::avcodec_send_packet(self.decoder.as_mut_ptr(), raw) } < 0;
        loop {
            // SAFETY: the decoder is open and the frame valid.
            let code = unsafe { av::avcodec_receive_frame(self.decoder.as_mut_ptr(), self.frame.as_mut_ptr()) };
            if code < 0 {
                damaged |= code != av::AVERROR(av::EAGAIN) && code != av::AVERROR_EOF;
                break;
            }
            damaged |= !self.take_frame(out)?;
        }
        self.damage += u64::from(damaged);
        if packet.is_none() {
            if let Some(input) = &mut self.input {
                input.resampler.drain(&mut self.encoder.waiting)?;
            }
            self.encoder.finish(out)?;
        }
        Ok(())
    }

    /// Puts the decoded frame where its timestamp says. False when it has no place: its format or its time makes no
    /// sense, or there is sound already.
    fn take_frame(&mut self, out: &mut VecDeque<Packet>) -> Result<bool> {
        let fields = self.frame.fields();
        let (count, stamp) = (i64::from(fields.nb_samples), fields.best_effort_timestamp);
        let Some(format) = SampleFormat::of(fields).filter(|format| format.rate > 0) else { return Ok(false) };
        let (rate, first) = (i64::from(format.rate), self.input.is_none());
        let Ok(mut input) = self.input_of(format) else { return Ok(false) };

        let told = self.timeline.sample(stamp, rate);
        let shift = told.map_or(0, |told| input.step.shift(told - input.position, count, rate));
        let start = input.position + shift;
        let from = start.max(input.position);
        let to = (start + count).min(self.timeline.end(rate).unwrap_or(i64::MAX)).max(from);
        let gap = from - input.position;
        let sensible = gap <= i64::from(i32::MAX) / 2;
        if sensible && from < to {
            if gap > LONGEST_SILENCE * rate || first {
                self.jump(&mut input, from, out)?;
            } else {
                self.fill(&mut input, from, out)?;
            }
            let range = |sample: i64| usize::try_from(sample - start).unwrap_or(0);
            input.resampler.push(&self.frame, range(from)..range(to), &mut self.encoder.waiting)?;
            input.position = to;
            self.encoder.encode(out)?;
        }
        let placed = sensible && (first || from < start + count);
        if !placed {
            input.step.insist();
        }
        if !first || from < to {
            self.input = Some(input);
        }
        Ok(placed)
    }

    /// What takes frames of this format: what there is, or another that goes on where that ends.
    fn input_of(&mut self, format: SampleFormat) -> Result<Input> {
        if let Some(input) = self.input.take_if(|input| *input.resampler.from() == format) {
            return Ok(input);
        }
        let resampler = Resampler::open(format, self.target)?;
        let Some(mut before) = self.input.take() else {
            return Ok(Input { resampler, position: 0, step: Step::new() });
        };
        before.resampler.drain(&mut self.encoder.waiting)?;
        let position = rescale(self.encoder.end(), format.rate.into(), self.target.rate.into()).unwrap_or(0);
        Ok(Input { resampler, position, step: Step::new() })
    }

    /// Goes on at `position` after a silence that is not encoded.
    fn jump(&mut self, input: &mut Input, position: i64, out: &mut VecDeque<Packet>) -> Result<()> {
        let format = *input.resampler.from();
        input.resampler.drain(&mut self.encoder.waiting)?;
        let place = rescale(position, self.target.rate.into(), format.rate.into()).unwrap_or(0);
        self.encoder.jump(place, out)?;
        (input.resampler, input.position) = (Resampler::open(format, self.target)?, position);
        Ok(())
    }

    /// Encodes silence up to `position`.
    fn fill(&mut self, input: &mut Input, position: i64, out: &mut VecDeque<Packet>) -> Result<()> {
        while input.position < position {
            let count = (position - input.position).min(Resampler::STRETCH);
            input.resampler.silence(count, &mut self.encoder.waiting)?;
            input.position += count;
            self.encoder.encode(out)?;
        }
        Ok(())
    }
}

/// A decoder of the stream, opened.
///
/// # Safety
/// `parameters` are valid.
unsafe fn open_decoder(parameters: *const av::AVCodecParameters, timeline: &Timeline) -> Result<CodecContext> {
    // SAFETY: the caller vouches for the parameters; the codec is null or libav's own.
    let (codec, name) = unsafe { (av::avcodec_find_decoder((*parameters).codec_id), codec_name(parameters)) };
    if codec.is_null() {
        return Err(refused(&name, "this libavcodec has no decoder for it"));
    }
    // SAFETY: the caller vouches for the parameters; the context is valid, ours and not yet opened.
    unsafe {
        let mut decoder = CodecContext::new(codec)?;
        let context = decoder.as_mut_ptr();
        check("avcodec_parameters_to_context", av::avcodec_parameters_to_context(context, parameters))?;
        // For the decoder to leave out what encoders put before the beginning and after the end.
        (*context).pkt_timebase = timeline.time_base();
        (*context).thread_count = 1;
        match decoder.open() {
            0.. => Ok(decoder),
            code => Err(refused(&name, &ffi::error_text(code))),
        }
    }
}

fn refused(codec: &str, why: &str) -> Error {
    Error::bad_source(
        format!("audio ({codec})"),
        format!("cannot be decoded: {why}; choose another audio track, or none"),
    )
}

/// # Safety
/// `parameters` are valid.
unsafe fn codec_name(parameters: *const av::AVCodecParameters) -> String {
    // SAFETY: libav has a static name for every codec, known or not.
    unsafe { ffi::text(av::avcodec_get_name((*parameters).codec_id)) }.unwrap_or_default()
}
