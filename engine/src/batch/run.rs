//! The batch at work.

use super::disk::free_bytes;
use super::journal::{self, Journal, JournalFile, Record};
use super::schedule::{Prepared, Schedule, Snapshot, Stage, Step, Work};
use super::summary::{Outcome, Summary, TitleSummary, VERSION};
use super::title::{STATE, SUMMARY, Title};
use super::worker::{Ended, Message, Worker};
use crate::control::Control;
use crate::encode::EncoderFactory;
use crate::error::{Error, Result};
use crate::fingerprint::{Fingerprint, Sha256Hex};
use crate::package::{segmented_track, track_file};
use crate::picture::Device;
use crate::pipeline::{Limits, ParallelismPlan, REPORT, plan_store, remove_leftovers};
use crate::plan::Plan;
use crate::store::{StoreOptions, shared};
use crossbeam::channel::{self, Receiver, RecvTimeoutError, Sender};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Time for which what processes say is waited for at a stretch.
const PULSE: Duration = Duration::from_millis(100);
/// Time that processes have to end by themselves when the batch is stopped.
const GRACE: Duration = Duration::from_millis(1500);
/// Time before a step is tried again, doubled every time, and the longest.
const PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Time between two looks at the disk.
const LOOK: Duration = Duration::from_secs(5);
/// Exit codes of failures that may pass: of reading and writing, and of what is temporary (sysexits.h).
const MAY_PASS: [i32; 2] = [74, 75];
/// The part of the cores that a film is counted with whose encoder takes all of it at once: alone it keeps 62% of 16 cores busy, and
/// two 79% (SVT-AV1 1.4, films of ten seconds), so that three run side by side.
const WHOLE_FILM: f64 = 0.4;
/// Bits for a pixel of video that may be written where nobody knows; they are written twice, into the store and into a rendition.
const BITS_OF_A_PIXEL: f64 = 0.1;

/// How a batch is done.
#[derive(Clone, Debug)]
pub struct BatchOptions {
    /// Folder in which the films' folders are made.
    pub output: PathBuf,
    /// Where the segments are kept.
    pub store: StoreOptions,
    /// Cores to be kept busy.
    pub cores: usize,
    /// Bytes of memory for all processes, about; none for no limit.
    pub memory: Option<u64>,
    /// Times that a step which may pass is tried again.
    pub retries: u32,
    /// Bytes that are to stay free on the disk.
    pub least_free: u64,
    /// Replace plans and renditions that are no batch's.
    pub overwrite: bool,
}

/// The files of a film.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// Its plan.
    pub plan: PathBuf,
    /// The folder of its renditions.
    pub directory: PathBuf,
    /// Whether what is there may be replaced.
    pub overwrite: bool,
    /// Segments that joining it may encode at once; none for as many as keep all cores busy.
    pub jobs: Option<usize>,
}

