//! How fast bytes go to and from a device when nothing is computed.

use super::context::{Context, PATIENCE};
use super::layout::WORD;
use crate::error::Result;
use crate::picture::info::{Bandwidth, Traffic};
use std::collections::VecDeque;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};
use wgpu::{BufferAsyncError, BufferUsages, CommandEncoderDescriptor, MapMode, SubmissionIndex};

/// Least duration of the copying in each direction.
const LONG_ENOUGH: Duration = Duration::from_millis(300);
/// Copies in one submission.
const COPIES: usize = 8;

/// Measures both directions, one after the other, in pieces as large as a frame's: those that go to the device are written by
/// the processor first, whose writes may be what crosses the bus.
pub(super) fn measure(context: &Context, traffic: Traffic) -> Result<Bandwidth> {
    let size = |bytes: usize| bytes.next_multiple_of(WORD).max(WORD);
    Ok(Bandwidth {
        upload: upload_rate(context, size(traffic.uploaded))?,
        read_back: read_back_rate(context, size(traffic.read_back))?,
    })
}

/// Bytes a second that are written, and copied where kernels read them.
fn upload_rate(context: &Context, bytes: usize) -> Result<f64> {
    let from = vec![1; bytes];
    let target = context.buffer("a copy", bytes, BufferUsages::COPY_DST)?;
    let staging = || context.buffer("what is copied", bytes, BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC);
    // One is written while the other is copied.
    let slots = [staging()?, staging()?];
    let mut under_way: VecDeque<(SubmissionIndex, Receiver<_>)> = VecDeque::new();
    let land = |(submission, told): (SubmissionIndex, Receiver<std::result::Result<(), BufferAsyncError>>)| {
        context.finish(&submission)?;
        let mapped = told.recv_timeout(PATIENCE).is_ok_and(|mapped| mapped.is_ok());
        if mapped { Ok(()) } else { Err(context.give_up()) }
    };
    let mut begin = Instant::now();
    let mut written = 0;
    for (count, slot) in slots.iter().cycle().enumerate() {
        if under_way.len() == slots.len() {
            under_way.pop_front().map_or(Ok(()), land)?;
            written += bytes;
        }
        if count == slots.len() {
            // The first of each touch the memory.
            (begin, written) = (Instant::now(), 0);
        } else if begin.elapsed() >= LONG_ENOUGH {
            break;
        }
        let mapped = slot.slice(..).get_mapped_range_mut();
        mapped.map_err(|error| context.error(error.to_string()))?.slice(..).copy_from_slice(&from);
        slot.unmap();
        let mut encoder = context.device.create_command_encoder(&CommandEncoderDescriptor { label: Some("copy") });
        encoder.copy_buffer_to_buffer(slot, 0, &target, 0, slot.size());
        let submission = context.queue.submit([encoder.finish()]);
        let (tell, told) = mpsc::channel();
        // Who no longer listens has had an error.
        slot.map_async(MapMode::Write, .., move |result| drop(tell.send(result)));
        context.check()?;
        under_way.push_back((submission, told));
    }
    Ok(rate(written, begin))
}

/// Bytes a second that are copied to where the processor reads.
fn read_back_rate(context: &Context, bytes: usize) -> Result<f64> {
    let source = context.buffer("what is copied", bytes, BufferUsages::COPY_SRC | BufferUsages::COPY_DST)?;
    let target = context.buffer("a copy", bytes, BufferUsages::COPY_DST | BufferUsages::MAP_READ)?;
    let submit = || {
        let mut encoder = context.device.create_command_encoder(&CommandEncoderDescriptor { label: Some("copies") });
        for _ in 0..COPIES {
            encoder.copy_buffer_to_buffer(&source, 0, &target, 0, source.size());
        }
        context.queue.submit([encoder.finish()])
    };
    // The first touches the memory.
    context.finish(&submit())?;
    let (begin, mut submissions) = (Instant::now(), 0);
    let mut under_way = submit();
    while begin.elapsed() < LONG_ENOUGH {
        // The device has the next ones before it is done with these.
        let next = submit();
        context.finish(&std::mem::replace(&mut under_way, next))?;
        submissions += 1;
    }
    context.finish(&under_way)?;
    Ok(rate((submissions + 1) * COPIES * bytes, begin))
}

fn rate(bytes: usize, begin: Instant) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "no bus carries as much in that time")]
    let bytes = bytes as f64;
    bytes / begin.elapsed().as_secs_f64()
}
