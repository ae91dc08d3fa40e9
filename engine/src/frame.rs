//! Frames: planes of samples with a format, a meaning and a time.

mod format;
mod memory;

use crate::colour::Colour;
pub use format::{Area, Depth, FrameFormat, PlaneLayout, Subsampling};
pub(crate) use memory::{HostBytes, LentMemory};
pub use memory::{HostMemory, PADDING};

use bytemuck::Pod;
use std::fmt::{self, Debug, Formatter};
use std::mem;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// A type that holds one sample: `u8` at 8 bits, `u16` above.
pub trait Sample: Pod + Into<i32> + Send + Sync + 'static {
    /// Bytes of the type.
    const BYTES: usize;
    /// Converts a value that is known to fit; higher bits are dropped.
    fn truncate(value: i32) -> Self;
}

impl Sample for u8 {
    const BYTES: usize = 1;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the caller has clamped")]
    fn truncate(value: i32) -> Self {
        value as Self
    }
}

impl Sample for u16 {
    const BYTES: usize = 2;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the caller has clamped")]
    fn truncate(value: i32) -> Self {
        value as Self
    }
}

/// The order in time of a frame's fields: every other row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FieldOrder {
    /// All rows are of one time.
    #[default]
    Progressive,
    /// The topmost row is of the earlier field.
    TopFirst,
    /// The topmost row is of the later field.
    BottomFirst,
}

/// Three planes, luma then the two of chroma, one behind the other: see [`FrameFormat::layout`]. `P` says where they are: in the
/// processor's memory, where they can be read, or on a device.
#[derive(Clone, Debug)]
pub struct Frame<P = HostMemory> {
    format: FrameFormat,
    layout: [PlaneLayout; 3],
    /// The meaning of the samples.
    pub colour: Colour,
    /// Whether rows are of one time, or which are earlier.
    pub fields: FieldOrder,
    /// Presentation time, in ticks of the stream's time base.
    pub pts: i64,
    /// Duration in the same ticks; 0 when it is not known.
    pub duration: i64,
    /// Its dynamic metadata of HDR10+ (SMPTE ST 2094-40), as a message of ITU-T T.35 has them behind the country code, 0xB5.
    pub hdr10_plus: Option<Arc<[u8]>>,
    place: P,
}

impl<P> Frame<P> {
    /// Makes a frame of samples that are at `place` already; progressive, of unknown colour, its time and duration 0.
    pub(crate) fn at(place: P, format: FrameFormat) -> Self {
        let (colour, fields) = (Colour::UNKNOWN, FieldOrder::Progressive);
        Self { format, layout: format.layout(), colour, fields, pts: 0, duration: 0, hdr10_plus: None, place }
    }

    /// Makes it of the colour, fields, time and dynamic metadata of another.
    #[must_use]
    pub(crate) fn like<Q>(self, other: &Frame<Q>) -> Self {
        let (colour, fields, pts, duration) = (other.colour, other.fields, other.pts, other.duration);
        Self { colour, fields, pts, duration, hdr10_plus: other.hdr10_plus.clone(), ..self }
    }

    /// Gives the size and sample format.
    pub fn format(&self) -> FrameFormat {
        self.format
    }

    /// Tells where plane 0, 1 or 2 lies.
    ///
    /// # Panics
    /// When `index` is above 2.
    pub fn layout(&self, index: usize) -> PlaneLayout {
        self.layout[index]
    }

    /// Tells where the samples are.
    #[cfg(feature = "gpu")]
    pub(crate) fn place(&self) -> &P {
        &self.place
    }
}

impl Frame {
    /// Makes a frame of zeros; progressive, of unknown colour, its time and duration 0.
    pub fn new(format: FrameFormat) -> Self {
        Self::at(HostMemory::zeroed(format.bytes()), format)
    }

    /// Becomes a frame of `format`, whose samples are yet to be written: they are any. Its memory is kept where that is large
    /// enough.
    pub fn reshape(&mut self, format: FrameFormat) {
        if format != self.format {
            self.place.resize(format.bytes());
            (self.format, self.layout) = (format, format.layout());
        }
    }

    /// Gives the whole buffer, in the machine's byte order, laid out as [`FrameFormat::layout`] says: it is uploaded to
    /// a device and read back as it is.
    pub fn bytes(&self) -> &[u8] {
        &self.place.bytes()[..self.format.bytes()]
    }

    /// Gives the whole buffer and the [`PADDING`] bytes behind it.
    pub(crate) fn padded_bytes(&self) -> &[u8] {
        self.place.bytes()
    }

