//! The source as the rest of the engine sees it: information, then frames and audio packets in order.

use super::audio::AudioTrack;
use super::changes::Sameness;
use super::choose::{Chosen, choose};
use super::demux::Demuxer;
use super::dolby;
use super::event::Event;
use super::ffi::seconds;
use super::hdr10_plus;
use super::ingest::Ingest;
use super::passed_over;
use super::probe::{self, Picture};
use super::sound::{SoundStreams, Sounds};
use super::tracks::Tracks;
use super::video_reader::{ReadEvent, VideoReader};
use crate::control::Control;
use crate::error::{Error, Result};
use crate::frame::{Area, Frame};
use crate::geometry::Rational;
use crate::packet::Packet;
use crate::remote::KnownObject;
use crate::source::timeline::{Timeline, TimelinePlace, rescale, rescale_down, ticks};
use crate::source::{
    AudioChoice, AudioTake, Damage, Input, KeptAudio, OpenOptions, SilentSide, SoundForm, SourceInfo, Span,
};
use std::collections::BTreeSet;
use std::iter;
use std::path::Path;

/// A start that lies no farther than this many seconds from the first frame is decoded up to: seeking could save little,
/// and what some containers say about their very beginning is lost on the way back to it.
const NEAR: i64 = 5;

/// Distances before the wanted time to seek to, in seconds, one after the other until a key frame before it is found.
const STEPS_BACK: [i64; 4] = [0, 2, 10, 60];

/// Frames among which the first audio packet is looked for before seeking.
const DESCRIPTION_WITHIN: usize = 250;

/// Video packets this many seconds after the end mean that no audio before the end will come.
const INTERLEAVING: i64 = 10;

/// An opened source, positioned before its first wanted frame.
#[derive(Debug)]
pub struct Source {
    input: Input,
    options: OpenOptions,
    info: SourceInfo,
    pub(super) reader: VideoReader,
    sameness: Sameness,
    ingest: Ingest,
    pub(super) timeline: Timeline,
    sounds: Sounds,
    /// TimelinePlace of the reader's frame, when it is yet to be given out.
    pub(super) held: Option<TimelinePlace>,
    /// TimelinePlace of the reader's frame, when it was told of and may be filled.
    unfilled: Option<TimelinePlace>,
    /// Frames before this time are not given out.
    first: i64,
    /// What had been wrong when frames began to be left out; none once one is wanted again.
    damage_before_skip: Option<Damage>,
    can_be_read_again: bool,
    /// True once all wanted frames were given out.
    video_over: bool,
    /// Audio streams whose wanted part was read.
    audio_over: BTreeSet<usize>,
    /// True once nothing more will be read.
    finished: bool,
}

impl Source {
    /// Opens `input`, and decodes up to the first wanted frame to learn what it truly is.
    ///
    /// # Errors
    /// [`Error::SourceMissing`]; [`Error::Io`] when it cannot be read; [`Error::BadSource`] when it is not a video
    /// that Upright converts; [`Error::NotInSource`] for a program, a track or a part of the source that is not there;
    /// [`Error::InvalidOption`] for a part that no source can have.
    pub fn open(input: &Input, options: &OpenOptions) -> Result<Self> {
        Self::open_within(input, options, &Control::default())
    }

