//! Carrying a plan out.

use super::delivery::{self, Beside, Means};
use super::earlier::EarlierReport;
use super::factory::StageFactory;
use super::parallelism::{Limits, ParallelismPlan};
use super::progress::{Expected, Progress, ProgressCounters};
use super::publish::{Drafts, Outputs};
use super::report::{
    self, AudioReport, LoweredSegment, REPORT, RenditionReport, Report, SegmentsReport, Spent, SubtitlesReport,
};
use super::run::{Outcome, PipelineSpec, run};
use super::spool::{Interleaved, Spool};
use super::stages::Selection;
use super::summary::{SourceSummary, SpooledAudio};
use super::texts;
use super::windows::{self, MOST_ROUNDS, WindowRates};
use crate::artwork::{self, PicturesReport};
use crate::captions::{NANOSECOND, Subtitles};
use crate::clock;
use crate::control::Control;
use crate::encode::{Encoder, EncoderFactory};
use crate::encryption::{ContentKey, KeyFile};
use crate::error::{Error, Result};
use crate::geometry::Rational;
use crate::machine;
use crate::media::{AudioTrack, Mp4Writer, Source, Tags, VideoTrack, check_opus};
use crate::package::Track;
use crate::picture::{Device, DeviceChoice, MAX_SIDE, Runner, Twin};
use crate::plan::{Plan, RungFollows, WantedAudio};
use crate::remote;
use crate::source::timeline::rescale;
use crate::source::{KeptAudio, SourceInfo};
use crate::store::{PlanStore, SegmentKeys, Store, StoreOptions};
use crate::verify;
use crate::versions::versions;
use std::fs;
use std::iter;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tempfile::{TempDir, TempPath};

/// How a plan is carried out; nothing here changes what is in the renditions.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RenderOptions {
    /// Directory of the renditions, `WIDTHxHEIGHT.mp4` each, and of [`REPORT`], which is made where it is missing; or the URL of a
    /// place in an object store ([`crate::remote`]).
    pub directory: PathBuf,
    /// Replace what is there already.
    pub overwrite: bool,
    /// Fail on a damaged or truncated source instead of converting what is whole.
    pub strict: bool,
    /// What scales.
    pub device: DeviceChoice,
    /// Cores and memory.
    pub limits: Limits,
    /// Where segments that were encoded earlier are taken from, and new ones are kept.
    pub store: Option<StoreOptions>,
    /// Write the source's subtitles and closed captions beside the renditions, as WebVTT; none to do so where there is a package, whose
    /// tracks they are. Those of files, which a plan names, are always written.
    pub subtitles: Option<bool>,
    /// Keys that the tracks of the package are encrypted with; a track that none is for stays clear.
    pub keys: Option<Arc<KeyFile>>,
}

impl RenderOptions {
    /// Renditions into `directory`, with all of this machine, replacing nothing.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            overwrite: false,
            strict: false,
            device: DeviceChoice::Auto,
            limits: Limits::default(),
            store: None,
            subtitles: None,
            keys: None,
        }
    }

    /// Sets [`RenderOptions::overwrite`].
    #[must_use]
    pub fn overwrite(self, overwrite: bool) -> Self {
        Self { overwrite, ..self }
    }

    /// Sets [`RenderOptions::subtitles`].
    #[must_use]
    pub fn subtitles(self, subtitles: bool) -> Self {
        Self { subtitles: Some(subtitles), ..self }
    }

    /// Sets [`RenderOptions::keys`].
    #[must_use]
    pub fn keys(self, keys: Option<KeyFile>) -> Self {
        Self { keys: keys.map(Arc::new), ..self }
    }

    /// Sets [`RenderOptions::strict`].
    #[must_use]
    pub fn strict(self, strict: bool) -> Self {
        Self { strict, ..self }
    }

    /// Sets [`RenderOptions::device`].
    #[must_use]
    pub fn device(self, device: DeviceChoice) -> Self {
        Self { device, ..self }
    }

    /// Sets [`RenderOptions::limits`].
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Sets [`RenderOptions::store`].
    #[must_use]
    pub fn store(self, store: StoreOptions) -> Self {
        Self { store: Some(store), ..self }
    }

    /// Tells whether the text of a plan's source is written.
    pub fn writes_text_of_source(&self, plan: &Plan) -> bool {
        self.subtitles.unwrap_or(plan.wanted.formats.cmaf.is_some())
    }
}

