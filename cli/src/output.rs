//! Standard output, which data goes to, and standard error, which everything else goes to.

use indicatif::MultiProgress;
use log::LevelFilter;
use schemars::JsonSchema;
use serde::Serialize;
use std::io::{self, Write};
use upright_engine::{Error, Result};

/// Writes `text` to standard output. A reader that has gone away (`upright plan film.mkv | head`) got what it wanted:
/// that is no error.
///
/// # Errors
/// [`Error::Io`] when writing fails for any other reason.
pub(crate) fn print(text: &str) -> Result<()> {
    write_to(&mut io::stdout().lock(), text)
}

/// Something for machines to read, behind the version of its form.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Versioned<T> {
    /// Version of the form. It rises when a field goes or changes its meaning; others may come.
    pub(crate) version: u32,
    #[serde(flatten)]
    pub(crate) content: T,
}

/// Writes `content` to standard output as indented JSON, with the version of its form.
///
/// # Errors
/// As [`print()`].
pub(crate) fn print_json(version: u32, content: &impl Serialize) -> Result<()> {
    let mut text =
        serde_json::to_string_pretty(&Versioned { version, content }).map_err(|error| stdout_failed(error.into()))?;
    text.push('\n');
    print(&text)
}

fn write_to(out: &mut impl Write, text: &str) -> Result<()> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(stdout_failed(error)),
        _ => Ok(()),
    }
}

pub(crate) fn stdout_failed(cause: io::Error) -> Error {
    Error::io("standard output", "cannot write")(cause)
}

/// Standard error, above the progress bars where there are any.
#[derive(Clone, Debug)]
pub(crate) struct Messages {
    /// The bars that messages must not tear.
    pub(crate) bars: MultiProgress,
}

impl Write for Messages {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bars.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Sends the program's log to `messages`, one line each: `upright: warning: ...`.
///
/// Called once, before anything is logged; a second call changes nothing.
pub(crate) fn start_log(messages: &Messages, level: LevelFilter) {
    // Libraries (the graphics driver's loader above all) are talkative: their own trouble shows from -vv on.
    let libraries = if level >= LevelFilter::Debug { level } else { level.min(LevelFilter::Error) };
    let started = env_logger::Builder::new()
        .filter_level(libraries)
        .filter_module("upright", level)
        .target(env_logger::Target::Pipe(Box::new(messages.clone())))
        .format(|out, record| writeln!(out, "upright: {}: {}", word(record.level()), record.args()))
        .try_init();
    if started.is_err() {
        log::debug!("logging had already begun");
    }
}

fn word(level: log::Level) -> &'static str {
    match level {
        log::Level::Error => "error",
        log::Level::Warn => "warning",
        log::Level::Info => "info",
        log::Level::Debug => "debug",
        log::Level::Trace => "trace",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_left_is_no_error_and_a_full_disk_is() {
        assert!(write_to(&mut Broken(io::ErrorKind::BrokenPipe), "x").is_ok());
        assert!(matches!(write_to(&mut Broken(io::ErrorKind::StorageFull), "x"), Err(Error::Io { .. })));
    }
}
