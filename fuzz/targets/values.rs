//! Any text as each value of the command line.

use crate::values;

/// # Panics
/// When a value is outside its documented range.
pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(time) = values::time(text) {
        assert!((0.0..=1_000_000_001.0).contains(&time.as_f64()));
    }
    if let Ok(duration) = values::duration(text) {
        assert!(duration.num > 0);
    }
    if let Ok(crop) = values::crop(text) {
        assert!((0.0..=1.0).contains(&crop.centre()));
    }
    if let Ok(protocol) = values::protocol(text) {
        assert_eq!(protocol, text);
    }
    let _ = (values::audio(text), values::device(text));
}