/// Carries `plan` out on the source that it was made from.
///
/// `on_progress` is called from this thread, about ten times a second at most and once at the very end.
///
/// Nothing appears under a final name until everything is whole and checked, and then all of it at once where the file system
/// can do that; what was written is removed on failure. Segments in a store stay: they are whole.
///
/// Once it is cancelled or something fails, it returns within about a second, whatever its parts are at: an encoder in the
/// middle of a slow frame is left behind and comes to its end by itself ([`Control::aside`]).
///
/// # Errors
/// Before anything is done: [`Error::OtherSource`] when the plan was made from another source; [`Error::OutputExists`],
/// [`Error::OutputIsInput`], and [`Error::OutputBusy`] while another job writes into the directory; [`Error::BadStore`];
/// [`Error::InvalidOption`] for keys where the plan has no package. Else
/// the first error of any stage, or [`Error::Cancelled`].
pub fn render(
    source: Source,
    plan: &Plan,
    options: &RenderOptions,
    control: &Control,
    on_progress: &(dyn Fn(&Progress) + Sync),
) -> Result<Report> {
    let (begin, cpu_before) = (Instant::now(), clock::process());
    let info = source.info().clone();
    plan.check_source(&info)?;
    check_sound(plan, &source)?;
    if plan.wanted.formats.cmaf.is_some_and(|cmaf| cmaf.opus) {
        check_opus()?;
    }
    if let Some(keys) = &options.keys {
        check_keys(plan, keys)?;
    }
    let mut names = delivery::names(plan);
    if plan.wanted.formats.mp4 {
        names.extend(plan.follows.rungs.iter().map(|rung| rung.file.clone()));
    }
    artwork::check(&plan.wanted.pictures)?;
    names.extend(artwork::names(&plan.wanted.pictures));
    names.push(REPORT.to_owned());
    let refuse_input = |names: &[String]| {
        let mut paths = names.iter().map(|name| remote::below(&options.directory, name.as_ref()));
        paths.find(|path| source.is_at(path)).map_or(Ok(()), |path| Err(Error::OutputIsInput { path }))
    };
    refuse_input(&names)?;
    // An input without an extension may have the name of the folder.
    if source.is_at(&options.directory) {
        return Err(Error::OutputIsInput { path: options.directory.clone() });
    }
    let encoders = EncoderFactory::find(&plan.wanted.encoder.kind)?;
    let store = options.store.as_ref().map(|store| Ok((store.clone(), plan_store(plan, &encoders, store, control)?)));
    let store = store.transpose()?;
    let mut outputs = Outputs::prepare(&options.directory, &names, options.overwrite, control)?;
    if let Some(earlier) = EarlierReport::read(&options.directory, control) {
        earlier.warn_of_another_source(&options.directory, &info);
        outputs.supersede(earlier.made_beside());
    }
    // Their names are known once they are read, for which a whole film may have to be decoded.
    let subtitles = texts::all(&source, plan, options.writes_text_of_source(plan), control)?;
    let names = delivery::text_names(plan, &subtitles);
    refuse_input(&names)?;
    refuse_sidecars(plan, &options.directory, &names)?;
    outputs.add(&names)?;
    let counters = Arc::new(ProgressCounters::new(plan.follows.rungs.iter().map(|rung| rung.size), plan.frame_ticks()));
    let expected = Expected::of(plan);
    let progress = || Progress::read(&counters, expected, plan.time_base(), begin.elapsed());
    let job = control.part();
    // A source that stalls is not waited for once something else has failed.
    job.close_with(&source.control().closer());
    let work = RenderJob {
        job: job.clone(),
        source,
        plan: plan.clone(),
        drafts: outputs.drafts(),
        encoders,
        store,
        device: options.device.clone(),
        limits: options.limits,
        strict: options.strict,
        keys: options.keys.clone(),
        counters: Arc::clone(&counters),
    };
    let Carried { outcome, parallelism, lowered } =
        job.aside("job", || on_progress(&progress()), move || work.carry_out())?;
    // From here on it is quicker to end well than to stop.
    if control.is_cancelled() {
        return Err(Error::Cancelled);
    }

    let cpu = clock::process().zip(cpu_before).map(|(after, before)| after.saturating_sub(before).as_secs_f64());
    let spent = Spent { wall: begin.elapsed().as_secs_f64(), cpu, cores: machine::cores() };
    let drafts = outputs.drafts();
    windows::warn_of_lowered(plan, &lowered);
    let Accounted { mut report, mut files, tracks, summary } =
        account(plan, &info, (outcome, parallelism, &lowered), spent)?;
    let end = rescale(end_of(&summary, plan), plan.time_base(), NANOSECOND);
    let texts = subtitles.into_iter().map(|mut track| {
        let late = track.cut(end);
        if late > 0 {
            log::warn!("{}: {late} of its texts begin after the end of the film, and are left out", track.file);
        }
        Ok((delivery::text_file(&track, &drafts)?, track))
    });
    let texts = texts.collect::<Result<Vec<_>>>()?;
    let mut pictures = Vec::new();
    if !plan.wanted.pictures.is_none() {
        // They stay until the pictures are there.
        let mut joined = Vec::new();
        let renditions = if plan.wanted.formats.mp4 {
            files.iter().map(|(path, _)| (path.to_path_buf(), None)).collect()
        } else {
            let mut whole = |files: &delivery::Files| match &files[..] {
                [(path, _)] => Ok(path.to_path_buf()),
                segments => {
                    joined.push(delivery::joined(segments, &drafts, control)?);
                    Ok(joined.last().map(|path| path.to_path_buf()).unwrap_or_default())
                }
            };
            tracks
                .iter()
                .map(|(files, track)| Ok((whole(files)?, track.info.key.clone())))
                .collect::<Result<Vec<_>>>()?
        };
        let seconds = seconds(plan, end_of(&summary, plan));
        let (made, told) = self::pictures(plan, renditions, seconds, &drafts, &job, || on_progress(&progress()))?;
        let known = artwork::names(&plan.wanted.pictures);
        let names: Vec<_> = made.iter().map(|(_, name)| name.clone()).filter(|name| !known.contains(name)).collect();
        outputs.add(&names)?;
        pictures = made;
        report.pictures = Some(told);
    }
    if plan.wanted.formats.cmaf.is_some() {
        let sound = sound(plan, &summary);
        let storyboard = report.pictures.as_ref().and_then(|pictures| pictures.storyboard.as_ref());
        let beside = Beside { texts: &texts, pictures: &pictures, storyboard };
        let means = Means { drafts: &drafts, keys: options.keys.as_deref(), job: control };
        let (made, package) = delivery::finish(plan, tracks, &summary, &sound, &beside, means)?;
        // How many segments of text there are was not known before.
        outputs.add(&delivery::text_segment_names(&made, &texts))?;
        files.extend(made);
        report.package = Some(package);
    }
    files.extend(pictures);
    for (path, Subtitles { file, kind, language, roles, cues, .. }) in texts {
        files.push((path, file.clone()));
        report.subtitles.push(SubtitlesReport { file, kind, language, roles, cues: cues.len() });
    }
    let text = serde_json::to_vec_pretty(&report)
        .map_err(|error| Error::Verify { path: options.directory.join(REPORT), why: error.to_string() })?;
    outputs.publish(files, (REPORT, &text))?;
    on_progress(&progress().done());
    Ok(report)
}

