//! Bringing segments that overtake one another into the order of the film.

use super::super::messages::{EncodedEvent, SegmentInWork};
use crate::error::Result;
use crate::packet::Packet;
use crate::store::StoredSegment;
use std::collections::BTreeMap;

/// Brings the packets of segments that overtake one another into the order of the film. Those of later segments wait in
/// memory: a few segments of compressed video, as many as there are tickets.
#[derive(Default)]
pub(super) struct SegmentReorderBuffer {
    /// The place of the segment whose packets go straight on.
    next: u64,
    waiting: BTreeMap<u64, WaitingSegment>,
}

/// What there is of a segment whose turn has not come.
#[derive(Default)]
struct WaitingSegment {
    packets: Vec<Packet>,
    stored: Option<StoredSegment>,
    /// There once the segment has ended; its ticket is not free before.
    end: Option<SegmentInWork>,
}

impl SegmentReorderBuffer {
    /// Takes what comes, and gives `put` the packets whose turn it is.
    pub(super) fn take(&mut self, event: EncodedEvent, mut put: impl FnMut(&Packet) -> Result<()>) -> Result<()> {
        match event {
            EncodedEvent::Packet(segment, packet) if segment.place == self.next => return put(&packet),
            EncodedEvent::Packet(segment, packet) => self.waiting(segment.place).packets.push(packet),
            EncodedEvent::End(segment) => {
                let waiting = self.waiting(segment.place);
                waiting.end = Some(segment);
            }
            EncodedEvent::Stored(segment, stored) => {
                let waiting = self.waiting(segment.place);
                (waiting.stored, waiting.end) = (Some(stored), Some(segment));
            }
        }
        while let Some(WaitingSegment { packets, stored, end }) = self.waiting.remove(&self.next) {
            packets.iter().try_for_each(&mut put)?;
            if let Some(stored) = stored {
                stored.packets()?.try_for_each(|packet| put(&packet?))?;
            }
            if end.is_none() {
                break;
            }
            self.next += 1;
        }
        Ok(())
    }

    fn waiting(&mut self, place: u64) -> &mut WaitingSegment {
        self.waiting.entry(place).or_default()
    }
}
