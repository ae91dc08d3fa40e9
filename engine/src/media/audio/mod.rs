//! Audio on its way into MP4: copied where phones' players know the codec, else converted to AAC.

#![expect(unsafe_code, reason = "libav is C")]

mod aac;
mod convert;
mod copy;
mod drift;
mod header;
mod level;
mod levelled;
mod limiter;
mod loudness;
mod resample;
mod samples;
mod timeline;
mod track;

pub(crate) use aac::check_opus;
pub(crate) use level::LevelMeter;
pub(crate) use levelled::{Levelling, level};
pub use loudness::Levels;
pub(crate) use samples::measure;
pub use track::AudioTrack;

use super::ffi::{self, AvPacket};
use super::parameters::CodecParameters;
use super::tracks;
use crate::error::Result;
use crate::geometry::Rational;
use crate::packet::Packet;
use crate::source::SoundForm;
use aac::SoundCodec;
use convert::{Convert, Refusal, refused};
use copy::Copy;
use ffmpeg_sys_next as av;
use std::collections::VecDeque;
use std::ffi::c_int;
use timeline::Timeline;

pub(super) use header::describes_channels;

/// An audio stream of a source, or two that are left and right, packet by packet on the way into MP4.
///
/// The times of what comes out are in ticks of [`AudioTrack::time_base`] (samples) after the origin. The first may be
/// below zero: what lies there is for the decoder alone, and the muxer's edit list hides it.
#[derive(Debug)]
pub(super) struct AudioConverter {
    track: AudioTrack,
    timeline: Timeline,
    work: SoundMode,
    form: SoundForm,
    /// Packets that were lost while the sound was copied, once it is no longer.
    damage: u64,
}

#[derive(Debug)]
enum SoundMode {
    Copy(Copy),
    Convert(Box<Convert>),
}

impl AudioConverter {
    /// Begins on a stream, or two that are left and right; with `stereo` on the mix of its channels to two; in this form. `origin`
    /// is the time of the streams, in seconds, that becomes 0; what lies before it is left out, and what comes `end` seconds after
    /// it or later. `name` is what to call the source in errors.
    ///
    /// # Safety
    /// They are valid streams of a demuxer that knows their codec parameters; they are not used after this call.
    ///
    /// # Errors
    /// [`crate::Error::BadSource`] when a stream can be neither copied nor decoded; [`crate::Error::Libav`].
    pub(super) unsafe fn open(
        stream: *const av::AVStream,
        other: Option<*const av::AVStream>,
        (stereo, form): (bool, SoundForm),
        name: &str,
        origin: Rational,
        end: Option<Rational>,
    ) -> Result<Self> {
        // SAFETY: the caller vouches for the streams.
        let side = |stream: *const av::AVStream| unsafe {
            ((*stream).codecpar.cast_const(), Timeline::new((*stream).time_base, origin, end))
        };
        let (raw, timeline) = side(stream);
        // SAFETY: the stream's parameters are valid as it is.
        let source = unsafe { CodecParameters::copy_of(raw)? };
        // SAFETY: the stream's parameters are valid as it is.
        let codec = || unsafe { codec_name(raw) };
        let refused = |why: Refusal| refused(name, &codec(), &why);
        // What is decoded again may be kept in whatever codec, as long as all of it can be decoded.
        let is_kept = form.to_level && is_small(&source) && copy::can_copy(&source, false);
        // SAFETY: the stream's parameters are valid as they are.
        let is_kept = is_kept && unsafe { convert::refusal(raw) }.is_none();
        let cmaf = form.cmaf && !is_kept;
        let (work, parameters, rate) = match other {
            None if copy::can_copy(&source, cmaf) && !stereo => {
                let rate = source.fields().sample_rate;
                (SoundMode::Copy(Copy::new(&source, timeline, cmaf)), source.clone(), rate)
            }
            // SAFETY: the streams' parameters are valid as they are.
            None => converting(unsafe { Convert::open(raw, timeline, stereo, codec_for(form)) }.map_err(refused)?)?,
            Some(other) => {
                let sides = [(raw, timeline), side(other)];
                // SAFETY: the streams' parameters are valid as they are.
                converting(unsafe { Convert::open_pair(sides, codec_for(form)) }.map_err(refused)?)?
            }
        };
        let is_copy = matches!(work, SoundMode::Copy(_));
        let to_level = form.to_level && (!is_copy || is_kept);
        // SAFETY: a stream's metadata is valid as it is.
        let text = |key| unsafe { ffi::dict_text((*stream).metadata, key) };
        let (language, title) = (text(c"language"), text(c"title"));
        // SAFETY: the caller vouches for the stream.
        let roles = tracks::roles(unsafe { &*stream });
        let time_base = Rational::new(1, i64::from(rate));
        let copied = is_copy && !to_level;
        let track = AudioTrack { parameters, time_base, copied, to_level, language, title, roles };
        Ok(Self { track, timeline, work, form, damage: 0 })
    }

    /// Describes the track that comes out.
    pub(super) fn track(&self) -> &AudioTrack {
        &self.track
    }

    /// Takes a packet of a stream, and appends the packets that have become ready. What cannot be decoded is left out and
    /// counted. `other` says that the packet is of the second stream.
    ///
    /// False when packets can be copied no longer, because they change what a track can only say once: then nothing was done
    /// with this one, and [`AudioConverter::convert`] is to be called.
    ///
    /// # Errors
    /// [`crate::Error::Libav`] when memory has run out or the encoder fails.
    pub(super) fn push(&mut self, packet: &AvPacket, other: bool, out: &mut VecDeque<Packet>) -> Result<bool> {
        match &mut self.work {
            SoundMode::Copy(copy) => copy.push(packet, out),
            SoundMode::Convert(convert) => convert.push(usize::from(other), packet, out).map(|()| true),
        }
    }

