//! GPUs as devices, through wgpu: Vulkan, Metal and Direct3D 12.

pub(super) mod adapters;
