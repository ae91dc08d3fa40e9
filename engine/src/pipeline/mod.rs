//! Who runs where: queues, stages, cancelling, the report.

mod control;
mod progress;
mod render;
pub mod report;

pub use control::Control;
pub use progress::{Phase, Progress, RungProgress};
pub use render::{RenderOptions, render};
pub use report::Report;
