//! Cropping and scaling: the job, and the filters that it takes.

mod filters;
mod layers;
mod spec;

pub(super) use filters::Filters;
pub(super) use layers::LayerScaling;
pub use layers::{Band, ComposeSpec, Layer, Layers, View};
#[cfg(feature = "gpu")]
pub(super) use spec::EDGE_SLACK;
pub(super) use spec::PlaneKind;
pub use spec::{Crop, MAX_SIDE, Resampling, ScaleSpec};
