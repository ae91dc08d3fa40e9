//! Pictures in a device's buffers, and those that the processor reads where they are.

use super::buffers::SharedBuffer;
use super::context::Context;
use super::device::Gpu;
use crate::error::Result;
use crate::frame::{Frame, HostMemory, LentMemory, PADDING};
use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use wgpu::BufferView;

/// The memory of a device.
#[derive(Clone, Debug)]
pub(super) struct DeviceMemory {
    pub(super) buffer: SharedBuffer,
    /// Byte at which the picture begins.
    pub(super) offset: usize,
}

/// A buffer that is mapped to be read until the last of its pictures is dropped.
pub(super) struct Mapped {
    buffer: SharedBuffer,
    /// Which is there as long as its memory is read.
    gpu: Arc<Gpu>,
}

impl Mapped {
    pub(super) fn new(buffer: SharedBuffer, gpu: &Arc<Gpu>) -> Arc<Self> {
        Arc::new(Self { buffer, gpu: Arc::clone(gpu) })
    }

    /// Gives a frame that lies in it, to be read where it is.
    pub(super) fn frame<P>(self: &Arc<Self>, picture: &Frame<P>, offset: usize) -> Result<Frame> {
        let (begin, bytes) = (offset as u64, picture.format().bytes() + PADDING);
        let view = self.buffer.slice(begin..begin + bytes as u64).get_mapped_range();
        let view = view.map_err(|error| self.context().error(format!("cannot be read from: {error}")))?;
        let memory = HostMemory::lent(MappedPicture { view, _mapped: Arc::clone(self) });
        Ok(Frame::at(memory, picture.format()).like(picture))
    }

    fn context(&self) -> &Context {
        &self.gpu.context
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        self.buffer.unmap();
    }
}

impl Debug for Mapped {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.buffer.fmt(f)
    }
}

/// The bytes of one picture of a mapped buffer.
#[derive(Debug)]
struct MappedPicture {
    /// Dropped before the buffer is unmapped.
    view: BufferView,
    _mapped: Arc<Mapped>,
}

impl LentMemory for MappedPicture {
    fn bytes(&self) -> &[u8] {
        &self.view
    }

    fn bytes_mut(&mut self) -> Option<&mut [u8]> {
        None
    }
}
