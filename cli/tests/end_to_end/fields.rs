//! Interlaced and telecined film: against the film that it was made of, byte for byte, and against ffmpeg's `bwdif`. Pictures are as
//! large as the rung, and the encoder is without loss, so that what comes out is what was made.

use crate::support::{Converted, Desk, encode_segments, ffmpeg, upright};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Without loss, and as large as the source.
const EXACT: &[&str] =
    &["--ladder", "180x320", "--encoder", "libaom-av1", "--encoder-options", "aom-params=lossless=1", "--speed", "10"];

/// A film of 24000/1001 frames a second in which much moves, without loss.
fn film(desk: &Desk, frames: u32) -> PathBuf {
    let path = desk.path().join("film.mov");
    let source = "testsrc2=size=180x320:rate=24000/1001,format=yuv420p";
    ffmpeg(&["-f", "lavfi", "-i", source, "-frames:v", &frames.to_string(), "-c:v", "ffv1", path.to_str().unwrap()]);
    path
}

/// What `filter` makes of a film, flagged as interlaced, the fields in this order.
fn interlaced(desk: &Desk, film: &Path, name: &str, filter: &str, top_first: bool) -> PathBuf {
    let path = desk.path().join(name);
    let top = if top_first { "1" } else { "0" };
    let coding = ["-c:v", "ffv1", "-flags", "+ilme+ildct", "-top", top];
    let of = ["-i", film.to_str().unwrap(), "-vf", filter];
    ffmpeg(&[&of[..], &coding, &[path.to_str().unwrap()]].concat());
    path
}

/// The sums of all pictures of a file, through a filter.
fn sums(path: &Path, filter: &str) -> Vec<String> {
    // As they are coded: grain is left to whoever shows them.
    let of = ["-export_side_data", "film_grain", "-i", path.to_str().unwrap(), "-map", "0:v", "-vf", filter];
    let text = ffmpeg(&[&of[..], &["-fps_mode", "passthrough", "-f", "framemd5", "-"]].concat());
    let text = String::from_utf8(text).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect()
}

/// Seconds at which the pictures of a file are shown.
fn times(path: &Path) -> Vec<f64> {
    let frames = upright_fixtures::inspect::frames(path, "v").unwrap();
    let rate = upright_fixtures::inspect::probe(path).unwrap().video().unwrap().time_base;
    frames.iter().map(|frame| frame.pts.unwrap() as f64 * rate.num as f64 / rate.den as f64).collect()
}

fn runs(converted: &Converted) -> Vec<(String, String)> {
    let text = |run: &Value, field: &str| run[field].as_str().unwrap().to_owned();
    let runs = converted.report["plan"]["wanted"]["fields"].as_array().cloned().unwrap_or_default();
    runs.iter().map(|run| (text(run, "cadence"), text(run, "make"))).collect()
}

#[test]
fn telecined_film_becomes_the_very_pictures_of_the_film() {
    let desk = Desk::new();
    let film = film(&desk, 60);
    let expected = sums(&film, "null");
    for (first, pattern) in [("top", "23"), ("bottom", "23"), ("top", "32")] {
        let filter = format!("telecine=first_field={first}:pattern={pattern}");
        let source = interlaced(&desk, &film, &format!("{first}-{pattern}.mov"), &filter, first == "top");
        let converted = desk.converted(&source, EXACT);
        assert_eq!(runs(&converted), [("telecined".to_owned(), "film".to_owned())], "{first} {pattern}");
        assert_eq!(sums(&converted.rendition(), "null"), expected, "{first} {pattern}");
        let times = times(&converted.rendition());
        // The first picture of a film whose first frames show it for three fields is shown half a field longer.
        for pair in times[1..].windows(2) {
            assert!((pair[1] - pair[0] - 1001.0 / 24_000.0).abs() < 1e-4, "{first} {pattern}: {pair:?}");
        }
    }
}