    /// Gives the whole buffer, to be written. Memory that was lent to be read alone is copied first.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let bytes = self.format.bytes();
        &mut self.place.bytes_mut()[..bytes]
    }

    /// Gives the samples of plane 0, 1 or 2 with its rows' padding, and the stride in samples.
    ///
    /// # Panics
    /// When `T` is not the sample type of the frame's depth, or `index` is above 2.
    pub fn plane<T: Sample>(&self, index: usize) -> (&[T], usize) {
        let (range, stride) = self.plane_range::<T>(index);
        (bytemuck::cast_slice(&self.bytes()[range]), stride)
    }

    /// Gives the same as [`Frame::plane`], to be written.
    ///
    /// # Panics
    /// When `T` is not the sample type of the frame's depth, or `index` is above 2.
    pub fn plane_mut<T: Sample>(&mut self, index: usize) -> (&mut [T], usize) {
        let (range, stride) = self.plane_range::<T>(index);
        (bytemuck::cast_slice_mut(&mut self.bytes_mut()[range]), stride)
    }

    /// Gives all three as [`Frame::plane_mut`] does.
    ///
    /// # Panics
    /// When `T` is not the sample type of the frame's depth.
    pub(crate) fn planes_mut<T: Sample>(&mut self) -> [(&mut [T], usize); 3] {
        let ranges = [0, 1, 2].map(|index| self.plane_range::<T>(index));
        let (mut rest, mut begin) = (self.bytes_mut(), 0);
        ranges.map(|(range, stride)| {
            let (plane, behind) = mem::take(&mut rest)[range.start - begin..].split_at_mut(range.len());
            (rest, begin) = (behind, range.end);
            (bytemuck::cast_slice_mut(plane), stride)
        })
    }

    fn plane_range<T: Sample>(&self, index: usize) -> (Range<usize>, usize) {
        assert_eq!(T::BYTES, self.format.depth.bytes(), "sample type and depth agree");
        let plane = self.layout[index];
        (plane.offset..plane.offset + plane.stride * plane.height as usize, plane.stride / T::BYTES)
    }
}

/// A frame that several may hold, of whatever kind its holder is: it is let go when the last of them drops it.
pub struct HeldFrame<P = HostMemory>(Arc<dyn Deref<Target = Frame<P>> + Send + Sync>);

impl<P> HeldFrame<P> {
    /// Shares what holds a frame: a box, or a thing of a pool.
    pub fn new(holder: impl Deref<Target = Frame<P>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(holder))
    }
}

impl<P: Send + Sync + 'static> From<Frame<P>> for HeldFrame<P> {
    fn from(frame: Frame<P>) -> Self {
        Self::new(Box::new(frame))
    }
}

impl<P> Clone for HeldFrame<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P> Deref for HeldFrame<P> {
    type Target = Frame<P>;

    fn deref(&self) -> &Frame<P> {
        &self.0
    }
}

impl<P: Debug> Debug for HeldFrame<P> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Frame::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_format_takes_no_more_memory_than_the_largest() {
        let format = |width| FrameFormat { width, height: 5, subsampling: Subsampling::CS420, depth: Depth::Ten };
        let mut frame = Frame::new(format(607));
        let memory = frame.bytes().as_ptr();
        for width in [100, 607, 1] {
            frame.reshape(format(width));
            let fresh = Frame::new(format(width));
            assert_eq!((frame.format(), frame.bytes().len()), (fresh.format(), fresh.bytes().len()));
            assert_eq!(frame.layout, fresh.layout);
            assert_eq!(frame.bytes().as_ptr(), memory);
        }
    }

    #[test]
    fn planes_do_not_overlap() {
        let format = FrameFormat { width: 17, height: 3, subsampling: Subsampling::CS422, depth: Depth::Eight };
        let mut frame = Frame::new(format);
        for index in 0..3 {
            frame.plane_mut::<u8>(index).0.fill(u8::try_from(index).unwrap() + 1);
        }
        for index in 0..3 {
            assert!(frame.plane::<u8>(index).0.iter().all(|&sample| usize::from(sample) == index + 1));
        }
        let planes = [0, 1, 2].map(|index| (frame.plane::<u8>(index).0.to_vec(), frame.plane::<u8>(index).1));
        assert_eq!(frame.planes_mut::<u8>().map(|(samples, stride)| (samples.to_vec(), stride)), planes);
    }

    #[test]
    fn a_reshaped_frame_is_as_a_new_one_and_keeps_its_memory() {
        let large = FrameFormat { width: 64, height: 32, subsampling: Subsampling::CS444, depth: Depth::Ten };
        let small = FrameFormat { width: 17, height: 3, subsampling: Subsampling::CS420, depth: Depth::Eight };
        let mut frame = Frame::new(large);
        let memory = frame.bytes().as_ptr();
        for format in [small, large, small, large] {
            frame.reshape(format);
            assert_eq!(frame.format(), format);
            assert_eq!(frame.layout, format.layout());
            assert_eq!(frame.bytes().len(), format.bytes());
            assert_eq!(frame.bytes().as_ptr(), memory);
        }
        let mut frame = Frame::new(small);
        frame.reshape(large);
        assert_eq!(frame.bytes().len(), large.bytes());
    }

    #[test]
    #[should_panic(expected = "sample type and depth agree")]
    fn the_wrong_sample_type_is_refused() {
        let format = FrameFormat { width: 16, height: 16, subsampling: Subsampling::CS420, depth: Depth::Ten };
        Frame::new(format).plane::<u8>(0);
    }
}
