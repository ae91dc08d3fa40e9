//! The machinery: starts the stages of a job, joins them with queues, waits for their end.

use super::control::Job;
use super::key_frames::KeyFrames;
use super::pool::FramePool;
use super::progress::Board;
use super::queue::QueueStats;
use super::report::{QueueReport, StageReport};
use super::spool::{Spool, SpoolWriter};
use super::stage::{Crew, StopAll, Waits};
use super::stages::{Decode, Encode, Film, Footage, Mux, Scale};
use crate::encode::Encoder;
use crate::error::Result;
use crate::plan::Plan;
use crate::scale::{DeviceInfo, Scaler};
use std::path::Path;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

// What bounds the memory: a job holds SOURCE_FRAMES frames of the source and RUNG_FRAMES of each rung, one with either
// neighbour of a queue and the rest inside, besides what the decoder, the scaler and the encoders hold themselves.

/// Source frames, between decoding and scaling.
const SOURCE_FRAMES: usize = 4;
/// Frames of each rung, between scaling and encoding.
const RUNG_FRAMES: usize = 4;
/// Packets of each rung, between encoding and muxing: an encoder gives them in bursts.
const PACKETS: usize = 16;
/// Time between two calls of `tick`.
const TICK: Duration = Duration::from_millis(100);

/// What the stages are made of; other things in tests.
pub(crate) trait Workshop: Sync {
    /// What comes of a finished rung.
    type Rendition: Send;
    /// What scales.
    fn scaler(&self) -> Result<Box<dyn Scaler>>;
    /// What encodes rung `rung` of the plan.
    fn encoder(&self, rung: usize) -> Result<Box<dyn Encoder>>;
    /// Puts a rung's packets and the film's sound together.
    fn assemble(&self, rung: usize, video: &Spool, film: &Film) -> Result<Self::Rendition>;
}

/// What is to be done with what.
pub(crate) struct Order<'a, F, W> {
    pub(crate) plan: &'a Plan,
    pub(crate) source: F,
    /// What to call the source in errors.
    pub(crate) name: &'a str,
    /// Fail at the first damage of the source.
    pub(crate) strict: bool,
    /// Whether the source has sound that is wanted.
    pub(crate) audio: bool,
    pub(crate) workshop: &'a W,
    /// Directory on whose disk packets wait.
    pub(crate) spool: &'a Path,
    pub(crate) board: &'a Board,
}

/// What was done.
#[derive(Debug)]
pub(crate) struct Outcome<R> {
    pub(crate) device: DeviceInfo,
    pub(crate) film: Film,
    /// In the order of the ladder.
    pub(crate) rungs: Vec<RungOutcome<R>>,
    pub(crate) stages: Vec<StageReport>,
    pub(crate) queues: Vec<QueueReport>,
}

/// What came of one rung.
#[derive(Debug)]
pub(crate) struct RungOutcome<R> {
    pub(crate) rendition: R,
    /// Bytes of its video packets.
    pub(crate) video_bytes: u64,
    pub(crate) encode_seconds: f64,
}

/// Carries an order out; calls `tick` about ten times a second meanwhile.
///
/// # Errors
/// The first error of any stage, once all have ended.
pub(crate) fn run<F: Footage, W: Workshop>(
    job: &Job,
    order: Order<'_, F, W>,
    tick: impl FnMut(),
) -> Result<Outcome<W::Rendition>> {
    let film = OnceLock::new();
    let ended = thread::scope(|scope| {
        let _stop = StopAll(job);
        run_stages(Crew::new(scope, job), job, order, &film, tick)
    });
    // What comes back as an error only follows from the job's own, which was first.
    let ended = ended.map_err(|_| job.reason())?;
    let film = film.into_inner().ok_or_else(|| job.reason())?;
    Ok(Outcome { device: ended.device, film, rungs: ended.rungs, stages: ended.stages, queues: ended.queues })
}

struct Ended<R> {
    device: DeviceInfo,
    rungs: Vec<RungOutcome<R>>,
    stages: Vec<StageReport>,
    queues: Vec<QueueReport>,
}

