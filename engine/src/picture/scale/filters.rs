//! The filters for every plane and axis of every rung, from the window of the frame.
//!
//! Positions follow from sample centres: sample k of a plane subsampled by s lies at `s*k + 0.5 + d` in luma samples,
//! d being its [`Siting::offset`]. An output sample is mapped to the output's luma, from there through the window to
//! the source's luma, and from there to the source plane. When shrinking, the kernel is widened by the ratio.
//!
//! All of that happens in coordinates of the whole grid. A source frame holds an area of it, whose first sample is
//! subtracted last, from whole numbers: how much of the grid a frame holds changes no weight.

use super::spec::{Crop, LOBES, PlaneKind, Resampling, SHARP_REACH, ScaleSpec};
use crate::colour::Siting;
use crate::frame::FrameFormat;
use std::f64::consts::PI;
use std::ops::Range;
use upright_shaders::{Filter, Hold, UNITY};

/// The filters of a job, of one crop at a time.
#[derive(Debug)]
pub(in crate::picture) struct Filters {
    banks: Banks,
    x: Axis,
    y: Axis,
}

/// The filters along one axis: of every rung, of luma and of chroma.
#[derive(Debug)]
struct Axis {
    filters: Vec<[AxisFilter; 2]>,
    /// Along this axis, of the source's chroma.
    subsampling: u32,
    /// The crop that the filters are for; none before the first.
    extent: Option<Extent>,
    revision: u64,
}

/// A crop along one axis, in luma samples of the grid.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Extent {
    origin: f64,
    span: f64,
    zooming: bool,
    /// First sample of the area, and how many there are.
    held: (u32, u32),
}

impl Extent {
    fn across(crop: &Crop) -> Self {
        let Crop { window, area, zooming, .. } = crop;
        Self { origin: window.x, span: window.width, zooming: *zooming, held: (area.x, area.width) }
    }

    fn down(crop: &Crop) -> Self {
        let Crop { window, area, zooming, .. } = crop;
        Self { origin: window.y, span: window.height, zooming: *zooming, held: (area.y, area.height) }
    }

    /// The samples that the area has of a plane subsampled by `s`.
    fn held_of(&self, s: u32) -> Range<u32> {
        let (first, count) = self.held;
        first / s..(first + count).div_ceil(s)
    }
}

impl Filters {
    /// Filters for `spec`, empty until [`Filters::update_for_crop`] is called.
    pub(in crate::picture) fn new(spec: &ScaleSpec) -> Self {
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
        let axes = |across, subsampling| {
            let filters = spec.rungs.iter().map(|rung| PlaneKind::ALL.map(|kind| axis(rung, kind, across))).collect();
            Axis { filters, subsampling, extent: None, revision: 0 }
        };
        let s = spec.source.subsampling;
        Self { banks: Banks::new(spec.resampling), x: axes(true, s.x), y: axes(false, s.y) }
    }

    /// Makes the filters those of `crop`. An axis along which it has not changed costs nothing.
    pub(in crate::picture) fn update_for_crop(&mut self, crop: &Crop) {
        self.x.update(Extent::across(crop), &mut self.banks);
        self.y.update(Extent::down(crop), &mut self.banks);
    }

    /// Numbers that change whenever a filter along x, or along y, does; 0 before the first crop.
    pub(in crate::picture) fn revisions(&self) -> [u64; 2] {
        [self.x.revision, self.y.revision]
    }

    /// The filters along x and along y of the planes of one kind.
    pub(in crate::picture) fn get(&self, rung: usize, kind: PlaneKind) -> (&Filter, &Filter) {
        (&self.x.filters[rung][kind as usize].filter, &self.y.filters[rung][kind as usize].filter)
    }
}

