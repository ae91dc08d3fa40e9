//! The machinery: declares the stages of a job and the queues that join them, and runs them to their end.
//!
//! ```text
//!            ┌─▶ lane 0: scale ─┬▶ encode, rung 0 ─┐  ┌▶ mux, rung 0
//! decode ────┤                  └▶ encode, rung 1 ─┼──┤
//!            └─▶ lane 1: ...                       ┘  └▶ mux, rung 1
//! ```

use super::factory::StageFactory;
use super::graph::{GraphReport, StageGraph};
use super::messages::{DecodedFrame, EncodedEvent, ScaledFrame, SegmentEvent};
use super::parallelism::ParallelismPlan;
use super::pool::Pool;
use super::progress::ProgressCounters;
use super::queue::{Receiver, Sender};
use super::report::{QueueReport, StageReport};
use super::results::{RungResult, ScaleResults};
use super::stages::{Decode, Encode, FrameSource, Mux, Scale, Selection};
use super::summary::SourceSummary;
use crate::control::Control;
use crate::error::Result;
use crate::picture::{DeviceInfo, Fallback, GpuStats};
use crate::plan::{Plan, RUNG_FRAMES, RungFollows};
use std::path::Path;
use std::sync::OnceLock;

// What bounds the memory: a job holds the source frames of its `ParallelismPlan`, RUNG_FRAMES of each rung in each lane, one
// with either neighbour of a queue and the rest inside, and the packets of the segments that TICKETS lets overtake one
// another, besides what the decoder, the runners and the encoders hold themselves.

/// Packets of each rung, between encoding and muxing: an encoder gives them in bursts.
const PACKETS: usize = 16;
/// Segments for each lane that are begun and not yet in their place in every rendition.
const TICKETS: usize = 2;

/// What is to be done, and with what.
pub(crate) struct PipelineSpec<'a, W> {
    pub(crate) plan: &'a Plan,
    /// What to call the source in errors.
    pub(crate) name: &'a str,
    pub(crate) selection: Selection<'a>,
    /// Fail at the first damage of the source.
    pub(crate) strict: bool,
    /// How many tracks of sound are wanted.
    pub(crate) audio_tracks: usize,
    pub(crate) factory: &'a W,
    /// How many segments at once, and with how many source frames.
    pub(crate) parallelism: &'a ParallelismPlan,
    /// Directory on whose disk packets wait.
    pub(crate) folder: &'a Path,
    pub(crate) counters: &'a ProgressCounters,
}

/// What was done.
#[derive(Debug)]
pub(crate) struct Outcome<R> {
    pub(crate) device: DeviceInfo,
    /// What the GPU did, where one was at work.
    pub(crate) gpu: Option<GpuStats>,
    /// Where it was left, when it failed.
    pub(crate) fallback: Option<Fallback>,
    pub(crate) summary: SourceSummary,
    /// In the order of the ladder.
    pub(crate) rungs: Vec<RungResult<R>>,
    pub(crate) stages: Vec<StageReport>,
    pub(crate) queues: Vec<QueueReport>,
}

/// The edges of the graph, each with both of its ends.
struct Edges {
    /// One for each lane.
    decoded: Vec<Edge<SegmentEvent<DecodedFrame>>>,
    /// One for each rung of each lane.
    scaled: Vec<Vec<Edge<SegmentEvent<ScaledFrame>>>>,
    /// One for each lane: its encoders say that they are open.
    opened: Vec<Edge<()>>,
    /// One for each rung.
    encoded: Vec<Edge<EncodedEvent>>,
    /// Numbers of lanes that have nothing to do, back to the decoder.
    idle: Edge<usize>,
}

type Edge<T> = (Sender<T>, Receiver<T>);

impl Edges {
    fn declare(graph: &mut StageGraph<'_>, rungs: &[RungFollows], parallelism: &ParallelismPlan) -> Self {
        let encoded = rungs.iter().map(|rung| graph.edge(format!("encode > mux {}", rung.name()), PACKETS)).collect();
        let mut scaled = Vec::new();
        for _ in 0..parallelism.jobs {
            let of_lane = rungs.iter().map(|rung| graph.edge(format!("scale > encode {}", rung.name()), RUNG_FRAMES));
            scaled.push(of_lane.collect());
        }
        let decoded = (0..parallelism.jobs).map(|_| graph.edge("decode > scale", parallelism.lane_frames)).collect();
        let opened = (0..parallelism.jobs).map(|_| graph.unreported_edge(rungs.len())).collect();
        Self { decoded, scaled, opened, encoded, idle: graph.unreported_edge(parallelism.jobs) }
    }
}

