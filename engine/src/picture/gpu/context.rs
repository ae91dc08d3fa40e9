//! An open device: its queue, its pipelines, and what has gone wrong with it.

#![expect(unsafe_code, reason = "kernels run unchecked")]

use super::layout::WORD;
use crate::error::{Error, Result};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockWriteGuard};
use std::time::{Duration, Instant};
use upright_shaders::kernels::{BindingKind, KERNELS, Kernel};
use wgpu::{
    Adapter, BindGroup, BindGroupDescriptor, BindGroupEntry, BindGroupLayout, BindGroupLayoutDescriptor,
    BindGroupLayoutEntry, BindingResource, BindingType, Buffer, BufferBinding, BufferBindingType, BufferDescriptor,
    BufferUsages, ComputePipeline, ComputePipelineDescriptor, Device, DeviceDescriptor, ErrorFilter, Features, Limits,
    PipelineLayoutDescriptor, PollError, PollStatus, PollType, Queue, ShaderModuleDescriptor, ShaderRuntimeChecks,
    ShaderSource, ShaderStages, SubmissionIndex,
};

/// Longer than any frame takes, on any device that works.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// Time for which a device is asked at a stretch whether it is done.
const STRETCH: Duration = Duration::from_millis(5);
/// Time that a device that is given up may go on with its work.
const PARTING: Duration = Duration::from_millis(500);

/// A device and its queue.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) device: Device,
    pub(super) queue: Queue,
    faults: Faults,
    /// Held alone by whoever gives the device work, and shared by those who ask it how far it is: see [`Context::alone`].
    gate: RwLock<()>,
}

/// The faults of a device. wgpu reports most faults to a callback, not to the caller: the callback notes the first one
/// here and whoever called asks.
#[derive(Clone, Debug)]
struct Faults {
    device: String,
    first: Arc<Mutex<Option<String>>>,
}

impl Faults {
    fn note(&self, fault: impl Into<String>) {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| fault.into());
    }

    fn check(&self) -> Result<()> {
        match self.first.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            Some(fault) => Err(self.error(fault.clone())),
            None => Ok(()),
        }
    }

    fn error(&self, why: String) -> Error {
        Error::Device { device: self.device.clone(), why }
    }
}

