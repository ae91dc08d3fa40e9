//! How far a job is.

use crate::geometry::Size;
use serde::Serialize;

/// How far a job is, as of a moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// Frames that every rung has encoded.
    pub frames: u64,
    /// Frames of the whole job, as far as the container tells; an estimate.
    pub total: Option<u64>,
    /// Frames a second since the start of the job.
    pub fps: f64,
    /// Seconds of film per second of work since the start of the job.
    pub speed: f64,
    /// How much is done, 0 to 100; none when the length is not known.
    pub percent: Option<f64>,
    /// Seconds until the end at this speed; none when the length is not known.
    pub eta: Option<f64>,
    /// Each rung's own progress, in the order of the ladder.
    pub rungs: Vec<RungProgress>,
}

/// What a job is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Decoding, scaling and encoding.
    Encode,
    /// Putting the files together, checking them and giving them their names.
    Finish,
    /// Everything is there.
    Done,
}

/// How far one rung is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RungProgress {
    /// Which one.
    pub size: Size,
    /// Frames encoded.
    pub frames: u64,
}
