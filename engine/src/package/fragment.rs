//! Fragments: `moof` and `mdat`, of a run of samples (ISO/IEC 14496-12, 8.8).

use super::boxes::{atom, full, words};
use super::protection::{Subsample, sample_boxes};
use super::track_info::{ROLL, TRACK};
use crate::error::Result;
use crate::geometry::Rational;
use crate::intervals::Intervals;
use crate::packet::Packet;

/// Bytes of samples from which on a fragment ends although no key frame follows: what bounds the memory that it takes.
const LARGEST: usize = 8 << 20;
/// Flags of samples (ISO/IEC 14496-12, 8.8.3.1): one that depends on no other, and one that does and begins nothing.
const KEY: u32 = 0x0200_0000;
const OTHER: u32 = 0x0101_0000;

/// Which samples begin segments.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Boundaries<'a> {
    /// The first key frames in each of these intervals.
    Keys(Intervals),
    /// Those that are nearest to these times, in rising order: where the segments of the picture begin, after the first.
    At(&'a [Rational]),
}

/// A run of samples.
#[derive(Debug, Default)]
pub(super) struct Fragment {
    /// Decoding time of the first, in ticks from the beginning of the track.
    pub(super) start: u64,
    /// Whether a segment begins with it.
    pub(super) begins_segment: bool,
    /// Whether decoding can begin with it, and whether it can with each of its samples.
    pub(super) key: bool,
    pub(super) all_keys: bool,
    /// Ticks and bytes of each sample.
    pub(super) samples: Vec<(u32, u32)>,
    /// What of each is encrypted; none where there is nothing to say of that.
    pub(super) subsamples: Vec<Vec<Subsample>>,
    pub(super) data: Vec<u8>,
}

impl Fragment {
    /// Ticks of all samples.
    pub(super) fn duration(&self) -> u64 {
        self.samples.iter().map(|&(ticks, _)| u64::from(ticks)).sum()
    }

    /// Bytes up to the end of the first sample, in which a picture lies that can be decoded by itself.
    pub(super) fn first_bytes(&self, head: usize) -> u64 {
        head as u64 + 8 + self.samples.first().map_or(0, |&(_, bytes)| u64::from(bytes))
    }

    /// Makes the `moof`, with one `traf` and one `trun`; fragments are counted from 1. With `in_group` all samples are of the group that
    /// the header describes.
    pub(super) fn head(&self, number: u32, in_group: bool) -> Vec<u8> {
        let first = self.samples.first().map_or(0, |&(ticks, _)| ticks);
        let even = self.samples.iter().all(|&(ticks, _)| ticks == first);
        // Offsets count from the moof; durations and flags are the same for all samples but where said otherwise.
        let others = if self.all_keys { KEY } else { OTHER };
        let (flags, defaults) =
            if even { (0x02_0028, vec![TRACK, first, others]) } else { (0x02_0020, vec![TRACK, others]) };
        let track = full(b"tfhd", 0, flags, &[&words(&defaults)]);
        let time = full(b"tfdt", 1, 0, &[&self.start.to_be_bytes()]);
        let per_sample = |&(ticks, bytes): &(u32, u32)| if even { vec![bytes] } else { vec![ticks, bytes] };
        let samples = words(&self.samples.iter().flat_map(per_sample).collect::<Vec<_>>());
        let count = u32::try_from(self.samples.len()).unwrap_or(u32::MAX);
        let group = if in_group { full(b"sbgp", 0, 0, &[ROLL, &words(&[1, count, 1])]) } else { Vec::new() };
        let first_flags = if self.key { KEY } else { OTHER };
        let run = |offset: u32| {
            let kind = if even { 0x00_0205 } else { 0x00_0305 };
            full(b"trun", 0, kind, &[&words(&[count, offset, first_flags]), &samples])
        };
        let sequence = full(b"mfhd", 0, 0, &[&words(&[number])]);
        let encryption = if self.subsamples.is_empty() {
            Vec::new()
        } else {
            // Behind the heads of moof and traf.
            sample_boxes(
                &self.subsamples,
                8 + sequence.len() + 8 + track.len() + time.len() + run(0).len() + group.len(),
            )
        };
        let whole = |offset: u32| {
            let traf = atom(b"traf", &[&track, &time, &run(offset), &group, &encryption]);
            atom(b"moof", &[&sequence, &traf])
        };
        // The samples lie behind the head and the eight bytes of the mdat's.
        let length = u32::try_from(whole(0).len() + 8).unwrap_or(u32::MAX);
        whole(length)
    }
}

