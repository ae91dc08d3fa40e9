//! The node that maps colours, on the calling thread.

use crate::error::Result;
use crate::frame::{Area, Depth, Frame, HostMemory, Sample};
use crate::picture::schedule::Picture;
use crate::picture::tone::MapSpec;
use upright_shaders::map_colour::{ColourSource, MapMemory, map_chroma, map_luma};
use upright_shaders::plane::PlaneArea;

/// The node that maps colours of one graph.
#[derive(Debug)]
pub(super) struct CpuMapper {
    spec: MapSpec,
    memory: MapMemory,
    /// A row of each kind of chroma.
    chroma: [Vec<u16>; 2],
}

impl CpuMapper {
    /// # Errors
    /// As [`MapSpec::table`].
    pub(super) fn new(spec: &MapSpec) -> Result<Self> {
        spec.table()?;
        Ok(Self { spec: spec.clone(), memory: MapMemory::default(), chroma: Default::default() })
    }

    /// Makes `output` hold an area of the grid of a picture.
    pub(super) fn map(&mut self, source: &Picture<HostMemory>, area: Area, output: &mut Frame) -> Result<()> {
        match source.frame.format().depth {
            Depth::Eight => self.map_of::<u8>(source, area, output),
            Depth::Ten | Depth::Twelve => self.map_of::<u16>(source, area, output),
        }
    }

    fn map_of<S: Sample + upright_shaders::Sample>(
        &mut self,
        source: &Picture<HostMemory>,
        area: Area,
        output: &mut Frame,
    ) -> Result<()> {
        let Self { spec, memory, chroma } = self;
        let table = spec.table()?;
        let format = source.frame.format();
        let planes = [0, 1, 2].map(|index| {
            let (samples, stride) = source.frame.plane::<S>(index);
            let [columns, rows] = ranges(source.request.area.of_plane(format.plane_subsampling(index)));
            PlaneArea { samples, stride, columns, rows }
        });
        let source = ColourSource { planes, bits: format.depth.bits(), axes: spec.axes() };
        let [columns, rows] = ranges(area);
        let (luma, stride) = output.plane_mut::<u16>(0);
        for (line, row) in luma.chunks_mut(stride).zip(rows) {
            map_luma(&source, table, columns.clone(), row, memory, line);
        }
        let [columns, rows] = ranges(area.of_plane(format.subsampling));
        chroma.iter_mut().for_each(|row| row.resize(columns.len(), 0));
        for (line, row) in rows.enumerate() {
            let [cb, cr] = chroma;
            map_chroma(&source, table, columns.clone(), row, memory, [cb, cr]);
            for (index, made) in [(1, &*cb), (2, &*cr)] {
                let (plane, stride) = output.plane_mut::<u16>(index);
                plane[line * stride..][..made.len()].copy_from_slice(made);
            }
        }
        Ok(())
    }
}

fn ranges(Area { x, y, width, height }: Area) -> [std::ops::Range<usize>; 2] {
    [(x, width), (y, height)].map(|(first, count)| first as usize..(first + count) as usize)
}
