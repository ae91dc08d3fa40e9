//! A window of CEA-708, which has letters, and a pen that writes them.

use super::block::{Block, ROW};
use super::cue::{Colour, Place, Style};
use super::grid::{Cell, Grid};
use cea708_types::tables::{
    Anchor, Color, ColorValue, DefineWindowArgs, Direction, Justify, Opacity, SetPenAttributesArgs, SetPenColorArgs,
    SetPenLocationArgs, SetWindowAttributesArgs, TextTag,
};

/// Columns of any window: as many as a command can name. Lines may become longer than their window is said to be;
/// letters fit in anyway, because players choose the font.
const COLUMNS: usize = 64;
/// The area that every screen shows, in thousandths of the picture; windows are placed within it.
const AREA: i32 = 800;
const MARGIN: i32 = 100;
/// The steps of places in the area, with 16:9 pictures: from the top to the bottom, from the left to the right, and
/// where they are relative. CEA-708-E, section 8.
const DOWN: i32 = 74;
const ACROSS: i32 = 209;
const RELATIVE: i32 = 99;
/// The letters that fit into the width of the area, with 16:9 pictures.
const LETTERS: i32 = 42;

/// A window that has been defined.
#[derive(Clone, Debug)]
pub(super) struct Window {
    definition: DefineWindowArgs,
    pub(super) visible: bool,
    attributes: SetWindowAttributesArgs,
    pen: SetPenAttributesArgs,
    colour: SetPenColorArgs,
    row: usize,
    column: usize,
    /// Whether its text has rolled.
    rolls: bool,
    grid: Grid,
}

impl Window {
    /// Makes an empty one.
    pub(super) fn new(definition: DefineWindowArgs) -> Self {
        Self {
            visible: definition.visible,
            attributes: definition.window_attributes(),
            pen: definition.pen_attributes(),
            colour: definition.pen_color(),
            row: 0,
            column: 0,
            rolls: false,
            grid: Grid::new(usize::from(definition.row_count) + 1, COLUMNS),
            definition,
        }
    }

    /// Tells whether it has been defined just so.
    pub(super) fn is_defined_as(&self, definition: &DefineWindowArgs) -> bool {
        self.definition == *definition
    }

    /// Defines it anew, with the text that it has. Styles with number 0 stay as they are.
    pub(super) fn define(&mut self, definition: DefineWindowArgs) {
        if definition.window_style_id != 0 {
            self.attributes = definition.window_attributes();
        }
        if definition.pen_style_id != 0 {
            self.pen = definition.pen_attributes();
            self.colour = definition.pen_color();
        }
        self.visible = definition.visible;
        self.grid.set_rows(usize::from(definition.row_count) + 1);
        self.row = self.row.min(self.last_row());
        self.definition = definition;
    }

    /// Sets how its text is laid out.
    pub(super) fn set_attributes(&mut self, attributes: SetWindowAttributesArgs) {
        self.attributes = attributes;
    }

    /// Sets the style of letters to come.
    pub(super) fn set_pen(&mut self, pen: SetPenAttributesArgs) {
        self.pen = pen;
    }

    /// Sets the colour of letters to come.
    pub(super) fn set_colour(&mut self, colour: SetPenColorArgs) {
        self.colour = colour;
    }

    /// Puts the pen somewhere.
    pub(super) fn set_location(&mut self, location: SetPenLocationArgs) {
        self.row = usize::from(location.row).min(self.last_row());
        self.column = usize::from(location.column).min(COLUMNS - 1);
    }

    /// Tells whether its first row is lost when the pen goes on to another.
    pub(super) fn rolls_next(&self) -> bool {
        self.row == if self.rolls_down() { 0 } else { self.last_row() }
    }

    /// Tells whether another letter is beyond the end of a row where words are to be wrapped.
    pub(super) fn wraps_next(&self) -> bool {
        self.attributes.wordwrap && self.column > usize::from(self.definition.column_count)
    }

