//! Reads and writes files of what was seen in films.

use crate::plan_file;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use upright_engine::analyse::{AnalyseOptions, Analysis};
use upright_engine::control::Control;
use upright_engine::media::Source;
use upright_engine::picture::DeviceChoice;
use upright_engine::pipeline::{self, Progress};
use upright_engine::plan::PlanOptions;
use upright_engine::remote::{self, ObjectUrl};
use upright_engine::{Error, Result};

/// The largest that is read, in bytes: that of a film of a hundred hours.
const LARGEST: u64 = 1 << 30;

/// Names the analysis that lies beside a plan: `film.analysis.json` beside `film.plan.json`.
pub(crate) fn beside(plan: &Path) -> PathBuf {
    let name = plan.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = [".plan.json", ".json"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    plan.with_file_name(format!("{stem}.analysis.json"))
}

/// Has a source looked at for a plan with these options, where its window is to follow what is seen; what was seen earlier, and lies
/// in `file`, counts where it fits.
///
/// # Errors
/// As [`pipeline::analyse`]; [`Error::Io`] when the file cannot be read or written; [`Error::OutputExists`] when it is something
/// else.
pub(crate) fn look(
    source: &Source,
    options: PlanOptions,
    device: &DeviceChoice,
    file: Option<&Path>,
    control: &Control,
    on_progress: &dyn Fn(&Progress),
) -> Result<PlanOptions> {
    if !pipeline::is_looked_at(source.info(), &options) {
        return Ok(options);
    }
    let kept = file.map(|file| read(file, source, &options, control)).transpose()?.flatten();
    if let Some(analysis) = kept {
        return Ok(options.analysis(Some(analysis)));
    }
    let mut looking = AnalyseOptions::default();
    looking.device = device.clone();
    let seen = pipeline::analyse(source, &options, &looking, control, on_progress)?;
    if let (Some(file), Some(seen)) = (file, &seen) {
        plan_file::write(&seen.to_json()?, file, true)?;
    }
    Ok(options.analysis(seen))
}

/// Reads what was seen in a source; none where there is no such file, or one of something else.
fn read(file: &Path, source: &Source, options: &PlanOptions, control: &Control) -> Result<Option<Analysis>> {
    if source.is_at(file) {
        return Err(Error::OutputIsInput { path: file.to_path_buf() });
    }
    let name = remote::shown(file);
    if ObjectUrl::of(file).is_some() {
        let bytes = remote::read(file, LARGEST, control)?;
        return bytes
            .map_or(Ok(None), |bytes| of_text(&String::from_utf8_lossy(&bytes), (&name, file), source, options));
    }
    match fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Ok(there) if there.is_file() && there.len() <= LARGEST => {}
        Ok(_) => return Err(Error::OutputExists { path: file.to_path_buf() }),
        Err(error) => return Err(Error::io(file, "cannot read the analysis")(error)),
    }
    let text = fs::read_to_string(file).map_err(Error::io(file, "cannot read the analysis"))?;
    of_text(&text, (&name, file), source, options)
}

fn of_text(
    text: &str,
    (name, file): (&str, &Path),
    source: &Source,
    options: &PlanOptions,
) -> Result<Option<Analysis>> {
    match Analysis::from_json(text, name) {
        Ok(analysis) if pipeline::is_enough(&analysis, source.info(), options) => Ok(Some(analysis)),
        Ok(_) => {
            log::warn!(
                "{name}: is of another film, or of another part or other sound of it: the film is looked at anew"
            );
            Ok(None)
        }
        // A file that is no analysis is not replaced by one; an old one is.
        Err(error) if text.contains("\"shots\"") && text.contains("\"detectors\"") => {
            log::warn!("{error}: the film is looked at anew");
            Ok(None)
        }
        Err(_) => Err(Error::OutputExists { path: file.to_path_buf() }),
    }
}
