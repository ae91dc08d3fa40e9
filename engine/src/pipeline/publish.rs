//! Where renditions appear: nothing under a final name until everything is whole, and then all of it at once.
//!
//! A set is put together in a hidden folder beside the final one, which then takes its place. Where folders cannot be
//! swapped, files are, one by one. Into an object store they are uploaded, the report last.

mod bucket;
mod claim;
mod place;
mod sync;

use crate::artwork::is_picture_name;
use crate::control::Control;
use crate::error::{Error, Result};
use crate::media::is_subtitles_name;
use crate::remote::ObjectUrl;
use crate::store::shared;
use bucket::BucketPlace;
use claim::Claim;
use place::OutputPlace;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, TempPath};

/// The directory of a film's renditions, while they are made.
#[derive(Debug)]
pub(crate) struct Outputs {
    place: Place,
    /// As the caller named it.
    directory: PathBuf,
    names: Vec<String>,
    /// Files of an earlier conversion that go when this one's come.
    superseded: Vec<String>,
    overwrite: bool,
}

#[derive(Debug)]
enum Place {
    // In the order in which they are dropped: the hidden folder may lie in the directory.
    Folder(OutputPlace, Claim),
    Bucket(BucketPlace),
}

impl Outputs {
    /// Makes `directory` ready for files of these names, and keeps every other job out of it.
    ///
    /// # Errors
    /// [`Error::OutputExists`] when one is there and must not be overwritten; [`Error::OutputBusy`] when another job is
    /// at work there; [`Error::Io`] when the directory cannot be made or written into.
    pub(crate) fn prepare(directory: &Path, names: &[String], overwrite: bool, control: &Control) -> Result<Self> {
        if let Some(url) = ObjectUrl::of(directory) {
            let place = Place::Bucket(BucketPlace::prepare(&url, names, overwrite, control)?);
            let directory = PathBuf::from(url.to_string());
            return Ok(Self { place, directory, names: names.to_vec(), superseded: Vec::new(), overwrite });
        }
        // The working directory's path may be empty.
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        let claim = Claim::of(directory)?;
        check_free(directory, names, overwrite)?;
        let place =
            OutputPlace::for_folder(claim.path()).map_err(Error::io(directory, "cannot write into the directory"))?;
        let place = Place::Folder(place, claim);
        let (directory, superseded) = (directory.to_path_buf(), Vec::new());
        Ok(Self { place, directory, names: names.to_vec(), superseded, overwrite })
    }

    /// Makes it ready for files of further names.
    ///
    /// # Errors
    /// [`Error::OutputExists`] when one is there and must not be overwritten; [`Error::Io`].
    pub(crate) fn add(&mut self, names: &[String]) -> Result<()> {
        match &self.place {
            Place::Folder(..) => check_free(&self.directory, names, self.overwrite)?,
            Place::Bucket(place) if !self.overwrite => place.warn_of_unfinished(names)?,
            Place::Bucket(_) => {}
        }
        self.names.extend_from_slice(names);
        Ok(())
    }

    /// Has files of an earlier conversion go when the set is published, as far as it has none of the same names.
    pub(crate) fn supersede(&mut self, names: Vec<String>) {
        self.superseded = names;
    }

    /// Where the files are written meanwhile.
    pub(crate) fn drafts(&self) -> Drafts {
        let folder = match &self.place {
            Place::Folder(place, _) => place.path(),
            Place::Bucket(place) => place.scratch(),
        };
        Drafts { folder: folder.to_path_buf(), directory: self.directory.clone() }
    }

