//! Frames: planes of samples with a format and a timestamp.

use crate::geometry::Window;
use bytemuck::Pod;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Bits of a sample. Above eight, samples are `u16` with the value in the low bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "u32", try_from = "u32")]
pub enum Depth {
    /// 8 bits, stored as `u8`.
    Eight,
    /// 10 bits, stored as `u16`.
    Ten,
    /// 12 bits, stored as `u16`.
    Twelve,
}

impl Depth {
    /// 8, 10 or 12.
    pub fn bits(self) -> u32 {
        match self {
            Self::Eight => 8,
            Self::Ten => 10,
            Self::Twelve => 12,
        }
    }

    /// Bytes that a sample takes in memory: 1 or 2.
    pub fn bytes(self) -> usize {
        if self == Self::Eight { 1 } else { 2 }
    }
}

impl From<Depth> for u32 {
    fn from(depth: Depth) -> Self {
        depth.bits()
    }
}

impl TryFrom<u32> for Depth {
    type Error = String;

    fn try_from(bits: u32) -> Result<Self, String> {
        let known = [Self::Eight, Self::Ten, Self::Twelve].into_iter().find(|depth| depth.bits() == bits);
        known.ok_or_else(|| format!("a sample has 8, 10 or 12 bits, not {bits}"))
    }
}

impl JsonSchema for Depth {
    fn schema_name() -> Cow<'static, str> {
        "Depth".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "Bits of a sample.", "type": "integer", "enum": [8, 10, 12] })
    }
}

/// How many luma samples one chroma sample covers along each axis: 1 or 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Subsampling {
    /// Along x.
    pub x: u32,
    /// Along y.
    pub y: u32,
}

impl Subsampling {
    /// 4:2:0.
    pub const CS420: Self = Self { x: 2, y: 2 };
    /// 4:2:2.
    pub const CS422: Self = Self { x: 2, y: 1 };
    /// 4:4:0, which is 4:2:2 turned by a quarter.
    pub const CS440: Self = Self { x: 1, y: 2 };
    /// 4:4:4.
    pub const CS444: Self = Self { x: 1, y: 1 };
}

/// What a frame's samples are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct FrameFormat {
    /// Luma columns.
    pub width: u32,
    /// Luma rows.
    pub height: u32,
    /// Chroma resolution.
    pub subsampling: Subsampling,
    /// Bits of every sample of every plane.
    pub depth: Depth,
}

/// Where a plane lies in a frame's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaneLayout {
    /// Byte offset of the first sample.
    pub offset: usize,
    /// Bytes from one row to the next, a multiple of [`FrameFormat::ROW_ALIGN`].
    pub stride: usize,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl FrameFormat {
    /// Rows begin at multiples of this many bytes.
    pub const ROW_ALIGN: usize = 16;

    /// How much plane `index` is subsampled: 1 by 1 for luma (0), the chroma subsampling for 1 and 2.
    pub fn plane_subsampling(&self, index: usize) -> Subsampling {
        if index == 0 { Subsampling::CS444 } else { self.subsampling }
    }

    /// Where the three planes lie: one after the other, without gaps but for row padding.
    pub fn layout(&self) -> [PlaneLayout; 3] {
        let mut offset = 0;
        [0, 1, 2].map(|index| {
            let s = self.plane_subsampling(index);
            let (width, height) = (self.width.div_ceil(s.x), self.height.div_ceil(s.y));
            let stride = (width as usize * self.depth.bytes()).next_multiple_of(Self::ROW_ALIGN);
            let plane = PlaneLayout { offset, stride, width, height };
            offset += stride * height as usize;
            plane
        })
    }

    /// Bytes of a frame of this format.
    pub fn bytes(&self) -> usize {
        let last = self.layout()[2];
        last.offset + last.stride * last.height as usize
    }
}

/// Whole samples of an upright grid: columns `x..x + width` and rows `y..y + height`. It begins at a chroma sample, and
/// ends with one or with the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// Leftmost column.
    pub x: u32,
    /// Topmost row.
    pub y: u32,
    /// Columns, at least one.
    pub width: u32,
    /// Rows, at least one.
    pub height: u32,
}

impl Area {
    /// All of a grid.
    pub fn whole(grid: FrameFormat) -> Self {
        Self { x: 0, y: 0, width: grid.width, height: grid.height }
    }

    /// Tells whether it lies in a `grid`, and begins and ends where an area of it may.
    pub fn is_of(self, grid: FrameFormat) -> bool {
        let along = |begin: u32, length: u32, all: u32, s: u32| {
            let end = begin.checked_add(length);
            length > 0 && begin % s == 0 && end.is_some_and(|end| end == all || (end < all && end % s == 0))
        };
        let s = grid.subsampling;
        along(self.x, self.width, grid.width, s.x) && along(self.y, self.height, grid.height, s.y)
    }

    /// Format of a frame that holds this area of a `grid` and no more.
    pub fn format(self, grid: FrameFormat) -> FrameFormat {
        FrameFormat { width: self.width, height: self.height, ..grid }
    }

