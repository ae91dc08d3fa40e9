//! What libav's pixel formats are to Upright: read as they are, or through libswscale.

#![expect(unsafe_code, reason = "libav is C")]

use super::ffi;
use crate::error::{Error, Result};
use crate::frame::{Depth, Subsampling};
use ffmpeg_sys_next as av;
use std::ffi::c_int;

/// A decoded pixel format.
#[derive(Clone, Debug)]
pub(super) struct PixelFormat {
    /// libav's name.
    pub name: String,
    /// Its number in libav.
    pub id: av::AVPixelFormat,
    /// Chroma resolution once it is read.
    pub subsampling: Subsampling,
    /// Bits of a sample as stored.
    pub bits: u32,
    /// Bits of a sample once it is read: none are lost up to twelve.
    pub depth: Depth,
    /// Meaning of the samples.
    pub samples: Samples,
    /// True where pictures may be transparent.
    pub alpha: bool,
    /// Where luma and chroma lie, when they can be read as they are.
    pub native: Option<Native>,
    /// Where red, green and blue lie, when they can be read as they are.
    pub rgb: Option<[Component; 3]>,
}

/// Meaning of the samples of a pixel format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Samples {
    /// Luma and chroma.
    Yuv,
    /// Luma and chroma in full range by the very name of the format (`yuvj420p` and its like).
    FullRangeYuv,
    /// Luma alone.
    Gray,
    /// Black and white.
    OneBit,
    /// Red, green and blue, plain or by a palette or a filter mosaic.
    Rgb,
}

/// Where luma and chroma lie in the planes of a libav frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Native {
    pub luma: Component,
    /// None for gray.
    pub chroma: Option<[Component; 2]>,
}

/// Where one component lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Component {
    /// Index of the plane.
    pub plane: usize,
    /// Bytes from one sample to the next.
    pub step: usize,
    /// Byte of the first sample in its row.
    pub offset: usize,
    /// Unused bits below the value.
    pub shift: u32,
}

impl PixelFormat {
    /// Looks a format number of an `AVFrame` up.
    pub(super) fn of(format: c_int) -> Result<Self> {
        let unknown = || Error::Libav { call: "av_pix_fmt_desc_get", why: format!("unknown pixel format {format}") };
        if !(0..av::AVPixelFormat::AV_PIX_FMT_NB as c_int).contains(&format) {
            return Err(unknown());
        }
        // SAFETY: the formats of the enumeration count up from 0 to AV_PIX_FMT_NB without gaps.
        let id: av::AVPixelFormat = unsafe { std::mem::transmute(format) };
        // SAFETY: the descriptor is null or one of libav's constants.
        let (descriptor, name) = unsafe {
            let descriptor = av::av_pix_fmt_desc_get(id).as_ref().ok_or_else(unknown)?;
            (descriptor, ffi::text(descriptor.name).unwrap_or_default())
        };
        let flag = |flag| descriptor.flags & bit(flag) != 0;
        let components = usize::from(descriptor.nb_components).min(4);
        let depths = descriptor.comp[..components].iter().map(|component| component.depth.unsigned_abs());
        let bits = depths.max().unwrap_or(8);
        let samples = if flag(av::AV_PIX_FMT_FLAG_RGB)
            || flag(av::AV_PIX_FMT_FLAG_PAL)
            || flag(av::AV_PIX_FMT_FLAG_BAYER)
            || name.starts_with("xyz")
        {
            Samples::Rgb
        } else if bits == 1 {
            Samples::OneBit
        } else if components < 3 {
            Samples::Gray
        } else if name.starts_with("yuvj") {
            Samples::FullRangeYuv
        } else {
            Samples::Yuv
        };
        let subsampling = match samples {
            Samples::Rgb => Subsampling::CS444,
            Samples::Gray | Samples::OneBit => Subsampling::CS420,
            Samples::Yuv | Samples::FullRangeYuv => Subsampling {
                x: 1 << descriptor.log2_chroma_w.min(1),
                y: if descriptor.log2_chroma_h == 0 { 1 } else { 2 },
            },
        };
        let depth = match bits {
            ..=8 => Depth::Eight,
            9 | 10 => Depth::Ten,
            _ => Depth::Twelve,
        };
        let native = if samples == Samples::Rgb { None } else { native(descriptor, components, depth) };
        let rgb = if flag(av::AV_PIX_FMT_FLAG_RGB) { rgb(descriptor, components, bits) } else { None };
        let alpha = flag(av::AV_PIX_FMT_FLAG_ALPHA);
        Ok(Self { name, id, subsampling, bits, depth, samples, alpha, native, rgb })
    }

