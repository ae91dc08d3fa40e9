//! From a source through decoder, AV1 encoder and muxer to a file, and back through `ffmpeg`: sound and picture are in
//! step, every frame is shown when it was, and what is said about the film is still said.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use tempfile::TempDir;
use upright_engine::encode::{self, EncoderKind, EncoderSettings};
use upright_engine::frame::{Area, Frame};
use upright_engine::geometry::{Rational, Size};
use upright_engine::media::{Event, Mp4Writer, Source, Tags, VideoTrack};
use upright_engine::packet::Packet;
use upright_engine::source::{Input, OpenOptions, SourceInfo, Span};
use upright_engine::timestamps::TimestampDigest;
use upright_engine::verify::{self, Expected, ExpectedAudio};
use upright_fixtures::inspect;
use upright_fixtures::{AudioCodec, AudioTrack, Chapter, Clip, Codec, Container, Ratio, Timing};

/// Seconds by which sound may be late or early: a tenth of a frame.
const IN_STEP: f64 = 0.004;

struct Converted {
    path: PathBuf,
    info: SourceInfo,
    copied: bool,
    damaged_audio_packets: u64,
    /// Times of the frames in seconds of the output, as the source gave them.
    times: Vec<f64>,
}

/// Encodes a source at its own size and checks what was written.
fn convert(directory: &Path, input: &Path, span: Span) -> Converted {
    let options = OpenOptions::default().threads(1).span(span);
    let mut source = Source::open(&Input::Path(input.to_owned()), &options).unwrap();
    let info = source.info().clone();
    let video = &info.video;
    let size = Size { width: video.format.width, height: video.format.height };
    let settings = EncoderSettings {
        kind: EncoderKind::Rav1e,
        size,
        depth: video.format.depth,
        colour: video.colour,
        hdr: video.hdr,
        time_base: video.time_base,
        frame_rate: video.frame_rate,
        speed: 10,
        quality: 50,
        threads: 1,
        key_frame_distance: None,
        options: Vec::new(),
        grain: None,
    };
    let mut encoder = encode::open(&settings).unwrap();
    let mut frame = Frame::new(video.format);
    let mut frames = TimestampDigest::default();
    let (mut picture, mut sound) = (Vec::new(), Vec::<Packet>::new());
    loop {
        match source.next().unwrap() {
            Event::Frame { .. } => {
                source.fill(Area::whole(video.format), &mut frame).unwrap();
                let key = frames.count() % 10 == 0;
                frames.push(frame.pts, key);
                encoder.encode(frame.clone().into(), key, &mut picture).unwrap();
            }
            Event::Audio { packet, .. } => sound.push(packet),
            Event::SoundChanged { track } => {
                let copied = std::mem::take(&mut sound);
                let put = |packet| {
                    sound.push(packet);
                    Ok(())
                };
                source.convert_sound(track, copied.into_iter().map(Ok), put).unwrap();
            }
            Event::End => break,
        }
    }
    let track = source.audio_tracks().next().unwrap().clone();
    let mut sounds = TimestampDigest::default();
    sound.iter().for_each(|packet| sounds.push(packet.pts, packet.key));
    while encoder.finish(&mut picture).unwrap() {}

    let path = directory.join("converted.mp4");
    let description = VideoTrack {
        size,
        time_base: video.time_base,
        frame_rate: video.frame_rate,
        colour: video.colour,
        hdr: video.hdr,
        language: video.language.clone(),
        first: &picture[0],
    };
    let tags = Tags { title: info.title.clone(), chapters: info.chapters.clone() };
    let mut writer = Mp4Writer::create(&path, &description, std::slice::from_ref(&track), &tags).unwrap();
    sound.iter().for_each(|packet| writer.write_audio(0, packet).unwrap());
    picture.iter().for_each(|packet| writer.write_video(packet).unwrap());
    writer.finish().unwrap();

    let time_base = video.time_base;
    let codec = track.parameters.codec();
    let audio = ExpectedAudio {
        codec,
        time_base: track.time_base,
        language: track.language.clone(),
        roles: Vec::new(),
        packets: sounds,
    };
    let expected = Expected {
        size,
        depth: video.format.depth,
        colour: video.colour,
        hdr: video.hdr,
        time_base,
        language: video.language.clone(),
        video: frames,
        audio: vec![audio],
    };
    verify::rendition(&path, &expected).unwrap();
    let times = picture.iter().map(|packet| packet.pts as f64 * time_base.as_f64()).collect();
    let damaged_audio_packets = source.damage().damaged_audio_packets;
    Converted { path, copied: track.copied, damaged_audio_packets, times, info }
}

