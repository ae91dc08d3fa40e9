//! Blended footage: runs of frames, or of fields, that a conversion of the frame rate has mixed of two.

use super::fields::block_places;
use super::mixture::{BLOCK, MixtureMeter, Origin};
use crate::cadence::{Cadence, CadenceRun, Field};
use crate::frame::{Depth, HeldFrame, Sample};
use crate::source::{Scanning, VideoInfo};
use std::ops::Range;

/// Pictures after which the pattern of a conversion repeats, about: those of every pair of common rates.
const PERIODS: Range<usize> = 2..7;
/// Cost of a mixture, one of a pattern, in what is not blended; that is the measure.
const MIXTURE: f64 = 1.0;
/// Cost of a picture that is none, in what is blended: of those about one in eight has to be.
const NONE: f64 = 0.12;
/// Cost of a change from one to the other.
const CHANGE: f64 = 6.0;
/// Frames of a run, at least, that are left beside a blended one.
const SHORTEST: usize = 8;

/// Looks at a film frame after frame, and field after field where its headers call it interlaced.
#[derive(Debug)]
pub(super) struct BlendMeter {
    times: Vec<i64>,
    frames: MixtureMeter,
    fields: Option<(Field, MixtureMeter)>,
}

impl BlendMeter {
    pub(super) fn of(video: &VideoInfo) -> Self {
        let told = video.scanning != Scanning::Progressive;
        let fields = told.then(|| (video.told_cadence().first, MixtureMeter::default()));
        Self { times: Vec::new(), frames: MixtureMeter::default(), fields }
    }

    /// Takes the next frame, of which all is there.
    pub(super) fn frame(&mut self, pts: i64, frame: &HeldFrame) {
        self.times.push(pts);
        let [top, bottom] = match frame.format().depth {
            Depth::Eight => fields::<u8>(frame),
            _ => fields::<u16>(frame),
        };
        self.frames.push(top.iter().zip(&bottom).map(|(top, bottom)| (top + bottom) / 2).collect());
        if let Some((first, meter)) = &mut self.fields {
            let in_order = if *first == Field::Top { [top, bottom] } else { [bottom, top] };
            in_order.into_iter().for_each(|field| meter.push(field));
        }
    }

    /// Gives the runs that were found, split where they are blended.
    pub(super) fn finish(self, runs: Vec<CadenceRun>) -> Vec<CadenceRun> {
        let times = &self.times;
        let mut runs = runs;
        for stretch in blended(&self.frames.finish()) {
            runs = split(&runs, times, &stretch, &[Cadence::Progressive], Cadence::Blended);
        }
        for fields in self.fields.map(|(_, fields)| blended(&fields.finish())).unwrap_or_default() {
            let stretch = fields.start / 2..fields.end.div_ceil(2);
            // Most fields of film are of one time with the next, which is in the same frame for a while, and then in the next one.
            let of_video = count(&runs, times, &stretch, Cadence::Interlaced);
            let from = [Cadence::Interlaced, Cadence::Shifted, Cadence::Progressive];
            let from = if 2 * of_video > stretch.len() { &from[..] } else { &from[..1] };
            runs = split(&runs, times, &stretch, from, Cadence::BlendedFields);
        }
        let is_blended = |run: &CadenceRun| matches!(run.cadence, Cadence::Blended | Cadence::BlendedFields);
        runs.dedup_by(|next, run| is_blended(next) && next.cadence == run.cadence);
        runs
    }
}

/// Samples both fields of a frame: means of eight rows of the picture and of two columns, with the same centre in either field.
fn fields<S: Sample>(frame: &HeldFrame) -> [Vec<i16>; 2] {
    let deeper = frame.format().depth.bits() - 8;
    let (plane, stride) = frame.plane::<S>(0);
    let places = block_places(frame.layout(0));
    let mut fields = [0, 1].map(|_| Vec::with_capacity(places.len() * BLOCK));
    for [column, row] in places {
        for begin in [row, row + 8] {
            let line = |row: usize| -> [i32; BLOCK] {
                let samples = &plane[row * stride + column..][..BLOCK];
                std::array::from_fn(|at| samples[at].into())
            };
            let sum = |rows: [(usize, i32); 5]| {
                let mut sums = [0; BLOCK];
                for (row, weight) in rows {
                    sums.iter_mut().zip(line(row)).for_each(|(sum, sample)| *sum += weight * sample);
                }
                sums
            };
            let above = begin.checked_sub(1).unwrap_or(1);
            let top = sum([(begin, 2), (begin + 2, 2), (begin + 4, 2), (begin + 6, 2), (begin, 0)]);
            let bottom = sum([(above, 1), (begin + 1, 2), (begin + 3, 2), (begin + 5, 2), (begin + 7, 1)]);
            for (field, sums) in fields.iter_mut().zip([top, bottom]) {
                #[expect(clippy::cast_possible_truncation, reason = "16 samples of 8 bits")]
                field.extend(sums.as_chunks::<2>().0.iter().map(|[a, b]| ((a + b) >> deeper) as i16));
            }
        }
    }
    fields
}

