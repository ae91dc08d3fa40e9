//! Noise that is taken out, and the grain that decoders put in its place: against a film that is known without, as libdav1d shows it.

use crate::support::{Converted, Desk, encode_segments, ffmpeg, files, upright};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// As large as the source.
const OPTIONS: &[&str] = &["--ladder", "360x640", "--encoder", "libsvtav1", "--speed", "10", "--crop", "center"];
const LUMA: usize = 360 * 640;
const WITHOUT_GRAIN: &[&str] = &["-export_side_data", "film_grain"];

/// A film without loss: shades that turn, through a filter.
fn film(desk: &Desk, name: &str, filter: &str) -> PathBuf {
    let path = desk.path().join(name);
    let shades =
        "gradients=size=360x640:rate=25:c0=0x404850:c1=0xb0a8a0:nb_colors=2:x0=0:y0=0:x1=359:y1=639:speed=0.02";
    let filter = format!("{shades},format=yuv420p,{filter}");
    ffmpeg(&["-f", "lavfi", "-i", &filter, "-frames:v", "24", "-c:v", "ffv1", path.to_str().unwrap()]);
    path
}

/// Luma of all pictures of a file that is read with these options.
fn luma(path: &Path, options: &[&str]) -> Vec<u8> {
    let of = ["-i", path.to_str().unwrap(), "-map", "0:v", "-fps_mode", "passthrough"];
    let raw = ["-pix_fmt", "yuv420p", "-f", "rawvideo", "-"];
    let bytes = ffmpeg(&[options, &of, &raw].concat());
    bytes.chunks(LUMA * 3 / 2).flat_map(|picture| picture[..LUMA].to_vec()).collect()
}

/// By how much one film deviates from another.
fn deviation(one: &[u8], other: &[u8]) -> f64 {
    assert_eq!(one.len(), other.len());
    let squares: f64 = one.iter().zip(other).map(|(one, other)| (f64::from(*one) - f64::from(*other)).powi(2)).sum();
    (squares / one.len() as f64).sqrt()
}

fn denoise(converted: &Converted) -> &Value {
    &converted.report["plan"]["wanted"]["denoise"]
}

fn converted(desk: &Desk, source: &Path, way: &str) -> Converted {
    let output = desk.path().join(way);
    let mut convert = upright("convert");
    let done = convert.arg(source).arg("-o").arg(&output).args(OPTIONS).args(["--denoise", way]).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{said}");
    Converted::read(output.join(source.file_stem().unwrap()), said)
}

#[test]
fn noise_becomes_grain_that_decoders_put_back() {
    let desk = Desk::new();
    let clean = film(&desk, "clean.mov", "null");
    let noisy = film(&desk, "noisy.mov", "noise=c0s=12:c1s=6:c2s=6:allf=t");
    let truth = luma(&clean, &[]);
    let noise = deviation(&truth, &luma(&noisy, &[]));
    let [kept, cleaned] = ["off", "auto"].map(|way| converted(&desk, &noisy, way));
    assert_eq!(*denoise(&kept), Value::Null);
    let found = denoise(&cleaned)["noise"][0].as_f64().unwrap() / 10.0;
    assert!((found / noise - 1.0).abs() < 0.15, "{found} of {noise}");
    let [large, small] = [&kept, &cleaned].map(|converted| std::fs::metadata(converted.rendition()).unwrap().len());
    assert!(small * 10 < large * 7, "{small} of {large}");
    let shown = deviation(&truth, &luma(&cleaned.rendition(), &["-c:v", "libdav1d"]));
    assert!((shown / noise - 1.0).abs() < 0.25, "{shown} of {noise}");
    let coded = deviation(&truth, &luma(&cleaned.rendition(), &[WITHOUT_GRAIN, &["-c:v", "libdav1d"]].concat()));
    assert!(coded < 0.4 * noise, "{coded} of {noise}");

    // A film without noise is not touched.
    let [kept, untouched] = ["off", "auto"].map(|way| converted(&desk, &clean, way));
    assert_eq!(*denoise(&untouched), Value::Null);
    let [kept, untouched] = [kept, untouched].map(|converted| std::fs::read(converted.rendition()).unwrap());
    assert!(kept == untouched);
}

#[test]
fn segments_by_themselves_are_the_film_without_noise() {
    let desk = Desk::new();
    let source = film(&desk, "noisy.mov", "noise=alls=7:allf=t");
    let plan = desk.path().join("plan.json");
    let options = ["--denoise", "40", "--keyframe-interval", "0.3", "--ladder", "180x320", "--speed", "10"];
    let options = options.iter().chain(&["--crop", "center"]);
    let planned = upright("plan").arg(&source).arg("-o").arg(&plan).args(options).output().unwrap();
    assert!(planned.status.success(), "{}", String::from_utf8_lossy(&planned.stderr));
    let document: Value = serde_json::from_slice(&std::fs::read(&plan).unwrap()).unwrap();
    assert!(document["wanted"]["denoise"]["grain"][0].is_object());
    let count = document["wanted"]["segments"]["list"].as_array().unwrap().len();
    assert!(count > 2);
    let store = desk.path().join("store");
    encode_segments(&plan, (0..count).rev(), &store);
    let render = |out: &str, options: &[&str]| {
        let folder = desk.path().join(out);
        let output = upright("render")
            .arg(&plan)
            .arg("-o")
            .arg(&folder)
            .args(["--device", "cpu"])
            .args(options)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        std::fs::read(files(&folder).into_iter().find(|path| path.ends_with("180x320.mp4")).unwrap()).unwrap()
    };
    assert!(render("joined", &["--store", store.to_str().unwrap()]) == render("fresh", &[]));
}
