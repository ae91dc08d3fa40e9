//! How bright a film of PQ is, where no metadata tells.

use crate::colour::cicp;
use crate::frame::{Depth, HeldFrame};
use crate::picture::tone::{SourceColour, colour_source, measure_peak};
use crate::source::VideoInfo;

/// Measures frames.
#[derive(Debug)]
pub(super) struct LightMeter {
    colour: SourceColour,
    chroma: crate::colour::ChromaSite,
    /// In cd/m2.
    peak: f64,
}

impl LightMeter {
    /// Makes one where there is something to be measured.
    pub(super) fn of(video: &VideoInfo) -> Option<Self> {
        let told = video.hdr.light.is_some_and(|light| light.max_cll > 0);
        let crate::colour::Colour { primaries, transfer, matrix, full_range, chroma } = video.colour;
        let depth = video.format.depth.bits();
        let colour = SourceColour { primaries, transfer, matrix, full_range, depth, peak: 0.0, gamut: None };
        (transfer == cicp::PQ && !told).then_some(Self { colour, chroma, peak: 0.0 })
    }

    /// Takes a whole frame.
    pub(super) fn frame(&mut self, frame: &HeldFrame) {
        let measured = match frame.format().depth {
            Depth::Eight => measure_peak(&colour_source::<u8>(frame, self.chroma), &self.colour),
            _ => measure_peak(&colour_source::<u16>(frame, self.chroma), &self.colour),
        };
        // Of a matrix that cannot be computed by, nothing is converted either.
        self.peak = measured.map_or(self.peak, |measured| self.peak.max(measured.rgb));
    }

    /// Gives the brightest so far, in cd/m2.
    pub(super) fn peak(&self) -> u32 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 10000")]
        let peak = self.peak.round() as u32;
        peak
    }
}
