//! GPUs as devices, through wgpu: Vulkan, Metal and Direct3D 12.
//!
//! A frame is one submission: its parameters, filters and samples are copied from an upload buffer to the input
//! buffer, all horizontal passes run, then all vertical ones, and the rungs are copied to a readback buffer. Each of a
//! small ring of slots has buffers of its own, so that one frame is written while another is computed and a third read.
//! They are made with the scaler, for the largest window there can be: no frame needs more memory.

pub(super) mod adapters;
mod bus;
mod clock;
mod context;
mod layout;

use super::filters::Filters;
use super::{Bandwidth, Crop, DeviceInfo, GpuStats, Memory, ScaleSpec, Scaler, Traffic, check_outputs, check_request};
use crate::error::{Error, Result};
use crate::frame::{Frame, FrameFormat};
use crate::geometry::Window;
use clock::Clock;
use context::{Context, PATIENCE, Pipeline};
use layout::{Layout, WORD};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;
use upright_shaders::kernels::{SCALE_HORIZONTAL, SCALE_VERTICAL};
use wgpu::{
    Adapter, BindGroup, Buffer, BufferAsyncError, BufferUsages, CommandEncoderDescriptor, ComputePassDescriptor,
    DeviceType, MapMode, SubmissionIndex,
};

/// Frames under way at once: one being written, one computed, one read.
const SLOTS: usize = 3;

/// An open GPU.
#[derive(Debug)]
pub(super) struct Gpu {
    info: DeviceInfo,
    /// Whether its memory is not the processor's.
    has_own_memory: bool,
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
        let has_own_memory = adapter.get_info().device_type == DeviceType::DiscreteGpu;
        Ok(Self { info: adapters::describe(adapter), has_own_memory, context, pipelines })
    }

    /// In bytes, as [`Layout::new`] wants it.
    fn params_align(&self) -> usize {
        self.context.device.limits().min_uniform_buffer_offset_alignment as usize
    }

    /// Memory of a scaler.
    pub(super) fn memory(&self, spec: &ScaleSpec) -> Memory {
        let SlotSize { input, middle, output, readback } = SlotSize::of(spec, self.params_align());
        let [visible, own] = [input + readback, input + middle + output].map(|bytes| (SLOTS * bytes) as u64);
        if self.has_own_memory { Memory { host: visible, gpu: own } } else { Memory { host: visible + own, gpu: 0 } }
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
    /// [`SLOTS`] of them.
    slots: Vec<Slot>,
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
    sent: Sent,
    /// How long it has been waited for in vain.
    waited: Duration,
    pts: i64,
    duration: i64,
}

/// A submission, and what is heard of it.
#[derive(Debug)]
struct Sent {
    submission: SubmissionIndex,
    /// Tells when the upload and the readback buffer have been mapped. That is when the frame is done, but it may be told
    /// by any thread that uses the device, and some time after the device knows.
    told: Receiver<Result<(), BufferAsyncError>>,
    /// How often it has told so.
    mapped: usize,
}

/// The buffers of one frame under way.
#[derive(Debug)]
struct Slot {
    /// Mapped while the slot is free.
    upload: Buffer,
    input: Buffer,
    output: Buffer,
    /// Mapped once the frame is done; the time stamps come after the rungs.
    readback: Buffer,
    clock: Option<Clock>,
    /// In the order of [`Gpu::pipelines`].
    groups: [BindGroup; 2],
    /// Which filters the input buffer holds, 0 for none.
    filters: u64,
}

/// Bytes of the buffers of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SlotSize {
    /// Of the upload and of the input buffer.
    input: usize,
    middle: usize,
    output: usize,
    readback: usize,
}

impl SlotSize {
    /// Room for any window: none needs more than that of the whole source. `params_align` is that of [`Layout::new`].
    fn of(spec: &ScaleSpec, params_align: usize) -> Self {
        let FrameFormat { width, height, .. } = spec.source;
        let mut filters = Filters::new(spec);
        filters.follow(Window { x: 0.0, y: 0.0, width: width.into(), height: height.into() });
        let layout = Layout::new(spec, &filters, params_align);
        let (output, _) = layout::outputs(spec);
        let readback = output + clock::STAMPS;
        Self { input: layout.input_bytes(), middle: layout.middle_words * WORD, output, readback }
    }
}

