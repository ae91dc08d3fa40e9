//! Key frames and segments: which frames begin them.

use crate::encode::KeyFrameControl;
use crate::geometry::Rational;
use crate::intervals::Intervals;
use crate::time::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// Key frames are the first frame, the first frame of every shot, and the first frame at or after each multiple of the
/// interval, in presentation time since the first frame. An encoder that can only count makes them every so many frames of
/// a segment instead, and one that makes no other than the first of a segment makes just that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyFrameRule {
    /// Seconds, above zero.
    pub interval: Rational,
    /// Seconds of the film's first segment for delivery, above zero, where it is shorter than the others: there is a key frame at its
    /// end too, and from there on the multiples of the interval are counted anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_segment: Option<Rational>,
    /// Frames from one to the next, at least 2, where the encoder counts them; none elsewhere.
    pub frames: Option<NonZeroU32>,
}

impl KeyFrameRule {
    fn intervals(&self) -> Intervals {
        Intervals { each: self.interval, anew: self.first_segment }
    }
}

/// The parts of the film that are encoded by themselves, the same in every rendition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Segmentation {
    /// These, at least one, without gap, the last one to the end of the film.
    List(Vec<Segment>),
    /// Cut while the film is decoded, by the number of regular key frames of each; none for the whole film in one. For a
    /// source that can be read only once, whose frames cannot be known beforehand.
    AsDecoded {
        /// Regular key frames of a segment.
        key_frames: Option<NonZeroU32>,
    },
}

/// A run of frames that is encoded by itself and begins with a key frame. What comes of it follows from the source, from
/// this, and from what else is wanted of its frames: from no other segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// The time from which on frames belong to it.
    pub start: Time,
    /// The time from which on they no longer do; none for the end of the film.
    pub end: Option<Time>,
    /// Number in the film, from 0, of its first frame. The noise of dither is made of the frames' numbers.
    pub first_frame: u64,
    /// How many frames it has, as far as the container tells: what is lost or hidden may count.
    pub frames: u64,
    /// The time that the regular interval of key frames is counted from.
    pub key_frames_from: Time,
}

/// Follows the frames of a film, and tells which of them begin segments and which are key frames.
#[derive(Clone, Debug)]
pub(crate) struct Segmenter {
    rule: KeyFrameRule,
    control: KeyFrameControl,
    time_base: Rational,
    /// Shots begin at these times, in rising order.
    cuts: Vec<Time>,
    /// Whether segments begin there too, whatever the encoder makes of key frames.
    cuts_at_shots: bool,
    /// Whether regular key frames are counted from there on.
    counts_from_shots: bool,
    next_cut: usize,
    segmentation: Segmentation,
    /// Segments that have begun, those included that turned out to have no frame.
    begun: usize,
    /// That of the last frame.
    segment: Option<Segment>,
    /// Frames and regular key frames of it so far.
    frames: u64,
    regular_keys: u32,
    /// Number of the interval, counted from `key_frames_from`, in which the last frame was.
    interval: i128,
    /// Whether the last frame was in or after the interval from which they are counted anew.
    anew: bool,
}

/// The place of a frame among segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FramePlace {
    /// The segment that it begins, and that one's number; none where it goes on with the one of the frame before.
    pub(crate) begins: Option<(usize, Segment)>,
    /// Its number in the film.
    pub(crate) number: u64,
    /// Whether it is a key frame.
    pub(crate) key: bool,
}

impl Segmenter {
    /// For frames whose times are ticks of `time_base`; shots begin at `cuts`, which rise.
    pub(crate) fn new(
        rule: KeyFrameRule,
        control: KeyFrameControl,
        time_base: Rational,
        cuts: Vec<Time>,
        segmentation: Segmentation,
    ) -> Self {
        Self {
            rule,
            control,
            time_base,
            cuts,
            cuts_at_shots: false,
            counts_from_shots: false,
            next_cut: 0,
            segmentation,
            begun: 0,
            segment: None,
            frames: 0,
            regular_keys: 0,
            interval: 0,
            anew: false,
        }
    }

    /// Cuts segments where shots begin too, so that none has much of two; but none that is shorter than the interval of key frames.
    /// Regular key frames may be counted from there on.
    pub(super) fn cutting_at_shots(self, counts_from_shots: bool) -> Self {
        Self { cuts_at_shots: true, counts_from_shots, ..self }
    }

