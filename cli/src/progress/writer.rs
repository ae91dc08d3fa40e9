//! Lines for a reader that may not read.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Writes lines on a thread of its own, each flushed.
#[derive(Debug)]
pub(crate) struct Writer {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<WriterState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct WriterState {
    /// A line that waits for being written.
    next: Option<Vec<u8>>,
    /// The one that comes after it and is the last.
    last: Option<Vec<u8>>,
    /// Result of writing the last.
    written: Option<io::Result<()>>,
}

impl Writer {
    /// Starts to write to `out`.
    ///
    /// # Errors
    /// The system's, when it refuses a thread.
    pub(crate) fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let writer = Self { shared: Arc::clone(&shared) };
        thread::Builder::new().name("progress".to_owned()).spawn(move || shared.write(out))?;
        Ok(writer)
    }

    /// Writes a line as soon as those before it have been read; one that still waits gives way to it.
    pub(crate) fn offer(&self, line: Vec<u8>) {
        self.shared.lock().next = Some(line);
        self.shared.changed.notify_all();
    }

    /// Writes the last line, and gives the result; none when it still waits after `patience`.
    pub(crate) fn finish(&self, line: Vec<u8>, patience: Duration) -> Option<io::Result<()>> {
        let mut state = self.shared.lock();
        state.last = Some(line);
        self.shared.changed.notify_all();
        let waited = self.shared.changed.wait_timeout_while(state, patience, |state| state.written.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.written.take()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Without a last line there is nothing more to write; a thread in the middle of a line is nobody's concern.
        self.shared.lock().last.get_or_insert_default();
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, WriterState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes lines up to the last.
    fn write(&self, mut out: impl Write) {
        let mut unread = false;
        loop {
            let nothing = |state: &mut WriterState| state.next.is_none() && state.last.is_none();
            let mut state = self.changed.wait_while(self.lock(), nothing).unwrap_or_else(PoisonError::into_inner);
            let next = state.next.take();
            let (line, is_last) = match next {
                Some(line) => (line, false),
                None => (state.last.take().unwrap_or_default(), true),
            };
            drop(state);
            if is_last {
                let written = out.write_all(&line).and_then(|()| out.flush());
                self.lock().written = Some(written);
                self.changed.notify_all();
                return;
            }
            if !unread && let Err(error) = out.write_all(&line).and_then(|()| out.flush()) {
                // What it tells of goes on without.
                unread = true;
                log::warn!("progress goes on unseen: {error}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// A reader that takes a line whenever it is let, and then none while nothing is said.
    struct HeldReader {
        lines: Arc<Mutex<Vec<String>>>,
        begun: mpsc::Sender<()>,
        go: mpsc::Receiver<io::Result<()>>,
    }

    impl Write for HeldReader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.begun.send(()).unwrap();
            self.go.recv().unwrap()?;
            self.lines.lock().unwrap().push(String::from_utf8(bytes.to_vec()).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    type Ends = (Writer, Arc<Mutex<Vec<String>>>, mpsc::Receiver<()>, mpsc::Sender<io::Result<()>>);

    fn writer() -> Ends {
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let ((begun, begins), (let_go, go)) = (mpsc::channel(), mpsc::channel());
        let writer = Writer::start(HeldReader { lines: Arc::clone(&lines), begun, go }).unwrap();
        (writer, lines, begins, let_go)
    }

    fn offer(writer: &Writer, line: &str) {
        writer.offer(line.as_bytes().to_vec());
    }

    #[test]
    fn a_reader_that_does_not_read_holds_nobody_up() {
        let (writer, lines, begins, go) = writer();
        offer(&writer, "1");
        begins.recv().unwrap();
        // The reader has not taken the first; all this comes back.
        ["2", "3", "4"].iter().for_each(|line| offer(&writer, line));
        assert!(writer.finish(b"last".to_vec(), Duration::ZERO).is_none());
        assert!(lines.lock().unwrap().is_empty());
        // One that reads again finds the newest and the last.
        (0..3).for_each(|_| go.send(Ok(())).unwrap());
        begins.iter().take(2).for_each(drop);
        drop(writer);
        assert!(begins.recv().is_err(), "the thread has ended");
        assert_eq!(*lines.lock().unwrap(), ["1", "4", "last"]);
    }

    #[test]
    fn a_reader_that_keeps_up_gets_every_line() {
        let (writer, lines, begins, go) = writer();
        for line in ["1", "2", "3"] {
            go.send(Ok(())).unwrap();
            offer(&writer, line);
            begins.recv().unwrap();
        }
        go.send(Ok(())).unwrap();
        assert!(writer.finish(b"last".to_vec(), Duration::MAX).unwrap().is_ok());
        assert_eq!(*lines.lock().unwrap(), ["1", "2", "3", "last"]);
    }

    #[test]
    fn a_reader_that_left_is_not_written_to_again_but_for_the_last_line() {
        let (writer, lines, begins, go) = writer();
        let gone = || Err(io::ErrorKind::BrokenPipe.into());
        go.send(gone()).unwrap();
        offer(&writer, "1");
        begins.recv().unwrap();
        offer(&writer, "2");
        go.send(gone()).unwrap();
        let last = writer.finish(b"last".to_vec(), Duration::MAX).unwrap();
        assert_eq!(last.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(begins.try_iter().count(), 1);
        assert!(lines.lock().unwrap().is_empty());
    }

    #[test]
    fn a_writer_that_is_dropped_ends() {
        let (writer, _, begins, go) = writer();
        drop((writer, go));
        // What it writes at most is nothing.
        assert!(begins.recv().is_err());
    }
}
