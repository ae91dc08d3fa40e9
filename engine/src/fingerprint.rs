//! What tells one source file from another, whatever its name.

use crate::error::{Error, Result};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// How much of either end of a file is read.
const END: u64 = 64 * 1024;

/// Size and ends of a file: enough to notice that another film lies under the same name, without reading all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fingerprint {
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of the first 64 KiB followed by the last 64 KiB (each the whole file where it is shorter), as
    /// lower-case hexadecimal.
    pub sha256: Sha256Hex,
}

impl Fingerprint {
    /// Reads the fingerprint of a file; `None` for what is no regular file, such as a pipe, for its bytes come only
    /// once.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read.
    pub fn of(path: &Path) -> Result<Option<Self>> {
        let cannot_read = || Error::io(path, "cannot read");
        // Asked before opening, for opening a pipe waits for its writer.
        let metadata = std::fs::metadata(path).map_err(cannot_read())?;
        if !metadata.is_file() {
            return Ok(None);
        }
        let mut file = File::open(path).map_err(cannot_read())?;
        let bytes = metadata.len();
        let mut hash = Sha256::new();
        for start in [0, bytes.saturating_sub(END)] {
            file.seek(SeekFrom::Start(start)).map_err(cannot_read())?;
            std::io::copy(&mut (&file).take(END), &mut hash).map_err(cannot_read())?;
        }
        Ok(Some(Self { bytes, sha256: Sha256Hex(hash.finalize().into()) }))
    }
}

/// A SHA-256 sum, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256Hex([u8; 32]);

impl Sha256Hex {
    /// The sum of `data`.
    pub fn of(data: &[u8]) -> Self {
        Self(Sha256::digest(data).into())
    }
}

impl std::fmt::Display for Sha256Hex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Sha256Hex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl Serialize for Sha256Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn fingerprint(data: &[u8]) -> Fingerprint {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(data).unwrap();
        Fingerprint::of(file.path()).unwrap().unwrap()
    }

    #[test]
    fn a_sum_is_the_standards() {
        // FIPS 180-4's example.
        let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Sha256Hex::of(b"abc").to_string(), sum);
    }

    #[test]
    fn a_short_file_counts_twice() {
        assert_eq!(fingerprint(b"abc"), Fingerprint { bytes: 3, sha256: Sha256Hex::of(b"abcabc") });
        assert_eq!(fingerprint(b""), Fingerprint { bytes: 0, sha256: Sha256Hex::of(b"") });
    }

    #[test]
    fn either_end_and_the_size_count_and_the_middle_does_not() {
        let long = vec![7; 200 * 1024];
        let changed = |index: usize| {
            let mut data = long.clone();
            data[index] = 8;
            fingerprint(&data)
        };
        let original = fingerprint(&long);
        assert_ne!(changed(0), original);
        assert_ne!(changed(64 * 1024 - 1), original);
        assert_eq!(changed(64 * 1024), original);
        assert_eq!(changed(136 * 1024 - 1), original);
        assert_ne!(changed(136 * 1024), original);
        assert_ne!(fingerprint(&long[1..]), original);
    }

    #[test]
    fn what_is_no_file_has_none() {
        assert_eq!(Fingerprint::of(&std::env::temp_dir()).unwrap(), None);
        assert!(matches!(Fingerprint::of(Path::new("/nowhere/at all")), Err(Error::Io { .. })));
    }
}
