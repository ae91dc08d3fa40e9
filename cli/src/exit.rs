//! Exit codes: those of BSD's sysexits.h where it has one, and 128 plus the signal's number for signals.

use crate::hints;
use std::process::ExitCode;
use upright_engine::Error;

/// An end of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Success = 0,
    Partly = 1,
    Usage = 2,
    BadInput = 65,
    NoInput = 66,
    Unavailable = 69,
    Internal = 70,
    CannotCreate = 73,
    Io = 74,
    Busy = 75,
    Interrupted = 130,
    Terminated = 143,
}

impl Exit {
    pub(crate) const ALL: [Self; 12] = [
        Self::Success,
        Self::Partly,
        Self::Usage,
        Self::BadInput,
        Self::NoInput,
        Self::Unavailable,
        Self::Internal,
        Self::CannotCreate,
        Self::Io,
        Self::Busy,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// Gives the number that the operating system is told.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    /// Explains it for the help and the README.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Success => "everything was done, in full",
            Self::Partly => "some films of a batch failed: each is named, with its reason; the others are there",
            Self::Usage => "wrong arguments, or an option or rung that is out of range",
            Self::BadInput => {
                "the input is not a video that can be converted, or is damaged and --strict was given; or the plan, keys, store or file of subtitles are unusable; or text cannot be burnt in"
            }
            Self::NoInput => "the input does not exist",
            Self::Unavailable => "no usable device, or it was lost; or the encoder is missing, or what measures VMAF",
            Self::Internal => "a fault in the encoder, in libav or in Upright itself",
            Self::CannotCreate => "the output exists and --overwrite was not given, or is the input itself",
            Self::Busy => "another conversion or batch is writing there: the same may succeed later",
            Self::Io => "reading or writing failed: no permission, disk full",
            Self::Interrupted => "stopped by Ctrl-C (SIGINT)",
            Self::Terminated => "stopped by SIGTERM",
        }
    }
}

/// Chooses the exit code of a failure. [`Error::Cancelled`] counts as an interrupt; who knows of a SIGTERM says so
/// instead.
impl From<&Error> for Exit {
    fn from(error: &Error) -> Self {
        match error {
            Error::InvalidOption { .. } | Error::NotInSource(_) => Self::Usage,
            // A store is something that is read, like a source and a plan; where the system keeps it from being read or
            // written, the error is one of input and output.
            Error::BadSource { .. }
            | Error::OtherSource { .. }
            | Error::BadPlan { .. }
            | Error::BadKeys { .. }
            | Error::BadStore { .. }
            | Error::BurnIn { .. }
            | Error::BadLook { .. }
            | Error::BadSubtitles { .. } => Self::BadInput,
            Error::SourceMissing { .. } => Self::NoInput,
            Error::Device { .. } | Error::EncoderMissing { .. } | Error::JudgeMissing { .. } => Self::Unavailable,
            Error::OutputExists { .. } | Error::OutputIsInput { .. } => Self::CannotCreate,
            Error::OutputBusy { .. } => Self::Busy,
            Error::Io { .. } => Self::Io,
            Error::Cancelled => Self::Interrupted,
            // `Misuse`, `Encoder`, `Judge`, `Libav`, `Verify`, `StageLost`, and what the engine may add.
            _ => Self::Internal,
        }
    }
}

/// An end of the program that has not done everything, and the reason.
#[derive(Debug)]
pub(crate) struct Failure {
    /// One sentence: where, what, and what to do.
    pub(crate) message: String,
    /// The program's end.
    pub(crate) exit: Exit,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let hint = hints::of_error(&error).map(|hint| format!(" ({hint})")).unwrap_or_default();
        Self { message: format!("{error}{hint}"), exit: Exit::from(&error) }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::path::PathBuf;

    #[test]
    fn every_error_has_its_documented_code() {
        let path = PathBuf::from("x");
        let text = || "y".to_owned();
        let cases = [
            (Error::invalid("speed", 11, "bad"), 2),
            (Error::not_in_source("bad"), 2),
            (Error::misuse("bad"), 70),
            (Error::bad_source("x", "not a video"), 65),
            (Error::OtherSource { name: text(), what: "size", line: None }, 65),
            (Error::BadPlan { name: text(), line: Some(3), why: text() }, 65),
            (Error::BadKeys { name: text(), line: Some(3), why: text() }, 65),
            (Error::BadStore { path: path.clone(), why: text() }, 65),
            (Error::BadLook { path: path.clone(), why: text() }, 65),
            (Error::BadSubtitles { path: path.clone(), line: Some(3), why: text() }, 65),
            (Error::BurnIn { name: text(), why: text() }, 65),
            (Error::SourceMissing { path: path.clone() }, 66),
            (Error::Device { device: text(), why: text() }, 69),
            (Error::Encoder { encoder: text(), why: text() }, 70),
            (Error::EncoderMissing { encoder: text(), why: text() }, 69),
            (Error::JudgeMissing { why: text() }, 69),
            (Error::Judge { judge: text(), why: text() }, 70),
            (Error::Libav { call: "open", why: text() }, 70),
            (Error::Verify { path: path.clone(), why: text() }, 70),
            (Error::StageLost { stage: text() }, 70),
            (Error::OutputExists { path: path.clone() }, 73),
            (Error::OutputIsInput { path: path.clone() }, 73),
            (Error::OutputBusy { path: path.clone() }, 75),
            (Error::io(path, "cannot write")(io::Error::from(io::ErrorKind::StorageFull)), 74),
            (Error::Cancelled, 130),
        ];
        for (error, code) in &cases {
            assert_eq!(Exit::from(error).code(), *code, "{error:?}");
        }
        // The compiler does not tell of a variant that is missing here, so the engine's list is read.
        let engine = include_str!("../../engine/src/error.rs");
        let (_, after) = engine.split_once("pub enum Error {\n").unwrap();
        let (variants, _) = after.split_once("\n}\n").unwrap();
        let is_name = |line: &str| line.starts_with("    ") && line[4..].starts_with(char::is_uppercase);
        let names = variants.lines().filter(|line| is_name(line));
        let names: Vec<_> = names.map(|line| line.trim().split([' ', '(', ',']).next().unwrap()).collect();
        assert_eq!(names.len(), cases.len(), "{names:?}");
        for name in names {
            assert!(cases.iter().any(|(error, _)| format!("{error:?}").starts_with(name)), "{name}");
        }
    }

    #[test]
    fn a_failure_says_with_which_option_it_would_go_on() {
        let failure = Failure::from(Error::OutputExists { path: PathBuf::from("out/a.mp4") });
        let message = "out/a.mp4: already exists; allow overwriting or choose another output (use --overwrite)";
        assert_eq!((&failure.message[..], failure.exit), (message, Exit::CannotCreate));
        let failure = Failure::from(Error::Cancelled);
        assert_eq!((&failure.message[..], failure.exit), ("cancelled", Exit::Interrupted));
    }

    #[test]
    fn the_readme_has_the_same_table() {
        let (_, section) = include_str!("../../README.md").split_once("\n## Exit codes\n").unwrap();
        let (section, _) = section.split_once("\n## ").unwrap();
        let rows: Vec<_> = section.lines().filter(|line| line.starts_with('|')).skip(2).collect();
        assert_eq!(rows, Exit::ALL.map(|exit| format!("| {} | {} |", exit.code(), exit.meaning())));
    }
}