    /// Does as [`Source::open`], for work that may be ended: an input that stalls is then no longer waited for, now or
    /// later.
    ///
    /// # Errors
    /// As [`Source::open`]; [`Error::Cancelled`] once the work has ended, of [`Source::next`] too.
    pub fn open_within(input: &Input, options: &OpenOptions, control: &Control) -> Result<Self> {
        check_span(options.span)?;
        let demuxer = Demuxer::open(input, &options.protocols, options.key.as_ref(), control.part())?;
        let can_be_read_again = demuxer.can_be_read_again(input);
        let fingerprint = demuxer.fingerprint(options.known.as_ref())?;
        let known = fingerprint.as_ref().and_then(|fingerprint| demuxer.known_by(fingerprint));
        let mut assumptions = Vec::new();
        let tracks = Tracks::of(&demuxer);
        let Chosen { program, video: chosen, audio: takes } = choose(&demuxer, &tracks, options, &mut assumptions)?;
        let stream = |number: usize| tracks.audio.iter().find(|track| track.track == number).map(|track| track.stream);
        let mut streams = Vec::new();
        for stream in takes.iter().flat_map(AudioTake::tracks).filter_map(stream) {
            if !streams.contains(&stream) {
                streams.push(stream);
            }
        }
        let kept: Vec<_> = iter::once(chosen.stream).chain(streams.iter().copied()).collect();
        let mut passed_over = passed_over::streams(&demuxer, &tracks, program, &kept);
        // Of all its tracks none can be decoded.
        let is_silent = takes.is_empty() && tracks.audio.iter().any(|track| tracks.is_of(program, track.stream));
        let wants_any = matches!(options.audio, AudioChoice::Best | AudioChoice::All);
        let mut reader = VideoReader::new(demuxer, chosen.stream, streams, options.threads)?;

        let mut sounds = Sounds::new(takes.iter().filter_map(|take| {
            let right = take.right.and_then(stream);
            Some(SoundStreams { stream: stream(take.track)?, right, stereo: take.stereo, form: options.sound })
        }));
        if !read_frame(&mut reader, &mut sounds)? {
            return Err(reader.demuxer.barren("has a video stream, but not one frame of it can be decoded"));
        }
        let of_streams = assumptions.len();
        let mut picture = Picture::of(&reader, chosen.track, None, &mut assumptions)?;
        let mut timeline = Timeline::new(reader.time_base, picture.info.time_base, picture.info.frame_rate);
        let starts_later = options.span.start.is_some() || options.origin.is_some();
        timeline.origin = options.origin.unwrap_or_else(|| {
            let start = options.span.start.map_or(0, |start| ticks(start, timeline.output));
            start_of(&reader, &timeline).saturating_add(start)
        });
        timeline.end = options.span.duration.map(|duration| ticks(duration, timeline.output));
        if starts_later {
            go_to(&mut reader, &timeline, &mut sounds)?;
        }
        open_sound(&reader, &timeline, &mut sounds)?;
        let held = first_wanted(&mut reader, &mut timeline, starts_later, &mut sounds)?;
        reader.damage.sound_lost = wants_any && is_silent;
        if starts_later {
            // What is wanted need not look like the beginning.
            assumptions.truncate(of_streams);
            picture = Picture::of(&reader, chosen.track, Some(&picture), &mut assumptions)?;
        }
        if picture.ingest.composes() && !reader.dolby.is_own() {
            reader.note_damage(reader.frame_time());
        }
        reader.damage.missing_bytes = reader.demuxer.missing_bytes();
        passed_over.extend(passed_over::captions(&reader));
        passed_over.extend(passed_over::dynamic_metadata(&reader));
        let Picture { described, ingest, info: mut video } = picture;
        let sameness = Sameness::new(&reader, described);

        video.origin = timeline.origin;
        let demuxer = &reader.demuxer;
        let info = SourceInfo {
            name: input.name(),
            container: demuxer.container(),
            bytes: demuxer.bytes(),
            fingerprint,
            span: options.span,
            duration: demuxer.duration(),
            title: probe::title(demuxer),
            chapters: probe::chapters(demuxer, timeline.output, timeline.origin, timeline.end),
            program: program.map(|program| program.number),
            video,
            audio_kept: takes.iter().zip(sounds.tracks()).map(|(take, sound)| kept_audio(take, sound)).collect(),
            programs: tracks.programs,
            video_tracks: tracks.video,
            audio: tracks.audio,
            scan: None,
            assumptions,
            passed_over,
        };
        Ok(Self {
            input: input.clone(),
            options: OpenOptions { known, ..options.clone() },
            info,
            reader,
            sameness,
            ingest,
            timeline,
            sounds,
            held: Some(held),
            unfilled: None,
            first: i64::MIN,
            damage_before_skip: None,
            can_be_read_again,
            video_over: false,
            audio_over: BTreeSet::new(),
            finished: false,
        })
    }

    pub(super) fn input(&self) -> &Input {
        &self.input
    }

    pub(super) fn options(&self) -> &OpenOptions {
        &self.options
    }

    /// Describes the source: tracks, picture, durations, and what had to be assumed.
    pub fn info(&self) -> &SourceInfo {
        &self.info
    }

