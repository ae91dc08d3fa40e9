//! Nodes that make planes from planes, on a GPU.

use super::buffers::{Buffers, SharedBuffer};
use super::context::Pipeline;
use super::layout::{LANES, WORD, Workgroups, log2_samples_per_word, picture_bytes};
use super::memory::DeviceMemory;
use super::submission::Recording;
use crate::error::{Error, Result};
use crate::frame::{Area, Frame, FrameFormat};
use crate::picture::plane_node::PlaneNode;
use crate::picture::schedule::Picture;
use std::sync::Arc;
use upright_shaders::plane::{PlaneJob, SourcePlane};

/// Names of the buffers of the frames before, from the nearest on, and of those after.
const BEFORE: [&str; 4] = ["before_1", "before_2", "before_3", "before_4"];
const AFTER: [&str; 4] = ["after_1", "after_2", "after_3", "after_4"];

/// What is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Made {
    /// Format of the whole picture, and the area that is made.
    pub(super) grid: FrameFormat,
    pub(super) area: Area,
    /// What is made of each plane, as the kernel understands it.
    pub(super) picture: [u32; 3],
}

/// Has an area of a picture made.
pub(super) fn record(
    recording: &mut Recording<'_>,
    planes: &PlaneNode,
    pipeline: &Arc<Pipeline>,
    sources: &[&Picture<DeviceMemory>],
    made: Made,
    output: &Buffers,
) -> Result<Frame<DeviceMemory>> {
    let format = made.area.format(made.grid);
    // Kernels run unchecked.
    if picture_bytes(format) > output.bytes() {
        return Err(Error::misuse(format!("gpu: {planes:?} is to make {:?}, for which there is no room", made.area)));
    }
    let output = output.take_shared(&recording.gpu().context)?;
    let mut workgroups = Workgroups::default();
    let jobs = [0, 1, 2].map(|index| job(index, planes.tile, sources, made, &mut workgroups));
    let [before, _] = planes.neighbours;
    let named = |(index, picture): (usize, &&Picture<DeviceMemory>)| {
        let name = match index.checked_sub(before) {
            None => BEFORE[before - index - 1],
            Some(0) => "source",
            Some(after) => AFTER[after - 1],
        };
        (name, Arc::clone(&picture.frame.place().buffer))
    };
    let mut buffers: Vec<(&str, SharedBuffer)> = sources.iter().enumerate().map(named).collect();
    buffers.push(("output", Arc::clone(&output)));
    let buffers: Vec<_> = buffers.iter().map(|(name, buffer)| (*name, buffer)).collect();
    recording.dispatch(pipeline, bytemuck::cast_slice(&jobs), workgroups.counts(), &buffers)?;
    Ok(Frame::at(DeviceMemory { buffer: output, offset: 0 }, format))
}

fn job(
    index: usize,
    tile: Option<usize>,
    sources: &[&Picture<DeviceMemory>],
    made: Made,
    workgroups: &mut Workgroups,
) -> PlaneJob {
    let Made { grid, area, picture } = made;
    let subsampling = grid.plane_subsampling(index);
    let (whole, target) = (grid.layout()[index], area.format(grid).layout()[index]);
    let Area { x, y, width, height } = area.of_plane(subsampling);
    let log2 = log2_samples_per_word(grid.depth);
    let [columns, rows] = [width as usize, height as usize];
    let (first_workgroup, row_workgroups) = match tile {
        None => workgroups.deal(columns.div_ceil(1 << log2), rows, 1),
        Some(side) => workgroups.deal(columns.div_ceil(side) * LANES, rows.div_ceil(side), 1),
    };
    let mut job = PlaneJob {
        first_workgroup,
        row_workgroups,
        output: (target.offset / WORD) as u32,
        output_stride: (target.stride / WORD) as u32,
        column: x,
        row: y,
        width,
        height,
        plane_width: whole.width,
        plane_height: whole.height,
        log2_samples_per_word: log2,
        limit: (1 << grid.depth.bits()) - 1,
        picture: picture[index],
        ..PlaneJob::default()
    };
    for (plane, picture) in job.sources.iter_mut().zip(sources) {
        let layout = picture.frame.layout(index);
        let held = picture.request.area.of_plane(subsampling);
        let offset = ((picture.frame.place().offset + layout.offset) / WORD) as u32;
        let Area { x: column, y: row, width: columns, height: rows } = held;
        *plane = SourcePlane { offset, stride: (layout.stride / WORD) as u32, column, row, columns, rows };
    }
    job
}
