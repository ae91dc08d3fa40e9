//! The colour of what somebody wears: by it the same person is known again in other shots of a scene.

use super::boxes::Bounds;
use super::document::SubjectKind;
use super::template::{place, thumbnail_size};
use crate::frame::Frame;

/// Left, top, width and height of the chest in the box of a face, and of a person, in parts of it.
const BELOW_FACE: Bounds = [-0.4, 1.35, 1.8, 1.3];
const IN_PERSON: Bounds = [0.25, 0.22, 0.5, 0.3];
/// The least part of it that must be in the picture.
const LEAST: f32 = 0.4;
/// Places that are looked at, across and down, in each of the two halves.
const PLACES: [u8; 2] = [12, 6];

/// Luma, Cb and Cr of the upper and of the lower half of the chest, in the mean.
#[derive(Debug, Default)]
pub(super) struct Clothes {
    sums: [u32; 6],
    count: u32,
}

impl Clothes {
    /// Looks at somebody who was recognised here.
    pub(super) fn see(&mut self, thumbnail: &Frame, kind: SubjectKind, [left, top, width, height]: Bounds) {
        let [x, y, across, down] = if kind == SubjectKind::Face { BELOW_FACE } else { IN_PERSON };
        let [left, top, width, height] = [left + x * width, top + y * height, across * width, down * height];
        let inside =
            |start: f32, length: f32| ((start + length).min(1000.0) - start.max(0.0)).max(0.0) / length.max(1.0);
        if inside(left, width) * inside(top, height) < LEAST {
            return;
        }
        let ([columns, rows], planes) =
            (thumbnail_size(thumbnail), [0, 1, 2].map(|plane| thumbnail.plane::<u8>(plane)));
        let [start, end] = [left.max(0.0), (left + width).min(1000.0)];
        let [high, low] = [top.max(0.0), (top + height).min(1000.0)];
        for half in 0..2_u8 {
            let mut sums = [0; 3];
            for down in 0..PLACES[1] {
                let part = (f32::from(half) + (f32::from(down) + 0.5) / f32::from(PLACES[1])) / 2.0;
                let row = place(high + (low - high) * part, rows);
                for across in 0..PLACES[0] {
                    let part = (f32::from(across) + 0.5) / f32::from(PLACES[0]);
                    let column = place(start + (end - start) * part, columns);
                    for (plane, ((samples, stride), sum)) in planes.iter().zip(&mut sums).enumerate() {
                        let shift = usize::from(plane > 0);
                        *sum += u32::from(samples[(row >> shift) * stride + (column >> shift)]);
                    }
                }
            }
            let places = u32::from(PLACES[0]) * u32::from(PLACES[1]);
            for (total, sum) in self.sums[3 * usize::from(half)..].iter_mut().zip(sums) {
                *total += (sum + places / 2) / places;
            }
        }
        self.count += 1;
    }

    /// Gives the mean; none where the chest was never seen.
    pub(super) fn mean(&self) -> Option<[u8; 6]> {
        let mean = |sum: u32| u8::try_from((sum + self.count / 2) / self.count.max(1)).unwrap_or(u8::MAX);
        (self.count > 0).then(|| self.sums.map(mean))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Depth, FrameFormat, Subsampling};

    /// A picture whose rows from the middle on are of one colour, and from three quarters on of another.
    fn picture() -> Frame {
        let format = FrameFormat { width: 320, height: 180, subsampling: Subsampling::CS420, depth: Depth::Eight };
        let mut frame = Frame::new(format);
        for (plane, colours) in [[30, 80, 140], [128, 60, 200], [128, 170, 90]].into_iter().enumerate() {
            let height = if plane == 0 { 180 } else { 90 };
            let (samples, stride) = frame.plane_mut::<u8>(plane);
            for (y, row) in samples.chunks_exact_mut(stride).enumerate().take(height) {
                let colour = if y < height / 2 { 0 } else { 1 + usize::from(y >= height * 3 / 4) };
                row.fill(colours[colour]);
            }
        }
        frame
    }

    #[test]
    fn the_chest_below_a_face_and_that_of_a_person_are_looked_at() {
        let picture = picture();
        let mut clothes = Clothes::default();
        // From 1.35 heights below its top on, the chest reaches from the middle to the lower edge.
        let height = 500.0 / 1.3;
        clothes.see(&picture, SubjectKind::Face, [400.0, 500.0 - 1.35 * height, 150.0, height]);
        assert_eq!(clothes.mean(), Some([80, 60, 170, 140, 200, 90]));

        let mut clothes = Clothes::default();
        let height = 500.0 / 0.3;
        clothes.see(&picture, SubjectKind::Person, [400.0, 500.0 - 0.22 * height, 300.0, height]);
        assert_eq!(clothes.mean(), Some([80, 60, 170, 140, 200, 90]));
    }

    #[test]
    fn a_chest_beyond_the_picture_says_nothing() {
        let mut clothes = Clothes::default();
        clothes.see(&picture(), SubjectKind::Face, [400.0, 300.0, 300.0, 600.0]);
        assert_eq!(clothes.mean(), None);
    }
}
