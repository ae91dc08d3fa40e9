//! Opening a container and reading packets from it.

#![expect(unsafe_code, reason = "libav is C")]

use super::boxes::Boxes;
use super::ffi::{self, AvDict, AvPacket, error_text};
use super::input::InputIo;
use super::log;
use super::protection::{self, ENCRYPTED};
use crate::control::Control;
use crate::encryption::ContentKey;
use crate::error::{Error, Remedy, Result};
use crate::fingerprint::Fingerprint;
use crate::geometry::Rational;
use crate::remote::KnownObject;
use crate::source::Input;
use ffmpeg_sys_next as av;
use std::ffi::{CStr, CString, c_int, c_void};
use std::path::Path;
use std::ptr::{self, NonNull};
use std::sync::Arc;

/// Formats that only name other files or streams.
const PLAYLISTS: [&str; 7] = ["hls", "concat", "dash", "imf", "sdp", "rtsp", "webm_dash_manifest"];

/// Formats with an index of their own, which leads to the one place of a time. Elsewhere times are looked for in the
/// stream itself, where they may occur twice.
const INDEXED: [&str; 6] = ["mov", "matroska", "avi", "mxf", "concat", "dash"];

/// Formats of still pictures.
const PICTURES: [&str; 2] = ["ico", "fits"];

/// Formats that hold one picture or many, besides those that libav calls `png_pipe` and so on: several pictures one after
/// the other in one file.
const PICTURES_OR_FILMS: [&str; 2] = ["gif", "apng"];

/// Ticks of what libav says of a container as a whole.
const MICROSECOND: Rational = Rational { num: 1, den: av::AV_TIME_BASE as i64 };

/// An opened container.
#[derive(Debug)]
pub(super) struct Demuxer {
    context: NonNull<av::AVFormatContext>,
    /// Outlives the context; none when libav itself opened a URL.
    io: Option<InputIo>,
    /// Outlives the context, which asks it whether to go on.
    control: Arc<Control>,
    name: String,
    /// Durations that the headers declare, in the ticks of each stream; later libav mixes estimates in.
    declared: Vec<Option<i64>>,
    /// The same of the whole, in microseconds.
    declared_whole: Option<i64>,
    /// Facts from the boxes, of a file that is made of them.
    boxes: Option<Boxes>,
    /// Indices of encrypted streams.
    encrypted: Vec<usize>,
    /// Packets that were read to see whether there are any, the last first.
    ahead: Vec<AvPacket>,
}

// SAFETY: the context has no tie to a thread; self is the only way to it.
unsafe impl Send for Demuxer {}

/// Outcome of reading a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadOutcome {
    /// The packet was filled.
    Packet,
    /// The container ended, as far as the demuxer can tell.
    End,
    /// The demuxer met something that it cannot read.
    Broken,
}

impl Demuxer {
    /// Opens `input` and learns its streams. `protocols` is what libav may open besides the given file itself. Once
    /// `control` has ended, this and all reading gives [`Error::Cancelled`]. With a `key` packets come decrypted.
    pub(super) fn open(
        input: &Input,
        protocols: &[String],
        key: Option<&ContentKey>,
        control: Control,
    ) -> Result<Self> {
        log::capture();
        let name = input.name();
        let whitelist = c_string(&name, &protocols.join(","))?;
        let mut options = AvDict::new();
        // An empty list would do as well, but libav reads "no list" as "anything".
        options.set(c"protocol_whitelist", if protocols.is_empty() { c"none" } else { &whitelist })?;
        if let Some(key) = key {
            options.set(c"decryption_key", &c_string(&name, &key.secret_hex())?)?;
        }
        let mut demuxer = match url_scheme(input) {
            None => Self::open_file(input, &name, protocols, control, &mut options)?,
            // libav follows what playlists name, which an object does not.
            Some(scheme) if protocols.contains(&scheme) => Self::open_url(input, &name, control, &mut options)?,
            Some(_) if input.url().is_some() => Self::open_file(input, &name, protocols, control, &mut options)?,
            Some(scheme) => {
                let rule = format!("allow the protocol {scheme} to read {name}, which is a URL");
                return Err(Error::invalid("protocols", protocols.join(","), rule));
            }
        };
        demuxer.read_boxes();
        demuxer.learn_streams()?;
        demuxer.refuse_pictures()?;
        if key.is_none() {
            demuxer.find_encrypted();
        }
        Ok(demuxer)
    }

