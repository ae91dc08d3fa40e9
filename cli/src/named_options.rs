//! Options of what is made of a film, by their long names, as presets and manifests have them.

use crate::args::{Arguments, WantedArguments};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args as _, CommandFactory as _};
use std::collections::BTreeMap;
use std::ffi::OsString;

/// Options by their long names, each with its values; one without values is a switch.
pub(crate) type Options = BTreeMap<String, Vec<String>>;

/// The option that others come from, and which is none of what they say.
pub(crate) const PRESET: &str = "preset";

/// Declares the options of what is made of a film, for a command of no other.
pub(crate) fn wanted() -> clap::Command {
    WantedArguments::augment_args(clap::Command::new("film"))
}

/// Gives the options of what is made of films that a whole command line says.
pub(crate) fn of_command(arguments: &[OsString]) -> Options {
    let matches = Arguments::command().try_get_matches_from(arguments).ok();
    matches.as_ref().and_then(ArgMatches::subcommand).map(|(_, matches)| given(matches)).unwrap_or_default()
}

/// Gives the options of what is made of a film that a command was given.
pub(crate) fn given(matches: &ArgMatches) -> Options {
    let mut options = Options::new();
    for argument in wanted().get_arguments() {
        let (id, name) = (argument.get_id().as_str(), argument.get_long().unwrap_or_default());
        if name != PRESET && matches.value_source(id) == Some(ValueSource::CommandLine) {
            let values = matches.get_raw(id).into_iter().flatten();
            options.insert(name.to_owned(), values.map(|value| value.to_string_lossy().into_owned()).collect());
        }
    }
    options
}

/// Writes options as arguments.
pub(crate) fn as_arguments(options: &Options) -> Vec<String> {
    let mut arguments = Vec::new();
    for (name, values) in options {
        if values.is_empty() {
            arguments.push(format!("--{name}"));
        }
        arguments.extend(values.iter().map(|value| format!("--{name}={value}")));
    }
    arguments
}

/// Gives what clap says of a mistake, as one line.
pub(crate) fn why(error: &clap::Error) -> String {
    let text = error.to_string();
    let first = text.trim_start_matches("error: ").split("\n\n").next().unwrap_or_default();
    first.split_whitespace().collect::<Vec<_>>().join(" ")
}