    /// The format that libswscale turns this one into: one that can be read as it is.
    pub(super) fn converted(&self) -> av::AVPixelFormat {
        use av::AVPixelFormat as P;
        match (self.samples, self.subsampling, self.depth) {
            (Samples::Gray | Samples::OneBit, _, Depth::Eight) => P::AV_PIX_FMT_GRAY8,
            (Samples::Gray | Samples::OneBit, _, Depth::Ten) => {
                native_endian(P::AV_PIX_FMT_GRAY10LE, P::AV_PIX_FMT_GRAY10BE)
            }
            (Samples::Gray | Samples::OneBit, _, Depth::Twelve) => {
                native_endian(P::AV_PIX_FMT_GRAY12LE, P::AV_PIX_FMT_GRAY12BE)
            }
            (Samples::Rgb, _, Depth::Eight) => P::AV_PIX_FMT_GBRP,
            (Samples::Rgb, _, Depth::Ten) => av::AV_PIX_FMT_GBRP10,
            (Samples::Rgb, _, Depth::Twelve) if self.bits == 12 => av::AV_PIX_FMT_GBRP12,
            (Samples::Rgb, _, Depth::Twelve) => av::AV_PIX_FMT_GBRP16,
            (_, Subsampling::CS420, Depth::Eight) => P::AV_PIX_FMT_YUV420P,
            (_, Subsampling::CS422, Depth::Eight) => P::AV_PIX_FMT_YUV422P,
            (_, Subsampling::CS440, Depth::Eight) => P::AV_PIX_FMT_YUV440P,
            (_, _, Depth::Eight) => P::AV_PIX_FMT_YUV444P,
            (_, Subsampling::CS420, Depth::Ten) => av::AV_PIX_FMT_YUV420P10,
            (_, Subsampling::CS422, Depth::Ten) => av::AV_PIX_FMT_YUV422P10,
            (_, Subsampling::CS440, Depth::Ten) => av::AV_PIX_FMT_YUV440P10,
            (_, _, Depth::Ten) => av::AV_PIX_FMT_YUV444P10,
            (_, Subsampling::CS420, Depth::Twelve) => av::AV_PIX_FMT_YUV420P12,
            (_, Subsampling::CS422, Depth::Twelve) => av::AV_PIX_FMT_YUV422P12,
            (_, Subsampling::CS440, Depth::Twelve) => av::AV_PIX_FMT_YUV440P12,
            (_, _, Depth::Twelve) => av::AV_PIX_FMT_YUV444P12,
        }
    }
}

fn native_endian(little: av::AVPixelFormat, big: av::AVPixelFormat) -> av::AVPixelFormat {
    if cfg!(target_endian = "little") { little } else { big }
}

/// Planar and semi-planar formats of 8, 10 or 12 bits in the machine's byte order, chroma at most halved, no alpha.
fn native(descriptor: &av::AVPixFmtDescriptor, components: usize, depth: Depth) -> Option<Native> {
    if !is_plain(descriptor, depth.bits()) || descriptor.flags & bit(av::AV_PIX_FMT_FLAG_ALPHA) != 0 {
        return None;
    }
    if descriptor.log2_chroma_w > 1 || descriptor.log2_chroma_h > 1 {
        return None;
    }
    let component = |index| component(descriptor, index, depth.bits());
    let luma = component(0).filter(|luma| luma.plane == 0 && luma.step == depth.bytes())?;
    match components {
        1 => Some(Native { luma, chroma: None }),
        3 => {
            let chroma = [component(1)?, component(2)?];
            chroma.iter().all(|chroma| chroma.plane > 0).then_some(Native { luma, chroma: Some(chroma) })
        }
        _ => None,
    }
}

