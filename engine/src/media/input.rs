//! Bytes for libav from a file, an object store or standard input that we opened ourselves, so that libav need not be allowed to open
//! anything, and so that the operating system's reason for a failed read is kept.

#![expect(unsafe_code, reason = "libav is C")]

use super::ffi::out_of_memory;
use crate::control::Control;
use crate::error::{Error, Result};
use crate::fingerprint::{Fingerprint, PLACE};
use crate::remote::{KnownObject, ObjectUrl, RemoteObject};
use crate::source::Input;
use crate::wait::Waiter;
use ffmpeg_sys_next as av;
use std::ffi::{c_int, c_void};
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::time::SystemTime;

/// Bytes that libav reads at a time.
const BUFFER: c_int = 64 * 1024;

#[cfg(unix)]
#[expect(clippy::cast_possible_wrap, reason = "one low bit")]
const NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits() as i32;

/// Gives the bytes.
#[derive(Debug)]
enum Medium {
    File {
        file: File,
        /// When it was last changed, as of when it was opened.
        changed: Option<SystemTime>,
        /// Waits for bytes of what is no regular file.
        waiter: Option<Waiter>,
    },
    Object(Box<RemoteObject>),
}

/// An open input, and what happened to it.
#[derive(Debug)]
struct InputReader {
    medium: Medium,
    /// Bytes of a regular file or an object, which can be sought in.
    size: Option<u64>,
    /// First bytes of an input of any other kind, read before libav asked for them; the position tells how many of them
    /// libav has got.
    head: io::Cursor<Vec<u8>>,
    control: Control,
    /// True once any byte was read.
    read_any: bool,
    error: Option<io::Error>,
}

impl InputReader {
    /// Reads the next bytes, waiting for them; none once the work has ended.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        if self.head.position() < self.head.get_ref().len() as u64 {
            return self.head.read(buffer).map(Some);
        }
        loop {
            let goes_on = match &self.medium {
                Medium::File { file, waiter: Some(waiter), .. } => waiter.readable(file)?,
                _ => !self.control.is_cancelled(),
            };
            if !goes_on {
                return Ok(None);
            }
            let read = match &mut self.medium {
                Medium::File { file, .. } => file.read(buffer),
                Medium::Object(object) => object.read(buffer),
            };
            match read {
                Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
                read => return read.map(Some),
            }
        }
    }

    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        match &mut self.medium {
            Medium::File { file, .. } => file.seek(target),
            Medium::Object(object) => object.seek(target),
        }
    }

    /// Reads the first bytes ahead, fewer where there are no more or the work has ended.
    fn read_head(&mut self) -> io::Result<()> {
        let mut head = vec![0; usize::try_from(PLACE).unwrap_or(0)];
        let mut length = 0;
        while length < head.len()
            && let Some(count) = self.read(&mut head[length..])?.filter(|&count| count > 0)
        {
            length += count;
        }
        head.truncate(length);
        self.head = io::Cursor::new(head);
        Ok(())
    }

    fn peek(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.medium {
            Medium::File { file, .. } => {
                let before = file.stream_position()?;
                file.seek(SeekFrom::Start(offset))?;
                let count = fill(buffer, |_, rest| file.read(rest))?;
                file.seek(SeekFrom::Start(before))?;
                Ok(count)
            }
            Medium::Object(object) => fill(buffer, |count, rest| object.read_at(offset + count as u64, rest)),
        }
    }
}

