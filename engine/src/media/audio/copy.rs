//! Copying: the packets stay as they are, and get the times that their samples have.

use super::header::{self, Header, Parameters};
use super::timeline::Timeline;
use crate::error::Result;
use crate::media::ffi::AvPacket;
use crate::media::parameters::CodecParameters;
use crate::packet::Packet;
use av::AVCodecID::{
    AV_CODEC_ID_AAC, AV_CODEC_ID_AC3, AV_CODEC_ID_ALAC, AV_CODEC_ID_EAC3, AV_CODEC_ID_FLAC, AV_CODEC_ID_MP3,
    AV_CODEC_ID_OPUS,
};
use ffmpeg_sys_next as av;
use std::collections::VecDeque;

/// Tells whether MP4 has a place for this codec and phones' players decode it; with `cmaf`, whether it is one that is delivered in
/// packages, as far as that is seen before the first packet.
pub(super) fn can_copy(parameters: &CodecParameters, cmaf: bool) -> bool {
    let delivered = match parameters.fields().codec_id {
        AV_CODEC_ID_AAC => is_low_complexity(parameters.extradata(), parameters.fields().profile),
        AV_CODEC_ID_AC3 | AV_CODEC_ID_EAC3 => true,
        _ => false,
    };
    if cmaf && !delivered {
        return false;
    }
    let described = match parameters.fields().codec_id {
        // Of these the muxer finds all it needs in the packets.
        AV_CODEC_ID_MP3 | AV_CODEC_ID_AC3 => true,
        // Channels that a header on every packet has no code for are described in the packets: see `header::adts`.
        AV_CODEC_ID_AAC => {
            let layout = &parameters.fields().ch_layout;
            let coded = layout.order == av::AVChannelOrder::AV_CHANNEL_ORDER_NATIVE || layout.nb_channels <= 2;
            coded || !parameters.extradata().is_empty()
        }
        // Shorter packets would have to be joined.
        AV_CODEC_ID_EAC3 => matches!(parameters.fields().frame_size, 0 | 1536),
        // OpusHead, STREAMINFO, ALACSpecificConfig in its box: without them the track cannot be described.
        AV_CODEC_ID_OPUS => parameters.extradata().len() >= 19,
        AV_CODEC_ID_FLAC => parameters.extradata().len() >= 34,
        AV_CODEC_ID_ALAC => parameters.extradata().len() >= 36,
        _ => false,
    };
    described && parameters.fields().sample_rate > 0
}

/// Tells whether a description (ISO/IEC 14496-3, 1.6.2.1) is there and says that it is AAC-LC alone: neither a spectrum whose upper
/// half is made up from the lower, nor stereo that is made up from mono. `profile` is what libav found in the packets.
fn is_low_complexity(description: &[u8], profile: i32) -> bool {
    const LC: u8 = 2;
    // Object types less one, as libav numbers profiles: where the description is silent.
    const MADE_UP: [i32; 2] = [4, 28];
    let &[first, _, ref rest @ ..] = description else { return false };
    // Behind the description, where decoders do not look that know nothing of it.
    let is_announced = matches!(rest, [0x56, 0xe5, present, ..] if present & 0x80 != 0);
    first >> 3 == LC && !is_announced && !MADE_UP.contains(&profile)
}

/// A stream whose packets are copied.
#[derive(Debug)]
pub(super) struct Copy {
    timeline: Timeline,
    /// The stream's description.
    description: CodecParameters,
    /// Samples a second.
    rate: i64,
    /// Samples of an ordinary packet; 0 when that is not known.
    frame: i64,
    /// Samples that a decoder throws away at the beginning of the stream.
    priming: i64,
    /// Where the next packet is expected.
    next: Option<i64>,
    /// Where the last packet went.
    last: Option<i64>,
    read: header::Read,
    /// Parameters of the packets so far; none before the first packet that copying is possible for.
    parameters: Option<Parameters>,
    /// A single packet of other parameters, whose header may be damaged.
    doubtful: Option<(Header, AvPacket)>,
    damage: u64,
}

impl Copy {
    /// With `cmaf` for packages.
    pub(super) fn new(description: &CodecParameters, timeline: Timeline, cmaf: bool) -> Self {
        let fields = description.fields();
        let (rate, frame, priming) = (fields.sample_rate, fields.frame_size, fields.initial_padding);
        let (rate, frame, priming) = (rate.into(), frame.into(), priming.into());
        let read: header::Read = match fields.codec_id {
            AV_CODEC_ID_AAC if description.extradata().is_empty() => header::adts,
            AV_CODEC_ID_AAC => header::raw_aac,
            AV_CODEC_ID_MP3 => header::mpeg_audio,
            AV_CODEC_ID_AC3 => header::ac3,
            AV_CODEC_ID_EAC3 if cmaf => header::eac3_alone,
            AV_CODEC_ID_EAC3 => header::eac3,
            AV_CODEC_ID_FLAC => header::flac,
            _ => header::silent,
        };
        let (next, last, parameters, doubtful) = (None, None, None, None);
        let description = description.clone();
        Self { timeline, description, rate, frame, priming, next, last, read, parameters, doubtful, damage: 0 }
    }

    pub(super) fn damage(&self) -> u64 {
        self.damage
    }

    /// Nothing follows: a packet that is still in doubt was damaged.
    pub(super) fn finish(&mut self) {
        self.damage += u64::from(self.doubtful.take().is_some());
    }

