//! A stage: a thread that says to its caller whether it could start, and to the job how it ended.

use super::queue::Valve;
use super::report::StageReport;
use crate::clock;
use crate::control::Control;
use crate::error::{Error, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

/// Where stages are started.
pub(crate) struct Crew<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    job: &'scope Control,
}

/// A stage that makes its tool ready, which several can do at once.
pub(crate) struct Starting<'scope, T, H> {
    stage: Stage<'scope, T>,
    started: mpsc::Receiver<H>,
}

/// A running stage.
pub(crate) struct Stage<'scope, T> {
    name: String,
    thread: ScopedJoinHandle<'scope, Option<(T, Spent)>>,
    waits: Waits,
}

/// The time of the wall and, where the system tells it, of processors that a stage took.
struct Spent {
    wall: Duration,
    cpu: Option<Duration>,
}

/// The queues on which a stage may wait.
#[derive(Default)]
pub(crate) struct Waits {
    /// The one that it takes its input from.
    pub(crate) input: Option<Arc<dyn Valve>>,
    /// Those that it puts its output into.
    pub(crate) outputs: Vec<Arc<dyn Valve>>,
    /// Those that it takes free frames for its output from.
    pub(crate) pools: Vec<Arc<dyn Valve>>,
}

impl<'scope, 'env> Crew<'scope, 'env> {
    pub(crate) fn new(scope: &'scope Scope<'scope, 'env>, job: &'scope Control) -> Self {
        Self { scope, job }
    }

    /// Starts a stage: in the new thread, `init` makes its tool, and something for the caller that [`Starting::ready`]
    /// gives; `run` then works with it. The `ends` of queues that the stage holds are dropped only after the job knows
    /// how the work ended, so that whoever sees a queue end can tell why.
    ///
    /// # Errors
    /// [`Error::Cancelled`] when there is no thread for it: the job then ends with the reason.
    pub(crate) fn start<E, S, H, T>(
        &self,
        name: String,
        waits: Waits,
        mut ends: E,
        init: impl FnOnce() -> Result<(S, H)> + Send + 'scope,
        run: impl FnOnce(&mut E, S) -> Result<T> + Send + 'scope,
    ) -> Result<Starting<'scope, T, H>>
    where
        E: Send + 'scope,
        H: Send + 'scope,
        T: Send + 'scope,
    {
        let (ready, started) = mpsc::sync_channel(1);
        let (job, stage) = (self.job, name.clone());
        let body = move || {
            let ends = &mut ends;
            let (tool, handed) = end_with(job, &stage, init)?;
            // The caller waits for nothing else; it is gone only when the job has ended.
            let _ = ready.send(handed);
            let (start, cpu_before) = (Instant::now(), clock::thread());
            let output = end_with(job, &stage, || run(ends, tool))?;
            let cpu = clock::thread().zip(cpu_before).map(|(after, before)| after.saturating_sub(before));
            Some((output, Spent { wall: start.elapsed(), cpu }))
        };
        let thread = thread::Builder::new().name(name.clone()).spawn_scoped(self.scope, body).map_err(|cause| {
            self.job.fail(Error::io(&name, "cannot start a thread")(cause));
            Error::Cancelled
        })?;
        Ok(Starting { stage: Stage { name, thread, waits }, started })
    }
}

/// Leaving early, by an error or a panic, takes the stages along.
pub(crate) struct StopAll<'a>(pub(crate) &'a Control);

impl Drop for StopAll<'_> {
    fn drop(&mut self) {
        self.0.fail(Error::Cancelled);
    }
}

/// What `work` gives; when it fails or panics, the job ends with that and there is nothing.
fn end_with<T>(job: &Control, stage: &str, work: impl FnOnce() -> Result<T>) -> Option<T> {
    let result = catch_unwind(AssertUnwindSafe(work));
    result.unwrap_or_else(|_| Err(Error::StageLost { stage: stage.to_owned() })).map_err(|error| job.fail(error)).ok()
}

