use super::*;
use crate::av1::SequenceHeader;
use crate::colour::{ContentLight, MasteringDisplay, cicp};
use crate::media::testing::{BT709, av1_packets, ffprobe, opus_packets, opus_track};
use serde_json::{Value, json};
use std::path::PathBuf;
use tempfile::TempDir;
use upright_fixtures::mp4;

fn track(first: &Packet) -> VideoTrack<'_> {
    VideoTrack {
        size: Size { width: 90, height: 160 },
        time_base: Rational::new(1, 25),
        frame_rate: Rational::new(25, 1),
        colour: BT709,
        hdr: HdrMetadata::default(),
        language: None,
        first,
    }
}

fn packets(frames: u32) -> Vec<Packet> {
    av1_packets("90x160", frames, 10, &[])
}

fn write(directory: &TempDir, track: &VideoTrack<'_>, packets: &[Packet], tags: &Tags) -> PathBuf {
    let path = directory.path().join("written.mp4");
    let mut writer = Mp4Writer::create(&path, track, &[], tags).unwrap();
    packets.iter().for_each(|packet| writer.write_video(packet).unwrap());
    assert_eq!(writer.finish().unwrap(), path.metadata().unwrap().len());
    path
}

/// The times that `ffprobe` gives for the packets of a stream of so many ticks a second, and whether they are keys.
/// There is no reordering.
fn probed(path: &Path, stream: usize, ticks: i64) -> Vec<(i64, bool)> {
    let probe = ffprobe(path, &["-show_entries", "packet=stream_index,pts,dts,flags:stream=time_base"]);
    assert_eq!(probe["streams"][stream]["time_base"], format!("1/{ticks}"));
    let packets = probe["packets"].as_array().unwrap();
    packets
        .iter()
        .filter(|packet| packet["stream_index"] == stream)
        .map(|packet| {
            assert_eq!(packet["pts"], packet["dts"]);
            (packet["pts"].as_i64().unwrap(), packet["flags"].as_str().unwrap().starts_with('K'))
        })
        .collect()
}

/// The durations of a track's packets, from the box `stts`. (ffprobe's last one is off where a track begins late.)
fn durations(path: &Path, track: usize) -> Vec<i64> {
    let file = std::fs::read(path).unwrap();
    let table = &file[mp4::find(&file, "moov/trak/mdia/minf/stbl/stts")[track].clone()];
    let runs = (8..table.len()).step_by(8).map(|at| (mp4::read_u32(table, at), mp4::read_u32(table, at + 4)));
    runs.flat_map(|(count, duration)| (0..count).map(move |_| i64::from(duration))).collect()
}

fn payload<'a>(file: &'a [u8], path: &str) -> &'a [u8] {
    let found = mp4::find(file, path);
    assert_eq!(found.len(), 1, "{path}");
    &file[found[0].clone()]
}

const ENTRY: &str = "moov/trak/mdia/minf/stbl/stsd/av01";

