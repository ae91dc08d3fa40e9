//! Finding programs, and the SVT-AV1 in them.

use super::profile::{self, Profile};
use crate::encode::kind::EncoderKind;
use crate::error::{Error, Result};
use crate::fingerprint::Sha256Hex;
use schemars::JsonSchema;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A profile that is always there, and the program that it calls on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Program {
    /// The profile's name: the encoder is `pipe:NAME`.
    pub profile: &'static str,
    /// The program's name, or what the profile's environment variable says instead.
    pub program: String,
    /// Its path; `None` where there is no such program.
    pub path: Option<PathBuf>,
    /// The first line of what it says about its version.
    pub version: Option<String>,
    /// The version of the SVT-AV1 that it has, as far as it says so.
    pub svtav1: Option<String>,
}

/// Lists the profiles that are always there, with what this machine has of their programs.
pub fn programs() -> Vec<Program> {
    let about = |name| {
        let profile = Profile::load(name).ok()?;
        let path = locate(&profile);
        let said = path.as_ref().and_then(|path| version(&profile, path));
        Some(Program {
            profile: name,
            program: profile.program(),
            path,
            version: said.as_ref().and_then(|said| said.lines().next()).map(|line| line.trim().to_owned()),
            svtav1: said.as_ref().and_then(|said| svtav1(said)).map(str::to_owned),
        })
    };
    profile::names().filter_map(about).collect()
}

/// Lists the programs of the profile `ffmpeg` that this machine has: the one that the environment names, else that in `PATH` and that
/// of the Python package.
pub(crate) fn ffmpegs() -> Vec<PathBuf> {
    let Ok(profile) = Profile::load("ffmpeg") else { return Vec::new() };
    let in_path = find(&profile.program());
    let package = profile.package.as_deref().filter(|_| !profile.is_named());
    let in_python = package.and_then(|package| find_in_python(package, &profile.program()));
    in_path.into_iter().chain(in_python).collect()
}

/// A program that was found, and the profile by which it is called.
#[derive(Debug)]
pub(in crate::encode) struct LocatedProgram {
    pub(super) profile: Profile,
    /// Sum of the profile's text.
    profile_sha256: Sha256Hex,
    pub(super) path: PathBuf,
}

impl LocatedProgram {
    /// Finds the program of the profile `name`.
    ///
    /// # Errors
    /// As [`Profile::load`]; [`Error::EncoderMissing`] when there is no such program.
    pub(in crate::encode) fn find(name: &str) -> Result<Self> {
        let text = Profile::text(name)?;
        let profile = Profile::parse(name, &text)?;
        let encoder = EncoderKind::Pipe(name.to_owned()).to_string();
        let missing = || Error::EncoderMissing { encoder, why: profile.missing(&profile.program()) };
        let path = locate(&profile).ok_or_else(missing)?;
        Ok(Self { profile_sha256: Sha256Hex::of(text.as_bytes()), profile, path })
    }

    /// Names the program by all that may change what it makes: its version and that of the SVT-AV1 in it, as far as it
    /// says them, its file, and the profile. The other lines that it prints hold times, addresses and the like.
    ///
    /// # Errors
    /// [`Error::Io`] when its file cannot be read.
    pub(in crate::encode) fn version(&self) -> Result<String> {
        let Self { profile, profile_sha256, path } = self;
        let file = Sha256Hex::of(&fs::read(path).map_err(Error::io(path, "cannot read the program"))?);
        let said = version(profile, path).unwrap_or_default();
        let first = said.lines().next().map(|line| line.trim().to_owned());
        let svtav1 = svtav1_build(&said).map(|version| format!("SVT-AV1 {version}"));
        let sums = [format!("program {file}"), format!("profile {profile_sha256}")];
        Ok(first.into_iter().chain(svtav1).chain(sums).collect::<Vec<_>>().join(", "))
    }
}

/// Finds the program of a profile: the one that its environment variable names, else the one in `PATH` or in the Python
/// package of the profile, whichever has the newer SVT-AV1. To ask both takes some tenths of a second.
fn locate(profile: &Profile) -> Option<PathBuf> {
    let in_path = find(&profile.program());
    match profile.package.as_deref().filter(|_| !profile.is_named()) {
        Some(package) => newest(profile, in_path, find_in_python(package, &profile.program())),
        None => in_path,
    }
}

