//! A file of subtitles: which one it is, and its texts.

use super::cue::{Fault, FileCue};
use super::{ass, plain_text, srt, vtt};
use crate::captions::{AssHeader, CueText, NANOSECOND, OwnSettings, Settings, Subtitles, TimedText, ass_event};
use crate::control::Control;
use crate::error::{Error, Result};
use crate::fingerprint::Sha256Hex;
use crate::media::TextDecoder;
use crate::remote::{self, ObjectUrl};
use crate::source::timeline::rescale;
use crate::source::{Role, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The largest file that is read, in bytes: text of a hundred films.
const LARGEST: u64 = 16 << 20;
const MILLISECOND: i64 = NANOSECOND.den / 1000;

/// A file of subtitles that lies beside the film: SubRip, WebVTT or Advanced SubStation Alpha.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubtitleFile {
    /// The file, or the URL of an object.
    pub path: PathBuf,
    /// The SHA-256 of its bytes.
    pub sha256: Sha256Hex,
    /// Its language, as a tag of BCP 47 such as `en` or `zh-Hans`.
    pub language: Option<String>,
    /// What it is for, besides being a translation: `forced`, `hearing_impaired`.
    #[serde(default)]
    pub roles: Vec<Role>,
}

impl SubtitleFile {
    /// Reads a file, and remembers what it is.
    ///
    /// # Errors
    /// As [`SubtitleFile::read`].
    pub fn new(path: PathBuf, language: Option<String>, roles: Vec<Role>) -> Result<Self> {
        let bytes = bytes(&path, &Control::default())?;
        texts(&path, &bytes)?;
        Ok(Self { sha256: Sha256Hex::of(&bytes), path, language, roles })
    }

    /// Tells whether it is there and as it was.
    pub(crate) fn is_as_it_was(&self) -> bool {
        bytes(&self.path, &Control::default()).is_ok_and(|bytes| Sha256Hex::of(&bytes) == self.sha256)
    }

    /// Gives its texts as track `number` of what is made of this part of the film, on whose time line they are moved, and cut. Texts
    /// without letters are left out, and those that are never shown.
    ///
    /// # Errors
    /// [`Error::SourceMissing`] and [`Error::Io`] when it cannot be read; [`Error::BadSubtitles`] when it is not what it was, or no
    /// file of subtitles, with the line.
    pub fn read(&self, number: usize, span: Span, control: &Control) -> Result<Subtitles> {
        let bytes = bytes(&self.path, control)?;
        if Sha256Hex::of(&bytes) != self.sha256 {
            let why = "is not the file that the plan was made with; make the plan anew".to_owned();
            return Err(Error::BadSubtitles { path: self.path.clone(), line: None, why });
        }
        let nanoseconds = |seconds| rescale(1, seconds, NANOSECOND);
        let (start, end) = (span.start.map_or(0, nanoseconds), span.duration.map_or(i64::MAX, nanoseconds));
        let (head, mut cues) = texts(&self.path, &bytes)?;
        for TimedText { from, until, cue, own } in &mut cues {
            *from = (*from).saturating_sub(start).max(0);
            *until = (*until).saturating_sub(start);
            if own.is_some() && start != 0 {
                cue.text = vtt::moved(&cue.text, -(start / MILLISECOND));
            }
        }
        cues.retain(|cue| cue.until > cue.from);
        let (kind, language, roles) = ("subtitle", self.language.clone(), self.roles.clone());
        let file = Subtitles::file_name(number, language.as_deref());
        let mut track = Subtitles { file, kind, track: number.to_string(), language, roles, head, cues };
        track.cut(end);
        Ok(track)
    }
}

fn bytes(path: &Path, control: &Control) -> Result<Vec<u8>> {
    let missing = || Error::SourceMissing { path: path.to_path_buf() };
    if ObjectUrl::of(path).is_some() {
        return remote::read(path, LARGEST, control)?.ok_or_else(missing);
    }
    let io = Error::io(path, "cannot read the subtitles");
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(missing()),
        Err(error) => Err(io(error)),
        Ok(there) if there.len() > LARGEST => {
            let why = format!("has {} bytes, which are too many for subtitles: {LARGEST} at most", there.len());
            Err(Error::BadSubtitles { path: path.to_path_buf(), line: None, why })
        }
        Ok(_) => fs::read(path).map_err(io),
    }
}

