//! Faces of fonts, and which of them draws what.

use super::look::BOLD;
use super::markup::Look;
use super::wanted::BurnInFont;
use crate::error::{Error, Result};
use crate::fingerprint::Sha256Hex;
use harfrust::font::Font;
use std::path::Path;

/// Bytes of a font that none has.
const LARGEST: u64 = 256 << 20;

/// A face that is there.
#[derive(Clone)]
pub(super) struct Face {
    pub(super) font: Font,
    pub(super) told: BurnInFont,
}

/// Faces, the first choice first.
#[derive(Clone, Default)]
pub(super) struct Faces(pub(super) Vec<Face>);

impl Face {
    /// Opens the face that a plan tells of in these bytes; none where it is not there.
    pub(super) fn open(bytes: Vec<u8>, told: &BurnInFont) -> Option<Self> {
        let font = Font::new(bytes, told.index)?;
        let font = match told.weight {
            Some(weight) => font.instance_builder().variations([("wght", f32::from(weight))]).build(),
            None => font,
        };
        font.outline_glyphs().source()?;
        Some(Self { font, told: told.clone() })
    }

    /// Tells whether it has a glyph for each of the characters that show.
    pub(super) fn has_all(&self, cluster: &str) -> bool {
        let charmap = self.font.charmap();
        has_all(cluster, |letter| charmap.map_unicode(letter).is_some_and(|glyph| glyph.to_u32() > 0))
    }

    pub(super) fn look(&self) -> Look {
        Look { bold: self.told.bold, italic: self.told.italic }
    }
}

impl Faces {
    /// Gives the number of the face that draws a cluster of characters, after one that was drawn with the face `before`.
    pub(super) fn of(&self, cluster: &str, look: Look, before: Option<usize>) -> Option<usize> {
        let suits = |number: &usize| self.0[*number].look() == look && self.0[*number].has_all(cluster);
        let stays = before.filter(|_| !cluster.chars().any(char::is_alphabetic)).filter(suits);
        stays.or_else(|| (0..self.0.len()).find(suits))
    }
}

/// Tells whether all characters that show are `there`, or those by which shapers replace them: a hyphen for one that does not break,
/// as HarfBuzz has it.
pub(super) fn has_all(cluster: &str, there: impl Fn(u32) -> bool) -> bool {
    let is_there = |letter: char| there(letter.into()) || letter == '\u{2011}' && there(0x2010);
    cluster.chars().filter(|letter| shows(*letter)).all(is_there)
}

/// Tells characters that have glyphs from those that only say how others look: joiners, directions, variants
/// (Default_Ignorable_Code_Point of Unicode, as far as subtitles have them).
fn shows(letter: char) -> bool {
    !matches!(letter, '\u{a0}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Tells how a font is set for bold text, where it is variable and can be.
pub(super) fn bold_weight(bytes: &[u8], index: u32) -> Option<u16> {
    let font = Font::new(bytes.to_vec(), index)?;
    let axis = font.axes().iter().find(|axis| axis.tag().to_be_bytes() == *b"wght")?;
    (axis.max_value() >= f32::from(BOLD)).then_some(BOLD)
}

/// Reads a file of fonts, and its sum.
///
/// # Errors
/// [`Error::Io`] when it cannot be read; [`Error::BurnIn`] when it is too large for a font.
pub(super) fn read(path: &Path) -> Result<(Vec<u8>, Sha256Hex)> {
    let io = Error::io(path, "cannot read the font");
    let bytes = match std::fs::metadata(path) {
        Ok(there) if there.len() > LARGEST => {
            let name = path.display().to_string();
            return Err(Error::BurnIn { name, why: "is too large for a font".to_owned() });
        }
        Ok(_) => std::fs::read(path).map_err(io)?,
        Err(error) => return Err(io(error)),
    };
    let sha256 = Sha256Hex::of(&bytes);
    Ok((bytes, sha256))
}
