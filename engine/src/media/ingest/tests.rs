#![expect(unsafe_code, reason = "libav is C")]

use super::*;
use crate::colour::{Siting, cicp};
use crate::frame::Sample;
use crate::media::pixels::Samples;
use ffmpeg_sys_next as av;
use std::ffi::{CString, c_int};
use upright_fixtures as fixtures;

const BT709: Colour = Colour { primaries: 1, transfer: 1, matrix: 1, full_range: false, chroma: ChromaSite::LEFT };

fn orientations() -> [Orientation; 8] {
    fixtures::Orientation::all().map(|fixtures::Orientation { transpose, flip_x, flip_y }| Orientation {
        transpose,
        flip_x,
        flip_y,
    })
}

fn pixels(name: &str) -> PixelFormat {
    let name = CString::new(name).unwrap();
    // SAFETY: the name ends with a zero.
    PixelFormat::of(unsafe { av::av_get_pix_fmt(name.as_ptr()) } as c_int).unwrap()
}

/// Noise over the whole range of the format.
fn noise(format: &fixtures::PixelFormat, size: Size) -> fixtures::Picture {
    let mut state = 1_u64;
    let planes = (0..format.components()).map(|index| {
        let mut plane = fixtures::Plane::new(format.plane_size(index, size.width, size.height));
        for sample in &mut plane.samples {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *sample = (state >> 40) as u16 & (u16::MAX >> (16 - format.bits));
        }
        plane
    });
    fixtures::Picture { width: size.width, height: size.height, planes: planes.collect() }
}

/// A libav picture over bytes without any padding, so that next to nothing is aligned.
struct Over<'a> {
    picture: AvFrame,
    bytes: std::marker::PhantomData<&'a [u8]>,
}

impl<'a> Over<'a> {
    fn new(pixels: &PixelFormat, size: Size, bytes: &'a [u8]) -> Self {
        let mut picture = AvFrame::new().unwrap();
        let (width, height) = (size.width.try_into().unwrap(), size.height.try_into().unwrap());
        // SAFETY: a frame of our own; the pointers that it gets are to bytes that outlive it, as many as are needed.
        unsafe {
            let frame = &mut *picture.as_mut_ptr();
            (frame.width, frame.height, frame.format) = (width, height, pixels.id as c_int);
            let (data, linesize) = (frame.data.as_mut_ptr(), frame.linesize.as_mut_ptr());
            let needed = av::av_image_fill_arrays(data, linesize, bytes.as_ptr(), pixels.id, width, height, 1);
            assert_eq!(usize::try_from(needed).unwrap(), bytes.len());
        }
        Self { picture, bytes: std::marker::PhantomData }
    }
}

fn ingest(pixels: &PixelFormat, size: Size, orientation: Orientation, colour: &Colour, bytes: &[u8]) -> Frame {
    let over = Over::new(pixels, size, bytes);
    let mut ingest = Ingest::new(pixels, size, all_of(size), orientation, colour).unwrap();
    let mut frame = Frame::new(ingest.format());
    ingest.fill(&over.picture, Area::whole(ingest.format()), &mut frame).unwrap();
    frame
}

/// All of a picture.
fn all_of(Size { width, height }: Size) -> Area {
    Area { x: 0, y: 0, width, height }
}

/// The samples of a plane, without padding.
fn samples(frame: &Frame, index: usize) -> Vec<u16> {
    fn rows<T: Sample + Into<u16>>(frame: &Frame, index: usize) -> Vec<u16> {
        let (samples, stride) = frame.plane::<T>(index);
        let width = frame.layout(index).width as usize;
        samples.chunks(stride).flat_map(|row| &row[..width]).map(|&sample| sample.into()).collect()
    }
    if frame.format().depth.bytes() == 1 { rows::<u8>(frame, index) } else { rows::<u16>(frame, index) }
}

/// Largest difference of two lists.
fn distance(a: &[u16], b: impl IntoIterator<Item = f64>) -> f64 {
    let b: Vec<_> = b.into_iter().collect();
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(&a, b)| (f64::from(a) - b).abs()).fold(0.0, f64::max)
}

