//! What is encoded, and what is read of it, against decoders and parsers that are not ours: the `ffmpeg` command with
//! libdav1d, and its `trace_headers`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod encoding;
mod ffmpeg;
mod footage;
mod grain;
mod headers;
mod libav;
mod pipe;
#[cfg(feature = "rav1e")]
mod rav1e;
mod tiles;
