//! `upright probe`.

use crate::args::ProbeArguments;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::{options, output};
use upright_engine::media::Source;

/// Version of the JSON form.
const VERSION: u32 = 1;

/// Prints what Upright sees in a source.
///
/// # Errors
/// The engine's.
pub(crate) fn probe(arguments: ProbeArguments) -> Result<Exit, Failure> {
    let open = options::open_options(arguments.access).program(arguments.program).video(arguments.video);
    let interrupt = Interrupt::listen()?;
    let source = Source::open_within(&options::input(&arguments.input), &open, interrupt.control());
    let source = source.map_err(|error| interrupt.failure(error))?;
    output::print_json(VERSION, source.info())?;
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    use crate::contract::assert_kept;
    use crate::output::Versioned;
    use upright_engine::source::SourceInfo;

    #[test]
    fn the_committed_schema_is_that_of_the_type() {
        assert_kept::<Versioned<SourceInfo>>("probe", "What `upright probe` prints");
    }
}