#[test]
fn native_formats_arrive_sample_by_sample_in_all_orientations() {
    let sizes = [(16, 16), (17, 19), (66, 33), (35, 130)].map(|(width, height)| Size { width, height });
    let mut tried = 0;
    for format in fixtures::PixelFormat::ALL {
        let pixels = pixels(format.name);
        if pixels.native.is_none() {
            continue;
        }
        tried += 1;
        for (size, orientation) in sizes.into_iter().flat_map(|size| orientations().map(|turn| (size, turn))) {
            let stored = noise(&format, size);
            let frame = ingest(&pixels, size, orientation, &BT709, &format.pack(&stored));
            let Orientation { transpose, flip_x, flip_y } = orientation;
            let seen = stored.upright(fixtures::Orientation { transpose, flip_x, flip_y });
            assert_eq!((frame.format().width, frame.format().height), (seen.width, seen.height));
            for index in 0..3 {
                let place = || format!("{} {size} {orientation:?} plane {index}", format.name);
                match seen.planes.get(index) {
                    Some(plane) => {
                        let layout = frame.layout(index);
                        assert_eq!((layout.width, layout.height), (plane.width, plane.height), "{}", place());
                        assert!(samples(&frame, index) == plane.samples, "{}", place());
                    }
                    None => {
                        let neutral = 1 << (format.bits - 1);
                        assert!(samples(&frame, index).iter().all(|&sample| sample == neutral), "{}", place());
                    }
                }
            }
        }
    }
    assert!(tried >= 18, "only {tried} formats are native");
}

#[test]
fn an_area_holds_the_samples_of_its_place() {
    for format in fixtures::PixelFormat::ALL {
        let (pixels, size) = (pixels(format.name), Size { width: 66, height: 33 });
        let bytes = format.pack(&noise(&format, size));
        for orientation in orientations() {
            let whole = ingest(&pixels, size, orientation, &BT709, &bytes);
            let grid = whole.format();
            let over = Over::new(&pixels, size, &bytes);
            let mut ingest = Ingest::new(&pixels, size, all_of(size), orientation, &BT709).unwrap();
            let mut frame = Frame::new(ingest.format());
            for (x, y, width, height) in [(0, 0, 4, 6), (8, 4, 12, 10), (grid.width / 4 * 2, 8, 0, 0)] {
                let end = |start: u32, length: u32, all: u32| if length == 0 { all - start } else { length };
                let area = Area { x, y, width: end(x, width, grid.width), height: end(y, height, grid.height) };
                ingest.fill(&over.picture, area, &mut frame).unwrap();
                assert_eq!(frame.format(), area.format(grid));
                for index in 0..3 {
                    let part = area.of_plane(grid.plane_subsampling(index));
                    let rows = samples(&whole, index);
                    let rows = rows.chunks(whole.layout(index).width as usize).skip(part.y as usize);
                    let columns = part.x as usize..(part.x + part.width) as usize;
                    let wanted: Vec<_> =
                        rows.take(part.height as usize).flat_map(|row| &row[columns.clone()]).copied().collect();
                    assert!(samples(&frame, index) == wanted, "{} {orientation:?} {area:?} plane {index}", format.name);
                }
            }
        }
    }
}

#[test]
fn rows_stored_from_the_bottom_are_read_from_there() {
    let size = Size { width: 20, height: 6 };
    let format = fixtures::PixelFormat::YUV420P;
    let (stored, pixels) = (noise(&format, size), pixels(format.name));
    let bytes = format.pack(&stored);
    let mut over = Over::new(&pixels, size, &bytes);
    // SAFETY: a frame of our own; each pointer moves to the last row of its plane.
    unsafe {
        let frame = &mut *over.picture.as_mut_ptr();
        for (plane, rows) in [(0, 6), (1, 3), (2, 3)] {
            frame.data[plane] = frame.data[plane].offset(frame.linesize[plane] as isize * (rows - 1));
            frame.linesize[plane] *= -1;
        }
    }
    let mut ingest = Ingest::new(&pixels, size, all_of(size), Orientation::UPRIGHT, &BT709).unwrap();
    let mut frame = Frame::new(ingest.format());
    ingest.fill(&over.picture, Area::whole(ingest.format()), &mut frame).unwrap();
    let seen = stored.upright(fixtures::Orientation { flip_y: true, ..fixtures::Orientation::default() });
    for (index, plane) in seen.planes.iter().enumerate() {
        assert_eq!(samples(&frame, index), plane.samples);
    }
}

#[test]
fn values_above_the_depth_are_clamped() {
    let size = Size { width: 16, height: 16 };
    let pixels = pixels("yuv420p10le");
    let bytes = vec![0xff; 16 * 16 * 3];
    for orientation in orientations() {
        let frame = ingest(&pixels, size, orientation, &BT709, &bytes);
        assert!((0..3).all(|index| samples(&frame, index).iter().all(|&sample| sample == 1023)));
    }
}

