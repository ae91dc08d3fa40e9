//! Text of many scripts, against HarfBuzz and within its part of the picture. The fonts are those of Debian's fonts-noto-core and
//! fonts-noto-cjk.

use super::face::{self, Face, Faces};
use super::look::{BOTTOM, SIDE, TOP, WHOLE};
use super::markup;
use super::overlays::BurnedText;
use super::screens::place;
use super::shape::{Shaper, is_rtl};
use super::*;
use crate::captions::{CueText, Settings, TimedText};
use crate::error::Error;
use crate::frame::{Depth, FrameFormat, Subsampling};
use std::process::Command;

fn cue(start: i64, text: &str) -> TimedText {
    let settings = Settings { top: text.starts_with('^').then_some(100), left: false };
    let text = text.trim_start_matches('^').to_owned();
    let [from, until] = [start, start + 1000].map(|time| time * 1_000_000);
    TimedText { from, until, cue: CueText { text, settings }, own: None }
}

fn decided(cues: &[TimedText], language: &str) -> Result<Option<BurnIn>, Error> {
    let track = TextTrack { film: "film.mkv", track: "2", language: Some(language), cues };
    decide(&track, None)
}

/// The faces that a text is drawn with.
fn faces(burn_in: &BurnIn) -> Faces {
    let open = |told: &BurnInFont| Face::open(face::read(&told.file).unwrap().0, told).unwrap();
    Faces(burn_in.fonts.iter().map(open).collect())
}

/// Numbers and advances of the glyphs that HarfBuzz makes of a text, in units of the font.
fn harfbuzz(font: &BurnInFont, text: &str, language: &str) -> Vec<(u32, i32)> {
    let mut shape = Command::new("hb-shape");
    shape.args(["--no-glyph-names", "--no-clusters", "--font-size=upem"]);
    shape.arg(format!("--face-index={}", font.index)).arg(format!("--language={language}")).arg(&font.file).arg(text);
    let output = shape.output().expect("hb-shape, of Debian's libharfbuzz-bin");
    let printed = String::from_utf8(output.stdout).unwrap();
    let glyphs = printed.trim().trim_matches(['[', ']']).split('|');
    // 36@-5,20+1290: where it is moved to does not matter here.
    let glyph = |glyph: &str| {
        let (id, advance) = glyph.split_once('+').unwrap_or((glyph, "0"));
        (id.split('@').next().unwrap().parse().unwrap(), advance.parse().unwrap())
    };
    glyphs.map(glyph).collect()
}

#[test]
fn scripts_are_shaped_as_harfbuzz_shapes_them() {
    for (text, language) in [
        ("لا أعرف السلام عليكم", "ar"),
        ("ทำไมปู่ไม่รู้น้ำ", "th"),
        ("क्षत्रिय विद्यालय में संस्कृत की", "hi"),
        ("今天晚上，去看电影", "zh"),
        ("Affinity fluffy Ångström", "en"),
    ] {
        let burn_in = decided(&[cue(0, text)], language).unwrap().unwrap();
        let faces = faces(&burn_in);
        assert_eq!(faces.0.len(), 1, "{text}: {:?}", burn_in.fonts);
        let line = markup::read(text).remove(0);
        let shaped = Shaper::new(&faces, Some(language)).shape(&line, is_rtl(&line)).unwrap();
        let expected = harfbuzz(&burn_in.fonts[0], text, language);
        let ids: Vec<_> = shaped.glyphs.iter().map(|glyph| glyph.id).collect();
        assert_eq!(ids, expected.iter().map(|(id, _)| *id).collect::<Vec<_>>(), "{text}");
        let em = f32::from(faces.0[0].font.units_per_em());
        let width = expected.iter().map(|(_, advance)| *advance).sum::<i32>() as f32 / em;
        assert!((shaped.width - width).abs() < 0.01, "{text}: {} {width}", shaped.width);
    }
}

#[test]
fn text_of_two_directions_stands_in_the_order_of_its_readers() {
    let text = "رقم 12 في York";
    let burn_in = decided(&[cue(0, text)], "ar").unwrap().unwrap();
    let faces = faces(&burn_in);
    let shaped = Shaper::new(&faces, None).shape(&markup::read(text).remove(0), true).unwrap();
    let latin = |letter: char| {
        let face = faces.of(&letter.to_string(), markup::Look::default(), None).unwrap();
        (face, faces.0[face].font.charmap().map_unicode(letter).unwrap().to_u32())
    };
    // From left to right: the English word, and far behind it the number, whose digits keep their order.
    let place = |letter| {
        let (face, id) = latin(letter);
        shaped.glyphs.iter().position(|glyph| glyph.id == id && glyph.face == face).unwrap()
    };
    assert_eq!([place('Y'), place('o'), place('r'), place('k')], [0, 1, 2, 3]);
    assert!(shaped.glyphs.len() > 8 && shaped.width > 4.0);
}

