//! The stages of a job: one decode; lanes, of one scale and one encode for every rung, through which segments go side by
//! side; and one mux for every rung.

use super::key_frames::KeyFrames;
use super::pool::{Pool, Pooled};
use super::progress::Board;
use super::queue::{Receiver, Sender};
use super::spool::{Spool, SpoolWriter};
use crate::control::Control;
use crate::encode::Encoder;
use crate::error::{Error, Result};
use crate::frame::{Area, Frame};
use crate::geometry::Rational;
use crate::media::{AudioTrack, Event, Source};
use crate::packet::Packet;
use crate::plan::Plan;
use crate::scale::{Crop, FallbackScaler, GpuStats};
use crate::source::Damage;
use crate::verify::Stamps;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Time for which a device is waited for at a stretch: a job that ends meanwhile waits no longer.
const PULSE: Duration = Duration::from_millis(500);

/// Where frames and sound come from: a [`Source`], but for tests.
pub(crate) trait Footage: Send {
    /// See [`Source::next`].
    fn next(&mut self) -> Result<Event>;
    /// See [`Source::fill`].
    fn fill(&mut self, area: Area, frame: &mut Frame) -> Result<()>;
    /// See [`Source::damage`].
    fn damage(&self) -> &Damage;
    /// See [`Source::audio_track`].
    fn audio_track(&self) -> Option<&AudioTrack>;
    /// See [`Source::convert_sound`].
    fn convert_sound(&mut self, packets: &Spool, into: &mut SpoolWriter) -> Result<()>;
}

impl Footage for Source {
    fn next(&mut self) -> Result<Event> {
        Self::next(self)
    }

    fn fill(&mut self, area: Area, frame: &mut Frame) -> Result<()> {
        Self::fill(self, area, frame)
    }

    fn damage(&self) -> &Damage {
        Self::damage(self)
    }

    fn audio_track(&self) -> Option<&AudioTrack> {
        Self::audio_track(self)
    }

    fn convert_sound(&mut self, packets: &Spool, into: &mut SpoolWriter) -> Result<()> {
        Self::convert_sound(self, packets.packets(), |packet| into.append(&packet))
    }
}

/// What travels from stage to stage of a lane: segments, one after the other and never mixed.
#[derive(Debug)]
pub(crate) enum Step<F> {
    /// A segment begins.
    Begin(Segment),
    /// One of its frames.
    Frame(F),
    /// It has ended.
    End,
}

/// A run of frames that begins with a key frame.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// Its place in the film, from 0.
    number: u64,
    /// Free again when the segment lies in its place in every rendition: bounds how far segments overtake one another.
    _ticket: Arc<Pooled<()>>,
}

/// A frame on its way from decoding to scaling.
#[derive(Debug)]
pub(crate) struct Decoded {
    frame: Pooled<Frame>,
    /// Its place in the film, from 0.
    number: u64,
    /// Whether it becomes a key frame.
    key: bool,
}

impl Deref for Decoded {
    type Target = Frame;

    fn deref(&self) -> &Frame {
        &self.frame
    }
}

/// A frame of one rung on its way from scaling to encoding.
#[derive(Debug)]
pub(crate) struct Scaled {
    frame: Pooled<Frame>,
    key: bool,
}

/// What travels from encoding to muxing, where segments arrive in any order.
#[derive(Debug)]
pub(crate) enum Coded {
    /// A packet of the segment of this number; those of one segment are in order.
    Packet(u64, Packet),
    /// The segment has ended.
    End(Segment),
}

/// What is known of the film once all of it is decoded.
#[derive(Debug)]
pub(crate) struct Film {
    /// Its frames' times, and which of them are key frames; at least one.
    pub(crate) frames: Stamps,
    /// Duration of the last frame in ticks; 0 when it is not known.
    pub(crate) last_duration: i64,
    /// The sound, when there is any.
    pub(crate) audio: Option<Spool>,
    /// What the sound is.
    pub(crate) track: Option<AudioTrack>,
    /// What was wrong with the source.
    pub(crate) damage: Damage,
}

