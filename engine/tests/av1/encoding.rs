//! What the tests of every encoder share: a film, its encoding, and what must be true of it.

use crate::ffmpeg::Stream;
use crate::footage::{frame, psnr};
use crate::headers::assert_read_as_traced;
use upright_engine::av1::{self, ObuKind};
use upright_engine::colour::{ChromaSite, Colour, ContentLight, HdrMetadata, MasteringDisplay, cicp};
use upright_engine::encode::{self, EncoderKind, EncoderSettings};
use upright_engine::frame::{Depth, Frame};
use upright_engine::geometry::{Rational, Size};
use upright_engine::packet::Packet;

pub(crate) const BT709: Colour = Colour {
    primaries: cicp::BT709,
    transfer: cicp::BT709,
    matrix: cicp::BT709,
    full_range: false,
    chroma: ChromaSite::LEFT,
};

pub(crate) fn settings(kind: EncoderKind, width: u32, height: u32, depth: Depth) -> EncoderSettings {
    EncoderSettings {
        kind,
        size: Size { width, height },
        depth,
        colour: BT709,
        hdr: HdrMetadata::default(),
        time_base: Rational::new(1, 90_000),
        frame_rate: Rational::new(30, 1),
        speed: 10,
        quality: 80,
        threads: 1,
        key_frame_distance: None,
        options: Vec::new(),
        grain: None,
    }
}

/// `count` frames, evenly spaced at the settings' frame rate.
pub(crate) fn film(settings: &EncoderSettings, count: u32) -> Vec<Frame> {
    let ticks = 3000;
    let mut frames: Vec<_> = (0..count).map(|number| frame(settings.frame_format(), number)).collect();
    for (frame, index) in frames.iter_mut().zip(0..) {
        (frame.pts, frame.duration) = (index * ticks, ticks);
    }
    frames
}

pub(crate) fn encode(settings: &EncoderSettings, frames: &[Frame], keys: &[usize]) -> Vec<Packet> {
    let mut encoder = encode::open(settings).unwrap();
    let mut packets = Vec::new();
    for (index, frame) in frames.iter().enumerate() {
        encoder.encode(frame.clone().into(), keys.contains(&index), &mut packets).unwrap();
    }
    while encoder.finish(&mut packets).unwrap() {}
    packets
}

pub(crate) fn stream(settings: &EncoderSettings, packets: &[Packet]) -> Stream {
    Stream::write(settings.frame_format(), settings.time_base, packets)
}

pub(crate) fn least_psnr(settings: &EncoderSettings, packets: &[Packet], frames: &[Frame]) -> f64 {
    let decoded = stream(settings, packets).decode(settings.frame_format());
    assert_eq!(decoded.len(), frames.len());
    decoded.iter().zip(frames).map(|(decoded, frame)| psnr(decoded, frame)).fold(f64::INFINITY, f64::min)
}

/// The numbers of the packets that are key frames.
pub(crate) fn keys(packets: &[Packet]) -> Vec<usize> {
    (0..packets.len()).filter(|&index| packets[index].key).collect()
}

/// The numbers of the frames that libavcodec takes for key frames.
pub(crate) fn decoded_keys(settings: &EncoderSettings, packets: &[Packet]) -> Vec<usize> {
    let probed = stream(settings, packets).probe("-show_frames");
    let probed = probed["frames"].as_array().unwrap();
    (0..probed.len()).filter(|&index| probed[index]["key_frame"] == 1).collect()
}

/// Checks that each packet is one shown frame, and begins with a sequence header where it is a key frame.
pub(crate) fn assert_units(settings: &EncoderSettings, packets: &[Packet]) {
    for packet in packets {
        let kinds: Vec<_> = av1::obus(&packet.data).map(|obu| obu.unwrap().kind).collect();
        assert!(!kinds.contains(&ObuKind::TemporalDelimiter), "{kinds:?}");
        assert_eq!(kinds[0] == ObuKind::SequenceHeader, packet.key, "{kinds:?}");
    }
    // Each packet shows one frame: what is decoded of the first n packets is n frames.
    for count in 1..=packets.len() {
        assert_eq!(stream(settings, &packets[..count]).decode(settings.frame_format()).len(), count);
    }
}

