//! Noise averaged away: against pictures that are known without it, and one device against the other.

use crate::jobs::{devices, run};
use crate::pictures::{cpu, format, mismatch, paint, part, psnr, read, same, spec, still, white_noise, window};
use upright_engine::frame::{Area, Depth, Frame, FrameFormat, Subsampling};
use upright_engine::picture::{Crop, Device, Graph};

/// A scene at a time: texture that moves by whole samples over a gradient that does not; another one from frame `cut` on.
fn scene(grid: FrameFormat, number: u32, cut: u32) -> Frame {
    paint(grid, |plane, x, y| {
        let moved = if plane == 0 { 6.0 } else { 6.0 / f64::from(grid.subsampling.x) } * f64::from(number);
        let (x, y) = (f64::from(x), f64::from(y));
        let place = x + moved;
        let texture = (place / 3.1).sin() * (y / 2.3).cos() + (place / 17.0 + y / 11.0).sin();
        let value = if y as u32 % 64 < 24 { x.mul_add(0.002, 0.3) } else { texture.mul_add(0.15, 0.5) };
        if number < cut { value } else { 0.9 - value * 0.5 }
    })
}

/// The scene with noise of this standard deviation, in codes; a sum of uniform noise is nearly normal.
fn noisy(clean: &Frame, number: u32, deviation: f64) -> Frame {
    let grid = clean.format();
    let largest = f64::from((1u32 << grid.depth.bits()) - 1);
    let uniform: Vec<_> = (0..4).map(|part| white_noise(grid, 8 * number + part)).collect();
    let uniform: Vec<Vec<_>> = (0..3).map(|plane| uniform.iter().map(|noise| read(noise, plane)).collect()).collect();
    let clean_planes: Vec<_> = (0..3).map(|plane| read(clean, plane)).collect();
    paint(grid, |plane, x, y| {
        let at = (y * clean.layout(plane).width + x) as usize;
        let sum: f64 = uniform[plane].iter().map(|noise| noise[at] / largest - 0.5).sum();
        // Four uniform numbers have a third of a variance.
        (clean_planes[plane][at] + sum * deviation * 3.0_f64.sqrt()) / largest
    })
}

fn made(device: &Device, film: &[Frame], noise: [u32; 3]) -> Vec<Frame> {
    let grid = film[0].format();
    let mut graph = Graph::new(grid);
    let clean = graph.denoise(Graph::SOURCE, noise);
    graph.output(clean);
    let whole = window(0.0, 0.0, grid.width.into(), grid.height.into());
    denoised(device, &graph, film, |frame| Crop { frame, ..still(&spec(grid, &[]), whole) })
}

fn denoised(device: &Device, graph: &Graph, film: &[Frame], crop: impl Fn(u64) -> Crop) -> Vec<Frame> {
    let asked = |(number, frame): (u64, &Frame)| {
        let crop = crop(number);
        (part(frame, crop.area).into(), crop.into())
    };
    let mut pictures = Vec::new();
    let mut runner = device.runner(graph).unwrap();
    run(&mut *runner, (0..).zip(film).map(asked), |set| pictures.extend(set.pictures));
    pictures.iter().map(|picture| Frame::clone(picture)).collect()
}

fn formats() -> [FrameFormat; 3] {
    use Subsampling as S;
    [
        format(134, 76, S::CS420, Depth::Eight),
        format(67, 49, S::CS422, Depth::Ten),
        format(40, 24, S::CS444, Depth::Twelve),
    ]
}

#[test]
fn both_devices_make_the_same() {
    for grid in formats() {
        let codes = f64::from(1u32 << (grid.depth.bits() - 8));
        let film: Vec<_> = (0..6).map(|number| noisy(&scene(grid, number, 4), number, 4.0 * codes)).collect();
        for deviation in [4.0 * codes, 0.3, 200.0 * codes] {
            let noise = (16.0 * deviation) as u32;
            let noise = [noise, noise / 2, 0];
            let expected = made(&cpu(), &film, noise);
            assert_eq!(expected.len(), film.len());
            for device in devices() {
                for (number, (made, expected)) in made(&device, &film, noise).iter().zip(&expected).enumerate() {
                    assert!(same(made, expected), "{:?}", mismatch(&format!("denoised-{number}"), made, expected));
                }
            }
            for (made, noisy) in expected.iter().zip(&film) {
                assert_eq!(read(made, 2), read(noisy, 2), "no noise, no change");
            }
        }
    }
}

/// Four decibels are the noise of one frame less than half; a cut amid them is none to either side.
#[test]
fn noise_goes_and_what_moves_stays() {
    for grid in [format(192, 128, Subsampling::CS420, Depth::Eight), format(192, 128, Subsampling::CS420, Depth::Ten)] {
        let codes = f64::from(1u32 << (grid.depth.bits() - 8));
        let peak = 255.0 * codes;
        let clean: Vec<_> = (0..8).map(|number| scene(grid, number, 5)).collect();
        let film: Vec<_> = (0..).zip(&clean).map(|(number, clean)| noisy(clean, number, 5.0 * codes)).collect();
        let noise = (16.0 * 5.0 * codes) as u32;
        let made = made(&cpu(), &film, [noise; 3]);
        for (number, ((made, noisy), clean)) in made.iter().zip(&film).zip(&clean).enumerate() {
            for plane in 0..3 {
                let width = made.layout(plane).width as usize;
                let against = |frame: &Frame| psnr(&read(frame, plane), &read(clean, plane), width, 0, peak);
                let (before, after) = (against(noisy), against(made));
                // Near a cut, or an end of the film, fewer frames show the same.
                let gain = if number == 2 { 4.0 } else { 2.5 };
                assert!(after > before + gain, "frame {number}, plane {plane}: {before:.2} dB, then {after:.2}");
            }
        }
    }
}

#[test]
fn clean_pictures_stay_as_they_are() {
    let grid = format(192, 128, Subsampling::CS420, Depth::Eight);
    let clean: Vec<_> = (0..6).map(|number| scene(grid, number, 3)).collect();
    for (made, clean) in made(&cpu(), &clean, [16; 3]).iter().zip(&clean) {
        let furthest = read(made, 0).iter().zip(read(clean, 0)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(furthest <= 2.0, "{furthest}");
    }
}

/// The graph of a conversion: only what a window needs is made.
#[test]
fn a_window_of_it_is_scaled_alike_on_both_devices() {
    let grid = formats()[0];
    let film: Vec<_> = (0..5).map(|number| noisy(&scene(grid, number, 9), number, 4.0)).collect();
    let rungs = spec(grid, &[format(36, 64, Subsampling::CS420, Depth::Eight)]);
    let mut graph = Graph::new(grid);
    let clean = graph.denoise(Graph::SOURCE, [64, 32, 32]);
    let cropped = graph.crop(clean);
    graph.scale(cropped, &rungs).into_iter().for_each(|rung| graph.output(rung));
    let crop = |frame: u64| {
        let crop = Crop { frame, ..still(&rungs, window(3.0 * frame as f64, 1.0, 40.0, 70.0)) };
        Crop { area: Area::whole(grid), ..crop }
    };
    let expected = denoised(&cpu(), &graph, &film, crop);
    assert_eq!(expected.len(), film.len());
    for device in devices() {
        for (number, (made, expected)) in denoised(&device, &graph, &film, crop).iter().zip(&expected).enumerate() {
            assert!(same(made, expected), "{:?}", mismatch(&format!("window-{number}"), made, expected));
        }
    }
}
