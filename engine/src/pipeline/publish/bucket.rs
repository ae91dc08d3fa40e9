//! A set of renditions in an object store.

use super::place::Set;
use crate::control::Control;
use crate::error::{Error, Result};
use crate::remote::{Client, ObjectUrl, scratch};
use std::fs::File;
use std::io;
use std::path::Path;
use tempfile::TempDir;

/// Times that the last file is written while its answer is lost; the client writes what may be there already only once.
const WRITES: u32 = 3;

/// Puts a set together on this machine, and uploads it.
///
/// Object stores have no locks, and no way to change several objects at once. Each file appears when all of it is there, and the
/// report comes last: a set without one is not finished. Two jobs that make the same from the same plan write the same bytes.
#[derive(Debug)]
pub(super) struct BucketPlace {
    client: Client,
    scratch: TempDir,
}

impl BucketPlace {
    /// # Errors
    /// [`Error::OutputExists`] when the last of `names`, which speaks for all, is there and must not be overwritten; [`Error::Io`].
    pub(super) fn prepare(url: &ObjectUrl, names: &[String], overwrite: bool, control: &Control) -> Result<Self> {
        let client = Client::new(url, control)?;
        let place = Self { client, scratch: scratch()? };
        if let Some((last, others)) = names.split_last().filter(|_| !overwrite) {
            if place.is_there(last)? {
                return Err(exists(&place.client, last));
            }
            place.warn_of_unfinished(others)?;
        }
        Ok(place)
    }

    /// Says which of `names` are there, where there is no finished set: a machine that dies in the middle of it leaves them.
    pub(super) fn warn_of_unfinished(&self, names: &[String]) -> Result<()> {
        for name in names {
            if self.is_there(name)? {
                log::warn!("{}: is of no finished set, and will be replaced", self.client.url().join(name));
            }
        }
        Ok(())
    }

    fn is_there(&self, name: &str) -> Result<bool> {
        Ok(self.client.stat(name).map_err(self.client.error(name, "cannot look for it"))?.is_some())
    }

    /// The folder for what is being made.
    pub(super) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// The names of what is there.
    pub(super) fn names(&self) -> Vec<String> {
        // Web servers cannot say, and some take long to say so.
        if self.client.url().is_http() { Vec::new() } else { self.client.names().unwrap_or_default() }
    }

    /// Uploads the files of `set`, the last one when all others are there.
    ///
    /// # Errors
    /// [`Error::OutputExists`] when somebody else has finished a set meanwhile; [`Error::Io`]. What was uploaded is removed then,
    /// unless it belongs to a finished set, or was to replace one.
    pub(super) fn publish(&self, set: &Set<'_>) -> Result<()> {
        let Some((last, others)) = set.names.split_last() else { return Ok(()) };
        if set.overwrite {
            // What is there is no finished set from now on.
            self.client.delete(last).map_err(self.client.error(last, "cannot be removed"))?;
        }
        let mut uploaded = Vec::new();
        let whole = others
            .iter()
            .try_for_each(|name| {
                uploaded.push(name);
                self.upload(name)
            })
            .and_then(|()| {
                let delete =
                    |name: &String| self.client.delete(name).map_err(self.client.error(name, "cannot be removed"));
                set.superseded.iter().try_for_each(delete)
            })
            .and_then(|()| self.upload_last(last, set));
        if whole.is_err() && !set.overwrite {
            self.remove(&uploaded, last);
        }
        whole
    }

    /// Removes what was uploaded, where there is no `last` that makes it a finished set.
    fn remove(&self, uploaded: &[&String], last: &str) {
        // After Ctrl-C, too.
        let Ok(client) = Client::new(self.client.url(), &Control::default()) else { return };
        if matches!(client.stat(last), Ok(None)) {
            for name in uploaded {
                // It may not have come so far.
                let _ = client.delete(name);
            }
        }
    }

    fn upload(&self, name: &str) -> Result<()> {
        let path = self.scratch().join(name);
        let mut file = File::open(&path).map_err(Error::io(&path, "cannot read"))?;
        self.client.upload(name, &mut file).map_err(self.client.error(name, "cannot write"))
    }

    fn upload_last(&self, name: &str, set: &Set<'_>) -> Result<()> {
        let path = self.scratch().join(name);
        let bytes = std::fs::read(&path).map_err(Error::io(&path, "cannot read"))?;
        let mut left = WRITES;
        loop {
            left -= 1;
            let Err(error) = self.client.write(name, bytes.clone(), !set.overwrite) else { return Ok(()) };
            // The answer may have been lost, and not the report.
            match self.client.read(name, bytes.len() as u64) {
                Ok(Some(there)) if there == bytes => return Ok(()),
                Ok(None) if left > 0 && error.kind() == io::ErrorKind::Other => {}
                _ if error.kind() == io::ErrorKind::AlreadyExists => return Err(exists(&self.client, name)),
                _ => return Err(self.client.error(name, "cannot write")(error)),
            }
        }
    }
}

fn exists(client: &Client, name: &str) -> Error {
    Error::OutputExists { path: client.url().join(name).to_string().into() }
}
