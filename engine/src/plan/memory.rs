//! How much memory it takes to carry a plan out.

use super::document::Plan;
use crate::picture::{HELD_SETS, Memory};

/// Frames of each rung and segment at work, between scaling and encoding: one that is read while the next is made.
pub(crate) const RUNG_FRAMES: usize = HELD_SETS;
/// Frames of the source between decoding and scaling of one segment at work that are always there.
pub(crate) const LEAST_FRAMES: usize = 4;
/// Bytes that a job takes besides frames and encoders: the program, the decoder, buffers.
const BASE: u64 = 100 << 20;
/// Bytes that the driver of a GPU takes of the processor's memory, of any job: measured with Mesa's software one.
pub(crate) const DRIVER: u64 = 150 << 20;

impl Plan {
    /// Bytes of the processor's memory that it takes to encode `segments` at a time, with so many frames of the source in
    /// all and a runner that takes `runner` for each, about.
    pub(crate) fn memory(&self, segments: usize, source_frames: usize, runner: Memory) -> u64 {
        let encoder = &self.wanted.encoder;
        let segment = self.follows.rungs.iter().map(|rung| {
            // One more is made meanwhile.
            let frames = ((RUNG_FRAMES + 1) * Self::rung_format(rung).bytes()) as u64;
            encoder.kind.memory(rung.size, rung.depth, encoder.speed, encoder.threads) + frames
        });
        let base = if runner == Memory::default() { BASE } else { BASE + DRIVER };
        let source = source_frames as u64 * self.largest_source_frame().bytes() as u64;
        base + segments as u64 * (segment.sum::<u64>() + runner.host) + source
    }

    pub(super) fn memory_of_one_segment(&self) -> u64 {
        self.memory(1, 2 * LEAST_FRAMES, Memory::default())
    }
}
