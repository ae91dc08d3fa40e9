//! Film grain: noise that the decoder adds to every picture, described in numbers.

use super::bits::{BitWriter, Bits};
use super::obu::Malformed;
use super::sequence::SequenceHeader;
use crate::frame::Subsampling;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most points of luma.
const LUMA_POINTS: usize = 14;
/// Most points of either chroma plane.
const CHROMA_POINTS: usize = 10;

/// The grain of a film, as AV1's decoders make it: section 5.9.30 has the fields, under the same names, 6.8.20 what they
/// mean, 7.18.3 how a decoder makes grain of them. It is for chroma at half resolution both ways (4:2:0).
///
/// Decoders make a template of noise: Gaussian numbers, divided by 2^`grain_scale_shift`, through an auto-regressive
/// filter. To each sample they add that noise times the scaling at the sample's value, divided by 2^`scaling_shift`. All
/// values are on a scale of 8 bits, for deeper streams too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilmGrain {
    /// Of what the noise times the scaling is divided by, the power of two: 8 to 11 (`grain_scaling_minus_8`).
    #[schemars(range(min = 8, max = 11))]
    pub scaling_shift: u8,
    /// Samples that the filter reaches to the left, to the right and up, 0 to 3.
    #[schemars(range(max = 3))]
    pub ar_coeff_lag: u8,
    /// Of what coefficients are divided by, the power of two: 6 to 9 (`ar_coeff_shift_minus_6`).
    #[schemars(range(min = 6, max = 9))]
    pub ar_coeff_shift: u8,
    /// Of what the Gaussian numbers are divided by, the power of two: 0 to 3.
    #[schemars(range(max = 3))]
    pub grain_scale_shift: u8,
    /// Blocks of noise overlap, so that their edges are not seen.
    pub overlap: bool,
    /// Samples with grain are clipped to the restricted range, 16 to 235 for luma, in place of the full one.
    pub clip_to_restricted_range: bool,
    /// The scaling of both chroma planes is that of luma; they have no points then.
    pub chroma_scaling_from_luma: bool,
    /// Luma.
    pub luma: LumaGrain,
    /// Blue-difference chroma.
    pub cb: ChromaGrain,
    /// Red-difference chroma.
    pub cr: ChromaGrain,
}

/// The grain of luma.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LumaGrain {
    /// The scaling as a function of luma, 1 to 14 points by rising value. It is straight between points, and constant
    /// before the first and behind the last.
    #[schemars(length(min = 1, max = 14))]
    pub points: Vec<ScalingPoint>,
    /// Coefficients of the filter, -128 to 127, row by row up to the sample itself: 2 * lag * (lag + 1)
    /// (`ar_coeffs_y_plus_128` is 128 more).
    #[schemars(length(max = 24))]
    pub ar_coeffs: Vec<i8>,
}

/// The grain of a chroma plane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChromaGrain {
    /// The scaling, up to 10 points by rising value, as for luma; none where the plane has no grain, or that of luma. Both
    /// chroma planes have some, or neither.
    #[schemars(length(max = 10))]
    pub points: Vec<ScalingPoint>,
    /// Coefficients of the filter, as for luma, and one more for the luma noise at the same place. None where the plane has
    /// no grain.
    #[schemars(length(max = 25))]
    pub ar_coeffs: Vec<i8>,
    /// Weight of the chroma sample in the value whose scaling is taken, in 64ths, 128 more than it is. This and the next two
    /// say nothing where there are no points.
    pub mult: u8,
    /// Weight of the average luma in that value, in 64ths, 128 more than it is.
    pub luma_mult: u8,
    /// What is added to that value, 0 to 511, 256 more than it is.
    #[schemars(range(max = 511))]
    pub offset: u16,
}

/// A point of a scaling function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScalingPoint {
    /// Value of samples, on a scale of 8 bits.
    pub value: u8,
    /// Scaling of the noise there.
    pub scaling: u8,
}

impl FilmGrain {
    /// Checks the rules of AV1 that the types do not keep.
    ///
    /// # Errors
    /// The first rule that is broken, and by what, in words.
    pub fn check(&self) -> Result<(), String> {
        let ranges = [
            ("scaling_shift", u16::from(self.scaling_shift), 8, 11),
            ("ar_coeff_lag", self.ar_coeff_lag.into(), 0, 3),
            ("ar_coeff_shift", self.ar_coeff_shift.into(), 6, 9),
            ("grain_scale_shift", self.grain_scale_shift.into(), 0, 3),
            ("cb.offset", self.cb.offset, 0, 511),
            ("cr.offset", self.cr.offset, 0, 511),
        ];
        for (name, value, least, most) in ranges {
            rule((least..=most).contains(&value), || format!("{name} {value}: must be from {least} to {most}"))?;
        }
        check_points("luma", &self.luma.points, LUMA_POINTS)?;
        check_points("cb", &self.cb.points, CHROMA_POINTS)?;
        check_points("cr", &self.cr.points, CHROMA_POINTS)?;
        rule(!self.luma.points.is_empty(), || {
            "luma.points: at least one is needed; without grain in luma there is none at all".to_owned()
        })?;
        let chroma_points = !self.cb.points.is_empty() || !self.cr.points.is_empty();
        rule(!(self.chroma_scaling_from_luma && chroma_points), || {
            "cb.points and cr.points: must be none where chroma_scaling_from_luma is true".to_owned()
        })?;
        rule(self.cb.points.is_empty() == self.cr.points.is_empty(), || {
            "cb.points and cr.points: both must have some, or neither".to_owned()
        })?;
        let coefficients = self.luma_coefficients();
        check_coefficients("luma", &self.luma.ar_coeffs, coefficients)?;
        let coefficients = if self.chroma_scaling_from_luma || chroma_points { coefficients + 1 } else { 0 };
        check_coefficients("cb", &self.cb.ar_coeffs, coefficients)?;
        check_coefficients("cr", &self.cr.ar_coeffs, coefficients)
    }

