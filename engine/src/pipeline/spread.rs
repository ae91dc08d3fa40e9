//! How a job is spread over cores and memory.

use super::run::RUNG_FRAMES;
use crate::error::{Error, Result};
use crate::machine;
use crate::plan::{Plan, PlannedEncoder};
use crate::scale::{Device, Memory, ScaleSpec};
use serde::Serialize;
use std::fmt::{self, Display, Formatter};

/// Frames of the source between decoding and the scaling of one lane that are always there.
const LEAST_FRAMES: usize = 4;
/// Bytes that a job takes besides frames and encoders: the program, the decoder, buffers.
const BASE: u64 = 100 << 20;
/// Bytes that the driver of a GPU takes of the processor's memory, of any job: measured with Mesa's software one.
const DRIVER: u64 = 150 << 20;

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
    /// Bytes that it takes of the GPU's own memory, where a GPU that has some scales.
    pub gpu_memory: u64,
}

impl Display for Spread {
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

impl Spread {
    /// As many segments of `plan`, scaled by `device`, at once as keep the cores busy and fit into the memory, with room
    /// for all frames of each: the decoder then never waits for one lane while another has nothing to do.
    ///
    /// # Errors
    /// [`Error::Options`] when the memory is not enough for one segment at a time.
    pub fn of(plan: &Plan, limits: &Limits, device: &Device) -> Result<Self> {
        let sizes: Vec<_> = plan.rungs.iter().map(|rung| rung.size).collect();
        let busy = plan.encoder.kind.segments_at_once(&sizes, plan.encoder.threads, limits.cores);
        let wanted = match (plan.segments.key_frames, limits.jobs) {
            (None, _) => 1,
            (Some(_), jobs) => jobs.unwrap_or(busy).max(1),
        };
        let spec = plan.scale_spec();
        let spec = spec.clone().narrowed(spec.area(plan.grid_windows()));
        let scaler = device.memory(&spec);
        let with = |jobs, segment_frames| Self::with(plan, &spec, scaler, limits.cores, jobs, segment_frames);
        let Some(memory) = limits.memory else { return Ok(with(wanted, plan.segment_frames())) };
        let fitting = (1..=wanted).rev().map(|jobs| with(jobs, plan.segment_frames()));
        // Less room for frames comes last: it lets cores wait.
        let tight = || with(1, LEAST_FRAMES);
        fitting.chain([tight()]).find(|spread| spread.memory <= memory).ok_or_else(|| {
            let needed = tight().memory.div_ceil(1 << 20);
            let given = memory >> 20;
            Error::options(format!(
                "{given} MiB of memory are not enough for one segment of this ladder, which takes about {needed} MiB; \
                 give more, or make fewer or smaller renditions"
            ))
        })
    }

    fn with(plan: &Plan, spec: &ScaleSpec, scaler: Memory, cores: usize, jobs: usize, segment_frames: usize) -> Self {
        // One lane is fed while it works.
        let lane_frames = if jobs == 1 { LEAST_FRAMES } else { segment_frames.max(LEAST_FRAMES) };
        let source_frames = jobs * lane_frames + LEAST_FRAMES;
        let lane = plan.rungs.iter().zip(&spec.rungs).map(|(rung, format)| {
            let PlannedEncoder { kind, speed, threads, .. } = &plan.encoder;
            let encoder = kind.memory(rung.size, format.depth, *speed, *threads);
            encoder + (RUNG_FRAMES * format.bytes()) as u64
        });
        let lanes = jobs as u64 * (lane.sum::<u64>() + scaler.host);
        let base = if scaler == Memory::default() { BASE } else { BASE + DRIVER };
        let memory = base + lanes + source_frames as u64 * spec.source.bytes() as u64;
        Self { jobs, cores, lane_frames, source_frames, memory, gpu_memory: jobs as u64 * scaler.gpu }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{PlanOptions, SegmentRule, tests::source};
    use crate::scale::DeviceChoice;

    fn plan(cores: usize) -> Plan {
        Plan::new(&source(1920, 1080), &PlanOptions { cores, ..PlanOptions::default() }).unwrap()
    }

    fn spread(cores: usize, jobs: Option<usize>, memory: Option<u64>) -> Result<Spread> {
        Spread::of(&plan(cores), &Limits { cores, jobs, memory }, &Device::cpu())
    }

    #[test]
    fn what_a_gpu_takes_counts() {
        let choice = DeviceChoice::Adapter(upright_fixtures::adapter());
        let (plan, limits) = (plan(16), Limits { cores: 16, jobs: Some(3), memory: None });
        let gpu = Device::open(&choice).unwrap();
        let [on_cpu, on_gpu] = [&Device::cpu(), &gpu].map(|device| Spread::of(&plan, &limits, device).unwrap());
        let spec = plan.scale_spec();
        let Memory { host, gpu: own } = gpu.memory(&spec.clone().narrowed(spec.area(plan.grid_windows())));
        // Three frames under way in every lane, of which the rungs alone are more than this.
        assert!(host > 3 * spec.rungs.iter().map(|rung| rung.bytes() as u64).sum::<u64>());
        assert_eq!(on_gpu, Spread { memory: on_cpu.memory + DRIVER + 3 * host, gpu_memory: 3 * own, ..on_cpu });
        let limits = Limits { memory: Some(on_gpu.memory - 1), ..limits };
        assert_eq!(Spread::of(&plan, &limits, &gpu).unwrap().jobs, 2);
    }

    #[test]
    fn the_spread_is_said_in_a_line() {
        let spread = |jobs, cores, gpu_memory| Spread {
            jobs,
            cores,
            lane_frames: 4,
            source_frames: 8,
            memory: 3 << 29,
            gpu_memory,
        };
        assert_eq!(spread(3, 2, 0).to_string(), "3 segments at a time on 2 cores, in about 1.50 GiB of memory");
        let said = spread(1, 1, 200 << 20).to_string();
        assert_eq!(said, "1 segment at a time on 1 core, in about 1.50 GiB of memory and 200 MiB of the GPU's");
    }

    #[test]
    fn segments_follow_cores() {
        let jobs = [1, 2, 4, 16].map(|cores| spread(cores, None, None).unwrap().jobs);
        assert_eq!(jobs[0], 1);
        assert!(jobs.is_sorted() && jobs[3] > 8 && jobs[3] < 16, "{jobs:?}");
        assert_eq!(spread(16, Some(3), None).unwrap().jobs, 3);
        assert_eq!(spread(1, Some(3), None).unwrap().jobs, 3);
        let whole = Plan { segments: SegmentRule { key_frames: None }, ..plan(16) };
        let limits = Limits { cores: 16, jobs: Some(3), memory: None };
        assert_eq!(Spread::of(&whole, &limits, &Device::cpu()).unwrap().jobs, 1, "a film of one segment has no more");
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
