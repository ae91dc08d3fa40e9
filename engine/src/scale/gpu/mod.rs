//! GPUs as devices, through wgpu: Vulkan, Metal and Direct3D 12.
//!
//! A frame is one submission: its parameters, filters and samples are copied from an upload buffer to the input
//! buffer, all horizontal passes run, then all vertical ones, and the rungs are copied to a readback buffer. Each of a
//! small ring of slots has buffers of its own, so that one frame is written while another is computed and a third read.

pub(super) mod adapters;
mod bus;
mod clock;
mod context;
mod layout;

use super::filters::Filters;
use super::{Bandwidth, Crop, DeviceInfo, GpuStats, ScaleSpec, Scaler, Traffic, check_outputs, check_request};
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::geometry::Window;
use clock::Clock;
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

    /// How fast a frame's bytes go to and fro when nothing is computed.
    ///
    /// # Errors
    /// [`Error::Device`] when it fails.
    pub(super) fn bandwidth(&self, traffic: Traffic) -> Result<Bandwidth> {
        bus::measure(&self.context, traffic)
    }
}

/// Scales on a GPU.
#[derive(Debug)]
pub(super) struct GpuScaler {
    gpu: Arc<Gpu>,
    spec: ScaleSpec,
    filters: Filters,
    window: WindowData,
    stats: GpuStats,
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

/// What follows from the window alone, and stays from frame to frame while it does.
#[derive(Debug, Default)]
struct WindowData {
    /// The revision of the filters that the rest is made from, 0 for none.
    revision: u64,
    /// The filters as the kernels read them.
    filter_words: Vec<u32>,
    layout: Layout,
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
    /// Mapped once the frame is done; the time stamps come after the rungs.
    readback: Buffer,
    clock: Option<Clock>,
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
            window: WindowData::default(),
            stats: GpuStats::default(),
            output_bytes,
            rung_bytes,
            slots: [const { None }; SLOTS],
            under_way: VecDeque::with_capacity(SLOTS),
            submitted: 0,
        })
    }

    /// Makes everything that follows from the window follow this one.
    fn follow(&mut self, window: Window) {
        self.filters.follow(window);
        if self.window.revision != self.filters.revision() {
            let align = self.gpu.context.device.limits().min_uniform_buffer_offset_alignment as usize;
            layout::filter_words(&self.spec, &self.filters, &mut self.window.filter_words);
            self.window.layout = Layout::new(&self.spec, &self.filters, align);
            self.window.revision = self.filters.revision();
        }
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
            return Err(Error::misuse(format!("scaler: submitted a frame beyond its capacity of {SLOTS}")));
        }
        self.follow(crop.window);
        let WindowData { revision, filter_words, layout } = &self.window;
        let index = self.submitted % SLOTS;
        let slot = match self.slots[index].take().filter(|slot| slot.holds(layout)) {
            Some(slot) => slot,
            None => Slot::new(&self.gpu, layout, self.output_bytes)?,
        };
        let slot = self.slots[index].insert(slot);
        let new_filters = (slot.filters != *revision).then_some(filter_words.as_slice());
        slot.write(&self.gpu.context, layout, source, crop.frame, new_filters)?;
        slot.filters = *revision;
        let (submission, uploaded) = slot.submit(&self.gpu, layout, new_filters.is_some())?;
        self.stats.traffic = Traffic { uploaded, read_back: self.output_bytes };
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
            return Err(Error::misuse("scaler: asked for a frame that was not submitted"));
        };
        self.gpu.context.wait(flight.submission)?;
        let seconds = slot.read(&self.gpu.context, &self.rung_bytes, outputs)?;
        self.stats.add(seconds);
        for output in outputs {
            output.pts = flight.pts;
            output.duration = flight.duration;
        }
        Ok(())
    }

    fn gpu_stats(&self) -> Option<GpuStats> {
        Some(self.stats)
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
        let readback = context.buffer("a set of rungs", output_bytes + clock::STAMPS, readback)?;
        let clock = Clock::new(context)?;
        let bind = |pipeline: &Pipeline| {
            pipeline.bind(context, |name| match name {
                "middle" => &middle,
                "output" => &output,
                _ => &input,
            })
        };
        let groups = [bind(&pipelines[0])?, bind(&pipelines[1])?];
        Ok(Self { upload, input, middle, output, readback, clock, groups, filters: 0, mapped: Arc::default() })
    }

    fn holds(&self, layout: &Layout) -> bool {
        layout.input_bytes() as u64 <= self.input.size() && (layout.middle_words * WORD) as u64 <= self.middle.size()
    }

    /// Fills the upload buffer, with the filters only where they are given.
    fn write(
        &self,
        context: &Context,
        layout: &Layout,
        source: &Frame,
        frame: u64,
        filters: Option<&[u32]>,
    ) -> Result<()> {
        let range = self.upload.slice(..).get_mapped_range_mut();
        let mut mapped = range.map_err(|error| context.error(format!("cannot be written to: {error}")))?;
        let mut write = |offset: usize, bytes: &[u8]| mapped.slice(offset..offset + bytes.len()).copy_from_slice(bytes);
        layout.write_params(frame, &mut write);
        if let Some(filters) = filters {
            write(layout.filter_bytes().start, bytemuck::cast_slice(filters));
        }
        layout.write_pixels(source, &mut write);
        drop(mapped);
        self.upload.unmap();
        Ok(())
    }

    /// Sends the frame on its way; says how many bytes go to the device.
    fn submit(&self, gpu: &Gpu, layout: &Layout, new_filters: bool) -> Result<(SubmissionIndex, usize)> {
        let Gpu { context, pipelines, .. } = gpu;
        let mut encoder = context.device.create_command_encoder(&CommandEncoderDescriptor { label: Some("frame") });
        let mut uploaded = 0;
        let mut copy = |range: Range<usize>| {
            uploaded += range.len();
            let (offset, bytes) = (range.start as u64, range.len() as u64);
            encoder.copy_buffer_to_buffer(&self.upload, offset, &self.input, offset, bytes);
        };
        if new_filters {
            copy(0..layout.input_bytes());
        } else {
            copy(0..layout.filter_bytes().start);
            copy(layout.filter_bytes().end..layout.input_bytes());
        }
        let timestamp_writes = self.clock.as_ref().map(Clock::writes);
        let mut pass = encoder.begin_compute_pass(&ComputePassDescriptor { label: Some("scale"), timestamp_writes });
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
        if let Some(clock) = &self.clock {
            clock.copy(&mut encoder, &self.readback, self.output.size());
        }
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
        Ok((submission, uploaded))
    }

    /// Copies the rungs out of the readback buffer; says for how many seconds the kernels ran, where there is a clock.
    fn read(&self, context: &Context, rungs: &[Range<usize>], outputs: &mut [&mut Frame]) -> Result<Option<f64>> {
        if self.mapped.load(Ordering::Acquire) != 2 {
            return Err(context.error("did not give a frame back; try again, or use the device cpu"));
        }
        let range = self.readback.slice(..).get_mapped_range();
        let mapped = range.map_err(|error| context.error(format!("cannot be read from: {error}")))?;
        for (output, range) in outputs.iter_mut().zip(rungs) {
            output.bytes_mut().copy_from_slice(&mapped[range.clone()]);
        }
        let stamps = &mapped[self.output.size() as usize..];
        let seconds = self.clock.as_ref().map(|_| clock::seconds(context, stamps));
        drop(mapped);
        self.readback.unmap();
        Ok(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::ChromaSite;
    use crate::frame::{Depth, FrameFormat, Subsampling};
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
    fn kernels_are_timed_where_there_is_a_clock_and_bytes_are_counted() {
        let (gpu, spec) = (software_gpu(), spec());
        let mut scaler = GpuScaler::new(Arc::clone(&gpu), &spec).unwrap();
        let source = Frame::new(spec.source);
        let mut rungs = spec.rungs.iter().map(|&rung| Frame::new(rung)).collect::<Vec<_>>();
        let mut last = GpuStats::default();
        for frames in 1..=4 {
            scaler.submit(&source, crop(10.0)).unwrap();
            scaler.collect(&mut rungs.iter_mut().collect::<Vec<_>>()).unwrap();
            let stats = scaler.gpu_stats().unwrap();
            assert_eq!(stats.frames, frames);
            assert_eq!(stats.traffic.read_back, spec.rungs.iter().map(|rung| rung.bytes()).sum::<usize>());
            let has_clock = gpu.context.device.features().contains(wgpu::Features::TIMESTAMP_QUERY);
            assert_eq!(stats.kernel_seconds.is_some(), has_clock);
            assert!(!has_clock || stats.kernel_seconds > last.kernel_seconds, "{stats:?}");
            last = stats;
        }
        // The window's columns of all rows, and filters only into a slot's first frame.
        let window = 102 * 180 * 3 / 2;
        assert!((window..2 * window).contains(&last.traffic.uploaded), "{last:?}");
        let bandwidth = gpu.bandwidth(last.traffic).unwrap();
        assert!(bandwidth.upload > 0.0 && bandwidth.read_back > 0.0);
    }

    #[test]
    fn a_window_that_moves_needs_no_new_buffers() {
        let spec = spec();
        let layout = |x: f64| {
            let mut filters = Filters::new(&spec);
            filters.follow(crop(x).window);
            Layout::new(&spec, &filters, 256)
        };
        let slot = Slot::new(&software_gpu(), &layout(0.0), 4).unwrap();
        assert!((0..=320 - 102).all(|x| slot.holds(&layout(f64::from(x) + 0.37))));
        assert!(!slot.holds(&{
            let mut filters = Filters::new(&spec);
            let whole = Window { x: 0.0, y: 0.0, width: 320.0, height: 180.0 };
            filters.follow(whole);
            Layout::new(&spec, &filters, 256)
        }));
    }
}
