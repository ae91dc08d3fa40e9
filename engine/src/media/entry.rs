//! Key frames with which decoding can begin, as their own bytes tell.
//!
//! What containers and parsers flag as key is not always enough: H.264 that is refreshed little by little has no frame that
//! brings all of the picture, and is flagged where that begins.

#![expect(unsafe_code, reason = "libav is C")]

use super::dolby;
use super::ffi::AvPacket;
use crate::av1;
use ffmpeg_sys_next as av;

/// Knows the packets of one video stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entries {
    codec: av::AVCodecID,
    /// Bytes of the length before each NAL unit; none where start codes part them.
    length: Option<usize>,
    /// True where each frame is coded by itself.
    intra: bool,
    /// True where no frame is a picture without metadata of Dolby Vision.
    needs_metadata: bool,
}

impl Entries {
    /// For the packets of `stream`.
    pub(super) fn of(stream: &av::AVStream) -> Self {
        // SAFETY: a stream has parameters, which keep `extradata_size` bytes at `extradata`, if any; libav looks a number up.
        let (codec, extradata, properties) = unsafe {
            let parameters = &*stream.codecpar;
            let size = usize::try_from(parameters.extradata_size).unwrap_or(0);
            let extradata = if parameters.extradata.is_null() {
                &[]
            } else {
                std::slice::from_raw_parts(parameters.extradata, size)
            };
            let descriptor = av::avcodec_descriptor_get(parameters.codec_id);
            (parameters.codec_id, extradata, descriptor.as_ref().map_or(0, |descriptor| descriptor.props))
        };
        Self {
            codec,
            length: nal_length(codec, extradata),
            intra: properties & av::AV_CODEC_PROP_INTRA_ONLY != 0,
            needs_metadata: dolby::is_profile_5(stream) == Some(true),
        }
    }

    /// Tells whether the frame of a packet flagged as key, and all that are shown after it, are the same when decoding begins
    /// there as when it began earlier; none where nothing is known of the codec.
    pub(super) fn begins(&self, packet: &AvPacket) -> Option<bool> {
        use av::AVCodecID::{
            AV_CODEC_ID_AV1, AV_CODEC_ID_FFV1, AV_CODEC_ID_H264, AV_CODEC_ID_HEVC, AV_CODEC_ID_MPEG1VIDEO,
            AV_CODEC_ID_MPEG2VIDEO, AV_CODEC_ID_MPEG4, AV_CODEC_ID_VP8, AV_CODEC_ID_VP9,
        };
        let data = packet.data();
        Some(match self.codec {
            AV_CODEC_ID_H264 => h264_begins(self.nal_units(data)),
            AV_CODEC_ID_HEVC => {
                let has_metadata = !self.needs_metadata || has_dolby_metadata(self.nal_units(data));
                has_metadata && hevc_begins(self.nal_units(data))
            }
            AV_CODEC_ID_AV1 => av1_begins(data),
            AV_CODEC_ID_VP9 => vp9_start(data).is_some_and(|(key, shown)| key && shown),
            AV_CODEC_ID_VP8 => data.first().is_some_and(|first| first & 1 == 0),
            AV_CODEC_ID_MPEG1VIDEO | AV_CODEC_ID_MPEG2VIDEO => mpeg_begins(data),
            AV_CODEC_ID_MPEG4 => mpeg4_begins(data),
            // Its key frames bring all of its state.
            AV_CODEC_ID_FFV1 => true,
            _ if self.intra => true,
            _ => return None,
        })
    }

    /// Tells whether a frame is shown by a packet, as far as is known: VP8 and VP9 have frames that are only referred to.
    pub(super) fn shows(&self, packet: &AvPacket) -> bool {
        let data = packet.data();
        match self.codec {
            av::AVCodecID::AV_CODEC_ID_VP8 => data.first().is_none_or(|first| first & 0x10 != 0),
            av::AVCodecID::AV_CODEC_ID_VP9 => {
                // What is not shown is mostly in one packet with what is, behind which a table of all lies.
                let several = data.last().is_some_and(|last| last & 0xe0 == 0xc0);
                several || vp9_start(data).is_none_or(|(_, shown)| shown)
            }
            _ => true,
        }
    }

    fn nal_units<'a>(&self, data: &'a [u8]) -> Box<dyn Iterator<Item = &'a [u8]> + 'a> {
        match self.length {
            Some(length) => Box::new(counted(data, length)),
            None => Box::new(after_start_codes(data)),
        }
    }
}

/// Bytes of the length before each NAL unit, by the description of ISO/IEC 14496-15, sections 5.3.3.1 and 8.3.3.1; none where
/// there is none.
fn nal_length(codec: av::AVCodecID, extradata: &[u8]) -> Option<usize> {
    let at = match codec {
        av::AVCodecID::AV_CODEC_ID_H264 => 4,
        av::AVCodecID::AV_CODEC_ID_HEVC => 21,
        _ => return None,
    };
    // Start codes begin with zeros.
    let counted = extradata.first().is_some_and(|&version| version != 0) || !begins_with_start_code(extradata);
    extradata.get(at).filter(|_| counted).map(|byte| usize::from(byte & 3) + 1)
}

