//! The pass over a film: one decode, from which everything is seen.

use super::activity::activity;
use super::blends::BlendMeter;
use super::borders::{BorderFinder, Profile};
use super::cadence;
use super::captions::CaptionFinder;
use super::cuts::{Boundary, CutDetector};
use super::detection::{DetectionJob, DetectionPool, Detections, Found, PersonsWhen};
use super::document::{Activity, Analysis, SeenShot, Transition, VERSION};
use super::fields::{FieldMeter, top_field};
use super::light::LightMeter;
use super::sampling::Sampler;
use super::tiny::TinyPicture;
use super::tracker::Tracker;
use crate::control::Control;
use crate::error::{Error, Result};
use crate::frame::HeldFrame;
use crate::image::RgbConverter;
use crate::machine;
use crate::media::{Event, LevelMeter, Source};
use crate::picture::DeviceChoice;
use crate::source::{KeptAudio, Scanning, SourceInfo};
use crate::time::Time;
use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;

/// Frames in which faces are looked for, a second.
const SAMPLES: f64 = 5.0;
/// Of them, those in which persons are: the first of each shot, and from there every so many; and once more early, for most shots
/// are short. Where no face is, half as often again.
const PERSONS_EVERY: u32 = 5;
const PERSONS_AGAIN: u32 = 2;
const FACELESS_EVERY: u32 = 10;
const FACELESS_AFTER: u32 = 3;
/// Frames that may wait for detectors, for each thread of these.
const WAITING: usize = 16;

/// How a film is looked at.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AnalyseOptions {
    /// Whether faces and persons are looked for.
    pub detectors: bool,
    /// What scales.
    pub device: DeviceChoice,
    /// Threads for detectors, at least 1.
    pub threads: usize,
}

impl Default for AnalyseOptions {
    fn default() -> Self {
        Self { detectors: true, device: DeviceChoice::Auto, threads: machine::cores() }
    }
}

/// Looks at a film from its beginning to its end; `on_frame` is told the time of every frame. Memory is bounded whatever the film's
/// length, but for what was seen, which is a few numbers a second.
///
/// # Errors
/// As [`Source::next`]; [`Error::Device`]; [`Error::Cancelled`].
pub fn analyse(
    source: Source,
    options: &AnalyseOptions,
    control: &Control,
    on_frame: &dyn Fn(i64),
) -> Result<Analysis> {
    let info = source.info().clone();
    let converter = RgbConverter::new(&info.video.colour);
    let mut sampler = Sampler::new(&info.video, &options.device, options.detectors)?;
    let mut source = source;
    thread::scope(|scope| {
        let threads = options.threads.clamp(1, 64);
        let pool = options.detectors.then(|| DetectionPool::start(scope, threads, &converter)).transpose()?;
        let mut pass = Pass {
            pool,
            most: WAITING * (threads + 1),
            cuts: CutDetector::new(info.video.frame_rate.as_f64()),
            undecided: VecDeque::new(),
            since_persons: 0,
            waiting: VecDeque::new(),
            film: FilmSeen::default(),
        };
        let mut due = Due::default();
        let mut captions = CaptionFinder::new(info.video.time_base.as_f64());
        let mut level = source.audio_tracks().next().filter(|_| options.detectors).and_then(LevelMeter::of);
        let mut fields = FieldMeter::default();
        let mut blends = BlendMeter::of(&info.video);
        let mut light = LightMeter::of(&info.video);
        let mut number = 0;
        loop {
            control.check()?;
            match source.next()? {
                Event::Frame { pts, .. } => {
                    let mut frame = sampler.blank();
                    source.fill(sampler.area(), &mut frame)?;
                    let frame = HeldFrame::new(frame);
                    fields.frame(pts, &frame);
                    blends.frame(pts, &frame);
                    // Of two times at once neither cuts nor faces are seen well.
                    let frame = if info.video.scanning == Scanning::Progressive {
                        frame
                    } else {
                        let mut field = sampler.blank();
                        top_field(&frame, &mut field);
                        HeldFrame::new(field)
                    };
                    let thumbnail = sampler.thumbnail(&frame, number, control)?;
                    if options.detectors {
                        captions.frame(pts, &thumbnail);
                    }
                    let sample = if due.at(Time::of_ticks(pts, info.video.time_base)) {
                        let pictures = sampler.sample(&frame, number, control)?;
                        light.iter_mut().for_each(|light| light.frame(&frame));
                        if let Some([for_faces, _]) = &pictures {
                            captions.sample(pts, for_faces);
                        }
                        Some(Sample { profile: Profile::of(&frame), pictures })
                    } else {
                        None
                    };
                    let tiny = Arc::new(TinyPicture::of(&thumbnail));
                    pass.take(FrameSeen { pts, thumbnail, tiny, sample })?;
                    on_frame(pts);
                    number += 1;
                }
                Event::Audio { track: 0, packet } => {
                    if let Some(level) = &mut level {
                        level.push(&packet)?;
                    }
                }
                Event::SoundChanged { track: 0 } => level = None,
                Event::Audio { .. } | Event::SoundChanged { .. } => {}
                Event::End => break,
            }
        }
        let shots = pass.finish()?;
        if shots.is_empty() {
            return Err(Error::bad_source(&info.name, "no frame could be decoded"));
        }
        let sound = level.map(LevelMeter::finish).transpose()?.unwrap_or_default();
        let cadence = blends.finish(cadence::runs(&fields.finish(), &info.video.told_cadence()));
        Ok(Analysis {
            sound,
            captions: captions.finish(),
            cadence,
            peak: light.map(|light| light.peak()),
            ..document(&info, options, shots)
        })
    })
}

