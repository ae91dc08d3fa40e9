//! The kept audio tracks on their way from the reader's packets to packets for MP4.

#![expect(unsafe_code, reason = "libav is C")]

use super::audio::{self, AudioConverter, AudioTrack};
use super::event::Event;
use super::ffi::AvPacket;
use super::video_reader::VideoReader;
use crate::error::Result;
use crate::geometry::Rational;
use crate::packet::Packet;
use crate::source::SoundForm;
use std::collections::{BTreeMap, VecDeque};
use std::ptr;

/// Most bytes of audio, of all tracks together, that wait for the first wanted video frame.
const MOST_WAITING: usize = 64 << 20;

/// What a kept track is made of: streams of the container.
#[derive(Clone, Copy, Debug)]
pub(super) struct SoundStreams {
    pub(super) stream: usize,
    /// The one that is the right channel.
    pub(super) right: Option<usize>,
    /// Whether it is mixed to two channels.
    pub(super) stereo: bool,
    /// In which form it is wanted.
    pub(super) form: SoundForm,
}

/// All tracks that are kept, in the order in which they are wanted.
#[derive(Debug)]
pub(super) struct Sounds {
    tracks: Vec<Sound>,
}

impl Sounds {
    pub(super) fn new(tracks: impl Iterator<Item = SoundStreams>) -> Self {
        Self { tracks: tracks.map(Sound::new).collect() }
    }

    /// Takes the reader's audio packet.
    pub(super) fn take(&mut self, reader: &VideoReader) -> Result<()> {
        let stream = reader.packet_stream();
        for track in &mut self.tracks {
            if track.of.stream == stream {
                track.take(reader, false)?;
            } else if track.of.right == Some(stream) {
                track.take(reader, true)?;
            }
        }
        if self.tracks.iter().map(|track| track.waiting).sum::<usize>() > MOST_WAITING {
            let why = format!("has more than {} MiB of audio before its first video frame", MOST_WAITING >> 20);
            return Err(reader.demuxer.bad(why));
        }
        Ok(())
    }

    /// Tells whether the description of a stream is still to come.
    pub(super) fn lack_description(&self, reader: &VideoReader) -> bool {
        self.tracks.iter().any(|track| track.lacks_description(reader))
    }

    /// Forgets what was taken, for the reader begins elsewhere.
    pub(super) fn forget(&mut self) {
        self.tracks.iter_mut().for_each(Sound::forget);
    }

    /// Begins to convert, now that it is known that the output begins at `origin` seconds of the source and ends `end`
    /// seconds later; does nothing when it has begun already.
    pub(super) fn open(&mut self, reader: &VideoReader, origin: Rational, end: Option<Rational>) -> Result<()> {
        self.tracks.iter_mut().try_for_each(|track| track.open(reader, origin, end))
    }

    /// The next packet that is ready, or that those given out of a track so far are wanted back.
    pub(super) fn next(&mut self, name: &str) -> Result<Option<Event>> {
        for (index, track) in self.tracks.iter_mut().enumerate() {
            match track.next(name)? {
                Some(SoundEvent::Packet(packet)) => return Ok(Some(Event::Audio { track: index, packet })),
                Some(SoundEvent::Changed) => return Ok(Some(Event::SoundChanged { track: index })),
                None => {}
            }
        }
        Ok(None)
    }

    /// Takes back a packet that was given out of a track before [`Event::SoundChanged`], and gives what comes of it to `put`.
    pub(super) fn replay(
        &mut self,
        track: usize,
        packet: &Packet,
        put: impl FnMut(Packet) -> Result<()>,
    ) -> Result<()> {
        self.tracks.get_mut(track).map_or(Ok(()), |track| track.replay(packet, put))
    }

