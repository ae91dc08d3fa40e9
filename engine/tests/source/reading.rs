//! Reading a source to its end.

use std::path::{Path, PathBuf};
use upright_engine::Result;
use upright_engine::frame::{Area, Frame, Sample};
use upright_engine::geometry::Rational;
use upright_engine::media::{Event, Source};
use upright_engine::packet::Packet;
use upright_engine::source::{Damage, Input, OpenOptions, SourceInfo};
use upright_fixtures::{Clip, Fixture, catalogue};

/// All that came out of a source.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) info: SourceInfo,
    pub(crate) frames: Vec<Frame>,
    pub(crate) audio: Vec<Packet>,
    pub(crate) audio_time_base: Option<Rational>,
    pub(crate) damage: Damage,
}

impl Seen {
    /// Time stamps of the source, in ticks of [`upright_engine::source::VideoInfo::time_base`].
    pub(crate) fn source_times(&self) -> Vec<i64> {
        self.frames.iter().map(|frame| frame.pts + self.info.video.origin).collect()
    }
}

/// The whole of a file, with the audio track that libav thinks best.
pub(crate) fn whole() -> OpenOptions {
    OpenOptions::default().threads(2)
}

/// Reads a source to its end.
pub(crate) fn read(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Seen> {
    read_input(&Input::Path(path.as_ref().to_path_buf()), options, |frame, frames| frames.push(frame.clone()))
}

/// As [`read`], but for the frames, of which only the times are kept.
pub(crate) fn read_times(path: impl AsRef<Path>, options: &OpenOptions) -> Result<(Vec<i64>, Seen)> {
    let mut times = Vec::new();
    let input = Input::Path(path.as_ref().to_path_buf());
    let seen = read_input(&input, options, |frame, _| times.push(frame.pts))?;
    Ok((times.iter().map(|time| time + seen.info.video.origin).collect(), seen))
}

/// As [`read`]; `keep` says what to do with a frame.
pub(crate) fn read_input(
    input: &Input,
    options: &OpenOptions,
    mut keep: impl FnMut(&Frame, &mut Vec<Frame>),
) -> Result<Seen> {
    let mut source = Source::open(input, options)?;
    let mut frame = Frame::new(source.info().video.format);
    let (mut frames, mut audio) = (Vec::new(), Vec::new());
    loop {
        match source.next()? {
            Event::Frame { pts, duration } => {
                source.fill(Area::whole(source.info().video.format), &mut frame)?;
                assert_eq!((frame.pts, frame.duration), (pts, duration));
                keep(&frame, &mut frames);
            }
            Event::Audio { track: 0, packet } => audio.push(packet),
            Event::Audio { .. } => {}
            Event::SoundChanged { track } => {
                let copied = std::mem::take(&mut audio);
                source.convert_sound(track, copied.into_iter().map(Ok), |packet| {
                    audio.push(packet);
                    Ok(())
                })?;
            }
            Event::End => break,
        }
    }
    assert!(matches!(source.next()?, Event::End), "the end stays the end");
    Ok(Seen {
        info: source.info().clone(),
        frames,
        audio,
        audio_time_base: source.audio_tracks().next().map(|track| track.time_base),
        damage: source.damage().clone(),
    })
}

/// The samples of a plane, without padding.
pub(crate) fn samples(frame: &Frame, index: usize) -> Vec<u16> {
    fn rows<T: Sample + Into<u16>>(frame: &Frame, index: usize) -> Vec<u16> {
        let (samples, stride) = frame.plane::<T>(index);
        let width = frame.layout(index).width as usize;
        samples.chunks(stride).flat_map(|row| &row[..width]).map(|&sample| sample.into()).collect()
    }
    if frame.format().depth.bytes() == 1 { rows::<u8>(frame, index) } else { rows::<u16>(frame, index) }
}

/// The clip of this name in the catalogue, written into `directory`.
pub(crate) fn fixture(name: &str, directory: &Path) -> Fixture {
    catalogue::named(name).unwrap_or_else(|| panic!("no fixture is called {name}")).write(directory).unwrap()
}

/// A clip written into `directory`.
pub(crate) fn write(clip: &Clip, directory: &Path) -> PathBuf {
    clip.write(directory).unwrap().path
}
