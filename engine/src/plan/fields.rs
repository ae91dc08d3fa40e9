//! Pictures of fields: which of them are made of which frames, and when they are shown.

use crate::cadence::{Cadence, CadenceRun, Field, GROUP, is_two_thirds};
use crate::geometry::Rational;
use crate::picture::{FieldUse, Neighbour};
use crate::source::timeline::ticks;
use crate::source::{Scanning, VideoInfo};
use crate::time::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Frames of the source from `start` up to the next run, and what is made of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldRun {
    /// Time of its first frame.
    pub start: Time,
    /// What the fields of its frames were found to be to one another.
    pub cadence: Cadence,
    /// The earlier field of a frame.
    pub first: Field,
    /// Of a telecined run, the place of its first frame in a group of five, from 0: two frames that show one picture of the film
    /// each, two that show two, and one that shows the second of these alone. 0 of others.
    pub phase: u8,
    /// What is made of its frames.
    pub make: FieldMake,
}

/// What is made of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldMake {
    /// A picture of each, as it is.
    Keep,
    /// The pictures of the film, woven of the fields that belong together: of telecined, repeated and shifted runs.
    Film,
    /// A picture of each field, the rows between made: twice as many as frames.
    Fields,
    /// A picture of the earlier field of each, the rows between made.
    Frames,
}

/// How interlaced and telecined pictures are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deinterlace {
    /// As is measured: a picture of each field of video, the film's own pictures of telecined film, what is whole as it is.
    Auto,
    /// Not at all.
    Off,
    /// A picture of each frame is made of its earlier field, whatever it is.
    On,
    /// A picture of each field is made, whatever it is.
    FieldRate,
    /// Telecined film becomes the film's own pictures; video, a picture of each frame.
    Ivtc,
}

impl FieldRun {
    /// Decides what is made of runs as they were found.
    pub(crate) fn decide(found: &[CadenceRun], video: &VideoInfo, choice: Deinterlace) -> Vec<Self> {
        let decided = |run: &CadenceRun| {
            let film = matches!(run.cadence, Cadence::Telecined | Cadence::Shifted | Cadence::Repeated);
            let make = match (choice, run.cadence) {
                (Deinterlace::Off, _) => FieldMake::Keep,
                (Deinterlace::On, _) => FieldMake::Frames,
                (Deinterlace::FieldRate, _) => FieldMake::Fields,
                (Deinterlace::Auto | Deinterlace::Ivtc, _) if film => FieldMake::Film,
                (Deinterlace::Auto, Cadence::Interlaced | Cadence::BlendedFields) => FieldMake::Fields,
                (Deinterlace::Ivtc, Cadence::Interlaced | Cadence::BlendedFields) => FieldMake::Frames,
                (Deinterlace::Auto | Deinterlace::Ivtc, _) => FieldMake::Keep,
            };
            let CadenceRun { start, cadence, first, phase } = *run;
            Self { start: Time::of_ticks(start, video.time_base), cadence, first, phase, make }
        };
        let runs: Vec<_> = found.iter().map(decided).collect();
        let told = video.scanning != Scanning::Progressive;
        let plain = |run: &Self| run.make == FieldMake::Keep && run.cadence == Cadence::Progressive;
        if !told && runs.iter().all(plain) { Vec::new() } else { runs }
    }
}

/// Ticks of the renditions in one of the source, where pictures are made of fields: a picture of telecined film is shown for five
/// quarters of a frame.
pub(crate) const PARTS: i64 = 4;

/// A picture that is made of a frame of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FieldPicture {
    /// Ticks of the renditions.
    pub(crate) pts: i64,
    pub(crate) fields: FieldUse,
}

/// A frame of the source and those around it, by their times in ticks of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameTimes {
    pub(crate) before: Option<i64>,
    pub(crate) own: i64,
    pub(crate) after: Option<i64>,
}

/// Tells which pictures are made of the frames of a film.
#[derive(Clone, Debug)]
pub(crate) struct FieldPictures {
    runs: Vec<FieldRun>,
    /// Ticks of the source, its nominal rate, and the ticks of a frame at that rate, rounded.
    time_base: Rational,
    frame_rate: Rational,
    nominal: i64,
    /// The ticks that are a pause if one more lies between two frames.
    longest_step: i64,
}

