//! `upright convert` and `upright render`: both make renditions of a plan, one of a plan that it has just made.

use crate::analysis_file;
use crate::args::{ConvertArguments, Format, OutputArguments, RenderArguments};
use crate::exit::{Exit, Failure};
use crate::hints;
use crate::interrupt::Interrupt;
use crate::options::{self, PlanRequest};
use crate::output::Messages;
use crate::plan_file;
use crate::progress::{self, Reporter};
use crate::stats;
use indicatif::DecimalBytes;
use std::fmt::Write as _;
use std::io::Write as _;
use upright_engine::artwork::{AnimationFile, PicturesReport};
use upright_engine::burn_in::BurnIn;
use upright_engine::encode::{self, EncoderKind};
use upright_engine::media::Source;
use upright_engine::pipeline::report::{AudioReport, SubtitlesReport};
use upright_engine::pipeline::{self, REPORT, RenderOptions, Report, render};
use upright_engine::plan::{BurnInChoice, Plan};
use upright_engine::remote;
use upright_engine::source::{Damage, PassedOver, SilentSide, SourceInfo};
use upright_engine::time::Time;
use upright_engine::{Error, Result};

/// Codecs of subtitles that are pictures, by libav's names: no text can be made of them.
const PICTURES: [&str; 4] = ["dvb_subtitle", "dvd_subtitle", "hdmv_pgs_subtitle", "xsub"];

/// Converts, showing progress, and sums up on standard error.
///
/// # Errors
/// The engine's; a cancelled conversion ends as the signal says that cancelled it.
pub(crate) fn convert(arguments: ConvertArguments, quiet: bool, messages: &mut Messages) -> Result<Exit, Failure> {
    let ConvertArguments { input, wanted, analysis, output, machine, access } = arguments;
    let (device, cmaf) = (machine.device.clone(), wanted.format.contains(&Format::Cmaf));
    let request = PlanRequest::resolve(&input, wanted, access)?;
    let told = Told::of(&output, quiet);
    if output.encrypt.is_some() && request.plan.formats.cmaf.is_none() {
        let why = "only packages are encrypted; make one with --format cmaf";
        return Err(Error::invalid("encrypt", "", why).into());
    }
    let options = options::render_options(output, machine, &request.input)?;
    carry_out(&options, told, messages, |interrupt, reporter| {
        let control = interrupt.control();
        let source = Source::open_within(&request.input, &request.open, control)?;
        let plan = options::with_text(&source, request.plan, control)?;
        let burnt_in = plan.burn_in.as_ref().and_then(BurnInChoice::text);
        tell_of_source(source.info(), options.subtitles.unwrap_or(cmaf), burnt_in);
        let progress = |progress: &_| reporter.progress(progress);
        let options = analysis_file::look(&source, plan, &device, analysis.as_deref(), control, &progress)?;
        let plan = pipeline::plan(&source, &options, control, &progress)?;
        Ok((source, plan))
    })
}

/// Renders a plan, showing progress, and sums up on standard error.
///
/// # Errors
/// The engine's; a cancelled conversion ends as the signal says that cancelled it.
pub(crate) fn render_plan(arguments: RenderArguments, quiet: bool, messages: &mut Messages) -> Result<Exit, Failure> {
    let RenderArguments { plan, output, machine, access } = arguments;
    let told = Told::of(&output, quiet);
    let document = plan_file::read(&plan);
    let document = document.map_err(|error| Reporter::failed_early(told.progress, quiet, messages, error))?;
    let options = options::render_options(output, machine, &plan_file::planned_input(&document.plan))?;
    carry_out(&options, told, messages, |interrupt, _| {
        let source = document.open(&access, interrupt.control())?;
        let written = options.writes_text_of_source(&document.plan);
        tell_of_source(source.info(), written, document.plan.wanted.burn_in.as_ref());
        Ok((source, document.plan))
    })
}

/// What is told of a conversion, and how.
#[derive(Clone, Copy, Debug)]
struct Told {
    progress: crate::args::Progress,
    stats: bool,
    quiet: bool,
}

impl Told {
    fn of(output: &OutputArguments, quiet: bool) -> Self {
        Self { progress: output.progress, stats: output.stats, quiet }
    }
}

