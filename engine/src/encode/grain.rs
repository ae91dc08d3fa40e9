//! Film grain behind any encoder.

use super::encoder::Encoder;
use super::rewriter::{Rewriter, rewritten};
use crate::av1::{FilmGrain, GrainError, GrainWriter};
use crate::error::{Error, Result};
use crate::frame::HeldFrame;
use crate::packet::Packet;

/// Makes an encoder whose packets have film grain of `encoder`, which knows nothing of it; `name` is for errors. The random
/// seeds follow from the time of the first frame, so that a film's segments do not all begin with the same noise.
pub(super) fn with_grain(encoder: Box<dyn Encoder>, grain: FilmGrain, name: String) -> Box<dyn Encoder> {
    rewritten(encoder, Grain { grain, name, writer: None })
}

struct Grain {
    grain: FilmGrain,
    name: String,
    /// There is one from the first frame.
    writer: Option<GrainWriter>,
}

impl Rewriter for Grain {
    fn see(&mut self, frame: &HeldFrame) {
        let seed = frame.pts.cast_unsigned();
        self.writer.get_or_insert_with(|| GrainWriter::new(self.grain.clone(), seed));
    }

    fn rewrite(&mut self, packet: &mut Packet) -> Result<()> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        writer.write(&mut packet.data).map_err(|error| match error {
            GrainError::Present => {
                Error::invalid("encoder option", "", "nothing that adds film grain, where noise is taken out")
            }
            other => Error::Encoder { encoder: self.name.clone(), why: other.to_string() },
        })
    }
}
