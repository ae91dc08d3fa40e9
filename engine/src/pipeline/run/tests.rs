//! The machinery with made-up stages: what goes wrong where, and that everything ends.

use super::super::spool::{Interleaved, Spool, SpoolWriter};
use super::super::windows::WindowRates;
use super::*;
use crate::encode::Encoder;
use crate::error::{Error, Remedy};
use crate::frame::{Area, Frame, FrameFormat, HeldFrame};
use crate::geometry::Rational;
use crate::media::testing::opus_track;
use crate::media::{AudioTrack, Event};
use crate::packet::Packet;
use crate::picture::{PictureSet, Request, Runner, Twin};
use crate::plan::{PlanOptions, Segmentation, Wanted, tests::source};
use crate::source::{Damage, Scan};
use crate::store::{PlanStore, SegmentKeys, Store, StoreOptions};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// Tracks of sound.
const AUDIO_TRACKS: usize = 2;
/// The one of them that may change.
const CHANGING: usize = 1;
/// Packets of a rendition, and the stream that each is of.
type Interleave = Vec<(usize, Packet)>;
/// Decoded frames that may wait in one lane.
const LANE_FRAMES: usize = 4;

/// What a made-up stage does instead of its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Fail,
    /// Its device does.
    Lose,
    Panic,
    Cancel,
}

/// Where and when it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FaultPlace {
    Decode(u64),
    OpenRunner,
    Scale(u64),
    Collect(u64),
    OpenEncoder(usize),
    Encode(usize, u64),
    Finish(usize),
    CloseEncoder(usize),
    Assemble(usize),
}

/// A made-up film and workshop.
struct Setup {
    /// Presentation times of the frames; an audio packet comes before every third.
    times: Vec<i64>,
    capacity: usize,
    /// Frames that an encoder keeps before it gives the first packet.
    lag: usize,
    /// Segments at once, and key frames of each.
    jobs: usize,
    segment_key_frames: Option<NonZeroU32>,
    /// Whether the plan lists its segments.
    listed: bool,
    /// Whether the source's file is changed while it is read.
    source_changes: bool,
    /// Whether no encoder can be opened while another works.
    exclusive: bool,
    selection: Selection<'static>,
    fault: Option<(FaultPlace, Fault)>,
    /// Whether another runner goes on where one's device fails.
    twin: bool,
    /// Where one stays until it is released, as inside a library that nobody can interrupt.
    stall: Option<FaultPlace>,
    stalled: AtomicBool,
    released: AtomicBool,
    control: Control,
    /// An encoder of this rung loses its last packet.
    loses: Option<usize>,
    damage: Damage,
    /// Numbers of frames that are damaged besides.
    damaged: Vec<u64>,
    strict: bool,
    /// Whether the source can pass frames over; where it cannot, it decodes them.
    can_skip: bool,
    store: Option<PlanStore>,
    /// The sound changes before this frame.
    sound_changes: Option<usize>,
    decoded: AtomicU64,
    /// Frames that the source passed over, and those that were taken from it.
    skipped: AtomicU64,
    filled: AtomicU64,
    encoded: AtomicU64,
    /// Encoders that have had a frame and are not closed.
    working: AtomicU64,
    /// How often the place of the fault was come to.
    visits: AtomicU64,
    /// The most frames that the decoder was ahead of the last rung's encoder.
    ahead: AtomicU64,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            times: (0..60).map(|frame| frame * 40 + frame % 3).collect(),
            capacity: 2,
            lag: 3,
            jobs: 1,
            segment_key_frames: None,
            listed: false,
            exclusive: false,
            source_changes: false,
            selection: Selection::All,
            fault: None,
            twin: false,
            stall: None,
            stalled: AtomicBool::new(false),
            released: AtomicBool::new(false),
            control: Control::default(),
            loses: None,
            damage: Damage::default(),
            damaged: Vec::new(),
            strict: false,
            can_skip: false,
            store: None,
            sound_changes: None,
            decoded: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            filled: AtomicU64::new(0),
            encoded: AtomicU64::new(0),
            working: AtomicU64::new(0),
            visits: AtomicU64::new(0),
            ahead: AtomicU64::new(0),
        }
    }
}

impl Setup {
    fn at(&self, place: FaultPlace) -> Result<()> {
        if self.stall == Some(place) {
            self.stalled.store(true, Ordering::SeqCst);
            wait_for(|| self.released.load(Ordering::SeqCst));
        }
        match self.fault {
            Some((fault_place, fault)) if fault_place == place => {
                self.visits.fetch_add(1, Ordering::SeqCst);
                wait_for(|| self.stall.is_none() || self.stalled.load(Ordering::SeqCst));
                match fault {
                    Fault::Fail => Err(Error::not_in_source(format!("{place:?}"))),
                    Fault::Lose => Err(Error::Device { device: "made up".to_owned(), why: format!("{place:?}") }),
                    Fault::Panic => panic!("{place:?}"),
                    Fault::Cancel => {
                        self.control.cancel();
                        Ok(())
                    }
                }
            }
            _ => Ok(()),
        }
    }

