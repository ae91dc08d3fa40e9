//! The scaling node on the calling thread.

use super::instructions::Instructions;
use super::strips::{RungMemory, RungPlane, StripMemory};
use super::weights::{ColumnFilter, PairFilter};
use crate::frame::Frame;
use crate::picture::scale::{Crop, Filters, PlaneKind, ScaleSpec};
use upright_shaders::Noise;

/// The scaling node of one graph: filters, and memory to work in.
#[derive(Debug)]
pub(super) struct CpuScaler {
    instructions: Instructions,
    spec: ScaleSpec,
    filters: Filters,
    /// The revisions of `filters` that `axes` are made from.
    revisions: [u64; 2],
    /// Of every rung, of luma and of chroma: along x and along y.
    axes: Vec<[(ColumnFilter, PairFilter); 2]>,
    strip_memory: StripMemory,
    rung_memory: Vec<RungMemory>,
}

impl CpuScaler {
    pub(super) fn new(instructions: Instructions, spec: &ScaleSpec) -> Self {
        Self {
            instructions,
            spec: spec.clone(),
            filters: Filters::new(spec),
            revisions: [0; 2],
            axes: spec.rungs.iter().map(|_| Default::default()).collect(),
            strip_memory: StripMemory::default(),
            rung_memory: spec.rungs.iter().map(|_| RungMemory::default()).collect(),
        }
    }

    /// Scales what `crop` wants of a picture to `rungs`, frames of the formats of the job's.
    pub(super) fn scale(&mut self, source: &Frame, crop: &Crop, rungs: &mut [Frame]) {
        self.update_for_crop(source, crop);
        for plane in 0..3 {
            self.scale_plane(source, plane, crop.frame, rungs);
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

    fn scale_plane(&mut self, source: &Frame, plane: usize, frame: u64, rungs: &mut [Frame]) {
        let kind = PlaneKind::of(plane);
        let rungs = rungs.iter_mut().zip(&self.axes).zip(&mut self.rung_memory);
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
