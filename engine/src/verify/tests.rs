use super::*;
use crate::colour::cicp;
use crate::media::testing::{BT709, av1_packets, opus_packets, opus_track, run};
use crate::media::{AudioTrack, Mp4Writer, Tags, VideoTrack};
use crate::packet::Packet;
use std::path::PathBuf;
use tempfile::TempDir;
use upright_fixtures::mp4;

const SIZE: Size = Size { width: 90, height: 160 };
const TIME_BASE: Rational = Rational { num: 1, den: 25 };

/// Twelve frames of which every fifth is a key frame.
fn packets() -> Vec<Packet> {
    let tags = ["-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv"];
    av1_packets("90x160", 12, 5, &tags)
}

fn write(directory: &TempDir, packets: &[Packet]) -> PathBuf {
    write_with(directory, packets, &[])
}

/// With an audio track if there are packets for it.
fn write_with(directory: &TempDir, packets: &[Packet], audio: &[Packet]) -> PathBuf {
    let path = directory.path().join("written.mp4");
    let track = VideoTrack {
        size: SIZE,
        time_base: TIME_BASE,
        frame_rate: Rational::new(25, 1),
        colour: BT709,
        hdr: HdrMetadata::default(),
        language: Some("swe".to_owned()),
        first: &packets[0],
    };
    let sound = Vec::from_iter((!audio.is_empty()).then(|| AudioTrack { roles: vec![Role::Comment], ..opus_track() }));
    let mut writer = Mp4Writer::create(&path, &track, &sound, &Tags::default()).unwrap();
    packets.iter().for_each(|packet| writer.write_video(packet).unwrap());
    audio.iter().for_each(|packet| writer.write_audio(0, packet).unwrap());
    writer.finish().unwrap();
    path
}

fn expected(packets: &[Packet]) -> Expected {
    let mut video = TimestampDigest::default();
    packets.iter().for_each(|packet| video.push(packet.pts, packet.key));
    // libaom says nothing of the chroma site unless asked.
    let colour = Colour { chroma: ChromaSite::CENTRE, ..BT709 };
    let hdr = HdrMetadata::default();
    let (size, depth, language) = (SIZE, Depth::Eight, Some("sv-FI".to_owned()));
    Expected { size, depth, colour, hdr, time_base: TIME_BASE, language, video, audio: Vec::new() }
}