/// Decodes frames, decides which of them are key frames, puts the sound aside, and gives each segment to a lane that has
/// nothing to do.
pub(crate) struct Decode<'a, F> {
    pub(crate) job: &'a Control,
    pub(crate) source: F,
    /// What to call it in errors.
    pub(crate) name: &'a str,
    /// Fail at the first damage.
    pub(crate) strict: bool,
    /// What of the upright grid is wanted.
    pub(crate) area: Area,
    pub(crate) key_frames: KeyFrames,
    /// Ticks of the frames' times.
    pub(crate) time_base: Rational,
    /// Key frames of a segment; none when the whole film is one.
    pub(crate) segment_key_frames: Option<NonZeroU32>,
    pub(crate) pool: Pool<Frame>,
    pub(crate) tickets: Pool<()>,
    /// Numbers of lanes that wait for a segment.
    pub(crate) idle: Receiver<usize>,
    pub(crate) lanes: Vec<Sender<Step<Decoded>>>,
    /// Where the film's facts are left before the lanes' input ends.
    pub(crate) film: &'a OnceLock<Film>,
}

impl<F: Footage> Decode<'_, F> {
    /// The sound goes into `audio`, when there is any.
    pub(crate) fn run(&mut self, mut audio: Option<SpoolWriter>) -> Result<()> {
        let (mut frames, mut last_duration) = (Stamps::default(), 0);
        let (mut lane, mut segments, mut keys) = (None, 0, 0);
        'film: loop {
            let mut frame = self.pool.take().ok_or(Error::Cancelled)?;
            loop {
                self.job.check()?;
                let event = self.source.next()?;
                self.refuse_damage()?;
                match event {
                    Event::Frame { .. } => break self.source.fill(self.area, &mut frame)?,
                    Event::Audio(packet) => audio.as_mut().map_or(Ok(()), |spool| spool.append(&packet))?,
                    Event::SoundChanged => {
                        if let Some(copied) = audio.take() {
                            let mut converted = copied.another()?;
                            self.source.convert_sound(&copied.seal()?, &mut converted)?;
                            audio = Some(converted);
                        }
                    }
                    Event::End => break 'film,
                }
            }
            self.refuse_gap(frames.ends().map(|(_, last)| last), frame.pts)?;
            let number = frames.count();
            let key = self.key_frames.next(frame.pts);
            if lane.is_none() || (key && self.segment_key_frames.is_some_and(|limit| keys == limit.get())) {
                lane.take().map_or(Ok(()), |lane| self.pass_on(lane, Step::End))?;
                lane = Some(self.begin(segments)?);
                (segments, keys) = (segments + 1, 0);
            }
            keys += u32::from(key);
            frames.push(frame.pts, key);
            last_duration = frame.duration;
            lane.map_or(Ok(()), |lane| self.pass_on(lane, Step::Frame(Decoded { frame, number, key })))?;
        }
        let lane = lane.ok_or_else(|| Error::bad_source(self.name, "no frame could be decoded"))?;
        self.pass_on(lane, Step::End)?;
        let audio = audio.map(SpoolWriter::seal).transpose()?.filter(|audio| audio.stamps().count() > 0);
        // Sound of which nothing came is none.
        let track = self.source.audio_track().filter(|_| audio.is_some()).cloned();
        let damage = self.source.damage().clone();
        // This stage runs once.
        let _ = self.film.set(Film { frames, last_duration, audio, track, damage });
        Ok(())
    }

    /// Begins a segment in a lane that has nothing to do, and says which.
    fn begin(&self, number: u64) -> Result<usize> {
        let ticket = self.tickets.take().ok_or(Error::Cancelled)?;
        let lane = self.idle.pop().ok_or_else(|| lost("scale"))?;
        self.pass_on(lane, Step::Begin(Segment { number, _ticket: Arc::new(ticket) }))?;
        Ok(lane)
    }

    fn pass_on(&self, lane: usize, step: Step<Decoded>) -> Result<()> {
        self.lanes[lane].push(step).map_err(|_| lost("scale"))
    }

    /// Refuses a frame that comes later after the one before than MP4 can say.
    fn refuse_gap(&self, before: Option<i64>, pts: i64) -> Result<()> {
        let Some(before) = before.filter(|before| pts.saturating_sub(*before) > i64::from(i32::MAX)) else {
            return Ok(());
        };
        let [before, pts] = [before, pts].map(|ticks| Rational::new(ticks, self.time_base.den).as_f64());
        let why = format!(
            "shows one frame from {before:.3} s to {pts:.3} s, longer than MP4 can say in ticks of {} s; convert what is \
             before and what is after by itself, with --duration and --start",
            self.time_base
        );
        Err(Error::bad_source(self.name, why))
    }

    fn refuse_damage(&self) -> Result<()> {
        let why = if self.strict { refusal(self.source.damage()) } else { None };
        why.map_or(Ok(()), |why| Err(Error::bad_source(self.name, why)))
    }
}