fn begins_with_start_code(data: &[u8]) -> bool {
    data.starts_with(&[0, 0, 1]) || data.starts_with(&[0, 0, 0, 1])
}

/// NAL units that each have their length before them; ends at one that is cut short.
fn counted(mut data: &[u8], length: usize) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (count, rest) = data.split_at_checked(length)?;
        let count = count.iter().fold(0, |count, &byte| count << 8 | usize::from(byte));
        let (unit, rest) = rest.split_at_checked(count)?;
        data = rest;
        Some(unit)
    })
}

/// Splits a byte stream at its start codes, 0, 0, 1: gives the bytes between each and the next.
fn after_start_codes(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = next_start(data);
    std::iter::from_fn(move || {
        let unit = rest?;
        rest = next_start(unit);
        Some(rest.map_or(unit, |rest| &unit[..unit.len() - rest.len() - 3]))
    })
}

fn next_start(data: &[u8]) -> Option<&[u8]> {
    data.windows(3).position(|bytes| bytes == [0, 0, 1]).map(|at| &data[at + 3..])
}

/// An instantaneous refresh; or a recovery point after which all that is shown is exact, from its own frame on (ITU-T H.264,
/// section D.2.8).
fn h264_begins<'a>(units: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut recovers = false;
    for unit in units {
        match unit.first().map(|first| first & 0x1f) {
            Some(5) => return true,
            Some(1 | 2) => return recovers,
            Some(6) => recovers |= has_exact_recovery_point(unit),
            _ => {}
        }
    }
    false
}

/// Tells whether a unit of supplemental information has a recovery point of no frames' distance that is exact.
fn has_exact_recovery_point(unit: &[u8]) -> bool {
    const RECOVERY_POINT: usize = 6;
    let payload = unescaped(unit.get(1..).unwrap_or_default());
    let mut rest = &payload[..];
    let number = |rest: &mut &[u8]| {
        let more = rest.iter().take_while(|&&byte| byte == 0xff).count();
        let last = *rest.get(more)?;
        *rest = &rest[more + 1..];
        Some(255 * more + usize::from(last))
    };
    while let Some((kind, size)) = number(&mut rest).and_then(|kind| Some((kind, number(&mut rest)?))) {
        let Some((message, after)) = rest.split_at_checked(size) else { break };
        // The distance as an Exp-Golomb code, which is a single bit for 0, then whether it is exact.
        if kind == RECOVERY_POINT {
            return message.first().is_some_and(|first| first & 0xc0 == 0xc0);
        }
        rest = after;
    }
    false
}

/// The bytes without those that only keep start codes from appearing: 3 after two zeros.
fn unescaped(data: &[u8]) -> Vec<u8> {
    let mut zeros = 0;
    let mut bytes = Vec::with_capacity(data.len());
    for &byte in data {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        bytes.push(byte);
    }
    bytes
}

/// A random access picture, which nothing that is shown after it refers past (ITU-T H.265, section 7.4.2.2).
fn hevc_begins<'a>(units: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut kinds = units.filter_map(|unit| unit.first()).map(|first| first >> 1 & 0x3f);
    kinds.find(|kind| *kind < 32).is_some_and(|kind| (16..=21).contains(&kind))
}

/// Metadata of Dolby Vision: a NAL unit of type 62.
fn has_dolby_metadata<'a>(mut units: impl Iterator<Item = &'a [u8]>) -> bool {
    units.any(|unit| unit.first().is_some_and(|first| first >> 1 & 0x3f == 62))
}

/// A key frame that is shown, with the sequence header before it.
fn av1_begins(packet: &[u8]) -> bool {
    let Ok(Some(_)) = av1::sequence_header_of(packet) else { return false };
    matches!(av1::frames(packet, false).next(), Some(Ok(start)) if start.key && start.shown)
}

/// Tells from a frame's uncompressed header whether it is a key frame, and whether a frame is shown.
fn vp9_start(data: &[u8]) -> Option<(bool, bool)> {
    let first = *data.first()?;
    // Frame marker, profile in two bits and one more for the last of them; whether an earlier frame is shown; kind; shown.
    let bit = |number: usize| data.get(number / 8).map(|byte| byte >> (7 - number % 8) & 1 == 1);
    let at = if first & 0x30 == 0x30 { 5 } else { 4 };
    if bit(at)? {
        return Some((false, true));
    }
    Some((!bit(at + 1)?, bit(at + 2)?))
}

