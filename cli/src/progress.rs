//! Progress of a conversion: bars for people, JSON Lines for machines.
//!
//! The JSON Lines on standard output, each flushed, are a contract described in the README: any number of `progress`
//! lines, then exactly one that is `done` or `failed`. A reader that does not read holds nothing up.

mod writer;

use crate::args;
use crate::exit::{Exit, Failure};
use crate::output::{self, Messages, Versioned};
use indicatif::{ProgressBar, ProgressStyle};
use schemars::JsonSchema;
use serde::Serialize;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use upright_engine::pipeline::{Phase, Progress, REPORT, Report, SegmentReport};
use upright_engine::{Error, Result};
pub(crate) use writer::Writer;

/// Version of the lines' form, those of a batch too.
const VERSION: u32 = 1;

/// Time between two lines of progress of the same phase.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);
/// Time that the last line may wait for its reader; less of it when a signal has ended the conversion.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
pub(crate) const LITTLE_PATIENCE: Duration = Duration::from_millis(500);

/// Shows progress in one of several ways.
#[derive(Debug)]
pub(crate) enum Reporter {
    /// A bar on standard error.
    Bar(ProgressBar),
    /// JSON Lines on standard output.
    Json(Mutex<Pace>, Writer),
    /// Nowhere.
    Silent,
}

/// Time at which the last line of progress was due, and the phase of which it told.
#[derive(Debug, Default)]
pub(crate) struct Pace(Option<(Instant, Phase)>);

/// One JSON Line.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Line<'a> {
    Progress(&'a Progress),
    Done {
        exit: u8,
        directory: &'a str,
        files: Vec<&'a str>,
        frames: u64,
        seconds: f64,
    },
    #[serde(rename = "done")]
    Planned {
        exit: u8,
        plan: Option<&'a str>,
        shots: usize,
        seconds: f64,
    },
    #[serde(rename = "done")]
    Previewed {
        exit: u8,
        file: &'a str,
        frames: u64,
        seconds: f64,
    },
    #[serde(rename = "done")]
    SegmentDone {
        exit: u8,
        segment: usize,
        frames: Option<u64>,
        seconds: f64,
    },
    #[serde(rename = "done")]
    PartDone {
        exit: u8,
        segments: Vec<usize>,
        stored: usize,
        frames: u64,
        seconds: f64,
    },
    Failed {
        exit: u8,
        message: &'a str,
    },
}

impl Reporter {
    /// Resolves what was asked for: `auto` is a bar when standard error is a terminal and nobody wants quiet.
    pub(crate) fn new(choice: args::Progress, quiet: bool, messages: &Messages) -> Self {
        match choice {
            args::Progress::Json => match Writer::start(io::stdout()) {
                Ok(writer) => Self::Json(Mutex::default(), writer),
                Err(error) => {
                    log::warn!("no progress: {error}");
                    Self::Silent
                }
            },
            _ if shows_bar(choice, quiet) => Self::bar(messages),
            _ => Self::Silent,
        }
    }

    fn bar(messages: &Messages) -> Self {
        let bar = messages.bars.add(ProgressBar::no_length().with_style(spinner()).with_message("opening"));
        // What takes long before the first frame (a slow source, a slow driver) is seen to be alive.
        bar.enable_steady_tick(Duration::from_millis(250));
        Self::Bar(bar)
    }

    /// Tells of a failure before there was a job.
    pub(crate) fn failed_early(choice: args::Progress, quiet: bool, messages: &Messages, error: Error) -> Failure {
        let failure = Failure::from(error);
        Self::new(choice, quiet, messages).failed(&failure);
        failure
    }

    /// Shows how far the conversion is.
    pub(crate) fn progress(&self, progress: &Progress) {
        match self {
            Self::Bar(bar) => {
                if let Some(total) = progress.total.filter(|&total| bar.length() != Some(total)) {
                    bar.set_style(bar_style());
                    bar.set_length(total);
                }
                // The total is what the container says; it may say too little.
                bar.set_position(progress.frames.min(progress.total.unwrap_or(u64::MAX)));
                bar.set_message(describe(progress));
            }
            Self::Json(pace, writer) => {
                if pace.lock().unwrap_or_else(PoisonError::into_inner).due(progress.phase, Instant::now()) {
                    writer.offer(line(&Line::Progress(progress)));
                }
            }
            Self::Silent => {}
        }
    }