/// Finds the stretches that are blended: the course of least cost.
fn blended(origins: &[Origin]) -> Vec<Range<usize>> {
    let is_mixed = |at: Option<usize>| at.and_then(|at| origins.get(at)) == Some(&Origin::Mixed);
    // One of a pattern: three in succession at even distances.
    let is_regular = |at: usize| {
        is_mixed(Some(at))
            && PERIODS.into_iter().any(|period| {
                let [before, farther_before] = [1, 2].map(|times| is_mixed(at.checked_sub(times * period)));
                let [after, farther_after] = [1, 2].map(|times| is_mixed(Some(at + times * period)));
                before && (after || farther_before) || after && farther_after
            })
    };
    // Of what is not blended, and of what is.
    let mut costs = [0.0, CHANGE / 2.0];
    let mut ways = Vec::with_capacity(origins.len());
    for (at, origin) in origins.iter().enumerate() {
        let own = match (is_regular(at), origin) {
            (true, _) => [MIXTURE, 0.0],
            (false, Origin::Unknown) => [0.0, 0.0],
            (false, Origin::Own | Origin::Mixed) => [0.0, NONE],
        };
        let comes = [costs[1] + CHANGE < costs[0], costs[0] + CHANGE < costs[1]];
        ways.push(comes);
        costs = [0, 1].map(|state| own[state] + costs[state].min(costs[1 - state] + CHANGE));
    }
    let mut state = usize::from(costs[1] < costs[0]);
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, comes) in ways.iter().enumerate().rev() {
        if state == 1 {
            match found.last_mut().filter(|stretch| stretch.start == at + 1) {
                Some(stretch) => stretch.start = at,
                None => found.push(at..at + 1),
            }
        }
        if comes[state] {
            state = 1 - state;
        }
    }
    found.reverse();
    found
}

/// Gives the frames of each run, of a film of these times.
fn frames(runs: &[CadenceRun], times: &[i64]) -> Vec<Range<usize>> {
    let begins = |run: &CadenceRun| times.partition_point(|&time| time < run.start);
    let end = |index: usize| runs.get(index + 1).map_or(times.len(), begins);
    runs.iter().enumerate().map(|(index, run)| begins(run)..end(index)).collect()
}

/// Counts the frames of a stretch that are of one cadence.
fn count(runs: &[CadenceRun], times: &[i64], stretch: &Range<usize>, cadence: Cadence) -> usize {
    let of_cadence = runs.iter().zip(frames(runs, times)).filter(|(run, _)| run.cadence == cadence);
    of_cadence.map(|(_, frames)| frames.end.min(stretch.end).saturating_sub(frames.start.max(stretch.start))).sum()
}

