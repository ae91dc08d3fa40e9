//! A folder that one job at a time writes into.

use super::sync::sync_directory;
use crate::error::{Error, Result};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// How often a folder is made anew that somebody else has just removed.
const ATTEMPTS: usize = 8;

/// A folder, made where it was missing, that no other job may claim until this is dropped. The folders that were made
/// for it and are empty then go again.
///
/// The lock is the kernel's, on the folder itself: it leaves no file behind, and ends with the process. File systems
/// that have none go without.
#[derive(Debug)]
pub(super) struct Claim {
    // In the order in which they are dropped.
    made: Made,
    _lock: Option<File>,
    path: PathBuf,
}

impl Claim {
    /// # Errors
    /// [`Error::OutputBusy`] when another job has claimed it; [`Error::Io`] when it cannot be made, or is none.
    pub(super) fn of(directory: &Path) -> Result<Self> {
        let mut attempts = 1..ATTEMPTS;
        loop {
            // Another job that ends may remove the folder between any two of these steps, or put a new one there.
            let claimed = Made::all_of(directory).and_then(|made| Ok((made, lock(directory)?)));
            let (mut made, lock) = match claimed {
                Err(Error::Io { cause, .. })
                    if cause.kind() == io::ErrorKind::NotFound && attempts.next().is_some() =>
                {
                    continue;
                }
                claimed => claimed?,
            };
            if lock.as_ref().is_none_or(|lock| is_at(lock, directory)) || attempts.next().is_none() {
                let path = fs::canonicalize(directory).map_err(Error::io(directory, "cannot find the directory"))?;
                return Ok(Self { made, _lock: lock, path });
            }
            // What is there now is somebody else's.
            made.0.clear();
        }
    }

    /// Where the folder is, without symbolic links.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until the names of folders that were made for it are on the disk.
    pub(super) fn sync(&self) -> Result<()> {
        let parents = self.made.0.iter().filter_map(|path| path.parent());
        for directory in parents.filter(|path| !path.as_os_str().is_empty()) {
            sync_directory(directory).map_err(Error::io(directory, "cannot write the directory"))?;
        }
        Ok(())
    }
}

/// Folders that had to be made, the outermost first; those that are empty in the end go again.
#[derive(Debug)]
struct Made(Vec<PathBuf>);

impl Made {
    /// Makes `directory` and those that it lies in, as far as they are missing.
    fn all_of(directory: &Path) -> Result<Self> {
        let mut made = Self(Vec::new());
        let missing: Vec<&Path> =
            directory.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).collect();
        for path in missing.into_iter().rev() {
            match fs::create_dir(path) {
                Ok(()) => made.0.push(path.to_path_buf()),
                // Somebody else was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
                Err(error) => return Err(Error::io(path, "cannot make the directory")(error)),
            }
        }
        match fs::metadata(directory) {
            Ok(metadata) if !metadata.is_dir() => {
                Err(Error::io(directory, "cannot write into it")(io::ErrorKind::NotADirectory.into()))
            }
            Err(error) => Err(Error::io(directory, "cannot write into it")(error)),
            Ok(_) => Ok(made),
        }
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for path in self.0.iter().rev() {
            // One that is not empty stays.
            let _ = fs::remove_dir(path);
        }
    }
}

/// A lock on the folder itself; none where it cannot be opened, or the file system has no locks.
#[cfg(unix)]
fn lock(directory: &Path) -> Result<Option<File>> {
    let folder = match File::open(directory) {
        Ok(folder) => folder,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::io(directory, "cannot find the directory")(error));
        }
        Err(_) => return Ok(None),
    };
    match folder.try_lock() {
        Ok(()) => Ok(Some(folder)),
        Err(fs::TryLockError::WouldBlock) => Err(Error::OutputBusy { path: directory.to_path_buf() }),
        Err(fs::TryLockError::Error(error)) => {
            log::debug!("{}: cannot be locked: {error}", directory.display());
            Ok(None)
        }
    }
}

/// Tells whether an open folder is the one under this path.
#[cfg(unix)]
fn is_at(folder: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let (opened, named) = (folder.metadata().map(identity), fs::metadata(path).map(identity));
    matches!((opened, named), (Ok(opened), Ok(named)) if opened == named)
}

/// Other systems do not lock folders.
#[cfg(not(unix))]
fn lock(_directory: &Path) -> Result<Option<File>> {
    Ok(None)
}

#[cfg(not(unix))]
fn is_at(_folder: &File, _path: &Path) -> bool {
    true
}
