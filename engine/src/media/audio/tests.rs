use super::*;
use crate::media::ffi::check;
use crate::media::testing::{av1_packets, run};
use crate::media::{Mp4Writer, Tags, VideoTrack};
use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::ptr;
use tempfile::TempDir;

/// A demuxed source.
struct Source(*mut av::AVFormatContext);

impl Source {
    fn open(path: &Path) -> Self {
        let url = CString::new(path.to_str().unwrap()).unwrap();
        let mut context = ptr::null_mut();
        // SAFETY: writes a new context to the local, which `drop` frees.
        unsafe {
            let code = av::avformat_open_input(&raw mut context, url.as_ptr(), ptr::null(), ptr::null_mut());
            check("avformat_open_input", code).unwrap();
            check("avformat_find_stream_info", av::avformat_find_stream_info(context, ptr::null_mut())).unwrap();
        }
        Self(context)
    }

    /// The first stream of a kind.
    fn stream(&self, kind: av::AVMediaType) -> *mut av::AVStream {
        // SAFETY: the context is open.
        unsafe {
            let count = (*self.0).nb_streams as usize;
            let streams = std::slice::from_raw_parts((*self.0).streams, count);
            *streams.iter().find(|&&stream| (*(*stream).codecpar).codec_type == kind).unwrap()
        }
    }

    /// When the video begins, in seconds.
    fn video_start(&self) -> Rational {
        let stream = self.stream(av::AVMediaType::AVMEDIA_TYPE_VIDEO);
        // SAFETY: the context is open.
        let (start, base) = unsafe { ((*stream).start_time, (*stream).time_base) };
        Rational::new(start * i64::from(base.num), base.den.into())
    }

    fn next(&mut self, packet: &mut AvPacket) -> bool {
        // SAFETY: the context is open, and the packet valid.
        unsafe {
            av::av_packet_unref(packet.as_mut_ptr());
            av::av_read_frame(self.0, packet.as_mut_ptr()) >= 0
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        // SAFETY: opened by `open`.
        unsafe { av::avformat_close_input(&raw mut self.0) };
    }
}

struct Converted {
    track: AudioTrack,
    packets: Vec<Packet>,
    damage: u64,
}

/// Takes the audio of a file through a converter; `change` may change packets on the way, or drop them.
fn convert_with(
    path: &Path,
    origin: Option<Rational>,
    end: Option<Rational>,
    mut change: impl FnMut(&mut av::AVPacket) -> bool,
) -> Converted {
    let mut source = Source::open(path);
    let stream = source.stream(av::AVMediaType::AVMEDIA_TYPE_AUDIO);
    let origin = origin.unwrap_or_else(|| source.video_start());
    // SAFETY: the stream is that of an open demuxer.
    let (index, converter) = unsafe { ((*stream).index, AudioConverter::open(stream, origin, end)) };
    let mut converter = converter.unwrap();
    let mut out = VecDeque::new();
    let mut packet = AvPacket::new().unwrap();
    while source.next(&mut packet) {
        // SAFETY: the packet is valid and ours.
        let fields = unsafe { &mut *packet.as_mut_ptr() };
        if fields.stream_index == index && change(fields) {
            converter.push(Some(&packet), &mut out).unwrap();
        }
    }
    converter.push(None, &mut out).unwrap();
    Converted { track: converter.track().clone(), packets: out.into(), damage: converter.damage() }
}

fn convert(path: &Path) -> Converted {
    convert_with(path, None, None, |_| true)
}

/// A sound of clicks.
const CLICKS: &str = "aevalsrc='if(lt(mod(t+0.5,1),0.004),0.8*cos(2*PI*1000*(t-0.5)),0)'";

/// Four seconds with a click at every half second between whole ones.
fn source(directory: &TempDir, name: &str, sound: &str, codecs: &[&str]) -> PathBuf {
    let path = directory.path().join(name);
    let sound = format!("{CLICKS}:d=4{sound}");
    let inputs = ["-f", "lavfi", "-i", "color=size=64x64:rate=25:duration=4", "-f", "lavfi", "-i", &sound];
    run("ffmpeg", &[&inputs[..], codecs, &["-y", path.to_str().unwrap()]].concat());
    path
}

/// Writes the audio to an MP4 beside a video that begins at 0.
fn written(directory: &TempDir, audio: &Converted) -> PathBuf {
    let path = directory.path().join("written.mp4");
    let video = av1_packets("64x64", 100, 50, &[]);
    let track = VideoTrack {
        size: crate::geometry::Size { width: 64, height: 64 },
        time_base: Rational::new(1, 25),
        frame_rate: Rational::new(25, 1),
        colour: crate::media::testing::BT709,
        hdr: crate::colour::HdrMetadata::default(),
        language: None,
        first: &video[0],
    };
    let mut writer = Mp4Writer::create(&path, &track, Some(&audio.track), &Tags::default()).unwrap();
    audio.packets.iter().for_each(|packet| writer.write_audio(packet).unwrap());
    video.iter().for_each(|packet| writer.write_video(packet).unwrap());
    writer.finish().unwrap();
    path
}

/// When clicks begin in the file's audio as ffmpeg plays it, in seconds.
fn clicks(path: &Path) -> Vec<f64> {
    const RATE: usize = 48_000;
    let path = path.to_str().unwrap();
    let filter = "aresample=48000:async=1:first_pts=0";
    let bytes = run("ffmpeg", &["-i", path, "-map", "0:a", "-af", filter, "-ac", "1", "-f", "f32le", "-"]);
    let samples: Vec<f32> = bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
    let loudest = samples.iter().fold(0.0_f32, |loudest, sample| loudest.max(sample.abs()));
    let mut found: Vec<usize> = Vec::new();
    for (at, sample) in samples.iter().enumerate() {
        let quiet_before = found.last().is_none_or(|&last| at - last > RATE / 10);
        if sample.abs() > loudest / 2.0 && quiet_before {
            found.push(at);
        }
    }
    found.into_iter().map(|at| at as f64 / RATE as f64).collect()
}

/// Seconds of the source, as ffmpeg plays it, that come before its video.
fn before_video(source: &Source) -> f64 {
    // SAFETY: the context is open.
    let start = unsafe { (*source.0).start_time };
    source.video_start().as_f64() - start as f64 / f64::from(av::AV_TIME_BASE)
}

fn assert_near(found: &[f64], expected: &[f64], what: &str) {
    let near = found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.002);
    assert!(near, "{what}: clicks at {found:?}, not {expected:?}");
}

