//! The first sentence of a function's documentation says what it does, with a verb: "Opens a file", not "What is opened".

use crate::{assert_known, folder, project, sources};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const BEGINNINGS: [&str; 3] = ["What ", "Whether ", "How "];

/// Folders that still have such functions. It must name every such folder and no other, so that it only ever shrinks.
const KNOWN: &[&str] = &[];

#[test]
fn documentation_of_functions_begins_with_a_verb() {
    let mut found = Vec::new();
    for file in sources().iter().flat_map(|folder| rust_files(folder)) {
        let name = file.strip_prefix(project()).unwrap().to_str().unwrap().to_owned();
        let source = fs::read_to_string(&file).unwrap();
        found.extend(wanting(&source).into_iter().map(|(line, words)| (name.clone(), line, words.to_owned())));
    }
    let folders: BTreeSet<_> = found.iter().map(|(name, ..)| folder(name)).collect();
    let printed: Vec<_> = found.iter().map(|(name, line, words)| format!("{name}:{line}: {words}")).collect();
    assert_known(&folders, KNOWN, &printed);
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The functions whose documentation begins with one of [`BEGINNINGS`]: the line, and what stands in it.
fn wanting(source: &str) -> Vec<(usize, &str)> {
    let lines: Vec<_> = source.lines().map(str::trim).collect();
    let is_doc = |line: &str| line.starts_with("///");
    let begins = |index: &usize| is_doc(lines[*index]) && (*index == 0 || !is_doc(lines[*index - 1]));
    let text = |index: usize| lines[index].trim_start_matches('/').trim_start();
    (0..lines.len())
        .filter(begins)
        .filter(|&index| BEGINNINGS.iter().any(|beginning| text(index).starts_with(beginning)))
        .filter(|&index| {
            let mut item = lines[index..].iter().skip_while(|line| is_doc(line));
            item.by_ref()
                .find(|line| !line.starts_with("#[") && !line.starts_with("//"))
                .is_some_and(|line| is_function(line))
        })
        .map(|index| (index + 1, text(index)))
        .collect()
}

fn is_function(line: &str) -> bool {
    let qualifiers = ["const", "unsafe", "async", "extern"];
    let mut words = line.split_whitespace().skip_while(|word| {
        word.starts_with("pub")
            || word.ends_with(')') && !word.contains('(')
            || qualifiers.contains(word)
            || word.starts_with('"')
    });
    words.next() == Some("fn")
}

#[test]
fn such_functions_are_found() {
    let source = "/// Whether it is.
        /// More.
        #[must_use]
        pub(crate) const fn is() {}

        /// What is kept.
        struct Kept {
            /// How many.
            count: u32,
        }

        impl Kept {
            /// Counts, and says what was counted.
            /// What else?
            fn count() {}
            /// How it is kept.
            unsafe extern \"C\" fn how() {}
        }";
    assert_eq!(wanting(source), [(1, "Whether it is."), (16, "How it is kept.")]);
}
