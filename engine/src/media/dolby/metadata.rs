//! The metadata of a frame in Dolby Vision, as libav's decoder hangs it on the frame.

use super::curve::{Curve, Piece};
use crate::colour::MasteringDisplay;
use crate::geometry::Rational;
use crate::light::{Matrix, Triple, nits_of_pq};
use crate::media::ffi::{self, AvFrame};
use bytemuck::{Pod, Zeroable};
use ffmpeg_sys_next as av;

/// Bits of a base layer's samples, as profile 5 has them.
pub(super) const BASE_BITS: u32 = 10;

/// What a frame is composed by.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::media) struct Metadata {
    /// Of luma and the two kinds of chroma.
    pub(super) curves: [Curve; 3],
    /// What the reshaped samples mean.
    pub(super) signal: Signal,
    /// Darkest and brightest luminance of the mastering display, as PQ of 12 bits.
    display: [u16; 2],
}

/// How reshaped samples become light.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Signal {
    /// From samples, less [`Signal::offset`], to PQ of three kinds of light.
    pub(super) matrix: Matrix,
    pub(super) offset: Triple,
    /// From these to LMS of BT.2020.
    pub(super) to_lms: Matrix,
}

impl Metadata {
    /// Reads the metadata of a frame; none where it has none of its own. A decoder may give it those of a frame before.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(in crate::media) fn of(frame: &AvFrame) -> Result<Option<Self>, &'static str> {
        use av::AVFrameSideDataType::{AV_FRAME_DATA_DOVI_METADATA, AV_FRAME_DATA_DOVI_RPU_BUFFER};
        let [own, parsed] =
            [AV_FRAME_DATA_DOVI_RPU_BUFFER, AV_FRAME_DATA_DOVI_METADATA].map(|kind| ffi::frame_side_data(frame, kind));
        own.and(parsed).map(Self::read).transpose()
    }

    fn read(data: &[u8]) -> Result<Self, &'static str> {
        let Parts { header, mapping, colour } = Parts::of(data).ok_or("is cut off")?;
        if u32::from(header.base_depth) != BASE_BITS || header.denominator > 32 {
            return Err("is of an unknown form");
        }
        let [first, second, third] = mapping.curves.each_ref().map(|curve| curve.read(header.denominator));
        let [Some(first), Some(second), Some(third)] = [first, second, third] else {
            return Err("has curves that are none");
        };
        if !first.is_by_itself() {
            return Err("makes luma of chroma");
        }
        let rows = |parts: [Ratio; 9]| -> Option<Matrix> {
            let [a, b, c, d, e, f, g, h, i] = parts.map(Ratio::number);
            Some([[a?, b?, c?], [d?, e?, f?], [g?, h?, i?]])
        };
        let offset = || -> Option<Triple> {
            let [a, b, c] = colour.offset.map(Ratio::number);
            Some([a?, b?, c?])
        };
        let matrices = rows(colour.matrix).zip(offset()).zip(rows(colour.to_lms));
        let ((matrix, offset), to_lms) = matrices.ok_or("has matrices that are none")?;
        let signal = Signal { matrix, offset, to_lms };
        Ok(Self { curves: [first, second, third], signal, display: colour.display })
    }

    /// Tells whether a frame's metadata is of profile 5: of all profiles in HEVC, the only one whose base layer is of full
    /// range.
    pub(super) fn is_profile_5(frame: &AvFrame) -> bool {
        let data = ffi::frame_side_data(frame, av::AVFrameSideDataType::AV_FRAME_DATA_DOVI_METADATA);
        let header = data.and_then(|data| Some(Parts::of(data)?.header));
        header.is_some_and(|header| header.profile == 0 && header.full_range == 1)
    }

    /// Gives the mastering display, whose luminance is told and whose primaries are not: they are taken to be P3 with D65,
    /// as those of nearly all are. None where nothing is told.
    pub(in crate::media) fn mastering(&self) -> Option<MasteringDisplay> {
        let [darkest, brightest] = self.display;
        let ten_thousandths = |pq: u16, step: f64| {
            let nits = nits_of_pq(f64::from(pq) / 4095.0);
            #[expect(clippy::cast_possible_truncation, reason = "up to 10^8")]
            let ticks = ((nits / step).round() * step * 10_000.0).round() as i64;
            Rational::new(ticks, 10_000)
        };
        let point = |x: i64, y: i64| (Rational::new(x, 10_000), Rational::new(y, 10_000));
        (brightest > darkest && brightest <= 4095).then(|| MasteringDisplay {
            primaries: [point(6800, 3200), point(2650, 6900), point(1500, 600)],
            white: point(3127, 3290),
            min_luminance: ten_thousandths(darkest, 1e-4),
            max_luminance: ten_thousandths(brightest, 1.0),
        })
    }
}

