//! Failures as values: each variant is one kind that a caller may want to tell apart.

use crate::remote::shown;
use std::borrow::Cow;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

/// The engine's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of the engine. The message is one sentence: where, what, and what to do where that is known. It speaks of
/// what the engine is asked for, never of a program's flags: a program that has some adds them, by the variant and by
/// [`Remedy`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value that was asked for is impossible, whatever the input: an odd rung, a speed out of range.
    #[error("{}: {expected}", option(.name, .value))]
    InvalidOption {
        /// The option, in the engine's words: "speed", "rung", "encoder option".
        name: Cow<'static, str>,
        /// The value as the message shows it, with its unit, text in quotes; empty where there is none.
        value: String,
        /// The rule that it breaks, and what to give instead.
        expected: String,
    },

    /// The input does not have what was asked for: an audio track, a part of its time, 8 bits of high dynamic range.
    #[error("{0}")]
    NotInSource(String),

    /// A plan is to be carried out on another input than the one it was made from, or that one has changed since.
    #[error("{name}: the plan was made from another source: its {what} differs{}; make a plan of this one", of_line(*.line))]
    OtherSource {
        /// The input, as the caller named it.
        name: String,
        /// What is not as planned.
        what: &'static str,
        /// Line of the plan's document, from 1, that says how it was; none where there is no document.
        line: Option<u64>,
    },

    /// A plan document cannot be read, or breaks a rule.
    #[error("{}: {why}", place(.name, *.line))]
    BadPlan {
        /// The document, as the caller named it.
        name: String,
        /// Line of the document, from 1; none where the rule is about the whole.
        line: Option<u64>,
        /// The rule, and what breaks it.
        why: String,
    },

    /// A file of keys cannot be read as one, or breaks a rule. What it says holds nothing of a key.
    #[error("{}: {why}", place(.name, *.line))]
    BadKeys {
        /// The file, as the caller named it.
        name: String,
        /// Line of the file, from 1; none where the rule is about the whole.
        line: Option<u64>,
        /// The rule that is broken.
        why: String,
    },

    /// A store of encoded segments is there and cannot be used: not a store, of another version. A store that cannot be
    /// read or written is an [`Error::Io`].
    #[error("{}: {why}", shown(.path))]
    BadStore {
        /// Its folder.
        path: PathBuf,
        /// The fault, and what to do.
        why: String,
    },

    /// The engine was called in a way that it forbids: a plan without a window, a runner given the wrong frame.
    #[error("the engine was misused: {0}")]
    Misuse(String),

    /// The input does not exist.
    #[error("{}: no such file", shown(.path))]
    SourceMissing {
        /// As the caller named it.
        path: PathBuf,
    },

    /// A look that is none, or is not what it was.
    #[error("{}: {why}", shown(.path))]
    BadLook {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },

    /// A file of subtitles that cannot be read, or is not what it was.
    #[error("{}: {why}", place(&shown(.path), *.line))]
    BadSubtitles {
        /// The file.
        path: PathBuf,
        /// Line of the file, from 1; none where it is about the whole.
        line: Option<u64>,
        /// What is wrong there, and what to do.
        why: String,
    },

    /// Text cannot become part of the pictures: a font lacks a glyph, or is not there; or there is too much of it.
    #[error("{name}: {why}")]
    BurnIn {
        /// The film that it is of, or the font.
        name: String,
        /// What is missing, where, and what to do.
        why: String,
    },

    /// The input is there and cannot be converted: not a video, or damaged.
    #[error("{name}: {why}")]
    BadSource {
        /// The input, as the caller named it.
        name: String,
        /// The fault, and where it is.
        why: String,
        /// The change to the request with which the source would be accepted; none where there is no such change.
        remedy: Option<Remedy>,
    },

    /// Reading or writing failed: unreadable input, unwritable output, full disk.
    #[error("{}: {action}: {cause}", shown(.path))]
    Io {
        /// The file concerned.
        path: PathBuf,
        /// The action that failed, for instance "cannot write".
        action: &'static str,
        /// The operating system's reason.
        #[source]
        cause: io::Error,
    },

    /// An output is already there and overwriting was not allowed.
    #[error("{}: already exists; allow overwriting or choose another output", shown(.path))]
    OutputExists {
        /// The final name that is taken.
        path: PathBuf,
    },

    /// An output would replace the input.
    #[error("{}: is the input itself; choose another output", shown(.path))]
    OutputIsInput {
        /// The final name.
        path: PathBuf,
    },

    /// Another job is writing into the output's directory.
    #[error("{}: another conversion is writing there; wait for its end or choose another output", shown(.path))]
    OutputBusy {
        /// The directory.
        path: PathBuf,
    },

    /// No usable device, or the device was lost or ran out of memory.
    #[error("device {device}: {why}")]
    Device {
        /// The device asked for or in use.
        device: String,
        /// The event, and what to do.
        why: String,
    },

    /// The encoder could not be opened or failed on a frame.
    #[error("encoder {encoder}: {why}")]
    Encoder {
        /// Its name.
        encoder: String,
        /// Its own words, or the fault in what it gave.
        why: String,
    },

    /// The encoder is known, and this machine does not have it.
    #[error("encoder {encoder}: {why}")]
    EncoderMissing {
        /// Its name.
        encoder: String,
        /// The missing part, and how to get it.
        why: String,
    },

    /// What judges pictures is not on this machine.
    #[error("VMAF cannot be measured: {why}")]
    JudgeMissing {
        /// The missing part, and how to get it.
        why: String,
    },

    /// What judges pictures failed.
    #[error("VMAF cannot be measured: {judge}: {why}")]
    Judge {
        /// Its program.
        judge: String,
        /// Its own words.
        why: String,
    },

    /// A libav call failed for a reason that is nobody's input.
    #[error("libav: {call}: {why}")]
    Libav {
        /// The function.
        call: &'static str,
        /// libav's own text for the code.
        why: String,
    },

    /// The written file is not what was asked for: a fault in Upright, caught before publishing.
    #[error("{}: the written file failed its check: {why}", shown(.path))]
    Verify {
        /// The temporary file.
        path: PathBuf,
        /// The difference.
        why: String,
    },

    /// A thread ended without saying why (it panicked).
    #[error("the {stage} stage ended unexpectedly")]
    StageLost {
        /// Its name.
        stage: String,
    },

    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// A change to the request with which the engine would accept a source that it refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// Accept damage, and get what is whole.
    AcceptDamage,
    /// Accept that the sound is lost, or leave it out.
    AcceptLostSound,
    /// Allow the protocols by which the source reaches what it names.
    AllowProtocols,
    /// Convert the source part by part.
    ConvertParts,
}

