//! Metadata OBUs of high dynamic range; sections 5.8 and 6.7.

use super::obu::{Malformed, ObuKind, append_leb128, obus};
use crate::colour::{ContentLight, HdrMetadata, MasteringDisplay};
use crate::geometry::Rational;

/// `metadata_type` of content light level.
const CONTENT_LIGHT: u8 = 1;
/// `metadata_type` of mastering display colour volume.
const MASTERING_DISPLAY: u8 = 2;
/// `metadata_type` of messages of ITU-T T.35, and the country code of the United States of America.
const ITU_T_T35: u8 = 4;
const UNITED_STATES: u8 = 0xb5;

/// Inserts `hdr` behind the sequence header of a key frame's packet, each part unless the packet has one of its kind. A
/// packet without sequence header is left as it is.
///
/// # Errors
/// [`Malformed`] when the packet is not a run of OBUs; it is left as it was.
pub fn insert_hdr_metadata(packet: &mut Vec<u8>, hdr: &HdrMetadata) -> Result<(), Malformed> {
    let mut missing = *hdr;
    let (mut end, mut place) = (0, None);
    for obu in obus(packet) {
        let obu = obu?;
        end += obu.bytes.len();
        match (obu.kind, obu.payload.first()) {
            (ObuKind::SequenceHeader, _) => place = place.or(Some(end)),
            (ObuKind::Metadata, Some(&MASTERING_DISPLAY)) => missing.mastering = None,
            (ObuKind::Metadata, Some(&CONTENT_LIGHT)) => missing.light = None,
            _ => {}
        }
    }
    if let Some(place) = place {
        packet.splice(place..place, metadata_obus(&missing));
    }
    Ok(())
}

/// Inserts a message of ITU-T T.35 of the United States, such as HDR10+ is, given from behind the country code on: behind the
/// temporal delimiter and the sequence header, and so before the first frame.
///
/// # Errors
/// [`Malformed`] when the packet is not a run of OBUs up to there; it is left as it was.
pub fn insert_itu_t_t35(packet: &mut Vec<u8>, message: &[u8]) -> Result<(), Malformed> {
    let mut place = 0;
    for obu in obus(packet) {
        let obu = obu?;
        if !matches!(obu.kind, ObuKind::TemporalDelimiter | ObuKind::SequenceHeader) {
            break;
        }
        place += obu.bytes.len();
    }
    packet.splice(place..place, obu(ITU_T_T35, &[&[UNITED_STATES], message].concat()));
    Ok(())
}

fn metadata_obus(hdr: &HdrMetadata) -> Vec<u8> {
    let light = hdr.light.map(|light| obu(CONTENT_LIGHT, &content_light(light)));
    let mastering = hdr.mastering.map(|display| obu(MASTERING_DISPLAY, &mastering_display(display)));
    light.into_iter().chain(mastering).flatten().collect()
}

/// Makes a metadata OBU: header with size, type, payload, trailing bits.
fn obu(kind: u8, payload: &[u8]) -> Vec<u8> {
    const METADATA_WITH_SIZE: u8 = 5 << 3 | 1 << 1;
    let mut obu = vec![METADATA_WITH_SIZE];
    append_leb128(payload.len() + 2, &mut obu);
    obu.push(kind);
    obu.extend_from_slice(payload);
    obu.push(0x80);
    obu
}

/// Makes the payload of `metadata_hdr_cll`, in cd/m2.
fn content_light(light: ContentLight) -> Vec<u8> {
    [light.max_cll, light.max_fall].map(u16::to_be_bytes).concat()
}

/// Makes the payload of `metadata_hdr_mdcv`: chromaticities in 2^-16, luminances in 2^-8 and 2^-14 cd/m2.
fn mastering_display(display: MasteringDisplay) -> Vec<u8> {
    let [red, green, blue] = display.primaries;
    let points = [red, green, blue, display.white].map(|(x, y)| [chromaticity(x), chromaticity(y)]);
    let luminances = [fixed_point(display.max_luminance, 8), fixed_point(display.min_luminance, 14)];
    let points = points.as_flattened().iter().flat_map(|value| value.to_be_bytes());
    points.chain(luminances.into_iter().flat_map(u32::to_be_bytes)).collect()
}

