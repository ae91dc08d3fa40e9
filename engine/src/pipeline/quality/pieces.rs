//! The pieces of a film that are encoded to learn its quality.

use crate::geometry::Rational;
use crate::plan::{Plan, Segment, Segmentation};
use crate::time::Time;

/// Seconds of a segment up to which all of it is encoded.
const WHOLE: f64 = 3.0;
/// Pieces of one that is longer, and the seconds of each.
const PIECES: usize = 2;
const PIECE: f64 = 1.5;

/// A film that is cut into pieces, and what lies between them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pieces {
    pub(super) segments: Vec<Segment>,
    /// Of each of them the segment of the plan that it is a piece of; none of what lies between.
    pub(super) of: Vec<Option<usize>>,
}

impl Pieces {
    /// Cuts the segments of a plan into pieces; none where they are not known.
    pub(super) fn of(plan: &Plan) -> Option<Self> {
        let list = plan.segments()?;
        let mut pieces = Self { segments: Vec::new(), of: Vec::new() };
        for (number, segment) in list.iter().enumerate() {
            pieces.cut(number, *segment, plan);
        }
        Some(pieces)
    }

    /// Tells which of them are encoded.
    pub(super) fn wanted(&self) -> Vec<bool> {
        self.of.iter().map(Option::is_some).collect()
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a segment has few frames"
    )]
    fn cut(&mut self, number: usize, segment: Segment, plan: &Plan) {
        let seconds = seconds(&segment, plan);
        let rate = segment.frames as f64 / seconds;
        let frames = (PIECE * rate).round() as u64;
        // What has few frames is not cut, however long each is shown.
        if seconds <= WHOLE || frames < 8 || segment.frames < PIECES as u64 * frames + 4 {
            return self.push(segment, Some(number));
        }
        // Ticks of the renditions are fine enough to cut between frames; those of a film of uneven frames are cut near enough.
        let ticks = plan.time_base();
        let at = |frame: u64| {
            let from = segment.start.seconds().as_f64() + (frame as f64 - 0.5) / rate;
            Time::of_ticks((from / ticks.as_f64()).round() as i64, Rational { num: ticks.num, den: ticks.den })
        };
        let mut rest = segment;
        for piece in 0..PIECES as u64 {
            let middle = segment.frames * (2 * piece + 1) / (2 * PIECES as u64);
            let begin = middle.saturating_sub(frames / 2).max(1);
            for (cut, of) in [(begin, None), (begin + frames, Some(number))] {
                let end = at(cut);
                let count = cut - (rest.first_frame - segment.first_frame);
                self.push(Segment { end: Some(end), frames: count, ..rest }, of);
                let first_frame = segment.first_frame + cut;
                rest =
                    Segment { start: end, first_frame, frames: segment.frames - cut, key_frames_from: end, ..segment };
            }
        }
        self.push(rest, None);
    }

    fn push(&mut self, segment: Segment, of: Option<usize>) {
        self.segments.push(segment);
        self.of.push(of);
    }

    /// A plan whose segments these are.
    pub(super) fn in_plan(&self, plan: &Plan) -> Plan {
        let mut cut = plan.clone();
        cut.wanted.segments = Segmentation::List(self.segments.clone());
        cut
    }
}

/// Gives the seconds of a segment.
#[expect(clippy::cast_precision_loss, reason = "a segment has few frames")]
pub(super) fn seconds(segment: &Segment, plan: &Plan) -> f64 {
    let nominal = segment.frames as f64 / plan.frame_rate().as_f64().max(1e-3);
    let told = segment.end.map(|end| end.seconds().as_f64() - segment.start.seconds().as_f64());
    told.filter(|&seconds| seconds > 0.0).unwrap_or(nominal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{PlanOptions, tests::source};

    #[test]
    fn long_segments_have_two_pieces_and_short_ones_are_whole() {
        let mut plan = Plan::new(&source(1920, 1080), &PlanOptions::default()).unwrap();
        let ticks = plan.time_base();
        let time = |millis| Time::of_ticks(millis, ticks);
        let segment = |start, end: Option<i64>, first_frame, frames| Segment {
            start: time(start),
            end: end.map(time),
            first_frame,
            frames,
            key_frames_from: Time::ZERO,
        };
        let list =
            vec![segment(0, Some(2000), 0, 50), segment(2000, Some(12_000), 50, 250), segment(12_000, None, 300, 50)];
        plan.wanted.segments = Segmentation::List(list);
        let plan = plan.update().unwrap();
        let pieces = Pieces::of(&plan).unwrap();
        assert_eq!(pieces.of, [Some(0), None, Some(1), None, Some(1), None, Some(2)]);
        let frames: Vec<_> = pieces.segments.iter().map(|piece| piece.frames).collect();
        assert_eq!((frames.iter().sum::<u64>(), frames[2], frames[4]), (350, 38, 38));
        // A frame is in a piece as a whole: the cut is between it and the one before.
        assert_eq!(pieces.segments[2].start, time(2000 + 43 * 40 - 20));
        pieces.in_plan(&plan).update().unwrap();
    }
}
