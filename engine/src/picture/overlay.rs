//! What is laid over pictures that are made: text, which is drawn for each rung at its own size.

use crate::error::{Error, Result};
use crate::frame::FrameFormat;
use std::fmt::Debug;

/// What may be laid over the pictures of a film, by number; a picture says which of it lies over it ([`super::Layers::under`]).
pub trait Overlays: Debug + Send + Sync {
    /// Makes ready, so that what keeps it from drawing is known before the first frame.
    ///
    /// # Errors
    /// Whatever keeps it.
    fn prepare(&self) -> Result<()>;

    /// Counts the most elements that an overlay of a rung has, of all planes.
    fn most_elements(&self, rung: FrameFormat) -> usize;

    /// Draws overlay `number` for the rung of this index among those of the node that it is laid over, and of this format.
    ///
    /// # Errors
    /// Whatever keeps it from drawing.
    fn draw(&self, number: u32, rung: usize, format: FrameFormat) -> Result<Overlay>;
}

/// What is laid over a picture: a part of each plane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overlay {
    /// For luma, and for both of chroma.
    pub planes: [OverlayPlane; 3],
}

/// What is laid over a part of a plane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverlayPlane {
    /// The part's first column, a multiple of [`OverlayPlane::ALIGN`].
    pub column: u32,
    /// Its first row.
    pub row: u32,
    /// Columns, a multiple of [`OverlayPlane::ALIGN`], which may reach into the padding of the plane's rows; nothing is laid over what
    /// is beyond the plane.
    pub width: u32,
    /// Rows; none where nothing is laid over the plane.
    pub height: u32,
    /// For each sample of the part, row by row, an element ([`upright_shaders::overlay_element`]).
    pub elements: Vec<u32>,
}

impl OverlayPlane {
    /// Samples of a word of the picture, at most.
    pub const ALIGN: u32 = 4;
}

impl Overlay {
    /// Draws an overlay for every rung of a node.
    ///
    /// # Errors
    /// Those of [`Overlays::draw`]; [`Error::Misuse`] for one that sticks out of its picture, or is larger than was said.
    pub(super) fn draw_all(overlays: &dyn Overlays, number: u32, rungs: &[FrameFormat]) -> Result<Vec<Self>> {
        let draw = |(index, &format): (usize, &FrameFormat)| {
            let overlay = overlays.draw(number, index, format)?;
            let elements: usize = overlay.planes.iter().map(|plane| plane.elements.len()).sum();
            if overlay.fits(format) && elements <= overlays.most_elements(format) {
                Ok(overlay)
            } else {
                Err(Error::misuse(format!("overlay {number} is not one for pictures of {format:?}")))
            }
        };
        rungs.iter().enumerate().map(draw).collect()
    }

    fn fits(&self, format: FrameFormat) -> bool {
        self.planes.iter().zip(format.layout()).all(|(plane, whole)| {
            let &OverlayPlane { column, row, width, height, ref elements } = plane;
            let room = (whole.stride / format.depth.bytes()) as u32;
            let is_aligned = column.is_multiple_of(OverlayPlane::ALIGN) && width.is_multiple_of(OverlayPlane::ALIGN);
            let is_inside = column.checked_add(width).is_some_and(|end| end <= room)
                && row.checked_add(height).is_some_and(|end| end <= whole.height);
            is_aligned && is_inside && elements.len() == width as usize * height as usize
        })
    }
}
