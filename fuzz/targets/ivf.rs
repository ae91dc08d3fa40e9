//! Any bytes as the output of an encoder's program.

use upright_engine::encode::pipe::ivf::IvfReader;

/// Frames above this many bytes are refused.
const LIMIT: usize = 1000;

/// # Panics
/// When the reader breaks what it promises.
pub(crate) fn check(data: &[u8]) {
    let mut reader = IvfReader::new(data, LIMIT);
    let mut bytes = 0;
    while let Ok(Some(frame)) = reader.next_frame() {
        assert!((1..=LIMIT).contains(&frame.len()));
        bytes += 12 + frame.len();
    }
    assert!(bytes == 0 || 32 + bytes <= data.len(), "no byte is read twice");
}
