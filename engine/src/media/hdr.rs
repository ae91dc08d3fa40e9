//! libav's metadata of high dynamic range, as it hangs on streams, packets and frames.

#![expect(unsafe_code, reason = "libav is C")]

use super::ffi::{self, AvFrame, av_rational, out_of_memory, rational};
use crate::colour::{ContentLight, HdrMetadata, MasteringDisplay};
use crate::error::Result;
use ffmpeg_sys_next as av;
use std::ffi::{c_int, c_uint};
use std::ptr;

/// `AVMasteringDisplayMetadata` of libavutil/mastering_display_metadata.h, which the bindings lack.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct LibavMasteringDisplay {
    primaries: [[av::AVRational; 2]; 3],
    white: [av::AVRational; 2],
    min_luminance: av::AVRational,
    max_luminance: av::AVRational,
    has_primaries: c_int,
    has_luminance: c_int,
}

impl From<MasteringDisplay> for LibavMasteringDisplay {
    fn from(display: MasteringDisplay) -> Self {
        let point = |(x, y)| [av_rational(x), av_rational(y)];
        Self {
            primaries: display.primaries.map(point),
            white: point(display.white),
            min_luminance: av_rational(display.min_luminance),
            max_luminance: av_rational(display.max_luminance),
            has_primaries: 1,
            has_luminance: 1,
        }
    }
}

impl LibavMasteringDisplay {
    /// None when only part of it is known: neither AV1 nor MP4 has a way to say that.
    pub(super) fn complete(self) -> Option<MasteringDisplay> {
        let point = |[x, y]: [av::AVRational; 2]| Some((rational(x)?, rational(y)?));
        let [red, green, blue] = self.primaries.map(point);
        (self.has_primaries != 0 && self.has_luminance != 0).then_some(())?;
        Some(MasteringDisplay {
            primaries: [red?, green?, blue?],
            white: point(self.white)?,
            min_luminance: rational(self.min_luminance)?,
            max_luminance: rational(self.max_luminance)?,
        })
    }
}

/// `AVContentLightMetadata` of the same header.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct LibavContentLight {
    max_cll: c_uint,
    max_fall: c_uint,
}

impl From<ContentLight> for LibavContentLight {
    fn from(light: ContentLight) -> Self {
        Self { max_cll: light.max_cll.into(), max_fall: light.max_fall.into() }
    }
}

impl From<LibavContentLight> for ContentLight {
    fn from(light: LibavContentLight) -> Self {
        let narrow = |value| u16::try_from(value).unwrap_or(u16::MAX);
        Self { max_cll: narrow(light.max_cll), max_fall: narrow(light.max_fall) }
    }
}

/// Reads the metadata that `stream` carries.
///
/// # Safety
/// `stream` is valid.
pub(super) unsafe fn of_stream(stream: *const av::AVStream) -> HdrMetadata {
    use av::AVPacketSideDataType::{AV_PKT_DATA_CONTENT_LIGHT_LEVEL, AV_PKT_DATA_MASTERING_DISPLAY_METADATA};
    // SAFETY: the caller vouches for the stream, which nobody changes here.
    let [mastering, light] = [AV_PKT_DATA_MASTERING_DISPLAY_METADATA, AV_PKT_DATA_CONTENT_LIGHT_LEVEL]
        .map(|kind| unsafe { ffi::stream_side_data(stream, kind) });
    of_side_data(mastering, light)
}

/// Reads the metadata that `frame` carries of its stream.
pub(super) fn of_frame(frame: &AvFrame) -> HdrMetadata {
    use av::AVFrameSideDataType::{AV_FRAME_DATA_CONTENT_LIGHT_LEVEL, AV_FRAME_DATA_MASTERING_DISPLAY_METADATA};
    let [mastering, light] = [AV_FRAME_DATA_MASTERING_DISPLAY_METADATA, AV_FRAME_DATA_CONTENT_LIGHT_LEVEL]
        .map(|kind| ffi::frame_side_data(frame, kind));
    of_side_data(mastering, light)
}

fn of_side_data(mastering: Option<&[u8]>, light: Option<&[u8]>) -> HdrMetadata {
    // SAFETY: these are the types that libav holds for these kinds; any bits are valid in them.
    let (mastering, light) =
        unsafe { (mastering.and_then(|data| read(data)), light.and_then(|data| read::<LibavContentLight>(data))) };
    HdrMetadata { mastering: mastering.and_then(LibavMasteringDisplay::complete), light: light.map(Into::into) }
}

/// # Safety
/// Any bits are a valid `T`.
unsafe fn read<T: Copy>(data: &[u8]) -> Option<T> {
    // SAFETY: there are bytes enough, and the caller vouches for the rest.
    (data.len() >= size_of::<T>()).then(|| unsafe { data.as_ptr().cast::<T>().read_unaligned() })
}

/// Makes `stream` say it.
///
/// # Safety
/// `stream` is valid, and libav has not begun to use it.
pub(super) unsafe fn set_on_stream(stream: *mut av::AVStream, hdr: &HdrMetadata) -> Result<()> {
    use av::AVPacketSideDataType::{AV_PKT_DATA_CONTENT_LIGHT_LEVEL, AV_PKT_DATA_MASTERING_DISPLAY_METADATA};
    // SAFETY: the caller vouches for the stream; these are the types that libav holds for these kinds.
    unsafe {
        if let Some(mastering) = hdr.mastering {
            add(stream, AV_PKT_DATA_MASTERING_DISPLAY_METADATA, LibavMasteringDisplay::from(mastering))?;
        }
        if let Some(light) = hdr.light {
            add(stream, AV_PKT_DATA_CONTENT_LIGHT_LEVEL, LibavContentLight::from(light))?;
        }
    }
    Ok(())
}

/// # Safety
/// `stream` is valid, libav has not begun to use it, and `T` is what it holds for this kind of side data.
unsafe fn add<T: Copy>(stream: *mut av::AVStream, kind: av::AVPacketSideDataType, value: T) -> Result<()> {
    // SAFETY: the caller vouches for the stream, which owns the data.
    let data = unsafe {
        #[cfg(ffmpeg_6_1)]
        let data = {
            let parameters = (*stream).codecpar;
            let (list, count) = (&raw mut (*parameters).coded_side_data, &raw mut (*parameters).nb_coded_side_data);
            av::av_packet_side_data_new(list, count, kind, size_of::<T>(), 0)
                .as_ref()
                .map_or(ptr::null_mut(), |made| made.data)
        };
        #[cfg(not(ffmpeg_6_1))]
        let data = av::av_stream_new_side_data(stream, kind, size_of::<T>());
        data
    };
    if data.is_null() {
        return Err(out_of_memory("av_stream_new_side_data"));
    }
    // SAFETY: libav allocated that many bytes.
    unsafe { ptr::write_unaligned(data.cast(), value) };
    Ok(())
}
