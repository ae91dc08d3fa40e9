//! What is written into the packets of any encoder.

use super::encoder::Encoder;
use crate::error::Result;
use crate::frame::HeldFrame;
use crate::packet::Packet;

/// Writes something into packets that the encoder knows nothing of.
pub(super) trait Rewriter: Send {
    /// Sees a frame before it is encoded.
    fn see(&mut self, frame: &HeldFrame);

    /// Rewrites a packet; they come in the encoder's order.
    fn rewrite(&mut self, packet: &mut Packet) -> Result<()>;
}

/// Makes an encoder whose packets are those of `encoder`, rewritten.
pub(super) fn rewritten(encoder: Box<dyn Encoder>, rewriter: impl Rewriter + 'static) -> Box<dyn Encoder> {
    Box::new(Rewritten { encoder, rewriter })
}

struct Rewritten<R> {
    encoder: Box<dyn Encoder>,
    rewriter: R,
}

impl<R: Rewriter> Encoder for Rewritten<R> {
    fn encode(&mut self, frame: HeldFrame, key: bool, packets: &mut Vec<Packet>) -> Result<()> {
        self.rewriter.see(&frame);
        let count = packets.len();
        self.encoder.encode(frame, key, packets)?;
        packets.iter_mut().skip(count).try_for_each(|packet| self.rewriter.rewrite(packet))
    }

    fn finish(&mut self, packets: &mut Vec<Packet>) -> Result<bool> {
        let count = packets.len();
        let more = self.encoder.finish(packets)?;
        packets.iter_mut().skip(count).try_for_each(|packet| self.rewriter.rewrite(packet))?;
        Ok(more)
    }
}
