#![expect(unsafe_code, reason = "libav is C")]

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

    /// The bytes of all audio packets of a file.
    fn packets(path: &Path) -> Vec<Vec<u8>> {
        let mut source = Self::open(path);
        // SAFETY: the context is open.
        let index = unsafe { (*source.stream(av::AVMediaType::AVMEDIA_TYPE_AUDIO)).index };
        let (mut packet, mut packets) = (AvPacket::new().unwrap(), Vec::new());
        while source.next(&mut packet) {
            if packet.fields().stream_index == index {
                packets.push(packet.data().to_vec());
            }
        }
        packets
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
    let (index, converter) = unsafe {
        ((*stream).index, AudioConverter::open(stream, None, (false, SoundForm::default()), "", origin, end))
    };
    let mut converter = converter.unwrap();
    let mut out = VecDeque::new();
    let mut packet = AvPacket::new().unwrap();
    while source.next(&mut packet) {
        // SAFETY: the packet is valid and ours.
        let fields = unsafe { &mut *packet.as_mut_ptr() };
        if fields.stream_index == index && change(fields) {
            assert!(converter.push(&packet, false, &mut out).unwrap());
        }
    }
    converter.finish(&mut out).unwrap();
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
    let mut writer = Mp4Writer::create(&path, &track, std::slice::from_ref(&audio.track), &Tags::default()).unwrap();
    audio.packets.iter().for_each(|packet| writer.write_audio(0, packet).unwrap());
    video.iter().for_each(|packet| writer.write_video(packet).unwrap());
    writer.finish().unwrap();
    path
}

