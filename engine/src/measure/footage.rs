//! A film to measure with, where nobody gives one: what moves in it, and how, is the same on every machine.
//!
//! It is made the way films are: large things that pan, a thing that moves against them, and grain. Two seconds of it
//! are encoded, and repeated for as long as the film is to be.

use crate::colour::{ChromaSite, Colour, HdrMetadata, cicp};
use crate::control::Control;
use crate::encode::{EncoderChoice, EncoderFactory, EncoderSettings};
use crate::error::Result;
use crate::frame::{Depth, Frame};
use crate::geometry::{Rational, Size};
use crate::machine::cores;
use crate::media::{Mp4Writer, Tags, VideoTrack};
use crate::packet::Packet;
use std::path::Path;

/// Frames a second.
pub const FRAME_RATE: i64 = 24;
/// Of the encoder: the fastest.
const SPEED: u8 = 10;
const SIZE: Size = Size { width: 1920, height: 1080 };
/// Frames from one key frame to the next, which are then repeated.
const GROUP: i64 = 2 * FRAME_RATE;

/// Writes a film of so many frames to an MP4 file: 1920x1080, 24 frames a second, 8 bits, 4:2:0, BT.709, AV1 by rav1e (in
/// builds without it by the fastest encoder), a key frame every two seconds, no sound.
///
/// # Errors
/// [`crate::Error::Io`] when it cannot be written; [`crate::Error::Cancelled`].
pub fn write(path: &Path, frames: u64, control: &Control) -> Result<()> {
    let frames = i64::try_from(frames.max(1)).unwrap_or(i64::MAX);
    repeat(path, &encode_group(frames.min(GROUP), control)?, frames)
}

fn repeat(path: &Path, group: &[Packet], frames: i64) -> Result<()> {
    let track = VideoTrack {
        size: SIZE,
        time_base: Rational { num: 1, den: FRAME_RATE },
        frame_rate: Rational { num: FRAME_RATE, den: 1 },
        colour: colour(),
        hdr: HdrMetadata::default(),
        language: None,
        first: &group[0],
    };
    let mut writer = Mp4Writer::create(path, &track, &[], &Tags::default())?;
    for (pts, packet) in (0..frames).zip(group.iter().cycle()) {
        writer.write_video(&Packet { pts, ..packet.clone() })?;
    }
    writer.finish()?;
    Ok(())
}

fn colour() -> Colour {
    let (primaries, transfer, matrix) = (cicp::BT709, cicp::BT709, cicp::BT709);
    Colour { primaries, transfer, matrix, full_range: false, chroma: ChromaSite::LEFT }
}

fn encode_group(frames: i64, control: &Control) -> Result<Vec<Packet>> {
    let settings = EncoderSettings {
        kind: EncoderChoice::default().resolve(&[SIZE], SPEED),
        size: SIZE,
        depth: Depth::Eight,
        colour: colour(),
        hdr: HdrMetadata::default(),
        time_base: Rational { num: 1, den: FRAME_RATE },
        frame_rate: Rational { num: FRAME_RATE, den: 1 },
        speed: SPEED,
        // Near to what films are delivered in, so that decoding costs what it costs.
        quality: 80,
        threads: cores(),
        key_frame_distance: None,
        options: Vec::new(),
        grain: None,
    };
    let mut encoder = EncoderFactory::find(&settings.kind)?.open(&settings, control)?;
    let mut packets = Vec::new();
    for time in 0..frames {
        control.check()?;
        let mut frame = Frame::new(settings.frame_format());
        draw(&mut frame, time);
        encoder.encode(frame.into(), time == 0, &mut packets)?;
    }
    while encoder.finish(&mut packets)? {}
    Ok(packets)
}

/// Draws the frame of a time.
fn draw(frame: &mut Frame, time: i64) {
    let time = i32::try_from(time).unwrap_or(0);
    (frame.pts, frame.duration) = (time.into(), 1);
    for plane in 0..3 {
        let layout = frame.layout(plane);
        let scale = if plane == 0 { 1 } else { 2 };
        let (samples, stride) = frame.plane_mut::<u8>(plane);
        for (y, row) in (0..).zip(samples.chunks_exact_mut(stride)) {
            for (x, sample) in (0..).zip(&mut row[..layout.width as usize]) {
                *sample = sample_at(plane as u32, x * scale, y * scale, time);
            }
        }
    }
}

