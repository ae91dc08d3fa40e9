//! Object stores and web servers: S3, Google Cloud Storage, Azure and HTTP, by the crate `object_store`.
//!
//! A path that begins with one of [`SCHEMES`] is a URL. Credentials come from the environment, as those of each provider's
//! own tools do, and are never in a message: of a URL its user and its query, where signatures are, are left out.

mod client;
mod document;
mod object;
mod url;

pub(crate) use client::{Client, scratch};
pub use document::{exists, read, write};
pub use object::KnownObject;
pub(crate) use object::RemoteObject;
pub use url::{ObjectUrl, SCHEMES, below, shown, split};
