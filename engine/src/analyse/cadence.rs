//! The cadence of a film: the course of states, one for each frame, that explains best how its fields comb and change.
//!
//! A state says at which times of the film the two fields of a frame, and those of the frame before, were taken. The farther
//! apart two are, the more do they comb when they are woven and the more do they differ. How much in all depends on the motion,
//! so only the proportions count. A dynamic programme (Viterbi) finds the course: to stay in a cadence costs nothing, to change
//! it costs about as much as a few frames that contradict it, and frames without motion say nothing.

use super::fields::FieldsSeen;
use crate::cadence::{Cadence, CadenceRun, Field, GROUP, is_two_thirds};

/// Cost of a frame whose proportions have nothing in common with those of its state.
const CONTRADICTION: f64 = 10.0;
/// Cost of a change of the cadence.
const CHANGE: f64 = 12.0;
/// Moving blocks from which on a frame counts in full, and codes of combing and of change.
const BLOCKS: f64 = 8.0;
const COMBING: f64 = 2.0;
const CHANGES: f64 = 4.0;
/// Differences grow with the distance in time to this power: objects that have moved on by their own width differ no more.
const GROWTH: f64 = 0.7;
/// Combing from which on a frame shows that its fields are of two times, by itself. What is said to be progressive has to show it:
/// where whole pictures move up or down by a row, fields fit those of the frame before better than those of the one after.
const COMBED: f32 = 0.8;
/// Cost of a frame that does not.
const UNSHOWN: f64 = 4.0;
/// Frames of a run of repeated fields, at least.
const REPEATED: usize = 8;

/// A state of a frame.
#[derive(Clone, Copy, Debug)]
struct State {
    cadence: Cadence,
    first: Field,
    phase: u8,
    /// The state of the next frame while the cadence goes on.
    next: usize,
    /// Proportions of [`FieldsSeen::combing`] and of [`FieldsSeen::change`], each of length 1.
    combing: [f64; 3],
    change: [f64; 2],
}

impl State {
    /// `own` and `before` are the times of the earlier and the later field of the frame and of the one before.
    fn new(cadence: Cadence, first: Field, phase: u8, next: usize, own: [f64; 2], before: [f64; 2]) -> Self {
        let by_rows = |[earlier, later]: [f64; 2]| match first {
            Field::Top => [earlier, later],
            Field::Bottom => [later, earlier],
        };
        let ([top, bottom], [top_before, bottom_before]) = (by_rows(own), by_rows(before));
        let grown = |a: f64, b: f64| (a - b).abs().powf(GROWTH);
        let combing = [grown(top, bottom), grown(top, bottom_before), grown(top_before, bottom)];
        let least = combing.iter().copied().fold(f64::INFINITY, f64::min);
        let combing = unit(combing.map(|grown| grown - least));
        let change = unit([grown(top, top_before), grown(bottom, bottom_before)]);
        Self { cadence, first, phase, next, combing, change }
    }

    /// Computes what a frame costs that is taken to be in this state; `told` says that the headers call it interlaced.
    fn cost(&self, seen: &FieldsSeen, told: bool) -> f64 {
        let (combing, change) = (seen.combing.map(f64::from), seen.change.map(f64::from));
        let part =
            |length: f64, full: f64, own: f64| if length > 0.0 { (length / full).min(1.0) * (1.0 - own) } else { 0.0 };
        let combed = part(length(&combing), COMBING, dot(&unit(combing), &self.combing));
        let changed = part(length(&change), CHANGES, dot(&unit(change), &self.change));
        let combs = matches!(self.cadence, Cadence::Interlaced | Cadence::Shifted);
        let unshown = !told && combs && seen.combed < COMBED;
        let doubt = if unshown { UNSHOWN } else { 0.0 };
        (f64::from(seen.moving) / BLOCKS).min(1.0) * (CONTRADICTION * (combed + changed) + doubt)
    }
}