    fn open_file(
        input: &Input,
        name: &str,
        protocols: &[String],
        control: Control,
        options: &mut AvDict,
    ) -> Result<Self> {
        let mut io = InputIo::open(input, &control)?;
        // Without a name libav judges by content alone, as it should; but what a playlist names is relative to it.
        let url = c_string(name, if protocols.is_empty() { "" } else { name })?;
        let format = probe(&mut io, &control, name, &url, !protocols.is_empty())?;
        Self::open_context(Some(io), control, name, &url, format, options)
    }

    fn open_url(input: &Input, name: &str, control: Control, options: &mut AvDict) -> Result<Self> {
        let url = match input {
            Input::Path(path) => c_string(name, &path.to_string_lossy())?,
            Input::Stdin => c_string(name, name)?,
        };
        Self::open_context(None, control, name, &url, ptr::null(), options)
    }

    fn open_context(
        mut io: Option<InputIo>,
        control: Control,
        name: &str,
        url: &CStr,
        format: *const av::AVInputFormat,
        options: &mut AvDict,
    ) -> Result<Self> {
        let control = Arc::new(control);
        // SAFETY: a new context is given our I/O and our control, both of which outlive it; libav frees it when it fails;
        // the format is null or one of libav's.
        let (context, code) = unsafe {
            let mut context = av::avformat_alloc_context();
            if context.is_null() {
                return Err(ffi::out_of_memory("avformat_alloc_context"));
            }
            (*context).pb = io.as_mut().map_or(ptr::null_mut(), InputIo::as_mut_ptr);
            (*context).interrupt_callback =
                av::AVIOInterruptCB { callback: Some(has_ended), opaque: Arc::as_ptr(&control).cast_mut().cast() };
            let code = av::avformat_open_input(&raw mut context, url.as_ptr(), format, options.as_mut_ptr());
            (context, code)
        };
        match (NonNull::new(context), code) {
            (Some(context), 0..) => {
                let mut demuxer = Self {
                    context,
                    io,
                    control,
                    name: name.to_owned(),
                    declared: Vec::new(),
                    declared_whole: None,
                    boxes: None,
                    encrypted: Vec::new(),
                    ahead: Vec::new(),
                };
                demuxer.declared = demuxer.streams().map(|stream| known(stream.duration)).collect();
                demuxer.declared_whole = known(demuxer.fields().duration).filter(|&duration| duration > 0);
                Ok(demuxer)
            }
            _ => Err(failure(&control, io.as_mut()).unwrap_or_else(|| {
                let of_playlist = playlist_hint(format, io.as_mut());
                let remedy = of_playlist.as_ref().map(|_| Remedy::AllowProtocols);
                let hint = of_playlist.unwrap_or_else(|| hint(io.as_ref()).to_owned());
                let why = format!("cannot be opened as a video: {}{hint}", error_text(code));
                Error::BadSource { name: name.to_owned(), why, remedy }
            })),
        }
    }

    fn read_boxes(&mut self) {
        let Some(size) = self.bytes().filter(|_| self.container().starts_with("mov,")) else { return };
        self.boxes = Some(Boxes::read(size, |at, buffer| self.peek(at, buffer)));
    }

