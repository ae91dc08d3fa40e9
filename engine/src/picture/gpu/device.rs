//! Open GPUs.

use super::buffers::RunnerBuffers;
use super::context::{Context, Pipeline};
use super::{adapters, bus};
use crate::error::Result;
use crate::picture::graph::Graph;
use crate::picture::info::{Bandwidth, DeviceChoice, DeviceInfo, Memory, Traffic};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use upright_shaders::kernels::Kernel;
use wgpu::{Adapter, DeviceType, Features};

/// Opens the GPU that `choice` allows; gives none where it asks for the CPU, or leaves the choice to us and there is no
/// GPU.
///
/// # Errors
/// [`crate::Error::Device`] when the GPU that was asked for is not there or refuses.
pub(in crate::picture) fn open(choice: &DeviceChoice) -> Result<Option<Gpu>> {
    if *choice == DeviceChoice::Cpu {
        return Ok(None);
    }
    adapters::choose(choice, adapters::list())?.map(|adapter| Gpu::open(&adapter)).transpose()
}

/// An open GPU.
#[derive(Debug)]
pub(in crate::picture) struct Gpu {
    pub(super) info: DeviceInfo,
    /// True where its memory is not the processor's.
    pub(super) has_own_memory: bool,
    /// Whether kernels write pictures where the processor reads them.
    pub(super) direct: bool,
    pub(super) context: Context,
    /// Those made so far, by the names of the kernels.
    pipelines: Mutex<BTreeMap<&'static str, Arc<Pipeline>>>,
}

/// Name of the environment variable that says how pictures come from a GPU: `direct`, written by the kernels where the
/// processor reads, or `copy`. It is for tests and benches; without it, `direct` is what is done where it can be.
const READBACK: &str = "UPRIGHT_READBACK";

/// Says whether kernels write where the processor reads, on a device that can do that or not. Even over a bus they are faster
/// so than a copy after them.
fn is_direct(wanted: Option<&str>, can: bool) -> std::result::Result<bool, String> {
    match wanted {
        None => Ok(can),
        Some("copy") => Ok(false),
        Some("direct") if can => Ok(true),
        Some("direct") => Err(format!("{READBACK} is direct, which it cannot; unset it")),
        Some(other) => Err(format!("{READBACK} is {other}; make it direct or copy, or unset it")),
    }
}

impl Gpu {
    /// Opens an adapter.
    ///
    /// # Errors
    /// [`crate::Error::Device`] when it refuses.
    pub(super) fn open(adapter: &Adapter) -> Result<Self> {
        let context = Context::new(adapter)?;
        let has_own_memory = adapter.get_info().device_type == DeviceType::DiscreteGpu;
        let can = context.device.features().contains(Features::MAPPABLE_PRIMARY_BUFFERS);
        let wanted = std::env::var_os(READBACK).map(|wanted| wanted.to_string_lossy().into_owned());
        let direct = is_direct(wanted.as_deref(), can).map_err(|why| context.error(why))?;
        Ok(Self { info: adapters::describe(adapter), has_own_memory, direct, context, pipelines: Mutex::default() })
    }

    /// Makes a kernel ready, once.
    pub(super) fn pipeline(&self, kernel: &'static Kernel) -> Result<Arc<Pipeline>> {
        let mut pipelines = self.pipelines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = pipelines.get(kernel.name) {
            return Ok(Arc::clone(known));
        }
        let pipeline = Arc::new(Pipeline::new(&self.context, kernel)?);
        pipelines.insert(kernel.name, Arc::clone(&pipeline));
        Ok(pipeline)
    }

    /// Plans the buffers of a runner.
    pub(super) fn runner_buffers(&self, graph: &Graph) -> RunnerBuffers {
        RunnerBuffers::plan(graph, self.binding_align(), self.direct)
    }

    /// Tells the device's alignment of what is bound, in bytes.
    pub(super) fn binding_align(&self) -> usize {
        self.context.device.limits().min_storage_buffer_offset_alignment as usize
    }

    /// Computes the memory of a runner.
    pub(in crate::picture) fn memory(&self, graph: &Graph) -> Memory {
        self.runner_buffers(graph).memory(self.has_own_memory)
    }

    /// Measures how fast a frame's bytes go to and fro when nothing is computed.
    ///
    /// # Errors
    /// [`crate::Error::Device`] when it fails.
    pub(in crate::picture) fn bandwidth(&self, traffic: Traffic) -> Result<Bandwidth> {
        bus::measure(&self.context, traffic)
    }
}

#[cfg(test)]
impl Gpu {
    /// Loses the device, as a driver does.
    pub(in crate::picture) fn lose(&self) {
        self.context.device.destroy();
        // wgpu tells whoever asks once the device has nothing to do.
        let timeout = Some(std::time::Duration::from_secs(10));
        let _ = self.context.device.poll(wgpu::PollType::Wait { submission_index: None, timeout });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_come_out_the_way_that_was_asked_for_and_else_directly_where_that_can_be() {
        for (wanted, can, direct) in
            [(None, true, true), (None, false, false), (Some("copy"), true, false), (Some("direct"), true, true)]
        {
            assert_eq!(is_direct(wanted, can), Ok(direct));
        }
        for (wanted, can) in [("direct", false), ("", true), ("Copy", true)] {
            assert!(is_direct(Some(wanted), can).unwrap_err().contains("UPRIGHT_READBACK"));
        }
    }
}
