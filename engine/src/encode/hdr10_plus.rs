//! Dynamic metadata of HDR10+ behind any encoder.

use super::encoder::Encoder;
use super::rewriter::{Rewriter, rewritten};
use crate::av1::insert_itu_t_t35;
use crate::error::{Error, Result};
use crate::frame::HeldFrame;
use crate::packet::Packet;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Makes an encoder whose packets have the metadata of their frames, of `encoder`, which knows nothing of them; `name` is for
/// errors.
pub(super) fn with_hdr10_plus(encoder: Box<dyn Encoder>, name: String) -> Box<dyn Encoder> {
    rewritten(encoder, Messages { name, messages: BTreeMap::new() })
}

struct Messages {
    name: String,
    /// Of the frames whose packets have not come yet, by their times.
    messages: BTreeMap<i64, Arc<[u8]>>,
}

impl Rewriter for Messages {
    fn see(&mut self, frame: &HeldFrame) {
        if let Some(message) = &frame.hdr10_plus {
            self.messages.insert(frame.pts, message.clone());
        }
    }

    fn rewrite(&mut self, packet: &mut Packet) -> Result<()> {
        let Some(message) = self.messages.remove(&packet.pts) else { return Ok(()) };
        let failure = |why: String| Error::Encoder { encoder: self.name.clone(), why };
        insert_itu_t_t35(&mut packet.data, &message).map_err(|malformed| failure(malformed.to_string()))
    }
}
