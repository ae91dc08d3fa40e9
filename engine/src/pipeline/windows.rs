//! What a rendition costs in every 6 seconds, measured from its packets, and which segments are to blame where that is too much.

use super::report::LoweredSegment;
use crate::error::{Error, Result};
use crate::geometry::Rational;
use crate::packet::Packet;
use crate::plan::{Plan, Segmentation};
use std::collections::{BTreeMap, VecDeque};

/// Seconds of a window: a segment of a package, as Apple's authoring specification has them.
const WINDOW: f64 = 6.0;
/// Seconds that are nothing but what sums of fractions are off.
const ROUNDING: f64 = 1e-6;
/// Steps of quality that halve the bits, about: measured with SVT-AV1 and rav1e on film, 13 to 18; the larger, so that few rounds do.
const OCTAVE: f64 = 18.0;
/// Times that a film is encoded, at most; by then any quality has become 0.
pub(super) const MOST_ROUNDS: usize = 12;

/// The rates of a rendition in windows of 6 seconds, or over all of a shorter film.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct WindowRates {
    /// The highest, in bits a second, and the seconds at which its window begins.
    pub(crate) peak: (f64, f64),
    /// Of each segment that is to blame for a window above the limit, by its number: into how many octaves fewer bits it must come.
    /// Empty where the limit holds.
    pub(crate) excess: BTreeMap<usize, f64>,
}

/// Measures windows as packets come, in the order of the film.
#[derive(Debug)]
pub(super) struct Windows {
    /// In bits a second.
    limit: Option<u64>,
    time_base: Rational,
    frame_ticks: i64,
    /// Ticks at which segments begin.
    starts: Vec<i64>,
    segment: usize,
    shown: VecDeque<Shown>,
    bits: f64,
    begin: Option<f64>,
    /// Whether a whole window has come.
    whole: bool,
    rates: WindowRates,
}

/// A packet in the window.
#[derive(Clone, Copy, Debug)]
struct Shown {
    at: f64,
    seconds: f64,
    bits: f64,
    segment: usize,
}

impl Windows {
    /// Of rendition `rung` of a plan.
    pub(super) fn new(plan: &Plan, rung: usize) -> Self {
        let time_base = plan.time_base();
        let starts = plan.segments().unwrap_or_default().iter().map(|segment| segment.start.ticks(time_base));
        Self {
            limit: plan.wanted.rates.get(rung).and_then(|rate| rate.max_bitrate),
            time_base,
            frame_ticks: plan.frame_ticks(),
            starts: starts.collect(),
            segment: 0,
            shown: VecDeque::new(),
            bits: 0.0,
            begin: None,
            whole: false,
            rates: WindowRates::default(),
        }
    }

    /// Takes the next packet.
    #[expect(clippy::cast_precision_loss, reason = "a packet is small")]
    pub(super) fn push(&mut self, packet: &Packet) {
        while self.starts.get(self.segment + 1).is_some_and(|&start| start <= packet.pts) {
            self.segment += 1;
        }
        let seconds =
            |ticks: i64| Rational { num: ticks.saturating_mul(self.time_base.num), ..self.time_base }.as_f64();
        let at = seconds(packet.pts);
        let lasts = seconds(if packet.duration > 0 { packet.duration } else { self.frame_ticks });
        let bits = packet.data.len() as f64 * 8.0;
        let begin = *self.begin.get_or_insert(at);
        // A window that begins with the frame after these.
        while self.shown.front().is_some_and(|first| first.at <= at - WINDOW + ROUNDING) {
            self.bits -= self.shown.pop_front().map_or(0.0, |first| first.bits);
        }
        self.shown.push_back(Shown { at, seconds: lasts, bits, segment: self.segment });
        self.bits += bits;
        if at + lasts - begin >= WINDOW - ROUNDING {
            self.whole = true;
            self.judge(WINDOW);
        }
    }

    /// Gives what was measured, once all packets have come.
    pub(super) fn finish(mut self) -> WindowRates {
        if let (false, Some(begin), Some(last)) = (self.whole, self.begin, self.shown.back().copied()) {
            self.judge((last.at + last.seconds - begin).max(1e-3));
        }
        self.rates
    }

