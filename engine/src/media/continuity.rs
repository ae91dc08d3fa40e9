//! The programme's clock: one for picture and sound. Where it starts anew, in a recording that was joined from several,
//! all tracks are moved by the same amount, so that they stay in step.
//!
//! A jump in one track does not yet say what it is. So packets are held from there on until the other tracks have jumped
//! too (a joint), have come to where the first one went (a gap in it), or the first one comes back (a wrong time).

use std::collections::VecDeque;
use std::mem;

/// A second, in the nanoseconds that all times here are in.
pub(super) const SECOND: i64 = 1_000_000_000;

/// Largest step back of decoding times that is taken for rounding.
const BACK: i64 = SECOND / 1000;

/// Steps ahead up to this are pauses. MPEG-TS may not leave a track without a time for more than 0.7 s.
const PAUSE: i64 = SECOND;

/// Where clocks may start anew, what steps farther ahead than this did: the limit of libav's own programs.
const LEAP: i64 = 10 * SECOND;

/// Times of different tracks that are no farther apart than this may be of one clock.
const TOGETHER: i64 = 5 * SECOND;

/// Files are in the order of time, roughly: what is farther ahead than this of a track that goes on is of another clock.
const FAR: i64 = 60 * SECOND;

/// Packets of the track that jumped first which show that it stays there.
const PROOF: usize = 3;

/// Least duration of a packet.
const STILL: i64 = SECOND / 1000;

/// Most of a track that is held, in time and, for all of them, in bytes and packets.
const LONGEST_HELD: i64 = 3 * SECOND;
const MOST_BYTES: usize = 32 << 20;
const MOST_PACKETS: usize = 4096;

/// A packet and what its container says of it.
#[derive(Debug)]
pub(super) struct Stamped<T> {
    pub packet: T,
    /// Which of the tracks it belongs to.
    pub track: usize,
    /// When it is decoded; none when nothing tells it.
    pub time: Option<i64>,
    /// When it is shown or heard.
    pub shown: Option<i64>,
    /// 0 when unknown.
    pub duration: i64,
    pub bytes: usize,
    /// Where it lies in the file; none when that is not known.
    pub place: Option<i64>,
}

/// A packet and its place on the time line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Placed<T> {
    pub packet: T,
    pub track: usize,
    /// Nanoseconds to be added to its times.
    pub shift: i64,
    /// True where its own times are wrong, so that it follows the packet before.
    pub wrong: bool,
}

/// Brings the packets of several tracks, in the order of the file, onto one time line.
#[derive(Debug)]
pub(super) struct Continuity<T> {
    tracks: Vec<Track>,
    /// True where the container's clock may start anew at a later time, so that a long step ahead is no pause.
    leaps: bool,
    held: Option<Held<T>>,
    ready: VecDeque<Placed<T>>,
    joints: u64,
}

/// The state of a track, up to its last packet on the time line.
#[derive(Clone, Copy, Debug, Default)]
struct Track {
    /// Nanoseconds that are added to its times.
    shift: i64,
    /// Decoding time of its last packet as the container gives it.
    told: Option<i64>,
    /// The same on the time line, and where that packet ends.
    last: Option<(i64, i64)>,
    /// Duration of its last packet that was no pause.
    usual: i64,
    /// Latest end of what is shown or heard.
    end: Option<i64>,
    /// True once it stepped where one would look at the other tracks to know what that is, or was moved or corrected.
    was_in_doubt: bool,
}

/// Packets whose times are in doubt, as the container gives them.
#[derive(Debug)]
struct Held<T> {
    packets: VecDeque<Stamped<T>>,
    bytes: usize,
    /// The track that jumped first, and where in the file.
    opener: usize,
    place: Option<i64>,
    /// Of each track that is held: its way so far.
    ways: Vec<Option<Way>>,
    /// Of each track: true where it went on as before meanwhile.
    went_on: Vec<bool>,
}

/// Times of the held packets of a track.
#[derive(Clone, Copy, Debug)]
struct Way {
    first: i64,
    first_shown: i64,
    last: i64,
    end: i64,
    packets: usize,
}

