//! AV1 bitstreams as far as a packager must read them: OBUs, the sequence header, levels, codec strings, where tiles lie;
//! and film grain, which is put into their frame headers.
//!
//! Section numbers are those of the AV1 Bitstream & Decoding Process Specification, version 1.0.0 with errata 1.
//! Streams are in the low-overhead format (section 5.2), which MP4, Matroska and IVF share.

mod bits;
mod film_grain;
mod frame;
mod frame_header;
mod grain_writer;
mod level;
mod metadata;
mod obu;
mod references;
mod sequence;
mod tiles;

pub(crate) use bits::BitWriter;
pub use film_grain::{ChromaGrain, FilmGrain, LumaGrain, ScalingPoint};
pub use frame::{FrameStart, frames};
pub use grain_writer::{GrainError, GrainWriter};
pub use level::{LEVEL_MAX, level_for};
pub use metadata::{insert_hdr_metadata, insert_itu_t_t35};
pub use obu::{Malformed, Obu, ObuKind, obus, sequence_header_of, strip_temporal_delimiters};
pub use sequence::{SequenceHeader, Timing};
pub use tiles::TileReader;