/// A picture that refers to no other, with the sequence header before it (ISO/IEC 13818-2, section 6.2).
fn mpeg_begins(data: &[u8]) -> bool {
    let mut has_sequence = false;
    for unit in after_start_codes(data) {
        match unit {
            [0xb3, ..] => has_sequence = true,
            [0, _, second, ..] => return has_sequence && second >> 3 & 7 == 1,
            _ => {}
        }
    }
    false
}

/// A plane that refers to no other, alone in its packet (ISO/IEC 14496-2, section 6.2.5).
fn mpeg4_begins(data: &[u8]) -> bool {
    let mut planes = after_start_codes(data).filter(|unit| unit.first() == Some(&0xb6));
    let intra = planes.next().and_then(|plane| plane.get(1)).is_some_and(|second| second >> 6 == 0);
    intra && planes.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_told_apart_by_start_codes_and_by_lengths() {
        let coded = [9, 0, 0, 1, 0x65, 7, 0, 0, 0, 1, 0x41, 0, 0, 1];
        let units: Vec<_> = after_start_codes(&coded).collect();
        assert_eq!(units, [&[0x65, 7, 0][..], &[0x41], &[]]);
        let lengths = [0, 2, 0x65, 7, 0, 1, 0x41, 0, 9, 1];
        assert_eq!(counted(&lengths, 2).collect::<Vec<_>>(), [&[0x65, 7][..], &[0x41]]);
        let h264 = av::AVCodecID::AV_CODEC_ID_H264;
        assert_eq!(nal_length(h264, &[1, 66, 0, 30, 0xff, 0xe1]), Some(4));
        assert_eq!(nal_length(h264, &[0, 0, 0, 1, 0x67, 66]), None);
        assert_eq!(nal_length(h264, &[]), None);
    }

    #[test]
    fn h264_begins_at_refreshes_and_exact_recovery_points() {
        let begins = |units: &[&[u8]]| h264_begins(units.iter().copied());
        assert!(begins(&[&[9, 0x10], &[0x67, 1], &[0x68, 1], &[0x65, 1]]));
        assert!(!begins(&[&[0x41, 1]]));
        assert!(!begins(&[]));
        // x264's: no distance, exact.
        assert!(begins(&[&[6, 6, 1, 0xc4, 0x80], &[0x61, 1]]));
        assert!(!begins(&[&[6, 6, 1, 0x84, 0x80], &[0x61, 1]]), "not exact");
        assert!(!begins(&[&[6, 6, 1, 0x28, 0x80], &[0x61, 1]]), "some frames later");
        // Behind another message, in which a byte is escaped.
        assert!(begins(&[&[6, 1, 4, 0, 0, 3, 1, 9, 6, 1, 0xc4, 0x80], &[0x61, 1]]));
        assert!(!begins(&[&[6, 6, 200, 0xc4], &[0x61, 1]]), "cut short");
    }

    #[test]
    fn hevc_begins_at_random_access_pictures() {
        let begins = |kind: u8| hevc_begins([&[32 << 1, 1][..], &[kind << 1, 1]].into_iter());
        let kinds: Vec<_> = (0..32).filter(|&kind| begins(kind)).collect();
        assert_eq!(kinds, [16, 17, 18, 19, 20, 21]);
    }

    #[test]
    fn mpeg_begins_at_pictures_of_their_own_with_a_sequence_header() {
        let picture = |kind: u8| {
            [&[0, 0, 1, 0xb3, 1, 2, 0, 0, 1, 0xb8, 1, 0, 0, 1, 0, 0xff, 0xc0 | kind << 3][..], &[0; 4]].concat()
        };
        assert!(mpeg_begins(&picture(1)));
        assert!(!mpeg_begins(&picture(2)) && !mpeg_begins(&picture(3)));
        assert!(!mpeg_begins(&picture(1)[7..]), "without sequence header");
        assert!(mpeg4_begins(&[0, 0, 1, 0xb6, 0x10, 0]));
        assert!(!mpeg4_begins(&[0, 0, 1, 0xb6, 0x50, 0]));
        assert!(!mpeg4_begins(&[0, 0, 1, 0xb6, 0x10, 0, 0, 1, 0xb6, 0x90]), "packed with another");
    }

    #[test]
    fn vp9_headers_are_read() {
        // Marker 10, profile 0: existing, kind (0 is key), shown.
        let cases = [
            (0b1000_0010, true, true),
            (0b1000_0000, true, false),
            (0b1000_0110, false, true),
            (0b1000_1000, false, true),
        ];
        for (byte, key, shown) in cases {
            assert_eq!(vp9_start(&[byte, 0]), Some((key, shown)), "{byte:#b}");
        }
        // Profile 3 has a bit more.
        assert_eq!(vp9_start(&[0b1011_0001, 0]), Some((true, true)));
        assert_eq!(vp9_start(&[]), None);
    }
}
