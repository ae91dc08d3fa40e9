//! Hexadecimal numbers of 16 bytes.

/// Reads 32 hexadecimal digits; none where it is anything else.
pub(super) fn read(text: &str) -> Option<[u8; 16]> {
    let is_number = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    // A sign would be read too.
    let number = u128::from_str_radix(text, 16).ok().filter(|_| is_number)?;
    Some(number.to_be_bytes())
}

/// Writes 32 hexadecimal digits.
pub(super) fn write(bytes: &[u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_of_16_bytes_is_not_read() {
        let text = "00112233445566778899aAbBcCdDeEfF";
        assert_eq!(read(text).map(|bytes| write(&bytes)), Some(text.to_ascii_lowercase()));
        for wrong in ["", &text[1..], "+0112233445566778899aabbccddeeff", "g0112233445566778899aabbccddeeff"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(read(&format!("{text}0")), None);
    }
}