/// Seconds from one frame to the next that are no pause, whatever the nominal rate: frames of eight a second are neighbours.
const STEP: Rational = Rational { num: 1, den: 8 };

impl FieldPictures {
    pub(super) fn new(runs: &[FieldRun], time_base: Rational, frame_rate: Rational) -> Self {
        let frame = Rational { num: frame_rate.den, den: frame_rate.num.max(1) };
        let nominal = ticks(frame, time_base).max(1);
        let longest_step = ticks(STEP, time_base).max(2 * nominal);
        Self { runs: runs.to_vec(), time_base, frame_rate, nominal, longest_step }
    }

    /// Tells whether two frames in succession are near enough in time for one to be made with the help of the other.
    pub(crate) fn are_neighbours(&self, earlier: i64, later: i64) -> bool {
        later.saturating_sub(earlier) <= 2 * self.nominal
    }

    /// Gives the ticks of the source of a frame at its nominal rate, rounded, at least 1.
    pub(crate) fn frame(&self) -> i64 {
        self.nominal
    }

    /// Tells whether there is a pause between two frames in succession, over which a segment does not look back. The nominal rate of
    /// films of uneven frames may be several times the real one.
    pub(crate) fn is_pause(&self, earlier: i64, later: i64) -> bool {
        later.saturating_sub(earlier) > self.longest_step
    }

    /// Gives the ticks of the source before a segment's beginning from which on frames must be there for it, when so many before
    /// its own are looked at. That frame itself may be shown a while before its first picture.
    pub(crate) fn lead(&self, frames: usize) -> i64 {
        let steps = i64::try_from(frames).unwrap_or(i64::MAX).saturating_add(1);
        self.longest_step.saturating_mul(steps)
    }

    /// Gives the ticks that a frame is shown for, as far as the next one tells.
    pub(crate) fn duration(&self, times: FrameTimes) -> i64 {
        let told = times.after.map(|after| after.saturating_sub(times.own));
        told.filter(|told| 2 * told >= self.nominal && 4 * told <= 7 * self.nominal).unwrap_or(self.nominal)
    }

    /// Gives the pictures that are made of a frame, none, one or two.
    pub(crate) fn of_frame(&self, times: FrameTimes) -> Vec<FieldPicture> {
        let at = |time: i64| Time::of_ticks(time, self.time_base);
        let index = self.runs.partition_point(|run| run.start <= at(times.own)).saturating_sub(1);
        let duration = self.duration(times);
        let picture = |quarters: i64, fields| {
            let pts = times.own.saturating_mul(PARTS).saturating_add(duration.saturating_mul(quarters));
            FieldPicture { pts, fields }
        };
        let Some(run) = self.runs.get(index) else { return vec![picture(0, FieldUse::WHOLE)] };
        let next = self.runs.get(index + 1);
        let follows =
            |after: i64| next.is_none_or(|next| at(after) < next.start) && self.are_neighbours(times.own, after);
        let place = Place {
            is_first: times
                .before
                .is_none_or(|before| at(before) < run.start || !self.are_neighbours(before, times.own)),
            is_last: !times.after.is_some_and(follows),
        };
        let earlier = run.first == Field::Bottom;
        let alone = |later: bool| FieldUse::Interpolated { bottom: earlier != later, later };
        match (run.make, run.cadence) {
            (FieldMake::Fields, _) => vec![picture(0, alone(false)), picture(2, alone(true))],
            (FieldMake::Frames, _) => vec![picture(0, alone(false))],
            (FieldMake::Film, Cadence::Telecined) => {
                let uses = place.telecined(self.phase(run, times.own), run.first);
                uses.into_iter().map(|(quarters, fields)| picture(quarters, fields)).collect()
            }
            (FieldMake::Film, Cadence::Shifted) => {
                let uses = place.shifted(run.first);
                uses.into_iter().map(|(quarters, fields)| picture(quarters, fields)).collect()
            }
            (FieldMake::Film, Cadence::Repeated) => {
                // Shown for two fields after one that was shown for three: half a field earlier, all are shown equally long.
                let before = times.before.map_or(0, |before| times.own.saturating_sub(before));
                let is_shorter = times.after.is_some_and(|after| is_two_thirds(after - times.own, before));
                vec![picture(if is_shorter && !place.is_first { -1 } else { 0 }, FieldUse::WHOLE)]
            }
            (FieldMake::Keep | FieldMake::Film, _) => vec![picture(0, FieldUse::WHOLE)],
        }
    }

