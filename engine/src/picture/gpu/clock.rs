//! How long kernels run, by the GPU's own clock, where it has one.

use super::context::Context;
use crate::error::Result;
use wgpu::{
    Buffer, BufferUsages, CommandEncoder, ComputePassTimestampWrites, Features, QuerySet, QuerySetDescriptor, QueryType,
};

/// Bytes of the two time stamps of a pass.
const STAMPS: usize = 2 * size_of::<u64>();

/// The time stamps of one pass.
#[derive(Debug)]
pub(super) struct Clock {
    queries: QuerySet,
    stamps: Buffer,
    readback: Buffer,
}

impl Clock {
    /// Says whether the device has a clock.
    pub(super) fn is_there(context: &Context) -> bool {
        context.device.features().contains(Features::TIMESTAMP_QUERY)
    }

    /// Makes a clock on a device that has one.
    pub(super) fn new(context: &Context) -> Result<Self> {
        let descriptor = QuerySetDescriptor { label: Some("time stamps"), ty: QueryType::Timestamp, count: 2 };
        let queries = context.device.create_query_set(&descriptor);
        let stamps = context.buffer("time stamps", STAMPS, BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC)?;
        let readback = context.buffer("time stamps", STAMPS, BufferUsages::COPY_DST | BufferUsages::MAP_READ)?;
        Ok(Self { queries, stamps, readback })
    }

    /// Makes a pass leave its time stamps.
    pub(super) fn writes(&self) -> ComputePassTimestampWrites<'_> {
        ComputePassTimestampWrites {
            query_set: &self.queries,
            beginning_of_pass_write_index: Some(0),
            end_of_pass_write_index: Some(1),
        }
    }

    /// Has the time stamps of the pass before copied to where they are read.
    pub(super) fn read(&self, encoder: &mut CommandEncoder) {
        encoder.resolve_query_set(&self.queries, 0..2, &self.stamps, 0);
        encoder.copy_buffer_to_buffer(&self.stamps, 0, &self.readback, 0, STAMPS as u64);
    }

    /// Gives the buffer that is to be mapped.
    pub(super) fn readback(&self) -> &Buffer {
        &self.readback
    }

    /// Computes the seconds between the time stamps, which are mapped until then.
    pub(super) fn seconds(&self, context: &Context) -> Result<f64> {
        let mapped = self.readback.slice(..).get_mapped_range();
        let mapped = mapped.map_err(|error| context.error(format!("its clock cannot be read: {error}")))?;
        let (pairs, _) = mapped.as_chunks::<{ size_of::<u64>() }>();
        let ticks = match pairs {
            [begin, end] => u64::from_le_bytes(*end).saturating_sub(u64::from_le_bytes(*begin)),
            _ => 0,
        };
        drop(mapped);
        self.readback.unmap();
        #[expect(clippy::cast_precision_loss, reason = "a pass takes few ticks")]
        let ticks = ticks as f64;
        Ok(ticks * f64::from(context.queue.get_timestamp_period()) * 1e-9)
    }
}
