//! Dolby Vision: whether a base layer is a picture by itself, and making the picture where it is not.

mod composer;
mod configuration;
mod curve;
mod layer;
mod metadata;
mod to_pq;

pub(super) use composer::{Composer, REACH};
pub(super) use configuration::{judge, unusable};
pub(super) use metadata::Metadata;
