//! Framing: from what was seen in a film to the window's way through its shots.

mod film;
mod path;
mod shot;
mod subjects;

pub use film::{frame, keep_locked};
#[doc(hidden)]
pub use path::{FOLLOWING, PLACE, PathCosts, SIGMA, eased, least_cost};
