//! Making the pictures that lie beside the renditions, of these.

use super::animation;
use super::choice::{self, CLOSE};
use super::film::{Film, Rendition};
use super::made::{AnimationFile, POSTER, PREVIEW, PictureFile, PicturesReport, SheetFile, StoryboardReport};
use super::place::Places;
use super::storyboard::{self, INDEX};
use crate::control::Control;
use crate::error::{Error, Result};
use crate::image::{WEBP, jpeg};
use crate::media::has_encoder;
use crate::plan::{Moment, Pictures, Plan, RungFollows};
use crate::time::Time;
use std::path::Path;

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

/// Makes the pictures that a plan wants, of its renditions' files, which are in the order of the plan; the film ends after so many
/// seconds. Each goes to `put` under its name.
///
/// # Errors
/// Those of reading a file; [`Error::Libav`]; those of `put`; [`Error::Cancelled`].
pub(crate) fn make(
    plan: &Plan,
    files: &[impl AsRef<Path>],
    seconds: f64,
    control: &Control,
    put: &mut dyn FnMut(String, &[u8]) -> Result<()>,
) -> Result<PicturesReport> {
    let all = plan.follows.rungs.iter().zip(files);
    let all: Vec<_> = all.map(|(rung, file)| (rung, Rendition { path: file.as_ref(), size: rung.size })).collect();
    let wanted = &plan.wanted.pictures;
    let (Some(large), Some(small)) = (of(&all, u32::MAX), of(&all, CLOSE)) else {
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
        choice::survey(small, plan, &places, control)?
    } else {
        Vec::new()
    };
    if let Some(moment) = wanted.poster {
        let chosen = match moment.at {
            Some(_) => None,
            None => choice::poster(small, &surveyed, &places, control)?,
        };
        let mut film = Film::open(large, large.size, control)?;
        let pts = begin(&mut film, moment, chosen, seconds)?;
        let bytes = jpeg(&film.picture()?.rgb, QUANTISER)?;
        let time = Time::of_ticks(pts, film.time_base());
        made.poster = Some(PictureFile { file: POSTER.to_owned(), size: large.size, time, bytes: bytes.len() as u64 });
        put(POSTER.to_owned(), &bytes)?;
    }
    if let Some(moment) = wanted.preview {
        let chosen = match moment.at {
            Some(_) => None,
            None => animation::choose(small, &surveyed, &places, control)?,
        };
        let mut film = Film::open(small, small.size, control)?;
        let pts = begin(&mut film, moment, chosen, seconds)?;
        let animation = animation::make(small, pts, control)?;
        let (time, bytes) = (Time::of_ticks(pts, film.time_base()), animation.file.len() as u64);
        let (size, seconds) = (animation.size, animation.seconds);
        made.preview = Some(AnimationFile { file: PREVIEW.to_owned(), size, time, seconds, bytes });
        put(PREVIEW.to_owned(), &animation.file)?;
    }
    Ok(made)
}

/// Goes to the frame of a moment, or to the first one at or after what was chosen; gives its time.
fn begin(film: &mut Film<'_>, moment: Moment, chosen: Option<i64>, seconds: f64) -> Result<i64> {
    let wanted = moment.at.map(|at| film.tick(at));
    film.go_to(wanted.or(chosen).unwrap_or(0))?;
    if let Some(pts) = film.next()? {
        return Ok(pts);
    }
    Err(Error::invalid(
        "pictures",
        moment.at.map(|at| at.to_string()).unwrap_or_default(),
        format!("no frame begins there or later; the film ends at {seconds:.3} s"),
    ))
}

/// Gives the narrowest rendition of at least this width, or the widest; of standard dynamic range, if there is one.
fn of<'a>(all: &'a [(&'a RungFollows, Rendition<'a>)], width: u32) -> Option<&'a Rendition<'a>> {
    let has_sdr = all.iter().any(|(rung, _)| !rung.colour.is_hdr());
    let those = || all.iter().filter(|(rung, _)| !has_sdr || !rung.colour.is_hdr()).map(|(_, rendition)| rendition);
    let narrow = those().filter(|it| it.size.width >= width).min_by_key(|it| it.size.width);
    narrow.or_else(|| those().max_by_key(|it| it.size.width))
}
