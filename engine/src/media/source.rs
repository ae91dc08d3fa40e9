//! The source as the rest of the engine sees it: information, then frames and audio packets in order.

use super::changes::Sameness;
use super::demux::Demuxer;
use super::ffi::seconds;
use super::ingest::Ingest;
use super::passed_over;
use super::probe::{self, Picture};
use super::reader::{Reader, Step};
use super::sound::Sound;
use super::timeline::{Place, Timeline, rescale, rescale_down, ticks};
use super::{AudioTrack, Event};
use crate::control::Control;
use crate::error::{Error, Result};
use crate::frame::{Area, Frame};
use crate::geometry::Rational;
use crate::packet::Packet;
use crate::source::{AudioChoice, Damage, Input, OpenOptions, SourceInfo, Span};
use std::path::Path;

/// A start that lies no farther than this many seconds from the first frame is decoded up to: seeking could save little,
/// and what some containers say about their very beginning is lost on the way back to it.
const NEAR: i64 = 5;

/// How far before the wanted time to seek, in seconds, one after the other until a key frame before it is found.
const STEPS_BACK: [i64; 4] = [0, 2, 10, 60];

/// Frames among which the first audio packet is looked for before seeking.
const DESCRIPTION_WITHIN: usize = 250;

/// Video packets this many seconds after the end mean that no audio before the end will come.
const INTERLEAVING: i64 = 10;

/// An opened source, positioned before its first wanted frame.
#[derive(Debug)]
pub struct Source {
    info: SourceInfo,
    reader: Reader,
    sameness: Sameness,
    ingest: Ingest,
    timeline: Timeline,
    sound: Sound,
    /// Place of the reader's frame, when it is yet to be given out.
    held: Option<Place>,
    /// Place of the reader's frame, when it was told of and may be filled.
    unfilled: Option<Place>,
    /// Whether all wanted frames were given out.
    video_over: bool,
    /// Whether nothing more will be read.
    finished: bool,
}

impl Source {
    /// Opens `input`, and decodes up to the first wanted frame to learn what it truly is.
    ///
    /// # Errors
    /// [`Error::SourceMissing`]; [`Error::Io`] when it cannot be read; [`Error::BadSource`] when it is not a video
    /// that Upright converts; [`Error::NotInSource`] for an audio track or a part of the source that is not there;
    /// [`Error::Options`] for a part that no source can have.
    pub fn open(input: &Input, options: &OpenOptions) -> Result<Self> {
        Self::open_within(input, options, &Control::default())
    }

