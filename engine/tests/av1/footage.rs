//! Smooth moving pictures, and how near two pictures are.

use upright_engine::frame::{Depth, Frame, FrameFormat, Sample};

/// Frame `number` of a film in which waves of light pass over a coloured slope.
pub(crate) fn frame(format: FrameFormat, number: u32) -> Frame {
    let mut frame = Frame::new(format);
    for index in 0..3 {
        match format.depth {
            Depth::Eight => paint::<u8>(&mut frame, index, number),
            _ => paint::<u16>(&mut frame, index, number),
        }
    }
    frame
}

fn paint<T: Sample>(frame: &mut Frame, index: usize, number: u32) {
    let peak = f64::from((1 << frame.format().depth.bits()) - 1);
    let plane = frame.layout(index);
    let (samples, stride) = frame.plane_mut::<T>(index);
    for (y, row) in samples.chunks_exact_mut(stride).enumerate() {
        for (x, sample) in row[..plane.width as usize].iter_mut().enumerate() {
            let (u, v) = (x as f64 / f64::from(plane.width), y as f64 / f64::from(plane.height));
            let value = match index {
                0 => 0.5 + 0.3 * (9.0 * u + 5.0 * v + 0.2 * f64::from(number)).sin(),
                1 => 0.3 + 0.4 * u,
                _ => 0.7 - 0.4 * v,
            };
            *sample = T::truncate((value * peak).round() as i32);
        }
    }
}

/// Peak signal to noise ratio over the samples of all planes, in dB; infinite for equal pictures.
pub(crate) fn psnr(a: &Frame, b: &Frame) -> f64 {
    assert_eq!(a.format(), b.format());
    let errors = match a.format().depth {
        Depth::Eight => squared_errors::<u8>(a, b),
        _ => squared_errors::<u16>(a, b),
    };
    let peak = f64::from((1 << a.format().depth.bits()) - 1);
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    10.0 * (peak * peak / mean).log10()
}

fn squared_errors<T: Sample>(a: &Frame, b: &Frame) -> Vec<f64> {
    let mut errors = Vec::new();
    for index in 0..3 {
        let width = a.layout(index).width as usize;
        let ((a, stride), (b, _)) = (a.plane::<T>(index), b.plane::<T>(index));
        for (a, b) in a.chunks_exact(stride).zip(b.chunks_exact(stride)) {
            errors.extend(a[..width].iter().zip(&b[..width]).map(|(&a, &b)| {
                let difference: i32 = a.into() - b.into();
                f64::from(difference * difference)
            }));
        }
    }
    errors
}