/// The parts of libav's `AVDOVIMetadata` (libavutil/dovi_meta.h, which the bindings lack), which says where they begin.
/// Later versions of libav have the same ones, with more behind them.
#[derive(Clone, Copy)]
struct Parts {
    header: Header,
    mapping: Mapping,
    colour: Colour,
}

impl Parts {
    fn of(data: &[u8]) -> Option<Self> {
        let [header, mapping, colour] = part::<[usize; 3]>(data, 0)?;
        Some(Self { header: part(data, header)?, mapping: part(data, mapping)?, colour: part(data, colour)? })
    }
}

/// Reads what begins `at` a byte.
fn part<T: Pod>(data: &[u8], at: usize) -> Option<T> {
    let bytes = data.get(at..at.checked_add(size_of::<T>())?)?;
    Some(bytemuck::pod_read_unaligned(bytes))
}

/// `AVDOVIRpuDataHeader`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Header {
    kind: u8,
    none: u8,
    format: u16,
    profile: u8,
    level: u8,
    explicit_filter: u8,
    coefficient_type: u8,
    /// Bits after the point of coefficients.
    denominator: u8,
    normalized: u8,
    full_range: u8,
    base_depth: u8,
}

/// `AVDOVIDataMapping`, as far as there is but a base layer.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Mapping {
    ids: [u8; 8],
    curves: [RawCurve; 3],
}

/// `AVDOVIReshapingCurve`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct RawCurve {
    pivot_count: u8,
    none: u8,
    /// Codes of the base layer.
    pivots: [u16; 9],
    /// Of each piece: 0 for a polynomial, 1 for a regression.
    methods: [u32; 8],
    polynomial_orders: [u8; 8],
    none_either: u32,
    polynomials: [[i64; 3]; 8],
    regression_orders: [u8; 8],
    constants: [i64; 8],
    regressions: [[[i64; 7]; 3]; 8],
}

/// `AVDOVIColorMetadata`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Colour {
    ids: [u8; 4],
    matrix: [Ratio; 9],
    offset: [Ratio; 3],
    to_lms: [Ratio; 9],
    transfer: [u16; 4],
    transfer_parameter: u32,
    format: [u8; 4],
    display: [u16; 2],
    diagonal: u16,
    none: u16,
}

/// `AVRational`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Ratio {
    numerator: i32,
    denominator: i32,
}

impl Ratio {
    fn number(self) -> Option<f64> {
        (self.denominator != 0).then(|| f64::from(self.numerator) / f64::from(self.denominator))
    }
}

