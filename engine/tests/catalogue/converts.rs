//! Every generated fixture converts to what it should be, or is refused with its reason.

use crate::check::{differences, differences_from_clip};
use crate::job::{Job, names};
use tempfile::tempdir;
use upright_engine::Error;
use upright_fixtures::catalogue::{self, Recipe};
use upright_fixtures::{Clip, Orientation};

/// What is refused, and a word of the reason.
const REFUSED: [(&str, &str); 13] = [
    ("audio-only", "no video"),
    ("cover-art", "no video"),
    ("dolby-vision-5", "Dolby Vision"),
    ("empty", "empty"),
    ("format-change", "pixel format"),
    ("interlaced-h264", "interlaced"),
    ("interlaced-mpeg2", "interlaced"),
    ("playlist-to-file", "playlist"),
    ("playlist-to-network", "playlist"),
    ("size-change", "size"),
    ("text", "not a video"),
    ("too-small", "8x8"),
    ("truncated-mp4-without-index", "cannot be opened"),
];

/// Converts one fixture; gives what is wrong with the outcome.
fn convert(recipe: &Recipe) -> Vec<String> {
    let directory = tempdir().unwrap();
    let fixture = recipe.write(directory.path()).unwrap();
    let out = directory.path().join("out");
    let refusal = REFUSED.iter().find(|(name, _)| *name == recipe.name()).map(|(_, reason)| *reason);
    match (Job::new(&fixture.path, &out).run(), refusal) {
        (Err(Error::BadSource { why, .. }), Some(reason)) if why.contains(reason) => {
            names(&out).into_iter().map(|name| format!("{name} was left behind")).collect()
        }
        (Err(error), refusal) => vec![format!("{error:?}, where {refusal:?} was expected")],
        (Ok(_), Some(reason)) => vec![format!("it was converted, which {reason:?} should have stopped")],
        (Ok(report), None) => match recipe {
            Recipe::Clip(clip) => differences_from_clip(clip, &fixture.path, &out, &report),
            Recipe::Odd(_) => differences(&fixture.path, &out, &report),
        },
    }
}

/// Every eighth fixture, for a test is the unit that runs beside others.
fn convert_every_eighth(first: usize) {
    for recipe in catalogue::all().iter().skip(first).step_by(8) {
        assert_eq!(convert(recipe), [""; 0], "{}", recipe.name());
    }
}

macro_rules! eighths {
    ($($name:ident: $first:literal,)*) => {
        $(#[test]
        fn $name() {
            convert_every_eighth($first);
        })*
    };
}

eighths! {
    first_eighth: 0,
    second_eighth: 1,
    third_eighth: 2,
    fourth_eighth: 3,
    fifth_eighth: 4,
    sixth_eighth: 5,
    seventh_eighth: 6,
    last_eighth: 7,
}

#[test]
fn the_list_of_refusals_names_fixtures() {
    for (name, _) in REFUSED {
        assert!(catalogue::named(name).is_some(), "{name}");
    }
}

/// The comparison itself must notice what it is for.
#[test]
fn another_film_is_noticed() {
    let directory = tempdir().unwrap();
    let convert = |clip: &Clip| {
        let fixture = clip.write(directory.path()).unwrap();
        let out = directory.path().join(&clip.name).join("out");
        let report = Job::new(&fixture.path, &out).run().unwrap();
        (fixture.path, out, report)
    };
    let patches = Clip::new("patches");
    let (other_source, other_out, other_report) = convert(&patches);
    let found = |clip: &Clip| differences_from_clip(clip, &other_source, &other_out, &other_report).join("; ");
    assert_eq!(found(&patches), "");
    for orientation in Orientation::all().into_iter().skip(1) {
        let turned = Clip { orientation, ..patches.clone() };
        assert!(found(&turned).contains("dB"), "{orientation:?}");
    }

    let Some(Recipe::Clip(clip)) = catalogue::named("subject") else { panic!("it is a clip") };
    let (source, out, report) = convert(&clip);
    assert_eq!(differences(&source, &out, &report), [""; 0]);
    let found = differences(&source, &other_out, &other_report).join("; ");
    assert!(found.contains("times"), "{found}");
    let found = differences(&other_source, &out, &report).join("; ");
    assert!(found.contains("times"), "{found}");
    let found = differences(&other_source, &out, &other_report).join("; ");
    for what in ["title", "chapters", "audio tracks"] {
        assert!(found.contains(what), "{what}: {found}");
    }
}