fn clip(name: &str, container: Container, codec: Codec, audio: AudioCodec) -> Clip {
    Clip {
        size: (64, 64),
        timing: Timing::constant(Ratio::new(25, 1), 50),
        flashes: vec![12, 27, 44],
        audio: vec![AudioTrack::new(audio)],
        container,
        codec,
        ..Clip::new(name)
    }
}

/// Converts a clip, hears every click when it sees the flash, and sees every frame when the source showed it.
fn assert_in_step(clip: &Clip, copied: bool, span: Span, expected_flashes: usize) -> (TempDir, Converted) {
    let directory = TempDir::new().unwrap();
    let fixture = clip.write(directory.path()).unwrap();
    let converted = convert(directory.path(), &fixture.path, span);
    let name = &clip.name;
    assert_eq!(converted.copied, copied, "{name}");
    let offsets = inspect::sync(&converted.path, 0).unwrap();
    assert_eq!(offsets.len(), expected_flashes, "{name}");
    assert!(offsets.iter().all(|offset| offset.abs() < IN_STEP), "{name}: sound late by {offsets:?}");

    let probe = inspect::probe(&converted.path).unwrap();
    let tick = probe.video().unwrap().time_base.as_f64();
    let shown: Vec<_> =
        inspect::frames(&converted.path, "v:0").unwrap().iter().map(|frame| frame.pts.unwrap() as f64 * tick).collect();
    assert_eq!(shown, converted.times, "{name}");
    (directory, converted)
}

#[test]
fn copied_sound_is_in_step() {
    for (container, codec, audio) in [
        (Container::Mp4, Codec::H264, AudioCodec::Aac),
        (Container::Ts, Codec::Mpeg2, AudioCodec::Aac),
        (Container::Ts, Codec::Mpeg2, AudioCodec::Ac3),
        (Container::Mkv, Codec::Ffv1, AudioCodec::Mp3),
        (Container::Mkv, Codec::Ffv1, AudioCodec::Opus),
        (Container::Mkv, Codec::Ffv1, AudioCodec::Flac),
    ] {
        let clip = clip(&format!("{container:?} {audio:?}"), container, codec, audio);
        assert_in_step(&clip, true, Span::default(), 3);
    }
}

#[test]
fn converted_sound_is_in_step() {
    for (container, codec, audio) in [
        (Container::Mkv, Codec::Ffv1, AudioCodec::Vorbis),
        (Container::Ts, Codec::Mpeg2, AudioCodec::Mp2),
        (Container::Mov, Codec::H264, AudioCodec::Pcm),
    ] {
        let clip = clip(&format!("{container:?} {audio:?}"), container, codec, audio);
        assert_in_step(&clip, false, Span::default(), 3);
    }
}

/// Sound before the picture, picture before the sound, both long after zero, and a head that edit lists skip.
#[test]
fn sound_is_in_step_wherever_the_tracks_begin() {
    let late_picture: Vec<_> = (0..50).map(|n| 320 + 40 * n + n % 3).collect();
    for audio in [AudioCodec::Aac, AudioCodec::Pcm] {
        let copied = audio == AudioCodec::Aac;
        let plain = |name: &str| clip(&format!("{name} {audio:?}"), Container::Mkv, Codec::Ffv1, audio);
        let late_sound = AudioTrack { delay: 0.37, ..AudioTrack::new(audio) };
        let cases = [
            Clip { timing: Timing::variable(Ratio::new(1, 1000), late_picture.clone()), ..plain("late picture") },
            Clip { audio: vec![late_sound], ..plain("late sound") },
            Clip { timing: Timing::constant(Ratio::new(25, 1), 50).offset(Ratio::new(7, 2)), ..plain("late both") },
            Clip { container: Container::Mov, codec: Codec::H264, skipped: 5, ..plain("edit list") },
        ];
        for clip in cases {
            assert_in_step(&clip, copied, Span::default(), 3);
        }
    }
}

