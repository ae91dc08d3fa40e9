//! Our reading of sequence headers against that of `trace_headers`, on streams of encoders that are not ours.

use crate::ffmpeg::Stream;
use std::collections::BTreeMap;
use upright_engine::av1::{self, ObuKind, SequenceHeader};
use upright_engine::frame::Subsampling;

/// The temporal units of an IVF file.
pub(crate) fn units(stream: &Stream) -> Vec<Vec<u8>> {
    let file = std::fs::read(stream.path()).unwrap();
    let mut rest = &file[32..];
    let mut units = Vec::new();
    while !rest.is_empty() {
        let size = u32::from_le_bytes(rest[..4].try_into().unwrap()) as usize;
        units.push(rest[12..12 + size].to_vec());
        rest = &rest[12 + size..];
    }
    units
}

/// The fields of `header` that differ from those traced, or from the pixel format that libavcodec sees.
pub(crate) fn differences(header: &SequenceHeader, trace: &BTreeMap<String, i64>, pixel_format: &str) -> Vec<String> {
    // What the trace does not have is absent from the stream and has the default of the specification.
    let traced = |name: &str, absent: i64| trace.get(name).copied().unwrap_or(absent);
    let (x, y) = match pixel_format {
        name if name.starts_with("yuv444") || name.starts_with("gbr") => (1, 1),
        name if name.starts_with("yuv422") => (2, 1),
        _ => (2, 2),
    };
    let bits = match pixel_format.trim_end_matches("le") {
        name if name.ends_with("10") => 10,
        name if name.ends_with("12") => 12,
        _ => 8,
    };
    let timing = header.timing;
    let ticks = timing.and_then(|timing| timing.ticks_per_picture);
    let full_range = traced("color_range", i64::from(pixel_format.starts_with("gbr")));
    let pairs = [
        ("profile", i64::from(header.profile), traced("seq_profile", -1)),
        ("still", i64::from(header.still_picture), traced("still_picture", -1)),
        ("reduced", i64::from(header.reduced_still_picture_header), traced("reduced_still_picture_header", -1)),
        ("timing", i64::from(timing.is_some()), traced("timing_info_present_flag", 0)),
        ("units", timing.map_or(0, |timing| timing.units_in_tick.into()), traced("num_units_in_display_tick", 0)),
        ("scale", timing.map_or(0, |timing| timing.time_scale.into()), traced("time_scale", 0)),
        ("ticks", ticks.map_or(0, |ticks| ticks as i64), traced("num_ticks_per_picture_minus_1", -1) + 1),
        ("level", i64::from(header.level), traced("seq_level_idx[0]", -1)),
        ("tier", i64::from(header.high_tier), traced("seq_tier[0]", 0)),
        ("points", i64::from(header.operating_points), traced("operating_points_cnt_minus_1", 0) + 1),
        ("width", i64::from(header.max_frame_size.width), traced("max_frame_width_minus_1", -1) + 1),
        ("height", i64::from(header.max_frame_size.height), traced("max_frame_height_minus_1", -1) + 1),
        ("bits", i64::from(header.depth.bits()), bits),
        ("mono", i64::from(header.monochrome), i64::from(pixel_format.starts_with("gray"))),
        ("x", i64::from(header.subsampling.x), x),
        ("y", i64::from(header.subsampling.y), y),
        ("primaries", i64::from(header.primaries), traced("color_primaries", 2)),
        ("transfer", i64::from(header.transfer), traced("transfer_characteristics", 2)),
        ("matrix", i64::from(header.matrix), traced("matrix_coefficients", 2)),
        ("range", i64::from(header.full_range), full_range),
        ("position", i64::from(header.chroma_sample_position), traced("chroma_sample_position", 0)),
        ("grain", i64::from(header.film_grain), traced("film_grain_params_present", -1)),
    ];
    let differs = pairs.into_iter().filter(|(_, ours, theirs)| ours != theirs);
    differs.map(|(name, ours, theirs)| format!("{name}: {ours}, traced {theirs}")).collect()
}

