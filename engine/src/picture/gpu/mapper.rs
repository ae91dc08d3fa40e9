//! The node that maps colours, on a GPU.

use super::buffers::{NodeBuffers, SharedBuffer};
use super::context::Pipeline;
use super::device::Gpu;
use super::layout::{WORD, Workgroups, log2_samples_per_word, picture_bytes};
use super::memory::DeviceMemory;
use super::submission::Recording;
use crate::error::{Error, Result};
use crate::frame::{Area, Frame};
use crate::picture::schedule::Picture;
use crate::picture::tone::MapSpec;
use std::sync::Arc;
use upright_shaders::kernels::MAP_COLOUR;
use upright_shaders::map_colour::MapJob;
use upright_shaders::plane::SourcePlane;

/// The node that maps colours of one graph.
#[derive(Debug)]
pub(super) struct GpuMapper {
    spec: MapSpec,
    pipeline: Arc<Pipeline>,
    /// The table, once it was needed.
    table: Option<SharedBuffer>,
}

impl GpuMapper {
    /// # Errors
    /// As [`MapSpec::table`]; [`Error::Device`].
    pub(super) fn new(gpu: &Gpu, spec: &MapSpec) -> Result<Self> {
        spec.table()?;
        Ok(Self { spec: spec.clone(), pipeline: gpu.pipeline(&MAP_COLOUR)?, table: None })
    }

    /// Has an area of a picture mapped.
    pub(super) fn record(
        &mut self,
        recording: &mut Recording<'_>,
        source: &Picture<DeviceMemory>,
        area: Area,
        buffers: &NodeBuffers,
    ) -> Result<Frame<DeviceMemory>> {
        let (Some(tables), Some(output)) = (&buffers.tables, &buffers.output) else {
            return Err(Error::misuse("gpu: the buffers are not those of a node that maps colours"));
        };
        let format = area.format(self.spec.output());
        // Kernels run unchecked.
        if picture_bytes(format) > output.bytes() {
            return Err(Error::misuse(format!("gpu: {area:?} is to be mapped, for which there is no room")));
        }
        let context = &recording.gpu().context;
        let table = match &self.table {
            Some(table) => Arc::clone(table),
            None => {
                let table = tables.take_shared(context)?;
                context.queue.write_buffer(&table, 0, bytemuck::cast_slice(&self.spec.table()?.words()));
                self.table.insert(table).clone()
            }
        };
        let output = output.take_shared(context)?;
        let (jobs, workgroups) = self.jobs(source, area)?;
        let buffers = [("table", &table), ("source", &source.frame.place().buffer), ("output", &output)];
        recording.dispatch(&self.pipeline, bytemuck::cast_slice(&jobs), workgroups.counts(), &buffers)?;
        Ok(Frame::at(DeviceMemory { buffer: output, offset: 0 }, format))
    }

    /// Describes the work on luma, and on chroma.
    fn jobs(&self, source: &Picture<DeviceMemory>, area: Area) -> Result<([MapJob; 2], Workgroups)> {
        let held = source.frame.format();
        let made = area.format(self.spec.output());
        let mut planes = [SourcePlane::default(); 3];
        for (index, plane) in planes.iter_mut().enumerate() {
            let layout = source.frame.layout(index);
            let Area { x, y, width, height } = source.request.area.of_plane(held.plane_subsampling(index));
            let offset = ((source.frame.place().offset + layout.offset) / WORD) as u32;
            let stride = (layout.stride / WORD) as u32;
            *plane = SourcePlane { offset, stride, column: x, row: y, columns: width, rows: height };
        }
        let table = self.spec.table()?;
        let mut workgroups = Workgroups::default();
        let jobs = [0, 1].map(|chroma| {
            let target = made.layout()[chroma];
            let Area { x, y, width, height } = area.of_plane(made.plane_subsampling(chroma));
            let words = (width as usize).div_ceil(1 << log2_samples_per_word(made.depth));
            let (first_workgroup, row_workgroups) = workgroups.deal(words, height as usize, 1);
            MapJob {
                first_workgroup,
                row_workgroups,
                chroma: chroma as u32,
                output: (target.offset / WORD) as u32,
                output_stride: (target.stride / WORD) as u32,
                output_plane: ((made.layout()[2].offset - made.layout()[1].offset) / WORD) as u32,
                column: x,
                row: y,
                width,
                height,
                planes,
                ..MapJob::new(table, held.depth.bits(), self.spec.axes())
            }
        });
        Ok((jobs, workgroups))
    }
}
