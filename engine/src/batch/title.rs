//! The films of a batch, and what they are called.

use crate::error::{Error, Result};
use crate::remote::shown;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Extensions by which films are found in folders, in lower case. A film that is named itself may have any.
const EXTENSIONS: [&str; 38] = [
    "264", "265", "3gp", "asf", "av1", "avi", "dv", "divx", "f4v", "flv", "gxf", "h264", "h265", "hevc", "ivf", "m1v",
    "m2t", "m2ts", "m2v", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "mxf", "nut", "obu", "ogm", "ogv", "rm",
    "rmvb", "ts", "vob", "webm", "wmv", "y4m",
];
/// Folders in one another that are looked into.
const DEEPEST: usize = 64;
/// The folder in the output folder that a batch keeps its own files in.
pub const STATE: &str = ".upright";
/// The option of a film that names the file of its keys: of `upright render`, whose package they encrypt.
pub const ENCRYPT: &str = "encrypt";
/// The document in the output folder of what came of a batch.
pub(super) const SUMMARY: &str = "summary.json";
/// Characters that some system forbids in names.
pub const RESERVED: &str = r#"<>:"/\|?*"#;

/// A film of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title {
    /// The folder of its renditions in the output folder, and what it is called: names with `/` between them.
    pub name: String,
    /// The film.
    pub input: PathBuf,
    /// Options of `upright plan` by their long names, without dashes, each with its values; one that has none is a switch.
    /// [`ENCRYPT`] is there too.
    pub options: BTreeMap<String, Vec<String>>,
}

impl Title {
    /// The file of the keys that its package is encrypted with, if it is.
    pub fn keys(&self) -> Option<&Path> {
        self.options.get(ENCRYPT)?.first().map(Path::new)
    }
}

/// Finds the films in a folder and the folders in it, in the order of their names; what is hidden, and `except`, is passed over.
///
/// # Errors
/// [`Error::Io`] for a folder that cannot be read.
pub fn films_in(folder: &Path, except: &Path) -> Result<Vec<PathBuf>> {
    let mut films = Vec::new();
    // A link to a folder may lead back to where it lies: it is passed over.
    look_into(folder, &fs::canonicalize(except).unwrap_or_else(|_| except.to_path_buf()), DEEPEST, &mut films)?;
    Ok(films)
}

fn look_into(folder: &Path, except: &Path, deepest: usize, films: &mut Vec<PathBuf>) -> Result<()> {
    let cannot_read = || Error::io(folder, "cannot read the folder");
    let entries: Vec<_> = fs::read_dir(folder).and_then(Iterator::collect).map_err(cannot_read())?;
    let mut entries: Vec<_> = entries.iter().map(|entry: &fs::DirEntry| (entry.file_name(), entry.path())).collect();
    entries.sort();
    for (name, path) in entries {
        let is_hidden = name.as_encoded_bytes().starts_with(b".");
        let Ok(there) = fs::symlink_metadata(&path) else { continue };
        if is_hidden || fs::canonicalize(&path).is_ok_and(|place| place == except) {
            continue;
        }
        if there.is_dir() && deepest > 0 {
            look_into(&path, except, deepest - 1, films)?;
        } else if !there.is_dir() && is_film(&path) && path.is_file() {
            films.push(path);
        }
    }
    Ok(())
}

fn is_film(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}

/// Gives films their names: each has a path in the input tree, or whatever its manifest says, which is mirrored without its
/// extension, and with it where two would be called the same or one would lie in the folder of another. Names never lead out of the
/// output folder, and are told apart on systems that do not know capitals from small letters.
///
/// # Errors
/// [`Error::InvalidOption`] for two films whose whole paths are the same, one whose path is a folder of others, or a name that is none.
pub fn named(films: Vec<(PathBuf, PathBuf, BTreeMap<String, Vec<String>>)>) -> Result<Vec<Title>> {
    let whole: Vec<_> = films.iter().map(|(_, path, _)| parts(path)).collect();
    let short: Vec<_> = whole.iter().map(|parts| parts.as_ref().map(|parts| without_extension(parts))).collect();
    let mut titles = Vec::with_capacity(films.len());
    let mut taken: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut folders = BTreeSet::new();
    for name in short.iter().flatten() {
        *counts.entry(folded(name)).or_default() += 1;
        for depth in 1..name.len() {
            folders.insert(folded(&name[..depth]));
        }
    }
    for ((input, path, options), (whole, short)) in films.into_iter().zip(whole.into_iter().zip(short)) {
        let (Some(whole), Some(short)) = (whole, short) else {
            return Err(Error::invalid("output", path.display(), "is no name for a folder in the output folder"));
        };
        let is_alone = counts.get(&folded(&short)) == Some(&1) && !folders.contains(&folded(&short));
        let name = if is_alone { short } else { whole };
        if folders.contains(&folded(&name)) {
            let rule =
                format!("{} would lie among the films of that folder; give it another in a manifest", shown(&input));
            return Err(Error::invalid("output", name.join("/"), rule));
        }
        if let Some(other) = taken.insert(folded(&name), input.clone()) {
            let rule =
                format!("is the name of both {} and {}; give one another in a manifest", shown(&other), shown(&input));
            return Err(Error::invalid("output", name.join("/"), rule));
        }
        titles.push(Title { name: name.join("/"), input, options });
    }
    Ok(titles)
}

