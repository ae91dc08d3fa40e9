//! Writing MP4.

#![expect(unsafe_code, reason = "libav is C")]

use super::audio::AudioTrack;
use super::ffi::{self, AvDict, AvPacket, check, libav_error, out_of_memory};
use super::output::OutputFile;
use super::tags::Tags;
use super::{hdr, log, tracks};
use crate::av1;
use crate::colour::{Colour, HdrMetadata};
use crate::error::{Error, Result};
use crate::geometry::{Rational, Size};
use crate::packet::Packet;
use crate::source::Chapter;
use ffmpeg_sys_next as av;
use std::ffi::{CStr, CString, c_int};
use std::path::Path;
use std::ptr;

/// Description of the video track to be written.
#[derive(Clone, Debug)]
pub struct VideoTrack<'a> {
    /// Size of every frame in pixels, which are square.
    pub size: Size,
    /// Ticks of the packets, the numerator being 1. The track's time scale becomes exactly the denominator.
    pub time_base: Rational,
    /// Nominal frames a second: how long the only frame of a film lasts when nobody else knows.
    pub frame_rate: Rational,
    /// Tags.
    pub colour: Colour,
    /// Metadata of high dynamic range.
    pub hdr: HdrMetadata,
    /// ISO 639-2 language.
    pub language: Option<String>,
    /// The first packet that will be written: where the track begins, and a sequence header.
    pub first: &'a Packet,
}

/// Writes one video track of AV1 and any number of audio tracks to an MP4 file, its index in front (`moov` before `mdat`).
///
/// Presentation times come out exactly as they went in; an edit list says where each track begins. Dropping the writer
/// without [`Mp4Writer::finish`] leaves an unusable file behind, for the caller to remove.
#[derive(Debug)]
pub struct Mp4Writer {
    context: *mut av::AVFormatContext,
    video: Track,
    audio: Vec<Track>,
    /// Outlives the context, which is freed in `drop`.
    output: OutputFile,
}

// SAFETY: the context has no tie to a thread; the writer is the only way to it.
unsafe impl Send for Mp4Writer {}

impl Mp4Writer {
    /// Makes the file at `path`, or empties what is there, and writes its beginning. The first of the audio tracks is the one that
    /// players take by themselves.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written; [`Error::Verify`] when the first packet has no sequence header;
    /// [`Error::Libav`] when MP4 cannot hold a track.
    pub fn create(path: &Path, video: &VideoTrack<'_>, audio: &[AudioTrack], tags: &Tags) -> Result<Self> {
        log::capture();
        let mut output = OutputFile::create(path)?;
        let mut context = ptr::null_mut();
        // SAFETY: writes a new context to the local, which becomes the writer's; the output is dropped after it.
        unsafe {
            let call = "avformat_alloc_output_context2";
            check(
                call,
                av::avformat_alloc_output_context2(&raw mut context, ptr::null(), c"mp4".as_ptr(), ptr::null()),
            )?;
            output.attach(context);
        }
        let mut writer = Self { context, video: Track::default(), audio: Vec::new(), output };
        writer.add_video(video)?;
        for track in audio {
            writer.add_audio(track)?;
        }
        writer.write_header(video, audio, tags)?;
        Ok(writer)
    }

    /// Takes the next video packet: one temporal unit, shown after the one before.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be written; [`Error::Verify`] when the packet is not later than the last, or
    /// later by more than MP4 can say.
    pub fn write_video(&mut self, packet: &Packet) -> Result<()> {
        let ready = self.video.push(packet);
        self.write(ready)
    }

    /// Takes the next packet of the audio track of this place.
    ///
    /// # Errors
    /// As [`Mp4Writer::write_video`]; also when the file has no such audio track.
    pub fn write_audio(&mut self, track: usize, packet: &Packet) -> Result<()> {
        let ready = self.audio.get_mut(track).ok_or(Fault::NoAudio).and_then(|track| track.push(packet));
        self.write(ready)
    }

