//! The settings of an encoder.

use super::kind::EncoderKind;
use crate::av1::FilmGrain;
use crate::colour::{Colour, HdrMetadata, cicp};
use crate::error::{Error, Result};
use crate::frame::{Depth, FrameFormat, Subsampling};
use crate::geometry::{Rational, Size};
use serde::Serialize;
use std::num::NonZeroU32;

/// The settings with which an encoder is opened; constant over a rendition.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EncoderSettings {
    /// The encoder that they are for.
    pub kind: EncoderKind,
    /// Size of every frame.
    pub size: Size,
    /// 8 or 10 bits.
    pub depth: Depth,
    /// Tags of the stream.
    pub colour: Colour,
    /// Metadata of a high dynamic range stream.
    pub hdr: HdrMetadata,
    /// Ticks of every timestamp.
    pub time_base: Rational,
    /// Nominal frames a second, for rate decisions and the level.
    pub frame_rate: Rational,
    /// 0 (slowest, best) to 10 (fastest).
    pub speed: u8,
    /// 0 (worst) to 100 (best).
    pub quality: u8,
    /// Threads that the encoder may use, at least 1. They may decide on the number of tiles, so the same film encoded
    /// with other threads need not be the same bytes.
    pub threads: usize,
    /// Frames from one key frame to the next, for encoders that count them; others are told frame by frame.
    pub key_frame_distance: Option<NonZeroU32>,
    /// Settings by the encoder's own names, which win over all others here.
    pub options: Vec<(String, String)>,
    /// Grain that decoders add; none where they add none, or the encoder's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grain: Option<FilmGrain>,
}

impl EncoderSettings {
    /// Returns the format of every frame, which is 4:2:0.
    pub fn frame_format(&self) -> FrameFormat {
        let Size { width, height } = self.size;
        FrameFormat { width, height, subsampling: Subsampling::CS420, depth: self.depth }
    }

    /// Checks that every value is within its range.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] that names the first value that is not; [`Error::Misuse`] for one that no plan has.
    pub fn check(&self) -> Result<()> {
        self.kind.check_size(self.size)?;
        if let Some(Err(broken)) = self.grain.as_ref().map(FilmGrain::check) {
            return Err(Error::misuse(format!("film grain cannot be written: {broken}")));
        }
        let rate = |rate: Rational| (1..=i64::from(i32::MAX)).contains(&rate.num) && rate.den <= i64::from(i32::MAX);
        let misuse = if self.depth == Depth::Twelve {
            "12 bits cannot be encoded; use 8 or 10".to_owned()
        } else if self.colour.matrix == cicp::RGB {
            "RGB cannot be encoded with chroma at half resolution; convert it to YCbCr".to_owned()
        } else if !rate(self.frame_rate) || !rate(self.time_base) {
            format!("a frame rate of {} in ticks of {} s cannot be encoded", self.frame_rate, self.time_base)
        } else if self.threads == 0 {
            "an encoder needs at least one thread".to_owned()
        } else {
            return check_speed_and_quality(self.speed, self.quality);
        };
        Err(Error::misuse(misuse))
    }
}

/// Checks the two values that mean the same for every encoder: speed from 0 (slowest, best) to 10 (fastest), quality
/// from 0 (worst) to 100 (best).
///
/// # Errors
/// [`Error::InvalidOption`] that names the first that is out of its range.
pub(crate) fn check_speed_and_quality(speed: u8, quality: u8) -> Result<()> {
    if speed > 10 {
        return Err(Error::invalid("speed", speed, "must be from 0 (slowest) to 10 (fastest)"));
    }
    if quality > 100 {
        return Err(Error::invalid("quality", quality, "must be from 0 (worst) to 100 (best)"));
    }
    Ok(())
}
