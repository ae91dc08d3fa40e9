//! Cropping and scaling: one source frame in, one frame per rung out, on a GPU or on the CPU, byte for byte the same.

mod cpu;
mod fallback;
mod filters;
mod gpu;

pub(crate) use fallback::{FallbackScaler, Twin};

use crate::colour::ChromaSite;
use crate::error::{Error, Result};
use crate::frame::{Area, Frame, FrameFormat, Subsampling};
use crate::geometry::Window;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// What a [`Scaler`] is built for; constant over a job.
#[derive(Clone, Debug, PartialEq)]
pub struct ScaleSpec {
    /// Format of every source frame (an upright grid).
    pub source: FrameFormat,
    /// Where the source's chroma samples lie, on the upright grid.
    pub source_chroma: ChromaSite,
    /// Whether samples use their full range, on both sides. It matters where a rung's depth is not the source's.
    pub full_range: bool,
    /// Formats of the rungs, always 4:2:0.
    pub rungs: Vec<FrameFormat>,
    /// Where the rungs' chroma samples lie: left or top-left, for AV1 signals no other.
    pub rung_chroma: ChromaSite,
}

impl ScaleSpec {
    /// The same job for sources of which only this area is there.
    #[must_use]
    pub fn narrowed(self, area: Area) -> Self {
        Self { source: area.format(self.source), ..self }
    }

    /// What of the source is enough for these windows: a filter reaches three samples beyond them, and further by the
    /// ratio where it shrinks.
    pub fn area(&self, windows: impl IntoIterator<Item = Window>) -> Area {
        let s = self.source.subsampling;
        let least = |side: fn(&FrameFormat) -> u32| self.rungs.iter().map(side).min().unwrap_or(1).max(1);
        let (width, height) = (f64::from(least(|rung| rung.width)), f64::from(least(|rung| rung.height)));
        let along = |start: f64, span: f64, least: f64, s: u32, whole: u32| {
            // Chroma, of which rungs have half as much, shrinks the most. One more of either plane's samples is for its
            // siting and one for rounding.
            let ratio = f64::from(Subsampling::CS420.x) * span / least / f64::from(s);
            let reach = f64::from(s) * (filters::LOBES * ratio.max(1.0) + 2.0);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped into the grid")]
            let sample = |place: f64| place.clamp(0.0, f64::from(whole)) as u32;
            let (first, end) = (sample((start - reach).floor()), sample((start + span + reach).ceil()));
            let first = first / s * s;
            (first, end.next_multiple_of(s).min(whole))
        };
        let mut bounds: Option<[(u32, u32); 2]> = None;
        for window in windows {
            let x = along(window.x, window.width, width, s.x, self.source.width);
            let y = along(window.y, window.height, height, s.y, self.source.height);
            let [all_x, all_y] = bounds.unwrap_or([x, y]);
            bounds = Some([(all_x.0.min(x.0), all_x.1.max(x.1)), (all_y.0.min(y.0), all_y.1.max(y.1))]);
        }
        match bounds {
            Some([(x, right), (y, bottom)]) if x < right && y < bottom => {
                Area { x, y, width: right - x, height: bottom - y }
            }
            _ => Area::whole(self.source),
        }
    }
}

/// Which frame of the job this is and what of it is wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crop {
    /// The window in samples of the upright grid, inside it. It may differ on every frame.
    pub window: Window,
    /// Number of the frame in the job, from 0: the key of the dither noise.
    pub frame: u64,
}

/// Which device is to scale.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A real GPU where there is one, else the CPU; never a software adapter.
    #[default]
    Auto,
    /// A real GPU.
    Gpu,
    /// The CPU.
    Cpu,
    /// The GPU adapter whose name contains this in upper or lower case, a software one too.
    Adapter(String),
}

/// What scales.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceInfo {
    /// For instance `cpu` or the GPU adapter's name.
    pub name: String,
    /// `cpu`, `gpu` or `software gpu`.
    pub kind: &'static str,
    /// Driver or instruction set.
    pub detail: String,
}

/// Every device that [`Device::open`] can use: the GPU adapters, best first, then the CPU.
pub fn adapters() -> Vec<DeviceInfo> {
    gpu::adapters::list().iter().map(gpu::adapters::describe).chain([cpu::info()]).collect()
}

/// An open device. Clones are the same device; any number of scalers may share it.
#[derive(Clone, Debug)]
pub struct Device(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Cpu,
    Gpu(Arc<gpu::Gpu>),
}

impl Device {
    /// Opens the device of one's choice.
    ///
    /// # Errors
    /// [`Error::Device`] when there is no such device or it cannot be opened, which with [`DeviceChoice::Auto`] leads to
    /// the CPU instead.
    pub fn open(choice: &DeviceChoice) -> Result<Self> {
        if *choice == DeviceChoice::Cpu {
            return Ok(Self::cpu());
        }
        let Some(adapter) = gpu::adapters::choose(choice, gpu::adapters::list())? else {
            return Ok(Self::cpu());
        };
        match gpu::Gpu::open(&adapter) {
            Err(error) if *choice == DeviceChoice::Auto => Ok(Self::cpu_because(&error)),
            opened => Ok(Self(Kind::Gpu(Arc::new(opened?)))),
        }
    }