    /// Writes the last packets and the index, waits until everything is on the disk, and gives the bytes of the file.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be written.
    pub fn finish(mut self) -> Result<u64> {
        let last = self.video.take_last();
        self.write(Ok(last))?;
        for index in 0..self.audio.len() {
            let last = self.audio[index].take_last();
            self.write(Ok(last))?;
        }
        // SAFETY: the header was written, and the context is only freed after this.
        let code = unsafe { av::av_write_trailer(self.context) };
        self.check("av_write_trailer", code)?;
        self.output.sync()
    }

    /// Hands a packet to libav, which interleaves the tracks.
    fn write(&mut self, ready: Result<Option<AvPacket>, Fault>) -> Result<()> {
        let ready = match ready {
            Ok(ready) => ready,
            Err(Fault::Libav(error)) => return Err(error),
            Err(fault) => return Err(Error::Verify { path: self.output.path().to_owned(), why: fault.to_string() }),
        };
        let Some(mut packet) = ready else { return Ok(()) };
        // SAFETY: the header was written; libav takes the packet's contents over.
        let code = unsafe { av::av_interleaved_write_frame(self.context, packet.as_mut_ptr()) };
        self.check("av_interleaved_write_frame", code)
    }

    /// As [`ffi::check`], but a failure to write is told as such.
    fn check(&mut self, call: &'static str, code: c_int) -> Result<()> {
        match self.output.take_failure() {
            Some(error) => Err(error),
            None => check(call, code).map(drop),
        }
    }

    fn add_stream(&mut self) -> Result<*mut av::AVStream> {
        // SAFETY: the context is valid, and owns the stream.
        let stream = unsafe { av::avformat_new_stream(self.context, ptr::null()) };
        if stream.is_null() { Err(out_of_memory("avformat_new_stream")) } else { Ok(stream) }
    }

    fn add_video(&mut self, track: &VideoTrack<'_>) -> Result<()> {
        let header = av1::sequence_header_of(&track.first.data).ok().flatten();
        let header = header.ok_or_else(|| Error::Verify {
            path: self.output.path().to_owned(),
            why: "the first packet has no AV1 sequence header".to_owned(),
        })?;
        let stream = self.add_stream()?;
        // SAFETY: the stream is the context's and not yet in use by libav; the codes are those of H.273, which libav's
        // enumerations are, in 32 bits each.
        unsafe {
            let parameters = (*stream).codecpar;
            (*parameters).codec_type = av::AVMediaType::AVMEDIA_TYPE_VIDEO;
            (*parameters).codec_id = av::AVCodecID::AV_CODEC_ID_AV1;
            (*parameters).width = fitting(track.size.width)?;
            (*parameters).height = fitting(track.size.height)?;
            (*parameters).sample_aspect_ratio = av::AVRational { num: 1, den: 1 };
            (*stream).sample_aspect_ratio = av::AVRational { num: 1, den: 1 };
            (&raw mut (*parameters).color_primaries).cast::<u32>().write(track.colour.primaries.into());
            (&raw mut (*parameters).color_trc).cast::<u32>().write(track.colour.transfer.into());
            (&raw mut (*parameters).color_space).cast::<u32>().write(track.colour.matrix.into());
            (*parameters).color_range = if track.colour.full_range {
                av::AVColorRange::AVCOL_RANGE_JPEG
            } else {
                av::AVColorRange::AVCOL_RANGE_MPEG
            };
            set_extradata(parameters, header.bytes)?;
            (*stream).time_base = ffi::av_rational(track.time_base);
            hdr::set_on_stream(stream, &track.hdr)?;
            set_language(stream, track.language.as_deref())?;
            self.video = Track { stream: (*stream).index, ..Track::default() };
        }
        let frame = Rational::new(
            track.frame_rate.den.saturating_mul(track.time_base.den),
            track.frame_rate.num.saturating_mul(track.time_base.num).max(1),
        );
        self.video.delta = ((frame.num + frame.den / 2) / frame.den).max(1);
        Ok(())
    }