#[test]
fn the_container_says_what_the_track_is() {
    let directory = TempDir::new().unwrap();
    let tags =
        ["-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc", "-color_range", "pc"];
    let packets = av1_packets("90x160", 12, 12, &tags);
    let hdr = HdrMetadata {
        mastering: Some(MasteringDisplay {
            primaries: [(34_000, 16_000), (13_250, 34_500), (7_500, 3_000)]
                .map(|(x, y)| (Rational::new(x, 50_000), Rational::new(y, 50_000))),
            white: (Rational::new(15_635, 50_000), Rational::new(16_450, 50_000)),
            min_luminance: Rational::new(50, 10_000),
            max_luminance: Rational::new(1000, 1),
        }),
        light: Some(ContentLight { max_cll: 1000, max_fall: 400 }),
    };
    let colour =
        Colour { primaries: cicp::BT2020, transfer: cicp::PQ, matrix: cicp::BT2020, full_range: true, ..BT709 };
    let track = VideoTrack { colour, hdr, language: Some("swe".to_owned()), ..track(&packets[0]) };
    let path = write(&directory, &track, &packets, &Tags::default());

    let probe = ffprobe(&path, &["-show_streams", "-show_format"]);
    let stream = &probe["streams"][0];
    let expected = json!({
        "codec_name": "av1", "codec_tag_string": "av01", "width": 90, "height": 160,
        "sample_aspect_ratio": "1:1", "color_range": "pc", "color_space": "bt2020nc", "color_transfer": "smpte2084",
        "color_primaries": "bt2020", "time_base": "1/25", "start_pts": 0, "duration_ts": 12, "nb_frames": "12",
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&stream[key], value, "{key}");
    }
    assert_eq!(stream["tags"]["language"], "swe");
    let spellings =
        [("de-AT", "deu"), ("ger", "ger"), ("fre,eng", "fre"), ("english", "eng"), ("ENG", "eng"), ("qaa", "qaa")];
    for (asked, told) in
        spellings.map(|(asked, told)| (asked, Some(told))).into_iter().chain([("und", None), ("1", None)])
    {
        let path =
            write(&directory, &VideoTrack { language: Some(asked.to_owned()), ..track }, &packets, &Tags::default());
        let probe = ffprobe(&path, &["-show_streams"]);
        let found = probe["streams"][0]["tags"]["language"].as_str().filter(|language| *language != "und");
        assert_eq!((found, tracks::stored_language(asked).as_deref()), (told, told), "{asked}");
    }

    let file = std::fs::read(&path).unwrap();
    let header = av1::sequence_header_of(&packets[0].data).unwrap().unwrap();
    let level = SequenceHeader::parse(header.payload).unwrap().level;
    let (configuration, obus) = payload(&file, &format!("{ENTRY}/av1C")).split_at(4);
    // Version 1; Main profile; Main tier, 8 bits, 4:2:0, unknown chroma site; no presentation delay.
    assert_eq!((configuration, obus), (&[0x81, level, 0b0000_1100, 0][..], header.bytes));
    assert_eq!(payload(&file, &format!("{ENTRY}/colr")), b"nclx\x00\x09\x00\x10\x00\x09\x80");
    assert_eq!(payload(&file, &format!("{ENTRY}/pasp")), [0, 0, 0, 1, 0, 0, 0, 1]);
    assert_eq!(payload(&file, &format!("{ENTRY}/clli")), [1000_u16.to_be_bytes(), 400_u16.to_be_bytes()].concat());
    // Green, blue, red.
    let chromaticities = [13_250_u16, 34_500, 7_500, 3_000, 34_000, 16_000, 15_635, 16_450];
    let mastering = chromaticities.map(u16::to_be_bytes).concat();
    let luminances = [10_000_000_u32, 50].map(u32::to_be_bytes).concat();
    assert_eq!(payload(&file, &format!("{ENTRY}/mdcv")), [mastering, luminances].concat());

    assert!(mp4::find(&file, "moov/trak/mdia/minf/stbl/ctts").is_empty());
    assert!(mp4::find(&file, "moov")[0].start < mp4::find(&file, "mdat")[0].start);
}

#[test]
fn untagged_colour_and_limited_range_are_said_too() {
    let directory = TempDir::new().unwrap();
    let packets = packets(1);
    let unspecified = cicp::UNSPECIFIED;
    let colour = Colour { primaries: unspecified, transfer: unspecified, matrix: unspecified, ..BT709 };
    let path = write(&directory, &VideoTrack { colour, ..track(&packets[0]) }, &packets, &Tags::default());
    let file = std::fs::read(path).unwrap();
    assert_eq!(payload(&file, &format!("{ENTRY}/colr")), b"nclx\x00\x02\x00\x02\x00\x02\x00");
    assert!(mp4::find(&file, &format!("{ENTRY}/mdcv")).is_empty());
}

