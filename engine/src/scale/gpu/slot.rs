//! One frame under way: its buffers, its submission, and what comes back.

use super::clock::{self, Clock};
use super::context::{Context, Pipeline};
use super::device::Gpu;
use super::layout::{Layout, job_bytes};
use super::slot_size::SlotSize;
use crate::error::Result;
use crate::frame::Frame;
use crate::scale::spec::ScaleSpec;
use std::ops::Range;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;
use wgpu::{
    BindGroup, Buffer, BufferAsyncError, BufferUsages, CommandEncoderDescriptor, ComputePassDescriptor, MapMode,
    SubmissionIndex,
};

/// The buffers of one frame under way.
#[derive(Debug)]
pub(super) struct Slot {
    /// Mapped while the slot is free.
    pub(super) upload: Buffer,
    pub(super) input: Buffer,
    pub(super) output: Buffer,
    /// Mapped once the frame is done; the time stamps come after the rungs.
    pub(super) readback: Buffer,
    clock: Option<Clock>,
    /// In the order of [`Gpu::pipelines`].
    groups: [BindGroup; 2],
    /// The revisions of the filters that the input buffer holds, 0 for none.
    pub(super) filters: [u64; 2],
}

/// A submission, and what is heard of it.
#[derive(Debug)]
pub(super) struct Sent {
    submission: SubmissionIndex,
    /// Tells when the upload and the readback buffer have been mapped. That is when the frame is done, but it may be told
    /// by any thread that uses the device, and some time after the device knows.
    pub(super) told: Receiver<Result<(), BufferAsyncError>>,
    /// Number of buffers that were told of so far.
    mapped: usize,
}

impl Slot {
    pub(super) fn new(gpu: &Gpu, spec: &ScaleSpec, size: SlotSize) -> Result<Self> {
        let Gpu { context, pipelines, .. } = gpu;
        let upload = BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC;
        let input = BufferUsages::COPY_DST | BufferUsages::STORAGE;
        let output = BufferUsages::STORAGE | BufferUsages::COPY_SRC;
        let readback = BufferUsages::COPY_DST | BufferUsages::MAP_READ;
        let upload = context.buffer("what a frame uploads", size.input, upload)?;
        let input = context.buffer("what a frame uploads", size.input, input)?;
        let middle = context.buffer("a set of half-scaled rungs", size.middle, BufferUsages::STORAGE)?;
        let output = context.buffer("a set of rungs", size.output, output)?;
        let readback = context.buffer("a set of rungs", size.readback, readback)?;
        let clock = Clock::new(context)?;
        let jobs = job_bytes(spec, gpu.binding_align());
        let bind = |pipeline: &Pipeline, jobs: &Range<usize>| {
            pipeline.bind(context, |name| match name {
                "jobs" => (&input, Some(jobs.clone())),
                "middle" => (&middle, None),
                "output" => (&output, None),
                _ => (&input, None),
            })
        };
        let groups = [bind(&pipelines[0], &jobs[0])?, bind(&pipelines[1], &jobs[1])?];
        Ok(Self { upload, input, output, readback, clock, groups, filters: [0; 2] })
    }

    /// Fills the upload buffer, with the filters only where they are given.
    pub(super) fn write(
        &self,
        context: &Context,
        layout: &Layout,
        source: &Frame,
        frame: u64,
        filters: Option<&[u32]>,
    ) -> Result<()> {
        let range = self.upload.slice(..).get_mapped_range_mut();
        let mut mapped = range.map_err(|error| context.error(format!("cannot be written to: {error}")))?;
        let mut write = |offset: usize, bytes: &[u8]| mapped.slice(offset..offset + bytes.len()).copy_from_slice(bytes);
        layout.write_jobs(frame, &mut write);
        if let Some(filters) = filters {
            write(layout.filter_bytes().start, bytemuck::cast_slice(filters));
        }
        layout.write_pixels(source, &mut write);
        drop(mapped);
        self.upload.unmap();
        Ok(())
    }

