//! Packets of the wanted tracks in the order of the file, their times on one time line.

#![expect(unsafe_code, reason = "libav is C")]

use super::clocks::Clocks;
use super::continuity::{Continuity, Placed, SECOND, Stamped};
use super::decode_times::DecodeTimes;
use super::demux::{Demuxer, ReadOutcome, known};
use super::entry::Entries;
use super::ffi::{AvPacket, rational};
use crate::error::Result;
use crate::geometry::Rational;
use crate::source::timeline::rescale;
use ffmpeg_sys_next as av;
use std::collections::VecDeque;
use std::mem;

/// Ticks of the time line on which tracks are compared.
pub(super) const NANOSECOND: Rational = Rational { num: 1, den: SECOND };

/// Nanoseconds between decoding and showing that no encoder takes: the second is wrong.
const LONGEST_DELAY: u64 = 10 * SECOND.unsigned_abs();

/// Bytes of a group of pictures that wait, at most, to see whether it has the picture that is wanted.
const LARGEST_GROUP: usize = 64 << 20;

/// Reads them.
#[derive(Debug)]
pub(super) struct Packets {
    tracks: Vec<Track>,
    /// Streams of text, which take no part in finding the time line.
    texts: Vec<usize>,
    clocks: Clocks,
    continuity: Continuity<AvPacket>,
    /// True where libav calls packets superfluous that lie before others in fragmented MP4, where recordings were
    /// joined.
    keeps_all: bool,
    /// Tells when the video is decoded, where the container does not.
    decode_times: Option<DecodeTimes>,
    /// Knows where decoding of the video can begin.
    entries: Entries,
    skipping: Option<Skipping>,
    /// Packets that may be given out.
    ready: VecDeque<Ready>,
    ended: bool,
    corrected: u64,
    /// True once any video packet was taken.
    has_video: bool,
    /// True once video was met of which a decode from its middle may give something else than one from the beginning.
    is_doubtful: bool,
    /// True once a video packet told no time of showing.
    is_untold: bool,
}

/// A packet that may be given out.
#[derive(Debug)]
struct Ready {
    track: usize,
    packet: AvPacket,
    /// True where packets of the track before it were left out, so that decoding begins anew.
    begins: bool,
}

/// A stream that is read.
#[derive(Clone, Copy, Debug)]
struct Track {
    /// Its index in the container.
    stream: usize,
    ticks: Rational,
    /// Ticks between decoding and showing, of its last packet.
    delay: i64,
    /// True once libav said of a packet where in the file it lies.
    has_places: bool,
}

