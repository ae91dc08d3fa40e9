//! Scaling against things that do not share its code: a reference in floating point, zimg, and one device against
//! another.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod devices;
mod noise;
mod pictures;
mod reference;
mod zimg;
