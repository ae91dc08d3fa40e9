//! Open GPUs.

use super::context::{Context, Pipeline};
use super::slot_size::{SLOTS, SlotSize};
use super::{adapters, bus};
use crate::error::Result;
use crate::scale::info::{Bandwidth, DeviceChoice, DeviceInfo, Memory, Traffic};
use crate::scale::spec::ScaleSpec;
use upright_shaders::kernels::{SCALE_HORIZONTAL, SCALE_VERTICAL};
use wgpu::{Adapter, DeviceType};

/// Opens the GPU that `choice` allows; gives none where it asks for the CPU, or leaves the choice to us and there is no
/// GPU.
///
/// # Errors
/// [`crate::Error::Device`] when the GPU that was asked for is not there or refuses.
pub(in crate::scale) fn open(choice: &DeviceChoice) -> Result<Option<Gpu>> {
    if *choice == DeviceChoice::Cpu {
        return Ok(None);
    }
    adapters::choose(choice, adapters::list())?.map(|adapter| Gpu::open(&adapter)).transpose()
}

/// An open GPU.
#[derive(Debug)]
pub(in crate::scale) struct Gpu {
    pub(super) info: DeviceInfo,
    /// True where its memory is not the processor's.
    pub(super) has_own_memory: bool,
    pub(super) context: Context,
    /// Horizontal and vertical.
    pub(super) pipelines: [Pipeline; 2],
}

impl Gpu {
    /// Opens an adapter.
    ///
    /// # Errors
    /// [`crate::Error::Device`] when it refuses.
    pub(super) fn open(adapter: &Adapter) -> Result<Self> {
        let context = Context::new(adapter)?;
        let pipelines = [Pipeline::new(&context, &SCALE_HORIZONTAL)?, Pipeline::new(&context, &SCALE_VERTICAL)?];
        let has_own_memory = adapter.get_info().device_type == DeviceType::DiscreteGpu;
        Ok(Self { info: adapters::describe(adapter), has_own_memory, context, pipelines })
    }

    /// Tells the device's alignment of what is bound, in bytes.
    pub(super) fn binding_align(&self) -> usize {
        self.context.device.limits().min_storage_buffer_offset_alignment as usize
    }

    /// Computes the memory of a scaler.
    pub(in crate::scale) fn memory(&self, spec: &ScaleSpec) -> Memory {
        let SlotSize { input, middle, output, readback } = SlotSize::of(spec, self.binding_align());
        let [visible, own] = [input + readback, input + middle + output].map(|bytes| (SLOTS * bytes) as u64);
        if self.has_own_memory { Memory { host: visible, gpu: own } } else { Memory { host: visible + own, gpu: 0 } }
    }

    /// Measures how fast a frame's bytes go to and fro when nothing is computed.
    ///
    /// # Errors
    /// [`crate::Error::Device`] when it fails.
    pub(in crate::scale) fn bandwidth(&self, traffic: Traffic) -> Result<Bandwidth> {
        bus::measure(&self.context, traffic)
    }
}

#[cfg(test)]
impl Gpu {
    /// Loses the device, as a driver does.
    pub(in crate::scale) fn lose(&self) {
        self.context.device.destroy();
        // wgpu tells whoever asks next.
        let _ = self.context.device.poll(wgpu::PollType::Poll);
    }
}
