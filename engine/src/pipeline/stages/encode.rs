//! Encoding: the frames of one rung of one lane.

use super::super::factory::StageFactory;
use super::super::graph::{Stage, StageQueues};
use super::super::messages::{EncodedEvent, ScaledFrame, SegmentEvent, SegmentInWork, lost};
use super::super::queue::{Receiver, Sender};
use crate::control::Control;
use crate::encode::Encoder;
use crate::error::Result;
use crate::packet::Packet;

/// Encodes the frames of one rung of one lane.
pub(crate) struct Encode<'a, W> {
    pub(crate) job: &'a Control,
    pub(crate) factory: &'a W,
    /// Index of the rendition, and its name.
    pub(crate) rung: usize,
    pub(crate) name: &'a str,
    pub(crate) input: Receiver<SegmentEvent<ScaledFrame>>,
    /// Where it says that the segment's encoder is open.
    pub(crate) opened: Sender<()>,
    pub(crate) output: Sender<EncodedEvent>,
    /// Whether an encoder is opened before anything is decoded: one lane shows that it can be had, and a short film may
    /// never need the others'.
    pub(crate) opens_early: bool,
    /// The encoder of the first segment, where it is open already.
    pub(crate) first: Option<Box<dyn Encoder>>,
}

impl<W: StageFactory> Stage for Encode<'_, W> {
    fn name(&self) -> String {
        format!("encode {}", self.name)
    }

    fn queues(&self) -> StageQueues {
        StageQueues { input: Some(self.input.handle()), outputs: vec![self.output.handle()], ..StageQueues::default() }
    }

    fn prepare(&mut self) -> Result<()> {
        self.first = self.opens_early.then(|| self.factory.encoder(self.rung)).transpose()?;
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        while let Some(event) = self.input.pop() {
            if let SegmentEvent::Begin(segment) = event {
                let encoder = self.first.take().map_or_else(|| self.factory.encoder(self.rung), Ok)?;
                self.opened.push(()).map_err(|()| lost("scale"))?;
                self.encode_segment(segment, encoder)?;
            }
        }
        self.job.check()
    }
}

impl<W> Encode<'_, W> {
    fn encode_segment(&self, segment: SegmentInWork, mut encoder: Box<dyn Encoder>) -> Result<()> {
        let mut packets = Vec::new();
        // Without an end, the job has ended.
        while let Some(SegmentEvent::Frame(ScaledFrame { frame, key, _ticket })) = self.input.pop() {
            encoder.encode(frame, key, &mut packets)?;
            self.pass_on(&segment, &mut packets)?;
        }
        loop {
            self.job.check()?;
            let more = encoder.finish(&mut packets)?;
            self.pass_on(&segment, &mut packets)?;
            if !more {
                return self.output.push(EncodedEvent::End(segment)).map_err(|_| lost("mux"));
            }
        }
    }

    fn pass_on(&self, segment: &SegmentInWork, packets: &mut Vec<Packet>) -> Result<()> {
        let mut encoded = packets.drain(..).map(|packet| EncodedEvent::Packet(segment.clone(), packet));
        encoded.try_for_each(|event| self.output.push(event).map_err(|_| lost("mux")))
    }
}
