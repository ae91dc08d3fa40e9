//! The stages of a job: decode, scale, and one encode and one mux for every rung.

use super::control::Job;
use super::key_frames::KeyFrames;
use super::pool::{FramePool, PooledFrame};
use super::progress::Board;
use super::queue::{Receiver, Sender};
use super::spool::{Spool, SpoolWriter};
use crate::encode::Encoder;
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::media::{Damage, Event, Source};
use crate::packet::Packet;
use crate::plan::Plan;
use crate::scale::{Crop, Scaler};
use crate::verify::Stamps;
use std::collections::VecDeque;
use std::sync::OnceLock;

/// Where frames and sound come from: a [`Source`], but for tests.
pub(crate) trait Footage: Send {
    /// See [`Source::next`].
    fn next(&mut self, frame: &mut Frame) -> Result<Event>;
    /// See [`Source::damage`].
    fn damage(&self) -> &Damage;
}

impl Footage for Source {
    fn next(&mut self, frame: &mut Frame) -> Result<Event> {
        Self::next(self, frame)
    }

    fn damage(&self) -> &Damage {
        Self::damage(self)
    }
}

/// A frame on its way from decoding to scaling.
#[derive(Debug)]
pub(crate) struct Decoded {
    frame: PooledFrame,
    /// Whether it becomes a key frame.
    key: bool,
}

/// A frame of one rung on its way from scaling to encoding.
#[derive(Debug)]
pub(crate) struct Scaled {
    frame: PooledFrame,
    key: bool,
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
    /// What was wrong with the source.
    pub(crate) damage: Damage,
}

/// Decodes frames, decides which of them are key frames, and puts the sound aside.
pub(crate) struct Decode<'a, F> {
    pub(crate) job: &'a Job,
    pub(crate) source: F,
    /// What to call it in errors.
    pub(crate) name: &'a str,
    /// Fail at the first damage.
    pub(crate) strict: bool,
    pub(crate) key_frames: KeyFrames,
    pub(crate) pool: FramePool,
    pub(crate) output: Sender<Decoded>,
    /// Where the film's facts are left before the output ends.
    pub(crate) film: &'a OnceLock<Film>,
}

impl<F: Footage> Decode<'_, F> {
    /// The sound goes into `audio`, when there is any.
    pub(crate) fn run(&mut self, mut audio: Option<SpoolWriter>) -> Result<()> {
        let (mut frames, mut last_duration) = (Stamps::default(), 0);
        'film: loop {
            let mut frame = self.pool.take().ok_or(Error::Cancelled)?;
            loop {
                self.job.check()?;
                let event = self.source.next(&mut frame)?;
                self.refuse_damage()?;
                match event {
                    Event::Frame => break,
                    Event::Audio(packet) => audio.as_mut().map_or(Ok(()), |spool| spool.append(&packet))?,
                    Event::End => break 'film,
                }
            }
            let key = self.key_frames.next(frame.pts);
            frames.push(frame.pts, key);
            last_duration = frame.duration;
            self.output.push(Decoded { frame, key }).map_err(|_| lost("scale"))?;
        }
        if frames.count() == 0 {
            return Err(Error::bad_source(self.name, "no frame could be decoded"));
        }
        let audio = audio.map(SpoolWriter::seal).transpose()?.filter(|audio| audio.stamps().count() > 0);
        let damage = self.source.damage().clone();
        // This stage runs once.
        let _ = self.film.set(Film { frames, last_duration, audio, damage });
        Ok(())
    }

    fn refuse_damage(&self) -> Result<()> {
        let Damage { damaged_frames, damaged_audio_packets, first_at, truncated_at, retimed_frames: _, time_jumps: _ } =
            self.source.damage();
        if !self.strict {
            return Ok(());
        }
        if damaged_frames + damaged_audio_packets > 0 {
            let at = first_at.map_or_else(String::new, |at| format!(" at {at:.3} s"));
            return Err(Error::bad_source(
                self.name,
                format!("damaged{at}; leave out --strict to convert what is whole"),
            ));
        }
        match truncated_at {
            Some(at) => Err(Error::bad_source(
                self.name,
                format!("ends early, at {at:.3} s; leave out --strict to convert what is there"),
            )),
            None => Ok(()),
        }
    }
}

