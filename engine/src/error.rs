//! What can go wrong, as values: each variant is one kind of failure that a caller may want to tell apart.

use std::io;
use std::path::{Path, PathBuf};

/// The engine's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of the engine. The message is one sentence: where, what, and what to do where that is known.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request itself cannot be carried out, whatever the input: an odd rung, a speed out of range.
    #[error("{0}")]
    Options(String),

    /// What was asked for cannot be had from this input: an audio track or a part that it has not, 8 bits of high
    /// dynamic range.
    #[error("{0}")]
    NotInSource(String),

    /// A plan is to be carried out on another input than the one it was made from.
    #[error("{name}: the plan was made from another source: its {what} differs; make a plan of this one")]
    OtherSource {
        /// The input, as the caller named it.
        name: String,
        /// What is not as planned.
        what: &'static str,
    },

    /// The engine was called in a way that it forbids: a plan without a window, a scaler given the wrong frame.
    #[error("the engine was misused: {0}")]
    Misuse(String),

    /// The input does not exist.
    #[error("{}: no such file", .path.display())]
    SourceMissing {
        /// As the caller named it.
        path: PathBuf,
    },

    /// The input is there and cannot be converted: not a video, damaged, interlaced.
    #[error("{name}: {why}")]
    BadSource {
        /// The input, as the caller named it.
        name: String,
        /// What is the matter with it, and where.
        why: String,
    },

    /// Reading or writing failed: unreadable input, unwritable output, full disk.
    #[error("{}: {action}: {cause}", .path.display())]
    Io {
        /// The file concerned.
        path: PathBuf,
        /// What was being done, for instance "cannot write".
        action: &'static str,
        /// The operating system's reason.
        cause: io::Error,
    },

    /// An output is already there and overwriting was not allowed.
    #[error("{}: already exists; allow overwriting (--overwrite) or choose another output", .path.display())]
    OutputExists {
        /// The final name that is taken.
        path: PathBuf,
    },

    /// An output would replace the input.
    #[error("{}: is the input itself; choose another output", .path.display())]
    OutputIsInput {
        /// The final name.
        path: PathBuf,
    },

    /// Another job is writing into the output's directory.
    #[error("{}: another conversion is writing there; wait for its end or choose another output", .path.display())]
    OutputBusy {
        /// The directory.
        path: PathBuf,
    },

    /// No usable device, or the device was lost or ran out of memory.
    #[error("device {device}: {why}")]
    Device {
        /// The device asked for or in use.
        device: String,
        /// What happened and what to do.
        why: String,
    },

    /// The encoder could not be opened or failed on a frame.
    #[error("encoder {encoder}: {why}")]
    Encoder {
        /// Its name.
        encoder: String,
        /// What it said.
        why: String,
    },

    /// The encoder is known, and this machine does not have it.
    #[error("encoder {encoder}: {why}")]
    EncoderMissing {
        /// Its name.
        encoder: String,
        /// What is missing and how to get it.
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

    /// What was written is not what was asked for: a fault in Upright, caught before publishing.
    #[error("{}: the written file failed its check: {why}", .path.display())]
    Verify {
        /// The temporary file.
        path: PathBuf,
        /// What differs.
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

impl Error {
    /// An [`Error::Options`].
    pub fn options(message: impl Into<String>) -> Self {
        Self::Options(message.into())
    }

    /// An [`Error::NotInSource`].
    pub fn not_in_source(message: impl Into<String>) -> Self {
        Self::NotInSource(message.into())
    }

    /// An [`Error::Misuse`].
    pub fn misuse(message: impl Into<String>) -> Self {
        Self::Misuse(message.into())
    }

    /// An [`Error::BadSource`] about `name`.
    pub fn bad_source(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self::BadSource { name: name.into(), why: why.into() }
    }

    /// An [`Error::Io`] about `path`; for use in `map_err`.
    pub fn io(path: impl AsRef<Path>, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |cause| Self::Io { path, action, cause }
    }
}
