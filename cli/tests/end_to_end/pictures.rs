//! Posters, storyboards and animated previews: what lies beside the renditions is of these.

use crate::support::{Desk, QUICK, assert_refused, ffmpeg, files, upright};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// A film of 25 frames a second in BT.709, made by these filters of ffmpeg.
fn film(desk: &Desk, filters: &str) -> PathBuf {
    let path = desk.path().join("film.mp4");
    let filters = format!("{filters},scale=out_color_matrix=bt709:out_range=tv,format=yuv420p");
    let tags = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"];
    let arguments = ["-f", "lavfi", "-i", &filters, "-c:v", "libx264", "-qp", "12"];
    ffmpeg(&[&arguments[..], &tags, &[path.to_str().unwrap()]].concat());
    path
}

/// Frames of a rendition, or the picture of a file, in red, green and blue, one behind the other.
fn rgb(path: &Path, filter: &str) -> Vec<u8> {
    let filter = format!("{filter},format=rgb24");
    ffmpeg(&["-i", path.to_str().unwrap(), "-vf", &filter, "-f", "rawvideo", "-"])
}

fn psnr(one: &[u8], other: &[u8]) -> f64 {
    assert_eq!(one.len(), other.len());
    let squares: f64 = one.iter().zip(other).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
    10.0 * (255.0 * 255.0 * one.len() as f64 / squares.max(1e-9)).log10()
}

fn seconds(text: &str) -> f64 {
    text.split(':').fold(0.0, |sum, part| sum * 60.0 + part.parse::<f64>().unwrap())
}

fn time(fraction: &Value) -> f64 {
    let (num, den) = fraction.as_str().unwrap().split_once('/').unwrap();
    num.parse::<f64>().unwrap() / den.parse::<f64>().unwrap()
}

/// Durations in milliseconds of the pictures of an animated WebP file, its size, and how often it is shown, 0 for ever.
fn animation(file: &[u8]) -> (Vec<u32>, [u32; 2], u16) {
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0_u32, |value, byte| value << 8 | u32::from(*byte));
    assert_eq!((&file[..4], &file[8..12]), (&b"RIFF"[..], &b"WEBP"[..]));
    assert_eq!(number(&file[4..8]) as usize + 8, file.len());
    let (mut at, mut lasts, mut size, mut loops) = (12, Vec::new(), [0; 2], 1);
    while at < file.len() {
        let length = number(&file[at + 4..at + 8]) as usize;
        let body = &file[at + 8..at + 8 + length];
        match &file[at..at + 4] {
            b"VP8X" => size = [number(&body[4..7]) + 1, number(&body[7..10]) + 1],
            b"ANIM" => loops = u16::from_le_bytes(body[4..6].try_into().unwrap()),
            b"ANMF" => lasts.push(number(&body[12..15])),
            _ => {}
        }
        at += 8 + length.next_multiple_of(2);
    }
    (lasts, size, loops)
}

