//! Carrying a plan out.

use super::progress::{Board, Expected, Progress};
use super::publish::{Drafts, Outputs};
use super::report::{self, AudioReport, RenditionReport, Report, Spent};
use super::run::{Order, Outcome, Workshop, run};
use super::spool::{Either, Interleaved, Spool};
use super::spread::{Limits, Spread};
use super::stages::Film;
use crate::clock;
use crate::control::Control;
use crate::encode::{Encoder, EncoderFactory};
use crate::error::{Error, Result};
use crate::geometry::{Rational, Size};
use crate::machine;
use crate::media::{Mp4Writer, Source, Tags, VideoTrack};
use crate::plan::Plan;
use crate::scale::{Device, DeviceChoice, MAX_SIDE, ScaleSpec, Scaler, Twin};
use crate::source::SourceInfo;
use crate::verify;
use crate::versions::versions;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tempfile::TempPath;

/// Name of the report in the directory of the renditions.
pub const REPORT: &str = "report.json";

/// How a plan is carried out; nothing here changes what is in the renditions.
#[derive(Clone, Debug)]
pub struct RenderOptions {
    /// Directory of the renditions, `WIDTHxHEIGHT.mp4` each, and of [`REPORT`]. It is made where it is missing.
    pub directory: PathBuf,
    /// Replace what is there already.
    pub overwrite: bool,
    /// Fail on a damaged or truncated source instead of converting what is whole.
    pub strict: bool,
    /// What scales.
    pub device: DeviceChoice,
    /// Cores and memory.
    pub limits: Limits,
}

/// Carries `plan` out on the source that it was made from.
///
/// `on_progress` is called from this thread, about ten times a second at most and once at the very end.
///
/// Nothing appears under a final name until everything is whole and checked, and then all of it at once where the file system
/// can do that; what was written is removed on failure.
///
/// Once it is cancelled or something fails, it returns within about a second, whatever its parts are at: an encoder in the
/// middle of a slow frame is left behind and comes to its end by itself ([`Control::aside`]).
///
/// # Errors
/// Before anything is done: [`Error::OtherSource`] when the plan was made from another source; [`Error::OutputExists`],
/// [`Error::OutputIsInput`], and [`Error::OutputBusy`] while another job writes into the directory. Else the first error of
/// any stage, or [`Error::Cancelled`].
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
    let mut names: Vec<String> = plan.rungs.iter().map(|rung| file_name(rung.size)).collect();
    names.push(REPORT.to_owned());
    // An input without an extension may have the name of the folder.
    let mut paths = names.iter().map(|name| options.directory.join(name)).chain([options.directory.clone()]);
    if let Some(path) = paths.find(|path| source.is_at(path)) {
        return Err(Error::OutputIsInput { path });
    }
    let outputs = Outputs::prepare(&options.directory, &names, options.overwrite)?;
    warn_of_another_source(&options.directory, &info);
    let board = Arc::new(Board::new(plan.rungs.iter().map(|rung| rung.size), plan.frame_ticks()));
    let expected = Expected::of(&info);
    let progress = || Progress::read(&board, expected, plan.video_out.time_base, begin.elapsed());
    let job = control.part();
    // A source that stalls is not waited for once something else has failed.
    job.close_with(&source.control().valve());
    let work = Work {
        job: job.clone(),
        source,
        plan: plan.clone(),
        drafts: outputs.drafts(),
        device: options.device.clone(),
        limits: options.limits,
        strict: options.strict,
        board: Arc::clone(&board),
    };
    let (outcome, spread) = job.aside("job", || on_progress(&progress()), move || work.carry_out())?;
    // From here on it is quicker to end well than to stop.
    if control.is_cancelled() {
        return Err(Error::Cancelled);
    }

    let cpu = clock::process().zip(cpu_before).map(|(after, before)| after.saturating_sub(before).as_secs_f64());
    let spent = Spent { wall: begin.elapsed().as_secs_f64(), cpu, cores: machine::cores() };
    let (report, files) = account(plan, &info, spread, outcome, spent)?;
    let text = serde_json::to_vec_pretty(&report)
        .map_err(|error| Error::Verify { path: options.directory.join(REPORT), why: error.to_string() })?;
    outputs.publish(files, (REPORT, &text))?;
    on_progress(&progress().done());
    Ok(report)
}

