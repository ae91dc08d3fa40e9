//! The sequence header.

use super::bits::Bits;
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
    /// What frame headers depend on besides.
    pub(super) coding: Coding,
}

/// The parts of a sequence header that say what is in frame headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Coding {
    /// Bits of the width and the height that a frame gives for itself.
    pub(super) size_bits: (u32, u32),
    /// Bits of the times of frames.
    pub(super) times: TimeBits,
    pub(super) tools: Tools,
    /// The chroma planes may have quantisers of their own.
    pub(super) separate_chroma_quantisers: bool,
    /// The bit of the sequence header that is [`SequenceHeader::film_grain`].
    pub(super) film_grain_bit: usize,
}

/// Bits of the times in frame headers, for the decoder model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TimeBits {
    /// Of when a frame is shown; 0 where frames do not say so.
    pub(super) presentation: u32,
    /// Of when a frame leaves the decoder's buffer, for all operating points that it is in together, of frames in the
    /// lowest layers. None where frames do not say whether they say so.
    pub(super) removal: Option<u32>,
}

/// Coding tools that frame headers say something of; section 5.5.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tools {
    /// Bits of the difference of two frames' ids, and of an id.
    pub(super) frame_ids: Option<(u32, u32)>,
    /// Superblocks are of 128 pixels rather than of 64.
    pub(super) large_superblocks: bool,
    pub(super) warped_motion: bool,
    /// Bits of an order hint; 0 where there are none.
    pub(super) order_hint_bits: u32,
    pub(super) reference_motion_vectors: bool,
    /// Every frame has them or none has; none where each says so.
    pub(super) screen_content: Option<bool>,
    /// Motion vectors of frames with screen content are integers or not; none where each says so.
    pub(super) integer_motion_vectors: Option<bool>,
    pub(super) super_resolution: bool,
    pub(super) cdef: bool,
    pub(super) restoration: bool,
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
        let mut bits = Bits::new(payload, "a sequence header");
        let profile = bits.byte(3)?;
        if profile > 2 {
            return Err(Malformed::Invalid("a reserved profile"));
        }
        let still_picture = bits.flag()?;
        let reduced = bits.flag()?;
        let points = if reduced {
            let level = bits.byte(5)?;
            OperatingPoints { timing: None, count: 1, level, high_tier: false, times: TimeBits::default() }
        } else {
            OperatingPoints::parse(&mut bits)?
        };
        let size_bits = (bits.read(4)? + 1, bits.read(4)? + 1);
        let max_frame_size = Size { width: bits.read(size_bits.0)? + 1, height: bits.read(size_bits.1)? + 1 };
        let tools = Tools::parse(&mut bits, reduced)?;
        let colour = ColourConfig::parse(&mut bits, profile)?;
        let film_grain_bit = bits.position();
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
            coding: Coding {
                size_bits,
                times: points.times,
                tools,
                separate_chroma_quantisers: colour.separate_quantisers,
                film_grain_bit,
            },
        })
    }

    /// Computes the first four bytes of `av1C` for a stream with this header; AV1 in ISOBMFF, section 2.3.3.
    pub fn configuration(&self) -> [u8; 4] {
        let bits = [
            (self.high_tier, 7),
            (self.depth != Depth::Eight, 6),
            (self.depth == Depth::Twelve, 5),
            (self.monochrome, 4),
            (self.subsampling.x == 2, 3),
            (self.subsampling.y == 2, 2),
        ];
        let flags = bits.iter().map(|&(bit, place)| u8::from(bit) << place).sum::<u8>();
        [0x81, self.profile << 5 | self.level, flags | self.chroma_sample_position, 0]
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
    times: TimeBits,
}

/// `decoder_model_info`, section 5.5.4, as bits of numbers that come later.
struct DecoderModel {
    buffer_delay: u32,
    removal: u32,
    presentation: u32,
}

