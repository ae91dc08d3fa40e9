//! GPUs as devices, through wgpu: Vulkan, Metal and Direct3D 12.
//!
//! A frame is one submission: its jobs, filters and samples are copied from a staging buffer, every node of the graph that has
//! all that it needs makes its pictures, and those that come out are read back, or lie where the processor reads them already.
//! Buffers are lent and come back, so that one frame is written while another is computed and a third read; they are made with
//! the runner, for the largest pictures that there is room for: no frame needs more memory.

mod adapters;
mod buffers;
mod bus;
mod clock;
mod composer;
mod context;
mod device;
mod layout;
mod mapper;
mod memory;
mod overlayer;
mod planes;
mod runner;
mod scaler;
mod submission;

pub(super) use adapters::infos;
pub(super) use device::{Gpu, open};
pub(super) use runner::runner;
