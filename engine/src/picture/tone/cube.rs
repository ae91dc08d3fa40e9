//! Reads looks in files of `.cube`: tables of three dimensions by Adobe's *Cube LUT Specification* 1.0 (2013).

use std::num::{IntErrorKind, ParseFloatError};
use thiserror::Error;

/// Most nodes along an axis; the specification's limit.
pub const MOST_NODES: usize = 256;

/// Says what is wrong with a file, and on which line, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line} of the .cube file: {fault}")]
pub struct CubeError {
    /// The line.
    pub line: usize,
    /// What is wrong.
    pub fault: CubeFault,
}

/// What can be wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CubeFault {
    /// A table of one dimension, with or without one of three.
    #[error("LUT_1D_SIZE: only tables of three dimensions are taken; export the look as one, without a shaper")]
    OneDimension,
    /// A keyword that is not of the specification.
    #[error("{0} is no keyword that is known (TITLE, DOMAIN_MIN, DOMAIN_MAX, LUT_3D_SIZE, LUT_3D_INPUT_RANGE)")]
    Keyword(String),
    /// A keyword that came before.
    #[error("{0} is there twice")]
    Twice(&'static str),
    /// A keyword among or after the rows of the table.
    #[error("{0} comes after the table has begun")]
    Late(String),
    /// A size that is none.
    #[error("LUT_3D_SIZE is followed by one whole number from 2 to {MOST_NODES}, not by {0:?}")]
    Size(String),
    /// A row before the size.
    #[error("the table begins before LUT_3D_SIZE says how large it is")]
    NoSize,
    /// A title that is not in quotes.
    #[error("TITLE is followed by a text in quotes, not by {0:?}")]
    Title(String),
    /// Something that is not a number, or not finite.
    #[error("{0:?} is not a finite number")]
    Number(String),
    /// A line of other than that many numbers.
    #[error("{found} numbers where {expected} are needed")]
    Count {
        /// How many there have to be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A domain of no width.
    #[error("the domain is empty along some axis; DOMAIN_MAX has to be above DOMAIN_MIN")]
    Domain,
    /// More rows than the size asks for.
    #[error("a row beyond the {0} of the table")]
    TooMany(usize),
    /// Fewer.
    #[error("the file ends after {found} of {expected} rows of the table")]
    TooFew {
        /// How many there have to be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
}

/// A look: a table from R'G'B' to R'G'B'.
#[derive(Clone, Debug, PartialEq)]
pub struct Cube {
    /// What the file calls it, empty where it does not.
    pub title: String,
    nodes: usize,
    /// What the first and the last node of each axis stand for.
    domain: [[f64; 3]; 2],
    /// Red varies fastest.
    table: Vec<[f32; 3]>,
}

impl Cube {
    /// Reads a file's text.
    ///
    /// # Errors
    /// [`CubeError`] with the line that is wrong; where the file is too short, with its last one.
    pub fn parse(text: &str) -> Result<Self, CubeError> {
        let mut reader = Reader::default();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut last = 1;
        for (index, line) in text.lines().enumerate() {
            last = index + 1;
            reader.line(line.trim()).map_err(|fault| CubeError { line: last, fault })?;
        }
        reader.finish().map_err(|fault| CubeError { line: last, fault })
    }

    /// Tells how many nodes an axis has, 2 to 256.
    pub fn nodes(&self) -> usize {
        self.nodes
    }

    /// Applies the look to R'G'B', by tetrahedral interpolation; what lies outside the domain is taken to its edge
    /// first.
    ///
    /// A cell is cut into the six tetrahedra along its grey diagonal, so that greys are mixed of greys: J. Kasson, S.
    /// Nin, W. Plouffe, J. Hafner, *Performing color space conversions with three-dimensional linear interpolation*,
    /// 1995.
    pub fn apply(&self, rgb: [f64; 3]) -> [f64; 3] {
        let last = self.nodes - 1;
        let strides = [1, self.nodes, self.nodes * self.nodes];
        let mut base = 0;
        let mut axes = [(0.0, 0); 3];
        for axis in 0..3 {
            let [least, most] = self.domain.map(|corner| corner[axis]);
            // The largest goes first, so that what is not a number becomes the least.
            let place = ((rgb[axis] - least) / (most - least) * last as f64).max(0.0).min(last as f64);
            let cell = (place as usize).min(last - 1);
            base += cell * strides[axis];
            axes[axis] = (place - cell as f64, strides[axis]);
        }
        axes.sort_by(|a, b| b.0.total_cmp(&a.0));
        let [(first, along_first), (second, along_second), (third, along_third)] = axes;
        let corners = [
            (0, 1.0 - first),
            (along_first, first - second),
            (along_first + along_second, second - third),
            (along_first + along_second + along_third, third),
        ];
        let mut mixed = [0.0; 3];
        for (offset, weight) in corners {
            let node = self.table.get(base + offset).copied().unwrap_or_default();
            for (mixed, value) in mixed.iter_mut().zip(node) {
                *mixed += weight * f64::from(value);
            }
        }
        mixed
    }
}

/// What was read so far.
#[derive(Default)]
struct Reader {
    title: Option<String>,
    nodes: Option<usize>,
    least: Option<[f64; 3]>,
    most: Option<[f64; 3]>,
    table: Vec<[f32; 3]>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), CubeFault> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if line.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) {
            return self.row(line);
        }
        let (keyword, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        // A row whose first number is none is more likely than a keyword here.
        if !self.table.is_empty() {
            let number = keyword.parse::<f32>().is_ok();
            return Err(if number { CubeFault::Number(keyword.into()) } else { CubeFault::Late(keyword.into()) });
        }
        match keyword {
            "TITLE" => {
                let title = rest.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                let title = title.ok_or_else(|| CubeFault::Title(rest.into()))?;
                once(&mut self.title, "TITLE", title.to_owned())
            }
            "DOMAIN_MIN" => once(&mut self.least, "DOMAIN_MIN", numbers(rest)?),
            "DOMAIN_MAX" => once(&mut self.most, "DOMAIN_MAX", numbers(rest)?),
            // DaVinci Resolve's way to say the same of all channels.
            "LUT_3D_INPUT_RANGE" => {
                let [least, most] = numbers(rest)?;
                once(&mut self.least, "LUT_3D_INPUT_RANGE", [least; 3])?;
                once(&mut self.most, "LUT_3D_INPUT_RANGE", [most; 3])
            }
            "LUT_3D_SIZE" => once(&mut self.nodes, "LUT_3D_SIZE", size(rest)?),
            "LUT_1D_SIZE" | "LUT_1D_INPUT_RANGE" => Err(CubeFault::OneDimension),
            _ if keyword.parse::<f32>().is_ok() => Err(CubeFault::Number(keyword.into())),
            _ => Err(CubeFault::Keyword(keyword.chars().take(40).collect())),
        }
    }

    fn row(&mut self, line: &str) -> Result<(), CubeFault> {
        let rows = self.nodes.ok_or(CubeFault::NoSize)?.pow(3);
        if self.table.len() == rows {
            return Err(CubeFault::TooMany(rows));
        }
        let row: [f64; 3] = numbers(line)?;
        self.table.push(row.map(|value| value as f32));
        Ok(())
    }

    fn finish(self) -> Result<Cube, CubeFault> {
        let nodes = self.nodes.ok_or(CubeFault::NoSize)?;
        let (expected, found) = (nodes.pow(3), self.table.len());
        if found < expected {
            return Err(CubeFault::TooFew { expected, found });
        }
        let domain = [self.least.unwrap_or([0.0; 3]), self.most.unwrap_or([1.0; 3])];
        if domain[0].iter().zip(domain[1]).any(|(least, most)| *least >= most) {
            return Err(CubeFault::Domain);
        }
        Ok(Cube { title: self.title.unwrap_or_default(), nodes, domain, table: self.table })
    }
}

