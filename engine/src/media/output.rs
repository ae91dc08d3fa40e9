//! The file under a muxer. libav writes it through Rust, so that the operating system's own error is kept.

#![expect(unsafe_code, reason = "libav is C")]

use super::ffi::out_of_memory;
use crate::error::{Error, Result};
use ffmpeg_sys_next as av;
use std::ffi::{c_char, c_int, c_void};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::ptr::{self, NonNull};

/// Bytes that libav gathers before it writes.
const BUFFER: usize = 256 << 10;

/// A file that is being written, and libav's view of it.
#[derive(Debug)]
pub(super) struct OutputFile {
    /// libav's callbacks reach it too, but run only inside libav calls.
    state: NonNull<OutputState>,
    io: *mut av::AVIOContext,
}

#[derive(Debug)]
struct OutputState {
    path: PathBuf,
    file: File,
    /// The first failure.
    failure: Option<io::Error>,
}

// SAFETY: neither a file nor an AVIOContext has a tie to a thread.
unsafe impl Send for OutputFile {}

impl OutputFile {
    /// Makes the file, or empties what is there.
    pub(super) fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).map_err(Error::io(path, "cannot write"))?;
        let state = Box::new(OutputState { path: path.to_path_buf(), file, failure: None });
        let mut output = Self { state: NonNull::from(Box::leak(state)), io: ptr::null_mut() };
        // SAFETY: the state lives until `output`, which frees the AVIOContext before it, is dropped.
        output.io = unsafe {
            alloc_io(output.state.as_ptr().cast(), |buffer, opaque| {
                av::avio_alloc_context(buffer, BUFFER as c_int, 1, opaque, None, Some(write), Some(seek))
            })
        };
        if output.io.is_null() { Err(out_of_memory("avio_alloc_context")) } else { Ok(output) }
    }

    /// Makes `context` write this file.
    ///
    /// # Safety
    /// `context` is a valid muxer that is freed before this file is dropped.
    pub(super) unsafe fn attach(&mut self, context: *mut av::AVFormatContext) {
        // SAFETY: the caller vouches for `context`; its fields may be set until the header is written.
        unsafe {
            (*context).pb = self.io;
            (*context).flags |= av::AVFMT_FLAG_CUSTOM_IO;
            (*context).opaque = self.state.as_ptr().cast();
            (*context).io_open = Some(reopen);
            (*context).io_close2 = Some(close);
        }
    }

    /// The first failure to write, if there was one since the last call.
    pub(super) fn take_failure(&mut self) -> Option<Error> {
        // SAFETY: no libav call is running, so nobody else uses the state.
        let state = unsafe { self.state.as_mut() };
        state.failure.take().map(Error::io(&state.path, "cannot write"))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        // SAFETY: no libav call is running, so nobody changes the state.
        unsafe { &self.state.as_ref().path }
    }

    /// Waits until everything written is on the disk, and gives the number of bytes.
    pub(super) fn sync(&mut self) -> Result<u64> {
        // SAFETY: no libav call is running, so nobody else uses the state.
        let state = unsafe { self.state.as_mut() };
        let synced = state.file.sync_all().and_then(|()| state.file.metadata());
        Ok(synced.map_err(Error::io(&state.path, "cannot write"))?.len())
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        // SAFETY: both were allocated by `create` and nobody uses them any more.
        unsafe {
            free_io(self.io);
            drop(Box::from_raw(self.state.as_ptr()));
        }
    }
}

/// An AVIOContext made by `alloc` with a buffer of its own and `opaque`; null when memory has run out.
///
/// # Safety
/// `alloc` hands both to `avio_alloc_context`, whose callbacks fit `opaque`.
unsafe fn alloc_io(
    opaque: *mut c_void,
    alloc: impl FnOnce(*mut u8, *mut c_void) -> *mut av::AVIOContext,
) -> *mut av::AVIOContext {
    // SAFETY: the buffer is the AVIOContext's once there is one, and freed here otherwise.
    unsafe {
        let buffer = av::av_malloc(BUFFER);
        let io = if buffer.is_null() { ptr::null_mut() } else { alloc(buffer.cast(), opaque) };
        if io.is_null() {
            av::av_free(buffer);
        }
        io
    }
}

/// Frees an AVIOContext of `alloc_io`, or null.
///
/// # Safety
/// Nobody uses `io` any more.
unsafe fn free_io(mut io: *mut av::AVIOContext) {
    if !io.is_null() {
        // SAFETY: the buffer is libav's, as the caller's.
        unsafe {
            av::av_freep((&raw mut (*io).buffer).cast());
            av::avio_context_free(&raw mut io);
        }
    }
}