impl<'scope, T, H> Starting<'scope, T, H> {
    /// Waits until the tool is made.
    ///
    /// # Errors
    /// [`Error::Cancelled`] when it could not be made: the job then ends with the reason.
    pub(crate) fn ready(self) -> Result<(Stage<'scope, T>, H)> {
        let handed = self.started.recv().map_err(|_| Error::Cancelled)?;
        Ok((self.stage, handed))
    }
}

impl<T> Stage<'_, T> {
    /// Waits for the end of the stage, and gives what it made and how it spent its time.
    ///
    /// # Errors
    /// [`Error::Cancelled`] when it failed: the job has the reason.
    pub(crate) fn join(self, job: &Control) -> Result<(T, StageReport)> {
        let Self { name, thread, waits } = self;
        let ended = thread.join().unwrap_or_else(|_| {
            job.fail(Error::StageLost { stage: name.clone() });
            None
        });
        let (output, Spent { wall, cpu }) = ended.ok_or(Error::Cancelled)?;
        let starved = waits.input.map_or(Duration::ZERO, |queue| queue.stats().pop_stall);
        let blocked: Duration = waits.outputs.iter().map(|queue| queue.stats().push_stall).sum();
        let blocked = blocked + waits.pools.iter().map(|pool| pool.stats().pop_stall).sum::<Duration>();
        let report = StageReport {
            name,
            threads: 1,
            cpu_seconds: cpu.map(|cpu| cpu.as_secs_f64()),
            busy_seconds: wall.saturating_sub(starved + blocked).as_secs_f64(),
            starved_seconds: starved.as_secs_f64(),
            blocked_seconds: blocked.as_secs_f64(),
        };
        Ok((output, report))
    }
}

#[cfg(test)]
mod tests {
    use super::super::queue::{Receiver, StageQueue};
    use super::*;
    use std::sync::Barrier;

    /// An `init` that makes nothing.
    fn nothing() -> Result<((), ())> {
        Ok(((), ()))
    }

    /// Runs `work` with a crew; gives what it gave and how the job ended.
    fn with_crew<R>(work: impl for<'scope, 'env> FnOnce(Crew<'scope, 'env>) -> R) -> (R, Result<()>) {
        let job = Control::default();
        let result = thread::scope(|scope| work(Crew::new(scope, &job)));
        (result, job.check().map_err(|_| job.reason()))
    }

    #[test]
    fn a_stage_hands_back_what_init_made_and_gives_what_it_did() {
        let ((), end) = with_crew(|crew| {
            let waits = Waits::default();
            let run = |&mut ends: &mut i32, tool: i32| Ok(ends + tool);
            let (stage, handed) =
                crew.start("sum".to_owned(), waits, 1, || Ok((2, "ready")), run).unwrap().ready().unwrap();
            assert_eq!(handed, "ready");
            let job = crew.job;
            let (output, report) = stage.join(job).unwrap();
            assert_eq!((output, report.name.as_str()), (3, "sum"));
        });
        end.unwrap();
    }

    #[test]
    fn a_stage_that_cannot_start_says_so() {
        let (started, end) = with_crew(|crew| {
            let init = || -> Result<((), ())> { Err(Error::options("no such thing")) };
            crew.start("scale".to_owned(), Waits::default(), (), init, |(), ()| Ok(())).unwrap().ready().is_ok()
        });
        assert!(!started);
        assert!(matches!(end, Err(Error::Options(_))));
    }

    #[test]
    fn stages_make_ready_side_by_side() {
        let ((), end) = with_crew(|crew| {
            let meeting = Arc::new(Barrier::new(2));
            let start = |name: &str| {
                let meeting = meeting.clone();
                // Whoever came alone would wait here for ever.
                let init = move || Ok(((), meeting.wait().is_leader()));
                crew.start(name.to_owned(), Waits::default(), (), init, |(), ()| Ok(())).unwrap()
            };
            let leaders = [start("first"), start("second")].map(|starting| starting.ready().unwrap().1);
            assert_ne!(leaders[0], leaders[1]);
        });
        end.unwrap();
    }