fn document(info: &SourceInfo, options: &AnalyseOptions, shots: Vec<SeenShot>) -> Analysis {
    Analysis {
        version: VERSION,
        fingerprint: info.fingerprint.clone(),
        span: info.span,
        track: info.video.track,
        audio: info.audio_kept.iter().map(KeptAudio::take).collect(),
        origin: info.video.origin,
        time_base: info.video.time_base,
        detectors: options.detectors,
        shots,
        sound: Vec::new(),
        captions: Vec::new(),
        cadence: Vec::new(),
        peak: None,
    }
}

/// Tells which frames are sampled: the first in each fifth of a second of the film.
#[derive(Debug, Default)]
struct Due {
    last: Option<i64>,
}

impl Due {
    fn at(&mut self, time: Time) -> bool {
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        let slot = (time.seconds().as_f64() * SAMPLES + 1e-6).floor() as i64;
        let due = self.last.is_none_or(|last| slot > last);
        if due {
            self.last = Some(slot);
        }
        due
    }
}

/// What is kept of a frame.
struct FrameSeen {
    pts: i64,
    thumbnail: HeldFrame,
    tiny: Arc<TinyPicture>,
    sample: Option<Sample>,
}

struct Sample {
    profile: Profile,
    /// For faces and for persons; none without detectors.
    pictures: Option<[HeldFrame; 2]>,
}

/// A frame of which it is known whether it begins a shot.
struct Decided {
    pts: i64,
    thumbnail: HeldFrame,
    tiny: Arc<TinyPicture>,
    boundary: Option<Boundary>,
    sample: Option<(Profile, Option<Detections>)>,
}

/// Frames on their way: undecided ones wait for those that follow, decided ones for detectors.
struct Pass {
    pool: Option<DetectionPool>,
    /// Frames that may wait for detectors.
    most: usize,
    cuts: CutDetector,
    undecided: VecDeque<FrameSeen>,
    /// Samples since persons were looked for.
    since_persons: u32,
    waiting: VecDeque<Decided>,
    film: FilmSeen,
}

impl Pass {
    fn take(&mut self, frame: FrameSeen) -> Result<()> {
        let decided = self.cuts.push(Arc::clone(&frame.tiny));
        self.undecided.push_back(frame);
        decided.map_or(Ok(()), |boundary| self.decide(boundary))
    }

    fn decide(&mut self, boundary: Option<Boundary>) -> Result<()> {
        let Some(FrameSeen { pts, thumbnail, tiny, sample }) = self.undecided.pop_front() else { return Ok(()) };
        if boundary.is_some() {
            self.since_persons = 0;
        }
        let sample = match sample {
            None => None,
            Some(Sample { profile, pictures }) => {
                let when = match self.since_persons {
                    PERSONS_AGAIN => PersonsWhen::Always,
                    since if since.is_multiple_of(PERSONS_EVERY) => PersonsWhen::Always,
                    since if since % FACELESS_EVERY == FACELESS_AFTER => PersonsWhen::Faceless,
                    _ => PersonsWhen::Never,
                };
                self.since_persons += 1;
                let job = pictures.map(|[faces, persons]| DetectionJob { faces, persons, when });
                let detections = self.pool.as_ref().zip(job).map(|(pool, job)| pool.detect(job)).transpose()?;
                Some((profile, detections))
            }
        };
        self.waiting.push_back(Decided { pts, thumbnail, tiny, boundary, sample });
        while self.waiting.len() > self.most || self.is_next_done() {
            self.see_next()?;
        }
        Ok(())
    }

