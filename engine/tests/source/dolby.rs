//! Dolby Vision of profile 5, whose base layer is no picture: what is made of it, and what becomes of frames without
//! metadata.

use crate::bad::why;
use crate::pictures::ffmpeg;
use crate::reading::{Seen, read, samples, whole};
use std::path::{Path, PathBuf};
use upright_engine::frame::{Area, Depth, Frame};
use upright_engine::geometry::Rational;
use upright_engine::media::{Event, Source};
use upright_engine::source::{Input, Span};
use upright_fixtures::{DolbyCurve, DolbyMetadata, DolbyPiece, Picture, Plane, write_dolby_vision};

/// A side of a patch of one colour, in luma samples.
const PATCH: u32 = 16;

/// Codes of base layers.
const COLOURS: [[u16; 3]; 12] = [
    [0, 512, 512],
    [64, 512, 512],
    [300, 512, 512],
    [700, 512, 512],
    [250, 560, 470],
    [300, 470, 600],
    [350, 610, 520],
    [400, 540, 640],
    [450, 420, 500],
    [500, 500, 440],
    [600, 530, 560],
    [650, 600, 490],
];

/// A base layer of patches of all colours.
fn patches() -> Picture {
    let columns = COLOURS.len() as u32;
    let planes = [1, 2, 2].into_iter().enumerate().map(|(index, s)| {
        let mut plane = Plane::new((columns * PATCH / s, 2 * PATCH / s));
        let width = plane.width;
        for (at, sample) in plane.samples.iter_mut().enumerate() {
            *sample = COLOURS[(at as u32 % width / (PATCH / s)) as usize][index];
        }
        plane
    });
    Picture { width: columns * PATCH, height: 2 * PATCH, planes: planes.collect() }
}

/// Curves such as studios have: luma in pieces, chroma by a line, or by all components.
fn metadata(by_regression: bool) -> DolbyMetadata {
    let pieces =
        [[0.0029, 2.3, 50.1446], [0.0150, 1.6111, -1.6483], [0.0498, 1.2059, -0.4306], [0.1204, 0.9201, -0.1223]];
    let luma = DolbyCurve {
        pivots: vec![0, 5, 182, 694, 1023],
        pieces: pieces.iter().map(|piece| DolbyPiece::Polynomial(piece.to_vec())).collect(),
    };
    let line = DolbyCurve::polynomial(&[0.2, 0.6]);
    let mut powers = vec![[0.0, 0.0, 0.7, 0.05, 0.0, -0.04, 0.02], [0.0, 0.01, 0.0, 0.0, 0.03, 0.0, 0.0], [0.0; 7]];
    powers[2][0] = 0.01;
    let regression = DolbyCurve { pivots: vec![0, 1023], pieces: vec![DolbyPiece::Regression(0.13, powers)] };
    let third = if by_regression { regression } else { line.clone() };
    DolbyMetadata { curves: [luma, line, third], display: [62, 3696] }
}

/// Metadata by which luma is so many times as large.
fn own(gain: f64) -> Option<DolbyMetadata> {
    let curves = [&[0.0, gain], &[0.2, 0.6], &[0.2, 0.6]].map(|line| DolbyCurve::polynomial(line));
    Some(DolbyMetadata { curves, display: [62, 3696] })
}

fn film(directory: &Path, metadata: &[Option<DolbyMetadata>], key_interval: usize) -> PathBuf {
    let frames: Vec<_> = metadata.iter().map(|metadata| (patches(), metadata.clone())).collect();
    write_dolby_vision(&directory.join("film.mp4"), &frames, key_interval).unwrap()
}

/// The codes in the middle of each patch.
fn middles(frame: &Frame) -> Vec<[u16; 3]> {
    let planes = [0, 1, 2].map(|index| samples(frame, index));
    let at = |plane: usize, patch: u32| {
        let s = if plane == 0 { 1 } else { 2 };
        let (x, y) = ((patch * PATCH + PATCH / 2) / s, PATCH / s);
        planes[plane][(y * frame.layout(plane).width + x) as usize]
    };
    (0..COLOURS.len() as u32).map(|patch| [0, 1, 2].map(|plane| at(plane, patch))).collect()
}

/// What libplacebo makes of the patches, as `libplacebo=colorspace=bt2020nc:color_primaries=bt2020:color_trc=smpte2084` of
/// ffmpeg has it in codes of 10 bits.
const OF_LIBPLACEBO: [[[u16; 3]; 12]; 2] = [
    [
        [77, 511, 511],
        [159, 511, 511],
        [384, 511, 511],
        [670, 511, 511],
        [337, 524, 521],
        [392, 488, 507],
        [421, 512, 533],
        [471, 479, 525],
        [498, 513, 488],
        [527, 530, 506],
        [601, 499, 517],
        [621, 519, 530],
    ],
    [
        [77, 514, 511],
        [155, 523, 510],
        [381, 519, 510],
        [670, 511, 511],
        [333, 534, 519],
        [391, 492, 506],
        [419, 518, 532],
        [471, 480, 524],
        [495, 519, 487],
        [524, 537, 506],
        [601, 500, 517],
        [621, 521, 530],
    ],
];

