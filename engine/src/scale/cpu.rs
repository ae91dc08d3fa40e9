//! The CPU as a device: the twins of the kernels, row by row.

use super::filters::{Filters, PlaneKind};
use super::{Crop, DeviceInfo, ScaleSpec, Scaler, check_outputs, check_request};
use crate::error::{Error, Result};
use crate::frame::{Depth, Frame};
use upright_shaders::{Conversion, Filter, MiddleRows, Noise, scale_horizontal, scale_vertical};

/// Scales on the calling thread.
#[derive(Debug)]
pub(super) struct CpuScaler {
    info: DeviceInfo,
    spec: ScaleSpec,
    filters: Filters,
    /// The rungs of the frame under way.
    rungs: Vec<Frame>,
    under_way: bool,
    scratch: Scratch,
}

/// Memory to work in, kept from frame to frame.
#[derive(Debug, Default)]
struct Scratch {
    widened: Vec<i16>,
    middle: Vec<i16>,
}

/// What `upright` can say about the CPU.
pub(super) fn info() -> DeviceInfo {
    DeviceInfo { name: "cpu".into(), kind: "cpu", detail: format!("{} {}", std::env::consts::ARCH, instruction_set()) }
}

/// The vector instructions that the twins were compiled for.
fn instruction_set() -> &'static str {
    if cfg!(target_feature = "avx512bw") {
        "AVX-512"
    } else if cfg!(target_feature = "avx2") {
        "AVX2"
    } else if cfg!(target_feature = "sse4.1") {
        "SSE4.1"
    } else if cfg!(target_feature = "sse2") {
        "SSE2"
    } else if cfg!(target_feature = "neon") {
        "NEON"
    } else {
        "without vector instructions"
    }
}

impl CpuScaler {
    pub(super) fn new(spec: &ScaleSpec) -> Self {
        Self {
            info: info(),
            spec: spec.clone(),
            filters: Filters::new(spec),
            rungs: spec.rungs.iter().map(|&format| Frame::new(format)).collect(),
            under_way: false,
            scratch: Scratch::default(),
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
            return Err(Error::options("scaler: submitted a frame beyond its capacity of 1"));
        }
        self.filters.follow(crop.window);
        for (index, rung) in self.rungs.iter_mut().enumerate() {
            rung.pts = source.pts;
            rung.duration = source.duration;
            for plane in 0..3 {
                let kind = PlaneKind::of(plane);
                let (x, y) = self.filters.get(index, kind);
                let pass = Pass {
                    plane,
                    x,
                    y,
                    conversion: self.spec.conversion(&rung.format(), kind),
                    noise: Noise::new(crop.frame, plane as u32),
                };
                match (self.spec.source.depth, rung.format().depth) {
                    (Depth::Eight, Depth::Eight) => pass.run::<u8, u8>(source, rung, &mut self.scratch),
                    (Depth::Eight, _) => pass.run::<u8, u16>(source, rung, &mut self.scratch),
                    (_, Depth::Eight) => pass.run::<u16, u8>(source, rung, &mut self.scratch),
                    (_, _) => pass.run::<u16, u16>(source, rung, &mut self.scratch),
                }
            }
        }
        self.under_way = true;
        Ok(())
    }

    fn collect(&mut self, outputs: &mut [&mut Frame]) -> Result<()> {
        check_outputs(&self.spec, outputs)?;
        if !self.under_way {
            return Err(Error::options("scaler: asked for a frame that was not submitted"));
        }
        for (rung, output) in self.rungs.iter_mut().zip(outputs) {
            std::mem::swap(rung, *output);
        }
        self.under_way = false;
        Ok(())
    }
}

/// One plane's way to one rung.
struct Pass<'a> {
    plane: usize,
    x: &'a Filter,
    y: &'a Filter,
    conversion: Conversion,
    noise: Noise,
}

impl Pass<'_> {
    /// Both passes, interleaved so that no more intermediate rows are kept than the next output row needs.
    fn run<S, T>(&self, source: &Frame, rung: &mut Frame, scratch: &mut Scratch)
    where
        S: crate::frame::Sample + upright_shaders::Sample,
        T: crate::frame::Sample + upright_shaders::Sample,
    {
        let Self { plane, x, y, conversion, noise } = self;
        let (source_layout, output_layout) = (source.layout(*plane), rung.layout(*plane));
        let (samples, source_stride) = source.plane::<S>(*plane);
        let (output, output_stride) = rung.plane_mut::<T>(*plane);

        let stride = x.outputs().next_multiple_of(MiddleRows::LANES);
        let count = y.taps();
        scratch.middle.resize(count * stride, 0);
        let mut made = y.support().start as usize;
        for (row, output) in output.chunks_exact_mut(output_stride).enumerate() {
            let needed = y.starts()[row] as usize + count;
            for line in made..needed {
                let source = &samples[line * source_stride..][..source_layout.width as usize];
                let middle = &mut scratch.middle[line % count * stride..][..stride];
                scale_horizontal(source, x, conversion.horizontal, &mut scratch.widened, middle);
            }
            made = made.max(needed);
            let middle = MiddleRows { samples: &scratch.middle, stride, count };
            scale_vertical(middle, y, row, conversion, *noise, &mut output[..output_layout.width as usize]);
        }
    }
}
