//! Keys of encrypted packages, and the cipher: common encryption (ISO/IEC 23001-7) by the scheme `cbcs`.
//!
//! Keys come from a file and go nowhere else: not into plans, reports or messages.

mod cipher;
mod hex;
mod key;
mod key_file;
mod key_id;
mod pssh;

pub(crate) use cipher::{BLOCK, Pattern};
pub(crate) use key::{ContentKey, HlsKey};
pub use key_file::KeyFile;
pub(crate) use key_id::KeyId;
pub(crate) use pssh::Pssh;