impl Axis {
    fn update(&mut self, extent: Extent, banks: &mut Banks) {
        if self.extent == Some(extent) {
            return;
        }
        let held = [extent.held_of(1), extent.held_of(self.subsampling)];
        for filters in &mut self.filters {
            for (filter, held) in filters.iter_mut().zip(&held) {
                filter.rebuild(&extent, held, banks);
            }
        }
        self.extent = Some(extent);
        self.revision += 1;
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
    /// Builds the filter for a crop whose area has the plane's samples `held`.
    fn rebuild(&mut self, extent: &Extent, held: &Range<u32>, banks: &mut Banks) {
        let Self { source, output, unity, filter } = self;
        let zoom = extent.span / f64::from(output.luma_samples);
        // The centre of output sample j, counted in source samples from the centre of the first: base + j * ratio.
        let ratio = output.spacing * zoom / source.spacing;
        let base = (extent.origin + output.first * zoom - source.first) / source.spacing;
        let enough = held.len() >= Filter::NEAREST;
        let sharpness = if enough { banks.sharpness(ratio, extent.zooming) } else { 0.0 };
        let bank = banks.get(widening(ratio, extent.zooming), sharpness);
        let last = i64::from(source.samples) - 1;
        filter.reset(output.samples as usize, bank.taps.min(held.len()));
        let first_held = i64::from(held.start);
        if sharpness > 0.0 {
            filter.hold(Hold::new(*unity, margin(*unity, sharpness)));
            let last_first = i64::from(held.end) - Filter::NEAREST as i64;
            for (j, nearest) in filter.nearest_mut().iter_mut().enumerate() {
                // As many before the centre as behind it.
                let centre = (base + j as f64 * ratio).floor() as i64;
                let first = centre + 1 - Filter::NEAREST as i64 / 2;
                *nearest = (first.clamp(first_held, last_first) - first_held) as u32;
            }
        }
        let last_start = i64::from(held.end) - filter.taps() as i64;
        let mut weights = vec![0; bank.taps];
        for j in 0..filter.outputs() {
            let reach = base + j as f64 * ratio - bank.radius;
            let before = reach.floor();
            bank.row(1.0 - (reach - before), *unity, &mut weights);
            let left = before as i64 + 1;
            let (start, row) = filter.row_mut(j);
            let first = left.clamp(first_held, last_start);
            *start = (first - first_held) as u32;
            if first == left && row.len() == weights.len() {
                row.copy_from_slice(&weights);
            } else {
                for (k, weight) in (left..).zip(&weights) {
                    // The grid ends with its edge samples over and over. Where the area ends and the grid does not,
                    // weights are zero.
                    let place = usize::try_from(k.clamp(0, last) - first).ok();
                    if let Some(sum) = place.and_then(|place| row.get_mut(place)) {
                        *sum += weight;
                    }
                }
            }
        }
    }
}

/// Steps in which kernels are widened while the window zooms.
const ZOOM_STEPS: f64 = 64.0;

/// By how much the kernel is wider than when enlarging, for `ratio` source samples per output sample.
fn widening(ratio: f64, zooming: bool) -> f64 {
    let exact = ratio.max(1.0);
    if zooming { (exact * ZOOM_STEPS).round() / ZOOM_STEPS } else { exact }
}

/// By how much an axis must be enlarged to get all of the sharpness that there is: from a ratio of 1 to this one it comes
/// by and by, so that no zoom shows where it begins.
const SHARP_RATIO: f64 = 0.875;

/// Steps in which sharpness comes while the window zooms.
const SHARP_STEPS: f64 = 16.0;

/// Computes how far a sum may overshoot the nearest samples, in the unit of a row's sum: by 3/32 of their difference, which is
/// less than Lanczos' kernel does at edges. What is hardly sharper than that kernel is hardly held.
fn margin(unity: i32, sharpness: f64) -> i32 {
    (f64::from(unity) * (16.0 - 13.0 * sharpness) / 32.0).round() as i32
}

/// The banks in use, the last used first; axes of the same ratio share one, and so do all that enlarge.
#[derive(Debug)]
struct Banks {
    resampling: Resampling,
    banks: Vec<Bank>,
    /// Number of banks ever built.
    #[cfg(test)]
    built: usize,
}

impl Banks {
    /// More than the axes of a ladder need in one zoom: of one rung, from a window three times as large as the rung is to
    /// one of its own size in steps of 1/64. A bank takes about 30 kB.
    const MOST: usize = 160;

