//! Who runs where: queues, stages, cancelling, the report.

mod key_frames;
mod lot;
pub mod pool;
mod progress;
mod publish;
pub mod queue;
mod render;
pub mod report;
mod run;
mod spool;
mod spread;
mod stage;
mod stages;

pub use crate::control::Control;
pub(crate) use key_frames::KeyFrames;
pub use progress::{Phase, Progress, RungProgress};
pub use render::{REPORT, RenderOptions, render};
pub use report::Report;
pub use spread::{Limits, Spread};
