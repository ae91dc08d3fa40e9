//! Sound of the kinds that CMAF has, from how libav describes it.

use super::sample_entry::{AudioCodec, AudioSample, SampleEntry};
use super::track_info::TrackInfo;
use crate::error::{Error, Result};
use crate::media::AudioTrack;
use crate::packet::Packet;

impl TrackInfo {
    /// Describes a track of sound that begins with this packet.
    ///
    /// # Errors
    /// [`Error::Verify`] when CMAF has no such sound, or its header makes no sense.
    pub(crate) fn of_sound(track: &AudioTrack, first: &Packet) -> Result<Self> {
        let name = track.parameters.codec();
        let extra = track.parameters.extradata();
        let codec = match name.as_str() {
            "aac" if !extra.is_empty() => Some(AudioCodec::Aac(extra.to_vec())),
            "ac3" => ac3(&first.data).map(AudioCodec::Ac3),
            "eac3" => eac3(&first.data).map(AudioCodec::Eac3),
            "opus" => opus(extra).map(AudioCodec::Opus),
            _ => None,
        };
        let codec = codec.ok_or_else(|| Error::Verify {
            path: "sound".into(),
            why: format!("{name}: CMAF has no such sound, or it is described in no way that it has"),
        })?;
        let (rate, channels) = track.parameters.rate_and_channels();
        let ticks = u32::try_from(track.time_base.den).map_err(|_| Error::Verify {
            path: "sound".into(),
            why: format!("{} ticks a second are more than CMAF can count", track.time_base.den),
        })?;
        let samples = i64::from(track.parameters.frame_samples().unwrap_or(0));
        Ok(Self {
            timescale: ticks,
            language: track.language.clone(),
            sample: SampleEntry::Audio(AudioSample { codec, rate, channels }),
            priming: u32::try_from(first.pts.saturating_neg()).unwrap_or(0),
            nominal: samples * i64::from(ticks) / i64::from(rate).max(1),
            key: None,
        })
    }
}

/// `dac3` (ETSI TS 102 366, F.4) from the header of a frame (4.3): rate, version, mode, channels, bit rate.
fn ac3(frame: &[u8]) -> Option<[u8; 3]> {
    let [0x0b, 0x77, _, _, rates, version, modes, rest, ..] = *frame else { return None };
    let (rate_code, size_code) = (rates >> 6, rates & 0x3f);
    let (bsid, bsmod) = (version >> 3, version & 7);
    let acmod = modes >> 5;
    // Levels of the centre, of the surround and of Dolby Surround come before the low-frequency channel, where there are such.
    let centre = if acmod & 1 != 0 && acmod != 1 { 2 } else { 0 };
    let surround = if acmod & 4 != 0 { 2 } else { 0 };
    let matrixed = if acmod == 2 { 2 } else { 0 };
    let bits = u16::from_be_bytes([modes, rest]);
    let lfe = bits >> (12 - (centre + surround + matrixed)) & 1;
    let packed = u32::from(rate_code) << 22
        | u32::from(bsid) << 17
        | u32::from(bsmod) << 14
        | u32::from(acmod) << 11
        | u32::from(lfe) << 10
        | u32::from(size_code >> 1) << 5;
    let [_, bytes @ ..] = packed.to_be_bytes();
    (rate_code != 3 && bsid <= 8).then_some(bytes)
}

/// `dec3` (ETSI TS 102 366, F.6) from the header of a frame (E.1.3.1), of sound in one independent substream: up to 5.1.
fn eac3(frame: &[u8]) -> Option<Vec<u8>> {
    let [0x0b, 0x77, size_high, size_low, modes, version, ..] = *frame else { return None };
    let size = 2 * (usize::from(size_high & 7) << 8 | usize::from(size_low)) + 2;
    let (rate_code, blocks_code) = (modes >> 6, modes >> 4 & 3);
    let rate = [48_000, 44_100, 32_000].get(usize::from(rate_code))?;
    let blocks = [1, 2, 3, 6][usize::from(blocks_code)];
    // Of type 0 and number 0, and all that the packet has.
    let alone = size_high >> 3 == 0 && size * 6 == frame.len() * blocks;
    let (acmod, lfe, bsid) = (modes >> 1 & 7, modes & 1, version >> 3);
    let kilobits = u64::try_from(size * 8 * rate / (blocks * 256 * 1000)).ok()?;
    let packed = kilobits << 27
        | u64::from(rate_code) << 22
        | u64::from(bsid) << 17
        | u64::from(acmod) << 9
        | u64::from(lfe) << 8;
    let [_, _, _, bytes @ ..] = packed.to_be_bytes();
    (alone && (11..=16).contains(&bsid)).then(|| bytes.to_vec())
}

/// `dOps` (Opus in ISOBMFF, 4.3.2) from the header of Ogg, whose numbers are the other way round.
fn opus(header: &[u8]) -> Option<Vec<u8>> {
    let [channels, skip @ .., family] = *header.strip_prefix(b"OpusHead")?.strip_prefix(&[1])?.first_chunk::<10>()?;
    let [skip_low, skip_high, a, b, c, d, gain_low, gain_high] = skip;
    let mut bytes = vec![0, channels, skip_high, skip_low, d, c, b, a, gain_high, gain_low, family];
    if family != 0 {
        bytes.extend(header.get(19..19 + 2 + usize::from(channels))?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ac3_is_described_by_its_frames() {
        // 48 kHz, 384 kb/s, 3/2 channels and low frequencies, as ffmpeg's encoder begins a frame; checked with its MP4.
        let frame = [0x0b, 0x77, 0x12, 0x34, 0x1c, 0x40, 0xe1, 0xde];
        assert_eq!(ac3(&frame), Some([0x10, 0x3d, 0xc0]));
        assert_eq!(ac3(&frame[1..]), None);
    }

    #[test]
    fn opus_numbers_are_turned_round() {
        let header = b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0";
        assert_eq!(opus(header).unwrap(), [0, 2, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0]);
        assert_eq!(opus(&header[..12]), None);
    }
}
