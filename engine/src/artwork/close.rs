//! The close look at the best places of a film, by which the frame of the poster is found.

use super::eyes::Openness;
use super::film::{Film, Picture, Rendition, of_width};
use super::place::Places;
use super::survey::{Surveyed, best};
use super::worth::{Looked, SeenFace, ramp};
use crate::analyse::FaceDetector;
use crate::control::Control;
use crate::error::Result;

/// Width of the pictures that are looked at.
pub(super) const WIDTH: u32 = 540;
/// Places that are looked at closely, how far around each in seconds, and how many of its frames a second: a blink lasts a tenth of one
/// at least.
const PLACES: usize = 5;
const AROUND: f64 = 0.8;
const RATE: f64 = 15.0;

/// Chooses the frame of the poster: of the best places that were surveyed all frames around are looked at, and of these the one counts
/// in which faces are the sharpest, with eyes open, and no cut is near. Gives its time in ticks of the rendition.
///
/// # Errors
/// As [`Film::open`] and [`Film::next`].
pub(super) fn poster(
    rendition: &Rendition<'_>,
    surveyed: &[Surveyed],
    places: &Places,
    control: &Control,
) -> Result<Option<i64>> {
    let mut chosen = best(surveyed, PLACES, (places.seconds / 20.0).max(1.0), |it| (it.seconds, it.worth));
    chosen.sort_by_key(|place| place.pts);
    let (mut detector, mut found) = (FaceDetector::default(), None::<(i64, f32)>);
    for place in chosen {
        // Places may overlap, and a film is read in one direction.
        let mut film = Film::open(rendition, of_width(rendition.size, WIDTH), control)?;
        let [from, to] = places.around(place.seconds, AROUND);
        film.go_to(film.tick_of(from))?;
        let mut frames: Vec<(i64, f64, Picture)> = Vec::new();
        while let Some(pts) = film.next()? {
            let seconds = film.seconds(pts);
            if seconds > to && !frames.is_empty() {
                break;
            }
            let is_due = frames.last().is_none_or(|(_, last, _)| seconds - last > 1.0 / RATE - 0.005);
            if is_due || pts == place.pts {
                frames.push((pts, seconds, film.picture()?));
            }
        }
        let here = frames.iter().position(|(pts, ..)| *pts >= place.pts).unwrap_or(frames.len().saturating_sub(1));
        let Some((.., middle)) = frames.get(here) else { continue };
        let middle = Looked::at(middle, &mut detector);
        let people = middle.people();
        let mut looked = Vec::with_capacity(frames.len());
        for (pts, seconds, picture) in &frames {
            control.check()?;
            let look = Looked::around(picture, people, &mut detector);
            looked.push(Frame { pts: *pts, seconds: *seconds, looked: look, tiny: Tiny::of(picture) });
        }
        for (pts, worth) in judged(&looked, here, people, places) {
            if found.is_none_or(|(_, most)| worth > most) {
                found = Some((pts, worth));
            }
        }
    }
    Ok(found.map(|(pts, _)| pts))
}

/// A frame that was looked at closely.
struct Frame {
    pts: i64,
    seconds: f64,
    looked: Looked,
    tiny: Tiny,
}

/// Judges the frames of the shot that the one of number `here` is in, with these people: each one's time, and its worth beside the
/// others.
fn judged(frames: &[Frame], here: usize, people: &[SeenFace], places: &Places) -> Vec<(i64, f32)> {
    let cuts: Vec<_> = cuts(frames);
    let first = cuts.iter().rev().find(|&&cut| cut <= here).copied().unwrap_or(0);
    let end = cuts.iter().find(|&&cut| cut > here).copied().unwrap_or(frames.len());
    let people: Vec<_> = people.iter().map(|face| followed(frames, here, first..end, face.bounds)).collect();
    let best: Vec<_> = people.iter().map(|seen| Best::of(seen)).collect();
    let judge = |number: usize| {
        let frame = &frames[number];
        let beside = people.iter().zip(&best).map(|(seen, best)| best.beside(seen[number - first])).reduce(f32::min);
        let by_cut = if number < first + 2 && first > 0 || number + 2 >= end && end < frames.len() { 0.5 } else { 1.0 };
        let worth = frame.looked.worth() * beside.unwrap_or(1.0) * by_cut * places.factor(frame.seconds);
        log::debug!(
            "pictures: the frame at {:.3} s is worth {worth:.2}: {:?}",
            frame.seconds,
            people
                .iter()
                .filter_map(|seen| seen[number - first])
                .map(|face| (face.sharpness, face.open))
                .collect::<Vec<_>>()
        );
        (frame.pts, worth)
    };
    (first..end).map(judge).collect()
}

