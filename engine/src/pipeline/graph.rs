//! Stages as a declared graph: threads, and the bounded queues that join them.
//!
//! A job declares its edges ([`StageGraph::edge`], [`StageGraph::pool`]) and its stages ([`StageGraph::stage`]), and then
//! runs ([`StageGraph::run`]): every stage gets a thread of its own, all make ready side by side, and only when all of them
//! are ready does any begin to work. The first error ends the job: its queues close, all stages come to their end, and that
//! error is what the job gives.

use super::pool::Pool;
use super::queue::{QueueHandle, QueueStats, Receiver, Sender, StageQueue};
use super::report::{QueueReport, StageReport};
use crate::clock;
use crate::control::{Close, Control};
use crate::error::{Error, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The work of one thread of a job.
pub(crate) trait Stage: Send {
    /// Its name in reports and errors; stages of one name are reported together.
    fn name(&self) -> String;

    /// The queues on which it may wait.
    fn queues(&self) -> StageQueues;

    /// Makes ready, in the stage's own thread: opens what it works with.
    ///
    /// # Errors
    /// Whatever keeps it from working; the job then ends with it before anything is decoded.
    fn prepare(&mut self) -> Result<()> {
        Ok(())
    }

    /// Works until its input ends.
    ///
    /// # Errors
    /// Whatever it cannot go on after; the job then ends with it, unless it has ended already.
    fn run(&mut self) -> Result<()>;
}

/// The queues on which a stage may wait.
#[derive(Default)]
pub(crate) struct StageQueues {
    /// The one that it takes its input from.
    pub(crate) input: Option<Arc<dyn QueueHandle>>,
    /// Those that it puts its output into.
    pub(crate) outputs: Vec<Arc<dyn QueueHandle>>,
    /// Those that it takes free frames for its output from.
    pub(crate) pools: Vec<Arc<dyn QueueHandle>>,
}

/// The stages and queues of a job.
pub(crate) struct StageGraph<'a> {
    job: &'a Control,
    stages: Vec<Box<dyn Stage + 'a>>,
    registry: QueueRegistry,
}

/// The queues of a job by the stages that they join; those of several lanes have one name.
#[derive(Default)]
struct QueueRegistry(Vec<(String, Vec<Arc<dyn QueueHandle>>)>);

/// A graph that has come to its end.
#[derive(Debug)]
pub(crate) struct GraphReport {
    /// In the order in which the stages were declared.
    pub(crate) stages: Vec<StageReport>,
    /// In the order in which the edges were.
    pub(crate) queues: Vec<QueueReport>,
}

impl<'a> StageGraph<'a> {
    /// An empty graph, which ends with `job`.
    pub(crate) fn new(job: &'a Control) -> Self {
        Self { job, stages: Vec::new(), registry: QueueRegistry::default() }
    }

    /// Declares an edge: a queue of at most `capacity` items, reported under `name`.
    pub(crate) fn edge<T: Send + 'static>(
        &mut self,
        name: impl Into<String>,
        capacity: usize,
    ) -> (Sender<T>, Receiver<T>) {
        let ends = self.unreported_edge(capacity);
        self.registry.add(name.into(), ends.0.handle());
        ends
    }

    /// Declares an edge that no report tells of.
    pub(crate) fn unreported_edge<T: Send + 'static>(&mut self, capacity: usize) -> (Sender<T>, Receiver<T>) {
        StageQueue::of(self.job, capacity)
    }

    /// Declares a pool.
    pub(crate) fn pool<T: Send + 'static>(&mut self, pool: Pool<T>) -> Pool<T> {
        self.job.close_with(&(pool.handle() as Arc<dyn Close>));
        pool
    }

    /// Declares a stage.
    pub(crate) fn stage(&mut self, stage: impl Stage + 'a) {
        self.stages.push(Box::new(stage));
    }

    /// Runs all stages to their end.
    ///
    /// # Errors
    /// The first error of any stage, once all have ended; [`Error::Cancelled`] when the job was cancelled.
    pub(crate) fn run(self) -> Result<GraphReport> {
        let Self { job, stages, registry } = self;
        let ready = ReadyGate::new(stages.len());
        let ended = thread::scope(|scope| {
            let started: Vec<_> = stages.into_iter().map(|stage| Running::start(scope, job, stage, &ready)).collect();
            let reports: Vec<_> = started.into_iter().map(|running| running.join(job)).collect();
            reports.into_iter().collect::<Option<Vec<StageReport>>>()
        });
        let stages = ended.ok_or_else(|| job.reason())?;
        job.check().map_err(|_| job.reason())?;
        Ok(GraphReport { stages: by_name(stages), queues: registry.reports() })
    }
}

