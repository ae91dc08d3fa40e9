//! A track of text on the time line of the renditions, and its files of WebVTT, of the W3C.

use super::cue::{Cue, Track};
use super::webvtt::{CueText, WEBVTT_HEADER, webvtt_cue};
use crate::geometry::Rational;
use crate::language::Language;
use crate::source::Role;

/// Ticks of the times of texts.
pub const NANOSECOND: Rational = Rational { num: 1, den: 1_000_000_000 };

/// A track of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subtitles {
    /// Name of its file.
    pub file: String,
    /// `subtitle` or `captions`.
    pub kind: &'static str,
    /// Which of its kind it is: its number among the tracks of subtitles, or the name of the captions' channel or service.
    pub track: String,
    /// Its language, by ISO 639-2 or BCP 47.
    pub language: Option<String>,
    /// What it is for, besides being a translation.
    pub roles: Vec<Role>,
    /// Blocks of styles and regions, each with the empty line that ends it.
    pub head: String,
    /// Its texts, in the order of their beginnings.
    pub cues: Vec<TimedText>,
}

/// A text, and when it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedText {
    /// Nanoseconds of the renditions' time line from which it is shown, at least 0.
    pub from: i64,
    /// Nanoseconds until which it is shown; later than `from`.
    pub until: i64,
    /// What it says, and where.
    pub cue: CueText,
    /// What a file of WebVTT itself calls it and where it has it shown, which is kept as it is.
    pub own: Option<OwnSettings>,
}

/// What a file of WebVTT says of a cue besides times and text; sections 4.1 and 4.4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnSettings {
    /// Its identifier; none where it has none.
    pub name: Option<String>,
    /// What stands behind the times.
    pub settings: String,
}

impl Subtitles {
    /// Gives the file's name for a track of subtitles.
    pub fn file_name(number: usize, language: Option<&str>) -> String {
        let language = language.and_then(Language::whole_code).map(|code| format!("-{code}"));
        format!("subtitles-{number}{}.vtt", language.unwrap_or_default())
    }

    /// Gives a track of closed captions, whose times are in `ticks`. Texts that begin together are in the order of their places.
    pub fn of_captions(track: Track, mut cues: Vec<Cue>, ticks: Rational) -> Self {
        cues.sort_by_key(|cue| (cue.start, cue.end, cue.place.top));
        let nanoseconds = |time: i64| crate::source::timeline::rescale(time, ticks, NANOSECOND);
        let timed = |cue: &Cue| TimedText {
            from: nanoseconds(cue.start),
            until: nanoseconds(cue.end),
            cue: cue.into(),
            own: None,
        };
        let cues = cues.iter().map(timed).collect();
        let track = track.to_string();
        let file = format!("captions-{}.vtt", track.to_lowercase());
        Self { file, kind: "captions", track, language: None, roles: Vec::new(), head: String::new(), cues }
    }

    /// Tells whether it is made for those who hear little: it has more than what is said.
    pub fn is_for_the_deaf(&self) -> bool {
        self.kind == "captions" || self.roles.contains(&Role::HearingImpaired)
    }

    /// Leaves out the texts that begin at `end` or later, and ends the others there; says how many were left out.
    pub fn cut(&mut self, end: i64) -> usize {
        let before = self.cues.len();
        self.cues.retain(|cue| cue.from < end);
        self.cues.iter_mut().for_each(|cue| cue.until = cue.until.min(end));
        before - self.cues.len()
    }

    /// Writes the whole track.
    pub fn webvtt(&self) -> String {
        self.written(WEBVTT_HEADER, |_| true)
    }

    /// Writes a segment for HLS: all texts that are shown between two times, with the whole of their own times. It says that its
    /// time 0 is that of the other tracks (RFC 8216, 3.5).
    pub fn webvtt_segment(&self, from: i64, until: i64) -> String {
        let header = "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n";
        self.written(header, |cue| cue.from < until && cue.until > from)
    }

    fn written(&self, header: &str, wanted: impl Fn(&TimedText) -> bool) -> String {
        let cues = self.cues.iter().filter(|cue| wanted(cue)).map(TimedText::webvtt);
        [header.to_owned(), self.head.clone()].into_iter().chain(cues).collect()
    }
}

