//! Where renditions appear: nothing under a final name until everything is whole.

use crate::error::{Error, Result};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, TempPath};

/// The directory of a film's renditions, while they are made.
#[derive(Debug)]
pub(crate) struct Outputs {
    directory: PathBuf,
    overwrite: bool,
    /// Directories that had to be made, the outermost first; those that are empty in the end go again.
    made: Vec<PathBuf>,
}

impl Outputs {
    /// Makes `directory` ready for files of these names.
    ///
    /// # Errors
    /// [`Error::OutputExists`] when one is there and must not be overwritten; [`Error::Io`] when the directory cannot be
    /// made.
    pub(crate) fn prepare(directory: &Path, names: &[String], overwrite: bool) -> Result<Self> {
        for name in names {
            let path = directory.join(name);
            match fs::symlink_metadata(&path) {
                Ok(_) if !overwrite => return Err(Error::OutputExists { path }),
                Ok(metadata) if metadata.is_dir() => {
                    return Err(Error::io(&path, "cannot be replaced")(io::ErrorKind::IsADirectory.into()));
                }
                Ok(_) | Err(_) => {}
            }
        }
        let mut outputs = Self { directory: directory.to_path_buf(), overwrite, made: Vec::new() };
        let missing: Vec<&Path> =
            directory.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).collect();
        for path in missing.into_iter().rev() {
            match fs::create_dir(path) {
                Ok(()) => outputs.made.push(path.to_path_buf()),
                // Somebody else was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
                Err(error) => return Err(Error::io(path, "cannot make the directory")(error)),
            }
        }
        if !outputs.directory().is_dir() {
            return Err(Error::io(directory, "cannot write into it")(io::ErrorKind::NotADirectory.into()));
        }
        Ok(outputs)
    }

    /// The directory, where temporary files belong too.
    pub(crate) fn directory(&self) -> &Path {
        // The working directory's path may be empty.
        if self.directory.as_os_str().is_empty() { Path::new(".") } else { &self.directory }
    }

    /// A new, hidden file beside where `name` will be; it goes when it is dropped.
    pub(crate) fn temporary(&self, name: &str) -> Result<NamedTempFile> {
        let prefix = format!(".{name}.");
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(".part");
        // As any file that a program makes, not for the owner's eyes only.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        builder.tempfile_in(self.directory()).map_err(Error::io(self.directory(), "cannot write into the directory"))
    }

    /// Gives whole files, which are on the disk, their names, in their order, and then `last` with its content. On
    /// failure none of the new names stays.
    pub(crate) fn publish(self, files: Vec<(TempPath, String)>, last: (&str, &[u8])) -> Result<()> {
        let (last_name, content) = last;
        let mut file = self.temporary(last_name)?;
        let cannot_write = || Error::io(self.directory.join(last_name), "cannot write");
        file.write_all(content).map_err(cannot_write())?;
        file.as_file().sync_all().map_err(cannot_write())?;
        if self.overwrite {
            // It speaks for all the others, and would be wrong from here on.
            let old = self.directory.join(last_name);
            match fs::remove_file(&old) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::io(&old, "cannot replace")(error));
                }
                _ => {}
            }
        }
        let strangers = self.strangers(&files);
        let mut new_names = NewNames(Vec::new());
        for (file, name) in files.into_iter().chain([(file.into_temp_path(), last_name.to_owned())]) {
            let path = self.directory.join(name);
            let is_new = fs::symlink_metadata(&path).is_err();
            let renamed = if self.overwrite { file.persist(&path) } else { file.persist_noclobber(&path) };
            renamed.map_err(|failed| match failed.error.kind() {
                io::ErrorKind::AlreadyExists => Error::OutputExists { path: path.clone() },
                _ => Error::io(&path, "cannot rename the finished file")(failed.error),
            })?;
            if is_new {
                new_names.0.push(path);
            }
        }
        self.sync()?;
        new_names.0.clear();
        for stranger in strangers {
            log::warn!("{}: is of an earlier conversion and no part of this one", stranger.display());
        }
        Ok(())
    }

    /// What looks like renditions in the directory and is none of `files`: of a larger ladder that was there before.
    fn strangers(&self, files: &[(TempPath, String)]) -> Vec<PathBuf> {
        let is_rendition = |name: &str| {
            let size = name.strip_suffix(".mp4").and_then(|size| size.split_once('x'));
            size.is_some_and(|(width, height)| width.parse::<u32>().is_ok() && height.parse::<u32>().is_ok())
        };
        let names = fs::read_dir(self.directory()).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let mut strangers: Vec<_> = names
            .filter(|name| name.to_str().is_some_and(is_rendition) && files.iter().all(|(_, made)| **made != **name))
            .map(|name| self.directory.join(name))
            .collect();
        strangers.sort();
        strangers
    }

    /// Waits until the names are on the disk.
    fn sync(&self) -> Result<()> {
        let parents = self.made.iter().filter_map(|path| path.parent()).filter(|path| !path.as_os_str().is_empty());
        for directory in parents.chain([self.directory()]) {
            sync_directory(directory).map_err(Error::io(directory, "cannot write the directory"))?;
        }
        Ok(())
    }
}

