//! Lanczos-3 filters for every plane and axis of every rung, from the window of the frame.
//!
//! Positions follow from sample centres: sample k of a plane subsampled by s lies at `s*k + 0.5 + d` in luma samples,
//! d being its [`Siting::offset`]. An output sample is mapped to the output's luma, from there through the window to
//! the source's luma, and from there to the source plane. When shrinking, the kernel is widened by the ratio.

use super::ScaleSpec;
use crate::colour::Siting;
use crate::frame::FrameFormat;
use crate::geometry::Window;
use std::f64::consts::PI;
use std::ops::Range;
use upright_shaders::{Conversion, Filter, UNITY};

/// Lobes on each side of the kernel.
pub(super) const LOBES: f64 = 3.0;

/// The filters of a job; follows the window.
#[derive(Debug)]
pub(super) struct Filters {
    banks: Banks,
    x: Vec<[AxisFilter; 2]>,
    y: Vec<[AxisFilter; 2]>,
    window: Option<Window>,
    revision: u64,
}

/// Luma or chroma: both planes of chroma share filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlaneKind {
    Luma,
    Chroma,
}

impl PlaneKind {
    pub(super) const ALL: [Self; 2] = [Self::Luma, Self::Chroma];

    /// Of plane 0, 1 or 2.
    pub(super) fn of(plane: usize) -> Self {
        if plane == 0 { Self::Luma } else { Self::Chroma }
    }

    /// Its first plane and how many there are.
    pub(super) fn planes(self) -> Range<usize> {
        if self == Self::Luma { 0..1 } else { 1..3 }
    }
}

impl Filters {
    /// Filters for `spec`, empty until [`Filters::follow`] is called.
    pub(super) fn new(spec: &ScaleSpec) -> Self {
        let axis = |rung: &FrameFormat, kind: PlaneKind, across: bool| {
            let plane = kind.planes().start;
            let along = |format: &FrameFormat, siting: (Siting, Siting)| {
                let (subsampling, layout) = (format.plane_subsampling(plane), format.layout()[plane]);
                if across {
                    Sites::new(format.width, layout.width, subsampling.x, siting.0)
                } else {
                    Sites::new(format.height, layout.height, subsampling.y, siting.1)
                }
            };
            AxisFilter {
                source: along(&spec.source, (spec.source_chroma.x, spec.source_chroma.y)),
                output: along(rung, (spec.rung_chroma.x, spec.rung_chroma.y)),
                unity: if across { UNITY } else { spec.conversion(rung, kind).unity },
                filter: Filter::new(0, 0),
            }
        };
        let axes = |across| {
            spec.rungs.iter().map(|rung| PlaneKind::ALL.map(|kind| axis(rung, kind, across))).collect::<Vec<_>>()
        };
        Self { banks: Banks::default(), x: axes(true), y: axes(false), window: None, revision: 0 }
    }

    /// Makes the filters those of `window`. An axis along which it has not changed costs nothing.
    pub(super) fn follow(&mut self, window: Window) {
        let stale = |axis: fn(&Window) -> (f64, f64)| self.window.as_ref().map(axis) != Some(axis(&window));
        let (stale_x, stale_y) = (stale(|w| (w.x, w.width)), stale(|w| (w.y, w.height)));
        let Self { banks, x, y, .. } = self;
        if stale_x {
            x.iter_mut().flatten().for_each(|axis| axis.rebuild(window.x, window.width, banks));
        }
        if stale_y {
            y.iter_mut().flatten().for_each(|axis| axis.rebuild(window.y, window.height, banks));
        }
        self.window = Some(window);
        self.revision += u64::from(stale_x || stale_y);
    }

    /// Changes whenever a filter does.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// The filters along x and along y of the planes of one kind.
    pub(super) fn get(&self, rung: usize, kind: PlaneKind) -> (&Filter, &Filter) {
        (&self.x[rung][kind as usize].filter, &self.y[rung][kind as usize].filter)
    }

    /// The columns and rows of the source's planes of one kind that some rung needs.
    pub(super) fn support(&self, kind: PlaneKind) -> (Range<u32>, Range<u32>) {
        let union = |axes: &[[AxisFilter; 2]]| {
            let ranges = axes.iter().map(|axes| axes[kind as usize].filter.support());
            ranges.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end)).unwrap_or(0..0)
        };
        (union(&self.x), union(&self.y))
    }
}

