//! What the boxes of ISO base media files (MP4, QuickTime) say that libav does not hand on: whether the file has all the
//! bytes that it declares, which tracks are encrypted, and whether it is a picture rather than a film.

use std::ops::Range;

/// Boxes that are looked at, in all; what comes after is not known.
const MOST: u32 = 200_000;

/// Top-level boxes without which something of the film is missing.
const NEEDED: [&[u8; 4]; 3] = [b"moov", b"moof", b"mdat"];

/// Sample entries of protected tracks: common encryption's, and those of Apple's own scheme.
const PROTECTED: [&[u8; 4]; 7] = [b"encv", b"enca", b"enct", b"encs", b"drmi", b"drms", b"drmt"];

/// Brands of files whose main content is one picture.
const PICTURES: [&[u8; 4]; 4] = [b"avif", b"heic", b"heix", b"mif1"];

/// Facts from a file's boxes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Boxes {
    /// Bytes that a box declares after the end of the file.
    pub missing: u64,
    /// Numbers of the tracks whose samples are encrypted.
    pub encrypted: Vec<u32>,
    /// True where the file says that it is a picture.
    pub picture: bool,
}

impl Boxes {
    /// Looks at a file of `size` bytes; `peek` fills a buffer from an offset on and says how many bytes there were.
    pub(super) fn read(size: u64, peek: impl FnMut(u64, &mut [u8]) -> usize) -> Self {
        let mut walk = Walk { peek, left: MOST };
        let mut boxes = Self::default();
        let mut at = 0;
        while let Some(top) = walk.next(&(at..size)) {
            match &top.kind {
                b"ftyp" => {
                    let brand = walk.bytes::<4>(top.body.start);
                    boxes.picture = brand.is_some_and(|brand| PICTURES.contains(&&brand));
                }
                b"moov" => boxes.read_movie(&mut walk, &(top.body.start..top.body.end.min(size))),
                _ => {}
            }
            if NEEDED.contains(&&top.kind) {
                boxes.missing = top.body.end.saturating_sub(size);
            }
            at = top.body.end;
        }
        boxes
    }

    fn read_movie(&mut self, walk: &mut Walk<impl FnMut(u64, &mut [u8]) -> usize>, movie: &Range<u64>) {
        for track in walk.all(movie, b"trak") {
            let number = walk.all(&track, b"tkhd").first().and_then(|header| walk.track_number(header.start));
            let mut inner = vec![track];
            for kind in [b"mdia", b"minf", b"stbl", b"stsd"] {
                inner = inner.iter().flat_map(|outer| walk.all(outer, kind)).collect();
            }
            // A version, flags and a count come before the entries.
            let entries = inner.iter().map(|table| table.start.saturating_add(8)..table.end);
            let protected = entries.into_iter().any(|entries| walk.any(&entries, &PROTECTED));
            self.encrypted.extend(number.filter(|_| protected));
        }
    }
}

/// A box: four letters, and where what it holds lies. The end is the declared one.
struct Found {
    kind: [u8; 4],
    body: Range<u64>,
}

struct Walk<P> {
    peek: P,
    /// Boxes that may still be looked at.
    left: u32,
}

impl<P: FnMut(u64, &mut [u8]) -> usize> Walk<P> {
    fn bytes<const N: usize>(&mut self, at: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        ((self.peek)(at, &mut bytes) == N).then_some(bytes)
    }

    /// The box at the beginning of `range`; none when there is none that makes sense.
    fn next(&mut self, range: &Range<u64>) -> Option<Found> {
        self.left = self.left.checked_sub(1)?;
        let at = range.start;
        let header = self.bytes::<8>(at).filter(|_| range.contains(&at))?;
        let [a, b, c, d, kind @ ..] = header;
        let (length, size) = match u32::from_be_bytes([a, b, c, d]) {
            0 => (8, range.end - at),
            1 => (16, u64::from_be_bytes(self.bytes(at.checked_add(8)?)?)),
            size => (8, size.into()),
        };
        // What follows the last box of a damaged or padded file is no box.
        let sensible = size >= length && kind.iter().all(|byte| (b' '..=b'~').contains(byte) || *byte == 0xa9);
        sensible.then(|| Found { kind, body: at + length..at.saturating_add(size) })
    }