impl GpuScaler {
    /// A scaler on an open GPU.
    ///
    /// # Errors
    /// [`Error::Device`] when it cannot hold the rungs.
    pub(super) fn new(gpu: Arc<Gpu>, spec: &ScaleSpec) -> Result<Self> {
        let (output_bytes, rung_bytes) = layout::outputs(spec);
        let size = SlotSize::of(spec, gpu.params_align());
        let slots = gpu.context.attempt(|| (0..SLOTS).map(|_| Slot::new(&gpu, size)).collect())?;
        Ok(Self {
            gpu,
            spec: spec.clone(),
            filters: Filters::new(spec),
            window: WindowData::default(),
            stats: GpuStats::default(),
            output_bytes,
            rung_bytes,
            slots,
            under_way: VecDeque::with_capacity(SLOTS),
            submitted: 0,
        })
    }

    /// Makes everything that follows from the window follow this one.
    fn follow(&mut self, window: Window) {
        self.filters.follow(window);
        if self.window.revision != self.filters.revision() {
            layout::filter_words(&self.spec, &self.filters, &mut self.window.filter_words);
            self.window.layout = Layout::new(&self.spec, &self.filters, self.gpu.params_align());
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
        let slot = &mut self.slots[index];
        let new_filters = (slot.filters != *revision).then_some(filter_words.as_slice());
        slot.write(&self.gpu.context, layout, source, crop.frame, new_filters)?;
        slot.filters = *revision;
        let (sent, uploaded) = slot.submit(&self.gpu, layout, new_filters.is_some())?;
        self.stats.traffic = Traffic { uploaded, read_back: self.output_bytes };
        let (pts, duration) = (source.pts, source.duration);
        self.under_way.push_back(Flight { slot: index, sent, waited: Duration::ZERO, pts, duration });
        self.submitted += 1;
        Ok(())
    }

    fn wait(&mut self, limit: Duration) -> Result<bool> {
        let (context, Some(flight)) = (&self.gpu.context, self.under_way.front_mut()) else { return Ok(true) };
        if flight.sent.wait(context, limit)? {
            return Ok(true);
        }
        flight.waited += limit;
        if flight.waited >= PATIENCE { Err(context.give_up()) } else { Ok(false) }
    }

    fn collect(&mut self, outputs: &mut [&mut Frame]) -> Result<()> {
        check_outputs(&self.spec, outputs)?;
        while !self.wait(PATIENCE)? {}
        let Some(flight) = self.under_way.pop_front() else {
            return Err(Error::misuse("scaler: asked for a frame that was not submitted"));
        };
        let slot = &self.slots[flight.slot];
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

impl Sent {
    /// Waits until both buffers are mapped, for about `limit`; says whether they are.
    fn wait(&mut self, context: &Context, limit: Duration) -> Result<bool> {
        const BUFFERS: usize = 2;
        while self.mapped < BUFFERS {
            let told = match self.told.try_recv() {
                Err(TryRecvError::Empty) if !context.wait(&self.submission, limit)? => return Ok(false),
                // Told by this thread just now, or by another soon.
                Err(TryRecvError::Empty) => self.told.recv_timeout(limit),
                told => told.map_err(|_| RecvTimeoutError::Disconnected),
            };
            match told {
                Ok(Ok(())) => self.mapped += 1,
                Err(RecvTimeoutError::Timeout) => return Ok(false),
                Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => {
                    context.check()?;
                    return Err(context.error("did not give a frame back; try again, or use the device cpu"));
                }
            }
        }
        Ok(true)
    }
}

impl Slot {
    fn new(gpu: &Gpu, size: SlotSize) -> Result<Self> {
        let Gpu { context, pipelines, .. } = gpu;
        let upload = BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC;
        let input = BufferUsages::COPY_DST | BufferUsages::UNIFORM | BufferUsages::STORAGE;
        let output = BufferUsages::STORAGE | BufferUsages::COPY_SRC;
        let readback = BufferUsages::COPY_DST | BufferUsages::MAP_READ;
        let upload = context.buffer("what a frame uploads", size.input, upload)?;
        let input = context.buffer("what a frame uploads", size.input, input)?;
        let middle = context.buffer("a set of half-scaled rungs", size.middle, BufferUsages::STORAGE)?;
        let output = context.buffer("a set of rungs", size.output, output)?;
        let readback = context.buffer("a set of rungs", size.readback, readback)?;
        let clock = Clock::new(context)?;
        let bind = |pipeline: &Pipeline| {
            pipeline.bind(context, |name| match name {
                "middle" => &middle,
                "output" => &output,
                _ => &input,
            })
        };
        let groups = [bind(&pipelines[0])?, bind(&pipelines[1])?];
        Ok(Self { upload, input, output, readback, clock, groups, filters: 0 })
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
    fn submit(&self, gpu: &Gpu, layout: &Layout, new_filters: bool) -> Result<(Sent, usize)> {
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

        let (tell, told) = mpsc::channel();
        let call = || {
            let tell = tell.clone();
            // Who no longer listens has given the frame up.
            move |result| drop(tell.send(result))
        };
        self.upload.map_async(MapMode::Write, .., call());
        self.readback.map_async(MapMode::Read, .., call());
        context.check()?;
        Ok((Sent { submission, told, mapped: 0 }, uploaded))
    }

    /// Copies the rungs out of the readback buffer; says for how many seconds the kernels ran, where there is a clock.
    fn read(&self, context: &Context, rungs: &[Range<usize>], outputs: &mut [&mut Frame]) -> Result<Option<f64>> {
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
    use crate::frame::{Depth, Subsampling};
    use crate::scale::DeviceChoice;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use upright_shaders::kernels::Kernel;
    use wgpu::PollType;

    impl Gpu {
        /// Loses the device, as a driver does.
        pub(in crate::scale) fn lose(&self) {
            self.context.device.destroy();
            // wgpu tells whoever asks next.
            let _ = self.context.device.poll(PollType::Poll);
        }
    }

    /// The adapter that [`upright_fixtures::adapter`] names.
    fn test_gpu() -> Arc<Gpu> {
        let choice = DeviceChoice::Adapter(upright_fixtures::adapter());
        Arc::new(Gpu::open(&adapters::choose(&choice, adapters::list()).unwrap().unwrap()).unwrap())
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
            Err(Error::Device { device, why })
                if device.to_lowercase().contains(&upright_fixtures::adapter().to_lowercase()) =>
            {
                why
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_lost_device_is_an_error_before_and_after_a_frame_is_submitted() {
        let (gpu, spec) = (test_gpu(), spec());
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

    /// Has a neighbour's thread hear of everything that is done on the device until `done`, and dawdle before it passes
    /// that on: wgpu has callbacks called by whoever submits or waits next, in their order.
    fn dawdle(gpu: &Gpu, done: &AtomicBool) {
        let own = gpu.context.buffer("a neighbour's", 4, BufferUsages::COPY_DST | BufferUsages::MAP_READ).unwrap();
        while !done.load(Ordering::Relaxed) {
            own.map_async(MapMode::Read, .., |_| thread::sleep(Duration::from_millis(2)));
            gpu.context.device.poll(PollType::Poll).unwrap();
            own.unmap();
        }
    }

    #[test]
    fn many_scalers_at_once_get_their_frames_though_another_thread_hears_of_them_first() {
        let (gpu, spec) = (test_gpu(), spec());
        let source = Frame::new(spec.source);
        let scale = || {
            let mut scaler = GpuScaler::new(Arc::clone(&gpu), &spec).unwrap();
            let mut rungs = spec.rungs.iter().map(|&rung| Frame::new(rung)).collect::<Vec<_>>();
            for _ in 0..20 {
                (0..SLOTS).for_each(|_| scaler.submit(&source, crop(10.0)).unwrap());
                (0..SLOTS).for_each(|_| scaler.collect(&mut rungs.iter_mut().collect::<Vec<_>>()).unwrap());
            }
        };
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| dawdle(&gpu, &done));
            let scalers: Vec<_> = (0..6).map(|_| scope.spawn(scale)).collect();
            let ended: Vec<_> = scalers.into_iter().map(|scaler| scaler.join().is_ok()).collect();
            done.store(true, Ordering::Relaxed);
            assert_eq!(ended, [true; 6]);
        });
    }

    #[test]
    fn what_the_device_refuses_is_an_error_that_stays() {
        let gpu = test_gpu();
        let broken =
            Kernel { source: "@compute @workgroup_size(1) fn broken() { let x: i32 = 1u; }", ..SCALE_HORIZONTAL };
        let refused = Pipeline::new(&gpu.context, Box::leak(Box::new(broken))).map(|_| ());
        assert!(device_error(refused).contains("refused"));
        assert!(device_error(gpu.context.check()).contains("refused"));
    }

    #[test]
    fn kernels_are_timed_where_there_is_a_clock_and_bytes_are_counted() {
        let (gpu, spec) = (test_gpu(), spec());
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
    fn no_window_needs_more_room_than_the_whole_source() {
        let whole = |source: FrameFormat| (f64::from(source.width), f64::from(source.height));
        let needs = |spec: &ScaleSpec, window: Window| {
            let mut filters = Filters::new(spec);
            filters.follow(window);
            let layout = Layout::new(spec, &filters, 256);
            (layout.input_bytes(), layout.middle_words * WORD)
        };
        for depth in [Depth::Eight, Depth::Ten] {
            let mut spec = spec();
            spec.source = FrameFormat { width: 319, height: 181, subsampling: Subsampling::CS422, depth };
            let room = SlotSize::of(&spec, 256);
            let (width, height) = whole(spec.source);
            assert_eq!(needs(&spec, Window { x: 0.0, y: 0.0, width, height }), (room.input, room.middle));
            for step in 0..200 {
                let part = |by: u32| f64::from(step * by % 199) / 199.0;
                let (w, h) = (width * (0.02 + 0.98 * part(3)), height * (0.02 + 0.98 * part(7)));
                let window = Window { x: (width - w) * part(11), y: (height - h) * part(13), width: w, height: h };
                let (input, middle) = needs(&spec, window);
                assert!(input <= room.input && middle <= room.middle, "{window:?}: {input}, {middle}; {room:?}");
            }
        }
    }

    #[test]
    fn the_memory_of_a_scaler_is_that_of_its_buffers() {
        let (gpu, spec) = (test_gpu(), spec());
        let scaler = GpuScaler::new(Arc::clone(&gpu), &spec).unwrap();
        let middle = SLOTS * SlotSize::of(&spec, gpu.params_align()).middle;
        let all =
            |buffers: fn(&Slot) -> [&Buffer; 2]| scaler.slots.iter().flat_map(buffers).map(Buffer::size).sum::<u64>();
        let visible = all(|slot| [&slot.upload, &slot.readback]);
        let Memory { host, gpu: own } = gpu.memory(&spec);
        assert_eq!(host + own, visible + middle as u64 + all(|slot| [&slot.input, &slot.output]));
        assert!(if gpu.has_own_memory { host == visible } else { own == 0 });
    }

    #[test]
    fn what_a_scaler_is_refused_is_its_own_error() {
        let (gpu, spec) = (test_gpu(), spec());
        let both = BufferUsages::MAP_READ | BufferUsages::MAP_WRITE;
        let refused = gpu.context.attempt(|| gpu.context.buffer("of no use", 4, both)).map(drop);
        assert!(device_error(refused).contains("refused"));
        let source = Frame::new(spec.source);
        GpuScaler::new(gpu, &spec).unwrap().submit(&source, crop(10.0)).unwrap();
    }

    #[test]
    fn a_frame_that_does_not_come_is_waited_for_in_pieces_and_not_for_ever() {
        let (gpu, spec) = (test_gpu(), spec());
        let mut scaler = GpuScaler::new(Arc::clone(&gpu), &spec).unwrap();
        let source = Frame::new(spec.source);
        scaler.submit(&source, crop(10.0)).unwrap();
        // Nothing is heard of this one.
        let (_tell, told) = mpsc::channel();
        scaler.under_way[0].sent.told = told;
        assert!(!scaler.wait(Duration::from_millis(1)).unwrap());
        assert!(!scaler.wait(Duration::from_millis(1)).unwrap());
        scaler.under_way[0].waited = PATIENCE;
        assert!(device_error(scaler.wait(Duration::ZERO).map(drop)).contains("60 s"));
        assert!(device_error(scaler.submit(&source, crop(10.0))).contains("60 s"));
    }
}
