//! Streams of libavcodec's encoders, decoded by libdav1d and read by ffprobe.

use crate::encoding::{
    self, BT709, assert_encodes_at_every_speed, assert_hdr_metadata, assert_quality_counts, assert_tags, assert_units,
    decoded_keys, encode, film, keys, least_psnr, stream,
};
use crate::headers::assert_read_as_traced;
use upright_engine::Error;
use upright_engine::av1;
use upright_engine::colour::{ChromaSite, Colour};
use upright_engine::encode::{self, EncoderKind, EncoderSettings, LibavEncoder};
use upright_engine::frame::{Depth, Frame};
use upright_engine::geometry::{Rational, Size};

/// What can be tried on any machine.
const SOFTWARE: [LibavEncoder; 2] = [LibavEncoder::SvtAv1, LibavEncoder::Aom];

fn settings(encoder: LibavEncoder, width: u32, height: u32, depth: Depth) -> EncoderSettings {
    encoding::settings(EncoderKind::Libav(encoder), width, height, depth)
}

fn svt(width: u32, height: u32, depth: Depth) -> EncoderSettings {
    settings(LibavEncoder::SvtAv1, width, height, depth)
}

fn refusal(settings: &EncoderSettings) -> String {
    match encode::open(settings).err() {
        Some(error @ (Error::InvalidOption { .. } | Error::Misuse(_))) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_frame_of_every_shape_is_decoded() {
    for encoder in SOFTWARE {
        let least = if encoder == LibavEncoder::SvtAv1 { 64 } else { 18 };
        let shapes = [(least, least, 9), (least, 130, 4), (130, least, 5), (90, 160, 40), (360, 640, 3)];
        for depth in [Depth::Eight, Depth::Ten] {
            for (width, height, count) in shapes {
                let settings = settings(encoder, width, height, depth);
                let frames = film(&settings, count);
                let psnr = least_psnr(&settings, &encode(&settings, &frames, &[0]), &frames);
                assert!(psnr > 35.0, "{encoder:?} {width}x{height} at {depth:?}: {psnr} dB");
            }
        }
    }
}

#[test]
fn films_of_any_length_come_out_whole() {
    for encoder in SOFTWARE {
        for count in [0, 1, 2, 3, 8, 17, 33] {
            let settings = settings(encoder, 64, 64, Depth::Eight);
            let frames = film(&settings, count);
            let packets = encode(&settings, &frames, &[0]);
            assert_eq!(packets.len(), frames.len());
            if count > 0 {
                assert!(least_psnr(&settings, &packets, &frames) > 35.0);
            }
        }
    }
}

#[test]
fn an_encoder_may_be_left_at_any_time() {
    for encoder in SOFTWARE {
        for count in [0, 1, 30] {
            let settings = settings(encoder, 64, 64, Depth::Eight);
            let mut encoder = encode::open(&settings).unwrap();
            for frame in film(&settings, count) {
                encoder.encode(frame.clone().into(), false, &mut Vec::new()).unwrap();
            }
        }
    }
}

#[test]
fn key_frames_are_where_they_were_asked_for_and_nowhere_else() {
    // Neighbours, both ends of a group, the last frame; and a cut that nobody asked for at 42.
    let asked = [0, 1, 5, 10, 27, 50, 59];
    let settings = svt(64, 64, Depth::Eight);
    let mut frames = film(&settings, 60);
    invert(&mut frames[42..]);
    let packets = encode(&settings, &frames, &asked);
    assert_eq!(keys(&packets), asked);
    assert_eq!(decoded_keys(&settings, &packets), asked);
    assert!(least_psnr(&settings, &packets, &frames) > 30.0);
}

#[test]
fn only_the_first_frame_is_a_key_frame_in_long_films_with_cuts() {
    for encoder in SOFTWARE {
        let settings = settings(encoder, 64, 64, Depth::Eight);
        let mut frames = film(&settings, 300);
        invert(&mut frames[142..]);
        let packets = encode(&settings, &frames, &[]);
        assert_eq!(keys(&packets), [0], "{encoder:?}");
        assert_eq!(decoded_keys(&settings, &packets), [0], "{encoder:?}");
    }
}

/// The negative, which no encoder can foresee.
fn invert(frames: &mut [Frame]) {
    frames.iter_mut().for_each(|frame| frame.bytes_mut().iter_mut().for_each(|sample| *sample = 255 - *sample));
}

#[test]
fn a_key_frame_that_cannot_be_made_is_an_error() {
    let settings = settings(LibavEncoder::Aom, 64, 64, Depth::Eight);
    let frames = film(&settings, 2);
    let mut encoder = encode::open(&settings).unwrap();
    encoder.encode(frames[0].clone().into(), true, &mut Vec::new()).unwrap();
    let refused = encoder.encode(frames[1].clone().into(), true, &mut Vec::new()).unwrap_err();
    assert_eq!(refused.to_string(), "encoder libaom-av1: it cannot make a key frame of frame 1, only of the first");
}

#[test]
fn a_key_frame_that_nobody_asked_for_is_an_error() {
    let settings = EncoderSettings { options: options(&[("g", "4")]), ..svt(64, 64, Depth::Eight) };
    let mut encoder = encode::open(&settings).unwrap();
    let mut packets = Vec::new();
    let outcome =
        film(&settings, 12).iter().try_for_each(|frame| encoder.encode(frame.clone().into(), false, &mut packets));
    let outcome = outcome.and_then(|()| {
        while encoder.finish(&mut packets)? {}
        Ok(())
    });
    assert!(outcome.unwrap_err().to_string().contains("frame 4 became a key frame against what it was told"));
}

#[test]
fn each_group_decodes_by_itself() {
    let settings = svt(64, 112, Depth::Ten);
    let frames = film(&settings, 24);
    let packets = encode(&settings, &frames, &[0, 13]);
    assert!(least_psnr(&settings, &packets[13..], &frames[13..]) > 35.0);
}

#[test]
fn uneven_timestamps_and_durations_ride_through() {
    for encoder in SOFTWARE {
        let settings = settings(encoder, 64, 64, Depth::Eight);
        let mut frames = film(&settings, 40);
        let mut pts = -1001;
        let gaps = [3003, 1, 90_000, 1500, 3003, 40_000_000_000, 7];
        for (frame, gap) in frames.iter_mut().zip(gaps.into_iter().cycle()) {
            (frame.pts, frame.duration) = (pts, gap);
            pts += gap;
        }
        let packets = encode(&settings, &frames, &[0]);
        let went_in: Vec<_> = frames.iter().map(|frame| (frame.pts, frame.duration)).collect();
        let came_out: Vec<_> = packets.iter().map(|packet| (packet.pts, packet.duration)).collect();
        assert_eq!(came_out, went_in);
    }
}

#[test]
fn a_packet_is_one_shown_frame_without_delimiter() {
    for (encoder, asked) in [(LibavEncoder::SvtAv1, &[0, 4][..]), (LibavEncoder::Aom, &[0])] {
        let settings = settings(encoder, 64, 112, Depth::Eight);
        assert_units(&settings, &encode(&settings, &film(&settings, 20), asked));
    }
}

#[test]
fn the_sequence_header_has_size_and_level() {
    let ladder = [
        (1080, 1920, "av01.0.08M.08"),
        (720, 1280, "av01.0.05M.08"),
        (540, 960, "av01.0.04M.08"),
        (360, 640, "av01.0.01M.08"),
    ];
    for encoder in SOFTWARE {
        for (width, height, codec) in ladder {
            let settings = EncoderSettings { quality: 20, ..settings(encoder, width, height, Depth::Eight) };
            let packets = encode(&settings, &film(&settings, 1), &[0]);
            let header = assert_read_as_traced(&stream(&settings, &packets));
            assert_eq!(header.codec_string(), codec, "{encoder:?}");
            assert_eq!(header.max_frame_size, settings.size, "{encoder:?}");
        }
    }
}

#[test]
fn a_stream_faster_than_its_size_needs_a_higher_level() {
    for encoder in SOFTWARE {
        let settings = EncoderSettings { frame_rate: Rational::new(120, 1), ..settings(encoder, 360, 640, Depth::Ten) };
        let packets = encode(&settings, &film(&settings, 1), &[0]);
        let header = assert_read_as_traced(&stream(&settings, &packets));
        assert_eq!(header.level, av1::level_for(settings.size, settings.frame_rate), "{encoder:?}");
    }
}

#[test]
fn colour_tags_are_in_the_stream() {
    for encoder in SOFTWARE {
        assert_tags(&settings(encoder, 64, 64, Depth::Eight));
    }
}

#[test]
fn high_dynamic_range_metadata_is_on_the_frames() {
    assert_hdr_metadata(&svt(64, 112, Depth::Ten), &[0, 2]);
    assert_hdr_metadata(&settings(LibavEncoder::Aom, 64, 112, Depth::Ten), &[0]);
}

#[test]
fn more_quality_is_more_bytes_and_a_nearer_picture() {
    for encoder in SOFTWARE {
        assert_quality_counts(&settings(encoder, 180, 320, Depth::Eight), 4, &[0, 40, 60, 80, 100]);
    }
}

#[test]
fn every_speed_encodes() {
    for encoder in SOFTWARE {
        assert_encodes_at_every_speed(&settings(encoder, 64, 80, Depth::Eight), 2);
    }
}

#[test]
fn frames_do_not_pile_up_inside() {
    for (encoder, most) in [(LibavEncoder::SvtAv1, 80), (LibavEncoder::Aom, 60)] {
        let settings = settings(encoder, 64, 64, Depth::Eight);
        let mut opened = encode::open(&settings).unwrap();
        let mut packets = Vec::new();
        let frames = film(&settings, 200);
        let inside = frames.iter().zip(1..).map(|(frame, sent)| {
            opened.encode(frame.clone().into(), false, &mut packets).unwrap();
            sent - packets.len()
        });
        let held = inside.max().unwrap();
        assert!(held <= most, "{encoder:?}: {held} frames");
    }
}

#[test]
fn several_encoders_work_side_by_side() {
    let settings = svt(64, 112, Depth::Eight);
    let frames = film(&settings, 20);
    let alone = encode(&settings, &frames, &[0]);
    let together = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| encode(&settings, &frames, &[0]))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(together.iter().all(|packets| *packets == alone));
}

#[test]
fn encoders_of_any_speeds_and_sizes_work_in_one_process() {
    let each = [(1, 304, 544), (2, 64, 64), (5, 64, 64), (10, 64, 64)];
    let encode_one = |(speed, width, height)| {
        let settings = EncoderSettings { speed, ..svt(width, height, Depth::Eight) };
        encode(&settings, &film(&settings, 3), &[0])
    };
    let alone = each.map(encode_one);
    let together = std::thread::scope(|scope| {
        each.map(|one| scope.spawn(move || encode_one(one))).map(|thread| thread.join().unwrap())
    });
    assert!(together == alone);
}

#[test]
fn a_ladder_of_small_and_large_rungs_is_refused_where_they_cannot_be_side_by_side() {
    let (large, small) = (Size { width: 540, height: 960 }, Size { width: 270, height: 480 });
    let check = |encoder: &EncoderKind, speed, sizes: &[Size]| encoder.check_ladder(speed, &[], sizes);
    let svt = EncoderKind::Libav(LibavEncoder::SvtAv1);
    for ladder in [[large, small], [small, large]] {
        let refused = check(&svt, 2, &ladder).unwrap_err().to_string();
        assert!(
            refused.starts_with(&format!("rung {}: libsvtav1 cannot encode rungs of fewer than", ladder[1])),
            "{refused}"
        );
        check(&svt, 3, &ladder).unwrap();
        check(&EncoderKind::Pipe("svtav1".to_owned()), 2, &ladder).unwrap();
        check(&EncoderKind::Libav(LibavEncoder::Aom), 2, &ladder).unwrap();
    }
    check(&svt, 2, &[small]).unwrap();
}

#[test]
fn encoders_open_and_close_while_others_do() {
    let settings = svt(64, 64, Depth::Eight);
    let frames = film(&settings, 1);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..50).for_each(|_| assert_eq!(encode(&settings, &frames, &[0]).len(), 1)));
        }
    });
}

