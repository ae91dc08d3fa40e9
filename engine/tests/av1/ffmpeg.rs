//! The `ffmpeg` and `ffprobe` commands as independent decoders and parsers.

use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;
use upright_engine::frame::{Frame, FrameFormat};
use upright_engine::geometry::Rational;
use upright_engine::packet::Packet;

/// A folder that goes away with the stream in it.
pub(crate) struct Stream {
    folder: TempDir,
}

impl Stream {
    /// An IVF file of `packets`.
    pub(crate) fn write(format: FrameFormat, time_base: Rational, packets: &[Packet]) -> Self {
        let stream = Self { folder: TempDir::new().unwrap() };
        let mut file = std::fs::File::create(stream.path()).unwrap();
        let mut header = b"DKIF\0\0\x20\0AV01".to_vec();
        header.extend(u16::try_from(format.width).unwrap().to_le_bytes());
        header.extend(u16::try_from(format.height).unwrap().to_le_bytes());
        header.extend(u32::try_from(time_base.den).unwrap().to_le_bytes());
        header.extend(u32::try_from(time_base.num).unwrap().to_le_bytes());
        header.extend(u32::try_from(packets.len()).unwrap().to_le_bytes());
        header.extend([0; 4]);
        file.write_all(&header).unwrap();
        for packet in packets {
            // In IVF, unlike in MP4, a temporal unit begins with its delimiter.
            let data = [&[0x12, 0x00], &packet.data[..]].concat();
            file.write_all(&u32::try_from(data.len()).unwrap().to_le_bytes()).unwrap();
            file.write_all(&packet.pts.to_le_bytes()).unwrap();
            file.write_all(&data).unwrap();
        }
        stream
    }

    /// What `ffmpeg` makes of `arguments`, which come before the output.
    pub(crate) fn generate(arguments: &str) -> Self {
        let stream = Self { folder: TempDir::new().unwrap() };
        run(Command::new("ffmpeg").args(["-v", "error"]).args(arguments.split(' ')).arg(stream.path()));
        stream
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("stream.ivf")
    }

    /// The frames that libdav1d decodes, whatever their number.
    pub(crate) fn decode(&self, format: FrameFormat) -> Vec<Frame> {
        assert_eq!(self.pixel_format(), if format.depth.bits() == 8 { "yuv420p" } else { "yuv420p10le" });
        let raw = run(Command::new("ffmpeg")
            .args(["-v", "error", "-xerror", "-threads", "1", "-c:v", "libdav1d", "-i"])
            .arg(self.path())
            .args(["-fps_mode", "passthrough", "-f", "rawvideo", "-"]))
        .0;
        let bytes = format.depth.bytes();
        let frame_bytes: usize = format.layout().iter().map(|p| p.width as usize * p.height as usize * bytes).sum();
        assert_eq!(raw.len() % frame_bytes, 0, "whole frames");
        raw.chunks_exact(frame_bytes).map(|raw| from_raw(format, raw)).collect()
    }

    /// What `ffprobe` says, as JSON.
    pub(crate) fn probe(&self, section: &str) -> Value {
        let arguments = ["-v", "error", "-threads", "1", "-of", "json", section];
        serde_json::from_slice(&run(Command::new("ffprobe").args(arguments).arg(self.path())).0).unwrap()
    }

    /// The pixel format of the stream, as libavcodec names it.
    pub(crate) fn pixel_format(&self) -> String {
        self.probe("-show_streams")["streams"][0]["pix_fmt"].as_str().unwrap().to_owned()
    }

    /// A sum of each frame that a decoder makes, with the film grain that `arguments` have it add.
    pub(crate) fn frame_sums(&self, decoder: &str, arguments: &[&str]) -> Vec<String> {
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-xerror", "-threads", "1", "-c:v", decoder]).args(arguments);
        let output = ["-fps_mode", "passthrough", "-autoscale", "0", "-f", "framemd5", "-"];
        let sums = run(command.arg("-i").arg(self.path()).args(output)).0;
        let sums = String::from_utf8(sums).unwrap();
        let frames = sums.lines().filter(|line| !line.starts_with('#'));
        frames.map(|line| line.rsplit_once(", ").unwrap().1.trim().to_owned()).collect()
    }

