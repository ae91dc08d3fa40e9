//! GPUs as devices, through wgpu: Vulkan, Metal and Direct3D 12.
//!
//! A frame is one submission: its parameters, filters and samples are copied from an upload buffer to the input
//! buffer, all horizontal passes run, then all vertical ones, and the rungs are copied to a readback buffer. Each of a
//! small ring of slots has buffers of its own, so that one frame is written while another is computed and a third read.
//! They are made with the scaler, for the largest area that there is room for: no frame needs more memory.

mod adapters;
mod buffers;
mod bus;
mod clock;
mod context;
mod device;
mod layout;
mod scaler;
mod slot;
mod slot_size;

pub(super) use adapters::infos;
pub(super) use device::{Gpu, open};
pub(super) use scaler::scaler;
