//! Burnt-in subtitles and captions.
//!
//! Edges alone do not tell text from fences and foliage. Text comes all at once over a picture that goes on, stays where it is for a
//! while, to the sample, and goes all at once; it is made of thin bright strokes of one brightness, in lines, about the middle.

use super::document::SeenCaption;
use crate::frame::{Frame, HeldFrame};
use std::collections::VecDeque;
use std::ops::Range;

/// The part of the picture's height from which on text is looked for.
const FROM: f64 = 0.5;
/// A stroke is brighter than what is beside it on both sides by so many steps of 8 bits, and narrower than this part of the width.
const CONTRAST: u8 = 50;
const STROKE: f64 = 0.010;
/// Seconds that text stays.
const SHORTEST: f64 = 0.6;
const LONGEST: f64 = 12.0;
/// The part of its strokes that is still there while it stays, and that was there before at most.
const STAYS: f64 = 0.6;
const WAS: f64 = 0.35;
/// Height of a line, as parts of the picture's height; from the middle of x-height letters to ascenders and descenders.
const LINE: Range<f64> = 0.012..0.085;
/// How far the middle of a line may be from that of the picture, as a part of its width.
const OFF_CENTRE: f64 = 0.05;
/// Strokes fill such a part of a line, and cross its rows so often, for each of its heights that it is long.
const FILLED: Range<f64> = 0.05..0.65;
const CROSSED: f64 = 0.7;
/// Deviation of the brightness of strokes, at most, and their least brightness.
const UNEVEN: f64 = 45.0;
const BRIGHT: f64 = 110.0;
/// Mean difference of two samples of the upper half of the picture, in steps of 8 bits, above which another picture is shown.
const ANOTHER: f64 = 14.0;
/// Room around the letters, as parts of a line's height.
const ROOM: [f64; 2] = [0.7, 0.4];
/// What only came and went with other pictures is text if so many others lie on the same line, as far as this in thousandths.
const ALIKE: usize = 2;
const ALIGNED: i32 = 12;

/// Which samples of the lower part of a picture are strokes: a bit each, row by row.
#[derive(Clone, Debug, PartialEq)]
struct Strokes {
    bits: Vec<u64>,
    /// Words of a row.
    words: usize,
}

/// Rows and columns of a picture.
#[derive(Clone, Debug, PartialEq)]
struct TextBox {
    columns: Range<usize>,
    rows: Range<usize>,
    /// Height of its lines.
    line: usize,
}

/// One sample of the film.
#[derive(Debug)]
struct Sampled {
    time: i64,
    strokes: Strokes,
    /// Whether the picture is another than in the sample before.
    another: bool,
}

/// Text that stays.
#[derive(Debug)]
struct Staying {
    found: TextBox,
    strokes: Strokes,
    from: i64,
    /// Time of the last sample that has it.
    last: i64,
    /// Whether it came with another picture, and may be part of that.
    doubtful: bool,
}

/// Finds captions, told sample after sample.
#[derive(Debug)]
pub(super) struct CaptionFinder {
    /// Seconds of a tick.
    tick: f64,
    /// The last samples, as many as text stays for.
    samples: VecDeque<Sampled>,
    /// Every so many samples of the upper half of the last one.
    upper: Vec<u8>,
    /// Luma of the lower part of the last two.
    lower: [Vec<u8>; 2],
    staying: Vec<Staying>,
    found: Vec<SeenCaption>,
    /// What came and went with other pictures. Textures of pictures lie here and there, and subtitles of a film on one line.
    doubtful: Vec<SeenCaption>,
    /// Small pictures of all frames of the last three samples: times of beginnings and ends are told from them.
    frames: VecDeque<(i64, HeldFrame)>,
    /// Size of the pictures.
    size: [usize; 2],
}

impl CaptionFinder {
    /// Begins, for a film whose ticks are so many seconds long.
    pub(super) fn new(tick: f64) -> Self {
        Self {
            tick,
            samples: VecDeque::new(),
            upper: Vec::new(),
            lower: [Vec::new(), Vec::new()],
            staying: Vec::new(),
            found: Vec::new(),
            doubtful: Vec::new(),
            frames: VecDeque::new(),
            size: [0; 2],
        }
    }

