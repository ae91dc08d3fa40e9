//! Audio on its way into MP4: copied where phones' players know the codec, else converted to AAC.

mod aac;
mod convert;
mod copy;
mod resample;
mod step;
mod timeline;
mod whole;

use super::ffi::{self, AvPacket};
use super::{AudioTrack, CodecParameters};
use crate::error::Result;
use crate::geometry::Rational;
use crate::packet::Packet;
use convert::Convert;
use copy::Copy;
use ffmpeg_sys_next as av;
use std::collections::VecDeque;
use timeline::Timeline;

/// An audio stream of a source, packet by packet on its way into MP4.
///
/// The times of what comes out are in ticks of [`AudioTrack::time_base`] (samples) after the origin. The first may be
/// below zero: what lies there is for the decoder alone, and the muxer's edit list hides it.
#[derive(Debug)]
pub(super) struct AudioConverter {
    track: AudioTrack,
    work: Work,
}

#[derive(Debug)]
enum Work {
    Copy(Copy),
    Convert(Box<Convert>),
}

impl AudioConverter {
    /// Begins on `stream`. `origin` is the time of the stream, in seconds, that becomes 0; what lies before it is left
    /// out, and what comes `end` seconds after it or later.
    ///
    /// # Safety
    /// `stream` is a valid stream of a demuxer that knows its codec parameters; it is not used after this call.
    ///
    /// # Errors
    /// [`crate::Error::BadSource`] when the stream can be neither copied nor decoded; [`crate::Error::Libav`].
    pub(super) unsafe fn open(stream: *const av::AVStream, origin: Rational, end: Option<Rational>) -> Result<Self> {
        // SAFETY: the caller vouches for the stream.
        let (raw, metadata, time_base) = unsafe { ((*stream).codecpar, (*stream).metadata, (*stream).time_base) };
        let timeline = Timeline::new(time_base, origin, end);
        // SAFETY: the stream's parameters are valid as it is.
        let source = unsafe { CodecParameters::copy_of(raw)? };
        let copied = copy::can_copy(&source);
        let (work, parameters, rate) = if copied {
            let rate = source.fields().sample_rate;
            (Work::Copy(Copy::new(&source, timeline)), source, rate)
        } else {
            // SAFETY: the stream's parameters are valid as it is.
            let convert = unsafe { Convert::open(raw, timeline)? };
            let (parameters, rate) = (convert.parameters()?, convert.sample_rate());
            (Work::Convert(Box::new(convert)), parameters, rate)
        };
        // SAFETY: the stream's metadata is valid as it is.
        let (language, title) = unsafe { (ffi::dict_text(metadata, c"language"), ffi::dict_text(metadata, c"title")) };
        let track = AudioTrack { parameters, time_base: Rational::new(1, i64::from(rate)), copied, language, title };
        Ok(Self { track, work })
    }

    /// What comes out.
    pub(super) fn track(&self) -> &AudioTrack {
        &self.track
    }

    /// Takes a packet of the stream, and appends the packets that have become ready. With none, appends what is still
    /// inside; nothing may follow. What cannot be decoded is left out and counted.
    ///
    /// # Errors
    /// [`crate::Error::Libav`] when memory has run out or the encoder fails.
    pub(super) fn push(&mut self, packet: Option<&AvPacket>, out: &mut VecDeque<Packet>) -> Result<()> {
        match (&mut self.work, packet) {
            (Work::Copy(copy), Some(packet)) => copy.push(packet, out),
            (Work::Copy(_), None) => {}
            (Work::Convert(convert), packet) => convert.push(packet, out)?,
        }
        Ok(())
    }

    /// Packets that could not be decoded or that lie where audio was already.
    pub(super) fn damage(&self) -> u64 {
        match &self.work {
            Work::Copy(copy) => copy.damage(),
            Work::Convert(convert) => convert.damage(),
        }
    }
}

#[cfg(test)]
mod tests;
