//! Still pictures of a film, as JPEG, for pages that people look at.

use super::sampling::SmallPictures;
use crate::control::Control;
use crate::error::{Error, Result};
use crate::frame::HeldFrame;
use crate::geometry::Rational;
use crate::image::{RgbConverter, jpeg};
use crate::media::{Event, Source};
use crate::picture::DeviceChoice;
use crate::time::Time;

/// Longest side of a still, in pixels.
const LONGEST: u32 = 240;
/// libav's quantiser of JPEG, from 2 (best) to 31: a few kilobytes each.
const QUANTISER: u8 = 6;

/// A still picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Still {
    /// When it is shown.
    pub time: Time,
    /// A whole JPEG file.
    pub jpeg: Vec<u8>,
}

/// Makes a still of the whole picture for each of some times, which rise: of the first frame at or after it, where there is one. The
/// film is decoded only as far as that needs, if `can_skip` says that frames may be left out. `on_still` is told of each.
///
/// # Errors
/// As [`Source::next`]; [`Error::Device`]; [`Error::Libav`] when libavcodec has no JPEG; [`Error::Cancelled`].
pub fn stills(
    source: Source,
    times: &[Time],
    can_skip: bool,
    control: &Control,
    on_still: &mut dyn FnMut(Still) -> Result<()>,
) -> Result<()> {
    let mut source = source;
    let video = source.info().video.clone();
    let converter = RgbConverter::new(&video.colour);
    let mut small = SmallPictures::new(&video, &DeviceChoice::Auto, &[SmallPictures::fitting(&video, LONGEST)])?;
    let mut wanted = times.iter().map(|time| first_tick(*time, video.time_base)).peekable();
    let mut number = 0;
    if let Some(&first) = wanted.peek().filter(|_| can_skip) {
        source.skip_to(first)?;
    }
    while let Some(&next) = wanted.peek() {
        control.check()?;
        match source.next()? {
            Event::Frame { pts, .. } if pts >= next => {
                let mut frame = small.blank();
                source.fill(small.area(), &mut frame)?;
                let mut set = small.make(&HeldFrame::new(frame), number, control)?;
                let picture = set.pop().ok_or_else(|| Error::misuse("a runner gave no picture"))?;
                let jpeg = jpeg(&converter.convert(&picture), QUANTISER)?;
                on_still(Still { time: Time::of_ticks(pts, video.time_base), jpeg })?;
                number += 1;
                // One frame may stand for several times.
                while wanted.next_if(|&wanted| wanted <= pts).is_some() {}
                if let Some(&next) = wanted.peek().filter(|_| can_skip) {
                    source.skip_to(next)?;
                }
            }
            Event::Frame { .. } | Event::Audio { .. } | Event::SoundChanged { .. } => {}
            Event::End => break,
        }
    }
    Ok(())
}

fn first_tick(time: Time, time_base: Rational) -> i64 {
    let ticks = time.ticks(time_base);
    if Time::of_ticks(ticks, time_base) >= time { ticks } else { ticks.saturating_add(1) }
}
