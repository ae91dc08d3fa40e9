//! Frames of the source on their way to becoming pictures that are made with the help of those around them.

use super::super::messages::{DecodedFrame, SegmentEvent};
use crate::frame::HeldFrame;
use crate::picture::{FieldUse, PictureRequest, Request};
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

impl SourceFrame {
    /// Makes what a lane is told of it; the pictures of these numbers become key frames.
    pub(super) fn event(&self, request: Request, keys: Vec<u64>) -> SegmentEvent<DecodedFrame> {
        SegmentEvent::Frame(DecodedFrame { frame: self.frame.clone(), request, keys })
    }
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
    pub(super) fn request(self, layers: crate::picture::Layers, number: u64) -> PictureRequest {
        PictureRequest { layers, frame: number, fields: self.fields, time: self.time }
    }
}

/// The frame whose pictures are made, and those around it.
#[derive(Debug)]
pub(super) struct FramesAround {
    pictures: FieldPictures,
    makes_fields: bool,
    /// Frames before its own and after it that a picture may be made with.
    reach: [usize; 2],
    frames: VecDeque<SourceFrame>,
    /// Frames of these that are before the one whose pictures are made next.
    before: usize,
    /// Time of the last picture, in ticks of the renditions.
    last: Option<i64>,
}

impl FramesAround {
    /// Makes those of a plan, where pictures are made with the help of others.
    pub(super) fn of(plan: &Plan) -> Option<Self> {
        let reach = plan.graph().neighbours();
        let makes_fields = plan.wanted.makes_fields();
        // Where a frame lies in its group is told by the times of those next to it.
        let reach = if makes_fields { reach.map(|reach| reach.max(1)) } else { reach };
        (reach != [0, 0]).then(|| Self {
            pictures: plan.field_pictures(),
            makes_fields,
            reach,
            frames: VecDeque::new(),
            before: 0,
            last: None,
        })
    }

    /// Gives the ticks of the source before a segment's beginning from which on frames must be there for it.
    pub(super) fn lead(&self) -> i64 {
        self.pictures.lead(self.reach[0])
    }

    /// Takes the next frame.
    pub(super) fn push(&mut self, frame: SourceFrame) {
        self.frames.push_back(frame);
    }

    /// Gives the frame whose pictures are to be made next, where enough of those after it are there, or, at the `end`, none come.
    pub(super) fn own(&self, end: bool) -> Option<SourceFrame> {
        let after = if end { 0 } else { self.reach[1] };
        self.frames.get(self.before).filter(|_| self.frames.len() > self.before + after).cloned()
    }

    /// Goes on to the next one.
    pub(super) fn advance(&mut self) {
        self.before += 1;
        while self.before > self.reach[0] {
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
        let [before, after] =
            [self.before.checked_sub(1), Some(self.before + 1)].map(|at| at.and_then(|at| self.frames.get(at)));
        let [before, after] = [before, after].map(|frame| frame.map(|frame| frame.pts));
        let times = FrameTimes { before, own: pts, after };
        let pictures = self.pictures.of_frame(times);
        let told = if after.is_none() { duration } else { 0 };
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

    /// Gives the frames after the one whose pictures are made, as many as pictures are made with; with `own` that one first.
    pub(super) fn after(&self, own: bool) -> Vec<SourceFrame> {
        let first = self.before + usize::from(!own);
        self.frames.iter().skip(first).take(self.reach[1]).cloned().collect()
    }

    /// Gives the frames before it, as far as each is near enough to the next to be its neighbour: whoever begins here sees those
    /// alone.
    pub(super) fn before(&self) -> Vec<SourceFrame> {
        let mut near = VecDeque::new();
        for at in (0..self.before).rev() {
            let (earlier, later) = (&self.frames[at], &self.frames[at + 1]);
            if !self.pictures.are_neighbours(earlier.pts, later.pts) {
                break;
            }
            near.push_front(earlier.clone());
        }
        near.into()
    }
}
