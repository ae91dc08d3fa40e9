//! Flat pictures: exact where no bits are lost; where they are, the noise that takes their place.

use crate::pictures::{copies, cpu, flat, format, read, spec, still, window};
use upright_engine::frame::{Depth, Frame, Subsampling};
use upright_engine::picture::{Crop, Graph, ScaleSpec};

const DEPTHS: [Depth; 3] = [Depth::Eight, Depth::Ten, Depth::Twelve];

/// A rung of a flat picture, by frame number.
fn rung(spec: &ScaleSpec, value: u32, frame: u64) -> Frame {
    let mut runner = cpu().runner(&Graph::scaling(spec)).unwrap();
    let crop = Crop { frame, ..still(spec, window(7.3, 0.0, 37.125, 66.0)) };
    runner.submit(&flat(spec.source, value).into(), crop.into()).unwrap();
    copies(&runner.collect().unwrap()).remove(0)
}

fn job(from: Depth, to: Depth) -> ScaleSpec {
    let source = format(80, 66, Subsampling::CS422, from);
    spec(source, &[format(90, 160, Subsampling::CS420, to)])
}

#[test]
fn flat_pictures_stay_flat() {
    for from in DEPTHS {
        for to in DEPTHS {
            let spec = job(from, to);
            let (more, fewer) = (to.bits().saturating_sub(from.bits()), from.bits().saturating_sub(to.bits()));
            for value in [0, 1, 16, 100, 128, 235, 254, 255] {
                // Of values that the output can hold.
                let source = value << (from.bits() - 8);
                let rung = rung(&spec, source, 5);
                let expected = f64::from(source << more >> fewer);
                for plane in 0..3 {
                    let samples = read(&rung, plane);
                    assert!(samples.iter().all(|&sample| sample == expected), "{from:?} to {to:?}, {value}");
                }
            }
        }
    }
}

#[test]
fn noise_keeps_the_mean_where_bits_are_lost() {
    for (from, to) in [(Depth::Ten, Depth::Eight), (Depth::Twelve, Depth::Eight), (Depth::Twelve, Depth::Ten)] {
        let spec = job(from, to);
        let step = 1u32 << (from.bits() - to.bits());
        for value in (600..600 + step).map(|value| value + step * 3) {
            let rung = rung(&spec, value, 9);
            let exact = f64::from(value) / f64::from(step);
            for plane in 0..3 {
                let samples = read(&rung, plane);
                assert!(samples.iter().all(|&sample| sample == exact.floor() || sample == exact.ceil()));
                let count = samples.len() as f64;
                let mean = samples.iter().sum::<f64>() / count;
                // Four times as far as the mean of so many coins, at most half and half, strays.
                let bound = 4.0 * 0.5 / count.sqrt();
                assert!((mean - exact).abs() < bound, "{from:?} to {to:?}, plane {plane}: {mean} for {exact}");
            }
        }
    }
}

#[test]
fn noise_differs_by_frame_and_plane_and_is_only_where_bits_are_lost() {
    let reduced = job(Depth::Ten, Depth::Eight);
    let luma = |spec: &ScaleSpec, frame| read(&rung(spec, 514, frame), 0);
    assert_eq!(luma(&reduced, 1), luma(&reduced, 1));
    assert_ne!(luma(&reduced, 1), luma(&reduced, 2));
    assert_ne!(luma(&reduced, 1), luma(&reduced, 1 + (1 << 32)));
    let first = rung(&reduced, 514, 1);
    assert_ne!(read(&first, 1), read(&first, 2));
    for (from, to) in [(Depth::Eight, Depth::Eight), (Depth::Eight, Depth::Ten), (Depth::Ten, Depth::Ten)] {
        let kept = job(from, to);
        let luma = |frame| read(&rung(&kept, 101, frame), 0);
        assert_eq!(luma(1), luma(2), "{from:?} to {to:?}");
    }
}
