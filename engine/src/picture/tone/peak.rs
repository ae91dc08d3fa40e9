//! Measures how bright the pictures of a film of PQ are, where no metadata tells.

use super::colour_map::{Coding, ColourMapError, SourceColour};
use crate::light::{PQ_MAX, nits_of_pq};
use upright_shaders::Sample;
use upright_shaders::map_colour::ColourSource;

/// H.273's code of PQ.
const PQ: u8 = 16;

/// Steps of PQ that are told apart.
const STEPS: usize = 4096;

/// The part of samples that a percentile leaves out, which may be noise, a spark or an overshoot of the encoder: 1 in
/// 1000.
const LEFT_OUT: usize = 1000;

/// How bright a picture is, in nits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FramePeak {
    /// The brightest channel of the brightest sample, as MaxCLL is defined (CTA-861.3, annex P.1).
    pub most: f64,
    /// What the brightest channel of 99.9 % of samples does not exceed.
    pub rgb: f64,
    /// What the luminance of 99.9 % of samples does not exceed.
    pub luma: f64,
}

/// Measures a picture. One luma sample in four is looked at where chroma is not finer, with the chroma sample that
/// covers it.
///
/// The peak of a film is the largest [`FramePeak::rgb`] of its pictures, or of one in a second of them; give it to
/// [`super::colour_map::source_peak`].
///
/// # Errors
/// [`ColourMapError`] when the source is not of PQ, or not of a matrix that R'G'B' can be computed by.
pub fn measure_peak<S: Sample>(
    source: &ColourSource<'_, S>,
    colour: &SourceColour,
) -> Result<FramePeak, ColourMapError> {
    if colour.transfer != PQ {
        return Err(ColourMapError::Transfer(colour.transfer));
    }
    let (matrix, offset) = Coding::of(colour)?.to_rgb();
    let nits: Vec<f64> = (0..STEPS).map(|step| nits_of_pq(step as f64 / (STEPS - 1) as f64)).collect();
    let step_of = |pq: f64| ((pq * (STEPS - 1) as f64).round().max(0.0) as usize).min(STEPS - 1);
    let mut counts = [vec![0usize; STEPS], vec![0usize; bin_of(PQ_MAX) + 1]];
    let [x, y] = source.axes.map(|axis| axis.subsampling);
    let [luma, second, third] = &source.planes;
    for row in luma.rows.clone().step_by(2) {
        for column in luma.columns.clone().step_by(2) {
            let codes =
                [luma.sample(column, row), second.sample(column / x, row / y), third.sample(column / x, row / y)];
            let codes = codes.map(f64::from);
            let steps: [usize; 3] = std::array::from_fn(|at| {
                let row = matrix[at];
                step_of(row[0] * codes[0] + row[1] * codes[1] + row[2] * codes[2] + offset[at])
            });
            // Luminance by the primaries of BT.2020 (its table 4), whatever they are: those of P3 differ by little.
            let luminance = 0.2627 * nits[steps[0]] + 0.6780 * nits[steps[1]] + 0.0593 * nits[steps[2]];
            counts[0][steps[0].max(steps[1]).max(steps[2])] += 1;
            counts[1][bin_of(luminance)] += 1;
        }
    }
    let [rgb, luma] = &counts;
    Ok(FramePeak {
        most: nits[percentile(rgb, usize::MAX)],
        rgb: nits[percentile(rgb, LEFT_OUT)],
        luma: f64::from(f32::from_bits((percentile(luma, LEFT_OUT) as u32) << BIN_BITS)),
    })
}

/// Bits of an f32 that bins do not tell apart: they are a 256th of their value wide.
const BIN_BITS: u32 = 15;

/// The bin of a luminance in nits; bins grow with it.
fn bin_of(nits: f64) -> usize {
    ((nits as f32).to_bits() >> BIN_BITS) as usize
}

/// The last of the counts that is reached when 1 in `left_out` is left out from above.
fn percentile(counts: &[usize], left_out: usize) -> usize {
    let most = counts.iter().sum::<usize>() / left_out;
    let mut above = 0;
    let reached = counts.iter().rposition(|count| {
        above += count;
        above > most
    });
    reached.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::light::pq_of_nits;
    use upright_shaders::map_colour::ChromaAxis;
    use upright_shaders::plane::PlaneArea;

    fn measured(brightest: usize) -> FramePeak {
        let colour = SourceColour {
            primaries: 9,
            transfer: 16,
            matrix: 9,
            full_range: false,
            depth: 10,
            peak: 1000.0,
            gamut: None,
        };
        let coding = Coding::of(&colour).unwrap();
        let grey = |nits: f64| coding.codes([pq_of_nits(nits); 3])[0].round() as u16;
        // 100 nits, and squares of 2 by 2 samples of 2000.
        let mut luma = vec![grey(100.0); 200 * 100];
        for at in 0..brightest {
            let corner = at / 100 * 400 + at % 100 * 2;
            for place in [corner, corner + 1, corner + 200, corner + 201] {
                luma[place] = grey(2000.0);
            }
        }
        let chroma = vec![512u16; 100 * 50];
        let plane = |samples, stride, rows| PlaneArea { samples, stride, columns: 0..stride, rows: 0..rows };
        let axis = ChromaAxis { subsampling: 2, offset: 1 };
        let planes = [plane(&luma[..], 200, 100), plane(&chroma[..], 100, 50), plane(&chroma[..], 100, 50)];
        measure_peak(&ColourSource { planes, bits: 10, axes: [axis; 2] }, &colour).unwrap()
    }

    #[test]
    fn few_bright_samples_are_no_peak_and_more_are() {
        let near = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 0.01, "{a} is not {b}");
        // Of 5000 places that are looked at, 5 are left out.
        let few = measured(5);
        near(few.most, 2000.0);
        near(few.rgb, 100.0);
        near(few.luma, 100.0);
        let more = measured(6);
        near(more.rgb, 2000.0);
        near(more.luma, 2000.0);
        near(measured(0).most, 100.0);
    }

    #[test]
    fn what_is_not_pq_has_no_peak_to_measure() {
        let colour =
            SourceColour { primaries: 9, transfer: 18, matrix: 9, full_range: false, depth: 8, peak: 0.0, gamut: None };
        let none = PlaneArea { samples: &[0u8][..], stride: 1, columns: 0..1, rows: 0..1 };
        let source = ColourSource { planes: [none.clone(), none.clone(), none], bits: 8, axes: [ChromaAxis::NONE; 2] };
        assert_eq!(measure_peak(&source, &colour), Err(ColourMapError::Transfer(18)));
    }
}
