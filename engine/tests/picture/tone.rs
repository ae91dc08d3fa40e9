//! The node that maps colours: one device against another, and what becomes of greys and of SDR, against ffmpeg's `zscale`.

use crate::pictures::{
    cpu, detailed, format, mismatch, paint, part, psnr, read, same, spec, still, white_noise, window,
};
use std::process::Command;
use upright_engine::colour::{ChromaSite, Colour};
use upright_engine::frame::{Depth, Frame, FrameFormat, Subsampling};
use upright_engine::picture::tone::colour_map::SourceColour;
use upright_engine::picture::tone::{LookFile, LookPlace, MapSpec};
use upright_engine::picture::{Crop, Device, Graph};

fn recipe(primaries: u8, transfer: u8, matrix: u8, depth: u32) -> SourceColour {
    SourceColour { primaries, transfer, matrix, full_range: false, depth, peak: 1000.0, gamut: None }
}

fn map(grid: FrameFormat, recipe: SourceColour) -> MapSpec {
    MapSpec::new(grid, ChromaSite::LEFT, recipe, None).unwrap()
}

/// Scales windows of mapped pictures to a rung, and gives these and the mapped pictures themselves.
fn made(device: &Device, map: &MapSpec, film: &[Frame]) -> Vec<[Frame; 2]> {
    let rung = format(36, 64, Subsampling::CS420, Depth::Eight);
    let rungs = spec(map.output(), &[rung]);
    let mut graph = Graph::new(map.source);
    let mapped = graph.map(Graph::SOURCE, map);
    let cropped = graph.crop(mapped);
    graph.scale(cropped, &rungs).into_iter().chain([mapped]).for_each(|edge| graph.output(edge));
    let mut runner = device.runner(&graph).unwrap();
    let mut pictures = Vec::new();
    for (number, frame) in (0..).zip(film) {
        let place = window(2.0 + 0.7 * number as f64, 3.0, 12.375, 22.0);
        let crop = Crop { frame: number, ..still(&rungs, place) };
        let area = graph.area(place);
        runner.submit(&part(frame, area).into(), Crop { area, ..crop }.into()).unwrap();
        let set = runner.collect().unwrap();
        pictures.push([0, 1].map(|output| Frame::clone(&set.pictures[output])));
    }
    pictures
}

#[cfg(feature = "gpu")]
#[test]
fn both_devices_map_alike() {
    use upright_engine::picture::DeviceChoice;
    let gpu = Device::open(&DeviceChoice::Adapter(upright_fixtures::adapter())).unwrap();
    let kinds = [
        (format(96, 54, Subsampling::CS420, Depth::Ten), recipe(9, 16, 9, 10)),
        (format(67, 49, Subsampling::CS422, Depth::Twelve), recipe(9, 18, 9, 12)),
        (format(64, 48, Subsampling::CS444, Depth::Eight), recipe(6, 6, 6, 8)),
    ];
    for (grid, recipe) in kinds {
        let map = map(grid, recipe);
        let film = [white_noise(grid, 1), detailed(grid), white_noise(grid, 2)];
        let [on_cpu, on_gpu] = [&cpu(), &gpu].map(|device| made(device, &map, &film));
        for (number, (on_cpu, on_gpu)) in on_cpu.iter().zip(&on_gpu).enumerate() {
            for (on_cpu, on_gpu) in on_cpu.iter().zip(on_gpu) {
                assert!(same(on_cpu, on_gpu), "{:?}", mismatch(&format!("tone-{number}"), on_cpu, on_gpu));
            }
            assert_eq!(on_gpu[1].colour, MapSpec::output_colour(ChromaSite::LEFT));
        }
    }
}

#[test]
fn a_window_is_mapped_as_the_whole_is() {
    let grid = format(96, 54, Subsampling::CS420, Depth::Ten);
    let map = map(grid, recipe(9, 16, 9, 10));
    let rungs = spec(map.output(), &[format(36, 64, Subsampling::CS420, Depth::Ten)]);
    let film = [white_noise(grid, 4)];
    let whole = made(&cpu(), &map, &film).remove(0);
    let mut graph = Graph::new(grid);
    let mapped = graph.map(Graph::SOURCE, &map);
    let cropped = graph.crop(mapped);
    graph.scale(cropped, &rungs).into_iter().for_each(|edge| graph.output(edge));
    let place = window(2.0, 3.0, 12.375, 22.0);
    let area = graph.area(place);
    assert!(area.width < 40 && area.height <= 54, "{area:?}");
    let mut runner = cpu().runner(&graph).unwrap();
    runner.submit(&part(&film[0], area).into(), Crop { area, ..still(&rungs, place) }.into()).unwrap();
    let of_window = Frame::clone(&runner.collect().unwrap().pictures[0]);
    let expected = crate::pictures::scale(&cpu(), &rungs, &whole[1], place).remove(0);
    assert!(same(&of_window, &expected), "{:?}", mismatch("tone-window", &of_window, &expected));
}