#[test]
fn the_cadence_is_followed_through_cuts() {
    let desk = Desk::new();
    let film = film(&desk, 72);
    let all = sums(&film, "null");
    // Cut after telecine, amid groups of five frames.
    let filter = "telecine=pattern=23,select='lt(n,23)+between(n,36,64)+gte(n,77)',setpts=N/(30000/1001)/TB";
    let source = interlaced(&desk, &film, "cut.mov", filter, true);
    let converted = desk.converted(&source, EXACT);
    let runs = runs(&converted);
    assert_eq!(runs.len(), 3, "{runs:?}");
    assert!(runs.iter().all(|(cadence, make)| cadence == "telecined" && make == "film"), "{runs:?}");
    let made = sums(&converted.rendition(), "null");
    let of_film: Vec<_> = made.iter().map(|sum| all.iter().position(|film| film == sum)).collect();
    // All but those of which a cut left one field are pictures of the film, in order.
    let odd = of_film.iter().filter(|at| at.is_none()).count();
    assert!(odd <= 2, "{of_film:?}");
    let whole: Vec<_> = of_film.iter().flatten().collect();
    assert!(whole.windows(2).all(|pair| pair[0] < pair[1]), "{of_film:?}");
    // 23, 29 and 13 frames of 30 a second, of four pictures each five.
    assert!((48..=52).contains(&made.len()), "{}", made.len());
    assert!(times(&converted.rendition()).windows(2).all(|pair| (0.016..0.06).contains(&(pair[1] - pair[0]))));
}

#[test]
fn fields_of_video_become_the_pictures_of_bwdif() {
    let desk = Desk::new();
    let film = film(&desk, 48);
    let source = interlaced(&desk, &film, "video.mov", "tinterlace=interleave_top,setfield=tff", true);
    let converted = desk.converted(&source, EXACT);
    assert_eq!(runs(&converted), [("interlaced".to_owned(), "fields".to_owned())]);
    let (made, expected) = (sums(&converted.rendition(), "null"), sums(&source, "bwdif=send_field:tff:all"));
    assert_eq!(made.len(), 48);
    assert_eq!(made[2..46], expected[2..46]);
    let times = times(&converted.rendition());
    assert!(times.windows(2).all(|pair| (pair[1] - pair[0] - 1001.0 / 24_000.0).abs() < 1e-4), "{times:?}");

    let at_frame_rate = desk.converted(&source, &[EXACT, &["--deinterlace", "on", "--overwrite"]].concat());
    let every_other: Vec<_> = made.iter().step_by(2).cloned().collect();
    assert_eq!(sums(&at_frame_rate.rendition(), "null"), every_other);

    let left = desk.converted(&source, &[EXACT, &["--deinterlace", "off", "--overwrite"]].concat());
    assert_eq!(sums(&left.rendition(), "null"), sums(&source, "null"));
    assert!(left.stderr.contains("stays so"), "{}", left.stderr);
}

#[test]
fn pictures_that_are_whole_are_left_alone_whatever_their_flags() {
    let desk = Desk::new();
    let film = film(&desk, 40);
    let source = interlaced(&desk, &film, "flagged.mov", "setfield=tff", true);
    let converted = desk.converted(&source, EXACT);
    assert_eq!(runs(&converted), [("progressive".to_owned(), "keep".to_owned())]);
    assert_eq!(sums(&converted.rendition(), "null"), sums(&film, "null"));
    assert!(!converted.stderr.contains("stays so"), "{}", converted.stderr);
}

/// With what coding does to it.
#[test]
fn blended_film_is_said_to_be_so_and_kept_or_deinterlaced_as_video() {
    let desk = Desk::new();
    let film = film(&desk, 96);
    let whole = desk.path().join("whole.mp4");
    let coding = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "23"];
    let of = ["-i", film.to_str().unwrap(), "-vf", "telecine=pattern=23,pp=lb"];
    ffmpeg(&[&of[..], &coding, &[whole.to_str().unwrap()]].concat());
    let blend = "setpts=N/24/TB,fps=60,framerate=50:interp_start=0:interp_end=255:scene=100";
    let filter = format!("{blend},tinterlace=interleave_top,setfield=tff");
    let in_fields = interlaced(&desk, &film, "fields.mov", &filter, true);
    for (source, cadence, make, pictures) in [(whole, "blended", "keep", 1), (in_fields, "blended_fields", "fields", 2)]
    {
        let looked = [crate::support::QUICK, &["--crop", "auto", "--overwrite"]].concat();
        let converted = desk.converted(&source, &looked);
        assert_eq!(runs(&converted), [(cadence.to_owned(), make.to_owned())]);
        let frames = upright_fixtures::inspect::frames(&source, "v").unwrap().len();
        assert_eq!(times(&converted.rendition()).len(), pictures * frames, "{cadence}");
        assert!(converted.stderr.contains("which cannot be undone"), "{}", converted.stderr);
    }
}

