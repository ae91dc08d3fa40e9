//! When what is shown becomes another caption.

use super::block::Block;
use super::clock::Clock;
use super::cue::{Cue, Track};
use super::output::Output;

/// Tenths of a second without a letter after which more letters are a caption of their own. Captions that are shown
/// while they are written come a few letters a frame; a cue has them all from where the first is shown, as long as none
/// is shown much before it is said. Chosen; words of live captions come more often than that.
const PAUSE: u32 = 15;
/// Tenths of a second that a caption is shown for before another line makes it another caption. Two lines that are
/// written at once take less: a line of CEA-608 has at most 32 letters, two of which come in a frame. Chosen.
const LINE: u32 = 10;

/// How much of what is shown changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Letters are added or deleted, which ends no caption but after a pause.
    Letters,
    /// Another line begins, which ends what has been shown for a while.
    Line,
    /// Another caption begins.
    Caption,
}

/// Watches a screen, and cuts what it shows into cues. Within a frame, first come any number of [`Self::touch`], each
/// just before the change, then one [`Self::settle`].
#[derive(Clone, Debug)]
pub(super) struct Showing {
    track: Track,
    /// Since when the screen shows its caption; means nothing while it shows none.
    since: i64,
    /// When it was changed last.
    changed: i64,
    /// Whether this frame has changed it.
    touched: bool,
    /// The caption that ends with this frame.
    ended: Option<Vec<Block>>,
}

impl Showing {
    /// Begins with an empty screen.
    pub(super) fn new(track: Track) -> Self {
        Self { track, since: i64::MIN, changed: i64::MIN, touched: false, ended: None }
    }

    /// Is told that the screen changes; `page` is what it shows now.
    pub(super) fn touch(&mut self, time: i64, change: Change, clock: Clock, page: impl Fn() -> Vec<Block>) {
        if !self.touched {
            self.touched = true;
            let page = page();
            if page.is_empty() {
                self.since = time;
            } else if time.saturating_sub(self.changed) >= clock.ticks(PAUSE) {
                self.ended = Some(page);
            }
            self.changed = time;
        }
        let ends = match change {
            Change::Letters => false,
            Change::Line => time.saturating_sub(self.since) >= clock.ticks(LINE),
            Change::Caption => true,
        };
        if ends && self.ended.is_none() {
            self.ended = Some(page());
        }
    }

    /// Hands out the caption that this frame has ended, unless `page` is still the same.
    pub(super) fn settle(&mut self, time: i64, page: impl Fn() -> Vec<Block>, output: &mut Output) {
        self.touched = false;
        let Some(ended) = self.ended.take() else { return };
        if ended == page() {
            // It ends when something comes.
            self.changed = i64::MIN;
        } else {
            self.hand_out(time, ended, output);
        }
    }

    /// Hands out what is still shown at the end.
    pub(super) fn finish(&mut self, end: i64, page: Vec<Block>, output: &mut Output) {
        self.hand_out(end, page, output);
    }