    /// Appends what is still inside. Nothing may follow.
    ///
    /// # Errors
    /// As for [`AudioConverter::push`].
    pub(super) fn finish(&mut self, out: &mut VecDeque<Packet>) -> Result<()> {
        match &mut self.work {
            SoundMode::Copy(copy) => {
                copy.finish();
                Ok(())
            }
            SoundMode::Convert(convert) => convert.finish(out),
        }
    }

    /// Converts from now on, and from the beginning: what was copied is to be handed to [`AudioConverter::replay`], and then
    /// what was not taken to [`AudioConverter::push`], the packet that is given here first.
    ///
    /// # Errors
    /// As for [`AudioConverter::open`].
    pub(super) fn convert(&mut self, name: &str) -> Result<Option<AvPacket>> {
        let SoundMode::Copy(copy) = &mut self.work else { return Ok(None) };
        let (doubtful, damage) = (copy.doubtful(), copy.damage());
        let source = &self.track.parameters;
        // SAFETY: the parameters are valid.
        let convert = unsafe { Convert::open(source.as_ptr(), self.timeline, false, codec_for(self.form)) };
        let convert = convert.map_err(|why| refused(name, &source.codec(), &why))?;
        let rate;
        (self.work, self.track.parameters, rate) = converting(convert)?;
        (self.track.time_base, self.track.copied) = (Rational::new(1, i64::from(rate)), false);
        self.track.to_level = self.form.to_level;
        self.damage = damage;
        Ok(doubtful)
    }

    /// Takes a packet that was copied, with its time in ticks of `time_base`, now that it is to be converted.
    ///
    /// # Errors
    /// As for [`AudioConverter::push`].
    pub(super) fn replay(&mut self, packet: &Packet, time_base: Rational, out: &mut VecDeque<Packet>) -> Result<()> {
        let copy = AvPacket::copy_at(&packet.data, self.timeline.stamp(packet.pts, time_base.den))?;
        self.push(&copy, false, out).map(drop)
    }

    /// Finds, once all was taken, a side of a pair that is silent while the other is heard: whether it is the right one, and the
    /// second of what comes out from which on it is; none where it is throughout.
    pub(super) fn silent_side(&self) -> Option<(bool, Option<Rational>)> {
        match &self.work {
            SoundMode::Copy(_) => None,
            SoundMode::Convert(convert) => convert.silent_side(),
        }
    }

    /// Packets that could not be decoded or that lie where audio was already.
    pub(super) fn damage(&self) -> u64 {
        let now = match &self.work {
            SoundMode::Copy(copy) => copy.damage(),
            SoundMode::Convert(convert) => convert.damage(),
        };
        self.damage + now
    }
}

/// Checks a stream: gives the reason where it cannot become sound of a rendition, none where it can.
///
/// # Safety
/// `stream` is a valid stream of a demuxer that knows its codec parameters.
///
/// # Errors
/// [`crate::Error::Libav`] when memory has run out.
pub(super) unsafe fn refusal(stream: *const av::AVStream) -> Result<Option<String>> {
    // SAFETY: the caller vouches for the stream, whose parameters are valid.
    unsafe {
        let source = CodecParameters::copy_of((*stream).codecpar)?;
        let refusal = if copy::can_copy(&source, false) { None } else { convert::refusal((*stream).codecpar) };
        Ok(refusal.map(|Refusal(why)| format!("{}, cannot be decoded: {why}", codec_name((*stream).codecpar))))
    }
}

/// Tells whether the packets of a stream are described only by themselves, and one may describe those after it.
///
/// # Safety
/// `stream` is a valid stream of a demuxer that knows its codec parameters.
pub(super) unsafe fn may_be_described_once(stream: *const av::AVStream) -> bool {
    // SAFETY: the caller vouches for the stream.
    let parameters = unsafe { &*(*stream).codecpar };
    parameters.codec_id == av::AVCodecID::AV_CODEC_ID_AAC && parameters.extradata_size == 0
}

/// Tells whether a stream has as few channels as sound that is always levelled.
fn is_small(parameters: &CodecParameters) -> bool {
    parameters.fields().ch_layout.nb_channels <= 2
}

/// Chooses what is encoded to in this form.
fn codec_for(form: SoundForm) -> SoundCodec {
    if form.to_level { SoundCodec::Samples } else { SoundCodec::Aac }
}

fn converting(convert: Convert) -> Result<(SoundMode, CodecParameters, c_int)> {
    let (parameters, rate) = (convert.parameters()?, convert.sample_rate());
    Ok((SoundMode::Convert(Box::new(convert)), parameters, rate))
}

/// libav's name of the codec, or the container's where libav has none.
///
/// # Safety
/// `parameters` are valid.
unsafe fn codec_name(parameters: *const av::AVCodecParameters) -> String {
    // SAFETY: the caller vouches for the parameters, and libav has a static name for every codec.
    let (name, tag) = unsafe { (ffi::text(av::avcodec_get_name((*parameters).codec_id)), (*parameters).codec_tag) };
    let tag = tag.to_le_bytes();
    match name {
        Some(name) if name != "none" => name,
        _ if tag.iter().all(u8::is_ascii_graphic) => String::from_utf8_lossy(&tag).into_owned(),
        _ => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests;
