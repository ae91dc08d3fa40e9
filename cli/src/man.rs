//! `upright man`: manual pages, made of the same declarations as the help.

use crate::args::{Arguments, EXAMPLES, ManArguments};
use crate::exit::{Exit, Failure};
use crate::output;
use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::fs;
use std::io;
use std::path::Path;
use upright_engine::{Error, Result};

/// Prints the manual page, or writes it and those of all commands into a folder, which is made where it is missing. Pages that
/// are there are replaced.
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn man(arguments: &ManArguments) -> Result<Exit, Failure> {
    let mut command = Arguments::command().disable_help_subcommand(true);
    // Names commands in full: upright-convert.
    command.build();
    match &arguments.output {
        Some(folder) => write(&command, folder)?,
        None => output::print(&String::from_utf8_lossy(&page(&command).map_err(output::stdout_failed)?))?,
    }
    Ok(Exit::Success)
}

fn write(command: &Command, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(Error::io(folder, "cannot make the folder"))?;
    for command in [command].into_iter().chain(command.get_subcommands()) {
        let path = folder.join(Man::new(command.clone()).get_filename());
        page(command).and_then(|page| fs::write(&path, page)).map_err(Error::io(&path, "cannot write the page"))?;
    }
    Ok(())
}

/// Makes the page of a command, with the exit codes, and in the program's own with examples.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone());
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_uppercase();
    // Without a date. clap_mangen leaves it out, and what comes after it is taken for one.
    let mut page = format!(".TH {name} 1 \"\" \"Upright {}\" Upright\n", env!("CARGO_PKG_VERSION")).into_bytes();
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let mut rest = Roff::new();
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
        rest.control("SH", ["EXAMPLES"]);
        rest.control("nf", []);
        for line in EXAMPLES.lines().skip(1) {
            rest.text([roman(line)]);
        }
        rest.control("fi", []);
    }
    rest.control("SH", ["EXIT STATUS"]);
    for exit in Exit::ALL {
        rest.control("TP", []);
        rest.text([bold(exit.code().to_string())]);
        rest.text([roman(exit.meaning())]);
    }
    rest.to_writer(&mut page)?;
    Ok(page)
}
