//! A store in an object store.

use super::folder::{MARKER, OTHER_VERSION, bad, object_name};
use super::key::SegmentKey;
use super::object::{StoredSegment, StoredWriter};
use crate::control::Control;
use crate::error::{Error, Result};
use crate::remote::{Client, ObjectUrl, scratch};
use crate::source::Damage;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tempfile::TempDir;

/// How often an object is read that changes meanwhile.
const READS: usize = 3;

/// An open store at a URL. Objects are put together, and checked when they are read, in a folder for temporary files on this machine.
#[derive(Debug)]
pub(super) struct BucketStore {
    client: Client,
    scratch: TempDir,
    /// Objects that were said to be damaged: a segment may be asked for several times until it is made anew.
    told: Mutex<BTreeSet<String>>,
}

impl BucketStore {
    /// Opens the store at `url`, or makes one there.
    ///
    /// # Errors
    /// [`Error::BadStore`] when there is a store of another version; [`Error::Io`].
    pub(super) fn open(url: &ObjectUrl, control: &Control) -> Result<Self> {
        let client = Client::new(url, control)?;
        let (name, text) = MARKER;
        match client.read(name, 64 << 10).map_err(client.error(name, "cannot read the store"))? {
            Some(found) if found == text.as_bytes() => {}
            Some(_) => return Err(bad(Path::new(&url.to_string()), OTHER_VERSION)),
            None => {
                let written = client.write(name, text.into(), false);
                written.map_err(client.error(name, "cannot make the store"))?;
            }
        }
        Ok(Self { client, scratch: scratch()?, told: Mutex::default() })
    }

    /// A folder for temporary files.
    pub(super) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Fetches an object and checks all of it. One that is damaged counts as missing, with a warning: who makes it anew writes over
    /// it, and another machine may be doing so now.
    ///
    /// # Errors
    /// [`Error::Io`] when the store cannot be read.
    pub(super) fn get(&self, key: SegmentKey) -> Result<Option<StoredSegment>> {
        let name = object_name(key);
        let cannot_read = || self.client.error(&name, "cannot read from the store");
        for _ in 0..READS {
            let Some(stat) = self.client.stat(&name).map_err(cannot_read())? else { return Ok(None) };
            let fetched = tempfile::tempfile_in(self.scratch()).and_then(|mut file| {
                self.client.download(&name, &stat, |bytes| file.write_all(bytes))?;
                Ok(file)
            });
            let file = match fetched {
                // Somebody has made it anew, or removed it, meanwhile.
                Err(error)
                    if [io::ErrorKind::StaleNetworkFileHandle, io::ErrorKind::NotFound].contains(&error.kind()) =>
                {
                    continue;
                }
                file => file.map_err(cannot_read())?,
            };
            let place = PathBuf::from(self.client.url().join(&name).to_string());
            let found = StoredSegment::of(file, &place, key).map_err(cannot_read())?;
            if found.is_none() && self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone()) {
                log::warn!("{}: is damaged; it is made anew", place.display());
            }
            return Ok(found);
        }
        Ok(None)
    }

    /// Begins an object.
    ///
    /// # Errors
    /// [`Error::Io`] when there is no room for it on this machine.
    pub(super) fn begin(&self, key: SegmentKey) -> Result<StoredWriter> {
        StoredWriter::create(self.scratch(), self.scratch().join(key.to_string()), key)
    }

    /// Ends an object and uploads it: it appears when all of it is there.
    ///
    /// # Errors
    /// [`Error::Io`] when the store cannot be written.
    pub(super) fn finish(&self, writer: StoredWriter, damage: &Damage) -> Result<()> {
        let key = writer.key();
        let path = self.scratch().join(key.to_string());
        writer.seal(damage)?;
        let name = object_name(key);
        let uploaded = File::open(&path).and_then(|mut file| self.client.upload(&name, &mut file));
        fs::remove_file(&path).map_err(Error::io(&path, "cannot be removed"))?;
        uploaded.map_err(self.client.error(&name, "cannot write into the store"))
    }
}
