//! Laying overlays over rungs, on a GPU.

use super::buffers::{Buffers, SharedBuffer};
use super::context::Pipeline;
use super::device::Gpu;
use super::layout::{WORD, Workgroups, log2_samples_per_word};
use super::memory::DeviceMemory;
use super::submission::Recording;
use crate::error::{Error, Result};
use crate::frame::{Frame, FrameFormat};
use crate::picture::overlay::{Overlay, OverlayPlane, Overlays};
use std::sync::Arc;
use upright_shaders::OverlayJob;
use upright_shaders::kernels::OVERLAY;

/// Lays overlays over the rungs of one node.
#[derive(Debug)]
pub(super) struct GpuOverlayer {
    overlays: Arc<dyn Overlays>,
    pipeline: Arc<Pipeline>,
    current: Option<Drawn>,
}

/// The overlay that was laid last.
#[derive(Debug)]
struct Drawn {
    number: u32,
    /// For every rung, without its elements.
    parts: Vec<[OverlayPlane; 3]>,
    /// The elements of all rungs, one plane after the other.
    elements: SharedBuffer,
}

impl GpuOverlayer {
    /// # Errors
    /// As [`Overlays::prepare`]; [`Error::Device`].
    pub(super) fn new(gpu: &Gpu, overlays: &Arc<dyn Overlays>) -> Result<Self> {
        overlays.prepare()?;
        Ok(Self { overlays: Arc::clone(overlays), pipeline: gpu.pipeline(&OVERLAY)?, current: None })
    }

    /// Has overlay `number` laid over the rungs of a frame, which lie in one buffer.
    ///
    /// # Errors
    /// As [`Overlays::draw`]; [`Error::Device`].
    pub(super) fn record(
        &mut self,
        recording: &mut Recording<'_>,
        rungs: &[Frame<DeviceMemory>],
        number: u32,
        buffers: Option<&Buffers>,
    ) -> Result<()> {
        let buffers = buffers.ok_or_else(|| Error::misuse("gpu: a node has no buffers for overlays"))?;
        if self.current.as_ref().is_none_or(|drawn| drawn.number != number) {
            let formats: Vec<FrameFormat> = rungs.iter().map(Frame::format).collect();
            self.current = Some(Drawn::new(recording.gpu(), &*self.overlays, number, &formats, buffers)?);
        }
        let (Some(drawn), Some(first)) = (&self.current, rungs.first()) else { return Ok(()) };
        let (mut jobs, mut workgroups, mut begin) = (Vec::with_capacity(3 * rungs.len()), Workgroups::default(), 0);
        for (rung, parts) in rungs.iter().zip(&drawn.parts) {
            for (index, part) in parts.iter().enumerate().filter(|(_, part)| part.width * part.height > 0) {
                jobs.push(job(rung, index, part, begin, &mut workgroups));
                begin += part.width * part.height;
            }
        }
        if jobs.is_empty() {
            return Ok(());
        }
        let bound = [("overlay_samples", &drawn.elements), ("output", &first.place().buffer)];
        recording.dispatch(&self.pipeline, bytemuck::cast_slice(&jobs), workgroups.counts(), &bound)
    }
}

impl Drawn {
    fn new(
        gpu: &Gpu,
        overlays: &dyn Overlays,
        number: u32,
        formats: &[FrameFormat],
        buffers: &Buffers,
    ) -> Result<Self> {
        let (mut parts, mut all) = (Vec::with_capacity(formats.len()), Vec::new());
        for Overlay { planes } in Overlay::draw_all(overlays, number, formats)? {
            planes.iter().for_each(|plane| all.extend_from_slice(&plane.elements));
            parts.push(planes.map(|plane| OverlayPlane { elements: Vec::new(), ..plane }));
        }
        // Kernels run unchecked.
        if all.len() * WORD > buffers.bytes() {
            return Err(Error::misuse(format!("gpu: overlay {number} is larger than the room for it")));
        }
        let elements = buffers.take_shared(&gpu.context)?;
        gpu.context.queue.write_buffer(&elements, 0, bytemuck::cast_slice(&all));
        Ok(Self { number, parts, elements })
    }
}

fn job(
    rung: &Frame<DeviceMemory>,
    index: usize,
    part: &OverlayPlane,
    overlay: u32,
    workgroups: &mut Workgroups,
) -> OverlayJob {
    let (plane, log2) = (rung.layout(index), log2_samples_per_word(rung.format().depth));
    let (stride, words) = ((plane.stride / WORD) as u32, part.width >> log2);
    let (first_workgroup, row_workgroups) = workgroups.deal(words as usize, part.height as usize, 1);
    let begin = ((rung.place().offset + plane.offset) / WORD) as u32;
    OverlayJob {
        first_workgroup,
        row_workgroups,
        output: begin + part.row * stride + (part.column >> log2),
        output_stride: stride,
        height: part.height,
        words,
        log2_samples_per_word: log2,
        overlay,
    }
}
