//! `upright probe`.

use crate::args::ProbeArguments;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::{options, output};
use upright_engine::media::Source;

/// Prints what Upright sees in a source.
///
/// # Errors
/// The engine's.
pub(crate) fn probe(arguments: ProbeArguments) -> Result<Exit, Failure> {
    let open = options::open_options(arguments.access).program(arguments.program).video(arguments.video);
    let interrupt = Interrupt::listen()?;
    let source = Source::open_within(&options::input(&arguments.input), &open, interrupt.control());
    let source = source.map_err(|error| interrupt.failure(error))?;
    output::print_json(source.info())?;
    Ok(Exit::Success)
}
