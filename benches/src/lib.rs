//! What the Criterion benches in `benches/` share: the jobs that are measured and the devices that they run on.

pub mod scale;
