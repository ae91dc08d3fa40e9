//! rav1e's streams, decoded by libdav1d and read by ffprobe.

use crate::encoding::{
    self, BT709, assert_encodes_at_every_speed, assert_hdr_metadata, assert_quality_counts, assert_tags, assert_units,
    encode, film, least_psnr, stream,
};
use crate::headers::assert_read_as_traced;
use proptest::prelude::*;
use upright_engine::Error;
use upright_engine::av1;
use upright_engine::colour::{ChromaSite, Colour, cicp};
use upright_engine::encode::{self, EncoderKind, EncoderSettings};
use upright_engine::frame::{Depth, Frame};
use upright_engine::geometry::{Rational, Size};

fn settings(width: u32, height: u32, depth: Depth) -> EncoderSettings {
    encoding::settings(EncoderKind::Rav1e, width, height, depth)
}

#[test]
fn every_frame_of_every_shape_is_decoded() {
    let shapes = [(16, 16, 9), (34, 62, 9), (18, 130, 4), (130, 18, 5), (360, 640, 3)];
    for depth in [Depth::Eight, Depth::Ten] {
        for (width, height, count) in shapes {
            let settings = settings(width, height, depth);
            let frames = film(&settings, count);
            let psnr = least_psnr(&settings, &encode(&settings, &frames, &[0]), &frames);
            assert!(psnr > 35.0, "{width}x{height} at {depth:?}: {psnr} dB");
        }
    }
}

#[test]
fn films_of_any_length_come_out_whole() {
    for count in 0..12 {
        let settings = settings(16, 16, Depth::Eight);
        let frames = film(&settings, count);
        let packets = encode(&settings, &frames, &[0]);
        assert_eq!(packets.len(), frames.len());
        if count > 0 {
            assert!(least_psnr(&settings, &packets, &frames) > 35.0);
        }
    }
}

#[test]
fn the_comparison_of_pictures_fails_on_the_wrong_frame() {
    let settings = settings(64, 112, Depth::Eight);
    let mut frames = film(&settings, 3);
    let packets = encode(&settings, &frames, &[0]);
    frames.swap(0, 2);
    assert!(least_psnr(&settings, &packets, &frames) < 35.0);
}

#[test]
fn a_missing_packet_is_a_missing_frame() {
    let settings = settings(64, 112, Depth::Eight);
    let packets = encode(&settings, &film(&settings, 3), &[0]);
    assert_eq!(stream(&settings, &packets[..2]).decode(settings.frame_format()).len(), 2);
}

#[test]
fn key_frames_are_where_they_were_asked_for_and_nowhere_else() {
    // Neighbours, both ends of a group of four, the last frame; and a cut that nobody asked for at 12.
    let keys = [0, 1, 5, 10, 15, 23];
    let settings = settings(64, 64, Depth::Eight);
    let mut frames = film(&settings, 24);
    for frame in &mut frames[12..] {
        frame.bytes_mut().iter_mut().for_each(|sample| *sample = 255 - *sample);
    }
    let packets = encode(&settings, &frames, &keys);
    assert_eq!(encoding::keys(&packets), keys);
    assert_eq!(encoding::decoded_keys(&settings, &packets), keys);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_list_of_key_frames_is_followed(
        asked in proptest::collection::vec(proptest::bool::weighted(0.25), 1..40),
        speed in 8_u8..=10,
    ) {
        let settings = EncoderSettings { speed, quality: 30, ..settings(16, 16, Depth::Eight) };
        let frames = film(&settings, u32::try_from(asked.len()).unwrap());
        let keys: Vec<_> = (0..asked.len()).filter(|&index| index == 0 || asked[index]).collect();
        let packets = encode(&settings, &frames, &keys);
        prop_assert_eq!(encoding::keys(&packets), keys);
        prop_assert!(packets.iter().map(|packet| packet.pts).eq(frames.iter().map(|frame| frame.pts)));
    }
}

#[test]
fn the_first_frame_is_a_key_frame_unasked_and_a_long_film_has_no_other() {
    let settings = settings(16, 16, Depth::Eight);
    let packets = encode(&settings, &film(&settings, 300), &[]);
    assert_eq!(encoding::keys(&packets), [0]);
}

#[test]
fn each_group_decodes_by_itself() {
    let settings = settings(64, 112, Depth::Ten);
    let frames = film(&settings, 12);
    let packets = encode(&settings, &frames, &[0, 7]);
    assert!(least_psnr(&settings, &packets[7..], &frames[7..]) > 35.0);
}

#[test]
fn uneven_timestamps_and_durations_ride_through() {
    let settings = settings(16, 16, Depth::Eight);
    let mut frames = film(&settings, 14);
    let mut pts = -1001;
    for (frame, gap) in frames.iter_mut().zip([3003, 1, 90_000, 1500, 3003, 40_000_000_000, 7].into_iter().cycle()) {
        (frame.pts, frame.duration) = (pts, gap);
        pts += gap;
    }
    let packets = encode(&settings, &frames, &[0, 9]);
    let went_in: Vec<_> = frames.iter().map(|frame| (frame.pts, frame.duration)).collect();
    let came_out: Vec<_> = packets.iter().map(|packet| (packet.pts, packet.duration)).collect();
    assert_eq!(came_out, went_in);
}

#[test]
fn a_packet_is_one_shown_frame_without_delimiter() {
    let settings = settings(64, 112, Depth::Eight);
    let frames = film(&settings, 9);
    let packets = encode(&settings, &frames, &[0, 4]);
    assert_units(&settings, &packets);
}

