//! What noise a film has, and what it looks like: measured in a few places before its plan is whole.

use super::around::{FramesAround, SourceFrame};
use crate::analyse::{GrainModel, NoiseMeter};
use crate::av1::FilmGrain;
use crate::control::Control;
use crate::error::{Error, Result};
use crate::frame::{Area, Frame};
use crate::media::{Event, Source};
use crate::picture::{Device, Graph, PictureSet, Request};
use crate::plan::{Denoise, Plan, WantedDenoise};

/// Places of a film that are looked at.
const PLACES: usize = 8;
/// Frames in succession whose noise is measured at each.
const MEASURED: usize = 7;
/// Frames in succession whose grain is modelled at each; all that their pictures are made with is decoded with them.
const MODELLED: usize = 3;

/// Where it is said how far that is: after each frame that was looked at, with how many will be in all.
pub(super) type Told<'a> = &'a dyn Fn(u64);

/// Decides what noise is taken out of a film, and what grain decoders put in its place; the times of the film's first and last
/// frames are `ends`, in ticks of the source.
///
/// # Errors
/// As [`Source::next`]; [`Error::Cancelled`].
pub(super) fn decide(
    plan: &Plan,
    choice: Denoise,
    ends: [i64; 2],
    open: &dyn Fn() -> Result<Source>,
    control: &Control,
    told: Told<'_>,
) -> Result<Option<WantedDenoise>> {
    let measures = choice == Denoise::Auto;
    let modelled = MODELLED + without_noise(plan, [0; 3]).graph().reach().most_frames().iter().sum::<usize>();
    let frames = PLACES * (modelled + if measures { MEASURED } else { 0 });
    let looking = Looking { plan, ends, control, told: &|| told(frames as u64) };
    let measured = if measures { measure(&looking, open()?)? } else { [0; 3] };
    let Some(denoise) = WantedDenoise::decide(choice, measured) else { return Ok(None) };
    let grain = model(&looking, &denoise, modelled, open()?)?;
    let without = plan.follows.rungs.iter().zip(&grain).filter(|(_, grain)| grain.is_none());
    let without: Vec<_> = without.map(|(rung, _)| rung.file.as_str()).collect();
    if !without.is_empty() {
        log::warn!(
            "{}: noise is taken out, and no grain could be modelled to put in its place in {}: the film is too short, the picture too \
             small, or there was no noise of that strength",
            plan.found.name,
            without.join(", ")
        );
    }
    Ok(Some(WantedDenoise { grain, ..denoise }))
}

/// Gives a plan in which this noise is taken out.
fn without_noise(plan: &Plan, noise: [u16; 3]) -> Plan {
    let mut plan = plan.clone();
    plan.wanted.denoise = Some(WantedDenoise { noise, grain: Vec::new() });
    plan
}

/// A film that is looked at.
struct Looking<'a> {
    plan: &'a Plan,
    ends: [i64; 2],
    control: &'a Control,
    /// Called after each frame.
    told: &'a dyn Fn(),
}

fn measure(looking: &Looking<'_>, source: Source) -> Result<[u16; 3]> {
    let mut meter = NoiseMeter::default();
    looking.at_places(source, MEASURED, |frames| {
        frames.windows(2).for_each(|pair| meter.pair(&pair[0].frame, &pair[1].frame));
        Ok(())
    })?;
    Ok(meter.finish())
}

/// Models the grain of every rendition: of its pictures with noise and without, as conversions make them. So many `frames` are
/// decoded at each place.
fn model(
    looking: &Looking<'_>,
    denoise: &WantedDenoise,
    frames: usize,
    source: Source,
) -> Result<Vec<Option<FilmGrain>>> {
    let rungs = &looking.plan.follows.rungs;
    let mut models: Vec<_> = rungs.iter().map(|rung| GrainModel::new(rung.depth)).collect();
    let plans = [[0; 3], denoise.noise].map(|noise| without_noise(looking.plan, noise));
    let [noisy, clean] = [&plans[0], &plans[1]].map(|plan| (plan, plan.graph()));
    looking.at_places(source, frames, |there| {
        let is_short = there.len() < frames;
        let make = |(plan, graph): &(&Plan, Graph)| pictures(plan, graph, there, is_short, looking.control);
        for (noisy, clean) in make(&noisy)?.iter().zip(make(&clean)?) {
            looking.control.check()?;
            for ((model, noisy), clean) in models.iter_mut().zip(&noisy.pictures).zip(&clean.pictures) {
                model.add(noisy, clean)?;
            }
        }
        Ok(())
    })?;
    Ok(models.into_iter().zip(rungs).map(|(model, rung)| model.finish(rung.colour.full_range)).collect())
}

