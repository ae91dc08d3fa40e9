//! Where the tiles of frames lie: the coded picture itself, behind all headers.

use super::bits::Bits;
use super::frame_header::{FrameHeader, Tiles};
use super::obu::{Malformed, ObuKind, obus};
use super::references::References;
use super::sequence::SequenceHeader;
use std::ops::Range;

/// Finds the tiles of a stream, temporal unit by temporal unit: the first, a key frame with its sequence header, comes first.
///
/// Headers alone are read, and sizes of tiles: it does not matter what is in them.
#[derive(Clone, Debug, Default)]
pub struct TileReader {
    sequence: Option<SequenceHeader>,
    references: References,
    /// Those of the frame whose tile groups follow.
    tiles: Option<Tiles>,
}

impl TileReader {
    /// Gives the bytes of each tile (`decode_tile` of section 5.11.1, with its trailing bits) of the next temporal unit, in their
    /// order, without their sizes.
    ///
    /// # Errors
    /// [`Malformed`] where its headers make no sense, or refer to frames that are not there; no other unit may follow.
    pub fn tiles(&mut self, unit: &[u8]) -> Result<Vec<Range<usize>>, Malformed> {
        let mut found = Vec::new();
        let mut end = 0;
        for obu in obus(unit) {
            let obu = obu?;
            end += obu.bytes.len();
            let begin = end - obu.payload.len();
            match obu.kind {
                ObuKind::SequenceHeader => self.sequence = Some(SequenceHeader::parse(obu.payload)?),
                ObuKind::FrameHeader => {
                    self.frame(obu.payload)?;
                }
                ObuKind::Frame => {
                    let header = self.frame(obu.payload)?;
                    let header = header.ok_or(Malformed::Invalid("tiles of a frame that is only shown"))?;
                    self.group(&obu.payload[header..], begin + header, &mut found)?;
                }
                ObuKind::TileGroup => self.group(obu.payload, begin, &mut found)?,
                _ => {}
            }
        }
        Ok(found)
    }

    /// Reads a frame's header; gives its bytes, of one that is coded.
    fn frame(&mut self, payload: &[u8]) -> Result<Option<usize>, Malformed> {
        let sequence = self.sequence.as_ref().ok_or(Malformed::Invalid("a frame before the sequence header"))?;
        let frame = match FrameHeader::parse(payload, sequence, &self.references)? {
            FrameHeader::Existing(slot) => {
                self.tiles = None;
                self.references.show(slot)?;
                return Ok(None);
            }
            FrameHeader::Coded(frame) => frame,
        };
        self.references.refresh(frame.refreshed, frame.reference);
        self.tiles = Some(frame.tiles);
        Ok(Some(frame.end.div_ceil(8)))
    }

    /// Reads a tile group, which begins at byte `begin` of the unit; section 5.11.1.
    fn group(&self, data: &[u8], begin: usize, found: &mut Vec<Range<usize>>) -> Result<(), Malformed> {
        const TRUNCATED: Malformed = Malformed::Truncated("a tile group");
        let tiles = self.tiles.ok_or(Malformed::Invalid("tiles without a frame header"))?;
        let mut bits = Bits::new(data, "a tile group");
        let is_part = tiles.count > 1 && bits.flag()?;
        let (first, last) =
            if is_part { (bits.read(tiles.number_bits)?, bits.read(tiles.number_bits)?) } else { (0, tiles.count - 1) };
        if first > last || last >= tiles.count {
            return Err(Malformed::Invalid("a tile group of tiles that are not there"));
        }
        let mut at = bits.position().div_ceil(8);
        for tile in first..=last {
            let size = if tile == last {
                data.len().saturating_sub(at)
            } else {
                let bytes = tiles.size_bytes as usize;
                let size = data.get(at..at + bytes).ok_or(TRUNCATED)?;
                at += bytes;
                size.iter().rev().fold(0, |size, &byte| size << 8 | usize::from(byte)) + 1
            };
            if size == 0 || size > data.len().saturating_sub(at) {
                return Err(TRUNCATED);
            }
            found.push(begin + at..begin + at + size);
            at += size;
        }
        Ok(())
    }
}
