//! Reading back a file that was written, as far as its tables tell: nothing is decoded, and nothing is guessed.

#![expect(unsafe_code, reason = "libav is C")]

use super::audio::AudioTrack;
use super::ffi::{self, AvDict, AvPacket, check};
use super::input::InputIo;
use super::parameters::CodecParameters;
use super::{hdr, log, tracks};
use crate::colour::HdrMetadata;
use crate::control::Control;
use crate::encryption::ContentKey;
use crate::error::{Error, Result};
use crate::geometry::{Rational, Size};
use crate::source::{Input, Role};
use ffmpeg_sys_next as av;
use std::ffi::{CString, c_int};
use std::fs::File;
use std::path::Path;

/// An MP4 file with at most one video track and any number of audio tracks.
#[derive(Debug)]
pub(crate) struct RenditionReader {
    context: *mut av::AVFormatContext,
    /// Outlives the context, which is closed in `drop`.
    io: InputIo,
    video: Option<*mut av::AVStream>,
    audio: Vec<*mut av::AVStream>,
    packet: AvPacket,
}

/// The container's description of a video track.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct VideoDescription {
    /// libav's name of the codec.
    pub(crate) codec: String,
    /// Contents of the codec's configuration box (for AV1, `av1C`).
    pub(crate) configuration: Vec<u8>,
    pub(crate) size: Size,
    /// Width of a pixel over its height; none when it does not say.
    pub(crate) sample_aspect: Option<Rational>,
    /// Primaries, transfer, matrix: H.273.
    pub(crate) cicp: [u32; 3],
    pub(crate) full_range: bool,
    pub(crate) hdr: HdrMetadata,
    pub(crate) time_base: Rational,
    /// Three letters; none where it does not say.
    pub(crate) language: Option<String>,
}

/// The container's description of an audio track.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AudioDescription {
    /// libav's name of the codec.
    pub(crate) codec: String,
    pub(crate) time_base: Rational,
    /// Whether it is the one that players take by themselves.
    pub(crate) default: bool,
    /// Three letters; none where it does not say.
    pub(crate) language: Option<String>,
    /// What it is for, of what MP4 says of that.
    pub(crate) roles: Vec<Role>,
}

/// The track that a packet belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TrackKind {
    Video,
    /// The audio track of this place.
    Audio(usize),
}

/// A packet as it lies in the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoredPacket<'a> {
    pub(crate) kind: TrackKind,
    pub(crate) data: &'a [u8],
    /// When it is shown, edit list applied; none when the container does not say.
    pub(crate) pts: Option<i64>,
    /// When it is decoded, likewise.
    pub(crate) dts: Option<i64>,
    pub(crate) key: bool,
    /// True where the edit list leaves it out.
    pub(crate) hidden: bool,
}

impl RenditionReader {
    /// Opens `file`, at its beginning; `path` is what it is called in errors.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read; [`Error::Libav`] when it is not an MP4 file or has two video tracks.
    pub(crate) fn over(file: File, path: &Path) -> Result<Self> {
        let metadata = file.metadata().map_err(Error::io(path, "cannot read"))?;
        Self::with(InputIo::over(file, &metadata, path.to_path_buf(), &Control::default())?, None)
    }

    /// Opens the encrypted file or object at `path`, whose packets come decrypted.
    ///
    /// # Errors
    /// As [`RenditionReader::over`]; [`Error::SourceMissing`]; [`Error::Cancelled`].
    pub(crate) fn decrypting(path: &Path, key: &ContentKey, control: &Control) -> Result<Self> {
        Self::with(InputIo::open(&Input::Path(path.to_path_buf()), control)?, Some(key))
    }

    fn with(mut io: InputIo, key: Option<&ContentKey>) -> Result<Self> {
        log::capture();
        let mut options = AvDict::new();
        options.set(c"fflags", c"noparse+nofillin")?;
        if let Some(key) = key {
            // Digits alone.
            let digits = CString::new(key.secret_hex()).unwrap_or_default();
            options.set(c"decryption_key", &digits)?;
        }
        let packet = AvPacket::new()?;
        // SAFETY: a new context is given our I/O, which outlives it, and becomes the reader's; libav frees it when it
        // fails. The format is null or libav's own.
        let (context, code) = unsafe {
            let mut context = av::avformat_alloc_context();
            if context.is_null() {
                return Err(ffi::out_of_memory("avformat_alloc_context"));
            }
            (*context).pb = io.as_mut_ptr();
            let format = av::av_find_input_format(c"mov".as_ptr());
            let code = av::avformat_open_input(&raw mut context, c"".as_ptr(), format, options.as_mut_ptr());
            (context, code)
        };
        if code < 0 {
            return Err(io.take_error().unwrap_or_else(|| ffi::libav_error("avformat_open_input", code)));
        }
        let mut reader = Self { context, io, video: None, audio: Vec::new(), packet };
        match reader.io.take_error() {
            Some(error) => Err(error),
            None => reader.find_tracks().map(|()| reader),
        }
    }