/// Does what a specification says with a source.
///
/// # Errors
/// The first error of any stage, once all have ended.
pub(crate) fn run<F: FrameSource, W: StageFactory>(
    job: &Control,
    spec: &PipelineSpec<'_, W>,
    source: F,
) -> Result<Outcome<W::Rendition>> {
    let (summary, scaling) = (OnceLock::new(), ScaleResults::default());
    let results: Vec<_> = spec.plan.follows.rungs.iter().map(|_| OnceLock::new()).collect();
    let mut graph = StageGraph::new(job);
    declare(&mut graph, job, spec, source, &Results { summary: &summary, scaling: &scaling, rungs: &results });
    let GraphReport { stages, queues } = graph.run()?;
    let ended = || job.reason();
    let (device, gpu, fallback) = scaling.into_parts();
    Ok(Outcome {
        device: device.ok_or_else(ended)?,
        gpu,
        fallback,
        summary: summary.into_inner().ok_or_else(ended)?,
        rungs: results.into_iter().map(|result| result.into_inner().ok_or_else(ended)).collect::<Result<_>>()?,
        stages,
        queues,
    })
}

/// Where stages leave what they come to.
struct Results<'a, R> {
    summary: &'a OnceLock<SourceSummary>,
    scaling: &'a ScaleResults,
    rungs: &'a [OnceLock<RungResult<R>>],
}

/// Declares all stages and edges of a job: the one place that knows what is joined to what.
fn declare<'a, F: FrameSource + 'a, W: StageFactory>(
    graph: &mut StageGraph<'a>,
    job: &'a Control,
    spec: &PipelineSpec<'a, W>,
    source: F,
    results: &Results<'a, W::Rendition>,
) {
    let PipelineSpec { plan, factory, parallelism, folder, counters, .. } = *spec;
    let rungs = &plan.follows.rungs;
    let edges = Edges::declare(graph, rungs, parallelism);
    let Edges { decoded, scaled, opened, encoded, idle: (idle, waiting_lanes) } = edges;
    let (lanes, to_scale): (Vec<_>, Vec<_>) = decoded.into_iter().unzip();
    let (muxes, to_mux): (Vec<_>, Vec<_>) = encoded.into_iter().unzip();

    let source_frames = Pool::of_frames(parallelism.source_frames, plan.largest_source_frame());
    let decode = Decode {
        job,
        factory,
        plan,
        selection: spec.selection,
        can_skip: plan.found.scan.is_some_and(|scan| scan.can_skip),
        source,
        name: spec.name,
        strict: spec.strict,
        pool: graph.pool(source_frames),
        tickets: graph.pool(Pool::new(TICKETS * parallelism.jobs, || ())),
        idle: waiting_lanes,
        lanes,
        muxes: muxes.clone(),
        summary: results.summary,
        audio_tracks: spec.audio_tracks,
        folder,
        audio: Vec::new(),
    };
    graph.stage(decode);

    let mut to_encode: Vec<Vec<_>> = rungs.iter().map(|_| Vec::new()).collect();
    for (lane, ((input, scaled), (is_open, opened))) in to_scale.into_iter().zip(scaled).zip(opened).enumerate() {
        let mut outputs = Vec::new();
        for ((scaled, receiver), to_encode) in scaled.into_iter().zip(&mut to_encode) {
            outputs.push((graph.pool(Pool::new(RUNG_FRAMES, || ())), scaled));
            to_encode.push((receiver, is_open.clone()));
        }
        let (results, idle) = (results.scaling, idle.clone());
        graph.stage(Scale { job, factory, results, plan, lane, idle, input, opened, rungs: outputs, runner: None });
    }

    let of_rungs = rungs.iter().zip(to_encode).zip(muxes.into_iter().zip(to_mux)).zip(results.rungs).enumerate();
    for (rung, (((follows, inputs), (packets, to_mux)), result)) in of_rungs {
        for (lane, (input, opened)) in inputs.into_iter().enumerate() {
            let (output, opens_early_for) = (packets.clone(), (lane == 0).then(|| spec.selection.first()));
            let name = follows.name();
            graph.stage(Encode { job, factory, plan, rung, name, input, opened, output, opens_early_for, first: None });
        }
        let (input, summary) = (to_mux, results.summary);
        let name = follows.name();
        graph.stage(Mux { job, factory, plan, rung, name, counters, input, summary, result, folder, spool: None });
    }
}

#[cfg(test)]
mod tests;
