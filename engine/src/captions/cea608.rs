//! A caption channel of CEA-608: a screen of 15 rows and 32 columns, and one that is not shown yet.
//!
//! Clauses are those of 47 CFR 79.101, which says how receivers decode captions, and which CEA-608 agrees with.

use super::block::{Block, join};
use super::clock::Clock;
use super::cue::{Colour, Place, Style, Track};
use super::grid::{Cell, Grid};
use super::output::Output;
use super::showing::{Change, Showing};
use cea608_types::tables::{self, Control, MidRow, PreambleAddressCode};
use std::ops::Range;

/// Clause (d).
const ROWS: usize = 15;
const COLUMNS: usize = 32;
/// The base row of captions that roll up, where none is given; clause (f)(1)(ii).
const LAST_ROW: usize = ROWS - 1;

/// How captions are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Written unseen, and shown all at once; clause (f)(2).
    PopOn,
    /// Written where they are seen; clause (f)(3).
    PaintOn,
    /// Written on a base row, and moved up by the next line, until they leave a window of so many rows; clause (f)(1).
    RollUp(usize),
}

/// Decodes the captions of one channel.
#[derive(Clone, Debug)]
pub(super) struct Channel {
    clock: Clock,
    /// None before the first command that says it; until then, letters are left out.
    mode: Option<Mode>,
    shown: Grid,
    hidden: Grid,
    row: usize,
    /// [`COLUMNS`] behind the last column, where another letter replaces the last.
    column: usize,
    style: Style,
    showing: Showing,
}

impl Channel {
    /// Begins, with nothing shown.
    pub(super) fn new(track: Track, clock: Clock) -> Self {
        Self {
            clock,
            mode: None,
            shown: Grid::new(ROWS, COLUMNS),
            hidden: Grid::new(ROWS, COLUMNS),
            row: LAST_ROW,
            column: 0,
            style: Style::default(),
            showing: Showing::new(track),
        }
    }

    /// Writes a letter, and goes on to the next column; none is a transparent space.
    pub(super) fn write(&mut self, time: i64, letter: Option<char>) {
        let cell = letter.map(|letter| Cell { letter, style: self.style });
        let (row, column) = (self.row, self.column.min(COLUMNS - 1));
        self.column = column + 1;
        if let Some(grid) = self.written(time) {
            grid.put(row, column, cell);
        }
    }

    /// Writes a letter of the extended sets of CEA-608, in place of the one before it, which stands in for it on
    /// receivers that don't have it.
    pub(super) fn write_instead(&mut self, time: i64, letter: Option<char>) {
        self.column = self.column.saturating_sub(1);
        self.write(time, letter);
    }

    /// Follows a control code that is no letter.
    pub(super) fn control(&mut self, time: i64, control: Control) {
        match control {
            Control::ResumeCaptionLoading => self.mode = Some(Mode::PopOn),
            Control::ResumeDirectionCaptioning => self.mode = Some(Mode::PaintOn),
            Control::RollUp2 => self.roll_up(time, 2),
            Control::RollUp3 => self.roll_up(time, 3),
            Control::RollUp4 => self.roll_up(time, 4),
            Control::EndOfCaption => {
                self.touch(time, Change::Caption);
                std::mem::swap(&mut self.shown, &mut self.hidden);
                self.mode = Some(Mode::PopOn);
            }
            Control::EraseDisplayedMemory => {
                self.touch(time, Change::Caption);
                self.shown.clear();
            }
            Control::EraseNonDisplayedMemory => self.hidden.clear(),
            Control::CarriageReturn => self.carriage_return(time),
            Control::Backspace => {
                if let Some(column) = self.column.checked_sub(1) {
                    self.column = column;
                    let row = self.row;
                    if let Some(grid) = self.written(time) {
                        grid.put(row, column, None);
                    }
                }
            }
            Control::DeleteToEndOfRow => {
                let (row, column) = (self.row, self.column.min(COLUMNS - 1));
                if let Some(grid) = self.written(time) {
                    grid.erase(row, column);
                }
            }
            Control::TabOffset1 => self.tab(1),
            Control::TabOffset2 => self.tab(2),
            Control::TabOffset3 => self.tab(3),
            Control::PreambleAddress(preamble) => self.preamble(time, preamble),
            Control::MidRow(change) => self.mid_row(time, change),
            // It flashes from there on, which is left out, but takes a column; clause (h)(1)(i).
            Control::FlashOn => self.write(time, Some(' ')),
            // Alarms were given up. Backgrounds replace a space by a space. Anything else is of the future; clause
            // (i)(1).
            _ => {}
        }
    }

    /// Hands out the caption that this frame has ended.
    pub(super) fn settle(&mut self, time: i64, output: &mut Output) {
        let (shown, mode) = (&self.shown, self.mode);
        self.showing.settle(time, || page(shown, mode), output);
    }

    /// Hands out what is still shown at the end.
    pub(super) fn finish(&mut self, end: i64, output: &mut Output) {
        self.showing.finish(end, page(&self.shown, self.mode), output);
    }