    fn add_audio(&mut self, track: &AudioTrack) -> Result<()> {
        let stream = self.add_stream()?;
        // SAFETY: the stream is the context's and not yet in use by libav.
        unsafe {
            let code = av::avcodec_parameters_copy((*stream).codecpar, track.parameters.as_ptr());
            check("avcodec_parameters_copy", code)?;
            (*stream).time_base = ffi::av_rational(track.time_base);
            set_language(stream, track.language.as_deref())?;
            // The title goes into `udta`, where it belongs, and into the handler's name, where libav 5 looks for it.
            for key in [c"title", c"handler_name"] {
                set_text(&raw mut (*stream).metadata, key, track.title.as_deref())?;
            }
            (*stream).disposition = tracks::disposition(self.audio.is_empty(), &track.roles);
            let delta = i64::from((*(*stream).codecpar).frame_size).max(1);
            self.audio.push(Track { stream: (*stream).index, delta, ..Track::default() });
        }
        Ok(())
    }

    fn write_header(&mut self, video: &VideoTrack<'_>, audio: &[AudioTrack], tags: &Tags) -> Result<()> {
        let start = Rational::new(video.first.pts.saturating_mul(video.time_base.num), video.time_base.den);
        let timescale = movie_timescale(start, audio.iter().map(|audio| audio.time_base.den), &tags.chapters);
        for (track, audio) in self.audio.iter_mut().zip(audio) {
            if timescale % audio.time_base.den != 0 {
                // The edit list's duration is then rounded, by up to two of its ticks: no packet may lie beyond its end.
                track.shortest = 2 * audio.time_base.den / timescale + 1;
            }
        }
        let mut options = AvDict::new();
        options.set(c"movflags", c"+faststart+write_colr")?;
        options.set(c"use_editlist", c"1")?;
        options.set(c"video_track_timescale", &decimal(video.time_base.den)?)?;
        options.set(c"movie_timescale", &decimal(timescale)?)?;
        // SAFETY: the context and its streams are valid, and not yet in use by libav.
        unsafe {
            // Nothing about when or with what the file was written: the same packets give the same bytes.
            (*self.context).flags |= av::AVFMT_FLAG_BITEXACT;
            // The edit list holds times below zero.
            (*self.context).avoid_negative_ts = 0;
            (*self.context).flush_packets = 0;
            // Muxers before libav 6.1 hold FLAC in MP4 for experimental.
            (*self.context).strict_std_compliance = av::FF_COMPLIANCE_EXPERIMENTAL;
            set_text(&raw mut (*self.context).metadata, c"title", tags.title.as_deref())?;
            if timescale <= largest_timescale(&tags.chapters) {
                for (index, chapter) in tags.chapters.iter().enumerate() {
                    self.add_chapter(index, chapter)?;
                }
            } else {
                ::log::warn!("chapters are left out: in ticks of 1/{timescale} s, MP4 cannot say how long they last");
            }
            let code = av::avformat_write_header(self.context, options.as_mut_ptr());
            self.check("avformat_write_header", code)?;
        }
        let kept = self.time_base(self.video.stream) == Some(video.time_base)
            && self.audio.iter().zip(audio).all(|(track, audio)| self.time_base(track.stream) == Some(audio.time_base));
        if kept { Ok(()) } else { Err(libav_error("avformat_write_header", av::AVERROR(av::ERANGE))) }
    }

    fn time_base(&self, stream: c_int) -> Option<Rational> {
        // SAFETY: `stream` is the index of one of the context's streams.
        ffi::rational(unsafe { (**(*self.context).streams.offset(stream as isize)).time_base })
    }

