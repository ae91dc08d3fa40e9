//! Still pictures of a film, as JPEG, for pages that people look at.

use super::picture::{RgbConverter, RgbPicture};
use super::sampling::SmallPictures;
use crate::colour::{ChromaSite, Colour, cicp};
use crate::control::Control;
use crate::error::{Error, Result};
use crate::frame::{Depth, Frame, FrameFormat, HeldFrame, Subsampling};
use crate::geometry::Rational;
use crate::media::{Event, SampleOrder, Source, VideoEncoder, VideoEncoderSettings};
use crate::picture::DeviceChoice;
use crate::time::Time;

/// Longest side of a still, in pixels.
const LONGEST: u32 = 240;
/// libav's quantiser of JPEG, from 2 (best) to 31: a few kilobytes each.
const QUANTISER: &str = "6";

/// A still picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Still {
    /// When it is shown.
    pub time: Time,
    /// A whole JPEG file.
    pub jpeg: Vec<u8>,
}

/// Makes a still of the whole picture for each of some times, which rise: of the first frame at or after it, where there is one. The
/// film is decoded only as far as that needs, if `can_skip` says that frames may be left out. `on_still` is told of each.
///
/// # Errors
/// As [`Source::next`]; [`Error::Device`]; [`Error::Libav`] when libavcodec has no JPEG; [`Error::Cancelled`].
pub fn stills(
    source: Source,
    times: &[Time],
    can_skip: bool,
    control: &Control,
    on_still: &mut dyn FnMut(Still) -> Result<()>,
) -> Result<()> {
    let mut source = source;
    let video = source.info().video.clone();
    let converter = RgbConverter::new(&video.colour);
    let mut small = SmallPictures::new(&video, &DeviceChoice::Auto, &[SmallPictures::fitting(&video, LONGEST)])?;
    let mut wanted = times.iter().map(|time| first_tick(*time, video.time_base)).peekable();
    let mut number = 0;
    if let Some(&first) = wanted.peek().filter(|_| can_skip) {
        source.skip_to(first)?;
    }
    while let Some(&next) = wanted.peek() {
        control.check()?;
        match source.next()? {
            Event::Frame { pts, .. } if pts >= next => {
                let mut frame = small.blank();
                source.fill(small.area(), &mut frame)?;
                let mut set = small.make(&HeldFrame::new(frame), number, control)?;
                let picture = set.pop().ok_or_else(|| Error::misuse("a runner gave no picture"))?;
                let jpeg = jpeg(&converter.convert(&picture))?;
                on_still(Still { time: Time::of_ticks(pts, video.time_base), jpeg })?;
                number += 1;
                // One frame may stand for several times.
                while wanted.next_if(|&wanted| wanted <= pts).is_some() {}
                if let Some(&next) = wanted.peek().filter(|_| can_skip) {
                    source.skip_to(next)?;
                }
            }
            Event::Frame { .. } | Event::Audio { .. } | Event::SoundChanged { .. } => {}
            Event::End => break,
        }
    }
    Ok(())
}

fn first_tick(time: Time, time_base: Rational) -> i64 {
    let ticks = time.ticks(time_base);
    if Time::of_ticks(ticks, time_base) >= time { ticks } else { ticks.saturating_add(1) }
}

/// Encodes a picture as JPEG has them (JFIF): full range, BT.601, 4:2:0.
fn jpeg(picture: &RgbPicture) -> Result<Vec<u8>> {
    let even = |side: usize| u32::try_from(side / 2 * 2).unwrap_or(0);
    let format = FrameFormat {
        width: even(picture.width),
        height: even(picture.height),
        subsampling: Subsampling::CS420,
        depth: Depth::Eight,
    };
    let frame: HeldFrame = full_range(picture, format).into();
    let colour = Colour {
        primaries: cicp::BT709,
        transfer: cicp::BT709,
        matrix: cicp::BT470BG,
        full_range: true,
        chroma: ChromaSite::CENTRE,
    };
    let mut encoder = VideoEncoder::open(&VideoEncoderSettings {
        name: "mjpeg",
        format,
        input: SampleOrder::Planar,
        colour,
        frame_rate: Rational { num: 25, den: 1 },
        options: &[("qmin".to_owned(), QUANTISER.to_owned()), ("qmax".to_owned(), QUANTISER.to_owned())],
    })?;
    encoder.send(&frame, 0, true)?;
    encoder.end()?;
    let packet = encoder.receive()?;
    packet.map(|packet| packet.data).ok_or_else(|| Error::misuse("the JPEG encoder gave no picture"))
}

fn full_range(picture: &RgbPicture, format: FrameFormat) -> Frame {
    let mut frame = Frame::new(format);
    let at = |x: usize, y: usize| {
        let start = (y * picture.width + x) * 3;
        [0, 1, 2].map(|channel| i32::from(picture.samples[start + channel]))
    };
    // Sixteen bits after the point, by JFIF 1.02.
    let weighted = |rgb: [i32; 3], weights: [i32; 3], offset: i32| {
        let sum: i32 = rgb.iter().zip(weights).map(|(sample, weight)| sample * weight).sum();
        ((sum + (1 << 15) + (offset << 16)) >> 16).clamp(0, 255) as u8
    };
    let (width, height) = (format.width as usize, format.height as usize);
    let (luma, stride) = frame.plane_mut::<u8>(0);
    for (y, row) in luma.chunks_mut(stride).take(height).enumerate() {
        for (x, sample) in row[..width].iter_mut().enumerate() {
            *sample = weighted(at(x, y), [19_595, 38_470, 7_471], 0);
        }
    }
    for (plane, weights) in [(1, [-11_059, -21_709, 32_768]), (2, [32_768, -27_439, -5_329])] {
        let (chroma, stride) = frame.plane_mut::<u8>(plane);
        for (y, row) in chroma.chunks_mut(stride).take(height / 2).enumerate() {
            for (x, sample) in row[..width / 2].iter_mut().enumerate() {
                let four = [at(2 * x, 2 * y), at(2 * x + 1, 2 * y), at(2 * x, 2 * y + 1), at(2 * x + 1, 2 * y + 1)];
                let mean = [0, 1, 2].map(|channel| four.iter().map(|rgb| rgb[channel]).sum::<i32>() / 4);
                *sample = weighted(mean, weights, 128);
            }
        }
    }
    frame
}
