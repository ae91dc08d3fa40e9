//! How far a conversion is: bars for people, JSON Lines for machines.
//!
//! The JSON Lines on standard output, each flushed, are a contract described in the README: any number of `progress`
//! lines, then exactly one that is `done` or `failed`.

use crate::args;
use crate::exit::Exit;
use crate::output::{self, Messages};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use upright_engine::pipeline::{Phase, Progress, REPORT, Report};
use upright_engine::{Error, Result};

/// Time between two lines of progress of the same phase.
const INTERVAL: Duration = Duration::from_secs(1);

/// Where progress goes.
#[derive(Debug)]
pub(crate) enum Reporter {
    /// A bar on standard error.
    Bar(ProgressBar),
    /// JSON Lines on standard output.
    Json(Mutex<Lines>),
    /// Nowhere.
    Silent,
}

/// What was written to standard output so far.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// When the last line was written, and of which phase it told.
    last: Option<(Instant, Phase)>,
    /// Writing failed once; the conversion goes on without.
    unread: bool,
}

/// One JSON Line.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Line<'a> {
    Progress(&'a Progress),
    Done { exit: u8, directory: &'a str, files: Vec<&'a str>, frames: u64, seconds: f64 },
    Failed { exit: u8, message: &'a str },
}

impl Reporter {
    /// Resolves what was asked for: `auto` is a bar when standard error is a terminal and nobody wants quiet.
    pub(crate) fn new(choice: args::Progress, quiet: bool, messages: &Messages) -> Self {
        let terminal = io::stderr().is_terminal();
        match choice {
            args::Progress::Json => Self::Json(Mutex::default()),
            args::Progress::Auto if terminal && !quiet => Self::bar(messages),
            args::Progress::Bar if terminal => Self::bar(messages),
            args::Progress::Bar => {
                log::warn!("no progress bar, for standard error is no terminal");
                Self::Silent
            }
            args::Progress::Auto | args::Progress::None => Self::Silent,
        }
    }

    fn bar(messages: &Messages) -> Self {
        let bar = messages.bars.add(ProgressBar::no_length().with_style(spinner()).with_message("opening"));
        // What takes long before the first frame (a slow source, a slow driver) is seen to be alive.
        bar.enable_steady_tick(Duration::from_millis(250));
        Self::Bar(bar)
    }

    /// Shows where the job is.
    pub(crate) fn progress(&self, progress: &Progress) {
        match self {
            Self::Bar(bar) => {
                if let (Some(total), None) = (progress.total, bar.length()) {
                    bar.set_style(bar_style());
                    bar.set_length(total);
                }
                // The total is what the container says; it may say too little.
                bar.set_position(progress.frames.min(progress.total.unwrap_or(u64::MAX)));
                bar.set_message(describe(progress));
            }
            Self::Json(lines) => {
                let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                lines.progress(&mut io::stdout().lock(), progress, Instant::now());
            }
            Self::Silent => {}
        }
    }

    /// Ends the progress of a job that did all it should.
    ///
    /// # Errors
    /// [`Error::Io`] when the result cannot be written to standard output, except when its reader has gone.
    pub(crate) fn done(&self, directory: &Path, report: &Report) -> Result<()> {
        let names = report.renditions.iter().map(|rendition| rendition.file.as_str());
        self.finish(&Line::Done {
            exit: Exit::Success.code(),
            directory: &directory.to_string_lossy(),
            files: names.chain([REPORT]).collect(),
            frames: report.frames,
            seconds: report.wall_seconds,
        })
    }

    /// Ends the progress of a job that failed.
    pub(crate) fn failed(&self, error: &Error, exit: Exit) {
        // The failure itself is what the caller is told; that it could not be told twice changes nothing.
        let _ = self.finish(&Line::Failed { exit: exit.code(), message: &error.to_string() });
    }

    fn finish(&self, line: &Line) -> Result<()> {
        match self {
            Self::Bar(bar) => bar.finish_and_clear(),
            Self::Json(_) => match write_line(&mut io::stdout().lock(), line) {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(output::stdout_failed(error)),
                _ => {}
            },
            Self::Silent => {}
        }
        Ok(())
    }
}

impl Lines {
    /// Writes a line at the beginning of each phase, and after that one a second.
    fn progress(&mut self, out: &mut impl Write, progress: &Progress, now: Instant) {
        let due = self.last.is_none_or(|(then, phase)| phase != progress.phase || now - then >= INTERVAL);
        if self.unread || !due {
            return;
        }
        self.last = Some((now, progress.phase));
        if let Err(error) = write_line(out, &Line::Progress(progress)) {
            self.unread = true;
            log::warn!("progress goes on unseen: {error}");
        }
    }
}

fn write_line(out: &mut impl Write, line: &Line) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    out.write_all(&bytes)?;
    out.flush()
}

fn describe(progress: &Progress) -> String {
    let Progress { fps, speed, .. } = progress;
    match (progress.phase, progress.eta) {
        (Phase::Encode, Some(eta)) => format!("{fps:.1} fps, {speed:.2}x, {} left", clock(eta)),
        (Phase::Encode, None) => format!("{fps:.1} fps, {speed:.2}x"),
        (Phase::Finish, _) => "checking and publishing".to_owned(),
        (Phase::Done, _) => "done".to_owned(),
    }
}

/// Seconds as H:MM:SS or M:SS.
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

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;
    use upright_engine::geometry::Size;
    use upright_engine::pipeline::RungProgress;

    fn text(line: &Line) -> String {
        let mut bytes = Vec::new();
        write_line(&mut bytes, line).unwrap();
        String::from_utf8(bytes).unwrap()
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
    fn lines_come_once_a_second_and_when_the_phase_changes() {
        let (mut lines, mut out, start) = (Lines::default(), Vec::new(), Instant::now());
        let mut count = |millis: u64, phase| {
            let progress = Progress { phase, ..some_progress() };
            lines.progress(&mut out, &progress, start + Duration::from_millis(millis));
            out.iter().filter(|&&byte| byte == b'\n').count()
        };
        assert_eq!(count(0, Phase::Encode), 1);
        assert_eq!(count(999, Phase::Encode), 1);
        assert_eq!(count(1000, Phase::Encode), 2);
        assert_eq!(count(1001, Phase::Finish), 3);
        assert_eq!(count(1002, Phase::Finish), 3);
        assert_eq!(count(1003, Phase::Done), 4);
    }

    #[test]
    fn a_reader_that_left_is_not_written_to_again() {
        struct Gone(usize);
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                self.0 += 1;
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (mut lines, mut out) = (Lines::default(), Gone(0));
        for phase in [Phase::Encode, Phase::Finish, Phase::Done] {
            lines.progress(&mut out, &Progress { phase, ..some_progress() }, Instant::now());
        }
        assert_eq!(out.0, 1);
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
                "{\"event\":\"progress\",\"phase\":\"encode\",\"frames\":33,\"total\":132,\"fps\":3.5,\"speed\":0.14,\
             \"percent\":25.0,\"eta\":28.5,\"rungs\":[{\"size\":{\"width\":360,\"height\":640},\"frames\":34}]}\n",
                "{\"event\":\"done\",\"exit\":0,\"directory\":\"out/film\",\"files\":[\"360x640.mp4\",\"report.json\"],\
             \"frames\":132,\"seconds\":37.7}\n",
                "{\"event\":\"failed\",\"exit\":65,\"message\":\"notes.txt: not a video\"}\n",
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