/// Makes renditions of the plan that `prepare` gives, from the source that it has opened.
fn carry_out(
    options: &RenderOptions,
    told: Told,
    messages: &mut Messages,
    prepare: impl FnOnce(&Interrupt, &Reporter) -> Result<(Source, Plan)>,
) -> Result<Exit, Failure> {
    let interrupt = Interrupt::listen()?;
    let reporter = Reporter::new(told.progress, told.quiet, messages);
    let directory = remote::shown(&options.directory);
    let rendered = prepare(&interrupt, &reporter).and_then(|(source, plan)| {
        render(source, &plan, options, interrupt.control(), &|progress| reporter.progress(progress))
    });
    match rendered {
        Ok(report) => {
            reporter.done(&directory, &report)?;
            for complaint in complaints(&report.damage) {
                log::warn!("{}: {complaint}", report.source.name);
            }
            if !told.quiet {
                // Nobody is left to be told when standard error is gone.
                let _ = messages.write_all(summary(&directory, &report).as_bytes());
            }
            if told.stats {
                let _ = messages.write_all(stats::table(&report).as_bytes());
            }
            Ok(Exit::Success)
        }
        Err(error) => {
            let failure = interrupt.failure(error);
            reporter.failed(&failure);
            Err(failure)
        }
    }
}

/// Says what had to be assumed of a source, and what is not carried over.
///
/// Takes text for carried over where `subtitles` are written beside the renditions, and so what is burnt in.
pub(crate) fn tell_of_source(source: &SourceInfo, subtitles: bool, burnt_in: Option<&BurnIn>) {
    for assumption in &source.assumptions {
        let hint = hints::of_assumption(&assumption.what).map(|hint| format!("; {hint}")).unwrap_or_default();
        log::info!("assumed {}: {} ({}{hint})", assumption.what, assumption.value, assumption.because);
    }
    let is_text = |stream: &PassedOver| match &*stream.kind {
        "subtitle" => !PICTURES.contains(&&*stream.codec),
        kind => kind == "captions",
    };
    let is_written = |stream: &&PassedOver| subtitles && is_text(stream);
    let is_burnt_in = |stream: &&PassedOver| {
        burnt_in.is_some_and(|text| match &*stream.kind {
            "subtitle" => text.track == stream.track.to_string(),
            "captions" => text.track.starts_with(char::is_alphabetic),
            _ => false,
        })
    };
    let is_left = |stream: &&PassedOver| !is_written(stream) && !is_burnt_in(stream);
    let left: Vec<_> = source.passed_over.iter().filter(is_left).collect();
    if !left.is_empty() {
        log::warn!("{}: not carried over: {}", source.name, list(&left));
    }
}

/// Lists streams in a line: `subtitle 1 (subrip, eng), audio 2 (ac3)`.
fn list(passed_over: &[&PassedOver]) -> String {
    let stream = |PassedOver { kind, track, codec, language, .. }: &PassedOver| {
        let language = language.as_ref().map(|language| format!(", {language}")).unwrap_or_default();
        format!("{kind} {track} ({codec}{language})")
    };
    passed_over.iter().copied().map(stream).collect::<Vec<_>>().join(", ")
}

/// Describes the damage of a source, one sentence for each kind.
pub(crate) fn complaints(damage: &Damage) -> Vec<String> {
    let Damage {
        damaged_frames,
        first_at,
        truncated_at,
        damaged_audio_packets,
        sound_lost,
        ref silent_sides,
        retimed_frames,
        time_jumps,
        missing_bytes,
    } = *damage;
    let (mut complaints, plural) = (Vec::new(), |count: u64| if count == 1 { "" } else { "s" });
    if missing_bytes > 0 {
        complaints.push(format!("is cut short by {missing_bytes} bytes; frames, sound or whole tracks may be missing"));
    }
    if damaged_frames > 0 {
        let place = first_at.map(|time| format!(", the first at {time:.3} s")).unwrap_or_default();
        complaints.push(format!("{damaged_frames} damaged frame{}{place}", plural(damaged_frames)));
    }
    if damaged_audio_packets > 0 {
        complaints.push(format!("{damaged_audio_packets} damaged audio packet{}", plural(damaged_audio_packets)));
    }
    if sound_lost {
        complaints.push("its sound is lost, or most of it".to_owned());
    }
    for SilentSide { track, from } in silent_sides {
        let from = from.map_or_else(|| "throughout".to_owned(), |from| format!("from {from:.3} s on"));
        complaints.push(format!("audio track {track}, one side of its sound, is silent {from}"));
    }
    if retimed_frames > 0 {
        let frames = format!("{retimed_frames} frame{}", plural(retimed_frames));
        complaints.push(format!("{frames} with a missing or wrong time, put after the one before"));
    }
    if time_jumps > 0 {
        let times = if time_jumps == 1 { "once".to_owned() } else { format!("{time_jumps} times") };
        complaints.push(format!("its clock begins anew {times}; the pieces were joined"));
    }
    if let Some(end) = truncated_at {
        complaints.push(format!("ends at {end:.3} s, before its declared end; what is there was converted"));
    }
    complaints
}

/// Finds an encoder that is here and is much faster than the one of `plan`.
fn faster_encoder(plan: &Plan) -> Option<EncoderKind> {
    let fastest = encode::fastest(&plan.wanted.rungs, plan.wanted.encoder.speed);
    (plan.wanted.encoder.kind == EncoderKind::Rav1e && fastest != EncoderKind::Rav1e).then_some(fastest)
}

