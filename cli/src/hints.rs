//! Arguments by which a failure can be avoided. The engine's messages name none, for it has none: they are added here.

use upright_engine::{Error, Remedy};

/// Names the arguments with which the engine would go on, where there are some.
pub(crate) fn of_error(error: &Error) -> Option<&'static str> {
    match error {
        Error::OutputExists { .. } => Some("use --overwrite"),
        Error::BurnIn { .. } => Some("--font takes a file or an installed family"),
        Error::BadSource { remedy: Some(remedy), .. } => of_remedy(*remedy),
        Error::InvalidOption { name, .. } => match name.as_ref() {
            "memory" => Some("use --memory"),
            "protocols" => Some("use --protocols"),
            "encoder option" | "encoder options" => Some("see --encoder-options"),
            _ => None,
        },
        _ => None,
    }
}

fn of_remedy(remedy: Remedy) -> Option<&'static str> {
    match remedy {
        Remedy::AcceptDamage => Some("leave out --strict"),
        Remedy::AcceptLostSound => Some("leave out --strict"),
        Remedy::AllowProtocols => Some("use --protocols file, or --protocols https,tls,tcp"),
        Remedy::ConvertParts => Some("convert and plan take a part with --start and --duration"),
        _ => None,
    }
}

/// Names the argument that decides what the engine has had to assume, where there is one.
pub(crate) fn of_assumption(what: &str) -> Option<&'static str> {
    match what {
        "video track" => Some("convert and plan take another with --video"),
        "audio track" | "audio tracks" => Some("convert and plan take another with --audio"),
        "program" => Some("convert and plan take another with --program"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Arguments;
    use clap::CommandFactory;
    use std::path::PathBuf;

    #[test]
    fn hints_name_arguments_that_there_are() {
        let source = |remedy| Error::BadSource { name: "film".to_owned(), why: "why".to_owned(), remedy: Some(remedy) };
        let remedies =
            [Remedy::AcceptDamage, Remedy::AcceptLostSound, Remedy::AllowProtocols, Remedy::ConvertParts].map(source);
        let options = ["memory", "protocols", "encoder option"].map(|name| Error::invalid(name, 1, "why"));
        let errors = remedies.into_iter().chain(options).chain([Error::OutputExists { path: PathBuf::new() }]);
        let hints: Vec<_> = errors.map(|error| of_error(&error).unwrap()).collect();
        let assumptions =
            ["video track", "audio track", "audio tracks", "program"].map(|what| of_assumption(what).unwrap());
        let command = Arguments::command();
        let convert = command.find_subcommand("convert").unwrap();
        let known: Vec<_> = convert.get_arguments().filter_map(|argument| argument.get_long()).collect();
        for hint in hints.into_iter().chain(assumptions) {
            let named: Vec<_> = hint.split([' ', ',']).filter_map(|word| word.strip_prefix("--")).collect();
            assert!(!named.is_empty() && named.iter().all(|name| known.contains(name)), "{hint}");
        }
    }

    #[test]
    fn what_no_argument_changes_has_no_hint() {
        for error in [Error::Cancelled, Error::bad_source("film", "is empty"), Error::invalid("rung", "7x8", "odd")] {
            assert_eq!(of_error(&error), None);
        }
        assert_eq!(of_assumption("range"), None);
    }
}
