//! WebVTT, of the W3C; sections are those of its candidate recommendation of 4 April 2019.

use super::cue::{Fault, FileCue, fault};
use super::times::milliseconds;

/// What a file begins with.
pub(super) const SIGNATURE: &str = "WEBVTT";
/// How times are written.
const FORM: &str = "00:01:02.500 --> 00:01:04.000";

/// A file: its blocks of styles and regions, each with an empty line behind it, and its cues.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Vtt {
    pub(super) head: String,
    pub(super) cues: Vec<FileCue>,
}

/// Reads a file; section 4.1. Comments are left out, and so is what stands behind the signature.
///
/// # Errors
/// The line that cannot be read.
pub(super) fn read(text: &str) -> Result<Vtt, Fault> {
    let lines: Vec<&str> = text.lines().collect();
    let is_signed =
        |line: &&str| line.strip_prefix(SIGNATURE).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
    if !lines.first().is_some_and(is_signed) {
        return Err(fault(1, "is no WebVTT: it does not begin with WEBVTT"));
    }
    let (mut head, mut cues) = (String::new(), Vec::new());
    let mut at = lines.iter().position(|line| line.is_empty()).unwrap_or(lines.len());
    while at < lines.len() {
        if lines[at].is_empty() {
            at += 1;
            continue;
        }
        let end = lines[at..].iter().position(|line| line.is_empty()).map_or(lines.len(), |length| at + length);
        let block = &lines[at..end];
        let is_kind = |kind: &str| {
            let rest = block[0].strip_prefix(kind);
            rest.is_some_and(|rest| rest.trim().is_empty() || kind == "NOTE" && rest.starts_with([' ', '\t']))
        };
        if is_kind("STYLE") || is_kind("REGION") {
            if !cues.is_empty() {
                return Err(fault(at + 1, format!("{} stands behind a cue: players pass it over", block[0])));
            }
            head.extend([&block.join("\n"), "\n\n"]);
        } else if !is_kind("NOTE") {
            cues.push(cue(block, at + 1)?);
        }
        at = end;
    }
    Ok(Vtt { head, cues })
}

/// Reads a cue that begins in this line, from 1.
fn cue(block: &[&str], line: usize) -> Result<FileCue, Fault> {
    let place = block.iter().take(2).position(|line| line.contains("-->"));
    let Some(place) = place else {
        let shown: String = block[0].chars().take(40).collect();
        return Err(fault(line, format!("{shown:?} is no cue of WebVTT: it has no times, as {FORM}")));
    };
    let (times, number) = (block[place], line + place);
    let time = |text: &str| {
        // Hours have two digits at least, minutes and seconds two, and fractions three.
        let (whole, fraction) = text.split_once('.')?;
        let long = whole.split(':').all(|part| part.len() >= 2) && fraction.len() == 3;
        milliseconds(text, &['.'], 3).filter(|_| long)
    };
    let (from, rest) = times.split_once("-->").unwrap_or_default();
    let rest = rest.trim_start();
    let (until, settings) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
    let (Some(from), Some(until)) = (time(from.trim()), time(until)) else {
        return Err(fault(number, format!("the times {times:?} cannot be read: expected {FORM}")));
    };
    if until < from {
        return Err(fault(number, format!("the cue ends before it begins: {times:?}")));
    }
    let text = &block[place + 1..];
    if let Some(other) = text.iter().position(|line| line.contains("-->")) {
        return Err(fault(number + other + 1, "has times within a text: an empty line before it is missing"));
    }
    let name = (place == 1).then(|| block[0].to_owned());
    Ok(FileCue { from, until, text: text.join("\n"), name, settings: settings.trim().to_owned() })
}

/// Moves times within a text, as karaoke has them, by so many milliseconds; section 4.2.2.
pub(super) fn moved(text: &str, by: i64) -> String {
    let mut moved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        moved.push_str(before);
        moved.push('<');
        rest = tag;
        let time = tag.split_once('>').and_then(|(time, after)| Some((milliseconds(time, &['.'], 3)?, after)));
        if let Some((time, after)) = time {
            let time = time.saturating_add(by).max(0);
            let (seconds, minutes) = (time / 1000, time / 60_000);
            moved.push_str(&format!("{:02}:{:02}:{:02}.{:03}>", minutes / 60, minutes % 60, seconds % 60, time % 1000));
            rest = after;
        }
    }
    moved.push_str(rest);
    moved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_told_apart() {
        let text = "WEBVTT - of a film\nKind: captions\n\nSTYLE\n::cue(.a) {\n  color: red\n}\n\nREGION\nid:top\n\nNOTE\nnobody's business --> here\n\n\
                    intro\n00:01.000 --> 00:02.500 line:0 region:top\n<v Ann>Hi &amp; <00:01.500>bye\n\n10:00:00.000 --> 10:00:01.000\ntwo\nlines";
        let Vtt { head, cues } = read(text).unwrap();
        assert_eq!(head, "STYLE\n::cue(.a) {\n  color: red\n}\n\nREGION\nid:top\n\n");
        let first = &cues[0];
        assert_eq!((first.from, first.until, first.name.as_deref()), (1000, 2500, Some("intro")));
        assert_eq!((&*first.text, &*first.settings), ("<v Ann>Hi &amp; <00:01.500>bye", "line:0 region:top"));
        assert_eq!((cues[1].from, &*cues[1].text, cues.len()), (36_000_000, "two\nlines", 2));
        assert_eq!(moved(&first.text, -1000), "<v Ann>Hi &amp; <00:00:00.500>bye");
    }

    #[test]
    fn damage_is_told_with_its_line() {
        for (text, line) in [
            ("", 1),
            ("WEBVTTX\n", 1),
            ("WEBVTT\n\nid\nno times\n", 3),
            ("WEBVTT\n\n00:01.000 --> 00:02,000\na\n", 3),
            ("WEBVTT\n\nid\n00:02.000 --> 00:01.000\na\n", 4),
            ("WEBVTT\n\n00:01.000 --> 00:02.000\na\n00:02.000 --> 00:03.000\nb\n", 5),
            ("WEBVTT\n\n00:01.000 --> 00:02.000\na\n\nSTYLE\n::cue {}\n", 6),
            ("WEBVTT\n\n00:01.000 --> 00:0", 3),
        ] {
            assert_eq!(read(text).unwrap_err().line, Some(line), "{text}");
        }
        assert_eq!(read("WEBVTT").unwrap().cues, []);
    }
}
