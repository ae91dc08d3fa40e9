//! Text over the pictures of a film: drawn for each rung when it is first shown.

use super::draw::{Drawing, DrawnLine, Part, draw};
use super::face::{self, Face, Faces};
use super::look::{
    ASCENT, BOTTOM, EM, LINE, OUTLINE_COVER, SHADOW_COVER, SIDE, SMALLEST_SCALE, TOP, WHOLE, lines_height,
};
use super::markup::{self, Letters};
use super::screens::{PlacedCue, Screen, screens};
use super::shape::{Missing, ShapedLine, Shaper, is_rtl};
use super::system_fonts::SystemFonts;
use super::wanted::{BurnInCue, BurnInFont};
use crate::colour::{Colour, Siting, cicp};
use crate::error::{Error, Result};
use crate::frame::FrameFormat;
use crate::language::Language;
use crate::light::pq_of_nits;
use crate::picture::{Overlay, OverlayPlane, Overlays};
use crate::time::Time;
use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Mutex, PoisonError};
use upright_shaders::overlay_element;

/// White in high dynamic range, in cd/m2: that of graphics, by ITU-R BT.2408-7, table 1.
const REFERENCE_WHITE: f64 = 203.0;
/// The same as a signal of HLG, there.
const HLG_WHITE: f64 = 0.75;

/// The text of a plan, placed.
pub struct BurnedText {
    fonts: Vec<BurnInFont>,
    /// Tag of BCP 47.
    language: Option<String>,
    cues: Vec<PlacedCue>,
    screens: Vec<Screen>,
    /// The faces, once they were needed.
    faces: Mutex<Option<Arc<Faces>>>,
}

/// Text over the rungs of one node.
#[derive(Clone, Debug)]
pub struct TextRung {
    /// What is drawn.
    pub text: Arc<BurnedText>,
    /// The colour of each rung.
    pub colours: Vec<Colour>,
}

impl Debug for BurnedText {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} cues", self.cues.len())
    }
}

impl PartialEq for BurnedText {
    /// Compares what is drawn; faces may be there already or not.
    fn eq(&self, other: &Self) -> bool {
        (&self.fonts, &self.language, &self.cues) == (&other.fonts, &other.language, &other.cues)
    }
}

impl BurnedText {
    /// Prepares text of a language, by ISO 639-2. Nothing is read yet.
    pub(crate) fn new(fonts: Vec<BurnInFont>, language: Option<&str>, cues: Vec<PlacedCue>) -> Self {
        let language = language.and_then(Language::of).map(|language| language.tag());
        Self { fonts, language, screens: screens(&cues), cues, faces: Mutex::default() }
    }

    /// Gives the number of what is shown at a time.
    pub(crate) fn shown_at(&self, time: Time) -> Option<u32> {
        let number = self.screens.partition_point(|screen| screen.to <= time);
        let is_shown = self.screens.get(number).is_some_and(|screen| screen.from <= time);
        is_shown.then(|| u32::try_from(number).ok()).flatten()
    }

    /// Gives the cues, placed.
    pub(crate) fn cues(&self) -> &[PlacedCue] {
        &self.cues
    }

    /// Gives the faces, after all text was tried with them.
    fn faces(&self) -> Result<Arc<Faces>> {
        let mut known = self.faces.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(faces) = &*known {
            return Ok(Arc::clone(faces));
        }
        let faces = Faces(self.fonts.iter().map(open).collect::<Result<_>>()?);
        let shaper = Shaper::new(&faces, self.language.as_deref());
        for PlacedCue { cue, .. } in &self.cues {
            let (_, scale) = shaped(&shaper, cue)?;
            if scale < SMALLEST_SCALE {
                let why = format!("has a line at {} that is too long, even in small letters: break it", cue.start);
                return Err(Error::BurnIn { name: "text".to_owned(), why });
            }
        }
        drop(shaper);
        Ok(Arc::clone(known.insert(Arc::new(faces))))
    }

