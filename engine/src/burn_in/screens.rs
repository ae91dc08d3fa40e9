//! Which cues are shown at a time, and where each stands.

use super::look::{BOTTOM, TOP, lines_height};
use super::wanted::BurnInCue;
use crate::time::Time;
use serde::Serialize;

/// A cue that has its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct PlacedCue {
    /// What is shown, and when.
    pub(crate) cue: BurnInCue,
    /// From the top of the picture to that of its first line, in ten-thousandths of the picture's height.
    pub(crate) row: i32,
}

/// Something in the lower part of the pictures that text stands above.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Lift {
    /// From when on, until when.
    pub(crate) from: Time,
    pub(crate) to: Time,
    /// Where it begins, as a part of the picture's height.
    pub(crate) row: f64,
}

/// What is shown from a time on, until another: numbers of cues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Screen {
    pub(super) from: Time,
    pub(super) to: Time,
    pub(super) cues: Vec<usize>,
}

/// Room between text and what it stands above.
const MARGIN: i32 = 100;

/// Finds a place for every cue in pictures so many times as wide as high. One keeps its place as long as it is shown; those that come
/// while it is there stand above it, or below it at the top.
///
/// # Errors
/// Says where more text is shown at once than there is room for.
pub(crate) fn place(cues: &[BurnInCue], shape: f64, lifts: &[Lift]) -> Result<Vec<PlacedCue>, String> {
    let mut order: Vec<usize> = (0..cues.len()).collect();
    order.sort_by_key(|&number| cues[number].start);
    let mut rows = vec![0; cues.len()];
    let mut shown: Vec<usize> = Vec::new();
    for number in order {
        let cue = &cues[number];
        shown.retain(|&other| cues[other].end > cue.start);
        let height = |number: usize| lines_height(cues[number].lines.len(), shape);
        // Rows that are taken, of either end of the picture.
        let taken: Vec<[i32; 2]> = shown.iter().map(|&other| [rows[other], rows[other] + height(other)]).collect();
        let own = height(number);
        let is_free = |row: i32| taken.iter().all(|[from, to]| row >= *to || row + own <= *from);
        let row = if cue.top {
            let tops = taken.iter().map(|[_, to]| *to).chain([TOP]).filter(|row| *row >= TOP);
            tops.filter(|row| is_free(*row)).min().unwrap_or(TOP)
        } else {
            let lifted = lifts.iter().filter(|lift| lift.from < cue.end && cue.start < lift.to);
            #[expect(clippy::cast_possible_truncation, reason = "a part of the height")]
            let bottom = lifted.map(|lift| (lift.row * 10_000.0) as i32 - MARGIN).fold(BOTTOM, i32::min);
            let rows =
                taken.iter().map(|[from, _]| *from).chain([bottom]).filter(|end| *end <= bottom).map(|end| end - own);
            rows.filter(|row| is_free(*row)).max().unwrap_or(bottom - own)
        };
        if row < TOP || row + own > BOTTOM {
            let text = cue.lines.join(" ");
            return Err(format!(
                "“{text}” at {} has no room in the pictures, with all else that is shown then",
                cue.start
            ));
        }
        rows[number] = row;
        shown.push(number);
    }
    Ok(cues.iter().zip(rows).map(|(cue, row)| PlacedCue { cue: cue.clone(), row }).collect())
}

/// Divides the film where what is shown changes; leaves out where nothing is.
pub(super) fn screens(cues: &[PlacedCue]) -> Vec<Screen> {
    let mut times: Vec<Time> = cues.iter().flat_map(|placed| [placed.cue.start, placed.cue.end]).collect();
    times.sort_unstable();
    times.dedup();
    let mut order: Vec<usize> = (0..cues.len()).collect();
    order.sort_by_key(|&number| cues[number].cue.start);
    let (mut screens, mut shown, mut next) = (Vec::new(), Vec::<usize>::new(), 0);
    for pair in times.windows(2) {
        let [from, to] = [pair[0], pair[1]];
        shown.retain(|&number| cues[number].cue.end > from);
        while order.get(next).is_some_and(|&number| cues[number].cue.start <= from) {
            shown.push(order[next]);
            next += 1;
        }
        if !shown.is_empty() {
            screens.push(Screen { from, to, cues: shown.clone() });
        }
    }
    screens
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Rational;

    const SHAPE: f64 = 9.0 / 16.0;

    fn at(tenths: i64) -> Time {
        Time::from(Rational::new(tenths, 10))
    }

    fn cue(start: i64, end: i64, lines: usize, top: bool) -> BurnInCue {
        BurnInCue { start: at(start), end: at(end), lines: vec!["a".to_owned(); lines], top }
    }

    fn rows(cues: &[BurnInCue], lifts: &[Lift]) -> Vec<i32> {
        place(cues, SHAPE, lifts).unwrap().into_iter().map(|placed| placed.row).collect()
    }

    #[test]
    fn cues_end_at_the_bottom_and_those_that_come_later_stand_above_them_and_stay() {
        let [one, two] = [1, 2].map(|lines| lines_height(lines, SHAPE));
        let cues = [cue(0, 20, 2, false), cue(10, 40, 1, false), cue(20, 40, 1, false), cue(50, 60, 1, false)];
        assert_eq!(rows(&cues, &[]), [7500 - two, 7500 - two - one, 7500 - one, 7500 - one]);
        let tops = [cue(0, 20, 2, true), cue(10, 40, 1, true)];
        assert_eq!(rows(&tops, &[]), [1400, 1400 + two]);
    }

    #[test]
    fn text_stands_above_what_is_laid_into_the_picture() {
        let lift = Lift { from: at(10), to: at(20), row: 0.6 };
        let one = lines_height(1, SHAPE);
        let cues = [cue(0, 10, 1, false), cue(15, 40, 1, false), cue(16, 17, 1, true)];
        assert_eq!(rows(&cues, &[lift]), [7500 - one, 5900 - one, 1400]);
    }

    #[test]
    fn more_text_than_there_is_room_for_is_refused() {
        let cues: Vec<_> = (0..20).map(|_| cue(0, 10, 1, false)).collect();
        assert!(place(&cues, SHAPE, &[]).is_err());
        assert!(place(&cues[..14], SHAPE, &[]).is_ok());
    }

    #[test]
    fn screens_are_divided_where_a_cue_begins_or_ends() {
        let cues = place(&[cue(0, 20, 1, false), cue(10, 30, 1, false), cue(40, 50, 1, false)], SHAPE, &[]).unwrap();
        let shown: Vec<_> = screens(&cues).into_iter().map(|it| (it.from, it.to, it.cues)).collect();
        let expected = [(0, 10, vec![0]), (10, 20, vec![0, 1]), (20, 30, vec![1]), (40, 50, vec![2])];
        assert_eq!(shown, expected.map(|(from, to, cues)| (at(from), at(to), cues)));
    }
}