    fn find_tracks(&mut self) -> Result<()> {
        // SAFETY: the context is open.
        let count = unsafe { (*self.context).nb_streams };
        for index in 0..count {
            // SAFETY: the context has so many streams, all of them valid until it is closed.
            let stream = unsafe { *(*self.context).streams.add(index as usize) };
            // SAFETY: as above.
            match unsafe { (*(*stream).codecpar).codec_type } {
                av::AVMediaType::AVMEDIA_TYPE_VIDEO if self.video.replace(stream).is_some() => {
                    return Err(ffi::libav_error("avformat_open_input", av::AVERROR_INVALIDDATA));
                }
                av::AVMediaType::AVMEDIA_TYPE_AUDIO => self.audio.push(stream),
                _ => {}
            }
        }
        Ok(())
    }

    /// The video track.
    pub(crate) fn video(&self) -> Option<VideoDescription> {
        let stream = self.video?;
        // SAFETY: the stream is the open context's; the codes are enumerations of 32 bits.
        unsafe {
            let parameters = (*stream).codecpar;
            let code = |field: *const u32| field.read();
            Some(VideoDescription {
                codec: codec(parameters),
                configuration: extradata(parameters),
                size: Size {
                    width: u32::try_from((*parameters).width).unwrap_or(0),
                    height: u32::try_from((*parameters).height).unwrap_or(0),
                },
                sample_aspect: ffi::rational((*stream).sample_aspect_ratio).filter(|aspect| aspect.num > 0),
                cicp: [
                    code((&raw const (*parameters).color_primaries).cast()),
                    code((&raw const (*parameters).color_trc).cast()),
                    code((&raw const (*parameters).color_space).cast()),
                ],
                full_range: (*parameters).color_range == av::AVColorRange::AVCOL_RANGE_JPEG,
                hdr: hdr::of_stream(stream),
                time_base: ffi::rational((*stream).time_base)?,
                language: tracks::language(&*stream),
            })
        }
    }

    /// The audio tracks.
    pub(crate) fn audio(&self) -> Vec<AudioDescription> {
        let described = |&stream: &*mut av::AVStream| {
            // SAFETY: the stream is the open context's.
            let (stream, codec) = unsafe { (&*stream, codec((*stream).codecpar)) };
            let time_base = ffi::rational(stream.time_base)?;
            let (default, language) = (tracks::is_default(stream), tracks::language(stream));
            Some(AudioDescription { codec, time_base, default, language, roles: tracks::roles(stream) })
        };
        self.audio.iter().filter_map(described).collect()
    }

    /// The first audio track, as its packets lie in the file.
    ///
    /// # Errors
    /// [`Error::Libav`] when memory has run out.
    pub(crate) fn sound(&self) -> Result<Option<AudioTrack>> {
        let Some(&stream) = self.audio.first() else { return Ok(None) };
        // SAFETY: the stream is the open context's, and has parameters.
        let (parameters, time_base) =
            unsafe { (CodecParameters::copy_of((*stream).codecpar)?, ffi::rational((*stream).time_base)) };
        Ok(time_base.map(|time_base| AudioTrack {
            parameters,
            time_base,
            copied: true,
            to_level: false,
            language: None,
            title: None,
            roles: Vec::new(),
        }))
    }

    /// The next packet of any track, in the order of the file.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read; [`Error::Libav`] when it cannot be understood.
    pub(crate) fn next(&mut self) -> Result<Option<StoredPacket<'_>>> {
        let kind = loop {
            self.packet.unref();
            // SAFETY: the context is open and the packet empty.
            let code = unsafe { av::av_read_frame(self.context, self.packet.as_mut_ptr()) };
            if let Some(error) = self.io.take_error() {
                return Err(error);
            }
            if code == av::AVERROR_EOF {
                return Ok(None);
            }
            check("av_read_frame", code)?;
            let stream = self.packet.fields().stream_index;
            if self.video.is_some_and(|video| is(video, stream)) {
                break TrackKind::Video;
            }
            if let Some(track) = self.audio.iter().position(|&audio| is(audio, stream)) {
                break TrackKind::Audio(track);
            }
        };
        let fields = self.packet.fields();
        let time = |ticks| (ticks != av::AV_NOPTS_VALUE).then_some(ticks);
        Ok(Some(StoredPacket {
            kind,
            data: self.packet.data(),
            pts: time(fields.pts),
            dts: time(fields.dts),
            key: fields.flags & av::AV_PKT_FLAG_KEY != 0,
            hidden: fields.flags & av::AV_PKT_FLAG_DISCARD != 0,
        }))
    }
}

impl Drop for RenditionReader {
    fn drop(&mut self) {
        // SAFETY: opened by `open`.
        unsafe { av::avformat_close_input(&raw mut self.context) };
    }
}

/// Tells whether `track` is stream `index`.
fn is(track: *const av::AVStream, index: c_int) -> bool {
    // SAFETY: a reader's tracks are streams of its open context.
    unsafe { (*track).index == index }
}

/// # Safety
/// `parameters` are valid.
unsafe fn codec(parameters: *const av::AVCodecParameters) -> String {
    // SAFETY: libav has a static name for every codec, known or not.
    unsafe { ffi::text(av::avcodec_get_name((*parameters).codec_id)) }.unwrap_or_default()
}

/// # Safety
/// `parameters` are valid.
unsafe fn extradata(parameters: *const av::AVCodecParameters) -> Vec<u8> {
    // SAFETY: libav keeps `extradata_size` readable bytes there.
    unsafe {
        let (data, size) = ((*parameters).extradata, usize::try_from((*parameters).extradata_size).unwrap_or(0));
        if data.is_null() { Vec::new() } else { std::slice::from_raw_parts(data, size).to_vec() }
    }
}