fn chromaticity(value: Rational) -> u16 {
    u16::try_from(fixed_point(value, 16)).unwrap_or(u16::MAX)
}

/// Converts `value` to units of 2^-`fraction_bits`, rounded to the nearest and held to what fits.
fn fixed_point(value: Rational, fraction_bits: u32) -> u32 {
    let (num, den) = (i128::from(value.num), i128::from(value.den));
    let rounded = ((num << (fraction_bits + 1)) + den).div_euclid(2 * den);
    u32::try_from(rounded.max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: [u8; 3] = [0x0a, 0x01, 0x00];
    const FRAME: [u8; 3] = [0x32, 0x01, 0x10];
    const LIGHT: [u8; 8] = [0x2a, 0x06, 0x01, 0x04, 0xd2, 0x02, 0x37, 0x80];

    fn hdr() -> HdrMetadata {
        let point = |x, y| (Rational::new(x, 50_000), Rational::new(y, 50_000));
        let mastering = MasteringDisplay {
            primaries: [point(34_000, 16_000), point(13_250, 34_500), point(7_500, 3_000)],
            white: point(15_635, 16_450),
            min_luminance: Rational::new(1, 200),
            max_luminance: Rational::new(4000, 1),
        };
        HdrMetadata { mastering: Some(mastering), light: Some(ContentLight { max_cll: 1234, max_fall: 567 }) }
    }

    #[test]
    fn both_kinds_come_behind_the_sequence_header() {
        let mut packet = [HEADER, FRAME].concat();
        insert_hdr_metadata(&mut packet, &hdr()).unwrap();
        let words = [44564, 20972, 17367, 45220, 9830, 3932, 20493, 21561, 15, 40960, 0, 82_u16];
        let mastering = [&[0x2a, 26, 2], words.map(u16::to_be_bytes).as_flattened(), &[0x80]].concat();
        assert_eq!(packet, [&HEADER[..], &LIGHT, &mastering, &FRAME].concat());
    }

    #[test]
    fn what_is_there_stays_and_nothing_is_said_twice() {
        let mut packet = [&HEADER[..], &[0x2a, 0x06, 0x01, 0, 9, 0, 9, 0x80], &FRAME].concat();
        let before = packet.clone();
        insert_hdr_metadata(&mut packet, &HdrMetadata { mastering: None, ..hdr() }).unwrap();
        assert_eq!(packet, before);
        insert_hdr_metadata(&mut packet, &hdr()).unwrap();
        assert_eq!(packet.len(), before.len() + 28);
    }

    #[test]
    fn packets_without_sequence_header_or_of_other_bytes_are_left_alone() {
        let mut packet = FRAME.to_vec();
        insert_hdr_metadata(&mut packet, &hdr()).unwrap();
        assert_eq!(packet, FRAME);
        let mut damaged = [&HEADER[..], &[0x32, 9]].concat();
        assert!(insert_hdr_metadata(&mut damaged, &hdr()).is_err());
        assert_eq!(damaged, [&HEADER[..], &[0x32, 9]].concat());
    }

    #[test]
    fn metadata_is_rounded_to_its_units() {
        // BT.2020 red as HEVC stores it, in 1/50000, and as AV1 does.
        assert_eq!(chromaticity(Rational::new(35400, 50000)), 46399);
        assert_eq!(chromaticity(Rational::new(3, 1)), u16::MAX);
        assert_eq!(fixed_point(Rational::new(1000, 1), 8), 256_000);
        assert_eq!(fixed_point(Rational::new(50, 10000), 14), 82);
        assert_eq!(fixed_point(Rational::new(-1, 2), 14), 0);
        assert_eq!(fixed_point(Rational::new(i64::MAX, 1), 14), u32::MAX);
    }
}
