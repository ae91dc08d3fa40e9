//! Computes colours of standard dynamic range from those of a source, in f64: what a table is baked from.
//!
//! A source's R'G'B' becomes light, light is brought under the white of a standard display, into its gamut, and is
//! encoded anew:
//!
//! 1. R'G'B' to light in cd/m2 (nits): PQ by SMPTE ST 2084, HLG by ITU-R BT.2100 for a display of 1000 nits, the rest
//!    by the curve of a display (ITU-R BT.1886 with a black of zero, and so on).
//! 2. Light to ICtCp (BT.2100, table 7).
//! 3. Of HDR only: I through the EETF of ITU-R BT.2390, section 5.4.1, from the source's peak to the white of the
//!    target; Ct and Cp times min(I/I', I'/I) (the same, *chroma*).
//! 4. Colours outside BT.709 are brought into it at the same hue, with a soft knee: [`ColourMap`] says how.
//! 5. Light to R'G'B' of BT.709 by the inverse of BT.1886, black zero: a power of 1/2.4.
//!
//! # Why BT.1886
//! The transfer that a file of BT.709 is tagged with names the curve of a camera; what it looks like is settled by the
//! display on which it was graded, whose curve is BT.1886. zimg (`to_linear` of `REC_709`, unless scene-referred light
//! is asked for) and libplacebo take it so too. Its black is taken to be zero as in zimg, so that the curve is a pure
//! power: how dark the viewer's display gets is unknown, and a lifted black would be lifted again by it. libplacebo
//! assumes a display of 1000:1 instead ([`Target::black`] 0.203).

use crate::light::{Matrix, PQ_MAX, Triple, apply, invert, multiply, nits_of_pq, pq_of_nits, transpose};
use libm::{atan2, exp, hypot, log, pow};
use std::f64::consts::TAU;
use thiserror::Error;

/// Luminance of white in pictures of standard dynamic range as HDR shows them, in nits: ITU-R BT.2408, section 2.
pub const SDR_WHITE: f64 = 203.0;

/// Peak of the display that HLG is shown on, in nits: the nominal one of BT.2100, table 5.
pub const HLG_PEAK: f64 = 1000.0;

/// Peak of a film that does not say its own, in nits.
pub const DEFAULT_PEAK: f64 = 1000.0;

/// The part of the way to the boundary of the target's gamut up to which colours stay as they are; see [`ColourMap`].
pub const KNEE: f64 = 0.8;

/// How much of their intensity bright and colourful colours give up to stay colourful; see [`ColourMap`].
pub const BEND: f64 = 1.8;

/// Says why colours cannot be converted.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ColourMapError {
    /// Primaries that are not known, or whose white is not D65.
    #[error(
        "primaries {0} of H.273 cannot be converted to BT.709; retag the source with those it has (1, 5, 6, 7, 9, 12 or 22)"
    )]
    Primaries(u8),
    /// A transfer whose light is not known.
    #[error(
        "transfer {0} of H.273 cannot be converted to BT.709; retag the source with that which it has (1, 4, 5, 6, 13 to 16 or 18)"
    )]
    Transfer(u8),
    /// A matrix that is not a matrix of R'G'B'.
    #[error(
        "matrix {0} of H.273 cannot be converted to BT.709; retag the source with that which it has (0, 1, 4, 5, 6, 7 or 9)"
    )]
    Matrix(u8),
    /// A depth that no sample has.
    #[error("a sample has 8, 10 or 12 bits, not {0}")]
    Depth(u32),
    /// A luminance that is no luminance.
    #[error("{0} nits is no peak of a film; give one of 1 to 10000")]
    Peak(f64),
}

/// CIE 1931 x and y of red, green, blue and white.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Primaries {
    /// Of red, green and blue.
    pub colours: [[f64; 2]; 3],
    /// Of white.
    pub white: [f64; 2],
}

impl Primaries {
    /// White of D65, as the ITU rounds it.
    pub const D65: [f64; 2] = [0.3127, 0.3290];
    /// ITU-R BT.709.
    pub const BT709: Self = Self::of_d65([[0.64, 0.33], [0.30, 0.60], [0.15, 0.06]]);
    /// ITU-R BT.2020.
    pub const BT2020: Self = Self::of_d65([[0.708, 0.292], [0.170, 0.797], [0.131, 0.046]]);
    /// SMPTE EG 432-1: P3 with D65, in which most HDR is graded.
    pub const P3: Self = Self::of_d65([[0.680, 0.320], [0.265, 0.690], [0.150, 0.060]]);

    const fn of_d65(colours: [[f64; 2]; 3]) -> Self {
        Self { colours, white: Self::D65 }
    }

    /// Looks up primaries by their code in table 2 of H.273.
    ///
    /// # Errors
    /// [`ColourMapError::Primaries`] when the code is not one of those whose white is D65.
    pub fn of(code: u8) -> Result<Self, ColourMapError> {
        Ok(match code {
            1 => Self::BT709,
            5 => Self::of_d65([[0.64, 0.33], [0.29, 0.60], [0.15, 0.06]]),
            6 | 7 => Self::of_d65([[0.630, 0.340], [0.310, 0.595], [0.155, 0.070]]),
            9 => Self::BT2020,
            12 => Self::P3,
            22 => Self::of_d65([[0.630, 0.340], [0.295, 0.605], [0.155, 0.077]]),
            _ => return Err(ColourMapError::Primaries(code)),
        })
    }