    /// Takes every frame, small, before the sample that is made of it.
    pub(super) fn frame(&mut self, time: i64, small: &HeldFrame) {
        self.frames.push_back((time, small.clone()));
        let oldest = self.samples.len().checked_sub(3).and_then(|at| self.samples.get(at)).map(|sample| sample.time);
        while self.frames.len() > 128
            || self.frames.front().zip(oldest).is_some_and(|((time, _), oldest)| *time < oldest)
        {
            self.frames.pop_front();
        }
    }

    /// Takes a sample: a picture of 8 bits.
    pub(super) fn sample(&mut self, time: i64, picture: &Frame) {
        let (luma, stride) = picture.plane::<u8>(0);
        let (width, height) = (picture.format().width as usize, picture.format().height as usize);
        self.size = [width, height];
        let first = part_of(FROM, height);
        let upper: Vec<u8> = luma
            .chunks(stride)
            .take(first)
            .step_by(8)
            .flat_map(|row| row[..width].iter().step_by(8))
            .copied()
            .collect();
        let another = self.upper.len() != upper.len() || mean_difference(&self.upper, &upper) > ANOTHER;
        self.upper = upper;
        let lower: Vec<u8> =
            luma.chunks(stride).take(height).skip(first).flat_map(|row| &row[..width]).copied().collect();
        let strokes = Strokes::of(&lower, width, part_of(STROKE, width).max(3));
        let [_, before] = std::mem::take(&mut self.lower);
        self.lower = [before, lower];
        self.samples.push_back(Sampled { time, strokes, another });
        while self.samples.front().is_some_and(|oldest| self.seconds(time - oldest.time) > LONGEST + 1.0) {
            self.samples.pop_front();
        }
        self.go_on();
        self.begin();
        self.look_back();
    }

    /// Ends the film; gives all captions, in the order in which they begin.
    pub(super) fn finish(mut self) -> Vec<SeenCaption> {
        let end = self.samples.back().map_or(0, |sample| sample.time);
        for staying in std::mem::take(&mut self.staying) {
            // It goes with the last frame.
            if staying.doubtful {
                self.doubt(&staying, end + 1);
            } else {
                self.keep(&staying, end + 1);
            }
        }
        let mut found = self.found;
        for doubtful in &self.doubtful {
            let alike = |other: &&SeenCaption| *other != doubtful && other.is_aligned_with(doubtful);
            if found.iter().any(|sure| alike(&sure)) || self.doubtful.iter().filter(alike).count() >= ALIKE {
                found.push(*doubtful);
            }
        }
        found.sort_by_key(|caption| (caption.from, caption.bounds));
        // One at a time: what is found twice, or in two parts, is one.
        let mut kept: Vec<SeenCaption> = Vec::new();
        for caption in found {
            match kept.last_mut().filter(|last| caption.from < last.to) {
                Some(last) => *last = last.with(&caption),
                None => kept.push(caption),
            }
        }
        kept
    }

    #[expect(clippy::cast_precision_loss, reason = "times of a film")]
    fn seconds(&self, ticks: i64) -> f64 {
        ticks as f64 * self.tick
    }

    /// Follows the text that is there, and ends what is gone.
    fn go_on(&mut self) {
        let Some(now) = self.samples.back() else { return };
        let mut gone = Vec::new();
        let (time, another, mut still) = (now.time, now.another, Vec::new());
        for mut staying in std::mem::take(&mut self.staying) {
            if now.strokes.share_of(&staying.strokes) >= STAYS {
                staying.last = time;
                still.push(staying);
            } else {
                gone.push(staying);
            }
        }
        self.staying = still;
        for staying in gone {
            let to = self.changed(staying.last, time, &staying.found);
            // What goes by itself is looked for anew.
            match staying.doubtful {
                false => self.keep(&staying, to),
                true if another => self.doubt(&staying, to),
                true => {}
            }
        }
    }

