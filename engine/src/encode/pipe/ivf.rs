//! IVF as a stream: a header of 32 bytes, then frames, each with its size and time.

use std::io::{self, Read};

/// Bytes of the file header that have a meaning; the header itself says how many it has.
const HEADER: usize = 32;
const FRAME_HEADER: usize = 12;

/// Bytes that are not an IVF file of AV1.
#[derive(Debug, thiserror::Error)]
pub enum IvfError {
    /// The stream ends in the middle.
    #[error("its output ends inside {0}")]
    Truncated(&'static str),
    /// A value that cannot be.
    #[error("its output has {0}")]
    Invalid(String),
    /// The stream could not be read.
    #[error("its output could not be read: {0}")]
    Io(#[from] io::Error),
}

/// Reads the frames of a stream one by one.
#[derive(Debug)]
pub struct IvfReader<R> {
    input: R,
    limit: usize,
    started: bool,
}

impl<R: Read> IvfReader<R> {
    /// Makes a reader that refuses frames above `limit` bytes.
    pub fn new(input: R, limit: usize) -> Self {
        Self { input, limit, started: false }
    }

    /// Reads the bytes of the next frame; `None` at the end. A stream without a single byte is one without frames. The
    /// times are not told: programs count them in ticks of their own.
    ///
    /// # Errors
    /// [`IvfError`]; nothing can be read after it.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>, IvfError> {
        if !self.started && !self.header()? {
            return Ok(None);
        }
        let Some(header) = self.block::<FRAME_HEADER>("a frame header")? else { return Ok(None) };
        let [a, b, c, d, ..] = header;
        let size = u32::from_le_bytes([a, b, c, d]) as usize;
        if size == 0 || size > self.limit {
            return Err(IvfError::Invalid(format!("a frame of {size} bytes; 1 to {} can be", self.limit)));
        }
        let frame = self.bytes(size)?;
        if frame.len() < size { Err(IvfError::Truncated("a frame")) } else { Ok(Some(frame)) }
    }

    /// Reads the file header; false when there is nothing at all.
    fn header(&mut self) -> Result<bool, IvfError> {
        let Some(header) = self.block::<HEADER>("the file header")? else { return Ok(false) };
        if !header.starts_with(b"DKIF") {
            return Err(IvfError::Invalid("no IVF signature".to_owned()));
        }
        if &header[8..12] != b"AV01" {
            return Err(IvfError::Invalid(format!(
                "a codec {:?} instead of AV01",
                header[8..12].escape_ascii().to_string()
            )));
        }
        let more = usize::from(u16::from_le_bytes([header[6], header[7]])).saturating_sub(HEADER);
        if self.bytes(more)?.len() < more {
            return Err(IvfError::Truncated("the file header"));
        }
        self.started = true;
        Ok(true)
    }

    /// Reads `N` bytes; `None` at the end of the stream.
    fn block<const N: usize>(&mut self, what: &'static str) -> Result<Option<[u8; N]>, IvfError> {
        let bytes = self.bytes(N)?;
        match <[u8; N]>::try_from(bytes) {
            Ok(block) => Ok(Some(block)),
            Err(bytes) if bytes.is_empty() => Ok(None),
            Err(_) => Err(IvfError::Truncated(what)),
        }
    }

    /// Reads up to `count` bytes, fewer only at the end. Memory grows with what is really there.
    fn bytes(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.input.by_ref().take(count as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(frames: &[Vec<u8>], extra: u16) -> Vec<u8> {
        let mut file = b"DKIF\0\0".to_vec();
        file.extend((32 + extra).to_le_bytes());
        file.extend(b"AV01");
        file.resize(32 + usize::from(extra), 7);
        for frame in frames {
            file.extend(u32::try_from(frame.len()).unwrap().to_le_bytes());
            file.extend([9; 8]);
            file.extend(frame);
        }
        file
    }

    fn read(input: impl Read, limit: usize) -> Result<Vec<Vec<u8>>, IvfError> {
        let mut reader = IvfReader::new(input, limit);
        std::iter::from_fn(|| reader.next_frame().transpose()).collect()
    }

    /// Gives a byte at a time, as a pipe may.
    struct Drops<'a>(&'a [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = buffer.len().min(1);
            self.0.read(&mut buffer[..count])
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn frames_come_out_as_they_are(
            frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..8),
            extra in 0_u16..9,
        ) {
            let file = file(&frames, extra);
            prop_assert_eq!(&read(&file[..], 40).unwrap(), &frames);
            prop_assert_eq!(&read(Drops(&file), 40).unwrap(), &frames);
        }

        #[test]
        fn a_file_cut_inside_is_truncated(
            frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 1..8),
            at in any::<proptest::sample::Index>(),
        ) {
            let file = file(&frames, 3);
            let mut whole = vec![0, 35];
            whole.extend(frames.iter().scan(35, |end, frame| { *end += 12 + frame.len(); Some(*end) }));
            let cut = at.index(file.len());
            let result = read(&file[..cut], 40);
            if whole.contains(&cut) {
                prop_assert!(result.is_ok());
            } else {
                prop_assert!(matches!(result, Err(IvfError::Truncated(_))), "{:?}", result);
            }
        }
    }

    #[test]
    fn what_is_not_ivf_is_refused_in_words() {
        let good = file(&[vec![1; 5]], 0);
        let changed = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            read(&bytes[..], 40).unwrap_err().to_string()
        };
        assert_eq!(changed(0, b'X'), "its output has no IVF signature");
        assert_eq!(changed(8, b'V'), "its output has a codec \"VV01\" instead of AV01");
        assert_eq!(changed(32, 41), "its output has a frame of 41 bytes; 1 to 40 can be");
        assert_eq!(changed(32, 0), "its output has a frame of 0 bytes; 1 to 40 can be");
        assert_eq!(changed(32, 6), "its output ends inside a frame");
        // A size of 4 GiB is refused before memory is asked for.
        assert!(changed(35, 255).contains("bytes; 1 to 40 can be"));
    }
}
