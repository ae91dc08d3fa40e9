//! Compressed packets, of video or audio.

use std::io::{self, Read, Write};

/// Bytes before the data of a packet, as [`Packet::write_to`] has it.
pub(crate) const PACKET_HEAD: u64 = 8 + 8 + 1 + 8;

/// One compressed packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The codec's own bytes.
    pub data: Vec<u8>,
    /// Presentation time in ticks of the stream's time base. AV1 and audio have no reordering: decoding times are the
    /// same.
    pub pts: i64,
    /// Duration in the same ticks; 0 when it is not known.
    pub duration: i64,
    /// True when decoding can begin here.
    pub key: bool,
}

impl Packet {
    /// Writes the packet as [`Packet::read_from`] reads it: times, key and length as little-endian numbers, then the data.
    ///
    /// # Errors
    /// Those of the writer.
    pub(crate) fn write_to(&self, writer: &mut impl Write) -> io::Result<()> {
        writer.write_all(&self.pts.to_le_bytes())?;
        writer.write_all(&self.duration.to_le_bytes())?;
        writer.write_all(&[u8::from(self.key)])?;
        writer.write_all(&(self.data.len() as u64).to_le_bytes())?;
        writer.write_all(&self.data)
    }

    /// Reads what lies before the data of a packet, and gives the data's length.
    ///
    /// # Errors
    /// As [`Packet::read_from`].
    pub(crate) fn read_length(reader: &mut impl Read) -> io::Result<u64> {
        let _times_and_key: [u8; PACKET_HEAD as usize - 8] = read_array(reader)?;
        read_array(reader).map(u64::from_le_bytes)
    }

    /// Reads a packet. A length that the reader does not have costs no memory.
    ///
    /// # Errors
    /// Those of the reader; [`io::ErrorKind::UnexpectedEof`] when it ends in the packet.
    pub(crate) fn read_from(reader: &mut impl Read) -> io::Result<Self> {
        let pts = i64::from_le_bytes(read_array(reader)?);
        let duration = i64::from_le_bytes(read_array(reader)?);
        let [key] = read_array(reader)?;
        let length = u64::from_le_bytes(read_array(reader)?);
        let mut data = Vec::new();
        if reader.take(length).read_to_end(&mut data)? as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Self { data, pts, duration, key: key != 0 })
    }
}

fn read_array<const N: usize>(reader: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}
