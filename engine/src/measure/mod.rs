//! Speed of this machine: each part of a conversion by itself with all cores, and the whole of it.

mod bench;
pub mod footage;

pub use bench::{Bench, Throughput};
