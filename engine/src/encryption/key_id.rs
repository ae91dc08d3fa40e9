//! Ids of keys.

use super::hex;
use std::fmt;

/// The id of a key (KID), which is no secret: 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct KeyId(pub(crate) [u8; 16]);

impl KeyId {
    /// Reads 32 hexadecimal digits, or a UUID; none where it is anything else.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let groups: Vec<_> = text.split('-').map(str::len).collect();
        let is_form = groups.len() == 1 || groups == [8, 4, 4, 4, 12];
        hex::read(&text.replace('-', "")).filter(|_| is_form).map(Self)
    }

    /// Formats it as a UUID, as DASH has it.
    pub(crate) fn uuid(self) -> String {
        let digits = self.to_string();
        [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| &digits[range]).join("-")
    }
}

/// 32 hexadecimal digits in small letters.
impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::write(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_in_both_forms() {
        let plain = KeyId::read("00112233445566778899AABBCCDDEEFF").unwrap();
        assert_eq!(plain.to_string(), "00112233445566778899aabbccddeeff");
        assert_eq!(plain.uuid(), "00112233-4455-6677-8899-aabbccddeeff");
        assert_eq!(KeyId::read(&plain.uuid()), Some(plain));
        assert_eq!(KeyId::read("0011-2233445566778899aabbccddeeff"), None);
    }
}
