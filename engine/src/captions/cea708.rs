//! A service of CEA-708: the codes of its blocks, and the windows that they write and show.

use super::block::{Block, join};
use super::clock::Clock;
use super::cue::Track;
use super::output::Output;
use super::showing::{Change, Showing};
use super::window::Window;
use cea708_types::tables::{Code, DefineWindowArgs, Ext1, WindowBits};
use std::collections::VecDeque;

/// Windows of a service; CEA-708-E, section 8.
const WINDOWS: usize = 8;
/// The bytes that wait while a service delays; when there are more, it delays no longer. CEA-708-E, section 9.1.
const WAITING: usize = 128;
/// The code of a delay, whose second byte is its length in tenths of a second.
const DELAY: u8 = 0x8d;

/// Decodes the captions of one service.
#[derive(Clone, Debug)]
pub(super) struct Service {
    clock: Clock,
    windows: [Option<Box<Window>>; WINDOWS],
    /// The window that is written to.
    current: Option<usize>,
    /// Codes that wait for the end of a delay, and their size in bytes.
    waiting: VecDeque<Code>,
    waiting_size: usize,
    delayed_until: Option<i64>,
    showing: Showing,
}

/// What a code prints.
enum Printed {
    Letter(char),
    /// Nothing, but it takes a column.
    Space,
}

impl Service {
    /// Begins, without windows; numbers are from 1 to 63.
    pub(super) fn new(number: u8, clock: Clock) -> Self {
        Self {
            clock,
            windows: Default::default(),
            current: None,
            waiting: VecDeque::new(),
            waiting_size: 0,
            delayed_until: None,
            showing: Showing::new(Track::Service(number)),
        }
    }

    /// Takes a block of the service.
    pub(super) fn block(&mut self, time: i64, block: &[u8], output: &mut Output) {
        for code in codes(block, output) {
            if self.delayed_until.is_none() {
                self.follow(time, code, output);
                continue;
            }
            match code {
                // These two don't wait.
                Code::Reset => self.reset(time),
                Code::DelayCancel => {
                    self.delayed_until = None;
                    self.go_on(time, output);
                }
                code => {
                    self.waiting_size += code.byte_len();
                    self.waiting.push_back(code);
                    if self.waiting_size > WAITING {
                        self.delayed_until = None;
                        self.go_on(time, output);
                    }
                }
            }
        }
    }

    /// Ends a delay that is over.
    pub(super) fn tick(&mut self, time: i64, output: &mut Output) {
        if self.delayed_until.is_some_and(|until| until <= time) {
            self.delayed_until = None;
            self.go_on(time, output);
        }
    }

    /// Hands out the caption that this frame has ended.
    pub(super) fn settle(&mut self, time: i64, output: &mut Output) {
        let windows = &self.windows;
        self.showing.settle(time, || page(windows), output);
    }

    /// Hands out what is still shown at the end, after the delays that are over by then; `time` is that of the last
    /// frame.
    pub(super) fn finish(&mut self, time: i64, end: i64, output: &mut Output) {
        // Each delay is a code that waited, so that they come to an end.
        while let Some(until) = self.delayed_until.filter(|until| *until < end) {
            let until = until.max(time);
            self.tick(until, output);
            self.settle(until, output);
        }
        self.showing.finish(end, page(&self.windows), output);
    }

    /// Follows the codes that waited, up to another delay.
    fn go_on(&mut self, time: i64, output: &mut Output) {
        while self.delayed_until.is_none()
            && let Some(code) = self.waiting.pop_front()
        {
            self.waiting_size -= code.byte_len().min(self.waiting_size);
            self.follow(time, code, output);
        }
    }

