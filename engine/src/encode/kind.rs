//! Names of encoders.

use super::block_table::{BlockTable, SMALL_PICTURE};
use crate::error::{Error, Result};
use crate::geometry::Size;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// The beginning of the name of an encoder outside the process.
const PIPE: &str = "pipe:";
const AUTO: &str = "auto";

/// An encoder of AV1. Its text is the same on the command line, in plans and in reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EncoderKind {
    /// The rav1e library, in every build with the feature `rav1e`.
    Rav1e,
    /// One of the linked libavcodec, under libav's name.
    Libav(LibavEncoder),
    /// A program that reads Y4M and writes IVF, under the name or the path of its profile: `pipe:PROFILE`.
    Pipe(String),
}

/// The choice of an encoder; its text is `auto` or an encoder's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EncoderChoice {
    /// The fastest in software that can make what is wanted; see [`fastest`](crate::encode::fastest).
    Auto,
    /// The encoder of this name.
    Named(EncoderKind),
}

impl Default for EncoderChoice {
    /// Chooses rav1e in builds that have it.
    fn default() -> Self {
        if cfg!(feature = "rav1e") { Self::Named(EncoderKind::Rav1e) } else { Self::Auto }
    }
}

impl fmt::Display for EncoderChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.pad(AUTO),
            Self::Named(kind) => kind.fmt(f),
        }
    }
}

impl FromStr for EncoderChoice {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        if name == AUTO { Ok(Self::Auto) } else { name.parse().map(Self::Named) }
    }
}

/// An AV1 encoder that libavcodec can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LibavEncoder {
    /// `libsvtav1`.
    SvtAv1,
    /// `libaom-av1`.
    Aom,
    /// `av1_nvenc`, on NVIDIA's GPUs.
    Nvenc,
    /// `av1_qsv`, on Intel's.
    Qsv,
    /// `av1_vaapi`, by Linux's drivers of several makers.
    Vaapi,
    /// `av1_amf`, on AMD's.
    Amf,
    /// `av1_videotoolbox`, on Apple's.
    VideoToolbox,
}

impl LibavEncoder {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::SvtAv1, Self::Aom, Self::Nvenc, Self::Qsv, Self::Vaapi, Self::Amf, Self::VideoToolbox];

    /// Returns libav's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::SvtAv1 => "libsvtav1",
            Self::Aom => "libaom-av1",
            Self::Nvenc => "av1_nvenc",
            Self::Qsv => "av1_qsv",
            Self::Vaapi => "av1_vaapi",
            Self::Amf => "av1_amf",
            Self::VideoToolbox => "av1_videotoolbox",
        }
    }

    /// Tells whether it is in hardware, which not every machine has.
    pub fn is_hardware(self) -> bool {
        !matches!(self, Self::SvtAv1 | Self::Aom)
    }
}

impl EncoderKind {
    /// Checks that it makes pictures of this size.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] when a side is odd, too short or too long.
    pub fn check_size(&self, size: Size) -> Result<()> {
        let least = match self {
            Self::Libav(LibavEncoder::SvtAv1) => 64,
            Self::Rav1e | Self::Libav(_) | Self::Pipe(_) => 16,
        };
        let side = |length: u32| (least..=16384).contains(&length) && length.is_multiple_of(2);
        if side(size.width) && side(size.height) {
            return Ok(());
        }
        let rule = format!("{self} cannot make a picture of this size; sides are even, from {least} to 16384");
        Err(Error::invalid("rung", size, rule))
    }

    /// Checks that the encoder can make pictures of all these sizes side by side, at a speed and with options as
    /// [`super::EncoderSettings`] has them.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for the first size that it cannot make, or not beside the first.
    pub fn check_ladder(&self, speed: u8, options: &[(String, String)], sizes: &[Size]) -> Result<()> {
        sizes.iter().try_for_each(|&size| self.check_size(size))?;
        if *self != Self::Libav(LibavEncoder::SvtAv1) {
            return Ok(());
        }
        let table = |size: Size| BlockTable::of(speed, options, size);
        match sizes.iter().find(|&&size| table(size) != table(sizes[0])) {
            None => Ok(()),
            Some(size) => Err(Error::invalid(
                "rung",
                size,
                format!(
                    "{self} cannot encode rungs of fewer than {SMALL_PICTURE} pixels beside larger ones at speeds 0 to 2; \
                     convert them one after the other, or use speed 3, or pipe:svtav1"
                ),
            )),
        }
    }
}

impl fmt::Display for EncoderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rav1e => f.pad("rav1e"),
            Self::Libav(encoder) => f.pad(encoder.name()),
            Self::Pipe(profile) => f.pad(&format!("{PIPE}{profile}")),
        }
    }
}

impl FromStr for EncoderKind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        if let Some(profile) = name.strip_prefix(PIPE).filter(|profile| !profile.is_empty()) {
            return Ok(Self::Pipe(profile.to_owned()));
        }
        let libav = LibavEncoder::ALL.into_iter().map(Self::Libav);
        std::iter::once(Self::Rav1e).chain(libav).find(|kind| kind.to_string() == name).ok_or_else(|| {
            let known = LibavEncoder::ALL.map(LibavEncoder::name).join(", ");
            let rule = format!("unknown; there can be: {AUTO}, rav1e, {known}, {PIPE}PROFILE");
            Error::invalid("encoder", format!("{name:?}"), rule)
        })
    }
}

impl Serialize for EncoderKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EncoderKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for EncoderKind {
    fn schema_name() -> Cow<'static, str> {
        "EncoderKind".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names = LibavEncoder::ALL.map(LibavEncoder::name).join("|");
        json_schema!({
            "description": "The encoder by its name: rav1e, one of libavcodec's, or pipe:PROFILE for a program.",
            "type": "string",
            "pattern": format!("^(rav1e|{names}|{PIPE}.+)$"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_auto_or_a_name() {
        for choice in [EncoderChoice::Auto, EncoderChoice::Named(EncoderKind::Libav(LibavEncoder::Aom))] {
            assert_eq!(choice.to_string().parse::<EncoderChoice>().unwrap(), choice);
        }
        assert!("automatic".parse::<EncoderChoice>().is_err());
    }

    #[test]
    fn the_schema_has_every_name() {
        let schema = schemars::schema_for!(EncoderKind).to_value();
        let names = LibavEncoder::ALL.map(LibavEncoder::name).join("|");
        assert_eq!(
            (&schema["type"], &schema["pattern"]),
            (&"string".into(), &format!("^(rav1e|{names}|pipe:.+)$").into())
        );
    }

    #[test]
    fn every_name_is_read_as_it_is_written() {
        let libav = LibavEncoder::ALL.into_iter().map(EncoderKind::Libav);
        for kind in [EncoderKind::Rav1e, EncoderKind::Pipe("ffmpeg".to_owned())].into_iter().chain(libav) {
            assert_eq!(kind.to_string().parse::<EncoderKind>().unwrap(), kind);
            let json = serde_json::to_value(&kind).unwrap();
            assert_eq!(json, kind.to_string());
            assert_eq!(serde_json::from_value::<EncoderKind>(json).unwrap(), kind);
        }
        for name in ["x264", "pipe:", "", "RAV1E"] {
            let unknown = name.parse::<EncoderKind>().unwrap_err().to_string();
            assert!(unknown.contains(&format!("{name:?}")) && unknown.contains("libsvtav1"), "{unknown}");
            let refused = serde_json::from_value::<EncoderKind>(name.into()).unwrap_err();
            assert_eq!(refused.to_string(), unknown);
        }
    }
}
