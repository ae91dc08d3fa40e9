//! Taking noise out of pictures, and having decoders put grain in its place.

use crate::av1::FilmGrain;
use crate::frame::Depth;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What becomes of noise and grain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denoise {
    /// It stays.
    Off,
    /// What is measured is taken out, where it is enough to cost bits.
    Auto,
    /// Noise of this standard deviation is taken out of luma, and half of it out of chroma: in tenths of a code of 8 bits, from 1 to
    /// [`MOST_NOISE`].
    Level(u16),
}

/// Most tenths of a code of 8 bits that noise may deviate by.
pub const MOST_NOISE: u16 = 100;
/// Tenths of a code of 8 bits of luma from which on noise is worth being taken out: what is less an encoder's quantiser does not see.
const LEAST_NOISE: u16 = 10;

/// Noise that is taken out of the pictures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedDenoise {
    /// Standard deviation of the noise in luma, Cb and Cr, in tenths of a code of 8 bits: 0 to 100, 0 for none.
    pub noise: [u16; 3],
    /// The grain that decoders put in its place, for each rendition in their order, null for one that gets none; empty where all
    /// get none.
    pub grain: Vec<Option<FilmGrain>>,
}

impl WantedDenoise {
    /// Decides whether noise is taken out of a film of which this much was measured, in tenths of a code of 8 bits.
    pub(crate) fn decide(choice: Denoise, measured: [u16; 3]) -> Option<Self> {
        let noise = match choice {
            Denoise::Off => return None,
            Denoise::Level(level) => [level, level.div_ceil(2), level.div_ceil(2)],
            Denoise::Auto if measured[0] < LEAST_NOISE => return None,
            Denoise::Auto => measured.map(|noise| noise.min(MOST_NOISE)),
        };
        Some(Self { noise, grain: Vec::new() })
    }

    /// Computes what the kernel is told of each plane of pictures of this depth: the deviation in sixteenths of a code.
    pub(super) fn setting(&self, depth: Depth) -> [u32; 3] {
        self.noise.map(|tenths| (u32::from(tenths) << (depth.bits() - 8)) * upright_shaders::denoise::NOISE_PARTS / 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_taken_out_where_there_is_enough_of_it() {
        let noise = |choice, measured| WantedDenoise::decide(choice, measured).map(|denoise| denoise.noise);
        assert_eq!(noise(Denoise::Off, [50, 20, 20]), None);
        assert_eq!(noise(Denoise::Auto, [9, 20, 20]), None);
        assert_eq!(noise(Denoise::Auto, [10, 4, 0]), Some([10, 4, 0]));
        assert_eq!(noise(Denoise::Auto, [200, 101, 3]), Some([100, 100, 3]));
        assert_eq!(noise(Denoise::Level(25), [0, 0, 0]), Some([25, 13, 13]));
    }

    #[test]
    fn the_kernel_is_told_of_codes_of_the_pictures() {
        let denoise = WantedDenoise { noise: [25, 10, 100], grain: Vec::new() };
        assert_eq!(denoise.setting(Depth::Eight), [40, 16, 160]);
        assert_eq!(denoise.setting(Depth::Twelve), [640, 256, upright_shaders::denoise::MOST_NOISE]);
    }
}