fn newest(profile: &Profile, in_path: Option<PathBuf>, in_python: Option<PathBuf>) -> Option<PathBuf> {
    let (Some(one), Some(other)) = (&in_path, &in_python) else { return in_path.or(in_python) };
    let rank = |path: &Path| version(profile, path).as_deref().and_then(svtav1).map(numbers);
    if rank(other) > rank(one) { in_python } else { in_path }
}

/// Asks a program for its version; gives all that it says, and nothing where its profile does not tell how to ask.
fn version(profile: &Profile, path: &Path) -> Option<String> {
    if profile.version.is_empty() {
        return None;
    }
    let mut command = Command::new(path);
    // Upright itself switches SVT-AV1's messages off.
    let output = command.args(&profile.version).env("SVT_LOG", "3").stdin(Stdio::null()).output().ok()?;
    let said = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    Some(String::from_utf8_lossy(&said).into_owned())
}

/// Reads the version of SVT-AV1 as three numbers, where its library or command says it.
fn svtav1(said: &str) -> Option<&str> {
    let build = svtav1_build(said)?;
    let end = build.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(build.len());
    Some(&build[..end])
}

/// Reads the version of SVT-AV1 with all that tells one build from another.
fn svtav1_build(said: &str) -> Option<&str> {
    let line = said.lines().find_map(|line| line.split_once("SVT-AV1").map(|(_, rest)| rest))?;
    let (_, version) =
        line.split_once(" v").filter(|(_, version)| version.starts_with(|c: char| c.is_ascii_digit()))?;
    version.split_whitespace().next()
}

/// Splits a version into its numbers.
fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map_while(|number| number.parse().ok()).collect()
}

/// Finds a program: itself where it is a path, else the first of that name in `PATH`.
fn find(program: &str) -> Option<PathBuf> {
    if program.contains(std::path::is_separator) {
        return runnable(Path::new(program)).then(|| PathBuf::from(program));
    }
    let name = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(&name)).find(|path| runnable(path))
}

/// Finds the program that a Python package brings, as `NAME-PLATFORM-VERSION` in the folder `package`, where the Python
/// in `PATH` looks for modules.
fn find_in_python(package: &str, name: &str) -> Option<PathBuf> {
    let mut python = Command::new(find("python3").or_else(|| find("python"))?);
    let print = ["-c", "import sys; print(*sys.path, sep='\\n')"];
    let output = python.args(print).stdin(Stdio::null()).output().ok().filter(|output| output.status.success())?;
    // Python also looks in the working folder, where anybody may have put something.
    let folders = String::from_utf8(output.stdout).ok()?;
    let folders = folders.lines().map(Path::new).filter(|folder| folder.is_absolute());
    let programs = folders.filter_map(|folder| folder.join(package).read_dir().ok()).flatten();
    let named = |path: &PathBuf| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name));
    programs.filter_map(|entry| Some(entry.ok()?.path())).find(|path| named(path) && runnable(path))
}

fn runnable(path: &Path) -> bool {
    let Ok(metadata) = path.metadata() else { return false };
    #[cfg(unix)]
    let executable = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let executable = true;
    metadata.is_file() && executable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_where_they_can_be_run() {
        assert!(find("sh").is_some_and(|path| path.is_absolute()));
        assert!(find("/bin/sh").is_some());
        assert!(find("no-such-program").is_none() && find("/etc/passwd").is_none() && find("/").is_none());
    }

    #[test]
    fn the_version_of_svtav1_is_read_from_its_own_words() {
        for (said, version) in [
            ("SVT-AV1 v1.4.1 (release)\n", Some("1.4.1")),
            ("ffmpeg version 9\nSvt[info]: SVT [version]:\tSVT-AV1 Encoder Lib v4.2.0-151-g5ed9ffbcb\n", Some("4.2.0")),
            ("SVT-AV1 v3", Some("3")),
            ("SVT-AV1 Encoder Lib\nversion v3", None),
            ("SVT-AV1 very new", None),
            ("ffmpeg version 9\nUnknown encoder 'libsvtav1'\n", None),
            ("", None),
        ] {
            assert_eq!(svtav1(said), version, "{said}");
        }
        assert!(numbers("10.0") > numbers("4.2.0") && numbers("4.2.1") > numbers("4.2"));
    }
}
