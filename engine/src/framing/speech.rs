//! Who speaks: a weak cue, from the motion of mouths against the level of the sound.

use super::steps::{STEPS, Steps, ratio};
use crate::analyse::{SubjectKind, Track};

/// Decibels below the loud parts of a film in which nobody speaks.
const QUIET: u8 = 22;
/// Of all tenths of a second, those that are louder than the loud parts are.
const LOUD: f64 = 0.1;
/// Steps on either side over which a mouth's motion is taken together: words have pauses between them.
const REACH: usize = 7;
/// Motion of a mouth that is none, in the unit of [`crate::analyse::Sighting::mouth`].
const STILL: f64 = 6.0;
/// Steps of the shortest shot in which mouths tell who speaks.
const SHORTEST: usize = 20;
/// More motion than this says no more.
const LIVELY: f64 = 30.0;
/// Width of the narrowest face whose mouth is seen to move, in thousandths of the picture's.
const NARROWEST: i32 = 60;
/// Seconds until a sighting for which what it says about the mouth holds.
const HOLDS: f64 = 0.5;

/// When somebody can be heard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sound<'a> {
    levels: &'a [u8],
    least: u8,
}

impl<'a> Sound<'a> {
    /// Takes the levels of every tenth of a second; none where there is no sound.
    pub(super) fn of(levels: &'a [u8]) -> Self {
        let mut sorted = levels.to_vec();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a part"
        )]
        let loud = sorted.get((sorted.len() as f64 * LOUD) as usize).copied().unwrap_or(0);
        Self { levels, least: loud.saturating_sub(QUIET).max(1) }
    }

    /// Tells whether somebody may be speaking at a time of the film in seconds.
    fn is_heard(&self, seconds: f64) -> bool {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let at = (seconds * STEPS).round() as usize;
        let around = at.saturating_sub(2).min(self.levels.len())..(at + 3).min(self.levels.len());
        self.levels[around].iter().any(|&level| level >= self.least)
    }
}

/// The motion of a face's mouth at every step; 0 for a person, and in a shot that is too short to tell.
pub(super) fn mouth(track: &Track, steps: Steps) -> Vec<f64> {
    if track.kind == SubjectKind::Person || steps.count < SHORTEST {
        return vec![0.0; steps.count];
    }
    let at = |step: usize| {
        let time = steps.time(step);
        let next = track.sightings.partition_point(|sighting| steps.seconds(sighting) < time - 1e-6);
        let sighting = track.sightings.get(next).filter(|sighting| steps.seconds(sighting) - time <= HOLDS);
        let seen = sighting.filter(|sighting| sighting.bounds[2] >= NARROWEST);
        seen.map_or(0.0, |sighting| f64::from(sighting.mouth).min(LIVELY))
    };
    (0..steps.count).map(at).collect()
}

/// Tells for each of several, by the motion of their mouths at every step, how surely it is the one who speaks, from 0 to 1. Where
/// nothing is heard nobody does.
pub(super) fn speaking(mouths: &[Vec<f64>], steps: Steps, sound: Sound<'_>) -> Vec<Vec<f64>> {
    let means: Vec<_> = mouths.iter().map(|mouth| mean(mouth)).collect();
    let one = |index: usize, step: usize| {
        if !sound.is_heard(steps.time(step)) {
            return 0.0;
        }
        let own = means[index][step];
        let others = means.iter().enumerate().filter(|&(other, _)| other != index).map(|(_, mean)| mean[step]);
        let other = others.fold(0.0, f64::max);
        ((own - other) / (own + other + STILL)).max(0.0)
    };
    (0..means.len()).map(|index| (0..steps.count).map(|step| one(index, step)).collect()).collect()
}

fn mean(values: &[f64]) -> Vec<f64> {
    let around = |at: usize| {
        let part = &values[at.saturating_sub(REACH)..(at + REACH + 1).min(values.len())];
        part.iter().sum::<f64>() / ratio(part.len(), 1)
    };
    (0..values.len()).map(around).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyse::{Borders, SeenShot, Sighting, Transition};

    fn steps(seconds: i64) -> Steps {
        let shot = SeenShot {
            start: 0,
            last: seconds * 10 - 1,
            frames: 1,
            begins: Transition::Film,
            borders: Borders::default(),
            brightness: 90,
            tracks: Vec::new(),
            activity: Vec::new(),
        };
        Steps::of(&shot, 0.1)
    }

    /// A face of this width, seen at every second tenth of a second, whose mouth moves at these times.
    fn face(width: i32, moves: std::ops::Range<i64>) -> Track {
        let sighting = |number: i64| {
            let time = 2 * number;
            let mouth = if moves.contains(&time) { 20 } else { 0 };
            Sighting { time, bounds: [300, 200, width, 300], score: 90, mouth }
        };
        Track { kind: SubjectKind::Face, clothes: None, sharpness: 0, sightings: (0..50).map(sighting).collect() }
    }

    #[test]
    fn who_moves_the_mouth_while_something_is_heard_speaks() {
        let steps = steps(10);
        let mouths = [face(150, 0..50), face(150, 50..100)].map(|face| mouth(&face, steps));
        let loud = [70_u8; 100];
        let [one, other] = speaking(&mouths, steps, Sound::of(&loud)).try_into().unwrap();
        assert!(one[20] > 0.6 && other[20] == 0.0, "{} {}", one[20], other[20]);
        assert!(one[80] == 0.0 && other[80] > 0.6, "{} {}", one[80], other[80]);

        let mut hushed = loud;
        hushed[..60].fill(20);
        let found = speaking(&mouths, steps, Sound::of(&hushed));
        assert!(found[0][20] == 0.0 && found[1][80] > 0.6);
        let unheard = speaking(&mouths, steps, Sound::of(&[]));
        assert!(unheard.iter().flatten().all(|&speaks| speaks == 0.0));
    }

    #[test]
    fn two_who_move_alike_and_mouths_that_cannot_be_seen_say_nothing() {
        let steps = steps(10);
        let mouths = [face(150, 0..100), face(150, 0..100), face(40, 0..100)].map(|face| mouth(&face, steps));
        assert!(mouths[2].iter().all(|&moved| moved == 0.0));
        let found = speaking(&mouths, steps, Sound::of(&[70; 100]));
        assert!(found.iter().flatten().all(|&speaks| speaks == 0.0));
        let person = Track { kind: SubjectKind::Person, ..face(150, 0..100) };
        assert!(mouth(&person, steps).iter().all(|&moved| moved == 0.0));
    }
}