    fn new(resampling: Resampling) -> Self {
        Self {
            resampling,
            banks: Vec::new(),
            #[cfg(test)]
            built: 0,
        }
    }

    /// Computes how much of back-projection an axis gets, from 0 to 1, for `ratio` source samples per output sample.
    fn sharpness(&self, ratio: f64, zooming: bool) -> f64 {
        if self.resampling != Resampling::Sharp {
            return 0.0;
        }
        let exact = ((1.0 - ratio) / (1.0 - SHARP_RATIO)).clamp(0.0, 1.0);
        if zooming { (exact * SHARP_STEPS).round() / SHARP_STEPS } else { exact }
    }

    /// Gives the bank of a widening and a sharpness, built anew where it is not there.
    fn get(&mut self, widening: f64, sharpness: f64) -> &Bank {
        match self.banks.iter().position(|bank| bank.widening == widening && bank.sharpness == sharpness) {
            Some(index) => self.banks[..=index].rotate_right(1),
            None => {
                self.banks.truncate(Self::MOST - 1);
                self.banks.insert(0, Bank::new(self.resampling, widening, sharpness));
                #[cfg(test)]
                {
                    self.built += 1;
                }
            }
        }
        &self.banks[0]
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
    /// How much of back-projection is in it, from 0 to 1.
    sharpness: f64,
    /// Half the kernel's width, in source samples.
    radius: f64,
    taps: usize,
    /// `PHASES + 1` rows of `taps` weights that add up to 1.
    rows: Vec<f64>,
}

impl Bank {
    const PHASES: usize = 256;

