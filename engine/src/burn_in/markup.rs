//! Lines with the tags of their styles, as WebVTT has them (W3C, WebVTT, section 4.2.2).

/// How a letter looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Look {
    pub(super) bold: bool,
    pub(super) italic: bool,
}

/// Letters of a line, each with its look.
pub(super) type Letters = Vec<(char, Look)>;

/// Entities of WebVTT.
const ENTITIES: [(&str, char); 6] =
    [("amp", '&'), ("lt", '<'), ("gt", '>'), ("nbsp", '\u{a0}'), ("lrm", '\u{200e}'), ("rlm", '\u{200f}')];

/// Reads the lines of a text. Tags other than those of bold text and italics are left out, and so are characters that are no text.
pub(super) fn read(text: &str) -> Vec<Letters> {
    let (mut lines, mut line, mut look) = (Vec::new(), Letters::new(), Look::default());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        match letter {
            '\n' => lines.push(std::mem::take(&mut line)),
            '<' => {
                let (tag, after) = rest.split_once('>').unwrap_or((rest, ""));
                match tag {
                    "b" => look.bold = true,
                    "/b" => look.bold = false,
                    "i" => look.italic = true,
                    "/i" => look.italic = false,
                    _ => {}
                }
                rest = after;
            }
            '&' => {
                let entity = rest.split_once(';').and_then(|(name, after)| {
                    ENTITIES.iter().find(|(known, _)| *known == name).map(|(_, letter)| (*letter, after))
                });
                let (letter, after) = entity.unwrap_or(('&', rest));
                line.push((letter, look));
                rest = after;
            }
            '\t' | '\u{2028}' | '\u{2029}' => line.push((' ', look)),
            letter if letter.is_control() || letter == '\u{feff}' => {}
            letter => line.push((letter, look)),
        }
    }
    lines.push(line);
    lines
}

/// Writes a line as [`read`] reads it.
pub(super) fn write(letters: &[(char, Look)]) -> String {
    let (mut text, mut before) = (String::new(), Look::default());
    for (letter, look) in letters.iter().copied().map(Some).chain([None]).map(Option::unwrap_or_default) {
        if look != before {
            // They are closed in the reverse order of their opening.
            let tags = |look: Look| {
                [(look.bold, "b"), (look.italic, "i")].into_iter().filter_map(|(is, tag)| is.then_some(tag))
            };
            tags(before).collect::<Vec<_>>().into_iter().rev().for_each(|tag| text.extend(["</", tag, ">"]));
            tags(look).for_each(|tag| text.extend(["<", tag, ">"]));
            before = look;
        }
        match letter {
            '\0' => {}
            '<' => text.push_str("&lt;"),
            '&' => text.push_str("&amp;"),
            letter => text.push(letter),
        }
    }
    text
}

/// Joins letters without their looks.
pub(super) fn plain(letters: &[(char, Look)]) -> String {
    letters.iter().map(|(letter, _)| letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["a", "", "<i>a</i> b", "a <b>b</b><i>c</i>", "<b><i>a</i></b>b", "&lt;i> &amp;amp; x", "กำ ﷽"]
        {
            let lines = read(text);
            assert_eq!(lines.len(), 1);
            assert_eq!(write(&lines[0]), text);
        }
    }

    #[test]
    fn tags_go_on_over_lines_and_others_are_left_out() {
        let lines = read("<c.yellow><i>a</c>\nb</i>&nbsp;&rlm;&unknown;\tc<u>d</u>\u{7}");
        let [first, second] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!((plain(first), plain(second)), ("a".to_owned(), "b\u{a0}\u{200f}&unknown; cd".to_owned()));
        assert!(first[0].1.italic && second[0].1.italic && !second[1].1.italic);
    }
}
