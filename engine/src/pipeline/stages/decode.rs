//! Decoding: the frames that are wanted, each to a lane, and the sound, to a spool.

use super::super::around::{FramesAround, SourceFrame};
use super::super::factory::StageFactory;
use super::super::graph::{Stage, StageQueues};
use super::super::loudness::SoundToLevel;
use super::super::messages::{DecodedFrame, EncodedEvent, SegmentEvent, SegmentInWork, lost};
use super::super::pool::Pool;
use super::super::queue::{Receiver, Sender};
use super::super::spool::{Spool, SpoolWriter};
use super::super::summary::{SourceSummary, SpooledAudio};
use super::damage::{self, refusal};
use crate::control::Control;
use crate::error::{Error, Remedy, Result};
use crate::frame::{Area, FieldOrder, Frame, HeldFrame};
use crate::geometry::Rational;
use crate::media::{AudioTrack, Event, Source};
use crate::picture::{Graph, MadePicture, Request, View};
use crate::plan::{FramePlace, Plan, Segment, Segmenter};
use crate::source::Damage;
use crate::store::StoredSegment;
use crate::time::Time;
use crate::timestamps::TimestampDigest;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// Where frames and sound come from: a [`Source`], but for tests.
pub(crate) trait FrameSource: Send {
    /// See [`Source::next`].
    fn next(&mut self) -> Result<Event>;
    /// See [`Source::fill`].
    fn fill(&mut self, area: Area, frame: &mut Frame) -> Result<()>;
    /// See [`Source::skip_to`].
    fn skip_to(&mut self, pts: i64) -> Result<()>;
    /// See [`Source::seek_to`].
    fn seek_to(&mut self, pts: i64) -> Result<()>;
    /// See [`Source::has_changed`].
    fn has_changed(&self) -> bool;
    /// See [`Source::damage`].
    fn damage(&self) -> &Damage;
    /// See [`Source::audio_tracks`].
    fn audio_tracks(&self) -> Vec<AudioTrack>;
    /// See [`Source::convert_sound`].
    fn convert_sound(&mut self, track: usize, packets: &Spool, into: &mut SpoolWriter) -> Result<()>;
}

impl FrameSource for Source {
    fn next(&mut self) -> Result<Event> {
        Self::next(self)
    }

    fn fill(&mut self, area: Area, frame: &mut Frame) -> Result<()> {
        Self::fill(self, area, frame)
    }

    fn skip_to(&mut self, pts: i64) -> Result<()> {
        Self::skip_to(self, pts)
    }

    fn seek_to(&mut self, pts: i64) -> Result<()> {
        Self::seek_to(self, pts)
    }

    fn has_changed(&self) -> bool {
        Self::has_changed(self)
    }

    fn damage(&self) -> &Damage {
        Self::damage(self)
    }

    fn audio_tracks(&self) -> Vec<AudioTrack> {
        Self::audio_tracks(self).cloned().collect()
    }

    fn convert_sound(&mut self, track: usize, packets: &Spool, into: &mut SpoolWriter) -> Result<()> {
        Self::convert_sound(self, track, packets.packets(), |packet| into.append(&packet))
    }
}

/// Which segments of a plan are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Selection<'a> {
    /// All of them, and the sound.
    All,
    /// This one alone.
    Only(usize),
    /// Those of which this is true, without the sound.
    These(&'a [bool]),
}

impl Selection<'_> {
    /// Gives the segment that comes first, unless it was encoded earlier.
    pub(crate) fn first(self) -> usize {
        match self {
            Self::All => 0,
            Self::Only(number) => number,
            Self::These(wanted) => wanted.iter().position(|&wanted| wanted).unwrap_or(0),
        }
    }

    /// Tells whether a segment is among them.
    fn has(self, number: usize) -> bool {
        match self {
            Self::All => true,
            Self::Only(only) => number == only,
            Self::These(wanted) => wanted.get(number).copied().unwrap_or(false),
        }
    }
}

