//! The animated preview: three seconds of the film.

use super::film::{Film, Rendition, of_width};
use super::place::Places;
use super::survey::{Surveyed, best};
use super::worth::ramp;
use crate::control::Control;
use crate::error::Result;
use crate::geometry::{Rational, Size};
use crate::image::{RgbPicture, animated_webp};
use crate::time::Time;

/// Seconds that it lasts, and its pictures a second.
pub(crate) const SECONDS: f64 = 3.0;
const RATE: u32 = 12;
/// The most bytes that it has, where any of [`FORMS`] comes to that: what pages with many of them can bear.
const LARGEST: usize = 600_000;
/// Widths in pixels, and qualities from 0 to 100, that are tried in turn.
const FORMS: [(u32, u8); 5] = [(270, 60), (270, 40), (270, 20), (180, 20), (180, 5)];
/// Places that are looked at closely.
const PLACES: usize = 4;
/// Width of the pictures by which motion is measured.
const MOVING: u32 = 90;

/// An animation.
pub(super) struct Animation {
    pub(super) file: Vec<u8>,
    pub(super) size: Size,
    /// Seconds that it lasts: fewer where the film ends before.
    pub(super) seconds: f64,
    /// When it begins.
    pub(super) time: Time,
}

/// Encodes the animation that begins at a time, in ticks of the rendition.
///
/// # Errors
/// As [`Film::open`] and [`Film::next`]; [`crate::Error::Libav`] when libavcodec cannot write WebP.
pub(super) fn make(rendition: &Rendition<'_>, from: i64, control: &Control) -> Result<Animation> {
    let mut made: Option<Animation> = None;
    let mut pictures = (Size { width: 0, height: 0 }, Vec::new(), Time::ZERO);
    for (width, quality) in FORMS {
        let size = of_width(rendition.size, width);
        if pictures.0 != size {
            let (read, time) = read(rendition, size, from, control)?;
            pictures = (size, read, time);
        }
        control.check()?;
        let file = animated_webp(&pictures.1, Rational { num: RATE.into(), den: 1 }, quality)?;
        let fits = file.len() <= LARGEST;
        #[expect(clippy::cast_precision_loss, reason = "a few")]
        let seconds = pictures.1.len() as f64 / f64::from(RATE);
        made = Some(Animation { file, size, seconds, time: pictures.2 });
        if fits {
            break;
        }
    }
    made.ok_or_else(|| crate::Error::misuse("there is no form of animations"))
}

/// Reads the pictures of an animation, at each of its times that which is shown then; and gives the time of the first.
fn read(rendition: &Rendition<'_>, size: Size, from: i64, control: &Control) -> Result<(Vec<RgbPicture>, Time)> {
    let mut film = Film::open(rendition, size, control)?;
    film.go_to(from)?;
    let mut pictures: Vec<RgbPicture> = Vec::new();
    let mut shown: Option<RgbPicture> = None;
    let (begin, mut time) = (film.seconds(from), 0.0);
    let mut number = 0;
    loop {
        let next = film.next()?;
        let at = next.map(|pts| film.seconds(pts) - begin);
        // A frame at that very time is shown then.
        while time < SECONDS - 1e-6 && at.is_some_and(|at| at > time + 1e-4) {
            if let Some(shown) = &shown {
                pictures.push(shown.clone());
            }
            number += 1;
            time = f64::from(number) / f64::from(RATE);
        }
        if next.is_none() || time >= SECONDS - 1e-6 {
            break;
        }
        shown = Some(film.picture()?.rgb);
    }
    if pictures.is_empty() || time < SECONDS - 1e-6 {
        // The last frame of the film.
        pictures.push(shown.ok_or_else(|| film.barren())?);
    }
    Ok((pictures, Time::of_ticks(from, film.time_base())))
}

/// Chooses where an animation begins: faces are seen and something moves, and if there is such a place no cut is in it. Gives the time
/// in ticks of the rendition.
///
/// # Errors
/// As [`Film::open`] and [`Film::next`].
pub(super) fn choose(
    rendition: &Rendition<'_>,
    surveyed: &[Surveyed],
    places: &Places,
    control: &Control,
) -> Result<Option<i64>> {
    let last = (places.seconds - SECONDS).max(0.0);
    // Stills that were surveyed may be far apart; a shot is shown from its beginning.
    let film = Film::open(rendition, of_width(rendition.size, MOVING), control)?;
    let cuts = places.cuts().map(|cut| (film.tick_of(cut), cut));
    let starts = surveyed.iter().map(|still| (still.pts, still.seconds)).chain(cuts);
    let begins: Vec<(i64, f64, f32)> = starts
        .filter(|(_, first)| *first <= last)
        .map(|(pts, first)| {
            let within = surveyed.iter().filter(|it| (first..first + SECONDS).contains(&it.seconds));
            let (sum, count) = within.fold((0.0, 0.0), |(sum, count), it| (sum + it.worth, count + 1.0));
            let cuts = places.cuts_between(first + 0.001, first + SECONDS);
            (pts, first, sum / f32::max(count, 1.0) * less(cuts))
        })
        .collect();
    let mut chosen = best(&begins, PLACES, SECONDS, |it| (it.1, it.2));
    chosen.sort_by_key(|place| place.0);
    let mut found: Option<(i64, f32)> = None;
    for (pts, seconds, worth) in chosen {
        let (motion, jumps) = motion(rendition, pts, control)?;
        // Something moves, and not everything.
        let lively = (0.5 + 0.5 * ramp(motion, 0.3, 3.0)) * (1.0 - 0.4 * ramp(motion, 12.0, 40.0));
        // Cuts between shots were counted already.
        let known = places.cuts_between(seconds + 0.001, seconds + SECONDS);
        let worth = worth * lively * less(jumps.saturating_sub(known));
        log::debug!("pictures: three seconds from {seconds:.3} s on are worth {worth:.2}, with motion {motion:.1}");
        if found.is_none_or(|(_, most)| worth > most) {
            found = Some((pts, worth));
        }
    }
    Ok(found.map(|(pts, _)| pts))
}

/// Gives what cuts leave of a worth.
fn less(cuts: usize) -> f32 {
    (0..cuts.min(8)).map(|_| 0.6).product()
}

/// Measures how much pictures differ from those before them, in the mean of samples of 8 bits and in the median of pictures, and counts
/// those that differ by far more.
fn motion(rendition: &Rendition<'_>, from: i64, control: &Control) -> Result<(f32, usize)> {
    const JUMP: f32 = 25.0;
    let (pictures, _) = read(rendition, of_width(rendition.size, MOVING), from, control)?;
    let mut steps: Vec<f32> = pictures
        .windows(2)
        .map(|pair| {
            let sum: u64 = pair[0].samples.iter().zip(&pair[1].samples).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
            #[expect(clippy::cast_precision_loss, reason = "a mean of samples")]
            let mean = sum as f32 / pair[0].samples.len().max(1) as f32;
            mean
        })
        .collect();
    steps.sort_by(f32::total_cmp);
    let median = steps.get(steps.len() / 2).copied().unwrap_or(0.0);
    let jumps = steps.iter().filter(|step| **step > JUMP && **step > 5.0 * median).count();
    Ok((median, jumps))
}
