//! libav: opening, probing, decoding, audio and MP4, behind owners that free what they hold.

mod about;
mod alpha;
mod audio;
mod boxes;
mod changes;
mod choose;
mod continuity;
mod convert;
mod demux;
mod described;
mod dolby;
mod entry;
mod event;
mod ffi;
mod fields;
mod hdr;
mod hdr10_plus;
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
mod rendition;
mod rgb;
mod scan;
mod sound;
mod source;
mod subtitles;
mod tags;
#[cfg(test)]
pub(crate) mod testing;
mod tracks;
mod video_encoder;
mod video_reader;
mod views;

pub use audio::AudioTrack;
pub(crate) use audio::LevelMeter;
pub use event::Event;
pub use mux::{Mp4Writer, VideoTrack};
pub use parameters::CodecParameters;
pub(crate) use rendition::{AudioDescription, RenditionReader, StoredPacket, TrackKind, VideoDescription};
pub use source::Source;
pub use subtitles::Subtitles;
pub use tags::Tags;
pub(crate) use tracks::stored_language;
pub(crate) use video_encoder::{SampleOrder, VideoEncoder, VideoEncoderSettings, has_encoder};

pub use about::{Libav, libav};
