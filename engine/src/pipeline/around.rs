//! Frames of the source on their way to becoming pictures that are made with the help of those around them.

use crate::frame::HeldFrame;
use crate::picture::{FieldUse, Layers, MadePicture, PictureRequest, Reach};
use crate::plan::{FieldPicture, FieldPictures, FrameTimes, PARTS, Plan, rising};
use std::collections::VecDeque;

/// A decoded frame, all of it.
#[derive(Clone, Debug)]
pub(super) struct SourceFrame {
    pub(super) frame: HeldFrame,
    /// Ticks of the source.
    pub(super) pts: i64,
    pub(super) duration: i64,
}

/// A picture that is made of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct PictureOfFrame {
    /// Ticks of the renditions.
    pub(super) pts: i64,
    /// Ticks that it is shown for, and its own, where they are not the frame's.
    pub(super) duration: i64,
    pub(super) time: Option<(i64, i64)>,
    pub(super) fields: FieldUse,
}

impl PictureOfFrame {
    pub(super) fn shown(self, layers: Layers, number: u64) -> MadePicture {
        MadePicture::Shown(PictureRequest { layers, frame: number, fields: self.fields, time: self.time })
    }
}

/// A frame that pictures of others are made with, and the hidden pictures of it that those are made with.
pub(super) type FrameBeside = (SourceFrame, Vec<MadePicture>);

/// The frame whose pictures are made, and those around it.
#[derive(Debug)]
pub(super) struct FramesAround {
    pictures: FieldPictures,
    makes_fields: bool,
    /// How far a picture looks around, and the frames before its own and after it that this may be.
    reach: Reach,
    most: [usize; 2],
    frames: VecDeque<SourceFrame>,
    /// Frames of these that are before the one whose pictures are made next.
    before: usize,
    /// Time of the last picture, in ticks of the renditions.
    last: Option<i64>,
}

impl FramesAround {
    /// Makes those of a plan, where pictures are made with the help of others.
    pub(super) fn of(plan: &Plan) -> Option<Self> {
        let reach = plan.graph().reach();
        let most = reach.most_frames();
        (most != [0, 0]).then(|| Self {
            pictures: plan.field_pictures(),
            makes_fields: plan.wanted.makes_fields(),
            reach,
            most,
            frames: VecDeque::new(),
            before: 0,
            last: None,
        })
    }

    /// Gives the ticks of the source before a segment's beginning from which on frames must be there for it.
    pub(super) fn lead(&self) -> i64 {
        self.pictures.lead(self.most[0])
    }

    /// Takes the next frame.
    pub(super) fn push(&mut self, frame: SourceFrame) {
        self.frames.push_back(frame);
    }

    /// Gives the frame whose pictures are to be made next, where enough of those after it are there, or, at the `end`, none come.
    pub(super) fn own(&self, end: bool) -> Option<SourceFrame> {
        let after = if end { 0 } else { self.most[1] };
        self.frames.get(self.before).filter(|_| self.frames.len() > self.before + after).cloned()
    }

    /// Goes on to the next one.
    pub(super) fn advance(&mut self) {
        self.before += 1;
        while self.before > self.most[0] {
            self.frames.pop_front();
            self.before -= 1;
        }
    }

    /// Gives the pictures that are made of the frame whose pictures are made.
    pub(super) fn pictures_of(&mut self, own: &SourceFrame) -> Vec<PictureOfFrame> {
        let SourceFrame { pts, duration, .. } = *own;
        if !self.makes_fields {
            return vec![PictureOfFrame { pts, duration, time: None, fields: FieldUse::WHOLE }];
        }
        let times = self.times(self.before, own);
        let pictures = self.pictures.of_frame(times);
        let told = if times.after.is_none() { duration } else { 0 };
        let lasts = if told > 0 { told } else { self.pictures.duration(times) };
        let end = pts.saturating_add(lasts).saturating_mul(PARTS);
        let ends: Vec<_> = pictures.iter().skip(1).map(|next| next.pts).chain([end]).collect();
        let placed = pictures.into_iter().zip(ends).map(|(FieldPicture { pts, fields }, end)| {
            let pts = rising(&mut self.last, pts);
            let lasts = end.saturating_sub(pts).max(1);
            PictureOfFrame { pts, duration: lasts, time: Some((pts, lasts)), fields }
        });
        placed.collect()
    }

