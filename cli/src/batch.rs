//! `upright batch`.

mod export;
mod manifest;
mod screen;
mod watch;

use crate::args::BatchArguments;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::named_options::Options;
use crate::options;
use crate::output::{self, Messages};
use crate::values::DiskPriority;
use screen::Screen;
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use upright_engine::batch::{self, BatchOptions, ENCRYPT, Event, Files, Outcome, Step, Title, TitleSummary};
use upright_engine::encryption::KeyFile;
use upright_engine::remote::ObjectUrl;
use upright_engine::sidecar::sidecars_of;
use upright_engine::store::StoreOptions;
use upright_engine::{Error, Result, machine};
use watch::Watch;

/// In the environment of a batch's processes: the number of the batch's own, with which they end.
const PARENT: &str = "UPRIGHT_BATCH";

/// Has this process end with the batch that it works for, if there is one, however that ends.
pub(crate) fn end_with_batch() {
    #[cfg(target_os = "linux")]
    if let Some(parent) = env::var(PARENT).ok().and_then(|number| number.parse::<i32>().ok()) {
        use rustix::process::{Signal, getppid, set_parent_process_death_signal};
        // Where the system refuses, the batch may leave somebody behind when it is killed; his work is not lost.
        let _ = set_parent_process_death_signal(Some(Signal::KILL));
        if getppid().map(|pid| pid.as_raw_nonzero().get()) != Some(parent) {
            signal_hook::low_level::exit(Exit::Terminated.code().into());
        }
    }
}

/// Converts many films, showing progress, and sums up in a table. All of them have the `common` options of what is made of them,
/// but for those that a manifest gives them.
///
/// # Errors
/// Those of the manifest, and the engine's; a batch that is stopped ends as the signal says that stopped it.
pub(crate) fn batch(
    arguments: &BatchArguments,
    mut common: Options,
    quiet: bool,
    messages: &mut Messages,
) -> Result<Exit, Failure> {
    common.extend(arguments.subtitles_in.clone().map(|way| (manifest::SUBTITLES.to_owned(), vec![way])));
    common
        .extend(arguments.encrypt.as_ref().map(|keys| (ENCRYPT.to_owned(), vec![keys.to_string_lossy().into_owned()])));
    // What cannot be is refused before a folder is looked into.
    options::plan_options(arguments.wanted.clone())?;
    let elsewhere = arguments.export.is_some() || arguments.print_manifest;
    let films = manifest::films(&arguments.inputs, &arguments.output, &common, elsewhere)?;
    let titles = batch::named(films.clone())?;
    titles.iter().try_for_each(manifest::check)?;
    let keys: BTreeSet<_> = titles.iter().filter_map(Title::keys).collect();
    keys.into_iter().try_for_each(|keys| KeyFile::read(keys).map(drop))?;
    if arguments.print_manifest {
        output::print(&manifest::printed(&titles)?)?;
        return Ok(Exit::Success);
    }
    if titles.is_empty() && !arguments.watch {
        let why = "has no films; name films, or folders in which there are some";
        let inputs: Vec<_> = arguments.inputs.iter().map(|input| input.display().to_string()).collect();
        return Err(Error::invalid("input", inputs.join(" "), why).into());
    }
    if let Some(engine) = arguments.export {
        let said = export::export(engine, arguments, &titles)?;
        if !quiet {
            // Nobody is left to be told when standard error is gone.
            let _ = writeln!(messages, "{said}");
        }
        return Ok(Exit::Success);
    }
    for place in [Some(&arguments.output), arguments.store.as_ref()].into_iter().flatten() {
        if let Some(url) = ObjectUrl::of(place) {
            let why = "a batch on one machine has its files on the disk; see --export for clusters";
            return Err(Error::invalid("folder", url, why).into());
        }
    }
    fs::create_dir_all(&arguments.output).map_err(Error::io(&arguments.output, "cannot make the folder"))?;
    let program = env::current_exe().map_err(Error::io("upright", "cannot find the program"))?;
    let options = batch_options(arguments);
    let processes = Processes { arguments, program, store: options.store.folder.clone(), memory: options.memory };
    let interrupt = Interrupt::listen()?;
    let screen = Screen::new(arguments.progress, quiet, messages);
    let mut watch = arguments.watch.then(|| Watch::new(arguments, common, films));
    let mut incoming = || watch.as_mut().map(Watch::come);
    let mover = Mover { done: arguments.move_done.as_deref(), failed: arguments.move_failed.as_deref() };
    let mut on_event = |event: &Event<'_>| {
        screen.show(event);
        if let Event::Over(title, summary) = event {
            mover.move_film(title, summary);
        }
    };
    let command = |title: &Title, files: &Files, step: Step| processes.command(title, files, step);
    let done = batch::run(titles, &options, &command, &mut incoming, interrupt.control(), &mut on_event);
    match done {
        Ok(summary) => {
            let exit = if summary.is_complete() { Exit::Success } else { Exit::Partly };
            screen.done(&summary, exit)?;
            Ok(exit)
        }
        Err(error) => {
            let failure = interrupt.failure(error);
            screen.failed(&failure);
            Err(failure)
        }
    }
}

