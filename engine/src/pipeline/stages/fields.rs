//! Frames of the source on their way to becoming pictures of fields: the last three.

use super::super::messages::{DecodedFrame, SegmentEvent};
use crate::frame::HeldFrame;
use crate::picture::Request;
use crate::plan::{FieldPicture, FieldPictures, FrameTimes, PARTS, rising};

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

/// The frame whose pictures are made, and those around it.
#[derive(Debug)]
pub(super) struct FieldsSoFar {
    pictures: FieldPictures,
    pub(super) before: Option<SourceFrame>,
    /// The last that came.
    after: Option<SourceFrame>,
    /// Time of the last picture, in ticks of the renditions.
    last: Option<i64>,
}

impl FieldsSoFar {
    pub(super) fn new(pictures: FieldPictures) -> Self {
        Self { pictures, before: None, after: None, last: None }
    }

    /// Takes the next frame, and gives the one before it.
    pub(super) fn take(&mut self, after: Option<SourceFrame>) -> Option<SourceFrame> {
        std::mem::replace(&mut self.after, after)
    }

    /// Gives the pictures that are made of a frame, with their durations.
    pub(super) fn pictures_of(&mut self, own: &SourceFrame) -> Vec<(FieldPicture, i64)> {
        let [before, after] = [&self.before, &self.after].map(|frame| frame.as_ref().map(|frame| frame.pts));
        let times = FrameTimes { before, own: own.pts, after };
        let pictures = self.pictures.of_frame(times);
        let told = if after.is_none() { own.duration } else { 0 };
        let lasts = if told > 0 { told } else { self.pictures.duration(times) };
        let end = own.pts.saturating_add(lasts).saturating_mul(PARTS);
        let ends: Vec<_> = pictures.iter().skip(1).map(|next| next.pts).chain([end]).collect();
        let placed = pictures.into_iter().zip(ends).map(|(picture, end)| {
            let pts = rising(&mut self.last, picture.pts);
            (FieldPicture { pts, ..picture }, end.saturating_sub(pts).max(1))
        });
        placed.collect()
    }

    /// Gives the frame that came last, where it is a neighbour of the one before.
    pub(super) fn after(&self) -> Option<&SourceFrame> {
        self.after.as_ref()
    }

    /// Gives the frame before `own`, where it is near enough to be a neighbour.
    pub(super) fn before_of(&self, own: &SourceFrame) -> Option<&SourceFrame> {
        self.before.as_ref().filter(|before| self.pictures.are_neighbours(before.pts, own.pts))
    }
}
