//! Compressed packets, of video or audio.

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
    /// Whether decoding can begin here.
    pub key: bool,
}