impl Track {
    /// Goes on to a packet, which is moved by `shift`.
    fn accept<T>(&mut self, stamped: &Stamped<T>, shift: i64) {
        let Some(time) = stamped.time else {
            let ends = self.last.as_mut().map(|(_, end)| end).into_iter().chain(&mut self.end);
            ends.for_each(|end| *end = end.saturating_add(stamped.duration));
            return;
        };
        // Some containers have no durations but the distances of times, which are as wrong as these.
        if stamped.duration <= PAUSE {
            self.usual = stamped.duration;
        }
        self.told = Some(time);
        let time = time.saturating_add(shift);
        self.last = Some((time, time.saturating_add(self.usual)));
        let shown = stamped.shown.map_or(time, |shown| shown.saturating_add(shift));
        self.end = self.end.max(Some(shown.saturating_add(self.usual)));
    }

    /// Tells whether a packet has the time of the one before, or hardly a later one, although packets last longer.
    /// Packets that are shown in another order than they are decoded in are left out: their times tell it otherwise.
    fn stands_still<T>(&self, stamped: &Stamped<T>) -> bool {
        let step = self.told.zip(stamped.time).map(|(told, time)| time.saturating_sub(told));
        stamped.shown == stamped.time && step.is_some_and(|step| (0..STILL).contains(&step) && 8 * step < self.usual)
    }

    /// Tells whether a decoding time follows the packet before, after a pause at most.
    fn follows(&self, time: i64) -> bool {
        !self.steps_back(time) && self.step(time) <= PAUSE
    }

    fn steps_back(&self, time: i64) -> bool {
        self.last.is_some_and(|(last, _)| time.saturating_add(self.shift) < last.saturating_sub(BACK))
    }

    /// Measures the distance of a decoding time from the expected one, either way.
    fn suits(&self, time: i64) -> u64 {
        self.step(time).unsigned_abs()
    }

    /// Measures by how much a decoding time is later than the expected one; negative where it is earlier.
    fn step(&self, time: i64) -> i64 {
        self.last.map_or(0, |(_, end)| time.saturating_add(self.shift).saturating_sub(end))
    }
}

impl Way {
    fn follows(&self, time: i64) -> bool {
        (self.last.saturating_sub(BACK)..=self.end.saturating_add(LEAP)).contains(&time)
    }

    /// Measures the distance of a decoding time from the expected one, either way.
    fn suits(&self, time: i64) -> u64 {
        time.saturating_sub(self.end).unsigned_abs()
    }

    /// Tells whether the times hardly rise from packet to packet.
    fn creeps(&self) -> bool {
        let shortest = i64::try_from(self.packets).unwrap_or(i64::MAX).saturating_mul(STILL);
        self.packets >= PROOF && self.last.saturating_sub(self.first) < shortest
    }

    fn is_near(&self, time: i64) -> bool {
        (self.first.saturating_sub(TOGETHER)..=self.last.saturating_add(TOGETHER)).contains(&time)
    }
}

impl<T> Held<T> {
    fn new(tracks: usize, stamped: Stamped<T>) -> Self {
        let mut held = Self {
            packets: VecDeque::new(),
            bytes: 0,
            opener: stamped.track,
            place: stamped.place,
            ways: vec![None; tracks],
            went_on: vec![false; tracks],
        };
        held.push(stamped);
        held
    }

    fn push(&mut self, stamped: Stamped<T>) {
        self.bytes += stamped.bytes;
        if let Some(time) = stamped.time {
            let end = time.saturating_add(stamped.duration);
            let way = &mut self.ways[stamped.track];
            let new = Way { first: time, first_shown: stamped.shown.unwrap_or(time), last: time, end, packets: 0 };
            let way = way.get_or_insert(new);
            (way.last, way.end, way.packets) = (time, end, way.packets + 1);
        }
        self.packets.push_back(stamped);
    }

    /// Tells whether a decoding time may be of the clock of the packets held.
    fn is_near(&self, time: i64) -> bool {
        self.ways.iter().flatten().any(|way| way.is_near(time))
    }

