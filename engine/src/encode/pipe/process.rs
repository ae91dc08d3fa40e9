//! A running program: one thread writes to it, one reads what it makes, one what it says, so that no full pipe can stop
//! another.

use super::ivf::{IvfError, IvfReader};
use crate::control::{Close, Control};
use crate::wait::Waiter;
use std::collections::VecDeque;
use std::io::{self, BufReader, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Bytes handed to the operating system at once, after each of which the program counts as alive.
const CHUNK: usize = 64 << 10;
/// Bytes that are kept of what the program said last.
const SAID: usize = 4 << 10;

/// A program at work. Dropping it ends it, and leaves nothing of it.
pub(super) struct Process {
    child: Child,
    /// True once the program has been waited for.
    over: bool,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    silence: Duration,
}

/// An event that the caller of a program waits for.
#[derive(Debug)]
pub(super) enum ProcessEvent {
    /// There is room for another frame; an empty buffer to put it into.
    Room(Vec<u8>),
    /// The packets that it has made since, at least one.
    Packets(VecDeque<Vec<u8>>),
    /// It makes no more, or no longer reads.
    Ended,
}

/// The reason why waiting for a program is in vain.
#[derive(Debug)]
pub(super) enum ProcessFailure {
    /// For so many seconds it neither read nor wrote.
    Silent(u64),
    /// Its output cannot be read.
    Broken(IvfError),
    /// Nobody wants it any longer.
    Cancelled,
}

struct Shared {
    state: Mutex<ProcessState>,
    changed: Condvar,
    /// Bytes read and written so far.
    moved: AtomicU64,
    /// Ends all waits.
    control: Control,
    waiter: Waiter,
}

#[derive(Default)]
struct ProcessState {
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
    broken: Option<IvfError>,
    /// Nobody wants packets any longer.
    discard: bool,
    /// The last bytes that the program wrote to standard error.
    said: Vec<u8>,
    /// It says no more.
    silenced: bool,
}

impl Shared {
    /// Locks the state, which stays whole whoever panics.
    fn lock(&self) -> MutexGuard<'_, ProcessState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while(&self, wait: impl Fn(&ProcessState) -> bool) -> MutexGuard<'_, ProcessState> {
        let wait = |state: &mut ProcessState| !self.control.is_cancelled() && wait(state);
        self.changed.wait_while(self.lock(), wait).unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits as `wait_while` does, no longer than `most`.
    fn wait_a_while(&self, most: Duration, wait: impl Fn(&ProcessState) -> bool) -> MutexGuard<'_, ProcessState> {
        let wait = |state: &mut ProcessState| !self.control.is_cancelled() && wait(state);
        self.changed.wait_timeout_while(self.lock(), most, wait).unwrap_or_else(PoisonError::into_inner).0
    }

    fn change(&self, change: impl FnOnce(&mut ProcessState)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn moved(&self, bytes: usize) {
        self.moved.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl Close for Shared {
    fn close(&self) {
        self.change(|_| ());
    }
}

impl Process {
    /// Starts a program, which is waited for until `control` ends. Packets above `limit` bytes are refused, and about
    /// as many bytes of packets wait until they are fetched.
    ///
    /// # Errors
    /// When the operating system refuses the program, a pipe or a thread.
    pub(super) fn start(command: &mut Command, limit: usize, silence: Duration, control: &Control) -> io::Result<Self> {
        let control = control.part();
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            moved: AtomicU64::new(0),
            waiter: Waiter::new(&control)?,
            control,
        });
        shared.control.close_with(&(Arc::clone(&shared) as Arc<dyn Close>));
        // Ctrl-C in a terminal is for Upright alone, which then winds its programs down.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let mut process = Self { child, over: false, shared, threads: Vec::new(), silence };
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else { return Err(io::ErrorKind::BrokenPipe.into()) };
        // Of the pipe's two ends this one alone.
        #[cfg(unix)]
        rustix::io::ioctl_fionbio(&stdin, true)?;
        let [writer, reader, listener] = [(); 3].map(|()| Arc::clone(&process.shared));
        process.spawn("pipe in", move || write(stdin, &writer))?;
        process.spawn("pipe out", move || read(stdout, limit, &reader))?;
        process.spawn("pipe log", move || listen(stderr, &listener))?;
        Ok(process)
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.threads.push(thread::Builder::new().name(name.to_owned()).spawn(work)?);
        Ok(())
    }

    /// Waits until there are packets, or room for another frame if one is to be `sent`, or neither will be.
    ///
    /// # Errors
    /// [`ProcessFailure`], after which there is nothing to wait for.
    pub(super) fn poll(&self, send: bool) -> Result<ProcessEvent, ProcessFailure> {
        let mut state = self.shared.lock();
        let mut moved = self.shared.moved.load(Ordering::Relaxed);
        let mut since = Instant::now();
        loop {
            if self.shared.control.is_cancelled() {
                return Err(ProcessFailure::Cancelled);
            }
            if !state.packets.is_empty() {
                state.waiting = 0;
                let packets = std::mem::take(&mut state.packets);
                drop(state);
                self.shared.changed.notify_all();
                return Ok(ProcessEvent::Packets(packets));
            }
            if let Some(broken) = state.broken.take() {
                return Err(ProcessFailure::Broken(broken));
            }
            if state.ended || state.refused && send {
                return Ok(ProcessEvent::Ended);
            }
            if send && state.frame.is_none() {
                return Ok(ProcessEvent::Room(std::mem::take(&mut state.spare)));
            }
            let waited = self.shared.changed.wait_timeout(state, self.silence / 8);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            let now = self.shared.moved.load(Ordering::Relaxed);
            if now != moved {
                (moved, since) = (now, Instant::now());
            } else if since.elapsed() >= self.silence {
                return Err(ProcessFailure::Silent(self.silence.as_secs()));
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

    /// Tells whether the work that it belongs to has ended.
    pub(super) fn is_cancelled(&self) -> bool {
        self.shared.control.is_cancelled()
    }

    /// Waits for the program's end, no longer than its silence may last and it is wanted, then ends it.
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
        while begin.elapsed() < self.silence && !self.is_cancelled() {
            if self.has_ended()? {
                return self.end().map(Some);
            }
            drop(self.shared.wait_a_while(pause, |_| true));
            pause = (2 * pause).min(Duration::from_millis(50));
        }
        self.kill();
        Ok(None)
    }

    /// Ends the program and all that it has started in its group.
    pub(super) fn kill(&mut self) {
        self.shared.change(|state| (state.complete, state.discard) = (true, true));
        if !self.over {
            drop(self.end());
        }
    }

    /// Tells whether the program has ended, with what it has started or without.
    fn has_ended(&mut self) -> io::Result<bool> {
        if self.over {
            return Ok(true);
        }
        #[cfg(unix)]
        {
            use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
            // It is not waited for yet: see `end`.
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            Ok(waitid(WaitId::Pid(Pid::from_child(&self.child)), options)?.is_some())
        }
        #[cfg(not(unix))]
        self.child.try_wait().map(|status| status.is_some())
    }

    /// Ends what is left of the program's group, and waits for the program. Its number is that of its group, and nobody
    /// else's until then.
    fn end(&mut self) -> io::Result<ExitStatus> {
        #[cfg(unix)]
        let killed = self.over
            || rustix::process::kill_process_group(
                rustix::process::Pid::from_child(&self.child),
                rustix::process::Signal::KILL,
            )
            .is_ok();
        #[cfg(not(unix))]
        let killed = false;
        if !killed {
            self.child.kill()?;
        }
        self.over = true;
        self.child.wait()
    }

    /// Returns the last lines that a program which has ended wrote to standard error, as one line; empty when there are
    /// none.
    pub(super) fn last_words(&self) -> String {
        // They may still be on their way; a stranger who holds the pipe is not waited for.
        const PATIENCE: Duration = Duration::from_secs(2);
        words(&self.shared.wait_a_while(PATIENCE, |state| !state.silenced).said)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.shared.control.cancel();
        self.kill();
        // Where they can wait for more than their pipes, they end even if a stranger, to whom the program has handed
        // those, keeps them.
        #[cfg(unix)]
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

/// Writes frames until there are no more; then the program sees the end of its input.
fn write(mut stdin: ChildStdin, shared: &Shared) {
    loop {
        let mut state = shared.wait_while(|state| state.frame.is_none() && !state.complete);
        let Some(mut frame) = state.frame.take() else { return };
        drop(state);
        shared.changed.notify_all();
        if write_frame(&mut stdin, &frame, shared).is_err() {
            shared.change(|state| state.refused = true);
            return;
        }
        frame.clear();
        shared.change(|state| state.spare = frame);
    }
}

fn write_frame(stdin: &mut ChildStdin, frame: &[u8], shared: &Shared) -> io::Result<()> {
    let mut left = frame;
    while !left.is_empty() {
        match stdin.write(&left[..left.len().min(CHUNK)]) {
            Ok(count) => {
                shared.moved(count);
                left = &left[count..];
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if !shared.waiter.writable(stdin)? {
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads packets to the end.
fn read(stdout: ChildStdout, limit: usize, shared: &Shared) {
    let mut reader = IvfReader::new(BufReader::with_capacity(CHUNK, Counted { input: stdout, shared }), limit);
    loop {
        let frame = reader.next_frame();
        let mut state = shared.wait_while(|state| state.waiting >= limit && !state.discard);
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

struct Counted<'a> {
    input: ChildStdout,
    shared: &'a Shared,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.shared.waiter.readable(&self.input)? {
            return Ok(0);
        }
        let count = self.input.read(buffer)?;
        self.shared.moved(count);
        Ok(count)
    }
}

/// Reads standard error to its end, and keeps the last of it.
fn listen(mut stderr: ChildStderr, shared: &Shared) {
    let mut buffer = [0; SAID];
    let more = |stderr: &ChildStderr| shared.waiter.readable(stderr).unwrap_or(false);
    while more(&stderr)
        && let Ok(count @ 1..) = stderr.read(&mut buffer)
    {
        shared.change(|state| {
            state.said.extend_from_slice(&buffer[..count]);
            let surplus = state.said.len().saturating_sub(SAID);
            state.said.drain(..surplus);
        });
    }
    shared.change(|state| state.silenced = true);
}

/// Joins the last lines with words in them, without control characters.
fn words(said: &[u8]) -> String {
    const LINES: usize = 4;
    let text = String::from_utf8_lossy(said);
    let clean = |line: &str| line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    let lines = text.split(['\n', '\r']).map(clean);
    let lines: Vec<_> = lines.filter(|line| line.chars().any(char::is_alphanumeric)).collect();
    let last = lines[lines.len().saturating_sub(LINES)..].iter();
    last.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join("; ")
}

#[cfg(all(test, unix))]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use std::sync::Weak;

    fn start(script: &str, control: &Control) -> Process {
        let silence = Duration::from_secs(1000);
        Process::start(Command::new("sh").args(["-c", script]), 1 << 20, silence, control).unwrap()
    }

    fn threads_of(process: &Process) -> Weak<Shared> {
        Arc::downgrade(&process.shared)
    }

    #[test]
    fn a_stranger_who_keeps_the_pipes_keeps_no_thread_and_no_frame() {
        // In a session of its own, out of reach; it writes nothing, reads nothing and says nothing.
        let mut process = start("setsid sleep 1000 & echo $! >&2", &Control::default());
        let Ok(ProcessEvent::Room(mut buffer)) = process.poll(true) else { panic!("there is room at the beginning") };
        buffer.resize(1 << 20, 7);
        process.send(buffer);
        while !process.has_ended().unwrap() || process.shared.lock().said.is_empty() {
            thread::yield_now();
        }
        let stranger = process.last_words().parse().unwrap();
        let threads = threads_of(&process);
        drop(process);
        assert!(threads.upgrade().is_none(), "all threads have ended");
        let stranger = rustix::process::Pid::from_raw(stranger).unwrap();
        rustix::process::kill_process(stranger, rustix::process::Signal::KILL).unwrap();
    }

    #[test]
    fn what_a_program_that_has_ended_left_in_its_group_is_ended() {
        let mut process = start("sleep 1000 > /dev/null & echo $! >&2", &Control::default());
        let status = process.reap().unwrap().unwrap();
        assert!(status.success());
        let left: i32 = process.last_words().parse().unwrap();
        // It is nobody's child here: who ends it does not see it go.
        let state = || std::fs::read_to_string(format!("/proc/{left}/stat"));
        while state().is_ok_and(|stat| !stat.contains(") Z ")) {
            thread::yield_now();
        }
        assert!(process.reap().unwrap().unwrap().success(), "the end stays the end");
    }

    #[test]
    fn a_cancel_ends_every_wait_while_the_program_goes_on() {
        let waits: [fn(&mut Process); 3] = [
            |process| assert!(matches!(process.poll(false), Err(ProcessFailure::Cancelled))),
            |process| assert!(process.reap().unwrap().is_none()),
            |process| assert_eq!(process.last_words(), ""),
        ];
        for wait in waits {
            let control = Control::default();
            let mut process = start("exec sleep 1000", &control);
            thread::scope(|scope| {
                let waiting = scope.spawn(|| wait(&mut process));
                thread::sleep(Duration::from_millis(20));
                control.cancel();
                waiting.join().unwrap();
            });
            let threads = threads_of(&process);
            drop(process);
            assert!(threads.upgrade().is_none());
        }
    }
}
