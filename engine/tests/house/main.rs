//! The house's own rules, read off the sources as text: no import circles, and doc comments that say what a function does.

#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod graph;
mod imports;
mod modules;
mod tokens;
mod words;

use std::path::{Path, PathBuf};

/// The folder of the whole project.
fn house() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The folder of a file as it stands in a list: `engine/src/scale`.
fn folder(file: &str) -> String {
    Path::new(file).parent().unwrap().to_str().unwrap().to_owned()
}