/// Crops and scales each frame for all rungs at once.
pub(crate) struct Scale<'a> {
    pub(crate) job: &'a Job,
    pub(crate) plan: &'a Plan,
    pub(crate) input: Receiver<Decoded>,
    /// Free frames of each rung, and where the filled ones go.
    pub(crate) rungs: Vec<(FramePool, Sender<Scaled>)>,
}

impl Scale<'_> {
    pub(crate) fn run(&mut self, mut scaler: Box<dyn Scaler>) -> Result<()> {
        let capacity = scaler.capacity().max(1);
        // Of the frames that are under way, the oldest first: is it a key frame?
        let mut under_way = VecDeque::with_capacity(capacity);
        let mut number = 0;
        loop {
            let next = match under_way.len() {
                0 => self.input.pop(),
                some if some < capacity => self.input.try_pop(),
                _ => None,
            };
            if let Some(Decoded { frame, key }) = next {
                let window = self.plan.grid_window(number).ok_or_else(|| no_window(number))?;
                scaler.submit(&frame, Crop { window, frame: number })?;
                under_way.push_back(key);
                number += 1;
            } else if let Some(key) = under_way.pop_front() {
                self.collect(&mut *scaler, key)?;
            } else {
                return self.job.check();
            }
        }
    }

    fn collect(&self, scaler: &mut dyn Scaler, key: bool) -> Result<()> {
        let frames: Option<Vec<PooledFrame>> = self.rungs.iter().map(|(pool, _)| pool.take()).collect();
        let mut frames = frames.ok_or(Error::Cancelled)?;
        let mut outputs: Vec<&mut Frame> = frames.iter_mut().map(|frame| &mut **frame).collect();
        scaler.collect(&mut outputs)?;
        for (frame, (_, output)) in frames.into_iter().zip(&self.rungs) {
            output.push(Scaled { frame, key }).map_err(|_| lost("encode"))?;
        }
        Ok(())
    }
}

/// Encodes the frames of one rung.
pub(crate) struct Encode<'a> {
    pub(crate) job: &'a Job,
    pub(crate) input: Receiver<Scaled>,
    pub(crate) output: Sender<Packet>,
}

impl Encode<'_> {
    pub(crate) fn run(&mut self, mut encoder: Box<dyn Encoder>) -> Result<()> {
        let mut packets = Vec::new();
        while let Some(Scaled { frame, key }) = self.input.pop() {
            encoder.encode(&frame, key, &mut packets)?;
            drop(frame);
            self.pass_on(&mut packets)?;
        }
        loop {
            self.job.check()?;
            let more = encoder.finish(&mut packets)?;
            self.pass_on(&mut packets)?;
            if !more {
                return Ok(());
            }
        }
    }

    fn pass_on(&self, packets: &mut Vec<Packet>) -> Result<()> {
        packets.drain(..).try_for_each(|packet| self.output.push(packet).map_err(|_| lost("mux")))
    }
}

/// Puts the packets of one rung aside, and makes its file when all are there.
pub(crate) struct Mux<'a> {
    pub(crate) job: &'a Job,
    /// Index of the rung in the ladder.
    pub(crate) rung: usize,
    pub(crate) board: &'a Board,
    pub(crate) input: Receiver<Packet>,
    pub(crate) film: &'a OnceLock<Film>,
}

impl Mux<'_> {
    /// `assemble` makes the file of a whole rung. Gives what it gave, and the bytes of all packets.
    pub(crate) fn run<R>(
        &mut self,
        mut spool: SpoolWriter,
        assemble: impl FnOnce(&Spool, &Film) -> Result<R>,
    ) -> Result<(R, u64)> {
        while let Some(packet) = self.input.pop() {
            spool.append(&packet)?;
            self.board.encoded(self.rung, packet.pts.saturating_add(packet.duration));
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

/// The next stage is gone, though nobody said why; whoever did say why was earlier, and counts.
fn lost(stage: &str) -> Error {
    Error::StageLost { stage: stage.to_owned() }
}

fn no_window(frame: u64) -> Error {
    Error::Options(format!("the plan has no crop window for frame {frame}"))
}
