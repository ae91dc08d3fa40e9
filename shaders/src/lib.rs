//! The compute kernels, in WGSL and as Rust twins that give the same bytes.
