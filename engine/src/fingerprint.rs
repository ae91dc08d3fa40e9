//! Fingerprints, which tell one source from another, whatever its name.

use crate::error::Result;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

/// Bytes of each place of a file that is looked at, and of the beginning of a stream.
pub const PLACE: u64 = 64 * 1024;

/// Number of places: both ends of the file and 64 between them.
const PLACES: u64 = 66;
/// Bytes of the longest file that counts as a whole.
const SHORT: u64 = PLACES * PLACE;

/// Enough of a source to notice that it is another one, without reading all of a long file.
///
/// Of a file with more than 66 x 64 KiB, 66 places of 64 KiB count, spread evenly from its first byte to its last: place
/// `i`, from 0 to 65, begins at byte `i x (bytes - 65536) / 65`, rounded down. A change between them that leaves the size as it
/// is goes unseen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fingerprint {
    /// Size of the file; none of a stream, such as a pipe, whose bytes come only once.
    pub bytes: Option<u64>,
    /// SHA-256, as lower-case hexadecimal: of all bytes of a short file, of all places of a longer one in their order,
    /// or of the first 64 KiB of a stream (all of it where it is shorter).
    pub sha256: Sha256Hex,
}

impl Fingerprint {
    /// Lists the ranges of bytes that count, of something with so many.
    pub(crate) fn places(bytes: u64) -> Vec<Range<u64>> {
        if bytes <= SHORT {
            return std::iter::once(0..bytes).filter(|place| !place.is_empty()).collect();
        }
        let place = |place| {
            let begin = u128::from(place) * u128::from(bytes - PLACE) / u128::from(PLACES - 1);
            // It is below `bytes`.
            let begin = u64::try_from(begin).unwrap_or(u64::MAX);
            begin..begin + PLACE
        };
        (0..PLACES).map(place).collect()
    }

    /// Makes a fingerprint of what lies in all [`Fingerprint::places`], in their order.
    pub(crate) fn of_pieces(bytes: u64, pieces: &[impl AsRef<[u8]>]) -> Self {
        let mut hash = Sha256::new();
        pieces.iter().for_each(|piece| hash.update(piece));
        Self { bytes: Some(bytes), sha256: hash.into() }
    }

    /// Reads the fingerprint of a regular file of this size, and leaves its position as it is.
    ///
    /// # Errors
    /// The system's, when the file cannot be read.
    pub fn of_file(file: &File, bytes: u64) -> io::Result<Self> {
        let mut file = file;
        let position = file.stream_position()?;
        let mut hash = Sha256::new();
        for place in Self::places(bytes) {
            file.seek(SeekFrom::Start(place.start))?;
            io::copy(&mut file.take(place.end - place.start), &mut hash)?;
        }
        file.seek(SeekFrom::Start(position))?;
        Ok(Self { bytes: Some(bytes), sha256: hash.into() })
    }

    /// Makes the fingerprint of a stream whose first [`PLACE`] bytes are `head`, which is all of it where it is
    /// shorter.
    pub fn of_stream(head: &[u8]) -> Self {
        Self { bytes: None, sha256: Sha256Hex::of(head) }
    }
}

/// A SHA-256 sum, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256Hex([u8; 32]);

impl Sha256Hex {
    /// Computes the sum of `data`.
    pub fn of(data: &[u8]) -> Self {
        Self(Sha256::digest(data).into())
    }
}

impl From<Sha256> for Sha256Hex {
    fn from(hash: Sha256) -> Self {
        Self(hash.finalize().into())
    }
}

impl std::fmt::Display for Sha256Hex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Sha256Hex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl Serialize for Sha256Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha256Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Sha256Hex;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a SHA-256 sum: 64 lower-case hexadecimal digits")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Sha256Hex, E> {
                sum(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

/// Reads what is written of a sum.
fn sum(text: &str) -> Option<Sha256Hex> {
    let digit = |byte: u8| char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
    let mut sum = [0; 32];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != sum.len() || !rest.is_empty() {
        return None;
    }
    for (byte, &[high, low]) in sum.iter_mut().zip(pairs) {
        *byte = u8::try_from(16 * digit(high)? + digit(low)?).ok()?;
    }
    Some(Sha256Hex(sum))
}

impl JsonSchema for Sha256Hex {
    fn schema_name() -> Cow<'static, str> {
        "Sha256".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A SHA-256 sum.",
            "type": "string",
            "pattern": "^[0-9a-f]{64}$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn fingerprint(data: &[u8]) -> Fingerprint {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(data).unwrap();
        Fingerprint::of_file(&file, data.len() as u64).unwrap()
    }

    #[test]
    fn a_sum_is_the_standards() {
        // FIPS 180-4's example.
        let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Sha256Hex::of(b"abc").to_string(), sum);
    }

    #[test]
    fn sums_are_read_as_they_are_written() {
        let sum = Sha256Hex::of(b"abc");
        let text = serde_json::to_string(&sum).unwrap();
        assert_eq!(serde_json::from_str::<Sha256Hex>(&text).unwrap(), sum);
        let digits = &text[1..65];
        let bad = [digits[1..].to_owned(), format!("{digits}0"), digits.to_uppercase(), format!("g{}", &digits[1..])];
        for text in bad.into_iter().chain([String::new(), "é".repeat(32)]) {
            assert!(serde_json::from_value::<Sha256Hex>(text.clone().into()).is_err(), "{text}");
        }
    }

    #[test]
    fn every_byte_of_a_short_file_counts() {
        assert_eq!(fingerprint(b""), Fingerprint { bytes: Some(0), sha256: Sha256Hex::of(b"") });
        let longest: Vec<u8> = (0..PLACES * PLACE).map(|index| (index % 251) as u8).collect();
        assert_eq!(fingerprint(&longest).sha256, Sha256Hex::of(&longest));
    }

    #[test]
    fn ends_middle_and_size_of_a_long_file_count() {
        let long: Vec<u8> = (0..20_000_001_u32).map(|index| (index % 251) as u8).collect();
        let changed = |index: usize| {
            let mut data = long.clone();
            data[index] ^= 1;
            fingerprint(&data)
        };
        let original = fingerprint(&long);
        assert_eq!(fingerprint(&long), original);
        // The tenth place, by the documented formula.
        let tenth = 10 * (long.len() - 65536) / 65;
        for seen in [0, 65535, tenth, tenth + 65535, long.len() - 65536, long.len() - 1] {
            assert_ne!(changed(seen), original, "{seen}");
        }
        for unseen in [65536, tenth - 1, tenth + 65536, long.len() - 65537] {
            assert_eq!(changed(unseen), original, "{unseen}");
        }
        assert_ne!(fingerprint(&long[1..]), original);
        assert_ne!(fingerprint(&long[..long.len() - 1]), original);
    }

    #[test]
    fn reading_it_leaves_the_position_alone() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"film").unwrap();
        file.seek(SeekFrom::Start(2)).unwrap();
        Fingerprint::of_file(&file, 4).unwrap();
        let mut rest = String::new();
        file.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "lm");
    }

    #[test]
    fn a_stream_is_not_a_file_of_the_same_bytes() {
        assert_ne!(Fingerprint::of_stream(b"film"), fingerprint(b"film"));
        assert_eq!(Fingerprint::of_stream(b"film").sha256, Sha256Hex::of(b"film"));
    }
}
