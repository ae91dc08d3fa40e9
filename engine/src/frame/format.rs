//! Sizes and sample formats of frames, and where planes lie.

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
    /// Gives the number: 8, 10 or 12.
    pub fn bits(self) -> u32 {
        match self {
            Self::Eight => 8,
            Self::Ten => 10,
            Self::Twelve => 12,
        }
    }

    /// Gives the bytes that a sample takes in memory: 1 or 2.
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

/// Luma samples that one chroma sample covers along each axis: 1 or 2.
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

/// Size and sample format of a frame.
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
    pub const ROW_ALIGN: usize = 64;

    /// Tells how much plane `index` is subsampled: 1 by 1 for luma (0), the chroma subsampling for 1 and 2.
    pub fn plane_subsampling(&self, index: usize) -> Subsampling {
        if index == 0 { Subsampling::CS444 } else { self.subsampling }
    }

    /// Computes where the three planes lie: one after the other, without gaps but for row padding.
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

    /// Counts the bytes of a frame of this format, with the padding of its rows.
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
    /// Gives the area that is all of a grid.
    pub fn whole(grid: FrameFormat) -> Self {
        Self { x: 0, y: 0, width: grid.width, height: grid.height }
    }

    /// Gives the format of a frame that holds this area of a `grid` and no more.
    pub fn format(self, grid: FrameFormat) -> FrameFormat {
        FrameFormat { width: self.width, height: self.height, ..grid }
    }

    /// Says whether it lies in `grid`, begins at a chroma sample there, and ends with one or with the grid.
    pub fn lies_in(self, grid: FrameFormat) -> bool {
        let along = |start: u32, length: u32, s: u32, grid: u32| {
            let end = start.checked_add(length).filter(|&end| length > 0 && end <= grid);
            start.is_multiple_of(s) && end.is_some_and(|end| end.is_multiple_of(s) || end == grid)
        };
        let s = grid.subsampling;
        along(self.x, self.width, s.x, grid.width) && along(self.y, self.height, s.y, grid.height)
    }

    /// Computes the area that reaches `by` luma samples farther on all sides, as far as the grid does, and begins and ends with chroma
    /// samples.
    #[must_use]
    pub fn grown(self, by: u32, grid: FrameFormat) -> Self {
        let along = |start: u32, length: u32, s: u32, whole: u32| {
            let begin = start.saturating_sub(by) / s * s;
            let end = start.saturating_add(length).saturating_add(by).next_multiple_of(s).min(whole);
            (begin, end - begin)
        };
        let s = grid.subsampling;
        let ((x, width), (y, height)) =
            (along(self.x, self.width, s.x, grid.width), along(self.y, self.height, s.y, grid.height));
        Self { x, y, width, height }
    }

    /// Computes the least area that holds this and another.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let right = (self.x + self.width).max(other.x + other.width);
        let bottom = (self.y + self.height).max(other.y + other.height);
        Self { x, y, width: right - x, height: bottom - y }
    }

    /// Says whether all of `other` lies in it.
    pub fn contains(self, other: Self) -> bool {
        let along = |start: u32, length: u32, other_start: u32, other_length: u32| {
            start <= other_start && other_start.saturating_add(other_length) <= start.saturating_add(length)
        };
        along(self.x, self.width, other.x, other.width) && along(self.y, self.height, other.y, other.height)
    }

    /// Computes the part of this that lies in a plane subsampled by `s`, in samples of that plane.
    #[must_use]
    pub fn of_plane(self, s: Subsampling) -> Self {
        let (x, y) = (self.x / s.x, self.y / s.y);
        let (right, bottom) = ((self.x + self.width).div_ceil(s.x), (self.y + self.height).div_ceil(s.y));
        Self { x, y, width: right - x, height: bottom - y }
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
        assert_eq!((cb.offset, cb.stride, cb.width, cb.height), (1216 * 5, 640, 304, 3));
        assert_eq!(cr.offset, cb.offset + 640 * 3);
        assert_eq!(format.bytes(), cr.offset + 640 * 3);
    }

    #[test]
    fn areas_lie_in_the_grid_and_on_its_chroma_samples() {
        let grid = FrameFormat { width: 31, height: 20, subsampling: Subsampling::CS422, depth: Depth::Eight };
        let area = |x, y, width, height| Area { x, y, width, height };
        for good in [Area::whole(grid), area(2, 3, 4, 5), area(30, 19, 1, 1), area(28, 0, 3, 20)] {
            assert!(good.lies_in(grid) && Area::whole(grid).contains(good), "{good:?}");
        }
        let bad = [area(1, 0, 2, 2), area(2, 0, 3, 2), area(30, 0, 2, 2), area(0, 20, 2, 1), area(0, 0, 0, 1)];
        for bad in bad.into_iter().chain([area(2, 2, u32::MAX, 2)]) {
            assert!(!bad.lies_in(grid), "{bad:?}");
        }
        assert!(!area(2, 3, 4, 5).contains(area(2, 3, 4, 6)));
        assert!(!area(2, 3, 4, 5).contains(area(0, 3, 4, 5)));
        assert_eq!(area(2, 3, 4, 5).union(area(0, 7, 3, 9)), area(0, 3, 6, 13));
        assert_eq!(area(4, 3, 4, 5).grown(3, grid), area(0, 0, 12, 11));
        assert_eq!(area(28, 19, 3, 1).grown(3, grid), area(24, 16, 7, 4));
    }
}
