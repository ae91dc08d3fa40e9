//! Encoded segments by what they are made of: content-addressed, in a folder or an object store that any
//! number of jobs share.
//!
//! What is encoded for one rung of one segment is an object; its key ([`SegmentKey`]) is a hash of all that its bytes follow
//! from. Who has the key finds the bytes, whatever job made them: an edited shot encodes its own segments anew and takes the
//! others from here, and a job that was killed goes on where it was.

mod bucket;
mod folder;
mod key;
mod object;
mod permissions;
mod place;

pub(crate) use key::SegmentKeys;
pub use key::{SAMPLES_VERSION, SegmentKey};
#[doc(hidden)]
pub use object::read_object;
pub(crate) use object::{StoredSegment, StoredWriter};
pub(crate) use permissions::shared;
pub(crate) use place::PlanStore;
pub use place::{Store, StoreOptions};