impl TimedText {
    /// Writes it, with the empty line that ends it.
    fn webvtt(&self) -> String {
        let Some(OwnSettings { name, settings }) = &self.own else {
            return webvtt_cue(self.from, self.until, NANOSECOND, &self.cue);
        };
        let cue = CueText { text: self.cue.text.clone(), settings: super::webvtt::Settings::default() };
        let written = webvtt_cue(self.from, self.until, NANOSECOND, &cue);
        let (times, text) = written.split_once('\n').unwrap_or((&written, ""));
        let name = name.as_ref().map(|name| format!("{name}\n")).unwrap_or_default();
        let settings = if settings.is_empty() { String::new() } else { format!(" {settings}") };
        format!("{name}{times}{settings}\n{text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captions::cue::{Line, Place, Style, Track};

    const SECOND: i64 = NANOSECOND.den;

    fn text(from: i64, until: i64, text: &str) -> TimedText {
        let cue = CueText { text: text.to_owned(), settings: super::super::webvtt::Settings::default() };
        TimedText { from: from * SECOND, until: until * SECOND, cue, own: None }
    }

    fn track(cues: Vec<TimedText>) -> Subtitles {
        let (kind, head) = ("subtitle", "STYLE\n::cue { color: red }\n\n".to_owned());
        Subtitles { file: String::new(), kind, track: String::new(), language: None, roles: Vec::new(), head, cues }
    }

    #[test]
    fn captions_come_in_the_order_of_their_starts() {
        let cue = |start, end, text: &str, top| Cue {
            track: Track::Cc1,
            start,
            end,
            lines: vec![Line::of(text.chars().map(|letter| (letter, Style::default())))],
            place: Place { top, bottom: top + 53, left: 400, right: 600 },
        };
        let cues = vec![cue(5, 6, "third", 800), cue(2, 9, "second", 800), cue(2, 9, "first", 100)];
        let ticks = Rational { num: 1, den: 1 };
        assert_eq!(
            Subtitles::of_captions(Track::Cc1, cues, ticks).webvtt(),
            "WEBVTT\n\n00:00:02.000 --> 00:00:09.000 line:10%\nfirst\n\n\
             00:00:02.000 --> 00:00:09.000\nsecond\n\n00:00:05.000 --> 00:00:06.000\nthird\n\n"
        );
    }

    #[test]
    fn segments_have_what_is_shown_in_them() {
        let track = track(vec![text(0, 6, "one"), text(5, 7, "two"), text(6, 12, "three")]);
        let shown = |from: i64, until: i64| {
            let written = track.webvtt_segment(from * SECOND, until * SECOND);
            let (head, cues) = written.split_once("STYLE\n::cue { color: red }\n\n").unwrap();
            assert_eq!(head, "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n");
            let texts = ["one", "two", "three"].into_iter().filter(|text| cues.contains(&format!("\n{text}\n\n")));
            texts.collect::<Vec<_>>()
        };
        assert_eq!(shown(0, 6), ["one", "two"]);
        assert_eq!(shown(6, 12), ["two", "three"]);
        assert_eq!(shown(12, 18), [""; 0]);
    }

    #[test]
    fn what_a_file_of_webvtt_says_itself_is_kept() {
        let own = OwnSettings { name: Some("intro".to_owned()), settings: "line:0 align:start".to_owned() };
        let mut track = track(vec![TimedText { own: Some(own), ..text(1, 9, "<v Ann>Hi") }, text(8, 9, "late")]);
        assert_eq!(track.cut(5 * SECOND), 1);
        let expected = "WEBVTT\n\nSTYLE\n::cue { color: red }\n\nintro\n00:00:01.000 --> 00:00:05.000 line:0 align:start\n<v Ann>Hi\n\n";
        assert_eq!(track.webvtt(), expected);
    }

    #[test]
    fn files_are_named_by_number_and_language() {
        for (language, name) in [
            (None, "subtitles-2.vtt"),
            (Some("eng"), "subtitles-2-eng.vtt"),
            (Some("zh-Hans"), "subtitles-2-zho-Hans.vtt"),
            (Some("english"), "subtitles-2.vtt"),
        ] {
            assert_eq!(Subtitles::file_name(2, language), name);
        }
    }
}
