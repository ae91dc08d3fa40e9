//! The ladder: the list of rungs, one output size each.

use crate::error::{Error, Result};
use crate::geometry::{Rational, Size};
use std::str::FromStr;

/// The smallest side of a rung, in pixels.
pub const MIN_SIDE: u32 = 16;
/// The largest side of a rung, in pixels.
pub const MAX_SIDE: u32 = 16384;
/// The shape that a ladder has unless it says otherwise: width over height.
pub const VERTICAL: Rational = Rational { num: 9, den: 16 };
/// Distance, in pixels, that a side may have from the exact shape: sides are even, so the exact one cannot always be
/// had.
pub const ROUNDING: f64 = 2.0;

/// The rungs, in the order in which they were asked for: at least one, no size twice, sides even and from
/// [`MIN_SIDE`] to [`MAX_SIDE`], all of one shape within [`ROUNDING`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ladder {
    rungs: Vec<Size>,
    shape: Rational,
}

impl Ladder {
    /// Makes a ladder of these rungs.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] naming the rung that cannot be and the rule that it breaks.
    pub fn new(rungs: Vec<Size>) -> Result<Self> {
        let first = *rungs.first().ok_or_else(|| Error::invalid("ladder", "", "is empty; give at least one size"))?;
        for (index, &rung) in rungs.iter().enumerate() {
            for (side, name) in [(rung.width, "width"), (rung.height, "height")] {
                if !(MIN_SIDE..=MAX_SIDE).contains(&side) {
                    let rule = format!("the {name} must be from {MIN_SIDE} to {MAX_SIDE} pixels");
                    return Err(Error::invalid("rung", rung, rule));
                }
                if side % 2 != 0 {
                    return Err(Error::invalid("rung", rung, format!("the {name} must be even")));
                }
            }
            if rungs[..index].contains(&rung) {
                return Err(Error::invalid("rung", rung, "listed twice"));
            }
        }
        let shape = if rungs.iter().all(|&rung| has_shape(rung, VERTICAL)) {
            VERTICAL
        } else {
            Rational::new(first.width.into(), first.height.into())
        };
        match rungs.iter().find(|&&rung| !has_shape(rung, shape)) {
            Some(rung) => {
                let Rational { num, den } = shape;
                let rule =
                    format!("not of the shape {num}:{den} of the first rung, {first}; all rungs show the same window");
                Err(Error::invalid("rung", rung, rule))
            }
            None => Ok(Self { rungs, shape }),
        }
    }

    /// Gives the output sizes, in the order in which they were asked for.
    pub fn rungs(&self) -> &[Size] {
        &self.rungs
    }

    /// Gives width over height of the window that all rungs show: [`VERTICAL`] when that fits them all, else the exact
    /// ratio of the first rung.
    pub fn shape(&self) -> Rational {
        self.shape
    }
}

impl Default for Ladder {
    /// Makes the ladder 1080x1920, 720x1280, 540x960, 360x640.
    fn default() -> Self {
        let size = |width, height| Size { width, height };
        Self { rungs: vec![size(1080, 1920), size(720, 1280), size(540, 960), size(360, 640)], shape: VERTICAL }
    }
}

impl FromStr for Ladder {
    type Err = Error;

    /// Reads sizes with commas between them, each `WIDTHxHEIGHT`, or `WIDTH` alone with the height of 9:16 rounded to
    /// the nearest even number.
    fn from_str(text: &str) -> Result<Self> {
        Self::new(text.split(',').map(|rung| parse_rung(rung.trim())).collect::<Result<_>>()?)
    }
}

fn parse_rung(text: &str) -> Result<Size> {
    let wrong =
        || Error::invalid("rung", format!("{text:?}"), "not a size; write 1080x1920, or 1080 for the height of 9:16");
    let side = |digits: &str| match digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true => digits.parse::<u32>().map_err(|_| wrong()),
        false => Err(wrong()),
    };
    match text.split_once('x') {
        Some((width, height)) => Ok(Size { width: side(width)?, height: side(height)? }),
        None => {
            let width = side(text)?;
            // Half the height is width * 8 / 9; too wide a rung keeps a height that is refused with it.
            let half = (u64::from(width) * 16 + 9) / 18;
            Ok(Size { width, height: u32::try_from(half * 2).unwrap_or(u32::MAX) })
        }
    }
}