    /// A window of the grid, in samples of the area. No digit is lost: both corners are multiples of the same fractions.
    #[must_use]
    pub fn inside(self, window: Window) -> Window {
        Window { x: window.x - f64::from(self.x), y: window.y - f64::from(self.y), ..window }
    }

    /// The part of this that lies in a plane subsampled by `s`, in samples of that plane.
    #[must_use]
    pub fn of_plane(self, s: Subsampling) -> Self {
        let (x, y) = (self.x / s.x, self.y / s.y);
        let (right, bottom) = ((self.x + self.width).div_ceil(s.x), (self.y + self.height).div_ceil(s.y));
        Self { x, y, width: right - x, height: bottom - y }
    }
}

/// A type that holds one sample: `u8` at 8 bits, `u16` above.
pub trait Sample: Pod + Into<i32> + Send + Sync + 'static {
    /// Bytes of the type.
    const BYTES: usize;
    /// The sample of a value that is known to fit; higher bits are dropped.
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

/// Three planes, luma then the two of chroma, in one contiguous buffer; see [`FrameFormat::layout`].
#[derive(Clone, Debug)]
pub struct Frame {
    format: FrameFormat,
    layout: [PlaneLayout; 3],
    words: Vec<u32>,
    /// Presentation time, in ticks of the stream's time base.
    pub pts: i64,
    /// Duration in the same ticks; 0 when it is not known.
    pub duration: i64,
}

impl Frame {
    /// A frame of zeros.
    pub fn new(format: FrameFormat) -> Self {
        Self { format, layout: format.layout(), words: vec![0; format.bytes() / 4], pts: 0, duration: 0 }
    }

    /// What the samples are.
    pub fn format(&self) -> FrameFormat {
        self.format
    }

    /// Becomes a frame of `format`, whose samples are yet to be written: they are any. Its memory is kept where that is large
    /// enough.
    pub fn reshape(&mut self, format: FrameFormat) {
        if format == self.format {
            return;
        }
        let words = format.bytes() / 4;
        if words > self.words.capacity() {
            self.words = vec![0; words];
        } else {
            self.words.resize(words, 0);
        }
        (self.format, self.layout) = (format, format.layout());
    }

    /// Where plane 0, 1 or 2 lies.
    pub fn layout(&self, index: usize) -> PlaneLayout {
        self.layout[index]
    }

    /// The whole buffer, in the machine's byte order: what is uploaded to and read back from a device.
    pub fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.words)
    }

    /// The whole buffer, to be written.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        bytemuck::cast_slice_mut(&mut self.words)
    }

    /// The samples of a plane with its rows' padding, and the stride in samples.
    ///
    /// # Panics
    /// When `T` is not the sample type of the frame's depth.
    pub fn plane<T: Sample>(&self, index: usize) -> (&[T], usize) {
        let (range, stride) = self.plane_range::<T>(index);
        (bytemuck::cast_slice(&self.bytes()[range]), stride)
    }

    /// As [`Frame::plane`], to be written.
    ///
    /// # Panics
    /// When `T` is not the sample type of the frame's depth.
    pub fn plane_mut<T: Sample>(&mut self, index: usize) -> (&mut [T], usize) {
        let (range, stride) = self.plane_range::<T>(index);
        (bytemuck::cast_slice_mut(&mut self.bytes_mut()[range]), stride)
    }

    fn plane_range<T: Sample>(&self, index: usize) -> (std::ops::Range<usize>, usize) {
        assert_eq!(T::BYTES, self.format.depth.bytes(), "sample type and depth agree");
        let plane = self.layout[index];
        (plane.offset..plane.offset + plane.stride * plane.height as usize, plane.stride / T::BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_sizes_round_chroma_up_and_rows_are_aligned() {
        let format = FrameFormat { width: 607, height: 5, subsampling: Subsampling::CS420, depth: Depth::Ten };
        let [luma, cb, cr] = format.layout();
        assert_eq!((luma.offset, luma.stride, luma.width, luma.height), (0, 1216, 607, 5));
        assert_eq!((cb.offset, cb.stride, cb.width, cb.height), (1216 * 5, 608, 304, 3));
        assert_eq!(cr.offset, cb.offset + 608 * 3);
        assert_eq!(format.bytes(), cr.offset + 608 * 3);
    }

    #[test]
    fn areas_begin_and_end_with_chroma_or_the_grid() {
        let grid = FrameFormat { width: 9, height: 8, subsampling: Subsampling::CS422, depth: Depth::Eight };
        let is_of = |x, y, width, height| Area { x, y, width, height }.is_of(grid);
        assert!(Area::whole(grid).is_of(grid) && is_of(2, 3, 4, 1) && is_of(8, 0, 1, 8));
        let bad =
            [(1, 0, 2, 2), (0, 0, 3, 2), (0, 0, 0, 2), (0, 0, 2, 0), (0, 0, 10, 2), (0, 7, 2, 2), (2, 0, u32::MAX, 1)];
        assert!(bad.iter().all(|&(x, y, width, height)| !is_of(x, y, width, height)));
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
