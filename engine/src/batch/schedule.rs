//! What is to be done next: films in their order, and no core without work as long as there is some.

use crate::fingerprint::Sha256Hex;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// Work that is begun for so many times the cores that there are: while one step ends, waits for a disk or begins, another works.
const OVERCOMMIT: f64 = 1.25;
/// Segments that wait for every one that is encoded, below which the next film is planned.
const AHEAD: f64 = 1.5;
/// Cores that joining and checking a film keeps busy.
const RENDER_CORES: f64 = 0.5;
/// Bytes that planning takes, and joining: measured on 1080p films.
const PLAN_MEMORY: u64 = 700 << 20;
const RENDER_MEMORY: u64 = 300 << 20;
/// Segments of a film that is encoded as it is joined: starting a process for each of so few costs more than it gives.
const SHORT: usize = 2;
/// Parts of a film's work that its plan and its end are; the rest are its segments.
const PLAN_PART: f64 = 0.06;
const RENDER_PART: f64 = 0.02;

/// A step of a film, done by one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// The film is looked at and planned.
    Plan,
    /// A segment of this number is encoded into the store.
    Segment(usize),
    /// The segments are joined, checked and published; of a short film they are encoded on the way.
    Render,
}

impl Step {
    /// Names the command that does it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Segment(_) => "segment",
            Self::Render => "render",
        }
    }
}

/// How far a batch is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Films, and of these those that are there and those that failed.
    pub titles: usize,
    /// See `titles`.
    pub done: usize,
    /// See `titles`.
    pub failed: usize,
    /// The part of all work that is done, from 0 to 1; estimated for films without a plan.
    pub part: f64,
    /// The same when the batch began or went on.
    pub part_before: f64,
    /// Seconds that are left, estimated; none at first.
    pub eta: Option<f64>,
    /// Films at which somebody works: name, the part of it that is done, and the steps that run.
    pub running: Vec<(String, f64, Vec<Step>)>,
}

/// What a film is made of, once it has a plan.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Prepared {
    /// [`crate::Plan::hash`].
    pub(super) plan: Sha256Hex,
    /// Frames of every segment; nothing where they are cut while the film is decoded.
    pub(super) segment_frames: Vec<u64>,
    /// Cores and bytes that one of them takes.
    pub(super) cores: f64,
    pub(super) memory: u64,
    /// Bytes on the disk that the film will take, estimated.
    pub(super) room: u64,
}

/// Where a film is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Plan,
    Encode,
    Done,
    Failed,
}

/// A film, and what is still to be done with it.
#[derive(Clone, Debug)]
pub(super) struct Work {
    pub(super) stage: Stage,
    /// Bytes of the film.
    pub(super) bytes: u64,
    pub(super) prepared: Option<Prepared>,
    /// Segments that are neither there nor at work.
    pub(super) waiting: BTreeSet<usize>,
    /// Those that the join at work encodes on its way.
    pub(super) joining: BTreeSet<usize>,
    /// What is at work, with the frames that are done.
    pub(super) running: BTreeMap<Step, u64>,
    /// Frames that are in the store.
    pub(super) stored_frames: u64,
    /// The time before which nothing is tried again.
    pub(super) not_before: Option<Instant>,
}

/// All films, and what the machine has for them.
#[derive(Debug)]
pub(super) struct Schedule {
    pub(super) works: Vec<Work>,
    pub(super) cores: f64,
    /// Bytes; none for no limit.
    pub(super) memory: Option<u64>,
}

impl Work {
    pub(super) fn new(bytes: u64) -> Self {
        Self {
            stage: Stage::Plan,
            bytes,
            prepared: None,
            waiting: BTreeSet::new(),
            joining: BTreeSet::new(),
            running: BTreeMap::new(),
            stored_frames: 0,
            not_before: None,
        }
    }

    pub(super) fn frames(&self) -> Option<u64> {
        self.prepared.as_ref().map(|prepared| prepared.segment_frames.iter().sum())
    }

