//! What a still is worth: one that shows a face large, sharp, whole and from the front is worth the most; without faces, one that is
//! neither dark nor flat.

use super::eyes::{Openness, openness};
use super::film::Picture;
use crate::analyse::{FaceDetector, FoundFace, overlap, sharpness};

/// A still that was looked at.
#[derive(Clone, Debug)]
pub(super) struct Looked {
    /// From 0 to about 1: light, contrast and colours.
    pub(super) picture: f32,
    /// Its faces, the one that is worth the most first.
    pub(super) faces: Vec<SeenFace>,
}

/// A face in a still.
#[derive(Clone, Debug)]
pub(super) struct SeenFace {
    /// Left, top, width and height, in pixels.
    pub(super) bounds: [f32; 4],
    /// From 0 to 1: how large, sure, whole and frontal it is.
    pub(super) worth: f32,
    /// As [`sharpness`].
    pub(super) sharpness: f32,
    /// As [`openness`].
    pub(super) open: Option<Openness>,
}

/// What a face counts against the picture, and each further one against the first.
const FACE: f32 = 3.0;
const FURTHER: f32 = 0.15;
/// Sharpness of a face that is in focus.
const SHARP: f32 = 60.0;

impl Looked {
    /// Looks at a still.
    pub(super) fn at(picture: &Picture, detector: &mut FaceDetector) -> Self {
        Self::with(picture, &detector.find(&picture.rgb))
    }

    /// Looks at a still of which it is known where the faces are that count.
    pub(super) fn around(picture: &Picture, people: &[SeenFace], detector: &mut FaceDetector) -> Self {
        let Some(part) = part_around(people, [picture.rgb.width, picture.rgb.height]) else {
            return Self::at(picture, detector);
        };
        #[expect(clippy::cast_precision_loss, reason = "sides of a small picture")]
        let [left, top] = [part[0] as f32, part[1] as f32];
        let mut found = detector.find(&picture.rgb.part(part));
        for face in &mut found {
            face.bounds = [face.bounds[0] + left, face.bounds[1] + top, face.bounds[2], face.bounds[3]];
            face.points = face.points.map(|[x, y]| [x + left, y + top]);
        }
        Self::with(picture, &found)
    }

    fn with(picture: &Picture, found: &[FoundFace]) -> Self {
        let mut faces: Vec<_> = found.iter().map(|face| SeenFace::of(face, picture)).collect();
        faces.retain(|face| face.worth > 0.0);
        faces.sort_by(|a, b| b.worth.total_cmp(&a.worth));
        Self { picture: of_picture(picture), faces }
    }

    /// Gives the faces that count, the one that is worth the most first: those that are worth a good part of that.
    pub(super) fn people(&self) -> &[SeenFace] {
        const MOST: usize = 3;
        const PART: f32 = 0.4;
        let least = self.faces.first().map_or(0.0, |face| PART * face.worth);
        let count = self.faces.iter().take(MOST).take_while(|face| face.worth >= least).count();
        &self.faces[..count]
    }

    /// Gives what it is worth by itself.
    pub(super) fn worth(&self) -> f32 {
        let worth = |face: &SeenFace| face.worth * (face.sharpness / SHARP).min(1.0);
        let first = self.faces.first().map_or(0.0, worth);
        let further = self.faces.iter().skip(1).take(2).map(worth).sum::<f32>();
        // A face in the dark is seen no better than anything else there.
        self.picture + FACE * (first + FURTHER * further) * (0.5 + 0.5 * self.picture)
    }

    /// Finds the face that was there a moment ago.
    pub(super) fn same(&self, before: [f32; 4]) -> Option<&SeenFace> {
        const LEAST: f32 = 0.25;
        let shared = |face: &&SeenFace| overlap(face.bounds, before);
        self.faces.iter().max_by(|a, b| shared(a).total_cmp(&shared(b))).filter(|face| shared(face) > LEAST)
    }
}