    /// Ends the progress of a conversion that did all it should.
    ///
    /// # Errors
    /// [`upright_engine::Error::Io`] when the result cannot be written to standard output, except when its reader has gone.
    pub(crate) fn done(&self, directory: &str, report: &Report) -> Result<()> {
        let names = report.files();
        let done = Line::Done {
            exit: Exit::Success.code(),
            directory,
            files: names.chain([REPORT]).collect(),
            frames: report.frames,
            seconds: report.wall_seconds,
        };
        self.finish(&done, PATIENCE)
    }

    /// Ends the progress of a segment that was encoded, or was there already.
    ///
    /// # Errors
    /// As [`Reporter::done`].
    pub(crate) fn segment_done(&self, report: &SegmentReport) -> Result<()> {
        let SegmentReport { number: segment, frames, wall_seconds: seconds, .. } = *report;
        self.finish(&Line::SegmentDone { exit: Exit::Success.code(), segment, frames, seconds }, PATIENCE)
    }

    /// Ends the progress of a part of a plan's segments.
    ///
    /// # Errors
    /// As [`Reporter::done`].
    pub(crate) fn part_done(&self, reports: &[SegmentReport]) -> Result<()> {
        let done = Line::PartDone {
            exit: Exit::Success.code(),
            segments: reports.iter().map(|report| report.number).collect(),
            stored: reports.iter().filter(|report| report.was_stored).count(),
            frames: reports.iter().filter_map(|report| report.frames).sum(),
            seconds: reports.iter().fold(0.0, |sum, report| sum + report.wall_seconds),
        };
        self.finish(&done, PATIENCE)
    }

    /// Ends the progress of a preview.
    ///
    /// # Errors
    /// As [`Reporter::done`].
    pub(crate) fn previewed(&self, file: &Path, frames: u64, elapsed: Duration) -> Result<()> {
        let (file, seconds) = (&*file.to_string_lossy(), elapsed.as_secs_f64());
        self.finish(&Line::Previewed { exit: Exit::Success.code(), file, frames, seconds }, PATIENCE)
    }

    /// Ends the progress of a plan that was made.
    ///
    /// # Errors
    /// As [`Reporter::done`].
    pub(crate) fn planned(&self, plan: Option<&str>, shots: usize, elapsed: Duration) -> Result<()> {
        let seconds = elapsed.as_secs_f64();
        self.finish(&Line::Planned { exit: Exit::Success.code(), plan, shots, seconds }, PATIENCE)
    }

    /// Ends the progress of a job that failed.
    pub(crate) fn failed(&self, Failure { message, exit }: &Failure) {
        let stopped = matches!(exit, Exit::Interrupted | Exit::Terminated);
        let patience = if stopped { LITTLE_PATIENCE } else { PATIENCE };
        // The failure itself is what the caller is told; that it could not be told twice changes nothing.
        let _ = self.finish(&Line::Failed { exit: exit.code(), message }, patience);
    }

    fn finish(&self, last: &Line, patience: Duration) -> Result<()> {
        match self {
            Self::Bar(bar) => bar.finish_and_clear(),
            Self::Json(_, writer) => return finish(writer, last, patience),
            Self::Silent => {}
        }
        Ok(())
    }
}

impl Pace {
    /// Decides if a line is due: one at the beginning of each phase, and after that one a second.
    fn due(&mut self, phase: Phase, now: Instant) -> bool {
        let due = self.0.is_none_or(|(then, before)| before != phase || now - then >= INTERVAL);
        if due {
            self.0 = Some((now, phase));
        }
        due
    }
}

/// Tells whether a bar is shown, and says so where one was asked for and none can be.
pub(crate) fn shows_bar(choice: args::Progress, quiet: bool) -> bool {
    let terminal = io::stderr().is_terminal();
    match choice {
        args::Progress::Auto => terminal && !quiet,
        args::Progress::Bar => {
            if !terminal {
                log::warn!("no progress bar, for standard error is no terminal");
            }
            terminal
        }
        args::Progress::Json | args::Progress::None => false,
    }
}

