//! Made-up films, with and without text.

use super::*;
use crate::frame::{Depth, FrameFormat, Subsampling};

const SIZE: [usize; 2] = [480, 270];

/// Below, noise from 60 to 120 that moves, so that no sample stays; above, where a cut is told from, it is still.
fn noise(x: usize, y: usize, time: usize) -> u8 {
    let time = if y < SIZE[1] / 2 { 0 } else { time };
    let mut value = (x / 3 * 7919 + y / 3 * 104_729 + time * 15_485_863) as u32;
    value = (value ^ (value >> 15)).wrapping_mul(0x2c1b_3c6d);
    value = (value ^ (value >> 12)).wrapping_mul(0x297a_2d39);
    60 + ((value >> 16) % 60) as u8
}

/// Letters of so many samples' height: strokes two samples wide, with crossbars, and dark on both sides.
fn letters(x: usize, y: usize, line: [usize; 4], seed: usize) -> Option<u8> {
    let [left, top, width, height] = line;
    if !(left..left + width).contains(&x) || !(top..top + height).contains(&y) {
        return None;
    }
    let (column, row) = (x - left, y - top);
    let (letter, within) = (column / 9, column % 9);
    if letter % 6 == 5 {
        return None;
    }
    let bar = (row * 3 / height + letter + seed).is_multiple_of(4) && row % (height / 3).max(1) < 2 && within < 6;
    let bright = within < 2 || ((4..6).contains(&within) && !(letter + seed).is_multiple_of(3)) || bar;
    Some(if bright { 225 } else { 20 })
}

/// Finds captions in a film of 25 frames a second and so many seconds; `paint` draws over the noise.
fn find(seconds: usize, paint: impl Fn(usize, usize, usize) -> Option<u8>) -> Vec<SeenCaption> {
    let [width, height] = SIZE;
    let format = |width, height| FrameFormat { width, height, subsampling: Subsampling::CS420, depth: Depth::Eight };
    let mut finder = CaptionFinder::new(0.04);
    for time in 0..25 * seconds {
        let sample = |x: usize, y: usize| paint(x, y, time).unwrap_or_else(|| noise(x, y, time));
        let frame = |step: usize| {
            let mut frame = Frame::new(format((width / step) as u32, (height / step) as u32));
            let (luma, stride) = frame.plane_mut::<u8>(0);
            for (y, row) in luma.chunks_mut(stride).enumerate() {
                for (x, value) in row.iter_mut().enumerate().take(width / step) {
                    let all = (0..step * step).map(|at| u32::from(sample(x * step + at % step, y * step + at / step)));
                    *value = (all.sum::<u32>() / (step * step) as u32) as u8;
                }
            }
            frame
        };
        finder.frame(time as i64, &frame(3).into());
        if time % 5 == 0 {
            finder.sample(time as i64, &frame(1));
        }
    }
    finder.finish()
}

const LINE: [usize; 4] = [140, 235, 200, 14];

fn while_(condition: bool, value: Option<u8>) -> Option<u8> {
    value.filter(|_| condition)
}

#[test]
fn text_that_comes_and_goes_is_found_to_the_frame() {
    for (from, to) in [(33, 91), (40, 60), (51, 149)] {
        let found = find(7, |x, y, time| while_((from..to).contains(&time), letters(x, y, LINE, 1)));
        let [SeenCaption { from: first, to: end, bounds: [left, top, width, height] }] = found[..] else {
            panic!("{found:?}")
        };
        assert_eq!((first, end), (from as i64, to as i64));
        let part = |at: usize, of: usize| (1000 * at / of) as i32;
        let [text_left, text_top] = [part(LINE[0], SIZE[0]), part(LINE[1], SIZE[1])];
        let [text_width, text_height] = [part(LINE[2], SIZE[0]), part(LINE[3], SIZE[1])];
        assert!((text_left - 40..=text_left).contains(&left), "{found:?}");
        assert!((text_top - 40..=text_top + 2).contains(&top), "{found:?}");
        assert!(
            (text_width - 10..text_width + 70).contains(&width) && (text_height..text_height + 60).contains(&height)
        );
    }
}

