//! How a track says that it is encrypted (ISO/IEC 23001-7), and what of each sample.

use crate::encryption::{BLOCK, KeyId};
use mp4_atom::{Codec, Decode as _, Traf};
use std::ops::Range;

/// Bytes of sample entries before the boxes in them, of pictures and of sound (ISO/IEC 14496-12, 12.1.3 and 12.2.3).
const VISUAL: usize = 78;
const SOUND: usize = 28;
/// Patterns that AV1 in ISOBMFF, section 4, allows: blocks that are encrypted, and those that are not.
const PATTERNS: [(u8, u8); 3] = [(1, 9), (5, 5), (10, 0)];

/// What a sample entry says of the encryption of its samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Protection {
    pub(super) key: KeyId,
    /// The constant IV.
    pub(super) iv: Vec<u8>,
}

/// Bytes of a sample that stay clear, and those behind them that are protected.
pub(super) type Subsample = (u16, u32);

/// Tells whether a sample entry is that of an encrypted track.
pub(super) fn is_protected(kind: &[u8; 4]) -> bool {
    [b"encv", b"enca"].contains(&kind)
}

/// Reads the sample entry of an encrypted track: what it would be without, and how it is encrypted.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn sample_entry(kind: [u8; 4], body: &[u8]) -> Result<(Codec, Protection), String> {
    let is_video = &kind == b"encv";
    let (about, inner) =
        body.split_at_checked(if is_video { VISUAL } else { SOUND }).ok_or("its sample entry is cut short")?;
    let (mut sinf, mut clear) = (None, about.to_vec());
    for found in boxes(inner) {
        let found = found?;
        match &found.kind {
            b"sinf" => sinf = Some(found.body),
            _ => clear.extend(&inner[found.range]),
        }
    }
    let sinf = sinf.ok_or("no sinf")?;
    let original = inside(sinf, b"frma")?.first_chunk::<4>().ok_or("frma is cut short")?;
    let scheme = inside(sinf, b"schm")?;
    if scheme.get(4..12) != Some(b"cbcs\0\x01\0\0") {
        return Err(format!("schm says {:02x?}, not cbcs of version 1.0", scheme.get(4..12).unwrap_or_default()));
    }
    let (head, rest) = inside(inside(sinf, b"schi")?, b"tenc")?.split_first_chunk::<24>().ok_or("tenc is cut short")?;
    let [version, _, _, _, _, pattern, encrypted, iv_size, key @ ..] = *head;
    let pattern = if version == 0 { (0, 0) } else { (pattern >> 4, pattern & 15) };
    let allowed = if is_video { PATTERNS.contains(&pattern) } else { pattern == (0, 0) };
    if encrypted != 1 || iv_size != 0 || !allowed {
        return Err(format!("tenc says {encrypted}, an IV of {iv_size} bytes a sample, a pattern of {pattern:?}"));
    }
    let iv = rest.split_first().and_then(|(&size, iv)| iv.get(..size.into()));
    let iv = iv.filter(|iv| [8, 16].contains(&iv.len())).ok_or("tenc has no constant IV")?.to_vec();
    let size = u32::try_from(8 + clear.len()).map_err(|_| "its sample entry is too long")?;
    let whole = [&size.to_be_bytes()[..], original, &clear].concat();
    let codec = Codec::decode(&mut &whole[..]).map_err(|error| error.to_string())?;
    Ok((codec, Protection { key: KeyId(key), iv }))
}

/// Reads what `senc` says of the samples of a fragment, of which there are so many. `moof` are the bytes of the whole box.
///
/// # Errors
/// What is wrong with it, or with `saiz` and `saio`, in words.
pub(super) fn samples(traf: &Traf, moof: &[u8], count: usize) -> Result<Vec<Vec<Subsample>>, String> {
    let senc = traf.senc.as_ref().ok_or("no senc")?;
    if !senc.use_subsamples {
        return Err("senc has no subsamples".to_owned());
    }
    let cut = || "senc is cut short".to_owned();
    let mut data = &senc.data[..];
    let mut take = |length: usize| {
        let (taken, rest) = data.split_at_checked(length).ok_or_else(cut)?;
        data = rest;
        Ok::<_, String>(taken.iter().fold(0_u32, |number, &byte| number << 8 | u32::from(byte)))
    };
    let told = take(4)?;
    if usize::try_from(told).ok() != Some(count) {
        return Err(format!("senc has {told} samples, and trun {count}"));
    }
    let (mut all, mut sizes) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for _ in 0..count {
        let parts = take(2)?;
        let subsamples: Result<Vec<_>, String> = (0..parts).map(|_| Ok((take(2)? as u16, take(4)?))).collect();
        sizes.push(2 + 6 * u64::from(parts));
        all.push(subsamples?);
    }
    if !data.is_empty() {
        return Err(format!("senc has {} bytes more than its samples", data.len()));
    }
    let [saiz] = &traf.saiz[..] else { return Err(format!("{} saiz", traf.saiz.len())) };
    let of_each = vec![saiz.default_sample_info_size; count];
    let told = if saiz.default_sample_info_size == 0 { &saiz.sample_info_size } else { &of_each };
    let kept = usize::try_from(saiz.sample_count).ok() == Some(count)
        && told.iter().map(|&size| u64::from(size)).eq(sizes.iter().copied());
    if !kept {
        return Err("saiz has other sizes than senc".to_owned());
    }
    let offsets: Vec<_> = traf.saio.iter().flat_map(|saio| &saio.offsets).copied().collect();
    let place = place_of_senc(moof)?;
    if offsets != [place] {
        return Err(format!("saio says {offsets:?}, and the entries of senc begin at {place}"));
    }
    Ok(all)
}