/// Old television against zimg, whose matrix of primaries is the same; scene light is not what either looks at.
#[test]
fn television_of_old_becomes_bt_709_as_zimg_makes_it() {
    let grid = format(128, 96, Subsampling::CS444, Depth::Ten);
    let source = paint(grid, |plane, x, y| {
        let wave = |a: f64| (f64::from(x) * 0.05 + f64::from(y) * 0.03 * a + a).sin();
        if plane == 0 { wave(1.0).mul_add(0.25, 0.45) } else { wave(plane as f64 + 1.0).mul_add(0.08, 0.5) }
    });
    let map = map(grid, recipe(6, 6, 6, 10));
    let mapped = made(&cpu(), &map, std::slice::from_ref(&source)).remove(0)[1].clone();
    assert_eq!(mapped.colour, Colour { chroma: ChromaSite::LEFT, ..MapSpec::output_colour(ChromaSite::LEFT) });
    let bytes: Vec<u8> =
        (0..3).flat_map(|plane| read(&source, plane)).flat_map(|it| (it as u16).to_le_bytes()).collect();
    let directory = tempfile::tempdir().unwrap();
    let (input, output) = (directory.path().join("in.yuv"), directory.path().join("out.yuv"));
    std::fs::write(&input, bytes).unwrap();
    let filter = "setparams=color_primaries=smpte170m:color_trc=smpte170m:colorspace=smpte170m:range=tv,\
                  zscale=p=709:t=709:m=709:agamma=0,format=yuv444p10le";
    let raw = ["-f", "rawvideo", "-pix_fmt", "yuv444p10le", "-s", "128x96", "-i"];
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-y"]).args(raw).arg(&input).args(["-vf", filter, "-f", "rawvideo"]).arg(&output);
    assert!(ffmpeg.status().unwrap().success());
    let expected = std::fs::read(&output).unwrap();
    let expected: Vec<f64> = expected.chunks(2).map(|it| f64::from(u16::from_le_bytes([it[0], it[1]]))).collect();
    let plane = 128 * 96;
    for index in 0..3 {
        let made = read(&mapped, index);
        let likeness = psnr(&made, &expected[index * plane..][..plane], 128, 2, 1023.0);
        assert!(likeness > 60.0, "plane {index}: {likeness} dB");
        let unlike = psnr(&read(&source, index), &expected[index * plane..][..plane], 128, 2, 1023.0);
        assert!(unlike < 50.0, "plane {index} has changed: {unlike} dB");
    }
}

#[test]
fn looks_are_refused_with_their_line_and_where_they_have_changed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("look.cube");
    std::fs::write(&path, "LUT_3D_SIZE 2\n0 0 0\n1 0 0\n0 one 0\n").unwrap();
    let why = LookFile::new(path.clone(), LookPlace::Converted).unwrap_err().to_string();
    assert!(why.contains("look.cube: line 4"), "{why}");
    let cube = |white: &str| {
        let corners = (0..7).map(|at| format!("{} {} {}\n", at & 1, at >> 1 & 1, at >> 2)).collect::<String>();
        format!("LUT_3D_SIZE 2\n{corners}{white}\n")
    };
    std::fs::write(&path, cube("1 1 1")).unwrap();
    let look = LookFile::new(path.clone(), LookPlace::Converted).unwrap();
    let grid = format(64, 48, Subsampling::CS420, Depth::Ten);
    let map = MapSpec::new(grid, ChromaSite::LEFT, recipe(1, 1, 1, 10), Some(look)).unwrap();
    let mut graph = Graph::new(grid);
    let mapped = graph.map(Graph::SOURCE, &map);
    graph.output(mapped);
    std::fs::write(&path, cube("0.5 0.5 0.5")).unwrap();
    let why = cpu().runner(&graph).map(drop).unwrap_err().to_string();
    assert!(why.contains("not the file that the plan was made with"), "{why}");
}
