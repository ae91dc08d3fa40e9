//! Processor time, which other work on the machine does not lengthen as it does the time on the wall.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Processor time of this thread so far.
pub fn thread() -> Duration {
    read(ClockId::ThreadCPUTime)
}

/// Processor time of all threads of this process so far, of those that have ended too.
pub fn process() -> Duration {
    read(ClockId::ProcessCPUTime)
}

fn read(clock: ClockId) -> Duration {
    // These clocks begin at zero and do not fail.
    Duration::try_from(clock_gettime(clock)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn work_counts_and_sleep_does_not() {
        let (thread_before, process_before) = (thread(), process());
        std::thread::sleep(Duration::from_millis(100));
        assert!(thread() - thread_before < Duration::from_millis(50));
        let worker = std::thread::spawn(|| {
            let begin = Instant::now();
            let before = thread();
            while thread() - before < Duration::from_millis(100) && begin.elapsed() < Duration::from_secs(60) {}
        });
        worker.join().unwrap();
        assert!(thread() - thread_before < Duration::from_millis(50));
        assert!(process() - process_before >= Duration::from_millis(100));
    }
}
