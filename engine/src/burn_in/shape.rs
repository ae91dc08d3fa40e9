//! Lines of text as glyphs: their order, shapes and places.

use super::face::Faces;
use super::markup::{Letters, Look};
use harfrust::{Buffer, Direction, Script as ShapedScript, ShapeOptions, ShaperFont, shape};
use icu_segmenter::GraphemeClusterSegmenter;
use std::ops::Range;
use std::str::FromStr;
use unicode_bidi::{Level, ParagraphBidiInfo};
use unicode_script::{Script, UnicodeScript};

/// A glyph of a line. Units are ems, from the line's left end and its letters' feet, up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Glyph {
    pub(super) face: usize,
    pub(super) id: u32,
    pub(super) x: f32,
    pub(super) y: f32,
}

/// A line of glyphs, from left to right.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ShapedLine {
    pub(super) glyphs: Vec<Glyph>,
    /// In ems.
    pub(super) width: f32,
    /// For each letter, how many ems it takes; of several that share glyphs, the first has all.
    pub(super) advances: Vec<f32>,
}

/// A line that no face can draw, or the shaper does not take: the characters that fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Missing(pub(super) String);

/// Shapes lines with some faces.
pub(super) struct Shaper<'a> {
    faces: &'a Faces,
    fonts: Vec<ShaperFont<'a, 'a>>,
    language: Option<harfrust::Language>,
}

/// Letters in succession of one face, script and direction, as bytes of the line.
struct Run {
    bytes: Range<usize>,
    face: usize,
    script: Script,
}

impl<'a> Shaper<'a> {
    /// Text is of a language by its tag of BCP 47, where that is known.
    pub(super) fn new(faces: &'a Faces, language: Option<&str>) -> Self {
        let fonts = faces.0.iter().map(|face| ShaperFont::new(&face.font)).collect();
        Self { faces, fonts, language: language.and_then(harfrust::Language::new) }
    }

    /// Shapes a line of a text that is written from right to left, or from left to right.
    ///
    /// # Errors
    /// [`Missing`] for characters that no face has.
    pub(super) fn shape(&self, line: &Letters, is_rtl: bool) -> Result<ShapedLine, Missing> {
        let text: String = line.iter().map(|(letter, _)| letter).collect();
        if text.is_empty() {
            return Ok(ShapedLine::default());
        }
        let runs = self.runs(&text, line)?;
        let base = if is_rtl { Level::rtl() } else { Level::ltr() };
        let bidi = ParagraphBidiInfo::new(&text, Some(base));
        let (levels, visual) = bidi.visual_runs(0..text.len());
        // The letter that each byte is of.
        let letter_of: Vec<usize> = line
            .iter()
            .enumerate()
            .flat_map(|(number, (letter, _))| std::iter::repeat_n(number, letter.len_utf8()))
            .collect();
        let mut shaped = ShapedLine { advances: vec![0.0; line.len()], ..ShapedLine::default() };
        for level_run in visual {
            let rtl = levels.get(level_run.start).is_some_and(Level::is_rtl);
            let within = |run: &Run| {
                let bytes = run.bytes.start.max(level_run.start)..run.bytes.end.min(level_run.end);
                (!bytes.is_empty()).then_some(Run { bytes, ..*run })
            };
            let mut parts: Vec<Run> = runs.iter().filter_map(within).collect();
            if rtl {
                parts.reverse();
            }
            for run in parts {
                self.shape_run(&text, &run, rtl, &letter_of, &mut shaped)?;
            }
        }
        Ok(shaped)
    }

    fn shape_run(
        &self,
        text: &str,
        run: &Run,
        rtl: bool,
        letter_of: &[usize],
        shaped: &mut ShapedLine,
    ) -> Result<(), Missing> {
        let font = &self.fonts[run.face];
        let mut buffer = Buffer::new();
        buffer.push_str(&text[run.bytes.clone()]);
        buffer.set_pre_context(&text[..run.bytes.start]);
        buffer.set_post_context(&text[run.bytes.end..]);
        buffer.set_direction(if rtl { Direction::RightToLeft } else { Direction::LeftToRight });
        buffer.set_script(ShapedScript::from_str(run.script.short_name()).ok());
        buffer.set_language(self.language.clone());
        let whole = || Missing(text[run.bytes.clone()].to_owned());
        shape(font, &mut buffer, ShapeOptions::new()).map_err(|_| whole())?;
        let em = f32::from(self.faces.0[run.face].font.units_per_em().max(1));
        for (info, place) in buffer.glyph_infos().iter().zip(buffer.glyph_positions()) {
            let at = run.bytes.start + info.cluster as usize;
            if info.glyph_id == 0 {
                return Err(text
                    .get(at..)
                    .and_then(|rest| rest.chars().next())
                    .map_or_else(whole, |it| Missing(it.to_string())));
            }
            let ems = |units: i32| units as f32 / em;
            let (x, y) = (shaped.width + ems(place.x_offset), ems(place.y_offset));
            shaped.glyphs.push(Glyph { face: run.face, id: info.glyph_id, x, y });
            shaped.width += ems(place.x_advance);
            if let Some(advance) = letter_of.get(at).and_then(|&letter| shaped.advances.get_mut(letter)) {
                *advance += ems(place.x_advance);
            }
        }
        Ok(())
    }

    /// Divides a line into runs of one face and script.
    fn runs(&self, text: &str, line: &Letters) -> Result<Vec<Run>, Missing> {
        let mut runs: Vec<Run> = Vec::new();
        let mut looks = line.iter();
        for (begin, cluster) in clusters(text) {
            let look = cluster.chars().filter_map(|_| looks.next()).map(|(_, look)| *look).next().unwrap_or_default();
            let before = runs.last().filter(|run| self.faces.0[run.face].look() == look).map(|run| run.face);
            let face = self.faces.of(cluster, look, before).ok_or_else(|| Missing(cluster.to_owned()))?;
            let script = cluster.chars().map(|letter| letter.script()).find(|script| !is_shared(*script));
            let bytes = begin..begin + cluster.len();
            match runs.last_mut() {
                Some(last)
                    if last.face == face
                        && script.is_none_or(|script| is_shared(last.script) || last.script == script) =>
                {
                    last.bytes.end = bytes.end;
                    last.script = script.unwrap_or(last.script);
                }
                _ => runs.push(Run { bytes, face, script: script.unwrap_or(Script::Common) }),
            }
        }
        Ok(runs)
    }
}

/// Tells scripts that are none: of characters that several have.
fn is_shared(script: Script) -> bool {
    matches!(script, Script::Common | Script::Inherited | Script::Unknown)
}

/// Divides a text into what its readers take for characters, each with the byte that it begins at.
pub(super) fn clusters(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let ends: Vec<usize> = GraphemeClusterSegmenter::new().segment_str(text).skip(1).collect();
    let mut begin = 0;
    ends.into_iter().map(move |end| {
        let cluster = (begin, &text[begin..end]);
        begin = end;
        cluster
    })
}

/// Tells whether a text is written from right to left: by its first letter that has a direction.
pub(super) fn is_rtl(letters: &[(char, Look)]) -> bool {
    let text: String = letters.iter().map(|(letter, _)| letter).collect();
    unicode_bidi::get_base_direction(text.as_str()) == unicode_bidi::Direction::Rtl
}
