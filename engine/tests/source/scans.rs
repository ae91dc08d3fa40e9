//! Times that a scan tells, and frames after skipping and seeking, against those of a decode from the beginning.

use crate::footage;
use crate::pictures::ffmpeg;
use crate::reading::{whole, write};
use crate::spans::long;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use upright_engine::frame::{Area, Frame};
use upright_engine::geometry::Rational;
use upright_engine::media::{Event, Source};
use upright_engine::packet::Packet;
use upright_engine::source::Scan;
use upright_engine::source::{AudioChoice, Input, OpenOptions, Span};
use upright_engine::{Error, Result};
use upright_fixtures::catalogue::{self, Recipe};
use upright_fixtures::{Clip, Codec, Container, Gop, Ratio, Timing};

/// Time, duration and a hash of the samples.
type Shown = (i64, i64, u64);

fn open(path: &Path, options: &OpenOptions) -> Result<Source> {
    Source::open(&Input::Path(path.to_owned()), options)
}

/// The next frames, `most` of them or all that there are, and the sound that comes between.
fn next(source: &mut Source, most: usize) -> Result<(Vec<Shown>, Vec<Packet>)> {
    let area = Area::whole(source.info().video.format);
    let mut frame = Frame::new(source.info().video.format);
    let (mut frames, mut sound) = (Vec::new(), Vec::new());
    while frames.len() < most {
        match source.next()? {
            Event::Frame { pts, duration } => {
                source.fill(area, &mut frame)?;
                let mut hash = DefaultHasher::new();
                frame.bytes().hash(&mut hash);
                frames.push((pts, duration, hash.finish()));
            }
            Event::Audio { packet, .. } => sound.push(packet),
            Event::SoundChanged { .. } => {}
            Event::End => break,
        }
    }
    Ok((frames, sound))
}

/// How a place is gone to.
#[derive(Clone, Copy, Debug)]
enum By {
    Skipping,
    Seeking,
}

impl By {
    fn go(self, source: &mut Source, pts: i64) -> Result<()> {
        match self {
            Self::Skipping => source.skip_to(pts),
            Self::Seeking => source.seek_to(pts),
        }
    }
}

/// Compares a scan with a decode, and both ways of leaving out with it, up to the ends of so many `parts`, where the scan says
/// that they may be taken. None where the file is no source.
fn check(path: &Path, options: &OpenOptions, parts: usize) -> Option<Scan> {
    let name = path.file_name().unwrap().to_string_lossy();
    let mut source = open(path, options).ok()?;
    let info = source.info().clone();
    assert!(source.can_be_read_again());
    let Ok((frames, _)) = next(&mut source, usize::MAX) else { return None };
    let damage = source.damage().clone();
    let mut times = Vec::new();
    let scan = open(path, options).unwrap().scan(|pts| times.push(pts)).unwrap();
    assert_eq!(scan.frames, times.len() as u64, "{name}");
    if damage.damaged_frames == 0 && scan.is_exact {
        assert_eq!(times, frames.iter().map(|frame| frame.0).collect::<Vec<_>>(), "{name}");
        let &(pts, duration, _) = frames.last().unwrap();
        assert_eq!(scan.end, (duration > 0).then_some(pts + duration), "{name}");
    }
    if !scan.can_skip || damage.damaged_frames > 0 {
        return Some(scan);
    }
    let silent = options.clone().audio(AudioChoice::None).origin(Some(info.video.origin));
    let count = frames.len();
    let mut places: Vec<_> = (1..=parts).map(|part| (count - 1) * part / parts).collect();
    places.push(1.min(count - 1));
    places.sort_unstable();
    places.dedup();
    let most = 5;
    for by in [By::Skipping, By::Seeking] {
        for &place in &places {
            let mut source = open(path, &silent).unwrap();
            assert_eq!(source.info().video, info.video, "{name}");
            by.go(&mut source, frames[place].0).unwrap();
            let (seen, _) = next(&mut source, most).unwrap();
            let wanted = &frames[place..count.min(place + most)];
            assert!(
                seen == wanted,
                "{name} {by:?} {place}: {:?}; {} of {}",
                seen.iter().zip(wanted).find(|(seen, wanted)| seen != wanted),
                seen.len(),
                wanted.len()
            );
        }
        // From one place to the next, with the sound where that can be.
        let mut source = open(path, if matches!(by, By::Skipping) { options } else { &silent }).unwrap();
        for &place in &places {
            by.go(&mut source, frames[place].0).unwrap();
            let (seen, _) = next(&mut source, 1).unwrap();
            assert!(seen == frames[place..=place], "{name} {by:?} on to {place}: {seen:?}");
        }
        // Twice at once, to between two frames, and past the end.
        let mut source = open(path, &silent).unwrap();
        by.go(&mut source, frames[count / 3].0).unwrap();
        by.go(&mut source, frames[count / 2].0 + 1).unwrap();
        let (seen, _) = next(&mut source, most).unwrap();
        let wanted = &frames[(count / 2 + 1).min(count)..count.min(count / 2 + 1 + most)];
        assert!(
            seen == wanted,
            "{name} {by:?} twice: {:?}",
            seen.iter().zip(wanted).find(|(seen, wanted)| seen != wanted)
        );
        by.go(&mut source, i64::from(i32::MAX)).unwrap();
        assert_eq!(next(&mut source, 1).unwrap().0, [], "{name} {by:?}");
    }
    Some(scan)
}

