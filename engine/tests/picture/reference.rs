//! The twin against Lanczos-3 evaluated in floating point straight from its definition.

use crate::pictures::{cpu, detailed, extreme, format, psnr, read, scale, spec, window};
use std::f64::consts::PI;
use upright_engine::colour::{ChromaSite, Siting};
use upright_engine::frame::{Depth, Frame, Subsampling};
use upright_engine::geometry::Window;
use upright_engine::picture::ScaleSpec;

fn lanczos3(x: f64) -> f64 {
    let sinc = |x: f64| if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) };
    if x.abs() < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 }
}

/// Output sample `i` reads the line at `position(i)`, in samples from the centre of the first.
fn scale_line(line: &[f64], outputs: usize, ratio: f64, position: impl Fn(f64) -> f64 + Copy) -> Vec<f64> {
    let widening = ratio.max(1.0);
    (0..outputs)
        .map(|i| {
            let centre = position(i as f64);
            let (mut sum, mut weights) = (0.0, 0.0);
            let reach = (3.0 * widening).ceil() as i64 + 1;
            for k in centre.floor() as i64 - reach..=centre.floor() as i64 + reach {
                let weight = lanczos3((k as f64 - centre) / widening);
                sum += weight * line[k.clamp(0, line.len() as i64 - 1) as usize];
                weights += weight;
            }
            sum / weights
        })
        .collect()
}

/// One plane of a rung, in units of the rung's samples and not rounded.
fn reference(source: &Frame, spec: &ScaleSpec, rung: usize, plane: usize, window: Window) -> Vec<f64> {
    let rung = spec.rungs[rung];
    let (from, to) = (source.layout(plane), rung.layout()[plane]);
    let (s, t) = (source.format().plane_subsampling(plane), rung.plane_subsampling(plane));
    // How luma positions of the output map to positions in the source plane, given the centre of the window's axis.
    let along = |origin: f64, span: f64, luma: u32, s: u32, t: u32, source_site: Siting, rung_site: Siting| {
        let zoom = span / f64::from(luma);
        let position = move |i: f64| {
            let output_luma = f64::from(t) * i + 0.5 + rung_site.offset(t);
            (origin + output_luma * zoom - 0.5 - source_site.offset(s)) / f64::from(s)
        };
        (zoom * f64::from(t) / f64::from(s), position)
    };
    let (sites, rung_sites) = (spec.source_chroma, spec.rung_chroma);
    let x = along(window.x, window.width, rung.width, s.x, t.x, sites.x, rung_sites.x);
    let y = along(window.y, window.height, rung.height, s.y, t.y, sites.y, rung_sites.y);

    let samples = read(source, plane);
    let rows: Vec<Vec<f64>> =
        samples.chunks(from.width as usize).map(|row| scale_line(row, to.width as usize, x.0, x.1)).collect();
    let mut output = vec![0.0; to.width as usize * to.height as usize];
    for column in 0..to.width as usize {
        let line: Vec<f64> = rows.iter().map(|row| row[column]).collect();
        for (row, value) in scale_line(&line, to.height as usize, y.0, y.1).into_iter().enumerate() {
            output[row * to.width as usize + column] = value;
        }
    }
    let (from, to) = (spec.source.depth.bits(), rung.depth.bits());
    let largest = f64::from((1u32 << to) - 1);
    let (gain, from_half, to_half) = match (spec.full_range, plane) {
        (false, _) => (f64::from(1u32 << to) / f64::from(1u32 << from), 0.0, 0.0),
        (true, 0) => (largest / f64::from((1u32 << from) - 1), 0.0, 0.0),
        (true, _) => {
            (largest / f64::from((1u32 << from) - 1), f64::from(1u32 << (from - 1)), f64::from(1u32 << (to - 1)))
        }
    };
    output.iter().map(|value| ((value - from_half) * gain + to_half).clamp(0.0, largest)).collect()
}

const SUBSAMPLINGS: [(Subsampling, &str); 4] = [
    (Subsampling::CS420, "4:2:0"),
    (Subsampling::CS422, "4:2:2"),
    (Subsampling::CS440, "4:4:0"),
    (Subsampling::CS444, "4:4:4"),
];

/// Windows of a 160x120 picture and the rungs to make of them: up, down, about the same, odd and half-pixel.
fn shapes() -> Vec<(Window, (u32, u32))> {
    vec![
        (window(20.0, 0.0, 67.5, 120.0), (120, 214)),
        (window(33.5, 1.5, 61.0, 107.25), (36, 64)),
        (window(41.0, 7.0, 54.0, 96.0), (54, 96)),
        (window(0.0, 0.0, 160.0, 120.0), (90, 160)),
        (window(92.1, 50.7, 33.3, 59.2), (180, 320)),
        (window(46.25, 0.0, 67.5, 120.0), (16, 28)),
    ]
}

/// How far a rung is from the reference.
#[derive(Debug)]
struct Distance {
    /// The largest difference from the reference, not rounded.
    farthest: f64,
    /// The largest difference from the reference, rounded.
    farthest_rounded: f64,
    /// In dB, against the reference rounded.
    psnr: f64,
}