    /// Writes a letter; none is a transparent space.
    pub(super) fn write(&mut self, letter: Option<char>) {
        let seen = self.colour.foreground_opacity != Opacity::Transparent
            && self.pen.text_tag != TextTag::TextNotToBeDisplayed;
        let style = Style {
            bold: false,
            italic: self.pen.italics,
            underline: self.pen.underline,
            colour: colour(self.colour.foreground_color),
        };
        let cell = letter.filter(|_| seen).map(|letter| Cell { letter, style });
        self.grid.put(self.row, self.column, cell);
        self.column = (self.column + 1).min(COLUMNS);
    }

    /// Goes back by a letter, which is erased.
    pub(super) fn backspace(&mut self) {
        if let Some(column) = self.column.checked_sub(1) {
            self.column = column;
            self.grid.put(self.row, column, None);
        }
    }

    /// Goes to the beginning of the next row; behind the last, the others move over, and the first is lost.
    pub(super) fn next_row(&mut self) {
        self.column = 0;
        if !self.rolls_next() {
            self.row = if self.rolls_down() { self.row.saturating_sub(1) } else { self.row + 1 };
            return;
        }
        self.rolls = true;
        let last = self.last_row();
        if self.rolls_down() {
            self.grid.erase(last, 0);
            self.grid.move_rows(0..last, 1);
        } else {
            self.grid.erase(0, 0);
            self.grid.move_rows(1..last + 1, 0);
        }
    }

    /// Takes the word that the row ends with along to the next row.
    pub(super) fn wrap(&mut self) {
        let cells = self.grid.row(self.row);
        let end = self.column.min(cells.len());
        let blank = |cell: &Option<Cell>| cell.is_none_or(|cell| cell.letter.is_whitespace());
        let from = cells.iter().take(end).rposition(blank).map_or(0, |at| at + 1);
        let word: Vec<_> = cells.iter().take(end).skip(from).copied().collect();
        // A word that fills the row is divided.
        let word = if from == 0 { Vec::new() } else { word };
        if from > 0 {
            self.grid.erase(self.row, from);
        }
        self.next_row();
        for cell in word {
            self.grid.put(self.row, self.column, cell);
            self.column += 1;
        }
    }

    /// Empties the row, and goes to its beginning.
    pub(super) fn clear_row(&mut self) {
        self.grid.erase(self.row, 0);
        self.column = 0;
    }

    /// Empties the window; the pen stays.
    pub(super) fn clear(&mut self) {
        self.grid.clear();
    }

    /// Empties the window, and goes to its beginning.
    pub(super) fn start_again(&mut self) {
        self.grid.clear();
        (self.row, self.column) = (0, 0);
    }

    /// Gives its lines, where they are in the picture.
    pub(super) fn lines(&self) -> impl Iterator<Item = Block> {
        let definition = &self.definition;
        let letters = i32::from(definition.column_count) + 1;
        let rows = i32::from(definition.row_count) + 1;
        let [width, height] = [letters * AREA / LETTERS, rows * AREA / 15];
        let [down, across] = if definition.relative_positioning { [RELATIVE; 2] } else { [DOWN, ACROSS] };
        let x = MARGIN + AREA * i32::from(definition.anchor_horizontal) / across;
        let y = MARGIN + AREA * i32::from(definition.anchor_vertical) / down;
        let [before, above] = anchored(definition.anchor_point);
        let left = (x - before * width / 2).clamp(0, (1000 - width).max(0));
        let top = (y - above * height / 2).clamp(0, (1000 - height).max(0));
        self.grid.lines().map(move |(row, columns, line)| {
            let [start, end] = [columns.start, columns.end].map(|column| column as i32 * AREA / LETTERS);
            let [start, end] = match self.attributes.justify {
                // Lines that roll up come to stand below each other, however long they are.
                _ if self.rolls => [0, width],
                Justify::Left | Justify::Full => [start, end],
                Justify::Center => [(width - (end - start)) / 2, (width + (end - start)) / 2],
                Justify::Right => [width - (end - start), width],
            };
            let start = (left + start).clamp(0, 1000 - AREA / LETTERS) as u16;
            let end = (left + end).clamp(i32::from(start) + AREA / LETTERS, 1000) as u16;
            let top = (top + row as i32 * AREA / 15).clamp(0, 1000 - i32::from(ROW)) as u16;
            let place = Place { top, bottom: top + ROW, left: start, right: end };
            Block { lines: vec![line], place }
        })
    }

