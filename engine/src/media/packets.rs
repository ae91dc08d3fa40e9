//! Packets of the wanted tracks in the order of the file, their times on one time line.

use super::continuity::{Continuity, Placed, SECOND, Stamped};
use super::demux::{Demuxer, Read, known};
use super::ffi::{AvPacket, rational};
use super::timeline::rescale;
use crate::error::Result;
use crate::geometry::Rational;
use ffmpeg_sys_next as av;
use std::collections::VecDeque;
use std::mem;

/// Ticks of the time line on which tracks are compared.
const NANOSECOND: Rational = Rational { num: 1, den: SECOND };

/// Nanoseconds between decoding and showing that no encoder takes: the second is wrong.
const LONGEST_DELAY: u64 = 10 * SECOND.unsigned_abs();

/// Bytes of a group of pictures that wait, at most, to see whether it has the picture that is wanted.
const LARGEST_GROUP: usize = 64 << 20;

/// Reads them.
#[derive(Debug)]
pub(super) struct Packets {
    tracks: Vec<Track>,
    continuity: Continuity<AvPacket>,
    /// Whether libav calls packets superfluous that lie before others in fragmented MP4, where recordings were joined.
    keeps_all: bool,
    skipping: Option<Skipping>,
    /// What may be given out, by track.
    ready: VecDeque<(usize, AvPacket)>,
    ended: bool,
    corrected: u64,
}

/// A stream that is read.
#[derive(Clone, Copy, Debug)]
struct Track {
    /// Its index in the container.
    stream: usize,
    ticks: Rational,
    /// Ticks between decoding and showing, of its last packet.
    delay: i64,
    /// Whether libav said of any packet where in the file it lies.
    has_places: bool,
}

/// What comes next.
#[derive(Debug)]
pub(super) enum Next {
    /// A packet of the track of this index.
    Packet(usize, AvPacket),
    /// The demuxer met something that it cannot read.
    Broken,
    /// Nothing follows.
    End,
}

impl Packets {
    /// Of `streams`, indices that libav gave, video first.
    pub(super) fn new(demuxer: &mut Demuxer, streams: &[usize]) -> Self {
        demuxer.select(streams);
        let track = |&stream: &usize| {
            let ticks = rational(demuxer.stream(stream).time_base).unwrap_or(Rational { num: 1, den: 90_000 });
            Track { stream, ticks, delay: 0, has_places: false }
        };
        let leaps = demuxer.container_flags() & av::AVFMT_TS_DISCONT != 0;
        Self {
            tracks: streams.iter().map(track).collect(),
            continuity: Continuity::new(streams.len(), leaps),
            keeps_all: demuxer.is_fragmented(),
            skipping: None,
            ready: VecDeque::new(),
            ended: false,
            corrected: 0,
        }
    }

    /// Ticks of a track.
    pub(super) fn ticks(&self, track: usize) -> Rational {
        self.tracks[track].ticks
    }

    /// Places where the programme's clock began anew, since this was last asked.
    pub(super) fn take_joints(&mut self) -> u64 {
        self.continuity.take_joints()
    }

    /// Video packets whose times were wrong and put right, since this was last asked.
    pub(super) fn take_corrected(&mut self) -> u64 {
        mem::take(&mut self.corrected)
    }

    /// Reads up to the next packet that is sure.
    pub(super) fn next(&mut self, demuxer: &mut Demuxer) -> Result<Next> {
        loop {
            if let Some((track, packet)) = self.ready.pop_front() {
                return Ok(Next::Packet(track, packet));
            }
            if let Some(placed) = self.continuity.pop() {
                self.pass(placed);
                continue;
            }
            if self.ended {
                return Ok(Next::End);
            }
            let mut packet = AvPacket::new()?;
            match demuxer.read(&mut packet)? {
                Read::Packet => self.take(packet),
                Read::Broken => return Ok(Next::Broken),
                Read::End => self.end(),
            }
        }
    }

    /// Nothing more is read: what is held comes out.
    pub(super) fn end(&mut self) {
        self.ended = true;
        self.continuity.finish();
        while let Some(placed) = self.continuity.pop() {
            self.pass(placed);
        }
        self.ready.extend(self.skipping.take().into_iter().flat_map(|skipping| skipping.group).map(|video| (0, video)));
    }

    /// Leaves video packets out up to those with which decoding of the picture at `target`, in ticks of the video, can
    /// begin.
    pub(super) fn skip_to(&mut self, target: i64) {
        self.skipping = Some(Skipping { target, group: Vec::new(), bytes: 0 });
    }

