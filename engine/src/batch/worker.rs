//! A process that does a step.

use super::schedule::Step;
use crate::error::{Error, Result};
use crossbeam::channel::Sender;
use serde::Deserialize;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Longest line that is read of what a process says, and most of its warnings that are kept.
const LONGEST: u64 = 64 * 1024;
const MOST_WARNINGS: usize = 20;

/// What a process says and comes to.
#[derive(Debug)]
pub(super) enum Message {
    /// So many frames of every rung are done.
    Frames(usize, Step, u64),
    /// It has ended.
    Ended(usize, Step, Ended),
}

/// How a process has ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Its exit code; none where a signal has ended it.
    pub(super) exit: Option<i32>,
    /// What it said, where it failed.
    pub(super) message: String,
    /// What it has warned of.
    pub(super) warnings: Vec<String>,
    /// Seconds of processors.
    pub(super) cpu_seconds: f64,
}

/// A process at work.
#[derive(Debug)]
pub(super) struct Worker {
    /// Its number, until it has ended.
    pid: Arc<Mutex<Option<u32>>>,
}

/// A line of what `--progress json` writes.
#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Line {
    Progress { phase: String, frames: u64 },
    Failed { message: String },
    Done {},
}

impl Worker {
    /// Starts a process for step `step` of film `index`; what it says besides its progress goes to the end of `log`.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be started.
    pub(super) fn start(
        mut command: Command,
        (index, step): (usize, Step),
        log: &Path,
        messages: Sender<Message>,
    ) -> Result<Self> {
        let open = File::options().create(true).append(true).open(log);
        let mut log = open.map_err(Error::io(log, "cannot write the log"))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Ctrl-C is for whoever waits for it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let program = command.get_program().to_owned();
        let mut child = command.spawn().map_err(Error::io(program, "cannot be started"))?;
        let pid = Arc::new(Mutex::new(Some(child.id())));
        let (output, errors) = (child.stdout.take(), child.stderr.take());
        let at_work = Arc::clone(&pid);
        let watch = move || {
            let said = thread::scope(|scope| {
                let said = scope.spawn(|| errors.map_or_else(Said::default, |errors| keep(errors, &mut log)));
                let failure = output.and_then(|output| follow(output, (index, step), &messages));
                (failure, said.join().unwrap_or_default())
            });
            let (exit, cpu_seconds) = end(&mut child, &at_work);
            let ended = ended(exit, cpu_seconds, said);
            // Nobody waits for it where the batch was stopped.
            let _ = messages.send(Message::Ended(index, step, ended));
        };
        let named = thread::Builder::new().name("worker".to_owned());
        named.spawn(watch).map_err(Error::io("worker", "cannot start a thread"))?;
        Ok(Self { pid })
    }

    /// Asks it to end, or with `at_once` ends it.
    pub(super) fn stop(&self, at_once: bool) {
        #[cfg(unix)]
        {
            use rustix::process::{Pid, Signal, kill_process};
            // Held, so that the number is nobody else's meanwhile.
            let pid = self.pid.lock().unwrap_or_else(PoisonError::into_inner);
            let number = pid.and_then(|pid| Pid::from_raw(pid.cast_signed()));
            if let Some(number) = number {
                let signal = if at_once { Signal::KILL } else { Signal::TERM };
                // It may have ended by itself.
                let _ = kill_process(number, signal);
            }
        }
        #[cfg(not(unix))]
        let _ = at_once;
    }
}

