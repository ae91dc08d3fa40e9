//! How long kernels run, by the GPU's own clock, where it has one.

use super::context::Context;
use crate::error::Result;
use wgpu::{
    Buffer, BufferUsages, CommandEncoder, ComputePassTimestampWrites, Features, QuerySet, QuerySetDescriptor, QueryType,
};

/// Bytes of the two time stamps of a pass.
pub(super) const STAMPS: usize = 2 * size_of::<u64>();

/// The time stamps of one pass.
#[derive(Debug)]
pub(super) struct Clock {
    queries: QuerySet,
    stamps: Buffer,
}

impl Clock {
    /// Makes a clock, where the device has one.
    pub(super) fn new(context: &Context) -> Result<Option<Self>> {
        if !context.device.features().contains(Features::TIMESTAMP_QUERY) {
            return Ok(None);
        }
        let descriptor = QuerySetDescriptor { label: Some("time stamps"), ty: QueryType::Timestamp, count: 2 };
        let queries = context.device.create_query_set(&descriptor);
        let usage = BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC;
        Ok(Some(Self { queries, stamps: context.buffer("time stamps", STAMPS, usage)? }))
    }

    /// Makes a pass leave its time stamps.
    pub(super) fn writes(&self) -> ComputePassTimestampWrites<'_> {
        ComputePassTimestampWrites {
            query_set: &self.queries,
            beginning_of_pass_write_index: Some(0),
            end_of_pass_write_index: Some(1),
        }
    }

    /// Copies the time stamps of the pass before to a place in `target`.
    pub(super) fn copy(&self, encoder: &mut CommandEncoder, target: &Buffer, offset: u64) {
        encoder.resolve_query_set(&self.queries, 0..2, &self.stamps, 0);
        encoder.copy_buffer_to_buffer(&self.stamps, 0, target, offset, STAMPS as u64);
    }
}

/// Computes the seconds between two time stamps.
pub(super) fn seconds(context: &Context, stamps: &[u8]) -> f64 {
    let (pairs, _) = stamps.as_chunks::<{ size_of::<u64>() }>();
    let &[begin, end] = pairs else { return 0.0 };
    #[expect(clippy::cast_precision_loss, reason = "a pass takes few ticks")]
    let ticks = u64::from_le_bytes(end).saturating_sub(u64::from_le_bytes(begin)) as f64;
    ticks * f64::from(context.queue.get_timestamp_period()) * 1e-9
}
