//! The fonts that a machine has, and which of them suits a character.

use super::face::{self, Face, bold_weight, has_all};
use super::look::BOLD;
use super::markup::Look;
use super::wanted::BurnInFont;
use crate::error::{Error, Result};
use fontdb::{Database, FaceInfo, Family, ID, Query, Source, Style, Weight};
use harfrust::font::Font;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// The font that is tried first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FontChoice {
    /// A family of those that are installed.
    Family(String),
    /// A file.
    File(PathBuf),
}

/// Families that are tried first where none is asked for: plain, and made for screens.
const USUAL: [&str; 9] = [
    "Noto Sans",
    "Roboto",
    "Open Sans",
    "Liberation Sans",
    "DejaVu Sans",
    "Helvetica Neue",
    "Arial",
    "Segoe UI",
    "Helvetica",
];

/// Words in the names of families that are taken only where there is no other.
const UNUSUAL: [&str; 12] =
    ["Mono", "Serif", "Condensed", "Display", "UI", "Naskh", "Kufi", "Nastaliq", "Rashi", "Looped", "Math", "Symbols"];

/// The fonts of a machine.
pub(super) struct SystemFonts {
    database: Database,
    /// Characters of faces that were asked for some, by their numbers in the database; none of those that cannot be drawn.
    asked: BTreeMap<ID, Option<Characters>>,
    /// Families with a face for running text, the best first.
    ranked: Vec<(String, ID)>,
}

impl SystemFonts {
    /// Finds the fonts of this machine. Where text is Chinese, Japanese or Korean, its `variant` is preferred among fonts that have
    /// several: `SC`, `TC`, `HK`, `JP` or `KR`.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] when there is no such font; [`Error::Io`] when it cannot be read; [`Error::BurnIn`] when there are no
    /// fonts at all.
    pub(super) fn find(choice: Option<&FontChoice>, variant: &str) -> Result<Self> {
        let mut database = Database::new();
        database.load_system_fonts();
        let first = match choice {
            Some(FontChoice::File(path)) => family_of_file(&mut database, path)?,
            Some(FontChoice::Family(name)) => family(&database, name)?,
            None => USUAL.iter().find_map(|name| family(&database, name).ok()).unwrap_or_default(),
        };
        if database.is_empty() {
            let why = "no font is installed on this machine: install some, such as fonts-noto-core and fonts-noto-cjk";
            return Err(Error::BurnIn { name: "fonts".to_owned(), why: why.to_owned() });
        }
        let mut ranked: Vec<_> =
            database.faces().filter(|face| is_plain(face)).map(|face| (name(face), face.id)).collect();
        ranked.sort_by_cached_key(|(name, _)| rank(name, &first, variant));
        Ok(Self { database, asked: BTreeMap::new(), ranked })
    }

    /// Finds the best face for a cluster of characters of a look; none where no font has them all.
    ///
    /// # Errors
    /// [`Error::Io`] when its file cannot be read.
    pub(super) fn face_for(&mut self, cluster: &str, look: Look) -> Result<Option<Face>> {
        let Self { database, asked, ranked, .. } = self;
        let mut has = |id: ID| {
            let characters = asked.entry(id).or_insert_with(|| Characters::of(database, id));
            characters.as_ref().is_some_and(|characters| characters.has_all(cluster))
        };
        let Some((family, id)) = ranked.iter().find(|(_, id)| has(*id)).cloned() else { return Ok(None) };
        let style = if look.italic { Style::Italic } else { Style::Normal };
        let weight = if look.bold { Weight(BOLD) } else { Weight::NORMAL };
        let query = Query { families: &[Family::Name(&family)], weight, style, ..Query::default() };
        let styled = database.query(&query).filter(|id| has(*id)).unwrap_or(id);
        let Some(info) = database.face(styled) else { return Ok(None) };
        let (Source::File(path) | Source::SharedFile(path, _)) = &info.source else { return Ok(None) };
        let (bytes, sha256) = face::read(path)?;
        let told = BurnInFont {
            name: info.post_script_name.clone(),
            file: path.clone(),
            index: info.index,
            sha256,
            bold: look.bold,
            italic: look.italic,
            weight: (look.bold && info.weight < Weight(600)).then(|| bold_weight(&bytes, info.index)).flatten(),
            slanted: look.italic && info.style == Style::Normal,
        };
        Ok(Face::open(bytes, &told))
    }

