//! The motion of a mouth: a weak sign of who speaks.

use super::boxes::Bounds;
use super::template::{Patch, difference, patch};
use crate::frame::Frame;

/// Left, top, width and height of the mouth and chin in the box of a face, and of what moves little while somebody speaks.
const MOUTH: Bounds = [0.2, 0.62, 0.6, 0.36];
const BROW: Bounds = [0.15, 0.12, 0.7, 0.36];
/// Where so much of its contrast changes elsewhere in a face, from one frame to the next, it turns, and nothing is known.
const TURNS: f32 = 0.25;
/// Motion is told in so many parts of the contrast of the face.
const PARTS: f32 = 200.0;

/// Measures how a mouth moves from frame to frame, beyond what the rest of the face does.
#[derive(Debug, Default)]
pub(super) struct Mouth {
    /// Mouth and brow, where they were last.
    before: Option<[Patch; 2]>,
    sum: f32,
    frames: u16,
}

impl Mouth {
    /// Begins anew where a face was recognised.
    pub(super) fn place(&mut self, thumbnail: &Frame, face: Bounds) {
        self.before = Some(Self::patches(thumbnail, face));
    }

    /// Takes the next frame, in which the face of this contrast was found again.
    pub(super) fn follow(&mut self, thumbnail: &Frame, face: Bounds, contrast: f32) {
        let here = Self::patches(thumbnail, face);
        if let Some(before) = &self.before {
            let [mouth, brow] = [0, 1].map(|part| difference(&before[part], &here[part]));
            if brow < TURNS * contrast {
                self.sum += (mouth - brow).max(0.0) / contrast.max(1.0);
                self.frames += 1;
            }
        }
        self.before = Some(here);
    }

    /// Forgets what a face was like that was lost.
    pub(super) fn lose(&mut self) {
        *self = Self::default();
    }

    /// Gives the mean since it was last asked, in two-hundredths of the face's contrast a frame.
    pub(super) fn moved(&mut self) -> u8 {
        let mean = self.sum / f32::from(self.frames.max(1));
        (self.sum, self.frames) = (0.0, 0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let moved = (mean * PARTS).round().clamp(0.0, 255.0) as u8;
        moved
    }

    fn patches(thumbnail: &Frame, [left, top, width, height]: Bounds) -> [Patch; 2] {
        [MOUTH, BROW].map(|[x, y, across, down]| {
            patch(thumbnail, [left + x * width, top + y * height, across * width, down * height])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Depth, FrameFormat, Subsampling};

    const FACE: Bounds = [300.0, 200.0, 200.0, 400.0];

    /// A face with a mouth that is open by so many rows, as bright as this, moved so many columns to the right.
    fn picture(open: usize, light: u8, moved: usize) -> Frame {
        let format = FrameFormat { width: 320, height: 180, subsampling: Subsampling::CS420, depth: Depth::Eight };
        let mut frame = Frame::new(format);
        let (luma, stride) = frame.plane_mut::<u8>(0);
        for (y, row) in luma.chunks_exact_mut(stride).enumerate().take(180) {
            for (x, sample) in row.iter_mut().enumerate().take(320) {
                let x = x + 320 - moved;
                let texture = ((x / 6 + y / 5) % 2) as u8 * 30;
                let mouth = (112..136).contains(&(x % 320)) && (90 - open..90 + open).contains(&y);
                *sample = if mouth { light - 80 } else { light + texture };
            }
        }
        frame
    }

    fn motion(frames: &[Frame]) -> u8 {
        let mut mouth = Mouth::default();
        mouth.place(&frames[0], FACE);
        for (frame, number) in frames[1..].iter().zip(1_u8..) {
            // The tracker says where the face is: it goes a column further in every frame.
            let face = [FACE[0] + f32::from(number) * 1000.0 / 320.0, FACE[1], FACE[2], FACE[3]];
            mouth.follow(frame, face, 30.0);
        }
        mouth.moved()
    }

    #[test]
    fn a_mouth_that_opens_moves_and_a_face_that_goes_or_brightens_does_not() {
        let talks: Vec<_> = (0..6).map(|number| picture(2 + 6 * (number % 2), 100, number)).collect();
        let goes: Vec<_> = (0..6).map(|number| picture(4, 100, number)).collect();
        let brightens: Vec<_> = (0..6).map(|number| picture(4, 90 + 5 * number as u8, number)).collect();
        assert!(motion(&talks) > 20, "{}", motion(&talks));
        assert!(motion(&goes) <= 1, "{}", motion(&goes));
        assert!(motion(&brightens) <= 8, "{}", motion(&brightens));
    }

    #[test]
    fn what_was_told_or_lost_is_not_told_again() {
        let mut mouth = Mouth::default();
        mouth.place(&picture(2, 100, 0), FACE);
        mouth.follow(&picture(9, 100, 0), FACE, 30.0);
        assert!(mouth.moved() > 20 && mouth.moved() == 0);
        mouth.lose();
        mouth.follow(&picture(2, 100, 0), FACE, 30.0);
        assert_eq!(mouth.moved(), 0);
    }
}
