//! Plans as files: read, written, and the sources that they name.

use crate::args::{Access, PlanFile};
use crate::options;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use upright_engine::control::Control;
use upright_engine::media::Source;
use upright_engine::plan::Plan;
use upright_engine::remote::{self, KnownObject, ObjectUrl};
use upright_engine::source::{Input, OpenOptions};
use upright_engine::{Error, Result};

/// The largest plan that is read, in bytes: that of a film of a hundred hours.
const LARGEST: u64 = 256 << 20;

/// A plan that was read.
#[derive(Debug)]
pub(crate) struct PlanDocument {
    pub(crate) plan: Plan,
    /// Where its source is now.
    pub(crate) input: Input,
    /// As it was written.
    pub(crate) text: String,
    /// What to call it in errors.
    name: String,
}

impl PlanDocument {
    /// Opens the source, and checks that it is the plan's.
    ///
    /// # Errors
    /// As [`Source::open_within`]; [`Error::OtherSource`]; [`Error::BadPlan`] where it is to have what the source has not.
    pub(crate) fn open(&self, access: &Access, control: &Control) -> Result<Source> {
        self.open_as(&self.plan.open_options(access.protocols.clone()), control)
    }

    /// Does as [`PlanDocument::open`], for pictures alone.
    ///
    /// # Errors
    /// As [`PlanDocument::open`].
    pub(crate) fn open_pictures(
        &self,
        access: &Access,
        known: Option<KnownObject>,
        control: &Control,
    ) -> Result<Source> {
        let open = self.plan.open_options_for_segments(access.protocols.clone()).known(known);
        self.open_as(&open, control)
    }

    fn open_as(&self, open: &OpenOptions, control: &Control) -> Result<Source> {
        let source = Source::open_within(&self.input, open, control).map_err(|error| match error {
            // By the plan's own rules it was there: it is not the arguments that ask for too much.
            Error::NotInSource(why) => {
                let why = format!("cannot be carried out on this source: {why}");
                Error::BadPlan { name: self.name.clone(), line: None, why }
            }
            error => error,
        })?;
        self.plan.check_source_of_document(source.info(), &self.text)?;
        Ok(source)
    }
}

/// Reads a plan, and finds the source that it was made from.
///
/// # Errors
/// [`Error::SourceMissing`] when there is no such plan, [`Error::Io`] when it cannot be read, [`Error::BadPlan`] when it is
/// none.
pub(crate) fn read(file: &PlanFile) -> Result<PlanDocument> {
    let place = options::input(&file.plan);
    let name = place.name();
    let bad = |why: &str| Error::BadPlan { name: name.clone(), line: None, why: why.to_owned() };
    let mut bytes = Vec::new();
    let cannot_read = Error::io(&name, "cannot read the plan");
    let missing = || Error::SourceMissing { path: PathBuf::from(&name) };
    let read = match &place {
        Input::Path(path) if place.url().is_some() => {
            bytes = remote::read(path, LARGEST, &Control::default())?.ok_or_else(missing)?;
            Ok(bytes.len())
        }
        Input::Stdin => io::stdin().lock().take(LARGEST + 1).read_to_end(&mut bytes),
        Input::Path(path) => match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(missing());
            }
            file => file.and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)),
        },
    };
    read.map_err(cannot_read)?;
    if bytes.len() as u64 > LARGEST {
        return Err(bad("is no plan: it is larger than any"));
    }
    let text = String::from_utf8(bytes).map_err(|_| bad("is no plan: it is no text"))?;
    let plan = Plan::from_json(&text, &name)?;
    let input = match (&file.source, planned_input(&plan)) {
        (Some(source), _) => options::input(source),
        (None, Input::Path(path)) => Input::Path(beside(path, &place)),
        (None, Input::Stdin) => Input::Stdin,
    };
    Ok(PlanDocument { plan, input, text, name })
}

/// Reads what lies where a plan will be written, if it is a text.
///
/// # Errors
/// [`Error::Io`] for a URL that cannot be read.
pub(crate) fn text(path: &Path, control: &Control) -> Result<Option<String>> {
    match ObjectUrl::of(path) {
        Some(_) => Ok(remote::read(path, LARGEST, control)?.and_then(|bytes| String::from_utf8(bytes).ok())),
        None => Ok(fs::read_to_string(path).ok()),
    }
}

