//! What comes out of the clips of the catalogue, against what was put in.

use crate::reading::{Seen, read, samples, whole};
use crate::{PICTURES, trial};
use libtest_mimic::Trial;
use upright_engine::colour::{ChromaSite, Colour};
use upright_engine::frame::{FieldOrder, Frame};
use upright_engine::geometry::{Orientation, Rational, Size};
use upright_fixtures::catalogue::{self, Recipe};
use upright_fixtures::{
    ChromaLocation, Clip, ColourTags, Fixture, HdrTruth, Model, Picture, PixelFormat, Plane, Ratio, inspect,
};

/// A check of a clip that was read.
type Check = fn(&Clip, &Fixture, &Seen);

/// Checks, and beginnings of the names of the clips that they are for.
const CHECKS: [(Check, &[&str]); 6] = [
    (check_format, &["format-"]),
    (check_orientation, &["orientation-"]),
    (check_shape, &["aspect-", "odd-size", "smallest", "vertical"]),
    (
        check_times,
        &[
            "variable-rate-",
            "ntsc-",
            "b-frames-",
            "open-gop-",
            "fragmented",
            "offset-",
            "late-video-",
            "edit-list",
            "audio-",
        ],
    ),
    (check_origin, &["audio-", "offset-", "late-video-", "edit-list"]),
    (check_colour, &["colour-", "hdr10", "pq-without-metadata", "hlg"]),
];

pub(crate) fn trials() -> impl Iterator<Item = Trial> {
    let clips = catalogue::all().into_iter().filter_map(|recipe| match recipe {
        Recipe::Clip(clip) => Some(clip),
        Recipe::Odd(_) => None,
    });
    let of_clips = clips.filter_map(|clip| {
        let checks = checks(&clip.name);
        (!checks.is_empty()).then(|| {
            trial(format!("reads::{}", clip.name), move || {
                let directory = tempfile::tempdir().unwrap();
                let fixture = clip.write(directory.path()).unwrap();
                let seen = read(&fixture.path, &whole()).unwrap();
                checks.iter().for_each(|check| check(&clip, &fixture, &seen));
            })
        })
    });
    of_clips.chain([
        trial("reads::every_check_has_its_clips", every_check_has_its_clips),
        trial("reads::a_wrong_sample_is_noticed", a_wrong_sample_is_noticed),
    ])
}

fn checks(name: &str) -> Vec<Check> {
    let wanted = CHECKS.iter().filter(|(_, prefixes)| prefixes.iter().any(|prefix| name.starts_with(prefix)));
    wanted.map(|(check, _)| *check).collect()
}

fn every_check_has_its_clips() {
    let all = catalogue::all();
    for prefix in CHECKS.iter().flat_map(|(_, prefixes)| *prefixes) {
        assert!(all.iter().any(|recipe| recipe.name().starts_with(prefix)), "no clip is called {prefix}");
    }
    assert!(PixelFormat::ALL.iter().filter(|format| keeps_samples(format)).count() >= 20);
}

fn check_format(clip: &Clip, fixture: &Fixture, seen: &Seen) {
    assert_eq!(seen.info.video.pixel_format, clip.format.name);
    assert_eq!(seen.frames.len(), 3);
    if keeps_samples(&clip.format) {
        check_samples(clip, fixture, seen);
    }
}

/// Says whether frames have the very samples of this format: what is converted on the way is compared beside the
/// conversion itself.
fn keeps_samples(format: &PixelFormat) -> bool {
    format.model != Model::Rgb && format.bits <= 12 && format.subsampling.0 <= 2
}

fn check_orientation(clip: &Clip, fixture: &Fixture, seen: &Seen) {
    check_samples(clip, fixture, seen);
    let upright_fixtures::Orientation { transpose, flip_x, flip_y } = clip.orientation;
    assert_eq!(seen.info.video.orientation, Orientation { transpose, flip_x, flip_y });
    assert_eq!(seen.info.video.stored, Size { width: 320, height: 180 });
    let grid = if transpose { Size { width: 180, height: 320 } } else { Size { width: 320, height: 180 } };
    assert_eq!(seen.info.video.upright.grid, grid);
}

fn check_shape(clip: &Clip, fixture: &Fixture, seen: &Seen) {
    let video = &seen.info.video;
    assert_eq!(video.stored, Size { width: clip.size.0, height: clip.size.1 });
    let Ratio { num, den } = clip.sample_aspect;
    assert_eq!(video.upright.sample_aspect, Rational::new(num, den));
    check_samples(clip, fixture, seen);
}

fn check_samples(clip: &Clip, fixture: &Fixture, seen: &Seen) {
    let truth = &fixture.truth.video.as_ref().unwrap().frames;
    assert_eq!(seen.frames.len(), truth.len());
    for (frame, truth) in seen.frames.iter().zip(truth) {
        assert_eq!((frame.colour, frame.fields), (seen.info.video.colour, FieldOrder::Progressive));
        let upright = clip.picture(truth.number).upright(clip.orientation);
        let name = format!("reads-{}-frame-{}", clip.name, truth.number);
        if let Some(difference) = difference(&name, frame, &upright) {
            panic!("{difference}");
        }
    }
}

