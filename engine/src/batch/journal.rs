//! The journal of a batch: what was done, line by line, each on the disk before the next step begins.
//!
//! It is appended to alone. A line is a record as JSON behind the first half of its SHA-256 sum, so that one that was cut off
//! by a crash, or has rotted, is told from one that is whole.

use crate::error::{Error, Result};
use crate::fingerprint::{Fingerprint, Sha256Hex};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Version of the records' form.
pub(super) const VERSION: u32 = 1;

/// Digits of the sum before each line.
const DIGITS: usize = 32;

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "record", rename_all = "snake_case", deny_unknown_fields)]
pub enum Record {
    /// A batch has begun, or gone on, with these films.
    Begun {
        /// Version of the form of the records that follow: 1.
        #[serde(default = "version")]
        version: u32,
        /// Seconds since 1970.
        time: u64,
        /// Version of the program.
        upright: String,
        /// Names of the films.
        titles: Vec<String>,
    },
    /// A process was started.
    Started {
        /// Name of the film.
        title: String,
        /// `plan`, `segment` or `render`.
        step: String,
        /// Of a segment, its number.
        segment: Option<usize>,
        /// Seconds since 1970.
        time: u64,
    },
    /// A film has a plan.
    Planned {
        /// Name of the film.
        title: String,
        /// Of the film, the options and the program: see `key_of`.
        key: Sha256Hex,
        /// [`crate::Plan::hash`].
        plan: Sha256Hex,
        /// Frames.
        frames: u64,
        /// Segments.
        segments: usize,
        /// Seconds that it took.
        seconds: f64,
    },
    /// A segment is in the store.
    Encoded {
        /// Name of the film.
        title: String,
        /// [`crate::Plan::hash`].
        plan: Sha256Hex,
        /// Its number.
        segment: usize,
        /// Frames of each rung; 0 where it was there already.
        frames: u64,
        /// Seconds that it took.
        seconds: f64,
    },
    /// A film's renditions and report are under their names.
    Published {
        /// Name of the film.
        title: String,
        /// As [`Record::Planned`].
        key: Sha256Hex,
        /// [`crate::Plan::hash`].
        plan: Sha256Hex,
        /// Every file in the film's folder, by its name.
        files: Vec<(String, Fingerprint)>,
        /// Seconds since 1970.
        time: u64,
    },
    /// A process has failed.
    Failed {
        /// Name of the film.
        title: String,
        /// `plan`, `segment` or `render`.
        step: String,
        /// Its exit code; none where a signal has ended it.
        exit: Option<i32>,
        /// What it said.
        message: String,
        /// Whether it is tried again.
        again: bool,
        /// Seconds since 1970.
        time: u64,
    },
    /// The batch has come to its end.
    Ended {
        /// Seconds since 1970.
        time: u64,
    },
}

/// A journal that is written, by one batch at a time.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    // Held until it is dropped.
    _lock: File,
}

/// What a journal says.
#[derive(Debug, Default)]
pub struct JournalFile {
    /// In the order in which they were written.
    pub records: Vec<Record>,
    /// Lines that are no records, but for a last one that was cut off.
    pub damaged: usize,
    /// Bytes up to where the last whole line ends.
    whole: u64,
}

impl Journal {
    /// Opens the journal in a folder, which is made where it is missing, and reads it. A last line that was cut off goes.
    ///
    /// # Errors
    /// [`Error::OutputBusy`] when another batch has it; [`Error::Io`].
    pub fn open(folder: &Path) -> Result<(Self, JournalFile)> {
        fs::create_dir_all(folder).map_err(Error::io(folder, "cannot make the folder"))?;
        let lock = open(&lock_of(folder))?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(Error::OutputBusy { path: folder.to_path_buf() }),
            // A file system without locks goes without.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        let path = journal_of(folder);
        let mut file = open(&path)?;
        let read = JournalFile::of(&mut file).map_err(Error::io(&path, "cannot read the journal"))?;
        let cut = file.set_len(read.whole).and_then(|()| file.seek(SeekFrom::End(0)).map(drop));
        cut.map_err(Error::io(&path, "cannot write the journal"))?;
        Ok((Self { file, path, _lock: lock }, read))
    }