#[test]
fn sound_is_in_step_in_a_part_of_the_source() {
    for (audio, copied) in [(AudioCodec::Aac, true), (AudioCodec::Mp2, false)] {
        let span = Span { start: Some(Rational::new(7, 10)), duration: Some(Rational::new(1, 1)) };
        let clip = clip(&format!("part {audio:?}"), Container::Mkv, Codec::Ffv1, audio);
        // Of the flashes at 0.48, 1.08 and 1.76 s.
        let (_directory, converted) = assert_in_step(&clip, copied, span, 1);
        assert_eq!(converted.times.len(), 25);
    }
}

/// Pieces of two seconds one after the other in one transport stream, each with this sound.
fn joined(directory: &Path, sounds: &[AudioTrack]) -> PathBuf {
    let path = directory.join("joined.ts");
    let mut bytes = Vec::new();
    for (piece, sound) in (0..).zip(sounds) {
        let clip = Clip {
            timing: Timing::constant(Ratio::new(25, 1), 50).offset(Ratio::new(2 * piece, 1)),
            audio: vec![sound.clone()],
            ..clip("piece", Container::Ts, Codec::Mpeg2, sound.codec)
        };
        bytes.extend(std::fs::read(clip.write(directory).unwrap().path).unwrap());
    }
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Sound that changes what a track says once is converted from its beginning: it is in step before and after every joint,
/// nothing of it is lost, and it has the pitch that it had.
#[test]
fn sound_that_changes_stays_in_step_and_keeps_its_pitch() {
    use AudioCodec::{Aac, Ac3, Mp3};
    let cases: [(AudioCodec, &[(u32, u32)]); 8] = [
        (Aac, &[(48_000, 2), (48_000, 6), (48_000, 2)]),
        (Aac, &[(48_000, 2), (44_100, 2)]),
        (Aac, &[(44_100, 2), (48_000, 2), (44_100, 2)]),
        (Aac, &[(48_000, 2), (48_000, 1)]),
        (Mp3, &[(48_000, 2), (44_100, 2)]),
        (Mp3, &[(44_100, 2), (44_100, 1), (22_050, 2)]),
        (Ac3, &[(48_000, 2), (44_100, 2)]),
        (Ac3, &[(48_000, 6), (48_000, 2), (32_000, 1)]),
    ];
    for (codec, pieces) in cases {
        let directory = TempDir::new().unwrap();
        let sounds = pieces.iter().map(|&(sample_rate, channels)| AudioTrack {
            sample_rate,
            channels,
            ..AudioTrack::new(codec)
        });
        let path = joined(directory.path(), &sounds.collect::<Vec<_>>());
        let converted = convert(directory.path(), &path, Span::default());
        assert!(!converted.copied && converted.info.audio_kept[0].copied, "{codec:?} {pieces:?}");
        // libav's parser of MPEG audio may not find a packet's end where the next has another rate.
        let lost = if codec == Mp3 { pieces.len() as u64 - 1 } else { 0 };
        assert!(converted.damaged_audio_packets <= lost, "{codec:?} {pieces:?}: {}", converted.damaged_audio_packets);
        let offsets = inspect::sync(&converted.path, 0).unwrap();
        assert_eq!(offsets.len(), 3 * pieces.len(), "{codec:?} {pieces:?}");
        assert!(offsets.iter().all(|offset| offset.abs() < IN_STEP), "{codec:?} {pieces:?}: sound late by {offsets:?}");
        let sound = inspect::sound(&converted.path, 0).unwrap();
        // Between the second click of each piece and the third.
        for flash in inspect::flashes(&converted.path).unwrap().into_iter().skip(1).step_by(3) {
            let from = flash + 0.1;
            let tone = sound.tone(from, from + 0.5);
            assert!((tone - 220.0).abs() < 10.0, "{codec:?} {pieces:?}: {tone} Hz after {from} s");
        }
    }
}

/// Nothing changes but the bit rate.
#[test]
fn sound_that_stays_what_it_is_is_copied_over_joints() {
    for codec in [AudioCodec::Aac, AudioCodec::Mp3, AudioCodec::Ac3] {
        let directory = TempDir::new().unwrap();
        let path = joined(directory.path(), &[AudioTrack::new(codec), AudioTrack::new(codec)]);
        let converted = convert(directory.path(), &path, Span::default());
        assert!(converted.copied, "{codec:?}");
        let offsets = inspect::sync(&converted.path, 0).unwrap();
        assert_eq!(offsets.len(), 6, "{codec:?}");
        assert!(offsets.iter().all(|offset| offset.abs() < 0.02), "{codec:?}: sound late by {offsets:?}");
    }
}

#[test]
fn what_is_said_about_the_film_is_still_said() {
    let chapter = |start_ms, end_ms, title: &str| Chapter { start_ms, end_ms, title: title.to_owned() };
    let said = Clip {
        title: Some("Körkarlen".to_owned()),
        language: Some("swe".to_owned()),
        audio: vec![AudioTrack {
            language: Some("fin".to_owned()),
            title: Some("Kommentar".to_owned()),
            ..AudioTrack::new(AudioCodec::Opus)
        }],
        chapters: vec![chapter(0, 800, "Nyårsafton"), chapter(800, 2000, "Kyrkogården")],
        ..clip("said", Container::Mkv, Codec::Ffv1, AudioCodec::Opus)
    };
    let (_directory, converted) = assert_in_step(&said, true, Span::default(), 3);
    assert_eq!(converted.info.chapters.len(), 2);
    let probe = inspect::probe(&converted.path).unwrap();
    assert_eq!(probe.format.tags.get("title"), said.title.as_ref());
    assert_eq!(probe.video().unwrap().tags.get("language"), said.language.as_ref());
    let sound = probe.audio()[0];
    assert_eq!((sound.tags.get("language").map(String::as_str), sound.title()), (Some("fin"), Some("Kommentar")));
    let chapters: Vec<_> = probe.chapters.iter().map(|chapter| chapter.tags.get("title").cloned()).collect();
    assert_eq!(chapters, [Some("Nyårsafton".to_owned()), Some("Kyrkogården".to_owned())]);
}

/// A second and a half of film with a flash and a click at 0.48 and 0.96 s; times begin `late` seconds late, the sound
/// is `short` seconds shorter than the picture or, below zero, the picture than the sound.
fn piece(container: Container, codecs: (Codec, AudioCodec), late: Ratio, short: f64) -> Clip {
    Clip {
        timing: Timing::constant(Ratio::new(25, 1), frames_of_piece(short)).offset(late),
        flashes: vec![12, 24],
        audio: vec![AudioTrack { short, ..AudioTrack::new(codecs.1) }],
        ..clip("piece", container, codecs.0, codecs.1)
    }
}

fn frames_of_piece(short: f64) -> usize {
    37 - (25.0 * (-short).max(0.0)) as usize
}

/// Joins films byte by byte, whatever `rest` leaves of all but the first.
fn join(directory: &Path, pieces: &[Clip], rest: impl Fn(&[u8]) -> &[u8]) -> PathBuf {
    let mut joined = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        let file = std::fs::read(piece.write(directory).unwrap().path).unwrap();
        joined.extend_from_slice(if index == 0 { &file } else { rest(&file) });
    }
    let path = directory.join("joined");
    std::fs::write(&path, joined).unwrap();
    path
}

