//! The survey of a film, by which the places are found that are looked at closely.

use super::film::{Film, Rendition, of_width};
use super::place::Places;
use super::worth::Looked;
use crate::analyse::FaceDetector;
use crate::control::Control;
use crate::error::Result;
use crate::plan::Plan;

/// Width of the pictures in which a film is surveyed.
pub(super) const WIDTH: u32 = 288;
/// Stills of a film that are surveyed, at most, and seconds between them, at least; of a longer film than so many seconds only key
/// frames are, for nothing else need be decoded for them.
const MOST: f64 = 300.0;
const LEAST: f64 = 0.5;
const SHORT: f64 = 60.0;

/// A still that was surveyed.
#[derive(Clone, Debug)]
pub(super) struct Surveyed {
    /// When, in ticks of the rendition.
    pub(super) pts: i64,
    /// The same in seconds.
    pub(super) seconds: f64,
    /// What it is worth where it is.
    pub(super) worth: f32,
}

/// Surveys a film that lasts so many seconds.
///
/// # Errors
/// As [`Film::open`] and [`Film::next`].
pub(super) fn survey(
    rendition: &Rendition<'_>,
    plan: &Plan,
    places: &Places,
    control: &Control,
) -> Result<Vec<Surveyed>> {
    let mut film = Film::open(rendition, of_width(rendition.size, WIDTH), control)?;
    let mut detector = FaceDetector::default();
    let interval = plan.wanted.key_frames.interval.as_f64().max(LEAST);
    let step = (places.seconds / MOST).max(LEAST);
    let step = if places.seconds > SHORT { (step / interval).ceil() * interval } else { step };
    let (mut seen, mut number) = (Vec::new(), 0_u32);
    loop {
        let from = f64::from(number) * step;
        if number > 0 && from >= places.seconds {
            return Ok(seen);
        }
        film.go_to(film.tick_of(from))?;
        let Some(pts) = film.next()? else { return Ok(seen) };
        let seconds = film.seconds(pts);
        let looked = Looked::at(&film.picture()?, &mut detector);
        let worth = looked.worth() * places.factor(seconds);
        log::debug!("pictures: {seconds:.3} s is worth {worth:.2}, with {} faces", looked.faces.len());
        seen.push(Surveyed { pts, seconds, worth });
        // Where frames come seldom, the next is not the same again.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held to what there is")]
        let next = (seconds / step) as u32 + 1;
        number = next.max(number + 1);
    }
}

/// Gives the best of what was surveyed, so many at most, and so many seconds apart.
pub(super) fn best<T: Clone>(from: &[T], most: usize, apart: f64, of: impl Fn(&T) -> (f64, f32)) -> Vec<T> {
    let mut sorted: Vec<_> = from.iter().collect();
    sorted.sort_by(|a, b| of(b).1.total_cmp(&of(a).1));
    let mut chosen: Vec<T> = Vec::new();
    for candidate in sorted {
        if chosen.len() < most && chosen.iter().all(|other| (of(other).0 - of(candidate).0).abs() >= apart) {
            chosen.push(candidate.clone());
        }
    }
    chosen
}