fn batch_options(arguments: &BatchArguments) -> BatchOptions {
    let folder = arguments.store.clone().unwrap_or_else(|| arguments.output.join(batch::STATE).join("store"));
    BatchOptions {
        output: arguments.output.clone(),
        store: StoreOptions { folder, size: None },
        cores: machine::cores(),
        memory: arguments.machine.memory.or_else(options::memory_to_use),
        retries: arguments.retry,
        least_free: arguments.least_free,
        overwrite: arguments.overwrite,
    }
}

/// Makes the processes that do the steps: this program, with other arguments.
struct Processes<'a> {
    arguments: &'a BatchArguments,
    program: PathBuf,
    store: PathBuf,
    memory: Option<u64>,
}

impl Processes<'_> {
    fn command(&self, title: &Title, files: &Files, step: Step) -> Command {
        let BatchArguments { machine, access, strict, .. } = self.arguments;
        let mut command = self.begun();
        command
            .arg(step.name())
            .arg("--progress=json")
            .arg(format!("--device={}", options::device_argument(&machine.device)));
        command.args(access.protocols.iter().map(|protocol| format!("--protocols={protocol}")));
        if step != Step::Plan {
            // The batch's own: what is free changes with every step that runs beside.
            command.args(self.memory.map(|memory| format!("--memory={memory}")));
            command.arg("--source").arg(&title.input);
        }
        match step {
            Step::Plan => {
                command.args(manifest::plan_arguments(title)).arg("--output").arg(&files.plan);
                command.args(files.overwrite.then_some("--overwrite")).arg("--").arg(&title.input);
            }
            Step::Segment(number) => {
                command.args(["--number", &number.to_string()]).arg("--output").arg(&self.store);
                command.arg("--").arg(&files.plan);
            }
            Step::Render => {
                let name = files.directory.file_name().unwrap_or_default();
                let folder = files.directory.parent().unwrap_or(Path::new("."));
                command.arg("--output").arg(folder).arg("--name").arg(name).arg("--store").arg(&self.store);
                command.args(files.jobs.map(|jobs| format!("--jobs={jobs}")));
                command.args(files.overwrite.then_some("--overwrite")).args(strict.then_some("--strict"));
                command.args(title.keys().map(|keys| format!("--encrypt={}", keys.display())));
                command.arg("--").arg(&files.plan);
            }
        }
        command.env(PARENT, std::process::id().to_string());
        command
    }

    /// The program, behind those that lower its priority.
    fn begun(&self) -> Command {
        let mut before: Vec<String> = Vec::new();
        if let Some(nice) = self.arguments.nice {
            before.extend(["nice".to_owned(), "-n".to_owned(), nice.to_string()]);
        }
        match self.arguments.ionice {
            Some(DiskPriority::Idle) => before.extend(["ionice", "-c", "3"].map(str::to_owned)),
            Some(DiskPriority::BestEffort(level)) => {
                before.extend(["ionice", "-c", "2", "-n"].map(str::to_owned));
                before.push(level.to_string());
            }
            None => {}
        }
        let mut before = before.into_iter();
        match before.next() {
            Some(first) => {
                let mut command = Command::new(first);
                command.args(before).arg(&self.program);
                command
            }
            None => Command::new(&self.program),
        }
    }
}

/// Moves films away that are over.
struct Mover<'a> {
    done: Option<&'a Path>,
    failed: Option<&'a Path>,
}

impl Mover<'_> {
    fn move_film(&self, title: &Title, summary: &TitleSummary) {
        let folder = match summary.outcome {
            Outcome::Done | Outcome::WasDone => self.done,
            Outcome::Failed => self.failed,
            Outcome::Unfinished => None,
        };
        let Some(folder) = folder else { return };
        let Some(file) = title.input.file_name() else { return };
        let beside = sidecars_of(&title.input);
        // As in the output folder.
        let place = folder.join(Path::new(&title.name).parent().unwrap_or(Path::new(""))).join(file);
        let moved = place.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| match place.symlink_metadata() {
            Ok(_) => Err(std::io::ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(&title.input, &place),
        });
        if let Err(error) = moved {
            log::warn!("{}: cannot be moved to {}: {error}", title.input.display(), place.display());
            return;
        }
        // Its subtitles stay with it.
        for file in beside {
            let to = place.with_file_name(file.file_name().unwrap_or_default());
            let moved =
                if to.exists() { Err(std::io::ErrorKind::AlreadyExists.into()) } else { fs::rename(&file, &to) };
            if let Err(error) = moved {
                log::warn!("{}: cannot be moved to {}: {error}", file.display(), to.display());
            }
        }
    }
}
