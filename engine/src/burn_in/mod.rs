//! Text that becomes part of the pictures: which fonts it takes, how it is broken into lines, where it stands, and how it is drawn.
//!
//! A plan is made with [`decide()`]: it has then the lines of every cue, and the faces of fonts that have all their glyphs. [`BurnedText`]
//! draws them, on any machine that has these faces.

mod breaks;
mod decide;
mod draw;
mod face;
mod look;
mod markup;
mod mask;
mod overlays;
mod screens;
mod shape;
mod system_fonts;
mod wanted;

pub use decide::{TextTrack, decide};
pub use overlays::{BurnedText, TextRung};
pub(crate) use screens::{Lift, PlacedCue, place};
pub use system_fonts::FontChoice;
pub use wanted::{BurnIn, BurnInCue, BurnInFont};

#[cfg(test)]
mod tests;
