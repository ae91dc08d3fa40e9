//! Ending a job before its time: from outside, or because a stage failed.

use super::queue::{Receiver, Sender, StageQueue, Valve};
use crate::error::{Error, Result};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Stops the jobs that were given it; clones stop the same ones.
#[derive(Clone, Debug, Default)]
pub struct Control {
    state: Arc<Mutex<ControlState>>,
}

#[derive(Debug, Default)]
struct ControlState {
    cancelled: bool,
    jobs: Vec<Weak<Job>>,
}

impl Control {
    /// Asks running and later jobs to stop: they wind down, remove what they wrote and return [`Error::Cancelled`].
    /// To be called from an ordinary thread, not from inside a signal handler.
    pub fn cancel(&self) {
        let jobs = {
            let mut state = lock(&self.state);
            state.cancelled = true;
            std::mem::take(&mut state.jobs)
        };
        for job in jobs.iter().filter_map(Weak::upgrade) {
            job.fail(Error::Cancelled);
        }
    }

    /// Whether [`Control::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        lock(&self.state).cancelled
    }

    /// A new job that this stops.
    pub(crate) fn job(&self) -> Arc<Job> {
        let job = Arc::new(Job::default());
        let mut state = lock(&self.state);
        if state.cancelled {
            drop(state);
            job.fail(Error::Cancelled);
        } else {
            state.jobs.retain(|job| job.strong_count() > 0);
            state.jobs.push(Arc::downgrade(&job));
        }
        job
    }
}

/// What the stages of one job share: its first error, and the queues that end with it.
#[derive(Default)]
pub(crate) struct Job {
    stopped: AtomicBool,
    state: Mutex<JobState>,
}

#[derive(Default)]
struct JobState {
    error: Option<Error>,
    valves: Vec<Arc<dyn Valve>>,
}

impl Job {
    /// Ends the job with `error`, unless it has ended with another already: all its queues close, so that no stage
    /// waits any longer.
    pub(crate) fn fail(&self, error: Error) {
        let valves = {
            let mut state = lock(&self.state);
            if self.stopped.swap(true, Ordering::SeqCst) {
                return;
            }
            state.error = Some(error);
            std::mem::take(&mut state.valves)
        };
        valves.iter().for_each(|valve| valve.close());
    }

    /// # Errors
    /// [`Error::Cancelled`] once the job has ended, for whatever reason; [`Job::reason`] says which.
    pub(crate) fn check(&self) -> Result<()> {
        if self.stopped.load(Ordering::SeqCst) { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// A queue that closes with the job.
    pub(crate) fn queue<T: Send + 'static>(&self, capacity: usize) -> (Sender<T>, Receiver<T>) {
        let (sender, receiver) = StageQueue::bounded(capacity);
        self.close_with(sender.valve());
        (sender, receiver)
    }

    /// Closes `valve` when the job ends.
    pub(crate) fn close_with(&self, valve: Arc<dyn Valve>) {
        let mut state = lock(&self.state);
        if self.stopped.load(Ordering::SeqCst) {
            drop(state);
            valve.close();
        } else {
            state.valves.push(valve);
        }
    }

    /// Why the job ended. Given once; after that, or when it has not ended, it is [`Error::Cancelled`].
    pub(crate) fn reason(&self) -> Error {
        lock(&self.state).error.take().unwrap_or(Error::Cancelled)
    }
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("stopped", &self.stopped).finish_non_exhaustive()
    }
}

/// What is locked here stays whole whoever panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn the_first_error_wins() {
        let job = Control::default().job();
        job.check().unwrap();
        job.fail(Error::options("first"));
        job.fail(Error::options("second"));
        assert!(matches!(job.check(), Err(Error::Cancelled)));
        assert!(matches!(job.reason(), Error::Options(message) if message == "first"));
    }

    #[test]
    fn ending_frees_who_waits() {
        let control = Control::default();
        let job = control.job();
        let (_sender, receiver) = job.queue::<u8>(1);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| receiver.pop());
            control.cancel();
            assert_eq!(waiting.join().unwrap(), None);
        });
        assert!(matches!(job.check(), Err(Error::Cancelled)));
        let (sender, _receiver) = job.queue(1);
        assert_eq!(sender.push(1), Err(1), "a queue of an ended job is closed");
    }

    #[test]
    fn cancelling_stops_jobs_of_before_and_after() {
        let control = Control::default();
        let twin = control.clone();
        let (first, second) = (control.job(), twin.job());
        assert!(!control.is_cancelled());
        twin.cancel();
        assert!(control.is_cancelled());
        for job in [first, second, control.job()] {
            assert!(matches!(job.check(), Err(Error::Cancelled)));
        }
    }
}
