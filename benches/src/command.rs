//! Running other programs and counting what they cost.

use crate::Result;
use serde::{Serialize, Serializer};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::PathBuf;
use std::process::{Command as Process, Stdio};
use std::time::{Duration, Instant};
use wait4::Wait4;

/// A program and its arguments. Its text is what one would type into a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    program: PathBuf,
    arguments: Vec<OsString>,
    variables: Vec<(&'static str, OsString)>,
    cores: Option<usize>,
}

/// What a process cost, its own children's share included once it has waited for them.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Cost {
    /// Seconds from its start to its end.
    pub wall: f64,
    /// Seconds of processors in user mode.
    pub user: f64,
    /// Seconds of processors in the kernel.
    pub system: f64,
    /// The most bytes of memory that it, or the largest of its children, held at once.
    pub peak_bytes: u64,
}

impl Cost {
    /// Seconds of processors.
    pub fn cpu(&self) -> f64 {
        self.user + self.system
    }
}

impl Command {
    /// A program without arguments, a name in `PATH` or a path.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), arguments: Vec::new(), variables: Vec::new(), cores: None }
    }

    /// Appends arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name, value.as_ref().to_owned()));
        self
    }

    /// Lets it use the first `cores` cores alone, by `taskset`.
    #[must_use]
    pub fn on_cores(self, cores: usize) -> Self {
        Self { cores: Some(cores), ..self }
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// When it cannot be started or does not end with success; then with what it wrote to standard error.
    pub fn run(&self) -> Result<Cost> {
        self.output().map(|(cost, _)| cost)
    }

    /// As [`Command::run`], and gives what it wrote to standard output.
    ///
    /// # Errors
    /// As [`Command::run`].
    pub fn output(&self) -> Result<(Cost, String)> {
        let mut words = self.words();
        let mut process = Process::new(words.next().unwrap_or_default());
        // Files, not pipes: nobody would read those meanwhile.
        let (mut out, mut err) = (tempfile::tempfile()?, tempfile::tempfile()?);
        process
            .args(words)
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(err.try_clone()?);
        let begin = Instant::now();
        let mut child = process.spawn().map_err(|cause| format!("{self}: cannot be started: {cause}"))?;
        let ended = child.wait4()?;
        let wall = begin.elapsed();
        if !ended.status.success() {
            return Err(format!("{self}: {}: {}", ended.status, read(&mut err)?.trim()).into());
        }
        let usage = ended.rusage;
        let [wall, user, system] = [wall, usage.utime, usage.stime].map(|time: Duration| time.as_secs_f64());
        Ok((Cost { wall, user, system, peak_bytes: usage.maxrss }, read(&mut out)?))
    }

    fn words(&self) -> impl Iterator<Item = OsString> {
        let taskset = self.cores.map(|cores| ["taskset".into(), "-c".into(), format!("0-{}", cores - 1).into()]);
        taskset.into_iter().flatten().chain([self.program.clone().into()]).chain(self.arguments.clone())
    }
}

fn read(file: &mut File) -> Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |word: &str| {
            !word.is_empty() && word.chars().all(|letter| letter.is_alphanumeric() || "-_./:=,+%@".contains(letter))
        };
        for (name, value) in &self.variables {
            write!(f, "{name}={} ", value.to_string_lossy())?;
        }
        for (index, word) in self.words().enumerate() {
            let word = word.to_string_lossy();
            let gap = if index == 0 { "" } else { " " };
            if plain(&word) { write!(f, "{gap}{word}")? } else { write!(f, "{gap}'{}'", word.replace('\'', r"'\''"))? }
        }
        Ok(())
    }
}

impl Serialize for Command {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_was_run_and_what_it_said() {
        let error = Command::new("sh").args(["-c", "echo oh no >&2; exit 3"]).run().unwrap_err().to_string();
        assert!(error.contains("sh -c 'echo oh no >&2; exit 3'") && error.contains("oh no"), "{error}");
        let error = Command::new("no-such-program").run().unwrap_err().to_string();
        assert!(error.contains("no-such-program"), "{error}");
    }

    #[test]
    fn what_a_child_of_the_child_costs_counts() {
        let idle = Command::new("sh").args(["-c", "sleep 0.2"]).run().unwrap();
        assert!(idle.wall >= 0.2 && idle.cpu() < idle.wall, "{idle:?}");
        // Ten million bytes of memory, filled by a child.
        let busy = Command::new("sh").args(["-c", "head -c 10000000 /dev/zero | sort | wc -l"]).run().unwrap();
        assert!(busy.peak_bytes >= 10_000_000 && busy.cpu() > 0.0, "{busy:?}");
    }

    #[test]
    fn the_text_can_be_typed() {
        let command = Command::new("echo").args(["a b", "it's", ""]);
        assert_eq!(command.to_string(), r"echo 'a b' 'it'\''s' ''");
        let said = Command::new("sh").args(["-c", &command.to_string()]).output().unwrap().1;
        assert_eq!(said, "a b it's \n");
        assert_eq!(Command::new("x").env("A", "b").on_cores(4).to_string(), "A=b taskset -c 0-3 x");
        let said = Command::new("sh").args(["-c", "echo $A"]).env("A", "b").output().unwrap().1;
        assert_eq!(said, "b\n");
    }
}