#[test]
fn a_character_that_no_font_has_is_named_with_its_place() {
    // A letter of Todhri, which came to Unicode in 2024.
    let error = decided(&[cue(0, "a"), cue(83_400, "so \u{105c0}!")], "eng").unwrap_err();
    let text = error.to_string();
    for words in ["film.mkv", "track 2", "\u{105c0}", "U+105C0", "83.400 s", "fonts-noto"] {
        assert!(text.contains(words), "{words} in {text}");
    }
    assert!(matches!(error, Error::BurnIn { .. }));
    let unknown = FontChoice::Family("No Such Family".to_owned());
    let track = TextTrack { film: "f", track: "1", language: None, cues: &[cue(0, "a")] };
    assert!(matches!(decide(&track, Some(&unknown)), Err(Error::InvalidOption { .. })));
}

#[test]
fn long_text_is_broken_and_stays_within_its_part_of_the_picture() {
    let long = "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a wife.";
    let cues = [
        cue(0, long),
        cue(2000, "^<i>She said it</i> at the top, and then once more at the top, for good measure"),
        cue(4000, "لم تخبرني بذلك أبداً، ورقم هاتفي هو 0123456 في مدينة نيويورك الكبيرة، أليس كذلك؟"),
        cue(6000, "เธอไม่เคยบอกฉันเลยสักครั้งว่าพรุ่งนี้เขาจะไปที่ไหนกับใครและเมื่อไรกันแน่"),
        cue(8000, "你从来没有告诉过我这件事，我今天晚上才从邻居那里听说的，真是太过分了。"),
        cue(10_000, "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"),
        cue(12_000, "- Who?\n- <b>You</b>."),
        cue(14_000, &format!("{long} {long}")),
    ];
    let burn_in = decided(&cues, "eng").unwrap().unwrap();
    let lines: Vec<_> = burn_in.cues.iter().map(|cue| cue.lines.len()).collect();
    assert!(lines[..7].iter().all(|lines| (1..=4).contains(lines)), "{:?}", burn_in.cues);
    assert_eq!(burn_in.cues[6].lines, ["- Who?", "- <b>You</b>."]);
    assert!(burn_in.cues[1].top && burn_in.cues[1].lines[0].starts_with("<i>"));
    assert!(burn_in.fonts.iter().any(|font| font.bold) && burn_in.fonts.iter().any(|font| font.italic));
    let placed = place(&burn_in.cues, 9.0 / 16.0, &[]).unwrap();
    let text = BurnedText::new(burn_in.fonts, Some("eng"), placed);
    for (width, height) in [(1080, 1920), (360, 640)] {
        let format = FrameFormat { width, height, subsampling: Subsampling::CS420, depth: Depth::Eight };
        for number in 0..cues.len() as u32 {
            let drawing = text.draw(number, format).unwrap().unwrap();
            let shown = |at: &usize| drawing.letters[*at] > 32;
            let columns = drawing.part.width as usize;
            let places = (0..drawing.letters.len()).filter(shown).map(|at| (at % columns, at / columns));
            let mut count = 0;
            for (x, y) in places {
                let (x, y) = ((drawing.part.left as usize + x) as f32, (drawing.part.top as usize + y) as f32);
                let (width, height) = (width as f32, height as f32);
                // Strokes may stick out of a letter's own room by a few hundredths of an em.
                let slack = width / 400.0;
                let rows = [TOP, BOTTOM].map(|row| row as f32 / WHOLE as f32 * height);
                assert!(x >= SIDE * width - slack && x <= (1.0 - SIDE) * width + slack, "cue {number}: column {x}");
                assert!(y >= rows[0] - slack && y <= rows[1] + slack, "cue {number}: row {y}");
                count += 1;
            }
            assert!(count > 100, "cue {number}");
        }
    }
}

#[test]
fn fonts_that_changed_since_are_refused() {
    let burn_in = decided(&[cue(0, "a")], "eng").unwrap().unwrap();
    let placed = |cues: &[BurnInCue]| place(cues, 9.0 / 16.0, &[]).unwrap();
    let format = FrameFormat { width: 90, height: 160, subsampling: Subsampling::CS420, depth: Depth::Eight };
    let mut fonts = burn_in.fonts.clone();
    // Another place of the same file is enough.
    fonts[0].file = "elsewhere.ttf".into();
    assert!(BurnedText::new(fonts.clone(), None, placed(&burn_in.cues)).draw(0, format).is_ok());
    fonts[0].sha256 = crate::fingerprint::Sha256Hex::of(b"another");
    let error = BurnedText::new(fonts, None, placed(&burn_in.cues)).draw(0, format).unwrap_err();
    assert!(error.to_string().contains("install the same fonts"), "{error}");
    let line = "a line that somebody has written by hand, and that is far too long for a picture of this shape";
    let cues = [BurnInCue { lines: vec![line.to_owned()], ..burn_in.cues[0].clone() }];
    let error = BurnedText::new(burn_in.fonts, None, placed(&cues)).draw(0, format).unwrap_err();
    assert!(error.to_string().contains("too long"), "{error}");
}