    /// Tells whether a packet lies behind the jump in the file, as far as is known.
    fn is_behind(&self, stamped: &Stamped<T>) -> bool {
        self.place.zip(stamped.place).is_none_or(|(jump, place)| place >= jump)
    }

    /// Tells whether enough packets are held to decide.
    fn is_enough(&self) -> bool {
        let proved = self.ways[self.opener].is_some_and(|way| way.packets >= PROOF);
        let long = |way: &Way| way.last.saturating_sub(way.first) > LONGEST_HELD;
        (proved && self.ways.iter().all(Option::is_some))
            || self.ways.iter().flatten().any(long)
            || self.bytes > MOST_BYTES
            || self.packets.len() > MOST_PACKETS
    }
}

impl<T> Continuity<T> {
    /// For `tracks` tracks. `leaps` says that the container's clock may start anew at a later time.
    pub(super) fn new(tracks: usize, leaps: bool) -> Self {
        Self { tracks: vec![Track::default(); tracks], leaps, held: None, ready: VecDeque::new(), joints: 0 }
    }

    /// Joints since this was last asked.
    pub(super) fn take_joints(&mut self) -> u64 {
        mem::take(&mut self.joints)
    }

    /// Tells whether all times of a track so far would be the same if it had been the only one.
    pub(super) fn is_steady(&self, track: usize) -> bool {
        !self.tracks[track].was_in_doubt
    }

    /// The next packet that is sure, those of one track in their order.
    pub(super) fn pop(&mut self) -> Option<Placed<T>> {
        self.ready.pop_front()
    }

    /// Takes the next packet of the file.
    pub(super) fn push(&mut self, stamped: Stamped<T>) {
        let Some(held) = self.held.take() else { return self.watch(stamped) };
        self.weigh(held, stamped);
        if let Some(held) = self.held.take_if(|held| held.is_enough()) {
            self.settle(held);
        }
    }

    /// Decides on what is held, for nothing follows.
    pub(super) fn finish(&mut self) {
        if let Some(held) = self.held.take() {
            self.settle(held);
        }
    }

    /// Lets a packet through that is where it should be.
    fn watch(&mut self, stamped: Stamped<T>) {
        let track = &self.tracks[stamped.track];
        let jumps = |time| !track.follows(time) && !self.others_are_at(&stamped, time);
        if !track.stands_still(&stamped) && stamped.time.is_some_and(jumps) {
            self.held = Some(Held::new(self.tracks.len(), stamped));
        } else {
            self.release(stamped);
        }
    }

    /// Tells whether a step ahead leads to where another track already is.
    fn others_are_at(&self, stamped: &Stamped<T>, time: i64) -> bool {
        let track = &self.tracks[stamped.track];
        let goal = time.saturating_add(track.shift).saturating_sub(PAUSE);
        let mut others = self.tracks.iter().enumerate().filter(|&(index, _)| index != stamped.track);
        !track.steps_back(time) && others.any(|(_, other)| other.last.is_some_and(|(_, end)| end >= goal))
    }

    /// Finds out what the next packet says of those held.
    fn weigh(&mut self, mut held: Held<T>, stamped: Stamped<T>) {
        let index = stamped.track;
        let track = self.tracks[index];
        let follows = track.stands_still(&stamped) || stamped.time.is_none_or(|time| track.follows(time));
        match (held.ways[index], stamped.time) {
            (Some(_), None) => held.push(stamped),
            (Some(way), Some(time)) if way.follows(time) && (!follows || way.suits(time) <= track.suits(time)) => {
                held.push(stamped);
            }
            (Some(_), _) if follows => {
                self.let_go(held, Some(index));
                return self.watch(stamped);
            }
            (None, Some(time)) if held.is_near(time) && (!follows || self.joins(&held, &stamped)) => held.push(stamped),
            (None, _) if follows => {
                held.went_on[index] = true;
                self.release(stamped);
                if self.is_reached(&held, index) {
                    return self.let_go(held, None);
                }
            }
            _ => {
                self.settle(held);
                return self.watch(stamped);
            }
        }
        self.held = Some(held);
    }

