//! Streams of programs outside the process, decoded by libdav1d and read by ffprobe: of SVT-AV1's own command, and of
//! the `ffmpeg` command, which is Debian's or that which the environment variable UPRIGHT_FFMPEG names.

use crate::encoding::{
    self, assert_encodes_at_every_speed, assert_hdr_metadata, assert_quality_counts, assert_tags, assert_units,
    decoded_keys, encode, film, keys, least_psnr, stream,
};
use crate::footage::frame;
use crate::headers::assert_read_as_traced;
use std::num::NonZeroU32;
use upright_engine::Error;
use upright_engine::av1::{self, SequenceHeader};
use upright_engine::encode::{self, EncoderKind, EncoderSettings, pipe};
use upright_engine::frame::Depth;
use upright_engine::packet::Packet;

fn settings(profile: &str, width: u32, height: u32, depth: Depth) -> EncoderSettings {
    encoding::settings(EncoderKind::Pipe(profile.to_owned()), width, height, depth)
}

/// Settings for each of the shipped profiles.
fn all(width: u32, height: u32, depth: Depth) -> impl Iterator<Item = EncoderSettings> {
    ["svtav1", "ffmpeg"].into_iter().map(move |profile| settings(profile, width, height, depth))
}

fn header(packets: &[Packet]) -> &[u8] {
    av1::sequence_header_of(&packets[0].data).unwrap().unwrap().bytes
}

#[test]
fn the_programs_are_there() {
    for program in pipe::programs() {
        assert!(program.path.is_some() && program.version.is_some(), "{program:?}; run scripts/setup.sh test");
    }
}

#[test]
fn every_frame_of_every_shape_is_decoded() {
    for depth in [Depth::Eight, Depth::Ten] {
        for (width, height, count) in [(64, 64, 3), (66, 130, 20), (360, 640, 40)] {
            for settings in all(width, height, depth) {
                let settings = EncoderSettings { quality: 90, ..settings };
                let frames = film(&settings, count);
                let packets = encode(&settings, &frames, &[0]);
                let psnr = least_psnr(&settings, &packets, &frames);
                assert!(psnr > 35.0, "{} {width}x{height} at {depth:?}: {psnr} dB", settings.kind);
                let header = assert_read_as_traced(&stream(&settings, &packets));
                assert_eq!((header.max_frame_size, header.depth), (settings.size, depth));
            }
        }
    }
}

#[test]
fn films_of_any_length_come_out_whole_with_their_times() {
    for settings in all(64, 64, Depth::Eight) {
        for count in [0, 1, 2, 3, 5, 8, 16, 17, 33] {
            let mut frames = film(&settings, count);
            let mut pts = -1001;
            for (frame, gap) in frames.iter_mut().zip([3003, 1, 90_000, 40_000_000_000, 7].into_iter().cycle()) {
                (frame.pts, frame.duration) = (pts, gap);
                pts += gap;
            }
            let packets = encode(&settings, &frames, &[0]);
            let went_in: Vec<_> = frames.iter().map(|frame| (frame.pts, frame.duration)).collect();
            let came_out: Vec<_> = packets.iter().map(|packet| (packet.pts, packet.duration)).collect();
            assert_eq!(came_out, went_in, "{} {count}", settings.kind);
        }
    }
}

#[test]
fn a_packet_is_one_shown_frame_without_delimiter() {
    for settings in all(64, 112, Depth::Eight) {
        assert_units(&settings, &encode(&settings, &film(&settings, 12), &[0]));
    }
}

#[test]
fn only_the_first_is_a_key_frame_whatever_happens() {
    for settings in all(64, 64, Depth::Eight) {
        let mut frames = film(&settings, 260);
        for frame in &mut frames[100..] {
            frame.bytes_mut().iter_mut().for_each(|sample| *sample = 255 - *sample);
        }
        let packets = encode(&settings, &frames, &[0]);
        assert_eq!(packets.len(), frames.len());
        assert_eq!((keys(&packets), decoded_keys(&settings, &packets)), (vec![0], vec![0]), "{}", settings.kind);
    }
}