fn assert_joined(name: &str, path: &Path, frames: usize, flashes: usize) {
    let directory = TempDir::new().unwrap();
    let converted = convert(directory.path(), path, Span::default());
    assert_eq!(converted.times.len(), frames, "{name}");
    let offsets = inspect::sync(&converted.path, 0).unwrap();
    assert_eq!(offsets.len(), flashes, "{name}");
    assert!(offsets.iter().all(|offset| offset.abs() < 0.020), "{name}: sound late by {offsets:?}");
}

#[test]
fn joined_recordings_are_in_step_before_and_after_every_joint() {
    let (h264, mpeg2) = ((Codec::H264, AudioCodec::Aac), (Codec::Mpeg2, AudioCodec::Mp2));
    let at = |seconds: i64| Ratio::new(seconds, 1);
    // When times begin, and by how much the sound is shorter than the picture.
    let cases: [(&str, _, &[(Ratio, f64)]); 7] = [
        ("anew", h264, &[(at(0), 0.4), (at(0), 0.0)]),
        ("anew, the picture shorter", h264, &[(at(0), -0.2), (at(0), 0.0)]),
        ("forward", mpeg2, &[(at(0), 0.4), (at(5000), 0.0)]),
        ("backward", h264, &[(at(5000), 0.4), (at(3), 0.0)]),
        ("a little backward", h264, &[(at(4), 0.4), (at(5), 0.0)]),
        ("a little forward", h264, &[(at(0), 0.4), (at(7), 0.0)]),
        ("to and fro", mpeg2, &[(at(7), 0.4), (at(900), -0.2), (at(20), 0.3), (at(8), 0.0), (at(2000), 0.0)]),
    ];
    for (name, codecs, pieces) in cases {
        let directory = TempDir::new().unwrap();
        let clips: Vec<_> = pieces.iter().map(|&(late, short)| piece(Container::Ts, codecs, late, short)).collect();
        let path = join(directory.path(), &clips, |file| file);
        let frames = pieces.iter().map(|&(_, short)| frames_of_piece(short)).sum();
        assert_joined(name, &path, frames, 2 * clips.len());
    }
}

