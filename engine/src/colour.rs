//! Colour description: the four independent tags of ITU-T H.273, the place of chroma samples, HDR metadata.

use crate::geometry::Rational;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use upright_shaders::map_colour::ChromaAxis;

/// The meaning of a picture's sample values. Codes are those of ITU-T H.273, which libav, AV1 and MP4 share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Colour {
    /// Colour primaries, H.273 table 2; 2 is unspecified.
    pub primaries: u8,
    /// Transfer characteristics, H.273 table 3; 2 is unspecified.
    pub transfer: u8,
    /// Matrix coefficients, H.273 table 4; 2 is unspecified.
    pub matrix: u8,
    /// Full range (0 to 255 at 8 bit) rather than limited (16 to 235).
    pub full_range: bool,
    /// Place of chroma samples among luma samples.
    pub chroma: ChromaSite,
}

/// H.273 codes that the engine tells apart.
pub mod cicp {
    /// Not tagged (any table).
    pub const UNSPECIFIED: u8 = 2;
    /// BT.709 (any table).
    pub const BT709: u8 = 1;
    /// BT.470BG, that is BT.601 with 625 lines: primaries and matrix.
    pub const BT470BG: u8 = 5;
    /// SMPTE 170M, that is BT.601 with 525 lines (any table).
    pub const SMPTE170M: u8 = 6;
    /// BT.2020 primaries, and its matrix with non-constant luminance.
    pub const BT2020: u8 = 9;
    /// Transfer: SMPTE ST 2084, the perceptual quantiser.
    pub const PQ: u8 = 16;
    /// Transfer: ARIB STD-B67, hybrid log-gamma.
    pub const HLG: u8 = 18;
    /// Matrix: none, the samples are red, green and blue.
    pub const RGB: u8 = 0;
    /// The last matrix that AV1 can tell.
    pub const LAST_MATRIX_OF_AV1: u8 = 14;

    /// Names primaries as libav does; none for codes that are reserved or say nothing.
    pub fn primaries_name(code: u8) -> Option<&'static str> {
        Some(match code {
            1 => "bt709",
            4 => "bt470m",
            5 => "bt470bg",
            6 => "smpte170m",
            7 => "smpte240m",
            8 => "film",
            9 => "bt2020",
            10 => "smpte428",
            11 => "smpte431",
            12 => "smpte432",
            22 => "ebu3213",
            _ => return None,
        })
    }

    /// Names a transfer as libav does; none for codes that are reserved or say nothing.
    pub fn transfer_name(code: u8) -> Option<&'static str> {
        Some(match code {
            1 => "bt709",
            4 => "gamma22",
            5 => "gamma28",
            6 => "smpte170m",
            7 => "smpte240m",
            8 => "linear",
            9 => "log100",
            10 => "log316",
            11 => "iec61966-2-4",
            12 => "bt1361e",
            13 => "iec61966-2-1",
            14 => "bt2020-10",
            15 => "bt2020-12",
            16 => "smpte2084",
            17 => "smpte428",
            18 => "arib-std-b67",
            _ => return None,
        })
    }

    /// Names a matrix as libav does; none for codes that are reserved or say nothing.
    pub fn matrix_name(code: u8) -> Option<&'static str> {
        Some(match code {
            0 => "gbr",
            1 => "bt709",
            4 => "fcc",
            5 => "bt470bg",
            6 => "smpte170m",
            7 => "smpte240m",
            8 => "ycgco",
            9 => "bt2020nc",
            10 => "bt2020c",
            11 => "smpte2085",
            12 => "chroma-derived-nc",
            13 => "chroma-derived-c",
            14 => "ictcp",
            15 => "ipt-c2",
            16 => "ycgco-re",
            17 => "ycgco-ro",
            _ => return None,
        })
    }

    /// Replaces the code of primaries by the one that stands for all of the same colours.
    pub fn same_primaries(code: u8) -> u8 {
        if code == 7 { SMPTE170M } else { code }
    }

    /// Replaces the code of a transfer by the one that stands for all of the same curve.
    pub fn same_transfer(code: u8) -> u8 {
        if matches!(code, SMPTE170M | 14 | 15) { BT709 } else { code }
    }

    /// Replaces the code of a matrix by the one that stands for all of the same numbers.
    pub fn same_matrix(code: u8) -> u8 {
        if code == SMPTE170M { BT470BG } else { code }
    }
}

