//! `upright-engine`: turns landscape film and drama into vertical AV1 renditions.
//!
//! Four functions do all of it: [`open`] a source, [`plan`](fn@plan) its conversion, [`render`] the plan, and
//! [`encode_segment`] where the parts of one film are made on many machines. Each takes a [`Control`], by which another thread
//! ends it, and tells a closure its [`Progress`]. `render` and `encode_segment` end within about a second whatever they are at.
//!
//! ```no_run
//! use upright_engine::{Control, Input, OpenOptions, PlanOptions, RenderOptions, open, plan, render};
//!
//! # fn main() -> upright_engine::Result<()> {
//! let control = Control::default();
//! let source = open(&Input::Path("film.mkv".into()), &OpenOptions::default(), &control)?;
//! let plan = plan(&source, &PlanOptions::default().speed(6), &control, &|_| ())?;
//! let report = render(source, &plan, &RenderOptions::new("film"), &control, &|_| ())?;
//! println!("{} frames", report.frames);
//! # Ok(())
//! # }
//! ```
//!
//! A [`Plan`] is a document: JSON that people and programs edit between `plan` and `render`. `examples/` has both ways.
//!
//! What is hidden from this documentation is machinery; it changes without notice, and is public for the workspace's own
//! program, tests and benches alone. ARCHITECTURE.md shows the way through it.

pub mod analyse;
pub mod artwork;
#[doc(hidden)]
pub mod av1;
pub mod batch;
pub mod burn_in;
pub mod cadence;
#[doc(hidden)]
pub mod captions;
#[doc(hidden)]
pub mod clock;
pub mod colour;
pub mod control;
pub mod encode;
pub mod encryption;
pub mod error;
pub mod fingerprint;
pub mod frame;
pub mod framing;
pub mod geometry;
mod image;
mod intervals;
pub mod judge;
pub mod ladder;
pub mod language;
#[doc(hidden)]
pub mod light;
#[doc(hidden)]
pub mod locate;
pub mod machine;
#[doc(hidden)]
pub mod measure;
#[doc(hidden)]
pub mod media;
mod package;
#[doc(hidden)]
pub mod packet;
pub mod picture;
pub mod pipeline;
pub mod plan;
pub mod preview;
mod read_at;
pub mod remote;
pub mod sidecar;
pub mod source;
pub mod store;
pub mod time;
#[doc(hidden)]
pub mod timestamps;
mod vectors;
#[doc(hidden)]
pub mod verify;
pub mod versions;
mod wait;

pub use control::Control;
pub use error::{Error, Remedy, Result};
pub use media::Source;
pub use pipeline::{
    Limits, Phase, Progress, RenderOptions, Report, SegmentOptions, SegmentReport, encode_segment, plan, render,
};
pub use plan::{Plan, PlanOptions};
pub use source::{Input, OpenOptions, SourceInfo};

/// Opens a source, and decodes up to its first wanted frame to learn what it truly is.
///
/// # Errors
/// As [`Source::open_within`].
pub fn open(input: &Input, options: &OpenOptions, control: &Control) -> Result<Source> {
    Source::open_within(input, options, control)
}