    /// Tells whether a packet that follows the one before is of the new clock nevertheless: its track lost just as much
    /// as the clock went back.
    fn joins(&self, held: &Held<T>, stamped: &Stamped<T>) -> bool {
        let back = held.ways[held.opener].is_some_and(|way| self.tracks[held.opener].steps_back(way.first));
        back && held.is_behind(stamped)
    }

    /// Tells whether track `index` has come to where the opener stepped ahead to.
    fn is_reached(&self, held: &Held<T>, index: usize) -> bool {
        let opener = &self.tracks[held.opener];
        let goal = held.ways[held.opener].map(|way| way.first.saturating_add(opener.shift).saturating_sub(PAUSE));
        let ahead = held.ways[held.opener].is_some_and(|way| !opener.steps_back(way.first));
        ahead && goal.zip(self.tracks[index].last).is_some_and(|(goal, (_, end))| end >= goal)
    }

    /// Decides by what is known.
    fn settle(&mut self, held: Held<T>) {
        let opener = &self.tracks[held.opener];
        let Some(way) = held.ways[held.opener] else { return self.let_go(held, None) };
        if way.packets == 1 && held.went_on.iter().any(|&went_on| went_on) {
            let opener = held.opener;
            return self.let_go(held, Some(opener));
        }
        let goal = way.first.saturating_add(opener.shift);
        let stays = |&index: &usize| held.went_on[index] && held.ways[index].is_none();
        let others = (0..self.tracks.len()).filter(stays).filter_map(|index| self.tracks[index].last);
        let reached = others.map(|(_, end)| end).max();
        // What stands still where it leapt to was made up by a muxer that insists on rising times.
        let leaps = reached.map_or(self.leaps, |end| goal.saturating_sub(end) > FAR) || way.creeps();
        let anew = opener.steps_back(way.first) || (leaps && opener.step(way.first) > LEAP);
        if anew {
            self.joints += 1;
            // What has gone on as before has a clock of its own.
            let joins = |index: &usize| held.ways[*index].is_some() || !held.went_on[*index];
            let joining: Vec<_> = (0..self.tracks.len()).filter(joins).collect();
            let shift = |&index: &usize| Some(self.tracks[index].end?.saturating_sub(held.ways[index]?.first_shown));
            // The one that would overlap most goes on where it ended; in the others that is a gap.
            if let Some(shift) = joining.iter().filter_map(shift).max() {
                joining.iter().for_each(|&index| self.tracks[index].shift = shift);
            }
        }
        self.let_go(held, None);
    }

    /// Lets all that is held through; the times of track `wrong` are.
    fn let_go(&mut self, held: Held<T>, wrong: Option<usize>) {
        for stamped in held.packets {
            if Some(stamped.track) == wrong {
                self.correct(stamped);
            } else {
                self.release(stamped);
            }
        }
    }

    fn release(&mut self, stamped: Stamped<T>) {
        let track = &mut self.tracks[stamped.track];
        if track.stands_still(&stamped) {
            return self.correct(stamped);
        }
        let shift = track.shift;
        let steps = |time| track.steps_back(time) || (self.leaps && track.step(time) > PAUSE);
        track.was_in_doubt |= shift != 0 || stamped.time.is_some_and(steps);
        track.accept(&stamped, shift);
        self.ready.push_back(Placed { packet: stamped.packet, track: stamped.track, shift, wrong: false });
    }

    /// Lets a packet through whose times are wrong.
    fn correct(&mut self, stamped: Stamped<T>) {
        let track = &mut self.tracks[stamped.track];
        let expected = track.last.zip(stamped.time).map(|((_, end), time)| end.saturating_sub(time));
        let shift = expected.unwrap_or(track.shift);
        track.was_in_doubt = true;
        track.accept(&stamped, shift);
        self.ready.push_back(Placed { packet: stamped.packet, track: stamped.track, shift, wrong: true });
    }

