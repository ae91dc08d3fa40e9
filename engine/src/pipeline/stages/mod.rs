//! The stages of a job: one decode; lanes, of one scale and one encode for every rung, through which segments go side by
//! side; and one mux for every rung.

mod damage;
mod decode;
mod encode;
mod mux;
mod reorder;
mod scale;

pub(crate) use decode::{Decode, FrameSource, Selection};
pub(crate) use encode::Encode;
pub(crate) use mux::Mux;
pub(crate) use scale::Scale;
