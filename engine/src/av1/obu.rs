//! Open bitstream units: the pieces that a stream is made of.

/// Bytes that are not AV1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The data ends too early.
    #[error("the AV1 data ends inside {0}")]
    Truncated(&'static str),
    /// A value that the specification does not allow.
    #[error("the AV1 data has {0}")]
    Invalid(&'static str),
}

/// The type of an OBU; section 6.2.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObuKind {
    /// Properties of all frames up to the next sequence header.
    SequenceHeader,
    /// The beginning of a temporal unit; not stored in MP4.
    TemporalDelimiter,
    /// A frame's header, without its tiles.
    FrameHeader,
    /// Tiles of the last frame header.
    TileGroup,
    /// Side information, for instance of high dynamic range.
    Metadata,
    /// A frame's header and its tiles.
    Frame,
    /// A copy of the last frame header.
    RedundantFrameHeader,
    /// Tiles of a large scale tile stream.
    TileList,
    /// Nothing.
    Padding,
    /// One of the reserved types, which decoders skip.
    Reserved(u8),
}

impl ObuKind {
    fn of(code: u8) -> Self {
        match code {
            1 => Self::SequenceHeader,
            2 => Self::TemporalDelimiter,
            3 => Self::FrameHeader,
            4 => Self::TileGroup,
            5 => Self::Metadata,
            6 => Self::Frame,
            7 => Self::RedundantFrameHeader,
            8 => Self::TileList,
            15 => Self::Padding,
            reserved => Self::Reserved(reserved),
        }
    }
}

/// Bit of an OBU's first byte: another follows, with the layers that it is of.
const HAS_EXTENSION: u8 = 0x04;
/// Bit of an OBU's first byte: its size follows.
const HAS_SIZE: u8 = 0x02;

/// One open bitstream unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Obu<'a> {
    /// Its type.
    pub kind: ObuKind,
    /// The whole unit, with its header and size.
    pub bytes: &'a [u8],
    /// The part behind header and size, with its trailing bits.
    pub payload: &'a [u8],
}

impl Obu<'_> {
    /// Tells whether it is of the lowest layer, temporal and spatial, as all are of a stream without layers.
    pub(super) fn is_of_lowest_layer(&self) -> bool {
        !self.has_extension() || self.bytes.get(1).is_none_or(|layers| layers >> 3 == 0)
    }

    /// Appends it to `data` with another payload; its size, where it says it, is that of the payload.
    pub(super) fn append_with_payload(&self, payload: &[u8], data: &mut Vec<u8>) {
        let header = if self.has_extension() { 2 } else { 1 };
        data.extend_from_slice(&self.bytes[..header]);
        if self.bytes[0] & HAS_SIZE != 0 {
            append_leb128(payload.len(), data);
        }
        data.extend_from_slice(payload);
    }

    fn has_extension(&self) -> bool {
        self.bytes.first().is_some_and(|first| first & HAS_EXTENSION != 0)
    }
}

/// Iterates over the OBUs of a temporal unit or of any run of OBUs, in order. An OBU that cannot be split off is
/// [`Malformed`], and nothing more comes after it.
pub fn obus(data: &[u8]) -> impl Iterator<Item = Result<Obu<'_>, Malformed>> {
    let mut rest = data;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let obu = split_obu(rest);
        rest = obu.map_or(&[], |obu| &rest[obu.bytes.len()..]);
        Some(obu)
    })
}

/// Splits off the first OBU of `data`; section 5.3. One without a size reaches to the end.
fn split_obu(data: &[u8]) -> Result<Obu<'_>, Malformed> {
    let truncated = Malformed::Truncated("an OBU");
    let first = *data.first().ok_or(truncated)?;
    if first & 0x80 != 0 {
        return Err(Malformed::Invalid("an OBU whose forbidden bit is set"));
    }
    let has_extension = first & HAS_EXTENSION != 0;
    let has_size = first & HAS_SIZE != 0;
    let body = data.get(if has_extension { 2 } else { 1 }..).ok_or(truncated)?;
    let payload = if has_size {
        let (size, rest) = leb128(body)?;
        rest.get(..size as usize).ok_or(truncated)?
    } else {
        body
    };
    let end = payload.as_ptr_range().end as usize - data.as_ptr() as usize;
    Ok(Obu { kind: ObuKind::of(first >> 3 & 0x0f), bytes: &data[..end], payload })
}

/// Reads a little-endian base 128 number, and gives what follows it too; section 4.10.5. Values are below 2^32.
fn leb128(data: &[u8]) -> Result<(u32, &[u8]), Malformed> {
    let mut value = 0_u64;
    for (index, &byte) in data.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let value = u32::try_from(value).map_err(|_| Malformed::Invalid("a size of 4 GiB or more"))?;
            return Ok((value, &data[index + 1..]));
        }
    }
    if data.len() < 8 { Err(Malformed::Truncated("a size")) } else { Err(Malformed::Invalid("a size of over 8 bytes")) }
}

/// Writes a little-endian base 128 number in as few bytes as it needs.
pub(super) fn append_leb128(mut value: usize, data: &mut Vec<u8>) {
    while value >= 0x80 {
        data.push(value as u8 | 0x80);
        value >>= 7;
    }
    data.push(value as u8);
}

