//! Reshaping curves: from the samples of a base layer to those of the picture.
//!
//! As in ETSI GS CCM 001, section 5.4, and in `pl_shader_dovi_reshape` of libplacebo: samples are numbers from 0 to 1, a
//! component is cut into pieces at its pivots, and each piece is a polynomial of the component or a multivariate multiple
//! regression (MMR) of all three.

/// The curve of a component.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Curve {
    /// Pieces by where they begin, the first at 0 or later.
    pub(super) pieces: Vec<(f64, Piece)>,
    /// What comes out is kept within these.
    pub(super) bounds: [f64; 2],
}

/// A piece of a curve.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// Coefficients of the powers 0, 1 and 2 of the component.
    Polynomial([f64; 3]),
    /// A constant, and the coefficients of the powers 1, 2 and 3 of the products that [`products`] gives.
    Regression(f64, [[f64; 7]; 3]),
}

impl Curve {
    /// Tells whether a component decides alone on what becomes of it.
    pub(super) fn is_by_itself(&self) -> bool {
        self.pieces.iter().all(|(_, piece)| matches!(piece, Piece::Polynomial(_)))
    }

    /// Computes component `own` of a sample from all of its components, each from 0 to 1.
    pub(super) fn at(&self, own: usize, signal: [f64; 3]) -> f64 {
        let value = signal[own];
        let [least, most] = self.bounds;
        let piece = self.pieces.partition_point(|(from, _)| *from <= value).saturating_sub(1);
        let shaped = match self.pieces.get(piece) {
            Some((_, Piece::Polynomial([a, b, c]))) => (c * value + b) * value + a,
            Some((_, Piece::Regression(constant, powers))) => {
                let products = products(signal);
                let mut power = products;
                let mut sum = *constant;
                for coefficients in powers {
                    sum += power.iter().zip(coefficients).map(|(power, part)| power * part).sum::<f64>();
                    power.iter_mut().zip(products).for_each(|(power, product)| *power *= product);
                }
                sum
            }
            None => value,
        };
        shaped.clamp(least, most)
    }
}

/// The products that a regression is of.
fn products([y, cb, cr]: [f64; 3]) -> [f64; 7] {
    [y, cb, cr, y * cb, y * cr, cb * cr, y * cb * cr]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_begin_at_their_pivots_and_results_stay_within_the_bounds() {
        let pieces = vec![(0.0, Piece::Polynomial([0.1, 0.5, 0.0])), (0.5, Piece::Polynomial([0.0, 0.0, 1.0]))];
        let curve = Curve { pieces, bounds: [0.0, 0.9] };
        assert!(curve.is_by_itself());
        let at = |value: f64| curve.at(1, [0.3, value, 0.7]);
        assert_eq!([at(0.0), at(0.25), at(0.5), at(0.75), at(1.0)], [0.1, 0.225, 0.25, 0.5625, 0.9]);
    }

    #[test]
    fn a_regression_is_of_all_components() {
        let powers = [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], [-0.5; 7], [0.25, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5]];
        let curve = Curve { pieces: vec![(0.0, Piece::Regression(-0.75, powers))], bounds: [-10.0, 10.0] };
        assert!(!curve.is_by_itself());
        // Powers of a half are exact; term by term:
        let first = 0.5 + 2.0 * 0.25 + 3.0 * 0.5 + 4.0 * 0.125 + 5.0 * 0.25 + 6.0 * 0.125 + 7.0 * 0.0625;
        let squares = 0.25 + 0.0625 + 0.25 + 0.015_625 + 0.0625 + 0.015_625 + 0.003_906_25;
        let cubes = 0.25 * 0.125 + 0.5 * 0.000_244_140_625;
        assert_eq!(curve.at(2, [0.5, 0.25, 0.5]), -0.75 + first - 0.5 * squares + cubes);
    }
}
