//! The compute kernels: in WGSL under `wgsl/`, one file a kernel, and here as Rust twins of the same names that give
//! the same integers. `build.rs` validates the WGSL and writes [`kernels`].
//!
//! A picture is scaled one axis at a time, first along x ([`scale_horizontal`]), then along y ([`scale_vertical`]),
//! with the [`Filter`]s of both axes and the integers of a [`Conversion`]. [`compose()`] lays scaled pictures over one another, and
//! [`overlay()`] lays over them what was not scaled.
//! Before that, [`deinterlace()`] makes whole pictures of fields, [`denoise()`] averages noise away, and [`map_colour`] takes colours
//! to others.

mod compose;
pub mod deinterlace;
pub mod denoise;
mod filter;
mod fixed_point;
#[cfg(feature = "test-kernels")]
mod flip_of_three;
pub mod kernels;
pub mod map_colour;
mod overlay;
pub mod plane;
mod sample;
mod scale_horizontal;
mod scale_vertical;

pub use compose::{ComposeJob, LayerPlane, LayerRows, MOST_LAYERS, compose};
pub use deinterlace::deinterlace;
pub use denoise::denoise;
pub use filter::{Filter, Hold};
pub use fixed_point::{Conversion, MAX_GAIN, MIDDLE_BITS, Range, Rounding, UNITY, WEIGHT_BITS};
#[cfg(feature = "test-kernels")]
pub use flip_of_three::flip_of_three;
pub use overlay::{OverlayJob, overlay, overlay_element};
pub use sample::Sample;
pub use scale_horizontal::{HorizontalJob, scale_horizontal};
pub use scale_vertical::{MiddleRows, Noise, VerticalJob, scale_vertical};
