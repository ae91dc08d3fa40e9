//! Conventions of this project, read off its sources as text: no import circles, and doc comments that say what a
//! function does.

#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod graph;
mod imports;
mod modules;
mod tokens;
mod words;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The folder of the whole project.
fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The folders `src` of all crates of the workspace.
fn sources() -> Vec<PathBuf> {
    let manifest = std::fs::read_to_string(project().join("Cargo.toml")).unwrap();
    let members = manifest.lines().find_map(|line| line.strip_prefix("members = [")).unwrap();
    let sources: Vec<_> = members.split('"').skip(1).step_by(2).map(|name| project().join(name).join("src")).collect();
    assert!(sources.len() > 3 && sources.iter().all(|source| source.is_dir()), "{sources:?}");
    sources
}

/// The folder of a file as it stands in a list: `engine/src/scale`.
fn folder(file: &str) -> String {
    Path::new(file).parent().unwrap().to_str().unwrap().to_owned()
}

/// Checks that the folders with faults are those that are known to have some, so that the list only ever shrinks.
fn assert_known(faulty: &BTreeSet<String>, known: &[&str], faults: &[String]) {
    let known: BTreeSet<_> = known.iter().map(|&folder| folder.to_owned()).collect();
    let new: Vec<_> = faulty.difference(&known).collect();
    assert!(new.is_empty(), "{}\n{} faults; in folders that had none: {new:?}", faults.join("\n"), faults.len());
    let mended: Vec<_> = known.difference(faulty).collect();
    assert!(mended.is_empty(), "no faults are left in these folders, take them out of KNOWN: {mended:?}");
}
