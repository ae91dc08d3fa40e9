//! Sizes, rectangles, rationals and orientations.
//!
//! Three pictures must be kept apart. The **stored** picture is what the decoder yields after its own crop. The
//! **upright grid** is the same samples turned by the display orientation; [`crate::frame::Frame`]s from the decoder
//! are upright grids. The **upright picture** is the upright grid measured in square pixels, that is stretched by the
//! sample aspect ratio; crop windows are given in it.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// A fraction; time bases, frame rates and sample aspect ratios. `den` is positive.
///
/// It is written as `30000/1001`, and read from that and from whole and decimal numbers (`25`, `4.92`). What was written as a
/// fraction is read as it was, not in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rational {
    /// Numerator.
    pub num: i64,
    /// Denominator, above zero.
    pub den: i64,
}

impl Rational {
    /// Makes `num / den` in lowest terms.
    ///
    /// # Panics
    /// When `den` is not positive.
    pub fn new(num: i64, den: i64) -> Self {
        assert!(den > 0, "a rational's denominator is positive");
        let divisor = gcd(num.unsigned_abs(), den.unsigned_abs()).max(1);
        let divisor = i64::try_from(divisor).unwrap_or(1);
        Self { num: num / divisor, den: den / divisor }
    }

    /// Gives the nearest floating-point number.
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

impl FromStr for Rational {
    type Err = NotRational;

    fn from_str(text: &str) -> Result<Self, NotRational> {
        if let Some((num, den)) = text.split_once('/') {
            let den = natural(den).filter(|&den| den > 0);
            return integer(num).zip(den).map(|(num, den)| Self { num, den }).ok_or(NotRational);
        }
        let Some((whole, fraction)) = text.split_once('.') else {
            return integer(text).map(|num| Self { num, den: 1 }).ok_or(NotRational);
        };
        natural(fraction).ok_or(NotRational)?;
        let digits = u32::try_from(fraction.len()).ok();
        let den = digits.and_then(|digits| 10_i64.checked_pow(digits)).ok_or(NotRational)?;
        // The sign counts for all digits, also where there is none but zero before the point.
        integer(whole)
            .and_then(|_| integer(&format!("{whole}{fraction}")))
            .map(|num| Self::new(num, den))
            .ok_or(NotRational)
    }
}

/// Reads digits alone; none where there is anything else, or more than fits.
fn natural(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Reads digits, with a minus sign before them or none.
fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    // The number as a whole is parsed, for the least has no positive counterpart.
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// A text that is no fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fraction is written as 30000/1001, 25 or 4.92, its denominator above zero")]
pub struct NotRational;

impl<'de> Deserialize<'de> for Rational {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Rational;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a fraction as text, such as \"30000/1001\", \"25\" or \"4.92\", or a whole number")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Rational, E> {
                text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }

            fn visit_i64<E: de::Error>(self, num: i64) -> Result<Rational, E> {
                Ok(Rational { num, den: 1 })
            }

            fn visit_u64<E: de::Error>(self, num: u64) -> Result<Rational, E> {
                let whole = i64::try_from(num).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(num), &self))?;
                self.visit_i64(whole)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Rational {
    fn schema_name() -> Cow<'static, str> {
        "Rational".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A fraction (\"30000/1001\"), a decimal number as text (\"4.92\"), or a whole number.",
            "anyOf": [
                { "type": "string", "pattern": r"^-?[0-9]+(/0*[1-9][0-9]*|\.[0-9]+)?$" },
                { "type": "integer" },
            ],
        })
    }
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// A size in samples or pixels; the context says of which picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Size {
    /// Counts the samples: width times height.
    pub fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Computes the least size that has room for this and another.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self { width: self.width.max(other.width), height: self.height.max(other.height) }
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// A fractional rectangle: `[x, x + width)` by `[y, y + height)`. Sample k covers `[k, k + 1)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
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

impl Window {
    /// Moves it into another, which is as large at least.
    #[must_use]
    pub fn moved_within(self, other: Self) -> Self {
        let last = |start: f64, span: f64, own: f64| start + (span - own).max(0.0);
        Self {
            x: self.x.clamp(other.x, last(other.x, other.width, self.width)),
            y: self.y.clamp(other.y, last(other.y, other.height, self.height)),
            ..self
        }
    }

    /// Tells whether another is wholly inside.
    pub fn holds(&self, other: Self) -> bool {
        self.x <= other.x
            && self.y <= other.y
            && other.x + other.width <= self.x + self.width
            && other.y + other.height <= self.y + self.height
    }

    /// Gives the least window that holds both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let (right, bottom) =
            ((self.x + self.width).max(other.x + other.width), (self.y + self.height).max(other.y + other.height));
        Self { x, y, width: right - x, height: bottom - y }
    }

    /// Moves it, and makes it smaller where it must be, so that it does not stick out of a picture of this size. One that lies
    /// inside stays as it is, to the last digit.
    #[must_use]
    pub fn moved_inside(self, width: f64, height: f64) -> Self {
        let along = |start: f64, span: f64, whole: f64| {
            let span = span.min(whole);
            let start = start.max(0.0);
            (if start + span > whole { whole - span } else { start }, span)
        };
        let ((x, width), (y, height)) = (along(self.x, self.width, width), along(self.y, self.height, height));
        Self { x, y, width, height }
    }
}

