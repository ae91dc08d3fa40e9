//! Scaling: jobs, devices, and running one on the other.

pub mod filter;

use std::io::ErrorKind;
use upright_engine::clock;
use upright_engine::colour::ChromaSite;
use upright_engine::frame::{Area, Depth, Frame, FrameFormat, Subsampling};
use upright_engine::geometry::{Size, Window};
use upright_engine::scale::{Crop, Device, DeviceChoice, ScaleSpec, Scaler, adapters};
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
    scaler: Box<dyn Scaler>,
    source: Frame,
    rungs: Vec<Frame>,
}

impl Running {
    /// Makes the scaler and a source frame.
    ///
    /// # Errors
    /// When the device cannot take the job.
    pub fn new(device: &Device, job: &Job) -> Result<Self> {
        let mut source = Frame::new(job.spec.source);
        let mask = if job.spec.source.depth == Depth::Eight { u32::MAX } else { 0x03ff_03ff };
        for (noise, word) in noise().zip(source.bytes_mut().chunks_exact_mut(4)) {
            word.copy_from_slice(&(noise & mask).to_ne_bytes());
        }
        let rungs = job.spec.rungs.iter().map(|&rung| Frame::new(rung)).collect();
        Ok(Self { job: job.clone(), scaler: device.scaler(&job.spec)?, source, rungs })
    }

    /// Scales `count` frames, as many under way at once as the device allows.
    ///
    /// # Errors
    /// When the device fails.
    pub fn frames(&mut self, count: u64) -> Result<()> {
        let mut under_way = 0;
        for frame in 0..count {
            if under_way == self.scaler.capacity() {
                self.collect()?;
                under_way -= 1;
            }
            let x = self.job.window.x + if frame % 2 == 0 { 0.0 } else { self.job.step };
            let window = Window { x, ..self.job.window };
            let area = Area::whole(self.job.spec.source);
            self.scaler.submit(&self.source, Crop { window, area, zooming: false, frame })?;
            under_way += 1;
        }
        (0..under_way).try_for_each(|_| self.collect())
    }

    /// Asks the GPU about so many frames a second: bytes that a frame moves, the shares of what the bus carries when nothing
    /// is computed, and the time that its kernels run. None on the CPU.
    ///
    /// # Errors
    /// When the device fails.
    pub fn gpu_report(&self, device: &Device, rate: f64) -> Result<Option<String>> {
        let Some(stats) = self.scaler.gpu_stats() else { return Ok(None) };
        let Some(bandwidth) = device.bandwidth(stats.traffic)? else { return Ok(None) };
        let part = |bytes: usize, limit: f64| {
            #[expect(clippy::cast_precision_loss, reason = "for people to read")]
            let bytes = bytes as f64;
            let (megabytes, gigabytes, share) = (bytes / 1e6, limit / 1e9, 100.0 * rate * bytes / limit);
            format!("{megabytes:.2} MB a frame ({share:.0} % of the {gigabytes:.1} GB/s of plain copies)")
        };
        #[expect(clippy::cast_precision_loss, reason = "for people to read")]
        let kernels = match stats.kernel_seconds {
            Some(seconds) => format!("{:.3} ms a frame", 1e3 * seconds / stats.frames.max(1) as f64),
            None => "no clock".to_owned(),
        };
        let upload = part(stats.traffic.uploaded, bandwidth.upload);
        let read_back = part(stats.traffic.read_back, bandwidth.read_back);
        Ok(Some(format!("{rate:.0} fps; upload {upload}; readback {read_back}; kernels {kernels}")))
    }

    fn collect(&mut self) -> Result<()> {
        self.scaler.collect(&mut self.rungs.iter_mut().collect::<Vec<_>>())
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
