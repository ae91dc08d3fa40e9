//! What is to be scaled: the job, and the crop of each frame.

use crate::colour::ChromaSite;
use crate::error::{Error, Result};
use crate::frame::{Area, FrameFormat, Subsampling};
use crate::geometry::{Size, Window};
use std::ops::Range;
use upright_shaders::Conversion;

/// Longest side of a picture, in samples.
pub const MAX_SIDE: u32 = 16_384;

/// Distance in samples of the grid that rounding may leave between the edges of a window that was computed to touch the
/// grid's and those.
pub(in crate::picture) const EDGE_SLACK: f64 = 1e-6;

/// Lobes on each side of Lanczos' kernel, beyond which the B-spline does not reach either.
pub(in crate::picture) const LOBES: f64 = 3.0;

/// How far the kernel of [`Resampling::Sharp`] reaches on each side, in samples.
pub(in crate::picture) const SHARP_REACH: f64 = 4.0;

/// What samples are weighed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resampling {
    /// Lanczos' kernel of three lobes.
    Lanczos,
    /// The same with one step of back-projection along axes that are enlarged, where samples are held to their neighbours.
    Sharp,
    /// The cubic B-spline, which has no edges and overshoots nowhere: for pictures that are to look soft.
    Spline,
}

/// A scaling job: what a node of the graph scales to.
#[derive(Clone, Debug, PartialEq)]
pub struct ScaleSpec {
    /// Format of the whole upright grid that source frames are areas of.
    pub source: FrameFormat,
    /// The most columns and rows of the grid that a source frame will hold.
    pub room: Size,
    /// Where the source's chroma samples lie, on the upright grid.
    pub source_chroma: ChromaSite,
    /// True where samples use their full range, on both sides. It matters where a rung's depth is not the source's.
    pub full_range: bool,
    /// Formats of the rungs, always 4:2:0.
    pub rungs: Vec<FrameFormat>,
    /// Where the rungs' chroma samples lie: left or top-left for AV1, which signals no other.
    pub rung_chroma: ChromaSite,
    /// What the rungs are made with.
    pub resampling: Resampling,
}

impl ScaleSpec {
    /// Computes the area of the grid that is enough for a window of it: a filter reaches three samples beyond it, and
    /// further by the ratio where it shrinks; four at least with [`Resampling::Sharp`].
    pub fn area(&self, window: Window) -> Area {
        let [across, down] = self.reaches();
        let (x, right) = across.around(window.x, window.width);
        let (y, bottom) = down.around(window.y, window.height);
        if x < right && y < bottom {
            Area { x, y, width: right - x, height: bottom - y }
        } else {
            Area::whole(self.source)
        }
    }

    /// Computes the least room in which the area of any window of these sizes fits, wherever the window lies. Sizes are
    /// widths and heights in samples of the grid.
    pub fn room_for(&self, sizes: impl IntoIterator<Item = (f64, f64)>) -> Size {
        let [across, down] = self.reaches();
        let room = |(width, height)| Size { width: across.most(width), height: down.most(height) };
        sizes.into_iter().map(room).reduce(Size::union).unwrap_or(Size { width: 1, height: 1 })
    }

    /// Gives the format of the largest source frame that there is room for.
    pub fn largest_source(&self) -> FrameFormat {
        FrameFormat { width: self.room.width, height: self.room.height, ..self.source }
    }

    /// Along x and along y.
    fn reaches(&self) -> [Reach; 2] {
        let FrameFormat { width, height, subsampling, .. } = self.source;
        let reach = if self.resampling == Resampling::Sharp { SHARP_REACH } else { LOBES };
        let least = |side: fn(&FrameFormat) -> u32| f64::from(self.rungs.iter().map(side).min().unwrap_or(1).max(1));
        [
            Reach { grid: width, subsampling: subsampling.x, outputs: least(|rung| rung.width), reach },
            Reach { grid: height, subsampling: subsampling.y, outputs: least(|rung| rung.height), reach },
        ]
    }
}

/// The sizes that decide how far filters reach beyond a window along one axis, and where the grid ends.
struct Reach {
    /// Samples of the grid.
    grid: u32,
    /// Of the source's chroma.
    subsampling: u32,
    /// Luma samples of the rung that has the fewest.
    outputs: f64,
    /// How far the kernel reaches where it enlarges, in samples of the plane.
    reach: f64,
}

impl Reach {
    /// In samples of the grid, on either side of a window that is `span` samples long.
    fn beyond(&self, span: f64) -> f64 {
        // Chroma, of which rungs have half as much, shrinks the most. One more of either plane's samples is for its
        // siting and one for rounding.
        let s = f64::from(self.subsampling);
        let ratio = f64::from(Subsampling::CS420.x) * span / self.outputs / s;
        s * ((LOBES * ratio).max(self.reach) + 2.0)
    }