/// Refuses to write over a file of subtitles that is read.
fn refuse_sidecars(plan: &Plan, directory: &Path, names: &[String]) -> Result<()> {
    let read: Vec<_> = plan.subtitle_files().filter_map(|(_, file)| fs::canonicalize(&file.path).ok()).collect();
    let mut paths = names.iter().map(|name| remote::below(directory, name.as_ref()));
    let is_read = |path: &PathBuf| fs::canonicalize(path).is_ok_and(|path| read.contains(&path));
    paths.find(is_read).map_or(Ok(()), |path| Err(Error::OutputIsInput { path }))
}

/// Makes the pictures of a film that ends after so many seconds, of the files of its renditions and the keys of those that are
/// encrypted.
fn pictures(
    plan: &Plan,
    renditions: Vec<(PathBuf, Option<ContentKey>)>,
    seconds: f64,
    drafts: &Drafts,
    job: &Control,
    tick: impl FnMut(),
) -> Result<(Vec<(TempPath, String)>, PicturesReport)> {
    let (plan, drafts, part) = (plan.clone(), drafts.clone(), job.part());
    job.aside("pictures", tick, move || {
        let mut files = Vec::new();
        let report = artwork::make(&plan, &renditions, seconds, &part, &mut |name, bytes| {
            files.push((delivery::write(&drafts, &name, bytes, "cannot write the picture")?, name));
            Ok(())
        })?;
        Ok((files, report))
    })
}

