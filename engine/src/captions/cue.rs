//! What captions say, where, and when.

use std::fmt;

/// Who captions are for: the caption channels of CEA-608, and the services of CEA-708.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Track {
    /// Field 1, channel 1: the captions in the programme's language.
    Cc1,
    /// Field 1, channel 2.
    Cc2,
    /// Field 2, channel 1: often a second language.
    Cc3,
    /// Field 2, channel 2.
    Cc4,
    /// A service of CEA-708, from 1 to 63; 1 is in the programme's language.
    Service(u8),
}

impl fmt::Display for Track {
    /// The names that HLS has for tracks in its INSTREAM-ID; RFC 8216, section 4.3.4.1.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cc1 => f.write_str("CC1"),
            Self::Cc2 => f.write_str("CC2"),
            Self::Cc3 => f.write_str("CC3"),
            Self::Cc4 => f.write_str("CC4"),
            Self::Service(number) => write!(f, "SERVICE{number}"),
        }
    }
}

/// The colour of letters. Black is not among them: it is meant for a bright ground, and grounds are left to the player.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Colour {
    /// What captions are without a colour.
    #[default]
    White,
    /// Red and green.
    Yellow,
    /// Green, which WebVTT calls lime.
    Green,
    /// Green and blue.
    Cyan,
    /// Blue.
    Blue,
    /// Red and blue.
    Magenta,
    /// Red.
    Red,
}

impl Colour {
    /// Finds the colour that is nearest; each part is from 0 to 255. Black and dark grey become white.
    pub fn nearest([red, green, blue]: [u8; 3]) -> Self {
        match [red, green, blue].map(|part| part >= 128) {
            [true, true, false] => Self::Yellow,
            [false, true, false] => Self::Green,
            [false, true, true] => Self::Cyan,
            [false, false, true] => Self::Blue,
            [true, false, true] => Self::Magenta,
            [true, false, false] => Self::Red,
            [true, true, true] | [false, false, false] => Self::White,
        }
    }
}

/// How letters look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Style {
    /// Whether they are bold; closed captions never are.
    pub bold: bool,
    /// Whether they lean.
    pub italic: bool,
    /// Whether there is a line under them.
    pub underline: bool,
    /// Their colour.
    pub colour: Colour,
}

/// Letters of one style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The letters, without line breaks.
    pub text: String,
    /// How they look.
    pub style: Style,
}

/// A line of text, neither beginning nor ending with spaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Its text, from left to right.
    pub runs: Vec<Run>,
}

impl Line {
    /// Makes a line of letters with their styles. Spaces at its ends are dropped, and spaces between letters of one
    /// style take that if their own cannot be seen; so a style goes on from word to word.
    pub fn of(letters: impl IntoIterator<Item = (char, Style)>) -> Self {
        let mut line = Self::default();
        // Spaces that are followed by nothing, so far.
        let mut spaces: Vec<(char, Style)> = Vec::new();
        for (letter, style) in letters {
            if letter.is_whitespace() {
                spaces.push((letter, style));
                continue;
            }
            let before = line.runs.last().map(|run| run.style);
            for (space, looks) in spaces.drain(..).filter(|_| before.is_some()) {
                let goes_on = before == Some(style) && looks.underline == style.underline;
                line.add(space, if goes_on { style } else { looks });
            }
            line.add(letter, style);
        }
        line
    }

    fn add(&mut self, letter: char, style: Style) {
        match self.runs.last_mut() {
            Some(last) if last.style == style => last.text.push(letter),
            _ => self.runs.push(Run { text: letter.to_string(), style }),
        }
    }

    /// Joins the letters, without their styles.
    pub fn text(&self) -> String {
        self.runs.iter().map(|run| run.text.as_str()).collect()
    }

    /// Counts its letters and spaces.
    pub fn length(&self) -> usize {
        self.runs.iter().map(|run| run.text.chars().count()).sum()
    }
}

/// The part of the picture that text takes, in thousandths of the picture's height and width, from 0 to 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// From the picture's top to that of the first line.
    pub top: u16,
    /// From the picture's top to the bottom of the last line.
    pub bottom: u16,
    /// From the picture's left to the leftmost letter.
    pub left: u16,
    /// From the picture's left to the end of the rightmost letter.
    pub right: u16,
}

/// One caption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cue {
    /// Whose it is.
    pub track: Track,
    /// The frame that shows it first, in the ticks that frames were given in.
    pub start: i64,
    /// The frame that shows it no more; later than `start`.
    pub end: i64,
    /// Its text, from top to bottom; at least one line.
    pub lines: Vec<Line>,
    /// Where it is.
    pub place: Place,
}

impl Cue {
    /// Joins its lines, without styles.
    pub fn text(&self) -> String {
        self.lines.iter().map(Line::text).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style { bold: false, italic: false, underline: false, colour: Colour::White };
    const ITALIC: Style = Style { italic: true, ..PLAIN };
    const UNDERLINED: Style = Style { underline: true, ..PLAIN };

    fn styled(parts: &[(&str, Style)]) -> Line {
        Line::of(parts.iter().flat_map(|(text, style)| text.chars().map(|letter| (letter, *style))))
    }

    #[test]
    fn lines_have_no_spaces_at_their_ends() {
        assert_eq!(styled(&[("  a b ", PLAIN), (" ", ITALIC)]).text(), "a b");
        assert_eq!(styled(&[("   ", UNDERLINED)]), Line::default());
    }

    #[test]
    fn spaces_divide_no_runs_unless_they_are_seen() {
        let line = styled(&[("a", ITALIC), (" ", PLAIN), ("b", ITALIC), (" ", PLAIN), ("c", PLAIN)]);
        let runs: Vec<_> = line.runs.iter().map(|run| (run.text.as_str(), run.style)).collect();
        assert_eq!(runs, [("a b", ITALIC), (" c", PLAIN)]);
        let line = styled(&[("a", UNDERLINED), (" ", PLAIN), ("b", UNDERLINED)]);
        assert_eq!(line.runs.len(), 3);
        assert_eq!(line.length(), 3);
    }

    #[test]
    fn dark_letters_become_white() {
        assert_eq!(Colour::nearest([0, 0, 0]), Colour::White);
        assert_eq!(Colour::nearest([85, 85, 85]), Colour::White);
        assert_eq!(Colour::nearest([170, 255, 0]), Colour::Yellow);
    }
}
