//! SubRip. Nobody has written its rules down; this follows what players take.

use super::cue::{Fault, FileCue, fault};
use super::times::milliseconds;

/// How times are written.
const FORM: &str = "00:01:02,500 --> 00:01:04,000";

/// Reads a file. A cue is a line with its number, which may be missing, one with its times, and its text up to the number of the next
/// one; empty lines may be missing, or be in the text.
///
/// # Errors
/// The line that cannot be read.
pub(super) fn read(text: &str) -> Result<Vec<FileCue>, Fault> {
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    let mut heads = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if let Some(times) = times(line, index + 1)? {
            heads.push((index, times));
        }
    }
    let mut cues = Vec::with_capacity(heads.len());
    // The line behind the text before, and the number of the cue that it is of.
    let (mut end, mut number) = (0, 0);
    for (place, &(index, (from, until))) in heads.iter().enumerate() {
        let told = index.checked_sub(1).filter(|&before| before >= end).and_then(|before| counter(lines[before]));
        if place == 0 {
            let begin = index - usize::from(told.is_some());
            if let Some(other) = lines[..begin].iter().position(|line| !line.is_empty()) {
                return Err(not_a_cue(other + 1, lines[other]));
            }
        }
        number = told.unwrap_or(number + 1);
        let next = heads.get(place + 1).map_or(lines.len(), |(next, _)| *next);
        end = text_end(&lines, index + 1, next, number, place + 1 == heads.len())?;
        let mut own = &lines[index + 1..end];
        while let [rest @ .., ""] = own {
            own = rest;
        }
        while let ["", rest @ ..] = own {
            own = rest;
        }
        cues.push(FileCue { from, until, text: own.join("\n"), name: None, settings: String::new() });
    }
    match lines.iter().position(|line| !line.is_empty()).filter(|_| heads.is_empty()) {
        Some(other) => Err(not_a_cue(other + 1, lines[other])),
        None => Ok(cues),
    }
}

fn not_a_cue(line: usize, text: &str) -> Fault {
    let shown: String = text.chars().take(40).collect();
    fault(line, format!("{shown:?} is no cue of SubRip: expected its number, and then its times, as {FORM}"))
}

/// The number of a cue.
fn counter(line: &str) -> Option<u64> {
    let line = line.trim();
    line.parse().ok().filter(|_| line.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The times of a line that has such; none for any other line.
fn times(line: &str, number: usize) -> Result<Option<(i64, i64)>, Fault> {
    let Some((from, rest)) =
        line.split_once("-->").filter(|_| line.trim_start().starts_with(|c: char| c.is_ascii_digit()))
    else {
        return Ok(None);
    };
    let time = |text: &str| milliseconds(text, &[',', '.'], 3);
    // Coordinates may follow, which no player knows.
    let until = rest.split_whitespace().next().unwrap_or_default();
    let (Some(from), Some(until)) = (time(from.trim()), time(until)) else {
        return Err(fault(number, format!("the times {line:?} cannot be read: expected {FORM}")));
    };
    if until < from {
        return Err(fault(number, format!("the cue ends before it begins: {line:?}")));
    }
    Ok(Some((from, until)))
}

/// Finds the line behind the text that begins at `begin`, before times at `next`: the number in front of these is none of it.
fn text_end(lines: &[&str], begin: usize, next: usize, number: u64, is_last: bool) -> Result<usize, Fault> {
    let is_next = |line: usize| counter(lines[line]) == Some(number + 1);
    if is_last {
        // The number of one that is not there any more.
        let cut = (begin..next).find(|&line| line > begin && lines[line - 1].is_empty() && is_next(line));
        return match cut {
            Some(line) => Err(fault(line + 1, format!("cue {} is cut short: it has no times", number + 1))),
            None => Ok(next),
        };
    }
    let last = next - 1;
    let is_counter = last >= begin && counter(lines[last]).is_some();
    let is_apart = last == begin || last > begin && lines[last - 1].is_empty();
    Ok(if is_counter && (is_apart || is_next(last)) { last } else { next })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cues(text: &str) -> Vec<(i64, i64, String)> {
        read(text).unwrap().into_iter().map(|cue| (cue.from, cue.until, cue.text)).collect()
    }

    fn cue(from: i64, until: i64, text: &str) -> (i64, i64, String) {
        (from, until, text.to_owned())
    }

    #[test]
    fn what_players_take_is_read() {
        let plain = "1\n00:00:01,000 --> 00:00:02,500\nOne\n\n2\n00:00:02,000 --> 00:00:03,000\ntwo\nlines\n";
        let expected = [cue(1000, 2500, "One"), cue(2000, 3000, "two\nlines")];
        assert_eq!(cues(plain), expected);
        assert_eq!(cues(&format!("\n\n{plain}\n\n\n")), expected);
        assert_eq!(cues(plain.trim_end()), expected);
        assert_eq!(cues(&plain.replace("\n\n", "\n")), expected, "no empty line between cues");
        assert_eq!(cues(&plain.replace("1\n00:00:01", "00:00:01").replace("\n2\n", "\n")), expected, "no numbers");
        assert_eq!(cues(&plain.replace(",000", ".000").replace(" --> ", "-->")), expected);
        let placed = plain.replace("2,500", "2,500  X1:10 X2:20 Y1:1 Y2:2");
        assert_eq!(cues(&placed), expected);
    }

    #[test]
    fn numbers_and_empty_lines_may_be_text() {
        let text =
            "1\n00:00:01,000 --> 00:00:02,000\nIn\n1984\n\nand later\n\n2\n10:00:00,000 --> 10:00:01,000\n--> 42\n";
        assert_eq!(cues(text), [cue(1000, 2000, "In\n1984\n\nand later"), cue(36_000_000, 36_001_000, "--> 42")]);
        // The year is no number of the next cue, which has none.
        let text = "00:00:01,000 --> 00:00:02,000\nIn\n1984\n00:00:03,000 --> 00:00:04,000\nb\n";
        assert_eq!(cues(text), [cue(1000, 2000, "In\n1984"), cue(3000, 4000, "b")]);
        assert_eq!(cues("1\n00:00:01,000 --> 00:00:02,000\n\n2\n00:00:03,000 --> 00:00:04,000\nb")[0].2, "");
    }

    #[test]
    fn damage_is_told_with_its_line() {
        let good = "1\n00:00:01,000 --> 00:00:02,000\none\n\n";
        for (text, line) in [
            ("this is a letter\n", 1),
            (&format!("Title\n{good}"), 1),
            (&format!("{good}2\n00:00:0x,000 --> 00:00:04,000\ntwo\n"), 6),
            (&format!("{good}2\n00:00:03,000 -->\n"), 6),
            (&format!("{good}2\n00:00:03,000 --> 00:00:02,000\ntwo\n"), 6),
            (&format!("{good}2\n00:00:0"), 5),
            (&format!("{good}2\n"), 5),
        ] {
            assert_eq!(read(text).unwrap_err().line, Some(line), "{text}");
        }
        assert_eq!(read("\n \n"), Ok(Vec::new()));
    }
}
