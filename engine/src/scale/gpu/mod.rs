//! GPUs as devices, through wgpu: Vulkan, Metal and Direct3D 12.
//!
//! A frame is one submission: its parameters, filters and samples are copied from an upload buffer to the input
//! buffer, all horizontal passes run, then all vertical ones, and the rungs are copied to a readback buffer. Each of a
//! small ring of slots has buffers of its own, so that one frame is written while another is computed and a third read.

pub(super) mod adapters;
mod context;
mod layout;

use super::filters::Filters;
use super::{Crop, DeviceInfo, ScaleSpec, Scaler, check_outputs, check_request};
use crate::error::{Error, Result};
use crate::frame::Frame;
use context::{Context, Pipeline};
use layout::{Layout, WORD};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use upright_shaders::kernels::{SCALE_HORIZONTAL, SCALE_VERTICAL};
use wgpu::{
    Adapter, BindGroup, Buffer, BufferAsyncError, BufferUsages, CommandEncoderDescriptor, ComputePassDescriptor,
    MapMode, SubmissionIndex,
};

/// Frames under way at once: one being written, one computed, one read.
const SLOTS: usize = 3;

/// An open GPU.
#[derive(Debug)]
pub(super) struct Gpu {
    info: DeviceInfo,
    context: Context,
    /// Horizontal and vertical.
    pipelines: [Pipeline; 2],
}

impl Gpu {
    /// Opens an adapter.
    ///
    /// # Errors
    /// [`Error::Device`] when it refuses.
    pub(super) fn open(adapter: &Adapter) -> Result<Self> {
        let context = Context::new(adapter)?;
        let pipelines = [Pipeline::new(&context, &SCALE_HORIZONTAL)?, Pipeline::new(&context, &SCALE_VERTICAL)?];
        Ok(Self { info: adapters::describe(adapter), context, pipelines })
    }
}

/// Scales on a GPU.
#[derive(Debug)]
pub(super) struct GpuScaler {
    gpu: Arc<Gpu>,
    spec: ScaleSpec,
    filters: Filters,
    /// The filters as the kernels read them, and which revision of them that is.
    filter_words: (u64, Vec<u32>),
    /// Bytes of the output buffer and of every rung in it.
    output_bytes: usize,
    rung_bytes: Vec<Range<usize>>,
    /// Made when they are first needed.
    slots: [Option<Slot>; SLOTS],
    /// Of the slots, oldest first.
    under_way: VecDeque<Flight>,
    /// Number of frames submitted so far.
    submitted: usize,
}

/// A frame under way.
#[derive(Debug)]
struct Flight {
    slot: usize,
    submission: SubmissionIndex,
    pts: i64,
    duration: i64,
}

/// The buffers of one frame under way.
#[derive(Debug)]
struct Slot {
    /// Mapped while the slot is free.
    upload: Buffer,
    input: Buffer,
    middle: Buffer,
    output: Buffer,
    /// Mapped once the frame is done.
    readback: Buffer,
    /// In the order of [`Gpu::pipelines`].
    groups: [BindGroup; 2],
    /// Which filters the input buffer holds, 0 for none.
    filters: u64,
    /// How many of the upload and the readback buffer have been mapped since the frame was submitted.
    mapped: Arc<AtomicUsize>,
}

impl GpuScaler {
    /// A scaler on an open GPU.
    ///
    /// # Errors
    /// [`Error::Device`] when it cannot hold the rungs.
    pub(super) fn new(gpu: Arc<Gpu>, spec: &ScaleSpec) -> Result<Self> {
        let (output_bytes, rung_bytes) = layout::outputs(spec);
        // Says now, and not after the first frame has been decoded, that the rungs are too large.
        gpu.context.check_size("a set of rungs", output_bytes)?;
        Ok(Self {
            gpu,
            spec: spec.clone(),
            filters: Filters::new(spec),
            filter_words: (0, Vec::new()),
            output_bytes,
            rung_bytes,
            slots: [const { None }; SLOTS],
            under_way: VecDeque::with_capacity(SLOTS),
            submitted: 0,
        })
    }

    /// Makes the filters those of the window and gives the frame's layout.
    fn lay_out(&mut self, crop: Crop) -> Layout {
        self.filters.follow(crop.window);
        if self.filter_words.0 != self.filters.revision() {
            layout::filter_words(&self.spec, &self.filters, &mut self.filter_words.1);
            self.filter_words.0 = self.filters.revision();
        }
        let params_align = self.gpu.context.device.limits().min_uniform_buffer_offset_alignment as usize;
        Layout::new(&self.spec, &self.filters, crop, params_align)
    }
}

impl Scaler for GpuScaler {
    fn device(&self) -> &DeviceInfo {
        &self.gpu.info
    }

    fn capacity(&self) -> usize {
        SLOTS
    }

