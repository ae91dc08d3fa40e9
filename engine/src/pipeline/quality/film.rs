//! A film of which pieces are encoded.

use super::super::progress::{Expected, Phase, Progress, ProgressCounters};
use super::choice::{Choice, Probed, choose};
use super::curve::{Curve, Point};
use super::pass::{Outcome, Pass};
use super::pieces::{Pieces, seconds};
use crate::control::Control;
use crate::error::Result;
use crate::judge::Judge;
use crate::media::Source;
use crate::plan::{Plan, RungRate, Wanted};
use std::sync::Arc;
use std::time::Instant;
use tempfile::TempDir;

/// Times that pieces are encoded, at most.
pub(super) const PASSES: usize = 4;

/// Some of the renditions of a plan.
pub(super) struct Subset {
    /// With these alone, in the order of the ladder.
    pub(super) plan: Plan,
}

impl Subset {
    /// Those of these numbers; of a plan with as many renditions as sizes.
    ///
    /// # Errors
    /// None for any that there are.
    pub(super) fn of(plan: &Plan, numbers: &[usize]) -> Result<Self> {
        let mut part = plan.clone();
        let Wanted { rungs, rates, denoise, .. } = &mut part.wanted;
        let keep = |index: usize| numbers.contains(&index);
        *rungs = rungs.iter().enumerate().filter(|(index, _)| keep(*index)).map(|(_, rung)| *rung).collect();
        *rates = rates.drain(..).enumerate().filter(|(index, _)| keep(*index)).map(|(_, rate)| rate).collect();
        // What decoders add to pictures is not judged.
        denoise.iter_mut().for_each(|denoise| denoise.grain.clear());
        Ok(Self { plan: part.update()? })
    }
}

/// A film of which pieces are encoded.
pub(super) struct Film<'a> {
    pub(super) subset: Subset,
    pub(super) pieces: Pieces,
    pub(super) judge: Arc<Judge>,
    pub(super) source: &'a Source,
    pub(super) cores: usize,
    pub(super) control: &'a Control,
    pub(super) on_progress: &'a dyn Fn(&Progress),
}

impl Film<'_> {
    /// Encodes all pieces with the qualities of each segment of each rung, and adds to the curves what came of it. Gives the VMAF by
    /// which that is off what the curves said, at most of a rung as a whole, and of a segment.
    pub(super) fn probe(&self, qualities: &[Vec<u8>], number: usize, curves: &mut [Vec<Curve>]) -> Result<(f64, f64)> {
        let wanted = self.pieces.wanted();
        let (outcomes, _folder) = self.carry_out(&self.subset, qualities, wanted, false, Some(number))?;
        let list = self.subset.plan.segments().unwrap_or_default();
        let (mut off, mut segment_off) = (0.0, 0.0);
        for (rung, curves) in curves.iter_mut().enumerate() {
            let (mut sum, mut all) = (0.0, 0.0);
            for (segment, curve) in curves.iter_mut().enumerate() {
                let of_segment = outcomes
                    .iter()
                    .filter(|it| it.rung == rung && self.pieces.of.get(it.piece) == Some(&Some(segment)));
                let Some((vmaf, bitrate)) = self.mean(of_segment) else { continue };
                let quality = qualities.get(rung).and_then(|it| it.get(segment)).copied().unwrap_or_default();
                let (expected, _) = curve.at_all().get(usize::from(quality)).copied().unwrap_or_default();
                curve.add(Point { quality, vmaf, bitrate });
                segment_off = f64::max(segment_off, (vmaf - expected).abs());
                let lasts = list.get(segment).map_or(0.0, |it| seconds(it, &self.subset.plan));
                (sum, all) = (sum + (vmaf - expected) * lasts, all + lasts);
            }
            off = f64::max(off, f64::abs(sum / f64::max(all, 1e-9)));
        }
        Ok((off, segment_off))
    }

    /// Encodes pieces of some renditions, with the qualities of each segment of each of them; tells progress where it is one of the
    /// passes over the whole film.
    pub(super) fn carry_out(
        &self,
        subset: &Subset,
        qualities: &[Vec<u8>],
        wanted: Vec<bool>,
        keeps: bool,
        number: Option<usize>,
    ) -> Result<(Vec<Outcome>, TempDir)> {
        let mut plan = self.pieces.in_plan(&subset.plan);
        for (rate, qualities) in plan.wanted.rates.iter_mut().zip(qualities) {
            let of_piece = |of: &Option<usize>| of.and_then(|segment| qualities.get(segment).copied()).unwrap_or(50);
            rate.qualities = self.pieces.of.iter().map(of_piece).collect();
            rate.max_bitrate = None;
        }
        let plan = plan.update()?;
        let begin = Instant::now();
        let frames = self.pieces.segments.iter().zip(&wanted).filter(|(_, wanted)| **wanted);
        let frames: u64 = frames.map(|(piece, _)| piece.frames).sum();
        let sizes = plan.follows.rungs.iter().map(|rung| rung.size);
        let counters = Arc::new(ProgressCounters::new(sizes, plan.frame_ticks()));
        let expected = Expected::of_frames(frames, plan.frame_rate());
        let ticks = plan.time_base();
        let told = Arc::clone(&counters);
        let tell = || {
            let progress = Progress::read(&told, expected, ticks, begin.elapsed());
            let Some(number) = number else { return };
            #[expect(clippy::cast_precision_loss, reason = "a few")]
            let percent = progress.percent.map(|percent| (number as f64 * 100.0 + percent) / PASSES as f64);
            (self.on_progress)(&Progress { phase: Phase::Quality, percent, eta: None, rungs: Vec::new(), ..progress });
        };
        let source = self.source.open_again(self.control)?;
        let job = self.control.part();
        let pass = Pass { plan, wanted, source, judge: Arc::clone(&self.judge), counters, cores: self.cores, keeps };
        let work = job.clone();
        job.aside("quality", tell, move || pass.carry_out(&work))
    }

    /// The mean VMAF and the bits a second of some pieces; none of no pieces.
    #[expect(clippy::cast_precision_loss, reason = "pieces are small")]
    fn mean<'b>(&self, outcomes: impl Iterator<Item = &'b Outcome>) -> Option<(f64, f64)> {
        let (mut frames, mut bits, mut vmaf, mut lasts) = (0.0, 0.0, 0.0, 0.0);
        for it in outcomes {
            let count = it.frames as f64;
            frames += count;
            bits += it.bytes as f64 * 8.0;
            vmaf += it.vmaf.unwrap_or_default() * count;
            lasts += self.pieces.segments.get(it.piece).map_or(0.0, |piece| seconds(piece, &self.subset.plan));
        }
        (frames > 0.0 && lasts > 0.0).then(|| (vmaf / frames, bits / lasts))
    }

    pub(super) fn choose(&self, curves: &[Vec<Curve>], beyond: u8) -> Vec<Choice> {
        let plan = &self.subset.plan;
        let list = plan.segments().unwrap_or_default();
        let of_rung = |(curves, rate): (&Vec<Curve>, &RungRate)| {
            let probed =
                |(curve, segment): (&Curve, _)| Probed { curve: curve.clone(), seconds: seconds(segment, plan) };
            let segments: Vec<_> = curves.iter().zip(list).map(probed).collect();
            choose(&segments, rate.target_vmaf.unwrap_or_default(), rate.max_bitrate, beyond)
        };
        curves.iter().zip(&plan.wanted.rates).map(of_rung).collect()
    }
}
