//! Rust source as a row of tokens, without comments.

/// A word, a literal in its quotes, `::`, or one other sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    /// Counted from 1.
    pub(crate) line: usize,
}

/// Splits a source file. Lifetimes, numbers and characters come too, as nobody's name.
pub(crate) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < source.len() {
        let rest = &source[at..];
        let length = comment(rest).or_else(|| quoted(rest));
        let is_comment = comment(rest).is_some();
        let length = length.unwrap_or_else(|| plain(rest));
        let text = &rest[..length];
        if !is_comment && !text.trim().is_empty() {
            found.push(Token { text, line });
        }
        line += text.matches('\n').count();
        at += length;
    }
    found
}

pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && text.chars().all(|char| char.is_alphanumeric() || char == '_')
}

/// The length of the comment that begins here.
fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with("/*") {
        return None;
    }
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match &rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return Some(at);
        }
    }
    Some(rest.len())
}

/// The length of the string, the character or the lifetime that begins here.
fn quoted(rest: &str) -> Option<usize> {
    if let Some(inside) = rest.strip_prefix('\'') {
        let mut chars = inside.chars();
        let (first, second) = (chars.next()?, chars.next());
        if first == '\\' {
            // The one behind the backslash may be a quote itself.
            return Some(3 + inside[2..].find('\'')? + 1);
        }
        if second == Some('\'') {
            return Some(1 + first.len_utf8() + 1);
        }
        return Some(1 + word(inside));
    }
    let prefix = ["br", "cr", "r", "b", "c", ""].into_iter().find(|prefix| {
        let behind = rest.strip_prefix(prefix).unwrap_or_default();
        behind.starts_with('"') || prefix.ends_with('r') && behind.trim_start_matches('#').starts_with('"')
    })?;
    let hashes = rest[prefix.len()..].find('"')?;
    let begin = prefix.len() + hashes + 1;
    if prefix.ends_with('r') {
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(begin + rest[begin..].find(&end)? + end.len());
    }
    let mut escaped = false;
    for (index, char) in rest[begin..].char_indices() {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(begin + index + 1),
            _ => {}
        }
    }
    None
}

/// The length of a word, of `::`, or of one sign.
fn plain(rest: &str) -> usize {
    match word(rest) {
        0 if rest.starts_with("::") => 2,
        0 => rest.chars().next().map_or(1, char::len_utf8),
        length => length,
    }
}

fn word(rest: &str) -> usize {
    rest.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    #[test]
    fn comments_are_left_out_and_literals_are_whole() {
        let source = r##"a::b // c::d
/* e /* f */ g */ "h // \" i" r#"j " k"# 'l' '\'' '"' &'m n b"o" 0x1f é"##;
        let found: Vec<_> = super::tokens(source).iter().map(|token| (token.text, token.line)).collect();
        let expected = [
            "a",
            "::",
            "b",
            r#""h // \" i""#,
            r##"r#"j " k"#"##,
            "'l'",
            r"'\''",
            "'\"'",
            "&",
            "'m",
            "n",
            "b\"o\"",
            "0x1f",
            "é",
        ];
        assert_eq!(found.iter().map(|(text, _)| *text).collect::<Vec<_>>(), expected);
        assert_eq!(
            found.iter().map(|(_, line)| *line).collect::<Vec<_>>(),
            [[1; 3].to_vec(), [2; 11].to_vec()].concat()
        );
    }
}