    fn touch(&mut self, time: i64, change: Change) {
        let (shown, mode) = (&self.shown, self.mode);
        self.showing.touch(time, change, self.clock, || page(shown, mode));
    }

    /// Gives the grid that is written to, for a change that ends no caption.
    fn written(&mut self, time: i64) -> Option<&mut Grid> {
        match self.mode? {
            Mode::PopOn => Some(&mut self.hidden),
            Mode::PaintOn | Mode::RollUp(_) => {
                self.touch(time, Change::Letters);
                Some(&mut self.shown)
            }
        }
    }

    fn tab(&mut self, columns: usize) {
        self.column = (self.column + columns).min(COLUMNS - 1);
    }

    /// Begins to roll up, or makes the window another height; clauses (f)(1)(ii), (iv) and (x).
    ///
    /// The cursor stays where it is if captions rolled up before; clause (f)(1)(ix).
    fn roll_up(&mut self, time: i64, rows: usize) {
        if let Some(Mode::RollUp(before)) = self.mode {
            if rows < before {
                self.touch(time, Change::Caption);
                self.shown.keep_rows(&window(self.row, rows));
            }
        } else {
            self.touch(time, Change::Caption);
            self.shown.clear();
            self.hidden.clear();
            (self.row, self.column, self.style) = (LAST_ROW, 0, Style::default());
        }
        self.mode = Some(Mode::RollUp(rows));
    }

    /// Rolls up by a row; clause (f)(1)(iii). Other captions take no notice; clauses (f)(2)(i) and (f)(3)(i).
    fn carriage_return(&mut self, time: i64) {
        if let Some(Mode::RollUp(rows)) = self.mode {
            self.touch(time, Change::Caption);
            let window = window(self.row, rows);
            self.shown.keep_rows(&window);
            self.shown.erase(window.start, 0);
            self.shown.move_rows(window.start + 1..window.end, window.start);
            // Styles end with the row; clause (h)(1).
            (self.column, self.style) = (0, Style::default());
        }
    }

    /// Goes to a row and an indent, and begins a style; clause (d)(1)(i). Captions that roll up come along, as many
    /// rows as the window has; clause (f)(1)(ii).
    fn preamble(&mut self, time: i64, preamble: PreambleAddressCode) {
        let mut row = usize::from(preamble.row()).min(LAST_ROW);
        match self.mode {
            Some(Mode::RollUp(rows)) => {
                // Higher up, the window does not fit in; EIA-608-B, annex C.4.
                row = row.max(rows - 1);
                if row != self.row {
                    self.touch(time, Change::Caption);
                    let from = window(self.row, rows);
                    self.shown.keep_rows(&from);
                    self.shown.move_rows(from.clone(), row + 1 - from.len());
                }
            }
            Some(Mode::PaintOn) if row != self.row => self.touch(time, Change::Line),
            _ => {}
        }
        self.row = row;
        self.column = usize::from(preamble.column()).min(COLUMNS - 1);
        self.style = Style {
            bold: false,
            italic: preamble.italics(),
            underline: preamble.underline(),
            colour: colour(preamble.color()),
        };
    }

    /// Begins another style, behind a space; clauses (h)(1)(i) to (iii). Italics leave the colour as it is.
    fn mid_row(&mut self, time: i64, change: MidRow) {
        self.write(time, Some(' '));
        self.style = Style {
            bold: false,
            italic: change.italics(),
            underline: change.underline(),
            colour: change.color().map_or(self.style.colour, colour),
        };
    }
}

/// Gives the rows of a window that rolls up; the base row is its last.
fn window(base: usize, rows: usize) -> Range<usize> {
    (base + 1).saturating_sub(rows)..base + 1
}

/// Puts together what a grid shows.
fn page(shown: &Grid, mode: Option<Mode>) -> Vec<Block> {
    // Thousandths of the picture, four fifths of which are within the area that every screen shows; clause (n)(12).
    let down = |row: usize| (100 + row * 800 / ROWS) as u16;
    let across = |column: usize| (100 + column * 800 / COLUMNS) as u16;
    let block = |(row, columns, line): (usize, Range<usize>, _)| {
        // Lines that roll up come to stand below each other, however long they are.
        let end = if matches!(mode, Some(Mode::RollUp(_))) { COLUMNS } else { columns.end };
        let place = Place { top: down(row), bottom: down(row + 1), left: across(columns.start), right: across(end) };
        Block { lines: vec![line], place }
    };
    join(shown.lines().map(block).collect())
}

fn colour(colour: tables::Color) -> Colour {
    match colour {
        tables::Color::White => Colour::White,
        tables::Color::Green => Colour::Green,
        tables::Color::Blue => Colour::Blue,
        tables::Color::Cyan => Colour::Cyan,
        tables::Color::Red => Colour::Red,
        tables::Color::Yellow => Colour::Yellow,
        tables::Color::Magenta => Colour::Magenta,
    }
}
