//! The least that stands between libav's C and the rest of the module: owners that free what they hold, return codes as
//! errors, C strings as text. Everything else calls libav through pointers taken from these.

#![expect(unsafe_code, reason = "libav is C")]

use crate::error::{Error, Result};
use crate::geometry::Rational;
use ffmpeg_sys_next as av;
use std::ffi::{CStr, c_char, c_int};
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// `code` when it is not negative, else an [`Error::Libav`] that names `call`.
pub(crate) fn check(call: &'static str, code: c_int) -> Result<c_int> {
    if code < 0 { Err(libav_error(call, code)) } else { Ok(code) }
}

/// The error for a negative `code` that `call` returned.
pub(crate) fn libav_error(call: &'static str, code: c_int) -> Error {
    Error::Libav { call, why: error_text(code) }
}

/// The error for a `call` that returned null for want of memory.
pub(crate) fn out_of_memory(call: &'static str) -> Error {
    libav_error(call, av::AVERROR(av::ENOMEM))
}

/// libav's own text for a return code.
pub(crate) fn error_text(code: c_int) -> String {
    let mut buffer = [0; 128];
    // SAFETY: the buffer is writable for the length given, and av_strerror ends it with a zero in every case.
    unsafe {
        av::av_strerror(code, buffer.as_mut_ptr(), buffer.len());
        text(buffer.as_ptr()).unwrap_or_default()
    }
}

/// A C string as text, with whatever is not UTF-8 replaced; none for null.
///
/// # Safety
/// `string` is null or points to bytes that end with a zero.
pub(crate) unsafe fn text(string: *const c_char) -> Option<String> {
    // SAFETY: not null here, and the caller vouches for the rest.
    (!string.is_null()).then(|| unsafe { CStr::from_ptr(string) }.to_string_lossy().into_owned())
}

/// A libav fraction; none when its denominator is not positive, which is how libav says "unknown".
pub(crate) fn rational(value: av::AVRational) -> Option<Rational> {
    (value.den > 0).then(|| Rational::new(i64::from(value.num), i64::from(value.den)))
}

/// A fraction for libav, the nearest that fits in 32 bits.
pub(crate) fn av_rational(value: Rational) -> av::AVRational {
    let (mut num, mut den) = (0, 1);
    // SAFETY: writes to the two locals.
    unsafe { av::av_reduce(&raw mut num, &raw mut den, value.num, value.den, i64::from(c_int::MAX)) };
    av::AVRational { num, den }
}

/// Seconds of `ticks`.
pub(crate) fn seconds(ticks: i64, time_base: Rational) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "an approximation for people")]
    let ticks = ticks as f64;
    ticks * time_base.as_f64()
}

/// The side data of `kind` that hangs on a stream.
///
/// # Safety
/// `stream` is valid, and not changed while the bytes are in use.
pub(crate) unsafe fn stream_side_data<'a>(
    stream: *const av::AVStream,
    kind: av::AVPacketSideDataType,
) -> Option<&'a [u8]> {
    // SAFETY: the caller vouches for the stream; libav keeps `size` bytes at `data`.
    unsafe {
        #[cfg(ffmpeg_6_1)]
        let (data, size) = {
            let parameters = (*stream).codecpar;
            let found =
                av::av_packet_side_data_get((*parameters).coded_side_data, (*parameters).nb_coded_side_data, kind);
            found.as_ref().map(|found| (found.data.cast_const(), found.size))?
        };
        #[cfg(not(ffmpeg_6_1))]
        let (data, size) = {
            let mut size = 0;
            let data = av::av_stream_get_side_data(stream, kind, &raw mut size);
            (data.cast_const(), size)
        };
        (!data.is_null()).then(|| std::slice::from_raw_parts(data, size))
    }
}

