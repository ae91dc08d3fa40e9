//! The encoders that this build and its libavcodec have, and the fastest of them.

use super::kind::{EncoderChoice, EncoderKind, LibavEncoder};
use crate::geometry::Size;
use crate::media::has_encoder;
use schemars::JsonSchema;
use serde::Serialize;

/// An encoder that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AvailableEncoder {
    /// The encoder by its name.
    pub encoder: EncoderKind,
    /// True for an encoder in hardware: being in libavcodec does not say that this machine has it.
    pub hardware: bool,
}

/// Lists the encoders that there are: rav1e, if this build has it, then those of the linked libavcodec that Upright
/// knows.
pub fn available() -> Vec<AvailableEncoder> {
    let rav1e = cfg!(feature = "rav1e").then_some((EncoderKind::Rav1e, false));
    let libav = LibavEncoder::ALL.into_iter().filter(|encoder| has_encoder(encoder.name()));
    let libav = libav.map(|encoder| (EncoderKind::Libav(encoder), encoder.is_hardware()));
    let all = rav1e.into_iter().chain(libav);
    all.map(|(encoder, hardware)| AvailableEncoder { encoder, hardware }).collect()
}

/// Chooses the fastest encoder that there is and that can make pictures of all these sizes at this
/// speed (0 to 10), in software alone: SVT-AV1,
/// else rav1e, else libaom, which is slower than both at the same quality. Hardware is never taken unasked: it is fast,
/// but needs more bits for the same picture. Where there is none, it is rav1e, whose opening says how to get it.
pub fn fastest(sizes: &[Size], speed: u8) -> EncoderKind {
    let able = |kind: &EncoderKind| kind.check_ladder(speed, &[], sizes).is_ok();
    let there = available().into_iter().filter(|found| !found.hardware).map(|found| found.encoder);
    there.filter(able).max_by_key(speed_rank).unwrap_or(EncoderKind::Rav1e)
}

impl EncoderChoice {
    /// Returns the encoder that is meant: the one that is named, or [`fastest`] for pictures of these sizes at this speed.
    pub fn resolve(&self, sizes: &[Size], speed: u8) -> EncoderKind {
        match self {
            Self::Auto => fastest(sizes, speed),
            Self::Named(kind) => kind.clone(),
        }
    }
}

/// Finds the version of the SVT-AV1 that the linked libavcodec calls, by the name of the library's file; `None` where
/// there is no such library, or none of its own. libavcodec does not tell.
pub fn linked_svtav1() -> Option<String> {
    linked_library(LibavEncoder::SvtAv1)
}

/// Finds the version of the library that libavcodec calls for an encoder, as [`linked_svtav1`].
pub(super) fn linked_library(encoder: LibavEncoder) -> Option<String> {
    let library = match encoder {
        LibavEncoder::SvtAv1 => "libSvtAv1Enc.so.",
        LibavEncoder::Aom => "libaom.so.",
        _ => return None,
    };
    // The files that this process has mapped, on Linux.
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    maps.lines().find_map(|line| version_in_path(line, library)).map(str::to_owned)
}

/// Reads the version in a line that ends with the path of a library.
fn version_in_path<'a>(line: &'a str, library: &str) -> Option<&'a str> {
    let (path, version) = line.rsplit_once(library)?;
    path.ends_with('/').then_some(version)
}

/// Ranks encoders in software by speed at the same quality; higher is faster.
fn speed_rank(kind: &EncoderKind) -> u8 {
    match kind {
        EncoderKind::Libav(LibavEncoder::SvtAv1) => 2,
        EncoderKind::Rav1e => 1,
        EncoderKind::Libav(_) | EncoderKind::Pipe(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rav1e_is_there_where_it_is_built_in_and_hardware_is_told_apart() {
        let available = available();
        let rav1e = AvailableEncoder { encoder: EncoderKind::Rav1e, hardware: false };
        assert_eq!(available.contains(&rav1e), cfg!(feature = "rav1e"));
        for found in &available {
            let libav = matches!(&found.encoder, EncoderKind::Libav(encoder) if encoder.is_hardware());
            assert_eq!(found.hardware, libav, "{found:?}");
        }
        assert!(available.iter().any(|found| found.encoder == EncoderKind::Libav(LibavEncoder::SvtAv1)));
    }

    #[test]
    fn the_linked_svtav1_is_known_by_its_file() {
        let version = linked_svtav1().unwrap();
        assert!(version.starts_with(|first: char| first.is_ascii_digit()), "{version}");
        let line = "7f2e8000-7f2e9000 r--p 00000000 fe:00 1234   /usr/lib/x86_64-linux-gnu/libSvtAv1Enc.so.1.4.1";
        assert_eq!(version_in_path(line, "libSvtAv1Enc.so."), Some("1.4.1"));
        assert_eq!(version_in_path(&line.replace("Enc", "Dec"), "libSvtAv1Enc.so."), None);
        assert_eq!(version_in_path(&line.replace("lib", "my"), "libSvtAv1Enc.so."), None);
    }

    #[test]
    fn the_fastest_is_one_that_can_do_the_work() {
        let size = |width, height| Size { width, height };
        assert_eq!(fastest(&[size(1080, 1920), size(360, 640)], 0), EncoderKind::Libav(LibavEncoder::SvtAv1));
        let of_small = if cfg!(feature = "rav1e") { EncoderKind::Rav1e } else { EncoderKind::Libav(LibavEncoder::Aom) };
        assert_eq!(fastest(&[size(1080, 1920), size(36, 64)], 8), of_small);
        assert_eq!(EncoderChoice::Auto.resolve(&[size(36, 64)], 8), of_small);
        let of_both = [size(540, 960), size(270, 480)];
        assert_eq!([2, 3].map(|speed| fastest(&of_both, speed)), [of_small, EncoderKind::Libav(LibavEncoder::SvtAv1)]);
        let named = EncoderKind::Pipe("ffmpeg".to_owned());
        assert_eq!(EncoderChoice::Named(named.clone()).resolve(&[], 8), named);
    }
}