/// When clicks begin in the file's audio as ffmpeg plays it, in seconds.
fn clicks(path: &Path) -> Vec<f64> {
    const RATE: usize = 48_000;
    let path = path.to_str().unwrap();
    let filter = "aresample=48000:async=1:min_hard_comp=0.01:first_pts=0";
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

/// Four seconds of uncompressed sound in Matroska: packets without anything that could hide them, times in milliseconds.
fn plain(directory: &TempDir) -> PathBuf {
    source(directory, "plain.mkv", ":s=48000", &["-c:v", "mpeg4", "-c:a", "pcm_s16le"])
}

fn times(packets: &[Packet]) -> Vec<i64> {
    packets.iter().map(|packet| packet.pts).collect()
}

#[test]
fn gaps_are_filled_with_silence() {
    let directory = TempDir::new().unwrap();
    let converted = convert_with(&plain(&directory), None, None, |packet| !(1000..2000).contains(&packet.pts));
    assert_near(&clicks(&written(&directory, &converted)), &[0.5, 2.5, 3.5], "a second is missing");
    assert!(times(&converted.packets).windows(2).all(|pair| pair[1] - pair[0] == 1024));
    assert_eq!(converted.damage, 0);
}

#[test]
fn long_gaps_stay_gaps() {
    let directory = TempDir::new().unwrap();
    let converted = convert_with(&plain(&directory), None, None, |packet| {
        packet.pts += if packet.pts < 2000 { 0 } else { 100_000 };
        true
    });
    assert_near(&clicks(&written(&directory, &converted)), &[0.5, 1.5, 102.5, 103.5], "a minute and more is missing");
    let gaps = times(&converted.packets).windows(2).filter(|pair| pair[1] - pair[0] != 1024).count();
    assert!(gaps == 1 && converted.packets.len() < 200, "{gaps} gaps, {} packets", converted.packets.len());
}

#[test]
fn overlaps_are_trimmed() {
    let directory = TempDir::new().unwrap();
    let converted = convert_with(&plain(&directory), None, None, |packet| {
        packet.pts -= if packet.pts < 2000 { 0 } else { 300 };
        packet.dts = packet.pts;
        true
    });
    assert_near(&clicks(&written(&directory, &converted)), &[0.5, 1.5, 2.2, 3.2], "300 ms are there twice");
    assert!(times(&converted.packets).windows(2).all(|pair| pair[1] - pair[0] == 1024));
}

#[test]
fn inexact_times_change_nothing() {
    let directory = TempDir::new().unwrap();
    let path = plain(&directory);
    let mut count = 0;
    let jittered = convert_with(&path, None, None, |packet| {
        count += 1;
        packet.pts += if packet.pts > 0 { count % 3 * 14 - 14 } else { 0 };
        true
    });
    assert_eq!(jittered.packets, convert(&path).packets);
}

#[test]
fn what_cannot_be_decoded_is_left_out_and_counted() {
    for (name, codec) in [("mp2.ts", "mp2"), ("aac.ts", "aac"), ("ac3.ts", "ac3")] {
        let directory = TempDir::new().unwrap();
        let path = source(&directory, name, "", &["-c:v", "mpeg4", "-c:a", codec]);
        let mut count = 0;
        let converted = convert_with(&path, None, None, |packet| {
            count += 1;
            if [3, 4, 26].contains(&count) {
                // SAFETY: the packet has that many bytes, and they are ours.
                unsafe { std::slice::from_raw_parts_mut(packet.data, packet.size as usize).fill(0) };
            }
            true
        });
        assert_eq!(converted.damage, 3, "{name}");
        assert_near(&clicks(&written(&directory, &converted)), &[0.5, 1.5, 2.5, 3.5], name);
    }
}

/// Neither what precedes the wanted part is heard nor what follows it.
#[test]
fn a_part_of_a_source_begins_and_ends_where_it_should() {
    let directory = TempDir::new().unwrap();
    let window = |path: &Path| convert_with(path, Some(Rational::new(6, 5)), Some(Rational::new(2, 1)), |_| true);

    let converted = window(&plain(&directory));
    assert_near(&clicks(&written(&directory, &converted)), &[0.3, 1.3], "converted");
    let last = converted.packets.last().unwrap();
    assert_eq!((converted.packets[0].pts, last.pts + last.duration), (-1024, 96_000));

    let copied = window(&source(&directory, "copied.mp4", ":s=48000", &["-c:v", "mpeg4", "-c:a", "aac"]));
    assert_near(&clicks(&written(&directory, &copied)), &[0.3, 1.3], "copied");
    let last = copied.packets.last().unwrap();
    assert!((-4800 - 1024..=-4800).contains(&copied.packets[0].pts) && (96_000 - 1024..96_000).contains(&last.pts));
}

/// Broadcasts change from stereo to 5.1 and back: the track stays what it was at the beginning.
#[test]
fn sound_that_changes_its_format_goes_on() {
    let directory = TempDir::new().unwrap();
    let first = source(&directory, "first.ts", ":s=48000", &["-c:v", "mpeg4", "-c:a", "mp2"]);
    let second = source(&directory, "second.ts", ":s=44100", &["-c:v", "mpeg4", "-c:a", "mp2", "-ac", "2"]);
    let mut source = Source::open(&first);
    let stream = source.stream(av::AVMediaType::AVMEDIA_TYPE_AUDIO);
    let origin = source.video_start();
    // SAFETY: the stream is that of an open demuxer.
    let mut converter =
        unsafe { AudioConverter::open(stream, None, (false, SoundForm::default()), "", origin, None) }.unwrap();
    let mut out = VecDeque::new();
    let mut packet = AvPacket::new().unwrap();
    for shift in [0, 5 * 90_000] {
        let index = source.stream(av::AVMediaType::AVMEDIA_TYPE_AUDIO);
        // SAFETY: the stream is that of an open demuxer.
        let index = unsafe { (*index).index };
        while source.next(&mut packet) {
            if packet.fields().stream_index == index {
                // SAFETY: the packet is valid and ours.
                unsafe { (*packet.as_mut_ptr()).pts += shift };
                converter.push(&packet, false, &mut out).unwrap();
            }
        }
        source = Source::open(&second);
    }
    converter.finish(&mut out).unwrap();
    let converted = Converted { track: converter.track().clone(), packets: out.into(), damage: converter.damage() };
    let fields = converted.track.parameters.fields();
    assert_eq!((fields.sample_rate, fields.ch_layout.nb_channels, converted.damage), (48_000, 1, 0));
    assert!(times(&converted.packets).windows(2).all(|pair| pair[1] - pair[0] == 1024));
    assert_near(
        &clicks(&written(&directory, &converted)),
        &[0.5, 1.5, 2.5, 3.5, 5.5, 6.5, 7.5, 8.5],
        "48 then 44.1 kHz",
    );
}

#[test]
fn the_encoder_gets_a_rate_and_channels_that_it_takes() {
    let layout = |name: &str| {
        let name = CString::new(name).unwrap();
        // SAFETY: a layout of no channels; then its name is parsed into it.
        unsafe {
            let mut layout = std::mem::zeroed();
            check("av_channel_layout_from_string", av::av_channel_layout_from_string(&raw mut layout, name.as_ptr()))
                .unwrap();
            layout
        }
    };
    for (source, rate) in [
        (48_000, 48_000),
        (44_100, 44_100),
        (32_000, 32_000),
        (96_000, 48_000),
        (37_800, 44_100),
        (11_000, 11_025),
        (4000, 8000),
    ] {
        assert_eq!(aac::format_for(source, &layout("stereo")).rate, rate, "{source}");
    }
    for (source, target) in [
        ("mono", "mono"),
        ("stereo", "stereo"),
        ("3.0", "3.0"),
        ("4.0", "4.0"),
        ("5.0(side)", "5.0"),
        ("5.1(side)", "5.1"),
        ("5.1", "5.1"),
        ("6.1", "5.1"),
        ("7.1", "5.1"),
        ("quad", "stereo"),
        ("2.1", "stereo"),
        ("3 channels", "stereo"),
    ] {
        let found = aac::format_for(48_000, &resample::standard_layout(&layout(source))).layout;
        // SAFETY: both are valid.
        assert_eq!(unsafe { av::av_channel_layout_compare(&found, &layout(target)) }, 0, "{source}");
    }
}

/// The loudness of each channel of a file's sound, 1 being full scale.
fn peaks(path: &Path, channels: usize) -> Vec<f32> {
    let bytes = run("ffmpeg", &["-i", path.to_str().unwrap(), "-map", "0:a", "-f", "f32le", "-"]);
    let samples: Vec<f32> = bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
    let frames = samples.chunks_exact(channels);
    (0..channels).map(|channel| frames.clone().map(|frame| frame[channel].abs()).fold(0.0, f32::max)).collect()
}

#[test]
fn channels_keep_their_places() {
    let directory = TempDir::new().unwrap();
    for channel in 0..6 {
        let tone = |index| if index == channel { "0.5*sin(2*PI*80*t)" } else { "0" };
        let sound = (0..6).map(tone).collect::<Vec<_>>().join("|");
        let path = directory.path().join("six.mkv");
        let sound = format!("aevalsrc='{sound}':c=5.1(side):d=1");
        let inputs = ["-f", "lavfi", "-i", "color=size=64x64:rate=25:duration=1", "-f", "lavfi", "-i", &sound];
        run("ffmpeg", &[&inputs[..], &["-c:v", "mpeg4", "-c:a", "pcm_s16le", "-y", path.to_str().unwrap()]].concat());
        let found = peaks(&written(&directory, &convert(&path)), 6);
        for (index, peak) in found.iter().enumerate() {
            assert_eq!(*peak > 0.4, index == channel, "channel {channel}: {found:?}");
            assert!(*peak < 0.6 && (index == channel || *peak < 0.01), "channel {channel}: {found:?}");
        }
    }
}

#[test]
fn mixing_down_does_not_overdrive() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("eight.mkv");
    let tone = ["0.99*sin(2*PI*80*t)"; 8].join("|");
    let sound = format!("aevalsrc='{tone}':c=7.1:d=1");
    let inputs = ["-f", "lavfi", "-i", "color=size=64x64:rate=25:duration=1", "-f", "lavfi", "-i", &sound];
    run("ffmpeg", &[&inputs[..], &["-c:v", "mpeg4", "-c:a", "pcm_s16le", "-y", path.to_str().unwrap()]].concat());
    let found = peaks(&written(&directory, &convert(&path)), 6);
    assert!(found.iter().all(|peak| (0.4..1.02).contains(peak)), "{found:?}");
}