    /// Forgets how far the tracks have come, and what is held, for the file is read on from another place.
    pub(super) fn restart(&mut self) {
        let tracks = mem::take(&mut self.tracks);
        *self = Self::new(tracks.len(), self.leaps);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = SECOND / 1000;
    const PICTURE: usize = 0;
    const SOUND: usize = 1;

    /// A packet of so many milliseconds; it is its own time as the container gives it.
    fn packet(track: usize, time: i64, place: Option<i64>) -> Stamped<(usize, i64)> {
        let duration = if track == PICTURE { 40 } else { 20 } * MS;
        let stamp = Some(time * MS);
        Stamped { packet: (track, time), track, time: stamp, shown: stamp, duration, bytes: 100, place }
    }

    /// A recording: pictures from `picture`, sounds from `sound`, as a muxer puts them, in milliseconds.
    fn recording(picture: std::ops::Range<i64>, sound: std::ops::Range<i64>) -> Vec<(usize, i64)> {
        let pictures = picture.step_by(40).map(|time| (PICTURE, time));
        let mut all: Vec<_> = pictures.chain(sound.step_by(20).map(|time| (SOUND, time))).collect();
        all.sort_by_key(|&(track, time)| (time, track));
        all
    }

    /// Runs the packets through: track, time on the time line in milliseconds, whether it was wrong, time as it was.
    fn run(leaps: bool, tracks: usize, packets: &[(usize, i64)]) -> (Vec<(usize, i64, bool, i64)>, u64) {
        let mut continuity = Continuity::new(tracks, leaps);
        let mut out = Vec::new();
        let place = |Placed { packet: (track, time), shift, wrong, .. }: Placed<(usize, i64)>| {
            (track, time + shift / MS, wrong, time)
        };
        for (index, &(track, time)) in packets.iter().enumerate() {
            continuity.push(packet(track, time, i64::try_from(index).ok()));
            out.extend(std::iter::from_fn(|| continuity.pop()).map(place));
        }
        continuity.finish();
        out.extend(std::iter::from_fn(|| continuity.pop()).map(place));
        assert_eq!(out.len(), packets.len(), "nothing is lost");
        for track in 0..tracks {
            let of = |packets: &[(usize, i64)]| -> Vec<i64> {
                packets.iter().filter(|packet| packet.0 == track).map(|packet| packet.1).collect()
            };
            let came: Vec<_> = out.iter().map(|&(track, _, _, was)| (track, was)).collect();
            assert_eq!(of(&came), of(packets), "in order");
        }
        (out, continuity.take_joints())
    }

    /// By how much the packets of the second of two recordings moved, which must be one amount.
    fn joint(leaps: bool, first: &[(usize, i64)], second: &[(usize, i64)]) -> (i64, u64) {
        let (out, joints) = run(leaps, 2, &[first, second].concat());
        let mut shifts = Vec::new();
        for track in [PICTURE, SOUND] {
            let count = first.iter().filter(|packet| packet.0 == track).count();
            let of: Vec<_> = out.iter().filter(|packet| packet.0 == track).collect();
            assert!(of.iter().all(|packet| !packet.2));
            assert!(of[..count].iter().all(|&&(_, placed, _, was)| placed == was), "the first stays");
            shifts.extend(of[count..].iter().map(|&&(_, placed, _, was)| placed - was));
        }
        shifts.dedup();
        assert_eq!(shifts.len(), 1, "one shift for picture and sound: {shifts:?}");
        (shifts[0], joints)
    }

    #[test]
    fn one_clock_passes_as_it_is() {
        let all = recording(100..4000, 80..3900);
        let (out, joints) = run(true, 2, &all);
        assert!(out.iter().all(|&(_, placed, _, was)| placed == was));
        assert_eq!(joints, 0);
    }

    #[test]
    fn the_track_that_ends_last_is_joined_and_the_other_has_a_gap() {
        let first = recording(1000..4000, 1000..3600);
        for anew in [1000, 0, 997_000, 2_000_000] {
            let second = recording(anew..anew + 3000, anew - 20..anew + 3000);
            assert_eq!(joint(true, &first, &second), (4000 - anew, 1), "{anew}");
        }
        let first = recording(1000..3000, 1000..4000);
        assert_eq!(joint(true, &first, &recording(5..3000, 45..3000)), (4000 - 45, 1));
    }

    #[test]
    fn whichever_track_comes_first_behind_the_joint() {
        let first = recording(0..3000, 0..2600);
        let picture_first = [(PICTURE, 100), (PICTURE, 140), (PICTURE, 180), (PICTURE, 220), (SOUND, 90), (SOUND, 110)];
        let sound_first = [(SOUND, 90), (SOUND, 110), (SOUND, 130), (SOUND, 150), (PICTURE, 100), (PICTURE, 140)];
        for second in [picture_first, sound_first] {
            assert_eq!(joint(false, &first, &second), (2900, 1));
        }
    }

    #[test]
    fn small_overlaps_count_for_all_tracks() {
        // The sound of the second recording begins just where that of the first ends, the picture 400 ms before.
        let first = recording(0..3000, 0..2600);
        assert_eq!(joint(true, &first, &recording(2600..5000, 2600..5000)), (400, 1));
        assert_eq!(joint(true, &recording(0..2600, 0..3000), &recording(2600..5000, 2590..5000)), (410, 1));
    }

    #[test]
    fn a_gap_in_one_track_is_one() {
        for leaps in [true, false] {
            let mut still = recording(0..24_000, 0..24_000);
            still.retain(|&(track, time)| track == SOUND || !(1000..21_500).contains(&time));
            let mut silent = recording(0..24_000, 0..24_000);
            silent.retain(|&(track, time)| track == PICTURE || !(1000..13_000).contains(&time));
            // Muxers wait ten seconds for a track, and then write what they have.
            let mut early = still.clone();
            early.sort_by_key(|&(track, time)| if track == PICTURE && time > 2000 { time - 10_000 } else { time });
            for packets in [still, silent, early] {
                let (out, joints) = run(leaps, 2, &packets);
                assert!(out.iter().all(|&(_, placed, _, was)| placed == was));
                assert_eq!(joints, 0);
            }
        }
    }

    #[test]
    fn what_others_decide_upon_is_in_doubt() {
        let still = |gap: i64| {
            let mut packets = recording(0..9000, 0..9000);
            packets.retain(|&(track, time)| track == SOUND || !(1000..1000 + gap).contains(&time));
            packets
        };
        let clean = recording(100..4000, 80..3900);
        let joined = [clean.clone(), clean.clone()].concat();
        let cases = [(clean, true, true), (joined, false, false), (still(900), true, true), (still(5000), false, true)];
        for (number, (packets, steady_where_clocks_leap, steady_elsewhere)) in cases.iter().enumerate() {
            for (leaps, steady) in [(true, steady_where_clocks_leap), (false, steady_elsewhere)] {
                let mut continuity = Continuity::new(2, leaps);
                packets.iter().for_each(|&(track, time)| continuity.push(packet(track, time, None)));
                continuity.finish();
                assert_eq!(continuity.is_steady(PICTURE), *steady, "{number} {leaps}");
            }
        }
    }

    #[test]
    fn a_pause_of_all_is_closed_only_where_clocks_may_leap() {
        let (first, second) = (recording(0..2000, 0..2000), recording(14_000..16_000, 14_000..16_000));
        assert_eq!(joint(true, &first, &second), (-12_000, 1));
        assert_eq!(joint(false, &first, &second), (0, 0));
        assert_eq!(joint(true, &first, &recording(7000..9000, 7000..9000)), (0, 0));
    }

    #[test]
    fn a_single_wrong_time_is_no_time() {
        for wrong in [3_600_000, 7000, -5000, 1000] {
            for (leaps, tracks) in [(true, 2), (false, 2), (true, 1), (false, 1)] {
                let mut packets = recording(0..4000, if tracks == 2 { 0..4000 } else { 0..0 });
                let at = packets.iter().position(|&(track, time)| track == PICTURE && time == 2000).unwrap();
                packets[at].1 = wrong;
                let (out, joints) = run(leaps, tracks, &packets);
                let amiss: Vec<_> = out.iter().filter(|&&(_, placed, amiss, was)| amiss || placed != was).collect();
                assert_eq!((amiss, joints), (vec![&(PICTURE, 2000, true, wrong)], 0), "{wrong} {leaps} {tracks}");
            }
        }
    }

    #[test]
    fn a_track_alone_with_a_clock_of_its_own_goes_on() {
        for jump in [-9000, 3_600_000] {
            let mut packets = recording(0..20_000, 0..20_000);
            packets.iter_mut().filter(|(track, time)| *track == PICTURE && *time >= 10_000).for_each(|p| p.1 += jump);
            let (out, joints) = run(false, 2, &packets);
            let shifts: Vec<_> = out.iter().map(|&(track, placed, _, was)| (track, placed - was)).collect();
            assert!(shifts.iter().all(|&(track, shift)| shift == 0 || (track, shift) == (PICTURE, -jump)), "{jump}");
            assert_eq!(joints, 1);
        }
    }

    #[test]
    fn times_that_stand_still_for_a_while_are_wrong() {
        for (stands, step) in [(PICTURE, 40), (SOUND, 20)] {
            let mut packets = recording(0..4000, 0..4000);
            let still = packets.iter_mut().filter(|packet| packet.0 == stands && (2000..2400).contains(&packet.1));
            let count = still.map(|packet| packet.1 = 2000 - step).count();
            let (out, joints) = run(true, 2, &packets);
            let placed: Vec<_> = out.iter().filter(|packet| packet.0 == stands).map(|packet| packet.1).collect();
            assert_eq!(placed, (0..4000).step_by(usize::try_from(step).unwrap()).collect::<Vec<_>>());
            assert_eq!((out.iter().filter(|packet| packet.2).count(), joints), (count, 0));
        }
    }

    #[test]
    fn a_leap_to_where_times_stand_still_is_none() {
        // As muxers write it: the sound first, for it is earlier; durations are distances.
        let pictures = |index: i64| if index < 60 { 40 * index } else { 3_600_000 + index };
        let mut continuity = Continuity::new(2, false);
        (0..59).for_each(|index| continuity.push(packet(PICTURE, pictures(index), None)));
        (0..200).for_each(|index| continuity.push(packet(SOUND, 20 * index, None)));
        for index in 59..100 {
            let duration = (pictures(index + 1) - pictures(index)) * MS;
            continuity.push(Stamped { duration, ..packet(PICTURE, pictures(index), None) });
        }
        continuity.finish();
        let last = std::iter::from_fn(|| continuity.pop()).last().unwrap();
        assert_eq!((last.packet, last.shift, continuity.take_joints()), ((0, 3_600_099), -3_597_660 * MS, 1));
    }

    #[test]
    fn packets_without_times_keep_their_place() {
        let mut continuity = Continuity::new(1, true);
        for time in [Some(0), None, Some(80), Some(50_000), None, Some(50_080), Some(50_120)] {
            continuity.push(Stamped { time: time.map(|time| time * MS), ..packet(PICTURE, time.unwrap_or(-1), None) });
        }
        continuity.finish();
        let out: Vec<_> = std::iter::from_fn(|| continuity.pop()).map(|placed| placed.packet.1).collect();
        assert_eq!(out, [0, -1, 80, 50_000, -1, 50_080, 50_120]);
        assert_eq!(continuity.take_joints(), 1);
    }

    #[test]
    fn what_is_held_is_bounded() {
        let mut continuity = Continuity::new(2, true);
        (0..50).for_each(|n| continuity.push(packet(SOUND, 20 * n, None)));
        (0..100_000).for_each(|n| {
            continuity.push(packet(PICTURE, 900_000 + (n % 2) * 30_000_000 + n, None));
            assert!(continuity.held.as_ref().is_none_or(|held| held.packets.len() <= MOST_PACKETS));
        });
    }
}
