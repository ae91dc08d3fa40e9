//! What follows from a source and from what is wanted of it.

use super::track::Layout;
use super::wanted::Wanted;
use crate::av1;
use crate::colour::{ChromaSite, Colour, Siting, cicp};
use crate::encode::KeyFrameControl;
use crate::frame::Depth;
use crate::geometry::Size;
use crate::ladder::ROUNDING;
use crate::picture::tone::MapSpec;
use crate::source::SourceInfo;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What follows from the rest of a plan. It is for people and programs to read; it is worked out anew when a plan is read,
/// and what a document says here is passed over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Follows {
    /// The renditions, in the order of the ladder; where there are some in either colour, those in BT.709 first.
    pub rungs: Vec<RungFollows>,
    /// How the encoder comes to key frames.
    pub key_frames: KeyFrameControl,
    /// Tags of the renditions, of the first where they differ: the source's, but for chroma samples where AV1 cannot have them, or
    /// those that colours are converted to.
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
    /// Bits of its samples.
    pub depth: Depth,
    /// Its tags.
    pub colour: Colour,
    /// Whether its colours are converted.
    pub converted: bool,
    /// The AV1 level that its size and frame rate ask for, as `seq_level_idx`: 8 is level 4.0, 9 is 4.1.
    pub level: u8,
    /// Whether a window has fewer samples than the rung has pixels, by more than rounding, along an axis in some shot.
    pub upscaled: bool,
}

impl Follows {
    /// Works out all that follows but for memory.
    pub(super) fn of(found: &SourceInfo, wanted: &Wanted, key_frames: KeyFrameControl) -> Self {
        Self {
            rungs: rungs(found, wanted),
            key_frames,
            colour: wanted.colour.as_ref().map_or_else(|| output_colour(&found.video.colour), |_| converted(found)),
            frames: wanted.frames(),
            memory: 0,
        }
    }
}

fn rungs(found: &SourceInfo, wanted: &Wanted) -> Vec<RungFollows> {
    let of = |converted: bool| wanted.rungs.iter().map(move |&size| rung(found, wanted, size, converted));
    match &wanted.colour {
        None => of(false).collect(),
        Some(colour) => of(true).chain(of(false).filter(|_| colour.and_source)).collect(),
    }
}

fn rung(found: &SourceInfo, wanted: &Wanted, size: Size, is_converted: bool) -> RungFollows {
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
    let kept = output_colour(&found.video.colour);
    let beside = wanted.colour.is_some() && !is_converted;
    RungFollows {
        file: format!("{size}{}.mp4", if beside { "-hdr" } else { "" }),
        size,
        depth: if beside { Depth::Ten } else { wanted.depth },
        colour: if is_converted { converted(found) } else { kept },
        converted: is_converted,
        level: av1::level_for(size, wanted.frame_rate(found)),
        upscaled: upscaled.any(|upscaled| upscaled),
    }
}

impl RungFollows {
    /// Gives the name of its file without the extension, which is its name in a job.
    pub(crate) fn name(&self) -> &str {
        self.file.strip_suffix(".mp4").unwrap_or(&self.file)
    }
}

/// Tags of what is converted.
fn converted(found: &SourceInfo) -> Colour {
    let site = ChromaSite::TOP_LEFT;
    MapSpec::output_colour(if found.video.colour.chroma == site { site } else { ChromaSite::LEFT })
}

/// AV1 signals left or top-left and no other. Top-left is what BT.2020 asks for (ITU-R BT.2020-2, chroma subsampling
/// lattice); anything else moves to left, MPEG's default.
fn output_colour(source: &Colour) -> Colour {
    let wide = source.is_hdr() || source.primaries == cicp::BT2020;
    let top_left = source.chroma.x == Siting::Start && source.chroma.y == Siting::Start;
    Colour { chroma: if wide || top_left { ChromaSite::TOP_LEFT } else { ChromaSite::LEFT }, ..*source }
}
