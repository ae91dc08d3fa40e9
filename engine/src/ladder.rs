//! The ladder: the list of rungs, one output size each.

use crate::geometry::Size;

/// The rungs, in the order in which they were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ladder {
    /// Output sizes: even, from 16 to 16384 on a side, all of one shape.
    pub rungs: Vec<Size>,
}
