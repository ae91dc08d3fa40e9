//! Telling packets that the muxer must look into from damaged ones, which would make it give up.

/// A check of one packet.
pub(super) type Check = fn(&[u8]) -> bool;

/// AAC with a header of its own on every packet (ISO/IEC 13818-7, 6.2), which the muxer takes off.
pub(super) fn adts(packet: &[u8]) -> bool {
    let [0xff, b1, b2, b3, b4, b5, b6, body @ ..] = packet else { return false };
    let checksummed = b1 & 1 == 0;
    let body = if checksummed { body.get(2..).unwrap_or_default() } else { body };
    let length = usize::from(b3 & 3) << 11 | usize::from(*b4) << 3 | usize::from(b5 >> 5);
    let channels_in_body = b2 & 1 == 0 && b3 >> 6 == 0;
    // The sampling rate is one of thirteen, and channels that are not in the header come first in the body.
    b1 >> 4 == 0xf
        && b2 >> 2 & 0xf < 13
        && length == packet.len()
        && body.first().is_some_and(|first| !channels_in_body || first >> 5 == 5)
        && (!checksummed || b6 & 3 == 0)
}

/// AAC without such headers.
pub(super) fn raw_aac(packet: &[u8]) -> bool {
    !matches!(packet, [0xff, second, ..] if second >> 4 == 0xf)
}

/// AC-3 of bitstream version 8 or below (ETSI TS 102 366, 4.4.1 and 4.4.2).
pub(super) fn ac3(packet: &[u8]) -> bool {
    matches!(packet, [0x0b, 0x77, _, _, rate_and_size, version, ..]
        if rate_and_size >> 6 != 3 && rate_and_size & 0x3f <= 37 && version >> 3 <= 8)
}

/// E-AC-3 as MP4 has it: six blocks of one independent substream, and any dependent ones (ETSI TS 102 366, E.1.3.1).
pub(super) fn eac3(packet: &[u8]) -> bool {
    let mut rest = packet;
    let mut kind = 0;
    while !rest.is_empty() {
        let [0x0b, 0x77, b2, b3, b4, b5, ..] = rest else { return false };
        let length = 2 * (usize::from(b2 & 7) << 8 | usize::from(*b3)) + 2;
        let six_blocks = if b4 >> 6 == 3 { b4 >> 4 & 3 != 3 } else { b4 >> 4 & 3 == 3 };
        let only_independent = kind == 1 || b2 >> 3 & 7 == 0;
        let sound = b2 >> 6 == kind && only_independent && six_blocks && (11..=16).contains(&(b5 >> 3));
        match rest.get(length..) {
            Some(next) if sound && length > 6 => rest = next,
            _ => return false,
        }
        kind = 1;
    }
    kind == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 48 kHz, stereo, without checksum, 12 bytes.
    const ADTS: [u8; 12] = [0xff, 0xf1, 0x4c, 0x80, 0x01, 0x9f, 0xfc, 0x21, 1, 2, 3, 4];
    /// 48 kHz, 192 kb/s, bitstream version 8.
    const AC3: [u8; 8] = [0x0b, 0x77, 0, 0, 0x14, 0x40, 0x2f, 0x84];
    /// Independent, 8 bytes, 48 kHz, six blocks, bitstream version 16.
    const EAC3: [u8; 8] = [0x0b, 0x77, 0x00, 0x03, 0x34, 0x86, 1, 2];

    fn with(packet: &[u8], at: usize, byte: u8) -> Vec<u8> {
        let mut changed = packet.to_vec();
        changed[at] = byte;
        changed
    }

    #[test]
    fn aac_headers_must_fit_their_packets() {
        assert!(adts(&ADTS) && !raw_aac(&ADTS));
        assert!(!adts(&[0x21, 1, 2, 3, 4, 5, 6, 7]) && raw_aac(&[0x21, 1]));
        assert!(!adts(&ADTS[..11]));
        // Sync word, reserved sampling rate, length, channels in the body but not first.
        for (at, byte) in [(0, 0xfe), (1, 0xe1), (2, 0x74), (5, 0xbf), (3, 0x00)] {
            assert!(!adts(&with(&ADTS, at, byte)), "byte {at}");
        }
        assert!(adts(&with(&with(&ADTS, 3, 0x00), 7, 0xa0)));
        // A checksum, with one block and with two.
        assert!(adts(&with(&ADTS, 1, 0xf0)));
        assert!(!adts(&with(&with(&ADTS, 1, 0xf0), 6, 0xfd)));
    }

    #[test]
    fn ac3_headers_must_be_sound() {
        assert!(ac3(&AC3));
        for (at, byte) in [(1, 0x78), (4, 0xd4), (4, 0x26), (5, 0x48)] {
            assert!(!ac3(&with(&AC3, at, byte)), "byte {at}");
        }
        assert!(!ac3(&AC3[..4]));
    }

    #[test]
    fn eac3_must_be_one_independent_substream_of_six_blocks_and_its_dependents() {
        let dependent = with(&EAC3, 2, 0x40);
        assert!(eac3(&EAC3));
        assert!(eac3(&[&EAC3[..], &dependent].concat()));
        assert!(!eac3(&dependent) && !eac3(&[&EAC3[..], &EAC3].concat()) && !eac3(&[]));
        for (at, byte) in [(0, 0), (2, 0x08), (3, 0x04), (4, 0x24), (5, 0x40), (5, 0x88)] {
            assert!(!eac3(&with(&EAC3, at, byte)), "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_them_panic(data in proptest::collection::vec(any::<u8>(), 0..40)) {
            let sync = [&[0x0b, 0x77][..], &data].concat();
            _ = (adts(&data), raw_aac(&data), ac3(&data), eac3(&data), ac3(&sync), eac3(&sync));
        }
    }
}