    fn find_encrypted(&mut self) {
        let mut numbers = self.boxes.as_ref().map_or_else(Vec::new, |boxes| boxes.encrypted.clone());
        if let Some(size) = self.bytes().filter(|_| self.container() == "mpegts") {
            numbers.extend(protection::scrambled(size, |at, buffer| self.peek(at, buffer)));
        }
        self.encrypted = protection::encrypted_streams(self.fields(), self.streams(), &numbers);
    }

    /// Refuses what holds one picture and no film.
    fn refuse_pictures(&mut self) -> Result<()> {
        let container = self.container();
        let kind = container.strip_suffix("_pipe");
        let still = if self.boxes.as_ref().is_some_and(|boxes| boxes.picture) {
            "AVIF or HEIF"
        } else if kind.is_some() || PICTURES_OR_FILMS.contains(&container.as_str()) {
            let (mut first, mut second) = (AvPacket::new()?, AvPacket::new()?);
            if self.read(&mut first)? == ReadOutcome::Packet && self.read(&mut second)? == ReadOutcome::Packet {
                self.ahead = vec![second, first];
                return Ok(());
            }
            kind.unwrap_or(&container)
        } else if PICTURES.contains(&container.as_str()) {
            &container
        } else {
            return Ok(());
        };
        Err(self.bad(format!("is a still picture ({still}), not a film")))
    }

    fn learn_streams(&mut self) -> Result<()> {
        // SAFETY: an opened context; no options for the codecs.
        let code = unsafe { av::avformat_find_stream_info(self.context.as_ptr(), ptr::null_mut()) };
        if let Some(error) = self.take_error() {
            return Err(error);
        }
        if code < 0 {
            return Err(self.bad(format!("its streams cannot be understood: {}", error_text(code))));
        }
        // Streams that appeared while reading declare nothing.
        self.declared.resize(self.streams().count(), None);
        Ok(())
    }

    /// The context's fields.
    pub(super) fn fields(&self) -> &av::AVFormatContext {
        // SAFETY: valid as long as self, and libav changes it only in calls that take `&mut self`.
        unsafe { self.context.as_ref() }
    }

    /// For libav calls that look at a context and ask for a pointer to change it.
    pub(super) fn as_ptr(&self) -> *mut av::AVFormatContext {
        self.context.as_ptr()
    }

    /// All streams.
    pub(super) fn streams(&self) -> impl Iterator<Item = &av::AVStream> {
        let fields = self.fields();
        // SAFETY: libav keeps `nb_streams` valid pointers there.
        (0..fields.nb_streams as usize).map(|index| unsafe { &**fields.streams.add(index) })
    }

    /// The stream of an index that libav gave.
    pub(super) fn stream(&self, index: usize) -> &av::AVStream {
        let fields = self.fields();
        assert!(index < fields.nb_streams as usize, "streams are asked for by libav's own indices");
        // SAFETY: libav keeps `nb_streams` valid pointers there.
        unsafe { &**fields.streams.add(index) }
    }

    /// libav's name of the container format.
    pub(super) fn container(&self) -> String {
        // SAFETY: an opened context has a format, whose name is a constant.
        unsafe { ffi::text((*self.fields().iformat).name) }.unwrap_or_default()
    }

    /// Flags of the container format, `AVFMT_...`.
    pub(super) fn container_flags(&self) -> c_int {
        // SAFETY: an opened context has a format.
        unsafe { (*self.fields().iformat).flags }
    }

    /// The input as the user named it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Seconds that it lasts, declared or estimated.
    pub(super) fn duration(&self) -> Option<f64> {
        let duration = known(self.fields().duration)?;
        let start = if self.is_fragmented() { self.start() } else { 0 };
        Some(ffi::seconds(duration.saturating_sub(start), MICROSECOND))
    }

    /// Tells whether the input is fragmented MP4, where libav takes the end for the duration.
    pub(super) fn is_fragmented(&self) -> bool {
        self.is_format("mov") && self.streams().all(|stream| stream.nb_frames == 0)
    }