    fn new(resampling: Resampling, widening: f64, sharpness: f64) -> Self {
        let reach = match resampling {
            Resampling::Spline => SPLINE_REACH,
            Resampling::Sharp if sharpness > 0.0 => SHARP_REACH,
            Resampling::Lanczos | Resampling::Sharp => LOBES,
        };
        let radius = widening * reach;
        let taps = (2.0 * radius).ceil() as usize;
        let mut rows = vec![0.0; (Self::PHASES + 1) * taps];
        for (phase, row) in rows.chunks_exact_mut(taps).enumerate() {
            let first = phase as f64 / Self::PHASES as f64 - radius;
            for (tap, weight) in row.iter_mut().enumerate() {
                let x = (first + tap as f64) / widening;
                *weight = match resampling {
                    Resampling::Spline => spline(x),
                    Resampling::Lanczos | Resampling::Sharp => lanczos(x, LOBES) + sharpness * correction(x),
                };
            }
            let sum: f64 = row.iter().sum();
            row.iter_mut().for_each(|weight| *weight /= sum);
        }
        Self { widening, sharpness, radius, taps, rows }
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

/// What Lanczos' kernel gives at whole distances 0 to 3 when it is applied twice, as by enlarging and shrinking again: the
/// integral of L(t) L(t - n). What is left out beyond is below 0.004.
const TWICE: [f64; 4] = [0.88842, 0.09940, -0.06744, 0.02378];

/// Computes what one step of back-projection adds to Lanczos' kernel L, along one axis: u += Up(source - Down(u)), where Up and Down
/// are L, adds the sum over n of (source - twice L)(n) L(x - n). See Irani and Peleg, "Improving resolution by image
/// registration", CVGIP 53 (1991). It is cut off where it is zero, at [`SHARP_REACH`].
fn correction(x: f64) -> f64 {
    if x.abs() >= SHARP_REACH {
        return 0.0;
    }
    let around = |n: f64| lanczos(x - n, LOBES) + lanczos(x + n, LOBES);
    (1.0 - TWICE[0]) * lanczos(x, LOBES) - TWICE[1] * around(1.0) - TWICE[2] * around(2.0) - TWICE[3] * around(3.0)
}

/// How far the cubic B-spline reaches on each side.
const SPLINE_REACH: f64 = 2.0;

/// The cubic B-spline: a box convolved with itself three times.
fn spline(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 { 2.0 / 3.0 - x * x * (1.0 - x / 2.0) } else { (2.0 - x).max(0.0).powi(3) / 6.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::ChromaSite;
    use crate::frame::{Area, Depth, Subsampling};
    use crate::geometry::{Size, Window};
    use upright_shaders::{Conversion, MAX_GAIN, MIDDLE_BITS};

    /// For Lanczos' kernel.
    fn spec(source: (u32, u32), rung: (u32, u32), depths: (Depth, Depth), full_range: bool) -> ScaleSpec {
        let format = |(width, height), depth| FrameFormat { width, height, subsampling: Subsampling::CS420, depth };
        ScaleSpec {
            source: format(source, depths.0),
            room: Size { width: source.0, height: source.1 },
            source_chroma: ChromaSite::LEFT,
            full_range,
            rungs: vec![format(rung, depths.1)],
            rung_chroma: ChromaSite::LEFT,
            resampling: Resampling::Lanczos,
        }
    }

    fn crop(spec: &ScaleSpec, window: Window) -> Crop {
        Crop { window, area: Area::whole(spec.source), zooming: false, frame: 0 }
    }

    fn filters(spec: &ScaleSpec, window: Window) -> Filters {
        let mut filters = Filters::new(spec);
        filters.update_for_crop(&crop(spec, window));
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
        let mut gains = [0.0_f64; 2];
        let jobs = [((Depth::Eight, Depth::Eight), false), ((Depth::Eight, Depth::Ten), true)];
        for ((depths, full_range), resampling) in
            jobs.into_iter().flat_map(|job| [(job, Resampling::Lanczos), (job, Resampling::Sharp)])
        {
            let spec = ScaleSpec { resampling, ..spec((400, 400), (100, 100), depths, full_range) };
            let gain = &mut gains[usize::from(resampling == Resampling::Sharp)];
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
                        if let Some((hold, nearest)) = filter.held() {
                            assert_eq!(i32::from(hold.near) + i32::from(hold.far), unity);
                            assert!(i32::from(hold.far) <= -unity * 3 / 32 && i32::from(hold.far) >= -unity / 2 - 1);
                            let ends = filter.starts().iter().map(|start| start + filter.taps() as u32);
                            let weighed = |((first, start), end)| start <= first && first + 4 <= end;
                            assert!(nearest.iter().zip(filter.starts()).zip(ends).all(weighed));
                        }
                        for output in 0..filter.outputs() {
                            let row = filter.row(output);
                            assert_eq!(row.iter().map(|&weight| i32::from(weight)).sum::<i32>(), unity);
                            let absolute: i32 = row.iter().map(|&weight| i32::from(weight).abs()).sum();
                            *gain = gain.max(f64::from(absolute) / f64::from(unity));
                        }
                    }
                }
            }
        }
        assert!(gains[0] > 1.5 && gains[1] > 1.75, "the windows come near the worst case: {gains:?}");
        assert!(gains[0] < 1.56 && gains[1] < MAX_GAIN, "{gains:?}");
    }

    #[test]
    fn the_worst_gain_fits_the_integers() {
        // The worst phase of the worst ratio, found by search, and of back-projection.
        let gain = |bank: Bank| {
            let rows = bank.rows.chunks_exact(bank.taps);
            rows.map(|row| row.iter().map(|weight| weight.abs()).sum()).fold(0.0, f64::max)
        };
        let lanczos = gain(Bank::new(Resampling::Lanczos, 1.04, 0.0));
        assert!((1.552..1.56).contains(&lanczos), "{lanczos}");
        let sharp = gain(Bank::new(Resampling::Sharp, 1.0, 1.0));
        assert!((1.785..MAX_GAIN).contains(&sharp), "{sharp}");
        for (source, output) in [(8, 8), (8, 10), (10, 8), (10, 10), (12, 8), (12, 10), (12, 12)] {
            for range in [upright_shaders::Range::FullLuma, upright_shaders::Range::FullChroma] {
                let conversion = Conversion::new(source, output, range);
                let sample = f64::from(1u32 << source);
                let first = sample * MAX_GAIN * f64::from(UNITY) + f64::from(conversion.horizontal.bias.abs());
                assert!(first < f64::from(i32::MAX));
                let middle = f64::from(1 << (MIDDLE_BITS - 1)) * MAX_GAIN + 1.0;
                assert!(middle < f64::from(i16::MAX));
                let held = middle * f64::from(conversion.unity + 2 * margin(conversion.unity, 0.0));
                let second = held.max(middle * MAX_GAIN * f64::from(conversion.unity));
                assert!(conversion.unity + margin(conversion.unity, 0.0) < i32::from(i16::MAX));
                let noise = f64::from(1u32 << conversion.vertical.shift);
                assert!(second + f64::from(conversion.vertical.bias) + noise < f64::from(i32::MAX));
            }
        }
    }