    /// Tells whether it is to be joined next.
    fn ends(&self) -> bool {
        let is_short = self.prepared.as_ref().is_some_and(|prepared| prepared.segment_frames.len() <= SHORT);
        self.running.is_empty() && (self.waiting.is_empty() || is_short)
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Done | Stage::Failed)
    }

    /// The part of it that is done.
    pub(super) fn progress(&self) -> f64 {
        let encoded = |frames: u64, all: u64| {
            #[expect(clippy::cast_precision_loss, reason = "frames of a film")]
            let part = frames as f64 / all.max(1) as f64;
            part.min(1.0)
        };
        match self.stage {
            Stage::Done | Stage::Failed => 1.0,
            Stage::Plan => 0.0,
            Stage::Encode => {
                let all = self.frames().unwrap_or(0);
                let frames = self.stored_frames + self.running.values().sum::<u64>();
                PLAN_PART + (1.0 - PLAN_PART - RENDER_PART) * encoded(frames, all)
            }
        }
    }
}

impl Schedule {
    /// The next step, if there is one that may begin now.
    pub(super) fn next(&self, now: Instant) -> Option<(usize, Step)> {
        let may_begin = |work: &Work| work.not_before.is_none_or(|time| time <= now);
        let with = |stage: Stage| {
            let works = self.works.iter().enumerate();
            works.filter(move |(_, work)| work.stage == stage && may_begin(work))
        };
        let renders = with(Stage::Encode).filter(|(_, work)| work.ends()).map(|(index, _)| (index, Step::Render));
        let segments = with(Stage::Encode)
            .filter(|(_, work)| !work.ends())
            .filter_map(|(index, work)| Some((index, Step::Segment(*work.waiting.first()?))));
        let plans =
            || with(Stage::Plan).filter(|(_, work)| work.running.is_empty()).map(|(index, _)| (index, Step::Plan));
        let is_planning = self.works.iter().any(|work| work.running.contains_key(&Step::Plan));
        let early = plans().take(usize::from(self.ahead() < AHEAD && !is_planning));
        renders.chain(early).chain(segments).chain(plans()).find(|&(index, step)| self.fits(index, step))
    }

    /// The cores that the waiting segments would keep busy, over those that there are.
    fn ahead(&self) -> f64 {
        let of = |work: &Work| {
            let prepared = work.prepared.as_ref().filter(|_| work.stage == Stage::Encode);
            prepared.map_or(0.0, |prepared| prepared.cores * count(work.waiting.len()))
        };
        self.works.iter().map(of).sum::<f64>() / self.cores
    }

    /// Tells whether there are cores and memory for a step. One may always run.
    fn fits(&self, index: usize, step: Step) -> bool {
        let costs = |(index, step): (usize, Step)| self.costs(index, step);
        let running = self.works.iter().enumerate();
        let running = running.flat_map(|(index, work)| work.running.keys().map(move |&step| (index, step)));
        let (cores, memory) = running.map(costs).fold((0.0, 0), |sum, cost| (sum.0 + cost.0, sum.1 + cost.1));
        let (more_cores, more_memory) = self.costs(index, step);
        let is_idle = self.works.iter().all(|work| work.running.is_empty());
        let has_memory = self.memory.is_none_or(|most| memory + more_memory <= most);
        is_idle || (has_memory && cores + more_cores <= self.cores * OVERCOMMIT + 1e-6)
    }

    /// The cores and the bytes that a step takes.
    fn costs(&self, index: usize, step: Step) -> (f64, u64) {
        let work = &self.works[index];
        let encodes = !work.waiting.is_empty() || !work.joining.is_empty();
        match (step, work.prepared.as_ref()) {
            (Step::Segment(_), Some(prepared)) => (prepared.cores, prepared.memory),
            (Step::Render, Some(prepared)) if encodes => (prepared.cores, prepared.memory),
            // It encodes all of it.
            (Step::Render, Some(prepared)) if prepared.segment_frames.is_empty() => (self.cores, prepared.memory),
            (Step::Render, _) => (RENDER_CORES, RENDER_MEMORY),
            (Step::Plan | Step::Segment(_), _) => ((self.cores / 2.0).max(1.0), PLAN_MEMORY),
        }
    }