    /// Looks for files of the face of this PostScript name.
    pub(super) fn files_of(name: &str) -> Vec<PathBuf> {
        let mut database = Database::new();
        database.load_system_fonts();
        let faces = database.faces().filter(|face| face.post_script_name == name);
        faces
            .filter_map(|face| match &face.source {
                Source::File(path) | Source::SharedFile(path, _) => Some(path.clone()),
                Source::Binary(_) => None,
            })
            .collect()
    }
}

/// The characters of a face, as ranges in rising order.
struct Characters(Vec<RangeInclusive<u32>>);

impl Characters {
    /// Reads those of a face with outlines; fonts of coloured pictures have none that could be drawn here.
    fn of(database: &Database, id: ID) -> Option<Self> {
        let font = database.with_face_data(id, |bytes, index| Font::new(bytes.to_vec(), index))??;
        if font.outline_glyphs().source().is_none() || !font.color_glyphs().is_empty() {
            return None;
        }
        let mut all: Vec<u32> =
            font.charmap().unicodes().filter(|(_, glyph)| glyph.to_u32() > 0).map(|(letter, _)| letter).collect();
        all.sort_unstable();
        let mut ranges: Vec<RangeInclusive<u32>> = Vec::new();
        for letter in all {
            match ranges.last_mut() {
                Some(last) if letter <= last.end() + 1 => *last = *last.start()..=letter,
                _ => ranges.push(letter..=letter),
            }
        }
        Some(Self(ranges))
    }

    fn has_all(&self, cluster: &str) -> bool {
        has_all(cluster, |letter| {
            let after = self.0.partition_point(|range| *range.start() <= letter);
            after > 0 && self.0[after - 1].contains(&letter)
        })
    }
}

/// Tells whether a face is one for running text: upright, of usual weight and width.
fn is_plain(face: &FaceInfo) -> bool {
    face.style == Style::Normal && face.stretch == fontdb::Stretch::Normal && face.weight == Weight::NORMAL
}

fn name(face: &FaceInfo) -> String {
    face.families.first().map(|(name, _)| name.clone()).unwrap_or_default()
}

/// Orders families: the lower, the better. Equal machines rank equally.
fn rank(name: &str, first: &str, variant: &str) -> (bool, bool, bool, bool, usize, String) {
    let is_unusual = name.split(' ').any(|word| UNUSUAL.contains(&word));
    let usual = USUAL.iter().position(|usual| *usual == name).unwrap_or(USUAL.len());
    let is_variant = name.ends_with(variant);
    (name != first, is_unusual, !name.starts_with("Noto Sans"), !is_variant, usual, name.to_owned())
}

/// Finds an installed family, whatever the case of the letters of its name.
fn family(database: &Database, wanted: &str) -> Result<String> {
    let names = || database.faces().flat_map(|face| &face.families).map(|(name, _)| name);
    let found = names().find(|name| name.to_lowercase() == wanted.to_lowercase()).cloned();
    found.ok_or_else(|| {
        let folded = wanted.to_lowercase();
        let mut near: Vec<_> = names().filter(|name| name.to_lowercase().contains(&folded)).cloned().collect();
        near.sort();
        near.dedup();
        near.truncate(5);
        let near = if near.is_empty() { String::new() } else { format!("; there are {}", near.join(", ")) };
        Error::invalid("font", wanted, format!("is neither a file nor an installed family{near}"))
    })
}

/// Adds the fonts of a file; gives their family.
fn family_of_file(database: &mut Database, path: &Path) -> Result<String> {
    // Whatever is wrong with reading it is said.
    face::read(path)?;
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let ids = database.load_font_source(Source::File(path.clone()));
    // A family that is installed too would take its place.
    let families: Vec<String> = ids.iter().filter_map(|id| database.face(*id)).map(name).collect();
    let others: Vec<ID> = database
        .faces()
        .filter(|face| !ids.contains(&face.id) && families.contains(&name(face)))
        .map(|face| face.id)
        .collect();
    others.into_iter().for_each(|id| database.remove_face(id));
    let first = families.into_iter().next();
    first.ok_or_else(|| Error::invalid("font", path.display(), "is no font: .ttf, .otf, .ttc or .otc are"))
}
