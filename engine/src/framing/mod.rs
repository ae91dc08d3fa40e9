//! Framing: from what was seen in a film to the window's way through its shots.

mod captions;
mod closer;
mod film;
mod pair;
mod path;
mod people;
mod shot;
mod speech;
mod steps;
mod subjects;

pub use film::{FramingOptions, frame, keep_locked};
#[doc(hidden)]
pub use path::{FOLLOWING, PLACE, PathCosts, SIGMA, eased, least_cost};
