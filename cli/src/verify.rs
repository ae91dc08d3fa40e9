//! `upright verify`.

use crate::args::VerifyArguments;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::Path;
use upright_engine::encryption::KeyFile;
use upright_engine::remote;
use upright_engine::verify::package::{Checked, Place, check};

/// Version of the JSON form.
const VERSION: u32 = 1;

/// Names of manifests end so.
const MANIFESTS: [&str; 2] = ["m3u8", "mpd"];

/// Checks a package, and says what is wrong with it.
///
/// # Errors
/// The engine's.
pub(crate) fn verify(arguments: &VerifyArguments) -> Result<Exit, Failure> {
    let (place, manifest) = place(&arguments.package);
    let interrupt = Interrupt::listen()?;
    let keys = arguments.keys.as_deref().map(KeyFile::read).transpose()?;
    let checked = check(&place, manifest.as_deref(), !arguments.no_decode, keys.as_ref(), interrupt.control());
    let checked = checked.map_err(|error| interrupt.failure(error))?;
    if arguments.json {
        output::print_json(VERSION, &checked)?;
    } else {
        output::print(&sentences(&arguments.package, &checked))?;
    }
    Ok(if checked.findings.is_empty() { Exit::Success } else { Exit::BadInput })
}

/// The folder of a package, and the manifest that is meant, if one is.
fn place(package: &Path) -> (Place, Option<String>) {
    let is_manifest =
        |name: &str| MANIFESTS.iter().any(|ending| Path::new(name).extension() == Some(OsStr::new(ending)));
    match remote::split(package) {
        Some((folder, name)) if is_manifest(&name) => (Place::Folder(folder), Some(name)),
        _ => (Place::Folder(package.to_path_buf()), None),
    }
}

fn sentences(package: &Path, checked: &Checked) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    for finding in &checked.findings {
        let _ = writeln!(text, "{}: {}: {}", finding.file, finding.rule.name(), finding.why);
    }
    for track in &checked.without_keys {
        let _ = writeln!(text, "{track}: is encrypted and was not decoded: its key is not known (--keys)");
    }
    let decoded = checked.decoded.map(|frames| format!(", {frames} frames decoded")).unwrap_or_default();
    let (manifests, tracks) = (checked.manifests.join(" and "), checked.tracks.len());
    let outcome = match checked.findings.len() {
        0 => "nothing is wrong".to_owned(),
        1 => "1 rule is broken".to_owned(),
        count => format!("{count} rules are broken"),
    };
    let _ = writeln!(text, "{}: {manifests}, {tracks} tracks{decoded}: {outcome}", remote::shown(package));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::assert_kept;
    use crate::output::Versioned;
    use std::path::PathBuf;

    #[test]
    fn the_committed_schema_is_that_of_the_type() {
        assert_kept::<Versioned<Checked>>("verify", "What `upright verify --json` prints");
    }

    #[test]
    fn a_manifest_is_told_from_a_folder() {
        let folder = |path: &str| match place(Path::new(path)) {
            (Place::Folder(folder), manifest) => (folder, manifest),
            (other, _) => panic!("{other:?}"),
        };
        assert_eq!(folder("out/film"), (PathBuf::from("out/film"), None));
        assert_eq!(folder("out/film/main.m3u8"), (PathBuf::from("out/film"), Some("main.m3u8".to_owned())));
        assert_eq!(folder("manifest.mpd"), (PathBuf::new(), Some("manifest.mpd".to_owned())));
        let signed = folder("https://cdn.example/film/main.m3u8?token=1");
        assert_eq!(signed, (PathBuf::from("https://cdn.example/film?token=1"), Some("main.m3u8".to_owned())));
        let bucket = folder("https://cdn.example/film?token=/main.m3u8");
        assert_eq!(bucket, (PathBuf::from("https://cdn.example/film?token=/main.m3u8"), None));
    }
}
