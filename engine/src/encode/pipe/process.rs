//! A running program: one thread writes to it, one reads what it makes, one what it says, so that no full pipe can stop
//! another.

use super::ivf::{Broken, Reader};
use std::collections::VecDeque;
use std::io::{self, BufReader, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes handed to the operating system at once, after each of which the program counts as alive.
const CHUNK: usize = 64 << 10;
/// Bytes that are kept of what the program said last.
const SAID: usize = 4 << 10;

/// A program at work. Dropping it ends it.
pub(super) struct Process {
    child: Child,
    shared: Arc<Shared>,
    silence: Duration,
}

/// What a program has for its caller.
#[derive(Debug)]
pub(super) enum Turn {
    /// It takes another frame; an empty buffer to put it into.
    Room(Vec<u8>),
    /// What it has made since, at least one.
    Packets(VecDeque<Vec<u8>>),
    /// It makes no more, or no longer reads.
    Ended,
}

/// Why a program is not to be waited for any longer.
#[derive(Debug)]
pub(super) enum Trouble {
    /// For so many seconds it neither read nor wrote.
    Silent(u64),
    /// What it makes cannot be read.
    Broken(Broken),
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Bytes read and written so far.
    moved: AtomicU64,
}

#[derive(Default)]
struct State {
    /// A frame that waits for being written.
    frame: Option<Vec<u8>>,
    /// A buffer that has been written; at the beginning there is none, and one may be made.
    spare: Vec<u8>,
    /// No frame follows.
    complete: bool,
    /// The program does not read any longer.
    refused: bool,
    packets: VecDeque<Vec<u8>>,
    /// Bytes of `packets`.
    waiting: usize,
    /// No packet follows.
    ended: bool,
    broken: Option<Broken>,
    /// Nobody wants packets any longer.
    discard: bool,
    /// What the program said last.
    said: Vec<u8>,
    /// It says no more.
    silenced: bool,
}

impl Shared {
    /// What is locked here stays whole whoever panics.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while<'a>(&'a self, state: MutexGuard<'a, State>, wait: impl Fn(&State) -> bool) -> MutexGuard<'a, State> {
        self.changed.wait_while(state, |state| wait(state)).unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn moved(&self, bytes: usize) {
        self.moved.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl Process {
    /// Starts a program. Packets above `limit` bytes are refused, and about as many bytes of packets wait until they are
    /// fetched.
    ///
    /// # Errors
    /// When the operating system refuses the program or a thread.
    pub(super) fn start(command: &mut Command, limit: usize, silence: Duration) -> io::Result<Self> {
        // Ctrl-C in a terminal is for Upright alone, which then winds its programs down.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let process = Self { child, shared: Arc::default(), silence };
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else { return Err(io::ErrorKind::BrokenPipe.into()) };
        // The threads end with the program, whose pipes close; nobody waits for them, since a stranger to whom it has
        // handed its pipes might keep them.
        let [writer, reader, listener] = [(); 3].map(|()| Arc::clone(&process.shared));
        spawn("pipe in", move || write(stdin, &writer))?;
        spawn("pipe out", move || read(stdout, limit, &reader))?;
        spawn("pipe log", move || listen(stderr, &listener))?;
        Ok(process)
    }

    /// Waits until there are packets, or room for another frame if one is to be `sent`, or neither will be.
    ///
    /// # Errors
    /// [`Trouble`], after which there is nothing to wait for.
    pub(super) fn turn(&self, send: bool) -> Result<Turn, Trouble> {
        let mut state = self.shared.lock();
        let mut moved = self.shared.moved.load(Ordering::Relaxed);
        let mut since = Instant::now();
        loop {
            if !state.packets.is_empty() {
                state.waiting = 0;
                let packets = std::mem::take(&mut state.packets);
                drop(state);
                self.shared.changed.notify_all();
                return Ok(Turn::Packets(packets));
            }
            if let Some(broken) = state.broken.take() {
                return Err(Trouble::Broken(broken));
            }
            if state.ended || state.refused && send {
                return Ok(Turn::Ended);
            }
            if send && state.frame.is_none() {
                return Ok(Turn::Room(std::mem::take(&mut state.spare)));
            }
            let waited = self.shared.changed.wait_timeout(state, self.silence / 8);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            let now = self.shared.moved.load(Ordering::Relaxed);
            if now != moved {
                (moved, since) = (now, Instant::now());
            } else if since.elapsed() >= self.silence {
                return Err(Trouble::Silent(self.silence.as_secs()));
            }
        }
    }

    /// Sends a frame, for which there is room.
    pub(super) fn send(&self, frame: Vec<u8>) {
        self.shared.change(|state| state.frame = Some(frame));
    }

    /// Says that no frame follows.
    pub(super) fn complete(&self) {
        self.shared.change(|state| state.complete = true);
    }

    /// Waits for the program's end, no longer than its silence may last, then ends it.
    ///
    /// # Errors
    /// When the operating system does not tell.
    pub(super) fn reap(&mut self) -> io::Result<Option<ExitStatus>> {
        self.shared.change(|state| {
            (state.complete, state.discard) = (true, true);
            state.packets.clear();
        });
        let begin = Instant::now();
        let mut pause = Duration::from_millis(1);
        while begin.elapsed() < self.silence {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            thread::sleep(pause);
            pause = (2 * pause).min(Duration::from_millis(50));
        }
        self.kill();
        Ok(None)
    }

    /// Ends the program and all that it has started in its group.
    pub(super) fn kill(&mut self) {
        self.shared.change(|state| (state.complete, state.discard) = (true, true));
        // Once it has been waited for, its number may be someone else's.
        if matches!(self.child.try_wait(), Ok(None)) {
            #[cfg(unix)]
            let killed = rustix::process::kill_process_group(
                rustix::process::Pid::from_child(&self.child),
                rustix::process::Signal::KILL,
            )
            .is_ok();
            #[cfg(not(unix))]
            let killed = false;
            if killed || self.child.kill().is_ok() {
                drop(self.child.wait());
            }
        }
    }

    /// The last lines that a program which has ended wrote to standard error, as one line; empty when there are none.
    pub(super) fn last_words(&self) -> String {
        // They may still be on their way; a stranger who holds the pipe is not waited for.
        const PATIENCE: Duration = Duration::from_secs(2);
        let waited = self.shared.changed.wait_timeout_while(self.shared.lock(), PATIENCE, |state| !state.silenced);
        let state = waited.unwrap_or_else(PoisonError::into_inner).0;
        words(&state.said)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map(drop)
}

/// Writes frames until there are no more; then the program sees the end of its input.
fn write(mut stdin: ChildStdin, shared: &Shared) {
    loop {
        let mut state = shared.wait_while(shared.lock(), |state| state.frame.is_none() && !state.complete);
        let Some(mut frame) = state.frame.take() else { return };
        drop(state);
        shared.changed.notify_all();
        for chunk in frame.chunks(CHUNK) {
            if stdin.write_all(chunk).is_err() {
                shared.change(|state| state.refused = true);
                return;
            }
            shared.moved(chunk.len());
        }
        frame.clear();
        shared.change(|state| state.spare = frame);
    }
}

/// Reads packets to the end.
fn read(stdout: ChildStdout, limit: usize, shared: &Shared) {
    let mut reader = Reader::new(BufReader::with_capacity(CHUNK, Counted { input: stdout, shared }), limit);
    loop {
        let frame = reader.next_frame();
        let mut state = shared.wait_while(shared.lock(), |state| state.waiting >= limit && !state.discard);
        match frame {
            Ok(Some(_)) if state.discard => {}
            Ok(Some(frame)) => {
                state.waiting += frame.len();
                state.packets.push_back(frame);
            }
            Ok(None) => state.ended = true,
            Err(broken) => (state.ended, state.broken) = (true, Some(broken)),
        }
        let ended = state.ended;
        drop(state);
        shared.changed.notify_all();
        if ended {
            return;
        }
    }
}

struct Counted<'a, R> {
    input: R,
    shared: &'a Shared,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.shared.moved(count);
        Ok(count)
    }
}

/// Keeps the last of what the program says.
fn listen(mut stderr: ChildStderr, shared: &Shared) {
    let mut buffer = [0; SAID];
    while let Ok(count @ 1..) = stderr.read(&mut buffer) {
        shared.change(|state| {
            state.said.extend_from_slice(&buffer[..count]);
            let surplus = state.said.len().saturating_sub(SAID);
            state.said.drain(..surplus);
        });
    }
    shared.change(|state| state.silenced = true);
}

/// The last lines with words in them, without control characters.
fn words(said: &[u8]) -> String {
    const LINES: usize = 4;
    let text = String::from_utf8_lossy(said);
    let clean = |line: &str| line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    let lines = text.split(['\n', '\r']).map(clean);
    let lines: Vec<_> = lines.filter(|line| line.chars().any(char::is_alphanumeric)).collect();
    let last = lines[lines.len().saturating_sub(LINES)..].iter();
    last.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join("; ")
}
