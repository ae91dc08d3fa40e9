//! How the frames of a film are to be read.

use super::pixels::PixelFormat;
use super::views::Packing;
use crate::colour::Colour;
use crate::geometry::{Orientation, Rational};

/// The properties by which the film's frames are read.
#[derive(Clone, Debug)]
pub(super) struct Described {
    pub pixels: PixelFormat,
    /// Tags, guessed where there are none, before they are turned upright.
    pub colour: Colour,
    pub orientation: Orientation,
    /// True where the container says how the picture is meant to be seen, in which case frames have no say.
    pub orientation_of_container: bool,
    /// Display matrix and packing of two views, as frames have them. Not every frame repeats them.
    pub matrix: Option<[i32; 9]>,
    pub packing: Option<Packing>,
    /// Shape of a sample according to frames; none where the container has another opinion, for that is what counts.
    pub sample_aspect: Option<Rational>,
}
