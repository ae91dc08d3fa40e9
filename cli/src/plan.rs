//! `upright plan`.

use crate::args::PlanArguments;
use crate::convert::tell_of_source;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::options::PlanRequest;
use crate::output::Messages;
use crate::progress::Reporter;
use crate::{args, output, plan_file};
use upright_engine::media::Source;
use upright_engine::pipeline;
use upright_engine::{Error, Result};

/// Makes a plan, and writes it into a file or to standard output.
///
/// # Errors
/// The engine's.
pub(crate) fn plan(arguments: PlanArguments, quiet: bool, messages: &Messages) -> Result<Exit, Failure> {
    let PlanArguments { input, output, overwrite, wanted, access } = arguments;
    let request = PlanRequest::resolve(&input, wanted, access)?;
    // Before a long film is read for it; another may still appear meanwhile.
    output.as_deref().map_or(Ok(()), |path| plan_file::check_free(path, overwrite))?;
    let interrupt = Interrupt::listen()?;
    let reporter = Reporter::new(args::Progress::Auto, quiet, messages);
    let made = make(&request, &interrupt, &reporter, output.as_deref());
    reporter.end();
    let text = made.map_err(|error| interrupt.failure(error))?;
    match output {
        Some(path) => plan_file::write(&text, &path, overwrite)?,
        None => output::print(&text)?,
    }
    Ok(Exit::Success)
}

fn make(
    request: &PlanRequest,
    interrupt: &Interrupt,
    reporter: &Reporter,
    output: Option<&std::path::Path>,
) -> Result<String> {
    let source = Source::open_within(&request.input, &request.open, interrupt.control())?;
    if let Some(path) = output.filter(|path| source.is_at(path)) {
        return Err(Error::OutputIsInput { path: path.to_path_buf() });
    }
    tell_of_source(source.info());
    let progress = |progress: &_| reporter.progress(progress);
    pipeline::plan(&source, &request.plan, interrupt.control(), &progress)?.to_pretty_json()
}
