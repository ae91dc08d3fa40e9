//! Any bytes as a film.

use std::io::Write;
use tempfile::NamedTempFile;
use upright_engine::Error;
use upright_engine::frame::{Area, Frame};
use upright_engine::geometry::Rational;
use upright_engine::media::{Event, Source};
use upright_engine::source::{Input, OpenOptions, Span};

/// Frames beyond this size are not decoded here: they are slow, and nothing new.
const MAX_FRAME_BYTES: usize = 1 << 22;
const MAX_EVENTS: usize = 100;

/// # Panics
/// When a source breaks what it promises.
pub(crate) fn check(data: &[u8]) {
    // A quarter of all inputs is read from its middle.
    let start = (data.last().copied().unwrap_or(0) % 4 == 3).then_some(Rational { num: 1, den: 10 });
    let mut file = NamedTempFile::new().expect("a temporary file can be made");
    file.write_all(data).expect("a temporary file can be written");
    let options = OpenOptions::default().threads(1).span(Span { start, duration: None });
    if let Err(error) = read(&Input::Path(file.path().to_owned()), &options) {
        let expected =
            matches!(error, Error::BadSource { .. }) || matches!((&error, start), (Error::NotInSource(_), Some(_)));
        assert!(expected, "bytes of a readable file are a bad source at worst: {error:?}");
    }
}

fn read(input: &Input, options: &OpenOptions) -> Result<(), Error> {
    let mut source = Source::open(input, options)?;
    let video = &source.info().video;
    assert!(video.time_base.num == 1 && video.frame_rate.num > 0);
    assert!(video.upright.width() >= 1.0 && video.upright.height() >= 1.0);
    if video.format.bytes() > MAX_FRAME_BYTES {
        return Ok(());
    }
    let mut frame = Frame::new(video.format);
    let mut last = None;
    for _ in 0..MAX_EVENTS {
        match source.next()? {
            Event::Frame { .. } => {
                source.fill(Area::whole(source.info().video.format), &mut frame)?;
                assert!(last.is_none_or(|last| last < frame.pts), "frames come in the order of their times");
                assert!(frame.duration >= 0);
                last = Some(frame.pts);
            }
            Event::Audio { track, packet } => {
                assert!(track < source.audio_tracks().count() && packet.duration >= 0);
            }
            Event::SoundChanged { .. } => {}
            Event::End => break,
        }
    }
    Ok(())
}
