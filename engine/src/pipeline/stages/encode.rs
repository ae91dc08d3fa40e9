//! Encoding: the frames of one rung of one lane.

use super::super::factory::StageFactory;
use super::super::graph::{Stage, StageQueues};
use super::super::messages::{EncodedEvent, ScaledFrame, SegmentEvent, SegmentInWork, lost};
use super::super::queue::{Receiver, Sender};
use crate::control::Control;
use crate::encode::Encoder;
use crate::error::Result;
use crate::packet::Packet;
use crate::plan::Plan;

/// Encodes the frames of one rung of one lane.
pub(crate) struct Encode<'a, W> {
    pub(crate) job: &'a Control,
    pub(crate) factory: &'a W,
    pub(crate) plan: &'a Plan,
    /// Index of the rendition, and its name.
    pub(crate) rung: usize,
    pub(crate) name: &'a str,
    pub(crate) input: Receiver<SegmentEvent<ScaledFrame>>,
    /// Where it says that the segment's encoder is open.
    pub(crate) opened: Sender<()>,
    pub(crate) output: Sender<EncodedEvent>,
    /// The segment for which an encoder is opened before anything is decoded: one lane shows that it can be had, and a short film
    /// may never need the others'.
    pub(crate) opens_early_for: Option<usize>,
    /// That encoder, and its segment, until a segment begins.
    pub(crate) first: Option<(usize, Box<dyn Encoder>)>,
}

impl<W: StageFactory> Stage for Encode<'_, W> {
    fn name(&self) -> String {
        format!("encode {}", self.name)
    }

    fn queues(&self) -> StageQueues {
        StageQueues { input: Some(self.input.handle()), outputs: vec![self.output.handle()], ..StageQueues::default() }
    }

    fn prepare(&mut self) -> Result<()> {
        let open = |segment| Ok((segment, self.factory.encoder(self.rung, segment)?));
        self.first = self.opens_early_for.map(open).transpose()?;
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        while let Some(event) = self.input.pop() {
            if let SegmentEvent::Begin(segment) = event {
                // Another segment than was expected comes first where some were encoded earlier.
                let quality = |segment| self.plan.quality(self.rung, segment);
                let first = self.first.take().filter(|&(number, _)| quality(number) == quality(segment.number));
                let encoder = first
                    .map_or_else(|| self.factory.encoder(self.rung, segment.number), |(_, encoder)| Ok(encoder))?;
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
