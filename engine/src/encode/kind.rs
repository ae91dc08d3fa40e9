//! Names of encoders.

use crate::error::{Error, Result};
use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// What the name of an encoder outside the process begins with.
const PIPE: &str = "pipe:";
const AUTO: &str = "auto";

/// Which encoder makes the AV1 stream. Its text is what `--encoder` takes, in JSON too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EncoderKind {
    /// The rav1e library, always there.
    Rav1e,
    /// One of the linked libavcodec, under libav's name.
    Libav(LibavEncoder),
    /// A program that reads Y4M and writes IVF, under the name or the path of its profile: `pipe:PROFILE`.
    Pipe(String),
}

/// Which encoder is asked for. Its text is what `--encoder` takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EncoderChoice {
    /// The fastest in software that can make what is wanted; see [`super::fastest`].
    Auto,
    /// This one.
    Named(EncoderKind),
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

    /// libav's name for it.
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

    /// Whether it needs a machine that has it.
    pub fn is_hardware(self) -> bool {
        !matches!(self, Self::SvtAv1 | Self::Aom)
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
            Error::options(format!(
                "no encoder is called {name:?}; there can be: {AUTO}, rav1e, {known}, {PIPE}PROFILE"
            ))
        })
    }
}

impl Serialize for EncoderKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
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
    fn every_name_is_read_as_it_is_written() {
        let libav = LibavEncoder::ALL.into_iter().map(EncoderKind::Libav);
        for kind in [EncoderKind::Rav1e, EncoderKind::Pipe("ffmpeg".to_owned())].into_iter().chain(libav) {
            assert_eq!(kind.to_string().parse::<EncoderKind>().unwrap(), kind);
            assert_eq!(serde_json::to_value(&kind).unwrap(), kind.to_string());
        }
        for name in ["x264", "pipe:", "", "RAV1E"] {
            let unknown = name.parse::<EncoderKind>().unwrap_err().to_string();
            assert!(unknown.contains(&format!("{name:?}")) && unknown.contains("libsvtav1"), "{unknown}");
        }
    }
}
