//! Advanced SubStation Alpha, and SubStation Alpha before it: a header of sections, and a line for each event.

use super::cue::{Fault, FileCue, fault};
use super::times::milliseconds;

/// What a file begins with.
pub(super) const SIGNATURE: &str = "[Script Info]";
/// Fields of events where no line says which there are.
const FIELDS: [&str; 10] =
    ["Layer", "Start", "End", "Style", "Name", "MarginL", "MarginR", "MarginV", "Effect", "Text"];

/// A file: what comes before its events, and these as libavcodec's decoders give them
/// (`ReadOrder,Layer,Style,Name,MarginL,MarginR,MarginV,Effect,Text`).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ass {
    pub(super) header: String,
    pub(super) cues: Vec<FileCue>,
}

/// Reads a file.
///
/// # Errors
/// The line that cannot be read.
pub(super) fn read(text: &str) -> Result<Ass, Fault> {
    let (mut header, mut cues, mut in_events, mut has_events) = (String::new(), Vec::new(), false, false);
    let mut fields: Vec<String> = FIELDS.map(str::to_owned).to_vec();
    for (number, line) in (1..).zip(text.lines()) {
        let trimmed = line.trim();
        if trimmed.starts_with('[') && trimmed.ends_with(']') {
            in_events = trimmed.eq_ignore_ascii_case("[events]");
            has_events |= in_events;
        }
        if !in_events {
            header.extend([line, "\n"]);
            continue;
        }
        match line.split_once(':') {
            Some(("Format", names)) => {
                fields = names.split(',').map(|name| name.trim().to_owned()).collect();
                if fields.last().is_none_or(|last| last != "Text") {
                    return Err(fault(number, "the last field of events is not Text"));
                }
            }
            Some(("Dialogue", values)) => cues.push(event(values, &fields, number)?),
            // Comments, and what nobody shows: pictures, sounds, films, commands.
            _ => {}
        }
    }
    if has_events {
        Ok(Ass { header, cues })
    } else {
        Err(Fault { line: None, why: "has no section [Events]".to_owned() })
    }
}

fn event(values: &str, fields: &[String], line: usize) -> Result<FileCue, Fault> {
    let values: Vec<_> = values.trim_start().splitn(fields.len(), ',').collect();
    if values.len() < fields.len() {
        let why = format!("the event has {} fields, and Format says {}: it is cut short", values.len(), fields.len());
        return Err(fault(line, why));
    }
    let field = |name: &str| fields.iter().position(|field| field == name).map_or("", |place| values[place].trim());
    let time = |name: &str| {
        let value = field(name);
        let wrong = || fault(line, format!("the time {value:?} cannot be read: expected 0:01:02.50"));
        milliseconds(value, &['.'], 2).ok_or_else(wrong)
    };
    let (from, until) = (time("Start")?, time("End")?);
    if until < from {
        return Err(fault(line, format!("the event ends before it begins: {} to {}", field("Start"), field("End"))));
    }
    let text = values.last().unwrap_or(&"");
    let text = format!("0,0,{},,0,0,0,,{text}", field("Style"));
    Ok(FileCue { from, until, text, name: None, settings: String::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "[Script Info]\nPlayResX: 1920\n\n[V4+ Styles]\nFormat: Name\nStyle: Default\n\n";

    #[test]
    fn events_are_read_by_the_fields_that_are_named() {
        let events = "[Events]\nFormat: Start, End, Style, Text\nComment: 0:00:00.00,0:00:01.00,Default,no\n\
                      Dialogue: 0:00:01.50,10:00:02.00,Sign,Hello, {\\i1}world\n\n[Fonts]\nfontname: a.ttf\n";
        let Ass { header, cues } = read(&format!("{HEADER}{events}")).unwrap();
        assert_eq!(header, format!("{HEADER}[Fonts]\nfontname: a.ttf\n"));
        let [FileCue { from, until, text, .. }] = &cues[..] else { panic!("{cues:?}") };
        assert_eq!((*from, *until, &**text), (1500, 36_002_000, "0,0,Sign,,0,0,0,,Hello, {\\i1}world"));
    }

    #[test]
    fn damage_is_told_with_its_line() {
        for (events, line) in [
            ("[Events]\nDialogue: 0,0:00:01.00,0:00:02", Some(9)),
            ("[Events]\nDialogue: 0,0:00:01.00,0:00:0x.00,Default,,0,0,0,,a\n", Some(9)),
            ("[Events]\nDialogue: 0,0:00:03.00,0:00:02.00,Default,,0,0,0,,a\n", Some(9)),
            ("[Events]\nFormat: Text, Start\n", Some(9)),
            ("", None),
        ] {
            assert_eq!(read(&format!("{HEADER}{events}")).unwrap_err().line, line, "{events}");
        }
    }
}
