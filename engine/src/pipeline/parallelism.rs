//! How a job is spread over cores and memory.

use crate::error::{Error, Result};
use crate::machine;
use crate::picture::{Device, Memory};
use crate::plan::{LEAST_FRAMES, Plan};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::{self, Display, Formatter};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ParallelismPlan {
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
    /// Bytes that it takes of the GPU's own memory, where a GPU that has some scales.
    pub gpu_memory: u64,
}

impl Display for ParallelismPlan {
    /// For instance `3 segments at a time on 2 cores, in about 1.50 GiB of memory`.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let (segments, cores) = (count(self.jobs, "segment"), count(self.cores, "core"));
        write!(f, "{segments} at a time on {cores}, in about {} of memory", binary(self.memory))?;
        if self.gpu_memory > 0 { write!(f, " and {} of the GPU's", binary(self.gpu_memory)) } else { Ok(()) }
    }
}

/// Bytes as people read them.
fn binary(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    let bytes = bytes as f64;
    if bytes < f64::from(1 << 30) {
        format!("{:.0} MiB", bytes / f64::from(1 << 20))
    } else {
        format!("{:.2} GiB", bytes / f64::from(1 << 30))
    }
}

impl ParallelismPlan {
    /// Plans as many segments of `plan`, scaled by `device`, at once as keep the cores busy and fit into the memory, with
    /// room for all frames of each: the decoder then never waits for one lane while another has nothing to do.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] when the memory is not enough for one segment at a time.
    pub fn of(plan: &Plan, limits: &Limits, device: &Device) -> Result<Self> {
        let encoder = &plan.wanted.encoder;
        let sizes: Vec<_> = plan.follows.rungs.iter().map(|rung| rung.size).collect();
        let busy = encoder.kind.segments_at_once(&sizes, encoder.threads, limits.cores);
        let wanted = if plan.is_sequential() { 1 } else { limits.jobs.unwrap_or(busy).max(1) };
        let runner = device.memory(&plan.graph());
        let with = |jobs, segment_frames| Self::with(plan, runner, limits.cores, jobs, segment_frames);
        let Some(memory) = limits.memory else { return Ok(with(wanted, plan.segment_frames())) };
        let fitting = (1..=wanted).rev().map(|jobs| with(jobs, plan.segment_frames()));
        // Less room for frames comes last: it lets cores wait.
        let tight = || with(1, LEAST_FRAMES);
        fitting.chain([tight()]).find(|parallelism| parallelism.memory <= memory).ok_or_else(|| {
            let needed = tight().memory.div_ceil(1 << 20);
            let rule = format!(
                "not enough for one segment of this ladder, which takes about {needed} MiB; give more, or make fewer or \
                 smaller renditions"
            );
            Error::invalid("memory", format!("{} MiB", memory >> 20), rule)
        })
    }

    fn with(plan: &Plan, runner: Memory, cores: usize, jobs: usize, segment_frames: usize) -> Self {
        // One lane is fed while it works.
        let neighbours: usize = plan.graph().reach().most_frames().iter().sum();
        let lane_frames = neighbours + if jobs == 1 { LEAST_FRAMES } else { segment_frames.max(LEAST_FRAMES) };
        // The decoder has a frame and its neighbours in hand.
        let in_hand = if neighbours > 0 { neighbours + 1 } else { 0 };
        let source_frames = jobs * lane_frames + LEAST_FRAMES + in_hand;
        let memory = plan.memory(jobs, source_frames, runner);
        Self { jobs, cores, lane_frames, source_frames, memory, gpu_memory: jobs as u64 * runner.gpu }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{PlanOptions, Segmentation, Wanted, tests::source};

    fn plan(cores: usize) -> Plan {
        Plan::new(&source(1920, 1080), &PlanOptions { cores, ..PlanOptions::default() }).unwrap()
    }

    fn parallelism(cores: usize, jobs: Option<usize>, memory: Option<u64>) -> Result<ParallelismPlan> {
        ParallelismPlan::of(&plan(cores), &Limits { cores, jobs, memory }, &Device::cpu())
    }

    #[cfg(feature = "gpu")]
    #[test]
    fn what_a_gpu_takes_counts() {
        let choice = crate::picture::DeviceChoice::Adapter(upright_fixtures::adapter());
        let (plan, limits) = (plan(16), Limits { cores: 16, jobs: Some(3), memory: None });
        let gpu = Device::open(&choice).unwrap();
        let [on_cpu, on_gpu] =
            [&Device::cpu(), &gpu].map(|device| ParallelismPlan::of(&plan, &limits, device).unwrap());
        let Memory { host, gpu: own } = gpu.memory(&plan.graph());
        // Three frames under way in every lane, of which the rungs alone are more than this.
        assert!(host > 3 * plan.graph().output_formats().iter().map(|rung| rung.bytes() as u64).sum::<u64>());
        assert_eq!(
            on_gpu,
            ParallelismPlan { memory: on_cpu.memory + crate::plan::DRIVER + 3 * host, gpu_memory: 3 * own, ..on_cpu }
        );
        let limits = Limits { memory: Some(on_gpu.memory - 1), ..limits };
        assert_eq!(ParallelismPlan::of(&plan, &limits, &gpu).unwrap().jobs, 2);
    }

    #[test]
    fn the_parallelism_is_said_in_a_line() {
        let parallelism = |jobs, cores, gpu_memory| ParallelismPlan {
            jobs,
            cores,
            lane_frames: 4,
            source_frames: 8,
            memory: 3 << 29,
            gpu_memory,
        };
        assert_eq!(parallelism(3, 2, 0).to_string(), "3 segments at a time on 2 cores, in about 1.50 GiB of memory");
        let said = parallelism(1, 1, 200 << 20).to_string();
        assert_eq!(said, "1 segment at a time on 1 core, in about 1.50 GiB of memory and 200 MiB of the GPU's");
    }

    #[test]
    fn segments_follow_cores() {
        let jobs = [1, 2, 4, 16].map(|cores| parallelism(cores, None, None).unwrap().jobs);
        assert_eq!(jobs[0], 1);
        assert!(jobs.is_sorted() && jobs[3] > 8 && jobs[3] < 16, "{jobs:?}");
        assert_eq!(parallelism(16, Some(3), None).unwrap().jobs, 3);
        assert_eq!(parallelism(1, Some(3), None).unwrap().jobs, 3);
        let of_cores = plan(16);
        let segments = Segmentation::AsDecoded { key_frames: None };
        let whole = Plan { wanted: Wanted { segments, ..of_cores.wanted }, ..of_cores };
        let limits = Limits { cores: 16, jobs: Some(3), memory: None };
        assert_eq!(
            ParallelismPlan::of(&whole, &limits, &Device::cpu()).unwrap().jobs,
            1,
            "a film of one segment has no more"
        );
    }

    #[test]
    fn memory_bounds_them() {
        let free = parallelism(16, None, None).unwrap();
        let bound = parallelism(16, None, Some(free.memory - 1)).unwrap();
        assert!(bound.jobs == free.jobs - 1 && bound.memory < free.memory);
        assert_eq!(parallelism(16, None, Some(free.memory)).unwrap(), free);
        let least = parallelism(16, None, Some(parallelism(16, Some(1), None).unwrap().memory)).unwrap();
        assert_eq!(least.jobs, 1);
        let error = parallelism(16, None, Some(1 << 20)).unwrap_err().to_string();
        assert!(error.contains("memory 1 MiB: not enough"), "{error}");
    }
}