    fn plan(&self) -> Plan {
        let ladder = "36x64,18x32".parse().unwrap();
        let options = PlanOptions { ladder, keyframe_interval: Rational::new(1, 2), ..PlanOptions::default() };
        let plan = Plan::new(&source(64, 64), &options).unwrap();
        let segments = Segmentation::AsDecoded { key_frames: self.segment_key_frames };
        let plan = Plan { wanted: Wanted { segments, ..plan.wanted }, ..plan };
        if !self.listed {
            return plan;
        }
        let mut list = plan.segment_list();
        self.times.iter().for_each(|&pts| list.push(pts));
        let mut plan = plan.with_segments(list).unwrap();
        let frames = self.times.len() as u64;
        plan.found.scan = Some(Scan { frames, end: None, can_skip: self.can_skip, is_exact: true, packet_bytes: None });
        plan
    }

    /// As a conversion does; once it has ended, it may take `grace` to wind down.
    fn run_with_grace(self: &Arc<Self>, grace: Duration) -> Result<Outcome<Interleave>> {
        let (job, setup) = (self.control.part(), Arc::clone(self));
        let part = job.clone();
        job.aside_within(grace, "job", || {}, move || setup.run(&part))
    }

    fn run(self: &Arc<Self>, job: &Control) -> Result<Outcome<Interleave>> {
        let (plan, directory) = (self.plan(), tempfile::tempdir().unwrap());
        let counters = ProgressCounters::new(plan.wanted.rungs.iter().copied(), 40);
        let parallelism = ParallelismPlan {
            jobs: self.jobs,
            cores: 1,
            lane_frames: LANE_FRAMES,
            source_frames: self.jobs * LANE_FRAMES + 1,
            memory: 0,
            gpu_memory: 0,
        };
        let spec = PipelineSpec {
            plan: &plan,
            name: "film",
            selection: self.selection,
            strict: self.strict,
            audio_tracks: if self.selection == Selection::All { AUDIO_TRACKS } else { 0 },
            factory: self,
            parallelism: &parallelism,
            folder: directory.path(),
            counters: &counters,
        };
        let damage = self.damage.clone();
        let source = MadeUp { setup: Arc::clone(self), events: self.events(), frame: (0, 0), damage };
        let outcome = run(job, &spec, source);
        assert_eq!(directory.path().read_dir().unwrap().count(), 0);
        outcome
    }

    /// Audio counts in ticks of a tenth of a millisecond.
    fn events(&self) -> VecDeque<MadeUpEvent> {
        let mut events = VecDeque::new();
        for (index, &pts) in self.times.iter().enumerate() {
            if index % 3 == 0 {
                for track in 0..AUDIO_TRACKS {
                    let packet = Packet { data: vec![1; index], pts: pts * 10, duration: 1200, key: true };
                    events.push_back(MadeUpEvent::Audio(track, packet));
                }
            }
            if self.sound_changes == Some(index) {
                events.push_back(MadeUpEvent::SoundChanged);
            }
            events.push_back(MadeUpEvent::Frame(pts));
        }
        events
    }
}

/// What the made-up decoder does next.
enum MadeUpEvent {
    Frame(i64),
    Audio(usize, Packet),
    SoundChanged,
}

struct MadeUp {
    setup: Arc<Setup>,
    events: VecDeque<MadeUpEvent>,
    /// Number and time of the last frame.
    frame: (u64, i64),
    damage: Damage,
}

impl FrameSource for MadeUp {
    fn next(&mut self) -> Result<Event> {
        match self.events.pop_front() {
            None => Ok(Event::End),
            Some(MadeUpEvent::Audio(track, packet)) => Ok(Event::Audio { track, packet }),
            Some(MadeUpEvent::SoundChanged) => Ok(Event::SoundChanged { track: CHANGING }),
            Some(MadeUpEvent::Frame(pts)) => {
                let number = self.setup.decoded.fetch_add(1, Ordering::SeqCst);
                self.setup.at(FaultPlace::Decode(number))?;
                self.setup.ahead.fetch_max(number + 1 - self.setup.encoded.load(Ordering::SeqCst), Ordering::SeqCst);
                self.frame = (number, pts);
                if self.setup.damaged.contains(&number) {
                    self.damage.damaged_frames += 1;
                    self.damage.first_at = self.damage.first_at.or(Some(pts as f64));
                }
                Ok(Event::Frame { pts, duration: 40 })
            }
        }
    }

    fn fill(&mut self, area: Area, frame: &mut Frame) -> Result<()> {
        let (number, pts) = self.frame;
        self.setup.filled.fetch_add(1, Ordering::SeqCst);
        frame.reshape(area.format(frame.format()));
        (frame.pts, frame.duration) = (pts, 40);
        frame.bytes_mut().fill((number % 251) as u8);
        Ok(())
    }

    fn skip_to(&mut self, pts: i64) -> Result<()> {
        let before = self.events.len();
        self.events.retain(|event| !matches!(event, MadeUpEvent::Frame(time) if *time < pts));
        let skipped = (before - self.events.len()) as u64;
        self.setup.decoded.fetch_add(skipped, Ordering::SeqCst);
        self.setup.skipped.fetch_add(skipped, Ordering::SeqCst);
        Ok(())
    }

    fn seek_to(&mut self, pts: i64) -> Result<()> {
        self.skip_to(pts)
    }

    fn has_changed(&self) -> bool {
        self.setup.source_changes
    }

    fn damage(&self) -> &Damage {
        &self.damage
    }

    fn audio_tracks(&self) -> Vec<AudioTrack> {
        (0..AUDIO_TRACKS).map(|_| opus_track()).collect()
    }

