//! How a job is spread over cores and memory.

use super::run::RUNG_FRAMES;
use crate::error::{Error, Result};
use crate::machine;
use crate::plan::{Plan, PlannedEncoder};
use serde::Serialize;

/// Frames of the source between decoding and the scaling of one lane that are always there.
const LEAST_FRAMES: usize = 4;
/// Bytes that a job takes besides frames and encoders: the program, the decoder, buffers.
const BASE: u64 = 100 << 20;

/// What a job may use. Nothing here changes what is in the renditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Cores to be kept busy, at least 1.
    pub cores: usize,
    /// Segments at once, at least 1; none for as many as keep the cores busy.
    pub jobs: Option<usize>,
    /// Bytes of memory that the job may take, about; none for no limit.
    pub memory: Option<u64>,
}

impl Default for Limits {
    /// All cores of this machine.
    fn default() -> Self {
        Self { cores: machine::cores(), jobs: None, memory: None }
    }
}

/// How a job is spread over cores and memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// Segments that are encoded at once, each in a lane of its own.
    pub jobs: usize,
    /// Cores that they are meant to keep busy.
    pub cores: usize,
    /// Decoded frames that may wait in one lane.
    pub lane_frames: usize,
    /// Decoded frames in all.
    pub source_frames: usize,
    /// Bytes of memory that all of it takes, estimated.
    pub memory: u64,
}

impl Spread {
    /// As many segments of `plan` at once as keep the cores busy and fit into the memory, with room for all frames of
    /// each: the decoder then never waits for one lane while another has nothing to do.
    ///
    /// # Errors
    /// [`Error::Options`] when the memory is not enough for one segment at a time.
    pub fn of(plan: &Plan, limits: &Limits) -> Result<Self> {
        let sizes: Vec<_> = plan.rungs.iter().map(|rung| rung.size).collect();
        let busy = plan.encoder.kind.segments_at_once(&sizes, limits.cores);
        let wanted = match (plan.segments.key_frames, limits.jobs) {
            (None, _) => 1,
            (Some(_), jobs) => jobs.unwrap_or(busy).max(1),
        };
        let cores = limits.cores;
        let Some(memory) = limits.memory else { return Ok(Self::with(plan, cores, wanted, plan.segment_frames())) };
        let fitting = (1..=wanted).rev().map(|jobs| Self::with(plan, cores, jobs, plan.segment_frames()));
        // Less room for frames comes last: it lets cores wait.
        let tight = || Self::with(plan, cores, 1, LEAST_FRAMES);
        fitting.chain([tight()]).find(|spread| spread.memory <= memory).ok_or_else(|| {
            let needed = tight().memory.div_ceil(1 << 20);
            let given = memory >> 20;
            Error::options(format!(
                "{given} MiB of memory are not enough for one segment of this ladder, which takes about {needed} MiB; \
                 give more, or make fewer or smaller renditions"
            ))
        })
    }

    fn with(plan: &Plan, cores: usize, jobs: usize, segment_frames: usize) -> Self {
        // One lane is fed while it works.
        let lane_frames = if jobs == 1 { LEAST_FRAMES } else { segment_frames.max(LEAST_FRAMES) };
        let source_frames = jobs * lane_frames + LEAST_FRAMES;
        let spec = plan.scale_spec();
        let source_frame = spec.area(plan.grid_windows()).format(spec.source).bytes() as u64;
        let lane = plan.rungs.iter().zip(&spec.rungs).map(|(rung, format)| {
            let PlannedEncoder { kind, speed, threads, .. } = &plan.encoder;
            let encoder = kind.memory(rung.size, format.depth, *speed, *threads);
            encoder + (RUNG_FRAMES * format.bytes()) as u64
        });
        let memory = BASE + jobs as u64 * lane.sum::<u64>() + source_frames as u64 * source_frame;
        Self { jobs, cores, lane_frames, source_frames, memory }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{PlanOptions, tests::source};

    fn plan(cores: usize) -> Plan {
        Plan::new(&source(1920, 1080), &PlanOptions { cores, ..PlanOptions::default() }).unwrap()
    }

    fn spread(cores: usize, jobs: Option<usize>, memory: Option<u64>) -> Result<Spread> {
        Spread::of(&plan(cores), &Limits { cores, jobs, memory })
    }

    #[test]
    fn segments_follow_cores() {
        let jobs = [1, 2, 4, 16].map(|cores| spread(cores, None, None).unwrap().jobs);
        assert_eq!(jobs[0], 1);
        assert!(jobs.is_sorted() && jobs[3] > 8 && jobs[3] < 16, "{jobs:?}");
        assert_eq!(spread(16, Some(3), None).unwrap().jobs, 3);
        assert_eq!(spread(1, Some(3), None).unwrap().jobs, 1, "a film of one segment has no more");
    }

    #[test]
    fn memory_bounds_them() {
        let free = spread(16, None, None).unwrap();
        let bound = spread(16, None, Some(free.memory - 1)).unwrap();
        assert!(bound.jobs == free.jobs - 1 && bound.memory < free.memory);
        assert_eq!(spread(16, None, Some(free.memory)).unwrap(), free);
        let least = spread(16, None, Some(spread(16, Some(1), None).unwrap().memory)).unwrap();
        assert_eq!(least.jobs, 1);
        let error = spread(16, None, Some(1 << 20)).unwrap_err().to_string();
        assert!(error.contains("1 MiB of memory are not enough"), "{error}");
    }
}