/// Waits for the end of a process, and forgets its number before the system gives it to another.
fn end(child: &mut Child, pid: &Mutex<Option<u32>>) -> (std::io::Result<ExitStatus>, f64) {
    #[cfg(unix)]
    {
        use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
        use wait4::Wait4 as _;
        if let Some(number) = Pid::from_raw(child.id().cast_signed()) {
            // What goes wrong here goes wrong below, too.
            let _ = waitid(WaitId::Pid(number), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        }
        *pid.lock().unwrap_or_else(PoisonError::into_inner) = None;
        match child.wait4() {
            Ok(used) => (Ok(used.status), (used.rusage.utime + used.rusage.stime).as_secs_f64()),
            Err(error) => (Err(error), 0.0),
        }
    }
    #[cfg(not(unix))]
    {
        let status = child.wait();
        *pid.lock().unwrap_or_else(PoisonError::into_inner) = None;
        (status, 0.0)
    }
}

fn ended(
    status: std::io::Result<ExitStatus>,
    cpu_seconds: f64,
    (failure, Said { warnings, last }): (Option<String>, Said),
) -> Ended {
    let exit = status.as_ref().ok().and_then(ExitStatus::code);
    let message = match (failure.or(last), exit, status) {
        (Some(said), ..) => said,
        (None, Some(code), _) => format!("it ended with exit code {code}, and said nothing"),
        (None, None, Ok(status)) => format!("its process was ended from outside ({status})"),
        (None, None, Err(error)) => format!("its process was lost: {error}"),
    };
    Ended { exit, message, warnings, cpu_seconds }
}

/// Reads lines of progress to their end; gives the message of a failure.
fn follow(output: impl Read, (index, step): (usize, Step), messages: &Sender<Message>) -> Option<String> {
    let mut failure = None;
    for line in lines(output) {
        match serde_json::from_slice(&line) {
            Ok(Line::Progress { phase, frames }) if phase == "encode" => {
                let _ = messages.send(Message::Frames(index, step, frames));
            }
            Ok(Line::Failed { message }) => failure = Some(message),
            Ok(Line::Progress { .. } | Line::Done {}) | Err(_) => {}
        }
    }
    failure
}

/// Reads what a process says to its end, into the log; gives its first warnings, and its last line.
fn keep(errors: impl Read, log: &mut File) -> Said {
    let mut said = Said::default();
    for line in lines(errors) {
        // That a log cannot be written is no reason to end what is logged.
        let _ = log.write_all(&line);
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        match text.strip_prefix("upright: warning: ") {
            Some(warning) if said.warnings.len() < MOST_WARNINGS => said.warnings.push(warning.to_owned()),
            _ if !text.is_empty() => said.last = Some(text.strip_prefix("upright: ").unwrap_or(text).to_owned()),
            _ => {}
        }
    }
    said
}

/// What a process has said on standard error.
#[derive(Debug, Default)]
struct Said {
    warnings: Vec<String>,
    last: Option<String>,
}

/// The lines of a stream; the longest come in pieces.
fn lines(stream: impl Read) -> impl Iterator<Item = Vec<u8>> {
    let mut reader = BufReader::new(stream);
    std::iter::from_fn(move || {
        let mut line = Vec::new();
        let read = reader.by_ref().take(LONGEST).read_until(b'\n', &mut line);
        matches!(read, Ok(1..)).then_some(line)
    })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crossbeam::channel;

    fn run(script: &str, stop: Option<bool>) -> (Vec<u64>, Ended, String) {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let (give, take) = channel::unbounded();
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let worker = Worker::start(command, (3, Step::Segment(7)), &log, give).unwrap();
        if let Some(at_once) = stop {
            worker.stop(at_once);
        }
        let mut frames = Vec::new();
        loop {
            match take.recv().unwrap() {
                Message::Frames(3, Step::Segment(7), done) => frames.push(done),
                Message::Ended(3, Step::Segment(7), ended) => {
                    return (frames, ended, std::fs::read_to_string(log).unwrap());
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn progress_warnings_and_failures_are_heard() {
        let progress = r#"echo '{"event":"progress","phase":"encode","frames":12,"rungs":[]}'"#;
        let (frames, ended, log) =
            run(&format!("echo 'upright: warning: cut short' >&2; {progress}; echo noise"), None);
        assert_eq!((frames, ended.exit, ended.warnings), (vec![12], Some(0), vec!["cut short".to_owned()]));
        assert_eq!(log, "upright: warning: cut short\n");
        let failed = r#"echo '{"event":"failed","exit":65,"message":"notes.txt: not a video"}'; exit 65"#;
        let (_, ended, _) = run(failed, None);
        assert_eq!((ended.exit, ended.message.as_str()), (Some(65), "notes.txt: not a video"));
        let (_, ended, _) = run("echo one >&2; echo 'upright: no room' >&2; exit 74", None);
        assert_eq!((ended.exit, ended.message.as_str(), ended.warnings.len()), (Some(74), "no room", 0));
        let (_, ended, _) = run("exit 70", None);
        assert!(ended.message.contains("exit code 70"), "{ended:?}");
    }

    #[test]
    fn a_process_that_is_ended_or_crashes_has_no_code() {
        let (_, ended, _) = run("kill -SEGV $$", None);
        assert!(ended.exit.is_none() && ended.message.contains("ended from outside"), "{ended:?}");
        for at_once in [true, false] {
            let (_, ended, _) = run("exec sleep 60", Some(at_once));
            assert!(ended.exit.is_none(), "{ended:?}");
        }
    }

    #[test]
    fn what_is_said_without_end_is_held_within_bounds() {
        let (_, ended, log) = run("yes 'upright: warning: x' | head -c 3000000 >&2; head -c 300000 /dev/zero", None);
        assert_eq!((ended.exit, ended.warnings.len(), log.len()), (Some(0), MOST_WARNINGS, 3_000_000));
    }
}
