//! Reading one component of a decoded picture, row by row, whatever shares its plane.

#![expect(unsafe_code, reason = "libav is C")]

use super::ffi::AvFrame;
use super::pixels::Component;
use crate::frame::{Area, Sample};
use std::marker::PhantomData;

/// A sample as libav stores it.
pub(super) trait Stored: Sample {
    /// Its value: what lies above `shift` bits, at most `max`.
    fn value(self, shift: u32, max: Self) -> Self;
}

impl Stored for u8 {
    fn value(self, _: u32, _: Self) -> Self {
        // Eight bits fill a byte.
        self
    }
}

impl Stored for u16 {
    fn value(self, shift: u32, max: Self) -> Self {
        (self >> shift).min(max)
    }
}

/// An area of one component of a picture of libav, stored as libav stores it.
pub(super) struct Plane<'a, T> {
    /// The first row of the picture.
    first: *const u8,
    /// Bytes from one row to the next; negative where rows are stored from the bottom.
    stride: isize,
    /// In samples of the component.
    area: Area,
    /// Samples from one of this component to the next.
    step: usize,
    /// Place of the first among the samples of its row.
    offset: usize,
    shift: u32,
    max: T,
    picture: PhantomData<&'a AvFrame>,
}

impl<'a, T: Stored> Plane<'a, T> {
    /// The `area`, inside the picture, of the `component` of `picture`, with samples of `bits` bits. Raw video can hold
    /// values above those, and nobody later expects them: they are clamped.
    pub(super) fn new(picture: &'a AvFrame, component: Component, area: Area, bits: u32) -> Self {
        let fields = picture.fields();
        Self {
            first: fields.data[component.plane],
            stride: fields.linesize[component.plane] as isize,
            area,
            step: component.step / T::BYTES,
            offset: component.offset / T::BYTES,
            shift: component.shift,
            max: T::truncate((1 << bits) - 1),
            picture: PhantomData,
        }
    }

    /// The values of row `v` of the area, into `out`, which has as many samples as a row.
    pub(super) fn read_row(&self, v: usize, out: &mut [T]) {
        let bytes = self.row(v);
        match bytemuck::try_cast_slice(bytes) {
            Ok(row) => self.pick(row, out),
            // Demuxers cut raw video out of what they read wherever it begins.
            Err(_) => self.pick(&bytemuck::pod_collect_to_vec(bytes), out),
        }
    }

    /// The bytes of row `v` of the area, of all components that share the plane.
    fn row(&self, v: usize) -> &'a [u8] {
        let Area { x, y, width, height } = self.area;
        assert!(v < height as usize, "the row is one of the area's");
        let group = self.step * T::BYTES;
        // SAFETY: the area lies inside the picture, of which libav allocates all rows and in each all groups of components
        // in this plane; the picture outlives 'a unchanged.
        unsafe {
            let row = self.first.offset((y as usize + v) as isize * self.stride);
            std::slice::from_raw_parts(row.add(x as usize * group), width as usize * group)
        }
    }

    /// Those of this component from a row of all. The usual distances are known to the compiler, for it to use vectors.
    fn pick(&self, row: &[T], out: &mut [T]) {
        match self.step {
            1 => self.pick_every::<1>(row, out),
            2 => self.pick_every::<2>(row, out),
            3 => self.pick_every::<3>(row, out),
            4 => self.pick_every::<4>(row, out),
            step => {
                let groups = row.chunks_exact(step).map(|group| group[self.offset]);
                out.iter_mut().zip(groups).for_each(|(out, stored)| *out = stored.value(self.shift, self.max));
            }
        }
    }

    fn pick_every<const STEP: usize>(&self, row: &[T], out: &mut [T]) {
        let Self { offset, shift, max, .. } = *self;
        assert!(offset < STEP, "a component lies in its own group");
        for (out, group) in out.iter_mut().zip(row.as_chunks::<STEP>().0) {
            *out = group[offset].value(shift, max);
        }
    }
}
