//! From a decoded picture of libav to a [`Frame`]: samples turned upright and taken apart into planes.

use super::convert::Converter;
use super::ffi::AvFrame;
use super::orientation;
use super::pixels::{Component, Native, PixelFormat};
use crate::colour::{ChromaSite, Colour};
use crate::error::Result;
use crate::frame::{Frame, FrameFormat, Sample, Subsampling};
use crate::geometry::{Orientation, Size};

/// Reads pictures of one size and pixel format.
#[derive(Debug)]
pub(super) struct Ingest {
    converter: Option<Converter>,
    planes: Planes,
    chroma: ChromaSite,
}

/// From the planes of a picture to those of a frame.
#[derive(Clone, Copy, Debug)]
struct Planes {
    stored: Size,
    /// Of the stored picture.
    subsampling: Subsampling,
    native: Native,
    orientation: Orientation,
    format: FrameFormat,
}

impl Ingest {
    /// For pictures of `pixels` and of size `stored`, meant to be seen in `orientation`; `colour` says what their
    /// samples are, its matrix what RGB becomes.
    pub(super) fn new(pixels: &PixelFormat, stored: Size, orientation: Orientation, colour: &Colour) -> Result<Self> {
        let (native, converter) = match pixels.native {
            Some(native) => (native, None),
            None => {
                let converter = Converter::new(pixels, stored, colour)?;
                (converter.native(), Some(converter))
            }
        };
        let subsampling = pixels.subsampling;
        let grid = orientation.upright_size(stored);
        let format = FrameFormat {
            width: grid.width,
            height: grid.height,
            subsampling: orientation::subsampling(subsampling, orientation),
            depth: pixels.depth,
        };
        let planes = Planes { stored, subsampling, native, orientation, format };
        let chroma = orientation::chroma_site(colour.chroma, subsampling, stored, orientation);
        Ok(Self { converter, planes, chroma })
    }

    /// Format of the frames that it fills.
    pub(super) fn format(&self) -> FrameFormat {
        self.planes.format
    }

    /// Where chroma lies on the upright grid.
    pub(super) fn chroma(&self) -> ChromaSite {
        self.chroma
    }

    /// Fills `frame` with the samples of `picture`, whose size and pixel format are those that self is for.
    ///
    /// # Panics
    /// When `frame` is not of [`Ingest::format`].
    pub(super) fn fill(&mut self, picture: &AvFrame, frame: &mut Frame) -> Result<()> {
        assert_eq!(frame.format(), self.format(), "the frame to fill has the source's format");
        let picture = match &mut self.converter {
            Some(converter) => converter.convert(picture)?,
            None => picture,
        };
        if frame.format().depth.bytes() == 1 {
            self.planes.fill::<u8>(picture, frame);
        } else {
            self.planes.fill::<u16>(picture, frame);
        }
        Ok(())
    }
}

impl Planes {
    fn fill<T: Sample>(&self, picture: &AvFrame, frame: &mut Frame) {
        let bits = self.format.depth.bits();
        let chroma = self.native.chroma.map_or([None; 2], |chroma| chroma.map(Some));
        for (index, component) in [Some(self.native.luma), chroma[0], chroma[1]].into_iter().enumerate() {
            let (samples, stride) = frame.plane_mut::<T>(index);
            match component {
                Some(component) => {
                    let s = if index == 0 { Subsampling::CS444 } else { self.subsampling };
                    let size =
                        Size { width: self.stored.width.div_ceil(s.x), height: self.stored.height.div_ceil(s.y) };
                    let plane = Plane::new(picture, component, size, (1 << bits) - 1);
                    plane.copy_upright(samples, stride, self.orientation);
                }
                None => samples.fill(T::truncate(1 << (bits - 1))),
            }
        }
    }
}

/// One component of a picture of libav, stored as libav stores it.
pub(super) struct Plane<'a> {
    picture: std::marker::PhantomData<&'a AvFrame>,
    first: *const u8,
    /// Bytes from one row to the next; negative where rows are stored from the bottom.
    stride: isize,
    size: Size,
    component: Component,
    /// Largest value of a sample. Raw video can hold more than its format allows, and nobody later expects it.
    max: i32,
}

