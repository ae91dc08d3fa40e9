//! One submission: what is uploaded, computed and read back, and what is heard of it.

use super::buffers::{RunnerBuffers, SharedBuffer};
use super::clock::Clock;
use super::context::{Context, Pipeline};
use super::device::Gpu;
use crate::error::{Error, Result};
use crate::picture::stock::{Lease, Stock};
use std::ops::Range;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError};
use std::sync::{Arc, RwLockWriteGuard};
use std::time::Duration;
use wgpu::{
    BindGroup, Buffer, BufferAsyncError, BufferViewMut, CommandEncoderDescriptor, ComputePassDescriptor, MapMode,
    SubmissionIndex,
};

/// A submission that is being put together.
pub(super) struct Recording<'a> {
    gpu: &'a Gpu,
    _alone: RwLockWriteGuard<'a, ()>,
    buffers: &'a RunnerBuffers,
    staging: Lease<Buffer>,
    mapped: BufferViewMut,
    jobs: SharedBuffer,
    /// Bytes of jobs so far, and the end of what is uploaded besides.
    job_end: usize,
    end: usize,
    uploads: Vec<(Range<usize>, SharedBuffer)>,
    dispatches: Vec<(Arc<Pipeline>, BindGroup, [u32; 3])>,
    readbacks: Vec<(SharedBuffer, SharedBuffer)>,
    /// What the device needs until it is done.
    kept: Vec<SharedBuffer>,
}

impl<'a> Recording<'a> {
    pub(super) fn begin(gpu: &'a Gpu, buffers: &'a RunnerBuffers) -> Result<Self> {
        let context = &gpu.context;
        let alone = context.alone();
        context.check()?;
        let staging = buffers.staging.take(context)?;
        let mapped = staging.slice(..).get_mapped_range_mut();
        let mapped = mapped.map_err(|error| context.error(format!("cannot be written to: {error}")))?;
        let jobs = buffers.jobs.take_shared(context)?;
        Ok(Self {
            gpu,
            _alone: alone,
            buffers,
            staging,
            mapped,
            job_end: 0,
            end: buffers.jobs.bytes(),
            uploads: Vec::new(),
            dispatches: Vec::new(),
            readbacks: Vec::new(),
            kept: vec![Arc::clone(&jobs)],
            jobs,
        })
    }