/// Reads a file: its blocks of styles and regions, and its texts on the film's time line, in the order of their beginnings.
fn texts(path: &Path, bytes: &[u8]) -> Result<(String, Vec<TimedText>)> {
    let bad = |Fault { line, why }: Fault| Error::BadSubtitles {
        path: path.to_path_buf(),
        line: line.and_then(|line| line.try_into().ok()),
        why,
    };
    let text = plain_text::read(bytes).map_err(bad)?;
    let begin = text.trim_start();
    let is_named = |extension: &str| path.extension().is_some_and(|own| own.eq_ignore_ascii_case(extension));
    let (mut head, mut texts) = (String::new(), Vec::new());
    // What a file is it says itself, where it can; its name may be wrong.
    if text.starts_with(vtt::SIGNATURE) || is_named("vtt") {
        let read = vtt::read(&text).map_err(bad)?;
        head = read.head;
        texts.extend(read.cues.into_iter().map(of_vtt));
    } else if begin.starts_with(ass::SIGNATURE) {
        let read = ass::read(&text).map_err(bad)?;
        let header = AssHeader::read(&read.header);
        texts.extend(read.cues.iter().filter_map(|cue| Some(timed(cue, ass_event(&cue.text, &header)?))));
    } else if is_named("srt") {
        let (cues, mut decoder) = (srt::read(&text).map_err(bad)?, TextDecoder::of_subrip()?);
        for cue in cues {
            let read = decoder.read(&cue.text)?;
            texts.extend(read.map(|text| timed(&cue, text)));
        }
    } else {
        let why = "is no SubRip (.srt), WebVTT (.vtt) or Advanced SubStation Alpha (.ass): convert it".to_owned();
        return Err(bad(Fault { line: None, why }));
    }
    texts.retain(|text| text.until > text.from && !text.cue.text.trim().is_empty());
    if texts.is_empty() {
        return Err(bad(Fault { line: None, why: "has no text in it".to_owned() }));
    }
    texts.sort_by_key(|text| text.from);
    Ok((head, texts))
}

fn timed(cue: &FileCue, text: CueText) -> TimedText {
    let [from, until] = [cue.from, cue.until].map(|time| time * MILLISECOND);
    TimedText { from, until, cue: text, own: None }
}

/// A cue of WebVTT, which stays as it is; what is understood of its settings are those that others have.
fn of_vtt(cue: FileCue) -> TimedText {
    let settings = Settings::read(&cue.settings);
    let timed = timed(&cue, CueText { text: cue.text.clone(), settings });
    TimedText { own: Some(OwnSettings { name: cue.name, settings: cue.settings }), ..timed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Rational;

    const SRT: &str = "1\n00:00:01,000 --> 00:00:02,000\n{\\an8}<i>One</i>\n\n2\n00:00:03,000 --> 00:00:03,000\nnever\n\n\
                       3\n00:00:01,500 --> 00:00:05,000\ntwo\n";

    fn written(name: &str, text: &str, span: Span) -> Result<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        let file = SubtitleFile::new(path, Some("en".to_owned()), Vec::new())?;
        Ok(file.read(3, span, &Control::default())?.webvtt())
    }

    #[test]
    fn all_forms_become_webvtt() {
        let ass = "[Script Info]\n[V4+ Styles]\nFormat: Name, Alignment, Italic\nStyle: Top,8,-1\n[Events]\n\
                   Dialogue: 0,0:00:01.00,0:00:02.00,Top,,0,0,0,,One\nDialogue: 0,0:00:01.50,0:00:05.00,,,0,0,0,,two\n";
        let expected =
            "WEBVTT\n\n00:00:01.000 --> 00:00:02.000 line:10%\n<i>One</i>\n\n00:00:01.500 --> 00:00:05.000\ntwo\n\n";
        assert_eq!(written("a.srt", SRT, Span::default()).unwrap(), expected);
        assert_eq!(written("a.ass", ass, Span::default()).unwrap(), expected);
        assert_eq!(written("a.vtt", expected, Span::default()).unwrap(), expected);
        let own = "WEBVTT\n\nSTYLE\n::cue { color: red }\n\na\n00:00:01.000 --> 00:00:02.000 line:3 align:end\n<v Ann>One\n\n";
        assert_eq!(written("a.vtt", own, Span::default()).unwrap(), own);
    }

    #[test]
    fn a_part_of_the_film_has_its_part_of_the_texts() {
        let seconds = |num, den| Some(Rational::new(num, den));
        let span = Span { start: seconds(7, 4), duration: seconds(2, 1) };
        let expected =
            "WEBVTT\n\n00:00:00.000 --> 00:00:00.250 line:10%\n<i>One</i>\n\n00:00:00.000 --> 00:00:02.000\ntwo\n\n";
        assert_eq!(written("a.srt", SRT, span).unwrap(), expected);
        let span = Span { start: seconds(2, 1), duration: None };
        assert_eq!(written("a.srt", SRT, span).unwrap(), "WEBVTT\n\n00:00:00.000 --> 00:00:03.000\ntwo\n\n");
    }

    #[test]
    fn what_is_no_file_of_subtitles_is_refused() {
        for (name, text, words) in [
            ("a.srt", "", "no text in it"),
            ("a.sub", "{0}{25}MicroDVD", "convert it"),
            ("a.srt", "1\n00:00:01,000 --> 00:00:0", "a.srt, line 2: the times"),
            ("a.vtt", "00:01.000 --> 00:02.000\na", "a.vtt, line 1: is no WebVTT"),
        ] {
            let error = written(name, text, Span::default()).unwrap_err();
            assert!(matches!(error, Error::BadSubtitles { .. }) && error.to_string().contains(words), "{error}");
        }
        let missing = SubtitleFile::new("no such.srt".into(), None, Vec::new());
        assert!(matches!(missing, Err(Error::SourceMissing { .. })));
    }

    #[test]
    fn a_file_that_has_changed_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.srt");
        fs::write(&path, SRT).unwrap();
        let file = SubtitleFile::new(path.clone(), None, Vec::new()).unwrap();
        fs::write(&path, SRT.replace("two", "three")).unwrap();
        let error = file.read(1, Span::default(), &Control::default()).unwrap_err();
        assert!(error.to_string().contains("make the plan anew"), "{error}");
    }
}
