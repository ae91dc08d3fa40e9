//! One test for every ready-made clip of another pixel format, by the real program: `shows::NAME`.
//!
//! `cargo test --workspace --test catalogue format-nv` runs those of some.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

#[expect(dead_code, reason = "other tests use the rest")]
#[path = "../end_to_end/look.rs"]
mod look;
#[path = "../end_to_end/rendition.rs"]
mod rendition;
#[expect(dead_code, reason = "other tests use the rest")]
#[path = "../end_to_end/support.rs"]
mod support;

use libtest_mimic::{Arguments, Trial};
use look::{SIZE, assert_right, convert, window, wrong_samples};
use std::path::Path;
use std::process::ExitCode;
use support::Desk;
use upright_fixtures::catalogue::{self, Recipe};
use upright_fixtures::{ChromaLocation, Clip, Model, Picture, PixelFormat, View, inspect};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let clips = catalogue::all().into_iter().filter_map(|recipe| match recipe {
        Recipe::Clip(clip) if clip.name.starts_with("format-") => Some(clip),
        _ => None,
    });
    let trials: Vec<_> = clips
        .map(|clip| {
            Trial::test(format!("shows::{}", clip.name), move || {
                check_format(&clip);
                Ok(())
            })
        })
        .collect();
    assert!(trials.len() > 30, "the catalogue has such formats");
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Converts a clip, and checks that the codes that were drawn come out as they are.
fn check_format(clip: &Clip) {
    let desk = Desk::new();
    let rendition = convert(&desk, clip, &[]).rendition();
    let probe = inspect::probe(&rendition).unwrap();
    let video = probe.video().unwrap();
    let deep = clip.format.bits > 8;
    assert_eq!(video.pix_fmt.as_deref(), Some(if deep { "yuv420p10le" } else { "yuv420p" }));
    let full = clip.colour.full_range.unwrap_or(clip.format.model == Model::Grey);
    assert_eq!(video.color_range.as_deref(), Some(if full { "pc" } else { "tv" }));
    if clip.format.model == Model::Rgb {
        assert_rgb_right(clip, &rendition, video.color_space.as_deref());
    } else {
        assert_right(clip, 0.5, &rendition);
    }
}

/// The codes in `picture`, which holds red, green and blue at 8 bits, as Y, Cb and Cr of limited range by the
/// coefficients of red and blue (ITU-R BT.601, BT.709).
fn limited_yuv(picture: &Picture, (red, blue): (f64, f64)) -> Picture {
    let mut converted = picture.clone();
    for index in 0..picture.planes[0].samples.len() {
        let [r, g, b] = [0, 1, 2].map(|plane| f64::from(picture.planes[plane].samples[index]) / 255.0);
        let luma = red * r + (1.0 - red - blue) * g + blue * b;
        let codes =
            [16.0 + 219.0 * luma, 128.0 + 112.0 * (b - luma) / (1.0 - blue), 128.0 + 112.0 * (r - luma) / (1.0 - red)];
        for (plane, code) in codes.into_iter().enumerate() {
            converted.planes[plane].samples[index] = code.round() as u16;
        }
    }
    converted
}

fn assert_rgb_right(clip: &Clip, rendition: &Path, matrix: Option<&str>) {
    let coefficients = match matrix {
        Some("bt709") => (0.2126, 0.0722),
        Some("smpte170m" | "bt470bg") => (0.299, 0.114),
        other => panic!("{}: matrix {other:?}", clip.name),
    };
    let view =
        View { window: window(clip, 0.5), size: SIZE, format: PixelFormat::YUV444P, chroma: ChromaLocation::Left };
    let expected = limited_yuv(&clip.seen(0, &view), coefficients);
    let found = inspect::decode(rendition, PixelFormat::YUV444P).unwrap().remove(0);
    for plane in 0..3 {
        let share = wrong_samples(&expected.planes[plane], &found.planes[plane], (10, 10), 4).unwrap();
        if share >= 0.01 {
            let look = inspect::write_mismatch(env!("CARGO_TARGET_TMPDIR"), &clip.name, &expected, &found, 8).unwrap();
            panic!("{share} of plane {plane} is wrong; {look}");
        }
    }
}
