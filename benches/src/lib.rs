//! What the benches share: the jobs that are measured, the devices and programs that they run on, and what is made of
//! the figures.

pub mod command;
pub mod contest;
pub mod scale;

/// What fails here fails for good; the text says why.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