    /// Computes the matrix from linear R, G, B to CIE X, Y, Z, white having a Y of 1: SMPTE RP 177, section 3.3.
    pub fn to_xyz(&self) -> Matrix {
        let xyz = |[x, y]: [f64; 2]| [x / y, 1.0, (1.0 - x - y) / y];
        let columns = transpose(self.colours.map(xyz));
        let gains = apply(&invert(&columns), xyz(self.white));
        columns.map(|row| [row[0] * gains[0], row[1] * gains[1], row[2] * gains[2]])
    }

    /// Tells whether every colour of `other` can be made of these primaries, but for a hundredth: the red of P3 lies as
    /// little outside BT.2020.
    fn hold(&self, other: &Self) -> bool {
        let to_these = multiply(&invert(&self.to_xyz()), &other.to_xyz());
        to_these.iter().flatten().all(|part| *part > -0.01)
    }
}

/// The meaning of a source's samples, in codes of H.273.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SourceColour {
    /// Table 2.
    pub primaries: u8,
    /// Table 3; unspecified (2) is taken for BT.709.
    pub transfer: u8,
    /// Table 4. With 0 the planes are G, B, R.
    pub matrix: u8,
    /// Full range rather than limited.
    pub full_range: bool,
    /// Bits of a sample: 8, 10 or 12.
    pub depth: u32,
    /// Brightest light of the film in nits, of PQ only; [`source_peak`] chooses it.
    pub peak: f64,
    /// The gamut in which the film stays: that of its mastering display, where it is known. Else that of P3 is taken
    /// within BT.2020, since cameras, displays and so films hardly reach beyond. It decides from what chroma the most
    /// colourful colours are brought down; those beyond it end where they end.
    pub gamut: Option<Primaries>,
}

/// Chooses the peak of a film of PQ in nits: MaxCLL, else what was measured, else the peak of the mastering display,
/// else [`DEFAULT_PEAK`]; zeros, which stand for unknown (CTA-861.3, table 44), are passed over.
///
/// What was measured comes before the mastering display's, since it is of the film and not of the room it was graded
/// in; give it where MaxCLL is missing.
pub fn source_peak(max_cll: Option<f64>, measured: Option<f64>, mastering: Option<f64>) -> f64 {
    let known = [max_cll, measured, mastering].into_iter().flatten().find(|nits| *nits > 0.0 && nits.is_finite());
    known.unwrap_or(DEFAULT_PEAK).clamp(1.0, PQ_MAX)
}

/// The display that pictures are converted for. Its primaries are those of BT.709.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Luminance of its white in nits, on the scale of the source's light.
    pub white: f64,
    /// Luminance of its black in nits, from 0.
    pub black: f64,
}

impl Default for Target {
    fn default() -> Self {
        Self { white: SDR_WHITE, black: 0.0 }
    }
}

/// How R'G'B' becomes light.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Curve {
    Pq,
    Hlg,
    Power(f64),
    Srgb,
}

impl Curve {
    fn of(code: u8) -> Result<Self, ColourMapError> {
        Ok(match code {
            // BT.709, BT.601, BT.2020 of 10 and of 12 bits: all are shown by BT.1886.
            1 | 2 | 6 | 14 | 15 => Self::Power(BT1886_GAMMA),
            4 => Self::Power(2.2),
            5 => Self::Power(2.8),
            13 => Self::Srgb,
            16 => Self::Pq,
            18 => Self::Hlg,
            _ => return Err(ColourMapError::Transfer(code)),
        })
    }
}

/// How light becomes that of the target.
#[derive(Clone, Debug)]
enum Way {
    /// Gamuts differ by so little that light is multiplied with a matrix, and what lies outside stays outside: it shows
    /// as codes beyond black and white, as overshoots do.
    Matrix(Matrix),
    /// By ICtCp.
    Perceptual(Box<Perceptual>),
}

#[derive(Clone, Debug)]
struct Perceptual {
    to_lms: Matrix,
    /// What tone mapping does, none for SDR.
    eetf: Option<Eetf>,
    target: Gamut,
    target_cusps: Cusps,
    source_cusps: Cusps,
}

/// Converts R'G'B' of a source to R'G'B' of BT.709.
///
/// # Gamut
/// Report ITU-R BT.2407 describes what is done in practice; of that, compression at constant hue with a knee is taken
/// here. Hue is the angle of (Ct, Cp), chroma `C` their length. The most colourful colour that BT.709 has of a hue, its
/// cusp, has `Ic` and `Cc`. A colour moves along the curve
///
/// ```text
/// C(x) = C x,   I(x) = Ic + (I - Ic) x^g,   g = BEND (I / Ic)^3 min(C / Cc, 1)
/// ```
///
/// so that dark and pale colours keep their intensity, and bright colourful ones give it up to stay colourful: with g =
/// 0 throughout a blue sky and a yellow wall in the sun become white. The curve and [`BEND`] are those of libplacebo's
/// `relative` and `perceptual` mapping. With `b` the x at which it leaves BT.709, whose channels reach from black to
/// the target's white, the colour is `t = 1/b` of the way to the boundary, and one on the boundary of the source's
/// gamut is about `p` = the source's chroma of its own cusp over `Cc`. Then
///
/// - where `t` is at most [`KNEE`] (`k`), the colour stays;
/// - else it goes to `t' = k + (1-k) u / (1 + u (1 - 1/q))` of the way, `u = (t-k)/(1-k)`, `q = (p-k)/(1-k)`, but not
///   beyond the boundary: a slope of 1 at the knee, and `p` on the boundary. The form is that of the ACES reference
///   gamut compression (Academy TB-2021-001), made to end at a limit.
#[derive(Clone, Debug)]
pub struct ColourMap {
    curve: Curve,
    peak: f64,
    target: Target,
    way: Way,
}

