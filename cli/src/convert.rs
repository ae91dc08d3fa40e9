//! `upright convert`, `upright plan` and `upright probe`.

use crate::args;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::options::{self, Job};
use crate::output::{self, Messages};
use crate::progress::{self, Reporter};
use crate::stats;
use indicatif::DecimalBytes;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use upright_engine::Result;
use upright_engine::encode::{self, EncoderKind};
use upright_engine::media::Source;
use upright_engine::pipeline::{REPORT, Report, Spread, render};
use upright_engine::plan::Plan;
use upright_engine::scale::Device;
use upright_engine::source::{AudioChoice, Damage, PassedOver, Span};

/// Converts, showing progress, and sums up on standard error.
///
/// # Errors
/// The engine's; a cancelled conversion ends as the signal says that cancelled it.
pub(crate) fn convert(arguments: args::Job, quiet: bool, messages: &mut Messages) -> Result<Exit, Failure> {
    let (choice, stats) = (arguments.progress, arguments.stats);
    let job = Job::resolve(arguments)?;
    let interrupt = Interrupt::listen()?;
    let reporter = Reporter::new(choice, quiet, messages);
    let directory = &job.render.directory;
    match carry_out(&job, &interrupt, &reporter) {
        Ok(report) => {
            reporter.done(directory, &report)?;
            for complaint in complaints(&report.damage) {
                log::warn!("{}: {complaint}", report.source.name);
            }
            if !quiet {
                // Nobody is left to be told when standard error is gone.
                let _ = messages.write_all(summary(directory, &report).as_bytes());
            }
            if stats {
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

fn carry_out(job: &Job, interrupt: &Interrupt, reporter: &Reporter) -> Result<Report> {
    let source = Source::open_within(&job.input, &job.open, interrupt.control())?;
    let plan = Plan::new(source.info(), &job.plan)?;
    for assumption in &plan.assumptions {
        log::info!("assumed {}: {} ({})", assumption.what, assumption.value, assumption.because);
    }
    if !plan.passed_over.is_empty() {
        log::warn!("{}: not carried over: {}", source.info().name, list(&plan.passed_over));
    }
    render(source, &plan, &job.render, interrupt.control(), &|progress| reporter.progress(progress))
}

/// Prints the plan of a conversion.
///
/// # Errors
/// The engine's.
pub(crate) fn plan(arguments: args::Job, quiet: bool, messages: &mut Messages) -> Result<Exit, Failure> {
    let job = Job::resolve(arguments)?;
    let interrupt = Interrupt::listen()?;
    let source = Source::open_within(&job.input, &job.open, interrupt.control());
    let source = source.map_err(|error| interrupt.failure(error))?;
    let plan = Plan::new(source.info(), &job.plan)?;
    let spread = Spread::of(&plan, &job.render.limits, &Device::open(&job.render.device)?)?;
    output::print_json(&plan)?;
    if !quiet {
        // Nobody is left to be told when standard error is gone.
        let _ = writeln!(messages, "upright: {spread}");
    }
    Ok(Exit::Success)
}

/// Prints what Upright sees in a source.
///
/// # Errors
/// The engine's.
pub(crate) fn probe(arguments: args::Probe) -> Result<Exit, Failure> {
    let open = options::open_options(arguments.access, arguments.video, AudioChoice::Best, Span::default());
    let interrupt = Interrupt::listen()?;
    let source = Source::open_within(&options::input(&arguments.input), &open, interrupt.control());
    let source = source.map_err(|error| interrupt.failure(error))?;
    output::print_json(source.info())?;
    Ok(Exit::Success)
}

/// Streams in a line: `subtitle 1 (subrip, eng), audio 2 (ac3)`.
fn list(passed_over: &[PassedOver]) -> String {
    let stream = |PassedOver { kind, track, codec, language, .. }: &PassedOver| {
        let language = language.as_ref().map(|language| format!(", {language}")).unwrap_or_default();
        format!("{kind} {track} ({codec}{language})")
    };
    passed_over.iter().map(stream).collect::<Vec<_>>().join(", ")
}

/// What was wrong with the source, one sentence each.
fn complaints(damage: &Damage) -> Vec<String> {
    let Damage {
        damaged_frames,
        first_at,
        truncated_at,
        damaged_audio_packets,
        sound_lost,
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

/// An encoder that is here and is much faster than the one of `plan`.
fn faster_encoder(plan: &Plan) -> Option<EncoderKind> {
    let sizes: Vec<_> = plan.rungs.iter().map(|rung| rung.size).collect();
    let fastest = encode::fastest(&sizes);
    (plan.encoder.kind == EncoderKind::Rav1e && fastest != EncoderKind::Rav1e).then_some(fastest)
}

/// What was made and where it is.
fn summary(directory: &Path, report: &Report) -> String {
    let mut text = String::new();
    let time = progress::clock(report.wall_seconds);
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}: {} frames in {time}, {}", directory.display(), report.frames, report.spread);
    for rendition in &report.renditions {
        let size = DecimalBytes(rendition.bytes).to_string();
        let note = if rendition.upscaled { "  upscaled" } else { "" };
        let kilobits = rendition.video_bitrate / 1e3;
        let _ = writeln!(text, "  {:<16} {size:>10} {kilobits:>8.0} kb/s{note}", rendition.file);
    }
    let _ = writeln!(text, "  {REPORT}");
    if let Some(faster) = faster_encoder(&report.plan) {
        let _ = writeln!(text, "{faster}, which is here too, is several times as fast: use --encoder {faster}");
    }
    text
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
            retimed_frames: 4,
            time_jumps: 5,
            missing_bytes: 6,
        };
        let told = complaints(&damage).join("; ");
        for words in [
            "2 damaged frames, the first at 1.500 s",
            "3 damaged audio",
            "its sound is lost",
            "4 frames with a missing or wrong time",
            "anew 5 times",
            "ends at 9.000 s",
            "cut short by 6 bytes",
        ] {
            assert!(told.contains(words), "{words}: {told}");
        }
    }
}
