//! Shots, and the window's way through them.

use crate::analyse::SubjectKind;
use crate::geometry::{Upright, Window};
use crate::time::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The frames between two cuts, and the window's way through them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shot {
    /// The time from which on frames belong to it. The first frame at or after it is a key frame, where the encoder makes one
    /// on demand.
    pub start: Time,
    /// The time from which on frames no longer do; none for the end of the film.
    pub end: Option<Time>,
    /// The crop track: at least one key, in rising order of time, all in the shot. Before the first key its window holds.
    pub track: Vec<CropKey>,
    /// What of the picture fills the renditions.
    #[serde(default)]
    pub layout: Layout,
    /// The crop track of the lower half, where two windows are one above the other; `track` is the upper one's. Else empty.
    #[serde(default)]
    pub lower: Vec<CropKey>,
    /// Text that is lifted out of the picture, in rising order of time, one at a time.
    #[serde(default)]
    pub captions: Vec<Caption>,
    /// How the window goes through the shot, in a word; none where nobody has said. The track decides.
    #[serde(default)]
    pub mode: Option<ShotMode>,
    /// How sure the framing is, from 0 to 1; none where it was not found by looking at the picture.
    #[serde(default)]
    pub confidence: Option<f64>,
    /// Why the window is where it is.
    #[serde(default)]
    pub reason: Option<String>,
    /// Whether the shot is left as it is when the film is planned anew.
    #[serde(default)]
    pub locked: bool,
    /// The sides of the picture that show nothing, where there are any; the window is within.
    #[serde(default)]
    pub borders: Option<ShotBorders>,
    /// Who was seen, the most important first.
    #[serde(default)]
    pub subjects: Vec<ShotSubject>,
}

/// What fills the renditions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// One window, of the ladder's shape.
    #[default]
    Window,
    /// Two windows, one above the other, each of twice the ladder's shape: as wide, and half as high.
    Stack,
    /// One window that is wider than the ladder's shape, whole, across the middle; above and below it what it shows, larger and
    /// out of focus.
    Fit,
}

/// Text in the picture that is shown anew, as wide as the renditions, where it would be cut off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Caption {
    /// When it is there first, in its shot.
    pub from: Time,
    /// When it no longer is, in its shot.
    pub to: Time,
    /// Where it is in the source, in square pixels of the upright picture: at least [`Caption::LEAST_SHAPE`] times as wide as high.
    pub strip: Window,
}

/// How the window goes through a shot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShotMode {
    /// It stands.
    Static,
    /// It goes from one place to another, once.
    Pan,
    /// It follows.
    Track,
}

/// Sides of the picture that show nothing, in square pixels of the upright picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShotBorders {
    /// Width of the left one.
    pub left: f64,
    /// Height of the upper one.
    pub top: f64,
    /// Width of the right one.
    pub right: f64,
    /// Height of the lower one.
    pub bottom: f64,
}

/// Somebody who was seen in a shot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShotSubject {
    /// Number in the film, from 1: one number in the shots of a scene where the clothes tell who it is.
    pub id: u32,
    /// What was seen of it.
    pub kind: SubjectKind,
    /// Whether the window holds it.
    pub held: bool,
    /// When it is first seen.
    pub from: Time,
    /// When it is last seen.
    pub to: Time,
    /// Where it is most of the time, in square pixels of the upright picture: the face, or the person where no face is.
    #[serde(rename = "box")]
    pub bounds: Window,
}

/// A window that is reached at a time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CropKey {
    /// When.
    pub time: Time,
    /// The window, in square pixels of the upright picture, inside it and of the ladder's shape.
    pub window: Window,
    /// The way from here to the next key; nothing where there is none.
    #[serde(default)]
    pub then: Interpolation,
}

/// The window's way from one key to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// Stands still, and is at the next key with the first frame at or after its time.
    #[default]
    Hold,
    /// Goes at one speed.
    Linear,
    /// Begins and ends at rest: after the part t of the time it has gone the part t * t * (3 - 2 * t) of the way.
    Ease,
}

impl Interpolation {
    /// The part of the way that is gone after the part `t` of the time, both from 0 to 1.
    fn at(self, t: f64) -> f64 {
        match self {
            Self::Hold => 0.0,
            Self::Linear => t,
            Self::Ease => t * t * (3.0 - 2.0 * t),
        }
    }
}

/// The window of one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// Where it stands.
    pub window: Window,
    /// Whether its size is changing.
    pub zooming: bool,
}