#[test]
fn packed_formats_lose_nothing() {
    let size = Size { width: 34, height: 17 };
    for name in ["yuyv422", "uyvy422"] {
        let format = fixtures::PixelFormat::named(name).unwrap();
        let stored = noise(&format, size);
        let frame = ingest(&pixels(name), size, Orientation::UPRIGHT, &BT709, &format.pack(&stored));
        assert_eq!(frame.format().subsampling, Subsampling::CS422);
        for (index, plane) in stored.planes.iter().enumerate() {
            assert!(samples(&frame, index) == plane.samples, "{name} plane {index}");
        }
    }
}

#[test]
fn coarser_chroma_becomes_finer_and_luma_stays() {
    let size = Size { width: 64, height: 32 };
    for (name, subsampling) in [("yuv411p", Subsampling::CS422), ("yuv410p", Subsampling::CS420)] {
        let format = fixtures::PixelFormat::named(name).unwrap();
        let stored = noise(&format, size);
        let frame = ingest(&pixels(name), size, Orientation::UPRIGHT, &BT709, &format.pack(&stored));
        assert_eq!(frame.format().subsampling, subsampling, "{name}");
        assert!(samples(&frame, 0) == stored.planes[0].samples, "{name}");
    }
    // Co-sited chroma stays where it was.
    let format = fixtures::PixelFormat::named("yuv411p").unwrap();
    let mut stored = noise(&format, size);
    for plane in &mut stored.planes[1..] {
        for (index, sample) in plane.samples.iter_mut().enumerate() {
            *sample = 20 + 12 * u16::try_from(index % 16).unwrap();
        }
    }
    let frame = ingest(&pixels("yuv411p"), size, Orientation::UPRIGHT, &BT709, &format.pack(&stored));
    let row = &samples(&frame, 1)[..32];
    let ramp = (4..26).map(|x| 20.0 + 6.0 * f64::from(x));
    assert!(distance(&row[4..26], ramp) <= 1.0, "{row:?}");
}

#[test]
fn deeper_samples_keep_twelve_bits() {
    let size = Size { width: 40, height: 20 };
    for name in ["yuv420p16le", "yuv422p16le", "yuv444p16le", "yuv420p14le", "gray16le"] {
        let format = fixtures::PixelFormat::named(name).unwrap();
        let stored = noise(&format, size);
        let frame = ingest(&pixels(name), size, Orientation::UPRIGHT, &BT709, &format.pack(&stored));
        assert_eq!(frame.format().depth.bits(), 12, "{name}");
        for (index, plane) in stored.planes.iter().enumerate() {
            let scale = f64::from(1 << (format.bits - 12));
            let ideal = plane.samples.iter().map(|&sample| (f64::from(sample) / scale).min(4095.0));
            let distance = distance(&samples(&frame, index), ideal);
            assert!(distance <= 1.0, "{name} plane {index}: {distance}");
        }
    }
}

#[test]
fn red_green_and_blue_become_luma_and_chroma_of_limited_range() {
    let size = Size { width: 32, height: 16 };
    let rgb = fixtures::PixelFormat::ALL.into_iter().filter(|format| format.model == fixtures::Model::Rgb);
    let mut tried = 0;
    for (format, (matrix, kr, kb)) in rgb.flat_map(|format| {
        [(cicp::BT709, 0.2126, 0.0722), (cicp::BT2020, 0.2627, 0.0593)].map(|matrix| (format, matrix))
    }) {
        let pixels = pixels(format.name);
        assert_eq!(pixels.samples, Samples::Rgb);
        let stored = noise(&format, size);
        let colour = Colour { matrix, ..BT709 };
        let frame = ingest(&pixels, size, Orientation::UPRIGHT, &colour, &format.pack(&stored));
        assert_eq!(frame.format().subsampling, Subsampling::CS444);
        let unit = f64::from(1_u32 << (frame.format().depth.bits() - 8));
        let white = f64::from(u16::MAX >> (16 - format.bits));
        // ITU-R BT.709 and BT.2020: E'Y, then the differences over 2 (1 - K); BT.709 section 4 for the codes.
        let [red, green, blue] = [0, 1, 2].map(|plane| {
            stored.planes[plane].samples.iter().map(|&sample| f64::from(sample) / white).collect::<Vec<_>>()
        });
        let luma: Vec<_> = (0..red.len()).map(|i| kr * red[i] + (1.0 - kr - kb) * green[i] + kb * blue[i]).collect();
        let chroma = |primary: &[f64], k: f64| -> Vec<f64> {
            let differences = primary.iter().zip(&luma).map(|(primary, luma)| (primary - luma) / (2.0 * (1.0 - k)));
            differences.map(|difference| unit * (128.0 + 224.0 * difference)).collect()
        };
        let ideal =
            [luma.iter().map(|luma| unit * (16.0 + 219.0 * luma)).collect(), chroma(&blue, kb), chroma(&red, kr)];
        for (plane, ideal) in ideal.into_iter().enumerate() {
            let distance = distance(&samples(&frame, plane), ideal);
            assert!(distance <= 0.501, "{} by {matrix}, plane {plane}: {distance}", format.name);
        }
        tried += 1;
    }
    assert_eq!(tried, 14);
}

