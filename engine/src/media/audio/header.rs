//! What the header of a packet says: telling sound that can be copied under the track's description from sound that
//! cannot, and both from what is damaged, which would make the muxer give up.

/// Reads the header of one packet.
pub(super) type Read = fn(&[u8]) -> Header;

/// A packet's header, as far as copying the packet depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// Nothing that makes sense.
    Damaged,
    /// Sound that can be copied beside other packets of the same parameters.
    Plain(Parameters),
    /// Sound that the muxer cannot describe, but a decoder may decode.
    Other,
}

/// Parameters that a decoder must know and a track says once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters {
    /// Samples a second; 0 where packets do not say.
    pub(super) rate: u32,
    /// Which channels there are, as the codec says it.
    channels: u8,
    /// Everything else that matters, as the codec says it.
    kind: u8,
}

impl Header {
    fn plain(rate: u32, channels: u8, kind: u8) -> Self {
        Self::Plain(Parameters { rate, channels, kind })
    }
}

/// Any packet of a codec whose packets say nothing.
pub(super) fn silent(packet: &[u8]) -> Header {
    if packet.is_empty() { Header::Damaged } else { Header::Plain(Parameters::default()) }
}

/// AAC with a header of its own on every packet (ISO/IEC 13818-7, 6.2), which the muxer takes off.
pub(super) fn adts(packet: &[u8]) -> Header {
    const RATES: [u32; 13] =
        [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350];
    let [0xff, b1, b2, b3, b4, b5, b6, ..] = packet else { return Header::Damaged };
    let length = usize::from(b3 & 3) << 11 | usize::from(*b4) << 3 | usize::from(b5 >> 5);
    let (object_type, rate) = (b2 >> 6, RATES.get(usize::from(b2 >> 2 & 0xf)));
    let (channels, more_blocks) = ((b2 & 1) << 2 | b3 >> 6, b6 & 3);
    match rate {
        Some(&rate) if b1 >> 4 == 0xf && (7..=packet.len()).contains(&length) => {
            // A sample of MP4 is one block. Channels that a packet describes itself may change, or be described in the
            // first packet alone, and not all players look for them.
            let one = length == packet.len() && more_blocks == 0;
            if one && channels != 0 { Header::plain(rate, channels, object_type) } else { Header::Other }
        }
        _ => Header::Damaged,
    }
}

/// Tells whether a packet with such a header describes its channels itself (ISO/IEC 13818-7, 8.5). The description
/// holds until the next one.
pub(in crate::media) fn describes_channels(packet: &[u8]) -> bool {
    let [0xff, b1, b2, b3, _, _, _, body @ ..] = packet else { return false };
    let body = if b1 & 1 == 0 { body.get(2..).unwrap_or_default() } else { body };
    b1 >> 4 == 0xf && b2 & 1 == 0 && b3 >> 6 == 0 && body.first().is_some_and(|first| first >> 5 == 5)
}

/// AAC without such headers.
pub(super) fn raw_aac(packet: &[u8]) -> Header {
    match packet {
        [0xff, second, ..] if second >> 4 == 0xf => Header::Damaged,
        _ => silent(packet),
    }
}

/// MPEG audio (ISO/IEC 11172-3, 2.4.1.3; 13818-3, 2.4.2.3).
pub(super) fn mpeg_audio(packet: &[u8]) -> Header {
    let [0xff, b1, b2, b3, ..] = packet else { return Header::Damaged };
    let (version, layer) = (b1 >> 3 & 3, b1 >> 1 & 3);
    let halved = match version {
        0 => 2,
        2 => 1,
        3 => 0,
        _ => return Header::Damaged,
    };
    let rate = [44_100, 48_000, 32_000].get(usize::from(b2 >> 2 & 3));
    match (rate, layer) {
        (Some(&rate), 1..=3) if b1 >> 5 == 7 && b2 >> 4 != 15 => {
            let mono = b3 >> 6 == 3;
            // MP4 has a place for layer III.
            if layer == 1 { Header::plain(rate >> halved, u8::from(mono), version) } else { Header::Other }
        }
        _ => Header::Damaged,
    }
}

/// Sampling rates by the code that AC-3 and E-AC-3 have for them.
const DOLBY_RATES: [u32; 3] = [48_000, 44_100, 32_000];