/// The side data of `kind` that hangs on a frame.
pub(crate) fn frame_side_data(frame: &AvFrame, kind: av::AVFrameSideDataType) -> Option<&[u8]> {
    // SAFETY: a valid frame, which keeps `size` bytes at `data` as long as it is not changed.
    unsafe {
        let found = av::av_frame_get_side_data(frame.as_ptr(), kind).as_ref()?;
        (!found.data.is_null()).then(|| std::slice::from_raw_parts(found.data, found.size))
    }
}

/// Declares an owner of a libav object that one function allocates and another frees.
macro_rules! owner {
    ($(#[$doc:meta])* $name:ident, $raw:ty, $free:path) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name(ptr::NonNull<$raw>);

        // SAFETY: libav objects have no tie to a thread; the owner is the only way to this one.
        unsafe impl Send for $name {}

        impl $name {
            /// Takes over what `call` returned.
            ///
            /// # Safety
            /// `raw` is null, or an object of which nobody else will free or use a part.
            pub(crate) unsafe fn from_raw(call: &'static str, raw: *mut $raw) -> Result<Self> {
                ptr::NonNull::new(raw).map(Self).ok_or_else(|| out_of_memory(call))
            }

            /// For libav calls that change it.
            pub(crate) fn as_mut_ptr(&mut self) -> *mut $raw {
                self.0.as_ptr()
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                let mut raw = self.0.as_ptr();
                // SAFETY: allocated by libav, owned by self alone, freed once.
                unsafe { $free(&raw mut raw) };
            }
        }
    };
}

owner!(
    /// A packet: compressed bytes on their way between container and codec.
    AvPacket, av::AVPacket, av::av_packet_free
);
owner!(
    /// A decoded frame, of video or audio.
    AvFrame, av::AVFrame, av::av_frame_free
);
owner!(
    /// A decoder or an encoder.
    CodecContext, av::AVCodecContext, free_codec_context
);
owner!(
    /// The parameters that a decoder must know before the first packet.
    Parameters, av::AVCodecParameters, av::avcodec_parameters_free
);
owner!(
    /// A converter of audio samples.
    ResampleContext, av::SwrContext, av::swr_free
);
owner!(
    /// Buffers of one size that are used again once nobody refers to them.
    BufferPool, av::AVBufferPool, av::av_buffer_pool_uninit
);

/// Declares for owners how to look at what they hold.
macro_rules! readable {
    ($($name:ident: $raw:ty),*) => {
        $(impl $name {
            /// For libav calls that read it.
            pub(crate) fn as_ptr(&self) -> *const $raw {
                self.0.as_ptr()
            }
        })*
    };
}

readable!(AvPacket: av::AVPacket, AvFrame: av::AVFrame, CodecContext: av::AVCodecContext, Parameters: av::AVCodecParameters);

impl AvPacket {
    /// An empty packet.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: the new packet belongs to nobody else.
        unsafe { Self::from_raw("av_packet_alloc", av::av_packet_alloc()) }
    }

    /// A packet of its own with a copy of `data`.
    pub(crate) fn copy_of(data: &[u8]) -> Result<Self> {
        let size = c_int::try_from(data.len()).map_err(|_| out_of_memory("av_new_packet"))?;
        let mut packet = Self::new()?;
        // SAFETY: the packet is valid and empty; then it has as many writable bytes as `data`, which it is not part of.
        unsafe {
            check("av_new_packet", av::av_new_packet(packet.as_mut_ptr(), size))?;
            ptr::copy_nonoverlapping(data.as_ptr(), (*packet.as_mut_ptr()).data, data.len());
        }
        Ok(packet)
    }

    /// The same, with this time for presentation and decoding.
    pub(crate) fn copy_at(data: &[u8], stamp: i64) -> Result<Self> {
        let mut packet = Self::copy_of(data)?;
        // SAFETY: a valid packet, and ours.
        let fields = unsafe { &mut *packet.as_mut_ptr() };
        (fields.pts, fields.dts) = (stamp, stamp);
        Ok(packet)
    }

    /// Its fields.
    pub(crate) fn fields(&self) -> &av::AVPacket {
        // SAFETY: the pointer is valid as long as self, and libav changes the packet only through `as_mut_ptr`.
        unsafe { &*self.as_ptr() }
    }

    /// Its compressed bytes.
    pub(crate) fn data(&self) -> &[u8] {
        let fields = self.fields();
        match usize::try_from(fields.size) {
            // SAFETY: libav keeps `size` readable bytes at `data`, as long as the packet is not changed.
            Ok(size) if !fields.data.is_null() => unsafe { std::slice::from_raw_parts(fields.data, size) },
            _ => &[],
        }
    }

    /// The extradata that holds from this packet on, when the demuxer says that it changes.
    pub(crate) fn new_extradata(&self) -> Option<&[u8]> {
        const KIND: av::AVPacketSideDataType = av::AVPacketSideDataType::AV_PKT_DATA_NEW_EXTRADATA;
        let mut size = 0;
        // SAFETY: a valid packet, which keeps `size` bytes at `data` as long as it is not changed.
        unsafe {
            let data = av::av_packet_get_side_data(self.as_ptr(), KIND, &raw mut size);
            (!data.is_null()).then(|| std::slice::from_raw_parts(data, size))
        }
    }

    /// Another packet of the same bytes.
    pub(crate) fn share(&self) -> Result<Self> {
        // SAFETY: a valid packet; the new one belongs to nobody else.
        unsafe { Self::from_raw("av_packet_clone", av::av_packet_clone(self.as_ptr())) }
    }

    /// Lets go of its bytes.
    pub(crate) fn unref(&mut self) {
        // SAFETY: a valid packet, which may be empty.
        unsafe { av::av_packet_unref(self.as_mut_ptr()) };
    }
}

