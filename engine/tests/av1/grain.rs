//! Film grain that is put into streams of encoders, against `trace_headers` and the decoders libdav1d and libaom.

use crate::encoding::{self, encode, film, stream};
use crate::ffmpeg::Stream;
use crate::headers::units;
use upright_engine::Error;
use upright_engine::av1::{self, ChromaGrain, FilmGrain, GrainWriter, LumaGrain, ScalingPoint};
use upright_engine::encode::{self, EncoderKind, EncoderSettings, LibavEncoder};
use upright_engine::frame::{Depth, FrameFormat, Subsampling};
use upright_engine::geometry::Rational;
use upright_engine::packet::Packet;

const LUMA: [(u8, u8); 3] = [(0, 40), (100, 90), (255, 60)];
const LUMA_COEFFICIENTS: [i8; 12] = [-1, 2, 3, 2, -1, 1, 5, 30, 5, 1, -3, 40];
const CHROMA: [(u8, u8); 2] = [(30, 50), (200, 70)];

fn points(points: &[(u8, u8)]) -> Vec<ScalingPoint> {
    points.iter().map(|&(value, scaling)| ScalingPoint { value, scaling }).collect()
}

fn grain() -> FilmGrain {
    let chroma = |own: i8| ChromaGrain {
        points: points(&CHROMA),
        ar_coeffs: LUMA_COEFFICIENTS.into_iter().chain([own]).collect(),
        mult: 128,
        luma_mult: 192,
        offset: 256,
    };
    FilmGrain {
        scaling_shift: 11,
        ar_coeff_lag: 2,
        ar_coeff_shift: 7,
        grain_scale_shift: 0,
        overlap: true,
        clip_to_restricted_range: false,
        chroma_scaling_from_luma: false,
        luma: LumaGrain { points: points(&LUMA), ar_coeffs: LUMA_COEFFICIENTS.to_vec() },
        cb: chroma(20),
        cr: chroma(-20),
    }
}

/// The fields that all parameters of [`grain`] are, as they are traced from `num_y_points` on.
fn traced_grain(monochrome: bool) -> Vec<(String, i64)> {
    let mut fields = Vec::new();
    let mut add = |name: String, value: i64| fields.push((name, value));
    let mut all_points = vec![("y", &LUMA[..])];
    if !monochrome {
        all_points.extend([("cb", &CHROMA[..]), ("cr", &CHROMA)]);
    }
    for &(plane, points) in &all_points {
        if plane == "cb" {
            add("chroma_scaling_from_luma".to_owned(), 0);
        }
        add(format!("num_{plane}_points"), points.len() as i64);
        for (index, &(value, scaling)) in points.iter().enumerate() {
            add(format!("point_{plane}_value[{index}]"), value.into());
            add(format!("point_{plane}_scaling[{index}]"), scaling.into());
        }
    }
    add("grain_scaling_minus_8".to_owned(), 3);
    add("ar_coeff_lag".to_owned(), 2);
    for &(plane, _) in &all_points {
        let own = match plane {
            "y" => None,
            "cb" => Some(20),
            _ => Some(-20),
        };
        for (index, coefficient) in LUMA_COEFFICIENTS.into_iter().chain(own).enumerate() {
            add(format!("ar_coeffs_{plane}_plus_128[{index}]"), i64::from(coefficient) + 128);
        }
    }
    add("ar_coeff_shift_minus_6".to_owned(), 1);
    add("grain_scale_shift".to_owned(), 0);
    for (plane, _) in all_points.into_iter().skip(1) {
        add(format!("{plane}_mult"), 128);
        add(format!("{plane}_luma_mult"), 192);
        add(format!("{plane}_offset"), 256);
    }
    add("overlap_flag".to_owned(), 1);
    add("clip_to_restricted_range".to_owned(), 0);
    fields
}

/// How film grain stands in the headers of a stream.
#[derive(Debug, PartialEq)]
struct Written {
    /// Seeds of the frames, in the order of coding.
    seeds: Vec<i64>,
    /// Frames with all parameters.
    whole: usize,
}