    /// Begins with text that has come all at once: for sure over a picture that went on.
    fn begin(&mut self) {
        let count = self.samples.len();
        let Some(before) = count.checked_sub(3) else { return };
        let [before, first, now] = [before, count - 2, count - 1].map(|at| &self.samples[at]);
        let stay = now.strokes.and(&first.strokes);
        // What stays while the picture behind it becomes another is no part of that.
        if first.another && !now.another {
            let Some((found, strokes)) = self.text(&stay, 1) else { return };
            if !self.staying.iter().any(|staying| staying.found.overlaps(&found)) {
                let from = self.changed(before.time, first.time, &found);
                let last = now.time;
                self.staying.push(Staying { found, strokes, from, last, doubtful: true });
            }
            return;
        }
        let Some((found, strokes)) = self.text(&stay.without(&before.strokes.grown()), 1) else { return };
        let known = self.staying.iter().any(|staying| staying.found.overlaps(&found) && !staying.doubtful);
        if !known && before.strokes.share_of(&strokes) <= WAS {
            let from = self.changed(before.time, first.time, &found);
            let last = now.time;
            self.staying.push(Staying { found, strokes, from, last, doubtful: false });
        }
    }

    /// Finds text that has gone all at once and whose beginning was not seen, for it came with another picture.
    fn look_back(&mut self) {
        let count = self.samples.len();
        let Some(before) = count.checked_sub(3) else { return };
        let [before, last, now] = [before, count - 2, count - 1].map(|at| &self.samples[at]);
        if now.another {
            return;
        }
        let strokes = last.strokes.and(&before.strokes).without(&now.strokes.grown());
        let known = |found: &TextBox| {
            let overlaps = |caption: &SeenCaption| caption.to > before.time && self.bounds(found) == caption.bounds;
            self.staying.iter().any(|staying| staying.found.overlaps(found))
                || self.found.iter().rev().take(4).any(overlaps)
        };
        let Some((found, strokes)) = self.text(&strokes, 0) else { return };
        if known(&found) || now.strokes.share_of(&strokes) > WAS {
            return;
        }
        let there = self.samples.iter().rev().skip(1).take_while(|sample| sample.strokes.share_of(&strokes) >= STAYS);
        let Some(first) = there.last() else { return };
        let earlier = self.samples.iter().rev().find(|sample| sample.time < first.time);
        let from = earlier.map_or(first.time, |earlier| self.changed(earlier.time, first.time, &found));
        let to = self.changed(last.time, now.time, &found);
        let last = last.time;
        self.keep(&Staying { found, strokes, from, last, doubtful: false }, to);
    }

    /// Keeps what has stayed for as long as text does.
    fn keep(&mut self, staying: &Staying, to: i64) {
        let Some(caption) = self.caption(staying, to) else { return };
        // What was found as it came and as it went is one.
        let twice = |known: &&mut SeenCaption| known.from < caption.to && caption.from < known.to;
        match self.found.iter_mut().rev().take(4).find(twice) {
            Some(known) => *known = known.with(&caption),
            None => self.found.push(caption),
        }
    }

    /// Keeps what may be text, too.
    fn doubt(&mut self, staying: &Staying, to: i64) {
        self.doubtful.extend(self.caption(staying, to));
    }

    fn caption(&self, staying: &Staying, to: i64) -> Option<SeenCaption> {
        let stayed = self.seconds(to - staying.from);
        let bounds = self.bounds(&staying.found);
        (SHORTEST..=LONGEST).contains(&stayed).then_some(SeenCaption { from: staying.from, to, bounds })
    }

    /// The first time after `from`, `to` at the latest, at which a box looks more as it does then: the frame that changed it.
    fn changed(&self, from: i64, to: i64, found: &TextBox) -> i64 {
        let at = |time: i64| self.frames.iter().find(|(of, _)| *of == time).map(|(_, frame)| frame);
        let (Some(before), Some(after)) = (at(from), at(to)) else { return to };
        let between = self.frames.iter().filter(|(time, _)| *time > from && *time < to);
        let difference = |a: &Frame, b: &Frame| box_difference(a, b, found, self.size);
        let changed = |(_, frame): &&(i64, HeldFrame)| difference(frame, after) < difference(frame, before);
        between.clone().find(changed).map_or(to, |(time, _)| *time)
    }

