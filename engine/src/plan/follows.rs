//! What follows from a source and from what is wanted of it.

use super::track::Layout;
use super::wanted::Wanted;
use crate::av1;
use crate::colour::{ChromaSite, Colour, Siting, cicp};
use crate::encode::KeyFrameControl;
use crate::geometry::Size;
use crate::ladder::ROUNDING;
use crate::source::SourceInfo;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What follows from the rest of a plan. It is for people and programs to read; it is worked out anew when a plan is read,
/// and what a document says here is passed over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Follows {
    /// The renditions, in the order of the ladder.
    pub rungs: Vec<RungFollows>,
    /// How the encoder comes to key frames.
    pub key_frames: KeyFrameControl,
    /// Tags of the renditions: the source's, but for chroma samples where AV1 cannot have them.
    pub colour: Colour,
    /// Frames of each rendition, as far as the container tells.
    pub frames: Option<u64>,
    /// Bytes of memory that it takes to encode one segment at a time, scaled on the CPU, about.
    pub memory: u64,
}

/// What follows for one rendition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RungFollows {
    /// Its file.
    pub file: String,
    /// Its size in pixels.
    pub size: Size,
    /// The AV1 level that its size and frame rate ask for, as `seq_level_idx`: 8 is level 4.0, 9 is 4.1.
    pub level: u8,
    /// Whether a window has fewer samples than the rung has pixels, by more than rounding, along an axis in some shot.
    pub upscaled: bool,
}

impl Follows {
    /// Works out all that follows but for memory.
    pub(super) fn of(found: &SourceInfo, wanted: &Wanted, key_frames: KeyFrameControl) -> Self {
        Self {
            rungs: wanted.rungs.iter().map(|&size| rung(found, wanted, size)).collect(),
            key_frames,
            colour: output_colour(&found.video.colour),
            frames: wanted.frames(),
            memory: 0,
        }
    }
}

fn rung(found: &SourceInfo, wanted: &Wanted, size: Size) -> RungFollows {
    let grid = |window| found.video.upright.to_grid(window);
    // A part of the height: halves, where two windows are one above the other; a fitted one is lower as it is wider.
    let keys = wanted.shots.iter().flat_map(|shot| {
        let part = if shot.layout == Layout::Stack { 0.5 } else { 1.0 };
        shot.track.iter().chain(&shot.lower).map(move |key| (grid(key.window), part, shot.layout))
    });
    let lacks = |pixels: f64, samples: f64| pixels - samples > ROUNDING;
    let mut upscaled = keys.map(|(window, part, layout)| {
        let high = layout != Layout::Fit && lacks(f64::from(size.height) * part, window.height);
        high || lacks(size.width.into(), window.width)
    });
    RungFollows {
        file: file_name(size),
        size,
        level: av1::level_for(size, wanted.frame_rate(found)),
        upscaled: upscaled.any(|upscaled| upscaled),
    }
}

/// Name of the file of a rendition.
pub(crate) fn file_name(size: Size) -> String {
    format!("{size}.mp4")
}

/// AV1 signals left or top-left and no other. Top-left is what BT.2020 asks for (ITU-R BT.2020-2, chroma subsampling
/// lattice); anything else moves to left, MPEG's default.
fn output_colour(source: &Colour) -> Colour {
    let wide = source.is_hdr() || source.primaries == cicp::BT2020;
    let top_left = source.chroma.x == Siting::Start && source.chroma.y == Siting::Start;
    Colour { chroma: if wide || top_left { ChromaSite::TOP_LEFT } else { ChromaSite::LEFT }, ..*source }
}
