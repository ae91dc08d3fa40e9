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
pub use program::{Program, programs};

#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
