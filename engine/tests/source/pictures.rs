//! What the bitstream, rather than the container, says of a picture; and pictures that are no film.

use crate::reading::{read, samples, whole, write};
use std::path::Path;
use std::process::Command;
use upright_engine::geometry::{Orientation, Size};
use upright_fixtures::{AudioCodec, AudioTrack, Clip, Codec, Container, Orientation as Turn};

/// Runs `ffmpeg` from one file, or several, to another.
pub(crate) fn ffmpeg(inputs: &[&Path], arguments: &[&str], output: &Path) {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-y"]);
    for input in inputs {
        command.arg("-i").arg(input);
    }
    assert!(command.args(arguments).arg(output).status().unwrap().success(), "{arguments:?}");
}

pub(crate) fn lossless(name: &str) -> Clip {
    Clip { size: (320, 176), codec: Codec::H264Lossless, ..Clip::new(name) }
}

/// Cropped by the decoder on all four sides, by amounts that keep no row aligned.
#[test]
fn the_decoders_own_crop_is_exact() {
    let directory = tempfile::tempdir().unwrap();
    let clip = lossless("whole");
    let path = directory.path().join("cropped.mkv");
    let crop = "h264_metadata=crop_left=6:crop_right=4:crop_top=2:crop_bottom=8";
    ffmpeg(&[&write(&clip, directory.path())], &["-c", "copy", "-bsf:v", crop], &path);
    let seen = read(&path, &whole()).unwrap();
    assert_eq!(seen.info.video.stored, Size { width: 310, height: 166 });
    assert_eq!(seen.frames.len(), 25);
    for (number, frame) in seen.frames.iter().enumerate() {
        let stored = clip.picture(number);
        for (index, plane) in stored.planes.iter().enumerate() {
            let s = if index == 0 { 1 } else { 2 };
            let places = (0..166 / s).flat_map(|y| (0..310 / s).map(move |x| (x, y)));
            let cropped: Vec<_> = places.map(|(x, y)| plane.at(x + 6 / s, y + 2 / s)).collect();
            assert!(samples(frame, index) == cropped, "frame {number}, plane {index}");
        }
    }
}

/// A quarter turn anticlockwise that only the frames tell, as some phones write it.
#[test]
fn an_orientation_inside_the_bitstream_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let clip = lossless("whole");
    let path = directory.path().join("turned.ts");
    let turn = "h264_metadata=display_orientation=insert:rotate=90";
    ffmpeg(&[&write(&clip, directory.path())], &["-c", "copy", "-bsf:v", turn], &path);
    let seen = read(&path, &whole()).unwrap();
    assert_eq!(seen.info.video.orientation, Orientation { transpose: true, flip_x: true, flip_y: false });
    assert_eq!(seen.info.video.upright.grid, Size { width: 176, height: 320 });
    let upright = clip.picture(3).upright(Turn { transpose: true, flip_x: true, flip_y: false });
    for (index, plane) in upright.planes.iter().enumerate() {
        assert!(samples(&seen.frames[3], index) == plane.samples);
    }
}

#[test]
fn a_cover_is_not_the_film() {
    let directory = tempfile::tempdir().unwrap();
    let film = write(&Clip { container: Container::Mp4, ..lossless("film") }, directory.path());
    let cover = directory.path().join("cover.png");
    ffmpeg(&[&film], &["-frames:v", "1", "-vf", "scale=1600:1600"], &cover);
    let path = directory.path().join("with-cover.mp4");
    ffmpeg(&[&cover, &film], &["-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "attached_pic"], &path);
    let seen = read(&path, &whole()).unwrap();
    assert_eq!(seen.info.video.codec, "h264");
    assert_eq!(seen.frames.len(), 25);
}

/// WebM without tags declares no more than one duration for all.
#[test]
fn a_duration_of_the_whole_tells_a_truncation_too() {
    let directory = tempfile::tempdir().unwrap();
    let clip = Clip {
        timing: upright_fixtures::Timing::constant(upright_fixtures::Ratio::new(25, 1), 100),
        codec: Codec::Vp9,
        audio: vec![AudioTrack::new(AudioCodec::Opus)],
        ..Clip::new("tagged")
    };
    let path = directory.path().join("untagged.webm");
    let arguments = ["-c", "copy", "-fflags", "+bitexact", "-map_metadata", "-1"];
    ffmpeg(&[&write(&clip, directory.path())], &arguments, &path);
    assert_eq!(read(&path, &whole()).unwrap().damage.truncated_at, None);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let end = read(&path, &whole()).unwrap().damage.truncated_at;
    assert!(end.is_some_and(|end| (0.5..3.5).contains(&end)), "{end:?}");
}
