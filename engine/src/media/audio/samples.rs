//! Reading sound back that was put aside: its samples from time 0 to the end of the picture, without gaps.

#![expect(unsafe_code, reason = "libav is C")]

use super::aac::SoundCodec;
use super::convert::{Convert, Refusal, refused};
use super::loudness::{Levels, LoudnessMeter};
use super::resample::SampleFormat;
use super::timeline::{Timeline, rescale};
use super::track::AudioTrack;
use crate::error::Result;
use crate::geometry::Rational;
use crate::media::ffi::{self, AvPacket};
use crate::packet::Packet;
use std::collections::VecDeque;

/// Samples of silence that are made at once.
const STRETCH: usize = 4096;

/// Sound that was put aside, on its way back.
#[derive(Debug)]
pub(super) struct Samples {
    convert: Convert,
    /// A row for each channel.
    rows: Vec<Vec<f32>>,
    /// Where the next sample goes, and where the last one ends.
    position: i64,
    end: i64,
    /// Where the sound ended that came.
    last: i64,
    /// Damage before the first sample that counts.
    early_damage: u64,
}

/// How the reading ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadBack {
    /// Packets that could not be decoded.
    pub(crate) damage: u64,
    /// Seconds of sound behind the end, which are left out.
    pub(crate) left_out: f64,
}

impl Samples {
    /// Of a track, up to so many seconds after time 0, as they are for `codec`.
    pub(super) fn open(track: &AudioTrack, end: Rational, codec: SoundCodec) -> Result<Self> {
        let kind = if codec == SoundCodec::Opus { SoundCodec::OpusSamples } else { SoundCodec::Samples };
        let timeline = Timeline::new(ffi::av_rational(track.time_base), Rational::new(0, 1), None);
        // SAFETY: the track's parameters are valid.
        let convert = unsafe { Convert::open(track.parameters.as_ptr(), timeline, false, kind) };
        let convert = convert.map_err(|why: Refusal| refused("sound", &track.parameters.codec(), &why))?;
        let (rows, rate) = (vec![Vec::new(); convert.channels()], convert.sample_rate());
        let end = rescale(end.num, rate.into(), end.den).unwrap_or(0);
        Ok(Self { convert, rows, position: 0, end, last: 0, early_damage: 0 })
    }

    /// Their format.
    pub(super) fn format(&self) -> &SampleFormat {
        self.convert.target()
    }

    /// Samples a second.
    pub(super) fn rate(&self) -> u32 {
        u32::try_from(self.convert.sample_rate()).unwrap_or(1)
    }

    /// Hands all samples to `take`, stretch by stretch, a row for each channel.
    pub(super) fn read(
        mut self,
        packets: impl Iterator<Item = Result<Packet>>,
        mut take: impl FnMut(&[Vec<f32>]) -> Result<()>,
    ) -> Result<ReadBack> {
        let mut out = VecDeque::new();
        for packet in packets {
            let packet = packet?;
            self.convert.push(0, &AvPacket::copy_at(&packet.data, packet.pts)?, &mut out)?;
            if packet.pts.saturating_add(packet.duration) <= 0 {
                // A decoder that begins in the middle may lack what came before.
                self.early_damage = self.convert.damage();
            }
            self.put_all(&mut out, &mut take)?;
        }
        self.convert.finish(&mut out)?;
        self.put_all(&mut out, &mut take)?;
        self.fill(self.end, &mut take)?;
        #[expect(clippy::cast_precision_loss, reason = "for people to read")]
        let left_out = (self.last - self.end).max(0) as f64 / f64::from(self.rate());
        Ok(ReadBack { damage: self.convert.damage() - self.early_damage, left_out })
    }

    fn put_all(
        &mut self,
        packets: &mut VecDeque<Packet>,
        take: &mut impl FnMut(&[Vec<f32>]) -> Result<()>,
    ) -> Result<()> {
        packets.drain(..).try_for_each(|packet| self.put(&packet, take))
    }

    /// Hands on what a packet of samples holds, behind the silence before it.
    fn put(&mut self, packet: &Packet, take: &mut impl FnMut(&[Vec<f32>]) -> Result<()>) -> Result<()> {
        let channels = self.rows.len();
        let samples = packet.data.as_chunks::<4>().0;
        let count = i64::try_from(samples.len() / channels.max(1)).unwrap_or(0);
        self.last = packet.pts + count;
        self.fill(packet.pts.min(self.end), take)?;
        let range = |sample: i64| usize::try_from((sample - packet.pts).clamp(0, count)).unwrap_or(0);
        let (from, to) = (range(self.position), range(self.end));
        if from >= to {
            return Ok(());
        }
        for (channel, row) in self.rows.iter_mut().enumerate() {
            row.clear();
            let of_channel = samples.iter().skip(channel).step_by(channels);
            row.extend(of_channel.skip(from).take(to - from).map(|&bytes| f32::from_le_bytes(bytes)));
        }
        self.position = packet.pts + i64::try_from(to).unwrap_or(0);
        take(&self.rows)
    }

    /// Hands on silence up to `position`.
    fn fill(&mut self, position: i64, take: &mut impl FnMut(&[Vec<f32>]) -> Result<()>) -> Result<()> {
        while self.position < position {
            let count = usize::try_from(position - self.position).unwrap_or(STRETCH).min(STRETCH);
            for row in &mut self.rows {
                row.clear();
                row.resize(count, 0.0);
            }
            self.position += i64::try_from(count).unwrap_or(0);
            take(&self.rows)?;
        }
        Ok(())
    }
}

/// Measures a track from time 0 up to so many seconds.
///
/// # Errors
/// [`crate::Error::Libav`] when memory has run out; [`crate::Error::BadSource`] when it cannot be decoded; those of the packets.
pub(crate) fn measure(
    track: &AudioTrack,
    packets: impl Iterator<Item = Result<Packet>>,
    end: Rational,
) -> Result<(Levels, ReadBack)> {
    let samples = Samples::open(track, end, SoundCodec::Samples)?;
    let mut meter = LoudnessMeter::new(samples.rows.len(), samples.rate())?;
    let read = samples.read(packets, |rows| meter.add(rows))?;
    Ok((meter.levels()?, read))
}
