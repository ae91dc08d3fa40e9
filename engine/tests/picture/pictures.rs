//! Test pictures, and how far two pictures are apart.

use upright_engine::colour::ChromaSite;
use upright_engine::frame::{Area, Depth, Frame, FrameFormat, PlaneLayout, Sample, Subsampling};
use upright_engine::geometry::{Size, Window};
use upright_engine::picture::{Crop, Device, DeviceChoice, Graph, PictureSet, Resampling, ScaleSpec};
use upright_fixtures::inspect::picture_difference;
use upright_fixtures::{Picture, Plane};

pub(crate) fn format(width: u32, height: u32, subsampling: Subsampling, depth: Depth) -> FrameFormat {
    FrameFormat { width, height, subsampling, depth }
}

pub(crate) fn window(x: f64, y: f64, width: f64, height: f64) -> Window {
    Window { x, y, width, height }
}

/// Limited range, chroma on the left.
pub(crate) fn spec(source: FrameFormat, rungs: &[FrameFormat]) -> ScaleSpec {
    let (source_chroma, rung_chroma) = (ChromaSite::LEFT, ChromaSite::LEFT);
    let room = Size { width: source.width, height: source.height };
    ScaleSpec {
        source,
        room,
        source_chroma,
        full_range: false,
        rungs: rungs.to_vec(),
        rung_chroma,
        resampling: Resampling::Lanczos,
    }
}

/// One value per sample, in the order of the planes.
pub(crate) fn read(frame: &Frame, plane: usize) -> Vec<f64> {
    let layout = frame.layout(plane);
    let width = layout.width as usize;
    if frame.format().depth == Depth::Eight {
        let (samples, stride) = frame.plane::<u8>(plane);
        samples.chunks(stride).flat_map(|row| row[..width].iter().map(|&sample| f64::from(sample))).collect()
    } else {
        let (samples, stride) = frame.plane::<u16>(plane);
        samples.chunks(stride).flat_map(|row| row[..width].iter().map(|&sample| f64::from(sample))).collect()
    }
}

/// A frame whose samples are `value(plane, x, y)`, from 0 to 1, in units of the largest sample.
pub(crate) fn paint(format: FrameFormat, value: impl Fn(usize, u32, u32) -> f64) -> Frame {
    let mut frame = Frame::new(format);
    let largest = f64::from((1u32 << format.depth.bits()) - 1);
    for plane in 0..3 {
        let width = frame.layout(plane).width;
        let quantised = |x, y| (value(plane, x, y).clamp(0.0, 1.0) * largest).round();
        if format.depth == Depth::Eight {
            let (samples, stride) = frame.plane_mut::<u8>(plane);
            for (y, row) in (0..).zip(samples.chunks_mut(stride)) {
                (0..width).for_each(|x| row[x as usize] = quantised(x, y) as u8);
            }
        } else {
            let (samples, stride) = frame.plane_mut::<u16>(plane);
            for (y, row) in (0..).zip(samples.chunks_mut(stride)) {
                (0..width).for_each(|x| row[x as usize] = quantised(x, y) as u16);
            }
        }
    }
    frame
}

/// A frame of one value.
pub(crate) fn flat(format: FrameFormat, value: u32) -> Frame {
    paint(format, |_, _, _| f64::from(value) / f64::from((1u32 << format.depth.bits()) - 1))
}

/// A zone plate, whose stripes narrow to two samples at the corners, under a fine texture.
pub(crate) fn detailed(format: FrameFormat) -> Frame {
    let layouts = format.layout();
    paint(format, |plane, x, y| {
        let (width, height) = (f64::from(layouts[plane].width), f64::from(layouts[plane].height));
        let (dx, dy) = (f64::from(x) - width / 2.0, f64::from(y) - height / 2.0);
        let rings = (std::f64::consts::PI * (dx * dx / width + dy * dy / height) / 2.0).cos();
        0.5 + 0.3 * rings + 0.15 * (random(plane as u32, x, y) - 0.5)
    })
}

/// Samples that are either the least or the largest: what overshoots most.
pub(crate) fn extreme(format: FrameFormat) -> Frame {
    paint(format, |plane, x, y| random(plane as u32, x / 3, y / 3).round())
}

/// Samples of any value.
pub(crate) fn white_noise(format: FrameFormat, seed: u32) -> Frame {
    paint(format, |plane, x, y| random(plane as u32 + 3 * seed, x, y))
}

