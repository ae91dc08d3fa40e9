//! What a plan says of text that becomes part of the pictures.

use crate::fingerprint::Sha256Hex;
use crate::time::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Text that becomes part of the pictures of all renditions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BurnIn {
    /// The track that it was taken from: the number of a subtitle track, or `CC1` to `CC4` and `SERVICE1` to `SERVICE63` of closed
    /// captions.
    pub track: String,
    /// Its language, by ISO 639-2.
    pub language: Option<String>,
    /// Faces of fonts. A character is drawn with the first one for its style that has it; one that is no letter stays with the face of
    /// the letter before it.
    pub fonts: Vec<BurnInFont>,
    /// What is shown, in the order of the starts.
    pub cues: Vec<BurnInCue>,
}

/// A face of a font, for text of one style.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BurnInFont {
    /// Its PostScript name, by which it is looked for where the file is not there.
    pub name: String,
    /// The file that it was found in.
    pub file: PathBuf,
    /// Its number in the file, from 0.
    pub index: u32,
    /// The SHA-256 of the file.
    pub sha256: Sha256Hex,
    /// Whether it is for bold text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bold: bool,
    /// Whether it is for italics.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub italic: bool,
    /// The weight that a variable font is set to, from 1 to 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u16>,
    /// Whether it is upright itself and is made to lean.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub slanted: bool,
}

/// Text that is shown for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BurnInCue {
    /// The first frame at or after this time shows it first.
    pub start: Time,
    /// The last frame before this time shows it last.
    pub end: Time,
    /// Its lines, from top to bottom, of which none is broken any more. `<b>` and `<i>` begin bold text and italics, `</b>` and `</i>`
    /// end them; `&lt;` and `&amp;` are `<` and `&`.
    pub lines: Vec<String>,
    /// Whether it stands at the top.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub top: bool,
}
