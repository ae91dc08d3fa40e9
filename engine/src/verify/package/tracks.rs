//! The tracks of a package: which manifests name them, and what is in them.

use super::findings::{Findings, Rule};
use super::place::{Media, Place};
use super::text::WrittenCue;
use super::track::{self, Opened, TrackFacts};
use crate::control::Control;
use crate::error::Result;
use std::collections::{BTreeMap, BTreeSet};

/// What a manifest names.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// Track files of the picture, and of the sound.
    pub(super) video: BTreeSet<String>,
    pub(super) sound: BTreeSet<String>,
    /// Tracks of text, each by its cues, in an order that is the same whoever names them.
    pub(super) text: Vec<BTreeSet<WrittenCue>>,
}

/// Track files that were read, by their names.
pub(super) struct Tracks {
    pub(super) place: Place,
    read: BTreeMap<String, Option<TrackFacts>>,
}

impl Tracks {
    pub(super) fn new(place: &Place) -> Self {
        Self { place: place.clone(), read: BTreeMap::new() }
    }

    /// All that were named, in the order of their names, and what is in those that could be read.
    pub(super) fn all(&self) -> impl Iterator<Item = (&String, &Option<TrackFacts>)> {
        self.read.iter()
    }

    pub(super) fn into_all(self) -> impl Iterator<Item = (String, Option<TrackFacts>)> {
        self.read.into_iter()
    }

    /// Reads a track file that `by` names, unless it was read already.
    pub(super) fn read(&mut self, name: &str, by: &str, findings: &mut Findings, control: &Control) -> Result<()> {
        if self.read.contains_key(name) {
            return Ok(());
        }
        let facts = match self.place.open(name, control)? {
            None => {
                findings.add(Rule::FileMissing, name, format!("is named by {by} and not there"));
                None
            }
            Some((media, size)) => {
                let whole = Opened { media, parts: Vec::new(), size };
                track::read(whole, name, findings, control)?
            }
        };
        self.read.insert(name.to_owned(), facts);
        Ok(())
    }

    /// Reads a track whose header and segments are files, all of which `by` names, unless it was read already; it is called by the
    /// name of its header.
    pub(super) fn read_files(
        &mut self,
        (header, segments): (&str, Vec<String>),
        by: &str,
        findings: &mut Findings,
        control: &Control,
    ) -> Result<()> {
        if let Some(read) = self.read.get(header) {
            let same = read.as_ref().is_none_or(|it| it.parts.iter().skip(1).map(|(name, _)| name).eq(&segments));
            findings.rule(same, Rule::SameTracks, by, || format!("it names other segments of {header} than others do"));
            return Ok(());
        }
        let (mut parts, mut at, mut all_there) = (Vec::new(), 0, true);
        for name in std::iter::once(header.to_owned()).chain(segments) {
            match self.place.open(&name, control)? {
                Some((_, size)) => {
                    parts.push((name, at..at + size));
                    at += size;
                }
                None => {
                    findings.add(Rule::FileMissing, &name, format!("is named by {by} and not there"));
                    all_there = false;
                }
            }
        }
        let facts = if all_there {
            let media = Media::of_parts(&self.place, parts.clone(), control);
            track::read(Opened { media, parts, size: at }, header, findings, control)?
        } else {
            None
        };
        self.read.insert(header.to_owned(), facts);
        Ok(())
    }

    pub(super) fn facts(&self, name: &str) -> Option<&TrackFacts> {
        self.read.get(name)?.as_ref()
    }
}
