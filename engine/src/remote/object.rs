//! An object that is read like a file.

use super::client::{Client, Pending, Stat};
use super::url::ObjectUrl;
use crate::control::Control;
use crate::error::{Error, Result};
use crate::fingerprint::Fingerprint;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::io::{self, SeekFrom};
use std::path::PathBuf;

/// Bytes that are asked for at once. Short ones for those who read a few seconds out of a long film.
const BLOCK: u64 = 1 << 20;
/// Blocks that are kept: 32 MiB.
const KEPT: usize = 32;
/// Blocks that are asked for ahead of who reads on and on.
const AHEAD: u64 = 4;
/// Ranges of a fingerprint that are asked for at once.
const RANGES_AT_ONCE: usize = 16;

/// An object in the state that it was opened in. It is read by blocks, of which some are kept and some are asked for before they
/// are needed; a change of the object meanwhile is an error.
#[derive(Debug)]
pub(crate) struct RemoteObject {
    client: Client,
    stat: Stat,
    position: u64,
    blocks: BTreeMap<u64, Block>,
    /// The block that was read last, and how many of those after it are asked for.
    last: u64,
    ahead: u64,
    uses: u64,
}

/// An object whose fingerprint was read once, which takes many requests.
#[derive(Clone, Debug)]
pub struct KnownObject {
    url: ObjectUrl,
    stat: Stat,
    fingerprint: Fingerprint,
}

#[derive(Debug)]
struct Block {
    content: Content,
    used: u64,
}

#[derive(Debug)]
enum Content {
    Coming(Pending<Bytes>),
    Here(Bytes),
}

impl RemoteObject {
    /// Opens the object at `url`.
    ///
    /// # Errors
    /// [`Error::SourceMissing`], [`Error::Io`], [`Error::InvalidOption`] for a URL that cannot be.
    pub(crate) fn open(url: &ObjectUrl, control: &Control) -> Result<Self> {
        let client = Client::new(url, control)?;
        let stat = client.stat("").map_err(client.error("", "cannot open"))?;
        let stat = stat.ok_or_else(|| Error::SourceMissing { path: PathBuf::from(url.to_string()) })?;
        Ok(Self { client, stat, position: 0, blocks: BTreeMap::new(), last: u64::MAX, ahead: 0, uses: 0 })
    }

    /// Its URL.
    pub(crate) fn url(&self) -> &ObjectUrl {
        self.client.url()
    }

    /// Its bytes.
    pub(crate) fn size(&self) -> u64 {
        self.stat.size
    }

    /// Remembers its fingerprint, for who opens it again; none where the server has no sum or number by which to tell one state
    /// from another.
    pub(crate) fn known_by(&self, fingerprint: &Fingerprint) -> Option<KnownObject> {
        let (url, stat) = (self.url().clone(), self.stat.clone());
        stat.has_tag().then(|| KnownObject { url, stat, fingerprint: fingerprint.clone() })
    }

    /// Tells whether it is another one now, or cannot be asked for any more.
    pub(crate) fn has_changed(&self) -> bool {
        !matches!(self.client.stat(""), Ok(Some(now)) if now == self.stat)
    }

    /// Reads on, as much as lies in one block; nothing at the end.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.read_at(self.position, buffer)?;
        self.position += count as u64;
        Ok(count)
    }

    /// Goes to another place, which may lie behind the end.
    pub(crate) fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        let position = match target {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.stat.size.checked_add_signed(by),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }

    /// Reads from `offset` on, as much as lies in one block; nothing at the end.
    pub(crate) fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if offset >= self.stat.size || buffer.is_empty() {
            return Ok(0);
        }
        let number = offset / BLOCK;
        let block = self.block(number)?;
        let begin = usize::try_from(offset - number * BLOCK).unwrap_or(usize::MAX);
        let bytes = block.get(begin..).unwrap_or_default();
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn block(&mut self, number: u64) -> io::Result<Bytes> {
        if number != self.last {
            let goes_on = number == self.last.wrapping_add(1);
            self.ahead = if goes_on { (2 * self.ahead).clamp(1, AHEAD) } else { 0 };
            self.last = number;
        }
        let count = self.stat.size.div_ceil(BLOCK);
        for wanted in number..=(number + self.ahead).min(count - 1) {
            self.ask_for(wanted)?;
        }
        let Some(block) = self.blocks.get_mut(&number) else { return Err(io::ErrorKind::NotFound.into()) };
        if let Content::Coming(pending) = &block.content {
            match self.client.wait(pending) {
                Ok(bytes) => block.content = Content::Here(bytes),
                Err(error) => {
                    // Who asks again gets a new answer.
                    self.blocks.remove(&number);
                    return Err(error);
                }
            }
        }
        match &block.content {
            Content::Here(bytes) => Ok(bytes.clone()),
            Content::Coming(_) => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn ask_for(&mut self, number: u64) -> io::Result<()> {
        self.uses += 1;
        let used = self.uses;
        if let Some(block) = self.blocks.get_mut(&number) {
            block.used = used;
            return Ok(());
        }
        if self.blocks.len() >= KEPT
            && let Some((&oldest, _)) = self.blocks.iter().min_by_key(|(_, block)| block.used)
        {
            self.blocks.remove(&oldest);
        }
        let range = number * BLOCK..((number + 1) * BLOCK).min(self.stat.size);
        let content = Content::Coming(self.client.begin_range("", &self.stat, range)?);
        self.blocks.insert(number, Block { content, used });
        Ok(())
    }

    /// Computes its fingerprint, as if it were a file; where `known` tells of the same object in the same state, by that.
    pub(crate) fn fingerprint(&self, known: Option<&KnownObject>) -> io::Result<Fingerprint> {
        if let Some(known) = known.filter(|known| known.url == *self.url() && known.stat == self.stat) {
            return Ok(known.fingerprint.clone());
        }
        let places = Fingerprint::places(self.stat.size);
        let mut pieces = Vec::with_capacity(places.len());
        for places in places.chunks(RANGES_AT_ONCE) {
            let pending: Vec<_> = places
                .iter()
                .map(|place| self.client.begin_range("", &self.stat, place.clone()))
                .collect::<io::Result<_>>()?;
            for pending in &pending {
                pieces.push(self.client.wait(pending)?);
            }
        }
        Ok(Fingerprint::of_pieces(self.stat.size, &pieces))
    }
}
