//! Light by the perceptual quantiser (PQ), and matrices of colours, in f64.
//!
//! Powers and the like are computed by the crate libm, since those of the standard library are the machine's: they
//! differ in the last bit from one to the next, and bytes must not.

use libm::pow;

/// Light, R'G'B', LMS or ICtCp.
pub type Triple = [f64; 3];

/// Rows of a matrix.
pub type Matrix = [[f64; 3]; 3];

/// The brightest light that PQ can tell, in nits.
pub const PQ_MAX: f64 = 10_000.0;

// SMPTE ST 2084, section 5.1.
const PQ_M1: f64 = 2610.0 / 16384.0;
const PQ_M2: f64 = 2523.0 / 4096.0 * 128.0;
const PQ_C1: f64 = 3424.0 / 4096.0;
const PQ_C2: f64 = 2413.0 / 4096.0 * 32.0;
const PQ_C3: f64 = 2392.0 / 4096.0 * 32.0;

/// Computes nits from PQ, 0 to 1: SMPTE ST 2084, equation 4.1.
pub fn nits_of_pq(value: f64) -> f64 {
    let root = pow(value.clamp(0.0, 1.0), 1.0 / PQ_M2);
    PQ_MAX * pow((root - PQ_C1).max(0.0) / (PQ_C2 - PQ_C3 * root), 1.0 / PQ_M1)
}

/// Computes PQ, 0 to 1, from nits: SMPTE ST 2084, equation 5.2. Black is 7e-7, not 0.
pub fn pq_of_nits(nits: f64) -> f64 {
    let power = pow(nits.clamp(0.0, PQ_MAX) / PQ_MAX, PQ_M1);
    pow((PQ_C1 + PQ_C2 * power) / (1.0 + PQ_C3 * power), PQ_M2)
}

/// Multiplies a matrix with a column.
pub fn apply(matrix: &Matrix, column: Triple) -> Triple {
    matrix.map(|row| row[0] * column[0] + row[1] * column[1] + row[2] * column[2])
}

/// Multiplies two matrices.
pub fn multiply(left: &Matrix, right: &Matrix) -> Matrix {
    let columns = transpose(*right);
    transpose(columns.map(|column| apply(left, column)))
}

/// Makes rows of columns.
pub fn transpose(m: Matrix) -> Matrix {
    [[m[0][0], m[1][0], m[2][0]], [m[0][1], m[1][1], m[2][1]], [m[0][2], m[1][2], m[2][2]]]
}

/// Inverts a matrix that has an inverse, as those of primaries do.
pub fn invert(m: &Matrix) -> Matrix {
    let cross =
        |a: Triple, b: Triple| [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    let columns = [cross(m[1], m[2]), cross(m[2], m[0]), cross(m[0], m[1])];
    let determinant = m[0][0] * columns[0][0] + m[0][1] * columns[0][1] + m[0][2] * columns[0][2];
    transpose(columns).map(|row| row.map(|value| value / determinant))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() <= tolerance, "{a} is not {b} within {tolerance}");
    }

    #[test]
    fn pq_gives_the_values_of_the_standard_and_back() {
        near(pq_of_nits(203.0), 0.5807, 5e-5);
        near(pq_of_nits(1000.0), 0.7518, 5e-5);
        // ST 2084, annex A: the codes of 12 bits, full range, of 100 and of 10000 nits.
        near(pq_of_nits(100.0), 0.508_078, 1e-6);
        near(pq_of_nits(10_000.0), 1.0, 1e-12);
        for nits in [0.0, 0.005, 1.0, 58.0, 203.0, 1000.0, 4000.0, 10_000.0] {
            near(nits_of_pq(pq_of_nits(nits)), nits, 1e-9 * nits + 1e-12);
        }
    }
}