/// Formats of red, green and blue of 8 to 16 bits each, in whole bytes in the machine's order, with alpha or without.
fn rgb(descriptor: &av::AVPixFmtDescriptor, components: usize, bits: u32) -> Option<[Component; 3]> {
    if !is_plain(descriptor, bits) || components < 3 || !(8..=16).contains(&bits) {
        return None;
    }
    let component = |index| component(descriptor, index, bits).filter(|component| component.shift == 0);
    Some([component(0)?, component(1)?, component(2)?])
}

/// Tells whether samples are integers in memory, in the machine's byte order.
fn is_plain(descriptor: &av::AVPixFmtDescriptor, bits: u32) -> bool {
    let other = av::AV_PIX_FMT_FLAG_BITSTREAM
        | av::AV_PIX_FMT_FLAG_HWACCEL
        | av::AV_PIX_FMT_FLAG_PAL
        | av::AV_PIX_FMT_FLAG_BAYER
        | av::AV_PIX_FMT_FLAG_FLOAT;
    let big = descriptor.flags & bit(av::AV_PIX_FMT_FLAG_BE) != 0;
    descriptor.flags & bit(other) == 0 && (bits <= 8 || big == cfg!(target_endian = "big"))
}

/// Where a component of `bits` bits lies; none when it has other bits, or is not of whole bytes at even places.
fn component(descriptor: &av::AVPixFmtDescriptor, index: usize, bits: u32) -> Option<Component> {
    let described = descriptor.comp[index];
    let component = Component {
        plane: usize::try_from(described.plane).ok()?,
        step: usize::try_from(described.step).ok()?,
        offset: usize::try_from(described.offset).ok()?,
        shift: u32::try_from(described.shift).ok()?,
    };
    let bytes = if bits > 8 { 2 } else { 1 };
    let whole = component.step.is_multiple_of(bytes) && component.offset.is_multiple_of(bytes);
    (described.depth.unsigned_abs() == bits && whole).then_some(component)
}

