//! Help, version and mistakes in the arguments, which clap finds, told as this program tells things: help and version on
//! standard output, a mistake as one line.

use crate::exit::{Exit, Failure};
use crate::{about, output};
use clap::error::ErrorKind;

/// Carries out what clap wants said instead of a command.
///
/// # Errors
/// [`Exit::Usage`] for a mistake in the arguments; [`Exit::Io`] when help cannot be printed.
pub(crate) fn answer(error: &clap::Error) -> Result<Exit, Failure> {
    match error.kind() {
        ErrorKind::DisplayHelp => output::print(&error.render().to_string())?,
        ErrorKind::DisplayVersion => output::print(&about::version())?,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            return Err(usage(
                "say what to do: convert, plan, probe, doctor or bench; upright --help explains".to_owned(),
            ));
        }
        _ => return Err(usage(one_line(&error.render().to_string()))),
    }
    Ok(Exit::Success)
}

fn usage(message: String) -> Failure {
    Failure { message, exit: Exit::Usage }
}

/// Joins clap's paragraphs to one sentence: the message, the tips, and where to read more, without the usage in
/// between.
fn one_line(text: &str) -> String {
    let mut sentence: Vec<String> = Vec::new();
    for paragraph in text.trim().split("\n\n") {
        let words = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        if !words.starts_with("Usage:") && !words.starts_with("For more information") {
            sentence.push(words.trim_start_matches("error: ").to_owned());
        }
    }
    sentence.push("--help explains".to_owned());
    sentence.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Arguments;
    use clap::Parser;

    fn mistake(arguments: &[&str]) -> String {
        let all = std::iter::once(&"upright").chain(arguments);
        let error = Arguments::try_parse_from(all).expect_err("a mistake");
        match answer(&error) {
            Err(Failure { message, exit: Exit::Usage }) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn mistakes_take_one_line_that_names_them() {
        for (arguments, words) in [
            (&["convert"][..], "required arguments were not provided: <INPUT>"),
            (&["convert", "x", "--spede", "3"], "tip: a similar argument exists: '--speed'"),
            (&["convert", "x", "--speed", "11"], "11 is not in 0..=10"),
            (&["plan", "x", "--bit-depth", "12"], "[possible values: auto, 8, 10]"),
            (&["konvert", "x"], "unrecognized subcommand 'konvert'"),
            (&["probe", "x", "y"], "unexpected argument 'y' found"),
            (&[], "say what to do"),
        ] {
            let line = mistake(arguments);
            assert!(line.contains(words), "{line}");
            assert!(!line.contains('\n') && !line.contains("Usage"), "{line}");
        }
    }
}