    /// Draws what is shown at once in pictures of this size.
    pub(super) fn draw(&self, number: u32, format: FrameFormat) -> Result<Option<Drawing>> {
        let faces = self.faces()?;
        let shaper = Shaper::new(&faces, self.language.as_deref());
        let screen = self.screens.get(number as usize);
        let screen = screen.ok_or_else(|| Error::misuse(format!("there is no text of number {number}")))?;
        let [width, height] = [format.width, format.height].map(|side| side as f32);
        let mut lines = Vec::new();
        for PlacedCue { cue, row } in screen.cues.iter().map(|&number| &self.cues[number]) {
            let (shaped, scale) = shaped(&shaper, cue)?;
            let em = EM * width * scale;
            let below = row + lines_height(shaped.len(), f64::from(width) / f64::from(height));
            let part = |row: i32| row as f32 / WHOLE as f32 * height;
            let top = if cue.top { part(*row) } else { part(below) - shaped.len() as f32 * LINE * em };
            lines.extend(shaped.into_iter().enumerate().map(|(index, line)| DrawnLine {
                x: ((width - line.width * em) / 2.0).round(),
                y: (top + (index as f32 * LINE + ASCENT) * em).round(),
                line,
                em,
            }));
        }
        Ok(draw(&faces, &lines, room(format)))
    }
}

/// Opens a face that a plan tells of: its file, or another copy of it that is installed.
fn open(told: &BurnInFont) -> Result<Face> {
    let read = |path: &std::path::Path| face::read(path).ok().filter(|(_, sha256)| *sha256 == told.sha256);
    let found = read(&told.file).or_else(|| SystemFonts::files_of(&told.name).iter().find_map(|path| read(path)));
    let face = found.and_then(|(bytes, _)| Face::open(bytes, told));
    face.ok_or_else(|| {
        let why = format!(
            "the font {}, which the plan was made with, is not on this machine as {} or elsewhere, or not in the same version: install \
             the same fonts, or make the plan anew",
            told.name,
            told.file.display()
        );
        Error::BurnIn { name: "text".to_owned(), why }
    })
}

/// Shapes the lines of a cue; tells how much smaller they are drawn so that the longest has room.
fn shaped(shaper: &Shaper<'_>, cue: &BurnInCue) -> Result<(Vec<ShapedLine>, f32)> {
    let lines: Vec<Letters> = cue.lines.iter().flat_map(|line| markup::read(line)).collect();
    let rtl = is_rtl(&lines.concat());
    let shaped = lines.iter().map(|line| shaper.shape(line, rtl)).collect::<Result<Vec<_>, _>>();
    let shaped = shaped.map_err(|Missing(text)| {
        let why = format!(
            "has “{text}” at {}, for which none of the plan's fonts has a glyph: make the plan anew",
            cue.start
        );
        Error::BurnIn { name: "text".to_owned(), why }
    })?;
    let longest = shaped.iter().map(|line| line.width).fold(0.0, f32::max);
    Ok((shaped, (line_width() / longest.max(f32::EPSILON)).min(1.0)))
}

/// The longest line, in ems of full size.
pub(super) fn line_width() -> f32 {
    (1.0 - 2.0 * SIDE) / EM
}

/// The part of a picture that text may take: its own, and an em around it for what sticks out of letters.
fn room(format: FrameFormat) -> Part {
    let [width, height] = [format.width, format.height].map(f64::from);
    let em = f64::from(EM) * width;
    let part = |begin: f64, end: f64, whole: u32| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held to the picture")]
        let [begin, end] = [begin - em, end + em].map(|place| place.clamp(0.0, f64::from(whole)) as u32);
        (begin, end - begin)
    };
    let (side, rows) = (f64::from(SIDE), |row: i32| f64::from(row) / f64::from(WHOLE) * height);
    let (left, width) = part(side * width, (1.0 - side) * width, format.width);
    let (top, height) = part(rows(TOP), rows(BOTTOM), format.height);
    Part { left, top, width, height }
}

impl Overlays for TextRung {
    fn prepare(&self) -> Result<()> {
        self.text.faces().map(drop)
    }

    fn most_elements(&self, rung: FrameFormat) -> usize {
        let Part { width, height, .. } = room(rung);
        // It begins and ends with whole words.
        let [width, height] = [width + 16, height + 4].map(|side| side as usize);
        width * height + 2 * (width / 2 + 4) * (height / 2 + 1)
    }

    fn draw(&self, number: u32, rung: usize, format: FrameFormat) -> Result<Overlay> {
        let colour = self.colours.get(rung).ok_or_else(|| Error::misuse("text for a rung that there is not"))?;
        Ok(self.text.draw(number, format)?.map(|drawing| overlay(&drawing, format, colour)).unwrap_or_default())
    }
}

