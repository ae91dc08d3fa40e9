//! What the tests of this module share: AV1 packets of libav's own encoders, and what `ffprobe` says of a file.

use crate::av1::strip_temporal_delimiters;
use crate::colour::{ChromaSite, Colour, cicp};
use crate::packet::Packet;
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

/// What `ffprobe` says of a file, as JSON.
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
