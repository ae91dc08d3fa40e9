//! Common encryption by the scheme `cbcs` (ISO/IEC 23001-7, 10.4), of AV1 after "AV1 Codec ISO Media File Format Binding", 4.

use super::boxes::{atom, full, words};
use super::sample_entry::SampleEntry;
use super::track_info::TrackInfo;
use crate::av1::TileReader;
use crate::encryption::{ContentKey, Pattern, Pssh};
use std::ops::Range;

/// Bytes of a sample's entry in `senc`: the count of its subsamples, and of each of these.
const COUNT: usize = 2;
const ENTRY: usize = 2 + 4;
/// Subsamples that a sample can have: `saiz` counts the bytes of its entry by eight bits.
const MOST: usize = (u8::MAX as usize - COUNT) / ENTRY;

/// Bytes of a sample that stay as they are, and bytes behind them that are protected.
pub(super) type Subsample = (u16, u32);

/// Makes the sample entry of an encrypted track: that of the clear one, called otherwise, with a box of what it was and how its
/// samples are encrypted.
pub(super) fn sample_entry(sample: &SampleEntry, key: &ContentKey) -> Vec<u8> {
    let clear = sample.bytes();
    let (kind, pattern): (&[u8; 4], _) = match sample {
        SampleEntry::Video(_) => (b"encv", Pattern::VIDEO),
        SampleEntry::Audio(_) => (b"enca", Pattern::AUDIO),
    };
    // Encrypted, no IV for each sample, but one for all of 16 bytes.
    let track = full(b"tenc", 1, 0, &[&[0, pattern.encrypted << 4 | pattern.clear, 1, 0], &key.id.0, &[16], &key.iv()]);
    let scheme = full(b"schm", 0, 0, &[b"cbcs", &words(&[0x0001_0000])]);
    let original = clear.get(4..8).unwrap_or_default();
    let about = atom(b"sinf", &[&atom(b"frma", &[original]), &scheme, &atom(b"schi", &[&track])]);
    atom(kind, &[clear.get(8..).unwrap_or_default(), &about])
}

/// Gives the boxes that say where players get a key: those that were given with it, or its id for whoever knows it.
pub(super) fn systems(key: &ContentKey) -> Vec<Pssh> {
    if key.pssh.is_empty() { vec![Pssh::common(key.id)] } else { key.pssh.clone() }
}

/// Encrypts the samples of a track, one after the other.
pub(super) struct Protector<'a> {
    key: &'a ContentKey,
    /// Of pictures.
    tiles: Option<TileReader>,
}

impl<'a> Protector<'a> {
    /// Makes one for a track; none where it stays clear.
    pub(super) fn new(info: &'a TrackInfo) -> Option<Self> {
        let key = info.key.as_ref()?;
        Some(Self { key, tiles: matches!(info.sample, SampleEntry::Video(_)).then(TileReader::default) })
    }

    /// Encrypts the next sample; gives its subsamples, none of sound, of which every whole block is encrypted.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn protect(&mut self, sample: &mut [u8]) -> Result<Vec<Subsample>, String> {
        let Some(tiles) = &mut self.tiles else {
            self.key.encrypt(sample, Pattern::AUDIO);
            return Ok(Vec::new());
        };
        let tiles = tiles.tiles(sample).map_err(|error| error.to_string())?;
        let subsamples = subsamples(&tiles, sample.len());
        if subsamples.len() > MOST {
            return Err(format!(
                "a picture of {} tiles cannot be encrypted, for a sample has {MOST} subsamples at most; use fewer tiles",
                tiles.len()
            ));
        }
        for tile in tiles {
            self.key.encrypt(&mut sample[tile], Pattern::VIDEO);
        }
        Ok(subsamples)
    }
}

/// Describes a sample of so many bytes, of which these tiles are protected. What is clear and too long for one subsample has several.
fn subsamples(tiles: &[Range<usize>], length: usize) -> Vec<Subsample> {
    let mut all = Vec::new();
    let mut at = 0;
    for (clear_end, end) in tiles.iter().map(|tile| (tile.start, tile.end)).chain([(length, length)]) {
        let mut clear = clear_end - at;
        while clear > usize::from(u16::MAX) {
            all.push((u16::MAX, 0));
            clear -= usize::from(u16::MAX);
        }
        if clear > 0 || end > clear_end {
            // It is shorter than 64 KiB now; a tile is shorter than an OBU, whose size has 32 bits.
            all.push((u16::try_from(clear).unwrap_or(u16::MAX), u32::try_from(end - clear_end).unwrap_or(u32::MAX)));
        }
        at = end;
    }
    all
}

/// Makes `saiz`, `saio` and `senc` of the samples of a fragment, in a `moof` in which they begin at byte `begin`.
pub(super) fn sample_boxes(samples: &[Vec<Subsample>], begin: usize) -> Vec<u8> {
    let sizes: Vec<u8> =
        samples.iter().map(|subsamples| u8::try_from(COUNT + ENTRY * subsamples.len()).unwrap_or(u8::MAX)).collect();
    let count = words(&[u32::try_from(samples.len()).unwrap_or(u32::MAX)]);
    let first = sizes.first().copied().unwrap_or(0);
    let sizes = if sizes.iter().all(|&size| size == first) {
        full(b"saiz", 0, 0, &[&[first], &count])
    } else {
        full(b"saiz", 0, 0, &[&[0], &count, &sizes])
    };
    let entries = samples.iter().flat_map(|subsamples| {
        let count = u16::try_from(subsamples.len()).unwrap_or(u16::MAX).to_be_bytes();
        let own = subsamples
            .iter()
            .flat_map(|(clear, protected)| clear.to_be_bytes().into_iter().chain(protected.to_be_bytes()));
        count.into_iter().chain(own)
    });
    // Its flag says that there are subsamples.
    let entries = full(b"senc", 0, 2, &[&count, &entries.collect::<Vec<_>>()]);
    // It points behind the head and the count of senc, from the beginning of the moof on.
    let offset = |at: usize| full(b"saio", 0, 0, &[&words(&[1, u32::try_from(at).unwrap_or(u32::MAX)])]);
    let offset = offset(begin + sizes.len() + offset(0).len() + 16);
    [sizes, offset, entries].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subsamples_span_a_sample() {
        assert_eq!(subsamples(&[], 7), [(7, 0)]);
        assert_eq!(subsamples(&[3..10, 12..40], 40), [(3, 7), (2, 28)]);
        let one = |tile: Range<usize>, length| subsamples(std::slice::from_ref(&tile), length);
        assert_eq!(one(3..10, 12), [(3, 7), (2, 0)]);
        assert_eq!(one(70_000..70_001, 140_000), [(65_535, 0), (4465, 1), (65_535, 0), (4464, 0)]);
        assert_eq!(one(65_535..65_540, 65_540), [(65_535, 5)]);
    }

    #[test]
    fn the_offset_leads_to_the_first_entry() {
        for samples in [vec![vec![(3, 7)], vec![(9, 0)]], vec![vec![(3, 7)], vec![(2, 5), (1, 6)]]] {
            let boxes = sample_boxes(&samples, 100);
            let place = |kind: &[u8]| boxes.windows(4).position(|four| four == kind).unwrap();
            let offset = place(b"saio") + 12;
            let offset = u32::from_be_bytes(boxes[offset..offset + 4].try_into().unwrap()) as usize;
            assert_eq!(boxes[offset - 100..][..8], [0, 1, 0, 3, 0, 0, 0, 7]);
        }
    }
}