/// Times and durations come back as they went in, whatever the ticks and wherever the first one is.
#[test]
fn times_come_out_exactly_as_they_went_in() {
    let directory = TempDir::new().unwrap();
    let made = packets(24);
    let steps = [1, 3, 7, 1, 1, 40, 2];
    for ticks in [25, 1000, 30_000, 90_000, 14_112_000, 1_000_000_000, i64::from(i32::MAX)] {
        for start in [0, 7, ticks * 2 - 1] {
            let mut pts = start;
            let mut packets = made.clone();
            for (packet, step) in packets.iter_mut().zip(steps.into_iter().cycle()) {
                (packet.pts, packet.duration) = (pts, step);
                pts += step * (ticks / 100).max(1);
            }
            let last = packets.len() - 1;
            packets[last].duration = 5 * ticks.min(1 << 28) + 1;
            let track = VideoTrack { time_base: Rational::new(1, ticks), ..track(&packets[0]) };
            let path = write(&directory, &track, &packets, &Tags::default());

            let expected: Vec<_> = packets.iter().map(|packet| (packet.pts, packet.key)).collect();
            assert_eq!(probed(&path, 0, ticks), expected, "1/{ticks} from {start}");
            let mut expected: Vec<_> = packets.windows(2).map(|pair| pair[1].pts - pair[0].pts).collect();
            expected.push(packets[last].duration);
            assert_eq!(durations(&path, 0), expected, "1/{ticks} from {start}");
        }
    }
}

#[test]
fn the_last_frame_lasts_as_long_as_it_says_or_as_the_one_before() {
    let directory = TempDir::new().unwrap();
    let last_duration = |packets: &[Packet]| {
        let path = write(&directory, &track(&packets[0]), packets, &Tags::default());
        *durations(&path, 0).last().unwrap()
    };
    let mut packets = packets(3);
    packets[2] = Packet { pts: 5, duration: 9, ..packets[2].clone() };
    assert_eq!(last_duration(&packets), 9);
    for unknown in [0, -1, i64::from(i32::MAX) + 1] {
        packets[2].duration = unknown;
        assert_eq!(last_duration(&packets), 4);
    }
    packets[0].duration = 0;
    assert_eq!(last_duration(&packets[..1]), 1);
}

#[test]
fn temporal_delimiters_are_not_stored() {
    let directory = TempDir::new().unwrap();
    let made = packets(3);
    let mut delimited = made.clone();
    delimited.iter_mut().for_each(|packet| packet.data = [&[0x12, 0x00][..], &packet.data].concat());
    let path = write(&directory, &track(&delimited[0]), &delimited, &Tags::default());
    let without = std::fs::read(&path).unwrap();
    assert_eq!(payload(&without, "mdat"), made.iter().map(|packet| packet.data.clone()).collect::<Vec<_>>().concat());
}

