//! Subtitles that become part of the pictures: in which frames, where, and what is refused.

use crate::support::{Desk, QUICK, assert_refused, encode_segments, ffmpeg, upright};
use std::fs;
use std::path::{Path, PathBuf};
use upright_fixtures::{Clip, Codec, Ratio, Timing};

/// Renditions whose frames are what they were made of.
const LOSSLESS: &[&str] =
    &["--encoder", "libaom-av1", "--encoder-options", "aom-params=lossless=1", "--ladder", "180x320", "--speed", "10"];
const SIZE: [usize; 2] = [180, 320];

/// A film of 25 frames a second with subtitles.
fn film(desk: &Desk, srt: &str, language: &str) -> PathBuf {
    let timing = Timing::constant(Ratio::new(25, 1), 30);
    let film = desk.write(&Clip { codec: Codec::H264, timing, ..Clip::new("plain") }).path;
    let text = desk.path().join("text.srt");
    fs::write(&text, srt).unwrap();
    let source = desk.path().join("film.mkv");
    let [film, text, source_name] = [&film, &text, &source].map(|path| path.to_str().unwrap());
    let language = format!("language={language}");
    let maps = ["-i", film, "-i", text, "-map", "0:v", "-map", "1", "-c", "copy", "-metadata:s:s:0", &language];
    ffmpeg(&[&maps[..], &[source_name]].concat());
    source
}

/// The luma of every frame.
fn luma(rendition: &Path) -> Vec<Vec<u8>> {
    let bytes = ffmpeg(&["-i", rendition.to_str().unwrap(), "-f", "rawvideo", "-pix_fmt", "gray", "-"]);
    bytes.chunks(SIZE[0] * SIZE[1]).map(<[u8]>::to_vec).collect()
}

#[test]
fn text_is_in_the_frames_of_its_cue_and_nowhere_else() {
    let desk = Desk::new();
    // From the sixth frame on, at 0.2 s exactly, up to the one at 0.48 s; and one at the top from the frame at 0.8 s.
    let srt = "1\n00:00:00,200 --> 00:00:00,517\nTwo lines of text,\nof the film's own\n\n\
               2\n00:00:00,790 --> 00:00:00,960\n{\\an8}above\n";
    let film = film(&desk, srt, "eng");
    let plain = desk.converted(&film, LOSSLESS).rendition();
    let plain = luma(&plain);
    let with = |options: &[&str]| {
        let desk = Desk::new();
        luma(&desk.converted(&film, &[LOSSLESS, options].concat()).rendition())
    };
    let burnt = with(&["--burn-in", "1"]);
    assert_eq!((plain.len(), burnt.len()), (30, 30));
    let [width, height] = SIZE;
    for (number, (plain, burnt)) in plain.iter().zip(&burnt).enumerate() {
        let differing: Vec<_> = (0..plain.len()).filter(|&at| plain[at] != burnt[at]).collect();
        let rows = match number {
            5..=12 => 0.55..0.77,
            20..=23 => 0.12..0.3,
            _ => 0.0..0.0,
        };
        assert_eq!(differing.is_empty(), rows.is_empty(), "frame {number}");
        for at in &differing {
            let (x, y) = ((at % width) as f64 / width as f64, (at / width) as f64 / height as f64);
            // Outline and shadow are around the letters.
            assert!((0.12..0.88).contains(&x) && rows.contains(&y), "frame {number}: {x} {y}");
        }
        let white = differing.iter().filter(|at| burnt[**at] > 170).count();
        let black = differing.iter().filter(|at| burnt[**at] < 70).count();
        assert!(differing.is_empty() || (white > 20 && black > 50), "frame {number}: {white} {black}");
    }
    assert!(with(&["--burn-in", "en", "--font", "DejaVu Sans"]) != burnt, "another font");
}

#[test]
fn a_plan_holds_the_text_and_segments_obey_it() {
    let desk = Desk::new();
    let film = film(&desk, "1\n00:00:00,200 --> 00:00:00,900\n<i>Hello</i>\n", "eng");
    let plan = desk.path().join("film.json");
    let planned = |options: &[&str]| {
        let mut command = upright("plan");
        command.arg(&film).args(["--crop", "center", "--overwrite", "-o"]).arg(&plan);
        command.args(QUICK).args(options).output().unwrap()
    };
    let output = planned(&["--burn-in", "eng"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(&plan).unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let burn_in = &document["wanted"]["burn_in"];
    assert_eq!((&burn_in["track"], &burn_in["language"]), (&"1".into(), &"eng".into()));
    assert_eq!(burn_in["cues"][0]["lines"][0], "<i>Hello</i>");
    assert_eq!((&burn_in["cues"][0]["start"], &burn_in["cues"][0]["end"]), (&"1/5".into(), &"9/10".into()));
    assert_eq!(burn_in["fonts"][0]["italic"], true);
    // A word that is mended in the plan is another film.
    let store = desk.path().join("store");
    encode_segments(&plan, [0], &store);
    let objects = || crate::support::files(&store).len();
    let before = objects();
    encode_segments(&plan, [0], &store);
    assert_eq!(objects(), before);
    fs::write(&plan, text.replace("Hello", "Hullo")).unwrap();
    encode_segments(&plan, [0], &store);
    assert!(objects() > before);
    fs::write(&plan, text.replace("Hello", "\u{105c0}")).unwrap();
    let mut render = upright("render");
    render.arg(&plan).args(["--device", "cpu", "-o"]).arg(desk.out());
    assert_refused(&render.output().unwrap(), 65, &["\u{105c0}", "0.200 s", "glyph"]);
}

#[test]
fn what_cannot_be_burnt_in_is_refused_before_anything_is_done() {
    let desk = Desk::new();
    let film = film(&desk, "1\n00:00:00,200 --> 00:00:00,900\nA \u{105c0} B\n", "eng");
    let refused = |options: &[&str], code, words: &[&str]| {
        assert_refused(&desk.convert(&film, &[QUICK, options].concat()).output().unwrap(), code, words);
    };
    refused(&["--burn-in", "1"], 65, &["film.mkv", "track 1", "\u{105c0}", "U+105C0", "0.200 s", "--font"]);
    refused(&["--burn-in", "2"], 2, &["subtitle track 2 is not there", "1 (subrip, eng)"]);
    refused(&["--burn-in", "fr"], 2, &["in fra", "1 (subrip, eng)"]);
    refused(&["--burn-in", "cc1"], 2, &["CC1", "none"]);
    refused(&["--burn-in", "1", "--font", "No Such Family"], 2, &["No Such Family", "installed family"]);
    refused(&["--burn-in", "1", "--font", "no/such.ttf"], 74, &["no/such.ttf", "cannot read the font"]);
    assert!(desk.leftovers().is_empty());
}