#[test]
fn film_whose_fields_are_paired_wrongly_is_paired_anew() {
    let desk = Desk::new();
    let film = film(&desk, 40);
    let source = interlaced(&desk, &film, "shifted.mov", "phase=mode=t,setfield=bff", false);
    let converted = desk.converted(&source, EXACT);
    assert_eq!(runs(&converted), [("shifted".to_owned(), "film".to_owned())]);
    let (made, expected) = (sums(&converted.rendition(), "null"), sums(&film, "null"));
    let whole = made.iter().filter(|sum| expected.contains(sum)).count();
    assert!(whole >= 38, "{whole} of {}", made.len());
}

/// MPEG-2 film as it lies on discs: 24 frames a second, of which every other one has its first field shown twice.
#[test]
fn film_with_repeated_fields_is_shown_at_its_own_rate() {
    let desk = Desk::new();
    let film = film(&desk, 48);
    let stream = desk.path().join("film.m2v");
    ffmpeg(&["-i", film.to_str().unwrap(), "-c:v", "mpeg2video", "-q:v", "2", "-bf", "0", stream.to_str().unwrap()]);
    let mut bytes = std::fs::read(&stream).unwrap();
    with_repeated_fields(&mut bytes);
    std::fs::write(&stream, bytes).unwrap();
    let source = desk.path().join("disc.ts");
    ffmpeg(&["-fflags", "+genpts", "-i", stream.to_str().unwrap(), "-c", "copy", source.to_str().unwrap()]);
    let before = times(&source);
    let uneven = before.windows(2).filter(|pair| pair[1] - pair[0] > 0.045).count();
    assert!(uneven > 15, "the source is shown unevenly: {before:?}");
    let converted = desk.converted(&source, &[EXACT, &["--crop", "auto"]].concat());
    assert_eq!(runs(&converted), [("repeated".to_owned(), "film".to_owned())]);
    assert_eq!(sums(&converted.rendition(), "null"), sums(&source, "null"));
    let times = times(&converted.rendition());
    for pair in times[..times.len() - 1].windows(2) {
        assert!((pair[1] - pair[0] - 1001.0 / 24_000.0).abs() < 2e-4, "{times:?}");
    }
}

/// Turns progressive MPEG-2 of 24000/1001 frames a second into one of 30000/1001 whose flags repeat fields. Places of bits are those
/// of ISO/IEC 13818-2.
fn with_repeated_fields(stream: &mut [u8]) {
    let starts: Vec<_> = (0..stream.len() - 9).filter(|&at| stream[at..at + 3] == [0, 0, 1]).collect();
    let mut pictures = 0;
    for start in starts {
        let set = |byte: &mut u8, bit: u8, is_set: bool| *byte = *byte & !bit | if is_set { bit } else { 0 };
        match (stream[start + 3], stream[start + 4] >> 4) {
            // A sequence header: `frame_rate_code`.
            (0xB3, _) => stream[start + 7] = stream[start + 7] & 0xF0 | 4,
            // A sequence extension: `progressive_sequence`.
            (0xB5, 1) => set(&mut stream[start + 5], 0x08, false),
            // A picture coding extension: `top_field_first`, `repeat_first_field`, `progressive_frame`.
            (0xB5, 8) => {
                let (top, repeat) = [(true, true), (false, false), (false, true), (true, false)][pictures % 4];
                set(&mut stream[start + 7], 0x80, top);
                set(&mut stream[start + 7], 0x02, repeat);
                set(&mut stream[start + 8], 0x80, true);
                pictures += 1;
            }
            _ => {}
        }
    }
}

#[test]
fn segments_by_themselves_are_the_film() {
    let desk = Desk::new();
    let film = film(&desk, 120);
    let parts = [
        ("video.mov", "tinterlace=interleave_top,setfield=tff", "interlaced"),
        ("tele.mov", "telecine=pattern=23", "telecined"),
    ];
    for (name, filter, cadence) in parts {
        let source = interlaced(&desk, &film, name, filter, true);
        let plan = desk.path().join(format!("{name}.plan.json"));
        let options = ["--crop", "center", "--ladder", "90x160", "--speed", "10", "--keyframe-interval", "0.7"];
        let planned = upright("plan").arg(&source).arg("-o").arg(&plan).args(options).output().unwrap();
        assert!(planned.status.success(), "{}", String::from_utf8_lossy(&planned.stderr));
        let document: Value = serde_json::from_slice(&std::fs::read(&plan).unwrap()).unwrap();
        assert_eq!(document["wanted"]["fields"][0]["cadence"], cadence);
        let count = document["wanted"]["segments"]["list"].as_array().unwrap().len();
        assert!(count > 3);
        let store = desk.path().join(format!("{name}.store"));
        encode_segments(&plan, (0..count).rev(), &store);
        let render = |out: &str, options: &[&str]| {
            let folder = desk.path().join(out).join(name);
            let mut render = upright("render");
            render.arg(&plan).arg("-o").arg(&folder).args(["--device", "cpu"]).args(options);
            let output = render.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let rendition =
                crate::support::files(&folder).into_iter().find(|path| path.ends_with("90x160.mp4")).unwrap();
            std::fs::read(rendition).unwrap()
        };
        let joined = render("joined", &["--store", store.to_str().unwrap()]);
        assert!(joined == render("fresh", &[]), "{name}");
    }
}

