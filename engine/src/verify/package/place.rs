//! Where the files of a package are.

use crate::control::Control;
use crate::error::{Error, Result};
use crate::remote::{self, ObjectUrl, RemoteObject};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The largest manifest that is read, in bytes.
const LARGEST_MANIFEST: u64 = 64 << 20;

/// Where the files of a package are.
#[derive(Clone, Debug)]
pub enum Place {
    /// In a folder, or below the URL of an object store or web server.
    Folder(PathBuf),
    /// Under names that they do not have yet.
    Named(BTreeMap<String, PathBuf>),
}

/// A file of a package, or several as if they were one, which is read from any place on.
pub(super) enum Media {
    File(File),
    Remote(Box<RemoteObject>),
    Parts(Box<Parts>),
}

/// Files that are read as if they were one, of which one is open.
pub(super) struct Parts {
    place: Place,
    control: Control,
    /// Their names, and where each begins and ends.
    files: Vec<(String, Range<u64>)>,
    open: Option<(usize, Media)>,
}

impl Place {
    /// Where the file of this name is, as far as it is one of the package's: a name that leads out of its place is none.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        let inside = !name.is_empty()
            && !name.contains("://")
            && name.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        match self {
            Self::Folder(folder) => inside.then(|| remote::below(folder, Path::new(name))),
            Self::Named(files) => files.get(name).cloned(),
        }
    }

    /// Reads a manifest; none where it is not there.
    pub(super) fn text(&self, name: &str, control: &Control) -> Result<Option<String>> {
        let Some(path) = self.path(name) else { return Ok(None) };
        let bytes = if ObjectUrl::of(&path).is_some() {
            remote::read(&path, LARGEST_MANIFEST, control)?
        } else {
            match File::open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                opened => {
                    let mut bytes = Vec::new();
                    let file = opened.map_err(Error::io(&path, "cannot open"))?;
                    file.take(LARGEST_MANIFEST).read_to_end(&mut bytes).map_err(Error::io(&path, "cannot read"))?;
                    Some(bytes)
                }
            }
        };
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Opens a track file, and says how many bytes it has; none where it is not there.
    pub(super) fn open(&self, name: &str, control: &Control) -> Result<Option<(Media, u64)>> {
        let Some(path) = self.path(name) else { return Ok(None) };
        if let Some(url) = ObjectUrl::of(&path) {
            return match RemoteObject::open(&url, control) {
                Ok(object) => {
                    let size = object.size();
                    Ok(Some((Media::Remote(Box::new(object)), size)))
                }
                Err(Error::SourceMissing { .. }) => Ok(None),
                Err(error) => Err(error),
            };
        }
        match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            opened => {
                let file = opened.map_err(Error::io(&path, "cannot open"))?;
                let size = file.metadata().map_err(Error::io(&path, "cannot read"))?.len();
                Ok(Some((Media::File(file), size)))
            }
        }
    }
}

impl Media {
    /// Files of a place as if they were one: their names, and where each begins and ends.
    pub(super) fn of_parts(place: &Place, files: Vec<(String, Range<u64>)>, control: &Control) -> Self {
        Self::Parts(Box::new(Parts { place: place.clone(), control: control.clone(), files, open: None }))
    }

    /// Fills a buffer from this place on.
    pub(super) fn read_at(&mut self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        match self {
            Self::Parts(parts) => parts.read_at(at, buffer),
            Self::File(file) => file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(buffer)),
            Self::Remote(object) => {
                let mut done = 0;
                while done < buffer.len() {
                    match object.read_at(at + done as u64, &mut buffer[done..])? {
                        0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                        count => done += count,
                    }
                }
                Ok(())
            }
        }
    }
}

impl Parts {
    fn read_at(&mut self, mut at: u64, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            let number = self.files.partition_point(|(_, range)| range.end <= at);
            let (name, range) = self.files.get(number).ok_or(io::ErrorKind::UnexpectedEof)?;
            if self.open.as_ref().is_none_or(|(open, _)| *open != number) {
                let opened = self.place.open(name, &self.control).map_err(io::Error::other)?;
                let (media, _) = opened.ok_or(io::ErrorKind::NotFound)?;
                self.open = Some((number, media));
            }
            let Some((_, media)) = &mut self.open else { return Err(io::ErrorKind::NotFound.into()) };
            let length = usize::try_from(range.end - at).unwrap_or(usize::MAX).min(buffer.len());
            let (first, rest) = buffer.split_at_mut(length);
            media.read_at(at - range.start, first)?;
            (at, buffer) = (at + length as u64, rest);
        }
        Ok(())
    }
}