/// One of the eight ways in which a stored picture can be meant to be seen.
///
/// The upright sample at (x, y) is the stored sample at (u, v), where (u, v) is (y, x) if `transpose` and (x, y)
/// otherwise, then u becomes `stored_width - 1 - u` if `flip_x` and v becomes `stored_height - 1 - v` if `flip_y`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
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

    /// Gives the size of the upright grid of a stored picture of size `stored`.
    pub fn upright_size(self, stored: Size) -> Size {
        if self.transpose { Size { width: stored.height, height: stored.width } } else { stored }
    }
}

/// The upright picture: an upright grid and the shape of its samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Upright {
    /// Samples of the upright grid.
    pub grid: Size,
    /// Width of one sample of the upright grid over its height.
    pub sample_aspect: Rational,
}

impl Upright {
    /// Gives the width of the upright picture in square pixels. Its height is `grid.height`.
    pub fn width(&self) -> f64 {
        f64::from(self.grid.width) * self.sample_aspect.as_f64()
    }

    /// Gives the height of the upright picture in square pixels.
    pub fn height(&self) -> f64 {
        f64::from(self.grid.height)
    }

    /// Converts a window of the upright picture (square pixels) to samples of the upright grid.
    #[must_use]
    pub fn to_grid(&self, window: Window) -> Window {
        let aspect = self.sample_aspect.as_f64();
        Window { x: window.x / aspect, width: window.width / aspect, ..window }
    }

    /// Places the largest window of `shape` (width over height) that the picture holds, its centre as near to `centre`
    /// (fractions of the picture's width and height, 0 to 1) as the picture's edges allow.
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
    fn fractions_are_read_as_they_were_written() {
        for written in
            [Rational { num: 30000, den: 1001 }, Rational { num: -2, den: 4 }, Rational { num: i64::MIN, den: 9 }]
        {
            let text = serde_json::to_string(&written).unwrap();
            assert_eq!(serde_json::from_str::<Rational>(&text).unwrap(), written, "{text}");
        }
        let read = |text| serde_json::from_str::<Rational>(text).ok();
        assert_eq!(read("\"25\""), Some(Rational { num: 25, den: 1 }));
        assert_eq!(read("25"), Some(Rational { num: 25, den: 1 }));
        assert_eq!(read("-25"), Some(Rational { num: -25, den: 1 }));
        assert_eq!(read("\"4.92\""), Some(Rational { num: 123, den: 25 }));
        assert_eq!(read("\"-0.5\""), Some(Rational { num: -1, den: 2 }));
        assert_eq!(read("\"0.000000000000000001\""), Some(Rational { num: 1, den: 1_000_000_000_000_000_000 }));
    }

    #[test]
    fn what_is_no_fraction_is_refused() {
        let texts = [
            "",
            "/",
            "1/",
            "/2",
            "1/0",
            "1/-2",
            "-1/-2",
            "1/+2",
            "+1",
            "--1",
            "-",
            "1/2/3",
            " 1/2",
            "1 /2",
            "1e3",
            "x",
            "0x10",
            ".",
            ".5",
            "5.",
            "1.-5",
            "-.5",
            "1.5/2",
            "9223372036854775808",
            "1/9223372036854775808",
            "0.0000000000000000001",
            "92233720368547758.080",
            "١/٢",
        ];
        let taken: Vec<_> = texts.iter().filter(|text| text.parse::<Rational>().is_ok()).collect();
        assert!(taken.is_empty(), "{taken:?}");
        for json in ["4.92", "1.0", "null", "true", "[1, 2]", "{\"num\": 1, \"den\": 2}", "9223372036854775808", "1e3"]
        {
            assert!(serde_json::from_str::<Rational>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_window_that_sticks_out_a_little_is_moved_inside() {
        let window = |x, width| Window { x, y: 0.0, width, height: 1080.0 };
        assert_eq!(window(1312.505, 607.5).moved_inside(1920.0, 1080.0), window(1312.5, 607.5));
        assert_eq!(window(-0.005, 607.5).moved_inside(1920.0, 1080.0), window(0.0, 607.5));
        assert_eq!(window(-0.005, 1920.01).moved_inside(1920.0, 1080.0), window(0.0, 1920.0));
        assert_eq!(window(0.1, 607.5).moved_inside(1920.0, 1080.0), window(0.1, 607.5));
    }

    #[test]
    fn rationals_are_reduced() {
        assert_eq!(Rational::new(2002, 60000), Rational { num: 1001, den: 30000 });
        assert_eq!(Rational::new(0, 7), Rational { num: 0, den: 1 });
    }
}