/// Refuses a source that was opened with other sound than the plan's; sound that is not wanted does no harm.
fn check_sound(plan: &Plan, source: &Source) -> Result<()> {
    let wanted = plan.wanted.audio.iter().map(WantedAudio::take);
    let same = || wanted.eq(source.info().audio_kept.iter().map(KeptAudio::take));
    if plan.wanted.audio.is_empty() || (plan.sound_form() == source.sound_form() && same()) {
        return Ok(());
    }
    Err(Error::misuse(
        "the plan wants other audio tracks, or in another form; open the source as Plan::open_options says",
    ))
}

/// Says which files of a plan keys do not encrypt.
///
/// # Errors
/// [`Error::InvalidOption`] where they would encrypt none.
fn check_keys(plan: &Plan, keys: &KeyFile) -> Result<()> {
    let name = &plan.found.name;
    if plan.wanted.formats.cmaf.is_none() {
        return Err(Error::invalid("keys", "", "MP4 files are not encrypted; plan a package (CMAF)"));
    }
    if plan.wanted.formats.cmaf.is_some_and(|cmaf| cmaf.segment_files) {
        // Without an index libav takes the samples of one fragment for those of another, so that nothing could be checked.
        let why = "segment files cannot be checked once they are encrypted; plan a package without --segment-files";
        return Err(Error::invalid("keys", "", why));
    }
    if plan.wanted.formats.mp4 {
        log::warn!("{name}: the package alone is encrypted, the MP4 files are not");
    }
    let rungs = plan.follows.rungs.iter().map(RungFollows::name).filter(|name| keys.for_video(name).is_none());
    let mut clear: Vec<_> = rungs.collect();
    if !plan.wanted.audio.is_empty() && keys.for_audio().is_none() {
        clear.push("the sound");
    }
    if clear.len() == plan.follows.rungs.len() + usize::from(!plan.wanted.audio.is_empty()) {
        return Err(Error::invalid("keys", "", "no key is for any track of this plan"));
    }
    if !clear.is_empty() {
        log::warn!("{name}: no key is for {}, which stays clear", clear.join(", "));
    }
    Ok(())
}

/// Opens the store of a plan's segments.
pub(crate) fn plan_store(
    plan: &Plan,
    encoders: &EncoderFactory,
    options: &StoreOptions,
    control: &Control,
) -> Result<PlanStore> {
    let keys = SegmentKeys::new(plan, &encoders.version()?)?;
    Ok(PlanStore::new(Store::open(options, control)?, keys))
}

