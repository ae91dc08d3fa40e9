//! How far a job is.

use crate::geometry::{Rational, Size};
use crate::plan::Plan;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// How far a job is, as of a moment.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// Frames that every rung has encoded.
    pub frames: u64,
    /// Frames of the whole job, as far as the container tells; an estimate.
    pub total: Option<u64>,
    /// Frames encoded a second since the start of the job.
    pub fps: f64,
    /// Seconds of film per second of work since the start of the job.
    pub speed: f64,
    /// How much is done, 0 to 100; none when the length is not known.
    pub percent: Option<f64>,
    /// Seconds until the end at this speed; none when the length is not known.
    pub eta: Option<f64>,
    /// Each rung's own progress, in the order of the ladder.
    pub rungs: Vec<RungProgress>,
}

/// What a job is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Looking at the source's pictures, to know where the window goes.
    Analyse,
    /// Reading the source, to know where its frames are.
    Scan,
    /// Looking at the source in a few places, to know its noise.
    Noise,
    /// Encoding parts of the film, to know which qualities give the VMAF that is wanted.
    Quality,
    /// Decoding, scaling and encoding.
    Encode,
    /// Putting the files together, checking them and giving them their names.
    Finish,
    /// Everything is there.
    Done,
}

/// How far one rung is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RungProgress {
    /// Which one.
    pub size: Size,
    /// Frames encoded.
    pub frames: u64,
}

/// Where the stages write how far they are.
#[derive(Debug)]
pub(crate) struct ProgressCounters {
    rungs: Vec<RungCounters>,
    /// Ticks that a frame of unknown duration counts for.
    frame_ticks: i64,
    /// Rungs whose frames are all encoded.
    finished: AtomicUsize,
}

#[derive(Debug)]
struct RungCounters {
    size: Size,
    frames: AtomicU64,
    /// Of those, found in the store.
    reused: AtomicU64,
    /// How long they are shown together, in ticks.
    shown: AtomicI64,
}

impl ProgressCounters {
    pub(crate) fn new(sizes: impl IntoIterator<Item = Size>, frame_ticks: i64) -> Self {
        let rung = |size| RungCounters {
            size,
            frames: AtomicU64::new(0),
            reused: AtomicU64::new(0),
            shown: AtomicI64::new(0),
        };
        Self { rungs: sizes.into_iter().map(rung).collect(), frame_ticks, finished: AtomicUsize::new(0) }
    }

    /// One more frame of a rung, shown for `duration` ticks; 0 when that is not known.
    pub(crate) fn encoded(&self, rung: usize, duration: i64) {
        let rung = &self.rungs[rung];
        rung.frames.fetch_add(1, Ordering::Relaxed);
        let duration = if duration > 0 { duration } else { self.frame_ticks };
        rung.shown.fetch_add(duration, Ordering::Relaxed);
    }

    /// One more frame of a rung, which was encoded earlier.
    pub(crate) fn reused(&self, rung: usize, duration: i64) {
        self.encoded(rung, duration);
        self.rungs[rung].reused.fetch_add(1, Ordering::Relaxed);
    }

    /// Begins anew: the film is encoded once more.
    pub(crate) fn restart(&self) {
        self.finished.store(0, Ordering::Relaxed);
        for rung in &self.rungs {
            rung.frames.store(0, Ordering::Relaxed);
            rung.reused.store(0, Ordering::Relaxed);
            rung.shown.store(0, Ordering::Relaxed);
        }
    }

    /// All frames of a rung are encoded.
    pub(crate) fn finished(&self) {
        self.finished.fetch_add(1, Ordering::Relaxed);
    }
}

/// How long a film is expected to be, as far as its container tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Expected {
    frames: Option<u64>,
    seconds: Option<f64>,
}

impl Expected {
    /// Of the renditions of a plan: exact where the source was read to its end when the plan was made.
    pub(crate) fn of(plan: &Plan) -> Self {
        let source = &plan.found;
        let start = source.span.start.map_or(0.0, Rational::as_f64);
        let rest = source.duration.map(|seconds| (seconds - start).max(0.0));
        let wanted = source.span.duration.map(Rational::as_f64);
        let seconds = match (rest, wanted) {
            (Some(rest), Some(wanted)) => Some(rest.min(wanted)),
            (rest, wanted) => rest.or(wanted),
        };
        let whole = source.span.start.is_none() && source.span.duration.is_none();
        let counted = plan.frames().or(source.video.frames.filter(|_| whole));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an estimate, and never negative")]
        let estimate = seconds.map(|seconds| (seconds * source.video.frame_rate.as_f64()).round() as u64);
        Self { frames: counted.or(estimate), seconds }
    }
}

impl Expected {
    /// Of so many frames.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub(crate) fn of_frames(frames: u64, rate: Rational) -> Self {
        Self { frames: Some(frames), seconds: Some(frames as f64 / rate.as_f64().max(1e-3)) }
    }

    /// Of one segment of a plan.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub(crate) fn of_segment(plan: &Plan, number: usize) -> Self {
        let frames = plan.segments().and_then(|list| list.get(number)).map(|segment| segment.frames);
        let rate = plan.frame_rate().as_f64();
        Self { frames, seconds: frames.filter(|_| rate > 0.0).map(|frames| frames as f64 / rate) }
    }
}

