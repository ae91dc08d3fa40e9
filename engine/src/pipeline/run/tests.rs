//! The machinery with made-up stages: what goes wrong where, and that everything ends.

use super::super::spool::{Either, Interleaved, Spool, SpoolWriter};
use super::*;
use crate::error::Error;
use crate::frame::Frame;
use crate::geometry::Rational;
use crate::media::{AudioTrack, Event};
use crate::packet::Packet;
use crate::plan::{PlanOptions, SegmentRule, tests::source};
use crate::scale::Crop;
use crate::source::Damage;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

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
enum Place {
    Decode(u64),
    OpenScaler,
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
    fault: Option<(Place, Fault)>,
    /// Whether another scaler goes on where one's device fails.
    twin: bool,
    /// Where one stays until it is released, as inside a library that nobody can interrupt.
    stall: Option<Place>,
    stalled: AtomicBool,
    released: AtomicBool,
    control: Control,
    /// An encoder of this rung loses its last packet.
    loses: Option<usize>,
    damage: Damage,
    strict: bool,
    /// The sound changes before this frame.
    sound_changes: Option<usize>,
    decoded: AtomicU64,
    encoded: AtomicU64,
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
            fault: None,
            twin: false,
            stall: None,
            stalled: AtomicBool::new(false),
            released: AtomicBool::new(false),
            control: Control::default(),
            loses: None,
            damage: Damage::default(),
            strict: false,
            sound_changes: None,
            decoded: AtomicU64::new(0),
            encoded: AtomicU64::new(0),
            visits: AtomicU64::new(0),
            ahead: AtomicU64::new(0),
        }
    }
}