impl ColourMap {
    /// Prepares the conversion of a source.
    ///
    /// # Errors
    /// [`ColourMapError`] when the source's primaries, transfer or peak are none that light can be computed from.
    pub fn new(source: &SourceColour, target: Target) -> Result<Self, ColourMapError> {
        let curve = Curve::of(source.transfer)?;
        let primaries = Primaries::of(source.primaries)?;
        let peak = match curve {
            Curve::Pq if (1.0..=PQ_MAX).contains(&source.peak) => source.peak,
            Curve::Pq => return Err(ColourMapError::Peak(source.peak)),
            Curve::Hlg => HLG_PEAK,
            Curve::Power(_) | Curve::Srgb => target.white,
        };
        let hdr = matches!(curve, Curve::Pq | Curve::Hlg);
        // The broadcast systems of old reach at most a few hundredths beyond BT.709, and mostly lie within.
        let near = !hdr && matches!(source.primaries, 1 | 5 | 6 | 7 | 22);
        let way = if near {
            Way::Matrix(multiply(&invert(&Primaries::BT709.to_xyz()), &primaries.to_xyz()))
        } else {
            // A mastering display of another white, or one that reaches beyond the primaries of the file, says nothing.
            let fits = |gamut: &Primaries| {
                (0..2).all(|at| (gamut.white[at] - Primaries::D65[at]).abs() < 1e-3) && primaries.hold(gamut)
            };
            let gamut = [source.gamut, Some(Primaries::P3)].into_iter().flatten().find(fits).unwrap_or(primaries);
            Way::Perceptual(Box::new(Perceptual {
                to_lms: lms_of(&primaries),
                eetf: hdr.then(|| Eetf::new(peak, target.white, target.black)),
                target: Gamut::new(&Primaries::BT709, target.black, target.white),
                target_cusps: Cusps::new(&Primaries::BT709, target.white),
                source_cusps: Cusps::new(&gamut, target.white),
            }))
        };
        Ok(Self { curve, peak, target, way })
    }

    /// Gives the least and the largest value of R', G' and B' that are worth telling apart: what is beyond is like
    /// them.
    ///
    /// Of PQ it ends at the peak, of what is shown as it is, overshoots are kept.
    pub fn domain(&self) -> [f64; 2] {
        match (self.curve, &self.way) {
            // Below the target's white nothing is compressed.
            (Curve::Pq, _) => [0.0, pq_of_nits(self.peak.max(self.target.white))],
            // The codes of limited range that are not reserved, 1 to 254 3/4 of 8 bits: BT.709, item 4.6.
            (_, Way::Matrix(_)) => [-15.0 / 219.0, 238.75 / 219.0],
            _ => [0.0, 1.0],
        }
    }

    /// Converts R'G'B', nominally 0 to 1. Results lie between 0 and 1 too, but for sources whose overshoots are kept.
    pub fn convert(&self, rgb: Triple) -> Triple {
        let light = self.light(rgb);
        let light = match &self.way {
            Way::Matrix(matrix) => apply(matrix, light),
            Way::Perceptual(way) => way.convert(light).map(|nits| nits.clamp(self.target.black, self.target.white)),
        };
        light.map(|nits| self.encode(nits))
    }

    /// Computes linear light in nits, by the source's primaries.
    pub fn light(&self, rgb: Triple) -> Triple {
        match self.curve {
            Curve::Pq => rgb.map(|value| nits_of_pq(value).min(self.peak.max(self.target.white))),
            Curve::Hlg => nits_of_hlg(rgb),
            Curve::Power(gamma) => rgb.map(|value| self.target.white * signed_power(value, gamma)),
            Curve::Srgb => rgb.map(|value| self.target.white * light_of_srgb(value)),
        }
    }

    /// Encodes nits by the inverse of BT.1886, annex 1.
    fn encode(&self, nits: f64) -> f64 {
        let root = |nits: f64| signed_power(nits, 1.0 / BT1886_GAMMA);
        let [black, white] = [self.target.black, self.target.white].map(root);
        (root(nits) - black) / (white - black)
    }
}

impl Perceptual {
    fn convert(&self, light: Triple) -> Triple {
        let mut colour = ictcp_of_lms(apply(&self.to_lms, light));
        if let Some(eetf) = &self.eetf {
            let [before, after] = [colour[0], eetf.map(colour[0])];
            let chroma = if before > 0.0 && after > 0.0 { (before / after).min(after / before) } else { 0.0 };
            colour = [after, colour[1] * chroma, colour[2] * chroma];
        }
        self.target.light(self.fit(colour))
    }

    fn fit(&self, [i, ct, cp]: Triple) -> Triple {
        let chroma = hypot(ct, cp);
        if chroma < 1e-9 {
            return [i, 0.0, 0.0];
        }
        let hue = atan2(cp, ct);
        let ([cusp, cusp_chroma], [_, source_chroma]) = (self.target_cusps.at(hue), self.source_cusps.at(hue));
        let bend = BEND * cube((i / cusp).max(0.0)) * (chroma / cusp_chroma).min(1.0);
        let along = |x: f64| [cusp + (i - cusp) * pow(x, bend), ct * x, cp * x];
        let Some(boundary) = last_zero(|x| self.target.excess(along(x)), 1.0 / KNEE) else { return [i, ct, cp] };
        if boundary <= 0.0 {
            return along(0.0);
        }
        let limit = source_chroma / cusp_chroma;
        let mut way = (1.0 / boundary).min(limit.max(1.0));
        if limit > 1.0 {
            let [u, q] = [way, limit].map(|way| (way - KNEE) / (1.0 - KNEE));
            way = KNEE + (1.0 - KNEE) * u / (1.0 + u * (1.0 - 1.0 / q));
        }
        along((way * boundary).min(1.0))
    }
}

