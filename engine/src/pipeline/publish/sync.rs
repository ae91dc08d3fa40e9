//! Making sure that names reach the disk.

use std::fs;
use std::io;
use std::path::Path;

/// Waits until the names in a directory are on the disk.
#[cfg(unix)]
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    match fs::File::open(path).and_then(|directory| directory.sync_all()) {
        // Some network file systems cannot, and a directory may be writable without being readable.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::PermissionDenied) => Ok(()),
        result => result,
    }
}

/// Other systems have no such call: names are on the disk when renaming returns.
#[cfg(not(unix))]
pub(super) fn sync_directory(_path: &Path) -> io::Result<()> {
    Ok(())
}