    /// Gives whole files, which are on the disk, their names, and `last` with its content. On failure none of the new
    /// names stays, and what was there is there again.
    pub(crate) fn publish(mut self, files: Vec<(TempPath, String)>, last: (&str, &[u8])) -> Result<()> {
        let (last_name, content) = last;
        let drafts = self.drafts();
        let mut file = drafts.temporary(last_name)?;
        let cannot_write = || Error::io(self.directory.join(last_name), "cannot write");
        file.write_all(content).map_err(cannot_write())?;
        file.as_file().sync_all().map_err(cannot_write())?;
        let mut names = Vec::new();
        for (file, name) in files.into_iter().chain([(file.into_temp_path(), last_name.to_owned())]) {
            // In the hidden folder: nobody takes it for the result.
            let path = drafts.folder.join(&name);
            if let Some(folder) = path.parent().filter(|folder| *folder != drafts.folder) {
                fs::create_dir_all(folder).map_err(Error::io(folder, "cannot make the folder"))?;
            }
            file.persist(&path).map_err(|failed| Error::io(path, "cannot rename the finished file")(failed.error))?;
            names.push(name);
        }
        let new: HashSet<&String> = names.iter().collect();
        self.superseded.retain(|old| self.overwrite && !new.contains(old));
        let set = place::Set {
            directory: &self.directory,
            names: &names,
            superseded: &self.superseded,
            overwrite: self.overwrite,
        };
        match &mut self.place {
            Place::Folder(place, claim) => {
                claim.sync()?;
                place.publish(claim.path(), &set)?;
            }
            Place::Bucket(place) => place.publish(&set)?,
        }
        for stranger in self.strangers() {
            log::warn!("{}: is of an earlier conversion and no part of this one", stranger.display());
        }
        Ok(())
    }

    /// Lists what looks like renditions, their subtitles or pictures in the directory and is none of ours: of a larger ladder that was
    /// there before.
    fn strangers(&self) -> Vec<PathBuf> {
        let is_result = |name: &OsStr| {
            let size = name.to_str().and_then(|name| name.strip_suffix(".mp4"));
            let size = size.map(|size| size.strip_suffix("-hdr").unwrap_or(size)).and_then(|size| size.split_once('x'));
            size.is_some_and(|(width, height)| width.parse::<u32>().is_ok() && height.parse::<u32>().is_ok())
                || name.to_str().is_some_and(|name| is_subtitles_name(name) || is_picture_name(name))
        };
        let names: Vec<OsString> = match &self.place {
            Place::Folder(..) => {
                fs::read_dir(&self.directory).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect()
            }
            Place::Bucket(place) => place.names().into_iter().map(OsString::from).collect(),
        };
        let mut strangers: Vec<_> = names
            .into_iter()
            .filter(|name| is_result(name) && self.names.iter().all(|ours| **ours != **name))
            .map(|name| self.directory.join(name))
            .collect();
        strangers.sort();
        strangers
    }
}

/// Refuses a directory that has files of these names, unless they may be replaced and can be.
fn check_free(directory: &Path, names: &[String], overwrite: bool) -> Result<()> {
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
    Ok(())
}

/// Removes hidden folders that jobs which were killed have left beside `directory`, or in it. No other job may be at work there.
pub(crate) fn remove_leftovers(directory: &Path) {
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    let parent = directory.parent().unwrap_or(Path::new("."));
    for (folder, prefix) in [(parent, format!(".{name}")), (directory, String::new())] {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let is_left = place::is_hidden_name(&entry.file_name().to_string_lossy(), &prefix);
            if is_left && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                log::debug!("{}: left behind by a job that was killed; removed", entry.path().display());
                // What cannot be removed is in nobody's way.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// A hidden folder on the same disk, for temporary files. It goes with the [`Outputs`] that it is of, and with it whatever
/// is in it, even if someone still writes there.
#[derive(Clone, Debug)]
pub(crate) struct Drafts {
    folder: PathBuf,
    /// What it is called in errors.
    directory: PathBuf,
}

impl Drafts {
    /// Where it is.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A new file in which what will be `name` is written; it goes when it is dropped.
    pub(crate) fn temporary(&self, name: &str) -> Result<NamedTempFile> {
        let prefix = format!(".{}.", name.replace('/', "-"));
        let file = shared(tempfile::Builder::new().prefix(&prefix).suffix(".part")).tempfile_in(&self.folder);
        file.map_err(Error::io(&self.directory, "cannot write into the directory"))
    }
}

#[cfg(test)]
mod tests;
