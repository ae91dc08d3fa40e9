//! The composing node on the calling thread.

use super::instructions::Instructions;
use super::scaler::CpuScaler;
use crate::frame::{Depth, Frame, FrameFormat, Sample};
use crate::picture::scale::{Band, ComposeSpec, Crop, Layer, LayerScaling, View};
use upright_shaders::{LayerRows, compose};

/// The composing node of one graph.
#[derive(Debug)]
pub(super) struct CpuComposer {
    instructions: Instructions,
    spec: ComposeSpec,
    /// For frames of one window.
    plain: CpuScaler,
    /// For each layer of others, the lowest first.
    layers: Vec<CpuLayer>,
}

/// What scales a layer.
#[derive(Debug)]
struct CpuLayer {
    band: Band,
    first: CpuScaler,
    second: Option<CpuScaler>,
    /// The small picture, where there is one, and the layer's rows of every rung.
    small: Vec<Frame>,
    made: Vec<Frame>,
}

impl CpuComposer {
    pub(super) fn new(instructions: Instructions, spec: &ComposeSpec) -> Self {
        let plain = CpuScaler::new(instructions, &spec.scale);
        Self { instructions, spec: spec.clone(), plain, layers: Vec::new() }
    }

    /// Puts `rungs` together, frames of the formats of the job's, of what `view` wants of a picture.
    pub(super) fn compose(&mut self, source: &Frame, view: &View, rungs: &mut [Frame]) {
        if let Some(layer) = view.layers.only() {
            return self.plain.scale(source, &view.crop(layer), rungs);
        }
        for (number, layer) in view.layers.list().iter().enumerate() {
            self.layer(number, layer).scale(source, &view.crop(layer));
        }
        let layers = &self.layers[..view.layers.list().len()];
        for (index, rung) in rungs.iter_mut().enumerate() {
            for plane in 0..3 {
                match rung.format().depth {
                    Depth::Eight => compose_plane::<u8>(layers, index, plane, rung),
                    Depth::Ten | Depth::Twelve => compose_plane::<u16>(layers, index, plane, rung),
                }
            }
        }
    }

    /// Gives what scales a layer, made anew where its band is another than before.
    fn layer(&mut self, number: usize, layer: &Layer) -> &mut CpuLayer {
        let fits = self.layers.get(number).is_some_and(|known| known.band == layer.band);
        if !fits {
            self.layers.truncate(number);
            self.layers.push(CpuLayer::new(self.instructions, &self.spec, layer.band));
        }
        &mut self.layers[number]
    }
}

impl CpuLayer {
    fn new(instructions: Instructions, spec: &ComposeSpec, band: Band) -> Self {
        let frames = |formats: &[FrameFormat]| formats.iter().copied().map(Frame::new).collect();
        let LayerScaling { first, second } = spec.scaling(&band);
        let (small, made) = match &second {
            Some(second) => (frames(&first.rungs), frames(&second.rungs)),
            None => (Vec::new(), frames(&first.rungs)),
        };
        let second = second.map(|second| CpuScaler::new(instructions, &second));
        Self { band, first: CpuScaler::new(instructions, &first), second, small, made }
    }

    fn scale(&mut self, source: &Frame, crop: &Crop) {
        let Some(second) = &mut self.second else { return self.first.scale(source, crop, &mut self.made) };
        self.first.scale(source, crop, &mut self.small);
        let small = &self.small[0];
        second.scale(small, &Crop::whole(small.format(), crop.frame), &mut self.made);
    }
}

fn compose_plane<S: Sample + upright_shaders::Sample>(
    layers: &[CpuLayer],
    index: usize,
    plane: usize,
    rung: &mut Frame,
) {
    let format = rung.format();
    let layers: Vec<_> = layers
        .iter()
        .map(|layer| {
            let (rows, fades) = layer.band.rows_of_plane(format, plane);
            let (samples, stride) = layer.made[index].plane::<S>(plane);
            LayerRows {
                samples,
                stride,
                row: rows.start as usize,
                rows: rows.len(),
                fades: fades.map(|rows| rows as usize),
            }
        })
        .collect();
    let width = rung.layout(plane).width as usize;
    let (samples, stride) = rung.plane_mut::<S>(plane);
    for (row, made) in samples.chunks_mut(stride).enumerate() {
        compose(&layers, row, &mut made[..width]);
    }
}
