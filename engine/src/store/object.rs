//! One object of a store: the packets of one rung of one segment, with what was wrong on the way, and a sum over all of it.
//!
//! A file: [`MAGIC`], the key's 64 digits, packets as [`Packet::write_to`] has them, a [`Footer`] as JSON, its length as 8
//! bytes, and the SHA-256 of everything before as 32. Numbers are little-endian.

use super::key::SegmentKey;
use super::permissions::shared;
use crate::error::{Error, Result};
use crate::fingerprint::Sha256Hex;
use crate::packet::{PACKET_HEAD, Packet};
use crate::read_at::AtOffset;
use crate::source::Damage;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Name and version of the format.
const MAGIC: &[u8; 16] = b"upright segment\n";
/// Bytes before the packets.
const HEAD: u64 = 16 + 64;
/// Bytes after the footer.
const TAIL: u64 = 8 + 32;
/// The longest footer there is.
const LONGEST_FOOTER: u64 = 64 << 10;
/// Bytes that are read or written at a time.
const BUFFER: usize = 128 << 10;

/// What is told of an object after its packets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Footer {
    packets: u64,
    damage: Damage,
}

/// Takes the packets of one rung of one segment.
#[derive(Debug)]
pub(crate) struct StoredWriter {
    file: BufWriter<NamedTempFile>,
    hash: Sha256,
    packets: u64,
    path: PathBuf,
    key: SegmentKey,
}

impl StoredWriter {
    /// Begins the object of `key`, which is to lie at `path`, in a temporary file in `folder` on the same disk.
    pub(super) fn create(folder: &Path, path: PathBuf, key: SegmentKey) -> Result<Self> {
        let file = shared(tempfile::Builder::new().prefix(".").suffix(".part")).tempfile_in(folder);
        let file = file.map_err(Error::io(folder, "cannot write into the store"))?;
        let mut writer =
            Self { file: BufWriter::with_capacity(BUFFER, file), hash: Sha256::new(), packets: 0, path, key };
        writer.write(|writer| {
            writer.write_all(MAGIC)?;
            writer.write_all(key.to_string().as_bytes())
        })?;
        Ok(writer)
    }

    /// The key of what is written.
    pub(super) fn key(&self) -> SegmentKey {
        self.key
    }

    fn write(&mut self, put: impl FnOnce(&mut Hashing<'_>) -> io::Result<()>) -> Result<()> {
        let mut hashing = Hashing { writer: &mut self.file, hash: &mut self.hash };
        put(&mut hashing).map_err(Error::io(&self.path, "cannot write into the store"))
    }

    /// Adds the next packet.
    pub(crate) fn append(&mut self, packet: &Packet) -> Result<()> {
        self.packets += 1;
        self.write(|writer| packet.write_to(writer))
    }

    /// Ends the object and gives it its name; says how many bytes it has. `damage` is what was wrong with the source in the
    /// segment.
    pub(super) fn seal(mut self, damage: &Damage) -> Result<u64> {
        let footer = Footer { packets: self.packets, damage: damage.clone() };
        let footer = serde_json::to_vec(&footer).map_err(|error| Error::misuse(error.to_string()))?;
        self.write(|writer| {
            writer.write_all(&footer)?;
            writer.write_all(&(footer.len() as u64).to_le_bytes())
        })?;
        let Self { mut file, hash, path, .. } = self;
        let cannot_write = || Error::io(&path, "cannot write into the store");
        file.write_all(&hash.finalize()).map_err(cannot_write())?;
        let file = file.into_inner().map_err(|error| cannot_write()(error.into_error()))?;
        let bytes = file.as_file().metadata().map_err(cannot_write())?.len();
        // Another job may have made the same object meanwhile: it has the same bytes.
        file.persist(&path).map_err(|error| cannot_write()(error.error))?;
        Ok(bytes)
    }
}

/// Writes, and sums up what is written.
struct Hashing<'a> {
    writer: &'a mut BufWriter<NamedTempFile>,
    hash: &'a mut Sha256,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.writer.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// An object that was found whole. It can be read even when another job removes it meanwhile.
#[derive(Debug)]
pub(crate) struct StoredSegment {
    file: File,
    path: PathBuf,
    footer: Footer,
}

impl StoredSegment {
    /// Opens the object of `key` at `path` and checks all of it; none when it is not that, or not whole.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub(super) fn open(path: &Path, key: SegmentKey) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        Self::of(file, path, key)
    }

