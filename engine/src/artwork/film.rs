//! A finished rendition, read picture by picture.

use crate::analyse::SmallPictures;
use crate::control::Control;
use crate::encryption::ContentKey;
use crate::error::{Error, Result};
use crate::frame::HeldFrame;
use crate::geometry::{Rational, Size};
use crate::image::{RgbConverter, RgbPicture};
use crate::media::{Event, Source};
use crate::picture::tone::MapSpec;
use crate::plan::to_bt709;
use crate::source::{AudioChoice, Input, OpenOptions};
use crate::time::Time;
use std::path::{Path, PathBuf};

/// A finished rendition.
#[derive(Clone, Debug)]
pub(super) struct Rendition<'a> {
    /// Its file, which may have a name for the time being.
    pub(super) path: &'a Path,
    /// The key that it is encrypted with, if it is.
    pub(super) key: Option<&'a ContentKey>,
    /// The size of its picture, in pixels.
    pub(super) size: Size,
}

/// A rendition from some time on, in pictures of one size: in BT.709, whatever the rendition is in.
pub(super) struct Film<'a> {
    source: Source,
    path: PathBuf,
    pictures: SmallPictures,
    converter: RgbConverter,
    number: u64,
    control: &'a Control,
}

/// One of its pictures.
pub(super) struct Picture {
    /// Luma and chroma of 8 bits.
    pub(super) frame: HeldFrame,
    /// The same in red, green and blue.
    pub(super) rgb: RgbPicture,
}

impl<'a> Film<'a> {
    /// Opens it, for pictures of this size.
    ///
    /// # Errors
    /// As [`Source::open_within`]; [`Error::Device`].
    pub(super) fn open(rendition: &Rendition<'_>, size: Size, control: &'a Control) -> Result<Self> {
        let path = rendition.path.to_path_buf();
        // Its own times are those of the plan.
        let key = rendition.key.cloned();
        let options = OpenOptions { audio: AudioChoice::None, origin: Some(0), key, ..OpenOptions::default() };
        let source = Source::open_within(&Input::Path(path.clone()), &options, control)?;
        let video = source.info().video.clone();
        let map = to_bt709(&video).unwrap_or_else(|error| {
            log::warn!("pictures are made of colours as they are: {error}");
            None
        });
        let colour = map.as_ref().map_or(video.colour, |_| MapSpec::output_colour(video.colour.chroma));
        let pictures = SmallPictures::for_files(&video, size, map.as_ref())?;
        Ok(Self { source, path, pictures, converter: RgbConverter::new(&colour), number: 0, control })
    }

    /// Leaves out frames before a time, which is later than any before.
    ///
    /// # Errors
    /// As [`Source::seek_to`].
    pub(super) fn go_to(&mut self, pts: i64) -> Result<()> {
        self.source.seek_to(pts)
    }

    /// Reads on to the next frame; gives its time, in ticks of [`Film::time_base`].
    ///
    /// # Errors
    /// As [`Source::next`]; [`Error::Cancelled`].
    pub(super) fn next(&mut self) -> Result<Option<i64>> {
        loop {
            self.control.check()?;
            match self.source.next()? {
                Event::Frame { pts, .. } => return Ok(Some(pts)),
                Event::Audio { .. } | Event::SoundChanged { .. } => {}
                Event::End => return Ok(None),
            }
        }
    }

    /// Gives the picture of the frame that [`Film::next`] has just told of.
    ///
    /// # Errors
    /// As [`Source::fill`]; [`Error::Device`]; [`Error::Cancelled`].
    pub(super) fn picture(&mut self) -> Result<Picture> {
        let mut frame = self.pictures.blank();
        self.source.fill(self.pictures.area(), &mut frame)?;
        let frame = self.pictures.make(&HeldFrame::new(frame), self.number, self.control)?.pop();
        let frame = frame.ok_or_else(|| Error::misuse("a runner gave no picture"))?;
        self.number += 1;
        Ok(Picture { rgb: self.converter.convert(&frame), frame })
    }

    /// Seconds of a tick.
    pub(super) fn time_base(&self) -> Rational {
        self.source.info().video.time_base
    }

    /// Gives the first tick at or after a time.
    pub(super) fn tick(&self, time: Time) -> i64 {
        let ticks = time.ticks(self.time_base());
        if Time::of_ticks(ticks, self.time_base()) >= time { ticks } else { ticks.saturating_add(1) }
    }

    /// Gives the tick nearest to a time in seconds.
    pub(super) fn tick_of(&self, seconds: f64) -> i64 {
        let Rational { num, den } = self.time_base();
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "times of a film")]
        let tick = (seconds * den as f64 / num.max(1) as f64).round() as i64;
        tick
    }

    /// Gives the seconds of a time in ticks.
    pub(super) fn seconds(&self, pts: i64) -> f64 {
        Time::of_ticks(pts, self.time_base()).seconds().as_f64()
    }

    /// Says that there is no frame where one must be.
    pub(super) fn barren(&self) -> Error {
        Error::Verify { path: self.path.clone(), why: "no frame of it can be decoded".to_owned() }
    }
}

/// Gives the size of a picture with this width, of the same shape as another; it is no larger, and both sides are even.
pub(super) fn of_width(size: Size, width: u32) -> Size {
    let width = width.min(size.width) / 2 * 2;
    let height = (u64::from(width) * u64::from(size.height)).div_ceil(u64::from(size.width.max(1)) * 2) * 2;
    let height = u32::try_from(height).unwrap_or(size.height).min(size.height);
    Size { width: width.max(2), height: height.max(2) }
}
