//! Finding the quality of each segment that gives a rendition the VMAF which is wanted of it.

mod choice;
mod curve;
mod decide;
mod film;
mod ladder;
mod pass;
mod pieces;

pub(super) use decide::{check, decide};