/// Sums up what was made and where it is.
fn summary(directory: &str, report: &Report) -> String {
    let mut text = String::new();
    let time = progress::clock(report.wall_seconds);
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{directory}: {} frames in {time}, {}", report.frames, report.parallelism);
    if report.segments.reused > 0 {
        let upright_engine::pipeline::report::SegmentsReport { total, reused } = report.segments;
        let _ = writeln!(text, "  segments: {reused} of {total} from the store, {} encoded", total - reused);
    }
    for rendition in &report.renditions {
        let size = DecimalBytes(rendition.bytes).to_string();
        let note = if rendition.upscaled { "  upscaled" } else { "" };
        let kilobits = rendition.video_bitrate / 1e3;
        let _ = writeln!(text, "  {:<16} {size:>10} {kilobits:>8.0} kb/s{note}", rendition.file);
    }
    if let Some(package) = &report.package {
        let bytes = package.files.iter().map(|file| file.bytes).sum();
        let count: usize = package.files.iter().map(|file| 1 + file.segments.unwrap_or(0)).sum();
        let _ = writeln!(
            text,
            "  {:<16} {:>10} in {count} files, with {}",
            package.hls,
            DecimalBytes(bytes).to_string(),
            package.dash
        );
    }
    if report.audio.len() > 1 {
        let _ = writeln!(text, "  sound: {}", report.audio.iter().map(sound).collect::<Vec<_>>().join(", "));
    }
    for SubtitlesReport { file, cues, .. } in &report.subtitles {
        let _ = writeln!(text, "  {file:<16} {cues:>10} texts");
    }
    if let Some(pictures) = &report.pictures {
        let _ = writeln!(text, "{}", self::pictures(pictures));
    }
    let _ = writeln!(text, "  {REPORT}");
    if let Some(faster) = faster_encoder(&report.plan) {
        let _ = writeln!(text, "{faster}, which is here too, is several times as fast: use --encoder {faster}");
    }
    text
}

/// Lists pictures, a line each: what they are, and where in the film they are from.
fn pictures(pictures: &PicturesReport) -> String {
    let at = |time: Time| progress::clock(time.seconds().as_f64());
    let line =
        |file: &str, bytes: u64, what: String| format!("  {file:<16} {:>10} {what}", DecimalBytes(bytes).to_string());
    let poster = pictures.poster.iter().map(|it| line(&it.file, it.bytes, format!("{}, at {}", it.size, at(it.time))));
    let board = pictures.storyboard.iter().map(|it| {
        let bytes = it.files.iter().map(|sheet| sheet.bytes).sum();
        let (count, stills, distance) = (it.files.len(), it.stills, it.distance);
        let plural = if count == 1 { "file" } else { "files" };
        line(&it.file, bytes, format!("in {count} {plural}, a still every {distance} s, {stills} in all"))
    });
    let preview = pictures.preview.iter().map(|it| {
        let AnimationFile { size, seconds, time, .. } = it;
        line(&it.file, it.bytes, format!("{size}, {seconds:.1} s from {} on", at(*time)))
    });
    poster.chain(board).chain(preview).collect::<Vec<_>>().join("\n")
}

/// Describes a track of sound in a few words: `1 eng stereo aac -16.0 LUFS`.
fn sound(audio: &AudioReport) -> String {
    let right = audio.right.map(|right| format!("+{right}")).unwrap_or_default();
    let language = audio.language.as_ref().map(|language| format!(" {language}")).unwrap_or_default();
    let stereo = if audio.stereo { " stereo" } else { "" };
    let loudness = audio.loudness.and_then(|loudness| loudness.after.loudness);
    let loudness = loudness.map(|level| format!(" {level:.1} LUFS")).unwrap_or_default();
    format!("{}{right}{language}{stereo} {}{loudness}", audio.track, audio.codec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_damage_is_told() {
        assert_eq!(complaints(&Damage::default()), [""; 0]);
        let damage = Damage {
            damaged_frames: 2,
            first_at: Some(1.5),
            truncated_at: Some(9.0),
            damaged_audio_packets: 3,
            sound_lost: true,
            silent_sides: vec![SilentSide { track: 2, from: None }, SilentSide { track: 3, from: Some(7.5) }],
            retimed_frames: 4,
            time_jumps: 5,
            missing_bytes: 6,
        };
        let told = complaints(&damage).join("; ");
        for words in [
            "2 damaged frames, the first at 1.500 s",
            "3 damaged audio",
            "its sound is lost",
            "audio track 2, one side of its sound, is silent throughout",
            "audio track 3, one side of its sound, is silent from 7.500 s on",
            "4 frames with a missing or wrong time",
            "anew 5 times",
            "ends at 9.000 s",
            "cut short by 6 bytes",
        ] {
            assert!(told.contains(words), "{words}: {told}");
        }
    }
}