    /// Tells whether the container has no times of decoding for a stream, so that libav makes them up: it is Matroska, and not
    /// packed as in AVI, which shows in a tag that streams have by AVI's rules alone.
    pub(super) fn tells_showing_alone(&self, stream: usize) -> bool {
        // SAFETY: a stream has parameters.
        self.is_format("matroska") && unsafe { (*self.stream(stream).codecpar).codec_tag } == 0
    }

    fn is_format(&self, name: &str) -> bool {
        self.container().split(',').any(|known| known == name)
    }

    /// Where it begins, in microseconds.
    fn start(&self) -> i64 {
        known(self.fields().start_time).unwrap_or(0)
    }

    /// Tells whether the input can be opened again and gives the same: it is a regular file, and no playlist, whose files may
    /// have changed.
    pub(super) fn can_be_read_again(&self, input: &Input) -> bool {
        let playlist = PLAYLISTS.iter().any(|format| self.is_format(format));
        matches!(input, Input::Path(_)) && self.bytes().is_some() && !playlist
    }

    /// Bytes of the file, when it is one.
    pub(super) fn bytes(&self) -> Option<u64> {
        self.io.as_ref().and_then(InputIo::size)
    }

    /// Where a stream ought to end in its ticks, as its header declared it.
    pub(super) fn declared_end_of(&self, stream: usize) -> Option<i64> {
        let duration = self.declared.get(stream).copied().flatten()?;
        let start = if self.is_fragmented() { 0 } else { known(self.stream(stream).start_time).unwrap_or(0) };
        Some(start.saturating_add(duration))
    }

    /// Tells whether the file has been changed since it was opened.
    pub(super) fn has_changed(&self) -> bool {
        self.io.as_ref().is_some_and(InputIo::has_changed)
    }

    /// Gives the input's fingerprint; none when libav itself opened a URL. An object that is `known` is not read for it.
    pub(super) fn fingerprint(&self, known: Option<&KnownObject>) -> Result<Option<Fingerprint>> {
        self.io.as_ref().map(|io| io.fingerprint(known)).transpose()
    }

    /// Remembers an object's fingerprint.
    pub(super) fn known_by(&self, fingerprint: &Fingerprint) -> Option<KnownObject> {
        self.io.as_ref()?.known_by(fingerprint)
    }

