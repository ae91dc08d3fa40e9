//! The command line: from arguments to the engine's options, and from its results to messages and exit codes.

mod about;
mod analysis_file;
mod args;
mod batch;
mod bench;
mod completions;
#[cfg(test)]
mod contract;
mod convert;
mod doctor;
mod exit;
#[cfg(test)]
mod fuzz;
mod hints;
mod interrupt;
mod man;
mod named_options;
mod options;
mod output;
mod plan;
mod plan_file;
mod presets;
mod preview;
mod probe;
mod progress;
mod review;
mod segment;
mod shipped;
mod stats;
mod status;
mod usage;
mod values;
mod verify;

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
    silence_libraries();
    return_large_blocks();
    batch::end_with_batch();
    // A panic has said where it was; what is left to do is to end as the table of exit codes says.
    let exit = panic::catch_unwind(upright).unwrap_or(Exit::Internal);
    if exit != Exit::Success {
        // Who was left behind is inside a library, which must not tidy up beside it as libraries do when a process ends.
        signal_hook::low_level::exit(exit.code().into());
    }
    exit.into()
}

fn upright() -> Exit {
    let mut messages = Messages { bars: MultiProgress::new() };
    run(&mut messages).unwrap_or_else(|Failure { message, exit }| {
        // Nobody is left to be told when standard error is gone.
        let _ = writeln!(messages, "upright: {message}");
        exit
    })
}

/// Silences libraries that write to standard error on their own, and can be told not to by an environment variable
/// alone.
fn silence_libraries() {
    // Mesa's Vulkan layer that sorts adapters asks the desktop session about them, and complains where there is none,
    // as on servers. There it has nothing to sort by either.
    if env::var_os("XDG_RUNTIME_DIR").is_none() {
        set_variable("NODEVICE_SELECT", "1");
    }
    // SVT-AV1 tells its version and settings at every start. 0 leaves what is fatal; whoever wants more can say so.
    if env::var_os("SVT_LOG").is_none() {
        set_variable("SVT_LOG", "0");
    }
}

fn set_variable(name: &str, value: &str) {
    #[expect(unsafe_code, reason = "called by `main` before anything else")]
    // SAFETY: no other thread runs yet that could read the environment.
    unsafe {
        env::set_var(name, value);
    }
}

/// Lets glibc give every block of a megabyte or more back to the system as soon as it is freed. By itself it raises that
/// bound to as much as 32 MiB (mallopt(3), `M_MMAP_THRESHOLD`), and encoders, which allocate and free such blocks all the
/// time in many threads, then leave each thread's heap as full of holes as it ever was: the memory of a conversion grows
/// with its length. Blocks below a megabyte are left to the heap: encoders need them too often.
fn return_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        #[expect(unsafe_code, reason = "called by `main` before anything else")]
        // SAFETY: sets a number, and no other thread runs yet that could allocate.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 20);
        }
    }
}

fn run(messages: &mut Messages) -> Result<Exit, Failure> {
    let given = presets::expand(env::args_os().collect())?;
    let arguments = match Arguments::try_parse_from(&given) {
        Ok(arguments) => arguments,
        Err(error) => return usage::answer(&error),
    };
    output::start_log(messages, log_level(arguments.verbose, arguments.quiet));
    Ok(match arguments.command {
        Command::Convert(convert) => convert::convert(convert, arguments.quiet, messages)?,
        Command::Plan(plan) => plan::plan(plan, arguments.quiet, messages)?,
        Command::Review(review) => review::review(review, arguments.quiet, messages)?,
        Command::Preview(preview) => preview::preview(preview, arguments.quiet, messages)?,
        Command::Render(render) => convert::render_plan(render, arguments.quiet, messages)?,
        Command::Segment(segment) => segment::segment(&segment, arguments.quiet, messages)?,
        Command::Batch(batch) => batch::batch(&batch, named_options::of_command(&given), arguments.quiet, messages)?,
        Command::Status(status) => status::status(&status)?,
        Command::Verify(verify) => verify::verify(&verify)?,
        Command::Presets(presets) => presets::presets(&presets)?,
        Command::Probe(probe) => probe::probe(probe)?,
        Command::Doctor(doctor) => doctor::doctor(&doctor)?,
        Command::Bench(bench) => bench::bench(bench, arguments.quiet, messages)?,
        Command::Completions(completions) => completions::completions(&completions)?,
        Command::Man(man) => man::man(&man)?,
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
