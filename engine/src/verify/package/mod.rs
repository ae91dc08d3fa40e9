//! Checks a package as a stranger would: by its files alone, whoever made it.
//!
//! Nothing here uses what writes packages: boxes are read by the crate `mp4-atom`, manifests of DASH by `roxmltree`, and both are
//! compared with one another and with the AV1 streams.

mod dash;
mod findings;
mod frame_rate;
mod hls;
mod place;
mod playlist;
mod protection;
mod rates;
mod template;
mod text;
mod thumbnails;
mod track;
mod tracks;
mod whole;

pub use findings::{Finding, Rule};
pub use place::Place;
pub use whole::{Checked, check};
