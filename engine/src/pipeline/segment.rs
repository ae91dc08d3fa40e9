//! Encoding one segment of a plan into a store.

use super::factory::StageFactory;
use super::parallelism::{Limits, ParallelismPlan};
use super::progress::{Expected, Progress, ProgressCounters};
use super::render::{Tools, check_room, plan_store};
use super::run::{PipelineSpec, run};
use super::spool::Spool;
use super::stages::Selection;
use super::summary::SourceSummary;
use super::windows::WindowRates;
use crate::control::Control;
use crate::encode::{Encoder, EncoderFactory};
use crate::error::{Error, Result};
use crate::media::Source;
use crate::picture::{Device, DeviceChoice, Runner, Twin};
use crate::plan::Plan;
use crate::source::Damage;
use crate::store::{PlanStore, StoreOptions};
use serde::Serialize;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// How a segment is encoded; nothing here changes what comes out.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SegmentOptions {
    /// Where the encoded segment is kept.
    pub store: StoreOptions,
    /// What scales.
    pub device: DeviceChoice,
    /// Cores and memory.
    pub limits: Limits,
}

impl SegmentOptions {
    /// A segment into `store`, with all of this machine.
    pub fn new(store: StoreOptions) -> Self {
        Self { store, device: DeviceChoice::Auto, limits: Limits::default() }
    }

    /// Sets [`SegmentOptions::device`].
    #[must_use]
    pub fn device(self, device: DeviceChoice) -> Self {
        Self { device, ..self }
    }

    /// Sets [`SegmentOptions::limits`].
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }
}

/// What came of a segment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SegmentReport {
    /// Its number in the plan, from 0.
    pub number: usize,
    /// Frames of each rung; none where it was there already.
    pub frames: Option<u64>,
    /// Whether all rungs of it were in the store already, so that nothing was to be done.
    pub was_stored: bool,
    /// What was wrong with the source in it.
    pub damage: Damage,
    /// Seconds that it took.
    pub wall_seconds: f64,
}

/// Encodes one segment of all rungs of `plan` into a store, unless it is there already. The source is to be opened as
/// [`Plan::open_options_for_segments`] says; it is sought in where that gives the same frames, and else decoded from its beginning.
///
/// # Errors
/// [`Error::InvalidOption`] when the plan has no segment of this number; [`Error::OtherSource`] when it was made from another
/// source; [`Error::NotInSource`] when its segments are not known beforehand; [`Error::BadStore`]; else the first error of any
/// stage, or [`Error::Cancelled`].
pub fn encode_segment(
    source: Source,
    plan: &Plan,
    number: usize,
    options: &SegmentOptions,
    control: &Control,
    on_progress: &(dyn Fn(&Progress) + Sync),
) -> Result<SegmentReport> {
    let begin = Instant::now();
    plan.check_source(source.info())?;
    let count = plan.segments().map_or(usize::MAX, <[_]>::len);
    if number >= count {
        let last = count.saturating_sub(1);
        return Err(Error::invalid("segment", number, format!("the plan has segments 0 to {last}")));
    }
    let encoders = EncoderFactory::find(&plan.wanted.encoder.kind)?;
    let store = plan_store(plan, &encoders, &options.store, control)?;
    if let Some(stored) = store.segment(number, plan.follows.rungs.len())? {
        let damage = stored.first().map(|stored| stored.damage().clone()).unwrap_or_default();
        let wall_seconds = begin.elapsed().as_secs_f64();
        return Ok(SegmentReport { number, frames: None, was_stored: true, damage, wall_seconds });
    }
    let counters = Arc::new(ProgressCounters::new(plan.follows.rungs.iter().map(|rung| rung.size), plan.frame_ticks()));
    let expected = Expected::of_segment(plan, number);
    let progress = || Progress::read(&counters, expected, plan.time_base(), begin.elapsed());
    let job = control.part();
    // A source that stalls is not waited for once something else has failed.
    job.close_with(&source.control().closer());
    let work = SegmentJob {
        job: job.clone(),
        source,
        plan: plan.clone(),
        number,
        encoders,
        store,
        device: options.device.clone(),
        limits: options.limits,
        counters: Arc::clone(&counters),
    };
    let (frames, damage) = job.aside("job", || on_progress(&progress()), move || work.carry_out())?;
    on_progress(&progress().done());
    let wall_seconds = begin.elapsed().as_secs_f64();
    Ok(SegmentReport { number, frames: Some(frames), was_stored: false, damage, wall_seconds })
}

/// What may be left behind, if it has to be, and refers to nothing of its caller.
struct SegmentJob {
    job: Control,
    source: Source,
    plan: Plan,
    number: usize,
    encoders: EncoderFactory,
    store: PlanStore,
    device: DeviceChoice,
    limits: Limits,
    counters: Arc<ProgressCounters>,
}

impl SegmentJob {
    fn carry_out(self) -> Result<(u64, Damage)> {
        let Self { job, source, plan, number, encoders, store, device: choice, limits, counters } = self;
        check_room(&plan)?;
        let parallelism_on = |device: &Device| ParallelismPlan::of(&plan, &Limits { jobs: Some(1), ..limits }, device);
        let (device, runners) = Device::open_for(&choice, &plan.graph(), |_| Ok(1))?;
        let parallelism = parallelism_on(&device)?;
        let name = source.info().name.clone();
        let tools = Tools {
            plan: &plan,
            encoders: &encoders,
            runners: Mutex::new(runners),
            has_twin: choice == DeviceChoice::Auto,
            job: &job,
        };
        // What lies aside there has no name.
        let folder = store.scratch().to_path_buf();
        let factory = SegmentStageFactory { tools, store };
        let spec = PipelineSpec {
            plan: &plan,
            name: &name,
            selection: Selection::Only(number),
            strict: false,
            audio_tracks: 0,
            factory: &factory,
            parallelism: &parallelism,
            folder: &folder,
            counters: &counters,
        };
        let summary = run(&job, &spec, source)?.summary;
        Ok((summary.frames.count(), summary.damage))
    }
}

/// What the stages that encode a segment are made of.
struct SegmentStageFactory<'a> {
    tools: Tools<'a>,
    store: PlanStore,
}

impl StageFactory for SegmentStageFactory<'_> {
    type Rendition = ();

    fn runner(&self) -> Result<Box<dyn Runner>> {
        self.tools.runner()
    }

    fn twin(&self) -> Option<Twin<'_>> {
        self.tools.twin()
    }

    fn encoder(&self, rung: usize, segment: usize) -> Result<Box<dyn Encoder>> {
        self.tools.encoder(rung, segment)
    }

    fn store(&self) -> Option<&PlanStore> {
        Some(&self.store)
    }

    fn assemble(&self, _: usize, _: &Spool, _: WindowRates, _: &SourceSummary) -> Result<()> {
        Ok(())
    }
}