/// Takes film grain out of traced fields, and checks that it is [`grain`] wherever it is.
fn taken_out(fields: Vec<(String, i64)>, monochrome: bool) -> (Vec<(String, i64)>, Written) {
    let parameters = traced_grain(monochrome);
    let (mut rest, mut written) = (Vec::new(), Written { seeds: Vec::new(), whole: 0 });
    let mut fields = fields.into_iter().peekable();
    while let Some((name, value)) = fields.next() {
        match name.as_str() {
            "film_grain_params_present" => {
                assert_eq!(value, 1);
                rest.push((name, 0));
            }
            "apply_grain" => {
                assert_eq!(value, 1);
                let (name, seed) = fields.next().unwrap();
                assert_eq!(name, "grain_seed");
                written.seeds.push(seed);
                let update = fields.next_if(|(name, _)| name == "update_grain");
                if update.is_none_or(|(_, update)| update == 1) {
                    assert_eq!(fields.by_ref().take(parameters.len()).collect::<Vec<_>>(), parameters);
                    written.whole += 1;
                } else {
                    assert_eq!(fields.next().unwrap().0, "film_grain_params_ref_idx");
                }
            }
            _ => rest.push((name, value)),
        }
    }
    (rest, written)
}

/// Leaves out what depends on the length of headers.
fn without_lengths(mut fields: Vec<(String, i64)>) -> Vec<(String, i64)> {
    let lengths = ["obu_size", "zero_bit", "trailing_zero_bit"];
    fields.retain(|(name, _)| !lengths.contains(&name.as_str()) && !name.starts_with("leb128_byte"));
    fields
}

/// Checks that two streams are the same but for film grain, which is [`grain`] in each picture of the second. Gives the
/// number of frames that are coded, and of those with all parameters.
fn assert_only_grain_differs(plain: &Stream, grained: &Stream) -> (usize, usize) {
    let monochrome = plain.pixel_format().starts_with("gray");
    let (rest, written) = taken_out(without_lengths(grained.trace_fields()), monochrome);
    // Our reader of headers has found where each ends, or what follows would be traced differently.
    assert_eq!(rest, without_lengths(plain.trace_fields()));
    let mut seeds = written.seeds.clone();
    seeds.sort_unstable();
    seeds.dedup();
    assert_eq!(seeds.len(), written.seeds.len(), "every frame has its own seed");

    let pictures = plain.frame_sums("libdav1d", &[]);
    assert_eq!(grained.frame_sums("libdav1d", &["-filmgrain", "0"]), pictures);
    let with_grain = grained.frame_sums("libdav1d", &["-filmgrain", "1"]);
    assert_eq!(with_grain.len(), pictures.len());
    assert!(with_grain.iter().zip(&pictures).all(|(with, without)| with != without), "grain is everywhere");
    assert_eq!(grained.frame_sums("libaom-av1", &[]), with_grain, "another decoder makes the same grain");
    (written.seeds.len(), written.whole)
}

/// Encodes a film with a cut, with and without grain.
fn assert_encoder_gets_grain(settings: &EncoderSettings) {
    let mut frames = film(settings, 24);
    // Upside down, sample by sample.
    let sample = if settings.depth == Depth::Eight { 1 } else { 2 };
    for frame in &mut frames[13..] {
        frame.bytes_mut().reverse();
        frame.bytes_mut().chunks_exact_mut(sample).for_each(<[u8]>::reverse);
    }
    let plain = encode(settings, &frames, &[0]);
    let settings = EncoderSettings { grain: Some(grain()), ..settings.clone() };
    let grained = encode(&settings, &frames, &[0]);
    let same = |packet: &Packet| (packet.pts, packet.duration, packet.key);
    assert_eq!(grained.iter().map(same).collect::<Vec<_>>(), plain.iter().map(same).collect::<Vec<_>>());
    let (coded, whole) = assert_only_grain_differs(&stream(&settings, &plain), &stream(&settings, &grained));
    assert!(coded >= 20 && whole <= 2, "{whole} of {coded} frames have all parameters");
    let bytes = |packets: &[Packet]| packets.iter().map(|packet| packet.data.len()).sum::<usize>();
    assert!(bytes(&grained) - bytes(&plain) < 500, "{} bytes are {} with grain", bytes(&plain), bytes(&grained));
}

#[test]
#[cfg(feature = "rav1e")]
fn rav1e_gets_grain() {
    for (depth, speed) in [(Depth::Eight, 10), (Depth::Ten, 9)] {
        let settings = encoding::settings(EncoderKind::Rav1e, 64, 112, depth);
        assert_encoder_gets_grain(&EncoderSettings { speed, ..settings });
    }
}

#[test]
fn svt_gets_grain() {
    for (depth, speed) in [(Depth::Eight, 10), (Depth::Ten, 6), (Depth::Eight, 4)] {
        let settings = encoding::settings(EncoderKind::Libav(LibavEncoder::SvtAv1), 96, 160, depth);
        assert_encoder_gets_grain(&EncoderSettings { speed, ..settings });
    }
}

#[test]
fn libaom_gets_grain() {
    for (depth, speed) in [(Depth::Eight, 8), (Depth::Ten, 7), (Depth::Eight, 5)] {
        let settings = encoding::settings(EncoderKind::Libav(LibavEncoder::Aom), 96, 160, depth);
        assert_encoder_gets_grain(&EncoderSettings { speed, ..settings });
    }
}