    /// Converts what is left. Nothing may be taken afterwards.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.tracks.iter_mut().try_for_each(Sound::finish)
    }

    /// Describes the tracks that come out; none before they are opened.
    pub(super) fn tracks(&self) -> impl Iterator<Item = &AudioTrack> {
        self.tracks.iter().filter_map(Sound::track)
    }

    /// Packets that were lost. Those of a stream that becomes two tracks count once.
    pub(super) fn damage(&self) -> u64 {
        let mut of_streams = BTreeMap::<usize, u64>::new();
        for track in &self.tracks {
            let lost = of_streams.entry(track.of.stream).or_default();
            *lost = track.damage().max(*lost);
        }
        of_streams.values().sum()
    }

    /// Finds, once all was taken, the sides of pairs that are silent while the other is heard: which track it is of, and what
    /// [`AudioConverter::silent_side`] says.
    pub(super) fn silent_sides(&self) -> impl Iterator<Item = (usize, (bool, Option<Rational>))> {
        let side = |track: &Sound| track.converter.as_ref().and_then(AudioConverter::silent_side);
        self.tracks.iter().enumerate().filter_map(move |(index, track)| Some((index, side(track)?)))
    }

    /// Tells whether more of a track was lost than kept; with `all`, having got nothing counts as lost too.
    pub(super) fn are_lost(&self, all: bool) -> bool {
        self.tracks.iter().any(|track| track.is_lost(all))
    }
}

/// What comes out of a track.
#[derive(Debug)]
enum SoundEvent {
    Packet(Packet),
    Changed,
}

/// A track whose packets wait here until it is known where the output begins, and, converted, until they are asked for.
#[derive(Debug)]
struct Sound {
    of: SoundStreams,
    converter: Option<AudioConverter>,
    /// Packets that the converter has not got yet, and whether each is of the second stream.
    early: Vec<(AvPacket, bool)>,
    /// A packet that describes the channels of those after it that do not, from before where the reader begins now.
    description: Option<AvPacket>,
    ready: VecDeque<Packet>,
    /// Bytes that wait.
    waiting: usize,
    /// Packets taken since the output began.
    taken: u64,
    /// Packets given out.
    given: u64,
    /// True while [`Event::SoundChanged`] is yet to be given out.
    changed: bool,
    /// Ticks of the packets given out before it.
    copied: Option<Rational>,
    /// True once nothing more will be taken.
    over: bool,
}

impl Sound {
    fn new(of: SoundStreams) -> Self {
        Self {
            of,
            converter: None,
            early: Vec::new(),
            description: None,
            ready: VecDeque::new(),
            waiting: 0,
            taken: 0,
            given: 0,
            changed: false,
            copied: None,
            over: false,
        }
    }

    /// Takes the reader's audio packet, which is of the second stream where `other` says so.
    fn take(&mut self, reader: &VideoReader, other: bool) -> Result<()> {
        if self.converter.is_some() {
            self.push(&reader.packet, other, reader.demuxer.name())?;
        } else {
            self.waiting += reader.packet.data().len();
            self.early.push((reader.packet.share()?, other));
        }
        Ok(())
    }

    /// Tells whether the description of a stream is still to come: its first packet may describe all, and none was
    /// taken yet.
    fn lacks_description(&self, reader: &VideoReader) -> bool {
        // SAFETY: a stream of an opened demuxer.
        let described = |index| unsafe { audio::may_be_described_once(reader.demuxer.stream(index)) };
        self.early.is_empty() && self.description.is_none() && described(self.of.stream)
    }

    /// Forgets what was taken, for the reader begins elsewhere.
    fn forget(&mut self) {
        let describes = |(packet, _): &(AvPacket, bool)| audio::describes_channels(packet.data());
        let last = self.early.drain(..).rfind(describes);
        self.description = last.map(|(packet, _)| packet).or_else(|| self.description.take());
        self.waiting = 0;
    }

