//! Any bytes as a file of subtitles.

use std::io::Write;
use tempfile::Builder;
use upright_engine::captions::Subtitles;
use upright_engine::geometry::Rational;
use upright_engine::sidecar::SubtitleFile;
use upright_engine::source::Span;
use upright_engine::{Control, Error, Result};

/// # Panics
/// When what is read is no track, or is not read again as what was written.
pub(crate) fn check(data: &[u8]) {
    let whole = Span::default();
    let part = Span { start: Some(Rational { num: 3, den: 2 }), duration: Some(Rational { num: 2, den: 1 }) };
    let Some(track) = read(data, whole) else { return };
    for pair in track.cues.windows(2) {
        assert!(pair[0].from <= pair[1].from, "cues come in the order of their times");
    }
    assert!(track.cues.iter().all(|cue| 0 <= cue.from && cue.from < cue.until));
    let again = read(track.webvtt().as_bytes(), whole).expect("what is written can be read");
    assert_eq!(again.webvtt(), track.webvtt());
    let cut = read(data, part).expect("a part of what can be read can be");
    assert!(cut.cues.iter().all(|cue| cue.from < cue.until && cue.until <= 2_000_000_000));
}

fn read(data: &[u8], span: Span) -> Option<Subtitles> {
    let read = || -> Result<Subtitles> {
        let mut file = Builder::new().suffix(".srt").tempfile().expect("a temporary file can be made");
        file.write_all(data).expect("a temporary file can be written");
        SubtitleFile::new(file.path().to_owned(), None, Vec::new())?.read(1, span, &Control::default())
    };
    match read() {
        Ok(track) => Some(track),
        Err(Error::BadSubtitles { .. }) => None,
        Err(error) => panic!("bytes of a readable file are bad subtitles at worst: {error:?}"),
    }
}
