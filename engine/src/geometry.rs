//! Sizes, rectangles, rationals and orientations.
//!
//! Three pictures must be kept apart. The **stored** picture is what the decoder yields after its own crop. The
//! **upright grid** is the same samples turned by the display orientation; [`crate::frame::Frame`]s from the decoder
//! are upright grids. The **upright picture** is the upright grid measured in square pixels, that is stretched by the
//! sample aspect ratio; crop windows are given in it.

use serde::Serialize;

/// A fraction; time bases, frame rates and sample aspect ratios. `den` is positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rational {
    /// Numerator.
    pub num: i64,
    /// Denominator, above zero.
    pub den: i64,
}

impl Rational {
    /// `num / den` in lowest terms.
    ///
    /// # Panics
    /// When `den` is not positive.
    pub fn new(num: i64, den: i64) -> Self {
        assert!(den > 0, "a rational's denominator is positive");
        let divisor = gcd(num.unsigned_abs(), den.unsigned_abs()).max(1);
        let divisor = i64::try_from(divisor).unwrap_or(1);
        Self { num: num / divisor, den: den / divisor }
    }

    /// As floating point.
    pub fn as_f64(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "an approximation is asked for")]
        let value = self.num as f64 / self.den as f64;
        value
    }
}

impl std::fmt::Display for Rational {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.num, self.den)
    }
}

impl Serialize for Rational {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// A size in samples or pixels; the context says of which picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Size {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Size {
    /// Width times height.
    pub fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// A fractional rectangle: `[x, x + width)` by `[y, y + height)`. Sample k covers `[k, k + 1)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Window {
    /// Left edge.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Width, above zero.
    pub width: f64,
    /// Height, above zero.
    pub height: f64,
}

/// One of the eight ways in which a stored picture can be meant to be seen.
///
/// The upright sample at (x, y) is the stored sample at (u, v), where (u, v) is (y, x) if `transpose` and (x, y)
/// otherwise, then u becomes `stored_width - 1 - u` if `flip_x` and v becomes `stored_height - 1 - v` if `flip_y`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Orientation {
    /// Rows become columns.
    pub transpose: bool,
    /// The stored columns are read from the right.
    pub flip_x: bool,
    /// The stored rows are read from the bottom.
    pub flip_y: bool,
}

impl Orientation {
    /// The picture is seen as it is stored.
    pub const UPRIGHT: Self = Self { transpose: false, flip_x: false, flip_y: false };

    /// The size of the upright grid of a stored picture.
    pub fn upright_size(self, stored: Size) -> Size {
        if self.transpose { Size { width: stored.height, height: stored.width } } else { stored }
    }
}

/// The upright picture: an upright grid and the shape of its samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Upright {
    /// Samples of the upright grid.
    pub grid: Size,
    /// Width of one sample of the upright grid over its height.
    pub sample_aspect: Rational,
}

impl Upright {
    /// Width of the upright picture in square pixels. Its height is `grid.height`.
    pub fn width(&self) -> f64 {
        f64::from(self.grid.width) * self.sample_aspect.as_f64()
    }

    /// Height of the upright picture in square pixels.
    pub fn height(&self) -> f64 {
        f64::from(self.grid.height)
    }

    /// A window of the upright picture (square pixels) in samples of the upright grid.
    #[must_use]
    pub fn to_grid(&self, window: Window) -> Window {
        let aspect = self.sample_aspect.as_f64();
        Window { x: window.x / aspect, width: window.width / aspect, ..window }
    }

    /// The largest window of `shape` (width over height) in the picture, its centre as near to `centre` (fractions of
    /// the picture's width and height) as the picture's edges allow.
    pub fn largest_window(&self, shape: Rational, centre: (f64, f64)) -> Window {
        let (picture_width, picture_height) = (self.width(), self.height());
        let width = picture_width.min(picture_height * shape.as_f64());
        let height = picture_height.min(picture_width / shape.as_f64());
        Window {
            x: (centre.0 * picture_width - width / 2.0).clamp(0.0, (picture_width - width).max(0.0)),
            y: (centre.1 * picture_height - height / 2.0).clamp(0.0, (picture_height - height).max(0.0)),
            width,
            height,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NINE_SIXTEENTHS: Rational = Rational { num: 9, den: 16 };

    fn upright(width: u32, height: u32, sample_aspect: Rational) -> Upright {
        Upright { grid: Size { width, height }, sample_aspect }
    }

    #[test]
    fn landscape_gives_its_full_height() {
        let window = upright(1920, 1080, Rational::new(1, 1)).largest_window(NINE_SIXTEENTHS, (0.5, 0.5));
        assert_eq!(window, Window { x: 656.25, y: 0.0, width: 607.5, height: 1080.0 });
    }

    #[test]
    fn a_picture_narrower_than_the_shape_gives_its_full_width() {
        let window = upright(900, 2000, Rational::new(1, 1)).largest_window(NINE_SIXTEENTHS, (0.5, 0.5));
        assert_eq!(window, Window { x: 0.0, y: 200.0, width: 900.0, height: 1600.0 });
    }

    #[test]
    fn a_vertical_picture_is_taken_whole() {
        let window = upright(1080, 1920, Rational::new(1, 1)).largest_window(NINE_SIXTEENTHS, (0.1, 0.1));
        assert_eq!(window, Window { x: 0.0, y: 0.0, width: 1080.0, height: 1920.0 });
    }

    #[test]
    fn a_centre_near_the_edge_keeps_the_window_inside() {
        let picture = upright(1920, 1080, Rational::new(1, 1));
        assert_eq!(picture.largest_window(NINE_SIXTEENTHS, (0.0, 0.5)).x, 0.0);
        assert_eq!(picture.largest_window(NINE_SIXTEENTHS, (1.0, 0.5)).x, 1920.0 - 607.5);
    }

    #[test]
    fn wide_samples_narrow_the_window_on_the_grid() {
        let picture = upright(640, 360, Rational::new(2, 1));
        let grid = picture.to_grid(picture.largest_window(NINE_SIXTEENTHS, (0.5, 0.5)));
        assert_eq!(grid.width, 360.0 * 9.0 / 16.0 / 2.0);
        assert_eq!(grid.x + grid.width / 2.0, 320.0);
    }

    #[test]
    fn rationals_are_reduced() {
        assert_eq!(Rational::new(2002, 60000), Rational { num: 1001, den: 30000 });
        assert_eq!(Rational::new(0, 7), Rational { num: 0, den: 1 });
    }
}
