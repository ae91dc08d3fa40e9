//! Pictures against things that do not share their code: a reference in floating point, zimg, and one device against
//! another.

#![expect(clippy::unwrap_used, reason = "these are tests")]
#![cfg_attr(not(feature = "gpu"), expect(dead_code, reason = "it is there for what compares a GPU with the CPU"))]

mod compose;
mod deinterlace;
mod denoise;
#[cfg(feature = "gpu")]
mod devices;
mod graph;
mod jobs;
mod noise;
mod overlay;
mod pictures;
mod reference;
mod sharp;
mod tone;
mod zimg;