/// Checks that `settings` with tags of several kinds give streams that say so.
pub(crate) fn assert_tags(settings: &EncoderSettings) {
    let bt601 = Colour {
        primaries: cicp::BT470BG,
        transfer: cicp::SMPTE170M,
        matrix: cicp::BT470BG,
        full_range: true,
        chroma: ChromaSite::TOP_LEFT,
    };
    let untagged =
        Colour { primaries: cicp::UNSPECIFIED, transfer: cicp::UNSPECIFIED, matrix: cicp::UNSPECIFIED, ..BT709 };
    let cases = [
        (BT709, ["bt709", "bt709", "bt709", "tv"]),
        (bt601, ["bt470bg", "smpte170m", "bt470bg", "pc"]),
        (untagged, ["null", "null", "null", "tv"]),
    ];
    for (colour, expected) in cases {
        let settings = EncoderSettings { colour, ..settings.clone() };
        let stream = stream(&settings, &encode(&settings, &film(&settings, 1), &[0]));
        let probed = &stream.probe("-show_streams")["streams"][0];
        let tags = ["color_primaries", "color_transfer", "color_space", "color_range"]
            .map(|tag| probed[tag].as_str().unwrap_or("null").to_owned());
        assert_eq!(tags, expected);
        let header = assert_read_as_traced(&stream);
        assert_eq!(
            (header.primaries, header.transfer, header.matrix),
            (colour.primaries, colour.transfer, colour.matrix)
        );
        let position = if colour.chroma == ChromaSite::LEFT { 1 } else { 2 };
        assert_eq!(header.chroma_sample_position, position);
    }
}

/// Checks that `settings`, of 10 bits, give streams with metadata of high dynamic range at every key frame asked for.
pub(crate) fn assert_hdr_metadata(settings: &EncoderSettings, asked: &[usize]) {
    let point = |x, y| (Rational::new(x, 50_000), Rational::new(y, 50_000));
    let hdr = HdrMetadata {
        mastering: Some(MasteringDisplay {
            primaries: [point(34_000, 16_000), point(13_250, 34_500), point(7_500, 3_000)],
            white: point(15_635, 16_450),
            min_luminance: Rational::new(1, 200),
            max_luminance: Rational::new(4000, 1),
        }),
        light: Some(ContentLight { max_cll: 1234, max_fall: 567 }),
    };
    let colour = Colour {
        primaries: cicp::BT2020,
        transfer: cicp::PQ,
        matrix: cicp::BT2020,
        full_range: false,
        chroma: ChromaSite::TOP_LEFT,
    };
    let settings = EncoderSettings { colour, hdr, ..settings.clone() };
    let packets = encode(&settings, &film(&settings, 3), asked);
    for packet in packets.iter().filter(|packet| packet.key) {
        let metadata = av1::obus(&packet.data).filter(|obu| obu.unwrap().kind == ObuKind::Metadata);
        assert_eq!(metadata.count(), 2);
    }
    let stream = stream(&settings, &packets);
    let probed = stream.probe("-show_frames");
    let frame = &probed["frames"][0];
    assert_eq!(frame["color_transfer"], "smpte2084");
    assert_eq!(frame["color_primaries"], "bt2020");
    assert_eq!(frame["color_space"], "bt2020nc");
    assert_eq!(frame["chroma_location"], "topleft");
    let side_data = frame["side_data_list"].as_array().unwrap();
    let display = side_data.iter().find(|data| data["side_data_type"] == "Mastering display metadata").unwrap();
    let value = |name: &str| {
        let (num, den) = display[name].as_str().unwrap().split_once('/').unwrap();
        num.parse::<f64>().unwrap() / den.parse::<f64>().unwrap()
    };
    let expected = [
        ("red_x", 0.68),
        ("red_y", 0.32),
        ("green_x", 0.265),
        ("green_y", 0.69),
        ("blue_x", 0.15),
        ("blue_y", 0.06),
        ("white_point_x", 0.3127),
        ("white_point_y", 0.329),
        ("min_luminance", 0.005),
        ("max_luminance", 4000.0),
    ];
    for (name, expected) in expected {
        // The coarsest unit of the small values is 2^-14, half of which is the rounding.
        assert!((value(name) - expected).abs() <= 0.5 / 16384.0, "{name}: {} for {expected}", value(name));
    }
    let light = side_data.iter().find(|data| data["side_data_type"] == "Content light level metadata").unwrap();
    assert_eq!((&light["max_content"], &light["max_average"]), (&1234.into(), &567.into()));
}

/// Asserts that more quality is more bytes and a picture nearer to the film of so many frames.
pub(crate) fn assert_quality_counts(settings: &EncoderSettings, frames: u32, qualities: &[u8]) {
    let measure = |&quality: &u8| {
        let settings = EncoderSettings { quality, ..settings.clone() };
        let frames = film(&settings, frames);
        let packets = encode(&settings, &frames, &[0]);
        let bytes: usize = packets.iter().map(|packet| packet.data.len()).sum();
        (bytes, least_psnr(&settings, &packets, &frames))
    };
    let measured: Vec<_> = qualities.iter().map(measure).collect();
    for pair in measured.windows(2) {
        assert!(pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1, "{}: {measured:?}", settings.kind);
    }
}

/// Asserts that a film of so many frames is encoded at every speed.
pub(crate) fn assert_encodes_at_every_speed(settings: &EncoderSettings, frames: u32) {
    for speed in 0..=10 {
        let settings = EncoderSettings { speed, ..settings.clone() };
        let frames = film(&settings, frames);
        let psnr = least_psnr(&settings, &encode(&settings, &frames, &[0]), &frames);
        assert!(psnr > 35.0, "{} speed {speed}: {psnr} dB", settings.kind);
    }
}