    fn convert_sound(&mut self, _track: usize, packets: &Spool, into: &mut SpoolWriter) -> Result<()> {
        packets.packets().try_for_each(|packet| into.append(&Packet { data: b"converted".to_vec(), ..packet? }))
    }
}

struct MadeUpRunner {
    setup: Arc<Setup>,
    device: DeviceInfo,
    formats: Vec<FrameFormat>,
    capacity: usize,
    /// Whether it has the faults of the setup.
    faulty: bool,
    under_way: VecDeque<(i64, u64)>,
}

impl MadeUpRunner {
    fn open(setup: &Arc<Setup>, name: &str, capacity: usize, faulty: bool) -> Box<dyn Runner> {
        let device = DeviceInfo { name: name.to_owned(), kind: "cpu", detail: String::new() };
        let formats = setup.plan().graph().output_formats();
        Box::new(Self { setup: Arc::clone(setup), device, formats, capacity, faulty, under_way: VecDeque::new() })
    }

    fn at(&self, place: FaultPlace) -> Result<()> {
        if self.faulty { self.setup.at(place) } else { Ok(()) }
    }
}

impl Runner for MadeUpRunner {
    fn device(&self) -> &DeviceInfo {
        &self.device
    }

    fn under_way(&self) -> usize {
        self.under_way.len()
    }

    fn has_room(&self) -> bool {
        self.under_way.len() < self.capacity
    }

    fn submit(&mut self, source: &HeldFrame, request: Request) -> Result<()> {
        let picture = request.pictures().next().copied().unwrap();
        assert_eq!((picture.frame % 251) as u8, source.bytes()[0], "each frame keeps its number");
        self.at(FaultPlace::Scale(picture.frame))?;
        self.under_way.push_back((source.pts, picture.frame));
        assert!(self.under_way.len() <= self.capacity);
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }

    fn collect(&mut self) -> Result<PictureSet> {
        let (pts, number) = self.under_way.pop_front().unwrap();
        self.at(FaultPlace::Collect(number))?;
        let picture = |format| {
            let mut frame = Frame::new(format);
            (frame.pts, frame.duration) = (pts, 40);
            frame.bytes_mut().fill((number % 251) as u8);
            frame.into()
        };
        let pictures = self.formats.iter().copied().map(picture).collect();
        Ok(PictureSet { pictures, frame: number })
    }
}

struct MadeUpEncoder {
    setup: Arc<Setup>,
    rung: usize,
    begun: bool,
    kept: VecDeque<Packet>,
}

impl Encoder for MadeUpEncoder {
    fn encode(&mut self, frame: HeldFrame, key: bool, packets: &mut Vec<Packet>) -> Result<()> {
        self.setup.at(FaultPlace::Encode(self.rung, u64::from(frame.bytes()[0])))?;
        assert!(key || self.begun, "a segment begins with a key frame");
        if !std::mem::replace(&mut self.begun, true) {
            self.setup.working.fetch_add(1, Ordering::SeqCst);
        }
        if self.rung == 1 {
            self.setup.encoded.fetch_add(1, Ordering::SeqCst);
        }
        assert!(frame.bytes().iter().all(|&byte| byte == frame.bytes()[0]), "nobody else writes into the frame");
        self.kept.push_back(Packet { data: vec![frame.bytes()[0]], pts: frame.pts, duration: 40, key });
        while self.kept.len() > self.setup.lag {
            packets.extend(self.kept.pop_front());
        }
        Ok(())
    }

    fn finish(&mut self, packets: &mut Vec<Packet>) -> Result<bool> {
        self.setup.at(FaultPlace::Finish(self.rung))?;
        if self.setup.loses == Some(self.rung) && self.kept.len() == 1 {
            self.kept.pop_back();
        }
        packets.extend(self.kept.pop_front());
        Ok(!self.kept.is_empty())
    }
}

impl Drop for MadeUpEncoder {
    fn drop(&mut self) {
        if self.begun {
            self.setup.working.fetch_sub(1, Ordering::SeqCst);
        }
        // There is nobody to be told.
        let _ = self.setup.at(FaultPlace::CloseEncoder(self.rung));
    }
}

impl StageFactory for Arc<Setup> {
    type Rendition = Interleave;

    fn runner(&self) -> Result<Box<dyn Runner>> {
        self.at(FaultPlace::OpenRunner)?;
        Ok(MadeUpRunner::open(self, "made up", self.capacity, true))
    }

    fn twin(&self) -> Option<Twin<'_>> {
        self.twin.then(|| Box::new(|| Ok(MadeUpRunner::open(self, "twin", 1, false))) as Twin<'_>)
    }

    fn encoder(&self, rung: usize, _: usize) -> Result<Box<dyn Encoder>> {
        self.at(FaultPlace::OpenEncoder(rung))?;
        wait_for(|| !self.exclusive || self.working.load(Ordering::SeqCst) == 0);
        Ok(Box::new(MadeUpEncoder { setup: Arc::clone(self), rung, begun: false, kept: VecDeque::new() }))
    }

    fn store(&self) -> Option<&PlanStore> {
        self.store.as_ref()
    }

    fn assemble(&self, rung: usize, video: &Spool, _: WindowRates, film: &SourceSummary) -> Result<Interleave> {
        self.at(FaultPlace::Assemble(rung))?;
        let (ticks, audio_ticks) = (Rational::new(1, 1000), Rational::new(1, 10000));
        let audio = film.audio.iter().map(|audio| (audio.packets.packets(), audio_ticks));
        Interleaved::new(std::iter::once((video.packets(), ticks)).chain(audio)).collect()
    }
}

