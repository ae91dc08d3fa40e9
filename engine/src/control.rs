//! Ending work before its time: from outside, or because a part of it failed.

use crate::error::{Error, Result};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// Time that work which has ended may take to wind down before it is left behind.
const GRACE: Duration = Duration::from_secs(1);
/// Time between two calls of `tick`.
const TICK: Duration = Duration::from_millis(100);

/// Ends the work that was given it; clones end the same work.
///
/// Work may have parts, which end with it and may end before it: when a part of a conversion fails, the whole
/// conversion ends, and other conversions of the same control go on.
#[derive(Clone, Default)]
pub struct Control {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    ended: AtomicBool,
    state: Mutex<ControlState>,
}

#[derive(Default)]
struct ControlState {
    reason: Option<Error>,
    /// Queues and the like that are to be closed at the end, as long as they are there.
    waits: Vec<Weak<dyn Close>>,
}

/// Something that threads wait for, and that can send them away.
pub trait Close: Send + Sync {
    /// Sends away, now or soon, whoever waits, and whoever would later.
    fn close(&self);
}

impl Control {
    /// Asks running and later work to stop: it winds down, removes what it wrote and gives [`Error::Cancelled`].
    /// To be called from an ordinary thread, not from inside a signal handler.
    pub fn cancel(&self) {
        self.fail(Error::Cancelled);
    }

    /// Tells if the work has ended: it was cancelled, or failed in one of its parts.
    pub fn is_cancelled(&self) -> bool {
        self.shared.ended.load(Ordering::SeqCst)
    }

    /// Refuses to go on once the work has ended.
    ///
    /// # Errors
    /// [`Error::Cancelled`] once the work has ended, for whatever reason; [`Control::reason`] says which.
    pub(crate) fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// Makes a part of the work: it ends with the whole, and the whole goes on when it ends.
    pub(crate) fn part(&self) -> Self {
        let part = Self::default();
        self.close_with(&part.closer());
        part
    }

    /// Gives something to close that cancels the work.
    pub(crate) fn closer(&self) -> Arc<dyn Close> {
        Arc::<Shared>::clone(&self.shared)
    }

    /// Ends the work with `error`, unless it has ended already: all that waits is closed.
    pub(crate) fn fail(&self, error: Error) {
        self.shared.end(error);
    }

    /// Closes `waits` when the work ends, if it is still there.
    pub(crate) fn close_with(&self, waits: &Arc<dyn Close>) {
        let mut state = lock(&self.shared.state);
        if self.is_cancelled() {
            drop(state);
            waits.close();
            return;
        }
        // Much comes and goes while long work lasts.
        if state.waits.len() == state.waits.capacity() {
            state.waits.retain(|waits| waits.strong_count() > 0);
        }
        state.waits.push(Arc::downgrade(waits));
    }

    /// Takes the reason for which the work ended. Given once; after that, or when it has not ended, it is
    /// [`Error::Cancelled`].
    pub(crate) fn reason(&self) -> Error {
        lock(&self.shared.state).reason.take().unwrap_or(Error::Cancelled)
    }

    /// Does `work`, which this ends, on a thread of its own, and calls `tick` about ten times a second meanwhile.
    ///
    /// When this ends and `work` does not within a second, because it is inside a library that nobody can interrupt, it is
    /// left behind: it comes to its end by itself, and what it gives then is dropped.
    ///
    /// # Errors
    /// Those of `work`; when it is left behind, the reason. [`Error::StageLost`] when it panics; [`Error::Io`] when there
    /// is no thread for it.
    pub fn aside<T: Send + 'static>(
        &self,
        name: &str,
        tick: impl FnMut(),
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.aside_within(GRACE, name, tick, work)
    }

    /// Does as [`Control::aside`], with `grace` in place of a second.
    pub(crate) fn aside_within<T: Send + 'static>(
        &self,
        grace: Duration,
        name: &str,
        mut tick: impl FnMut(),
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        // There is room for the result, so that nobody has to be there to take it.
        let (give, done) = mpsc::sync_channel(1);
        let body = move || drop(give.send(work()));
        thread::Builder::new().name(name.to_owned()).spawn(body).map_err(Error::io(name, "cannot start a thread"))?;
        let waiting = Waiting { control: self, grace, done };
        let mut ended = None;
        loop {
            match waiting.done.recv_timeout(TICK) {
                Ok(result) => return result,
                Err(mpsc::RecvTimeoutError::Disconnected) => return Err(Error::StageLost { stage: name.to_owned() }),
                Err(mpsc::RecvTimeoutError::Timeout) => tick(),
            }
            if self.is_cancelled() && ended.get_or_insert_with(Instant::now).elapsed() >= grace {
                return Err(self.reason());
            }
        }
    }
}

/// Waits for work done aside.
struct Waiting<'a, T> {
    control: &'a Control,
    grace: Duration,
    done: mpsc::Receiver<Result<T>>,
}

impl<T> Drop for Waiting<'_, T> {
    /// Ends the work after a panic of `tick` too.
    fn drop(&mut self) {
        if thread::panicking() {
            self.control.cancel();
            drop(self.done.recv_timeout(self.grace));
        }
    }
}

