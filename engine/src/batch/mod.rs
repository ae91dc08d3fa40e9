//! Many films, one after another and side by side, until all are there or are named.
//!
//! Every step of a film is a process of its own, the same as people and clusters start: `plan`, then `segment` for each of its
//! segments, then `render`, which joins and checks them. What a process has done lies on the disk, in the store and under the final
//! names; the [`Journal`] says what that ought to be. A process that crashes costs its step, and a batch that is killed goes on where
//! it was.

mod disk;
mod journal;
mod run;
mod schedule;
mod summary;
mod title;
mod worker;

pub use journal::{Journal, JournalFile, Record, is_running};
pub use run::{BatchOptions, Event, Files, Incoming, run};
pub use schedule::{Snapshot, Step};
pub use summary::{Outcome, Summary, TitleSummary, VERSION};
pub use title::{ENCRYPT, RESERVED, STATE, Title, films_in, named};