#[test]
fn chroma_is_told_where_it_lands() {
    let size = Size { width: 32, height: 16 };
    let half_turn = Orientation { transpose: false, flip_x: true, flip_y: true };
    let ingest = Ingest::new(&pixels("yuv420p"), size, all_of(size), half_turn, &BT709).unwrap();
    assert_eq!(ingest.chroma(), ChromaSite { x: Siting::End, y: Siting::Centre });
    let odd = Size { width: 33, height: 17 };
    let ingest = Ingest::new(&pixels("yuv420p"), odd, all_of(odd), half_turn, &BT709).unwrap();
    assert_eq!(ingest.chroma(), ChromaSite { x: Siting::Start, y: Siting::Before });
    let quarter = Orientation { transpose: true, flip_x: false, flip_y: true };
    let ingest = Ingest::new(&pixels("yuv422p"), size, all_of(size), quarter, &BT709).unwrap();
    assert_eq!(ingest.format().subsampling, Subsampling::CS440);
    assert_eq!(ingest.chroma().y, Siting::Start);
}

#[test]
fn an_area_of_another_grid_is_refused() {
    let size = Size { width: 16, height: 16 };
    let pixels = pixels("yuv420p");
    let bytes = vec![0; 16 * 16 * 3 / 2];
    let mut ingest = Ingest::new(&pixels, size, all_of(size), Orientation::UPRIGHT, &BT709).unwrap();
    let mut frame = Frame::new(ingest.format());
    let picture = &Over::new(&pixels, size, &bytes).picture;
    for area in [Area { x: 2, ..all_of(size) }, Area { height: 15, ..all_of(size) }] {
        assert!(matches!(ingest.fill(picture, area, &mut frame), Err(Error::Misuse(_))), "{area:?}");
    }
}

#[test]
fn every_software_format_can_be_read() {
    let size = Size { width: 48, height: 32 };
    let mut refused = Vec::new();
    for id in 0..av::AVPixelFormat::AV_PIX_FMT_NB as c_int {
        let Ok(pixels) = PixelFormat::of(id) else { continue };
        // SAFETY: the descriptor of a known format is a constant.
        let flags = unsafe { (*av::av_pix_fmt_desc_get(pixels.id)).flags };
        if flags & av::AV_PIX_FMT_FLAG_HWACCEL as u64 == 0
            && Ingest::new(&pixels, size, all_of(size), Orientation::UPRIGHT, &BT709).is_err()
        {
            refused.push(pixels.name);
        }
    }
    // Nobody films in these; newer libraries read some of them.
    let known = ["uyyvyy411", "bgr4", "rgb4", "nv20be", "ayuv64be", "y210be", "x2rgb10be", "x2bgr10be"];
    refused.retain(|name| !known.contains(&name.as_str()));
    assert_eq!(refused, [""; 0]);
}