    /// Opens the device of one's choice and makes as many scalers of `spec` as `count` says of it. They have then all the
    /// memory that they will ever need of it.
    ///
    /// # Errors
    /// As [`Device::open`], [`Device::scaler`] and `count`. With [`DeviceChoice::Auto`], [`Error::Device`] leads to the
    /// CPU instead.
    pub fn open_for(
        choice: &DeviceChoice,
        spec: &ScaleSpec,
        count: impl Fn(&Self) -> Result<usize>,
    ) -> Result<(Self, Vec<Box<dyn Scaler>>)> {
        Self::open(choice)?.with_scalers(spec, count, *choice == DeviceChoice::Auto)
    }

    fn with_scalers(
        self,
        spec: &ScaleSpec,
        count: impl Fn(&Self) -> Result<usize>,
        else_cpu: bool,
    ) -> Result<(Self, Vec<Box<dyn Scaler>>)> {
        let scalers = |device: &Self| (0..count(device)?).map(|_| device.scaler(spec)).collect::<Result<Vec<_>>>();
        match scalers(&self) {
            Err(error @ Error::Device { .. }) if else_cpu => {
                let cpu = Self::cpu_because(&error);
                scalers(&cpu).map(|scalers| (cpu, scalers))
            }
            made => made.map(|scalers| (self, scalers)),
        }
    }

    /// The CPU, which is always there.
    pub fn cpu() -> Self {
        Self(Kind::Cpu)
    }

    fn cpu_because(error: &Error) -> Self {
        log::warn!("{error}: scaling on the CPU instead");
        Self::cpu()
    }

    /// Makes a scaler.
    ///
    /// # Errors
    /// [`Error::Device`] when the device cannot hold rungs of these sizes; [`Error::Misuse`] when there is no rung or a
    /// side is zero or above [`MAX_SIDE`].
    pub fn scaler(&self, spec: &ScaleSpec) -> Result<Box<dyn Scaler>> {
        check_spec(spec)?;
        match &self.0 {
            Kind::Cpu => Ok(Box::new(cpu::CpuScaler::new(spec))),
            Kind::Gpu(gpu) => Ok(Box::new(gpu::GpuScaler::new(Arc::clone(gpu), spec)?)),
        }
    }

    /// Memory that a scaler of `spec` takes for the sake of a GPU: none on the CPU.
    pub fn memory(&self, spec: &ScaleSpec) -> Memory {
        match &self.0 {
            Kind::Cpu => Memory::default(),
            Kind::Gpu(gpu) => gpu.memory(spec),
        }
    }

    /// How fast a frame's bytes go to the device and back when nothing is computed: the limit of its bus. None on the CPU.
    ///
    /// # Errors
    /// [`Error::Device`] when the device fails.
    pub fn bandwidth(&self, traffic: Traffic) -> Result<Option<Bandwidth>> {
        match &self.0 {
            Kind::Cpu => Ok(None),
            Kind::Gpu(gpu) => gpu.bandwidth(traffic).map(Some),
        }
    }
}

/// Bytes of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Of the processor's, in which a GPU may have none of its own.
    pub host: u64,
    /// Of the GPU's own.
    pub gpu: u64,
}

/// What a GPU did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct GpuStats {
    /// Frames that were collected.
    pub frames: u64,
    /// Seconds that its kernels ran for those, by its own clock; none where it has no clock to be read.
    pub kernel_seconds: Option<f64>,
    /// Bytes that the last frame moved.
    pub traffic: Traffic,
}

impl GpuStats {
    /// What several scalers did together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let kernel_seconds = self.kernel_seconds.zip(other.kernel_seconds).map(|(one, other)| one + other);
        let traffic = if self.frames > 0 { self.traffic } else { other.traffic };
        Self { frames: self.frames + other.frames, kernel_seconds, traffic }
    }

    /// One more frame, whose kernels ran for so many seconds.
    fn add(&mut self, seconds: Option<f64>) {
        self.frames += 1;
        self.kernel_seconds = seconds.map(|seconds| self.kernel_seconds.unwrap_or(0.0) + seconds);
    }
}

/// Bytes that a frame moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// To the device: parameters, the samples that the window needs, and filters where they changed.
    pub uploaded: usize,
    /// Back: all rungs.
    pub read_back: usize,
}

/// Bytes a second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bandwidth {
    /// To the device.
    pub upload: f64,
    /// Back.
    pub read_back: f64,
}

/// A device that was left in the middle of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fallback {
    /// Its name.
    pub device: String,
    /// What happened to it.
    pub why: String,
    /// Number of the frame in the job, from 0, from which on the CPU scaled instead. Where several segments were under
    /// way, the others changed over at frames of their own.
    pub frame: u64,
}

/// Longest side of a picture, in samples.
pub const MAX_SIDE: u32 = 16_384;