    /// Computes the time of the first picture with the top field of the frame at a time, or of a later one. A shot that begins with
    /// that frame, by its top field, begins with that picture.
    pub(crate) fn first_with_top_of(&self, frame: Time) -> Time {
        let index = self.runs.partition_point(|run| run.start <= frame).saturating_sub(1);
        let Some(run) = self.runs.get(index).filter(|run| run.start < frame && run.first == Field::Top) else {
            return frame;
        };
        let own = frame.ticks(self.time_base);
        // Pictures that are woven of two frames are shown before the second of these.
        let quarters = match (run.make, run.cadence, self.phase(run, own)) {
            (FieldMake::Film, Cadence::Telecined, 3) | (FieldMake::Film, Cadence::Shifted, _) => 2,
            (FieldMake::Film, Cadence::Telecined, 4) => 1,
            _ => return frame,
        };
        let Rational { num, den } = self.time_base;
        let ticks = own.saturating_mul(PARTS).saturating_sub(self.nominal.saturating_mul(quarters));
        Time::of_ticks(ticks, Rational { num, den: den.saturating_mul(PARTS) })
    }

    /// Computes the place of a frame in a group of five, by its time: one that is missing changes nothing for those after it.
    fn phase(&self, run: &FieldRun, own: i64) -> u8 {
        let since = own.saturating_sub(run.start.ticks(self.time_base)).max(0);
        let Rational { num, den } = self.time_base;
        // Whole frames at the nominal rate, to the nearest: ticks may be coarse, and an error must not add up.
        let ticks = i128::from(since) * i128::from(num) * i128::from(self.frame_rate.num);
        let frame = i128::from(den) * i128::from(self.frame_rate.den);
        let frames = (2 * ticks + frame) / (2 * frame).max(1);
        u8::try_from((frames + i128::from(run.phase)) % i128::from(GROUP)).unwrap_or(0)
    }
}

/// Where a frame stands in its run.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// No frame that it may be woven with comes before it.
    is_first: bool,
    /// Or after it.
    is_last: bool,
}

impl Place {
    /// Gives the pictures of a telecined frame: how many quarters of a frame after it they are shown, and their fields.
    ///
    /// The later field of the third frame of a group and the earlier one of the fourth are one picture, the fifth of the times of
    /// the film lies a quarter of a frame later each. Where the run begins amid a picture its one field is shown; where it ends
    /// amid one that is left out, so that pictures never change but where the source's do.
    fn telecined(self, phase: u8, first: Field) -> Vec<(i64, FieldUse)> {
        let (later, earlier) = (woven(first, Neighbour::After, Neighbour::Own), alone(first));
        let whole_after = FieldUse::Woven { top: Neighbour::After, bottom: Neighbour::After };
        let begin = self.is_first.then_some((0, earlier));
        let one = |quarters, fields| (!self.is_last).then_some((quarters, fields));
        match phase {
            0 => vec![(0, FieldUse::WHOLE)],
            1 => vec![(if self.is_first { 0 } else { 1 }, FieldUse::WHOLE)],
            2 => begin.into_iter().chain(one(2, later)).collect(),
            3 => begin.into_iter().chain(one(3, whole_after)).collect(),
            _ => self.is_first.then_some((0, FieldUse::WHOLE)).into_iter().collect(),
        }
    }

    /// As [`Place::telecined`], where the later field of a frame and the earlier one of the next are one picture.
    fn shifted(self, first: Field) -> Vec<(i64, FieldUse)> {
        let begin = self.is_first.then_some((0, alone(first)));
        let film = (!self.is_last).then_some((2, woven(first, Neighbour::After, Neighbour::Own)));
        begin.into_iter().chain(film).collect()
    }
}

/// Weaves the earlier field of one frame and the later one of another.
fn woven(first: Field, earlier: Neighbour, later: Neighbour) -> FieldUse {
    match first {
        Field::Top => FieldUse::Woven { top: earlier, bottom: later },
        Field::Bottom => FieldUse::Woven { top: later, bottom: earlier },
    }
}