impl AvFrame {
    /// An empty frame.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: the new frame belongs to nobody else.
        unsafe { Self::from_raw("av_frame_alloc", av::av_frame_alloc()) }
    }

    /// Its fields.
    pub(crate) fn fields(&self) -> &av::AVFrame {
        // SAFETY: the pointer is valid as long as self, and libav changes the frame only through `as_mut_ptr`.
        unsafe { &*self.as_ptr() }
    }
}

impl BufferPool {
    /// A pool of buffers of `bytes`, each of zeros when it is first taken.
    pub(crate) fn new(bytes: usize) -> Result<Self> {
        // SAFETY: the new pool belongs to nobody else.
        unsafe { Self::from_raw("av_buffer_pool_init", av::av_buffer_pool_init(bytes, Some(av::av_buffer_allocz))) }
    }

    /// A buffer that nobody else refers to, for the caller to unref.
    pub(crate) fn take(&mut self) -> Result<*mut av::AVBufferRef> {
        // SAFETY: the pool is valid; buffers outlive it as long as they are referred to.
        let buffer = unsafe { av::av_buffer_pool_get(self.as_mut_ptr()) };
        if buffer.is_null() { Err(out_of_memory("av_buffer_pool_get")) } else { Ok(buffer) }
    }
}

impl CodecContext {
    /// A context for `codec`, not yet opened.
    ///
    /// # Safety
    /// `codec` is null or one of libav's codecs.
    pub(crate) unsafe fn new(codec: *const av::AVCodec) -> Result<Self> {
        // SAFETY: the new context belongs to nobody else; the caller vouches for `codec`.
        unsafe { Self::from_raw("avcodec_alloc_context3", av::avcodec_alloc_context3(codec)) }
    }

    /// Calls `avcodec_open2` for the codec that it was made for, and returns its code.
    ///
    /// # Safety
    /// It was made for a codec and is not yet open; what its fields point to is valid.
    pub(crate) unsafe fn open(&mut self) -> c_int {
        let _alone = alone();
        // SAFETY: the caller vouches for the context.
        unsafe { av::avcodec_open2(self.as_mut_ptr(), ptr::null(), ptr::null_mut()) }
    }
}