    /// Judges the window that ends here, of so many seconds.
    fn judge(&mut self, seconds: f64) {
        let (rate, begin) = (self.bits / seconds, self.shown.front().map_or(0.0, |first| first.at));
        if rate > self.rates.peak.0 {
            self.rates.peak = (rate, begin);
        }
        #[expect(clippy::cast_precision_loss, reason = "no limit is that high")]
        let Some(limit) = self.limit.map(|limit| limit as f64).filter(|&limit| rate > limit) else { return };
        let mut segments: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
        for shown in &self.shown {
            let sums = segments.entry(shown.segment).or_default();
            *sums = (sums.0 + shown.bits, sums.1 + shown.seconds);
        }
        // Those that cost more than the limit have to give, and not their neighbours; all where frames last longer than the window.
        let costs_more = |&(bits, lasts): &(f64, f64)| bits > limit * lasts;
        let all = !segments.values().any(costs_more);
        let above = |sums: &(f64, f64)| all || costs_more(sums);
        let blamed: f64 = segments.values().filter(|sums| above(sums)).map(|sums| sums.0).sum();
        let left = (blamed - (self.bits - limit * seconds)).max(blamed / 16.0);
        let octaves = (blamed / left).log2();
        for (number, _) in segments.iter().filter(|(_, sums)| above(sums)) {
            let excess = self.rates.excess.entry(*number).or_default();
            *excess = excess.max(octaves);
        }
    }
}

/// Makes a plan with lower qualities where `rates`, those of each rendition, are above the limits.
///
/// # Errors
/// [`Error::InvalidOption`] that says which limit cannot be held, and where: of what is cut while it is decoded, and where quality
/// cannot fall any more.
pub(super) fn lowered(plan: &Plan, rates: &[WindowRates], can_repeat: bool) -> Result<Plan> {
    let mut lowered = plan.clone();
    for (rung, WindowRates { peak: (peak, at), excess }) in
        rates.iter().enumerate().filter(|(_, it)| !it.excess.is_empty())
    {
        let refused = |why: &str| {
            let limit = plan.wanted.rates.get(rung).and_then(|rate| rate.max_bitrate).unwrap_or_default();
            let file = plan.follows.rungs.get(rung).map_or("", |rung| &rung.file);
            let rule = format!("{file} has {} kb/s in the {WINDOW} s from {at:.1} s on, {why}", (peak / 1e3).ceil());
            Error::invalid("max bitrate", kilobits(limit), rule)
        };
        let Segmentation::List(list) = &plan.wanted.segments else {
            return Err(refused("and no segments that could be encoded again; lower the quality, or raise the limit"));
        };
        if !can_repeat {
            return Err(refused("and its source cannot be read again; lower the quality, or raise the limit"));
        }
        let qualities = (0..list.len()).map(|segment| plan.quality(rung, segment));
        let mut qualities: Vec<_> = qualities.collect();
        let mut falls = false;
        for (&segment, octaves) in excess {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held to what quality has")]
            let steps = (octaves * OCTAVE).ceil().clamp(1.0, 100.0) as u8;
            if let Some(quality) = qualities.get_mut(segment) {
                falls |= *quality > 0;
                *quality = quality.saturating_sub(steps);
            }
        }
        if !falls {
            return Err(refused("at the lowest quality; raise the limit, or make it smaller"));
        }
        if let Some(rate) = lowered.wanted.rates.get_mut(rung) {
            rate.qualities = qualities;
        }
    }
    lowered.update()
}

/// Lists the segments whose quality is another than was asked for, each with the number of its rendition.
pub(super) fn differences(asked: &Plan, made: &Plan) -> Vec<(usize, LoweredSegment)> {
    let segments = asked.segments().map_or(0, <[_]>::len);
    let all = (0..asked.follows.rungs.len()).flat_map(|rung| (0..segments).map(move |segment| (rung, segment)));
    let other = all.filter(|&(rung, segment)| asked.quality(rung, segment) != made.quality(rung, segment));
    other.map(|(rung, segment)| (rung, LoweredSegment { segment, quality: made.quality(rung, segment) })).collect()
}