    /// Finds the boxes of one kind in `range`: the ranges of their contents, as far as these lie in there.
    fn all(&mut self, range: &Range<u64>, kind: &[u8; 4]) -> Vec<Range<u64>> {
        let (mut found, mut at) = (Vec::new(), range.start);
        while let Some(next) = self.next(&(at..range.end)) {
            if next.kind == *kind {
                found.push(next.body.start..next.body.end.min(range.end));
            }
            at = next.body.end;
        }
        found
    }

    /// Tells whether a box of one of these kinds begins in `range`.
    fn any(&mut self, range: &Range<u64>, kinds: &[&[u8; 4]]) -> bool {
        let mut at = range.start;
        while let Some(next) = self.next(&(at..range.end)) {
            if kinds.contains(&&next.kind) {
                return true;
            }
            at = next.body.end;
        }
        false
    }

    /// The track's number in a track header, which lies after two times of 32 or 64 bits.
    fn track_number(&mut self, header: u64) -> Option<u32> {
        let [version] = self.bytes(header)?;
        let at = if version == 0 { 12 } else { 20 };
        self.bytes(header.checked_add(at)?).map(u32::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn atom(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&u32::try_from(body.len() + 8).unwrap().to_be_bytes()[..], kind, body].concat()
    }

    fn track(number: u32, entries: &[&[u8; 4]]) -> Vec<u8> {
        let header = [&[0; 12][..], &number.to_be_bytes(), &[0; 64]].concat();
        let entries: Vec<u8> = entries.iter().flat_map(|kind| atom(kind, &[0; 30])).collect();
        let table = atom(b"stsd", &[&[0, 0, 0, 0, 0, 0, 0, 1][..], &entries].concat());
        let media = atom(b"mdia", &atom(b"minf", &atom(b"stbl", &table)));
        atom(b"trak", &[atom(b"tkhd", &header), media].concat())
    }

    fn read(file: &[u8]) -> Boxes {
        Boxes::read(file.len() as u64, |at, buffer| {
            let rest = usize::try_from(at).ok().and_then(|at| file.get(at..)).unwrap_or_default();
            let count = rest.len().min(buffer.len());
            buffer[..count].copy_from_slice(&rest[..count]);
            count
        })
    }

    #[test]
    fn every_cut_of_a_needed_box_is_noticed_and_no_other() {
        let movie = atom(b"moov", &track(1, &[b"avc1"]));
        let (start, data) = (atom(b"ftyp", b"isom\0\0\0\0"), atom(b"mdat", &[7; 100]));
        let file = [start.clone(), data, movie, atom(b"free", &[0; 50])].concat();
        assert_eq!(read(&file), Boxes::default());
        let (first, free) = (start.len() + 8, file.len() - 58);
        for cut in first..=file.len() {
            let missing = read(&file[..cut]).missing;
            // A cut between two boxes leaves no trace.
            let between =
                [start.len() + 108, free].contains(&cut) || (start.len() + 108..start.len() + 116).contains(&cut);
            assert_eq!(missing > 0, cut < free && !between, "{cut}");
        }
    }

    #[test]
    fn sizes_of_64_bits_and_up_to_the_end_are_read() {
        let long = [&1_u32.to_be_bytes()[..], b"mdat", &1000_u64.to_be_bytes(), &[0; 84]].concat();
        assert_eq!(read(&long).missing, 900);
        let open = [&0_u32.to_be_bytes()[..], b"mdat", &[0; 84]].concat();
        assert_eq!(read(&open), Boxes::default());
        assert_eq!(read(&[&1_u32.to_be_bytes()[..], b"mdat", &u64::MAX.to_be_bytes()].concat()).missing, u64::MAX - 16);
    }

    #[test]
    fn protected_tracks_are_told_by_their_numbers() {
        let tracks = [track(1, &[b"avc1"]), track(7, &[b"avc1", b"encv"]), track(9, &[b"drms"])].concat();
        assert_eq!(read(&atom(b"moov", &tracks)).encrypted, [7, 9]);
    }

    #[test]
    fn a_picture_says_so() {
        assert!(read(&atom(b"ftyp", b"avif\0\0\0\0mif1")).picture);
        assert!(!read(&atom(b"ftyp", b"avis\0\0\0\0avif")).picture);
        assert!(!read(b"").picture);
    }
}