    /// Tells whether the source is the file at `path`, through whatever links. Files that a playlist names do not
    /// count.
    pub fn is_at(&self, path: &Path) -> bool {
        self.reader.demuxer.is_at(path)
    }

    /// Remembers which object of an object store it is, so that it is opened with fewer requests the next time
    /// ([`OpenOptions::known`]); none for anything else.
    pub fn known(&self) -> Option<KnownObject> {
        self.options.known.clone()
    }

    /// Tells whether it can be opened again and read from its beginning: it is a regular file and no playlist, and not standard
    /// input.
    pub fn can_be_read_again(&self) -> bool {
        self.can_be_read_again
    }

    /// Tells whether the file has been changed since it was opened, so that what was read of it may be neither the one nor the
    /// other.
    pub(crate) fn has_changed(&self) -> bool {
        self.reader.demuxer.has_changed()
    }

    /// Opens the same input once more, in the same way.
    ///
    /// # Errors
    /// As [`Source::open_within`].
    pub fn open_again(&self, control: &Control) -> Result<Self> {
        Self::open_within(&self.input, &self.options, control)
    }

    /// Gives what opens the same input once more, in the same way, when this one is gone; none where it can be read only once.
    pub(crate) fn opener(&self) -> Option<impl Fn(&Control) -> Result<Self> + Send + 'static> {
        let (input, options) = (self.input.clone(), self.options.clone());
        self.can_be_read_again.then_some(move |control: &Control| Self::open_within(&input, &options, control))
    }

    /// Leaves out the frames before `pts`, in ticks of [`crate::source::VideoInfo::time_base`] on the output's time line. They
    /// are read, and with them the sound, which comes out of [`Source::next`] as ever, but they are decoded only from the last
    /// key frame on from which decoding can begin. It may be called any number of times, with later and later times.
    ///
    /// The frames from `pts` on are the same as without it, with the same times, where [`crate::source::Scan::can_skip`] says so.
    ///
    /// # Errors
    /// None today; [`Source::next`] tells what goes wrong on the way.
    pub fn skip_to(&mut self, pts: i64) -> Result<()> {
        if self.leave_out(pts)? {
            self.reader.skip_to(self.source_time(pts), true);
        }
        Ok(())
    }

    /// Does as [`Source::skip_to`], by the container's index where it has one, so that what lies between is not read
    /// either.
    ///
    /// # Errors
    /// [`Error::Misuse`] when it was opened with sound; [`Error::BadSource`] when it cannot be sought in; [`Error::Io`];
    /// [`Error::Cancelled`].
    pub fn seek_to(&mut self, pts: i64) -> Result<()> {
        if !self.reader.audio.is_empty() {
            return Err(Error::misuse("a source that is read with its sound cannot be sought in"));
        }
        let before = self.timeline.last().unwrap_or(0);
        if !self.leave_out(pts)? {
            return Ok(());
        }
        let (target, seconds) =
            (self.source_time(pts), |seconds| ticks(Rational { num: seconds, den: 1 }, self.reader.time_base));
        let is_near = pts.saturating_sub(before) <= ticks(Rational { num: NEAR, den: 1 }, self.timeline.output);
        if is_near || !self.reader.demuxer.can_seek_to(self.reader.seconds(target)) {
            self.reader.skip_to(target, true);
            return Ok(());
        }
        self.timeline.restart();
        let steps = STEPS_BACK.map(seconds);
        self.reader.go_to(target, &steps)
    }

    /// Gives out no more frames before `pts`; tells whether any may still come.
    fn leave_out(&mut self, pts: i64) -> Result<bool> {
        self.first = self.first.max(pts);
        self.unfilled = None;
        if self.held.is_some_and(|held| held.pts >= pts) || self.video_over || self.finished {
            return Ok(false);
        }
        self.held = None;
        self.damage_before_skip = Some(self.reader.damage.clone());
        if self.timeline.is_after(pts) {
            self.end_video()?;
            return Ok(false);
        }
        Ok(true)
    }

    /// The source's time, in its ticks, of one of the output.
    fn source_time(&self, pts: i64) -> i64 {
        rescale_down(pts.saturating_add(self.timeline.origin), self.timeline.output, self.timeline.source)
    }

    /// Says in which form it gives its sound.
    pub(crate) fn sound_form(&self) -> SoundForm {
        self.options.sound
    }

    /// Gives the control that ends reading.
    pub(crate) fn control(&self) -> &Control {
        self.reader.demuxer.control()
    }

    /// Describes the audio tracks that come out as [`Event::Audio`], as many as [`SourceInfo::audio_kept`], the default one first;
    /// after [`Event::SoundChanged`] one is another.
    pub fn audio_tracks(&self) -> impl Iterator<Item = &AudioTrack> {
        self.sounds.tracks()
    }

    /// Gives out no sound any more, which is still read for the times of the frames.
    pub(super) fn drop_sound(&mut self) {
        self.sounds = Sounds::new(iter::empty());
    }

    /// Reads on to the next video frame or audio packet.
    ///
    /// # Errors
    /// [`Error::BadSource`] when the source turns out to be encrypted, or changes what its samples mean;
    /// [`Error::Io`] when reading fails.
    #[expect(clippy::should_implement_trait, reason = "it may fail, and its end is an event")]
    pub fn next(&mut self) -> Result<Event> {
        self.unfilled = None;
        loop {
            if let Some(event) = self.sounds.next(self.reader.demuxer.name())? {
                return Ok(event);
            }
            if let Some(place) = self.held.take() {
                self.sameness.check(&self.reader)?;
                self.refuse_late_metadata()?;
                self.reader.damage.retimed_frames += u64::from(place.retimed);
                self.unfilled = Some(place);
                return Ok(Event::Frame { pts: place.pts, duration: place.duration });
            }
            if self.finished {
                self.reader.damage.damaged_audio_packets = self.sounds.damage();
                return Ok(Event::End);
            }
            self.advance()?;
        }
    }

    /// Makes `frame` the one that [`Source::next`] has just told of, or what lies of it in `area` of the upright grid
    /// ([`crate::source::VideoInfo::format`]). Samples outside are not read.
    ///
    /// # Errors
    /// [`Error::Misuse`] when the area is not one of the grid, or when no frame was told of since the last was filled;
    /// [`Error::Libav`].
    pub fn fill(&mut self, area: Area, frame: &mut Frame) -> Result<()> {
        let place = self.unfilled.take().ok_or_else(|| Error::misuse("there is no new frame to be filled"))?;
        if let Ok(metadata) = self.reader.dolby.get() {
            self.ingest.follow(metadata);
        }
        self.ingest.fill(&self.reader.frame, area, frame)?;
        (frame.pts, frame.duration) = (place.pts, place.duration);
        frame.hdr10_plus = hdr10_plus::of_frame(&self.reader.frame);
        Ok(())
    }

    /// Converts the audio packets of before [`Event::SoundChanged`] of a track to what it is now in [`Source::audio_tracks`]. It is
    /// to be called upon that event, with all of them in order; those to be put in their place go to `put`, and those of later
    /// events follow them.
    ///
    /// # Errors
    /// Those of the packets and of `put`; [`Error::Libav`].
    pub fn convert_sound(
        &mut self,
        track: usize,
        packets: impl IntoIterator<Item = Result<Packet>>,
        mut put: impl FnMut(Packet) -> Result<()>,
    ) -> Result<()> {
        packets.into_iter().try_for_each(|packet| self.sounds.replay(track, &packet?, &mut put))
    }

    /// Counts what was wrong with the source so far; complete once [`Event::End`] has come.
    pub fn damage(&self) -> &Damage {
        &self.reader.damage
    }

    /// Refuses a film that turns out to be Dolby Vision of profile 5, after frames that were taken for pictures.
    fn refuse_late_metadata(&self) -> Result<()> {
        let reader = &self.reader;
        let says_nothing = || dolby::is_profile_5(reader.demuxer.stream(reader.video)).is_none();
        if self.ingest.composes() || !reader.dolby.are_of_profile_5() || !says_nothing() {
            return Ok(());
        }
        let at = probe::time_of_frame(reader);
        let why = format!(
            "is Dolby Vision of profile 5, as only its frames from the one {at} on tell; leave out those before with --start, or \
             take another copy"
        );
        Err(reader.demuxer.bad(why))
    }

    /// Reads on until there is something to give out, or nothing more.
    fn advance(&mut self) -> Result<()> {
        match self.reader.step()? {
            ReadEvent::Frame => {
                if self.ingest.composes() && !self.reader.dolby.is_own() {
                    self.reader.note_damage(self.reader.frame_time());
                }
                let place = self.timeline.place(self.reader.frame_time(), self.reader.frame_duration());
                if self.timeline.is_after(place.pts) {
                    self.end_video()?;
                } else if place.pts >= self.first {
                    self.damage_before_skip = None;
                    self.held = Some(place);
                } else if let Some(Damage { damaged_frames, first_at, retimed_frames, .. }) = self.damage_before_skip {
                    // What was damaged in frames that are left out is nobody's business.
                    let damage = &mut self.reader.damage;
                    (damage.damaged_frames, damage.first_at) = (damaged_frames, first_at);
                    damage.retimed_frames = retimed_frames;
                }
            }
            ReadEvent::Audio => {
                self.sounds.take(&self.reader)?;
                if self.video_over && self.audio_is_after() {
                    self.audio_over.insert(self.reader.packet_stream());
                    if self.audio_over.len() == self.reader.audio.len() {
                        self.finish()?;
                    }
                }
            }
            ReadEvent::End => {
                if !self.video_over {
                    self.reader.damage.truncated_at = self.reader.truncated_at();
                }
                self.finish()?;
            }
        }
        self.reader.damage.damaged_audio_packets = self.sounds.damage();
        Ok(())
    }

    /// No more frames are wanted; audio may come later in the file.
    fn end_video(&mut self) -> Result<()> {
        self.video_over = true;
        let Timeline { source, output, origin, end, .. } = self.timeline;
        let end = origin.saturating_add(end.unwrap_or(0)).saturating_add(INTERLEAVING * output.den);
        self.reader.stop_decoding(rescale(end, output, source));
        if self.reader.audio.is_empty() { self.finish() } else { Ok(()) }
    }

    fn finish(&mut self) -> Result<()> {
        self.finished = true;
        self.sounds.finish()?;
        self.reader.damage.sound_lost |= self.sounds.are_lost(self.info.span == Span::default());
        let origin = seconds(self.timeline.origin, self.timeline.output);
        let silent = self.sounds.silent_sides().filter_map(|(kept, (is_right, from))| {
            let KeptAudio { track, right, .. } = *self.info.audio_kept.get(kept)?;
            let track = right.filter(|_| is_right).unwrap_or(track);
            Some(SilentSide { track, from: from.map(|from| from.as_f64() + origin) })
        });
        self.reader.damage.silent_sides = silent.collect();
        Ok(())
    }

    /// Tells whether the reader's audio packet lies after the wanted part.
    fn audio_is_after(&self) -> bool {
        let time = self.reader.packet_time();
        time.is_some_and(|(time, ticks)| {
            self.timeline.is_after(rescale(time, ticks, self.timeline.output).saturating_sub(self.timeline.origin))
        })
    }
}

