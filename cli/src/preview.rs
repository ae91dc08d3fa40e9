//! `upright preview`: a small film of a plan.

use crate::args::PreviewArguments;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output::Messages;
use crate::plan_file::{self, PlanDocument};
use crate::progress::{self, Reporter};
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;
use upright_engine::media::Source;
use upright_engine::{Error, Result, preview};

/// Writes the film, which appears under its name when it is whole.
///
/// # Errors
/// The engine's.
pub(crate) fn preview(arguments: PreviewArguments, quiet: bool, messages: &mut Messages) -> Result<Exit, Failure> {
    let PreviewArguments { plan: file, output, overwrite, progress, access } = arguments;
    let document = plan_file::check_free(&output, overwrite).and_then(|()| plan_file::read(&file));
    let PlanDocument { plan, input, text } =
        document.map_err(|error| Reporter::failed_early(progress, quiet, messages, error))?;
    let interrupt = Interrupt::listen()?;
    let reporter = Reporter::new(progress, quiet, messages);
    let begin = Instant::now();
    let made = || -> Result<u64> {
        let open = plan.open_options_for_segments(access.protocols.clone());
        let source = Source::open_within(&input, &open, interrupt.control())?;
        plan.check_source_of_document(source.info(), &text)?;
        if source.is_at(&output) {
            return Err(Error::OutputIsInput { path: output.clone() });
        }
        let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let cannot_write = || Error::io(&output, "cannot write the film");
        let draft = tempfile::Builder::new().suffix(".mp4").tempfile_in(folder).map_err(cannot_write())?;
        let told = |progress: &_| reporter.progress(progress);
        let frames = preview::preview(source, &plan, draft.path(), interrupt.control(), &told)?;
        plan_file::publish(draft, &output, overwrite)?;
        Ok(frames)
    };
    match made() {
        Ok(frames) => {
            reporter.previewed(&output, frames, begin.elapsed())?;
            if !quiet {
                let clock = progress::clock(begin.elapsed().as_secs_f64());
                // Nobody is left to be told when standard error is gone.
                let _ = writeln!(messages, "{}: {frames} frames in {clock}", output.display());
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