/// Finds where a function that grows from at most zero at 0 leaves zero, between 0 and `most`; none where it does not.
/// What it is found to be within is on the near side.
fn last_zero(function: impl Fn(f64) -> f64, most: f64) -> Option<f64> {
    let [mut near, mut far] = [0.0, most];
    let [mut below, mut above] = [function(near), function(far)];
    if above <= 0.0 {
        return None;
    }
    if below > 0.0 {
        return Some(0.0);
    }
    // Regula falsi, which the Illinois algorithm and a bisection in every third round keep from creeping.
    for round in 0..60 {
        if far - near < 1e-5 * far {
            break;
        }
        let part = if round % 3 == 2 { 0.5 } else { (below / (below - above)).clamp(0.0, 1.0) };
        let middle = near + (far - near) * part;
        let value = function(middle);
        if value <= 0.0 {
            (near, below, above) = (middle, value, above / 2.0);
        } else {
            (far, above, below) = (middle, value, below / 2.0);
        }
    }
    Some(near)
}

/// The colours that three primaries make, with channels from `black` to `white` nits.
#[derive(Clone, Debug)]
struct Gamut {
    of_lms: Matrix,
    black: f64,
    white: f64,
    /// Nits by PQ in even steps from 0 to 1: a boundary is found by a dozen looks, which need not be exact.
    nits: Vec<f64>,
}

impl Gamut {
    /// Steps of PQ. Straight lines between them are within a millionth of the curve.
    const STEPS: u32 = 1 << 13;

    fn new(primaries: &Primaries, black: f64, white: f64) -> Self {
        let nits = (0..=Self::STEPS).map(|step| nits_of_pq(f64::from(step) / f64::from(Self::STEPS))).collect();
        Self { of_lms: invert(&lms_of(primaries)), black, white, nits }
    }

    /// Computes linear light of its channels in nits.
    fn light(&self, ictcp: Triple) -> Triple {
        apply(&self.of_lms, lms_of_ictcp(ictcp))
    }

    /// Computes about how far a colour lies outside, in parts of white; inside it is negative.
    fn excess(&self, colour: Triple) -> f64 {
        let lms = apply(&LMS_OF_ICTCP, colour).map(|pq| {
            let place = pq.clamp(0.0, 1.0) * f64::from(Self::STEPS);
            let step = place as usize;
            match self.nits.get(step..step + 2) {
                Some([from, to]) => from + (to - from) * (place - step as f64),
                _ => PQ_MAX,
            }
        });
        let light = apply(&self.of_lms, lms);
        // Rounding must not put greys outside.
        let slack = 2e-6 * light.into_iter().fold(0.0, f64::max);
        let beyond = light.map(|nits| (self.black - nits).max(nits - self.white) - slack);
        beyond.into_iter().fold(f64::NEG_INFINITY, f64::max) / self.white
    }
}

/// Intensity and chroma of the most colourful colour of each hue, which lies on the edges of the cube of R, G and B
/// from a primary to a secondary.
#[derive(Clone, Debug)]
struct Cusps {
    /// Hue in radians, growing; I; chroma.
    points: Vec<[f64; 3]>,
}

impl Cusps {
    /// Points on each of the six edges.
    const STEPS: u32 = 64;

    fn new(primaries: &Primaries, white: f64) -> Self {
        let to_lms = lms_of(primaries);
        // From 1 to 0, closest where PQ is steepest.
        let falling = |step: u32| cube(f64::from(Self::STEPS - step) / f64::from(Self::STEPS));
        let mut points = Vec::new();
        for pure in 0..3 {
            for step in 0..=Self::STEPS {
                for second in [(pure + 1) % 3, (pure + 2) % 3] {
                    let mut light = [0.0; 3];
                    light[pure] = white;
                    light[second] = white * falling(step);
                    let [i, ct, cp] = ictcp_of_lms(apply(&to_lms, light));
                    points.push([atan2(cp, ct), i, hypot(ct, cp)]);
                }
            }
        }
        points.sort_by(|a, b| a[0].total_cmp(&b[0]));
        Self { points }
    }

    /// Those of a hue, -pi to pi.
    fn at(&self, hue: f64) -> [f64; 2] {
        let turned = |point: Option<&[f64; 3]>, turn: f64| point.map_or([0.0; 3], |[h, i, c]| [h + turn, *i, *c]);
        let next = self.points.partition_point(|point| point[0] < hue);
        let before = match next.checked_sub(1) {
            Some(index) => turned(self.points.get(index), 0.0),
            None => turned(self.points.last(), -TAU),
        };
        let after = match self.points.get(next) {
            Some(point) => *point,
            None => turned(self.points.first(), TAU),
        };
        let width = after[0] - before[0];
        let part = if width > 0.0 { (hue - before[0]) / width } else { 0.0 };
        [1, 2].map(|index| before[index] + (after[index] - before[index]) * part)
    }
}

