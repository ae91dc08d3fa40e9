//! The vectorised scaler against the kernels' twins, by equality, with every instruction set that this processor has.

use super::instructions::{Instructions, info};
use super::scaler::CpuScaler;
#[cfg(target_arch = "x86_64")]
use super::simd::{PickHold, Picks, Portable, Simd};
#[cfg(target_arch = "x86_64")]
use super::x86::Avx512;
use crate::colour::{ChromaSite, Siting};
use crate::frame::{Area, Depth, Frame, FrameFormat, Sample, Subsampling};
use crate::geometry::{Size, Window};
use crate::picture::scale::{Crop, Filters, PlaneKind, Resampling, ScaleSpec};
use proptest::prelude::*;
#[cfg(target_arch = "x86_64")]
use upright_shaders::Hold;
use upright_shaders::{MiddleRows, Noise, scale_horizontal, scale_vertical};

/// Scales a frame by the twins, row after row.
fn twins(spec: &ScaleSpec, source: &Frame, crop: Crop) -> Vec<Frame> {
    let mut filters = Filters::new(spec);
    filters.update_for_crop(&crop);
    let rung = |(index, &format): (usize, &FrameFormat)| {
        let mut rung = Frame::new(format);
        for plane in 0..3 {
            match (spec.source.depth, format.depth) {
                (Depth::Eight, Depth::Eight) => {
                    plane_by_twins::<u8, u8>(spec, &filters, index, plane, source, crop, &mut rung);
                }
                (Depth::Eight, _) => plane_by_twins::<u8, u16>(spec, &filters, index, plane, source, crop, &mut rung),
                (_, Depth::Eight) => plane_by_twins::<u16, u8>(spec, &filters, index, plane, source, crop, &mut rung),
                (_, _) => plane_by_twins::<u16, u16>(spec, &filters, index, plane, source, crop, &mut rung),
            }
        }
        rung
    };
    spec.rungs.iter().enumerate().map(rung).collect()
}

fn plane_by_twins<S, T>(
    spec: &ScaleSpec,
    filters: &Filters,
    index: usize,
    plane: usize,
    source: &Frame,
    crop: Crop,
    rung: &mut Frame,
) where
    S: Sample + upright_shaders::Sample,
    T: Sample + upright_shaders::Sample,
{
    let kind = PlaneKind::of(plane);
    let (x, y) = filters.get(index, kind);
    let conversion = spec.conversion(&rung.format(), kind);
    let noise = Noise::new(crop.frame, plane as u32);
    let layout = source.layout(plane);
    let width = rung.layout(plane).width as usize;
    let (samples, source_stride) = source.plane::<S>(plane);
    let stride = x.outputs().next_multiple_of(MiddleRows::LANES);
    let mut middle = vec![0; layout.height as usize * stride];
    let mut widened = Vec::new();
    for (line, middle) in middle.chunks_exact_mut(stride).enumerate() {
        let row = &samples[line * source_stride..][..layout.width as usize];
        scale_horizontal(row, x, conversion.horizontal, &mut widened, middle);
    }
    let middle = MiddleRows { samples: &middle, stride, count: layout.height as usize };
    let (output, output_stride) = rung.plane_mut::<T>(plane);
    for (row, output) in output.chunks_exact_mut(output_stride).enumerate() {
        scale_vertical(middle, y, row, &conversion, noise, &mut output[..width]);
    }
}

fn vectorised(instructions: Instructions, spec: &ScaleSpec, frames: &[(Frame, Crop)]) -> Vec<Vec<Frame>> {
    let mut scaler = CpuScaler::new(instructions, spec);
    let scale = |(source, crop): &(Frame, Crop)| {
        let mut rungs: Vec<Frame> = spec.rungs.iter().map(|&format| Frame::new(format)).collect();
        scaler.scale(source, crop, &mut rungs);
        rungs
    };
    frames.iter().map(scale).collect()
}

