//! Text of subtitles as libavcodec's decoders give it: events of Advanced SubStation Alpha.

use super::cue::{Colour, Line, Place, Style};
use super::webvtt::{CueText, Settings};
use std::collections::BTreeMap;

/// The width and height that places are told in where a header has none; libavcodec writes them into the headers that it
/// makes itself (`ASS_DEFAULT_PLAYRESX` and `ASS_DEFAULT_PLAYRESY`).
const USUAL_SIZE: [u32; 2] = [384, 288];

/// Fields of an event before its text: `ReadOrder,Layer,Style,Name,MarginL,MarginR,MarginV,Effect`.
const FIELDS: usize = 8;
/// Which of them is the name of the style.
const STYLE: usize = 2;
/// The height of a line and the width of a letter, in thousandths of the picture: those of the closed captions' screen,
/// which libavcodec's decoder of closed captions writes places for. Others come close.
const LINE: f32 = 800.0 / 15.0;
const LETTER: f32 = 25.0;
/// Where text at the top begins.
const TOP: u16 = 100;

/// Tags that say where text is; the first of each kind counts.
#[derive(Clone, Copy, Debug, Default)]
struct Placement {
    /// From 1 to 9, as on a keypad: 1 is at the bottom left.
    alignment: Option<u8>,
    /// The point that the alignment is about.
    position: Option<[f32; 2]>,
}

/// Text, and the tags within.
#[derive(Debug)]
struct Reader<'a> {
    header: &'a AssHeader,
    lines: Vec<Vec<(char, Style)>>,
    line: Vec<(char, Style)>,
    style: Style,
    /// That of the event, or of the style that a tag asks for.
    base: Style,
    placement: Placement,
    /// Whether what follows is an outline to be drawn, rather than text.
    drawing: bool,
}

/// What the header of a stream says of all its events.
#[derive(Clone, Debug, PartialEq)]
pub struct AssHeader {
    /// The width and height that places are told in.
    size: [f32; 2],
    styles: BTreeMap<String, AssStyle>,
}

/// How a style has text look, and where.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct AssStyle {
    style: Style,
    /// From 1 to 9, as on a keypad; none where it does not say.
    alignment: Option<u8>,
}

impl AssHeader {
    /// Reads a header: the size of its `[Script Info]`, and the styles of its `[V4+ Styles]`, or of the older `[V4 Styles]`. Fields of
    /// styles that cannot be read say nothing.
    pub fn read(header: &str) -> Self {
        Self { size: size(header), styles: styles(header) }
    }

    fn style(&self, name: &str) -> AssStyle {
        // Libass takes off a star, and falls back to the one that is called so.
        let name = name.trim().trim_start_matches('*');
        self.styles.get(name).or_else(|| self.styles.get("Default")).copied().unwrap_or_default()
    }
}

/// Reads the width and height that places are told in from a header: its `PlayResX` and `PlayResY`. What is missing follows as in
/// libass (`ass_lazy_track_init`): 4:3, but for 1280x1024; 384x288 without either.
fn size(header: &str) -> [f32; 2] {
    let number = |name: &str| {
        let mut values =
            header.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().parse().ok());
        values.next_back().filter(|&value: &u32| value > 0)
    };
    let size = match (number("PlayResX"), number("PlayResY")) {
        (Some(width), Some(height)) => [width, height],
        (Some(1280), None) | (None, Some(1024)) => [1280, 1024],
        (Some(width), None) => [width, (width.saturating_mul(3) / 4).max(1)],
        (None, Some(height)) => [(height.saturating_mul(4) / 3).max(1), height],
        (None, None) => USUAL_SIZE,
    };
    size.map(|side| side as f32)
}

