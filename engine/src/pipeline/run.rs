//! The machinery: starts the stages of a job, joins them with queues, waits for their end.
//!
//! ```text
//!            ┌─▶ lane 0: scale ─┬▶ encode, rung 0 ─┐  ┌▶ mux, rung 0
//! decode ────┤                  └▶ encode, rung 1 ─┼──┤
//!            └─▶ lane 1: ...                       ┘  └▶ mux, rung 1
//! ```

use super::key_frames::KeyFrames;
use super::pool::Pool;
use super::progress::Board;
use super::queue::{QueueStats, StageQueue, Valve};
use super::report::{QueueReport, StageReport};
use super::spool::{Spool, SpoolWriter};
use super::spread::Spread;
use super::stage::{Crew, Stage, Starting, StopAll, Waits};
use super::stages::{Decode, Encode, Film, Footage, Mux, Scale};
use crate::control::{Close, Control};
use crate::encode::Encoder;
use crate::error::Result;
use crate::frame::Area;
use crate::plan::Plan;
use crate::scale::{DeviceInfo, Fallback, FallbackScaler, GpuStats, Scaler, Twin};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::thread;

// What bounds the memory: a job holds the source frames of its `Spread`, RUNG_FRAMES of each rung in each lane, one with
// either neighbour of a queue and the rest inside, and the packets of the segments that TICKETS lets overtake one another,
// besides what the decoder, the scalers and the encoders hold themselves.

/// Frames of each rung and lane, between scaling and encoding: one that is read while the next is made.
pub(super) const RUNG_FRAMES: usize = 2;
/// Packets of each rung, between encoding and muxing: an encoder gives them in bursts.
const PACKETS: usize = 16;
/// Segments for each lane that are begun and not yet in their place in every rendition.
const TICKETS: usize = 2;

/// What the stages are made of; other things in tests.
pub(crate) trait Workshop: Sync {
    /// What comes of a finished rung.
    type Rendition: Send;
    /// What scales in one lane.
    fn scaler(&self) -> Result<Box<dyn Scaler>>;
    /// What goes on in its place when its device fails; none where that ends the job.
    fn twin(&self) -> Option<Twin<'_>>;
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
    /// How many segments at once, and with how many source frames.
    pub(crate) spread: &'a Spread,
    /// What of the upright grid the source's frames are.
    pub(crate) area: Area,
    /// Directory on whose disk packets wait.
    pub(crate) spool: &'a Path,
    pub(crate) board: &'a Board,
}