fn distance(spec: &ScaleSpec, source: &Frame, window: Window, plane: usize) -> Distance {
    let exact = reference(source, spec, 0, plane, window);
    let rounded: Vec<f64> = exact.iter().map(|value| value.round()).collect();
    let rungs = scale(&cpu(), spec, source, window);
    let made = read(&rungs[0], plane);
    let apart = |other: &[f64]| made.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let peak = f64::from((1u32 << spec.rungs[0].depth.bits()) - 1);
    let columns = rungs[0].layout(plane).width as usize;
    Distance {
        farthest: apart(&exact),
        farthest_rounded: apart(&rounded),
        psnr: psnr(&made, &rounded, columns, 0, peak),
    }
}

#[test]
fn the_twin_is_never_a_unit_away_and_hardly_ever_rounds_otherwise() {
    for depth in [Depth::Eight, Depth::Ten, Depth::Twelve] {
        for output in [Depth::Eight, Depth::Ten] {
            for (subsampling, name) in SUBSAMPLINGS {
                for (window, (width, height)) in shapes() {
                    let source = detailed(format(160, 120, subsampling, depth));
                    let mut spec = spec(source.format(), &[format(width, height, Subsampling::CS420, output)]);
                    spec.source_chroma = ChromaSite { x: Siting::Start, y: Siting::End };
                    spec.rung_chroma = ChromaSite::TOP_LEFT;
                    for plane in 0..3 {
                        let distance = distance(&spec, &source, window, plane);
                        let case = format!("{depth:?} to {output:?} {name} {window:?} {plane}: {distance:?}");
                        assert!(distance.farthest_rounded <= 1.0, "{case}");
                        if output >= depth {
                            assert!(distance.farthest < 0.6, "{case}");
                            assert!(distance.psnr > 68.0, "{case}");
                        }
                    }
                }
            }
        }
    }
}

/// Black next to white overshoots most; this also runs with overflow checks on.
#[test]
fn the_worst_pictures_do_not_overflow() {
    for (depth, output) in [
        (Depth::Eight, Depth::Eight),
        (Depth::Ten, Depth::Ten),
        (Depth::Twelve, Depth::Twelve),
        (Depth::Twelve, Depth::Eight),
    ] {
        // The second is the ratio at which the weights' absolute sum is largest.
        for (window, size) in
            [(window(0.0, 0.0, 160.0, 120.0), (320, 240)), (window(2.0, 4.0, 156.0, 104.0), (150, 100))]
        {
            let source = extreme(format(160, 120, Subsampling::CS444, depth));
            let spec = spec(source.format(), &[format(size.0, size.1, Subsampling::CS420, output)]);
            for plane in 0..3 {
                let distance = distance(&spec, &source, window, plane);
                assert!(distance.farthest_rounded <= 1.0, "{depth:?} to {output:?} {window:?} {plane}: {distance:?}");
            }
        }
    }
}

#[test]
fn full_range_keeps_its_ends_when_the_depth_changes() {
    let shape = window(20.0, 0.0, 67.5, 120.0);
    for (depth, output) in [(Depth::Eight, Depth::Ten), (Depth::Ten, Depth::Eight), (Depth::Ten, Depth::Ten)] {
        let source = extreme(format(160, 120, Subsampling::CS422, depth));
        let limited = spec(source.format(), &[format(120, 214, Subsampling::CS420, output)]);
        let full = ScaleSpec { full_range: true, ..limited.clone() };
        for plane in 0..3 {
            let distance = distance(&full, &source, shape, plane);
            assert!(distance.farthest_rounded <= 1.0, "{depth:?} to {output:?} {plane}: {distance:?}");
        }
        let whitest =
            |spec: &ScaleSpec| read(&scale(&cpu(), spec, &source, shape)[0], 0).into_iter().fold(0.0, f64::max);
        assert_eq!(whitest(&full), f64::from((1u32 << output.bits()) - 1));
    }
}

/// The comparisons above must see the faults that they are there to catch.
#[test]
fn the_reference_sees_faults() {
    let shape = window(20.0, 0.0, 67.5, 120.0);
    let source = detailed(format(160, 120, Subsampling::CS420, Depth::Eight));
    let right = spec(source.format(), &[format(120, 214, Subsampling::CS420, Depth::Eight)]);
    let exact = |spec: &ScaleSpec, plane| reference(&source, spec, 0, plane, shape);
    let made = |spec: &ScaleSpec, window, plane| read(&scale(&cpu(), spec, &source, window)[0], plane);
    let db = |made: &[f64], exact: &[f64], columns| psnr(made, exact, columns, 0, 255.0);

    let half_off = Window { x: 20.5, ..shape };
    assert!(db(&made(&right, half_off, 0), &exact(&right, 0), 120) < 42.0);
    let centre = ScaleSpec { source_chroma: ChromaSite::CENTRE, ..right.clone() };
    assert!(db(&made(&centre, shape, 1), &exact(&right, 1), 60) < 44.0);
}