/// Something that happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A film begins.
    Begun(&'a Title),
    /// A step is tried again, after this message.
    Again(&'a Title, Step, &'a str),
    /// A film is over, whatever came of it.
    Over(&'a Title, &'a TitleSummary),
    /// Nothing more is begun, for the disk is full: so many bytes are free, and so many are to be.
    Paused(u64, u64),
    /// There is room again.
    GoesOn,
    /// How far it is, several times a second.
    Progress(&'a Snapshot),
}

/// Gives films that have come since it was last asked; none once no more will come.
pub type Incoming<'a> = dyn FnMut() -> Option<Vec<Title>> + 'a;

/// Does a batch. `command` gives the process for a step of a film; `incoming` is asked for more films; whatever happens is told to
/// `on_event`. The summary lies in the output folder afterwards, and is given back; with [`Error::Cancelled`] it lies there too.
///
/// # Errors
/// [`Error::OutputBusy`] when another batch is at work in the output folder; [`Error::Io`] when the journal or the summary cannot be
/// written; [`Error::Cancelled`]. That a film failed is no error.
pub fn run(
    titles: Vec<Title>,
    options: &BatchOptions,
    command: &dyn Fn(&Title, &Files, Step) -> Command,
    incoming: &mut Incoming<'_>,
    control: &Control,
    on_event: &mut dyn FnMut(&Event<'_>),
) -> Result<Summary> {
    let begin = Instant::now();
    let (mut journal, earlier) = Journal::open(&options.output.join(STATE))?;
    if earlier.damaged > 0 {
        log::warn!("{}: {} damaged lines of the journal are passed over", options.output.display(), earlier.damaged);
    }
    let names = titles.iter().map(|title| title.name.clone()).collect();
    let upright = VERSION_OF_PROGRAM.to_owned();
    journal.write(&Record::Begun { version: journal::VERSION, time: now(), upright, titles: names })?;
    let (give, messages) = channel::unbounded();
    #[expect(clippy::cast_precision_loss, reason = "cores of a machine")]
    let cores = options.cores.max(1) as f64;
    let mut batch = Batch {
        options,
        control,
        journal,
        past: Past::of(&earlier),
        titles: Vec::new(),
        schedule: Schedule { works: Vec::new(), cores, memory: options.memory },
        workers: BTreeMap::new(),
        give,
        full_since: None,
        looked: None,
        begin,
        cpu_seconds: 0.0,
        part_before: 0.0,
    };
    batch.add(titles, on_event);
    batch.part_before = batch.schedule.part();
    let ended = batch.carry_out(command, incoming, &messages, on_event);
    batch.stop_all(&messages);
    if ended.is_ok() {
        batch.journal.write(&Record::Ended { time: now() })?;
    }
    let summary = batch.summary(ended.is_ok());
    write_summary(&summary, &options.output)?;
    ended.map(|()| summary)
}

const VERSION_OF_PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// What the journal says of earlier runs.
#[derive(Debug, Default)]
struct Past {
    /// For each film, the key of its last plan.
    planned: BTreeMap<String, Sha256Hex>,
    /// What was last published of it.
    published: BTreeMap<String, Published>,
}

/// What was published of a film, as [`Record::Published`].
#[derive(Debug)]
struct Published {
    key: Sha256Hex,
    plan: Sha256Hex,
    files: Vec<(String, Fingerprint)>,
}

impl Past {
    fn of(journal: &JournalFile) -> Self {
        let mut past = Self::default();
        for record in &journal.records {
            match record.clone() {
                Record::Planned { title, key, .. } => {
                    past.planned.insert(title, key);
                }
                Record::Published { title, key, plan, files, .. } => {
                    past.published.insert(title, Published { key, plan, files });
                }
                _ => {}
            }
        }
        past
    }
}

/// A film, and what became of it this time.
#[derive(Debug)]
struct Entry {
    title: Title,
    /// None for a film that cannot be read.
    key: Option<Sha256Hex>,
    begun: bool,
    summary: TitleSummary,
    tries: BTreeMap<Step, u32>,
}

struct Batch<'a> {
    options: &'a BatchOptions,
    control: &'a Control,
    journal: Journal,
    past: Past,
    titles: Vec<Entry>,
    schedule: Schedule,
    workers: BTreeMap<(usize, Step), (Worker, Instant)>,
    give: Sender<Message>,
    /// Since when nothing is begun for want of room.
    full_since: Option<Instant>,
    looked: Option<Instant>,
    begin: Instant,
    cpu_seconds: f64,
    part_before: f64,
}

impl Batch<'_> {
    /// Takes films, and finds out what of them is there already.
    fn add(&mut self, titles: Vec<Title>, on_event: &mut dyn FnMut(&Event<'_>)) {
        for title in titles {
            let fingerprint = fingerprint(&title.input);
            let bytes = fingerprint.as_ref().and_then(|it| it.bytes).unwrap_or(0);
            let key = fingerprint.map(|fingerprint| key_of(&title, &fingerprint));
            let mut work = Work::new(bytes);
            let index = self.titles.len();
            let summary = TitleSummary {
                name: title.name.clone(),
                input: title.input.to_string_lossy().into_owned(),
                outcome: Outcome::Unfinished,
                exit: None,
                error: None,
                warnings: Vec::new(),
                frames: None,
                segments: None,
                encoded: 0,
                retries: 0,
                seconds: 0.0,
            };
            let plan =
                key.filter(|key| self.past.planned.get(&title.name) == Some(key)).and_then(|_| self.read_plan(&title));
            // What lies beside the film is no part of its key.
            let plan = plan.filter(|(plan, _)| plan.subtitle_files().all(|(_, file)| file.is_as_it_was()));
            self.titles.push(Entry { title, key, begun: false, summary, tries: BTreeMap::new() });
            match plan {
                Some((plan, hash)) if self.is_there(index, hash) => {
                    let frames = plan.frames();
                    work.stage = Stage::Done;
                    let summary = &mut self.titles[index].summary;
                    (summary.outcome, summary.frames) = (Outcome::WasDone, frames);
                    summary.segments = plan.segments().map(<[_]>::len);
                    self.schedule.works.push(work);
                    on_event(&Event::Over(&self.titles[index].title, &self.titles[index].summary));
                }
                Some((plan, hash)) => {
                    self.schedule.works.push(work);
                    self.prepare(index, &plan, hash);
                }
                None => self.schedule.works.push(work),
            }
        }
    }

    fn read_plan(&self, title: &Title) -> Option<(Plan, Sha256Hex)> {
        let path = self.files(title).plan;
        let text = fs::read_to_string(&path).ok()?;
        let plan = Plan::from_json(&text, &path.display().to_string());
        let hashed = plan.and_then(|plan| plan.hash().map(|hash| (plan, hash)));
        hashed.map_err(|error| log::warn!("{error}: it is planned anew")).ok()
    }

    /// Tells whether what was published last is what is wanted, and is still there as it was.
    fn is_there(&self, index: usize, plan: Sha256Hex) -> bool {
        let Entry { title, key, .. } = &self.titles[index];
        let Some(published) = self.past.published.get(&title.name) else { return false };
        let directory = self.files(title).directory;
        let same = |(name, was): &(String, Fingerprint)| match segmented_track(name) {
            Some(track) => fingerprint_of_segments(&directory.join(track)).ok().as_ref() == Some(was),
            None => fingerprint(&directory.join(name)).as_ref() == Some(was),
        };
        Some(published.key) == *key && published.plan == plan && published.files.iter().all(same)
    }

    fn files(&self, title: &Title) -> Files {
        let directory = self.options.output.join(&title.name);
        let mut plan = directory.clone().into_os_string();
        plan.push(".plan.json");
        let is_ours = self.past.planned.contains_key(&title.name) || self.past.published.contains_key(&title.name);
        let overwrite = self.options.overwrite || is_ours;
        Files { plan: plan.into(), directory, overwrite, jobs: None }
    }

    /// Takes the plan of a film, and finds out which of its segments are in the store.
    fn prepare(&mut self, index: usize, plan: &Plan, hash: Sha256Hex) {
        let cores = self.options.cores.max(1);
        let wanted = &plan.wanted;
        let sizes: Vec<_> = plan.follows.rungs.iter().map(|rung| rung.size).collect();
        let at_once = wanted.encoder.kind.segments_at_once(&sizes, wanted.encoder.threads, cores);
        #[expect(clippy::cast_precision_loss, reason = "cores of a machine")]
        let each = if at_once == 1 { WHOLE_FILM * cores as f64 } else { cores as f64 / at_once as f64 };
        let limits = Limits { cores, jobs: Some(1), memory: None };
        let memory = ParallelismPlan::of(plan, &limits, &Device::cpu()).map_or(0, |parallelism| parallelism.memory);
        let segments = plan.segments().unwrap_or_default();
        let work = &mut self.schedule.works[index];
        work.waiting.clear();
        work.stored_frames = 0;
        let mut segment_frames = Vec::with_capacity(segments.len());
        let encoders = EncoderFactory::find(&wanted.encoder.kind);
        // Where a store cannot be looked into, the steps will say so.
        let store = encoders.and_then(|encoders| plan_store(plan, &encoders, &self.options.store, self.control)).ok();
        for (number, segment) in segments.iter().enumerate() {
            let frames = segment.frames;
            segment_frames.push(frames);
            let stored = store.as_ref().map(|store| store.segment(number, sizes.len()));
            if matches!(stored, Some(Ok(Some(_)))) {
                work.stored_frames += frames;
            } else {
                work.waiting.insert(number);
            }
        }
        let pixels: u64 = sizes.iter().map(|rung| rung.pixels()).sum();
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let room = plan.frames().unwrap_or(0) as f64 * pixels as f64 * BITS_OF_A_PIXEL / 8.0 * 2.0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let room = room as u64;
        work.prepared = Some(Prepared { plan: hash, segment_frames, cores: each, memory, room });
        work.stage = Stage::Encode;
        let summary = &mut self.titles[index].summary;
        (summary.frames, summary.segments) = (plan.frames(), plan.segments().map(<[_]>::len));
    }

    fn carry_out(
        &mut self,
        command: &dyn Fn(&Title, &Files, Step) -> Command,
        incoming: &mut Incoming<'_>,
        messages: &Receiver<Message>,
        on_event: &mut dyn FnMut(&Event<'_>),
    ) -> Result<()> {
        let mut comes_more = true;
        loop {
            self.control.check()?;
            if comes_more {
                match incoming() {
                    Some(titles) => self.add(titles, on_event),
                    None => comes_more = false,
                }
            }
            while let Some((index, step)) = self.schedule.next(Instant::now()) {
                if !self.has_room(index, step, on_event) {
                    break;
                }
                self.start(index, step, command, on_event)?;
            }
            if self.schedule.is_over() && !comes_more {
                return Ok(());
            }
            match messages.recv_timeout(PULSE) {
                Ok(message) => self.hear(message, on_event)?,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            for message in messages.try_iter().collect::<Vec<_>>() {
                self.hear(message, on_event)?;
            }
            on_event(&Event::Progress(&self.snapshot()));
        }
    }

    /// Tells whether there is room on the disk for a step to begin.
    fn has_room(&mut self, index: usize, step: Step, on_event: &mut dyn FnMut(&Event<'_>)) -> bool {
        if self.full_since.is_some() && self.looked.is_some_and(|looked| looked.elapsed() < LOOK) {
            return false;
        }
        self.looked = Some(Instant::now());
        let work = &self.schedule.works[index];
        // What a film will take has to be there when it begins; what it has taken is no longer asked for.
        let encodes = matches!(step, Step::Segment(_)) || step == Step::Render && !work.waiting.is_empty();
        let first = work.running.is_empty() && work.stored_frames == 0 && encodes;
        let wanted = work.prepared.as_ref().filter(|_| first).map_or(0, |prepared| prepared.room);
        let wanted = self.options.least_free.saturating_add(wanted);
        let Some(free) = free_bytes(&self.options.output) else { return true };
        // A film for which there may be too little is begun all the same once nothing else can make room.
        let is_alone = self.workers.is_empty() && free >= self.options.least_free.saturating_mul(2);
        let has_room = free >= wanted || is_alone;
        match (has_room, self.full_since) {
            (true, Some(_)) => {
                self.full_since = None;
                on_event(&Event::GoesOn);
            }
            (false, None) => {
                self.full_since = Some(Instant::now());
                on_event(&Event::Paused(free, wanted));
            }
            _ => {}
        }
        has_room
    }

    fn start(
        &mut self,
        index: usize,
        step: Step,
        command: &dyn Fn(&Title, &Files, Step) -> Command,
        on_event: &mut dyn FnMut(&Event<'_>),
    ) -> Result<()> {
        if step == Step::Render && self.is_published(index) {
            return self.publish(index, on_event);
        }
        let title = self.titles[index].title.clone();
        if !self.titles[index].begun {
            self.titles[index].begun = true;
            on_event(&Event::Begun(&title));
        }
        let mut files = self.files(&title);
        let prepared = self.schedule.works[index].prepared.as_ref();
        // What it encodes on its way takes as much of the machine as a segment does.
        files.jobs = prepared.filter(|prepared| !prepared.segment_frames.is_empty()).map(|_| 1);
        let folder = files.plan.parent().unwrap_or(&self.options.output).to_path_buf();
        let log = self.options.output.join(STATE).join("logs").join(log_name(&title.name));
        let made = [Some(folder.as_path()), log.parent()].into_iter().flatten().try_for_each(fs::create_dir_all);
        made.map_err(Error::io(&folder, "cannot make the folder"))?;
        let segment = if let Step::Segment(number) = step { Some(number) } else { None };
        let record = Record::Started { title: title.name.clone(), step: step.name().to_owned(), segment, time: now() };
        self.note(&record, on_event)?;
        let work = &mut self.schedule.works[index];
        if let Some(number) = segment {
            work.waiting.remove(&number);
        }
        if step == Step::Render {
            work.joining = std::mem::take(&mut work.waiting);
        }
        work.running.insert(step, 0);
        let worker = Worker::start(command(&title, &files, step), (index, step), &log, self.give.clone())?;
        self.workers.insert((index, step), (worker, Instant::now()));
        Ok(())
    }

    fn hear(&mut self, message: Message, on_event: &mut dyn FnMut(&Event<'_>)) -> Result<()> {
        match message {
            Message::Frames(index, step, frames) => {
                if let Some(done) = self.schedule.works[index].running.get_mut(&step) {
                    *done = frames;
                }
                Ok(())
            }
            Message::Ended(index, step, ended) => self.ended(index, step, ended, on_event),
        }
    }

    fn ended(&mut self, index: usize, step: Step, ended: Ended, on_event: &mut dyn FnMut(&Event<'_>)) -> Result<()> {
        let seconds = self.workers.remove(&(index, step)).map_or(0.0, |(_, begun)| begun.elapsed().as_secs_f64());
        self.cpu_seconds += ended.cpu_seconds;
        let work = &mut self.schedule.works[index];
        work.running.remove(&step);
        let entry = &mut self.titles[index];
        entry.summary.seconds += seconds;
        for warning in &ended.warnings {
            if !entry.summary.warnings.contains(warning) {
                entry.summary.warnings.push(warning.clone());
            }
        }
        if work.stage == Stage::Failed {
            // Another of its steps has failed before.
            return Ok(());
        }
        if ended.exit != Some(0) {
            return self.failed(index, step, ended, on_event);
        }
        match step {
            Step::Plan => self.planned(index, seconds, on_event),
            Step::Segment(number) => self.encoded(index, number, seconds, on_event),
            Step::Render => {
                for number in std::mem::take(&mut work.joining) {
                    self.encoded(index, number, seconds, on_event)?;
                }
                self.publish(index, on_event)
            }
        }
    }

    fn encoded(
        &mut self,
        index: usize,
        segment: usize,
        seconds: f64,
        on_event: &mut dyn FnMut(&Event<'_>),
    ) -> Result<()> {
        let (work, entry) = (&mut self.schedule.works[index], &mut self.titles[index]);
        let Some(prepared) = &work.prepared else { return Ok(()) };
        let (plan, frames) = (prepared.plan, prepared.segment_frames.get(segment).copied().unwrap_or(0));
        work.stored_frames += frames;
        entry.summary.encoded += 1;
        let title = entry.title.name.clone();
        self.note(&Record::Encoded { title, plan, segment, frames, seconds }, on_event)
    }

    fn planned(&mut self, index: usize, seconds: f64, on_event: &mut dyn FnMut(&Event<'_>)) -> Result<()> {
        let title = self.titles[index].title.clone();
        let Some(((plan, hash), key)) = self.read_plan(&title).zip(self.titles[index].key) else {
            let message = format!("{}: its plan is gone, or the film was exchanged meanwhile", title.name);
            let ended = Ended { exit: Some(74), message, warnings: Vec::new(), cpu_seconds: 0.0 };
            return self.failed(index, Step::Plan, ended, on_event);
        };
        let (frames, segments) = (plan.frames().unwrap_or(0), plan.segments().map_or(0, <[_]>::len));
        let name = title.name;
        let record = Record::Planned { title: name.clone(), key, plan: hash, frames, segments, seconds };
        self.note(&record, on_event)?;
        self.past.planned.insert(name, key);
        self.prepare(index, &plan, hash);
        Ok(())
    }

    /// Tells whether renditions of the plan are there that the journal does not know of: what was at work then was ended between
    /// publishing and saying so. Those that are encrypted, or are to be, are never taken for it: nothing in them tells with which keys.
    fn is_published(&self, index: usize) -> bool {
        let Some(prepared) = &self.schedule.works[index].prepared else { return false };
        let title = &self.titles[index].title;
        let directory = self.files(title).directory;
        let Ok(report) = fs::read(directory.join(REPORT)) else { return false };
        let Ok(report) = serde_json::from_slice::<serde_json::Value>(&report) else { return false };
        let is_of_plan = report["plan_hash"].as_str() == Some(prepared.plan.to_string().as_str());
        let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
        let pictures = &report["pictures"];
        let single = [pictures["poster"].clone(), pictures["preview"].clone()].into_iter().filter(|it| !it.is_null());
        let files = [
            list(&report["renditions"]),
            list(&report["package"]["files"]),
            list(&pictures["storyboard"]["files"]),
            single.collect(),
        ];
        let files = files.concat();
        if title.keys().is_some() || files.iter().any(|file| file["key_id"].is_string()) {
            return false;
        }
        let is_whole = |rendition: &serde_json::Value| {
            let there = rendition["file"].as_str().and_then(|name| fs::metadata(directory.join(name)).ok());
            there.is_some_and(|there| Some(there.len()) == rendition["bytes"].as_u64())
        };
        is_of_plan && !files.is_empty() && files.iter().all(is_whole)
    }

    fn publish(&mut self, index: usize, on_event: &mut dyn FnMut(&Event<'_>)) -> Result<()> {
        let title = self.titles[index].title.clone();
        let directory = self.files(&title).directory;
        remove_leftovers(&directory);
        let files = published(&directory).map_err(Error::io(&directory, "cannot read what was published"))?;
        let work = &mut self.schedule.works[index];
        work.stage = Stage::Done;
        let (Some(plan), Some(key)) = (work.prepared.as_ref().map(|prepared| prepared.plan), self.titles[index].key)
        else {
            return Ok(());
        };
        let record = Record::Published { title: title.name, key, plan, files, time: now() };
        self.note(&record, on_event)?;
        self.titles[index].summary.outcome = Outcome::Done;
        on_event(&Event::Over(&self.titles[index].title, &self.titles[index].summary));
        Ok(())
    }

    fn failed(&mut self, index: usize, step: Step, ended: Ended, on_event: &mut dyn FnMut(&Event<'_>)) -> Result<()> {
        let Ended { exit, message, .. } = ended;
        let free = free_bytes(&self.options.output);
        let is_full = exit == Some(74) && free.is_some_and(|free| free < self.options.least_free);
        let entry = &mut self.titles[index];
        let tries = entry.tries.entry(step).or_default();
        let may_pass = exit.is_none_or(|exit| MAY_PASS.contains(&exit));
        let again = is_full || (may_pass && *tries < self.options.retries);
        let (title, name) = (entry.title.name.clone(), step.name().to_owned());
        if again {
            // A disk that is full is waited for.
            let wait = if is_full { Duration::ZERO } else { (PAUSE * 2_u32.saturating_pow(*tries)).min(LONGEST_PAUSE) };
            *tries += u32::from(!is_full);
            entry.summary.retries += u32::from(!is_full);
            let work = &mut self.schedule.works[index];
            work.not_before = Some(Instant::now() + wait);
            match step {
                Step::Segment(number) => drop(work.waiting.insert(number)),
                // Some may be in the store, where it will find them.
                Step::Render => work.waiting.append(&mut work.joining),
                Step::Plan => {}
            }
            on_event(&Event::Again(&entry.title, step, &message));
        } else {
            let summary = &mut entry.summary;
            (summary.outcome, summary.exit, summary.error) = (Outcome::Failed, exit, Some(message.clone()));
            let work = &mut self.schedule.works[index];
            work.stage = Stage::Failed;
            work.waiting.clear();
            // Its other steps are of no use.
            self.workers.iter().filter(|((of, _), _)| *of == index).for_each(|(_, (worker, _))| worker.stop(false));
            on_event(&Event::Over(&self.titles[index].title, &self.titles[index].summary));
        }
        self.note(&Record::Failed { title, step: name, exit, message, again, time: now() }, on_event)
    }

    /// Writes a record into the journal; on a full disk, once there is room again.
    fn note(&mut self, record: &Record, on_event: &mut dyn FnMut(&Event<'_>)) -> Result<()> {
        loop {
            match self.journal.write(record) {
                Err(Error::Io { cause, .. }) if cause.kind() == io::ErrorKind::StorageFull => {
                    if self.full_since.is_none() {
                        self.full_since = Some(Instant::now());
                        on_event(&Event::Paused(0, self.options.least_free));
                    }
                    self.control.check()?;
                    thread::sleep(PULSE);
                }
                written => return written,
            }
        }
    }

    /// Ends what still runs.
    fn stop_all(&mut self, messages: &Receiver<Message>) {
        self.workers.values().for_each(|(worker, _)| worker.stop(false));
        let begin = Instant::now();
        while !self.workers.is_empty() && begin.elapsed() < 2 * GRACE {
            if begin.elapsed() > GRACE {
                self.workers.values().for_each(|(worker, _)| worker.stop(true));
            }
            if let Ok(Message::Ended(index, step, ended)) = messages.recv_timeout(PULSE) {
                self.cpu_seconds += ended.cpu_seconds;
                self.workers.remove(&(index, step));
            }
        }
    }

    fn snapshot(&self) -> Snapshot {
        let works = &self.schedule.works;
        let of =
            |outcomes: &[Outcome]| self.titles.iter().filter(|entry| outcomes.contains(&entry.summary.outcome)).count();
        let running = works.iter().zip(&self.titles).filter(|(work, _)| !work.running.is_empty());
        let running = running
            .map(|(work, entry)| (entry.title.name.clone(), work.progress(), work.running.keys().copied().collect()));
        let mut snapshot = Snapshot {
            titles: self.titles.len(),
            done: of(&[Outcome::Done, Outcome::WasDone]),
            failed: of(&[Outcome::Failed]),
            part: self.schedule.part(),
            part_before: self.part_before,
            eta: None,
            running: running.collect(),
        };
        snapshot.eta = eta(&snapshot, self.begin.elapsed().as_secs_f64());
        snapshot
    }

    fn summary(&self, ended: bool) -> Summary {
        let wall_seconds = self.begin.elapsed().as_secs_f64();
        let busy = self.cpu_seconds / (wall_seconds * self.schedule.cores).max(1e-9);
        Summary {
            version: VERSION,
            upright: VERSION_OF_PROGRAM.to_owned(),
            ended,
            wall_seconds,
            cores_busy: (self.cpu_seconds > 0.0).then_some((busy * 1000.0).round() / 1000.0),
            titles: self.titles.iter().map(|entry| entry.summary.clone()).collect(),
        }
    }
}

/// Estimates the seconds that are left from what was done in how many; none at first.
fn eta(snapshot: &Snapshot, seconds: f64) -> Option<f64> {
    let done = snapshot.part - snapshot.part_before;
    (done > 0.005).then(|| seconds * (1.0 - snapshot.part).max(0.0) / done)
}

/// Sums up a film, its options, what it is encrypted with, and the program: what has another key is planned anew.
fn key_of(title: &Title, fingerprint: &Fingerprint) -> Sha256Hex {
    // It has no map but of texts.
    let text = serde_json::to_string(&(VERSION_OF_PROGRAM, crate::plan::VERSION, fingerprint, &title.options));
    let mut bytes = text.unwrap_or_default().into_bytes();
    // Keys that cannot be read now are found missing when it is rendered.
    bytes.extend(title.keys().and_then(|keys| fs::read(keys).ok()).unwrap_or_default());
    Sha256Hex::of(&bytes)
}

/// Names the log of a film.
fn log_name(title: &str) -> String {
    /// The longest name of a title that is one of a file as it is, in bytes.
    const LONGEST: usize = 200;
    let name =
        if title.len() > LONGEST { Sha256Hex::of(title.as_bytes()).to_string() } else { title.replace('/', "_") };
    format!("{name}.log")
}

/// None for what is no file that can be read.
fn fingerprint(path: &Path) -> Option<Fingerprint> {
    let file = File::open(path).ok()?;
    let there = file.metadata().ok().filter(fs::Metadata::is_file)?;
    Fingerprint::of_file(&file, there.len()).ok()
}

/// Sums up all files of a folder of segments, by their names, sizes and sums.
fn fingerprint_of_segments(folder: &Path) -> io::Result<Fingerprint> {
    let mut files = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    files.sort_by_key(fs::DirEntry::file_name);
    let (mut bytes, mut text) = (0, String::new());
    for file in files {
        let own = fingerprint(&file.path());
        bytes += own.as_ref().and_then(|own| own.bytes).unwrap_or(0);
        text.push_str(&format!("{:?} {own:?}\n", file.file_name()));
    }
    Ok(Fingerprint { bytes: Some(bytes), sha256: Sha256Hex::of(text.as_bytes()) })
}

/// The files in a film's folder, those of segments summed up as that of their header; other folders in it are other films'.
fn published(directory: &Path) -> io::Result<Vec<(String, Fingerprint)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(fingerprint) = fingerprint(&entry.path()).filter(|_| !name.starts_with('.')) {
            files.push((name, fingerprint));
        }
        let init = track_file(&entry.file_name().to_string_lossy(), true);
        if segmented_track(&init).is_some() && directory.join(&init).is_file() {
            files.push((init, fingerprint_of_segments(&entry.path())?));
        }
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(files)
}

fn write_summary(summary: &Summary, output: &Path) -> Result<()> {
    let path = output.join(SUMMARY);
    let text = serde_json::to_string_pretty(summary).map_err(|error| Error::misuse(error.to_string()))?;
    let draft = shared(&mut tempfile::Builder::new()).tempfile_in(output);
    let mut file = draft.map_err(Error::io(&path, "cannot write the summary"))?;
    let written =
        io::Write::write_all(&mut file, format!("{text}\n").as_bytes()).and_then(|()| file.as_file().sync_all());
    written.map_err(Error::io(&path, "cannot write the summary"))?;
    file.persist(&path).map_err(|error| Error::io(&path, "cannot write the summary")(error.error))?;
    Ok(())
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
