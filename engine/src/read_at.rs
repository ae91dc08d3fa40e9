//! Reading a file from several places at once.

use std::borrow::Borrow;
use std::fs::File;
use std::io::{self, Read};

/// Reads a file that others read too: each reader has its own place in it.
#[derive(Debug)]
pub(crate) struct AtOffset<F> {
    file: F,
    offset: u64,
}

impl<F: Borrow<File>> AtOffset<F> {
    /// Reads from byte `offset` on.
    pub(crate) fn new(file: F, offset: u64) -> Self {
        Self { file, offset }
    }
}

impl<F: Borrow<File>> Read for AtOffset<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let file = self.file.borrow();
        #[cfg(unix)]
        let read = std::os::unix::fs::FileExt::read_at(file, buffer, self.offset)?;
        #[cfg(windows)]
        let read = std::os::windows::fs::FileExt::seek_read(file, buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}
