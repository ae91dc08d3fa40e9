//! From one colour to another: of high dynamic range and of other gamuts to BT.709, and a studio's own look.

pub mod colour_map;
pub mod cube;
mod map_spec;
mod peak;
pub mod table;

pub use colour_map::{DEFAULT_PEAK, Primaries, SDR_WHITE, SourceColour, source_peak};
pub use cube::{Cube, CubeError, CubeFault};
pub use map_spec::{LookFile, MapSpec, colour_source};
pub use peak::{FramePeak, measure_peak};
pub use table::LookPlace;
#[cfg(feature = "gpu")]
pub(in crate::picture) use table::TABLE_BYTES;
