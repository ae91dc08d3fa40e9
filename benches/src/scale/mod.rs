//! Scaling: jobs, devices, and running one on the other.

pub mod filter;

use std::hint::black_box;
use std::io::ErrorKind;
use std::time::{Duration, Instant};
use upright_engine::clock;
use upright_engine::colour::ChromaSite;
use upright_engine::frame::{Depth, Frame, FrameFormat, HeldFrame, Subsampling};
use upright_engine::geometry::{Size, Window};
use upright_engine::picture::{Device, DeviceChoice, Graph, Runner, ScaleSpec, Traffic, View, adapters};
use upright_engine::{Error, Result};
use upright_fixtures::ADAPTER;

/// Something to scale.
#[derive(Clone, Debug)]
pub struct Job {
    /// What reports call it.
    pub name: &'static str,
    /// Source and rungs.
    pub spec: ScaleSpec,
    /// The window of the first frame.
    pub window: Window,
    /// By how many samples the window moves to and fro between one frame and the next.
    pub step: f64,
}

/// Sizes of the rungs, the largest first.
pub const LADDER: [(u32, u32); 4] = [(1080, 1920), (720, 1280), (540, 960), (360, 640)];

/// Words that have no order to the eye.
fn noise() -> impl Iterator<Item = u32> {
    (0u32..).map(|index| index.wrapping_mul(0x9e37_79b9))
}

/// The jobs that are measured.
pub fn jobs() -> Vec<Job> {
    let format = |(width, height), depth| FrameFormat { width, height, subsampling: Subsampling::CS420, depth };
    let job = |name, height: u32, depth, rungs: usize, step| {
        let (picture_width, width) = (height * 16 / 9, f64::from(height) * 9.0 / 16.0);
        Job {
            name,
            spec: ScaleSpec {
                source: format((picture_width, height), depth),
                room: Size { width: picture_width, height },
                source_chroma: ChromaSite::LEFT,
                full_range: false,
                rungs: LADDER[..rungs].iter().map(|&size| format(size, depth)).collect(),
                rung_chroma: ChromaSite::LEFT,
                soft: false,
            },
            window: Window { x: (f64::from(picture_width) - width) / 2.0, y: 0.0, width, height: f64::from(height) },
            step,
        }
    };
    vec![
        job("1080p, top rung", 1080, Depth::Eight, 1, 0.0),
        job("1080p, four rungs", 1080, Depth::Eight, 4, 0.0),
        // Every frame has filters of its own along x: the difference is what building them costs.
        job("1080p, four rungs, moving", 1080, Depth::Eight, 4, 0.3),
        job("1080p 10 bit, four rungs", 1080, Depth::Ten, 4, 0.0),
        job("2160p, four rungs", 2160, Depth::Eight, 4, 0.0),
    ]
}

/// The CPU, every GPU, and the adapter that the environment variable [`ADAPTER`] names, be it a software one, each with a
/// name for reports.
///
/// # Errors
/// When one cannot be opened.
pub fn devices() -> Result<Vec<(String, Device)>> {
    let gpus = adapters().into_iter().filter(|info| info.kind == "gpu").map(|info| DeviceChoice::Adapter(info.name));
    let named = std::env::var(ADAPTER).ok().map(DeviceChoice::Adapter);
    let choices = std::iter::once(DeviceChoice::Cpu).chain(gpus).chain(named);
    let open = |choice: DeviceChoice| {
        let device = Device::open(&choice)?;
        let name = match choice {
            DeviceChoice::Adapter(name) => name,
            _ => "cpu".to_owned(),
        };
        Ok((name, device))
    };
    choices.map(open).collect()
}

/// A job on a device, ready to run.
pub struct Running {
    job: Job,
    runner: Box<dyn Runner>,
    /// By turns: as much of a source frame as a conversion keeps of it, and what is wanted of it.
    sources: [(HeldFrame, View); 2],
}

impl Running {
    /// Makes the runner and source frames.
    ///
    /// # Errors
    /// When the device cannot take the job.
    pub fn new(device: &Device, job: &Job) -> Result<Self> {
        let mut spec = job.spec.clone();
        spec.room = spec.room_for([(job.window.width, job.window.height)]);
        let graph = Graph::scaling(&spec);
        let source = |x: f64| {
            let window = Window { x, ..job.window };
            let area = graph.area(window);
            let mut frame = Frame::new(area.format(spec.source));
            let mask = if spec.source.depth == Depth::Eight { u32::MAX } else { 0x03ff_03ff };
            for (noise, word) in noise().zip(frame.bytes_mut().chunks_exact_mut(4)) {
                word.copy_from_slice(&(noise & mask).to_ne_bytes());
            }
            (frame.into(), View { layers: window.into(), area, frame: 0 })
        };
        let sources = [source(job.window.x), source(job.window.x + job.step)];
        Ok(Self { job: job.clone(), runner: device.runner(&graph)?, sources })
    }