impl Drop for Outputs {
    fn drop(&mut self) {
        for path in self.made.iter().rev() {
            // One that is not empty stays.
            let _ = fs::remove_dir(path);
        }
    }
}

/// Names that go again unless the list is emptied.
struct NewNames(Vec<PathBuf>);

impl Drop for NewNames {
    fn drop(&mut self) {
        for path in &self.0 {
            // There is already an error to tell.
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    match File::open(path)?.sync_all() {
        // Some network file systems cannot.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        result => result,
    }
}

/// Other systems have no such call: names are on the disk when renaming returns.
#[cfg(not(unix))]
fn sync_directory(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use tempfile::TempDir;

    const REPORT: &str = "report.json";

    fn names() -> Vec<String> {
        ["a.mp4", "b.mp4", REPORT].map(str::to_owned).to_vec()
    }

    fn contents(directory: &Path) -> BTreeMap<String, String> {
        let read = |entry: io::Result<fs::DirEntry>| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap_or_else(|_| "a directory".to_owned()))
        };
        directory.read_dir().unwrap().map(read).collect()
    }

    fn expected(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|&(name, content)| (name.to_owned(), content.to_owned())).collect()
    }

    fn finished(outputs: &Outputs) -> Vec<(TempPath, String)> {
        ["a.mp4", "b.mp4"]
            .map(|name| {
                let mut file = outputs.temporary(name).unwrap();
                file.write_all(b"new").unwrap();
                (file.into_temp_path(), name.to_owned())
            })
            .into()
    }

    fn publish(directory: &Path, overwrite: bool) -> Result<()> {
        let outputs = Outputs::prepare(directory, &names(), overwrite)?;
        let files = finished(&outputs);
        outputs.publish(files, (REPORT, b"new"))
    }

    #[test]
    fn renditions_of_a_larger_ladder_are_noticed() {
        let directory = TempDir::new().unwrap();
        for name in ["1080x1920.mp4", "36x64.mp4", "18x32.mp4", "notes.mp4", "1x.mp4", "report.json"] {
            fs::write(directory.path().join(name), "old").unwrap();
        }
        let outputs = Outputs::prepare(directory.path(), &[], true).unwrap();
        let file = outputs.temporary("36x64.mp4").unwrap().into_temp_path();
        let strangers = outputs.strangers(&[(file, "36x64.mp4".to_owned())]);
        assert_eq!(strangers, ["1080x1920.mp4", "18x32.mp4"].map(|name| directory.path().join(name)));
    }

    #[test]
    fn all_names_appear_with_the_directories_that_were_missing() {
        let root = TempDir::new().unwrap();
        let directory = root.path().join("out/film");
        publish(&directory, false).unwrap();
        assert_eq!(contents(&directory), expected(&[("a.mp4", "new"), ("b.mp4", "new"), (REPORT, "new")]));
    }

    #[test]
    fn temporary_files_are_hidden_beside_the_final_names() {
        let root = TempDir::new().unwrap();
        let outputs = Outputs::prepare(root.path(), &names(), false).unwrap();
        let file = outputs.temporary("a.mp4").unwrap();
        let name = file.path().file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with(".a.mp4.") && name.ends_with(".part"));
        assert_eq!(file.path().parent(), Some(root.path()));
    }

    #[cfg(unix)]
    #[test]
    fn files_are_as_readable_as_any_other() {
        use std::os::unix::fs::PermissionsExt;
        let root = TempDir::new().unwrap();
        File::create(root.path().join("other")).unwrap();
        publish(root.path(), false).unwrap();
        let mode = |name| fs::metadata(root.path().join(name)).unwrap().permissions().mode();
        assert_eq!((mode("a.mp4"), mode(REPORT)), (mode("other"), mode("other")));
    }

    #[test]
    fn a_failed_job_leaves_nothing_not_even_its_directories() {
        let root = TempDir::new().unwrap();
        let outputs = Outputs::prepare(&root.path().join("out/film"), &names(), false).unwrap();
        let files = finished(&outputs);
        drop(files);
        drop(outputs);
        assert_eq!(contents(root.path()), expected(&[]));
    }

    #[test]
    fn a_directory_that_was_there_or_has_other_files_stays() {
        let root = TempDir::new().unwrap();
        fs::create_dir(root.path().join("was there")).unwrap();
        drop(Outputs::prepare(&root.path().join("was there"), &names(), false).unwrap());
        let outputs = Outputs::prepare(&root.path().join("used"), &names(), false).unwrap();
        fs::write(root.path().join("used/other"), "").unwrap();
        drop(outputs);
        assert_eq!(contents(root.path()).len(), 2);
    }

    #[test]
    fn what_is_there_is_kept_unless_told_otherwise() {
        for name in names() {
            let root = TempDir::new().unwrap();
            fs::write(root.path().join(&name), "old").unwrap();
            assert!(matches!(publish(root.path(), false), Err(Error::OutputExists { path }) if path.ends_with(&name)));
            assert_eq!(contents(root.path()), expected(&[(&name, "old")]));
            publish(root.path(), true).unwrap();
            assert_eq!(contents(root.path()), expected(&[("a.mp4", "new"), ("b.mp4", "new"), (REPORT, "new")]));
        }
    }

    #[test]
    fn old_files_stay_until_the_new_are_whole() {
        let root = TempDir::new().unwrap();
        publish(root.path(), false).unwrap();
        fs::write(root.path().join(REPORT), "old").unwrap();
        let outputs = Outputs::prepare(root.path(), &names(), true).unwrap();
        drop(finished(&outputs));
        drop(outputs);
        assert_eq!(contents(root.path())[REPORT], "old");
    }

    #[test]
    fn a_name_taken_meanwhile_is_kept_and_the_new_ones_go() {
        let root = TempDir::new().unwrap();
        let outputs = Outputs::prepare(root.path(), &names(), false).unwrap();
        let files = finished(&outputs);
        fs::write(root.path().join("b.mp4"), "somebody's").unwrap();
        let error = outputs.publish(files, (REPORT, b"new")).unwrap_err();
        assert!(matches!(error, Error::OutputExists { path } if path.ends_with("b.mp4")));
        assert_eq!(contents(root.path()), expected(&[("b.mp4", "somebody's")]));
    }

    #[test]
    fn a_directory_in_the_place_of_a_file_is_never_replaced() {
        let root = TempDir::new().unwrap();
        fs::create_dir(root.path().join("b.mp4")).unwrap();
        assert!(matches!(publish(root.path(), true), Err(Error::Io { path, .. }) if path.ends_with("b.mp4")));
        assert_eq!(contents(root.path()), expected(&[("b.mp4", "a directory")]));
    }

    #[test]
    fn a_file_in_the_place_of_the_directory_is_named() {
        let root = TempDir::new().unwrap();
        fs::write(root.path().join("file"), "").unwrap();
        for directory in ["file", "file/film"] {
            let error = publish(&root.path().join(directory), false).unwrap_err();
            assert!(matches!(&error, Error::Io { path, .. } if path.starts_with(root.path())), "{error}");
        }
        assert_eq!(contents(root.path()), expected(&[("file", "")]));
    }
}
