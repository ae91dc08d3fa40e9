//! Levels: demands on a decoder.

use crate::geometry::{Rational, Size};

/// `seq_level_idx` of "no level": a stream beyond all of them.
pub const LEVEL_MAX: u8 = 31;

/// Computes the lowest level that a stream of this size and frame rate can have, as `seq_level_idx` (8 is level 4.0);
/// [`LEVEL_MAX`] when it exceeds them all.
///
/// The limits are those of Annex A.3: samples in a picture, its width and height, samples shown a second, frame headers
/// a second. Width and height have wide limits of their own (6144 by 3456 at level 4.0, whose picture may have 2048 by
/// 1152 samples), so that upright video has the level of the same video lying down: 1080x1920 at 30 frames a second is
/// level 4.0. The limit on decoded samples is wider than that on shown ones, and holds with it on average where every
/// frame is decoded once, as in rav1e's streams.
///
/// The limits on compressed size are left out, since a stream of constant quality cannot know them beforehand; at the
/// Main tier they begin at 1.5 Mbit/s (level 2.0) and 12 Mbit/s (level 4.0).
pub fn level_for(size: Size, frame_rate: Rational) -> u8 {
    struct Level {
        index: u8,
        picture: u64,
        width: u32,
        height: u32,
        display_rate: i128,
        header_rate: i128,
    }
    let level = |index, picture, (width, height), display_rate, header_rate| Level {
        index,
        picture,
        width,
        height,
        display_rate,
        header_rate,
    };
    let levels = [
        level(0, 147_456, (2048, 1152), 4_423_680, 150),
        level(1, 278_784, (2816, 1584), 8_363_520, 150),
        level(4, 665_856, (4352, 2448), 19_975_680, 150),
        level(5, 1_065_024, (5504, 3096), 31_950_720, 150),
        level(8, 2_359_296, (6144, 3456), 70_778_880, 300),
        level(9, 2_359_296, (6144, 3456), 141_557_760, 300),
        level(12, 8_912_896, (8192, 4352), 267_386_880, 300),
        level(13, 8_912_896, (8192, 4352), 534_773_760, 300),
        level(14, 8_912_896, (8192, 4352), 1_069_547_520, 300),
        level(16, 35_651_584, (16384, 8704), 1_069_547_520, 300),
        level(17, 35_651_584, (16384, 8704), 2_139_095_040, 300),
        level(18, 35_651_584, (16384, 8704), 4_278_190_080, 300),
    ];
    let picture = u64::from(size.width) * u64::from(size.height);
    let (frames, seconds) = (i128::from(frame_rate.num), i128::from(frame_rate.den));
    levels
        .iter()
        .find(|level| {
            picture <= level.picture
                && size.width <= level.width
                && size.height <= level.height
                && i128::from(picture) * frames <= level.display_rate * seconds
                && frames <= level.header_rate * seconds
        })
        .map_or(LEVEL_MAX, |level| level.index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(width: u32, height: u32, frames: i64, seconds: i64) -> u8 {
        level_for(Size { width, height }, Rational::new(frames, seconds))
    }

    /// The examples of Annex A.3, which have the highest level that a picture of their shape needs.
    #[test]
    fn the_examples_of_the_specification_have_their_levels() {
        let examples = [
            (426, 240, 30, 0),
            (640, 360, 30, 1),
            (854, 480, 30, 4),
            (1280, 720, 30, 5),
            (1920, 1080, 30, 8),
            (1920, 1080, 60, 9),
            (3840, 2160, 30, 12),
            (3840, 2160, 60, 13),
            (3840, 2160, 120, 14),
            (7680, 4320, 30, 16),
            (7680, 4320, 60, 17),
            (7680, 4320, 120, 18),
        ];
        for (width, height, frames, expected) in examples {
            assert_eq!(level(width, height, frames, 1), expected, "{width}x{height} at {frames}");
            assert_eq!(level(height, width, frames, 1), expected, "{height}x{width} at {frames}");
        }
    }

    #[test]
    fn rates_are_compared_exactly() {
        // 2048x1152 is the picture of level 4.0 and 30 frames a second its display rate.
        assert_eq!(level(2048, 1152, 30, 1), 8);
        assert_eq!(level(2048, 1152, 30_000_001, 1_000_000), 9);
        assert_eq!(level(2048, 1152, 30_000, 1001), 8);
    }

    #[test]
    fn each_limit_raises_the_level() {
        assert_eq!(level(16, 16, 150, 1), 0);
        assert_eq!(level(16, 16, 151, 1), 8, "headers a second");
        assert_eq!(level(16, 2048, 30, 1), 4, "height");
        assert_eq!(level(2064, 16, 30, 1), 1, "width");
        assert_eq!(level(1100, 2100, 30, 1), 8, "picture");
        assert_eq!(level(9216, 16384, 24, 1), LEVEL_MAX);
    }
}
