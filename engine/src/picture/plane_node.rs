//! Nodes that make planes from planes of the same size.

use crate::frame::{Area, FieldOrder, FrameFormat};
use std::fmt::{self, Debug, Formatter};
use upright_shaders::kernels::Kernel;
use upright_shaders::plane::{PlaneArea, PlaneAreaMut};

/// A node that makes each plane of a picture from the same plane of one or several neighbouring frames: all that has to be said
/// of a kernel of the form of `wgsl/plane.wgsl` for it to be part of a graph.
pub struct PlaneNode {
    /// Its kernel.
    pub kernel: &'static Kernel,
    /// The twin for planes of 8 bits.
    pub twin_8: fn(&[PlaneArea<'_, u8>], PlaneAreaMut<'_, u8>),
    /// The twin for planes of more.
    pub twin_16: fn(&[PlaneArea<'_, u16>], PlaneAreaMut<'_, u16>),
    /// Frames before and after its own that it looks at, five frames at most in all. At the ends of a film, and of each of its
    /// segments, the first and the last frame stand for those that are not there.
    pub neighbours: [usize; 2],
    /// Computes the area of the grid that its own frame must hold for an area to be made: one as large wherever the area lies,
    /// but for the ends of the grid. Where it is too small the kernel reads the nearest samples instead. Frames of a node with
    /// neighbours hold the whole grid.
    pub needs: fn(Area, FrameFormat) -> Area,
    /// Tells how many pictures come of a frame of these fields and this number in the film. They share its time.
    pub pictures: fn(FieldOrder, u64) -> usize,
    /// The least and the most that it tells.
    pub picture_counts: [usize; 2],
    /// Tells the order of fields of what comes of a frame.
    pub fields: fn(FieldOrder) -> FieldOrder,
}

impl Debug for PlaneNode {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.kernel.name)
    }
}