/// Names an option with its value, if it has one.
fn option(name: &str, value: &str) -> String {
    if value.is_empty() { name.to_owned() } else { format!("{name} {value}") }
}

/// Names a line of a plan.
fn of_line(line: Option<u64>) -> String {
    line.map_or_else(String::new, |line| format!(" from line {line} of the plan"))
}

/// Names a place in a document.
fn place(name: &str, line: Option<u64>) -> String {
    line.map_or_else(|| name.to_owned(), |line| format!("{name}, line {line}"))
}

impl Error {
    /// Makes an [`Error::InvalidOption`].
    pub fn invalid(name: impl Into<Cow<'static, str>>, value: impl Display, expected: impl Into<String>) -> Self {
        Self::InvalidOption { name: name.into(), value: value.to_string(), expected: expected.into() }
    }

    /// Makes an [`Error::NotInSource`].
    pub fn not_in_source(message: impl Into<String>) -> Self {
        Self::NotInSource(message.into())
    }

    /// Makes an [`Error::Misuse`].
    pub fn misuse(message: impl Into<String>) -> Self {
        Self::Misuse(message.into())
    }

    /// Makes an [`Error::BadSource`] about `name` that no change to the request avoids.
    pub fn bad_source(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self::BadSource { name: name.into(), why: why.into(), remedy: None }
    }

    /// Makes an [`Error::Io`] about `path` of its cause; for use in `map_err`.
    pub fn io(path: impl AsRef<Path>, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |cause| Self::Io { path, action, cause }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    #[test]
    fn messages_say_where_what_and_what_to_do() {
        let plan = |line| Error::BadPlan { name: "film.plan.json".to_owned(), line, why: "a rung twice".to_owned() };
        for (error, message) in [
            (Error::invalid("speed", 11, "must be from 0 to 10"), "speed 11: must be from 0 to 10"),
            (Error::invalid("ladder", "", "give at least one size"), "ladder: give at least one size"),
            (plan(Some(12)), "film.plan.json, line 12: a rung twice"),
            (plan(None), "film.plan.json: a rung twice"),
        ] {
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn the_cause_of_a_failed_access_is_its_source() {
        let error = Error::io("film.mp4", "cannot read")(io::ErrorKind::PermissionDenied.into());
        assert_eq!(error.to_string(), "film.mp4: cannot read: permission denied");
        assert_eq!(error.source().unwrap().to_string(), "permission denied");
    }
}
