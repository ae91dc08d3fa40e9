//! Cropping and scaling: one source frame in, one frame per rung out, on a GPU or on the CPU, byte for byte the same.

use crate::colour::ChromaSite;
use crate::error::Result;
use crate::frame::{Frame, FrameFormat};
use crate::geometry::Window;
use serde::Serialize;

/// What a [`Scaler`] is built for; constant over a job.
#[derive(Clone, Debug, PartialEq)]
pub struct ScaleSpec {
    /// Format of every source frame (an upright grid).
    pub source: FrameFormat,
    /// Where the source's chroma samples lie, on the upright grid.
    pub source_chroma: ChromaSite,
    /// Formats of the rungs, always 4:2:0.
    pub rungs: Vec<FrameFormat>,
    /// Where the rungs' chroma samples lie: left or top-left, for AV1 signals no other.
    pub rung_chroma: ChromaSite,
}

/// Which frame of the job this is and what of it is wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crop {
    /// The window in samples of the upright grid, inside it. It may differ on every frame.
    pub window: Window,
    /// Number of the frame in the job, from 0: the key of the dither noise.
    pub frame: u64,
}

/// Which device is to scale.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A real GPU where there is one, else the CPU.
    #[default]
    Auto,
    /// A real GPU.
    Gpu,
    /// The CPU.
    Cpu,
    /// The GPU adapter whose name contains this, a software one too.
    Adapter(String),
}

/// What scales.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceInfo {
    /// For instance `cpu` or the GPU adapter's name.
    pub name: String,
    /// `cpu`, `gpu` or `software gpu`.
    pub kind: &'static str,
    /// Driver or instruction set.
    pub detail: String,
}

/// Crops and scales frames, several of which may be under way at once.
///
/// The calls alternate freely as long as no more than [`Scaler::capacity`] frames are submitted and not collected.
pub trait Scaler: Send {
    /// What does the work.
    fn device(&self) -> &DeviceInfo;

    /// How many frames may be under way.
    fn capacity(&self) -> usize;

    /// Begins on a frame. The source may be reused as soon as this returns.
    ///
    /// # Errors
    /// [`crate::Error::Device`] when the device is lost or out of memory.
    fn submit(&mut self, source: &Frame, crop: Crop) -> Result<()>;

    /// Waits for the oldest submitted frame and puts its rungs into `outputs`, one frame per rung in the order of
    /// [`ScaleSpec::rungs`] and of the same formats. Timestamps are those of the source.
    ///
    /// # Errors
    /// [`crate::Error::Device`] when the device is lost or out of memory.
    fn collect(&mut self, outputs: &mut [&mut Frame]) -> Result<()>;
}
