//! What the fields of a film's frames are to one another, as data: measured when the film is looked at, kept in the plan.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display, Formatter};

/// One of the two fields of a frame: every other row of the upright grid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The rows of even numbers, from 0.
    #[default]
    Top,
    /// The rows of odd numbers.
    Bottom,
}

/// What the fields of frames that follow one another are to one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cadence {
    /// Both fields of a frame are of one time.
    Progressive,
    /// Each field is of a time of its own: video.
    Interlaced,
    /// Two fields in succession are of one time, the later one of a frame and the earlier one of the next: 2:2 pulldown that is
    /// off by a field.
    Shifted,
    /// Four pictures of a film in five frames, its fields shown for two and three fields in turn: 3:2 pulldown.
    Telecined,
    /// Pictures of a film that are whole frames, shown for two and three fields in turn, as the stream's flags say: 3:2 pulldown
    /// that the player does.
    Repeated,
    /// Whole pictures, some of which are two of the film at once: it was brought to another frame rate by blending, or blended to be
    /// deinterlaced.
    Blended,
    /// Each field is of a time of its own, and some are two pictures at once: a standards conversion.
    BlendedFields,
}

impl Display for Cadence {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Progressive => "progressive",
            Self::Interlaced => "interlaced",
            Self::Shifted => "film whose fields are paired wrongly (2:2)",
            Self::Telecined => "telecined (3:2)",
            Self::Repeated => "film with repeated fields (3:2 by flags)",
            Self::Blended => "blended",
            Self::BlendedFields => "interlaced, of blended fields",
        })
    }
}

/// Frames of one cadence, up to those of the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CadenceRun {
    /// Time of its first frame, in ticks of the source.
    pub start: i64,
    /// What they are.
    pub cadence: Cadence,
    /// The earlier field of a frame.
    pub first: Field,
    /// With [`Cadence::Telecined`], the place of the first frame among the five, from 0: two frames of one picture each, two of
    /// two, and one that shows the second of these alone. 0 with others.
    pub phase: u8,
}

/// Frames of a group of [`Cadence::Telecined`].
pub const GROUP: u8 = 5;

/// Tells whether a duration is to another as two fields to three.
pub(crate) fn is_two_thirds(shorter: i64, longer: i64) -> bool {
    shorter > 0 && (3 * shorter - 2 * longer).abs() * 5 <= longer
}