    #[test]
    fn a_panic_is_a_lost_stage_wherever_it_happens() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("in drop");
            }
        }
        let lost = |end: Result<()>| matches!(end, Err(Error::StageLost { stage }) if stage == "bomb");
        let name = || "bomb".to_owned();

        let (started, end) = with_crew(|crew| {
            let init = || -> Result<((), ())> { panic!("in init") };
            crew.start(name(), Waits::default(), (), init, |(), ()| Ok(())).unwrap().ready().is_ok()
        });
        assert!(!started && lost(end));

        let ((), end) = with_crew(|crew| {
            let run = |(): &mut (), ()| -> Result<()> { panic!("in run") };
            let (stage, ()) = crew.start(name(), Waits::default(), (), nothing, run).unwrap().ready().unwrap();
            assert!(stage.join(crew.job).is_err());
        });
        assert!(lost(end));

        let ((), end) = with_crew(|crew| {
            let (stage, ()) =
                crew.start(name(), Waits::default(), Bomb, nothing, |_, ()| Ok(())).unwrap().ready().unwrap();
            assert!(stage.join(crew.job).is_err());
        });
        assert!(lost(end));
    }

    #[test]
    fn the_job_knows_of_a_failure_before_the_queues_end() {
        for _ in 0..500 {
            let ((), end) = with_crew(|crew| {
                let job = crew.job;
                let (sender, receiver) = StageQueue::<u8>::of(job, 1);
                let fail = |_: &mut _, ()| -> Result<()> { Err(Error::options("first")) };
                let watch = move |input: &mut Receiver<u8>, ()| {
                    assert_eq!(input.pop(), None);
                    job.check()
                };
                let (first, ()) =
                    crew.start("first".to_owned(), Waits::default(), sender, nothing, fail).unwrap().ready().unwrap();
                let second = crew.start("second".to_owned(), Waits::default(), receiver, nothing, watch).unwrap();
                assert!(first.join(job).is_err());
                assert!(second.ready().unwrap().0.join(job).is_err());
            });
            assert!(matches!(end, Err(Error::Options(message)) if message == "first"));
        }
    }

    #[test]
    fn the_job_knows_of_a_stage_that_cannot_start_before_its_queues_end() {
        for _ in 0..500 {
            let ((), end) = with_crew(|crew| {
                let job = crew.job;
                let (sender, receiver) = StageQueue::<u8>::of(job, 1);
                let watch = move |input: &mut Receiver<u8>, ()| {
                    assert_eq!(input.pop(), None);
                    job.check()
                };
                let watch = crew.start("second".to_owned(), Waits::default(), receiver, nothing, watch).unwrap();
                let init = || -> Result<((), ())> { Err(Error::options("first")) };
                assert!(
                    crew.start("first".to_owned(), Waits::default(), sender, init, |_, ()| Ok(()))
                        .unwrap()
                        .ready()
                        .is_err()
                );
                assert!(watch.ready().unwrap().0.join(job).is_err());
            });
            assert!(matches!(end, Err(Error::Options(message)) if message == "first"));
        }
    }

    #[test]
    fn leaving_early_takes_the_stages_along() {
        let (left, end) = with_crew(|crew| {
            let (_sender, receiver) = StageQueue::<u8>::of(crew.job, 1);
            let run = |input: &mut Receiver<u8>, ()| Ok(input.pop());
            let _stop = StopAll(crew.job);
            crew.start("waits".to_owned(), Waits::default(), receiver, nothing, run).unwrap().ready().is_ok()
        });
        assert!(left && matches!(end, Err(Error::Cancelled)));
    }
}
