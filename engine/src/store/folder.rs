//! A store in a folder.

use super::key::SegmentKey;
use super::object::{StoredSegment, StoredWriter};
use super::permissions::shared;
use crate::error::{Error, Result};
use crate::source::Damage;
use std::fs::{self, File, FileTimes};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// The file by which a folder is known as a store, and what it says.
pub(super) const MARKER: (&str, &str) =
    ("upright-store", "Upright's store of encoded segments, version 1. It may be deleted as a whole.\n");
/// What is wrong with a store that says something else there.
pub(super) const OTHER_VERSION: &str = "is a store of another version; choose another folder";
/// Beginning of its name while it is being written.
const UNFINISHED_MARKER: &str = ".upright-store-";
/// Extension of objects.
const OBJECT: &str = "segment";
/// Extension of what is being written.
const PART: &str = "part";
/// Age from which on an unfinished object is that of a job that was killed.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);
/// How often the store is counted while a job adds as much as its limit.
const RECOUNTS: u64 = 10;
/// The part of its limit that a store is brought down to when it is over it.
const LOW_WATER: f64 = 0.9;

/// An open folder. Any number of jobs, of this process and of others, may read it and write into it at once: an object
/// appears under its name when it is whole, and what is read is checked.
#[derive(Debug)]
pub(super) struct FolderStore {
    folder: PathBuf,
    limit: Option<u64>,
    /// Bytes of its objects when they were last counted, and those that this job has added since.
    counted: AtomicU64,
    added: AtomicU64,
}

impl FolderStore {
    /// Opens a store, or makes a new one of a folder that is missing or empty.
    ///
    /// # Errors
    /// [`Error::BadStore`] when the folder holds something else, or a store of another version; [`Error::Io`].
    pub(super) fn open(folder: &Path, size: Option<u64>) -> Result<Self> {
        fs::create_dir_all(folder).map_err(Error::io(folder, "cannot make the store"))?;
        let (name, text) = MARKER;
        let marker = folder.join(name);
        match fs::read_to_string(&marker) {
            Ok(found) if found == text => {}
            Ok(_) => return Err(bad(folder, OTHER_VERSION)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let found = entries(folder).map_err(Error::io(folder, "cannot read the store"))?;
                // Another job may be making it, may have made it just now, or may have been killed on the way.
                let empty =
                    found.iter().all(|entry| entry.file_name().to_string_lossy().starts_with(UNFINISHED_MARKER));
                if !empty && !marker.exists() {
                    return Err(bad(folder, "holds other things than encoded segments; choose an empty folder"));
                }
                let written = write_whole(folder, &marker, text);
                written.map_err(Error::io(&marker, "cannot make the store"))?;
            }
            Err(error) => return Err(Error::io(&marker, "cannot read the store")(error)),
        }
        let store =
            Self { folder: folder.to_path_buf(), limit: size, counted: AtomicU64::new(0), added: AtomicU64::new(0) };
        store.keep_below_limit()?;
        Ok(store)
    }

    /// Where it lies.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, key: SegmentKey) -> PathBuf {
        self.folder.join(object_name(key))
    }

    /// Finds an object and checks all of it. One that is damaged is removed, with a warning, and counts as missing.
    ///
    /// # Errors
    /// [`Error::Io`] when the store cannot be read.
    pub(super) fn get(&self, key: SegmentKey) -> Result<Option<StoredSegment>> {
        let path = self.path(key);
        let found = StoredSegment::open(&path, key).map_err(Error::io(&path, "cannot read from the store"))?;
        if found.is_some() {
            // Only to know what was used last; a store that may be read and not written serves as well.
            let _ = File::options()
                .append(true)
                .open(&path)
                .and_then(|file| file.set_times(FileTimes::new().set_modified(SystemTime::now())));
        } else if path.exists() {
            log::warn!("{}: is damaged; it is removed from the store and made anew", path.display());
            let _ = fs::remove_file(&path);
        }
        Ok(found)
    }

    /// Begins an object.
    ///
    /// # Errors
    /// [`Error::Io`] when the store cannot be written.
    pub(super) fn begin(&self, key: SegmentKey) -> Result<StoredWriter> {
        let path = self.path(key);
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder).map_err(Error::io(folder, "cannot write into the store"))?;
        StoredWriter::create(folder, path.clone(), key)
    }

    /// Ends an object and gives it its name, and makes room for it where the store has become too large.
    ///
    /// # Errors
    /// [`Error::Io`] when the store cannot be written.
    pub(super) fn finish(&self, writer: StoredWriter, damage: &Damage) -> Result<()> {
        let bytes = writer.seal(damage)?;
        let added = self.added.fetch_add(bytes, Ordering::Relaxed) + bytes;
        // Others add to it too, so that it is counted now and then.
        let known = self.counted.load(Ordering::Relaxed) + added;
        let is_due = self.limit.is_some_and(|limit| known > limit || added >= limit / RECOUNTS);
        if is_due { self.keep_below_limit() } else { Ok(()) }
    }

    /// Makes room where the store is over its limit.
    fn keep_below_limit(&self) -> Result<()> {
        let Some(limit) = self.limit else { return Ok(()) };
        self.shrink(limit).map_err(Error::io(&self.folder, "cannot make room in the store"))
    }

    /// Removes the objects that were not used for the longest time, until the store is well below `limit`.
    fn shrink(&self, limit: u64) -> io::Result<()> {
        self.added.store(0, Ordering::Relaxed);
        let mut objects = self.objects()?;
        objects.sort_by_key(|object| object.used);
        let mut bytes: u64 = objects.iter().map(|object| object.bytes).sum();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "about"
        )]
        let low = (limit as f64 * LOW_WATER) as u64;
        if bytes > limit {
            for object in objects {
                if bytes <= low {
                    break;
                }
                match fs::remove_file(&object.path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => bytes -= object.bytes,
                }
            }
        }
        self.counted.store(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Lists all objects there are. What jobs left that were killed is removed.
    fn objects(&self) -> io::Result<Vec<Object>> {
        let mut objects = Vec::new();
        for folder in entries(&self.folder)? {
            if !folder.file_type()?.is_dir() {
                continue;
            }
            for entry in entries(&folder.path())? {
                let path = entry.path();
                // Another job may have removed it just now.
                let Ok(metadata) = entry.metadata() else { continue };
                let (bytes, used) = (metadata.len(), metadata.modified()?);
                match path.extension().and_then(|extension| extension.to_str()) {
                    Some(OBJECT) => objects.push(Object { path, bytes, used }),
                    Some(PART) if used.elapsed().is_ok_and(|age| age > STALE) => drop(fs::remove_file(path)),
                    _ => {}
                }
            }
        }
        Ok(objects)
    }
}

/// Names the object of a key in a store: no folder has all of them.
pub(super) fn object_name(key: SegmentKey) -> String {
    let digits = key.to_string();
    let (folder, name) = digits.split_at(2);
    format!("{folder}/{name}.{OBJECT}")
}

/// A file of a store.
#[derive(Debug)]
struct Object {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

fn entries(folder: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.collect(),
    }
}

/// Writes a file that appears under its name when it is whole.
fn write_whole(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
    use io::Write;
    let mut file = shared(tempfile::Builder::new().prefix(UNFINISHED_MARKER)).tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

pub(super) fn bad(folder: &Path, why: &str) -> Error {
    Error::BadStore { path: folder.to_path_buf(), why: why.to_owned() }
}

#[cfg(test)]
mod tests;
