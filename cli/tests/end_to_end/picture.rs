//! The picture: the right part of it, upright, in the right shape, with the right values.

use crate::rendition::{Source, check};
use crate::support::{Converted, Desk};
use std::path::Path;
use upright_fixtures::inspect::{self, psnr};
use upright_fixtures::{
    Bars, ChromaLocation, Clip, Codec, Container, Gop, Model, Orientation, Picture, PixelFormat, Plane, Ratio, Scene,
    Timing, View, catalogue,
};

/// A few frames are enough to see a picture.
fn short() -> Timing {
    Timing::constant(Ratio::new(25, 1), 3)
}

/// Large enough for patches to have an inside.
const SIZE: (u32, u32) = (360, 640);
/// Options for a rendition of that size with little loss.
pub(crate) const GOOD: &[&str] = &["--ladder", "360x640", "--speed", "10", "--quality", "100"];

/// The window that a rendition should show: the largest 9:16 one, its centre at this fraction of the width.
fn window(clip: &Clip, centre: f64) -> [f64; 4] {
    let (width, height) = clip.seen_size();
    let (w, h) = (width.min(height * 9.0 / 16.0), height.min(width * 16.0 / 9.0));
    [(centre * width - w / 2.0).clamp(0.0, width - w), (height - h) / 2.0, w, h]
}

/// The format that renditions of a clip's depth have.
fn rendition_format(clip: &Clip) -> PixelFormat {
    if clip.format.bits > 8 { PixelFormat::YUV420P10 } else { PixelFormat::YUV420P }
}

/// What the rendition of a clip should look like.
fn expected(clip: &Clip, window: [f64; 4]) -> Picture {
    let format = rendition_format(clip);
    clip.seen(0, &View { window, size: SIZE, format, chroma: ChromaLocation::Left })
}

/// The part of the samples of `found` that are off by more than `tolerance`, of those whose surroundings in `expected`,
/// so many columns and rows to each side, are flat; an error when there are too few of them.
fn wrong_samples(expected: &Plane, found: &Plane, reach: (u32, u32), tolerance: u16) -> Result<f64, String> {
    assert_eq!((expected.width, expected.height), (found.width, found.height));
    let (mut flat, mut wrong) = (0, 0);
    for y in reach.1..expected.height - reach.1 {
        for x in reach.0..expected.width - reach.0 {
            let value = expected.at(x, y);
            let (columns, rows) = ([x - reach.0, x + reach.0], [y - reach.1, y + reach.1]);
            // Patches are larger than the surroundings: equal corners mean equal insides.
            if columns.iter().all(|&x| rows.iter().all(|&y| expected.at(x, y) == value)) {
                flat += 1;
                wrong += u32::from(found.at(x, y).abs_diff(value) > tolerance);
            }
        }
    }
    if flat < 1000 {
        return Err(format!("only {flat} samples are in flat surroundings"));
    }
    Ok(f64::from(wrong) / f64::from(flat))
}

/// How far in a plane of the rendition a sample of the source still matters, in columns and rows: two lobes of Lanczos.
/// What the third adds is within the tolerance.
fn reach(clip: &Clip, window: [f64; 4], plane: usize) -> (u32, u32) {
    let lobes = |enlarged: f64, source: u32, subsampled: u32| {
        let finer = if plane == 0 { 1.0 } else { f64::from(source) / f64::from(subsampled) };
        (2.0 * enlarged.max(1.0) * finer).ceil() as u32
    };
    let (wide, high) = clip.seen_size();
    let stored = if clip.orientation.transpose { (clip.size.1, clip.size.0) } else { clip.size };
    let subsampling = clip.format.subsampling;
    let (x, y) = if clip.orientation.transpose { (subsampling.1, subsampling.0) } else { subsampling };
    let columns = window[2] * f64::from(stored.0) / wide;
    let rows = window[3] * f64::from(stored.1) / high;
    (lobes(f64::from(SIZE.0) / columns, x, 2), lobes(f64::from(SIZE.1) / rows, y, 2))
}

/// How many of a rendition's samples are not what they should be, plane by plane.
fn mistakes(clip: &Clip, window: [f64; 4], rendition: &Path) -> [f64; 3] {
    let expected = expected(clip, window);
    let format = rendition_format(clip);
    let found = inspect::decode(rendition, format).unwrap().remove(0);
    let codes = 1 << (format.bits - 8);
    [0, 1, 2].map(|plane| {
        let reach = reach(clip, window, plane);
        wrong_samples(&expected.planes[plane], &found.planes[plane], reach, 3 * codes).unwrap()
    })
}

/// Writes what a rendition should look like and what it does as PNG, and says where.
fn keep_pictures(clip: &Clip, window: [f64; 4], rendition: &Path) -> String {
    let format = rendition_format(clip);
    let found = inspect::decode(rendition, format).unwrap().remove(0);
    let folder = env!("CARGO_TARGET_TMPDIR");
    inspect::write_mismatch(folder, &clip.name, &expected(clip, window), &found, format.bits).unwrap()
}

