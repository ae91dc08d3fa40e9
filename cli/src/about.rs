//! Versions of this program and of what it is made of.

/// What `--version` prints.
pub(crate) fn version() -> String {
    format!("upright {}\n", env!("CARGO_PKG_VERSION"))
}
