//! The CPU as a device: the integers of the kernels' twins, vectorised.

mod bandwidth;
mod composer;
mod instructions;
mod mapper;
mod overlayer;
mod planes;
mod runner;
mod scaler;
mod simd;
mod strips;
#[cfg(test)]
mod tests;
mod weights;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(super) use bandwidth::bandwidth;
pub use instructions::CPU_PATH;
pub(super) use instructions::{Instructions, info};
pub(super) use runner::CpuRunner;
