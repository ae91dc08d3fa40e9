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
pub use tags::Tags;
pub(crate) use video_encoder::{SampleOrder, VideoEncoder, VideoEncoderSettings, has_encoder};

pub use about::{Libav, libav};

use crate::geometry::Rational;
use crate::packet::Packet;

/// What comes out of a source, in the order of the file.
#[derive(Debug)]
pub enum Event {
    /// The next frame, whose samples [`Source::fill`] gives.
    Frame {
        /// Presentation time in ticks of [`crate::source::VideoInfo::time_base`], on the output's time line.
        pts: i64,
        /// Duration in the same ticks; 0 when it is not known.
        duration: i64,
    },
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
