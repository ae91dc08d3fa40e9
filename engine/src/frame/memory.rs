//! Where the samples of a frame are.

use bytemuck::{Pod, Zeroable};
use std::fmt::{self, Debug, Formatter};
use std::ops::{Deref, DerefMut};

/// The processor's memory.
///
/// It ends with [`PADDING`] bytes beyond the last sample, which vector code may read.
#[derive(Debug)]
pub struct HostMemory(Owner);

#[derive(Debug)]
enum Owner {
    /// The frame's own.
    Own(HostBytes),
    /// Lent by whoever made the frame, who takes it back when it is dropped.
    Lent(Box<dyn LentMemory>),
}

/// Bytes behind the samples of a frame that may be read: those that libav asks for behind what its encoders read.
pub const PADDING: usize = 64;

/// Memory that its owner lends to a frame. To drop it is to give it back.
pub(crate) trait LentMemory: Debug + Send + Sync {
    /// Gives the samples, and [`PADDING`] bytes.
    fn bytes(&self) -> &[u8];
    /// Gives the same, to be written; none where it can only be read.
    fn bytes_mut(&mut self) -> Option<&mut [u8]>;
}

impl HostMemory {
    pub(super) fn zeroed(samples: usize) -> Self {
        Self(Owner::Own(HostBytes::zeroed(samples + PADDING)))
    }

    pub(crate) fn lent(memory: impl LentMemory + 'static) -> Self {
        Self(Owner::Lent(Box::new(memory)))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match &self.0 {
            Owner::Own(bytes) => bytes,
            Owner::Lent(lent) => lent.bytes(),
        }
    }

    /// Gives the bytes to be written. Where they can only be read the memory becomes a copy first.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        if let Owner::Lent(lent) = &mut self.0
            && lent.bytes_mut().is_none()
        {
            self.0 = Owner::Own(HostBytes::copy_of(lent.bytes()));
        }
        match &mut self.0 {
            Owner::Own(bytes) => bytes,
            Owner::Lent(lent) => lent.bytes_mut().unwrap_or_default(),
        }
    }

    /// Makes room for so many bytes of samples, which are any. It is kept where it is large enough.
    pub(super) fn resize(&mut self, samples: usize) {
        match &mut self.0 {
            Owner::Own(bytes) => bytes.resize(samples + PADDING),
            Owner::Lent(_) => *self = Self::zeroed(samples),
        }
    }
}

impl Clone for HostMemory {
    /// Copies it into memory of the frame's own.
    fn clone(&self) -> Self {
        Self(Owner::Own(HostBytes::copy_of(self.bytes())))
    }
}

/// Bytes that begin at a multiple of 64, the width of the widest vectors and of a line of the caches.
#[derive(Default)]
pub(crate) struct HostBytes {
    lines: Vec<Line>,
    /// At most as many as the lines have.
    bytes: usize,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([u8; 64]);

impl HostBytes {
    pub(crate) fn zeroed(bytes: usize) -> Self {
        // The system's own pages of zeros, not zeros that are written.
        Self { lines: bytemuck::zeroed_vec(bytes.div_ceil(size_of::<Line>())), bytes }
    }

    fn copy_of(bytes: &[u8]) -> Self {
        let mut copy = Self::zeroed(bytes.len());
        copy.copy_from_slice(bytes);
        copy
    }

    /// Makes it so many bytes. They stay as they are only where the memory is large enough, and kept.
    pub(crate) fn resize(&mut self, bytes: usize) {
        if bytes > self.lines.len() * size_of::<Line>() {
            *self = Self::zeroed(bytes);
        }
        self.bytes = bytes;
    }
}

impl Deref for HostBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.lines)[..self.bytes]
    }
}

impl DerefMut for HostBytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.bytes]
    }
}

impl Debug for HostBytes {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Can only be read.
    #[derive(Debug)]
    struct Shown(Vec<u8>);

    impl LentMemory for Shown {
        fn bytes(&self) -> &[u8] {
            &self.0
        }

        fn bytes_mut(&mut self) -> Option<&mut [u8]> {
            None
        }
    }

    #[test]
    fn memory_begins_at_a_line_and_goes_on_behind_the_samples() {
        for bytes in [0, 1, 63, 64, 65, 5000] {
            let memory = HostMemory::zeroed(bytes);
            assert_eq!(memory.bytes().len(), bytes + PADDING);
            assert_eq!(memory.bytes().as_ptr() as usize % 64, 0);
            assert_eq!(memory.clone().bytes().as_ptr() as usize % 64, 0);
        }
    }

    #[test]
    fn what_can_only_be_read_is_copied_before_it_is_written() {
        let mut memory = HostMemory::lent(Shown(vec![7; 100]));
        let shown = memory.bytes().as_ptr();
        memory.bytes_mut()[3] = 8;
        assert_ne!(memory.bytes().as_ptr(), shown);
        assert_eq!(memory.bytes()[..5], [7, 7, 7, 8, 7]);
        memory.resize(200);
        assert_eq!(memory.bytes().len(), 200 + PADDING);
    }
}