fn why(path: &Path, expected: &Expected) -> String {
    match rendition(path, expected) {
        Err(Error::Verify { path: told, why }) if told == path => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_good_file_passes() {
    let directory = TempDir::new().unwrap();
    let packets = packets();
    rendition(&write(&directory, &packets), &expected(&packets)).unwrap();
}

#[test]
fn every_expectation_can_fail() {
    let directory = TempDir::new().unwrap();
    let packets = packets();
    let path = write(&directory, &packets);
    let good = expected(&packets);
    let colour = |colour| Expected { colour, ..good.clone() };
    let stamps = |packets: &[Packet]| Expected { video: expected(packets).video, ..good.clone() };
    let changed = |index: usize, change: &dyn Fn(&mut Packet)| {
        let mut packets = packets.clone();
        change(&mut packets[index]);
        stamps(&packets)
    };
    let shifted: Vec<_> = packets.iter().map(|packet| Packet { pts: packet.pts + 1, ..packet.clone() }).collect();
    let light = Some(ContentLight { max_cll: 1, max_fall: 1 });
    let audio = ExpectedAudio {
        codec: "aac".to_owned(),
        time_base: Rational::new(1, 48_000),
        language: None,
        roles: Vec::new(),
        packets: good.video.clone(),
    };
    let cases = [
        (Expected { size: Size { width: 92, ..SIZE }, ..good.clone() }, "size in the container"),
        (Expected { depth: Depth::Ten, ..good.clone() }, "depth in the AV1 stream"),
        (colour(Colour { primaries: cicp::BT2020, ..good.colour }), "colour in the container"),
        (colour(Colour { transfer: cicp::PQ, ..good.colour }), "colour in the container"),
        (colour(Colour { matrix: cicp::BT2020, ..good.colour }), "colour in the container"),
        (colour(Colour { full_range: true, ..good.colour }), "full range in the container"),
        (colour(Colour { chroma: ChromaSite::LEFT, ..good.colour }), "chroma site in the AV1 stream"),
        (Expected { hdr: HdrMetadata { light, mastering: None }, ..good.clone() }, "HDR metadata in the container"),
        (Expected { time_base: Rational::new(1, 50), ..good.clone() }, "video time base"),
        (Expected { language: Some("eng".to_owned()), ..good.clone() }, "language of the picture"),
        (Expected { audio: vec![audio], ..good.clone() }, "audio tracks"),
        (stamps(&packets[..11]), "number of frames"),
        (stamps(&shifted), "time of the first of the frames"),
        (changed(11, &|packet| packet.pts += 1), "time of the last of the frames"),
        (changed(7, &|packet| packet.key = true), "number of key frames"),
        (changed(6, &|packet| packet.pts += 1), "times or keys of the frames"),
    ];
    for (expected, what) in cases {
        let why = why(&path, &expected);
        assert!(why.starts_with(what), "{why}, not {what}");
    }
    // As many key frames, but not the same.
    let mut keys = packets.clone();
    (keys[5].key, keys[6].key) = (false, true);
    assert!(why(&path, &stamps(&keys)).starts_with("times or keys of the frames"));
}

#[test]
fn audio_must_be_what_was_expected() {
    let directory = TempDir::new().unwrap();
    let (packets, sound) = (packets(), opus_packets(30, -312));
    let path = write_with(&directory, &packets, &sound);
    let stamps = |sound: &[Packet]| {
        let mut stamps = TimestampDigest::default();
        sound.iter().for_each(|packet| stamps.push(packet.pts, packet.key));
        stamps
    };
    let good = ExpectedAudio {
        codec: "opus".to_owned(),
        time_base: Rational::new(1, 48_000),
        language: Some("fi".to_owned()),
        roles: vec![Role::Comment],
        packets: stamps(&sound),
    };
    let with = |audio| Expected { audio, ..expected(&packets) };
    rendition(&path, &with(vec![good.clone()])).unwrap();

    let mut moved = sound.clone();
    moved[7].pts += 1;
    let later = opus_packets(30, 0);
    let cases = [
        (Vec::new(), "audio tracks"),
        (vec![good.clone(), good.clone()], "audio tracks"),
        (vec![ExpectedAudio { roles: Vec::new(), ..good.clone() }], "roles of the audio"),
        (vec![ExpectedAudio { language: Some("swe".to_owned()), ..good.clone() }], "language of the audio"),
        (vec![ExpectedAudio { language: None, ..good.clone() }], "language of the audio"),
        (vec![ExpectedAudio { codec: "aac".to_owned(), ..good.clone() }], "audio codec"),
        (vec![ExpectedAudio { time_base: Rational::new(1, 44_100), ..good.clone() }], "audio time base"),
        (vec![ExpectedAudio { packets: stamps(&sound[1..]), ..good.clone() }], "number of audio packets"),
        (vec![ExpectedAudio { packets: stamps(&later), ..good.clone() }], "time of the first of the audio packets"),
        (vec![ExpectedAudio { packets: stamps(&moved), ..good.clone() }], "times or keys of the audio packets"),
    ];
    for (audio, what) in cases {
        let why = why(&path, &with(audio));
        let of_track = why.trim_start_matches("audio track 1: ");
        assert!(of_track.starts_with(what), "{why}, not {what}");
    }

    // Audio that never came is as good as none.
    let silent = ExpectedAudio { packets: TimestampDigest::default(), ..good };
    rendition(&write(&directory, &packets), &with(vec![silent])).unwrap();
}

/// Changes single bytes of a good file, as no writer here would write them.
#[test]
fn what_the_container_or_the_stream_says_wrongly_is_found() {
    let directory = TempDir::new().unwrap();
    let packets = packets();
    let path = write(&directory, &packets);
    let good = std::fs::read(&path).unwrap();
    let entry = "moov/trak/mdia/minf/stbl/stsd/av01";
    let at = |name: &str| mp4::find(&good, name)[0].start;
    let configuration = at(&format!("{entry}/av1C"));
    let media = at("mdat");
    let header = configuration + 4;
    let changes: [(usize, &[u8], &str); 10] = [
        (configuration + 1, &[0x1f], "av1C"),
        (header, &[0x2a], "av1C holds something else"),
        (configuration + 3, &[0x10], "av1C"),
        (at(&format!("{entry}/pasp")) - 4, b"free", "pixel aspect in the container"),
        (at(&format!("{entry}/pasp")) + 3, &[2], "pixel aspect in the container"),
        (at(&format!("{entry}/colr")) - 4, b"free", "colour in the container"),
        (configuration - 4, b"free", "av1C is too short"),
        (media, &[0x12], "frame 0: has a temporal delimiter"),
        (media, &[0x2a], "frame 0: key frame without sequence header"),
        (media, &[0x8a], "frame 0: the AV1 data has an OBU whose forbidden bit is set"),
    ];
    for (at, bytes, what) in changes {
        let mut changed = good.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        std::fs::write(&path, changed).unwrap();
        let why = why(&path, &expected(&packets));
        assert!(why.starts_with(what), "{why}, not {what}");
    }
}

#[test]
fn key_frames_of_another_sequence_are_found() {
    let directory = TempDir::new().unwrap();
    let mut packets = packets();
    let without = |packet: &Packet| {
        let header = av1::sequence_header_of(&packet.data).unwrap().unwrap().bytes.len();
        packet.data[header..].to_vec()
    };
    let stripped = without(&packets[5]);
    let other = av1_packets("92x160", 1, 1, &[]);
    let other = av1::sequence_header_of(&other[0].data).unwrap().unwrap().bytes;
    let good = packets[5].data.clone();
    for (data, what) in [
        (stripped.clone(), "frame 5: key frame without sequence header"),
        ([other, &stripped].concat(), "frame 5: sequence header"),
    ] {
        packets[5].data = data;
        let path = write(&directory, &packets);
        let why = why(&path, &expected(&packets));
        assert!(why.starts_with(what), "{why}, not {what}");
    }
    packets[5].data = good;
}

#[test]
fn frames_that_are_reordered_or_hidden_are_found() {
    let packets = packets();
    let header = av1::sequence_header_of(&packets[0].data).unwrap().unwrap().bytes;
    let good = StoredPacket {
        kind: TrackKind::Video,
        data: &packets[0].data,
        pts: Some(3),
        dts: Some(3),
        key: true,
        hidden: false,
    };
    assert!(check_frame(&good, header).is_ok());
    for (changed, what) in [
        (StoredPacket { dts: Some(2), ..good }, "decoding time"),
        (StoredPacket { hidden: true, ..good }, "hidden by the edit list"),
    ] {
        assert!(matches!(check_frame(&changed, header), Err(Failure::Difference(why)) if why.starts_with(what)));
    }
}

#[test]
fn files_that_are_not_whole_are_found() {
    let directory = TempDir::new().unwrap();
    let packets = packets();
    let expected = expected(&packets);
    let path = write(&directory, &packets);
    let good = std::fs::read(&path).unwrap();

    std::fs::write(&path, &good[..good.len() - 10]).unwrap();
    assert!(!why(&path, &expected).is_empty());
    std::fs::write(&path, &good[..100]).unwrap();
    assert!(!why(&path, &expected).is_empty());
    std::fs::write(&path, "").unwrap();
    assert!(why(&path, &expected).starts_with("index before the media"));

    let slow = directory.path().join("slow.mp4");
    std::fs::write(&path, &good).unwrap();
    run("ffmpeg", &["-i", path.to_str().unwrap(), "-c", "copy", slow.to_str().unwrap()]);
    assert!(why(&slow, &expected).starts_with("index before the media"));

    assert!(matches!(rendition(Path::new("missing.mp4"), &expected), Err(Error::Io { .. })));
}

#[test]
fn audio_may_be_off_by_less_than_a_movie_tick_and_no_more() {
    let stamps = |times: &[i64]| {
        let mut stamps = TimestampDigest::default();
        times.iter().for_each(|&pts| stamps.push(pts, true));
        stamps
    };
    let check = |found: &[i64]| check_times("packets", &stamps(found), &stamps(&[10, 20, 40]), 3).is_ok();
    assert!(check(&[10, 20, 40]) && check(&[12, 22, 42]) && check(&[8, 18, 38]));
    assert!(!check(&[13, 23, 43]) && !check(&[7, 17, 37]));
    assert!(!check(&[12, 23, 42]) && !check(&[12, 22, 41]) && !check(&[10, 20]));
    assert!(check_times("packets", &stamps(&[11, 21, 41]), &stamps(&[10, 20, 40]), 0).is_err());
}

#[test]
fn metadata_is_compared_as_mp4_stores_it() {
    let display = |red_x: Rational| MasteringDisplay {
        primaries: [(red_x, Rational::new(1, 3)); 3],
        white: (Rational::new(1, 3), Rational::new(1, 3)),
        min_luminance: Rational::new(1, 200),
        max_luminance: Rational::new(1000, 1),
    };
    let stored = |red_x| stored_hdr(HdrMetadata { mastering: Some(display(red_x)), light: None });
    assert_eq!(stored(Rational::new(1, 3)), stored(Rational::new(16_667, 50_000)));
    assert_ne!(stored(Rational::new(1, 3)), stored(Rational::new(16_668, 50_000)));
}

#[test]
fn a_file_that_cannot_be_read_is_no_fault_of_what_was_written() {
    let directory = TempDir::new().unwrap();
    let packets = packets();
    let path = write(&directory, &packets);
    // The system refuses to read what was opened for writing alone.
    let unreadable = File::options().write(true).open(&path).unwrap();
    let failure = check(unreadable, &path, &expected(&packets)).unwrap_err();
    assert!(matches!(failure.at("frame 1"), Failure::Read(Error::Io { path: named, .. }) if named == path));
    assert!(matches!(rendition(directory.path(), &expected(&packets)), Err(Error::Io { .. })));
    assert!(matches!(rendition(&directory.path().join("missing"), &expected(&packets)), Err(Error::Io { .. })));
}
