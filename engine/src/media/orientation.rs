//! What the display orientation of a stored picture does to everything that is told along its axes.

use crate::colour::{ChromaSite, Siting};
use crate::frame::Subsampling;
use crate::geometry::{Orientation, Rational, Size};

/// The orientation nearest to a display matrix of libav, and whether the matrix is exactly that.
///
/// The matrix (`libavutil/display.h`; rows `a b u`, `c d v`, `x y w`) sends the stored point (p, q) to
/// (a p + c q + x, b p + d q + y). Scales are left to the sample aspect ratio, offsets mean nothing.
pub(super) fn from_matrix(matrix: &[i32; 9]) -> (Orientation, bool) {
    let [a, b, c, d] = [matrix[0], matrix[1], matrix[3], matrix[4]].map(i64::from);
    if a.abs() + d.abs() >= b.abs() + c.abs() {
        (Orientation { transpose: false, flip_x: a < 0, flip_y: d < 0 }, b == 0 && c == 0 && a != 0 && d != 0)
    } else {
        (Orientation { transpose: true, flip_x: b < 0, flip_y: c < 0 }, a == 0 && d == 0 && b != 0 && c != 0)
    }
}

/// Subsampling of the upright grid.
pub(super) fn subsampling(stored: Subsampling, orientation: Orientation) -> Subsampling {
    if orientation.transpose { Subsampling { x: stored.y, y: stored.x } } else { stored }
}

/// Shape of a sample of the upright grid, width over height.
pub(super) fn sample_aspect(stored: Rational, orientation: Orientation) -> Rational {
    if orientation.transpose { Rational::new(stored.den, stored.num) } else { stored }
}

/// Chroma siting on the upright grid.
pub(super) fn chroma_site(
    stored: ChromaSite,
    subsampling: Subsampling,
    size: Size,
    orientation: Orientation,
) -> ChromaSite {
    let x = siting(stored.x, subsampling.x, size.width, orientation.flip_x);
    let y = siting(stored.y, subsampling.y, size.height, orientation.flip_y);
    if orientation.transpose { ChromaSite { x: y, y: x } } else { ChromaSite { x, y } }
}

/// Along one axis of `length` luma samples. Chroma sample j at luma `s j + d` goes to `length - 1 - s j - d`, that is
/// to `s j' + (s - 1 - d)` when s divides the length, and to `s j' - d` when one luma sample is left over.
fn siting(stored: Siting, subsampling: u32, length: u32, flip: bool) -> Siting {
    match (flip && subsampling > 1, length.is_multiple_of(subsampling), stored) {
        (false, ..) => stored,
        (true, true, Siting::Start) => Siting::End,
        (true, true, Siting::Centre) => Siting::Centre,
        (true, true, Siting::End) | (true, false, Siting::Start) => Siting::Start,
        // For chroma on the last sample this is half a luma sample off; it is a place that no codec in use has.
        (true, false, _) | (true, true, Siting::Before) => Siting::Before,
    }
}

#[cfg(test)]
mod tests {
    #![expect(unsafe_code, reason = "libav is C")]

    use super::*;

    const ONE: i32 = 1 << 16;

    fn all() -> impl Iterator<Item = Orientation> {
        (0..8).map(|bits| Orientation { transpose: bits & 1 != 0, flip_x: bits & 2 != 0, flip_y: bits & 4 != 0 })
    }

    /// The matrix that libav itself builds for a rotation of the picture and flips.
    fn libav_matrix(degrees: f64, flip_x: bool, flip_y: bool) -> [i32; 9] {
        let mut matrix = [0; 9];
        // SAFETY: the array has the nine elements that both functions write.
        unsafe {
            ffmpeg_sys_next::av_display_rotation_set(matrix.as_mut_ptr(), degrees);
            ffmpeg_sys_next::av_display_matrix_flip(matrix.as_mut_ptr(), flip_x.into(), flip_y.into());
        }
        matrix
    }

