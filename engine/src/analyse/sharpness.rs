//! How sharp a face is: who is out of focus matters less.

use crate::frame::Frame;

/// Steps across a face at which it is compared with itself: what is finer than the picture's own samples is not asked for.
const STEPS: f32 = 40.0;

/// Gives how much a face, left, top, width and height in samples of the picture, bends from step to step against how much it
/// changes, in hundredths from 0 to 200: noise has about 170, and what is out of focus little.
pub(crate) fn sharpness(picture: &Frame, [left, top, width, height]: [f32; 4]) -> u8 {
    let (luma, stride) = picture.plane::<u8>(0);
    let format = picture.format();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is clamped")]
    let within = |place: f32, whole: u32| (place.max(0.0) as usize).min(whole as usize);
    let (columns, rows) = (
        within(left, format.width)..within(left + width, format.width),
        within(top, format.height)..within(top + height, format.height),
    );
    let step = within(width / STEPS, format.width).max(1);
    let (mut bends, mut changes) = (0_u64, 0_u64);
    for row in rows.skip(step) {
        if row + step >= format.height as usize {
            break;
        }
        for column in columns.clone().skip(step).take_while(|column| column + step < format.width as usize) {
            let at = |row: usize, column: usize| i32::from(luma[row * stride + column]);
            let here = at(row, column);
            for (before, after) in
                [(at(row, column - step), at(row, column + step)), (at(row - step, column), at(row + step, column))]
            {
                bends += u64::from((before - 2 * here + after).unsigned_abs());
                changes += u64::from((here - before).unsigned_abs());
            }
        }
    }
    u8::try_from((100 * bends / changes.max(1)).min(200)).unwrap_or(200)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Depth, FrameFormat, Subsampling};

    /// A pattern whose edges take so many samples.
    fn picture(edge: usize) -> Frame {
        let format = FrameFormat { width: 200, height: 200, subsampling: Subsampling::CS420, depth: Depth::Eight };
        let mut frame = Frame::new(format);
        let (luma, stride) = frame.plane_mut::<u8>(0);
        let wave = |at: usize| {
            let at = at % 40;
            let rise = |from: usize| (at.saturating_sub(from)).min(edge) * 100 / edge;
            rise(0) - rise(20).min(100)
        };
        for (y, row) in luma.chunks_exact_mut(stride).enumerate().take(200) {
            for (x, sample) in row.iter_mut().enumerate().take(200) {
                *sample = u8::try_from(50 + wave(x) / 2 + wave(y) / 2).unwrap();
            }
        }
        frame
    }

    #[test]
    fn the_softer_the_less_whatever_the_size() {
        let [sharp, soft, blurred] = [2, 8, 18].map(|edge| sharpness(&picture(edge), [20.0, 20.0, 150.0, 160.0]));
        assert!(sharp > soft && soft > blurred && blurred < sharp / 2, "{sharp} {soft} {blurred}");
        assert_eq!(sharpness(&picture(2), [500.0, 500.0, 10.0, 10.0]), 0);
        assert_eq!(sharpness(&picture(2), [-50.0, -50.0, 20.0, 20.0]), 0);
    }
}