    /// Checks an open file, which is called `path` in errors; none when it is not the object of `key`, or not whole.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn of(file: File, path: &Path, key: SegmentKey) -> io::Result<Option<Self>> {
        (&file).rewind()?;
        let footer = check(&file, key)?;
        Ok(footer.map(|footer| Self { file, path: path.to_path_buf(), footer }))
    }

    /// Tells what was wrong with the source in the segment.
    pub(crate) fn damage(&self) -> &Damage {
        &self.footer.damage
    }

    /// All packets, in order. Several may be read at once.
    ///
    /// # Errors
    /// [`Error::Io`] when the file can no longer be read.
    pub(crate) fn packets(&self) -> Result<impl Iterator<Item = Result<Packet>> + use<>> {
        let path = self.path.clone();
        let cannot_read = Error::io(&path, "cannot read from the store");
        // A file of its own: positions are shared by clones of one.
        let file = self.file.try_clone().map_err(cannot_read)?;
        let mut reader = BufReader::with_capacity(BUFFER, AtOffset::new(file, HEAD));
        let mut left = self.footer.packets;
        Ok(std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let packet = Packet::read_from(&mut reader).map_err(Error::io(&path, "cannot read from the store"));
            if packet.is_err() {
                left = 0;
            }
            Some(packet)
        }))
    }
}

/// Reads the packets of the object of a key; none when it is not that, or not whole. For fuzzing.
///
/// # Errors
/// [`Error::Io`] when the file is there and cannot be read.
pub fn read_object(path: &Path, key: Sha256Hex) -> Result<Option<Vec<Packet>>> {
    let stored = StoredSegment::open(path, SegmentKey(key)).map_err(Error::io(path, "cannot read from the store"))?;
    stored.map(|stored| stored.packets()?.collect()).transpose()
}

/// Reads an object through; gives its footer when everything is as it was written.
fn check(file: &File, key: SegmentKey) -> io::Result<Option<Footer>> {
    let length = file.metadata()?.len();
    let mut reader = BufReader::with_capacity(BUFFER, file);
    let Some(summed) = length.checked_sub(32).filter(|_| length >= HEAD + TAIL) else { return Ok(None) };
    let mut head = [0; HEAD as usize];
    reader.read_exact(&mut head)?;
    if head[..MAGIC.len()] != *MAGIC || head[MAGIC.len()..] != *key.to_string().as_bytes() {
        return Ok(None);
    }
    let mut hash = Sha256::new();
    hash.update(head);
    io::copy(&mut reader.by_ref().take(summed - HEAD), &mut hash)?;
    let mut sum = [0; 32];
    reader.read_exact(&mut sum)?;
    if sum != <[u8; 32]>::from(hash.finalize()) {
        return Ok(None);
    }
    reader.seek(SeekFrom::Start(length - TAIL))?;
    let mut footer_length = [0; 8];
    reader.read_exact(&mut footer_length)?;
    let footer_length = u64::from_le_bytes(footer_length);
    let Some(begin) = (length - TAIL).checked_sub(footer_length).filter(|_| footer_length <= LONGEST_FOOTER) else {
        return Ok(None);
    };
    reader.seek(SeekFrom::Start(begin))?;
    // What another version wrote is not ours to read.
    let Ok(footer) = serde_json::from_reader::<_, Footer>(reader.by_ref().take(footer_length)) else { return Ok(None) };
    Ok(packets_end_at(&mut reader, footer.packets, begin)?.then_some(footer))
}

/// Tells whether so many packets lie between the head and `end`, and nothing else.
fn packets_end_at(reader: &mut BufReader<&File>, packets: u64, end: u64) -> io::Result<bool> {
    let mut position = HEAD;
    reader.seek(SeekFrom::Start(position))?;
    for _ in 0..packets {
        if end.saturating_sub(position) < PACKET_HEAD {
            return Ok(false);
        }
        let length = Packet::read_length(reader)?;
        let Some(after) = length.checked_add(position + PACKET_HEAD).filter(|&after| after <= end) else {
            return Ok(false);
        };
        reader.seek_relative(i64::try_from(length).unwrap_or(i64::MAX))?;
        position = after;
    }
    Ok(position == end)
}

#[cfg(test)]
mod tests;