#[test]
fn every_clip_of_the_catalogue() {
    let directory = tempfile::tempdir().unwrap();
    let (mut skipping, mut others) = (Vec::new(), Vec::new());
    for recipe in catalogue::all() {
        let path = recipe.write(directory.path()).unwrap().path;
        let scan = check(&path, &whole(), 3);
        println!("{} {scan:?}", recipe.name());
        let is_clip = matches!(&recipe, Recipe::Clip(clip) if clip.damage.is_none());
        match scan {
            Some(scan) if scan.can_skip => skipping.push(recipe.name().to_owned()),
            Some(_) if is_clip => others.push(recipe.name().to_owned()),
            _ => {}
        }
        std::fs::remove_file(path).unwrap();
    }
    println!("left out nowhere in {others:?}");
    assert!(skipping.len() > others.len(), "{skipping:?}");
}

#[test]
fn long_groups_of_pictures() {
    let directory = tempfile::tempdir().unwrap();
    let clips = [
        long("mp4", Codec::H264, Container::Mp4, false),
        long("open-mp4", Codec::H264, Container::Mp4, true),
        long("fragmented", Codec::H264, Container::Mp4Fragmented, false),
        long("mkv", Codec::H264, Container::Mkv, true),
        long("mov", Codec::Hevc, Container::Mov, true),
        long("ts", Codec::H264, Container::Ts, false),
        long("open-ts", Codec::H264, Container::Ts, true),
        long("hevc-ts", Codec::Hevc, Container::Ts, true),
        long("mpeg2", Codec::Mpeg2, Container::Ts, true),
        long("hevc", Codec::Hevc, Container::Mp4, true),
        long("vp9", Codec::Vp9, Container::Mkv, false),
        Clip { skipped: 30, ..long("edited", Codec::H264, Container::Mp4, false) },
        Clip { skipped: 30, ..long("edited-open", Codec::H264, Container::Mov, true) },
    ];
    for clip in clips {
        let path = write(&clip, directory.path());
        let later = Span { start: Some(Rational::new(7, 1)), duration: Some(Rational::new(11, 1)) };
        for span in [Span::default(), later] {
            let scan = check(&path, &whole().span(span), 5).unwrap();
            assert!(scan.can_skip && scan.is_exact, "{} {scan:?}", clip.name);
        }
    }
}

