//! Which texts in the picture are lifted out of it, and where they are.

use crate::analyse::{Analysis, SeenCaption};
use crate::geometry::{Upright, Window};
use crate::plan::{Caption, Layout, Shot, Subtitles};
use crate::time::Time;

/// Width of a strip over that of its text, at least.
const WIDER: f64 = 1.04;
/// Height of a strip in pixels, at least, and that of a text as a part of the picture's, at most.
const LEAST: f64 = 8.0;
const HIGHEST: f64 = 0.4;
/// Times in a caption at which windows are compared with it, besides those of keys.
const TIMES: i64 = 8;

/// Gives a shot the captions that are seen in it and wanted.
pub(super) fn add_captions(shot: &mut Shot, analysis: &Analysis, upright: &Upright, subtitles: Subtitles) {
    if subtitles == Subtitles::Off {
        return;
    }
    let after = shot.end;
    let captions: Vec<_> = analysis
        .captions
        .iter()
        .filter_map(|seen| {
            let at = |ticks| Time::of_ticks(ticks, analysis.time_base);
            let (from, to) = (at(seen.from).max(shot.start), after.map_or(at(seen.to), |end| at(seen.to).min(end)));
            (from < to).then_some((from, to, text(seen, upright)))
        })
        .filter(|&(.., text)| is_text(text, upright))
        .filter(|&(from, to, text)| is_wanted(shot, [from, to], text, subtitles))
        .map(|(from, to, text)| Caption { from, to, strip: strip(shot, text, upright) })
        .collect();
    shot.captions = captions;
}

/// Where the text is, in square pixels.
fn text(seen: &SeenCaption, upright: &Upright) -> Window {
    let [x, y, width, height] = seen.bounds.map(|part| f64::from(part) / 1000.0);
    let (across, down) = (upright.width(), upright.height());
    Window { x: x * across, y: y * down, width: width * across, height: height * down }
}

/// Tells whether a document can mean it: it lies in the picture, and leaves room for it.
fn is_text(text: Window, upright: &Upright) -> bool {
    let whole = Window { x: 0.0, y: 0.0, width: upright.width(), height: upright.height() };
    let fits = text.height <= HIGHEST * whole.height && whole.height >= 4.0 * LEAST && whole.width >= 4.0 * LEAST;
    fits && text.width > 0.0 && text.height > 0.0 && whole.holds(text)
}

fn is_wanted(shot: &Shot, [from, to]: [Time; 2], text: Window, subtitles: Subtitles) -> bool {
    let shows = |time: Time| shot.windows_at(time).any(|window| window.holds(text));
    let millis = |time: Time| time.seconds().as_f64() * 1000.0;
    #[expect(clippy::cast_precision_loss, reason = "times of a film")]
    let between = |step: i64| millis(from) + (millis(to) - millis(from)) * step as f64 / TIMES as f64;
    #[expect(clippy::cast_possible_truncation, reason = "times of a film")]
    let times = (0..=TIMES).map(|step| Time::from(crate::geometry::Rational::new(between(step) as i64, 1000)));
    let keys = shot.track.iter().chain(&shot.lower).map(|key| key.time).filter(|&time| from <= time && time < to);
    let always_shows = times.chain(keys).all(shows);
    match (subtitles, shot.layout) {
        // All of the picture is shown, and so is its text; it would be there twice.
        (_, Layout::Fit) => !always_shows,
        (Subtitles::Keep, _) => true,
        (Subtitles::Auto, _) => !always_shows,
        (Subtitles::Off, _) => false,
    }
}

/// The strip that is lifted: as wide as the window at least, for text is not made larger than it is in the window.
fn strip(shot: &Shot, text: Window, upright: &Upright) -> Window {
    let least = shot.track.iter().map(|key| key.window.width).fold(0.0, f64::max);
    let width = (WIDER * text.width).max(least).max(Caption::LEAST_SHAPE * text.height).min(upright.width());
    let height = text.height.max(LEAST).min(width / Caption::LEAST_SHAPE);
    let around = Window { x: text.x + (text.width - width) / 2.0, width, height, ..text };
    let rounded = |value: f64| (value * 100.0).round() / 100.0;
    let whole = Window { x: 0.0, y: 0.0, width: upright.width(), height: upright.height() };
    let strip = around.moved_within(whole);
    Window { x: rounded(strip.x), y: rounded(strip.y), width: strip.width, height: strip.height }
}