    /// Thousandths of the picture, with room around the letters.
    fn bounds(&self, found: &TextBox) -> [i32; 4] {
        let [width, height] = self.size;
        let first = part_of(FROM, height);
        let [across, down] = ROOM.map(|room| part_of(room, found.line));
        let (left, right) = (found.columns.start.saturating_sub(across), (found.columns.end + across).min(width));
        let (top, bottom) =
            ((first + found.rows.start).saturating_sub(down), (first + found.rows.end + down).min(height));
        let part = |at: usize, of: usize| i32::try_from((1000 * at + of / 2) / of.max(1)).unwrap_or(0);
        let [left, top, right, bottom] =
            [part(left, width), part(top, height), part(right, width), part(bottom, height)];
        [left, top, right - left, bottom - top]
    }

    /// Finds lines of text in strokes, which are those of the last sample, 1, or of the one before, 0; with them the strokes of each.
    fn text(&self, strokes: &Strokes, of: usize) -> Option<(TextBox, Strokes)> {
        let [width, height] = self.size;
        let lines = strokes.lines(width, height);
        let luma = &self.lower[of];
        let mut block: Option<TextBox> = None;
        for line in lines.into_iter().filter(|line| is_of_one_brightness(strokes, line, luma, width)) {
            block = Some(match block {
                None => line,
                Some(above) if line.rows.start < above.rows.end + 2 * above.line.max(line.line) => above.with(&line),
                // The lowest are subtitles.
                Some(_) => line,
            });
        }
        block.map(|found| {
            let own = strokes.within(&found);
            (found, own)
        })
    }
}

impl SeenCaption {
    /// Tells whether its last line is on the same line as another's.
    fn is_aligned_with(&self, other: &Self) -> bool {
        let [bottom, others] = [self, other].map(|caption| caption.bounds[1] + caption.bounds[3]);
        bottom.abs_diff(others) <= ALIGNED.unsigned_abs()
    }

    /// Makes one of two that are one.
    fn with(&self, other: &Self) -> Self {
        let ends = |[left, top, width, height]: [i32; 4]| [left, top, left + width, top + height];
        let ([a, b, c, d], [e, f, g, h]) = (ends(self.bounds), ends(other.bounds));
        let (left, top, right, bottom) = (a.min(e), b.min(f), c.max(g), d.max(h));
        let bounds = [left, top, right - left, bottom - top];
        Self { from: self.from.min(other.from), to: self.to.max(other.to), bounds }
    }
}

impl TextBox {
    fn overlaps(&self, other: &Self) -> bool {
        let meet = |a: &Range<usize>, b: &Range<usize>| a.start < b.end && b.start < a.end;
        meet(&self.columns, &other.columns) && meet(&self.rows, &other.rows)
    }

    fn with(&self, other: &Self) -> Self {
        let join = |a: &Range<usize>, b: &Range<usize>| a.start.min(b.start)..a.end.max(b.end);
        Self {
            columns: join(&self.columns, &other.columns),
            rows: join(&self.rows, &other.rows),
            line: self.line.max(other.line),
        }
    }
}

impl Strokes {
    /// Those of luma whose rows are `width` samples long; strokes are narrower than `widest`.
    fn of(luma: &[u8], width: usize, widest: usize) -> Self {
        let words = width.div_ceil(64);
        let mut bits = vec![0_u64; luma.len() / width.max(1) * words];
        let (mut least, mut opened) = (vec![0_u8; width], vec![0_u8; width]);
        for (row, bits) in luma.chunks_exact(width).zip(bits.chunks_exact_mut(words)) {
            // What is left of a row when all that is narrower is taken off: its morphological opening.
            spread(row, &mut least, widest, u8::min);
            spread(&least, &mut opened, widest, u8::max);
            // The minimum looks ahead and the maximum must look back: both have looked ahead, which moves the row.
            for (x, &sample) in row.iter().enumerate() {
                let ground = if x + 1 >= widest { opened[x + 1 - widest] } else { opened[0] };
                if sample >= ground.saturating_add(CONTRAST) {
                    bits[x / 64] |= 1 << (x % 64);
                }
            }
        }
        Self { bits, words }
    }