/// Times that no sound has neither stop the job nor lead to packets that MP4 cannot hold.
#[test]
fn senseless_times_are_survived() {
    let directory = TempDir::new().unwrap();
    let copied = source(&directory, "copied.mkv", "", &["-c:v", "mpeg4", "-c:a", "libmp3lame"]);
    for path in [plain(&directory), copied] {
        let senseless = [i64::MAX, i64::MIN + 1, av::AV_NOPTS_VALUE, -1, 0, 1 << 40, -(1 << 40), 1 << 33, 500];
        for first in senseless {
            for later in senseless {
                let mut count = 0;
                let converted = convert_with(&path, None, None, |packet| {
                    count += 1;
                    match count {
                        1 => packet.pts = first,
                        5 | 6 => packet.pts = later,
                        _ => {}
                    }
                    packet.dts = packet.pts;
                    count < 12
                });
                let times = times(&converted.packets);
                let sensible = times.windows(2).all(|pair| (1..=i64::from(i32::MAX)).contains(&(pair[1] - pair[0])));
                assert!(sensible, "{}: {first} then {later}: {times:?}", path.display());
            }
        }
    }
}

#[test]
fn sound_that_nobody_can_decode_is_refused_in_words() {
    let directory = TempDir::new().unwrap();
    let source = Source::open(&plain(&directory));
    let stream = source.stream(av::AVMediaType::AVMEDIA_TYPE_AUDIO);
    // SAFETY: the stream is that of an open demuxer.
    let error = unsafe {
        (*(*stream).codecpar).codec_id = av::AVCodecID::AV_CODEC_ID_MPEGH_3D_AUDIO;
        AudioConverter::open(stream, None, (false, SoundForm::default()), "film", Rational::new(0, 1), None)
            .unwrap_err()
    };
    let message = error.to_string();
    assert!(matches!(error, crate::Error::BadSource { .. }), "{message}");
    for words in ["film: its audio (mpegh_3d_audio) cannot be decoded", "choose another"] {
        assert!(message.contains(words), "{message}");
    }
}