fn once<T>(place: &mut Option<T>, keyword: &'static str, value: T) -> Result<(), CubeFault> {
    match place.replace(value) {
        Some(_) => Err(CubeFault::Twice(keyword)),
        None => Ok(()),
    }
}

fn size(text: &str) -> Result<usize, CubeFault> {
    let parsed = text.parse::<usize>().map_err(|error| matches!(error.kind(), IntErrorKind::Empty));
    parsed
        .ok()
        .filter(|nodes| (2..=MOST_NODES).contains(nodes))
        .ok_or_else(|| CubeFault::Size(text.chars().take(40).collect()))
}

fn numbers<const COUNT: usize>(text: &str) -> Result<[f64; COUNT], CubeFault> {
    let mut numbers = [0.0; COUNT];
    let mut found = 0;
    for word in text.split_whitespace() {
        let number = word.parse::<f32>().map_err(|_: ParseFloatError| ()).ok().filter(|number| number.is_finite());
        let number = number.ok_or_else(|| CubeFault::Number(word.chars().take(40).collect()))?;
        if let Some(place) = numbers.get_mut(found) {
            *place = f64::from(number);
        }
        found += 1;
    }
    if found == COUNT { Ok(numbers) } else { Err(CubeFault::Count { expected: COUNT, found }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file whose rows are `value` of red, green and blue of the node.
    fn file(head: &str, nodes: usize, value: impl Fn([f64; 3]) -> [f64; 3]) -> String {
        let mut text = format!("{head}\nLUT_3D_SIZE {nodes}\n");
        let part = |at: usize| at as f64 / (nodes - 1) as f64;
        for b in 0..nodes {
            for g in 0..nodes {
                for r in 0..nodes {
                    let [r, g, b] = value([r, g, b].map(part));
                    text += &format!("{r:.7} {g:.7} {b:.7}\n");
                }
            }
        }
        text
    }

    fn fault(text: &str) -> (usize, String) {
        let error = Cube::parse(text).unwrap_err();
        assert!(error.to_string().starts_with(&format!("line {} of", error.line)));
        (error.line, error.fault.to_string())
    }

    #[test]
    fn what_is_linear_comes_out_exactly_whatever_the_domain() {
        let turn = |[r, g, b]: [f64; 3]| [0.9 * g + 0.05, 0.5 * b + 0.25 * r, 1.0 - r];
        for nodes in [2, 3, 17, 33] {
            let cube = Cube::parse(&file("TITLE \"A look, turned\"", nodes, turn)).unwrap();
            assert_eq!((cube.title.as_str(), cube.nodes()), ("A look, turned", nodes));
            for rgb in [[0.0; 3], [1.0; 3], [0.1, 0.2, 0.3], [0.9, 0.3, 0.3], [0.3, 0.99, 0.5], [0.21, 0.7, 0.8]] {
                for (value, expected) in cube.apply(rgb).iter().zip(turn(rgb)) {
                    assert!((value - expected).abs() < 1e-6, "{rgb:?}");
                }
            }
            // Beyond the domain the edge is taken.
            assert_eq!(cube.apply([-1.0, 7.0, f64::NAN]), cube.apply([0.0, 1.0, 0.0]));
        }
        let wide = Cube::parse(&file("DOMAIN_MIN -1 -1 0\r\nDOMAIN_MAX 1 3 2\r", 5, |rgb| rgb)).unwrap();
        for (value, expected) in wide.apply([0.0, 0.0, 0.5]).iter().zip([0.5, 0.25, 0.25]) {
            assert!((value - expected).abs() < 1e-6);
        }
        let resolve = Cube::parse(&file("\u{feff}# of Resolve\nLUT_3D_INPUT_RANGE 0.0 2.0", 2, |rgb| rgb)).unwrap();
        assert!((resolve.apply([1.0; 3])[1] - 0.5).abs() < 1e-6);
    }

    #[test]
    fn a_cell_is_cut_along_its_grey_diagonal() {
        // Only white is bright: along grey the product of weights is linear, which trilinear interpolation does not
        // give.
        let cube = Cube::parse(&file("", 2, |[r, g, b]| [r * g * b; 3])).unwrap();
        assert!((cube.apply([0.5; 3])[0] - 0.5).abs() < 1e-7);
        assert!((cube.apply([0.9, 0.2, 0.5])[0] - 0.2).abs() < 1e-7);
    }

    #[test]
    fn faults_are_said_with_their_lines() {
        let cases = [
            ("", 1, "before LUT_3D_SIZE"),
            ("LUT_3D_SIZE 1\n", 1, "from 2 to 256, not by \"1\""),
            ("LUT_3D_SIZE 257\n", 1, "from 2 to 256"),
            ("LUT_3D_SIZE 99999999999999999999\n", 1, "from 2 to 256"),
            ("LUT_3D_SIZE -2\n", 1, "from 2 to 256"),
            ("LUT_3D_SIZE\n", 1, "not by \"\""),
            ("# shaper\nLUT_1D_SIZE 16\nLUT_3D_SIZE 2\n", 2, "without a shaper"),
            ("0 0 0\nLUT_3D_SIZE 2\n", 1, "before LUT_3D_SIZE"),
            ("LUT_3D_SIZE 2\nLUT_3D_SIZE 2\n", 2, "twice"),
            ("LUT_3D_SIZE 2\n0 0 0\n0 nan 0\n", 3, "\"nan\" is not a finite"),
            ("LUT_3D_SIZE 2\n0 0 0\ninf 0 0\n", 3, "\"inf\" is not a finite"),
            ("LUT_3D_SIZE 2\nNaN 0 0\n", 2, "\"NaN\" is not a finite"),
            ("LUT_3D_SIZE 2\n0 1e99 0\n", 2, "\"1e99\" is not a finite"),
            ("LUT_3D_SIZE 2\n0 0\n", 2, "2 numbers where 3"),
            ("LUT_3D_SIZE 2\n0 0 0 0\n", 2, "4 numbers where 3"),
            ("LUT_3D_SIZE 2\n0 0 0\nTITLE \"late\"\n", 3, "TITLE comes after"),
            ("TITLE look\n", 1, "in quotes"),
            ("GAMMA 2\n", 1, "GAMMA is no keyword"),
            ("LUT_3D_SIZE 2\n0 0 0\n\n", 3, "after 1 of 8 rows"),
        ];
        for (text, line, part) in cases {
            let (at, fault) = fault(text);
            assert!(at == line && fault.contains(part), "{text:?}: line {at}: {fault}");
        }
        let whole = file("", 2, |rgb| rgb);
        assert_eq!(fault(&(whole.clone() + "1 1 1\n")), (11, "a row beyond the 8 of the table".into()));
        assert!(fault(&("DOMAIN_MIN 0 1 0\n".to_owned() + &whole)).1.contains("is empty"));
    }

    #[test]
    fn no_text_makes_it_panic() {
        // A walk over texts that are nearly right.
        let whole = file("TITLE \"x\"\nDOMAIN_MIN 0 0 0", 2, |rgb| rgb);
        let pieces = ["", "\n", "1e400 ", "LUT_3D_SIZE 256\n", "\u{feff}", "\"", "-", "é", "DOMAIN_MAX nan 1 1\n"];
        for cut in (0..whole.len()).filter(|&cut| whole.is_char_boundary(cut)) {
            for piece in pieces {
                let _ = Cube::parse(&format!("{}{piece}{}", &whole[..cut], &whole[cut..]));
                let _ = Cube::parse(&format!("{}{piece}", &whole[..cut]));
            }
        }
    }
}