/// The electro-electrical transfer function of ITU-R BT.2390, section 5.4.1, from a source whose black is zero.
#[derive(Clone, Copy, Debug)]
pub struct Eetf {
    /// PQ of the source's peak.
    peak: f64,
    /// `maxLum` and `minLum`.
    most: f64,
    least: f64,
    /// Where the knee starts, `KS`.
    start: f64,
}

impl Eetf {
    /// From a source with a peak to a display with a white and a black, all in nits. A peak below the white is left as
    /// it is.
    pub fn new(peak: f64, white: f64, black: f64) -> Self {
        let peak = pq_of_nits(peak.max(white));
        let [most, least] = [white, black].map(|nits| pq_of_nits(nits) / peak);
        Self { peak, most, least, start: 1.5 * most - 0.5 }
    }

    /// Maps a value of PQ.
    pub fn map(&self, pq: f64) -> f64 {
        let scaled = (pq / self.peak).clamp(0.0, 1.0);
        let rolled = if scaled < self.start || self.start >= 1.0 {
            scaled
        } else {
            let start = self.start;
            let t = (scaled - start) / (1.0 - start);
            let (t2, t3) = (t * t, t * t * t);
            (2.0 * t3 - 3.0 * t2 + 1.0) * start
                + (t3 - 2.0 * t2 + t) * (1.0 - start)
                + (-2.0 * t3 + 3.0 * t2) * self.most
        };
        let lack = (1.0 - rolled).max(0.0);
        let lifted = rolled + self.least * lack * cube(lack);
        lifted.min(self.most) * self.peak
    }
}

fn cube(value: f64) -> f64 {
    value * value * value
}

/// Exponent of ITU-R BT.1886, annex 1.
const BT1886_GAMMA: f64 = 2.4;

/// A power that mirrors at zero, so that what lies below black stays apart from it.
fn signed_power(value: f64, exponent: f64) -> f64 {
    pow(value.abs(), exponent).copysign(value)
}

/// IEC 61966-2-1, mirrored at zero.
fn light_of_srgb(value: f64) -> f64 {
    let size = value.abs();
    let light = if size <= 0.04045 { size / 12.92 } else { pow((size + 0.055) / 1.055, 2.4) };
    light.copysign(value)
}

/// Computes nits on a display of [`HLG_PEAK`] from R'G'B' of HLG, 0 to 1, by the primaries of BT.2020: ITU-R BT.2100,
/// table 5.
pub fn nits_of_hlg(rgb: Triple) -> Triple {
    const A: f64 = 0.178_832_77;
    const B: f64 = 1.0 - 4.0 * A;
    let c = 0.5 - A * log(4.0 * A);
    // At 1000 nits.
    const GAMMA: f64 = 1.2;
    let scene = rgb.map(|value| {
        let value = value.clamp(0.0, 1.0);
        if value <= 0.5 { value * value / 3.0 } else { (exp((value - c) / A) + B) / 12.0 }
    });
    let luminance = 0.2627 * scene[0] + 0.6780 * scene[1] + 0.0593 * scene[2];
    let gain = if luminance > 0.0 { HLG_PEAK * pow(luminance, GAMMA - 1.0) } else { 0.0 };
    scene.map(|value| value * gain)
}

/// Rows from linear R, G, B of BT.2020 to L, M, S: BT.2100, table 7.
const LMS_OF_BT2020: Matrix = [
    [1688.0 / 4096.0, 2146.0 / 4096.0, 262.0 / 4096.0],
    [683.0 / 4096.0, 2951.0 / 4096.0, 462.0 / 4096.0],
    [99.0 / 4096.0, 309.0 / 4096.0, 3688.0 / 4096.0],
];

/// Rows from L', M', S' to I, Ct, Cp: BT.2100, table 7.
const ICTCP_OF_LMS: Matrix = [
    [0.5, 0.5, 0.0],
    [6610.0 / 4096.0, -13613.0 / 4096.0, 7003.0 / 4096.0],
    [17933.0 / 4096.0, -17390.0 / 4096.0, -543.0 / 4096.0],
];

/// And back: the inverse of [`ICTCP_OF_LMS`], whose first column is ones. A test multiplies them.
const LMS_OF_ICTCP: Matrix = [
    [1.0, 0.008_609_037_037_932_756, 0.111_029_625_003_025_96],
    [1.0, -0.008_609_037_037_932_756, -0.111_029_625_003_025_96],
    [1.0, 0.560_031_335_710_679_1, -0.320_627_174_987_318_85],
];

fn lms_of(primaries: &Primaries) -> Matrix {
    let to_bt2020 = multiply(&invert(&Primaries::BT2020.to_xyz()), &primaries.to_xyz());
    multiply(&LMS_OF_BT2020, &to_bt2020)
}

/// Computes ICtCp from L, M, S in nits.
fn ictcp_of_lms(lms: Triple) -> Triple {
    apply(&ICTCP_OF_LMS, lms.map(pq_of_nits))
}

/// Computes L, M, S in nits from ICtCp.
fn lms_of_ictcp(ictcp: Triple) -> Triple {
    apply(&LMS_OF_ICTCP, ictcp).map(nits_of_pq)
}

/// The luma of a matrix of H.273, and what its codes stand for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coding {
    /// Parts of R' and B' in Y' (`KR` and `KB`), none where the planes are G', B' and R'.
    pub luma: Option<[f64; 2]>,
    /// Code of 0 and of 1 of Y', or of G', B' and R'.
    pub black_white: [f64; 2],
    /// Code of 0 of Cb and Cr, and codes per unit; they reach from -0.5 to 0.5.
    pub chroma: [f64; 2],
}

