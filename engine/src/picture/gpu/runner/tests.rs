//! Runners on the software adapter: what they need, what they do when it fails, and what they leave.

use super::*;
use crate::colour::ChromaSite;
use crate::frame::{Area, Depth, FrameFormat, Subsampling};
use crate::geometry::{Size, Window};
use crate::picture::HELD_SETS;
use crate::picture::gpu::adapters;
use crate::picture::gpu::buffers::Buffers;
use crate::picture::gpu::context::Pipeline;
use crate::picture::gpu::layout::{self, Layout};
use crate::picture::info::{DeviceChoice, Memory};
use crate::picture::scale::{Crop, Filters, Resampling, ScaleSpec, View};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use upright_shaders::kernels::{Kernel, SCALE_HORIZONTAL};
use wgpu::{BufferUsages, MapMode, PollType};

/// The adapter that [`upright_fixtures::adapter`] names.
fn test_gpu() -> Arc<Gpu> {
    let choice = DeviceChoice::Adapter(upright_fixtures::adapter());
    Arc::new(Gpu::open(&adapters::choose(&choice, adapters::list()).unwrap().unwrap()).unwrap())
}

fn spec() -> ScaleSpec {
    let format = |width, height| FrameFormat { width, height, subsampling: Subsampling::CS420, depth: Depth::Eight };
    ScaleSpec {
        source: format(320, 180),
        room: Size { width: 320, height: 180 },
        source_chroma: ChromaSite::LEFT,
        full_range: false,
        rungs: vec![format(180, 320), format(90, 160)],
        rung_chroma: ChromaSite::LEFT,
        resampling: Resampling::Lanczos,
    }
}

fn view(x: f64) -> View {
    let window = Window { x, y: 0.0, width: 101.25, height: 180.0 };
    View { layers: window.into(), area: Area::whole(spec().source), frame: 0 }
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
    let mut runner = GpuRunner::new(Arc::clone(&gpu), &Graph::scaling(&spec)).unwrap();
    let source = Frame::new(spec.source).into();
    runner.submit(&source, view(10.0).into()).unwrap();
    gpu.context.device.destroy();
    // The frame may have been finished already; then it is whole, and the next call says what has happened.
    let collected = runner.collect().map(drop);
    if collected.is_err() {
        device_error(collected);
    }
    assert!(device_error(runner.submit(&source, view(10.0).into())).contains("lost"));
    assert!(device_error(runner.submit(&source, view(10.0).into())).contains("lost"));
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
fn many_runners_at_once_get_their_frames_though_another_thread_hears_of_them_first() {
    let (gpu, spec) = (test_gpu(), spec());
    let source = Frame::new(spec.source).into();
    let scale = || {
        let mut runner = GpuRunner::new(Arc::clone(&gpu), &Graph::scaling(&spec)).unwrap();
        for _ in 0..20 {
            (0..SLOTS).for_each(|_| runner.submit(&source, view(10.0).into()).unwrap());
            (0..SLOTS).for_each(|_| drop(runner.collect().unwrap()));
        }
    };
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| dawdle(&gpu, &done));
        let runners: Vec<_> = (0..6).map(|_| scope.spawn(scale)).collect();
        let ended: Vec<_> = runners.into_iter().map(|runner| runner.join().is_ok()).collect();
        done.store(true, Ordering::Relaxed);
        assert_eq!(ended, [true; 6]);
    });
}

#[test]
fn what_the_device_refuses_is_an_error_that_stays() {
    let gpu = test_gpu();
    let broken = Kernel { source: "@compute @workgroup_size(1) fn broken() { let x: i32 = 1u; }", ..SCALE_HORIZONTAL };
    let refused = Pipeline::new(&gpu.context, Box::leak(Box::new(broken))).map(|_| ());
    assert!(device_error(refused).contains("refused"));
    assert!(device_error(gpu.context.check()).contains("refused"));
}

#[test]
fn kernels_are_timed_where_there_is_a_clock_and_bytes_are_counted() {
    let (gpu, spec) = (test_gpu(), spec());
    let mut runner = GpuRunner::new(Arc::clone(&gpu), &Graph::scaling(&spec)).unwrap();
    let source = Frame::new(spec.source).into();
    let mut last = GpuStats::default();
    for frames in 1..=4 {
        runner.submit(&source, view(10.0).into()).unwrap();
        drop(runner.collect().unwrap());
        let stats = runner.gpu_stats().unwrap();
        assert_eq!(stats.frames, frames);
        assert_eq!(stats.traffic.read_back, spec.rungs.iter().map(|rung| rung.bytes()).sum::<usize>());
        let has_clock = gpu.context.device.features().contains(wgpu::Features::TIMESTAMP_QUERY);
        assert_eq!(stats.kernel_seconds.is_some(), has_clock);
        assert!(!has_clock || stats.kernel_seconds > last.kernel_seconds, "{stats:?}");
        last = stats;
    }
    // The frame and jobs; filters with the first frame alone.
    let frame = spec.source.bytes();
    assert!((frame..frame + 4096).contains(&last.traffic.uploaded), "{last:?}");
    let bandwidth = gpu.bandwidth(last.traffic).unwrap();
    assert!(bandwidth.upload > 0.0 && bandwidth.read_back > 0.0);
}