    fn add_chapter(&mut self, index: usize, chapter: &Chapter) -> Result<()> {
        // Nero's chapter list has room for 255 bytes, and QuickTime's readers skip chapters without a title.
        let title = chapter.title.clone().unwrap_or_else(|| format!("Chapter {}", index + 1));
        let end = (0..=title.len().min(255)).rev().find(|&end| title.is_char_boundary(end)).unwrap_or(0);
        // One base for both times, so that a chapter ends where the next begins.
        let microseconds =
            |time: Rational| i64::try_from(i128::from(time.num) * 1_000_000 / i128::from(time.den)).unwrap_or(i64::MAX);
        // SAFETY: the chapter becomes the context's, which frees it as it frees libav's own; both its fields and the
        // list are made by libav's allocator.
        unsafe {
            let made = av::av_mallocz(size_of::<av::AVChapter>()).cast::<av::AVChapter>();
            if made.is_null() {
                return Err(out_of_memory("av_mallocz"));
            }
            (*made).id = i64::try_from(index).unwrap_or(i64::MAX);
            (*made).time_base = av::AVRational { num: 1, den: 1_000_000 };
            (*made).start = microseconds(chapter.start);
            (*made).end = microseconds(chapter.end);
            let (list, count) = (&raw mut (*self.context).chapters, &raw mut (*self.context).nb_chapters);
            let code = av::av_dynarray_add_nofree(list.cast(), count.cast(), made.cast());
            if code < 0 {
                av::av_free(made.cast());
                return Err(libav_error("av_dynarray_add_nofree", code));
            }
            set_text(&raw mut (*made).metadata, c"title", Some(&title[..end]))
        }
    }
}

impl Drop for Mp4Writer {
    fn drop(&mut self) {
        // SAFETY: the context is ours, and the file that it writes is dropped after it.
        unsafe { av::avformat_free_context(self.context) };
    }
}

/// A track while it is written. MP4 gives durations, not times, so each packet waits for the next.
#[derive(Debug, Default)]
struct Track {
    /// Index in the container.
    stream: c_int,
    /// The packet that waits.
    waiting: Option<AvPacket>,
    /// Ticks between the last two packets; before that, an ordinary packet's.
    delta: i64,
    /// Ticks that the last packet must last.
    shortest: i64,
}

/// Why a packet cannot be written.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("an audio packet came for a film without audio")]
    NoAudio,
    #[error("a packet at {at} ticks follows one at {last}: later by {}, which is not between 1 and {}", .at.saturating_sub(*.last), i32::MAX)]
    Order { last: i64, at: i64 },
    #[error("{0}")]
    Libav(Error),
}

impl Track {
    /// Takes `packet`, and gives the one before, which now has its duration.
    fn push(&mut self, packet: &Packet) -> Result<Option<AvPacket>, Fault> {
        let before = match &mut self.waiting {
            Some(before) => {
                let last = before.fields().pts;
                let delta = packet.pts.saturating_sub(last);
                // libav aborts or makes up a time for anything else.
                if !(1..=i64::from(i32::MAX)).contains(&delta) {
                    return Err(Fault::Order { last, at: packet.pts });
                }
                self.delta = delta;
                set_duration(before, delta);
                self.waiting.take()
            }
            None => None,
        };
        self.waiting = Some(self.copy(packet).map_err(Fault::Libav)?);
        Ok(before)
    }

    /// The last packet, which lasts as long as it says, or else as long as the one before.
    fn take_last(&mut self) -> Option<AvPacket> {
        let mut last = self.waiting.take()?;
        let known = Some(last.fields().duration).filter(|duration| (1..=i64::from(i32::MAX)).contains(duration));
        set_duration(&mut last, known.unwrap_or(self.delta).max(self.shortest));
        Some(last)
    }

    fn copy(&self, packet: &Packet) -> Result<AvPacket> {
        let mut copy = AvPacket::copy_at(&packet.data, packet.pts)?;
        // SAFETY: the packet is valid and ours.
        let fields = unsafe { &mut *copy.as_mut_ptr() };
        fields.stream_index = self.stream;
        fields.duration = packet.duration;
        fields.flags = if packet.key { av::AV_PKT_FLAG_KEY } else { 0 };
        Ok(copy)
    }
}