const MPEG4: [&str; 2] = ["-c:v", "mpeg4"];
const VP8: [&str; 2] = ["-c:v", "libvpx"];

/// Clicks of the output are where ffmpeg hears them in the source, counted from the first picture.
fn assert_in_step(name: &str, sound: &str, codecs: &[&str], codec: &str) {
    let directory = TempDir::new().unwrap();
    let path = source(&directory, name, sound, codecs);
    let before = before_video(&Source::open(&path));
    let expected: Vec<_> = clicks(&path).iter().map(|click| click - before).collect();
    assert_eq!(expected.len(), 4, "{name}");

    let converted = convert(&path);
    assert_eq!((converted.track.parameters.codec().as_str(), converted.damage), (codec, 0), "{name}");
    assert_near(&clicks(&written(&directory, &converted)), &expected, name);
}

#[test]
fn copied_sound_stays_in_step() {
    let cases: [(&str, &[&str], &[&str], &str); 10] = [
        ("aac.mp4", &MPEG4, &["-c:a", "aac"], "aac"),
        ("aac.ts", &MPEG4, &["-c:a", "aac"], "aac"),
        ("mp3.mp4", &MPEG4, &["-c:a", "libmp3lame"], "mp3"),
        ("mp3.avi", &MPEG4, &["-c:a", "libmp3lame", "-ar", "44100"], "mp3"),
        ("ac3.ts", &MPEG4, &["-c:a", "ac3"], "ac3"),
        ("eac3.mkv", &MPEG4, &["-c:a", "eac3"], "eac3"),
        ("opus.webm", &VP8, &["-c:a", "libopus"], "opus"),
        ("opus.mp4", &MPEG4, &["-c:a", "libopus"], "opus"),
        ("flac.mkv", &MPEG4, &["-c:a", "flac"], "flac"),
        ("alac.mov", &MPEG4, &["-c:a", "alac"], "alac"),
    ];
    for (name, video, audio, codec) in cases {
        assert_in_step(name, "", &[video, audio].concat(), codec);
    }
}

#[test]
fn converted_sound_stays_in_step() {
    let cases: [(&str, &str, &[&str], &[&str]); 8] = [
        ("vorbis.webm", "", &VP8, &["-c:a", "libvorbis", "-ac", "2"]),
        ("mp2.ts", "", &MPEG4, &["-c:a", "mp2"]),
        ("pcm.mov", "", &MPEG4, &["-c:a", "pcm_s16le"]),
        ("pcm96.mkv", ":s=96000", &MPEG4, &["-c:a", "pcm_s24le"]),
        ("pcm8.avi", ":s=22050", &MPEG4, &["-c:a", "pcm_u8"]),
        ("odd.mkv", ":s=37800", &MPEG4, &["-c:a", "pcm_f32le"]),
        ("dts.mkv", "", &MPEG4, &["-c:a", "dca", "-strict", "-2"]),
        ("wma.asf", "", &["-c:v", "wmv2"], &["-c:a", "wmav2"]),
    ];
    for (name, sound, video, audio) in cases {
        assert_in_step(name, sound, &[video, audio].concat(), "aac");
    }
}
