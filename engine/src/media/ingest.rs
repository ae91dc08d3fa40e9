//! From a decoded picture of libav to a [`Frame`]: samples turned upright and taken apart into planes.

use super::convert::Converter;
use super::dolby::{self, Composer};
use super::ffi::AvFrame;
use super::fields::{field_order, upright_order};
use super::orientation;
use super::pixels::{Native, PixelFormat};
use super::plane::{Plane, Stored};
use crate::colour::{ChromaSite, Colour};
use crate::error::{Error, Result};
use crate::frame::{Area, Frame, FrameFormat, Subsampling};
use crate::geometry::{Orientation, Size};

/// Reads pictures, or a part of them, of one size and pixel format.
#[derive(Debug)]
pub(super) struct Ingest {
    converter: Option<Converter>,
    /// Makes pictures of the samples, where they are none.
    composer: Option<Composer>,
    planes: Planes,
    /// On the upright grid.
    colour: Colour,
}

/// From the planes of a picture to those of a frame.
#[derive(Clone, Copy, Debug)]
struct Planes {
    /// The part of the decoded picture that is read.
    stored: Area,
    /// Of the stored picture.
    subsampling: Subsampling,
    native: Native,
    orientation: Orientation,
    /// Of the upright grid.
    format: FrameFormat,
}

impl Ingest {
    /// For the part `stored` of pictures of `pixels` and of size `decoded`, meant to be seen in `orientation`; `colour` says
    /// what their samples are, its matrix what RGB becomes. The part begins at a chroma sample.
    pub(super) fn new(
        pixels: &PixelFormat,
        decoded: Size,
        stored: Area,
        orientation: Orientation,
        colour: &Colour,
    ) -> Result<Self> {
        let (native, converter) = match pixels.native {
            Some(native) => (native, None),
            None => {
                let converter = Converter::new(pixels, decoded, colour)?;
                (converter.native(), Some(converter))
            }
        };
        let subsampling = pixels.subsampling;
        let size = Size { width: stored.width, height: stored.height };
        let grid = orientation.upright_size(size);
        let format = FrameFormat {
            width: grid.width,
            height: grid.height,
            subsampling: orientation::subsampling(subsampling, orientation),
            depth: pixels.depth,
        };
        let planes = Planes { stored, subsampling, native, orientation, format };
        let chroma = orientation::chroma_site(colour.chroma, subsampling, size, orientation);
        Ok(Self { converter, composer: None, planes, colour: Colour { chroma, ..*colour } })
    }

    /// Has pictures made of samples that are none by themselves, with up to `threads` threads; the colour is that of the pictures.
    pub(super) fn compose(self, metadata: &dolby::Metadata, threads: usize) -> Self {
        Self { composer: Some(Composer::new(metadata, self.planes.format, threads)), ..self }
    }

    /// Tells whether pictures are made of samples that are none by themselves.
    pub(super) fn composes(&self) -> bool {
        self.composer.is_some()
    }

    /// Has the next pictures made by this metadata, where they are made of samples that are none by themselves.
    pub(super) fn follow(&mut self, metadata: &dolby::Metadata) {
        if let Some(composer) = &mut self.composer {
            composer.follow(metadata);
        }
    }

    /// Format of the upright grid.
    pub(super) fn format(&self) -> FrameFormat {
        let format = self.planes.format;
        if self.composer.is_some() { Composer::format(format) } else { format }
    }

    /// Where chroma lies on the upright grid.
    pub(super) fn chroma(&self) -> ChromaSite {
        self.colour.chroma
    }

    /// Makes `frame` hold the samples that `picture`, whose size and pixel format are those that self is for, has in `area` of
    /// the upright grid.
    ///
    /// # Errors
    /// [`Error::Misuse`] when the area is not one of the grid.
    pub(super) fn fill(&mut self, picture: &AvFrame, area: Area, frame: &mut Frame) -> Result<()> {
        let grid = self.planes.format;
        if !area.lies_in(grid) {
            return Err(Error::misuse(format!("{area:?} is no area of {grid:?}")));
        }
        frame.reshape(area.format(self.format()));
        let Planes { stored, orientation, .. } = self.planes;
        let order = upright_order(field_order(picture.fields()), orientation, stored.y, stored.height);
        (frame.colour, frame.fields) = (self.colour, order);
        let picture = match &mut self.converter {
            Some(converter) => converter.convert(picture)?,
            None => picture,
        };
        if let Some(composer) = &mut self.composer {
            let held = area.grown(dolby::REACH, grid);
            composer.base().reshape(held.format(grid));
            self.planes.fill::<u16>(picture, held, composer.base());
            composer.compose(self.colour.chroma, held, area, frame);
        } else if frame.format().depth.bytes() == 1 {
            self.planes.fill::<u8>(picture, area, frame);
        } else {
            self.planes.fill::<u16>(picture, area, frame);
        }
        Ok(())
    }
}

