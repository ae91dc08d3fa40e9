//! Film grain behind any encoder.

use super::encoder::Encoder;
use crate::av1::{FilmGrain, GrainError, GrainWriter};
use crate::error::{Error, Result};
use crate::frame::HeldFrame;
use crate::packet::Packet;

/// Makes an encoder whose packets have film grain of `encoder`, which knows nothing of it; `name` is for errors. The random
/// seeds follow from the time of the first frame, so that a film's segments do not all begin with the same noise.
pub(super) fn with_grain(encoder: Box<dyn Encoder>, grain: FilmGrain, name: String) -> Box<dyn Encoder> {
    Box::new(Grained { encoder, grain, name, writer: None })
}

struct Grained {
    encoder: Box<dyn Encoder>,
    grain: FilmGrain,
    name: String,
    /// There is one from the first frame.
    writer: Option<GrainWriter>,
}

impl Grained {
    /// Puts film grain into the packets behind the first `count`.
    fn write(&mut self, packets: &mut [Packet], count: usize) -> Result<()> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        packets.iter_mut().skip(count).try_for_each(|packet| {
            writer.write(&mut packet.data).map_err(|error| match error {
                GrainError::Present => {
                    Error::invalid("encoder option", "", "nothing that adds film grain, where noise is taken out")
                }
                other => Error::Encoder { encoder: self.name.clone(), why: other.to_string() },
            })
        })
    }
}

impl Encoder for Grained {
    fn encode(&mut self, frame: HeldFrame, key: bool, packets: &mut Vec<Packet>) -> Result<()> {
        let seed = frame.pts.cast_unsigned();
        self.writer.get_or_insert_with(|| GrainWriter::new(self.grain.clone(), seed));
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
