//! Bringing sound to its loudness: amplified, held below a ceiling, and encoded to AAC or Opus.

use super::aac::{SoundCodec, SoundEncoder};
use super::limiter::Limiter;
use super::samples::Samples;
use super::track::AudioTrack;
use crate::error::Result;
use crate::geometry::Rational;
use crate::packet::Packet;
use std::collections::VecDeque;

/// What is done to sound.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Levelling {
    /// Decibels that it is amplified by.
    pub(crate) gain: f64,
    /// Decibels of full scale that no true peak goes beyond before it is encoded.
    pub(crate) ceiling: f64,
    /// Seconds after time 0 at which it ends: silence is added up to there, and what comes later left out.
    pub(crate) end: Rational,
    /// Whether it becomes Opus, of 48 kHz, and not AAC; it has no more than two channels then.
    pub(crate) opus: bool,
}

/// Levels a track that was put aside ([`AudioTrack::to_level`]), and hands the packets to `put`; gives the track that they are of.
///
/// # Errors
/// [`crate::Error::Libav`] when memory has run out or the encoder fails; [`crate::Error::BadSource`] when it cannot be decoded; those
/// of the packets and of `put`.
pub(crate) fn level(
    track: &AudioTrack,
    packets: impl Iterator<Item = Result<Packet>>,
    levelling: &Levelling,
    mut put: impl FnMut(Packet) -> Result<()>,
) -> Result<AudioTrack> {
    let codec = if levelling.opus { SoundCodec::Opus } else { SoundCodec::Aac };
    let samples = Samples::open(track, levelling.end, codec)?;
    let mut encoder = SoundEncoder::open(samples.format(), codec)?;
    let parameters = encoder.parameters()?;
    let rate = samples.rate();
    let mut limiter = Limiter::new(encoder.waiting.len(), rate, levelling.gain, levelling.ceiling);
    let mut out = VecDeque::new();
    samples.read(packets, |rows| {
        limiter.push(rows, &mut encoder.waiting);
        encoder.encode(&mut out)?;
        out.drain(..).try_for_each(&mut put)
    })?;
    limiter.finish(&mut encoder.waiting);
    encoder.finish(&mut out)?;
    out.drain(..).try_for_each(&mut put)?;
    let time_base = Rational::new(1, i64::from(rate));
    Ok(AudioTrack { parameters, time_base, copied: false, to_level: false, ..track.clone() })
}