#[test]
fn pictures_are_those_that_libplacebo_makes() {
    let directory = tempfile::tempdir().unwrap();
    for (by_regression, expected) in [false, true].into_iter().zip(OF_LIBPLACEBO) {
        let Seen { info, frames, damage, .. } =
            read(film(directory.path(), &[Some(metadata(by_regression))], 1), &whole()).unwrap();
        let video = &info.video;
        assert_eq!((video.colour.primaries, video.colour.transfer, video.colour.matrix), (9, 16, 9));
        assert!(!video.colour.full_range && video.format.depth == Depth::Twelve);
        assert_eq!(video.hdr.mastering.unwrap().max_luminance, Rational::new(4000, 1));
        assert!(info.assumptions.iter().any(|assumption| assumption.what == "Dolby Vision"), "{:?}", info.assumptions);
        assert_eq!(damage.damaged_frames, 0);
        // libplacebo lifts the black of the first to what its display can show.
        for (made, expected) in middles(&frames[0]).iter().zip(expected).skip(1) {
            // It rounds otherwise, and reshapes chroma at luma's places.
            let near = made.iter().zip(expected).all(|(made, expected)| made.abs_diff(4 * expected) <= 8);
            assert!(near, "{made:?} is not four times {expected:?}");
        }
    }
}

#[test]
fn metadata_are_those_of_each_frame_from_wherever_it_is_read() {
    let directory = tempfile::tempdir().unwrap();
    // Key frames are 0 and 3; frame 4 has none of its own.
    let path = film(directory.path(), &[own(1.0), own(0.5), own(1.0), own(0.75), None, own(0.5)], 3);
    let whole_film = read(&path, &whole()).unwrap();
    assert_eq!(whole_film.damage.damaged_frames, 1, "the frame without");
    let luma = |frame: &Frame| middles(frame)[3][0];
    let [first, second, third, fourth, fifth, sixth] = [0, 1, 2, 3, 4, 5].map(|at| luma(&whole_film.frames[at]));
    assert!(first > fourth && fourth > second, "{first} {fourth} {second}");
    assert_eq!([third, fifth, sixth], [first, fourth, second]);
    // A part of a frame, read from the key frame before it.
    let format = whole_film.info.video.format;
    let area = Area { x: 46, y: 8, width: 62, height: 20 };
    let mut source = Source::open(&Input::Path(path), &whole()).unwrap();
    source.seek_to(whole_film.frames[4].pts).unwrap();
    assert!(matches!(source.next().unwrap(), Event::Frame { pts, .. } if pts == whole_film.frames[4].pts));
    let mut part = Frame::new(area.format(format));
    source.fill(area, &mut part).unwrap();
    for plane in 0..3 {
        let s = format.plane_subsampling(plane);
        let (of_part, of_whole) = (samples(&part, plane), samples(&whole_film.frames[4], plane));
        let (place, width) = (area.of_plane(s), format.width.div_ceil(s.x));
        for (row, line) in of_part.chunks(place.width as usize).enumerate() {
            let at = (place.y as usize + row) * width as usize + place.x as usize;
            assert_eq!(line, &of_whole[at..][..line.len()], "plane {plane}, row {row}");
        }
    }
    // Without any there is no picture.
    let path = film(directory.path(), &[None, own(1.0)], 2);
    assert!(why(&path).starts_with("is Dolby Vision of profile 5"), "{}", why(&path));
}

#[test]
fn a_key_frame_without_metadata_is_made_by_those_before_it_from_wherever_it_is_read() {
    let directory = tempfile::tempdir().unwrap();
    // Key frames are 0, 2 and 4.
    let path = film(directory.path(), &[own(1.0), own(0.5), None, None, own(0.75), own(1.0)], 2);
    let whole_film = read(&path, &whole()).unwrap();
    let planes = |frame: &Frame| [0, 1, 2].map(|plane| samples(frame, plane));
    let expected = planes(&whole_film.frames[1]);
    assert_eq!(whole_film.damage.damaged_frames, 2);
    assert!(whole_film.frames[2..4].iter().all(|frame| planes(frame) == expected));
    assert!([0, 4, 5].iter().all(|&other| planes(&whole_film.frames[other]) != expected));
    // Decoding may not begin with the key frame that lacks them.
    for number in [2, 3] {
        let pts = whole_film.frames[number].pts;
        let mut source = Source::open(&Input::Path(path.clone()), &whole()).unwrap();
        source.seek_to(pts).unwrap();
        assert!(matches!(source.next().unwrap(), Event::Frame { pts: found, .. } if found == pts));
        let mut frame = Frame::new(whole_film.info.video.format);
        source.fill(Area::whole(frame.format()), &mut frame).unwrap();
        assert_eq!(planes(&frame), expected, "frame {number}");
    }
    // Nor does a part that begins there lose its colours.
    let span = Span { start: Some(Rational::new(2, 24)), duration: None };
    let part = read(&path, &whole().span(span)).unwrap();
    assert_eq!((part.frames.len(), part.damage.damaged_frames), (4, 2));
    assert_eq!(planes(&part.frames[0]), expected);
}

#[test]
fn streams_without_a_container_are_known_by_their_frames() {
    let directory = tempfile::tempdir().unwrap();
    let raw = |metadata: &[Option<DolbyMetadata>]| {
        let path = directory.path().join("film.hevc");
        ffmpeg(&[&film(directory.path(), metadata, 1)], &["-c", "copy", "-f", "hevc"], &path);
        path
    };
    let colours = |path: &Path| {
        let info = read(path, &whole()).unwrap().info;
        let told = info.assumptions.iter().find(|assumption| assumption.what == "Dolby Vision").unwrap();
        (info.video.colour.transfer, told.value.clone())
    };
    assert_eq!(colours(&raw(&[own(1.0), None])), (16, "BT.2020 in PQ".to_owned()));
    let late = why(&raw(&[None, None, own(1.0)]));
    assert!(late.starts_with("is Dolby Vision of profile 5, as only its frames from the one at "), "{late}");
    assert_eq!(colours(&raw(&[None, None])).1, "none");
}
