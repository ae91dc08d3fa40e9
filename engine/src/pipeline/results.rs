//! Where stages leave what they come to.

use crate::picture::{DeviceInfo, Fallback, GpuStats};
use std::sync::{Mutex, OnceLock, PoisonError};

/// What came of one rung.
#[derive(Debug)]
pub(crate) struct RungResult<R> {
    pub(crate) rendition: R,
    /// Bytes of its video packets.
    pub(crate) video_bytes: u64,
}

/// What the runners of a job did, as they tell it.
#[derive(Debug, Default)]
pub(crate) struct ScaleResults {
    device: OnceLock<DeviceInfo>,
    gpu: Mutex<Option<GpuStats>>,
    fallback: OnceLock<Fallback>,
}

impl ScaleResults {
    /// Notes what scales.
    pub(crate) fn note_device(&self, device: &DeviceInfo) {
        // All lanes have the same.
        let _ = self.device.set(device.clone());
    }

    /// Adds what a GPU did.
    pub(crate) fn add_gpu(&self, stats: Option<GpuStats>) {
        let mut sum = self.gpu.lock().unwrap_or_else(PoisonError::into_inner);
        *sum = sum.into_iter().chain(stats).reduce(GpuStats::and);
    }

    /// Where the first runner that loses its device says so.
    pub(crate) fn fallback(&self) -> &OnceLock<Fallback> {
        &self.fallback
    }

    /// Gives what scaled, what a GPU did, and where it was left.
    pub(crate) fn into_parts(self) -> (Option<DeviceInfo>, Option<GpuStats>, Option<Fallback>) {
        let gpu = self.gpu.into_inner().unwrap_or_else(PoisonError::into_inner);
        (self.device.into_inner(), gpu, self.fallback.into_inner())
    }
}