impl RawCurve {
    /// None where it is not whole.
    fn read(&self, denominator: u8) -> Option<Curve> {
        let count = usize::from(self.pivot_count);
        let pivots = self.pivots.get(..count).filter(|pivots| pivots.len() >= 2 && pivots.is_sorted())?;
        let largest = f64::from((1u32 << BASE_BITS) - 1);
        let unit = 1.0 / (1u64 << denominator) as f64;
        let number = |value: i64| value as f64 * unit;
        let piece = |at: usize| {
            Some(match self.methods[at] {
                0 => {
                    let order = usize::from(self.polynomial_orders[at]);
                    let mut parts = [0.0; 3];
                    let told = parts.get_mut(..=order)?;
                    told.iter_mut().zip(self.polynomials[at]).for_each(|(part, value)| *part = number(value));
                    Piece::Polynomial(parts)
                }
                1 => {
                    let order = usize::from(self.regression_orders[at]);
                    let mut powers = [[0.0; 7]; 3];
                    let told = powers.get_mut(..order)?;
                    told.iter_mut().zip(self.regressions[at]).for_each(|(power, values)| *power = values.map(number));
                    Piece::Regression(number(self.constants[at]), powers)
                }
                _ => return None,
            })
        };
        let pivots: Vec<f64> = pivots.iter().map(|pivot| f64::from(*pivot) / largest).collect();
        let pieces = (0..count - 1).map(|at| Some((pivots[at], piece(at)?))).collect::<Option<Vec<_>>>()?;
        Some(Curve { pieces, bounds: [pivots[0], pivots[count - 1]] })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Metadata of libav as profile 5 has them: BT.2020 by way of crosstalk, 0.005 to 4000 cd/m2.
    fn raw() -> Vec<u8> {
        let ratios = |values: &[i32], denominator: i32| -> Vec<Ratio> {
            values.iter().map(|&numerator| Ratio { numerator, denominator }).collect()
        };
        let header = Header { denominator: 23, full_range: 1, base_depth: 10, ..Header::zeroed() };
        let mut curve = RawCurve { pivot_count: 2, ..RawCurve::zeroed() };
        curve.pivots[1] = 1023;
        curve.polynomial_orders[0] = 1;
        curve.polynomials[0] = [-(1 << 20), 1 << 23, 99];
        let mut regression = curve;
        (regression.methods[0], regression.regression_orders[0]) = (1, 2);
        regression.constants[0] = 1 << 22;
        regression.regressions[0][1][6] = -(3 << 23);
        let mapping = Mapping { ids: [0; 8], curves: [curve, curve, regression] };
        let matrix = ratios(&[8192, 799, 1681, 8192, -933, 1091, 8192, 267, -5545], 8192);
        let offset = ratios(&[0, 1 << 27, 1 << 27], 1 << 28);
        let to_lms = ratios(&[17081, -349, -349, -349, 17081, -349, -349, -349, 17081], 16384);
        let colour = Colour {
            matrix: matrix.try_into().ok().unwrap(),
            offset: offset.try_into().ok().unwrap(),
            to_lms: to_lms.try_into().ok().unwrap(),
            display: [62, 3696],
            ..Colour::zeroed()
        };
        let start = size_of::<[usize; 3]>();
        let sizes = [size_of::<Header>().next_multiple_of(8), size_of::<Mapping>()];
        let offsets = [start, start + sizes[0], start + sizes[0] + sizes[1]];
        let mut bytes = bytemuck::bytes_of(&offsets).to_vec();
        bytes.extend(bytemuck::bytes_of(&header));
        bytes.resize(offsets[1], 0);
        bytes.extend(bytemuck::bytes_of(&mapping));
        bytes.extend(bytemuck::bytes_of(&colour));
        bytes
    }

    pub(in super::super) fn profile_5() -> Metadata {
        Metadata::read(&raw()).unwrap()
    }

    #[test]
    fn numbers_are_those_of_the_metadata() {
        let metadata = profile_5();
        assert_eq!(metadata.curves[0].pieces, [(0.0, Piece::Polynomial([-0.125, 1.0, 0.0]))], "of order 1");
        let mut powers = [[0.0; 7]; 3];
        powers[1][6] = -3.0;
        assert_eq!(metadata.curves[2].pieces, [(0.0, Piece::Regression(0.5, powers))]);
        assert_eq!(metadata.curves[2].bounds, [0.0, 1.0]);
        assert_eq!(metadata.signal.offset, [0.0, 0.5, 0.5]);
        assert_eq!(metadata.signal.matrix[2], [1.0, 267.0 / 8192.0, -5545.0 / 8192.0]);
        let display = metadata.mastering().unwrap();
        assert_eq!(display.max_luminance, Rational::new(4000, 1));
        assert!((display.min_luminance.as_f64() - 0.005).abs() < 2e-4, "{:?}", display.min_luminance);
    }

    #[test]
    fn what_is_broken_is_told() {
        let whole = raw();
        for length in 0..whole.len() {
            assert_eq!(Metadata::read(&whole[..length]), Err("is cut off"), "{length}");
        }
        let mapping = size_of::<[usize; 3]>() + size_of::<Header>().next_multiple_of(8);
        let colour = mapping + size_of::<Mapping>();
        let with = |at: usize, byte: u8| {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            Metadata::read(&bytes).unwrap_err()
        };
        assert_eq!(with(mapping + 8, 1), "has curves that are none", "one pivot");
        assert_eq!(with(mapping + 8, 10), "has curves that are none", "ten pivots");
        assert_eq!(with(mapping + 8 + 20, 1), "makes luma of chroma");
        assert_eq!(with(mapping + 8 + 20, 2), "has curves that are none", "an unknown method");
        assert_eq!(with(mapping + 8 + 52, 3), "has curves that are none", "order 3");
        assert_eq!(with(size_of::<[usize; 3]>() + 11, 3), "is of an unknown form");
        let denominator = [colour + 8, colour + 9].map(|at| whole[at]);
        assert_eq!(denominator, 8192i32.to_ne_bytes()[..2]);
        assert_eq!(with(colour + 9, 0), "has matrices that are none");
        // Nonsense is no reason to panic.
        let mut seed = 1u32;
        for _ in 0..2000 {
            let mut bytes = whole.clone();
            for _ in 0..8 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = seed as usize % bytes.len();
                bytes[at] = (seed >> 24) as u8;
            }
            if let Ok(metadata) = Metadata::read(&bytes) {
                for curve in 0..3 {
                    let shaped = metadata.curves[curve].at(curve, [0.1, 0.5, 0.9]);
                    assert!((0.0..=1.0).contains(&shaped) || bytes != whole);
                }
                let _ = metadata.mastering();
            }
        }
    }
}