impl ScaleSpec {
    /// The integers that take planes of one kind to a rung.
    pub(super) fn conversion(&self, rung: &FrameFormat, kind: PlaneKind) -> Conversion {
        let range = match (self.full_range, kind) {
            (false, _) => upright_shaders::Range::Limited,
            (true, PlaneKind::Luma) => upright_shaders::Range::FullLuma,
            (true, PlaneKind::Chroma) => upright_shaders::Range::FullChroma,
        };
        Conversion::new(self.source.depth.bits(), rung.depth.bits(), range)
    }
}

/// Where the samples of a plane lie along one axis: sample k at `spacing * k + first` in luma samples.
#[derive(Clone, Copy, Debug)]
struct Sites {
    luma_samples: u32,
    samples: u32,
    spacing: f64,
    first: f64,
}

impl Sites {
    fn new(luma_samples: u32, samples: u32, subsampling: u32, siting: Siting) -> Self {
        Self { luma_samples, samples, spacing: f64::from(subsampling), first: 0.5 + siting.offset(subsampling) }
    }
}

/// The filter of one plane of one rung along one axis, and what it is made from.
#[derive(Debug)]
struct AxisFilter {
    source: Sites,
    output: Sites,
    unity: i32,
    filter: Filter,
}

impl AxisFilter {
    /// Builds the filter for the part `[origin, origin + span)` of the source, in luma samples.
    fn rebuild(&mut self, origin: f64, span: f64, banks: &mut Banks) {
        let Self { source, output, unity, filter } = self;
        let zoom = span / f64::from(output.luma_samples);
        // The centre of output sample j, counted in source samples from the centre of the first: base + j * ratio.
        let ratio = output.spacing * zoom / source.spacing;
        let base = (origin + output.first * zoom - source.first) / source.spacing;
        let bank = banks.get(ratio);
        let last = i64::from(source.samples) - 1;
        filter.reset(output.samples as usize, bank.taps.min(source.samples as usize));
        let last_start = i64::from(source.samples) - filter.taps() as i64;
        let mut weights = vec![0; bank.taps];
        for j in 0..filter.outputs() {
            let reach = base + j as f64 * ratio - bank.radius;
            let before = reach.floor();
            bank.row(1.0 - (reach - before), *unity, &mut weights);
            let left = before as i64 + 1;
            let (start, row) = filter.row_mut(j);
            let first = left.clamp(0, last_start);
            *start = first as u32;
            if first == left && row.len() == weights.len() {
                row.copy_from_slice(&weights);
            } else {
                for (k, weight) in (left..).zip(&weights) {
                    row[(k.clamp(0, last) - first) as usize] += weight;
                }
            }
        }
    }
}

/// The banks in use; axes of the same ratio share one, and so do all that enlarge.
#[derive(Debug, Default)]
struct Banks(Vec<Bank>);

impl Banks {
    /// More than the axes of a ladder need at a time.
    const MOST: usize = 16;

    /// The bank for `ratio` source samples per output sample.
    fn get(&mut self, ratio: f64) -> &Bank {
        let widening = ratio.max(1.0);
        let index = self.0.iter().position(|bank| bank.widening == widening).unwrap_or_else(|| {
            if self.0.len() == Self::MOST {
                self.0.remove(0);
            }
            self.0.push(Bank::new(widening));
            self.0.len() - 1
        });
        &self.0[index]
    }
}

/// The widened kernel sampled at [`Bank::PHASES`] phases; between them weights are interpolated linearly.
///
/// Phase f is a kernel whose first tap lies f samples inside its left end, 0 <= f <= 1. With 256 phases the error of a
/// weight is below h^2/8 * max|L''| = 8e-6, an eighth of the unit in which weights are quantised.
#[derive(Debug)]
struct Bank {
    /// By how much the kernel is wider than when enlarging, 1 or more.
    widening: f64,
    /// Half the kernel's width, in source samples.
    radius: f64,
    taps: usize,
    /// `PHASES + 1` rows of `taps` weights that add up to 1.
    rows: Vec<f64>,
}

impl Bank {
    const PHASES: usize = 256;

