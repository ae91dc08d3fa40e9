//! What all readers of files of subtitles give: cues, or what is wrong and where.

/// A cue as it stands in a file. Times are in milliseconds of the film.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileCue {
    /// From and until when it is shown; the first is not after the second.
    pub(super) from: i64,
    pub(super) until: i64,
    /// Its text, with the tags of its form.
    pub(super) text: String,
    /// Identifier and settings, of WebVTT.
    pub(super) name: Option<String>,
    pub(super) settings: String,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The line, from 1; none where it is about the whole.
    pub(super) line: Option<usize>,
    /// What is there, and what should be.
    pub(super) why: String,
}

/// Makes a fault of a line.
pub(super) fn fault(line: usize, why: impl Into<String>) -> Fault {
    Fault { line: Some(line), why: why.into() }
}
