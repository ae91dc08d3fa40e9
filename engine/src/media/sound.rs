//! The kept audio track on its way from the reader's packets to packets for MP4.

use super::AudioTrack;
use super::audio::AudioConverter;
use super::ffi::AvPacket;
use super::reader::Reader;
use crate::error::{Error, Result};
use crate::geometry::Rational;
use crate::packet::Packet;
use std::collections::VecDeque;

/// Most bytes of audio that wait for the first wanted video frame.
const MOST_WAITING: usize = 64 << 20;

/// Packets wait here until it is known where the output begins, and, converted, until they are asked for.
#[derive(Debug, Default)]
pub(super) struct Sound {
    converter: Option<AudioConverter>,
    early: Vec<AvPacket>,
    ready: VecDeque<Packet>,
    /// Bytes taken since the last packet was given out.
    waiting: usize,
}

impl Sound {
    /// Takes the reader's audio packet.
    pub(super) fn take(&mut self, reader: &mut Reader) -> Result<()> {
        self.waiting += reader.packet.data().len();
        if self.waiting > MOST_WAITING {
            let why = format!("has more than {} MiB of audio before its first video frame", MOST_WAITING >> 20);
            return Err(reader.demuxer.bad(why));
        }
        match &mut self.converter {
            Some(converter) => converter.push(Some(&reader.packet), &mut self.ready)?,
            None => self.early.push(reader.packet.take()?),
        }
        Ok(())
    }

    /// Forgets what was taken, for the reader begins elsewhere.
    pub(super) fn forget(&mut self) {
        (self.early, self.waiting) = (Vec::new(), 0);
    }

    /// Begins to convert, now that it is known that the output begins at `origin` seconds of the source and ends `end`
    /// seconds later.
    pub(super) fn open(&mut self, reader: &Reader, origin: Rational, end: Option<Rational>) -> Result<()> {
        let Some(audio) = reader.audio else { return Ok(()) };
        // SAFETY: a stream of an opened demuxer.
        let converter = unsafe { AudioConverter::open(reader.demuxer.stream(audio), origin, end) };
        let mut converter = converter.map_err(|error| match error {
            Error::BadSource { name, why } => reader.demuxer.bad(format!("its {name} {why}")),
            other => other,
        })?;
        for packet in std::mem::take(&mut self.early) {
            converter.push(Some(&packet), &mut self.ready)?;
        }
        self.converter = Some(converter);
        Ok(())
    }

    /// Converts what is left. Nothing may be taken afterwards.
    pub(super) fn finish(&mut self) -> Result<()> {
        match &mut self.converter {
            Some(converter) => converter.push(None, &mut self.ready),
            None => Ok(()),
        }
    }

    /// The next converted packet.
    pub(super) fn next(&mut self) -> Option<Packet> {
        self.waiting = 0;
        self.ready.pop_front()
    }

    /// What comes out; none when no audio is kept.
    pub(super) fn track(&self) -> Option<&AudioTrack> {
        self.converter.as_ref().map(AudioConverter::track)
    }

    /// Packets that were lost.
    pub(super) fn damage(&self) -> u64 {
        self.converter.as_ref().map_or(0, AudioConverter::damage)
    }
}
