//! Curves of chroma that depend on all components, for many samples side by side.

use super::curve::{Curve, Piece};
use super::lanes::{LANES, Lane, Lanes};

/// A curve in numbers of 32 bits, each piece of which is a regression: a polynomial is one of a single product.
#[derive(Debug)]
pub(super) struct Regressions {
    /// The component that it makes.
    own: usize,
    pieces: Vec<Regression>,
    /// What comes out is kept within these, which lie within 0 and 1.
    bounds: [f32; 2],
}

/// A piece of it.
#[derive(Debug)]
struct Regression {
    /// Where it begins.
    from: f32,
    constant: f32,
    /// Coefficients of the powers 1, 2 and 3 of each product.
    powers: [[f32; 3]; 7],
}

impl Regressions {
    /// For the curve of component `own`.
    pub(super) fn new(curve: &Curve, own: usize) -> Self {
        let piece = |(from, piece): &(f64, Piece)| {
            let mut powers = [[0.0; 3]; 7];
            let constant = match piece {
                Piece::Polynomial([constant, first, second]) => {
                    powers[own] = [*first as f32, *second as f32, 0.0];
                    constant
                }
                Piece::Regression(constant, told) => {
                    for (power, told) in told.iter().enumerate() {
                        powers.iter_mut().zip(told).for_each(|(powers, told)| powers[power] = *told as f32);
                    }
                    constant
                }
            };
            Regression { from: *from as f32, constant: *constant as f32, powers }
        };
        Self {
            own,
            pieces: curve.pieces.iter().map(piece).collect(),
            bounds: curve.bounds.map(|bound| bound.clamp(0.0, 1.0) as f32),
        }
    }

    /// Computes the component from all components of samples, each from 0 to 1.
    #[inline(always)]
    pub(super) fn at(&self, samples: &Lanes, made: &mut Lane) {
        *made = samples[self.own];
        for (nth, piece) in self.pieces.iter().enumerate() {
            // What lies before the first piece belongs to it too.
            let from = if nth == 0 { f32::MIN } else { piece.from };
            for lane in 0..LANES {
                let shaped = piece.at([samples[0][lane], samples[1][lane], samples[2][lane]]);
                made[lane] = if samples[self.own][lane] >= from { shaped } else { made[lane] };
            }
        }
        let [least, most] = self.bounds;
        for made in made {
            let held = if *made > least { *made } else { least };
            *made = if held < most { held } else { most };
        }
    }
}

impl Regression {
    #[inline(always)]
    fn at(&self, [y, cb, cr]: [f32; 3]) -> f32 {
        let (chroma, mixed) = (cb * cr, y * cb);
        // In the order of `curve::products`.
        let products = [y, cb, cr, mixed, y * cr, chroma, mixed * cr];
        let mut sum = self.constant;
        for (product, [first, second, third]) in products.iter().zip(&self.powers) {
            sum += product * (first + product * (second + product * third));
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_are_what_the_curve_is_sample_by_sample() {
        let mut seed = 11u64;
        let mut random = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as f64 / (1u64 << 31) as f64
        };
        for own in [1, 2] {
            let powers = [[0; 7]; 3].map(|power| power.map(|_| 0.5 * random() - 0.25));
            let pieces = vec![
                (0.1, Piece::Polynomial([0.2, 0.5, -0.1])),
                (0.4, Piece::Regression(0.3, powers)),
                (0.7, Piece::Polynomial([0.1, 0.6, 0.3])),
            ];
            let curve = Curve { pieces, bounds: [0.1, 0.9] };
            let regressions = Regressions::new(&curve, own);
            for _ in 0..100 {
                let samples = [[0; LANES]; 3].map(|lane| lane.map(|_| random() as f32));
                let mut made = [0.0; LANES];
                regressions.at(&samples, &mut made);
                for (lane, made) in made.into_iter().enumerate() {
                    let exact = curve.at(own, samples.map(|samples| samples[lane].into()));
                    assert!((f64::from(made) - exact).abs() < 1e-6, "{made} is not {exact}");
                }
            }
        }
    }
}
