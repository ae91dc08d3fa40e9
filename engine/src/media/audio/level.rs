//! Measures the level of a track from moment to moment.

#![expect(unsafe_code, reason = "libav is C")]

use super::AudioTrack;
use super::aac;
use super::convert::open_decoder;
use super::resample::{Resampler, SampleFormat};
use super::timeline::Timeline;
use crate::error::Result;
use crate::geometry::Rational;
use crate::media::ffi::{AvFrame, AvPacket, CodecContext};
use crate::packet::Packet;
use ffmpeg_sys_next as av;
use std::ptr;

/// Spans a second for which a level is given.
const SPANS: f64 = 10.0;
/// Decibels below full scale that count as silence.
const SILENCE: f64 = 90.0;
/// Spans of the longest film: 100 hours.
const MOST: usize = 3_600_000;

/// Measures packets of a track for MP4 as they come.
#[derive(Debug)]
pub(crate) struct LevelMeter {
    decoder: CodecContext,
    frame: AvFrame,
    rate: i64,
    resampler: Option<Resampler>,
    mono: [Vec<f32>; 1],
    /// Sums of squares, and samples, of every span from time 0 on.
    spans: Vec<(f64, u32)>,
}

impl LevelMeter {
    /// None for a track that cannot be decoded.
    pub(crate) fn of(track: &AudioTrack) -> Option<Self> {
        let Rational { num, den } = track.time_base;
        let time_base = av::AVRational { num: i32::try_from(num).ok()?, den: i32::try_from(den).ok()? };
        let timeline = Timeline::new(time_base, Rational::new(0, 1), None);
        // SAFETY: the track's parameters are valid.
        let decoder = unsafe { open_decoder(track.parameters.as_ptr(), &timeline) }.ok()?;
        let rate = (num > 0).then(|| den / num)?;
        Some(Self {
            decoder,
            frame: AvFrame::new().ok()?,
            rate,
            resampler: None,
            mono: [Vec::new()],
            spans: Vec::new(),
        })
    }

    /// Takes the next packet. What cannot be decoded counts as silence.
    ///
    /// # Errors
    /// [`crate::Error::Libav`] when memory has run out.
    pub(crate) fn push(&mut self, packet: &Packet) -> Result<()> {
        self.decode(AvPacket::copy_at(&packet.data, packet.pts)?.as_ptr())
    }

    /// Ends, and gives for every tenth of a second from time 0 on the decibels above -90 of full scale, from 0 to 90 and more.
    ///
    /// # Errors
    /// As for [`LevelMeter::push`].
    pub(crate) fn finish(mut self) -> Result<Vec<u8>> {
        self.decode(ptr::null())?;
        let level = |&(sum, count): &(f64, u32)| {
            let decibels = 10.0 * (sum / f64::from(count.max(1))).max(1e-12).log10() + SILENCE;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
            let level = decibels.round().clamp(0.0, 100.0) as u8;
            level
        };
        Ok(self.spans.iter().map(level).collect())
    }

    /// Decodes a packet, or with none what is still inside.
    fn decode(&mut self, packet: *const av::AVPacket) -> Result<()> {
        // SAFETY: the decoder is open and the packet valid, or null; what it refuses is passed over.
        unsafe { av::avcodec_send_packet(self.decoder.as_mut_ptr(), packet) };
        // SAFETY: the decoder is open and the frame valid.
        while unsafe { av::avcodec_receive_frame(self.decoder.as_mut_ptr(), self.frame.as_mut_ptr()) } >= 0 {
            self.measure()?;
        }
        Ok(())
    }

    fn measure(&mut self) -> Result<()> {
        let fields = self.frame.fields();
        let (count, stamp) = (usize::try_from(fields.nb_samples).unwrap_or(0), fields.best_effort_timestamp);
        let Some(format) = SampleFormat::of(fields).filter(|format| format.rate > 0) else { return Ok(()) };
        let fits = self.resampler.as_ref().is_some_and(|resampler| *resampler.from() == format);
        if !fits {
            self.resampler = Resampler::open(format, aac::channel_of(&format)).ok();
        }
        let Some(resampler) = &mut self.resampler else { return Ok(()) };
        resampler.push(&self.frame, 0..count, &mut self.mono)?;
        #[expect(clippy::cast_precision_loss, reason = "times of a film")]
        let (begin, rate) = (stamp as f64 / self.rate.max(1) as f64, f64::from(format.rate));
        #[expect(clippy::cast_precision_loss, reason = "samples of a frame")]
        for (number, sample) in self.mono[0].drain(..).enumerate() {
            let span = ((begin + number as f64 / rate) * SPANS).floor();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
            let span = span as usize;
            if (begin < 0.0 && span == 0) || span >= MOST {
                continue;
            }
            if self.spans.len() <= span {
                self.spans.resize(span + 1, (0.0, 0));
            }
            let (sum, count) = &mut self.spans[span];
            *sum += f64::from(sample) * f64::from(sample);
            *count = count.saturating_add(1);
        }
        Ok(())
    }
}