    /// Tells whether the input is the file at `path`, through whatever links. Files that playlists name do not count.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        match &self.io {
            Some(io) => io.is_at(path),
            None => self.name.strip_prefix("file:").is_some_and(|local| {
                InputIo::open(&Input::Path(local.into()), &Control::default()).is_ok_and(|local| local.is_at(path))
            }),
        }
    }

    /// Bytes of the file from `offset` on, into `buffer`; says how many there were: none for what is no file.
    pub(super) fn peek(&mut self, offset: u64, buffer: &mut [u8]) -> usize {
        self.io.as_mut().map_or(0, |io| io.peek(offset, buffer))
    }

    /// Bytes that the container declares after the end of the file.
    pub(super) fn missing_bytes(&self) -> u64 {
        self.boxes.as_ref().map_or(0, |boxes| boxes.missing)
    }

    /// Tells whether the container says that a stream is encrypted.
    pub(super) fn is_encrypted(&self, stream: usize) -> bool {
        self.encrypted.contains(&stream)
    }

    /// Seconds of the source at which the whole ought to end, as its header declared it.
    pub(super) fn declared_end(&self) -> Option<f64> {
        let start = if self.is_fragmented() { 0 } else { self.start() };
        Some(ffi::seconds(start.saturating_add(self.declared_whole?), MICROSECOND))
    }

    /// Tells whether seeking to a time in seconds of the source leads there.
    pub(super) fn can_seek_to(&self, seconds: f64) -> bool {
        let seekable = self.io.as_ref().is_none_or(|io| io.size().is_some());
        let indexed = INDEXED.iter().any(|name| self.is_format(name));
        seekable && indexed && self.declared_end().is_some_and(|end| seconds < end)
    }

    /// Reads only the streams in `wanted`.
    pub(super) fn select(&mut self, wanted: &[usize]) {
        let fields = self.fields();
        for index in 0..fields.nb_streams as usize {
            let discard =
                if wanted.contains(&index) { av::AVDiscard::AVDISCARD_DEFAULT } else { av::AVDiscard::AVDISCARD_ALL };
            // SAFETY: libav keeps `nb_streams` valid pointers there, and `discard` is for its users to set.
            unsafe { (**fields.streams.add(index)).discard = discard };
        }
    }

    /// Reads the next packet of the selected streams.
    pub(super) fn read(&mut self, packet: &mut AvPacket) -> Result<ReadOutcome> {
        packet.unref();
        if let Some(ahead) = self.ahead.pop() {
            *packet = ahead;
            return Ok(ReadOutcome::Packet);
        }
        // SAFETY: an opened context and an empty packet.
        let code = unsafe { av::av_read_frame(self.context.as_ptr(), packet.as_mut_ptr()) };
        if let Some(error) = self.take_error() {
            return Err(error);
        }
        match code {
            0.. if is_encrypted(packet) => Err(self.bad(ENCRYPTED)),
            0.. => Ok(ReadOutcome::Packet),
            av::AVERROR_EOF => Ok(ReadOutcome::End),
            // Also what is too large for memory: the sizes in a damaged file are any.
            _ => Ok(ReadOutcome::Broken),
        }
    }

    /// Moves to the last key frame of `stream` at or before `time`, in its ticks, as well as the container knows.
    /// Says whether it could.
    pub(super) fn seek(&mut self, stream: usize, time: i64) -> Result<bool> {
        let Ok(stream) = c_int::try_from(stream) else { return Ok(false) };
        self.ahead.clear();
        // SAFETY: an opened context and one of its streams.
        let code = unsafe {
            av::avformat_seek_file(self.context.as_ptr(), stream, i64::MIN, time, time, av::AVSEEK_FLAG_BACKWARD)
        };
        match self.take_error() {
            Some(error) => Err(error),
            None => Ok(code >= 0),
        }
    }

    /// An [`Error::BadSource`] about this input, which was opened and yet gives nothing.
    pub(super) fn barren(&self, why: &str) -> Error {
        self.bad(format!("{why}{}", hint(self.io.as_ref())))
    }

    /// An [`Error::BadSource`] about this input.
    pub(super) fn bad(&self, why: impl Into<String>) -> Error {
        Error::bad_source(&self.name, why)
    }

    /// Ends reading.
    pub(super) fn control(&self) -> &Control {
        &self.control
    }

    fn take_error(&mut self) -> Option<Error> {
        failure(&self.control, self.io.as_mut())
    }
}

/// Why libav got no further, when it is not what it read: the work has ended, or a read failed since the last call.
fn failure(control: &Control, io: Option<&mut InputIo>) -> Option<Error> {
    control.check().err().or_else(|| io.and_then(InputIo::take_error))
}

/// libav's callback that asks whether to stop.
unsafe extern "C" fn has_ended(control: *mut c_void) -> c_int {
    // SAFETY: libav hands back the control that its context was given, which outlives it.
    let control = unsafe { &*control.cast::<Control>() };
    c_int::from(control.is_cancelled())
}

impl Drop for Demuxer {
    fn drop(&mut self) {
        let mut context = self.context.as_ptr();
        // SAFETY: opened by libav, owned by self alone, closed once, before the I/O that it reads from.
        unsafe { av::avformat_close_input(&raw mut context) };
    }
}

