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

/// Decides what noise is taken out of a film, and what grain decoders put in its place; the times of the film's first and last
/// frames are `ends`, in ticks of the source.
///
/// # Errors
/// As [`Source::next`]; [`crate::Error::Cancelled`].
pub(super) fn decide(
    plan: &Plan,
    choice: Denoise,
    ends: [i64; 2],
    open: &dyn Fn() -> Result<Source>,
    control: &Control,
) -> Result<Option<WantedDenoise>> {
    let measured = if choice == Denoise::Auto { measure(plan, ends, open()?, control)? } else { [0; 3] };
    let Some(denoise) = WantedDenoise::decide(choice, measured) else { return Ok(None) };
    let grain = model(plan, &denoise, ends, open()?, control)?;
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
    if plan.wanted.makes_fields() {
        log::warn!(
            "{}: its pictures are made of fields: noise is taken out of the first and last two pictures of each segment less well",
            plan.found.name
        );
    }
    Ok(Some(WantedDenoise { grain, ..denoise }))
}

fn measure(plan: &Plan, ends: [i64; 2], source: Source, control: &Control) -> Result<[u16; 3]> {
    let mut meter = NoiseMeter::default();
    at_places(plan, ends, source, control, |frames| {
        frames.windows(2).for_each(|pair| meter.pair(&pair[0], &pair[1]));
        Ok(())
    })?;
    Ok(meter.finish())
}

/// Models the grain of every rendition: of its pictures with noise and without, as conversions make them.
fn model(
    plan: &Plan,
    denoise: &WantedDenoise,
    ends: [i64; 2],
    source: Source,
    control: &Control,
) -> Result<Vec<Option<FilmGrain>>> {
    let mut models: Vec<_> = plan.follows.rungs.iter().map(|rung| GrainModel::new(rung.depth)).collect();
    let mut plan = plan.clone();
    let graph = |noise| {
        plan.wanted.denoise = Some(WantedDenoise { noise, grain: Vec::new() });
        plan.graph()
    };
    let [noisy, clean] = [[0; 3], denoise.noise].map(graph);
    at_places(&plan, ends, source, control, |frames| {
        let [noisy, clean] = [&noisy, &clean].map(|graph| pictures(&plan, graph, frames, control));
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
fn pictures(plan: &Plan, graph: &Graph, frames: &[HeldFrame], control: &Control) -> Result<Vec<PictureSet>> {
    let area = Area::whole(plan.found.video.format);
    let mut runner = Device::cpu().runner(graph)?;
    let mut sets = Vec::new();
    // Of a film that has not even these all are looked at.
    let looked_at = if frames.len() < FRAMES { 0..frames.len() } else { WITH_NEIGHBOURS };
    for (number, frame) in frames.iter().enumerate() {
        control.check()?;
        let layers = plan.layers(frame.pts).filter(|_| looked_at.contains(&number));
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
    ends: [i64; 2],
    mut source: Source,
    control: &Control,
    mut see: impl FnMut(&[HeldFrame]) -> Result<()>,
) -> Result<()> {
    let format = plan.found.video.format;
    let mut last = None;
    for place in places(ends, plan.field_pictures().frame()) {
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
        if !frames.is_empty() {
            see(&frames)?;
        }
        if ended {
            break;
        }
    }
    Ok(())
}

/// Times of the source, in its ticks: amid even parts of a film whose frames last so long, or where one that is hardly longer than
/// what is looked at begins to be.
fn places([first, last]: [i64; 2], frame: i64) -> Vec<i64> {
    let parts = 2 * PLACES as i64;
    let lasts = last.saturating_sub(first);
    let begin = i64::from(lasts >= frame.saturating_mul(parts * FRAMES as i64));
    (0..PLACES as i64).map(|number| first.saturating_add(lasts / parts * (2 * number + begin))).collect()
}
