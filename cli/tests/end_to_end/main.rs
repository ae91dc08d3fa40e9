//! Whole conversions by the real program, looked at from outside: by `ffprobe`, by `ffmpeg`'s decoders, and by what the
//! fixtures are known to show.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

mod bad_input;
mod burn_in;
mod colour;
mod contract;
mod encoders;
mod encryption;
mod fields;
mod footage;
mod framing;
mod grain;
mod kill;
mod look;
mod loudness;
mod memory;
mod package;
mod parallelism;
mod partial;
mod picture;
mod pictures;
mod pipe;
mod plans;
mod publishing;
mod quality;
mod rendition;
mod sound;
mod stalls;
mod subtitles;
mod support;
mod timing;
mod tracks;
mod verify;
