//! The picture: the right part of it, upright, in the right shape, with the right values.

use crate::look::{assert_right, convert, expected, mistakes, short, window};
use crate::support::Desk;
use upright_fixtures::inspect::{self, psnr};
use upright_fixtures::{Bars, Clip, Codec, Container, Gop, Orientation, PixelFormat, Ratio, Scene};

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
            let planned = &converted.report["plan"]["wanted"]["shots"][0]["track"][0]["window"];
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