#[test]
fn titles_and_chapters_are_kept() {
    let directory = TempDir::new().unwrap();
    let packets = packets(50);
    let seconds = |num, den| Rational::new(num, den);
    let chapter = |start, end, title: Option<&str>| Chapter { start, end, title: title.map(str::to_owned) };
    let long = "å".repeat(200);
    let tags = Tags {
        title: Some("Fröken Julie ☂".to_owned()),
        chapters: vec![
            chapter(seconds(0, 1), seconds(1001, 3000), Some("Kök")),
            chapter(seconds(1001, 3000), seconds(1, 1), None),
            chapter(seconds(3, 2), seconds(2, 1), Some(&long)),
        ],
    };
    let path = write(&directory, &track(&packets[0]), &packets, &tags);
    let probe = ffprobe(&path, &["-show_chapters", "-show_format"]);
    assert_eq!(probe["format"]["tags"]["title"], "Fröken Julie ☂");
    let found: Vec<_> = probe["chapters"].as_array().unwrap().iter().collect();
    let titles: Vec<_> = found.iter().map(|chapter| chapter["tags"]["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["Kök", "Chapter 2", &long[..254]]);
    let time = |chapter: &Value, key: &str| chapter[key].as_str().unwrap().parse::<f64>().unwrap();
    for (found, chapter) in found.into_iter().zip(&tags.chapters) {
        assert!((time(found, "start_time") - chapter.start.as_f64()).abs() < 0.001, "{found}");
    }
    assert_eq!(probed(&path, 0, 25).len(), 50);
}

#[test]
fn chapters_too_long_for_the_ticks_are_left_out() {
    let directory = TempDir::new().unwrap();
    let mut packets = packets(2);
    (packets[0].pts, packets[1].pts) = (7, 9);
    let ticks = Rational::new(1, 1_000_000_007);
    let chapter = Chapter { start: Rational::new(0, 1), end: Rational::new(60, 1), title: None };
    let tags = Tags { title: None, chapters: vec![chapter] };
    let path = write(&directory, &VideoTrack { time_base: ticks, ..track(&packets[0]) }, &packets, &tags);
    assert_eq!(ffprobe(&path, &["-show_chapters"])["chapters"], json!([]));
    assert_eq!(probed(&path, 0, ticks.den)[0].0, 7);
}

#[test]
fn the_same_packets_give_the_same_bytes() {
    let packets = packets(12);
    let bytes = || {
        let directory = TempDir::new().unwrap();
        std::fs::read(write(&directory, &track(&packets[0]), &packets, &Tags::default())).unwrap()
    };
    assert_eq!(bytes(), bytes());
}

/// Either track may begin before or after the other, or before time zero.
#[test]
fn both_tracks_begin_exactly_where_they_were_told() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("written.mp4");
    let made = packets(25);
    for (ticks, video_start) in [(25, 0), (25, 3), (90_000, 11_111), (24_000, 1001), (1000, 7)] {
        for audio_start in [0, -312, 100_003] {
            let mut video = made.clone();
            video.iter_mut().for_each(|packet| packet.pts = video_start + packet.pts * ticks / 25);
            let track = VideoTrack { time_base: Rational::new(1, ticks), ..track(&video[0]) };
            let sound = opus_track();
            let audio = opus_packets(60, audio_start);
            let mut writer = Mp4Writer::create(&path, &track, &[sound], &Tags::default()).unwrap();
            audio.iter().for_each(|packet| writer.write_audio(0, packet).unwrap());
            video.iter().for_each(|packet| writer.write_video(packet).unwrap());
            writer.finish().unwrap();

            let what = format!("video from {video_start}/{ticks}, audio from {audio_start}");
            for (stream, ticks, packets) in [(0, ticks, &video), (1, 48_000, &audio)] {
                let found: Vec<_> = probed(&path, stream, ticks).iter().map(|packet| packet.0).collect();
                assert_eq!(found, packets.iter().map(|packet| packet.pts).collect::<Vec<_>>(), "{what}");
            }
            assert_eq!(durations(&path, 1), [960; 60], "{what}");
        }
    }
    let stream = ffprobe(&path, &["-show_streams"])["streams"][1].clone();
    assert_eq!((&stream["tags"]["language"], &stream["tags"]["handler_name"]), (&json!("fin"), &json!("Kommentar")));
    let file = std::fs::read(&path).unwrap();
    assert_eq!(payload(&file, "moov/trak/udta/name"), b"Kommentar");
    assert_eq!(payload(&file, "moov/trak/mdia/minf/stbl/stsd/Opus/dOps")[2..4], 312_u16.to_be_bytes());
}

/// Where chapters leave room for milliseconds only, audio is off by less than one, and nothing of it is lost.
#[test]
fn audio_survives_coarse_movie_ticks() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("written.mp4");
    let mut video = packets(25);
    video.iter_mut().for_each(|packet| packet.pts = 7 + 40 * packet.pts);
    let chapter = Chapter { start: Rational::new(0, 1), end: Rational::new(14 * 3600, 1), title: None };
    let tags = Tags { title: None, chapters: vec![chapter] };
    for start in [0, -312, 1001] {
        let mut audio = opus_packets(50, start);
        audio[49].duration = 1;
        let track = VideoTrack { time_base: Rational::new(1, 1000), ..track(&video[0]) };
        let mut writer = Mp4Writer::create(&path, &track, &[opus_track()], &tags).unwrap();
        audio.iter().for_each(|packet| writer.write_audio(0, packet).unwrap());
        video.iter().for_each(|packet| writer.write_video(packet).unwrap());
        writer.finish().unwrap();

        let file = std::fs::read(&path).unwrap();
        assert_eq!(mp4::read_u32(payload(&file, "moov/mvhd"), 12), 1000);
        let found: Vec<_> = probed(&path, 1, 48_000).iter().map(|packet| packet.0).collect();
        assert_eq!(found.len(), 50, "from {start}");
        let shift = found[0] - start;
        assert!(shift.abs() < 48, "from {start}: {shift}");
        assert!(found.iter().zip(&audio).all(|(found, packet)| found - packet.pts == shift), "from {start}");
        assert_eq!(probed(&path, 0, 1000)[0].0, 7);
    }
}

