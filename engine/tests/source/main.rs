//! Opening and decoding sources, against generated footage whose every sample and time stamp is known, and against what
//! `ffprobe` says of it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod bad;
mod changes;
mod damage;
mod dolby;
mod facts;
mod footage;
mod pictures;
mod reading;
mod scans;
mod spans;
#[cfg(unix)]
mod stalls;
mod streams;