/// From 0 to 1, the same at every run.
fn random(seed: u32, x: u32, y: u32) -> f64 {
    let mut state = u64::from(x) << 32 | u64::from(y);
    state = (state ^ u64::from(seed) << 57).wrapping_add(0x9e37_79b9_7f4a_7c15);
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (state >> 40) as f64 / f64::from(1 << 24)
}

/// Says whether two frames have the same samples. Padding of rows is nobody's business.
pub(crate) fn same(a: &Frame, b: &Frame) -> bool {
    let bytes = a.format().depth.bytes();
    a.format() == b.format()
        && (0..3).all(|plane| {
            let layout = a.layout(plane);
            (0..layout.height as usize).all(|row| {
                let begin = layout.offset + row * layout.stride;
                let range = begin..begin + layout.width as usize * bytes;
                a.bytes()[range.clone()] == b.bytes()[range]
            })
        })
}

/// Compares a frame with what it should be. Where they differ, writes both as PNG, named after `name`, and says where
/// they differ and which files show it.
pub(crate) fn mismatch(name: &str, expected: &Frame, actual: &Frame) -> Option<String> {
    if same(expected, actual) {
        return None;
    }
    let bits = expected.format().depth.bits();
    picture_difference(env!("CARGO_TARGET_TMPDIR"), name, &picture(expected), &picture(actual), bits).unwrap()
}

fn picture(frame: &Frame) -> Picture {
    let plane = |index| {
        let PlaneLayout { width, height, .. } = frame.layout(index);
        Plane { width, height, samples: read(frame, index).into_iter().map(|sample| sample as u16).collect() }
    };
    let FrameFormat { width, height, .. } = frame.format();
    Picture { width, height, planes: (0..3).map(plane).collect() }
}

/// The CPU as a device.
pub(crate) fn cpu() -> Device {
    Device::open(&DeviceChoice::Cpu).unwrap()
}

/// A window over a source frame that holds the whole grid, in the first frame of a job.
pub(crate) fn still(spec: &ScaleSpec, window: Window) -> Crop {
    Crop { window, area: Area::whole(spec.source), zooming: false, frame: 0 }
}

/// Cuts out of a whole picture what a source frame that holds an area has of it.
pub(crate) fn part(picture: &Frame, area: Area) -> Frame {
    let mut part = Frame::new(area.format(picture.format()));
    for index in 0..3 {
        let within = area.of_plane(picture.format().plane_subsampling(index));
        if picture.format().depth == Depth::Eight {
            copy_part::<u8>(picture, within, index, &mut part);
        } else {
            copy_part::<u16>(picture, within, index, &mut part);
        }
    }
    (part.pts, part.duration) = (picture.pts, picture.duration);
    part
}

fn copy_part<S: Sample>(picture: &Frame, within: Area, index: usize, part: &mut Frame) {
    let ((from, from_stride), (to, to_stride)) = (picture.plane::<S>(index), part.plane_mut::<S>(index));
    for (y, row) in to.chunks_mut(to_stride).enumerate() {
        let start = (within.y as usize + y) * from_stride + within.x as usize;
        row[..within.width as usize].copy_from_slice(&from[start..][..within.width as usize]);
    }
}

/// Scales one frame, the first of a job.
pub(crate) fn scale(device: &Device, spec: &ScaleSpec, source: &Frame, window: Window) -> Vec<Frame> {
    let mut runner = device.runner(&Graph::scaling(spec)).unwrap();
    runner.submit(&source.clone().into(), still(spec, window).into()).unwrap();
    copies(&runner.collect().unwrap())
}

/// Copies the pictures of a set.
pub(crate) fn copies(set: &PictureSet) -> Vec<Frame> {
    set.pictures.iter().map(|picture| Frame::clone(picture)).collect()
}

/// Peak signal to noise ratio in dB of pictures `width` samples wide, `border` samples at each edge left out.
pub(crate) fn psnr(a: &[f64], b: &[f64], width: usize, border: usize, peak: f64) -> f64 {
    assert_eq!(a.len(), b.len());
    let height = a.len() / width;
    let mut squares = 0.0;
    for y in border..height - border {
        for x in border..width - border {
            squares += (a[y * width + x] - b[y * width + x]).powi(2);
        }
    }
    let count = ((width - 2 * border) * (height - 2 * border)) as f64;
    10.0 * (peak * peak * count / squares).log10()
}
