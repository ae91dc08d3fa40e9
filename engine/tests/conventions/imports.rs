//! No file imports from a file that imports from it, be it by way of others.
//!
//! What counts is the file that defines a name, not the one through which it is re-exported: a `mod.rs` that only
//! declares its children and re-exports their items is in nobody's way.

use crate::graph::{Circle, circles};
use crate::modules::Crate;
use crate::{assert_known, folder, project, sources};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that still have files in circles. It must name every such folder and no other, so that it only ever shrinks.
const KNOWN: &[&str] = &[];

fn find(base: &Path, root: &Path) -> Vec<Circle> {
    circles(&Crate::read(root).uses(), base)
}

/// The files with which libraries and programs begin.
fn roots() -> Vec<PathBuf> {
    let of_crate = |source: PathBuf| {
        let programs = source.join("bin").read_dir().into_iter().flatten().map(|entry| entry.unwrap().path());
        let mut roots: Vec<_> = programs.chain(["lib.rs", "main.rs"].map(|name| source.join(name))).collect();
        roots.retain(|path| path.is_file());
        roots
    };
    sources().into_iter().flat_map(of_crate).collect()
}

#[test]
fn no_file_imports_from_one_that_imports_from_it() {
    let found: Vec<_> = roots().iter().flat_map(|root| find(&project(), root)).collect();
    let folders: BTreeSet<_> = found.iter().flat_map(|circle| &circle.files).map(|file| folder(file)).collect();
    let printed: Vec<_> = found.iter().map(Circle::print).collect();
    assert_known(&folders, KNOWN, &printed);
}

/// Writes files into a folder and prints their circles.
fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, source) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, source).unwrap();
    }
    find(folder.path(), &folder.path().join("lib.rs")).iter().map(Circle::print).collect()
}

#[test]
fn circles_are_found() {
    let printed = circles_of(&[
        ("lib.rs", "mod a;\nmod b;\nmod c;\npub use a::A;\n"),
        ("a.rs", "use crate::b::{self, Other as O};\n\npub struct A(O, b::B);\n"),
        ("b.rs", "pub struct Other;\npub struct B;\nfn b() -> crate::c::C { todo!() }\n"),
        // By way of a re-export.
        ("c.rs", "pub struct C;\nuse crate::{\n    b::B,\n    A,\n};\n"),
    ]);
    let expected = [
        "b.rs -> c.rs -> b.rs\n    b.rs:3: crate::c::C\n    c.rs:3: crate::b::B",
        "a.rs -> b.rs -> c.rs -> a.rs\n    a.rs:1: crate::b::Other\n    b.rs:3: crate::c::C\n    c.rs:4: crate::A",
    ];
    assert_eq!(printed, expected);
}

#[test]
fn parents_and_children_can_make_one() {
    let child = ("scale/cpu.rs", "use super::Spec;\npub struct Cpu(Spec);\n");
    let printed = circles_of(&[
        ("lib.rs", "mod scale;"),
        ("scale/mod.rs", "mod cpu;\npub use cpu::Cpu;\npub struct Spec;\n"),
        child,
    ]);
    assert_eq!(
        printed,
        ["scale/cpu.rs -> scale/mod.rs -> scale/cpu.rs\n    scale/cpu.rs:1: super::Spec\n    scale/mod.rs:2: cpu::Cpu"]
    );

    let re_exporting = "mod cpu;\nmod spec;\npub use cpu::Cpu;\npub use spec::*;\n";
    let apart =
        [("lib.rs", "mod scale;"), ("scale/mod.rs", re_exporting), ("scale/spec.rs", "pub struct Spec;\n"), child];
    assert_eq!(circles_of(&apart), [""; 0]);
}

#[test]
fn imports_through_a_parent_and_inside_functions_count() {
    let printed = circles_of(&[
        (
            "lib.rs",
            "mod a { mod inner { fn f() { use super::super::b; b::g(); } } pub fn h() {} }\n#[path = \"c.rs\"]\nmod b;\n",
        ),
        ("c.rs", "#[derive(Debug)]\npub(crate) fn g() { crate::a::h(); }\n"),
    ]);
    assert_eq!(printed, ["c.rs -> lib.rs -> c.rs\n    c.rs:2: crate::a::h\n    lib.rs:1: b::g"]);
    let by_attribute = circles_of(&[
        ("lib.rs", "mod a;\nmod b;\n"),
        ("a.rs", "struct A { #[serde(with = \"crate::b::as_text\")] field: u8 }\n"),
        ("b.rs", "pub fn as_text(_: crate::a::A) {}\n"),
    ]);
    assert_eq!(by_attribute.len(), 1);
}

#[test]
fn tests_comments_and_strings_make_none() {
    let a = "pub struct A;
        /// As [`crate::b::B`].
        // use crate::b::B;
        /* crate::b::B */
        const TEXT: &str = \"crate::b::B\";
        #[cfg(test)]
        use crate::b::{B, B as C};
        #[cfg(test)]
        mod tests { use crate::b::B; }
        impl A { #[cfg(test)] #[must_use] pub(crate) const fn f<T, U>() -> crate::b::B { crate::b::B } }
        #[cfg(test)]
        pub(crate) use crate::b::{B as E, B as F};
        struct D { #[cfg(test)] pub(crate) field: crate::b::B, other: u8 }
        fn log() { log::info(\"\"); }";
    let files = [
        ("lib.rs", "mod a;\nmod b;\nmod log;"),
        ("a.rs", a),
        ("b.rs", "pub struct B(crate::a::A);"),
        ("log.rs", "use crate::a::A;"),
    ];
    assert_eq!(circles_of(&files), [""; 0]);
}
