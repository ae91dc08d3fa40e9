//! What keeps the SVT-AV1 encoders of one process out of one another's way.
//!
//! They share tables (how blocks are cut, masks of compound prediction, which functions the processor can run), and
//! `svt_av1_enc_init` writes all of them anew for every encoder that is opened, while those that are at work read them:
//! SVT-AV1 1.4 does, and later ones until its merge request 2605 of March 2026. So none is opened while another one works.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How many are at work.
static WORKING: Mutex<usize> = Mutex::new(0);
static NONE_WORKS: Condvar = Condvar::new();

/// Opens one when none is at work, which may be as late as at the end of other films that this process converts.
pub(super) fn open<T>(open: impl FnOnce() -> T) -> T {
    let _nobody_begins =
        NONE_WORKS.wait_while(working(), |working| *working > 0).unwrap_or_else(PoisonError::into_inner);
    open()
}

/// An encoder at work, from its first frame until it is closed.
pub(super) struct AtWork(());

impl AtWork {
    pub(super) fn begin() -> Self {
        *working() += 1;
        Self(())
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        *working() -= 1;
        NONE_WORKS.notify_all();
    }
}

fn working() -> MutexGuard<'static, usize> {
    WORKING.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::Duration;

    #[test]
    fn none_is_opened_while_another_works() {
        let closed = AtomicBool::new(false);
        let at_work = AtWork::begin();
        thread::scope(|scope| {
            let opened_after = scope.spawn(|| open(|| closed.load(Ordering::SeqCst)));
            thread::sleep(Duration::from_millis(50));
            closed.store(true, Ordering::SeqCst);
            drop(at_work);
            assert!(opened_after.join().unwrap());
        });
    }
}