    /// 256 phases and linear interpolation are as good as the formula: at least 92 dB, and then quantised.
    #[test]
    fn interpolated_phases_are_as_good_as_the_formula() {
        for ratio in [0.28, 0.5625, 1.0, 1.6875, 3.375] {
            let bank = Bank::new(Resampling::Lanczos, f64::max(ratio, 1.0), 0.0);
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
    fn the_correction_is_what_enlarging_and_shrinking_again_loses() {
        // Twice Lanczos' kernel, as an integral.
        for (n, twice) in TWICE.iter().enumerate() {
            let steps = -3000..3000;
            let at = |step: i32| f64::from(step) / 1000.0;
            let sum: f64 =
                steps.map(|step| lanczos(at(step), LOBES) * lanczos(at(step) - n as f64, LOBES) / 1000.0).sum();
            assert!((sum - twice).abs() < 1e-5, "{n}: {sum}");
        }
        // It ends without a step.
        assert!(correction(SHARP_REACH - 1e-6).abs() < 1e-6 && correction(-SHARP_REACH + 1e-6).abs() < 1e-6);
    }

    #[test]
    fn only_what_is_enlarged_is_sharp_and_a_zoom_gets_there_by_and_by() {
        let banks = Banks::new(Resampling::Sharp);
        assert_eq!(
            [1.7, 1.0, 0.9375, 0.875, 0.5625].map(|ratio| banks.sharpness(ratio, false)),
            [0.0, 0.0, 0.5, 1.0, 1.0]
        );
        for step in 0..1000 {
            let ratio = 0.8 + f64::from(step) * 0.0003;
            let (exact, stepped) = (banks.sharpness(ratio, false), banks.sharpness(ratio, true));
            assert!((exact - stepped).abs() <= 1.0 / 32.0 && (stepped * 16.0).fract() == 0.0);
        }
        // 400 columns to 100 shrink, 90 rows to 100 are enlarged.
        let spec = ScaleSpec {
            resampling: Resampling::Sharp,
            ..spec((400, 400), (100, 100), (Depth::Eight, Depth::Eight), false)
        };
        let filters = filters(&spec, Window { x: 0.0, y: 100.0, width: 400.0, height: 87.0 });
        let plain = self::filters(
            &ScaleSpec { resampling: Resampling::Lanczos, ..spec },
            Window { x: 0.0, y: 100.0, width: 400.0, height: 87.0 },
        );
        let ((x, y), (plain_x, plain_y)) = (filters.get(0, PlaneKind::Luma), plain.get(0, PlaneKind::Luma));
        assert!(x == plain_x && x.held().is_none());
        assert!(y != plain_y && y.held().is_some_and(|(hold, _)| hold == Hold::new(UNITY, UNITY * 3 / 32)));
    }

    #[test]
    fn following_a_window_gives_what_starting_there_gives() {
        let spec = spec((400, 400), (54, 96), (Depth::Eight, Depth::Eight), false);
        let mut moving = Filters::new(&spec);
        let mut last = [0, 0];
        for window in windows().step_by(17) {
            moving.update_for_crop(&crop(&spec, window));
            let revisions = moving.revisions();
            assert!(revisions[0] > last[0] && revisions[1] > last[1]);
            last = revisions;
            moving.update_for_crop(&crop(&spec, window));
            assert_eq!(moving.revisions(), last, "the same window again changes nothing");
            let fresh = filters(&spec, window);
            for kind in PlaneKind::ALL {
                assert_eq!(moving.get(0, kind), fresh.get(0, kind));
            }
        }
    }

    #[test]
    fn an_axis_that_stands_still_keeps_its_filters() {
        let spec = spec((400, 400), (54, 96), (Depth::Eight, Depth::Eight), false);
        let window = Window { x: 10.0, y: 20.0, width: 90.0, height: 160.0 };
        let mut filters = filters(&spec, window);
        let [x, y] = filters.revisions();
        filters.update_for_crop(&crop(&spec, Window { x: 10.5, ..window }));
        assert_eq!(filters.revisions(), [x + 1, y]);
        let other_area = Crop { area: Area { height: 300, ..Area::whole(spec.source) }, ..crop(&spec, window) };
        filters.update_for_crop(&other_area);
        assert_eq!(filters.revisions(), [x + 2, y + 1]);
    }

    fn ladder() -> ScaleSpec {
        let mut spec = spec((1920, 1080), (1080, 1920), (Depth::Eight, Depth::Eight), false);
        let sizes = [(1080, 1920), (720, 1280), (540, 960), (360, 640)];
        spec.rungs = sizes.map(|(width, height)| FrameFormat { width, height, ..spec.rungs[0] }).to_vec();
        spec
    }

    /// From the largest window to half of it, or wherever `window` goes between 0 and 1.
    fn banks_built(spec: &ScaleSpec, frames: u32, zooming: bool, window: impl Fn(f64) -> Window) -> Vec<usize> {
        let mut filters = Filters::new(spec);
        let mut built = |frame: u32| {
            let window = window(f64::from(frame) / f64::from(frames - 1));
            filters.update_for_crop(&Crop { zooming, ..crop(spec, window) });
            filters.banks.built
        };
        (0..frames).map(&mut built).collect()
    }

    #[test]
    fn the_frames_of_a_zoom_share_banks() {
        let zoom = |part: f64| {
            let (width, height) = (607.5 * (1.0 - part / 2.0), 1080.0 * (1.0 - part / 2.0));
            Window { x: 300.0 * part, y: 200.0 * part, width, height }
        };
        let built = banks_built(&ladder(), 500, true, zoom);
        // One for all that enlarges, and the steps of 1/64 from 1 to 1.6875, where 640 rows are made of 1080.
        assert_eq!(built.last(), Some(&45));
        let there_and_back = |part: f64| zoom(1.0 - (2.0 * part - 1.0).abs());
        assert_eq!(banks_built(&ladder(), 999, true, there_and_back).last(), Some(&45), "none is built twice");
        // What the steps save.
        assert!(banks_built(&ladder(), 500, false, zoom).last() > Some(&500));
    }

    #[test]
    fn a_pan_builds_no_bank_after_its_first_frame() {
        let pan = |part: f64| Window { x: 1312.5 * part, y: 0.0, width: 607.5, height: 1080.0 };
        let built = banks_built(&ladder(), 500, false, pan);
        // One for all that enlarges, and one each for 960 rows and 640 rows.
        assert_eq!((built[0], built[499]), (3, 3));
    }

    #[test]
    fn banks_are_bounded_and_the_least_recently_used_goes() {
        let mut banks = Banks::new(Resampling::Lanczos);
        for step in 0..Banks::MOST {
            banks.get(1.0 + step as f64, 0.0);
            banks.get(1.0, 0.0);
        }
        assert_eq!(banks.built, Banks::MOST);
        // 2 was used least recently, not 1.
        banks.get(0.5, 0.0);
        banks.get(1.0, 0.0);
        assert_eq!((banks.built, banks.banks.len()), (Banks::MOST + 1, Banks::MOST));
        banks.get(2.0, 0.0);
        assert_eq!(banks.built, Banks::MOST + 2);
    }

    #[test]
    fn a_zoom_widens_in_steps_and_stays_near_the_ratio() {
        for step in 0..1000 {
            let ratio = 0.3 + f64::from(step) * 0.0037;
            assert_eq!(widening(ratio, false), ratio.max(1.0));
            let stepped = widening(ratio, true);
            assert!((stepped - ratio.max(1.0)).abs() <= 1.0 / 128.0);
            assert_eq!((stepped * 64.0).fract(), 0.0);
            assert!(stepped >= 1.0 && widening(ratio + 0.0037, true) >= stepped);
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