/// The first difference in what is seen of the frames, padding aside.
fn difference(left: &[Frame], right: &[Frame]) -> Option<String> {
    left.iter().zip(right).enumerate().find_map(|(rung, (left, right))| {
        assert_eq!(left.format(), right.format());
        (0..3).find_map(|plane| {
            let layout = left.layout(plane);
            let used = layout.width as usize * left.format().depth.bytes();
            (0..layout.height as usize).find_map(|row| {
                let range = layout.offset + row * layout.stride..layout.offset + row * layout.stride + used;
                let (left, right) = (&left.bytes()[range.clone()], &right.bytes()[range]);
                (left != right).then(|| format!("rung {rung}, plane {plane}, row {row}"))
            })
        })
    })
}

/// Noise of the whole range of the depth: overshoots and clamps everywhere.
fn noisy(format: FrameFormat, seed: u64) -> Frame {
    let mut frame = Frame::new(format);
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as u16
    };
    let limit = (1u16 << format.depth.bits()) - 1;
    for plane in 0..3 {
        match format.depth {
            // Extremes as often as everything between.
            Depth::Eight => {
                frame.plane_mut::<u8>(plane).0.fill_with(|| (next() % 512).saturating_sub(128).min(255) as u8);
            }
            _ => frame.plane_mut::<u16>(plane).0.fill_with(|| next() & limit),
        }
    }
    frame
}

fn specs() -> impl Strategy<Value = ScaleSpec> {
    let side = || prop_oneof![16_u32..80, 16_u32..400];
    let even = || side().prop_map(|side| side & !1);
    let subsampling =
        prop::sample::select(vec![Subsampling::CS420, Subsampling::CS422, Subsampling::CS440, Subsampling::CS444]);
    let depth = || prop::sample::select(vec![Depth::Eight, Depth::Ten, Depth::Twelve]);
    let siting = || prop::sample::select(vec![Siting::Start, Siting::Centre, Siting::End]);
    let resampling = prop::sample::select(vec![Resampling::Lanczos, Resampling::Sharp]);
    let rungs = (prop::collection::vec((even(), even()), 1..4), depth(), resampling);
    (side(), side(), subsampling, depth(), siting(), siting(), any::<bool>(), rungs).prop_map(
        |(width, height, subsampling, depth, x, y, full_range, (rungs, rung_depth, resampling))| ScaleSpec {
            source: FrameFormat { width, height, subsampling, depth },
            room: Size { width, height },
            source_chroma: ChromaSite { x, y },
            full_range,
            rungs: rungs
                .into_iter()
                .map(|(width, height)| FrameFormat {
                    width,
                    height,
                    subsampling: Subsampling::CS420,
                    depth: rung_depth,
                })
                .collect(),
            rung_chroma: ChromaSite::LEFT,
            resampling,
        },
    )
}