    /// The part of all work that is done: films count by their frames, and those without a plan by their bytes.
    pub(super) fn part(&self) -> f64 {
        let known = |work: &Work| work.frames().filter(|_| work.stage != Stage::Failed);
        #[expect(clippy::cast_precision_loss, reason = "frames and bytes of films")]
        let as_float = |value: u64| value.max(1) as f64;
        let (frames, bytes) = self
            .works
            .iter()
            .filter_map(|work| Some((as_float(known(work)?), as_float(work.bytes))))
            .fold((0.0, 0.0), |sum, (frames, bytes)| (sum.0 + frames, sum.1 + bytes));
        let per_byte = if bytes > 0.0 { frames / bytes } else { 1.0 };
        let weight = |work: &Work| known(work).map_or(as_float(work.bytes) * per_byte, as_float);
        let all: f64 = self.works.iter().map(weight).sum();
        if all > 0.0 { self.works.iter().map(|work| weight(work) * work.progress()).sum::<f64>() / all } else { 1.0 }
    }

    pub(super) fn is_over(&self) -> bool {
        self.works.iter().all(Work::is_over)
    }
}

fn count(number: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let count = number as f64;
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn prepared(segments: usize, cores: f64) -> Prepared {
        let plan = Sha256Hex::of(b"plan");
        Prepared { plan, segment_frames: vec![48; segments], cores, memory: 100 << 20, room: 0 }
    }

    fn schedule(cores: f64, titles: usize) -> Schedule {
        Schedule { works: (0..titles).map(|_| Work::new(1000)).collect(), cores, memory: None }
    }

    /// A film's segments: how many, the cores that each is counted with, and those that it keeps busy.
    #[derive(Clone, Copy)]
    struct Segments {
        count: usize,
        counted: f64,
        busy: f64,
    }

    /// Does everything as the schedule says, each step in as long as `takes` says; gives the steps in the order in which they began,
    /// and the part of the time in which cores were at work.
    fn simulated(
        schedule: &mut Schedule,
        segments: Segments,
        takes: impl Fn(usize, Step) -> u64,
    ) -> (Vec<(usize, Step)>, f64) {
        let (start, mut time, mut begun, mut ends) = (Instant::now(), 0, Vec::new(), BTreeSet::new());
        let (mut busy, mut all) = (0.0, 0.0);
        loop {
            while let Some((index, step)) = schedule.next(start + Duration::from_secs(time)) {
                let work = &mut schedule.works[index];
                let mut time = time + takes(index, step);
                if let Step::Segment(number) = step {
                    work.waiting.remove(&number);
                } else if step == Step::Render {
                    work.joining = std::mem::take(&mut work.waiting);
                    time += work.joining.iter().map(|&number| takes(index, Step::Segment(number))).sum::<u64>();
                }
                work.running.insert(step, 0);
                begun.push((index, step));
                ends.insert((time, index, step));
            }
            let keeps_busy = |&(_, index, step): &(u64, usize, Step)| match step {
                Step::Segment(_) => segments.busy,
                Step::Render if !schedule.works[index].joining.is_empty() => segments.busy,
                Step::Plan | Step::Render => schedule.costs(index, step).0,
            };
            let asked: f64 = ends.iter().map(keeps_busy).sum();
            let Some((end, index, step)) = ends.pop_first() else { break };
            #[expect(clippy::cast_precision_loss, reason = "a few seconds")]
            let span = (end - time) as f64;
            busy += span * asked.min(schedule.cores);
            all += span * schedule.cores;
            time = end;
            let work = &mut schedule.works[index];
            work.running.remove(&step);
            match step {
                Step::Plan => {
                    work.stage = Stage::Encode;
                    work.prepared = Some(prepared(segments.count, segments.counted));
                    work.waiting = (0..segments.count).collect();
                }
                Step::Segment(_) => work.stored_frames += 48,
                Step::Render => {
                    work.stored_frames += 48 * work.joining.len() as u64;
                    work.joining.clear();
                    work.stage = Stage::Done;
                }
            }
        }
        assert!(schedule.is_over() && (schedule.part() - 1.0).abs() < 1e-9);
        (begun, busy / all)
    }

    fn segments(count: usize, cores: f64) -> Segments {
        Segments { count, counted: cores, busy: cores }
    }

    #[test]
    fn every_step_is_done_once_and_films_in_their_order() {
        let mut schedule = schedule(2.0, 3);
        let (begun, _) = simulated(&mut schedule, segments(5, 1.0), |_, step| if step == Step::Plan { 9 } else { 10 });
        let once: BTreeSet<_> = begun.iter().collect();
        assert_eq!((begun.len(), once.len()), (3 * 7, 3 * 7));
        let ends: Vec<_> = begun.iter().filter(|(_, step)| *step == Step::Render).map(|(index, _)| *index).collect();
        assert_eq!(ends, [0, 1, 2]);
    }

    #[test]
    fn a_short_film_is_encoded_as_it_is_joined() {
        for (count, steps) in [(0, 2), (1, 2), (2, 2), (3, 5)] {
            let mut schedule = schedule(16.0, 1);
            let (begun, _) = simulated(&mut schedule, segments(count, 1.0), |_, _| 10);
            assert_eq!(begun.len(), steps, "{begun:?}");
        }
        // Of a longer one, the last segments are begun side by side.
        let mut work = Work { stage: Stage::Encode, waiting: [3, 4].into(), ..Work::new(1000) };
        work.prepared = Some(prepared(5, 1.0));
        let schedule = Schedule { works: vec![work], cores: 2.0, memory: None };
        assert_eq!(schedule.next(Instant::now()), Some((0, Step::Segment(3))));
    }

    #[test]
    fn cores_are_kept_busy_over_the_ends_of_films() {
        // The last two take a whole film at once, and keep a part of the cores busy.
        let whole = |counted, busy| Segments { count: 1, counted, busy };
        let kinds =
            [(2.0, segments(12, 1.0)), (16.0, segments(30, 1.6)), (2.0, whole(0.8, 1.24)), (16.0, whole(6.4, 9.9))];
        for (cores, segments) in kinds {
            let mut schedule = schedule(cores, 20);
            let takes = |index: usize, step| match step {
                Step::Plan => 8,
                Step::Segment(number) => 40 + (number * 7 + index * 3) as u64 % 20,
                Step::Render => 3,
            };
            let (_, busy) = simulated(&mut schedule, segments, takes);
            assert!(busy > 0.93, "{cores} cores, {} segments: {busy}", segments.count);
        }
    }

    #[test]
    fn memory_bounds_what_runs_and_never_stops_it() {
        let mut schedule = schedule(16.0, 4);
        schedule.memory = Some(350 << 20);
        let at_once = std::cell::Cell::new(0);
        let (begun, _) = simulated(&mut schedule, segments(8, 1.0), |_, _| {
            at_once.set(at_once.get() + 1);
            10
        });
        assert_eq!(begun.len(), 4 * 10);
        schedule.works[0].stage = Stage::Encode;
        schedule.works[0].waiting = (0..9).collect();
        for number in 0..3 {
            assert_eq!(schedule.next(Instant::now()), Some((0, Step::Segment(number))));
            schedule.works[0].waiting.remove(&number);
            schedule.works[0].running.insert(Step::Segment(number), 0);
        }
        assert_eq!(schedule.next(Instant::now()), None);
    }

    #[test]
    fn what_is_tried_again_waits_and_others_go_on() {
        let mut schedule = schedule(2.0, 2);
        let now = Instant::now();
        schedule.works[0].not_before = Some(now + Duration::from_secs(5));
        assert_eq!(schedule.next(now), Some((1, Step::Plan)));
        assert_eq!(schedule.next(now + Duration::from_secs(5)), Some((0, Step::Plan)));
        schedule.works[0].stage = Stage::Failed;
        schedule.works[1].stage = Stage::Done;
        assert!(schedule.next(now).is_none() && schedule.is_over());
    }
}