/// The source as it was named when the plan was made.
pub(crate) fn planned_input(plan: &Plan) -> Input {
    options::input(plan.found.name.as_ref())
}

/// A path as it stands, or from the folder of the plan where it leads to something from there alone, or the plan is at a URL.
fn beside(path: PathBuf, plan: &Input) -> PathBuf {
    let Input::Path(plan) = plan else { return path };
    if let Some(url) =
        ObjectUrl::of(plan).filter(|_| path.is_relative() && ObjectUrl::of(&path).is_none() && !path.exists())
    {
        return remote::below(Path::new(&url.parent().to_string()), &path);
    }
    let beside = plan.parent().map(|folder| folder.join(&path));
    match beside {
        Some(beside) if path.is_relative() && !path.exists() && beside.exists() => beside,
        _ => path,
    }
}

/// Checks that a plan, or what is made of one, may be written to `path`.
///
/// # Errors
/// [`Error::OutputExists`] unless overwriting is allowed; [`Error::Io`] for a folder, and where there is none for the file.
pub(crate) fn check_free(path: &Path, overwrite: bool) -> Result<()> {
    if let Some(url) = ObjectUrl::of(path) {
        let is_there = !overwrite && remote::exists(path, &Control::default())?;
        return if is_there { Err(Error::OutputExists { path: url.to_string().into() }) } else { Ok(()) };
    }
    if path.is_dir() {
        return Err(Error::io(path, "cannot write the file")(io::ErrorKind::IsADirectory.into()));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) {
        return Err(Error::io(path, "cannot write the file")(io::ErrorKind::NotFound.into()));
    }
    let is_there = path.symlink_metadata().is_ok() && !is_device(path);
    if is_there && !overwrite { Err(Error::OutputExists { path: path.to_path_buf() }) } else { Ok(()) }
}

/// Tells whether what lies there is no file but takes what is written, as a pipe does.
pub(crate) fn is_device(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir())
}

/// Writes a plan, to a file or a URL, which appears under its name when it is whole; into a pipe or a device, as it comes.
///
/// # Errors
/// [`Error::OutputExists`] unless overwriting is allowed; [`Error::Io`].
pub(crate) fn write(text: &str, path: &Path, overwrite: bool) -> Result<()> {
    if ObjectUrl::of(path).is_some() {
        return remote::write(path, text.into(), overwrite, &Control::default());
    }
    let cannot_write = || Error::io(path, "cannot write the file");
    check_free(path, overwrite)?;
    if is_device(path) {
        let device = fs::OpenOptions::new().write(true).open(path);
        return device.and_then(|mut device| device.write_all(text.as_bytes())).map_err(cannot_write());
    }
    // Of a link, what it leads to is replaced.
    let resolved = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let mut file = draft(&resolved)?;
    file.write_all(text.as_bytes()).map_err(cannot_write())?;
    publish(file, &resolved, overwrite)
}

/// Makes a file beside `path`, to be [published](publish) there once it is whole.
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn draft(path: &Path) -> Result<tempfile::NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any other file that is replaced, or new; temporary ones are their owner's alone.
        let old = fs::metadata(path).map(|old| old.permissions());
        builder.permissions(old.unwrap_or_else(|_| fs::Permissions::from_mode(0o666)));
    }
    builder.tempfile_in(folder).map_err(Error::io(path, "cannot write the file"))
}

/// Gives a file that is whole its name.
///
/// # Errors
/// [`Error::OutputExists`] unless overwriting is allowed; [`Error::Io`].
pub(crate) fn publish(file: tempfile::NamedTempFile, path: &Path, overwrite: bool) -> Result<()> {
    let persisted = if overwrite { file.persist(path).map(drop) } else { file.persist_noclobber(path).map(drop) };
    persisted.map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => Error::OutputExists { path: path.to_path_buf() },
        _ => Error::io(path, "cannot write the file")(error.error),
    })
}