fn check_spec(spec: &ScaleSpec) -> Result<()> {
    if spec.rungs.is_empty() {
        return Err(Error::misuse("scaler: no rung was asked for"));
    }
    for format in std::iter::once(&spec.source).chain(&spec.rungs) {
        if [format.width, format.height].iter().any(|side| !(1..=MAX_SIDE).contains(side)) {
            let (width, height) = (format.width, format.height);
            return Err(Error::misuse(format!("{width}x{height}: a side is 1 to {MAX_SIDE} samples long")));
        }
    }
    Ok(())
}

fn check_request(spec: &ScaleSpec, source: &Frame, crop: Crop) -> Result<()> {
    if source.format() != spec.source {
        return Err(Error::misuse(format!("scaler: made for {:?}, given {:?}", spec.source, source.format())));
    }
    let Window { x, y, width, height } = crop.window;
    let (picture_width, picture_height) = (f64::from(spec.source.width), f64::from(spec.source.height));
    // What rounding may leave of a window that was computed to touch an edge.
    let slack = 1e-6;
    let inside = |origin: f64, span: f64, whole: f64| {
        span > 0.0 && origin >= -slack && span <= whole + slack && origin + span <= whole + slack
    };
    if !inside(x, width, picture_width) || !inside(y, height, picture_height) {
        let window = format!("{width} by {height} samples at ({x}, {y})");
        return Err(Error::misuse(format!(
            "frame {}: the window of {window} does not lie in the picture of {picture_width} by {picture_height}",
            crop.frame
        )));
    }
    Ok(())
}

fn check_outputs(spec: &ScaleSpec, outputs: &[&mut Frame]) -> Result<()> {
    if outputs.iter().map(|output| output.format()).ne(spec.rungs.iter().copied()) {
        return Err(Error::misuse("scaler: the frames to fill are not those of the rungs"));
    }
    Ok(())
}

/// Crops and scales frames, several of which may be under way at once.
///
/// The calls alternate freely as long as no more than [`Scaler::capacity`] frames are submitted and not collected.
pub trait Scaler: Send {
    /// What does the work.
    fn device(&self) -> &DeviceInfo;

    /// How many frames may be under way.
    fn capacity(&self) -> usize;

    /// Begins on a frame. The source may be reused as soon as this returns.
    ///
    /// # Errors
    /// [`crate::Error::Device`] when the device is lost or out of memory.
    fn submit(&mut self, source: &Frame, crop: Crop) -> Result<()>;

    /// Waits for the oldest submitted frame, for about `limit`; says whether [`Scaler::collect`] would now wait no longer.
    ///
    /// # Errors
    /// As [`Scaler::collect`].
    fn wait(&mut self, limit: Duration) -> Result<bool> {
        let _ = limit;
        Ok(true)
    }

    /// Waits for the oldest submitted frame and puts its rungs into `outputs`, one frame per rung in the order of
    /// [`ScaleSpec::rungs`] and of the same formats. Timestamps are those of the source.
    ///
    /// # Errors
    /// [`crate::Error::Device`] when the device is lost or out of memory.
    fn collect(&mut self, outputs: &mut [&mut Frame]) -> Result<()>;

    /// What the GPU did so far; none where none is at work.
    fn gpu_stats(&self) -> Option<GpuStats> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Depth;

    impl Device {
        /// Loses its GPU, as a driver does.
        pub(super) fn lose(&self) {
            if let Kind::Gpu(gpu) = &self.0 {
                gpu.lose();
            }
        }

        fn kind(&self) -> &'static str {
            if matches!(self.0, Kind::Cpu) { "cpu" } else { "gpu" }
        }
    }

    #[test]
    fn where_the_choice_is_free_a_gpu_without_room_is_left_before_the_first_frame() {
        let format =
            |side| FrameFormat { width: side, height: side, subsampling: Subsampling::CS420, depth: Depth::Ten };
        let spec = |rungs| ScaleSpec {
            source: format(64),
            source_chroma: ChromaSite::LEFT,
            full_range: false,
            rungs,
            rung_chroma: ChromaSite::LEFT,
        };
        let gpu = || Device::open(&DeviceChoice::Adapter(upright_fixtures::adapter())).unwrap();
        let count = |device: &Device| Ok(if device.kind() == "gpu" { 2 } else { 3 });
        let opened = |device: Device, spec: &ScaleSpec, else_cpu| {
            device.with_scalers(spec, count, else_cpu).map(|(device, scalers)| (device.kind(), scalers.len()))
        };
        let fits = spec(vec![format(32)]);
        assert_eq!(opened(gpu(), &fits, true).unwrap(), ("gpu", 2));
        // More than a buffer of any device holds, and a device that makes none any more.
        let huge = spec(vec![format(16_384); 24]);
        assert!(matches!(opened(gpu(), &huge, false), Err(Error::Device { .. })));
        let lost = gpu();
        lost.lose();
        assert!(matches!(opened(lost.clone(), &fits, false), Err(Error::Device { .. })));
        assert_eq!(opened(lost, &fits, true).unwrap(), ("cpu", 3));
        let nothing = spec(Vec::new());
        assert!(matches!(opened(gpu(), &nothing, true), Err(Error::Misuse(_))));
    }
}
