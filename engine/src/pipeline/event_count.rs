//! Parking: threads that wait without spinning and miss no wake-up.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Where threads wait until something is so.
///
/// No wake-up is missed: a waiter first announces itself and then looks once more, a waker first changes what is looked
/// at and then looks for waiters, both with a sequentially consistent fence between; so at least one sees the other.
/// The lock, held from that look until the waiter sleeps, closes the gap in which the waker's call would be lost.
#[derive(Debug, Default)]
pub(super) struct EventCount {
    waiting: AtomicUsize,
    nanoseconds: AtomicU64,
    lock: Mutex<()>,
    wake: Condvar,
}

impl EventCount {
    /// Waits until `look` gives something. It must change nothing when it gives nothing.
    pub(super) fn wait_until<R>(&self, mut look: impl FnMut() -> Option<R>) -> R {
        let start = Instant::now();
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting.fetch_add(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let result = loop {
            match look() {
                Some(result) => break result,
                None => guard = self.wake.wait(guard).unwrap_or_else(PoisonError::into_inner),
            }
        };
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        drop(guard);
        let nanoseconds = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
        result
    }

    /// Wakes one thread that waits, if any does.
    pub(super) fn notify_one(&self) {
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            let _guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
            self.wake.notify_one();
        }
    }

    /// Wakes all threads that wait.
    pub(super) fn notify_all(&self) {
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            let _guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
            self.wake.notify_all();
        }
    }

    /// Time that threads have waited, added up.
    pub(super) fn waited(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }
}