#[test]
fn pictures_of_a_package_are_those_of_its_renditions() {
    let desk = Desk::new();
    let film = film(&desk, "testsrc2=s=320x180:r=25:d=4.4");
    let pictures = "poster@1.4,storyboard,preview@0.52";
    let options = [QUICK, &["--format", "cmaf", "--pictures", pictures]].concat();
    let output = desk.convert(&film, &options).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let folder = desk.out().join("film");
    let report: Value = serde_json::from_slice(&fs::read(folder.join("report.json")).unwrap()).unwrap();
    let told = &report["pictures"];
    let frames = rgb(&folder.join("video-90x160.mp4"), "scale=in_color_matrix=bt709:in_range=tv");
    let frame = |number: usize| &frames[number * 90 * 160 * 3..][..90 * 160 * 3];
    assert_eq!(frames.len(), 110 * 90 * 160 * 3);

    // Each still is the frame at the beginning of its time, and times follow one another to the end.
    let index = fs::read_to_string(folder.join("storyboard.vtt")).unwrap();
    let mut end = 0.0;
    let mut stills = 0;
    for cue in index.strip_prefix("WEBVTT\n\n").unwrap().trim_end().split("\n\n") {
        let (times, part) = cue.split_once('\n').unwrap();
        let (from, to) = times.split_once(" --> ").unwrap();
        assert!((seconds(from) - end).abs() < 1e-9 && seconds(to) > seconds(from), "{index}");
        end = seconds(to);
        let (file, place) = part.split_once("#xywh=").unwrap();
        let [x, y, width, height] = place.split(',').collect::<Vec<_>>()[..] else { panic!("{cue}") };
        assert_eq!((width, height), ("90", "160"));
        let still = rgb(&folder.join(file), &format!("crop={width}:{height}:{x}:{y}:exact=1"));
        let shown = psnr(&still, frame((seconds(from) * 25.0).round() as usize));
        // Chroma of a JPEG file has half the samples.
        assert!(shown > 29.0, "{cue}: {shown:.1} dB");
        let other = psnr(&still, frame(((seconds(from) * 25.0).round() as usize + 12) % 110));
        assert!(shown > other + 12.0, "{cue}: {shown:.1} dB, and another frame {other:.1} dB");
        stills += 1;
    }
    assert_eq!((stills, end), (5, 4.4));

    assert_eq!((told["poster"]["file"].as_str(), time(&told["poster"]["time"])), (Some("poster.jpg"), 1.4));
    let shown = psnr(&rgb(&folder.join("poster.jpg"), "null"), frame(35));
    assert!(shown > 30.0, "{shown:.1} dB");

    let preview = fs::read(folder.join("preview.webp")).unwrap();
    let (lasts, size, loops) = animation(&preview);
    let lasts = lasts.iter().sum::<u32>();
    assert!((2990..=3010).contains(&lasts) && preview.len() <= 600_000, "{lasts} ms");
    assert_eq!((size, loops, time(&told["preview"]["time"])), ([90, 160], 0, 0.52));

    // Manifests name the stills, and verify misses what is not there.
    let verify = || upright("verify").arg(&folder).arg("--no-decode").output().unwrap();
    let verified = verify();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    assert!(fs::read_to_string(folder.join("manifest.mpd")).unwrap().contains("thumbnail_tile\" value=\"5x5\""));
    let sheet = folder.join("storyboard-1.jpg");
    fs::copy(folder.join("poster.jpg"), &sheet).unwrap();
    let verified = verify();
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(verified.status.code() == Some(65) && said.contains("storyboard-1.jpg"), "{said}");
}

#[test]
fn what_is_blurred_or_dark_is_no_poster_and_what_was_there_goes() {
    let desk = Desk::new();
    let blurred = "testsrc2=s=320x180:r=25:d=4,gblur=sigma=9:enable='between(t,0.6,2.4)',\
                   eq=brightness=-0.45:eval=frame:enable='gte(t,3.1)'";
    let film = film(&desk, blurred);
    let options = [QUICK, &["--pictures", "all"]].concat();
    let output = desk.convert(&film, &options).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("poster.jpg"), "{said}");
    let folder = desk.out().join("film");
    let report: Value = serde_json::from_slice(&fs::read(folder.join("report.json")).unwrap()).unwrap();
    let at = time(&report["pictures"]["poster"]["time"]);
    assert!(at < 0.6 || (2.4..3.1).contains(&at), "{at}");

    // Another conversion makes fewer pictures: none of the earlier ones stays.
    let options = [QUICK, &["--pictures", "poster@0", "--overwrite"]].concat();
    let output = desk.convert(&film, &options).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut names: Vec<_> = files(&folder).iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    names.sort();
    assert_eq!(names, ["90x160.mp4", "poster.jpg", "report.json"]);

    let late = desk.convert(&film, &["--pictures", "poster@9", "--overwrite"]).output().unwrap();
    assert_refused(&late, 2, &["poster", "9.000 s", "4.000 s"]);
}
