//! Looking at a rendition: does it show the right part of a clip, upright, in the right shape, with the right values?

use crate::rendition::{Source, check};
use crate::support::{Converted, Desk};
use std::path::Path;
use upright_fixtures::inspect;
use upright_fixtures::{ChromaLocation, Clip, Picture, PixelFormat, Plane, Ratio, Timing, View};

/// A few frames are enough to see a picture.
pub(crate) fn short() -> Timing {
    Timing::constant(Ratio::new(25, 1), 3)
}

/// Large enough for patches to have an inside.
pub(crate) const SIZE: (u32, u32) = (360, 640);
/// Options for a rendition of that size with little loss.
pub(crate) const GOOD: &[&str] = &["--ladder", "360x640", "--speed", "10", "--quality", "100"];

/// The window that a rendition should show: the largest 9:16 one, its centre at this fraction of the width.
pub(crate) fn window(clip: &Clip, centre: f64) -> [f64; 4] {
    let (width, height) = clip.seen_size();
    let (w, h) = (width.min(height * 9.0 / 16.0), height.min(width * 16.0 / 9.0));
    [(centre * width - w / 2.0).clamp(0.0, width - w), (height - h) / 2.0, w, h]
}

/// The format that renditions of a clip's depth have.
fn rendition_format(clip: &Clip) -> PixelFormat {
    if clip.format.bits > 8 { PixelFormat::YUV420P10 } else { PixelFormat::YUV420P }
}

/// What the rendition of a clip should look like.
pub(crate) fn expected(clip: &Clip, window: [f64; 4]) -> Picture {
    let format = rendition_format(clip);
    clip.seen(0, &View { window, size: SIZE, format, chroma: ChromaLocation::Left })
}

/// The part of the samples of `found` that are off by more than `tolerance`, of those whose surroundings in `expected`,
/// so many columns and rows to each side, are flat; an error when there are too few of them.
pub(crate) fn wrong_samples(expected: &Plane, found: &Plane, reach: (u32, u32), tolerance: u16) -> Result<f64, String> {
    assert_eq!((expected.width, expected.height), (found.width, found.height));
    let (mut flat, mut wrong) = (0, 0);
    for y in reach.1..expected.height - reach.1 {
        for x in reach.0..expected.width - reach.0 {
            let value = expected.at(x, y);
            let (columns, rows) = ([x - reach.0, x + reach.0], [y - reach.1, y + reach.1]);
            // Patches are larger than the surroundings: equal corners mean equal insides.
            if columns.iter().all(|&x| rows.iter().all(|&y| expected.at(x, y) == value)) {
                flat += 1;
                wrong += u32::from(found.at(x, y).abs_diff(value) > tolerance);
            }
        }
    }
    if flat < 1000 {
        return Err(format!("only {flat} samples are in flat surroundings"));
    }
    Ok(f64::from(wrong) / f64::from(flat))
}

/// How far in a plane of the rendition a sample of the source still matters, in columns and rows: two lobes of Lanczos.
/// What the third adds is within the tolerance.
fn reach(clip: &Clip, window: [f64; 4], plane: usize) -> (u32, u32) {
    let lobes = |enlarged: f64, source: u32, subsampled: u32| {
        let finer = if plane == 0 { 1.0 } else { f64::from(source) / f64::from(subsampled) };
        (2.0 * enlarged.max(1.0) * finer).ceil() as u32
    };
    let (wide, high) = clip.seen_size();
    let stored = if clip.orientation.transpose { (clip.size.1, clip.size.0) } else { clip.size };
    let subsampling = clip.format.subsampling;
    let (x, y) = if clip.orientation.transpose { (subsampling.1, subsampling.0) } else { subsampling };
    let columns = window[2] * f64::from(stored.0) / wide;
    let rows = window[3] * f64::from(stored.1) / high;
    (lobes(f64::from(SIZE.0) / columns, x, 2), lobes(f64::from(SIZE.1) / rows, y, 2))
}

/// How many of a rendition's samples are not what they should be, plane by plane.
pub(crate) fn mistakes(clip: &Clip, window: [f64; 4], rendition: &Path) -> [f64; 3] {
    let expected = expected(clip, window);
    let format = rendition_format(clip);
    let found = inspect::decode(rendition, format).unwrap().remove(0);
    let codes = 1 << (format.bits - 8);
    [0, 1, 2].map(|plane| {
        let reach = reach(clip, window, plane);
        wrong_samples(&expected.planes[plane], &found.planes[plane], reach, 3 * codes).unwrap()
    })
}

/// Writes what a rendition should look like and what it does as PNG, and says where.
fn keep_pictures(clip: &Clip, window: [f64; 4], rendition: &Path) -> String {
    let format = rendition_format(clip);
    let found = inspect::decode(rendition, format).unwrap().remove(0);
    let folder = env!("CARGO_TARGET_TMPDIR");
    inspect::write_mismatch(folder, &clip.name, &expected(clip, window), &found, format.bits).unwrap()
}

/// Checks that a rendition of size [`SIZE`] shows the clip's window with its centre at this fraction of the width.
pub(crate) fn assert_right(clip: &Clip, centre: f64, rendition: &Path) {
    let window = window(clip, centre);
    let share = mistakes(clip, window, rendition);
    if share.iter().any(|&share| share >= 0.01) {
        let look = keep_pictures(clip, window, rendition);
        panic!("{}: {share:?} of the samples are wrong; {look}", clip.name);
    }
}

/// Converts a clip to a rendition of size [`SIZE`] with little loss, and checks what every rendition must be.
pub(crate) fn convert(desk: &Desk, clip: &Clip, options: &[&str]) -> Converted {
    let fixture = desk.write(clip);
    let converted = desk.converted(&fixture.path, &[GOOD, options].concat());
    check(&converted, &Source::look(&fixture.path));
    converted
}
