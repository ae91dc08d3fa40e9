//! Carrying a plan out.

use super::{Control, Progress, Report};
use crate::error::Result;
use crate::media::Source;
use crate::plan::Plan;
use crate::scale::DeviceChoice;
use std::path::PathBuf;

/// How a plan is carried out; nothing here changes what is in the renditions.
#[derive(Clone, Debug)]
pub struct RenderOptions {
    /// Directory of the renditions, `WIDTHxHEIGHT.mp4` each, and of `report.json`. It is made where it is missing.
    pub directory: PathBuf,
    /// Replace what is there already.
    pub overwrite: bool,
    /// Fail on a damaged or truncated source instead of converting what is whole.
    pub strict: bool,
    /// What scales.
    pub device: DeviceChoice,
}

/// Carries `plan` out on the source that it was made from.
///
/// `on_progress` is called from this thread, about ten times a second at most and once at the very end.
///
/// Nothing appears under a final name until everything is whole and checked; what was written is removed on failure.
///
/// # Errors
/// [`crate::Error::OutputExists`] before anything is done; else the first error of any stage, or
/// [`crate::Error::Cancelled`].
pub fn render(
    _source: Source,
    _plan: &Plan,
    _options: &RenderOptions,
    _control: &Control,
    _on_progress: &(dyn Fn(&Progress) + Sync),
) -> Result<Report> {
    unreachable!("the stages come next")
}
