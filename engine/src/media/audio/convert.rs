//! Converting: decoded, brought to the encoder's format without gaps or overlaps, and encoded.

#![expect(unsafe_code, reason = "libav is C")]

use super::aac::{self, SoundCodec, SoundEncoder};
use super::drift::DriftWatch;
use super::resample::{Resampler, SampleFormat, standard_layout};
use super::timeline::{Timeline, rescale};
use crate::error::{Error, Result};
use crate::geometry::Rational;
use crate::media::ffi::{self, AvFrame, AvPacket, CodecContext, check};
use crate::media::parameters::CodecParameters;
use crate::packet::Packet;
use ffmpeg_sys_next as av;
use std::collections::VecDeque;
use std::ffi::c_int;
use std::ops::Range;
use std::ptr;

/// Seconds of silence that are encoded at most. A longer gap stays a gap between two packets.
const LONGEST_SILENCE: i64 = 60;

/// Seconds by which the sound of one stream may come before that of another that it is joined with. After that the other
/// has none there.
const FARTHEST_APART: i64 = 10;

/// Seconds that one side of a pair may be silent at the end while the other is heard, and not count as having ended.
const LONGEST_ALONE: i64 = 2;

/// Streams that are decoded, and encoded as one: a single one, or two that are left and right.
#[derive(Debug)]
pub(super) struct Convert {
    lines: Vec<Line>,
    target: SampleFormat,
    encoder: SoundEncoder,
    damage: u64,
}

/// A stream that is decoded.
#[derive(Debug)]
struct Line {
    timeline: Timeline,
    decoder: CodecContext,
    frame: AvFrame,
    /// None before the first frame.
    input: Option<Input>,
    target: SampleFormat,
    /// Which of the encoder's rows are its.
    rows: Range<usize>,
    /// Samples a second, as the container has it from the beginning.
    declared_rate: c_int,
    /// True where libav may have made up the last packet's time, by durations at that rate: it cannot tell where in the
    /// file a packet lies that is one of many in a packet of the container.
    made_up: bool,
}

/// The way of samples of the last frame's format to the encoder.
#[derive(Debug)]
struct Input {
    resampler: Resampler,
    /// Where the next sample goes, in samples of the frame's rate after the origin.
    position: i64,
    step: DriftWatch,
    /// True while nothing of it has been placed.
    fresh: bool,
}

impl Convert {
    /// With `stereo` its channels are mixed to two.
    ///
    /// # Safety
    /// `parameters` are valid.
    ///
    /// # Errors
    /// Why the stream cannot be decoded.
    pub(super) unsafe fn open(
        parameters: *const av::AVCodecParameters,
        timeline: Timeline,
        stereo: bool,
        codec: SoundCodec,
    ) -> Result<Self, Refusal> {
        // SAFETY: the caller vouches for the parameters.
        let (decoder, layout, rate) = unsafe {
            let decoder = open_decoder(parameters, &timeline)?;
            (decoder, layout_of(parameters)?, (*parameters).sample_rate)
        };
        let rate = if codec == SoundCodec::OpusSamples { aac::OPUS_RATE } else { rate };
        let target = if stereo { aac::stereo_for(rate) } else { aac::format_for(rate, &layout) };
        let encoder = SoundEncoder::open(&target, codec)?;
        let line = Line::new(timeline, decoder, target, 0..encoder.waiting.len())?;
        Ok(Self { lines: vec![line], target, encoder, damage: 0 })
    }

    /// Two streams of one channel each, which become left and right.
    ///
    /// # Safety
    /// As for [`Convert::open`].
    ///
    /// # Errors
    /// As for [`Convert::open`].
    pub(super) unsafe fn open_pair(
        sides: [(*const av::AVCodecParameters, Timeline); 2],
        codec: SoundCodec,
    ) -> Result<Self, Refusal> {
        // SAFETY: the caller vouches for the parameters.
        let rate = unsafe { (*sides[0].0).sample_rate };
        let target = aac::stereo_for(rate);
        let encoder = SoundEncoder::open(&target, codec)?;
        let line = |(row, (parameters, timeline)): (usize, (_, Timeline))| {
            // SAFETY: the caller vouches for the parameters.
            let decoder = unsafe { open_decoder(parameters, &timeline)? };
            Ok(Line::new(timeline, decoder, aac::channel_of(&target), row..row + 1)?)
        };
        let lines = sides.into_iter().enumerate().map(line).collect::<Result<_, Refusal>>()?;
        Ok(Self { lines, target, encoder, damage: 0 })
    }

    /// Describes the encoded stream.
    pub(super) fn parameters(&self) -> Result<CodecParameters> {
        self.encoder.parameters()
    }

    /// Samples a second of what comes out.
    pub(super) fn sample_rate(&self) -> c_int {
        self.target.rate
    }

    /// Format of the samples that are encoded.
    pub(super) fn target(&self) -> &SampleFormat {
        &self.target
    }

    /// Channels of what comes out.
    pub(super) fn channels(&self) -> usize {
        self.encoder.waiting.len()
    }

    pub(super) fn damage(&self) -> u64 {
        self.damage
    }

