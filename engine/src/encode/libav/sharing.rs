//! What keeps the SVT-AV1 encoders of one process out of one another's way.
//!
//! They share tables (how blocks are cut, masks of compound prediction, which functions the processor can run), and
//! `svt_av1_enc_init` writes all of them anew for every encoder that is opened, while those that are at work read them:
//! SVT-AV1 1.4 does, and later ones until its merge request 2605 of March 2026. So none is opened while another one works.

use crate::control::{Close, Control};
use crate::error::Result;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// What all encoders of this process are at.
static STATE: Mutex<State> = Mutex::new(State { working: 0, opening: false });
static CHANGED: Condvar = Condvar::new();

struct State {
    /// How many are at work.
    working: usize,
    /// One is being opened.
    opening: bool,
}

/// Opens one when none is at work, which may be as late as at the end of other films that this process converts.
///
/// # Errors
/// [`crate::Error::Cancelled`] once the work that it is for has ended.
pub(super) fn open<T>(control: &Control, open: impl FnOnce() -> T) -> Result<T> {
    let waker: Arc<dyn Close> = Arc::new(Waker);
    control.close_with(&waker);
    let mut state = wait_while(|state| !control.is_cancelled() && (state.working > 0 || state.opening));
    control.check()?;
    state.opening = true;
    drop(state);
    let _opening = Opening;
    Ok(open())
}

/// Has those who wait look again.
struct Waker;

impl Close for Waker {
    fn close(&self) {
        change(|_| ());
    }
}

/// While one is opened.
struct Opening;

impl Drop for Opening {
    fn drop(&mut self) {
        change(|state| state.opening = false);
    }
}

/// An encoder at work, from its first frame until it is closed.
pub(super) struct AtWork(());

impl AtWork {
    /// Waits while another is opened.
    pub(super) fn begin() -> Self {
        wait_while(|state| state.opening).working += 1;
        Self(())
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        change(|state| state.working -= 1);
    }
}

fn wait_while(wait: impl Fn(&State) -> bool) -> MutexGuard<'static, State> {
    CHANGED.wait_while(lock(), |state| wait(state)).unwrap_or_else(PoisonError::into_inner)
}

fn change(change: impl FnOnce(&mut State)) {
    change(&mut lock());
    CHANGED.notify_all();
}

fn lock() -> MutexGuard<'static, State> {
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

    #[test]
    fn none_is_opened_while_another_works() {
        let _alone = ALONE.lock();
        let closed = AtomicBool::new(false);
        let at_work = AtWork::begin();
        thread::scope(|scope| {
            let opened_after = scope.spawn(|| open(&Control::default(), || closed.load(Ordering::SeqCst)).unwrap());
            thread::sleep(Duration::from_millis(50));
            closed.store(true, Ordering::SeqCst);
            drop(at_work);
            assert!(opened_after.join().unwrap());
        });
    }

    #[test]
    fn none_begins_while_another_is_opened() {
        let _alone = ALONE.lock();
        let opened = AtomicBool::new(false);
        thread::scope(|scope| {
            let begun = open(&Control::default(), || {
                let begun = scope.spawn(|| drop((AtWork::begin(), assert!(opened.load(Ordering::SeqCst)))));
                thread::sleep(Duration::from_millis(50));
                opened.store(true, Ordering::SeqCst);
                begun
            });
            begun.unwrap().join().unwrap();
        });
    }

    #[test]
    fn who_waits_to_be_opened_is_sent_away_while_the_other_still_works() {
        let _alone = ALONE.lock();
        let (control, at_work) = (Control::default(), AtWork::begin());
        thread::scope(|scope| {
            let waiting = [(); 2].map(|()| scope.spawn(|| open(&control, || ())));
            thread::sleep(Duration::from_millis(50));
            control.cancel();
            for waiting in waiting {
                assert!(matches!(waiting.join().unwrap(), Err(Error::Cancelled)));
            }
        });
        assert!(matches!(open(&control, || ()), Err(Error::Cancelled)));
        drop(at_work);
        open(&Control::default(), || ()).unwrap();
    }
}