    /// Begins anew, for the file is read on from another place.
    pub(super) fn restart(&mut self) {
        self.continuity.restart();
        self.ready.clear();
        (self.skipping, self.ended) = (None, false);
    }

    fn take(&mut self, mut packet: AvPacket) {
        let stream = usize::try_from(packet.fields().stream_index).ok();
        let Some(index) = self.tracks.iter().position(|track| Some(track.stream) == stream) else { return };
        // SAFETY: a valid packet, borrowed by nobody.
        let fields = unsafe { &mut *packet.as_mut_ptr() };
        if self.keeps_all {
            fields.flags &= !av::AV_PKT_FLAG_DISCARD;
        }
        let track = &mut self.tracks[index];
        let ticks = track.ticks;
        let time = |time| rescale(time, ticks, NANOSECOND);
        if let Some((pts, dts)) = known(fields.pts).zip(known(fields.dts)) {
            if time(pts).abs_diff(time(dts)) > LONGEST_DELAY {
                fields.pts = dts.saturating_add(track.delay);
                self.corrected += u64::from(index == 0);
            } else {
                track.delay = pts.saturating_sub(dts);
            }
        }
        // Where one packet of the container holds many of sound, libav makes up the times of all but the first, by durations
        // that are wrong once the rate has changed.
        track.has_places |= fields.pos >= 0;
        let is_told = index == 0 || !track.has_places || fields.pos >= 0;
        // What is decoded and thrown away, as before the beginning of a track in a list, may overlap what was before.
        let counts = fields.flags & av::AV_PKT_FLAG_DISCARD == 0;
        let shown = known(fields.pts).map(time).filter(|_| counts && is_told);
        let decoded = known(fields.dts).map(time).filter(|_| counts && is_told);
        self.continuity.push(Stamped {
            track: index,
            // Pictures are not shown in the order in which they are decoded.
            time: decoded.or(shown.filter(|_| index > 0)),
            shown,
            duration: if counts { time(fields.duration.max(0)) } else { 0 },
            bytes: usize::try_from(fields.size).unwrap_or(0),
            place: (fields.pos >= 0).then_some(fields.pos),
            packet,
        });
    }

    /// Gives a packet its times, and puts it where it may be taken from.
    fn pass(&mut self, placed: Placed<AvPacket>) {
        let Placed { track, mut packet, shift, wrong } = placed;
        self.corrected += u64::from(wrong && track == 0);
        let shift = rescale(shift, NANOSECOND, self.tracks[track].ticks);
        // SAFETY: a valid packet, borrowed by nobody.
        let fields = unsafe { &mut *packet.as_mut_ptr() };
        for time in [&mut fields.pts, &mut fields.dts] {
            *time = known(*time).map_or(av::AV_NOPTS_VALUE, |time| time.saturating_add(shift));
        }
        if wrong && track > 0 {
            // Sound knows better than rounded ticks where it goes on.
            (fields.pts, fields.dts) = (av::AV_NOPTS_VALUE, av::AV_NOPTS_VALUE);
        }
        match &mut self.skipping {
            Some(skipping) if track == 0 => {
                if skipping.take(packet) {
                    self.ready.extend(skipping.group.drain(..).map(|video| (0, video)));
                    self.skipping = None;
                }
            }
            _ => self.ready.push_back((track, packet)),
        }
    }
}

/// Looks for where decoding has to begin: at the last key frame before what is wanted.
#[derive(Debug)]
struct Skipping {
    target: i64,
    /// Packets from the last key frame on.
    group: Vec<AvPacket>,
    bytes: usize,
}

impl Skipping {
    /// Takes the next video packet; says whether the group is the one. A longer group than can wait is taken for it:
    /// decoding it is slow, not wrong.
    fn take(&mut self, packet: AvPacket) -> bool {
        let fields = packet.fields();
        let (shown, decoded) = (known(fields.pts), known(fields.dts));
        let is_before = shown.or(decoded).is_none_or(|time| time <= self.target);
        if fields.flags & av::AV_PKT_FLAG_KEY != 0 && is_before {
            self.group.clear();
            self.bytes = 0;
        }
        self.bytes += packet.data().len();
        self.group.push(packet);
        decoded.or(shown).is_some_and(|time| time >= self.target) || self.bytes > LARGEST_GROUP
    }
}