/// The earlier field of a frame, the rows between made.
fn alone(first: Field) -> FieldUse {
    FieldUse::Interpolated { bottom: first == Field::Bottom, later: false }
}

/// Goes along the frames of a film and gives the times of the pictures that are made of them, each after the one before.
#[derive(Clone, Debug)]
pub(crate) struct PictureTimes {
    pictures: FieldPictures,
    /// The frames before the one that came last, and that one.
    seen: [Option<i64>; 2],
    last: Option<i64>,
}

impl PictureTimes {
    pub(crate) fn new(pictures: FieldPictures) -> Self {
        Self { pictures, seen: [None; 2], last: None }
    }

    /// Takes the next frame, and gives the pictures of the one before.
    pub(crate) fn push(&mut self, pts: i64) -> Vec<i64> {
        let pictures = self.take(Some(pts));
        self.seen = [self.seen[1], Some(pts)];
        pictures
    }

    /// Gives the pictures of the last frame.
    pub(crate) fn finish(&mut self) -> Vec<i64> {
        self.take(None)
    }

    fn take(&mut self, after: Option<i64>) -> Vec<i64> {
        let [before, Some(own)] = self.seen else { return Vec::new() };
        let pictures = self.pictures.of_frame(FrameTimes { before, own, after });
        pictures.iter().map(|picture| rising(&mut self.last, picture.pts)).collect()
    }
}