    fn luma_coefficients(&self) -> usize {
        let lag = usize::from(self.ar_coeff_lag);
        2 * lag * (lag + 1)
    }

    /// Writes the fields from `num_y_points` to the end. It has passed [`FilmGrain::check`].
    pub(super) fn write(&self, monochrome: bool, bits: &mut BitWriter) {
        write_points(&self.luma.points, bits);
        if !monochrome {
            bits.flag(self.chroma_scaling_from_luma);
        }
        let planes: &[&ChromaGrain] = if monochrome { &[] } else { &[&self.cb, &self.cr] };
        if !self.chroma_scaling_from_luma {
            planes.iter().for_each(|plane| write_points(&plane.points, bits));
        }
        bits.write(self.scaling_shift - 8, 2);
        bits.write(self.ar_coeff_lag, 2);
        let coefficients = planes.iter().flat_map(|plane| &plane.ar_coeffs);
        for &coefficient in self.luma.ar_coeffs.iter().chain(coefficients) {
            bits.write(coefficient.cast_unsigned() ^ 0x80, 8);
        }
        bits.write(self.ar_coeff_shift - 6, 2);
        bits.write(self.grain_scale_shift, 2);
        for plane in planes.iter().filter(|plane| !plane.points.is_empty()) {
            bits.write(plane.mult, 8);
            bits.write(plane.luma_mult, 8);
            bits.write(plane.offset, 9);
        }
        bits.flag(self.overlap);
        bits.flag(self.clip_to_restricted_range);
    }
}

/// Reads past `film_grain_params` of a frame that has them: one that is shown, or may be later; section 5.9.30. `inter` frames may
/// take the grain of a frame that they refer to.
pub(super) fn skip(bits: &mut Bits<'_>, sequence: &SequenceHeader, inter: bool) -> Result<(), Malformed> {
    let applied = bits.flag()?;
    if !applied {
        return Ok(());
    }
    // The random seed.
    bits.skip(16)?;
    let taken = inter && !bits.flag()?;
    if taken {
        return bits.skip(3);
    }
    let luma = skip_points(bits)?;
    let from_luma = !sequence.monochrome && bits.flag()?;
    let without = sequence.monochrome || from_luma || (sequence.subsampling == Subsampling::CS420 && luma == 0);
    let chroma = if without { [0; 2] } else { [skip_points(bits)?, skip_points(bits)?] };
    bits.skip(2)?;
    let lag = bits.read(2)?;
    let coefficients = 2 * lag * (lag + 1);
    if luma > 0 {
        bits.skip(8 * coefficients)?;
    }
    for points in chroma {
        if from_luma || points > 0 {
            bits.skip(8 * (coefficients + u32::from(luma > 0)))?;
        }
    }
    bits.skip(2 + 2)?;
    for points in chroma {
        if points > 0 {
            bits.skip(8 + 8 + 9)?;
        }
    }
    bits.skip(1 + 1)
}

/// Reads past the points of a plane; gives how many there are.
fn skip_points(bits: &mut Bits<'_>) -> Result<u32, Malformed> {
    let count = bits.read(4)?;
    bits.skip(count * (8 + 8))?;
    Ok(count)
}

fn rule(kept: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if kept { Ok(()) } else { Err(why()) }
}

fn check_points(plane: &str, points: &[ScalingPoint], most: usize) -> Result<(), String> {
    rule(points.len() <= most, || format!("{plane}.points: {} are too many; {most} can be", points.len()))?;
    let falling = points.array_windows().find(|[a, b]| a.value >= b.value);
    rule(falling.is_none(), || format!("{plane}.points: their values must rise"))
}

fn check_coefficients(plane: &str, coefficients: &[i8], count: usize) -> Result<(), String> {
    rule(coefficients.len() == count, || {
        format!("{plane}.ar_coeffs: {} instead of {count}, which ar_coeff_lag asks for", coefficients.len())
    })
}