fn run_with(setup: Setup) -> (Result<Outcome<Interleave>>, Arc<Setup>) {
    let setup = Arc::new(setup);
    (setup.run_with_grace(Duration::MAX), setup)
}

fn wait_for(so: impl Fn() -> bool) {
    while !so() {
        thread::yield_now();
    }
}

/// Packets of a stream of a rendition: of the picture, which is the first, or of a track of sound.
fn of_stream(packets: &[(usize, Packet)], wanted: usize) -> impl Iterator<Item = &Packet> {
    packets.iter().filter(move |(stream, _)| *stream == wanted).map(|(_, packet)| packet)
}

fn times(packets: &[(usize, Packet)], stream: usize) -> Vec<i64> {
    of_stream(packets, stream).map(|packet| packet.pts).collect()
}

/// Checks that a job that was not disturbed came to all it must.
fn assert_whole(outcome: &Outcome<Interleave>, setup: &Setup) {
    let keys = assert_renditions(outcome, setup);
    let count = setup.times.len() as u64;
    let names: Vec<_> = outcome.stages.iter().map(|stage| stage.name.as_str()).collect();
    let expected = ["decode", "scale", "encode 36x64", "mux 36x64", "encode 18x32", "mux 18x32"];
    assert_eq!(names, expected);
    let keys = keys.into_iter().filter(|&key| key).count() as u64;
    let segments = setup.segment_key_frames.map_or(1, |limit| keys.div_ceil(u64::from(limit.get())));
    for queue in &outcome.queues {
        // A segment's beginning and end travel too, its beginning only as far as to the encoder.
        let items = count + segments * if queue.name.starts_with("encode") { 1 } else { 2 };
        assert_eq!(queue.items, items, "{}", queue.name);
        assert!(queue.max_depth <= queue.capacity);
        assert_eq!(queue.queues, if queue.name.starts_with("encode") { 1 } else { setup.jobs });
    }
}

/// Checks that all frames are in the renditions, and all sound; gives which frames are key frames.
fn assert_renditions(outcome: &Outcome<Interleave>, setup: &Setup) -> Vec<bool> {
    let count = setup.times.len() as u64;
    let film = &outcome.summary;
    assert_eq!(
        (film.frames.count(), film.frames.ends()),
        (count, Some((setup.times[0], *setup.times.last().unwrap())))
    );
    let mut segmenter = setup.plan().segmenter();
    let keys: Vec<bool> = setup.times.iter().map(|&pts| segmenter.next(pts).key).collect();
    for rung in &outcome.rungs {
        assert_eq!(times(&rung.rendition, 0), setup.times);
        for track in 1..=AUDIO_TRACKS {
            let expected: Vec<_> = setup.times.iter().step_by(3).map(|pts| pts * 10).collect();
            assert_eq!(times(&rung.rendition, track), expected, "track {track}");
        }
        let values: Vec<u8> = of_stream(&rung.rendition, 0).map(|packet| packet.data[0]).collect();
        assert_eq!(values, (0..count).map(|number| (number % 251) as u8).collect::<Vec<_>>());
        let found: Vec<bool> = of_stream(&rung.rendition, 0).map(|packet| packet.key).collect();
        assert_eq!(found, keys);
        assert_eq!(rung.video_bytes, count);
    }
    keys
}

#[test]
fn every_frame_reaches_every_rung_with_its_time_and_key() {
    let (outcome, setup) = run_with(Setup::default());
    assert_whole(&outcome.unwrap(), &setup);
}

#[test]
fn segments_side_by_side_come_out_in_their_places() {
    for (jobs, key_frames) in [(1, 1), (2, 1), (2, 2), (5, 1), (3, 7)] {
        let segment_key_frames = NonZeroU32::new(key_frames);
        let times = (0..250).map(|frame| frame * 40).collect();
        let (outcome, setup) = run_with(Setup { times, jobs, segment_key_frames, ..Setup::default() });
        assert_whole(&outcome.unwrap(), &setup);
    }
}

#[test]
fn nothing_of_a_source_that_changes_meanwhile_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (outcome, setup) = run_with(Setup { source_changes: true, ..stored_film(folder.path(), 1, true) });
    assert!(matches!(outcome, Err(Error::BadSource { why, .. }) if why.contains("was changed while it was read")));
    let store = setup.store.as_ref().unwrap();
    assert!((0..6).all(|number| store.segment(number, 2).unwrap().is_none()));
    let (outcome, _) = run_with(Setup { source_changes: true, ..Setup::default() });
    outcome.unwrap();
}

#[test]
fn encoders_that_cannot_be_opened_while_others_work_have_their_turn() {
    for (jobs, listed) in [(1, true), (1, false), (3, true)] {
        let segment_key_frames = NonZeroU32::new(1);
        let (outcome, setup) =
            run_with(Setup { jobs, listed, segment_key_frames, exclusive: true, ..Setup::default() });
        assert_whole(&outcome.unwrap(), &setup);
    }
}

#[test]
fn all_rungs_agree_on_key_frames_in_a_film_of_uneven_frames() {
    let times = [5, 6, 400, 504, 505, 506, 2600, 2601, 3004, 3005, 3006].to_vec();
    let (outcome, setup) = run_with(Setup { times, ..Setup::default() });
    assert_whole(&outcome.unwrap(), &setup);
}