/// Moves a time behind the last one, where it is not.
pub(crate) fn rising(last: &mut Option<i64>, pts: i64) -> i64 {
    let pts = last.map_or(pts, |last| pts.max(last + 1));
    *last = Some(pts);
    pts
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILM: Rational = Rational { num: 1, den: 30_000 };

    fn run(start: i64, cadence: Cadence, phase: u8, make: FieldMake) -> FieldRun {
        FieldRun { start: Time::of_ticks(start, FILM), cadence, first: Field::Top, phase, make }
    }

    /// The times, in ticks of the source and quarters, and the fields of the pictures of frames at these times.
    fn pictures(runs: &[FieldRun], frames: &[i64]) -> Vec<(f64, FieldUse)> {
        let pictures = FieldPictures::new(runs, FILM, Rational { num: 30_000, den: 1001 });
        let at = |index: Option<usize>| index.and_then(|index| frames.get(index)).copied();
        let of = |index: usize| {
            let times = FrameTimes { before: at(index.checked_sub(1)), own: frames[index], after: at(Some(index + 1)) };
            pictures.of_frame(times)
        };
        let all = (0..frames.len()).flat_map(of);
        all.map(|FieldPicture { pts, fields }| (pts as f64 / 4.0 / 1001.0, fields)).collect()
    }

    fn frames(count: i64) -> Vec<i64> {
        (0..count).map(|frame| frame * 1001).collect()
    }

    #[test]
    fn a_group_of_five_frames_is_four_pictures_at_even_distances() {
        let runs = [run(0, Cadence::Telecined, 0, FieldMake::Film)];
        let made = pictures(&runs, &frames(10));
        let times: Vec<_> = made.iter().map(|(time, _)| *time).collect();
        assert_eq!(times, [0.0, 1.25, 2.5, 3.75, 5.0, 6.25, 7.5, 8.75]);
        let later = FieldUse::Woven { top: Neighbour::After, bottom: Neighbour::Own };
        let whole_after = FieldUse::Woven { top: Neighbour::After, bottom: Neighbour::After };
        let uses: Vec<_> = made.iter().map(|(_, fields)| *fields).collect();
        assert_eq!(uses[..4], [FieldUse::WHOLE, FieldUse::WHOLE, later, whole_after]);
        assert_eq!(uses[..4], uses[4..]);
    }

    #[test]
    fn runs_that_begin_amid_a_picture_show_its_field_and_lose_nothing_of_their_time() {
        for phase in 0..5 {
            let runs = [run(0, Cadence::Telecined, phase, FieldMake::Film)];
            let made = pictures(&runs, &frames(7));
            assert_eq!(made[0].0, 0.0, "{phase}");
            let alone = matches!(made[0].1, FieldUse::Interpolated { later: false, bottom: false });
            assert_eq!(alone, matches!(phase, 2 | 3), "{phase}");
            assert!(made.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }

    #[test]
    fn a_break_in_the_cadence_is_followed() {
        let runs = [
            run(0, Cadence::Telecined, 0, FieldMake::Film),
            run(3 * 1001, Cadence::Telecined, 1, FieldMake::Film),
            run(6 * 1001, Cadence::Progressive, 0, FieldMake::Keep),
            run(8 * 1001, Cadence::Interlaced, 0, FieldMake::Fields),
        ];
        let made = pictures(&runs, &frames(10));
        let times: Vec<_> = made.iter().map(|(time, _)| *time).collect();
        // The picture that the third frame begins is not to be had whole: the cut comes first.
        assert_eq!(times, [0.0, 1.25, 3.0, 4.5, 6.0, 7.0, 8.0, 8.5, 9.0, 9.5]);
    }

    #[test]
    fn a_frame_that_is_missing_does_not_move_the_cadence() {
        let runs = [run(0, Cadence::Telecined, 0, FieldMake::Film)];
        let mut frames = frames(10);
        frames.remove(4);
        let times: Vec<_> = pictures(&runs, &frames).iter().map(|(time, _)| *time).collect();
        assert_eq!(times[4..], [5.0, 6.25, 7.5, 8.75]);
    }

    #[test]
    fn repeated_fields_become_even_distances() {
        let runs = [run(0, Cadence::Repeated, 0, FieldMake::Film)];
        let shown = [0, 3, 5, 8, 10, 13, 15].map(|fields| fields * 1001 / 2);
        let times: Vec<_> = pictures(&runs, &shown).iter().map(|(time, _)| *time).collect();
        for (index, time) in times.iter().enumerate().take(6) {
            assert!((time - 1.25 * index as f64).abs() < 0.01, "{times:?}");
        }
    }

    #[test]
    fn shots_begin_with_the_first_picture_of_their_own() {
        let frame = |quarters: i64| Time::of_ticks(1001 * quarters, Rational { num: 1, den: 120_000 });
        let cuts = |cadence, first| {
            let runs = [FieldRun { first, ..run(0, cadence, 0, FieldMake::Film) }];
            let pictures = FieldPictures::new(&runs, FILM, Rational { num: 30_000, den: 1001 });
            (5..10).map(|index| pictures.first_with_top_of(frame(4 * index))).collect::<Vec<_>>()
        };
        // The third picture of a group is shown at two and a half frames, with the top field of the fourth frame.
        assert_eq!(cuts(Cadence::Telecined, Field::Top), [20, 24, 28, 30, 35].map(frame));
        assert_eq!(cuts(Cadence::Telecined, Field::Bottom), [20, 24, 28, 32, 36].map(frame));
        assert_eq!(cuts(Cadence::Shifted, Field::Top), [18, 22, 26, 30, 34].map(frame));
    }

    #[test]
    fn fields_that_belong_together_across_frames_are_woven() {
        let runs = [run(0, Cadence::Shifted, 0, FieldMake::Film)];
        let made = pictures(&runs, &frames(3));
        let times: Vec<_> = made.iter().map(|(time, _)| *time).collect();
        assert_eq!(times, [0.0, 0.5, 1.5]);
        assert_eq!(made[1].1, FieldUse::Woven { top: Neighbour::After, bottom: Neighbour::Own });
    }

    #[test]
    fn the_later_field_of_bottom_first_video_is_the_top_one() {
        let runs = [FieldRun { first: Field::Bottom, ..run(0, Cadence::Interlaced, 0, FieldMake::Fields) }];
        let made = pictures(&runs, &frames(1));
        let fields = made.iter().map(|(_, fields)| *fields).collect::<Vec<_>>();
        let kept = |bottom, later| FieldUse::Interpolated { bottom, later };
        assert_eq!(fields, [kept(true, false), kept(false, true)]);
    }

    #[test]
    fn times_rise_whatever_the_frames_are() {
        let runs = [run(0, Cadence::Interlaced, 0, FieldMake::Fields)];
        let mut times = PictureTimes::new(FieldPictures::new(&runs, FILM, Rational { num: 30_000, den: 1001 }));
        let mut made: Vec<_> = [0, 3, 5, 4000, 4001].iter().flat_map(|&pts| times.push(pts)).collect();
        made.extend(times.finish());
        assert_eq!(made.len(), 10);
        assert!(made.windows(2).all(|pair| pair[0] < pair[1]), "{made:?}");
    }
}