#[test]
fn no_window_needs_more_than_there_is_room_for() {
    let planned = |spec: &ScaleSpec| {
        let buffers = RunnerBuffers::plan(&Graph::scaling(spec), 256, true);
        let bytes = |buffers: &Option<Buffers>| buffers.as_ref().unwrap().bytes();
        let NodeBuffers { tables, middle, output, .. } = &buffers.nodes[1];
        [bytes(tables), buffers.source.bytes(), bytes(middle), bytes(output)]
    };
    let needed = |spec: &ScaleSpec, crop: Crop| {
        let mut filters = Filters::new(spec);
        filters.update_for_crop(&crop);
        let layout = Layout::new(spec, &filters, crop.area.format(spec.source));
        let reach = layout.reach(spec, &filters).map(|words| words as usize * 4);
        assert!(reach[0] <= layout.table_bytes() && reach[2] <= layout.middle_bytes(), "{reach:?} {layout:?}");
        assert!(reach[3] <= layout::rungs(spec).0);
        reach
    };
    let within = |needed: [usize; 4], room: [usize; 4]| needed.iter().zip(room).all(|(needed, room)| *needed <= room);
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
            let own = planned(&spec);
            let area = spec.area(window);
            assert!(area.width <= spec.room.width && area.height <= spec.room.height, "{window:?} {area:?}");
            spec.room = Size { width: 319, height: 181 };
            let whole = planned(&spec);
            assert!(within(own, whole) && own[3] == whole[3]);
            for (area, room) in [(area, own), (Area::whole(spec.source), whole)] {
                for zooming in [false, true] {
                    let needed = needed(&spec, Crop { window, area, zooming, frame: 0 });
                    assert!(within(needed, room), "{window:?}: {needed:?}; {room:?}");
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
    let whole = gpu.memory(&Graph::scaling(&spec));
    spec.room = Size { width: 320, height: 180 };
    let part = gpu.memory(&Graph::scaling(&spec));
    assert!(10 * (part.host + part.gpu) < whole.host + whole.gpu, "{part:?} {whole:?}");
}

/// An open GPU whose pictures come out in the one way or the other.
fn gpu_that(direct: bool) -> Arc<Gpu> {
    let mut gpu = test_gpu();
    let own = Arc::get_mut(&mut gpu).unwrap();
    assert!(own.context.device.features().contains(wgpu::Features::MAPPABLE_PRIMARY_BUFFERS));
    own.direct = direct;
    gpu
}

#[test]
fn no_more_buffers_are_made_than_were_planned_while_pictures_are_let_go_of_in_time() {
    for direct in [true, false] {
        let (gpu, graph) = (gpu_that(direct), Graph::scaling(&spec()));
        let mut runner = GpuRunner::new(Arc::clone(&gpu), &graph).unwrap();
        let source = Frame::new(spec().source).into();
        let mut held = VecDeque::new();
        for number in 0..20 {
            while !runner.has_room() {
                held.push_back(runner.collect().unwrap());
                held.drain(..held.len().saturating_sub(HELD_SETS));
            }
            // Every frame has filters of its own.
            runner.submit(&source, view(f64::from(number)).into()).unwrap();
        }
        drop((held, std::mem::take(&mut runner.done)));
        while runner.under_way() > 0 {
            drop(runner.collect().unwrap());
        }
        let made = runner.buffers.made();
        let Memory { host, gpu: own } = gpu.memory(&graph);
        let held = HELD_SETS * layout::rungs(&spec()).0;
        // The tables of the last crop are kept.
        let kept = runner.buffers.nodes[1].tables.as_ref().unwrap().bytes();
        assert_eq!(made + kept, (host + own) as usize + held, "direct: {direct}");
    }
}

#[test]
fn pictures_are_the_same_however_they_come_out_and_outlast_the_runner_and_the_device() {
    let graph = Graph::scaling(&spec());
    let mut source = Frame::new(spec().source);
    source.bytes_mut().iter_mut().enumerate().for_each(|(at, byte)| *byte = (at * 37 % 251) as u8);
    let source = source.into();
    let made: Vec<_> = [true, false]
        .into_iter()
        .map(|direct| {
            let gpu = gpu_that(direct);
            let mut runner = GpuRunner::new(Arc::clone(&gpu), &graph).unwrap();
            runner.submit(&source, view(10.0).into()).unwrap();
            let set = runner.collect().unwrap();
            drop(runner);
            // As when the driver says so.
            gpu.context.note_loss();
            drop(gpu);
            set
        })
        .collect();
    for (direct, copied) in made[0].pictures.iter().zip(&made[1].pictures) {
        assert!(direct.bytes() == copied.bytes() && direct.bytes().iter().any(|&byte| byte > 0));
        assert!(direct.padded_bytes().len() >= direct.bytes().len() + crate::frame::PADDING);
    }
}

#[test]
fn what_a_runner_is_refused_is_its_own_error() {
    let (gpu, spec) = (test_gpu(), spec());
    let refused = gpu.context.attempt(|| gpu.context.buffer("of no use", 4, BufferUsages::empty())).map(drop);
    assert!(device_error(refused).contains("refused"));
    let source = Frame::new(spec.source).into();
    GpuRunner::new(gpu, &Graph::scaling(&spec)).unwrap().submit(&source, view(10.0).into()).unwrap();
}

#[test]
fn a_frame_that_does_not_come_is_waited_for_in_pieces_and_not_for_ever() {
    let (gpu, spec) = (test_gpu(), spec());
    let mut runner = GpuRunner::new(Arc::clone(&gpu), &Graph::scaling(&spec)).unwrap();
    let source = Frame::new(spec.source).into();
    runner.submit(&source, view(10.0).into()).unwrap();
    // Nothing is heard of this one.
    let (_tell, told) = mpsc::channel();
    runner.flights[0].sent.told = told;
    assert!(!runner.wait(Duration::from_millis(1)).unwrap());
    assert!(!runner.wait(Duration::from_millis(1)).unwrap());
    runner.flights[0].waited = PATIENCE;
    assert!(device_error(runner.wait(Duration::ZERO).map(drop)).contains("60 s"));
    assert!(device_error(runner.submit(&source, view(10.0).into())).contains("60 s"));
}
