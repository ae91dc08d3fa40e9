//! Encoders outside the process: programs that read Y4M on standard input and write IVF on standard output, one process
//! for each rung and segment.

mod encoder;
pub mod ivf;
mod process;
mod profile;
mod program;
mod template;
mod y4m;

pub(super) use encoder::open;
pub use profile::Profile;
pub(super) use program::LocatedProgram;
pub(crate) use program::ffmpegs;
pub use program::{Program, programs};
pub(crate) use y4m::{append as append_y4m, header as y4m_header};

#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