/// Gives the frames of a stretch that are of one of some cadences another one.
fn split(runs: &[CadenceRun], times: &[i64], stretch: &Range<usize>, from: &[Cadence], to: Cadence) -> Vec<CadenceRun> {
    let mut made = Vec::with_capacity(runs.len() + 2);
    for (run, frames) in runs.iter().zip(frames(runs, times)) {
        made.push(*run);
        let mut part = stretch.start.max(frames.start)..stretch.end.min(frames.end);
        if part.is_empty() || !from.contains(&run.cadence) {
            continue;
        }
        let start = |at: usize| times.get(at).copied().unwrap_or(run.start);
        let blended = CadenceRun { cadence: to, ..*run };
        if part.start < frames.start + SHORTEST {
            made.pop();
            made.push(blended);
        } else {
            made.push(CadenceRun { start: start(part.start), ..blended });
        }
        if part.end + SHORTEST > frames.end {
            part.end = frames.end;
        }
        if part.end < frames.end {
            made.push(CadenceRun { start: start(part.end), ..*run });
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Frame, FrameFormat, Subsampling};

    const SIZE: [usize; 2] = [256, 100];

    /// A picture of luma, with some of what coding does to it.
    type Luma = Vec<f32>;

    /// A still texture, and another one before it that moves by so many pixels a picture.
    fn film(key: u32, speed: f32) -> impl Fn(f32) -> Luma {
        move |time: f32| {
            let sample = |at: usize| {
                let (x, y) = ((at % SIZE[0]) as f32, (at / SIZE[0]) as f32);
                let moves = (64..192).contains(&(at % SIZE[0])) && at / SIZE[0] > 16;
                if moves { texture(key, x - speed * time, y - speed / 4.0 * time) } else { texture(key + 1, x, y) }
            };
            (0..SIZE[0] * SIZE[1]).map(sample).collect()
        }
    }

    /// From 16 to 235, random at the corners of squares of six pixels and even in between.
    fn texture(key: u32, x: f32, y: f32) -> f32 {
        let corner = |x: i32, y: i32| hash(key, x as u32, y as u32) as f32 / 255.0;
        let (x, y) = (x / 6.0, y / 6.0);
        let (column, row, across, down) = (x.floor() as i32, y.floor() as i32, x - x.floor(), y - y.floor());
        let line = |row| corner(column, row) * (1.0 - across) + corner(column + 1, row) * across;
        16.0 + 219.0 * (line(row) * (1.0 - down) + line(row + 1) * down)
    }

    fn hash(key: u32, x: u32, y: u32) -> u32 {
        let mut value = key.wrapping_mul(0x9e37_79b9) ^ x.wrapping_mul(0x85eb_ca6b);
        value = (value ^ y.wrapping_mul(0xc2b2_ae35)).wrapping_mul(0x2c1b_3c6d);
        (value ^ value >> 15).wrapping_mul(0x297a_2d39) >> 24
    }

    fn mixed(a: &Luma, b: &Luma, part: f32) -> Luma {
        a.iter().zip(b).map(|(a, b)| a * (1.0 - part) + b * part).collect()
    }

    /// Converts what lies at whole times by blending: pictures `step` apart.
    fn blend(film: impl Fn(f32) -> Luma, step: f32, count: usize) -> Vec<Luma> {
        let at = |index: usize| {
            let time = index as f32 * step;
            mixed(&film(time.floor()), &film(time.floor() + 1.0), time.fract())
        };
        (0..count).map(at).collect()
    }

    /// Takes the even rows of one and the odd ones of the other.
    fn woven(top: &Luma, bottom: &Luma) -> Luma {
        (0..top.len()).map(|at| if (at / SIZE[0]).is_multiple_of(2) { top[at] } else { bottom[at] }).collect()
    }

    /// Telecines (2:3), and deinterlaces by blending each row with those next to it.
    fn telecined_and_blended(film: impl Fn(f32) -> Luma, groups: usize) -> Vec<Luma> {
        let frame = |index: usize| {
            let [top, bottom] = [[0, 0], [1, 1], [1, 2], [2, 3], [3, 3]][index % 5];
            let at = |picture: usize| film((index / 5 * 4 + picture) as f32);
            let woven = woven(&at(top), &at(bottom));
            let row = |at: usize, by: isize| {
                let near = at.saturating_add_signed(by * SIZE[0] as isize);
                woven[if near < woven.len() { near } else { at }]
            };
            (0..woven.len()).map(|at| (row(at, -1) + 2.0 * woven[at] + row(at, 1)) / 4.0).collect()
        };
        (0..5 * groups).map(frame).collect()
    }

    /// Gives what becomes of runs of these frames; headers call them as the last run is, and they have noise of so many codes as coding
    /// leaves it.
    fn split_up(pictures: &[Luma], runs: &[(i64, Cadence)], noise: f32) -> Vec<(i64, Cadence)> {
        let told = runs.last().map(|(_, cadence)| *cadence);
        let fields = (told == Some(Cadence::Interlaced)).then(|| (Field::Top, MixtureMeter::default()));
        let mut meter = BlendMeter { times: Vec::new(), frames: MixtureMeter::default(), fields };
        let format = FrameFormat {
            width: SIZE[0] as u32,
            height: SIZE[1] as u32,
            subsampling: Subsampling::CS420,
            depth: Depth::Eight,
        };
        for (number, picture) in pictures.iter().enumerate() {
            let mut frame = Frame::new(format);
            let (samples, stride) = frame.plane_mut::<u8>(0);
            for (y, row) in samples.chunks_mut(stride).enumerate() {
                for (x, sample) in row[..SIZE[0]].iter_mut().enumerate() {
                    let own = hash(7 * number as u32, x as u32, y as u32) as f32 / 127.5 - 1.0;
                    *sample = (picture[y * SIZE[0] + x] + noise * own).round() as u8;
                }
            }
            meter.frame(40 * number as i64, &frame.into());
        }
        let run =
            |&(frame, cadence): &(i64, Cadence)| CadenceRun { start: 40 * frame, cadence, first: Field::Top, phase: 0 };
        let runs = meter.finish(runs.iter().map(run).collect());
        runs.iter().map(|run| (run.start / 40, run.cadence)).collect()
    }

    fn found(pictures: &[Luma], told: Cadence, noise: f32) -> Vec<(i64, Cadence)> {
        split_up(pictures, &[(0, told)], noise)
    }

    #[test]
    fn conversions_by_blending_are_blended() {
        for (step, name) in [(0.8, "24 to 30"), (25.0 / 30.0, "25 to 30"), (0.5, "25 to 50"), (0.4, "24 to 60")] {
            let pictures = blend(film(1, 5.0), step, 80);
            assert_eq!(found(&pictures, Cadence::Progressive, 2.0), [(0, Cadence::Blended)], "{name}");
        }
        let deinterlaced = telecined_and_blended(film(1, 5.0), 16);
        assert_eq!(found(&deinterlaced, Cadence::Progressive, 2.0), [(0, Cadence::Blended)]);
    }

    #[test]
    fn fields_that_a_standards_conversion_has_blended_are() {
        // Film in 60 fields a second, blended to 50 of them.
        let in_fields = |time: f32| film(1, 5.0)((time * 0.4 + 0.01).floor());
        let fields = blend(in_fields, 1.2, 160);
        let frames: Vec<_> = fields.chunks(2).map(|pair| woven(&pair[0], &pair[1])).collect();
        assert_eq!(found(&frames, Cadence::Interlaced, 2.0), [(0, Cadence::BlendedFields)]);
        // Where fields of one time are in one frame for a while, that is no film of its own.
        let runs = [(0, Cadence::Shifted), (11, Cadence::Progressive), (22, Cadence::Interlaced)];
        assert_eq!(split_up(&frames, &runs, 2.0), [(0, Cadence::BlendedFields)]);

        let video: Vec<_> = (0..160).map(|time| film(1, 2.0)(time as f32)).collect();
        let frames: Vec<_> = video.chunks(2).map(|pair| woven(&pair[0], &pair[1])).collect();
        assert_eq!(found(&frames, Cadence::Interlaced, 2.0), [(0, Cadence::Interlaced)]);
    }

    #[test]
    fn films_dissolves_fades_slow_motion_and_noise_are_not() {
        let own = |speed: f32| (0..100).map(|time| film(1, speed)(time as f32)).collect::<Vec<_>>();
        let (other, black) = (film(5, 3.0), vec![16.0; SIZE[0] * SIZE[1]]);
        let dissolve = |part: f32| (0..100).map(move |time| part * (time as f32 - 20.0).clamp(0.0, 60.0) / 60.0);
        let ways: [(&str, Vec<Luma>, f32); 8] = [
            ("as it is", own(5.0), 2.0),
            ("slow", own(0.5), 2.0),
            ("slower", own(0.1), 1.0),
            ("still and noisy", own(0.0), 12.0),
            ("noisy", own(3.0), 12.0),
            ("repeated", (0..100).map(|time| film(1, 5.0)((time * 4 / 5) as f32)).collect(), 2.0),
            (
                "a dissolve",
                own(4.0)
                    .iter()
                    .zip(dissolve(1.0))
                    .enumerate()
                    .map(|(at, (a, part))| mixed(a, &other(at as f32), part))
                    .collect(),
                2.0,
            ),
            ("a fade", own(4.0).iter().zip(dissolve(0.95)).map(|(a, part)| mixed(a, &black, part)).collect(), 2.0),
        ];
        for (name, pictures, noise) in ways {
            assert_eq!(found(&pictures, Cadence::Progressive, noise), [(0, Cadence::Progressive)], "{name}");
        }
    }

    #[test]
    fn a_blended_part_of_a_film_is_a_run_of_its_own() {
        let film = film(1, 5.0);
        let clean = |from: i32| (from..from + 60).map(|time| film(time as f32)).collect();
        let pictures = [clean(100), blend(&film, 0.8, 100), clean(0)].concat();
        let runs = found(&pictures, Cadence::Progressive, 2.0);
        let [(0, Cadence::Progressive), (begin, Cadence::Blended), (end, Cadence::Progressive)] = runs[..] else {
            panic!("{runs:?}")
        };
        assert!((60..70).contains(&begin) && (150..=162).contains(&end), "{runs:?}");
    }
}