/// Reads the styles of a header, by the fields that its `Format` names.
fn styles(header: &str) -> BTreeMap<String, AssStyle> {
    let (mut styles, mut fields) = (BTreeMap::new(), Vec::new());
    // None outside of a section of styles; else whether alignments are told as SubStation Alpha had them.
    let mut is_old = None;
    for line in header.lines().map(str::trim) {
        if line.starts_with('[') {
            is_old = match line.to_ascii_lowercase().as_str() {
                "[v4+ styles]" => Some(false),
                "[v4 styles]" => Some(true),
                _ => None,
            };
            continue;
        }
        let Some((is_old, (key, value))) = is_old.zip(line.split_once(':')) else { continue };
        let values: Vec<_> = value.split(',').map(str::trim).collect();
        if key == "Format" {
            fields = values.into_iter().map(str::to_ascii_lowercase).collect();
        } else if key == "Style" {
            let field = |name: &str| values.get(fields.iter().position(|field| field == name)?).copied();
            let is_on = |name: &str| field(name).and_then(|value| value.parse::<i32>().ok()).is_some_and(|on| on != 0);
            let colour = field("primarycolour").and_then(read_style_colour).unwrap_or_default();
            let style = Style { bold: is_on("bold"), italic: is_on("italic"), underline: is_on("underline"), colour };
            let alignment = field("alignment").and_then(|value| value.parse().ok());
            let alignment =
                alignment.and_then(|number| if is_old { keypad(number) } else { u8::try_from(number).ok() });
            let alignment = alignment.filter(|alignment| (1..=9).contains(alignment));
            if let Some(name) = field("name") {
                styles.insert(name.trim_start_matches('*').to_owned(), AssStyle { style, alignment });
            }
        }
    }
    styles
}

/// Gives an alignment as on a keypad for one as SubStation Alpha had it: from left to right at the bottom, and 4 more at the top, 8
/// in the middle.
fn keypad(number: u32) -> Option<u8> {
    let number = u8::try_from(number).ok()?;
    match number {
        1..=3 => Some(number),
        5..=7 => Some(number + 2),
        9..=11 => Some(number - 5),
        _ => None,
    }
}

/// Turns an event into the text and the settings of a WebVTT cue: `ReadOrder,Layer,Style,Name,MarginL,MarginR,MarginV,
/// Effect,Text`, whose text may have tags such as `{\i1}` and `{\an8}`. None where there is no text.
///
/// Bold, italics, underlines, colours and places are kept, of styles too, and everything else is left out.
pub fn ass_event(event: &str, header: &AssHeader) -> Option<CueText> {
    let mut fields = event.splitn(FIELDS + 1, ',');
    let style = header.style(fields.nth(STYLE)?);
    let text = fields.nth(FIELDS - STYLE - 1)?;
    let placement = Placement::default();
    let mut reader = Reader {
        header,
        lines: Vec::new(),
        line: Vec::new(),
        style: style.style,
        base: style.style,
        placement,
        drawing: false,
    };
    reader.read(text);
    reader.end_line();
    reader.placement.alignment = reader.placement.alignment.or(style.alignment);
    let lines: Vec<Line> = reader.lines.into_iter().map(Line::of).filter(|line| !line.runs.is_empty()).collect();
    let settings = reader.placement.settings(&lines, header.size);
    (!lines.is_empty()).then(|| CueText::of(&lines, settings))
}