#[test]
fn settings_out_of_range_are_refused_in_words() {
    for encoder in SOFTWARE {
        let good = settings(encoder, 64, 64, Depth::Eight);
        let size = |width, height| EncoderSettings { size: Size { width, height }, ..good.clone() };
        assert!(refusal(&size(14, 64)).starts_with("rung 14x64: "));
        let centred = EncoderSettings { colour: Colour { chroma: ChromaSite::CENTRE, ..BT709 }, ..good.clone() };
        assert!(refusal(&centred).contains("chroma"));
    }
    assert_eq!(
        refusal(&svt(36, 64, Depth::Eight)),
        "rung 36x64: libsvtav1 cannot make a picture of this size; sides are even, from 64 to 16384"
    );
}

fn options(options: &[(&str, &str)]) -> Vec<(String, String)> {
    options.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

#[test]
fn options_of_the_encoder_are_taken_or_named() {
    let with = |encoder, given: &[(&str, &str)]| EncoderSettings {
        options: options(given),
        ..settings(encoder, 64, 64, Depth::Eight)
    };
    for (encoder, given, words) in [
        (LibavEncoder::SvtAv1, ("pressed", "5"), "encoder option \"pressed\": libsvtav1 has none of this name"),
        (LibavEncoder::SvtAv1, ("preset", "99"), "encoder option preset=\"99\": libsvtav1 does not take"),
        (
            LibavEncoder::SvtAv1,
            ("svtav1-params", "wrong=1"),
            "encoder options svtav1-params=wrong=1: libsvtav1 refuses to start",
        ),
        (LibavEncoder::Aom, ("cpu-used", "fast"), "encoder option cpu-used=\"fast\": libaom-av1 does not take"),
        (
            LibavEncoder::Aom,
            ("aom-params", "wrong=1"),
            "encoder options aom-params=wrong=1: libaom-av1 refuses to start",
        ),
        (LibavEncoder::Aom, ("crf", "6\0"), "zero byte"),
    ] {
        let message = refusal(&with(encoder, &[given]));
        assert!(message.contains(words), "{message}");
    }
    let bytes = |settings: &EncoderSettings| {
        encode(settings, &film(settings, 8), &[0]).iter().map(|packet| packet.data.len()).sum::<usize>()
    };
    for (encoder, list) in [
        (LibavEncoder::SvtAv1, &[("crf", "60")][..]),
        (LibavEncoder::SvtAv1, &[("qp", "60")]),
        (LibavEncoder::SvtAv1, &[("svtav1-params", "crf=60"), ("svtav1-params", "lp=2:tune=0")]),
        (LibavEncoder::Aom, &[("crf", "60")]),
    ] {
        let (own, given) = (bytes(&with(encoder, &[])), bytes(&with(encoder, list)));
        assert!(given < own, "{list:?}: {given} bytes, {own} without");
    }
}

#[test]
fn an_encoder_that_is_not_there_says_what_is() {
    let there = encode::available();
    for encoder in LibavEncoder::ALL {
        let kind = EncoderKind::Libav(encoder);
        if there.iter().all(|found| found.encoder != kind) {
            match encode::open(&settings(encoder, 64, 64, Depth::Eight)).err() {
                Some(Error::EncoderMissing { encoder, why }) => {
                    assert_eq!(encoder, kind.to_string());
                    assert!(why.starts_with("is not in the linked libavcodec; there are rav1e, "), "{why}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn a_frame_of_another_format_and_one_after_the_end_are_errors() {
    for encoder in SOFTWARE {
        let settings = settings(encoder, 64, 64, Depth::Eight);
        let other = Frame::new(settings_of_ten(&settings).frame_format());
        let mut encoder = encode::open(&settings).unwrap();
        let mut packets = Vec::new();
        assert!(matches!(encoder.encode(other.clone().into(), true, &mut packets), Err(Error::Encoder { .. })));
        encoder.encode(film(&settings, 1)[0].clone().into(), true, &mut packets).unwrap();
        while encoder.finish(&mut packets).unwrap() {}
        assert_eq!(packets.len(), 1);
        assert!(encoder.encode(film(&settings, 1)[0].clone().into(), true, &mut packets).is_err());
    }
}

fn settings_of_ten(settings: &EncoderSettings) -> EncoderSettings {
    EncoderSettings { depth: Depth::Ten, ..settings.clone() }
}