/// Refuses a plan whose windows need more of a picture than can be scaled.
pub(super) fn check_room(plan: &Plan) -> Result<()> {
    let room = plan.largest_source_frame();
    if room.width.max(room.height) <= MAX_SIDE {
        return Ok(());
    }
    let why = format!(
        "its picture is {}; a side of what is scaled has at most {MAX_SIDE} samples",
        plan.found.video.upright.grid
    );
    Err(Error::bad_source(&plan.found.name, why))
}

/// What may be left behind of a conversion, if it has to be, and refers to nothing of its caller.
struct RenderJob {
    job: Control,
    source: Source,
    plan: Plan,
    drafts: Drafts,
    encoders: EncoderFactory,
    store: Option<(StoreOptions, PlanStore)>,
    device: DeviceChoice,
    limits: Limits,
    strict: bool,
    keys: Option<Arc<KeyFile>>,
    counters: Arc<ProgressCounters>,
}

/// What came of a conversion.
struct Carried {
    outcome: Outcome<Rendition>,
    parallelism: ParallelismPlan,
    /// Segments whose quality is lower than the plan's, each with the number of its rendition.
    lowered: Vec<(usize, LoweredSegment)>,
}

impl RenderJob {
    /// Carries the plan out; again and again with lower qualities, as long as a limit of bits does not hold. What was encoded well
    /// is then taken from a store.
    fn carry_out(mut self) -> Result<Carried> {
        check_room(&self.plan)?;
        let asked = self.plan.clone();
        let opener = self.source.opener();
        let is_limited = asked.wanted.rates.iter().any(|rate| rate.max_bitrate.is_some());
        let folder = self.drafts.folder();
        let mut own = None;
        if is_limited && self.store.is_none() && opener.is_some() {
            let folder = TempDir::with_prefix_in(".segments.", folder)
                .map_err(Error::io(folder, "cannot write into the directory"))?;
            let options = StoreOptions { folder: folder.path().to_path_buf(), size: None };
            self.store = match plan_store(&asked, &self.encoders, &options, &self.job) {
                Ok(store) => Some((options, store)),
                // Nothing of it can be kept.
                Err(Error::NotInSource(_)) => None,
                Err(error) => return Err(error),
            };
            own = Some(folder);
        }
        let Self { job, mut source, mut plan, drafts, encoders, mut store, device, limits, strict, keys, counters } =
            self;
        let mut reused = None;
        for _ in 0..MOST_ROUNDS {
            let round = Round {
                job: &job,
                plan: &plan,
                drafts: &drafts,
                encoders: &encoders,
                device: &device,
                limits: &limits,
                keys: keys.as_deref(),
            };
            let (kept_in, of_plan) = store.map_or((None, None), |(options, store)| (Some(options), Some(store)));
            let (mut outcome, parallelism) = round.carry_out(source, of_plan, strict, &counters)?;
            let reused = *reused.get_or_insert(outcome.summary.reused);
            let rates: Vec<_> = outcome.rungs.iter().map(|rung| rung.rendition.rates.clone()).collect();
            if rates.iter().all(|rates| rates.excess.is_empty()) {
                drop(own);
                // What this job itself had to encode earlier was not there when it began.
                outcome.summary.reused = reused;
                let lowered = windows::differences(&asked, &plan);
                return Ok(Carried { outcome, parallelism, lowered });
            }
            let again = opener.as_ref().zip(kept_in);
            plan = windows::lowered(&plan, &rates, again.is_some())?;
            let Some((open, options)) = again else { break };
            log::info!("some 6 s have more bits than the limit allows: encoding their segments again");
            store = Some((options.clone(), plan_store(&plan, &encoders, &options, &job)?));
            source = open(&job)?;
            plan.check_source(source.info())?;
            job.close_with(&source.control().closer());
            counters.restart();
        }
        let why =
            format!("cannot be held: the film was encoded {MOST_ROUNDS} times; raise the limit, or lower the quality");
        Err(Error::invalid("max bitrate", "", why))
    }
}

