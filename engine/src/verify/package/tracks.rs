//! The tracks of a package: which manifests name them, and what is in them.

use super::findings::{Findings, Rule};
use super::place::Place;
use super::text::WrittenCue;
use super::track::{self, TrackFacts};
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
            Some((media, size)) => track::read(media, size, name, findings, control)?,
        };
        self.read.insert(name.to_owned(), facts);
        Ok(())
    }

    pub(super) fn facts(&self, name: &str) -> Option<&TrackFacts> {
        self.read.get(name)?.as_ref()
    }
}
