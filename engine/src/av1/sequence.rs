//! The sequence header.

use super::obu::Malformed;
use crate::frame::{Depth, Subsampling};
use crate::geometry::Size;

/// A sequence header, which a decoder needs before the first frame; section 5.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequenceHeader {
    /// `seq_profile`: 0 Main, 1 High, 2 Professional.
    pub profile: u8,
    /// The stream is a single picture.
    pub still_picture: bool,
    /// The header is of the short kind for still pictures.
    pub reduced_still_picture_header: bool,
    /// When frames are shown, for streams that say so themselves.
    pub timing: Option<Timing>,
    /// `seq_level_idx` of the first operating point; see [`level_for`](crate::av1::level_for).
    pub level: u8,
    /// `seq_tier` of the first operating point: High rather than Main.
    pub high_tier: bool,
    /// Number of operating points, 1 to 32.
    pub operating_points: u8,
    /// The largest frame, 1 to 65536 on a side.
    pub max_frame_size: Size,
    /// Bits of the samples.
    pub depth: Depth,
    /// There is luma alone.
    pub monochrome: bool,
    /// Chroma resolution; 4:2:0 for monochrome.
    pub subsampling: Subsampling,
    /// Colour primaries, H.273 table 2; 2 when the stream says nothing.
    pub primaries: u8,
    /// Transfer characteristics, H.273 table 3; 2 when the stream says nothing.
    pub transfer: u8,
    /// Matrix coefficients, H.273 table 4; 2 when the stream says nothing.
    pub matrix: u8,
    /// Full range.
    pub full_range: bool,
    /// 0 unknown, 1 vertical (left), 2 colocated (top-left); section 6.4.2.
    pub chroma_sample_position: u8,
    /// Frames may carry film grain parameters.
    pub film_grain: bool,
}

/// `timing_info`, section 5.5.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Units of `time_scale` in a tick.
    pub units_in_tick: u32,
    /// Units in a second.
    pub time_scale: u32,
    /// Ticks between two pictures, where it is constant.
    pub ticks_per_picture: Option<u64>,
}

impl SequenceHeader {
    /// Parses the payload of a sequence header OBU; section 5.5.1.
    ///
    /// # Errors
    /// [`Malformed`] when it ends too early or has a value that the specification reserves.
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let mut bits = Bits { data: payload, position: 0 };
        let profile = bits.byte(3)?;
        if profile > 2 {
            return Err(Malformed::Invalid("a reserved profile"));
        }
        let still_picture = bits.flag()?;
        let reduced = bits.flag()?;
        let points = if reduced {
            OperatingPoints { timing: None, count: 1, level: bits.byte(5)?, high_tier: false }
        } else {
            OperatingPoints::parse(&mut bits)?
        };
        let (width_bits, height_bits) = (bits.read(4)? + 1, bits.read(4)? + 1);
        let max_frame_size = Size { width: bits.read(width_bits)? + 1, height: bits.read(height_bits)? + 1 };
        skip_tools(&mut bits, reduced)?;
        let colour = ColourConfig::parse(&mut bits, profile)?;
        Ok(Self {
            profile,
            still_picture,
            reduced_still_picture_header: reduced,
            timing: points.timing,
            level: points.level,
            high_tier: points.high_tier,
            operating_points: points.count,
            max_frame_size,
            depth: colour.depth,
            monochrome: colour.monochrome,
            subsampling: colour.subsampling,
            primaries: colour.primaries,
            transfer: colour.transfer,
            matrix: colour.matrix,
            full_range: colour.full_range,
            chroma_sample_position: colour.chroma_sample_position,
            film_grain: bits.flag()?,
        })
    }

    /// Formats the `codecs` parameter, for instance `av01.0.08M.08`: profile, level in two digits, tier, bits; AV1 in
    /// ISOBMFF, section 5, short form.
    pub fn codec_string(&self) -> String {
        let tier = if self.high_tier { 'H' } else { 'M' };
        format!("av01.{}.{:02}{tier}.{:02}", self.profile, self.level, self.depth.bits())
    }
}

struct OperatingPoints {
    timing: Option<Timing>,
    count: u8,
    level: u8,
    high_tier: bool,
}

