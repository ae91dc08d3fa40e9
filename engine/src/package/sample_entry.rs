//! What a decoder must know before the first sample: sample entries, and the `CODECS` of manifests.

use super::boxes::{atom, full, words};
use crate::av1::SequenceHeader;
use crate::colour::{Colour, HdrMetadata, cicp};
use crate::geometry::{Rational, Size};

/// What the samples of a track are.
#[derive(Clone, Debug)]
pub(crate) enum SampleEntry {
    /// Pictures of AV1.
    Video(Box<VideoSample>),
    /// Sound.
    Audio(AudioSample),
}

/// Pictures of AV1.
#[derive(Clone, Debug)]
pub(crate) struct VideoSample {
    /// Size of every frame in pixels, which are square.
    pub(crate) size: Size,
    /// Tags.
    pub(crate) colour: Colour,
    /// Metadata of high dynamic range.
    pub(crate) hdr: HdrMetadata,
    /// The sequence header, parsed, and its whole OBU.
    pub(crate) header: SequenceHeader,
    pub(crate) obu: Vec<u8>,
}

/// Sound, by what a decoder needs of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AudioSample {
    /// Its codec.
    pub(crate) codec: AudioCodec,
    /// Samples a second.
    pub(crate) rate: u32,
    /// How many channels.
    pub(crate) channels: u16,
}

/// Codecs of sound that CMAF has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AudioCodec {
    /// AAC, with its AudioSpecificConfig.
    Aac(Vec<u8>),
    /// AC-3, with the contents of `dac3`.
    Ac3([u8; 3]),
    /// Enhanced AC-3, with the contents of `dec3`.
    Eac3(Vec<u8>),
    /// Opus, with the contents of `dOps`.
    Opus(Vec<u8>),
}

impl SampleEntry {
    /// Gives the box of `stsd`.
    pub(super) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Video(video) => video.bytes(),
            Self::Audio(audio) => audio.bytes(),
        }
    }

    /// Gives the handler: `vide` or `soun`.
    pub(super) fn handler(&self) -> &'static [u8; 4] {
        match self {
            Self::Video(_) => b"vide",
            Self::Audio(_) => b"soun",
        }
    }

    /// Gives the `codecs` parameter, RFC 6381.
    pub(super) fn codecs(&self) -> String {
        match self {
            Self::Video(video) => video.codecs(),
            Self::Audio(audio) => audio.codec.codecs(),
        }
    }
}

impl VideoSample {
    /// `av01`; AV1 in ISOBMFF, section 2.2.
    fn bytes(&self) -> Vec<u8> {
        let side = |side: u32| u16::try_from(side).unwrap_or(u16::MAX).to_be_bytes();
        let (width, height) = (side(self.size.width), side(self.size.height));
        // 72 dots an inch, one frame a sample, a name of 32 bytes, 24 bits of depth and no colour table: as all files have it.
        let about =
            [&[0; 16][..], &width, &height, &words(&[0x0048_0000, 0x0048_0000, 0]), &[0, 1], &[0; 32], &[0, 24]];
        let Colour { primaries, transfer, matrix, full_range, .. } = self.colour;
        let tags: Vec<u8> =
            [primaries, transfer, matrix].into_iter().flat_map(|tag| u16::from(tag).to_be_bytes()).collect();
        let mut bytes = vec![0, 0, 0, 0, 0, 0, 0, 1];
        about.iter().for_each(|part| bytes.extend(*part));
        bytes.extend([0xff, 0xff]);
        bytes.extend(atom(b"av1C", &[&self.header.configuration(), &self.obu]));
        bytes.extend(atom(b"colr", &[b"nclx", &tags, &[if full_range { 0x80 } else { 0 }]]));
        bytes.extend(atom(b"pasp", &[&words(&[1, 1])]));
        bytes.extend(self.hdr_boxes());
        atom(b"av01", &[&bytes])
    }

