//! The interface of what scales.

use super::info::{DeviceInfo, GpuStats};
use super::spec::Crop;
use crate::error::Result;
use crate::frame::Frame;
use std::time::Duration;

/// Crops and scales frames, several of which may be under way at once.
///
/// The calls alternate freely as long as no more than [`Scaler::capacity`] frames are submitted and not collected.
pub trait Scaler: Send {
    /// Describes the device that does the work.
    fn device(&self) -> &DeviceInfo;

    /// Tells how many frames may be under way.
    fn capacity(&self) -> usize;

    /// Begins on a frame. The source may be reused as soon as this returns.
    ///
    /// # Errors
    /// [`crate::Error::Device`] when the device is lost or out of memory; [`crate::Error::Misuse`] when
    /// [`Scaler::capacity`] frames are under way, or when the crop or the frame is not one of the job: the window
    /// outside the grid, the area too small for it or too large for the room, the frame of another format than the
    /// area's.
    fn submit(&mut self, source: &Frame, crop: Crop) -> Result<()>;

    /// Waits for the oldest submitted frame, for about `limit`; says whether [`Scaler::collect`] would now wait no longer.
    ///
    /// # Errors
    /// As [`Scaler::collect`].
    fn wait(&mut self, limit: Duration) -> Result<bool> {
        let _ = limit;
        Ok(true)
    }

    /// Waits for the oldest submitted frame and puts its rungs into `outputs`, one frame per rung in the order of
    /// [`super::ScaleSpec::rungs`] and of the same formats. Timestamps are those of the source.
    ///
    /// # Errors
    /// [`crate::Error::Device`] when the device is lost or out of memory; [`crate::Error::Misuse`] when no frame is
    /// under way or `outputs` have other formats than the rungs.
    fn collect(&mut self, outputs: &mut [&mut Frame]) -> Result<()>;

    /// Gives the statistics of the GPU so far; none where none is at work.
    fn gpu_stats(&self) -> Option<GpuStats> {
        None
    }
}
