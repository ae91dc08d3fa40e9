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
    /// Parameters.
    Uniform {
        /// Their size.
        bytes: u32,
    },
    /// Read only.
    StorageRead,
    /// Read and written.
    StorageReadWrite,
}

include!(concat!(env!("OUT_DIR"), "/kernels.rs"));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HorizontalParams, VerticalParams};

    #[test]
    fn parameters_have_the_size_that_the_kernels_expect() {
        let uniform = |kernel: &Kernel| match kernel.bindings[0].kind {
            BindingKind::Uniform { bytes } => bytes as usize,
            other => panic!("{other:?}"),
        };
        assert_eq!(uniform(&SCALE_HORIZONTAL), size_of::<HorizontalParams>());
        assert_eq!(uniform(&SCALE_VERTICAL), size_of::<VerticalParams>());
    }

    #[test]
    fn every_file_is_in_the_table() {
        assert_eq!(
            KERNELS.iter().map(|kernel| kernel.name).collect::<Vec<_>>(),
            ["scale_horizontal", "scale_vertical"]
        );
    }
}