/// Compares shapes: true when moving one side by at most [`ROUNDING`] gives `shape`.
fn has_shape(size: Size, shape: Rational) -> bool {
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    let off = (height - width / shape.as_f64()).abs().min((width - height * shape.as_f64()).abs());
    off <= ROUNDING
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sizes(text: &str) -> Vec<(u32, u32)> {
        text.parse::<Ladder>().unwrap().rungs().iter().map(|rung| (rung.width, rung.height)).collect()
    }

    fn refusal(text: &str) -> String {
        match text.parse::<Ladder>() {
            Err(error @ Error::InvalidOption { .. }) => error.to_string(),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn sizes_and_widths_are_read() {
        assert_eq!(sizes("1080x1920,720x1280"), [(1080, 1920), (720, 1280)]);
        assert_eq!(sizes("1080, 720"), [(1080, 1920), (720, 1280)]);
        assert_eq!(sizes("540,360x640"), [(540, 960), (360, 640)]);
    }

    #[test]
    fn a_width_alone_gets_the_nearest_even_height() {
        assert_eq!(sizes("608"), [(608, 1080)]); // exactly 1080.9
        assert_eq!(sizes("606"), [(606, 1078)]); // exactly 1077.3
        assert_eq!(sizes("16"), [(16, 28)]); // exactly 28.4
    }

    #[test]
    fn the_default_is_what_its_text_says() {
        assert_eq!("1080x1920,720x1280,540x960,360x640".parse::<Ladder>().unwrap(), Ladder::default());
    }

    #[test]
    fn nine_by_sixteen_is_preferred_and_other_shapes_are_the_first_rungs() {
        assert_eq!("1080,608".parse::<Ladder>().unwrap().shape(), VERTICAL);
        assert_eq!("1080x1350,720x900".parse::<Ladder>().unwrap().shape(), Rational::new(4, 5));
        assert_eq!("1080x1080".parse::<Ladder>().unwrap().shape(), Rational::new(1, 1));
    }

    #[test]
    fn an_impossible_rung_is_named_with_its_rule() {
        for (text, rung, rule) in [
            ("1080,721x1280", "721x1280", "width must be even"),
            ("720x1281", "720x1281", "height must be even"),
            ("0", "0x0", "from 16 to 16384"),
            ("0x16", "0x16", "from 16 to 16384"),
            ("14x32", "14x32", "width must be from 16"),
            ("16x16386", "16x16386", "height must be from 16"),
            ("9218", "9218x16388", "height must be from 16"),
            ("4294967295", "4294967295x", "from 16"),
            ("4294967296", "4294967296", "not a size"),
            ("1080x1920,720x1280,1080", "1080x1920", "twice"),
            ("1080x1920,720x720", "720x720", "shape"),
            ("1080x1350,720x1280", "720x1280", "4:5"),
            ("", "\"\"", "not a size"),
            ("1080,", "\"\"", "not a size"),
            ("-720", "-720", "not a size"),
            ("+720", "+720", "not a size"),
            ("720x", "720x", "not a size"),
            ("720x1280x1", "720x1280x1", "not a size"),
            ("720p", "720p", "not a size"),
        ] {
            let message = refusal(text);
            assert!(message.contains(rung) && message.contains(rule), "{text}: {message}");
        }
    }

    #[test]
    fn an_empty_ladder_is_refused() {
        assert!(matches!(Ladder::new(Vec::new()), Err(Error::InvalidOption { .. })));
    }

    proptest! {
        #[test]
        fn every_even_width_makes_a_vertical_rung(half in 8_u32..4608) {
            let ladder: Ladder = (half * 2).to_string().parse().unwrap();
            prop_assert_eq!(ladder.shape(), VERTICAL);
            let height = f64::from(ladder.rungs()[0].height);
            prop_assert!((height - f64::from(half * 2) * 16.0 / 9.0).abs() <= 1.0);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9x, +p-]{0,20}") {
            let _ = text.parse::<Ladder>();
        }
    }
}
