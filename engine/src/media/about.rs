//! What the linked libav is and can do.

#![expect(unsafe_code, reason = "libav is C")]

use super::ffi::text;
use ffmpeg_sys_next as av;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ffi::c_uint;
use std::ptr;

/// Versions and abilities of the linked libav.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Libav {
    /// Versions by library, and FFmpeg's own as `ffmpeg`.
    pub versions: BTreeMap<&'static str, String>,
    /// Libraries whose version is of another series than the one that Upright was built with, which may crash it.
    pub mismatched: Vec<&'static str>,
    /// The licence that this build is under. Under the GPL, so is a program together with it.
    pub licence: String,
    /// Common film codecs that it cannot decode.
    pub missing_decoders: Vec<&'static str>,
    /// Parts that Upright cannot do without and this libav does not have.
    pub missing: Vec<&'static str>,
}

const FILM_DECODERS: [(&str, av::AVCodecID); 9] = [
    ("AV1", av::AVCodecID::AV_CODEC_ID_AV1),
    ("DNxHD", av::AVCodecID::AV_CODEC_ID_DNXHD),
    ("H.264", av::AVCodecID::AV_CODEC_ID_H264),
    ("HEVC", av::AVCodecID::AV_CODEC_ID_HEVC),
    ("MPEG-2", av::AVCodecID::AV_CODEC_ID_MPEG2VIDEO),
    ("MPEG-4", av::AVCodecID::AV_CODEC_ID_MPEG4),
    ("ProRes", av::AVCodecID::AV_CODEC_ID_PRORES),
    ("VP8", av::AVCodecID::AV_CODEC_ID_VP8),
    ("VP9", av::AVCodecID::AV_CODEC_ID_VP9),
];

/// Looks at the libav that this process runs with.
pub fn libav() -> Libav {
    // SAFETY: these calls take nothing and return constants of the library.
    let (ffmpeg, licence, libraries) = unsafe {
        let libraries = [
            ("libavcodec", av::avcodec_version(), av::LIBAVCODEC_VERSION_MAJOR),
            ("libavformat", av::avformat_version(), av::LIBAVFORMAT_VERSION_MAJOR),
            ("libavutil", av::avutil_version(), av::LIBAVUTIL_VERSION_MAJOR),
            ("libswresample", av::swresample_version(), av::LIBSWRESAMPLE_VERSION_MAJOR),
            ("libswscale", av::swscale_version(), av::LIBSWSCALE_VERSION_MAJOR),
        ];
        (text(av::av_version_info()), text(av::avformat_license()), libraries)
    };
    let mut versions: BTreeMap<_, _> = libraries.iter().map(|&(name, version, _)| (name, dotted(version))).collect();
    versions.insert("ffmpeg", ffmpeg.unwrap_or_default());
    let mismatched = libraries.iter().filter(|&&(_, version, built)| i64::from(version >> 16) != i64::from(built));
    Libav {
        versions,
        mismatched: mismatched.map(|&(name, ..)| name).collect(),
        licence: licence.unwrap_or_default(),
        missing_decoders: FILM_DECODERS.iter().filter(|(_, id)| !can_decode(*id)).map(|(name, _)| *name).collect(),
        missing: missing(),
    }
}

/// An `AV_VERSION_INT` as major.minor.micro.
fn dotted(version: c_uint) -> String {
    format!("{}.{}.{}", version >> 16, (version >> 8) & 0xff, version & 0xff)
}

fn can_decode(id: av::AVCodecID) -> bool {
    // SAFETY: a look-up in the library's own table.
    unsafe { !av::avcodec_find_decoder(id).is_null() }
}

fn missing() -> Vec<&'static str> {
    // SAFETY: look-ups in the library's own tables; the strings end with a zero.
    let (mp4, aac) = unsafe {
        let mp4 = av::av_guess_format(c"mp4".as_ptr(), ptr::null(), ptr::null());
        (!mp4.is_null(), !av::avcodec_find_encoder(av::AVCodecID::AV_CODEC_ID_AAC).is_null())
    };
    [("the MP4 muxer", mp4), ("an AAC encoder", aac)]
        .iter()
        .filter(|(_, there)| !there)
        .map(|(name, _)| *name)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn the_version_is_that_of_the_package_it_was_built_with() {
        let output = Command::new("pkg-config").args(["--modversion", "libavcodec"]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let installed = String::from_utf8(output.stdout).unwrap();
        let libav = libav();
        assert_eq!(libav.versions["libavcodec"], installed.trim());
        assert_eq!(libav.mismatched, [""; 0]);
    }

    #[test]
    fn debians_libav_has_all_that_is_needed() {
        let libav = libav();
        assert_eq!(libav.missing, [""; 0]);
        assert_eq!(libav.missing_decoders, [""; 0]);
        assert!(libav.licence.contains("GPL"), "{libav:?}");
    }

    #[test]
    fn versions_are_read_as_three_numbers() {
        assert_eq!(dotted((59 << 16) | (37 << 8) | 100), "59.37.100");
    }
}
