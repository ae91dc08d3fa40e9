//! Who runs where: stages, queues, cancelling, the report.

mod around;
mod delivery;
mod denoising;
mod earlier;
mod event_count;
mod factory;
mod graph;
mod loudness;
mod messages;
mod parallelism;
mod planning;
pub mod pool;
mod progress;
mod publish;
mod quality;
pub mod queue;
mod render;
pub mod report;
mod results;
mod run;
mod segment;
mod spool;
mod stages;
mod summary;
mod texts;
mod windows;

pub use crate::control::Control;
pub use parallelism::{Limits, ParallelismPlan};
pub use planning::{analyse, is_enough, is_looked_at, plan, read_text};
pub(crate) use progress::Expected;
pub use progress::{Phase, Progress, RungProgress};
pub(crate) use publish::remove_leftovers;
pub(crate) use render::plan_store;
pub use render::{RenderOptions, render};
pub use report::{REPORT, Report};
pub use segment::{SegmentOptions, SegmentReport, encode_segment};