/// Takes the sound of a whole film, or of what is after `start` seconds, through [`crate::media::Source`].
fn film(path: &Path, start: Option<i64>) -> Converted {
    use crate::media::Event;
    use crate::source::{Input, OpenOptions, Span};
    let span = Span { start: start.map(|start| Rational::new(start, 1)), duration: None };
    let options = OpenOptions::default().threads(1).span(span);
    let mut source = crate::media::Source::open(&Input::Path(path.to_owned()), &options).unwrap();
    let mut packets = Vec::new();
    loop {
        match source.next().unwrap() {
            Event::Frame { .. } => {}
            Event::Audio { packet, .. } => packets.push(packet),
            Event::SoundChanged { track } => {
                let copied = std::mem::take(&mut packets).into_iter().map(Ok);
                source
                    .convert_sound(track, copied, |packet| {
                        packets.push(packet);
                        Ok(())
                    })
                    .unwrap();
            }
            Event::End => break,
        }
    }
    let damage = source.damage().damaged_audio_packets;
    Converted { track: source.audio_tracks().next().unwrap().clone(), packets, damage }
}

/// Six channels that AAC's headers have no code for: a description of them is in the first packet alone.
#[test]
fn channels_that_the_first_packet_alone_describes_are_kept() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("described.ts");
    let click = "if(lt(mod(t+0.5,1),0.004),0.8*cos(2*PI*1000*(t-0.5)),0)";
    let sound = format!("aevalsrc='{click}|0|0|0|0|0':c=5.1(side):d=14:s=48000");
    let inputs = ["-f", "lavfi", "-i", "color=size=64x64:rate=25:duration=14", "-f", "lavfi", "-i", &sound];
    let codecs = ["-c:v", "mpeg4", "-g", "25", "-c:a", "aac", "-b:a", "384k"];
    run("ffmpeg", &[&inputs[..], &codecs, &["-y", path.to_str().unwrap()]].concat());
    let described = Source::packets(&path).iter().filter(|packet| header::describes_channels(packet)).count();
    assert_eq!(described, 1);
    // From the beginning, and after seeking.
    for (start, clicks_heard) in [(None, 14), (Some(11), 3)] {
        let converted = film(&path, start);
        let fields = converted.track.parameters.fields();
        assert_eq!(
            (converted.track.copied, fields.ch_layout.nb_channels, converted.damage),
            (false, 6, 0),
            "{start:?}"
        );
        let written = written(&directory, &converted);
        assert_eq!(clicks(&written).len(), clicks_heard, "{start:?}");
        let peaks = peaks(&written, 6);
        assert!(peaks[0] > 0.4 && peaks[1..].iter().all(|&peak| peak < 0.05), "{start:?}: {peaks:?}");
    }
}