    /// Where the matrix puts every stored sample, against what [`Orientation`] promises to read at that place.
    #[test]
    fn every_matrix_of_libav_puts_samples_where_the_orientation_reads_them() {
        let stored = Size { width: 5, height: 3 };
        let mut seen = std::collections::HashSet::new();
        for degrees in [0.0, 90.0, 180.0, -90.0] {
            for (flip_x, flip_y) in [(false, false), (true, false), (false, true), (true, true)] {
                let matrix = libav_matrix(degrees, flip_x, flip_y);
                let (orientation, exact) = from_matrix(&matrix);
                assert!(exact);
                seen.insert(orientation);
                let [a, b, c, d] = [0, 1, 3, 4].map(|i| i64::from(matrix[i].signum()));
                let (w, h) = (i64::from(stored.width), i64::from(stored.height));
                // Offsets are those that bring the turned picture back to the origin.
                let left = a.min(0) * (w - 1) + c.min(0) * (h - 1);
                let top = b.min(0) * (w - 1) + d.min(0) * (h - 1);
                for (p, q) in (0..w).flat_map(|p| (0..h).map(move |q| (p, q))) {
                    let (x, y) = (a * p + c * q - left, b * p + d * q - top);
                    let (mut u, mut v) = if orientation.transpose { (y, x) } else { (x, y) };
                    if orientation.flip_x {
                        u = w - 1 - u;
                    }
                    if orientation.flip_y {
                        v = h - 1 - v;
                    }
                    assert_eq!((u, v), (p, q), "{degrees} {flip_x} {flip_y}");
                }
            }
        }
        assert_eq!(seen.len(), 8);
    }

    #[test]
    fn skewed_and_empty_matrices_are_rounded_and_told() {
        assert_eq!(from_matrix(&[0; 9]), (Orientation::UPRIGHT, false));
        assert_eq!(from_matrix(&libav_matrix(10.0, false, false)), (Orientation::UPRIGHT, false));
        let (quarter, exact) = from_matrix(&libav_matrix(80.0, false, false));
        assert_eq!((quarter, exact), (from_matrix(&libav_matrix(90.0, false, false)).0, false));
        assert!(from_matrix(&[2 * ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30]).1, "a scale is no skew");
    }

    /// The place of every chroma sample, followed through the orientation by hand.
    #[test]
    fn chroma_lands_where_the_new_siting_says() {
        for (size, s) in [(6, 2), (7, 2), (6, 1), (7, 1)] {
            for (before, flip) in [Siting::Start, Siting::Centre].map(|site| [(site, false), (site, true)]).concat() {
                let after = siting(before, s, size, flip);
                let count = size.div_ceil(s);
                for j in 0..count {
                    let place = f64::from(s * j) + before.offset(s);
                    let (place, k) = if flip { (f64::from(size) - 1.0 - place, count - 1 - j) } else { (place, j) };
                    assert_eq!(place, f64::from(s * k) + after.offset(s), "{size} {s} {before:?} {flip}");
                }
            }
        }
        assert_eq!(siting(Siting::End, 2, 6, true), Siting::Start);
        assert_eq!(siting(Siting::Start, 2, 6, true), Siting::End);
    }

    #[test]
    fn a_quarter_turn_swaps_the_axes() {
        let size = Size { width: 6, height: 4 };
        for orientation in all().filter(|orientation| orientation.transpose) {
            assert_eq!(subsampling(Subsampling::CS422, orientation), Subsampling::CS440);
            assert_eq!(sample_aspect(Rational::new(4, 3), orientation), Rational::new(3, 4));
            let site = chroma_site(ChromaSite::LEFT, Subsampling::CS420, size, orientation);
            let y = if orientation.flip_x { Siting::End } else { Siting::Start };
            assert_eq!(site, ChromaSite { x: Siting::Centre, y });
        }
        assert_eq!(subsampling(Subsampling::CS422, Orientation::UPRIGHT), Subsampling::CS422);
        assert_eq!(sample_aspect(Rational::new(4, 3), Orientation::UPRIGHT), Rational::new(4, 3));
    }
}
