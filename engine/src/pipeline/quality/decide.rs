//! Deciding the qualities of a film by encoding pieces of it.

use super::super::progress::Progress;
use super::choice::Choice;
use super::curve::Curve;
use super::film::{Film, PASSES, Subset};
use super::ladder;
use super::pieces::Pieces;
use crate::control::Control;
use crate::error::{Error, Result};
use crate::judge::Judge;
use crate::media::Source;
use crate::plan::{Plan, PlanOptions, RungRate};
use std::sync::Arc;

/// Qualities that are tried first; the others are where the curve through these says.
const FIRST: [u8; 2] = [45, 70];
/// VMAF by which a film, and a segment, may be off what curves said, before it is tried once more.
const NEAR: f64 = 0.5;
const NEAR_OF_SEGMENT: f64 = 1.5;
/// Steps of quality beyond those that were probed that are tried next, and that are chosen in the end.
const TRIED_BEYOND: u8 = 25;
const CHOSEN_BEYOND: u8 = 5;

/// Checks what can be checked before a film is looked at, and finds the judge.
///
/// # Errors
/// [`Error::JudgeMissing`]; [`Error::NotInSource`] where VMAF has nothing to say of the renditions, or the source can be read only
/// once.
pub(in crate::pipeline) fn check(source: &Source, options: &PlanOptions) -> Result<()> {
    if options.target_vmaf.is_empty() {
        return Ok(());
    }
    let plan = Plan::new(source.info(), options)?;
    let name = &source.info().name;
    if plan.follows.rungs.iter().any(|rung| rung.colour.is_hdr()) {
        let why = "VMAF knows standard dynamic range alone; convert to that, or choose a quality in place of a VMAF";
        return Err(Error::not_in_source(format!("{name}: is of high dynamic range: {why}")));
    }
    if !source.can_be_read_again() {
        let why = "can be read only once, so that no part of it can be encoded beforehand; convert a file, or choose a quality in place \
                   of a VMAF";
        return Err(Error::not_in_source(format!("{name}: {why}")));
    }
    Judge::find().map(drop)
}

/// Gives a plan the qualities with which its renditions have the VMAF that is wanted of them, and leaves out those that are not worth
/// their bits. Where none is wanted, the plan stays.
///
/// # Errors
/// As [`check`]; the first of any stage; [`Error::Judge`]; [`Error::Cancelled`].
pub(in crate::pipeline) fn decide(
    plan: Plan,
    options: &PlanOptions,
    source: &Source,
    control: &Control,
    on_progress: &dyn Fn(&Progress),
) -> Result<Plan> {
    if plan.wanted.rates.iter().all(|rate| rate.target_vmaf.is_none()) {
        return Ok(plan);
    }
    let Some(pieces) = Pieces::of(&plan) else { return Ok(plan) };
    let rates = plan.wanted.rates.iter().enumerate();
    let numbers: Vec<_> = rates.filter(|(_, rate)| rate.target_vmaf.is_some()).map(|(number, _)| number).collect();
    let film = Film {
        subset: Subset::of(&plan, &numbers)?,
        pieces,
        judge: Arc::new(Judge::find()?),
        source,
        cores: options.cores,
        control,
        on_progress,
    };
    let rungs = film.subset.plan.follows.rungs.len();
    let segments = plan.segments().map_or(0, <[_]>::len);
    let mut curves = vec![vec![Curve::default(); segments]; rungs];
    for (number, quality) in FIRST.into_iter().enumerate() {
        film.probe(&vec![vec![quality; segments]; rungs], number, &mut curves)?;
    }
    refuse_without_effect(&plan, &curves)?;
    for number in FIRST.len()..PASSES {
        let choices = film.choose(&curves, TRIED_BEYOND);
        let qualities: Vec<_> = choices.into_iter().map(|choice| choice.qualities).collect();
        let (off, segment_off) = film.probe(&qualities, number, &mut curves)?;
        if off < NEAR && segment_off < NEAR_OF_SEGMENT {
            break;
        }
    }
    let choices = film.choose(&curves, CHOSEN_BEYOND);
    let mut plan = plan;
    for (choice, &number) in choices.iter().zip(&numbers) {
        let name = &plan.found.name;
        if let (Some(rate), Some(rung)) = (plan.wanted.rates.get_mut(number), plan.follows.rungs.get(number)) {
            rate.qualities.clone_from(&choice.qualities);
            warn(name, &rung.file, rate, choice);
        }
    }
    let plan = plan.update()?;
    let left_out = ladder::left_out(&film, &curves, &choices)?;
    ladder::without(plan, left_out)
}

/// Says where what is wanted is out of reach.
fn warn(name: &str, file: &str, rate: &RungRate, choice: &Choice) {
    let Some(target) = rate.target_vmaf.filter(|target| choice.vmaf < target - NEAR) else { return };
    let why = match rate.max_bitrate {
        Some(_) => "more is not within its limit of bits",
        None => "more cannot be had of this encoder at this speed",
    };
    log::warn!("{name}: {file}: will have a VMAF of about {:.1} in place of {target}: {why}", choice.vmaf);
}

/// Refuses an encoder that makes the same of every quality.
fn refuse_without_effect(plan: &Plan, curves: &[Vec<Curve>]) -> Result<()> {
    let all = curves.iter().flatten();
    if all.clone().any(|curve| !curve.is_flat()) || all.count() == 0 {
        return Ok(());
    }
    let rule = "is in vain, for the encoder makes the same at every quality: its own options decide on its rate; leave them out, or \
                choose no VMAF";
    let target = plan.wanted.rates.iter().find_map(|rate| rate.target_vmaf).unwrap_or_default();
    Err(Error::invalid("target VMAF", target, rule))
}