    /// `mdcv` and `clli` (ISO/IEC 14496-12, 12.1.6 and 12.1.8): green, blue, red in 1/50000, luminances in 1/10000 cd/m2.
    fn hdr_boxes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Some(display) = &self.hdr.mastering {
            let [red, green, blue] = display.primaries;
            let points = [green, blue, red, display.white].into_iter().flat_map(|(x, y)| [x, y]);
            let points: Vec<u8> =
                points.flat_map(|it| u16::try_from(rounded(it, 50_000)).unwrap_or(u16::MAX).to_be_bytes()).collect();
            let light = [display.max_luminance, display.min_luminance].map(|it| rounded(it, 10_000));
            bytes.extend(atom(b"mdcv", &[&points, &words(&light)]));
        }
        if let Some(light) = &self.hdr.light {
            bytes.extend(atom(b"clli", &[&light.max_cll.to_be_bytes(), &light.max_fall.to_be_bytes()]));
        }
        bytes
    }

    /// With the tags of colour where they are other than those that a short string means; AV1 in ISOBMFF, section 5.
    fn codecs(&self) -> String {
        let short = self.header.codec_string();
        let Colour { primaries, transfer, matrix, full_range, .. } = self.colour;
        if [primaries, transfer, matrix].iter().all(|&tag| tag == cicp::BT709 || tag == cicp::UNSPECIFIED)
            && !full_range
        {
            return short;
        }
        let site = self.header.chroma_sample_position;
        let mono = u8::from(self.header.monochrome);
        format!("{short}.{mono}.11{site}.{primaries:02}.{transfer:02}.{matrix:02}.{}", u8::from(full_range))
    }
}

fn rounded(value: Rational, unit: i64) -> u32 {
    let (num, den) = (i128::from(value.num) * i128::from(unit), i128::from(value.den).max(1));
    u32::try_from((2 * num + den).div_euclid(2 * den)).unwrap_or(0)
}

impl AudioSample {
    fn bytes(&self) -> Vec<u8> {
        let (kind, inner): (&[u8; 4], _) = match &self.codec {
            AudioCodec::Aac(config) => (b"mp4a", elementary_stream(config)),
            AudioCodec::Ac3(config) => (b"ac-3", atom(b"dac3", &[config])),
            AudioCodec::Eac3(config) => (b"ec-3", atom(b"dec3", &[config])),
            AudioCodec::Opus(config) => (b"Opus", atom(b"dOps", &[config])),
        };
        // The rate has 16 bits before the point; those that are higher are told by the codec alone.
        let rate = u16::try_from(self.rate).map_or(0, |rate| u32::from(rate) << 16);
        let about = [&[0, 0, 0, 0, 0, 0, 0, 1][..], &[0; 8], &self.channels.to_be_bytes(), &[0, 16, 0, 0, 0, 0]];
        let mut bytes = about.concat();
        bytes.extend(rate.to_be_bytes());
        atom(kind, &[&bytes, &inner])
    }
}

impl AudioCodec {
    /// Samples, counted below zero, that a decoder which begins at one has to decode before it; none where that is not told. Opus has
    /// 80 ms, as its encapsulation in ISO base media files asks for: four packets of 20 ms.
    pub(super) fn roll_distance(&self) -> Option<i16> {
        matches!(self, Self::Opus(_)).then_some(-4)
    }

    fn codecs(&self) -> String {
        match self {
            Self::Aac(config) => format!("mp4a.40.{}", object_type(config)),
            Self::Ac3(_) => "ac-3".to_owned(),
            Self::Eac3(_) => "ec-3".to_owned(),
            Self::Opus(_) => "opus".to_owned(),
        }
    }
}

/// The audio object type of an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1): 2 is AAC-LC.
fn object_type(config: &[u8]) -> u8 {
    match (config.first().map(|first| first >> 3), config) {
        (Some(31), [first, second, ..]) => 32 + ((first & 7) << 3 | second >> 5),
        (Some(kind), _) => kind,
        (None, _) => 2,
    }
}

/// `esds`, with descriptors of ISO/IEC 14496-1, 7.2.6: MPEG-4 audio, an audio stream, rates that are not told.
fn elementary_stream(config: &[u8]) -> Vec<u8> {
    let descriptor = |tag: u8, body: &[u8]| {
        let length = u8::try_from(body.len()).unwrap_or(u8::MAX).min(0x7f);
        [&[tag, 0x80, 0x80, 0x80, length][..], body].concat()
    };
    let specific = descriptor(5, config);
    let decoder = descriptor(4, &[&[0x40, 0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &specific].concat());
    let stream = descriptor(3, &[&[0, 0, 0][..], &decoder, &descriptor(6, &[2])].concat());
    full(b"esds", 0, 0, &[&stream])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_types_are_those_of_the_standard() {
        assert_eq!(object_type(&[0x12, 0x10]), 2, "AAC-LC at 44.1 kHz, stereo");
        assert_eq!(object_type(&[0x2b, 0x92]), 5, "HE-AAC");
        assert_eq!(object_type(&[0xf9, 0x40]), 42, "xHE-AAC has the longer form");
        assert_eq!(object_type(&[]), 2);
    }
}
