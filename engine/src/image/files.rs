//! JPEG and WebP files, by libavcodec's encoders: one library for everything that is encoded, and none more to be built.

use super::rgb::RgbPicture;
use crate::colour::{ChromaSite, Colour, cicp};
use crate::error::{Error, Result};
use crate::frame::{Depth, Frame, FrameFormat, Subsampling};
use crate::geometry::Rational;
use crate::media::{EncodedPacket, SampleOrder, VideoEncoder, VideoEncoderSettings};

/// libav's name of the encoder of animations; libavcodec can be built without.
pub(crate) const WEBP: &str = "libwebp_anim";

/// What luma and chroma of 8 bits span, and where luma begins.
#[derive(Clone, Copy)]
struct Range {
    luma: f64,
    chroma: f64,
    offset: f64,
}

/// JFIF 1.02.
const FULL: Range = Range { luma: 255.0, chroma: 255.0, offset: 0.0 };
/// ITU-R BT.601-7, as VP8 has it (RFC 6386, 9.2).
const LIMITED: Range = Range { luma: 219.0, chroma: 224.0, offset: 16.0 };

/// Encodes a picture as JPEG has them (JFIF): full range, BT.601, 4:2:0. `quantiser` is libav's, from 2 (best) to 31. A last odd
/// row or column is left out.
///
/// # Errors
/// [`Error::Libav`] when libavcodec has no JPEG.
pub(crate) fn jpeg(picture: &RgbPicture, quantiser: u8) -> Result<Vec<u8>> {
    let bounds = ["qmin", "qmax"].map(|name| (name.to_owned(), quantiser.to_string()));
    let rate = Rational { num: 25, den: 1 };
    let packet = encode("mjpeg", std::slice::from_ref(picture), FULL, rate, &bounds)?;
    packet.map(|packet| packet.data).ok_or_else(|| Error::misuse("the JPEG encoder gave no picture"))
}

/// Encodes pictures of one size as an animation that begins anew for ever, with `quality` from 0 to 100.
///
/// # Errors
/// [`Error::Libav`] when libavcodec has no [`WEBP`].
pub(crate) fn animated_webp(pictures: &[RgbPicture], rate: Rational, quality: u8) -> Result<Vec<u8>> {
    // Forever is what the encoder does by itself.
    let options = [("quality", quality.to_string()), ("compression_level", "4".to_owned())];
    let options = options.map(|(name, value)| (name.to_owned(), value));
    let packet = encode(WEBP, pictures, LIMITED, rate, &options)?;
    packet.map(|packet| packet.data).ok_or_else(|| Error::misuse("the WebP encoder gave no animation"))
}

/// Encodes pictures; gives the last packet, which is the whole file.
fn encode(
    name: &str,
    pictures: &[RgbPicture],
    range: Range,
    frame_rate: Rational,
    options: &[(String, String)],
) -> Result<Option<EncodedPacket>> {
    let first = pictures.first().ok_or_else(|| Error::misuse("there is no picture to be encoded"))?;
    let even = |side: usize| u32::try_from(side / 2 * 2).unwrap_or(0);
    let format = FrameFormat {
        width: even(first.width),
        height: even(first.height),
        subsampling: Subsampling::CS420,
        depth: Depth::Eight,
    };
    let colour = Colour {
        primaries: cicp::BT709,
        transfer: cicp::BT709,
        matrix: cicp::BT470BG,
        full_range: range.offset == 0.0,
        chroma: ChromaSite::CENTRE,
    };
    let settings = VideoEncoderSettings { name, format, input: SampleOrder::Planar, colour, frame_rate, options };
    let mut encoder = VideoEncoder::open(&settings)?;
    let mut last = None;
    for (picture, number) in pictures.iter().zip(0..) {
        encoder.send(&planes(picture, format, range).into(), number, true)?;
        while let Some(packet) = encoder.receive()? {
            last = Some(packet);
        }
    }
    encoder.end()?;
    while let Some(packet) = encoder.receive()? {
        last = Some(packet);
    }
    Ok(last)
}

/// Luma and chroma by BT.601; a sample of chroma is that of the mean of its four pixels, in whose middle it lies.
fn planes(picture: &RgbPicture, format: FrameFormat, range: Range) -> Frame {
    let mut frame = Frame::new(format);
    let at = |x: usize, y: usize| {
        let start = (y * picture.width + x) * 3;
        [0, 1, 2].map(|channel| i32::from(picture.samples[start + channel]))
    };
    // Sixteen bits after the point.
    let fixed = |weights: [f64; 3], span: f64| {
        weights.map(|weight| {
            #[expect(clippy::cast_possible_truncation, reason = "below 2^16")]
            let weight = (weight * span / 255.0 * 65_536.0).round() as i32;
            weight
        })
    };
    let weighted = |rgb: [i32; 3], weights: [i32; 3], offset: i32| {
        let sum: i32 = rgb.iter().zip(weights).map(|(sample, weight)| sample * weight).sum();
        ((sum + (1 << 15) + (offset << 16)) >> 16).clamp(0, 255) as u8
    };
    let (width, height) = (format.width as usize, format.height as usize);
    let luma_weights = fixed([0.299, 0.587, 0.114], range.luma);
    #[expect(clippy::cast_possible_truncation, reason = "0 or 16")]
    let offset = range.offset as i32;
    let (luma, stride) = frame.plane_mut::<u8>(0);
    for (y, row) in luma.chunks_mut(stride).take(height).enumerate() {
        for (x, sample) in row[..width].iter_mut().enumerate() {
            *sample = weighted(at(x, y), luma_weights, offset);
        }
    }
    let differences = [(1, [-0.168_736, -0.331_264, 0.5]), (2, [0.5, -0.418_688, -0.081_312])];
    for (plane, weights) in differences.map(|(plane, weights)| (plane, fixed(weights, range.chroma))) {
        let (chroma, stride) = frame.plane_mut::<u8>(plane);
        for (y, row) in chroma.chunks_mut(stride).take(height / 2).enumerate() {
            for (x, sample) in row[..width / 2].iter_mut().enumerate() {
                let four = [at(2 * x, 2 * y), at(2 * x + 1, 2 * y), at(2 * x, 2 * y + 1), at(2 * x + 1, 2 * y + 1)];
                let mean = [0, 1, 2].map(|channel| (four.iter().map(|rgb| rgb[channel]).sum::<i32>() + 2) / 4);
                *sample = weighted(mean, weights, 128);
            }
        }
    }
    frame
}
