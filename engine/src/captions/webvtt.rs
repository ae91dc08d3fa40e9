//! Cues as WebVTT, of the W3C. Sections are those of its candidate recommendation of 4 April 2019.

use super::cue::{Colour, Cue, Line, Place, Run};
use crate::geometry::Rational;
use std::fmt;

/// What a file begins with; section 4.1.
pub(crate) const WEBVTT_HEADER: &str = "WEBVTT\n\n";

/// From here on, in thousandths of the picture's height, the end of text is at the bottom: the lowest three of 15 rows.
const BOTTOM: u16 = 790;
/// Text whose middle is further left than this, in thousandths of the picture's width, is meant to be on the left.
const LEFT: u16 = 375;
/// Where text on the left begins, in percent of the width.
const MARGIN: u16 = 10;

/// Where a player shows text; section 4.4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The top of the text, in thousandths of the picture's height, from 0 to 1000. None leaves it to the player, which
    /// shows it at the bottom, clear of its controls, and moves it up as lines are wrapped.
    pub top: Option<u16>,
    /// Whether lines begin on the left; otherwise they are centred.
    pub left: bool,
}

impl Settings {
    /// Reads settings of a file: the line, where it is told in percent of the picture or counts lines from its top, and whether text
    /// begins on the left. What else there is is left out.
    pub fn read(text: &str) -> Self {
        let value = |name: &str| {
            text.split_whitespace().find_map(|setting| setting.strip_prefix(name)?.strip_prefix(':'))?.split(',').next()
        };
        let line = value("line");
        let percent = line.and_then(|line| line.strip_suffix('%')?.parse::<f32>().ok());
        // As closed captions have it, of 15 lines.
        let counted = line.and_then(|line| line.parse::<u8>().ok()).map(|line| f32::from(line) * 100.0 / 15.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held to 0 to 1000")]
        let top = percent.or(counted).map(|percent| (percent * 10.0).round().clamp(0.0, 1000.0) as u16);
        let left = matches!(value("align"), Some("start" | "left"));
        Self { top: top.filter(|&top| top < BOTTOM), left }
    }
}

impl From<Place> for Settings {
    /// Keeps the height, and centres what is not clearly on the left. In an upright picture lines are wrapped anew, so
    /// that columns mean nothing more. Text at the bottom stays there, however many lines it takes.
    fn from(place: Place) -> Self {
        let top = (place.bottom < BOTTOM).then_some(place.top);
        Self { top, left: u32::from(place.left) + u32::from(place.right) < 2 * u32::from(LEFT) }
    }
}

impl fmt::Display for Settings {
    /// Writes them as they stand behind the times, each behind a space.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(top) = self.top.map(|top| top.min(1000)) {
            match top % 10 {
                0 => write!(f, " line:{}%", top / 10)?,
                tenths => write!(f, " line:{}.{tenths}%", top / 10)?,
            }
        }
        if self.left {
            write!(f, " position:{MARGIN}% align:start")?;
        }
        Ok(())
    }
}

/// Text with its tags, and where it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CueText {
    /// One or more lines; section 4.2.2.
    pub text: String,
    /// Where it is shown.
    pub settings: Settings,
}

impl CueText {
    /// Writes lines with their styles.
    pub fn of(lines: &[Line], settings: Settings) -> Self {
        let lines: Vec<String> = lines.iter().map(|line| line.runs.iter().map(tagged).collect::<String>()).collect();
        Self { text: lines.join("\n"), settings }
    }
}

impl From<&Cue> for CueText {
    fn from(cue: &Cue) -> Self {
        Self::of(&cue.lines, cue.place.into())
    }
}

/// Writes a cue, with the empty line that ends it. Times are in ticks of `time_base` seconds, and are rounded to the
/// nearest millisecond; those before 0 are 0. The end is at least a millisecond after the start, as players want it.
pub(crate) fn webvtt_cue(start: i64, end: i64, time_base: Rational, cue: &CueText) -> String {
    let start = milliseconds(start, time_base);
    let end = milliseconds(end, time_base).max(start.saturating_add(1));
    format!("{} --> {}{}\n{}\n\n", Timestamp(start), Timestamp(end), cue.settings, cue.text)
}

/// Milliseconds, written as a time; section 4.1.
struct Timestamp(u64);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, milliseconds) = (self.0 / 1000, self.0 % 1000);
        let (minutes, seconds) = (seconds / 60, seconds % 60);
        write!(f, "{:02}:{:02}:{seconds:02}.{milliseconds:03}", minutes / 60, minutes % 60)
    }
}

fn milliseconds(ticks: i64, time_base: Rational) -> u64 {
    let numerator = i128::from(ticks).saturating_mul(i128::from(time_base.num.max(1))).saturating_mul(1000);
    let denominator = i128::from(time_base.den.max(1));
    let rounded = numerator.saturating_add(denominator / 2).div_euclid(denominator);
    u64::try_from(rounded.max(0)).unwrap_or(u64::MAX)
}