impl Planes {
    fn fill<T: Stored>(&self, picture: &AvFrame, wanted: Area, frame: &mut Frame) {
        let bits = self.format.depth.bits();
        let chroma = self.native.chroma.map_or([None; 2], |chroma| chroma.map(Some));
        for (index, component) in [Some(self.native.luma), chroma[0], chroma[1]].into_iter().enumerate() {
            let (samples, stride) = frame.plane_mut::<T>(index);
            match component {
                Some(component) => {
                    let area = self.stored_area(wanted, index);
                    let plane = Plane::new(picture, component, area, bits);
                    let size = Size { width: area.width, height: area.height };
                    if self.orientation.transpose {
                        transpose(&plane, size, samples, stride, self.orientation);
                    } else {
                        copy(&plane, size, samples, stride, self.orientation);
                    }
                }
                None => samples.fill(T::truncate(1 << (bits - 1))),
            }
        }
    }

    /// Where the `wanted` area of the upright grid is stored in a plane.
    fn stored_area(&self, wanted: Area, plane: usize) -> Area {
        let Orientation { transpose, flip_x, flip_y } = self.orientation;
        let s = if plane == 0 { Subsampling::CS444 } else { self.subsampling };
        let upright = wanted.of_plane(self.format.plane_subsampling(plane));
        let Area { x, y, width, height } = if transpose {
            Area { x: upright.y, y: upright.x, width: upright.height, height: upright.width }
        } else {
            upright
        };
        let (columns, rows) = (self.stored.width.div_ceil(s.x), self.stored.height.div_ceil(s.y));
        let (left, top) = (self.stored.x / s.x, self.stored.y / s.y);
        Area {
            x: left + if flip_x { columns - x - width } else { x },
            y: top + if flip_y { rows - y - height } else { y },
            width,
            height,
        }
    }
}

/// Copies an area of `size` samples to `upright`, whose rows are `stride` samples apart.
fn copy<T: Stored>(plane: &Plane<T>, size: Size, upright: &mut [T], stride: usize, orientation: Orientation) {
    let (width, height) = (size.width as usize, size.height as usize);
    for (y, row) in upright.chunks_mut(stride).take(height).enumerate() {
        let row = &mut row[..width];
        plane.read_row(if orientation.flip_y { height - 1 - y } else { y }, row);
        if orientation.flip_x {
            row.reverse();
        }
    }
}

/// As [`copy`], rows becoming columns: by bands of rows and tiles of those, so that reads and writes both go along rows
/// and stay in the cache.
fn transpose<T: Stored>(plane: &Plane<T>, size: Size, upright: &mut [T], stride: usize, orientation: Orientation) {
    const ROWS: usize = 32;
    const COLUMNS: usize = 16;
    let (width, height) = (size.width as usize, size.height as usize);
    // Rows of the band are as long as whole tiles; what lies beyond the plane is never written out.
    let length = width.next_multiple_of(COLUMNS);
    let mut band = vec![T::zeroed(); ROWS * length];
    for v0 in (0..height).step_by(ROWS) {
        let rows = ROWS.min(height - v0);
        // In the order of upright columns.
        let x0 = if orientation.flip_y { height - v0 - rows } else { v0 };
        for (r, row) in band.chunks_mut(length).take(rows).enumerate() {
            plane.read_row(if orientation.flip_y { v0 + rows - 1 - r } else { v0 + r }, &mut row[..width]);
        }
        for u0 in (0..width).step_by(COLUMNS) {
            let mut tile = [[T::zeroed(); ROWS]; COLUMNS];
            for (r, row) in band.chunks_exact(length).take(ROWS).enumerate() {
                let samples = &row[u0..u0 + COLUMNS];
                for c in 0..COLUMNS {
                    tile[c][r] = samples[c];
                }
            }
            for (u, line) in (u0..width).zip(&tile) {
                let y = if orientation.flip_x { width - 1 - u } else { u };
                upright[y * stride + x0..][..rows].copy_from_slice(&line[..rows]);
            }
        }
    }
}

#[cfg(test)]
mod tests;
