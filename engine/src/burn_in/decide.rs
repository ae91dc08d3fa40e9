//! What becomes of a track of text when it is burnt in: its lines, and the fonts that draw them.

use super::breaks::balanced;
use super::face::Faces;
use super::look::{LEAST_SCALE, MOST_LINES};
use super::markup::{self, Letters, Look, plain};
use super::overlays::line_width;
use super::shape::{Missing, ShapedLine, Shaper, clusters, is_rtl};
use super::system_fonts::{FontChoice, SystemFonts};
use super::wanted::{BurnIn, BurnInCue};
use crate::captions::{NANOSECOND, TimedText};
use crate::error::{Error, Result};
use crate::language::Language;
use crate::time::Time;
use std::collections::BTreeSet;
use unicode_script::{Script, UnicodeScript};

/// Text whose top is above this, in thousandths of the picture, is shown at the top.
const UPPER: u16 = 330;
/// What a line of dialogue or song begins with, so that it is not joined to the one before.
const SPEAKERS: [char; 8] = ['-', '‐', '–', '—', '−', '♪', '♫', '•'];

/// A track of text.
#[derive(Clone, Copy, Debug)]
pub struct TextTrack<'a> {
    /// The film, as the user named it.
    pub film: &'a str,
    /// Which track it is: as [`BurnIn::track`].
    pub track: &'a str,
    /// ISO 639-2 language.
    pub language: Option<&'a str>,
    /// Its text.
    pub cues: &'a [TimedText],
}

/// Decides which lines a track becomes, and with which fonts; the font of one's choice is tried first. None where it has no text.
///
/// # Errors
/// [`Error::BurnIn`] that names the first character that no font of this machine has; [`Error::InvalidOption`] for a font that is not
/// there; [`Error::Io`] for one that cannot be read.
pub fn decide(track: &TextTrack<'_>, font: Option<&FontChoice>) -> Result<Option<BurnIn>> {
    let mut texts: Vec<Text> = track.cues.iter().filter_map(Text::of).collect();
    texts.sort_by_key(|text| (text.start, text.end));
    // Some files draw an outline by the same text beneath.
    let mut seen = BTreeSet::new();
    texts.retain(|text| {
        seen.insert((text.start, text.end, text.top, text.lines.iter().map(|line| plain(line)).collect::<Vec<_>>()))
    });
    if texts.is_empty() {
        return Ok(None);
    }
    let language = track.language.and_then(Language::of).map(|language| language.tag());
    let faces = faces(track, &texts, font, language.as_deref())?;
    let shaper = Shaper::new(&faces, language.as_deref());
    let cues = texts.iter().map(|text| {
        let lines = text.broken(&shaper).map_err(|Missing(missing)| track.lacks(text, &missing))?;
        let lines = lines.iter().map(|line| markup::write(line)).collect();
        Ok(BurnInCue { start: text.start, end: text.end, lines, top: text.top })
    });
    let cues = cues.collect::<Result<_>>()?;
    let fonts = faces.0.iter().map(|face| face.told.clone()).collect();
    Ok(Some(BurnIn { track: track.track.to_owned(), language: track.language.map(str::to_owned), fonts, cues }))
}

/// Finds faces that have all characters.
fn faces(track: &TextTrack<'_>, texts: &[Text], font: Option<&FontChoice>, language: Option<&str>) -> Result<Faces> {
    let mut system = SystemFonts::find(font, variant(texts, language))?;
    let (mut faces, mut tried) = (Faces::default(), BTreeSet::new());
    for text in texts {
        for line in &text.lines {
            let (plain, mut looks) = (plain(line), line.iter());
            for (_, cluster) in clusters(&plain) {
                let look =
                    cluster.chars().filter_map(|_| looks.next()).map(|(_, look)| *look).next().unwrap_or_default();
                if !tried.insert((cluster.to_owned(), look.bold, look.italic))
                    || faces.of(cluster, look, None).is_some()
                {
                    continue;
                }
                let face = system.face_for(cluster, look)?.ok_or_else(|| track.lacks(text, cluster))?;
                faces.0.push(face);
            }
        }
    }
    Ok(faces)
}

/// Tells which forms of Chinese characters a text is written with: by its language, else by the scripts that it has besides.
fn variant(texts: &[Text], language: Option<&str>) -> &'static str {
    let has = |scripts: &[Script]| {
        let mut letters = texts.iter().flat_map(|text| text.lines.iter().flatten());
        letters.any(|(letter, _)| scripts.contains(&letter.script()))
    };
    match language {
        Some("ja") => "JP",
        Some("ko") => "KR",
        Some("zh") => "SC",
        Some("yue") => "HK",
        _ if has(&[Script::Hiragana, Script::Katakana]) => "JP",
        _ if has(&[Script::Hangul]) => "KR",
        _ => "SC",
    }
}