    /// Gives the frames that the last pictures of a segment look at after it. It has ended before the one whose pictures are made,
    /// which is the first of these then, or else with a picture of that one, which so many hidden ones follow.
    pub(super) fn after(&self, before_own: bool, hidden: usize) -> Vec<FrameBeside> {
        let first = self.before + usize::from(!before_own);
        self.beside(first..self.frames.len(), 1, hidden)
    }

    /// Gives the frames that the first pictures of a segment look at before it, which begins with a picture of the one whose
    /// pictures are made, after so many hidden ones: up to a pause, for whoever begins here looks no further back.
    pub(super) fn before(&self, hidden: usize) -> Vec<FrameBeside> {
        let follows = |&at: &usize| !self.pictures.is_pause(self.frames[at].pts, self.frames[at + 1].pts);
        let mut beside = self.beside((0..self.before).rev().take_while(follows), 0, hidden);
        beside.reverse();
        beside
    }

    /// Takes those of the frames to a side, the nearest first, that are looked at: as many as become the pictures that are, when
    /// so many hidden ones are there already, and then those that the last of these are made with.
    fn beside(&self, places: impl Iterator<Item = usize>, side: usize, hidden: usize) -> Vec<FrameBeside> {
        let mut pictures = self.reach.pictures[side].saturating_sub(hidden);
        let mut frames = self.reach.frames[side];
        let mut beside = Vec::new();
        for at in places {
            let made = match (pictures, frames) {
                (0, 0) => break,
                (0, _) => {
                    frames -= 1;
                    Vec::new()
                }
                _ => self.hidden(at),
            };
            pictures = pictures.saturating_sub(made.len());
            beside.push((self.frames[at].clone(), made));
        }
        beside
    }

    /// Gives the pictures that are made of a frame, hidden.
    fn hidden(&self, at: usize) -> Vec<MadePicture> {
        let pictures = self.pictures.of_frame(self.times(at, &self.frames[at]));
        pictures.into_iter().map(|picture| MadePicture::Hidden(picture.fields)).collect()
    }

    /// Gives the times of a frame and of those next to it.
    fn times(&self, at: usize, own: &SourceFrame) -> FrameTimes {
        let at = [at.checked_sub(1), Some(at + 1)];
        let [before, after] = at.map(|at| at.and_then(|at| self.frames.get(at)).map(|frame| frame.pts));
        FrameTimes { before, own: own.pts, after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Frame;
    use crate::geometry::Rational;
    use crate::plan::{PlanOptions, WantedDenoise, tests::source};

    #[test]
    fn a_segment_looks_back_up_to_a_pause_whatever_the_nominal_rate_is() {
        // Twenty-five frames a second, by their times.
        for (frame_rate, pause, expected) in [(25, 40, 2), (120, 40, 2), (120, 125, 2), (120, 126, 1), (6, 333, 2)] {
            let mut source = source(64, 36);
            source.video.frame_rate = Rational::new(frame_rate, 1);
            let mut plan = Plan::new(&source, &PlanOptions::default()).unwrap();
            plan.wanted.denoise = Some(WantedDenoise { noise: [20; 3], grain: Vec::new() });
            let mut around = FramesAround::of(&plan).unwrap();
            for pts in [0, 40, 40 + pause, 80 + pause, 120 + pause] {
                around.push(SourceFrame { frame: Frame::new(source.video.format).into(), pts, duration: 40 });
            }
            (0..3).for_each(|_| around.advance());
            let seen: Vec<_> = around.before(0).iter().map(|(frame, _)| frame.pts).collect();
            assert_eq!(seen, [40, 40 + pause][2 - expected..], "{frame_rate} {pause}");
            assert!(around.lead() > 80 + pause - seen[0]);
        }
    }
}