    /// Scales `count` frames, as many under way at once as the device allows.
    ///
    /// # Errors
    /// When the device fails.
    pub fn frames(&mut self, count: u64) -> Result<()> {
        for (frame, (source, view)) in (0..count).zip(self.sources.iter().cycle()) {
            while !self.runner.has_room() {
                drop(self.runner.collect()?);
            }
            self.runner.submit(source, View { frame, ..*view }.into())?;
        }
        self.runner.finish()?;
        (0..self.runner.under_way()).try_for_each(|_| self.runner.collect().map(drop))
    }

    /// Says of so many frames a second what bounds them: the bytes that a frame moves, as shares of what the bus (a core's
    /// memory, for the CPU) carries in large plain copies and in copies of a frame's size, and the time that a GPU's kernels run;
    /// and how fast a core then reads the rungs, as encoders do.
    ///
    /// # Errors
    /// When the device fails.
    pub fn report(&mut self, device: &Device, rate: f64) -> Result<String> {
        const LARGE: usize = 64 << 20;
        let stats = self.runner.gpu_stats();
        let of_cpu = || Traffic {
            uploaded: self.sources[0].0.bytes().len(),
            read_back: self.job.spec.rungs.iter().map(|rung| rung.bytes()).sum(),
        };
        let traffic = stats.map_or_else(of_cpu, |stats| stats.traffic);
        let bus = device.bandwidth(Traffic { uploaded: LARGE, read_back: LARGE })?;
        let copies = device.bandwidth(traffic)?;
        let part = |bytes: usize, bus: f64, copies: f64| {
            #[expect(clippy::cast_precision_loss, reason = "for people to read")]
            let bytes = bytes as f64;
            let share = |limit: f64| 100.0 * rate * bytes / limit;
            format!(
                "{:.2} MB a frame, {:.0} % of the bus ({:.1} GB/s) and {:.0} % of copies like these ({:.1} GB/s)",
                bytes / 1e6,
                share(bus),
                bus / 1e9,
                share(copies),
                copies / 1e9
            )
        };
        #[expect(clippy::cast_precision_loss, reason = "for people to read")]
        let kernels = stats.map(|stats| match stats.kernel_seconds {
            Some(seconds) => format!("; kernels {:.3} ms a frame", 1e3 * seconds / stats.frames.max(1) as f64),
            None => "; kernels are not timed".to_owned(),
        });
        let to = part(traffic.uploaded, bus.upload, copies.upload);
        let back = part(traffic.read_back, bus.read_back, copies.read_back);
        let read = self.reading_rate()? / 1e9;
        Ok(format!("{rate:.0} frames/s; in {to}; out {back}, read at {read:.1} GB/s{}", kernels.unwrap_or_default()))
    }

    /// Bytes a second that one core copies out of rungs that have just been made.
    fn reading_rate(&mut self) -> Result<f64> {
        const SETS: u64 = 40;
        let (mut bytes, mut time, mut copy) = (0, Duration::ZERO, Vec::new());
        for frame in 0..SETS {
            let (source, view) = &self.sources[0];
            self.runner.submit(source, View { frame, ..*view }.into())?;
            self.runner.finish()?;
            let set = self.runner.collect()?;
            for picture in &set.pictures {
                copy.resize(copy.len().max(picture.bytes().len()), 0);
                let begin = Instant::now();
                copy[..picture.bytes().len()].copy_from_slice(black_box(picture.bytes()));
                time += begin.elapsed();
                bytes += picture.bytes().len();
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "for people to read")]
        let bytes = bytes as f64;
        Ok(bytes / time.as_secs_f64())
    }
}

/// Seconds of one core that our scaler needs for a frame of a 1080p film at 8 bits, to so many rungs.
///
/// # Errors
/// As [`Running`].
pub fn core_seconds(rungs: usize) -> Result<f64> {
    const FRAMES: u32 = 200;
    let job = jobs().into_iter().find(|job| job.spec.rungs.len() == rungs && job.spec.source.height == 1080);
    let job = job.ok_or_else(|| Error::invalid("rungs", rungs, "no job has so many"))?;
    let mut running = Running::new(&Device::open(&DeviceChoice::Cpu)?, &job)?;
    // Filters are made and memory is taken with the first.
    running.frames(1)?;
    let unknown = || Error::io("the time of processors", "cannot be read")(ErrorKind::Unsupported.into());
    let cpu = || clock::thread().ok_or_else(unknown);
    let begin = cpu()?;
    running.frames(FRAMES.into())?;
    Ok((cpu()? - begin).as_secs_f64() / f64::from(FRAMES))
}
