//! The hidden folder in which a set is put together, and how it takes the place of the final one.

use super::sync::sync_directory;
use crate::error::{Error, Result};
use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempPath;

/// A hidden folder. It goes, with everything in it, when this is dropped.
#[derive(Debug)]
pub(super) struct OutputPlace {
    path: PathBuf,
    /// Whether it lies beside the final folder and not in it.
    beside: bool,
}

/// What is published.
#[derive(Debug)]
pub(super) struct Set<'a> {
    /// The final folder as the caller named it.
    pub(super) directory: &'a Path,
    /// Names of the files, which all lie in the hidden folder or, with its name and a slash in front, in one in it; the last speaks
    /// for all the others.
    pub(super) names: &'a [String],
    /// Names of files in the final folder that go.
    pub(super) superseded: &'a [String],
    /// Whether files of these names may be replaced.
    pub(super) overwrite: bool,
}

impl Set<'_> {
    /// Names of the folders in the final one that files of this set are in, or of the one before.
    fn folders(&self) -> BTreeSet<&str> {
        self.names
            .iter()
            .chain(self.superseded)
            .filter_map(|name| name.rsplit_once('/'))
            .map(|(folder, _)| folder)
            .collect()
    }

    fn index(&self) -> Index<'_> {
        Index { names: text_set(self.names), superseded: text_set(self.superseded) }
    }
}

/// The names of a set, to look for some.
struct Index<'a> {
    names: HashSet<&'a Path>,
    superseded: HashSet<&'a Path>,
}

impl Index<'_> {
    fn has(&self, name: &Path) -> bool {
        self.names.contains(name)
    }

    /// Tells whether what has this name in the final folder does not stay.
    fn replaces(&self, name: &Path) -> bool {
        self.has(name) || self.superseded.contains(name)
    }
}

fn text_set(names: &[String]) -> HashSet<&Path> {
    names.iter().map(Path::new).collect()
}

/// Names what is in a folder; of some of the folders in it, their names and what is in them.
fn names_in(folder: &Path, looked_into: &BTreeSet<&str>) -> io::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = PathBuf::from(entry.file_name());
        if name.to_str().is_some_and(|name| looked_into.contains(name)) && entry.file_type()?.is_dir() {
            for inner in fs::read_dir(entry.path())? {
                names.push(name.join(inner?.file_name()));
            }
        } else {
            names.push(name);
        }
    }
    Ok(names)
}