    fn follow(&mut self, time: i64, code: Code, output: &mut Output) {
        if let Some(number) = window_number(&code) {
            self.current = self.windows.get(number).is_some_and(Option::is_some).then_some(number);
            return;
        }
        match code {
            Code::DefineWindow(definition) => self.define(time, definition),
            Code::ClearWindows(windows) => {
                self.change(
                    time,
                    windows,
                    |window| window.visible,
                    |window| {
                        if let Some(window) = window {
                            window.clear();
                        }
                    },
                );
            }
            Code::DisplayWindows(windows) => {
                self.change(time, windows, |window| !window.visible, |window| show(window, |_| true));
            }
            Code::HideWindows(windows) => {
                self.change(time, windows, |window| window.visible, |window| show(window, |_| false));
            }
            Code::ToggleWindows(windows) => self.change(time, windows, |_| true, |window| show(window, |shown| !shown)),
            Code::DeleteWindows(windows) => {
                self.change(time, windows, |window| window.visible, |window| *window = None);
                self.current = self.current.filter(|number| self.windows.get(*number).is_some_and(Option::is_some));
            }
            Code::Reset => self.reset(time),
            // Nothing waits.
            Code::DelayCancel => {}
            Code::SetPenAttributes(pen) => self.set(|window| window.set_pen(pen)),
            Code::SetPenColor(colour) => self.set(|window| window.set_colour(colour)),
            Code::SetPenLocation(location) => self.set(|window| window.set_location(location)),
            Code::SetWindowAttributes(attributes) => self.set(|window| window.set_attributes(attributes)),
            Code::BS => self.write(time, Change::Letters, Window::backspace),
            Code::FF => self.write(time, Change::Caption, Window::start_again),
            Code::CR => self.next_row(time, Window::next_row),
            Code::HCR => self.write(time, Change::Caption, Window::clear_row),
            // They end what belongs together, and pad.
            Code::ETX | Code::NUL => {}
            Code::Unknown(bytes) => {
                if let [DELAY, tenths] = bytes[..] {
                    self.delayed_until = Some(time.saturating_add(self.clock.ticks(u32::from(tenths))));
                }
            }
            Code::P16(number) => match letter_of(number) {
                Some(letter) => self.print(time, &Printed::Letter(letter)),
                None => output.drop_one(),
            },
            // What has no letter is of the future.
            code => {
                if let Some(printed) = printed(&code) {
                    self.print(time, &printed);
                }
            }
        }
    }

    fn define(&mut self, time: i64, definition: DefineWindowArgs) {
        let number = usize::from(definition.window_id);
        let Some(window) = self.windows.get(number) else { return };
        self.current = Some(number);
        // A definition that is sent again, for those who tune in, changes nothing; CEA-708-E, section 8.10.5.2.
        if window.as_ref().is_some_and(|window| window.is_defined_as(&definition)) {
            return;
        }
        if definition.visible || window.as_ref().is_some_and(|window| window.visible) {
            self.touch(time, Change::Caption);
        }
        match self.windows.get_mut(number) {
            Some(Some(window)) => window.define(definition),
            Some(empty) => *empty = Some(Box::new(Window::new(definition))),
            None => {}
        }
    }

    /// Changes windows in a way that ends what is shown if one of them `shows` it.
    fn change(
        &mut self,
        time: i64,
        windows: WindowBits,
        shows: impl Fn(&Window) -> bool,
        change: impl Fn(&mut Option<Box<Window>>),
    ) {
        let windows = u8::from(windows);
        let is_meant = |number: &usize| windows >> number & 1 == 1;
        let mut meant = self.windows.iter().enumerate().filter(|(number, _)| is_meant(number));
        if meant.any(|(_, window)| window.as_deref().is_some_and(&shows)) {
            self.touch(time, Change::Caption);
        }
        let meant = self.windows.iter_mut().enumerate().filter(|(number, _)| is_meant(number));
        meant.for_each(|(_, window)| change(window));
    }

    /// Deletes all windows, and whatever waits.
    fn reset(&mut self, time: i64) {
        self.touch(time, Change::Caption);
        self.windows = Default::default();
        self.current = None;
        self.waiting.clear();
        self.waiting_size = 0;
        self.delayed_until = None;
    }

    /// Sets something of the window that is written to; without one, it is lost.
    fn set(&mut self, set: impl FnOnce(&mut Window)) {
        if let Some(window) = self.current_window() {
            set(window);
        }
    }

    /// Changes the text of the window that is written to.
    fn write(&mut self, time: i64, change: Change, write: impl FnOnce(&mut Window)) {
        if self.current_window().is_some_and(|window| window.visible) {
            self.touch(time, change);
        }
        self.set(write);
    }

    /// Goes to the next row of the window that is written to.
    fn next_row(&mut self, time: i64, next_row: impl FnOnce(&mut Window)) {
        let rolls = self.current_window().is_some_and(|window| window.rolls_next());
        self.write(time, if rolls { Change::Caption } else { Change::Line }, next_row);
    }

