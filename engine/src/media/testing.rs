//! What the tests of this module share: AV1 packets of libav's own encoders, and what `ffprobe` says of a file.

#![expect(unsafe_code, reason = "libav is C")]

use crate::av1::strip_temporal_delimiters;
use crate::colour::{ChromaSite, Colour, cicp};
use crate::geometry::Rational;
use crate::media::{AudioTrack, CodecParameters, ffi};
use crate::packet::Packet;
use ffmpeg_sys_next as av;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// The tags of an ordinary film.
pub(crate) const BT709: Colour = Colour {
    primaries: cicp::BT709,
    transfer: cicp::BT709,
    matrix: cicp::BT709,
    full_range: false,
    chroma: ChromaSite::LEFT,
};

/// Runs a tool and gives what it printed.
pub(crate) fn run(tool: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(tool).args(["-v", "error"]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{tool} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Describes a file by `ffprobe`, as JSON.
pub(crate) fn ffprobe(path: &Path, arguments: &[&str]) -> Value {
    let file = path.to_str().unwrap();
    serde_json::from_slice(&run("ffprobe", &[arguments, &["-of", "json", file]].concat())).unwrap()
}

/// AV1 packets of a moving test picture, one tick each, with a key frame every `gop` ticks.
pub(crate) fn av1_packets(size: &str, frames: u32, gop: u32, arguments: &[&str]) -> Vec<Packet> {
    let input = format!("testsrc2=size={size}:rate=25");
    let (frames, gop) = (frames.to_string(), gop.to_string());
    let fixed = ["-f", "lavfi", "-i", &input, "-frames:v", &frames, "-g", &gop, "-pix_fmt", "yuv420p"];
    let encoder = ["-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8"];
    let ivf = run("ffmpeg", &[&fixed[..], &encoder, arguments, &["-f", "ivf", "-"]].concat());
    ivf_packets(&ivf)
}

/// The packets of an IVF file without their temporal delimiters, one tick each; those with a sequence header are keys.
fn ivf_packets(ivf: &[u8]) -> Vec<Packet> {
    let mut packets = Vec::new();
    let mut rest = &ivf[32..];
    while !rest.is_empty() {
        let (header, body) = rest.split_at(12);
        let (data, next) = body.split_at(u32::from_le_bytes(header[..4].try_into().unwrap()) as usize);
        let mut data = data.to_vec();
        strip_temporal_delimiters(&mut data).unwrap();
        let key = crate::av1::sequence_header_of(&data).unwrap().is_some();
        packets.push(Packet { data, pts: i64::try_from(packets.len()).unwrap(), duration: 1, key });
        rest = next;
    }
    packets
}

/// A track of Opus that decoders begin 312 samples into.
pub(crate) fn opus_track() -> AudioTrack {
    // OpusHead: version 1, 2 channels, 312 samples to skip, 48 kHz, no gain, mapping family 0.
    let head = [&b"OpusHead\x01\x02"[..], &312_u16.to_le_bytes(), &48_000_u32.to_le_bytes(), &[0, 0, 0]].concat();
    let mut parameters = ffi::Parameters::new().unwrap();
    // SAFETY: the parameters are new and ours.
    let parameters = unsafe {
        let fields = parameters.as_mut_ptr();
        (*fields).codec_type = av::AVMediaType::AVMEDIA_TYPE_AUDIO;
        (*fields).codec_id = av::AVCodecID::AV_CODEC_ID_OPUS;
        (*fields).sample_rate = 48_000;
        av::av_channel_layout_default(&raw mut (*fields).ch_layout, 2);
        (*fields).extradata = av::av_mallocz(head.len() + av::AV_INPUT_BUFFER_PADDING_SIZE as usize).cast();
        std::ptr::copy_nonoverlapping(head.as_ptr(), (*fields).extradata, head.len());
        (*fields).extradata_size = i32::try_from(head.len()).unwrap();
        CodecParameters::copy_of(fields).unwrap()
    };
    AudioTrack {
        parameters,
        time_base: Rational::new(1, 48_000),
        copied: true,
        to_level: false,
        language: Some("fin".to_owned()),
        title: Some("Kommentar".to_owned()),
        roles: Vec::new(),
    }
}

/// 20 ms of silence at a time.
pub(crate) fn opus_packets(count: i64, start: i64) -> Vec<Packet> {
    let silence = [0xfc, 0xff, 0xfe];
    (0..count).map(|n| Packet { data: silence.to_vec(), pts: start + 960 * n, duration: 960, key: true }).collect()
}
