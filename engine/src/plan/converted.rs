//! Conversion of colours: what is converted, and how.

use super::options::{DepthChoice, DynamicRange, Gamut, PlanOptions};
use crate::colour::{Colour, cicp};
use crate::error::{Error, Result};
use crate::picture::tone::{LookFile, MapSpec, Primaries, SourceColour, source_peak};
use crate::source::{SourceInfo, VideoInfo};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Renditions in BT.709 of a source in another colour, or with a look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConvertedColour {
    /// Brightest light of the film in cd/m2, from 1 to 10000, where its transfer is PQ: what is brighter is shown as white.
    pub peak: Option<u32>,
    /// A studio's own look.
    pub look: Option<LookFile>,
    /// Whether there is a rendition of each size in the source's own colour too.
    pub and_source: bool,
}

impl ConvertedColour {
    /// Decides whether colours are converted.
    ///
    /// # Errors
    /// [`Error::NotInSource`] for what cannot be of this source.
    pub(super) fn decide(source: &SourceInfo, options: &PlanOptions) -> Result<Option<Self>> {
        let colour = &source.video.colour;
        let hdr = colour.is_hdr();
        let converts = match options.dynamic_range {
            DynamicRange::Sdr | DynamicRange::Both if hdr => true,
            DynamicRange::Auto if hdr => options.depth == DepthChoice::Eight,
            _ => (options.gamut == Gamut::Bt709 && !hdr && !is_bt709(colour)) || (options.look.is_some() && !hdr),
        };
        if !converts {
            return if options.look.is_some() {
                let why = "look: it is for pictures in BT.709, and the source stays of high dynamic range; ask for that of \
                           standard dynamic range, or both";
                Err(Error::not_in_source(why))
            } else {
                Ok(None)
            };
        }
        let peak = (colour.transfer == cicp::PQ).then(|| peak(&source.video, options));
        let and_source = hdr && options.dynamic_range == DynamicRange::Both;
        Ok(Some(Self { peak, look: options.look.clone(), and_source }))
    }

    /// Prepares the conversion of a source.
    ///
    /// # Errors
    /// As [`MapSpec::new`].
    pub(super) fn map(&self, video: &VideoInfo) -> Result<MapSpec> {
        let Colour { primaries, transfer, matrix, full_range, chroma } = video.colour;
        let mastering = video.hdr.mastering.map(|display| {
            let point = |(x, y): (crate::geometry::Rational, crate::geometry::Rational)| [x.as_f64(), y.as_f64()];
            Primaries { colours: display.primaries.map(point), white: point(display.white) }
        });
        let peak = self.peak.map_or(0.0, f64::from);
        let depth = video.format.depth.bits();
        let recipe = SourceColour { primaries, transfer, matrix, full_range, depth, peak, gamut: mastering };
        MapSpec::new(video.format, chroma, recipe, self.look.clone())
    }
}

/// Prepares the conversion to BT.709 of pictures that are of another colour; none where they are of that.
///
/// # Errors
/// [`Error::NotInSource`] for a colour that cannot be converted.
pub(crate) fn to_bt709(video: &VideoInfo) -> Result<Option<MapSpec>> {
    if is_bt709(&video.colour) {
        return Ok(None);
    }
    let peak = (video.colour.transfer == cicp::PQ).then(|| peak_of(video, None));
    ConvertedColour { peak, look: None, and_source: false }.map(video).map(Some)
}

/// The brightest light of a film, in cd/m2.
fn peak(video: &VideoInfo, options: &PlanOptions) -> u32 {
    peak_of(video, options.analysis.as_ref().and_then(|seen| seen.peak))
}

fn peak_of(video: &VideoInfo, measured: Option<u32>) -> u32 {
    let cll = video.hdr.light.map(|light| f64::from(light.max_cll));
    let measured = measured.map(f64::from);
    let mastering = video.hdr.mastering.map(|display| display.max_luminance.as_f64());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 10000")]
    let peak = source_peak(cll, measured, mastering).round() as u32;
    peak
}

/// Tells colours that BT.709 has names for already.
fn is_bt709(colour: &Colour) -> bool {
    let same = [colour.primaries, colour.transfer, colour.matrix];
    let known = |code: u8| matches!(code, cicp::BT709 | cicp::UNSPECIFIED);
    known(same[0]) && known(cicp::same_transfer(same[1])) && known(same[2]) && !colour.full_range
}
