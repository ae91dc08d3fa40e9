//! What is wanted of a source: all that a person may edit.

use super::segments::{KeyFrameRule, Segmentation};
use super::track::Shot;
use crate::encode::EncoderKind;
use crate::frame::Depth;
use crate::geometry::Size;
use crate::source::Chapter;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is wanted of a source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// The ladder: sizes of the renditions in pixels, all of one shape. Sides are even, from 16 to 16384.
    pub rungs: Vec<Size>,
    /// Bits of the renditions' samples: 8 or 10; high dynamic range needs 10.
    pub depth: Depth,
    /// The shots, at least one, in the order of the film, without gap from time 0 to its end.
    pub shots: Vec<Shot>,
    /// Which frames are key frames, the same in every rendition.
    pub key_frames: KeyFrameRule,
    /// The parts that are encoded by themselves, the same in every rendition.
    pub segments: Segmentation,
    /// How the encoder is set, for all rungs and segments.
    pub encoder: WantedEncoder,
    /// The sound; none for renditions without.
    pub audio: Option<WantedAudio>,
    /// Title of the renditions.
    pub title: Option<String>,
    /// ISO 639-2 language of the picture.
    pub language: Option<String>,
    /// Chapters, on the output's time line, in rising order.
    pub chapters: Vec<Chapter>,
}

impl Wanted {
    /// Frames of the film, as far as the container tells; none where it was not read to its end.
    pub(super) fn frames(&self) -> Option<u64> {
        match &self.segments {
            Segmentation::List(list) => Some(list.iter().map(|segment| segment.frames).sum()),
            Segmentation::AsDecoded { .. } => None,
        }
    }
}

/// How the encoder is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedEncoder {
    /// Its name: `rav1e`, one of libavcodec's such as `libsvtav1`, or `pipe:PROFILE`.
    pub kind: EncoderKind,
    /// From 0 (slowest) to 10 (fastest).
    pub speed: u8,
    /// From 0 (worst) to 100 (best).
    pub quality: u8,
    /// Threads of each encoder, one for every rung and segment, at least 1. With some encoders they decide on what comes
    /// out.
    pub threads: usize,
    /// Settings by the encoder's own names, which win over all that is said here.
    pub options: Vec<(String, String)>,
}

/// The sound that is wanted. It is copied where MP4 can hold it as it is, and becomes AAC elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedAudio {
    /// Number among the source's audio tracks, from 1.
    pub track: usize,
    /// Number of the track that is the right channel, where `track` is the left.
    pub right: Option<usize>,
    /// ISO 639-2 language.
    pub language: Option<String>,
    /// Title of the track.
    pub title: Option<String>,
}