impl Coding {
    /// Of the pictures that are made: BT.709 in limited range.
    pub fn bt709(depth: u32) -> Self {
        Self::scaled(Some([0.2126, 0.0722]), false, depth)
    }

    /// Of a source.
    ///
    /// # Errors
    /// [`ColourMapError::Matrix`] and [`ColourMapError::Depth`].
    pub fn of(source: &SourceColour) -> Result<Self, ColourMapError> {
        if !matches!(source.depth, 8 | 10 | 12) {
            return Err(ColourMapError::Depth(source.depth));
        }
        let luma = match source.matrix {
            0 => None,
            // Untagged sources are guessed at before; this is for those that are not.
            1 | 2 => Some([0.2126, 0.0722]),
            4 => Some([0.30, 0.11]),
            5 | 6 => Some([0.299, 0.114]),
            7 => Some([0.212, 0.087]),
            9 => Some([0.2627, 0.0593]),
            _ => return Err(ColourMapError::Matrix(source.matrix)),
        };
        Ok(Self::scaled(luma, source.full_range, source.depth))
    }

    /// H.273, equations 20 to 31.
    fn scaled(luma: Option<[f64; 2]>, full_range: bool, depth: u32) -> Self {
        let unit = f64::from(1u32 << (depth - 8));
        let largest = 256.0 * unit - 1.0;
        let (black_white, span) =
            if full_range { ([0.0, largest], largest) } else { ([16.0 * unit, 235.0 * unit], 224.0 * unit) };
        Self { luma, black_white, chroma: [128.0 * unit, span] }
    }

    /// Computes the matrix and the column to add that take codes of the three planes to R', G', B'.
    pub fn to_rgb(&self) -> (Matrix, Triple) {
        let [black, white] = self.black_white;
        let y = 1.0 / (white - black);
        let Some([kr, kb]) = self.luma else {
            return ([[0.0, 0.0, y], [y, 0.0, 0.0], [0.0, y, 0.0]], [-black * y; 3]);
        };
        let [zero, span] = self.chroma;
        let [r, b] = [2.0 * (1.0 - kr) / span, 2.0 * (1.0 - kb) / span];
        let kg = 1.0 - kr - kb;
        let matrix = [[y, 0.0, r], [y, -b * kb / kg, -r * kr / kg], [y, b, 0.0]];
        let offset = matrix.map(|row| -(row[0] * black + (row[1] + row[2]) * zero));
        (matrix, offset)
    }

    /// Computes codes of the three planes from R', G', B', not rounded.
    pub fn codes(&self, rgb: Triple) -> Triple {
        let (matrix, offset) = self.to_rgb();
        apply(&invert(&matrix), [rgb[0] - offset[0], rgb[1] - offset[1], rgb[2] - offset[2]])
    }

