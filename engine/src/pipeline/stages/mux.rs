//! Putting the packets of a rung in order, into the store and into its file.

use super::super::factory::StageFactory;
use super::super::graph::{Stage, StageQueues};
use super::super::messages::{EncodedEvent, SegmentInWork, lost};
use super::super::progress::ProgressCounters;
use super::super::queue::Receiver;
use super::super::results::RungResult;
use super::super::spool::SpoolWriter;
use super::super::summary::SourceSummary;
use super::super::windows::Windows;
use super::reorder::SegmentReorderBuffer;
use crate::control::Control;
use crate::error::{Error, Result};
use crate::packet::Packet;
use crate::plan::Plan;
use crate::store::{PlanStore, StoredWriter};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

/// Puts the packets of one rung aside in the order of the film, those just made into the store too where there is one, and
/// makes the rung's file when all are there.
pub(crate) struct Mux<'a, W: StageFactory> {
    pub(crate) job: &'a Control,
    pub(crate) factory: &'a W,
    pub(crate) plan: &'a Plan,
    /// Index of the rendition, and its name.
    pub(crate) rung: usize,
    pub(crate) name: &'a str,
    pub(crate) counters: &'a ProgressCounters,
    pub(crate) input: Receiver<EncodedEvent>,
    pub(crate) summary: &'a OnceLock<SourceSummary>,
    pub(crate) result: &'a OnceLock<RungResult<W::Rendition>>,
    /// Directory on whose disk packets wait.
    pub(crate) folder: &'a Path,
    /// There once it is ready.
    pub(crate) spool: Option<SpoolWriter>,
}

impl<W: StageFactory> Stage for Mux<'_, W> {
    fn name(&self) -> String {
        format!("mux {}", self.name)
    }

    fn queues(&self) -> StageQueues {
        StageQueues { input: Some(self.input.handle()), ..StageQueues::default() }
    }

    fn prepare(&mut self) -> Result<()> {
        self.spool = Some(SpoolWriter::create(self.folder)?);
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        let mut spool = self.spool.take().ok_or_else(|| lost("mux"))?;
        let mut order = SegmentReorderBuffer::default();
        let mut windows = Windows::new(self.plan, self.rung);
        let mut objects = self.factory.store().map(|store| Objects { store, rung: self.rung, begun: BTreeMap::new() });
        while let Some(event) = self.input.pop() {
            if let Some(objects) = &mut objects {
                objects.note(&event)?;
            }
            // Packets count when they are made, or where they are found.
            let made = match &event {
                EncodedEvent::Packet(_, packet) => Some(packet.duration),
                EncodedEvent::End(_) | EncodedEvent::Stored(..) => None,
            };
            made.into_iter().for_each(|duration| self.counters.encoded(self.rung, duration));
            if let EncodedEvent::Stored(_, stored) = &event {
                for packet in stored.packets()? {
                    self.counters.reused(self.rung, packet?.duration);
                }
            }
            order.take(event, |packet| {
                windows.push(packet);
                spool.append(packet)
            })?;
        }
        self.job.check()?;
        let summary = self.summary.get().ok_or_else(|| lost("decode"))?;
        self.counters.finished();
        let spool = spool.seal()?;
        let (made, wanted) = (spool.timestamps(), &summary.frames);
        if (made.count(), made.keys()) != (wanted.count(), wanted.keys()) {
            return Err(Error::Encoder {
                encoder: "AV1".to_owned(),
                why: format!(
                    "made {} packets, {} of them keys, of {} frames with {} key frames",
                    made.count(),
                    made.keys(),
                    wanted.count(),
                    wanted.keys()
                ),
            });
        }
        let rendition = self.factory.assemble(self.rung, &spool, windows.finish(), summary)?;
        // This stage runs once.
        let _ = self.result.set(RungResult { rendition, video_bytes: spool.bytes() });
        Ok(())
    }
}

/// Writes segments of one rung into the store as they are made.
struct Objects<'a> {
    store: &'a PlanStore,
    rung: usize,
    /// By the segment's number in the plan.
    begun: BTreeMap<usize, StoredWriter>,
}

impl Objects<'_> {
    fn note(&mut self, event: &EncodedEvent) -> Result<()> {
        match event {
            EncodedEvent::Packet(segment, packet) => self.append(segment, packet),
            EncodedEvent::End(segment) => match self.begun.remove(&segment.number) {
                Some(writer) => {
                    // The segment was decoded before it could be encoded.
                    let damage = segment.damage.get().ok_or_else(|| lost("decode"))?;
                    self.store.finish(writer, damage)
                }
                None => Ok(()),
            },
            EncodedEvent::Stored(..) => Ok(()),
        }
    }

    fn append(&mut self, segment: &SegmentInWork, packet: &Packet) -> Result<()> {
        let writer = match self.begun.entry(segment.number) {
            std::collections::btree_map::Entry::Occupied(begun) => begun.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(self.store.begin(segment.number, self.rung)?)
            }
        };
        writer.append(packet)
    }
}
