//! The command line: arguments to options to engine.

mod about;
mod args;
mod exit;
mod interrupt;
mod output;
mod usage;
mod values;

use args::{Arguments, Command};
use clap::Parser;
use exit::Exit;
use indicatif::MultiProgress;
use log::LevelFilter;
use output::Messages;
use std::io::Write;
use std::process::ExitCode;
use upright_engine::Result;

fn main() -> ExitCode {
    let mut messages = Messages { bars: MultiProgress::new() };
    let exit = run(&messages).unwrap_or_else(|error| {
        // Nobody is left to be told when standard error is gone.
        let _ = writeln!(messages, "upright: {error}");
        Exit::from(&error)
    });
    exit.into()
}

fn run(messages: &Messages) -> Result<Exit> {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage::answer(&error),
    };
    output::start_log(messages, log_level(arguments.verbose, arguments.quiet));
    match arguments.command {
        Command::Convert(_) | Command::Plan(_) | Command::Probe(_) | Command::Doctor(_) => Ok(Exit::Success),
    }
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
