//! What can be said about devices and what they did.

use schemars::JsonSchema;
use serde::Serialize;

/// The choice of a device for scaling.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A real GPU where there is one, else the CPU; never a software adapter.
    #[default]
    Auto,
    /// A real GPU.
    Gpu,
    /// The CPU.
    Cpu,
    /// The GPU adapter whose name contains this in upper or lower case, a software one too.
    Adapter(String),
}

/// A device that scales.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DeviceInfo {
    /// For instance `cpu` or the GPU adapter's name.
    pub name: String,
    /// `cpu`, `gpu` or `software gpu`.
    pub kind: &'static str,
    /// Driver or instruction set.
    pub detail: String,
}

/// Bytes of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Of the processor's, in which a GPU may have none of its own.
    pub host: u64,
    /// Of the GPU's own.
    pub gpu: u64,
}

/// Work that a GPU has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct GpuStats {
    /// Frames that were collected.
    pub frames: u64,
    /// Seconds that its kernels ran for those, by its own clock; none where it has no clock to be read.
    pub kernel_seconds: Option<f64>,
    /// Bytes that the last frame moved.
    pub traffic: Traffic,
}

impl GpuStats {
    /// Adds up what two runners did.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let kernel_seconds = self.kernel_seconds.zip(other.kernel_seconds).map(|(one, other)| one + other);
        let traffic = if self.frames > 0 { self.traffic } else { other.traffic };
        Self { frames: self.frames + other.frames, kernel_seconds, traffic }
    }
}

/// Bytes that a frame moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Traffic {
    /// To the device: parameters, the samples that the window needs, and filters where they changed.
    pub uploaded: usize,
    /// Back: all rungs.
    pub read_back: usize,
}

/// Bytes a second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bandwidth {
    /// To the device.
    pub upload: f64,
    /// Back.
    pub read_back: f64,
}
