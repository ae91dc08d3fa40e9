//! Nodes that make planes from planes, on the calling thread, by their twins.

use super::instructions::Instructions;
use crate::frame::HostMemory;
use crate::frame::{Area, Depth, Frame, Sample};
use crate::picture::plane_node::{PlaneNode, PlaneTwin};
use crate::picture::schedule::Picture;
use upright_shaders::plane::{PlaneArea, PlaneAreaMut};

/// Makes `output` hold an area of the grid of a node's pictures.
pub(super) fn make(
    planes: &PlaneNode,
    sources: &[&Picture<HostMemory>],
    area: Area,
    whole: [u32; 2],
    picture: [u32; 3],
    instructions: Instructions,
    output: &mut Frame,
) {
    match output.format().depth {
        Depth::Eight => make_of(&planes.twin_8, sources, area, whole, picture, instructions, output),
        Depth::Ten | Depth::Twelve => make_of(&planes.twin_16, sources, area, whole, picture, instructions, output),
    }
}

fn make_of<S: Sample>(
    twin: &PlaneTwin<S>,
    sources: &[&Picture<HostMemory>],
    area: Area,
    [width, height]: [u32; 2],
    picture: [u32; 3],
    instructions: Instructions,
    output: &mut Frame,
) {
    let format = output.format();
    for index in 0..3 {
        let subsampling = format.plane_subsampling(index);
        let sources: Vec<_> = sources
            .iter()
            .map(|picture| {
                let (samples, stride) = picture.frame.plane::<S>(index);
                let held = picture.request.area.of_plane(subsampling);
                let [columns, rows] = [(held.x, held.width), (held.y, held.height)]
                    .map(|(first, count)| first as usize..(first + count) as usize);
                PlaneArea { samples, stride, columns, rows }
            })
            .collect();
        let Area { x, y, width: columns, height: rows } = area.of_plane(subsampling);
        let (samples, stride) = output.plane_mut::<S>(index);
        instructions.make_planes(
            twin,
            &sources,
            PlaneAreaMut {
                samples,
                stride,
                columns: x as usize..(x + columns) as usize,
                rows: y as usize..(y + rows) as usize,
                plane: [width.div_ceil(subsampling.x) as usize, height.div_ceil(subsampling.y) as usize],
                limit: (1 << format.depth.bits()) - 1,
                picture: picture[index],
            },
        );
    }
}
