//! Forms in which renditions are written.

use crate::geometry::Rational;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What Opus needs.
pub(super) const OPUS_NEEDS: &str = "is made as sound is brought to its loudness: not without that";

/// Forms in which renditions are written; at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Formats {
    /// An MP4 for each rendition, with the sound in it.
    pub mp4: bool,
    /// CMAF tracks, one for each rendition and each track of sound, with HLS and DASH manifests; none without.
    pub cmaf: Option<Cmaf>,
}

/// How a film is cut for delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cmaf {
    /// Seconds of a segment: a multiple of the interval of key frames.
    pub segment: Rational,
    /// Whether each segment is a file of its own, in a folder for each track; else a range of its track's one file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub segment_files: bool,
    /// Whether DASH has the sound as Opus besides, of what has no more than two channels.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub opus: bool,
}

impl Default for Formats {
    fn default() -> Self {
        Self { mp4: true, cmaf: None }
    }
}

impl Default for Cmaf {
    /// Segments of six seconds, as Apple's authoring specification has them.
    fn default() -> Self {
        Self { segment: Rational { num: 6, den: 1 }, segment_files: false, opus: false }
    }
}

impl Formats {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Cmaf {
    /// Counts the intervals of key frames that a segment has; none where it is not a whole number of them.
    pub(super) fn intervals(self, interval: Rational) -> Option<i64> {
        let segment = self.segment;
        let num = i128::from(segment.num) * i128::from(interval.den);
        let den = i128::from(segment.den) * i128::from(interval.num);
        let whole = num > 0 && den > 0 && num % den == 0;
        whole.then(|| i64::try_from(num / den).ok()).flatten()
    }
}