impl Context {
    /// Opens the device of `adapter` with WebGPU's default limits, except that buffers may be as large as it allows, and
    /// with a clock where it has one.
    pub(super) fn new(adapter: &Adapter) -> Result<Self> {
        let allowed = adapter.limits();
        let required_limits = Limits {
            max_buffer_size: allowed.max_buffer_size,
            max_storage_buffer_binding_size: allowed.max_storage_buffer_binding_size,
            ..Limits::default()
        };
        let faults = Faults { device: adapter.get_info().name, first: Arc::default() };
        // Kernels are timed, and write where the processor reads, where that can be had.
        let wanted = Features::TIMESTAMP_QUERY | Features::MAPPABLE_PRIMARY_BUFFERS;
        let required_features = adapter.features() & wanted;
        let descriptor = DeviceDescriptor {
            label: Some("upright"),
            required_features,
            required_limits,
            ..DeviceDescriptor::default()
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))
            .map_err(|error| faults.error(format!("cannot be opened: {error}; use the device cpu")))?;
        let noted = faults.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| noted.note(reason(error))));
        let noted = faults.clone();
        device.set_device_lost_callback(move |_, message| {
            let why = Some(message.trim()).filter(|why| !why.is_empty()).map(|why| format!(" ({why})"));
            noted.note(format!("was lost{}; try again, or use the device cpu", why.unwrap_or_default()));
        });
        Ok(Self { device, queue, faults, gate: RwLock::new(()) })
    }

    /// An error about this device.
    pub(super) fn error(&self, why: impl Into<String>) -> Error {
        self.faults.error(why.into())
    }

    /// The first fault so far, if any. Once there is one the device is of no more use.
    pub(super) fn check(&self) -> Result<()> {
        self.faults.check()
    }

    /// Checks that a buffer of so many bytes can be had and given to a kernel.
    pub(super) fn check_size(&self, label: &str, bytes: usize) -> Result<()> {
        let limits = self.device.limits();
        // Offsets are counted in words of 32 bits.
        let addressable = u64::from(u32::MAX) * WORD as u64;
        let most = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size).min(addressable);
        if bytes as u64 <= most {
            return Ok(());
        }
        let size = format!("{label} takes {bytes} bytes, and a buffer of this device holds {most}");
        Err(self.error(format!("{size}; use smaller rungs, or the device cpu")))
    }

    /// Makes a buffer of a multiple of four bytes; one with [`BufferUsages::MAP_WRITE`] begins mapped.
    pub(super) fn buffer(&self, label: &str, bytes: usize, usage: BufferUsages) -> Result<Buffer> {
        self.check_size(label, bytes)?;
        let (size, mapped_at_creation) = (bytes as u64, usage.contains(BufferUsages::MAP_WRITE));
        let buffer =
            self.device.create_buffer(&BufferDescriptor { label: Some(label), size, usage, mapped_at_creation });
        self.check()?;
        Ok(buffer)
    }

    /// Does what `make` does. What the device refuses meanwhile is an error of this alone: the device stays usable.
    pub(super) fn attempt<T>(&self, make: impl FnOnce() -> Result<T>) -> Result<T> {
        let scopes = [ErrorFilter::OutOfMemory, ErrorFilter::Internal, ErrorFilter::Validation]
            .map(|filter| self.device.push_error_scope(filter));
        let made = make();
        // Reverse order is wgpu's rule. What is no memory is often an invalid call afterwards: the first counts.
        let refused = scopes.into_iter().rev().filter_map(|scope| pollster::block_on(scope.pop())).last();
        self.check()?;
        match refused {
            Some(error) => Err(self.error(reason(error))),
            None => made,
        }
    }

    /// Keeps everybody from asking how far the device is, which is when wgpu 30 frees the memory of one that is lost, be it read
    /// or not. Whoever gives it work, and may find it lost, holds this until the loss is noted: nobody asks after that.
    pub(super) fn alone(&self) -> RwLockWriteGuard<'_, ()> {
        self.gate.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the work of one submission, for at most `limit`; says whether it is done. Its callbacks are then on
    /// their way, and not necessarily called: wgpu 30 has them called by whichever thread it told first that the work is
    /// done, be it one that has just submitted work of its own.
    pub(super) fn wait(&self, submission: &SubmissionIndex, limit: Duration) -> Result<bool> {
        let begin = Instant::now();
        let polled = loop {
            // Not long at a stretch: others want to give it work.
            let timeout = Some(limit.saturating_sub(begin.elapsed()).min(STRETCH));
            let polled = self.poll(PollType::Wait { submission_index: Some(submission.clone()), timeout });
            if !matches!(polled, Some(Err(PollError::Timeout))) || begin.elapsed() >= limit {
                break polled;
            }
        };
        let done = match polled {
            Some(Ok(_)) => true,
            Some(Err(PollError::Timeout)) => false,
            Some(Err(error)) => {
                self.faults.note(format!("failed: {error}"));
                false
            }
            None => {
                self.faults.note("was lost; try again, or use the device cpu");
                false
            }
        };
        self.check()?;
        Ok(done)
    }

    /// Waits until the work of one submission is done.
    pub(super) fn finish(&self, submission: &SubmissionIndex) -> Result<()> {
        if self.wait(submission, PATIENCE)? { Ok(()) } else { Err(self.give_up()) }
    }

    /// Notes that the device has been waited for as long as [`PATIENCE`], and gives the error.
    pub(super) fn give_up(&self) -> Error {
        let fault = format!("has not answered for {} s; use the device cpu", PATIENCE.as_secs());
        self.faults.note(fault.clone());
        self.error(fault)
    }

    /// None when the device is lost: wgpu 30 panics where it hears of that while it waits. It is not asked again, for it would
    /// free the memory of pictures that somebody may still be reading.
    fn poll(&self, poll: PollType) -> Option<Result<PollStatus, PollError>> {
        let _gate = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        self.check().is_ok().then(|| catch_unwind(AssertUnwindSafe(|| self.device.poll(poll))).ok()).flatten()
    }
}