    /// Finds a side of a pair that is silent throughout, or long before the other is: whether it is the right one, and the second
    /// from which on. To be asked once all was taken.
    pub(super) fn silent_side(&self) -> Option<(bool, Option<Rational>)> {
        let [left, right] = self.lines.as_slice() else { return None };
        let [left, right] = [left, right].map(|line| self.encoder.heard(line.rows.start));
        let rate = i64::from(self.target.rate);
        let ended = |side: Option<i64>, other: Option<i64>| match (side, other) {
            (None, Some(_)) => true,
            (Some(side), Some(other)) => other - side > LONGEST_ALONE * rate,
            (_, None) => false,
        };
        let from = |side: Option<i64>| side.map(|samples| Rational::new(samples, rate));
        match (ended(left, right), ended(right, left)) {
            (true, _) => Some((false, from(left))),
            (_, true) => Some((true, from(right))),
            _ => None,
        }
    }

    /// Decodes a packet of stream `line`, and encodes what comes of it.
    pub(super) fn push(&mut self, line: usize, packet: &AvPacket, out: &mut VecDeque<Packet>) -> Result<()> {
        let damaged = !self.lines[line].decode(packet.as_ptr(), &mut self.encoder, out)?;
        self.damage += u64::from(damaged);
        self.keep_together(out)
    }

    /// Decodes and encodes what is still inside.
    pub(super) fn finish(&mut self, out: &mut VecDeque<Packet>) -> Result<()> {
        for line in &mut self.lines {
            let damaged = !line.decode(ptr::null(), &mut self.encoder, out)?;
            self.damage += u64::from(damaged);
            line.end_input(&mut self.encoder)?;
        }
        self.encoder.finish(out)
    }

    /// Gives silence to streams of which nothing comes while much comes of another, so that little waits.
    fn keep_together(&mut self, out: &mut VecDeque<Packet>) -> Result<()> {
        let apart = usize::try_from(FARTHEST_APART * i64::from(self.target.rate)).unwrap_or(0);
        let least = self.encoder.longest_row().saturating_sub(apart);
        for line in &mut self.lines {
            if self.encoder.waiting[line.rows.start].len() < least {
                line.end_input(&mut self.encoder)?;
                for row in &mut self.encoder.waiting[line.rows.clone()] {
                    row.resize(row.len().max(least), 0.0);
                }
            }
        }
        self.encoder.encode(out)
    }
}

impl Line {
    fn new(timeline: Timeline, decoder: CodecContext, target: SampleFormat, rows: Range<usize>) -> Result<Self> {
        // SAFETY: the decoder is open and ours.
        let declared_rate = unsafe { (*decoder.as_ptr()).sample_rate };
        let (frame, made_up) = (AvFrame::new()?, false);
        Ok(Self { timeline, decoder, frame, input: None, target, rows, declared_rate, made_up })
    }

    /// Decodes a packet, or with none what is still inside the decoder, and encodes what comes of it. False when something
    /// was lost.
    fn decode(
        &mut self,
        packet: *const av::AVPacket,
        encoder: &mut SoundEncoder,
        out: &mut VecDeque<Packet>,
    ) -> Result<bool> {
        // SAFETY: null or a valid packet.
        self.made_up = unsafe { packet.as_ref() }.is_none_or(|packet| packet.pos < 0);
        // SAFETY: the decoder is open and the packet valid; none means that none will follow.
        let mut whole = unsafe { av::avcodec_send_packet(self.decoder.as_mut_ptr(), packet) } >= 0;
        loop {
            // SAFETY: the decoder is open and the frame valid.
            let code = unsafe { av::avcodec_receive_frame(self.decoder.as_mut_ptr(), self.frame.as_mut_ptr()) };
            if code < 0 {
                return Ok(whole && (code == av::AVERROR(av::EAGAIN) || code == av::AVERROR_EOF));
            }
            whole &= self.take_frame(encoder, out)?;
        }
    }

    /// Puts the decoded frame where its timestamp says. False when it has no place: its format or its time makes no
    /// sense, or there is sound already.
    fn take_frame(&mut self, encoder: &mut SoundEncoder, out: &mut VecDeque<Packet>) -> Result<bool> {
        let fields = self.frame.fields();
        let (count, stamp) = (i64::from(fields.nb_samples), fields.best_effort_timestamp);
        let Some(format) = SampleFormat::of(fields).filter(|format| format.rate > 0) else { return Ok(false) };
        let (rate, first) = (i64::from(format.rate), self.input.is_none());
        let Ok(mut input) = self.input_of(format, encoder) else { return Ok(false) };

        let trusted = !self.made_up || format.rate == self.declared_rate;
        let told = self.timeline.sample(stamp, rate).filter(|_| trusted);
        let shift = told.map_or(0, |told| input.step.shift(told - input.position, count, rate));
        let start = input.position + shift;
        let from = start.max(input.position);
        let to = (start + count).min(self.timeline.end(rate).unwrap_or(i64::MAX)).max(from);
        let gap = from - input.position;
        let sensible = gap <= i64::from(i32::MAX) / 2;
        if sensible && from < to {
            if gap > LONGEST_SILENCE * rate || first {
                self.jump(&mut input, from, encoder, out)?;
            } else {
                self.fill(&mut input, from, encoder, out)?;
            }
            let range = |sample: i64| usize::try_from(sample - start).unwrap_or(0);
            let rows = &mut encoder.waiting[self.rows.clone()];
            input.resampler.push(&self.frame, range(from)..range(to), rows)?;
            input.position = to;
            encoder.encode(out)?;
        }
        let overlapped = from >= start + count;
        if !sensible || overlapped {
            input.step.insist();
        }
        // Encoders begin a little before what they are given: where pieces were joined that is there twice.
        let expected = first || (input.fresh && from - start < rate / 10);
        input.fresh &= from >= to;
        if !first || from < to {
            self.input = Some(input);
        }
        Ok(sensible && (!overlapped || expected))
    }

