//! Shows a batch: bars for people, JSON Lines for machines, and a table at the end.

use crate::args::Progress;
use crate::exit::{Exit, Failure};
use crate::output::Messages;
use crate::progress::{self, INTERVAL, LITTLE_PATIENCE, PATIENCE, Writer, clock, line, style};
use indicatif::ProgressBar;
use schemars::JsonSchema;
use serde::Serialize;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Instant;
use upright_engine::Result;
use upright_engine::batch::{Event, Outcome, Snapshot, Step, Summary, TitleSummary};

/// Steps of the bar.
const STEPS: u64 = 10_000;

/// Shows a batch.
pub(super) struct Screen {
    messages: RefCell<Messages>,
    quiet: bool,
    bars: Option<Bars>,
    writer: Option<Writer>,
    told: Cell<Option<Instant>>,
}

struct Bars {
    whole: ProgressBar,
    titles: RefCell<BTreeMap<String, ProgressBar>>,
}

/// A line for machines.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line<'a> {
    Progress { titles: usize, done: usize, failed: usize, percent: f64, eta: Option<f64>, running: Vec<Running<'a>> },
    Begun { title: &'a str },
    Again { title: &'a str, step: &'static str, message: &'a str },
    Title(&'a TitleSummary),
    Paused { free: u64, wanted: u64 },
    GoesOn,
    Done { exit: u8, titles: usize, done: usize, failed: usize, seconds: f64 },
    Failed { exit: u8, message: &'a str },
}

/// A film that is at work.
#[derive(Debug, Serialize, JsonSchema)]
struct Running<'a> {
    title: &'a str,
    percent: f64,
    steps: Vec<String>,
}

impl Screen {
    pub(super) fn new(choice: Progress, quiet: bool, messages: &Messages) -> Self {
        let bars = progress::shows_bar(choice, quiet).then(|| {
            let whole = messages.bars.add(ProgressBar::new(STEPS).with_style(style("{wide_bar} {percent:>3}%  {msg}")));
            Bars { whole, titles: RefCell::default() }
        });
        let writer = (choice == Progress::Json).then(|| Writer::start(io::stdout()));
        let writer = writer.and_then(|writer| writer.map_err(|error| log::warn!("no progress: {error}")).ok());
        Self { messages: RefCell::new(messages.clone()), quiet, bars, writer, told: Cell::new(None) }
    }

    /// Shows an event.
    pub(super) fn show(&self, event: &Event<'_>) {
        match event {
            Event::Begun(title) => self.offer(&Line::Begun { title: &title.name }),
            Event::Again(title, step, message) => {
                log::warn!("{}: {} is tried again: {message}", title.name, described(*step));
                self.offer(&Line::Again { title: &title.name, step: step.name(), message });
            }
            Event::Over(title, summary) => {
                match (summary.outcome, &summary.error) {
                    (Outcome::Failed, error) => {
                        let error = error.as_deref().unwrap_or_default();
                        self.say(&format!("{}: failed: {error}", title.name));
                    }
                    (Outcome::Done, _) => self.say(&format!("{}: done", title.name)),
                    _ => log::info!("{}: is there already", title.name),
                }
                self.offer(&Line::Title(summary));
            }
            Event::Paused(free, wanted) => {
                self.say(&format!(
                    "the disk is full: {} MiB are free, and {} are to be; nothing more is begun until there is room",
                    free >> 20,
                    wanted.div_ceil(1 << 20)
                ));
                self.offer(&Line::Paused { free: *free, wanted: *wanted });
            }
            Event::GoesOn => {
                self.say("there is room again: the batch goes on");
                self.offer(&Line::GoesOn);
            }
            Event::Progress(snapshot) => self.progress(snapshot),
            _ => {}
        }
    }

    fn progress(&self, snapshot: &Snapshot) {
        if let Some(bars) = &self.bars {
            bars.show(snapshot, &self.messages.borrow());
        }
        if self.writer.is_some() && self.told.get().is_none_or(|told| told.elapsed() >= INTERVAL) {
            self.told.set(Some(Instant::now()));
            let running = snapshot.running.iter().map(|(title, part, steps)| Running {
                title,
                percent: percent(*part),
                steps: steps.iter().map(|&step| described(step)).collect(),
            });
            let Snapshot { titles, done, failed, part, eta, .. } = *snapshot;
            let eta = eta.map(|seconds| (seconds * 10.0).round() / 10.0);
            self.offer(&Line::Progress {
                titles,
                done,
                failed,
                percent: percent(part),
                eta,
                running: running.collect(),
            });
        }
    }

    /// Ends with a table of the films.
    ///
    /// # Errors
    /// [`upright_engine::Error::Io`] when the last line cannot be written to standard output, except when its reader has gone.
    pub(super) fn done(&self, summary: &Summary, exit: Exit) -> Result<()> {
        self.clear();
        if !self.quiet {
            // Nobody is left to be told when standard error is gone.
            let _ = self.messages.borrow_mut().write_all(table(summary).as_bytes());
        }
        let [done, was_done, failed] = [Outcome::Done, Outcome::WasDone, Outcome::Failed].map(|it| summary.count(it));
        let titles = summary.titles.len();
        let seconds = summary.wall_seconds;
        let last = Line::Done { exit: exit.code(), titles, done: done + was_done, failed, seconds };
        self.writer.as_ref().map_or(Ok(()), |writer| progress::finish(writer, &last, PATIENCE))
    }

    /// Ends with a failure of the batch itself.
    pub(super) fn failed(&self, Failure { message, exit }: &Failure) {
        self.clear();
        if let Some(writer) = &self.writer {
            // The failure itself is what the caller is told.
            let _ = progress::finish(writer, &Line::Failed { exit: exit.code(), message }, LITTLE_PATIENCE);
        }
    }

    fn clear(&self) {
        if let Some(bars) = &self.bars {
            bars.titles.borrow().values().for_each(ProgressBar::finish_and_clear);
            bars.whole.finish_and_clear();
        }
    }

    fn say(&self, sentence: &str) {
        if !self.quiet {
            // Nobody is left to be told when standard error is gone.
            let _ = writeln!(self.messages.borrow_mut(), "upright: {sentence}");
        }
    }

    fn offer(&self, value: &Line<'_>) {
        if let Some(writer) = &self.writer {
            writer.offer(line(value));
        }
    }
}

impl Bars {
    fn show(&self, snapshot: &Snapshot, messages: &Messages) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a few thousand")]
        let position = (snapshot.part * 10_000.0).round() as u64;
        self.whole.set_position(position.min(STEPS));
        let Snapshot { titles, done, failed, eta, .. } = snapshot;
        let failed = if *failed > 0 { format!(", {failed} failed") } else { String::new() };
        let left = eta.map(|eta| format!(", {} left", clock(eta))).unwrap_or_default();
        self.whole.set_message(format!("{done} of {titles} films{failed}{left}"));
        let mut bars = self.titles.borrow_mut();
        bars.retain(|title, bar| {
            let runs = snapshot.running.iter().any(|(running, ..)| running == title);
            if !runs {
                bar.finish_and_clear();
            }
            runs
        });
        for (title, part, steps) in &snapshot.running {
            let bar = bars.entry(title.clone()).or_insert_with(|| {
                messages.bars.insert_before(&self.whole, ProgressBar::new(STEPS).with_style(style("  {msg}")))
            });
            let steps: Vec<_> = steps.iter().map(|&step| described(step)).collect();
            bar.set_message(format!("{title}  {:.0}%  {}", percent(*part), steps.join(", ")));
        }
    }
}

fn described(step: Step) -> String {
    match step {
        Step::Segment(number) => format!("segment {number}"),
        Step::Plan | Step::Render => step.name().to_owned(),
    }
}

fn percent(part: f64) -> f64 {
    (part * 1000.0).round() / 10.0
}

/// Writes what came of each film, those that failed last, with what to do.
fn table(summary: &Summary) -> String {
    let width = summary.titles.iter().map(|title| title.name.chars().count()).max().unwrap_or(0).min(60);
    let mut text = String::new();
    let mut titles: Vec<_> = summary.titles.iter().collect();
    titles.sort_by_key(|title| title.outcome == Outcome::Failed);
    for title in titles {
        let outcome = match title.outcome {
            Outcome::Done => "done",
            Outcome::WasDone => "was there",
            Outcome::Failed => "FAILED",
            Outcome::Unfinished => "unfinished",
        };
        let frames = title.frames.map(|frames| format!("{frames} frames")).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {:<width$}  {outcome:<10}  {frames:>14}  {:>8}", title.name, clock(title.seconds));
        for warning in &title.warnings {
            let _ = writeln!(text, "    warning: {warning}");
        }
        if let Some(error) = &title.error {
            let exit = title.exit.map(|exit| format!(" [exit {exit}]")).unwrap_or_default();
            let _ = writeln!(text, "    {error}{exit}");
        }
    }
    let [done, was_done, failed] = [Outcome::Done, Outcome::WasDone, Outcome::Failed].map(|it| summary.count(it));
    let _ = writeln!(
        text,
        "{done} converted, {was_done} there already, {failed} failed, in {}{}",
        clock(summary.wall_seconds),
        summary.cores_busy.map(|busy| format!("; cores at work {:.0}% of the time", busy * 100.0)).unwrap_or_default()
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::assert_kept;
    use crate::output::Versioned;

    #[test]
    fn the_committed_schema_is_that_of_the_type() {
        assert_kept::<Versioned<Line>>("batch-progress", "A line of `upright batch --progress json`");
    }

    #[test]
    fn lines_are_what_the_readme_promises() {
        let steps = [3, 4].map(|number| described(Step::Segment(number))).to_vec();
        let running = vec![Running { title: "s1/e2", percent: 25.0, steps }];
        let lines = [
            Line::Progress { titles: 3, done: 1, failed: 0, percent: 41.7, eta: Some(120.5), running },
            Line::Done { exit: 1, titles: 3, done: 2, failed: 1, seconds: 208.9 },
        ];
        let readme = include_str!("../../../README.md");
        for value in &lines {
            let text = String::from_utf8(line(value)).unwrap();
            assert!(readme.contains(text.trim_end()), "the README shows {text}");
        }
    }

    #[test]
    fn the_table_names_what_failed_last_with_its_reason() {
        let title = |name: &str, outcome, error: Option<&str>| TitleSummary {
            name: name.to_owned(),
            input: format!("in/{name}.mkv"),
            outcome,
            exit: error.map(|_| 65),
            error: error.map(str::to_owned),
            warnings: Vec::new(),
            frames: Some(100),
            segments: Some(3),
            encoded: 3,
            retries: 0,
            seconds: 5.0,
        };
        let titles = vec![title("a", Outcome::Failed, Some("not a video")), title("b", Outcome::Done, None)];
        let upright = String::new();
        let summary = Summary { version: 1, upright, ended: true, wall_seconds: 9.0, cores_busy: Some(0.975), titles };
        let text = table(&summary);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].contains("b  done") && lines[1].contains("a  FAILED"), "{text}");
        assert_eq!(lines[2].trim(), "not a video [exit 65]");
        assert_eq!(lines[3], "1 converted, 0 there already, 1 failed, in 0:09; cores at work 98% of the time");
    }
}
