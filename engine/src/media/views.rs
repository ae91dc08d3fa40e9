//! Pictures that are not seen as they are: two views in one, and what surrounds the viewer.

#![expect(unsafe_code, reason = "libav is C")]

use super::ffi::{self, AvFrame};
use crate::frame::Area;
use crate::geometry::{Rational, Size};
use ffmpeg_sys_next as av;

/// The packing of the two views of a stereoscopic picture into one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packing {
    /// libav's number of the kind.
    kind: u32,
    /// True where the right view comes first.
    inverted: bool,
}

/// One view: where it lies in the picture, and what the shape of its samples is to be multiplied by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct View {
    pub area: Area,
    pub stretch: Rational,
}

const SIDE_BY_SIDE: u32 = av::AVStereo3DType::AV_STEREO3D_SIDEBYSIDE as u32;
const TOP_BOTTOM: u32 = av::AVStereo3DType::AV_STEREO3D_TOPBOTTOM as u32;

/// Pictures this much wider than high, or narrower, hold two views of full width, or height: the widest that is half of
/// each is 2.39, of films; and the narrowest 4:3.
const WIDE: f64 = 2.5;
const NARROW: f64 = 1.25;

impl Packing {
    /// Reads the packing from the container, else from the frame; none for one view.
    pub(super) fn of(stream: &av::AVStream, frame: &AvFrame) -> Option<Self> {
        let of_stream = || {
            // SAFETY: a stream of an opened context, which nobody changes meanwhile.
            unsafe { ffi::stream_side_data(stream, av::AVPacketSideDataType::AV_PKT_DATA_STEREO3D) }
        };
        of_stream().map_or_else(|| Self::of_frame(frame), Self::read)
    }

    /// Reads the packing from the frame alone; none where it has none.
    pub(super) fn of_frame(frame: &AvFrame) -> Option<Self> {
        ffi::frame_side_data(frame, av::AVFrameSideDataType::AV_FRAME_DATA_STEREO3D).and_then(Self::read)
    }

    /// Reads an `AVStereo3D`, which begins with two numbers: a newer library may know more kinds.
    fn read(data: &[u8]) -> Option<Self> {
        let mut numbers = data.chunks_exact(4).map(bytemuck::pod_read_unaligned::<u32>);
        let (kind, flags) = (numbers.next()?, numbers.next()?);
        let inverted = flags & av::AV_STEREO3D_FLAG_INVERT as u32 != 0;
        (kind != av::AVStereo3DType::AV_STEREO3D_2D as u32).then_some(Self { kind, inverted })
    }

    /// Names the packing, for messages.
    pub(super) fn name(self) -> &'static str {
        packing_name(self.kind)
    }

    /// The left view in a picture of this size and with samples of this shape, and what it is in words.
    ///
    /// # Errors
    /// A sentence when views are packed in a way that is not taken apart.
    pub(super) fn left_view(
        self,
        Size { width, height }: Size,
        sample_aspect: Rational,
    ) -> Result<(View, &'static str), String> {
        let shape = f64::from(width) / f64::from(height) * sample_aspect.as_f64();
        let whole = Area { x: 0, y: 0, width, height };
        // The second view begins at a chroma sample.
        let second = |length: u32| (length / 2).next_multiple_of(2).min(length - 1);
        let along = |length| if self.inverted { (second(length), length - second(length)) } else { (0, length / 2) };
        match self.kind {
            SIDE_BY_SIDE => {
                let (x, width) = along(width);
                let full = shape >= WIDE;
                let told = if full {
                    "the left of two side by side"
                } else {
                    "the left of two side by side, each of half width"
                };
                let stretch = Rational::new(if full { 1 } else { 2 }, 1);
                Ok((View { area: Area { x, width, ..whole }, stretch }, told))
            }
            TOP_BOTTOM => {
                let (y, height) = along(height);
                let full = shape <= NARROW;
                let told = if full {
                    "the left of two above each other"
                } else {
                    "the left of two above each other, each of half height"
                };
                let stretch = Rational::new(1, if full { 1 } else { 2 });
                Ok((View { area: Area { y, height, ..whole }, stretch }, told))
            }
            kind => Err(format!(
                "its pictures hold two views, packed as {}, which Upright does not take apart; extract one first",
                packing_name(kind)
            )),
        }
    }
}

/// Names libav's kinds of packing (`AVStereo3DType`), for messages.
fn packing_name(kind: u32) -> &'static str {
    match kind {
        SIDE_BY_SIDE => "side by side",
        TOP_BOTTOM => "top and bottom",
        3 => "alternating frames",
        4 => "a checkerboard",
        5 => "side by side in quincunx",
        6 => "alternating rows",
        7 => "alternating columns",
        _ => "something unknown",
    }
}

/// The projection of a picture all around the viewer, as the container or the frame tells it; none for flat pictures.
pub(super) fn projection(stream: &av::AVStream, frame: &AvFrame) -> Option<&'static str> {
    // SAFETY: a stream of an opened context, which nobody changes meanwhile.
    let of_stream = unsafe { ffi::stream_side_data(stream, av::AVPacketSideDataType::AV_PKT_DATA_SPHERICAL) };
    let data = of_stream.or_else(|| ffi::frame_side_data(frame, av::AVFrameSideDataType::AV_FRAME_DATA_SPHERICAL))?;
    // An `AVSphericalMapping` begins with the number of its projection.
    match data.first_chunk::<4>().map(|bytes| u32::from_ne_bytes(*bytes))? {
        0 | 2 => Some("equirectangular"),
        1 => Some("cube map"),
        3 => Some("half equirectangular"),
        // Rectilinear, as any flat picture.
        4 => None,
        5 => Some("fisheye"),
        _ => Some("unknown projection"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: Rational = Rational { num: 1, den: 1 };

    fn left(kind: u32, inverted: bool, width: u32, height: u32) -> (Area, Rational) {
        let view = Packing { kind, inverted }.left_view(Size { width, height }, SQUARE).unwrap().0;
        (view.area, view.stretch)
    }

    #[test]
    fn views_are_halves_and_squeezed_unless_the_picture_is_twice_as_long() {
        let area = |x, y, width, height| Area { x, y, width, height };
        let (double, half) = (Rational::new(2, 1), Rational::new(1, 2));
        assert_eq!(left(SIDE_BY_SIDE, false, 1920, 1080), (area(0, 0, 960, 1080), double));
        assert_eq!(left(SIDE_BY_SIDE, false, 1920, 804), (area(0, 0, 960, 804), double), "a film's 2.39");
        assert_eq!(left(SIDE_BY_SIDE, false, 3840, 1080), (area(0, 0, 1920, 1080), SQUARE));
        assert_eq!(left(SIDE_BY_SIDE, true, 1920, 1080), (area(960, 0, 960, 1080), double));
        assert_eq!(left(TOP_BOTTOM, false, 1920, 1080), (area(0, 0, 1920, 540), half));
        assert_eq!(left(TOP_BOTTOM, false, 1920, 2160), (area(0, 0, 1920, 1080), SQUARE));
        assert_eq!(left(TOP_BOTTOM, true, 640, 362), (area(0, 182, 640, 180), half), "at a chroma sample");
    }

    #[test]
    fn other_packings_are_named() {
        let why = Packing { kind: 4, inverted: false }.left_view(Size { width: 64, height: 64 }, SQUARE).unwrap_err();
        assert!(why.contains("a checkerboard"), "{why}");
    }
}
