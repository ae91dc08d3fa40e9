use super::*;
use crate::media::testing::{BT709, av1_packets, ffprobe};
use tempfile::TempDir;

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

fn write(directory: &TempDir, track: &VideoTrack<'_>, packets: &[Packet], tags: &Tags) -> std::path::PathBuf {
    let path = directory.path().join("written.mp4");
    let mut writer = Mp4Writer::create(&path, track, None, tags).unwrap();
    for packet in packets {
        writer.write_video(packet).unwrap();
    }
    let bytes = writer.finish().unwrap();
    assert_eq!(bytes, path.metadata().unwrap().len());
    path
}

#[test]
fn smoke() {
    let directory = TempDir::new().unwrap();
    let packets = av1_packets("90x160", 25, 10, &[]);
    let path = write(&directory, &track(&packets[0]), &packets, &Tags::default());
    println!("{}", ffprobe(&path, &["-show_streams", "-show_format", "-show_packets"]));
}
