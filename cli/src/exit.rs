//! Exit codes: those of BSD's sysexits.h where it has one, and 128 plus the signal's number for signals.

use std::process::ExitCode;
use upright_engine::Error;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Success = 0,
    Usage = 2,
    BadInput = 65,
    NoInput = 66,
    Unavailable = 69,
    Internal = 70,
    CannotCreate = 73,
    Io = 74,
    Interrupted = 130,
    Terminated = 143,
}

impl Exit {
    pub(crate) const ALL: [Self; 10] = [
        Self::Success,
        Self::Usage,
        Self::BadInput,
        Self::NoInput,
        Self::Unavailable,
        Self::Internal,
        Self::CannotCreate,
        Self::Io,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// The number that the operating system is given.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    /// What it means, for the help and the README.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Success => "everything was done, in full",
            Self::Usage => "wrong arguments, or an option or rung that is out of range",
            Self::BadInput => "the input is not a video that can be converted, or is damaged and --strict was given",
            Self::NoInput => "the input does not exist",
            Self::Unavailable => "no usable device, or it was lost; or the encoder is missing",
            Self::Internal => "a fault in the encoder, in libav or in Upright itself",
            Self::CannotCreate => {
                "the output exists and --overwrite was not given, is the input itself, or another conversion is writing there"
            }
            Self::Io => "reading or writing failed: no permission, disk full",
            Self::Interrupted => "stopped by Ctrl-C (SIGINT)",
            Self::Terminated => "stopped by SIGTERM",
        }
    }
}

/// [`Error::Cancelled`] counts as an interrupt; who knows of a SIGTERM says so instead.
impl From<&Error> for Exit {
    fn from(error: &Error) -> Self {
        match error {
            Error::Options(_) | Error::NotInSource(_) => Self::Usage,
            Error::BadSource { .. } | Error::OtherSource { .. } => Self::BadInput,
            Error::SourceMissing { .. } => Self::NoInput,
            Error::Device { .. } | Error::EncoderMissing { .. } => Self::Unavailable,
            Error::Misuse(_)
            | Error::Encoder { .. }
            | Error::Libav { .. }
            | Error::Verify { .. }
            | Error::StageLost { .. } => Self::Internal,
            Error::OutputExists { .. } | Error::OutputIsInput { .. } | Error::OutputBusy { .. } => Self::CannotCreate,
            Error::Io { .. } => Self::Io,
            Error::Cancelled => Self::Interrupted,
        }
    }
}

/// Why the program ends without having done everything.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What is said about it.
    pub(crate) error: Error,
    /// How the program ends.
    pub(crate) exit: Exit,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { exit: Exit::from(&error), error }
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
            (Error::options("bad"), 2),
            (Error::not_in_source("bad"), 2),
            (Error::misuse("bad"), 70),
            (Error::bad_source("x", "not a video"), 65),
            (Error::OtherSource { name: text(), what: "size" }, 65),
            (Error::SourceMissing { path: path.clone() }, 66),
            (Error::Device { device: text(), why: text() }, 69),
            (Error::Encoder { encoder: text(), why: text() }, 70),
            (Error::EncoderMissing { encoder: text(), why: text() }, 69),
            (Error::Libav { call: "open", why: text() }, 70),
            (Error::Verify { path: path.clone(), why: text() }, 70),
            (Error::StageLost { stage: text() }, 70),
            (Error::OutputExists { path: path.clone() }, 73),
            (Error::OutputIsInput { path: path.clone() }, 73),
            (Error::OutputBusy { path: path.clone() }, 73),
            (Error::io(path, "cannot write")(io::Error::from(io::ErrorKind::StorageFull)), 74),
            (Error::Cancelled, 130),
        ];
        for (error, code) in &cases {
            assert_eq!(Exit::from(error).code(), *code, "{error:?}");
        }
    }

    #[test]
    fn the_readme_lists_them_all() {
        let readme = include_str!("../../README.md");
        for exit in Exit::ALL {
            let row = format!("| {} | {} |", exit.code(), exit.meaning());
            assert!(readme.contains(&row), "the README lacks {row}");
        }
    }
}