fn length(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

fn unit<const N: usize>(values: [f64; N]) -> [f64; N] {
    let length = length(&values);
    values.map(|value| if length > 0.0 { value / length } else { 0.0 })
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Lists all states. Those of video, and of film that is paired wrongly, are there for either order of fields, as are the five of
/// telecined film.
fn states() -> Vec<State> {
    let mut states = vec![State::new(Cadence::Progressive, Field::Top, 0, 0, [0.0, 0.0], [-1.0, -1.0])];
    for first in [Field::Top, Field::Bottom] {
        let next = states.len();
        states.push(State::new(Cadence::Interlaced, first, 0, next, [0.0, 0.5], [-1.0, -0.5]));
        let next = states.len();
        states.push(State::new(Cadence::Shifted, first, 0, next, [0.0, 1.0], [-1.0, 0.0]));
        // A picture of the film lasts for five quarters of a frame.
        let pictures = [[0, 0], [1, 1], [1, 2], [2, 3], [3, 3]].map(|fields| fields.map(|it| 1.25 * f64::from(it)));
        let base = states.len();
        for phase in 0..GROUP {
            let (at, next) = (usize::from(phase), base + usize::from((phase + 1) % GROUP));
            let before = if at == 0 { pictures[4].map(|time| time - 5.0) } else { pictures[at - 1] };
            states.push(State::new(Cadence::Telecined, first, phase, next, pictures[at], before));
        }
    }
    states
}

/// Finds the runs of a film. `told` is what its headers say of it, which counts where nothing moves.
pub(super) fn runs(seen: &[FieldsSeen], told: &CadenceRun) -> Vec<CadenceRun> {
    let states = states();
    let mut runs: Vec<CadenceRun> = Vec::new();
    let mut expected = None;
    for (frame, state) in seen.iter().zip(course(seen, &states, told)) {
        if expected != Some(state) {
            let State { cadence, first, phase, .. } = states[state];
            let first = if cadence == Cadence::Progressive { told.first } else { first };
            runs.push(CadenceRun { start: frame.pts, cadence, first, phase });
        }
        expected = Some(states[state].next);
    }
    repeated(seen, &runs)
}

/// Finds the course of states of least cost. The first frame, of which nothing was seen, is in the state that leads to the second
/// one's.
fn course(seen: &[FieldsSeen], states: &[State], told: &CadenceRun) -> Vec<usize> {
    let is_told = |state: &State| {
        state.cadence == told.cadence && (state.first == told.first || told.cadence == Cadence::Progressive)
    };
    let is_interlaced = told.cadence != Cadence::Progressive;
    // Nothing but the headers speaks for it: less than any motion does.
    let mut costs: Vec<f64> = states.iter().map(|state| if is_told(state) { 0.0 } else { 0.1 }).collect();
    let mut ways: Vec<Vec<u8>> = Vec::with_capacity(seen.len());
    for (index, frame) in seen.iter().enumerate() {
        let cheapest = (0..states.len()).min_by(|&a, &b| costs[a].total_cmp(&costs[b])).unwrap_or(0);
        let mut reached = vec![(costs[cheapest] + CHANGE, cheapest); states.len()];
        if index == 0 {
            reached = costs.iter().copied().zip(0..).collect();
        } else {
            for (from, state) in states.iter().enumerate() {
                if costs[from] <= reached[state.next].0 {
                    reached[state.next] = (costs[from], from);
                }
            }
        }
        ways.push(reached.iter().map(|&(_, from)| u8::try_from(from).unwrap_or(0)).collect());
        costs = reached.iter().zip(states).map(|((cost, _), state)| cost + state.cost(frame, is_interlaced)).collect();
    }
    let mut state = (0..states.len()).min_by(|&a, &b| costs[a].total_cmp(&costs[b])).unwrap_or(0);
    let mut course = Vec::with_capacity(seen.len());
    for way in ways.iter().rev() {
        course.push(state);
        state = usize::from(way[state]);
    }
    course.reverse();
    course
}

/// Splits progressive runs where frames are shown for two and three fields in turn.
fn repeated(seen: &[FieldsSeen], runs: &[CadenceRun]) -> Vec<CadenceRun> {
    let duration = |index: usize| Some(seen.get(index + 1)?.pts - seen.get(index)?.pts);
    let alternates = |index: usize| {
        let pair = duration(index).zip(duration(index + 1));
        pair.is_some_and(|(a, b)| is_two_thirds(a.min(b), a.max(b)))
    };
    let mut split = Vec::with_capacity(runs.len());
    for (number, run) in runs.iter().enumerate() {
        split.push(*run);
        if run.cadence != Cadence::Progressive {
            continue;
        }
        let begin = seen.partition_point(|frame| frame.pts < run.start);
        let end = runs.get(number + 1).map_or(seen.len(), |next| seen.partition_point(|frame| frame.pts < next.start));
        let mut index = begin;
        while index < end {
            let length = (index..end).take_while(|&at| alternates(at)).count();
            if length >= REPEATED {
                let last = (index + length + 2).min(end);
                // What is left of the run is too short to be another.
                let last = if end - last < REPEATED { end } else { last };
                if index == begin {
                    split.pop();
                }
                split.push(CadenceRun { start: seen[index].pts, cadence: Cadence::Repeated, ..*run });
                if last < end {
                    split.push(CadenceRun { start: seen[last].pts, ..*run });
                }
                index = last;
            } else {
                index += length.max(1);
            }
        }
    }
    split
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: CadenceRun = CadenceRun { start: 0, cadence: Cadence::Interlaced, first: Field::Bottom, phase: 0 };

    /// Makes up what is seen of frames in these states, of so much motion each, with some of it that fits none.
    fn seen(course: &[(Cadence, Field, u8)], motion: impl Fn(usize) -> f32) -> Vec<FieldsSeen> {
        let states = states();
        let frame = |(index, (cadence, first, phase)): (usize, &(Cadence, Field, u8))| {
            let state =
                states.iter().find(|it| (it.cadence, it.first, it.phase) == (*cadence, *first, *phase)).unwrap();
            let motion = if index == 0 { 0.0 } else { motion(index) };
            let noise = |at: usize| 0.15 * motion * ((index * 7 + at * 3) % 5) as f32 / 5.0;
            FieldsSeen {
                pts: 1001 * index as i64,
                moving: if motion > 0.0 { 30 } else { 0 },
                combing: std::array::from_fn(|at| motion * state.combing[at] as f32 + noise(at)),
                change: std::array::from_fn(|at| 2.0 * motion * state.change[at] as f32 + noise(at + 3)),
                combed: 0.5,
            }
        };
        course.iter().enumerate().map(frame).collect()
    }

    fn telecined(count: usize, phase: usize) -> Vec<(Cadence, Field, u8)> {
        (0..count).map(|frame| (Cadence::Telecined, Field::Top, ((frame + phase) % 5) as u8)).collect()
    }

    fn found(seen: &[FieldsSeen]) -> Vec<(i64, Cadence, u8)> {
        runs(seen, &TOLD).iter().map(|run| (run.start / 1001, run.cadence, run.phase)).collect()
    }

    #[test]
    fn each_cadence_is_told_from_the_others() {
        let states = states();
        for state in states.iter().filter(|state| state.phase == 0) {
            let course: Vec<_> = (0..40)
                .map(|frame| {
                    (state.cadence, state.first, if state.cadence == Cadence::Telecined { frame % 5 } else { 0 })
                })
                .collect();
            let runs = runs(&seen(&course, |frame| 3.0 + (frame % 3) as f32), &TOLD);
            assert_eq!(runs.len(), 1, "{state:?}: {runs:?}");
            assert_eq!((runs[0].cadence, runs[0].phase), (state.cadence, 0), "{state:?}");
            assert!(state.cadence == Cadence::Progressive || runs[0].first == state.first, "{state:?}");
        }
    }

    #[test]
    fn breaks_are_found_where_they_are_and_stills_break_nothing() {
        let course = [telecined(33, 2), telecined(40, 3), vec![(Cadence::Interlaced, Field::Top, 0); 30]].concat();
        let expected = [(0, Cadence::Telecined, 2), (33, Cadence::Telecined, 3), (73, Cadence::Interlaced, 0)];
        assert_eq!(found(&seen(&course, |_| 5.0)), expected);
        let stills = |frame: usize| if (10..25).contains(&frame) || (50..64).contains(&frame) { 0.0 } else { 5.0 };
        assert_eq!(found(&seen(&course, stills)), expected);
    }

    #[test]
    fn a_frame_that_contradicts_changes_nothing() {
        let mut course = telecined(50, 1);
        course[20] = (Cadence::Progressive, Field::Top, 0);
        assert_eq!(found(&seen(&course, |_| 5.0)), [(0, Cadence::Telecined, 1)]);
    }

    #[test]
    fn what_is_not_told_to_be_interlaced_has_to_comb() {
        let told = CadenceRun { cadence: Cadence::Progressive, ..TOLD };
        let mut seen = seen(&[(Cadence::Interlaced, Field::Top, 0); 40], |_| 5.0);
        assert_eq!(runs(&seen, &told).iter().map(|run| run.cadence).collect::<Vec<_>>(), [Cadence::Progressive]);
        seen.iter_mut().for_each(|frame| frame.combed = 1.2);
        assert_eq!(runs(&seen, &told).iter().map(|run| run.cadence).collect::<Vec<_>>(), [Cadence::Interlaced]);
    }

    #[test]
    fn the_headers_count_where_nothing_moves() {
        let course = vec![(Cadence::Progressive, Field::Top, 0); 20];
        assert_eq!(runs(&seen(&course, |_| 0.0), &TOLD), [TOLD]);
    }

    #[test]
    fn frames_that_are_shown_for_two_and_three_fields_in_turn_have_repeated_fields() {
        let mut seen = seen(&[(Cadence::Progressive, Field::Top, 0); 60], |_| 5.0);
        let mut time = 0;
        for (index, frame) in seen.iter_mut().enumerate() {
            frame.pts = time;
            let fields = if (20..40).contains(&index) { 2 + index as i64 % 2 } else { 2 };
            time += fields * 1001 / 2;
        }
        let kinds: Vec<_> = runs(&seen, &TOLD).iter().map(|run| run.cadence).collect();
        assert_eq!(kinds, [Cadence::Progressive, Cadence::Repeated, Cadence::Progressive]);
    }
}
