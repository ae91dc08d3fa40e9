//! Scaling on the calling thread.

use super::instructions::Instructions;
use super::strips::{RungMemory, RungPlane, StripMemory};
use super::weights::{ColumnFilter, PairFilter};
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::scale::filters::Filters;
use crate::scale::info::DeviceInfo;
use crate::scale::scaler::Scaler;
use crate::scale::spec::{Crop, PlaneKind, ScaleSpec};
use upright_shaders::Noise;

/// Scales on the calling thread.
#[derive(Debug)]
pub(in crate::scale) struct CpuScaler {
    info: DeviceInfo,
    instructions: Instructions,
    spec: ScaleSpec,
    filters: Filters,
    /// The revisions of `filters` that `axes` are made from.
    revisions: [u64; 2],
    /// Of every rung, of luma and of chroma: along x and along y.
    axes: Vec<[(ColumnFilter, PairFilter); 2]>,
    /// The rungs of the frame under way.
    rungs: Vec<Frame>,
    under_way: bool,
    strip_memory: StripMemory,
    rung_memory: Vec<RungMemory>,
}

impl CpuScaler {
    pub(in crate::scale) fn new(instructions: Instructions, spec: &ScaleSpec) -> Self {
        Self {
            info: instructions.describe(),
            instructions,
            spec: spec.clone(),
            filters: Filters::new(spec),
            revisions: [0; 2],
            axes: spec.rungs.iter().map(|_| Default::default()).collect(),
            rungs: spec.rungs.iter().map(|&format| Frame::new(format)).collect(),
            under_way: false,
            strip_memory: StripMemory::default(),
            rung_memory: spec.rungs.iter().map(|_| RungMemory::default()).collect(),
        }
    }

    /// Makes all filters those of the crop of `source`.
    fn update_for_crop(&mut self, source: &Frame, crop: &Crop) {
        self.filters.update_for_crop(crop);
        let revisions = self.filters.revisions();
        let stale = [0, 1].map(|axis| revisions[axis] != self.revisions[axis]);
        self.revisions = revisions;
        for (index, kinds) in self.axes.iter_mut().enumerate() {
            for kind in PlaneKind::ALL {
                let layout = source.layout(kind.planes().start);
                let (x, y) = self.filters.get(index, kind);
                let (columns, rows) = &mut kinds[kind as usize];
                if stale[0] {
                    columns.update(x, layout.width, self.spec.source.depth.bytes(), self.instructions.picks());
                }
                if stale[1] {
                    rows.update(y, layout.height);
                }
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
        self.instructions.scale_plane(source, plane, &mut rungs, &mut self.strip_memory);
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
        self.spec.check_request(source, &crop)?;
        if self.under_way {
            return Err(Error::misuse("scaler: submitted a frame beyond its capacity of 1"));
        }
        self.update_for_crop(source, &crop);
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
        self.spec.check_outputs(outputs)?;
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