    fn new(widening: f64) -> Self {
        let radius = LOBES * widening;
        let taps = (2.0 * radius).ceil() as usize;
        let mut rows = vec![0.0; (Self::PHASES + 1) * taps];
        for (phase, row) in rows.chunks_exact_mut(taps).enumerate() {
            let first = phase as f64 / Self::PHASES as f64 - radius;
            for (tap, weight) in row.iter_mut().enumerate() {
                *weight = lanczos((first + tap as f64) / widening, LOBES);
            }
            let sum: f64 = row.iter().sum();
            row.iter_mut().for_each(|weight| *weight /= sum);
        }
        Self { widening, radius, taps, rows }
    }

    /// The weights of a phase, quantised so that they add up to `unity`.
    ///
    /// What is rounded is the running sum: no error adds up along the row, and smooth pictures see hardly any.
    fn row(&self, phase: f64, unity: i32, weights: &mut [i16]) {
        let position = phase * Self::PHASES as f64;
        let index = (position as usize).min(Self::PHASES - 1);
        let blend = position - index as f64;
        let (below, above) = self.rows[index * self.taps..][..2 * self.taps].split_at(self.taps);
        let unity = f64::from(unity);
        // Keeps the number positive, where cutting its fraction off is rounding down.
        const OFFSET: i32 = 1 << 20;
        let (mut sum, mut done) = (f64::from(OFFSET) + 0.5, OFFSET);
        for ((weight, below), above) in weights.iter_mut().zip(below).zip(above) {
            sum += (below + (above - below) * blend) * unity;
            let rounded = sum as i32;
            *weight = (rounded - done) as i16;
            done = rounded;
        }
    }
}

