//! Making the pictures that lie beside the renditions, of these.

use super::animation::{self, Animation};
use super::close;
use super::film::{Film, Rendition, of_width};
use super::made::{AnimationFile, POSTER, PREVIEW, PictureFile, PicturesReport, SheetFile, StoryboardReport};
use super::place::Places;
use super::storyboard::{self, INDEX};
use super::survey;
use crate::control::Control;
use crate::encryption::ContentKey;
use crate::error::{Error, Result};
use crate::image::{WEBP, jpeg};
use crate::media::has_encoder;
use crate::plan::{Moment, Pictures, Plan, RungFollows};
use crate::time::Time;
use std::path::PathBuf;

/// libav's quantiser of JPEG for a poster, from 2 (best) to 31.
const QUANTISER: u8 = 3;

/// Gives the names of the files that pictures have, as far as they are known before: how many a storyboard has follows from the film.
pub(crate) fn names(pictures: &Pictures) -> Vec<String> {
    let poster = pictures.poster.map(|_| POSTER.to_owned());
    let preview = pictures.preview.map(|_| PREVIEW.to_owned());
    let board = if pictures.storyboard { vec![storyboard::file_name(0), INDEX.to_owned()] } else { Vec::new() };
    poster.into_iter().chain(preview).chain(board).collect()
}

/// Checks that what a plan wants can be written.
///
/// # Errors
/// [`Error::EncoderMissing`].
pub(crate) fn check(pictures: &Pictures) -> Result<()> {
    let needed = [("mjpeg", pictures.poster.is_some() || pictures.storyboard), (WEBP, pictures.preview.is_some())];
    match needed.into_iter().find(|(name, is_needed)| *is_needed && !has_encoder(name)) {
        Some((name, _)) => {
            let why =
                "the linked libavcodec was built without it; leave out the pictures that need it, or use another build";
            Err(Error::EncoderMissing { encoder: name.to_owned(), why: why.to_owned() })
        }
        None => Ok(()),
    }
}

/// Makes the pictures that a plan wants, of its renditions' files and the keys of those that are encrypted, in the order of the plan; the film ends after so many
/// seconds. Each goes to `put` under its name.
///
/// # Errors
/// Those of reading a file; [`Error::Libav`]; those of `put`; [`Error::Cancelled`].
pub(crate) fn make(
    plan: &Plan,
    files: &[(PathBuf, Option<ContentKey>)],
    seconds: f64,
    control: &Control,
    put: &mut dyn FnMut(String, &[u8]) -> Result<()>,
) -> Result<PicturesReport> {
    let all = plan.follows.rungs.iter().zip(files);
    let all = all.map(|(rung, (path, key))| (rung, Rendition { path, key: key.as_ref(), size: rung.size }));
    let all: Vec<_> = all.collect();
    let wanted = &plan.wanted.pictures;
    let (Some(large), Some(close), Some(small)) = (of(&all, u32::MAX), of(&all, close::WIDTH), of(&all, survey::WIDTH))
    else {
        return Ok(PicturesReport::default());
    };
    let mut made = PicturesReport::default();
    if wanted.storyboard {
        let mut sheets = Vec::new();
        let board = storyboard::make(small, seconds, control, &mut |file, bytes| {
            sheets.push(SheetFile { file: file.clone(), bytes: bytes.len() as u64 });
            put(file, bytes)
        })?;
        sheets.retain(|sheet| sheet.file != INDEX);
        let (size, grid, distance, stills) = (board.size, storyboard::GRID, board.distance, board.stills);
        made.storyboard =
            Some(StoryboardReport { file: INDEX.to_owned(), size, grid, distance, stills, files: sheets });
    }
    let places = Places::of(plan, seconds);
    let is_chosen = |moment: &Option<Moment>| moment.is_some_and(|moment| moment.at.is_none());
    let surveyed = if is_chosen(&wanted.poster) || is_chosen(&wanted.preview) {
        survey::survey(small, plan, &places, control)?
    } else {
        Vec::new()
    };
    if let Some(Moment { at }) = wanted.poster {
        let pts = match at {
            Some(at) => shown_at(small, at, seconds, control)?,
            None => close::poster(close, &surveyed, &places, control)?.unwrap_or(0),
        };
        let mut film = Film::open(large, large.size, control)?;
        film.go_to(pts)?;
        let pts = film.next()?.ok_or_else(|| film.barren())?;
        let bytes = jpeg(&film.picture()?.rgb, QUANTISER)?;
        let time = Time::of_ticks(pts, film.time_base());
        made.poster = Some(PictureFile { file: POSTER.to_owned(), size: large.size, time, bytes: bytes.len() as u64 });
        put(POSTER.to_owned(), &bytes)?;
    }
    if let Some(Moment { at }) = wanted.preview {
        let pts = match at {
            Some(at) => shown_at(small, at, seconds, control)?,
            None => animation::choose(small, &surveyed, &places, control)?.unwrap_or(0),
        };
        let Animation { file, size, seconds, time } = animation::make(small, pts, control)?;
        made.preview = Some(AnimationFile { file: PREVIEW.to_owned(), size, time, seconds, bytes: file.len() as u64 });
        put(PREVIEW.to_owned(), &file)?;
    }
    Ok(made)
}

/// Gives the time of the frame that is shown at a time, in ticks of the rendition; of the last one behind the end of the film.
fn shown_at(rendition: &Rendition<'_>, at: Time, end: f64, control: &Control) -> Result<i64> {
    let seconds = at.seconds().as_f64();
    if seconds >= end {
        log::warn!("pictures: the film ends at {end:.3} s, before {at}: its last frame is taken");
    }
    // Few frames last a second.
    for (back, is_all) in [(1.0, false), (seconds.max(end), true)] {
        let mut film = Film::open(rendition, of_width(rendition.size, 32), control)?;
        let until = at.ticks(film.time_base());
        film.go_to(film.tick_of((seconds.min(end) - back).max(0.0)))?;
        let mut shown = None;
        while let Some(pts) = film.next()? {
            if pts > until && (shown.is_some() || !is_all) {
                break;
            }
            shown = Some(pts);
        }
        match shown {
            Some(pts) => return Ok(pts),
            None if is_all => return Err(film.barren()),
            None => {}
        }
    }
    Ok(0)
}

/// Gives the narrowest rendition of at least this width, or the widest; of standard dynamic range, if there is one.
fn of<'a>(all: &'a [(&'a RungFollows, Rendition<'a>)], width: u32) -> Option<&'a Rendition<'a>> {
    let has_sdr = all.iter().any(|(rung, _)| !rung.colour.is_hdr());
    let those = || all.iter().filter(|(rung, _)| !has_sdr || !rung.colour.is_hdr()).map(|(_, rendition)| rendition);
    let narrow = those().filter(|it| it.size.width >= width).min_by_key(|it| it.size.width);
    narrow.or_else(|| those().max_by_key(|it| it.size.width))
}
