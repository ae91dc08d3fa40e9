//! Boxes for the systems that give players keys (ISO/IEC 23001-7, 8.1).

use super::key_id::KeyId;

/// The system that stands for all that take key ids as they are (W3C, "cenc" Initialization Data Format).
const COMMON_SYSTEM: [u8; 16] = 0x1077_efec_c0b2_4d02_ace3_3c1e_52e2_fb4b_u128.to_be_bytes();

/// A box `pssh`, and the system that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pssh {
    pub(crate) system: [u8; 16],
    pub(crate) bytes: Vec<u8>,
}

impl Pssh {
    /// Makes the box of the common system for a key.
    pub(crate) fn common(key: KeyId) -> Self {
        let mut bytes = vec![0, 0, 0, 52];
        bytes.extend(b"pssh\x01\0\0\0");
        bytes.extend(COMMON_SYSTEM);
        bytes.extend([0, 0, 0, 1]);
        bytes.extend(key.0);
        bytes.extend([0; 4]);
        Self { system: COMMON_SYSTEM, bytes }
    }

    /// Reads boxes, one after the other; none where there are none, or anything else.
    pub(super) fn read_all(mut bytes: &[u8]) -> Option<Vec<Self>> {
        let mut all = Vec::new();
        while !bytes.is_empty() {
            let size = usize::try_from(u32::from_be_bytes(*bytes.first_chunk()?)).ok()?;
            // Size, kind, version and flags, the system, and the length of the data.
            let (own, rest) = (size >= 32).then(|| bytes.split_at_checked(size))??;
            let system = own[12..28].try_into().ok()?;
            if &own[4..8] != b"pssh" || own[8] > 1 {
                return None;
            }
            all.push(Self { system, bytes: own.to_vec() });
            bytes = rest;
        }
        Some(all).filter(|all| !all.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_read_and_what_is_none_is_not() {
        let one = Pssh::common(KeyId([5; 16]));
        assert_eq!(one.bytes.len(), 52);
        let two = [&one.bytes[..], &one.bytes].concat();
        assert_eq!(Pssh::read_all(&two), Some(vec![one.clone(), one.clone()]));
        let mut other = one.bytes.clone();
        other[4] = b'P';
        for wrong in [&[][..], &two[..60], &one.bytes[1..], &other] {
            assert_eq!(Pssh::read_all(wrong), None);
        }
    }
}