/// Holds stages back until all of them have made ready.
struct ReadyGate {
    /// Stages that have not.
    missing: Mutex<usize>,
    all: Condvar,
}

impl ReadyGate {
    fn new(stages: usize) -> Self {
        Self { missing: Mutex::new(stages), all: Condvar::new() }
    }

    /// Notes that a stage has made ready, or never will.
    fn arrive(&self) {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        *missing = missing.saturating_sub(1);
        if *missing == 0 {
            self.all.notify_all();
        }
    }

    /// Waits until every stage has arrived.
    fn wait(&self) {
        let missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.all.wait_while(missing, |missing| *missing > 0));
    }
}

/// A stage at work.
struct Running<'scope> {
    name: String,
    queues: StageQueues,
    thread: Option<thread::ScopedJoinHandle<'scope, Option<TimeSpent>>>,
}

/// The time of the wall and, where the system tells it, of processors that a stage took.
struct TimeSpent {
    wall: Duration,
    cpu: Option<Duration>,
}

impl<'scope> Running<'scope> {
    /// Starts a stage. Where there is no thread for it, the job ends with the reason.
    fn start<'env>(
        scope: &'scope thread::Scope<'scope, 'env>,
        job: &'env Control,
        mut stage: Box<dyn Stage + 'env>,
        ready: &'env ReadyGate,
    ) -> Self {
        let (name, queues) = (stage.name(), stage.queues());
        let of_thread = name.clone();
        let body = move || {
            let prepared = job.check().ok().and_then(|()| end_with(job, &of_thread, || stage.prepare()));
            // Others wait for this one whatever became of it.
            ready.arrive();
            prepared?;
            ready.wait();
            job.check().ok()?;
            let (start, cpu_before) = (Instant::now(), clock::thread());
            // The stage, and with it its ends of queues, is dropped only after the job knows how its work ended, so that
            // whoever sees a queue end can tell why.
            end_with(job, &of_thread, || stage.run())?;
            let cpu = clock::thread().zip(cpu_before).map(|(after, before)| after.saturating_sub(before));
            Some(TimeSpent { wall: start.elapsed(), cpu })
        };
        let thread = thread::Builder::new().name(name.clone()).spawn_scoped(scope, body);
        let thread = thread.map_err(|cause| {
            job.fail(Error::io(&name, "cannot start a thread")(cause));
            ready.arrive();
        });
        Self { name, queues, thread: thread.ok() }
    }

    /// Waits for the end of the stage; none when it failed, the reason of which the job has.
    fn join(self, job: &Control) -> Option<StageReport> {
        let Self { name, queues, thread } = self;
        let TimeSpent { wall, cpu } = thread?.join().unwrap_or_else(|_| {
            job.fail(Error::StageLost { stage: name.clone() });
            None
        })?;
        let starved = queues.input.map_or(Duration::ZERO, |queue| queue.stats().pop_stall);
        let blocked: Duration = queues.outputs.iter().map(|queue| queue.stats().push_stall).sum();
        let blocked = blocked + queues.pools.iter().map(|pool| pool.stats().pop_stall).sum::<Duration>();
        Some(StageReport {
            name,
            threads: 1,
            cpu_seconds: cpu.map(|cpu| cpu.as_secs_f64()),
            busy_seconds: wall.saturating_sub(starved + blocked).as_secs_f64(),
            starved_seconds: starved.as_secs_f64(),
            blocked_seconds: blocked.as_secs_f64(),
        })
    }
}