    fn print(&mut self, time: i64, printed: &Printed) {
        if self.current_window().is_some_and(|window| window.wraps_next()) {
            self.next_row(time, Window::wrap);
        }
        match *printed {
            Printed::Letter(letter) => self.write(time, Change::Letters, |window| window.write(Some(letter))),
            Printed::Space => self.write(time, Change::Letters, |window| window.write(None)),
        }
    }

    fn current_window(&mut self) -> Option<&mut Window> {
        self.windows.get_mut(self.current?)?.as_deref_mut()
    }

    fn touch(&mut self, time: i64, change: Change) {
        let windows = &self.windows;
        self.showing.touch(time, change, self.clock, || page(windows));
    }
}

fn show(window: &mut Option<Box<Window>>, show: impl Fn(bool) -> bool) {
    if let Some(window) = window {
        window.visible = show(window.visible);
    }
}

/// Puts together what the windows show.
fn page(windows: &[Option<Box<Window>>]) -> Vec<Block> {
    join(windows.iter().flatten().filter(|window| window.visible).flat_map(|window| window.lines()).collect())
}

/// Reads the codes of a block. The last may be cut off, because codes don't go on in another block; it is dropped.
fn codes(block: &[u8], output: &mut Output) -> Vec<Code> {
    let read = |size: usize| block.get(..size).and_then(|part| Code::from_data(part).ok());
    let codes = (0..=block.len()).rev().find_map(|size| Some((size, read(size)?)));
    let (size, codes) = codes.unwrap_or_default();
    if size < block.len() {
        output.drop_one();
    }
    codes
}

/// Gives the window that a code makes the current one.
fn window_number(code: &Code) -> Option<usize> {
    match code {
        Code::SetCurrentWindow0 => Some(0),
        Code::SetCurrentWindow1 => Some(1),
        Code::SetCurrentWindow2 => Some(2),
        Code::SetCurrentWindow3 => Some(3),
        Code::SetCurrentWindow4 => Some(4),
        Code::SetCurrentWindow5 => Some(5),
        Code::SetCurrentWindow6 => Some(6),
        Code::SetCurrentWindow7 => Some(7),
        _ => None,
    }
}

/// Gives the letter of a code of two bytes. The standard does not say which they are; Unicode's, in practice.
fn letter_of(number: u16) -> Option<char> {
    char::from_u32(u32::from(number)).filter(|letter| !letter.is_control())
}