    /// The lines that `trace_headers` says of the packets: titles, and fields such as
    /// `45  frame_width_bits_minus_1  0101 = 5`.
    fn trace(&self) -> Vec<String> {
        let copy = ["-c", "copy", "-bsf:v", "trace_headers", "-f", "null", "-"];
        let log = run(Command::new("ffmpeg").args(["-v", "info", "-i"]).arg(self.path()).args(copy)).1;
        let log = String::from_utf8_lossy(&log);
        let traced = log.lines().filter(|line| line.starts_with("[trace_headers"));
        let lines = traced.filter_map(|line| line.split_once("] ")).map(|(_, line)| line.to_owned());
        // The headers of the container come first.
        lines.skip_while(|line| !line.starts_with("Packet")).collect()
    }

    /// The OBUs of the stream in their order: the bytes that `trace_headers` understands of each, and whether tiles follow them, with
    /// sizes of so many bytes.
    pub(crate) fn trace_tiles(&self) -> Vec<(usize, Option<usize>)> {
        let mut obus: Vec<(usize, Option<usize>)> = Vec::new();
        let mut size_bytes = 0;
        for line in self.trace() {
            let is_field = line.starts_with(|first: char| first.is_ascii_digit());
            match (line.as_str(), obus.last_mut()) {
                ("OBU header", _) => obus.push((0, None)),
                ("Frame Header", _) => size_bytes = 0,
                ("Tile Group", Some(obu)) => obu.1 = Some(size_bytes),
                (field, Some(obu)) if is_field => {
                    // `45  frame_width_bits_minus_1  0101 = 5`
                    let words: Vec<_> = field.split_whitespace().collect();
                    obu.0 = (words[0].parse::<usize>().unwrap() + words[2].len()).div_ceil(8);
                    if words[1] == "tile_size_bytes_minus1" {
                        size_bytes = words[4].parse::<usize>().unwrap() + 1;
                    }
                }
                _ => {}
            }
        }
        obus
    }

    /// All fields of all headers in their order, as `trace_headers` names them.
    pub(crate) fn trace_fields(&self) -> Vec<(String, i64)> {
        let lines = self.trace();
        let fields = lines.iter().filter_map(|line| line.rsplit_once(" = "));
        fields
            .filter_map(|(field, value)| Some((field.split_whitespace().nth(1)?.to_owned(), value.parse().ok()?)))
            .collect()
    }

    /// The fields of every sequence header of the stream, as `trace_headers` names them.
    pub(crate) fn trace_sequence_headers(&self) -> Vec<BTreeMap<String, i64>> {
        let lines = self.trace();
        let mut lines = lines.iter();
        let mut headers = Vec::new();
        while lines.any(|line| line == "Sequence Header") {
            // `45  frame_width_bits_minus_1  0101 = 5`, up to the next title.
            let fields = lines.by_ref().map_while(|line| line.rsplit_once(" = "));
            let named = |(field, value): (&str, &str)| {
                (field.split_whitespace().nth(1).unwrap().to_owned(), value.parse().unwrap())
            };
            headers.push(fields.map(named).collect());
        }
        headers
    }
}

fn from_raw(format: FrameFormat, raw: &[u8]) -> Frame {
    let mut frame = Frame::new(format);
    let mut rows = raw;
    for plane in format.layout() {
        let width = plane.width as usize * format.depth.bytes();
        let target = &mut frame.bytes_mut()[plane.offset..][..plane.stride * plane.height as usize];
        for target in target.chunks_exact_mut(plane.stride) {
            let (row, rest) = rows.split_at(width);
            target[..width].copy_from_slice(row);
            rows = rest;
        }
    }
    frame
}

/// Standard output and standard error of a command that succeeds.
fn run(command: &mut Command) -> (Vec<u8>, Vec<u8>) {
    let output = command.output().unwrap_or_else(|cause| panic!("{command:?}: {cause}; is FFmpeg installed?"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    (output.stdout, output.stderr)
}
