//! The twin against zimg, through ffmpeg's `zscale`: its path in floating point for luma, its path in 16 bits for
//! chroma, where it does the placing of chroma samples by itself.
//!
//! `zscale` cannot crop to fractions of a sample. So it scales the whole picture, by a factor such that the window's
//! corner falls on a whole sample of the result, and the window is cut out of that.

use crate::pictures::{cpu, detailed, format, psnr, read, scale, spec, window};
use std::process::Command;
use upright_engine::colour::ChromaSite;
use upright_engine::frame::{Depth, Frame, FrameFormat, Subsampling};
use upright_engine::geometry::Window;
use upright_engine::picture::ScaleSpec;

/// Samples left out at every edge of the rung.
const BORDER: usize = 16;
const LUMA_GATE: f64 = 70.0;
const CHROMA_GATE: f64 = 65.0;

/// A source picture of 540 by 360 samples, scaled by `numerator / denominator`, and the rectangle of the result that is
/// the rung: even, so that chroma is cut at whole samples too.
#[derive(Clone, Copy, Debug)]
struct Case {
    numerator: u32,
    denominator: u32,
    corner: (u32, u32),
    size: (u32, u32),
}

const WIDTH: u32 = 540;
const HEIGHT: u32 = 360;

/// What the window's corner is in the source: whole, odd or half-way between samples.
const CASES: [Case; 9] = [
    // Up, as 607.5x1080 to 1080x1920 is.
    Case { numerator: 16, denominator: 9, corner: (0, 0), size: (960, 640) },
    Case { numerator: 16, denominator: 9, corner: (32, 16), size: (360, 608) },
    Case { numerator: 16, denominator: 9, corner: (24, 8), size: (360, 608) },
    Case { numerator: 4, denominator: 3, corner: (2, 6), size: (270, 460) },
    // Down.
    Case { numerator: 4, denominator: 5, corner: (0, 0), size: (432, 288) },
    Case { numerator: 4, denominator: 5, corner: (4, 12), size: (150, 270) },
    Case { numerator: 4, denominator: 5, corner: (2, 10), size: (150, 270) },
    Case { numerator: 4, denominator: 9, corner: (4, 8), size: (90, 140) },
    Case { numerator: 4, denominator: 9, corner: (2, 6), size: (90, 140) },
];

impl Case {
    fn whole(self) -> (u32, u32) {
        (WIDTH * self.numerator / self.denominator, HEIGHT * self.numerator / self.denominator)
    }

    fn window(self) -> Window {
        let source = |samples: u32| f64::from(samples * self.denominator) / f64::from(self.numerator);
        window(source(self.corner.0), source(self.corner.1), source(self.size.0), source(self.size.1))
    }

    /// The rung's part of a plane of the whole result, that is subsampled by `s` along both axes.
    fn cut(self, plane: &[f64], s: u32) -> Vec<f64> {
        let row = (self.whole().0 / s) as usize;
        let (left, width) = ((self.corner.0 / s) as usize, (self.size.0 / s) as usize);
        let rows = plane.chunks(row).skip((self.corner.1 / s) as usize).take((self.size.1 / s) as usize);
        rows.flat_map(|row| row[left..left + width].to_vec()).collect()
    }
}

/// Scales one raw frame with zimg's Lanczos, which by default has three lobes.
fn zscale(raw: &[u8], pixel_format: &str, output_format: &str, (width, height): (u32, u32), options: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("in"), folder.path().join("out"));
    std::fs::write(&input, raw).unwrap();
    let filter = format!("zscale=w={width}:h={height}:filter=lanczos{options},format={output_format}");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error", "-f", "rawvideo", "-pix_fmt", pixel_format]);
    ffmpeg.args(["-s", &format!("{WIDTH}x{HEIGHT}"), "-i"]).arg(&input);
    ffmpeg.args(["-vf", &filter, "-f", "rawvideo", "-y"]).arg(&output);
    let run = ffmpeg.output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    std::fs::read(&output).unwrap()
}

/// Luma scaled in floating point, in units of `peak`, not rounded.
fn zimg_luma(source: &Frame, case: Case, peak: f64) -> Vec<f64> {
    let plane: Vec<u8> = read(source, 0).iter().flat_map(|value| ((value / peak) as f32).to_le_bytes()).collect();
    let scaled = zscale(&plane.repeat(3), "gbrpf32le", "gbrpf32le", case.whole(), "");
    let green = &scaled[..scaled.len() / 3];
    let plane: Vec<f64> =
        green.chunks_exact(4).map(|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])) * peak).collect();
    case.cut(&plane, 1)
}

