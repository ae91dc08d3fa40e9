//! Laying overlays over rungs, on the calling thread.

use crate::error::Result;
use crate::frame::{Depth, Frame, FrameFormat, Sample};
use crate::picture::overlay::{Overlay, OverlayPlane, Overlays};
use std::sync::Arc;
use upright_shaders::overlay;

/// Lays overlays over the rungs of one node.
#[derive(Debug)]
pub(super) struct CpuOverlayer {
    overlays: Arc<dyn Overlays>,
    /// The one that was laid last, for every rung.
    current: Option<(u32, Vec<Overlay>)>,
}

impl CpuOverlayer {
    /// # Errors
    /// As [`Overlays::prepare`].
    pub(super) fn new(overlays: &Arc<dyn Overlays>) -> Result<Self> {
        overlays.prepare()?;
        Ok(Self { overlays: Arc::clone(overlays), current: None })
    }

    /// Lays overlay `number` over the rungs of a frame.
    ///
    /// # Errors
    /// As [`Overlays::draw`].
    pub(super) fn lay_over(&mut self, rungs: &mut [Frame], number: u32) -> Result<()> {
        let drawn = match self.current.take() {
            Some((known, drawn)) if known == number => drawn,
            _ => {
                let formats: Vec<FrameFormat> = rungs.iter().map(Frame::format).collect();
                Overlay::draw_all(&*self.overlays, number, &formats)?
            }
        };
        for (rung, overlay) in rungs.iter_mut().zip(&drawn) {
            for (index, plane) in overlay.planes.iter().enumerate() {
                match rung.format().depth {
                    Depth::Eight => lay_over_plane::<u8>(rung, index, plane),
                    Depth::Ten | Depth::Twelve => lay_over_plane::<u16>(rung, index, plane),
                }
            }
        }
        self.current = Some((number, drawn));
        Ok(())
    }
}

fn lay_over_plane<S: Sample + upright_shaders::Sample>(rung: &mut Frame, index: usize, plane: &OverlayPlane) {
    let &OverlayPlane { column, row, width, ref elements, .. } = plane;
    let (samples, stride) = rung.plane_mut::<S>(index);
    let rows = samples.chunks_mut(stride).skip(row as usize);
    for (samples, elements) in rows.zip(elements.chunks(width.max(1) as usize)) {
        overlay(elements, &mut samples[column as usize..][..elements.len()]);
    }
}