/// What was done.
#[derive(Debug)]
pub(crate) struct Outcome<R> {
    pub(crate) device: DeviceInfo,
    /// What the GPU did, where one was at work.
    pub(crate) gpu: Option<GpuStats>,
    /// Where it was left, when it failed.
    pub(crate) fallback: Option<Fallback>,
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

/// Carries an order out.
///
/// # Errors
/// The first error of any stage, once all have ended.
pub(crate) fn run<F: Footage, W: Workshop>(job: &Control, order: Order<'_, F, W>) -> Result<Outcome<W::Rendition>> {
    let (film, fallback) = (OnceLock::new(), OnceLock::new());
    let ended = thread::scope(|scope| {
        let _stop = StopAll(job);
        run_stages(&Crew::new(scope, job), job, order, (&film, &fallback))
    });
    // What comes back as an error only follows from the job's own, which was first.
    let ended = ended.map_err(|_| job.reason())?;
    let film = film.into_inner().ok_or_else(|| job.reason())?;
    let Ended { device, gpu, rungs, stages, queues } = ended;
    Ok(Outcome { device, gpu, fallback: fallback.into_inner(), film, rungs, stages, queues })
}

struct Ended<R> {
    device: DeviceInfo,
    gpu: Option<GpuStats>,
    rungs: Vec<RungOutcome<R>>,
    stages: Vec<StageReport>,
    queues: Vec<QueueReport>,
}

fn run_stages<'scope, F: Footage + 'scope, W: Workshop>(
    crew: &Crew<'scope, '_>,
    job: &'scope Control,
    order: Order<'scope, F, W>,
    (film, fallback): (&'scope OnceLock<Film>, &'scope OnceLock<Fallback>),
) -> Result<Ended<W::Rendition>> {
    let Order { plan, source, name, strict, audio, workshop, spread, area, spool, board } = order;
    let mut joints = Joints::default();

    // The last stages first; all make ready side by side.
    let (mut muxes, mut coded) = (Vec::new(), Vec::new());
    for (index, rung) in plan.rungs.iter().enumerate() {
        let (packets, to_mux) = StageQueue::of(job, PACKETS);
        let waits = Waits { input: Some(packets.valve()), ..Waits::default() };
        let mux = crew.start(
            format!("mux {}", rung.size),
            waits,
            Mux { job, rung: index, board, input: to_mux, film },
            move || Ok((SpoolWriter::create(spool)?, ())),
            move |mux, spool| mux.run(spool, |video, film| workshop.assemble(index, video, film)),
        )?;
        joints.add(format!("encode > mux {}", rung.size), packets.valve());
        muxes.push(mux);
        coded.push(packets);
    }

    let (idle, waiting_lanes) = StageQueue::of(job, spread.jobs);
    let (mut lanes, mut scales, mut encodes) = (Vec::new(), Vec::new(), Vec::new());
    for lane in 0..spread.jobs {
        let (mut outputs, mut output_valves, mut pool_valves) = (Vec::new(), Vec::new(), Vec::new());
        for (index, (rung, packets)) in plan.rungs.iter().zip(&coded).enumerate() {
            let (scaled, to_encode) = StageQueue::of(job, RUNG_FRAMES);
            joints.add(format!("scale > encode {}", rung.size), scaled.valve());
            let waits = Waits { input: Some(scaled.valve()), outputs: vec![packets.valve()], ..Waits::default() };
            let open = move || workshop.encoder(index);
            let encode = crew.start(
                format!("encode {}", rung.size),
                waits,
                Encode { job, input: to_encode, output: packets.clone() },
                // One lane shows that the encoder can be had; a short film may never need the others'.
                move || Ok(((lane == 0).then(open).transpose()?, ())),
                move |encode, first| encode.run(first, open),
            )?;
            encodes.push(encode);
            let frames = pool(job, Pool::of_frames(RUNG_FRAMES, plan.rung_format(rung.size)));
            output_valves.push(scaled.valve());
            pool_valves.push(frames.valve());
            outputs.push((frames, scaled));
        }

        let (decoded, input) = StageQueue::of(job, spread.lane_frames);
        joints.add("decode > scale".to_owned(), decoded.valve());
        let waits = Waits { input: Some(decoded.valve()), outputs: output_valves, pools: pool_valves };
        let scale = crew.start(
            "scale".to_owned(),
            waits,
            Scale { job, plan, area, lane, idle: idle.clone(), input, rungs: outputs },
            move || {
                let scaler = workshop.scaler()?;
                let device = scaler.device().clone();
                Ok((FallbackScaler::new(scaler, workshop.twin(), fallback), device))
            },
            Scale::run,
        )?;
        scales.push(scale);
        lanes.push(decoded);
    }
    let idle_valve = idle.valve();
    drop((coded, idle));
    // Nothing is decoded before everyone is ready: encoders of SVT-AV1 wait to be opened while one of them works.
    let (muxes, encodes) = (all_ready(muxes)?, all_ready(encodes)?);
    let (scales, mut devices): (Vec<_>, Vec<_>) = scales.into_iter().map(Starting::ready).collect::<Result<_>>()?;

    let source_frames = pool(job, Pool::of_frames(spread.source_frames, area.format(plan.video_in.format)));
    let tickets = pool(job, Pool::new(TICKETS * spread.jobs, || ()));
    let waits = Waits {
        input: None,
        outputs: lanes.iter().map(|lane| lane.valve()).collect(),
        pools: vec![source_frames.valve(), tickets.valve(), idle_valve],
    };
    let decode = Decode {
        job,
        source,
        name,
        strict,
        area,
        key_frames: KeyFrames::new(plan.key_frames, plan.video_out.time_base),
        time_base: plan.video_out.time_base,
        segment_key_frames: plan.segments.key_frames,
        pool: source_frames,
        tickets,
        idle: waiting_lanes,
        lanes,
        film,
    };
    let start_spool = move || Ok((audio.then(|| SpoolWriter::create(spool)).transpose()?, ()));
    let (decode, ()) = crew.start("decode".to_owned(), waits, decode, start_spool, Decode::run)?.ready()?;

    let (gpus, scale) = join_all(scales, job)?;
    let gpu = gpus.into_iter().flatten().reduce(GpuStats::and);
    let mut stages = vec![decode.join(job)?.1, scale];
    let mut outcomes = Vec::new();
    let mut encodes: Vec<_> = encodes.into_iter().map(Some).collect();
    for (index, mux) in muxes.into_iter().enumerate() {
        let of_rung = encodes.iter_mut().skip(index).step_by(plan.rungs.len()).filter_map(Option::take).collect();
        let (_, encode) = join_all(of_rung, job)?;
        let ((rendition, video_bytes), mux) = mux.join(job)?;
        outcomes.push(RungOutcome { rendition, video_bytes, encode_seconds: encode.busy_seconds });
        stages.extend([encode, mux]);
    }
    let device = devices.pop().ok_or_else(|| job.reason())?;
    Ok(Ended { device, gpu, rungs: outcomes, stages, queues: joints.reports() })
}

fn all_ready<T>(stages: Vec<Starting<'_, T, ()>>) -> Result<Vec<Stage<'_, T>>> {
    stages.into_iter().map(|stage| stage.ready().map(|(stage, ())| stage)).collect()
}

/// Waits for stages of one name; gives what each made, and adds up how they spent their time.
fn join_all<T>(stages: Vec<Stage<'_, T>>, job: &Control) -> Result<(Vec<T>, StageReport)> {
    let (mut made, mut sum) = (Vec::new(), None);
    for stage in stages {
        let (output, report) = stage.join(job)?;
        made.push(output);
        match &mut sum {
            None => sum = Some(report),
            Some(sum) => sum.add(&report),
        }
    }
    Ok((made, sum.ok_or_else(|| job.reason())?))
}

/// The queues of a job by what they join; those of several lanes have one name.
#[derive(Default)]
struct Joints(Vec<(String, Vec<Arc<dyn Valve>>)>);

impl Joints {
    fn add(&mut self, name: String, queue: Arc<dyn Valve>) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, queues)) => queues.push(queue),
            None => self.0.push((name, vec![queue])),
        }
    }

    fn reports(self) -> Vec<QueueReport> {
        self.0.into_iter().map(|(name, queues)| queue_report(name, queues.iter().map(|queue| queue.stats()))).collect()
    }
}

/// A pool that closes with the job.
fn pool<T: Send + 'static>(job: &Control, pool: Pool<T>) -> Pool<T> {
    job.close_with(&(pool.valve() as Arc<dyn Close>));
    pool
}

#[expect(clippy::cast_precision_loss, reason = "an average")]
fn queue_report(name: String, queues: impl Iterator<Item = QueueStats>) -> QueueReport {
    let mut report = QueueReport { name, queues: 0, capacity: 0, items: 0, max_depth: 0, mean_depth: 0.0 };
    let mut depths = 0;
    for QueueStats { capacity, items, max_depth, depth_sum, .. } in queues {
        report.queues += 1;
        report.capacity = capacity;
        report.items += items;
        report.max_depth = report.max_depth.max(max_depth);
        depths += depth_sum;
    }
    if report.items > 0 {
        report.mean_depth = depths as f64 / report.items as f64;
    }
    report
}

#[cfg(test)]
mod tests;
