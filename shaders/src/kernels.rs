//! The table of the WGSL kernels.

/// A validated compute kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// The name of the entry point, of the file and of the twin.
    pub name: &'static str,
    /// WGSL, imports resolved.
    pub source: &'static str,
    /// Invocations per workgroup along x, y and z.
    pub workgroup: [u32; 3],
    /// What is bound in group 0; the index in this list is the binding's number.
    pub bindings: &'static [Binding],
}

/// One buffer that a kernel uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The variable's name.
    pub name: &'static str,
    /// How it is used.
    pub kind: BindingKind,
}

/// How a kernel uses a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindingKind {
    /// An array that is read.
    Read {
        /// Bytes of an element.
        element: u32,
    },
    /// An array of words that is written.
    Write,
}

include!(concat!(env!("OUT_DIR"), "/kernels.rs"));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map_colour::MapJob;
    use crate::{ComposeJob, HorizontalJob, OverlayJob, VerticalJob};

    #[test]
    fn jobs_have_the_size_that_the_kernels_expect() {
        let jobs = |kernel: &Kernel| match kernel.bindings[0] {
            Binding { name: "jobs", kind: BindingKind::Read { element } } => element as usize,
            other => panic!("{other:?}"),
        };
        assert_eq!(jobs(&COMPOSE), size_of::<ComposeJob>());
        assert_eq!(jobs(&MAP_COLOUR), size_of::<MapJob>());
        assert_eq!(jobs(&OVERLAY), size_of::<OverlayJob>());
        assert_eq!(jobs(&SCALE_HORIZONTAL), size_of::<HorizontalJob>());
        assert_eq!(jobs(&SCALE_VERTICAL), size_of::<VerticalJob>());
    }

    #[test]
    fn every_file_is_in_the_table() {
        assert_eq!(
            KERNELS.iter().map(|kernel| kernel.name).collect::<Vec<_>>()[..7],
            ["compose", "deinterlace", "denoise", "map_colour", "overlay", "scale_horizontal", "scale_vertical"]
        );
    }
}
