//! `upright status`: how far a batch is, by its files alone.

use crate::args::StatusArguments;
use crate::exit::{Exit, Failure};
use crate::output;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use upright_engine::Error;
use upright_engine::batch::{JournalFile, Record, STATE, is_running};

/// Version of the JSON form.
const VERSION: u32 = 1;

/// State of a batch, read from its journal.
#[derive(Debug, Default, Serialize, JsonSchema)]
struct Status {
    /// True while somebody is at work.
    running: bool,
    /// True once it has come to its end; one that was stopped before goes on with the same command.
    ended: bool,
    /// Seconds since 1970 at which it began, or went on.
    begun: Option<u64>,
    /// The films, in their order.
    titles: Vec<TitleStatus>,
}

/// State of a film.
#[derive(Debug, Default, Serialize, JsonSchema)]
struct TitleStatus {
    /// Its name: the folder of its renditions in the output folder.
    name: String,
    /// `waiting`, `at work`, `done` or `failed`.
    state: &'static str,
    /// Segments, once it has a plan.
    segments: Option<usize>,
    /// Those of them that are in the store.
    encoded: usize,
    /// Steps that are at work, or were when the batch was killed.
    at_work: Vec<String>,
    /// What its last failure said.
    error: Option<String>,
}

/// Prints how far a batch is.
///
/// # Errors
/// [`Error::SourceMissing`] where no batch was; [`Error::Io`].
pub(crate) fn status(arguments: &StatusArguments) -> Result<Exit, Failure> {
    let folder = arguments.output.join(STATE);
    let journal = JournalFile::read(&folder)?;
    if journal.records.is_empty() {
        return Err(Error::SourceMissing { path: folder.join("journal") }.into());
    }
    let mut status = Status::of(&journal.records);
    status.running = is_running(&folder);
    if arguments.json {
        output::print_json(VERSION, &status)?;
    } else {
        output::print(&status.table())?;
    }
    Ok(Exit::Success)
}

impl Status {
    fn of(records: &[Record]) -> Self {
        let mut status = Self::default();
        let mut of: BTreeMap<String, (TitleStatus, BTreeSet<usize>)> = BTreeMap::new();
        let mut names = Vec::new();
        for record in records {
            let title = match record {
                Record::Begun { time, titles, .. } => {
                    (status.begun, status.ended) = (Some(*time), false);
                    names = titles.clone();
                    for (title, _) in of.values_mut() {
                        // What ran then was ended with it.
                        title.at_work.clear();
                    }
                    continue;
                }
                Record::Ended { .. } => {
                    status.ended = true;
                    continue;
                }
                Record::Started { title, .. }
                | Record::Planned { title, .. }
                | Record::Encoded { title, .. }
                | Record::Published { title, .. }
                | Record::Failed { title, .. } => title,
            };
            if !names.contains(title) {
                names.push(title.clone());
            }
            let (title, segments) = of.entry(title.clone()).or_default();
            title.take(record, segments);
        }
        status.titles = names
            .into_iter()
            .map(|name| {
                let (title, _) = of.remove(&name).unwrap_or_default();
                let state = if title.state.is_empty() { "waiting" } else { title.state };
                TitleStatus { name, state, ..title }
            })
            .collect();
        status
    }

    fn table(&self) -> String {
        let width = self.titles.iter().map(|title| title.name.chars().count()).max().unwrap_or(0).min(60);
        let mut text = String::new();
        for title in &self.titles {
            let segments = match title.segments {
                Some(all) if title.state == "done" => format!("{all} segments"),
                Some(all) => format!("{} of {all} segments", title.encoded),
                None => String::new(),
            };
            let at_work =
                if title.at_work.is_empty() { String::new() } else { format!("  {}", title.at_work.join(", ")) };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {:<width$}  {:<9}  {segments}{at_work}", title.name, title.state);
            if let Some(error) = &title.error {
                let _ = writeln!(text, "    {error}");
            }
        }
        let count = |state: &str| self.titles.iter().filter(|title| title.state == state).count();
        let state = match (self.running, self.ended) {
            (true, _) => "at work",
            (false, true) => "ended",
            (false, false) => "stopped before its end: the same command goes on",
        };
        let _ = writeln!(
            text,
            "{state}; {} of {} films done, {} failed",
            count("done"),
            self.titles.len(),
            count("failed")
        );
        text
    }
}

impl TitleStatus {
    fn take(&mut self, record: &Record, encoded: &mut BTreeSet<usize>) {
        let step = |step: &str, segment: Option<usize>| match segment {
            Some(number) => format!("{step} {number}"),
            None => step.to_owned(),
        };
        match record {
            Record::Started { step: name, segment, .. } => {
                (self.state, self.error) = ("at work", None);
                self.at_work.push(step(name, *segment));
            }
            Record::Planned { segments, .. } => {
                self.segments = Some(*segments);
                encoded.clear();
                self.at_work.retain(|at_work| at_work != "plan");
            }
            Record::Encoded { segment, .. } => {
                encoded.insert(*segment);
                self.at_work.retain(|at_work| *at_work != step("segment", Some(*segment)));
            }
            Record::Published { .. } => {
                self.state = "done";
                self.at_work.clear();
            }
            Record::Failed { step: name, message, again, .. } => {
                self.at_work.retain(|at_work| !at_work.starts_with(name.as_str()));
                if !again {
                    self.state = "failed";
                    self.at_work.clear();
                }
                self.error = Some(message.clone());
            }
            Record::Begun { .. } | Record::Ended { .. } => {}
        }
        self.encoded = encoded.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::assert_kept;
    use crate::output::Versioned;

    #[test]
    fn the_committed_schema_is_that_of_the_type() {
        assert_kept::<Versioned<Status>>("status", "What `upright status --json` prints");
    }
}
