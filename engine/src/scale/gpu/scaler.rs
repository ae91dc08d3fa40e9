//! Scaling on a GPU.

use super::context::PATIENCE;
use super::device::Gpu;
use super::layout::{self, Layout};
use super::slot::{Sent, Slot};
use super::slot_size::{SLOTS, SlotSize};
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::scale::filters::Filters;
use crate::scale::info::{DeviceInfo, GpuStats, Traffic};
use crate::scale::scaler::Scaler;
use crate::scale::spec::{Crop, ScaleSpec};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// Makes a scaler on an open GPU.
///
/// # Errors
/// [`Error::Device`] when it cannot hold the rungs.
pub(in crate::scale) fn scaler(gpu: &Arc<Gpu>, spec: &ScaleSpec) -> Result<Box<dyn Scaler>> {
    Ok(Box::new(GpuScaler::new(Arc::clone(gpu), spec)?))
}

/// Scales on a GPU.
#[derive(Debug)]
pub(super) struct GpuScaler {
    gpu: Arc<Gpu>,
    spec: ScaleSpec,
    filters: Filters,
    crop: CropData,
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

/// The data that follows from the crop alone, and stays from frame to frame while the crop does.
#[derive(Debug, Default)]
struct CropData {
    /// The revisions of the filters that the rest is made from, 0 for none.
    revisions: [u64; 2],
    /// The filters as the kernels read them.
    filter_words: Vec<u32>,
    layout: Layout,
}

/// A frame under way.
#[derive(Debug)]
struct Flight {
    slot: usize,
    sent: Sent,
    /// Time that it has been waited for in vain.
    waited: Duration,
    pts: i64,
    duration: i64,
}

impl GpuScaler {
    /// A scaler on an open GPU.
    ///
    /// # Errors
    /// [`Error::Device`] when it cannot hold the rungs.
    pub(super) fn new(gpu: Arc<Gpu>, spec: &ScaleSpec) -> Result<Self> {
        let (output_bytes, rung_bytes) = layout::outputs(spec);
        let size = SlotSize::of(spec, gpu.binding_align());
        let slots = gpu.context.attempt(|| (0..SLOTS).map(|_| Slot::new(&gpu, spec, size)).collect())?;
        Ok(Self {
            gpu,
            spec: spec.clone(),
            filters: Filters::new(spec),
            crop: CropData::default(),
            stats: GpuStats::default(),
            output_bytes,
            rung_bytes,
            slots,
            under_way: VecDeque::with_capacity(SLOTS),
            submitted: 0,
        })
    }

    /// Computes what follows from the crop, where it has changed.
    fn update_for_crop(&mut self, crop: &Crop) {
        self.filters.update_for_crop(crop);
        let revisions = self.filters.revisions();
        if self.crop.revisions != revisions {
            layout::filter_words(&self.spec, &self.filters, &mut self.crop.filter_words);
            self.crop.layout = Layout::new(&self.spec, &self.filters, self.gpu.binding_align());
            self.crop.revisions = revisions;
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
        self.spec.check_request(source, &crop)?;
        self.gpu.context.check()?;
        if self.under_way.len() == SLOTS {
            return Err(Error::misuse(format!("scaler: submitted a frame beyond its capacity of {SLOTS}")));
        }
        self.update_for_crop(&crop);
        let CropData { revisions, filter_words, layout } = &self.crop;
        let index = self.submitted % SLOTS;
        let slot = &mut self.slots[index];
        let new_filters = (slot.filters != *revisions).then_some(filter_words.as_slice());
        slot.write(&self.gpu.context, layout, source, crop.frame, new_filters)?;
        slot.filters = *revisions;
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
        self.spec.check_outputs(outputs)?;
        while !self.wait(PATIENCE)? {}
        let Some(flight) = self.under_way.pop_front() else {
            return Err(Error::misuse("scaler: asked for a frame that was not submitted"));
        };
        let slot = &self.slots[flight.slot];
        let seconds = slot.read(&self.gpu.context, &self.rung_bytes, outputs)?;
        let stats = &mut self.stats;
        stats.frames += 1;
        stats.kernel_seconds = seconds.map(|seconds| stats.kernel_seconds.unwrap_or(0.0) + seconds);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::ChromaSite;
    use crate::frame::{Area, Depth, FrameFormat, Subsampling};
    use crate::geometry::{Size, Window};
    use crate::scale::gpu::adapters;
    use crate::scale::gpu::context::Pipeline;
    use crate::scale::gpu::slot_size::SlotSize;
    use crate::scale::info::{DeviceChoice, Memory};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;
    use std::thread;
    use upright_shaders::kernels::{Kernel, SCALE_HORIZONTAL};
    use wgpu::{Buffer, BufferUsages, MapMode, PollType};

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
            room: Size { width: 320, height: 180 },
            source_chroma: ChromaSite::LEFT,
            full_range: false,
            rungs: vec![format(180, 320), format(90, 160)],
            rung_chroma: ChromaSite::LEFT,
        }
    }

