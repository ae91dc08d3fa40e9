//! Pictures of fields: against ffmpeg's `bwdif`, byte for byte, and against plain weaving; on a GPU and on the CPU.

use crate::jobs::{devices, run};
use crate::pictures::{cpu, format, mismatch, paint, part, read, same, spec, still, white_noise, window};
use std::io::Write;
use std::process::{Command, Stdio};
use upright_engine::frame::{Area, Depth, FieldOrder, Frame, FrameFormat, Subsampling};
use upright_engine::picture::{Crop, DEINTERLACER, Device, FieldUse, Graph, Neighbour, PictureRequest, Request};

/// Frames whose fields are of times of their own: things that move, of hard edges and of noise, over others that do not.
fn interlaced(grid: FrameFormat, frames: u32) -> Vec<Frame> {
    let frame = |number: u32| {
        let noise = white_noise(grid, number);
        paint(grid, |plane, x, y| {
            let time = f64::from(2 * number + y % 2);
            let (x, y) = (f64::from(x), f64::from(y));
            let still = ((x / 5.0).sin() * (y / 3.0).cos()).mul_add(0.2, 0.5);
            let place = (x - 3.0 * time).rem_euclid(60.0);
            let moving = if place < 20.0 {
                0.9
            } else if place < 30.0 {
                (place / 10.0).fract()
            } else {
                still
            };
            let value = if y as u32 % 40 < 10 { still } else { moving };
            let largest = f64::from((1u32 << grid.depth.bits()) - 1);
            let width = noise.layout(plane).width;
            let speck = read(&noise, plane)[(y as u32 * width + x as u32) as usize] / largest;
            (speck - 0.5).mul_add(0.05, value)
        })
    };
    (0..frames).map(frame).collect()
}

fn pixel_format(grid: FrameFormat) -> String {
    let s = grid.subsampling;
    let chroma = match (s.x, s.y) {
        (2, 2) => "420",
        (2, 1) => "422",
        _ => "444",
    };
    let depth = if grid.depth == Depth::Eight { String::new() } else { format!("{}le", grid.depth.bits()) };
    format!("yuv{chroma}p{depth}")
}

/// The samples of a frame without padding, as ffmpeg has them.
fn raw(frame: &Frame) -> Vec<u8> {
    let bytes = frame.format().depth.bytes();
    let plane = |index| {
        let layout = frame.layout(index);
        let rows = frame.bytes()[layout.offset..][..layout.stride * layout.height as usize].chunks(layout.stride);
        rows.flat_map(|row| &row[..layout.width as usize * bytes]).copied().collect::<Vec<_>>()
    };
    (0..3).flat_map(plane).collect()
}