#[test]
fn recordings_joined_in_other_containers_are_in_step_too() {
    for (container, codecs) in [
        (Container::Mkv, (Codec::Vp9, AudioCodec::Opus)),
        (Container::Mkv, (Codec::Ffv1, AudioCodec::Pcm)),
        // Pictures that are not decoded in the order of showing, of which Matroska tells that alone.
        (Container::Mkv, (Codec::H264, AudioCodec::Aac)),
        (Container::Mp4Fragmented, (Codec::H264, AudioCodec::Aac)),
    ] {
        let directory = TempDir::new().unwrap();
        let pieces = [0.4, 0.0].map(|short| piece(container, codecs, Ratio::new(0, 1), short));
        // Fragments have one description of their tracks, which the first piece has.
        let begins = |file: &[u8]| file.windows(4).position(|four| four == b"moof").map_or(0, |moof| moof - 4);
        let path = join(directory.path(), &pieces, |file| &file[begins(file)..]);
        assert_joined(&format!("{container:?} {codecs:?}"), &path, 74, 4);
    }
}

#[test]
fn a_picture_that_stands_still_and_a_sound_that_pauses_stay_in_step() {
    let times: Vec<i64> = (0..50).map(|n| if n < 25 { 40 * n } else { 19_500 + 40 * n }).collect();
    for (container, codecs) in
        [(Container::Ts, (Codec::H264, AudioCodec::Aac)), (Container::Mkv, (Codec::Ffv1, AudioCodec::Aac))]
    {
        let still = Clip {
            timing: Timing::variable(Ratio::new(1, 1000), times.clone()),
            flashes: vec![12, 44],
            ..clip("still", container, codecs.0, codecs.1)
        };
        let directory = TempDir::new().unwrap();
        let path = still.write(directory.path()).unwrap().path;
        assert_joined("still", &path, 50, 2);
    }
}
