//! Scaling: the frames of one lane, for all rungs at once.

use super::super::factory::StageFactory;
use super::super::graph::{Stage, StageQueues};
use super::super::messages::{DecodedFrame, ScaledFrame, SegmentEvent, SegmentInWork, lost};
use super::super::pool::Pool;
use super::super::queue::{Receiver, Sender};
use super::super::results::ScaleResults;
use crate::control::Control;
use crate::error::{Error, Result};
use crate::picture::{FallbackRunner, PictureSet};
use crate::plan::Plan;
use std::collections::VecDeque;
use std::time::Duration;

/// Time for which a device is waited for at a stretch: a job that ends meanwhile waits no longer.
const PULSE: Duration = Duration::from_millis(500);

/// Crops and scales the frames of one lane for all rungs at once.
pub(crate) struct Scale<'a, W> {
    pub(crate) job: &'a Control,
    pub(crate) factory: &'a W,
    pub(crate) results: &'a ScaleResults,
    /// Number of the lane, and where it says that it waits for a segment.
    pub(crate) lane: usize,
    pub(crate) idle: Sender<usize>,
    pub(crate) input: Receiver<SegmentEvent<DecodedFrame>>,
    /// Where the lane's encoders say that they are open.
    pub(crate) opened: Receiver<()>,
    /// Tickets for the frames of each rung, and where those go.
    pub(crate) rungs: Vec<(Pool<()>, Sender<SegmentEvent<ScaledFrame>>)>,
    pub(crate) plan: &'a Plan,
    /// There once it is ready.
    pub(crate) runner: Option<FallbackRunner<'a>>,
}

impl<W: StageFactory> Stage for Scale<'_, W> {
    fn name(&self) -> String {
        "scale".to_owned()
    }

    fn queues(&self) -> StageQueues {
        StageQueues {
            input: Some(self.input.handle()),
            outputs: self.rungs.iter().map(|(_, output)| output.handle()).collect(),
            pools: self.rungs.iter().map(|(pool, _)| pool.handle()).collect(),
        }
    }

    fn prepare(&mut self) -> Result<()> {
        let runner = self.factory.runner()?;
        self.results.note_device(runner.device());
        self.runner =
            Some(FallbackRunner::new(runner, &self.plan.graph(), self.factory.twin(), self.results.fallback()));
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        let mut runner = self.runner.take().ok_or_else(|| lost("scale"))?;
        self.wait_for_a_segment();
        while let Some(event) = self.input.pop() {
            if let SegmentEvent::Begin(segment) = event {
                self.scale_segment(&segment, &mut runner)?;
                self.wait_for_a_segment();
            }
        }
        self.results.add_gpu(runner.gpu_stats());
        self.job.check()
    }
}

impl<W> Scale<'_, W> {
    /// Scales one segment: as many frames at once as the device takes.
    fn scale_segment(&self, segment: &SegmentInWork, runner: &mut FallbackRunner<'_>) -> Result<()> {
        self.pass_on(|| SegmentEvent::Begin(segment.clone()))?;
        // No encoder has a frame before all are open: some cannot be opened while others work.
        let mut opened = self.rungs.iter().map(|_| self.opened.pop());
        opened.try_for_each(|opened| opened.ok_or(Error::Cancelled))?;
        let mut keys = KeyFrames::default();
        let mut more = true;
        while more || runner.owes() {
            match self.next_of_segment(more, runner) {
                Some(SegmentEvent::Frame(DecodedFrame { frame, request, keys: of_frame })) => {
                    keys.0.extend(of_frame);
                    runner.submit(frame, request)?;
                }
                Some(SegmentEvent::End) => {
                    more = false;
                    runner.finish()?;
                }
                Some(SegmentEvent::Begin(_)) => return Err(Error::misuse("a segment began inside another")),
                None if runner.owes() => self.collect(runner, &mut keys)?,
                // Without an end, the job has ended.
                None => return self.job.check().and(Err(lost("decode"))),
            }
        }
        self.pass_on(|| SegmentEvent::End)
    }

    /// Takes what comes next of the segment, if the device has room for it; waits for it only while the device has nothing
    /// to do.
    fn next_of_segment(&self, more: bool, runner: &FallbackRunner<'_>) -> Option<SegmentEvent<DecodedFrame>> {
        if !more || !runner.has_room() {
            None
        } else if runner.owes() {
            self.input.try_pop()
        } else {
            self.input.pop()
        }
    }

    fn wait_for_a_segment(&self) {
        // A decoder that is gone has no more segments, which the end of the input tells.
        let _ = self.idle.push(self.lane);
    }

    /// Takes the oldest set from the device, and passes its rungs on.
    fn collect(&self, runner: &mut FallbackRunner<'_>, keys: &mut KeyFrames) -> Result<()> {
        let tickets: Option<Vec<_>> = self.rungs.iter().map(|(pool, _)| pool.take()).collect();
        let tickets = tickets.ok_or(Error::Cancelled)?;
        while !runner.wait(PULSE)? {
            self.job.check()?;
        }
        let PictureSet { pictures, frame } = runner.collect()?;
        let key = keys.take(frame);
        let scaled = |(frame, _ticket)| SegmentEvent::Frame(ScaledFrame { frame, key, _ticket });
        let mut filled = pictures.into_iter().zip(tickets).map(scaled);
        self.pass_on_each(|| filled.next())
    }

    /// Gives every rung the same.
    fn pass_on(&self, event: impl Fn() -> SegmentEvent<ScaledFrame>) -> Result<()> {
        self.pass_on_each(|| Some(event()))
    }

    /// Gives every rung its own, in the order of the ladder.
    fn pass_on_each(&self, mut event: impl FnMut() -> Option<SegmentEvent<ScaledFrame>>) -> Result<()> {
        self.rungs.iter().try_for_each(|(_, output)| match event() {
            Some(event) => output.push(event).map_err(|_| lost("encode")),
            None => Ok(()),
        })
    }
}

/// The numbers of frames under way whose first pictures become key frames.
#[derive(Default)]
struct KeyFrames(VecDeque<u64>);

impl KeyFrames {
    /// Says whether the next set, which is made of this frame, is to be of key frames.
    fn take(&mut self, frame: u64) -> bool {
        // Of a frame that was left out, the one after it is.
        let mut key = false;
        while self.0.front().is_some_and(|number| *number <= frame) {
            self.0.pop_front();
            key = true;
        }
        key
    }
}