/// A header that is damaged says another rate than those around it.
#[test]
fn one_packet_that_differs_is_damaged_and_no_change() {
    let directory = TempDir::new().unwrap();
    let path = source(&directory, "aac.ts", ":s=48000", &["-c:v", "mpeg4", "-c:a", "aac"]);
    let mut count = 0;
    let converted = convert_with(&path, None, None, |packet| {
        count += 1;
        if count == 30 {
            // SAFETY: the packet has that many bytes, and they are ours.
            unsafe { *packet.data.add(2) ^= 0x04 };
        }
        true
    });
    assert!(converted.track.copied && converted.damage == 1);
    assert_near(&clicks(&written(&directory, &converted)), &[0.5, 1.5, 2.5, 3.5], "one packet");
}

/// MP4 and FLV have one description before many packets: a new one comes with the first packet that needs it.
#[test]
fn a_new_description_between_packets_is_followed() {
    let directory = TempDir::new().unwrap();
    let codecs = ["-c:v", "mpeg4", "-c:a", "aac"];
    let first = self::source(&directory, "first.mp4", ":s=48000", &codecs);
    let second = self::source(&directory, "second.mp4", ":s=44100", &[&codecs[..], &["-ac", "2"]].concat());
    let mut source = Source::open(&first);
    let stream = source.stream(av::AVMediaType::AVMEDIA_TYPE_AUDIO);
    // SAFETY: the stream is that of an open demuxer.
    let mut converter =
        unsafe { AudioConverter::open(stream, None, (false, SoundForm::default()), "", Rational::new(0, 1), None) }
            .unwrap();
    let time_base = converter.track().time_base;
    let (mut out, mut packet) = (VecDeque::new(), AvPacket::new().unwrap());
    while source.next(&mut packet) {
        if packet.fields().stream_index == 1 {
            assert!(converter.push(&packet, false, &mut out).unwrap());
        }
    }
    assert!(converter.track().copied);
    source = Source::open(&second);
    // SAFETY: the stream is that of an open demuxer.
    let new =
        unsafe { CodecParameters::copy_of((*source.stream(av::AVMediaType::AVMEDIA_TYPE_AUDIO)).codecpar) }.unwrap();
    while source.next(&mut packet) {
        if packet.fields().stream_index != 1 {
            continue;
        }
        // SAFETY: the packet is valid and ours; the side data has room for the bytes.
        unsafe {
            let fields = packet.as_mut_ptr();
            (*fields).pts = ((*fields).pts + 4 * 44_100) * 48_000 / 44_100;
            (*fields).dts = (*fields).pts;
            if converter.track().copied {
                let (kind, bytes) = (av::AVPacketSideDataType::AV_PKT_DATA_NEW_EXTRADATA, new.extradata());
                let data = av::av_packet_new_side_data(fields, kind, bytes.len());
                ptr::copy_nonoverlapping(bytes.as_ptr(), data, bytes.len());
            }
        }
        if !converter.push(&packet, false, &mut out).unwrap() {
            assert!(converter.convert("").unwrap().is_none());
            for copied in std::mem::take(&mut out) {
                converter.replay(&copied, time_base, &mut out).unwrap();
            }
            assert!(converter.push(&packet, false, &mut out).unwrap());
        }
    }
    converter.finish(&mut out).unwrap();
    let converted = Converted { track: converter.track().clone(), packets: out.into(), damage: converter.damage() };
    assert_eq!((converted.track.copied, converted.damage), (false, 0));
    let expected = [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5];
    assert_near(&clicks(&written(&directory, &converted)), &expected, "48 then 44.1 kHz");
}