    fn last_row(&self) -> usize {
        self.grid.rows().saturating_sub(1)
    }

    fn rolls_down(&self) -> bool {
        self.attributes.scroll_direction == Direction::TopToBottom
    }
}

/// Gives the halves of a window's width and height that are before and above its anchor.
fn anchored(anchor: Anchor) -> [i32; 2] {
    match anchor {
        Anchor::TopLeft => [0, 0],
        Anchor::TopMiddle => [1, 0],
        Anchor::TopRight => [2, 0],
        Anchor::CenterLeft => [0, 1],
        Anchor::CenterMiddle => [1, 1],
        Anchor::CenterRight => [2, 1],
        Anchor::BottomLeft => [0, 2],
        Anchor::BottomMiddle => [1, 2],
        Anchor::BottomRight => [2, 2],
        // Reserved; where captions mostly are.
        _ => [1, 2],
    }
}

fn colour(colour: Color) -> Colour {
    let part = |value| match value {
        ColorValue::None => 0,
        ColorValue::OneThird => 85,
        ColorValue::TwoThirds => 170,
        ColorValue::Full => 255,
    };
    Colour::nearest([part(colour.r), part(colour.g), part(colour.b)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(
        point: u8,
        relative: bool,
        [vertical, horizontal]: [u8; 2],
        [rows, columns]: [u8; 2],
    ) -> DefineWindowArgs {
        DefineWindowArgs::new(
            0,
            0,
            point.into(),
            relative,
            vertical,
            horizontal,
            rows - 1,
            columns - 1,
            true,
            true,
            true,
            1,
            1,
        )
    }

    /// Gives the place of two letters in the first row, from the third column on.
    fn place(definition: DefineWindowArgs, attributes: Option<SetWindowAttributesArgs>) -> Place {
        let mut window = Window::new(definition);
        if let Some(attributes) = attributes {
            window.set_attributes(attributes);
        }
        window.set_location(SetPenLocationArgs { row: 0, column: 2 });
        window.write(Some('a'));
        window.write(Some('b'));
        window.lines().next().unwrap().place
    }

    #[test]
    fn windows_are_placed_by_their_anchors() {
        // In the middle of the area, and of the window: 3 rows are 160, 21 columns are 400 thousandths of the picture.
        for (point, [top, left]) in (0..).zip([
            [500, 500],
            [500, 300],
            [500, 100],
            [420, 500],
            [420, 300],
            [420, 100],
            [340, 500],
            [340, 300],
            [340, 100],
        ]) {
            let place = place(definition(point, false, [37, 104], [3, 21]), None);
            // The columns before are two of 42; 104 of 209 is a little less than the half.
            let expected = Place { top, bottom: top + ROW, left: left + 38 - 2, right: left + 76 - 2 };
            assert_eq!(place, expected, "{point}");
        }
        let relative = place(definition(0, true, [99, 0], [1, 32]), None);
        assert_eq!((relative.top, relative.left), (900, 138));
    }

    #[test]
    fn windows_stay_in_the_picture() {
        let place = place(definition(0, false, [127, 255], [16, 64]), None);
        assert!(place.top < place.bottom && place.bottom <= 1000 && place.left < place.right && place.right <= 1000);
        let place = super::tests::place(definition(8, false, [0, 0], [16, 64]), None);
        assert_eq!((place.top, place.left), (0, 38));
    }

    #[test]
    fn text_is_justified_within_its_window() {
        let attributes =
            |justify| SetWindowAttributesArgs { justify, ..definition(0, false, [0, 0], [1, 1]).window_attributes() };
        let window = definition(0, false, [0, 0], [2, 42]);
        let sides = |justify| {
            let place = place(window, Some(attributes(justify)));
            [place.left, place.right]
        };
        assert_eq!(sides(Justify::Left), [138, 176]);
        assert_eq!(sides(Justify::Center), [481, 519]);
        assert_eq!(sides(Justify::Right), [862, 900]);
    }
}
