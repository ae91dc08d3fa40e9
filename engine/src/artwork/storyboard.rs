//! The storyboard: small stills at even distances, many in a file, and an index of them as players read it.

use super::film::{Film, Rendition, of_width};
use crate::captions::{CueText, Settings, WEBVTT_HEADER, webvtt_cue};
use crate::control::Control;
use crate::error::Result;
use crate::geometry::{Rational, Size};
use crate::image::{RgbPicture, jpeg};
use crate::time::Time;

/// Name of the index.
pub(crate) const INDEX: &str = "storyboard.vtt";

/// Names of the files with the stills, around their numbers from 1.
pub(crate) const SHEETS: [&str; 2] = ["storyboard-", ".jpg"];

/// Stills of a file, across and down.
pub(crate) const GRID: [u32; 2] = [5, 5];
/// Width of a still, in pixels: what players show over the bar.
const WIDTH: u32 = 144;
/// libav's quantiser of JPEG, from 2 (best) to 31.
const QUANTISER: u8 = 5;

/// Seconds from one still to the next: the least of these with which there are no more than [`ENOUGH`], or, of long films, from
/// [`COARSE`] on no more than [`MOST`].
const DISTANCES: [i64; 9] = [1, 2, 4, 10, 20, 30, 60, 120, 300];
const ENOUGH: f64 = 120.0;
const COARSE: i64 = 10;
const MOST: f64 = 1000.0;

/// What a storyboard is like.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Storyboard {
    /// Size of a still, in pixels.
    pub(crate) size: Size,
    /// Seconds from one still to the next.
    pub(crate) distance: i64,
    /// Stills.
    pub(crate) stills: u32,
}

/// Gives the name of the file of this number, from 0.
pub(crate) fn file_name(number: u32) -> String {
    let [before, after] = SHEETS;
    format!("{before}{}{after}", number + 1)
}

/// Gives the seconds from one still to the next, of a film that lasts so many seconds.
fn distance(seconds: f64) -> i64 {
    #[expect(clippy::cast_precision_loss, reason = "small whole numbers")]
    let fits = |distance: &&i64| seconds / **distance as f64 <= if **distance < COARSE { ENOUGH } else { MOST };
    DISTANCES.iter().find(fits).copied().unwrap_or(3600)
}

/// Makes the storyboard of a film that lasts so many seconds; each file, and at last the index, goes to `put` under its name. A still
/// is the first frame that begins in its time, and where there is none the still before it.
///
/// # Errors
/// As [`Film::open`] and [`Film::next`]; those of `put`.
pub(super) fn make(
    rendition: &Rendition<'_>,
    seconds: f64,
    control: &Control,
    put: &mut dyn FnMut(String, &[u8]) -> Result<()>,
) -> Result<Storyboard> {
    let (size, distance) = (of_width(rendition.size, WIDTH), distance(seconds));
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few")]
    let stills = ((seconds / distance as f64).ceil() as u32).max(1);
    let board = Storyboard { size, distance, stills };
    let mut film = Film::open(rendition, size, control)?;
    let mut sheet = Sheet::new(size);
    let tick_of = |film: &Film<'_>, still: u32| film.tick(Time::from(Rational::new(i64::from(still) * distance, 1)));
    let mut ahead: Option<(i64, RgbPicture)> = None;
    let mut shown: Option<RgbPicture> = None;
    for still in 0..stills {
        let from = tick_of(&film, still);
        if ahead.as_ref().is_none_or(|(pts, _)| *pts < from) {
            film.go_to(from)?;
            ahead = film.next()?.map(|pts| film.picture().map(|picture| (pts, picture.rgb))).transpose()?;
        }
        let until = tick_of(&film, still + 1);
        if let Some((_, picture)) = ahead.as_ref().filter(|(pts, _)| *pts < until || shown.is_none()) {
            shown = Some(picture.clone());
        }
        sheet.add(shown.as_ref().ok_or_else(|| film.barren())?);
        if sheet.is_full() || still + 1 == stills {
            let bytes = jpeg(&sheet.picture, QUANTISER)?;
            put(file_name(still / (GRID[0] * GRID[1])), &bytes)?;
            sheet = Sheet::new(size);
        }
    }
    put(INDEX.to_owned(), index(&board, seconds).as_bytes())?;
    Ok(board)
}

/// Stills side by side; where none is, black.
struct Sheet {
    picture: RgbPicture,
    size: Size,
    stills: u32,
}

impl Sheet {
    fn new(size: Size) -> Self {
        let [width, height] = [size.width * GRID[0], size.height * GRID[1]].map(|side| side as usize);
        Self { picture: RgbPicture { width, height, samples: vec![0; width * height * 3] }, size, stills: 0 }
    }

    fn add(&mut self, still: &RgbPicture) {
        let [left, top] = place(self.stills, self.size).map(|side| side as usize);
        for (y, row) in still.samples.chunks_exact(still.width * 3).enumerate() {
            let start = ((top + y) * self.picture.width + left) * 3;
            self.picture.samples[start..start + row.len()].copy_from_slice(row);
        }
        self.stills += 1;
    }

    fn is_full(&self) -> bool {
        self.stills == GRID[0] * GRID[1]
    }
}

/// Gives left and top of a still in its file.
fn place(still: u32, size: Size) -> [u32; 2] {
    let number = still % (GRID[0] * GRID[1]);
    [number % GRID[0] * size.width, number / GRID[0] * size.height]
}

/// Writes the index: WebVTT whose texts are parts of files, by media fragments (`xywh`).
fn index(board: &Storyboard, seconds: f64) -> String {
    let mut text = WEBVTT_HEADER.to_owned();
    for still in 0..board.stills {
        let [left, top] = place(still, board.size);
        let [from, to] = [still, still + 1].map(|still| i64::from(still) * board.distance * 1000);
        #[expect(clippy::cast_possible_truncation, reason = "times of a film")]
        let to = if still + 1 == board.stills { (seconds * 1000.0).round() as i64 } else { to };
        let (file, Size { width, height }) = (file_name(still / (GRID[0] * GRID[1])), board.size);
        let part =
            CueText { text: format!("{file}#xywh={left},{top},{width},{height}"), settings: Settings::default() };
        text.push_str(&webvtt_cue(from, to, Rational { num: 1, den: 1000 }, &part));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_grow_with_the_film_and_stills_stay_bounded() {
        for (seconds, distance) in
            [(0.1, 1), (60.0, 1), (121.0, 2), (400.0, 4), (1300.0, 10), (7200.0, 10), (11_000.0, 20)]
        {
            assert_eq!(super::distance(seconds), distance, "{seconds}");
        }
        for hours in 1..80 {
            let seconds = f64::from(hours) * 3600.0;
            assert!(seconds / super::distance(seconds) as f64 <= MOST);
        }
    }

    #[test]
    fn the_index_covers_the_film_without_gap() {
        let size = Size { width: 144, height: 256 };
        let board = Storyboard { size, distance: 2, stills: 27 };
        let text = index(&board, 52.5);
        assert!(text.starts_with("WEBVTT\n\n00:00:00.000 --> 00:00:02.000\nstoryboard-1.jpg#xywh=0,0,144,256\n\n"));
        assert!(text.contains("00:00:48.000 --> 00:00:50.000\nstoryboard-1.jpg#xywh=576,1024,144,256\n"), "{text}");
        assert!(text.ends_with("00:00:52.000 --> 00:00:52.500\nstoryboard-2.jpg#xywh=144,0,144,256\n\n"), "{text}");
    }
}
