//! Where shots begin: hard cuts, dissolves and fades.

use super::tiny::{Difference, TinyPicture};
use std::collections::VecDeque;
use std::sync::Arc;

/// A frame that begins a shot differs from the one before by this, relative to their contrast.
const LEAST_RELATIVE: f32 = 0.42;
/// And by this, in steps of 8 bits.
const LEAST_ABSOLUTE: f32 = 2.5;
/// And by this many times the median of what the frames around do.
const LEAST_RATIO: f32 = 2.3;
/// In steps of 8 bits, it differs by this many times the median of what the frames before differ by, and of those after: a fade
/// goes on as it begins.
const LEAST_STEP: f32 = 1.4;
/// Frames on either side that it is compared with.
const AROUND: usize = 3;
/// What those differ by is taken to be at least this.
const STILL: f32 = 0.06;
/// A picture that comes back within so many frames has only been lit by a flash, or hidden by something.
const FLASH: usize = 6;
/// And comes back if it differs by no more than this part of what the flash does.
const COMES_BACK: f32 = 0.42;
/// The least frames of a shot.
const SHORTEST: u64 = 4;
/// Half of a dissolve, in seconds, as it is looked for.
const HALVES: [f64; 3] = [0.2, 0.36, 0.56];
/// Frames a second for which that is counted, at most: half of a longer one looks the same.
const MOST_FRAMES: f64 = 30.0;
/// Frames without a dissolve after which another may begin.
const QUIET: u32 = 3;
/// Both ends of a dissolve differ by this.
const DISSOLVED: f32 = 2.2;
/// And a frame amid it differs from the one before by no more than this part of that.
const STEP: f32 = 0.45;
/// A frame amid a dissolve is what lies between both ends, but for this part of their difference.
const NOT_BETWEEN: f32 = 0.7;
/// Luma that is black, at most, and its spread.
const BLACK: [f32; 2] = [26.0, 3.0];

/// How a shot begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Boundary {
    /// With the frame.
    Cut,
    /// By a dissolve over so many frames, of which this one is about the middle.
    Dissolve(u64),
    /// From black, or by way of it, over so many frames.
    Fade(u64),
}

/// Follows the frames of a film and tells which of them begin shots, some frames later.
#[derive(Debug)]
pub(super) struct CutDetector {
    /// Half of a dissolve, in frames.
    halves: [usize; 3],
    /// The last frames, the oldest first.
    frames: VecDeque<Seen>,
    /// Number of the first of them.
    first: u64,
    /// Frames that were decided on.
    decided: u64,
    /// The last frame that begins a shot.
    last: u64,
    /// Where a run of black frames has begun.
    black_from: Option<u64>,
    /// Frames that look like amid a dissolve are passed over, once it was told of: so many since the last.
    since_dissolve: Option<u32>,
}

#[derive(Debug)]
struct Seen {
    picture: Arc<TinyPicture>,
    /// From the frame before.
    difference: Difference,
    is_black: bool,
}