impl TextTrack<'_> {
    /// Says that no font has these characters.
    fn lacks(&self, text: &Text, missing: &str) -> Error {
        let codes: Vec<_> = missing.chars().map(|letter| format!("U+{:04X}", u32::from(letter))).collect();
        let is_picture = missing.chars().any(|letter| matches!(u32::from(letter), 0x1f000..=0x1ffff));
        let coloured = if is_picture { "; fonts of coloured pictures are not used" } else { "" };
        let why = format!(
            "track {} has “{missing}” ({}) at {}, for which no font on this machine has a glyph: install one that has it (Debian's \
             fonts-noto-core and fonts-noto-cjk have most scripts), or name its file{coloured}",
            self.track,
            codes.join(" "),
            text.start
        );
        Error::BurnIn { name: self.film.to_owned(), why }
    }
}

/// A text before it is broken into lines.
struct Text {
    start: Time,
    end: Time,
    lines: Vec<Letters>,
    top: bool,
}

impl Text {
    /// Reads a text; none where nothing shows.
    fn of(timed: &TimedText) -> Option<Self> {
        let [start, end] = [timed.from, timed.until].map(|time| Time::of_ticks(time, NANOSECOND));
        let lines: Vec<Letters> = markup::read(&timed.cue.text).iter().map(trimmed).collect();
        let lines: Vec<_> = lines.into_iter().filter(|line| !line.is_empty()).collect();
        let top = timed.cue.settings.top.is_some_and(|top| top < UPPER);
        (!lines.is_empty() && end > start).then_some(Self { start, end, lines, top })
    }

    /// Gives its lines: as they are, where they are few and short enough; else broken anew, without needing more lines than usual or
    /// letters that are too small.
    fn broken(&self, shaper: &Shaper<'_>) -> Result<Vec<Letters>, Missing> {
        let rtl = is_rtl(&self.lines.concat());
        let shape = |lines: &[Letters]| lines.iter().map(|line| shaper.shape(line, rtl)).collect::<Result<Vec<_>, _>>();
        let shaped = shape(&self.lines)?;
        if shaped.len() <= MOST_LINES && shaped.iter().all(|line| line.width <= line_width()) {
            return Ok(self.lines.clone());
        }
        let paragraphs = self.paragraphs();
        let shaped: Vec<ShapedLine> = shape(&paragraphs)?;
        let mut lines = Vec::new();
        for scale in [1.0, (1.0 + LEAST_SCALE) / 2.0, LEAST_SCALE] {
            lines.clear();
            for (paragraph, shaped) in paragraphs.iter().zip(&shaped) {
                let ranges = balanced(paragraph, &shaped.advances, line_width() / scale);
                lines.extend(ranges.into_iter().map(|range| paragraph[range].to_vec()));
            }
            if lines.len() <= MOST_LINES {
                break;
            }
        }
        Ok(lines)
    }

    /// Joins lines that were only broken for want of room.
    fn paragraphs(&self) -> Vec<Letters> {
        let mut paragraphs: Vec<Letters> = Vec::new();
        for line in &self.lines {
            let begins = line.first().is_some_and(|(letter, _)| SPEAKERS.contains(letter));
            match paragraphs.last_mut() {
                Some(last) if !begins => {
                    let both = |look: Look, other: Look| Look {
                        bold: look.bold && other.bold,
                        italic: look.italic && other.italic,
                    };
                    let look = last.last().zip(line.first()).map(|((_, one), (_, other))| both(*one, *other));
                    last.push((' ', look.unwrap_or_default()));
                    last.extend_from_slice(line);
                }
                _ => paragraphs.push(line.clone()),
            }
        }
        paragraphs
    }
}

/// Leaves out spaces at the ends, and makes those between words plain ones, of which one is enough.
fn trimmed(line: &Letters) -> Letters {
    let mut letters = Letters::new();
    for &(letter, look) in line {
        let is_space = letter.is_whitespace() && letter != '\u{a0}';
        let after_space = letters.last().is_none_or(|(before, _)| *before == ' ');
        match (is_space, after_space) {
            (true, true) => {}
            (true, false) => letters.push((' ', look)),
            (false, _) => letters.push((letter, look)),
        }
    }
    while letters.last().is_some_and(|(letter, _)| letter.is_whitespace()) {
        letters.pop();
    }
    letters
}