    /// Takes the input for frames of this format: the present one, or a new one that goes on where that ends.
    fn input_of(&mut self, format: SampleFormat, encoder: &mut SoundEncoder) -> Result<Input> {
        if let Some(input) = self.input.take_if(|input| *input.resampler.from() == format) {
            return Ok(input);
        }
        let resampler = Resampler::open(format, self.target)?;
        self.end_input(encoder)?;
        let end = encoder.end(self.rows.start);
        let position = rescale(end, format.rate.into(), self.target.rate.into()).unwrap_or(0);
        Ok(Input { resampler, position, step: DriftWatch::new(), fresh: true })
    }

    /// Gives out what is still inside the resampler, if there is one.
    fn end_input(&mut self, encoder: &mut SoundEncoder) -> Result<()> {
        let Some(mut input) = self.input.take() else { return Ok(()) };
        input.resampler.drain(&mut encoder.waiting[self.rows.clone()])
    }

    /// Goes on at `position` after a silence that is not encoded.
    fn jump(
        &self,
        input: &mut Input,
        position: i64,
        encoder: &mut SoundEncoder,
        out: &mut VecDeque<Packet>,
    ) -> Result<()> {
        let format = *input.resampler.from();
        input.resampler.drain(&mut encoder.waiting[self.rows.clone()])?;
        let rate = i64::from(self.target.rate);
        let place = rescale(position, rate, format.rate.into()).unwrap_or(0);
        encoder.jump(self.rows.clone(), place, LONGEST_SILENCE * rate, out)?;
        (input.resampler, input.position) = (Resampler::open(format, self.target)?, position);
        Ok(())
    }

    /// Encodes silence up to `position`.
    fn fill(
        &self,
        input: &mut Input,
        position: i64,
        encoder: &mut SoundEncoder,
        out: &mut VecDeque<Packet>,
    ) -> Result<()> {
        while input.position < position {
            let count = (position - input.position).min(Resampler::STRETCH);
            input.resampler.silence(count, &mut encoder.waiting[self.rows.clone()])?;
            input.position += count;
            encoder.encode(out)?;
        }
        Ok(())
    }
}

/// Why a stream cannot be decoded.
#[derive(Debug)]
pub(super) struct Refusal(pub(super) String);

/// Says of a source that its sound cannot be decoded.
pub(super) fn refused(name: &str, codec: &str, Refusal(why): &Refusal) -> Error {
    let why = format!("its audio ({codec}) cannot be decoded: {why}; choose another audio track, or none");
    Error::bad_source(name, why)
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

/// Why the stream cannot be decoded; none when it can.
///
/// # Safety
/// `parameters` are valid.
pub(super) unsafe fn refusal(parameters: *const av::AVCodecParameters) -> Option<Refusal> {
    let timeline = Timeline::new(av::AVRational { num: 1, den: 1 }, Rational::new(0, 1), None);
    // SAFETY: the caller vouches for the parameters.
    unsafe { open_decoder(parameters, &timeline).and_then(|_| layout_of(parameters)).err() }
}

/// The layout of the stream's channels.
///
/// # Safety
/// `parameters` are valid.
unsafe fn layout_of(parameters: *const av::AVCodecParameters) -> Result<av::AVChannelLayout, Refusal> {
    // SAFETY: the caller vouches for the parameters.
    let layout = unsafe { standard_layout(&(*parameters).ch_layout) };
    if layout.nb_channels > 0 && layout.order == av::AVChannelOrder::AV_CHANNEL_ORDER_UNSPEC {
        return Err(Refusal(format!("nobody knows where its {} channels belong", layout.nb_channels)));
    }
    Ok(layout)
}

/// A decoder of the stream, opened.
///
/// # Safety
/// `parameters` are valid.
pub(super) unsafe fn open_decoder(
    parameters: *const av::AVCodecParameters,
    timeline: &Timeline,
) -> Result<CodecContext, Refusal> {
    // SAFETY: the caller vouches for the parameters; the codec is null or libav's own.
    let codec = unsafe { av::avcodec_find_decoder((*parameters).codec_id) };
    if codec.is_null() {
        return Err(Refusal("this libavcodec has no decoder for it".to_owned()));
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
            code => Err(Refusal(ffi::error_text(code))),
        }
    }
}
