//! Films that come while the batch is at work.

use super::manifest::{self, Film};
use crate::args::BatchArguments;
use crate::named_options::Options;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};
use upright_engine::batch::{Title, named};

/// Time between two looks into the folders.
const LOOK: Duration = Duration::from_secs(1);

/// Watches folders.
#[derive(Debug)]
pub(super) struct Watch {
    inputs: Vec<PathBuf>,
    output: PathBuf,
    common: Options,
    settle: Duration,
    /// Those that were taken, in their order.
    taken: Vec<Film>,
    /// Files that are not taken yet: their size and time, and since when these are the same.
    growing: BTreeMap<PathBuf, (u64, Option<SystemTime>, Instant)>,
    /// Those that cannot be taken, of which was told.
    refused: BTreeSet<PathBuf>,
    looked: Option<Instant>,
}

impl Watch {
    pub(super) fn new(arguments: &BatchArguments, common: Options, taken: Vec<Film>) -> Self {
        let settle = Duration::try_from_secs_f64(arguments.settle.as_f64()).unwrap_or(Duration::MAX);
        let (inputs, output) = (arguments.inputs.clone(), arguments.output.clone());
        let (growing, refused) = (BTreeMap::new(), BTreeSet::new());
        Self { inputs, output, common, settle, taken, growing, refused, looked: None }
    }

    /// Gives the films that have come, and have not changed for a while.
    pub(super) fn come(&mut self) -> Vec<Title> {
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK) {
            return Vec::new();
        }
        self.looked = Some(Instant::now());
        let folders: Vec<PathBuf> = self.inputs.iter().filter(|input| input.is_dir()).cloned().collect();
        let there = manifest::films(&folders, &self.output, &self.common, false).unwrap_or_else(|error| {
            log::warn!("{error}");
            Vec::new()
        });
        // One that has gone may come again.
        let names: BTreeSet<&Path> = there.iter().map(|(input, ..)| input.as_path()).collect();
        self.taken.retain(|(input, ..)| names.contains(input.as_path()));
        self.growing.retain(|input, _| names.contains(input.as_path()));
        let known: BTreeSet<PathBuf> = self.taken.iter().map(|(input, ..)| input.clone()).collect();
        let settled = there.into_iter().filter(|(input, ..)| !known.contains(input) && self.is_settled(input));
        let settled: Vec<Film> = settled.collect::<Vec<_>>();
        settled.into_iter().filter_map(|film| self.take(film)).collect()
    }

    fn is_settled(&mut self, input: &Path) -> bool {
        let Ok(there) = fs::metadata(input) else { return false };
        let (size, time, now) = (there.len(), there.modified().ok(), Instant::now());
        let seen = self.growing.entry(input.to_path_buf()).or_insert((size, time, now));
        if (seen.0, seen.1) != (size, time) {
            *seen = (size, time, now);
        }
        size > 0 && seen.2.elapsed() >= self.settle
    }

    fn take(&mut self, film: Film) -> Option<Title> {
        self.growing.remove(&film.0);
        self.taken.push(film);
        match named(self.taken.clone()) {
            Ok(mut titles) => titles.pop(),
            Err(error) => {
                let (input, ..) = self.taken.pop()?;
                if self.refused.insert(input) {
                    log::warn!("{error}");
                }
                None
            }
        }
    }
}