/// A picture whose first column is transparent, second half so, third opaque, all of one colour.
#[test]
fn what_is_transparent_is_laid_over_black() {
    let size = Size { width: 24, height: 16 };
    let column = |x: usize| (x / 8) as f32 / 2.0;
    let eight = |x| (column(x) * 255.0) as u8;
    let pixels_of = |group: &dyn Fn(usize) -> Vec<u8>| (0..16 * 24).flat_map(|i| group(i % 24)).collect::<Vec<u8>>();
    let plane = |value: u8, count: usize| vec![value; count];
    let float = |value: f32| (0..16 * 24).flat_map(|_| value.to_le_bytes()).collect::<Vec<u8>>();
    let cases: [(&str, Vec<u8>); 7] = [
        ("rgba", pixels_of(&|x| vec![200, 100, 50, eight(x)])),
        ("argb", pixels_of(&|x| vec![eight(x), 200, 100, 50])),
        ("rgba64be", pixels_of(&|x| [200, 200, 100, 100, 50, 50, eight(x), eight(x)].to_vec())),
        ("ya8", pixels_of(&|x| vec![180, eight(x)])),
        ("ya16be", pixels_of(&|x| vec![180, 180, eight(x), eight(x)])),
        (
            "yuva420p",
            [plane(180, 16 * 24), plane(90, 8 * 12), plane(200, 8 * 12), pixels_of(&|x| vec![eight(x)])].concat(),
        ),
        ("gbrapf32le", [float(0.4), float(0.2), float(0.8), pixels_of(&|x| column(x).to_le_bytes().to_vec())].concat()),
    ];
    for (name, bytes) in cases {
        let pixels = pixels(name);
        assert!(pixels.alpha, "{name}");
        let colour = Colour { full_range: name.starts_with("ya"), ..BT709 };
        let laid = ingest(&pixels, size, Orientation::UPRIGHT, &colour, &bytes);
        let opaque = {
            let pixels = PixelFormat { alpha: false, ..pixels.clone() };
            ingest(&pixels, size, Orientation::UPRIGHT, &colour, &bytes)
        };
        let depth = laid.format().depth.bits();
        for index in 0..3 {
            let (laid, opaque) = (samples(&laid, index), samples(&opaque, index));
            let nothing = match index {
                0 if colour.full_range => 0,
                0 => 16 << (depth - 8),
                _ => 1_u16 << (depth - 1),
            };
            let width = laid.len() / if laid.len() == 16 * 24 { 16 } else { 8 };
            let row = 2 * width;
            let [clear, half, full] = [0, width / 2, width - 1].map(|x| (laid[row + x], opaque[row + x]));
            assert_eq!(clear.0, nothing, "{name} plane {index}");
            assert_eq!(full.0, full.1, "{name} plane {index}");
            let middle = (f64::from(half.1) + f64::from(nothing)) / 2.0;
            let unit = f64::from(1 << (depth - 8));
            assert!((f64::from(half.0) - middle).abs() <= unit, "{name} plane {index}: {} for {middle}", half.0);
        }
    }
}

#[test]
fn a_transparent_palette_is_laid_over_black() {
    let (pixels, size) = (pixels("pal8"), Size { width: 16, height: 16 });
    let entry = |alpha: u32| (alpha << 24 | 0x00c8_6432).to_ne_bytes();
    let palette: Vec<u8> = (0..256).flat_map(|index| entry(if index == 0 { 0 } else { 255 })).collect();
    let indices: Vec<u8> = (0..256).map(|i| u8::from(i % 16 >= 8)).collect();
    let frame = ingest(&pixels, size, Orientation::UPRIGHT, &BT709, &[indices, palette].concat());
    let luma = samples(&frame, 0);
    assert_eq!(luma[..8], [16; 8]);
    assert!(luma[8..16].iter().all(|&sample| sample > 80), "{:?}", &luma[8..16]);
}

#[test]
fn a_part_is_what_the_whole_has_there() {
    let size = Size { width: 64, height: 48 };
    let part = Area { x: 32, y: 16, width: 32, height: 24 };
    for format in fixtures::PixelFormat::ALL {
        let pixels = pixels(format.name);
        if pixels.native.is_none() {
            continue;
        }
        let bytes = format.pack(&noise(&format, size));
        let over = Over::new(&pixels, size, &bytes);
        for orientation in orientations() {
            let read = |part| {
                let mut ingest = Ingest::new(&pixels, size, part, orientation, &BT709).unwrap();
                let mut frame = Frame::new(ingest.format());
                ingest.fill(&over.picture, Area::whole(ingest.format()), &mut frame).unwrap();
                frame
            };
            let (whole, part_of_it) = (read(all_of(size)), read(part));
            let Orientation { transpose, flip_x, flip_y } = orientation;
            let (x, y) = (if flip_x { 64 - 32 - 32 } else { 32 }, if flip_y { 48 - 16 - 24 } else { 16 });
            let (left, top) = if transpose { (y, x) } else { (x, y) };
            for index in 0..3 {
                let s = whole.format().plane_subsampling(index);
                let (layout, within) = (part_of_it.layout(index), whole.layout(index));
                let (all, some) = (samples(&whole, index), samples(&part_of_it, index));
                for row in 0..layout.height {
                    let begin = ((top / s.y + row) * within.width + left / s.x) as usize;
                    let there = &all[begin..begin + layout.width as usize];
                    let here = &some[(row * layout.width) as usize..][..layout.width as usize];
                    assert!(there == here, "{} {orientation:?} plane {index} row {row}", format.name);
                }
            }
        }
    }
}
