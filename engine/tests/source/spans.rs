//! Parts of a source: the same frames, sample by sample, that the whole gives at those times.

use crate::reading::{Seen, fixture, read, whole, write};
use std::path::Path;
use upright_engine::Error;
use upright_engine::geometry::Rational;
use upright_engine::source::{AudioChoice, OpenOptions, Span};
use upright_fixtures::{AudioCodec, AudioTrack, Clip, Codec, Container, Gop, Ratio, Scene, Timing};

fn part(start: Option<Rational>, duration: Option<Rational>) -> OpenOptions {
    whole().span(Span { start, duration })
}

/// Twenty seconds with long groups of pictures, every frame different.
pub(crate) fn long(name: &str, codec: Codec, container: Container, open: bool) -> Clip {
    Clip {
        scene: Scene::Counter,
        size: (160, 90),
        timing: Timing::constant(Ratio::new(25, 1), 500),
        codec,
        container,
        gop: Gop { interval: 100, b_frames: 3, open },
        audio: vec![AudioTrack::new(AudioCodec::Aac)],
        ..Clip::new(name)
    }
}

/// That the part is what the whole has at these times.
fn check_part(path: &Path, all: &Seen, start: Option<Rational>, duration: Option<Rational>) {
    let some = read(path, &part(start, duration)).unwrap();
    let place = format!("{} from {start:?} for {duration:?}", path.display());
    let ticks = |seconds: Rational| {
        let den = all.info.video.time_base.den;
        (seconds.num * den * 2 + seconds.den).div_euclid(seconds.den * 2)
    };
    let origin = all.info.video.origin + start.map_or(0, ticks);
    assert_eq!(some.info.video.origin, origin, "{place}");
    let end = duration.map_or(i64::MAX, |duration| origin + ticks(duration));
    let wanted: Vec<_> =
        all.source_times().into_iter().zip(&all.frames).filter(|(time, _)| (origin..end).contains(time)).collect();
    let times: Vec<_> = wanted.iter().map(|(time, _)| *time).collect();
    assert_eq!(some.source_times(), times, "{place}");
    for ((time, whole), part) in wanted.into_iter().zip(&some.frames) {
        assert!(whole.bytes() == part.bytes(), "{place}: the frame at {time} differs");
    }
    assert_eq!(some.damage, upright_engine::source::Damage::default(), "{place}");
    // Sound covers the part too, but for a packet at either end.
    if let (Some(ticks), Some(last)) = (some.audio_time_base, some.audio.last()) {
        let seconds = |time: i64, base: Rational| time as f64 * base.as_f64();
        let length =
            some.frames.last().map_or(0.0, |frame| seconds(frame.pts + frame.duration, some.info.video.time_base));
        assert!(some.audio[0].pts as f64 * ticks.as_f64() < 0.03, "{place}");
        let sound = seconds(last.pts + last.duration, ticks);
        assert!((sound - length).abs() < 0.1, "{place}: sound ends at {sound}, the picture at {length}");
    }
}

#[test]
fn parts_equal_the_whole() {
    let directory = tempfile::tempdir().unwrap();
    let clips = [
        long("mp4", Codec::H264, Container::Mp4, false),
        long("open-mp4", Codec::H264, Container::Mp4, true),
        long("fragmented", Codec::H264, Container::Mp4Fragmented, false),
        long("mkv", Codec::H264, Container::Mkv, true),
        long("ts", Codec::H264, Container::Ts, false),
        long("open-ts", Codec::H264, Container::Ts, true),
        long("mpeg2", Codec::Mpeg2, Container::Ts, true),
        long("hevc", Codec::Hevc, Container::Mp4, true),
        long("vp9", Codec::Vp9, Container::Mkv, false),
        Clip { skipped: 30, ..long("edited", Codec::H264, Container::Mp4, false) },
    ];
    for clip in clips {
        let path = write(&clip, directory.path());
        let all = read(&path, &whole()).unwrap();
        assert_eq!(all.frames.len(), 500 - clip.skipped);
        for (start, duration) in [
            (Some(Rational::new(0, 1)), None),
            (Some(Rational::new(1, 25)), Some(Rational::new(2, 1))),
            (Some(Rational::new(4, 1)), Some(Rational::new(1, 25))),
            (Some(Rational::new(799, 100)), Some(Rational::new(1, 25))),
            (Some(Rational::new(8, 1)), Some(Rational::new(1, 1))),
            (Some(Rational::new(1001, 100)), Some(Rational::new(3, 2))),
            (Some(Rational::new(18, 1)), None),
            (None, Some(Rational::new(5, 2))),
        ] {
            check_part(&path, &all, start, duration);
        }
    }
}

#[test]
fn a_variable_rate_starts_and_ends_between_frames() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["variable-rate-mp4", "variable-rate-mkv", "late-video-mp4", "offset-mkv"] {
        let path = fixture(name, directory.path()).path;
        let all = read(&path, &whole()).unwrap();
        check_part(&path, &all, Some(Rational::new(1, 7)), Some(Rational::new(1, 2)));
        check_part(&path, &all, Some(Rational::new(2, 5)), None);
    }
}

#[test]
fn sound_that_lies_after_the_pictures_is_read_to_the_end_of_the_part() {
    let directory = tempfile::tempdir().unwrap();
    let path = upright_fixtures::Odd::SoundAfterPictures.write(directory.path()).unwrap().path;
    let all = read(&path, &whole()).unwrap();
    assert_eq!(all.frames.len(), 250);
    check_part(&path, &all, None, Some(Rational::new(3, 1)));
    check_part(&path, &all, Some(Rational::new(3, 1)), Some(Rational::new(3, 1)));
}

#[test]
fn parts_that_are_not_there_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = write(&Clip::new("second"), directory.path());
    let refused = |start, duration| match read(&path, &part(start, duration)) {
        Err(error @ (Error::InvalidOption { .. } | Error::NotInSource(_))) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let seconds = |seconds| Some(Rational::new(seconds, 1));
    assert!(refused(seconds(100), None).ends_with("ends at 1.000 s, before the start asked for"));
    assert!(refused(seconds(-1), None).contains("before the source"));
    assert!(refused(None, seconds(0)).contains("nothing to convert"));
    assert!(refused(Some(Rational::new(1, 100)), Some(Rational::new(1, 1000))).contains("no frame in the part"));
}

#[test]
fn the_part_does_not_depend_on_the_audio_that_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = write(&long("silent", Codec::H264, Container::Mp4, false), directory.path());
    let options = part(Some(Rational::new(5, 1)), Some(Rational::new(1, 1)));
    let with = read(&path, &options).unwrap();
    let without = read(&path, &options.audio(AudioChoice::None)).unwrap();
    assert_eq!(with.source_times(), without.source_times());
}