impl Colour {
    /// Nothing is tagged: limited range, chroma on the left.
    pub const UNKNOWN: Self = Self {
        primaries: cicp::UNSPECIFIED,
        transfer: cicp::UNSPECIFIED,
        matrix: cicp::UNSPECIFIED,
        full_range: false,
        chroma: ChromaSite::LEFT,
    };

    /// Tells high dynamic range, which Upright keeps, by its transfer: PQ or HLG.
    pub fn is_hdr(&self) -> bool {
        matches!(self.transfer, cicp::PQ | cicp::HLG)
    }
}

/// Place of chroma samples along each axis. Meaningful only along an axis that is subsampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ChromaSite {
    /// Along x: `Start` is what H.273 calls left.
    pub x: Siting,
    /// Along y: `Start` is top.
    pub y: Siting,
}

impl ChromaSite {
    /// MPEG-2 and later 4:2:0 (chroma location type 0); AV1's "vertical".
    pub const LEFT: Self = Self { x: Siting::Start, y: Siting::Centre };
    /// MPEG-1 and JPEG 4:2:0 (type 1). AV1 cannot signal it.
    pub const CENTRE: Self = Self { x: Siting::Centre, y: Siting::Centre };
    /// BT.2020 4:2:0 (type 2); AV1's "colocated".
    pub const TOP_LEFT: Self = Self { x: Siting::Start, y: Siting::Start };

    /// Gives the same along x and along y, with how many luma samples a chroma sample covers there.
    pub(crate) fn axes(self, subsampling: [u32; 2]) -> [ChromaAxis; 2] {
        let [x, y] = subsampling;
        [(x, self.x), (y, self.y)].map(|(s, siting)| {
            #[expect(clippy::cast_possible_truncation, reason = "from -1 to 2")]
            let offset = (2.0 * siting.offset(s)) as i32;
            ChromaAxis { subsampling: s as usize, offset }
        })
    }
}

/// Place of a chroma sample among the `s` luma samples that it covers along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Siting {
    /// On the first luma sample.
    Start,
    /// In the middle of them.
    Centre,
    /// On the last.
    End,
    /// Half a luma sample before the first: chroma in the middle of pairs of an odd number of samples, read backwards.
    Before,
}

impl Siting {
    /// Measures the distance, in luma samples, from the centre of the first covered luma sample to the chroma sample:
    /// 0, (s-1)/2, s-1 or -(s-1)/2 for a plane subsampled by `s`, 1 or 2.
    pub fn offset(self, s: u32) -> f64 {
        let last = f64::from(s) - 1.0;
        match self {
            Self::Start => 0.0,
            Self::Centre => last / 2.0,
            Self::End => last,
            Self::Before => -last / 2.0,
        }
    }
}

/// Static metadata of a high dynamic range stream, as far as the source has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HdrMetadata {
    /// Mastering display colour volume, SMPTE ST 2086.
    pub mastering: Option<MasteringDisplay>,
    /// Content light level, CTA-861.3.
    pub light: Option<ContentLight>,
}

/// The display on which the film was graded.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MasteringDisplay {
    /// CIE 1931 x, y of red, green and blue.
    pub primaries: [(Rational, Rational); 3],
    /// CIE 1931 x, y of white.
    pub white: (Rational, Rational),
    /// Darkest luminance in cd/m2.
    pub min_luminance: Rational,
    /// Brightest luminance in cd/m2.
    pub max_luminance: Rational,
}

/// Content light level in cd/m2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContentLight {
    /// Brightest pixel of the film.
    pub max_cll: u16,
    /// Brightest frame average of the film.
    pub max_fall: u16,
}