fn write_points(points: &[ScalingPoint], bits: &mut BitWriter) {
    bits.write(points.len() as u32, 4);
    for point in points {
        bits.write(point.value, 8);
        bits.write(point.scaling, 8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(values: &[u8]) -> Vec<ScalingPoint> {
        values.iter().map(|&value| ScalingPoint { value, scaling: value / 2 }).collect()
    }

    fn chroma() -> ChromaGrain {
        ChromaGrain { points: points(&[128]), ar_coeffs: vec![1; 5], mult: 128, luma_mult: 192, offset: 256 }
    }

    fn grain() -> FilmGrain {
        FilmGrain {
            scaling_shift: 10,
            ar_coeff_lag: 1,
            ar_coeff_shift: 7,
            grain_scale_shift: 0,
            overlap: true,
            clip_to_restricted_range: false,
            chroma_scaling_from_luma: false,
            luma: LumaGrain { points: points(&[0, 255]), ar_coeffs: vec![-128, -1, 0, 127] },
            cb: chroma(),
            cr: chroma(),
        }
    }

    /// The fields as bits, spaces between them.
    fn written(grain: &FilmGrain, monochrome: bool) -> String {
        let mut bits = BitWriter::default();
        grain.write(monochrome, &mut bits);
        bits.into_bytes().iter().map(|byte| format!("{byte:08b}")).collect()
    }

    #[test]
    fn fields_are_written_in_the_order_of_the_specification() {
        assert_eq!(grain().check(), Ok(()));
        let luma = "0010 00000000 00000000 11111111 01111111";
        let chroma_points = "0001 10000000 01000000";
        let luma_coefficients = "00000000 01111111 10000000 11111111";
        let chroma_coefficients = "10000001".repeat(5);
        let weights = "10000000 11000000 100000000";
        let whole = format!(
            "{luma} 0 {chroma_points} {chroma_points} 10 01 {luma_coefficients} {chroma_coefficients} {chroma_coefficients} \
             01 00 {weights} {weights} 1 0"
        );
        let padded = |bits: &str| {
            let bits = bits.replace(' ', "");
            format!("{bits:0<width$}", width = bits.len().next_multiple_of(8))
        };
        assert_eq!(written(&grain(), false), padded(&whole));
        assert_eq!(written(&grain(), true), padded(&format!("{luma} 10 01 {luma_coefficients} 01 00 1 0")));
        let plane = ChromaGrain { points: Vec::new(), ..chroma() };
        let like_luma = FilmGrain { chroma_scaling_from_luma: true, cb: plane.clone(), cr: plane, ..grain() };
        assert_eq!(like_luma.check(), Ok(()));
        let whole = format!("{luma} 1 10 01 {luma_coefficients} {chroma_coefficients} {chroma_coefficients} 01 00 1 0");
        assert_eq!(written(&like_luma, false), padded(&whole));
    }

    #[test]
    fn every_broken_rule_is_named() {
        let with = |change: fn(&mut FilmGrain)| {
            let mut grain = grain();
            change(&mut grain);
            grain.check().unwrap_err()
        };
        assert_eq!(with(|grain| grain.scaling_shift = 7), "scaling_shift 7: must be from 8 to 11");
        assert_eq!(with(|grain| grain.ar_coeff_lag = 4), "ar_coeff_lag 4: must be from 0 to 3");
        assert_eq!(with(|grain| grain.ar_coeff_shift = 10), "ar_coeff_shift 10: must be from 6 to 9");
        assert_eq!(with(|grain| grain.grain_scale_shift = 4), "grain_scale_shift 4: must be from 0 to 3");
        assert_eq!(with(|grain| grain.cr.offset = 512), "cr.offset 512: must be from 0 to 511");
        let fifteen: fn(&mut FilmGrain) = |grain| grain.luma.points = points(&(0..15).collect::<Vec<_>>());
        assert_eq!(with(fifteen), "luma.points: 15 are too many; 14 can be");
        let eleven: fn(&mut FilmGrain) = |grain| grain.cb.points = points(&(0..11).collect::<Vec<_>>());
        assert_eq!(with(eleven), "cb.points: 11 are too many; 10 can be");
        assert_eq!(with(|grain| grain.cr.points = points(&[3, 3])), "cr.points: their values must rise");
        assert!(with(|grain| grain.luma.points.clear()).starts_with("luma.points: at least one"));
        assert!(with(|grain| grain.chroma_scaling_from_luma = true).contains("must be none where chroma_scaling"));
        assert!(with(|grain| grain.cb.points.clear()).ends_with("both must have some, or neither"));
        let lag = "luma.ar_coeffs: 4 instead of 12, which ar_coeff_lag asks for";
        assert_eq!(with(|grain| grain.ar_coeff_lag = 2), lag);
        assert!(with(|grain| grain.cr.ar_coeffs = vec![0; 4]).starts_with("cr.ar_coeffs: 4 instead of 5"));
    }

    #[test]
    fn it_is_a_document_of_known_fields() {
        let text = serde_json::to_string(&grain()).unwrap();
        assert_eq!(serde_json::from_str::<FilmGrain>(&text).unwrap(), grain());
        assert!(serde_json::from_str::<FilmGrain>(&text.replace("\"overlap\"", "\"overlaps\"")).is_err());
    }
}