#[cfg(test)]
impl Context {
    /// Notes that the device is lost, as wgpu's callback does.
    pub(super) fn note_loss(&self) {
        self.faults.note("was lost");
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // To drop the last handle of a queue is to wait until it is idle, which would be for ever where the device is
        // stuck or lost: then it is kept.
        let idle = self.poll(PollType::Wait { submission_index: None, timeout: Some(PARTING) });
        if !matches!(idle, Some(Ok(_))) {
            std::mem::forget((self.device.clone(), self.queue.clone()));
        }
    }
}

/// Says what a device refused, and what to do.
fn reason(error: wgpu::Error) -> String {
    match error {
        wgpu::Error::OutOfMemory { .. } => "out of memory; use fewer or smaller rungs, or the device cpu".to_owned(),
        wgpu::Error::Validation { description, .. } => format!("refused a call: {description}"),
        wgpu::Error::Internal { description, .. } => format!("failed: {description}"),
    }
}

/// A kernel made ready for a device.
#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) kernel: &'static Kernel,
    pub(super) pipeline: ComputePipeline,
    layout: BindGroupLayout,
}

impl Pipeline {
    pub(super) fn new(context: &Context, kernel: &'static Kernel) -> Result<Self> {
        let device = &context.device;
        let label = Some(kernel.name);
        let entries: Vec<_> =
            (0..).zip(kernel.bindings).map(|(binding, entry)| layout_entry(binding, entry.kind)).collect();
        let layout = device.create_bind_group_layout(&BindGroupLayoutDescriptor { label, entries: &entries });
        let source = ShaderModuleDescriptor { label, source: ShaderSource::Wgsl(kernel.source.into()) };
        let module = if KERNELS.contains(&kernel) {
            // SAFETY: a kernel of ours reads and writes only where its jobs say, and those of `gpu/scaler.rs` and
            // `gpu/planes.rs`, which are all that are made, lie within the buffers that are bound; its loops end by their
            // counts, and it divides by counts that are not zero.
            unsafe { device.create_shader_module_trusted(source, ShaderRuntimeChecks::unchecked()) }
        } else {
            device.create_shader_module(source)
        };
        let pipeline_layout = device.create_pipeline_layout(&PipelineLayoutDescriptor {
            label,
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let pipeline = device.create_compute_pipeline(&ComputePipelineDescriptor {
            label,
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some(kernel.name),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        });
        context.check()?;
        Ok(Self { kernel, pipeline, layout })
    }

    /// Binds the buffers that `buffer` gives for the names of the kernel's bindings, or these bytes of them.
    pub(super) fn bind<'a>(
        &self,
        context: &Context,
        buffer: impl Fn(&str) -> Option<(&'a Buffer, Option<Range<usize>>)>,
    ) -> Result<BindGroup> {
        let entries = (0..)
            .zip(self.kernel.bindings)
            .map(|(binding, entry)| {
                let missing = || Error::misuse(format!("gpu: {} has no buffer {}", self.kernel.name, entry.name));
                let (buffer, bytes) = buffer(entry.name).ok_or_else(missing)?;
                let (offset, size) = match bytes {
                    Some(bytes) => (bytes.start as u64, wgpu::BufferSize::new(bytes.len() as u64)),
                    None => (0, None),
                };
                let resource = BufferBinding { buffer, offset, size };
                Ok(BindGroupEntry { binding, resource: BindingResource::Buffer(resource) })
            })
            .collect::<Result<Vec<_>>>()?;
        let descriptor = BindGroupDescriptor { label: Some(self.kernel.name), layout: &self.layout, entries: &entries };
        let group = context.device.create_bind_group(&descriptor);
        context.check()?;
        Ok(group)
    }
}

fn layout_entry(binding: u32, kind: BindingKind) -> BindGroupLayoutEntry {
    let (read_only, bytes) = match kind {
        BindingKind::Read { element } => (true, u64::from(element)),
        BindingKind::Write => (false, WORD as u64),
    };
    let ty = BufferBindingType::Storage { read_only };
    let (has_dynamic_offset, min_binding_size) = (false, wgpu::BufferSize::new(bytes));
    BindGroupLayoutEntry {
        binding,
        visibility: ShaderStages::COMPUTE,
        ty: BindingType::Buffer { ty, has_dynamic_offset, min_binding_size },
        count: None,
    }
}