    /// As [`Source::open`], for work that may be ended: an input that stalls is then no longer waited for, now or later.
    ///
    /// # Errors
    /// As [`Source::open`]; [`Error::Cancelled`] once the work has ended, of [`Source::next`] too.
    pub fn open_within(input: &Input, options: &OpenOptions, control: &Control) -> Result<Self> {
        check_span(options.span)?;
        let demuxer = Demuxer::open(input, &options.protocols, control.part())?;
        let fingerprint = demuxer.fingerprint()?;
        let mut assumptions = Vec::new();
        let video = probe::choose_video(&demuxer, options.video, &mut assumptions)?;
        probe::refuse_interlaced_stream(&demuxer, video)?;
        let audio = probe::audio_tracks(&demuxer);
        let sides = probe::choose_audio(&demuxer, video, &audio, options.audio, &mut assumptions)?;
        let streams = sides.map(|side| side.map(|track| audio[track].stream));
        let kept: Vec<_> = [Some(video)].into_iter().chain(streams).flatten().collect();
        let passed_over = passed_over::streams(&demuxer, &kept);
        let mut reader = Reader::new(demuxer, video, streams, options.threads)?;

        let mut sound = Sound::default();
        if !read_frame(&mut reader, &mut sound)? {
            return Err(reader.demuxer.barren("has a video stream, but not one frame of it can be decoded"));
        }
        let of_streams = assumptions.len();
        let mut picture = Picture::of(&reader, None, &mut assumptions)?;
        let mut timeline = Timeline::new(reader.time_base, picture.info.time_base, picture.info.frame_rate);
        timeline.origin = start_of(&reader, &timeline);
        timeline.end = options.span.duration.map(|duration| ticks(duration, timeline.output));
        if let Some(start) = options.span.start {
            timeline.origin = timeline.origin.saturating_add(ticks(start, timeline.output));
            go_to(&mut reader, &timeline, &mut sound)?;
        }
        open_sound(&reader, &timeline, &mut sound)?;
        let held = first_wanted(&mut reader, &mut timeline, options.span, &mut sound)?;
        // Of all its tracks none can be decoded.
        reader.damage.sound_lost = options.audio == AudioChoice::Best && !audio.is_empty() && reader.audio.is_none();
        if options.span.start.is_some() {
            // What is wanted need not look like the beginning.
            assumptions.truncate(of_streams);
            picture = Picture::of(&reader, Some(&picture), &mut assumptions)?;
        }
        reader.damage.missing_bytes = reader.demuxer.missing_bytes();
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
            video,
            audio,
            audio_kept: sides[0],
            audio_right: sides[1],
            audio_copied: sound.track().is_some_and(|track| track.copied),
            assumptions,
            passed_over,
        };
        Ok(Self {
            info,
            reader,
            sameness,
            ingest,
            timeline,
            sound,
            held: Some(held),
            unfilled: None,
            video_over: false,
            finished: false,
        })
    }

    /// What it is.
    pub fn info(&self) -> &SourceInfo {
        &self.info
    }

    /// Whether it is the file at `path`, through whatever links. What a playlist names does not count.
    pub fn is_at(&self, path: &Path) -> bool {
        self.reader.demuxer.is_at(path)
    }

    /// Ends reading.
    pub(crate) fn control(&self) -> &Control {
        self.reader.demuxer.control()
    }

    /// The audio track that comes out as [`Event::Audio`]; after [`Event::SoundChanged`] it is another.
    pub fn audio_track(&self) -> Option<&AudioTrack> {
        self.sound.track()
    }

    /// Reads on to the next video frame or audio packet.
    ///
    /// # Errors
    /// [`Error::BadSource`] when the source turns out to be interlaced or encrypted, or changes what its samples mean;
    /// [`Error::Io`] when reading fails.
    #[expect(clippy::should_implement_trait, reason = "it may fail, and its end is an event")]
    pub fn next(&mut self) -> Result<Event> {
        self.unfilled = None;
        loop {
            if let Some(event) = self.sound.next(self.reader.demuxer.name())? {
                return Ok(event);
            }
            if let Some(place) = self.held.take() {
                self.sameness.check(&self.reader)?;
                self.reader.damage.retimed_frames += u64::from(place.retimed);
                self.unfilled = Some(place);
                return Ok(Event::Frame { pts: place.pts, duration: place.duration });
            }
            if self.finished {
                self.reader.damage.damaged_audio_packets = self.sound.damage();
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
        self.ingest.fill(&self.reader.frame, area, frame)?;
        (frame.pts, frame.duration) = (place.pts, place.duration);
        Ok(())
    }

    /// Converts the audio packets of before [`Event::SoundChanged`] to what [`Source::audio_track`] is now. It is to be
    /// called upon that event, with all of them in order; those to be put in their place go to `put`, and those of later
    /// events follow them.
    ///
    /// # Errors
    /// Those of the packets and of `put`; [`Error::Libav`].
    pub fn convert_sound(
        &mut self,
        packets: impl IntoIterator<Item = Result<Packet>>,
        mut put: impl FnMut(Packet) -> Result<()>,
    ) -> Result<()> {
        packets.into_iter().try_for_each(|packet| self.sound.replay(&packet?, &mut put))
    }

    /// What was wrong with the source so far.
    pub fn damage(&self) -> &Damage {
        &self.reader.damage
    }

    /// Reads on until there is something to give out, or nothing more.
    fn advance(&mut self) -> Result<()> {
        match self.reader.step()? {
            Step::Frame => {
                let place = self.timeline.place(self.reader.frame_time(), self.reader.frame_duration());
                if self.timeline.is_after(place.pts) {
                    self.end_video()?;
                } else {
                    self.held = Some(place);
                }
            }
            Step::Audio => {
                self.sound.take(&mut self.reader)?;
                if self.video_over && self.audio_is_after() {
                    self.finish()?;
                }
            }
            Step::End => {
                if !self.video_over {
                    self.reader.damage.truncated_at = self.reader.truncated_at();
                }
                self.finish()?;
            }
        }
        self.reader.damage.damaged_audio_packets = self.sound.damage();
        Ok(())
    }

    /// No more frames are wanted; audio may come later in the file.
    fn end_video(&mut self) -> Result<()> {
        self.video_over = true;
        let Timeline { source, output, origin, end, .. } = self.timeline;
        let end = origin.saturating_add(end.unwrap_or(0)).saturating_add(INTERLEAVING * output.den);
        self.reader.stop_decoding(rescale(end, output, source));
        if self.reader.audio.is_none() { self.finish() } else { Ok(()) }
    }

    fn finish(&mut self) -> Result<()> {
        self.finished = true;
        self.sound.finish()?;
        self.reader.damage.sound_lost |= self.sound.is_lost(self.info.span == Span::default());
        Ok(())
    }

    /// Whether the reader's audio packet lies after what is wanted.
    fn audio_is_after(&self) -> bool {
        let time = self.reader.packet_time();
        time.is_some_and(|(time, ticks)| {
            self.timeline.is_after(rescale(time, ticks, self.timeline.output).saturating_sub(self.timeline.origin))
        })
    }
}

/// Reads up to the next frame; says whether there was one.
fn read_frame(reader: &mut Reader, sound: &mut Sound) -> Result<bool> {
    loop {
        match reader.step()? {
            Step::Frame => return Ok(true),
            Step::Audio => sound.take(reader)?,
            Step::End => return Ok(false),
        }
    }
}

/// Reads up to the next key frame; says whether there was one. What a decoder gives before the first may lack what it
/// refers to.
fn read_key_frame(reader: &mut Reader, sound: &mut Sound) -> Result<bool> {
    while read_frame(reader, sound)? {
        if reader.frame_is_key() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn check_span(span: Span) -> Result<()> {
    if let Some(start) = span.start.filter(|start| start.num < 0) {
        return Err(Error::options(format!("a start of {start} s lies before the source")));
    }
    if let Some(duration) = span.duration.filter(|duration| duration.num <= 0) {
        return Err(Error::options(format!("a duration of {duration} s leaves nothing to convert")));
    }
    Ok(())
}

/// Where the source begins, in output ticks: the earlier of its first frame and its audio, so that neither begins
/// before zero and the video keeps its exact time stamps.
fn start_of(reader: &Reader, timeline: &Timeline) -> i64 {
    let video = reader.frame_time().map(|time| rescale(time, timeline.source, timeline.output));
    let audio = reader.audio_start().map(|(time, ticks)| rescale_down(time, ticks, timeline.output));
    video.into_iter().chain(audio).min().unwrap_or(0)
}

/// Reads on to what the first audio packet says, where that holds for those after it.
fn read_description(reader: &mut Reader, sound: &mut Sound) -> Result<()> {
    for _ in 0..DESCRIPTION_WITHIN {
        if !sound.lacks_description(reader) {
            break;
        }
        match reader.step()? {
            Step::Frame => {}
            Step::Audio => sound.take(reader)?,
            Step::End => break,
        }
    }
    Ok(())
}

/// Begins to take the sound from where the output begins, unless that was done already.
fn open_sound(reader: &Reader, timeline: &Timeline, sound: &mut Sound) -> Result<()> {
    let seconds = |ticks| Rational::new(ticks, timeline.output.den);
    sound.open(reader, seconds(timeline.origin), timeline.end.map(seconds))
}

/// Moves the reader so that its frame is at or before the timeline's origin, where that is after its first frame.
fn go_to(reader: &mut Reader, timeline: &Timeline, sound: &mut Sound) -> Result<()> {
    let target = rescale_down(timeline.origin, timeline.output, timeline.source);
    let seconds = |seconds| ticks(Rational { num: seconds, den: 1 }, timeline.source);
    let far = |first: &i64| target.saturating_sub(*first) > seconds(NEAR);
    let Some(first) = reader.frame_time().filter(far) else { return Ok(()) };
    if !reader.demuxer.can_seek_to(reader.seconds(target)) {
        // What comes before the beginning need not wait until that is reached.
        open_sound(reader, timeline, sound)?;
        reader.skip_to(target);
        let found = read_frame(reader, sound)?;
        return if found { Ok(()) } else { Err(ends_before(reader, reader.seconds(first))) };
    }
    read_description(reader, sound)?;
    for back in STEPS_BACK {
        let aim = target.saturating_sub(seconds(back));
        if aim <= first {
            break;
        }
        if !reader.seek(aim)? {
            continue;
        }
        sound.forget();
        if read_key_frame(reader, sound)? && reader.frame_time().is_some_and(|time| time <= target) {
            return Ok(());
        }
    }
    sound.forget();
    if !reader.seek(first)? || !read_frame(reader, sound)? {
        return Err(reader.demuxer.bad("cannot be sought in, so that its beginning cannot be skipped"));
    }
    Ok(())
}

/// Reads up to the first frame that is wanted, and gives its place.
fn first_wanted(reader: &mut Reader, timeline: &mut Timeline, span: Span, sound: &mut Sound) -> Result<Place> {
    loop {
        let place = timeline.place(reader.frame_time(), reader.frame_duration());
        if span.start.is_none() || place.pts >= 0 {
            if timeline.is_after(place.pts) {
                let why = format!("{}: has no frame in the part asked for", reader.demuxer.name());
                return Err(Error::not_in_source(why));
            }
            return Ok(place);
        }
        // What was damaged before the wanted part is nobody's business.
        reader.damage = Damage::default();
        if !read_frame(reader, sound)? {
            let end = place.pts.saturating_add(place.duration).saturating_add(timeline.origin);
            return Err(ends_before(reader, seconds(end, timeline.output)));
        }
    }
}

fn ends_before(reader: &Reader, end: f64) -> Error {
    Error::not_in_source(format!("{}: ends at {end:.3} s, before the start asked for", reader.demuxer.name()))
}