fn bit(flag: c_int) -> u64 {
    u64::from(flag.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use av::AVPixelFormat as P;

    fn of(id: P) -> PixelFormat {
        PixelFormat::of(id as c_int).unwrap()
    }

    /// Every format of the linked libav, by name.
    fn all() -> Vec<PixelFormat> {
        (0..P::AV_PIX_FMT_NB as c_int).filter_map(|id| PixelFormat::of(id).ok()).collect()
    }

    #[test]
    fn native_formats_are_exactly_these() {
        let mut names: Vec<_> =
            all().into_iter().filter(|format| format.native.is_some()).map(|format| format.name).collect();
        names.sort();
        let expected = [
            "gray",
            "gray10le",
            "gray12le",
            "nv12",
            "nv16",
            "nv20le",
            "nv21",
            "nv24",
            "nv42",
            "p010le",
            "p210le",
            "p410le",
            "yuv420p",
            "yuv420p10le",
            "yuv420p12le",
            "yuv422p",
            "yuv422p10le",
            "yuv422p12le",
            "yuv440p",
            "yuv440p10le",
            "yuv440p12le",
            "yuv444p",
            "yuv444p10le",
            "yuv444p12le",
            "yuvj420p",
            "yuvj422p",
            "yuvj440p",
            "yuvj444p",
        ];
        // Newer libraries know more of them, for instance p012le.
        for name in expected {
            assert!(names.iter().any(|known| known == name), "{name} is not native among {names:?}");
        }
        let alien =
            ["be", "rgb", "bgr", "gbr", "yuva", "yuyv", "uyvy", "yuv411", "yuv410", "p9", "p14", "p16", "pal", "mono"];
        for name in &names {
            assert!(!alien.iter().any(|part| name.contains(part)), "{name} is native");
        }
    }

    #[test]
    fn semi_planar_components_are_found() {
        let nv21 = of(P::AV_PIX_FMT_NV21).native.unwrap().chroma.unwrap();
        assert_eq!(nv21.map(|chroma| (chroma.plane, chroma.step, chroma.offset)), [(1, 2, 1), (1, 2, 0)]);
        let p010 = of(P::AV_PIX_FMT_P010LE);
        assert_eq!(p010.depth, Depth::Ten);
        let native = p010.native.unwrap();
        assert_eq!((native.luma.shift, native.chroma.unwrap()[1].offset), (6, 2));
    }

    #[test]
    fn what_is_converted_goes_to_the_nearest_format_that_loses_nothing() {
        let cases = [
            (P::AV_PIX_FMT_YUV411P, P::AV_PIX_FMT_YUV422P),
            (P::AV_PIX_FMT_YUV410P, P::AV_PIX_FMT_YUV420P),
            (P::AV_PIX_FMT_YUYV422, P::AV_PIX_FMT_YUV422P),
            (P::AV_PIX_FMT_YUVA420P, P::AV_PIX_FMT_YUV420P),
            (P::AV_PIX_FMT_YUV420P9LE, P::AV_PIX_FMT_YUV420P10LE),
            (P::AV_PIX_FMT_YUV420P10BE, P::AV_PIX_FMT_YUV420P10LE),
            (P::AV_PIX_FMT_YUV422P16LE, P::AV_PIX_FMT_YUV422P12LE),
            (P::AV_PIX_FMT_GRAY9LE, P::AV_PIX_FMT_GRAY10LE),
            (P::AV_PIX_FMT_GRAY16LE, P::AV_PIX_FMT_GRAY12LE),
            (P::AV_PIX_FMT_YA8, P::AV_PIX_FMT_GRAY8),
            (P::AV_PIX_FMT_MONOWHITE, P::AV_PIX_FMT_GRAY8),
            (P::AV_PIX_FMT_PAL8, P::AV_PIX_FMT_GBRP),
            (P::AV_PIX_FMT_RGB565LE, P::AV_PIX_FMT_GBRP),
            (P::AV_PIX_FMT_X2RGB10LE, P::AV_PIX_FMT_GBRP10LE),
            (P::AV_PIX_FMT_GBRP12BE, P::AV_PIX_FMT_GBRP12LE),
            (P::AV_PIX_FMT_GBRPF32LE, P::AV_PIX_FMT_GBRP16LE),
        ];
        for (from, to) in cases {
            let from = of(from);
            assert_eq!(from.native, None, "{}", from.name);
            assert_eq!(from.rgb, None, "{}", from.name);
            assert_eq!(from.converted(), to, "{}", from.name);
        }
    }

    #[test]
    fn every_converted_format_can_be_read() {
        for format in all() {
            let converted = of(format.converted());
            assert!(converted.native.is_some() || converted.rgb.is_some(), "{}", format.name);
            assert_eq!(converted.subsampling, format.subsampling, "{}", format.name);
            assert_eq!(converted.depth, format.depth, "{}", format.name);
        }
    }

    #[test]
    fn red_green_and_blue_are_found() {
        let places = |id| of(id).rgb.unwrap().map(|component| (component.plane, component.step, component.offset));
        assert_eq!(places(P::AV_PIX_FMT_BGRA), [(0, 4, 2), (0, 4, 1), (0, 4, 0)]);
        assert_eq!(places(P::AV_PIX_FMT_RGB48LE), [(0, 6, 0), (0, 6, 2), (0, 6, 4)]);
        assert_eq!(places(P::AV_PIX_FMT_GBRP10LE), [(2, 2, 0), (0, 2, 0), (1, 2, 0)]);
        assert_eq!(of(P::AV_PIX_FMT_YUV444P).rgb, None);
    }

    #[test]
    fn numbers_outside_the_enumeration_are_refused() {
        assert!(PixelFormat::of(-1).is_err());
        assert!(PixelFormat::of(i32::MAX).is_err());
    }
}
