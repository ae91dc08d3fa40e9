//! Processor time, which other work on the machine does not lengthen as it does the time on the wall.

use std::time::Duration;

/// Reads the processor time of this thread so far; none where the system does not say.
pub fn thread() -> Option<Duration> {
    #[cfg(unix)]
    return read(rustix::time::ClockId::ThreadCPUTime);
    #[cfg(not(unix))]
    None
}

/// Reads the processor time of all threads of this process so far, of those that have ended too; none where the system
/// does not say.
pub fn process() -> Option<Duration> {
    #[cfg(unix)]
    return read(rustix::time::ClockId::ProcessCPUTime);
    #[cfg(not(unix))]
    None
}

#[cfg(unix)]
fn read(clock: rustix::time::ClockId) -> Option<Duration> {
    Duration::try_from(rustix::time::clock_gettime(clock)).ok()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn work_counts_and_sleep_does_not() {
        let (thread, process) = (|| thread().unwrap(), || process().unwrap());
        let (thread_before, process_before) = (thread(), process());
        std::thread::sleep(Duration::from_millis(100));
        assert!(thread() - thread_before < Duration::from_millis(50));
        let worker = std::thread::spawn(move || {
            let begin = Instant::now();
            let before = thread();
            while thread() - before < Duration::from_millis(100) && begin.elapsed() < Duration::from_secs(60) {}
        });
        worker.join().unwrap();
        assert!(thread() - thread_before < Duration::from_millis(50));
        assert!(process() - process_before >= Duration::from_millis(100));
    }
}