/// Says of which renditions segments have a lower quality than the plan's.
pub(super) fn warn_of_lowered(plan: &Plan, lowered: &[(usize, LoweredSegment)]) {
    for (number, rung) in plan.follows.rungs.iter().enumerate() {
        let segments: Vec<_> = lowered.iter().filter(|(rung, _)| *rung == number).map(|(_, it)| it).collect();
        let (Some(first), Some(limit)) =
            (segments.first(), plan.wanted.rates.get(number).and_then(|it| it.max_bitrate))
        else {
            continue;
        };
        let at = plan.segments().and_then(|list| list.get(first.segment)).map_or(0.0, |it| it.start.seconds().as_f64());
        log::warn!(
            "{}: {}: its quality is lower than the plan's in {} of its segments, the first at {at:.1} s, so that no {WINDOW} s have \
             more than {}",
            plan.found.name,
            rung.file,
            segments.len(),
            kilobits(limit)
        );
    }
}

/// A rate as people read it.
fn kilobits(bits: u64) -> String {
    format!("{} kb/s", bits.div_ceil(1000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::source;
    use crate::plan::{PlanOptions, RungRate, Segment};
    use crate::time::Time;

    /// A plan with segments of 2 s and this limit for its only rung.
    fn plan(segments: i64, limit: u64) -> Plan {
        let options = PlanOptions::default().ladder("360".parse().unwrap());
        let mut plan = Plan::new(&source(1920, 1080), &options).unwrap();
        let time = |number: i64| Time::of_ticks(number * 2000, plan.time_base());
        let list = (0..segments).map(|number| Segment {
            start: time(number),
            end: (number + 1 < segments).then(|| time(number + 1)),
            first_frame: number as u64 * 50,
            frames: 50,
            key_frames_from: Time::ZERO,
        });
        plan.wanted.segments = Segmentation::List(list.collect());
        plan.wanted.rates = vec![RungRate { max_bitrate: Some(limit), ..RungRate::default() }];
        plan.update().unwrap()
    }

    /// Rates of a film of 25 frames a second whose segments of 2 s have so many bytes in each frame.
    fn rates(plan: &Plan, bytes: &[usize]) -> WindowRates {
        let mut windows = Windows::new(plan, 0);
        for (index, &bytes) in bytes.iter().flat_map(|bytes| std::iter::repeat_n(bytes, 50)).enumerate() {
            windows.push(&Packet { data: vec![0; bytes], pts: index as i64 * 40, duration: 40, key: index % 50 == 0 });
        }
        windows.finish()
    }

    #[test]
    fn every_window_counts_and_those_that_cost_too_much_are_blamed() {
        // 100 bytes in a frame are 20 kb/s. The dearest 6 s lie amid segments: 2 and 3 whole, and half of 1 and 4.
        let plan = plan(6, 60_000);
        let rates = rates(&plan, &[100, 100, 500, 500, 100, 100]);
        assert_eq!(rates.peak.0.round(), 73_333.0);
        assert_eq!(rates.excess.keys().copied().collect::<Vec<_>>(), [2, 3]);
        // 200 kb/s x 4 s, of which 80 kb have to go.
        let octaves = rates.excess[&2];
        assert!((octaves - (400.0_f64 / 320.0).log2()).abs() < 1e-6, "{octaves}");
        let lower = lowered(&plan, &[rates], true).unwrap();
        assert_eq!(lower.wanted.rates[0].qualities, [60, 60, 54, 54, 60, 60]);
    }

    #[test]
    fn a_film_shorter_than_a_window_is_one() {
        let plan = plan(2, 60_000);
        let both = rates(&plan, &[200, 400]);
        assert_eq!((both.peak.0.round(), both.peak.1), (60_000.0, 0.0));
        assert!(both.excess.is_empty(), "the limit itself is none too much");
        assert_eq!(rates(&plan, &[201, 400]).excess.keys().copied().collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn what_cannot_be_held_is_said_with_the_place() {
        let mut plan = plan(2, 10_000);
        plan.wanted.encoder.quality = 0;
        let rates = rates(&plan, &[100, 100]);
        let why =
            |plan: &Plan, can_repeat| lowered(plan, std::slice::from_ref(&rates), can_repeat).unwrap_err().to_string();
        let message = "max bitrate 10 kb/s: 360x640.mp4 has 20 kb/s in the 6 s from 0.0 s on, at the lowest quality; raise the \
                       limit, or make it smaller";
        assert_eq!(why(&plan, true), message);
        plan.wanted.encoder.quality = 60;
        assert!(why(&plan, false).contains("cannot be read again"));
        plan.wanted.segments = Segmentation::AsDecoded { key_frames: None };
        assert!(why(&plan, true).contains("no segments that could be encoded again"));
    }
}