    /// Computes R', G', B' from codes of the three planes.
    pub fn rgb(&self, codes: Triple) -> Triple {
        let (matrix, offset) = self.to_rgb();
        let rgb = apply(&matrix, codes);
        [rgb[0] + offset[0], rgb[1] + offset[1], rgb[2] + offset[2]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hdr(transfer: u8, peak: f64) -> SourceColour {
        SourceColour { primaries: 9, transfer, matrix: 9, full_range: false, depth: 10, peak, gamut: None }
    }

    fn near(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() <= tolerance, "{a} is not {b} within {tolerance}");
    }

    /// Display light of R'G'B' of the target, in nits.
    fn shown(rgb: Triple) -> Triple {
        rgb.map(|value| SDR_WHITE * value.powf(2.4))
    }

    #[test]
    fn hlg_shows_the_reference_levels_of_bt_2408() {
        // BT.2408, table 1: HDR reference white is 75 %HLG, 203 nits; a grey card of 18 % is 38 %HLG, 26 nits.
        near(nits_of_hlg([0.75; 3])[0], 203.0, 0.5);
        near(nits_of_hlg([0.38; 3])[0], 26.0, 0.6);
        near(nits_of_hlg([1.0; 3])[0], 1000.0, 0.01);
        assert_eq!(nits_of_hlg([0.0; 3]), [0.0; 3]);
    }

    #[test]
    fn the_eetf_gives_the_vectors_that_other_programs_give() {
        let vectors = [
            (1000.0, 50.0, 50.0),
            (1000.0, 100.0, 99.36),
            (1000.0, 203.0, 159.04),
            (1000.0, 400.0, 193.61),
            (1000.0, 1000.0, 203.0),
            (4000.0, 100.0, 85.90),
            (4000.0, 1000.0, 193.70),
            (4000.0, 4000.0, 203.0),
            // No room is needed.
            (203.0, 203.0, 203.0),
            (120.0, 100.0, 100.0),
        ];
        for (peak, nits, expected) in vectors {
            let eetf = Eetf::new(peak, SDR_WHITE, 0.0);
            near(nits_of_pq(eetf.map(pq_of_nits(nits))), expected, 0.02);
            // And as grey through the whole conversion.
            let map = ColourMap::new(&hdr(16, peak), Target::default()).unwrap();
            for light in shown(map.convert([pq_of_nits(nits); 3])) {
                near(light, expected, 0.5);
            }
        }
    }

    #[test]
    fn grey_stays_grey_and_grows() {
        for source in [hdr(16, 1000.0), hdr(16, 4000.0), hdr(18, 0.0), SourceColour { transfer: 14, ..hdr(16, 1.0) }] {
            let map = ColourMap::new(&source, Target::default()).unwrap();
            let mut last = -1.0;
            for step in 0..=1000 {
                let [r, g, b] = map.convert([f64::from(step) / 1000.0; 3]);
                near(r, g, 1e-6);
                near(b, g, 1e-6);
                assert!(g >= last - 1e-9 && (0.0..=1.0).contains(&g), "{g} after {last}");
                last = g;
            }
            near(last, 1.0, 1e-9);
        }
    }

    #[test]
    fn matrices_of_primaries_are_those_of_the_standards() {
        // ITU-R BT.2087, table 3, is of the other way: BT.709 to BT.2020.
        let m = multiply(&invert(&Primaries::BT2020.to_xyz()), &Primaries::BT709.to_xyz());
        let expected = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]];
        for (row, expected) in m.iter().zip(expected) {
            for (value, expected) in row.iter().zip(expected) {
                near(*value, expected, 6e-5);
            }
        }
        let product = multiply(&ICTCP_OF_LMS, &LMS_OF_ICTCP);
        for (row, line) in product.iter().enumerate() {
            for (column, value) in line.iter().enumerate() {
                near(*value, f64::from(u8::from(row == column)), 1e-12);
            }
        }
    }

    #[test]
    fn colours_of_the_target_that_lie_below_the_knees_stay_as_they_are() {
        // What is dim and not very colourful in BT.709 is shown as HDR with the same light.
        let map = ColourMap::new(&hdr(16, 1000.0), Target::default()).unwrap();
        let to_bt2020 = multiply(&invert(&Primaries::BT2020.to_xyz()), &Primaries::BT709.to_xyz());
        for light in [[10.0, 12.0, 9.0], [40.0, 30.0, 22.0], [3.0, 4.0, 5.0], [0.1, 0.1, 0.12], [60.0, 50.0, 70.0]] {
            let shown = shown(map.convert(apply(&to_bt2020, light).map(pq_of_nits)));
            for (shown, light) in shown.iter().zip(light) {
                near(*shown, light, 0.02 * light);
            }
        }
    }

    fn hue_of(ictcp: Triple) -> [f64; 2] {
        [ictcp[1].hypot(ictcp[2]), ictcp[2].atan2(ictcp[1])]
    }

    #[test]
    fn every_colour_comes_into_the_gamut_with_its_hue() {
        let map = ColourMap::new(&hdr(16, 1000.0), Target::default()).unwrap();
        let (to_lms, to_lms_709) = (lms_of(&Primaries::BT2020), lms_of(&Primaries::BT709));
        let eetf = Eetf::new(1000.0, SDR_WHITE, 0.0);
        let steps = [0.0, 0.1, 0.25, 0.4, 0.5, 0.6, 0.7, 0.7518];
        for at in 0..steps.len().pow(3) {
            let rgb = [steps[at % 8], steps[at / 8 % 8], steps[at / 64]];
            let before = ictcp_of_lms(apply(&to_lms, map.light(rgb)));
            let after = ictcp_of_lms(apply(&to_lms_709, shown(map.convert(rgb))));
            // What lies below the cusp becomes a little brighter than by the curve.
            assert!(after[0] < eetf.map(before[0]) + 0.06, "{rgb:?}: {before:?} became {after:?}");
            let ([_, hue_before], [chroma, hue_after]) = (hue_of(before), hue_of(after));
            let turn = (hue_after - hue_before).sin();
            // Where there is a hue to speak of, to a degree.
            assert!(chroma < 0.01 || turn.abs() < 0.018, "{rgb:?}: {before:?} became {after:?}");
        }
    }

    #[test]
    fn bright_colours_stay_colourful() {
        // A sky and a wall in the sun, brighter than the target's white, of P3 at 1000 nits.
        let map = ColourMap::new(&hdr(16, 1000.0), Target::default()).unwrap();
        let from_p3 = multiply(&invert(&Primaries::BT2020.to_xyz()), &Primaries::P3.to_xyz());
        for (light, most) in [([110.0, 270.0, 700.0], 0.75), ([800.0, 480.0, 40.0], 0.6)] {
            let made = map.convert(apply(&from_p3, light).map(pq_of_nits));
            let least = made.iter().copied().fold(1.0, f64::min);
            assert!(least < most, "{light:?} became {made:?}");
        }
    }

    #[test]
    fn more_chroma_never_becomes_less_along_a_ray() {
        let map = ColourMap::new(&hdr(16, 1000.0), Target::default()).unwrap();
        let (to_rgb, to_lms_709) = (invert(&lms_of(&Primaries::BT2020)), lms_of(&Primaries::BT709));
        for i in [0.2, 0.35, 0.45, 0.55, 0.65] {
            for angle in 0..36 {
                let (sin, cos) = (f64::from(angle) * 10.0).to_radians().sin_cos();
                let mut last = 0.0;
                for step in 0..200 {
                    let chroma = f64::from(step) * 0.002;
                    let light = apply(&to_rgb, lms_of_ictcp([i, chroma * cos, chroma * sin]));
                    if light.iter().any(|nits| !(0.0..=1000.0).contains(nits)) {
                        break;
                    }
                    let after = ictcp_of_lms(apply(&to_lms_709, shown(map.convert(light.map(pq_of_nits)))));
                    let [reached, _] = hue_of(after);
                    assert!(reached > last - 1e-3, "I {i}, {angle}0 degrees, chroma {chroma}: {reached} after {last}");
                    last = reached;
                }
            }
        }
    }

    #[test]
    fn the_gamut_of_the_film_decides_how_much_is_compressed() {
        let colour = [pq_of_nits(60.0), pq_of_nits(4.0), pq_of_nits(3.0)];
        let narrowest = |gamut| {
            let map = ColourMap::new(&SourceColour { gamut, ..hdr(16, 1000.0) }, Target::default()).unwrap();
            map.convert(colour).into_iter().fold(1.0, f64::min)
        };
        // Of a film within BT.709 nothing is; primaries in disorder, as in some files, say nothing.
        let [wide, p3, narrow] =
            [Primaries::BT2020, Primaries::P3, Primaries::BT709].map(|gamut| narrowest(Some(gamut)));
        assert!(wide > p3 && p3 > narrow, "{wide} {p3} {narrow}");
        let mixed = Primaries { colours: [[0.15, 0.06], [0.68, 0.32], [0.265, 0.69]], ..Primaries::P3 };
        let huge = Primaries { colours: [[0.8, 0.2], [0.1, 0.85], [0.1, 0.0]], ..Primaries::P3 };
        for gamut in [None, Some(huge), Some(Primaries { white: [0.314, 0.351], ..Primaries::P3 })] {
            assert_eq!(narrowest(gamut), p3);
        }
        assert!((narrowest(Some(mixed)) - p3).abs() < 1e-12);
    }

    #[test]
    fn old_television_is_converted_by_its_primaries_and_keeps_overshoots() {
        for (primaries, transfer) in [(5, 5 + 1), (6, 6)] {
            let source = SourceColour { primaries, transfer, matrix: 6, depth: 8, ..hdr(1, 0.0) };
            let map = ColourMap::new(&source, Target::default()).unwrap();
            for grey in [-0.05, 0.0, 0.25, 0.5, 1.0, 1.09] {
                for value in map.convert([grey; 3]) {
                    near(value, grey, 1e-9);
                }
            }
            // XYZ stays the same.
            let rgb = [0.7, 0.4, 0.3];
            let light = |rgb: Triple| rgb.map(|value: f64| value.powf(2.4));
            let before = apply(&Primaries::of(primaries).unwrap().to_xyz(), light(rgb));
            let after = apply(&Primaries::BT709.to_xyz(), light(map.convert(rgb)));
            for (before, after) in before.iter().zip(after) {
                near(*before, after, 1e-9);
            }
        }
    }

    #[test]
    fn codes_are_those_of_h_273() {
        let limited = Coding::bt709(10);
        for (rgb, codes) in [
            ([0.0; 3], [64.0, 512.0, 512.0]),
            ([1.0; 3], [940.0, 512.0, 512.0]),
            // BT.709, item 3.4 and 3.5 with full red and blue.
            ([1.0, 0.0, 0.0], [64.0 + 876.0 * 0.2126, 512.0 - 896.0 * 0.2126 / 1.8556, 960.0]),
            ([0.0, 0.0, 1.0], [64.0 + 876.0 * 0.0722, 960.0, 512.0 - 896.0 * 0.0722 / 1.5748]),
        ] {
            for (value, expected) in limited.codes(rgb).iter().zip(codes) {
                near(*value, expected, 1e-9);
            }
            for (value, expected) in limited.rgb(codes).iter().zip(rgb) {
                near(*value, expected, 1e-12);
            }
        }
        let full = Coding::of(&SourceColour { full_range: true, depth: 8, ..hdr(16, 1.0) }).unwrap();
        for (value, expected) in full.codes([1.0; 3]).iter().zip([255.0, 128.0, 128.0]) {
            near(*value, expected, 1e-9);
        }
        let planes_of_rgb =
            Coding::of(&SourceColour { matrix: 0, depth: 8, full_range: true, ..hdr(16, 1.0) }).unwrap();
        for (value, expected) in planes_of_rgb.rgb([0.0, 51.0, 255.0]).iter().zip([1.0, 0.0, 0.2]) {
            near(*value, expected, 1e-12);
        }
    }

    #[test]
    fn what_cannot_be_converted_is_said() {
        let refuse = |source: SourceColour| ColourMap::new(&source, Target::default()).unwrap_err().to_string();
        assert!(refuse(SourceColour { primaries: 2, ..hdr(16, 1000.0) }).contains("primaries 2"));
        assert!(refuse(SourceColour { transfer: 9, ..hdr(16, 1000.0) }).contains("transfer 9"));
        assert!(refuse(hdr(16, 0.0)).contains("0 nits"));
        assert!(refuse(hdr(16, f64::NAN)).contains("NaN nits"));
        assert_eq!(Coding::of(&SourceColour { matrix: 10, ..hdr(16, 1.0) }), Err(ColourMapError::Matrix(10)));
        assert_eq!(Coding::of(&SourceColour { depth: 9, ..hdr(16, 1.0) }), Err(ColourMapError::Depth(9)));
    }

    #[test]
    fn the_peak_is_the_films_own_where_it_is_known() {
        assert_eq!(source_peak(Some(600.0), Some(550.0), Some(4000.0)), 600.0);
        assert_eq!(source_peak(Some(0.0), None, Some(4000.0)), 4000.0);
        assert_eq!(source_peak(None, Some(550.0), Some(4000.0)), 550.0);
        assert_eq!(source_peak(None, Some(f64::NAN), None), 1000.0);
        assert_eq!(source_peak(Some(65_535.0), None, None), 10_000.0);
    }
}