/// Makes the pictures of those frames that have all their neighbours, as those of a segment are made; of a film that has not even
/// these, of all.
fn pictures(
    plan: &Plan,
    graph: &Graph,
    frames: &[SourceFrame],
    is_short: bool,
    control: &Control,
) -> Result<Vec<PictureSet>> {
    let Some(mut around) = FramesAround::of(plan) else { return Ok(Vec::new()) };
    let [before, _] = graph.reach().most_frames();
    let looked_at = if is_short { 0..frames.len() } else { before..before + MODELLED };
    frames.iter().for_each(|frame| around.push(frame.clone()));
    (0..looked_at.start).for_each(|_| around.advance());
    let mut made = around.before(0);
    let mut numbers = looked_at.start as u64..;
    for own in &frames[looked_at] {
        let of_frame = around.pictures_of(own).into_iter().zip(&mut numbers);
        let shown = of_frame.filter_map(|(picture, number)| Some(picture.shown(plan.layers(picture.pts)?, number)));
        made.push((own.clone(), shown.collect()));
        around.advance();
    }
    made.extend(around.after(true, 0));
    let mut runner = Device::cpu().runner(graph)?;
    let mut sets = Vec::new();
    for (source, made) in made {
        control.check()?;
        while !runner.has_room() {
            sets.push(runner.collect()?);
        }
        let request = Request::with_hidden(Area::whole(plan.found.video.format), &made);
        runner.submit(&source.frame, request.ok_or_else(|| Error::misuse("more pictures of a frame than fields"))?)?;
    }
    runner.finish()?;
    while runner.under_way() > 0 {
        sets.push(runner.collect()?);
    }
    Ok(sets)
}

impl Looking<'_> {
    /// Decodes so many frames in succession at places spread over a film, and hands on those of each.
    fn at_places(
        &self,
        mut source: Source,
        count: usize,
        mut see: impl FnMut(&[SourceFrame]) -> Result<()>,
    ) -> Result<()> {
        let format = self.plan.found.video.format;
        let mut last = None;
        for place in places(self.ends, self.plan.field_pictures().frame(), count) {
            if last.is_some_and(|last| place <= last) {
                continue;
            }
            source.skip_to(place)?;
            let mut frames = Vec::with_capacity(count);
            let mut ended = false;
            while frames.len() < count && !ended {
                self.control.check()?;
                match source.next()? {
                    Event::Frame { pts, duration } if pts >= place => {
                        let mut frame = Frame::new(format);
                        source.fill(Area::whole(format), &mut frame)?;
                        (frame.pts, frame.duration) = (pts, duration);
                        frames.push(SourceFrame { frame: frame.into(), pts, duration });
                        last = Some(pts);
                        (self.told)();
                    }
                    Event::Frame { .. } | Event::Audio { .. } | Event::SoundChanged { .. } => {}
                    Event::End => ended = true,
                }
            }
            if !frames.is_empty() {
                see(&frames)?;
            }
            if ended {
                break;
            }
        }
        Ok(())
    }
}

/// Times of the source, in its ticks: amid even parts of a film whose frames last so long, or where one that is hardly longer than
/// the frames that are looked at begins to be.
fn places([first, last]: [i64; 2], frame: i64, count: usize) -> Vec<i64> {
    let parts = 2 * PLACES as i64;
    let lasts = last.saturating_sub(first);
    let begin = i64::from(lasts >= frame.saturating_mul(parts * count as i64));
    (0..PLACES as i64).map(|number| first.saturating_add(lasts / parts * (2 * number + begin))).collect()
}
