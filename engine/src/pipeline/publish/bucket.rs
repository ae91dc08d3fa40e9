//! A set of renditions in an object store.

use super::place::Set;
use crate::control::Control;
use crate::error::{Error, Result};
use crate::remote::{Client, ObjectUrl};
use std::fs::File;
use std::io;
use std::path::Path;
use tempfile::TempDir;

/// Where a set is put together, on this machine, and where it goes.
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
    /// [`Error::OutputExists`] when one of `names` is there and must not be overwritten; [`Error::Io`].
    pub(super) fn prepare(url: &ObjectUrl, names: &[String], overwrite: bool, control: &Control) -> Result<Self> {
        let client = Client::new(url, control)?;
        for name in names.iter().filter(|_| !overwrite) {
            if client.stat(name).map_err(client.error(name, "cannot look for it"))?.is_some() {
                return Err(exists(&client, name));
            }
        }
        let scratch = TempDir::new().map_err(Error::io(std::env::temp_dir(), "cannot write into the folder"))?;
        Ok(Self { client, scratch })
    }

    /// The folder for what is being made.
    pub(super) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// The names of what is there.
    pub(super) fn names(&self) -> Vec<String> {
        // Not all web servers can say.
        self.client.names().unwrap_or_default()
    }

    /// Uploads the files of `set`, the last one when all others are there.
    ///
    /// # Errors
    /// [`Error::OutputExists`] when somebody else has written a report meanwhile; [`Error::Io`]. What was uploaded is removed then,
    /// where it did not replace anything.
    pub(super) fn publish(&self, set: &Set<'_>) -> Result<()> {
        let Some((last, others)) = set.names.split_last() else { return Ok(()) };
        if set.overwrite {
            // What is there is no finished set from now on.
            self.client.delete(last).map_err(self.client.error(last, "cannot be removed"))?;
        }
        let uploaded = others.iter().try_for_each(|name| self.upload(name)).and_then(|()| self.upload_last(last, set));
        if uploaded.is_err() && !set.overwrite {
            for name in others {
                // It may not have come so far; and the report, which says that it counts, is not there.
                let _ = self.client.delete(name);
            }
        }
        uploaded
    }

    fn upload(&self, name: &str) -> Result<()> {
        let path = self.scratch().join(name);
        let mut file = File::open(&path).map_err(Error::io(&path, "cannot read"))?;
        self.client.upload(name, &mut file).map_err(self.client.error(name, "cannot write"))
    }

    fn upload_last(&self, name: &str, set: &Set<'_>) -> Result<()> {
        let path = self.scratch().join(name);
        let bytes = std::fs::read(&path).map_err(Error::io(&path, "cannot read"))?;
        self.client.write(name, bytes, !set.overwrite).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => exists(&self.client, name),
            _ => self.client.error(name, "cannot write")(error),
        })
    }
}

fn exists(client: &Client, name: &str) -> Error {
    Error::OutputExists { path: client.url().join(name).to_string().into() }
}
