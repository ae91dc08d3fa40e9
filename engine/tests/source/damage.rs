//! Damaged and truncated files: the rest comes out, and the damage is counted.

use crate::reading::{fixture, read, whole, write};
use upright_engine::source::Damage;
use upright_fixtures::{AudioCodec, AudioTrack, Clip, Codec, Container, Damage as Harm, Gop, Ratio, Scene, Timing};

#[test]
fn damaged_frames_are_counted_and_the_rest_comes_out() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["damaged-mp4", "damaged-ts"] {
        let seen = read(fixture(name, directory.path()).path, &whole()).unwrap();
        let Damage { damaged_frames, first_at, truncated_at, .. } = seen.damage;
        assert!((1..=15).contains(&damaged_frames), "{name}: {damaged_frames}");
        assert_eq!(truncated_at, None, "{name}");
        // Packets 40 to 42 of 25 frames a second; MPEG-TS begins at one second.
        let begin = if name == "damaged-ts" { 1.0 } else { 0.0 };
        let first_at = first_at.unwrap() - begin;
        assert!((1.4..2.0).contains(&first_at), "{name}: {first_at}");
        assert!(seen.frames.len() >= 95, "{name}: {}", seen.frames.len());
    }
}

#[test]
fn truncated_files_say_where_they_end() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["truncated-mp4", "truncated-mkv"] {
        let seen = read(fixture(name, directory.path()).path, &whole()).unwrap();
        let frames = seen.frames.len();
        assert!((40..90).contains(&frames), "{name}: {frames}");
        let end = seen.damage.truncated_at.unwrap();
        let last = seen.frames.last().unwrap();
        let last_end = (last.pts + last.duration) as f64 * seen.info.video.time_base.as_f64();
        assert!((end - last_end).abs() < 0.2, "{name}: {end} {last_end}");
    }
    // MPEG-TS declares no end: only a packet that was cut through can be seen.
    let seen = read(fixture("truncated-ts", directory.path()).path, &whole()).unwrap();
    assert!(seen.frames.len() < 90);
}

/// Wherever a file is cut, the end of what is there is told, and only then.
#[test]
fn every_cut_of_half_a_second_or_more_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    for (container, codec) in [(Container::Mp4FastStart, AudioCodec::Aac), (Container::Mkv, AudioCodec::Opus)] {
        let clip = |name: &str, damage| Clip {
            scene: Scene::Subject { cuts: vec![30, 60] },
            timing: Timing::constant(Ratio::new(25, 1), 100),
            codec: Codec::H264,
            gop: Gop { interval: 25, b_frames: 2, open: false },
            container,
            audio: vec![AudioTrack::new(codec)],
            damage,
            ..Clip::new(name)
        };
        let seen = read(write(&clip("whole", None), directory.path()), &whole()).unwrap();
        assert_eq!((seen.frames.len(), seen.damage), (100, Damage::default()), "{container:?}");
        for kept in [0.3, 0.5, 0.77, 0.83] {
            let seen = read(write(&clip("cut", Some(Harm::Truncated(kept))), directory.path()), &whole()).unwrap();
            let end = seen.damage.truncated_at;
            assert!(end.is_some_and(|end| end < 4.0), "{container:?} {kept}: {end:?}, {} frames", seen.frames.len());
        }
    }
}

#[test]
fn sound_that_outlasts_the_pictures_is_no_truncation() {
    let directory = tempfile::tempdir().unwrap();
    for container in [Container::Mp4, Container::Mkv, Container::Mov, Container::Ts] {
        let clip = Clip {
            timing: Timing::constant(Ratio::new(25, 1), 25),
            codec: Codec::H264,
            container,
            audio: vec![AudioTrack { delay: 3.0, short: -4.0, ..AudioTrack::new(AudioCodec::Aac) }],
            ..Clip::new("late-sound")
        };
        let seen = read(write(&clip, directory.path()), &whole()).unwrap();
        assert_eq!(seen.damage, Damage::default(), "{container:?}");
    }
}

