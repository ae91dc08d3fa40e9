//! Dynamic metadata of HDR10+ behind any encoder.

use super::encoder::Encoder;
use crate::av1::insert_itu_t_t35;
use crate::error::{Error, Result};
use crate::frame::HeldFrame;
use crate::packet::Packet;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Makes an encoder whose packets have the metadata of their frames, of `encoder`, which knows nothing of them; `name` is for
/// errors.
pub(super) fn with_hdr10_plus(encoder: Box<dyn Encoder>, name: String) -> Box<dyn Encoder> {
    Box::new(Described { encoder, name, messages: BTreeMap::new() })
}

struct Described {
    encoder: Box<dyn Encoder>,
    name: String,
    /// Of the frames whose packets have not come yet, by their times.
    messages: BTreeMap<i64, Arc<[u8]>>,
}

impl Described {
    /// Puts metadata into the packets behind the first `count`.
    fn write(&mut self, packets: &mut [Packet], count: usize) -> Result<()> {
        packets.iter_mut().skip(count).try_for_each(|packet| {
            let Some(message) = self.messages.remove(&packet.pts) else { return Ok(()) };
            let failure = |why: String| Error::Encoder { encoder: self.name.clone(), why };
            insert_itu_t_t35(&mut packet.data, &message).map_err(|malformed| failure(malformed.to_string()))
        })
    }
}

impl Encoder for Described {
    fn encode(&mut self, frame: HeldFrame, key: bool, packets: &mut Vec<Packet>) -> Result<()> {
        if let Some(message) = &frame.hdr10_plus {
            self.messages.insert(frame.pts, message.clone());
        }
        let count = packets.len();
        self.encoder.encode(frame, key, packets)?;
        self.write(packets, count)
    }

    fn finish(&mut self, packets: &mut Vec<Packet>) -> Result<bool> {
        let count = packets.len();
        let more = self.encoder.finish(packets)?;
        self.write(packets, count)?;
        Ok(more)
    }
}