/// Makes the overlay of a drawing: white letters on what is dark around them.
fn overlay(drawing: &Drawing, format: FrameFormat, colour: &Colour) -> Overlay {
    let Drawing { part, letters, outline, shadow } = drawing;
    let [white, black, grey] = codes(format, colour);
    let parts = letters.iter().zip(outline).zip(shadow).map(|((&letters, &outline), &shadow)| {
        let [letters, outline, shadow] = [letters, outline, shadow].map(|it| u32::from(it) + u32::from(it >> 7));
        let free = |under: u32, cover: u32| under * (256 - cover) / 256;
        let dark = free(free(256, shadow * SHADOW_COVER / 256), outline * OUTLINE_COVER / 256);
        let cover = 256 - free(dark, letters);
        // What letters cover of a pixel is white.
        (cover, letters.min(cover))
    });
    let covers: Vec<(u32, u32)> = parts.collect();
    let luma =
        covers.iter().map(|&(cover, letters)| overlay_element(cover, letters * white + (cover - letters) * black));
    let of_luma = OverlayPlane {
        column: part.left,
        row: part.top,
        width: part.width,
        height: part.height,
        elements: luma.collect(),
    };
    let [width, height] = [part.width as usize, part.height as usize];
    let at = |x: isize, y: isize| {
        let [x, y] = [(x, width), (y, height)].map(|(at, count)| at.clamp(0, count as isize - 1) as usize);
        covers[y * width + x].0
    };
    // Neighbours of chroma samples along an axis, with their weights, of four.
    let taps = |siting: Siting| match siting {
        Siting::Before => [(-1, 2), (0, 2), (0, 0)],
        Siting::Start => [(-1, 1), (0, 2), (1, 1)],
        Siting::Centre => [(0, 2), (1, 2), (0, 0)],
        Siting::End => [(0, 1), (1, 2), (2, 1)],
    };
    let [across, down] = [taps(colour.chroma.x), taps(colour.chroma.y)];
    let chroma = |index: usize| {
        let [x, y] = [index % (width / 2), index / (width / 2)].map(|at| 2 * at as isize);
        let along = |row: isize| across.iter().map(|(step, weight)| weight * at(x + step, y + row)).sum::<u32>();
        let sum: u32 = down.iter().map(|(step, weight)| weight * along(*step)).sum();
        let cover = (sum + 8) / 16;
        overlay_element(cover, cover * grey)
    };
    let of_chroma = OverlayPlane {
        column: part.left / 2,
        row: part.top / 2,
        width: part.width / 2,
        height: part.height / 2,
        elements: (0..width * height / 4).map(chroma).collect(),
    };
    Overlay { planes: [of_luma, of_chroma.clone(), of_chroma] }
}

/// Gives the codes of white and black, and of chroma without a colour.
fn codes(format: FrameFormat, colour: &Colour) -> [u32; 3] {
    let bits = format.depth.bits();
    let white = match colour.transfer {
        cicp::PQ => pq_of_nits(REFERENCE_WHITE),
        cicp::HLG => HLG_WHITE,
        _ => 1.0,
    };
    let unit = 1 << (bits - 8);
    let (black, span) = if colour.full_range { (0, (1 << bits) - 1) } else { (16 * unit, 219 * unit) };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1")]
    let white = black + (white * f64::from(span)).round() as u32;
    [white, black, 128 * unit]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Depth, Subsampling};

    fn format(depth: Depth) -> FrameFormat {
        FrameFormat { width: 1080, height: 1920, subsampling: Subsampling::CS420, depth }
    }

    #[test]
    fn white_is_that_of_graphics() {
        let colour = |transfer, full_range| Colour { transfer, full_range, ..Colour::UNKNOWN };
        assert_eq!(codes(format(Depth::Eight), &colour(cicp::BT709, false)), [235, 16, 128]);
        assert_eq!(codes(format(Depth::Ten), &colour(cicp::BT709, true)), [1023, 0, 512]);
        // ITU-R BT.2408-7: 58% of PQ, 75% of HLG.
        assert_eq!(codes(format(Depth::Ten), &colour(cicp::PQ, false)), [573, 64, 512]);
        assert_eq!(codes(format(Depth::Ten), &colour(cicp::HLG, false)), [721, 64, 512]);
    }

    #[test]
    fn elements_are_no_more_than_there_is_room_for() {
        let text = Arc::new(BurnedText::new(Vec::new(), None, Vec::new()));
        for (width, height) in [(1080, 1920), (360, 640), (16, 16), (90, 160)] {
            let format = FrameFormat { width, height, ..format(Depth::Eight) };
            let part = room(format);
            assert!(part.left + part.width <= width && part.top + part.height <= height);
            let rung = TextRung { text: Arc::clone(&text), colours: Vec::new() };
            let all = (part.width + 14) as usize * (part.height + 2) as usize * 3 / 2;
            assert!(rung.most_elements(format) >= all);
        }
    }
}
