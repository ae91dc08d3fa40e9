//! What renditions may cost, and how good each of their segments is.

use crate::error::{Error, Result};
use crate::geometry::Size;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt::Display;

/// What a rendition may cost, and how good each of its segments is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RungRate {
    /// Mean VMAF (`vmaf_v0.6.1`) that the qualities were chosen for, from 1 to 100; none where they were not. Changing it changes
    /// nothing: qualities are chosen when a plan is made.
    pub target_vmaf: Option<f64>,
    /// Bits of video a second that are not exceeded in any 6 seconds; none without a limit. Where qualities cost more, segments are
    /// encoded again at lower ones, and the report says which.
    pub max_bitrate: Option<u64>,
    /// Quality of each segment, from 0 (worst) to 100 (best); empty where the encoder's `quality` holds in all of them.
    pub qualities: Vec<u8>,
}

/// A size of the ladder that is not made, for what it adds is not worth its bits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeftOutRung {
    /// Its size in pixels.
    pub size: Size,
    /// Bits of video a second that it would have had.
    pub bitrate: u64,
    /// Mean VMAF that it would have had.
    pub vmaf: f64,
    /// Mean VMAF of the next smaller rendition with as many bits, enlarged to this size.
    pub smaller_vmaf: f64,
}

/// A value for each size of a ladder: one for all, or some of their own.
#[derive(Clone, Debug, PartialEq)]
pub struct PerRung<T>(Vec<(Option<Size>, T)>);

impl<T> Default for PerRung<T> {
    /// Makes one without values.
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy + Display> PerRung<T> {
    /// Makes one of values, each for a size, or without one for all sizes that are not named; the last one counts.
    pub fn new(values: impl IntoIterator<Item = (Option<Size>, T)>) -> Self {
        Self(values.into_iter().collect())
    }

    /// Tells whether there is no value for any size.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives the value of a size.
    pub fn of(&self, size: Size) -> Option<T> {
        let last = |wanted: Option<Size>| self.0.iter().rfind(|(named, _)| *named == wanted);
        last(Some(size)).or_else(|| last(None)).map(|&(_, value)| value)
    }

    /// Checks that every value keeps a rule, and every named size is one of a ladder.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] that names the first that does not.
    pub(super) fn check(
        &self,
        name: &'static str,
        rungs: &[Size],
        keeps: impl Fn(&T) -> bool,
        rule: &str,
    ) -> Result<()> {
        for (size, value) in &self.0 {
            if !keeps(value) {
                return Err(Error::invalid(name, value, rule));
            }
            if let Some(size) = size.filter(|size| !rungs.contains(size)) {
                return Err(Error::invalid(name, format!("of {size}"), "the ladder has no such size"));
            }
        }
        Ok(())
    }
}

/// Tells whether a film can be meant to have this VMAF.
pub(super) fn is_vmaf(vmaf: f64) -> bool {
    (1.0..=100.0).contains(&vmaf)
}