/// Compares every sequence header of the stream, and returns the first.
pub(crate) fn assert_read_as_traced(stream: &Stream) -> SequenceHeader {
    let pixel_format = stream.pixel_format();
    let traces = stream.trace_sequence_headers();
    assert!(!traces.is_empty(), "the trace has a sequence header");
    let units = units(stream);
    let headers: Vec<_> = units.iter().filter_map(|unit| av1::sequence_header_of(unit).unwrap()).collect();
    assert_eq!(headers.len(), traces.len());
    let parsed: Vec<_> = headers.iter().map(|obu| SequenceHeader::parse(obu.payload).unwrap()).collect();
    for (header, trace) in parsed.iter().zip(&traces) {
        assert_eq!(differences(header, trace, &pixel_format), Vec::<String>::new());
    }
    parsed[0]
}

fn source(size: &str, pixel_format: &str) -> String {
    format!("-f lavfi -i testsrc2=s={size}:r=25 -frames:v 3 -pix_fmt {pixel_format}")
}

#[test]
fn headers_of_libaom_are_read_as_traced() {
    let libaom = "-c:v libaom-av1 -cpu-used 8 -usage realtime -row-mt 0 -threads 1";
    let cases = [
        ("360x640", "yuv420p", "-color_primaries bt709 -color_trc bt709 -colorspace bt709", "av01.0.01M.08"),
        ("64x48", "yuv420p10le", "-color_primaries bt2020 -color_trc smpte2084 -color_range pc", "av01.0.00M.10"),
        ("98x34", "yuv422p10le", "-g 1", "av01.2.00M.10"),
        ("64x64", "yuv444p", "", "av01.1.00M.08"),
        ("64x64", "yuv444p12le", "", "av01.2.00M.12"),
        ("64x64", "yuv420p12le", "", "av01.2.00M.12"),
        ("64x64", "gray", "", "av01.0.00M.08"),
        ("64x64", "gbrp", "", "av01.1.00M.08"),
        ("64x64", "yuv420p", "-still-picture 1 -frames:v 1", "av01.0.00M.08"),
        ("64x64", "yuv420p", "-bsf:v av1_metadata=tick_rate=30000/1001:num_ticks_per_picture=3003", "av01.0.00M.08"),
        ("64x64", "yuv420p", "-bsf:v av1_metadata=chroma_sample_position=colocated", "av01.0.00M.08"),
    ];
    for (size, pixel_format, extra, codec) in cases {
        let arguments = format!("{} {libaom} {extra}", source(size, pixel_format));
        let stream = Stream::generate(arguments.trim_end());
        assert_eq!(assert_read_as_traced(&stream).codec_string(), codec, "{arguments}");
    }
}

#[test]
fn headers_of_svt_are_read_as_traced() {
    for (pixel_format, codec) in [("yuv420p", "av01.0.01M.08"), ("yuv420p10le", "av01.0.01M.10")] {
        let svt = format!("{} -c:v libsvtav1 -preset 12 -svtav1-params lp=1", source("360x640", pixel_format));
        assert_eq!(assert_read_as_traced(&Stream::generate(&svt)).codec_string(), codec);
    }
}

#[test]
fn a_wrong_field_is_found() {
    let stream = Stream::generate(&format!("{} -c:v libaom-av1 -cpu-used 8 -threads 1", source("64x64", "yuv420p")));
    let unit = &units(&stream)[0];
    let obu = av1::sequence_header_of(unit).unwrap().unwrap();
    let mut header = SequenceHeader::parse(obu.payload).unwrap();
    header.level += 1;
    header.chroma_sample_position = 2;
    header.subsampling = Subsampling::CS444;
    let differences = differences(&header, &stream.trace_sequence_headers()[0], &stream.pixel_format());
    assert_eq!(differences, ["level: 1, traced 0", "x: 1, traced 2", "y: 1, traced 2", "position: 2, traced 0"]);
}

#[test]
fn units_lose_their_delimiters_and_nothing_else() {
    let stream = Stream::generate(&format!("{} -c:v libaom-av1 -cpu-used 8 -threads 1", source("64x64", "yuv420p")));
    for unit in units(&stream) {
        let mut stripped = unit.clone();
        av1::strip_temporal_delimiters(&mut stripped).unwrap();
        assert_eq!([&[0x12, 0x00], &stripped[..]].concat(), unit);
        assert!(av1::obus(&stripped).all(|obu| obu.unwrap().kind != ObuKind::TemporalDelimiter));
    }
}