#[test]
fn two_lines_are_one_and_two_texts_are_two() {
    let above = [170, 212, 140, 14];
    let two_lines =
        |x, y, time| while_((30..80).contains(&time), letters(x, y, LINE, 1).or_else(|| letters(x, y, above, 2)));
    let found = find(5, two_lines);
    assert!(matches!(found[..], [SeenCaption { from: 30, to: 80, bounds: [_, top, _, _] }] if top < 790), "{found:?}");
    let found = find(7, |x, y, time| match time {
        25..70 => letters(x, y, LINE, 1),
        70..120 => letters(x, y, [LINE[0] + 20, LINE[1], 160, 14], 3),
        _ => None,
    });
    let spans: Vec<_> = found.iter().map(|caption| (caption.from, caption.to)).collect();
    assert_eq!(spans, [(25, 70), (70, 120)]);
}

#[test]
fn text_that_lasts_over_a_cut_is_one() {
    // After the cut it is brighter above.
    let film = |x: usize, y: usize, time: usize| {
        let text = while_((40..110).contains(&time), letters(x, y, LINE, 1));
        text.or_else(|| (time >= 75 && y < 130).then(|| noise(x, y, time) + 100))
    };
    let found = find(6, film);
    assert!(matches!(found[..], [SeenCaption { from: 40, to: 110, .. }]), "{found:?}");
}

#[test]
fn what_is_no_subtitle_is_not_taken_for_one() {
    let fence = |x: usize, y: usize, _: usize| ((200..260).contains(&y) && x % 12 < 3).then_some(220);
    let logo = |x, y, _| letters(x, y, [400, 240, 60, 12], 1);
    let corner = |x, y, time| while_((30..80).contains(&time), letters(x, y, [360, 235, 110, 14], 1));
    let high = |x, y, time| while_((30..80).contains(&time), letters(x, y, [140, 20, 200, 14], 1));
    let moving = |x, y, time: usize| letters(x, y, [20 + 2 * time, 235, 200, 14], 1);
    let flash = |x, y, time| while_((30..38).contains(&time), letters(x, y, LINE, 1));
    let long = |x, y, time| while_((30..360).contains(&time), letters(x, y, LINE, 1));
    let none = |_, _, _| None;
    type Paint<'a> = &'a dyn Fn(usize, usize, usize) -> Option<u8>;
    let films: [(&str, Paint<'_>, usize); 8] = [
        ("a fence", &fence, 5),
        ("a logo", &logo, 5),
        ("in a corner", &corner, 5),
        ("at the top", &high, 5),
        ("that moves", &moving, 5),
        ("for a moment", &flash, 3),
        ("a title that stays", &long, 16),
        ("nothing", &none, 2),
    ];
    for (name, paint, seconds) in films {
        let found = find(seconds, paint);
        assert_eq!(found, [], "{name}");
    }
}

#[test]
fn text_that_comes_and_goes_with_cuts_is_found_where_it_is_always_on_one_line() {
    // Another brightness above with every shot of a second and a half; below a still texture, here and there.
    let film = |row: fn(usize) -> usize| {
        move |x: usize, y: usize, time: usize| {
            let shot = time / 38;
            let text = letters(x, y, [140 - 5 * shot, row(shot), 200 + 10 * shot, 14], shot);
            text.or_else(|| (y < 130 && shot % 2 == 1).then(|| noise(x, y, time) + 100))
        }
    };
    let found = find(7, film(|_| 235));
    assert!(found.len() >= 3, "{found:?}");
    let found = find(7, film(|shot| 150 + 20 * shot));
    assert_eq!(found, [], "lines of a texture");
}