/// Both planes of chroma scaled in 16 bits to 4:2:0 with chroma on the left, in units of samples of `depth`.
fn zimg_chroma(source: &Frame, case: Case, chroma_location: &str) -> [Vec<f64>; 2] {
    let format = source.format();
    let shift = 16 - format.depth.bits();
    let raw: Vec<u8> = (0..3)
        .flat_map(|plane| read(source, plane))
        .flat_map(|value| ((value as u16) << shift).to_le_bytes())
        .collect();
    let name = match format.subsampling {
        Subsampling::CS420 => "yuv420p16le",
        Subsampling::CS422 => "yuv422p16le",
        _ => "yuv444p16le",
    };
    // Stated on the filter's both sides: rawvideo says nothing about it.
    let options = format!(":chromalin={chroma_location}:chromal=left");
    let scaled = zscale(&raw, name, "yuv420p16le", case.whole(), &options);
    let samples: Vec<f64> = scaled
        .chunks_exact(2)
        .map(|b| f64::from(u16::from_le_bytes([b[0], b[1]])) / f64::from(1u32 << shift))
        .collect();
    let (width, height) = case.whole();
    let (luma, chroma) = ((width * height) as usize, (width / 2 * height / 2) as usize);
    [&samples[luma..luma + chroma], &samples[luma + chroma..]].map(|plane| case.cut(plane, 2))
}

fn rung(case: Case, depth: Depth) -> FrameFormat {
    format(case.size.0, case.size.1, Subsampling::CS420, depth)
}

fn twin(spec: &ScaleSpec, source: &Frame, window: Window) -> Frame {
    scale(&cpu(), spec, source, window).remove(0)
}

/// Both rounded to whole samples, as a file would have them.
fn against(made: &[f64], oracle: &[f64], width: u32, depth: Depth) -> f64 {
    let rounded: Vec<f64> = oracle.iter().map(|value| value.round()).collect();
    psnr(made, &rounded, width as usize, BORDER, f64::from((1u32 << depth.bits()) - 1))
}

/// A window by half a sample further right, or left where there is no room.
fn half_a_sample_off(window: Window) -> Window {
    let room = window.x + window.width + 0.5 <= f64::from(WIDTH);
    Window { x: window.x + if room { 0.5 } else { -0.5 }, ..window }
}

#[test]
fn luma_is_that_of_zimg_and_a_crop_off_by_half_a_sample_is_not() {
    for depth in [Depth::Eight, Depth::Ten] {
        let source = detailed(format(WIDTH, HEIGHT, Subsampling::CS420, depth));
        for case in CASES {
            for output in [Depth::Eight, Depth::Ten].into_iter().filter(|&output| output >= depth) {
                let peak = f64::from((1u32 << depth.bits()) - 1);
                let gain = f64::from(1u32 << (output.bits() - depth.bits()));
                let oracle: Vec<f64> = zimg_luma(&source, case, peak).iter().map(|value| value * gain).collect();
                let spec = spec(source.format(), &[rung(case, output)]);
                let db = |window| against(&read(&twin(&spec, &source, window), 0), &oracle, case.size.0, output);

                let right = db(case.window());
                println!("luma {depth:?} to {output:?}, {case:?}: {right:.1} dB");
                assert!(right >= LUMA_GATE, "{depth:?} to {output:?}, {case:?}: {right:.1} dB");
                if case.size != case.whole() {
                    let wrong = db(half_a_sample_off(case.window()));
                    assert!(wrong < LUMA_GATE - 20.0, "half a sample off, {case:?}: {wrong:.1} dB");
                }
            }
        }
    }
}

#[test]
fn chroma_is_that_of_zimg_and_another_place_of_its_samples_is_not() {
    let sites = [("left", ChromaSite::LEFT), ("center", ChromaSite::CENTRE), ("topleft", ChromaSite::TOP_LEFT)];
    let subsamplings = [Subsampling::CS420, Subsampling::CS422, Subsampling::CS444];
    for (index, case) in CASES.into_iter().enumerate() {
        // Every subsampling and place with every kind of window, in a third of the runs.
        let subsampling = subsamplings[index % 3];
        let (location, site) = sites[index / 3 % 3];
        for depth in [Depth::Eight, Depth::Ten] {
            let source = detailed(format(WIDTH, HEIGHT, subsampling, depth));
            let oracle = zimg_chroma(&source, case, location);
            let db = |site, window| {
                let spec = ScaleSpec { source_chroma: site, ..spec(source.format(), &[rung(case, depth)]) };
                let made = twin(&spec, &source, window);
                let plane = |plane: usize| against(&read(&made, plane), &oracle[plane - 1], case.size.0 / 2, depth);
                plane(1).min(plane(2))
            };
            let right = db(site, case.window());
            println!("chroma {depth:?} {subsampling:?} {location}, {case:?}: {right:.1} dB");
            assert!(right >= CHROMA_GATE, "{depth:?} {subsampling:?} {location}, {case:?}: {right:.1} dB");
            if case.size != case.whole() {
                let wrong = db(site, half_a_sample_off(case.window()));
                assert!(wrong < CHROMA_GATE - 15.0, "half a sample off, {case:?}: {wrong:.1} dB");
            }
            if subsampling == Subsampling::CS420 {
                let other = if site.x == ChromaSite::CENTRE.x { ChromaSite::LEFT } else { ChromaSite::CENTRE };
                let wrong = db(other, case.window());
                assert!(wrong < CHROMA_GATE - 15.0, "chroma taken for {other:?}, {case:?}: {wrong:.1} dB");
            }
        }
    }
}
