//! How fast bytes go to and from a device when nothing is computed.

use super::context::Context;
use super::layout::WORD;
use crate::error::Result;
use crate::picture::info::{Bandwidth, Traffic};
use std::time::{Duration, Instant};
use wgpu::{Buffer, BufferUsages, CommandEncoderDescriptor};

/// Least duration of the copying in each direction.
const LONG_ENOUGH: Duration = Duration::from_millis(300);
/// Copies in one submission.
const COPIES: u32 = 8;

/// Measures both directions, one after the other, with copies as large as a frame's.
pub(super) fn measure(context: &Context, traffic: Traffic) -> Result<Bandwidth> {
    let inside = BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
    let copy = |bytes: usize, from: BufferUsages, to: BufferUsages| {
        let bytes = bytes.next_multiple_of(WORD).max(WORD);
        let (source, target) = (context.buffer("what is copied", bytes, from)?, context.buffer("a copy", bytes, to)?);
        if from.contains(BufferUsages::MAP_WRITE) {
            source.unmap();
        }
        rate(context, &source, &target)
    };
    Ok(Bandwidth {
        upload: copy(traffic.uploaded, BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC, inside)?,
        read_back: copy(traffic.read_back, inside, BufferUsages::COPY_DST | BufferUsages::MAP_READ)?,
    })
}

/// Bytes a second.
fn rate(context: &Context, source: &Buffer, target: &Buffer) -> Result<f64> {
    let submit = || {
        let mut encoder = context.device.create_command_encoder(&CommandEncoderDescriptor { label: Some("copies") });
        for _ in 0..COPIES {
            encoder.copy_buffer_to_buffer(source, 0, target, 0, source.size());
        }
        context.queue.submit([encoder.finish()])
    };
    // The first touches the memory.
    context.finish(&submit())?;
    let (begin, mut copies) = (Instant::now(), 0);
    let mut under_way = submit();
    while begin.elapsed() < LONG_ENOUGH {
        // The device has the next ones before it is done with these.
        let next = submit();
        context.finish(&std::mem::replace(&mut under_way, next))?;
        copies += COPIES;
    }
    context.finish(&under_way)?;
    copies += COPIES;
    #[expect(clippy::cast_precision_loss, reason = "a buffer is smaller than that")]
    let bytes = source.size() as f64 * f64::from(copies);
    Ok(bytes / begin.elapsed().as_secs_f64())
}