/// Decodes frames, decides which of them are key frames, puts the sound aside, and gives each segment to a lane that has
/// nothing to do. Segments that were encoded earlier go straight to the muxes.
pub(crate) struct Decode<'a, F, W> {
    pub(crate) job: &'a Control,
    pub(crate) factory: &'a W,
    pub(crate) plan: &'a Plan,
    pub(crate) selection: Selection<'a>,
    /// Whether frames may be passed over without decoding what comes before them.
    pub(crate) can_skip: bool,
    pub(crate) source: F,
    /// What to call it in errors.
    pub(crate) name: &'a str,
    /// Fail at the first damage.
    pub(crate) strict: bool,
    pub(crate) pool: Pool<Frame>,
    pub(crate) tickets: Pool<()>,
    /// Numbers of lanes that wait for a segment.
    pub(crate) idle: Receiver<usize>,
    pub(crate) lanes: Vec<Sender<SegmentEvent<DecodedFrame>>>,
    /// One for each rung.
    pub(crate) muxes: Vec<Sender<EncodedEvent>>,
    /// Where what is known at the end is left before the lanes' input ends.
    pub(crate) summary: &'a OnceLock<SourceSummary>,
    /// How many tracks of sound are wanted.
    pub(crate) audio_tracks: usize,
    /// Directory on whose disk packets of sound wait.
    pub(crate) folder: &'a Path,
    /// One for each track, once it is ready.
    pub(crate) audio: Vec<SpoolWriter>,
}

impl<F: FrameSource, W: StageFactory> Stage for Decode<'_, F, W> {
    fn name(&self) -> String {
        "decode".to_owned()
    }

    fn queues(&self) -> StageQueues {
        StageQueues {
            input: None,
            outputs: self.lanes.iter().map(|lane| lane.handle()).collect(),
            pools: vec![self.pool.handle(), self.tickets.handle(), self.idle.handle()],
        }
    }

    fn prepare(&mut self) -> Result<()> {
        self.audio = (0..self.audio_tracks).map(|_| SpoolWriter::create(self.folder)).collect::<Result<_>>()?;
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        let mut film = FilmSoFar::new(self.plan);
        match self.selection {
            Selection::All | Selection::These(_) => self.reuse_from(0, &mut film)?,
            Selection::Only(number) => self.go_to(number, &mut film)?,
        }
        loop {
            self.job.check()?;
            film.damage_before_event = self.source.damage().clone();
            let event = self.source.next()?;
            self.refuse_damage(self.source.damage())?;
            match event {
                Event::Frame { pts, duration } => {
                    let more = match film.around {
                        Some(_) => self.take_frame_with_others(pts, duration, &mut film)?,
                        None => self.take_frame(pts, duration, &mut film)?,
                    };
                    if !more {
                        break;
                    }
                }
                Event::Audio { track, packet } => {
                    self.audio.get_mut(track).map_or(Ok(()), |spool| spool.append(&packet))?;
                }
                Event::SoundChanged { track } => {
                    if let Some(spool) = self.audio.get_mut(track) {
                        let converted = spool.another()?;
                        let copied = std::mem::replace(spool, converted).seal()?;
                        self.source.convert_sound(track, &copied, spool)?;
                    }
                }
                Event::End => {
                    self.make_pictures(true, &mut film)?;
                    break;
                }
            }
        }
        film.warn_of_fields(self.name);
        let until = self.source.damage().clone();
        self.end_segment(&until, &mut film)?;
        self.summarise(film)
    }
}

/// What has come of the film so far.
struct FilmSoFar {
    segmenter: Segmenter,
    graph: Graph,
    /// There where pictures are made with the help of other frames.
    around: Option<FramesAround>,
    /// Frames that say that they are interlaced, and are taken as they are.
    left_interlaced: u64,
    /// The segment whose frames come, and its lane; none between segments, and while frames come that are not wanted.
    segment: Option<(SegmentInWork, usize)>,
    /// Segments of the plan before this one are not decoded: they were encoded earlier, or are not wanted.
    done: usize,
    /// Of segments that had a frame.
    segments: u64,
    reused: u64,
    frames: TimestampDigest,
    last_duration: i64,
    /// What was wrong with the pictures of all segments, those included that were encoded earlier.
    damage_of_segments: Damage,
    /// What had been wrong with the source when the segment began: nothing, where the film begins.
    damage_before: Damage,
    /// And what before the last event.
    damage_before_event: Damage,
}