/// A film that is encoded from its beginning to its end.
struct Round<'a> {
    job: &'a Control,
    plan: &'a Plan,
    drafts: &'a Drafts,
    encoders: &'a EncoderFactory,
    device: &'a DeviceChoice,
    limits: &'a Limits,
    keys: Option<&'a KeyFile>,
}

impl Round<'_> {
    fn carry_out(
        &self,
        source: Source,
        store: Option<PlanStore>,
        strict: bool,
        counters: &ProgressCounters,
    ) -> Result<(Outcome<Rendition>, ParallelismPlan)> {
        let Self { job, plan, drafts, encoders, device: choice, limits, keys } = *self;
        let parallelism_on = |device: &Device| ParallelismPlan::of(plan, limits, device);
        let (device, runners) = Device::open_for(choice, &plan.graph(), |device| Ok(parallelism_on(device)?.jobs))?;
        let parallelism = parallelism_on(&device)?;
        log::info!("{parallelism}");
        let name = source.info().name.clone();
        let tools =
            Tools { plan, encoders, runners: Mutex::new(runners), has_twin: *choice == DeviceChoice::Auto, job };
        let factory = RenderStageFactory { plan, drafts, keys, tools, store };
        let spec = PipelineSpec {
            plan,
            name: &name,
            selection: Selection::All,
            strict,
            audio_tracks: plan.wanted.audio.len(),
            factory: &factory,
            parallelism: &parallelism,
            folder: drafts.folder(),
            counters,
        };
        Ok((run(job, &spec, source)?, parallelism))
    }
}

/// What lanes are made of.
pub(super) struct Tools<'a> {
    pub(super) plan: &'a Plan,
    pub(super) encoders: &'a EncoderFactory,
    /// One for each lane.
    pub(super) runners: Mutex<Vec<Box<dyn Runner>>>,
    /// Whether the CPU goes on where the device fails.
    pub(super) has_twin: bool,
    pub(super) job: &'a Control,
}

impl Tools<'_> {
    pub(super) fn runner(&self) -> Result<Box<dyn Runner>> {
        let runner = self.runners.lock().unwrap_or_else(PoisonError::into_inner).pop();
        runner.ok_or_else(|| Error::StageLost { stage: "scale".to_owned() })
    }

    pub(super) fn twin(&self) -> Option<Twin<'_>> {
        self.has_twin.then(|| Box::new(|| Device::cpu().runner(&self.plan.graph())) as Twin<'_>)
    }

    pub(super) fn encoder(&self, rung: usize, segment: usize) -> Result<Box<dyn Encoder>> {
        let settings = self.plan.encoder_settings(rung, segment);
        self.encoders.open(&settings.ok_or_else(|| Error::misuse("the plan has no such rung"))?, self.job)
    }
}

/// What the stages of a conversion are made of.
struct RenderStageFactory<'a> {
    plan: &'a Plan,
    drafts: &'a Drafts,
    keys: Option<&'a KeyFile>,
    tools: Tools<'a>,
    store: Option<PlanStore>,
}

/// What came of a rung: files that have not got their names yet.
struct Rendition {
    /// The MP4, and its bytes.
    mp4: Option<(TempPath, u64)>,
    /// The track of the package, and its files.
    cmaf: Option<(delivery::Files, Track)>,
    /// What it costs. Where that is too much, there are no files.
    rates: WindowRates,
}

