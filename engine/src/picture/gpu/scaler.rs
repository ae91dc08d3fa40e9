//! The scaling node on a GPU.

use super::buffers::{NodeBuffers, SharedBuffer};
use super::context::Pipeline;
use super::device::Gpu;
use super::layout::{self, Layout};
use super::memory::DeviceMemory;
use super::submission::Recording;
use crate::error::{Error, Result};
use crate::frame::{Frame, FrameFormat};
use crate::picture::scale::{Crop, Filters, ScaleSpec};
use std::sync::Arc;
use upright_shaders::kernels::{SCALE_HORIZONTAL, SCALE_VERTICAL};

/// The scaling node of one graph: filters, and what follows from them.
#[derive(Debug)]
pub(super) struct GpuScaler {
    spec: ScaleSpec,
    pipelines: [Arc<Pipeline>; 2],
    /// Where each rung's frame begins in the output buffer.
    rungs: Vec<usize>,
    filters: Filters,
    of_crop: Option<OfCrop>,
    /// Memory to collect tables in.
    words: Vec<u32>,
}

/// What follows from the crop alone, and stays from frame to frame while the crop does.
#[derive(Debug)]
struct OfCrop {
    /// The revisions of the filters that the rest is made from, and the format of the pictures.
    made_from: ([u64; 2], FrameFormat),
    layout: Layout,
    /// The filters as the kernels read them.
    tables: SharedBuffer,
}

impl GpuScaler {
    pub(super) fn new(gpu: &Gpu, spec: &ScaleSpec) -> Result<Self> {
        Ok(Self {
            spec: spec.clone(),
            pipelines: [gpu.pipeline(&SCALE_HORIZONTAL)?, gpu.pipeline(&SCALE_VERTICAL)?],
            rungs: layout::rungs(spec).1,
            filters: Filters::new(spec),
            of_crop: None,
            words: Vec::new(),
        })
    }

    /// Has what `crop` wants of a picture scaled to all rungs.
    pub(super) fn record(
        &mut self,
        recording: &mut Recording<'_>,
        source: &Frame<DeviceMemory>,
        crop: &Crop,
        buffers: &NodeBuffers,
    ) -> Result<Vec<Frame<DeviceMemory>>> {
        let (Some(tables), Some(middle), Some(output)) = (&buffers.tables, &buffers.middle, &buffers.output) else {
            return Err(Error::misuse("gpu: the buffers are not those of a scaling node"));
        };
        let context = &recording.gpu().context;
        self.filters.update_for_crop(crop);
        let made_from = (self.filters.revisions(), source.format());
        let of_crop = match self.of_crop.take() {
            Some(of_crop) if of_crop.made_from == made_from => of_crop,
            _ => {
                let layout = Layout::new(&self.spec, &self.filters, source.format());
                // Kernels run unchecked: their jobs must not reach beyond what they are given.
                if layout.table_bytes() > tables.bytes() || layout.middle_bytes() > middle.bytes() {
                    let room = self.spec.room;
                    return Err(Error::misuse(format!("gpu: {:?} is more than the room of {room}", crop.window)));
                }
                let tables = tables.take_shared(context)?;
                layout::table_words(&self.spec, &self.filters, &mut self.words);
                recording.upload(bytemuck::cast_slice(&self.words), &tables)?;
                OfCrop { made_from, layout, tables }
            }
        };
        let [across, down] = of_crop.layout.workgroups();
        let (middle, output) = (middle.take_shared(context)?, output.take_shared(context)?);
        let DeviceMemory { buffer, offset } = source.place();
        let (tables, shared_middle) = (("tables", &of_crop.tables), ("middle", &middle));
        recording.dispatch(
            &self.pipelines[0],
            bytemuck::cast_slice(&of_crop.layout.horizontal_jobs(*offset)),
            across,
            &[tables, ("source", buffer), shared_middle],
        )?;
        recording.dispatch(
            &self.pipelines[1],
            bytemuck::cast_slice(&of_crop.layout.vertical_jobs(crop.frame)),
            down,
            &[tables, shared_middle, ("output", &output)],
        )?;
        self.of_crop = Some(of_crop);
        let rungs = self.spec.rungs.iter().zip(&self.rungs);
        let rung = |(&format, &offset)| Frame::at(DeviceMemory { buffer: Arc::clone(&output), offset }, format);
        Ok(rungs.map(rung).collect())
    }
}