/// The names of a path that leads into a folder and not out of it; none where there are none.
fn parts(path: &Path) -> Option<Vec<String>> {
    let names: Option<Vec<_>> = path
        .components()
        .filter(|part| !matches!(part, Component::CurDir))
        .map(|part| match part {
            Component::Normal(name) => ordinary(&name.to_string_lossy()),
            _ => None,
        })
        .collect();
    names.filter(|names| !names.is_empty() && ![STATE, SUMMARY].contains(&names[0].to_lowercase().as_str()))
}

/// A name without what some system forbids in names; none where nothing is left.
fn ordinary(name: &str) -> Option<String> {
    let name: String = name.chars().map(|c| if c.is_control() || RESERVED.contains(c) { '_' } else { c }).collect();
    let name = name.trim_end_matches(['.', ' ']);
    (!name.is_empty()).then(|| name.to_owned())
}

fn without_extension(parts: &[String]) -> Vec<String> {
    let mut parts = parts.to_vec();
    if let Some(last) = parts.last_mut() {
        let path = Path::new(last.as_str());
        let stem = path.file_stem().and_then(OsStr::to_str).and_then(ordinary);
        if let Some(stem) = stem.filter(|stem| is_film(path) && !stem.starts_with('.')) {
            *last = stem;
        }
    }
    parts
}

fn folded(parts: &[String]) -> String {
    parts.join("/").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(paths: &[&str]) -> Result<Vec<String>> {
        let films = paths.iter().map(|path| (PathBuf::from("in").join(path), PathBuf::from(path), BTreeMap::new()));
        Ok(named(films.collect())?.into_iter().map(|title| title.name).collect())
    }

    #[test]
    fn outputs_mirror_inputs_and_never_meet() {
        assert_eq!(names(&["s1/e1.mkv", "s1/e2.mov", "film"]).unwrap(), ["s1/e1", "s1/e2", "film"]);
        assert_eq!(names(&["e1.mkv", "E1.mp4", "e1.b.ts"]).unwrap(), ["e1.mkv", "E1.mp4", "e1.b"]);
        // One that would lie in the folder of another.
        assert_eq!(names(&["s1.mkv", "s1/e1.mkv"]).unwrap(), ["s1.mkv", "s1/e1"]);
        assert_eq!(names(&["./a b .mp4", "..mp4", "x?.mkv", "v1.2"]).unwrap(), ["a b", "..mp4", "x_", "v1.2"]);
        for wrong in ["../e1.mkv", "/e1.mkv", "..", "", ".upright/e1.mkv", "Summary.json"] {
            assert!(names(&[wrong]).is_err(), "{wrong}");
        }
        assert!(names(&["s1", "S1/e1.mkv"]).unwrap_err().to_string().contains("among the films"));
        let error = names(&["a:.mkv", "a?.mkv"]).unwrap_err().to_string();
        assert!(error.contains("in/a:.mkv") && error.contains("manifest"), "{error}");
    }

    proptest! {
        #[test]
        fn whatever_films_are_called_names_are_relative_and_differ(paths in prop::collection::vec(".{0,12}(/.{0,6}){0,2}(\\.mkv)?", 1..8)) {
            if let Ok(names) = names(&paths.iter().map(String::as_str).collect::<Vec<_>>()) {
                let folded: BTreeSet<_> = names.iter().map(|name| name.to_lowercase()).collect();
                prop_assert_eq!(folded.len(), names.len());
                for name in &names {
                    let all_ordinary = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
                    prop_assert!(all_ordinary && !name.is_empty(), "{}", name);
                    let inside = names.iter().any(|other| name.to_lowercase().starts_with(&format!("{}/", other.to_lowercase())));
                    prop_assert!(!inside, "{}", name);
                }
            }
        }
    }

    #[test]
    fn films_are_found_in_folders_in_folders() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["b/2.MKV", "b/1.mkv", "a.mov", "notes.txt", ".hidden.mkv", ".cache/x.mkv", "out/a/1080x1920.mp4"] {
            fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            fs::write(at(name), "film").unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(folder.path(), at("b/loop")).unwrap();
        assert_eq!(films_in(folder.path(), &at("out")).unwrap(), ["a.mov", "b/1.mkv", "b/2.MKV"].map(at));
        assert!(matches!(films_in(&at("no folder"), &at("out")), Err(Error::Io { .. })));
    }
}
