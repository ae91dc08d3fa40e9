//! Pictures of a film that are made beside its renditions.

use crate::geometry::Rational;
use crate::source::SourceInfo;
use crate::time::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Pictures of the vertical picture that are made beside the renditions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Pictures {
    /// A still that speaks for the film.
    pub poster: Option<Moment>,
    /// Small stills at even distances, many in a file, to be shown while a player seeks, with an index of them.
    pub storyboard: bool,
    /// A short animation.
    pub preview: Option<Moment>,
}

/// A place in a film.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Moment {
    /// When, on the renditions' time line; none to have it chosen when the film is rendered.
    pub at: Option<Time>,
}

impl Pictures {
    /// All there are, at places that are chosen.
    pub const ALL: Self =
        Self { poster: Some(Moment { at: None }), storyboard: true, preview: Some(Moment { at: None }) };

    /// Tells whether none is made.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Finds a place behind the end of the film, as far as its container tells when that is: what is there, the place, and the end in
    /// seconds.
    pub(super) fn behind_the_end(&self, found: &SourceInfo) -> Option<(&'static str, Time, f64)> {
        let span = found.span;
        let rest = found.duration.map(|lasts| lasts - span.start.map_or(0.0, Rational::as_f64));
        let end = rest.into_iter().chain(span.duration.map(Rational::as_f64)).reduce(f64::min)?;
        let all = [("poster", self.poster), ("preview", self.preview)].into_iter();
        let mut all = all.filter_map(|(name, moment)| Some((name, moment?.at?, end)));
        all.find(|(_, at, _)| at.seconds().as_f64() >= end)
    }
}