impl<'a> Plane<'a> {
    /// The `component` of a picture, `size` samples of it, none of them above `max`.
    pub(super) fn new(picture: &'a AvFrame, component: Component, size: Size, max: i32) -> Self {
        let fields = picture.fields();
        let stride = fields.linesize[component.plane] as isize;
        Self { picture: std::marker::PhantomData, first: fields.data[component.plane], stride, size, component, max }
    }

    /// The bytes of stored row `v`, of all components that share the plane.
    pub(super) fn row(&self, v: usize) -> &'a [u8] {
        let bytes = self.size.width as usize * self.component.step;
        // SAFETY: libav allocates `size.height` rows of at least `size.width` groups of components in this plane, and
        // the caller's `v` is below `size.height`; the picture outlives 'a unchanged.
        unsafe { std::slice::from_raw_parts(self.first.offset(v as isize * self.stride), bytes) }
    }

    /// Bytes from one sample to the next.
    pub(super) fn step(&self) -> usize {
        self.component.step
    }

    /// The sample in the `step` bytes of one group.
    #[inline(always)]
    pub(super) fn sample<T: Sample>(&self, group: &[u8]) -> T {
        let stored: i32 = bytemuck::pod_read_unaligned::<T>(&group[self.component.offset..][..T::BYTES]).into();
        T::truncate((stored >> self.component.shift).min(self.max))
    }

    /// Copies the plane into `upright`, whose rows are `stride` samples apart.
    fn copy_upright<T: Sample>(&self, upright: &mut [T], stride: usize, orientation: Orientation) {
        if orientation.transpose {
            self.transpose(upright, stride, orientation);
        } else if orientation.flip_x {
            self.copy_rows(upright, stride, orientation.flip_y, |row, out| {
                for (sample, group) in out.iter_mut().rev().zip(row.chunks_exact(self.component.step)) {
                    *sample = self.sample(group);
                }
            });
        } else if T::BYTES == 1 && self.component.step == 1 {
            self.copy_rows(upright, stride, orientation.flip_y, |row, out| {
                bytemuck::cast_slice_mut(out).copy_from_slice(row);
            });
        } else {
            self.copy_rows(upright, stride, orientation.flip_y, |row, out| {
                for (sample, group) in out.iter_mut().zip(row.chunks_exact(self.component.step)) {
                    *sample = self.sample(group);
                }
            });
        }
    }

    fn copy_rows<T>(&self, upright: &mut [T], stride: usize, flip_y: bool, copy: impl Fn(&[u8], &mut [T])) {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        for (y, out) in upright.chunks_mut(stride).take(height).enumerate() {
            copy(self.row(if flip_y { height - 1 - y } else { y }), &mut out[..width]);
        }
    }

    /// By square tiles, so that reads and writes both go along rows and stay in the cache.
    fn transpose<T: Sample>(&self, upright: &mut [T], stride: usize, orientation: Orientation) {
        const TILE: usize = 32;
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let step = self.component.step;
        let mut tile = [[T::zeroed(); TILE]; TILE];
        for v0 in (0..height).step_by(TILE) {
            let rows = TILE.min(height - v0);
            // The tile's columns are upright columns, ascending.
            let x0 = if orientation.flip_y { height - v0 - rows } else { v0 };
            for u0 in (0..width).step_by(TILE) {
                let columns = TILE.min(width - u0);
                for v in 0..rows {
                    let x = if orientation.flip_y { rows - 1 - v } else { v };
                    let groups = &self.row(v0 + v)[u0 * step..][..columns * step];
                    for (out, group) in tile.iter_mut().zip(groups.chunks_exact(step)) {
                        out[x] = self.sample(group);
                    }
                }
                for (u, line) in tile[..columns].iter().enumerate() {
                    let y = if orientation.flip_x { width - 1 - u0 - u } else { u0 + u };
                    upright[y * stride + x0..][..rows].copy_from_slice(&line[..rows]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
