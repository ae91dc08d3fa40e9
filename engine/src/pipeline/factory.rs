//! What the stages of a job are made of.

use super::spool::Spool;
use super::summary::SourceSummary;
use super::windows::WindowRates;
use crate::encode::Encoder;
use crate::error::Result;
use crate::picture::{Runner, Twin};
use crate::store::PlanStore;

/// What the stages are made of; other things in tests.
pub(crate) trait StageFactory: Sync {
    /// What comes of a finished rung.
    type Rendition: Send + Sync;
    /// Makes the runner of one lane.
    fn runner(&self) -> Result<Box<dyn Runner>>;
    /// Tells what goes on in a runner's place when its device fails; none where that ends the job.
    fn twin(&self) -> Option<Twin<'_>>;
    /// Opens an encoder for a segment of rung `rung` of the plan.
    fn encoder(&self, rung: usize, segment: usize) -> Result<Box<dyn Encoder>>;
    /// Gives the store of the plan's segments, where there is one.
    fn store(&self) -> Option<&PlanStore> {
        None
    }
    /// Puts a rung's packets, whose rates are these, and the film's sound together.
    fn assemble(
        &self,
        rung: usize,
        video: &Spool,
        rates: WindowRates,
        summary: &SourceSummary,
    ) -> Result<Self::Rendition>;
}
