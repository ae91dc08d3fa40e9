//! Which encoders there are, and which of them is the fastest.

use super::kind::{EncoderKind, LibavEncoder};
use crate::geometry::Size;
use crate::media::has_encoder;
use serde::Serialize;

/// An encoder that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AvailableEncoder {
    /// Under the name that `--encoder` takes.
    pub encoder: EncoderKind,
    /// Whether it needs a machine that has it; being there does not say that this one does.
    pub hardware: bool,
}

/// The encoders that there are: rav1e, then those of the linked libavcodec that Upright knows.
pub fn available() -> Vec<AvailableEncoder> {
    let libav = LibavEncoder::ALL.into_iter().filter(|encoder| has_encoder(encoder.name()));
    let libav = libav.map(|encoder| (EncoderKind::Libav(encoder), encoder.is_hardware()));
    let all = std::iter::once((EncoderKind::Rav1e, false)).chain(libav);
    all.map(|(encoder, hardware)| AvailableEncoder { encoder, hardware }).collect()
}

/// The fastest encoder that there is and that can make pictures of all these sizes, in software alone: SVT-AV1, else
/// rav1e. libaom is slower than both at the same quality. Hardware is never taken unasked: it is fast, but needs more
/// bits for the same picture.
pub fn fastest(sizes: &[Size]) -> EncoderKind {
    let able = |kind: &EncoderKind| sizes.iter().all(|&size| kind.check_size(size).is_ok());
    let there = available().into_iter().map(|found| found.encoder);
    there.filter(able).max_by_key(speed_rank).unwrap_or(EncoderKind::Rav1e)
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

/// The version in a line that ends with the path of a library.
fn version_in_path<'a>(line: &'a str, library: &str) -> Option<&'a str> {
    let (path, version) = line.rsplit_once(library)?;
    path.ends_with('/').then_some(version)
}

/// Higher is faster at the same quality; 0 is never chosen before rav1e.
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
    fn rav1e_is_always_there_and_hardware_is_told_apart() {
        let available = available();
        assert_eq!(available[0], AvailableEncoder { encoder: EncoderKind::Rav1e, hardware: false });
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
        assert_eq!(fastest(&[size(1080, 1920), size(360, 640)]), EncoderKind::Libav(LibavEncoder::SvtAv1));
        assert_eq!(fastest(&[size(1080, 1920), size(36, 64)]), EncoderKind::Rav1e);
    }
}