#[test]
fn the_sequence_header_is_what_was_asked_for_at_every_key_frame() {
    let ladder = [
        (1080, 1920, "av01.0.08M.08"),
        (720, 1280, "av01.0.05M.08"),
        (540, 960, "av01.0.04M.08"),
        (360, 640, "av01.0.01M.08"),
    ];
    for (width, height, codec) in ladder {
        let settings = EncoderSettings { quality: 20, ..settings(width, height, Depth::Eight) };
        let packets = encode(&settings, &film(&settings, 2), &[0, 1]);
        let headers: Vec<_> =
            packets.iter().map(|packet| av1::sequence_header_of(&packet.data).unwrap().unwrap()).collect();
        assert_eq!(headers[0], headers[1]);
        let header = assert_read_as_traced(&stream(&settings, &packets));
        assert_eq!(header.codec_string(), codec);
        assert_eq!(header.max_frame_size, settings.size);
    }
}

#[test]
fn a_stream_faster_than_its_size_needs_a_higher_level() {
    let settings = EncoderSettings { frame_rate: Rational::new(120, 1), ..settings(360, 640, Depth::Ten) };
    let packets = encode(&settings, &film(&settings, 1), &[0]);
    assert_eq!(assert_read_as_traced(&stream(&settings, &packets)).codec_string(), "av01.0.05M.10");
}

#[test]
fn colour_tags_are_in_the_stream() {
    assert_tags(&settings(16, 16, Depth::Eight));
}

#[test]
fn high_dynamic_range_metadata_is_on_the_frames() {
    assert_hdr_metadata(&settings(64, 112, Depth::Ten), &[0, 2]);
}

#[test]
fn a_stream_without_metadata_has_none() {
    let settings = settings(16, 16, Depth::Ten);
    let probed = stream(&settings, &encode(&settings, &film(&settings, 1), &[0])).probe("-show_frames");
    assert!(probed["frames"][0]["side_data_list"].is_null());
}

#[test]
fn more_quality_is_more_bytes_and_a_nearer_picture() {
    assert_quality_counts(&settings(180, 320, Depth::Eight), 4, &[0, 40, 60, 80, 100]);
}

#[test]
fn every_speed_encodes() {
    assert_encodes_at_every_speed(&settings(48, 80, Depth::Eight), 2);
}

#[test]
fn frames_do_not_pile_up_inside() {
    // The preset's look-ahead, and the frames that reordering and the search for key frames hold back.
    for (speed, look_ahead) in [(0, 40), (10, 1)] {
        let settings = EncoderSettings { speed, ..settings(16, 16, Depth::Eight) };
        let mut encoder = encode::open(&settings).unwrap();
        let mut packets = Vec::new();
        let frames = film(&settings, 120);
        let inside = frames.iter().zip(1..).map(|(frame, sent)| {
            encoder.encode(frame.clone().into(), sent % 30 == 1, &mut packets).unwrap();
            sent - packets.len()
        });
        let most = inside.max().unwrap();
        assert!(most <= look_ahead + 14, "speed {speed}: {most} frames");
    }
}

#[test]
fn tiles_and_threads_decode_alike() {
    for threads in [1, 2, 4] {
        let settings = EncoderSettings { threads, quality: 60, ..settings(540, 960, Depth::Eight) };
        let frames = film(&settings, 2);
        assert!(least_psnr(&settings, &encode(&settings, &frames, &[0]), &frames) > 35.0, "{threads} threads");
    }
}

#[test]
fn settings_out_of_range_are_refused_in_words() {
    let good = settings(64, 64, Depth::Eight);
    let size = |width, height| EncoderSettings { size: Size { width, height }, ..good.clone() };
    let cases = [
        (size(63, 64), "63x64"),
        (size(64, 65), "64x65"),
        (size(14, 64), "14x64"),
        (size(64, 16386), "64x16386"),
        (EncoderSettings { depth: Depth::Twelve, ..good.clone() }, "12 bits"),
        (EncoderSettings { speed: 11, ..good.clone() }, "speed 11"),
        (EncoderSettings { quality: 101, ..good.clone() }, "quality 101"),
        (EncoderSettings { threads: 0, ..good.clone() }, "thread"),
        (EncoderSettings { frame_rate: Rational::new(0, 1), ..good.clone() }, "frame rate of 0/1"),
        (EncoderSettings { colour: Colour { matrix: cicp::RGB, ..BT709 }, ..good.clone() }, "RGB"),
        (EncoderSettings { colour: Colour { chroma: ChromaSite::CENTRE, ..BT709 }, ..good.clone() }, "chroma"),
    ];
    assert!(encode::open(&good).is_ok());
    for (settings, word) in cases {
        match encode::open(&settings).err() {
            Some(error @ (Error::InvalidOption { .. } | Error::Misuse(_))) => {
                assert!(error.to_string().contains(word), "{error}");
            }
            other => panic!("{word}: {other:?}"),
        }
    }
}

#[test]
fn a_frame_of_another_format_is_an_error() {
    for (height, depth) in [(66, Depth::Eight), (64, Depth::Ten)] {
        let mut encoder = encode::open(&settings(64, 64, Depth::Eight)).unwrap();
        let other = Frame::new(settings(64, height, depth).frame_format());
        let refused = encoder.encode(other.clone().into(), true, &mut Vec::new());
        assert!(matches!(refused, Err(Error::Encoder { .. })));
    }
}

#[test]
fn a_frame_after_the_end_is_an_error() {
    let settings = settings(16, 16, Depth::Eight);
    let mut encoder = encode::open(&settings).unwrap();
    let mut packets = Vec::new();
    encoder.encode(Frame::new(settings.frame_format()).into(), true, &mut packets).unwrap();
    while encoder.finish(&mut packets).unwrap() {}
    assert_eq!(packets.len(), 1);
    assert!(encoder.encode(Frame::new(settings.frame_format()).into(), true, &mut packets).is_err());
}