/// AC-3 (ETSI TS 102 366, 4.4.1 and 4.4.2). The muxer knows bitstream versions up to 8: later ones halve the rate, or are
/// E-AC-3.
pub(super) fn ac3(packet: &[u8]) -> Header {
    let [0x0b, 0x77, _, _, rate_and_size, version, b6, b7, ..] = packet else { return Header::Damaged };
    let (rate, mode) = (DOLBY_RATES.get(usize::from(rate_and_size >> 6)), b6 >> 5);
    // The low-frequency channel's bit comes after levels that only some modes have.
    let centre = mode & 1 != 0 && mode != 1;
    let before = 3 + 2 * [centre, mode & 4 != 0, mode == 2].into_iter().map(u32::from).sum::<u32>();
    let low = (u16::from(*b6) << 8 | u16::from(*b7)) << before >> 15;
    match (rate, version >> 3) {
        (Some(&rate), 0..=8) if rate_and_size & 0x3f <= 37 => Header::plain(rate, mode << 1 | u8::from(low == 1), 0),
        (_, 9..=16) => Header::Other,
        _ => Header::Damaged,
    }
}

/// E-AC-3 (ETSI TS 102 366, E.1.3.1). A sample of MP4 is six blocks of one independent substream, and any dependent ones.
pub(super) fn eac3(packet: &[u8]) -> Header {
    let (mut rest, mut header) = (packet, Header::Damaged);
    while let [0x0b, 0x77, b2, b3, b4, b5, ..] = rest {
        let length = 2 * (usize::from(b2 & 7) << 8 | usize::from(*b3)) + 2;
        let (kind, number, version) = (b2 >> 6, b2 >> 3 & 7, b5 >> 3);
        let (rate, blocks) = match (usize::from(b4 >> 6), b4 >> 4 & 3) {
            (3, half) => (DOLBY_RATES.get(usize::from(half)).map(|rate| rate / 2), 3),
            (rate, blocks) => (DOLBY_RATES.get(rate).copied(), blocks),
        };
        let (Some(rate), Some(next), 7.., 0..=16) = (rate, rest.get(length..), length, version) else {
            return if header == Header::Damaged { header } else { Header::Other };
        };
        header = match (kind, header) {
            (0, Header::Damaged) if number == 0 && blocks == 3 && version > 10 => Header::plain(rate, b4 & 15, 0),
            (1, Header::Plain(first)) if first.rate == rate => {
                Header::Plain(Parameters { kind: first.kind.wrapping_add(1), ..first })
            }
            (1 | 3, Header::Damaged) => return Header::Damaged,
            _ => Header::Other,
        };
        rest = next;
    }
    if rest.is_empty() || header == Header::Damaged { header } else { Header::Other }
}

/// E-AC-3 of one substream: packages say nothing of dependent ones, and players leave their channels out.
pub(super) fn eac3_alone(packet: &[u8]) -> Header {
    match eac3(packet) {
        Header::Plain(parameters) if parameters.kind > 0 => Header::Other,
        header => header,
    }
}

