//! Scaling: the frames of one lane, for all rungs at once.

use super::super::factory::StageFactory;
use super::super::graph::{Stage, StageQueues};
use super::super::messages::{DecodedFrame, ScaledFrame, SegmentEvent, SegmentInWork, lost};
use super::super::pool::{Pool, Pooled};
use super::super::queue::{Receiver, Sender};
use super::super::results::ScaleResults;
use crate::control::Control;
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::scale::FallbackScaler;
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
    /// Free frames of each rung, and where the filled ones go.
    pub(crate) rungs: Vec<(Pool<Frame>, Sender<SegmentEvent<ScaledFrame>>)>,
    /// There once it is ready.
    pub(crate) scaler: Option<FallbackScaler<'a, DecodedFrame>>,
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
        let scaler = self.factory.scaler()?;
        self.results.note_device(scaler.device());
        self.scaler = Some(FallbackScaler::new(scaler, self.factory.twin(), self.results.fallback()));
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        let mut scaler = self.scaler.take().ok_or_else(|| lost("scale"))?;
        self.wait_for_a_segment();
        while let Some(event) = self.input.pop() {
            if let SegmentEvent::Begin(segment) = event {
                self.scale_segment(&segment, &mut scaler)?;
                self.wait_for_a_segment();
            }
        }
        self.results.add_gpu(scaler.gpu_stats());
        self.job.check()
    }
}

impl<W> Scale<'_, W> {
    /// Scales one segment: as many frames at once as the device takes.
    fn scale_segment(&self, segment: &SegmentInWork, scaler: &mut FallbackScaler<'_, DecodedFrame>) -> Result<()> {
        self.pass_on(|| SegmentEvent::Begin(segment.clone()))?;
        // No encoder has a frame before all are open: some cannot be opened while others work.
        let mut opened = self.rungs.iter().map(|_| self.opened.pop());
        opened.try_for_each(|opened| opened.ok_or(Error::Cancelled))?;
        let mut more = true;
        while more || scaler.under_way() > 0 {
            match self.next_of_segment(more, scaler) {
                Some(SegmentEvent::Frame(decoded)) => {
                    let crop = decoded.crop;
                    scaler.submit(decoded, crop)?;
                }
                Some(SegmentEvent::End) => more = false,
                Some(SegmentEvent::Begin(_)) => return Err(Error::misuse("a segment began inside another")),
                None if scaler.under_way() > 0 => self.collect(scaler)?,
                // Without an end, the job has ended.
                None => return self.job.check().and(Err(lost("decode"))),
            }
        }
        self.pass_on(|| SegmentEvent::End)
    }

    /// Takes what comes next of the segment, if the device has room for it; waits for it only while the device has nothing
    /// to do.
    fn next_of_segment(
        &self,
        more: bool,
        scaler: &FallbackScaler<'_, DecodedFrame>,
    ) -> Option<SegmentEvent<DecodedFrame>> {
        if !more || !scaler.has_room() {
            None
        } else if scaler.under_way() == 0 {
            self.input.pop()
        } else {
            self.input.try_pop()
        }
    }

    fn wait_for_a_segment(&self) {
        // A decoder that is gone has no more segments, which the end of the input tells.
        let _ = self.idle.push(self.lane);
    }

    /// Takes the oldest frame from the device, and passes its rungs on.
    fn collect(&self, scaler: &mut FallbackScaler<'_, DecodedFrame>) -> Result<()> {
        let frames: Option<Vec<Pooled<Frame>>> = self.rungs.iter().map(|(pool, _)| pool.take()).collect();
        let mut frames = frames.ok_or(Error::Cancelled)?;
        let mut outputs: Vec<&mut Frame> = frames.iter_mut().map(|frame| &mut **frame).collect();
        while !scaler.wait(PULSE)? {
            self.job.check()?;
        }
        let DecodedFrame { key, .. } = scaler.collect(&mut outputs)?;
        let mut filled = frames.into_iter();
        let frame = || filled.next().map(|frame| SegmentEvent::Frame(ScaledFrame { frame, key }));
        self.pass_on_each(frame)
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
