//! `upright completions`: scripts by which shells complete what is typed.

use crate::args::{Arguments, CompletionsArguments};
use crate::exit::{Exit, Failure};
use crate::output;
use clap::CommandFactory as _;

/// Prints the script of a shell.
///
/// # Errors
/// [`upright_engine::Error::Io`] when it cannot be printed.
pub(crate) fn completions(arguments: &CompletionsArguments) -> Result<Exit, Failure> {
    let (mut command, mut script) = (Arguments::command(), Vec::new());
    let name = command.get_name().to_owned();
    clap_complete::generate(arguments.shell, &mut command, name, &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Success)
}