/// Writes letters within the tags of their style; section 4.2.2, and 5.1 for the classes of colours, which players
/// know.
fn tagged(run: &Run) -> String {
    let style = run.style;
    let class = match style.colour {
        Colour::White => None,
        Colour::Yellow => Some("yellow"),
        Colour::Green => Some("lime"),
        Colour::Cyan => Some("cyan"),
        Colour::Blue => Some("blue"),
        Colour::Magenta => Some("magenta"),
        Colour::Red => Some("red"),
    };
    let tags = [(style.bold, "b"), (style.italic, "i"), (style.underline, "u")];
    let tags: Vec<&str> = tags.into_iter().filter_map(|(is_set, tag)| is_set.then_some(tag)).collect();
    let mut text = String::new();
    if let Some(class) = class {
        text.extend(["<c.", class, ">"]);
    }
    for tag in &tags {
        text.extend(["<", tag, ">"]);
    }
    for letter in run.text.chars() {
        match letter {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            // Required nowhere but in "-->".
            '>' => text.push_str("&gt;"),
            '\u{a0}' => text.push_str("&nbsp;"),
            // Line breaks would end the cue, and no player shows the others.
            letter if letter.is_control() => {}
            letter => text.push(letter),
        }
    }
    for tag in tags.iter().rev() {
        text.extend(["</", tag, ">"]);
    }
    if class.is_some() {
        text.push_str("</c>");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captions::cue::Style;

    const SECOND: Rational = Rational { num: 1, den: 1 };
    const NTSC: Rational = Rational { num: 1001, den: 30000 };

    fn line(parts: &[(&str, Style)]) -> Line {
        Line::of(parts.iter().flat_map(|(text, style)| text.chars().map(|letter| (letter, *style))))
    }

    fn times(start: i64, end: i64, time_base: Rational) -> String {
        let cue = CueText { text: String::new(), settings: Settings::default() };
        webvtt_cue(start, end, time_base, &cue).lines().next().unwrap().to_owned()
    }

    #[test]
    fn times_are_rounded_to_the_nearest_millisecond() {
        // 1 and 2 frames are 33.367 and 66.733 ms; 107892 frames are 3599996.4 ms.
        assert_eq!(times(1, 2, NTSC), "00:00:00.033 --> 00:00:00.067");
        assert_eq!(times(107_892, 107_893, NTSC), "00:59:59.996 --> 01:00:00.030");
        assert_eq!(times(360_000, 3_600_000, SECOND), "100:00:00.000 --> 1000:00:00.000");
        let halves = Rational { num: 1, den: 2000 };
        assert_eq!(times(1, 3, halves), "00:00:00.001 --> 00:00:00.002");
    }

    #[test]
    fn the_end_is_behind_the_start() {
        let short = Rational { num: 1, den: 10_000 };
        assert_eq!(times(1, 2, short), "00:00:00.000 --> 00:00:00.001");
        assert_eq!(times(9, 3, SECOND), "00:00:09.000 --> 00:00:09.001");
        assert_eq!(times(-5, -3, SECOND), "00:00:00.000 --> 00:00:00.001");
        assert!(times(i64::MIN, i64::MAX, Rational { num: i64::MAX, den: 1 }).starts_with("00:00:00.000 --> "));
        assert!(times(i64::MAX, i64::MAX, Rational { num: i64::MAX, den: -1 }).contains(" --> "));
    }

    #[test]
    fn text_is_escaped_and_tagged() {
        let italic = Style { italic: true, ..Style::default() };
        let all = Style { bold: true, italic: true, underline: true, colour: Colour::Green };
        let lines = [line(&[("a --> <b> & ", Style::default()), ("c", italic)]), line(&[("d\u{a0}e\n", all)])];
        assert_eq!(
            CueText::of(&lines, Settings::default()).text,
            "a --&gt; &lt;b&gt; &amp; <i>c</i>\n<c.lime><b><i><u>d&nbsp;e</u></i></b></c>"
        );
    }

    #[test]
    fn settings_of_files_are_understood() {
        for (text, top, left) in [
            ("", None, false),
            ("line:10% align:start", Some(100), true),
            ("position:50% line:0", Some(0), false),
            ("line:3,center align:left", Some(200), true),
            ("line:-1", None, false),
            ("line:85.5%", None, false),
            ("line:x% region:top", None, false),
        ] {
            assert_eq!(Settings::read(text), Settings { top, left }, "{text}");
        }
    }

    #[test]
    fn text_stays_where_it_is_high_and_on_the_left() {
        let settings = |top, bottom, left, right| Settings::from(Place { top, bottom, left, right }).to_string();
        assert_eq!(settings(793, 900, 300, 700), "");
        assert_eq!(settings(740, 900, 100, 900), "");
        assert_eq!(settings(100, 206, 300, 700), " line:10%");
        assert_eq!(settings(153, 206, 300, 700), " line:15.3%");
        assert_eq!(settings(847, 900, 100, 400), " position:10% align:start");
        assert_eq!(settings(0, 53, 100, 649), " line:0% position:10% align:start");
        assert_eq!(settings(847, 900, 100, 650), "");
    }
}