/// Audio that never comes leaves no trace, and does not keep the video waiting.
#[test]
fn an_audio_track_without_packets_is_left_out() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("written.mp4");
    let packets = packets(5);
    let mut writer = Mp4Writer::create(&path, &track(&packets[0]), &[opus_track()], &Tags::default()).unwrap();
    packets.iter().for_each(|packet| writer.write_video(packet).unwrap());
    writer.finish().unwrap();
    assert_eq!(ffprobe(&path, &["-show_streams"])["streams"].as_array().unwrap().len(), 1);
}

#[test]
fn packets_that_mp4_cannot_hold_are_refused() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("written.mp4");
    let packets = packets(2);
    let writer = |track: &VideoTrack<'_>| Mp4Writer::create(&path, track, &[], &Tags::default());
    let why = |result: Result<()>| match result {
        Err(Error::Verify { why, .. }) => why,
        other => panic!("{other:?}"),
    };
    for pts in [0, -1, i64::from(i32::MAX) + 1, i64::MAX] {
        let mut writer = writer(&track(&packets[0])).unwrap();
        writer.write_video(&packets[0]).unwrap();
        let said = why(writer.write_video(&Packet { pts, ..packets[1].clone() }));
        assert!(said.starts_with(&format!("a packet at {pts} ticks follows one at 0")), "{said}");
    }
    assert!(why(writer(&track(&packets[0])).unwrap().write_audio(0, &packets[1])).contains("without audio"));
    assert!(why(writer(&track(&packets[1])).map(drop)).contains("sequence header"));
}

#[test]
fn what_the_system_refuses_is_told_as_it_says_it() {
    let directory = TempDir::new().unwrap();
    let packets = packets(2);
    let written = |path: &Path| {
        let mut writer = Mp4Writer::create(path, &track(&packets[0]), &[], &Tags::default())?;
        packets.iter().try_for_each(|packet| writer.write_video(packet))?;
        writer.finish()
    };
    let cause = |path: &Path| match written(path) {
        Err(Error::Io { path: told, action: "cannot write", cause }) if told == path => cause,
        other => panic!("{other:?}"),
    };
    assert_eq!(cause(Path::new("/dev/full")).raw_os_error(), Some(av::ENOSPC));
    assert_eq!(cause(directory.path()).kind(), std::io::ErrorKind::IsADirectory);
    assert_eq!(cause(&directory.path().join("missing/film.mp4")).kind(), std::io::ErrorKind::NotFound);

    // The file is read again to move its index to the front.
    let path = directory.path().join("film.mp4");
    let mut writer = Mp4Writer::create(&path, &track(&packets[0]), &[], &Tags::default()).unwrap();
    packets.iter().for_each(|packet| writer.write_video(packet).unwrap());
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(writer.finish(), Err(Error::Io { cause, .. }) if cause.kind() == std::io::ErrorKind::NotFound));
}