fn file_name(size: Size) -> String {
    format!("{size}.mp4")
}

/// Says so when what will be replaced in `directory` was made from another source, by the report that lies there.
fn warn_of_another_source(directory: &Path, info: &SourceInfo) {
    let Ok(report) = fs::read(directory.join(REPORT)) else { return };
    let Ok(report) = serde_json::from_slice::<serde_json::Value>(&report) else { return };
    let Some(name) = report["source"]["name"].as_str() else { return };
    let fingerprint = info.fingerprint.as_ref().map(|fingerprint| fingerprint.sha256.to_string());
    let same_bytes =
        fingerprint.is_some() && report["source"]["fingerprint"]["sha256"].as_str() == fingerprint.as_deref();
    if name != info.name && !same_bytes {
        log::warn!("{}: replaces what was made from another source, {name}", directory.display());
    }
}

/// What may be left behind of a conversion, if it has to be, and refers to nothing of its caller.
struct Work {
    job: Control,
    source: Source,
    plan: Plan,
    drafts: Drafts,
    device: DeviceChoice,
    limits: Limits,
    strict: bool,
    board: Arc<Board>,
}

impl Work {
    fn carry_out(self) -> Result<(Outcome<Rendition>, Spread)> {
        let Self { job, source, plan, drafts, device: choice, limits, strict, board } = self;
        let (info, audio) = (source.info().clone(), source.audio_track().is_some());
        let whole = plan.scale_spec();
        let area = whole.area(plan.grid_windows());
        if area.width.max(area.height) > MAX_SIDE {
            let why = format!(
                "its picture is {}; a side of what is scaled has at most {MAX_SIDE} samples",
                info.video.upright.grid
            );
            return Err(Error::bad_source(info.name, why));
        }
        let spec = whole.narrowed(area);
        let spread_on = |device: &Device| Spread::of(&plan, &limits, device);
        let (device, scalers) = Device::open_for(&choice, &spec, |device| Ok(spread_on(device)?.jobs))?;
        let spread = spread_on(&device)?;
        log::info!("{spread}");
        let studio = Studio {
            plan: &plan,
            info: &info,
            drafts: &drafts,
            spec,
            scalers: Mutex::new(scalers),
            encoders: EncoderFactory::find(&plan.encoder.kind)?,
            has_twin: choice == DeviceChoice::Auto,
            job: &job,
        };
        let order = Order {
            plan: &plan,
            source,
            name: &info.name,
            strict,
            audio,
            workshop: &studio,
            spread: &spread,
            area,
            spool: drafts.folder(),
            board: &board,
        };
        Ok((run(&job, order)?, spread))
    }
}

/// What the stages are made of.
struct Studio<'a> {
    plan: &'a Plan,
    info: &'a SourceInfo,
    drafts: &'a Drafts,
    spec: ScaleSpec,
    /// One for each lane.
    scalers: Mutex<Vec<Box<dyn Scaler>>>,
    encoders: EncoderFactory,
    /// Whether the CPU goes on where the device fails.
    has_twin: bool,
    job: &'a Control,
}

/// A finished file that has not got its name yet.
struct Rendition {
    file: TempPath,
    bytes: u64,
}