/// Guesses why a playlist cannot be opened; none for any other format.
fn playlist_hint(format: *const av::AVInputFormat, io: Option<&mut InputIo>) -> Option<String> {
    // SAFETY: null or one of libav's formats, whose name is a constant.
    let format = unsafe { ffi::text(format.as_ref()?.name) }?;
    PLAYLISTS.contains(&format.as_str()).then_some(())?;
    let mut beginning = vec![0; 1 << 16];
    let count = io.map_or(0, |io| io.peek(0, &mut beginning));
    let text = String::from_utf8_lossy(&beginning[..count]);
    let methods = text.split("#EXT-X-KEY:METHOD=").skip(1).filter_map(|rest| rest.split([',', '\r', '\n']).next());
    let needed = "what it names may need other protocols than are allowed";
    Some(match methods.filter(|&method| method != "NONE").last() {
        Some(method) => {
            format!("; it is encrypted ({method}), which needs its key and the protocol crypto besides others")
        }
        None => format!("; it is a playlist ({format}), and {needed}"),
    })
}

/// Tells whether libav read a packet that is encrypted. Not all containers say it of the whole stream, and parts may be
/// clear.
fn is_encrypted(packet: &AvPacket) -> bool {
    let kind = av::AVPacketSideDataType::AV_PKT_DATA_ENCRYPTION_INFO;
    // SAFETY: a valid packet, which libav only looks at.
    unsafe { !av::av_packet_get_side_data(packet.as_ptr(), kind, ptr::null_mut()).is_null() }
}

/// Guesses why an input cannot be read, as an addition to the message about it; empty without a guess.
fn hint(io: Option<&InputIo>) -> &'static str {
    if io.is_some_and(|io| io.size().is_none()) {
        "; this input cannot seek, which some files need: save it and give the file"
    } else {
        ""
    }
}

/// Recognises the format by the first bytes, and refuses what is no container of video.
fn probe(
    io: &mut InputIo,
    control: &Control,
    name: &str,
    url: &CStr,
    playlists: bool,
) -> Result<*const av::AVInputFormat> {
    let mut format = ptr::null();
    let default_size = 0;
    // SAFETY: our own I/O, which libav rewinds; the format that it writes is one of its constants.
    let code = unsafe {
        av::av_probe_input_buffer2(io.as_mut_ptr(), &raw mut format, url.as_ptr(), ptr::null_mut(), 0, default_size)
    };
    if let Some(error) = failure(control, Some(io)) {
        return Err(error);
    }
    if io.is_empty() {
        return Err(Error::bad_source(name, "is empty"));
    }
    if code < 0 || format.is_null() {
        return Err(Error::bad_source(name, "is not a video file: its first bytes fit no format that libav knows"));
    }
    // SAFETY: one of libav's formats, whose name is a constant.
    let short_name = unsafe { ffi::text((*format).name) }.unwrap_or_default();
    if short_name == "tty" {
        return Err(Error::bad_source(name, "is a text file, not a video"));
    }
    if !playlists && PLAYLISTS.contains(&short_name.as_str()) {
        let why = format!(
            "is a playlist ({short_name}), and no protocol is allowed by which to read what it names; \
             allow file for files, or https, tls and tcp for the web"
        );
        return Err(Error::BadSource { name: name.to_owned(), why, remedy: Some(Remedy::AllowProtocols) });
    }
    Ok(format)
}

/// The scheme of an input that is a URL and no file: `https` of `https://host/film.mp4`.
fn url_scheme(input: &Input) -> Option<String> {
    let Input::Path(path) = input else { return None };
    let (scheme, _) = path.to_str()?.split_once("://")?;
    let plain = !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    (plain && !path.exists()).then(|| scheme.to_ascii_lowercase())
}

/// `text` for libav; a name or a list with a zero byte in it cannot be meant.
fn c_string(name: &str, text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::invalid("input", format!("{name:?}"), "a zero byte cannot be part of a name"))
}

/// libav's time, unless it stands for "unknown".
pub(super) fn known(time: i64) -> Option<i64> {
    (time != av::AV_NOPTS_VALUE).then_some(time)
}
