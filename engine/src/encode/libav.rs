//! AV1 encoders of the linked libavcodec.

mod options;
mod sharing;

use super::available::{available, linked_library};
use super::block_table::BlockTable;
use super::capabilities::KeyFrameControl;
use super::encoder::{Encoder, check_format};
use super::kind::LibavEncoder;
use super::settings::EncoderSettings;
use crate::av1;
use crate::colour::{ChromaSite, HdrMetadata};
use crate::control::Control;
use crate::error::{Error, Result};
use crate::frame::{Depth, Frame, FrameFormat, HeldFrame};
use crate::media::{SampleOrder, VideoEncoder, VideoEncoderSettings, has_encoder, libav};
use crate::packet::Packet;
use sharing::Opened;
use std::collections::VecDeque;

/// Checks that the linked libavcodec has an encoder.
pub(super) fn check_available(encoder: LibavEncoder) -> Result<()> {
    if has_encoder(encoder.name()) { Ok(()) } else { Err(missing(encoder)) }
}

/// Names an encoder, the library that it is where that is known, and libavcodec, with their versions. Of the drivers of
/// hardware nothing is told.
pub(super) fn version(encoder: LibavEncoder) -> String {
    let library = linked_library(encoder).map(|version| format!(" {version}")).unwrap_or_default();
    let about = libav();
    let of = |name: &str| about.versions.get(name).map_or("unknown", String::as_str);
    format!("{}{library} by libavcodec {} of FFmpeg {}", encoder.name(), of("libavcodec"), of("ffmpeg"))
}

/// Opens one of libavcodec's encoders, which is there. The settings have passed [`EncoderSettings::check`].
pub(super) fn open(encoder: LibavEncoder, settings: &EncoderSettings, control: &Control) -> Result<Box<dyn Encoder>> {
    let name = encoder.name();
    if encoder == LibavEncoder::Vaapi {
        return Err(Error::invalid(
            "encoder",
            name,
            format!(
                "takes frames from the memory of a GPU alone, where Upright does not put them; use {}",
                LibavEncoder::Qsv.name()
            ),
        ));
    }
    if ![ChromaSite::LEFT, ChromaSite::TOP_LEFT].contains(&settings.colour.chroma) {
        let site = settings.colour.chroma;
        return Err(Error::misuse(format!("AV1 cannot say that chroma lies at {site:?}; use left or top-left")));
    }
    let options = options::options(encoder, settings);
    let wanted = VideoEncoderSettings {
        name,
        format: settings.frame_format(),
        input: sample_order(encoder, settings.depth),
        colour: settings.colour,
        frame_rate: settings.frame_rate,
        options: &options,
    };
    let open = || VideoEncoder::open(&wanted);
    let (result, opened) = if encoder == LibavEncoder::SvtAv1 {
        let (result, opened) =
            sharing::open(BlockTable::of(settings.speed, &settings.options, settings.size), control, open)?;
        (result, Some(opened))
    } else {
        (open(), None)
    };
    Ok(Box::new(Libav {
        encoder: result.map_err(|error| refused(encoder, settings, error))?,
        name,
        forces_key_frames: encoder.key_frames() == KeyFrameControl::Forced,
        opened,
        format: settings.frame_format(),
        hdr: settings.hdr,
        inside: VecDeque::new(),
        sent: 0,
        ended: false,
    }))
}

/// Returns the order of chroma samples that an encoder reads: hardware reads U and V by turns, which NVIDIA's leaves to
/// the driver at 8 bits.
fn sample_order(encoder: LibavEncoder, depth: Depth) -> SampleOrder {
    match (encoder, depth) {
        (LibavEncoder::SvtAv1 | LibavEncoder::Aom, _) | (LibavEncoder::Nvenc, Depth::Eight) => SampleOrder::Planar,
        _ => SampleOrder::SemiPlanar,
    }
}

/// Makes the error for an encoder that the linked libavcodec lacks; it says which there are, and how to get this one.
fn missing(encoder: LibavEncoder) -> Error {
    let there: Vec<_> = available().iter().map(|found| found.encoder.to_string()).collect();
    let remedy = match encoder {
        LibavEncoder::SvtAv1 => "install an FFmpeg that was configured with --enable-libsvtav1",
        LibavEncoder::Aom => "install an FFmpeg that was configured with --enable-libaom",
        LibavEncoder::Nvenc => "it needs FFmpeg 6.0 or newer, configured with --enable-nvenc",
        LibavEncoder::Qsv => "it needs FFmpeg 6.0 or newer, configured with --enable-libvpl",
        LibavEncoder::Vaapi => "it needs FFmpeg 7.0 or newer, configured with --enable-vaapi",
        LibavEncoder::Amf => "it needs FFmpeg 6.1 or newer, configured with --enable-amf",
        LibavEncoder::VideoToolbox => "no FFmpeg has it yet",
    };
    let why = format!("is not in the linked libavcodec; there are {}; {remedy}", there.join(", "));
    Error::EncoderMissing { encoder: encoder.name().to_owned(), why }
}