fn run_stages<'scope, F: Footage + 'scope, W: Workshop>(
    crew: Crew<'scope, '_>,
    job: &'scope Job,
    order: Order<'scope, F, W>,
    film: &'scope OnceLock<Film>,
    tick: impl FnMut(),
) -> Result<Ended<W::Rendition>> {
    let Order { plan, source, name, strict, audio, workshop, spool, board } = order;
    let mut queues = Vec::new();

    let source_frames = pool(job, FramePool::new(plan.video_in.format, SOURCE_FRAMES));
    let (decoded, to_scale) = job.queue(SOURCE_FRAMES);
    queues.push(("decode > scale".to_owned(), decoded.valve()));

    // The last stages first: nothing is decoded before everyone is ready.
    let mut rungs = Vec::new();
    let (mut outputs, mut output_valves, mut pool_valves) = (Vec::new(), Vec::new(), Vec::new());
    for (index, rung) in plan.rungs.iter().enumerate() {
        let size = rung.size;
        let (packets, to_mux) = job.queue(PACKETS);
        let waits = Waits { input: Some(packets.valve()), ..Waits::default() };
        let (mux, ()) = crew.start(
            format!("mux {size}"),
            waits,
            Mux { job, rung: index, board, input: to_mux, film },
            move || Ok((SpoolWriter::create(spool)?, ())),
            move |mux, spool| mux.run(spool, |video, film| workshop.assemble(index, video, film)),
        )?;

        let (scaled, to_encode) = job.queue(RUNG_FRAMES);
        queues.push((format!("scale > encode {size}"), scaled.valve()));
        queues.push((format!("encode > mux {size}"), packets.valve()));
        let waits = Waits { input: Some(scaled.valve()), outputs: vec![packets.valve()], ..Waits::default() };
        let (encode, ()) = crew.start(
            format!("encode {size}"),
            waits,
            Encode { job, input: to_encode, output: packets },
            move || Ok((workshop.encoder(index)?, ())),
            Encode::run,
        )?;
        rungs.push((encode, mux));

        let frames = pool(job, FramePool::new(plan.rung_format(size), RUNG_FRAMES));
        output_valves.push(scaled.valve());
        pool_valves.push(frames.valve());
        outputs.push((frames, scaled));
    }

    let waits = Waits { input: Some(decoded.valve()), outputs: output_valves, pools: pool_valves };
    let (scale, device) = crew.start(
        "scale".to_owned(),
        waits,
        Scale { job, plan, input: to_scale, rungs: outputs },
        move || {
            let scaler = workshop.scaler()?;
            let device = scaler.device().clone();
            Ok((scaler, device))
        },
        Scale::run,
    )?;

    let waits = Waits { input: None, outputs: vec![decoded.valve()], pools: vec![source_frames.valve()] };
    let key_frames = KeyFrames::new(plan.key_frames, plan.video_out.time_base);
    let (decode, ()) = crew.start(
        "decode".to_owned(),
        waits,
        Decode { job, source, name, strict, key_frames, pool: source_frames, output: decoded, film },
        move || Ok((audio.then(|| SpoolWriter::create(spool)).transpose()?, ())),
        Decode::run,
    )?;

    crew.wait(TICK, tick);

    let mut stages = vec![decode.join(job)?.1, scale.join(job)?.1];
    let mut outcomes = Vec::new();
    for (encode, mux) in rungs {
        let ((), encode) = encode.join(job)?;
        let ((rendition, video_bytes), mux) = mux.join(job)?;
        outcomes.push(RungOutcome { rendition, video_bytes, encode_seconds: encode.busy_seconds });
        stages.extend([encode, mux]);
    }
    let queues = queues.into_iter().map(|(name, queue)| queue_report(name, queue.stats())).collect();
    Ok(Ended { device, rungs: outcomes, stages, queues })
}

/// A pool that closes with the job.
fn pool(job: &Job, pool: FramePool) -> FramePool {
    job.close_with(pool.valve());
    pool
}

#[expect(clippy::cast_precision_loss, reason = "an average")]
fn queue_report(name: String, stats: QueueStats) -> QueueReport {
    let QueueStats { capacity, items, max_depth, depth_sum, .. } = stats;
    let mean_depth = if items > 0 { depth_sum as f64 / items as f64 } else { 0.0 };
    QueueReport { name, capacity, items, max_depth, mean_depth }
}

#[cfg(test)]
mod tests;
