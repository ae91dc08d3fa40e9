//! What travels from stage to stage.

use super::pool::Pooled;
use crate::error::Error;
use crate::frame::HeldFrame;
use crate::packet::Packet;
use crate::picture::Request;
use crate::source::Damage;
use crate::store::StoredSegment;
use std::sync::{Arc, OnceLock};

/// What travels from stage to stage of a lane: segments, one after the other and never mixed.
#[derive(Debug)]
pub(crate) enum SegmentEvent<F> {
    /// A segment begins.
    Begin(SegmentInWork),
    /// One of its frames.
    Frame(F),
    /// It has ended.
    End,
}

/// A segment that has begun and does not yet lie in its place in every rendition.
#[derive(Clone, Debug)]
pub(crate) struct SegmentInWork {
    /// Its number in the film, from 0, among those that have a frame.
    pub(crate) place: u64,
    /// Its number in the plan.
    pub(crate) number: usize,
    /// What was wrong with the source in it; there once it has been decoded.
    pub(crate) damage: Arc<OnceLock<Damage>>,
    /// Free again when the segment lies in its place everywhere: bounds how far segments overtake one another.
    pub(crate) _ticket: Arc<Pooled<()>>,
}

/// A frame on its way from decoding to scaling.
#[derive(Debug)]
pub(crate) struct DecodedFrame {
    /// As much of the source's frame as is needed.
    pub(crate) frame: HeldFrame,
    /// The pictures that are made of it, and which part of the source's frame that is.
    pub(crate) request: Request,
    /// Numbers of those that become key frames.
    pub(crate) keys: Vec<u64>,
}

/// A frame of one rung on its way from scaling to encoding.
#[derive(Debug)]
pub(crate) struct ScaledFrame {
    pub(crate) frame: HeldFrame,
    /// Free again when the encoder has taken the frame: bounds how many wait.
    pub(crate) _ticket: Pooled<()>,
    /// Whether it becomes a key frame.
    pub(crate) key: bool,
}

/// What travels from encoding to muxing, where segments arrive in any order.
#[derive(Debug)]
pub(crate) enum EncodedEvent {
    /// A packet of a segment; those of one segment are in order.
    Packet(SegmentInWork, Packet),
    /// The segment has ended.
    End(SegmentInWork),
    /// A whole segment that was encoded earlier.
    Stored(SegmentInWork, StoredSegment),
}

/// The error of a stage that finds the next one gone, though nobody said why; whoever did say why was earlier, and counts.
pub(crate) fn lost(stage: &str) -> Error {
    Error::StageLost { stage: stage.to_owned() }
}