    /// Hands out what was shown until now; what no frame has shown is dropped.
    fn hand_out(&mut self, end: i64, page: Vec<Block>, output: &mut Output) {
        let start = std::mem::replace(&mut self.since, end);
        if start < end {
            let cue = |Block { lines, place }| Cue { track: self.track, start, end, lines, place };
            output.cues.extend(page.into_iter().map(cue));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captions::cue::{self, Place, Style};
    use crate::geometry::Rational;
    use Change::{Caption, Letters, Line};

    /// A screen of one line, and frames of a tenth of a second.
    struct Screen {
        text: &'static str,
        showing: Showing,
        output: Output,
    }

    impl Screen {
        fn page(text: &str) -> Vec<Block> {
            let lines = vec![cue::Line::of(text.chars().map(|letter| (letter, Style::default())))];
            let place = Place { top: 0, bottom: 0, left: 0, right: 0 };
            if text.is_empty() { vec![] } else { vec![Block { lines, place }] }
        }

        fn frame(&mut self, time: i64, changes: &[(&'static str, Change)]) {
            let clock = Clock::new(Rational { num: 1, den: 10 });
            for &(text, change) in changes {
                self.showing.touch(time, change, clock, || Self::page(self.text));
                self.text = text;
            }
            self.showing.settle(time, || Self::page(self.text), &mut self.output);
        }

        fn cues(frames: &[(i64, &[(&'static str, Change)])]) -> Vec<(i64, i64, String)> {
            let mut screen = Self { text: "", showing: Showing::new(Track::Cc1), output: Output::default() };
            for (time, changes) in frames {
                screen.frame(*time, changes);
            }
            screen.showing.finish(100, Self::page(screen.text), &mut screen.output);
            screen.output.cues.iter().map(|cue| (cue.start, cue.end, cue.text())).collect()
        }
    }

    #[test]
    fn letters_are_shown_from_the_first_on() {
        let cues = Screen::cues(&[(3, &[("a", Letters)]), (5, &[("ab", Letters)]), (9, &[("", Caption)])]);
        assert_eq!(cues, [(3, 9, "ab".to_owned())]);
    }

    #[test]
    fn letters_after_a_pause_are_another_caption() {
        let cues = Screen::cues(&[(3, &[("a", Letters)]), (17, &[("ab", Letters)]), (32, &[("abc", Letters)])]);
        assert_eq!(cues, [(3, 32, "ab".to_owned()), (32, 100, "abc".to_owned())]);
    }

    #[test]
    fn lines_are_captions_of_their_own_unless_they_come_at_once() {
        let cues = Screen::cues(&[(3, &[("a", Letters)]), (10, &[("a", Line), ("ab", Letters)])]);
        assert_eq!(cues, [(3, 100, "ab".to_owned())]);
        let cues = Screen::cues(&[
            (3, &[("a", Letters)]),
            (12, &[("ab", Letters)]),
            (13, &[("ab", Line)]),
            (15, &[("abc", Letters)]),
        ]);
        assert_eq!(cues, [(3, 15, "ab".to_owned()), (15, 100, "abc".to_owned())]);
        let cues = Screen::cues(&[
            (3, &[("a", Letters)]),
            (13, &[("ab", Letters), ("ab", Line), ("abc", Letters)]),
            (14, &[("abcd", Letters)]),
        ]);
        assert_eq!(cues, [(3, 13, "ab".to_owned()), (13, 100, "abcd".to_owned())]);
    }

    #[test]
    fn what_ends_within_a_frame_has_the_letters_of_that_frame() {
        let cues = Screen::cues(&[(3, &[("a", Letters)]), (4, &[("ab", Letters), ("", Caption), ("c", Letters)])]);
        assert_eq!(cues, [(3, 4, "ab".to_owned()), (4, 100, "c".to_owned())]);
    }

    #[test]
    fn a_change_to_the_same_is_none_and_what_no_frame_shows_is_no_cue() {
        let cues =
            Screen::cues(&[(3, &[("a", Caption)]), (50, &[("", Caption), ("a", Caption)]), (60, &[("b", Caption)])]);
        assert_eq!(cues, [(3, 60, "a".to_owned()), (60, 100, "b".to_owned())]);
        assert_eq!(Screen::cues(&[(3, &[("a", Caption), ("", Caption)])]), []);
        assert_eq!(Screen::cues(&[(3, &[("a", Caption)]), (3, &[("", Caption)])]), []);
    }

    #[test]
    fn a_caption_that_comes_after_an_empty_screen_begins_there() {
        let cues = Screen::cues(&[(3, &[("a", Caption)]), (7, &[("", Caption)]), (60, &[("b", Caption)])]);
        assert_eq!(cues, [(3, 7, "a".to_owned()), (60, 100, "b".to_owned())]);
    }
}