    /// Sends the frame on its way; says how many bytes go to the device.
    pub(super) fn submit(&self, gpu: &Gpu, layout: &Layout, new_filters: bool) -> Result<(Sent, usize)> {
        let Gpu { context, pipelines, .. } = gpu;
        let mut encoder = context.device.create_command_encoder(&CommandEncoderDescriptor { label: Some("frame") });
        let mut uploaded = 0;
        let mut copy = |range: Range<usize>| {
            uploaded += range.len();
            let (offset, bytes) = (range.start as u64, range.len() as u64);
            encoder.copy_buffer_to_buffer(&self.upload, offset, &self.input, offset, bytes);
        };
        if new_filters {
            copy(0..layout.input_bytes());
        } else {
            copy(0..layout.filter_bytes().start);
            copy(layout.filter_bytes().end..layout.input_bytes());
        }
        let timestamp_writes = self.clock.as_ref().map(Clock::writes);
        let mut pass = encoder.begin_compute_pass(&ComputePassDescriptor { label: Some("scale"), timestamp_writes });
        let workgroups = [layout.horizontal.workgroups, layout.vertical.workgroups];
        for ((pipeline, group), workgroups) in pipelines.iter().zip(&self.groups).zip(workgroups) {
            let [x, y, z] = workgroups.counts();
            pass.set_pipeline(&pipeline.pipeline);
            pass.set_bind_group(0, group, &[]);
            pass.dispatch_workgroups(x, y, z);
        }
        drop(pass);
        encoder.copy_buffer_to_buffer(&self.output, 0, &self.readback, 0, self.output.size());
        if let Some(clock) = &self.clock {
            clock.copy(&mut encoder, &self.readback, self.output.size());
        }
        let submission = context.queue.submit([encoder.finish()]);
        context.check()?;

        let (tell, told) = mpsc::channel();
        let call = || {
            let tell = tell.clone();
            // Who no longer listens has given the frame up.
            move |result| drop(tell.send(result))
        };
        self.upload.map_async(MapMode::Write, .., call());
        self.readback.map_async(MapMode::Read, .., call());
        context.check()?;
        Ok((Sent { submission, told, mapped: 0 }, uploaded))
    }

    /// Copies the rungs out of the readback buffer; says for how many seconds the kernels ran, where there is a clock.
    pub(super) fn read(
        &self,
        context: &Context,
        rungs: &[Range<usize>],
        outputs: &mut [&mut Frame],
    ) -> Result<Option<f64>> {
        let range = self.readback.slice(..).get_mapped_range();
        let mapped = range.map_err(|error| context.error(format!("cannot be read from: {error}")))?;
        for (output, range) in outputs.iter_mut().zip(rungs) {
            output.bytes_mut().copy_from_slice(&mapped[range.clone()]);
        }
        let stamps = &mapped[self.output.size() as usize..];
        let seconds = self.clock.as_ref().map(|_| clock::seconds(context, stamps));
        drop(mapped);
        self.readback.unmap();
        Ok(seconds)
    }
}

impl Sent {
    /// Waits until both buffers are mapped, for about `limit`; says whether they are.
    pub(super) fn wait(&mut self, context: &Context, limit: Duration) -> Result<bool> {
        const BUFFERS: usize = 2;
        while self.mapped < BUFFERS {
            let told = match self.told.try_recv() {
                Err(TryRecvError::Empty) if !context.wait(&self.submission, limit)? => return Ok(false),
                // Told by this thread just now, or by another soon.
                Err(TryRecvError::Empty) => self.told.recv_timeout(limit),
                told => told.map_err(|_| RecvTimeoutError::Disconnected),
            };
            match told {
                Ok(Ok(())) => self.mapped += 1,
                Err(RecvTimeoutError::Timeout) => return Ok(false),
                Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => {
                    context.check()?;
                    return Err(context.error("did not give a frame back; try again, or use the device cpu"));
                }
            }
        }
        Ok(true)
    }
}