impl CutDetector {
    /// For a film of so many frames a second.
    pub(super) fn new(frame_rate: f64) -> Self {
        let rate = if frame_rate.is_finite() { frame_rate.clamp(5.0, MOST_FRAMES) } else { 25.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held to what a film can have")]
        let halves = HALVES.map(|seconds| ((seconds * rate).round() as usize).max(3));
        Self { halves, frames: VecDeque::new(), first: 0, decided: 0, last: 0, black_from: None, since_dissolve: None }
    }

    /// Frames that must have followed one before it is decided on.
    fn ahead(&self) -> usize {
        self.halves[2].max(FLASH + 1) + 2
    }

    /// Takes the next frame; gives what became of an earlier one, where that is now known.
    pub(super) fn push(&mut self, picture: Arc<TinyPicture>) -> Option<Option<Boundary>> {
        let difference = self.frames.back().map(|before| before.picture.difference(&picture)).unwrap_or_default();
        let is_black = picture.brightness() <= BLACK[0] && picture.spread() <= BLACK[1];
        self.frames.push_back(Seen { picture, difference, is_black });
        let known = self.first + self.frames.len() as u64 > self.decided + self.ahead() as u64;
        known.then(|| self.decide())
    }

    /// Says that no frame follows; gives what became of those that are left, one by one.
    pub(super) fn finish(&mut self) -> Option<Option<Boundary>> {
        (self.decided < self.first + self.frames.len() as u64).then(|| self.decide())
    }

    fn decide(&mut self) -> Option<Boundary> {
        let number = self.decided;
        let boundary = self.boundary(number);
        if boundary.is_some() {
            self.last = number;
        }
        self.decided += 1;
        let behind = self.halves[2].max(FLASH + AROUND) as u64 + 1;
        while self.first + behind < self.decided {
            self.frames.pop_front();
            self.first += 1;
        }
        boundary
    }

    fn seen(&self, number: u64) -> Option<&Seen> {
        self.frames.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    fn boundary(&mut self, number: u64) -> Option<Boundary> {
        let far_enough = number >= self.last + SHORTEST || self.last == 0 && number > 0;
        let cut = far_enough && number > 0 && self.is_cut(number);
        let fade = self.fade(number, cut);
        if cut {
            return Some(Boundary::Cut);
        }
        let boundary = fade.or_else(|| self.dissolve(number));
        boundary.filter(|_| far_enough && number > 0)
    }

    fn is_cut(&self, number: u64) -> bool {
        let Some(here) = self.seen(number).map(|seen| seen.difference) else { return false };
        if here.relative < LEAST_RELATIVE || here.absolute < LEAST_ABSOLUTE {
            return false;
        }
        let relative = |number: u64| self.seen(number).map(|seen| seen.difference.relative);
        let mut near: Vec<f32> = (1..=AROUND as u64)
            .flat_map(|distance| [number.checked_sub(distance), Some(number + distance)])
            .flatten()
            .filter(|&near| near > 0)
            .filter_map(relative)
            .collect();
        if near.iter().any(|&near| near > here.relative) {
            return false;
        }
        near.sort_by(f32::total_cmp);
        let around = near.get(near.len() / 2).copied().unwrap_or(0.0).max(STILL);
        let goes_on = |numbers: [u64; AROUND]| {
            let mut steps = numbers.map(|number| self.seen(number).map_or(0.0, |seen| seen.difference.absolute));
            steps.sort_by(f32::total_cmp);
            here.absolute < LEAST_STEP * steps[AROUND / 2]
        };
        let before = [1, 2, 3].map(|distance| number.saturating_sub(distance));
        here.relative >= LEAST_RATIO * around
            && !goes_on(before)
            && !goes_on([1, 2, 3].map(|distance| number + distance))
            && !self.is_flash(number, here)
    }

    /// Tells whether the picture before a frame comes back soon after it, or the picture of the frame was there shortly before.
    fn is_flash(&self, number: u64, here: Difference) -> bool {
        let same = |before: u64, after: u64| {
            let pair = self.seen(before).zip(self.seen(after));
            pair.is_some_and(|(a, b)| {
                let difference = a.picture.difference(&b.picture);
                difference.relative < COMES_BACK * here.relative && difference.absolute < COMES_BACK * here.absolute
            })
        };
        let flash = FLASH as u64;
        (1..=flash).any(|later| same(number - 1, number + later))
            || (1..=flash).any(|earlier| number > earlier && same(number - 1 - earlier, number))
    }

    /// A fade: the middle of a run of black frames into which, or out of which, the picture went slowly.
    fn fade(&mut self, number: u64, cut: bool) -> Option<Boundary> {
        let black = self.seen(number)?.is_black;
        if !black || cut {
            self.black_from = None;
            return None;
        }
        let from = *self.black_from.get_or_insert(number);
        // Told with the last black frame: the next one is still ahead.
        let ends = self.seen(number + 1).is_some_and(|next| !next.is_black);
        let begins_film = from == 0;
        if !ends || begins_film || self.is_cut(number + 1) {
            return None;
        }
        Some(Boundary::Fade(number + 1 - from))
    }

    fn dissolve(&mut self, number: u64) -> Option<Boundary> {
        if let Some(quiet) = self.since_dissolve {
            let shows = self.halves.iter().any(|&half| self.dissolved(number, half).is_some());
            let quiet = if shows { 0 } else { quiet + 1 };
            self.since_dissolve = (quiet < QUIET).then_some(quiet);
            return None;
        }
        let found = self.halves.iter().filter_map(|&half| {
            let strength = self.dissolved(number, half)?;
            // The frame at which it shows most is the middle.
            let stronger = |near: u64| self.dissolved(near, half).is_some_and(|other| other > strength);
            let reach = (half / 2) as u64;
            let is_middle = !(1..=reach).any(|distance| {
                number
                    .checked_sub(distance)
                    .is_some_and(|near| self.dissolved(near, half).is_some_and(|other| other >= strength))
                    || stronger(number + distance)
            });
            is_middle.then_some(half)
        });
        let half = found.min()?;
        let clear = number >= self.last + 2 * self.halves[1] as u64 || self.last == 0;
        self.since_dissolve = Some(0);
        clear.then_some(Boundary::Dissolve(2 * half as u64))
    }

    /// Measures how much a frame looks like the middle of a dissolve that lasts `half` on either side; none if it does not.
    fn dissolved(&self, number: u64, half: usize) -> Option<f32> {
        let half = half as u64;
        let (before, here, after) =
            (self.seen(number.checked_sub(half)?)?, self.seen(number)?, self.seen(number + half)?);
        // By way of black it is a fade.
        let ahead = number + self.ahead() as u64;
        if (self.first..=ahead).filter_map(|near| self.seen(near)).any(|seen| seen.is_black) {
            return None;
        }
        let [part, rest] = between(before.picture.luma(), here.picture.luma(), after.picture.luma());
        if !(0.3..=0.7).contains(&part) || rest > NOT_BETWEEN {
            return None;
        }
        let difference = before.picture.difference(&after.picture);
        let slow = |between: u64| {
            self.seen(between).is_some_and(|seen| seen.difference.relative <= STEP * difference.relative)
        };
        let differs = difference.relative >= DISSOLVED
            && difference.absolute >= 2.0 * LEAST_ABSOLUTE
            && (number + 1 - half..=number + half).all(slow);
        differs.then_some(difference.relative * (1.0 - rest))
    }
}

/// Finds the picture between two others that is nearest to a third: the part of the way that it lies at, and the square of what
/// it is off by, over that of the two others' difference and as it would be halfway.
fn between(a: &[u8], middle: &[u8], b: &[u8]) -> [f32; 2] {
    let (mut along, mut whole, mut all) = (0_i64, 0_i64, 0_i64);
    for ((&a, &m), &b) in a.iter().zip(middle).zip(b) {
        let (way, gone) = (i64::from(b) - i64::from(a), i64::from(m) - i64::from(a));
        along += way * gone;
        whole += way * way;
        all += gone * gone;
    }
    if whole == 0 {
        return [0.0, 1.0];
    }
    #[expect(clippy::cast_precision_loss, reason = "parts of one another")]
    let (along, whole, all) = (along as f64, whole as f64, all as f64);
    let part = along / whole;
    let off = (all - along * part) / whole;
    #[expect(clippy::cast_possible_truncation, reason = "parts of one another")]
    let parts = [part as f32, (off * 4.0) as f32];
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Depth, Frame, FrameFormat, Subsampling};

    const RATE: f64 = 25.0;

    /// A smooth random texture of its own for each scene, moved to the left by so many samples, as bright as `level` of 256.
    fn picture(scene: u32, moved: i32, level: i32) -> Frame {
        let format = FrameFormat { width: 320, height: 180, subsampling: Subsampling::CS420, depth: Depth::Eight };
        let mut frame = Frame::new(format);
        for plane in 0..3 {
            let (width, scale) = if plane == 0 { (320, 1) } else { (160, 2) };
            let (samples, stride) = frame.plane_mut::<u8>(plane);
            for (y, row) in (0..).zip(samples.chunks_mut(stride)) {
                for (x, sample) in (0..).zip(&mut row[..width]) {
                    let noise = noise(scene * 3 + plane as u32, x * scale + moved, y * scale);
                    let value = if plane == 0 { 16 + noise * level / 300 } else { 128 + (noise - 128) * level / 1024 };
                    *sample = u8::try_from(value).unwrap();
                }
            }
        }
        frame
    }

    /// From 0 to 255, random at the corners of squares of 24 samples and even in between.
    fn noise(key: u32, x: i32, y: i32) -> i32 {
        let corner = |x: i32, y: i32| {
            let mut value = key.wrapping_mul(0x9e37_79b9) ^ (x as u32).wrapping_mul(0x85eb_ca6b);
            value = (value ^ (y as u32).wrapping_mul(0xc2b2_ae35)).wrapping_mul(0x2c1b_3c6d);
            ((value ^ value >> 15).wrapping_mul(0x297a_2d39) >> 24) as i32
        };
        let (column, row, across, down) = (x.div_euclid(24), y.div_euclid(24), x.rem_euclid(24), y.rem_euclid(24));
        let line = |row| corner(column, row) * (24 - across) + corner(column + 1, row) * across;
        (line(row) * (24 - down) + line(row + 1) * down) / 576
    }

    fn mixed(a: &Frame, b: &Frame, part: i32, whole: i32) -> Frame {
        let mut mixed = a.clone();
        for (out, b) in mixed.bytes_mut().iter_mut().zip(b.bytes()) {
            let value = (i32::from(*out) * (whole - part) + i32::from(*b) * part) / whole;
            *out = u8::try_from(value).unwrap();
        }
        mixed
    }

    fn white() -> Frame {
        let mut frame = picture(0, 0, 256);
        frame.bytes_mut().fill(128);
        let (luma, _) = frame.plane_mut::<u8>(0);
        luma.fill(235);
        frame
    }

    /// Frames that begin shots, and how.
    fn found(frames: impl IntoIterator<Item = Frame>) -> Vec<(usize, Boundary)> {
        let mut detector = CutDetector::new(RATE);
        let mut all = Vec::new();
        for frame in frames {
            all.extend(detector.push(Arc::new(TinyPicture::of(&frame))));
        }
        while let Some(decided) = detector.finish() {
            all.push(decided);
        }
        all.into_iter().enumerate().filter_map(|(number, boundary)| Some((number, boundary?))).collect()
    }

    fn shot(scene: u32, frames: i32, level: i32) -> Vec<Frame> {
        (0..frames).map(|frame| picture(scene, 2 * frame, level)).collect()
    }

    #[test]
    fn cuts_are_found_to_the_frame_bright_or_dark() {
        for level in [256, 30] {
            let film = [shot(1, 31, level), shot(2, 40, level), shot(3, 12, level), shot(4, 25, level)].concat();
            assert_eq!(found(film), [(31, Boundary::Cut), (71, Boundary::Cut), (83, Boundary::Cut)], "level {level}");
        }
    }

    #[test]
    fn what_goes_on_has_no_cuts() {
        assert_eq!(found(shot(1, 60, 256)), []);
        // A whip pan: faster than blocks are looked for.
        let whip = (0..60).map(|frame| picture(1, if (20..32).contains(&frame) { 60 * (frame - 19) } else { 0 }, 256));
        let cuts = found(whip);
        assert!(cuts.len() <= 1, "{cuts:?}");
        for length in 1..=3 {
            let mut film = shot(1, 60, 256);
            film[30..30 + length].fill_with(white);
            assert_eq!(found(film), [], "a flash of {length}");
        }
        assert_eq!(found(Vec::new()), []);
        assert_eq!(found(shot(1, 1, 256)), []);
    }

    #[test]
    fn dissolves_and_fades_begin_one_shot_each() {
        let levels = [0, 256, 90];
        let still = |scene: u32, frames: usize| vec![picture(scene, 0, levels[scene as usize]); frames];
        let [first, second] = [1, 2].map(|scene| still(scene, 1).remove(0));
        let dissolve = (1..16).map(|part| mixed(&first, &second, part, 16)).collect();
        let film = [still(1, 40), dissolve, still(2, 40)].concat();
        let boundaries = found(film);
        assert!(matches!(boundaries[..], [(40..55, Boundary::Dissolve(_))]), "{boundaries:?}");

        let black = picture(1, 0, 0);
        let fade = |scene, out: bool| {
            let parts = (1..12).map(move |part| if out { part } else { 12 - part });
            let lit = still(scene, 1).remove(0);
            parts.map(|part| mixed(&lit, &black, part, 12)).collect::<Vec<_>>()
        };
        let film = [still(1, 40), fade(1, true), vec![black.clone(); 6], fade(2, false), still(2, 40)].concat();
        let boundaries = found(film);
        assert!(matches!(boundaries[..], [(45..65, Boundary::Fade(_))]), "{boundaries:?}");
    }
}