impl Setup {
    fn at(&self, place: Place) -> Result<()> {
        if self.stall == Some(place) {
            self.stalled.store(true, Ordering::SeqCst);
            wait_for(|| self.released.load(Ordering::SeqCst));
        }
        match self.fault {
            Some((fault_place, fault)) if fault_place == place => {
                self.visits.fetch_add(1, Ordering::SeqCst);
                wait_for(|| self.stall.is_none() || self.stalled.load(Ordering::SeqCst));
                match fault {
                    Fault::Fail => Err(Error::options(format!("{place:?}"))),
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
        Plan { segments: SegmentRule { key_frames: self.segment_key_frames }, ..plan }
    }

    /// As a conversion does; once it has ended, it may take `grace` to wind down.
    fn run_with_grace(self: &Arc<Self>, grace: Duration) -> Result<Outcome<Vec<Either>>> {
        let (job, setup) = (self.control.part(), Arc::clone(self));
        let part = job.clone();
        job.aside_within(grace, "job", || {}, move || setup.run(&part))
    }

    fn run(self: &Arc<Self>, job: &Control) -> Result<Outcome<Vec<Either>>> {
        let (plan, directory) = (self.plan(), tempfile::tempdir().unwrap());
        let board = Board::new(plan.rungs.iter().map(|rung| rung.size), 40);
        let spread = Spread {
            jobs: self.jobs,
            cores: 1,
            lane_frames: LANE_FRAMES,
            source_frames: self.jobs * LANE_FRAMES + 1,
            memory: 0,
            gpu_memory: 0,
        };
        let order = Order {
            plan: &plan,
            source: MadeUp { setup: Arc::clone(self), events: self.events(), frame: (0, 0) },
            name: "film",
            strict: self.strict,
            audio: true,
            workshop: self,
            spread: &spread,
            area: Area::whole(plan.video_in.format),
            spool: directory.path(),
            board: &board,
        };
        let outcome = run(job, order);
        assert_eq!(directory.path().read_dir().unwrap().count(), 0);
        outcome
    }

    /// Audio counts in ticks of a tenth of a millisecond.
    fn events(&self) -> VecDeque<Step> {
        let mut events = VecDeque::new();
        for (index, &pts) in self.times.iter().enumerate() {
            if index % 3 == 0 {
                events.push_back(Step::Audio(Packet {
                    data: vec![1; index],
                    pts: pts * 10,
                    duration: 1200,
                    key: true,
                }));
            }
            if self.sound_changes == Some(index) {
                events.push_back(Step::SoundChanged);
            }
            events.push_back(Step::Frame(pts));
        }
        events
    }
}

/// What the made-up decoder does next.
enum Step {
    Frame(i64),
    Audio(Packet),
    SoundChanged,
}

struct MadeUp {
    setup: Arc<Setup>,
    events: VecDeque<Step>,
    /// Number and time of the last frame.
    frame: (u64, i64),
}

impl Footage for MadeUp {
    fn next(&mut self) -> Result<Event> {
        match self.events.pop_front() {
            None => Ok(Event::End),
            Some(Step::Audio(packet)) => Ok(Event::Audio(packet)),
            Some(Step::SoundChanged) => Ok(Event::SoundChanged),
            Some(Step::Frame(pts)) => {
                let number = self.setup.decoded.fetch_add(1, Ordering::SeqCst);
                self.setup.at(Place::Decode(number))?;
                self.setup.ahead.fetch_max(number + 1 - self.setup.encoded.load(Ordering::SeqCst), Ordering::SeqCst);
                self.frame = (number, pts);
                Ok(Event::Frame { pts, duration: 40 })
            }
        }
    }

    fn fill(&mut self, _area: Area, frame: &mut Frame) -> Result<()> {
        let (number, pts) = self.frame;
        (frame.pts, frame.duration) = (pts, 40);
        frame.bytes_mut().fill((number % 251) as u8);
        Ok(())
    }

    fn damage(&self) -> &Damage {
        &self.setup.damage
    }

    fn audio_track(&self) -> Option<&AudioTrack> {
        None
    }

    fn convert_sound(&mut self, packets: &Spool, into: &mut SpoolWriter) -> Result<()> {
        packets.packets().try_for_each(|packet| into.append(&Packet { data: b"converted".to_vec(), ..packet? }))
    }
}

struct MadeUpScaler {
    setup: Arc<Setup>,
    device: DeviceInfo,
    capacity: usize,
    /// Whether it has the faults of the setup.
    faulty: bool,
    under_way: VecDeque<(i64, u64)>,
}

impl MadeUpScaler {
    fn open(setup: &Arc<Setup>, name: &str, capacity: usize, faulty: bool) -> Box<dyn Scaler> {
        let device = DeviceInfo { name: name.to_owned(), kind: "cpu", detail: String::new() };
        Box::new(Self { setup: Arc::clone(setup), device, capacity, faulty, under_way: VecDeque::new() })
    }

    fn at(&self, place: Place) -> Result<()> {
        if self.faulty { self.setup.at(place) } else { Ok(()) }
    }
}

impl Scaler for MadeUpScaler {
    fn device(&self) -> &DeviceInfo {
        &self.device
    }

    fn capacity(&self) -> usize {
        self.capacity
    }

    fn submit(&mut self, source: &Frame, crop: Crop) -> Result<()> {
        assert_eq!((crop.frame % 251) as u8, source.bytes()[0], "each frame keeps its number");
        self.at(Place::Scale(crop.frame))?;
        self.under_way.push_back((source.pts, crop.frame));
        assert!(self.under_way.len() <= self.capacity);
        Ok(())
    }

    fn collect(&mut self, outputs: &mut [&mut Frame]) -> Result<()> {
        let (pts, number) = self.under_way.pop_front().unwrap();
        self.at(Place::Collect(number))?;
        for frame in outputs {
            (frame.pts, frame.duration) = (pts, 40);
            frame.bytes_mut().fill((number % 251) as u8);
        }
        Ok(())
    }
}

struct MadeUpEncoder {
    setup: Arc<Setup>,
    rung: usize,
    begun: bool,
    kept: VecDeque<Packet>,
}

impl Encoder for MadeUpEncoder {
    fn encode(&mut self, frame: &Frame, key: bool, packets: &mut Vec<Packet>) -> Result<()> {
        self.setup.at(Place::Encode(self.rung, u64::from(frame.bytes()[0])))?;
        assert!(key || self.begun, "a segment begins with a key frame");
        self.begun = true;
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
        self.setup.at(Place::Finish(self.rung))?;
        if self.setup.loses == Some(self.rung) && self.kept.len() == 1 {
            self.kept.pop_back();
        }
        packets.extend(self.kept.pop_front());
        Ok(!self.kept.is_empty())
    }
}

impl Drop for MadeUpEncoder {
    fn drop(&mut self) {
        // There is nobody to be told.
        let _ = self.setup.at(Place::CloseEncoder(self.rung));
    }
}

impl Workshop for Arc<Setup> {
    type Rendition = Vec<Either>;

    fn scaler(&self) -> Result<Box<dyn Scaler>> {
        self.at(Place::OpenScaler)?;
        Ok(MadeUpScaler::open(self, "made up", self.capacity, true))
    }

    fn twin(&self) -> Option<Twin<'_>> {
        self.twin.then(|| Box::new(|| Ok(MadeUpScaler::open(self, "twin", 1, false))) as Twin<'_>)
    }

    fn encoder(&self, rung: usize) -> Result<Box<dyn Encoder>> {
        self.at(Place::OpenEncoder(rung))?;
        Ok(Box::new(MadeUpEncoder { setup: Arc::clone(self), rung, begun: false, kept: VecDeque::new() }))
    }

    fn assemble(&self, rung: usize, video: &Spool, film: &Film) -> Result<Vec<Either>> {
        self.at(Place::Assemble(rung))?;
        let audio = film.audio.as_ref().unwrap();
        let (ticks, audio_ticks) = (Rational::new(1, 1000), Rational::new(1, 10000));
        Interleaved::new(video.packets(), ticks, audio.packets(), audio_ticks).collect()
    }
}

fn run_with(setup: Setup) -> (Result<Outcome<Vec<Either>>>, Arc<Setup>) {
    let setup = Arc::new(setup);
    (setup.run_with_grace(Duration::MAX), setup)
}

fn wait_for(so: impl Fn() -> bool) {
    while !so() {
        thread::yield_now();
    }
}

fn times(packets: &[Either]) -> (Vec<i64>, Vec<i64>) {
    let video =
        packets.iter().filter_map(|packet| if let Either::Video(packet) = packet { Some(packet.pts) } else { None });
    let audio =
        packets.iter().filter_map(|packet| if let Either::Audio(packet) = packet { Some(packet.pts) } else { None });
    (video.collect(), audio.collect())
}

/// What every job that was not disturbed must come to.
fn assert_whole(outcome: &Outcome<Vec<Either>>, setup: &Setup) {
    let count = setup.times.len() as u64;
    let film = &outcome.film;
    assert_eq!(
        (film.frames.count(), film.frames.ends()),
        (count, Some((setup.times[0], *setup.times.last().unwrap())))
    );
    let mut key_frames = KeyFrames::new(setup.plan().key_frames, Rational::new(1, 1000));
    let keys: Vec<bool> = setup.times.iter().map(|&pts| key_frames.next(pts)).collect();
    for rung in &outcome.rungs {
        let (video, audio) = times(&rung.rendition);
        assert_eq!(video, setup.times);
        assert_eq!(audio, setup.times.iter().step_by(3).map(|pts| pts * 10).collect::<Vec<_>>());
        let values: Vec<u8> = rung
            .rendition
            .iter()
            .filter_map(|packet| if let Either::Video(packet) = packet { Some(packet.data[0]) } else { None })
            .collect();
        assert_eq!(values, (0..count).map(|number| (number % 251) as u8).collect::<Vec<_>>());
        let found: Vec<bool> = rung
            .rendition
            .iter()
            .filter_map(|packet| if let Either::Video(packet) = packet { Some(packet.key) } else { None })
            .collect();
        assert_eq!(found, keys);
        assert_eq!(rung.video_bytes, count);
    }
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
        assert_eq!(outcome.film.damage, damage);
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
    assert!(matches!(outcome, Err(Error::BadSource { why, .. }) if why.contains("sound") && why.contains("--strict")));
}

#[test]
fn sound_of_before_a_change_is_converted_and_goes_before_what_follows() {
    let (outcome, setup) = run_with(Setup { sound_changes: Some(31), ..Setup::default() });
    let outcome = outcome.unwrap();
    assert_whole(&outcome, &setup);
    for rung in &outcome.rungs {
        let converted = rung.rendition.iter().filter_map(|packet| match packet {
            Either::Audio(packet) => Some(packet.data == b"converted"),
            Either::Video(_) => None,
        });
        let expected: Vec<_> = (0..60).step_by(3).map(|frame| frame <= 31).collect();
        assert_eq!(converted.collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_still_that_is_too_long_for_the_file_is_refused_when_it_is_met() {
    let longest = i64::from(i32::MAX);
    let times = |gap: i64| vec![0, 40, 40 + gap, 80 + gap];
    let (outcome, setup) = run_with(Setup { times: times(longest), ..Setup::default() });
    assert_whole(&outcome.unwrap(), &setup);
    let (outcome, _) = run_with(Setup { times: times(longest + 1), ..Setup::default() });
    let Err(Error::BadSource { name, why }) = outcome else { panic!("refused") };
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
        for place in [0, 7, 59].into_iter().flat_map(|frame| [Place::Scale(frame), Place::Collect(frame)]) {
            let segment_key_frames = NonZeroU32::new(u32::from(jobs > 1));
            let fault = Some((place, Fault::Lose));
            let setup = Setup { capacity, jobs, segment_key_frames, fault, twin: true, ..Setup::default() };
            let (outcome, setup) = run_with(setup);
            let outcome = outcome.unwrap();
            assert_whole(&outcome, &setup);
            assert_eq!(setup.visits.load(Ordering::SeqCst), 1, "the twin is what scales the frame");
            let Fallback { device, why, frame } = outcome.fallback.unwrap();
            assert_eq!((device.as_str(), why), ("made up", format!("{place:?}")));
            let (Place::Scale(failed) | Place::Collect(failed)) = place else { unreachable!() };
            // What was still under way with the frame that failed is scaled anew too.
            assert!((failed.saturating_sub(capacity as u64 - 1)..=failed).contains(&frame), "{frame}, {place:?}");
        }
    }
}

#[test]
fn a_device_that_fails_with_none_to_go_on_with_ends_the_job() {
    for place in [Place::Scale(7), Place::Collect(7)] {
        let (outcome, _) = run_with(Setup { fault: Some((place, Fault::Lose)), ..Setup::default() });
        assert!(matches!(outcome, Err(Error::Device { why, .. }) if why == format!("{place:?}")));
    }
}

/// Every state in which someone can be stuck.
const STALLS: [Place; 12] = [
    Place::OpenScaler,
    Place::OpenEncoder(0),
    Place::OpenEncoder(1),
    Place::Decode(0),
    Place::Decode(20),
    Place::Scale(7),
    Place::Encode(0, 9),
    Place::Encode(1, 59),
    Place::Finish(0),
    Place::CloseEncoder(0),
    Place::CloseEncoder(1),
    Place::Assemble(1),
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
        (Place::OpenScaler, Place::OpenEncoder(1)),
        (Place::OpenEncoder(0), Place::OpenScaler),
        (Place::Decode(5), Place::Encode(0, 0)),
        (Place::Scale(7), Place::Decode(9)),
        (Place::Encode(0, 9), Place::Encode(1, 9)),
        (Place::Finish(0), Place::Finish(1)),
        (Place::Assemble(0), Place::Assemble(1)),
    ];
    for (stall, failure) in failures {
        let setup = Setup { stall: Some(stall), fault: Some((failure, Fault::Fail)), lag: 0, ..Setup::default() };
        let setup = Arc::new(setup);
        let outcome = setup.run_with_grace(Duration::ZERO);
        assert!(matches!(outcome, Err(Error::Options(message)) if message == format!("{failure:?}")), "{stall:?}");
        assert!(Arc::strong_count(&setup) > 1, "{stall:?}: who is stuck is still there");
        setup.released.store(true, Ordering::SeqCst);
        wait_for(|| Arc::strong_count(&setup) == 1);
    }
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        (0_u64..60).prop_map(Place::Decode),
        Just(Place::OpenScaler),
        (0_u64..60).prop_map(Place::Scale),
        (0_u64..60).prop_map(Place::Collect),
        (0_usize..2).prop_map(Place::OpenEncoder),
        (0_usize..2, 0_u64..60).prop_map(|(rung, frame)| Place::Encode(rung, frame)),
        (0_usize..2).prop_map(Place::Finish),
        (0_usize..2).prop_map(Place::Assemble),
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
                assert!(matches!(outcome, Err(Error::Options(message)) if message == format!("{place:?}")));
            }
            Fault::Panic => {
                let stage = match place {
                    Place::Decode(_) => "decode",
                    Place::OpenScaler | Place::Scale(_) | Place::Collect(_) => "scale",
                    Place::OpenEncoder(0) | Place::Encode(0, _) | Place::Finish(0) => "encode 36x64",
                    Place::OpenEncoder(_) | Place::Encode(..) | Place::Finish(_) | Place::CloseEncoder(_) => {
                        "encode 18x32"
                    }
                    Place::Assemble(0) => "mux 36x64",
                    Place::Assemble(_) => "mux 18x32",
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