/// libav has much to say while it writes and reads. None of it goes past our own log.
#[test]
fn nothing_is_printed() {
    let own = std::env::current_exe().unwrap();
    let name = "media::mux::tests::titles_and_chapters_are_kept";
    let output = std::process::Command::new(own).args(["--exact", name, "--nocapture"]).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
    assert!(!printed.contains("moov"), "{printed}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

/// The disk fills up in the middle of the film, and while the index is moved to the front. The disk is a limit of the
/// process, so the test runs itself again under one.
#[test]
fn a_disk_that_fills_up_is_told_of() {
    const LIMITED: &str = "UPRIGHT_TEST_FILE_LIMIT";
    const LIMIT: usize = 512 * 512;
    if std::env::var_os(LIMITED).is_none() {
        let name = "media::mux::tests::a_disk_that_fills_up_is_told_of";
        let script = "trap '' XFSZ; ulimit -f 512; exec \"$0\" --exact \"$1\"";
        let own = std::env::current_exe().unwrap();
        let output =
            std::process::Command::new("sh").arg("-c").arg(script).arg(own).arg(name).env(LIMITED, "1").output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
        return;
    }
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("film.mp4");
    let packets = packets(1);
    let first = &packets[0];
    // One metadata OBU.
    let padding = |size: usize| {
        [&[0x2a, size as u8 | 0x80, (size >> 7) as u8 | 0x80, (size >> 14) as u8][..], &vec![1; size]].concat()
    };
    let too_large =
        |result: Result<()>| matches!(result, Err(Error::Io { cause, .. }) if cause.raw_os_error() == Some(av::EFBIG));

    let mut writer = Mp4Writer::create(&path, &track(first), &[], &Tags::default()).unwrap();
    let mut results = (0..10).map(|pts| {
        writer.write_video(&Packet { data: [first.data.clone(), padding(LIMIT / 4)].concat(), pts, ..first.clone() })
    });
    assert!(results.any(too_large));

    let mut writer = Mp4Writer::create(&path, &track(first), &[], &Tags::default()).unwrap();
    let data = [first.data.clone(), padding(LIMIT - first.data.len() - 100)].concat();
    writer.write_video(&Packet { data, ..first.clone() }).unwrap();
    assert!(too_large(writer.finish().map(drop)));
    assert!(path.metadata().unwrap().len() <= LIMIT as u64);
}

#[test]
fn movie_ticks_divide_all_starts_and_leave_room_for_chapters() {
    let chapters = |hours: i64| {
        let (start, end) = (Rational::new(0, 1), Rational::new(hours * 3600, 1));
        [Chapter { start, end, title: None }]
    };
    let scale = |start, rate: Option<i64>, chapters: &[Chapter]| movie_timescale(start, rate.into_iter(), chapters);
    assert_eq!(scale(Rational::new(0, 1), None, &[]), 1000);
    assert_eq!(scale(Rational::new(3, 25), None, &[]), 1000);
    assert_eq!(scale(Rational::new(0, 1), Some(44_100), &[]), 44_100);
    assert_eq!(scale(Rational::new(1001, 30_000), Some(48_000), &[]), 240_000);
    assert_eq!(scale(Rational::new(1, 90_000), Some(44_100), &chapters(2)), 90_000);
    assert_eq!(scale(Rational::new(7, 1000), Some(48_000), &chapters(2)), 48_000);
}

#[test]
fn a_writer_given_up_frees_what_it_holds() {
    let directory = TempDir::new().unwrap();
    let packets = packets(2);
    let path = directory.path().join("film.mp4");
    let sound = opus_track();
    let mut writer = Mp4Writer::create(&path, &track(&packets[0]), &[sound], &Tags::default()).unwrap();
    writer.write_video(&packets[0]).unwrap();
    writer.write_video(&packets[1]).unwrap();
    drop(writer);
}
