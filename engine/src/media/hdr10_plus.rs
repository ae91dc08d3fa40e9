//! Dynamic metadata of HDR10+ that frames carry: SMPTE ST 2094-40, in the syntax of CTA-861-H, S.4.

#![expect(unsafe_code, reason = "libav is C")]

use super::ffi::{self, AvFrame};
use crate::av1::BitWriter;
use ffmpeg_sys_next as av;
use std::ffi::c_uint;
use std::sync::Arc;

/// What a message of ITU-T T.35 begins with, behind the country code: the provider is Samsung, the application number 4.
const BEGINNING: [u8; 5] = [0x00, 0x3c, 0x00, 0x01, 4];
/// Most rows, columns, percentiles and anchors that there is room for.
const SIDE: usize = 25;
const LIST: usize = 15;

/// `AVHDRPlusPercentile` of libavutil/hdr_dynamic_metadata.h, which the bindings lack.
#[repr(C)]
#[derive(Clone, Copy)]
struct LibavPercentile {
    percentage: u8,
    percentile: av::AVRational,
}

/// `AVHDRPlusColorTransformParams` of the same header.
#[repr(C)]
#[derive(Clone, Copy)]
struct LibavWindow {
    corners: [av::AVRational; 4],
    centre_of_ellipse: [u16; 2],
    rotation_angle: u8,
    axes: [u16; 3],
    overlap: c_uint,
    maxscl: [av::AVRational; 3],
    average_maxrgb: av::AVRational,
    percentiles: u8,
    distribution: [LibavPercentile; LIST],
    bright_pixels: av::AVRational,
    tone_mapping: u8,
    knee_point: [av::AVRational; 2],
    anchors: u8,
    bezier_curve: [av::AVRational; LIST],
    saturation_mapping: u8,
    saturation_weight: av::AVRational,
}

/// A flag, rows, columns and values of `AVDynamicHDRPlus`: the luminance that displays have at their peak, place by place.
#[repr(C)]
#[derive(Clone, Copy)]
struct LibavPeaks {
    is_there: u8,
    rows: u8,
    columns: u8,
    peaks: [[av::AVRational; SIDE]; SIDE],
}

/// `AVDynamicHDRPlus` of the same header.
#[repr(C)]
#[derive(Clone, Copy)]
struct LibavHdrPlus {
    country: u8,
    version: u8,
    windows: u8,
    window: [LibavWindow; 3],
    target_luminance: av::AVRational,
    target_peaks: LibavPeaks,
    mastering_peaks: LibavPeaks,
}

/// Reads those of a frame, and writes them as [`crate::frame::Frame::hdr10_plus`] has them. None where there are none, or they are
/// of parts of the picture, which its window would move.
pub(super) fn of_frame(frame: &AvFrame) -> Option<Arc<[u8]>> {
    let data = ffi::frame_side_data(frame, av::AVFrameSideDataType::AV_FRAME_DATA_DYNAMIC_HDR_PLUS)?;
    let has_all = data.len() >= size_of::<LibavHdrPlus>();
    // SAFETY: this is the type that libav holds for this kind, with bytes enough; any bits are valid in it.
    let metadata = has_all.then(|| unsafe { data.as_ptr().cast::<LibavHdrPlus>().read_unaligned() })?;
    (metadata.windows == 1).then(|| message(&metadata).into())
}

/// Tells whether a frame has some that [`of_frame`] does not take.
pub(super) fn is_left_out(frame: &AvFrame) -> bool {
    let kind = av::AVFrameSideDataType::AV_FRAME_DATA_DYNAMIC_HDR_PLUS;
    ffi::frame_side_data(frame, kind).is_some() && of_frame(frame).is_none()
}

fn message(metadata: &LibavHdrPlus) -> Vec<u8> {
    let mut bits = BitWriter::default();
    BEGINNING.into_iter().for_each(|byte| bits.write(byte, 8));
    bits.write(metadata.version, 8);
    bits.write(1_u32, 2);
    bits.write(parts(metadata.target_luminance, 1), 27);
    write_peaks(&metadata.target_peaks, &mut bits);
    let window = &metadata.window[0];
    for maxscl in window.maxscl {
        bits.write(parts(maxscl, 100_000), 17);
    }
    bits.write(parts(window.average_maxrgb, 100_000), 17);
    let percentiles = window.distribution.iter().take(window.percentiles.into());
    bits.write(percentiles.len() as u32, 4);
    for of in percentiles {
        bits.write(of.percentage, 7);
        bits.write(parts(of.percentile, 100_000), 17);
    }
    bits.write(parts(window.bright_pixels, 1000), 10);
    write_peaks(&metadata.mastering_peaks, &mut bits);
    bits.flag(window.tone_mapping != 0);
    if window.tone_mapping != 0 {
        for coordinate in window.knee_point {
            bits.write(parts(coordinate, 4095), 12);
        }
        let anchors = window.bezier_curve.iter().take(window.anchors.into());
        bits.write(anchors.len() as u32, 4);
        for &anchor in anchors {
            bits.write(parts(anchor, 1023), 10);
        }
    }
    bits.flag(window.saturation_mapping != 0);
    if window.saturation_mapping != 0 {
        bits.write(parts(window.saturation_weight, 8), 6);
    }
    bits.into_bytes()
}

fn write_peaks(peaks: &LibavPeaks, bits: &mut BitWriter) {
    bits.flag(peaks.is_there != 0);
    if peaks.is_there != 0 {
        let [rows, columns] = [peaks.rows, peaks.columns].map(|count| count.min(SIDE as u8));
        bits.write(rows, 5);
        bits.write(columns, 5);
        for &peak in peaks.peaks.iter().take(rows.into()).flat_map(|row| row.iter().take(columns.into())) {
            bits.write(parts(peak, 15), 4);
        }
    }
}

/// A value as a number of parts of 1, as it was before libav made a fraction of it.
fn parts(value: av::AVRational, of_one: i64) -> u32 {
    let (num, den) = (i64::from(value.num) * of_one, i64::from(value.den).max(1));
    u32::try_from((2 * num + den) / (2 * den)).unwrap_or(0)
}