/// Tells whether a name is that of a hidden folder, behind this prefix: with six letters and digits of its own.
pub(super) fn is_hidden_name(name: &str, prefix: &str) -> bool {
    let own = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.')?.strip_suffix(".part"));
    own.is_some_and(|own| own.len() == 6 && own.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

impl OutputPlace {
    /// Makes one for the files of `folder`, which has no symbolic links in its path.
    pub(super) fn for_folder(folder: &Path) -> io::Result<Self> {
        let inside = tempfile::Builder::new().prefix(".").suffix(".part").tempdir_in(folder)?.keep();
        let mut place = Self { path: inside, beside: false };
        // Only what lies beside the folder can be swapped with it. It cannot be moved there if nobody may write there or
        // the folder is where a disk is mounted; and whoever stands in the folder wants to find himself there afterwards.
        if let (Some(parent), Some(name), Some(suffix)) = (folder.parent(), folder.file_name(), place.path.file_name())
            && !std::env::current_dir().is_ok_and(|here| here == folder)
        {
            let mut hidden = OsString::from(".");
            hidden.push(name);
            hidden.push(suffix);
            let beside = parent.join(hidden);
            if fs::rename(&place.path, &beside).is_ok() {
                place = Self { path: beside, beside: true };
            }
        }
        Ok(place)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the files of `set` into `folder`: all at once by swapping the folders if that can be, one by one otherwise.
    /// Other files stay where they are.
    ///
    /// # Errors
    /// [`Error::OutputExists`] when one of the names was taken meanwhile and must not be overwritten; [`Error::Io`].
    /// `folder` is then as it was.
    pub(super) fn publish(&mut self, folder: &Path, set: &Set<'_>) -> Result<()> {
        if self.beside && self.adopt_others(folder, set)? {
            let inner = set.folders().into_iter().map(|name| self.path.join(name)).filter(|path| path.is_dir());
            let synced = inner.chain([self.path.clone()]).try_for_each(|path| sync_directory(&path));
            synced.map_err(Error::io(set.directory, "cannot write into it"))?;
            match exchange(&self.path, folder) {
                Ok(()) => return self.end_swap(folder, set),
                Err(error) => log::debug!("{}: cannot be swapped: {error}", folder.display()),
            }
        }
        self.move_files(folder, set)
    }

    /// Links what else is in `folder` into this one, and makes this one as accessible. Says whether that was possible:
    /// folders cannot be linked, and some file systems link nothing.
    fn adopt_others(&self, folder: &Path, set: &Set<'_>) -> Result<bool> {
        let Ok(names) = names_in(folder, &set.folders()) else { return Ok(false) };
        let index = set.index();
        for name in names {
            let path = folder.join(&name);
            if index.has(&name) && !set.overwrite {
                return Err(Error::OutputExists { path: set.directory.join(name) });
            }
            let link = || {
                let new = self.path.join(&name);
                new.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::hard_link(&path, &new))
            };
            let can_stay = fs::symlink_metadata(&path).is_ok_and(|entry| !entry.is_dir())
                && (index.replaces(&name) || link().is_ok());
            if !can_stay {
                return Ok(false);
            }
        }
        Ok(fs::metadata(folder).and_then(|model| make_like(&self.path, &model)).is_ok())
    }

    /// After the swap: this is the old folder now.
    fn end_swap(&mut self, folder: &Path, set: &Set<'_>) -> Result<()> {
        let synced = folder.parent().map_or(Ok(()), sync_directory);
        if let Err(error) = synced {
            // Which of the two is on the disk nobody knows, so the old one it is.
            if exchange(&self.path, folder).is_err() {
                self.keep();
            }
            return Err(Error::io(set.directory, "cannot write the directory")(error));
        }
        // What somebody wrote or changed here in the meantime is not lost.
        let (folders, index) = (set.folders(), set.index());
        for name in names_in(&self.path, &folders).unwrap_or_default() {
            let (old, new) = (self.path.join(&name), folder.join(&name));
            if index.has(&name) && !set.overwrite {
                continue;
            }
            // Renaming one link of a file to another does nothing.
            if index.replaces(&name) || fs::rename(&old, &new).is_ok() {
                let _ = fs::remove_file(&old);
            }
        }
        // What is not empty now keeps the one that it is in.
        folders.iter().for_each(|name| drop(fs::remove_dir(self.path.join(name))));
        if fs::remove_dir(&self.path).is_err() {
            self.keep();
        }
        Ok(())
    }

    /// Puts the files of `set` into `folder` one by one; puts everything back when one of them cannot be.
    fn move_files(&mut self, folder: &Path, set: &Set<'_>) -> Result<()> {
        let mut moved = Moved { folder, aside: self.path.join(".old"), done: Vec::new() };
        let sync = || {
            let inner = set.folders().into_iter().map(|name| folder.join(name)).filter(|path| path.is_dir());
            inner.chain([folder.to_owned()]).try_for_each(|path| sync_directory(&path))
        };
        let result = moved
            .all(&self.path, set)
            .and_then(|()| sync().map_err(Error::io(set.directory, "cannot write the directory")));
        if result.is_err() && moved.put_back().is_err() {
            self.keep();
        }
        // Those that are empty now: of an earlier set, or of this one where it failed.
        set.folders().iter().for_each(|name| drop(fs::remove_dir(folder.join(name))));
        result
    }

    /// Leaves the folder as it is, and says so.
    fn keep(&mut self) {
        log::warn!("{}: holds files that were replaced or came meanwhile, and is left", self.path.display());
        self.path = PathBuf::new();
    }
}

impl Drop for OutputPlace {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            // Nothing in it is a result; after a swap it is gone already.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// What was done to a folder file by file.
struct Moved<'a> {
    folder: &'a Path,
    /// Where files lie that were replaced.
    aside: PathBuf,
    /// Names that may be new in the folder, in their order.
    done: Vec<&'a str>,
}

impl<'a> Moved<'a> {
    fn all(&mut self, from: &Path, set: &Set<'a>) -> Result<()> {
        let cannot = |name: &str| Error::io(set.directory.join(name), "cannot rename the finished file");
        if set.overwrite {
            fs::create_dir(&self.aside).map_err(Error::io(set.directory, "cannot write into it"))?;
        }
        for name in set.folders() {
            if set.overwrite {
                fs::create_dir_all(self.aside.join(name)).map_err(cannot(name))?;
            }
            fs::create_dir_all(self.folder.join(name)).map_err(cannot(name))?;
        }
        // The last speaks for all the others: it goes first and comes last, so that a set without it is known for unfinished.
        if let Some(last) = set.names.last().filter(|_| set.overwrite) {
            self.set_aside(last, |path, aside| fs::rename(path, aside)).map_err(cannot(last))?;
        }
        for name in set.superseded {
            // A folder of that name is none of ours.
            if !self.folder.join(name).is_dir() {
                self.set_aside(name, |path, aside| fs::rename(path, aside)).map_err(cannot(name))?;
            }
        }
        for name in set.names {
            let path = self.folder.join(name);
            if set.overwrite {
                // The last has gone already.
                if set.names.last() != Some(name) {
                    // A link leaves it where it is until then.
                    let keep =
                        |path: &Path, aside: &Path| fs::hard_link(path, aside).or_else(|_| fs::rename(path, aside));
                    self.set_aside(name, keep).map_err(cannot(name))?;
                }
                fs::rename(from.join(name), &path).map_err(cannot(name))?;
            } else {
                let renamed = TempPath::try_from_path(from.join(name)).map_err(cannot(name))?.persist_noclobber(&path);
                renamed.map_err(|failed| match failed.error.kind() {
                    io::ErrorKind::AlreadyExists => Error::OutputExists { path: set.directory.join(name) },
                    _ => cannot(name)(failed.error),
                })?;
                self.done.push(name);
            }
        }
        Ok(())
    }

    /// Keeps a file that will be replaced, where there is one.
    fn set_aside(&mut self, name: &'a str, keep: impl Fn(&Path, &Path) -> io::Result<()>) -> io::Result<()> {
        let (path, aside) = (self.folder.join(name), self.aside.join(name));
        if fs::symlink_metadata(&path).is_ok_and(|entry| entry.is_dir()) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        keep(&path, &aside).or_else(missing_is_fine)?;
        self.done.push(name);
        Ok(())
    }

    /// Gives the folder back its old files, and takes the new ones out.
    fn put_back(&self) -> io::Result<()> {
        for name in self.done.iter().rev() {
            let (path, aside) = (self.folder.join(name), self.aside.join(name));
            if fs::symlink_metadata(&aside).is_ok() {
                fs::rename(&aside, &path)?;
            } else {
                fs::remove_file(&path).or_else(missing_is_fine)?;
            }
        }
        Ok(())
    }
}

fn missing_is_fine(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// Gives two folders one another's names, in one step where the system can.
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
            // The file system has no such thing.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            result => return Ok(result?),
        }
    }
    exchange_in_steps(one, other)
}