/// Checks that a rendition of size [`SIZE`] shows the clip's window with its centre at this fraction of the width.
pub(crate) fn assert_right(clip: &Clip, centre: f64, rendition: &Path) {
    let window = window(clip, centre);
    let share = mistakes(clip, window, rendition);
    if share.iter().any(|&share| share >= 0.01) {
        let look = keep_pictures(clip, window, rendition);
        panic!("{}: {share:?} of the samples are wrong; {look}", clip.name);
    }
}

fn convert(desk: &Desk, clip: &Clip, options: &[&str]) -> Converted {
    let fixture = desk.write(clip);
    let converted = desk.converted(&fixture.path, &[GOOD, options].concat());
    check(&converted, &Source::look(&fixture.path));
    converted
}

#[test]
fn the_window_stands_where_it_is_told() {
    let desk = Desk::new();
    let clip = Clip { timing: short(), ..Clip::new("patches") };
    for (crop, centre) in [("center", 0.5), ("left", 0.0), ("right", 1.0), ("0.3", 0.3), ("0.95", 0.95)] {
        let converted = convert(&desk, &clip, &["--crop", crop, "--overwrite"]);
        assert_right(&clip, centre, &converted.rendition());
    }
}

#[test]
fn a_wrong_picture_is_found() {
    let desk = Desk::new();
    let clip = Clip { timing: short(), ..Clip::new("patches") };
    let rendition = convert(&desk, &clip, &[]).rendition();
    let right = window(&clip, 0.5);
    let moved = |by: [f64; 4]| std::array::from_fn(|index| right[index] + by[index]);
    let worst = |clip: &Clip, window| mistakes(clip, window, &rendition).into_iter().fold(0.0, f64::max);
    assert!(worst(&clip, right) < 0.01);
    for by in [[8.0, 0.0, 0.0, 0.0], [0.0, 0.0, 16.0, 0.0], [0.0, 8.0, 0.0, -8.0]] {
        let worst = worst(&clip, moved(by));
        assert!(worst > 0.1, "{by:?}: {worst}");
    }
    for orientation in Orientation::all().into_iter().skip(1) {
        let turned =
            Clip { orientation, size: if orientation.transpose { (180, 320) } else { (320, 180) }, ..clip.clone() };
        assert!(worst(&turned, right) > 0.5, "{orientation:?}");
    }
}

#[test]
fn every_orientation_comes_out_upright() {
    let desk = Desk::new();
    for (index, orientation) in Orientation::all().into_iter().enumerate() {
        let clip = Clip {
            timing: short(),
            orientation,
            codec: Codec::H264Lossless,
            container: Container::Mp4,
            ..Clip::new(format!("orientation-{index}"))
        };
        assert_right(&clip, 0.5, &convert(&desk, &clip, &[]).rendition());
    }
}

#[test]
fn samples_that_are_not_square_come_out_square() {
    let desk = Desk::new();
    for (num, den) in [(2, 1), (399, 400), (16, 15), (8, 9)] {
        let clip =
            Clip { timing: short(), sample_aspect: Ratio::new(num, den), ..Clip::new(format!("aspect-{num}-{den}")) };
        assert_right(&clip, 0.5, &convert(&desk, &clip, &[]).rendition());
    }
    // Turned, wide samples are tall.
    let clip = Clip {
        timing: short(),
        sample_aspect: Ratio::new(4, 3),
        orientation: Orientation { transpose: true, flip_x: false, flip_y: true },
        codec: Codec::H264Lossless,
        container: Container::Mp4,
        ..Clip::new("aspect-turned")
    };
    assert_right(&clip, 0.5, &convert(&desk, &clip, &[]).rendition());
}

#[test]
fn pictures_of_any_shape_fill_the_rung() {
    let desk = Desk::new();
    for size in [(180, 320), (90, 320), (318, 178), (160, 160), (1280, 200)] {
        let clip = Clip { timing: short(), size, ..Clip::new(format!("shape-{}x{}", size.0, size.1)) };
        let converted = convert(&desk, &clip, &[]);
        let upscaled = window(&clip, 0.5)[3] < 639.0;
        assert_eq!(converted.report["renditions"][0]["upscaled"], upscaled, "{size:?}");
        assert_eq!(window(&clip, 0.5)[2..], {
            let planned = &converted.report["plan"]["shots"][0]["track"][0]["window"];
            [planned["width"].as_f64().unwrap(), planned["height"].as_f64().unwrap()]
        });
    }
}

#[test]
fn odd_sizes_are_converted() {
    let desk = Desk::new();
    for (format, size) in
        [(PixelFormat::YUV420P, (317, 179)), (PixelFormat::YUV422P, (319, 180)), (PixelFormat::YUV444P, (321, 181))]
    {
        let clip = Clip { timing: short(), format, size, ..Clip::new(format!("odd-{}", format.name)) };
        assert_right(&clip, 0.5, &convert(&desk, &clip, &[]).rendition());
    }
}