    /// The place of the next frame, presented at `pts`. Times rise from call to call.
    pub(crate) fn next(&mut self, pts: i64) -> FramePlace {
        let time = Time::of_ticks(pts, self.time_base);
        let cut = self.passes_cut(time);
        let regular = self.is_regular_key(pts);
        // Who does not make key frames when told makes this one as the first of a segment.
        let begins_anew = self.passes_anew(pts) && self.control != KeyFrameControl::Forced;
        let begins = self.begins(pts, time, cut || begins_anew, regular);
        if let Some((number, segment)) = begins {
            (self.begun, self.segment) = (number + 1, Some(segment));
            (self.frames, self.regular_keys) = (0, 0);
            self.interval = self.interval_of(pts);
        }
        let key = begins.is_some()
            || match self.control {
                KeyFrameControl::Forced => regular || cut,
                KeyFrameControl::Counted => regular,
                KeyFrameControl::First => false,
            };
        self.regular_keys += u32::from(begins.is_some() || regular);
        let number = self.segment.map_or(0, |segment| segment.first_frame) + self.frames;
        self.frames += 1;
        FramePlace { begins, number, key }
    }

    /// Goes on as if the segments before `number` had been followed: none of their frames comes.
    pub(crate) fn skip_to(&mut self, number: usize) {
        self.begun = self.begun.max(number);
    }

    /// Notes how far the frames have come; says whether the first frame of a shot is the one at `time`.
    fn passes_cut(&mut self, time: Time) -> bool {
        let passed = self.cuts[self.next_cut..].partition_point(|&cut| cut <= time);
        self.next_cut += passed;
        passed > 0
    }

    /// Says whether the interval, or the count, makes a key frame of the next frame.
    fn is_regular_key(&mut self, pts: i64) -> bool {
        if self.segment.is_none() {
            return true;
        }
        if let Some(distance) = self.rule.frames {
            return self.frames.is_multiple_of(u64::from(distance.get()));
        }
        let interval = self.interval_of(pts);
        let later = interval > self.interval;
        self.interval = self.interval.max(interval);
        later
    }

    /// Notes whether intervals have begun to be counted anew; says whether they are from the frame at `pts` on.
    fn passes_anew(&mut self, pts: i64) -> bool {
        let anew = self.rule.intervals().is_anew(self.elapsed(pts), self.time_base);
        !std::mem::replace(&mut self.anew, anew) && anew
    }

    /// Number of the interval in which a time lies.
    fn interval_of(&self, pts: i64) -> i128 {
        self.rule.intervals().number(self.elapsed(pts), self.time_base)
    }

    /// Ticks since the time that intervals are counted from.
    fn elapsed(&self, pts: i64) -> i128 {
        let from = self.segment.map_or(pts, |segment| segment.key_frames_from.ticks(self.time_base));
        i128::from(pts) - i128::from(from)
    }

    /// The segment that the next frame begins, and its number; `cut` where one is wanted whose encoder makes no other key frame here.
    fn begins(&self, pts: i64, time: Time, cut: bool, regular: bool) -> Option<(usize, Segment)> {
        match &self.segmentation {
            Segmentation::List(list) => {
                let waiting = list.get(self.begun..).unwrap_or_default();
                // The first holds what comes before it too; one without a frame is passed over.
                let reached = waiting.partition_point(|segment| segment.start <= time);
                let reached = if self.segment.is_none() { reached.max(1) } else { reached };
                let number = (self.begun + reached).checked_sub(1).filter(|_| reached > 0)?;
                list.get(number).map(|segment| (number, *segment))
            }
            Segmentation::AsDecoded { key_frames } => {
                let Some(current) = self.segment else {
                    let start = Time::of_ticks(pts, self.time_base);
                    let segment = Segment { start, end: None, first_frame: 0, frames: 0, key_frames_from: start };
                    return Some((0, segment));
                };
                let full = regular && key_frames.is_some_and(|limit| self.regular_keys >= limit.get());
                let lasts = time.seconds().as_f64() - current.start.seconds().as_f64();
                let long = || lasts >= self.rule.interval.as_f64();
                let cut = cut
                    && key_frames.is_some()
                    && (self.control != KeyFrameControl::Forced || self.cuts_at_shots && long());
                let first_frame = current.first_frame + self.frames;
                // A key frame that is there for the shot is not followed by one for the clock, where nobody cuts by the clock.
                let key_frames_from = if cut && self.counts_from_shots { time } else { current.key_frames_from };
                let next = Segment { start: time, end: None, first_frame, key_frames_from, ..current };
                (full || cut).then_some((self.begun, next))
            }
        }
    }
}

/// The segments of a film, from the times of its frames.
#[derive(Debug)]
pub(crate) struct SegmentList {
    segmenter: Segmenter,
    list: Vec<Segment>,
}

impl SegmentList {
    /// As `segmenter` cuts it.
    pub(crate) fn new(segmenter: Segmenter) -> Self {
        Self { segmenter, list: Vec::new() }
    }

    /// Adds the frame at `pts`.
    pub(crate) fn push(&mut self, pts: i64) {
        if let Some((_, segment)) = self.segmenter.next(pts).begins {
            if let Some(last) = self.list.last_mut() {
                last.end = Some(segment.start);
            }
            self.list.push(segment);
        }
        if let Some(last) = self.list.last_mut() {
            last.frames += 1;
        }
    }

    /// All of them.
    pub(crate) fn finish(self) -> Vec<Segment> {
        self.list
    }
}
