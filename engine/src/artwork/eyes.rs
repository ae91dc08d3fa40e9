//! Measures by brightness how far the eyes of a face, and its mouth, are open.
//!
//! An open eye is a dark disc in something bright: along it, from corner to corner, brightness goes down and up again twice. A closed
//! one is a line of lashes between two bands of skin, along which little changes. So what is measured is how much brightness changes
//! along the line of the eyes, against how much it does in the face; and of a mouth, how much it does from the lip above to the one
//! below. Both depend on the face, its make-up and its light: only frames of one face, a few moments apart, are compared by them.

use crate::analyse::FoundFace;
use crate::frame::Frame;

/// Half the length and half the width of what is looked at around an eye, and around the middle of a mouth: in distances from one eye
/// to the other.
const EYE: [f32; 2] = [0.26, 0.12];
const MOUTH: [f32; 2] = [0.4, 0.12];
/// Places that are looked at along a line, and lines side by side.
const PLACES: u8 = 25;
const LINES: u8 = 7;
/// Pixels from one eye to the other below which an eye has too few of them.
const LEAST: f32 = 14.0;

/// Openness of a face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Openness {
    /// Of the eyes, the one that is more open, for the other may be turned away.
    pub(super) eyes: f32,
    /// Of the mouth.
    pub(super) mouth: f32,
}

/// Measures how open a face is; none where it is so small that nothing can be told.
pub(super) fn openness(picture: &Frame, face: &FoundFace) -> Option<Openness> {
    let [left, right, _, corner, other] = face.points;
    let along = [right[0] - left[0], right[1] - left[1]];
    if along[0].hypot(along[1]) < LEAST {
        return None;
    }
    let contrast = contrast(picture, face.bounds).max(4.0);
    let open = [left, right].map(|eye| changes(picture, eye, along, EYE) / contrast);
    let middle = [0, 1].map(|axis| f32::midpoint(corner[axis], other[axis]));
    let mouth = changes(picture, middle, [-along[1], along[0]], MOUTH) / contrast;
    Some(Openness { eyes: open[0].max(open[1]), mouth })
}

/// Gives how much brightness changes along lines of this direction around a place, in the mean of them; `reach` is half their length
/// and half the distance of the outermost, in lengths of the direction.
fn changes(picture: &Frame, [x, y]: [f32; 2], [right, down]: [f32; 2], reach: [f32; 2]) -> f32 {
    let at = |place: u8, line: u8| {
        let part = |number: u8, of: u8| 2.0 * f32::from(number) / f32::from(of - 1) - 1.0;
        let (u, v) = (part(place, PLACES) * reach[0], part(line, LINES) * reach[1]);
        sample(picture, x + u * right - v * down, y + u * down + v * right)
    };
    let line = |line: u8| (1..PLACES).map(|place| (at(place, line) - at(place - 1, line)).abs()).sum::<f32>();
    (0..LINES).map(line).sum::<f32>() / f32::from(LINES)
}

/// Gives the mean distance of the luma of a face from its mean: of the part above the mouth, which is not always the same.
fn contrast(picture: &Frame, [left, top, width, height]: [f32; 4]) -> f32 {
    const STEPS: u8 = 16;
    const ABOVE: f32 = 0.6;
    let part = |number: u8| (f32::from(number) + 0.5) / f32::from(STEPS);
    let places = (0..STEPS).flat_map(|row| (0..STEPS).map(move |column| (part(column), part(row))));
    let at = |(x, y): (f32, f32)| sample(picture, left + x * width, top + ABOVE * y * height);
    let samples: Vec<_> = places.map(at).collect();
    let count = f32::from(STEPS) * f32::from(STEPS);
    let mean = samples.iter().sum::<f32>() / count;
    samples.iter().map(|sample| (sample - mean).abs()).sum::<f32>() / count
}

/// Luma at a place, between samples in proportion; that of the edge beyond it.
fn sample(picture: &Frame, x: f32, y: f32) -> f32 {
    let (luma, stride) = picture.plane::<u8>(0);
    let format = picture.format();
    #[expect(clippy::cast_precision_loss, reason = "sides of a small picture")]
    let [x, y] = [(x, format.width), (y, format.height)].map(|(at, side)| (at - 0.5).clamp(0.0, side as f32 - 1.001));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the picture")]
    let (column, row) = (x as usize, y as usize);
    let (right, down) = (x.fract(), y.fract());
    let at = |column: usize, row: usize| f32::from(luma[row * stride + column]);
    let upper = at(column, row) * (1.0 - right) + at(column + 1, row) * right;
    let lower = at(column, row + 1) * (1.0 - right) + at(column + 1, row + 1) * right;
    upper * (1.0 - down) + lower * down
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Depth, FrameFormat, Subsampling};

    const EYES: [[f32; 2]; 2] = [[70.0, 80.0], [130.0, 86.0]];

    /// A face whose eyes are open by this part, and whose mouth by that.
    fn face(eyes: f32, mouth: f32, light: f32) -> (Frame, FoundFace) {
        let format = FrameFormat { width: 200, height: 240, subsampling: Subsampling::CS420, depth: Depth::Eight };
        let mut frame = Frame::new(format);
        let (luma, stride) = frame.plane_mut::<u8>(0);
        for (y, row) in luma.chunks_exact_mut(stride).enumerate().take(240) {
            for (x, sample) in row.iter_mut().enumerate().take(200) {
                let (x, y) = (x as f32, y as f32);
                let mut value = 150.0 + 20.0 * (y / 40.0).sin();
                for [eye_x, eye_y] in EYES {
                    let (u, v) = ((x - eye_x) / 15.0, (y - eye_y) / 6.0);
                    let within = u * u + (v / eyes.max(0.15)).powi(2) < 1.0;
                    let iris = (x - eye_x).hypot(y - eye_y) < 6.0;
                    // Where it is closed there are lashes.
                    if within {
                        value = if iris || eyes < 0.2 { 50.0 } else { 210.0 };
                    }
                }
                if ((x - 97.0) / 20.0).powi(2) + ((y - 150.0) / (2.0 + 14.0 * mouth)).powi(2) < 1.0 {
                    // Teeth, where there is room for them.
                    value = if mouth > 0.5 && y < 148.0 { 230.0 } else { 60.0 };
                }
                *sample = (value * light) as u8;
            }
        }
        let points = [EYES[0], EYES[1], [98.0, 115.0], [78.0, 149.0], [117.0, 152.0]];
        (frame, FoundFace { bounds: [40.0, 30.0, 120.0, 160.0], score: 0.9, points })
    }

    #[test]
    fn closed_eyes_and_open_mouths_are_told_whatever_the_light() {
        let measure = |eyes, mouth, light| {
            let (frame, face) = face(eyes, mouth, light);
            openness(&frame, &face).unwrap()
        };
        let open = measure(1.0, 0.1, 1.0);
        assert!(measure(0.0, 0.1, 1.0).eyes < 0.6 * open.eyes, "{open:?} {:?}", measure(0.0, 0.1, 1.0));
        assert!((measure(1.0, 0.1, 0.5).eyes / open.eyes - 1.0).abs() < 0.1);
        let speaks = measure(1.0, 1.0, 1.0);
        assert!(speaks.mouth > 1.4 * open.mouth && (speaks.eyes / open.eyes - 1.0).abs() < 0.1, "{speaks:?} {open:?}");
        let (frame, mut small) = face(1.0, 0.1, 1.0);
        small.points[1] = [80.0, 80.0];
        assert_eq!(openness(&frame, &small), None);
    }
}
