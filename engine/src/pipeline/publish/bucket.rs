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
        if let Some((last, others)) = names.split_last().filter(|_| !overwrite) {
            let is_there = |name: &String| {
                Ok::<_, Error>(client.stat(name).map_err(client.error(name, "cannot look for it"))?.is_some())
            };
            if is_there(last)? {
                return Err(exists(&client, last));
            }
            for name in others {
                if is_there(name)? {
                    // A machine that dies in the middle of it leaves them.
                    log::warn!("{}: is of no finished set, and will be replaced", client.url().join(name));
                }
            }
        }
        Ok(Self { client, scratch: scratch()? })
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