/// Keeps `error` if it is the first, and gives libav's code for it.
fn fail(failure: &mut Option<io::Error>, error: io::Error) -> c_int {
    let code = av::AVERROR(error.raw_os_error().unwrap_or(av::EIO));
    failure.get_or_insert(error);
    code
}

/// A pointer to bytes; libav 7 made the argument of its write callback const.
trait Bytes {
    fn address(self) -> *const u8;
}

impl Bytes for *mut u8 {
    fn address(self) -> *const u8 {
        self.cast_const()
    }
}

impl Bytes for *const u8 {
    fn address(self) -> *const u8 {
        self
    }
}

/// libav's write callback.
unsafe extern "C" fn write<P: Bytes>(opaque: *mut c_void, bytes: P, size: c_int) -> c_int {
    // SAFETY: `opaque` is the state that `create` gave, which nobody else uses during a libav call, and libav gives
    // `size` readable bytes.
    let (state, bytes) = unsafe {
        (
            &mut *opaque.cast::<OutputState>(),
            std::slice::from_raw_parts(bytes.address(), usize::try_from(size).unwrap_or(0)),
        )
    };
    match state.file.write_all(bytes) {
        Ok(()) => size,
        Err(error) => fail(&mut state.failure, error),
    }
}

/// libav's read callback.
unsafe extern "C" fn read(opaque: *mut c_void, bytes: *mut u8, size: c_int) -> c_int {
    // SAFETY: `opaque` is the state that `reopen` gave, which nobody else uses during a libav call, and libav gives
    // `size` writable bytes.
    let (state, bytes) = unsafe {
        (&mut *opaque.cast::<OutputState>(), std::slice::from_raw_parts_mut(bytes, usize::try_from(size).unwrap_or(0)))
    };
    loop {
        match state.file.read(bytes) {
            Ok(0) => return av::AVERROR_EOF,
            Ok(count) => return c_int::try_from(count).unwrap_or(size),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return fail(&mut state.failure, error),
        }
    }
}

/// libav's seek callback.
unsafe extern "C" fn seek(opaque: *mut c_void, offset: i64, whence: c_int) -> i64 {
    // SAFETY: `opaque` is the state of this AVIOContext, which nobody else uses during a libav call.
    let OutputState { file, failure, .. } = unsafe { &mut *opaque.cast::<OutputState>() };
    let position = match whence & !av::AVSEEK_FORCE {
        av::AVSEEK_SIZE => file.metadata().map(|metadata| metadata.len()),
        av::SEEK_SET => u64::try_from(offset).map_err(io::Error::other).and_then(|at| file.seek(SeekFrom::Start(at))),
        av::SEEK_CUR => file.seek(SeekFrom::Current(offset)),
        av::SEEK_END => file.seek(SeekFrom::End(offset)),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    };
    match position {
        Ok(position) => i64::try_from(position).unwrap_or(i64::MAX),
        Err(error) => i64::from(fail(failure, error)),
    }
}

/// libav's callback to open a file: only the output itself, which the muxer reads to move the index to the front.
unsafe extern "C" fn reopen(
    context: *mut av::AVFormatContext,
    io: *mut *mut av::AVIOContext,
    _url: *const c_char,
    flags: c_int,
    _options: *mut *mut av::AVDictionary,
) -> c_int {
    if flags != av::AVIO_FLAG_READ {
        return av::AVERROR(av::EPERM);
    }
    // SAFETY: `attach` put the state there, which nobody else uses during a libav call.
    let state = unsafe { &mut *(*context).opaque.cast::<OutputState>() };
    let file = match File::open(&state.path) {
        Ok(file) => file,
        Err(error) => return fail(&mut state.failure, error),
    };
    let reader = Box::into_raw(Box::new(OutputState { path: state.path.clone(), file, failure: None }));
    // SAFETY: the reader is this AVIOContext's alone until `close`.
    unsafe {
        *io = alloc_io(reader.cast(), |buffer, opaque| {
            av::avio_alloc_context(buffer, BUFFER as c_int, 0, opaque, Some(read), None, Some(seek))
        });
        if (*io).is_null() {
            drop(Box::from_raw(reader));
            return av::AVERROR(av::ENOMEM);
        }
    }
    0
}

/// libav's callback to close what `reopen` opened. The muxer takes a failed read for the end of the file, so it is this
/// that tells of one.
unsafe extern "C" fn close(context: *mut av::AVFormatContext, io: *mut av::AVIOContext) -> c_int {
    // SAFETY: `reopen` made the AVIOContext and its state, and libav is done with them; `attach` put the other state
    // there, which nobody else uses during a libav call.
    let (state, reader) = unsafe {
        let reader = Box::from_raw((*io).opaque.cast::<OutputState>());
        free_io(io);
        (&mut *(*context).opaque.cast::<OutputState>(), reader)
    };
    reader.failure.map_or(0, |error| fail(&mut state.failure, error))
}