fn crops(spec: &ScaleSpec) -> impl Strategy<Value = Vec<(u64, Crop)>> + use<> {
    let (width, height) = (f64::from(spec.source.width), f64::from(spec.source.height));
    let part = || prop_oneof![Just((0.0, 1.0)), (0.0..1.0, 0.1..1.0)];
    let window = (part(), part()).prop_map(move |((x, w), (y, h))| {
        let (w, h): (f64, f64) = ((width * w).max(1.0), (height * h).max(1.0));
        Window { x: (width - w) * x, y: (height - h) * y, width: w, height: h }
    });
    let spec = spec.clone();
    let crop = (window, any::<bool>(), any::<bool>(), any::<u64>()).prop_map(move |(window, least, zooming, frame)| {
        let area = if least { spec.area(window) } else { Area::whole(spec.source) };
        Crop { window, area, zooming, frame }
    });
    prop::collection::vec((any::<u64>(), crop), 1..3)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn every_instruction_set_gives_the_twins_samples(
        (spec, crops) in specs().prop_flat_map(|spec| { let crops = crops(&spec); (Just(spec), crops) }),
    ) {
        let frames: Vec<_> = crops.iter().map(|&(seed, crop)| (noisy(crop.area.format(spec.source), seed), crop)).collect();
        let expected: Vec<_> = frames.iter().map(|(source, crop)| twins(&spec, source, *crop)).collect();
        for instructions in Instructions::all() {
            for (made, expected) in vectorised(instructions, &spec, &frames).iter().zip(&expected) {
                prop_assert_eq!(difference(made, expected), None, "{:?}", instructions);
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
proptest! {
    #[test]
    fn samples_are_picked_and_weighed_as_the_definition_says(
        rows in prop::array::uniform4(prop::collection::vec(any::<u8>(), 300)),
        start in 0..40_usize,
        mask in any::<u64>(),
        (pairs, window_pairs) in (1..12_usize).prop_flat_map(|pairs| (Just(pairs), 1..=pairs)),
        bytes in 1..=2_usize,
        picked in prop::collection::vec(0..64_usize, 64),
        weights in prop::collection::vec(prop::array::uniform16(prop::array::uniform2(-2000_i16..2000)), 12),
        shift in 9..=16_u32,
        hold in prop::option::of((0..16_384_i32, 0..8192_i32)),
    ) {
        let step = 2 * bytes;
        // None beyond the window's end at its last pair.
        let window_pairs = window_pairs.min(8);
        let bytes = std::array::from_fn(|at| (picked[at] % (64 - (window_pairs - 1) * step)) as u8);
        let nearest = std::array::from_fn(|at| (picked[63 - at] % (64 - step)) as u8);
        let hold = hold.map(|(unity, margin)| PickHold { hold: Hold::new(unity, margin), bytes: &nearest });
        let picks = Picks { start, bytes: &bytes, mask, step, pairs: window_pairs, weights: &weights[..pairs], hold };
        let rows = rows.each_ref().map(Vec::as_slice);
        let rounding = upright_shaders::Rounding { bias: 77, shift };
        let Some(simd) = Avx512::detect() else { return Ok(()) };
        prop_assert_eq!(simd.pick(rows, picks, rounding), Portable.pick(rows, picks, rounding));
    }
}

fn film() -> ScaleSpec {
    let format = |width, height| FrameFormat { width, height, subsampling: Subsampling::CS420, depth: Depth::Eight };
    ScaleSpec {
        source: format(320, 180),
        room: Size { width: 320, height: 180 },
        source_chroma: ChromaSite::LEFT,
        full_range: false,
        rungs: vec![format(180, 320), format(90, 160)],
        rung_chroma: ChromaSite::LEFT,
        resampling: Resampling::Lanczos,
    }
}

#[test]
fn the_comparison_sees_a_window_moved_by_a_64th_and_a_single_changed_sample() {
    let spec = film();
    let source = noisy(spec.source, 7);
    let window = |x| Window { x, y: 0.0, width: 101.25, height: 180.0 };
    let crop = |x| Crop { window: window(x), area: Area::whole(spec.source), zooming: false, frame: 0 };
    let expected = twins(&spec, &source, crop(50.0));
    let made = vectorised(Instructions::all()[0], &spec, &[(source.clone(), crop(50.0))]).remove(0);
    assert_eq!(difference(&made, &expected), None);
    assert!(difference(&twins(&spec, &source, crop(50.0 + 1.0 / 64.0)), &expected).is_some());
    let mut changed = expected.clone();
    changed[1].plane_mut::<u8>(2).0[5] ^= 1;
    assert_eq!(difference(&changed, &expected).as_deref(), Some("rung 1, plane 2, row 0"));
}

#[test]
fn instruction_sets_are_told_apart() {
    let names: Vec<_> = Instructions::all().into_iter().map(Instructions::name).collect();
    assert!(names.iter().any(|name| info().detail.ends_with(name)), "{} {names:?}", info().detail);
}