/// Gives what `work` gives; when it fails or panics, the job ends with that and there is nothing.
fn end_with<T>(job: &Control, stage: &str, work: impl FnOnce() -> Result<T>) -> Option<T> {
    let result = catch_unwind(AssertUnwindSafe(work));
    result.unwrap_or_else(|_| Err(Error::StageLost { stage: stage.to_owned() })).map_err(|error| job.fail(error)).ok()
}

/// Adds up the reports of stages of one name.
fn by_name(reports: Vec<StageReport>) -> Vec<StageReport> {
    let mut sums: Vec<StageReport> = Vec::new();
    for report in reports {
        match sums.iter_mut().find(|sum| sum.name == report.name) {
            Some(sum) => sum.add(&report),
            None => sums.push(report),
        }
    }
    sums
}

impl QueueRegistry {
    fn add(&mut self, name: String, queue: Arc<dyn QueueHandle>) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, queues)) => queues.push(queue),
            None => self.0.push((name, vec![queue])),
        }
    }

    fn reports(self) -> Vec<QueueReport> {
        self.0.into_iter().map(|(name, queues)| queue_report(name, queues.iter().map(|queue| queue.stats()))).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "an average")]
fn queue_report(name: String, queues: impl Iterator<Item = QueueStats>) -> QueueReport {
    let mut report = QueueReport { name, queues: 0, capacity: 0, items: 0, max_depth: 0, mean_depth: 0.0 };
    let mut depths = 0;
    for QueueStats { capacity, items, max_depth, depth_sum, .. } in queues {
        report.queues += 1;
        report.capacity = capacity;
        report.items += items;
        report.max_depth = report.max_depth.max(max_depth);
        depths += depth_sum;
    }
    if report.items > 0 {
        report.mean_depth = depths as f64 / report.items as f64;
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    type Work<'a> = Box<dyn FnOnce() -> Result<()> + Send + 'a>;

    /// A stage of two closures.
    struct MadeUp<'a> {
        name: &'static str,
        prepare: Option<Work<'a>>,
        run: Option<Work<'a>>,
        /// Dropped with the stage.
        _kept: Box<dyn Send + 'a>,
    }

    impl<'a> MadeUp<'a> {
        fn new(
            name: &'static str,
            prepare: impl FnOnce() -> Result<()> + Send + 'a,
            run: impl FnOnce() -> Result<()> + Send + 'a,
        ) -> Self {
            Self { name, prepare: Some(Box::new(prepare)), run: Some(Box::new(run)), _kept: Box::new(()) }
        }

        fn keeping(self, kept: impl Send + 'a) -> Self {
            Self { _kept: Box::new(kept), ..self }
        }
    }

    impl Stage for MadeUp<'_> {
        fn name(&self) -> String {
            self.name.to_owned()
        }

        fn queues(&self) -> StageQueues {
            StageQueues::default()
        }

        fn prepare(&mut self) -> Result<()> {
            self.prepare.take().map_or(Ok(()), |prepare| prepare())
        }

        fn run(&mut self) -> Result<()> {
            self.run.take().map_or(Ok(()), |run| run())
        }
    }

    fn nothing() -> Result<()> {
        Ok(())
    }

    fn fail() -> Result<()> {
        Err(Error::invalid("first", "", "fails"))
    }

    fn is_first<T>(ended: &Result<T>) -> bool {
        matches!(ended, Err(Error::InvalidOption { name, .. }) if name == "first")
    }

    #[test]
    fn stages_and_edges_are_reported_by_name_in_the_order_of_their_declaration() {
        let job = Control::default();
        let mut graph = StageGraph::new(&job);
        let (sender, receiver) = graph.edge::<u8>("one > other", 3);
        let (again, _idle) = graph.edge::<u8>("one > other", 3);
        let send = move || (0..5).try_for_each(|item| sender.push(item).map_err(|_| Error::Cancelled));
        graph.stage(MadeUp::new("one", nothing, send).keeping(again));
        let sum = Arc::new(Mutex::new(0));
        let taken = Arc::clone(&sum);
        let take = move || {
            *taken.lock().unwrap() = std::iter::from_fn(|| receiver.pop()).map(u32::from).sum();
            Ok(())
        };
        graph.stage(MadeUp::new("other", nothing, take));
        graph.stage(MadeUp::new("one", nothing, nothing));
        let GraphReport { stages, queues } = graph.run().unwrap();
        assert_eq!(stages.iter().map(|s| (s.name.as_str(), s.threads)).collect::<Vec<_>>(), [("one", 2), ("other", 1)]);
        assert_eq!((queues.len(), queues[0].queues, queues[0].items, queues[0].capacity), (1, 2, 5, 3));
        assert_eq!(*sum.lock().unwrap(), 10);
    }

    #[test]
    fn all_make_ready_side_by_side_before_any_works() {
        let job = Control::default();
        let (meeting, ready) = (Barrier::new(3), AtomicUsize::new(0));
        let mut graph = StageGraph::new(&job);
        for name in ["first", "second", "third"] {
            // Whoever came alone would wait here for ever.
            let prepare = || {
                meeting.wait();
                ready.fetch_add(1, Ordering::SeqCst);
                Ok(())
            };
            let run = || {
                assert_eq!(ready.load(Ordering::SeqCst), 3);
                Ok(())
            };
            graph.stage(MadeUp::new(name, prepare, run));
        }
        graph.run().unwrap();
    }

    #[test]
    fn a_stage_that_cannot_make_ready_ends_the_job_before_any_works() {
        let job = Control::default();
        let mut graph = StageGraph::new(&job);
        graph.stage(MadeUp::new("works", nothing, || panic!("works")));
        graph.stage(MadeUp::new("scale", fail, || panic!("works")));
        assert!(is_first(&graph.run()));
    }

    #[test]
    fn a_panic_is_a_lost_stage_wherever_it_happens() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("in drop");
            }
        }
        let lost = |stage: MadeUp<'_>| {
            let job = Control::default();
            let mut graph = StageGraph::new(&job);
            graph.stage(stage);
            matches!(graph.run(), Err(Error::StageLost { stage }) if stage == "bomb")
        };
        assert!(lost(MadeUp::new("bomb", || panic!("making ready"), nothing)));
        assert!(lost(MadeUp::new("bomb", nothing, || panic!("working"))));
        assert!(lost(MadeUp::new("bomb", nothing, nothing).keeping(Bomb)));
    }

    #[test]
    fn the_job_knows_of_a_failure_before_the_queues_end() {
        for _ in 0..500 {
            let job = Control::default();
            let mut graph = StageGraph::new(&job);
            let (sender, receiver) = graph.edge::<u8>("one > other", 1);
            graph.stage(MadeUp::new("one", nothing, fail).keeping(sender));
            let ended = job.clone();
            let watch = move || {
                assert_eq!(receiver.pop(), None);
                ended.check()
            };
            graph.stage(MadeUp::new("other", nothing, watch));
            assert!(is_first(&graph.run()));
        }
    }

    #[test]
    fn a_cancelled_job_works_on_nothing() {
        let job = Control::default();
        job.cancel();
        let mut graph = StageGraph::new(&job);
        graph.stage(MadeUp::new("works", nothing, || panic!("works")));
        assert!(matches!(graph.run(), Err(Error::Cancelled)));
    }
}