#[test]
fn a_film_of_one_frame_is_a_film() {
    let (outcome, setup) = run_with(Setup { times: vec![7], capacity: 1, ..Setup::default() });
    assert_whole(&outcome.unwrap(), &setup);
}

#[test]
fn a_film_of_no_frame_is_refused() {
    let (outcome, _) = run_with(Setup { times: Vec::new(), ..Setup::default() });
    assert!(matches!(outcome, Err(Error::BadSource { name, .. }) if name == "film"));
}

#[test]
fn damage_is_counted_and_refused_only_when_strict() {
    for damage in [
        Damage { damaged_frames: 2, first_at: Some(1.5), ..Damage::default() },
        Damage { truncated_at: Some(1.5), ..Damage::default() },
    ] {
        let (outcome, setup) = run_with(Setup { damage: damage.clone(), ..Setup::default() });
        let outcome = outcome.unwrap();
        assert_whole(&outcome, &setup);
        assert_eq!(outcome.summary.damage, damage);
        let (outcome, _) = run_with(Setup { damage, strict: true, ..Setup::default() });
        assert!(matches!(outcome, Err(Error::BadSource { why, .. }) if why.contains("1.500 s")));
    }
}

#[test]
fn sound_that_is_lost_is_refused_when_strict() {
    let damage = Damage { sound_lost: true, ..Damage::default() };
    let (outcome, setup) = run_with(Setup { damage: damage.clone(), ..Setup::default() });
    assert_whole(&outcome.unwrap(), &setup);
    let (outcome, _) = run_with(Setup { damage, strict: true, ..Setup::default() });
    assert!(
        matches!(outcome, Err(Error::BadSource { why, remedy: Some(Remedy::AcceptLostSound), .. }) if why.contains("sound"))
    );
}

#[test]
fn sound_of_before_a_change_is_converted_and_goes_before_what_follows() {
    let (outcome, setup) = run_with(Setup { sound_changes: Some(31), ..Setup::default() });
    let outcome = outcome.unwrap();
    assert_whole(&outcome, &setup);
    for rung in &outcome.rungs {
        let converted = |track: usize| -> Vec<_> {
            of_stream(&rung.rendition, track + 1).map(|packet| packet.data == b"converted").collect()
        };
        let expected: Vec<_> = (0..60).step_by(3).map(|frame| frame <= 31).collect();
        assert_eq!(converted(CHANGING), expected);
        assert!(!converted(0).contains(&true), "the other track stays as it is");
    }
}

#[test]
fn a_still_that_is_too_long_for_the_file_is_refused_when_it_is_met() {
    let longest = i64::from(i32::MAX);
    let times = |gap: i64| vec![0, 40, 40 + gap, 80 + gap];
    let (outcome, setup) = run_with(Setup { times: times(longest), ..Setup::default() });
    assert_whole(&outcome.unwrap(), &setup);
    let (outcome, _) = run_with(Setup { times: times(longest + 1), ..Setup::default() });
    let Err(Error::BadSource { name, why, remedy: Some(Remedy::ConvertParts) }) = outcome else { panic!("refused") };
    assert!(name == "film" && why.contains("from 0.040 s to 2147483.688 s"), "{why}");
}

#[test]
fn an_encoder_that_loses_a_frame_is_found_out() {
    for rung in 0..2 {
        let (outcome, _) = run_with(Setup { loses: Some(rung), ..Setup::default() });
        assert!(
            matches!(outcome, Err(Error::Encoder { why, .. }) if why.contains("59 packets") && why.contains("60 frames"))
        );
    }
}

#[test]
fn the_decoder_does_not_run_ahead() {
    let (outcome, setup) = run_with(Setup { times: (0..2000).collect(), capacity: 3, ..Setup::default() });
    assert_whole(&outcome.unwrap(), &setup);
    // One more frame is filled than is in a lane, and one is being encoded.
    let bound = LANE_FRAMES + RUNG_FRAMES + setup.capacity + 2;
    let ahead = setup.ahead.load(Ordering::SeqCst);
    assert!((1..=bound as u64).contains(&ahead), "{ahead} frames ahead, {bound} allowed");
}

#[test]
fn a_cancelled_control_starts_nothing() {
    let setup = Setup::default();
    setup.control.cancel();
    let (outcome, setup) = run_with(setup);
    assert!(matches!(outcome, Err(Error::Cancelled)));
    assert_eq!(setup.decoded.load(Ordering::SeqCst), 0);
}

#[test]
fn a_device_that_fails_in_the_middle_is_left_from_the_very_frame_on() {
    for (capacity, jobs) in [(1, 1), (3, 1), (3, 3)] {
        for place in [0, 7, 59].into_iter().flat_map(|frame| [FaultPlace::Scale(frame), FaultPlace::Collect(frame)]) {
            let segment_key_frames = NonZeroU32::new(u32::from(jobs > 1));
            let fault = Some((place, Fault::Lose));
            let setup = Setup { capacity, jobs, segment_key_frames, fault, twin: true, ..Setup::default() };
            let (outcome, setup) = run_with(setup);
            let outcome = outcome.unwrap();
            assert_whole(&outcome, &setup);
            assert_eq!(setup.visits.load(Ordering::SeqCst), 1, "the twin is what scales the frame");
            let Fallback { device, why, frame } = outcome.fallback.unwrap();
            assert_eq!((device.as_str(), why), ("made up", format!("{place:?}")));
            let (FaultPlace::Scale(failed) | FaultPlace::Collect(failed)) = place else { unreachable!() };
            // What was still under way with the frame that failed is scaled anew too.
            assert!((failed.saturating_sub(capacity as u64 - 1)..=failed).contains(&frame), "{frame}, {place:?}");
        }
    }
}