/// The codes in `picture`, which holds red, green and blue at 8 bits, as Y, Cb and Cr of limited range by the
/// coefficients of red and blue (ITU-R BT.601, BT.709).
fn limited_yuv(picture: &Picture, (red, blue): (f64, f64)) -> Picture {
    let mut converted = picture.clone();
    for index in 0..picture.planes[0].samples.len() {
        let [r, g, b] = [0, 1, 2].map(|plane| f64::from(picture.planes[plane].samples[index]) / 255.0);
        let luma = red * r + (1.0 - red - blue) * g + blue * b;
        let codes =
            [16.0 + 219.0 * luma, 128.0 + 112.0 * (b - luma) / (1.0 - blue), 128.0 + 112.0 * (r - luma) / (1.0 - red)];
        for (plane, code) in codes.into_iter().enumerate() {
            converted.planes[plane].samples[index] = code.round() as u16;
        }
    }
    converted
}

/// Every pixel format, with the codes that were drawn coming out as they are.
fn formats(wanted: impl Fn(&PixelFormat) -> bool) {
    let desk = Desk::new();
    let mut count = 0;
    for recipe in catalogue::all() {
        let catalogue::Recipe::Clip(clip) = recipe else { continue };
        if !clip.name.starts_with("format-") || !wanted(&clip.format) {
            continue;
        }
        count += 1;
        let rendition = convert(&desk, &clip, &[]).rendition();
        let probe = inspect::probe(&rendition).unwrap();
        let video = probe.video().unwrap();
        let deep = clip.format.bits > 8;
        assert_eq!(video.pix_fmt.as_deref(), Some(if deep { "yuv420p10le" } else { "yuv420p" }), "{}", clip.name);
        let full = clip.colour.full_range.unwrap_or(clip.format.model == Model::Grey);
        assert_eq!(video.color_range.as_deref(), Some(if full { "pc" } else { "tv" }), "{}", clip.name);
        if clip.format.model == Model::Rgb {
            assert_rgb_right(&clip, &rendition, video.color_space.as_deref());
        } else {
            assert_right(&clip, 0.5, &rendition);
        }
    }
    assert!(count > 5, "the catalogue has such formats");
}

fn assert_rgb_right(clip: &Clip, rendition: &Path, matrix: Option<&str>) {
    let coefficients = match matrix {
        Some("bt709") => (0.2126, 0.0722),
        Some("smpte170m" | "bt470bg") => (0.299, 0.114),
        other => panic!("{}: matrix {other:?}", clip.name),
    };
    let view =
        View { window: window(clip, 0.5), size: SIZE, format: PixelFormat::YUV444P, chroma: ChromaLocation::Left };
    let expected = limited_yuv(&clip.seen(0, &view), coefficients);
    let found = inspect::decode(rendition, PixelFormat::YUV444P).unwrap().remove(0);
    for plane in 0..3 {
        let share = wrong_samples(&expected.planes[plane], &found.planes[plane], (10, 10), 4).unwrap();
        assert!(share < 0.01, "{}: {share} of plane {plane} is wrong", clip.name);
    }
}

#[test]
fn planar_formats_of_8_bits() {
    formats(|format| format.model == Model::Yuv && format.bits == 8);
}

#[test]
fn planar_formats_of_more_bits() {
    formats(|format| format.model == Model::Yuv && format.bits > 8);
}

#[test]
fn grey_and_rgb_formats() {
    formats(|format| format.model != Model::Yuv);
}

#[test]
fn fine_detail_lies_exactly_where_it_should() {
    let desk = Desk::new();
    // Its window is 202.5 columns wide at a half-pixel offset.
    let clip = Clip {
        scene: Scene::ZonePlate,
        size: (640, 360),
        timing: short(),
        gop: Gop { interval: 1, b_frames: 0, open: false },
        ..Clip::new("zone-plate")
    };
    let rendition = convert(&desk, &clip, &[]).rendition();
    let found = inspect::decode(&rendition, PixelFormat::YUV420P).unwrap().remove(0);
    let likeness = |by: f64| {
        let [x, y, w, h] = window(&clip, 0.5);
        psnr(&expected(&clip, [x + by, y, w, h]).planes[0], &found.planes[0], 8, 8)
    };
    let (right, half) = (likeness(0.0), likeness(0.5));
    assert!(right > 34.0 && right > half + 6.0, "{right} dB in place, {half} dB half a sample off");
}

#[test]
fn black_bars_stay_black() {
    let desk = Desk::new();
    let bars = Bars { top: 24, bottom: 24, ..Bars::default() };
    let clip = Clip { timing: short(), bars, ..Clip::new("letterbox") };
    let rendition = convert(&desk, &clip, &[]).rendition();
    assert_right(&clip, 0.5, &rendition);
    let luma = inspect::decode(&rendition, PixelFormat::YUV420P).unwrap().remove(0).planes.remove(0);
    assert!(luma.mean([0, 0, 360, 75]) < 18.0);
}