    fn combined(&self, other: &Self, of: impl Fn(u64, u64) -> u64) -> Self {
        let bits = self.bits.iter().zip(&other.bits).map(|(&a, &b)| of(a, b)).collect();
        Self { bits, words: self.words }
    }

    fn and(&self, other: &Self) -> Self {
        self.combined(other, |a, b| a & b)
    }

    fn without(&self, other: &Self) -> Self {
        self.combined(other, |a, b| a & !b)
    }

    /// With the samples beside each, above and below.
    fn grown(&self) -> Self {
        let beside = |row: &[u64]| -> Vec<u64> {
            let at = |index: usize| row.get(index).copied().unwrap_or(0);
            (0..row.len())
                .map(|index| {
                    let before = index.checked_sub(1).map_or(0, at) >> 63;
                    let after = at(index + 1) << 63;
                    at(index) | at(index) << 1 | before | at(index) >> 1 | after
                })
                .collect()
        };
        let rows: Vec<_> = self.bits.chunks(self.words).map(beside).collect();
        let none = vec![0; self.words];
        let row = |index: Option<usize>| index.and_then(|index| rows.get(index)).unwrap_or(&none);
        let bits = (0..rows.len())
            .flat_map(|index| {
                let [above, own, below] = [row(index.checked_sub(1)), row(Some(index)), row(Some(index + 1))];
                (0..self.words).map(|word| above[word] | own[word] | below[word]).collect::<Vec<_>>()
            })
            .collect();
        Self { bits, words: self.words }
    }

    /// Those inside a box.
    fn within(&self, found: &TextBox) -> Self {
        let mut bits = vec![0; self.bits.len()];
        for row in found.rows.clone() {
            for column in found.columns.clone().filter(|&column| self.has(row, column)) {
                bits[row * self.words + column / 64] |= 1 << (column % 64);
            }
        }
        Self { bits, words: self.words }
    }

    fn has(&self, row: usize, column: usize) -> bool {
        self.bits[row * self.words + column / 64] >> (column % 64) & 1 == 1
    }

    fn count(&self) -> u32 {
        self.bits.iter().map(|word| word.count_ones()).sum()
    }

    /// The part of others that is here too.
    fn share_of(&self, others: &Self) -> f64 {
        f64::from(self.and(others).count()) / f64::from(others.count().max(1))
    }

    /// Finds lines of text about the middle of a picture of this size, from above.
    fn lines(&self, width: usize, height: usize) -> Vec<TextBox> {
        /// Strokes of a row of text, at least, and as a part of those of the row that has most.
        const LEAST: u32 = 4;
        const PART: u32 = 5;
        let counts: Vec<u32> =
            self.bits.chunks(self.words).map(|row| row.iter().map(|word| word.count_ones()).sum()).collect();
        let least = counts.iter().max().map_or(LEAST, |most| LEAST.max(most / PART));
        let rows = runs(counts.iter().map(|&count| count >= least), 2);
        let heights = part_of(LINE.start, height).max(5)..part_of(LINE.end, height);
        let lines = rows.into_iter().filter(|rows| heights.contains(&rows.len()));
        lines.filter_map(|rows| self.line(rows, width)).collect()
    }

