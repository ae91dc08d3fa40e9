//! The times of a run of packets, as far as it takes to tell one run from another.

use crate::fingerprint::Sha256Hex;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

/// A digest of the times of any number of packets, and of which of them are keys. Its memory does not grow with them.
///
/// Runs that differ by a shift of all times alone have the same sum; [`TimestampDigest::ends`] tells them apart.
#[derive(Clone, Debug, Default)]
pub struct TimestampDigest {
    count: u64,
    keys: u64,
    ends: Option<(i64, i64)>,
    sum: Sha256,
}

impl TimestampDigest {
    /// Adds the next packet.
    pub fn push(&mut self, pts: i64, key: bool) {
        let (first, _) = *self.ends.get_or_insert((pts, pts));
        self.ends = Some((first, pts));
        self.count += 1;
        self.keys += u64::from(key);
        self.sum.update(pts.wrapping_sub(first).to_le_bytes());
        self.sum.update([u8::from(key)]);
    }

    /// Returns the number of packets.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns the number of packets that are keys.
    pub fn keys(&self) -> u64 {
        self.keys
    }

    /// Returns the times of the first and the last packet; none when there was no packet.
    pub fn ends(&self) -> Option<(i64, i64)> {
        self.ends
    }

    /// Computes the SHA-256 over 9 bytes of each packet: its time after the first one's as a little-endian `i64`,
    /// wrapping, then 1 for a key and 0 for any other.
    pub fn sha256(&self) -> Sha256Hex {
        self.sum.clone().into()
    }
}

impl Serialize for TimestampDigest {
    /// Writes `count`, `keys`, `first`, `last` (both `null` without packets) and `sha256`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("TimestampDigest", 5)?;
        fields.serialize_field("count", &self.count)?;
        fields.serialize_field("keys", &self.keys)?;
        fields.serialize_field("first", &self.ends.map(|(first, _)| first))?;
        fields.serialize_field("last", &self.ends.map(|(_, last)| last))?;
        fields.serialize_field("sha256", &self.sha256())?;
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(packets: &[(i64, bool)]) -> TimestampDigest {
        let mut digest = TimestampDigest::default();
        packets.iter().for_each(|&(pts, key)| digest.push(pts, key));
        digest
    }

    #[test]
    fn the_sum_is_of_nine_bytes_a_packet() {
        let bytes = [&[0; 8][..], &[1], &[0x2c, 1, 0, 0, 0, 0, 0, 0], &[0], &[0xff; 8], &[0]].concat();
        let digest = digest(&[(-5, true), (295, false), (-6, false)]);
        assert_eq!(digest.sha256(), Sha256Hex::of(&bytes));
        let json = format!(r#"{{"count":3,"keys":1,"first":-5,"last":-6,"sha256":"{}"}}"#, Sha256Hex::of(&bytes));
        assert_eq!(serde_json::to_string(&digest).unwrap(), json);
    }

    #[test]
    fn times_and_keys_tell_runs_apart_and_shifts_do_not() {
        let sum = |packets: &[(i64, bool)]| digest(packets).sha256();
        let one = sum(&[(0, true), (1, false), (3, false)]);
        assert_eq!(sum(&[(7, true), (8, false), (10, false)]), one);
        for other in
            [&[(0, true), (2, false), (3, false)][..], &[(0, true), (1, true), (3, false)], &[(0, true), (1, false)]]
        {
            assert_ne!(sum(other), one);
        }
        assert_eq!(digest(&[]).ends(), None);
        let extremes = digest(&[(i64::MIN, true), (i64::MAX, false)]);
        assert_eq!((extremes.count(), extremes.ends()), (2, Some((i64::MIN, i64::MAX))));
    }
}