    /// Begins to convert, now that it is known that the output begins at `origin` seconds of the source and ends `end`
    /// seconds later; does nothing when it has begun already.
    fn open(&mut self, reader: &VideoReader, origin: Rational, end: Option<Rational>) -> Result<()> {
        if self.converter.is_some() {
            return Ok(());
        }
        let SoundStreams { stream, right, stereo, form } = self.of;
        let right = right.map(|right| ptr::from_ref(reader.demuxer.stream(right)));
        let (stream, name) = (reader.demuxer.stream(stream), reader.demuxer.name());
        // SAFETY: streams of an opened demuxer.
        let converter = unsafe { AudioConverter::open(stream, right, (stereo, form), name, origin, end)? };
        self.converter = Some(converter);
        self.waiting = 0;
        if let Some(packet) = self.description.take() {
            self.push(&packet, false, name)?;
        }
        for (packet, other) in std::mem::take(&mut self.early) {
            self.push(&packet, other, name)?;
        }
        Ok(())
    }

    /// The next packet that is ready, or that those given out so far are wanted back.
    fn next(&mut self, name: &str) -> Result<Option<SoundEvent>> {
        self.waiting = 0;
        loop {
            if let Some(packet) = self.ready.pop_front() {
                self.given += 1;
                return Ok(Some(SoundEvent::Packet(packet)));
            }
            if std::mem::take(&mut self.changed) {
                return Ok(Some(SoundEvent::Changed));
            }
            if self.converter.is_none() || self.early.is_empty() {
                return Ok(None);
            }
            for (packet, other) in std::mem::take(&mut self.early) {
                self.push(&packet, other, name)?;
            }
            if self.over {
                self.finish()?;
            }
        }
    }

    /// Takes back a packet that was given out before [`Event::SoundChanged`], and gives what comes of it to `put`.
    fn replay(&mut self, packet: &Packet, mut put: impl FnMut(Packet) -> Result<()>) -> Result<()> {
        if let (Some(converter), Some(time_base)) = (&mut self.converter, self.copied) {
            converter.replay(packet, time_base, &mut self.ready)?;
        }
        self.ready.drain(..).try_for_each(&mut put)
    }

    /// Converts what is left. Nothing may be taken afterwards.
    fn finish(&mut self) -> Result<()> {
        match &mut self.converter {
            Some(converter) if self.early.is_empty() => converter.finish(&mut self.ready),
            _ => {
                self.over = true;
                Ok(())
            }
        }
    }

    /// Converts a packet, unless it must wait until what was given out has come back.
    fn push(&mut self, packet: &AvPacket, other: bool, name: &str) -> Result<()> {
        let Some(converter) = &mut self.converter else { return Ok(()) };
        let (ready, time_base) = (self.ready.len(), converter.track().time_base);
        self.taken += 1;
        if !converter.push(packet, other, &mut self.ready)? {
            ::log::warn!("{name}: its sound cannot be copied as it goes on from here, and is converted to AAC");
            let untaken = converter.convert(name)?.into_iter().chain([packet.share()?]);
            if self.given > 0 {
                (self.changed, self.copied) = (true, Some(time_base));
                self.early.extend(untaken.map(|packet| (packet, false)));
                return Ok(());
            }
            for packet in std::mem::take(&mut self.ready) {
                converter.replay(&packet, time_base, &mut self.ready)?;
            }
            for packet in untaken {
                converter.push(&packet, false, &mut self.ready)?;
            }
        }
        self.waiting += self.ready.iter().skip(ready).map(|packet| packet.data.len()).sum::<usize>();
        Ok(())
    }

    /// Describes the track that comes out; none when no audio is kept.
    fn track(&self) -> Option<&AudioTrack> {
        self.converter.as_ref().map(AudioConverter::track)
    }

    /// Packets that were lost.
    fn damage(&self) -> u64 {
        self.converter.as_ref().map_or(0, AudioConverter::damage)
    }

    /// Tells whether more of the sound was lost than kept; with `all`, having got nothing counts as lost too.
    fn is_lost(&self, all: bool) -> bool {
        let nothing = self.given == 0 && self.ready.is_empty() && self.early.is_empty();
        self.converter.is_some() && (self.damage() * 2 > self.taken || (all && nothing))
    }
}