impl Workshop for Studio<'_> {
    type Rendition = Rendition;

    fn scaler(&self) -> Result<Box<dyn Scaler>> {
        let scaler = self.scalers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        scaler.ok_or_else(|| Error::StageLost { stage: "scale".to_owned() })
    }

    fn twin(&self) -> Option<Twin<'_>> {
        self.has_twin.then(|| Box::new(|| Device::cpu().scaler(&self.spec)) as Twin<'_>)
    }

    fn encoder(&self, rung: usize) -> Result<Box<dyn Encoder>> {
        self.encoders.open(&self.plan.encoder_settings(self.plan.rungs[rung].size), self.job)
    }

    fn assemble(&self, rung: usize, video: &Spool, film: &Film) -> Result<Rendition> {
        let size = self.plan.rungs[rung].size;
        let video_out = &self.plan.video_out;
        // Whoever was left behind makes no file.
        self.job.check()?;
        let file = self.drafts.temporary(&file_name(size))?.into_temp_path();
        let first = video.packets().next().transpose()?;
        let first =
            first.ok_or_else(|| Error::Verify { path: file.to_path_buf(), why: "it has no video".to_owned() })?;
        let track = VideoTrack {
            size,
            time_base: video_out.time_base,
            frame_rate: video_out.frame_rate,
            colour: video_out.colour,
            hdr: video_out.hdr,
            language: self.info.video.language.clone(),
            first: &first,
        };
        let tags = Tags { title: self.info.title.clone(), chapters: self.info.chapters.clone() };
        let sound = film.track.as_ref();
        let mut writer = Mp4Writer::create(&file, &track, sound, &tags)?;
        let audio_ticks = sound.map_or(video_out.time_base, |audio| audio.time_base);
        let audio = film.audio.iter().flat_map(Spool::packets);
        for packet in Interleaved::new(video.packets(), video_out.time_base, audio, audio_ticks) {
            self.job.check()?;
            match packet? {
                Either::Video(packet) => writer.write_video(&packet)?,
                Either::Audio(packet) => writer.write_audio(&packet)?,
            }
        }
        let bytes = writer.finish()?;
        self.job.check()?;
        verify::rendition(&file, &self.expected(size, film))?;
        Ok(Rendition { file, bytes })
    }
}

impl Studio<'_> {
    /// What the file of a rung must be.
    fn expected(&self, size: Size, film: &Film) -> verify::Expected {
        let video_out = &self.plan.video_out;
        let audio = film.track.as_ref().zip(film.audio.as_ref()).map(|(track, packets)| verify::ExpectedAudio {
            codec: track.parameters.codec(),
            time_base: track.time_base,
            packets: packets.stamps().clone(),
        });
        verify::Expected {
            size,
            depth: video_out.depth,
            colour: video_out.colour,
            hdr: video_out.hdr,
            time_base: video_out.time_base,
            video: film.frames.clone(),
            audio,
        }
    }
}

/// What was done, and the files that wait for their names.
#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn account(
    plan: &Plan,
    info: &SourceInfo,
    spread: Spread,
    outcome: Outcome<Rendition>,
    spent: Spent,
) -> Result<(Report, Vec<(TempPath, String)>)> {
    let Outcome { device, gpu, fallback, film, rungs, stages, queues } = outcome;
    let seconds = |ticks: i64| {
        let Rational { num, den } = plan.video_out.time_base;
        Rational { num: ticks.saturating_mul(num), den }.as_f64()
    };
    let (first, last) = film.frames.ends().unwrap_or_default();
    let last_seconds = seconds(if film.last_duration > 0 { film.last_duration } else { plan.frame_ticks() });
    let duration = seconds(last.saturating_sub(first)) + last_seconds;
    let (mut files, mut renditions) = (Vec::new(), Vec::new());
    for (rung, done) in plan.rungs.iter().zip(rungs) {
        let file = file_name(rung.size);
        let bits = (done.video_bytes * 8) as f64;
        renditions.push(RenditionReport {
            file: file.clone(),
            size: rung.size,
            upscaled: rung.upscaled,
            frames: film.frames.count(),
            bytes: done.rendition.bytes,
            video_bitrate: bits / duration,
            encode_seconds: done.encode_seconds,
        });
        files.push((done.rendition.file, file));
    }
    let report = Report {
        version: report::VERSION,
        versions: versions(),
        device,
        fallback,
        gpu,
        source: info.clone(),
        start_offset: seconds(info.video.origin),
        damage: film.damage,
        audio: film.track.map(|track| AudioReport { codec: track.parameters.codec(), copied: track.copied }),
        plan_hash: plan.hash()?,
        plan: plan.clone(),
        frames: film.frames.count(),
        key_frames: film.frames.keys(),
        duration,
        wall_seconds: spent.wall,
        cpu_seconds: spent.cpu,
        spread,
        renditions,
        bottleneck: report::bottleneck(&stages, spent),
        stages,
        queues,
    };
    Ok((report, files))
}