    fn crop(x: f64) -> Crop {
        let window = Window { x, y: 0.0, width: 101.25, height: 180.0 };
        Crop { window, area: Area::whole(spec().source), zooming: false, frame: 0 }
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
    fn no_window_needs_more_than_there_is_room_for() {
        let needs = |spec: &ScaleSpec, crop: Crop| {
            let mut filters = Filters::new(spec);
            filters.update_for_crop(&crop);
            let layout = Layout::new(spec, &filters, 256);
            let [input, middle, output] = layout.reach(spec, &filters).map(|words| words as usize * 4);
            assert!(input <= layout.input_bytes() && middle <= layout.middle_bytes(), "{input} {middle} {layout:?}");
            assert_eq!(output, layout::outputs(spec).0);
            (layout.input_bytes(), layout.middle_bytes())
        };
        let formats = [(Depth::Eight, Subsampling::CS422), (Depth::Ten, Subsampling::CS422)];
        for (depth, subsampling) in formats.into_iter().chain([(Depth::Eight, Subsampling::CS420)]) {
            let mut spec = spec();
            spec.source = FrameFormat { width: 319, height: 181, subsampling, depth };
            for step in 0..200 {
                let part = |by: u32| f64::from(step * by % 199) / 199.0;
                let (width, height) = (f64::from(spec.source.width), f64::from(spec.source.height));
                let (w, h) = (width * (0.02 + 0.98 * part(3)), height * (0.02 + 0.98 * part(7)));
                let window = Window { x: (width - w) * part(11), y: (height - h) * part(13), width: w, height: h };
                // Room for this size wherever it lies, and for the whole.
                spec.room = spec.room_for([(w, h)]);
                let own = SlotSize::of(&spec, 256);
                let area = spec.area(window);
                assert!(area.width <= spec.room.width && area.height <= spec.room.height, "{window:?} {area:?}");
                spec.room = Size { width: 319, height: 181 };
                let whole = SlotSize::of(&spec, 256);
                assert!(own.input <= whole.input && own.middle <= whole.middle && own.output == whole.output);
                for (area, room) in [(area, own), (Area::whole(spec.source), whole)] {
                    for zooming in [false, true] {
                        let (input, middle) = needs(&spec, Crop { window, area, zooming, frame: 0 });
                        assert!(
                            input <= room.input && middle <= room.middle,
                            "{window:?}: {input}, {middle}; {room:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn buffers_are_as_large_as_the_room_and_not_as_the_grid() {
        let (gpu, mut spec) = (test_gpu(), spec());
        spec.source = FrameFormat { width: 3840, height: 2160, ..spec.source };
        spec.room = Size { width: 3840, height: 2160 };
        let whole = gpu.memory(&spec);
        spec.room = Size { width: 320, height: 180 };
        let part = gpu.memory(&spec);
        assert!(10 * (part.host + part.gpu) < whole.host + whole.gpu, "{part:?} {whole:?}");
    }

    #[test]
    fn the_memory_of_a_scaler_is_that_of_its_buffers() {
        let (gpu, spec) = (test_gpu(), spec());
        let scaler = GpuScaler::new(Arc::clone(&gpu), &spec).unwrap();
        let middle = SLOTS * SlotSize::of(&spec, gpu.binding_align()).middle;
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