/// As [`exchange`], where there is a moment in which `other` is missing.
fn exchange_in_steps(one: &Path, other: &Path) -> io::Result<()> {
    let aside = one.with_extension("old");
    fs::rename(other, &aside)?;
    if let Err(error) = fs::rename(one, other) {
        fs::rename(&aside, other).inspect_err(|_| log::warn!("{}: is what was there before", aside.display()))?;
        return Err(error);
    }
    fs::rename(&aside, one)
}

/// Gives `folder` the owner and the permissions of a model.
#[cfg(unix)]
fn make_like(folder: &Path, model: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, chown};
    let own = fs::metadata(folder)?;
    if (own.uid(), own.gid()) != (model.uid(), model.gid()) {
        chown(folder, Some(model.uid()), Some(model.gid()))?;
    }
    fs::set_permissions(folder, model.permissions())
}

/// Other systems' folders have the permissions of the folder that they lie in.
#[cfg(not(unix))]
fn make_like(_folder: &Path, _model: &Metadata) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    const NAMES: [&str; 2] = ["a", "report"];

    /// A folder with old files, and a place in it or beside it with new ones.
    fn setting(root: &TempDir, beside: bool) -> (PathBuf, OutputPlace) {
        let folder = root.path().canonicalize().unwrap().join("film");
        fs::create_dir(&folder).unwrap();
        let mut place = OutputPlace::for_folder(&folder).unwrap();
        assert!(place.beside);
        if !beside {
            let inside = folder.join(".inside.part");
            fs::rename(&place.path, &inside).unwrap();
            (place.path, place.beside) = (inside, false);
        }
        for name in NAMES {
            fs::write(folder.join(name), "old").unwrap();
            fs::write(place.path.join(name), "new").unwrap();
        }
        (folder, place)
    }

    fn content(folder: &Path) -> Vec<(String, String)> {
        let entries = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut all: Vec<_> = entries.map(|path| (name(&path), fs::read_to_string(path).unwrap())).collect();
        all.sort();
        all
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|&(name, content)| (name.to_owned(), content.to_owned())).collect()
    }

    fn names() -> Vec<String> {
        NAMES.map(str::to_owned).to_vec()
    }

    #[test]
    fn a_place_in_the_folder_itself_does_as_well() {
        let root = TempDir::new().unwrap();
        let (folder, mut place) = setting(&root, false);
        let keep = Set { directory: &folder, names: &names(), superseded: &[], overwrite: false };
        assert!(matches!(place.publish(&folder, &keep), Err(Error::OutputExists { .. })));
        assert_eq!(content(&folder), pairs(&[("a", "old"), ("report", "old")]));
        fs::write(place.path.join("a"), "new").unwrap();
        place.publish(&folder, &Set { overwrite: true, ..keep }).unwrap();
        drop(place);
        assert_eq!(content(&folder), pairs(&[("a", "new"), ("report", "new")]));
        assert_eq!(folder.read_dir().unwrap().count(), 2);
    }

    #[test]
    fn files_in_folders_take_the_place_of_others_and_what_is_somebodys_stays() {
        let new = ["t/1", "a", "report"].map(str::to_owned);
        let superseded = ["t/2", "gone/1"].map(str::to_owned);
        for beside in [true, false] {
            for overwrite in [true, false] {
                let root = TempDir::new().unwrap();
                let (folder, mut place) = setting(&root, beside);
                for (name, content) in [("t/1", "old"), ("t/2", "old"), ("t/mine", "mine"), ("gone/1", "old")] {
                    fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
                    fs::write(folder.join(name), content).unwrap();
                }
                fs::create_dir(place.path.join("t")).unwrap();
                fs::write(place.path.join("t/1"), "new").unwrap();
                let superseded = if overwrite { &superseded[..] } else { &[] };
                let set = Set { directory: &folder, names: &new, superseded, overwrite };
                let published = place.publish(&folder, &set);
                drop(place);
                let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
                let now = ["t/1", "t/2", "t/mine", "gone/1", "a", "report"].map(read);
                if overwrite {
                    published.unwrap();
                    assert_eq!(now, ["new", "", "mine", "", "new", "new"], "{beside}");
                    assert!(!folder.join("gone").exists());
                } else {
                    assert!(matches!(published, Err(Error::OutputExists { .. })));
                    assert_eq!(now, ["old", "old", "mine", "old", "old", "old"], "{beside}");
                }
                assert_eq!(root.path().read_dir().unwrap().count(), 1, "nothing is left beside it");
                assert_eq!(content(&folder).len(), 2, "nor in it");
            }
        }
    }

    #[test]
    fn folders_are_swapped_in_steps_where_there_is_no_other_way() {
        let root = TempDir::new().unwrap();
        for swap in [exchange, exchange_in_steps] {
            let (one, other) = (root.path().join(".one.part"), root.path().join("other"));
            for (folder, content) in [(&one, "one"), (&other, "other")] {
                fs::create_dir(folder).unwrap();
                fs::write(folder.join("x"), content).unwrap();
            }
            swap(&one, &other).unwrap();
            let read = |folder: &Path| fs::read_to_string(folder.join("x")).unwrap();
            assert_eq!((read(&one), read(&other)), ("other".to_owned(), "one".to_owned()));
            assert_eq!(root.path().read_dir().unwrap().count(), 2);
            fs::remove_dir_all(&one).unwrap();
            assert!(swap(&one, &other).is_err());
            assert_eq!(read(&other), "one", "it is there again");
            fs::remove_dir_all(&other).unwrap();
        }
    }

    #[test]
    fn what_comes_while_folders_are_swapped_is_kept() {
        let root = TempDir::new().unwrap();
        let (folder, mut place) = setting(&root, true);
        for name in ["changed", "same", "removed"] {
            fs::write(folder.join(name), "first").unwrap();
        }
        let set = Set { directory: &folder, names: &names(), superseded: &[], overwrite: true };
        assert!(place.adopt_others(&folder, &set).unwrap());
        fs::write(root.path().join("draft"), "second").unwrap();
        fs::rename(root.path().join("draft"), folder.join("changed")).unwrap();
        fs::write(folder.join("late"), "late").unwrap();
        fs::create_dir(folder.join("late folder")).unwrap();
        exchange(&place.path, &folder).unwrap();
        place.end_swap(&folder, &set).unwrap();
        drop(place);
        let rest = [("late", "late"), ("removed", "first"), ("report", "new"), ("same", "first")];
        assert_eq!(content(&folder), pairs(&[&[("a", "new"), ("changed", "second")], &rest[..]].concat()));
        assert!(folder.join("late folder").is_dir());
        assert_eq!(root.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn a_name_that_is_taken_while_folders_are_swapped_is_kept() {
        let root = TempDir::new().unwrap();
        let (folder, mut place) = setting(&root, true);
        NAMES.iter().for_each(|name| fs::remove_file(folder.join(name)).unwrap());
        let set = Set { directory: &folder, names: &names(), superseded: &[], overwrite: false };
        assert!(place.adopt_others(&folder, &set).unwrap());
        fs::write(folder.join("a"), "somebody's").unwrap();
        exchange(&place.path, &folder).unwrap();
        let left = place.path.clone();
        place.end_swap(&folder, &set).unwrap();
        drop(place);
        assert_eq!(content(&folder), pairs(&[("a", "new"), ("report", "new")]));
        assert_eq!(content(&left), pairs(&[("a", "somebody's")]));
    }
}