/// Lanczos' kernel: sinc windowed by its own central lobe.
fn lanczos(x: f64, lobes: f64) -> f64 {
    if x == 0.0 {
        1.0
    } else if x.abs() >= lobes {
        0.0
    } else {
        lobes * (PI * x).sin() * (PI * x / lobes).sin() / (PI * x).powi(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::ChromaSite;
    use crate::frame::{Depth, Subsampling};
    use upright_shaders::{MAX_GAIN, MIDDLE_BITS};

    fn spec(source: (u32, u32), rung: (u32, u32), depths: (Depth, Depth), full_range: bool) -> ScaleSpec {
        let format = |(width, height), depth| FrameFormat { width, height, subsampling: Subsampling::CS420, depth };
        ScaleSpec {
            source: format(source, depths.0),
            source_chroma: ChromaSite::LEFT,
            full_range,
            rungs: vec![format(rung, depths.1)],
            rung_chroma: ChromaSite::LEFT,
        }
    }

    fn filters(spec: &ScaleSpec, window: Window) -> Filters {
        let mut filters = Filters::new(spec);
        filters.follow(window);
        filters
    }

    /// Windows that shrink and enlarge by many ratios at many phases, inside and at the edges of 400 samples.
    fn windows() -> impl Iterator<Item = Window> {
        (0..400).map(|i| {
            let span = 12.0 + f64::from(i) * 0.97;
            let origin = (400.0 - span) * f64::from(i % 7) / 6.0;
            Window { x: origin, y: origin, width: span, height: span }
        })
    }

    #[test]
    fn rows_add_up_lie_inside_and_stay_below_the_gain_that_the_integers_allow() {
        let mut gain: f64 = 0.0;
        for (depths, full_range) in [((Depth::Eight, Depth::Eight), false), ((Depth::Eight, Depth::Ten), true)] {
            let spec = spec((400, 400), (100, 100), depths, full_range);
            for window in windows() {
                let filters = filters(&spec, window);
                for kind in PlaneKind::ALL {
                    let unity = spec.conversion(&spec.rungs[0], kind).unity;
                    assert_eq!(full_range, unity != UNITY);
                    let samples = if kind == PlaneKind::Luma { 400 } else { 200 };
                    let (x, y) = filters.get(0, kind);
                    for (filter, unity) in [(x, UNITY), (y, unity)] {
                        assert!(filter.starts().is_sorted());
                        assert!(filter.support().end <= samples);
                        for output in 0..filter.outputs() {
                            let row = filter.row(output);
                            assert_eq!(row.iter().map(|&weight| i32::from(weight)).sum::<i32>(), unity);
                            let absolute: i32 = row.iter().map(|&weight| i32::from(weight).abs()).sum();
                            gain = gain.max(f64::from(absolute) / f64::from(unity));
                        }
                    }
                }
            }
        }
        assert!(gain > 1.5, "the windows come near the worst case: {gain}");
        assert!(gain < MAX_GAIN, "{gain}");
    }

    #[test]
    fn the_worst_gain_fits_the_integers() {
        // The worst phase of the worst ratio, found by search.
        let bank = Bank::new(1.04);
        let rows = bank.rows.chunks_exact(bank.taps);
        let gain = rows.map(|row| row.iter().map(|weight| weight.abs()).sum()).fold(0.0, f64::max);
        assert!((1.552..MAX_GAIN).contains(&gain), "{gain}");
        for (source, output) in [(8, 8), (8, 10), (10, 8), (10, 10), (12, 8), (12, 10), (12, 12)] {
            for range in [upright_shaders::Range::FullLuma, upright_shaders::Range::FullChroma] {
                let conversion = Conversion::new(source, output, range);
                let sample = f64::from(1u32 << source);
                let first = sample * MAX_GAIN * f64::from(UNITY) + f64::from(conversion.horizontal.bias.abs());
                assert!(first < f64::from(i32::MAX));
                let middle = f64::from(1 << (MIDDLE_BITS - 1)) * MAX_GAIN + 1.0;
                assert!(middle < f64::from(i16::MAX));
                let second = middle * MAX_GAIN * f64::from(conversion.unity);
                let noise = f64::from(1u32 << conversion.vertical.shift);
                assert!(second + f64::from(conversion.vertical.bias) + noise < f64::from(i32::MAX));
            }
        }
    }

    /// 256 phases and linear interpolation are as good as the formula: at least 92 dB, and then quantised.
    #[test]
    fn interpolated_phases_are_as_good_as_the_formula() {
        for ratio in [0.28, 0.5625, 1.0, 1.6875, 3.375] {
            let bank = Bank::new(f64::max(ratio, 1.0));
            let mut quantised = vec![0; bank.taps];
            let (mut squares, mut count) = (0.0, 0.0);
            for step in 0..=10_000 {
                let phase = f64::from(step) / 10_000.0;
                bank.row(phase, UNITY, &mut quantised);
                let first = phase - bank.radius;
                let exact: Vec<f64> =
                    (0..bank.taps).map(|tap| lanczos((first + tap as f64) / bank.widening, 3.0)).collect();
                let sum: f64 = exact.iter().sum();
                let position = phase * 256.0;
                let index = (position as usize).min(255);
                for (tap, exact) in exact.iter().enumerate() {
                    let exact = exact / sum;
                    let below = bank.rows[index * bank.taps + tap];
                    let above = bank.rows[(index + 1) * bank.taps + tap];
                    let blended = below + (above - below) * (position - index as f64);
                    squares += (blended - exact).powi(2);
                    count += 1.0;
                    let error = f64::from(quantised[tap]) - exact * f64::from(UNITY);
                    assert!(error.abs() < 1.2, "ratio {ratio}, phase {phase}, tap {tap}: {error} units");
                }
            }
            let db = -10.0 * (squares / count).log10();
            assert!(db >= 92.0, "ratio {ratio}: {db:.1} dB");
        }
    }

    #[test]
    fn following_a_window_gives_what_starting_there_gives() {
        let spec = spec((400, 400), (54, 96), (Depth::Eight, Depth::Eight), false);
        let mut moving = Filters::new(&spec);
        let mut last = 0;
        for window in windows().step_by(17) {
            moving.follow(window);
            assert!(moving.revision() > last);
            last = moving.revision();
            moving.follow(window);
            assert_eq!(moving.revision(), last, "the same window again changes nothing");
            let fresh = filters(&spec, window);
            for kind in PlaneKind::ALL {
                assert_eq!(moving.get(0, kind), fresh.get(0, kind));
                assert_eq!(moving.support(kind), fresh.support(kind));
            }
        }
    }

    #[test]
    fn the_whole_picture_at_its_own_size_is_taken_as_it_is() {
        let spec = spec((40, 30), (40, 30), (Depth::Eight, Depth::Eight), false);
        let filters = filters(&spec, Window { x: 0.0, y: 0.0, width: 40.0, height: 30.0 });
        for kind in PlaneKind::ALL {
            let (x, y) = filters.get(0, kind);
            for filter in [x, y] {
                for (output, start) in filter.starts().iter().enumerate() {
                    let own = output - *start as usize;
                    let row = filter.row(output);
                    assert!(row.iter().enumerate().all(|(tap, &w)| i32::from(w) == if tap == own { UNITY } else { 0 }));
                }
            }
        }
    }
}
