//! Small documents in object stores: plans, reports.

use super::client::client_of;
use crate::control::Control;
use crate::error::{Error, Result};
use std::io;
use std::path::Path;

/// Reads the document at a URL of at most `most` bytes; none where there is none.
///
/// # Errors
/// [`Error::InvalidOption`] for a path that is no URL; [`Error::Io`]; [`Error::Cancelled`].
pub fn read(url: &Path, most: u64, control: &Control) -> Result<Option<Vec<u8>>> {
    let client = client_of(url, control)?;
    client.read("", most).map_err(client.error("", "cannot read"))
}

/// Tells whether there is an object at a URL.
///
/// # Errors
/// As [`read`].
pub fn exists(url: &Path, control: &Control) -> Result<bool> {
    let client = client_of(url, control)?;
    Ok(client.stat("").map_err(client.error("", "cannot read"))?.is_some())
}

/// Writes a document to a URL.
///
/// # Errors
/// [`Error::OutputExists`] where there is one and it must not be overwritten; else as [`read`].
pub fn write(url: &Path, bytes: Vec<u8>, overwrite: bool, control: &Control) -> Result<()> {
    let client = client_of(url, control)?;
    client.write("", bytes, !overwrite).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Error::OutputExists { path: client.url().to_string().into() },
        _ => client.error("", "cannot write")(error),
    })
}