    fn submit(&mut self, source: &Frame, crop: Crop) -> Result<()> {
        check_request(&self.spec, source, crop)?;
        self.gpu.context.check()?;
        if self.under_way.len() == SLOTS {
            return Err(Error::options(format!("scaler: submitted a frame beyond its capacity of {SLOTS}")));
        }
        let layout = self.lay_out(crop);
        let index = self.submitted % SLOTS;
        let slot = match self.slots[index].take().filter(|slot| slot.holds(&layout)) {
            Some(slot) => slot,
            None => Slot::new(&self.gpu, &layout, self.output_bytes)?,
        };
        let slot = self.slots[index].insert(slot);
        let new_filters = slot.filters != self.filter_words.0;
        slot.write(&self.gpu.context, &layout, source, new_filters.then_some(self.filter_words.1.as_slice()))?;
        slot.filters = self.filter_words.0;
        let submission = slot.submit(&self.gpu, &layout, new_filters)?;
        self.under_way.push_back(Flight { slot: index, submission, pts: source.pts, duration: source.duration });
        self.submitted += 1;
        Ok(())
    }

    fn collect(&mut self, outputs: &mut [&mut Frame]) -> Result<()> {
        check_outputs(&self.spec, outputs)?;
        let flight = self.under_way.pop_front();
        let Some((flight, slot)) =
            flight.and_then(|flight| self.slots[flight.slot].as_ref().map(|slot| (flight, slot)))
        else {
            return Err(Error::options("scaler: asked for a frame that was not submitted"));
        };
        self.gpu.context.wait(flight.submission)?;
        slot.read(&self.gpu.context, &self.rung_bytes, outputs)?;
        for output in outputs {
            output.pts = flight.pts;
            output.duration = flight.duration;
        }
        Ok(())
    }
}

impl Slot {
    /// A slot for frames of this layout and somewhat larger ones: how many columns and rows a window needs changes a
    /// little as it moves.
    fn new(gpu: &Gpu, layout: &Layout, output_bytes: usize) -> Result<Self> {
        let Gpu { context, pipelines, .. } = gpu;
        let roomy = |bytes: usize| (bytes + bytes / 16).next_multiple_of(WORD);
        let input_bytes = roomy(layout.input_bytes());
        let upload = BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC;
        let input = BufferUsages::COPY_DST | BufferUsages::UNIFORM | BufferUsages::STORAGE;
        let output = BufferUsages::STORAGE | BufferUsages::COPY_SRC;
        let readback = BufferUsages::COPY_DST | BufferUsages::MAP_READ;
        let upload = context.buffer("what a frame uploads", input_bytes, upload)?;
        let input = context.buffer("what a frame uploads", input_bytes, input)?;
        let middle =
            context.buffer("a set of half-scaled rungs", roomy(layout.middle_words * WORD), BufferUsages::STORAGE)?;
        let output = context.buffer("a set of rungs", output_bytes, output)?;
        let readback = context.buffer("a set of rungs", output_bytes, readback)?;
        let bind = |pipeline: &Pipeline| {
            pipeline.bind(context, |name| match name {
                "middle" => &middle,
                "output" => &output,
                _ => &input,
            })
        };
        let groups = [bind(&pipelines[0])?, bind(&pipelines[1])?];
        Ok(Self { upload, input, middle, output, readback, groups, filters: 0, mapped: Arc::default() })
    }

    fn holds(&self, layout: &Layout) -> bool {
        layout.input_bytes() as u64 <= self.input.size() && (layout.middle_words * WORD) as u64 <= self.middle.size()
    }

    /// Fills the upload buffer, with the filters only where they are given.
    fn write(&self, context: &Context, layout: &Layout, source: &Frame, filters: Option<&[u32]>) -> Result<()> {
        let range = self.upload.slice(..).get_mapped_range_mut();
        let mut mapped = range.map_err(|error| context.error(format!("cannot be written to: {error}")))?;
        let mut write = |offset: usize, bytes: &[u8]| mapped.slice(offset..offset + bytes.len()).copy_from_slice(bytes);
        layout.write_params(&mut write);
        if let Some(filters) = filters {
            write(layout.filter_bytes().start, bytemuck::cast_slice(filters));
        }
        layout.write_pixels(source, &mut write);
        drop(mapped);
        self.upload.unmap();
        Ok(())
    }

    /// Sends the frame on its way.
    fn submit(&self, gpu: &Gpu, layout: &Layout, new_filters: bool) -> Result<SubmissionIndex> {
        let Gpu { context, pipelines, .. } = gpu;
        let mut encoder = context.device.create_command_encoder(&CommandEncoderDescriptor { label: Some("frame") });
        let mut copy = |range: Range<usize>| {
            let (offset, bytes) = (range.start as u64, range.len() as u64);
            encoder.copy_buffer_to_buffer(&self.upload, offset, &self.input, offset, bytes);
        };
        if new_filters {
            copy(0..layout.input_bytes());
        } else {
            copy(0..layout.filter_bytes().start);
            copy(layout.filter_bytes().end..layout.input_bytes());
        }
        let mut pass =
            encoder.begin_compute_pass(&ComputePassDescriptor { label: Some("scale"), timestamp_writes: None });
        for dispatch in &layout.dispatches {
            for (pipeline, group) in pipelines.iter().zip(&self.groups) {
                if pipeline.kernel == dispatch.kernel {
                    pass.set_pipeline(&pipeline.pipeline);
                    pass.set_bind_group(0, group, &[dispatch.params as u32]);
                    let [x, y, z] = dispatch.workgroups;
                    pass.dispatch_workgroups(x, y, z);
                }
            }
        }
        drop(pass);
        encoder.copy_buffer_to_buffer(&self.output, 0, &self.readback, 0, self.output.size());
        let submission = context.queue.submit([encoder.finish()]);
        context.check()?;

        self.mapped.store(0, Ordering::Release);
        let count = || {
            let mapped = Arc::clone(&self.mapped);
            move |result: Result<(), BufferAsyncError>| {
                mapped.fetch_add(usize::from(result.is_ok()), Ordering::AcqRel);
            }
        };
        self.upload.map_async(MapMode::Write, .., count());
        self.readback.map_async(MapMode::Read, .., count());
        context.check()?;
        Ok(submission)
    }