/// Fills `buffer` by reading until it is full or nothing more comes; says how much came.
fn fill(buffer: &mut [u8], mut read: impl FnMut(usize, &mut [u8]) -> io::Result<usize>) -> io::Result<usize> {
    let mut count = 0;
    loop {
        match read(count, &mut buffer[count..]) {
            Ok(0) => return Ok(count),
            Ok(more) => count += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A libav I/O context over a file, an object of an object store, or standard input.
#[derive(Debug)]
pub(super) struct InputIo {
    context: NonNull<av::AVIOContext>,
    reader: NonNull<InputReader>,
    path: PathBuf,
}

// SAFETY: neither libav's context nor the file has a tie to a thread; self is the only way to both.
unsafe impl Send for InputIo {}

impl InputIo {
    /// Opens `input` for reading, until `control` ends.
    ///
    /// # Errors
    /// [`Error::SourceMissing`], [`Error::Io`], and [`Error::BadSource`] for a directory.
    pub(super) fn open(input: &Input, control: &Control) -> Result<Self> {
        let path = PathBuf::from(input.name());
        if let Some(url) = input.url() {
            return Self::over_object(RemoteObject::open(&url, control)?, path, control);
        }
        let (file, metadata) = match input {
            Input::Path(path) => open_file(path)?,
            Input::Stdin => open_stdin().map_err(Error::io(&path, "cannot open standard input"))?,
        };
        if metadata.is_dir() {
            return Err(Error::bad_source(input.name(), "is a directory, not a video file"));
        }
        Self::over(file, &metadata, path, control)
    }

    /// Reads `file`, which is called `path` in errors.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(super) fn over(mut file: File, metadata: &Metadata, path: PathBuf, control: &Control) -> Result<Self> {
        // Standard input may be a regular file of which a part was read before.
        let from_start = file.stream_position().is_ok_and(|position| position == 0);
        let size = (metadata.is_file() && from_start).then_some(metadata.len());
        let waiter = (!metadata.is_file()).then(|| Waiter::new(control)).transpose();
        let waiter = waiter.map_err(Error::io(&path, "cannot be waited for"))?;
        let medium = Medium::File { file, changed: metadata.modified().ok(), waiter };
        Self::new(medium, size, path, control)
    }

    fn over_object(object: RemoteObject, path: PathBuf, control: &Control) -> Result<Self> {
        let size = Some(object.size());
        Self::new(Medium::Object(Box::new(object)), size, path, control)
    }

    fn new(medium: Medium, size: Option<u64>, path: PathBuf, control: &Control) -> Result<Self> {
        let (head, control) = (io::Cursor::new(Vec::new()), control.clone());
        let (read_any, error) = (false, None);
        let mut reader = Box::new(InputReader { medium, size, head, control, read_any, error });
        if size.is_none() {
            reader.read_head().map_err(Error::io(&path, "cannot read"))?;
        }
        let reader = NonNull::from(Box::leak(reader));
        // SAFETY: the buffer is libav's own memory, as it asks; `reader` lives until drop, which frees the context too.
        let context = unsafe {
            let buffer = av::av_malloc(BUFFER.unsigned_abs() as usize).cast();
            let seek = size.is_some().then_some(seek as _);
            NonNull::new(av::avio_alloc_context(buffer, BUFFER, 0, reader.as_ptr().cast(), Some(read), None, seek))
        };
        let Some(context) = context else {
            // SAFETY: leaked above, and no context has come to use it.
            drop(unsafe { Box::from_raw(reader.as_ptr()) });
            return Err(out_of_memory("avio_alloc_context"));
        };
        Ok(Self { context, reader, path })
    }

    /// For a format context, which must be closed before self is dropped.
    pub(super) fn as_mut_ptr(&mut self) -> *mut av::AVIOContext {
        self.context.as_ptr()
    }

    /// Bytes of a regular file.
    pub(super) fn size(&self) -> Option<u64> {
        self.reader().size
    }

    /// Tells whether a regular file has been changed since it was opened.
    pub(super) fn has_changed(&self) -> bool {
        let InputReader { medium, size, .. } = self.reader();
        match medium {
            Medium::File { file, changed, .. } => {
                let now = file.metadata().ok().filter(Metadata::is_file);
                size.is_some() && now.is_none_or(|now| Some(now.len()) != *size || now.modified().ok() != *changed)
            }
            Medium::Object(object) => object.has_changed(),
        }
    }

    /// Remembers an object's fingerprint.
    pub(super) fn known_by(&self, fingerprint: &Fingerprint) -> Option<KnownObject> {
        match &self.reader().medium {
            Medium::Object(object) => object.known_by(fingerprint),
            Medium::File { .. } => None,
        }
    }

    /// Computes the input's fingerprint: of a regular file, else of the bytes that have been read ahead.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read.
    pub(super) fn fingerprint(&self, known: Option<&KnownObject>) -> Result<Fingerprint> {
        let InputReader { medium, size, head, .. } = self.reader();
        let cannot_read = Error::io(&self.path, "cannot read");
        match (medium, *size) {
            (Medium::Object(object), _) => object.fingerprint(known).map_err(cannot_read),
            (Medium::File { file, .. }, Some(bytes)) => Fingerprint::of_file(file, bytes).map_err(cannot_read),
            (Medium::File { .. }, None) => Ok(Fingerprint::of_stream(head.get_ref())),
        }
    }

    /// Tells whether the input is the file at `path`, through whatever links.
    #[cfg(unix)]
    pub(super) fn is_at(&self, path: &Path) -> bool {
        use std::os::unix::fs::MetadataExt;
        let file = match &self.reader().medium {
            Medium::File { file, .. } => file,
            Medium::Object(object) => return ObjectUrl::of(path).as_ref() == Some(object.url()),
        };
        let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
        let (ours, other) = (file.metadata().map(identity), std::fs::metadata(path).map(identity));
        matches!((ours, other), (Ok(ours), Ok(other)) if ours == other)
    }

    /// Tells whether the input is the file at `path`, through whatever symbolic links.
    #[cfg(not(unix))]
    pub(super) fn is_at(&self, path: &Path) -> bool {
        if let Medium::Object(object) = &self.reader().medium {
            return ObjectUrl::of(path).as_ref() == Some(object.url());
        }
        let (ours, other) = (std::fs::canonicalize(&self.path), std::fs::canonicalize(path));
        matches!((ours, other), (Ok(ours), Ok(other)) if ours == other)
    }

    /// Bytes of a regular file from `offset` on, into `buffer`, while libav goes on reading where it was; says how many there
    /// were, none for anything else than a regular file.
    pub(super) fn peek(&mut self, offset: u64, buffer: &mut [u8]) -> usize {
        // SAFETY: as for `take_error`.
        let reader = unsafe { self.reader.as_mut() };
        // Damaged files name places that no file has.
        if reader.size.is_none_or(|size| offset >= size) {
            return 0;
        }
        reader.peek(offset, buffer).unwrap_or_else(|error| {
            reader.error = Some(error);
            0
        })
    }

    /// Tells whether no byte has come although libav asked for some.
    pub(super) fn is_empty(&self) -> bool {
        !self.reader().read_any
    }

    /// The failed read since the last call, if there was one.
    pub(super) fn take_error(&mut self) -> Option<Error> {
        // SAFETY: the reader is ours, and libav uses it only in calls made through `as_mut_ptr`, none of which runs.
        let error = unsafe { self.reader.as_mut() }.error.take()?;
        Some(Error::io(&self.path, "cannot read")(error))
    }

    fn reader(&self) -> &InputReader {
        // SAFETY: as for `take_error`.
        unsafe { self.reader.as_ref() }
    }
}

impl Drop for InputIo {
    fn drop(&mut self) {
        // SAFETY: the format context is closed, so nobody uses these; libav may have replaced the buffer it was given.
        unsafe {
            let mut context = self.context.as_ptr();
            av::av_freep((&raw mut (*context).buffer).cast());
            av::avio_context_free(&raw mut context);
            drop(Box::from_raw(self.reader.as_ptr()));
        }
    }
}

fn open_file(path: &Path) -> Result<(File, Metadata)> {
    let open = || {
        let mut options = File::options();
        options.read(true);
        // Opening a pipe would wait for its writer.
        #[cfg(unix)]
        if !std::fs::metadata(path)?.is_file() {
            std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, NONBLOCK);
        }
        let file = options.open(path)?;
        let metadata = file.metadata()?;
        Ok((file, metadata))
    };
    open().map_err(|cause: io::Error| match cause.kind() {
        io::ErrorKind::NotFound => Error::SourceMissing { path: path.to_path_buf() },
        _ => Error::io(path, "cannot open")(cause),
    })
}

/// Standard input as a file: one that the shell redirected can be sought in.
fn open_stdin() -> io::Result<(File, Metadata)> {
    #[cfg(unix)]
    let owned = std::os::fd::AsFd::as_fd(&io::stdin()).try_clone_to_owned()?;
    #[cfg(windows)]
    let owned = std::os::windows::io::AsHandle::as_handle(&io::stdin()).try_clone_to_owned()?;
    let file = File::from(owned);
    let metadata = file.metadata()?;
    Ok((file, metadata))
}

/// libav's callback for more bytes.
unsafe extern "C" fn read(reader: *mut c_void, buffer: *mut u8, size: c_int) -> c_int {
    // SAFETY: libav hands back the reader given to avio_alloc_context, and a buffer of `size` writable bytes.
    let (reader, buffer) = unsafe {
        (&mut *reader.cast::<InputReader>(), std::slice::from_raw_parts_mut(buffer, size.unsigned_abs() as usize))
    };
    match reader.read(buffer) {
        Ok(None) => av::AVERROR_EXIT,
        Ok(Some(0)) => av::AVERROR_EOF,
        Ok(Some(count)) => {
            reader.read_any = true;
            // No more than `size` bytes were asked for.
            c_int::try_from(count).unwrap_or(size)
        }
        Err(error) => {
            reader.error = Some(error);
            av::AVERROR(av::EIO)
        }
    }
}

/// libav's callback to move, or to learn the size.
unsafe extern "C" fn seek(reader: *mut c_void, offset: i64, whence: c_int) -> i64 {
    // SAFETY: libav hands back the reader given to avio_alloc_context.
    let reader = unsafe { &mut *reader.cast::<InputReader>() };
    let target = match whence & !av::AVSEEK_FORCE {
        av::AVSEEK_SIZE => return reader.size.and_then(|size| i64::try_from(size).ok()).unwrap_or(-1),
        av::SEEK_SET if offset >= 0 => SeekFrom::Start(offset.unsigned_abs()),
        av::SEEK_CUR => SeekFrom::Current(offset),
        av::SEEK_END => SeekFrom::End(offset),
        _ => return i64::from(av::AVERROR(av::EINVAL)),
    };
    match reader.seek(target) {
        Ok(position) => i64::try_from(position).unwrap_or(i64::MAX),
        // A damaged index can ask for places that no file has: that is no failure of the file.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => i64::from(av::AVERROR(av::EINVAL)),
        Err(error) => {
            reader.error = Some(error);
            i64::from(av::AVERROR(av::EIO))
        }
    }
}