impl Progress {
    /// Tells how far a job is, `elapsed` after it began; `ticks` are those of the counters.
    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    pub(crate) fn read(counters: &ProgressCounters, expected: Expected, ticks: Rational, elapsed: Duration) -> Self {
        let rungs: Vec<_> = counters
            .rungs
            .iter()
            .map(|rung| RungProgress { size: rung.size, frames: rung.frames.load(Ordering::Relaxed) })
            .collect();
        let frames = rungs.iter().map(|rung| rung.frames).min().unwrap_or(0);
        let reused = counters.rungs.iter().map(|rung| rung.reused.load(Ordering::Relaxed)).min().unwrap_or(0);
        let shown = counters.rungs.iter().map(|rung| rung.shown.load(Ordering::Relaxed)).min().unwrap_or(0);
        let film = Rational { num: shown.saturating_mul(ticks.num), den: ticks.den }.as_f64().max(0.0);
        let elapsed = elapsed.as_secs_f64();
        let per_second = |amount: f64| if elapsed > 0.0 { amount / elapsed } else { 0.0 };
        let finishing = counters.finished.load(Ordering::Relaxed) == counters.rungs.len();
        let done = if finishing {
            Some(1.0)
        } else {
            let of = |part: f64, whole: f64| (whole > 0.0).then(|| (part / whole).min(1.0));
            match (expected.seconds, expected.frames) {
                (Some(seconds), _) => of(film, seconds),
                (None, Some(total)) => of(frames as f64, total as f64),
                (None, None) => None,
            }
        };
        Self {
            phase: if finishing { Phase::Finish } else { Phase::Encode },
            frames,
            total: expected.frames,
            fps: per_second(frames.saturating_sub(reused) as f64),
            speed: per_second(film),
            percent: done.map(|done| done * 100.0),
            eta: done.filter(|&done| done > 0.0).map(|done| elapsed * (1.0 - done) / done),
            rungs,
        }
    }

    /// Tells how far the reading of a source is, or the looking at it, `elapsed` after it began: so many frames, up to `film`
    /// seconds.
    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    pub(crate) fn reading(phase: Phase, expected: Expected, frames: u64, film: f64, elapsed: Duration) -> Self {
        let elapsed = elapsed.as_secs_f64();
        let per_second = |amount: f64| if elapsed > 0.0 { amount / elapsed } else { 0.0 };
        let done = expected.seconds.filter(|&seconds| seconds > 0.0).map(|seconds| (film / seconds).clamp(0.0, 1.0));
        Self {
            phase,
            frames,
            total: expected.frames,
            fps: per_second(frames as f64),
            speed: per_second(film),
            percent: done.map(|done| done * 100.0),
            eta: done.filter(|&done| done > 0.0).map(|done| elapsed * (1.0 - done) / done),
            rungs: Vec::new(),
        }
    }

    /// Tells how far the looking for noise is, `elapsed` after it began: so many frames of those that are looked at.
    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    pub(crate) fn looking(frames: u64, total: u64, frame_rate: Rational, elapsed: Duration) -> Self {
        const SLOWEST: f64 = 1e-3;
        let [film, all] = [frames, total].map(|frames| frames as f64 / frame_rate.as_f64().max(SLOWEST));
        let expected = Expected { frames: Some(total), seconds: Some(all) };
        Self::reading(Phase::Noise, expected, frames, film, elapsed)
    }

    /// This, when everything is there.
    pub(crate) fn done(self) -> Self {
        Self { phase: Phase::Done, total: Some(self.frames), percent: Some(100.0), eta: Some(0.0), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [Size; 2] = [Size { width: 720, height: 1280 }, Size { width: 360, height: 640 }];
    const TICKS: Rational = Rational { num: 1, den: 25 };

    fn read(counters: &ProgressCounters, frames: Option<u64>, seconds: Option<f64>) -> Progress {
        Progress::read(counters, Expected { frames, seconds }, TICKS, Duration::from_secs(4))
    }

    fn counters(first: i64, second: i64) -> ProgressCounters {
        let counters = ProgressCounters::new(SIZES, 1);
        (0..first).for_each(|_| counters.encoded(0, 1));
        (0..second).for_each(|_| counters.encoded(1, 0));
        counters
    }

    #[test]
    fn the_slowest_rung_counts() {
        let progress = read(&counters(50, 100), Some(200), Some(8.0));
        assert_eq!((progress.phase, progress.frames, progress.total), (Phase::Encode, 50, Some(200)));
        assert_eq!((progress.fps, progress.speed), (12.5, 0.5));
        assert_eq!((progress.percent, progress.eta), (Some(25.0), Some(12.0)));
        assert_eq!(progress.rungs.iter().map(|rung| rung.frames).collect::<Vec<_>>(), [50, 100]);
    }

    #[test]
    fn frames_do_where_time_is_not_known_and_nothing_is_made_up() {
        assert_eq!(read(&counters(50, 50), Some(100), None).percent, Some(50.0));
        let unknown = read(&counters(50, 50), None, None);
        assert_eq!((unknown.percent, unknown.eta, unknown.total), (None, None, None));
        let longer = read(&counters(50, 50), Some(10), Some(1.0));
        assert_eq!((longer.percent, longer.eta), (Some(100.0), Some(0.0)));
        let nothing = read(&counters(0, 0), Some(100), Some(4.0));
        assert_eq!((nothing.percent, nothing.eta), (Some(0.0), None));
    }

    #[test]
    fn the_phase_follows_the_last_rung() {
        let counters = counters(50, 50);
        counters.finished();
        assert_eq!(read(&counters, None, None).phase, Phase::Encode);
        counters.finished();
        let finishing = read(&counters, None, None);
        assert_eq!((finishing.phase, finishing.percent), (Phase::Finish, Some(100.0)));
        let done = finishing.done();
        assert_eq!((done.phase, done.total, done.eta), (Phase::Done, Some(50), Some(0.0)));
    }
}
