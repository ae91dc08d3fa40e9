//! `upright preview`: a small film of a plan.

use crate::args::PreviewArguments;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output::Messages;
use crate::plan_file;
use crate::progress::{self, Reporter};
use std::io::Write as _;
use std::time::Instant;
use upright_engine::{Error, Result, preview, remote};

/// Writes the film, which appears under its name when it is whole.
///
/// # Errors
/// The engine's.
pub(crate) fn preview(arguments: PreviewArguments, quiet: bool, messages: &mut Messages) -> Result<Exit, Failure> {
    let PreviewArguments { plan: file, output, overwrite, progress, access } = arguments;
    let document = plan_file::check_free(&output, overwrite).and_then(|()| plan_file::read(&file));
    let document = document.map_err(|error| Reporter::failed_early(progress, quiet, messages, error))?;
    let interrupt = Interrupt::listen()?;
    let reporter = Reporter::new(progress, quiet, messages);
    let begin = Instant::now();
    let made = || -> Result<u64> {
        let source = document.open_pictures(&access, None, interrupt.control())?;
        if source.is_at(&output) {
            return Err(Error::OutputIsInput { path: output.clone() });
        }
        let draft = plan_file::draft(&output)?;
        let told = |progress: &_| reporter.progress(progress);
        let frames = preview::preview(source, &document.plan, draft.path(), interrupt.control(), &told)?;
        plan_file::publish(draft, &output, overwrite)?;
        Ok(frames)
    };
    match made() {
        Ok(frames) => {
            reporter.previewed(&output, frames, begin.elapsed())?;
            if !quiet {
                let clock = progress::clock(begin.elapsed().as_secs_f64());
                // Nobody is left to be told when standard error is gone.
                let _ = writeln!(messages, "{}: {frames} frames in {clock}", remote::shown(&output));
            }
            Ok(Exit::Success)
        }
        Err(error) => {
            let failure = interrupt.failure(error);
            reporter.failed(&failure);
            Err(failure)
        }
    }
}