#[test]
fn a_device_that_fails_with_none_to_go_on_with_ends_the_job() {
    for place in [FaultPlace::Scale(7), FaultPlace::Collect(7)] {
        let (outcome, _) = run_with(Setup { fault: Some((place, Fault::Lose)), ..Setup::default() });
        assert!(matches!(outcome, Err(Error::Device { why, .. }) if why == format!("{place:?}")));
    }
}

/// Every state in which someone can be stuck.
const STALLS: [FaultPlace; 12] = [
    FaultPlace::OpenRunner,
    FaultPlace::OpenEncoder(0),
    FaultPlace::OpenEncoder(1),
    FaultPlace::Decode(0),
    FaultPlace::Decode(20),
    FaultPlace::Scale(7),
    FaultPlace::Encode(0, 9),
    FaultPlace::Encode(1, 59),
    FaultPlace::Finish(0),
    FaultPlace::CloseEncoder(0),
    FaultPlace::CloseEncoder(1),
    FaultPlace::Assemble(1),
];

#[test]
fn a_cancelled_job_leaves_behind_whoever_is_stuck() {
    for place in STALLS {
        let setup = Arc::new(Setup { stall: Some(place), ..Setup::default() });
        let outcome = thread::scope(|scope| {
            let job = scope.spawn(|| setup.run_with_grace(Duration::ZERO));
            wait_for(|| setup.stalled.load(Ordering::SeqCst));
            setup.control.cancel();
            job.join().unwrap()
        });
        assert!(matches!(outcome, Err(Error::Cancelled)), "{place:?}");
        assert!(Arc::strong_count(&setup) > 1, "{place:?}: who is stuck is still there");
        setup.released.store(true, Ordering::SeqCst);
        // And afterwards nobody.
        wait_for(|| Arc::strong_count(&setup) == 1);
    }
}

#[test]
fn a_failed_job_leaves_behind_whoever_is_stuck_and_gives_the_reason() {
    let failures = [
        (FaultPlace::OpenRunner, FaultPlace::OpenEncoder(1)),
        (FaultPlace::OpenEncoder(0), FaultPlace::OpenRunner),
        (FaultPlace::Decode(5), FaultPlace::Encode(0, 0)),
        (FaultPlace::Scale(7), FaultPlace::Decode(9)),
        (FaultPlace::Encode(0, 9), FaultPlace::Encode(1, 9)),
        (FaultPlace::Finish(0), FaultPlace::Finish(1)),
        (FaultPlace::Assemble(0), FaultPlace::Assemble(1)),
    ];
    for (stall, failure) in failures {
        let setup = Setup { stall: Some(stall), fault: Some((failure, Fault::Fail)), lag: 0, ..Setup::default() };
        let setup = Arc::new(setup);
        let outcome = setup.run_with_grace(Duration::ZERO);
        assert!(matches!(outcome, Err(Error::NotInSource(message)) if message == format!("{failure:?}")), "{stall:?}");
        assert!(Arc::strong_count(&setup) > 1, "{stall:?}: who is stuck is still there");
        setup.released.store(true, Ordering::SeqCst);
        wait_for(|| Arc::strong_count(&setup) == 1);
    }
}

/// Frames of a segment of [`stored_film`].
const SEGMENT_FRAMES: [u64; 6] = [13, 12, 13, 12, 13, 9];

/// A film of six segments, with a store in `folder`.
fn stored_film(folder: &Path, jobs: usize, can_skip: bool) -> Setup {
    let times = (0..72).map(|frame| frame * 40).collect();
    let segment_key_frames = NonZeroU32::new(1);
    let mut setup = Setup { times, jobs, segment_key_frames, listed: true, can_skip, ..Setup::default() };
    let plan = setup.plan();
    let frames: Vec<_> = plan.segments().unwrap().iter().map(|segment| segment.frames).collect();
    assert_eq!(frames, SEGMENT_FRAMES);
    let store = Store::open(&StoreOptions { folder: folder.to_owned(), size: None }, &Control::default()).unwrap();
    setup.store = Some(PlanStore::new(store, SegmentKeys::new(&plan, "made up").unwrap()));
    setup
}

/// Puts the objects of rung `rung` of segment `number` of one store into another.
fn copy_object(from: &PlanStore, into: &PlanStore, number: usize, rung: usize) {
    let stored = from.segment(number, 2).unwrap().unwrap().swap_remove(rung);
    let mut writer = into.begin(number, rung).unwrap();
    stored.packets().unwrap().for_each(|packet| writer.append(&packet.unwrap()).unwrap());
    into.finish(writer, stored.damage()).unwrap();
}

fn frames(number: usize) -> std::ops::Range<u64> {
    let first: u64 = SEGMENT_FRAMES[..number].iter().sum();
    first..first + SEGMENT_FRAMES[number]
}

/// The first and the last frame of segments, and others: in one segment none, in another three.
const DAMAGED: [u64; 7] = [0, 13, 25, 30, 37, 50, 71];

