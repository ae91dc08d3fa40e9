//! The first bits of frame headers: what kind of frame, and whether it is shown.

use super::obu::{Malformed, ObuKind, obus};

/// The first fields of a frame header; section 5.9.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameStart {
    /// A key frame is coded here. False for an earlier frame that is only shown here, whatever its kind.
    pub key: bool,
    /// A frame is shown: this one, or an earlier one.
    pub shown: bool,
}

/// Iterates over the frames of a packet, in the order of coding. `reduced` is
/// [`reduced_still_picture_header`](crate::av1::SequenceHeader::reduced_still_picture_header) of the sequence header
/// that they follow. After the first error nothing more comes.
pub fn frames(packet: &[u8], reduced: bool) -> impl Iterator<Item = Result<FrameStart, Malformed>> {
    obus(packet).filter_map(move |obu| match obu {
        Ok(obu) if matches!(obu.kind, ObuKind::FrameHeader | ObuKind::Frame) => Some(start(obu.payload, reduced)),
        Ok(_) => None,
        Err(malformed) => Some(Err(malformed)),
    })
}

fn start(payload: &[u8], reduced: bool) -> Result<FrameStart, Malformed> {
    if reduced {
        return Ok(FrameStart { key: true, shown: true });
    }
    // show_existing_frame, frame_type in two bits (0 is a key frame), show_frame.
    let first = payload.first().ok_or(Malformed::Truncated("a frame header"))?;
    let existing = first & 0x80 != 0;
    Ok(FrameStart { key: !existing && first & 0x60 == 0, shown: existing || first & 0x10 != 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bits_are_read() {
        let cases =
            [(0x10, true, true), (0x00, true, false), (0x30, false, true), (0x20, false, false), (0x80, false, true)];
        for (byte, key, shown) in cases {
            let packet = [0x12, 0x00, 0x32, 0x01, byte, 0x1a, 0x01, byte];
            let start = Ok(FrameStart { key, shown });
            assert_eq!(frames(&packet, false).collect::<Vec<_>>(), [start, start], "{byte:#x}");
        }
        let still = Ok(FrameStart { key: true, shown: true });
        assert_eq!(frames(&[0x32, 0x01, 0x80], true).collect::<Vec<_>>(), [still]);
    }

    #[test]
    fn a_frame_without_header_is_truncated() {
        assert_eq!(frames(&[0x32, 0x00], false).collect::<Vec<_>>(), [Err(Malformed::Truncated("a frame header"))]);
        assert!(frames(&[0x32, 0x05], false).all(|start| start.is_err()));
    }
}
