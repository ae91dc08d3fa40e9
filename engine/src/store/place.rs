//! Where a store lies, and the objects of one plan in it.

use super::bucket::BucketStore;
use super::folder::FolderStore;
use super::key::{SegmentKey, SegmentKeys};
use super::object::{StoredSegment, StoredWriter};
use crate::control::Control;
use crate::error::{Error, Result};
use crate::remote::ObjectUrl;
use crate::source::Damage;
use std::path::{Path, PathBuf};
use std::thread;

/// Which folder is a store, and how large it may become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// The folder, which is made where it is missing, or the URL of a place in an object store ([`crate::remote`]).
    pub folder: PathBuf,
    /// Bytes that its objects may take; those that were not used for the longest time go first. None for no limit. Folders alone can
    /// have one.
    pub size: Option<u64>,
}

/// An open store. Any number of jobs, of this process and of others, may read it and write into it at once: an object
/// appears under its name when it is whole, and what is read is checked.
#[derive(Debug)]
pub struct Store(Place);

#[derive(Debug)]
enum Place {
    Folder(FolderStore),
    Bucket(BucketStore),
}

impl Store {
    /// Opens a store, or makes a new one of a folder that is missing or empty, or of a place in an object store.
    ///
    /// # Errors
    /// [`Error::BadStore`] when the folder holds something else, or a store of another version; [`Error::InvalidOption`] for a URL
    /// that cannot be used; [`Error::Io`].
    pub fn open(options: &StoreOptions, control: &Control) -> Result<Self> {
        let StoreOptions { folder, size } = options;
        let Some(url) = ObjectUrl::of(folder) else {
            return Ok(Self(Place::Folder(FolderStore::open(folder, *size)?)));
        };
        if size.is_some() {
            let why = "a store at a URL has no limit: have its provider remove what is old";
            return Err(Error::invalid("store size", "", why));
        }
        Ok(Self(Place::Bucket(BucketStore::open(&url, control)?)))
    }

    /// A folder on the disk for files that go when they are closed.
    fn scratch(&self) -> &Path {
        match &self.0 {
            Place::Folder(store) => store.folder(),
            Place::Bucket(store) => store.scratch(),
        }
    }

    /// Finds an object and checks all of it. One that is damaged is removed, with a warning, and counts as missing.
    fn get(&self, key: SegmentKey) -> Result<Option<StoredSegment>> {
        match &self.0 {
            Place::Folder(store) => store.get(key),
            Place::Bucket(store) => store.get(key),
        }
    }
}

/// The store of a plan's segments.
#[derive(Debug)]
pub(crate) struct PlanStore {
    store: Store,
    keys: SegmentKeys,
}

impl PlanStore {
    /// `store`, for the segments of these keys.
    pub(crate) fn new(store: Store, keys: SegmentKeys) -> Self {
        Self { store, keys }
    }

    /// A folder on the disk for files that go when they are closed.
    pub(crate) fn scratch(&self) -> &Path {
        self.store.scratch()
    }

    /// Finds all rungs of a segment; none when one is missing.
    ///
    /// # Errors
    /// [`Error::Io`] when the store cannot be read.
    pub(crate) fn segment(&self, number: usize, rungs: usize) -> Result<Option<Vec<StoredSegment>>> {
        let keys = (0..rungs).map(|rung| self.keys.key(number, rung)).collect::<Result<Vec<_>>>()?;
        match &self.store.0 {
            Place::Folder(_) => keys.into_iter().map(|key| self.store.get(key)).collect(),
            // Each is waited for.
            Place::Bucket(_) => thread::scope(|scope| {
                let asked: Vec<_> = keys.into_iter().map(|key| scope.spawn(move || self.store.get(key))).collect();
                let lost = |_| Err(Error::StageLost { stage: "store".to_owned() });
                asked.into_iter().map(|asked| asked.join().unwrap_or_else(lost)).collect()
            }),
        }
    }

    /// Begins the object of a rung of a segment.
    ///
    /// # Errors
    /// [`Error::Io`] when the store cannot be written.
    pub(crate) fn begin(&self, number: usize, rung: usize) -> Result<StoredWriter> {
        let key = self.keys.key(number, rung)?;
        match &self.store.0 {
            Place::Folder(store) => store.begin(key),
            Place::Bucket(store) => store.begin(key),
        }
    }

    /// Ends it.
    ///
    /// # Errors
    /// [`Error::Io`] when the store cannot be written.
    pub(crate) fn finish(&self, writer: StoredWriter, damage: &Damage) -> Result<()> {
        match &self.store.0 {
            Place::Folder(store) => store.finish(writer, damage),
            Place::Bucket(store) => store.finish(writer, damage),
        }
    }
}