/// Follows a face of the frame `here` through those of a shot.
fn followed(frames: &[Frame], here: usize, shot: std::ops::Range<usize>, face: [f32; 4]) -> Vec<Option<&SeenFace>> {
    let mut seen = vec![None; shot.len()];
    let mut follow = |numbers: &mut dyn Iterator<Item = usize>| {
        let mut last = face;
        for number in numbers {
            let found = frames[number].looked.same(last);
            last = found.map_or(last, |face| face.bounds);
            seen[number - shot.start] = found;
        }
    };
    follow(&mut (here..shot.end));
    follow(&mut (shot.start..here).rev());
    seen
}

/// The sharpest that a face is in a shot, the widest that its eyes are open for a while, and the least that its mouth is.
struct Best {
    sharpness: f32,
    eyes: f32,
    mouth: f32,
}

impl Best {
    fn of(seen: &[Option<&SeenFace>]) -> Self {
        // In fifths of all frames, for single ones may be measured wrongly.
        let rank = |mut values: Vec<f32>, fifths: usize| {
            values.sort_by(f32::total_cmp);
            values.get(values.len().saturating_sub(1) * fifths / 5).copied().unwrap_or(0.0)
        };
        let open = || seen.iter().flatten().filter_map(|face| face.open);
        let faces = || seen.iter().flatten();
        Self {
            sharpness: rank(faces().map(|face| face.sharpness).collect(), 4),
            eyes: rank(open().map(|open| open.eyes).collect(), 4),
            mouth: rank(open().map(|open| open.mouth).collect(), 1),
        }
    }

    /// From 0 to 1: how sharp the face is, how open its eyes and how closed its mouth, beside its best.
    fn beside(&self, face: Option<&SeenFace>) -> f32 {
        let Some(face) = face else { return 0.2 };
        let sharp = if self.sharpness > 0.0 { ramp(face.sharpness / self.sharpness, 0.6, 0.95) } else { 1.0 };
        let open =
            |of: fn(Openness) -> f32, beside: f32| face.open.map(|open| of(open) / beside.max(f32::MIN_POSITIVE));
        let eyes = open(|open| open.eyes, self.eyes).map_or(1.0, |eyes| ramp(eyes, 0.6, 1.0));
        // Who speaks looks better between two words.
        let mouth = open(|open| open.mouth, self.mouth).map_or(0.0, |mouth| ramp(mouth, 1.1, 2.2));
        (0.4 + 0.6 * sharp) * (0.2 + 0.8 * eyes) * (1.0 - 0.25 * mouth)
    }
}

/// Mean brightness of some blocks of a picture.
struct Tiny([f32; 64]);

impl Tiny {
    fn of(picture: &Picture) -> Self {
        let (luma, stride) = picture.frame.plane::<u8>(0);
        let format = picture.frame.format();
        let [width, height] = [format.width, format.height].map(|side| side as usize / 8);
        let mut blocks = [0.0; 64];
        for (number, block) in blocks.iter_mut().enumerate() {
            let (left, top) = (number % 8 * width, number / 8 * height);
            let rows = (top..top + height).step_by(3).map(|row| &luma[row * stride + left..][..width]);
            let (sum, count) = rows.fold((0.0, 0.0), |(sum, count), row| {
                (sum + row.iter().map(|&sample| f32::from(sample)).sum::<f32>(), count + width as f32)
            });
            *block = sum / f32::max(count, 1.0);
        }
        Self(blocks)
    }

    /// The mean difference of blocks.
    fn difference(&self, other: &Self) -> f32 {
        self.0.iter().zip(&other.0).map(|(a, b)| (a - b).abs()).sum::<f32>() / 64.0
    }
}

/// Finds cuts: numbers of frames that differ from the one before by far more than others do.
fn cuts(frames: &[Frame]) -> Vec<usize> {
    const LEAST: f32 = 12.0;
    const TIMES: f32 = 5.0;
    let steps: Vec<_> = frames.windows(2).map(|pair| pair[0].tiny.difference(&pair[1].tiny)).collect();
    let mut sorted = steps.clone();
    sorted.sort_by(f32::total_cmp);
    let usual = sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
    let is_cut = |step: f32| step > LEAST && step > TIMES * usual;
    steps.iter().zip(1..).filter(|(step, _)| is_cut(**step)).map(|(_, number)| number).collect()
}