    /// The line of text in these rows, if it is one.
    fn line(&self, rows: Range<usize>, width: usize) -> Option<TextBox> {
        let line = rows.len();
        let mut columns = vec![0_usize; width];
        for row in rows.clone() {
            columns.iter_mut().enumerate().for_each(|(column, count)| *count += usize::from(self.has(row, column)));
        }
        let all: usize = columns.iter().sum();
        // One sample here and there is noise.
        let words = runs(columns.iter().map(|&count| count > 1), line + line / 2);
        let strokes = |range: &Range<usize>| columns[range.clone()].iter().sum::<usize>();
        let longest = words.into_iter().max_by_key(strokes)?;
        let own = strokes(&longest);
        let (middle, length) = (longest.start + longest.end, longest.len());
        let centred = middle.abs_diff(width) <= 2 * part_of(OFF_CENTRE, width);
        let crossings: usize = rows.clone().map(|row| self.crossings(row, &longest)).sum();
        #[expect(clippy::cast_precision_loss, reason = "samples of a small picture")]
        let [filled, crossed, heights, share] = [
            own as f64 / (length * line).max(1) as f64,
            crossings as f64 / line as f64,
            length as f64 / line as f64,
            own as f64 / all.max(1) as f64,
        ];
        let is_text =
            share >= 0.6 && heights >= 1.5 && FILLED.contains(&filled) && crossed >= (CROSSED * heights).max(2.5);
        (centred && is_text).then_some(TextBox { columns: longest, rows, line })
    }

    /// Counts the strokes that a row crosses.
    fn crossings(&self, row: usize, columns: &Range<usize>) -> usize {
        columns.clone().filter(|&column| self.has(row, column) && (column == 0 || !self.has(row, column - 1))).count()
    }
}

/// Runs of true values, over gaps of up to so many others.
fn runs(values: impl Iterator<Item = bool>, gap: usize) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (at, _) in values.enumerate().filter(|(_, value)| *value) {
        match runs.last_mut().filter(|run| at - run.end <= gap) {
            Some(run) => run.end = at + 1,
            None => runs.push(at..at + 1),
        }
    }
    runs
}

/// Makes each value the least, or the largest, of itself and those that follow it, `length` in all; the last ones of fewer.
fn spread(values: &[u8], out: &mut [u8], length: usize, of: impl Fn(u8, u8) -> u8) {
    out.copy_from_slice(values);
    for step in 1..length.min(values.len()) {
        for (out, &value) in out.iter_mut().zip(&values[step..]) {
            *out = of(*out, value);
        }
    }
}

/// Tells whether the strokes of a line are about equally bright.
fn is_of_one_brightness(strokes: &Strokes, line: &TextBox, luma: &[u8], width: usize) -> bool {
    let mut values: Vec<u8> = Vec::new();
    for row in line.rows.clone() {
        let columns = line.columns.clone().filter(|&column| strokes.has(row, column));
        values.extend(columns.filter_map(|column| luma.get(row * width + column)));
    }
    // Edges of letters are darker: the brighter half is of their middles.
    values.sort_unstable();
    let bright = &values[values.len() / 2..];
    #[expect(clippy::cast_precision_loss, reason = "samples of a small picture")]
    let count = bright.len().max(1) as f64;
    let mean = bright.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
    let square = bright.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / count;
    mean >= BRIGHT && square.sqrt() <= UNEVEN
}

fn mean_difference(a: &[u8], b: &[u8]) -> f64 {
    let sum: u32 = a.iter().zip(b).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum();
    #[expect(clippy::cast_precision_loss, reason = "samples of a small picture")]
    let count = a.len().max(1) as f64;
    f64::from(sum) / count
}

/// Measures how much a box of pictures of another size, `size`, differs between two small ones.
fn box_difference(a: &Frame, b: &Frame, found: &TextBox, [width, height]: [usize; 2]) -> f64 {
    let format = a.format();
    let first = part_of(FROM, height);
    let scaled = |range: Range<usize>, of: usize, to: usize| {
        range.start * to / of.max(1)..(range.end * to).div_ceil(of.max(1)).min(to)
    };
    let columns = scaled(found.columns.clone(), width, format.width as usize);
    let rows = scaled(found.rows.start + first..found.rows.end + first, height, format.height as usize);
    let ((a, a_stride), (b, b_stride)) = (a.plane::<u8>(0), b.plane::<u8>(0));
    let differences =
        rows.map(|row| mean_difference(&a[row * a_stride..][columns.clone()], &b[row * b_stride..][columns.clone()]));
    differences.sum()
}

fn part_of(part: f64, whole: usize) -> usize {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "parts of a small picture"
    )]
    let part = (part * whole as f64).round() as usize;
    part
}

#[cfg(test)]
mod tests;