/// Computes the value of a plane at a place of luma.
#[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "values are held to 16..=235")]
fn sample_at(plane: u32, x: i32, y: i32, time: i32) -> u8 {
    // Radius 260, once across the picture and back.
    let (centre_x, centre_y) = (960 + 400 * triangle(time) / 64, 540 + 30 * triangle(2 * time) / 64);
    let (from_x, from_y) = (x - centre_x, y - centre_y);
    let inside = from_x * from_x + from_y * from_y < 260 * 260;
    let (key, u, v) = if inside { (plane + 3, from_x + 4096, from_y + 4096) } else { (plane, x + 3 * time + 4096, y) };
    let smooth = smooth_noise(key, u, v, 7);
    if plane > 0 {
        return (128 + (smooth - 128) / 4) as u8;
    }
    let grain = (hash(time as u32, x, y) & 7) as i32 - 3;
    let value = (4 * smooth + 3 * smooth_noise(key + 8, u, v, 5) + smooth_noise(key + 16, u, v, 3)) / 8;
    (value + grain).clamp(16, 235) as u8
}

/// Computes a triangle wave: from -64 to 64 and back in 48 steps.
fn triangle(time: i32) -> i32 {
    let step = time.rem_euclid(48);
    (if step < 24 { step } else { 48 - step }) * 128 / 24 - 64
}

/// Computes noise between 0 and 255 that changes over `1 << log` samples: random at the corners of squares, bilinear in
/// between.
fn smooth_noise(key: u32, x: i32, y: i32, log: u32) -> i32 {
    let cell = 1 << log;
    let (column, row) = (x >> log, y >> log);
    let (right, below) = (x & (cell - 1), y & (cell - 1));
    let corner = |dx, dy| hash(key, column + dx, row + dy).cast_signed() & 255;
    let top = corner(0, 0) * (cell - right) + corner(1, 0) * right;
    let bottom = corner(0, 1) * (cell - right) + corner(1, 1) * right;
    (top * (cell - below) + bottom * below) >> (2 * log)
}

/// Mixes the bits of a key and a place in Bob Jenkins' style: multiply and shift until no bit remembers where it came
/// from.
fn hash(key: u32, x: i32, y: i32) -> u32 {
    let mut value = key.wrapping_mul(0x9e37_79b9) ^ x.cast_unsigned().wrapping_mul(0x85eb_ca6b);
    value ^= y.cast_unsigned().wrapping_mul(0xc2b2_ae35);
    value = (value ^ value >> 15).wrapping_mul(0x2c1b_3c6d);
    value = (value ^ value >> 12).wrapping_mul(0x297a_2d39);
    value ^ value >> 15
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Area, FrameFormat, Subsampling};
    use crate::media::{Event, Source};
    use crate::source::{Input, OpenOptions};

    fn drawn(time: i64) -> Frame {
        let Size { width, height } = Size { width: 192, height: 108 };
        let mut frame = Frame::new(FrameFormat { width, height, subsampling: Subsampling::CS420, depth: Depth::Eight });
        draw(&mut frame, time);
        frame
    }

    #[test]
    fn pictures_are_the_same_every_time_and_differ_from_one_another() {
        assert_eq!(drawn(3).bytes(), drawn(3).bytes());
        assert_ne!(drawn(3).bytes(), drawn(4).bytes());
    }

    #[test]
    fn a_film_is_as_long_as_it_is_to_be() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.mp4");
        repeat(&path, &encode_group(2, &Control::default()).unwrap(), 5).unwrap();
        let open = OpenOptions::default().threads(1);
        let mut source = Source::open(&Input::Path(path), &open).unwrap();
        let mut frame = Frame::new(source.info().video.format);
        let mut pictures = Vec::new();
        while let Event::Frame { .. } = source.next().unwrap() {
            source.fill(Area::whole(source.info().video.format), &mut frame).unwrap();
            assert_eq!(frame.pts, pictures.len() as i64);
            pictures.push(frame.bytes().to_vec());
        }
        assert_eq!(pictures.len(), 5);
        assert!(pictures[0] == pictures[2] && pictures[0] != pictures[1]);
    }

    #[test]
    fn noise_is_smooth_within_its_cells() {
        for x in 0..1000 {
            let step = smooth_noise(1, x + 1, 77, 5) - smooth_noise(1, x, 77, 5);
            assert!(step.abs() <= 8, "{x}: {step}");
        }
        let values: Vec<_> = (0..1000).map(|x| smooth_noise(1, x, 77, 5)).collect();
        assert!(values.iter().max().unwrap() - values.iter().min().unwrap() > 100);
    }
}
