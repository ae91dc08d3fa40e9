//! How large the buffers of a frame are.

use super::clock;
use super::layout::{self, Layout};
use crate::frame::Area;
use crate::geometry::Window;
use crate::scale::filters::Filters;
use crate::scale::spec::{Crop, EDGE_SLACK, ScaleSpec};

/// Frames under way at once: one being written, one computed, one read.
pub(super) const SLOTS: usize = 3;

/// Bytes of the buffers of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlotSize {
    /// Of the upload and of the input buffer.
    pub(super) input: usize,
    pub(super) middle: usize,
    pub(super) output: usize,
    pub(super) readback: usize,
}

impl SlotSize {
    /// Computes the bytes that are enough for any crop: none needs more than the largest source frame wholly inside the
    /// window. `align` is that of [`Layout::new`].
    pub(super) fn of(spec: &ScaleSpec, align: usize) -> Self {
        let largest = ScaleSpec { source: spec.largest_source(), ..spec.clone() };
        let span = |side: u32| f64::from(side) + EDGE_SLACK;
        let window = Window { x: 0.0, y: 0.0, width: span(spec.room.width), height: span(spec.room.height) };
        let (output, _) = layout::outputs(spec);
        let mut size = Self { input: 0, middle: 0, output, readback: output + clock::STAMPS };
        let mut filters = Filters::new(&largest);
        // Steps may widen a kernel, or make it narrower.
        for zooming in [false, true] {
            filters.update_for_crop(&Crop { window, area: Area::whole(largest.source), zooming, frame: 0 });
            let layout = Layout::new(&largest, &filters, align);
            size.input = size.input.max(layout.input_bytes());
            size.middle = size.middle.max(layout.middle_bytes());
        }
        size
    }
}
