//! AV1 encoders behind one trait.

mod available;
mod block_table;
mod capabilities;
mod encoder;
mod grain;
mod hdr10_plus;
mod kind;
mod libav;
mod open;
pub mod pipe;
#[cfg(feature = "rav1e")]
mod rav1e;
mod rewriter;
mod settings;

pub use available::{AvailableEncoder, available, fastest, linked_svtav1};
pub use capabilities::{EncoderCapabilities, KeyFrameControl};
pub use encoder::Encoder;
pub use kind::{EncoderChoice, EncoderKind, LibavEncoder};
pub use open::{EncoderFactory, open};
pub use settings::EncoderSettings;
pub(crate) use settings::check_speed_and_quality;
