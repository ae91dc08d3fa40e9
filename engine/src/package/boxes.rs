//! Boxes of ISO base media files (ISO/IEC 14496-12), as bytes.

/// A box: its size, its four letters, and what is in it.
pub(super) fn atom(kind: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let size = 8 + parts.iter().map(|part| part.len()).sum::<usize>();
    let mut bytes = Vec::with_capacity(size);
    // Headers and indices alone are made so: what they hold is counted in 32 bits before.
    bytes.extend(u32::try_from(size).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend(kind);
    parts.iter().for_each(|part| bytes.extend(*part));
    bytes
}

/// A box with a version and 24 bits of flags.
pub(super) fn full(kind: &[u8; 4], version: u8, flags: u32, parts: &[&[u8]]) -> Vec<u8> {
    let head = (u32::from(version) << 24 | flags & 0x00ff_ffff).to_be_bytes();
    let parts: Vec<&[u8]> = std::iter::once(&head[..]).chain(parts.iter().copied()).collect();
    atom(kind, &parts)
}

/// Numbers of 32 bits, one after the other.
pub(super) fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_count_themselves() {
        assert_eq!(atom(b"free", &[]), *b"\0\0\0\x08free");
        assert_eq!(full(b"test", 1, 0x0002_0305, &[&[9], &[8, 7]]), *b"\0\0\0\x0ftest\x01\x02\x03\x05\x09\x08\x07");
        assert_eq!(words(&[1, 0xffff_fffe]), [0, 0, 0, 1, 255, 255, 255, 254]);
    }
}
