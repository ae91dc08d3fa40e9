//! libav: opening, probing, decoding, audio and MP4. The only module of the crate, besides SIMD, with `unsafe` code.

#![expect(unsafe_code, reason = "libav is C")]

mod about;
mod alpha;
mod audio;
mod boxes;
mod changes;
mod continuity;
mod convert;
mod demux;
mod dolby;
mod ffi;
mod guess;
mod hdr;
mod ingest;
mod input;
mod log;
mod mux;
mod orientation;
mod output;
mod packets;
mod parameters;
mod passed_over;
mod pixels;
mod plane;
mod probe;
mod protection;
mod reader;
mod rendition;
mod rgb;
mod sound;
mod source;
mod tags;
#[cfg(test)]
pub(crate) mod testing;
mod timeline;
mod video_encoder;
mod views;

pub use mux::{Mp4Writer, VideoTrack};
pub use parameters::CodecParameters;
pub(crate) use rendition::{AudioDescription, Kind, RenditionReader, StoredPacket, VideoDescription};
pub use source::Source;
pub use tags::{Chapter, Tags};
pub(crate) use video_encoder::{SampleOrder, VideoEncoder, VideoEncoderSettings, has_encoder};

pub use about::{Libav, libav};

use crate::colour::{Colour, HdrMetadata};
use crate::fingerprint::Fingerprint;
use crate::frame::{Depth, FrameFormat};
use crate::geometry::{Orientation, Rational, Size, Upright};
use crate::packet::Packet;
use serde::Serialize;
use std::path::PathBuf;

/// Where the source comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A file, or a URL when its protocol was allowed.
    Path(PathBuf),
    /// Standard input.
    Stdin,
}

impl Input {
    /// The input as the user named it: the path, or `-`.
    pub fn name(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Stdin => "-".to_owned(),
        }
    }
}

/// How to open a source.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// libav protocols that the input, and playlists in it, may use besides the given file itself; empty by default:
    /// a crafted playlist reaches neither the network nor other files.
    pub protocols: Vec<String>,
    /// Which video track is wanted.
    pub video: VideoChoice,
    /// Which audio track is wanted.
    pub audio: AudioChoice,
    /// Threads of the video decoder, at least 1.
    pub threads: usize,
    /// How much of it.
    pub span: Span,
}

/// Which video track to convert. Cover pictures do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VideoChoice {
    /// The container's default, else the largest picture.
    Best,
    /// Video track number, from 1 in the order of the file.
    Track(usize),
}

/// Which audio track to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioChoice {
    /// The one that libav thinks best; none when there is none.
    Best,
    /// Audio track number, from 1 in the order of the file.
    Track(usize),
    /// No audio.
    None,
}

/// What Upright sees in a source. Everything that had to be assumed is in `assumptions`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourceInfo {
    /// As the user named it.
    pub name: String,
    /// libav's name of the container format.
    pub container: String,
    /// Bytes of the file; none for standard input.
    pub bytes: Option<u64>,
    /// What it is known by; none for a URL that libav opened.
    pub fingerprint: Option<Fingerprint>,
    /// How much of it was asked for when it was opened.
    pub span: Span,
    /// Declared duration in seconds, when the container has one.
    pub duration: Option<f64>,
    /// Title of the container, when it has one.
    pub title: Option<String>,
    /// Chapters, on the output's time line.
    pub chapters: Vec<Chapter>,
    /// The chosen video stream.
    pub video: VideoInfo,
    /// All audio tracks.
    pub audio: Vec<AudioInfo>,
    /// Index into `audio` of the track that is kept.
    pub audio_kept: Option<usize>,
    /// Index into `audio` of the track that is kept as the right channel, that one being the left.
    pub audio_right: Option<usize>,
    /// Whether the packets of that track are copied; otherwise they are converted to AAC. Packets that cannot be copied may
    /// come late: [`Event::SoundChanged`].
    pub audio_copied: bool,
    /// What was not said by the file and had to be assumed.
    pub assumptions: Vec<Assumption>,
    /// Streams that are not carried over.
    pub passed_over: Vec<PassedOver>,
}

/// The part of a source that is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Span {
    /// Seconds after the start of the source; none for its start.
    pub start: Option<Rational>,
    /// Seconds; none for up to its end.
    pub duration: Option<Rational>,
}

/// A convention that Upright had to assume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Assumption {
    /// Of what: `matrix`, `range`, `chroma location`, ...
    pub what: &'static str,
    /// The assumed value.
    pub value: String,
    /// Why this value.
    pub because: String,
}