impl StageFactory for RenderStageFactory<'_> {
    type Rendition = Rendition;

    fn runner(&self) -> Result<Box<dyn Runner>> {
        self.tools.runner()
    }

    fn twin(&self) -> Option<Twin<'_>> {
        self.tools.twin()
    }

    fn encoder(&self, rung: usize, segment: usize) -> Result<Box<dyn Encoder>> {
        self.tools.encoder(rung, segment)
    }

    fn store(&self) -> Option<&PlanStore> {
        self.store.as_ref()
    }

    fn assemble(&self, rung: usize, video: &Spool, rates: WindowRates, summary: &SourceSummary) -> Result<Rendition> {
        if !rates.excess.is_empty() {
            return Ok(Rendition { mp4: None, cmaf: None, rates });
        }
        let rung = &self.plan.follows.rungs[rung];
        // Whoever was left behind makes no file.
        self.tools.job.check()?;
        let mp4 = self.plan.wanted.formats.mp4.then(|| self.mp4(rung, video, summary)).transpose()?;
        let means = Means { drafts: self.drafts, keys: self.keys, job: self.tools.job };
        let cmaf = delivery::video_track(self.plan, rung, video, means)?;
        Ok(Rendition { mp4, cmaf, rates })
    }
}

impl RenderStageFactory<'_> {
    /// Writes the MP4 of a rung, and checks it.
    fn mp4(&self, rung: &RungFollows, video: &Spool, summary: &SourceSummary) -> Result<(TempPath, u64)> {
        let (job, time_base) = (self.tools.job, self.plan.time_base());
        let wanted = &self.plan.wanted;
        let file = self.drafts.temporary(&rung.file)?.into_temp_path();
        let first = video.packets().next().transpose()?;
        let first =
            first.ok_or_else(|| Error::Verify { path: file.to_path_buf(), why: "it has no video".to_owned() })?;
        let track = VideoTrack {
            size: rung.size,
            time_base,
            frame_rate: self.plan.frame_rate(),
            colour: rung.colour,
            hdr: self.plan.hdr(rung),
            language: wanted.language.clone(),
            first: &first,
        };
        let tags = Tags { title: wanted.title.clone(), chapters: wanted.chapters.clone() };
        let audio = sound(self.plan, summary);
        let mut writer = Mp4Writer::create(&file, &track, &audio, &tags)?;
        let sounds = summary.audio.iter().map(|audio| (audio.packets.packets(), audio.track.time_base));
        for packet in Interleaved::new(iter::once((video.packets(), time_base)).chain(sounds)) {
            job.check()?;
            match packet? {
                (0, packet) => writer.write_video(&packet)?,
                (stream, packet) => writer.write_audio(stream - 1, &packet)?,
            }
        }
        let bytes = writer.finish()?;
        job.check()?;
        verify::rendition(&file, &self.expected(rung, summary))?;
        Ok((file, bytes))
    }

    /// Describes what the file of a rung must be.
    fn expected(&self, rung: &RungFollows, summary: &SourceSummary) -> verify::Expected {
        let audio =
            sound(self.plan, summary).into_iter().zip(&summary.audio).map(|(track, spooled)| verify::ExpectedAudio {
                codec: track.parameters.codec(),
                time_base: track.time_base,
                roles: track.stored_roles(),
                language: track.language,
                packets: spooled.packets.timestamps().clone(),
            });
        verify::Expected {
            size: rung.size,
            depth: rung.depth,
            colour: rung.colour,
            hdr: self.plan.hdr(rung),
            time_base: self.plan.time_base(),
            language: self.plan.wanted.language.clone(),
            video: summary.frames.clone(),
            audio: audio.collect(),
        }
    }
}

/// The sound that came out, called as the plan says.
fn sound(plan: &Plan, summary: &SourceSummary) -> Vec<AudioTrack> {
    let named = |audio: &SpooledAudio| {
        let WantedAudio { language, title, roles, .. } = plan.wanted.audio.get(audio.place)?.clone();
        Some(AudioTrack { language, title, roles, ..audio.track.clone() })
    };
    summary.audio.iter().filter_map(named).collect()
}

