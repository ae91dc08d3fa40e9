//! Pictures on devices: a small graph of passes over the frames of a film, on a GPU or on the CPU, byte for byte the same.

mod cpu;
mod device;
mod fallback;
#[cfg(feature = "gpu")]
mod gpu;
#[cfg(not(feature = "gpu"))]
#[path = "no_gpu.rs"]
mod gpu;
mod graph;
mod info;
mod overlay;
mod plane_node;
mod request;
mod runner;
mod scale;
mod schedule;
mod stock;
pub mod tone;

pub use cpu::CPU_PATH;
pub use device::{Device, adapters};
pub use fallback::Fallback;
pub(crate) use fallback::{FallbackRunner, Twin};
pub(crate) use graph::Reach;
pub use graph::{Edge, Graph};
pub use info::{Bandwidth, DeviceChoice, DeviceInfo, GpuStats, Memory, Traffic};
pub use overlay::{Overlay, OverlayPlane, Overlays};
#[cfg(target_arch = "x86_64")]
pub use plane_node::WideTwinFn;
pub use plane_node::{DEINTERLACER, PlaneNode, PlaneTwin, TwinFn};
pub use request::{FieldUse, MOST_PICTURES, MadePicture, Neighbour, PictureRequest, Request};
pub use runner::{PictureSet, Runner};
pub use scale::{Band, ComposeSpec, Crop, Layer, Layers, MAX_SIDE, Resampling, ScaleSpec, View};
pub(crate) use stock::{Lease, Stock};

/// Sets of pictures that whoever collects them may hold, besides those that a runner has under way, without its taking more
/// memory.
pub(crate) const HELD_SETS: usize = 2;