    /// Writes a record, and waits until it is on the disk. Nothing of it is there where that fails.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&mut self, record: &Record) -> Result<()> {
        let text = serde_json::to_string(record).map_err(|error| Error::misuse(error.to_string()))?;
        let line = format!("{} {text}\n", sum_of(&text));
        let write = |file: &mut File| {
            let before = file.stream_position()?;
            let written = file.write_all(line.as_bytes()).and_then(|()| file.sync_data());
            if written.is_err() {
                file.set_len(before)?;
                file.seek(SeekFrom::Start(before))?;
            }
            written
        };
        write(&mut self.file).map_err(Error::io(&self.path, "cannot write the journal"))
    }
}

impl JournalFile {
    /// Reads the journal in a folder, which somebody may be writing; an empty one where there is none.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn read(folder: &Path) -> Result<Self> {
        let path = journal_of(folder);
        match File::open(&path) {
            Ok(mut file) => Self::of(&mut file).map_err(Error::io(path, "cannot read the journal")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Error::io(path, "cannot read the journal")(error)),
        }
    }

    fn of(file: &mut File) -> io::Result<Self> {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut read = Self::default();
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            let Some(line) = line.strip_suffix(b"\n") else { break };
            read.whole += line.len() as u64 + 1;
            match record_of(line) {
                Some(record) => read.records.push(record),
                None => read.damaged += 1,
            }
        }
        Ok(read)
    }
}

/// Tells whether a batch is at work that writes the journal in this folder.
pub fn is_running(folder: &Path) -> bool {
    File::open(lock_of(folder)).is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn version() -> u32 {
    VERSION
}

fn journal_of(folder: &Path) -> PathBuf {
    folder.join("journal")
}

fn lock_of(folder: &Path) -> PathBuf {
    folder.join("lock")
}

fn open(path: &Path) -> Result<File> {
    let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    options.map_err(Error::io(path, "cannot be opened"))
}

fn sum_of(text: &str) -> String {
    let mut sum = Sha256Hex::of(text.as_bytes()).to_string();
    sum.truncate(DIGITS);
    sum
}

fn record_of(line: &[u8]) -> Option<Record> {
    let (sum, text) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    (sum == sum_of(text)).then(|| serde_json::from_str(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: usize) -> Record {
        let plan = Sha256Hex::of(b"plan");
        Record::Encoded { title: "s1/e1".to_owned(), plan, segment: number, frames: 48, seconds: 1.5 }
    }

    #[test]
    fn what_was_written_is_read_whatever_the_crash_left() {
        let folder = tempfile::tempdir().unwrap();
        let records: Vec<_> = (0..4).map(record).collect();
        let (mut journal, read) = Journal::open(folder.path()).unwrap();
        assert!(read.records.is_empty());
        records.iter().for_each(|record| journal.write(record).unwrap());
        drop(journal);
        let path = journal_of(folder.path());
        let whole = fs::read(&path).unwrap();
        let third = whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(2).unwrap().0 + 1;
        for cut in [third, third + 1, third + 40, whole.len() - 1] {
            fs::write(&path, &whole[..cut]).unwrap();
            let (mut journal, read) = Journal::open(folder.path()).unwrap();
            assert_eq!((&read.records[..], read.damaged), (&records[..3], 0), "{cut}");
            journal.write(&records[3]).unwrap();
            drop(journal);
            assert_eq!(fs::read(&path).unwrap(), whole);
        }
        // One that has rotted is passed over, and counted.
        let mut rotten = whole;
        rotten[third - 10] ^= 1;
        fs::write(&path, rotten).unwrap();
        let read = JournalFile::read(folder.path()).unwrap();
        assert_eq!((read.records.len(), read.damaged), (3, 1));
    }

    #[test]
    fn one_batch_writes_and_others_see_that_it_does() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_running(folder.path()) && JournalFile::read(folder.path()).unwrap().records.is_empty());
        let journal = Journal::open(folder.path()).unwrap();
        assert!(is_running(folder.path()));
        assert!(matches!(Journal::open(folder.path()), Err(Error::OutputBusy { .. })));
        drop(journal);
        assert!(!is_running(folder.path()));
        assert!(Journal::open(folder.path()).is_ok());
    }
}
