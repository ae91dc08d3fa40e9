//! YUV4MPEG2, the stream of raw pictures that every encoder's command reads.

use crate::colour::ChromaSite;
use crate::encode::settings::EncoderSettings;
use crate::frame::{Depth, Frame};

/// Makes the line that begins a stream. It stays well below 80 characters at any ordinary size and rate, which is all
/// that old readers take.
pub(crate) fn header(settings: &EncoderSettings) -> String {
    let (size, rate) = (settings.size, settings.frame_rate);
    let chroma = match (settings.depth, settings.colour.chroma) {
        (Depth::Eight, ChromaSite::TOP_LEFT) => "420paldv",
        (Depth::Eight, _) => "420mpeg2",
        (Depth::Ten | Depth::Twelve, _) => "420p10",
    };
    let range = if settings.colour.full_range { "FULL" } else { "LIMITED" };
    format!(
        "YUV4MPEG2 W{} H{} F{}:{} Ip A1:1 C{chroma} XCOLORRANGE={range}\n",
        size.width, size.height, rate.num, rate.den
    )
}

/// Appends a frame: its line, then the planes without the padding of their rows; above 8 bits two bytes a sample, the
/// low one first.
pub(crate) fn append(frame: &Frame, stream: &mut Vec<u8>) {
    const LINE: &[u8] = b"FRAME\n";
    let bytes = frame.bytes();
    // Once for all frames: the buffer comes back.
    stream.reserve(LINE.len() + bytes.len());
    stream.extend_from_slice(LINE);
    let start = stream.len();
    for index in 0..3 {
        let plane = frame.layout(index);
        let samples = &bytes[plane.offset..plane.offset + plane.stride * plane.height as usize];
        let width = plane.width as usize * frame.format().depth.bytes();
        if width == plane.stride {
            stream.extend_from_slice(samples);
        } else {
            samples.chunks_exact(plane.stride).for_each(|row| stream.extend_from_slice(&row[..width]));
        }
    }
    if cfg!(target_endian = "big") && frame.format().depth != Depth::Eight {
        stream[start..].chunks_exact_mut(2).for_each(<[u8]>::reverse);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::settings;
    use super::*;
    use crate::geometry::{Rational, Size};

    #[test]
    fn the_header_says_what_the_frames_are() {
        let mut settings = settings(1080, 1920, Depth::Eight);
        settings.frame_rate = Rational::new(30_000, 1001);
        assert_eq!(header(&settings), "YUV4MPEG2 W1080 H1920 F30000:1001 Ip A1:1 C420mpeg2 XCOLORRANGE=LIMITED\n");
        settings.colour.chroma = ChromaSite::TOP_LEFT;
        settings.colour.full_range = true;
        assert!(header(&settings).ends_with(" C420paldv XCOLORRANGE=FULL\n"));
        settings.depth = Depth::Ten;
        assert!(header(&settings).ends_with(" C420p10 XCOLORRANGE=FULL\n"));
        settings.size = Size { width: 16384, height: 16384 };
        settings.frame_rate = Rational::new(120_000, 1001);
        assert!(header(&settings).len() < 80);
    }

    #[test]
    fn frames_are_planes_without_padding() {
        let mut frame = Frame::new(settings(18, 16, Depth::Eight).frame_format());
        for (index, value) in [(0, 1), (1, 2), (2, 3)] {
            let width = frame.layout(index).width as usize;
            let (samples, stride) = frame.plane_mut::<u8>(index);
            samples.chunks_exact_mut(stride).for_each(|row| row[..width].fill(value));
        }
        let mut stream = b"before".to_vec();
        append(&frame, &mut stream);
        let expected = [&b"beforeFRAME\n"[..], &[1; 18 * 16], &[2; 9 * 8], &[3; 9 * 8]].concat();
        assert_eq!(stream, expected);
    }

    #[test]
    fn ten_bits_are_two_bytes_the_low_one_first() {
        let mut frame = Frame::new(settings(16, 16, Depth::Ten).frame_format());
        frame.plane_mut::<u16>(0).0.fill(0x0123);
        let mut stream = Vec::new();
        append(&frame, &mut stream);
        assert_eq!(stream.len(), 6 + 2 * (256 + 64 + 64));
        assert_eq!(stream[6..10], [0x23, 0x01, 0x23, 0x01]);
    }
}