impl ShotBorders {
    /// Gives the picture within them, of the picture `upright`.
    pub fn inner(&self, upright: &Upright) -> Window {
        let Self { left, top, right, bottom } = *self;
        Window { x: left, y: top, width: upright.width() - left - right, height: upright.height() - top - bottom }
    }
}

impl Shot {
    /// Makes a shot of which nothing more is known.
    pub fn new(start: Time, end: Option<Time>, track: Vec<CropKey>) -> Self {
        Self {
            start,
            end,
            track,
            layout: Layout::Window,
            lower: Vec::new(),
            captions: Vec::new(),
            mode: None,
            confidence: None,
            reason: None,
            locked: false,
            borders: None,
            subjects: Vec::new(),
        }
    }

    /// The window at a time in the shot; none without a key.
    pub fn window_at(&self, time: Time) -> Option<Placement> {
        placement(&self.track, time)
    }
}

/// The window of a track at a time; none without a key.
pub(crate) fn placement(track: &[CropKey], time: Time) -> Option<Placement> {
    let after = track.partition_point(|key| key.time <= time);
    let Some(from) = track[..after].last() else {
        return track.first().map(|key| Placement { window: key.window, zooming: false });
    };
    let still = Placement { window: from.window, zooming: false };
    let Some(to) = track.get(after).filter(|_| from.then != Interpolation::Hold) else { return Some(still) };
    let (a, b) = (from.window, to.window);
    let part = from.then.at(time.progress(from.time, to.time));
    let between = |a: f64, b: f64| a + (b - a) * part;
    let window = Window {
        x: between(a.x, b.x),
        y: between(a.y, b.y),
        width: between(a.width, b.width),
        height: between(a.height, b.height),
    };
    Some(Placement { window, zooming: (a.width, a.height) != (b.width, b.height) })
}

/// The shot at a time of the film, whose shots follow one another without gap; none where there is no shot.
pub(crate) fn shot_at(shots: &[Shot], time: Time) -> Option<&Shot> {
    let after = shots.partition_point(|shot| shot.start <= time);
    shots.get(after.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Rational;

    fn at(hundredths: i64) -> Time {
        Time::from(Rational { num: hundredths, den: 100 })
    }

    fn key(hundredths: i64, x: f64, width: f64, then: Interpolation) -> CropKey {
        CropKey { time: at(hundredths), window: Window { x, y: 0.0, width, height: width * 16.0 / 9.0 }, then }
    }

    fn shot(start: i64, end: Option<i64>, track: Vec<CropKey>) -> Shot {
        Shot::new(at(start), end.map(at), track)
    }

    #[test]
    fn windows_hold_go_and_ease_between_keys() {
        use Interpolation::{Ease, Hold, Linear};
        let track = vec![
            key(100, 10.0, 90.0, Linear),
            key(200, 30.0, 90.0, Ease),
            key(300, 130.0, 45.0, Hold),
            key(400, 0.0, 45.0, Linear),
        ];
        let shot = shot(0, None, track);
        let found = [0, 100, 150, 200, 225, 250, 300, 399, 400, 999].map(|time| {
            let Placement { window, zooming } = shot.window_at(at(time)).unwrap();
            (window.x, window.width, zooming)
        });
        // A quarter of the time is 5/32 of the way.
        let eased = (30.0 + 100.0 * 5.0 / 32.0, 90.0 - 45.0 * 5.0 / 32.0, true);
        assert_eq!(
            found,
            [
                (10.0, 90.0, false),
                (10.0, 90.0, false),
                (20.0, 90.0, false),
                (30.0, 90.0, true),
                eased,
                (80.0, 67.5, true),
                (130.0, 45.0, false),
                (130.0, 45.0, false),
                (0.0, 45.0, false),
                (0.0, 45.0, false),
            ]
        );
    }

    #[test]
    fn each_shot_has_its_own_track() {
        let hold = Interpolation::Hold;
        let shots = [shot(0, Some(250), vec![key(0, 1.0, 9.0, hold)]), shot(250, None, vec![key(250, 2.0, 9.0, hold)])];
        let x = |time| shot_at(&shots, at(time)).and_then(|shot| shot.window_at(at(time))).unwrap().window.x;
        assert_eq!([0, 249, 250, 251].map(x), [1.0, 1.0, 2.0, 2.0]);
        assert_eq!(shot_at(&[], at(0)), None);
        assert_eq!(shot(0, None, Vec::new()).window_at(at(0)), None);
    }
}