/// Outcome of asking for the next packet.
#[derive(Debug)]
pub(super) enum PacketEvent {
    /// A packet of the track of this index. Decoding of the track begins anew where `begins` says so.
    Packet { track: usize, packet: AvPacket, begins: bool },
    /// A packet of text, whose times are those of the container.
    Text(AvPacket),
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
        let tracks: Vec<_> = streams.iter().map(track).collect();
        Self {
            decode_times: decode_times(demuxer, streams[0], tracks[0].ticks),
            tracks,
            texts: Vec::new(),
            clocks: Clocks::default(),
            continuity: Continuity::new(streams.len(), leaps),
            keeps_all: demuxer.is_fragmented(),
            entries: Entries::of(demuxer.stream(streams[0])),
            skipping: None,
            ready: VecDeque::new(),
            ended: false,
            corrected: 0,
            has_video: false,
            is_doubtful: false,
            is_untold: false,
        }
    }

    /// Gives the packets of these streams of text too, as they come in the file; with `others` false, no others are read.
    pub(super) fn with_texts(self, demuxer: &mut Demuxer, texts: Vec<usize>, others: bool) -> Self {
        let tracks = self.tracks.iter().filter(|_| others).map(|track| track.stream);
        demuxer.select(&tracks.chain(texts.iter().copied()).collect::<Vec<_>>());
        Self { texts, ..self }
    }

    /// Tells by how much the video so far was moved.
    pub(super) fn clocks(&self) -> &Clocks {
        &self.clocks
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

    /// Tells whether all video so far, decoded from where [`Packets::skip_to`] begins, would be the same as decoded from the
    /// beginning, and at the same times without the other tracks.
    pub(super) fn can_skip(&self) -> bool {
        !self.is_doubtful && !self.is_untold && self.continuity.is_steady(0)
    }

    /// Tells whether all video packets so far told when they are shown.
    pub(super) fn tell_times(&self) -> bool {
        !self.is_untold
    }

    /// Tells whether a frame is expected of a video packet.
    pub(super) fn shows(&self, packet: &AvPacket) -> bool {
        packet.fields().flags & av::AV_PKT_FLAG_DISCARD == 0 && self.entries.shows(packet)
    }

    /// Reads up to the next packet that is sure.
    pub(super) fn next(&mut self, demuxer: &mut Demuxer) -> Result<PacketEvent> {
        loop {
            if let Some(Ready { track, packet, begins }) = self.ready.pop_front() {
                return Ok(PacketEvent::Packet { track, packet, begins });
            }
            if let Some(placed) = self.continuity.pop() {
                self.pass(placed);
                continue;
            }
            if self.ended {
                return Ok(PacketEvent::End);
            }
            let mut packet = AvPacket::new()?;
            match demuxer.read(&mut packet)? {
                ReadOutcome::Packet if self.is_text(&packet) => return Ok(PacketEvent::Text(packet)),
                ReadOutcome::Packet => self.take(packet),
                ReadOutcome::Broken => {
                    self.is_doubtful = true;
                    return Ok(PacketEvent::Broken);
                }
                ReadOutcome::End => self.end(),
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
        if let Some(skipping) = &mut self.skipping.take() {
            self.ready.extend(skipping.let_go());
        }
    }

    /// Leaves video packets out up to those with which decoding of the picture at `target`, in ticks of the video, can
    /// begin. Where `exact`, a packet that is flagged as key has to prove it.
    pub(super) fn skip_to(&mut self, target: i64, exact: bool) {
        if let Some(skipping) = &mut self.skipping {
            (skipping.target, skipping.exact) = (target.max(skipping.target), exact);
            return;
        }
        let skipping = Skipping { target, exact, group: Vec::new(), begins: false, bytes: 0 };
        // Video that has not been given out need not be decoded either.
        let (video, others): (VecDeque<_>, VecDeque<_>) =
            mem::take(&mut self.ready).into_iter().partition(|ready| ready.track == 0);
        self.ready = others;
        self.skipping = Some(skipping);
        for Ready { packet, begins, .. } in video {
            self.pass_video(packet, begins);
        }
        if self.ended {
            self.end();
        }
    }

    /// Reads on, after [`Packets::skip_to`], up to where decoding begins; tells whether it can begin there.
    pub(super) fn find_entry(&mut self, demuxer: &mut Demuxer) -> Result<bool> {
        let is_ready = |ready: &VecDeque<Ready>| ready.iter().any(|ready| ready.track == 0);
        while self.skipping.is_some() && !self.ended && !is_ready(&self.ready) {
            if let Some(placed) = self.continuity.pop() {
                self.pass(placed);
                continue;
            }
            let mut packet = AvPacket::new()?;
            match demuxer.read(&mut packet)? {
                ReadOutcome::Packet => self.take(packet),
                ReadOutcome::Broken => return Ok(false),
                ReadOutcome::End => self.end(),
            }
        }
        Ok(self.ready.iter().find(|ready| ready.track == 0).is_some_and(|video| video.begins))
    }

    /// Begins anew, for the file is read on from another place.
    pub(super) fn restart(&mut self) {
        self.continuity.restart();
        self.clocks = Clocks::default();
        // Amid a group of pictures these cannot be told from times of showing alone; and where recordings are joined nobody seeks.
        self.decode_times = None;
        self.ready.clear();
        (self.skipping, self.ended) = (None, false);
    }

    fn is_text(&self, packet: &AvPacket) -> bool {
        usize::try_from(packet.fields().stream_index).is_ok_and(|stream| self.texts.contains(&stream))
    }

    fn take(&mut self, mut packet: AvPacket) {
        let stream = usize::try_from(packet.fields().stream_index).ok();
        let Some(index) = self.tracks.iter().position(|track| Some(track.stream) == stream) else { return };
        // SAFETY: a valid packet, borrowed by nobody.
        let fields = unsafe { &mut *packet.as_mut_ptr() };
        if self.keeps_all {
            fields.flags &= !av::AV_PKT_FLAG_DISCARD;
        }
        if let (0, Some(times), Some(shown)) = (index, &mut self.decode_times, known(fields.pts)) {
            fields.dts = times.push(shown, fields.duration, fields.flags & av::AV_PKT_FLAG_KEY != 0);
        }
        let track = &mut self.tracks[index];
        let ticks = track.ticks;
        let time = |time| rescale(time, ticks, NANOSECOND);
        if let Some((pts, dts)) = known(fields.pts).zip(known(fields.dts)) {
            if time(pts).abs_diff(time(dts)) > LONGEST_DELAY {
                fields.pts = dts.saturating_add(track.delay);
                self.corrected += u64::from(index == 0);
                self.is_doubtful |= index == 0;
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
            place: place(&packet),
            packet,
        });
    }

    /// Gives a packet its times, and puts it where it may be taken from.
    fn pass(&mut self, placed: Placed<AvPacket>) {
        let Placed { track, mut packet, shift, wrong } = placed;
        self.corrected += u64::from(wrong && track == 0);
        let ticks = self.tracks[track].ticks;
        let shown = known(packet.fields().pts).filter(|_| track == 0 && !wrong);
        if let Some(shown) = shown {
            self.clocks.note(rescale(shown, ticks, NANOSECOND), shift, place(&packet));
        }
        let shift = rescale(shift, NANOSECOND, ticks);
        // SAFETY: a valid packet, borrowed by nobody.
        let fields = unsafe { &mut *packet.as_mut_ptr() };
        for time in [&mut fields.pts, &mut fields.dts] {
            *time = known(*time).map_or(av::AV_NOPTS_VALUE, |time| time.saturating_add(shift));
        }
        if wrong && track > 0 {
            // Sound knows better than rounded ticks where it goes on.
            (fields.pts, fields.dts) = (av::AV_NOPTS_VALUE, av::AV_NOPTS_VALUE);
        }
        if track == 0 {
            self.judge(&packet);
            self.pass_video(packet, false);
        } else {
            self.ready.push_back(Ready { track, packet, begins: false });
        }
    }

    /// Puts a video packet where it may be taken from, or where it waits. `begins` says that those before it were left out.
    fn pass_video(&mut self, packet: AvPacket, begins: bool) {
        let Some(skipping) = &mut self.skipping else {
            return self.ready.push_back(Ready { track: 0, packet, begins });
        };
        let is_found = skipping.take(packet, begins, &self.entries);
        // Decoding a longer group than can wait is slow, not wrong.
        if is_found || skipping.bytes > LARGEST_GROUP {
            self.ready.extend(skipping.let_go());
        }
        if is_found {
            self.skipping = None;
        }
    }

    /// Notes what a video packet says against a decode that does not begin at the beginning.
    fn judge(&mut self, packet: &AvPacket) {
        let fields = packet.fields();
        let has = |flag| fields.flags & flag != 0;
        self.is_untold |= known(fields.pts).is_none() && !has(av::AV_PKT_FLAG_DISCARD);
        let unknown = has(av::AV_PKT_FLAG_KEY) && self.entries.begins(packet).is_none();
        let changes = self.has_video && packet.new_extradata().is_some();
        self.is_doubtful |= unknown || changes || has(av::AV_PKT_FLAG_CORRUPT);
        self.has_video = true;
    }
}

/// Where a packet lies in the file; none when that is not known.
pub(super) fn place(packet: &AvPacket) -> Option<i64> {
    Some(packet.fields().pos).filter(|&at| at >= 0)
}

/// Makes what tells when a stream is decoded; none where its container does, or it is decoded when it is shown.
fn decode_times(demuxer: &Demuxer, stream: usize, ticks: Rational) -> Option<DecodeTimes> {
    let is_untold = demuxer.tells_showing_alone(stream);
    let stream = demuxer.stream(stream);
    // SAFETY: a stream has parameters.
    let delay = usize::try_from(unsafe { (*stream.codecpar).video_delay }).ok()?;
    is_untold.then(|| DecodeTimes::new(delay, ticks, rational(stream.avg_frame_rate))).flatten()
}

/// Looks for where decoding has to begin: at the last key frame before what is wanted.
#[derive(Debug)]
struct Skipping {
    target: i64,
    /// True where packets that are flagged as key have to prove it.
    exact: bool,
    /// Packets from the last key frame on; before the first, those that go on from what was given out.
    group: Vec<AvPacket>,
    /// True where decoding begins with the group.
    begins: bool,
    bytes: usize,
}

impl Skipping {
    /// Takes the next video packet; tells whether no later one can be the key frame that is looked for. `begins` says that
    /// those before it were left out.
    fn take(&mut self, packet: AvPacket, begins: bool, entries: &Entries) -> bool {
        let fields = packet.fields();
        let (shown, decoded) = (known(fields.pts), known(fields.dts));
        let is_before = match shown {
            None if self.exact => false,
            _ => shown.or(decoded).is_none_or(|time| time <= self.target),
        };
        let is_key = fields.flags & av::AV_PKT_FLAG_KEY != 0;
        let is_entry = || !self.exact || entries.begins(&packet).unwrap_or(true);
        if begins || (is_before && is_key && is_entry()) {
            self.group.clear();
            (self.begins, self.bytes) = (true, 0);
        }
        self.bytes += packet.data().len();
        self.group.push(packet);
        decoded.or(shown).is_some_and(|time| time >= self.target)
    }

    /// Gives the group out; what comes after it goes on from there.
    fn let_go(&mut self) -> impl Iterator<Item = Ready> {
        let begins = mem::take(&mut self.begins);
        self.bytes = 0;
        mem::take(&mut self.group).into_iter().enumerate().map(move |(index, packet)| Ready {
            track: 0,
            packet,
            begins: begins && index == 0,
        })
    }
}