    /// First sample and end of what is enough for `[start, start + span)`.
    fn around(&self, start: f64, span: f64) -> (u32, u32) {
        let (s, reach) = (self.subsampling, self.beyond(span));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped into the grid")]
        let sample = |place: f64| place.clamp(0.0, f64::from(self.grid)) as u32;
        let (first, end) = (sample((start - reach).floor()), sample((start + span + reach).ceil()));
        (first / s * s, end.next_multiple_of(s).min(self.grid))
    }

    /// The most samples that [`Reach::around`] gives for windows of this length.
    fn most(&self, span: f64) -> u32 {
        let s = f64::from(self.subsampling);
        // Wherever that lies, it touches one chroma sample more than it is long; and rounding may make it longer.
        let chroma = ((span + 2.0 * self.beyond(span) + EDGE_SLACK) / s).ceil() + 1.0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped into the grid")]
        let samples = (chroma * s).clamp(1.0, f64::from(self.grid)) as u32;
        samples
    }
}

/// The part of one source frame that is wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crop {
    /// The window in samples of the upright grid, inside it. It may differ on every frame.
    pub window: Window,
    /// The part of the upright grid that the source frame holds: at least [`ScaleSpec::area`] of the window. A larger
    /// one changes no sample of the rungs.
    pub area: Area,
    /// True where the window's size differs from frame to frame. Kernels are then widened in steps of 1/64, so that
    /// frames share them; positions are as exact as ever.
    pub zooming: bool,
    /// Number of the frame in the job, from 0: the key of the dither noise.
    pub frame: u64,
}

/// Luma or chroma: both planes of chroma share filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::picture) enum PlaneKind {
    Luma,
    Chroma,
}

impl PlaneKind {
    pub(in crate::picture) const ALL: [Self; 2] = [Self::Luma, Self::Chroma];

    /// Tells the kind of plane 0, 1 or 2.
    pub(in crate::picture) fn of(plane: usize) -> Self {
        if plane == 0 { Self::Luma } else { Self::Chroma }
    }

    /// Gives the planes of this kind.
    pub(in crate::picture) fn planes(self) -> Range<usize> {
        if self == Self::Luma { 0..1 } else { 1..3 }
    }
}

impl ScaleSpec {
    /// Gives the integers that take planes of one kind to a rung.
    pub(in crate::picture) fn conversion(&self, rung: &FrameFormat, kind: PlaneKind) -> Conversion {
        let range = match (self.full_range, kind) {
            (false, _) => upright_shaders::Range::Limited,
            (true, PlaneKind::Luma) => upright_shaders::Range::FullLuma,
            (true, PlaneKind::Chroma) => upright_shaders::Range::FullChroma,
        };
        Conversion::new(self.source.depth.bits(), rung.depth.bits(), range)
    }
}

impl ScaleSpec {
    /// Refuses a job that makes no sense: without a rung, or with sides that are zero or above [`MAX_SIDE`].
    pub(in crate::picture) fn check(&self) -> Result<()> {
        if self.rungs.is_empty() {
            return Err(Error::misuse("scaling: no rung was asked for"));
        }
        for format in std::iter::once(&self.largest_source()).chain(&self.rungs) {
            if [format.width, format.height].iter().any(|side| !(1..=MAX_SIDE).contains(side)) {
                let (width, height) = (format.width, format.height);
                return Err(Error::misuse(format!("{width}x{height}: a side is 1 to {MAX_SIDE} samples long")));
            }
        }
        let (room, grid) = (self.room, Size { width: self.source.width, height: self.source.height });
        if room.width > grid.width || room.height > grid.height {
            return Err(Error::misuse(format!("scaling: room for {room} samples of a grid of {grid}")));
        }
        Ok(())
    }
}

impl Crop {
    /// Wants all of a picture.
    pub(in crate::picture) fn whole(grid: FrameFormat, frame: u64) -> Self {
        let window = Window { x: 0.0, y: 0.0, width: grid.width.into(), height: grid.height.into() };
        Self { window, area: Area::whole(grid), zooming: false, frame }
    }

    /// Refuses a window that does not lie in a grid.
    pub(in crate::picture) fn check_window(&self, grid: FrameFormat) -> Result<()> {
        let Self { window: Window { x, y, width, height }, frame, .. } = *self;
        let (grid_width, grid_height) = (f64::from(grid.width), f64::from(grid.height));
        let inside = |origin: f64, span: f64, whole: f64| {
            span > 0.0 && origin >= -EDGE_SLACK && span <= whole + EDGE_SLACK && origin + span <= whole + EDGE_SLACK
        };
        if !inside(x, width, grid_width) || !inside(y, height, grid_height) {
            let window = format!("{width} by {height} samples at ({x}, {y})");
            return Err(Error::misuse(format!(
                "frame {frame}: the window of {window} does not lie in the picture of {grid_width} by {grid_height}"
            )));
        }
        Ok(())
    }
}