/// Two recordings one after the other in one transport stream, each with times of its own.
#[test]
fn spliced_transport_streams_are_joined() {
    let directory = tempfile::tempdir().unwrap();
    let clip = Clip {
        timing: Timing::constant(Ratio::new(25, 1), 50),
        codec: Codec::H264,
        gop: Gop { interval: 12, b_frames: 2, open: false },
        container: Container::Ts,
        audio: vec![AudioTrack::new(AudioCodec::Aac)],
        ..Clip::new("once")
    };
    let once = std::fs::read(write(&clip, directory.path())).unwrap();
    let path = directory.path().join("twice.ts");
    std::fs::write(&path, [once.as_slice(), once.as_slice()].concat()).unwrap();
    let seen = read(&path, &whole()).unwrap();
    assert_eq!(seen.damage, Damage { time_jumps: 1, ..Damage::default() });
    assert_eq!(seen.frames.len(), 100);
    let steps: Vec<_> = seen.frames.windows(2).map(|pair| pair[1].pts - pair[0].pts).collect();
    // 90,000 ticks a second; at the joint B-frames before the first picture's time may leave a gap.
    assert!(
        steps.iter().enumerate().all(|(index, &step)| step == 3600 || (index == 49 && (1..20_000).contains(&step)))
    );
    let gaps = seen.audio.windows(2).filter(|pair| pair[1].pts != pair[0].pts + pair[0].duration).count();
    assert!(gaps <= 1, "{gaps}");
}

#[test]
fn a_list_of_clean_films_is_no_damage() {
    let directory = tempfile::tempdir().unwrap();
    for (container, codec) in [(Container::Mp4, AudioCodec::Aac), (Container::Mkv, AudioCodec::Opus)] {
        let paths = ["one", "other"].map(|name| {
            let clip = Clip {
                timing: Timing::constant(Ratio::new(25, 1), 50),
                codec: Codec::H264,
                container,
                audio: vec![AudioTrack::new(codec)],
                ..Clip::new(name)
            };
            write(&clip, directory.path())
        });
        let lines = paths.map(|path| format!("file {}\n", path.file_name().unwrap().to_str().unwrap()));
        let list = directory.path().join("list.ffconcat");
        std::fs::write(&list, format!("ffconcat version 1.0\n{}", lines.concat())).unwrap();
        let seen = read(&list, &whole().protocols(vec!["file".to_owned()])).unwrap();
        assert_eq!((seen.frames.len(), seen.damage), (100, Damage::default()), "{container:?}");
    }
}

/// Sets the time at which the video packet of this number is shown, and decoded, in a transport stream.
fn set_time(stream: &mut [u8], number: usize, ticks: u64) {
    let begins_video = |packet: &&mut [u8]| {
        let payload = 4 + if packet[3] & 0x20 != 0 { 1 + usize::from(packet[4]) } else { 0 };
        packet[1] & 0x40 != 0 && packet.get(payload..payload + 4) == Some(&[0, 0, 1, 0xe0])
    };
    let packet = stream.chunks_exact_mut(188).filter(begins_video).nth(number).unwrap();
    let header = packet.windows(4).position(|four| four == [0, 0, 1, 0xe0]).unwrap();
    // ISO/IEC 13818-1, 2.4.3.6: 33 bits in three parts, each followed by a marker.
    let times = 1 + usize::from(packet[header + 7] & 0x40 != 0);
    for time in packet[header + 9..].chunks_exact_mut(5).take(times) {
        time[0] = time[0] & 0xf1 | (ticks >> 29 & 0xe) as u8;
        (time[1], time[2]) = ((ticks >> 22) as u8, (ticks >> 14) as u8 | 1);
        (time[3], time[4]) = ((ticks >> 7) as u8, (ticks << 1) as u8 | 1);
    }
}

#[test]
fn one_wrong_time_moves_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    for audio in [vec![], vec![AudioTrack::new(AudioCodec::Aac)]] {
        let clip = Clip {
            timing: Timing::constant(Ratio::new(25, 1), 100),
            codec: Codec::H264,
            container: Container::Ts,
            audio,
            ..Clip::new("right")
        };
        let path = write(&clip, directory.path());
        let right = read(&path, &whole()).unwrap();
        // An hour ahead, seven seconds ahead, before the beginning.
        for ticks in [3600 * 90_000, 10 * 90_000, 9000] {
            let mut bytes = std::fs::read(&path).unwrap();
            set_time(&mut bytes, 50, ticks);
            let wrong = directory.path().join("wrong.ts");
            std::fs::write(&wrong, bytes).unwrap();
            let seen = read(&wrong, &whole()).unwrap();
            assert_eq!(seen.damage, Damage { retimed_frames: 1, ..Damage::default() }, "{ticks}");
            assert_eq!(seen.source_times(), right.source_times(), "{ticks}");
        }
    }
}
