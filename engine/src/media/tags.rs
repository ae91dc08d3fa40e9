//! What is said about a film as a whole.

use crate::source::Chapter;

/// Title and chapters of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// Title of the film.
    pub title: Option<String>,
    /// In the order of their starts.
    pub chapters: Vec<Chapter>,
}