/// FLAC (RFC 9639, 9.1). Where packets do not say their rate it is that of the description.
pub(super) fn flac(packet: &[u8]) -> Header {
    const RATES: [u32; 12] =
        [0, 88_200, 176_400, 192_000, 8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000];
    let [0xff, b1, b2, b3, ..] = packet else { return Header::Damaged };
    let channels = match b3 >> 4 {
        independent @ 0..=7 => independent + 1,
        8..=10 => 2,
        _ => return Header::Damaged,
    };
    let (rate_code, sample_bits) = (b2 & 15, b3 >> 1 & 7);
    if b1 >> 2 != 0x3e || rate_code == 15 {
        return Header::Damaged;
    }
    Header::plain(RATES.get(usize::from(rate_code)).copied().unwrap_or(0), channels, sample_bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 48 kHz, stereo, LC, without checksum, 12 bytes.
    const ADTS: [u8; 12] = [0xff, 0xf1, 0x4c, 0x80, 0x01, 0x9f, 0xfc, 0x21, 1, 2, 3, 4];
    /// MPEG-1, layer III, 128 kb/s, 44.1 kHz, joint stereo.
    const MP3: [u8; 4] = [0xff, 0xfb, 0x90, 0x64];
    /// 48 kHz, 192 kb/s, bitstream version 8, stereo.
    const AC3: [u8; 8] = [0x0b, 0x77, 0, 0, 0x14, 0x40, 0x43, 0x84];
    /// Independent, 8 bytes, 48 kHz, six blocks, stereo, bitstream version 16.
    const EAC3: [u8; 8] = [0x0b, 0x77, 0x00, 0x03, 0x34, 0x86, 1, 2];
    /// 48 kHz, stereo, 16 bits.
    const FLAC: [u8; 5] = [0xff, 0xf8, 0xca, 0x18, 0];

    fn with(packet: &[u8], changes: &[(usize, u8)]) -> Vec<u8> {
        let mut changed = packet.to_vec();
        changes.iter().for_each(|&(at, byte)| changed[at] = byte);
        changed
    }

    fn rate(header: Header) -> Option<u32> {
        if let Header::Plain(parameters) = header { Some(parameters.rate) } else { None }
    }

    #[test]
    fn aac_headers_must_fit_their_packets() {
        assert_eq!((rate(adts(&ADTS)), raw_aac(&ADTS)), (Some(48_000), Header::Damaged));
        assert_eq!((adts(&[0x21, 1, 2, 3, 4, 5, 6, 7]), rate(raw_aac(&[0x21, 1]))), (Header::Damaged, Some(0)));
        assert_eq!(adts(&ADTS[..11]), Header::Damaged);
        // Sync word, reserved sampling rate, length.
        for (at, byte) in [(0, 0xfe), (1, 0xe1), (2, 0x74), (5, 0xbf)] {
            assert_eq!(adts(&with(&ADTS, &[(at, byte)])), Header::Damaged, "byte {at}");
        }
        // A checksum.
        assert_eq!(adts(&with(&ADTS, &[(1, 0xf0)])), adts(&ADTS));
    }

    #[test]
    fn aac_that_describes_its_channels_or_comes_by_several_blocks_is_not_copied() {
        let described = with(&ADTS, &[(3, 0x00), (7, 0xa0)]);
        assert!(adts(&described) == Header::Other && describes_channels(&described));
        let later = with(&described, &[(7, 0x21)]);
        assert!(adts(&later) == Header::Other && !describes_channels(&later) && !describes_channels(&ADTS));
        let checksummed = [&with(&described, &[(1, 0xf0)])[..7], &[9, 9, 0xa0]].concat();
        assert!(describes_channels(&checksummed));
        assert_eq!(adts(&with(&ADTS, &[(6, 0xfd)])), Header::Other);
        assert_eq!(adts(&[&ADTS[..], &ADTS].concat()), Header::Other);
    }

    #[test]
    fn mpeg_audio_headers_must_be_sound() {
        assert_eq!(rate(mpeg_audio(&MP3)), Some(44_100));
        assert_eq!(rate(mpeg_audio(&with(&MP3, &[(1, 0xf3)]))), Some(22_050));
        assert_eq!(rate(mpeg_audio(&with(&MP3, &[(1, 0xe3)]))), Some(11_025));
        for (at, byte) in [(0, 0xfe), (1, 0xcb), (1, 0xeb), (1, 0xf9), (2, 0x9c), (2, 0xf0)] {
            assert_eq!(mpeg_audio(&with(&MP3, &[(at, byte)])), Header::Damaged, "byte {at}");
        }
        assert_eq!(mpeg_audio(&with(&MP3, &[(1, 0xfd)])), Header::Other);
    }

    #[test]
    fn ac3_headers_must_be_sound() {
        assert_eq!(rate(ac3(&AC3)), Some(48_000));
        for (at, byte) in [(1, 0x78), (4, 0xd4), (4, 0x26), (5, 0x88)] {
            assert_eq!(ac3(&with(&AC3, &[(at, byte)])), Header::Damaged, "byte {at}");
        }
        assert_eq!(ac3(&AC3[..4]), Header::Damaged);
        // Half the rate, and E-AC-3.
        assert_eq!([0x48, 0x80].map(|byte| ac3(&with(&AC3, &[(5, byte)]))), [Header::Other; 2]);
    }

    #[test]
    fn eac3_must_be_one_independent_substream_of_six_blocks_and_its_dependents() {
        let dependent = with(&EAC3, &[(2, 0x40)]);
        assert_eq!(rate(eac3(&EAC3)), Some(48_000));
        assert_eq!(rate(eac3(&[&EAC3[..], &dependent].concat())), Some(48_000));
        assert_eq!(eac3_alone(&EAC3), eac3(&EAC3));
        assert_eq!(eac3_alone(&[&EAC3[..], &dependent].concat()), Header::Other);
        assert_eq!([eac3(&dependent), eac3(&[])], [Header::Damaged; 2]);
        for (at, byte) in [(0, 0), (3, 0x04), (4, 0xf4), (5, 0x88)] {
            assert_eq!(eac3(&with(&EAC3, &[(at, byte)])), Header::Damaged, "byte {at}");
        }
        // Another independent substream, fewer blocks, AC-3, and what is no header at all.
        assert_eq!(eac3(&[&EAC3[..], &EAC3].concat()), Header::Other);
        for (at, byte) in [(2, 0x08), (4, 0x24), (5, 0x40)] {
            assert_eq!(eac3(&with(&EAC3, &[(at, byte)])), Header::Other, "byte {at}");
        }
        assert_eq!(eac3(&[&EAC3[..], &[0, 0]].concat()), Header::Other);
    }

    #[test]
    fn flac_headers_must_be_sound() {
        assert_eq!(rate(flac(&FLAC)), Some(48_000));
        for (at, byte) in [(0, 0xfe), (1, 0xf0), (2, 0xcf), (3, 0xb8)] {
            assert_eq!(flac(&with(&FLAC, &[(at, byte)])), Header::Damaged, "byte {at}");
        }
    }

    #[test]
    fn what_a_decoder_must_know_makes_a_difference_and_nothing_else_does() {
        let dependent = with(&EAC3, &[(2, 0x40)]);
        let different = [
            // Rate, channels, object type.
            (
                adts as Read,
                &ADTS[..],
                vec![with(&ADTS, &[(2, 0x50)]), with(&ADTS, &[(3, 0x40)]), with(&ADTS, &[(2, 0x0c)])],
            ),
            (mpeg_audio, &MP3, vec![with(&MP3, &[(2, 0x94)]), with(&MP3, &[(3, 0xc4)]), with(&MP3, &[(1, 0xf3)])]),
            // Rate, mode, low-frequency channel.
            (ac3, &AC3, vec![with(&AC3, &[(4, 0x54)]), with(&AC3, &[(6, 0x23)]), with(&AC3, &[(6, 0x47)])]),
            // Rate, mode, low-frequency channel, a dependent substream.
            (
                eac3,
                &EAC3,
                vec![
                    with(&EAC3, &[(4, 0x74)]),
                    with(&EAC3, &[(4, 0x32)]),
                    with(&EAC3, &[(4, 0x35)]),
                    [&EAC3[..], &dependent].concat(),
                ],
            ),
            // Rate, channels, sample size.
            (flac, &FLAC, vec![with(&FLAC, &[(2, 0xc9)]), with(&FLAC, &[(3, 0x08)]), with(&FLAC, &[(3, 0x1c)])]),
        ];
        for (read, packet, others) in different {
            for other in others {
                let header = read(&other);
                assert!(matches!(header, Header::Plain(_)) && header != read(packet), "{packet:?} {other:?}");
            }
        }
        // What an encoder may change from packet to packet: fullness, padding and bit rate, joint stereo.
        assert_eq!(adts(&with(&ADTS, &[(6, 0x3c)])), adts(&ADTS));
        assert_eq!(mpeg_audio(&with(&MP3, &[(2, 0xb2), (3, 0x44)])), mpeg_audio(&MP3));
        assert_eq!(ac3(&with(&AC3, &[(4, 0x1c), (7, 0)])), ac3(&AC3));
        assert_eq!(eac3(&with(&EAC3, &[(6, 0), (7, 0)])), eac3(&EAC3));
        assert_eq!(flac(&with(&FLAC, &[(2, 0x7a), (3, 0xa8)])), flac(&FLAC));
    }

    proptest! {
        #[test]
        fn no_bytes_make_them_panic(data in proptest::collection::vec(any::<u8>(), 0..40)) {
            let dolby = [&[0x0b, 0x77][..], &data].concat();
            let synced = [&[0xff, 0xf1][..], &data].concat();
            for packet in [&data, &dolby, &synced] {
                for read in [silent as Read, adts, raw_aac, mpeg_audio, ac3, eac3, flac] {
                    read(packet);
                }
                describes_channels(packet);
            }
        }
    }
}