/// Finds the first sequence header OBU of a packet; key frames have one.
///
/// # Errors
/// [`Malformed`] when the packet is not a run of OBUs up to there.
pub fn sequence_header_of(packet: &[u8]) -> Result<Option<Obu<'_>>, Malformed> {
    obus(packet).find(|obu| obu.map_or(true, |obu| obu.kind == ObuKind::SequenceHeader)).transpose()
}

/// Removes the temporal delimiters from a packet, as MP4 wants it.
///
/// # Errors
/// [`Malformed`] when the packet is not a run of OBUs; it is left as it was.
pub fn strip_temporal_delimiters(packet: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut delimiters = Vec::new();
    let mut start = 0;
    for obu in obus(packet) {
        let obu = obu?;
        let end = start + obu.bytes.len();
        if obu.kind == ObuKind::TemporalDelimiter {
            delimiters.push(start..end);
        }
        start = end;
    }
    for range in delimiters.into_iter().rev() {
        packet.drain(range);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DELIMITER: [u8; 2] = [0x12, 0x00];
    const PADDING: [u8; 5] = [0x7a, 0x03, 1, 2, 0x80];
    /// A reserved type with extension byte, its size written in two bytes where one would do.
    const EXTENDED: [u8; 6] = [0x4e, 0x20, 0x82, 0x00, 9, 9];
    const WITHOUT_SIZE: [u8; 3] = [0x30, 7, 7];

    #[test]
    fn obus_are_split_with_and_without_size_and_extension() {
        let data = [&DELIMITER[..], &PADDING, &EXTENDED, &WITHOUT_SIZE].concat();
        let split: Result<Vec<_>, _> = obus(&data).collect();
        let expected = vec![
            Obu { kind: ObuKind::TemporalDelimiter, bytes: &DELIMITER, payload: &[] },
            Obu { kind: ObuKind::Padding, bytes: &PADDING, payload: &[1, 2, 0x80] },
            Obu { kind: ObuKind::Reserved(9), bytes: &EXTENDED, payload: &[9, 9] },
            Obu { kind: ObuKind::Frame, bytes: &WITHOUT_SIZE, payload: &[7, 7] },
        ];
        assert_eq!(split.unwrap(), expected);
    }

    #[test]
    fn the_first_fault_is_the_last_item() {
        let faults: [(&[u8], Malformed); 6] = [
            (&[0x32], Malformed::Truncated("a size")),
            (&[0x32, 0x80], Malformed::Truncated("a size")),
            (&[0x32, 2, 0], Malformed::Truncated("an OBU")),
            (&[0x36], Malformed::Truncated("an OBU")),
            (&[0x92, 0], Malformed::Invalid("an OBU whose forbidden bit is set")),
            (&[0x32, 0xff, 0xff, 0xff, 0xff, 0x7f], Malformed::Invalid("a size of 4 GiB or more")),
        ];
        for (fault, error) in faults {
            let data = [&DELIMITER[..], fault].concat();
            let mut split = obus(&data);
            assert!(split.next().unwrap().is_ok());
            assert_eq!(split.next(), Some(Err(error)));
            assert_eq!(split.next(), None);
        }
        assert_eq!(leb128(&[0xff; 9]), Err(Malformed::Invalid("a size of over 8 bytes")));
    }

    #[test]
    fn payloads_are_replaced_in_obus_of_any_form() {
        let replaced = |obu: &[u8], payload: &[u8]| {
            let mut data = vec![9];
            obus(obu).next().unwrap().unwrap().append_with_payload(payload, &mut data);
            data
        };
        assert_eq!(replaced(&PADDING, &[5]), [9, 0x7a, 1, 5]);
        assert_eq!(replaced(&EXTENDED, &[]), [9, 0x4e, 0x20, 0]);
        assert_eq!(replaced(&WITHOUT_SIZE, &[1, 2, 3]), [9, 0x30, 1, 2, 3]);
        for size in [127, 128, 16383, 16384] {
            let data = replaced(&PADDING, &vec![1; size]);
            assert_eq!(obus(&data[1..]).next().unwrap().unwrap().payload.len(), size);
        }
        let lowest = |obu: &[u8]| obus(obu).next().unwrap().unwrap().is_of_lowest_layer();
        assert!(lowest(&PADDING) && lowest(&[0x36, 0x07, 0]));
        assert!(!lowest(&EXTENDED) && !lowest(&[0x36, 0x08, 0]));
    }

    #[test]
    fn delimiters_are_stripped_wherever_they_are() {
        let mut packet = [&DELIMITER[..], &PADDING, &DELIMITER, &DELIMITER, &EXTENDED, &DELIMITER].concat();
        strip_temporal_delimiters(&mut packet).unwrap();
        assert_eq!(packet, [&PADDING[..], &EXTENDED].concat());

        let mut damaged = [&DELIMITER[..], &[0x32, 9]].concat();
        assert!(strip_temporal_delimiters(&mut damaged).is_err());
        assert_eq!(damaged, [0x12, 0x00, 0x32, 9]);
    }

    proptest! {
        #[test]
        fn any_bytes_split_into_obus_without_gaps(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut end = 0;
            for obu in obus(&data).map_while(Result::ok) {
                prop_assert_eq!(&data[end..end + obu.bytes.len()], obu.bytes);
                prop_assert!(obu.bytes.ends_with(obu.payload));
                end += obu.bytes.len();
            }
            let whole = obus(&data).all(|obu| obu.is_ok());
            prop_assert_eq!(end == data.len(), whole);
        }
    }
}