/// Twelve seconds of H.264, and what `ffmpeg` makes of it.
#[test]
fn other_containers_and_codecs() {
    let directory = tempfile::tempdir().unwrap();
    let clip =
        Clip { timing: Timing::constant(Ratio::new(25, 1), 300), ..long("film", Codec::H264, Container::Mkv, true) };
    let film = write(&clip, directory.path());
    let made = |name: &str, arguments: &[&str]| {
        let path = directory.path().join(name);
        ffmpeg(&[&film], arguments, &path);
        check(&path, &whole(), 3).unwrap_or_else(|| panic!("{name} is no source"))
    };
    let mut unsure = Vec::new();
    let mut sure = |name: &str, arguments: &[&str]| {
        let scan = made(name, arguments);
        if !scan.can_skip || !scan.is_exact {
            unsure.push(format!("{name} {scan:?}"));
        }
    };
    sure("copied.flv", &["-c", "copy"]);
    sure("vp8.webm", &["-c:v", "libvpx", "-auto-alt-ref", "1", "-lag-in-frames", "16", "-g", "60", "-an"]);
    sure(
        "vp9.webm",
        &["-c:v", "libvpx-vp9", "-auto-alt-ref", "1", "-lag-in-frames", "25", "-g", "60", "-cpu-used", "8", "-an"],
    );
    sure("av1.mp4", &["-c:v", "libsvtav1", "-preset", "12", "-g", "60", "-an"]);
    sure("av1.mkv", &["-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "60", "-an"]);
    sure("mpeg4.avi", &["-c:v", "mpeg4", "-g", "60", "-an"]);
    sure("mpeg4.mp4", &["-c:v", "mpeg4", "-bf", "2", "-g", "60", "-an"]);
    sure("ffv1.mkv", &["-c:v", "ffv1", "-g", "10", "-an"]);
    sure("prores.mov", &["-c:v", "prores_ks", "-an"]);
    sure("mjpeg.avi", &["-c:v", "mjpeg", "-an"]);
    sure(
        "closed.ts",
        &["-c:v", "mpeg2video", "-bf", "2", "-flags", "+cgop", "-sc_threshold", "1000000000", "-g", "15", "-an"],
    );
    // No frame brings all of the picture but the first: nothing is left out, and all is right.
    sure("refreshed.mp4", &["-c:v", "libx264", "-x264-params", "intra-refresh=1:keyint=50:bframes=0", "-an"]);
    sure("refreshed.ts", &["-c:v", "libx264", "-x264-params", "intra-refresh=1:keyint=50:bframes=0", "-an"]);
    sure(
        "variable.mkv",
        &["-vf", "select='not(eq(mod(n,7),3))'", "-fps_mode", "vfr", "-c:v", "libx264", "-g", "50", "-an"],
    );

    assert_eq!(unsure, [""; 0]);

    // Nothing tells the times of frames but decoding.
    let untimed = |name: &str, arguments: &[&str]| {
        let scan = made(name, arguments);
        assert!(!scan.can_skip && scan.is_exact && (300..=301).contains(&scan.frames), "{name} {scan:?}");
    };
    untimed("raw.h264", &["-c", "copy", "-an"]);
    untimed("raw.hevc", &["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error", "-an"]);
    untimed("ordered.avi", &["-c:v", "mpeg4", "-bf", "2", "-g", "60", "-an"]);
    // In programme streams only some packets have times.
    for (name, codec) in [("mpeg1.mpg", "mpeg1video"), ("mpeg2.vob", "mpeg2video")] {
        let scan = made(name, &["-c:v", codec, "-bf", "2", "-g", "15", "-c:a", "mp2"]);
        assert!(!scan.can_skip && scan.is_exact, "{name} {scan:?}");
    }
    // A codec of which nothing is known.
    let scan = made("sorenson.flv", &["-c:v", "flv", "-g", "60", "-an"]);
    assert!(!scan.can_skip && scan.is_exact && scan.frames == 300, "{scan:?}");
}

#[test]
fn recordings_that_were_joined() {
    let directory = tempfile::tempdir().unwrap();
    let clip = long("one", Codec::H264, Container::Ts, true);
    let one = std::fs::read(write(&clip, directory.path())).unwrap();
    let path = directory.path().join("both.ts");
    std::fs::write(&path, [one.clone(), one].concat()).unwrap();
    let scan = check(&path, &whole(), 2).unwrap();
    assert_eq!((scan.frames, scan.can_skip), (1000, false), "{scan:?}");
}

#[test]
fn real_footage() {
    let Some(folder) = footage::folder() else {
        println!("no shared/footage beside the repository: nothing to compare");
        return;
    };
    for path in footage::files(&folder) {
        let scan = check(&path, &whole(), 1).unwrap();
        let is_whole = path.file_name().unwrap() != "corrupted.mp4";
        assert!(scan.can_skip && scan.is_exact || !is_whole, "{} {scan:?}", path.display());
    }
}

#[test]
fn sound_goes_on_where_pictures_are_left_out() {
    let directory = tempfile::tempdir().unwrap();
    for container in [Container::Mp4, Container::Ts] {
        let path = write(&long("film", Codec::H264, container, true), directory.path());
        let (frames, sound) = next(&mut open(&path, &whole()).unwrap(), usize::MAX).unwrap();
        let mut source = open(&path, &whole()).unwrap();
        source.skip_to(frames[320].0).unwrap();
        let (seen, heard) = next(&mut source, usize::MAX).unwrap();
        assert!(seen == frames[320..]);
        assert!(heard == sound && !sound.is_empty());
        let mut source = open(&path, &whole()).unwrap();
        assert!(matches!(source.seek_to(frames[320].0), Err(Error::Misuse(_))));
    }
}

#[test]
fn an_origin_is_as_it_was_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = write(&long("film", Codec::H264, Container::Mkv, true), directory.path());
    let (frames, _) = next(&mut open(&path, &whole()).unwrap(), usize::MAX).unwrap();
    let origin = open(&path, &whole()).unwrap().info().video.origin;
    for later in [frames[1].0, frames[300].0] {
        let mut source = open(&path, &whole().origin(Some(origin + later))).unwrap();
        assert_eq!(source.info().video.origin, origin + later);
        let (seen, sound) = next(&mut source, usize::MAX).unwrap();
        let at = frames.iter().position(|frame| frame.0 == later).unwrap();
        let wanted: Vec<_> = frames[at..].iter().map(|&(pts, duration, hash)| (pts - later, duration, hash)).collect();
        assert_eq!(seen, wanted);
        // Without a gap from before the beginning on, for decoders need some packets to begin with; an edit list hides them.
        assert!(sound[0].pts <= 0 && sound[0].pts > -48_000 / 4, "{}", sound[0].pts);
        assert!(sound.windows(2).all(|pair| pair[0].pts + pair[0].duration == pair[1].pts));
    }
}

#[test]
fn a_frame_is_filled_once_by_its_area() {
    let directory = tempfile::tempdir().unwrap();
    let clip = Clip { gop: Gop { b_frames: 0, ..Clip::new("film").gop }, ..Clip::new("film") };
    let mut source = open(&write(&clip, directory.path()), &whole()).unwrap();
    let grid = source.info().video.format;
    let part = Area { x: 4, y: 2, width: 8, height: 6 };
    let mut frame = Frame::new(grid);
    assert!(matches!(source.fill(part, &mut frame), Err(Error::Misuse(_))));
    let Event::Frame { pts, duration } = source.next().unwrap() else { panic!("a frame comes first") };
    source.fill(part, &mut frame).unwrap();
    assert_eq!((frame.pts, frame.duration, frame.format()), (pts, duration, part.format(grid)));
    assert!(matches!(source.fill(part, &mut frame), Err(Error::Misuse(_))));
    // Nobody has to fill a frame.
    assert!(matches!(source.next().unwrap(), Event::Frame { .. }));
    assert!(matches!(source.next().unwrap(), Event::Frame { .. }));
    let outside = Area { width: grid.width, ..part };
    assert!(matches!(source.fill(outside, &mut frame), Err(Error::Misuse(_))));
}