impl OperatingPoints {
    /// Reads from `timing_info_present_flag` to the last operating point; level and tier are those of the first.
    fn parse(bits: &mut Bits<'_>) -> Result<Self, Malformed> {
        let timing = bits.optional(Timing::parse)?;
        let decoder_model = timing.is_some() && bits.flag()?;
        let buffer_delay_bits = if decoder_model {
            let length = bits.read(5)? + 1;
            bits.skip(32 + 5 + 5)?;
            length
        } else {
            0
        };
        let display_delay = bits.flag()?;
        let count = bits.byte(5)? + 1;
        let mut first = None;
        for _ in 0..count {
            bits.skip(12)?;
            let level = bits.byte(5)?;
            let high_tier = level > 7 && bits.flag()?;
            if decoder_model && bits.flag()? {
                bits.skip(2 * buffer_delay_bits + 1)?;
            }
            if display_delay && bits.flag()? {
                bits.skip(4)?;
            }
            first.get_or_insert((level, high_tier));
        }
        let (level, high_tier) = first.ok_or(Malformed::Invalid("no operating point"))?;
        Ok(Self { timing, count, level, high_tier })
    }
}

impl Timing {
    fn parse(bits: &mut Bits<'_>) -> Result<Self, Malformed> {
        let (units_in_tick, time_scale) = (bits.read(32)?, bits.read(32)?);
        let ticks_per_picture = bits.optional(|bits| Ok(u64::from(bits.uvlc()?) + 1))?;
        Ok(Self { units_in_tick, time_scale, ticks_per_picture })
    }
}

/// Skips from `frame_id_numbers_present_flag` to `enable_restoration`: coding tools, which nobody here needs.
fn skip_tools(bits: &mut Bits<'_>, reduced: bool) -> Result<(), Malformed> {
    if !reduced && bits.flag()? {
        bits.skip(4 + 3)?;
    }
    bits.skip(3)?;
    if !reduced {
        bits.skip(4)?;
        let order_hint = bits.flag()?;
        if order_hint {
            bits.skip(2)?;
        }
        let choose_screen_content_tools = bits.flag()?;
        if (choose_screen_content_tools || bits.flag()?) && !bits.flag()? {
            bits.skip(1)?;
        }
        if order_hint {
            bits.skip(3)?;
        }
    }
    bits.skip(3)
}

struct ColourConfig {
    depth: Depth,
    monochrome: bool,
    subsampling: Subsampling,
    primaries: u8,
    transfer: u8,
    matrix: u8,
    full_range: bool,
    chroma_sample_position: u8,
}

impl ColourConfig {
    /// Reads `color_config`; section 5.5.2.
    fn parse(bits: &mut Bits<'_>, profile: u8) -> Result<Self, Malformed> {
        const SRGB_IDENTITY: (u8, u8, u8) = (1, 13, 0);
        let depth = match bits.flag()? {
            false => Depth::Eight,
            true if profile == 2 && bits.flag()? => Depth::Twelve,
            true => Depth::Ten,
        };
        let monochrome = profile != 1 && bits.flag()?;
        let described = bits.optional(|bits| Ok((bits.byte(8)?, bits.byte(8)?, bits.byte(8)?)))?;
        let (primaries, transfer, matrix) = described.unwrap_or((2, 2, 2));
        let rgb = !monochrome && described == Some(SRGB_IDENTITY);
        let full_range = rgb || bits.flag()?;
        let subsampling = if monochrome {
            Subsampling::CS420
        } else if rgb || profile == 1 {
            Subsampling::CS444
        } else if profile == 0 {
            Subsampling::CS420
        } else if depth == Depth::Twelve && !bits.flag()? {
            Subsampling::CS444
        } else if depth == Depth::Twelve && bits.flag()? {
            Subsampling::CS420
        } else {
            Subsampling::CS422
        };
        let sited = !monochrome && subsampling == Subsampling::CS420;
        let chroma_sample_position = if sited { bits.byte(2)? } else { 0 };
        if !monochrome {
            bits.skip(1)?;
        }
        Ok(Self { depth, monochrome, subsampling, primaries, transfer, matrix, full_range, chroma_sample_position })
    }
}

/// Reads bits, most significant first.
struct Bits<'a> {
    data: &'a [u8],
    position: usize,
}

