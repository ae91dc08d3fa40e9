//! Lines that stand together.

use super::cue::{Line, Place};

/// Lines, and the part of the picture that they take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) lines: Vec<Line>,
    pub(super) place: Place,
}

/// The height of a row, in thousandths of the picture's: both standards have 15 within the area that every screen
/// shows, which is four fifths of the picture's height; 47 CFR 79.101, clauses (d) and (n)(12).
pub(super) const ROW: u16 = 800 / 15;
/// The room between lines from which on they are captions of their own; less is a blank row within one.
const APART: u16 = 2 * ROW - 4;

/// Puts blocks of single lines in order from top to bottom and from left to right, and joins those that stand together.
pub(super) fn join(mut lines: Vec<Block>) -> Vec<Block> {
    lines.sort_by_key(|line| (line.place.top, line.place.left));
    let mut blocks: Vec<Block> = Vec::new();
    for line in lines {
        match blocks.last_mut() {
            Some(last) if line.place.top < last.place.bottom.saturating_add(APART) => {
                last.place = Place {
                    top: last.place.top.min(line.place.top),
                    bottom: last.place.bottom.max(line.place.bottom),
                    left: last.place.left.min(line.place.left),
                    right: last.place.right.max(line.place.right),
                };
                last.lines.extend(line.lines);
            }
            _ => blocks.push(line),
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captions::cue::Style;

    fn row(row: u16, left: u16, text: &str) -> Block {
        let lines = vec![Line::of(text.chars().map(|letter| (letter, Style::default())))];
        let place = Place { top: row * 800 / 15, bottom: (row + 1) * 800 / 15, left, right: left + 50 };
        Block { lines, place }
    }

    #[test]
    fn one_blank_row_parts_nothing_and_two_do() {
        let blocks = join(vec![row(7, 300, "d"), row(1, 200, "a"), row(4, 0, "c"), row(3, 10, "b")]);
        let texts: Vec<_> = blocks.iter().map(|block| block.lines.iter().map(Line::text).collect::<String>()).collect();
        assert_eq!(texts, ["abc", "d"]);
        assert_eq!(blocks[0].place, Place { top: 53, bottom: 266, left: 0, right: 250 });
    }

    #[test]
    fn lines_side_by_side_come_from_left_to_right() {
        let [block] = <[Block; 1]>::try_from(join(vec![row(2, 300, "b"), row(2, 20, "a")])).unwrap();
        assert_eq!(block.lines.iter().map(Line::text).collect::<String>(), "ab");
    }
}