/// The time scale of the edit lists' durations. A positive start of a track is such a duration, so it should divide
/// evenly: the video's always, that of each audio track (any number of samples) where that leaves room for the chapters.
fn movie_timescale(video_start: Rational, audio_rates: impl Iterator<Item = i64>, chapters: &[Chapter]) -> i64 {
    const ORDINARY: i64 = 1000;
    let exact = audio_rates.fold(video_start.den, |exact, rate| {
        let both = exact.checked_mul(Rational::new(exact, rate).den);
        both.filter(|&both| both <= largest_timescale(chapters)).unwrap_or(exact)
    });
    exact * (ORDINARY / exact).max(1)
}

/// The largest movie time scale with which none of these chapters, and no gap between them, lasts 2^31 ticks: their
/// track has the movie's time scale.
fn largest_timescale(chapters: &[Chapter]) -> i64 {
    let end = chapters.iter().map(|chapter| chapter.end.num / chapter.end.den + 1).max().unwrap_or(1);
    i64::from(i32::MAX) / end.max(1)
}

fn decimal(number: i64) -> Result<CString> {
    text_of(&number.to_string())
}

/// Text for C. Of text with a zero inside, which no tag should have, what precedes it.
fn text_of(text: &str) -> Result<CString> {
    let bytes = text.split('\0').next().unwrap_or_default();
    CString::new(bytes).map_err(|_| out_of_memory("CString"))
}

/// Makes `stream` say its language, as far as MP4 can.
///
/// # Safety
/// `stream` is valid, and libav has not begun to use it.
unsafe fn set_language(stream: *mut av::AVStream, language: Option<&str>) -> Result<()> {
    let language = language.and_then(tracks::stored_language);
    // SAFETY: the caller vouches for the stream, whose metadata nobody else uses.
    unsafe { set_text(&raw mut (*stream).metadata, c"language", language.as_deref()) }
}

/// Adds an entry to metadata unless there is no value.
///
/// # Safety
/// `metadata` points to a dictionary or null that nobody else uses.
unsafe fn set_text(metadata: *mut *mut av::AVDictionary, key: &CStr, value: Option<&str>) -> Result<()> {
    let Some(value) = value else { return Ok(()) };
    let value = text_of(value)?;
    // SAFETY: the caller vouches for the dictionary, and libav copies both strings.
    check("av_dict_set", unsafe { av::av_dict_set(metadata, key.as_ptr(), value.as_ptr(), 0) }).map(drop)
}

fn set_duration(packet: &mut AvPacket, duration: i64) {
    // SAFETY: the packet is valid, and nobody else uses it.
    unsafe { (*packet.as_mut_ptr()).duration = duration };
}

/// A side of the picture as libav has it.
fn fitting(side: u32) -> Result<c_int> {
    c_int::try_from(side).map_err(|_| libav_error("avformat_new_stream", av::AVERROR(av::ERANGE)))
}

/// Gives `parameters` a copy of `bytes` as its extradata.
///
/// # Safety
/// `parameters` is valid, has no extradata, and nobody else uses it.
unsafe fn set_extradata(parameters: *mut av::AVCodecParameters, bytes: &[u8]) -> Result<()> {
    // SAFETY: the allocation has room for the bytes and libav's padding, and becomes the parameters'.
    unsafe {
        let copy = av::av_mallocz(bytes.len() + av::AV_INPUT_BUFFER_PADDING_SIZE as usize).cast::<u8>();
        if copy.is_null() {
            return Err(out_of_memory("av_mallocz"));
        }
        ptr::copy_nonoverlapping(bytes.as_ptr(), copy, bytes.len());
        (*parameters).extradata = copy;
        (*parameters).extradata_size = c_int::try_from(bytes.len()).map_err(|_| out_of_memory("av_mallocz"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
