//! One test for every ready-made fixture: `reads::NAME`, that what comes out of it is what was put in, and
//! `converts::NAME`, that it converts to what it should be or is refused with its reason.
//!
//! `cargo test --workspace --test catalogue orientation-` runs those of some. Pictures that differ are written as PNG.

#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod check;
mod converts;
#[path = "../render/job.rs"]
mod job;
#[expect(dead_code, reason = "other tests use the rest")]
#[path = "../source/reading.rs"]
mod reading;
mod reads;

use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;

/// Where pictures are written for people to look at.
const PICTURES: &str = env!("CARGO_TARGET_TMPDIR");

/// A test that fails by panicking.
fn trial(name: impl Into<String>, test: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = reads::trials().chain(converts::trials()).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}