/// Why a source is refused where no damage is accepted. Where its clock begins anew nothing is lost, which is no damage.
fn refusal(damage: &Damage) -> Option<String> {
    let Damage {
        damaged_frames,
        damaged_audio_packets,
        sound_lost,
        first_at,
        truncated_at,
        retimed_frames,
        time_jumps: _,
        missing_bytes,
    } = *damage;
    if missing_bytes > 0 {
        Some(format!("is cut short by {missing_bytes} bytes; leave out --strict to convert what is there"))
    } else if damaged_frames + damaged_audio_packets > 0 {
        let at = first_at.map_or_else(String::new, |at| format!(" at {at:.3} s"));
        Some(format!("damaged{at}; leave out --strict to convert what is whole"))
    } else if sound_lost {
        let why = "its sound cannot be decoded; leave out --strict to convert the picture, or choose --audio none";
        Some(why.to_owned())
    } else if retimed_frames > 0 {
        Some(
            "has frames whose times are missing or wrong; leave out --strict to put each after the one before"
                .to_owned(),
        )
    } else {
        truncated_at.map(|at| format!("ends early, at {at:.3} s; leave out --strict to convert what is there"))
    }
}

/// Crops and scales the frames of one lane for all rungs at once.
pub(crate) struct Scale<'a> {
    pub(crate) job: &'a Control,
    pub(crate) plan: &'a Plan,
    /// What of the upright grid the decoded frames are.
    pub(crate) area: Area,
    /// Number of the lane, and where it says that it waits for a segment.
    pub(crate) lane: usize,
    pub(crate) idle: Sender<usize>,
    pub(crate) input: Receiver<Step<Decoded>>,
    /// Free frames of each rung, and where the filled ones go.
    pub(crate) rungs: Vec<(Pool<Frame>, Sender<Step<Scaled>>)>,
}

impl Scale<'_> {
    /// Gives what the GPU did, where one was at work.
    pub(crate) fn run(&mut self, mut scaler: FallbackScaler<'_, Decoded>) -> Result<Option<GpuStats>> {
        self.wait_for_a_segment();
        loop {
            let next = match scaler.under_way() {
                0 => self.input.pop(),
                _ if scaler.has_room() => self.input.try_pop(),
                _ => None,
            };
            match next {
                Some(Step::Begin(segment)) => {
                    self.rungs.iter().try_for_each(|(_, output)| pass_on(output, Step::Begin(segment.clone())))?;
                }
                Some(Step::Frame(decoded)) => {
                    let frame = decoded.number;
                    let window = self.plan.grid_window(frame).ok_or_else(|| no_window(frame))?;
                    scaler.submit(decoded, Crop { window: self.area.inside(window), frame })?;
                }
                Some(Step::End) => {
                    while scaler.under_way() > 0 {
                        self.collect(&mut scaler)?;
                    }
                    self.rungs.iter().try_for_each(|(_, output)| pass_on(output, Step::End))?;
                    self.wait_for_a_segment();
                }
                None if scaler.under_way() > 0 => self.collect(&mut scaler)?,
                None => return self.job.check().map(|()| scaler.gpu_stats()),
            }
        }
    }

    fn wait_for_a_segment(&self) {
        // A decoder that is gone has no more segments, which the end of the input tells.
        let _ = self.idle.push(self.lane);
    }

    fn collect(&self, scaler: &mut FallbackScaler<'_, Decoded>) -> Result<()> {
        let frames: Option<Vec<Pooled<Frame>>> = self.rungs.iter().map(|(pool, _)| pool.take()).collect();
        let mut frames = frames.ok_or(Error::Cancelled)?;
        let mut outputs: Vec<&mut Frame> = frames.iter_mut().map(|frame| &mut **frame).collect();
        while !scaler.wait(PULSE)? {
            self.job.check()?;
        }
        let Decoded { key, .. } = scaler.collect(&mut outputs)?;
        let mut filled = frames.into_iter().zip(&self.rungs);
        filled.try_for_each(|(frame, (_, output))| pass_on(output, Step::Frame(Scaled { frame, key })))
    }
}

fn pass_on(output: &Sender<Step<Scaled>>, step: Step<Scaled>) -> Result<()> {
    output.push(step).map_err(|_| lost("encode"))
}

/// Encodes the frames of one rung of one lane.
pub(crate) struct Encode<'a> {
    pub(crate) job: &'a Control,
    pub(crate) input: Receiver<Step<Scaled>>,
    pub(crate) output: Sender<Coded>,
}