impl Reader<'_> {
    fn read(&mut self, text: &str) {
        let last_brace = text.rfind('}').unwrap_or(0);
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            let after = rest.get(letter.len_utf8()..).unwrap_or_default();
            rest = match (letter, after.chars().next()) {
                ('{', _) if text.len() - after.len() <= last_brace => {
                    let (tags, after) = after.split_once('}').unwrap_or((after, ""));
                    self.tags(tags);
                    after
                }
                ('\\', Some('N')) => {
                    self.end_line();
                    after.get(1..).unwrap_or_default()
                }
                // A line may be broken there, but is not unless it is long.
                ('\\', Some('n')) => {
                    self.add(' ');
                    after.get(1..).unwrap_or_default()
                }
                ('\\', Some('h')) => {
                    self.add('\u{a0}');
                    after.get(1..).unwrap_or_default()
                }
                ('\\', Some(escaped @ ('{' | '}' | '\\'))) => {
                    self.add(escaped);
                    after.get(1..).unwrap_or_default()
                }
                // libavcodec joins a backslash to nothing, so that it begins no tag.
                ('\\', Some('\u{2060}')) => {
                    self.add('\\');
                    after.get('\u{2060}'.len_utf8()..).unwrap_or_default()
                }
                ('\n', _) => {
                    self.end_line();
                    after
                }
                _ => {
                    self.add(letter);
                    after
                }
            };
        }
    }

    fn add(&mut self, letter: char) {
        if !self.drawing && (!letter.is_control() || letter == '\t') {
            self.line.push((letter, self.style));
        }
    }

    fn end_line(&mut self) {
        self.lines.push(std::mem::take(&mut self.line));
    }

    /// Follows the tags between braces, each of which begins with a backslash. Those within parentheses, which are of
    /// animations, are left out.
    fn tags(&mut self, tags: &str) {
        let mut depth = 0_usize;
        let parts = tags.split(|letter: char| {
            match letter {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            letter == '\\' && depth == 0
        });
        // Before the first backslash there is a comment.
        parts.skip(1).for_each(|tag| self.tag(tag.trim()));
    }

    fn tag(&mut self, tag: &str) {
        let number = |name: &str| tag.strip_prefix(name).and_then(|number| number.parse::<u32>().ok());
        let is_on = |name: &str| {
            tag.strip_prefix(name).and_then(|number| match number {
                "" => Some(false),
                number => number.parse::<u32>().ok().map(|number| number != 0),
            })
        };
        if let Some(italic) = is_on("i") {
            self.style.italic = italic;
        } else if let Some(underline) = is_on("u") {
            self.style.underline = underline;
        } else if let Some(bold) = is_on("b") {
            self.style.bold = bold;
        } else if let Some(colour) = tag.strip_prefix("1c").or_else(|| tag.strip_prefix('c')) {
            let is_told = !colour.trim_matches(['&', 'H']).is_empty();
            if let Some(colour) = if is_told { read_colour(colour) } else { Some(self.base.colour) } {
                self.style.colour = colour;
            }
        } else if let Some(drawing) = number("p") {
            self.drawing = drawing != 0;
        } else if let Some(alignment) = number("an") {
            self.align(alignment);
        } else if let Some(alignment) = number("a") {
            if let Some(alignment) = keypad(alignment) {
                self.align(alignment.into());
            }
        } else if let Some(point) = tag.strip_prefix("pos(").or_else(|| tag.strip_prefix("move(")) {
            let mut parts = point.trim_end_matches(')').split(',').map(|part| part.trim().parse::<f32>().ok());
            if let (Some(Some(x)), Some(Some(y))) = (parts.next(), parts.next()) {
                self.placement.position.get_or_insert([x, y]);
            }
        } else if let Some(name) = tag.strip_prefix('r') {
            self.style = if name.is_empty() { self.base } else { self.header.style(name).style };
        }
    }

    fn align(&mut self, alignment: u32) {
        if let Ok(alignment @ 1..=9) = u8::try_from(alignment) {
            self.placement.alignment.get_or_insert(alignment);
        }
    }
}

impl Placement {
    fn settings(self, lines: &[Line], [width, height]: [f32; 2]) -> Settings {
        // The middle of the bottom, unless the header says otherwise.
        let alignment = self.alignment.unwrap_or(2).saturating_sub(1);
        // How much of the text is before and above its point, in halves.
        let (before, above) = (alignment % 3, 2 - alignment / 3);
        let tall = lines.len() as f32 * LINE;
        if let Some([x, y]) = self.position {
            let wide = lines.iter().map(Line::length).max().unwrap_or_default() as f32 * LETTER;
            // As integers, they are held to the range; what is not a number is 0.
            let thousandths = |value: f32| value.round().clamp(0.0, 1000.0) as u16;
            let left = x / width * 1000.0 - wide * f32::from(before) / 2.0;
            let top = y / height * 1000.0 - tall * f32::from(above) / 2.0;
            let [left, right] = [left, left + wide].map(thousandths);
            let [top, bottom] = [top, top + tall].map(thousandths);
            return Settings::from(Place { top, bottom, left, right });
        }
        let top = match above {
            0 => Some(TOP),
            1 => Some((500.0 - tall / 2.0).max(f32::from(TOP)) as u16),
            _ => None,
        };
        Settings { top, left: before == 0 }
    }
}