/// # Safety
/// As for `avcodec_free_context`.
unsafe fn free_codec_context(context: *mut *mut av::AVCodecContext) {
    let _alone = alone();
    // SAFETY: the caller vouches for the context.
    unsafe { av::avcodec_free_context(context) };
}

/// Held while a codec is opened or closed. libav lets none be opened beside another, but closes them when it is told
/// to; and SVT-AV1, at least from 0.9 to 2.3, keeps a list of processors for all its encoders that each one makes when it
/// is opened and frees when it is closed.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Parameters {
    /// Of no codec yet.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: the new parameters belong to nobody else.
        unsafe { Self::from_raw("avcodec_parameters_alloc", av::avcodec_parameters_alloc()) }
    }
}

/// libav's dictionary of options or metadata. Empty ones hold no memory.
#[derive(Debug)]
pub(crate) struct AvDict(*mut av::AVDictionary);

// SAFETY: a dictionary has no tie to a thread; the owner is the only way to this one.
unsafe impl Send for AvDict {}

impl AvDict {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self(ptr::null_mut())
    }

    /// Adds or replaces an entry.
    pub(crate) fn set(&mut self, key: &CStr, value: &CStr) -> Result<()> {
        // SAFETY: the dictionary is ours, and libav copies both strings.
        let code = unsafe { av::av_dict_set(&raw mut self.0, key.as_ptr(), value.as_ptr(), 0) };
        check("av_dict_set", code).map(drop)
    }

    /// For libav calls that take options and leave those that they did not know.
    pub(crate) fn as_mut_ptr(&mut self) -> *mut *mut av::AVDictionary {
        &raw mut self.0
    }

    /// The dictionary; null when it is empty.
    #[cfg(test)]
    fn as_ptr(&self) -> *const av::AVDictionary {
        self.0
    }
}

impl Drop for AvDict {
    fn drop(&mut self) {
        // SAFETY: the dictionary is ours or null.
        unsafe { av::av_dict_free(&raw mut self.0) };
    }
}

/// The value of `key` in a dictionary, whatever the key's case; none when it is not there or empty.
///
/// # Safety
/// `dictionary` is null or valid.
pub(crate) unsafe fn dict_text(dictionary: *const av::AVDictionary, key: &CStr) -> Option<String> {
    // SAFETY: the caller vouches for the dictionary; the entry is read before anything can change it.
    let value = unsafe {
        let entry = av::av_dict_get(dictionary, key.as_ptr(), ptr::null(), 0);
        if entry.is_null() { None } else { text((*entry).value) }
    };
    value.filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_become_sentences() {
        assert_eq!(check("f", 3).unwrap(), 3);
        let message = check("avcodec_open2", av::AVERROR_DECODER_NOT_FOUND).unwrap_err().to_string();
        assert_eq!(message, "libav: avcodec_open2: Decoder not found");
    }

    #[test]
    fn dictionaries_keep_text() {
        let mut dict = AvDict::new();
        dict.set(c"title", c"A film").unwrap();
        dict.set(c"empty", c"").unwrap();
        // SAFETY: the dictionary lives until the end of the test.
        unsafe {
            assert_eq!(dict_text(dict.as_ptr(), c"TITLE").as_deref(), Some("A film"));
            assert_eq!(dict_text(dict.as_ptr(), c"empty"), None);
            assert_eq!(dict_text(ptr::null(), c"title"), None);
        }
    }

    #[test]
    fn fractions_cross_both_ways() {
        assert_eq!(rational(av::AVRational { num: 2, den: 4 }), Some(Rational::new(1, 2)));
        assert_eq!(rational(av::AVRational { num: 0, den: 0 }), None);
        let back = av_rational(Rational::new(30_000, 1001));
        assert_eq!((back.num, back.den), (30_000, 1001));
    }
}