impl Encode<'_> {
    /// `open` opens an encoder for each segment; `first`, when there is one, is that of the first.
    pub(crate) fn run(
        &mut self,
        mut first: Option<Box<dyn Encoder>>,
        open: impl Fn() -> Result<Box<dyn Encoder>>,
    ) -> Result<()> {
        while let Some(step) = self.input.pop() {
            if let Step::Begin(segment) = step {
                let encoder = first.take().map_or_else(&open, Ok)?;
                self.encode(segment, encoder)?;
            }
        }
        self.job.check()
    }

    fn encode(&self, segment: Segment, mut encoder: Box<dyn Encoder>) -> Result<()> {
        let mut packets = Vec::new();
        // Without an end, the job has ended.
        while let Some(Step::Frame(Scaled { frame, key })) = self.input.pop() {
            encoder.encode(&frame, key, &mut packets)?;
            drop(frame);
            self.pass_on(&segment, &mut packets)?;
        }
        loop {
            self.job.check()?;
            let more = encoder.finish(&mut packets)?;
            self.pass_on(&segment, &mut packets)?;
            if !more {
                return self.output.push(Coded::End(segment)).map_err(|_| lost("mux"));
            }
        }
    }

    fn pass_on(&self, segment: &Segment, packets: &mut Vec<Packet>) -> Result<()> {
        let mut coded = packets.drain(..).map(|packet| Coded::Packet(segment.number, packet));
        coded.try_for_each(|coded| self.output.push(coded).map_err(|_| lost("mux")))
    }
}

/// Puts the packets of one rung aside in the order of the film, and makes its file when all are there.
pub(crate) struct Mux<'a> {
    pub(crate) job: &'a Control,
    /// Index of the rung in the ladder.
    pub(crate) rung: usize,
    pub(crate) board: &'a Board,
    pub(crate) input: Receiver<Coded>,
    pub(crate) film: &'a OnceLock<Film>,
}

impl Mux<'_> {
    /// `assemble` makes the file of a whole rung. Gives what it gave, and the bytes of all packets.
    pub(crate) fn run<R>(
        &mut self,
        mut spool: SpoolWriter,
        assemble: impl FnOnce(&Spool, &Film) -> Result<R>,
    ) -> Result<(R, u64)> {
        let mut order = FilmOrder::default();
        while let Some(coded) = self.input.pop() {
            if let Coded::Packet(_, packet) = &coded {
                self.board.encoded(self.rung, packet.duration);
            }
            order.take(coded, |packet| spool.append(packet))?;
        }
        self.job.check()?;
        let film = self.film.get().ok_or_else(|| lost("decode"))?;
        self.board.finished();
        let spool = spool.seal()?;
        let (made, wanted) = (spool.stamps(), &film.frames);
        if (made.count(), made.keys()) != (wanted.count(), wanted.keys()) {
            return Err(Error::Encoder {
                encoder: "AV1".to_owned(),
                why: format!(
                    "made {} packets, {} of them keys, of {} frames with {} key frames",
                    made.count(),
                    made.keys(),
                    wanted.count(),
                    wanted.keys()
                ),
            });
        }
        let rendition = assemble(&spool, film)?;
        Ok((rendition, spool.bytes()))
    }
}

/// Brings the packets of segments that overtake one another into the order of the film. Those of later segments wait in
/// memory: a few segments of compressed video, as many as there are tickets.
#[derive(Default)]
struct FilmOrder {
    /// The segment whose packets go straight on.
    next: u64,
    /// Packets of later ones, and their end.
    waiting: BTreeMap<u64, (Vec<Packet>, Option<Segment>)>,
}

impl FilmOrder {
    fn take(&mut self, coded: Coded, mut put: impl FnMut(&Packet) -> Result<()>) -> Result<()> {
        match coded {
            Coded::Packet(segment, packet) if segment == self.next => return put(&packet),
            Coded::Packet(segment, packet) => self.waiting.entry(segment).or_default().0.push(packet),
            Coded::End(segment) if segment.number == self.next => self.next += 1,
            Coded::End(segment) => {
                let number = segment.number;
                self.waiting.entry(number).or_default().1 = Some(segment);
            }
        }
        while let Some((packets, end)) = self.waiting.remove(&self.next) {
            packets.iter().try_for_each(&mut put)?;
            if end.is_none() {
                break;
            }
            self.next += 1;
        }
        Ok(())
    }
}

/// The next stage is gone, though nobody said why; whoever did say why was earlier, and counts.
fn lost(stage: &str) -> Error {
    Error::StageLost { stage: stage.to_owned() }
}

fn no_window(frame: u64) -> Error {
    Error::Misuse(format!("the plan has no crop window for frame {frame}"))
}