    fn is_next_done(&self) -> bool {
        self.waiting.front().is_some_and(|next| match &next.sample {
            Some((_, Some(detections))) => !detections.is_empty(),
            _ => true,
        })
    }

    fn see_next(&mut self) -> Result<()> {
        self.waiting.pop_front().map_or(Ok(()), |next| self.film.see(next))
    }

    fn finish(mut self) -> Result<Vec<SeenShot>> {
        while let Some(boundary) = self.cuts.finish() {
            self.decide(boundary)?;
        }
        while !self.waiting.is_empty() {
            self.see_next()?;
        }
        self.film.end_shot();
        Ok(self.film.shots)
    }
}

/// What was seen so far.
#[derive(Default)]
struct FilmSeen {
    shots: Vec<SeenShot>,
    /// The shot that goes on.
    shot: Option<ShotSoFar>,
    tracker: Tracker,
    borders: BorderFinder,
    before: Option<Arc<TinyPicture>>,
    /// Times of the last frames: where a dissolve has begun.
    recent: VecDeque<i64>,
    /// Dissolves that have begun a shot, until their last frame has come: the shot, and how many frames are left.
    open: Option<(usize, u64)>,
}

struct ShotSoFar {
    start: i64,
    last: i64,
    frames: u64,
    begins: Transition,
    brightness: f64,
    activity: Vec<Activity>,
}

impl FilmSeen {
    fn see(&mut self, frame: Decided) -> Result<()> {
        let Decided { pts, thumbnail, tiny, boundary, sample } = frame;
        if self.shot.is_none() || boundary.is_some() {
            self.end_shot();
            let begins = self.transition(boundary, pts);
            self.shot =
                Some(ShotSoFar { start: pts, last: pts, frames: 0, begins, brightness: 0.0, activity: Vec::new() });
        } else {
            self.tracker.follow(&thumbnail);
        }
        self.extend_transition(pts);
        self.recent.push_back(pts);
        if self.recent.len() > 128 {
            self.recent.pop_front();
        }
        if let Some((profile, detections)) = sample {
            self.borders.add(&profile);
            let Found { detections, persons } = match detections {
                Some(detections) => {
                    detections.recv().map_err(|_| Error::StageLost { stage: "detect".to_owned() })??
                }
                None => Found { detections: Vec::new(), persons: false },
            };
            self.tracker.sight(pts, &detections, persons, &thumbnail);
            if let Some(shot) = &mut self.shot {
                let before = self.before.as_ref().filter(|_| shot.frames > 0).unwrap_or(&tiny);
                shot.activity.push(activity(pts, before, &tiny));
            }
        }
        if let Some(shot) = &mut self.shot {
            shot.last = pts;
            shot.frames += 1;
            shot.brightness += f64::from(tiny.brightness());
        }
        self.before = Some(tiny);
        Ok(())
    }

    fn transition(&mut self, boundary: Option<Boundary>, pts: i64) -> Transition {
        let back = |frames: u64| {
            let frames = usize::try_from(frames).unwrap_or(0);
            self.recent.iter().rev().nth(frames.saturating_sub(1)).or(self.recent.front()).copied().unwrap_or(pts)
        };
        match boundary {
            None => Transition::Film,
            Some(Boundary::Cut) => Transition::Cut,
            Some(Boundary::Dissolve(frames)) => {
                self.open = Some((self.shots.len(), frames / 2));
                Transition::Dissolve { from: back(frames / 2), to: pts }
            }
            Some(Boundary::Fade(frames)) => Transition::Fade { from: back(frames), to: pts },
        }
    }

    fn extend_transition(&mut self, pts: i64) {
        let Some((shot, left)) = &mut self.open else { return };
        if let (Some(so_far), true) = (&mut self.shot, *shot == self.shots.len() && *left > 0) {
            if let Transition::Dissolve { to, .. } = &mut so_far.begins {
                *to = pts;
            }
            *left -= 1;
        } else {
            self.open = None;
        }
    }

    fn end_shot(&mut self) {
        let Some(ShotSoFar { start, last, frames, begins, brightness, activity }) = self.shot.take() else { return };
        #[expect(clippy::cast_precision_loss, reason = "frames of a shot")]
        let mean = brightness / frames.max(1) as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a mean of samples")]
        let brightness = mean.round().clamp(0.0, 255.0) as u8;
        self.shots.push(SeenShot {
            start,
            last,
            frames,
            begins,
            borders: self.borders.end(),
            brightness,
            tracks: self.tracker.end(),
            activity,
        });
    }
}
