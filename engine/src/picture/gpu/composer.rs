//! The composing node on a GPU.

use super::buffers::NodeBuffers;
use super::context::Pipeline;
use super::device::Gpu;
use super::layout::{self, WORD, Workgroups, log2_samples_per_word};
use super::memory::DeviceMemory;
use super::scaler::GpuScaler;
use super::submission::Recording;
use crate::error::{Error, Result};
use crate::frame::{Frame, FrameFormat};
use crate::picture::scale::{Band, ComposeSpec, Crop, Layer, LayerScaling, View};
use std::sync::Arc;
use upright_shaders::kernels::COMPOSE;
use upright_shaders::{ComposeJob, LayerPlane};

/// Names of the buffers of the layers, the lowest first.
const LAYERS: [&str; upright_shaders::MOST_LAYERS] = ["layer_0", "layer_1", "layer_2", "layer_3"];

/// The composing node of one graph.
#[derive(Debug)]
pub(super) struct GpuComposer {
    spec: ComposeSpec,
    pipeline: Arc<Pipeline>,
    /// Where each rung's frame begins in the output buffer.
    rungs: Vec<usize>,
    /// For frames of one window.
    plain: GpuScaler,
    /// For each layer of others, the lowest first.
    layers: Vec<GpuLayer>,
}

/// What scales a layer.
#[derive(Debug)]
struct GpuLayer {
    band: Band,
    first: GpuScaler,
    second: Option<GpuScaler>,
}

/// The rows of every rung that a layer covers.
type Rows = Vec<Frame<DeviceMemory>>;

impl GpuComposer {
    pub(super) fn new(gpu: &Gpu, spec: &ComposeSpec) -> Result<Self> {
        Ok(Self {
            spec: spec.clone(),
            pipeline: gpu.pipeline(&COMPOSE)?,
            rungs: layout::rungs(&spec.scale).1,
            plain: GpuScaler::new(gpu, &spec.scale)?,
            layers: Vec::new(),
        })
    }

    /// Has all rungs put together of what `view` wants of a picture.
    pub(super) fn record(
        &mut self,
        recording: &mut Recording<'_>,
        source: &Frame<DeviceMemory>,
        view: &View,
        buffers: &NodeBuffers,
    ) -> Result<Rows> {
        if let Some(layer) = view.layers.only() {
            return self.plain.record(recording, source, &view.crop(layer), buffers);
        }
        let mut layers = Vec::new();
        for (number, layer) in view.layers.list().iter().enumerate() {
            let Some(own) = buffers.layers.get(number) else {
                return Err(Error::misuse(format!("gpu: there are no buffers for layer {number}")));
            };
            let gpu = recording.gpu();
            let rows = self.layer(gpu, number, layer)?.record(recording, source, &view.crop(layer), own)?;
            layers.push((layer.band, rows));
        }
        let output = buffers.output.as_ref().ok_or_else(|| Error::misuse("gpu: a node has no output"))?;
        let output = output.take_shared(&recording.gpu().context)?;
        let rungs: Vec<_> = self.spec.scale.rungs.iter().copied().zip(self.rungs.iter().copied()).collect();
        let mut workgroups = Workgroups::default();
        let mut jobs = Vec::with_capacity(3 * rungs.len());
        for (index, &(format, begin)) in rungs.iter().enumerate() {
            jobs.extend((0..3).map(|plane| job(&layers, index, plane, (format, begin), &mut workgroups)));
        }
        // Nothing is read of those that are not there.
        let bound = LAYERS.iter().enumerate().map(|(number, &name)| {
            let (_, rows) = layers.get(number).unwrap_or(&layers[0]);
            (name, &rows[0].place().buffer)
        });
        let bound: Vec<_> = bound.chain([("output", &output)]).collect();
        recording.dispatch(&self.pipeline, bytemuck::cast_slice(&jobs), workgroups.counts(), &bound)?;
        let rung = |(format, offset)| Frame::at(DeviceMemory { buffer: Arc::clone(&output), offset }, format);
        Ok(rungs.into_iter().map(rung).collect())
    }

    /// Gives what scales a layer, made anew where its band is another than before.
    fn layer(&mut self, gpu: &Gpu, number: usize, layer: &Layer) -> Result<&mut GpuLayer> {
        let fits = self.layers.get(number).is_some_and(|known| known.band == layer.band);
        if !fits {
            self.layers.truncate(number);
            let LayerScaling { first, second } = self.spec.scaling(&layer.band);
            let second = second.map(|second| GpuScaler::new(gpu, &second)).transpose()?;
            self.layers.push(GpuLayer { band: layer.band, first: GpuScaler::new(gpu, &first)?, second });
        }
        Ok(&mut self.layers[number])
    }
}

impl GpuLayer {
    fn record(
        &mut self,
        recording: &mut Recording<'_>,
        source: &Frame<DeviceMemory>,
        crop: &Crop,
        [first, second]: &[NodeBuffers; 2],
    ) -> Result<Rows> {
        let made = self.first.record(recording, source, crop, first)?;
        let (Some(scaler), Some(small)) = (&mut self.second, made.first()) else { return Ok(made) };
        scaler.record(recording, small, &Crop::whole(small.format(), crop.frame), second)
    }
}

fn job(
    layers: &[(Band, Rows)],
    index: usize,
    plane: usize,
    (format, begin): (FrameFormat, usize),
    workgroups: &mut Workgroups,
) -> ComposeJob {
    let whole = format.layout()[plane];
    let log2 = log2_samples_per_word(format.depth);
    let words = (whole.width as usize).div_ceil(1 << log2);
    let (first_workgroup, row_workgroups) = workgroups.deal(words, whole.height as usize, 1);
    let mut job = ComposeJob {
        first_workgroup,
        row_workgroups,
        output: ((begin + whole.offset) / WORD) as u32,
        output_stride: (whole.stride / WORD) as u32,
        height: whole.height,
        words: words as u32,
        log2_samples_per_word: log2,
        count: layers.len() as u32,
        ..ComposeJob::default()
    };
    for (of_job, (band, rows)) in job.layers.iter_mut().zip(layers) {
        let ((covered, [fade_in, fade_out]), picture) = (band.rows_of_plane(format, plane), &rows[index]);
        *of_job = LayerPlane {
            offset: ((picture.place().offset + picture.layout(plane).offset) / WORD) as u32,
            stride: (picture.layout(plane).stride / WORD) as u32,
            row: covered.start,
            rows: covered.len() as u32,
            fade_in,
            fade_out,
        };
    }
    job
}