impl FilmSoFar {
    fn new(plan: &Plan) -> Self {
        Self {
            segmenter: plan.segmenter(),
            graph: plan.graph(),
            around: FramesAround::of(plan),
            left_interlaced: 0,
            segment: None,
            done: 0,
            segments: 0,
            reused: 0,
            frames: TimestampDigest::default(),
            last_duration: 0,
            damage_of_segments: Damage::default(),
            damage_before: Damage::default(),
            damage_before_event: Damage::default(),
        }
    }
}

impl FilmSoFar {
    /// Says that frames called themselves interlaced, though the film as a whole did not.
    fn warn_of_fields(&self, name: &str) {
        if self.left_interlaced > 0 {
            let count = self.left_interlaced;
            log::warn!(
                "{name}: {count} frames say that they are interlaced, and were taken as they are: a plan with --crop auto or \
                 --deinterlace ivtc looks at all of them"
            );
        }
    }
}

impl<F: FrameSource, W: StageFactory> Decode<'_, F, W> {
    /// Takes the frame that the source has, if it is wanted; says whether any more are.
    fn take_frame(&mut self, pts: i64, duration: i64, film: &mut FilmSoFar) -> Result<bool> {
        let segments = self.plan.segments();
        if segments
            .and_then(|list| list.get(film.done))
            .is_some_and(|first| film.done > 0 && self.is_before(pts, first))
        {
            return Ok(true);
        }
        let FramePlace { begins, number, key } = film.segmenter.next(pts);
        if let Some((index, _)) = begins {
            let until = film.damage_before_event.clone();
            self.end_segment(&until, film)?;
            match self.selection {
                Selection::Only(wanted) if index != wanted => return Ok(false),
                Selection::Only(_) => {}
                Selection::All | Selection::These(_) => {
                    self.reuse_from(index, film)?;
                    if film.done > index {
                        return Ok(self.has_more(film));
                    }
                }
            }
            film.segment = Some(self.begin(index, film)?);
        }
        let Some((_, lane)) = film.segment else { return Ok(true) };
        self.refuse_gap(film.frames.ends().map(|(_, last)| last), pts)?;
        let Some(layers) = self.plan.layers(pts) else {
            return Err(Error::misuse(format!("the plan has no crop window for frame {number}")));
        };
        let area = film.graph.area(layers);
        let frame = self.fill(area, film)?;
        film.frames.push(pts, key);
        film.last_duration = duration;
        let request = View { layers, area, frame: number }.into();
        let keys = Vec::from_iter(key.then_some(number));
        self.pass_on(lane, SegmentEvent::Frame(DecodedFrame { frame, request, keys })).map(|()| true)
    }

    /// Takes this part of the frame that the source has.
    fn fill(&mut self, area: Area, film: &mut FilmSoFar) -> Result<HeldFrame> {
        let mut frame = self.pool.take().ok_or(Error::Cancelled)?;
        self.source.fill(area, &mut frame)?;
        let is_left = frame.fields != FieldOrder::Progressive && self.plan.wanted.fields.is_empty();
        film.left_interlaced += u64::from(is_left);
        Ok(HeldFrame::new(frame))
    }

    /// Takes the frame that the source has, and makes the pictures of one before, if they are wanted; says whether any more are.
    fn take_frame_with_others(&mut self, pts: i64, duration: i64, film: &mut FilmSoFar) -> Result<bool> {
        let list = self.plan.segments();
        let first = list.and_then(|list| list.get(film.done)).filter(|_| film.done > 0);
        if first.is_some_and(|first| pts < self.first_source_tick(first, film)) {
            return Ok(true);
        }
        let frame = self.fill(Area::whole(self.plan.found.video.format), film)?;
        film.around.iter_mut().for_each(|around| around.push(SourceFrame { frame: frame.clone(), pts, duration }));
        self.make_pictures(false, film)
    }

    /// Makes the pictures of all frames of which enough is there, or, at the `end`, of those that are left; says whether any more are
    /// wanted.
    fn make_pictures(&mut self, end: bool, film: &mut FilmSoFar) -> Result<bool> {
        while let Some(own) = film.around.as_ref().and_then(|around| around.own(end)) {
            if !self.make_pictures_of(&own, film)? {
                return Ok(false);
            }
            film.around.iter_mut().for_each(FramesAround::advance);
        }
        Ok(true)
    }

    fn make_pictures_of(&mut self, own: &SourceFrame, film: &mut FilmSoFar) -> Result<bool> {
        let pictures = film.around.as_mut().map(|around| around.pictures_of(own)).unwrap_or_default();
        // What the lane at work makes of the frame: those of other segments are hidden in it.
        let mut made: Vec<_> = pictures.iter().map(|picture| MadePicture::Hidden(picture.fields)).collect();
        let mut keys = Vec::new();
        for (at, picture) in pictures.iter().enumerate() {
            let pts = picture.pts;
            let list = self.plan.segments();
            let first = list.and_then(|list| list.get(film.done)).filter(|_| film.done > 0);
            if first.is_some_and(|first| Time::of_ticks(pts, self.plan.time_base()) < first.start) {
                continue;
            }
            let FramePlace { begins, number, key } = film.segmenter.next(pts);
            if let Some((index, _)) = begins {
                if let Some((_, lane)) = film.segment {
                    // What it ends with looks at the next pictures too.
                    let has_own = made.iter().any(|picture| picture.shown().is_some());
                    if has_own {
                        self.hand_over(lane, own, &made, std::mem::take(&mut keys))?;
                    }
                    let hidden = if has_own { pictures.len() - at } else { 0 };
                    let after = film.around.as_ref().map(|around| around.after(!has_own, hidden));
                    after
                        .iter()
                        .flatten()
                        .try_for_each(|(frame, made)| self.hand_over(lane, frame, made, Vec::new()))?;
                    made.iter_mut().for_each(|picture| *picture = picture.hidden());
                }
                let until = film.damage_before_event.clone();
                self.end_segment(&until, film)?;
                match self.selection {
                    Selection::Only(wanted) if index != wanted => return Ok(false),
                    Selection::Only(_) => {}
                    Selection::All | Selection::These(_) => {
                        self.reuse_from(index, film)?;
                        if film.done > index && !self.has_more(film) {
                            return Ok(false);
                        }
                        if film.done > index {
                            continue;
                        }
                    }
                }
                let (segment, lane) = self.begin(index, film)?;
                film.segment = Some((segment, lane));
                let before = film.around.as_ref().map(|around| around.before(at));
                before.iter().flatten().try_for_each(|(frame, made)| self.hand_over(lane, frame, made, Vec::new()))?;
            }
            if film.segment.is_none() {
                continue;
            }
            self.refuse_gap(film.frames.ends().map(|(_, last)| last), pts)?;
            let Some(layers) = self.plan.layers(pts) else {
                return Err(Error::misuse(format!("the plan has no crop window for picture {number}")));
            };
            film.frames.push(pts, key);
            film.last_duration = picture.duration;
            keys.extend(key.then_some(number));
            made[at] = picture.shown(layers, number);
        }
        if let Some((_, lane)) = film.segment {
            self.hand_over(lane, own, &made, keys)?;
        }
        Ok(true)
    }

    /// Hands a lane a frame, all of it, with what is made of it; the pictures of these numbers become key frames.
    fn hand_over(&self, lane: usize, source: &SourceFrame, made: &[MadePicture], keys: Vec<u64>) -> Result<()> {
        let request = Request::with_hidden(Area::whole(self.plan.found.video.format), made);
        let request = request.ok_or_else(|| Error::misuse("more pictures of a frame than fields"))?;
        self.pass_on(lane, SegmentEvent::Frame(DecodedFrame { frame: source.frame.clone(), request, keys }))
    }

    /// The first tick of the source whose frame is needed for a segment.
    fn first_source_tick(&self, segment: &Segment, film: &FilmSoFar) -> i64 {
        match &film.around {
            Some(around) => segment.start.ticks(self.plan.found.video.time_base).saturating_sub(around.lead()),
            None => self.first_tick(segment),
        }
    }

    fn is_before(&self, pts: i64, segment: &Segment) -> bool {
        pts < self.first_tick(segment)
    }

    /// The first tick at or after the beginning of a segment.
    fn first_tick(&self, segment: &Segment) -> i64 {
        let ticks = segment.start.ticks(self.plan.time_base());
        let exact = Time::of_ticks(ticks, self.plan.time_base()) >= segment.start;
        if exact { ticks } else { ticks.saturating_add(1) }
    }

    /// Hands on the segments from `number` that were encoded earlier, up to the first that is wanted and was not, and has the frames
    /// before it passed over.
    fn reuse_from(&mut self, number: usize, film: &mut FilmSoFar) -> Result<()> {
        let Some(list) = self.plan.segments() else { return Ok(()) };
        let mut next = number;
        while next < list.len() {
            if self.selection.has(next) {
                let Some(stored) = self.stored(next)? else { break };
                self.reuse(next, stored, film)?;
            }
            next += 1;
        }
        if next == number {
            return Ok(());
        }
        film.done = next;
        film.segmenter.skip_to(next);
        let first_wanted = list.get(next).map_or(i64::MAX, |segment| self.first_source_tick(segment, film));
        if self.can_skip || first_wanted == i64::MAX { self.source.skip_to(first_wanted) } else { Ok(()) }
    }

    /// Tells whether anything of the source is wanted after the segments that are done.
    fn has_more(&self, film: &FilmSoFar) -> bool {
        matches!(self.selection, Selection::All) || self.plan.segments().is_none_or(|list| film.done < list.len())
    }

    fn stored(&self, number: usize) -> Result<Option<Vec<StoredSegment>>> {
        let Some(store) = self.factory.store() else { return Ok(None) };
        store.segment(number, self.muxes.len())
    }

    /// Hands a segment on that was encoded earlier.
    fn reuse(&self, number: usize, stored: Vec<StoredSegment>, film: &mut FilmSoFar) -> Result<()> {
        let in_work = self.in_work(number, film)?;
        if let Some(first) = stored.first() {
            damage::add(&mut film.damage_of_segments, first.damage());
            self.refuse_damage(first.damage())?;
            for packet in first.packets()? {
                let packet = packet?;
                self.refuse_gap(film.frames.ends().map(|(_, last)| last), packet.pts)?;
                film.frames.push(packet.pts, packet.key);
                film.last_duration = packet.duration;
            }
        }
        film.reused += 1;
        self.muxes.iter().zip(stored).try_for_each(|(mux, stored)| {
            mux.push(EncodedEvent::Stored(in_work.clone(), stored)).map_err(|_| lost("mux"))
        })
    }

    /// Goes to the beginning of the one segment that is wanted.
    fn go_to(&mut self, number: usize, film: &mut FilmSoFar) -> Result<()> {
        let missing = || Error::misuse(format!("the plan has no segment {number}"));
        let segment = *self.plan.segments().and_then(|list| list.get(number)).ok_or_else(missing)?;
        film.done = number;
        film.segmenter.skip_to(number);
        let target = self.first_source_tick(&segment, film);
        if number > 0 && self.can_skip { self.source.seek_to(target) } else { Ok(()) }
    }

    /// Begins a segment in a lane that has nothing to do, and says which.
    fn begin(&self, number: usize, film: &mut FilmSoFar) -> Result<(SegmentInWork, usize)> {
        let in_work = self.in_work(number, film)?;
        let lane = self.idle.pop().ok_or_else(|| lost("scale"))?;
        if number > 0 {
            film.damage_before = film.damage_before_event.clone();
        }
        self.pass_on(lane, SegmentEvent::Begin(in_work.clone()))?;
        Ok((in_work, lane))
    }

    fn in_work(&self, number: usize, film: &mut FilmSoFar) -> Result<SegmentInWork> {
        let ticket = Arc::new(self.tickets.take().ok_or(Error::Cancelled)?);
        let place = film.segments;
        film.segments += 1;
        Ok(SegmentInWork { place, number, damage: Arc::default(), _ticket: ticket })
    }

    /// Ends the segment whose frames came last, if any did; `until` is what had been wrong with the source when it ended.
    fn end_segment(&self, until: &Damage, film: &mut FilmSoFar) -> Result<()> {
        let Some((segment, lane)) = film.segment.take() else { return Ok(()) };
        // What is kept must be of the source that its key names.
        if self.factory.store().is_some() && self.source.has_changed() {
            let why = "was changed while it was read, so that its segments cannot be kept; try again when it is whole";
            return Err(Error::bad_source(self.name, why));
        }
        let damage = damage::since(until, &film.damage_before);
        damage::add(&mut film.damage_of_segments, &damage);
        // A segment ends once.
        let _ = segment.damage.set(damage);
        self.pass_on(lane, SegmentEvent::End)
    }

    fn pass_on(&self, lane: usize, event: SegmentEvent<DecodedFrame>) -> Result<()> {
        self.lanes[lane].push(event).map_err(|_| lost("scale"))
    }

    fn summarise(&mut self, film: FilmSoFar) -> Result<()> {
        if film.frames.count() == 0 {
            return Err(Error::bad_source(self.name, "no frame could be decoded"));
        }
        let mut audio = Vec::new();
        let tracks = self.source.audio_tracks();
        for (place, (writer, track)) in std::mem::take(&mut self.audio).into_iter().zip(tracks).enumerate() {
            let packets = writer.seal()?;
            // Sound of which nothing came is none.
            if packets.timestamps().count() > 0 {
                audio.push(SpooledAudio { place, track, packets, opus: None, loudness: None });
            }
        }
        // Frames that were passed over may have been decoded, and are not to count twice.
        let mut damage = damage::with_pictures_of(self.source.damage(), &film.damage_of_segments);
        let FilmSoFar { frames, last_duration, segments, reused, .. } = film;
        if let Some(to) = self.plan.wanted.loudness {
            let lasts = if last_duration > 0 { last_duration } else { self.plan.frame_ticks() };
            let ticks = frames.ends().map_or(0, |(_, last)| last.saturating_add(lasts));
            let time_base = self.plan.time_base();
            let end = Rational::new(ticks.saturating_mul(time_base.num), time_base.den);
            let opus = self.plan.wanted.formats.cmaf.is_some_and(|cmaf| cmaf.opus);
            let sound = SoundToLevel { to, end, opus, folder: self.folder, name: self.name, job: self.job };
            let lost;
            (audio, lost) = sound.all(audio)?;
            damage.damaged_audio_packets += lost;
            self.refuse_damage(&damage)?;
        }
        // This stage runs once.
        let _ = self.summary.set(SourceSummary { frames, last_duration, audio, damage, segments, reused });
        Ok(())
    }

    /// Refuses a frame that comes later after the one before than MP4 can say.
    fn refuse_gap(&self, before: Option<i64>, pts: i64) -> Result<()> {
        let Some(before) = before.filter(|before| pts.saturating_sub(*before) > i64::from(i32::MAX)) else {
            return Ok(());
        };
        let time_base = self.plan.time_base();
        let [before, pts] = [before, pts].map(|ticks| Rational::new(ticks, time_base.den).as_f64());
        let why = format!(
            "shows one frame from {before:.3} s to {pts:.3} s, longer than MP4 can say in ticks of {time_base} s; convert \
             what is before and what is after by itself"
        );
        Err(Error::BadSource { name: self.name.to_owned(), why, remedy: Some(Remedy::ConvertParts) })
    }

    fn refuse_damage(&self, damage: &Damage) -> Result<()> {
        let why = if self.strict { refusal(damage) } else { None };
        why.map_or(Ok(()), |(why, remedy)| {
            Err(Error::BadSource { name: self.name.to_owned(), why, remedy: Some(remedy) })
        })
    }
}
