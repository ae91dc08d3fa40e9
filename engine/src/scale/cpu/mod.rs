//! The CPU as a device: the integers of the kernels' twins, vectorised.

mod lanes;
mod strips;
mod weights;

use super::filters::{Filters, PlaneKind};
use super::{Crop, DeviceInfo, ScaleSpec, Scaler, check_outputs, check_request};
use crate::error::{Error, Result};
use crate::frame::{Depth, Frame, Sample};
use lanes::Portable;
use strips::{RungMemory, RungPlane, StripMemory};
use upright_shaders::Noise;
use weights::{ColumnFilter, PairFilter};

/// Scales on the calling thread.
#[derive(Debug)]
pub(super) struct CpuScaler {
    info: DeviceInfo,
    instructions: Instructions,
    spec: ScaleSpec,
    filters: Filters,
    /// The revision of `filters` that `axes` follow.
    revision: Option<u64>,
    /// Of every rung, of luma and of chroma: along x and along y.
    axes: Vec<[(ColumnFilter, PairFilter); 2]>,
    /// The rungs of the frame under way.
    rungs: Vec<Frame>,
    under_way: bool,
    strip_memory: StripMemory,
    rung_memory: Vec<RungMemory>,
}

/// The vector instructions that are used.
#[derive(Clone, Copy, Debug)]
enum Instructions {
    #[cfg(target_arch = "x86_64")]
    Avx512(lanes::Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2(lanes::Avx2),
    Portable,
}

impl Instructions {
    /// All that this processor has, the fastest first.
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(lanes::Avx512::detect().map(Self::Avx512));
            all.extend(lanes::Avx2::detect().map(Self::Avx2));
        }
        all.push(Self::Portable);
        all
    }

    fn best() -> Self {
        Self::all().first().copied().unwrap_or(Self::Portable)
    }

    /// Whether they have a fast [`lanes::Lanes::pick`].
    fn picks(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => false,
            Self::Portable => false,
        }
    }

    fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "AVX-512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "AVX2",
            Self::Portable if cfg!(target_arch = "x86_64") => "SSE2",
            Self::Portable if cfg!(target_feature = "neon") => "NEON",
            Self::Portable => "no vector instructions of our own",
        }
    }
}

/// What can be said about the CPU.
pub(super) fn info() -> DeviceInfo {
    describe(Instructions::best())
}

fn describe(instructions: Instructions) -> DeviceInfo {
    let detail = format!("{}, {}", std::env::consts::ARCH, instructions.name());
    DeviceInfo { name: "cpu".into(), kind: "cpu", detail }
}

impl CpuScaler {
    pub(super) fn new(spec: &ScaleSpec) -> Self {
        Self::with(Instructions::best(), spec)
    }

    fn with(instructions: Instructions, spec: &ScaleSpec) -> Self {
        Self {
            info: describe(instructions),
            instructions,
            spec: spec.clone(),
            filters: Filters::new(spec),
            revision: None,
            axes: spec.rungs.iter().map(|_| Default::default()).collect(),
            rungs: spec.rungs.iter().map(|&format| Frame::new(format)).collect(),
            under_way: false,
            strip_memory: StripMemory::default(),
            rung_memory: spec.rungs.iter().map(|_| RungMemory::default()).collect(),
        }
    }

    /// Makes all filters those of the window.
    fn follow(&mut self, crop: Crop) {
        self.filters.follow(crop.window);
        if self.revision == Some(self.filters.revision()) {
            return;
        }
        self.revision = Some(self.filters.revision());
        for (index, kinds) in self.axes.iter_mut().enumerate() {
            for kind in PlaneKind::ALL {
                let layout = self.spec.source.layout()[kind.planes().start];
                let (x, y) = self.filters.get(index, kind);
                let (columns, rows) = &mut kinds[kind as usize];
                columns.follow(x, layout.width, self.spec.source.depth.bytes(), self.instructions.picks());
                rows.follow(y, layout.height);
            }
        }
    }

    fn scale_plane(&mut self, source: &Frame, plane: usize, frame: u64) {
        let kind = PlaneKind::of(plane);
        let rungs = self.rungs.iter_mut().zip(&self.axes).zip(&mut self.rung_memory);
        let mut rungs: Vec<RungPlane<'_>> = rungs
            .map(|((frame_out, filters), memory)| {
                let (x, y) = &filters[kind as usize];
                let conversion = self.spec.conversion(&frame_out.format(), kind);
                RungPlane { x, y, conversion, noise: Noise::new(frame, plane as u32), frame: frame_out, memory }
            })
            .collect();
        let memory = &mut self.strip_memory;
        match self.spec.source.depth {
            Depth::Eight => self.instructions.scale_plane::<u8>(source, plane, &mut rungs, memory),
            Depth::Ten | Depth::Twelve => self.instructions.scale_plane::<u16>(source, plane, &mut rungs, memory),
        }
    }
}

impl Instructions {
    #[expect(unsafe_code, reason = "calls functions compiled for more than the least processor")]
    fn scale_plane<S: Sample + upright_shaders::Sample>(
        self,
        source: &Frame,
        plane: usize,
        rungs: &mut [RungPlane<'_>],
        memory: &mut StripMemory,
    ) {
        /// [`strips::scale_plane`] compiled for some vector instructions.
        #[cfg(target_arch = "x86_64")]
        macro_rules! compiled_for {
            ($features:literal, $lanes:expr) => {{
                #[target_feature(enable = $features)]
                fn compiled<L: lanes::Lanes, S: Sample + upright_shaders::Sample>(
                    lanes: L,
                    source: &Frame,
                    plane: usize,
                    rungs: &mut [RungPlane<'_>],
                    memory: &mut StripMemory,
                ) {
                    strips::scale_plane::<L, S>(lanes, source, plane, rungs, memory);
                }
                // SAFETY: the value of the instruction set's type proves that the processor has it.
                unsafe { compiled::<_, S>($lanes, source, plane, rungs, memory) }
            }};
        }
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(lanes) => compiled_for!("avx2,avx512f,avx512bw,avx512vbmi,avx512vnni", lanes),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(lanes) => compiled_for!("avx2", lanes),
            Self::Portable => strips::scale_plane::<_, S>(Portable, source, plane, rungs, memory),
        }
    }
}

impl Scaler for CpuScaler {
    fn device(&self) -> &DeviceInfo {
        &self.info
    }

    fn capacity(&self) -> usize {
        1
    }

    fn submit(&mut self, source: &Frame, crop: Crop) -> Result<()> {
        check_request(&self.spec, source, crop)?;
        if self.under_way {
            return Err(Error::misuse("scaler: submitted a frame beyond its capacity of 1"));
        }
        self.follow(crop);
        for rung in &mut self.rungs {
            rung.pts = source.pts;
            rung.duration = source.duration;
        }
        for plane in 0..3 {
            self.scale_plane(source, plane, crop.frame);
        }
        self.under_way = true;
        Ok(())
    }

    fn collect(&mut self, outputs: &mut [&mut Frame]) -> Result<()> {
        check_outputs(&self.spec, outputs)?;
        if !self.under_way {
            return Err(Error::misuse("scaler: asked for a frame that was not submitted"));
        }
        for (rung, output) in self.rungs.iter_mut().zip(outputs) {
            std::mem::swap(rung, *output);
        }
        self.under_way = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
