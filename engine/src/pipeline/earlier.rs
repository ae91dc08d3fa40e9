//! The report of an earlier conversion, where another is about to replace what that made.

use super::report::REPORT;
use crate::artwork::is_picture_name;
use crate::control::Control;
use crate::media::is_subtitles_name;
use crate::package::{is_package_name, segment_file, segmented_track};
use crate::remote::{self, ObjectUrl};
use crate::source::SourceInfo;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// The largest one that is read, in bytes: it has the plan in it.
const LARGEST: u64 = 256 << 20;

/// More segments than a track of any film has: a second each, for a month.
const MOST_SEGMENTS: usize = 31 * 24 * 60 * 60;

/// A report of any version.
#[derive(Debug)]
pub(super) struct EarlierReport(Value);

impl EarlierReport {
    /// Reads the one in `directory`; none where there is none that can be read.
    pub(super) fn read(directory: &Path, control: &Control) -> Option<Self> {
        let path = remote::below(directory, REPORT.as_ref());
        let report = match ObjectUrl::of(&path) {
            Some(_) => remote::read(&path, LARGEST, control).ok().flatten(),
            None => fs::read(&path).ok(),
        };
        serde_json::from_slice(&report?).ok().map(Self)
    }

    /// Says so when what will be replaced in `directory` was made from another source.
    pub(super) fn warn_of_another_source(&self, directory: &Path, info: &SourceInfo) {
        let source = &self.0["source"];
        let Some(name) = source["name"].as_str() else { return };
        let fingerprint = info.fingerprint.as_ref().map(|fingerprint| fingerprint.sha256.to_string());
        let same_bytes = fingerprint.is_some() && source["fingerprint"]["sha256"].as_str() == fingerprint.as_deref();
        if name != info.name && !same_bytes {
            let directory =
                ObjectUrl::of(directory).map_or_else(|| directory.display().to_string(), |url| url.to_string());
            log::warn!("{directory}: replaces what was made from another source, {name}");
        }
    }

    /// Names the files of subtitles and captions that it made, its pictures, and those of its package. Anybody may have written it, so that names
    /// which no conversion gives are left out.
    pub(super) fn made_beside(&self) -> Vec<String> {
        let pictures = &self.0["pictures"];
        let lists = [&self.0["subtitles"], &self.0["package"]["files"], &pictures["storyboard"]["files"]];
        let single = ["poster", "storyboard", "preview"].map(|name| &pictures[name]);
        let mut names = Vec::new();
        for file in lists.into_iter().filter_map(Value::as_array).flatten().chain(single) {
            let Some(name) = file["file"].as_str() else { continue };
            if is_subtitles_name(name) || is_package_name(name) || is_picture_name(name) {
                names.push(name.to_owned());
            } else if let Some(track) = segmented_track(name) {
                let segments = file["segments"].as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
                names.push(name.to_owned());
                names.extend((1..=segments.min(MOST_SEGMENTS)).map(|number| segment_file(track, number)));
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_ours_are_believed() {
        let directory = tempfile::tempdir().unwrap();
        let read = || EarlierReport::read(directory.path(), &Control::default());
        assert!(read().is_none());
        let write = |text: &str| fs::write(directory.path().join(REPORT), text).unwrap();
        write("half of a rep");
        assert!(read().is_none());
        for other in ["{}", "[]", "{\"subtitles\": [{}, 1]}"] {
            write(other);
            assert_eq!(read().unwrap().made_beside(), [""; 0], "{other}");
        }
        let files = [
            "subtitles-1.vtt",
            "subtitles-12-deu.vtt",
            "captions-cc1.vtt",
            "captions-service2.vtt",
            "notes.vtt",
            "subtitles-.vtt",
            "subtitles-1.srt",
            "subtitles-/../1.vtt",
            "../subtitles-1.vtt",
            "report.json",
        ];
        let subtitles: Vec<_> = files.iter().map(|file| serde_json::json!({"file": file})).collect();
        write(&serde_json::json!({ "subtitles": subtitles }).to_string());
        assert_eq!(read().unwrap().made_beside(), files[..4]);
        let files = [
            "video-90x160.mp4",
            "audio-1-eng.m3u8",
            "main.m3u8",
            "manifest.mpd",
            "../main.m3u8",
            "video-.mov",
            "film.mp4",
        ];
        let package: Vec<_> = files.iter().map(|file| serde_json::json!({"file": file})).collect();
        write(&serde_json::json!({ "package": { "files": package } }).to_string());
        assert_eq!(read().unwrap().made_beside(), files[..4]);
        let segmented = serde_json::json!([
            { "file": "video-90x160/init.mp4", "segments": 2 },
            { "file": "../init.mp4", "segments": 2 },
            { "file": "film/init.mp4", "segments": 2 },
            { "file": "video-1/x/init.mp4", "segments": 2 },
        ]);
        write(&serde_json::json!({ "package": { "files": segmented } }).to_string());
        let names = ["init.mp4", "seg-00001.m4s", "seg-00002.m4s"].map(|name| format!("video-90x160/{name}"));
        assert_eq!(read().unwrap().made_beside(), names);
        let file = |name: &str| serde_json::json!({ "file": name });
        let sheets = ["storyboard-1.jpg", "storyboard-.jpg", "../storyboard-2.jpg"].map(file);
        let board = serde_json::json!({ "file": "storyboard.vtt", "files": sheets });
        let pictures =
            serde_json::json!({ "poster": file("poster.jpg"), "storyboard": board, "preview": file("a.webp") });
        write(&serde_json::json!({ "pictures": pictures }).to_string());
        assert_eq!(read().unwrap().made_beside(), ["storyboard-1.jpg", "poster.jpg", "storyboard.vtt"]);
    }
}
