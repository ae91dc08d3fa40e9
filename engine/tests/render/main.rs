//! Whole conversions of generated clips, looked at through `ffprobe`, `ffmpeg` and the clips' known truth.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod damage;
mod endings;
mod job;
mod plans;
mod segments;