/// Finds where the entries of `senc` begin in a `moof`: behind its head, its flags and its count.
fn place_of_senc(moof: &[u8]) -> Result<u64, String> {
    let mut at = 8;
    for kind in [b"traf", b"senc"] {
        let found = boxes(moof.get(at..).unwrap_or_default()).find(|it| it.as_ref().is_ok_and(|it| it.kind == *kind));
        at += found.ok_or("no senc")??.range.start + 8;
    }
    Ok(at as u64 + 8)
}

/// Compares what is protected of a sample with its tiles: all of each and nothing else; or of each its last whole blocks, as earlier
/// versions of AV1 in ISOBMFF had it.
///
/// # Errors
/// What is not as it should be, in words.
pub(super) fn check_sample(subsamples: &[Subsample], tiles: &[Range<usize>], length: usize) -> Result<(), String> {
    let mut at = 0_usize;
    let mut protected = Vec::new();
    for &(clear, bytes) in subsamples {
        let begin = at.saturating_add(clear.into());
        at = begin.saturating_add(usize::try_from(bytes).unwrap_or(usize::MAX));
        if bytes > 0 {
            protected.push(begin..at);
        }
    }
    if at != length {
        return Err(format!("subsamples of {at} bytes in a sample of {length}"));
    }
    let mut protected = protected.into_iter().peekable();
    for tile in tiles {
        let blocks = tile.end - tile.len() / BLOCK * BLOCK..tile.end;
        let is_it = |range: &Range<usize>| range == tile || *range == blocks;
        if protected.next_if(is_it).is_none() && tile.len() >= BLOCK {
            return Err(format!("{:?} is protected, and a tile lies at {tile:?}", protected.peek()));
        }
    }
    protected.next().map_or(Ok(()), |range| Err(format!("{range:?} is protected and no tile")))
}

/// A box inside another.
struct Inner<'a> {
    kind: [u8; 4],
    /// All of it.
    range: Range<usize>,
    body: &'a [u8],
}

/// Iterates over boxes one after the other; ends with the first that is none.
fn boxes(bytes: &[u8]) -> impl Iterator<Item = Result<Inner<'_>, String>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let head = rest.first_chunk::<8>().map(|head| {
            let [a, b, c, d, kind @ ..] = *head;
            (u32::from_be_bytes([a, b, c, d]) as usize, kind)
        });
        let Some((size, kind)) = head.filter(|&(size, _)| (8..=rest.len()).contains(&size)) else {
            at = bytes.len();
            return Some(Err("a box in it does not fit".to_owned()));
        };
        let found = Inner { kind, range: at..at + size, body: &rest[8..size] };
        at += size;
        Some(Ok(found))
    })
}

/// The body of the first box of a kind.
fn inside<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Result<&'a [u8], String> {
    for found in boxes(bytes) {
        let found = found?;
        if found.kind == *kind {
            return Ok(found.body);
        }
    }
    Err(format!("no {}", String::from_utf8_lossy(kind)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_protected_and_nothing_else() {
        let tiles = [10..50, 52..60];
        let check = |subsamples: &[(u16, u32)]| check_sample(subsamples, &tiles, 61);
        assert_eq!(check(&[(10, 40), (2, 8), (1, 0)]), Ok(()));
        assert_eq!(check(&[(18, 32), (11, 0)]), Ok(()), "whole blocks");
        for wrong in [
            &[(10, 40), (2, 8)][..],
            &[(10, 40), (2, 9)],
            &[(11, 39), (11, 0)],
            &[(18, 16), (27, 0)],
            &[(61, 0)],
            &[(10, 40), (2, 8), (0, 1)],
        ] {
            assert!(check(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_no_sample_entry_is_told() {
        for length in [0, 78, 90] {
            assert!(sample_entry(*b"encv", &vec![0; length]).is_err(), "{length}");
        }
    }
}