impl Shared {
    fn end(&self, error: Error) {
        let waits = {
            let mut state = lock(&self.state);
            if self.ended.swap(true, Ordering::SeqCst) {
                return;
            }
            state.reason = Some(error);
            std::mem::take(&mut state.waits)
        };
        waits.iter().filter_map(Weak::upgrade).for_each(|waits| waits.close());
    }
}

impl Close for Shared {
    fn close(&self) {
        self.end(Error::Cancelled);
    }
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").field("ended", &self.shared.ended).finish_non_exhaustive()
    }
}

/// Locks a mutex, even one whose last holder panicked: nothing is locked here that a panic leaves half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    /// Counts how often it is closed.
    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Close for Counter {
        fn close(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn the_first_error_wins() {
        let control = Control::default();
        control.check().unwrap();
        control.fail(Error::not_in_source("first"));
        control.fail(Error::not_in_source("second"));
        assert!(matches!(control.check(), Err(Error::Cancelled)));
        assert!(matches!(control.reason(), Error::NotInSource(message) if message == "first"));
    }

    #[test]
    fn ending_closes_what_is_there_once_and_what_comes_later_at_once() {
        let control = Control::default();
        let [before, gone, after] = [(); 3].map(|()| Arc::new(Counter::default()));
        control.close_with(&(Arc::clone(&before) as _));
        control.close_with(&(Arc::clone(&gone) as _));
        let kept = Arc::downgrade(&gone);
        drop(gone);
        assert!(kept.upgrade().is_none(), "a control keeps nothing");
        control.cancel();
        control.cancel();
        control.close_with(&(Arc::clone(&after) as _));
        assert_eq!([before, after].map(|counter| counter.0.load(Ordering::SeqCst)), [1, 1]);
    }

    #[test]
    fn what_is_gone_takes_no_room() {
        let control = Control::default();
        for _ in 0..10_000 {
            drop(control.part());
        }
        assert!(lock(&control.shared.state).waits.capacity() < 100);
    }

    #[test]
    fn the_whole_ends_its_parts_of_before_and_after_and_no_part_ends_the_whole() {
        let whole = Control::default();
        let twin = whole.clone();
        let (failed, first, second) = (whole.part(), whole.part(), twin.part());
        let inner = second.part();
        failed.fail(Error::not_in_source("failed"));
        assert!(!whole.is_cancelled() && !first.is_cancelled());
        twin.cancel();
        for part in [&whole, &first, &second, &inner, &whole.part()] {
            assert!(part.is_cancelled());
            assert!(matches!(part.reason(), Error::Cancelled));
        }
        assert!(matches!(failed.reason(), Error::NotInSource(_)));
    }

    #[test]
    fn work_aside_gives_what_it_gives() {
        let control = Control::default();
        assert_eq!(control.aside("work", || {}, || Ok(7)).unwrap(), 7);
        let failed = control.aside("work", || {}, || Err::<(), _>(Error::not_in_source("no")));
        assert!(matches!(failed, Err(Error::NotInSource(_))));
        let lost = control.aside("work", || {}, || -> Result<()> { panic!("in work") });
        assert!(matches!(lost, Err(Error::StageLost { stage }) if stage == "work"));
        control.check().unwrap();
    }

    #[test]
    fn work_aside_is_waited_for_with_ticks() {
        let (release, gate) = mpsc::channel();
        let mut ticks = 0;
        let tick = || {
            ticks += 1;
            if ticks == 3 {
                release.send(()).unwrap();
            }
        };
        Control::default().aside("work", tick, move || gate.recv().map_err(|_| Error::Cancelled)).unwrap();
        assert_eq!(ticks, 3);
    }

    #[test]
    fn what_has_ended_is_waited_for_a_while() {
        let control = Control::default();
        let (release, gate) = mpsc::channel();
        let tick = || {
            control.cancel();
            release.send(()).unwrap();
        };
        let forever = Duration::MAX;
        let work = move || gate.recv().map_err(|_| Error::Cancelled);
        control.aside_within(forever, "work", tick, work).unwrap();
    }

    #[test]
    fn what_does_not_end_is_left_behind_and_what_it_gives_is_dropped() {
        for error in [Error::Cancelled, Error::not_in_source("failed")] {
            let control = Control::default();
            let reason = error.to_string();
            let (release, gate) = mpsc::channel::<()>();
            let given = Arc::new(());
            let kept = Arc::clone(&given);
            let work = move || {
                _ = gate.recv();
                Ok(kept)
            };
            let mut error = Some(error);
            let tick = || error.take().map_or((), |error| control.fail(error));
            let left = control.aside_within(Duration::ZERO, "work", tick, work);
            assert_eq!(left.unwrap_err().to_string(), reason);
            assert_eq!(Arc::strong_count(&given), 2, "it is still at work");
            drop(release);
            while Arc::strong_count(&given) > 1 {
                thread::yield_now();
            }
        }
    }

    #[test]
    fn a_panic_of_the_caller_ends_the_work() {
        let control = Control::default();
        let (told, end) = mpsc::channel();
        let part = control.clone();
        let work = move || {
            while part.check().is_ok() {
                thread::yield_now();
            }
            told.send(()).unwrap();
            Ok(())
        };
        let run = || control.aside_within(Duration::MAX, "work", || panic!("in tick"), work);
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err());
        end.try_recv().unwrap();
    }
}