/// Makes the error for settings that the encoder does not take. Options that were given are the likeliest cause.
fn refused(encoder: LibavEncoder, settings: &EncoderSettings, error: Error) -> Error {
    let Error::Libav { call, why } = error else { return error };
    let name = encoder.name();
    if settings.options.is_empty() {
        return Error::Encoder { encoder: name.to_owned(), why: format!("{call}: {why}") };
    }
    let given: Vec<_> = settings.options.iter().map(|(key, value)| format!("{key}={value}")).collect();
    Error::invalid("encoder options", given.join(" "), format!("{name} refuses to start with them: {why}"))
}

struct Libav {
    encoder: VideoEncoder,
    name: &'static str,
    forces_key_frames: bool,
    /// Of SVT-AV1. Behind the encoder, which is closed before this ends.
    opened: Option<Opened>,
    format: FrameFormat,
    hdr: HdrMetadata,
    /// Frames that went in and have not come out, in the order of both.
    inside: VecDeque<Inside>,
    /// Number of frames that went in. Encoders get it in place of a time: some round times, or decide on rates by them.
    sent: i64,
    ended: bool,
}

/// A frame inside the encoder, and what its packet has to be.
struct Inside {
    number: i64,
    pts: i64,
    duration: i64,
    key: bool,
}

impl Libav {
    /// Appends the packet of the next frame if it is ready; says whether it was.
    fn step(&mut self, packets: &mut Vec<Packet>) -> Result<bool> {
        let received = self.encoder.receive().map_err(|error| self.failure(error.to_string()))?;
        let Some(mut packet) = received else { return Ok(false) };
        let frame = self.inside.pop_front().filter(|frame| frame.number == packet.number);
        let Inside { pts, duration, key, number } =
            frame.ok_or_else(|| self.failure("its packets are not in the order of the frames".to_owned()))?;
        let malformed = |malformed: av1::Malformed| self.failure(malformed.to_string());
        av1::strip_temporal_delimiters(&mut packet.data).map_err(malformed)?;
        if packet.key != key || av1::sequence_header_of(&packet.data).map_err(malformed)?.is_some() != key {
            let made = if key { "is no key frame" } else { "became a key frame" };
            return Err(self.failure(format!("frame {number} {made} against what it was told")));
        }
        if key {
            av1::insert_hdr_metadata(&mut packet.data, &self.hdr).map_err(malformed)?;
        }
        packets.push(Packet { data: packet.data, pts, duration, key });
        Ok(true)
    }

    fn send(&mut self, frame: &HeldFrame, number: i64, key: bool) -> Result<()> {
        if let Some(opened) = &mut self.opened {
            opened.work();
        }
        self.encoder.send(frame, number, key)
    }

    fn failure(&self, why: String) -> Error {
        Error::Encoder { encoder: self.name.to_owned(), why }
    }
}

impl Encoder for Libav {
    fn encode(&mut self, frame: HeldFrame, key: bool, packets: &mut Vec<Packet>) -> Result<()> {
        check_format(&frame, self.format).map_err(|why| self.failure(why))?;
        let (number, first) = (self.sent, self.sent == 0);
        if key && !first && !self.forces_key_frames {
            return Err(self.failure(format!("it cannot make a key frame of frame {number}, only of the first")));
        }
        let key = key || first;
        // The first is one unasked; libaom makes the frame after one that is asked for a key frame too.
        self.send(&frame, number, key && self.forces_key_frames).map_err(|error| self.failure(error.to_string()))?;
        self.inside.push_back(Inside { number, pts: frame.pts, duration: frame.duration, key });
        self.sent += 1;
        while self.step(packets)? {}
        Ok(())
    }

    fn finish(&mut self, packets: &mut Vec<Packet>) -> Result<bool> {
        if self.inside.is_empty() {
            return Ok(false);
        }
        if !self.ended {
            self.encoder.end().map_err(|error| self.failure(error.to_string()))?;
            self.ended = true;
        }
        if !self.step(packets)? {
            return Err(self.failure(format!("it kept {} frames", self.inside.len())));
        }
        Ok(!self.inside.is_empty())
    }
}

impl Drop for Libav {
    /// Feeds SVT-AV1 a frame and its end, if it had none: 1.4 never comes back from being closed before its first
    /// frame, and complains on standard error where it was not told of the end.
    fn drop(&mut self) {
        if self.opened.is_none() {
            return;
        }
        // Whoever drops it early wants none of it, and has no use for one more error.
        if self.sent == 0 {
            drop(self.send(&Frame::new(self.format).into(), 0, true));
        }
        if !self.ended {
            drop(self.encoder.end());
        }
        while let Ok(Some(_)) = self.encoder.receive() {}
    }
}