    /// Takes a packet. False when it cannot stand under the track's description: it is the caller's then, after that of
    /// [`Copy::doubtful`].
    pub(super) fn push(&mut self, packet: &AvPacket, out: &mut VecDeque<Packet>) -> Result<bool> {
        // This is how containers tell that a description changes, with the first packet alone.
        if packet.new_extradata().is_some_and(|new| new != self.description.extradata()) {
            return Ok(false);
        }
        // What the demuxer calls corrupt is, for instance, cut off at the end of a truncated file.
        let corrupt = packet.fields().flags & av::AV_PKT_FLAG_CORRUPT != 0;
        let header = if corrupt { Header::Damaged } else { self.header(packet) };
        match header {
            Header::Plain(parameters) if self.parameters.is_none_or(|so_far| so_far == parameters) => {
                self.parameters = Some(parameters);
                self.damage += u64::from(self.doubtful.take().is_some());
                self.copy(packet, out);
            }
            Header::Damaged => {
                self.damage += 1;
                self.pass(packet);
            }
            _ if self.parameters.is_none() || self.doubtful.as_ref().is_some_and(|(before, _)| *before == header) => {
                return Ok(false);
            }
            _ => {
                let before = self.doubtful.replace((header, packet.share()?));
                self.damage += u64::from(before.is_some());
                self.pass(packet);
            }
        }
        Ok(true)
    }

    /// Takes note of where the packet is, and gives that and its duration.
    fn pass(&mut self, packet: &AvPacket) -> (i64, i64) {
        let (pts, duration) = (self.place(packet), self.duration(packet));
        self.next = Some(pts + duration);
        (pts, duration)
    }

    /// The packet before the one that was not taken, when that was not taken either.
    pub(super) fn doubtful(&mut self) -> Option<AvPacket> {
        self.doubtful.take().map(|(_, packet)| packet)
    }

    /// Reads the packet's header.
    fn header(&self, packet: &AvPacket) -> Header {
        match (self.read)(packet.data()) {
            // The spectra of AAC's upper half may come in a way that old decoders pass over, at half the rate then.
            Header::Plain(Parameters { rate, .. })
                if rate != 0 && self.parameters.is_none() && ![rate, 2 * rate].map(i64::from).contains(&self.rate) =>
            {
                Header::Other
            }
            header => header,
        }
    }

    fn copy(&mut self, packet: &AvPacket, out: &mut VecDeque<Packet>) {
        let (pts, duration) = self.pass(packet);
        let too_late = self.timeline.end(self.rate).is_some_and(|end| pts >= end);
        if too_late || pts + duration <= -self.warm_up() {
            return;
        }
        // MP4 has neither packets that do not follow each other nor distances of 2^31 ticks.
        let earliest = self.last.map_or(i64::MIN, |last| last + 1);
        if !(earliest..=self.last.unwrap_or(0) + i64::from(i32::MAX)).contains(&pts) {
            // What no decoder lets be heard, as before the beginning of a track in a list, is no loss.
            let is_heard = packet.fields().flags & av::AV_PKT_FLAG_DISCARD == 0;
            self.damage += u64::from(is_heard);
            return;
        }
        self.last = Some(pts);
        out.push_back(Packet { data: packet.data().to_vec(), pts, duration, key: true });
    }

    /// Gives the samples that are kept from before the origin, for decoders that need what precedes to get a packet
    /// right: overlapping transforms (one packet), MP3's bit reservoir (up to nine, but rarely more than three), Opus's
    /// convergence (80 ms).
    fn warm_up(&self) -> i64 {
        self.rate / 10
    }

    /// Where the packet's first sample is. Many containers round times; samples that follow each other say it better.
    fn place(&self, packet: &AvPacket) -> i64 {
        let expected = self.next.unwrap_or(-self.priming);
        let fields = packet.fields();
        let stamp = if fields.pts == av::AV_NOPTS_VALUE { fields.dts } else { fields.pts };
        let told = self.timeline.sample(stamp, self.rate).unwrap_or(expected);
        if (told - expected).abs() <= self.timeline.rounding(self.rate) { expected } else { told }
    }

    fn duration(&self, packet: &AvPacket) -> i64 {
        let told = self.timeline.duration(packet.fields().duration, self.rate).clamp(0, i64::from(i32::MAX));
        let near = (told - self.frame).abs() <= self.timeline.rounding(self.rate);
        if told <= 0 || near { self.frame.max(1) } else { told }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_aac_is_of_low_complexity() {
        // As ffmpeg's encoder has it, which says that nothing is made up; as older ones have it.
        assert!(is_low_complexity(&[0x11, 0x90, 0x56, 0xe5, 0x00], 1) && is_low_complexity(&[0x12, 0x10], -99));
        // Announced behind, in front, with parametric stereo, or not at all.
        assert!(!is_low_complexity(&[0x13, 0x10, 0x56, 0xe5, 0x98], 1));
        assert!(!is_low_complexity(&[0x2b, 0x11, 0x88, 0x00], 4) && !is_low_complexity(&[0xeb, 0x09, 0x88, 0x00], 28));
        assert!(!is_low_complexity(&[0x13, 0x10], 4));
        assert!(!is_low_complexity(&[], 1), "a header on every packet");
    }
}