#[test]
fn key_frames_are_counted() {
    for distance in [2, 7, 25] {
        for settings in all(64, 64, Depth::Eight) {
            let settings = EncoderSettings { key_frame_distance: NonZeroU32::new(distance), ..settings };
            let mut frames = film(&settings, 60);
            // A cut is no reason.
            for frame in &mut frames[31..] {
                frame.bytes_mut().iter_mut().for_each(|sample| *sample = 255 - *sample);
            }
            let asked: Vec<_> = (0..60).step_by(distance as usize).collect();
            let packets = encode(&settings, &frames, &asked);
            assert_eq!(
                (keys(&packets), decoded_keys(&settings, &packets)),
                (asked.clone(), asked),
                "{}",
                settings.kind
            );
            assert_units(&settings, &packets);
            assert!(least_psnr(&settings, &packets, &frames) > 30.0, "{}", settings.kind);
        }
    }
}

#[test]
fn all_segments_have_the_same_sequence_header() {
    for depth in [Depth::Eight, Depth::Ten] {
        for settings in all(180, 320, depth) {
            let waves = film(&settings, 20);
            let mut noise = film(&settings, 45);
            let mut seed = 1_u32;
            for frame in &mut noise {
                for sample in frame.bytes_mut().iter_mut().step_by(settings.depth.bytes()) {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    *sample = (seed >> 24) as u8;
                }
            }
            let still = vec![frame(settings.frame_format(), 7); 1];
            let headers = [waves, noise, still].map(|frames| header(&encode(&settings, &frames, &[0])).to_vec());
            assert!(headers.iter().all(|header| *header == headers[0]), "{}: {headers:x?}", settings.kind);
        }
    }
}

#[test]
fn colour_tags_are_in_the_stream() {
    for depth in [Depth::Eight, Depth::Ten] {
        all(64, 64, depth).for_each(|settings| assert_tags(&settings));
    }
}

#[test]
fn high_dynamic_range_metadata_is_on_the_frames() {
    all(64, 112, Depth::Ten).for_each(|settings| assert_hdr_metadata(&settings, &[0]));
}

#[test]
fn more_quality_is_more_bytes_and_a_nearer_picture() {
    for settings in all(180, 320, Depth::Eight) {
        assert_quality_counts(&EncoderSettings { speed: 8, ..settings }, 8, &[0, 40, 80, 100]);
    }
}

#[test]
fn every_speed_encodes() {
    all(64, 112, Depth::Eight).for_each(|settings| assert_encodes_at_every_speed(&settings, 4));
}

#[test]
fn settings_by_the_encoders_own_names_win() {
    for settings in all(64, 112, Depth::Eight) {
        let own = |key: &str, value: &str| {
            let options = vec![(key.to_owned(), value.to_owned())];
            let settings = EncoderSettings { options, ..settings.clone() };
            encode(&settings, &film(&settings, 6), &[0])
        };
        let grain = av1::sequence_header_of(&own("film-grain", "8")[0].data).unwrap().unwrap().payload.to_vec();
        assert!(SequenceHeader::parse(&grain).unwrap().film_grain, "{}", settings.kind);
        let bytes = |packets: Vec<Packet>| packets.iter().map(|packet| packet.data.len()).sum::<usize>();
        assert!(bytes(own("crf", "63")) < bytes(own("crf", "20")), "{}", settings.kind);
    }
}

#[test]
fn what_a_program_says_about_a_refusal_is_passed_on() {
    let settings = settings("svtav1", 62, 64, Depth::Eight);
    let mut encoder = encode::open(&settings).unwrap();
    let mut packets = Vec::new();
    let frames = film(&settings, 1);
    let ended =
        encoder.encode(frames[0].clone().into(), true, &mut packets).and_then(|()| encoder.finish(&mut packets));
    match ended {
        Err(Error::Encoder { encoder, why }) => {
            assert_eq!(encoder, "pipe:svtav1");
            assert!(why.contains("exit status: 1") && why.contains("must be at least 64"), "{why}");
        }
        other => panic!("{other:?}"),
    }
}
