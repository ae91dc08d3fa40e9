//! What names of files of subtitles tell, as players and media servers have them: `film.en.srt`, `film.zh-Hans.forced.vtt`,
//! `film.eng.sdh.ass`.

use crate::language::Language;
use crate::source::Role;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Extensions of such files, in lower case.
const EXTENSIONS: [&str; 4] = ["srt", "vtt", "ass", "ssa"];

/// What a name tells of subtitles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameTells {
    /// Their language, as a tag of BCP 47; none where it does not say.
    pub language: Option<String>,
    /// What they are for, besides being a translation.
    pub roles: Vec<Role>,
}

impl NameTells {
    /// Reads the name of a file, whose first part may be the name of `film` without its extension.
    pub fn of(path: &Path, film: Option<&Path>) -> Self {
        let stem = stem(path);
        let own = film.and_then(|film| after(&stem, film)).map(Self::of_parts);
        own.flatten().unwrap_or_else(|| {
            // The longest end that tells something; at least one part is the name itself.
            let parts: Vec<_> = stem.split('.').collect();
            let ends = (1..parts.len()).map(|begin| Self::of_parts(&parts[begin..].join(".")));
            ends.flatten().next().unwrap_or_default()
        })
    }

    /// Reads what follows the name of a film, without the extension; none where some of it tells nothing.
    fn of_parts(text: &str) -> Option<Self> {
        let mut tells = Self::default();
        for part in text.split('.').filter(|part| !part.is_empty()) {
            tells.add(part).then_some(())?;
        }
        Some(tells)
    }

    /// Reads a part: a language, `forced`, `sdh` or `cc` for those who hear little, or `default`, which is nobody's here; says whether
    /// it is one of them.
    pub fn add(&mut self, part: &str) -> bool {
        let role = match part.to_ascii_lowercase().as_str() {
            "forced" | "foreign" => Some(Role::Forced),
            "sdh" | "cc" => Some(Role::HearingImpaired),
            "default" => return true,
            _ => None,
        };
        match role {
            Some(role) if !self.roles.contains(&role) => self.roles.push(role),
            Some(_) => {}
            None if self.language.is_none() && Language::is_tag(part) => self.language = Language::whole_tag(part),
            None => return false,
        }
        true
    }
}

/// Tells whether a file has the name of one of subtitles.
pub fn is_subtitle_name(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}

/// Finds the files of subtitles beside a film that are called like it, in the order of their names: behind its name without the
/// extension there are a language and what [`NameTells`] knows, or nothing.
pub fn sidecars_of(film: &Path) -> Vec<PathBuf> {
    sidecars_among(film, &subtitle_files_in(film.parent().unwrap_or(Path::new(""))))
}

/// Lists the files of subtitles in a folder, in the order of their names; none where it cannot be read.
pub fn subtitle_files_in(folder: &Path) -> Vec<PathBuf> {
    let named = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let there = fs::read_dir(named).into_iter().flatten().flatten().map(|entry| folder.join(entry.file_name()));
    let mut files: Vec<_> = there.filter(|path| is_subtitle_name(path) && path.is_file()).collect();
    files.sort();
    files
}

/// Finds those of the files of a film's folder that are called like it, as [`sidecars_of`].
pub fn sidecars_among(film: &Path, files: &[PathBuf]) -> Vec<PathBuf> {
    let is_own = |path: &&PathBuf| after(&stem(path), film).is_some_and(|rest| NameTells::of_parts(rest).is_some());
    files.iter().filter(is_own).cloned().collect()
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Gives what of a name without extension follows that of a film: nothing, or parts with a dot before each.
fn after<'a>(stem: &'a str, film: &Path) -> Option<&'a str> {
    stem.strip_prefix(self::stem(film).as_str()).filter(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tells(name: &str, film: Option<&str>) -> (String, Vec<Role>) {
        let tells = NameTells::of(Path::new(name), film.map(Path::new));
        (tells.language.unwrap_or_default(), tells.roles)
    }

    #[test]
    fn names_tell_language_and_purpose() {
        use Role::{Forced, HearingImpaired};
        for film in [None, Some("in/film.mkv")] {
            for (name, language, roles) in [
                ("film.srt", "", vec![]),
                ("film.en.srt", "en", vec![]),
                ("in/film.zh-Hans.forced.vtt", "zh-Hans", vec![Forced]),
                ("film.eng.sdh.ass", "en", vec![HearingImpaired]),
                ("film.CC.PT-BR.SRT", "pt-BR", vec![HearingImpaired]),
                ("film.default.ger.srt", "de", vec![]),
                ("film.director's cut.srt", "", vec![]),
            ] {
                assert_eq!(tells(name, film), (language.to_owned(), roles), "{name} of {film:?}");
            }
        }
        // What is the film's own name tells nothing.
        assert_eq!(tells("Lost.in.fr.srt", Some("Lost.in.mkv")), ("fr".to_owned(), vec![]));
        assert_eq!(tells("Roma.en.srt", Some("Roma.en.mkv")), (String::new(), vec![]));
        assert_eq!(tells("en.srt", None), (String::new(), vec![]));
    }

    #[test]
    fn sidecars_are_called_like_their_film() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "film.mkv",
            "film.en.srt",
            "film.vtt",
            "film.de.sdh.ass",
            "film.2.en.srt",
            "film2.en.srt",
            "film.en.txt",
            "other.en.srt",
        ] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let found = sidecars_of(&folder.path().join("film.mkv"));
        let names: Vec<_> = found.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["film.de.sdh.ass", "film.en.srt", "film.vtt"]);
        assert!(sidecars_of(Path::new("no folder/film.mkv")).is_empty());
    }
}
