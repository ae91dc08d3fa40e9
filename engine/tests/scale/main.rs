//! Scaling against things that do not share its code: a reference in floating point, zimg, and one device against
//! another.

mod pictures;
mod reference;
