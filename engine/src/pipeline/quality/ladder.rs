//! Leaving out the sizes of a ladder that are not worth their bits on a film.

use super::choice::Choice;
use super::curve::Curve;
use super::film::{Film, Subset};
use super::pieces::seconds;
use crate::error::Result;
use crate::plan::{LeftOutRung, Plan};
use std::cmp::Reverse;

/// VMAF that a size has to be better than the next smaller one with as many bits: a third of what most people see.
const WORTH: f64 = 2.0;
/// Segments by which that is judged, those that last longest.
const SEGMENTS: usize = 3;

/// Finds the sizes that are hardly better than the next smaller one which stays, with as many bits and enlarged: below the convex hull
/// of the film's sizes over bits. The smallest always stays.
///
/// # Errors
/// As a pass, and as judging.
pub(super) fn left_out(film: &Film<'_>, curves: &[Vec<Curve>], choices: &[Choice]) -> Result<Vec<LeftOutRung>> {
    let rungs = &film.subset.plan.follows.rungs;
    let mut order: Vec<_> = (0..rungs.len()).collect();
    order.sort_by_key(|&rung| rungs[rung].size.pixels());
    let Some((&smallest, larger)) = order.split_first() else { return Ok(Vec::new()) };
    let (mut stays, mut found) = (smallest, Vec::new());
    for &rung in larger {
        let compared = compare(film, [stays, rung], curves, choices)?;
        if compared.vmaf - compared.smaller_vmaf < WORTH {
            found.push(compared);
        } else {
            stays = rung;
        }
    }
    Ok(found)
}

/// Compares a rendition, the latter, with a smaller one that has as many bits.
#[expect(clippy::cast_precision_loss, reason = "pieces are small")]
fn compare(film: &Film<'_>, pair: [usize; 2], curves: &[Vec<Curve>], choices: &[Choice]) -> Result<LeftOutRung> {
    let [small, large] = pair;
    let subset = Subset::of(&film.subset.plan, &pair)?;
    let size = film.subset.plan.follows.rungs[large].size;
    let (mut vmaf, mut smaller_vmaf, mut bits, mut frames, mut lasts) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (piece, segment) in judged(film) {
        let quality = choices[large].qualities[segment];
        let (_, bitrate) = curves[large][segment].at_all()[usize::from(quality)];
        let mut qualities = pair.map(|rung| choices[rung].qualities.clone());
        qualities[0][segment] = quality_for(&curves[small][segment], bitrate);
        // In the order of the ladder, whatever that of the sizes is.
        let is_turned = small > large;
        if is_turned {
            qualities.reverse();
        }
        let wanted = (0..film.pieces.of.len()).map(|other| other == piece).collect();
        // One at a time: its pictures lie on the disk.
        let (outcomes, _folder) = film.carry_out(&subset, &qualities, wanted, true, None)?;
        let of = |rung: usize| outcomes.iter().find(|outcome| outcome.rung == rung);
        let (of_small, of_large) = (of(usize::from(is_turned)), of(usize::from(!is_turned)));
        let (Some(of_small), Some(of_large)) = (of_small, of_large) else { continue };
        let (Some(one), Some(other)) = (&of_small.evidence, &of_large.evidence) else { continue };
        let count = of_large.frames;
        let judge = |packets, size| film.judge.vmaf(packets, &other.pictures, size, count, film.control);
        vmaf += judge(&other.packets, None)? * count as f64;
        smaller_vmaf += judge(&one.packets, Some(size))? * count as f64;
        bits += of_large.bytes as f64 * 8.0;
        frames += count as f64;
        lasts += film.pieces.segments.get(piece).map_or(0.0, |piece| seconds(piece, &film.subset.plan));
    }
    let (frames, lasts) = (f64::max(frames, 1.0), f64::max(lasts, 1e-3));
    let [vmaf, smaller_vmaf] = [vmaf, smaller_vmaf].map(|sum| tenths(sum / frames));
    Ok(LeftOutRung { size, bitrate: rounded(bits / lasts), vmaf, smaller_vmaf })
}

/// The lowest quality with at least so many bits a second; the best where none has.
fn quality_for(curve: &Curve, bitrate: f64) -> u8 {
    let all = curve.at_all();
    let place = all.partition_point(|&(_, bits)| bits < bitrate).min(all.len().saturating_sub(1));
    u8::try_from(place).unwrap_or(100)
}

/// The pieces by which sizes are judged, one of each of the longest segments, with the number of that.
fn judged(film: &Film<'_>) -> Vec<(usize, usize)> {
    let list = film.subset.plan.segments().unwrap_or_default();
    let mut longest: Vec<_> = (0..list.len()).collect();
    longest.sort_by_key(|&segment| Reverse(list[segment].frames));
    longest.truncate(SEGMENTS);
    let first = |segment| Some((film.pieces.of.iter().position(|of| *of == Some(segment))?, segment));
    longest.into_iter().filter_map(first).collect()
}

/// Takes sizes out of a plan, and says so.
///
/// # Errors
/// None, for the smallest stays.
pub(super) fn without(mut plan: Plan, left_out: Vec<LeftOutRung>) -> Result<Plan> {
    for LeftOutRung { size, bitrate, vmaf, smaller_vmaf } in &left_out {
        let Some(number) = plan.wanted.rungs.iter().position(|rung| rung == size) else { continue };
        log::warn!(
            "{}: {size} is left out: with {} kb/s it would have a VMAF of {vmaf}, and the next smaller rendition {smaller_vmaf}, with as \
             many bits and enlarged",
            plan.found.name,
            bitrate.div_ceil(1000)
        );
        let wanted = &mut plan.wanted;
        wanted.rungs.remove(number);
        // Where a VMAF is wanted, there is one rendition of each size.
        if number < wanted.rates.len() {
            wanted.rates.remove(number);
        }
        if let Some(denoise) = wanted.denoise.as_mut().filter(|denoise| number < denoise.grain.len()) {
            denoise.grain.remove(number);
        }
    }
    plan.wanted.left_out = left_out;
    plan.update()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bits a second are neither")]
fn rounded(bits: f64) -> u64 {
    bits.round() as u64
}

fn tenths(vmaf: f64) -> f64 {
    (vmaf * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::super::curve::Point;
    use super::*;
    use crate::plan::{PlanOptions, tests::source};

    #[test]
    fn the_smaller_size_gets_the_quality_of_as_many_bits() {
        let mut curve = Curve::default();
        for (quality, vmaf, bitrate) in [(45, 85.0, 100e3), (70, 95.0, 400e3)] {
            curve.add(Point { quality, vmaf, bitrate });
        }
        assert_eq!([99e3, 400e3, 1e9].map(|bits| quality_for(&curve, bits)), [45, 70, 100]);
    }

    #[test]
    fn a_plan_without_a_size_has_nothing_of_it_but_the_note() {
        let options = PlanOptions::default().target_vmaf(crate::plan::PerRung::new([(None, 93.0)]));
        let plan = Plan::new(&source(1920, 1080), &options).unwrap();
        let [first, size] = [plan.wanted.rungs[0], plan.wanted.rungs[1]];
        let note = LeftOutRung { size, bitrate: 800_000, vmaf: 93.0, smaller_vmaf: 92.5 };
        let without = without(plan, vec![note]).unwrap();
        assert_eq!((without.wanted.rungs.len(), without.wanted.rates.len(), without.wanted.rungs[0]), (3, 3, first));
        assert!(!without.wanted.rungs.contains(&size) && without.wanted.left_out == [note]);
        assert_eq!(Plan::from_json(&without.to_json().unwrap(), "it").unwrap(), without);
    }
}
