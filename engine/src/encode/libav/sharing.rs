//! A lock that keeps the SVT-AV1 encoders of one process out of one another's way.
//!
//! They share tables (how blocks are cut, masks of compound prediction, which functions the processor can run), and
//! `svt_av1_enc_init` writes all of them anew for every encoder that is opened, while those that are at work read them:
//! SVT-AV1 1.4 does, and later ones until its merge request 2605 of March 2026. So none is opened while another one
//! works. Nor are two open at once whose tables of blocks differ: with the other's, an encoder never ends.

use crate::control::{Close, Control};
use crate::encode::block_table::BlockTable;
use crate::error::Result;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The state of all SVT-AV1 encoders of this process.
static STATE: Mutex<SharedState> = Mutex::new(SharedState { table: None, open: 0, working: 0, opening: false });
static CHANGED: Condvar = Condvar::new();

struct SharedState {
    /// What the encoder that was opened last has written.
    table: Option<BlockTable>,
    /// Number of encoders that are open or being opened, at work or not.
    open: usize,
    /// Number of encoders at work.
    working: usize,
    /// One is being opened.
    opening: bool,
}

/// Calls `open` when no encoder is at work and none is open that needs another table, which may be as late as at the end
/// of other films that this process converts. Whoever holds an encoder and opens one that needs another table waits for
/// ever: [`crate::encode::EncoderKind::check_ladder`] tells which would.
///
/// # Errors
/// [`crate::Error::Cancelled`] once the work that it is for has ended.
pub(super) fn open<T>(table: BlockTable, control: &Control, open: impl FnOnce() -> T) -> Result<(T, Opened)> {
    let waker: Arc<dyn Close> = Arc::new(Waker);
    control.close_with(&waker);
    let in_the_way = |state: &SharedState| {
        state.working > 0 || state.opening || (state.open > 0 && state.table.as_ref() != Some(&table))
    };
    let mut state = wait_while(|state| !control.is_cancelled() && in_the_way(state));
    control.check()?;
    state.opening = true;
    state.open += 1;
    state.table = Some(table);
    drop(state);
    let opened = Opened { works: false };
    let _opening = Opening;
    Ok((open(), opened))
}

/// Wakes those who wait when the work that they belong to ends.
struct Waker;

impl Close for Waker {
    fn close(&self) {
        change(|_| ());
    }
}

/// Lasts while an encoder is opened.
struct Opening;

impl Drop for Opening {
    fn drop(&mut self) {
        change(|state| state.opening = false);
    }
}

/// The place of an open encoder among the others, until it is closed.
pub(super) struct Opened {
    works: bool,
}

impl Opened {
    /// Says that the first frame is about to go in, once no encoder is being opened.
    pub(super) fn work(&mut self) {
        if !self.works {
            wait_while(|state| state.opening).working += 1;
            self.works = true;
        }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        change(|state| {
            state.open -= 1;
            state.working -= usize::from(self.works);
        });
    }
}

fn wait_while(wait: impl Fn(&SharedState) -> bool) -> MutexGuard<'static, SharedState> {
    CHANGED.wait_while(lock(), |state| wait(state)).unwrap_or_else(PoisonError::into_inner)
}

fn change(change: impl FnOnce(&mut SharedState)) {
    change(&mut lock());
    CHANGED.notify_all();
}

fn lock() -> MutexGuard<'static, SharedState> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::Duration;

    // One lock for both: they would wait for one another.
    static ALONE: Mutex<()> = Mutex::new(());

    fn table(preset: &str) -> BlockTable {
        BlockTable { preset: preset.to_owned(), small: false }
    }

    fn opened(preset: &str) -> Opened {
        open(table(preset), &Control::default(), || ()).unwrap().1
    }

    /// Opens one on another thread and says whether `earlier` was closed by then.
    fn opens_after(preset: &str, earlier: Opened) -> bool {
        let closed = AtomicBool::new(false);
        thread::scope(|scope| {
            let later =
                scope.spawn(|| open(table(preset), &Control::default(), || closed.load(Ordering::SeqCst)).unwrap().0);
            thread::sleep(Duration::from_millis(50));
            closed.store(true, Ordering::SeqCst);
            drop(earlier);
            later.join().unwrap()
        })
    }

    #[test]
    fn none_is_opened_while_another_works() {
        let _alone = ALONE.lock();
        let mut working = opened("8");
        working.work();
        assert!(opens_after("8", working));
    }

    #[test]
    fn none_is_opened_while_another_is_open_whose_table_differs() {
        let _alone = ALONE.lock();
        assert!(!opens_after("8", opened("8")));
        assert!(opens_after("8", opened("1")));
    }

    #[test]
    fn none_begins_while_another_is_opened() {
        let _alone = ALONE.lock();
        let mut first = opened("8");
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let (begun, _second) = open(table("8"), &Control::default(), || {
                let begun = scope.spawn(|| {
                    first.work();
                    assert!(done.load(Ordering::SeqCst));
                });
                thread::sleep(Duration::from_millis(50));
                done.store(true, Ordering::SeqCst);
                begun
            })
            .unwrap();
            begun.join().unwrap();
        });
    }

    #[test]
    fn who_waits_to_be_opened_is_sent_away_while_the_other_still_works() {
        let _alone = ALONE.lock();
        let (control, mut working) = (Control::default(), opened("8"));
        working.work();
        thread::scope(|scope| {
            let waiting = [(); 2].map(|()| scope.spawn(|| open(table("8"), &control, || ()).map(drop)));
            thread::sleep(Duration::from_millis(50));
            control.cancel();
            for waiting in waiting {
                assert!(matches!(waiting.join().unwrap(), Err(Error::Cancelled)));
            }
        });
        assert!(matches!(open(table("8"), &control, || ()), Err(Error::Cancelled)));
        drop(working);
        opened("1");
    }
}