    /// Copies the rungs out of the readback buffer.
    fn read(&self, context: &Context, rungs: &[Range<usize>], outputs: &mut [&mut Frame]) -> Result<()> {
        if self.mapped.load(Ordering::Acquire) != 2 {
            return Err(context.error("did not give a frame back; try again, or use the device cpu"));
        }
        let range = self.readback.slice(..).get_mapped_range();
        let mapped = range.map_err(|error| context.error(format!("cannot be read from: {error}")))?;
        for (output, range) in outputs.iter_mut().zip(rungs) {
            output.bytes_mut().copy_from_slice(&mapped[range.clone()]);
        }
        drop(mapped);
        self.readback.unmap();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::ChromaSite;
    use crate::frame::{Depth, FrameFormat, Subsampling};
    use crate::geometry::Window;
    use crate::scale::DeviceChoice;
    use upright_shaders::kernels::Kernel;

    /// Fails where Mesa's software driver is not installed.
    fn software_gpu() -> Arc<Gpu> {
        let adapter = adapters::choose(&DeviceChoice::Adapter("llvmpipe".into()), adapters::list()).unwrap().unwrap();
        Arc::new(Gpu::open(&adapter).unwrap())
    }

    fn spec() -> ScaleSpec {
        let format =
            |width, height| FrameFormat { width, height, subsampling: Subsampling::CS420, depth: Depth::Eight };
        ScaleSpec {
            source: format(320, 180),
            source_chroma: ChromaSite::LEFT,
            full_range: false,
            rungs: vec![format(180, 320), format(90, 160)],
            rung_chroma: ChromaSite::LEFT,
        }
    }

    fn crop(x: f64) -> Crop {
        Crop { window: Window { x, y: 0.0, width: 101.25, height: 180.0 }, frame: 0 }
    }

    fn device_error(result: Result<()>) -> String {
        match result {
            Err(Error::Device { device, why }) if device.contains("llvmpipe") => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_lost_device_is_an_error_before_and_after_a_frame_is_submitted() {
        let (gpu, spec) = (software_gpu(), spec());
        let mut scaler = GpuScaler::new(Arc::clone(&gpu), &spec).unwrap();
        let source = Frame::new(spec.source);
        scaler.submit(&source, crop(10.0)).unwrap();
        gpu.context.device.destroy();
        let mut rungs = spec.rungs.iter().map(|&rung| Frame::new(rung)).collect::<Vec<_>>();
        // The frame may have been finished already; then it is whole, and the next call says what has happened.
        let collected = scaler.collect(&mut rungs.iter_mut().collect::<Vec<_>>());
        if collected.is_err() {
            device_error(collected);
        }
        assert!(device_error(scaler.submit(&source, crop(10.0))).contains("lost"));
        assert!(device_error(scaler.submit(&source, crop(10.0))).contains("lost"));
    }

    #[test]
    fn what_the_device_refuses_is_an_error_that_stays() {
        let gpu = software_gpu();
        let broken =
            Kernel { source: "@compute @workgroup_size(1) fn broken() { let x: i32 = 1u; }", ..SCALE_HORIZONTAL };
        let refused = Pipeline::new(&gpu.context, Box::leak(Box::new(broken))).map(|_| ());
        assert!(device_error(refused).contains("refused"));
        assert!(device_error(gpu.context.check()).contains("refused"));
    }

    #[test]
    fn a_window_that_moves_needs_no_new_buffers() {
        let spec = spec();
        let layout = |x: f64| {
            let mut filters = Filters::new(&spec);
            filters.follow(crop(x).window);
            Layout::new(&spec, &filters, crop(x), 256)
        };
        let slot = Slot::new(&software_gpu(), &layout(0.0), 4).unwrap();
        assert!((0..=320 - 102).all(|x| slot.holds(&layout(f64::from(x) + 0.37))));
        assert!(!slot.holds(&{
            let mut filters = Filters::new(&spec);
            let whole = Window { x: 0.0, y: 0.0, width: 320.0, height: 180.0 };
            filters.follow(whole);
            Layout::new(&spec, &filters, Crop { window: whole, frame: 0 }, 256)
        }));
    }
}
