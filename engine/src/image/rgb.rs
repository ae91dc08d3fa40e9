//! Pictures in red, green and blue, for detectors and for files.

use crate::colour::{Colour, cicp};
use crate::frame::Frame;

/// Bits after the point of the conversion's coefficients.
const BITS: u32 = 16;
/// Nits of a white page in high dynamic range (ITU-R BT.2408).
const PAGE_WHITE: f64 = 203.0;
/// Times page white that is still told from brighter.
const BRIGHTEST: f64 = 8.0;

/// A picture of 8-bit samples: red, green, blue, row by row, without padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RgbPicture {
    /// Columns.
    pub(crate) width: usize,
    /// Rows.
    pub(crate) height: usize,
    /// Three for each pixel.
    pub(crate) samples: Vec<u8>,
}

impl RgbPicture {
    /// Gives a part of it: left, top, width and height, which lie within.
    pub(crate) fn part(&self, [left, top, width, height]: [usize; 4]) -> Self {
        let rows = self.samples.chunks_exact(self.width * 3).skip(top).take(height);
        let samples = rows.flat_map(|row| &row[left * 3..(left + width) * 3]).copied().collect();
        Self { width, height, samples }
    }
}

/// Converts frames of 8 bits and 4:2:0 that have this meaning.
#[derive(Clone, Debug)]
pub(crate) struct RgbConverter {
    luma_offset: i32,
    luma: i32,
    red: i32,
    green: [i32; 2],
    blue: i32,
    /// What becomes of a sample; none where it stays.
    curve: Option<Box<[u8; 256]>>,
}

impl RgbConverter {
    pub(crate) fn new(colour: &Colour) -> Self {
        let (kr, kb) = match colour.matrix {
            cicp::BT2020 | 10 => (0.2627, 0.0593),
            cicp::BT470BG | cicp::SMPTE170M => (0.299, 0.114),
            _ => (0.2126, 0.0722),
        };
        let kg = 1.0 - kr - kb;
        let (offset, luma, chroma) = if colour.full_range { (0, 1.0, 1.0) } else { (16, 255.0 / 219.0, 255.0 / 224.0) };
        let fixed = |value: f64| {
            #[expect(clippy::cast_possible_truncation, reason = "all are below 3")]
            let fixed = (value * f64::from(1 << BITS)).round() as i32;
            fixed
        };
        Self {
            luma_offset: offset,
            luma: fixed(luma),
            red: fixed(2.0 * (1.0 - kr) * chroma),
            green: [fixed(-2.0 * (1.0 - kb) * kb / kg * chroma), fixed(-2.0 * (1.0 - kr) * kr / kg * chroma)],
            blue: fixed(2.0 * (1.0 - kb) * chroma),
            curve: (colour.transfer == cicp::PQ).then(|| Box::new(curve_of_pq())),
        }
    }

    /// The chroma of a pixel is that of the sample over it: exact siting is not seen by detectors.
    pub(crate) fn convert(&self, frame: &Frame) -> RgbPicture {
        let format = frame.format();
        let (width, height) = (format.width as usize, format.height as usize);
        let [(luma, luma_stride), (cb, stride), (cr, _)] = [0, 1, 2].map(|plane| frame.plane::<u8>(plane));
        let mut samples = Vec::with_capacity(width * height * 3);
        for y in 0..height {
            let luma = &luma[y * luma_stride..][..width];
            let chroma = y / 2 * stride..y / 2 * stride + width.div_ceil(2);
            let (cb, cr) = (&cb[chroma.clone()], &cr[chroma]);
            for (x, &luma) in luma.iter().enumerate() {
                samples.extend_from_slice(&self.pixel(luma, cb[x / 2], cr[x / 2]));
            }
        }
        RgbPicture { width, height, samples }
    }

    fn pixel(&self, luma: u8, cb: u8, cr: u8) -> [u8; 3] {
        let luma = (i32::from(luma) - self.luma_offset) * self.luma + (1 << (BITS - 1));
        let (cb, cr) = (i32::from(cb) - 128, i32::from(cr) - 128);
        let rgb = [luma + self.red * cr, luma + self.green[0] * cb + self.green[1] * cr, luma + self.blue * cb];
        let sample = |value: i32| {
            let sample = (value >> BITS).clamp(0, 255) as u8;
            self.curve.as_ref().map_or(sample, |curve| curve[usize::from(sample)])
        };
        rgb.map(sample)
    }
}

/// From samples of the perceptual quantiser (SMPTE ST 2084) to samples as detectors know them: the extended curve of Reinhard
/// (2002), which leaves faces at the brightness that they have in SDR, and a display's gamma.
fn curve_of_pq() -> [u8; 256] {
    let mut curve = [0; 256];
    for (sample, out) in (0..=u8::MAX).zip(&mut curve) {
        let code = (f64::from(sample) / 255.0).powf(32.0 / 2523.0);
        let linear = ((code - 0.835_937_5).max(0.0) / (18.851_562_5 - 18.6875 * code)).powf(16384.0 / 2610.0);
        let light = linear * 10_000.0 / PAGE_WHITE;
        let shown = light * (1.0 + light / (BRIGHTEST * BRIGHTEST)) / (1.0 + light) * 1.4;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 255")]
        let value = (shown.clamp(0.0, 1.0).powf(1.0 / 2.2) * 255.0).round() as u8;
        *out = value;
    }
    curve
}