/// Gives the letter of a code of one byte, and of one of the extended sets.
fn printed(code: &Code) -> Option<Printed> {
    let letter = match code {
        Code::Ext1(Ext1::TransparentSpace | Ext1::NonBreakingTransparentSpace) => return Some(Printed::Space),
        // Here cea708-types has no letter, or another than ISO 8859-1 has in that place.
        Code::LatinCapitalEth => 'Ð',
        Code::RegisteredTrademarkSign => '®',
        Code::Ext1(Ext1::SolidDot) => '•',
        Code::Ext1(Ext1::VerticalBorder) => '│',
        Code::Ext1(Ext1::UpperRightBorder) => '┐',
        Code::Ext1(Ext1::LowerLeftBorder) => '└',
        Code::Ext1(Ext1::HorizontalBorder) => '─',
        Code::Ext1(Ext1::LowerRightBorder) => '┘',
        Code::Ext1(Ext1::UpperLeftBorder) => '┌',
        Code::Ext1(Ext1::ClosedCaptionSign) => '㏄',
        Code::Ext1(Ext1::Unknown(bytes)) => match bytes[..] {
            [0x3d] => '℠',
            // What of the letters of G2 and G3 is not known is shown as an underscore; CEA-708-E, section 7.1.
            [0x20..=0x7f | 0xa0..=0xff] => '_',
            _ => return None,
        },
        other => other.char()?,
    };
    Some(Printed::Letter(letter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captions::cue::{Colour, Cue, Style};
    use crate::geometry::Rational;

    const CLEAR: u8 = 0x88;
    const DISPLAY: u8 = 0x89;
    const HIDE: u8 = 0x8a;
    const TOGGLE: u8 = 0x8b;
    const DELETE: u8 = 0x8c;
    const CANCEL: u8 = 0x8e;
    const RESET: u8 = 0x8f;

    /// Defines a window of 32 columns at the bottom, as CEA-708-E, section 8.10.5.2, has it: visible or not, its rows,
    /// and the numbers of its styles.
    fn define(number: u8, visible: bool, rows: u8, window_style: u8, pen_style: u8) -> [u8; 7] {
        let first = 0x18 | u8::from(visible) << 5;
        [0x98 | number, first, 74, 105, 0x70 | (rows - 1), 31, window_style << 3 | pen_style]
    }

    /// Decodes blocks with the times that they come at, in tenths of a second, up to the hundredth.
    fn decode(blocks: &[(i64, &[u8])]) -> (Vec<Cue>, u64) {
        let clock = Clock::new(Rational { num: 1, den: 10 });
        let (mut service, mut output) = (Service::new(1, clock), Output::default());
        let last = blocks.last().map_or(0, |(time, _)| *time);
        for time in 0..=last {
            service.tick(time, &mut output);
            for (_, block) in blocks.iter().filter(|(when, _)| *when == time) {
                service.block(time, block, &mut output);
            }
            service.settle(time, &mut output);
        }
        service.finish(last, 100, &mut output);
        (output.cues, output.damaged)
    }

    fn cues(blocks: &[(i64, &[u8])]) -> Vec<(i64, i64, String)> {
        let (cues, damaged) = decode(blocks);
        assert_eq!(damaged, 0);
        cues.into_iter().map(|cue| (cue.start, cue.end, cue.text())).collect()
    }

    fn text(codes: &[u8]) -> String {
        let block = [&define(0, true, 4, 1, 1), codes].concat();
        cues(&[(1, &block)]).into_iter().map(|(_, _, text)| text).collect()
    }

    fn owned(cues: &[(i64, i64, &str)]) -> Vec<(i64, i64, String)> {
        cues.iter().map(|(start, end, text)| (*start, *end, (*text).to_owned())).collect()
    }

    #[test]
    fn windows_are_shown_and_hidden() {
        let block = [&define(0, false, 2, 1, 1), &b"Hello,\rworld\x03"[..]].concat();
        for end in [[HIDE, 1], [TOGGLE, 1], [DELETE, 1], [CLEAR, 1], [HIDE, 0xff]] {
            let shown = cues(&[(1, &block), (5, &[DISPLAY, 1]), (9, &[HIDE, 0xfe]), (50, &end), (60, &[HIDE, 1])]);
            assert_eq!(shown, owned(&[(5, 50, "Hello,\nworld")]));
        }
        let shown = cues(&[(1, &block), (5, &[TOGGLE, 1]), (50, &[RESET]), (60, &[DISPLAY, 1])]);
        assert_eq!(shown, owned(&[(5, 50, "Hello,\nworld")]));
        let shown = cues(&[(1, &block), (5, &[DISPLAY, 1]), (50, &[HIDE, 1]), (60, &[DISPLAY, 1])]);
        assert_eq!(shown, owned(&[(5, 50, "Hello,\nworld"), (60, 100, "Hello,\nworld")]));
    }

    #[test]
    fn rows_roll_up_from_the_last_one() {
        let block = [&define(0, true, 2, 1, 1), &b"a"[..]].concat();
        let shown = cues(&[(1, &block), (5, b"\rb"), (20, b"\r"), (22, b"c"), (50, b"\x0c"), (51, b"d")]);
        assert_eq!(shown, owned(&[(1, 20, "a\nb"), (20, 50, "b\nc"), (51, 100, "d")]));
        // Down, with text that is scrolled from top to bottom.
        let attributes = [0x97, 0, 0, 0x08, 0];
        let block = [&define(0, true, 2, 1, 1), &attributes[..], b"a"].concat();
        let shown = cues(&[(1, &block), (20, b"\r"), (22, b"b"), (30, b"\rc")]);
        assert_eq!(shown, owned(&[(1, 20, "a"), (20, 30, "b\na"), (30, 100, "c\nb")]));
    }

    #[test]
    fn letters_are_those_of_the_sets() {
        assert_eq!(text(b"a~\x7f"), "a~♪");
        assert_eq!(text(&[0xa9, 0xc0, 0xd0, 0xae, 0xad, 0xff]), "©ÀÐ®\u{ad}ÿ");
        let extended = |codes: &[u8]| text(&codes.iter().flat_map(|code| [0x10, *code]).collect::<Vec<_>>());
        assert_eq!(extended(&[0x25, 0x2a, 0x2c, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35]), "…ŠŒ█‘’“”•");
        assert_eq!(extended(&[0x39, 0x3a, 0x3c, 0x3d, 0x3f, 0x76, 0x77, 0x78, 0x79]), "™šœ℠Ÿ⅛⅜⅝⅞");
        assert_eq!(extended(&[0x7a, 0x7b, 0x7c, 0x7d, 0x7e, 0x7f, 0xa0]), "│┐└─┘┌㏄");
        // Letters that there are none of yet; spaces.
        assert_eq!(extended(&[0x22, 0x60, 0xa1, 0x20, 0x21, 0xff]), "___  _");
        assert_eq!(text(b"\x18\x4e\x00\x18\x20\xac"), "一€");
    }

    #[test]
    fn codes_without_a_meaning_are_passed_over() {
        assert_eq!(text(b"a\x01\x11xb\x19xyc"), "abc");
        assert_eq!(text(b"\x93\x10\x00a\x10\x08xb\x10\x10xyc\x10\x18xyzd"), "abcd");
        assert_eq!(text(b"\x10\x80wxyza\x10\x88vwxyzb"), "ab");
    }

    #[test]
    fn the_pen_moves() {
        assert_eq!(text(b"\x92\x01\x02b\x92\x00\x01a"), "a\nb");
        assert_eq!(text(b"abc\x08\x08d"), "ad");
        assert_eq!(text(b"ab\x0ec"), "c");
        assert_eq!(text(b"ab\rc\x0cd"), "d");
        assert_eq!(text(b"\x08a\x92\x02\x3fb\x92\x0f\x00c"), "a\nb\nc");
    }

    #[test]
    fn letters_have_the_style_of_the_pen() {
        let codes = b"a\x90\x05\x80b\x90\x05\x40c\x90\x05\x00\x91\x3c\x00\x00d\x91\x15\x00\x00e";
        let block = [&define(0, true, 1, 1, 1), &codes[..]].concat();
        let (cues, _) = decode(&[(1, &block)]);
        let runs: Vec<_> = cues[0].lines[0].runs.iter().map(|run| (run.text.as_str(), run.style)).collect();
        let plain = Style::default();
        let expected = [
            ("a", plain),
            ("b", Style { italic: true, ..plain }),
            ("c", Style { underline: true, ..plain }),
            ("d", Style { colour: Colour::Yellow, ..plain }),
            ("e", plain),
        ];
        assert_eq!(runs, expected);
        // Transparent letters, and text that is not to be shown.
        assert_eq!(text(b"a\x91\xff\x00\x00bc\x91\x3f\x00\x00d\x90\xf5\x00e"), "a  d");
    }

    #[test]
    fn windows_are_written_apart_and_shown_together() {
        let mut second = define(1, true, 1, 1, 1);
        second[2] = 60;
        let blocks: [(i64, &[u8]); 5] = [
            (1, &[&define(0, true, 1, 1, 1), &b"below"[..]].concat()),
            (2, &[&second, &b"above"[..]].concat()),
            (3, b"\x80!"),
            (30, &[DELETE, 2]),
            (40, b"?"),
        ];
        let (shown, _) = decode(&blocks);
        let texts: Vec<_> = shown.iter().map(|cue| (cue.start, cue.end, cue.text())).collect();
        // Another window is another caption.
        assert_eq!(texts, owned(&[(1, 2, "below"), (2, 30, "above\nbelow!"), (30, 100, "below!?")]));
        // What is far apart is apart.
        second[2] = 10;
        let blocks: [(i64, &[u8]); 2] =
            [(1, &[&define(0, true, 1, 1, 1), &b"below"[..]].concat()), (1, &[&second, &b"above"[..]].concat())];
        assert_eq!(cues(&blocks), owned(&[(1, 100, "above"), (1, 100, "below")]));
    }

    #[test]
    fn what_is_written_to_no_window_is_lost() {
        let block = define(0, true, 2, 1, 1);
        let lost =
            [b"x", &[0x81][..], b"x", b"\x92\x00\x01\x90\x05\x80\x91\0\0\0\x97\0\0\0\0\r\x08\x0c\x0e", &block, b"a"];
        assert_eq!(cues(&[(1, &lost.concat())]), owned(&[(1, 100, "a")]));
        let shown = cues(&[(1, &[&block, &b"a"[..]].concat()), (2, &[DELETE, 1]), (3, b"b\x80c")]);
        assert_eq!(shown, owned(&[(1, 2, "a")]));
    }

    #[test]
    fn a_definition_that_is_repeated_changes_nothing() {
        let first = define(0, true, 2, 1, 1);
        let shown = cues(&[(1, &[&first, &b"a"[..]].concat()), (2, &[&first, &b"b"[..]].concat())]);
        assert_eq!(shown, owned(&[(1, 100, "ab")]));
        // Another one changes the window, and leaves the text.
        let hidden = define(0, false, 2, 0, 0);
        let shown =
            cues(&[(1, &[&first, &b"a"[..]].concat()), (2, &[&hidden, &b"b"[..]].concat()), (9, &[DISPLAY, 1])]);
        assert_eq!(shown, owned(&[(1, 2, "a"), (9, 100, "ab")]));
        // Rows that it has no more are lost.
        let lower = define(0, true, 1, 0, 0);
        let shown = cues(&[(1, &[&first, &b"a\rb"[..]].concat()), (20, &lower), (21, b"c")]);
        assert_eq!(shown, owned(&[(1, 20, "a\nb"), (20, 100, "ac")]));
    }

    #[test]
    fn words_are_wrapped_where_it_is_asked_for() {
        let mut block = define(0, true, 3, 4, 1);
        block[5] = 9;
        let wrapped = |text: &[u8]| cues(&[(1, &[&block, text].concat())])[0].2.clone();
        assert_eq!(wrapped(b"One twothree"), "One\ntwothree");
        assert_eq!(wrapped(b"abcdefghij kl"), "abcdefghij\n kl".replace(" kl", "kl"));
        assert_eq!(wrapped(b"abcdefghijkl"), "abcdefghij\nkl");
        assert_eq!(wrapped(b"a b c d e f g"), "a b c d e\nf g");
        // Otherwise a line may be longer than its window.
        block[6] = 0x09;
        assert_eq!(cues(&[(1, &[&block, &b"One twothree"[..]].concat())])[0].2, "One twothree");
        let long = [b'x'; 31];
        let blocks: [(i64, &[u8]); 4] = [(1, &block), (1, &long), (1, &long), (1, &long)];
        assert_eq!(cues(&blocks)[0].2.len(), 64);
    }

    #[test]
    fn codes_wait_while_a_service_delays() {
        let start = define(0, true, 2, 1, 1);
        let block = [&start, &b"a\x8d\x14b"[..]].concat();
        // 20 tenths, and what comes in the meantime.
        assert_eq!(cues(&[(1, &block), (5, b"c"), (40, b"")]), owned(&[(1, 21, "a"), (21, 100, "abc")]));
        // A delay within a delay.
        assert_eq!(cues(&[(1, &block), (5, b"\x8d\x05c"), (40, b"")]), owned(&[(1, 21, "a"), (21, 100, "abc")]));
        assert_eq!(
            cues(&[(1, &block), (5, b"\x8d\x1ec"), (70, b"")]),
            owned(&[(1, 21, "a"), (21, 51, "ab"), (51, 100, "abc")])
        );
        assert_eq!(cues(&[(1, &block), (18, &[b'c', CANCEL]), (40, b"")]), owned(&[(1, 18, "a"), (18, 100, "abc")]));
        assert_eq!(cues(&[(1, &block), (9, &[RESET]), (40, b"")]), owned(&[(1, 9, "a")]));
        // What waits until the end, and what waits longer.
        assert_eq!(cues(&[(1, &block)]), owned(&[(1, 21, "a"), (21, 100, "ab")]));
        assert_eq!(cues(&[(1, &[&start, &b"a\x8d\xffb"[..]].concat())]), owned(&[(1, 100, "a")]));
    }

    #[test]
    fn a_service_does_not_delay_for_long() {
        let block = [&define(0, true, 2, 1, 1), &b"\x8d\xff"[..]].concat();
        let some = [b'a'; 31];
        let four: Vec<(i64, &[u8])> =
            [(1, &block[..])].into_iter().chain((2..6).map(|time| (time, &some[..]))).collect();
        assert_eq!(cues(&four), []);
        let five: Vec<(i64, &[u8])> = four.iter().copied().chain([(9, &some[..])]).collect();
        assert_eq!(cues(&five)[0].0, 9);
    }

    #[test]
    fn a_code_that_is_cut_off_is_dropped() {
        let block = [&define(0, true, 2, 1, 1), &b"ab\x91\x3f"[..]].concat();
        let (cues, damaged) = decode(&[(1, &block), (2, b"c\x9a"), (3, b"d\x18\xd8\x00")]);
        assert_eq!((cues[0].text(), damaged), ("abcd".to_owned(), 3));
    }
}
