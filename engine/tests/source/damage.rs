//! Damaged and truncated files: the rest comes out, and the damage is counted.

use crate::reading::{fixture, read, whole, write};
use upright_engine::media::Damage;
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
            audio: vec![AudioTrack { delay: 3.0, ..AudioTrack::new(AudioCodec::Aac) }],
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