/// Converts to AAC what MP4 cannot hold as it is: here E-AC-3 of fewer blocks in a packet.
#[test]
fn sound_that_the_muxer_has_no_place_for_is_converted() {
    let directory = TempDir::new().unwrap();
    let path = source(&directory, "eac3.mkv", ":s=48000", &["-c:v", "mpeg4", "-c:a", "eac3"]);
    let mut source = Source::open(&path);
    let stream = source.stream(av::AVMediaType::AVMEDIA_TYPE_AUDIO);
    // SAFETY: the stream is that of an open demuxer.
    let mut converter =
        unsafe { AudioConverter::open(stream, None, (false, SoundForm::default()), "", Rational::new(0, 1), None) }
            .unwrap();
    assert!(converter.track().copied);
    let mut packet = AvPacket::new().unwrap();
    while packet.data().is_empty() || packet.fields().stream_index != 1 {
        assert!(source.next(&mut packet));
    }
    // SAFETY: the packet has that many bytes, and they are ours: two blocks.
    unsafe { *(*packet.as_mut_ptr()).data.add(4) ^= 0x20 };
    let mut out = VecDeque::new();
    assert!(!converter.push(&packet, false, &mut out).unwrap() && out.is_empty());
    assert!(converter.convert("").unwrap().is_none());
    assert_eq!((converter.track().copied, converter.track().parameters.codec().as_str()), (false, "aac"));
}

/// The level of every tenth of a second.
fn levels(converted: &Converted) -> Vec<u8> {
    let mut meter = LevelMeter::of(&converted.track).unwrap();
    converted.packets.iter().for_each(|packet| meter.push(packet).unwrap());
    meter.finish().unwrap()
}

#[test]
fn levels_are_those_of_the_sound_where_it_is() {
    let directory = TempDir::new().unwrap();
    let cases = [("aac", 1.0, 71.1), ("pcm_s16le", 1.0, 71.1), ("libopus", 1.0, 71.1), ("aac", 0.1, 51.1)];
    for (number, (codec, volume, level)) in cases.into_iter().enumerate() {
        // What this libav writes as Opus into Matroska is early by the encoder's delay.
        let extension = if codec == "libopus" { "mp4" } else { "mkv" };
        let (name, volume) = (format!("{number}.{extension}"), format!(":s=48000,volume={volume}"));
        let found = levels(&convert(&source(&directory, &name, &volume, &["-c:v", "mpeg4", "-c:a", codec])));
        assert!((39..=42).contains(&found.len()), "{codec}: {}", found.len());
        for (tenth, &found) in found.iter().enumerate() {
            // A click of 4 ms: 0.8 * 0.8 / 2, for a twenty-fifth of the span.
            let (found, clicks) = (f64::from(found), tenth % 10 == 5);
            assert!(
                if clicks { (found - level).abs() < 2.0 } else { found < level - 20.0 },
                "{codec} {tenth}: {found}"
            );
        }
    }
}

#[test]
#[should_panic(expected = "clicks at")]
fn sound_that_is_late_by_a_frame_is_noticed() {
    let directory = TempDir::new().unwrap();
    let mut late = convert(&plain(&directory));
    late.packets.iter_mut().for_each(|packet| packet.pts += 48_000 / 30);
    assert_near(&clicks(&written(&directory, &late)), &[0.5, 1.5, 2.5, 3.5], "late");
}