/// Noise is taken out of pictures with the help of two before and two after, whichever segment those are in.
#[test]
fn noise_is_taken_out_as_if_the_film_were_one_segment() {
    let desk = Desk::new();
    let film = film(&desk, 40);
    let parts = [
        ("video.mov", "noise=alls=12:allf=t,tinterlace=interleave_top,setfield=tff", "interlaced"),
        ("tele.mov", "noise=alls=12:allf=t,telecine=pattern=23", "telecined"),
    ];
    for (name, filter, cadence) in parts {
        let source = interlaced(&desk, &film, name, filter, true);
        let options = [EXACT, &["--denoise", "40", "--crop", "center"]].concat();
        let whole = desk.converted(&source, &[&options[..], &["--keyframe-interval", "10"]].concat());
        assert_eq!(whole.report["segments"]["total"], 1);
        let plan = desk.path().join(format!("{name}.plan.json"));
        let mut planned = upright("plan");
        planned.arg(&source).arg("-o").arg(&plan).args(&options).args(["--keyframe-interval", "0.25"]);
        let planned = planned.output().unwrap();
        assert!(planned.status.success(), "{}", String::from_utf8_lossy(&planned.stderr));
        let document: Value = serde_json::from_slice(&std::fs::read(&plan).unwrap()).unwrap();
        assert_eq!(document["wanted"]["fields"][0]["cadence"], cadence);
        let count = document["wanted"]["segments"]["list"].as_array().unwrap().len();
        assert!(count > 3, "{count}");
        // Each by itself.
        let store = desk.path().join(format!("{name}.store"));
        encode_segments(&plan, (0..count).rev(), &store);
        let joined = desk.path().join("joined").join(name);
        let mut render = upright("render");
        let done = render.arg(&plan).arg("-o").arg(&joined).arg("--store").arg(&store).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let joined = crate::support::files(&joined).into_iter().find(|path| path.ends_with("180x320.mp4")).unwrap();
        let [joined, whole] = [&joined, &whole.rendition()].map(|path| sums(path, "null"));
        let differ: Vec<_> = (0..whole.len()).filter(|&at| joined.get(at) != whole.get(at)).collect();
        assert!(joined.len() == whole.len() && differ.is_empty(), "{name}: {differ:?}");
    }
}

/// Real broadcast, where it is at hand: what each film is, and how many pictures come of it. `coolitnow` is told to be video by
/// ffmpeg's `idet`, but every fifth top field and every fifth bottom field of it is the one of the frame before; the fields of `t`
/// comb with those of the frames before and after alone, and never with each other.
#[test]
fn the_cadence_of_real_footage_is_found() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/interlaced");
    if !folder.is_dir() {
        return;
    }
    let expected = [
        ("coolitnow-partial.mp4", "telecined", "film"),
        ("PVA_test-partial.mp4", "interlaced", "fields"),
        ("t.mp4", "progressive", "keep"),
        ("SonyXAVC_LongGOP_green_pixelation_early_Frames.mp4", "interlaced", "fields"),
        ("interlaced_crop.mp4", "progressive", "keep"),
    ];
    for (name, cadence, make) in expected {
        let desk = Desk::new();
        let converted = desk.converted(&folder.join(name), crate::support::QUICK);
        assert_eq!(runs(&converted), [(cadence.to_owned(), make.to_owned())], "{name}");
        let times = times(&converted.rendition());
        let frames = upright_fixtures::inspect::frames(folder.join(name), "v").unwrap().len();
        let pictures = match make {
            "fields" => 2 * frames,
            "film" => frames * 4 / 5,
            _ => frames,
        };
        assert!(times.len().abs_diff(pictures) <= 3, "{name}: {} of {frames}", times.len());
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{name}");
    }
}