/// Why packets cannot be put into fragments.
#[derive(Debug, thiserror::Error)]
#[error("a sample at {at} ticks follows one at {last}, or lasts longer than CMAF can say")]
pub(super) struct BadTime {
    last: i64,
    at: i64,
}

/// Puts packets into fragments: a new one with each that begins a segment and each key frame of a picture.
pub(super) struct Fragments<'a> {
    timescale: u32,
    boundaries: Boundaries<'a>,
    /// Ticks that the last sample lasts, where its packet does not know.
    nominal: i64,
    /// Ticks that are added to all times.
    shift: i64,
    /// The packet that waits for the next one's time.
    waiting: Option<(Packet, Vec<Subsample>)>,
    /// Time of the first packet, and how many segments have begun.
    first: i64,
    begun: usize,
    current: Fragment,
}

impl<'a> Fragments<'a> {
    pub(super) fn new(timescale: u32, boundaries: Boundaries<'a>, nominal: i64, shift: i64) -> Self {
        let current = Fragment::default();
        Self { timescale, boundaries, nominal, shift, waiting: None, first: 0, begun: 0, current }
    }

    /// Takes the next packet, and what of it is encrypted; gives the fragment that it ends, if it does.
    pub(super) fn push(&mut self, packet: Packet, subsamples: Vec<Subsample>) -> Result<Option<Fragment>, BadTime> {
        let ended = match self.waiting.take() {
            None => {
                self.first = packet.pts;
                None
            }
            Some((before, of_it)) => {
                let lasts = packet.pts.saturating_sub(before.pts);
                let ticks = u32::try_from(lasts).ok().filter(|&ticks| ticks > 0);
                let ticks = ticks.ok_or(BadTime { last: before.pts, at: packet.pts })?;
                self.add(before, of_it, ticks)
            }
        };
        self.waiting = Some((packet, subsamples));
        Ok(ended)
    }

    /// Gives what is left, in one or two fragments.
    pub(super) fn finish(mut self) -> impl Iterator<Item = Fragment> {
        let last = self.waiting.take().and_then(|(last, subsamples)| {
            let lasts = if last.duration > 0 { last.duration } else { self.nominal };
            self.add(last, subsamples, u32::try_from(lasts.max(1)).unwrap_or(u32::MAX))
        });
        last.into_iter().chain(Some(self.current).filter(|rest| !rest.samples.is_empty()))
    }

    /// Adds a sample; gives the fragment before, where it begins a new one.
    fn add(&mut self, packet: Packet, subsamples: Vec<Subsample>, ticks: u32) -> Option<Fragment> {
        let begins_segment = self.begins_segment(&packet, ticks);
        let by_keys = matches!(self.boundaries, Boundaries::Keys(_));
        let full = self.current.data.len() >= LARGEST;
        let ended = (begins_segment || packet.key && by_keys || full).then(|| std::mem::take(&mut self.current));
        if self.current.samples.is_empty() {
            let start = packet.pts.saturating_add(self.shift);
            let start = u64::try_from(start).unwrap_or(0);
            self.current =
                Fragment { start, begins_segment, key: packet.key, all_keys: !by_keys, ..Fragment::default() };
        }
        self.current.samples.push((ticks, u32::try_from(packet.data.len()).unwrap_or(u32::MAX)));
        self.current.data.extend(packet.data);
        self.current.subsamples.extend(Some(subsamples).filter(|subsamples| !subsamples.is_empty()));
        ended.filter(|ended| !ended.samples.is_empty())
    }

    fn begins_segment(&mut self, packet: &Packet, ticks: u32) -> bool {
        if self.begun == 0 {
            self.begun = 1;
            return true;
        }
        let reached = match self.boundaries {
            Boundaries::Keys(intervals) if packet.key => {
                let tick = Rational { num: 1, den: self.timescale.into() };
                let number = intervals.number(i128::from(packet.pts) - i128::from(self.first), tick) + 1;
                usize::try_from(number).unwrap_or(usize::MAX)
            }
            Boundaries::Keys(_) => return false,
            Boundaries::At(times) => {
                // The sample whose beginning is nearer to the time than the next one's.
                let middle = i128::from(packet.pts) * 2 + i128::from(ticks);
                let is_reached = |time: &Rational| {
                    i128::from(time.num) * i128::from(self.timescale) * 2 < middle * i128::from(time.den)
                };
                1 + times.partition_point(is_reached)
            }
        };
        let begins = reached > self.begun;
        self.begun = self.begun.max(reached);
        begins
    }
}
