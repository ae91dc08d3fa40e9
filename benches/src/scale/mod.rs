//! Scaling: jobs, devices, and running one on the other.

pub mod filter;

use std::hint::black_box;
use std::io::ErrorKind;
use std::time::{Duration, Instant};
use upright_engine::clock;
use upright_engine::colour::ChromaSite;
use upright_engine::frame::{Depth, Frame, FrameFormat, HeldFrame, Subsampling};
use upright_engine::geometry::{Size, Window};
use upright_engine::picture::tone::{MapSpec, SourceColour};
use upright_engine::picture::{
    DEINTERLACER, Device, DeviceChoice, FieldUse, Graph, PictureRequest, Request, Resampling, Runner, ScaleSpec,
    Traffic, View, adapters,
};
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
    /// What is done before.
    pub before: Before,
}

/// What is done to pictures before they are scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Nothing.
    Nothing,
    /// A picture is made of each of their fields.
    Fields,
    /// Their colours are mapped from PQ to BT.709.
    Colours,
    /// Noise is taken out of them: frames have nothing in common, so that each tile is looked for all around.
    Noise,
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
    let job = |name, height: u32, depth, rungs: usize, step, before| {
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
                resampling: Resampling::Lanczos,
            },
            window: Window { x: (f64::from(picture_width) - width) / 2.0, y: 0.0, width, height: f64::from(height) },
            step,
            before,
        }
    };
    let sharp = |job: Job| Job { spec: ScaleSpec { resampling: Resampling::Sharp, ..job.spec }, ..job };
    vec![
        job("1080p, top rung", 1080, Depth::Eight, 1, 0.0, Before::Nothing),
        // The top rung is the one that is enlarged.
        sharp(job("1080p, top rung, sharp", 1080, Depth::Eight, 1, 0.0, Before::Nothing)),
        job("1080p, four rungs", 1080, Depth::Eight, 4, 0.0, Before::Nothing),
        // Every frame has filters of its own along x: the difference is what building them costs.
        job("1080p, four rungs, moving", 1080, Depth::Eight, 4, 0.3, Before::Nothing),
        sharp(job("1080p, four rungs, sharp", 1080, Depth::Eight, 4, 0.0, Before::Nothing)),
        job("1080p 10 bit, four rungs", 1080, Depth::Ten, 4, 0.0, Before::Nothing),
        job("2160p, four rungs", 2160, Depth::Eight, 4, 0.0, Before::Nothing),
        // Two pictures of each frame.
        job("1080i at its field rate, four rungs", 1080, Depth::Eight, 4, 0.0, Before::Fields),
        job("1080p HDR to SDR, four rungs", 1080, Depth::Ten, 4, 0.0, Before::Colours),
        job("2160p HDR to SDR, four rungs", 2160, Depth::Ten, 4, 0.0, Before::Colours),
        job("1080p without noise, four rungs", 1080, Depth::Eight, 4, 0.0, Before::Noise),
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

/// The pictures of both fields of a frame, the top one first.
static BOTH: [FieldUse; 2] =
    [FieldUse::Interpolated { bottom: false, later: false }, FieldUse::Interpolated { bottom: true, later: true }];

/// A job on a device, ready to run.
pub struct Running {
    job: Job,
    runner: Box<dyn Runner>,
    /// By turns: as much of a source frame as a conversion keeps of it, and what is wanted of it.
    sources: [(HeldFrame, View); 2],
    /// Pictures that are made of a frame.
    fields: &'static [FieldUse],
}

impl Running {
    /// Makes the runner and source frames.
    ///
    /// # Errors
    /// When the device cannot take the job.
    pub fn new(device: &Device, job: &Job) -> Result<Self> {
        let mut spec = job.spec.clone();
        spec.room = spec.room_for([(job.window.width, job.window.height)]);
        let (mut graph, mut fields) = (Graph::new(spec.source), [FieldUse::WHOLE].as_slice());
        let whole = match job.before {
            Before::Nothing => Graph::SOURCE,
            Before::Fields => {
                fields = &BOTH;
                graph.planes(Graph::SOURCE, &DEINTERLACER)
            }
            Before::Colours => {
                let recipe = SourceColour {
                    primaries: 9,
                    transfer: 16,
                    matrix: 9,
                    full_range: false,
                    depth: spec.source.depth.bits(),
                    peak: 1000.0,
                    gamut: None,
                };
                graph.map(Graph::SOURCE, &MapSpec::new(spec.source, spec.source_chroma, recipe, None)?)
            }
            Before::Noise => graph.denoise(Graph::SOURCE, [80, 32, 32]),
        };
        let cropped = graph.crop(whole);
        graph.scale(cropped, &spec).into_iter().for_each(|rung| graph.output(rung));
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
        Ok(Self { job: job.clone(), runner: device.runner(&graph)?, sources, fields })
    }

    /// Scales `count` frames, as many under way at once as the device allows.
    ///
    /// # Errors
    /// When the device fails.
    pub fn frames(&mut self, count: u64) -> Result<()> {
        let sources = self.sources.clone();
        for (frame, (source, view)) in (0..count).zip(sources.iter().cycle()) {
            while !self.runner.has_room() {
                drop(self.runner.collect()?);
            }
            self.submit(source, view, frame)?;
        }
        self.runner.finish()?;
        (0..self.runner.under_way()).try_for_each(|_| self.runner.collect().map(drop))
    }

    /// Begins on a frame.
    fn submit(&mut self, source: &HeldFrame, view: &View, frame: u64) -> Result<()> {
        let count = self.fields.len() as u64;
        let picture = |(nth, &fields): (u64, &FieldUse)| PictureRequest {
            layers: view.layers,
            frame: count * frame + nth,
            fields,
            time: None,
        };
        let pictures: Vec<_> = (0..).zip(self.fields).map(picture).collect();
        let request = Request::new(view.area, &pictures).ok_or_else(|| Error::misuse("more pictures than fields"))?;
        self.runner.submit(source, request)
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
            let (source, view) = self.sources[0].clone();
            self.submit(&source, &view, frame)?;
            self.runner.finish()?;
            let set = self.runner.collect()?;
            // Of fields there are two.
            while self.runner.under_way() > 0 {
                drop(self.runner.collect()?);
            }
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
    let is_it =
        |job: &Job| job.spec.rungs.len() == rungs && job.spec.source.height == 1080 && job.before == Before::Nothing;
    let job = jobs().into_iter().find(is_it);
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