impl Bits<'_> {
    const TRUNCATED: Malformed = Malformed::Truncated("a sequence header");

    fn flag(&mut self) -> Result<bool, Malformed> {
        let byte = self.data.get(self.position / 8).ok_or(Self::TRUNCATED)?;
        let bit = byte >> (7 - self.position % 8) & 1;
        self.position += 1;
        Ok(bit == 1)
    }

    /// Reads up to 32 bits.
    fn read(&mut self, count: u32) -> Result<u32, Malformed> {
        (0..count).try_fold(0, |value, _| Ok(value << 1 | u32::from(self.flag()?)))
    }

    /// Reads up to 8 bits.
    fn byte(&mut self, count: u32) -> Result<u8, Malformed> {
        (0..count).try_fold(0, |value, _| Ok(value << 1 | u8::from(self.flag()?)))
    }

    fn skip(&mut self, count: u32) -> Result<(), Malformed> {
        self.position += count as usize;
        if self.position > self.data.len() * 8 { Err(Self::TRUNCATED) } else { Ok(()) }
    }

    /// Reads a flag, and behind it, if it is set, what `parse` reads.
    fn optional<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, Malformed>) -> Result<Option<T>, Malformed> {
        if self.flag()? { parse(self).map(Some) } else { Ok(None) }
    }

    /// Reads a `uvlc`; section 4.10.3.
    fn uvlc(&mut self) -> Result<u32, Malformed> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
        }
        if zeros >= 32 { Ok(u32::MAX) } else { Ok(self.read(zeros)? + ((1 << zeros) - 1)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Packs bits given as text, spaces ignored, and closes them by trailing bits.
    fn packed(text: &str) -> Vec<u8> {
        let mut bits: Vec<u8> = text.bytes().filter(|&byte| byte != b' ').map(|byte| byte - b'0').collect();
        bits.push(1);
        bits.resize(bits.len().next_multiple_of(8), 0);
        bits.chunks(8).map(|byte| byte.iter().fold(0, |value, bit| value << 1 | bit)).collect()
    }

    /// Parts that no common encoder writes: decoder model, display delays, two operating points, frame ids, 4:2:2 at 12
    /// bit.
    const RARE: &str = concat!(
        "010 0 0",                                               // profile 2
        " 1 00000000000000000000001111101001",                   // timing: 1001 units in a tick
        " 00000000000000000111010100110000 1 00100",             // of 30000 a second, 4 ticks a picture
        " 1 00011 00000000000000000000000000000001 00100 00101", // decoder model: delays of 4 bits
        " 1 00001",                                              // display delays, two operating points
        " 000100000011 01000 1 1 0001 0010 1 1 0111",            // level 8, High tier, delays
        " 000100000001 00100 0 0",                               // level 4
        " 0111 1000 01101000 010110100",                         // 105 x 181
        " 1 0001 010",                                           // frame ids
        " 0 1 1 0 0 0 0 1 11 0 1 0 1 010",                       // tools, integer motion vectors forced
        " 0 1 0",                                                // no superres, cdef, no restoration
        " 1 1 0 1 00001001 00010000 00001001 1",                 // 12 bit, BT.2020 PQ, full range
        " 1 0 1",                                                // 4:2:2, chroma quantiser apart
        " 1",                                                    // film grain
    );

    #[test]
    fn rare_fields_are_read_and_skipped() {
        let header = SequenceHeader::parse(&packed(RARE)).unwrap();
        let expected = SequenceHeader {
            profile: 2,
            still_picture: false,
            reduced_still_picture_header: false,
            timing: Some(Timing { units_in_tick: 1001, time_scale: 30000, ticks_per_picture: Some(4) }),
            level: 8,
            high_tier: true,
            operating_points: 2,
            max_frame_size: Size { width: 105, height: 181 },
            depth: Depth::Twelve,
            monochrome: false,
            subsampling: Subsampling::CS422,
            primaries: 9,
            transfer: 16,
            matrix: 9,
            full_range: true,
            chroma_sample_position: 0,
            film_grain: true,
        };
        assert_eq!(header, expected);
        assert_eq!(header.codec_string(), "av01.2.08H.12");
    }

    #[test]
    fn a_header_cut_anywhere_is_truncated() {
        let whole = packed(RARE);
        for length in 0..whole.len() {
            assert_eq!(SequenceHeader::parse(&whole[..length]), Err(Bits::TRUNCATED), "{length} bytes");
        }
    }

    #[test]
    fn reserved_profiles_are_refused() {
        let reserved = Err(Malformed::Invalid("a reserved profile"));
        assert_eq!(SequenceHeader::parse(&packed("011 0 0")), reserved);
        assert_eq!(SequenceHeader::parse(&packed("111 0 0")), reserved);
    }

    #[test]
    fn variable_length_numbers_follow_the_specification() {
        let read = |text: &str| Bits { data: &packed(text), position: 0 }.uvlc();
        assert_eq!(read("1"), Ok(0));
        assert_eq!(read("010"), Ok(1));
        assert_eq!(read("00111"), Ok(6));
        assert_eq!(read(&["0"; 31].concat()).err(), Some(Bits::TRUNCATED));
        assert_eq!(read(&format!("{}1{}", "0".repeat(31), "1".repeat(31))), Ok(u32::MAX - 1));
        assert_eq!(read(&format!("{}1", "0".repeat(40))), Ok(u32::MAX));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(data in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(header) = SequenceHeader::parse(&data) {
                prop_assert!(header.profile <= 2 && header.level <= 31);
                prop_assert!((1..=65536).contains(&header.max_frame_size.width));
                prop_assert!((1..=65536).contains(&header.max_frame_size.height));
            }
        }
    }
}
