//! Where lines are broken: as few lines as there can be, about as long as one another.

use super::markup::Letters;
use super::shape::clusters;
use icu_segmenter::LineSegmenter;
use icu_segmenter::options::LineBreakOptions;
use std::ops::Range;

/// Punctuation behind which a line rather ends.
const PAUSES: &str = ".,;:!?…—،؛؟。、，！？；：।";
/// What a line that ends in a pause may be shorter or longer for it, as a part of the width.
const PAUSE: f32 = 0.12;

/// A piece of a text that is not broken.
struct Piece {
    letters: Range<usize>,
    /// With the spaces at its end, and without them.
    whole: f32,
    seen: f32,
    ends_in_pause: bool,
}

/// Breaks a text, whose letters take so many ems each, into lines of so many ems at most; gives the letters of each, without the
/// spaces at its ends. A word that is too long for a line is broken between characters.
pub(super) fn balanced(letters: &Letters, advances: &[f32], width: f32) -> Vec<Range<usize>> {
    let pieces = pieces(letters, advances, width);
    let fewest = greedy(&pieces, width);
    let lines = if fewest > 0 { share_out(&pieces, fewest, width) } else { Vec::new() };
    let trimmed = |pieces: &[Piece]| {
        let (first, last) = (pieces.first()?, pieces.last()?);
        let is_space = |at: usize| letters[at].0.is_whitespace();
        let (mut begin, mut end) = (first.letters.start, last.letters.end);
        while begin < end && is_space(begin) {
            begin += 1;
        }
        while end > begin && is_space(end - 1) {
            end -= 1;
        }
        (begin < end).then_some(begin..end)
    };
    lines.into_iter().filter_map(|line| trimmed(&pieces[line])).collect()
}

/// Divides a text where lines may be broken (Unicode Standard Annex 14; by dictionary and model for scripts without spaces).
fn pieces(letters: &Letters, advances: &[f32], width: f32) -> Vec<Piece> {
    let text: String = letters.iter().map(|(letter, _)| letter).collect();
    let ends: Vec<usize> = LineSegmenter::new_auto(LineBreakOptions::default()).segment_str(&text).skip(1).collect();
    let mut starts = letters.iter().scan(0, |byte, (letter, _)| {
        let at = *byte;
        *byte += letter.len_utf8();
        Some(at)
    });
    // Numbers of letters by their first byte.
    let starts: Vec<usize> = starts.by_ref().chain([text.len()]).collect();
    let number = |byte: usize| starts.partition_point(|&start| start < byte);
    let (mut pieces, mut begin) = (Vec::new(), 0);
    for end in ends {
        let range = number(begin)..number(end);
        let piece = piece(letters, advances, range);
        if piece.seen <= width {
            pieces.push(piece);
        } else {
            let within = clusters(&text[begin..end]).map(|(at, cluster)| {
                let at = begin + at;
                number(at)..number(at + cluster.len())
            });
            pieces.extend(within.map(|range| self::piece(letters, advances, range)));
        }
        begin = end;
    }
    pieces
}

fn piece(letters: &Letters, advances: &[f32], range: Range<usize>) -> Piece {
    let mut seen = range.end;
    while seen > range.start && letters[seen - 1].0.is_whitespace() {
        seen -= 1;
    }
    let sum = |range: Range<usize>| advances[range].iter().sum();
    let ends_in_pause = seen > range.start && PAUSES.contains(letters[seen - 1].0);
    Piece { whole: sum(range.clone()), seen: sum(range.start..seen), letters: range, ends_in_pause }
}

/// Counts the lines that a text takes at least.
fn greedy(pieces: &[Piece], width: f32) -> usize {
    let (mut lines, mut filled) = (0, f32::INFINITY);
    for piece in pieces {
        if filled + piece.seen > width {
            lines += 1;
            filled = 0.0;
        }
        filled += piece.whole;
    }
    lines
}