fn kept_audio(take: &AudioTake, sound: &AudioTrack) -> KeptAudio {
    KeptAudio { track: take.track, right: take.right, stereo: take.stereo, copied: sound.copied }
}

/// Reads up to the next frame; says whether there was one.
fn read_frame(reader: &mut VideoReader, sounds: &mut Sounds) -> Result<bool> {
    loop {
        match reader.step()? {
            ReadEvent::Frame => return Ok(true),
            ReadEvent::Audio => sounds.take(reader)?,
            ReadEvent::End => return Ok(false),
        }
    }
}

/// Reads up to the next key frame; says whether there was one. What a decoder gives before the first may lack what it
/// refers to, and where pictures are made by metadata, decoding begins with those.
fn read_key_frame(reader: &mut VideoReader, sounds: &mut Sounds) -> Result<bool> {
    let needs_metadata = dolby::is_profile_5(reader.demuxer.stream(reader.video)) == Some(true);
    while read_frame(reader, sounds)? {
        if reader.frame_is_key() && (reader.dolby.is_own() || !needs_metadata) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn check_span(span: Span) -> Result<()> {
    if let Some(start) = span.start.filter(|start| start.num < 0) {
        return Err(Error::invalid("start", format!("{start} s"), "lies before the source; give 0 or more"));
    }
    if let Some(duration) = span.duration.filter(|duration| duration.num <= 0) {
        return Err(Error::invalid("duration", format!("{duration} s"), "leaves nothing to convert; give more than 0"));
    }
    Ok(())
}

/// Where the source begins, in output ticks: the earlier of its first frame and its audio, so that neither begins
/// before zero and the video keeps its exact time stamps.
fn start_of(reader: &VideoReader, timeline: &Timeline) -> i64 {
    let video = reader.frame_time().map(|time| rescale(time, timeline.source, timeline.output));
    let audio = reader.audio_starts().map(|(time, ticks)| rescale_down(time, ticks, timeline.output));
    video.into_iter().chain(audio).min().unwrap_or(0)
}

/// Reads on to what the first audio packet says, where that holds for those after it.
fn read_description(reader: &mut VideoReader, sounds: &mut Sounds) -> Result<()> {
    for _ in 0..DESCRIPTION_WITHIN {
        if !sounds.lack_description(reader) {
            break;
        }
        match reader.step()? {
            ReadEvent::Frame => {}
            ReadEvent::Audio => sounds.take(reader)?,
            ReadEvent::End => break,
        }
    }
    Ok(())
}

/// Begins to take the sound from where the output begins, unless that was done already.
fn open_sound(reader: &VideoReader, timeline: &Timeline, sounds: &mut Sounds) -> Result<()> {
    let seconds = |ticks| Rational::new(ticks, timeline.output.den);
    sounds.open(reader, seconds(timeline.origin), timeline.end.map(seconds))
}

/// Moves the reader so that its frame is at or before the timeline's origin, where that is after its first frame.
fn go_to(reader: &mut VideoReader, timeline: &Timeline, sounds: &mut Sounds) -> Result<()> {
    let target = rescale_down(timeline.origin, timeline.output, timeline.source);
    let seconds = |seconds| ticks(Rational { num: seconds, den: 1 }, timeline.source);
    let far = |first: &i64| target.saturating_sub(*first) > seconds(NEAR);
    let Some(first) = reader.frame_time().filter(far) else { return Ok(()) };
    if !reader.demuxer.can_seek_to(reader.seconds(target)) {
        // What comes before the beginning need not wait until that is reached.
        open_sound(reader, timeline, sounds)?;
        reader.skip_to(target, false);
        let found = read_frame(reader, sounds)?;
        return if found { Ok(()) } else { Err(ends_before(reader, reader.seconds(first))) };
    }
    read_description(reader, sounds)?;
    for back in STEPS_BACK {
        let aim = target.saturating_sub(seconds(back));
        if aim <= first {
            break;
        }
        if !reader.seek(aim)? {
            continue;
        }
        sounds.forget();
        if read_key_frame(reader, sounds)? && reader.frame_time().is_some_and(|time| time <= target) {
            return Ok(());
        }
    }
    sounds.forget();
    if !reader.seek(first)? || !read_frame(reader, sounds)? {
        return Err(reader.demuxer.bad("cannot be sought in, so that its beginning cannot be skipped"));
    }
    Ok(())
}

/// Reads up to the first frame that is wanted, not before the origin where the output `starts_later` than the source, and gives
/// its place.
fn first_wanted(
    reader: &mut VideoReader,
    timeline: &mut Timeline,
    starts_later: bool,
    sounds: &mut Sounds,
) -> Result<TimelinePlace> {
    loop {
        let place = timeline.place(reader.frame_time(), reader.frame_duration());
        if !starts_later || place.pts >= 0 {
            if timeline.is_after(place.pts) {
                let why = format!("{}: has no frame in the part asked for", reader.demuxer.name());
                return Err(Error::not_in_source(why));
            }
            return Ok(place);
        }
        // What was damaged before the wanted part is nobody's business.
        reader.damage = Damage::default();
        if !read_frame(reader, sounds)? {
            let end = place.pts.saturating_add(place.duration).saturating_add(timeline.origin);
            return Err(ends_before(reader, seconds(end, timeline.output)));
        }
    }
}

fn ends_before(reader: &VideoReader, end: f64) -> Error {
    Error::not_in_source(format!("{}: ends at {end:.3} s, before the start asked for", reader.demuxer.name()))
}