#[test]
fn what_is_stored_is_not_decoded_and_comes_out_in_its_place() {
    let full = tempfile::tempdir().unwrap();
    // Segments meet the store in any order; what is in it does not depend on how it came there.
    let setup = Setup { damaged: DAMAGED.to_vec(), ..stored_film(full.path(), 2, false) };
    let (outcome, made) = run_with(setup);
    let outcome = outcome.unwrap();
    assert_whole(&outcome, &made);
    let damage = Damage { damaged_frames: 7, first_at: Some(0.0), ..Damage::default() };
    assert_eq!((outcome.summary.damage, outcome.summary.segments, outcome.summary.reused), (damage.clone(), 6, 0));
    let made = made.store.as_ref().unwrap();
    for number in 0..6 {
        let within = DAMAGED.iter().filter(|frame| frames(number).contains(frame)).count() as u64;
        for stored in made.segment(number, 2).unwrap().unwrap() {
            assert_eq!(stored.damage().damaged_frames, within, "segment {number}");
        }
    }

    for pattern in 0..64_u32 {
        let is_stored = |number: &usize| pattern >> number & 1 == 1;
        for (jobs, can_skip) in [(1, true), (1, false), (2, true), (3, true), (3, false)] {
            let some = tempfile::tempdir().unwrap();
            let setup = Setup { damaged: DAMAGED.to_vec(), ..stored_film(some.path(), jobs, can_skip) };
            for number in (0..6).filter(is_stored) {
                (0..2).for_each(|rung| copy_object(made, setup.store.as_ref().unwrap(), number, rung));
            }
            let (outcome, setup) = run_with(setup);
            let outcome = outcome.unwrap();
            let case = format!("{pattern:06b}, {jobs} jobs, {can_skip}");
            assert_renditions(&outcome, &setup);
            let SourceSummary { segments, reused, damage: found, .. } = &outcome.summary;
            assert_eq!((*segments, *reused), (6, u64::from(pattern.count_ones())), "{case}");
            assert_eq!(found, &damage, "{case}");
            let new: u64 = (0..6).filter(|number| !is_stored(number)).map(|number| SEGMENT_FRAMES[number]).sum();
            assert_eq!(setup.filled.load(Ordering::SeqCst), new, "{case}");
            assert_eq!(setup.encoded.load(Ordering::SeqCst), new, "{case}");
            if can_skip {
                // That a stored segment begins is known from its first frame, but for the film's first.
                let runs = (1..6).filter(|number| is_stored(number) && !is_stored(&(number - 1))).count() as u64;
                let given = setup.decoded.load(Ordering::SeqCst) - setup.skipped.load(Ordering::SeqCst);
                assert_eq!(given, new + runs, "{case}");
            }
            let store = setup.store.as_ref().unwrap();
            for number in 0..6 {
                let [one, other] = [made, store].map(|store| store.segment(number, 2).unwrap().expect(&case));
                for (one, other) in one.iter().zip(&other) {
                    let [one_packets, others] =
                        [one, other].map(|stored| stored.packets().unwrap().collect::<Result<Vec<_>>>().unwrap());
                    assert_eq!(one_packets, others, "{case}, segment {number}");
                    assert_eq!(one.damage().damaged_frames, other.damage().damaged_frames, "{case}, segment {number}");
                }
            }
        }
    }
}

#[test]
fn a_segment_with_a_rung_missing_is_made_anew() {
    let (full, some) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (outcome, made) = run_with(stored_film(full.path(), 1, true));
    outcome.unwrap();
    let setup = stored_film(some.path(), 1, true);
    let (made, store) = (made.store.as_ref().unwrap(), setup.store.as_ref().unwrap());
    copy_object(made, store, 2, 0);
    copy_object(made, store, 3, 1);
    (0..2).for_each(|rung| copy_object(made, store, 4, rung));
    let (outcome, setup) = run_with(setup);
    let outcome = outcome.unwrap();
    assert_renditions(&outcome, &setup);
    assert_eq!((outcome.summary.reused, setup.filled.load(Ordering::SeqCst)), (1, 72 - SEGMENT_FRAMES[4]));
}

#[test]
fn damage_of_stored_segments_is_refused_when_strict() {
    let folder = tempfile::tempdir().unwrap();
    let (outcome, _) = run_with(Setup { damaged: vec![30], ..stored_film(folder.path(), 1, true) });
    outcome.unwrap();
    // All of it is stored, and nothing is decoded that could be damaged.
    let (outcome, setup) = run_with(Setup { strict: true, ..stored_film(folder.path(), 1, true) });
    assert!(matches!(outcome, Err(Error::BadSource { why, .. }) if why.contains("1200.000 s")));
    assert_eq!(setup.filled.load(Ordering::SeqCst), 0);
}

