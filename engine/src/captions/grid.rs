//! Rows of letters.

use super::cue::{Line, Style};
use std::ops::Range;

/// A letter and how it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) letter: char,
    pub(super) style: Style,
}

/// Rows and columns of letters, some of them empty. What lies outside is written to no effect.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    columns: usize,
    cells: Vec<Option<Cell>>,
}

impl Grid {
    /// Makes an empty one.
    pub(super) fn new(rows: usize, columns: usize) -> Self {
        Self { columns, cells: vec![None; rows * columns] }
    }

    /// Counts its rows.
    pub(super) fn rows(&self) -> usize {
        self.cells.len() / self.columns.max(1)
    }

    /// Adds empty rows below, or takes the lowest away.
    pub(super) fn set_rows(&mut self, rows: usize) {
        self.cells.resize(rows * self.columns, None);
    }

    /// Writes a letter, or empties its cell.
    pub(super) fn put(&mut self, row: usize, column: usize, cell: Option<Cell>) {
        if let Some(place) = self.row_mut(row).get_mut(column) {
            *place = cell;
        }
    }

    /// Empties a row from a column on.
    pub(super) fn erase(&mut self, row: usize, from: usize) {
        if let Some(cells) = self.row_mut(row).get_mut(from..) {
            cells.fill(None);
        }
    }

    /// Empties all of it.
    pub(super) fn clear(&mut self) {
        self.cells.fill(None);
    }

    /// Empties the rows outside `kept`.
    pub(super) fn keep_rows(&mut self, kept: &Range<usize>) {
        for row in (0..self.rows()).filter(|row| !kept.contains(row)) {
            self.erase(row, 0);
        }
    }

    /// Moves rows to where the first of them is row `to`; what they leave is empty, what they cover is lost.
    pub(super) fn move_rows(&mut self, rows: Range<usize>, to: usize) {
        let moved: Vec<Vec<Option<Cell>>> = rows.clone().map(|row| self.row(row).to_vec()).collect();
        for row in rows {
            self.erase(row, 0);
        }
        for (row, cells) in (to..).zip(moved) {
            let place = self.row_mut(row);
            if place.len() == cells.len() {
                place.copy_from_slice(&cells);
            }
        }
    }

    /// Looks at a row; one that is not there has no cells.
    pub(super) fn row(&self, row: usize) -> &[Option<Cell>] {
        self.cells.chunks(self.columns.max(1)).nth(row).unwrap_or_default()
    }

    fn row_mut(&mut self, row: usize) -> &mut [Option<Cell>] {
        self.cells.chunks_mut(self.columns.max(1)).nth(row).unwrap_or_default()
    }

    /// Gives the rows that have text: their number, the columns that it takes, and the text.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, Range<usize>, Line)> {
        self.cells.chunks(self.columns.max(1)).enumerate().filter_map(|(row, cells)| {
            let is_letter = |cell: &Option<Cell>| cell.is_some_and(|cell| !cell.letter.is_whitespace());
            let first = cells.iter().position(is_letter)?;
            let end = cells.iter().rposition(is_letter)? + 1;
            let empty = (' ', Style::default());
            let line = Line::of(cells.iter().map(|cell| cell.map_or(empty, |cell| (cell.letter, cell.style))));
            Some((row, first..end, line))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(rows: &[&str]) -> Grid {
        let mut grid = Grid::new(rows.len(), 6);
        for (row, text) in rows.iter().enumerate() {
            for (column, letter) in text.chars().enumerate().filter(|(_, letter)| *letter != '.') {
                grid.put(row, column, Some(Cell { letter, style: Style::default() }));
            }
        }
        grid
    }

    fn text(grid: &Grid) -> Vec<(usize, Range<usize>, String)> {
        grid.lines().map(|(row, columns, line)| (row, columns, line.text())).collect()
    }

    #[test]
    fn cells_are_small() {
        // CaptionDecoder says how much memory it takes at most.
        assert_eq!(size_of::<Option<Cell>>(), 8);
    }

    #[test]
    fn empty_cells_between_letters_are_spaces() {
        let grid = grid(&["..a.b.", "  ", " c"]);
        assert_eq!(text(&grid), [(0, 2..5, "a b".to_owned()), (2, 1..2, "c".to_owned())]);
    }

    #[test]
    fn rows_move_and_leave_nothing() {
        let mut moved = grid(&["a", "b", "c", "d"]);
        moved.move_rows(1..3, 0);
        assert_eq!(text(&moved), [(0, 0..1, "b".to_owned()), (1, 0..1, "c".to_owned()), (3, 0..1, "d".to_owned())]);
        moved.move_rows(0..2, 3);
        assert_eq!(text(&moved), [(3, 0..1, "b".to_owned())]);
        moved.keep_rows(&(0..1));
        assert_eq!(text(&moved), []);
    }

    #[test]
    fn what_lies_outside_is_not_written() {
        let mut grid = grid(&["abc"]);
        grid.put(0, 6, None);
        grid.put(1, 0, None);
        grid.erase(9, 9);
        grid.erase(0, 9);
        grid.erase(0, 2);
        grid.move_rows(5..7, 0);
        grid.set_rows(2);
        assert_eq!((grid.rows(), text(&grid)), (2, vec![(0, 0..2, "ab".to_owned())]));
    }
}
