//! Names and reports of the pictures that are made beside renditions.

use super::storyboard;
use crate::geometry::Size;
use crate::time::Time;
use schemars::JsonSchema;
use serde::Serialize;

/// Name of the poster.
pub(crate) const POSTER: &str = "poster.jpg";
/// Name of the animated preview.
pub(crate) const PREVIEW: &str = "preview.webp";

/// Pictures that lie beside the renditions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct PicturesReport {
    /// The poster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poster: Option<PictureFile>,
    /// The storyboard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storyboard: Option<StoryboardReport>,
    /// The animated preview.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview: Option<AnimationFile>,
}

/// An animation.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct AnimationFile {
    /// Its name in the directory of the report.
    pub file: String,
    /// Its size in pixels.
    pub size: Size,
    /// When it begins in the renditions.
    pub time: Time,
    /// Seconds that it lasts.
    pub seconds: f64,
    /// How many bytes it has.
    pub bytes: u64,
}

/// A picture in a file.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PictureFile {
    /// Its name in the directory of the report.
    pub file: String,
    /// Its size in pixels.
    pub size: Size,
    /// When it is shown in the renditions.
    pub time: Time,
    /// How many bytes it has.
    pub bytes: u64,
}

/// A storyboard.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct StoryboardReport {
    /// Name of the index, WebVTT, in the directory of the report.
    pub file: String,
    /// Size of a still in pixels.
    pub size: Size,
    /// How many stills lie side by side, and one below the other, in a file.
    pub grid: [u32; 2],
    /// Seconds from one still to the next.
    pub distance: i64,
    /// Stills.
    pub stills: u32,
    /// The files with the stills, in the order of the film.
    pub files: Vec<SheetFile>,
}

/// A file with stills.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SheetFile {
    /// Its name in the directory of the report.
    pub file: String,
    /// How many bytes it has.
    pub bytes: u64,
}

impl PicturesReport {
    /// Gives the names of all files, those that speak for others behind them.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        let sheets = self.storyboard.iter().flat_map(|board| &board.files).map(|sheet| &*sheet.file);
        let index = self.storyboard.iter().map(|board| &*board.file);
        let poster = self.poster.iter().map(|picture| &*picture.file);
        let preview = self.preview.iter().map(|animation| &*animation.file);
        poster.chain(preview).chain(sheets).chain(index)
    }
}

/// Tells whether a file has a name that such pictures have.
pub(crate) fn is_picture_name(name: &str) -> bool {
    let [before, after] = storyboard::SHEETS;
    let number = name.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    let is_sheet = number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    is_sheet || [POSTER, PREVIEW, storyboard::INDEX].contains(&name)
}