/// A stream of the source that no rendition has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PassedOver {
    /// Index of the stream in the container.
    pub stream: usize,
    /// `video`, `cover`, `audio`, `subtitle`, `attachment` or `data`.
    pub kind: &'static str,
    /// Number among the streams of this kind, from 1.
    pub track: usize,
    /// libav's name of the codec.
    pub codec: String,
    /// ISO 639-2 language.
    pub language: Option<String>,
    /// Why it is not carried over.
    pub because: String,
}

/// The chosen video stream.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VideoInfo {
    /// Number among the video tracks, from 1.
    pub track: usize,
    /// Index of the stream in the container.
    pub stream: usize,
    /// libav's name of the codec.
    pub codec: String,
    /// libav's name of the decoded pixel format.
    pub pixel_format: String,
    /// The stored picture, after the decoder's own crop; of two views packed into one, the left.
    pub stored: Size,
    /// How it is meant to be seen.
    pub orientation: Orientation,
    /// The picture as it is meant to be seen.
    pub upright: Upright,
    /// Format of the frames that the decoder delivers: upright grids.
    pub format: FrameFormat,
    /// Tags, guessed where the file has none; chroma siting on the upright grid.
    pub colour: Colour,
    /// Metadata of high dynamic range.
    pub hdr: HdrMetadata,
    /// Ticks of the video timestamps; the numerator is 1 so that MP4 can hold it.
    pub time_base: Rational,
    /// Nominal frames a second.
    pub frame_rate: Rational,
    /// Declared number of frames, when the container has it.
    pub frames: Option<u64>,
    /// Bits of the source's samples.
    pub depth: Depth,
    /// ISO 639-2 language.
    pub language: Option<String>,
    /// What is subtracted from the source's timestamps, in ticks of `time_base`: source time = output time + origin.
    pub origin: i64,
}

/// An audio track.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AudioInfo {
    /// Number among the audio tracks, from 1.
    pub track: usize,
    /// Index of the stream in the container.
    pub stream: usize,
    /// libav's name of the codec.
    pub codec: String,
    /// Samples a second.
    pub sample_rate: u32,
    /// Channels.
    pub channels: u32,
    /// ISO 639-2 language.
    pub language: Option<String>,
    /// Title of the track.
    pub title: Option<String>,
}

/// What comes out of a source, in the order of the file.
#[derive(Debug)]
pub enum Event {
    /// The frame given to [`Source::next`] was filled.
    Frame,
    /// An audio packet ready for MP4, in the time base of [`Source::audio_track`].
    Audio(Packet),
    /// The audio changes in a way that copied packets cannot follow, and is converted from here on: those given out so far
    /// are to be handed to [`Source::convert_sound`], or to be forgotten.
    SoundChanged,
    /// No more frames and no more audio.
    End,
}

/// The audio track as it goes into MP4: copied, or converted to AAC.
#[derive(Clone, Debug)]
pub struct AudioTrack {
    /// libav codec parameters and side data, opaque to everyone but the muxer.
    pub parameters: CodecParameters,
    /// Ticks of the packets.
    pub time_base: Rational,
    /// Whether packets are the source's own bytes.
    pub copied: bool,
    /// ISO 639-2 language.
    pub language: Option<String>,
    /// Title of the track.
    pub title: Option<String>,
}

/// Counts of what was wrong with the source, complete once [`Event::End`] has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Damage {
    /// Frames that came out although part of them was lost, and packets that gave no frame.
    pub damaged_frames: u64,
    /// First damaged time in seconds of the source.
    pub first_at: Option<f64>,
    /// Seconds at which the source ended before its declared end.
    pub truncated_at: Option<f64>,
    /// Audio packets that could not be decoded or that lie where audio was already.
    pub damaged_audio_packets: u64,
    /// Whether more of the sound was lost than kept, or all tracks there are cannot be decoded.
    pub sound_lost: bool,
    /// Places where the source's clock begins anew, as where recordings were joined; picture and sound go on together.
    pub time_jumps: u64,
    /// Frames without a time stamp, or whose time stamp is wrong or not after that of the frame before: they were put
    /// after it. Nothing of them is lost.
    pub retimed_frames: u64,
    /// Bytes that the container declares after the end of the file: what was in them, frames, sound or whole tracks, is not
    /// there.
    pub missing_bytes: u64,
}