/// Where a frame differs from a picture as it is seen; nothing when all samples are equal.
fn difference(name: &str, frame: &Frame, seen: &Picture) -> Option<String> {
    let planes = [0, 1, 2].map(|index| {
        let layout = frame.layout(index);
        Plane { width: layout.width, height: layout.height, samples: samples(frame, index) }
    });
    let bits = frame.format().depth.bits();
    let mut expected = seen.clone();
    // The chroma that a grey picture is given.
    for plane in &planes[expected.planes.len()..] {
        let samples = vec![1 << (bits - 1); plane.samples.len()];
        expected.planes.push(Plane { samples, ..*plane });
    }
    let actual = Picture { planes: planes.into(), ..*seen };
    inspect::picture_difference(PICTURES, name, &expected, &actual, bits).unwrap()
}

fn a_wrong_sample_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let clip = Clip::new("clip");
    let seen = read(clip.write(directory.path()).unwrap().path, &whole()).unwrap();
    let mut picture = clip.picture(0);
    let difference = |picture: &Picture| difference("wrong on purpose", &seen.frames[0], picture);
    assert_eq!(difference(&picture), None);
    picture.planes[2].samples[7] ^= 1;
    let message = difference(&picture).unwrap();
    assert!(message.contains("1 of 14400 samples of plane 2 differ, first at column 7, row 0"), "{message}");
}

/// Every frame comes once, at the very time that the source gives it, and by what `ffprobe` sees too.
fn check_times(_: &Clip, fixture: &Fixture, seen: &Seen) {
    let truth = fixture.truth.video.as_ref().unwrap();
    let Rational { num, den } = seen.info.video.time_base;
    assert_eq!(num, 1);
    let ticks = |pts| truth.time_base.rescale(pts, Ratio::new(1, den));
    let told: Vec<_> = truth.frames.iter().map(|frame| ticks(frame.pts)).collect();
    assert_eq!(seen.source_times(), told);
    assert_eq!(seen.damage, upright_engine::source::Damage::default());
    let probed = inspect::frames(&fixture.path, "v:0").unwrap();
    let probed: Vec<_> = probed.iter().map(|frame| ticks(frame.pts.unwrap())).collect();
    assert_eq!(seen.source_times(), probed, "by ffprobe");
    assert!(seen.frames[0].pts >= 0);
}

/// Sound and picture begin where they were drawn to.
fn check_origin(clip: &Clip, fixture: &Fixture, seen: &Seen) {
    if clip.audio.is_empty() {
        return;
    }
    let truth = &fixture.truth;
    let video = truth.video.as_ref().unwrap();
    let first_frame = video.frames[0].pts as f64 * video.time_base.as_f64();
    let kept = &truth.audio[seen.info.audio_kept[0].track - 1];
    let origin = seen.info.video.origin as f64 * seen.info.video.time_base.as_f64();
    // The origin is the earlier start; how early sound begins depends on the codec's frames, of at most 0.06 s.
    let earlier = first_frame.min(kept.span.0);
    assert!((-0.07..0.001).contains(&(origin - earlier)), "{}: {origin} {earlier}", clip.name);
    // Sound covers what was drawn.
    let ticks = seen.audio_time_base.unwrap().as_f64();
    let begin = seen.audio.first().unwrap().pts as f64 * ticks + origin;
    let last = seen.audio.last().unwrap();
    let end = (last.pts + last.duration) as f64 * ticks + origin;
    assert!((begin - kept.span.0).abs() < 0.12, "{}: {begin} {:?}", clip.name, kept.span);
    assert!((end - kept.span.1).abs() < 0.12, "{}: {end} {:?}", clip.name, kept.span);
    assert!(seen.audio.is_sorted_by(|a, b| a.pts < b.pts), "{}", clip.name);
}

fn check_colour(clip: &Clip, _: &Fixture, seen: &Seen) {
    let site = |location| match location {
        ChromaLocation::Left => ChromaSite::LEFT,
        ChromaLocation::Center => ChromaSite::CENTRE,
        ChromaLocation::TopLeft => ChromaSite::TOP_LEFT,
    };
    let ColourTags { primaries, transfer, matrix, full_range, chroma } = clip.colour;
    let Colour { primaries: p, transfer: t, matrix: m, full_range: f, chroma: c } = seen.info.video.colour;
    if primaries.is_some() {
        assert_eq!(
            (Some(p), Some(t), Some(m), Some(f), Some(c)),
            (primaries, transfer, matrix, full_range, chroma.map(site)),
            "{}",
            clip.name
        );
        assert_eq!(seen.info.assumptions, [], "{}", clip.name);
    } else {
        // 320x180 at 25 frames a second.
        assert_eq!((p, t, m, f, c), (5, 6, 5, false, ChromaSite::LEFT));
        let whats: Vec<_> = seen.info.assumptions.iter().map(|assumption| &*assumption.what).collect();
        assert_eq!(whats, ["primaries", "transfer", "matrix", "range", "chroma location"]);
    }
    let hdr = seen.info.video.hdr;
    let Some(HdrTruth { primaries, luminance, light }) = clip.hdr else {
        assert_eq!(hdr, upright_engine::colour::HdrMetadata::default(), "{}", clip.name);
        return;
    };
    let mastering = hdr.mastering.unwrap();
    let point = |(x, y): (u32, u32)| (Rational::new(x.into(), 50_000), Rational::new(y.into(), 50_000));
    assert_eq!([mastering.primaries.to_vec(), vec![mastering.white]].concat(), primaries.map(point));
    assert_eq!(mastering.max_luminance, Rational::new(luminance.0.into(), 10_000));
    assert_eq!(mastering.min_luminance, Rational::new(luminance.1.into(), 10_000));
    let told = hdr.light.unwrap();
    assert_eq!((u32::from(told.max_cll), u32::from(told.max_fall)), light);
}
