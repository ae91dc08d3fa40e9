//! The command line: arguments to options to engine.

mod about;
mod args;
mod bench;
mod convert;
mod doctor;
mod exit;
#[cfg(test)]
mod fuzz;
mod interrupt;
mod options;
mod output;
mod progress;
mod stats;
mod usage;
mod values;

use args::{Arguments, Command};
use clap::Parser;
use exit::{Exit, Failure};
use indicatif::MultiProgress;
use log::LevelFilter;
use output::Messages;
use std::io::Write;
use std::process::ExitCode;
use std::{env, panic};

fn main() -> ExitCode {
    silence_mesa();
    // A panic has said where it was; what is left to do is to end as the table of exit codes says.
    panic::catch_unwind(upright).unwrap_or(Exit::Internal).into()
}

fn upright() -> Exit {
    let mut messages = Messages { bars: MultiProgress::new() };
    run(&mut messages).unwrap_or_else(|Failure { error, exit }| {
        // Nobody is left to be told when standard error is gone.
        let _ = writeln!(messages, "upright: {error}");
        exit
    })
}

/// Mesa's Vulkan layer that sorts adapters asks the desktop session about them, and complains on standard error where
/// there is none, as on servers. There it has nothing to sort by either.
fn silence_mesa() {
    if env::var_os("XDG_RUNTIME_DIR").is_none() {
        #[expect(unsafe_code, reason = "the layer can be switched off by an environment variable alone")]
        // SAFETY: no other thread runs yet that could read the environment.
        unsafe {
            env::set_var("NODEVICE_SELECT", "1");
        }
    }
}

fn run(messages: &mut Messages) -> Result<Exit, Failure> {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return Ok(usage::answer(&error)?),
    };
    output::start_log(messages, log_level(arguments.verbose, arguments.quiet));
    Ok(match arguments.command {
        Command::Convert(job) => convert::convert(job, arguments.quiet, messages)?,
        Command::Plan(job) => convert::plan(job, arguments.quiet, messages)?,
        Command::Probe(probe) => convert::probe(probe)?,
        Command::Doctor(doctor) => doctor::doctor(&doctor)?,
        Command::Bench(bench) => bench::bench(bench, arguments.quiet, messages)?,
    })
}

fn log_level(verbose: u8, quiet: bool) -> LevelFilter {
    match (quiet, verbose) {
        (true, _) => LevelFilter::Error,
        (false, 0) => LevelFilter::Warn,
        (false, 1) => LevelFilter::Info,
        (false, 2) => LevelFilter::Debug,
        (false, _) => LevelFilter::Trace,
    }
}