/// What ffmpeg's `bwdif` makes of the film: two pictures of each frame.
fn by_ffmpeg(film: &[Frame], top_first: bool) -> Vec<Vec<u8>> {
    let grid = film[0].format();
    let size = format!("{}x{}", grid.width, grid.height);
    let pixels = pixel_format(grid);
    let order = if top_first { "tff" } else { "bff" };
    let filter = format!("setfield={order},bwdif=mode=send_field:parity={order}:deint=all");
    let mut ffmpeg = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "rawvideo", "-pix_fmt", &pixels, "-s", &size, "-r", "25", "-i", "-"])
        .args(["-vf", &filter, "-f", "rawvideo", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = ffmpeg.stdin.take().unwrap();
    let bytes: Vec<u8> = film.iter().flat_map(raw).collect();
    let feeding = std::thread::spawn(move || input.write_all(&bytes).unwrap());
    let output = ffmpeg.wait_with_output().unwrap();
    feeding.join().unwrap();
    assert!(output.status.success());
    let picture = raw(&film[0]).len();
    assert_eq!(output.stdout.len(), 2 * film.len() * picture);
    output.stdout.chunks(picture).map(<[u8]>::to_vec).collect()
}

/// What is compared: above 8 bits all but the second row and the last but one, for which ffmpeg reads the rows around them as if a
/// sample had a byte (`y > df - 1` in vf_bwdif.c, where `df` is the bytes of a sample).
fn judged(raw: &[u8], grid: FrameFormat) -> Vec<u8> {
    let mut judged = raw.to_vec();
    if grid.depth != Depth::Eight {
        let mut offset = 0;
        for layout in grid.layout() {
            let (row, rows) = (2 * layout.width as usize, layout.height as usize);
            [1, rows - 2].iter().for_each(|at| judged[offset + at * row..][..row].fill(0));
            offset += row * rows;
        }
    }
    judged
}

/// The pictures that come of a film, `uses` of each frame, of an area of the grid.
fn made(device: &Device, film: &[Frame], area: Area, uses: &[FieldUse]) -> Vec<Frame> {
    let grid = film[0].format();
    let mut graph = Graph::new(grid);
    let whole = graph.planes(Graph::SOURCE, &DEINTERLACER);
    graph.output(whole);
    let layers = window(0.0, 0.0, area.width.into(), area.height.into()).into();
    let asked = |(number, frame): (u64, &Frame)| {
        let ask =
            |(nth, &fields): (u64, &FieldUse)| PictureRequest { layers, frame: 2 * number + nth, fields, time: None };
        let asked: Vec<_> = (0..).zip(uses).map(ask).collect();
        (frame.clone().into(), Request::new(Area::whole(grid), &asked).unwrap())
    };
    let mut pictures = Vec::new();
    let mut runner = device.runner(&graph).unwrap();
    run(&mut *runner, (0..).zip(film).map(asked), |set| pictures.extend(set.pictures));
    pictures.iter().map(|picture| Frame::clone(picture)).collect()
}

fn formats() -> [FrameFormat; 3] {
    use Subsampling as S;
    [
        format(134, 76, S::CS420, Depth::Eight),
        format(67, 49, S::CS422, Depth::Ten),
        format(64, 24, S::CS444, Depth::Twelve),
    ]
}

#[test]
fn fields_become_pictures_as_those_of_bwdif_are() {
    for grid in formats() {
        let film = interlaced(grid, 6);
        for top_first in [true, false] {
            let uses = [false, true].map(|later| FieldUse::Interpolated { bottom: top_first == later, later });
            let expected = by_ffmpeg(&film, top_first);
            for device in devices() {
                let pictures = made(&device, &film, Area::whole(grid), &uses);
                assert_eq!(pictures.len(), expected.len());
                // At the ends of a film ffmpeg looks at fewer fields.
                for (number, (picture, expected)) in pictures.iter().zip(&expected).enumerate().skip(2).take(8) {
                    let [made, expected] = [&raw(picture), expected].map(|raw| judged(raw, grid));
                    assert!(made == expected, "{grid:?}, top first {top_first}, picture {number}");
                    assert_eq!(picture.fields, FieldOrder::Progressive);
                }
            }
        }
    }
}

#[test]
fn the_comparison_with_bwdif_sees_the_wrong_order_of_fields() {
    let grid = formats()[0];
    let film = interlaced(grid, 4);
    let wrong = [false, true].map(|later| FieldUse::Interpolated { bottom: !later, later });
    let pictures = made(&cpu(), &film, Area::whole(grid), &wrong);
    assert!(raw(&pictures[3]) != by_ffmpeg(&film, true)[3]);
}

#[test]
fn fields_are_woven_of_the_frames_that_are_named() {
    let grid = formats()[1];
    let film = interlaced(grid, 4);
    let frames = [(Neighbour::Own, 0_isize), (Neighbour::Before, -1), (Neighbour::After, 1)];
    for (top, top_at) in frames {
        for (bottom, bottom_at) in frames {
            for device in devices() {
                let pictures = made(&device, &film, Area::whole(grid), &[FieldUse::Woven { top, bottom }]);
                for (number, picture) in pictures.iter().enumerate() {
                    let of = |step: isize| number.saturating_add_signed(step).min(film.len() - 1);
                    for plane in 0..3 {
                        let (tops, bottoms) = (read(&film[of(top_at)], plane), read(&film[of(bottom_at)], plane));
                        let width = picture.layout(plane).width as usize;
                        let woven = read(picture, plane);
                        for (at, sample) in woven.iter().enumerate() {
                            let expected = if (at / width).is_multiple_of(2) { tops[at] } else { bottoms[at] };
                            assert!(*sample == expected, "{top:?} {bottom:?} {number} {plane} {at}");
                        }
                    }
                }
            }
        }
    }
}

/// The graph of a conversion: only what the window needs is made, and it is the same as of the whole picture.
#[test]
fn what_a_window_needs_is_made_alike_on_both_devices() {
    for grid in formats() {
        let film = interlaced(grid, 5);
        let rung = format(36, 64, Subsampling::CS420, Depth::Ten);
        let rungs = spec(grid, &[rung]);
        let place = |frame: u64| window(1.0 + 0.6 * frame as f64, 1.0, 12.375, 22.0);
        let scaled = |device: &Device, deinterlaced: bool, film: &[Frame]| {
            let mut graph = Graph::new(grid);
            let whole = if deinterlaced { graph.planes(Graph::SOURCE, &DEINTERLACER) } else { Graph::SOURCE };
            let cropped = graph.crop(whole);
            graph.scale(cropped, &rungs).into_iter().for_each(|rung| graph.output(rung));
            let asked = |(number, frame): (u64, &Frame)| {
                let picture = |nth: u64| PictureRequest {
                    layers: place(2 * number + nth).into(),
                    frame: 2 * number + nth,
                    fields: FieldUse::Interpolated { bottom: nth == 1, later: nth == 1 },
                    time: None,
                };
                let request: Request = if deinterlaced {
                    Request::new(Area::whole(grid), &[picture(0), picture(1)]).unwrap()
                } else {
                    Crop { frame: number, ..still(&rungs, place(number)) }.into()
                };
                (part(frame, request.area).into(), request)
            };
            let mut pictures = Vec::new();
            let mut runner = device.runner(&graph).unwrap();
            run(&mut *runner, (0..).zip(film).map(asked), |set| pictures.push(set));
            pictures.iter().map(|set| Frame::clone(&set.pictures[0])).collect::<Vec<_>>()
        };
        let uses = [false, true].map(|later| FieldUse::Interpolated { bottom: later, later });
        let progressive = made(&cpu(), &film, Area::whole(grid), &uses);
        let expected = scaled(&cpu(), false, &progressive);
        for device in devices() {
            for (number, (made, expected)) in scaled(&device, true, &film).iter().zip(&expected).enumerate() {
                assert!(same(made, expected), "{:?}", mismatch(&format!("fields-{number}"), made, expected));
            }
        }
    }
}