/// Shares pieces out to so many lines, by a dynamic programme over the ends of lines: the sum of the squares of what lines differ from
/// the mean is least, and less for one that ends in a pause.
fn share_out(pieces: &[Piece], lines: usize, width: f32) -> Vec<Range<usize>> {
    let mean = pieces.iter().map(|piece| piece.whole).sum::<f32>() / lines as f32;
    let cost = |range: Range<usize>| {
        let last = &pieces[range.end - 1];
        let length = pieces[range.start..range.end - 1].iter().map(|piece| piece.whole).sum::<f32>() + last.seen;
        // A single piece has nowhere else to go.
        if length > width && range.len() > 1 {
            return f32::INFINITY;
        }
        let pause = if last.ends_in_pause && range.end < pieces.len() { PAUSE * PAUSE } else { 0.0 };
        ((length - mean) / width).powi(2) - pause
    };
    // For each end, the least cost of so many lines up to it, and where the last of them begins.
    let mut best: Vec<Vec<(f32, usize)>> = Vec::with_capacity(lines);
    for line in 0..lines {
        let of_end = |end: usize| {
            let begins = if line == 0 { 0..1 } else { line..end };
            let costs = begins.map(|begin| {
                let before = if line == 0 { 0.0 } else { best[line - 1][begin].0 };
                (if end > begin { before + cost(begin..end) } else { f32::INFINITY }, begin)
            });
            costs.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((f32::INFINITY, 0))
        };
        let row = (0..=pieces.len()).map(of_end).collect();
        best.push(row);
    }
    let (mut ranges, mut end) = (Vec::with_capacity(lines), pieces.len());
    for line in (0..lines).rev() {
        let begin = best[line][end].1;
        ranges.push(begin..end);
        end = begin;
    }
    ranges.reverse();
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::burn_in::markup;

    fn broken(text: &str, width: f32) -> Vec<String> {
        let letters = markup::read(text).remove(0);
        // Marks take nothing.
        let advances: Vec<f32> =
            letters.iter().map(|(letter, _)| if "่้ัีิ".contains(*letter) { 0.0 } else { 1.0 }).collect();
        balanced(&letters, &advances, width).into_iter().map(|line| markup::plain(&letters[line])).collect()
    }

    #[test]
    fn lines_are_few_and_about_as_long() {
        assert_eq!(broken("one two", 10.0), ["one two"]);
        assert_eq!(broken("one two three four", 14.0), ["one two", "three four"]);
        assert_eq!(broken("Aah! I never wanted to go", 18.0), ["Aah! I never", "wanted to go"]);
        assert_eq!(broken("I never did, and she said so", 18.0), ["I never did,", "and she said so"]);
        assert_eq!(broken("", 10.0), [""; 0]);
        assert_eq!(broken("   ", 10.0), [""; 0]);
    }

    #[test]
    fn scripts_without_spaces_are_broken_between_words_or_characters() {
        assert_eq!(broken("我们今天晚上去看电影，好不好？", 8.0), ["我们今天晚上去", "看电影，好不好？"]);
        // "I do not know where he goes tomorrow": of words none is broken.
        let lines = broken("ฉันไม่รู้ว่าพรุ่งนี้เขาจะไปไหน", 14.0);
        assert!(lines.len() >= 2, "{lines:?}");
        let words = ["ฉัน", "ไม่", "รู้", "ว่า", "พรุ่ง", "นี้", "เขา", "จะ", "ไป", "ไหน"];
        for line in &lines {
            assert!(
                words.iter().any(|word| line.starts_with(word)) && words.iter().any(|word| line.ends_with(word)),
                "{lines:?}"
            );
        }
    }

    #[test]
    fn a_word_that_is_too_long_is_broken() {
        assert_eq!(broken("Donaudampfschifffahrt", 8.0), ["Donauda", "mpfschi", "fffahrt"]);
    }
}
