//! Bytes of a file of text as text.

use super::cue::{Fault, fault};

/// Reads UTF-8, or UTF-16 behind its byte order mark. Lines end with line feeds, whatever they end with in the file.
///
/// # Errors
/// The line with bytes that are neither, and what to do.
pub(super) fn read(bytes: &[u8]) -> Result<String, Fault> {
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => of_utf16(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => of_utf16(rest, u16::from_be_bytes)?,
        [0xef, 0xbb, 0xbf, rest @ ..] => of_utf8(rest)?,
        _ => of_utf8(bytes)?,
    };
    if let Some(at) = text.find('\0') {
        let why = "has a zero byte, which no text has: if it is UTF-16, save it with its byte order mark, or as UTF-8";
        return Err(fault(line_at(&text[..at]), why));
    }
    Ok(text.replace("\r\n", "\n").replace('\r', "\n"))
}

fn of_utf8(bytes: &[u8]) -> Result<String, Fault> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => {
            let before = String::from_utf8_lossy(bytes.get(..error.valid_up_to()).unwrap_or_default());
            let why = "is neither UTF-8 nor UTF-16: convert it, for instance with iconv -f WINDOWS-1252 -t UTF-8";
            Err(fault(line_at(&before), why))
        }
    }
}

fn of_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Fault> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(bytes.len());
    for letter in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        let damaged = |_| fault(line_at(&text), "has half a letter of UTF-16: the file is damaged");
        text.push(letter.map_err(damaged)?);
    }
    if rest.is_empty() {
        Ok(text)
    } else {
        Err(fault(line_at(&text), "ends within a letter of UTF-16: it is cut short"))
    }
}

/// The line, from 1, that comes after such text. Files of old Macs end lines with carriage returns.
fn line_at(before: &str) -> usize {
    let ends = before.matches('\n').count();
    1 + if ends == 0 { before.matches('\r').count() } else { ends }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_that_say_what_they_are_are_read() {
        let text = "1\r\nÄ 字 😀\r2\n";
        let wide = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<_>>();
        let marked = |mark: &[u8], bytes: Vec<u8>| [mark, &bytes].concat();
        for bytes in [
            text.as_bytes().to_vec(),
            marked(&[0xef, 0xbb, 0xbf], text.as_bytes().to_vec()),
            marked(&[0xff, 0xfe], wide(u16::to_le_bytes)),
            marked(&[0xfe, 0xff], wide(u16::to_be_bytes)),
        ] {
            assert_eq!(read(&bytes).unwrap(), "1\nÄ 字 😀\n2\n");
        }
    }

    #[test]
    fn other_bytes_are_refused_with_their_line() {
        for (bytes, line, words) in [
            (&b"one\ntwo\nfa\xe7ade\n"[..], 3, "iconv"),
            (b"\xff\xfea\0\n\0b", 2, "cut short"),
            (b"\xff\xfea\0\x00\xd8b\0", 1, "half a letter"),
            (b"a\0\n\0", 1, "UTF-16"),
        ] {
            let fault = read(bytes).unwrap_err();
            assert!(fault.line == Some(line) && fault.why.contains(words), "{fault:?}");
        }
    }
}
