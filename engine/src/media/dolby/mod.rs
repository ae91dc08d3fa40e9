//! Dolby Vision: whether a base layer is a picture by itself, and making the picture where it is not.

mod composer;
mod configuration;
mod curve;
mod lanes;
mod latest;
mod layer;
mod metadata;
mod regression;
mod to_pq;

pub(super) use composer::{Composer, REACH};
pub(super) use configuration::{is_profile_5, judge};
pub(super) use latest::Latest;
pub(super) use metadata::Metadata;
