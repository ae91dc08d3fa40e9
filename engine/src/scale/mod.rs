//! Cropping and scaling: one source frame in, one frame per rung out, on a GPU or on the CPU, byte for byte the same.

mod cpu;
mod device;
mod fallback;
mod filters;
#[cfg(feature = "gpu")]
mod gpu;
#[cfg(not(feature = "gpu"))]
#[path = "no_gpu.rs"]
mod gpu;
mod info;
mod scaler;
mod spec;

pub use cpu::CPU_PATH;
pub use device::{Device, adapters};
pub use fallback::Fallback;
pub(crate) use fallback::{FallbackScaler, Twin};
pub use info::{Bandwidth, DeviceChoice, DeviceInfo, GpuStats, Memory, Traffic};
pub use scaler::Scaler;
pub use spec::{Crop, MAX_SIDE, ScaleSpec};