/// Puts grain into what `ffmpeg` makes of `arguments`.
fn assert_stream_gets_grain(arguments: &str) {
    let plain = Stream::generate(arguments);
    let mut writer = GrainWriter::new(grain(), 7);
    let packets: Vec<_> = units(&plain)
        .into_iter()
        .zip(0..)
        .map(|(mut data, pts)| {
            av1::strip_temporal_delimiters(&mut data).unwrap();
            writer.write(&mut data).unwrap_or_else(|error| panic!("{arguments}: packet {pts}: {error}"));
            Packet { data, pts, duration: 1, key: false }
        })
        .collect();
    // The size in the header of the file is nobody's business.
    let format = FrameFormat { width: 64, height: 64, subsampling: Subsampling::CS420, depth: Depth::Eight };
    let (coded, whole) = assert_only_grain_differs(&plain, &Stream::write(format, Rational::new(1, 25), &packets));
    assert!(coded >= packets.len().min(9) && whole >= 1, "{arguments}");
}

const SOURCE: &str = "-f lavfi -i testsrc2=s=128x192:r=25 -frames:v 12 -pix_fmt";
const LARGE: &str = "-f lavfi -i testsrc2=s=320x256:r=25 -frames:v 4 -pix_fmt";

#[test]
fn rare_headers_of_svt_get_grain() {
    for arguments in [
        // Sizes of their own with super-resolution, intra-only frames, tiles.
        format!("{SOURCE} yuv420p -c:v libsvtav1 -preset 10 -svtav1-params lp=1:superres-mode=2"),
        format!("{SOURCE} yuv420p -c:v libsvtav1 -preset 8 -g 5 -svtav1-params lp=1:irefresh-type=1"),
        format!("{LARGE} yuv420p -c:v libsvtav1 -preset 10 -svtav1-params lp=1:tile-columns=1:tile-rows=1"),
    ] {
        assert_stream_gets_grain(&arguments);
    }
}

#[test]
fn rare_headers_of_libaom_get_grain() {
    for (source, options) in [
        // Order hints of references in the headers, no order hints at all, segments, lossless, matrices, block copies.
        (SOURCE, "yuv420p -error-resilience default"),
        (SOURCE, "yuv420p -aom-params enable-order-hint=0:enable-ref-frame-mvs=0:enable-dist-wtd-comp=0"),
        (SOURCE, "yuv420p -usage realtime -aq-mode 3 -b:v 50k"),
        (SOURCE, "yuv420p -aom-params lossless=1"),
        (SOURCE, "yuv420p -aom-params enable-qm=1:tune-content=screen"),
        (LARGE, "yuv420p -aom-params sb-size=64:tile-width=1,3:tile-height=2"),
        // Other chroma, still pictures, times.
        (SOURCE, "gray"),
        (SOURCE, "yuv422p10le"),
        (SOURCE, "yuv444p"),
        (SOURCE, "yuv420p -frames:v 1 -still-picture 1"),
        (SOURCE, "yuv420p -aom-params timing-info=constant"),
    ] {
        assert_stream_gets_grain(&format!("{source} {options} -c:v libaom-av1 -threads 1 -cpu-used 8"));
    }
}

#[test]
fn grain_of_an_encoder_is_not_replaced() {
    let options = vec![("svtav1-params".to_owned(), "film-grain=8".to_owned())];
    let settings = encoding::settings(EncoderKind::Libav(LibavEncoder::SvtAv1), 64, 64, Depth::Eight);
    let settings = EncoderSettings { options, grain: Some(grain()), ..settings };
    let mut encoder = encode::open(&settings).unwrap();
    let mut packets = Vec::new();
    let mut encoded = Ok(());
    for frame in film(&settings, 9) {
        encoded = encoded.and_then(|()| encoder.encode(frame.into(), false, &mut packets));
    }
    match encoded.and_then(|()| encoder.finish(&mut packets)) {
        Err(Error::InvalidOption { expected, .. }) => assert!(expected.contains("adds film grain"), "{expected}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn grain_that_av1_does_not_know_is_refused_when_an_encoder_is_opened() {
    let settings = encoding::settings(EncoderKind::Libav(LibavEncoder::Aom), 64, 64, Depth::Eight);
    let settings = EncoderSettings { grain: Some(FilmGrain { scaling_shift: 12, ..grain() }), ..settings };
    let error = encode::open(&settings).err().unwrap().to_string();
    assert!(error.contains("scaling_shift 12: must be from 8 to 11"), "{error}");
}
