//! What is said about a film as a whole.

use crate::geometry::Rational;
use serde::Serialize;

/// Title and chapters of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// Title of the film.
    pub title: Option<String>,
    /// In the order of their starts.
    pub chapters: Vec<Chapter>,
}

/// A named part of a film: `[start, end)` in seconds of the output's time line, not below zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chapter {
    /// Where it begins.
    pub start: Rational,
    /// Where it ends.
    pub end: Rational,
    /// Its name.
    pub title: Option<String>,
}
