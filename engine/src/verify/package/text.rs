//! Files of WebVTT: what players take of them.

use std::collections::BTreeSet;

/// Seconds that are rounding: WebVTT has three digits.
const ROUNDING: f64 = 0.0015;

/// A cue as it stands in a file: times, settings and text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WrittenCue(String);

/// A file.
#[derive(Debug, Default)]
pub(super) struct WebVtt {
    /// What stands before the first empty line.
    pub(super) head: String,
    pub(super) cues: BTreeSet<WrittenCue>,
    /// What cannot be read.
    pub(super) faults: Vec<String>,
}

impl WebVtt {
    pub(super) fn read(text: &str) -> Self {
        let text = text.replace("\r\n", "\n");
        let mut blocks = text.split("\n\n").map(|block| block.trim_matches('\n'));
        let mut file = Self { head: blocks.next().unwrap_or_default().to_owned(), ..Self::default() };
        let is_other = |block: &str| ["NOTE", "STYLE", "REGION"].iter().any(|kind| block.starts_with(kind));
        for block in blocks.filter(|block| !block.is_empty() && !is_other(block)) {
            let cue = block.lines().position(|line| line.contains("-->")).map(|times| {
                let lines: Vec<_> = block.lines().skip(times).collect();
                WrittenCue(lines.join("\n"))
            });
            match cue.filter(|cue| cue.times().is_some_and(|(from, until)| from < until)) {
                Some(cue) => {
                    file.cues.insert(cue);
                }
                None => file.faults.push(format!("{block:?} is no cue")),
            }
        }
        file
    }

    /// Tells whether it says how its times are those of other tracks (RFC 8216, 3.5).
    pub(super) fn is_mapped(&self) -> bool {
        self.is_signed() && self.head.lines().any(|line| line.starts_with("X-TIMESTAMP-MAP="))
    }

    pub(super) fn is_signed(&self) -> bool {
        self.head.strip_prefix("WEBVTT").is_some_and(|rest| rest.is_empty() || rest.starts_with(['\n', ' ', '\t']))
    }
}

impl WrittenCue {
    /// Seconds from and until which it is shown.
    fn times(&self) -> Option<(f64, f64)> {
        let (from, rest) = self.0.lines().next()?.split_once("-->")?;
        Some((seconds(from.trim())?, seconds(rest.split_whitespace().next()?)?))
    }

    /// Tells whether it is shown between two times, in seconds; where it is so for no more than what is rounding, nobody can say.
    pub(super) fn is_shown(&self, from: f64, until: f64) -> Option<bool> {
        let (begin, end) = self.times()?;
        let shown = end.min(until) - begin.max(from);
        (shown.abs() > ROUNDING).then_some(shown > 0.0)
    }
}

fn seconds(time: &str) -> Option<f64> {
    time.split(':').try_fold(0.0, |whole, part| Some(whole * 60.0 + part.parse::<f64>().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cues_are_found_and_what_is_none() {
        let text = "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\nNOTE a --> b\n\nid\n00:01.000 --> 00:02.000 line:0\na\nb\n\nno cue\n";
        let file = WebVtt::read(text);
        assert!(file.is_mapped() && file.faults == ["\"no cue\" is no cue"], "{file:?}");
        let cue = file.cues.first().unwrap();
        assert_eq!(cue, &WrittenCue("00:01.000 --> 00:02.000 line:0\na\nb".to_owned()));
        let shown = [(0.0, 1.0), (0.0, 1.5), (2.0, 9.0), (3.0, 9.0)].map(|(from, until)| cue.is_shown(from, until));
        assert_eq!(shown, [None, Some(true), None, Some(false)]);
        assert!(!WebVtt::read("WEBVTTX\n\n").is_signed());
    }
}
