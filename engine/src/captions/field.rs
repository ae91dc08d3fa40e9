//! The byte pairs of CEA-608 in one field of the picture: who they are for, and whether they are right.

use super::cea608::Channel;
use super::clock::Clock;
use super::cue::Track;
use super::output::Output;
use cea608_types::tables::{self, Code, Control};

/// Tenths of a second within which a control code that comes again is the second of two that are one. Of them, 47 CFR
/// 79.101 says that it is in the next frame; but pairs without anything may lie between where another frame rate has
/// been made.
const DOUBLED: u32 = 2;
/// A byte without anything, with its parity.
const NOTHING: u8 = 0x80;

/// A channel of the field.
#[derive(Clone, Debug)]
struct Receiver {
    channel: Channel,
    /// Whether what comes is text, such as weather reports, rather than captions.
    text: bool,
}

/// Decodes the byte pairs of a field.
#[derive(Clone, Debug)]
pub(super) struct Field {
    clock: Clock,
    /// Whether the field may have extended data services, which tell of programmes.
    second: bool,
    /// The two channels of captions.
    receivers: [Receiver; 2],
    /// Whether the last control code was for the second of them.
    to_second: bool,
    /// Whether extended data is being sent.
    extended_data: bool,
    /// The control code that came just before, and when.
    last: Option<([u8; 2], i64)>,
}

impl Field {
    /// Begins, with the tracks of both channels.
    pub(super) fn new(second: bool, tracks: [Track; 2], clock: Clock) -> Self {
        let receivers = tracks.map(|track| Receiver { channel: Channel::new(track, clock), text: false });
        Self { clock, second, receivers, to_second: false, extended_data: false, last: None }
    }

    /// Takes a pair, with parity bits.
    pub(super) fn pair(&mut self, time: i64, pair: [u8; 2], output: &mut Output) {
        let [first, second] = pair.map(|byte| byte & 0x7f);
        // Padding comes with and without parity.
        if [first, second] == [0, 0] {
            return;
        }
        let [first_right, second_right] = pair.map(|byte| byte.count_ones() % 2 == 1);
        let is_control = matches!(first, 0x10..=0x1f);
        let last = self.last.take();
        if !first_right || !second_right {
            output.drop_one();
        }
        if is_control && first_right && second_right {
            self.extended_data = false;
            let doubled =
                |(before, when): (_, i64)| before == pair && time.saturating_sub(when) <= self.clock.ticks(DOUBLED);
            if !last.is_some_and(doubled) {
                self.last = Some((pair, time));
                self.control(time, pair);
            }
            return;
        }
        // A control code is sent twice because one may be lost; either is enough.
        let second_of_two = !first_right && last.is_some_and(|([_, before], _)| before & 0x7f == second);
        if is_control || second_of_two {
            return;
        }
        if self.second && matches!(first, 0x01..=0x0f) {
            // Types of packets begin or continue one, and 0x0f ends it. One that is damaged still tells what follows.
            self.extended_data = first != 0x0f || !first_right;
            return;
        }
        // In the first field it is ignored, and the second byte is not; 47 CFR 79.101, clause (i)(1).
        if first_right && matches!(first, 0x01..=0x0f) {
            output.drop_one();
        }
        for (letter, right) in pair.into_iter().zip([first_right, second_right]) {
            if right && !self.extended_data {
                self.letter(time, letter);
            }
        }
    }

    /// Hands out the captions that this frame has ended.
    pub(super) fn settle(&mut self, time: i64, output: &mut Output) {
        for receiver in &mut self.receivers {
            receiver.channel.settle(time, output);
        }
    }

    /// Hands out what is still shown at the end.
    pub(super) fn finish(&mut self, end: i64, output: &mut Output) {
        for receiver in &mut self.receivers {
            receiver.channel.finish(end, output);
        }
    }

    fn receiver(&mut self) -> &mut Receiver {
        let [first, second] = &mut self.receivers;
        if self.to_second { second } else { first }
    }

    fn letter(&mut self, time: i64, byte: u8) {
        let receiver = self.receiver();
        if let Ok([code, _]) = Code::from_data([byte, NOTHING])
            && let Some(letter) = code.char()
            && !receiver.text
        {
            receiver.channel.write(time, Some(letter));
        }
    }

