//! What noise a film has, and what it looks like: measured in a few places before its plan is whole.

use crate::analyse::{GrainModel, NoiseMeter};
use crate::av1::FilmGrain;
use crate::control::Control;
use crate::error::Result;
use crate::frame::{Area, Frame, HeldFrame};
use crate::media::{Event, Source};
use crate::picture::{Device, Graph, PictureRequest, PictureSet, Request};
use crate::plan::{Denoise, Plan, WantedDenoise};

/// Places of a film that are looked at.
const PLACES: usize = 8;
/// Frames in succession that are decoded at each.
const FRAMES: usize = 7;
/// Of these the ones whose grain is looked at: they have all their neighbours.
const WITH_NEIGHBOURS: std::ops::Range<usize> = 2..5;

/// Decides what noise is taken out of a film, and what grain decoders put in its place; the plan has its segments.
///
/// # Errors
/// As [`Source::next`]; [`crate::Error::Cancelled`].
pub(super) fn decide(
    plan: &Plan,
    choice: Denoise,
    open: &dyn Fn() -> Result<Source>,
    control: &Control,
) -> Result<Option<WantedDenoise>> {
    let measured = if choice == Denoise::Auto { measure(plan, open()?, control)? } else { [0; 3] };
    let Some(denoise) = WantedDenoise::decide(choice, measured) else { return Ok(None) };
    let grain = model(plan, &denoise, open()?, control)?;
    Ok(Some(WantedDenoise { grain, ..denoise }))
}

fn measure(plan: &Plan, source: Source, control: &Control) -> Result<[u16; 3]> {
    let mut meter = NoiseMeter::default();
    at_places(plan, source, control, |frames| {
        frames.windows(2).for_each(|pair| meter.pair(&pair[0], &pair[1]));
        Ok(())
    })?;
    Ok(meter.finish())
}

/// Models the grain of every rendition: of its pictures with noise and without, as conversions make them.
fn model(plan: &Plan, denoise: &WantedDenoise, source: Source, control: &Control) -> Result<Vec<Option<FilmGrain>>> {
    let mut models: Vec<_> = plan.follows.rungs.iter().map(|rung| GrainModel::new(rung.depth)).collect();
    let mut plan = plan.clone();
    let graph = |noise| {
        plan.wanted.denoise = Some(WantedDenoise { noise, grain: Vec::new() });
        plan.graph()
    };
    let [noisy, clean] = [[0; 3], denoise.noise].map(graph);
    at_places(&plan, source, control, |frames| {
        let [noisy, clean] = [&noisy, &clean].map(|graph| pictures(&plan, graph, frames));
        for (noisy, clean) in noisy?.iter().zip(clean?) {
            control.check()?;
            for ((model, noisy), clean) in models.iter_mut().zip(&noisy.pictures).zip(&clean.pictures) {
                model.add(noisy, clean)?;
            }
        }
        Ok(())
    })?;
    let rungs = &plan.follows.rungs;
    Ok(models.into_iter().zip(rungs).map(|(model, rung)| model.finish(rung.colour.full_range)).collect())
}

/// Makes the pictures of those frames that have all their neighbours.
fn pictures(plan: &Plan, graph: &Graph, frames: &[HeldFrame]) -> Result<Vec<PictureSet>> {
    let area = Area::whole(plan.found.video.format);
    let mut runner = Device::cpu().runner(graph)?;
    let mut sets = Vec::new();
    for (number, frame) in frames.iter().enumerate() {
        let layers = plan.layers(frame.pts).filter(|_| WITH_NEIGHBOURS.contains(&number));
        let fields = plan.field_pictures().use_at(frame.pts);
        let picture = layers.map(|layers| PictureRequest { layers, frame: number as u64, fields, time: None });
        let request = picture.and_then(|picture| Request::new(area, &[picture])).unwrap_or(Request::none(area));
        while !runner.has_room() {
            sets.push(runner.collect()?);
        }
        runner.submit(frame, request)?;
    }
    runner.finish()?;
    while runner.under_way() > 0 {
        sets.push(runner.collect()?);
    }
    Ok(sets)
}

/// Decodes frames at places spread over a film, and hands on those of each.
fn at_places(
    plan: &Plan,
    mut source: Source,
    control: &Control,
    mut see: impl FnMut(&[HeldFrame]) -> Result<()>,
) -> Result<()> {
    let format = plan.found.video.format;
    let mut last = None;
    for place in places(plan) {
        if last.is_some_and(|last| place <= last) {
            continue;
        }
        source.skip_to(place)?;
        let mut frames = Vec::with_capacity(FRAMES);
        let mut ended = false;
        while frames.len() < FRAMES && !ended {
            control.check()?;
            match source.next()? {
                Event::Frame { pts, duration } if pts >= place => {
                    let mut frame = Frame::new(format);
                    source.fill(Area::whole(format), &mut frame)?;
                    (frame.pts, frame.duration) = (pts, duration);
                    frames.push(frame.into());
                    last = Some(pts);
                }
                Event::Frame { .. } | Event::Audio { .. } | Event::SoundChanged { .. } => {}
                Event::End => ended = true,
            }
        }
        if frames.len() > 1 {
            see(&frames)?;
        }
        if ended {
            break;
        }
    }
    Ok(())
}

/// Times of the source, in its ticks, in rising order: amid even parts of the film.
fn places(plan: &Plan) -> Vec<i64> {
    let time_base = plan.found.video.time_base;
    let Some(([first, ..], [.., last])) = plan.segments().map(|list| (list, list)) else { return Vec::new() };
    let (begin, last_begin) = (first.start.ticks(time_base), last.start.ticks(time_base));
    let frames = i64::try_from(last.frames).unwrap_or(i64::MAX);
    let end = last_begin.saturating_add(frames.saturating_mul(plan.field_pictures().frame()));
    let parts = 2 * PLACES as i64;
    let place = |part: i64| begin.saturating_add(end.saturating_sub(begin) / parts * part);
    (0..PLACES as i64).map(|number| place(2 * number + 1)).collect()
}
