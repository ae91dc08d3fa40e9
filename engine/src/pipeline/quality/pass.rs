//! Encoding pieces of a film at given qualities, and having them judged.

use super::super::factory::StageFactory;
use super::super::parallelism::{Limits, ParallelismPlan};
use super::super::progress::ProgressCounters;
use super::super::run::{PipelineSpec, run};
use super::super::spool::Spool;
use super::super::stages::Selection;
use super::super::summary::SourceSummary;
use super::super::windows::WindowRates;
use crate::control::Control;
use crate::encode::{Encoder, EncoderFactory, EncoderSettings};
use crate::error::{Error, Result};
use crate::frame::HeldFrame;
use crate::judge::{Evidence, Judge, WholeEvidence};
use crate::media::Source;
use crate::packet::Packet;
use crate::picture::{Device, Runner, Twin};
use crate::plan::Plan;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tempfile::TempDir;

/// One encoding of pieces of a film.
pub(super) struct Pass {
    /// Whose segments are the pieces, and have the qualities that are tried.
    pub(super) plan: Plan,
    /// Which of them are encoded.
    pub(super) wanted: Vec<bool>,
    pub(super) source: Source,
    pub(super) judge: Arc<Judge>,
    pub(super) counters: Arc<ProgressCounters>,
    pub(super) cores: usize,
    /// Whether what came of it is given to the caller, and is not judged.
    pub(super) keeps: bool,
}

/// What came of a piece.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Number of the piece, and of the rung.
    pub(super) piece: usize,
    pub(super) rung: usize,
    pub(super) frames: u64,
    pub(super) bytes: u64,
    /// The mean of its frames, where it was judged.
    pub(super) vmaf: Option<f64>,
    /// Where it is kept.
    pub(super) evidence: Option<WholeEvidence>,
}

impl Pass {
    /// Encodes the pieces of all rungs, judges them, and gives what came of each. What is kept lies in the folder that comes with it.
    ///
    /// # Errors
    /// The first of any stage, those of [`Judge::vmaf`], and [`Error::Cancelled`].
    pub(super) fn carry_out(self, job: &Control) -> Result<(Vec<Outcome>, TempDir)> {
        let Self { plan, wanted, source, judge, counters, cores, keeps } = self;
        job.close_with(&source.control().closer());
        let folder = TempDir::with_prefix("upright-quality.")
            .map_err(Error::io(std::env::temp_dir(), "cannot make a folder"))?;
        let device = Device::cpu();
        let limits = Limits { cores, jobs: None, memory: None };
        let parallelism = ParallelismPlan::of(&plan, &limits, &device)?;
        let graph = plan.graph();
        let runners = (0..parallelism.jobs).map(|_| device.runner(&graph)).collect::<Result<_>>()?;
        let outcomes = Arc::default();
        let factory = ProbeFactory {
            plan: &plan,
            encoders: EncoderFactory::find(&plan.wanted.encoder.kind)?,
            runners: Mutex::new(runners),
            job,
            folder: folder.path(),
            judge: (!keeps).then_some(judge),
            outcomes: Arc::clone(&outcomes),
        };
        let name = source.info().name.clone();
        let spec = PipelineSpec {
            plan: &plan,
            name: &name,
            selection: Selection::These(&wanted),
            strict: false,
            audio_tracks: 0,
            factory: &factory,
            parallelism: &parallelism,
            folder: folder.path(),
            counters: &counters,
        };
        run(job, &spec, source)?;
        let outcomes = std::mem::take(&mut *outcomes.lock().unwrap_or_else(PoisonError::into_inner));
        Ok((outcomes, folder))
    }
}

type Outcomes = Arc<Mutex<Vec<Outcome>>>;

/// What the stages of a pass are made of.
struct ProbeFactory<'a> {
    plan: &'a Plan,
    encoders: EncoderFactory,
    /// One for each lane.
    runners: Mutex<Vec<Box<dyn Runner>>>,
    job: &'a Control,
    folder: &'a Path,
    judge: Option<Arc<Judge>>,
    outcomes: Outcomes,
}

impl StageFactory for ProbeFactory<'_> {
    type Rendition = ();

    fn runner(&self) -> Result<Box<dyn Runner>> {
        let runner = self.runners.lock().unwrap_or_else(PoisonError::into_inner).pop();
        runner.ok_or_else(|| Error::StageLost { stage: "scale".to_owned() })
    }

    fn twin(&self) -> Option<Twin<'_>> {
        None
    }

    fn encoder(&self, rung: usize, segment: usize) -> Result<Box<dyn Encoder>> {
        let settings = self.plan.encoder_settings(rung, segment).ok_or_else(|| Error::misuse("no such rung"))?;
        // Grain that decoders add is no loss.
        let settings = EncoderSettings { grain: None, ..settings };
        Ok(Box::new(ProbedEncoder {
            inner: Some(self.encoders.open(&settings, self.job)?),
            evidence: Some(Evidence::begin(self.folder, &format!("{segment}-{rung}"), &settings)?),
            piece: segment,
            rung,
            judge: self.judge.clone(),
            job: self.job.clone(),
            outcomes: Arc::clone(&self.outcomes),
        }))
    }

    fn assemble(&self, _: usize, _: &Spool, _: WindowRates, _: &SourceSummary) -> Result<()> {
        Ok(())
    }
}

/// An encoder whose pictures and packets are kept, and judged once all are there.
struct ProbedEncoder {
    /// Until it has made all packets: others may wait for it to be closed.
    inner: Option<Box<dyn Encoder>>,
    evidence: Option<Evidence>,
    piece: usize,
    rung: usize,
    judge: Option<Arc<Judge>>,
    job: Control,
    outcomes: Outcomes,
}

impl ProbedEncoder {
    fn note(&mut self, packets: &[Packet]) -> Result<()> {
        let Some(evidence) = &mut self.evidence else { return Ok(()) };
        packets.iter().try_for_each(|packet| evidence.add_packet(&packet.data))
    }
}

impl Encoder for ProbedEncoder {
    fn encode(&mut self, frame: HeldFrame, key: bool, packets: &mut Vec<Packet>) -> Result<()> {
        let before = packets.len();
        if let (Some(inner), Some(evidence)) = (&mut self.inner, &mut self.evidence) {
            evidence.add_picture(&frame)?;
            inner.encode(frame, key, packets)?;
        }
        self.note(&packets[before..])
    }

    fn finish(&mut self, packets: &mut Vec<Packet>) -> Result<bool> {
        let before = packets.len();
        let more = self.inner.as_mut().map_or(Ok(false), |inner| inner.finish(packets))?;
        self.note(&packets[before..])?;
        if more {
            return Ok(true);
        }
        self.inner = None;
        let Some(evidence) = self.evidence.take() else { return Ok(false) };
        let evidence = evidence.finish()?;
        let vmaf = self
            .judge
            .as_ref()
            .map(|judge| judge.vmaf(&evidence.packets, &evidence.pictures, None, evidence.frames, &self.job));
        let (frames, bytes, vmaf) = (evidence.frames, evidence.bytes, vmaf.transpose()?);
        let evidence = vmaf.is_none().then_some(evidence);
        let outcome = Outcome { piece: self.piece, rung: self.rung, frames, bytes, vmaf, evidence };
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
        Ok(false)
    }
}