impl SeenFace {
    fn of(face: &FoundFace, picture: &Picture) -> Self {
        let [left, top, width, height] = face.bounds;
        #[expect(clippy::cast_precision_loss, reason = "sides of a small picture")]
        let (across, down) = (picture.rgb.width as f32, picture.rgb.height as f32);
        let sure = ramp(face.score, 0.55, 0.85);
        let part = height / down;
        let large = ramp(part, 0.03, 0.22) * (1.0 - 0.5 * ramp(part, 0.6, 1.0));
        let inside = |start: f32, length: f32, side: f32| {
            ((start + length).min(side) - start.max(0.0)).max(0.0) / length.max(1.0)
        };
        let whole = ramp(inside(left, width, across) * inside(top, height, down), 0.6, 0.98);
        // Seen from the side, the nose is nearer to one eye.
        let [one, other, nose, ..] = face.points;
        let apart = (other[0] - one[0]).hypot(other[1] - one[1]);
        let turned = (nose[0] - f32::midpoint(one[0], other[0])).abs() / apart.max(1.0);
        let frontal = 1.0 - 0.7 * ramp(turned, 0.15, 0.6);
        let worth = sure * large * whole * frontal;
        let sharpness = sharpness(&picture.frame, face.bounds).into();
        Self { bounds: face.bounds, worth, sharpness, open: openness(&picture.frame, face) }
    }
}

/// Gives the part of a picture of these sides that has some faces, with room for them to move: left, top, width and height. None where
/// there are none.
fn part_around(people: &[SeenFace], sides: [usize; 2]) -> Option<[usize; 4]> {
    /// Of a face's own size, on each side.
    const ROOM: f32 = 0.6;
    let around = |axis: usize| {
        let begin = |face: &SeenFace| face.bounds[axis] - ROOM * face.bounds[axis + 2];
        let end = |face: &SeenFace| face.bounds[axis] + (1.0 + ROOM) * face.bounds[axis + 2];
        let begin = people.iter().map(begin).reduce(f32::min)?;
        let end = people.iter().map(end).reduce(f32::max)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturates, and is held to the sides"
        )]
        let [begin, end] = [begin.max(0.0) as usize, end.max(0.0).ceil() as usize].map(|at| at.min(sides[axis]));
        (begin < end).then_some([begin, end - begin])
    };
    let ([left, width], [top, height]) = (around(0)?, around(1)?);
    Some([left, top, width, height])
}

/// Goes from 0 at `from` to 1 at `to`.
pub(super) fn ramp(value: f32, from: f32, to: f32) -> f32 {
    ((value - from) / (to - from)).clamp(0.0, 1.0)
}

/// Judges a picture by its light, contrast, colours and sharpness.
fn of_picture(picture: &Picture) -> f32 {
    let samples = picture.rgb.samples.as_chunks::<3>().0.iter().step_by(7);
    let (mut count, mut sum, mut squares, mut colours) = (0.0_f32, 0.0_f32, 0.0_f32, 0.0_f32);
    for &[red, green, blue] in samples {
        let [red, green, blue] = [red, green, blue].map(f32::from);
        let luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
        count += 1.0;
        sum += luma;
        squares += luma * luma;
        colours += red.max(green).max(blue) - red.min(green).min(blue);
    }
    let mean = sum / count.max(1.0);
    let deviation = (squares / count.max(1.0) - mean * mean).max(0.0).sqrt();
    let light = ramp(mean, 12.0, 60.0) * (1.0 - ramp(mean, 190.0, 245.0));
    let contrast = ramp(deviation, 6.0, 50.0);
    let colourful = ramp(colours / count.max(1.0), 0.0, 60.0);
    #[expect(clippy::cast_precision_loss, reason = "sides of a small picture")]
    let whole = [0.0, 0.0, picture.rgb.width as f32, picture.rgb.height as f32];
    let sharp = ramp(f32::from(sharpness(&picture.frame, whole)), 10.0, 70.0);
    light * contrast * (0.5 + 0.2 * colourful + 0.3 * sharp)
}