fn audio_report(plan: &Plan, audio: &SpooledAudio) -> Option<AudioReport> {
    let WantedAudio { track, right, stereo, language, title, roles } = plan.wanted.audio.get(audio.place)?.clone();
    let (codec, copied, loudness) = (audio.track.parameters.codec(), audio.track.copied, audio.loudness);
    Some(AudioReport { track, right, stereo, language, title, roles, codec, copied, loudness })
}

/// What was done, and what waits for its names.
struct Accounted {
    report: Report,
    files: Vec<(TempPath, String)>,
    /// Tracks of a package, in the order of the rungs.
    tracks: Vec<(delivery::Files, Track)>,
    summary: SourceSummary,
}

/// Gives the seconds of so many ticks of the renditions.
fn seconds(plan: &Plan, ticks: i64) -> f64 {
    let Rational { num, den } = plan.time_base();
    Rational { num: ticks.saturating_mul(num), den }.as_f64()
}

/// Gives the end of the last frame, in ticks of the renditions.
fn end_of(summary: &SourceSummary, plan: &Plan) -> i64 {
    let (_, last) = summary.frames.ends().unwrap_or_default();
    last.saturating_add(if summary.last_duration > 0 { summary.last_duration } else { plan.frame_ticks() })
}

/// Sums up what was done, and gives the files that wait for their names.
#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn account(
    plan: &Plan,
    info: &SourceInfo,
    (outcome, parallelism, lowered): (Outcome<Rendition>, ParallelismPlan, &[(usize, LoweredSegment)]),
    spent: Spent,
) -> Result<Accounted> {
    let Outcome { device, gpu, fallback, summary, rungs, stages, queues } = outcome;
    let (first, _) = summary.frames.ends().unwrap_or_default();
    let duration = seconds(plan, end_of(&summary, plan).saturating_sub(first));
    let (mut files, mut renditions, mut tracks) = (Vec::new(), Vec::new(), Vec::new());
    for (number, (rung, done)) in plan.follows.rungs.iter().zip(rungs).enumerate() {
        let bits = (done.video_bytes * 8) as f64;
        let name = format!("encode {}", rung.name());
        let Rendition { mp4, cmaf, rates } = done.rendition;
        let track = cmaf.as_ref().filter(|_| mp4.is_none()).map(|(_, track)| track);
        let file = track.map_or_else(|| rung.file.clone(), |track| delivery::video_file(rung, track));
        let bytes = mp4.as_ref().map(|(_, bytes)| *bytes).or(cmaf.as_ref().map(|(_, track)| track.bytes()));
        renditions.push(RenditionReport {
            file,
            size: rung.size,
            upscaled: rung.upscaled,
            frames: summary.frames.count(),
            bytes: bytes.unwrap_or(0),
            video_bitrate: bits / duration,
            peak_bitrate: rates.peak.0,
            lowered: lowered.iter().filter(|(rung, _)| *rung == number).map(|(_, segment)| *segment).collect(),
            encode_seconds: stages.iter().filter(|stage| stage.name == name).map(|stage| stage.busy_seconds).sum(),
        });
        files.extend(mp4.map(|(file, _)| (file, rung.file.clone())));
        tracks.extend(cmaf);
    }
    let report = Report {
        version: report::VERSION,
        versions: versions(),
        device,
        fallback,
        gpu,
        source: info.clone(),
        start_offset: seconds(plan, info.video.origin),
        damage: summary.damage.clone(),
        audio: summary.audio.iter().filter_map(|audio| audio_report(plan, audio)).collect(),
        plan_hash: plan.hash()?,
        plan: plan.clone(),
        frames: summary.frames.count(),
        key_frames: summary.frames.keys(),
        segments: SegmentsReport { total: summary.segments, reused: summary.reused },
        duration,
        wall_seconds: spent.wall,
        cpu_seconds: spent.cpu,
        parallelism,
        renditions,
        package: None,
        subtitles: Vec::new(),
        pictures: None,
        bottleneck: report::bottleneck(&stages, spent),
        stages,
        queues,
    };
    Ok(Accounted { report, files, tracks, summary })
}
