//! From the network's heads to faces.

use super::network::{self, HEAD, Map};
use crate::analyse::boxes::{FoundBox, surest_by};
use crate::image::RgbPicture;

/// What has less than this score is not looked at; see the tracker for what is enough.
const LEAST_SCORE: f32 = 0.35;
/// Of two boxes that overlap by more than this part of what both cover, the surer one counts.
const MOST_OVERLAP: f32 = 0.3;
/// Sides of pictures are multiples of this.
const MULTIPLE: usize = 32;
const STRIDES: [usize; 3] = [8, 16, 32];

/// A face, in pixels of the picture that was looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct FoundFace {
    /// Left, top, width, height.
    pub(crate) bounds: [f32; 4],
    /// From 0 to 1.
    pub(crate) score: f32,
    /// The eye at the left of the picture and the one at the right, the nose, and the corners of the mouth, left and right: x, y.
    pub(crate) points: [[f32; 2]; 5],
}

/// Finds faces.
#[derive(Debug, Default)]
pub(crate) struct FaceDetector {
    input: Map,
}

impl FaceDetector {
    /// Finds the faces of a picture, the surest first.
    pub(crate) fn find(&mut self, picture: &RgbPicture) -> Vec<FoundFace> {
        self.fill(picture);
        let heads = network::heads(&self.input);
        let found = heads.iter().zip(STRIDES).flat_map(|(head, stride)| candidates(head, stride)).collect();
        surest_by(found, MOST_OVERLAP, |face: &FoundFace| FoundBox { bounds: face.bounds, score: face.score })
    }

    /// Blue, green and red, with black at the right and at the bottom.
    fn fill(&mut self, picture: &RgbPicture) {
        let [width, height] = [picture.width, picture.height].map(|side| side.next_multiple_of(MULTIPLE));
        let input = &mut self.input;
        (input.width, input.height, input.channels) = (width, height, 3);
        input.values.clear();
        input.values.resize(width * height * 3, 0.0);
        for (out, row) in input.values.chunks_exact_mut(width * 3).zip(picture.samples.chunks_exact(picture.width * 3))
        {
            for (out, rgb) in out.as_chunks_mut::<3>().0.iter_mut().zip(row.as_chunks::<3>().0) {
                *out = [rgb[2], rgb[1], rgb[0]].map(f32::from);
            }
        }
    }
}

fn candidates(head: &Map, stride: usize) -> impl Iterator<Item = FoundFace> {
    let places = (0..head.height).flat_map(move |y| (0..head.width).map(move |x| (x, y)));
    places.filter_map(move |(x, y)| {
        let values: &[f32; HEAD] = head.at(x, y).try_into().ok()?;
        let score = (sigmoid(values[0]) * sigmoid(values[1])).sqrt();
        if score < LEAST_SCORE {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "far below what f32 holds")]
        let (scale, x, y) = (stride as f32, x as f32, y as f32);
        let (centre_x, centre_y) = ((x + values[2]) * scale, (y + values[3]) * scale);
        let (width, height) = (values[4].exp() * scale, values[5].exp() * scale);
        let bounds = [centre_x - width / 2.0, centre_y - height / 2.0, width, height];
        let point = |number: usize| [values[6 + 2 * number], values[7 + 2 * number]];
        let points = [0, 1, 2, 3, 4].map(|number| {
            let [across, down] = point(number);
            [(across + x) * scale, (down + y) * scale]
        });
        Some(FoundFace { bounds, score, points })
    })
}

fn sigmoid(value: f32) -> f32 {
    1.0 / (1.0 + (-value).exp())
}