#[test]
fn one_segment_alone_has_just_its_frames() {
    for can_skip in [true, false] {
        for (number, &count) in SEGMENT_FRAMES.iter().enumerate() {
            let folder = tempfile::tempdir().unwrap();
            let setup = Setup {
                selection: Selection::Only(number),
                damaged: DAMAGED.to_vec(),
                ..stored_film(folder.path(), 1, can_skip)
            };
            let (outcome, setup) = run_with(setup);
            let outcome = outcome.unwrap();
            let wanted: Vec<i64> = frames(number).map(|frame| frame as i64 * 40).collect();
            let values: Vec<u8> = frames(number).map(|frame| frame as u8).collect();
            for rung in &outcome.rungs {
                assert_eq!(times(&rung.rendition, 0), wanted, "segment {number}");
                let found: Vec<_> = of_stream(&rung.rendition, 0).map(|packet| packet.data[0]).collect();
                assert_eq!((found.len(), found), (rung.rendition.len(), values.clone()), "it has no sound");
            }
            let within = DAMAGED.iter().filter(|frame| frames(number).contains(frame)).count() as u64;
            assert_eq!(outcome.summary.damage.damaged_frames, within, "segment {number}");
            assert_eq!(setup.filled.load(Ordering::SeqCst), count);
            let decoded = setup.decoded.load(Ordering::SeqCst);
            assert!(decoded <= frames(number).end + 1, "it stops at the segment's end: {decoded}");
            let store = setup.store.as_ref().unwrap();
            (0..6).for_each(|other| assert_eq!(store.segment(other, 2).unwrap().is_some(), other == number));
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let (outcome, _) = run_with(Setup { selection: Selection::Only(6), ..stored_film(folder.path(), 1, true) });
    assert!(matches!(outcome, Err(Error::Misuse(_))));
}

fn place() -> impl Strategy<Value = FaultPlace> {
    prop_oneof![
        (0_u64..60).prop_map(FaultPlace::Decode),
        Just(FaultPlace::OpenRunner),
        (0_u64..60).prop_map(FaultPlace::Scale),
        (0_u64..60).prop_map(FaultPlace::Collect),
        (0_usize..2).prop_map(FaultPlace::OpenEncoder),
        (0_usize..2, 0_u64..60).prop_map(|(rung, frame)| FaultPlace::Encode(rung, frame)),
        (0_usize..2).prop_map(FaultPlace::Finish),
        (0_usize..2).prop_map(FaultPlace::Assemble),
    ]
}

proptest! {
    /// That it ends at all is the larger part of this test.
    #[test]
    fn whatever_fails_is_the_reason_and_everyone_ends(
        place in place(),
        fault in prop_oneof![Just(Fault::Fail), Just(Fault::Panic), Just(Fault::Cancel)],
        capacity in 1_usize..4,
        lag in 0_usize..40,
        jobs in 1_usize..4,
        key_frames in 0_u32..3,
    ) {
        let segment_key_frames = NonZeroU32::new(key_frames);
        let setup = Setup { fault: Some((place, fault)), capacity, lag, jobs, segment_key_frames, ..Setup::default() };
        let (outcome, setup) = run_with(setup);
        match fault {
            Fault::Fail => {
                assert!(matches!(outcome, Err(Error::NotInSource(message)) if message == format!("{place:?}")));
            }
            Fault::Panic => {
                let stage = match place {
                    FaultPlace::Decode(_) => "decode",
                    FaultPlace::OpenRunner | FaultPlace::Scale(_) | FaultPlace::Collect(_) => "scale",
                    FaultPlace::OpenEncoder(0) | FaultPlace::Encode(0, _) | FaultPlace::Finish(0) => "encode 36x64",
                    FaultPlace::OpenEncoder(_) | FaultPlace::Encode(..) | FaultPlace::Finish(_) | FaultPlace::CloseEncoder(_) => {
                        "encode 18x32"
                    }
                    FaultPlace::Assemble(0) => "mux 36x64",
                    FaultPlace::Assemble(_) => "mux 18x32",
                };
                assert!(matches!(outcome, Err(Error::StageLost { stage: lost }) if lost == stage));
            }
            Fault::Lose => unreachable!("is not made up here"),
            // One that comes when all is done may be too late.
            Fault::Cancel => match outcome {
                Ok(outcome) => assert_whole(&outcome, &setup),
                Err(error) => assert!(matches!(error, Error::Cancelled)),
            },
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// And where some of it is stored, what was not reached cannot fail, and what was made before is not lost.
    #[test]
    fn whatever_fails_with_a_store_is_the_reason_and_the_next_job_goes_on(
        place in place(),
        fault in prop_oneof![Just(Fault::Fail), Just(Fault::Panic), Just(Fault::Cancel)],
        stored in 0_u32..64,
        jobs in 1_usize..4,
        can_skip in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        for number in (0..6).filter(|number| stored >> number & 1 == 1) {
            let setup = Setup { selection: Selection::Only(number), ..stored_film(folder.path(), 1, can_skip) };
            run_with(setup).0.unwrap();
        }
        let (outcome, setup) = run_with(Setup { fault: Some((place, fault)), ..stored_film(folder.path(), jobs, can_skip) });
        let reached = setup.visits.load(Ordering::SeqCst) > 0;
        match (fault, outcome) {
            (Fault::Fail, Err(Error::NotInSource(message))) if reached => assert_eq!(message, format!("{place:?}")),
            (Fault::Panic, Err(Error::StageLost { .. })) | (Fault::Cancel, Err(Error::Cancelled)) if reached => {}
            (fault, Ok(outcome)) if !reached || fault == Fault::Cancel => drop(assert_renditions(&outcome, &setup)),
            (_, outcome) => panic!("reached: {reached}; {:?}", outcome.map(|outcome| outcome.summary)),
        }
        let kept = (0..6).filter(|&number| setup.store.as_ref().unwrap().segment(number, 2).unwrap().is_some()).count();
        prop_assert!(kept as u32 >= stored.count_ones());
        let (outcome, setup) = run_with(stored_film(folder.path(), jobs, can_skip));
        let outcome = outcome.unwrap();
        assert_renditions(&outcome, &setup);
        prop_assert_eq!(outcome.summary.reused, kept as u64);
    }
}