    pub(super) fn gpu(&self) -> &'a Gpu {
        self.gpu
    }

    fn write(&mut self, range: Range<usize>, bytes: &[u8], limit: usize) -> Result<()> {
        if range.end > limit {
            return Err(Error::misuse(format!("gpu: {} bytes to be uploaded, room for {limit}", range.end)));
        }
        self.mapped.slice(range).copy_from_slice(bytes);
        Ok(())
    }

    /// Has bytes uploaded to the beginning of a buffer; there are a multiple of four.
    pub(super) fn upload(&mut self, bytes: &[u8], target: &SharedBuffer) -> Result<()> {
        let range = self.end..self.end + bytes.len();
        self.write(range.clone(), bytes, self.buffers.staging.bytes().min(range.start + target.size() as usize))?;
        self.end = range.end;
        self.uploads.push((range, Arc::clone(target)));
        self.kept.push(Arc::clone(target));
        Ok(())
    }

    /// Has a kernel run with these jobs and, by name, these buffers.
    pub(super) fn dispatch(
        &mut self,
        pipeline: &Arc<Pipeline>,
        jobs: &[u8],
        workgroups: [u32; 3],
        buffers: &[(&str, &SharedBuffer)],
    ) -> Result<()> {
        let range = self.job_end..self.job_end + jobs.len();
        self.write(range.clone(), jobs, self.buffers.jobs.bytes())?;
        self.job_end = range.end.next_multiple_of(self.gpu.binding_align());
        let group = pipeline.bind(&self.gpu.context, |name| match name {
            "jobs" => Some((&**self.jobs, Some(range.clone()))),
            _ => buffers.iter().find(|(known, _)| *known == name).map(|(_, buffer)| (&****buffer, None)),
        })?;
        self.dispatches.push((Arc::clone(pipeline), group, workgroups));
        self.kept.extend(buffers.iter().map(|(_, buffer)| Arc::clone(buffer)));
        Ok(())
    }

    /// Has a buffer copied to another of its size.
    pub(super) fn read_back(&mut self, source: &SharedBuffer, target: &SharedBuffer) {
        self.readbacks.push((Arc::clone(source), Arc::clone(target)));
        self.kept.push(Arc::clone(source));
    }

    /// Sends it on its way, and has `read` mapped when it is done; says how many bytes go to the device.
    pub(super) fn submit(self, clocks: &Arc<Stock<Clock>>, read: &[SharedBuffer]) -> Result<(Sent, usize)> {
        let Self { gpu, _alone, staging, mapped, jobs, job_end, uploads, dispatches, readbacks, kept, .. } = self;
        let context = &gpu.context;
        drop(mapped);
        staging.unmap();
        let mut encoder = context.device.create_command_encoder(&CommandEncoderDescriptor { label: Some("frame") });
        let mut uploaded = 0;
        for (range, target) in [(0..job_end, jobs)].into_iter().chain(uploads).filter(|(range, _)| !range.is_empty()) {
            uploaded += range.len();
            encoder.copy_buffer_to_buffer(&staging, range.start as u64, &target, 0, range.len() as u64);
        }
        let clock = match Clock::is_there(context) {
            true if !dispatches.is_empty() => Some(clocks.take(|| Clock::new(context))?),
            _ => None,
        };
        let timestamp_writes = clock.as_deref().map(Clock::writes);
        let mut pass = encoder.begin_compute_pass(&ComputePassDescriptor { label: Some("graph"), timestamp_writes });
        for (pipeline, group, [x, y, z]) in &dispatches {
            pass.set_pipeline(&pipeline.pipeline);
            pass.set_bind_group(0, group, &[]);
            pass.dispatch_workgroups(*x, *y, *z);
        }
        drop(pass);
        for (source, target) in &readbacks {
            encoder.copy_buffer_to_buffer(source, 0, target, 0, target.size());
        }
        if let Some(clock) = &clock {
            clock.read(&mut encoder);
        }
        let submission = context.queue.submit([encoder.finish()]);
        context.check()?;

        let (tell, told) = mpsc::channel();
        let mut awaited = 0;
        let mut map = |buffer: &Buffer, mode| {
            let tell = tell.clone();
            // Who no longer listens has given the frame up.
            buffer.map_async(mode, .., move |result| drop(tell.send(result)));
            awaited += 1;
        };
        map(&staging, MapMode::Write);
        read.iter().for_each(|buffer| map(buffer, MapMode::Read));
        clock.iter().for_each(|clock| map(clock.readback(), MapMode::Read));
        context.check()?;
        Ok((Sent { submission, told, awaited, _staging: staging, clock, _kept: kept }, uploaded))
    }
}

/// A submission under way.
#[derive(Debug)]
pub(super) struct Sent {
    submission: SubmissionIndex,
    /// Tells when the buffers have been mapped. That is when the frame is done, but it may be told by any thread that uses
    /// the device, and some time after the device knows.
    pub(super) told: Receiver<Result<(), BufferAsyncError>>,
    /// Number of buffers that are still to be told of.
    awaited: usize,
    _staging: Lease<Buffer>,
    clock: Option<Lease<Clock>>,
    _kept: Vec<SharedBuffer>,
}

impl Sent {
    /// Waits until all is mapped, for about `limit`; says whether it is.
    pub(super) fn wait(&mut self, context: &Context, limit: Duration) -> Result<bool> {
        while self.awaited > 0 {
            let told = match self.told.try_recv() {
                Err(TryRecvError::Empty) if !context.wait(&self.submission, limit)? => return Ok(false),
                // Told by this thread just now, or by another soon.
                Err(TryRecvError::Empty) => self.told.recv_timeout(limit),
                told => told.map_err(|_| RecvTimeoutError::Disconnected),
            };
            match told {
                Ok(Ok(())) => self.awaited -= 1,
                Err(RecvTimeoutError::Timeout) => return Ok(false),
                Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => {
                    context.check()?;
                    return Err(context.error("did not give a frame back; try again, or use the device cpu"));
                }
            }
        }
        Ok(true)
    }

    /// Says for how many seconds the kernels ran, where there is a clock.
    ///
    /// # Errors
    /// [`Error::Device`] when it cannot be read.
    pub(super) fn kernel_seconds(&self, context: &Context) -> Result<Option<f64>> {
        self.clock.as_deref().map(|clock| clock.seconds(context)).transpose()
    }
}