/// Writes the last line, for which its reader has so long.
///
/// # Errors
/// [`upright_engine::Error::Io`] when it cannot be written, except when its reader has gone.
pub(crate) fn finish(writer: &Writer, last: &impl Serialize, patience: Duration) -> Result<()> {
    match writer.finish(line(last), patience) {
        Some(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => return Err(output::stdout_failed(error)),
        Some(_) => {}
        None => log::warn!("nobody reads standard output: the last line of progress is lost"),
    }
    Ok(())
}

/// Writes a value as a line of JSON, with the version of its form.
pub(crate) fn line(line: &impl Serialize) -> Vec<u8> {
    // It has no map and no float that JSON could not hold.
    let mut bytes = serde_json::to_vec(&Versioned { version: VERSION, content: line }).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn describe(progress: &Progress) -> String {
    let Progress { fps, speed, .. } = progress;
    match (progress.phase, progress.eta) {
        (Phase::Encode, Some(eta)) => format!("{fps:.1} fps, {speed:.2}x, {} left", clock(eta)),
        (Phase::Encode, None) => format!("{fps:.1} fps, {speed:.2}x"),
        (Phase::Analyse, Some(eta)) => format!("looking at the input, {speed:.1}x, {} left", clock(eta)),
        (Phase::Analyse, None) => format!("looking at the input, {speed:.1}x"),
        (Phase::Scan, _) => format!("reading the input, {speed:.0}x"),
        (Phase::Noise, _) => "measuring its noise".to_owned(),
        (Phase::Quality, _) => "trying qualities".to_owned(),
        (Phase::Finish, _) => "checking and publishing".to_owned(),
        (Phase::Done, _) => "done".to_owned(),
    }
}

/// Writes seconds as H:MM:SS or M:SS.
pub(crate) fn clock(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates; nobody waits longer")]
    let seconds = seconds.round() as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

fn bar_style() -> ProgressStyle {
    style("{wide_bar} {percent:>3}%  {pos}/{len} frames  {msg}")
}

fn spinner() -> ProgressStyle {
    style("{spinner} {pos} frames  {msg}")
}

/// Makes the style of a bar.
pub(crate) fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::assert_kept;
    use upright_engine::geometry::Size;
    use upright_engine::pipeline::RungProgress;

    fn text(value: &Line) -> String {
        String::from_utf8(line(value)).unwrap()
    }

    fn some_progress() -> Progress {
        Progress {
            phase: Phase::Encode,
            frames: 33,
            total: Some(132),
            fps: 3.5,
            speed: 0.14,
            percent: Some(25.0),
            eta: Some(28.5),
            rungs: vec![RungProgress { size: Size { width: 360, height: 640 }, frames: 34 }],
        }
    }

    #[test]
    fn the_committed_schema_is_that_of_the_type() {
        assert_kept::<Versioned<Line>>("progress", "A line of `--progress json`, of every command but batch");
    }

    #[test]
    fn lines_come_once_a_second_and_when_the_phase_changes() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let mut due = |millis: u64, phase| pace.due(phase, start + Duration::from_millis(millis));
        assert!(due(0, Phase::Encode));
        assert!(!due(999, Phase::Encode));
        assert!(due(1000, Phase::Encode));
        assert!(due(1001, Phase::Finish));
        assert!(!due(1002, Phase::Finish));
        assert!(due(1003, Phase::Done));
    }

    #[test]
    fn lines_are_what_the_readme_promises() {
        let progress = some_progress();
        let lines = [
            text(&Line::Progress(&progress)),
            text(&Line::Done {
                exit: 0,
                directory: "out/film",
                files: vec!["360x640.mp4", REPORT],
                frames: 132,
                seconds: 37.7,
            }),
            text(&Line::Failed { exit: 65, message: "notes.txt: not a video" }),
        ];
        assert_eq!(
            lines,
            [
                "{\"version\":1,\"event\":\"progress\",\"phase\":\"encode\",\"frames\":33,\"total\":132,\"fps\":3.5,\"speed\":0.14,\
             \"percent\":25.0,\"eta\":28.5,\"rungs\":[{\"size\":{\"width\":360,\"height\":640},\"frames\":34}]}\n",
                "{\"version\":1,\"event\":\"done\",\"exit\":0,\"directory\":\"out/film\",\"files\":[\"360x640.mp4\",\"report.json\"],\
             \"frames\":132,\"seconds\":37.7}\n",
                "{\"version\":1,\"event\":\"failed\",\"exit\":65,\"message\":\"notes.txt: not a video\"}\n",
            ]
        );
        let readme = include_str!("../../README.md");
        for line in lines {
            assert!(readme.contains(line.trim_end()), "the README shows {line}");
        }
    }

    #[test]
    fn clocks_show_hours_only_where_there_are_any() {
        for (seconds, text) in [(0.4, "0:00"), (59.6, "1:00"), (61.0, "1:01"), (3600.0, "1:00:00"), (-3.0, "0:00")] {
            assert_eq!(clock(seconds), text);
        }
    }

    #[test]
    fn templates_are_understood() {
        for template in ["{wide_bar} {percent:>3}%  {pos}/{len} frames  {msg}", "{spinner} {pos} frames  {msg}"] {
            assert!(ProgressStyle::with_template(template).is_ok());
        }
    }
}