impl OperatingPoints {
    /// Reads from `timing_info_present_flag` to the last operating point; level and tier are those of the first.
    fn parse(bits: &mut Bits<'_>) -> Result<Self, Malformed> {
        let timing = bits.optional(Timing::parse)?;
        let model = if timing.is_some() { bits.optional(DecoderModel::parse)? } else { None };
        let display_delay = bits.flag()?;
        let count = bits.byte(5)? + 1;
        let mut first = None;
        let mut removal = 0;
        for _ in 0..count {
            let layers = bits.read(12)?;
            let level = bits.byte(5)?;
            let high_tier = level > 7 && bits.flag()?;
            if let Some(model) = &model
                && bits.flag()?
            {
                bits.skip(2 * model.buffer_delay + 1)?;
                // Bit 0 stands for the lowest temporal layer, bit 8 for the lowest spatial one.
                if layers == 0 || layers & 0x101 == 0x101 {
                    removal += model.removal;
                }
            }
            if display_delay && bits.flag()? {
                bits.skip(4)?;
            }
            first.get_or_insert((level, high_tier));
        }
        let (level, high_tier) = first.ok_or(Malformed::Invalid("no operating point"))?;
        let equal_intervals = timing.is_some_and(|timing| timing.ticks_per_picture.is_some());
        let presentation = model.as_ref().filter(|_| !equal_intervals).map_or(0, |model| model.presentation);
        let times = TimeBits { presentation, removal: model.is_some().then_some(removal) };
        Ok(Self { timing, count, level, high_tier, times })
    }
}

impl DecoderModel {
    fn parse(bits: &mut Bits<'_>) -> Result<Self, Malformed> {
        let buffer_delay = bits.read(5)? + 1;
        bits.skip(32)?;
        Ok(Self { buffer_delay, removal: bits.read(5)? + 1, presentation: bits.read(5)? + 1 })
    }
}

impl Timing {
    fn parse(bits: &mut Bits<'_>) -> Result<Self, Malformed> {
        let (units_in_tick, time_scale) = (bits.read(32)?, bits.read(32)?);
        let ticks_per_picture = bits.optional(|bits| Ok(u64::from(bits.uvlc()?) + 1))?;
        Ok(Self { units_in_tick, time_scale, ticks_per_picture })
    }
}

impl Tools {
    /// Reads from `frame_id_numbers_present_flag` to `enable_restoration`.
    fn parse(bits: &mut Bits<'_>, reduced: bool) -> Result<Self, Malformed> {
        let mut tools = Self::default();
        if !reduced && bits.flag()? {
            let difference = bits.read(4)? + 2;
            tools.frame_ids = Some((difference, difference + bits.read(3)? + 1));
        }
        tools.large_superblocks = bits.flag()?;
        bits.skip(2)?;
        if !reduced {
            bits.skip(2)?;
            tools.warped_motion = bits.flag()?;
            bits.skip(1)?;
            let order_hint = bits.flag()?;
            if order_hint {
                bits.skip(1)?;
                tools.reference_motion_vectors = bits.flag()?;
            }
            let chosen_by_frames = bits.flag()?;
            tools.screen_content = if chosen_by_frames { None } else { Some(bits.flag()?) };
            if tools.screen_content != Some(false) && !bits.flag()? {
                tools.integer_motion_vectors = Some(bits.flag()?);
            }
            if order_hint {
                tools.order_hint_bits = bits.read(3)? + 1;
            }
        }
        tools.super_resolution = bits.flag()?;
        tools.cdef = bits.flag()?;
        tools.restoration = bits.flag()?;
        Ok(tools)
    }
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
    separate_quantisers: bool,
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
        let separate_quantisers = !monochrome && bits.flag()?;
        Ok(Self {
            depth,
            monochrome,
            subsampling,
            primaries,
            transfer,
            matrix,
            full_range,
            chroma_sample_position,
            separate_quantisers,
        })
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
            coding: Coding {
                size_bits: (8, 9),
                times: TimeBits { presentation: 0, removal: Some(5) },
                tools: Tools {
                    frame_ids: Some((3, 6)),
                    large_superblocks: false,
                    warped_motion: false,
                    order_hint_bits: 3,
                    reference_motion_vectors: true,
                    screen_content: Some(true),
                    integer_motion_vectors: Some(true),
                    super_resolution: false,
                    cdef: true,
                    restoration: false,
                },
                separate_chroma_quantisers: true,
                film_grain_bit: RARE.replace(' ', "").len() - 1,
            },
        };
        assert_eq!(header, expected);
        assert_eq!(header.codec_string(), "av01.2.08H.12");
    }

    #[test]
    fn a_header_cut_anywhere_is_truncated() {
        let whole = packed(RARE);
        for length in 0..whole.len() {
            assert_eq!(
                SequenceHeader::parse(&whole[..length]),
                Err(Malformed::Truncated("a sequence header")),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn reserved_profiles_are_refused() {
        let reserved = Err(Malformed::Invalid("a reserved profile"));
        assert_eq!(SequenceHeader::parse(&packed("011 0 0")), reserved);
        assert_eq!(SequenceHeader::parse(&packed("111 0 0")), reserved);
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
