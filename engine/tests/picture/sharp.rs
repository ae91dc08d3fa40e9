//! Enlarging with back-projection, beside Lanczos' kernel alone.

use crate::pictures::{cpu, format, paint, psnr, read, scale, spec, window};
use upright_engine::frame::{Depth, Frame, Subsampling};
use upright_engine::picture::{Resampling, ScaleSpec};

/// A shape that covers what lies behind it, all in parts of the picture's height.
struct Leaf {
    x: f64,
    y: f64,
    radius: f64,
    /// Half of its height over half of its width, less than 0 for a rectangle.
    shape: f64,
    value: f64,
}

/// Leaves that lie over each other, of which there are the more the smaller they are: their spectrum and their edges are
/// about those of photographs. See Lee, Mumford and Huang, "Occlusion models for natural images", IJCV 41 (2001).
fn leaves(width: u32, height: u32) -> Frame {
    let mut state = 7_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24)
    };
    let aspect = f64::from(width) / f64::from(height);
    let leaves: Vec<_> = (0..1500)
        .map(|_| Leaf {
            x: aspect * random(),
            y: random(),
            radius: 0.01 / (1.0 - 0.98 * random()).sqrt(),
            shape: (0.4 + random()) * if random() < 0.5 { 1.0 } else { -1.0 },
            value: 0.1 + 0.8 * random(),
        })
        .collect();
    // A sample is the mean of 16 points.
    let format = format(width, height, Subsampling::CS420, Depth::Eight);
    paint(format, |plane, x, y| {
        if plane > 0 {
            return 0.5;
        }
        let points = (0..16).map(|point| [x, y].into_iter().zip([point % 4, point / 4]));
        let seen = points.map(|point| {
            let mut at =
                point.map(|(whole, part)| (f64::from(whole) + (f64::from(part) + 0.5) / 4.0) / f64::from(height));
            let (x, y) = (at.next().unwrap(), at.next().unwrap());
            let top = leaves.iter().find(|leaf| {
                let (dx, dy) = ((x - leaf.x).abs() / leaf.radius, (y - leaf.y).abs() / leaf.radius / leaf.shape.abs());
                if leaf.shape < 0.0 { dx.max(dy) < 1.0 } else { dx * dx + dy * dy < 1.0 }
            });
            top.map_or(0.5, |leaf| leaf.value)
        });
        seen.sum::<f64>() / 16.0
    })
}

/// Enlarges a whole picture with Lanczos' kernel and sharply.
fn enlarged(source: &Frame, width: u32, height: u32) -> [Frame; 2] {
    let plain = spec(source.format(), &[format(width, height, Subsampling::CS420, Depth::Eight)]);
    let whole = window(0.0, 0.0, source.format().width.into(), source.format().height.into());
    [Resampling::Lanczos, Resampling::Sharp].map(|resampling| {
        let spec = ScaleSpec { resampling, ..plain.clone() };
        scale(&cpu(), &spec, source, whole).remove(0)
    })
}

#[test]
fn sharp_is_nearer_to_the_truth_of_a_clean_picture() {
    // An eighth of the usual case: a window of 608 by 1080 samples for 1080 by 1920 pixels.
    let (width, height) = (136, 240);
    let truth = leaves(width, height);
    let shrunk = spec(truth.format(), &[format(76, 136, Subsampling::CS420, Depth::Eight)]);
    let source = scale(&cpu(), &shrunk, &truth, window(0.0, 0.0, width.into(), height.into())).remove(0);
    let truth = read(&truth, 0);
    let [lanczos, sharp] =
        enlarged(&source, width, height).map(|made| psnr(&truth, &read(&made, 0), width as usize, 4, 255.0));
    println!("Lanczos {lanczos:.2} dB, sharp {sharp:.2} dB");
    assert!(sharp > lanczos + 0.4, "{sharp} is not 0.4 dB above {lanczos}");
}

#[test]
fn letters_overshoot_no_more_than_with_lanczos_and_no_further_away() {
    const LETTERS: [&str; 12] = [
        "................................",
        "................................",
        "..####..#...#..####...#....####.",
        "..##....##..#..#..#...#.......#.",
        "..####..#.#.#..#..#...#.....##..",
        "..##....#..##..#..#.......##....",
        "..####..#...#..####...#...#####.",
        "................................",
        "................................",
        "................................",
        "................................",
        "................................",
    ];
    for strokes in [1, 2, 4] {
        let is_ink = |x: u32, y: u32| LETTERS[(y / strokes) as usize].as_bytes()[(x / strokes) as usize] == b'#';
        let (width, height) = (32 * strokes, 12 * strokes);
        // As 608 samples to 1080.
        let (wide, high) = ((width * 16 / 9) & !1, (height * 16 / 9) & !1);
        for (ink, paper) in [(60.0, 200.0), (200.0, 60.0)] {
            let value = |plane, x, y| if plane == 0 && is_ink(x, y) { ink / 255.0 } else { paper / 255.0 };
            let source = paint(format(width, height, Subsampling::CS420, Depth::Eight), value);
            let [lanczos, sharp] = enlarged(&source, wide, high).map(|made| read(&made, 0));
            let extremes = |samples: &[f64]| {
                samples.iter().fold((255.0_f64, 0.0_f64), |(low, high), &sample| (low.min(sample), high.max(sample)))
            };
            let (plain, held) = (extremes(&lanczos), extremes(&sharp));
            println!("strokes of {strokes}, {ink} on {paper}: {plain:?}, sharp {held:?}");
            assert!(held.0 >= plain.0 && held.1 <= plain.1);
            // The paper below the letters is blank from the tenth line on, and as flat as it was.
            let blank = (high * 10 / 12) as usize * wide as usize;
            assert!(sharp[blank..].iter().all(|&sample| sample == paper));
        }
    }
}