    /// Follows a control code, or writes a letter that takes two bytes.
    fn control(&mut self, time: i64, pair: [u8; 2]) {
        let Ok([code @ Code::Control(control), _]) = Code::from_data(pair) else { return };
        self.to_second = control.channel() == tables::Channel::TWO;
        let receiver = self.receiver();
        match control.code() {
            Control::TextRestart | Control::ResumeTextDisplay => receiver.text = true,
            Control::ResumeCaptionLoading
            | Control::ResumeDirectionCaptioning
            | Control::RollUp2
            | Control::RollUp3
            | Control::RollUp4
            | Control::EndOfCaption => receiver.text = false,
            _ => {}
        }
        let erases = matches!(control.code(), Control::EraseDisplayedMemory | Control::EraseNonDisplayedMemory);
        if receiver.text && !erases {
            return;
        }
        match (code.char(), control.code()) {
            (Some(letter), _) if is_extended(pair) => receiver.channel.write_instead(time, Some(letter)),
            (Some(letter), _) => receiver.channel.write(time, Some(letter)),
            (None, Control::TransparentSpace) => receiver.channel.write(time, None),
            (None, other) => receiver.channel.control(time, other),
        }
    }
}

/// Tells whether a letter is one of the extended sets, which have 0x12 and 0x13 as first byte, and 0x1a and 0x1b in the
/// second channel.
fn is_extended([first, second]: [u8; 2]) -> bool {
    matches!(first & 0x77, 0x12 | 0x13) && matches!(second & 0x7f, 0x20..=0x3f)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captions::cue::{Colour, Cue, Style};
    use crate::geometry::Rational;

    // Second bytes of the codes whose first is 0x14 (0x1c in the second channel), of 47 CFR 79.101.
    const RCL: u8 = 0x20;
    const BS: u8 = 0x21;
    const DER: u8 = 0x24;
    const RU2: u8 = 0x25;
    const RU3: u8 = 0x26;
    const RU4: u8 = 0x27;
    const FON: u8 = 0x28;
    const RDC: u8 = 0x29;
    const TR: u8 = 0x2a;
    const EDM: u8 = 0x2c;
    const CR: u8 = 0x2d;
    const ENM: u8 = 0x2e;
    const EOC: u8 = 0x2f;
    /// Addresses of rows 15, 14 and 1 in the first column.
    const ROW_15: [u8; 2] = [0x14, 0x70];
    const ROW_14: [u8; 2] = [0x14, 0x50];
    const ROW_1: [u8; 2] = [0x11, 0x50];

    /// Pairs that are sent, one in a frame of 1001/30000 s.
    #[derive(Default)]
    struct Sent(Vec<[u8; 2]>);

    impl Sent {
        fn pair(mut self, pair: [u8; 2]) -> Self {
            self.0.push(pair.map(|byte| byte | u8::from(byte.count_ones().is_multiple_of(2)) << 7));
            self
        }

        /// Sends a code, twice.
        fn code(self, code: [u8; 2]) -> Self {
            self.pair(code).pair(code)
        }

        fn codes(self, seconds: &[u8]) -> Self {
            seconds.iter().fold(self, |sent, second| sent.code([0x14, *second]))
        }

        fn text(self, text: &str) -> Self {
            text.as_bytes().chunks(2).fold(self, |sent, pair| sent.pair([pair[0], *pair.get(1).unwrap_or(&0)]))
        }

        fn wait(mut self, frames: usize) -> Self {
            self.0.extend(std::iter::repeat_n([NOTHING; 2], frames));
            self
        }

        fn damaged_pair(mut self, pair: [u8; 2]) -> Self {
            self.0.push(pair);
            self
        }

        fn now(&self) -> i64 {
            self.0.len() as i64
        }

        fn decode(&self, second: bool) -> (Vec<Cue>, u64) {
            let clock = Clock::new(Rational { num: 1001, den: 30000 });
            let tracks = if second { [Track::Cc3, Track::Cc4] } else { [Track::Cc1, Track::Cc2] };
            let (mut field, mut output) = (Field::new(second, tracks, clock), Output::default());
            for (time, pair) in (0..).zip(&self.0) {
                field.pair(time, *pair, &mut output);
                field.settle(time, &mut output);
            }
            field.finish(self.now(), &mut output);
            (output.cues, output.damaged)
        }

        /// Decodes undamaged pairs in the first field.
        fn cues(&self) -> Vec<(i64, i64, String)> {
            let (cues, damaged) = self.decode(false);
            assert_eq!(damaged, 0);
            cues.iter().map(|cue| (cue.start, cue.end, cue.text())).collect()
        }

        fn texts(&self) -> Vec<String> {
            self.cues().into_iter().map(|(_, _, text)| text).collect()
        }

        /// Gives the caption that it makes when it is written unseen, and then shown.
        fn popped_on(self) -> Cue {
            let all = Self::default().codes(&[RCL]);
            let all = Self([all.0, self.0].concat()).codes(&[EOC]);
            let [cue] = <[Cue; 1]>::try_from(all.decode(false).0).unwrap();
            cue
        }
    }

    fn sent() -> Sent {
        Sent::default()
    }

    #[test]
    fn pop_on_captions_are_shown_by_their_end_and_until_they_are_erased() {
        let sent = sent().codes(&[ENM, RCL]).code(ROW_14).text("Hello,").code(ROW_15).text("world");
        let shown = sent.now();
        let sent = sent.codes(&[EOC]).wait(30);
        let erased = sent.now();
        let sent = sent.codes(&[EDM]).wait(30).codes(&[RCL]).code(ROW_15).text("More");
        let again = sent.now();
        let sent = sent.codes(&[EOC]).wait(9);
        assert_eq!(sent.cues(), [(shown, erased, "Hello,\nworld".to_owned()), (again, sent.now(), "More".to_owned())]);
    }

    #[test]
    fn what_is_not_shown_is_erased_apart() {
        let sent = sent().codes(&[RCL]).code(ROW_15).text("No").codes(&[ENM]).code(ROW_15).text("Y").codes(&[EOC]);
        assert_eq!(sent.texts(), ["Y"]);
        // The one that was shown is written over after the swap.
        let sent = sent.wait(5).codes(&[RCL]).code(ROW_15).text("Longer").codes(&[EOC]).wait(5).codes(&[RCL]);
        let sent = sent.code(ROW_15).text("Sh").codes(&[EOC]).wait(5);
        assert_eq!(sent.texts(), ["Y", "Longer", "Sh"]);
    }

    #[test]
    fn lines_roll_up_within_their_window() {
        for (code, rows) in [(RU2, 2), (RU3, 3), (RU4, 4)] {
            let mut sent = sent();
            let mut ends = Vec::new();
            for line in ["aa", "bb", "cc", "dd", "ee"] {
                ends.push(sent.now() + 2);
                sent = sent.codes(&[code, CR]).code(ROW_15).text(line).wait(20);
            }
            ends.push(sent.now());
            let lines = ["aa", "bb", "cc", "dd", "ee"];
            let expected: Vec<_> = (0..5_usize)
                .map(|last| {
                    let shown = &lines[(last + 1).saturating_sub(rows)..=last];
                    // The first begins with its letters, the others with the carriage return.
                    let start = if last == 0 { 6 } else { ends[last] };
                    (start, ends[last + 1], shown.join("\n"))
                })
                .collect();
            assert_eq!(sent.cues(), expected);
        }
    }

    #[test]
    fn an_address_moves_the_window_and_another_size_cuts_it() {
        let sent = sent().codes(&[RU3, CR]).code(ROW_15).text("a").codes(&[CR]).text("b").codes(&[CR]).text("c");
        let moved = sent.now();
        let sent = sent.code(ROW_1).wait(9);
        let (cues, _) = sent.decode(false);
        let last = &cues[cues.len() - 1];
        // Three rows don't fit in above row 3.
        assert_eq!(
            (last.start, last.text(), last.place.top, last.place.bottom),
            (moved, "a\nb\nc".to_owned(), 100, 260)
        );
        let cut = sent.now();
        let sent = sent.codes(&[RU2]).wait(9);
        let (cues, _) = sent.decode(false);
        let last = &cues[cues.len() - 1];
        assert_eq!((last.start, last.text(), last.place.top, last.place.bottom), (cut, "b\nc".to_owned(), 153, 260));
    }

    #[test]
    fn roll_up_erases_other_captions_and_goes_on_where_it_was() {
        let sent = sent().codes(&[RCL]).code(ROW_1).text("Popped").codes(&[EOC]).wait(5);
        let sent = sent.codes(&[RCL]).text("Unseen").codes(&[RU2]).text("Rolls").codes(&[RU2]).text(" on");
        let sent = sent.codes(&[EOC]).wait(5);
        assert_eq!(sent.texts(), ["Popped", "Rolls on"]);
        let place = sent.decode(false).0[1].place;
        assert_eq!((place.top, place.bottom), (846, 900));
    }

    #[test]
    fn painted_captions_are_seen_as_they_are_written() {
        let sent = sent().codes(&[RDC]).code(ROW_14);
        let start = sent.now();
        let sent = sent.text("One").codes(&[CR]).code(ROW_15).text("Two").wait(50);
        let more = sent.now();
        let sent = sent.text("!").wait(5);
        let erased = sent.now();
        let sent = sent.codes(&[EDM]);
        assert_eq!(sent.cues(), [(start, more, "One\nTwo".to_owned()), (more, erased, "One\nTwo!".to_owned())]);
    }

    #[test]
    fn codes_that_come_twice_are_followed_once() {
        assert_eq!(sent().text("abcd").codes(&[BS]).popped_on().text(), "abc");
        assert_eq!(sent().text("abcd").codes(&[BS, BS]).popped_on().text(), "ab");
        assert_eq!(sent().text("abcd").codes(&[BS]).pair([0x14, BS]).popped_on().text(), "ab");
        // Pairs without anything lie between, but not so many.
        assert_eq!(sent().text("abcd").pair([0x14, BS]).wait(1).pair([0x14, BS]).popped_on().text(), "abc");
        assert_eq!(sent().text("abcd").pair([0x14, BS]).wait(30).pair([0x14, BS]).popped_on().text(), "ab");
        assert_eq!(sent().text("abcd").pair([0x14, BS]).text("e").pair([0x14, BS]).popped_on().text(), "abc");
        // Letters come as often as they are.
        assert_eq!(sent().text("aaaa").popped_on().text(), "aaaa");
    }

    #[test]
    fn letters_are_deleted() {
        assert_eq!(sent().codes(&[BS]).text("ab").codes(&[BS, BS, BS]).text("c").popped_on().text(), "c");
        let deleted = sent().text("abcdef").code([0x14, 0x70]).code([0x17, 0x22]).codes(&[DER]);
        assert_eq!(deleted.text("x").popped_on().text(), "abx");
    }

    #[test]
    fn the_last_column_is_written_over() {
        let full = "12345678901234567890123456789012";
        assert_eq!(sent().text(full).text("xy").popped_on().text(), "1234567890123456789012345678901y");
        assert_eq!(sent().text(full).codes(&[BS]).popped_on().text(), "1234567890123456789012345678901");
        assert_eq!(sent().text(full).codes(&[DER]).popped_on().text(), "1234567890123456789012345678901");
        assert_eq!(sent().text(full).code([0x12, 0x21]).popped_on().text(), "1234567890123456789012345678901É");
        let tabs = (0..20).fold(sent(), |sent, _| sent.code([0x17, 0x23]));
        let place = tabs.text("x").popped_on().place;
        assert_eq!((place.left, place.right), (875, 900));
    }

    #[test]
    fn addresses_are_of_all_rows_and_indents() {
        // The first bytes of addresses, row by row, and whether the second has another bit.
        let rows = [
            (0x11, 0),
            (0x11, 0x20),
            (0x12, 0),
            (0x12, 0x20),
            (0x15, 0),
            (0x15, 0x20),
            (0x16, 0),
            (0x16, 0x20),
            (0x17, 0),
            (0x17, 0x20),
            (0x10, 0),
            (0x13, 0),
            (0x13, 0x20),
            (0x14, 0),
            (0x14, 0x20),
        ];
        for (row, (first, bit)) in (0_u16..).zip(rows) {
            for indent in 0_u16..8 {
                let second = 0x50 + bit + 2 * indent as u8;
                let cue = sent().code([first, second]).text("x").popped_on();
                assert_eq!(cue.place.top, 100 + row * 800 / 15, "row {row}");
                assert_eq!(cue.place.left, 100 + indent * 100, "row {row}, indent {indent}");
                assert_eq!(cue.lines[0].runs[0].style, Style::default());
            }
        }
        let cue = sent().code([0x14, 0x74]).code([0x17, 0x23]).text("x").popped_on();
        assert_eq!(cue.place.left, 100 + 11 * 25);
    }

    #[test]
    fn styles_come_from_addresses_and_within_rows() {
        let style = |italic, underline, colour| Style { bold: false, italic, underline, colour };
        let colours =
            [Colour::White, Colour::Green, Colour::Blue, Colour::Cyan, Colour::Red, Colour::Yellow, Colour::Magenta];
        for (number, colour) in (0_u8..).zip(colours) {
            for underline in [0, 1] {
                let cue = sent().code([0x14, 0x60 + 2 * number + underline]).text("x").popped_on();
                assert_eq!(cue.lines[0].runs[0].style, style(false, underline == 1, colour));
                let cue = sent().code([0x11, 0x20 + 2 * number + underline]).text("x").popped_on();
                assert_eq!(cue.lines[0].runs[0].style, style(false, underline == 1, colour));
            }
        }
        // Italics have no colour in an address, and leave it as it is within a row; a colour ends them.
        let italic = sent().code([0x14, 0x6e]).text("a").code([0x11, 0x2a]).text("b").code([0x11, 0x2f]).text("c");
        let italic = italic.code([0x11, 0x22]).text("d").popped_on();
        let runs: Vec<_> = italic.lines[0].runs.iter().map(|run| (run.text.trim(), run.style)).collect();
        let expected = [
            ("a", style(true, false, Colour::White)),
            ("b", style(false, false, Colour::Yellow)),
            ("c", style(true, true, Colour::Yellow)),
            ("d", style(false, false, Colour::Green)),
        ];
        assert_eq!(runs.into_iter().filter(|(text, _)| !text.is_empty()).collect::<Vec<_>>(), expected);
        assert_eq!(italic.text(), "a b c d");
        assert_eq!(sent().text("a").codes(&[FON]).text("b").popped_on().text(), "a b");
        // A style ends with its row.
        let sent = sent().codes(&[RU2]).code([0x14, 0x6e]).text("a").codes(&[CR]).text("b");
        let (cues, _) = sent.decode(false);
        assert_eq!(cues[1].lines[0].runs[0].style, style(true, false, Colour::White));
        assert_eq!(cues[1].lines[1].runs[0].style, Style::default());
    }

    #[test]
    fn letters_are_those_of_the_sets() {
        assert_eq!(sent().text("*\\^_`{|}~\x7f").popped_on().text(), "áéíóúç÷Ññ█");
        let special = (0x30..0x40).fold(sent(), |sent, second| sent.code([0x11, second]));
        assert_eq!(special.text("!").popped_on().text(), "®°½¿™¢£♪à èâêîôû!");
        // Each extended letter replaces one.
        let extended = |first: u8| {
            (0x20..0x40).fold(sent().code(ROW_14), |sent, second| {
                let sent = if second == 0x30 { sent.code(ROW_15) } else { sent };
                sent.text("x").code([first, second])
            })
        };
        assert_eq!(extended(0x12).popped_on().text(), "ÁÉÓÚÜü‘¡*'—©℠•“”\nÀÂÇÈÊËëÎÏïÔÙùÛ«»");
        assert_eq!(extended(0x13).popped_on().text(), "ÃãÍÌìÒòÕõ{}\\^_|~\nÄäÖöß¥¤│ÅåØø┌┐└┘");
    }

    #[test]
    fn letters_of_unknown_kind_are_left_out() {
        assert_eq!(sent().text("Joined late").codes(&[CR]).texts(), [""; 0]);
        let sent = sent().codes(&[EDM]).text("still").codes(&[RU2]).text("Now");
        assert_eq!(sent.texts(), ["Now"]);
    }

    #[test]
    fn channels_are_apart() {
        let second = |code: u8| [0x1c, code];
        let sent = sent().codes(&[RCL]).code(ROW_15).text("One").code(second(RCL)).code([0x1c, 0x70]).text("Two");
        let sent = sent.codes(&[EOC]).wait(9).code(second(EOC)).code([0x1a, 0x21]).wait(9).codes(&[EDM]);
        let (cues, damaged) = sent.decode(true);
        let texts: Vec<_> = cues.iter().map(|cue| (cue.track, cue.text())).collect();
        assert_eq!(texts, [(Track::Cc3, "One".to_owned()), (Track::Cc4, "Two".to_owned())]);
        assert_eq!(damaged, 0);
    }

    #[test]
    fn the_second_field_has_other_first_bytes() {
        let sent = sent().code([0x15, RCL]).code(ROW_15).text("Hi").code([0x15, EOC]).wait(9).code([0x15, EDM]);
        let (cues, _) = sent.decode(true);
        assert_eq!((cues.len(), cues[0].text()), (1, "Hi".to_owned()));
    }

    #[test]
    fn text_is_no_caption() {
        let sent = sent().codes(&[RU2]).text("Caption").codes(&[TR]).code(ROW_1).text("Weather").codes(&[CR, BS, DER]);
        assert_eq!(sent.texts(), ["Caption"]);
        let erased = sent.now();
        let sent = sent.codes(&[EDM]).text("more weather").codes(&[RU2]).text("again");
        let cues = sent.cues();
        assert_eq!((cues[0].1, cues[1].2.as_str()), (erased, "again"));
    }

    #[test]
    fn extended_data_is_passed_over() {
        let programme = |sent: Sent| sent.pair([0x01, 0x03]).text("Star").pair([0x0f, 0x1d]);
        let sent = sent().codes(&[RU2]).text("Hel");
        // It is interrupted, and goes on.
        let sent = sent.pair([0x01, 0x03]).text("St").codes(&[RU2]).text("lo").pair([0x02, 0x03]).text("ar");
        let sent = programme(sent.pair([0x0f, 0x1d]).codes(&[RU2]).text("!")).wait(5);
        let (cues, damaged) = sent.decode(true);
        let texts: Vec<_> = cues.iter().map(Cue::text).collect();
        assert_eq!((texts.as_slice(), damaged), (&["Hello!".to_owned()][..], 0));
    }

    #[test]
    fn damaged_letters_are_dropped_and_counted() {
        let sent = sent().codes(&[RU2]).text("ab").damaged_pair([0xc3, 0x44]).damaged_pair([0x45, 0xc6]).text("gh");
        let (cues, damaged) = sent.decode(false);
        assert_eq!((cues[0].text(), damaged), ("abEgh".to_owned(), 2));
        // In the first field there is no extended data.
        let sent = sent.pair([0x05, 0x69]);
        let (cues, damaged) = sent.decode(false);
        assert_eq!((cues[0].text(), damaged), ("abEghi".to_owned(), 3));
    }

    #[test]
    fn one_of_two_codes_is_enough() {
        let [first, second] = [0x94, 0x2c];
        for damaged in [[first ^ 0x80, second], [first, second ^ 0x80], [first ^ 1, second]] {
            let sent = sent().codes(&[RU2]).text("ab").wait(3);
            let erased = sent.now();
            for pairs in [[damaged, [first, second]], [[first, second], damaged]] {
                let sent = Sent([sent.0.clone(), pairs.to_vec(), vec![[0x80; 2]; 5]].concat());
                let (cues, dropped) = sent.decode(false);
                assert_eq!((cues.len(), cues[0].text(), dropped), (1, "ab".to_owned(), 1));
                assert!((erased..=erased + 1).contains(&cues[0].end));
            }
        }
    }

    #[test]
    fn padding_needs_no_parity() {
        let sent = Sent([sent().codes(&[RU2]).text("a").0, vec![[0, 0]; 9]].concat());
        assert_eq!(sent.texts(), ["a"]);
    }
}