/// Reads a colour of a tag such as `&H00FFFF&`, whose bytes are blue, green and red, behind transparency where there are four.
fn read_colour(text: &str) -> Option<Colour> {
    u32::from_str_radix(text.trim_matches(['&', 'H']), 16).ok().map(colour)
}

/// Reads a colour of a style: as in tags, or in decimal digits, as SubStation Alpha had it.
fn read_style_colour(text: &str) -> Option<Colour> {
    if text.starts_with('&') { read_colour(text) } else { text.parse().ok().map(colour) }
}

fn colour(number: u32) -> Colour {
    let [_, blue, green, red] = number.to_be_bytes();
    Colour::nearest([red, green, blue])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(text: &str) -> Option<(String, String)> {
        ass_event(&format!("0,0,Default,,0,0,0,,{text}"), &AssHeader::read(""))
            .map(|cue| (cue.text, cue.settings.to_string()))
    }

    fn text(text: &str) -> String {
        converted(text).unwrap().0
    }

    fn settings(text: &str) -> String {
        converted(text).unwrap().1
    }

    #[test]
    fn the_text_is_behind_eight_commas() {
        assert_eq!(text("Yes, well, no."), "Yes, well, no.");
        assert_eq!(ass_event("0,0,Default,,0,0,0,no text", &AssHeader::read("")), None);
        assert_eq!(ass_event("", &AssHeader::read("")), None);
        assert_eq!(converted("  {\\i1} \\N"), None);
    }

    #[test]
    fn lines_are_broken_and_spaces_are_kept() {
        assert_eq!(text("a\\Nb\\nc\\hd\\N\\Ne"), "a\nb c&nbsp;d\ne");
        assert_eq!(text("a\r\nb"), "a\nb");
    }

    #[test]
    fn styles_become_tags() {
        assert_eq!(text("a {\\i1}b{\\i0} c"), "a <i>b</i> c");
        assert_eq!(text("{\\b1\\u1}a{\\b\\u0}b"), "<b><u>a</u></b>b");
        assert_eq!(text("{\\c&H00FFFF&}a{\\c}b{\\1c&HFF0000&}c{\\r}d"), "<c.yellow>a</c>b<c.blue>c</c>d");
        assert_eq!(text("{\\b700}a{\\bord2\\be1\\iclip(1,2,3,4)\\fnArial\\fs20\\alpha&HFF&}b"), "<b>ab</b>");
        assert_eq!(text("{\\t(0,100,\\i1\\c&H0000FF&)\\k20}a"), "a");
    }

    #[test]
    fn what_is_no_tag_is_text() {
        assert_eq!(text("\\{a\\} \\\\ b\\\u{2060}N <i>&"), "{a} \\ b\\N &lt;i&gt;&amp;");
        assert_eq!(text("a {b"), "a {b");
        assert_eq!(text("a{a comment}b"), "ab");
        assert_eq!(text("a\\"), "a\\");
        assert_eq!(converted("{\\p1}m 0 0 l 10 10{\\p0}").map(|_| ()), None);
    }

    #[test]
    fn alignment_becomes_settings() {
        assert_eq!(settings("a"), "");
        assert_eq!(settings("{\\an2}a"), "");
        assert_eq!(settings("{\\an8}a"), " line:10%");
        assert_eq!(settings("{\\an8}{\\an2}a"), " line:10%");
        assert_eq!(settings("{\\an5}a\\Nb"), " line:44.6%");
        assert_eq!(settings("{\\an1}a"), " position:10% align:start");
        assert_eq!(settings("{\\a6}a"), " line:10%");
        assert_eq!(settings("{\\a9}a"), " line:47.3% position:10% align:start");
        assert_eq!(settings("{\\a1}a"), " position:10% align:start");
        assert_eq!(settings("{\\an0}{\\a4}a"), "");
    }

    #[test]
    fn the_header_says_in_which_size_places_are_told() {
        let event = "0,0,D,,0,0,0,,{\\an7}{\\pos(960,540)}a";
        let of =
            |header: &str| (size(header), ass_event(event, &AssHeader::read(header)).unwrap().settings.to_string());
        let whole = "[Script Info]\r\n; PlayResX: 1\r\nPlayResX: 1920\r\nPlayResY:1080\r\n\r\n[V4+ Styles]\r\n";
        assert_eq!(of(whole), ([1920.0, 1080.0], " line:50%".to_owned()));
        for (header, size) in [
            ("", [384.0, 288.0]),
            ("PlayResX: 0\nPlayResY: x", [384.0, 288.0]),
            ("PlayResX: 640", [640.0, 480.0]),
            ("PlayResY: 720", [960.0, 720.0]),
            ("PlayResX: 1280", [1280.0, 1024.0]),
            ("PlayResY: 1024", [1280.0, 1024.0]),
            ("PlayResX: 1", [1.0, 1.0]),
        ] {
            assert_eq!(super::size(header), size, "{header}");
        }
    }

    #[test]
    fn places_become_settings() {
        // As libavcodec places the closed caption in row 1, column 0, and in row 15, column 10.
        assert_eq!(settings("{\\an7}{\\pos(38,28)}Short"), " line:9.7% position:10% align:start");
        assert_eq!(settings("{\\an7}{\\pos(38,28)}Twenty-eight letters, or so."), " line:9.7%");
        assert_eq!(settings("{\\an7}{\\pos(134,244)}A short caption"), "");
        assert_eq!(settings("{\\pos(192,144)}a"), " line:44.7%");
        assert_eq!(settings("{\\pos(x,144)}a"), "");
    }

    #[test]
    fn styles_of_the_header_hold_until_tags_say_otherwise() {
        let header = "[V4+ Styles]\nFormat: Name, PrimaryColour, Bold, Italic, Underline, Alignment\n\
                      Style: Default,&H00FFFFFF,0,0,0,2\nStyle: Sign,&H0000FFFF,0,-1,0,8\n\n[Events]\nStyle: Sign,0,0,0,0,1\n";
        let header = AssHeader::read(header);
        let event = |style: &str, text: &str| {
            let cue = ass_event(&format!("0,0,{style},,0,0,0,,{text}"), &header).unwrap();
            format!("{}{}", cue.text, cue.settings)
        };
        assert_eq!(event("Default", "a"), "a");
        assert_eq!(
            event("Sign", "a{\\i0}b{\\rDefault}c{\\r}{\\c&HFFFFFF&}d{\\c}e"),
            "<c.yellow><i>a</i></c><c.yellow>b</c>c<i>d</i><c.yellow><i>e</i></c> line:10%"
        );
        assert_eq!(event("Sign", "{\\an2}a"), "<c.yellow><i>a</i></c>");
        assert_eq!(event("Unknown", "a"), "a");
        // As SubStation Alpha had it.
        let old = "[V4 Styles]\nFormat: Name, PrimaryColour, Bold, Alignment\nStyle: Default,65535,-1,6\n";
        let cue = ass_event("0,0,Default,,0,0,0,,a", &AssHeader::read(old)).unwrap();
        assert_eq!((&*cue.text, &*cue.settings.to_string()), ("<c.yellow><b>a</b></c>", " line:10%"));
    }
}
