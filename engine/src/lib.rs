//! `upright-engine`: turns landscape film and drama into vertical AV1 renditions.
//!
//! The way through it is one direction, no loops:
//!
//! ```text
//! source -> probe -> Plan                                  plan: decides everything, writes nothing
//! Plan -> decode -> scale -> encode -> mux -> verify -> publish    render: carries a Plan out
//! ```
//!
//! The ground floor ([`error`], [`geometry`], [`colour`], [`frame`], [`packet`], [`source`]) is data that everyone shares and does no I/O;
//! [`control`] ends work before its time.
//! [`media`] is libav and holds the crate's `unsafe` code; [`scale`] crops and scales; [`encode`] makes AV1;
//! [`plan`] and [`ladder`] say what will be done; [`pipeline`] does it; [`measure`] says how fast, on this [`machine`].

pub mod av1;
pub mod clock;
pub mod colour;
pub mod control;
pub mod encode;
pub mod error;
pub mod fingerprint;
pub mod frame;
pub mod geometry;
pub mod ladder;
pub mod machine;
pub mod measure;
pub mod media;
pub mod packet;
pub mod pipeline;
pub mod plan;
pub mod scale;
pub mod source;
pub mod verify;
pub mod versions;
mod wait;

pub use error::{Error, Result};
